#include "intake.h"

#include "check.h"
#include "json_scan.h"
#include "memory.h"

#include <stdlib.h>

struct intake {
    struct incident_door *door;
};

struct intake *intake_create(void)
{
    struct intake *intake = memory_alloc(1, sizeof(*intake));
    intake->door = incident_door_create();
    return intake;
}

void intake_destroy(struct intake *intake)
{
    if (intake != NULL) {
        incident_door_destroy(intake->door);
        free(intake);
    }
}

enum intake_answer intake_read_event(struct intake *intake, struct bytes_view line, bool is_prefix, int64_t now_ms,
                                     struct intake_result *ret_result)
{
    struct incident_event *event = &ret_result->event;
    switch (incident_door_read(intake->door, line, is_prefix, event, &ret_result->violation)) {
    case DOOR_BLANK:
        return INTAKE_BLANK;
    case DOOR_REJECTED:
        return INTAKE_REJECT;
    case DOOR_ACCEPTED:
        break;
    }
    CHECK(!is_prefix);
    event->has_sent_at = true;
    event->sent_at_us = now_ms * 1000;
    event_id_derive(event, ret_result->id);
    ret_result->is_end_time_missing = incident_event_end_time_expected(event);
    return INTAKE_EVENT;
}

bool intake_is_text(struct bytes_view line)
{
    return json_scan_is_utf8(line);
}
