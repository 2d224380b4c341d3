/* Buffered writing: few large writes, and errors that keep their cause. */
#include "out_buffer.h"
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BUFFER_ROOM = 1 << 20 };

enum rc_error out_buffer_init(struct out_buffer *buffer, int fd)
{
    memset(buffer, 0, sizeof *buffer);
    buffer->fd = fd;
    buffer->room = BUFFER_ROOM;
    buffer->bytes = malloc(buffer->room);
    return buffer->bytes ? RC_OK : RC_ERR_MEMORY;
}

enum rc_error out_buffer_flush(struct out_buffer *buffer)
{
    uint64_t done = 0;
    if (buffer->error)
        return buffer->error == EPIPE ? RC_ERR_END : RC_ERR_IO;
    while (done < buffer->used) {
        ssize_t count = write(buffer->fd, buffer->bytes + done, buffer->used - done);
        if (count >= 0) {
            done += (uint64_t)count;
            continue;
        }
        if (errno == EINTR)
            continue;
        if (errno == EAGAIN) { /* somebody made our standard output non-blocking */
            struct pollfd writable = {.fd = buffer->fd, .events = POLLOUT};
            poll(&writable, 1, 1000);
            continue;
        }
        buffer->error = errno;
        return errno == EPIPE ? RC_ERR_END : RC_ERR_IO;
    }
    buffer->written += done;
    buffer->used = 0;
    return RC_OK;
}

enum rc_error out_buffer_reserve(struct out_buffer *buffer, uint64_t size, char **ret_at)
{
    if (buffer->used + size > buffer->room) {
        enum rc_error err = out_buffer_flush(buffer);
        if (err)
            return err;
    }
    if (size > buffer->room) {
        char *bytes = realloc(buffer->bytes, size);
        if (!bytes)
            return RC_ERR_MEMORY;
        buffer->bytes = bytes;
        buffer->room = size;
    }
    *ret_at = buffer->bytes + buffer->used;
    return RC_OK;
}

enum rc_error out_buffer_put(struct out_buffer *buffer, const char *bytes, uint64_t size)
{
    char *at;
    enum rc_error err = out_buffer_reserve(buffer, size, &at);
    if (err)
        return err;
    memcpy(at, bytes, size);
    out_buffer_advance(buffer, size);
    return RC_OK;
}

void out_buffer_done(struct out_buffer *buffer)
{
    free(buffer->bytes);
    buffer->bytes = NULL;
}
