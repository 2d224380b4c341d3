/* Opening a snapshot: all frames are gone through, their checksums and their order. Nothing in the
 * file is trusted. */
#include "snapshot_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { HEAD_MAX = 64 << 10, CONFIG_MAX = 64 << 20 };

/* ---- frames ---- */

enum rc_error snapshot_get(const struct sink_snapshot *snapshot, void *ret_bytes, size_t size,
                           uint64_t at)
{
    char *to = ret_bytes;
    while (size > 0) {
        ssize_t got = pread(snapshot->fd, to, size, (off_t)at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return RC_ERR_IO;
        if (got == 0)
            return RC_ERR_END;
        to += got;
        at += (uint64_t)got;
        size -= (size_t)got;
    }
    return RC_OK;
}

enum rc_error snapshot_next(struct sink_snapshot *snapshot)
{
    struct snapshot_frame *frame = &snapshot->frame;
    snapshot->frame_at = snapshot->at;
    enum rc_error err = snapshot_get(snapshot, frame, sizeof *frame, snapshot->at);
    if (!err)
        err = snapshot_frame_head_check(frame);
    if (!err)
        err = snapshot_get(snapshot, snapshot->stored, frame->stored_size,
                           snapshot->at + sizeof *frame);
    if (!err)
        err = snapshot_frame_check(frame, snapshot->stored);
    if (!err)
        snapshot->at += sizeof *frame + frame->stored_size;
    return err;
}

enum rc_error snapshot_unpack(struct sink_snapshot *snapshot)
{
    size_t size = ZSTD_decompressDCtx(snapshot->zstd, snapshot->raw, SNAPSHOT_RAW_MAX,
                                      snapshot->stored, snapshot->frame.stored_size);
    return ZSTD_isError(size) || size != snapshot->frame.raw_size ? RC_ERR_INPUT : RC_OK;
}

/* ---- what it says of itself ---- */

static bool get_number(const json_t *json, const char *key, int64_t low, int64_t high,
                       int64_t *ret_value)
{
    const json_t *value = json_object_get(json, key);
    *ret_value = json_is_integer(value) ? json_integer_value(value) : INT64_MIN;
    return json_is_integer(value) && *ret_value >= low && *ret_value <= high;
}

static const char *get_text(const json_t *json, const char *key, size_t max)
{
    const json_t *value = json_object_get(json, key);
    return json_is_string(value) && json_string_length(value) <= max ? json_string_value(value)
                                                                     : NULL;
}

static enum rc_error read_texts(struct sink_snapshot *snapshot)
{
    struct sink_snapshot_head *head = &snapshot->head;
    const char *secret = get_text(snapshot->json, "secret", 16);
    head->program = get_text(snapshot->json, "program", 64);
    head->group = get_text(snapshot->json, "group", 256);
    head->config_id = get_text(snapshot->json, "config", 32);
    if (!head->program || !head->group || !head->config_id || !secret || strlen(secret) != 16 ||
        strspn(secret, "0123456789abcdef") != 16)
        return RC_ERR_INPUT;
    head->hash_secret = strtoull(secret, NULL, 16);
    return RC_OK;
}

static enum rc_error read_numbers(struct sink_snapshot *snapshot)
{
    struct sink_snapshot_head *head = &snapshot->head;
    const json_t *json = snapshot->json;
    int64_t epoch, config_size, tasks;
    if (!get_number(json, "epoch", 1, INT64_MAX, &epoch) ||
        !get_number(json, "now", INT64_MIN, INT64_MAX, &head->now_ms) ||
        !get_number(json, "wall", INT64_MIN, INT64_MAX, &head->wall_ms) ||
        !get_number(json, "made_at", 0, INT64_MAX, &head->made_at_ms) ||
        !get_number(json, "config_size", 0, CONFIG_MAX, &config_size) ||
        !get_number(json, "tasks", 1, UINT32_MAX - 1, &tasks))
        return RC_ERR_INPUT;
    head->epoch = (uint64_t)epoch;
    head->task_count = (uint32_t)tasks;
    head->config_size = (uint32_t)config_size;
    return RC_OK;
}

/* Whether the frame stands where it belongs. */
static bool fits(const struct sink_snapshot *snapshot, uint32_t number)
{
    const struct snapshot_frame *frame = &snapshot->frame;
    bool of_part = frame->kind == SNAPSHOT_PART || frame->kind == SNAPSHOT_PART_END;
    return frame->number == number && frame->epoch == snapshot->head.epoch &&
           (of_part || !frame->part);
}

static enum rc_error read_head(struct sink_snapshot *snapshot)
{
    enum rc_error err = snapshot_next(snapshot);
    if (!err && (snapshot->frame.kind != SNAPSHOT_HEAD || snapshot->frame.raw_size > HEAD_MAX))
        err = RC_ERR_INPUT;
    if (!err)
        err = snapshot_unpack(snapshot);
    if (err)
        return err;
    snapshot->json =
        json_loadb(snapshot->raw, snapshot->frame.raw_size, JSON_REJECT_DUPLICATES, NULL);
    err = read_texts(snapshot);
    if (!err)
        err = read_numbers(snapshot);
    return !err && !fits(snapshot, 0) ? RC_ERR_INPUT : err;
}

/* The next frame of those after the head. */
static enum rc_error next_of_all(struct sink_snapshot *snapshot)
{
    uint32_t number = snapshot->frame.number + 1;
    enum rc_error err = snapshot_next(snapshot);
    return !err && !fits(snapshot, number) ? RC_ERR_INPUT : err;
}

static enum rc_error read_config(struct sink_snapshot *snapshot)
{
    struct sink_snapshot_head *head = &snapshot->head;
    snapshot->config = malloc((size_t)head->config_size + 1);
    if (!snapshot->config)
        return RC_ERR_MEMORY;
    snapshot->config[head->config_size] = '\0';
    head->config_text = snapshot->config;
    for (uint64_t got = 0; got < head->config_size;) {
        enum rc_error err = next_of_all(snapshot);
        if (!err && (snapshot->frame.kind != SNAPSHOT_CONFIG || !snapshot->frame.raw_size ||
                     snapshot->frame.raw_size > head->config_size - got))
            err = RC_ERR_INPUT;
        if (!err)
            err = snapshot_unpack(snapshot);
        if (err)
            return err;
        memcpy(snapshot->config + got, snapshot->raw, snapshot->frame.raw_size);
        got += snapshot->frame.raw_size;
    }
    return RC_OK;
}

/* ---- the parts ---- */

/* Parts come in ascending order, each once. */
static enum rc_error begin_part(struct sink_snapshot *snapshot)
{
    uint32_t part = snapshot->frame.part, count = snapshot->part_count;
    if ((part >= snapshot->head.task_count && part < SINK_SNAPSHOT_REVISIONS) ||
        (count && part <= snapshot->part[count - 1].part))
        return RC_ERR_INPUT;
    if (count == snapshot->part_room) {
        uint32_t room = count ? 2 * count : 64;
        struct sink_snapshot_part *bigger = realloc(snapshot->part, room * sizeof *bigger);
        if (!bigger)
            return RC_ERR_MEMORY;
        snapshot->part = bigger;
        snapshot->part_room = room;
    }
    snapshot->part[snapshot->part_count++] = (struct sink_snapshot_part){.part = part};
    return RC_OK;
}

static enum rc_error read_part(struct sink_snapshot *snapshot)
{
    enum rc_error err = begin_part(snapshot);
    while (!err) {
        struct sink_snapshot_part *part = &snapshot->part[snapshot->part_count - 1];
        const struct snapshot_frame *frame = &snapshot->frame;
        if (frame->part != part->part)
            return RC_ERR_INPUT;
        part->stored_bytes += sizeof *frame + frame->stored_size;
        if (frame->kind == SNAPSHOT_PART_END)
            return RC_OK;
        if (frame->kind != SNAPSHOT_PART || !frame->raw_size)
            return RC_ERR_INPUT;
        part->bytes += frame->raw_size;
        snapshot->end.bytes += frame->raw_size;
        err = next_of_all(snapshot);
    }
    return err;
}

static enum rc_error read_end(struct sink_snapshot *snapshot)
{
    struct snapshot_end end;
    enum rc_error err = snapshot_unpack(snapshot);
    if (!err && (snapshot->frame.raw_size != sizeof end || snapshot->at != snapshot->size))
        err = RC_ERR_INPUT;
    if (err)
        return err;
    memcpy(&end, snapshot->raw, sizeof end);
    snapshot->end.frames = snapshot->frame.number;
    return end.frames != snapshot->end.frames || end.bytes != snapshot->end.bytes ? RC_ERR_INPUT
                                                                                  : RC_OK;
}

static enum rc_error read_all(struct sink_snapshot *snapshot)
{
    enum rc_error err = read_head(snapshot);
    if (!err)
        err = read_config(snapshot);
    snapshot->parts_at = snapshot->at;
    while (!err) {
        err = next_of_all(snapshot);
        if (!err && snapshot->frame.kind == SNAPSHOT_END)
            return read_end(snapshot);
        if (!err)
            err = read_part(snapshot);
    }
    return err;
}

/* ---- opening ---- */

static void say_why(const struct sink_snapshot *snapshot, const char *path, enum rc_error err,
                    char ret_message[256])
{
    unsigned long long at = snapshot->frame_at;
    switch (err) {
    case RC_ERR_END:
        snprintf(ret_message, 256, "%.150s: torn: it ends within the frame at byte %llu", path, at);
        break;
    case RC_ERR_LIMIT:
        snprintf(ret_message, 256, "%.150s: written by a later version of Rollcall (format %u)",
                 path, (unsigned)snapshot->frame.version);
        break;
    case RC_ERR_INPUT:
        snprintf(ret_message, 256, "%.150s: damaged: the frame at byte %llu is not right", path,
                 at);
        break;
    case RC_ERR_IO:
        snprintf(ret_message, 256, "%.150s: %s", path, strerror(errno));
        break;
    default:
        snprintf(ret_message, 256, "%.150s: %s", path, rc_error_text(err));
    }
}

static enum rc_error begin(struct sink_snapshot *snapshot, const char *path, char ret_message[256])
{
    struct stat file;
    int reason = fstat(snapshot->fd, &file) ? errno : 0;
    if (!reason && !S_ISREG(file.st_mode))
        reason = S_ISDIR(file.st_mode) ? EISDIR : EINVAL;
    if (reason) {
        snprintf(ret_message, 256, "%.150s: %s", path, strerror(reason));
        return RC_ERR_IO;
    }
    snapshot->size = (uint64_t)file.st_size;
    snapshot->stored = malloc(SNAPSHOT_STORED_MAX);
    snapshot->raw = malloc(SNAPSHOT_RAW_MAX);
    snapshot->zstd = ZSTD_createDCtx();
    return snapshot->stored && snapshot->raw && snapshot->zstd ? RC_OK : RC_ERR_MEMORY;
}

enum rc_error snapshot_open_fd(int fd, const char *path, struct sink_snapshot **ret_snapshot,
                               char ret_message[256])
{
    struct sink_snapshot *snapshot = calloc(1, sizeof *snapshot);
    ret_message[0] = '\0';
    if (!snapshot) {
        close(fd);
        return RC_ERR_MEMORY;
    }
    snapshot->fd = fd;
    enum rc_error err = begin(snapshot, path, ret_message);
    if (!err)
        err = read_all(snapshot);
    if (err) {
        if (!ret_message[0])
            say_why(snapshot, path, err, ret_message);
        sink_snapshot_close(snapshot);
        return err == RC_ERR_END || err == RC_ERR_LIMIT ? RC_ERR_INPUT : err;
    }
    *ret_snapshot = snapshot;
    return RC_OK;
}

enum rc_error sink_snapshot_open(const char *path, struct sink_snapshot **ret_snapshot,
                                 char ret_message[256])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not hold us up */
    if (fd >= 0)
        return snapshot_open_fd(fd, path, ret_snapshot, ret_message);
    int reason = errno;
    snprintf(ret_message, 256, "%.150s: %s", path, strerror(reason));
    return reason == EACCES || reason == EPERM ? RC_ERR_DENIED : RC_ERR_IO;
}

void sink_snapshot_close(struct sink_snapshot *snapshot)
{
    if (!snapshot)
        return;
    close(snapshot->fd);
    json_decref(snapshot->json);
    ZSTD_freeDCtx(snapshot->zstd);
    free(snapshot->config);
    free(snapshot->part);
    free(snapshot->stored);
    free(snapshot->raw);
    free(snapshot);
}

const struct sink_snapshot_head *sink_snapshot_head(const struct sink_snapshot *snapshot)
{
    return &snapshot->head;
}

const struct sink_snapshot_part *sink_snapshot_part_list(const struct sink_snapshot *snapshot,
                                                         uint32_t *ret_count)
{
    *ret_count = snapshot->part_count;
    return snapshot->part;
}

uint64_t sink_snapshot_bytes(const struct sink_snapshot *snapshot)
{
    return snapshot->end.bytes;
}
