#include "shard_intake.h"

#include "incident_json.h"
#include "incident_rules.h"
#include "shard_actions.h"
#include "shard_reports.h"
#include "shard_state.h"

#include <string.h>

enum { TAKES_PER_TURN = 256 }; /* then the loop looks after its sockets before it takes more */

static enum delivery_reading reading_of(enum record_reading reading)
{
    switch (reading) {
    case RECORD_UNREADABLE:
        return READING_UNREADABLE;
    case RECORD_SCHEMA_UNKNOWN:
        return READING_SCHEMA_UNKNOWN;
    case RECORD_READABLE:
    case RECORD_TOMBSTONE:
        break;
    }
    return READING_READABLE;
}

/* Puts the event's bytes into the store and returns the ticket. What matches nobody is kept without a body. */
static uint32_t keep_payload(struct shard *shard, const struct decoded_record *record, struct payload *payload,
                             size_t matches)
{
    bytes_clear(&shard->body);
    if (record->reading == RECORD_READABLE) {
        payload->tenant = record->event.incident.tenant_id;
        payload->incident = record->event.incident.id;
        memcpy(payload->id, record->id, sizeof(payload->id));
        payload->traceparent = record->traceparent;
        if (matches > 0) {
            incident_json_render(&record->event, &shard->body);
        }
        if (incident_event_end_time_expected(&record->event)) {
            shard_metrics_count_end_time_expected(shard->parts.metrics);
        }
    } else if (record->reading != RECORD_TOMBSTONE) {
        memcpy(payload->reason, record->reason, sizeof(payload->reason));
        memcpy(payload->pointer, record->pointer, sizeof(payload->pointer));
        if (record->reading == RECORD_SCHEMA_UNKNOWN) {
            shard_report_unknown_schema(shard, payload, record);
        }
    }
    payload->body = bytes_as_view(&shard->body);
    return payload_store_put(shard->payloads, payload);
}

static void take_record(struct shard *shard, uint32_t slot, const rd_kafka_message_t *message, int64_t now_ms)
{
    struct payload payload = {
        .topic = kafka_subscription_topic(shard->subscription, slot),
        .partition = message->partition,
        .offset = message->offset,
        .record = kafka_record_view(message, &shard->headers),
    };
    struct decoded_record record;
    record_decode(shard->decoder, &payload.record, &record);
    shard_metrics_count_record(shard->parts.metrics, record.reading);

    struct delivery_event event = {.kind = EVENT_RECORD_FETCHED, .now_ms = now_ms};
    if (record.reading == RECORD_READABLE) {
        event.record_fetched.match_count =
            route_table_match(shard->routes, &record.event, &event.record_fetched.matches);
    }
    event.record_fetched.ticket = keep_payload(shard, &record, &payload, event.record_fetched.match_count);
    event.record_fetched.bytes = payload_store_size(shard->payloads, event.record_fetched.ticket);
    event.record_fetched.partition = slot;
    event.record_fetched.assignment = delivery_core_partition_stats(shard->core, slot).assignment;
    event.record_fetched.offset = message->offset;
    event.record_fetched.reading = reading_of(record.reading);
    event.record_fetched.tenant = payload.tenant;
    event.record_fetched.incident = payload.incident;
    event.record_fetched.schema = record.schema;
    event.record_fetched.schema_is_registry_id = record.schema_is_registry_id;
    shard_step(shard, &event);
}

static void report_gap(struct shard *shard, uint32_t slot, int64_t offset, int64_t now_ms)
{
    struct delivery_event event = {.kind = EVENT_GAP_FOUND, .now_ms = now_ms};
    event.gap_found.partition = slot;
    event.gap_found.assignment = delivery_core_partition_stats(shard->core, slot).assignment;
    event.gap_found.offset = offset;
    shard_step(shard, &event);
}

/* Takes from one partition as far as credit and the turn's budget go; true when more may be there to take. */
static bool take_from(struct shard *shard, uint32_t slot, int64_t now_ms, uint32_t *budget)
{
    while (delivery_core_credit(shard->core, slot) > 0) {
        if (*budget == 0) {
            return true;
        }
        rd_kafka_message_t *message = NULL;
        int64_t offset = 0;
        switch (kafka_subscription_take(shard->subscription, slot, &message, &offset)) {
        case KAFKA_TAKE_RECORD:
            (*budget)--;
            take_record(shard, slot, message, now_ms);
            rd_kafka_message_destroy(message);
            break;
        case KAFKA_TAKE_GAP:
            report_gap(shard, slot, offset, now_ms);
            break;
        case KAFKA_TAKE_NOTHING:
            return false;
        }
    }
    return false;
}

void shard_take_records(struct shard *shard, int64_t now_ms)
{
    uint32_t slots = kafka_subscription_slots(shard->subscription);
    uint32_t budget = TAKES_PER_TURN;
    shard->has_more_to_take = false;
    for (uint32_t i = 0; i < slots; i++) {
        uint32_t slot = (shard->first_slot + i) % slots;
        shard->has_more_to_take |= take_from(shard, slot, now_ms, &budget);
    }
    shard->first_slot = slots == 0 ? 0 : (shard->first_slot + 1) % slots;
}
