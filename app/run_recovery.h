/* The start of `run`: where the run before stopped, and how this one goes on from there (DESIGN,
 * section 5.1; docs/recovery.md). Called by the ingest thread before any other thread runs. */
#ifndef APP_RUN_RECOVERY_H
#define APP_RUN_RECOVERY_H

#include "config_load.h"
#include "run_snapshot.h"

#include "rollcall/lease.h"

struct run_recovery_options {
    struct config_loaded *loaded; /* lent; gets the pseudonym key that the group made itself */
    struct engine *engine;
    struct ingest_kafka *source;
    struct sink_output *output;
    struct run_snapshot *snapshot; /* NULL: none are made, and none is looked for */
    bool only;                     /* end with a snapshot of the last epoch that was committed */
    bool restate;                  /* what differs is published: not while standing by */
    /* Who may publish; NULL: this process. Without it the recovery follows the process that has it,
     * until it is given. */
    struct ingest_lease *lease;
    const _Atomic bool *leave; /* the process stops */
    void (*print)(void *opaque, const char *line);
    void *opaque;
};

enum run_stage {
    RUN_PREPARE,
    RUN_COLD, /* standing by, with nothing to follow */
    RUN_LOOK,
    RUN_DOWNLOAD,
    RUN_RESTORE,
    RUN_REPLAY,
    RUN_FOLLOW, /* standing by, warm */
    RUN_TAKE_OVER,
    RUN_LIVE
};
struct run_recovery {
    struct run_recovery_options options;
    _Atomic int stage;
    _Atomic uint64_t bytes_done, bytes_total;
    uint32_t epochs; /* to be made again; set before RUN_REPLAY */
    uint64_t from_epoch;
    _Atomic uint64_t last_epoch; /* of both threads */
    int64_t begun_ms, restored_ms;
    int64_t found_ms; /* how long the snapshot was looked for, and fetched */
    bool fetched;     /* from the topic */
    /* How long they took, and 1; 0: not over yet. */
    _Atomic int64_t progress_ms, snapshot_ms, replay_ms;
    bool follows;               /* the lease is another's, or was until it is taken over */
    bool taken_over;            /* … which it is now */
    int64_t given_ms;           /* when that was */
    _Atomic uint64_t behind;    /* epochs, while following */
    _Atomic bool publishes;     /* it has the lease, and has begun to use it */
    _Atomic bool stands_by;     /* another process is active, and it was said */
    _Atomic(const char *) cold; /* why there is nothing to follow; NULL: there is */
    int64_t last_wall_ms; /* opening of the last committed epoch; RC_TIME_NONE: there is none */
    /* The configuration that the last committed epoch was made under, where it is another one and
     * epochs are to be made again under it first: the caller runs it with `only`, and comes again.
     */
    struct config_recorded finish_under;
};

/* RC_ERR_AGAIN: finish_under is there. Else what stops the start, in ret_message. */
enum rc_error run_recover(struct run_recovery *recovery, char ret_message[256]);
/* An epoch is out: whether it was the last to be made again. thread: commit. */
void run_recovery_published(struct run_recovery *recovery, uint64_t epoch);
/* How long it took. thread: any. */
void run_recovery_times(const struct run_recovery *recovery, struct engine_restore *ret_times);
/* ---- run_recovery_words.c ---- */

/* Records read so far for epochs that are made again. thread: any. */
uint64_t run_recovery_records(const struct run_recovery *recovery);
/* Says how long each part took. */
void run_recovery_say_restored(struct run_recovery *recovery);
/* How far it is, in words, for /readyz and the log; false: live. thread: any. */
bool run_recovery_text(struct run_recovery *recovery, char ret_text[256]);

/* ---- run_standby.c ---- */

/* Until there is something to follow, which `go_on` has begun to; or END: the lease is here. OK as
 * well when the process stops meanwhile. */
typedef enum rc_error run_go_on(struct run_recovery *recovery, const struct rc_progress *progress,
                                char ret_message[256]);
enum rc_error run_standby_begin(struct run_recovery *recovery, run_go_on *go_on,
                                char ret_message[256]);
/* The recorded epochs after those that run_recover knew: ingest_kafka_options.more, with the
 * recovery as its opaque. Takes over when the lease is given. AGAIN: the active process has gone
 * another way: begin anew. */
enum rc_error run_standby_more(void *opaque, uint64_t epoch, const struct rc_cut **ret_cut,
                               char ret_message[256]);
/* Another process is active: nothing is published. thread: any. */
bool run_standby_stands_by(const struct run_recovery *recovery);
/* The same in words, for /readyz; false: it does not stand by. thread: any. */
bool run_standby_text(struct run_recovery *recovery, char ret_text[256]);
/* As printf, for the log. */
__attribute__((format(printf, 2, 3))) void run_recovery_say(struct run_recovery *recovery,
                                                            const char *format, ...);
void run_recovery_stage(struct run_recovery *recovery, enum run_stage stage);

#endif
