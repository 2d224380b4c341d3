/* Snapshots in the topic rollcall.snapshots: the frames of the file, one a message, one snapshot
 * after the other. A frame says which number it has in its snapshot, so from any frame the first
 * one is found, and the topic is walked from its end backwards, a message a step. */
#include "kafka_handle.h"
#include "rollcall/crash.h"
#include "rollcall/sink.h"
#include "snapshot_dir.h"
#include "snapshot_frame.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

enum { PARTITION = 0, WAIT_MS = 10000, STEP_MS = 100, IN_FLIGHT_MAX = 64 };
static const char topic_name[] = "rollcall.snapshots", progress_name[] = "rollcall.progress";

struct sink_uploader {
    struct sink_uploader_options options;
    struct kafka_ear ear;
    rd_kafka_t *producer, *reader;
    rd_kafka_topic_t *reading; /* what was sought last */
    uint64_t failed;           /* of the messages that are under way */
};

struct found { /* a snapshot in the topic */
    uint64_t epoch;
    int64_t first, last; /* offsets */
    bool whole;
};

static int64_t steady_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool leaving(const struct sink_uploader *uploader)
{
    return atomic_load_explicit(uploader->options.leave, memory_order_relaxed);
}

static void hear(void *opaque, const char *line)
{
    struct sink_uploader *uploader = opaque;
    uploader->options.say(uploader->options.opaque, line);
}

/* ---- reading ---- */

static enum rc_error reader_open(struct sink_uploader *uploader)
{
    char message[256];
    if (uploader->reader)
        return RC_OK;
    return kafka_reader_open(uploader->options.config, &uploader->ear, &uploader->reader, message);
}

/* Assigning again and again trips librdkafka 2.0.2 over an assertion; its older way does not. */
static void unseek(struct sink_uploader *uploader)
{
    if (!uploader->reading)
        return;
    rd_kafka_consume_stop(uploader->reading, PARTITION);
    rd_kafka_topic_destroy(uploader->reading);
    uploader->reading = NULL;
}

static enum rc_error seek(struct sink_uploader *uploader, const char *topic, int64_t offset)
{
    unseek(uploader);
    uploader->reading = rd_kafka_topic_new(uploader->reader, topic, NULL);
    if (!uploader->reading)
        return RC_ERR_KAFKA;
    if (!rd_kafka_consume_start(uploader->reading, PARTITION, offset))
        return RC_OK;
    rd_kafka_topic_destroy(uploader->reading);
    uploader->reading = NULL;
    return RC_ERR_KAFKA;
}

/* The next message after a seek; its end of the partition counts as none: END. Given to the
 * caller. */
static enum rc_error next_message(struct sink_uploader *uploader, rd_kafka_message_t **ret_message)
{
    int64_t until_ms = steady_ms() + WAIT_MS;
    while (steady_ms() < until_ms && !leaving(uploader)) {
        rd_kafka_poll(uploader->reader, 0);
        rd_kafka_message_t *message = rd_kafka_consume(uploader->reading, PARTITION, STEP_MS);
        if (!message)
            continue;
        if (!message->err) {
            *ret_message = message;
            return RC_OK;
        }
        rd_kafka_resp_err_t code = message->err;
        rd_kafka_message_destroy(message);
        if (code == RD_KAFKA_RESP_ERR__PARTITION_EOF)
            return RC_ERR_END;
    }
    return RC_ERR_KAFKA;
}

static enum rc_error ends(struct sink_uploader *uploader, const char *topic, int64_t *ret_low,
                          int64_t *ret_high)
{
    rd_kafka_resp_err_t code = rd_kafka_query_watermark_offsets(uploader->reader, topic, PARTITION,
                                                                ret_low, ret_high, WAIT_MS);
    return code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ? RC_ERR_END
           : code                                          ? RC_ERR_KAFKA
                                                           : RC_OK;
}

/* The checked frame at that offset. INPUT: there is none, or it is damaged. */
static enum rc_error frame_at(struct sink_uploader *uploader, int64_t offset,
                              struct snapshot_frame *ret_frame)
{
    rd_kafka_message_t *message;
    enum rc_error err = seek(uploader, topic_name, offset);
    if (!err)
        err = next_message(uploader, &message);
    if (err)
        return err == RC_ERR_END ? RC_ERR_INPUT : err;
    err = RC_ERR_INPUT;
    if (message->offset == offset && message->len >= sizeof *ret_frame) {
        memcpy(ret_frame, message->payload, sizeof *ret_frame);
        if (ret_frame->stored_size == message->len - sizeof *ret_frame)
            err =
                snapshot_frame_check(ret_frame, (const char *)message->payload + sizeof *ret_frame);
    }
    rd_kafka_message_destroy(message);
    return err;
}

/* The snapshot that ends before offset `end`, whole or begun. END: there is none further. */
static enum rc_error before(struct sink_uploader *uploader, int64_t low, int64_t end,
                            struct found *ret_found)
{
    struct snapshot_frame last, first;
    if (end <= low)
        return RC_ERR_END;
    enum rc_error err = frame_at(uploader, end - 1, &last);
    if (err)
        return err == RC_ERR_KAFKA ? err : RC_ERR_END;
    int64_t from = end - 1 - last.number;
    if (from < low)
        return RC_ERR_END;
    err = frame_at(uploader, from, &first);
    if (err == RC_ERR_KAFKA)
        return err;
    *ret_found =
        (struct found){.epoch = last.epoch,
                       .first = from,
                       .last = end - 1,
                       .whole = !err && last.kind == SNAPSHOT_END && first.kind == SNAPSHOT_HEAD &&
                                !first.number && first.epoch == last.epoch};
    return RC_OK;
}

/* ---- uploading ---- */

static void on_delivered(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    struct kafka_ear *ear = opaque;
    struct sink_uploader *uploader = ear->opaque;
    (void)rk;
    uploader->failed += message->err != RD_KAFKA_RESP_ERR_NO_ERROR;
}

static enum rc_error producer_open(struct sink_uploader *uploader)
{
    char message[256];
    if (uploader->producer)
        return RC_OK;
    const struct kafka_producer_options options = {.config = uploader->options.config,
                                                   .delivered = on_delivered};
    return kafka_producer_open(&options, &uploader->ear, &uploader->producer, message);
}

static enum rc_error flush(struct sink_uploader *uploader, int left)
{
    int64_t until_ms = steady_ms() + WAIT_MS;
    while (rd_kafka_outq_len(uploader->producer) > left) {
        if (uploader->failed || uploader->ear.fatal || steady_ms() >= until_ms)
            return RC_ERR_KAFKA;
        rd_kafka_poll(uploader->producer, STEP_MS);
    }
    return uploader->failed ? RC_ERR_KAFKA : RC_OK;
}

static enum rc_error send_frame(struct sink_uploader *uploader, const struct snapshot_frame *frame,
                                const char *bytes)
{
    char key[48];
    int key_size =
        snprintf(key, sizeof key, "%020" PRIu64 "/%08" PRIu32, frame->epoch, frame->number);
    enum rc_error err = flush(uploader, IN_FLIGHT_MAX);
    if (err)
        return err;
    rd_kafka_resp_err_t code = rd_kafka_producev(
        uploader->producer, RD_KAFKA_V_TOPIC(topic_name), RD_KAFKA_V_PARTITION(PARTITION),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(key, (size_t)key_size),
        RD_KAFKA_V_VALUE((void *)bytes, sizeof *frame + frame->stored_size), RD_KAFKA_V_END);
    return code ? RC_ERR_KAFKA : RC_OK;
}

static enum rc_error read_all(int fd, char *to, size_t size)
{
    while (size > 0) {
        ssize_t got = read(fd, to, size);
        if (got < 0 && errno == EINTR)
            continue;
        if (got <= 0)
            return got ? RC_ERR_IO : RC_ERR_END;
        to += got;
        size -= (size_t)got;
    }
    return RC_OK;
}

/* The last frame makes it a snapshot: it goes out when all before it are acknowledged. */
static enum rc_error send_file(struct sink_uploader *uploader, int fd, char *bytes)
{
    struct snapshot_frame frame = {.kind = SNAPSHOT_HEAD};
    enum rc_error err = RC_OK;
    while (!err && frame.kind != SNAPSHOT_END) {
        err = read_all(fd, bytes, sizeof frame);
        if (err)
            break;
        memcpy(&frame, bytes, sizeof frame);
        err = snapshot_frame_head_check(&frame);
        if (!err)
            err = read_all(fd, bytes + sizeof frame, frame.stored_size);
        if (!err && frame.kind == SNAPSHOT_END)
            err = flush(uploader, 0);
        if (!err && frame.number == 1)
            rc_crash_at(RC_CRASH_upload_middle);
        if (!err)
            err = send_frame(uploader, &frame, bytes);
        if (!err && leaving(uploader) && uploader->ear.failing)
            err = RC_ERR_KAFKA;
    }
    return err ? err : flush(uploader, 0);
}

/* ---- letting go of what is old ---- */

static enum rc_error delete_before(struct sink_uploader *uploader, const char *topic,
                                   int64_t offset)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, PARTITION)->offset = offset;
    rd_kafka_DeleteRecords_t *request = rd_kafka_DeleteRecords_new(list);
    rd_kafka_queue_t *queue = rd_kafka_queue_new(uploader->producer);
    rd_kafka_DeleteRecords(uploader->producer, &request, 1, NULL, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, WAIT_MS);
    enum rc_error err = event && !rd_kafka_event_error(event) ? RC_OK : RC_ERR_KAFKA;
    if (event)
        rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
    rd_kafka_DeleteRecords_destroy(request);
    rd_kafka_topic_partition_list_destroy(list);
    return err;
}

/* The number behind "epoch": in a progress record; 0: there is none. */
static uint64_t epoch_of(const char *json, size_t size)
{
    static const char name[] = "\"epoch\":";
    const char *at = memmem(json, size, name, strlen(name)), *end = json + size;
    uint64_t epoch = 0;
    for (at = at ? at + strlen(name) : end; at < end && *at >= '0' && *at <= '9'; at++)
        epoch = epoch * 10 + (uint64_t)(*at - '0');
    return epoch;
}

/* The epoch of the first progress record at or after the offset, and its own offset. END: none. */
static enum rc_error progress_at(struct sink_uploader *uploader, int64_t offset,
                                 uint64_t *ret_epoch, int64_t *ret_offset)
{
    rd_kafka_message_t *message;
    enum rc_error err = seek(uploader, progress_name, offset);
    if (!err)
        err = next_message(uploader, &message);
    if (err)
        return err;
    *ret_epoch = message->payload ? epoch_of(message->payload, message->len) : 0;
    *ret_offset = message->offset;
    rd_kafka_message_destroy(message);
    return *ret_epoch ? RC_OK : RC_ERR_INPUT;
}

/* Progress before the oldest snapshot that is kept is of no use to anyone. */
static enum rc_error trim_progress(struct sink_uploader *uploader, uint64_t oldest_epoch)
{
    int64_t low, high, offset = 0;
    uint64_t epoch;
    enum rc_error err = ends(uploader, progress_name, &low, &high);
    while (!err && low < high) { /* the first record whose epoch is not below the oldest's */
        int64_t middle = low + (high - low) / 2;
        err = progress_at(uploader, middle, &epoch, &offset);
        if (err == RC_ERR_END || (!err && epoch >= oldest_epoch)) {
            high = middle;
            err = RC_OK;
        } else if (!err) {
            low = offset + 1;
        }
    }
    return err ? err : delete_before(uploader, progress_name, low);
}

static enum rc_error trim(struct sink_uploader *uploader)
{
    struct found found, oldest = {0};
    uint32_t kept = 0;
    int64_t low, high;
    enum rc_error err = reader_open(uploader);
    if (!err)
        err = ends(uploader, topic_name, &low, &high);
    while (!err && kept < uploader->options.config->snapshot.keep) {
        err = before(uploader, low, high, &found);
        if (err)
            break;
        high = found.first;
        if (found.whole) {
            kept++;
            oldest = found;
        }
    }
    if (err && err != RC_ERR_END)
        return err;
    if (!kept)
        return RC_OK;
    err = delete_before(uploader, topic_name, oldest.first);
    return err ? err : trim_progress(uploader, oldest.epoch);
}

enum rc_error sink_snapshot_upload(struct sink_uploader *uploader, const char *path,
                                   char ret_message[256])
{
    char *bytes = malloc(sizeof(struct snapshot_frame) + SNAPSHOT_STORED_MAX);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    enum rc_error err = !bytes ? RC_ERR_MEMORY : fd < 0 ? RC_ERR_IO : producer_open(uploader);
    rc_crash_at(RC_CRASH_upload_before);
    uploader->failed = 0;
    if (!err)
        err = send_file(uploader, fd, bytes);
    rc_crash_at(RC_CRASH_upload_after);
    if (fd >= 0)
        close(fd);
    free(bytes);
    if (err) {
        snprintf(ret_message, 256, "it cannot be uploaded: %s", rc_error_text(err));
        return err;
    }
    err = trim(uploader);
    if (err)
        snprintf(ret_message, 256, "older ones cannot be let go of: %s", rc_error_text(err));
    return err;
}

/* ---- downloading ---- */

static enum rc_error put_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t put = write(fd, bytes, size);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return RC_ERR_IO;
        bytes += put;
        size -= (size_t)put;
    }
    return RC_OK;
}

/* The frames themselves are checked when the file is opened. */
static enum rc_error copy(struct sink_uploader *uploader, const struct found *found, int fd,
                          _Atomic uint64_t *bytes_done)
{
    enum rc_error err = seek(uploader, topic_name, found->first);
    for (int64_t offset = found->first; !err && offset <= found->last; offset++) {
        rd_kafka_message_t *message;
        err = next_message(uploader, &message);
        if (err)
            break;
        err =
            message->offset == offset ? put_all(fd, message->payload, message->len) : RC_ERR_INPUT;
        atomic_fetch_add_explicit(bytes_done, message->len, memory_order_relaxed);
        rd_kafka_message_destroy(message);
    }
    return err;
}

static enum rc_error copy_to_memory(struct sink_uploader *uploader, const struct found *found,
                                    _Atomic uint64_t *bytes_done,
                                    struct sink_snapshot **ret_snapshot, char ret_message[256])
{
    char path[64];
    int fd = memfd_create("snapshot", MFD_CLOEXEC);
    if (fd < 0)
        return RC_ERR_MEMORY;
    enum rc_error err = copy(uploader, found, fd, bytes_done);
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    if (!err)
        err = sink_snapshot_open(path, ret_snapshot, ret_message);
    close(fd);
    return err;
}

static enum rc_error copy_to_dir(struct sink_uploader *uploader, const struct found *found,
                                 _Atomic uint64_t *bytes_done, struct sink_snapshot **ret_snapshot,
                                 char ret_message[256])
{
    const struct rc_config *config = uploader->options.config;
    struct snapshot_file file;
    char path[SNAPSHOT_PATH_MAX];
    enum rc_error err = snapshot_file_create(config->snapshot.dir, config->kafka.group,
                                             found->epoch, &file, ret_message);
    if (err)
        return err;
    err = copy(uploader, found, file.fd, bytes_done);
    if (err) {
        snapshot_file_abandon(&file, err, ret_message);
        return err;
    }
    err = snapshot_file_publish(&file, ret_message);
    sink_snapshot_path(config->snapshot.dir, config->kafka.group, found->epoch, path, sizeof path);
    return err ? err : sink_snapshot_open(path, ret_snapshot, ret_message);
}

enum rc_error sink_snapshot_download(struct sink_uploader *uploader, uint64_t above,
                                     uint64_t last_epoch, _Atomic uint64_t *bytes_done,
                                     struct sink_snapshot **ret_snapshot, char ret_message[256])
{
    struct found found;
    int64_t low, high;
    ret_message[0] = '\0';
    enum rc_error err = reader_open(uploader);
    if (!err)
        err = ends(uploader, topic_name, &low, &high);
    while (!err && !(err = before(uploader, low, high, &found))) {
        high = found.first;
        if (found.epoch <= above)
            return RC_ERR_END;
        if (!found.whole || found.epoch > last_epoch)
            continue;
        err = copy_to_dir(uploader, &found, bytes_done, ret_snapshot, ret_message);
        if (err == RC_ERR_IO || err == RC_ERR_DENIED) {
            char line[400];
            snprintf(line, sizeof line, "note: a snapshot goes into memory: %s", ret_message);
            hear(uploader, line);
            err = copy_to_memory(uploader, &found, bytes_done, ret_snapshot, ret_message);
        }
        if (err != RC_ERR_INPUT) /* a damaged one is passed over */
            return err;
        err = RC_OK;
    }
    return err;
}

/* ---- life ---- */

enum rc_error sink_uploader_open(const struct sink_uploader_options *options,
                                 struct sink_uploader **ret_uploader, char ret_message[256])
{
    struct sink_uploader *uploader = calloc(1, sizeof *uploader);
    ret_message[0] = '\0';
    if (!uploader)
        return RC_ERR_MEMORY;
    uploader->options = *options;
    uploader->ear = (struct kafka_ear){.say = hear, .opaque = uploader};
    *ret_uploader = uploader;
    return RC_OK;
}

void sink_uploader_close(struct sink_uploader *uploader)
{
    if (!uploader)
        return;
    if (uploader->producer) {
        rd_kafka_purge(uploader->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        rd_kafka_flush(uploader->producer, STEP_MS);
        rd_kafka_destroy(uploader->producer);
    }
    if (uploader->reader) {
        unseek(uploader);
        rd_kafka_destroy_flags(uploader->reader, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    }
    free(uploader);
}
