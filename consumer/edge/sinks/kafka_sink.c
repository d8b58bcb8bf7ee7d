#include "kafka_sink.h"

#include "check.h"
#include "hash_table.h"
#include "kafka_topic.h"
#include "kafka_wake.h"
#include "log.h"
#include "log_budget.h"
#include "memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/queue.h>

/* A record from start to answer; librdkafka carries it as the message's opaque. */
struct record {
    uint64_t number;
    bool is_cancelled; /* then it is no longer in `in_air` */
    rd_kafka_resp_err_t err;
    char *topic;
    UT_hash_handle hh;
    STAILQ_ENTRY(record) link;
};

STAILQ_HEAD(record_list, record);

struct kafka_sink {
    struct event_loop *loop;
    const struct kafka_properties *properties;
    struct kafka_sink_limits limits;
    sink_listener *listener;
    void *context;
    rd_kafka_t *client; /* NULL before the first delivery, after a fatal error and after stop */
    rd_kafka_queue_t *queue;
    struct kafka_wake wake;
    struct event_loop_watch *watch;
    struct record *in_air;       /* by number */
    struct record_list answered; /* in the order in which the answers came; told to the listener from the loop */
    uint32_t records;            /* in the air, cancelled ones included */
    bool is_fatal;
    rd_kafka_resp_err_t fatal_err; /* of the last client that had one */
    bool is_stopped;
    struct log_budget lines;
};

/* Under the promises that every producer of ours has: what this one does otherwise. */
static const char *const settings[][2] = {
    /* A broker refuses the whole batch that a record too large for it travels in: each goes alone. */
    {"batch.num.messages", "1"},
    /* An event that cannot be written is tried again by the delivery core, which keeps the order by itself; librdkafka
     * must let go of it. The other two say sooner that a topic is not there or not ours, and that it is again. */
    {"message.timeout.ms", "30000"},
    {"topic.metadata.propagation.max.ms", "10000"},
    {"topic.metadata.refresh.interval.ms", "5000"},
};

static void on_delivery_report(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
    struct kafka_sink *sink = kafka_client_context(opaque);
    struct record *record = message->_private;

    (void)client;
    record->err = message->err;
    STAILQ_INSERT_TAIL(&sink->answered, record, link);
}

static void on_fatal(void *context, const char *text)
{
    (void)text;
    ((struct kafka_sink *)context)->is_fatal = true;
}

static enum status make_client(struct kafka_sink *sink, struct error *ret_error)
{
    const struct kafka_client_spec spec = {
        .kind = KAFKA_CLIENT_WRITER, .properties = sink->properties, .context = sink, .on_fatal = on_fatal};
    rd_kafka_conf_t *conf = NULL;
    enum status status = kafka_client_conf(&spec, &conf, ret_error);

    if (status != STATUS_OK) {
        return status;
    }
    for (size_t i = 0; i < ARRAY_COUNT(settings); i++) {
        CHECK(rd_kafka_conf_set(conf, settings[i][0], settings[i][1], NULL, 0) == RD_KAFKA_CONF_OK);
    }
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery_report);
    status = kafka_client_new_take(conf, RD_KAFKA_PRODUCER, &sink->client, ret_error);
    if (status != STATUS_OK) {
        return status;
    }
    sink->queue = rd_kafka_queue_get_main(sink->client);
    kafka_wake_attach(&sink->wake, sink->queue);
    return STATUS_OK;
}

/* Every record that it holds is answered by the purge. */
static void drop_client(struct kafka_sink *sink)
{
    if (sink->client == NULL) {
        return;
    }
    rd_kafka_purge(sink->client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    while (rd_kafka_outq_len(sink->client) > 0) {
        rd_kafka_queue_poll_callback(sink->queue, 20);
    }
    kafka_wake_detach(sink->queue);
    rd_kafka_queue_destroy(sink->queue);
    rd_kafka_destroy(sink->client);
    sink->client = NULL;
    sink->queue = NULL;
    sink->is_fatal = false;
}

static void free_record(struct kafka_sink *sink, struct record *record)
{
    sink->records--;
    free(record->topic);
    free(record);
}

/* ---- answers ---- */

/* What a client that has failed for good still held gets its error: it may fail as soon as it is made anew, so an
 * attempt that counted for nothing would be tried without end and without a pause. */
static rd_kafka_resp_err_t error_meant(const struct kafka_sink *sink, rd_kafka_resp_err_t err)
{
    switch (err) {
    case RD_KAFKA_RESP_ERR__FATAL:
    case RD_KAFKA_RESP_ERR__PURGE_QUEUE:
    case RD_KAFKA_RESP_ERR__PURGE_INFLIGHT:
        return sink->fatal_err != RD_KAFKA_RESP_ERR_NO_ERROR ? sink->fatal_err : err;
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
        return RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    default:
        return err;
    }
}

static void judge(rd_kafka_resp_err_t err, struct sink_answer *ret_answer)
{
    *ret_answer = (struct sink_answer){
        .verdict = VERDICT_FAILED, .retry_after_ms = -1, .detail = rd_kafka_err2str(err), .requests = 1};
    switch (err) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        ret_answer->verdict = VERDICT_DELIVERED;
        ret_answer->detail = "";
        return;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_INVALID_MSG_SIZE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
        ret_answer->verdict = VERDICT_REFUSED;
        ret_answer->error = sink_error_of_failure(TRANSPORT_TOO_LARGE);
        return;
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
        ret_answer->verdict = VERDICT_REFUSED;
        break;
    case RD_KAFKA_RESP_ERR__MSG_TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE:
        ret_answer->error = sink_error_of_failure(TRANSPORT_TIMEOUT);
        return;
    default:
        break;
    }
    ret_answer->error = sink_error_of_kafka(err);
}

static void log_failure(struct kafka_sink *sink, const struct record *record, const struct sink_answer *answer)
{
    char text[SINK_ERROR_MAX];
    struct error reason;

    if (answer->verdict == VERDICT_DELIVERED || !sink_may_log(&sink->lines, event_loop_now_ms(sink->loop))) {
        return;
    }
    error_set(&reason, STATUS_REFUSED, "%s", answer->detail);
    if (sink->client != NULL && answer->verdict == VERDICT_FAILED) {
        (void)kafka_topic_refuse(sink->client, record->topic, error_meant(sink, record->err), &reason);
    }
    sink_error_text(answer->error, text);
    log_warn(answer->verdict == VERDICT_REFUSED ? "a topic has refused an event" : "a topic cannot be written to",
             LOG_TEXT("topic", record->topic), LOG_TEXT("error", text), LOG_TEXT("reason", reason.text));
}

static void tell_answers(struct kafka_sink *sink)
{
    struct record *record;

    while ((record = STAILQ_FIRST(&sink->answered)) != NULL) {
        struct sink_answer answer;
        uint64_t number = record->number;
        bool is_wanted = !record->is_cancelled && !sink->is_stopped;

        STAILQ_REMOVE_HEAD(&sink->answered, link);
        judge(error_meant(sink, record->err), &answer);
        if (!record->is_cancelled) {
            HASH_DEL(sink->in_air, record);
        }
        if (is_wanted) {
            log_failure(sink, record, &answer);
        }
        free_record(sink, record);
        if (is_wanted) {
            sink->listener(sink->context, number, &answer);
        }
    }
}

static void on_wake(void *context)
{
    struct kafka_sink *sink = context;

    kafka_wake_clear(&sink->wake);
    while (sink->client != NULL && rd_kafka_queue_poll_callback(sink->queue, 0) > 0) {
    }
    if (sink->is_fatal) {
        char text[256];

        sink->fatal_err = rd_kafka_fatal_error(sink->client, text, sizeof(text)); /* logged by kafka_client */
        drop_client(sink);
    }
    tell_answers(sink);
}

/* ---- what is written ---- */

/* librdkafka takes a null pointer for a null value, so an empty one needs a pointer. */
static void *pointer_of(struct bytes_view view, bool is_null)
{
    return is_null ? NULL : (void *)(uintptr_t)(view.size > 0 ? (const void *)view.data : "");
}

static void add_header(rd_kafka_headers_t *headers, const char *name, struct bytes_view value, bool is_null)
{
    CHECK(rd_kafka_header_add(headers, name, -1, pointer_of(value, is_null), (ssize_t)value.size) ==
          RD_KAFKA_RESP_ERR_NO_ERROR);
}

static bool is_replaced(const char *name)
{
    return strcasecmp(name, "content-type") == 0 || strcmp(name, "ce_id") == 0;
}

static rd_kafka_headers_t *make_headers(const struct sink_delivery *delivery, bool is_json)
{
    const struct record_in *record = delivery->record;
    rd_kafka_headers_t *headers = rd_kafka_headers_new(record->header_count + 2);

    for (size_t i = 0; i < record->header_count; i++) {
        const struct record_header *header = &record->headers[i];

        if (!is_json || !is_replaced(header->name)) {
            add_header(headers, header->name, header->value, header->value_is_null);
        }
    }
    if (is_json) {
        add_header(headers, "ce_id", delivery->id, false);
        add_header(headers, "content-type", BYTES_LITERAL("application/json"), false);
    }
    return headers;
}

static rd_kafka_resp_err_t produce(struct kafka_sink *sink, const struct sink_delivery *delivery, struct record *record)
{
    const struct record_in *in = delivery->record;
    bool is_json = delivery->subscription->kafka.format == KAFKA_FORMAT_JSON;
    struct bytes_view value = is_json ? delivery->body : in->value;
    rd_kafka_headers_t *headers = make_headers(delivery, is_json);
    const rd_kafka_vu_t parts[] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = record->topic},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {pointer_of(in->key, in->key_is_null), in->key.size}},
        {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {pointer_of(value, false), value.size}},
        {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = in->timestamp_ms > 0 ? in->timestamp_ms : 0},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = record},
    };
    rd_kafka_error_t *error = rd_kafka_produceva(sink->client, parts, ARRAY_COUNT(parts));
    rd_kafka_resp_err_t err = RD_KAFKA_RESP_ERR_NO_ERROR;

    if (error != NULL) {
        rd_kafka_headers_destroy(headers); /* taken over by a success only */
        err = rd_kafka_error_code(error);
        rd_kafka_error_destroy(error);
    }
    return err;
}

/* ---- the contract's functions ---- */

static enum status start_attempt(void *context, const struct sink_delivery *delivery, struct error *ret_error)
{
    struct kafka_sink *sink = context;
    struct record *record;

    CHECK(!sink->is_stopped);
    sink_delivery_check(delivery, SINK_KAFKA);
    if (sink->records >= sink->limits.records_max) {
        return error_set(ret_error, STATUS_FULL, "%u records wait for the broker's answer", sink->records);
    }
    if (sink->client == NULL) {
        enum status status = make_client(sink, ret_error);

        if (status != STATUS_OK) {
            return status;
        }
    }
    record = memory_alloc(1, sizeof(*record));
    record->number = delivery->number;
    record->topic = memory_copy_text(delivery->subscription->kafka.topic);
    sink->records++;
    HASH_ADD(hh, sink->in_air, number, sizeof(record->number), record);
    record->err = produce(sink, delivery, record);
    if (record->err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        STAILQ_INSERT_TAIL(&sink->answered, record, link);
        kafka_wake_up(&sink->wake);
    }
    return STATUS_OK;
}

static void cancel(void *context, uint64_t number)
{
    struct kafka_sink *sink = context;
    struct record *record;

    HASH_FIND(hh, sink->in_air, &number, sizeof(number), record);
    if (record != NULL) {
        HASH_DEL(sink->in_air, record);
        record->is_cancelled = true;
    }
}

static void reopen(void *context)
{
    (void)context;
}

static void stop(void *context)
{
    struct kafka_sink *sink = context;

    if (sink->is_stopped) {
        return;
    }
    sink->is_stopped = true;
    event_loop_unwatch(sink->watch);
    drop_client(sink);
    tell_answers(sink);
    CHECK(sink->records == 0);
}

static void destroy(void *context)
{
    struct kafka_sink *sink = context;

    stop(sink);
    kafka_wake_destroy(&sink->wake);
    free(sink);
}

struct sink kafka_sink_create(struct event_loop *loop, const struct kafka_properties *properties,
                              const struct kafka_sink_limits *limits, sink_listener *listener, void *context)
{
    static const struct sink_ops ops = {
        .start_attempt = start_attempt, .cancel = cancel, .reopen = reopen, .stop = stop, .destroy = destroy};
    struct kafka_sink *sink = memory_alloc(1, sizeof(*sink));

    CHECK(limits->records_max > 0);
    sink->loop = loop;
    sink->properties = properties;
    sink->limits = *limits;
    sink->listener = listener;
    sink->context = context;
    STAILQ_INIT(&sink->answered);
    kafka_wake_init(&sink->wake);
    sink->watch = event_loop_watch(loop, kafka_wake_fd(&sink->wake), on_wake, sink);
    return (struct sink){.ops = &ops, .self = sink};
}
