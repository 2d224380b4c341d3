/* Records to standard output, in a chosen form, or to a folder with one file per topic. A file has
 * a temporary name until it is complete: who finds metrics.ndjson finds all of it. */
#include "contact_text.h"
#include "out_buffer.h"
#include "out_table.h"
#include "record_text.h"
#include "text.h"
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

static const char *const topic_file[RC_TOPIC_COUNT] = {
    "metrics.ndjson", "slas.ndjson", "contacts.ndjson", "alerts.ndjson", "dead_letter.ndjson"};

struct part {
    struct out_buffer buffer; /* fd -1: not open */
    char *path, *temp;
};

/* Where a dead letter's line lies: epochs bring them sorted, several files may interleave. */
struct dead_line {
    int64_t offset;
    uint64_t at;
    uint32_t source, size;
};

struct out_file {
    struct sink_file_options options;
    struct out_buffer out; /* without a folder */
    struct out_table *table;
    struct contact_clocks clocks; /* columns of a CSV of contacts */
    struct part part[RC_TOPIC_COUNT];
    struct dead_line *dead;
    uint64_t dead_count, dead_room, dead_at;
    bool dead_unsorted;
    char message[256];
};

static enum rc_error fail(struct out_file *file, enum rc_error err, const char *path, int error)
{
    if (err == RC_ERR_IO && !file->message[0])
        snprintf(file->message, sizeof file->message, "cannot write %s: %s%s", path,
                 strerror(error),
                 error == ENOSPC || error == EDQUOT ? "; what was written is not complete" : "");
    return err;
}

static enum rc_error part_failed(struct out_file *file, enum rc_error err, enum rc_topic topic)
{
    const struct part *part = &file->part[topic];
    return err ? fail(file, err, part->path, part->buffer.error) : RC_OK;
}

static enum rc_error out_failed(struct out_file *file, enum rc_error err)
{
    return err ? fail(file, err, "standard output", file->out.error) : RC_OK;
}

/* ---- records ---- */

static bool is_named(const char *name, const char *bytes, uint32_t size)
{
    return !name || (strlen(name) == size && !memcmp(name, bytes, size));
}

static bool is_wanted(const struct out_file *file, const struct rc_record *rec)
{
    const struct sink_file_options *options = &file->options;
    if (rec->tombstone) /* a key without a value: nothing to write in a file */
        return false;
    if (!is_named(options->client, record_client(rec), rec->client_size) ||
        !is_named(options->queue, record_queue(rec), rec->queue_size))
        return false;
    if (options->dir)
        return true;
    if (rec->topic != RC_TOPIC_METRICS)
        return rec->topic == RC_TOPIC_SLAS       ? options->slas
               : rec->topic == RC_TOPIC_CONTACTS ? options->contacts
                                                 : options->alerts;
    return rec->kind == RC_KIND_ROLLING ? options->rolling : options->interval;
}

static enum rc_error write_json(const struct out_file *file, struct out_buffer *buffer,
                                const struct rc_record *rec)
{
    char *at;
    enum rc_error err = out_buffer_reserve(buffer, sink_record_room(rec) + 1, &at);
    if (err)
        return err;
    uint32_t size = sink_record_json(&file->options.config->windows, rec, at);
    at[size] = '\n';
    out_buffer_advance(buffer, size + 1);
    return RC_OK;
}

/* Without a record: the header. */
static enum rc_error write_contact_csv(const struct out_file *file, struct out_buffer *buffer,
                                       const struct rc_record *rec)
{
    char *at;
    enum rc_error err = out_buffer_reserve(buffer, contact_csv_room(&file->clocks), &at);
    if (err)
        return err;
    uint32_t size =
        rec ? contact_csv(&file->clocks, rec, at) : contact_csv_header(&file->clocks, at);
    out_buffer_advance(buffer, size);
    return RC_OK;
}

static enum rc_error write_csv(const struct out_file *file, struct out_buffer *buffer,
                               const struct rc_record *rec)
{
    char *at;
    if (file->options.contacts)
        return write_contact_csv(file, buffer, rec);
    enum rc_error err = out_buffer_reserve(buffer, SINK_RECORD_TEXT_MAX, &at);
    if (err)
        return err;
    uint32_t size = rec ? out_csv_record(&file->options.config->windows, rec, at)
                        : out_csv_header(file->options.slas, at);
    out_buffer_advance(buffer, size);
    return RC_OK;
}

static enum rc_error file_record(void *self, struct rc_record *rec)
{
    struct out_file *file = self;
    if (!is_wanted(file, rec))
        return RC_OK;
    if (file->options.dir)
        return part_failed(file, write_json(file, &file->part[rec->topic].buffer, rec), rec->topic);
    enum rc_error err = file->options.format == SINK_NDJSON ? write_json(file, &file->out, rec)
                        : file->options.format == SINK_CSV  ? write_csv(file, &file->out, rec)
                                                            : out_table_record(file->table, rec);
    return out_failed(file, err);
}

/* ---- dead letters ---- */

static enum rc_error dead_note(struct out_file *file, const struct rc_dead_letter *dead,
                               uint32_t size)
{
    if (file->dead_count == file->dead_room) {
        uint64_t room = file->dead_room ? file->dead_room * 2 : 256;
        struct dead_line *lines = realloc(file->dead, room * sizeof *lines);
        if (!lines)
            return RC_ERR_MEMORY;
        file->dead = lines;
        file->dead_room = room;
    }
    struct dead_line *line = &file->dead[file->dead_count++];
    *line = (struct dead_line){dead->offset, file->dead_at, dead->source, size};
    file->dead_at += size;
    if (file->dead_count > 1 &&
        (line[-1].source > line->source ||
         (line[-1].source == line->source && line[-1].offset > line->offset)))
        file->dead_unsorted = true;
    return RC_OK;
}

#define PUT(at, literal) text_put(at, literal, sizeof(literal) - 1)

static char *put_value(char *at, const struct rc_dead_letter *dead)
{
    struct rc_raw raw;
    at = PUT(at, ",\"value\":");
    if (dead->raw_size < sizeof raw)
        return PUT(at, "null");
    memcpy(&raw, dead->raw, sizeof raw);
    uint64_t key_size = raw.key_size == UINT32_MAX ? 0 : raw.key_size;
    RC_CHECK(sizeof raw + key_size + raw.value_size <= dead->raw_size);
    return text_json(at, dead->raw + sizeof raw + key_size, raw.value_size);
}

static enum rc_error file_dead_letter(void *self, const struct rc_dead_letter *dead)
{
    struct out_file *file = self;
    if (!file->options.dir)
        return RC_OK;
    struct out_buffer *buffer = &file->part[RC_TOPIC_DEAD_LETTER].buffer;
    const char *name = file->options.source_name ? file->options.source_name[dead->source] : "-";
    uint32_t name_size = (uint32_t)strlen(name);
    uint32_t reason_size = (uint32_t)strnlen(dead->reason, sizeof dead->reason);
    uint64_t room = 128 + TEXT_JSON_GROWTH * ((uint64_t)name_size + reason_size + dead->raw_size);
    char *begin;
    enum rc_error err = out_buffer_reserve(buffer, room, &begin);
    if (err)
        return part_failed(file, err, RC_TOPIC_DEAD_LETTER);
    char *at = PUT(begin, "{\"file\":");
    at = text_json(at, name, name_size);
    at = PUT(at, ",\"line\":");
    at = text_int(at, dead->offset);
    at = PUT(at, ",\"reason\":");
    at = text_json(at, dead->reason, reason_size);
    if (file->options.config->privacy.dead_letter_values)
        at = put_value(at, dead);
    at = PUT(at, "}\n");
    out_buffer_advance(buffer, (uint64_t)(at - begin));
    return dead_note(file, dead, (uint32_t)(at - begin));
}

static int compare_lines(const void *left, const void *right)
{
    const struct dead_line *a = left, *b = right;
    if (a->source != b->source)
        return a->source < b->source ? -1 : 1;
    if (a->offset != b->offset)
        return a->offset < b->offset ? -1 : 1;
    return a->at < b->at ? -1 : a->at > b->at;
}

static enum rc_error copy_line(int from, const struct dead_line *line, struct out_buffer *to)
{
    char *at;
    enum rc_error err = out_buffer_reserve(to, line->size, &at);
    for (uint32_t done = 0; !err && done < line->size;) {
        ssize_t count = pread(from, at + done, line->size - done, (off_t)(line->at + done));
        if (count == 0 || (count < 0 && errno != EINTR)) {
            to->error = count < 0 ? errno : EIO;
            return RC_ERR_IO;
        }
        done += count > 0 ? (uint32_t)count : 0;
    }
    if (!err)
        out_buffer_advance(to, line->size);
    return err;
}

/* Dead letters stand by file and line, whatever the order in which the files were read. */
static enum rc_error sort_dead_letters(struct out_file *file)
{
    struct part *part = &file->part[RC_TOPIC_DEAD_LETTER];
    enum rc_error err = out_buffer_flush(&part->buffer);
    if (err || !file->dead_unsorted)
        return err;
    qsort(file->dead, file->dead_count, sizeof *file->dead, compare_lines);
    int from = part->buffer.fd;
    unlink(part->temp);
    int to = open(part->temp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (to < 0) {
        part->buffer.error = errno;
        return RC_ERR_IO;
    }
    part->buffer.fd = to;
    for (uint64_t i = 0; i < file->dead_count && !err; i++)
        err = copy_line(from, &file->dead[i], &part->buffer);
    close(from);
    return err;
}

/* ---- life ---- */

static enum rc_error file_epoch(void *self, const struct sink_epoch *epoch)
{
    (void)self, (void)epoch; /* a file is read when it is complete */
    return RC_OK;
}

static enum rc_error part_flush(struct out_file *file, enum rc_topic topic)
{
    struct part *part = &file->part[topic];
    enum rc_error err = out_buffer_flush(&part->buffer);
    if (err)
        return part_failed(file, err, topic);
    int fd = part->buffer.fd;
    part->buffer.fd = -1;
    return close(fd) ? fail(file, RC_ERR_IO, part->path, errno) : RC_OK;
}

static enum rc_error part_rename(struct out_file *file, enum rc_topic topic)
{
    struct part *part = &file->part[topic];
    if (rename(part->temp, part->path))
        return fail(file, RC_ERR_IO, part->path, errno);
    free(part->temp);
    part->temp = NULL;
    return RC_OK;
}

static enum rc_error file_finish(void *self)
{
    struct out_file *file = self;
    if (!file->options.dir) {
        enum rc_error err = file->table ? out_table_finish(file->table) : RC_OK;
        return out_failed(file, err ? err : out_buffer_flush(&file->out));
    }
    enum rc_error err = sort_dead_letters(file);
    if (err)
        return part_failed(file, err, RC_TOPIC_DEAD_LETTER);
    for (int i = 0; i < RC_TOPIC_COUNT && !err; i++)
        err = part_flush(file, (enum rc_topic)i);
    for (int i = 0; i < RC_TOPIC_COUNT && !err; i++)
        err = part_rename(file, (enum rc_topic)i);
    return err;
}

static const char *file_message(void *self)
{
    return ((struct out_file *)self)->message;
}

static void file_close(void *self)
{
    struct out_file *file = self;
    if (!file)
        return;
    for (int i = 0; i < RC_TOPIC_COUNT; i++) {
        struct part *part = &file->part[i];
        if (part->buffer.fd >= 0)
            close(part->buffer.fd);
        if (part->temp) /* never completed */
            unlink(part->temp);
        out_buffer_done(&part->buffer);
        free(part->temp);
        free(part->path);
    }
    out_table_close(file->table);
    contact_clocks_done(&file->clocks);
    out_buffer_done(&file->out);
    free(file->dead);
    free(file);
}

static enum rc_error part_open(struct out_file *file, enum rc_topic topic)
{
    struct part *part = &file->part[topic];
    const char *dir = file->options.dir, *name = topic_file[topic];
    if (asprintf(&part->path, "%s/%s", dir, name) < 0) {
        part->path = NULL;
        return RC_ERR_MEMORY;
    }
    if (asprintf(&part->temp, "%s/.%s.partial", dir, name) < 0) {
        part->temp = NULL;
        return RC_ERR_MEMORY;
    }
    int fd = open(part->temp, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (fd < 0) {
        int error = errno;
        free(part->temp);
        part->temp = NULL;
        fail(file, RC_ERR_IO, part->path, error);
        return error == EACCES || error == EPERM || error == EROFS ? RC_ERR_DENIED : RC_ERR_IO;
    }
    enum rc_error err = out_buffer_init(&part->buffer, fd);
    if (err)
        part->buffer.fd = fd;
    return err;
}

static enum rc_error open_dir(struct out_file *file)
{
    enum rc_error err = RC_OK;
    if (mkdir(file->options.dir, 0777) && errno != EEXIST) {
        int error = errno;
        fail(file, RC_ERR_IO, file->options.dir, error);
        return error == EACCES || error == EPERM || error == EROFS ? RC_ERR_DENIED : RC_ERR_IO;
    }
    for (int i = 0; i < RC_TOPIC_COUNT && !err; i++)
        err = part_open(file, (enum rc_topic)i);
    return err;
}

static enum rc_error open_out(struct out_file *file)
{
    const struct sink_file_options *options = &file->options;
    enum rc_error err = out_buffer_init(&file->out, options->fd);
    if (!err && options->format == SINK_TABLE)
        err = out_table_open(options->config, &file->out, options->rolling, options->color,
                             &file->table);
    if (!err && options->format == SINK_CSV && options->contacts)
        err = contact_clocks_init(&file->clocks, options->config);
    if (!err && options->format == SINK_CSV)
        err = write_csv(file, &file->out, NULL);
    return err;
}

enum rc_error sink_file_open(const struct sink_file_options *options,
                             struct sink_output *ret_output, char ret_message[256])
{
    struct out_file *file = calloc(1, sizeof *file);
    if (!file)
        return RC_ERR_MEMORY;
    file->options = *options;
    for (int i = 0; i < RC_TOPIC_COUNT; i++)
        file->part[i].buffer.fd = -1;
    enum rc_error err = options->dir ? open_dir(file) : open_out(file);
    if (err) {
        snprintf(ret_message, 256, "%s", file->message[0] ? file->message : rc_error_text(err));
        file_close(file);
        return err;
    }
    *ret_output = (struct sink_output){.self = file,
                                       .record = file_record,
                                       .dead_letter = file_dead_letter,
                                       .epoch = file_epoch,
                                       .close = file_close,
                                       .finish = file_finish,
                                       .message = file_message};
    return RC_OK;
}
