#include "dead_letter_writer.h"

#include "check.h"
#include "kafka_topic.h"
#include "kafka_wake.h"
#include "log.h"
#include "memory.h"
#include "utc_time.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

enum { PURGE_POLLS = 50, PURGE_POLL_MS = 20, REPLACE_WAIT_MS = 1000 };

struct dead_letter_writer {
    struct event_loop *loop;
    const struct kafka_properties *properties;
    const char *topic;
    const char *group;
    dead_letter_listener *listener;
    void *context;
    rd_kafka_t *client;
    rd_kafka_queue_t *queue;
    struct kafka_wake wake;
    struct event_loop_watch *wake_watch;
    uv_timer_t timer;                 /* set to 0: the loop's next turn does what a callback may not */
    bool is_broken;                   /* the client has failed for good */
    struct write *refused_first;      /* refused on the spot: answered from the loop */
    rd_kafka_resp_err_t refused_with; /* what the topic last said no with; NO_ERROR after a yes */
    bool is_timer_open;
    bool is_closing;
};

/* One write under way; librdkafka carries it as the message's opaque. */
struct write {
    uint32_t delivery;
    uint64_t token;
    rd_kafka_resp_err_t err;
    struct write *next;
};

/* Said when it begins or changes, not at every try. */
static void log_refusal(struct dead_letter_writer *writer, rd_kafka_resp_err_t err)
{
    if (err == writer->refused_with) {
        return;
    }
    writer->refused_with = err;
    if (err == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE) {
        log_error("a dead letter is larger than its topic takes: raise the topic's max.message.bytes to 64 KiB above "
                  "the event topic's. Trying again; no commit passes its event",
                  LOG_TEXT("topic", writer->topic), LOG_TEXT("setting", "max.message.bytes"));
    } else {
        struct error error;
        (void)kafka_topic_refuse(writer->client, writer->topic, err, &error);
        log_error("a dead letter could not be written; trying again, no commit passes its event",
                  LOG_TEXT("topic", writer->topic), LOG_TEXT("reason", error.text));
    }
}

/* After a stop the answers are of no interest: the events of unacknowledged letters are not committed. */
static void answer(struct dead_letter_writer *writer, struct write *write, rd_kafka_resp_err_t err)
{
    bool ok = err == RD_KAFKA_RESP_ERR_NO_ERROR;
    if (!writer->is_closing) {
        if (ok) {
            writer->refused_with = RD_KAFKA_RESP_ERR_NO_ERROR;
        } else {
            log_refusal(writer, err);
        }
        writer->listener(writer->context, write->delivery, write->token, ok);
    }
    free(write);
}

static void on_delivery_report(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
    (void)client;
    answer(kafka_client_context(opaque), message->_private, message->err);
}

static void serve(struct dead_letter_writer *writer)
{
    while (rd_kafka_queue_poll_callback(writer->queue, 0) > 0) {
    }
}

static void on_wake(void *context)
{
    struct dead_letter_writer *writer = context;
    kafka_wake_clear(&writer->wake);
    serve(writer);
}

static void on_fatal(void *context, const char *text);
static void on_timer(uv_timer_t *timer);

static enum status open_client(struct dead_letter_writer *writer, struct error *ret_error)
{
    rd_kafka_conf_t *conf = NULL;
    const struct kafka_client_spec spec = {
        .kind = KAFKA_CLIENT_WRITER, .properties = writer->properties, .context = writer, .on_fatal = on_fatal};
    enum status status = kafka_client_conf(&spec, &conf, ret_error);
    if (status != STATUS_OK) {
        return status;
    }
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery_report);
    /* A broker refuses the whole batch that a record too large for it travels in: each letter goes alone. */
    CHECK(rd_kafka_conf_set(conf, "batch.num.messages", "1", NULL, 0) == RD_KAFKA_CONF_OK);
    status = kafka_client_new_take(conf, RD_KAFKA_PRODUCER, &writer->client, ret_error);
    if (status != STATUS_OK) {
        return status;
    }
    writer->queue = rd_kafka_queue_get_main(writer->client);
    kafka_wake_attach(&writer->wake, writer->queue);
    return STATUS_OK;
}

/* The purge answers every write under way, which frees it. */
static void close_client(struct dead_letter_writer *writer, int64_t wait_ms)
{
    rd_kafka_purge(writer->client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    for (int i = 0; i < PURGE_POLLS && rd_kafka_outq_len(writer->client) > 0; i++) {
        rd_kafka_queue_poll_callback(writer->queue, PURGE_POLL_MS);
    }
    kafka_wake_detach(writer->queue);
    rd_kafka_queue_destroy(writer->queue);
    kafka_client_destroy_within(writer->client, 0, wait_ms);
    writer->client = NULL;
}

static void on_fatal(void *context, const char *text)
{
    (void)text; /* logged already */
    struct dead_letter_writer *writer = context;
    writer->is_broken = true;
    uv_timer_start(&writer->timer, on_timer, 0, 0);
}

/* A client that has failed for good is replaced from the loop, never from inside its own callback. */
static void replace_client(struct dead_letter_writer *writer)
{
    close_client(writer, REPLACE_WAIT_MS);
    struct error error;
    CHECK(open_client(writer, &error) == STATUS_OK); /* the same settings made one before */
    writer->is_broken = false;
    log_warn("the producer of dead letters was replaced", LOG_TEXT("topic", writer->topic));
}

static void on_timer(uv_timer_t *timer)
{
    struct dead_letter_writer *writer = timer->data;
    if (writer->is_broken && !writer->is_closing) {
        replace_client(writer);
    }
    struct write *write = writer->refused_first;
    writer->refused_first = NULL;
    while (write != NULL) {
        struct write *next = write->next;
        answer(writer, write, write->err);
        write = next;
    }
}

enum status dead_letter_writer_create(struct event_loop *loop, const struct kafka_properties *properties,
                                      const char *topic, const char *group, dead_letter_listener *listener,
                                      void *context, struct dead_letter_writer **ret_writer, struct error *ret_error)
{
    struct dead_letter_writer *writer = memory_alloc(1, sizeof(*writer));
    *writer = (struct dead_letter_writer){.loop = loop,
                                          .properties = properties,
                                          .topic = topic,
                                          .group = group,
                                          .listener = listener,
                                          .context = context};
    kafka_wake_init(&writer->wake);
    enum status status = open_client(writer, ret_error);
    if (status != STATUS_OK) {
        kafka_wake_destroy(&writer->wake);
        free(writer);
        return status;
    }
    writer->wake_watch = event_loop_watch(loop, kafka_wake_fd(&writer->wake), on_wake, writer);
    writer->timer.data = writer;
    CHECK(uv_timer_init(event_loop_uv(loop), &writer->timer) == 0);
    writer->is_timer_open = true;
    *ret_writer = writer;
    return STATUS_OK;
}

static void add_text(rd_kafka_headers_t *headers, const char *name, const char *text)
{
    CHECK(rd_kafka_header_add(headers, name, -1, text, -1) == RD_KAFKA_RESP_ERR_NO_ERROR);
}

static void add_number(rd_kafka_headers_t *headers, const char *name, int64_t number)
{
    char text[24];
    snprintf(text, sizeof(text), "%" PRId64, number);
    add_text(headers, name, text);
}

static rd_kafka_headers_t *make_headers(const struct dead_letter_writer *writer, const struct dead_letter *letter)
{
    const struct record_in *record = letter->record;
    rd_kafka_headers_t *headers = rd_kafka_headers_new(record->header_count + 10);
    for (size_t i = 0; i < record->header_count; i++) {
        const struct record_header *header = &record->headers[i];
        const void *value = header->value_is_null    ? NULL
                            : header->value.size > 0 ? (const void *)header->value.data
                                                     : "";
        rd_kafka_resp_err_t err = rd_kafka_header_add(headers, header->name, -1, value, (ssize_t)header->value.size);
        CHECK(err == RD_KAFKA_RESP_ERR_NO_ERROR);
    }
    add_text(headers, "dl_reason", letter->reason);
    add_text(headers, "dl_group", writer->group);
    if (letter->subscription != NULL) {
        add_text(headers, "dl_subscription", letter->subscription);
    }
    if (letter->attempts > 0) {
        add_number(headers, "dl_attempts", letter->attempts);
        struct bytes stamp = {0};
        utc_time_append_millis(&stamp, letter->first_attempt_at_ms);
        CHECK(rd_kafka_header_add(headers, "dl_first_attempt_at", -1, stamp.data, (ssize_t)stamp.size) ==
              RD_KAFKA_RESP_ERR_NO_ERROR);
        bytes_free(&stamp);
    }
    if (letter->last_error[0] != '\0') {
        add_text(headers, "dl_last_error", letter->last_error);
    }
    add_text(headers, "dl_origin_topic", letter->origin_topic);
    add_number(headers, "dl_origin_partition", letter->origin_partition);
    add_number(headers, "dl_origin_offset", letter->origin_offset);
    return headers;
}

/* rd_kafka_producev takes a null pointer for a null key or value, so an empty one needs a pointer. */
static const void *pointer_of(struct bytes_view view, bool is_null)
{
    return is_null ? NULL : view.size > 0 ? (const void *)view.data : "";
}

void dead_letter_writer_write(struct dead_letter_writer *writer, const struct dead_letter *letter, uint32_t delivery,
                              uint64_t token)
{
    CHECK(!writer->is_closing);
    struct write *write = memory_alloc(1, sizeof(*write));
    *write = (struct write){.delivery = delivery, .token = token};
    const struct record_in *record = letter->record;
    rd_kafka_headers_t *headers = make_headers(writer, letter);
    const rd_kafka_vu_t parts[] = {
        {.vtype = RD_KAFKA_VTYPE_TOPIC, .u.cstr = writer->topic},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_KEY,
         .u.mem = {(void *)(uintptr_t)pointer_of(record->key, record->key_is_null), record->key.size}},
        {.vtype = RD_KAFKA_VTYPE_VALUE,
         .u.mem = {(void *)(uintptr_t)pointer_of(record->value, record->value_is_null), record->value.size}},
        {.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = record->timestamp_ms > 0 ? record->timestamp_ms : 0},
        {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers},
        {.vtype = RD_KAFKA_VTYPE_OPAQUE, .u.ptr = write},
    };
    rd_kafka_error_t *error = rd_kafka_produceva(writer->client, parts, ARRAY_COUNT(parts));
    if (error != NULL) {
        rd_kafka_headers_destroy(headers);
        write->err = rd_kafka_error_code(error);
        rd_kafka_error_destroy(error);
        write->next = writer->refused_first;
        writer->refused_first = write;
        uv_timer_start(&writer->timer, on_timer, 0, 0);
    }
}

static void on_timer_closed(uv_handle_t *handle)
{
    struct dead_letter_writer *writer = handle->data;
    writer->is_timer_open = false;
}

void dead_letter_writer_stop(struct dead_letter_writer *writer, int64_t wait_ms)
{
    writer->is_closing = true;
    on_timer(&writer->timer);
    event_loop_unwatch(writer->wake_watch);
    uv_close((uv_handle_t *)&writer->timer, on_timer_closed);
    while (writer->is_timer_open) {
        uv_run(event_loop_uv(writer->loop), UV_RUN_NOWAIT);
    }
    close_client(writer, wait_ms);
}

void dead_letter_writer_destroy(struct dead_letter_writer *writer)
{
    if (writer == NULL) {
        return;
    }
    CHECK(writer->client == NULL);
    kafka_wake_destroy(&writer->wake);
    free(writer);
}
