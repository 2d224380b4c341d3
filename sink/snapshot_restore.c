/* An open snapshot's streams back to who wrote them. Checksums are looked at again: the file may
 * have changed since it was opened. */
#include "snapshot_inside.h"

#define XXH_INLINE_ALL
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <xxhash.h>

struct stream {
    struct sink_snapshot *snapshot;
    const struct sink_snapshot_part *part;
    uint32_t used; /* of the piece that is unpacked */
    bool at_end;   /* the frame read last is its PART_END */
    uint64_t bytes;
    XXH3_state_t *hash;
    _Atomic uint64_t *bytes_done; /* may be NULL */
};

static enum rc_error next_frame(struct stream *stream)
{
    struct sink_snapshot *snapshot = stream->snapshot;
    const struct snapshot_frame *frame = &snapshot->frame;
    if (stream->at_end)
        return RC_ERR_INPUT;
    stream->at_end = true; /* unless all is well */
    enum rc_error err = snapshot_next(snapshot);
    if (!err)
        err = snapshot_unpack(snapshot);
    if (!err && (frame->part != stream->part->part || frame->epoch != snapshot->head.epoch ||
                 (frame->kind != SNAPSHOT_PART && frame->kind != SNAPSHOT_PART_END)))
        err = RC_ERR_INPUT;
    return err == RC_ERR_END || err == RC_ERR_LIMIT ? RC_ERR_INPUT : err;
}

/* The next piece, or the end of the part. */
static enum rc_error next_piece(struct stream *stream)
{
    struct sink_snapshot *snapshot = stream->snapshot;
    const struct snapshot_frame *frame = &snapshot->frame;
    enum rc_error err = next_frame(stream);
    if (err)
        return err;
    stream->used = 0;
    stream->at_end = frame->kind == SNAPSHOT_PART_END;
    if (stream->at_end)
        return RC_OK;
    XXH3_64bits_update(stream->hash, snapshot->raw, frame->raw_size);
    stream->bytes += frame->raw_size;
    if (stream->bytes_done)
        atomic_fetch_add_explicit(stream->bytes_done, frame->raw_size, memory_order_relaxed);
    return RC_OK;
}

static enum rc_error stream_get(void *self, void *ret_bytes, size_t size)
{
    struct stream *stream = self;
    struct sink_snapshot *snapshot = stream->snapshot;
    char *to = ret_bytes;
    while (size > 0) {
        if (!stream->bytes || stream->at_end || stream->used == snapshot->frame.raw_size) {
            enum rc_error err = next_piece(stream);
            if (err || stream->at_end)
                return err ? err : RC_ERR_INPUT;
        }
        size_t piece = snapshot->frame.raw_size - stream->used;
        piece = piece < size ? piece : size;
        memcpy(to, snapshot->raw + stream->used, piece);
        stream->used += (uint32_t)piece;
        to += piece;
        size -= piece;
    }
    return RC_OK;
}

/* All of the stream was taken, and it was whole. */
static enum rc_error stream_end(struct stream *stream)
{
    struct sink_snapshot *snapshot = stream->snapshot;
    struct snapshot_part_end end;
    if ((stream->bytes && stream->used != snapshot->frame.raw_size) || next_piece(stream) ||
        !stream->at_end || snapshot->frame.raw_size != sizeof end)
        return RC_ERR_INPUT;
    memcpy(&end, snapshot->raw, sizeof end);
    return end.size == stream->bytes && end.hash == XXH3_64bits_digest(stream->hash) ? RC_OK
                                                                                     : RC_ERR_INPUT;
}

static enum rc_error restore_part(struct stream *stream, const struct sink_snapshot_parts *parts,
                                  char ret_message[256])
{
    const struct rc_snapshot_reader in = {stream, stream_get};
    uint32_t part = stream->part->part;
    stream->used = 0;
    stream->at_end = false;
    stream->bytes = 0;
    XXH3_64bits_reset_withSeed(stream->hash, part);
    enum rc_error err = parts->restore(parts->self, part, &in, ret_message);
    if (!err)
        err = stream_end(stream);
    if (err && !ret_message[0])
        snprintf(ret_message, 256, "part %" PRIu32 " of the snapshot: %s", part,
                 rc_error_text(err));
    return err;
}

static enum rc_error restore_all(struct sink_snapshot *snapshot,
                                 const struct sink_snapshot_parts *parts,
                                 _Atomic uint64_t *bytes_done, char ret_message[256])
{
    struct stream stream = {
        .snapshot = snapshot, .hash = XXH3_createState(), .bytes_done = bytes_done};
    enum rc_error err = stream.hash ? RC_OK : RC_ERR_MEMORY;
    snapshot->at = snapshot->parts_at;
    for (uint32_t i = 0; i < snapshot->part_count && !err; i++) {
        stream.part = &snapshot->part[i];
        err = restore_part(&stream, parts, ret_message);
    }
    XXH3_freeState(stream.hash);
    return err;
}

enum rc_error sink_snapshot_restore(struct sink_snapshot *snapshot,
                                    const struct sink_snapshot_parts *parts,
                                    _Atomic uint64_t *bytes_done, char ret_message[256])
{
    ret_message[0] = '\0';
    return restore_all(snapshot, parts, bytes_done, ret_message);
}

/* ---- without anybody to restore ---- */

static enum rc_error let_go(void *self, uint32_t part, const struct rc_snapshot_reader *in,
                            char ret_message[256])
{
    char piece[4096];
    (void)part, (void)ret_message;
    const struct sink_snapshot_part *of = *(const struct sink_snapshot_part **)self;
    for (uint64_t left = of->bytes; left > 0;) {
        size_t size = left < sizeof piece ? (size_t)left : sizeof piece;
        enum rc_error err = in->get(in->self, piece, size);
        if (err)
            return err;
        left -= size;
    }
    ++*(const struct sink_snapshot_part **)self;
    return RC_OK;
}

enum rc_error sink_snapshot_check(struct sink_snapshot *snapshot, char ret_message[256])
{
    const struct sink_snapshot_part *part = snapshot->part;
    const struct sink_snapshot_parts parts = {.self = &part, .restore = let_go};
    ret_message[0] = '\0';
    return restore_all(snapshot, &parts, NULL, ret_message);
}
