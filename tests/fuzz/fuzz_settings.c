/* The settings of both programs: a file, and behind each NUL one `--set`. */
#include "check.h"
#include "consumer_settings.h"
#include "delivery_core.h"
#include "fuzz_allocation.h"
#include "fuzz_input.h"
#include "json_scan.h"
#include "log.h"
#include "producer_settings.h"

#include <stdlib.h>
#include <string.h>

enum { SETS_MAX = 4 };

/* libyaml's events and the tree: a multiple of the text, which is bounded itself (yaml_tree.h). Each
 * default is read as a document of its own, which is the fixed part. */
enum { SETTINGS_FACTOR = 256, SETTINGS_FIXED = 1536 * 1024 };

struct words {
    struct bytes_view file;
    char *sets[SETS_MAX];
    size_t count;
};

static void split(struct bytes_view input, struct words *ret_words)
{
    struct bytes_view left = input;

    *ret_words = (struct words){{0}, {0}, 0};
    for (int part = 0; part <= SETS_MAX; part++) {
        const uint8_t *nul = left.size == 0 ? NULL : memchr(left.data, '\0', left.size);
        size_t size = nul == NULL ? left.size : (size_t)(nul - left.data);
        struct bytes_view text = bytes_view_slice(left, 0, size);
        if (part == 0) {
            ret_words->file = text;
        } else {
            ret_words->sets[ret_words->count++] = bytes_view_to_text(text);
        }
        if (nul == NULL) {
            return;
        }
        left = bytes_view_slice(left, size + 1, left.size - size - 1);
    }
}

static void check_errors(const struct error_list *errors, enum status status)
{
    CHECK((status == STATUS_OK) == (errors->total == 0));
    CHECK(errors->count <= errors->total);
    for (size_t i = 0; i < errors->count; i++) {
        size_t size = strlen(errors->lines[i]);
        CHECK(size > 0 && size < ERROR_TEXT_MAX);
        for (size_t at = 0; at < size; at++) {
            CHECK((uint8_t)errors->lines[i][at] >= 0x20 && errors->lines[i][at] != 0x7f);
        }
    }
}

static void load_producer(const char *file, const struct words *words)
{
    struct producer_settings settings = {0};
    struct error_list errors = {0};
    enum status status;

    status = producer_settings_load(file, (const char *const *)words->sets, words->count, &settings, &errors);
    check_errors(&errors, status);
    if (status == STATUS_OK) {
        CHECK(settings.input != NULL && settings.topic != NULL && settings.rejects != NULL);
        CHECK(settings.in_flight_events > 0 && settings.in_flight_bytes > 0);
    }
    producer_settings_free(&settings);
    error_list_free(&errors);
}

static void load_consumer(const char *file, const struct words *words, size_t size)
{
    struct consumer_settings settings = {0};
    struct error_list errors = {0};
    enum status status;

    fuzz_allocation_start();
    status = consumer_settings_load(file, (const char *const *)words->sets, words->count, &settings, &errors);
    fuzz_allocation_check_bound(size, SETTINGS_FACTOR, SETTINGS_FIXED);
    check_errors(&errors, status);
    if (status == STATUS_OK) {
        struct delivery_policy policy;
        consumer_settings_policy(&settings, &policy);
        address_gate_destroy(consumer_settings_make_gate(&settings));
        CHECK(settings.shards > 0 && settings.connections_max > 0);
        CHECK(settings.retry_jitter >= 0 && settings.retry_jitter <= 1);
    }
    consumer_settings_free(&settings);
    error_list_free(&errors);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct words words;

    log_configure(LOG_LEVEL_ERROR, LOG_FORMAT_LOGFMT);
    split(bytes_view_of(data, size), &words);
    const char *file = fuzz_input_file(words.file);
    load_producer(file, &words);
    load_consumer(file, &words, size);
    for (size_t i = 0; i < words.count; i++) {
        free(words.sets[i]);
    }
    return 0;
}
