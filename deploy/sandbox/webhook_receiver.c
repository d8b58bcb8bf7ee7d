#include "webhook_receiver.h"

#include "body_shape.h"
#include "check.h"
#include "delivery_print.h"
#include "hash_table.h"
#include "memory.h"
#include "signature_check.h"

#include <arpa/inet.h>
#include <errno.h>
#include <jansson.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { IDLE_S_MAX = 60, KEY_SIZE_MAX = SUBSCRIBER_ID_MAX + 1 + 64 + 1 };

struct seen_id {
    char key[KEY_SIZE_MAX]; /* subscriber, a slash, webhook-id */
    UT_hash_handle hh;
};

struct webhook_receiver {
    struct receiver_settings settings;
    struct MHD_Daemon *daemon;
    uint16_t port;
    pthread_mutex_t turn; /* whose request is being judged: guards all but the counts while the daemon runs */
    pthread_mutex_t lock; /* guards the counts and is_stopping alone */
    pthread_cond_t stop;  /* with `lock`: is_stopping has become true */
    bool is_stopping;
    int64_t failed; /* answered with fail_status so far */
    struct receiver_counts counts;
    struct seen_id *seen; /* oldest first */
};

struct request {
    char *target; /* as sent: path and query */
    time_t started_s;
    bool is_announced; /* the first of libmicrohttpd's calls, which has headers only, is over */
    bool is_too_large;
    struct bytes body;
    json_t *headers;
};

/* What becomes of a request. */
struct judgement {
    unsigned status;
    const char *verdict; /* delivered, duplicate, refused, told, control */
    struct error reason;
};

static time_t monotonic_s(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

static void refuse(struct judgement *judgement, unsigned status, const char *reason)
{
    judgement->status = status;
    judgement->verdict = "refused";
    (void)error_set(&judgement->reason, STATUS_REFUSED, "%s", reason);
}

static struct bytes_view path_of(const char *target)
{
    return bytes_view_of(target, strcspn(target, "?"));
}

/* The last part of the path. */
static struct bytes_view subscriber_id_of(const char *target)
{
    struct bytes_view path = path_of(target);
    size_t start = path.size;
    while (start > 0 && path.data[start - 1] != '/') {
        start -= 1;
    }
    return bytes_view_slice(path, start, path.size - start);
}

static const char *header_of(const struct request *request, const char *name)
{
    return json_string_value(json_object_get(request->headers, name));
}

/* True when this subscriber has not had this id before; remembers it. */
static bool id_is_new(struct webhook_receiver *receiver, const char *subscriber, const char *webhook_id)
{
    char key[KEY_SIZE_MAX];
    int size = snprintf(key, sizeof(key), "%s/%s", subscriber, webhook_id);
    CHECK(size > 0 && (size_t)size < sizeof(key));
    struct seen_id *seen = NULL;
    HASH_FIND_STR(receiver->seen, key, seen);
    if (seen != NULL) {
        return false;
    }
    if (HASH_COUNT(receiver->seen) == RECEIVER_IDS_REMEMBERED) {
        struct seen_id *oldest = receiver->seen;
        HASH_DEL(receiver->seen, oldest);
        free(oldest);
    }
    seen = memory_alloc(1, sizeof(*seen));
    memcpy(seen->key, key, sizeof(key));
    HASH_ADD_STR(receiver->seen, key, seen);
    return true;
}

/* Counts a delivery that is as it should be, and prints it. */
static void take(struct webhook_receiver *receiver, const struct request *request, const struct subscriber *subscriber,
                 const struct body_facts *facts, struct judgement *judgement)
{
    const struct receiver_settings *settings = &receiver->settings;
    const char *webhook_id = header_of(request, "webhook-id");
    bool is_signed = settings->secrets_folder != NULL;
    bool is_new = id_is_new(receiver, subscriber->id, webhook_id);
    bool is_expected =
        is_new && settings->expected != NULL &&
        expected_deliveries_take(settings->expected, subscriber,
                                 bytes_view_slice(bytes_as_view(&request->body), 0, facts->sent_at_start));
    bool is_other = is_new && settings->expected != NULL && !is_expected;
    judgement->status = MHD_HTTP_NO_CONTENT;
    judgement->verdict = is_new ? "delivered" : "duplicate";

    (void)pthread_mutex_lock(&receiver->lock);
    struct receiver_counts *counts = &receiver->counts;
    counts->duplicates += is_new ? 0 : 1;
    counts->others += is_other ? 1 : 0;
    counts->delivered += is_new && !is_other ? 1 : 0;
    counts->signatures_ok += is_new && !is_other && is_signed ? 1 : 0;
    counts->missing -= is_expected ? 1 : 0;
    bool is_complete = is_expected && counts->missing == 0;
    int64_t number = counts->delivered + counts->others + counts->duplicates;
    (void)pthread_mutex_unlock(&receiver->lock);

    if (!settings->is_quiet) {
        struct printed_delivery line = {.number = number,
                                        .subscriber = subscriber->id,
                                        .facts = facts,
                                        .webhook_id = webhook_id,
                                        .signature = is_signed ? "signature ok" : "signature unchecked",
                                        .remark = !is_new ? "again" : ""};
        delivery_print_line(&line);
        if (number <= settings->print_whole) {
            struct bytes headers = {0};
            const char *name = NULL;
            json_t *value = NULL;
            json_object_foreach(request->headers, name, value)
            {
                bytes_append_format(&headers, "       %s: %s\n", name, json_string_value(value));
            }
            delivery_print_whole(bytes_as_view(&headers), bytes_as_view(&request->body));
            bytes_free(&headers);
        }
    }
    if (is_complete && settings->complete != NULL) {
        settings->complete(settings->context);
    }
}

/* Finds whom `request` is for. Without a list it is *spare, filled here.
 * Errors: the judgement is made, NULL is returned. */
static struct subscriber *find_subscriber(struct webhook_receiver *receiver, const struct request *request,
                                          struct subscriber *spare, struct judgement *judgement)
{
    struct bytes_view id = subscriber_id_of(request->target);
    if (receiver->settings.subscribers != NULL) {
        struct subscriber *found = subscriber_list_find(receiver->settings.subscribers, id);
        if (found == NULL) {
            refuse(judgement, MHD_HTTP_NOT_FOUND, "no subscriber of this name is on the list");
        }
        return found;
    }
    if (!subscriber_id_is_valid(id)) {
        refuse(judgement, MHD_HTTP_NOT_FOUND, "the last part of the path is no subscriber's name");
        return NULL;
    }
    memcpy(spare->id, id.data, id.size);
    if (receiver->settings.secrets_folder != NULL &&
        subscriber_secret_load(receiver->settings.secrets_folder, spare->id, &spare->secret, &judgement->reason) !=
            STATUS_OK) {
        judgement->status = MHD_HTTP_UNAUTHORIZED;
        judgement->verdict = "refused";
        return NULL;
    }
    return spare;
}

static void judge_for(struct webhook_receiver *receiver, const struct request *request,
                      const struct subscriber *subscriber, struct judgement *judgement)
{
    struct bytes_view body = bytes_as_view(&request->body);
    struct signature_headers headers = {header_of(request, "webhook-id"), header_of(request, "webhook-timestamp"),
                                        header_of(request, "webhook-signature")};
    judgement->verdict = "refused";
    int64_t now_s = (int64_t)time(NULL);
    enum status status =
        receiver->settings.secrets_folder != NULL
            ? signature_check(&headers, body, bytes_as_view(&subscriber->secret), now_s, &judgement->reason)
            : signature_check_headers(&headers, now_s, &judgement->reason);
    if (status != STATUS_OK) {
        judgement->status = MHD_HTTP_UNAUTHORIZED;
        return;
    }
    const char *content_type = header_of(request, "content-type");
    if (content_type == NULL || strcmp(content_type, "application/json") != 0) {
        refuse(judgement, MHD_HTTP_UNPROCESSABLE_CONTENT, "content-type is not application/json");
        return;
    }
    struct body_facts facts;
    if (body_shape_check(body, &facts, &judgement->reason) != STATUS_OK) {
        judgement->status = MHD_HTTP_UNPROCESSABLE_CONTENT;
        return;
    }
    if (!subscriber_wants(subscriber, &facts)) {
        refuse(judgement, MHD_HTTP_UNPROCESSABLE_CONTENT,
               facts.tenant_id != subscriber->tenant ? "an event of another tenant"
                                                     : "this subscriber did not order such an event");
        return;
    }
    take(receiver, request, subscriber, &facts, judgement);
}

/* A status to answer with whatever has come, or 0. */
static int told_to_answer(struct webhook_receiver *receiver, const struct subscriber *subscriber)
{
    if (receiver->failed < receiver->settings.fail_count) {
        receiver->failed++;
        return receiver->settings.fail_status;
    }
    return subscriber->told_status;
}

static void judge(struct webhook_receiver *receiver, const struct request *request, struct judgement *judgement)
{
    struct subscriber spare = {0};
    struct subscriber *subscriber = find_subscriber(receiver, request, &spare, judgement);
    if (subscriber == NULL) {
        return;
    }
    int told_status = told_to_answer(receiver, subscriber);
    if (told_status != 0) {
        judgement->status = (unsigned)told_status;
        judgement->verdict = "told";
        (void)error_set(&judgement->reason, STATUS_REFUSED, "told to answer %d", told_status);
    } else if (request->is_too_large) {
        refuse(judgement, MHD_HTTP_CONTENT_TOO_LARGE, "a body above 1 MiB");
    } else {
        judge_for(receiver, request, subscriber, judgement);
    }
    bytes_free(&spare.secret);
}

/* PUT /answer/ID/STATUS */
static void obey(struct webhook_receiver *receiver, const char *target, struct judgement *judgement)
{
    struct bytes_view rest = path_of(target + strlen("/answer/"));
    const uint8_t *slash = memchr(rest.data, '/', rest.size);
    size_t id_size = slash == NULL ? rest.size : (size_t)(slash - rest.data);
    struct subscriber *subscriber =
        receiver->settings.subscribers == NULL
            ? NULL
            : subscriber_list_find(receiver->settings.subscribers, bytes_view_slice(rest, 0, id_size));
    struct bytes_view word =
        slash == NULL ? (struct bytes_view){NULL, 0} : bytes_view_slice(rest, id_size + 1, rest.size - id_size - 1);
    int64_t status = 0;
    judgement->verdict = "control";
    judgement->status = MHD_HTTP_BAD_REQUEST;
    if (subscriber == NULL) {
        judgement->status = MHD_HTTP_NOT_FOUND;
        (void)error_set(&judgement->reason, STATUS_NOT_FOUND, "no subscriber of this name is on the list");
        return;
    }
    if (!bytes_view_equal_text(word, "judge") &&
        (bytes_view_to_int64(word, &status) != STATUS_OK || status < 200 || status > 599)) {
        (void)error_set(&judgement->reason, STATUS_INVALID, "expected a status from 200 to 599, or judge");
        return;
    }
    subscriber->told_status = (int)status;
    judgement->status = MHD_HTTP_NO_CONTENT;
    if (!receiver->settings.is_quiet) {
        (void)printf("    .  %s %s%.*s\n", subscriber->id, status == 0 ? "is judged again" : "now answers ",
                     status == 0 ? 0 : (int)word.size, (const char *)word.data);
        (void)fflush(stdout);
    }
}

static enum MHD_Result answer(struct MHD_Connection *connection, unsigned status, const char *type, const char *text)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(strlen(text), (void *)(uintptr_t)text, MHD_RESPMEM_MUST_COPY);
    if (response == NULL) {
        return MHD_NO;
    }
    if (status == MHD_HTTP_METHOD_NOT_ALLOWED) {
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, POST, PUT, PATCH");
    }
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result answer_counts(struct webhook_receiver *receiver, struct MHD_Connection *connection)
{
    struct receiver_counts counts = webhook_receiver_counts(receiver);
    char text[512];
    (void)snprintf(text, sizeof(text),
                   "{\"requests\":%lld,\"delivered\":%lld,\"others\":%lld,\"signatures_ok\":%lld,\"duplicates\":%lld,"
                   "\"refused\":%lld,\"told\":%lld,\"missing\":%lld}\n",
                   (long long)counts.requests, (long long)counts.delivered, (long long)counts.others,
                   (long long)counts.signatures_ok, (long long)counts.duplicates, (long long)counts.refused,
                   (long long)counts.told, (long long)counts.missing);
    return answer(connection, MHD_HTTP_OK, "application/json", text);
}

static enum MHD_Result collect_header(void *context, enum MHD_ValueKind kind, const char *name, const char *value)
{
    (void)kind;
    journal_headers_add(context, name, value == NULL ? "" : value);
    return MHD_YES;
}

/* Is it meant for the receiver itself, and no delivery? */
static bool is_control(const char *method, const struct request *request)
{
    return strcmp(method, "PUT") == 0 && strncmp(request->target, "/answer/", strlen("/answer/")) == 0;
}

/* The whole request is here. */
static enum MHD_Result finish(struct webhook_receiver *receiver, struct MHD_Connection *connection, const char *method,
                              struct request *request)
{
    struct judgement judgement = {.status = 0, .verdict = "", .reason = {STATUS_OK, ""}};
    (void)MHD_get_connection_values(connection, MHD_HEADER_KIND, collect_header, request->headers);
    bool is_for_us = is_control(method, request);
    if (is_for_us) {
        obey(receiver, request->target, &judgement);
    } else if (strcmp(method, "POST") == 0 || strcmp(method, "PUT") == 0 || strcmp(method, "PATCH") == 0) {
        judge(receiver, request, &judgement);
    } else {
        refuse(&judgement, MHD_HTTP_METHOD_NOT_ALLOWED, "deliveries come by POST, PUT or PATCH");
    }
    struct journal_entry entry = {.method = method,
                                  .path = request->target,
                                  .headers = request->headers,
                                  .body = bytes_as_view(&request->body),
                                  .status = judgement.status,
                                  .verdict = judgement.verdict,
                                  .reason = judgement.reason.text};
    struct error why;
    if (receiver->settings.journal != NULL &&
        receiver_journal_write(receiver->settings.journal, &entry, &why) != STATUS_OK) {
        refuse(&judgement, MHD_HTTP_INTERNAL_SERVER_ERROR, why.text);
    }
    bool is_refused = strcmp(judgement.verdict, "refused") == 0;
    (void)pthread_mutex_lock(&receiver->lock);
    receiver->counts.requests += is_for_us ? 0 : 1;
    receiver->counts.refused += is_refused ? 1 : 0;
    receiver->counts.told += strcmp(judgement.verdict, "told") == 0 ? 1 : 0;
    (void)pthread_mutex_unlock(&receiver->lock);
    if (is_refused || strcmp(judgement.verdict, "told") == 0) {
        delivery_print_refused(judgement.status, request->target, judgement.reason.text);
    }
    return answer(connection, judgement.status, "text/plain; charset=utf-8", judgement.reason.text);
}

/* With a delay every connection has a thread, so that one endpoint's slowness is not everybody's. The end of the
 * sandbox ends the delay. */
static void wait_before_answer(struct webhook_receiver *receiver)
{
    int64_t delay_ms = receiver->settings.delay_ms;
    struct timespec until;
    if (delay_ms == 0) {
        return;
    }
    (void)clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t nanoseconds = until.tv_nsec + delay_ms % 1000 * 1000000;
    until.tv_sec += (time_t)(delay_ms / 1000 + nanoseconds / 1000000000);
    until.tv_nsec = (long)(nanoseconds % 1000000000);
    (void)pthread_mutex_lock(&receiver->lock);
    while (!receiver->is_stopping && pthread_cond_timedwait(&receiver->stop, &receiver->lock, &until) == 0) {
    }
    (void)pthread_mutex_unlock(&receiver->lock);
}

static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *url, const char *method,
                                  const char *version, const char *upload_data, size_t *upload_data_size,
                                  void **connection_context)
{
    (void)url;
    (void)version;
    struct webhook_receiver *receiver = context;
    struct request *request = *connection_context;
    if (!request->is_announced) {
        request->is_announced = true;
        return MHD_YES;
    }
    if (monotonic_s() - request->started_s > RECEIVER_REQUEST_S_MAX) {
        return MHD_NO; /* libmicrohttpd's own limit is for silence only */
    }
    if (*upload_data_size > 0) {
        request->is_too_large |= request->body.size + *upload_data_size > RECEIVER_BODY_MAX;
        if (!request->is_too_large) {
            bytes_append(&request->body, upload_data, *upload_data_size);
        }
        *upload_data_size = 0;
        return MHD_YES;
    }
    if (strcmp(method, "GET") == 0 && bytes_view_equal_text(path_of(request->target), "/counts")) {
        return answer_counts(receiver, connection);
    }
    if (!is_control(method, request)) {
        wait_before_answer(receiver);
    }
    (void)pthread_mutex_lock(&receiver->turn);
    enum MHD_Result result = finish(receiver, connection, method, request);
    (void)pthread_mutex_unlock(&receiver->turn);
    return result;
}

/* Called with the request line, before on_request: the only place that shows the target as it was sent. */
static void *on_target(void *context, const char *target, struct MHD_Connection *connection)
{
    (void)context;
    (void)connection;
    struct request *request = memory_alloc(1, sizeof(*request));
    request->target = memory_copy_text(target);
    request->started_s = monotonic_s();
    request->headers = json_object();
    CHECK(request->headers != NULL);
    return request;
}

static void on_completed(void *context, struct MHD_Connection *connection, void **connection_context,
                         enum MHD_RequestTerminationCode code)
{
    (void)context;
    (void)connection;
    (void)code;
    struct request *request = *connection_context;
    if (request == NULL) {
        return;
    }
    *connection_context = NULL;
    bytes_free(&request->body);
    json_decref(request->headers);
    free(request->target);
    free(request);
}

enum status webhook_receiver_create(const struct receiver_settings *settings, struct webhook_receiver **ret_receiver,
                                    struct error *ret_error)
{
    struct webhook_receiver *receiver = memory_alloc(1, sizeof(*receiver));
    receiver->settings = *settings;
    if (settings->expected != NULL) {
        receiver->counts.missing = (int64_t)expected_deliveries_missing(settings->expected);
    }
    (void)pthread_mutex_init(&receiver->lock, NULL);
    (void)pthread_mutex_init(&receiver->turn, NULL);
    pthread_condattr_t clock;
    (void)pthread_condattr_init(&clock);
    (void)pthread_condattr_setclock(&clock, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&receiver->stop, &clock);
    (void)pthread_condattr_destroy(&clock);
    unsigned flags = MHD_USE_POLL_INTERNAL_THREAD | (settings->delay_ms > 0 ? MHD_USE_THREAD_PER_CONNECTION : 0);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(settings->port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    /* Poll, as its epoll mode stalls at 128 connections. */
    receiver->daemon =
        MHD_start_daemon(flags, settings->port, NULL, NULL, on_request, receiver, MHD_OPTION_SOCK_ADDR, &address,
                         MHD_OPTION_URI_LOG_CALLBACK, on_target, NULL, MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
                         MHD_OPTION_CONNECTION_LIMIT, (unsigned)RECEIVER_CONNECTIONS_MAX, MHD_OPTION_CONNECTION_TIMEOUT,
                         (unsigned)IDLE_S_MAX, MHD_OPTION_END);
    if (receiver->daemon == NULL) {
        int code = errno;
        webhook_receiver_destroy(receiver);
        return error_set(ret_error, STATUS_UNAVAILABLE, "the receiver cannot listen on 127.0.0.1:%u: %s",
                         (unsigned)settings->port, strerror(code));
    }
    receiver->port = MHD_get_daemon_info(receiver->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
    *ret_receiver = receiver;
    return STATUS_OK;
}

uint16_t webhook_receiver_port(const struct webhook_receiver *receiver)
{
    return receiver->port;
}

void webhook_receiver_stop(struct webhook_receiver *receiver)
{
    if (receiver->daemon != NULL) {
        (void)pthread_mutex_lock(&receiver->lock);
        receiver->is_stopping = true;
        (void)pthread_cond_broadcast(&receiver->stop);
        (void)pthread_mutex_unlock(&receiver->lock);
        MHD_stop_daemon(receiver->daemon);
        receiver->daemon = NULL;
    }
}

struct receiver_counts webhook_receiver_counts(struct webhook_receiver *receiver)
{
    (void)pthread_mutex_lock(&receiver->lock);
    struct receiver_counts counts = receiver->counts;
    (void)pthread_mutex_unlock(&receiver->lock);
    return counts;
}

void webhook_receiver_destroy(struct webhook_receiver *receiver)
{
    if (receiver == NULL) {
        return;
    }
    webhook_receiver_stop(receiver);
    struct seen_id *seen = NULL;
    struct seen_id *next = NULL;
    HASH_ITER(hh, receiver->seen, seen, next)
    {
        HASH_DEL(receiver->seen, seen);
        free(seen);
    }
    (void)pthread_mutex_destroy(&receiver->lock);
    (void)pthread_mutex_destroy(&receiver->turn);
    (void)pthread_cond_destroy(&receiver->stop);
    free(receiver);
}
