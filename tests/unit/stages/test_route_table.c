#include "check.h"
#include "memory.h"
#include "random.h"
#include "route_table.h"
#include "subscription.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define BOTH_EVENTS (1U << EVENT_TYPE_CREATE | 1U << EVENT_TYPE_UPDATED)

static struct subscription_set *set_of(const struct subscription *items, size_t count)
{
    struct subscription_set *set = memory_alloc(1, sizeof(*set));

    set->items = memory_alloc(count + 1, sizeof(*set->items));
    set->count = count;
    for (size_t i = 0; i < count; i++) {
        char id[32];

        snprintf(id, sizeof(id), "s%zu", i);
        set->items[i] = items[i];
        set->items[i].id = memory_copy_text(items[i].id != NULL ? items[i].id : id);
        set->items[i].payload_version = 1;
        set->items[i].http.url = memory_copy_text("https://crm.example/");
        set->items[i].http.method = memory_copy_text("POST");
    }
    subscription_set_seal(set);
    return set;
}

static struct incident_event event_of(int64_t tenant, enum event_type type, enum incident_status status,
                                      enum severity severity)
{
    struct incident_event event = {0};

    event.type = type;
    event.incident.tenant_id = tenant;
    event.incident.status = status;
    event.incident.severity = severity;
    return event;
}

/* The answer as a line, `0 2 5`. */
static void expect_match(struct route_table *table, struct incident_event event, const char *expected)
{
    const uint32_t *matches = NULL;
    size_t count = route_table_match(table, &event, &matches);
    struct bytes line = {0};

    for (size_t i = 0; i < count; i++) {
        bytes_append_format(&line, "%s%u", i > 0 ? " " : "", (unsigned)matches[i]);
    }
    bytes_append_byte(&line, '\0');
    assert_string_equal((const char *)line.data, expected);
    bytes_free(&line);
}

static void test_a_set_of_none_matches_nothing(void **state)
{
    struct subscription_set *set = set_of(NULL, 0);
    struct route_table *table = route_table_create(set);

    (void)state;
    expect_match(table, event_of(1, EVENT_TYPE_CREATE, INCIDENT_STATUS_TRIGGERED, SEVERITY_LOW), "");
    assert_int_equal(set->largest_tenant, 0);
    route_table_destroy(table);
    route_table_destroy(NULL);
    subscription_set_destroy(set);
    subscription_set_destroy(NULL);
}

static void test_tenant_type_and_where(void **state)
{
    const struct subscription items[] = {
        {.tenant = 7, .enabled = true, .events_mask = BOTH_EVENTS},
        {.tenant = 8, .enabled = true, .events_mask = BOTH_EVENTS},
        {.tenant = 7, .enabled = true, .events_mask = 1U << EVENT_TYPE_UPDATED},
        {.tenant = 7, .enabled = false, .events_mask = BOTH_EVENTS},
        {.tenant = 7,
         .enabled = true,
         .events_mask = BOTH_EVENTS,
         .where_severity_mask = 1U << SEVERITY_HIGH | 1U << SEVERITY_MEDIUM},
        {.tenant = 7,
         .enabled = true,
         .events_mask = BOTH_EVENTS,
         .where_severity_mask = 1U << SEVERITY_HIGH,
         .where_status_mask = 1U << INCIDENT_STATUS_RESOLVED | 1U << INCIDENT_STATUS_REOPENED},
    };
    struct subscription_set *set = set_of(items, ARRAY_COUNT(items));
    struct route_table *table = route_table_create(set);

    (void)state;
    expect_match(table, event_of(7, EVENT_TYPE_CREATE, INCIDENT_STATUS_TRIGGERED, SEVERITY_LOW), "0");
    expect_match(table, event_of(7, EVENT_TYPE_UPDATED, INCIDENT_STATUS_TRIGGERED, SEVERITY_LOW), "0 2");
    expect_match(table, event_of(7, EVENT_TYPE_CREATE, INCIDENT_STATUS_TRIGGERED, SEVERITY_MEDIUM), "0 4");
    expect_match(table, event_of(7, EVENT_TYPE_UPDATED, INCIDENT_STATUS_TRIGGERED, SEVERITY_HIGH), "0 2 4");
    expect_match(table, event_of(7, EVENT_TYPE_UPDATED, INCIDENT_STATUS_REOPENED, SEVERITY_HIGH), "0 2 4 5");
    expect_match(table, event_of(7, EVENT_TYPE_UPDATED, INCIDENT_STATUS_REOPENED, SEVERITY_MEDIUM), "0 2 4");
    expect_match(table, event_of(8, EVENT_TYPE_UPDATED, INCIDENT_STATUS_REOPENED, SEVERITY_HIGH), "1");
    expect_match(table, event_of(9, EVENT_TYPE_UPDATED, INCIDENT_STATUS_REOPENED, SEVERITY_HIGH), "");
    assert_int_equal(set->largest_tenant, 5);
    route_table_destroy(table);
    subscription_set_destroy(set);
}

static void test_tenants_that_are_all_disabled(void **state)
{
    const struct subscription items[] = {
        {.tenant = 7, .enabled = false, .events_mask = BOTH_EVENTS},
        {.tenant = 9, .enabled = true, .events_mask = BOTH_EVENTS},
    };
    struct subscription_set *set = set_of(items, ARRAY_COUNT(items));
    struct route_table *table = route_table_create(set);

    (void)state;
    expect_match(table, event_of(7, EVENT_TYPE_CREATE, INCIDENT_STATUS_TRIGGERED, SEVERITY_LOW), "");
    expect_match(table, event_of(9, EVENT_TYPE_CREATE, INCIDENT_STATUS_TRIGGERED, SEVERITY_LOW), "1");
    route_table_destroy(table);
    subscription_set_destroy(set);
}

/* Numbers that collide when they are cut to 32 bits, sign-confused, hashed by low bits or compared by subtraction. */
static const int64_t adversarial[] = {
    0,
    1,
    2,
    7,
    70,
    77,
    255,
    256,
    INT32_MAX - 1,
    INT32_MAX,
    INT64_C(2147483648),
    INT64_C(2147483649),
    UINT32_MAX,
    INT64_C(4294967296),
    INT64_C(4294967297),
    INT64_C(4294967303),
    INT64_C(8589934593),
    INT64_C(0x4000000000000001),
    INT64_MAX - 1,
    INT64_MAX,
    INT64_MIN,
    -1,
    -7,
};

/* The second wall, without the table's search before it. */
static void test_a_subscription_knows_its_tenant(void **state)
{
    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(adversarial); i++) {
        struct subscription subscription = {.tenant = adversarial[i], .events_mask = BOTH_EVENTS};

        for (size_t j = 0; j < ARRAY_COUNT(adversarial); j++) {
            struct incident_event event =
                event_of(adversarial[j], EVENT_TYPE_UPDATED, INCIDENT_STATUS_DISMISSED, SEVERITY_MEDIUM);

            assert_int_equal(subscription_matches(&subscription, &event), i == j);
        }
    }
}

static void test_never_another_tenant(void **state)
{
    struct subscription items[ARRAY_COUNT(adversarial)] = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_COUNT(adversarial); i++) {
        items[i] = (struct subscription){.tenant = adversarial[i], .enabled = true, .events_mask = BOTH_EVENTS};
    }
    for (size_t left_out = 0; left_out < ARRAY_COUNT(adversarial); left_out++) {
        struct subscription_set *set;
        struct route_table *table;

        items[left_out].enabled = false;
        set = set_of(items, ARRAY_COUNT(items));
        table = route_table_create(set);
        for (size_t i = 0; i < ARRAY_COUNT(adversarial); i++) {
            char expected[16] = "";

            if (i != left_out) {
                snprintf(expected, sizeof(expected), "%zu", i);
            }
            expect_match(table,
                         event_of(adversarial[i], EVENT_TYPE_UPDATED, INCIDENT_STATUS_DISMISSED, SEVERITY_MEDIUM),
                         expected);
        }
        route_table_destroy(table);
        subscription_set_destroy(set);
        items[left_out].enabled = true;
    }
}

/* What the contract says, word by word, and in no way like the table. */
static bool oracle_wants(const struct subscription *subscription, const struct incident_event *event)
{
    if (!subscription->enabled || subscription->tenant != event->incident.tenant_id) {
        return false;
    }
    if (!(subscription->events_mask >> event->type & 1U)) {
        return false;
    }
    if (subscription->where_status_mask && !(subscription->where_status_mask >> event->incident.status & 1U)) {
        return false;
    }
    if (subscription->where_severity_mask && !(subscription->where_severity_mask >> event->incident.severity & 1U)) {
        return false;
    }
    return true;
}

static void compare_with_oracle(struct route_table *table, const struct subscription_set *set,
                                const struct incident_event *event)
{
    const uint32_t *matches = NULL;
    size_t count = route_table_match(table, event, &matches);
    size_t seen = 0;

    for (size_t i = 0; i < set->count; i++) {
        if (oracle_wants(&set->items[i], event)) {
            assert_true(seen < count);
            assert_int_equal(matches[seen], i);
            seen++;
        }
    }
    assert_int_equal(seen, count);
}

static void fill_random(struct random_source *random, struct subscription *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        items[i] = (struct subscription){
            .tenant = adversarial[random_below(random, ARRAY_COUNT(adversarial))],
            .enabled = random_below(random, 5) != 0,
            .events_mask = 1 + (unsigned)random_below(random, BOTH_EVENTS),
            .where_status_mask = random_below(random, 2) == 0 ? 0 : (unsigned)random_below(random, 16),
            .where_severity_mask = random_below(random, 2) == 0 ? 0 : (unsigned)random_below(random, 8),
        };
    }
}

static void test_random_sets_against_a_naive_walk(void **state)
{
    struct random_source random;

    (void)state;
    random_init(&random, 20260203);
    for (int round = 0; round < 300; round++) {
        size_t count = (size_t)random_below(&random, 120);
        struct subscription *items = memory_alloc(count + 1, sizeof(*items));
        struct subscription_set *set;
        struct route_table *table;

        fill_random(&random, items, count);
        set = set_of(items, count);
        table = route_table_create(set);
        for (int i = 0; i < 400; i++) {
            struct incident_event event = event_of(
                adversarial[random_below(&random, ARRAY_COUNT(adversarial))], (enum event_type)random_below(&random, 2),
                (enum incident_status)random_below(&random, 4), (enum severity)random_below(&random, 3));

            compare_with_oracle(table, set, &event);
        }
        route_table_destroy(table);
        subscription_set_destroy(set);
        free(items);
    }
}

static void test_the_hash_sees_every_part(void **state)
{
    char id[] = "a";
    struct subscription item = {.id = id, .tenant = 7, .enabled = true, .events_mask = BOTH_EVENTS};
    struct subscription_set *set = set_of(&item, 1);
    uint64_t first = set->hash;
    struct subscription *only = &set->items[0];

    (void)state;
#define CHANGES_THE_HASH(place, other)                                                                                 \
    do {                                                                                                               \
        __typeof__(place) saved = (place);                                                                             \
        (place) = (other);                                                                                             \
        subscription_set_seal(set);                                                                                    \
        assert_true(set->hash != first);                                                                               \
        (place) = saved;                                                                                               \
        subscription_set_seal(set);                                                                                    \
        assert_true(set->hash == first);                                                                               \
    } while (0)
    char other[] = "b";
    struct http_header header = {other, other};
    uint8_t key[] = "0123456789";
    struct signing_key secret = {SIGNING_KEY_HMAC, {key, 10, 10}};

    CHANGES_THE_HASH(only->id, other);
    CHANGES_THE_HASH(only->tenant, 8);
    CHANGES_THE_HASH(only->events_mask, 1U << EVENT_TYPE_CREATE);
    CHANGES_THE_HASH(only->where_status_mask, 1);
    CHANGES_THE_HASH(only->where_severity_mask, 1);
    CHANGES_THE_HASH(only->ordering, SUBSCRIPTION_ORDERING_TENANT);
    CHANGES_THE_HASH(only->payload_version, 2);
    CHANGES_THE_HASH(only->enabled, false);
    CHANGES_THE_HASH(only->http.url, other);
    CHANGES_THE_HASH(only->http.method, other);
    CHANGES_THE_HASH(only->http.is_unsigned, true);
    CHANGES_THE_HASH(only->http.timeout_ms, 1);
    CHANGES_THE_HASH(only->http.max_in_flight, 1);
    CHANGES_THE_HASH(set->count, 0);
    only->http.headers = &header;
    CHANGES_THE_HASH(only->http.header_count, 1);
    only->http.secrets = &secret;
    CHANGES_THE_HASH(only->http.secret_count, 1);
    only->http.secret_count = 1;
    subscription_set_seal(set);
    first = set->hash;
    CHANGES_THE_HASH(secret.kind, SIGNING_KEY_ED25519);
    CHANGES_THE_HASH(secret.bytes.size, 9);
    only->http.secret_count = 0;
    only->http.headers = NULL;
    only->http.secrets = NULL;
#undef CHANGES_THE_HASH
    subscription_set_destroy(set);
}

static void test_find_by_id(void **state)
{
    char lower[] = "a";
    char upper[] = "A";
    const struct subscription items[] = {{.id = lower, .tenant = 1}, {.id = upper, .tenant = 2}};
    struct subscription_set *set = set_of(items, ARRAY_COUNT(items));

    (void)state;
    assert_ptr_equal(subscription_set_find(set, "A"), &set->items[1]);
    assert_ptr_equal(subscription_set_find(set, "a"), &set->items[0]);
    assert_null(subscription_set_find(set, "b"));
    subscription_set_destroy(set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_a_set_of_none_matches_nothing), cmocka_unit_test(test_tenant_type_and_where),
        cmocka_unit_test(test_tenants_that_are_all_disabled), cmocka_unit_test(test_a_subscription_knows_its_tenant),
        cmocka_unit_test(test_never_another_tenant),          cmocka_unit_test(test_random_sets_against_a_naive_walk),
        cmocka_unit_test(test_the_hash_sees_every_part),      cmocka_unit_test(test_find_by_id),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
