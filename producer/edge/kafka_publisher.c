#include "kafka_publisher.h"

#include "check.h"
#include "kafka_client.h"
#include "kafka_topic.h"
#include "kafka_wake.h"
#include "memory.h"

#include <inttypes.h>
#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    CLOSE_WAIT_MS = 2000,
    CLOSE_POLL_MS = 100,
    BATCH_MARGIN = 64, /* bytes; and a 64th: a batch that does not compress can grow by as much */
};

struct kafka_publisher {
    struct kafka_publisher_settings settings;
    struct kafka_wake wake;
    rd_kafka_t *client;
    rd_kafka_queue_t *queue;   /* the client's main one, which the wake listens to */
    rd_kafka_topic_t *topic;   /* NULL until asked */
    int64_t message_bytes_max; /* of the topic; KAFKA_TOPIC_UNKNOWN */
    int64_t batch_bytes_max;   /* what the client is set up with */
    bool is_ready;
    bool is_broken;
    uint32_t outstanding;           /* sent, no report taken */
    struct publish_report *reports; /* a ring of records_max */
    uint32_t report_first, report_count;
};

/* The opaque of a message is never NULL, so that a message of nobody's would be seen. */
static void *opaque_of(uint64_t place)
{
    return (void *)(uintptr_t)(place + 1);
}

static enum publish_verdict judge(const struct kafka_publisher *publisher, rd_kafka_resp_err_t error, size_t size)
{
    switch (error) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        return PUBLISH_DELIVERED;
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
        /* A record beyond the size of a batch had no company. */
        return (int64_t)size > publisher->batch_bytes_max ? PUBLISH_REFUSED : PUBLISH_BATCH_REFUSED;
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
        return PUBLISH_BATCH_REFUSED;
    case RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP:
        return PUBLISH_CLOCK_WRONG;
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
    case RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
        return PUBLISH_TOPIC_AWAY;
    default:
        return PUBLISH_FAILED;
    }
}

static void add_report(struct kafka_publisher *publisher, const struct publish_report *report)
{
    CHECK(publisher->report_count < publisher->settings.records_max);
    uint32_t at = (publisher->report_first + publisher->report_count) % publisher->settings.records_max;
    publisher->reports[at] = *report;
    publisher->report_count++;
}

static void on_delivery(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
    struct kafka_publisher *publisher = kafka_client_context(opaque);
    CHECK(message->_private != NULL);
    /* A client that is being closed has nothing to say any more. */
    if (client != publisher->client) {
        return;
    }
    const struct publish_report report = {
        .place = (uint64_t)(uintptr_t)message->_private - 1,
        .verdict = judge(publisher, message->err, message->len + message->key_len),
        .error = message->err,
    };
    add_report(publisher, &report);
}

static void on_fatal(void *context, const char *text)
{
    struct kafka_publisher *publisher = context;
    (void)text; /* logged already */
    publisher->is_broken = true;
}

/* A property that the user has set stays, whatever it is: a full queue of librdkafka is only waited for. */
static void raise_number(struct kafka_publisher *publisher, rd_kafka_conf_t *conf, const char *name, int64_t least)
{
    char text[32];
    size_t size = sizeof(text);
    int64_t now = 0;
    if (kafka_properties_get(publisher->settings.properties, name) != NULL) {
        return;
    }
    CHECK(rd_kafka_conf_get(conf, name, text, &size) == RD_KAFKA_CONF_OK);
    CHECK(bytes_view_to_int64(bytes_view_of_text(text), &now) == STATUS_OK);
    if (now < least) {
        char reason[128];
        snprintf(text, sizeof(text), "%" PRId64, least < INT32_MAX ? least : INT32_MAX);
        (void)rd_kafka_conf_set(conf, name, text, reason, sizeof(reason));
    }
}

/* Sets batch.size below what the topic takes, and notes what it is then. */
static void set_batch_size(struct kafka_publisher *publisher, rd_kafka_conf_t *conf)
{
    char text[32];
    size_t size = sizeof(text);
    CHECK(rd_kafka_conf_get(conf, "batch.size", text, &size) == RD_KAFKA_CONF_OK);
    CHECK(bytes_view_to_int64(bytes_view_of_text(text), &publisher->batch_bytes_max) == STATUS_OK);
    if (publisher->message_bytes_max == KAFKA_TOPIC_UNKNOWN) {
        return;
    }
    int64_t most = publisher->message_bytes_max - publisher->message_bytes_max / 64 - BATCH_MARGIN;
    most = most < 1 ? 1 : most;
    if (publisher->batch_bytes_max > most) {
        char reason[128];
        snprintf(text, sizeof(text), "%" PRId64, most);
        CHECK(rd_kafka_conf_set(conf, "batch.size", text, reason, sizeof(reason)) == RD_KAFKA_CONF_OK);
        publisher->batch_bytes_max = most;
    }
}

static enum status open_client(struct kafka_publisher *publisher, struct error *ret_error)
{
    const struct kafka_client_spec spec = {
        .kind = KAFKA_CLIENT_PRODUCER,
        .properties = publisher->settings.properties,
        .context = publisher,
        .on_fatal = on_fatal,
    };
    rd_kafka_conf_t *conf;
    enum status status = kafka_client_conf(&spec, &conf, ret_error);
    if (status != STATUS_OK) {
        return status;
    }
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    set_batch_size(publisher, conf);
    raise_number(publisher, conf, "queue.buffering.max.messages", (int64_t)publisher->settings.records_max + 1);
    raise_number(publisher, conf, "queue.buffering.max.kbytes", publisher->settings.bytes_max / 1024 + 1024);
    status = kafka_client_new_take(conf, RD_KAFKA_PRODUCER, &publisher->client, ret_error);
    if (status != STATUS_OK) {
        return status;
    }
    publisher->queue = rd_kafka_queue_get_main(publisher->client);
    kafka_wake_attach(&publisher->wake, publisher->queue);
    publisher->is_broken = false;
    return STATUS_OK;
}

static void close_client(struct kafka_publisher *publisher)
{
    if (publisher->client == NULL) {
        return;
    }
    rd_kafka_t *client = publisher->client;
    publisher->is_ready = false;
    publisher->outstanding = 0;
    publisher->report_count = 0;
    publisher->client = NULL;
    if (publisher->topic != NULL) {
        rd_kafka_topic_destroy(publisher->topic);
        publisher->topic = NULL;
    }
    rd_kafka_purge(client, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT | RD_KAFKA_PURGE_F_NON_BLOCKING);
    /* What was purged is reported, to nobody: otherwise the client would say that it is still there. */
    (void)rd_kafka_poll(client, CLOSE_POLL_MS);
    kafka_wake_detach(publisher->queue);
    rd_kafka_queue_destroy(publisher->queue);
    kafka_client_destroy_within(client, 0, CLOSE_WAIT_MS);
}

enum status kafka_publisher_create(const struct kafka_publisher_settings *settings,
                                   struct kafka_publisher **ret_publisher, struct error *ret_error)
{
    CHECK(settings->records_max >= 1);
    struct kafka_publisher *publisher = memory_alloc(1, sizeof(*publisher));
    publisher->settings = *settings;
    publisher->message_bytes_max = KAFKA_TOPIC_UNKNOWN;
    publisher->reports = memory_alloc(settings->records_max, sizeof(*publisher->reports));
    kafka_wake_init(&publisher->wake);
    enum status status = open_client(publisher, ret_error);
    if (status != STATUS_OK) {
        kafka_publisher_destroy(publisher);
        return status;
    }
    *ret_publisher = publisher;
    return STATUS_OK;
}

void kafka_publisher_destroy(struct kafka_publisher *publisher)
{
    if (publisher == NULL) {
        return;
    }
    close_client(publisher);
    kafka_wake_destroy(&publisher->wake);
    free(publisher->reports);
    free(publisher);
}

int kafka_publisher_fd(const struct kafka_publisher *publisher)
{
    return kafka_wake_fd(&publisher->wake);
}

/* The size of a batch is fixed when a client is made. */
static enum status fit_client(struct kafka_publisher *publisher, int64_t message_bytes_max, struct error *ret_error)
{
    publisher->message_bytes_max = message_bytes_max;
    if (message_bytes_max == KAFKA_TOPIC_UNKNOWN || message_bytes_max > publisher->batch_bytes_max) {
        return STATUS_OK;
    }
    close_client(publisher);
    return open_client(publisher, ret_error);
}

enum status kafka_publisher_ask(struct kafka_publisher *publisher, int timeout_ms, struct error *ret_error)
{
    CHECK(publisher->outstanding == 0 && publisher->report_count == 0);
    struct kafka_topic_facts facts;
    publisher->is_ready = false;
    enum status status = kafka_topic_facts(publisher->client, publisher->settings.topic, timeout_ms, &facts, ret_error);
    if (status != STATUS_OK) {
        return status;
    }
    status = fit_client(publisher, facts.message_bytes_max, ret_error);
    if (status != STATUS_OK) {
        return status;
    }
    if (publisher->topic == NULL) {
        publisher->topic = rd_kafka_topic_new(publisher->client, publisher->settings.topic, NULL);
        CHECK(publisher->topic != NULL);
    }
    publisher->is_ready = true;
    return STATUS_OK;
}

bool kafka_publisher_is_ready(const struct kafka_publisher *publisher)
{
    return publisher->is_ready;
}

static rd_kafka_headers_t *make_headers(const struct outgoing_record *record)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(record->header_count);
    for (size_t i = 0; i < record->header_count; i++) {
        const struct outgoing_header *header = &record->headers[i];
        CHECK(rd_kafka_header_add(headers, header->name, -1, header->value.data, (ssize_t)header->value.size) ==
              RD_KAFKA_RESP_ERR_NO_ERROR);
    }
    return headers;
}

enum status kafka_publisher_send(struct kafka_publisher *publisher, uint64_t place,
                                 const struct outgoing_record *record)
{
    CHECK(publisher->is_ready && publisher->outstanding < publisher->settings.records_max);
    union {
        const void *read_only;
        void *pointer; /* librdkafka's type; it only reads */
    } value = {record->value.data}, key = {record->key.data};
    rd_kafka_headers_t *headers = make_headers(record);
    rd_kafka_resp_err_t error = rd_kafka_producev(
        publisher->client, RD_KAFKA_V_RKT(publisher->topic), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
        RD_KAFKA_V_KEY(key.pointer, record->key.size), RD_KAFKA_V_VALUE(value.pointer, record->value.size),
        RD_KAFKA_V_TIMESTAMP(record->timestamp_ms), RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_OPAQUE(opaque_of(place)),
        RD_KAFKA_V_END);
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        rd_kafka_headers_destroy(headers); /* still ours then */
    }
    if (error == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        return STATUS_FULL;
    }
    publisher->outstanding++;
    if (error != RD_KAFKA_RESP_ERR_NO_ERROR) {
        /* Refused here, before any batch: alone. */
        const struct publish_report report = {
            .place = place, .verdict = judge(publisher, error, SIZE_MAX / 2), .error = error};
        add_report(publisher, &report);
        kafka_wake_up(&publisher->wake);
    }
    return STATUS_OK;
}

void kafka_publisher_poll(struct kafka_publisher *publisher)
{
    kafka_wake_clear(&publisher->wake);
    if (publisher->client != NULL) {
        (void)rd_kafka_poll(publisher->client, 0);
    }
}

bool kafka_publisher_next_report(struct kafka_publisher *publisher, struct publish_report *ret_report)
{
    if (publisher->report_count == 0) {
        return false;
    }
    *ret_report = publisher->reports[publisher->report_first];
    publisher->report_first = (publisher->report_first + 1) % publisher->settings.records_max;
    publisher->report_count--;
    CHECK(publisher->outstanding > 0);
    publisher->outstanding--;
    return true;
}

bool kafka_publisher_is_broken(const struct kafka_publisher *publisher)
{
    return publisher->is_broken;
}

enum status kafka_publisher_replace(struct kafka_publisher *publisher, struct error *ret_error)
{
    close_client(publisher);
    return open_client(publisher, ret_error);
}

int kafka_publisher_queue_full_error(void)
{
    return RD_KAFKA_RESP_ERR__QUEUE_FULL;
}

const char *kafka_publisher_rule(int error)
{
    switch ((rd_kafka_resp_err_t)error) {
    case RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE:
        return "kafka.message_too_large"; /* as Kafka's own list of errors has it */
    case RD_KAFKA_RESP_ERR_RECORD_LIST_TOO_LARGE:
        return "kafka.record_list_too_large";
    case RD_KAFKA_RESP_ERR_INVALID_RECORD:
        return "kafka.invalid_record";
    default:
        return "kafka.refused";
    }
}

static void append_bootstrap(const struct kafka_publisher *publisher, struct bytes *text)
{
    const char *servers = kafka_properties_get(publisher->settings.properties, "bootstrap.servers");
    bytes_append_text(text, servers == NULL ? "BROKER" : servers);
}

void kafka_publisher_append_advice(const struct kafka_publisher *publisher, int error, struct bytes *text)
{
    const char *topic = publisher->settings.topic;
    switch (judge(publisher, (rd_kafka_resp_err_t)error, 0)) {
    case PUBLISH_CLOCK_WRONG:
        bytes_append_text(text, "the broker does not take this machine's time; compare the clocks of both, set the "
                                "wrong one right, and start this program again");
        return;
    case PUBLISH_TOPIC_AWAY:
        if (error == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED) {
            bytes_append_text(text, "not authorised to write; allow it: kafka-acls.sh --bootstrap-server ");
            append_bootstrap(publisher, text);
            bytes_append_format(text, " --add --allow-principal User:NAME --producer --topic %s", topic);
        } else {
            bytes_append_text(text, "the broker does not know the topic; make it: kafka-topics.sh --bootstrap-server ");
            append_bootstrap(publisher, text);
            bytes_append_format(text, " --create --topic %s --partitions 12", topic);
        }
        return;
    case PUBLISH_BATCH_REFUSED:
    case PUBLISH_REFUSED:
        bytes_append_text(text, rd_kafka_err2str((rd_kafka_resp_err_t)error));
        if (publisher->message_bytes_max != KAFKA_TOPIC_UNKNOWN) {
            bytes_append_format(text, "; max.message.bytes of %s was %" PRId64 " when last asked", topic,
                                publisher->message_bytes_max);
        }
        return;
    case PUBLISH_DELIVERED:
    case PUBLISH_FAILED:
        if (error == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            bytes_append_text(text, "one event does not fit into the Kafka client's queue; raise "
                                    "kafka.queue.buffering.max.kbytes or leave it out");
            return;
        }
        bytes_append_text(text, rd_kafka_err2str((rd_kafka_resp_err_t)error));
        return;
    }
}
