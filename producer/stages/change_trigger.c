#include "change_trigger.h"

enum change_effect change_trigger_decide(struct json_comparer *comparer, const struct incident_change *change)
{
    const struct incident *before = &change->before;
    const struct incident *after = &change->after;
    if (!change->has_after) {
        return CHANGE_IS_DELETION;
    }
    if (!change->has_before) {
        return CHANGE_FIRES_CREATE;
    }
    if (before->status != after->status || before->severity != after->severity ||
        !json_comparer_equal(comparer, before->resolution_notes, after->resolution_notes)) {
        return CHANGE_FIRES_UPDATED;
    }
    return CHANGE_IS_NO_MATTER;
}
