/* change_trigger.h: which changes of a row are events (the trigger rules).
 *
 * A new row is a create. A row whose status, severity or resolution_notes differ is an update, however many of them
 * differ; the notes are compared as JSON values. Everything else fires nothing: a deletion, and a change of other
 * columns only. */
#ifndef RELAY_CHANGE_TRIGGER_H
#define RELAY_CHANGE_TRIGGER_H

#include "incident_change.h"
#include "json_value.h"

enum change_effect {
    CHANGE_FIRES_CREATE,
    CHANGE_FIRES_UPDATED,
    CHANGE_IS_DELETION,  /* fires nothing */
    CHANGE_IS_NO_MATTER, /* fires nothing */
};

enum change_effect change_trigger_decide(struct json_comparer *comparer, const struct incident_change *change);

#endif
