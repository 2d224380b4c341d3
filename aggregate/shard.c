/* The shard's thread: drains its ring, steps, hands records on to the commit thread. */
#include "pool.h"
#include "rollcall/aggregate.h"
#include <string.h>

enum { SLEEP_MS = 100, BATCH = 256 };

struct agg_shard {
    struct agg_shard_options options;
    struct agg *agg;
    rc_counter rounds;
};

/* Room in the ring to the commit thread; waits while it is full. */
static void *out_reserve(struct agg_shard *shard, uint32_t size, enum rc_message kind)
{
    struct rc_ring *out = shard->options.out;
    void *message;
    while (rc_ring_reserve(out, size, kind, &message)) {
        rc_ring_commit(out);
        rc_park_wake(shard->options.commit);
        uint32_t ticket = rc_park_ticket(shard->options.self);
        if (!rc_ring_reserve(out, size, kind, &message)) {
            rc_park_cancel(shard->options.self);
            break;
        }
        rc_park_sleep(shard->options.self, ticket, SLEEP_MS);
        rc_count(&shard->rounds, 1); /* it waits for the output, and is well */
    }
    return message;
}

static void hand_on(void *opaque, enum rc_message kind, const void *message, uint32_t size)
{
    memcpy(out_reserve(opaque, size, kind), message, size);
}

enum rc_error agg_shard_open(const struct agg_shard_options *options, struct agg_shard **ret_shard)
{
    struct agg_shard *shard = agg_map(sizeof *shard);
    shard->options = *options;
    enum rc_error err = agg_open(&options->agg, hand_on, shard, &shard->agg);
    if (err) {
        agg_unmap(shard, sizeof *shard);
        return err;
    }
    *ret_shard = shard;
    return RC_OK;
}

void agg_shard_close(struct agg_shard *shard)
{
    if (!shard)
        return;
    agg_close(shard->agg);
    agg_unmap(shard, sizeof *shard);
}

struct agg *agg_shard_state(struct agg_shard *shard)
{
    return shard->agg;
}

const struct rc_shard_stats *agg_shard_stats(const struct agg_shard *shard)
{
    return agg_stats(shard->agg);
}

uint64_t agg_shard_rounds(const struct agg_shard *shard)
{
    return rc_counter_read(&shard->rounds);
}

static void end_epoch(struct agg_shard *shard, const struct rc_mark *mark)
{
    agg_mark(shard->agg, mark);
    struct rc_end end = {mark->epoch, mark->now_ms, shard->options.agg.shard, 0};
    memcpy(out_reserve(shard, sizeof end, RC_MESSAGE_END), &end, sizeof end);
    rc_ring_commit(shard->options.out);
    rc_park_wake(shard->options.commit);
}

/* Nothing changes until whoever saves the state has said that it is done (reads A). */
static void stand_still(struct agg_shard *shard, uint64_t epoch)
{
    const _Atomic uint64_t *saved = shard->options.saved_epoch;
    while (atomic_load_explicit(saved, memory_order_acquire) < epoch) {
        uint32_t ticket = rc_park_ticket(shard->options.self);
        if (atomic_load_explicit(saved, memory_order_acquire) >= epoch) {
            rc_park_cancel(shard->options.self);
            break;
        }
        rc_park_sleep(shard->options.self, ticket, SLEEP_MS);
        rc_count(&shard->rounds, 1);
    }
}

/* One batch from the ring. *ret_done: that was the last. false: there was nothing. */
static bool drain(struct agg_shard *shard, bool *ret_done)
{
    struct rc_ring *in = shard->options.in;
    void *message;
    uint32_t size, kind, count = 0;
    uint64_t to_be_saved = 0;
    while (count < BATCH && !*ret_done && !to_be_saved &&
           !rc_ring_peek(in, &message, &size, &kind)) {
        count++;
        if (kind == RC_MESSAGE_EVENT) {
            agg_take(shard->agg, message);
        } else if (kind == RC_MESSAGE_MARK) {
            struct rc_mark mark;
            memcpy(&mark, message, sizeof mark);
            end_epoch(shard, &mark);
            *ret_done = mark.end_of_input;
            if (mark.snapshot && shard->options.saved_epoch)
                to_be_saved = mark.epoch;
        } else {
            *ret_done = true;
        }
    }
    if (count == 0)
        return false;
    rc_ring_release(in);
    rc_park_wake(shard->options.ingest);
    if (to_be_saved)
        stand_still(shard, to_be_saved);
    return true;
}

void agg_shard_run(struct agg_shard *shard)
{
    bool done = false;
    while (!done) {
        rc_count(&shard->rounds, 1);
        if (drain(shard, &done))
            continue;
        uint32_t ticket = rc_park_ticket(shard->options.self);
        if (drain(shard, &done)) {
            rc_park_cancel(shard->options.self);
            continue;
        }
        rc_park_sleep(shard->options.self, ticket, SLEEP_MS);
    }
}
