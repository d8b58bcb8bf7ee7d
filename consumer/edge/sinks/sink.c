#include "sink.h"

#include "check.h"
#include "log.h"
#include "log_budget.h"

#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <string.h>

/* Where the kinds of numbers stand: a status of HTTP from 100, a failure of the transport below 0. */
enum {
    KAFKA_ERRORS = 10000, /* librdkafka's own are below 0, the broker's above */
    KAFKA_ERRORS_REACH = 1000,
    FILE_ERRORS = 20000,
};

void sink_delivery_check(const struct sink_delivery *delivery, enum sink_kind kind)
{
    const struct subscription *subscription = delivery->subscription;

    CHECK(subscription->sink == kind);
    CHECK(sink_key_tenant(delivery) == subscription->tenant);
    CHECK(delivery->tenant == subscription->tenant);
}

int64_t sink_key_tenant(const struct sink_delivery *delivery)
{
    int64_t tenant = 0;

    return bytes_view_to_int64(delivery->record->key, &tenant) == STATUS_OK ? tenant : 0;
}

int32_t sink_error_of_answer(const struct webhook_answer *answer)
{
    if (answer->status >= 200 && answer->status <= 299) {
        return 0;
    }
    return answer->status != 0 ? answer->status : sink_error_of_failure(answer->failure);
}

int32_t sink_error_of_failure(enum transport_failure failure)
{
    return -(int32_t)failure;
}

int32_t sink_error_of_kafka(int code)
{
    CHECK(code > -KAFKA_ERRORS_REACH && code < KAFKA_ERRORS_REACH);
    return KAFKA_ERRORS + code;
}

int32_t sink_error_of_file(int code)
{
    return FILE_ERRORS + code;
}

void sink_error_text(int32_t error, char ret_text[SINK_ERROR_MAX])
{
    ret_text[0] = '\0';
    if (error >= FILE_ERRORS) {
        const char *name = strerrorname_np(error - FILE_ERRORS);

        snprintf(ret_text, SINK_ERROR_MAX, "file %s", name == NULL ? "EIO" : name);
    } else if (error > KAFKA_ERRORS - KAFKA_ERRORS_REACH) {
        const char *name = rd_kafka_err2name((rd_kafka_resp_err_t)(error - KAFKA_ERRORS));

        snprintf(ret_text, SINK_ERROR_MAX, "kafka %s", name[0] == '_' ? name + 1 : name);
    } else if (error != 0) {
        const struct webhook_answer answer = {.status = error > 0 ? error : 0,
                                              .failure = error < 0 ? (enum transport_failure) - error : TRANSPORT_OK};
        struct webhook_judgement judgement;

        webhook_verdict_judge(&answer, 0, &judgement);
        snprintf(ret_text, SINK_ERROR_MAX, "%s", judgement.error);
    }
}

bool sink_may_log(struct log_budget *budget, int64_t now_ms)
{
    uint64_t left_out = log_budget_left_out(budget, now_ms);

    if (left_out > 0) {
        log_warn("more failures of sinks, not said one by one", LOG_INT("count", left_out));
    }
    return log_budget_take(budget, now_ms);
}
