/* The frames that a snapshot consists of, in a file and in the topic alike: each has its own
 * checksum, and is small enough for a Kafka message. Little-endian. */
#ifndef SINK_SNAPSHOT_FRAME_H
#define SINK_SNAPSHOT_FRAME_H

#include "rollcall/error.h"
#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

enum { SNAPSHOT_VERSION = 2, SNAPSHOT_RAW_MAX = 512 << 10, SNAPSHOT_STORED_MAX = 600 << 10 };
#define SNAPSHOT_MAGIC "rollcall"
#define SNAPSHOT_MAGIC_BYTES                                                                       \
    {                                                                                              \
        'r', 'o', 'l', 'l', 'c', 'a', 'l', 'l'                                                     \
    }

enum snapshot_kind {
    SNAPSHOT_HEAD,     /* JSON */
    SNAPSHOT_CONFIG,   /* a piece of the configuration's text */
    SNAPSHOT_PART,     /* a piece of a part's stream */
    SNAPSHOT_PART_END, /* struct snapshot_part_end */
    SNAPSHOT_END       /* struct snapshot_end */
};

struct snapshot_frame {
    char magic[8];
    uint32_t version, kind, part;
    uint32_t raw_size, stored_size; /* stored: compressed, follows the frame */
    uint32_t number;                /* from 0 in each snapshot */
    uint64_t epoch;
    uint64_t hash; /* XXH3 of what stands before it and of what is stored */
};
static_assert(sizeof(struct snapshot_frame) == 48, "as it lies in the file");

struct snapshot_part_end {
    uint64_t size, hash; /* of the whole stream of the part, whose number is the seed */
};
struct snapshot_end {
    uint64_t frames, bytes; /* before this one; bytes: raw ones of the parts */
};

uint64_t snapshot_frame_hash(const struct snapshot_frame *frame, const void *stored);
/* INPUT: not a frame of ours, or damaged; LIMIT: of a later version. `stored` is borrowed. */
enum rc_error snapshot_frame_check(const struct snapshot_frame *frame, const void *stored);
/* Without what is stored: a size that may be read. */
enum rc_error snapshot_frame_head_check(const struct snapshot_frame *frame);

#endif
