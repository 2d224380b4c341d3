#include "feed_lines.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

enum { IN_ROOM = 1 << 18, OUT_ROOM = 1 << 20 };

struct feed_lines {
    const char *path;
    int fd;
    ZSTD_DStream *stream; /* NULL: plain */
    bool begun, input_over, frame_open;
    char *in, *out; /* out: decompressed text from `at` to `used` */
    size_t in_at, in_used, out_room, at, used;
    uint64_t bytes_read, bytes_total;
};

enum rc_error feed_lines_open(const char *path, struct feed_lines **ret_lines,
                              char ret_message[256])
{
    struct feed_lines *lines = calloc(1, sizeof *lines);
    struct stat about;
    if (!lines)
        return RC_ERR_MEMORY;
    lines->path = path;
    lines->fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : STDIN_FILENO;
    lines->in = malloc(IN_ROOM);
    lines->out_room = OUT_ROOM;
    lines->out = malloc(lines->out_room + 1);
    if (lines->fd < 0 || !lines->in || !lines->out) {
        snprintf(ret_message, 256, "%s: %s", path, strerror(lines->fd < 0 ? errno : ENOMEM));
        feed_lines_close(lines);
        return RC_ERR_IO;
    }
    if (fstat(lines->fd, &about) == 0 && S_ISREG(about.st_mode))
        lines->bytes_total = (uint64_t)about.st_size;
    *ret_lines = lines;
    return RC_OK;
}

static enum rc_error read_more(struct feed_lines *lines, char ret_message[256])
{
    ssize_t got;
    memmove(lines->in, lines->in + lines->in_at, lines->in_used - lines->in_at);
    lines->in_used -= lines->in_at;
    lines->in_at = 0;
    do {
        got = read(lines->fd, lines->in + lines->in_used, IN_ROOM - lines->in_used);
    } while (got < 0 && errno == EINTR);
    if (got < 0) {
        snprintf(ret_message, 256, "%s: %s", lines->path, strerror(errno));
        return RC_ERR_IO;
    }
    lines->input_over = got == 0;
    lines->in_used += (size_t)got;
    lines->bytes_read += (uint64_t)got;
    return RC_OK;
}

/* Looks at the first bytes: a zstd frame, or text. */
static enum rc_error begin(struct feed_lines *lines, char ret_message[256])
{
    static const unsigned char magic[] = {0x28, 0xb5, 0x2f, 0xfd};
    lines->begun = true;
    while (lines->in_used < sizeof magic && !lines->input_over) {
        enum rc_error err = read_more(lines, ret_message);
        if (err)
            return err;
    }
    if (lines->in_used < sizeof magic || memcmp(lines->in, magic, sizeof magic) != 0)
        return RC_OK;
    lines->stream = ZSTD_createDStream();
    return lines->stream ? RC_OK : RC_ERR_MEMORY;
}

static enum rc_error make_room(struct feed_lines *lines)
{
    memmove(lines->out, lines->out + lines->at, lines->used - lines->at);
    lines->used -= lines->at;
    lines->at = 0;
    if (lines->used < lines->out_room / 2)
        return RC_OK;
    char *out = realloc(lines->out, 2 * lines->out_room + 1);
    if (!out)
        return RC_ERR_MEMORY;
    lines->out = out;
    lines->out_room *= 2;
    return RC_OK;
}

/* More text behind `used`; END: there is none. */
static enum rc_error fill(struct feed_lines *lines, char ret_message[256])
{
    enum rc_error err = lines->begun ? RC_OK : begin(lines, ret_message);
    if (!err)
        err = make_room(lines);
    if (!err && lines->in_at == lines->in_used && !lines->input_over)
        err = read_more(lines, ret_message);
    if (err)
        return err;
    if (lines->in_at == lines->in_used && !lines->frame_open)
        return RC_ERR_END;
    size_t room = lines->out_room - lines->used;
    if (!lines->stream) {
        size_t count = lines->in_used - lines->in_at;
        count = count < room ? count : room;
        memcpy(lines->out + lines->used, lines->in + lines->in_at, count);
        lines->in_at += count;
        lines->used += count;
        return RC_OK;
    }
    ZSTD_inBuffer in = {lines->in, lines->in_used, lines->in_at};
    ZSTD_outBuffer out = {lines->out + lines->used, room, 0};
    size_t left = ZSTD_decompressStream(lines->stream, &out, &in);
    bool cut = in.pos == lines->in_at && !out.pos && lines->input_over;
    if (ZSTD_isError(left) || cut) {
        snprintf(ret_message, 256, "%s: %s", lines->path,
                 cut ? "it ends in the middle" : ZSTD_getErrorName(left));
        return RC_ERR_IO;
    }
    lines->frame_open = left != 0;
    lines->in_at = in.pos;
    lines->used += out.pos;
    return RC_OK;
}

enum rc_error feed_lines_next(struct feed_lines *lines, char **ret_line, size_t *ret_size,
                              char ret_message[256])
{
    size_t looked = 0;
    for (;;) {
        char *from = lines->out + lines->at;
        char *newline = memchr(from + looked, '\n', lines->used - lines->at - looked);
        if (newline) {
            *ret_line = from;
            *ret_size = (size_t)(newline - from);
            lines->at += *ret_size + 1;
            return RC_OK;
        }
        looked = lines->used - lines->at;
        enum rc_error err = fill(lines, ret_message);
        if (err == RC_ERR_END && lines->used > lines->at) {
            *ret_line = lines->out + lines->at;
            *ret_size = lines->used - lines->at;
            lines->at = lines->used;
            return RC_OK;
        }
        if (err)
            return err;
    }
}

void feed_lines_progress(const struct feed_lines *lines, uint64_t *ret_read, uint64_t *ret_total)
{
    *ret_read = lines->bytes_read;
    *ret_total = lines->bytes_total;
}

void feed_lines_close(struct feed_lines *lines)
{
    if (!lines)
        return;
    if (lines->fd > STDIN_FILENO)
        close(lines->fd);
    ZSTD_freeDStream(lines->stream);
    free(lines->in);
    free(lines->out);
    free(lines);
}
