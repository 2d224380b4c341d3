/* The start of `run`: where the run before stopped, and how this one goes on from there (DESIGN,
 * section 5.1; docs/recovery.md). Called by the ingest thread before any other thread runs. */
#ifndef APP_RUN_RECOVERY_H
#define APP_RUN_RECOVERY_H

#include "config_load.h"
#include "run_snapshot.h"

struct run_recovery_options {
    struct config_loaded *loaded; /* lent; gets the pseudonym key that the group made itself */
    struct engine *engine;
    struct ingest_kafka *source;
    struct sink_output *output;
    struct run_snapshot *snapshot; /* NULL: none are made, and none is looked for */
    bool only;                     /* end with a snapshot of the last epoch that was committed */
    void (*print)(void *opaque, const char *line);
    void *opaque;
};

enum run_stage { RUN_PREPARE, RUN_LOOK, RUN_DOWNLOAD, RUN_RESTORE, RUN_REPLAY, RUN_LIVE };
struct run_recovery {
    struct run_recovery_options options;
    _Atomic int stage;
    _Atomic uint64_t bytes_done, bytes_total;
    uint32_t epochs; /* to be made again; set before RUN_REPLAY */
    uint64_t from_epoch, last_epoch;
    int64_t begun_ms, restored_ms;
    _Atomic int64_t progress_ms, snapshot_ms, replay_ms; /* how long they took; -1: not over yet */
    /* The configuration that the last committed epoch was made under, where it is another one and
     * epochs are to be made again under it first: the caller runs it with `only`, and comes again.
     * Freed by the caller. */
    char *finish_under;
    uint32_t finish_size;
};

/* RC_ERR_AGAIN: finish_under is there. Else what stops the start, in ret_message. */
enum rc_error run_recover(struct run_recovery *recovery, char ret_message[256]);
/* An epoch is out: whether it was the last to be made again. thread: commit. */
void run_recovery_published(struct run_recovery *recovery, uint64_t epoch);
/* How long it took. thread: any. */
void run_recovery_times(const struct run_recovery *recovery, struct engine_restore *ret_times);
/* How far it is, in words, for /readyz and the log; false: live. thread: any. */
bool run_recovery_text(struct run_recovery *recovery, char ret_text[256]);

#endif
