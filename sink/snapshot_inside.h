/* Inside an open snapshot: what its files share. */
#ifndef SINK_SNAPSHOT_INSIDE_H
#define SINK_SNAPSHOT_INSIDE_H

#include "rollcall/sink.h"
#include "snapshot_frame.h"

#include <jansson.h>
#include <zstd.h>

struct sink_snapshot {
    int fd;
    uint64_t size; /* of the file */
    struct sink_snapshot_head head;
    json_t *json; /* what the head's texts belong to */
    char *config;
    uint64_t parts_at; /* where the first frame of a part stands */
    struct sink_snapshot_part *part;
    uint32_t part_count, part_room;
    struct snapshot_end end;
    /* the frame that was read last, and what was stored in it; raw after snapshot_unpack */
    uint64_t at, frame_at; /* of the next one, and its own */
    struct snapshot_frame frame;
    char *stored, *raw;
    ZSTD_DCtx *zstd;
};

/* What stands at that byte of the file. END: the file is shorter; IO. */
enum rc_error snapshot_get(const struct sink_snapshot *snapshot, void *ret_bytes, size_t size,
                           uint64_t at);
/* The frame at snapshot->at, its checksum right; `at` moves on. END: the file ends; LIMIT: of a
 * later version; INPUT, IO. */
enum rc_error snapshot_next(struct sink_snapshot *snapshot);
/* What is stored in it into `raw`. INPUT. */
enum rc_error snapshot_unpack(struct sink_snapshot *snapshot);
/* sink_snapshot_open of an open file, which is taken; `path` stands in messages. */
enum rc_error snapshot_open_fd(int fd, const char *path, struct sink_snapshot **ret_snapshot,
                               char ret_message[256]);

#endif
