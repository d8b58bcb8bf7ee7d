#include "kafka_properties.h"

#include "check.h"
#include "memory.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct refusal {
    const char *name;
    const char *why;
};

static const char why_acks[] = "is always all: an event counts as published only when every in-sync replica has it";
static const char why_forever[] = "is always without end: an event given up would be lost, or leave a gap in the order";
static const char why_commit[] =
    "is always off: only what is settled may be committed, and the relay does that itself; see commit_interval";
static const char why_store[] = "is always the broker's, by hand: only what is settled may be committed";
static const char why_in_flight[] = "is always what keeps the order when a request is sent again";

static const struct refusal refusals[] = {
    {"acks", why_acks},
    {"request.required.acks", why_acks},
    {"enable.idempotence", "is always true: a request that is sent again must not double an event or change the order"},
    {"message.timeout.ms", why_forever},
    {"delivery.timeout.ms", why_forever},
    {"message.send.max.retries", why_forever},
    {"retries", why_forever},
    {"max.in.flight.requests.per.connection", why_in_flight},
    {"max.in.flight", why_in_flight},
    {"queuing.strategy", "is always fifo: it is the order of the events"},
    {"enable.gapless.guarantee", "is always false: one event that the broker refuses must not stop the others"},
    {"transactional.id", "is never set: the relay does not write in transactions"},
    {"transaction.timeout.ms", "is never set: the relay does not write in transactions"},
    {"partitioner", "is always murmur2_random: all writers must agree on the partition of a tenant"},
    {"delivery.report.only.error", "is always false: an event counts as published by its delivery report"},
    {"allow.auto.create.topics",
     "is always false: a topic made by being asked for has the wrong partitions and retention"},
    {"group.id", "has a setting of its own: group"},
    {"enable.auto.commit", why_commit},
    {"auto.commit.enable", why_commit},
    {"auto.commit.interval.ms", why_commit},
    {"enable.auto.offset.store", why_store},
    {"offset.store.method", why_store},
    {"offset.store.path", why_store},
    {"offset.store.sync.interval.ms", why_store},
    {"auto.offset.reset",
     "is always error: a committed offset that the log no longer has is a gap to be named, not jumped "
     "over; for a new group see start_from"},
    {"isolation.level", "is always read_committed: what was never committed to the log must not reach a subscriber"},
    {"enable.partition.eof", "is always false: the end of a partition is not an event"},
    {"enabled_events", "is what the relay listens to"},
    {"log.queue", "is always false: the log lines of librdkafka are passed on as they come"},
};

static const char why_later[] = "comes in a later version";

const char *kafka_properties_get(const struct kafka_properties *properties, const char *name)
{
    for (size_t i = 0; i < properties->count; i++) {
        if (strcmp(properties->items[i].name, name) == 0) {
            return properties->items[i].value;
        }
    }
    return NULL;
}

/* The value may be a password. */
static void free_property(struct kafka_property *property)
{
    explicit_bzero(property->value, strlen(property->value));
    free(property->name);
    free(property->value);
    free(property->place);
}

void kafka_properties_put(struct kafka_properties *properties, const char *name, const char *value, const char *place)
{
    /* To the end, not into the old place: of two aliases librdkafka obeys the last. */
    for (size_t i = 0; i < properties->count; i++) {
        if (strcmp(properties->items[i].name, name) == 0) {
            free_property(&properties->items[i]);
            properties->count--;
            memmove(&properties->items[i], &properties->items[i + 1],
                    (properties->count - i) * sizeof(*properties->items));
            break;
        }
    }
    properties->items = memory_resize(properties->items, properties->count + 1, sizeof(*properties->items));
    properties->items[properties->count++] = (struct kafka_property){
        .name = memory_copy_text(name), .value = memory_copy_text(value), .place = memory_copy_text(place)};
}

void kafka_properties_free(struct kafka_properties *properties)
{
    for (size_t i = 0; i < properties->count; i++) {
        free_property(&properties->items[i]);
    }
    free(properties->items);
    *properties = (struct kafka_properties){0};
}

const char *kafka_properties_refusal(const char *name, const char *value)
{
    for (size_t i = 0; i < ARRAY_COUNT(refusals); i++) {
        if (strcmp(name, refusals[i].name) == 0) {
            return refusals[i].why;
        }
    }
    /* Both change how partitions come and go; the consumer knows the eager way only. */
    bool is_cooperative =
        strcmp(name, "partition.assignment.strategy") == 0 && strstr(value, "cooperative-sticky") != NULL;
    if (is_cooperative || strcmp(name, "group.protocol") == 0 || strcmp(name, "group.remote.assignor") == 0) {
        return why_later;
    }
    return NULL;
}

enum status kafka_properties_apply(rd_kafka_conf_t *conf, const char *name, const char *value, struct error *ret_error)
{
    char reason[256] = "";
    if (rd_kafka_conf_set(conf, name, value, reason, sizeof(reason)) == RD_KAFKA_CONF_OK) {
        return STATUS_OK;
    }
    /* Some of the reasons end with a newline. */
    size_t length = strlen(reason);
    while (length > 0 && (reason[length - 1] == '\n' || reason[length - 1] == ' ')) {
        reason[--length] = '\0';
    }
    return error_set(ret_error, STATUS_INVALID, "%s", reason);
}

/* librdkafka takes an empty one without a word and then waits for ever, or is a member like any other. */
static bool needs_text(const char *name)
{
    return strcmp(name, "bootstrap.servers") == 0 || strcmp(name, "metadata.broker.list") == 0 ||
           strcmp(name, "group.instance.id") == 0;
}

enum status kafka_properties_check(const char *name, const char *value, struct error *ret_error)
{
    const char *refusal = kafka_properties_refusal(name, value);
    if (refusal == why_later) {
        return error_set(ret_error, STATUS_INVALID, "%s", refusal);
    }
    if (refusal != NULL) {
        return error_set(ret_error, STATUS_INVALID, "cannot be set: it %s", refusal);
    }
    if (value[0] == '\0' && needs_text(name)) {
        return error_set(ret_error, STATUS_INVALID, "is empty; write one, or leave it out");
    }
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    enum status status = kafka_properties_apply(conf, name, value, ret_error);
    rd_kafka_conf_destroy(conf);
    return status;
}
