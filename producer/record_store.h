/* record_store.h: the bytes of the events on their way: the record, to send it again, and the line that it came from,
 * to reject it. One slot for each place of the ledger. */
#ifndef RELAY_RECORD_STORE_H
#define RELAY_RECORD_STORE_H

#include "bytes.h"
#include "record_encode.h"

#include <stdint.h>

struct record_store;

struct record_store *record_store_create(uint32_t slot_count);
void record_store_destroy(struct record_store *store); /* NULL is fine */

/* How many bytes keeping these takes. */
int64_t record_store_size(const struct outgoing_record *record, struct bytes_view line);

/* Keeps copies under `place`, whose slot (place modulo slot_count) is empty. */
void record_store_put(struct record_store *store, uint64_t place, const struct outgoing_record *record,
                      struct bytes_view line);

/* What was put; until it is dropped. */
const struct outgoing_record *record_store_record(const struct record_store *store, uint64_t place);
struct bytes_view record_store_line(const struct record_store *store, uint64_t place);

/* Notes why the broker refuses it, and gives the note back; 0 before. */
void record_store_set_error(struct record_store *store, uint64_t place, int error);
int record_store_error(const struct record_store *store, uint64_t place);

void record_store_drop(struct record_store *store, uint64_t place);

#endif
