/* Snapshots made by hand: parts of bytes that follow from a seed, and a directory that is gone
 * afterwards. */
#ifndef TESTS_SNAPSHOT_FIXTURE_H
#define TESTS_SNAPSHOT_FIXTURE_H

#include "rollcall/sink.h"
#include "snapshot_dir.h"
#include "snapshot_frame.h"
#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { TASKS = 8, NO_PART = UINT32_MAX, PIECE = 777 };

/* What is put and what must come back. A part of size NO_PART is none. */
struct fixture_parts {
    uint32_t size[TASKS + 1]; /* the last is the table */
    uint32_t seed, restored;
    enum rc_error fail; /* what saving answers in the middle of the first part */
};

static inline uint32_t fixture_slot(uint32_t part)
{
    return part == SINK_SNAPSHOT_TABLE ? TASKS : part;
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
    return ((struct fixture_parts *)self)->size[fixture_slot(part)] != NO_PART;
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
                                       .made_at_ms = INT64_C(1767571201234),
                                       .hash_secret = UINT64_C(0xfedcba9876543210),
                                       .config_id = "0123456789abcdef0123456789abcdef",
                                       .config_text = fixture_config_text,
                                       .config_size = sizeof fixture_config_text - 1,
                                       .task_count = TASKS};
}

/* ---- a directory ---- */

static char fixture_dir[64];

static inline void fixture_dir_make(void)
{
    snprintf(fixture_dir, sizeof fixture_dir, "/tmp/rollcall-unit-XXXXXX");
    cr_assert_not_null(mkdtemp(fixture_dir));
}

static inline void fixture_dir_remove(void)
{
    DIR *dir = opendir(fixture_dir);
    for (struct dirent *entry; dir && (entry = readdir(dir));)
        unlinkat(dirfd(dir), entry->d_name, 0);
    if (dir)
        closedir(dir);
    rmdir(fixture_dir);
}

/* Names of all that is there, sorted, each followed by a blank. */
static inline const char *fixture_dir_names(void)
{
    static char text[4096];
    struct dirent **entry = NULL;
    int count = scandir(fixture_dir, &entry, NULL, alphasort);
    text[0] = '\0';
    for (int i = 0; i < count; i++) {
        if (strcmp(entry[i]->d_name, ".") && strcmp(entry[i]->d_name, "..")) {
            strncat(text, entry[i]->d_name, sizeof text - strlen(text) - 1);
            strncat(text, " ", sizeof text - strlen(text) - 1);
        }
        free(entry[i]);
    }
    free(entry);
    return text;
}

/* Writes one, and gives its path. */
static inline const char *fixture_write(struct fixture_parts *parts, const char *group,
                                        uint64_t epoch, uint32_t keep)
{
    static char path[SNAPSHOT_PATH_MAX];
    char message[256];
    const struct sink_snapshot_parts all = fixture_of(parts);
    struct sink_snapshot_head head = fixture_head(group, epoch);
    cr_assert_eq(sink_snapshot_write(fixture_dir, keep, &head, &all, message), RC_OK, "%s",
                 message);
    sink_snapshot_path(fixture_dir, group, epoch, path, sizeof path);
    return path;
}

static inline char *fixture_file_read(const char *path, size_t *ret_size)
{
    struct stat file;
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    cr_assert(fd >= 0 && fstat(fd, &file) == 0, "%s", path);
    char *bytes = malloc((size_t)file.st_size + 1);
    cr_assert_eq(read(fd, bytes, (size_t)file.st_size), file.st_size);
    close(fd);
    *ret_size = (size_t)file.st_size;
    return bytes;
}

static inline void fixture_file_write(const char *path, const char *bytes, size_t size)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    cr_assert(fd >= 0, "%s", path);
    cr_assert_eq(write(fd, bytes, size), (ssize_t)size);
    close(fd);
}

/* The frame at that byte with another version, its checksum right again. */
static inline void fixture_frame_seal(char *bytes, size_t at)
{
    struct snapshot_frame frame;
    memcpy(&frame, bytes + at, sizeof frame);
    frame.hash = snapshot_frame_hash(&frame, bytes + at + sizeof frame);
    memcpy(bytes + at, &frame, sizeof frame);
}

#endif
