/* explanation.h: what would become of one record, in words and in bytes.
 *
 * The record takes the way of a delivery, through the same functions: record_decode, route_table_match,
 * incident_json_render, signer_sign_all, webhook_request_build. Nothing is sent, nothing is looked up. */
#ifndef RELAY_EXPLANATION_H
#define RELAY_EXPLANATION_H

#include "bytes.h"
#include "incident.h"
#include "record_decode.h"
#include "subscription.h"

#include <stdbool.h>
#include <stdint.h>

enum { EXPLANATION_OTHERS_MAX = 20 }; /* subscriptions of other tenants that are named; the rest is counted */

struct explainer_settings {
    const struct subscription_set *set; /* outlives the explainer */
    const char *only;                   /* id of the one subscription to speak of; NULL: all */
    const char *dead_letters;           /* name of the topic, for what cannot be read */
    int64_t now_s;                      /* Unix seconds: the webhook-timestamp */
};

struct explainer;

struct explainer *explainer_create(const struct explainer_settings *settings);
void explainer_destroy(struct explainer *explainer); /* NULL is fine */

/* Appends what would become of the record: who gets it, who does not and why, and each request. False when it cannot
 * be read, and so goes to nobody. */
bool explainer_explain_record(struct explainer *explainer, const struct record_in *record, struct bytes *text);

/* The same for an event that was not published yet: as the record that the producer would write, with the event's own
 * sent_at (without one: now). The event has passed the door. */
bool explainer_explain_event(struct explainer *explainer, const struct incident_event *event, struct bytes *text);

#endif
