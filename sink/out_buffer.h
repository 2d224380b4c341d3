/* Buffered writing to a file descriptor. */
#ifndef SINK_OUT_BUFFER_H
#define SINK_OUT_BUFFER_H

#include "rollcall/error.h"
#include <stdint.h>

struct out_buffer {
    int fd;
    int error; /* errno of the first failure */
    char *bytes;
    uint64_t used, room;
    uint64_t written; /* bytes that reached the descriptor */
};

/* The descriptor is lent until done. */
enum rc_error out_buffer_init(struct out_buffer *buffer, int fd);
/* Room for `size` bytes, lent until the next call; writes what is there when it would not fit. */
enum rc_error out_buffer_reserve(struct out_buffer *buffer, uint64_t size, char **ret_at);
/* So many of them were used. */
static inline void out_buffer_advance(struct out_buffer *buffer, uint64_t size)
{
    buffer->used += size;
}
enum rc_error out_buffer_put(struct out_buffer *buffer, const char *bytes, uint64_t size);
/* END: nobody reads any more (EPIPE). IO: see `error`. */
enum rc_error out_buffer_flush(struct out_buffer *buffer);
/* Frees the memory; neither writes nor closes. */
void out_buffer_done(struct out_buffer *buffer);

#endif
