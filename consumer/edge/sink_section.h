/* sink_section.h: the part of a subscription that says where its events go: http, kafka or file.
 *
 * Readers for a table of document_reader.h; `target` is the struct subscription. Where there is not exactly one sink
 * they read nothing: that mistake is said once, for the subscription. */
#ifndef RELAY_SINK_SECTION_H
#define RELAY_SINK_SECTION_H

#include "document_reader.h"

void sink_section_read_http(struct document_reader *reader, const struct document_place *place,
                            const struct yaml_node *node, void *target);
void sink_section_read_kafka(struct document_reader *reader, const struct document_place *place,
                             const struct yaml_node *node, void *target);
void sink_section_read_file(struct document_reader *reader, const struct document_place *place,
                            const struct yaml_node *node, void *target);

#endif
