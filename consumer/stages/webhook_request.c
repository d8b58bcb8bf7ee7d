#include "webhook_request.h"

#include "check.h"
#include "event_id.h"

#include <stdio.h>
#include <string.h>

static void add_field(struct webhook_request *request, struct bytes_view name, struct bytes_view value)
{
    CHECK(request->field_count < WEBHOOK_FIELDS_MAX);
    request->fields[request->field_count++] = (struct webhook_field){name, value};
}

static void add_relay_fields(const struct webhook_attempt *attempt, struct webhook_request *request)
{
    snprintf(request->timestamp, sizeof(request->timestamp), "%lld", (long long)attempt->timestamp_s);
    add_field(request, BYTES_LITERAL("content-type"), BYTES_LITERAL("application/json"));
    add_field(request, BYTES_LITERAL("user-agent"), BYTES_LITERAL("incident-relay/" RELAY_VERSION));
    add_field(request, BYTES_LITERAL("webhook-id"), attempt->id);
    add_field(request, BYTES_LITERAL("webhook-timestamp"), bytes_view_of_text(request->timestamp));
    if (attempt->signatures.size > 0) {
        add_field(request, BYTES_LITERAL("webhook-signature"), attempt->signatures);
    }
    /* It came with the record, from whoever wrote that, and was looked at by nobody yet. */
    if (attempt->traceparent.size > 0 &&
        subscription_rules_check_header_value(attempt->traceparent, NULL) == STATUS_OK) {
        add_field(request, BYTES_LITERAL("traceparent"), attempt->traceparent);
    }
}

static enum status add_own_fields(const struct http_target *target, struct webhook_request *request,
                                  struct error *ret_error)
{
    if (target->header_count > SUBSCRIPTION_HEADERS_MAX) {
        return error_set(ret_error, STATUS_INVALID, "has %zu headers of its own; at most %d are sent",
                         target->header_count, SUBSCRIPTION_HEADERS_MAX);
    }
    for (size_t i = 0; i < target->header_count; i++) {
        struct bytes_view name = bytes_view_of_text(target->headers[i].name);
        struct bytes_view value = bytes_view_of_text(target->headers[i].value);
        struct error why;

        if (subscription_rules_check_header_name(name, &why) != STATUS_OK ||
            subscription_rules_check_header_value(value, &why) != STATUS_OK) {
            return error_set(ret_error, STATUS_INVALID, "header %zu: %s", i + 1, why.text);
        }
        add_field(request, name, value);
    }
    return STATUS_OK;
}

enum status webhook_request_build(const struct webhook_attempt *attempt, struct webhook_request *ret_request,
                                  struct error *ret_error)
{
    const struct subscription *subscription = attempt->subscription;
    const struct http_target *target = &subscription->http;
    enum status status;

    CHECK(subscription->sink == SINK_HTTP);
    CHECK(attempt->event_tenant == subscription->tenant);
    CHECK(attempt->key_tenant == subscription->tenant);
    CHECK(event_id_is_valid(attempt->id));
    CHECK((attempt->signatures.size == 0) == target->is_unsigned);
    CHECK(attempt->timestamp_s >= 0);
    if (strcmp(target->method, "POST") != 0 && strcmp(target->method, "PUT") != 0 &&
        strcmp(target->method, "PATCH") != 0) {
        return error_set(ret_error, STATUS_INVALID, "the method is none of POST, PUT, PATCH");
    }
    /* Whether http is allowed is the address gate's question. */
    status = subscription_rules_check_url(bytes_view_of_text(target->url), true, ret_error);
    if (status != STATUS_OK) {
        return status;
    }
    ret_request->method = target->method;
    ret_request->url = target->url;
    ret_request->field_count = 0;
    add_relay_fields(attempt, ret_request);
    return add_own_fields(target, ret_request, ret_error);
}
