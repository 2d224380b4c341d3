#include "kafka_snapshots.h"

#include "kafka_topics.h"
#include "progress_record.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WAIT_MS = 10000, ODD_MAX = 1000 };
const char kafka_snapshots_topic[] = "rollcall.snapshots";

size_t kafka_snapshot_key(const char *group, uint64_t epoch, uint32_t number,
                          char ret_key[KAFKA_SNAPSHOT_KEY_MAX])
{
    int size = snprintf(ret_key, KAFKA_SNAPSHOT_KEY_MAX, "%.200s/%020" PRIu64 "/%08" PRIu32, group,
                        epoch, number);
    return (size_t)size;
}

/* ---- going through it ---- */

/* A message as a frame. what: INPUT: it is none, or damaged; LIMIT: of a later version. */
struct seen {
    struct snapshot_frame frame;
    enum rc_error what;
    bool ours; /* the group's */
};

static bool is_ours(const struct kafka_peek *peek, const rd_kafka_message_t *message,
                    const struct snapshot_frame *frame)
{
    char key[KAFKA_SNAPSHOT_KEY_MAX];
    size_t size = kafka_snapshot_key(rc_unit(peek->config), frame->epoch, frame->number, key);
    return message->key && message->key_len == size && !memcmp(message->key, key, size);
}

static enum rc_error see(struct kafka_peek *peek, int64_t offset, struct seen *ret_seen)
{
    rd_kafka_message_t *message;
    struct snapshot_frame *frame = &ret_seen->frame;
    enum rc_error err = kafka_peek_seek(peek, kafka_snapshots_topic, offset);
    if (!err)
        err = kafka_peek_next(peek, &message);
    *ret_seen = (struct seen){.what = RC_ERR_INPUT};
    if (err)
        return err == RC_ERR_END ? RC_OK : err;
    if (message->offset == offset && message->len >= sizeof *frame) {
        memcpy(frame, message->payload, sizeof *frame);
        if (frame->stored_size == message->len - sizeof *frame)
            ret_seen->what =
                snapshot_frame_check(frame, (const char *)message->payload + sizeof *frame);
        ret_seen->ours = is_ours(peek, message, frame);
    }
    rd_kafka_message_destroy(message);
    return RC_OK;
}

struct walk {
    struct kafka_peek *peek;
    int64_t low, end; /* what is before `end` has not been looked at */
    uint32_t odd;     /* messages so far that belong to no snapshot */
};

/* The snapshot whose last frame stands before walk->end; `end` moves to its first, or, where that
 * is none, by one. AGAIN: none that is whole. END: nothing is left. */
static enum rc_error step_back(struct walk *walk, struct kafka_snapshot *ret_snapshot)
{
    struct seen last, first;
    if (walk->end <= walk->low || walk->odd > ODD_MAX)
        return RC_ERR_END;
    enum rc_error err = see(walk->peek, walk->end - 1, &last);
    if (err)
        return err;
    int64_t from = walk->end - 1 - last.frame.number;
    if (last.what == RC_ERR_INPUT || from < walk->low) {
        walk->odd++;
        walk->end--;
        return RC_ERR_AGAIN;
    }
    *ret_snapshot = (struct kafka_snapshot){last.frame.epoch, from, walk->end - 1};
    err = see(walk->peek, from, &first);
    if (err)
        return err;
    bool begins = first.what != RC_ERR_INPUT && !first.frame.number &&
                  first.frame.kind == SNAPSHOT_HEAD && first.frame.epoch == last.frame.epoch;
    walk->odd += !begins;
    walk->end = begins ? from : walk->end - 1; /* two may have been written at once */
    if (!begins || !last.ours)
        return RC_ERR_AGAIN;
    if (last.what || first.what)
        kafka_note(walk->peek->ear,
                   "rollcall.snapshots: that of epoch %" PRIu64
                   " is passed over: written by a later version of Rollcall (format %" PRIu32 ")",
                   first.frame.epoch, first.frame.version);
    return !last.what && !first.what && last.frame.kind == SNAPSHOT_END ? RC_OK : RC_ERR_AGAIN;
}

static int larger_first(const void *left, const void *right)
{
    const struct kafka_snapshot *a = left, *b = right;
    return a->epoch < b->epoch ? 1 : a->epoch > b->epoch ? -1 : a->first < b->first ? 1 : -1;
}

enum rc_error kafka_snapshots_find(struct kafka_peek *peek, uint32_t most,
                                   struct kafka_snapshot **ret_list, uint32_t *ret_count)
{
    struct walk walk = {.peek = peek};
    struct kafka_snapshot *list = calloc(most, sizeof *list);
    uint32_t count = 0;
    if (!list)
        return RC_ERR_MEMORY;
    enum rc_error err = kafka_peek_ends(peek, kafka_snapshots_topic, &walk.low, &walk.end);
    bool more = !err;
    while (more && count < most) {
        err = step_back(&walk, &list[count]);
        count += !err;
        more = !err || err == RC_ERR_AGAIN;
        if (more || err == RC_ERR_END)
            err = RC_OK;
    }
    if (err) {
        free(list);
        return err;
    }
    qsort(list, count, sizeof *list, larger_first);
    *ret_list = list;
    *ret_count = count;
    return RC_OK;
}

/* ---- letting go of what is old ---- */

static rd_kafka_resp_err_t result_of(rd_kafka_event_t *event)
{
    if (!event)
        return RD_KAFKA_RESP_ERR__TIMED_OUT;
    rd_kafka_resp_err_t code = rd_kafka_event_error(event);
    const rd_kafka_DeleteRecords_result_t *result = rd_kafka_event_DeleteRecords_result(event);
    const rd_kafka_topic_partition_list_t *list =
        code || !result ? NULL : rd_kafka_DeleteRecords_result_offsets(result);
    for (int i = 0; list && i < list->cnt && !code; i++)
        code = list->elems[i].err;
    rd_kafka_event_destroy(event);
    return code;
}

static enum rc_error delete_before(const struct kafka_peek *peek, rd_kafka_t *rk, const char *topic,
                                   int64_t offset, char ret_message[256])
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, rc_own_partition(peek->config))->offset = offset;
    rd_kafka_DeleteRecords_t *request = rd_kafka_DeleteRecords_new(list);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_DeleteRecords(rk, &request, 1, NULL, queue);
    rd_kafka_resp_err_t code = result_of(rd_kafka_queue_poll(queue, WAIT_MS));
    rd_kafka_queue_destroy(queue);
    rd_kafka_DeleteRecords_destroy(request);
    rd_kafka_topic_partition_list_destroy(list);
    if (code)
        snprintf(ret_message, 256, "DeleteRecords of %s: %s", topic, rd_kafka_err2str(code));
    return code ? RC_ERR_KAFKA : RC_OK;
}

static bool no_source(const void *opaque, const char *topic, int32_t partition,
                      uint32_t *ret_source)
{
    (void)opaque, (void)topic, (void)partition, (void)ret_source;
    return false;
}

/* false: it is of another group, cannot be read, or tells of an epoch of before. */
static bool epoch_of(const struct kafka_peek *peek, const rd_kafka_message_t *message,
                     uint64_t *ret_epoch)
{
    struct progress_record record;
    char why[PROGRESS_WHY_MAX];
    if (progress_decode(message->payload, message->len, no_source, NULL, &record, why))
        return false;
    bool ours = !strcmp(record.group, rc_unit(peek->config)) && !record.restated;
    *ret_epoch = record.cut->epoch;
    progress_done(&record);
    return ours;
}

/* The epoch of the group's first record at or after the offset, and where that stands. END: there
 * is none before `end`. */
static enum rc_error progress_at(struct kafka_peek *peek, int64_t offset, int64_t end,
                                 uint64_t *ret_epoch, int64_t *ret_offset)
{
    rd_kafka_message_t *message;
    enum rc_error err = kafka_peek_seek(peek, kafka_progress_topic, offset);
    bool found = false;
    while (!err && !found) {
        err = kafka_peek_next(peek, &message);
        if (err)
            break;
        *ret_offset = message->offset;
        found = message->offset < end && epoch_of(peek, message, ret_epoch);
        if (!found && message->offset + 1 >= end)
            err = RC_ERR_END;
        rd_kafka_message_destroy(message);
    }
    return err;
}

/* Epochs only rise: the first record that is not below the oldest one's is searched by halves. */
static enum rc_error trim_progress(struct kafka_peek *peek, rd_kafka_t *rk, uint64_t oldest_epoch,
                                   char ret_message[256])
{
    int64_t low, high, offset = 0;
    uint64_t epoch = 0;
    enum rc_error err = kafka_peek_ends(peek, kafka_progress_topic, &low, &high);
    while (!err && low < high) {
        int64_t middle = low + (high - low) / 2;
        err = progress_at(peek, middle, high, &epoch, &offset);
        if (err == RC_ERR_END || (!err && epoch >= oldest_epoch)) {
            high = middle;
            err = RC_OK;
        } else if (!err) {
            low = offset + 1;
        }
    }
    return err ? err : delete_before(peek, rk, kafka_progress_topic, low, ret_message);
}

enum rc_error kafka_snapshots_trim(struct kafka_peek *peek, rd_kafka_t *rk, char ret_message[256])
{
    struct kafka_snapshot *list;
    uint32_t count, keep = peek->config->snapshot.keep;
    snprintf(ret_message, 256, "%s", rc_error_text(RC_ERR_KAFKA));
    enum rc_error err = kafka_snapshots_find(peek, keep, &list, &count);
    if (err)
        return err;
    struct kafka_snapshot oldest = {0};
    for (uint32_t i = 0; i < count; i++) /* epochs do not rise where a frozen process came back */
        if (!i || list[i].first < oldest.first)
            oldest.first = list[i].first;
    oldest.epoch = count ? list[count - 1].epoch : 0;
    free(list);
    if (count < keep)
        return RC_OK;
    err = delete_before(peek, rk, kafka_snapshots_topic, oldest.first, ret_message);
    return err ? err : trim_progress(peek, rk, oldest.epoch, ret_message);
}
