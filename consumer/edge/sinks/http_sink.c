#include "http_sink.h"

#include "check.h"
#include "curl_loop.h"
#include "hash_table.h"
#include "memory.h"
#include "socket_bytes.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

enum {
    READ_SIZE = 2048,       /* libcurl reads so much at a time; the least that it takes is 1024 */
    TLS_OVERHEAD = 4096,    /* record headers and session tickets, beside 32 KiB of header fields */
    CHUNK_OVERHEAD = 16384, /* what frames a body in chunks */
    RETRY_AFTER_TEXT = 64,  /* the longest date has 33 bytes */
    REQUESTS_MAX = 2,
};

/* Why we ended a transfer ourselves. */
enum cut {
    CUT_NONE,
    CUT_HEADER,  /* too many bytes of header fields */
    CUT_BODY,    /* too many bytes of a body */
    CUT_UPGRADE, /* the receiver switched to another protocol */
    CUT_RESEND,  /* a second pooled connection was dead */
    CUT_NO_HTTP, /* a status line that is none */
};

/* Where the reading of an answer is. */
enum reading { READING_STATUS_LINE, READING_FIELDS, READING_BODY };

/* What is known of the attempt in a slot; zero at its start. */
struct exchange {
    int status; /* the first final one */
    enum reading reading;
    enum cut cut;
    bool is_tls;
    bool is_scheme_denied;
    bool has_retry_after;
    bool has_start;
    uint32_t header_bytes;
    uint32_t body_bytes;
    uint32_t requests;
    uint32_t sockets_opened;
    uint32_t sockets_denied;
    uint64_t start; /* bytes that had been read from the connection before this answer */
    size_t retry_after_size;
    char retry_after[RETRY_AFTER_TEXT];
    char rule[ADDRESS_RULE_MAX]; /* of the address denied last */
};

struct slot {
    struct http_sink *sink;
    struct slot *next_free;
    CURL *easy; /* made at the slot's first use, then kept */
    uint64_t attempt;
    UT_hash_handle hh;
    struct exchange exchange;
    struct bytes text; /* URL, method and lines, each with its NUL */
    struct curl_slist lines[WEBHOOK_FIELDS_MAX + 1];
};

struct http_sink {
    struct curl_loop *curl;
    const struct address_gate *gate;
    http_sink_done *done;
    void *context;
    char *ca_file;
    struct slot *slots;
    uint32_t slot_count;
    uint32_t slots_used; /* ever; those from here on are fresh */
    struct slot *free_slots;
    struct slot *in_flight; /* by attempt */
};

#define SET(easy, option, value) CHECK(curl_easy_setopt(easy, option, value) == CURLE_OK)

/* ---- slots ---- */

/* Out of libcurl, which closes the connection unless the transfer was over, and back to the free ones. */
static void release_slot(struct slot *slot)
{
    struct http_sink *sink = slot->sink;

    CHECK(curl_multi_remove_handle(curl_loop_multi(sink->curl), slot->easy) == CURLM_OK);
    HASH_DEL(sink->in_flight, slot);
    slot->next_free = sink->free_slots;
    sink->free_slots = slot;
}

static struct slot *find_slot(const struct http_sink *sink, uint64_t attempt)
{
    struct slot *slot;

    HASH_FIND(hh, sink->in_flight, &attempt, sizeof(attempt), slot);
    return slot;
}

static struct slot *slot_of(CURL *easy)
{
    char *slot = NULL;

    CHECK(curl_easy_getinfo(easy, CURLINFO_PRIVATE, &slot) == CURLE_OK);
    CHECK(slot != NULL);
    return (struct slot *)(void *)slot;
}

/* ---- the end of an attempt ---- */

static bool is_tls_error(CURLcode code)
{
    switch (code) {
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ISSUER_ERROR:
    case CURLE_SSL_CRL_BADFILE:
    case CURLE_SSL_INVALIDCERTSTATUS:
    case CURLE_SSL_SHUTDOWN_FAILED:
    case CURLE_SSL_ENGINE_INITFAILED:
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_SSL_ENGINE_SETFAILED:
        return true;
    default:
        return false;
    }
}

static enum transport_failure failure_of(const struct exchange *exchange, CURLcode code)
{
    if (exchange->status != 0) {
        return TRANSPORT_OK;
    }
    if (exchange->is_scheme_denied) {
        return TRANSPORT_ADDRESS_DENIED;
    }
    /* That is what libcurl says of a line of more than 100 KiB. */
    if (exchange->cut == CUT_HEADER || code == CURLE_OUT_OF_MEMORY) {
        return TRANSPORT_TOO_LARGE;
    }
    /* Only when every address was denied: where one was tried, its failure is the endpoint's. */
    if (exchange->sockets_denied > 0 && exchange->sockets_opened == 0) {
        return TRANSPORT_ADDRESS_DENIED;
    }
    if (code == CURLE_OPERATION_TIMEDOUT) {
        return TRANSPORT_TIMEOUT;
    }
    if (code == CURLE_COULDNT_RESOLVE_HOST) {
        return TRANSPORT_DNS;
    }
    return is_tls_error(code) ? TRANSPORT_TLS : TRANSPORT_CONNECT;
}

static const char *detail_of(const struct exchange *exchange, enum transport_failure failure, CURLcode code)
{
    static const char *const cuts[] = {
        [CUT_BODY] = "a body without a status",
        [CUT_UPGRADE] = "the receiver switched protocols unasked",
        [CUT_RESEND] = "two connections in a row were closed without an answer",
        [CUT_NO_HTTP] = "the answer does not begin with a status line of HTTP/1",
    };

    if (failure == TRANSPORT_OK) {
        return "";
    }
    if (failure == TRANSPORT_TOO_LARGE) {
        return "more header fields than are read, and no status";
    }
    if (failure == TRANSPORT_ADDRESS_DENIED) {
        return exchange->is_scheme_denied ? "the URL's scheme is not allowed (egress.http)" : exchange->rule;
    }
    if (exchange->cut != CUT_NONE) {
        return cuts[exchange->cut];
    }
    return code == CURLE_OK ? "the answer ended before a final status" : curl_easy_strerror(code);
}

static void end_attempt(struct slot *slot, CURLcode code)
{
    struct http_sink *sink = slot->sink;
    uint64_t attempt = slot->attempt;
    /* A copy: the owner may start another attempt in this slot from inside `done`. */
    struct exchange exchange = slot->exchange;
    struct http_answer answer = {
        .answer = {.status = exchange.status,
                   .failure = failure_of(&exchange, code),
                   .retry_after = bytes_view_of(exchange.retry_after, exchange.retry_after_size)},
        .header_bytes = exchange.header_bytes,
        .body_bytes = exchange.body_bytes,
        .requests = exchange.requests,
    };

    answer.detail = detail_of(&exchange, answer.answer.failure, code);
    release_slot(slot);
    sink->done(sink->context, attempt, &answer);
}

static void on_worked(void *context)
{
    struct http_sink *sink = context;
    CURLM *multi;

    /* `done` may stop the sink; then there is no multi handle any more. */
    while ((multi = curl_loop_multi(sink->curl)) != NULL) {
        int left;
        const CURLMsg *message = curl_multi_info_read(multi, &left);

        if (message == NULL) {
            break;
        }
        CHECK(message->msg == CURLMSG_DONE);
        end_attempt(slot_of(message->easy_handle), message->data.result);
    }
}

/* ---- what the receiver sends ---- */

/* libcurl shows a header field when its line is complete, and what frames a chunked body never. So what is read from
 * the connection is bounded as well, here at each event of the socket; but at one event libcurl reads on for as long as
 * bytes arrive, so one line that comes faster than it reads is ended by its own bound, 100 KiB. */
static uint64_t read_bound(const struct exchange *exchange)
{
    uint64_t overhead = exchange->is_tls ? TLS_OVERHEAD : 0;

    if (exchange->reading == READING_BODY) {
        return exchange->header_bytes + HTTP_SINK_BODY_MAX + CHUNK_OVERHEAD + overhead;
    }
    return HTTP_SINK_HEADER_MAX - READ_SIZE + overhead;
}

static bool on_may_read(void *context, CURL *easy, curl_socket_t socket)
{
    struct slot *slot = slot_of(easy);
    struct exchange *exchange = &slot->exchange;
    uint64_t bytes;

    (void)context;
    if (exchange->requests == 0 || !socket_bytes_read(socket, &bytes)) {
        return true;
    }
    if (!exchange->has_start) {
        exchange->has_start = true;
        exchange->start = bytes;
    }
    if (bytes <= exchange->start + read_bound(exchange)) {
        return true;
    }
    exchange->cut = exchange->reading == READING_BODY ? CUT_BODY : CUT_HEADER;
    end_attempt(slot, CURLE_WRITE_ERROR);
    return false;
}

/* RFC 9112 section 4. libcurl takes a line of `HTTP/` and anything at all for a 200: nothing may be delivered by that.
 */
static bool is_status_line(const char *line, size_t size, long status)
{
    char digits[16];

    snprintf(digits, sizeof(digits), "%ld", status);
    return size >= 12 && memcmp(line, "HTTP/1.", 7) == 0 && line[7] >= '0' && line[7] <= '9' && line[8] == ' ' &&
           strlen(digits) == 3 && memcmp(line + 9, digits, 3) == 0 && (size == 12 || line[12] == ' ');
}

static void read_status_line(struct slot *slot, const char *line, size_t size)
{
    struct exchange *exchange = &slot->exchange;
    long status = 0;

    CHECK(curl_easy_getinfo(slot->easy, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK);
    exchange->reading = READING_FIELDS;
    if (!is_status_line(line, size, status)) {
        exchange->cut = CUT_NO_HTTP;
    } else if (status >= 200) {
        exchange->status = (int)status;
    } else if (status == 101) {
        exchange->cut = CUT_UPGRADE;
    }
}

/* The first one counts; one that is too long for any legal value does not. */
static void read_field(struct exchange *exchange, const char *line, size_t size)
{
    static const char name[] = "retry-after:";
    size_t start = sizeof(name) - 1;

    if (exchange->status == 0 || exchange->has_retry_after || size < start || strncasecmp(line, name, start) != 0) {
        return;
    }
    exchange->has_retry_after = true;
    while (start < size && (line[start] == ' ' || line[start] == '\t')) {
        start++;
    }
    while (size > start && (line[size - 1] == ' ' || line[size - 1] == '\t')) {
        size--;
    }
    if (size - start <= sizeof(exchange->retry_after)) {
        exchange->retry_after_size = size - start;
        memcpy(exchange->retry_after, line + start, size - start);
    }
}

static size_t on_header(char *line, size_t unit, size_t size, void *context)
{
    struct slot *slot = context;
    struct exchange *exchange = &slot->exchange;
    size_t text = size;

    (void)unit;
    if (size > HTTP_SINK_HEADER_MAX - exchange->header_bytes) {
        exchange->header_bytes = HTTP_SINK_HEADER_MAX;
        exchange->cut = CUT_HEADER;
        return CURL_WRITEFUNC_ERROR;
    }
    exchange->header_bytes += (uint32_t)size;
    while (text > 0 && (line[text - 1] == '\r' || line[text - 1] == '\n')) {
        text--;
    }
    if (exchange->reading == READING_STATUS_LINE) {
        read_status_line(slot, line, text);
    } else if (exchange->reading == READING_FIELDS && text == 0) {
        exchange->reading = exchange->status == 0 ? READING_STATUS_LINE : READING_BODY;
    } else if (exchange->reading == READING_FIELDS) {
        read_field(exchange, line, text);
    }
    return exchange->cut == CUT_NONE ? size : CURL_WRITEFUNC_ERROR;
}

static size_t on_body(char *bytes, size_t unit, size_t size, void *context)
{
    struct exchange *exchange = &((struct slot *)context)->exchange;

    (void)bytes;
    (void)unit;
    if (size > HTTP_SINK_BODY_MAX - exchange->body_bytes) {
        exchange->body_bytes = HTTP_SINK_BODY_MAX;
        exchange->cut = CUT_BODY;
        return CURL_WRITEFUNC_ERROR;
    }
    exchange->body_bytes += (uint32_t)size;
    return size;
}

/* ---- what goes out ---- */

static curl_socket_t on_open_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct slot *slot = context;
    struct exchange *exchange = &slot->exchange;
    struct address_verdict verdict = address_gate_check(slot->sink->gate, &address->addr);

    (void)purpose;
    if (!verdict.is_allowed) {
        exchange->sockets_denied++;
        memcpy(exchange->rule, verdict.rule, sizeof(exchange->rule));
        return CURL_SOCKET_BAD;
    }
    exchange->sockets_opened++;
    return curl_loop_open_socket(slot->sink->curl, address);
}

/* A connection stands, new or pooled, and the request would go out now. By itself libcurl would send it up to six
 * times, on one pooled connection after the other that closes without an answer. */
static int on_request(void *context, char *peer, char *local, int peer_port, int local_port)
{
    struct exchange *exchange = &((struct slot *)context)->exchange;

    (void)peer, (void)local, (void)peer_port, (void)local_port;
    if (exchange->requests == REQUESTS_MAX) {
        exchange->cut = CUT_RESEND;
        return CURL_PREREQFUNC_ABORT;
    }
    exchange->requests++;
    exchange->has_start = false;
    return CURL_PREREQFUNC_OK;
}

/* What is the same for every attempt. */
static void make_handle(struct slot *slot)
{
    CURL *easy = curl_easy_init();

    CHECK(easy != NULL);
    slot->easy = easy;
    SET(easy, CURLOPT_PRIVATE, slot);
    SET(easy, CURLOPT_NOSIGNAL, 1L);
    /* A look-up that is given up is left to its thread: by default the whole loop waits for the resolver. */
    SET(easy, CURLOPT_QUICK_EXIT, 1L);
    SET(easy, CURLOPT_PROTOCOLS_STR, address_gate_allows_scheme(slot->sink->gate, "http://") ? "http,https" : "https");
    SET(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    SET(easy, CURLOPT_FOLLOWLOCATION, 0L);
    SET(easy, CURLOPT_PROXY, ""); /* the environment's http_proxy would get around the gate */
    SET(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
    SET(easy, CURLOPT_DISALLOW_USERNAME_IN_URL, 1L);
    SET(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    SET(easy, CURLOPT_SSL_VERIFYPEER, 1L);
    SET(easy, CURLOPT_SSL_VERIFYHOST, 2L);
    if (slot->sink->ca_file != NULL) {
        SET(easy, CURLOPT_CAINFO, slot->sink->ca_file);
        SET(easy, CURLOPT_CAPATH, NULL);
    }
    SET(easy, CURLOPT_BUFFERSIZE, (long)READ_SIZE);
    SET(easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
    SET(easy, CURLOPT_OPENSOCKETDATA, slot);
    SET(easy, CURLOPT_CLOSESOCKETFUNCTION, curl_loop_close_socket);
    /* Not the slot: a connection may be closed long after the slot that opened it took another attempt. */
    SET(easy, CURLOPT_CLOSESOCKETDATA, slot->sink->curl);
    SET(easy, CURLOPT_PREREQFUNCTION, on_request);
    SET(easy, CURLOPT_PREREQDATA, slot);
    SET(easy, CURLOPT_HEADERFUNCTION, on_header);
    SET(easy, CURLOPT_HEADERDATA, slot);
    SET(easy, CURLOPT_WRITEFUNCTION, on_body);
    SET(easy, CURLOPT_WRITEDATA, slot);
}

static struct slot *take_slot(struct http_sink *sink, uint64_t attempt)
{
    struct slot *slot = sink->free_slots;

    if (slot != NULL) {
        sink->free_slots = slot->next_free;
    } else if (sink->slots_used < sink->slot_count) {
        slot = &sink->slots[sink->slots_used++];
        slot->sink = sink;
        make_handle(slot);
    } else {
        return NULL;
    }
    slot->attempt = attempt;
    slot->exchange = (struct exchange){0};
    HASH_ADD(hh, sink->in_flight, attempt, sizeof(slot->attempt), slot);
    return slot;
}

static size_t append_text(struct bytes *text, struct bytes_view part, char end)
{
    bytes_append_view(text, part);
    bytes_append_byte(text, (uint8_t)end);
    return text->size;
}

/* Copies the request into the slot: URL at 0, the method at the returned place, the lines as libcurl's list. */
static size_t copy_request(struct slot *slot, const struct webhook_request *request)
{
    size_t starts[WEBHOOK_FIELDS_MAX + 1];
    size_t count = 0;
    size_t method;

    CHECK(request->field_count <= WEBHOOK_FIELDS_MAX);
    bytes_clear(&slot->text);
    method = append_text(&slot->text, bytes_view_of_text(request->url), '\0');
    starts[0] = append_text(&slot->text, bytes_view_of_text(request->method), '\0');
    for (; count < request->field_count; count++) {
        append_text(&slot->text, request->fields[count].name, ':');
        bytes_append_byte(&slot->text, ' ');
        starts[count + 1] = append_text(&slot->text, request->fields[count].value, '\0');
    }
    /* libcurl would ask leave for a big body and wait a second for the answer; an empty value takes the field out. */
    append_text(&slot->text, BYTES_LITERAL("Expect:"), '\0');
    for (size_t i = 0; i <= count; i++) {
        slot->lines[i].data = (char *)slot->text.data + starts[i];
        slot->lines[i].next = i == count ? NULL : &slot->lines[i + 1];
    }
    return method;
}

/* Each of these is set by each attempt: nothing of the one before, which may have been another tenant's, is left in the
 * handle. (curl_easy_reset would not do: with 7.88 it loses the size of a buffer that it keeps.) */
static void set_request_options(struct slot *slot, const struct webhook_request *request, struct bytes_view body,
                                int64_t timeout_ms)
{
    size_t method = copy_request(slot, request);
    const char *url = (const char *)slot->text.data;

    slot->exchange.is_scheme_denied = !address_gate_allows_scheme(slot->sink->gate, url);
    slot->exchange.is_tls = strncasecmp(url, "https", 5) == 0;
    SET(slot->easy, CURLOPT_URL, url);
    SET(slot->easy, CURLOPT_POST, 1L);
    SET(slot->easy, CURLOPT_CUSTOMREQUEST, url + method);
    SET(slot->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.size);
    /* With NULL it would ask a callback for the body. */
    SET(slot->easy, CURLOPT_POSTFIELDS, body.size == 0 ? "" : (const char *)body.data);
    SET(slot->easy, CURLOPT_HTTPHEADER, &slot->lines[0]);
    SET(slot->easy, CURLOPT_TIMEOUT_MS, (long)timeout_ms);
}

/* ---- the page's functions ---- */

static void start_libcurl(void)
{
    CHECK(curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK);
}

struct http_sink *http_sink_create(struct uv_loop_s *loop, const struct http_sink_limits *limits,
                                   const struct address_gate *gate, http_sink_done *done, void *context)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    struct http_sink *sink = memory_alloc(1, sizeof(*sink));
    struct curl_loop_hooks hooks = {.may_read = on_may_read, .has_worked = on_worked, .context = sink};
    CURLM *multi;

    CHECK(limits->connections_max > 0);
    CHECK(pthread_once(&once, start_libcurl) == 0);
    sink->gate = gate;
    sink->done = done;
    sink->context = context;
    sink->ca_file = limits->ca_file == NULL ? NULL : memory_copy_text(limits->ca_file);
    sink->slot_count = limits->connections_max;
    sink->slots = memory_alloc(sink->slot_count, sizeof(struct slot));
    sink->curl = curl_loop_create(loop, &hooks);
    multi = curl_loop_multi(sink->curl);
    CHECK(curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)limits->connections_max) == CURLM_OK);
    CHECK(curl_multi_setopt(multi, CURLMOPT_MAX_TOTAL_CONNECTIONS, (long)limits->connections_max) == CURLM_OK);
    CHECK(curl_multi_setopt(multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING) == CURLM_OK);
    return sink;
}

enum status http_sink_start_attempt(struct http_sink *sink, uint64_t attempt, const struct webhook_request *request,
                                    struct bytes_view body, int64_t timeout_ms)
{
    struct slot *slot;

    CHECK(curl_loop_multi(sink->curl) != NULL);
    CHECK(timeout_ms > 0);
    CHECK(find_slot(sink, attempt) == NULL);
    slot = take_slot(sink, attempt);
    if (slot == NULL) {
        return STATUS_FULL;
    }
    set_request_options(slot, request, body, timeout_ms);
    CHECK(curl_multi_add_handle(curl_loop_multi(sink->curl), slot->easy) == CURLM_OK);
    return STATUS_OK;
}

void http_sink_cancel(struct http_sink *sink, uint64_t attempt)
{
    struct slot *slot = find_slot(sink, attempt);

    if (slot != NULL) {
        release_slot(slot);
    }
}

uint32_t http_sink_in_flight(const struct http_sink *sink)
{
    return (uint32_t)HASH_COUNT(sink->in_flight);
}

void http_sink_stop(struct http_sink *sink)
{
    struct slot *slot;
    struct slot *next;

    HASH_ITER(hh, sink->in_flight, slot, next)
    {
        release_slot(slot);
    }
    for (uint32_t i = 0; i < sink->slots_used; i++) {
        curl_easy_cleanup(sink->slots[i].easy);
        sink->slots[i].easy = NULL;
        bytes_free(&sink->slots[i].text);
    }
    sink->slots_used = 0;
    sink->free_slots = NULL;
    curl_loop_stop(sink->curl);
}

static void on_loop_freed(void *context)
{
    struct http_sink *sink = context;

    free(sink->slots);
    free(sink->ca_file);
    free(sink);
}

void http_sink_destroy(struct http_sink *sink)
{
    if (sink != NULL) {
        http_sink_stop(sink);
        curl_loop_destroy(sink->curl, on_loop_freed);
    }
}
