/* Snapshots made by hand, in a directory that is gone afterwards. */
#ifndef TESTS_SNAPSHOT_FIXTURE_H
#define TESTS_SNAPSHOT_FIXTURE_H

#include "rollcall/sink.h"
#include "snapshot_dir.h"
#include "snapshot_frame.h"
#include "snapshot_parts.h"
#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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

/* The frame at that byte was changed: its checksum is right again. */
static inline void fixture_frame_seal(char *bytes, size_t at)
{
    struct snapshot_frame frame;
    memcpy(&frame, bytes + at, sizeof frame);
    frame.hash = snapshot_frame_hash(&frame, bytes + at + sizeof frame);
    memcpy(bytes + at, &frame, sizeof frame);
}

#endif
