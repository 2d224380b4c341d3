/* A stream that was saved, in memory, and how far it was read. */
#ifndef TESTS_BYTES_H
#define TESTS_BYTES_H

#include "rollcall/check.h"
#include "rollcall/snapshot.h"
#include <stdlib.h>
#include <string.h>

struct bytes {
    char *at; /* freed by who has it */
    size_t size, room, used;
};

static inline enum rc_error bytes_put(void *self, const void *bytes, size_t size)
{
    struct bytes *to = self;
    if (to->size + size > to->room) {
        to->room = 2 * (to->size + size);
        to->at = realloc(to->at, to->room);
        RC_CHECK(to->at != NULL);
    }
    memcpy(to->at + to->size, bytes, size);
    to->size += size;
    return RC_OK;
}

static inline enum rc_error bytes_get(void *self, void *ret_bytes, size_t size)
{
    struct bytes *from = self;
    if (size > from->size - from->used)
        return RC_ERR_INPUT;
    memcpy(ret_bytes, from->at + from->used, size);
    from->used += size;
    return RC_OK;
}

static inline struct rc_snapshot_writer bytes_writer(struct bytes *bytes)
{
    return (struct rc_snapshot_writer){bytes, bytes_put};
}

/* From the beginning. */
static inline struct rc_snapshot_reader bytes_reader(struct bytes *bytes)
{
    bytes->used = 0;
    return (struct rc_snapshot_reader){bytes, bytes_get};
}

#endif
