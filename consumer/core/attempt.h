/* attempt.h: starts attempts and takes their answers. */
#ifndef RELAY_ATTEMPT_H
#define RELAY_ATTEMPT_H

#include "core_parts.h"

/* Starts whatever may start: lanes by turns, each in log order. */
void attempt_start_all(struct delivery_core *core);

/* Answers EVENT_ATTEMPT_FINISHED. */
void attempt_on_finished(struct delivery_core *core, const struct delivery_event *event);

/* Ends the attempt that is in the air, counting for nothing. The delivery is READY. */
void attempt_cut(struct delivery_core *core, struct delivery *delivery);

#endif
