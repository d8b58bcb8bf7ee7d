/* subscription_changes.h: what a reload changes.
 *
 * Compares the set in force with the one that is to take its place, by id. Pure. */
#ifndef RELAY_SUBSCRIPTION_CHANGES_H
#define RELAY_SUBSCRIPTION_CHANGES_H

#include "status.h"
#include "subscription.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SUBSCRIPTION_REMOVED UINT32_MAX

struct subscription_changes {
    uint32_t *new_index; /* by old index: where it stands in the new set, or SUBSCRIPTION_REMOVED */
    bool *is_changed;    /* by new index: it was there before, with another meaning */
    uint32_t added;
    uint32_t changed;
    uint32_t removed;
    uint32_t unchanged;
};

/* Fills *ret_changes; free it with subscription_changes_free, after an error too.
 * Errors: STATUS_INVALID when an id has another tenant than before, which is refused: what it owes is the first
 * tenant's. The text names the id. */
WARN_UNUSED enum status subscription_changes_find(const struct subscription_set *old_set,
                                                  const struct subscription_set *new_set,
                                                  struct subscription_changes *ret_changes, struct error *ret_error);
void subscription_changes_free(struct subscription_changes *changes); /* back to zeroed */

#endif
