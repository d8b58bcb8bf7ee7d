/* producer_work.h: what the reading and the sending half of the producer share, and the one way into the rejects. */
#ifndef RELAY_PRODUCER_WORK_H
#define RELAY_PRODUCER_WORK_H

#include "bytes.h"
#include "incident_rules.h"
#include "producer_counts.h"
#include "publish_ledger.h"
#include "record_store.h"
#include "rejects_file.h"
#include "status.h"

#include <stdbool.h>

/* All borrowed. */
struct producer_work {
    const char *input; /* as given */
    struct publish_ledger *ledger;
    struct record_store *store; /* a slot for each place of the ledger */
    struct rejects_file *rejects;
    struct producer_counts *counts;
    bool stops_at_reject;                /* nothing is read behind a line that was rejected */
    struct publish_position last_reject; /* line 0: none yet */
    char last_rule[RULE_NAME_MAX];
};

/* What the rejects file wants to know; it borrows from `work` and `violation`. */
struct reject producer_work_reject(const struct producer_work *work, struct publish_position start,
                                   const struct rule_violation *violation);

/* A reject has been written: counts and notes it. */
void producer_work_rejected(struct producer_work *work, struct publish_position start, const char *rule);

/* Writes the reject of a line that is at hand, and counts it.
 * Errors: STATUS_IO with the reason. */
WARN_UNUSED enum status producer_work_reject_line(struct producer_work *work, struct publish_position start,
                                                  struct bytes_view line, const struct rule_violation *violation,
                                                  struct error *ret_error);

#endif
