/* expected_deliveries.h: what must arrive where, worked out from the events and the subscribers alone.
 *
 * A delivery is a subscriber and a body up to its sent_at, byte for byte. */
#ifndef RELAY_EXPECTED_DELIVERIES_H
#define RELAY_EXPECTED_DELIVERIES_H

#include "subscriber_list.h"

struct expected_deliveries;

enum { EXPECTED_DELIVERIES_MAX = 1000000 };

/* Reads `path`, one event a line in the shape of a delivery's body, and takes down each delivery that a subscriber
 * of `list` ordered. `list` must outlive the answer. Free with expected_deliveries_destroy (NULL is fine).
 * Errors: STATUS_NOT_FOUND when the file cannot be read; STATUS_INVALID names the line. */
WARN_UNUSED enum status expected_deliveries_load(const char *path, const struct subscriber_list *list,
                                                 struct expected_deliveries **ret_expected, struct error *ret_error);
void expected_deliveries_destroy(struct expected_deliveries *expected);

/* True once for each expected delivery: when it arrives for the first time. `stable` is the body before sent_at. */
bool expected_deliveries_take(struct expected_deliveries *expected, const struct subscriber *subscriber,
                              struct bytes_view stable);

size_t expected_deliveries_count(const struct expected_deliveries *expected);
size_t expected_deliveries_missing(const struct expected_deliveries *expected);

/* The next delivery still missing after *position (start with 0); false when there is no more. Views are valid
 * until destroyed. */
bool expected_deliveries_next_missing(const struct expected_deliveries *expected, size_t *position,
                                      const struct subscriber **ret_subscriber, size_t *ret_line);

#endif
