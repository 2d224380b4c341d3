/* What a snapshot made by hand holds: parts of bytes that follow from a seed. */
#ifndef TESTS_SNAPSHOT_PARTS_H
#define TESTS_SNAPSHOT_PARTS_H

#include "rollcall/sink.h"

enum { TASKS = 8, NO_PART = UINT32_MAX, PIECE = 777 };

/* What is put and what must come back. A part of size NO_PART is none. */
struct fixture_parts {
    uint32_t size[TASKS + 2]; /* the last ones are the table and, unless 0, the revisions */
    uint32_t seed, restored;
    enum rc_error fail; /* what saving answers in the middle of the first part */
};

static inline uint32_t fixture_slot(uint32_t part)
{
    return part == SINK_SNAPSHOT_TABLE ? TASKS : part == SINK_SNAPSHOT_REVISIONS ? TASKS + 1 : part;
}

/* Half of it can be compressed. */
static inline char fixture_byte(const struct fixture_parts *parts, uint32_t part, uint32_t at)
{
    uint32_t x = (part + 1) * 2654435761u + at * 40503u + parts->seed;
    x ^= x >> 13;
    x *= 0x85ebca6bu;
    return at % 2 ? 'r' : (char)(x >> 24);
}

static inline bool fixture_exists(void *self, uint32_t part)
{
    uint32_t size = ((struct fixture_parts *)self)->size[fixture_slot(part)];
    return size != NO_PART && (size || part != SINK_SNAPSHOT_REVISIONS);
}

static inline enum rc_error fixture_save(void *self, uint32_t part,
                                         const struct rc_snapshot_writer *out)
{
    struct fixture_parts *parts = self;
    uint32_t size = parts->size[fixture_slot(part)];
    char piece[PIECE];
    for (uint32_t at = 0; at < size;) {
        uint32_t count = size - at < PIECE ? size - at : 1 + (at * 31u) % PIECE;
        for (uint32_t i = 0; i < count; i++)
            piece[i] = fixture_byte(parts, part, at + i);
        enum rc_error err = out->put(out->self, piece, count);
        if (err)
            return err;
        at += count;
        if (parts->fail && at > size / 2)
            return parts->fail;
    }
    return RC_OK;
}

/* In other pieces than it was saved in. INPUT: not what was saved. */
static inline enum rc_error fixture_restore(void *self, uint32_t part,
                                            const struct rc_snapshot_reader *in,
                                            char ret_message[256])
{
    struct fixture_parts *parts = self;
    uint32_t size = parts->size[fixture_slot(part)];
    char piece[1000];
    (void)ret_message;
    parts->restored++;
    for (uint32_t at = 0; at < size;) {
        uint32_t count = size - at < sizeof piece ? size - at : 1 + (at * 7u) % sizeof piece;
        enum rc_error err = in->get(in->self, piece, count);
        if (err)
            return err;
        for (uint32_t i = 0; i < count; i++)
            if (piece[i] != fixture_byte(parts, part, at + i))
                return RC_ERR_INTERNAL; /* worse than damaged: accepted */
        at += count;
    }
    return RC_OK;
}

static inline struct sink_snapshot_parts fixture_of(struct fixture_parts *parts)
{
    return (struct sink_snapshot_parts){parts, fixture_exists, fixture_save, fixture_restore};
}

static const char fixture_config_text[] = "tasks: 8\n";

static inline struct sink_snapshot_head fixture_head(const char *group, uint64_t epoch)
{
    return (struct sink_snapshot_head){.group = group,
                                       .epoch = epoch,
                                       .now_ms = INT64_C(1767571200000),
                                       .wall_ms = INT64_C(1767571200777),
                                       .made_at_ms = INT64_C(1767571201234),
                                       .hash_secret = UINT64_C(0xfedcba9876543210),
                                       .config_id = "0123456789abcdef0123456789abcdef",
                                       .config_text = fixture_config_text,
                                       .config_size = sizeof fixture_config_text - 1,
                                       .task_count = TASKS};
}

#endif
