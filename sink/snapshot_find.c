/* Which of the files in the directory is gone on from. */
#include "rollcall/sink.h"
#include "snapshot_dir.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* That file, if it can be used. Else ret_message. */
static struct sink_snapshot *use(const char *dir, const char *group, uint64_t epoch,
                                 uint64_t last_epoch, char ret_message[256])
{
    char path[SNAPSHOT_PATH_MAX];
    struct sink_snapshot *snapshot;
    sink_snapshot_path(dir, group, epoch, path, sizeof path);
    if (epoch > last_epoch) {
        snprintf(ret_message, 256,
                 "%.150s: of an epoch after the last one that was committed, %" PRIu64, path,
                 last_epoch);
        return NULL;
    }
    if (sink_snapshot_open(path, &snapshot, ret_message))
        return NULL;
    const struct sink_snapshot_head *head = sink_snapshot_head(snapshot);
    if (!strcmp(head->group, group) && head->epoch == epoch)
        return snapshot;
    snprintf(ret_message, 256, "%.150s: not of the group and epoch of its name", path);
    sink_snapshot_close(snapshot);
    return NULL;
}

enum rc_error sink_snapshot_find(const char *dir, const char *group, uint64_t last_epoch,
                                 void (*say)(void *opaque, const char *line), void *opaque,
                                 struct sink_snapshot **ret_snapshot)
{
    uint64_t *epoch;
    uint32_t count;
    char message[256], line[400];
    struct sink_snapshot *found = NULL;
    enum rc_error err = snapshot_dir_list(dir, group, &epoch, &count);
    if (err)
        return err;
    for (uint32_t i = 0; i < count && !found; i++) {
        found = use(dir, group, epoch[i], last_epoch, message);
        if (found)
            break;
        snprintf(line, sizeof line, "warning: a snapshot is passed over: %s; %s", message,
                 i + 1 < count ? "the next older one is tried"
                               : "there is no older one in this directory");
        say(opaque, line);
    }
    free(epoch);
    *ret_snapshot = found;
    return found ? RC_OK : RC_ERR_END;
}
