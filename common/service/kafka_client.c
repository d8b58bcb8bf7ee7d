#include "kafka_client.h"

#include "check.h"
#include "log.h"
#include "log_budget.h"
#include "memory.h"
#include "monotonic_clock.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <time.h>

enum {
    BROKERS_MAX = 64,
    ADDRESS_MAX = 128,
    REASON_MAX = 256,
    CLIENT_MAGIC = 0x6b636c69,
    FATAL_AGAIN_MS = 60 * 1000,
};

struct broker {
    char address[ADDRESS_MAX];           /* host:port */
    int32_t id;                          /* -1: not known */
    const struct kafka_client *reporter; /* the handle that noticed last that it is away */
    uint32_t mistakes_said;              /* since it went away; bits by the place in `advices` */
    bool is_away;
    int64_t away_since_ms;
};

/* The brokers that have been away, for all handles of the process together: one outage is one line, however many
 * handles meet it. */
static struct {
    pthread_mutex_t mutex; /* taken inside a client's, never around it */
    atomic_int away_count;
    struct broker brokers[BROKERS_MAX];
    size_t count;
} outages = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* The fatal error that was said last, of any handle. */
static struct {
    pthread_mutex_t mutex;
    rd_kafka_resp_err_t error;
    int64_t said_ms;
} fatal = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* Hangs on the conf's opaque; born and freed with the conf. */
struct kafka_client {
    uint32_t magic;
    enum kafka_client_kind kind;
    void *context;
    void (*on_fatal)(void *context, const char *text);
    bool is_unlimited; /* the user asked for librdkafka's debug lines */
    atomic_bool is_fatal_said;
    atomic_bool is_answered;
    pthread_mutex_t mutex; /* over all below; librdkafka logs from many threads */
    struct log_budget budget;
};

struct setting {
    const char *name;
    const char *value;
};

/* What to do about a failure that librdkafka words like this. The first that fits counts. */
struct advice {
    const char *reason;
    const char *state; /* NULL, or the state of the connection that the line must name as well */
    const char *text;
    bool is_mistake;     /* of the settings: waiting alone will not help */
    bool is_for_strange; /* says so only while no broker has let us in: later it has other causes */
    int fixed_in;        /* 0, or the librdkafka from which on this does not apply */
};

static const char advice_plain_port[] =
    "this port most likely does not speak TLS: take the port of a TLS listener, or set security.protocol to PLAINTEXT "
    "or SASL_PLAINTEXT";
static const char advice_client_certificate[] =
    "the broker asks for a client certificate that it trusts: set ssl.certificate.location and ssl.key.location to one "
    "that is signed by its authority";
static const char advice_authority[] =
    "the broker's certificate is not signed by an authority that is known here: set ssl.ca.location to the "
    "certificate of the one that signed it";

static const char advice_sasl[] =
    "the broker wants to know who we are: set security.protocol to SASL_SSL (or SASL_PLAINTEXT), with sasl.mechanism, "
    "sasl.username and sasl.password";
static const char advice_write[] =
    "this user may not write to any topic: allow it with kafka-acls.sh --add --allow-principal User:NAME --producer "
    "--topic TOPIC";
static const char advice_user[] =
    "the broker refuses this user: are sasl.username and sasl.password right, and does the user exist for this "
    "sasl.mechanism?";
/* librdkafka's pull request 4895: until 2.6.1 it sends its nonce twice, which Kafka 4 no longer forgives. */
static const char advice_scram[] =
    "the broker refuses this user: are sasl.username and sasl.password right, and does the user exist for this "
    "sasl.mechanism? Besides, SCRAM with a broker of Kafka 4 or newer needs librdkafka 2.6.1 or newer (see --version)";

static const struct advice advices[] = {
    {.reason = "Connection refused",
     .text = "nobody listens there: is the broker running, and is bootstrap.servers right?"},
    {.reason = "resolve", .text = "this name has no address: is bootstrap.servers right?"},
    {.reason = "connecting to a PLAINTEXT broker", .text = advice_plain_port, .is_mistake = true},
    {.reason = "wrong version number", .text = advice_plain_port, .is_mistake = true},
    {.reason = "Disconnected",
     .state = "APIVERSION_QUERY",
     .text = "this port does not answer in the clear, most likely it is a TLS listener: set security.protocol to SSL "
             "or SASL_SSL, or take the port of a listener without TLS",
     .is_mistake = true,
     .is_for_strange = true},
    {.reason = "certificate required", .text = advice_client_certificate, .is_mistake = true},
    {.reason = "bad certificate", .text = advice_client_certificate, .is_mistake = true},
    {.reason = "unknown ca", .text = advice_client_certificate, .is_mistake = true},
    {.reason = "certificate verify failed", .text = advice_authority, .is_mistake = true},
    /* A broker that wants SASL hangs up on our first questions; one that has answered before is stopping. */
    {.reason = "might require SASL", .text = advice_sasl, .is_mistake = true, .is_for_strange = true},
    {.reason = "Disconnected", .state = "UP", .text = advice_sasl, .is_mistake = true, .is_for_strange = true},
    {.reason = "Broken pipe", .state = "UP", .text = advice_sasl, .is_mistake = true, .is_for_strange = true},
    {.reason = "reset by peer", .state = "UP", .text = advice_sasl, .is_mistake = true, .is_for_strange = true},
    {.reason = "Unsupported SASL mechanism",
     .text = "set sasl.mechanism to one that the broker supports; the reason names them",
     .is_mistake = true},
    {.reason = "credentials with SASL mechanism SCRAM",
     .text = advice_scram,
     .is_mistake = true,
     .fixed_in = 0x020601ff},
    {.reason = "SASL authentication error", .text = advice_user, .is_mistake = true},
    {.reason = "SSL handshake failed", .text = advice_plain_port, .is_mistake = true, .is_for_strange = true},
    /* The same end of a handshake, when librdkafka meets it in a read. */
    {.reason = "unexpected eof while reading", .text = advice_plain_port, .is_mistake = true, .is_for_strange = true},
};

/* A broker answers these to anybody, one whom it will not let in as well. Kafka's protocol guide, API keys. */
enum { API_SASL_HANDSHAKE = 17, API_VERSIONS = 18, API_SASL_AUTHENTICATE = 36 };

/* Below the user's properties. */
static const struct setting common_defaults[] = {
    {"log.thread.name", "false"},
    {"socket.keepalive.enable", "true"},
    /* A broker that is back is found within this time; librdkafka's own 10 s are long for a restart of 3. */
    {"reconnect.backoff.max.ms", "2000"},
};

static const struct setting consumer_defaults[] = {
    {"client.id", "incident-consumer"},
    {"partition.assignment.strategy", "range"},
    {"session.timeout.ms", "6000"},
    {"heartbeat.interval.ms", "500"},
    /* Counts for each partition; less makes a hot partition wait for idle ones. */
    {"queued.max.messages.kbytes", "1024"},
    {"fetch.wait.max.ms", "50"},
};

/* Over the user's properties, which may not name them. */
static const struct setting common_promises[] = {
    {"allow.auto.create.topics", "false"},
    {"log.queue", "false"},
};

static const struct setting producer_promises[] = {
    {"enable.idempotence", "true"},          {"acks", "all"},
    {"partitioner", "murmur2_random"},       {"message.timeout.ms", "2147483647"},
    {"delivery.report.only.error", "false"},
};

static const struct setting consumer_promises[] = {
    {"enable.auto.commit", "false"},       {"enable.auto.offset.store", "false"}, {"auto.offset.reset", "error"},
    {"isolation.level", "read_committed"}, {"enable.partition.eof", "false"},
};

static struct kafka_client *client_of(const void *opaque)
{
    union {
        const void *read_only;
        struct kafka_client *client;
    } pointer = {opaque};
    CHECK(pointer.client != NULL && pointer.client->magic == CLIENT_MAGIC);
    return pointer.client;
}

static bool is_producer(enum kafka_client_kind kind)
{
    return kind == KAFKA_CLIENT_PRODUCER || kind == KAFKA_CLIENT_WRITER;
}

/* With the mutex held. May one more line be written now? Counts it when not. */
static bool take_line(struct kafka_client *client, int64_t now_ms)
{
    uint64_t left_out = log_budget_left_out(&client->budget, now_ms);
    if (left_out > 0) {
        log_warn("log lines of librdkafka left out", LOG_INT("count", left_out));
    }
    return client->is_unlimited || log_budget_take(&client->budget, now_ms);
}

/* `sasl_ssl://host:port/1` is the broker `host:port` with the id 1; `…/bootstrap` has none yet. */
static void parse_name(const char *name, size_t size, char ret_address[ADDRESS_MAX], int32_t *ret_id)
{
    char text[ADDRESS_MAX + 64];
    snprintf(text, sizeof(text), "%.*s", (int)(size < sizeof(text) ? size : sizeof(text) - 1), name);
    char *scheme = strstr(text, "://");
    char *address = scheme == NULL ? text : scheme + 3;
    char *slash = strrchr(address, '/');
    int64_t id = -1;
    if (slash != NULL) {
        if (bytes_view_to_int64(bytes_view_of_text(slash + 1), &id) != STATUS_OK || id > INT32_MAX) {
            id = -1;
        }
        *slash = '\0';
    }
    snprintf(ret_address, ADDRESS_MAX, "%.*s", ADDRESS_MAX - 1, address);
    *ret_id = (int32_t)id;
}

/* With the mutex of the outages held. The connection to a group's coordinator has no address in its name, only the
 * id: which is some broker's of this handle's cluster. */
static struct broker *find_broker(const struct kafka_client *client, const char *address, int32_t id)
{
    for (size_t i = 0; i < outages.count; i++) {
        struct broker *broker = &outages.brokers[i];
        bool is_same_id = id >= 0 && broker->id == id && broker->reporter == client;
        if (strcmp(broker->address, address) == 0 || is_same_id) {
            return broker;
        }
    }
    return NULL;
}

/* `[GroupCoordinator: ]NAME: reason (after N ms in state S, …)`. False when the line is not made like that. */
static bool parse_failure(const char *line, char ret_address[ADDRESS_MAX], int32_t *ret_id, char ret_reason[REASON_MAX])
{
    static const char *const roles[] = {"GroupCoordinator: ", "TxnCoordinator: "};
    for (size_t i = 0; i < ARRAY_COUNT(roles); i++) {
        if (strncmp(line, roles[i], strlen(roles[i])) == 0) {
            line += strlen(roles[i]);
        }
    }
    const char *colon = strstr(line, ": ");
    if (colon == NULL) {
        return false;
    }
    parse_name(line, (size_t)(colon - line), ret_address, ret_id);
    snprintf(ret_reason, REASON_MAX, "%.*s", REASON_MAX - 1, colon + 2);
    char *state = strstr(ret_reason, " (after ");
    if (state != NULL) {
        *state = '\0';
    }
    return true;
}

/* Over TLS a connection closed after the handshake has other causes. */
static bool is_in_state(const char *line, const char *state)
{
    const char *found = strstr(line, " in state ");
    bool is_state = found != NULL && strncmp(found + strlen(" in state "), state, strlen(state)) == 0;
    return is_state && (strcmp(state, "APIVERSION_QUERY") != 0 || strstr(line, "ssl://") == NULL);
}

static const struct advice *find_advice(const struct kafka_client *client, const char *line)
{
    bool is_strange = !atomic_load(&client->is_answered);
    for (size_t i = 0; i < ARRAY_COUNT(advices); i++) {
        const struct advice *advice = &advices[i];
        bool is_this = strstr(line, advice->reason) != NULL;
        is_this = is_this && (advice->state == NULL || is_in_state(line, advice->state));
        is_this = is_this && (is_strange || !advice->is_for_strange);
        if (is_this && (advice->fixed_in == 0 || rd_kafka_version() < advice->fixed_in)) {
            return advice;
        }
    }
    return NULL;
}

/* What was under way when we closed the handle. */
static bool is_closing(const char *line)
{
    return strstr(line, "Broker handle destroyed") != NULL;
}

/* A failure, or a connection closed: which alone says nothing, unless no broker has let us in yet. */
static bool is_trouble(const struct kafka_client *client, const char *facility, enum log_level level, const char *line)
{
    if (strcmp(facility, "FAIL") != 0 || level > LOG_LEVEL_DEBUG) {
        return strcmp(facility, "FAIL") == 0;
    }
    const struct advice *advice = find_advice(client, line);
    return advice != NULL && advice->is_mistake && !is_closing(line) && !atomic_load(&client->is_answered);
}

/* With the mutex of the outages held. A mistake that shows only now is news in the middle of an outage. */
static bool take_news(struct broker *broker, const struct advice *advice)
{
    uint32_t mistake = 0;
    /* By its text, since one mistake has several wordings. */
    for (size_t i = 0; advice != NULL && advice->is_mistake && mistake == 0; i++) {
        mistake = advices[i].text == advice->text ? UINT32_C(1) << i : 0;
    }
    bool is_news = !broker->is_away || (mistake & ~broker->mistakes_said) != 0;
    broker->mistakes_said = (broker->is_away ? broker->mistakes_said : 0) | mistake;
    return is_news;
}

/* Notes that it is away. False when there is no room for one more; *ret_is_news when there is something to say. */
static bool note_away(const struct kafka_client *client, const char *address, int32_t id, int64_t now_ms,
                      const struct advice *advice, bool *ret_is_news)
{
    CHECK(pthread_mutex_lock(&outages.mutex) == 0);
    struct broker *broker = find_broker(client, address, id);
    if (broker == NULL && outages.count < BROKERS_MAX) {
        broker = &outages.brokers[outages.count++];
        *broker = (struct broker){.id = -1};
        snprintf(broker->address, sizeof(broker->address), "%s", address);
    }
    if (broker != NULL) {
        *ret_is_news = take_news(broker, advice);
        broker->id = id >= 0 ? id : broker->id;
        broker->reporter = client;
        broker->away_since_ms = broker->is_away ? broker->away_since_ms : now_ms;
        atomic_fetch_add(&outages.away_count, broker->is_away ? 0 : 1);
        broker->is_away = true;
    }
    CHECK(pthread_mutex_unlock(&outages.mutex) == 0);
    return broker != NULL;
}

/* With the client's mutex held. One line when it goes away; what follows while it is away says nothing new. */
static bool note_failure(struct kafka_client *client, const char *line, int64_t now_ms)
{
    char address[ADDRESS_MAX], reason[REASON_MAX];
    int32_t id;
    bool is_news = false;
    if (!parse_failure(line, address, &id, reason)) {
        return false;
    }
    const struct advice *advice = find_advice(client, line);
    if (!note_away(client, address, id, now_ms, advice, &is_news)) {
        return false;
    }
    if (is_news && take_line(client, now_ms)) {
        log_warn("broker unreachable, waiting for it", LOG_TEXT("broker", address), LOG_TEXT("reason", reason),
                 LOG_TEXT("advice", advice == NULL ? "see the broker's own log" : advice->text));
    }
    return true;
}

static void note_answer(struct kafka_client *client, const char *name)
{
    char address[ADDRESS_MAX];
    int32_t id;
    parse_name(name, strlen(name), address, &id);
    int64_t now_ms = monotonic_clock_ms();
    int64_t away_ms = -1;
    CHECK(pthread_mutex_lock(&outages.mutex) == 0);
    struct broker *broker = find_broker(client, address, id);
    if (broker != NULL && broker->is_away) {
        broker->is_away = false;
        atomic_fetch_sub(&outages.away_count, 1);
        away_ms = now_ms - broker->away_since_ms;
        snprintf(address, sizeof(address), "%s", broker->address);
    }
    CHECK(pthread_mutex_unlock(&outages.mutex) == 0);
    if (away_ms < 0) {
        return;
    }
    CHECK(pthread_mutex_lock(&client->mutex) == 0);
    if (take_line(client, now_ms)) {
        log_info("broker answers again", LOG_TEXT("broker", address), LOG_INT("away_ms", away_ms));
    }
    CHECK(pthread_mutex_unlock(&client->mutex) == 0);
}

/* librdkafka has no event for a broker that is back. Its interceptors see every answer, on the broker's thread. */
static rd_kafka_resp_err_t on_response(rd_kafka_t *rk, int fd, const char *broker, int32_t broker_id, int16_t api_key,
                                       int16_t api_version, int32_t correlation_id, size_t size, int64_t rtt_us,
                                       rd_kafka_resp_err_t error, void *opaque)
{
    struct kafka_client *client = client_of(opaque);
    (void)rk, (void)fd, (void)broker_id, (void)api_version, (void)correlation_id, (void)size, (void)rtt_us;
    bool is_let_in = api_key != API_SASL_HANDSHAKE && api_key != API_VERSIONS && api_key != API_SASL_AUTHENTICATE;
    if (is_let_in && error == RD_KAFKA_RESP_ERR_NO_ERROR && broker != NULL && broker[0] != '\0') {
        atomic_store_explicit(&client->is_answered, true, memory_order_relaxed);
        if (atomic_load_explicit(&outages.away_count, memory_order_relaxed) > 0) {
            note_answer(client, broker);
        }
    }
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t on_new(rd_kafka_t *rk, const rd_kafka_conf_t *conf, void *opaque, char *ret_text,
                                  size_t text_size)
{
    (void)conf, (void)ret_text, (void)text_size;
    return rd_kafka_interceptor_add_on_response_received(rk, "kafka_client", on_response, opaque);
}

static rd_kafka_resp_err_t on_conf_destroy(void *opaque)
{
    struct kafka_client *client = client_of(opaque);
    if (client->budget.left_out > 0) {
        log_warn("log lines of librdkafka left out", LOG_INT("count", client->budget.left_out));
    }
    client->magic = 0;
    pthread_mutex_destroy(&client->mutex);
    free(client);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static enum log_level level_of(const struct kafka_client *client, int syslog_level, const char *facility,
                               const char *line)
{
    bool is_failure = strcmp(facility, "FAIL") == 0; /* an error is a broker gone; less is a connection closed */
    /* The consumer's handles share one map of properties, so each meets some that are for the other kind. */
    /* A broker too old to be told so (the mock cluster) may make a topic that is asked about; ours are asked for by
     * name. */
    bool is_old_broker = strcmp(facility, "AUTOCREATE") == 0;
    bool is_for_another = strcmp(facility, "CONFWARN") == 0 && client->kind != KAFKA_CLIENT_PRODUCER &&
                          strstr(line, "property and will be ignored by this") != NULL;
    bool is_said = strcmp(facility, "FATAL") == 0; /* by on_fatal_error */
    if (is_said || is_closing(line) || is_for_another || is_old_broker || (is_failure && syslog_level > LOG_WARNING) ||
        syslog_level >= LOG_DEBUG) {
        return LOG_LEVEL_DEBUG;
    }
    return syslog_level <= LOG_ERR ? LOG_LEVEL_ERROR : syslog_level == LOG_WARNING ? LOG_LEVEL_WARN : LOG_LEVEL_INFO;
}

static void on_log(const rd_kafka_t *rk, int syslog_level, const char *facility, const char *line)
{
    struct kafka_client *client = client_of(rd_kafka_opaque(rk));
    enum log_level level = level_of(client, syslog_level, facility, line);
    int64_t now_ms = monotonic_clock_ms();
    CHECK(pthread_mutex_lock(&client->mutex) == 0);
    bool is_said = is_trouble(client, facility, level, line) && note_failure(client, line, now_ms);
    if (!is_said && log_enabled(level) && take_line(client, now_ms)) {
        const struct log_field fields[] = {
            LOG_TEXT("from", "librdkafka"), LOG_TEXT("facility", facility), LOG_TEXT("client", rd_kafka_name(rk)), {0}};
        log_write(level, line, fields);
    }
    CHECK(pthread_mutex_unlock(&client->mutex) == 0);
}

/* One that comes back with each new client is a state, and said once in a while. */
static bool is_fatal_news(rd_kafka_resp_err_t error)
{
    int64_t now_ms = monotonic_clock_ms();
    CHECK(pthread_mutex_lock(&fatal.mutex) == 0);
    bool is_news = fatal.error != error || now_ms - fatal.said_ms >= FATAL_AGAIN_MS;
    fatal.error = error;
    fatal.said_ms = is_news ? now_ms : fatal.said_ms;
    CHECK(pthread_mutex_unlock(&fatal.mutex) == 0);
    return is_news;
}

static void on_fatal_error(struct kafka_client *client, rd_kafka_t *rk)
{
    char text[REASON_MAX];
    rd_kafka_resp_err_t error = rd_kafka_fatal_error(rk, text, sizeof(text));
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR || atomic_exchange(&client->is_fatal_said, true)) {
        return;
    }
    if (is_fatal_news(error)) {
        bool is_refused = error == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED;
        log_error("the Kafka client has failed for good and must be replaced", LOG_TEXT("client", rd_kafka_name(rk)),
                  LOG_TEXT("error", rd_kafka_err2name(error)), LOG_TEXT("reason", text),
                  LOG_TEXT("advice", is_refused ? advice_write : "none: a new one takes its place"));
    }
    if (client->on_fatal != NULL) {
        client->on_fatal(client->context, text);
    }
}

static void on_error(rd_kafka_t *rk, int number, const char *reason, void *opaque)
{
    struct kafka_client *client = client_of(opaque);
    switch ((rd_kafka_resp_err_t)number) {
    case RD_KAFKA_RESP_ERR__FATAL:
        on_fatal_error(client, rk);
        return;
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__RESOLVE:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__SSL:
    case RD_KAFKA_RESP_ERR__AUTHENTICATION:
        return; /* on_log has it already, and earlier */
    default:
        break;
    }
    CHECK(pthread_mutex_lock(&client->mutex) == 0);
    if (take_line(client, monotonic_clock_ms())) {
        log_warn("Kafka client error", LOG_TEXT("client", rd_kafka_name(rk)),
                 LOG_TEXT("error", rd_kafka_err2name((rd_kafka_resp_err_t)number)), LOG_TEXT("reason", reason));
    }
    CHECK(pthread_mutex_unlock(&client->mutex) == 0);
}

static void set_all(rd_kafka_conf_t *conf, const struct setting *settings, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char reason[REASON_MAX];
        CHECK(rd_kafka_conf_set(conf, settings[i].name, settings[i].value, reason, sizeof(reason)) == RD_KAFKA_CONF_OK);
    }
}

static void set_defaults(rd_kafka_conf_t *conf, enum kafka_client_kind kind)
{
    set_all(conf, common_defaults, ARRAY_COUNT(common_defaults));
    if (is_producer(kind)) {
        const struct setting name[] = {
            {"client.id", kind == KAFKA_CLIENT_PRODUCER ? "incident-producer" : "incident-consumer"}};
        set_all(conf, name, ARRAY_COUNT(name));
        return;
    }
    set_all(conf, consumer_defaults, ARRAY_COUNT(consumer_defaults));
    /* Since 2.2 a full partition is asked for again only after a second unless told otherwise; unknown before. */
    char reason[REASON_MAX];
    (void)rd_kafka_conf_set(conf, "fetch.queue.backoff.ms", "20", reason, sizeof(reason));
}

static void set_promises(rd_kafka_conf_t *conf, enum kafka_client_kind kind, const char *group)
{
    set_all(conf, common_promises, ARRAY_COUNT(common_promises));
    if (is_producer(kind)) {
        set_all(conf, producer_promises, ARRAY_COUNT(producer_promises));
    } else {
        const struct setting group_id[] = {{"group.id", group}};
        CHECK(group != NULL);
        set_all(conf, group_id, ARRAY_COUNT(group_id));
        set_all(conf, consumer_promises, ARRAY_COUNT(consumer_promises));
    }
    if (kind == KAFKA_CLIENT_WRITER) {
        /* A dead letter is its event and headers: what the log took must not be refused here for its size. */
        const struct setting size[] = {{"message.max.bytes", "1000000000"}};
        set_all(conf, size, ARRAY_COUNT(size));
    }
}

static enum status set_properties(rd_kafka_conf_t *conf, const struct kafka_properties *properties,
                                  struct error *ret_error)
{
    for (size_t i = 0; properties != NULL && i < properties->count; i++) {
        const struct kafka_property *property = &properties->items[i];
        struct error error;
        const char *refusal = kafka_properties_refusal(property->name, property->value);
        if (refusal != NULL) {
            return error_set(ret_error, STATUS_INVALID, "%s: %s", property->place, refusal);
        }
        if (kafka_properties_apply(conf, property->name, property->value, &error) != STATUS_OK) {
            return error_set(ret_error, STATUS_INVALID, "%s: %s", property->place, error.text);
        }
    }
    return STATUS_OK;
}

static void attach_client(rd_kafka_conf_t *conf, const struct kafka_client_spec *spec)
{
    struct kafka_client *client = memory_alloc(1, sizeof(*client));
    client->magic = CLIENT_MAGIC;
    client->kind = spec->kind;
    client->context = spec->context;
    client->on_fatal = spec->on_fatal;
    client->is_unlimited = spec->properties != NULL && kafka_properties_get(spec->properties, "debug") != NULL;
    CHECK(pthread_mutex_init(&client->mutex, NULL) == 0);
    rd_kafka_conf_set_opaque(conf, client);
    rd_kafka_conf_set_log_cb(conf, on_log);
    rd_kafka_conf_set_error_cb(conf, on_error);
    CHECK(rd_kafka_conf_interceptor_add_on_new(conf, "kafka_client", on_new, client) == RD_KAFKA_RESP_ERR_NO_ERROR);
    CHECK(rd_kafka_conf_interceptor_add_on_conf_destroy(conf, "kafka_client", on_conf_destroy, client) ==
          RD_KAFKA_RESP_ERR_NO_ERROR);
}

static enum status set_everything(rd_kafka_conf_t *conf, const struct kafka_client_spec *spec, struct error *ret_error)
{
    set_defaults(conf, spec->kind);
    enum status status = set_properties(conf, spec->properties, ret_error);
    if (status == STATUS_OK) {
        set_promises(conf, spec->kind, spec->group);
    }
    return status;
}

enum status kafka_client_conf(const struct kafka_client_spec *spec, rd_kafka_conf_t **ret_conf, struct error *ret_error)
{
    *ret_conf = NULL;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    attach_client(conf, spec);
    enum status status = set_everything(conf, spec, ret_error);
    if (status != STATUS_OK) {
        rd_kafka_conf_destroy(conf);
        return status;
    }
    *ret_conf = conf;
    return STATUS_OK;
}

enum status kafka_client_new_take(rd_kafka_conf_t *conf, rd_kafka_type_t type, rd_kafka_t **ret_rk,
                                  struct error *ret_error)
{
    char reason[REASON_MAX];
    *ret_rk = rd_kafka_new(type, conf, reason, sizeof(reason));
    /* After a failure the conf is lost: see the header. It happens at start, once. */
    return *ret_rk != NULL ? STATUS_OK
                           : error_set(ret_error, STATUS_INVALID, "cannot set up the Kafka client: %s", reason);
}

void *kafka_client_context(const void *opaque)
{
    return client_of(opaque)->context;
}

void *kafka_client_context_of(const rd_kafka_t *rk)
{
    return client_of(rd_kafka_opaque(rk))->context;
}

bool kafka_client_is_answered(const rd_kafka_t *rk)
{
    return atomic_load(&client_of(rd_kafka_opaque(rk))->is_answered);
}

/* Without these the handle has nobody to connect to. */
static bool is_about_brokers(const char *name)
{
    return strcmp(name, "bootstrap.servers") == 0 || strcmp(name, "metadata.broker.list") == 0 ||
           strcmp(name, "test.mock.num.brokers") == 0;
}

static enum status try_kind(enum kafka_client_kind kind, const struct kafka_properties *properties,
                            struct error *ret_error)
{
    struct kafka_properties offline = {0};
    for (size_t i = 0; i < properties->count; i++) {
        const struct kafka_property *property = &properties->items[i];
        if (!is_about_brokers(property->name)) {
            kafka_properties_put(&offline, property->name, property->value, property->place);
        }
    }
    const struct kafka_client_spec spec = {.kind = kind, .properties = &offline, .group = "trial"};
    /* Without the interceptors of a real handle, so that it can be freed after a failure; and without a word in the
     * log, where it would say that it has no brokers. */
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, NULL);
    enum status status = set_everything(conf, &spec, ret_error);
    kafka_properties_free(&offline);
    if (status != STATUS_OK) {
        rd_kafka_conf_destroy(conf);
        return status;
    }
    char reason[REASON_MAX];
    rd_kafka_type_t type = is_producer(kind) ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER;
    rd_kafka_t *rk = rd_kafka_new(type, conf, reason, sizeof(reason));
    if (rk == NULL) {
        rd_kafka_conf_destroy(conf);
        return error_set(ret_error, STATUS_INVALID, "%s", reason);
    }
    rd_kafka_destroy_flags(rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    return STATUS_OK;
}

enum status kafka_client_check(enum kafka_client_kind kind, const struct kafka_properties *properties,
                               struct error *ret_error)
{
    enum status status = try_kind(kind, properties, ret_error);
    if (status == STATUS_OK && kind == KAFKA_CLIENT_CONSUMER) {
        status = try_kind(KAFKA_CLIENT_WRITER, properties, ret_error);
    }
    /* librdkafka speaks of Kerberos to somebody who has never named it. */
    if (status == STATUS_INVALID && strstr(ret_error->text, "sasl.kerberos") != NULL &&
        kafka_properties_get(properties, "sasl.mechanism") == NULL &&
        kafka_properties_get(properties, "sasl.mechanisms") == NULL) {
        error_set(ret_error, status,
                  "sasl.mechanism is not set, and then it is Kerberos; write SCRAM-SHA-256, "
                  "SCRAM-SHA-512 or PLAIN, as the broker has it");
    }
    return status;
}

struct destroy_request {
    rd_kafka_t *rk;
    int flags;
};

static void *destroy(void *context)
{
    struct destroy_request request = *(struct destroy_request *)context;
    free(context);
    rd_kafka_destroy_flags(request.rk, request.flags);
    return NULL;
}

void kafka_client_destroy_within(rd_kafka_t *rk, int flags, int64_t wait_ms)
{
    struct destroy_request *request = memory_alloc(1, sizeof(*request));
    *request = (struct destroy_request){.rk = rk, .flags = flags};
    pthread_t thread;
    CHECK(pthread_create(&thread, NULL, destroy, request) == 0);
    struct timespec until;
    CHECK(clock_gettime(CLOCK_REALTIME, &until) == 0);
    int64_t until_ns = until.tv_nsec + (wait_ms % 1000) * 1000000;
    until.tv_sec += wait_ms / 1000 + until_ns / 1000000000;
    until.tv_nsec = until_ns % 1000000000;
    if (pthread_timedjoin_np(thread, NULL, &until) != 0) {
        pthread_detach(thread);
        log_warn("a Kafka client did not close in time; leaving it behind");
    }
}
