#include "group_trouble.h"

#include "bytes.h"
#include "kafka_topic.h"
#include "log.h"

enum { SAID_AGAIN_MS = 60 * 1000 };

void group_trouble_report(struct group_trouble *trouble, rd_kafka_t *client,
                          const struct kafka_subscription_settings *settings, int64_t now_ms, const char *what,
                          rd_kafka_resp_err_t error, const char *reason)
{
    if (error == trouble->error && now_ms - trouble->said_ms < SAID_AGAIN_MS) {
        return;
    }
    *trouble = (struct group_trouble){.error = error, .said_ms = now_ms};
    struct bytes advice = {0};
    if (error == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
        error == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED) {
        bytes_append_text(&advice, "allow it: ");
        kafka_topic_append_allowing(client, settings->topics, settings->topic_count, settings->group, &advice);
    }
    bytes_append_byte(&advice, '\0');
    log_warn(what, LOG_TEXT("group", settings->group), LOG_TEXT("reason", reason),
             advice.size > 1 ? LOG_TEXT("advice", (const char *)advice.data) : LOG_NONE);
    bytes_free(&advice);
}

void group_trouble_end(struct group_trouble *trouble)
{
    trouble->error = RD_KAFKA_RESP_ERR_NO_ERROR;
}
