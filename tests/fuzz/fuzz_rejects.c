/* An input of lines, cut wherever a read may end, through line_source; each line then goes through the rejects file,
 * which jansson must read back to the very bytes. */
#include "check.h"
#include "fuzz_allocation.h"
#include "fuzz_input.h"
#include "json_scan.h"
#include "line_source.h"
#include "rejects_file.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[] = "/tmp/fuzz-rejects-XXXXXX";
static char path[64];
static struct rejects_file *rejects;

static void remove_folder(void)
{
    unlink(path);
    rmdir(folder);
}

static void make_folder(void)
{
    CHECK(mkdtemp(folder) != NULL);
    CHECK(atexit(remove_folder) == 0);
    snprintf(path, sizeof path, "%s/rejects", folder);
    rejects = rejects_file_create(path);
}

struct input {
    struct bytes_view text; /* all of it */
    size_t line_start;
    int64_t number;
};

/* The next line of the text, without its end; false after the last one. */
static bool next_line(struct input *input, struct bytes_view *ret_line)
{
    struct bytes_view left = bytes_view_slice(input->text, input->line_start, input->text.size - input->line_start);

    if (left.size == 0) {
        return false;
    }
    const uint8_t *end = memchr(left.data, '\n', left.size);
    *ret_line = bytes_view_slice(left, 0, end == NULL ? left.size : (size_t)(end - left.data));
    input->number++;
    return true;
}

static void check_reject(struct bytes_view line, int64_t offset, bool is_text)
{
    json_t *reject = json_load_file(path, 0, NULL);
    const json_t *raw = json_object_get(reject, "raw");
    const json_t *raw_base64 = json_object_get(reject, "raw_base64");
    struct bytes decoded = {0};

    CHECK(json_is_object(reject));
    CHECK(json_integer_value(json_object_get(reject, "bytes")) == (json_int_t)line.size);
    CHECK(json_integer_value(json_object_get(reject, "offset")) == offset);
    CHECK((raw != NULL) == is_text && (raw_base64 != NULL) == !is_text);
    if (is_text) {
        CHECK(bytes_view_equal(bytes_view_of(json_string_value(raw), json_string_length(raw)), line));
    } else {
        struct bytes_view text = bytes_view_of(json_string_value(raw_base64), json_string_length(raw_base64));
        CHECK(bytes_append_from_base64(&decoded, text) == STATUS_OK);
        CHECK(bytes_view_equal(bytes_as_view(&decoded), line));
    }
    bytes_free(&decoded);
    json_decref(reject);
}

/* Takes the line's parts from the source, rejecting it whole or in pieces, and compares with what it should be. */
static void take_line(struct line_source *source, struct bytes_view line, struct input *input)
{
    struct reject reject = {.input = "-", .rule = "json.syntax", .pointer = "", .message = "a \"message\""};
    struct bytes taken = {0};
    struct input_line part;
    enum line_part kind;
    bool is_whole;
    bool is_text;

    CHECK(truncate(path, 0) == 0 || access(path, F_OK) != 0);
    while ((kind = line_source_next(source, &part)) == LINE_PART_NONE) {
        CHECK(line_source_fill(source, NULL) == STATUS_OK);
    }
    CHECK(part.number == input->number && part.offset == (int64_t)input->line_start);
    reject.line = part.number;
    reject.offset = part.offset;
    is_whole = kind == LINE_PART_WHOLE;
    is_text = is_whole && json_scan_is_utf8(part.bytes) && memchr(part.bytes.data, '\0', part.bytes.size) == NULL;
    CHECK(is_whole || kind == LINE_PART_START);
    bytes_append_view(&taken, part.bytes);
    if (is_whole) {
        CHECK(rejects_file_write(rejects, &reject, part.bytes, is_text, NULL) == STATUS_OK);
        line_source_take(source);
    } else {
        CHECK(rejects_file_begin(rejects, &reject, NULL) == STATUS_OK);
        while (kind != LINE_PART_LAST) {
            CHECK(rejects_file_add(rejects, part.bytes, NULL) == STATUS_OK);
            line_source_take(source);
            while ((kind = line_source_next(source, &part)) == LINE_PART_NONE) {
                CHECK(line_source_fill(source, NULL) == STATUS_OK);
            }
            CHECK(kind == LINE_PART_LAST || (kind == LINE_PART_MORE && part.bytes.size > 0));
            CHECK(part.number == input->number && part.offset == (int64_t)input->line_start);
            bytes_append_view(&taken, part.bytes);
        }
        CHECK(rejects_file_add(rejects, part.bytes, NULL) == STATUS_OK);
        line_source_take(source);
        CHECK(rejects_file_end(rejects, NULL) == STATUS_OK);
    }
    CHECK(bytes_view_equal(bytes_as_view(&taken), line));
    check_reject(line, reject.offset, is_text);
    bytes_free(&taken);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct fuzz_input fuzz = fuzz_input_of(data, size);
    size_t line_max = fuzz_input_below(&fuzz, 64) + 1;
    struct input input = {.text = fuzz.left};
    struct line_source *source;
    struct input_line part;
    struct bytes_view line;

    if (rejects == NULL) {
        make_folder();
    }
    CHECK(line_source_open(fuzz_input_file(fuzz.left), line_max, &source, NULL) == STATUS_OK);
    while (next_line(&input, &line)) {
        take_line(source, line, &input);
        input.line_start += line.size + 1 > input.text.size - input.line_start ? line.size : line.size + 1;
        CHECK(line_source_offset(source) == (int64_t)input.line_start);
    }
    while (line_source_next(source, &part) == LINE_PART_NONE) {
        CHECK(line_source_fill(source, NULL) == STATUS_OK);
    }
    CHECK(line_source_next(source, &part) == LINE_PART_END);
    line_source_destroy(source);
    return 0;
}
