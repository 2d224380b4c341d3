/* Standing by: a recovery that never ends. While another process of the group is active, its epochs
 * are made again as it commits them, compared, and not published; when the lease is given, the rest
 * of them is, and then it is live. */
#include "run_recovery.h"

#include "terminal.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

enum {
    LOOK_MS = 100,
    FOLLOW_MS = 50,
    AGAIN_MS = 30000, /* there was no snapshot to begin with: looked for again */
    COLD_MS = 900000, /* what is read of the progress is let go of, and read anew */
};

static int64_t steady_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool holds(const struct run_recovery *recovery)
{
    return ingest_lease_holds(recovery->options.lease, 0);
}

static bool leaves(const struct run_recovery *recovery)
{
    return atomic_load_explicit(recovery->options.leave, memory_order_relaxed);
}

/* Says it, once it is known. */
static void notice(struct run_recovery *recovery)
{
    if (recovery->stands_by || !ingest_lease_joined(recovery->options.lease) || holds(recovery))
        return;
    recovery->stands_by = true;
    run_recovery_say(recovery, "standby: another process of the group is active; this one takes "
                               "over when that is gone");
}

/* Why the active process cannot be followed; NULL: it can. */
static const char *why_cold(const struct run_recovery *recovery, const struct rc_progress *progress)
{
    if (recovery->options.restate)
        return "with --restate nothing is made before";
    if (!progress->epoch)
        return "the group has not published anything yet";
    if (!progress->config_id[0])
        return "the active process has made everything anew from the input's beginning";
    if (strcmp(progress->config_id, recovery->options.loaded->config->id) != 0)
        return "the active process runs under another configuration";
    return NULL;
}

static void stay_cold(struct run_recovery *recovery, const char *why)
{
    const char *before = recovery->cold;
    recovery->cold = why;
    run_recovery_stage(recovery, RUN_COLD);
    if (before != why && recovery->stands_by)
        run_recovery_say(recovery,
                         "standby: %s: nothing is kept warm, and taking over takes as long as a "
                         "start",
                         why);
}

/* AGAIN: not yet. */
static enum rc_error try_to_follow(struct run_recovery *recovery,
                                   const struct rc_progress *progress, run_go_on *go_on,
                                   char ret_message[256])
{
    const char *why = why_cold(recovery, progress);
    if (why) {
        stay_cold(recovery, why);
        return RC_ERR_AGAIN;
    }
    recovery->cold = NULL;
    recovery->follows = true;
    enum rc_error err = go_on(recovery, progress, ret_message);
    if (err != RC_ERR_END)
        return err;
    recovery->follows = false;
    stay_cold(recovery, "there is no snapshot to begin with");
    return RC_ERR_AGAIN;
}

enum rc_error run_standby_begin(struct run_recovery *recovery, run_go_on *go_on,
                                char ret_message[256])
{
    const struct run_recovery_options *options = &recovery->options;
    int64_t again_ms = INT64_MAX, until_ms = steady_ms() + COLD_MS;
    while (!leaves(recovery)) {
        const struct rc_progress *progress;
        enum rc_error err = sink_kafka_look(options->output, LOOK_MS, &progress, ret_message);
        if (holds(recovery))
            return RC_ERR_END;
        if (steady_ms() >= until_ms)
            return RC_ERR_AGAIN;
        notice(recovery);
        if (err == RC_ERR_AGAIN && steady_ms() >= again_ms)
            err = RC_OK;
        if (!err) {
            again_ms = steady_ms() + AGAIN_MS;
            err = try_to_follow(recovery, progress, go_on, ret_message);
        }
        if (err != RC_ERR_AGAIN)
            return err == RC_ERR_KAFKA && leaves(recovery) ? RC_OK : err;
    }
    return RC_OK;
}

static enum rc_error take_over(struct run_recovery *recovery, char ret_message[256])
{
    uint64_t last_epoch;
    recovery->given_ms = steady_ms();
    if (recovery->stands_by)
        run_recovery_say(recovery, "standby: the one that was active is gone: taking over");
    recovery->stands_by = false;
    recovery->publishes = true;
    run_recovery_stage(recovery, RUN_TAKE_OVER);
    enum rc_error err = sink_kafka_take_over(recovery->options.output, &last_epoch, ret_message);
    if (err)
        return err;
    atomic_store_explicit(&recovery->last_epoch, last_epoch, memory_order_relaxed);
    recovery->taken_over = true;
    return RC_OK;
}

enum rc_error run_standby_more(void *opaque, uint64_t epoch, const struct rc_cut **ret_cut,
                               char ret_message[256])
{
    struct run_recovery *recovery = opaque;
    uint64_t behind;
    enum rc_error err = RC_OK;
    if (!recovery->follows)
        return RC_ERR_END;
    if (!recovery->taken_over)
        run_recovery_stage(recovery, RUN_FOLLOW);
    if (!recovery->taken_over && holds(recovery))
        err = take_over(recovery, ret_message);
    if (!err)
        err =
            sink_kafka_follow(recovery->options.output, epoch, recovery->taken_over ? 0 : FOLLOW_MS,
                              ret_cut, &behind, ret_message);
    if (err)
        return err;
    atomic_store_explicit(&recovery->behind, behind, memory_order_relaxed);
    notice(recovery);
    if (*ret_cut || !recovery->taken_over)
        return RC_OK;
    recovery->follows = false;
    run_recovery_stage(recovery, RUN_LIVE);
    run_recovery_say(recovery, "taken over after epoch %" PRIu64 ", in %" PRId64 " ms",
                     recovery->last_epoch, steady_ms() - recovery->given_ms);
    return RC_ERR_END;
}

bool run_standby_stands_by(const struct run_recovery *recovery)
{
    return recovery->stands_by;
}

bool run_standby_text(struct run_recovery *recovery, char ret_text[256])
{
    char count[TERMINAL_TEXT_MAX];
    const char *why = recovery->cold;
    enum run_stage stage =
        (enum run_stage)atomic_load_explicit(&recovery->stage, memory_order_relaxed);
    if (recovery->options.lease && !recovery->stands_by &&
        (stage == RUN_COLD || stage == RUN_FOLLOW)) {
        snprintf(ret_text, 256, "waiting for the group to say which process is active");
        return true;
    }
    if (!recovery->stands_by)
        return false;
    if (stage == RUN_FOLLOW)
        snprintf(ret_text, 256, "standby: another process of the group is active, %s epochs ahead",
                 terminal_count(recovery->behind, count));
    else if (stage == RUN_COLD && why)
        snprintf(ret_text, 256, "standby: another process of the group is active; not warm: %s",
                 why);
    else
        snprintf(ret_text, 256,
                 "standby: another process of the group is active; what it has made "
                 "so far is being made again");
    return true;
}
