/* Reading a snapshot: first all checksums, then the streams. Nothing in the file is trusted. */
#include "rollcall/sink.h"
#include "snapshot_dir.h"
#include "snapshot_frame.h"

#define XXH_INLINE_ALL
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>
#include <zstd.h>

enum { HEAD_MAX = 64 << 10, CONFIG_MAX = 64 << 20 };

struct sink_snapshot {
    int fd;
    uint64_t size; /* of the file */
    struct sink_snapshot_head head;
    json_t *json; /* what the head's texts belong to */
    char *config;
    uint64_t parts_at; /* where the first frame of a part stands */
    struct snapshot_end end;
    /* the stream */
    char *stored, *raw;
    ZSTD_DCtx *zstd;
    uint64_t at; /* of the next frame */
    struct snapshot_frame frame;
    uint32_t raw_used;
    XXH3_state_t *hash;
    uint64_t part_bytes;
    _Atomic uint64_t *bytes_done;
};

/* ---- frames ---- */

static enum rc_error get_all(struct sink_snapshot *snapshot, void *ret_bytes, size_t size,
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

/* The frame at snapshot->at, checked, into frame and stored; `at` moves on. END: the file ends. */
static enum rc_error next_frame(struct sink_snapshot *snapshot)
{
    struct snapshot_frame *frame = &snapshot->frame;
    enum rc_error err = get_all(snapshot, frame, sizeof *frame, snapshot->at);
    if (!err)
        err = snapshot_frame_head_check(frame);
    if (!err)
        err = get_all(snapshot, snapshot->stored, frame->stored_size, snapshot->at + sizeof *frame);
    if (!err)
        err = snapshot_frame_check(frame, snapshot->stored);
    if (!err)
        snapshot->at += sizeof *frame + frame->stored_size;
    return err;
}

static enum rc_error unpack(struct sink_snapshot *snapshot)
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

static enum rc_error read_head(struct sink_snapshot *snapshot)
{
    struct sink_snapshot_head *head = &snapshot->head;
    int64_t epoch, config_size, tasks;
    enum rc_error err = unpack(snapshot);
    if (err || snapshot->frame.raw_size > HEAD_MAX)
        return RC_ERR_INPUT;
    snapshot->json =
        json_loadb(snapshot->raw, snapshot->frame.raw_size, JSON_REJECT_DUPLICATES, NULL);
    const json_t *json = snapshot->json;
    const char *secret = get_text(json, "secret", 16);
    head->group = get_text(json, "group", 256);
    head->config_id = get_text(json, "config", 32);
    if (!head->group || !head->config_id || !secret || strlen(secret) != 16 ||
        strspn(secret, "0123456789abcdef") != 16 ||
        !get_number(json, "epoch", 1, INT64_MAX, &epoch) ||
        !get_number(json, "now", INT64_MIN, INT64_MAX, &head->now_ms) ||
        !get_number(json, "wall", INT64_MIN, INT64_MAX, &head->wall_ms) ||
        !get_number(json, "made_at", 0, INT64_MAX, &head->made_at_ms) ||
        !get_number(json, "config_size", 0, CONFIG_MAX, &config_size) ||
        !get_number(json, "tasks", 1, UINT32_MAX - 1, &tasks))
        return RC_ERR_INPUT;
    head->epoch = (uint64_t)epoch;
    head->hash_secret = strtoull(secret, NULL, 16);
    head->task_count = (uint32_t)tasks;
    head->config_size = (uint32_t)config_size;
    snapshot->config = malloc((size_t)config_size + 1);
    if (!snapshot->config)
        return RC_ERR_MEMORY;
    snapshot->config[config_size] = '\0';
    head->config_text = snapshot->config;
    return head->epoch == snapshot->frame.epoch ? RC_OK : RC_ERR_INPUT;
}

/* Its pieces follow the head. */
static enum rc_error read_config(struct sink_snapshot *snapshot)
{
    for (uint64_t got = 0; got < snapshot->head.config_size;) {
        enum rc_error err = next_frame(snapshot);
        if (!err)
            err = unpack(snapshot);
        if (!err && (snapshot->frame.kind != SNAPSHOT_CONFIG || !snapshot->frame.raw_size ||
                     snapshot->frame.raw_size > snapshot->head.config_size - got))
            err = RC_ERR_INPUT;
        if (err)
            return err;
        memcpy(snapshot->config + got, snapshot->raw, snapshot->frame.raw_size);
        got += snapshot->frame.raw_size;
    }
    return RC_OK;
}

/* All frames to the end: numbered, of one epoch, and nothing after the last. */
static enum rc_error verify(struct sink_snapshot *snapshot)
{
    uint64_t number = 0;
    enum rc_error err = next_frame(snapshot);
    if (!err && (snapshot->frame.kind != SNAPSHOT_HEAD || snapshot->frame.number))
        err = RC_ERR_INPUT;
    if (!err)
        err = read_head(snapshot);
    if (!err)
        err = read_config(snapshot);
    number = snapshot->frame.number;
    snapshot->parts_at = snapshot->at;
    while (!err && snapshot->frame.kind != SNAPSHOT_END) {
        err = next_frame(snapshot);
        if (!err &&
            (snapshot->frame.number != ++number || snapshot->frame.epoch != snapshot->head.epoch))
            err = RC_ERR_INPUT;
    }
    if (!err)
        err = unpack(snapshot);
    if (!err &&
        (snapshot->frame.raw_size != sizeof snapshot->end || snapshot->at != snapshot->size))
        err = RC_ERR_INPUT;
    if (!err)
        memcpy(&snapshot->end, snapshot->raw, sizeof snapshot->end);
    return !err && snapshot->end.frames != number ? RC_ERR_INPUT : err;
}

/* ---- opening ---- */

static void say_why(const struct sink_snapshot *snapshot, const char *path, enum rc_error err,
                    char ret_message[256])
{
    unsigned long long at = snapshot->at;
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

enum rc_error sink_snapshot_open(const char *path, struct sink_snapshot **ret_snapshot,
                                 char ret_message[256])
{
    struct sink_snapshot *snapshot = calloc(1, sizeof *snapshot);
    struct stat file;
    ret_message[0] = '\0';
    if (!snapshot)
        return RC_ERR_MEMORY;
    snapshot->fd = open(path, O_RDONLY | O_CLOEXEC);
    enum rc_error err = snapshot->fd < 0 || fstat(snapshot->fd, &file) ? RC_ERR_IO : RC_OK;
    if (!err) {
        snapshot->size = (uint64_t)file.st_size;
        snapshot->stored = malloc(SNAPSHOT_STORED_MAX);
        snapshot->raw = malloc(SNAPSHOT_RAW_MAX);
        snapshot->zstd = ZSTD_createDCtx();
        snapshot->hash = XXH3_createState();
        if (!snapshot->stored || !snapshot->raw || !snapshot->zstd || !snapshot->hash)
            err = RC_ERR_MEMORY;
    }
    if (!err)
        err = verify(snapshot);
    if (err) {
        say_why(snapshot, path, err, ret_message);
        sink_snapshot_close(snapshot);
        return err == RC_ERR_END || err == RC_ERR_LIMIT ? RC_ERR_INPUT : err;
    }
    *ret_snapshot = snapshot;
    return RC_OK;
}

void sink_snapshot_close(struct sink_snapshot *snapshot)
{
    if (!snapshot)
        return;
    if (snapshot->fd >= 0)
        close(snapshot->fd);
    json_decref(snapshot->json);
    ZSTD_freeDCtx(snapshot->zstd);
    XXH3_freeState(snapshot->hash);
    free(snapshot->config);
    free(snapshot->stored);
    free(snapshot->raw);
    free(snapshot);
}

const struct sink_snapshot_head *sink_snapshot_head(const struct sink_snapshot *snapshot)
{
    return &snapshot->head;
}

uint64_t sink_snapshot_bytes(const struct sink_snapshot *snapshot)
{
    return snapshot->end.bytes;
}

enum rc_error sink_snapshot_find(const char *dir, const char *group, uint64_t last_epoch,
                                 void (*say)(void *opaque, const char *line), void *opaque,
                                 struct sink_snapshot **ret_snapshot)
{
    uint64_t *epoch;
    uint32_t count;
    char path[SNAPSHOT_PATH_MAX], message[256], line[400];
    struct sink_snapshot *found = NULL;
    enum rc_error err = snapshot_dir_list(dir, group, &epoch, &count);
    for (uint32_t i = 0; !err && i < count && !found; i++) {
        sink_snapshot_path(dir, group, epoch[i], path, sizeof path);
        if (epoch[i] > last_epoch) {
            snprintf(message, sizeof message,
                     "%.150s: of an epoch after the last one that was committed, %" PRIu64, path,
                     last_epoch);
        } else if (!sink_snapshot_open(path, &found, message)) {
            if (!strcmp(found->head.group, group) && found->head.epoch == epoch[i])
                break;
            snprintf(message, sizeof message, "%.150s: not of the group and epoch of its name",
                     path);
            sink_snapshot_close(found);
            found = NULL;
        }
        snprintf(line, sizeof line, "warning: a snapshot is passed over: %s", message);
        say(opaque, line);
    }
    if (!err)
        free(epoch);
    *ret_snapshot = found;
    return err ? err : found ? RC_OK : RC_ERR_END;
}

/* ---- restoring ---- */

static enum rc_error stream_get(void *self, void *ret_bytes, size_t size)
{
    struct sink_snapshot *snapshot = self;
    char *to = ret_bytes;
    while (size > 0) {
        if (snapshot->raw_used == snapshot->frame.raw_size) {
            enum rc_error err = next_frame(snapshot);
            if (!err && snapshot->frame.kind == SNAPSHOT_PART)
                err = unpack(snapshot);
            if (err || snapshot->frame.kind != SNAPSHOT_PART)
                return RC_ERR_INPUT;
            snapshot->raw_used = 0;
            XXH3_64bits_update(snapshot->hash, snapshot->raw, snapshot->frame.raw_size);
            snapshot->part_bytes += snapshot->frame.raw_size;
            atomic_fetch_add_explicit(snapshot->bytes_done, snapshot->frame.raw_size,
                                      memory_order_relaxed);
        }
        size_t piece = snapshot->frame.raw_size - snapshot->raw_used;
        piece = piece < size ? piece : size;
        memcpy(to, snapshot->raw + snapshot->raw_used, piece);
        snapshot->raw_used += (uint32_t)piece;
        to += piece;
        size -= piece;
    }
    return RC_OK;
}

/* All of the stream was taken, and it was whole. */
static enum rc_error part_end(struct sink_snapshot *snapshot)
{
    struct snapshot_part_end end;
    if (snapshot->raw_used != snapshot->frame.raw_size || next_frame(snapshot) ||
        snapshot->frame.kind != SNAPSHOT_PART_END || unpack(snapshot) ||
        snapshot->frame.raw_size != sizeof end)
        return RC_ERR_INPUT;
    memcpy(&end, snapshot->raw, sizeof end);
    return end.size == snapshot->part_bytes && end.hash == XXH3_64bits_digest(snapshot->hash)
               ? RC_OK
               : RC_ERR_INPUT;
}

static enum rc_error restore_part(struct sink_snapshot *snapshot, uint32_t part,
                                  const struct sink_snapshot_parts *parts, char ret_message[256])
{
    const struct rc_snapshot_reader in = {snapshot, stream_get};
    snapshot->frame.raw_size = snapshot->raw_used = 0;
    snapshot->part_bytes = 0;
    XXH3_64bits_reset(snapshot->hash);
    enum rc_error err = parts->restore(parts->self, part, &in, ret_message);
    if (!err)
        err = part_end(snapshot);
    if (err && !ret_message[0])
        snprintf(ret_message, 256, "part %" PRIu32 " of the snapshot: %s", part,
                 rc_error_text(err));
    return err;
}

enum rc_error sink_snapshot_restore(struct sink_snapshot *snapshot,
                                    const struct sink_snapshot_parts *parts,
                                    _Atomic uint64_t *bytes_done, char ret_message[256])
{
    struct snapshot_frame next;
    ret_message[0] = '\0';
    snapshot->bytes_done = bytes_done;
    snapshot->at = snapshot->parts_at;
    for (;;) {
        enum rc_error err = get_all(snapshot, &next, sizeof next, snapshot->at);
        if (!err && next.kind == SNAPSHOT_END)
            return RC_OK;
        if (!err && next.part >= snapshot->head.task_count && next.part != SINK_SNAPSHOT_TABLE)
            err = RC_ERR_INPUT;
        if (!err)
            err = restore_part(snapshot, next.part, parts, ret_message);
        if (err) {
            if (!ret_message[0])
                snprintf(ret_message, 256, "the snapshot cannot be read: %s", rc_error_text(err));
            return err;
        }
    }
}
