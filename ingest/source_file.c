/* Recorded events from files: lines of JSON, plain or compressed with zstd, each file a partition.
 * The file with the smallest watermark is read next, so that recordings side by side come in the
 * order of their time, whatever their lengths.
 *
 * A line has no largest length: what an event may be (limits.max_event), or its dead letter keeps
 * (INGEST_VALUE_KEPT), is held of it, and the rest is read past. */
#include "rollcall/check.h"
#include "route.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zstd.h>

enum { READ_CHUNK = 256 << 10, EPOCH_LINES = 8192, EPOCH_BYTES = 1 << 20, MESSAGE_ROOM = 256 };

struct line {
    const char *at;
    uint32_t size;
};

struct file {
    const char *path;
    int fd;
    bool at_end;   /* of the bytes; lines may remain in the buffer */
    bool done;     /* all lines were read: holds no watermark back */
    bool in_frame; /* zstd: a frame has begun and has not ended */
    char *room;    /* capacity + INGEST_PADDING bytes */
    size_t capacity;
    size_t from, to, seen; /* text not read yet; no newline before `seen` */
    ZSTD_DStream *zstd;    /* NULL: plain */
    char *packed;          /* READ_CHUNK bytes, zstd only */
    ZSTD_inBuffer packed_in;
    int64_t line_number; /* of the line read last, from 1 */
    int64_t largest_ms;  /* RC_TIME_NONE: no valid event yet */
};

struct ingest_files {
    struct ingest_file_options options;
    struct ingest_decoder *decoder;
    struct ingest_route route;
    struct rc_ingest_stats stats;
    rc_counter bytes_read;
    uint64_t bytes_total;
    struct file *file;
    uint32_t only_size;
    size_t line_kept; /* bytes held of a line, however long it is */
    int64_t now_ms;   /* the watermark of the lines so far; never goes back */
    int64_t largest_ms;
    uint64_t epoch;
    uint64_t epoch_lines, epoch_bytes;
    char *message; /* of ingest_files_run, room for MESSAGE_ROOM */
};

/* ---- bytes ---- */

static enum rc_error say(char *message, const struct file *file, const char *what)
{
    snprintf(message, MESSAGE_ROOM, "%.150s: %.100s", file->path, what);
    return RC_ERR_IO;
}

/* Reads once; *ret_size 0 at the end. */
static enum rc_error read_bytes(struct ingest_files *files, struct file *file, char *room,
                                size_t size, size_t *ret_size)
{
    ssize_t got;
    do
        got = read(file->fd, room, size);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return say(files->message, file, strerror(errno));
    rc_count(&files->bytes_read, (uint64_t)got);
    *ret_size = (size_t)got;
    return RC_OK;
}

/* Unpacks up to `size` bytes; *ret_size 0 at the end. */
static enum rc_error unpack_bytes(struct ingest_files *files, struct file *file, char *room,
                                  size_t size, size_t *ret_size)
{
    ZSTD_outBuffer out = {.dst = room, .size = size};
    while (out.pos == 0) {
        ZSTD_inBuffer *in = &file->packed_in;
        if (in->pos == in->size) {
            enum rc_error err = read_bytes(files, file, file->packed, READ_CHUNK, &in->size);
            if (err)
                return err;
            in->pos = 0;
        }
        bool ended = in->size == 0;
        if (ended && !file->in_frame)
            break;
        size_t left = ZSTD_decompressStream(file->zstd, &out, in);
        if (ZSTD_isError(left))
            return say(files->message, file, ZSTD_getErrorName(left));
        file->in_frame = left != 0;
        if (ended && out.pos == 0 && file->in_frame)
            return say(files->message, file, "ends in the middle of a zstd frame");
    }
    *ret_size = out.pos;
    return RC_OK;
}

/* Makes room behind `to` for a chunk; more room for a long line, but not without end. */
static enum rc_error make_room(struct ingest_files *files, struct file *file)
{
    if (file->from > 0) {
        memmove(file->room, file->room + file->from, file->to - file->from);
        file->to -= file->from;
        file->seen -= file->from;
        file->from = 0;
    }
    if (file->to + READ_CHUNK <= file->capacity)
        return RC_OK;
    size_t capacity = file->capacity * 2;
    if (capacity > files->line_kept + READ_CHUNK)
        capacity = files->line_kept + READ_CHUNK;
    char *room = realloc(file->room, capacity + INGEST_PADDING);
    if (!room) {
        say(files->message, file, "no memory for a line");
        return RC_ERR_MEMORY;
    }
    file->room = room;
    file->capacity = capacity;
    return RC_OK;
}

/* A chunk more of text behind `to`. */
static enum rc_error fill(struct ingest_files *files, struct file *file)
{
    size_t got;
    enum rc_error err = make_room(files, file);
    if (err)
        return err;
    char *room = file->room + file->to;
    err = file->zstd ? unpack_bytes(files, file, room, READ_CHUNK, &got)
                     : read_bytes(files, file, room, READ_CHUNK, &got);
    if (err)
        return err;
    file->at_end = got == 0;
    file->to += got;
    return RC_OK;
}

static bool is_packed(const char *at, size_t size)
{
    if (size < 4)
        return false;
    const uint8_t *byte = (const uint8_t *)at;
    uint32_t magic =
        byte[0] | (uint32_t)byte[1] << 8 | (uint32_t)byte[2] << 16 | (uint32_t)byte[3] << 24;
    return magic == ZSTD_MAGICNUMBER ||
           (magic & ZSTD_MAGIC_SKIPPABLE_MASK) == ZSTD_MAGIC_SKIPPABLE_START;
}

/* The first bytes say what it is; packed ones go where packed ones belong. */
static enum rc_error begin(struct ingest_files *files, struct file *file)
{
    while (file->to < 4 && !file->at_end) {
        enum rc_error err = fill(files, file);
        if (err)
            return err;
    }
    if (!is_packed(file->room, file->to))
        return RC_OK;
    file->zstd = ZSTD_createDStream();
    file->packed = malloc(2 * (size_t)READ_CHUNK);
    if (!file->zstd || !file->packed) {
        say(files->message, file, "no memory to unpack it");
        return RC_ERR_MEMORY;
    }
    RC_CHECK(file->to <= 2 * (size_t)READ_CHUNK);
    memcpy(file->packed, file->room, file->to);
    file->packed_in = (ZSTD_inBuffer){.src = file->packed, .size = file->to};
    file->to = 0;
    file->at_end = false;
    return RC_OK;
}

/* ---- lines ---- */

/* The line is longer than what is kept: reads on to its end, and keeps its beginning. */
static enum rc_error pass_over(struct ingest_files *files, struct file *file)
{
    size_t kept = files->line_kept;
    for (;;) {
        file->to = file->seen = kept;
        enum rc_error err = fill(files, file);
        if (err || file->at_end)
            return err;
        const char *newline = memchr(file->room + kept, '\n', file->to - kept);
        if (newline) {
            file->seen = (size_t)(newline - file->room);
            return RC_OK;
        }
    }
}

/* The next line without its newline, lent until the next call; END after the last one. */
static enum rc_error next_line(struct ingest_files *files, struct file *file, struct line *ret_line)
{
    enum rc_error err = RC_OK;
    const char *newline;
    for (;;) {
        newline = memchr(file->room + file->seen, '\n', file->to - file->seen);
        if (newline || file->at_end)
            break;
        file->seen = file->to;
        if (file->to - file->from < files->line_kept) {
            err = fill(files, file);
        } else {
            err = make_room(files, file);
            if (!err)
                err = pass_over(files, file);
        }
        if (err)
            return err;
    }
    size_t end = newline ? (size_t)(newline - file->room) : file->to;
    if (!newline && end == file->from)
        return RC_ERR_END;
    size_t size = end - file->from;
    ret_line->at = file->room + file->from;
    ret_line->size = (uint32_t)(size < files->line_kept ? size : files->line_kept);
    file->from = file->seen = newline ? end + 1 : end;
    file->line_number++;
    return RC_OK;
}

/* ---- time ---- */

/* Of two files the one to be read first; one without an event is before all others. */
static bool is_before(const struct file *a, const struct file *b)
{
    return !b || a->largest_ms < b->largest_ms || (a->largest_ms == b->largest_ms && a < b);
}

/* The file to be read next, NULL when all are done, and the one after it. */
static struct file *pick(struct ingest_files *files, struct file **ret_second)
{
    struct file *first = NULL, *second = NULL;
    for (uint32_t i = 0; i < files->options.path_count; i++) {
        struct file *file = &files->file[i];
        if (file->done)
            continue;
        if (is_before(file, first)) {
            second = first;
            first = file;
        } else if (is_before(file, second)) {
            second = file;
        }
    }
    *ret_second = second;
    return first;
}

static void advance(struct ingest_files *files, const struct file *first, const struct file *second)
{
    int64_t smallest = first->largest_ms;
    if (second && second->largest_ms < smallest)
        smallest = second->largest_ms;
    if (smallest == RC_TIME_NONE)
        return;
    int64_t now_ms = smallest - files->options.config->time.max_disorder_ms;
    if (now_ms > files->now_ms) {
        files->now_ms = now_ms;
        rc_gauge_set(&files->stats.watermark_ms, (uint64_t)now_ms);
    }
}

static void saw_time(struct ingest_files *files, struct file *file, int64_t time_ms)
{
    if (time_ms > file->largest_ms)
        file->largest_ms = time_ms;
    if (time_ms > files->largest_ms)
        files->largest_ms = time_ms;
}

/* ---- the run ---- */

static enum rc_error refuse(struct ingest_files *files, struct file *file, const char *reason,
                            const struct ingest_raw_parts *raw)
{
    uint32_t source = (uint32_t)(file - files->file);
    enum rc_error err = ingest_route_dead(&files->route, source, file->line_number, reason, raw);
    if (err || !files->options.strict)
        return err;
    size_t length = strlen(file->path), most = 80;
    snprintf(files->message, MESSAGE_ROOM, "%s:%lld: %s",
             file->path + (length > most ? length - most : 0), (long long)file->line_number,
             reason);
    return RC_ERR_INPUT;
}

static bool is_wanted(const struct ingest_files *files, const struct rc_event *ev)
{
    const char *only = files->options.only_client;
    return !only || (ev->client_size == files->only_size &&
                     memcmp(rc_event_client(ev), only, files->only_size) == 0);
}

static enum rc_error take_line(struct ingest_files *files, struct file *file,
                               const struct line *line)
{
    union ingest_event event;
    char reason[sizeof((struct rc_dead_letter *)0)->reason];
    struct ingest_raw_parts raw = {
        .key_size = ROUTE_NONE, .value = line->at, .value_size = line->size};
    switch (ingest_decode(files->decoder, NULL, line->at, line->size, &event, reason)) {
    case INGEST_BLANK:
        rc_count(&files->stats.blank, 1);
        return RC_OK;
    case INGEST_UNKNOWN:
        rc_count(&files->stats.unknown_type, 1);
        return RC_OK;
    case INGEST_REFUSED:
        return refuse(files, file, reason, &raw);
    case INGEST_EVENT:
        break;
    }
    saw_time(files, file, event.ev.time_ms);
    if (event.ev.type == RC_TYPE_tick) {
        rc_count(&files->stats.events[RC_CHANNEL_NONE][RC_TYPE_tick], 1);
        return RC_OK;
    }
    if (!is_wanted(files, &event.ev))
        return RC_OK;
    return ingest_route_event(&files->route, &event, (uint32_t)(file - files->file),
                              file->line_number, files->now_ms, &raw);
}

static enum rc_error close_epoch(struct ingest_files *files, bool end_of_input)
{
    files->epoch_lines = files->epoch_bytes = 0;
    struct rc_mark mark = {.epoch = ++files->epoch,
                           .now_ms = files->now_ms,
                           .wall_ms = RC_TIME_NONE,
                           .end_of_input = end_of_input};
    return ingest_route_mark(&files->route, &mark, NULL);
}

/* Lines of this file for as long as it is the first to be read. */
static enum rc_error read_file(struct ingest_files *files, struct file *file,
                               const struct file *second)
{
    while (is_before(file, second)) {
        struct line line;
        enum rc_error err = next_line(files, file, &line);
        if (err == RC_ERR_END) {
            file->done = true;
            return RC_OK;
        }
        if (!err) {
            rc_count(&files->stats.lines, 1);
            rc_count(&files->stats.bytes, line.size);
            files->epoch_bytes += line.size;
            err = take_line(files, file, &line);
        }
        if (err)
            return err;
        advance(files, file, second);
        if (++files->epoch_lines >= EPOCH_LINES || files->epoch_bytes >= EPOCH_BYTES)
            err = close_epoch(files, false);
        if (err)
            return err;
    }
    return RC_OK;
}

static enum rc_error read_all(struct ingest_files *files)
{
    struct file *file, *second;
    for (uint32_t i = 0; i < files->options.path_count; i++) {
        enum rc_error err = begin(files, &files->file[i]);
        if (err)
            return err;
    }
    while ((file = pick(files, &second))) {
        /* The file that held the watermark back may have ended. */
        advance(files, file, second);
        enum rc_error err = read_file(files, file, second);
        if (err)
            return err;
    }
    return RC_OK;
}

enum rc_error ingest_files_run(struct ingest_files *files, char ret_message[256])
{
    files->message = ret_message;
    ret_message[0] = '\0';
    enum rc_error err = read_all(files);
    int64_t until_ms = files->options.until_ms;
    if (!err) {
        if (files->largest_ms != RC_TIME_NONE && files->largest_ms + 1 > files->now_ms)
            files->now_ms = files->largest_ms + 1;
        if (until_ms > files->now_ms)
            files->now_ms = until_ms;
        rc_gauge_set(&files->stats.watermark_ms, (uint64_t)files->now_ms);
    }
    /* However it went, the epoch is closed and everybody told, so that the other threads end. */
    enum rc_error closed = close_epoch(files, !err);
    if (!closed)
        closed = ingest_route_finish(&files->route);
    return err ? err : closed;
}

/* ---- life ---- */

static enum rc_error open_file(struct ingest_files *files, struct file *file, const char *path,
                               char *message)
{
    struct stat stat;
    *file = (struct file){.path = path, .fd = -1, .largest_ms = RC_TIME_NONE};
    bool standard = strcmp(path, "-") == 0;
    file->fd =
        standard ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0) : open(path, O_RDONLY | O_CLOEXEC);
    if (standard)
        file->path = "(standard input)";
    if (file->fd < 0 || fstat(file->fd, &stat) != 0)
        return say(message, file, strerror(errno));
    if (S_ISDIR(stat.st_mode))
        return say(message, file, strerror(EISDIR));
    files->bytes_total = S_ISREG(stat.st_mode) && files->bytes_total != UINT64_MAX
                             ? files->bytes_total + (uint64_t)stat.st_size
                             : UINT64_MAX;
    file->capacity = 2 * READ_CHUNK;
    file->room = malloc(file->capacity + INGEST_PADDING);
    return file->room ? RC_OK : RC_ERR_MEMORY;
}

enum rc_error ingest_files_open(const struct ingest_file_options *options,
                                const struct ingest_output *output, struct ingest_files **ret_files,
                                char ret_message[256])
{
    enum rc_error err = RC_ERR_MEMORY;
    snprintf(ret_message, MESSAGE_ROOM, "%s", rc_error_text(err));
    struct ingest_files *files = calloc(1, sizeof *files);
    if (!files)
        return err;
    files->options = *options;
    /* One byte more than an event may have: it is to be seen that there are more. */
    files->line_kept = options->config->limits.max_event + 1;
    if (files->line_kept < INGEST_VALUE_KEPT)
        files->line_kept = INGEST_VALUE_KEPT;
    files->now_ms = files->largest_ms = RC_TIME_NONE;
    files->only_size = options->only_client ? (uint32_t)strlen(options->only_client) : 0;
    rc_gauge_set(&files->stats.watermark_ms, (uint64_t)RC_TIME_NONE);
    files->file = calloc(options->path_count + 1, sizeof *files->file);
    if (!files->file)
        goto fail;
    for (uint32_t i = 0; i < options->path_count; i++)
        files->file[i].fd = -1;
    struct ingest_decoder_options decoder = {options->config, options->hash_secret};
    if ((err = ingest_decoder_open(&decoder, &files->decoder)) ||
        (err = ingest_route_init(&files->route, output, &files->stats, NULL)))
        goto fail;
    for (uint32_t i = 0; i < options->path_count; i++) {
        if ((err = open_file(files, &files->file[i], options->path[i], ret_message)))
            goto fail;
    }
    if (files->bytes_total == UINT64_MAX)
        files->bytes_total = 0;
    ret_message[0] = '\0';
    *ret_files = files;
    return RC_OK;
fail:
    ingest_files_close(files);
    return err;
}

struct ingest_progress ingest_files_progress(const struct ingest_files *files)
{
    return (struct ingest_progress){rc_counter_read(&files->bytes_read), files->bytes_total};
}

const struct rc_ingest_stats *ingest_files_stats(const struct ingest_files *files)
{
    return &files->stats;
}

void ingest_files_close(struct ingest_files *files)
{
    if (!files)
        return;
    for (uint32_t i = 0; files->file && i < files->options.path_count; i++) {
        struct file *file = &files->file[i];
        if (file->fd >= 0)
            close(file->fd);
        ZSTD_freeDStream(file->zstd);
        free(file->packed);
        free(file->room);
    }
    ingest_route_done(&files->route);
    ingest_decoder_close(files->decoder);
    free(files->file);
    free(files);
}
