/* Writing a snapshot's file, in a forked child: pieces of the streams, compressed, framed. It is
 * there whole or not at all: temporary name, fdatasync, rename, fsync of the directory. */
#include "rollcall/crash.h"
#include "rollcall/sink.h"
#include "snapshot_dir.h"
#include "snapshot_frame.h"

#define XXH_INLINE_ALL
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>
#include <zstd.h>

enum { LEVEL = 1 };

struct writer {
    int fd;
    uint64_t epoch, frames, bytes;
    uint32_t part, used;
    uint64_t part_bytes;
    XXH3_state_t *part_hash;
    ZSTD_CCtx *zstd;
    char *raw, *stored;
};

static enum rc_error put_all(int fd, const void *bytes, size_t size)
{
    const char *at = bytes;
    while (size > 0) {
        ssize_t put = write(fd, at, size);
        if (put < 0 && errno == EINTR)
            continue;
        if (put <= 0)
            return RC_ERR_IO;
        at += put;
        size -= (size_t)put;
    }
    return RC_OK;
}

static enum rc_error put_frame(struct writer *writer, enum snapshot_kind kind, const void *raw,
                               uint32_t size)
{
    size_t stored =
        ZSTD_compressCCtx(writer->zstd, writer->stored, SNAPSHOT_STORED_MAX, raw, size, LEVEL);
    if (ZSTD_isError(stored))
        return RC_ERR_INTERNAL;
    struct snapshot_frame frame = {.magic = SNAPSHOT_MAGIC_BYTES,
                                   .version = SNAPSHOT_VERSION,
                                   .kind = kind,
                                   .part = writer->part,
                                   .raw_size = size,
                                   .stored_size = (uint32_t)stored,
                                   .number = (uint32_t)writer->frames,
                                   .epoch = writer->epoch};
    frame.hash = snapshot_frame_hash(&frame, writer->stored);
    writer->frames++;
    enum rc_error err = put_all(writer->fd, &frame, sizeof frame);
    return err ? err : put_all(writer->fd, writer->stored, stored);
}

static enum rc_error put_text(struct writer *writer, enum snapshot_kind kind, const char *text,
                              size_t size)
{
    enum rc_error err = RC_OK;
    for (size_t at = 0; at < size && !err; at += SNAPSHOT_RAW_MAX) {
        size_t piece = size - at < SNAPSHOT_RAW_MAX ? size - at : SNAPSHOT_RAW_MAX;
        err = put_frame(writer, kind, text + at, (uint32_t)piece);
    }
    return err;
}

/* ---- a part's stream ---- */

static enum rc_error part_flush(struct writer *writer)
{
    enum rc_error err =
        writer->used ? put_frame(writer, SNAPSHOT_PART, writer->raw, writer->used) : RC_OK;
    writer->used = 0;
    return err;
}

static enum rc_error part_put(void *self, const void *bytes, size_t size)
{
    struct writer *writer = self;
    const char *at = bytes;
    XXH3_64bits_update(writer->part_hash, bytes, size);
    writer->part_bytes += size;
    while (size > 0) {
        size_t room = SNAPSHOT_RAW_MAX - writer->used;
        size_t piece = size < room ? size : room;
        memcpy(writer->raw + writer->used, at, piece);
        writer->used += (uint32_t)piece;
        at += piece;
        size -= piece;
        if (writer->used == SNAPSHOT_RAW_MAX) {
            enum rc_error err = part_flush(writer);
            if (err)
                return err;
        }
    }
    return RC_OK;
}

static enum rc_error put_part(struct writer *writer, uint32_t part,
                              const struct sink_snapshot_parts *parts)
{
    const struct rc_snapshot_writer out = {writer, part_put};
    writer->part = part;
    writer->part_bytes = 0;
    XXH3_64bits_reset_withSeed(writer->part_hash, part);
    enum rc_error err = parts->save(parts->self, part, &out);
    if (!err)
        err = part_flush(writer);
    struct snapshot_part_end end = {writer->part_bytes, XXH3_64bits_digest(writer->part_hash)};
    writer->bytes += writer->part_bytes;
    rc_crash_at(RC_CRASH_snapshot_write);
    return err ? err : put_frame(writer, SNAPSHOT_PART_END, &end, sizeof end);
}

/* ---- the whole ---- */

static enum rc_error put_head(struct writer *writer, const struct sink_snapshot_head *head)
{
    char secret[17];
    snprintf(secret, sizeof secret, "%016" PRIx64, head->hash_secret);
    json_t *json =
        json_pack("{s:s s:s s:I s:I s:I s:I s:s s:s s:I s:I}", "program", ROLLCALL_VERSION, "group",
                  head->group, "epoch", (json_int_t)head->epoch, "now", (json_int_t)head->now_ms,
                  "wall", (json_int_t)head->wall_ms, "made_at", (json_int_t)head->made_at_ms,
                  "secret", secret, "config", head->config_id, "config_size",
                  (json_int_t)head->config_size, "tasks", (json_int_t)head->task_count);
    char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
    enum rc_error err = text ? put_text(writer, SNAPSHOT_HEAD, text, strlen(text)) : RC_ERR_MEMORY;
    free(text);
    json_decref(json);
    return err ? err : put_text(writer, SNAPSHOT_CONFIG, head->config_text, head->config_size);
}

static enum rc_error put_parts(struct writer *writer, const struct sink_snapshot_head *head,
                               const struct sink_snapshot_parts *parts)
{
    static const uint32_t others[] = {SINK_SNAPSHOT_REVISIONS, SINK_SNAPSHOT_TABLE};
    enum rc_error err = RC_OK;
    for (uint32_t part = 0; part < head->task_count && !err; part++)
        if (parts->exists(parts->self, part))
            err = put_part(writer, part, parts);
    for (uint32_t i = 0; i < sizeof others / sizeof *others && !err; i++)
        if (parts->exists(parts->self, others[i]))
            err = put_part(writer, others[i], parts);
    struct snapshot_end end = {writer->frames, writer->bytes};
    writer->part = 0;
    return err ? err : put_frame(writer, SNAPSHOT_END, &end, sizeof end);
}

static enum rc_error writer_open(struct writer *writer, uint64_t epoch)
{
    *writer = (struct writer){.epoch = epoch,
                              .part_hash = XXH3_createState(),
                              .zstd = ZSTD_createCCtx(),
                              .raw = malloc(SNAPSHOT_RAW_MAX),
                              .stored = malloc(SNAPSHOT_STORED_MAX)};
    static_assert(ZSTD_COMPRESSBOUND(SNAPSHOT_RAW_MAX) <= SNAPSHOT_STORED_MAX, "it always fits");
    return writer->part_hash && writer->zstd && writer->raw && writer->stored ? RC_OK
                                                                              : RC_ERR_MEMORY;
}

static void writer_done(struct writer *writer)
{
    XXH3_freeState(writer->part_hash);
    ZSTD_freeCCtx(writer->zstd);
    free(writer->raw);
    free(writer->stored);
}

enum rc_error sink_snapshot_write(const char *dir, uint32_t keep,
                                  const struct sink_snapshot_head *head,
                                  const struct sink_snapshot_parts *parts, char ret_message[256])
{
    struct snapshot_file file;
    struct writer writer;
    ret_message[0] = '\0';
    enum rc_error err = snapshot_file_create(dir, head->group, head->epoch, &file, ret_message);
    if (err)
        return err;
    err = writer_open(&writer, head->epoch);
    writer.fd = file.fd;
    if (!err)
        err = put_head(&writer, head);
    if (!err)
        err = put_parts(&writer, head, parts);
    if (err)
        snapshot_file_abandon(&file, err, ret_message); /* while errno says why */
    writer_done(&writer);
    if (err)
        return err;
    err = snapshot_file_publish(&file, ret_message);
    if (!err)
        snapshot_dir_trim(dir, head->group, head->epoch, keep);
    return err;
}
