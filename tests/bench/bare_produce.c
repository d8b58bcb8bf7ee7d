/* bare_produce BROKERS TOPIC LINES RECORDS: parses each of LINES by jansson and produces the next of RECORDS.
 *
 * What a producer of these records cannot do without: duplicate keys are refused, the producer is idempotent. RECORDS
 * are what the relay made of the lines, in frames: key, value, then name and value of each header. Ends with 0 when
 * every record is acknowledged. */
#include "check.h"
#include "frames.h"

#include <jansson.h>
#include <librdkafka/rdkafka.h>
#include <stdlib.h>

enum { CLOSE_MS = 30000 };

static size_t acknowledged;

static void on_delivery(rd_kafka_t *client, const rd_kafka_message_t *message, void *opaque)
{
    (void)client, (void)opaque;
    CHECK(message->err == RD_KAFKA_RESP_ERR_NO_ERROR);
    acknowledged++;
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
    char reason[256];

    CHECK(rd_kafka_conf_set(conf, name, value, reason, sizeof(reason)) == RD_KAFKA_CONF_OK);
}

static rd_kafka_t *open_producer(const char *brokers)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char reason[256];
    rd_kafka_t *client;

    set(conf, "bootstrap.servers", brokers);
    set(conf, "enable.idempotence", "true");
    set(conf, "partitioner", "murmur2_random");
    set(conf, "queue.buffering.max.messages", "10000"); /* the relay's in_flight.events */
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof(reason));
    CHECK(client != NULL);
    return client;
}

static void parse_line(const char *line, size_t size)
{
    json_error_t error;
    json_t *value = json_loadb(line, size, JSON_REJECT_DUPLICATES, &error);

    CHECK(value != NULL);
    json_decref(value);
}

static rd_kafka_headers_t *make_headers(struct bytes_view rest)
{
    rd_kafka_headers_t *headers = rd_kafka_headers_new(8);
    struct bytes_view name;
    struct bytes_view value;

    while (frames_next(&rest, &name)) {
        CHECK(frames_next(&rest, &value));
        CHECK(rd_kafka_header_add(headers, (const char *)name.data, (ssize_t)name.size, value.data,
                                  (ssize_t)value.size) == RD_KAFKA_RESP_ERR_NO_ERROR);
    }
    return headers;
}

/* librdkafka's type; it only reads. */
static void *lent(struct bytes_view view)
{
    return (void *)(uintptr_t)view.data;
}

static void produce(rd_kafka_t *client, rd_kafka_topic_t *topic, struct bytes_view record)
{
    struct bytes_view key;
    struct bytes_view value;
    rd_kafka_headers_t *headers;
    rd_kafka_resp_err_t error;

    CHECK(frames_next(&record, &key) && frames_next(&record, &value));
    headers = make_headers(record);
    while ((error = rd_kafka_producev(client, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                      RD_KAFKA_V_KEY(lent(key), key.size), RD_KAFKA_V_VALUE(lent(value), value.size),
                                      RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END)) == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        rd_kafka_poll(client, 100);
    }
    CHECK(error == RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_poll(client, 0);
}

int main(int count, char **arguments)
{
    struct bytes content;
    struct bytes_view rest;
    struct bytes_view record;
    char *line = NULL;
    size_t capacity = 0;
    size_t produced = 0;
    ssize_t size;
    rd_kafka_t *client;
    rd_kafka_topic_t *topic;
    FILE *lines;

    CHECK(count == 5);
    json_object_seed(0);
    lines = fopen(arguments[3], "rb");
    CHECK(lines != NULL);
    content = frames_load(arguments[4]);
    rest = bytes_as_view(&content);
    client = open_producer(arguments[1]);
    topic = rd_kafka_topic_new(client, arguments[2], NULL);
    CHECK(topic != NULL);
    while ((size = getline(&line, &capacity, lines)) > 0) {
        parse_line(line, (size_t)size);
        CHECK(frames_next(&rest, &record));
        produce(client, topic, record);
        produced++;
    }
    CHECK(rd_kafka_flush(client, CLOSE_MS) == RD_KAFKA_RESP_ERR_NO_ERROR);
    CHECK(acknowledged == produced && rest.size == 0);
    rd_kafka_topic_destroy(topic);
    rd_kafka_destroy(client);
    bytes_free(&content);
    free(line);
    fclose(lines);
    return 0;
}
