#include "expected_deliveries.h"

#include "hash_table.h"
#include "memory.h"

#include <errno.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINE_SIZE_MAX = 256 * 1024 };

struct delivery_key {
    const struct subscriber *subscriber;
    unsigned char digest[SHA256_DIGEST_LENGTH]; /* of the body before sent_at */
};

struct expected_delivery {
    struct delivery_key key;
    size_t line;
    bool is_missing;
    UT_hash_handle hh;
};

struct expected_deliveries {
    struct expected_delivery *by_key;
    struct expected_delivery **in_order;
    size_t count;
    size_t missing;
};

static void key_make(struct delivery_key *key, const struct subscriber *subscriber, struct bytes_view stable)
{
    memset(key, 0, sizeof(*key)); /* it is hashed whole, padding too */
    key->subscriber = subscriber;
    (void)SHA256(stable.data, stable.size, key->digest);
}

static struct expected_delivery *find(const struct expected_deliveries *expected, const struct delivery_key *key)
{
    struct expected_delivery *found = NULL;
    HASH_FIND(hh, expected->by_key, key, sizeof(*key), found);
    return found;
}

static enum status add_line(struct expected_deliveries *expected, const struct subscriber_list *list,
                            struct bytes_view line, size_t line_number, struct error *ret_error)
{
    struct body_facts facts;
    enum status status = body_shape_check(line, &facts, ret_error);
    if (status != STATUS_OK) {
        return STATUS_INVALID;
    }
    for (size_t i = 0; i < list->count; i++) {
        if (!subscriber_wants(&list->items[i], &facts)) {
            continue;
        }
        struct delivery_key key;
        key_make(&key, &list->items[i], bytes_view_slice(line, 0, facts.sent_at_start));
        if (find(expected, &key) != NULL) {
            continue; /* the same line twice is one event: both have one identity */
        }
        if (expected->count == EXPECTED_DELIVERIES_MAX) {
            return error_set(ret_error, STATUS_INVALID, "more than %d deliveries", EXPECTED_DELIVERIES_MAX);
        }
        struct expected_delivery *delivery = memory_alloc(1, sizeof(*delivery));
        memcpy(&delivery->key, &key, sizeof(key));
        delivery->line = line_number;
        delivery->is_missing = true;
        HASH_ADD(hh, expected->by_key, key, sizeof(delivery->key), delivery);
        expected->count += 1;
    }
    return STATUS_OK;
}

static enum status read_lines(FILE *file, struct expected_deliveries *expected, const struct subscriber_list *list,
                              struct error *ret_error)
{
    char *buffer = memory_alloc(1, LINE_SIZE_MAX + 2);
    enum status status = STATUS_OK;
    size_t line_number = 0;
    while (status == STATUS_OK && fgets(buffer, LINE_SIZE_MAX + 2, file) != NULL) {
        struct bytes_view line = bytes_view_of_text(buffer);
        line_number += 1;
        if (line.size > 0 && line.data[line.size - 1] == '\n') {
            line.size -= 1;
        }
        struct error why;
        status = line.size > LINE_SIZE_MAX ? error_set(&why, STATUS_INVALID, "longer than %d bytes", LINE_SIZE_MAX)
                                           : add_line(expected, list, line, line_number, &why);
        if (status != STATUS_OK) {
            (void)error_set(ret_error, status, "line %zu: %s", line_number, why.text);
        }
    }
    free(buffer);
    if (status == STATUS_OK && ferror(file)) {
        return error_set(ret_error, STATUS_NOT_FOUND, "%s", strerror(errno));
    }
    return status;
}

enum status expected_deliveries_load(const char *path, const struct subscriber_list *list,
                                     struct expected_deliveries **ret_expected, struct error *ret_error)
{
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return error_set(ret_error, STATUS_NOT_FOUND, "%s: %s", path, strerror(errno));
    }
    struct expected_deliveries *expected = memory_alloc(1, sizeof(*expected));
    struct error why;
    enum status status = read_lines(file, expected, list, &why);
    (void)fclose(file);
    if (status != STATUS_OK) {
        expected_deliveries_destroy(expected);
        return error_set(ret_error, status, "%s: %s", path, why.text);
    }
    expected->missing = expected->count;
    expected->in_order = memory_alloc(expected->count + 1, sizeof(struct expected_delivery *));
    size_t i = 0;
    for (struct expected_delivery *each = expected->by_key; each != NULL; each = each->hh.next) {
        expected->in_order[i++] = each;
    }
    *ret_expected = expected;
    return STATUS_OK;
}

void expected_deliveries_destroy(struct expected_deliveries *expected)
{
    if (expected == NULL) {
        return;
    }
    struct expected_delivery *each = NULL;
    struct expected_delivery *next = NULL;
    HASH_ITER(hh, expected->by_key, each, next)
    {
        HASH_DEL(expected->by_key, each);
        free(each);
    }
    free(expected->in_order);
    free(expected);
}

bool expected_deliveries_take(struct expected_deliveries *expected, const struct subscriber *subscriber,
                              struct bytes_view stable)
{
    struct delivery_key key;
    key_make(&key, subscriber, stable);
    struct expected_delivery *delivery = find(expected, &key);
    if (delivery == NULL || !delivery->is_missing) {
        return false;
    }
    delivery->is_missing = false;
    expected->missing -= 1;
    return true;
}

size_t expected_deliveries_count(const struct expected_deliveries *expected)
{
    return expected->count;
}

size_t expected_deliveries_missing(const struct expected_deliveries *expected)
{
    return expected->missing;
}

bool expected_deliveries_next_missing(const struct expected_deliveries *expected, size_t *position,
                                      const struct subscriber **ret_subscriber, size_t *ret_line)
{
    while (*position < expected->count) {
        const struct expected_delivery *delivery = expected->in_order[(*position)++];
        if (delivery->is_missing) {
            *ret_subscriber = delivery->key.subscriber;
            *ret_line = delivery->line;
            return true;
        }
    }
    return false;
}
