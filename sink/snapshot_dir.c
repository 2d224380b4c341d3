#include "snapshot_dir.h"
#include "rollcall/crash.h"
#include "rollcall/sink.h"

#define XXH_INLINE_ALL
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

enum { EPOCH_DIGITS = 20, GROUP_MAX = 180, PREFIX_MAX = 208, MODE = 0600, DIR_MODE = 0700 };
static const char suffix[] = ".snapshot", temporary_suffix[] = ".tmp";
static_assert(PREFIX_MAX + EPOCH_DIGITS + sizeof suffix < SNAPSHOT_NAME_MAX, "names are whole");

/* "GROUP-", what a file name may not have written as _XX; a long one ends with its hash. */
static void put_prefix(const char *group, char ret_prefix[PREFIX_MAX])
{
    size_t used = 0;
    const char *at = group;
    for (; *at && used < GROUP_MAX; at++) {
        unsigned char byte = (unsigned char)*at;
        if (isalnum(byte) || byte == '.' || byte == '-')
            ret_prefix[used++] = *at;
        else
            used += (size_t)snprintf(ret_prefix + used, PREFIX_MAX - used, "_%02X", byte);
    }
    if (*at)
        used += (size_t)snprintf(ret_prefix + used, PREFIX_MAX - used, "_%016" PRIx64,
                                 (uint64_t)XXH3_64bits(group, strlen(group)));
    snprintf(ret_prefix + used, PREFIX_MAX - used, "-");
}

static void put_name(const char *group, uint64_t epoch, char ret_name[SNAPSHOT_NAME_MAX])
{
    char prefix[PREFIX_MAX];
    put_prefix(group, prefix);
    snprintf(ret_name, SNAPSHOT_NAME_MAX, "%s%0*" PRIu64 "%s", prefix, EPOCH_DIGITS, epoch, suffix);
}

void sink_snapshot_path(const char *dir, const char *group, uint64_t epoch, char *ret_path,
                        size_t room)
{
    char name[SNAPSHOT_NAME_MAX];
    put_name(group, epoch, name);
    snprintf(ret_path, room, "%s/%s", dir, name);
}

/* ---- one that is being written ---- */

static enum rc_error failed(const char *what, const char *where, char ret_message[256])
{
    int reason = errno;
    snprintf(ret_message, 256, "%s %.150s: %s", what, where, strerror(reason));
    return reason == EACCES || reason == EPERM || reason == EROFS ? RC_ERR_DENIED : RC_ERR_IO;
}

enum rc_error snapshot_file_create(const char *dir, const char *group, uint64_t epoch,
                                   struct snapshot_file *ret_file, char ret_message[256])
{
    struct snapshot_file *file = ret_file;
    if (mkdir(dir, DIR_MODE) && errno != EEXIST)
        return failed("cannot make the directory", dir, ret_message);
    file->dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (file->dir_fd < 0)
        return failed("cannot open", dir, ret_message);
    put_name(group, epoch, file->name);
    snprintf(file->temporary, sizeof file->temporary, ".%.*s%s",
             (int)(strlen(file->name) - strlen(suffix)), file->name, temporary_suffix);
    file->fd = openat(file->dir_fd, file->temporary, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, MODE);
    if (file->fd < 0) {
        enum rc_error err = failed("cannot write into", dir, ret_message);
        close(file->dir_fd);
        return err;
    }
    return RC_OK;
}

static void remove_temporary(struct snapshot_file *file)
{
    if (file->fd >= 0)
        close(file->fd);
    unlinkat(file->dir_fd, file->temporary, 0);
    close(file->dir_fd);
}

void snapshot_file_abandon(struct snapshot_file *file, enum rc_error err, char ret_message[256])
{
    if (err == RC_ERR_IO)
        failed("cannot write", file->temporary, ret_message);
    else
        snprintf(ret_message, 256, "%s", rc_error_text(err));
    remove_temporary(file);
}

enum rc_error snapshot_file_publish(struct snapshot_file *file, char ret_message[256])
{
    if (fdatasync(file->fd)) {
        snapshot_file_abandon(file, RC_ERR_IO, ret_message);
        return RC_ERR_IO;
    }
    int closed = close(file->fd);
    file->fd = -1;
    rc_crash_at(RC_CRASH_snapshot_rename_before);
    if (closed || renameat(file->dir_fd, file->temporary, file->dir_fd, file->name)) {
        snapshot_file_abandon(file, RC_ERR_IO, ret_message);
        return RC_ERR_IO;
    }
    rc_crash_at(RC_CRASH_snapshot_rename_after);
    enum rc_error err = RC_OK;
    if (fsync(file->dir_fd) && errno != EINVAL) { /* EINVAL: there is none for directories here */
        err = failed("cannot sync the directory of", file->name, ret_message);
        unlinkat(file->dir_fd, file->name, 0); /* it would not count for the older ones' removal */
    }
    close(file->dir_fd);
    return err;
}

/* ---- all of them ---- */

/* The epoch of a file of that prefix and that end. */
static bool epoch_of(const char *name, const char *prefix, const char *end, uint64_t *ret_epoch)
{
    size_t size = strlen(prefix);
    if (strncmp(name, prefix, size) || strspn(name + size, "0123456789") != EPOCH_DIGITS ||
        strcmp(name + size + EPOCH_DIGITS, end))
        return false;
    errno = 0;
    *ret_epoch = strtoull(name + size, NULL, 10);
    return errno == 0;
}

static int larger_first(const void *left, const void *right)
{
    uint64_t a = *(const uint64_t *)left, b = *(const uint64_t *)right;
    return a < b ? 1 : a > b ? -1 : 0;
}

enum rc_error snapshot_dir_list(const char *dir, const char *group, uint64_t **ret_epoch,
                                uint32_t *ret_count)
{
    char prefix[PREFIX_MAX];
    uint64_t *list = NULL;
    uint32_t count = 0, room = 0;
    DIR *open_dir = opendir(dir);
    if (!open_dir)
        return RC_ERR_END;
    put_prefix(group, prefix);
    for (struct dirent *entry; (entry = readdir(open_dir));) {
        uint64_t epoch;
        if (!epoch_of(entry->d_name, prefix, suffix, &epoch))
            continue;
        if (count == room) {
            room = room ? 2 * room : 16;
            uint64_t *bigger = realloc(list, room * sizeof *list);
            if (!bigger) {
                free(list);
                closedir(open_dir);
                return RC_ERR_MEMORY;
            }
            list = bigger;
        }
        list[count++] = epoch;
    }
    closedir(open_dir);
    if (count)
        qsort(list, count, sizeof *list, larger_first);
    *ret_epoch = list;
    *ret_count = count;
    return RC_OK;
}

static void trim_temporary(const char *dir, const char *group)
{
    char prefix[PREFIX_MAX];
    uint64_t epoch;
    DIR *open_dir = opendir(dir);
    if (!open_dir)
        return;
    put_prefix(group, prefix);
    for (struct dirent *entry; (entry = readdir(open_dir));)
        if (entry->d_name[0] == '.' &&
            epoch_of(entry->d_name + 1, prefix, temporary_suffix, &epoch))
            unlinkat(dirfd(open_dir), entry->d_name, 0);
    closedir(open_dir);
}

void snapshot_dir_trim(const char *dir, const char *group, uint64_t newest, uint32_t keep)
{
    uint64_t *epoch;
    uint32_t count, kept = 0;
    char path[SNAPSHOT_PATH_MAX];
    trim_temporary(dir, group);
    if (snapshot_dir_list(dir, group, &epoch, &count))
        return;
    for (uint32_t i = 0; i < count; i++) {
        if (epoch[i] <= newest && kept++ < keep)
            continue;
        sink_snapshot_path(dir, group, epoch[i], path, sizeof path);
        unlink(path);
    }
    free(epoch);
}
