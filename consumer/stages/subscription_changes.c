#include "subscription_changes.h"

#include "check.h"
#include "memory.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* An entry of the new set, for the search by id. */
struct entry {
    const char *id;
    uint32_t index;
};

static int compare_entries(const void *a, const void *b)
{
    return strcmp(((const struct entry *)a)->id, ((const struct entry *)b)->id);
}

static struct entry *sort_by_id(const struct subscription_set *set)
{
    struct entry *entries = memory_alloc(set->count, sizeof(*entries));
    for (size_t i = 0; i < set->count; i++) {
        entries[i] = (struct entry){.id = set->items[i].id, .index = (uint32_t)i};
    }
    qsort(entries, set->count, sizeof(*entries), compare_entries);
    return entries;
}

enum status subscription_changes_find(const struct subscription_set *old_set, const struct subscription_set *new_set,
                                      struct subscription_changes *ret_changes, struct error *ret_error)
{
    CHECK(old_set->count < SUBSCRIPTION_REMOVED && new_set->count < SUBSCRIPTION_REMOVED);
    *ret_changes = (struct subscription_changes){
        .new_index = memory_alloc(old_set->count, sizeof(uint32_t)),
        .is_changed = memory_alloc(new_set->count, sizeof(bool)),
    };
    struct entry *entries = sort_by_id(new_set);
    enum status status = STATUS_OK;
    for (size_t i = 0; i < old_set->count && status == STATUS_OK; i++) {
        const struct subscription *before = &old_set->items[i];
        const struct entry key = {.id = before->id};
        const struct entry *found = bsearch(&key, entries, new_set->count, sizeof(*entries), compare_entries);
        ret_changes->new_index[i] = found == NULL ? SUBSCRIPTION_REMOVED : found->index;
        if (found == NULL) {
            ret_changes->removed++;
            continue;
        }
        const struct subscription *after = &new_set->items[found->index];
        if (after->tenant != before->tenant) {
            status = error_set(ret_error, STATUS_INVALID,
                               "subscription %s: its tenant was %" PRId64 " and is %" PRId64
                               " now; a subscription keeps its tenant: give the new one another id",
                               before->id, before->tenant, after->tenant);
        }
        bool is_changed = subscription_hash(after) != subscription_hash(before);
        ret_changes->is_changed[found->index] = is_changed;
        ret_changes->changed += is_changed;
        ret_changes->unchanged += !is_changed;
    }
    ret_changes->added = (uint32_t)new_set->count - ret_changes->changed - ret_changes->unchanged;
    free(entries);
    return status;
}

void subscription_changes_free(struct subscription_changes *changes)
{
    free(changes->new_index);
    free(changes->is_changed);
    *changes = (struct subscription_changes){0};
}
