#include "record.h"

#include "check.h"
#include "dead_letter.h"
#include "delivery.h"
#include "drain.h"
#include "holding.h"
#include "lane.h"

static void release_payload(struct delivery_core *core, struct record *record)
{
    struct delivery_action *action = core_act(core, ACTION_RELEASE_PAYLOAD);
    action->release_payload.ticket = record->ticket;
    record->has_payload = false;
    record->partition->load.bytes -= record->bytes;
    core->hand.load.bytes -= record->bytes;
    core->stats.bytes_in_hand -= record->bytes;
}

static struct record *take_into_hand(struct delivery_core *core, struct partition *partition,
                                     const struct delivery_event *event)
{
    struct record *record = pool_take(&core->records);
    CHECK(record != NULL);
    *record = (struct record){
        .partition = partition,
        .ticket = event->record_fetched.ticket,
        .has_payload = true,
        .bytes = event->record_fetched.bytes,
        .incident = event->record_fetched.incident,
        .schema = event->record_fetched.schema,
        .schema_is_registry_id = event->record_fetched.schema_is_registry_id,
    };
    LIST_INIT(&record->deliveries);
    partition->load.records++;
    partition->load.bytes += record->bytes;
    core->hand.load.records++;
    core->hand.load.bytes += record->bytes;
    core->stats.records_in_hand++;
    core->stats.bytes_in_hand += record->bytes;
    core->stats.records_fetched++;
    core_touch(core, partition);
    return record;
}

static void give_back(struct delivery_core *core, struct record *record)
{
    CHECK(!record->has_payload && LIST_EMPTY(&record->deliveries));
    record->partition->load.records--;
    core->hand.load.records--;
    core->stats.records_in_hand--;
    pool_return(&core->records, record);
}

static void queue_matches(struct delivery_core *core, struct record *record, const struct delivery_event *event)
{
    const uint32_t *matches = event->record_fetched.matches;
    for (size_t i = 0; i < event->record_fetched.match_count; i++) {
        CHECK(matches[i] < core->subscription_count && (i == 0 || matches[i - 1] < matches[i]));
        /* An event of one tenant never reaches a subscriber of another. */
        CHECK(core->subscriptions[matches[i]].tenant == event->record_fetched.tenant);
        CHECK(!core->subscriptions[matches[i]].is_disabled);
        struct lane *lane = lane_open(core, record->partition, matches[i]);
        delivery_queue(core, delivery_create(core, record, lane));
    }
}

void record_on_fetched(struct delivery_core *core, const struct delivery_event *event)
{
    struct partition *partition =
        core_owned_partition(core, event->record_fetched.partition, event->record_fetched.assignment);
    if (partition == NULL || partition->state != PARTITION_ASSIGNED || drain_has_begun(core)) {
        core->stats.late_events += partition != NULL;
        core_act(core, ACTION_RELEASE_PAYLOAD)->release_payload.ticket = event->record_fetched.ticket;
        return;
    }
    bool is_readable = event->record_fetched.reading == READING_READABLE;
    size_t owed = is_readable ? event->record_fetched.match_count : 1;
    CHECK(!partition->has_gap && owed <= core->hand.fanout_max);
    struct record *record = take_into_hand(core, partition, event);
    partition_ledger_append(&partition->ledger, &record->entry, event->record_fetched.offset, (uint32_t)owed);
    if (owed == 0) {
        record_settled(core, record);
    } else if (is_readable) {
        queue_matches(core, record, event);
    } else if (event->record_fetched.reading == READING_UNREADABLE) {
        dead_letter_begin(core, delivery_create(core, record, NULL), DEAD_LETTER_UNREADABLE);
    } else {
        holding_await_schema(core, delivery_create(core, record, NULL));
    }
}

void record_settle_one(struct delivery_core *core, struct record *record)
{
    if (partition_ledger_settle_one(&record->entry)) {
        record_settled(core, record);
    }
}

void record_settled(struct delivery_core *core, struct record *record)
{
    struct partition *partition = record->partition;
    release_payload(core, record);
    core_touch(core, partition);
    struct ledger_entry *passed = NULL;
    while ((passed = partition_ledger_take_settled(&partition->ledger)) != NULL) {
        give_back(core, CONTAINER_OF(passed, struct record, entry));
    }
}

void record_forget(struct delivery_core *core, struct record *record)
{
    struct delivery *delivery = NULL;
    while ((delivery = LIST_FIRST(&record->deliveries)) != NULL) {
        delivery_forget(core, delivery);
    }
    if (record->has_payload) {
        release_payload(core, record);
    }
    give_back(core, record);
}
