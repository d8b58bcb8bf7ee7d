#include "intake.h"

#include "change_trigger.h"
#include "check.h"
#include "json_scan.h"
#include "memory.h"

#include <stdlib.h>
#include <string.h>

struct intake {
    enum intake_format format;
    struct incident_door *door;
    struct json_comparer *comparer;
};

struct intake *intake_create(enum intake_format format)
{
    struct intake *intake = memory_alloc(1, sizeof(*intake));
    intake->format = format;
    intake->door = incident_door_create();
    intake->comparer = json_comparer_create();
    return intake;
}

void intake_destroy(struct intake *intake)
{
    if (intake != NULL) {
        incident_door_destroy(intake->door);
        json_comparer_destroy(intake->comparer);
        free(intake);
    }
}

/* What every event gets, wherever it came from. */
static enum intake_answer finish_event(struct intake_result *result, int64_t now_ms)
{
    struct incident_event *event = &result->event;
    event->has_sent_at = true;
    event->sent_at_us = now_ms * 1000;
    if (incident_event_end_time_expected(event)) {
        result->warnings |= 1U << INTAKE_WARNING_END_TIME;
    }
    return INTAKE_EVENT;
}

static enum intake_answer take_change(struct intake *intake, const struct incident_change *change, int64_t now_ms,
                                      struct intake_result *ret_result)
{
    struct incident_event *event = &ret_result->event;
    *event = (struct incident_event){.incident = change->after, .version = INCIDENT_VERSION};
    ret_result->trace_parent = change->trace_parent;
    ret_result->warnings = (change->is_id_invalid ? 1U << INTAKE_WARNING_ID : 0) |
                           (change->is_trace_parent_invalid ? 1U << INTAKE_WARNING_TRACE_PARENT : 0);
    switch (change_trigger_decide(intake->comparer, change)) {
    case CHANGE_IS_DELETION:
        return INTAKE_DELETION;
    case CHANGE_IS_NO_MATTER:
        return INTAKE_NO_MATTER;
    case CHANGE_FIRES_CREATE:
        event->type = EVENT_TYPE_CREATE;
        break;
    case CHANGE_FIRES_UPDATED:
        event->type = EVENT_TYPE_UPDATED;
        break;
    }
    if (change->id.size > 0) {
        CHECK(change->id.size <= EVENT_ID_MAX);
        memcpy(ret_result->id, change->id.data, change->id.size);
        ret_result->id[change->id.size] = '\0';
    } else {
        event_id_derive_change(event, change->has_before ? &change->before : NULL, ret_result->id);
    }
    return finish_event(ret_result, now_ms);
}

enum intake_answer intake_read(struct intake *intake, struct bytes_view line, bool is_prefix, int64_t now_ms,
                               struct intake_result *ret_result)
{
    struct rule_violation *violation = &ret_result->violation;
    struct incident_change change;
    enum door_answer answer;
    ret_result->trace_parent = bytes_view_of(NULL, 0);
    ret_result->warnings = 0;
    if (intake->format == INTAKE_FORMAT_EVENT) {
        answer = incident_door_read(intake->door, line, is_prefix, &ret_result->event, violation);
    } else {
        answer = incident_door_read_change(intake->door, line, is_prefix, &change, violation);
    }
    if (answer != DOOR_ACCEPTED) {
        return answer == DOOR_BLANK ? INTAKE_BLANK : INTAKE_REJECT;
    }
    CHECK(!is_prefix);
    if (intake->format == INTAKE_FORMAT_CHANGE) {
        return take_change(intake, &change, now_ms, ret_result);
    }
    event_id_derive(&ret_result->event, ret_result->id);
    return finish_event(ret_result, now_ms);
}

const char *intake_warning_rule(enum intake_warning warning)
{
    static const char *const rules[INTAKE_WARNING_COUNT] = {"end_time.expected", "id.invalid", "traceparent.invalid"};
    CHECK((unsigned)warning < INTAKE_WARNING_COUNT);
    return rules[warning];
}

bool intake_is_text(struct bytes_view line)
{
    return json_scan_is_utf8(line);
}
