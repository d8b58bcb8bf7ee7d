#include "partition_starts.h"

#include "bytes.h"
#include "check.h"
#include "log.h"
#include "memory.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ASK_TIMEOUT_MS = 2000 };

static const char NOTE_PREFIX[] = "1;parts=";

void commit_note_format(char ret_note[COMMIT_NOTE_MAX], int32_t first_count)
{
    snprintf(ret_note, COMMIT_NOTE_MAX, "%s%" PRId32, NOTE_PREFIX, first_count);
}

int32_t commit_note_parse(const void *note, size_t size)
{
    struct bytes_view view = bytes_view_of(note, size);
    size_t prefix = sizeof(NOTE_PREFIX) - 1;
    if (size <= prefix || memcmp(view.data, NOTE_PREFIX, prefix) != 0) {
        return 0;
    }
    int64_t count = 0;
    enum status status = bytes_view_to_int64(bytes_view_slice(view, prefix, size - prefix), &count);
    return status == STATUS_OK && count > 0 && count <= INT32_MAX ? (int32_t)count : 0;
}

static enum status unavailable(struct error *ret_error, const char *what, const char *topic, rd_kafka_resp_err_t err)
{
    return error_set(ret_error, STATUS_UNAVAILABLE, "%s of topic %s: %s", what, topic, rd_kafka_err2str(err));
}

/* How many partitions the topic has now. */
static enum status count_partitions(rd_kafka_t *client, const char *topic, int32_t *ret_count, struct error *ret_error)
{
    rd_kafka_topic_t *handle = rd_kafka_topic_new(client, topic, NULL);
    CHECK(handle != NULL);
    const struct rd_kafka_metadata *metadata = NULL;
    rd_kafka_resp_err_t err = rd_kafka_metadata(client, 0, handle, &metadata, ASK_TIMEOUT_MS);
    rd_kafka_topic_destroy(handle);
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        CHECK(metadata->topic_cnt == 1);
        err = metadata->topics[0].err;
        *ret_count = metadata->topics[0].partition_cnt;
        rd_kafka_metadata_destroy(metadata);
    }
    return err == RD_KAFKA_RESP_ERR_NO_ERROR ? STATUS_OK : unavailable(ret_error, "metadata", topic, err);
}

/* What the group has committed for every partition of the topic; free with rd_kafka_topic_partition_list_destroy. */
static enum status read_commits(rd_kafka_t *client, const char *topic, int32_t count,
                                rd_kafka_topic_partition_list_t **ret_commits, struct error *ret_error)
{
    rd_kafka_topic_partition_list_t *commits = rd_kafka_topic_partition_list_new(count);
    rd_kafka_topic_partition_list_add_range(commits, topic, 0, count - 1);
    rd_kafka_resp_err_t err = rd_kafka_committed(client, commits, ASK_TIMEOUT_MS);
    for (int i = 0; i < commits->cnt && err == RD_KAFKA_RESP_ERR_NO_ERROR; i++) {
        err = commits->elems[i].err;
    }
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        rd_kafka_topic_partition_list_destroy(commits);
        return unavailable(ret_error, "committed offsets", topic, err);
    }
    *ret_commits = commits;
    return STATUS_OK;
}

/* The note of any commit of the topic; *ret_any says whether there is a commit at all. */
static int32_t find_note(const rd_kafka_topic_partition_list_t *commits, bool *ret_any)
{
    int32_t first_count = 0;
    *ret_any = false;
    for (int i = 0; i < commits->cnt; i++) {
        const rd_kafka_topic_partition_t *commit = &commits->elems[i];
        if (commit->offset >= 0) {
            *ret_any = true;
            int32_t noted = commit_note_parse(commit->metadata, commit->metadata_size);
            first_count = noted > first_count ? noted : first_count;
        }
    }
    return first_count;
}

static enum status ask_edges(rd_kafka_t *client, const char *topic, int32_t partition, int64_t *ret_low,
                             int64_t *ret_high, struct error *ret_error)
{
    rd_kafka_resp_err_t err =
        rd_kafka_query_watermark_offsets(client, topic, partition, ret_low, ret_high, ASK_TIMEOUT_MS);
    return err == RD_KAFKA_RESP_ERR_NO_ERROR ? STATUS_OK : unavailable(ret_error, "offsets", topic, err);
}

/* The first offset at or after a time; the log's end when there is none. */
static enum status ask_offset_at(rd_kafka_t *client, const char *topic, int32_t partition, int64_t time_ms,
                                 int64_t log_end, int64_t *ret_offset, struct error *ret_error)
{
    rd_kafka_topic_partition_list_t *times = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(times, topic, partition)->offset = time_ms;
    rd_kafka_resp_err_t err = rd_kafka_offsets_for_times(client, times, ASK_TIMEOUT_MS);
    if (err == RD_KAFKA_RESP_ERR_NO_ERROR) {
        err = times->elems[0].err;
    }
    int64_t offset = times->elems[0].offset;
    rd_kafka_topic_partition_list_destroy(times);
    if (err != RD_KAFKA_RESP_ERR_NO_ERROR) {
        return unavailable(ret_error, "offsets for a time", topic, err);
    }
    *ret_offset = offset >= 0 ? offset : log_end;
    return STATUS_OK;
}

static enum status obey_start_from(rd_kafka_t *client, const struct start_from *start_from, bool added_later,
                                   struct partition_start *start, struct error *ret_error)
{
    int64_t low = 0;
    int64_t high = 0;
    enum status status = ask_edges(client, start->topic, start->partition, &low, &high, ret_error);
    if (status != STATUS_OK) {
        return status;
    }
    start->needs_commit = true;
    start->offset = low;
    if (added_later || start_from->kind == START_FROM_EARLIEST) {
        return STATUS_OK;
    }
    if (start_from->kind == START_FROM_LATEST) {
        start->offset = high;
        return STATUS_OK;
    }
    return ask_offset_at(client, start->topic, start->partition, start_from->time_ms, high, &start->offset, ret_error);
}

static bool is_gap_accepted(const struct kafka_subscription_settings *settings, const struct partition_start *start)
{
    for (size_t i = 0; i < settings->accepted_gap_count; i++) {
        const struct accepted_gap *gap = &settings->accepted_gaps[i];
        if (gap->partition == start->partition && strcmp(gap->topic, start->topic) == 0) {
            return true;
        }
    }
    return false;
}

/* Goes on at the committed offset, or, over a gap that was accepted, at the log's start. */
static enum status go_on(rd_kafka_t *client, const struct kafka_subscription_settings *settings, int64_t committed,
                         struct partition_start *start, struct error *ret_error)
{
    start->offset = committed;
    if (!is_gap_accepted(settings, start)) {
        return STATUS_OK;
    }
    int64_t low = 0;
    int64_t high = 0;
    enum status status = ask_edges(client, start->topic, start->partition, &low, &high, ret_error);
    if (status == STATUS_OK && (committed < low || committed > high)) {
        log_warn("gap accepted: these events are no longer on the log and are given up",
                 LOG_TEXT("topic", start->topic), LOG_INT("partition", start->partition),
                 LOG_INT("from_offset", committed), LOG_INT("to_offset", committed < low ? low - 1 : high),
                 LOG_INT("log_start", low));
        start->offset = low;
        start->needs_commit = true;
    }
    return status;
}

/* All wanted partitions of one topic. */
static enum status find_in_topic(rd_kafka_t *client, const struct kafka_subscription_settings *settings,
                                 const _Atomic bool *is_cancelled, const char *topic, struct partition_start *starts,
                                 size_t count, struct error *ret_error)
{
    int32_t partitions = 0;
    enum status status = count_partitions(client, topic, &partitions, ret_error);
    if (status != STATUS_OK) {
        return status;
    }
    rd_kafka_topic_partition_list_t *commits = NULL;
    status = read_commits(client, topic, partitions, &commits, ret_error);
    if (status != STATUS_OK) {
        return status;
    }
    bool any_commit = false;
    int32_t noted = find_note(commits, &any_commit);
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        struct partition_start *start = &starts[i];
        if (strcmp(start->topic, topic) != 0) {
            continue;
        }
        if (start->partition >= partitions || atomic_load(is_cancelled)) {
            /* Just added, and not known to the broker that was asked: what it has committed is not known either. */
            status = error_set(ret_error, STATUS_UNAVAILABLE, "partition %" PRId32 " of topic %s is not known yet",
                               start->partition, topic);
            continue;
        }
        const rd_kafka_topic_partition_t *commit = rd_kafka_topic_partition_list_find(commits, topic, start->partition);
        start->first_count = any_commit ? noted : partitions;
        start->needs_commit = false;
        if (commit != NULL && commit->offset >= 0) {
            status = go_on(client, settings, commit->offset, start, ret_error);
        } else {
            bool added_later = any_commit && start->partition >= noted;
            status = obey_start_from(client, &settings->start_from, added_later, start, ret_error);
        }
    }
    rd_kafka_topic_partition_list_destroy(commits);
    return status;
}

enum status partition_starts_find(rd_kafka_t *client, const struct kafka_subscription_settings *settings,
                                  const _Atomic bool *is_cancelled, struct partition_start *starts, size_t count,
                                  struct error *ret_error)
{
    enum status status = STATUS_OK;
    for (size_t i = 0; i < count && status == STATUS_OK; i++) {
        bool is_first_of_topic = true;
        for (size_t j = 0; j < i; j++) {
            is_first_of_topic = is_first_of_topic && strcmp(starts[j].topic, starts[i].topic) != 0;
        }
        if (is_first_of_topic) {
            status = find_in_topic(client, settings, is_cancelled, starts[i].topic, starts, count, ret_error);
        }
    }
    return status;
}
