/* kafka: librdkafka's mock cluster. */
#include "kafka_sink.h"
#include "memory.h"
#include "sink_world.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdlib.h>

enum {
    API_PRODUCE = 0,
    BROKER = 1,
    PARTITIONS = 4,
    FAILURES = 64, /* more than any test sends */
};

struct kafka_side {
    rd_kafka_t *host;
    rd_kafka_mock_cluster_t *cluster;
    struct kafka_properties properties;
};

static void open_side(struct sink_world *world)
{
    struct kafka_side *side = memory_alloc(1, sizeof(*side));
    char reason[256];

    side->host = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), reason, sizeof(reason));
    assert_non_null(side->host);
    side->cluster = rd_kafka_mock_cluster_new(side->host, 1);
    assert_non_null(side->cluster);
    assert_int_equal(rd_kafka_mock_topic_create(side->cluster, "contract", PARTITIONS, 1), 0);
    kafka_properties_put(&side->properties, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(side->cluster), "");
    world->side = side;
}

static void close_side(struct sink_world *world)
{
    struct kafka_side *side = world->side;

    rd_kafka_mock_cluster_destroy(side->cluster);
    rd_kafka_destroy(side->host);
    kafka_properties_free(&side->properties);
    free(world->subscription.kafka.topic);
    free(side);
}

static struct sink make_sink(struct sink_world *world)
{
    const struct kafka_sink_limits limits = {.records_max = 256};

    return kafka_sink_create(world->loop, &((struct kafka_side *)world->side)->properties, &limits, sink_world_listen,
                             world);
}

static void fill_target(struct sink_world *world, struct subscription *subscription)
{
    (void)world;
    subscription->kafka = (struct kafka_target){.topic = memory_copy_text("contract"), .format = KAFKA_FORMAT_JSON};
}

static void break_down(struct sink_world *world)
{
    rd_kafka_resp_err_t errors[FAILURES];

    for (size_t i = 0; i < FAILURES; i++) {
        errors[i] = RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    }
    rd_kafka_mock_push_request_errors_array(((struct kafka_side *)world->side)->cluster, API_PRODUCE, FAILURES, errors);
}

static void mend(struct sink_world *world)
{
    rd_kafka_mock_clear_request_errors(((struct kafka_side *)world->side)->cluster, API_PRODUCE);
}

static void hold(struct sink_world *world)
{
    rd_kafka_mock_broker_set_down(((struct kafka_side *)world->side)->cluster, BROKER);
}

static void let_go(struct sink_world *world)
{
    rd_kafka_mock_broker_set_up(((struct kafka_side *)world->side)->cluster, BROKER);
}

static rd_kafka_t *make_reader(struct kafka_side *side)
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_topic_partition_list_t *all = rd_kafka_topic_partition_list_new(PARTITIONS);
    char reason[256];
    rd_kafka_t *reader;

    rd_kafka_conf_set(conf, "bootstrap.servers", rd_kafka_mock_cluster_bootstraps(side->cluster), NULL, 0);
    rd_kafka_conf_set(conf, "group.id", "reader", NULL, 0);
    rd_kafka_conf_set(conf, "enable.partition.eof", "true", NULL, 0);
    rd_kafka_conf_set(conf, "fetch.wait.max.ms", "10", NULL, 0);
    reader = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof(reason));
    assert_non_null(reader);
    for (int32_t i = 0; i < PARTITIONS; i++) {
        rd_kafka_topic_partition_list_add(all, "contract", i)->offset = 0;
    }
    assert_int_equal(rd_kafka_assign(reader, all), RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_topic_partition_list_destroy(all);
    return reader;
}

static size_t arrived(struct sink_world *world, struct bytes *ret_bodies)
{
    rd_kafka_t *reader = make_reader(world->side);
    size_t count = 0;

    for (int ends = 0; ends < PARTITIONS;) {
        rd_kafka_message_t *message = rd_kafka_consumer_poll(reader, 20000);

        assert_non_null(message);
        if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
            ends++;
        } else {
            assert_int_equal(message->err, RD_KAFKA_RESP_ERR_NO_ERROR);
            assert_true(bytes_view_equal_text(bytes_view_of(message->key, message->key_len), "2050"));
            bytes_append(ret_bodies, message->payload, message->len);
            bytes_append_byte(ret_bodies, '\n');
            count++;
        }
        rd_kafka_message_destroy(message);
    }
    rd_kafka_consumer_close(reader);
    rd_kafka_destroy(reader);
    return count;
}

const struct sink_part kafka_part = {
    .kind = SINK_KAFKA,
    .keeps_order = true,
    .open = open_side,
    .close = close_side,
    .make_sink = make_sink,
    .fill_target = fill_target,
    .break_down = break_down,
    .mend = mend,
    .hold = hold,
    .let_go = let_go,
    .arrived = arrived,
};
