#include "dead_letters_command.h"

#include "bytes.h"
#include "check.h"
#include "command_frame.h"
#include "dead_letter_facts.h"
#include "dead_letter_json.h"
#include "dead_letter_table.h"
#include "dead_letter_text.h"
#include "kafka_record.h"
#include "record_fetch.h"
#include "time_argument.h"
#include "topic_scan.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { SILENCE_MS = 10000, PROGRESS_AFTER_MS = 2000, OTHER_WIDTH = 80 };

static const char name[] = "dead-letters";

static const char help[] =
    "incident-consumer dead-letters shows the events that were given up, and why. It reads the topic of\n"
    "topics.dead_letters by hand: no member of the group, nothing committed, nothing changed.\n"
    "\n"
    "Usage:\n"
    "  incident-consumer dead-letters list [--reason R] [--subscription ID] [--tenant N] [--from T] [--to T]\n"
    "                                      [--json] [--limit N] [--config FILE] [--set KEY=VALUE]...\n"
    "  incident-consumer dead-letters show PARTITION:OFFSET [--json] [--config FILE] [--set KEY=VALUE]...\n"
    "\n"
    "list reads the topic from its start to its end as it is now, one partition after the other. On a terminal it "
    "makes\n"
    "a table, without the columns that it has no room for; elsewhere one line each, a tab between two fields, `-` for\n"
    "none: position, time, reason, subscription, key, attempts, last error, origin, ce_id, ce_type. How many were "
    "found\n"
    "stands on standard error.\n"
    "\n"
    "show takes a letter's position and prints all of its headers and the event; of one that cannot be read the rule,\n"
    "the field and the beginning of its value. The event has its narrative.\n"
    "\n"
    "Options:\n"
    "      --reason R          refused, exhausted, skipped, undecodable (every one), undecodable.RULE, "
    "schema.unknown,\n"
    "                          key.mismatch or retention.gap\n"
    "      --subscription ID   of this subscription; a record that nobody could read belongs to none\n"
    "      --tenant N          with this tenant as the key\n"
    "      --from T, --to T    at or after T; before T. What counts is dl_first_attempt_at, or, where no attempt was\n"
    "                          made, the record's timestamp, which is the event's sent_at. T is RFC 3339 with an "
    "offset\n"
    "                          (2026-02-03T10:46:23Z), Unix milliseconds, or a span before now (-90s, -30m, -2h, -5d)\n"
    "      --limit N           end after N of them: the first by partition and offset\n"
    "      --json              list: one JSON object a line, with every dl_ header; show: one JSON object, with the\n"
    "                          event's canonical JSON to the byte, or `value_base64`\n"
    "  -c, --config FILE       the consumer's settings: topics.dead_letters, startup_timeout, kafka\n"
    "  -s, --set KEY=VALUE     one setting over the file's\n"
    "\n"
    "A broker that is silent is waited for as long as startup_timeout says, or else 10 s.\n"
    "\n"
    "Exit status: 0 fine, also when none was found; 64 usage; 66 no such topic or position; 69 the broker does not\n"
    "answer; 74 standard output cannot be written; 78 bad settings.\n"
    "\n"
    "Try:\n"
    "  incident-consumer dead-letters list --config consumer.yaml --reason refused --from -2h\n"
    "  incident-consumer dead-letters show 3:17 --config consumer.yaml\n";

/* The options as they were given; NULL: not given. */
struct arguments {
    const char *reason;
    const char *subscription;
    const char *tenant;
    const char *from;
    const char *to;
    const char *limit;
    bool is_json;
};

/* ---- list ---- */

struct listing {
    struct dead_letter_filter filter;
    int64_t limit; /* INT64_MAX: none */
    int64_t found;
    bool is_json;
    struct dead_letter_table *table;
    struct bytes text; /* scratch */
    struct kafka_record_headers headers;
    bool may_show_progress;
    bool is_progress_shown;
};

static void hide_progress(struct listing *listing)
{
    if (listing->is_progress_shown) {
        fputs("\r\033[K", stderr);
        listing->is_progress_shown = false;
    }
}

static void print(struct listing *listing)
{
    if (listing->text.size > 0) {
        hide_progress(listing);
        fwrite(listing->text.data, 1, listing->text.size, stdout);
        bytes_clear(&listing->text);
    }
}

static bool on_record(void *context, int32_t partition, int64_t offset, const rd_kafka_message_t *message)
{
    struct listing *listing = context;
    struct record_in record = kafka_record_view(message, &listing->headers);
    struct dead_letter_facts facts;
    dead_letter_facts_read(partition, offset, &record, &facts);
    if (!dead_letter_filter_matches(&listing->filter, &facts)) {
        return true;
    }
    listing->found++;
    if (listing->is_json) {
        dead_letter_json_append_line(&listing->text, &facts);
    } else {
        dead_letter_table_add(listing->table, &facts, &listing->text);
    }
    print(listing);
    return listing->found < listing->limit && ferror(stdout) == 0;
}

static void on_progress(void *context, const struct topic_scan_progress *progress)
{
    struct listing *listing = context;
    struct bytes line = {0};
    if (!listing->may_show_progress || progress->elapsed_ms < PROGRESS_AFTER_MS) {
        return;
    }
    bytes_append_text(&line, "\r");
    dead_letter_table_append_progress(&line, listing->found, progress->offsets_passed, progress->offsets_total,
                                      progress->elapsed_ms);
    bytes_append_text(&line, "\033[K");
    fwrite(line.data, 1, line.size, stderr);
    bytes_free(&line);
    listing->is_progress_shown = true;
}

/* Columns of the terminal that standard output is; 0: it is none. */
static size_t find_width(void)
{
    struct winsize size;
    if (isatty(STDOUT_FILENO) == 0) {
        return 0;
    }
    return ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : OTHER_WIDTH;
}

static int find_timeout(const struct consumer_settings *settings)
{
    bool is_set = settings->startup_timeout_ms >= 0 && settings->startup_timeout_ms <= INT32_MAX;
    return is_set ? (int)settings->startup_timeout_ms : SILENCE_MS;
}

static enum exit_status fail(enum status status, const char *topic, const struct error *error)
{
    switch (status) {
    case STATUS_NOT_FOUND:
        return command_frame_fail(name, EXIT_STATUS_NO_INPUT, "%s", error->text);
    case STATUS_INVALID:
        return command_frame_fail(name, EXIT_STATUS_SETTINGS, "%s", error->text);
    default:
        return command_frame_fail(name, EXIT_STATUS_UNAVAILABLE, "the dead letters of %s cannot be read: %s", topic,
                                  error->text);
    }
}

static void summarize(const struct listing *listing, const char *topic, const struct topic_scan_progress *progress)
{
    fprintf(stderr, "%" PRId64 " found, of %" PRId64 " read, in %s (%" PRId32 " %s)%s\n", listing->found,
            progress->records, topic, progress->partition_count,
            progress->partition_count == 1 ? "partition" : "partitions",
            listing->found == listing->limit ? "; ended by --limit, there may be more" : "");
}

static enum exit_status list(const struct consumer_settings *settings, struct listing *listing)
{
    const char *topic = settings->topics_dead_letters;
    const struct topic_scan_spec spec = {
        .properties = &settings->kafka,
        .group = settings->group,
        .topic = topic,
        .timeout_ms = find_timeout(settings),
        .on_record = on_record,
        .on_progress = on_progress,
        .context = listing,
    };
    struct topic_scan_progress progress;
    struct error error;
    listing->table = dead_letter_table_create(find_width());
    listing->may_show_progress = isatty(STDERR_FILENO) != 0;
    enum status status = topic_scan(&spec, &progress, &error);
    dead_letter_table_end(listing->table, &listing->text);
    print(listing);
    hide_progress(listing);
    fflush(stdout); /* before what standard error says, where both are one terminal */
    if (status == STATUS_NOT_FOUND && progress.partition_count == 0) {
        error_set(&error, status,
                  "the topic %s does not exist: no dead letter was ever written, or topics.dead_letters is not what "
                  "`run` has",
                  topic);
    }
    enum exit_status exit_status = EXIT_STATUS_OK;
    if (status == STATUS_OK) {
        summarize(listing, topic, &progress);
    } else {
        exit_status = fail(status, topic, &error);
    }
    dead_letter_table_destroy(listing->table);
    kafka_record_headers_free(&listing->headers);
    bytes_free(&listing->text);
    return exit_status;
}

/* ---- show ---- */

/* PARTITION:OFFSET. */
static bool read_position(const char *text, struct record_place *ret_place)
{
    const char *colon = strchr(text, ':');
    int64_t partition = 0;
    if (colon == NULL || bytes_view_to_int64(bytes_view_of(text, (size_t)(colon - text)), &partition) != STATUS_OK ||
        bytes_view_to_int64(bytes_view_of_text(colon + 1), &ret_place->offset) != STATUS_OK) {
        return false;
    }
    ret_place->partition = (int32_t)partition;
    return partition >= 0 && partition <= INT32_MAX && ret_place->offset >= 0;
}

static void print_letter(const struct record_place *place, const rd_kafka_message_t *message, bool is_json)
{
    struct kafka_record_headers headers = {0};
    struct record_in record = kafka_record_view(message, &headers);
    struct record_decoder *decoder = record_decoder_create();
    struct dead_letter_facts facts;
    struct decoded_record decoded;
    struct bytes text = {0};
    dead_letter_facts_read(place->partition, place->offset, &record, &facts);
    record_decode(decoder, &record, &decoded);
    if (is_json) {
        dead_letter_json_append_letter(&text, &facts, &decoded);
    } else {
        dead_letter_text_append_letter(&text, place->topic, &facts, &decoded);
    }
    fwrite(text.data, 1, text.size, stdout);
    bytes_free(&text);
    record_decoder_destroy(decoder);
    kafka_record_headers_free(&headers);
}

static enum exit_status show(const struct consumer_settings *settings, struct record_place *place, bool is_json)
{
    struct fetched_record fetched;
    struct error error;
    place->topic = settings->topics_dead_letters;
    enum status status =
        record_fetch(&settings->kafka, settings->group, place, find_timeout(settings), &fetched, &error);
    if (status != STATUS_OK) {
        return fail(status, place->topic, &error);
    }
    print_letter(place, fetched.message, is_json);
    record_fetch_free(&fetched);
    return EXIT_STATUS_OK;
}

/* ---- the command line ---- */

static bool read_count(const char *text, int64_t *ret_number)
{
    return bytes_view_to_int64(bytes_view_of_text(text), ret_number) == STATUS_OK && *ret_number > 0;
}

static enum status read_filter(const struct arguments *arguments, int64_t now_ms, struct dead_letter_filter *ret_filter,
                               struct error *ret_error)
{
    struct error error;
    *ret_filter = (struct dead_letter_filter){
        .reason = arguments->reason, .subscription = arguments->subscription, .from_ms = INT64_MIN, .to_ms = INT64_MAX};
    if (arguments->reason != NULL && !dead_letter_filter_is_reason(arguments->reason)) {
        return error_set(ret_error, STATUS_INVALID,
                         "--reason %s: it is refused, exhausted, skipped, undecodable, undecodable.RULE, "
                         "schema.unknown, key.mismatch or retention.gap",
                         arguments->reason);
    }
    if (arguments->tenant != NULL && !read_count(arguments->tenant, &ret_filter->tenant)) {
        return error_set(ret_error, STATUS_INVALID, "--tenant %s: a tenant is a number from 1", arguments->tenant);
    }
    if (arguments->from != NULL &&
        time_argument_read(arguments->from, now_ms, &ret_filter->from_ms, &error) != STATUS_OK) {
        return error_set(ret_error, STATUS_INVALID, "--from: %s", error.text);
    }
    if (arguments->to != NULL && time_argument_read(arguments->to, now_ms, &ret_filter->to_ms, &error) != STATUS_OK) {
        return error_set(ret_error, STATUS_INVALID, "--to: %s", error.text);
    }
    if (ret_filter->from_ms >= ret_filter->to_ms) {
        return error_set(ret_error, STATUS_INVALID, "--from %s is not before --to %s: nothing lies between",
                         arguments->from, arguments->to);
    }
    return STATUS_OK;
}

static int64_t now_ms(void)
{
    struct timespec now;
    CHECK(clock_gettime(CLOCK_REALTIME, &now) == 0);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static enum exit_status list_as_asked(const struct command_line *line, const struct arguments *arguments)
{
    struct listing listing = {.limit = INT64_MAX, .is_json = arguments->is_json};
    struct consumer_settings settings = {0};
    struct error error;
    if (line->operand_count != 1) {
        return command_frame_usage(name, "`list` takes options only; to see one letter, write `show %s`",
                                   line->operands[1]);
    }
    if (read_filter(arguments, now_ms(), &listing.filter, &error) != STATUS_OK) {
        return command_frame_usage(name, "%s", error.text);
    }
    if (arguments->limit != NULL && !read_count(arguments->limit, &listing.limit)) {
        return command_frame_usage(name, "--limit %s: a number from 1", arguments->limit);
    }
    enum exit_status exit_status = command_frame_settings(line, &settings);
    if (exit_status == EXIT_STATUS_OK) {
        exit_status = list(&settings, &listing);
    }
    consumer_settings_free(&settings);
    return exit_status;
}

static enum exit_status show_as_asked(const struct command_line *line, const struct arguments *arguments)
{
    struct consumer_settings settings = {0};
    struct record_place place;
    if (arguments->reason != NULL || arguments->subscription != NULL || arguments->tenant != NULL ||
        arguments->from != NULL || arguments->to != NULL || arguments->limit != NULL) {
        return command_frame_usage(name, "`show` takes a position and --json; the other options belong to `list`");
    }
    if (line->operand_count != 2 || !read_position(line->operands[1], &place)) {
        return command_frame_usage(name, "name one position, PARTITION:OFFSET, as `list` shows it");
    }
    enum exit_status exit_status = command_frame_settings(line, &settings);
    if (exit_status == EXIT_STATUS_OK) {
        exit_status = show(&settings, &place, arguments->is_json);
    }
    consumer_settings_free(&settings);
    return exit_status;
}

static enum exit_status do_as_asked(const struct command_line *line, const struct arguments *arguments)
{
    const char *verb = line->operand_count > 0 ? line->operands[0] : "";
    if (strcmp(verb, "list") == 0) {
        return list_as_asked(line, arguments);
    }
    if (strcmp(verb, "show") == 0) {
        return show_as_asked(line, arguments);
    }
    if (strcmp(verb, "redrive") == 0 || strcmp(verb, "drop") == 0) {
        return command_frame_usage(name, "`%s` comes in a later version", verb);
    }
    return command_frame_usage(name, "write `list` or `show PARTITION:OFFSET`");
}

enum exit_status dead_letters_command(int argc, char **argv)
{
    struct arguments arguments = {0};
    const struct command_line_option own[] = {
        {.name = "reason", .ret_value = &arguments.reason},
        {.name = "subscription", .ret_value = &arguments.subscription},
        {.name = "tenant", .ret_value = &arguments.tenant},
        {.name = "from", .ret_value = &arguments.from},
        {.name = "to", .ret_value = &arguments.to},
        {.name = "limit", .ret_value = &arguments.limit},
        {.name = "json", .ret_flag = &arguments.is_json},
    };
    const struct command_frame frame = {.name = name, .help = help, .own = own, .own_count = ARRAY_COUNT(own)};
    struct command_line line;
    enum exit_status exit_status;
    if (!command_frame_read(&frame, argc, argv, &line, &exit_status)) {
        return exit_status;
    }
    return command_frame_end(name, do_as_asked(&line, &arguments));
}
