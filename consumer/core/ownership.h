/* ownership.h: partitions come, commit and go; what holds one is said. */
#ifndef RELAY_OWNERSHIP_H
#define RELAY_OWNERSHIP_H

#include "core_parts.h"

void ownership_on_assigned(struct delivery_core *core, const struct delivery_event *event);
void ownership_on_revoked(struct delivery_core *core, const struct delivery_event *event);
void ownership_on_commit_finished(struct delivery_core *core, const struct delivery_event *event);

/* Looks at every touched partition: commits what is due, sets its timer, finishes a revoke, says what holds it. */
void ownership_refresh_touched(struct delivery_core *core);

/* Something has changed that bears on every assigned partition: its share, the numbers of subscriptions. */
void ownership_touch_all(struct delivery_core *core);

/* From now on the partition commits at once and only once more. */
void ownership_close(struct delivery_core *core, struct partition *partition);

/* A closing partition has nothing left to commit. */
bool ownership_is_closed(const struct partition *partition);

#endif
