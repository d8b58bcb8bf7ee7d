#include "topic_scan.h"

#include "check.h"
#include "kafka_client.h"
#include "kafka_topic.h"
#include "memory.h"
#include "monotonic_clock.h"

#include <inttypes.h>
#include <stdlib.h>

enum { POLL_MS = 100, SHORT_POLL_MS = 10, RETRY_PAUSE_MS = 100, WAKE_TIMEOUT_MS = 1000 };

/* What is still to be read of a partition: from `next` to before `end`. */
struct range {
    int64_t next;
    int64_t end;
};

struct scan {
    const struct topic_scan_spec *spec;
    rd_kafka_t *client;
    struct range *ranges; /* one for each partition */
    struct topic_scan_progress progress;
    int64_t began_ms;
    int64_t reported_ms;
    bool is_stopped; /* on_record has had enough */
};

static void report(struct scan *scan)
{
    int64_t now_ms = monotonic_clock_ms();
    scan->progress.elapsed_ms = now_ms - scan->began_ms;
    if (scan->spec->on_progress != NULL && now_ms - scan->reported_ms >= TOPIC_SCAN_PROGRESS_MS) {
        scan->reported_ms = now_ms;
        scan->spec->on_progress(scan->spec->context, &scan->progress);
    }
}

static enum status open_client(struct scan *scan, struct error *ret_error)
{
    static const struct {
        const char *name;
        const char *value;
    } properties[] = {
        /* Else a hole at the end of a partition looks like a broker that is silent. */
        {"enable.partition.eof", "true"},
        /* The next partition waits for the last fetch of the one before, which has nothing to wait for. */
        {"fetch.wait.max.ms", "5"},
        /* Several fetches, so that reading and fetching go on side by side. One partition is read at a time. */
        {"queued.max.messages.kbytes", "4096"},
    };
    const struct kafka_client_spec spec = {
        .kind = KAFKA_CLIENT_READER, .properties = scan->spec->properties, .group = scan->spec->group};
    rd_kafka_conf_t *conf = NULL;
    enum status status = kafka_client_conf(&spec, &conf, ret_error);
    if (status != STATUS_OK) {
        return status;
    }
    for (size_t i = 0; i < ARRAY_COUNT(properties); i++) {
        CHECK(rd_kafka_conf_set(conf, properties[i].name, properties[i].value, NULL, 0) == RD_KAFKA_CONF_OK);
    }
    return kafka_client_new_take(conf, RD_KAFKA_CONSUMER, &scan->client, ret_error);
}

/* What a partition that cannot be asked or read says. */
static enum status fail(const struct scan *scan, int32_t partition, rd_kafka_resp_err_t answer, const char *text,
                        struct error *ret_error)
{
    switch (answer) {
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
        return kafka_topic_refuse(scan->client, scan->spec->topic, answer, ret_error);
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
        return error_set(ret_error, STATUS_NOT_FOUND, "%s, partition %" PRId32 " is gone", scan->spec->topic,
                         partition);
    default:
        return error_set(ret_error, STATUS_UNAVAILABLE, "%s, partition %" PRId32 ": %s", scan->spec->topic, partition,
                         text);
    }
}

/* A broker that has only just learnt of the topic answers some questions about it a moment later. */
static bool may_pass(rd_kafka_resp_err_t answer)
{
    switch (answer) {
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION:
    case RD_KAFKA_RESP_ERR_OFFSET_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
        return true;
    default:
        return false;
    }
}

static enum status ask_range(struct scan *scan, int32_t partition, struct range *ret_range, struct error *ret_error)
{
    int64_t deadline_ms = monotonic_clock_ms() + scan->spec->timeout_ms;
    for (;;) {
        int64_t left_ms = deadline_ms - monotonic_clock_ms();
        rd_kafka_resp_err_t answer =
            rd_kafka_query_watermark_offsets(scan->client, scan->spec->topic, partition, &ret_range->next,
                                             &ret_range->end, left_ms > 1 ? (int)left_ms : 1);
        if (answer == RD_KAFKA_RESP_ERR_NO_ERROR) {
            return STATUS_OK;
        }
        if (!may_pass(answer) || monotonic_clock_ms() + RETRY_PAUSE_MS >= deadline_ms) {
            return fail(scan, partition, answer, rd_kafka_err2str(answer), ret_error);
        }
        monotonic_clock_pause(RETRY_PAUSE_MS);
        report(scan);
    }
}

static enum status ask_ranges(struct scan *scan, struct error *ret_error)
{
    int32_t count = 0;
    enum status status =
        kafka_topic_partitions(scan->client, scan->spec->topic, scan->spec->timeout_ms, &count, ret_error);
    if (status != STATUS_OK) {
        return status;
    }
    scan->progress.partition_count = count;
    scan->ranges = memory_alloc((size_t)count, sizeof(*scan->ranges));
    for (int32_t i = 0; i < count && status == STATUS_OK; i++) {
        status = ask_range(scan, i, &scan->ranges[i], ret_error);
        scan->progress.offsets_total += status == STATUS_OK ? scan->ranges[i].end - scan->ranges[i].next : 0;
    }
    return status;
}

/* Reads on at the range's next offset, and drops whatever was fetched before. */
static enum status assign(struct scan *scan, int32_t partition, int64_t offset, struct error *ret_error)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, scan->spec->topic, partition)->offset = offset;
    rd_kafka_resp_err_t answer = rd_kafka_assign(scan->client, list);
    rd_kafka_topic_partition_list_destroy(list);
    return answer == RD_KAFKA_RESP_ERR_NO_ERROR ? STATUS_OK
                                                : fail(scan, partition, answer, rd_kafka_err2str(answer), ret_error);
}

static void pass_to(struct scan *scan, struct range *range, int64_t offset)
{
    int64_t next = offset < range->end ? offset : range->end;
    scan->progress.offsets_passed += next - range->next;
    range->next = next;
}

/* The offset is no longer in the log: retention was faster than this scan. Goes on at the log's new start. */
static enum status go_on_at_the_start(struct scan *scan, int32_t partition, struct range *range,
                                      struct error *ret_error)
{
    struct range now;
    enum status status = ask_range(scan, partition, &now, ret_error);
    if (status != STATUS_OK) {
        return status;
    }
    if (now.next <= range->next) {
        return error_set(ret_error, STATUS_UNAVAILABLE,
                         "%s, partition %" PRId32 ": the broker has the offset %" PRId64 " and does not give it",
                         scan->spec->topic, partition, range->next);
    }
    pass_to(scan, range, now.next);
    return range->next < range->end ? assign(scan, partition, range->next, ret_error) : STATUS_OK;
}

/* One message of the partition; its end is reached when range->next is range->end. */
static enum status take(struct scan *scan, int32_t partition, struct range *range, const rd_kafka_message_t *message,
                        struct error *ret_error)
{
    switch (message->err) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        if (message->partition != partition || message->offset < range->next) {
            return STATUS_OK; /* fetched for the assignment before this one */
        }
        if (message->offset < range->end) {
            scan->progress.records++;
            scan->is_stopped = !scan->spec->on_record(scan->spec->context, partition, message->offset, message);
        }
        pass_to(scan, range, message->offset + 1);
        return STATUS_OK;
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        /* Also before range->end: then a transaction is open there, and nobody can read on. */
        pass_to(scan, range, range->end);
        return STATUS_OK;
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
        return go_on_at_the_start(scan, partition, range, ret_error);
    default:
        if (may_pass(message->err) && message->err != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
            return STATUS_OK;
        }
        return fail(scan, partition, message->err, rd_kafka_message_errstr(message), ret_error);
    }
}

/* librdkafka leaves a partition whose queue is full out of its next fetch, and, with no other partition to fetch, looks
 * at the queue again only a second later; any question to the partition's broker makes it look now. */
static void wake_the_fetcher(struct scan *scan, int32_t partition)
{
    struct range range;
    (void)rd_kafka_query_watermark_offsets(scan->client, scan->spec->topic, partition, &range.next, &range.end,
                                           WAKE_TIMEOUT_MS);
}

static enum status read_partition(struct scan *scan, int32_t partition, struct range *range, struct error *ret_error)
{
    enum status status = assign(scan, partition, range->next, ret_error);
    int64_t heard_ms = monotonic_clock_ms();
    bool may_be_asleep = false; /* records have come since the fetcher was woken last */
    while (status == STATUS_OK && range->next < range->end && !scan->is_stopped) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(scan->client, may_be_asleep ? SHORT_POLL_MS : POLL_MS);
        if (message == NULL && may_be_asleep) {
            wake_the_fetcher(scan, partition);
            may_be_asleep = false;
        } else if (message != NULL) {
            may_be_asleep = true;
            int64_t before = range->next;
            status = take(scan, partition, range, message, ret_error);
            rd_kafka_message_destroy(message);
            if (range->next != before) {
                heard_ms = monotonic_clock_ms();
            }
        }
        report(scan);
        if (status == STATUS_OK && range->next < range->end &&
            monotonic_clock_ms() - heard_ms >= scan->spec->timeout_ms) {
            status = error_set(ret_error, STATUS_UNAVAILABLE,
                               "%s, partition %" PRId32 ": no answer in %d ms, at offset %" PRId64, scan->spec->topic,
                               partition, scan->spec->timeout_ms, range->next);
        }
    }
    return status;
}

static void close_client(struct scan *scan)
{
    if (scan->client != NULL) {
        /* It has joined nothing, so there is nothing to leave. */
        rd_kafka_destroy_flags(scan->client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    }
}

enum status topic_scan(const struct topic_scan_spec *spec, struct topic_scan_progress *ret_progress,
                       struct error *ret_error)
{
    struct scan scan = {.spec = spec, .began_ms = monotonic_clock_ms()};
    enum status status = open_client(&scan, ret_error);
    if (status == STATUS_OK) {
        status = ask_ranges(&scan, ret_error);
    }
    for (int32_t i = 0; i < scan.progress.partition_count && status == STATUS_OK && !scan.is_stopped; i++) {
        if (scan.ranges[i].next < scan.ranges[i].end) {
            status = read_partition(&scan, i, &scan.ranges[i], ret_error);
        }
    }
    close_client(&scan);
    free(scan.ranges);
    scan.progress.elapsed_ms = monotonic_clock_ms() - scan.began_ms;
    if (ret_progress != NULL) {
        *ret_progress = scan.progress;
    }
    return status;
}
