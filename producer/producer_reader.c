#include "producer_reader.h"

#include "check.h"
#include "memory.h"
#include "record_encode.h"

#include <stdlib.h>
#include <string.h>

struct producer_reader {
    struct producer_work *work;
    struct line_source *source;
    struct intake *intake;
    struct record_encoder *encoder;
    struct intake_result result;
    int64_t blocked_bytes;         /* the line that comes next is an event of so many bytes; 0: not looked at yet */
    char long_rule[RULE_NAME_MAX]; /* of the long line that is going into the rejects */
};

struct producer_reader *producer_reader_create(struct producer_work *work, struct line_source *source,
                                               enum intake_format format, const char *source_id)
{
    struct producer_reader *reader = memory_alloc(1, sizeof(*reader));
    reader->work = work;
    reader->source = source;
    reader->intake = intake_create(format);
    reader->encoder = record_encoder_create(source_id);
    return reader;
}

void producer_reader_destroy(struct producer_reader *reader)
{
    if (reader != NULL) {
        intake_destroy(reader->intake);
        record_encoder_destroy(reader->encoder);
        free(reader);
    }
}

/* The part that was shown is dealt with. */
static void take_part(struct producer_reader *reader)
{
    line_source_take(reader->source);
    reader->blocked_bytes = 0;
}

static void end_line(struct producer_reader *reader)
{
    const struct publish_position next = {.line = line_source_line(reader->source),
                                          .offset = line_source_offset(reader->source)};
    publish_ledger_read_to(reader->work->ledger, next);
    producer_counts_read(reader->work->counts);
}

static struct publish_position start_of(const struct input_line *line)
{
    return (struct publish_position){.line = line->number, .offset = line->offset};
}

/* False when there is no room. */
static bool admit(struct producer_reader *reader, const struct input_line *line, bool may_publish)
{
    struct producer_work *work = reader->work;
    struct outgoing_record record;
    record_encode(reader->encoder, &reader->result.event, reader->result.id, reader->result.trace_parent, &record);
    int64_t size = record_store_size(&record, line->bytes);
    if (!may_publish || !publish_ledger_has_room(work->ledger, size)) {
        reader->blocked_bytes = size;
        return false;
    }
    uint64_t place = publish_ledger_admit(work->ledger, start_of(line), size);
    record_store_put(work->store, place, &record, line->bytes);
    return true;
}

/* A line that is dealt with, but for rejects. */
static void count_answer(struct producer_reader *reader, enum intake_answer answer)
{
    struct producer_counts *counts = reader->work->counts;
    switch (answer) {
    case INTAKE_BLANK:
        producer_counts_blank(counts);
        return;
    case INTAKE_REJECT:
        return;
    case INTAKE_DELETION:
    case INTAKE_NO_MATTER:
        producer_counts_fired_nothing(counts, answer == INTAKE_DELETION ? "deletion" : "other");
        break;
    case INTAKE_EVENT:
        break;
    }
    for (unsigned i = 0; i < INTAKE_WARNING_COUNT; i++) {
        if ((reader->result.warnings >> i & 1) != 0) {
            producer_counts_warned(counts, (enum intake_warning)i);
        }
    }
}

/* WANTS_INPUT stands for "go on" here and below. */
static enum reader_state deal_with_line(struct producer_reader *reader, const struct input_line *line, int64_t now_ms,
                                        bool may_publish, struct error *ret_error)
{
    struct producer_work *work = reader->work;
    if (reader->blocked_bytes > 0 && !(may_publish && publish_ledger_has_room(work->ledger, reader->blocked_bytes))) {
        return READER_IS_BLOCKED;
    }
    enum intake_answer answer = intake_read(reader->intake, line->bytes, false, now_ms, &reader->result);
    if (answer == INTAKE_REJECT && producer_work_reject_line(work, start_of(line), line->bytes,
                                                             &reader->result.violation, ret_error) != STATUS_OK) {
        return READER_REJECTS_FAILED;
    }
    if (answer == INTAKE_EVENT && !admit(reader, line, may_publish)) {
        return READER_IS_BLOCKED;
    }
    count_answer(reader, answer);
    take_part(reader);
    end_line(reader);
    return answer == INTAKE_REJECT && work->stops_at_reject ? READER_HAS_REJECTED : READER_WANTS_INPUT;
}

static enum reader_state begin_long_line(struct producer_reader *reader, const struct input_line *line, int64_t now_ms,
                                         struct error *ret_error)
{
    struct rule_violation *violation = &reader->result.violation;
    enum intake_answer answer = intake_read(reader->intake, line->bytes, true, now_ms, &reader->result);
    CHECK(answer == INTAKE_REJECT);
    const struct reject reject = producer_work_reject(reader->work, start_of(line), violation);
    memcpy(reader->long_rule, violation->rule, sizeof(reader->long_rule));
    if (rejects_file_begin(reader->work->rejects, &reject, ret_error) != STATUS_OK ||
        rejects_file_add(reader->work->rejects, line->bytes, ret_error) != STATUS_OK) {
        return READER_REJECTS_FAILED;
    }
    take_part(reader);
    return READER_WANTS_INPUT;
}

static enum reader_state go_on_with_long_line(struct producer_reader *reader, const struct input_line *line,
                                              bool is_last, struct error *ret_error)
{
    struct rejects_file *rejects = reader->work->rejects;
    if (rejects_file_add(rejects, line->bytes, ret_error) != STATUS_OK ||
        (is_last && rejects_file_end(rejects, ret_error) != STATUS_OK)) {
        return READER_REJECTS_FAILED;
    }
    take_part(reader);
    if (!is_last) {
        return READER_WANTS_INPUT;
    }
    producer_work_rejected(reader->work, start_of(line), reader->long_rule);
    end_line(reader);
    return reader->work->stops_at_reject ? READER_HAS_REJECTED : READER_WANTS_INPUT;
}

enum reader_state producer_reader_fill(struct producer_reader *reader, struct error *ret_error)
{
    return line_source_fill(reader->source, ret_error) == STATUS_OK ? READER_WANTS_INPUT : READER_INPUT_FAILED;
}

enum reader_state producer_reader_run(struct producer_reader *reader, int64_t now_ms, bool may_publish,
                                      struct error *ret_error)
{
    enum reader_state state = READER_WANTS_INPUT;
    while (state == READER_WANTS_INPUT) {
        struct input_line line;
        enum line_part part = line_source_next(reader->source, &line);
        switch (part) {
        case LINE_PART_NONE:
            return READER_WANTS_INPUT;
        case LINE_PART_END:
            return READER_IS_AT_END;
        case LINE_PART_WHOLE:
            state = deal_with_line(reader, &line, now_ms, may_publish, ret_error);
            break;
        case LINE_PART_START:
            state = begin_long_line(reader, &line, now_ms, ret_error);
            break;
        case LINE_PART_MORE:
        case LINE_PART_LAST:
            state = go_on_with_long_line(reader, &line, part == LINE_PART_LAST, ret_error);
            break;
        }
    }
    return state;
}

void producer_reader_stop(struct producer_reader *reader)
{
    rejects_file_abandon(reader->work->rejects);
}
