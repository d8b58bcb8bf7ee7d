/* kafka_properties.h: the `kafka:` map of the settings, and which properties of librdkafka are not the user's. */
#ifndef RELAY_KAFKA_PROPERTIES_H
#define RELAY_KAFKA_PROPERTIES_H

#include "status.h"

#include <librdkafka/rdkafka.h>
#include <stddef.h>

struct kafka_property {
    char *name;
    char *value;
    char *place; /* `FILE:LINE:COLUMN: kafka.NAME` or `--set kafka.NAME`, for errors */
};

/* In the order in which they are set. Names occur once. */
struct kafka_properties {
    struct kafka_property *items;
    size_t count;
};

/* The value, aliases not followed; NULL when it is not there. */
const char *kafka_properties_get(const struct kafka_properties *properties, const char *name);

/* Adds copies at the end; what stood there under that name goes. */
void kafka_properties_put(struct kafka_properties *properties, const char *name, const char *value, const char *place);

void kafka_properties_free(struct kafka_properties *properties); /* back to zeroed */

/* Why a user may not set this property, to this value (aliases are known); NULL: he may. A static string. */
const char *kafka_properties_refusal(const char *name, const char *value);

/* Sets one on a conf. Errors: STATUS_INVALID with librdkafka's reason, without place or name. */
WARN_UNUSED enum status kafka_properties_apply(rd_kafka_conf_t *conf, const char *name, const char *value,
                                               struct error *ret_error);

/* May a user of our settings say this? Also asks librdkafka whether it knows the name and takes the value.
 * Errors: STATUS_INVALID with the reason; the name need not be in the text. */
WARN_UNUSED enum status kafka_properties_check(const char *name, const char *value, struct error *ret_error);

#endif
