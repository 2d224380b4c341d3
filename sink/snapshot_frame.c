#include "snapshot_frame.h"

#define XXH_INLINE_ALL
#include <stddef.h>
#include <string.h>
#include <xxhash.h>

uint64_t snapshot_frame_hash(const struct snapshot_frame *frame, const void *stored)
{
    uint64_t head = XXH3_64bits(frame, offsetof(struct snapshot_frame, hash));
    return XXH3_64bits_withSeed(stored, frame->stored_size, head);
}

enum rc_error snapshot_frame_head_check(const struct snapshot_frame *frame)
{
    if (memcmp(frame->magic, SNAPSHOT_MAGIC, sizeof frame->magic))
        return RC_ERR_INPUT;
    if (frame->version > SNAPSHOT_VERSION)
        return RC_ERR_LIMIT;
    if (!frame->version || frame->kind > SNAPSHOT_END || frame->raw_size > SNAPSHOT_RAW_MAX ||
        frame->stored_size > SNAPSHOT_STORED_MAX)
        return RC_ERR_INPUT;
    return RC_OK;
}

enum rc_error snapshot_frame_check(const struct snapshot_frame *frame, const void *stored)
{
    enum rc_error err = snapshot_frame_head_check(frame);
    if (!err && snapshot_frame_hash(frame, stored) != frame->hash)
        err = RC_ERR_INPUT;
    return err;
}
