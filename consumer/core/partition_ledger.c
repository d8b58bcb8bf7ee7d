#include "partition_ledger.h"

#include "check.h"

#include <stddef.h>

void partition_ledger_init(struct partition_ledger *ledger, int64_t next_offset)
{
    *ledger = (struct partition_ledger){.next_offset = next_offset, .committed = next_offset};
    TAILQ_INIT(&ledger->entries);
}

void partition_ledger_append(struct partition_ledger *ledger, struct ledger_entry *entry, int64_t offset, uint32_t owed)
{
    CHECK(offset >= ledger->next_offset && offset < INT64_MAX);
    entry->offset = offset;
    entry->owed = owed;
    TAILQ_INSERT_TAIL(&ledger->entries, entry, link);
    ledger->count++;
    ledger->next_offset = offset + 1;
}

bool partition_ledger_settle_one(struct ledger_entry *entry)
{
    CHECK(entry->owed > 0);
    entry->owed--;
    return entry->owed == 0;
}

static struct ledger_entry *take_first(struct partition_ledger *ledger, struct ledger_entry *first)
{
    CHECK(ledger->count > 0);
    TAILQ_REMOVE(&ledger->entries, first, link);
    ledger->count--;
    return first;
}

struct ledger_entry *partition_ledger_take_settled(struct partition_ledger *ledger)
{
    struct ledger_entry *first = TAILQ_FIRST(&ledger->entries);
    return first == NULL || first->owed > 0 ? NULL : take_first(ledger, first);
}

struct ledger_entry *partition_ledger_drop(struct partition_ledger *ledger)
{
    struct ledger_entry *first = TAILQ_FIRST(&ledger->entries);
    if (first == NULL) {
        return NULL;
    }
    /* The frontier stands still while later entries go: it is kept as the next offset of an empty ledger. */
    struct ledger_entry *last = TAILQ_LAST(&ledger->entries, ledger_entries);
    ledger->next_offset = partition_ledger_frontier(ledger);
    return take_first(ledger, last);
}

int64_t partition_ledger_frontier(const struct partition_ledger *ledger)
{
    const struct ledger_entry *first = TAILQ_FIRST(&ledger->entries);
    return first == NULL ? ledger->next_offset : first->offset;
}

bool partition_ledger_may_commit(const struct partition_ledger *ledger)
{
    return !ledger->is_commit_outstanding && partition_ledger_frontier(ledger) > ledger->committed;
}

int64_t partition_ledger_begin_commit(struct partition_ledger *ledger)
{
    CHECK(partition_ledger_may_commit(ledger));
    ledger->is_commit_outstanding = true;
    ledger->asked = partition_ledger_frontier(ledger);
    return ledger->asked;
}

void partition_ledger_end_commit(struct partition_ledger *ledger, int64_t offset, bool ok)
{
    CHECK(ledger->is_commit_outstanding && ledger->asked == offset);
    ledger->is_commit_outstanding = false;
    if (ok) {
        CHECK(offset > ledger->committed);
        ledger->committed = offset;
    }
}
