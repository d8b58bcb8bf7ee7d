/* The door, with each input as a line: an event, a change, and the beginning of a longer line. */
#include "check.h"
#include "event_id.h"
#include "event_properties.h"
#include "fuzz_allocation.h"
#include "fuzz_input.h"
#include "incident_door.h"
#include "incident_json.h"
#include "json_scan.h"
#include "trace_parent.h"

#include <jansson.h>
#include <string.h>

/* What jansson takes as an object is no fault of syntax or of UTF-8 (it knows no limits of ours). */
static void check_with_jansson(struct bytes_view line, const struct rule_violation *violation)
{
    if (strcmp(violation->rule, "json.syntax") != 0 && strcmp(violation->rule, "json.utf8") != 0) {
        return;
    }
    json_t *value = json_loadb((const char *)line.data, line.size, JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, NULL);
    CHECK(!json_is_object(value));
    json_decref(value);
}

static void check_blank(struct bytes_view line)
{
    for (size_t i = 0; i < line.size; i++) {
        CHECK(line.data[i] == ' ' || line.data[i] == '\t' || line.data[i] == '\r' || line.data[i] == '\n');
    }
}

static enum door_answer read_event(struct incident_door *door, struct bytes_view line)
{
    struct incident_event event;
    struct rule_violation violation;
    enum door_answer answer;

    fuzz_allocation_start();
    answer = incident_door_read(door, line, false, &event, &violation);
    fuzz_allocation_check(line.size);
    if (answer == DOOR_ACCEPTED) {
        event_properties_check(&event);
    } else if (answer == DOOR_REJECTED) {
        event_properties_check_violation(&violation);
        check_with_jansson(line, &violation);
    } else {
        check_blank(line);
    }
    return answer;
}

static void read_prefix(struct incident_door *door, struct bytes_view line)
{
    struct incident_event event;
    struct rule_violation violation;

    CHECK(incident_door_read(door, line, true, &event, &violation) == DOOR_REJECTED);
    event_properties_check_violation(&violation);
}

static void check_change(const struct incident_change *change)
{
    struct bytes before = {0};
    char id[EVENT_ID_MAX + 1];

    CHECK(change->has_before || change->has_after);
    CHECK(change->id.size == 0 || event_id_is_valid(change->id));
    CHECK(change->trace_parent.size == 0 || trace_parent_is_valid(change->trace_parent));
    if (change->has_before) {
        incident_json_render_before(&change->before, &before);
        CHECK(json_scan_is_utf8(bytes_as_view(&before)));
    }
    if (change->has_after) {
        struct incident_event event = {.type = EVENT_TYPE_UPDATED, .incident = change->after, .version = 1};
        event_properties_check(&event);
        event_id_derive_change(&event, change->has_before ? &change->before : NULL, id);
        CHECK(event_id_is_valid(bytes_view_of_text(id)));
    }
    if (change->has_before && change->has_after) {
        CHECK(change->before.id == change->after.id && change->before.tenant_id == change->after.tenant_id);
    }
    bytes_free(&before);
}

static void read_change(struct incident_door *door, struct bytes_view line)
{
    struct incident_change change;
    struct rule_violation violation;
    enum door_answer answer;

    fuzz_allocation_start();
    answer = incident_door_read_change(door, line, false, &change, &violation);
    fuzz_allocation_check(line.size);
    if (answer == DOOR_ACCEPTED) {
        check_change(&change);
    } else if (answer == DOOR_REJECTED) {
        event_properties_check_violation(&violation);
        check_with_jansson(line, &violation);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct incident_door *event_door;
    static struct incident_door *change_door;
    struct bytes_view line = bytes_view_of(data, size);

    if (event_door == NULL) {
        event_door = incident_door_create();
        change_door = incident_door_create();
    }
    read_event(event_door, line);
    read_change(change_door, line);
    if (size > 0) {
        read_prefix(event_door, line);
    }
    return 0;
}
