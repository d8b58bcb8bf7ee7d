#include "check.h"
#include "explanation.h"
#include "incident_avro.h"
#include "incident_door.h"
#include "memory.h"
#include "offline_input.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum { TENANT = 2055, NOW_S = 1770115590 };

static char url[] = "https://crm.example/hooks";
static char post[] = "POST";
static char put[] = "PUT";
static char ids[6][8] = {"all", "off", "create", "where", "other", "put"};

/* The fixture: an event of tenant 2055, `updated`; read by the door. */
struct world {
    struct bytes line;
    struct incident_door *door;
    struct incident_event event;
    struct subscription items[64];
    struct subscription_set set;
    struct explainer *explainer;
    struct bytes text;
};

static struct subscription subscription_of(char *id, int64_t tenant)
{
    return (struct subscription){.id = id,
                                 .tenant = tenant,
                                 .enabled = true,
                                 .events_mask = 1U << EVENT_TYPE_CREATE | 1U << EVENT_TYPE_UPDATED,
                                 .payload_version = 1,
                                 .http = {.url = url, .method = post, .is_unsigned = true}};
}

static struct world *world_create(void)
{
    struct world *world = memory_alloc(1, sizeof(*world));
    struct rule_violation violation;
    struct error error;

    assert_int_equal(offline_input_read(FIXTURES "/incident-updated.json", &world->line, &error), STATUS_OK);
    while (world->line.data[world->line.size - 1] == '\n') {
        world->line.size--;
    }
    world->door = incident_door_create();
    assert_int_equal(incident_door_read(world->door, bytes_as_view(&world->line), false, &world->event, &violation),
                     DOOR_ACCEPTED);
    assert_int_equal(world->event.incident.tenant_id, TENANT);
    world->set.items = world->items;
    return world;
}

static void start(struct world *world, size_t count, const char *only)
{
    world->set.count = count;
    world->explainer = explainer_create(
        &(struct explainer_settings){.set = &world->set, .only = only, .dead_letters = "dead", .now_s = NOW_S});
}

static const char *text_of(struct world *world)
{
    bytes_append_byte(&world->text, '\0');
    return (const char *)world->text.data;
}

static void world_destroy(struct world *world)
{
    explainer_destroy(world->explainer);
    incident_door_destroy(world->door);
    bytes_free(&world->line);
    bytes_free(&world->text);
    free(world);
}

static void each_reason_is_said(void **state)
{
    struct world *world = world_create();
    const char *text;

    (void)state;
    world->event.incident.status = INCIDENT_STATUS_RESOLVED;
    world->event.incident.severity = SEVERITY_LOW;
    world->items[0] = subscription_of(ids[1], TENANT);
    world->items[0].enabled = false;
    world->items[0].where_severity_mask = 1U << SEVERITY_HIGH | 1U << SEVERITY_MEDIUM;
    world->items[1] = subscription_of(ids[2], TENANT);
    world->items[1].events_mask = 1U << EVENT_TYPE_CREATE;
    world->items[2] = subscription_of(ids[3], TENANT);
    world->items[2].where_status_mask = 1U << INCIDENT_STATUS_TRIGGERED;
    world->items[3] = subscription_of(ids[4], TENANT + 1);
    world->items[3].enabled = false;
    start(world, 4, NULL);
    assert_true(explainer_explain_event(world->explainer, &world->event, &world->text));
    text = text_of(world);
    assert_non_null(strstr(text, "incident.instance.updated, incident "));
    assert_non_null(strstr(text, ", tenant 2055, RESOLVED, LOW\n"));
    assert_string_equal(
        strstr(text, "  off "),
        "  off                      does not: it is disabled; where.severity is [MEDIUM, HIGH], the event's is LOW\n"
        "  create                   does not: events is [incident.instance.create], the event's is "
        "incident.instance.updated\n"
        "  where                    does not: where.status is [TRIGGERED], the event's is RESOLVED\n"
        "  other                    does not: it is of tenant 2056\n"
        "  nobody gets it\n");
    world_destroy(world);
}

static void the_request_is_exact(void **state)
{
    struct world *world = world_create();
    static char name[] = "x-team";
    static char value[] = "proctoring";
    struct http_header header = {name, value};
    const char *text;
    struct bytes wanted = {0};

    (void)state;
    world->items[0] = subscription_of(ids[0], TENANT);
    world->items[1] = subscription_of(ids[5], TENANT);
    world->items[1].http.method = put;
    world->items[1].http.headers = &header;
    world->items[1].http.header_count = 1;
    start(world, 2, NULL);
    assert_true(explainer_explain_event(world->explainer, &world->event, &world->text));
    text = text_of(world);
    bytes_append_text(&wanted, "\nx-team: proctoring\n\n");
    bytes_append_view(&wanted, bytes_as_view(&world->line));
    bytes_append_text(&wanted, "\n");
    bytes_append_byte(&wanted, '\0');
    assert_non_null(strstr(text, "  all                      gets it\n  put                      gets it\n\nto all:\n"
                                 "POST https://crm.example/hooks\ncontent-type: application/json\n"
                                 "user-agent: incident-relay/" RELAY_VERSION "\nwebhook-id: "));
    assert_non_null(strstr(text, "\nwebhook-timestamp: 1770115590\n\n{\"event_type\":"));
    assert_non_null(strstr(text, "\nto put:\nPUT https://crm.example/hooks\n"));
    /* The body at the very end, byte for byte the line that went in. */
    assert_string_equal(strstr(text, "\nx-team"), (const char *)wanted.data);
    bytes_free(&wanted);
    world_destroy(world);
}

static void a_missing_sent_at_is_now(void **state)
{
    struct world *world = world_create();

    (void)state;
    world->event.has_sent_at = false;
    world->event.sent_at_us = 0;
    world->items[0] = subscription_of(ids[0], TENANT);
    start(world, 1, NULL);
    assert_true(explainer_explain_event(world->explainer, &world->event, &world->text));
    assert_non_null(strstr(text_of(world), "\"sent_at\":\"2026-02-03T10:46:30.000Z\"}}\n"));
    world_destroy(world);
}

static void one_subscription_may_be_picked(void **state)
{
    struct world *world = world_create();
    const char *text;

    (void)state;
    world->items[0] = subscription_of(ids[0], TENANT);
    world->items[1] = subscription_of(ids[5], TENANT);
    start(world, 2, ids[5]);
    assert_true(explainer_explain_event(world->explainer, &world->event, &world->text));
    text = text_of(world);
    assert_null(strstr(text, "  all "));
    assert_null(strstr(text, "to all:"));
    assert_non_null(strstr(text, "to put:"));
    world_destroy(world);
}

static void other_sinks_get_no_request(void **state)
{
    struct world *world = world_create();
    static char topic[] = "incident.copies";
    static char path[] = "/var/log/incidents.ndjson";
    struct bytes wanted = {0};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        world->items[i] = (struct subscription){.id = ids[i],
                                                .tenant = TENANT,
                                                .enabled = true,
                                                .events_mask = 1U << EVENT_TYPE_UPDATED,
                                                .sink = i < 2 ? SINK_KAFKA : SINK_FILE};
    }
    world->items[0].kafka = (struct kafka_target){topic, KAFKA_FORMAT_AVRO};
    world->items[1].kafka = (struct kafka_target){topic, KAFKA_FORMAT_JSON};
    world->items[2].file = (struct file_target){.path = path};
    start(world, 3, NULL);
    assert_true(explainer_explain_event(world->explainer, &world->event, &world->text));
    bytes_append_format(&wanted,
                        "to off:\na record to the topic incident.copies, with the key 2055, the headers but for ce_id "
                        "(the id above) and\ncontent-type: application/json\n\n%.*s\n"
                        "\nto create:\na line at the end of /var/log/incidents.ndjson\n\n%.*s\n",
                        BYTES_PRINTF(world->line), BYTES_PRINTF(world->line));
    bytes_append_byte(&wanted, '\0');
    assert_string_equal(strstr(text_of(world), "to off:"), (const char *)wanted.data);
    assert_non_null(strstr((const char *)world->text.data,
                           "\nto all:\na record to the topic incident.copies, with the key 2055, the value ("));
    bytes_free(&wanted);
    world_destroy(world);
}

static void of_other_tenants_only_some_are_named(void **state)
{
    struct world *world = world_create();
    static char names[64][8];
    const char *text;
    size_t named = 0;

    (void)state;
    for (size_t i = 0; i < 64; i++) {
        snprintf(names[i], sizeof(names[i]), "s%zu", i);
        world->items[i] = subscription_of(names[i], TENANT + 1 + (int64_t)i);
    }
    start(world, 64, NULL);
    assert_true(explainer_explain_event(world->explainer, &world->event, &world->text));
    text = text_of(world);
    for (const char *at = text; (at = strstr(at, "does not:")) != NULL; at++) {
        named++;
    }
    assert_int_equal(named, EXPLANATION_OTHERS_MAX);
    assert_non_null(strstr(text, "\n  and 44 more of other tenants do not\n  nobody gets it\n"));
    world_destroy(world);
}

static void what_cannot_be_read_is_said(void **state)
{
    static const uint8_t confluent[] = {0, 0, 0, 0, 7, 1};
    struct world *world = world_create();
    struct incident_encoder *encoder = incident_encoder_create();
    struct bytes value = {0};
    struct record_in record = {.key = BYTES_LITERAL("2055"), .value = BYTES_LITERAL("{}")};

    (void)state;
    world->items[0] = subscription_of(ids[0], TENANT);
    start(world, 1, NULL);
    incident_encoder_encode(encoder, &world->event, &value);

    assert_false(explainer_explain_record(world->explainer, &record, &world->text));
    assert_string_equal(text_of(world),
                        "a value of 2 bytes, the key 2055\n  nobody gets it: it cannot be read; it is a dead letter\n"
                        "  in dead, with dl_reason undecodable.framing\n");
    bytes_clear(&world->text);
    record.value = bytes_as_view(&value);
    record.key = BYTES_LITERAL("20\n55");
    assert_false(explainer_explain_record(world->explainer, &record, &world->text));
    assert_non_null(strstr(text_of(world), " bytes, a key of 5 bytes\n"));
    assert_non_null(strstr((const char *)world->text.data, "with dl_reason key.mismatch\n"));

    bytes_clear(&world->text);
    record.value = bytes_view_of(confluent, sizeof(confluent));
    record.key_is_null = true;
    assert_false(explainer_explain_record(world->explainer, &record, &world->text));
    assert_non_null(
        strstr(text_of(world), "a value of 6 bytes, no key\n  nobody gets it: its schema (registry id 7) "));
    assert_non_null(strstr((const char *)world->text.data, "with dl_reason schema.unknown\n"));

    bytes_clear(&world->text);
    record.value_is_null = true;
    assert_true(explainer_explain_record(world->explainer, &record, &world->text));
    assert_string_equal(text_of(world), "no value\n  nobody gets it: it is counted and skipped\n");
    bytes_free(&value);
    incident_encoder_destroy(encoder);
    world_destroy(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_reason_is_said),         cmocka_unit_test(the_request_is_exact),
        cmocka_unit_test(a_missing_sent_at_is_now),    cmocka_unit_test(one_subscription_may_be_picked),
        cmocka_unit_test(other_sinks_get_no_request),  cmocka_unit_test(of_other_tenants_only_some_are_named),
        cmocka_unit_test(what_cannot_be_read_is_said),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
