#include "subscriber_list.h"

#include "memory.h"
#include "signature_check.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SECRET_FILE_SIZE_MAX = 256 };

bool subscriber_id_is_valid(struct bytes_view id)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";
    if (id.size < 1 || id.size > SUBSCRIBER_ID_MAX || id.data[0] == '.') {
        return false;
    }
    for (size_t i = 0; i < id.size; i++) {
        if (id.data[i] == '\0' || strchr(alphabet, id.data[i]) == NULL) {
            return false;
        }
    }
    return true;
}

enum status subscriber_secret_load(const char *folder, const char *id, struct bytes *ret_secret,
                                   struct error *ret_error)
{
    char path[PATH_MAX];
    if ((size_t)snprintf(path, sizeof(path), "%s/%s", folder, id) >= sizeof(path)) {
        return error_set(ret_error, STATUS_INVALID, "the path of the secret of %s is too long", id);
    }
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return error_set(ret_error, STATUS_NOT_FOUND, "%s: %s", path, strerror(errno));
    }
    char text[SECRET_FILE_SIZE_MAX];
    ssize_t size = read(fd, text, sizeof(text));
    (void)close(fd);
    if (size < 0) {
        return error_set(ret_error, STATUS_NOT_FOUND, "%s: %s", path, strerror(errno));
    }
    struct error why;
    enum status status = signature_secret_read(bytes_view_of(text, (size_t)size), ret_secret, &why);
    return status == STATUS_OK ? STATUS_OK : error_set(ret_error, status, "%s: %s", path, why.text);
}

/* Every key is one that we know, and the lists are lists of strings. */
static bool item_is_valid(json_t *item)
{
    const char *key = NULL;
    json_t *value = NULL;
    json_object_foreach(item, key, value)
    {
        if (strcmp(key, "id") == 0 || strcmp(key, "tenant") == 0) {
            continue;
        }
        bool is_list = strcmp(key, "event_type") == 0 || strcmp(key, "status") == 0 || strcmp(key, "severity") == 0;
        if (!is_list || !json_is_array(value)) {
            return false;
        }
        size_t index = 0;
        json_t *name = NULL;
        json_array_foreach(value, index, name)
        {
            if (!json_is_string(name)) {
                return false;
            }
        }
    }
    return true;
}

static enum status read_item(json_t *item, size_t position, const char *secrets_folder, struct subscriber *ret_item,
                             struct error *ret_error)
{
    const char *id = json_string_value(json_object_get(item, "id"));
    json_int_t tenant = json_integer_value(json_object_get(item, "tenant"));
    if (id == NULL || !subscriber_id_is_valid(bytes_view_of_text(id)) || tenant < 1 || !item_is_valid(item)) {
        return error_set(
            ret_error, STATUS_INVALID,
            "subscriber %zu needs an \"id\" (letters, digits, - _ .; at most 64), a \"tenant\" from 1, and "
            "nothing else but lists of names under \"event_type\", \"status\", \"severity\"",
            position);
    }
    /* NOLINTNEXTLINE(clang-analyzer-core.NonNullParamChecker): an item of an array from memory_alloc is never NULL */
    memcpy(ret_item->id, id, strlen(id) + 1);
    ret_item->tenant = tenant;
    ret_item->wanted = json_incref(item);
    return secrets_folder == NULL ? STATUS_OK
                                  : subscriber_secret_load(secrets_folder, id, &ret_item->secret, ret_error);
}

static enum status read_items(json_t *root, const char *secrets_folder, struct subscriber_list *list,
                              struct error *ret_error)
{
    if (!json_is_array(root) || json_array_size(root) == 0 || json_array_size(root) > SUBSCRIBERS_MAX) {
        return error_set(ret_error, STATUS_INVALID, "expected a list of 1 to %d subscribers", SUBSCRIBERS_MAX);
    }
    list->items = memory_alloc(json_array_size(root), sizeof(*list->items));
    size_t index = 0;
    json_t *item = NULL;
    json_array_foreach(root, index, item)
    {
        const char *id = json_string_value(json_object_get(item, "id"));
        if (id != NULL && subscriber_list_find(list, bytes_view_of_text(id)) != NULL) {
            return error_set(ret_error, STATUS_INVALID, "two subscribers have the id %.64s", id);
        }
        list->count += 1; /* counted first, so that a half-read one is freed */
        enum status status = read_item(item, index + 1, secrets_folder, &list->items[index], ret_error);
        if (status != STATUS_OK) {
            return status;
        }
    }
    return STATUS_OK;
}

enum status subscriber_list_load(const char *path, const char *secrets_folder, struct subscriber_list **ret_list,
                                 struct error *ret_error)
{
    json_error_t json_error;
    json_t *root = json_load_file(path, JSON_REJECT_DUPLICATES, &json_error);
    if (root == NULL) {
        bool is_missing = json_error_code(&json_error) == json_error_cannot_open_file;
        return is_missing ? error_set(ret_error, STATUS_NOT_FOUND, "%s: cannot be opened", path)
                          : error_set(ret_error, STATUS_INVALID, "%s:%d:%d: %s", path, json_error.line,
                                      json_error.column, json_error.text);
    }
    struct subscriber_list *list = memory_alloc(1, sizeof(*list));
    struct error why;
    enum status status = read_items(root, secrets_folder, list, &why);
    json_decref(root);
    if (status != STATUS_OK) {
        subscriber_list_destroy(list);
        return error_set(ret_error, status, "%s: %s", path, why.text);
    }
    *ret_list = list;
    return STATUS_OK;
}

void subscriber_list_destroy(struct subscriber_list *list)
{
    if (list == NULL) {
        return;
    }
    for (size_t i = 0; i < list->count; i++) {
        json_decref(list->items[i].wanted);
        bytes_free(&list->items[i].secret);
    }
    free(list->items);
    free(list);
}

struct subscriber *subscriber_list_find(struct subscriber_list *list, struct bytes_view id)
{
    for (size_t i = 0; i < list->count; i++) {
        if (bytes_view_equal_text(id, list->items[i].id)) {
            return &list->items[i];
        }
    }
    return NULL;
}

static bool list_allows(json_t *wanted, const char *key, struct bytes_view name)
{
    json_t *names = json_object_get(wanted, key);
    if (names == NULL) {
        return true;
    }
    size_t index = 0;
    json_t *value = NULL;
    json_array_foreach(names, index, value)
    {
        if (bytes_view_equal_text(name, json_string_value(value))) {
            return true;
        }
    }
    return false;
}

bool subscriber_wants(const struct subscriber *subscriber, const struct body_facts *facts)
{
    if (subscriber->tenant != 0 && subscriber->tenant != facts->tenant_id) {
        return false;
    }
    return list_allows(subscriber->wanted, "event_type", facts->event_type) &&
           list_allows(subscriber->wanted, "status", facts->status) &&
           list_allows(subscriber->wanted, "severity", facts->severity);
}
