#include "http_delivery.h"

#include "memory.h"
#include "signer.h"
#include "webhook_request.h"
#include "webhook_verdict.h"

#include <stdlib.h>
#include <time.h>

struct http_delivery {
    struct http_sink *sink;
    struct signer *signer;
    struct bytes signatures; /* scratch */
    sink_listener *listener;
    void *context;
};

/* A Retry-After that is a date is held against the clock of its arrival. */
static void on_answer(void *context, uint64_t number, const struct http_answer *answer)
{
    struct http_delivery *self = context;
    struct webhook_judgement judgement;
    struct sink_answer said;

    webhook_verdict_judge(&answer->answer, (int64_t)time(NULL) * 1000, &judgement);
    said = (struct sink_answer){.verdict = judgement.verdict,
                                .retry_after_ms = judgement.retry_after_ms,
                                .error = sink_error_of_answer(&answer->answer),
                                .detail = answer->detail,
                                .requests = answer->requests};
    self->listener(self->context, number, &said);
}

static enum status start_attempt(void *context, const struct sink_delivery *delivery, struct error *ret_error)
{
    struct http_delivery *self = context;
    const struct http_target *target = &delivery->subscription->http;
    const struct signer_message message = {
        .id = delivery->id, .timestamp_s = delivery->now_ms / 1000, .body = delivery->body};
    struct webhook_request request;
    enum status status;

    sink_delivery_check(delivery, SINK_HTTP);
    bytes_clear(&self->signatures);
    signer_sign_all(self->signer, target->secrets, target->secret_count, &message, &self->signatures);
    const struct webhook_attempt attempt = {
        .subscription = delivery->subscription,
        .event_tenant = delivery->tenant,
        .key_tenant = sink_key_tenant(delivery),
        .id = delivery->id,
        .timestamp_s = message.timestamp_s,
        .signatures = bytes_as_view(&self->signatures),
        .traceparent = delivery->traceparent,
    };
    status = webhook_request_build(&attempt, &request, ret_error);
    if (status != STATUS_OK) {
        return status;
    }
    status = http_sink_start_attempt(self->sink, delivery->number, &request, delivery->body, target->timeout_ms);
    return status == STATUS_OK ? status : error_set(ret_error, status, "every connection is in use (connections_max)");
}

static void cancel(void *context, uint64_t number)
{
    http_sink_cancel(((struct http_delivery *)context)->sink, number);
}

static void reopen(void *context)
{
    (void)context;
}

static void stop(void *context)
{
    http_sink_stop(((struct http_delivery *)context)->sink);
}

static void destroy(void *context)
{
    struct http_delivery *self = context;

    http_sink_destroy(self->sink);
    signer_destroy(self->signer);
    bytes_free(&self->signatures);
    free(self);
}

struct sink http_delivery_create(struct event_loop *loop, const struct http_sink_limits *limits,
                                 const struct address_gate *gate, sink_listener *listener, void *context)
{
    static const struct sink_ops ops = {
        .start_attempt = start_attempt, .cancel = cancel, .reopen = reopen, .stop = stop, .destroy = destroy};
    struct http_delivery *self = memory_alloc(1, sizeof(*self));

    self->listener = listener;
    self->context = context;
    self->signer = signer_create();
    self->sink = http_sink_create(event_loop_uv(loop), limits, gate, on_answer, self);
    return (struct sink){.ops = &ops, .self = self};
}
