#include "kafka_subscription.h"

#include "check.h"
#include "group_trouble.h"
#include "kafka_wake.h"
#include "log.h"
#include "memory.h"
#include "partition_starts.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <uv.h>

enum { SERVE_INTERVAL_MS = 1000, FIND_AGAIN_MS = 1000, LEAVE_WAIT_NS = 500000000 };

/* idle -> finding -> committing -> reading -> revoking -> idle; a revoke before `reading` goes back to idle at once. */
enum member_state {
    MEMBER_IDLE,       /* nothing assigned */
    MEMBER_FINDING,    /* a worker asks where the partitions start */
    MEMBER_COMMITTING, /* the starts of new partitions are being committed */
    MEMBER_READING,    /* assigned */
    MEMBER_REVOKING,   /* the owner was told; its releases are awaited */
};

struct slot {
    struct partition_start start;
    rd_kafka_queue_t *queue; /* NULL: not assigned */
    bool maybe_more;         /* cleared only by a take that finds nothing */
};

struct kafka_subscription {
    struct kafka_subscription_settings settings;
    kafka_subscription_listener *listener;
    void *context;
    struct event_loop *loop;

    rd_kafka_t *client;
    rd_kafka_queue_t *group_queue;
    rd_kafka_queue_t *reply_queue; /* answers to commits */
    struct kafka_wake wake;
    struct event_loop_watch *wake_watch;
    uv_timer_t serve_timer;
    uv_timer_t find_timer;
    unsigned open_handles;

    enum member_state state;
    uint64_t assignment;
    struct slot *slots;
    uint32_t slot_count;
    uint32_t unreleased;
    uint32_t searches;                  /* workers not yet back */
    _Atomic bool is_search_cancelled;   /* they ask nothing more */
    LIST_HEAD(, commit_ticket) commits; /* not yet answered */
    bool has_joined;
    bool is_closing;
    struct group_trouble trouble;
};

/* What a worker thread gets: nothing of it is touched by the loop until it is back. */
struct search {
    uv_work_t work;
    struct kafka_subscription *subscription;
    uint64_t assignment;
    struct partition_start *starts;
    size_t count;
    enum status status;
    struct error error;
};

/* What comes back with a commit's answer; kept in a list, since an answer may never come. */
struct commit_ticket {
    LIST_ENTRY(commit_ticket) link;
    struct kafka_subscription *subscription;
    uint64_t assignment;
    uint32_t slot;
    int64_t offset;
    bool is_start; /* the commit of all starts of an assignment */
};

static void tell(struct kafka_subscription *subscription, struct kafka_subscription_event event)
{
    if (!subscription->is_closing) {
        subscription->listener(subscription->context, &event);
    }
}

static void fail(struct kafka_subscription *subscription, const char *text)
{
    tell(subscription, (struct kafka_subscription_event){.kind = SUBSCRIPTION_MEMBER_FAILED, .text = text});
}

/* The settings' own string for a topic that librdkafka names. */
static const char *own_topic(const struct kafka_subscription *subscription, const char *topic)
{
    for (size_t i = 0; i < subscription->settings.topic_count; i++) {
        if (strcmp(subscription->settings.topics[i], topic) == 0) {
            return subscription->settings.topics[i];
        }
    }
    CHECK(!"a topic that was not subscribed to");
    return NULL;
}

/* ---- an assignment, step by step ---- */

static rd_kafka_topic_partition_list_t *list_of_slots(const struct kafka_subscription *subscription)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)subscription->slot_count);
    for (uint32_t i = 0; i < subscription->slot_count; i++) {
        const struct partition_start *start = &subscription->slots[i].start;
        rd_kafka_topic_partition_list_add(list, start->topic, start->partition)->offset = start->offset;
    }
    return list;
}

/* Takes each partition's queue out of the group's before the assignment: afterwards messages would have leaked. */
static void start_reading(struct kafka_subscription *subscription)
{
    for (uint32_t i = 0; i < subscription->slot_count; i++) {
        struct slot *slot = &subscription->slots[i];
        slot->queue = rd_kafka_queue_get_partition(subscription->client, slot->start.topic, slot->start.partition);
        CHECK(slot->queue != NULL);
        rd_kafka_queue_forward(slot->queue, NULL);
        kafka_wake_attach(&subscription->wake, slot->queue);
        slot->maybe_more = true;
    }
    rd_kafka_topic_partition_list_t *list = list_of_slots(subscription);
    rd_kafka_resp_err_t err = rd_kafka_assign(subscription->client, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        fail(subscription, rd_kafka_err2str(err));
        return;
    }
    subscription->state = MEMBER_READING;
    subscription->has_joined = true;
    log_info("partitions assigned", LOG_INT("partitions", subscription->slot_count),
             LOG_INT("assignment", subscription->assignment));
    for (uint32_t i = 0; i < subscription->slot_count; i++) {
        tell(subscription, (struct kafka_subscription_event){.kind = SUBSCRIPTION_PARTITION_ASSIGNED,
                                                             .slot = i,
                                                             .assignment = subscription->assignment,
                                                             .offset = subscription->slots[i].start.offset});
    }
}

static void on_commit_answer(rd_kafka_t *client, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *offsets,
                             void *opaque);

static void add_commit(rd_kafka_topic_partition_list_t *list, const struct partition_start *start, int64_t offset)
{
    rd_kafka_topic_partition_t *element = rd_kafka_topic_partition_list_add(list, start->topic, start->partition);
    element->offset = offset;
    char note[COMMIT_NOTE_MAX];
    commit_note_format(note, start->first_count);
    element->metadata = memory_copy_text(note); /* freed with the list */
    element->metadata_size = strlen(note);
}

static void send_commit(struct kafka_subscription *subscription, rd_kafka_topic_partition_list_t *list,
                        const struct commit_ticket *ticket)
{
    struct commit_ticket *copy = memory_alloc(1, sizeof(*copy));
    *copy = *ticket;
    LIST_INSERT_HEAD(&subscription->commits, copy, link);
    rd_kafka_resp_err_t err =
        rd_kafka_commit_queue(subscription->client, list, subscription->reply_queue, on_commit_answer, copy);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        on_commit_answer(subscription->client, err, list, copy);
    }
    rd_kafka_topic_partition_list_destroy(list);
}

static void commit_starts(struct kafka_subscription *subscription)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)subscription->slot_count);
    for (uint32_t i = 0; i < subscription->slot_count; i++) {
        const struct partition_start *start = &subscription->slots[i].start;
        if (start->needs_commit) {
            add_commit(list, start, start->offset);
        }
    }
    if (list->cnt == 0) {
        rd_kafka_topic_partition_list_destroy(list);
        start_reading(subscription);
        return;
    }
    subscription->state = MEMBER_COMMITTING;
    send_commit(subscription, list,
                &(struct commit_ticket){
                    .subscription = subscription, .assignment = subscription->assignment, .is_start = true});
}

static void find_starts(struct kafka_subscription *subscription);

static void on_find_timer(uv_timer_t *timer)
{
    struct kafka_subscription *subscription = timer->data;
    if (subscription->state == MEMBER_FINDING && !subscription->is_closing) {
        find_starts(subscription);
    }
}

static void search_work(uv_work_t *work)
{
    struct search *search = work->data;
    struct kafka_subscription *subscription = search->subscription;
    search->status =
        partition_starts_find(subscription->client, &subscription->settings, &subscription->is_search_cancelled,
                              search->starts, search->count, &search->error);
}

static void search_done(uv_work_t *work, int uv_status)
{
    struct search *search = work->data;
    struct kafka_subscription *subscription = search->subscription;
    subscription->searches--;
    bool is_wanted = uv_status == 0 && !subscription->is_closing && subscription->state == MEMBER_FINDING &&
                     search->assignment == subscription->assignment;
    if (is_wanted && search->status == STATUS_OK) {
        for (size_t i = 0; i < search->count; i++) {
            subscription->slots[i].start = search->starts[i];
        }
        commit_starts(subscription);
    } else if (is_wanted) {
        log_warn("cannot find out where the assigned partitions start; asking again",
                 LOG_TEXT("reason", search->error.text), LOG_TEXT("group", subscription->settings.group));
        uv_timer_start(&subscription->find_timer, on_find_timer, FIND_AGAIN_MS, 0);
    }
    free(search->starts);
    free(search);
}

static void find_starts(struct kafka_subscription *subscription)
{
    struct search *search = memory_alloc(1, sizeof(*search));
    search->work.data = search;
    search->subscription = subscription;
    search->assignment = subscription->assignment;
    search->count = subscription->slot_count;
    search->starts = memory_alloc(search->count, sizeof(*search->starts));
    for (size_t i = 0; i < search->count; i++) {
        search->starts[i] = subscription->slots[i].start;
    }
    subscription->searches++;
    int err = uv_queue_work(event_loop_uv(subscription->loop), &search->work, search_work, search_done);
    CHECK(err == 0);
}

static void on_assigned(struct kafka_subscription *subscription, const rd_kafka_topic_partition_list_t *partitions)
{
    CHECK(subscription->state == MEMBER_IDLE);
    subscription->assignment++;
    if (partitions->cnt > (int)subscription->settings.partitions_max) {
        fail(subscription, "more partitions were assigned than there were when this member started, twice over; "
                           "a restart makes room for them");
        rd_kafka_assign(subscription->client, NULL);
        return;
    }
    subscription->slot_count = (uint32_t)partitions->cnt;
    for (int i = 0; i < partitions->cnt; i++) {
        subscription->slots[i] = (struct slot){.start = {.topic = own_topic(subscription, partitions->elems[i].topic),
                                                         .partition = partitions->elems[i].partition}};
    }
    subscription->state = MEMBER_FINDING;
    find_starts(subscription);
}

static void close_queue(struct slot *slot)
{
    if (slot->queue != NULL) {
        kafka_wake_detach(slot->queue);
        rd_kafka_queue_destroy(slot->queue);
        slot->queue = NULL;
    }
}

static void finish_revoke(struct kafka_subscription *subscription)
{
    for (uint32_t i = 0; i < subscription->slot_count; i++) {
        close_queue(&subscription->slots[i]);
    }
    subscription->slot_count = 0;
    subscription->state = MEMBER_IDLE;
    rd_kafka_assign(subscription->client, NULL);
}

static void on_revoked(struct kafka_subscription *subscription)
{
    bool lost = rd_kafka_assignment_lost(subscription->client);
    if (subscription->state != MEMBER_READING || subscription->slot_count == 0 || subscription->is_closing) {
        finish_revoke(subscription);
        return;
    }
    log_info("partitions revoked", LOG_INT("partitions", subscription->slot_count),
             LOG_INT("assignment", subscription->assignment), LOG_TEXT("lost", lost ? "yes" : "no"));
    subscription->state = MEMBER_REVOKING;
    subscription->unreleased = subscription->slot_count;
    for (uint32_t i = 0; i < subscription->slot_count; i++) {
        tell(subscription, (struct kafka_subscription_event){.kind = SUBSCRIPTION_PARTITION_REVOKED,
                                                             .slot = i,
                                                             .assignment = subscription->assignment,
                                                             .lost = lost});
    }
}

/* Called inside rd_kafka_consumer_poll. What it answers (rd_kafka_assign) may come later: until then librdkafka waits.
 */
static void on_rebalance(rd_kafka_t *client, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *partitions,
                         void *opaque)
{
    struct kafka_subscription *subscription = kafka_client_context(opaque);
    switch (err) {
    case RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS:
        on_assigned(subscription, partitions);
        break;
    case RD_KAFKA_RESP_ERR__REVOKE_PARTITIONS:
        on_revoked(subscription);
        break;
    default:
        log_error("rebalance failed", LOG_TEXT("reason", rd_kafka_err2str(err)));
        rd_kafka_assign(client, NULL);
    }
}

void kafka_subscription_release(struct kafka_subscription *subscription, uint32_t slot, uint64_t assignment)
{
    CHECK(subscription->state == MEMBER_REVOKING && assignment == subscription->assignment);
    CHECK(slot < subscription->slot_count && subscription->unreleased > 0);
    subscription->unreleased--;
    if (subscription->unreleased == 0) {
        finish_revoke(subscription);
    }
}

/* ---- commits ---- */

static void on_start_commit_answer(struct kafka_subscription *subscription, rd_kafka_resp_err_t err)
{
    if (subscription->state != MEMBER_COMMITTING) {
        return;
    }
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        group_trouble_end(&subscription->trouble);
        start_reading(subscription);
        return;
    }
    group_trouble_report(
        &subscription->trouble, subscription->client, &subscription->settings, event_loop_now_ms(subscription->loop),
        "the start of new partitions could not be committed; trying again", err, rd_kafka_err2str(err));
    subscription->state = MEMBER_FINDING;
    uv_timer_start(&subscription->find_timer, on_find_timer, FIND_AGAIN_MS, 0);
}

/* Is the assignment that a commit was sent under still this member's? After a lost session its answer comes late. */
static bool is_current(const struct kafka_subscription *subscription, const struct commit_ticket *ticket)
{
    bool is_owned = subscription->state == MEMBER_READING || subscription->state == MEMBER_REVOKING ||
                    subscription->state == MEMBER_COMMITTING;
    return is_owned && ticket->assignment == subscription->assignment && !subscription->is_closing;
}

static rd_kafka_resp_err_t first_error(rd_kafka_resp_err_t err, const rd_kafka_topic_partition_list_t *offsets)
{
    for (int i = 0; offsets != NULL && i < offsets->cnt && err == RD_KAFKA_RESP_ERR_NO_ERROR; i++) {
        err = offsets->elems[i].err;
    }
    return err;
}

static void on_commit_answer(rd_kafka_t *client, rd_kafka_resp_err_t err, rd_kafka_topic_partition_list_t *offsets,
                             void *opaque)
{
    (void)client;
    struct commit_ticket *answered = opaque;
    struct commit_ticket ticket = *answered;
    LIST_REMOVE(answered, link);
    free(answered);
    struct kafka_subscription *subscription = ticket.subscription;
    if (!is_current(subscription, &ticket)) {
        return;
    }
    err = first_error(err, offsets);
    if (ticket.is_start) {
        on_start_commit_answer(subscription, err);
        return;
    }
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        log_warn("commit refused", LOG_TEXT("topic", kafka_subscription_topic(subscription, ticket.slot)),
                 LOG_INT("partition", kafka_subscription_partition(subscription, ticket.slot)),
                 LOG_TEXT("reason", rd_kafka_err2str(err)));
    }
    tell(subscription, (struct kafka_subscription_event){.kind = SUBSCRIPTION_COMMIT_FINISHED,
                                                         .slot = ticket.slot,
                                                         .assignment = ticket.assignment,
                                                         .offset = ticket.offset,
                                                         .ok = err == RD_KAFKA_RESP_ERR_NO_ERROR});
}

void kafka_subscription_commit(struct kafka_subscription *subscription, uint32_t slot, uint64_t assignment,
                               int64_t offset)
{
    CHECK(subscription->state == MEMBER_READING || subscription->state == MEMBER_REVOKING);
    CHECK(assignment == subscription->assignment && slot < subscription->slot_count);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    add_commit(list, &subscription->slots[slot].start, offset);
    send_commit(subscription, list,
                &(struct commit_ticket){
                    .subscription = subscription, .assignment = assignment, .slot = slot, .offset = offset});
}

/* ---- records ---- */

enum kafka_take kafka_subscription_take(struct kafka_subscription *subscription, uint32_t slot_index,
                                        rd_kafka_message_t **ret_message, int64_t *ret_offset)
{
    CHECK(slot_index < subscription->slot_count);
    struct slot *slot = &subscription->slots[slot_index];
    while (slot->maybe_more && slot->queue != NULL) {
        rd_kafka_message_t *message = rd_kafka_consume_queue(slot->queue, 0);
        if (message == NULL) {
            slot->maybe_more = false;
            break;
        }
        if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            *ret_message = message;
            return KAFKA_TAKE_RECORD;
        }
        rd_kafka_resp_err_t err = message->err;
        int64_t offset = message->offset;
        if (err != RD_KAFKA_RESP_ERR__PARTITION_EOF && err != RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) {
            log_warn("fetch failed; trying again", LOG_TEXT("topic", slot->start.topic),
                     LOG_INT("partition", slot->start.partition), LOG_TEXT("reason", rd_kafka_message_errstr(message)));
        }
        rd_kafka_message_destroy(message);
        if (err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET) {
            *ret_offset = offset;
            return KAFKA_TAKE_GAP;
        }
    }
    return KAFKA_TAKE_NOTHING;
}

/* ---- the group's own queue ---- */

/* Two members of one name throw each other out in turns, if both are started again. */
static void on_fatal_error(struct kafka_subscription *subscription, rd_kafka_resp_err_t err, const char *reason)
{
    if (err == RD_KAFKA_RESP_ERR__FATAL) {
        char text[ERROR_TEXT_MAX];
        err = rd_kafka_fatal_error(subscription->client, text, sizeof(text));
    }
    fail(subscription, err == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID
                           ? "another member has the same kafka.group.instance.id: give each process one of its own"
                           : reason);
}

static void on_group_message(struct kafka_subscription *subscription, const rd_kafka_message_t *message)
{
    const char *reason = rd_kafka_message_errstr(message);
    switch (message->err) {
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
    case RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
        group_trouble_report(&subscription->trouble, subscription->client, &subscription->settings,
                             event_loop_now_ms(subscription->loop), "the group cannot read; waiting", message->err,
                             reason);
        break;
    case RD_KAFKA_RESP_ERR__FATAL:
    case RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID:
        on_fatal_error(subscription, message->err, reason);
        break;
    default:
        log_warn("kafka consumer", LOG_TEXT("reason", reason));
    }
}

/* The group's own queue brings rebalances, the reply queue answers to commits. Both are served on the descriptor and
 * once a second: librdkafka counts a served queue as a poll, without which an idle member is thrown out. */
static void serve(struct kafka_subscription *subscription)
{
    rd_kafka_message_t *message;
    while ((message = rd_kafka_consumer_poll(subscription->client, 0)) != NULL) {
        on_group_message(subscription, message);
        rd_kafka_message_destroy(message);
    }
    while (rd_kafka_queue_poll_callback(subscription->reply_queue, 0) > 0) {
    }
    for (uint32_t i = 0; i < subscription->slot_count; i++) {
        subscription->slots[i].maybe_more = subscription->slots[i].queue != NULL;
    }
}

static void on_wake(void *context)
{
    struct kafka_subscription *subscription = context;
    kafka_wake_clear(&subscription->wake);
    serve(subscription);
}

static void on_serve_timer(uv_timer_t *timer)
{
    serve(timer->data);
}

/* ---- life cycle ---- */

static void on_fatal(void *context, const char *text)
{
    fail(context, text);
}

static enum status make_client(struct kafka_subscription *subscription, const struct kafka_properties *properties,
                               struct error *ret_error)
{
    rd_kafka_conf_t *conf = NULL;
    const struct kafka_client_spec spec = {.kind = KAFKA_CLIENT_CONSUMER,
                                           .properties = properties,
                                           .group = subscription->settings.group,
                                           .context = subscription,
                                           .on_fatal = on_fatal};
    enum status status = kafka_client_conf(&spec, &conf, ret_error);
    if (status != STATUS_OK) {
        return status;
    }
    rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
    return kafka_client_new_take(conf, RD_KAFKA_CONSUMER, &subscription->client, ret_error);
}

enum status kafka_subscription_create(struct event_loop *loop, const struct kafka_subscription_settings *settings,
                                      kafka_subscription_listener *listener, void *context,
                                      struct kafka_subscription **ret_subscription, struct error *ret_error)
{
    struct kafka_subscription *subscription = memory_alloc(1, sizeof(*subscription));
    subscription->settings = *settings;
    subscription->settings.properties = NULL;
    subscription->listener = listener;
    subscription->context = context;
    subscription->loop = loop;
    enum status status = make_client(subscription, settings->properties, ret_error);
    if (status != STATUS_OK) {
        free(subscription);
        return status;
    }
    subscription->slots = memory_alloc(settings->partitions_max, sizeof(struct slot));
    rd_kafka_poll_set_consumer(subscription->client);
    subscription->group_queue = rd_kafka_queue_get_consumer(subscription->client);
    subscription->reply_queue = rd_kafka_queue_new(subscription->client);
    kafka_wake_init(&subscription->wake);
    kafka_wake_attach(&subscription->wake, subscription->group_queue);
    kafka_wake_attach(&subscription->wake, subscription->reply_queue);

    uv_loop_t *uv = event_loop_uv(loop);
    subscription->serve_timer.data = subscription->find_timer.data = subscription;
    CHECK(uv_timer_init(uv, &subscription->serve_timer) == 0);
    CHECK(uv_timer_init(uv, &subscription->find_timer) == 0);
    subscription->open_handles = 2;
    *ret_subscription = subscription;
    return STATUS_OK;
}

enum status kafka_subscription_start(struct kafka_subscription *subscription, struct error *ret_error)
{
    const struct kafka_subscription_settings *settings = &subscription->settings;
    rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new((int)settings->topic_count);
    for (size_t i = 0; i < settings->topic_count; i++) {
        rd_kafka_topic_partition_list_add(topics, settings->topics[i], RD_KAFKA_PARTITION_UA);
    }
    rd_kafka_resp_err_t err = rd_kafka_subscribe(subscription->client, topics);
    rd_kafka_topic_partition_list_destroy(topics);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return error_set(ret_error, STATUS_REFUSED, "cannot join group %s: %s", settings->group, rd_kafka_err2str(err));
    }
    subscription->wake_watch =
        event_loop_watch(subscription->loop, kafka_wake_fd(&subscription->wake), on_wake, subscription);
    uv_timer_start(&subscription->serve_timer, on_serve_timer, SERVE_INTERVAL_MS, SERVE_INTERVAL_MS);
    return STATUS_OK;
}

static int64_t time_left_ms(uint64_t until_ns)
{
    uint64_t now_ns = uv_hrtime();
    return now_ns < until_ns ? (int64_t)((until_ns - now_ns) / 1000000) : 0;
}

/* Without a coordinator there is nobody to take leave of: the session's time-out does it then. */
static void leave_group(struct kafka_subscription *subscription)
{
    rd_kafka_error_t *error = rd_kafka_consumer_close_queue(subscription->client, subscription->reply_queue);
    if (error != NULL) {
        rd_kafka_error_destroy(error);
        return;
    }
    uint64_t until_ns = uv_hrtime() + LEAVE_WAIT_NS;
    while (!rd_kafka_consumer_closed(subscription->client) && uv_hrtime() < until_ns) {
        rd_kafka_queue_poll_callback(subscription->reply_queue, 20);
    }
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct kafka_subscription *subscription = handle->data;
    subscription->open_handles--;
}

void kafka_subscription_stop(struct kafka_subscription *subscription, int64_t wait_ms)
{
    uint64_t until_ns = uv_hrtime() + (uint64_t)wait_ms * 1000000;
    subscription->is_closing = true;
    atomic_store(&subscription->is_search_cancelled, true);
    if (subscription->wake_watch != NULL) {
        event_loop_unwatch(subscription->wake_watch);
    }
    if (subscription->state != MEMBER_IDLE && subscription->state != MEMBER_READING) {
        finish_revoke(subscription); /* librdkafka waits for an answer that nobody gives any more */
    }
    leave_group(subscription);
    uv_close((uv_handle_t *)&subscription->serve_timer, on_handle_closed);
    uv_close((uv_handle_t *)&subscription->find_timer, on_handle_closed);
    /* A worker still uses the client: each of its questions has a time-out, and it asks no further one. */
    while (subscription->open_handles > 0 || subscription->searches > 0) {
        uv_run(event_loop_uv(subscription->loop), UV_RUN_ONCE);
    }
    for (uint32_t i = 0; i < subscription->slot_count; i++) {
        close_queue(&subscription->slots[i]);
    }
    kafka_wake_detach(subscription->group_queue);
    kafka_wake_detach(subscription->reply_queue);
    rd_kafka_queue_destroy(subscription->group_queue);
    rd_kafka_queue_destroy(subscription->reply_queue);
    kafka_client_destroy_within(subscription->client, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE, time_left_ms(until_ns));
}

void kafka_subscription_destroy(struct kafka_subscription *subscription)
{
    if (subscription == NULL) {
        return;
    }
    CHECK(subscription->is_closing && subscription->open_handles == 0);
    struct commit_ticket *ticket = NULL;
    while ((ticket = LIST_FIRST(&subscription->commits)) != NULL) {
        LIST_REMOVE(ticket, link);
        free(ticket);
    }
    kafka_wake_destroy(&subscription->wake);
    free(subscription->slots);
    free(subscription);
}

bool kafka_subscription_has_joined(const struct kafka_subscription *subscription)
{
    return subscription->has_joined;
}

uint32_t kafka_subscription_slots(const struct kafka_subscription *subscription)
{
    return subscription->slot_count;
}

const char *kafka_subscription_topic(const struct kafka_subscription *subscription, uint32_t slot)
{
    CHECK(slot < subscription->slot_count);
    return subscription->slots[slot].start.topic;
}

int32_t kafka_subscription_partition(const struct kafka_subscription *subscription, uint32_t slot)
{
    CHECK(slot < subscription->slot_count);
    return subscription->slots[slot].start.partition;
}

int64_t kafka_subscription_log_start(struct kafka_subscription *subscription, uint32_t slot)
{
    int64_t low = -1;
    int64_t high = -1;
    const struct partition_start *start = &subscription->slots[slot].start;
    rd_kafka_get_watermark_offsets(subscription->client, start->topic, start->partition, &low, &high);
    return low;
}
