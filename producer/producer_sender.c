#include "producer_sender.h"

#include "check.h"
#include "log.h"
#include "memory.h"

#include <stdlib.h>
#include <string.h>

enum {
    WAIT_FIRST_MS = 1000, /* before the first trial, and between two questions about the topic */
    WAIT_MOST_MS = 30000,
};

struct producer_sender {
    struct producer_work *work;
    struct kafka_publisher *publisher;
    const char *topic;
    bool must_ask;         /* about the topic, before anything is sent */
    int64_t not_before_ms; /* ask or resume */
    int64_t wait_ms;       /* doubles while nothing is delivered */
    int said_error;        /* the trouble that was logged last; 0: none since the last delivery */
    bool is_reason_said;
    char reason[ERROR_TEXT_MAX]; /* why asking has failed */
};

struct producer_sender *producer_sender_create(struct producer_work *work, struct kafka_publisher *publisher,
                                               const char *topic)
{
    struct producer_sender *sender = memory_alloc(1, sizeof(*sender));
    sender->work = work;
    sender->publisher = publisher;
    sender->topic = topic;
    sender->must_ask = true;
    sender->wait_ms = WAIT_FIRST_MS;
    return sender;
}

void producer_sender_destroy(struct producer_sender *sender)
{
    free(sender);
}

/* ---- reports ---- */

static void wait_longer(struct producer_sender *sender, int64_t mono_ms)
{
    sender->not_before_ms = mono_ms + sender->wait_ms;
    sender->wait_ms = sender->wait_ms * 2 < WAIT_MOST_MS ? sender->wait_ms * 2 : WAIT_MOST_MS;
}

/* Once for each trouble, however many events and trials it concerns. */
static void say_trouble(struct producer_sender *sender, int error)
{
    if (sender->said_error == error) {
        return;
    }
    struct bytes advice = {0};
    kafka_publisher_append_advice(sender->publisher, error, &advice);
    bytes_append_byte(&advice, '\0');
    log_warn("publishing waits", LOG_TEXT("topic", sender->topic), LOG_TEXT("reason", (const char *)advice.data));
    bytes_free(&advice);
    sender->said_error = error;
}

static void on_returned(struct producer_sender *sender, const struct publish_report *report, int64_t mono_ms)
{
    if (!publish_ledger_is_held(sender->work->ledger)) {
        wait_longer(sender, mono_ms);
    }
    /* What the topic lacks is better said by asking about it, unless the answer was good and it was of no use. */
    bool is_trial = publish_ledger_went_alone(sender->work->ledger, report->place);
    if (report->verdict != PUBLISH_TOPIC_AWAY || is_trial) {
        say_trouble(sender, report->error);
    }
    sender->must_ask = sender->must_ask || report->verdict == PUBLISH_TOPIC_AWAY;
    publish_ledger_returned(sender->work->ledger, report->place, false);
}

static void on_refused(struct producer_sender *sender, const struct publish_report *report)
{
    record_store_set_error(sender->work->store, report->place, report->error);
    publish_ledger_refused(sender->work->ledger, report->place);
}

static void on_delivered(struct producer_sender *sender, const struct publish_report *report)
{
    record_store_drop(sender->work->store, report->place);
    publish_ledger_delivered(sender->work->ledger, report->place);
    producer_counts_published(sender->work->counts);
    sender->wait_ms = WAIT_FIRST_MS;
    if (sender->said_error != 0 && !publish_ledger_is_held(sender->work->ledger)) {
        sender->said_error = 0;
        log_info("publishing goes on", LOG_TEXT("topic", sender->topic));
    }
}

static void take_report(struct producer_sender *sender, const struct publish_report *report, int64_t mono_ms)
{
    switch (report->verdict) {
    case PUBLISH_DELIVERED:
        on_delivered(sender, report);
        return;
    case PUBLISH_REFUSED:
        on_refused(sender, report);
        return;
    case PUBLISH_BATCH_REFUSED:
        if (publish_ledger_went_alone(sender->work->ledger, report->place)) {
            on_refused(sender, report);
        } else {
            /* One of the batch is to blame; alone each will show whether it is the one. No reason to wait, but to ask:
             * the topic may take less than it did. */
            sender->must_ask = true;
            sender->not_before_ms = mono_ms;
            publish_ledger_returned(sender->work->ledger, report->place, true);
        }
        return;
    case PUBLISH_TOPIC_AWAY:
    case PUBLISH_CLOCK_WRONG:
    case PUBLISH_FAILED:
        on_returned(sender, report, mono_ms);
        return;
    }
}

static enum status reject_one(struct producer_sender *sender, uint64_t place, struct error *ret_error)
{
    struct producer_work *work = sender->work;
    struct rule_violation violation;
    struct bytes advice = {0};
    int error = record_store_error(work->store, place);
    kafka_publisher_append_advice(sender->publisher, error, &advice);
    rule_violation_set(&violation, kafka_publisher_rule(error), "", "the broker refuses it: %.*s",
                       BYTES_PRINTF(bytes_as_view(&advice)));
    bytes_free(&advice);
    enum status status = producer_work_reject_line(work, publish_ledger_start_of(work->ledger, place),
                                                   record_store_line(work->store, place), &violation, ret_error);
    if (status == STATUS_OK) {
        record_store_drop(work->store, place);
        publish_ledger_rejected(work->ledger, place);
    }
    return status;
}

void producer_sender_take_reports(struct producer_sender *sender, int64_t mono_ms)
{
    struct publish_report report;
    kafka_publisher_poll(sender->publisher);
    while (kafka_publisher_next_report(sender->publisher, &report)) {
        take_report(sender, &report, mono_ms);
    }
}

enum status producer_sender_reject_refused(struct producer_sender *sender, struct error *ret_error)
{
    uint64_t place;
    while (!rejects_file_is_begun(sender->work->rejects) && publish_ledger_next_refused(sender->work->ledger, &place)) {
        enum status status = reject_one(sender, place, ret_error);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

/* ---- sending ---- */

static enum status replace_client(struct producer_sender *sender, int64_t mono_ms, struct error *ret_error)
{
    enum status status = kafka_publisher_replace(sender->publisher, ret_error);
    publish_ledger_returned_all(sender->work->ledger);
    sender->must_ask = true;
    wait_longer(sender, mono_ms);
    return status;
}

static void ask(struct producer_sender *sender, int64_t mono_ms, int timeout_ms)
{
    struct error error = {0};
    enum status status = kafka_publisher_ask(sender->publisher, timeout_ms, &error);
    if (status == STATUS_OK) {
        sender->must_ask = false;
        sender->reason[0] = '\0';
        if (sender->is_reason_said) {
            sender->is_reason_said = false;
            log_info("publishing goes on", LOG_TEXT("topic", sender->topic));
        }
        return;
    }
    sender->not_before_ms = mono_ms + WAIT_FIRST_MS;
    /* A broker that is away has its line from the client, and what it answered before tells more than its silence now:
     * a question may have been cut short by startup_timeout. */
    if (status == STATUS_UNAVAILABLE && sender->is_reason_said) {
        return;
    }
    bool is_news = strcmp(sender->reason, error.text) != 0;
    memcpy(sender->reason, error.text, sizeof(sender->reason));
    if (status != STATUS_UNAVAILABLE && is_news) {
        sender->is_reason_said = true;
        log_warn("publishing waits", LOG_TEXT("topic", sender->topic), LOG_TEXT("reason", error.text));
    }
}

static void send_waiting(struct producer_sender *sender)
{
    struct producer_work *work = sender->work;
    uint64_t place;
    while (publish_ledger_next_to_send(work->ledger, &place)) {
        const struct outgoing_record *record = record_store_record(work->store, place);
        if (kafka_publisher_send(sender->publisher, place, record) != STATUS_OK) {
            /* The next report makes room; without anything sent there will be none. */
            if (publish_ledger_counts(work->ledger).sent == 0) {
                say_trouble(sender, kafka_publisher_queue_full_error());
            }
            return;
        }
        publish_ledger_sent(work->ledger, place);
    }
}

enum status producer_sender_send(struct producer_sender *sender, int64_t mono_ms, int ask_timeout_ms,
                                 struct error *ret_error)
{
    struct publish_ledger *ledger = sender->work->ledger;
    if (kafka_publisher_is_broken(sender->publisher)) {
        if (mono_ms < sender->not_before_ms) {
            return STATUS_OK; /* the one before it had failed too: what refuses it (no right to write) takes time to
                                 mend */
        }
        enum status status = replace_client(sender, mono_ms, ret_error);
        if (status != STATUS_OK) {
            return status;
        }
    }
    bool is_idle = publish_ledger_counts(ledger).sent == 0;
    if (is_idle && sender->must_ask && ask_timeout_ms > 0 && mono_ms >= sender->not_before_ms) {
        ask(sender, mono_ms, ask_timeout_ms);
    }
    if (is_idle && !sender->must_ask && publish_ledger_is_held(ledger) && mono_ms >= sender->not_before_ms) {
        publish_ledger_resume(ledger);
    }
    if (!sender->must_ask) {
        send_waiting(sender);
    }
    return STATUS_OK;
}

const char *producer_sender_reason(const struct producer_sender *sender)
{
    return sender->reason;
}

bool producer_sender_is_open(const struct producer_sender *sender)
{
    return !sender->must_ask && !publish_ledger_is_held(sender->work->ledger);
}

int64_t producer_sender_deadline(const struct producer_sender *sender)
{
    const struct publish_ledger *ledger = sender->work->ledger;
    bool is_waiting = sender->must_ask || publish_ledger_is_held(ledger);
    bool is_due =
        kafka_publisher_is_broken(sender->publisher) || (is_waiting && publish_ledger_counts(ledger).sent == 0);
    return is_due ? sender->not_before_ms : INT64_MAX;
}
