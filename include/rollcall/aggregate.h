/* aggregate/, the core: events to records. It keeps what is known of every contact, derives figures
 * from it with pure functions, sums them in windows and says what is to be published. It reads no
 * clock and does no I/O: time comes in with events and marks. A shard is one thread and owns whole
 * clients; nothing is shared between shards. */
#ifndef ROLLCALL_AGGREGATE_H
#define ROLLCALL_AGGREGATE_H

#include "config.h"
#include "error.h"
#include "park.h"
#include "record.h"
#include "ring.h"
#include "snapshot.h"
#include "stats.h"

struct agg_options {
    const struct rc_config *config; /* borrowed, outlives the shard */
    uint32_t shard_count, shard;    /* this one owns tasks t with t mod shard_count == shard */
    uint64_t hash_secret;           /* the same that the decoder has */
    bool replay;                    /* every T and multiple is looked at (as catch_up: all) */
    bool provisional;               /* publish open intervals; live: always */
    bool contacts;                  /* make records of contacts */
    /* the pseudonym of a customer, for no_customer lists */
    struct rc_id128 (*pseudonym)(const uint8_t key[32], const char *bytes, uint32_t size);
};

/* A shard's state without its thread, for tests, benches and the shard's own loop. Records and
 * dead letters are handed to `emit` in canonical order at each mark; what it gets is lent until it
 * returns. */
typedef void agg_emit(void *opaque, enum rc_message kind, const void *message, uint32_t size);
struct agg;
enum rc_error agg_open(const struct agg_options *options, agg_emit *emit, void *opaque,
                       struct agg **ret_agg);
void agg_close(struct agg *agg);
/* The event is copied. thread: the shard's. */
void agg_take(struct agg *agg, const struct rc_event *ev);
/* Late ones first (live), then now moves to mark->now_ms, visiting every instant in between. */
void agg_mark(struct agg *agg, const struct rc_mark *mark);
const struct rc_shard_stats *agg_stats(const struct agg *agg);

/* ---- state to bytes and back; a task moves whole, between shards and between processes ---- */

/* The task has state. */
bool agg_task_exists(const struct agg *agg, uint32_t task);
/* Between two marks. Reads only, and takes no memory: a forked child may call it. */
enum rc_error agg_task_save(const struct agg *agg, uint32_t task,
                            const struct rc_snapshot_writer *out);
/* Before the first event and mark, under the configuration and hash_secret of the run that saved
 * it. INPUT: it is damaged, or of a version that is not known; ret_message says what. What was
 * restored so far is of no use then. */
enum rc_error agg_task_restore(struct agg *agg, uint32_t task, const struct rc_snapshot_reader *in,
                               char ret_message[256]);
/* The secret of the run whose state is restored. Before the first task exists. */
void agg_secret_set(struct agg *agg, uint64_t hash_secret);
/* After the tasks: now stands there. */
void agg_resume(struct agg *agg, int64_t now_ms);

/* ---- another configuration ---- */

/* Whether the shard can go over to that configuration; agg_configure asks it too, but one shard is
 * not to have changed when another refuses. CONFIG: it cannot, ret_message says why:
 * - another number of `tasks`: clients belong to tasks by it;
 * - another privacy.pseudonym_key: the customers that are remembered are known by the old one. */
enum rc_error agg_configure_check(const struct agg *agg, const struct rc_config *config,
                                  char ret_message[256]);
/* Between two marks of a live run; events may wait for their time. All tasks go over to another
 * configuration: what remembered contacts, identities and episodes had made by the old one is taken
 * back, and made anew by this one; of what forgotten contacts made, nothing changes. What differs
 * then is published when it is looked at next, closed windows excepted. Records of groups and
 * clocks that are no longer there end with the next mark. Both are borrowed and must live; when it
 * returns only the new one is used. Numbers of windows are those of the new one from then on, also
 * in what the next mark brings. CONFIG: as above, and nothing has changed. */
enum rc_error agg_configure(struct agg *agg, const struct rc_config *config, char ret_message[256]);

/* The shard's thread: drains its ring, steps, hands on to the commit thread's ring, END after each
 * mark; returns after the mark with end_of_input, or when the ring brings RC_MESSAGE_END. */
struct agg_shard_options {
    struct agg_options agg;
    struct rc_ring *in;
    struct rc_park *self;   /* wakes this shard: new input, or room in `out` */
    struct rc_park *ingest; /* to wake ingest when there is room again */
    struct rc_ring *out;    /* to the commit thread */
    struct rc_park *commit;
    /* After a mark with `snapshot` and its END the shard stands still until this is at its epoch or
     * beyond (A: a release, by whoever saves it, then a wake of `self`); UINT64_MAX: it does not
     * any more. NULL: it never does */
    const _Atomic uint64_t *saved_epoch;
};
struct agg_shard;
enum rc_error agg_shard_open(const struct agg_shard_options *options, struct agg_shard **ret_shard);
void agg_shard_run(struct agg_shard *shard);
/* The shard's state: before its thread runs, or while that stands still. */
struct agg *agg_shard_state(struct agg_shard *shard);
const struct rc_shard_stats *agg_shard_stats(const struct agg_shard *shard);
/* Grows several times a second as long as the thread is well, also while it waits for input, for
 * the output or for a snapshot; 0 before it runs. thread: any. */
uint64_t agg_shard_rounds(const struct agg_shard *shard);
void agg_shard_close(struct agg_shard *shard);

#endif
