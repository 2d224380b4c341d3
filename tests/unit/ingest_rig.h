/* Rings and their readers for tests of what fills them. */
#ifndef ROLLCALL_TEST_INGEST_RIG_H
#define ROLLCALL_TEST_INGEST_RIG_H

#include "rollcall/ingest.h"
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

enum { RIG_SHARDS = 3 };

struct rig {
    struct rc_ring ring[RIG_SHARDS + 1]; /* the shards', then the commit thread's */
    struct rc_park park[RIG_SHARDS + 1], self;
    struct rc_ring *rings[RIG_SHARDS];
    struct rc_park *parks[RIG_SHARDS];
    char *bytes[RIG_SHARDS + 1];
    struct ingest_output output;
};

static inline void rig_open(struct rig *rig, uint64_t capacity)
{
    memset(rig, 0, sizeof *rig);
    for (int i = 0; i <= RIG_SHARDS; i++) {
        rig->bytes[i] = malloc(capacity);
        cr_assert_not_null(rig->bytes[i]);
        rc_ring_init(&rig->ring[i], rig->bytes[i], capacity, 0);
    }
    for (int i = 0; i < RIG_SHARDS; i++) {
        rig->rings[i] = &rig->ring[i];
        rig->parks[i] = &rig->park[i];
    }
    rig->output = (struct ingest_output){.shard_count = RIG_SHARDS,
                                         .ring = rig->rings,
                                         .park = rig->parks,
                                         .commit_ring = &rig->ring[RIG_SHARDS],
                                         .commit_park = &rig->park[RIG_SHARDS],
                                         .self = &rig->self};
}

static inline void rig_close(struct rig *rig)
{
    for (int i = 0; i <= RIG_SHARDS; i++)
        free(rig->bytes[i]);
}

/* The next message that is visible, given back at once (nobody writes meanwhile); NULL: none. */
static inline const void *rig_next(struct rig *rig, int ring, uint32_t *ret_kind)
{
    void *message;
    uint32_t size;
    if (rc_ring_peek(&rig->ring[ring], &message, &size, ret_kind) != RC_OK)
        return NULL;
    rc_ring_release(&rig->ring[ring]);
    return message;
}

#endif
