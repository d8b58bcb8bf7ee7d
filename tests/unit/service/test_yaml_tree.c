#include "yaml_tree.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct yaml_tree *parse(const char *text)
{
    struct error_list errors = {0};
    struct yaml_tree *tree;
    enum status status = yaml_tree_parse("a.yaml", bytes_view_of_text(text), &tree, &errors);
    error_list_print(&errors, stderr);
    assert_int_equal(status, STATUS_OK);
    assert_int_equal(errors.total, 0);
    return tree;
}

/* All errors, a newline after each. */
static char *errors_of(struct bytes_view text)
{
    struct error_list errors = {0};
    struct yaml_tree *tree;
    assert_int_equal(yaml_tree_parse("a.yaml", text, &tree, &errors), STATUS_INVALID);
    assert_null(tree);
    struct bytes lines = {0};
    for (size_t i = 0; i < errors.count; i++) {
        bytes_append_format(&lines, "%s\n", errors.lines[i]);
    }
    char *result = bytes_view_to_text(bytes_as_view(&lines));
    bytes_free(&lines);
    error_list_free(&errors);
    return result;
}

static void expect_error(const char *text, const char *wanted)
{
    char *lines = errors_of(bytes_view_of_text(text));
    assert_string_equal(lines, wanted);
    free(lines);
}

static void every_node_knows_its_place(void **state)
{
    (void)state;
    struct yaml_tree *tree = parse("# comment\nlog:\n  level: debug\n  list: [a, 'b', \"c\"]\nd:\n- 1\n-   2\n");
    const struct yaml_node *root = yaml_tree_root(tree);
    assert_int_equal(root->kind, YAML_MAPPING);
    assert_int_equal(root->count, 2);
    const struct yaml_node *level = yaml_node_get(yaml_node_get(root, "log"), "level");
    assert_string_equal(level->text, "debug");
    assert_true(level->is_plain);
    assert_int_equal(level->line, 3);
    assert_int_equal(level->column, 10);
    assert_string_equal(level->file, "a.yaml");
    const struct yaml_node *list = yaml_node_get(yaml_node_get(root, "log"), "list");
    assert_int_equal(list->kind, YAML_SEQUENCE);
    assert_int_equal(list->count, 3);
    assert_true(list->items[0].is_plain);
    assert_false(list->items[1].is_plain);
    assert_false(list->items[2].is_plain);
    assert_string_equal(list->items[2].text, "c");
    assert_int_equal(list->items[2].column, 18);
    const struct yaml_node *numbers = yaml_node_get(root, "d");
    assert_int_equal(numbers->items[1].line, 7);
    assert_int_equal(numbers->items[1].column, 5);
    assert_null(yaml_node_get(root, "e"));
    assert_null(yaml_node_get(level, "e"));
    yaml_tree_destroy(tree);
}

static void nothing_is_an_empty_tree(void **state)
{
    (void)state;
    static const char *const empties[] = {"", "\n", "# only a comment\n", "---\n", "\xef\xbb\xbf", "---\n...\n"};
    for (size_t i = 0; i < sizeof(empties) / sizeof(empties[0]); i++) {
        struct yaml_tree *tree = parse(empties[i]);
        assert_null(yaml_tree_root(tree));
        yaml_tree_destroy(tree);
    }
    yaml_tree_destroy(NULL);
}

static void null_is_plain_only(void **state)
{
    (void)state;
    struct yaml_tree *tree = parse("[null, ~, 'null', '', Null, nil, {a: }]");
    const struct yaml_node *items = yaml_tree_root(tree)->items;
    assert_true(yaml_node_is_null(&items[0]));
    assert_true(yaml_node_is_null(&items[1]));
    assert_false(yaml_node_is_null(&items[2]));
    assert_false(yaml_node_is_null(&items[3]));
    assert_true(yaml_node_is_null(&items[4]));
    assert_false(yaml_node_is_null(&items[5]));
    assert_true(yaml_node_is_null(yaml_node_get(&items[6], "a")));
    assert_false(yaml_node_is_null(&items[6]));
    yaml_tree_destroy(tree);
}

static void a_key_occurs_once(void **state)
{
    (void)state;
    expect_error("a: 1\nb:\n  c: 1\n  d: 2\n  c: 3\na: 2\n\"a\": 3\n",
                 "a.yaml:5:3: c: the same key is on line 3 already\n"
                 "a.yaml:6:1: a: the same key is on line 1 already\n"
                 "a.yaml:7:1: a: the same key is on line 6 already\n");
}

static void what_yaml_could_hide_is_refused(void **state)
{
    (void)state;
    expect_error("a: &x 1\n", "a.yaml:1:4: an anchor (&) is not read here; write the value out\n");
    expect_error("a: *x\n", "a.yaml:1:4: an alias (*) is not read here; write the value out\n");
    expect_error("a: !!str 1\n", "a.yaml:1:4: a tag (!) is not read here; write the value without it\n");
    expect_error("a: !x [1]\n", "a.yaml:1:4: a tag (!) is not read here; write the value without it\n");
    expect_error("<<: {a: 1}\n", "a.yaml:1:1: a merge key (<<) is not read here; write the keys out\n");
    expect_error("[a]: 1\n", "a.yaml:1:1: a key must be a single word or text\n");
    expect_error("a: 1\n---\nb: 2\n", "a.yaml:2:1: a second document; one file is one\n");
    expect_error("a: \"x\\0y\"\n", "a.yaml:1:4: a NUL in a value\n");
}

static void bad_syntax_has_a_place(void **state)
{
    (void)state;
    char *lines = errors_of(bytes_view_of_text("a: 1\nb: [1, 2\nc: 3\n"));
    assert_int_equal(strncmp(lines, "a.yaml:3:2: while parsing a flow sequence", 41), 0);
    free(lines);
    lines = errors_of(bytes_view_of_text("a: 1\n\tb: 2\n"));
    assert_int_equal(strncmp(lines, "a.yaml:2:1: ", 12), 0);
    free(lines);
    lines = errors_of(bytes_view_of_text("a: 1\nbc: \xff\n"));
    assert_int_equal(strncmp(lines, "a.yaml:2:5: ", 12), 0);
    free(lines);
}

static void depth_is_bounded(void **state)
{
    (void)state;
    struct yaml_tree *tree = parse("[[[[[[[[[[[[[[[[x]]]]]]]]]]]]]]]]");
    yaml_tree_destroy(tree);
    expect_error("[[[[[[[[[[[[[[[[[x]]]]]]]]]]]]]]]]]", "a.yaml:1:17: more than 16 lists and maps inside each other\n");
    struct bytes deep = {0};
    for (int i = 0; i < 1000000; i++) {
        bytes_append_text(&deep, "{a: ");
    }
    char *lines = errors_of(bytes_as_view(&deep));
    assert_non_null(strstr(lines, "more than 16"));
    free(lines);
    bytes_free(&deep);
}

static void size_is_bounded(void **state)
{
    (void)state;
    struct bytes big = {0};
    bytes_reserve(&big, (16 << 20) + 1);
    memset(big.data, '\n', big.capacity);
    big.size = (16 << 20) + 1;
    char *lines = errors_of(bytes_as_view(&big));
    assert_string_equal(lines, "a.yaml: more than 16 MiB\n");
    free(lines);
    bytes_free(&big);
}

static void errors_are_bounded_and_counted(void **state)
{
    (void)state;
    struct error_list errors = {0};
    for (int i = 0; i < 250; i++) {
        assert_int_equal(error_list_add(&errors, "error\n%d", i), STATUS_INVALID);
    }
    assert_int_equal(errors.count, ERROR_LIST_MAX);
    assert_int_equal(errors.total, 250);
    assert_string_equal(errors.lines[99], "error 99"); /* one line, whatever was in it */
    char text[8192] = {0};
    FILE *file = fmemopen(text, sizeof(text), "w");
    error_list_print(&errors, file);
    fclose(file);
    assert_non_null(strstr(text, "error 99\nand 150 more errors\n"));
    error_list_free(&errors);
    assert_int_equal(errors.total, 0);
}

static void a_file_that_cannot_be_read_is_named(void **state)
{
    (void)state;
    struct error_list errors = {0};
    struct yaml_tree *tree;
    assert_int_equal(yaml_tree_load("/nowhere/a.yaml", &tree, &errors), STATUS_NOT_FOUND);
    assert_string_equal(errors.lines[0], "/nowhere/a.yaml: No such file or directory");
    assert_int_equal(yaml_tree_load("/tmp", &tree, &errors), STATUS_IO);
    assert_string_equal(errors.lines[1], "/tmp: Is a directory");
    error_list_free(&errors);
    char path[] = "/tmp/test_yaml_tree_XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "a: 1\n", 5), 5);
    close(fd);
    assert_int_equal(yaml_tree_load(path, &tree, &errors), STATUS_OK);
    assert_string_equal(yaml_node_get(yaml_tree_root(tree), "a")->text, "1");
    yaml_tree_destroy(tree);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_node_knows_its_place),
        cmocka_unit_test(nothing_is_an_empty_tree),
        cmocka_unit_test(null_is_plain_only),
        cmocka_unit_test(a_key_occurs_once),
        cmocka_unit_test(what_yaml_could_hide_is_refused),
        cmocka_unit_test(bad_syntax_has_a_place),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(size_is_bounded),
        cmocka_unit_test(errors_are_bounded_and_counted),
        cmocka_unit_test(a_file_that_cannot_be_read_is_named),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
