/* The files of snapshots in their directory: names, how one comes to be there, which go. */
#ifndef SINK_SNAPSHOT_DIR_H
#define SINK_SNAPSHOT_DIR_H

#include "rollcall/error.h"
#include <stdbool.h>
#include <stdint.h>

enum { SNAPSHOT_PATH_MAX = 4400, SNAPSHOT_NAME_MAX = 240 };

struct snapshot_file { /* one that is being written */
    int fd, dir_fd;
    char temporary[SNAPSHOT_NAME_MAX], name[SNAPSHOT_NAME_MAX];
};

/* The directory is made if it is missing, its parents are not. IO, DENIED: ret_message. */
enum rc_error snapshot_file_create(const char *dir, const char *group, uint64_t epoch,
                                   struct snapshot_file *ret_file, char ret_message[256]);
/* It is whole: durable, and then under its name. IO: it is gone, and ret_message says why. */
enum rc_error snapshot_file_publish(struct snapshot_file *file, char ret_message[256]);
/* Closes and removes it; what errno says goes into ret_message. */
void snapshot_file_abandon(struct snapshot_file *file, enum rc_error err, char ret_message[256]);

/* Removes all but the newest `keep` of the group up to that epoch, and temporary files of writers
 * that died. Those beyond the epoch are of a group of that name that has begun anew. */
void snapshot_dir_trim(const char *dir, const char *group, uint64_t epoch, uint32_t keep);
/* Epochs of the group's files, the largest first; freed by the caller. MEMORY; END: there is no
 * such directory, or it cannot be read. */
enum rc_error snapshot_dir_list(const char *dir, const char *group, uint64_t **ret_epoch,
                                uint32_t *ret_count);

#endif
