/* Snapshots to the topic rollcall.snapshots and back: the frames of the file, one a message, one
 * snapshot after the other. */
#include "kafka_snapshots.h"
#include "kafka_wait.h"
#include "rollcall/crash.h"
#include "snapshot_dir.h"
#include "snapshot_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { WAIT_MS = 10000, IN_FLIGHT_MAX = 64, TRY_MAX = 64 };

struct sink_uploader {
    struct sink_uploader_options options;
    struct kafka_ear ear;
    struct kafka_peek peek;
    rd_kafka_t *producer;
    uint64_t failed; /* of the messages that are under way */
};

static bool leaving(const struct sink_uploader *uploader)
{
    return atomic_load_explicit(uploader->options.leave, memory_order_relaxed);
}

static void hear(void *opaque, const char *line)
{
    struct sink_uploader *uploader = opaque;
    uploader->options.say(uploader->options.opaque, line);
}

/* ---- the producer ---- */

static void on_delivered(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    struct kafka_ear *ear = opaque;
    struct sink_uploader *uploader = ear->opaque;
    (void)rk;
    if (kafka_is_kept(message))
        kafka_answered(ear);
    else
        uploader->failed++;
}

static enum rc_error producer_open(struct sink_uploader *uploader, char ret_message[256])
{
    if (uploader->producer)
        return RC_OK;
    const struct kafka_producer_options options = {.config = uploader->options.config,
                                                   .delivered = on_delivered};
    uploader->ear.fatal = false;
    uploader->failed = 0;
    return kafka_producer_open(&options, &uploader->ear, &uploader->producer, ret_message);
}

/* What is under way is let go of. */
static void producer_close(struct sink_uploader *uploader)
{
    if (!uploader->producer)
        return;
    rd_kafka_purge(uploader->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_flush(uploader->producer, KAFKA_POLL_MS);
    rd_kafka_destroy(uploader->producer);
    uploader->producer = NULL;
}

/* Until no more than `left` are not acknowledged. KAFKA: for a while none was. */
static enum rc_error flush(struct sink_uploader *uploader, int left)
{
    int64_t until_ms = kafka_steady_ms() + WAIT_MS;
    int before = rd_kafka_outq_len(uploader->producer), now;
    while ((now = rd_kafka_outq_len(uploader->producer)) > left) {
        if (now < before)
            until_ms = kafka_steady_ms() + WAIT_MS;
        before = now;
        if (uploader->failed || uploader->ear.fatal || kafka_steady_ms() >= until_ms ||
            (leaving(uploader) && uploader->ear.failing))
            return RC_ERR_KAFKA;
        rd_kafka_poll(uploader->producer, KAFKA_POLL_MS);
    }
    return uploader->failed ? RC_ERR_KAFKA : RC_OK;
}

/* ---- uploading ---- */

static enum rc_error send_frame(struct sink_uploader *uploader, const struct snapshot_frame *frame,
                                const char *bytes)
{
    char key[KAFKA_SNAPSHOT_KEY_MAX];
    size_t key_size =
        kafka_snapshot_key(rc_unit(uploader->options.config), frame->epoch, frame->number, key);
    enum rc_error err = flush(uploader, IN_FLIGHT_MAX);
    if (err)
        return err;
    rd_kafka_resp_err_t code = rd_kafka_producev(
        uploader->producer, RD_KAFKA_V_TOPIC(kafka_snapshots_topic),
        RD_KAFKA_V_PARTITION(rc_own_partition(uploader->options.config)),
        RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_KEY(key, key_size),
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
            return got ? RC_ERR_IO : RC_ERR_INPUT;
        to += got;
        size -= (size_t)got;
    }
    return RC_OK;
}

static enum rc_error read_frame(int fd, struct snapshot_frame *ret_frame, char *bytes)
{
    enum rc_error err = read_all(fd, bytes, sizeof *ret_frame);
    if (err)
        return err;
    memcpy(ret_frame, bytes, sizeof *ret_frame);
    err = snapshot_frame_head_check(ret_frame);
    if (!err)
        err = read_all(fd, bytes + sizeof *ret_frame, ret_frame->stored_size);
    return err ? err : snapshot_frame_check(ret_frame, bytes + sizeof *ret_frame);
}

/* The last frame makes it a snapshot: it goes out when all before it are acknowledged. */
static enum rc_error send_file(struct sink_uploader *uploader, int fd, char *bytes)
{
    struct snapshot_frame frame = {.kind = SNAPSHOT_HEAD};
    enum rc_error err = RC_OK;
    while (!err && frame.kind != SNAPSHOT_END) {
        err = read_frame(fd, &frame, bytes);
        if (!err && frame.kind == SNAPSHOT_END) {
            err = flush(uploader, 0);
            rc_crash_at(RC_CRASH_upload_middle);
        }
        if (!err)
            err = send_frame(uploader, &frame, bytes);
    }
    return err ? err : flush(uploader, 0);
}

/* What cannot be deleted stays; nothing else depends on it. */
static void trim(struct sink_uploader *uploader)
{
    char message[256];
    if (kafka_snapshots_trim(&uploader->peek, uploader->producer, message) && !leaving(uploader))
        kafka_note(&uploader->ear, "old snapshots and progress stay in their topics: %s", message);
}

enum rc_error sink_snapshot_upload(struct sink_uploader *uploader, const char *path,
                                   char ret_message[256])
{
    char *bytes = malloc(sizeof(struct snapshot_frame) + SNAPSHOT_STORED_MAX);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ret_message[0] = '\0';
    enum rc_error err = !bytes   ? RC_ERR_MEMORY
                        : fd < 0 ? RC_ERR_IO
                                 : producer_open(uploader, ret_message);
    rc_crash_at(RC_CRASH_upload_before);
    if (!err)
        err = send_file(uploader, fd, bytes);
    rc_crash_at(RC_CRASH_upload_after);
    if (fd >= 0)
        close(fd);
    free(bytes);
    if (!err) {
        trim(uploader);
        return RC_OK;
    }
    producer_close(uploader); /* or the rest would come before the next one */
    if (!ret_message[0])
        snprintf(ret_message, 256, "it cannot be uploaded: %s", rc_error_text(err));
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

/* Its frames are checked afterwards, in the file. */
static enum rc_error copy(struct sink_uploader *uploader, const struct kafka_snapshot *from, int fd,
                          _Atomic uint64_t *bytes_done)
{
    enum rc_error err = kafka_peek_seek(&uploader->peek, kafka_snapshots_topic, from->first);
    for (int64_t offset = from->first; !err && offset <= from->last; offset++) {
        rd_kafka_message_t *message;
        err = kafka_peek_next(&uploader->peek, &message);
        if (err)
            break;
        err =
            message->offset == offset ? put_all(fd, message->payload, message->len) : RC_ERR_INPUT;
        atomic_fetch_add_explicit(bytes_done, message->len, memory_order_relaxed);
        int reason = errno;
        rd_kafka_message_destroy(message);
        errno = reason;
    }
    return err == RC_ERR_END ? RC_ERR_INPUT : err;
}

/* INPUT: damaged, or not what its frames say; said. */
static enum rc_error open_copy(struct sink_uploader *uploader, const struct kafka_snapshot *from,
                               int fd, struct sink_snapshot **ret_snapshot)
{
    char name[64], message[256];
    snprintf(name, sizeof name, "rollcall.snapshots, epoch %" PRIu64, from->epoch);
    int own_fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
    if (own_fd < 0)
        return RC_ERR_MEMORY;
    enum rc_error err = snapshot_open_fd(own_fd, name, ret_snapshot, message);
    if (!err) {
        const struct sink_snapshot_head *head = sink_snapshot_head(*ret_snapshot);
        if (head->epoch == from->epoch && !strcmp(head->group, rc_unit(uploader->options.config)))
            return RC_OK;
        snprintf(message, sizeof message, "%s: not of that epoch and group", name);
        sink_snapshot_close(*ret_snapshot);
        err = RC_ERR_INPUT;
    }
    kafka_note(&uploader->ear, "a snapshot is passed over: %s", message);
    return err;
}

static enum rc_error copy_to_memory(struct sink_uploader *uploader,
                                    const struct kafka_snapshot *from, _Atomic uint64_t *bytes_done,
                                    struct sink_snapshot **ret_snapshot)
{
    int fd = memfd_create("snapshot", MFD_CLOEXEC);
    if (fd < 0)
        return RC_ERR_MEMORY;
    enum rc_error err = copy(uploader, from, fd, bytes_done);
    if (!err)
        err = open_copy(uploader, from, fd, ret_snapshot);
    close(fd);
    return err;
}

/* Checked before it has its name. IO, DENIED: the directory cannot be written. */
static enum rc_error copy_to_dir(struct sink_uploader *uploader, const struct kafka_snapshot *from,
                                 _Atomic uint64_t *bytes_done, struct sink_snapshot **ret_snapshot,
                                 char ret_message[256])
{
    const struct rc_config *config = uploader->options.config;
    struct snapshot_file file;
    enum rc_error err = snapshot_file_create(config->snapshot.dir, rc_unit(config), from->epoch,
                                             &file, ret_message);
    if (err)
        return err;
    err = copy(uploader, from, file.fd, bytes_done);
    if (!err)
        err = open_copy(uploader, from, file.fd, ret_snapshot);
    if (err) {
        snapshot_file_abandon(&file, err, ret_message);
        return err;
    }
    if (snapshot_file_publish(&file, ret_message)) /* it is open, and can be gone on from */
        kafka_note(&uploader->ear, "the snapshot does not stay on this disk: %s", ret_message);
    return RC_OK;
}

static enum rc_error fetch(struct sink_uploader *uploader, const struct kafka_snapshot *from,
                           _Atomic uint64_t *bytes_done, struct sink_snapshot **ret_snapshot,
                           char ret_message[256])
{
    enum rc_error err = copy_to_dir(uploader, from, bytes_done, ret_snapshot, ret_message);
    if (err != RC_ERR_IO && err != RC_ERR_DENIED)
        return err;
    kafka_note(&uploader->ear, "the snapshot goes into memory: %s", ret_message);
    return copy_to_memory(uploader, from, bytes_done, ret_snapshot);
}

enum rc_error sink_snapshot_download(struct sink_uploader *uploader, uint64_t above,
                                     uint64_t last_epoch, _Atomic uint64_t *bytes_done,
                                     struct sink_snapshot **ret_snapshot, char ret_message[256])
{
    struct kafka_snapshot *list;
    uint32_t count;
    ret_message[0] = '\0';
    enum rc_error err = kafka_snapshots_find(&uploader->peek, TRY_MAX, &list, &count);
    if (err)
        return err;
    err = RC_ERR_END;
    for (uint32_t i = 0; i < count && (err == RC_ERR_END || err == RC_ERR_INPUT); i++) {
        if (list[i].epoch <= above || list[i].epoch > last_epoch)
            continue;
        err = fetch(uploader, &list[i], bytes_done, ret_snapshot, ret_message);
    }
    free(list);
    return err == RC_ERR_INPUT ? RC_ERR_END : err;
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
    uploader->peek = (struct kafka_peek){
        .config = options->config, .ear = &uploader->ear, .leave = options->leave};
    *ret_uploader = uploader;
    return RC_OK;
}

void sink_uploader_close(struct sink_uploader *uploader)
{
    if (!uploader)
        return;
    producer_close(uploader);
    kafka_peek_close(&uploader->peek);
    free(uploader);
}
