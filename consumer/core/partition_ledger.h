/* partition_ledger.h: which offsets of a partition are settled, and up to where that may be committed.
 *
 * Entries stand in offset order. The frontier is the lowest offset that is not settled; with nothing in hand it is the
 * next offset of the log, so holes (compaction, transaction markers) are passed without a word. A commit never passes
 * the frontier, never goes back, and only one is outstanding at a time. */
#ifndef RELAY_PARTITION_LEDGER_H
#define RELAY_PARTITION_LEDGER_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/queue.h>

/* One record in hand; a member of the caller's struct. */
struct ledger_entry {
    int64_t offset;
    uint32_t owed; /* deliveries that are not settled */
    TAILQ_ENTRY(ledger_entry) link;
};

TAILQ_HEAD(ledger_entries, ledger_entry);

struct partition_ledger {
    struct ledger_entries entries;
    uint32_t count;
    int64_t next_offset; /* after the last entry appended */
    int64_t committed;   /* acknowledged */
    int64_t asked;       /* the outstanding commit; only with is_commit_outstanding */
    bool is_commit_outstanding;
};

/* Starts at `next_offset`, which is committed. */
void partition_ledger_init(struct partition_ledger *ledger, int64_t next_offset);

/* `offset` is not below next_offset. The entry is lent until partition_ledger_take_settled gives it back. */
void partition_ledger_append(struct partition_ledger *ledger, struct ledger_entry *entry, int64_t offset,
                             uint32_t owed);

/* One of the entry's deliveries is settled; true when it was the last one. */
bool partition_ledger_settle_one(struct ledger_entry *entry);

/* Takes the first entry off if the frontier passes it; NULL otherwise. */
struct ledger_entry *partition_ledger_take_settled(struct partition_ledger *ledger);

/* Takes the last entry off whatever it owes, without moving the frontier: what is dropped will be read again by the
 * next owner, so nothing may be appended afterwards. NULL when there is none. */
struct ledger_entry *partition_ledger_drop(struct partition_ledger *ledger);

int64_t partition_ledger_frontier(const struct partition_ledger *ledger);

/* The frontier is ahead of what is committed, and no commit is outstanding. */
bool partition_ledger_may_commit(const struct partition_ledger *ledger);

/* Notes a commit of the frontier as outstanding and returns the offset; only when it may. */
int64_t partition_ledger_begin_commit(struct partition_ledger *ledger);

/* Takes the answer to the outstanding commit of `offset`. */
void partition_ledger_end_commit(struct partition_ledger *ledger, int64_t offset, bool ok);

#endif
