/* producer_counts.h: what the producer has done, for its last line and for /metrics. */
#ifndef RELAY_PRODUCER_COUNTS_H
#define RELAY_PRODUCER_COUNTS_H

#include "intake.h"
#include "metrics.h"
#include "publish_ledger.h"

#include <stdbool.h>
#include <stdint.h>

struct producer_counts; /* one thread counts; the registry may be read by another */

/* The registry must outlive it. */
struct producer_counts *producer_counts_create(struct metrics *metrics);
void producer_counts_destroy(struct producer_counts *counts); /* NULL is fine */

/* Each is one line of the input, or what became of it. */
void producer_counts_read(struct producer_counts *counts);
void producer_counts_blank(struct producer_counts *counts);
void producer_counts_published(struct producer_counts *counts);
void producer_counts_rejected(struct producer_counts *counts, const char *rule);
void producer_counts_fired_nothing(struct producer_counts *counts, const char *reason); /* a change that is no event */
void producer_counts_warned(struct producer_counts *counts, enum intake_warning warning); /* beside the others */

/* What is on its way now. */
void producer_counts_in_flight(struct producer_counts *counts, const struct publish_counts *in_flight, bool is_held);

int64_t producer_counts_rejects(const struct producer_counts *counts);

/* The last line. `message` is static; `start` is where reading began. */
void producer_counts_log(const struct producer_counts *counts, const char *message, struct publish_position start,
                         int64_t duration_ms);

/* A line for somebody who looks on, unless nothing has come or gone since the last. `size`: of the input, -1 when not
 * known. */
void producer_counts_progress(struct producer_counts *counts, int64_t offset, int64_t size);

#endif
