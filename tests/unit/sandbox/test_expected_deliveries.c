/* What must arrive where: each delivery once, only where it was ordered, the missing ones by their line. */
#include "expected_deliveries.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#define EVENT_START "{\"event_type\":\"incident.instance.create\",\"payload\":{\"id\":"
#define EVENT_MIDDLE                                                                                                   \
    ",\"description\":null,\"status\":\"TRIGGERED\",\"severity\":\"HIGH\",\"start_time\":\"2026-02-03T09:58:04+00:"    \
    "00\""                                                                                                             \
    ",\"end_time\":null,\"resolution_notes\":null,\"session\":{\"id\":1,"                                              \
    "\"uuid\":\"05b6e6e3-07d4-4edc-9143-1193e6c3f339\",\"score\":null,\"status\":\"CREATED\","                         \
    "\"created_at\":\"2026-02-03T09:58:04+00:00\",\"updated_at\":\"2026-02-03T09:58:04+00:00\"},\"tenant_id\":"
#define EVENT_END                                                                                                      \
    ",\"created_at\":\"2026-02-03T09:58:04+00:00\",\"updated_at\":\"2026-02-03T09:58:04+00:00\"},"                     \
    "\"meta\":{\"version\":1,\"sent_at\":\"2026-02-03T09:58:34.875Z\"}}"
#define EVENT(id, tenant) EVENT_START id EVENT_MIDDLE tenant EVENT_END

struct world {
    char subscribers_path[64];
    char events_path[64];
    struct subscriber_list *list;
};

static void write_file(char *path, const char *text)
{
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    (void)close(fd);
}

static struct world world_make(const char *subscribers, const char *events)
{
    struct world world = {"/tmp/test-subscribers.XXXXXX", "/tmp/test-events.XXXXXX", NULL};
    struct error why = {0};
    write_file(world.subscribers_path, subscribers);
    write_file(world.events_path, events);
    if (subscriber_list_load(world.subscribers_path, NULL, &world.list, &why) != STATUS_OK) {
        fail_msg("%s", why.text);
    }
    return world;
}

static void world_end(struct world *world)
{
    (void)unlink(world->subscribers_path);
    (void)unlink(world->events_path);
    subscriber_list_destroy(world->list);
}

static bool take(struct expected_deliveries *expected, struct world *world, const char *subscriber, const char *event)
{
    struct body_facts facts;
    assert_int_equal(body_shape_check(bytes_view_of_text(event), &facts, NULL), STATUS_OK);
    struct subscriber *found = subscriber_list_find(world->list, bytes_view_of_text(subscriber));
    assert_non_null(found);
    return expected_deliveries_take(expected, found, bytes_view_of(event, facts.sent_at_start));
}

static void each_delivery_is_expected_once(void **state)
{
    (void)state;
    struct world world =
        world_make("[{\"id\":\"a\",\"tenant\":1},{\"id\":\"b\",\"tenant\":2},"
                   "{\"id\":\"c\",\"tenant\":1,\"severity\":[\"LOW\",\"HIGH\"]},"
                   "{\"id\":\"d\",\"tenant\":1,\"severity\":[\"LOW\"]},{\"id\":\"e\",\"tenant\":1,\"status\":[]}]",
                   EVENT("7", "1") "\n" EVENT("8", "2") "\n" EVENT("7", "1") "\n" EVENT("9", "3"));
    struct expected_deliveries *expected = NULL;
    assert_int_equal(expected_deliveries_load(world.events_path, world.list, &expected, NULL), STATUS_OK);
    assert_int_equal(expected_deliveries_count(expected), 3); /* 7 at a and c, 8 at b */

    assert_true(take(expected, &world, "a", EVENT("7", "1")));
    assert_false(take(expected, &world, "a", EVENT("7", "1"))); /* a second time */
    assert_false(take(expected, &world, "a", EVENT("8", "2"))); /* somebody else's */
    assert_false(take(expected, &world, "d", EVENT("7", "1"))); /* not ordered */
    assert_true(take(expected, &world, "c", EVENT("7", "1")));
    assert_int_equal(expected_deliveries_missing(expected), 1);

    size_t position = 0;
    size_t line = 0;
    const struct subscriber *subscriber = NULL;
    assert_true(expected_deliveries_next_missing(expected, &position, &subscriber, &line));
    assert_string_equal(subscriber->id, "b");
    assert_int_equal(line, 2);
    assert_false(expected_deliveries_next_missing(expected, &position, &subscriber, &line));
    expected_deliveries_destroy(expected);
    world_end(&world);
}

static void an_event_of_another_shape_is_an_error_with_its_line(void **state)
{
    (void)state;
    struct world world = world_make("[{\"id\":\"a\",\"tenant\":1}]", EVENT("7", "1") "\n{}\n");
    struct expected_deliveries *expected = NULL;
    struct error why = {0};
    assert_int_equal(expected_deliveries_load(world.events_path, world.list, &expected, &why), STATUS_INVALID);
    assert_non_null(strstr(why.text, "line 2: "));
    world_end(&world);
}

static void wrong_lists_are_refused(void **state)
{
    (void)state;
    static const char *const lists[] = {
        "",
        "{}",
        "[]",
        "[{\"id\":\"a\"}]",
        "[{\"tenant\":1}]",
        "[{\"id\":\"a/b\",\"tenant\":1}]",
        "[{\"id\":\"..\",\"tenant\":1}]",
        "[{\"id\":\"a\",\"tenant\":1},{\"id\":\"a\",\"tenant\":2}]",
        "[{\"id\":\"a\",\"tenant\":1,\"tenants\":[]}]",
        "[{\"id\":\"a\",\"tenant\":1,\"severity\":\"HIGH\"}]",
        "[{\"id\":\"a\",\"tenant\":1,\"severity\":[1]}]",
    };
    for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
        char path[] = "/tmp/test-subscribers.XXXXXX";
        struct subscriber_list *list = NULL;
        struct error why = {0};
        write_file(path, lists[i]);
        enum status status = subscriber_list_load(path, NULL, &list, &why);
        (void)unlink(path);
        assert_int_equal(status, STATUS_INVALID);
        assert_non_null(strstr(why.text, path));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_delivery_is_expected_once),
        cmocka_unit_test(an_event_of_another_shape_is_an_error_with_its_line),
        cmocka_unit_test(wrong_lists_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
