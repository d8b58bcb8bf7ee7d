/* group_trouble.h: what keeps a member of the group from reading, in one line with what to do.
 *
 * librdkafka says it anew every second or two; here it is said when it begins or changes, and again once a minute. */
#ifndef RELAY_GROUP_TROUBLE_H
#define RELAY_GROUP_TROUBLE_H

#include "kafka_subscription.h"

#include <librdkafka/rdkafka.h>
#include <stdint.h>

/* A zeroed one is ready for use. */
struct group_trouble {
    rd_kafka_resp_err_t error; /* said last; NO_ERROR: none since it was over */
    int64_t said_ms;
};

/* `what` is the line, `reason` librdkafka's text for `error`; now_ms is the loop's. */
void group_trouble_report(struct group_trouble *trouble, rd_kafka_t *client,
                          const struct kafka_subscription_settings *settings, int64_t now_ms, const char *what,
                          rd_kafka_resp_err_t error, const char *reason);

/* It is over: the next one is said at once. */
void group_trouble_end(struct group_trouble *trouble);

#endif
