/* How far the start is, in words. */
#include "run_recovery.h"

#include "terminal.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

static int64_t steady_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

uint64_t run_recovery_records(const struct run_recovery *recovery)
{
    return rc_counter_read(&ingest_kafka_stats(recovery->options.source)->replayed);
}

void run_recovery_say_restored(struct run_recovery *recovery)
{
    struct engine_restore times;
    int64_t found_ms = recovery->found_ms;
    run_recovery_times(recovery, &times);
    run_recovery_say(recovery,
                     "recovered to epoch %" PRIu64 " in %" PRId64
                     " ms: the progress was read in %" PRId64 " ms, the snapshot %s in %" PRId64
                     ", restored in %" PRId64 "; %u epochs are made again after it",
                     recovery->from_epoch, steady_ms() - recovery->begun_ms, times.progress_ms,
                     recovery->fetched      ? "fetched from its topic"
                     : recovery->from_epoch ? "found"
                                            : "looked for",
                     found_ms, times.snapshot_ms - found_ms, recovery->epochs);
}

bool run_recovery_text(struct run_recovery *recovery, char ret_text[256])
{
    uint64_t done = atomic_load_explicit(&recovery->bytes_done, memory_order_relaxed);
    uint64_t total = atomic_load_explicit(&recovery->bytes_total, memory_order_relaxed);
    char text[TERMINAL_TEXT_MAX], rate[TERMINAL_TEXT_MAX];
    uint32_t left;
    if (run_standby_text(recovery, ret_text))
        return true;
    switch ((enum run_stage)atomic_load_explicit(&recovery->stage, memory_order_relaxed)) {
    case RUN_PREPARE:
    case RUN_COLD:
    case RUN_FOLLOW:
    case RUN_TAKE_OVER:
    case RUN_LIVE:
        break;
    case RUN_LOOK:
        snprintf(ret_text, 256, "recovering: looking for the newest snapshot");
        return true;
    case RUN_DOWNLOAD:
        snprintf(ret_text, 256, "recovering: looking for a snapshot in the topic, %s bytes so far",
                 terminal_count(done, text));
        return true;
    case RUN_RESTORE:
        snprintf(ret_text, 256, "recovering: %d %% of a snapshot of %s bytes restored",
                 total ? (int)(done * 100 / total) : 0, terminal_count(total, text));
        return true;
    case RUN_REPLAY:
        left = ingest_kafka_recovering(recovery->options.source);
        if (!left)
            break;
        int64_t took_ms = steady_ms() - recovery->restored_ms;
        uint32_t made = recovery->epochs - left;
        uint64_t records = run_recovery_records(recovery);
        snprintf(ret_text, 256,
                 "recovering: %u of %u epochs made again, %s records, %s a second, some %" PRId64
                 " s left",
                 made, recovery->epochs, terminal_count(records, text),
                 terminal_count(took_ms > 0 ? records * 1000 / (uint64_t)took_ms : 0, rate),
                 made ? took_ms * left / made / 1000 : 0);
        return true;
    }
    return false;
}
