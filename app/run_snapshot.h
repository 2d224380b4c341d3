/* Snapshots of the running engine: a forked child writes what the state was at the end of an epoch
 * while the parent goes on; a thread waits for the child and uploads the file. */
#ifndef APP_RUN_SNAPSHOT_H
#define APP_RUN_SNAPSHOT_H

#include "engine.h"

struct run_snapshot;
struct run_snapshot_options {
    const struct rc_config *config; /* borrowed */
    struct engine *engine;          /* borrowed; what must stand still while it is saved */
    struct sink_table *table;       /* may be NULL */
    struct sink_output *output;     /* borrowed; a Kafka one */
    uint64_t hash_secret;           /* of the engine's state */
    /* A line for the log. thread: any. */
    void (*print)(void *opaque, const char *line);
    void *opaque;
    void (*say)(void *opaque, const char *line); /* of the uploader: as in sink_kafka_options */
    void *say_opaque;
};
/* Starts the thread. */
enum rc_error run_snapshot_open(const struct run_snapshot_options *options,
                                struct run_snapshot **ret_snapshot, char ret_message[256]);
/* All shards stand still at the end of the epoch, which is committed. Returns when the child has
 * its copy. thread: commit. */
void run_snapshot_take(struct run_snapshot *snapshot, const struct sink_epoch *epoch);
/* Before the first take: that of a state that was restored. */
void run_snapshot_secret_set(struct run_snapshot *snapshot, uint64_t hash_secret);
uint64_t run_snapshot_secret(const struct run_snapshot *snapshot);
/* What is saved and restored: the engine's tasks and the table. Lent. */
const struct sink_snapshot_parts *run_snapshot_parts(const struct run_snapshot *snapshot);
/* The thread's own handle, before the first take: to download. */
struct sink_uploader *run_snapshot_uploader(struct run_snapshot *snapshot);

/* thread: any. */
void run_snapshot_figures(struct run_snapshot *snapshot, struct engine_snapshots *ret_figures);
/* Snapshots from now on are waited for: they are not written with less priority. thread: any */
void run_snapshot_hurry(struct run_snapshot *snapshot);
/* Waits for a child that still writes, for a minute at most, and for its upload, unless Kafka is
 * away. Takes NULL. */
void run_snapshot_close(struct run_snapshot *snapshot);

#endif
