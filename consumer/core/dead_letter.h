/* dead_letter.h: the way of a delivery that is given up: written, acknowledged, and only then settled. */
#ifndef RELAY_DEAD_LETTER_H
#define RELAY_DEAD_LETTER_H

#include "core_parts.h"

enum { DEAD_LETTER_WAIT_FIRST_MS = 1000, DEAD_LETTER_WAIT_MAX_MS = 30000 };

/* Gives the delivery up for this reason: asks for the write, or puts it off while draining. */
void dead_letter_begin(struct delivery_core *core, struct delivery *delivery, enum dead_letter_reason reason);

/* Asks for the write, again or after a wait. */
void dead_letter_write(struct delivery_core *core, struct delivery *delivery);

/* Answers EVENT_DEAD_LETTER_WRITTEN. */
void dead_letter_on_written(struct delivery_core *core, const struct delivery_event *event);

/* Waits for no answer any more; one that comes is late. */
void dead_letter_cut(struct delivery_core *core, struct delivery *delivery);

#endif
