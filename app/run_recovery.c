#include "run_recovery.h"

#include "terminal.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { AGAIN_MS = 500 };

static int64_t steady_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void run_recovery_stage(struct run_recovery *recovery, enum run_stage stage)
{
    atomic_store_explicit(&recovery->stage, stage, memory_order_relaxed);
}

static void took_set(_Atomic int64_t *took_ms, int64_t value)
{
    atomic_store_explicit(took_ms, value + 1, memory_order_relaxed);
}

/* Negative: not over yet. */
static int64_t took(const _Atomic int64_t *took_ms)
{
    return atomic_load_explicit(took_ms, memory_order_relaxed) - 1;
}

void run_recovery_say(struct run_recovery *recovery, const char *format, ...)
{
    char line[600];
    va_list list;
    va_start(list, format);
    vsnprintf(line, sizeof line, format, list);
    va_end(list);
    recovery->options.print(recovery->options.opaque, line);
}

static void say_line(void *opaque, const char *line)
{
    run_recovery_say(opaque, "%s", line);
}

/* ---- the state ---- */

/* A group of that name may have begun anew, or elsewhere: a snapshot is of this one if the progress
 * has its epoch just so. */
static bool fits(struct run_recovery *recovery, const struct rc_progress *progress,
                 const struct sink_snapshot *snapshot)
{
    const struct sink_snapshot_head *head = sink_snapshot_head(snapshot);
    for (uint32_t i = 0; i < progress->cut_count; i++) {
        const struct rc_cut *cut = progress->cut[i];
        if (cut->epoch == head->epoch && cut->epoch >= progress->first)
            return cut->now_ms == head->now_ms && cut->wall_ms == head->wall_ms;
    }
    run_recovery_say(recovery,
                     "warning: the snapshot of epoch %" PRIu64
                     " is passed over: the progress does not know it",
                     head->epoch);
    return false;
}

/* On this disk. END: there is none. */
static enum rc_error find_here(struct run_recovery *recovery, const struct rc_progress *progress,
                               struct sink_snapshot **ret_snapshot)
{
    const struct rc_config *config = recovery->options.loaded->config;
    uint64_t last_epoch = progress->epoch;
    for (;;) {
        struct sink_snapshot *snapshot;
        enum rc_error err = sink_snapshot_find(config->snapshot.dir, rc_unit(config), last_epoch,
                                               say_line, recovery, &snapshot);
        if (err)
            return err;
        if (fits(recovery, progress, snapshot)) {
            *ret_snapshot = snapshot;
            return RC_OK;
        }
        last_epoch = sink_snapshot_head(snapshot)->epoch - 1;
        sink_snapshot_close(snapshot);
    }
}

/* In the topic, where that has a later one. END: it has none. KAFKA: that is not known. */
static enum rc_error find_there(struct run_recovery *recovery, const struct rc_progress *progress,
                                uint64_t above, struct sink_snapshot **ret_snapshot)
{
    char message[256] = "";
    struct sink_snapshot *snapshot;
    atomic_store_explicit(&recovery->bytes_done, 0, memory_order_relaxed);
    enum rc_error err =
        sink_snapshot_download(run_snapshot_uploader(recovery->options.snapshot), above,
                               progress->epoch, &recovery->bytes_done, &snapshot, message);
    if (!err && !fits(recovery, progress, snapshot)) {
        sink_snapshot_close(snapshot);
        return RC_ERR_END;
    }
    if (!err)
        *ret_snapshot = snapshot;
    else if (err != RC_ERR_END && err != RC_ERR_KAFKA)
        run_recovery_say(recovery, "warning: no snapshot from the topic: %s",
                         message[0] ? message : rc_error_text(err));
    return err;
}

/* A Kafka that does not answer is waited for: the progress reaches no further back than the
 * snapshots do, and without them all would be made anew. KAFKA: the process stops. */
static enum rc_error wait_and_find_there(struct run_recovery *recovery,
                                         const struct rc_progress *progress, uint64_t above,
                                         struct sink_snapshot **ret_snapshot)
{
    const struct timespec pause = {.tv_nsec = AGAIN_MS * 1000000};
    enum rc_error err;
    bool said = false;
    while ((err = find_there(recovery, progress, above, ret_snapshot)) == RC_ERR_KAFKA &&
           !atomic_load_explicit(recovery->options.leave, memory_order_relaxed)) {
        if (!said)
            run_recovery_say(recovery, "warning: Kafka does not give its snapshots: they are asked "
                                       "for until it does");
        said = true;
        nanosleep(&pause, NULL);
    }
    return err;
}

/* The newest that there is. END: there is none. */
static enum rc_error find(struct run_recovery *recovery, const struct rc_progress *progress,
                          struct sink_snapshot **ret_snapshot)
{
    struct sink_snapshot *here = NULL, *there = NULL;
    run_recovery_stage(recovery, RUN_LOOK);
    enum rc_error err = find_here(recovery, progress, &here);
    if (err && err != RC_ERR_END)
        return err;
    run_recovery_stage(recovery, RUN_DOWNLOAD);
    err =
        wait_and_find_there(recovery, progress, here ? sink_snapshot_head(here)->epoch : 0, &there);
    if (!err || err == RC_ERR_KAFKA) {
        sink_snapshot_close(here);
        here = there;
        recovery->fetched = !err;
    }
    if (err == RC_ERR_KAFKA)
        return err;
    *ret_snapshot = here;
    return here ? RC_OK : RC_ERR_END;
}

static enum rc_error configure_all(struct run_recovery *recovery, const struct rc_config *config,
                                   char ret_message[256])
{
    enum rc_error err = RC_OK;
    uint32_t shards = engine_shards(recovery->options.engine);
    for (uint32_t i = 0; i < shards && !err; i++)
        err = agg_configure(engine_agg(recovery->options.engine, i), config, ret_message);
    return err;
}

static void secret_set(struct run_recovery *recovery, uint64_t secret)
{
    const struct run_recovery_options *options = &recovery->options;
    for (uint32_t i = 0; i < engine_shards(options->engine); i++)
        agg_secret_set(engine_agg(options->engine, i), secret);
    ingest_kafka_secret_set(options->source, secret);
    run_snapshot_secret_set(options->snapshot, secret);
}

static enum rc_error restore_parts(struct run_recovery *recovery, struct sink_snapshot *snapshot,
                                   char ret_message[256])
{
    const struct run_recovery_options *options = &recovery->options;
    const struct sink_snapshot_head *head = sink_snapshot_head(snapshot);
    atomic_store_explicit(&recovery->bytes_done, 0, memory_order_relaxed);
    atomic_store_explicit(&recovery->bytes_total, sink_snapshot_bytes(snapshot),
                          memory_order_relaxed);
    run_recovery_stage(recovery, RUN_RESTORE);
    secret_set(recovery, head->hash_secret);
    enum rc_error err = sink_snapshot_restore(snapshot, run_snapshot_parts(options->snapshot),
                                              &recovery->bytes_done, ret_message);
    for (uint32_t i = 0; i < engine_shards(options->engine) && !err; i++)
        agg_resume(engine_agg(options->engine, i), head->now_ms);
    return err;
}

/* The state is first given to the configuration that it was made under. CONFIG: this one can never
 * follow that. */
static enum rc_error take_up_before(struct run_recovery *recovery,
                                    const struct rc_progress *progress,
                                    struct config_loaded *before, char ret_message[256])
{
    const struct rc_config *config = recovery->options.loaded->config;
    if (!before->config->privacy.has_key && progress->has_key)
        config_pseudonym_key_set(before, progress->key);
    if (before->config->tasks == config->tasks)
        return configure_all(recovery, before->config, ret_message);
    snprintf(ret_message, 256,
             "tasks: %u cannot become %u: what is remembered is kept by task; another kafka.group "
             "makes all anew",
             before->config->tasks, config->tasks);
    return RC_ERR_CONFIG;
}

/* Under the configuration that it was made under; then over to this one. */
static enum rc_error restore(struct run_recovery *recovery, const struct rc_progress *progress,
                             struct sink_snapshot *snapshot, char ret_message[256])
{
    const struct rc_config *config = recovery->options.loaded->config;
    const struct sink_snapshot_head *head = sink_snapshot_head(snapshot);
    if (!strcmp(head->config_id, config->id))
        return restore_parts(recovery, snapshot, ret_message);
    struct config_loaded *before;
    enum rc_error err = config_load_text("the configuration of the snapshot", head->config_text,
                                         head->config_size, stderr, &before);
    if (err) {
        snprintf(ret_message, 256, "the configuration of the snapshot cannot be read any more");
        return err;
    }
    err = take_up_before(recovery, progress, before, ret_message);
    if (!err)
        err = restore_parts(recovery, snapshot, ret_message);
    if (!err)
        err = configure_all(recovery, config, ret_message);
    config_free(before);
    if (!err)
        run_recovery_say(recovery,
                         "the configuration has changed: what is remembered is derived anew, what "
                         "differs is restated");
    return err;
}

/* ---- which way ---- */

static enum rc_error resume(struct run_recovery *recovery, const struct rc_progress *progress,
                            uint64_t after, char ret_message[256])
{
    const struct run_recovery_options *options = &recovery->options;
    const struct rc_cut *from = NULL;
    uint32_t first = 0;
    while (first < progress->cut_count && progress->cut[first]->epoch <= after)
        from = progress->cut[first++];
    if (after && (!from || from->epoch != after)) {
        snprintf(ret_message, 256,
                 "the progress topic does not reach back to the snapshot of epoch %" PRIu64, after);
        return RC_ERR_INPUT;
    }
    recovery->epochs = progress->cut_count - first;
    if (options->only && progress->cut_count)
        progress->cut[progress->cut_count - 1]->snapshot = true;
    sink_kafka_resume(options->output, after);
    recovery->restored_ms = steady_ms();
    return ingest_kafka_resume(options->source, from, progress->cut + first, recovery->epochs,
                               ret_message);
}

/* Under the configuration with that text, which is the one of the progress. */
static enum rc_error finish_first(struct run_recovery *recovery, const struct rc_progress *progress,
                                  const char *config_text, uint32_t config_size,
                                  char ret_message[256])
{
    struct config_recorded *finish = &recovery->finish_under;
    finish->text = malloc(config_size + 1);
    if (!finish->text)
        return RC_ERR_MEMORY;
    memcpy(finish->text, config_text, config_size);
    finish->text[config_size] = '\0';
    finish->size = config_size;
    memcpy(finish->id, progress->config_id, sizeof finish->id);
    snprintf(ret_message, 256, "epochs are to be made again under the configuration before");
    return RC_ERR_AGAIN;
}

static enum rc_error from_snapshot(struct run_recovery *recovery,
                                   const struct rc_progress *progress,
                                   struct sink_snapshot *snapshot, char ret_message[256])
{
    const struct rc_config *config = recovery->options.loaded->config;
    const struct sink_snapshot_head *head = sink_snapshot_head(snapshot);
    bool same = !strcmp(progress->config_id, config->id);
    recovery->from_epoch = head->epoch;
    if (!same && head->epoch < progress->epoch) {
        if (!strcmp(head->config_id, progress->config_id))
            return finish_first(recovery, progress, head->config_text, head->config_size,
                                ret_message);
        if (progress->config_text)
            return finish_first(recovery, progress, progress->config_text, progress->config_size,
                                ret_message);
        snprintf(ret_message, 256,
                 "the configuration was changed twice since the last snapshot: start once with the "
                 "one of the last run, then with this one");
        return RC_ERR_CONFIG;
    }
    enum rc_error err = restore(recovery, progress, snapshot, ret_message);
    return err ? err : resume(recovery, progress, head->epoch, ret_message);
}

/* Nothing to go on from: all is made anew, and what was published is read back. END: not by one
 * that follows. */
static enum rc_error begin_anew(struct run_recovery *recovery, const struct rc_progress *progress,
                                const char *why)
{
    if (recovery->follows)
        return RC_ERR_END;
    run_recovery_say(
        recovery,
        "%s: all is made anew from the beginning of the input, and what differs is published", why);
    ingest_kafka_anew(recovery->options.source, progress->epoch, !recovery->options.restate);
    return RC_OK;
}

/* No snapshot at all: then the progress must reach back to the group's beginning. */
static enum rc_error from_nothing(struct run_recovery *recovery, const struct rc_progress *progress,
                                  char ret_message[256])
{
    const char *id = recovery->options.loaded->config->id;
    if (!progress->cut_count || progress->cut[0]->epoch != progress->first ||
        progress->other_config)
        return begin_anew(recovery, progress,
                          "there is no snapshot, and the progress does not reach back to the "
                          "group's beginning");
    if (!strcmp(progress->config_id, id))
        return resume(recovery, progress, 0, ret_message);
    if (progress->config_text)
        return finish_first(recovery, progress, progress->config_text, progress->config_size,
                            ret_message);
    return begin_anew(recovery, progress, "the configuration has changed and there is no snapshot");
}

static enum rc_error go_on(struct run_recovery *recovery, const struct rc_progress *progress,
                           char ret_message[256])
{
    struct sink_snapshot *snapshot = NULL;
    if (!progress->config_id[0])
        return begin_anew(recovery, progress,
                          "the progress of the run before cannot be gone on from");
    int64_t begun_ms = steady_ms();
    enum rc_error err = find(recovery, progress, &snapshot);
    recovery->found_ms = steady_ms() - begun_ms;
    if (!err)
        err = from_snapshot(recovery, progress, snapshot, ret_message);
    else if (err == RC_ERR_END)
        err = from_nothing(recovery, progress, ret_message);
    sink_snapshot_close(snapshot);
    return err;
}

/* From the progress as it was read. */
static enum rc_error begin(struct run_recovery *recovery, const struct rc_progress *progress,
                           char ret_message[256])
{
    const struct run_recovery_options *options = &recovery->options;
    int64_t read_ms = steady_ms();
    enum rc_error err = RC_OK;
    took_set(&recovery->progress_ms, read_ms - recovery->begun_ms);
    took_set(&recovery->snapshot_ms, -1);
    took_set(&recovery->replay_ms, -1);
    atomic_store_explicit(&recovery->last_epoch, progress->epoch, memory_order_relaxed);
    if (progress->cut_count)
        recovery->last_wall_ms = progress->cut[progress->cut_count - 1]->wall_ms;
    if (progress->has_key && !options->loaded->config->privacy.has_key) {
        config_pseudonym_key_set(options->loaded, progress->key);
        ingest_kafka_secret_set(options->source, run_snapshot_secret(options->snapshot));
    }
    if (progress->epoch)
        err = go_on(recovery, progress, ret_message);
    if (err)
        return err;
    took_set(&recovery->snapshot_ms, steady_ms() - read_ms);
    if (!recovery->epochs)
        took_set(&recovery->replay_ms, 0);
    run_recovery_stage(recovery, recovery->epochs    ? RUN_REPLAY
                                 : recovery->follows ? RUN_FOLLOW
                                                     : RUN_LIVE);
    if (progress->epoch && recovery->restored_ms)
        run_recovery_say_restored(recovery);
    return RC_OK;
}

void run_recovery_published(struct run_recovery *recovery, uint64_t epoch)
{
    uint64_t last_epoch = atomic_load_explicit(&recovery->last_epoch, memory_order_relaxed);
    if (!recovery->epochs || epoch < last_epoch || took(&recovery->replay_ms) >= 0)
        return;
    int64_t took_ms = steady_ms() - recovery->restored_ms;
    took_set(&recovery->replay_ms, took_ms);
    run_recovery_say(
        recovery, "recovered: %u epochs, of %" PRIu64 " records, were made again in %" PRId64 " ms",
        recovery->epochs, run_recovery_records(recovery), took_ms);
}

void run_recovery_times(const struct run_recovery *recovery, struct engine_restore *ret_times)
{
    *ret_times = (struct engine_restore){.progress_ms = took(&recovery->progress_ms),
                                         .snapshot_ms = took(&recovery->snapshot_ms),
                                         .replay_ms = took(&recovery->replay_ms)};
}

enum rc_error run_recover(struct run_recovery *recovery, char ret_message[256])
{
    const struct run_recovery_options *options = &recovery->options;
    const struct rc_progress *progress;
    recovery->begun_ms = steady_ms();
    if (options->lease && !options->only) {
        enum rc_error err = run_standby_begin(recovery, begin, ret_message);
        if (err != RC_ERR_END)
            return err;
        recovery->begun_ms = steady_ms();
    }
    recovery->publishes = true;
    recovery->stands_by = false;
    run_recovery_stage(recovery, RUN_PREPARE);
    enum rc_error err = sink_kafka_prepare(options->output, &progress, ret_message);
    return err ? err : begin(recovery, progress, ret_message);
}
