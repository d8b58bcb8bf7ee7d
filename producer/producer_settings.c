#include "producer_settings.h"

#include "admin_http.h"
#include "check.h"
#include "kafka_topic.h"
#include "log_options.h"
#include "memory.h"

#include <stdlib.h>
#include <string.h>

static const char *const formats[] = {"event", "change", NULL};
static const char *const invalid_choices[] = {"reject", "stop", NULL};

/* CloudEvents 1.0: a URI reference that is not empty; so there is no space and no control character in it. */
static enum status check_source_id(const char *text, struct error *ret_error)
{
    for (const char *at = text; *at != '\0'; at++) {
        if (*at <= ' ' || (unsigned char)*at >= 0x7f || strchr("\"<>\\^`{|}", *at) != NULL) {
            return error_set(ret_error, STATUS_INVALID,
                             "is no URI reference: write ASCII without spaces, such as /proctoring/incidents");
        }
    }
    return text[0] != '\0' ? STATUS_OK : error_set(ret_error, STATUS_INVALID, "is empty");
}

static enum status check_path(const char *text, struct error *ret_error)
{
    return text[0] != '\0' ? STATUS_OK : error_set(ret_error, STATUS_INVALID, "is empty: name a file");
}

#define AT(member) .offset = offsetof(struct producer_settings, member)

static const struct option options[] = {
    {.key = "admin.listen",
     .kind = OPTION_TEXT,
     AT(admin_listen),
     .none_text = "off",
     .check = admin_http_check_listen,
     .help = "address of /metrics, /livez and /readyz; port 0 is any free one"},
    LOG_OPTIONS(struct producer_settings),
    {.key = "input",
     .kind = OPTION_TEXT,
     AT(input),
     .default_text = "\"-\"",
     .check = check_path,
     .help = "file, pipe or FIFO of JSON lines; - is standard input; --input goes over it"},
    {.key = "format",
     .kind = OPTION_ENUM,
     AT(format),
     .default_text = "event",
     .choices = formats,
     .help = "what a line is: an event, or a change of an incident's row; --format goes over it"},
    {.key = "topic",
     .kind = OPTION_TEXT,
     AT(topic),
     .default_text = "incident.events",
     .check = kafka_topic_check_name,
     .help = "topic to write to; it is never made, a missing one is waited for"},
    {.key = "rejects",
     .kind = OPTION_TEXT,
     AT(rejects),
     .default_text = "rejects.ndjson",
     .check = check_path,
     .help = "file to which lines that cannot be published are appended, each with its reason"},
    {.key = "on_invalid",
     .kind = OPTION_ENUM,
     AT(on_invalid),
     .default_text = "reject",
     .choices = invalid_choices,
     .help = "what a line that goes into the rejects does to the rest: it flows on, or nothing more is read"},
    {.key = "checkpoint",
     .kind = OPTION_TEXT,
     AT(checkpoint),
     .check = check_path,
     .help = "file that keeps how far the input is dealt with, so that the next run goes on there; --checkpoint goes "
             "over it"},
    {.key = "drain",
     .kind = OPTION_DURATION_MS,
     AT(drain_ms),
     .default_text = "8s",
     .help = "how long SIGTERM waits for the broker's acknowledgement of what is in flight"},
    {.key = "startup_timeout",
     .kind = OPTION_DURATION_MS,
     AT(startup_timeout_ms),
     .none_text = "none: wait",
     .help = "give up with exit status 69 when publishing could not begin by then: no broker, or no topic"},
    {.key = "source_id",
     .kind = OPTION_TEXT,
     AT(source_id),
     .default_text = "/proctoring/incidents",
     .check = check_source_id,
     .help = "ce_source of every event"},
    {.key = "in_flight.events",
     .kind = OPTION_INT,
     AT(in_flight_events),
     .default_text = "10000",
     .min = 1,
     .max = 1000000,
     .help = "events that the broker has not acknowledged, at most; past it the input waits"},
    {.key = "in_flight.bytes",
     .kind = OPTION_SIZE_BYTES,
     AT(in_flight_bytes),
     .default_text = "16MiB",
     .min = INT64_C(1024) * 1024,
     .max = INT64_C(1) << 40,
     .help = "their bytes (line and record), at most; past it the input waits"},
};

static const struct settings_spec spec = {
    .options = options,
    .option_count = ARRAY_COUNT(options),
    .kafka_offset = offsetof(struct producer_settings, kafka),
    .kafka_kind = KAFKA_CLIENT_PRODUCER,
};

/* The choices stand in the order of the enums. */
_Static_assert(INVALID_REJECT == 0 && INVALID_STOP == 1, "order of invalid_choices");
_Static_assert(INTAKE_FORMAT_EVENT == 0 && INTAKE_FORMAT_CHANGE == 1, "order of formats");

enum status producer_settings_load(const char *file, const char *const *sets, size_t set_count,
                                   struct producer_settings *ret_settings, struct error_list *errors)
{
    return settings_load(&spec, file, sets, set_count, ret_settings, errors);
}

void producer_settings_free(struct producer_settings *settings)
{
    settings_free(&spec, settings);
}

static void put_text(char **text, const char *value)
{
    if (value != NULL) {
        free(*text);
        *text = memory_copy_text(value);
    }
}

enum status producer_settings_override(struct producer_settings *settings, const struct producer_options *said,
                                       struct error *ret_error)
{
    const char *format = said->format;
    int index = 0;
    while (format != NULL && formats[index] != NULL && strcmp(format, formats[index]) != 0) {
        index++;
    }
    if (format != NULL && formats[index] == NULL) {
        return error_set(ret_error, STATUS_INVALID, "--format %s: it is event or change", format);
    }
    if (said->input != NULL && said->input[0] == '\0') {
        return error_set(ret_error, STATUS_INVALID, "--input is empty: name a file, or - for standard input");
    }
    if (said->checkpoint != NULL && said->checkpoint[0] == '\0') {
        return error_set(ret_error, STATUS_INVALID, "--checkpoint is empty: name a file");
    }
    settings->format = format != NULL ? (enum intake_format)index : settings->format;
    settings->is_followed = said->is_followed;
    put_text(&settings->input, said->input);
    put_text(&settings->checkpoint, said->checkpoint);
    return STATUS_OK;
}

enum status producer_settings_check(const struct producer_settings *settings, struct error *ret_error)
{
    bool is_stdin = strcmp(settings->input, "-") == 0;
    if (is_stdin && settings->checkpoint != NULL) {
        return error_set(ret_error, STATUS_INVALID,
                         "checkpoint: standard input cannot have one, since it cannot be read again; name a file with "
                         "--input");
    }
    if (is_stdin && settings->is_followed) {
        return error_set(ret_error, STATUS_INVALID,
                         "--follow: standard input ends when its writer ends; name a file with --input");
    }
    return STATUS_OK;
}

void producer_settings_print_help(FILE *file)
{
    settings_print_help(&spec, file);
}
