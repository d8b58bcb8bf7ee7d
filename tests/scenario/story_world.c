#include "story_world.h"

#include "check.h"
#include "story_trace.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum { WORDS_MAX = 16 };

/* A line cut at its spaces: the verb, then words of which some are key=value. */
struct words {
    char text[512];
    char *items[WORDS_MAX];
    size_t count;
};

void story_world_init(struct story_world *world, struct bytes *trace)
{
    *world = (struct story_world){.trace = trace, .now_ms = STORY_START_MS, .seed = 1};
    world->limits = (struct delivery_limits){
        .partitions_max = 2, .records_max = 100, .bytes_max = 10000, .attempts_max = 100, .fanout_max = 4};
    world->policy = (struct delivery_policy){
        .schedule_ms = {0, 5000, 300000, 1800000},
        .schedule_count = 4,
        .refused_ms = {0, 5000, 300000},
        .refused_count = 3,
        .jitter_permille = 0,
        .halt_after = 5,
        .probe_first_ms = 5000,
        .probe_max_ms = 300000,
        .commit_interval_ms = 1000,
        .schema_wait_ms = 600000,
    };
}

void story_world_destroy(struct story_world *world)
{
    delivery_core_destroy(world->core);
    world->core = NULL;
}

/* ---- words ---- */

static void split(struct words *words, const char *line)
{
    *words = (struct words){0};
    CHECK(strlen(line) < sizeof(words->text));
    memcpy(words->text, line, strlen(line));
    char *rest = words->text;
    while (*rest != '\0') {
        while (*rest == ' ') {
            *rest++ = '\0';
        }
        if (*rest != '\0') {
            CHECK(words->count < WORDS_MAX);
            words->items[words->count++] = rest;
        }
        while (*rest != ' ' && *rest != '\0') {
            rest++;
        }
    }
}

static bool has(const struct words *words, const char *word)
{
    for (size_t i = 1; i < words->count; i++) {
        if (strcmp(words->items[i], word) == 0) {
            return true;
        }
    }
    return false;
}

static const char *value_of(const struct words *words, const char *key)
{
    size_t size = strlen(key);
    for (size_t i = 1; i < words->count; i++) {
        if (strncmp(words->items[i], key, size) == 0 && words->items[i][size] == '=') {
            return words->items[i] + size + 1;
        }
    }
    return NULL;
}

static int64_t number_of(const struct words *words, const char *key, int64_t otherwise)
{
    const char *value = value_of(words, key);
    return value == NULL ? otherwise : strtoll(value, NULL, 10);
}

/* 250ms, 5s, 5m, 2h; *end is after it. */
static int64_t parse_duration(const char *text, char **end)
{
    int64_t number = strtoll(text, end, 10);
    static const struct {
        const char *unit;
        int64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
    for (size_t i = 0; i < ARRAY_COUNT(units); i++) {
        size_t size = strlen(units[i].unit);
        if (strncmp(*end, units[i].unit, size) == 0) {
            *end += size;
            return number * units[i].ms;
        }
    }
    return number;
}

static int64_t duration_of(const struct words *words, const char *key, int64_t otherwise)
{
    const char *value = value_of(words, key);
    char *end = NULL;
    return value == NULL ? otherwise : parse_duration(value, &end);
}

static void schedule_of(const struct words *words, const char *key, int64_t *ret_ms, size_t *ret_count)
{
    const char *value = value_of(words, key);
    if (value == NULL) {
        return;
    }
    *ret_count = 0;
    while (*value != '\0') {
        CHECK(*ret_count < DELIVERY_SCHEDULE_MAX);
        char *end = NULL;
        ret_ms[(*ret_count)++] = parse_duration(value, &end);
        value = *end == ',' ? end + 1 : end;
    }
}

/* p0, p0#1, p0:100, p0#1:100 */
struct place {
    uint32_t partition;
    uint64_t assignment; /* the one in force unless said */
    int64_t offset;
};

static struct place parse_place(const struct story_world *world, const char *text)
{
    CHECK(text[0] == 'p');
    char *end = NULL;
    struct place place = {.partition = (uint32_t)strtoul(text + 1, &end, 10), .offset = -1};
    CHECK(place.partition < STORY_PARTITIONS_MAX);
    place.assignment = world->partitions[place.partition].assignment;
    if (*end == '#') {
        place.assignment = strtoull(end + 1, &end, 10);
    }
    if (*end == ':') {
        place.offset = strtoll(end + 1, &end, 10);
    }
    CHECK(*end == '\0');
    return place;
}

static uint32_t find_subscription(const struct story_set *set, const char *name, size_t size)
{
    for (uint32_t i = 0; i < set->count; i++) {
        if (strlen(set->names[i]) == size && strncmp(set->names[i], name, size) == 0) {
            return i;
        }
    }
    return DELIVERY_NO_SUBSCRIPTION;
}

/* crm@p0:100: the last attempt or write of that delivery. */
static const struct story_run *find_run(const struct story_world *world, const char *text, bool is_write)
{
    const char *at = strchr(text, '@');
    CHECK(at != NULL);
    size_t size = (size_t)(at - text);
    struct place place = parse_place(world, at + 1);
    for (uint32_t i = world->run_count; i > 0; i--) {
        const struct story_run *run = &world->runs[i - 1];
        const struct story_record *record = &world->records[run->ticket];
        if (run->is_write == is_write && strlen(run->name) == size && strncmp(run->name, text, size) == 0 &&
            record->partition == place.partition && record->offset == place.offset) {
            return run;
        }
    }
    return NULL;
}

/* ---- settings ---- */

static void take_settings(struct story_world *world, const struct words *words)
{
    CHECK(world->core == NULL);
    world->limits.partitions_max = (uint32_t)number_of(words, "partitions", world->limits.partitions_max);
    world->limits.records_max = (uint32_t)number_of(words, "records", world->limits.records_max);
    world->limits.bytes_max = (uint64_t)number_of(words, "bytes", (int64_t)world->limits.bytes_max);
    world->limits.attempts_max = (uint32_t)number_of(words, "attempts", world->limits.attempts_max);
    world->limits.fanout_max = (uint32_t)number_of(words, "fanout", world->limits.fanout_max);
    CHECK(world->limits.partitions_max <= STORY_PARTITIONS_MAX);
    struct delivery_policy *policy = &world->policy;
    schedule_of(words, "schedule", policy->schedule_ms, &policy->schedule_count);
    schedule_of(words, "refused", policy->refused_ms, &policy->refused_count);
    policy->jitter_permille = (uint32_t)number_of(words, "jitter", policy->jitter_permille);
    policy->halt_after = (uint32_t)number_of(words, "halt_after", policy->halt_after);
    policy->probe_first_ms = duration_of(words, "probe_first", policy->probe_first_ms);
    policy->probe_max_ms = duration_of(words, "probe_max", policy->probe_max_ms);
    policy->commit_interval_ms = duration_of(words, "commit_interval", policy->commit_interval_ms);
    policy->schema_wait_ms = duration_of(words, "schema_wait", policy->schema_wait_ms);
    world->seed = (uint64_t)number_of(words, "seed", (int64_t)world->seed);
}

/* Before the first event a line about the set to begin with, afterwards about the one that `replace` puts in force. */
static void take_subscription(struct story_world *world, const struct words *words)
{
    struct story_set *set = world->core == NULL ? &world->set : &world->next;
    CHECK(set->count < STORY_SUBSCRIPTIONS_MAX && words->count > 1);
    CHECK(strlen(words->items[1]) < STORY_NAME_MAX);
    memcpy(set->names[set->count], words->items[1], strlen(words->items[1]));
    const char *ordering = value_of(words, "ordering");
    set->restarts[set->count] = has(words, "changed");
    struct delivery_subscription *subscription = &set->subscriptions[set->count++];
    subscription->is_disabled = has(words, "disabled");
    subscription->tenant = number_of(words, "tenant", 7);
    subscription->max_in_flight = (uint32_t)number_of(words, "max_in_flight", 16);
    subscription->ordering = ORDERING_INCIDENT;
    if (ordering != NULL) {
        bool is_tenant = strcmp(ordering, "tenant") == 0;
        CHECK(is_tenant || strcmp(ordering, "none") == 0 || strcmp(ordering, "incident") == 0);
        subscription->ordering = is_tenant                       ? ORDERING_TENANT
                                 : strcmp(ordering, "none") == 0 ? ORDERING_NONE
                                                                 : ORDERING_INCIDENT;
    }
}

/* ---- events ---- */

static void step(struct story_world *world, struct delivery_event *event)
{
    if (world->core == NULL) {
        world->core = delivery_core_create(&world->limits, &world->policy, world->set.subscriptions, world->set.count,
                                           world->seed);
    }
    event->now_ms = world->now_ms;
    delivery_core_step(world->core, event);
    story_trace_step(world);
}

static void take_assign(struct story_world *world, const struct words *words)
{
    struct place place = parse_place(world, words->items[1]);
    world->partitions[place.partition].assignment = ++world->last_assignment;
    struct delivery_event event = {.kind = EVENT_PARTITION_ASSIGNED};
    event.partition_assigned.partition = place.partition;
    event.partition_assigned.assignment = world->last_assignment;
    event.partition_assigned.next_offset = place.offset;
    step(world, &event);
}

static void take_revoke(struct story_world *world, const struct words *words)
{
    struct place place = parse_place(world, words->items[1]);
    struct delivery_event event = {.kind = EVENT_PARTITION_REVOKED};
    event.partition_revoked.partition = place.partition;
    event.partition_revoked.assignment = place.assignment;
    event.partition_revoked.lost = has(words, "lost");
    step(world, &event);
}

static size_t parse_matches(const struct story_world *world, const struct words *words, uint32_t *ret_matches)
{
    const char *names = value_of(words, "to");
    size_t count = 0;
    while (names != NULL && *names != '\0') {
        size_t size = strcspn(names, ",");
        CHECK(count < STORY_SUBSCRIPTIONS_MAX);
        ret_matches[count] = find_subscription(&world->set, names, size);
        CHECK(ret_matches[count++] != DELIVERY_NO_SUBSCRIPTION);
        names += size + (names[size] == ',');
    }
    return count;
}

static void take_fetch(struct story_world *world, const struct words *words)
{
    struct place place = parse_place(world, words->items[1]);
    CHECK(world->record_count < STORY_RECORDS_MAX);
    uint32_t ticket = world->record_count++;
    world->records[ticket] = (struct story_record){.partition = place.partition, .offset = place.offset};
    uint32_t matches[STORY_SUBSCRIPTIONS_MAX];
    struct delivery_event event = {.kind = EVENT_RECORD_FETCHED};
    event.record_fetched.partition = place.partition;
    event.record_fetched.assignment = place.assignment;
    event.record_fetched.offset = place.offset;
    event.record_fetched.ticket = ticket;
    event.record_fetched.bytes = (uint64_t)number_of(words, "bytes", 10);
    event.record_fetched.reading = READING_READABLE;
    event.record_fetched.tenant = number_of(words, "tenant", 7);
    event.record_fetched.incident = number_of(words, "incident", place.offset);
    event.record_fetched.matches = matches;
    event.record_fetched.match_count = parse_matches(world, words, matches);
    if (has(words, "unreadable")) {
        event.record_fetched.reading = READING_UNREADABLE;
    } else if (value_of(words, "schema") != NULL) {
        event.record_fetched.reading = READING_SCHEMA_UNKNOWN;
        event.record_fetched.schema = (uint64_t)number_of(words, "schema", 0);
    }
    step(world, &event);
}

static void take_gap(struct story_world *world, const struct words *words)
{
    struct place place = parse_place(world, words->items[1]);
    struct delivery_event event = {.kind = EVENT_GAP_FOUND};
    event.gap_found.partition = place.partition;
    event.gap_found.assignment = place.assignment;
    event.gap_found.offset = place.offset;
    step(world, &event);
}

static bool take_answer(struct story_world *world, const struct words *words)
{
    static const struct {
        const char *word;
        enum delivery_verdict verdict;
    } verdicts[] = {{"delivered", VERDICT_DELIVERED},
                    {"gone", VERDICT_GONE},
                    {"paced", VERDICT_PACED},
                    {"failed", VERDICT_FAILED},
                    {"refused", VERDICT_REFUSED},
                    {"denied", VERDICT_DENIED},
                    {"cut", VERDICT_CUT}};
    const struct story_run *run = find_run(world, words->items[1], false);
    for (size_t i = 0; i < ARRAY_COUNT(verdicts) && run != NULL; i++) {
        if (has(words, verdicts[i].word)) {
            struct delivery_event event = {.kind = EVENT_ATTEMPT_FINISHED};
            event.attempt_finished.delivery = run->delivery;
            event.attempt_finished.attempt = run->attempt;
            event.attempt_finished.verdict = verdicts[i].verdict;
            event.attempt_finished.retry_after_ms = duration_of(words, "retry_after", -1);
            event.attempt_finished.error = (int32_t)number_of(words, "error", 0);
            step(world, &event);
            return true;
        }
    }
    return false;
}

static bool take_written(struct story_world *world, const struct words *words)
{
    const struct story_run *run = find_run(world, words->items[1], true);
    if (run == NULL) {
        return false;
    }
    struct delivery_event event = {.kind = EVENT_DEAD_LETTER_WRITTEN};
    event.dead_letter_written.delivery = run->delivery;
    event.dead_letter_written.attempt = run->attempt;
    event.dead_letter_written.ok = !has(words, "failed");
    step(world, &event);
    return true;
}

static void take_committed(struct story_world *world, const struct words *words)
{
    struct place place = parse_place(world, words->items[1]);
    struct delivery_event event = {.kind = EVENT_COMMIT_FINISHED};
    event.commit_finished.partition = place.partition;
    event.commit_finished.assignment = place.assignment;
    event.commit_finished.offset = world->partitions[place.partition].commit_asked;
    event.commit_finished.ok = !has(words, "failed");
    step(world, &event);
}

static void take_drain(struct story_world *world, const struct words *words)
{
    char *end = NULL;
    struct delivery_event event = {.kind = EVENT_DRAIN_REQUESTED};
    event.drain_requested.deadline_ms = world->now_ms + (words->count > 1 ? parse_duration(words->items[1], &end) : 0);
    step(world, &event);
}

static void take_replace(struct story_world *world, const struct words *words)
{
    struct story_set *old = &world->set;
    uint32_t new_indexes[STORY_SUBSCRIPTIONS_MAX];
    for (uint32_t i = 0; i < old->count; i++) {
        new_indexes[i] = find_subscription(&world->next, old->names[i], strlen(old->names[i]));
    }
    struct story_set before = *old;
    world->set = world->next;
    world->next = (struct story_set){0};
    struct delivery_event event = {.kind = EVENT_SUBSCRIPTIONS_REPLACED};
    event.subscriptions_replaced.subscriptions = world->set.subscriptions;
    event.subscriptions_replaced.count = world->set.count;
    event.subscriptions_replaced.fanout_max = (uint32_t)number_of(words, "fanout", world->limits.fanout_max);
    event.subscriptions_replaced.new_indexes = new_indexes;
    event.subscriptions_replaced.old_count = before.count;
    event.subscriptions_replaced.restarts = world->set.restarts;
    step(world, &event);
    story_trace_dropped(world, &before);
}

/* Wakes the core whenever it wants to be woken, up to a time; without a duration only once, at the next of these. */
static void take_wait(struct story_world *world, const struct words *words)
{
    CHECK(world->core != NULL);
    char *end = NULL;
    int64_t until_ms = words->count > 1 ? world->now_ms + parse_duration(words->items[1], &end)
                                        : delivery_core_next_deadline(world->core);
    CHECK(until_ms != DELIVERY_NO_DEADLINE);
    while (delivery_core_next_deadline(world->core) <= until_ms) {
        world->now_ms = delivery_core_next_deadline(world->core);
        bytes_append_text(world->trace, "  ");
        story_trace_seconds(world->trace, world->now_ms - STORY_START_MS);
        bytes_append_text(world->trace, "\n");
        struct delivery_event event = {.kind = EVENT_TIME_PASSED};
        step(world, &event);
    }
    world->now_ms = until_ms;
}

/* ---- lines ---- */

bool story_world_take_line(struct story_world *world, const char *line)
{
    static const struct {
        const char *verb;
        void (*take)(struct story_world *world, const struct words *words);
    } verbs[] = {{"settings", take_settings},   {"subscription", take_subscription},
                 {"assign", take_assign},       {"revoke", take_revoke},
                 {"fetch", take_fetch},         {"gap", take_gap},
                 {"committed", take_committed}, {"drain", take_drain},
                 {"replace", take_replace},     {"wait", take_wait}};
    struct words words;
    split(&words, line);
    const char *verb = words.items[0];
    for (size_t i = 0; i < ARRAY_COUNT(verbs); i++) {
        if (strcmp(verb, verbs[i].verb) == 0) {
            verbs[i].take(world, &words);
            return true;
        }
    }
    if (strcmp(verb, "answer") == 0) {
        return take_answer(world, &words);
    }
    if (strcmp(verb, "written") == 0) {
        return take_written(world, &words);
    }
    if (strcmp(verb, "show") == 0 && world->core != NULL) {
        story_trace_stats(world);
        return true;
    }
    if (strcmp(verb, "moves") == 0 && world->core != NULL) {
        story_trace_moves(world);
        return true;
    }
    return false;
}
