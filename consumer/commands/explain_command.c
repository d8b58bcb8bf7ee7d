#include "explain_command.h"

#include "bytes.h"
#include "check.h"
#include "command_frame.h"
#include "explanation.h"
#include "incident_door.h"
#include "kafka_record.h"
#include "kafka_topic.h"
#include "offline_input.h"
#include "record_fetch.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FETCH_TIMEOUT_MS = 10000 };

static const char name[] = "explain";

static const char help[] =
    "incident-consumer explain shows who gets an event, why the others do not, and each request to the byte: method,\n"
    "URL, headers in their order, signature, body. It sends nothing and calls no subscriber.\n"
    "\n"
    "Usage:\n"
    "  incident-consumer explain FILE [--at T] [--subscription ID] [--config FILE] [--set KEY=VALUE]...\n"
    "  incident-consumer explain TOPIC:PARTITION:OFFSET [the same options]\n"
    "\n"
    "FILE has events as the producer takes them, one JSON object a line; `-` is standard input. Each is explained as\n"
    "if it were published as it stands (publishing puts another meta.sent_at in; one that is missing is T). With a\n"
    "place on the log that one record is read, by no member of the group, and nothing is committed; it may be one "
    "that\n"
    "cannot be read, or a dead letter. A file whose name looks like a place is written ./NAME.\n"
    "\n"
    "The connection adds its own header fields (host, accept, content-length).\n"
    "\n"
    "Options:\n"
    "      --at T              the time of the attempt, which is signed: Unix seconds or RFC 3339; without it now\n"
    "      --subscription ID   speak of this subscription only\n"
    "  -c, --config FILE       the consumer's settings: subscriptions.file, topics.dead_letters, kafka\n"
    "  -s, --set KEY=VALUE     one setting over the file's\n"
    "\n"
    "The output has the event's narrative, and header values that came from env: or file:.\n"
    "\n"
    "Exit status: 0 fine, 64 usage, 65 an event or record cannot be read (why is printed), 66 no such file or place,\n"
    "69 the broker does not answer, 78 bad settings or subscriptions.\n"
    "\n"
    "Try:\n"
    "  incident-consumer explain --config consumer.yaml event.json --at 1770112682\n"
    "  incident-consumer explain --config consumer.yaml incident.events:3:1207\n";

/* TOPIC:PARTITION:OFFSET; `text` is cut at the first of the two last colons when it is one. */
static bool read_place(char *text, struct record_place *ret_place)
{
    char *offset = strrchr(text, ':');
    char *partition = NULL;
    int64_t number = 0;
    if (offset != NULL && offset > text) {
        partition = memrchr(text, ':', (size_t)(offset - text));
    }
    if (partition == NULL || partition == text || memchr(text, '/', (size_t)(partition - text)) != NULL) {
        return false;
    }
    struct bytes_view digits = bytes_view_of(partition + 1, (size_t)(offset - partition) - 1);
    if (bytes_view_to_int64(digits, &number) != STATUS_OK || number < 0 || number > INT32_MAX ||
        bytes_view_to_int64(bytes_view_of_text(offset + 1), &ret_place->offset) != STATUS_OK || ret_place->offset < 0) {
        return false;
    }
    *partition = '\0';
    if (kafka_topic_check_name(text, NULL) != STATUS_OK) {
        return false;
    }
    ret_place->topic = text;
    ret_place->partition = (int32_t)number;
    return true;
}

static void print(const struct bytes *text)
{
    fwrite(text->data, 1, text->size, stdout);
}

static enum exit_status explain_place(struct explainer *explainer, const struct consumer_settings *settings,
                                      const struct record_place *place)
{
    struct kafka_record_headers headers = {0};
    struct fetched_record fetched;
    struct bytes text = {0};
    struct error error;
    int64_t timeout_ms = settings->startup_timeout_ms < 0 || settings->startup_timeout_ms > INT32_MAX
                             ? FETCH_TIMEOUT_MS
                             : settings->startup_timeout_ms;
    enum status status = record_fetch(&settings->kafka, settings->group, place, (int)timeout_ms, &fetched, &error);
    if (status != STATUS_OK) {
        return command_frame_fail(name,
                                  status == STATUS_NOT_FOUND ? EXIT_STATUS_NO_INPUT
                                  : status == STATUS_INVALID ? EXIT_STATUS_SETTINGS
                                                             : EXIT_STATUS_UNAVAILABLE,
                                  "%s", error.text);
    }
    struct record_in record = kafka_record_view(fetched.message, &headers);
    bytes_append_format(&text, "%s:%" PRId32 ":%" PRId64 ": ", place->topic, place->partition, place->offset);
    bool is_readable = explainer_explain_record(explainer, &record, &text);
    print(&text);
    bytes_free(&text);
    kafka_record_headers_free(&headers);
    record_fetch_free(&fetched);
    return is_readable ? EXIT_STATUS_OK : EXIT_STATUS_BAD_DATA;
}

/* A change of a row, right or wrong: a line whose keys the door for changes knows and the one for events does not. */
static bool is_change(struct incident_door *door, struct bytes_view line, const struct rule_violation *as_event)
{
    static const char unknown[] = "key.unknown";
    struct incident_change change;
    struct rule_violation as_change;
    if (strcmp(as_event->rule, unknown) != 0) {
        return false;
    }
    return incident_door_read_change(door, line, false, &change, &as_change) == DOOR_ACCEPTED ||
           strcmp(as_change.rule, unknown) != 0 || strncmp(as_change.pointer, "/before/", strlen("/before/")) == 0 ||
           strncmp(as_change.pointer, "/after/", strlen("/after/")) == 0;
}

static void append_rejection(struct incident_door *door, struct bytes_view line, const struct rule_violation *violation,
                             struct bytes *text)
{
    if (is_change(door, line, violation)) {
        bytes_append_text(text,
                          "a change of a row, not an event\n"
                          "  publish it with `incident-producer --format change` and explain its place on the log, "
                          "or write the event\n"
                          "  itself: {\"event_type\":\"incident.instance.updated\",\"payload\":ROW,"
                          "\"meta\":{\"version\":1}}\n");
        return;
    }
    bytes_append_text(text, "rejected by the producer's door\n  ");
    rule_violation_line(violation, text);
    bytes_append_byte(text, '\n');
}

/* One line without its end; false when the door rejects it. Blank lines say nothing. */
static bool explain_line(struct explainer *explainer, struct incident_door *door, struct bytes_view line, size_t number)
{
    struct incident_event event;
    struct rule_violation violation;
    struct bytes text = {0};
    bool is_fine = true;
    switch (incident_door_read(door, line, false, &event, &violation)) {
    case DOOR_BLANK:
        return true;
    case DOOR_ACCEPTED:
        bytes_append_format(&text, "%sline %zu: ", number > 1 ? "\n" : "", number);
        is_fine = explainer_explain_event(explainer, &event, &text);
        break;
    case DOOR_REJECTED:
        bytes_append_format(&text, "%sline %zu: ", number > 1 ? "\n" : "", number);
        append_rejection(door, line, &violation, &text);
        is_fine = false;
        break;
    }
    print(&text);
    bytes_free(&text);
    return is_fine;
}

static enum exit_status explain_file(struct explainer *explainer, const char *path)
{
    struct bytes content = {0};
    struct error error;
    enum exit_status exit_status = EXIT_STATUS_OK;
    enum status status = offline_input_read(path, &content, &error);
    if (status != STATUS_OK) {
        bytes_free(&content);
        return command_frame_fail(name, EXIT_STATUS_NO_INPUT, "%s%s", error.text,
                                  status == STATUS_NOT_FOUND && strchr(path, ':') != NULL
                                      ? " (a place on the log is TOPIC:PARTITION:OFFSET, like incident.events:3:1207)"
                                      : "");
    }
    if (content.size == 0) {
        bytes_free(&content);
        return command_frame_fail(name, EXIT_STATUS_NO_INPUT, "%s: is empty", path);
    }
    struct incident_door *door = incident_door_create();
    size_t start = 0;
    for (size_t number = 1; start < content.size; number++) {
        const uint8_t *end = memchr(content.data + start, '\n', content.size - start);
        size_t size = end == NULL ? content.size - start : (size_t)(end - content.data) - start;
        if (!explain_line(explainer, door, bytes_view_of(content.data + start, size), number)) {
            exit_status = EXIT_STATUS_BAD_DATA;
        }
        start += size + 1;
    }
    incident_door_destroy(door);
    bytes_free(&content);
    return exit_status;
}

static enum exit_status explain_with(const struct consumer_settings *settings, const char *operand, const char *only,
                                     int64_t now_s)
{
    struct subscription_set *set = NULL;
    enum exit_status exit_status = command_frame_subscriptions(settings, &set);
    if (exit_status != EXIT_STATUS_OK) {
        return exit_status;
    }
    if (only != NULL && subscription_set_find(set, only) == NULL) {
        exit_status = command_frame_usage(name, "the subscriptions file has no subscription %s", only);
    } else {
        const struct explainer_settings explainer_settings = {
            .set = set, .only = only, .dead_letters = settings->topics_dead_letters, .now_s = now_s};
        struct explainer *explainer = explainer_create(&explainer_settings);
        char *text = bytes_view_to_text(bytes_view_of_text(operand));
        struct record_place place;
        exit_status =
            read_place(text, &place) ? explain_place(explainer, settings, &place) : explain_file(explainer, operand);
        free(text);
        explainer_destroy(explainer);
    }
    subscription_set_destroy(set);
    return exit_status;
}

enum exit_status explain_command(int argc, char **argv)
{
    const char *at = NULL;
    const char *only = NULL;
    const struct command_line_option own[] = {{.name = "at", .ret_value = &at},
                                              {.name = "subscription", .ret_value = &only}};
    const struct command_frame frame = {.name = name, .help = help, .own = own, .own_count = ARRAY_COUNT(own)};
    struct consumer_settings settings = {0};
    struct command_line line;
    struct error error;
    enum exit_status exit_status;
    int64_t now_s = offline_input_now();
    if (!command_frame_read(&frame, argc, argv, &line, &exit_status)) {
        return exit_status;
    }
    if (line.operand_count != 1) {
        return command_frame_usage(name, "name one file, - for standard input, or a place TOPIC:PARTITION:OFFSET");
    }
    if (at != NULL && offline_input_time(at, &now_s, &error) != STATUS_OK) {
        return command_frame_usage(name, "--at: %s", error.text);
    }
    exit_status = command_frame_settings(&line, &settings);
    if (exit_status == EXIT_STATUS_OK) {
        exit_status = explain_with(&settings, line.operands[0], only, now_s);
    }
    consumer_settings_free(&settings);
    return command_frame_end(name, exit_status);
}
