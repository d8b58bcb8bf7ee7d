#include "startup.h"

#include "check.h"
#include "kafka_client.h"
#include "kafka_topic.h"
#include "log.h"
#include "monotonic_clock.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum {
    ASK_TIMEOUT_MS = 2000,
    ASK_AGAIN_MS = 1000,
    CLOSE_WAIT_MS = 1000,
    DEAD_LETTER_HEADROOM = 64 * 1024, /* a dead letter is its event plus headers */
    EVENT_BYTES_DEFAULT = 1048588,    /* Kafka's own max.message.bytes, where the broker does not tell */
};

struct startup {
    const struct consumer_run *run;
    const struct consumer_settings *settings;
    rd_kafka_t *client;
    bool (*is_cancelled)(void *context);
    void *context;
    int64_t until_ms;          /* monotonic; INT64_MAX: none */
    char said[ERROR_TEXT_MAX]; /* the trouble that was logged last: said once, not every second */
};

/* After a failed question: says it once and pauses. False when it is time to give up. */
static bool wait_and_try_again(struct startup *startup, const char *what, struct error *error)
{
    if (startup->is_cancelled(startup->context)) {
        return false;
    }
    if (monotonic_clock_ms() >= startup->until_ms) {
        return false;
    }
    if (strcmp(startup->said, error->text) != 0) {
        log_warn("waiting", LOG_TEXT("for", what), LOG_TEXT("reason", error->text));
        memcpy(startup->said, error->text, sizeof(startup->said));
    }
    monotonic_clock_pause(ASK_AGAIN_MS);
    return true;
}

static enum status ask_topic(struct startup *startup, const char *topic, struct kafka_topic_facts *ret_facts,
                             struct error *ret_error)
{
    enum status status;
    do {
        status = kafka_topic_facts(startup->client, topic, ASK_TIMEOUT_MS, ret_facts, ret_error);
    } while (status != STATUS_OK && wait_and_try_again(startup, "the event topic", ret_error));
    return status == STATUS_OK ? STATUS_OK : STATUS_UNAVAILABLE;
}

static void warn_of_retention(const char *topic, const struct kafka_topic_facts *facts)
{
    if (facts->retention_ms != KAFKA_TOPIC_UNKNOWN && facts->retention_ms != -1) {
        log_warn(
            "the dead-letter topic has time retention: a dead letter carries its event's own time and may be deleted "
            "as soon as it is written; set retention.ms=-1 on it",
            LOG_TEXT("topic", topic), LOG_INT("retention_ms", facts->retention_ms));
    }
}

static enum status make_dead_letters(struct startup *startup, int32_t partitions, int64_t event_bytes_max,
                                     struct error *ret_error)
{
    const char *topic = startup->settings->topics_dead_letters;
    char bytes_max[24];
    int64_t event_bytes = event_bytes_max == KAFKA_TOPIC_UNKNOWN ? EVENT_BYTES_DEFAULT : event_bytes_max;
    snprintf(bytes_max, sizeof(bytes_max), "%" PRId64, event_bytes + DEAD_LETTER_HEADROOM);
    const struct kafka_topic_config configs[] = {{"retention.ms", "-1"}, {"max.message.bytes", bytes_max}};
    enum status status = kafka_topic_create(startup->client, topic, partitions, configs, ARRAY_COUNT(configs),
                                            ASK_TIMEOUT_MS, ret_error);
    if (status == STATUS_OK) {
        log_info("dead-letter topic made", LOG_TEXT("topic", topic), LOG_INT("partitions", partitions),
                 LOG_TEXT("max_message_bytes", bytes_max));
    }
    return status;
}

/* A broker that did not tell the event topic's configuration is not asked for another's: it would only cost the
 * time-out. */
static enum status ask_dead_letters(struct startup *startup, int64_t event_bytes_max,
                                    struct kafka_topic_facts *ret_facts, struct error *ret_error)
{
    const char *topic = startup->settings->topics_dead_letters;
    if (event_bytes_max != KAFKA_TOPIC_UNKNOWN) {
        return kafka_topic_facts(startup->client, topic, ASK_TIMEOUT_MS, ret_facts, ret_error);
    }
    *ret_facts = (struct kafka_topic_facts){.retention_ms = KAFKA_TOPIC_UNKNOWN};
    return kafka_topic_partitions(startup->client, topic, ASK_TIMEOUT_MS, &ret_facts->partition_count, ret_error);
}

/* One that exists is used as it is, whatever its settings; a missing one is made, unless the settings forbid it. */
static enum status prepare_dead_letters(struct startup *startup, int32_t partitions, int64_t event_bytes_max,
                                        struct error *ret_error)
{
    const char *topic = startup->settings->topics_dead_letters;
    for (;;) {
        struct kafka_topic_facts facts;
        enum status status = ask_dead_letters(startup, event_bytes_max, &facts, ret_error);
        if (status == STATUS_OK) {
            warn_of_retention(topic, &facts);
            return STATUS_OK;
        }
        if (status == STATUS_NOT_FOUND && startup->settings->topics_create) {
            status = make_dead_letters(startup, partitions, event_bytes_max, ret_error);
            if (status == STATUS_OK) {
                return STATUS_OK;
            }
        }
        if (!wait_and_try_again(startup, "the dead-letter topic", ret_error)) {
            return STATUS_UNAVAILABLE;
        }
    }
}

/* Most likely a slip of the pen: the gap that was meant goes on being held. */
static void warn_of_gaps(const struct startup *startup, const char *topic, int32_t partitions)
{
    for (size_t i = 0; i < startup->run->accepted_gap_count; i++) {
        const struct accepted_gap *gap = &startup->run->accepted_gaps[i];
        if (strcmp(gap->topic, topic) == 0 && gap->partition >= partitions) {
            log_warn("--accept-gap names a partition that the topic does not have", LOG_TEXT("topic", topic),
                     LOG_INT("partition", gap->partition), LOG_INT("partitions", partitions));
        }
    }
}

static enum status prepare_topics(struct startup *startup, struct startup_facts *ret_facts, struct error *ret_error)
{
    const struct text_list *topics = &startup->settings->topics_events;
    int32_t partitions_most = 0;
    int64_t bytes_most = KAFKA_TOPIC_UNKNOWN; /* the least int64_t: any that is told is greater */
    *ret_facts = (struct startup_facts){0};
    for (size_t i = 0; i < topics->count; i++) {
        struct kafka_topic_facts facts;
        enum status status = ask_topic(startup, topics->items[i], &facts, ret_error);
        if (status != STATUS_OK) {
            return status;
        }
        warn_of_gaps(startup, topics->items[i], facts.partition_count);
        bytes_most = facts.message_bytes_max > bytes_most ? facts.message_bytes_max : bytes_most;
        partitions_most = facts.partition_count > partitions_most ? facts.partition_count : partitions_most;
        ret_facts->partitions += (uint32_t)facts.partition_count;
    }
    return prepare_dead_letters(startup, partitions_most, bytes_most, ret_error);
}

enum status startup_prepare(const struct consumer_run *run, bool (*is_cancelled)(void *context), void *context,
                            struct startup_facts *ret_facts, struct error *ret_error)
{
    const struct consumer_settings *settings = run->settings;
    int64_t timeout_ms = settings->startup_timeout_ms;
    rd_kafka_conf_t *conf = NULL;
    const struct kafka_client_spec spec = {
        .kind = KAFKA_CLIENT_READER, .properties = &settings->kafka, .group = settings->group};
    enum status status = kafka_client_conf(&spec, &conf, ret_error);
    if (status != STATUS_OK) {
        return status;
    }
    rd_kafka_t *client = NULL;
    status = kafka_client_new_take(conf, RD_KAFKA_CONSUMER, &client, ret_error);
    if (status != STATUS_OK) {
        return status;
    }
    struct startup startup = {
        .run = run,
        .settings = settings,
        .client = client,
        .is_cancelled = is_cancelled,
        .context = context,
        .until_ms = timeout_ms < 0 ? INT64_MAX : monotonic_clock_ms() + timeout_ms,
    };
    status = prepare_topics(&startup, ret_facts, ret_error);
    kafka_client_destroy_within(client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE, CLOSE_WAIT_MS);
    return status;
}
