/* The engine between a source and an output: rings, shard threads, the commit thread, and the
 * thread that runs the source. The same for replay, run and demo; what differs is the source.
 *
 *     engine_open(&options, &engine);
 *     ingest_files_open(&files, engine_input(engine), …);     the source fills these rings
 *     engine_start(engine, run_source, source);
 *     while (!engine_wait(engine, 100)) …;                    the main thread is free
 *     engine_join(engine, message); engine_close(engine);
 *
 * When the source fails it closes its epoch, and all threads end. When the output fails the commit
 * thread goes on and throws away what comes, so that nobody waits for it: stop the source and join,
 * or, where that would take long, say what must be said and _exit. The output's `finish` is called
 * by engine_join when nothing has failed. */
#ifndef APP_ENGINE_H
#define APP_ENGINE_H

#include "rollcall/aggregate.h"
#include "rollcall/ingest.h"
#include "rollcall/sink.h"

enum { ENGINE_SHARDS_MAX = 64 };

struct engine_options {
    const struct rc_config *config;     /* borrowed, outlives the engine */
    uint32_t shards;                    /* 0: one per core but one */
    uint64_t hash_secret;               /* engine_secret(); the decoder's is the same */
    bool replay, provisional, contacts; /* as in agg_options */
    struct sink_output output;          /* borrowed; closed by its owner, after engine_close */
    struct sink_table *table;           /* may be NULL */
    /* thread: ingest, before any other runs and before the source: what was is restored here, and
     * the shards' state (engine_agg) may be touched. An error ends the engine. May be NULL */
    enum rc_error (*prepare)(void *opaque, char ret_message[256]);
    /* thread: commit; after an epoch with a snapshot mark all shards stand still until it returns.
     * May be NULL */
    void (*published)(void *opaque, const struct sink_epoch *epoch);
    void (*ended)(void *opaque); /* a thread has ended. thread: that one. May be NULL */
    void *opaque;
};
struct engine;

/* Memory for the rings is reserved and the shards' state opened here; no thread runs yet. */
enum rc_error engine_open(const struct engine_options *options, struct engine **ret_engine);
/* What the source gets; lent until engine_close. */
const struct ingest_output *engine_input(const struct engine *engine);
/* Starts all threads, the ingest thread first; signals are blocked in them. `source` is the whole
 * work of the ingest thread. */
enum rc_error engine_start(struct engine *engine,
                           enum rc_error (*source)(void *opaque, char ret_message[256]),
                           void *opaque);
/* Waits for up to timeout_ms; true: all threads have ended, or one has failed. */
bool engine_wait(struct engine *engine, int64_t timeout_ms);
/* The same, but only when all have ended. */
bool engine_ended(struct engine *engine, int64_t timeout_ms);
/* The first failure so far, RC_OK: none. RC_ERR_END: nobody reads the output any more.
 * ret_message: what happened, in words. thread: any. */
enum rc_error engine_error(struct engine *engine, char ret_message[256]);
/* The failure is the output's. thread: any. */
bool engine_output_failed(struct engine *engine);
/* Waits for all threads; when all went well, lets the output finish. The first failure. */
enum rc_error engine_join(struct engine *engine, char ret_message[256]);
/* Only before engine_start or after engine_join. Takes NULL. */
void engine_close(struct engine *engine);

/* The shard that owns the task; see `prepare` and `published` for when. */
struct agg *engine_agg(struct engine *engine, uint32_t task);

/* Sums over the shards, except now_ms: the smallest. */
#define ENGINE_SUM(name, help) uint64_t name;
struct engine_stats {
    RC_SHARD_COUNTERS(ENGINE_SUM)
};
#undef ENGINE_SUM
/* thread: any. */
void engine_stats(const struct engine *engine, struct engine_stats *ret_stats);
uint32_t engine_shards(const struct engine *engine);
/* As agg_shard_rounds. thread: any. */
uint64_t engine_rounds(const struct engine *engine, uint32_t shard);
const struct sink_commit *engine_commit(const struct engine *engine);

/* A secret for the hash tables of one run; no output depends on it. */
uint64_t engine_secret(void);

struct engine_snapshots {           /* of the whole run; the last four: of the last one */
    uint64_t made, failed, skipped; /* skipped: the one before was not finished */
    int64_t pause_ms_max;           /* for which the shards stood still, to fork */
    uint64_t epoch, bytes;
    int64_t took_ms, made_at_ms;
};
struct engine_restore { /* how long each part of the start took; negative: not over yet */
    int64_t progress_ms, snapshot_ms, replay_ms;
};
/* One engine of the process: the only one, or a task's. */
struct engine_part {
    const struct engine *engine;
    const struct rc_ingest_stats *ingest;
    const struct ingest_partition *partition; /* of a Kafka source */
    uint32_t partition_count;
    bool has_snapshots, has_restore; /* restore: something may be gone on from */
    bool standby;                    /* another process of the group is active */
    int64_t stall_ms;                /* of the slowest shard (watchdog.h) */
    struct engine_snapshots snapshots;
    struct engine_restore restore;
};
/* Of a process whose group shares its tasks. */
struct engine_tasks {
    uint32_t owned, live;
    uint64_t moves;
    int64_t pause_ms; /* of the last one that came */
};
/* The engines' part of /metrics, OpenMetrics text without the `# EOF`: every family once, with sums
 * over the parts; freed by the caller, NULL when memory is out. thread: any. */
struct engine_metrics {
    const struct rc_config *config;
    const struct engine_part *part;
    uint32_t part_count;
    const struct engine_past *past;   /* engine_past.h; NULL: none is gone */
    const struct engine_tasks *tasks; /* NULL: there is but one process */
    bool reload_ok;                   /* the configuration as last read was valid */
    int64_t wall_ms;                  /* now, for the lag */
    int64_t steady_ms;                /* now, for ages */
};
char *engine_metrics_text(const struct engine_metrics *metrics);

#endif
