/* The shard's loop on one thread: all that it is to read lies in its ring before it starts. */
#include "core_fixture.h"

#include <pthread.h>
#include <unistd.h>

enum { RING_BYTES = 1 << 20 };

struct loop {
    struct core core;
    struct rc_ring in, out;
    struct rc_park park;
    struct agg_shard *shard;
    char *in_bytes, *out_bytes;
    _Atomic uint64_t saved;
};

static void loop_open(struct loop *loop)
{
    memset(loop, 0, sizeof *loop);
    core_init(&loop->core);
    loop->core.config.tasks = 1;
    core_settle(&loop->core);
    loop->in_bytes = calloc(1, RING_BYTES);
    loop->out_bytes = calloc(1, RING_BYTES);
    rc_ring_init(&loop->in, loop->in_bytes, RING_BYTES, 0);
    rc_ring_init(&loop->out, loop->out_bytes, RING_BYTES, 0);
    struct agg_shard_options options = {.agg = {.config = &loop->core.config,
                                                .shard_count = 3,
                                                .shard = 0,
                                                .hash_secret = CORE_SECRET,
                                                .pseudonym = core_pseudonym},
                                        .in = &loop->in,
                                        .self = &loop->park,
                                        .ingest = &loop->park,
                                        .out = &loop->out,
                                        .commit = &loop->park,
                                        .saved_epoch = &loop->saved};
    cr_assert_eq(agg_shard_open(&options, &loop->shard), RC_OK);
}

static void loop_close(struct loop *loop)
{
    agg_shard_close(loop->shard);
    free(loop->in_bytes);
    free(loop->out_bytes);
}

static void tell(struct loop *loop, uint32_t kind, const void *message, uint32_t size)
{
    void *place;
    cr_assert_eq(rc_ring_reserve(&loop->in, size, kind, &place), RC_OK);
    if (size)
        memcpy(place, message, size);
    rc_ring_commit(&loop->in);
}

static void tell_mark(struct loop *loop, uint64_t epoch, int64_t now_ms, bool last)
{
    struct rc_mark mark = {
        .epoch = epoch, .now_ms = now_ms, .wall_ms = RC_TIME_NONE, .end_of_input = last};
    tell(loop, RC_MESSAGE_MARK, &mark, sizeof mark);
}

static void tell_queued(struct loop *loop, const char *contact, int64_t at)
{
    union core_buffer buffer;
    struct core_event what = {.at = at, .contact = contact, .queue = "q", .type = RC_TYPE_queued};
    struct rc_event *ev = core_make(&loop->core, &what, &buffer);
    ev->task = 0;
    tell(loop, RC_MESSAGE_EVENT, ev, ev->size);
}

/* The next message; records are passed over up to an END, and counted. */
static struct rc_end next_end(struct loop *loop, uint32_t *ret_records)
{
    void *message;
    uint32_t size, kind;
    *ret_records = 0;
    for (;;) {
        cr_assert_eq(rc_ring_peek(&loop->out, &message, &size, &kind), RC_OK);
        if (kind == RC_MESSAGE_END)
            return *(struct rc_end *)message;
        cr_assert_eq(kind, RC_MESSAGE_RECORD);
        (*ret_records)++;
    }
}

Test(shard, each_mark_is_followed_by_its_records_and_one_end)
{
    struct loop loop;
    uint32_t records;
    loop_open(&loop);
    tell_mark(&loop, 1, RC_TIME_NONE, false);
    tell_queued(&loop, "a", T0 + 1000);
    tell_mark(&loop, 2, T0 + MINUTE_MS, false);
    tell_mark(&loop, 3, T0 + MINUTE_MS, false);
    tell(&loop, RC_MESSAGE_END, NULL, 0);
    agg_shard_run(loop.shard);
    struct rc_end end = next_end(&loop, &records);
    cr_assert(end.epoch == 1 && end.now_ms == RC_TIME_NONE && records == 0);
    end = next_end(&loop, &records);
    cr_assert(end.epoch == 2 && end.now_ms == T0 + MINUTE_MS && end.from == 0);
    cr_assert_eq(records, 8, "four windows of the queue and its roll-up");
    end = next_end(&loop, &records);
    cr_assert(end.epoch == 3 && records == 0);
    cr_assert_eq(rc_counter_read(&agg_shard_stats(loop.shard)->events), 1);
    loop_close(&loop);
}

Test(shard, end_of_input_is_the_last_that_it_reads)
{
    struct loop loop;
    uint32_t records, size, kind;
    void *message;
    loop_open(&loop);
    tell_queued(&loop, "a", T0 + 1000);
    tell_mark(&loop, 1, T0 + MINUTE_MS, true);
    tell_queued(&loop, "b", T0 + 2 * MINUTE_MS);
    agg_shard_run(loop.shard);
    cr_assert_eq(next_end(&loop, &records).epoch, 1);
    cr_assert_eq(rc_ring_peek(&loop.out, &message, &size, &kind), RC_ERR_AGAIN);
    cr_assert_eq(rc_counter_read(&agg_shard_stats(loop.shard)->events), 1);
    loop_close(&loop);
}

Test(shard, more_than_a_batch_is_read_to_the_end)
{
    struct loop loop;
    uint32_t records;
    char name[16];
    loop_open(&loop);
    for (uint32_t i = 0; i < 1500; i++) {
        snprintf(name, sizeof name, "c%u", i);
        tell_queued(&loop, name, T0 + i);
    }
    tell_mark(&loop, 1, T0 + MINUTE_MS, false);
    tell(&loop, RC_MESSAGE_END, NULL, 0);
    agg_shard_run(loop.shard);
    cr_assert_eq(next_end(&loop, &records).epoch, 1);
    cr_assert_eq(rc_counter_read(&agg_shard_stats(loop.shard)->contacts_now), 1500);
    cr_assert_eq(loop.in.head_next, atomic_load_explicit(&loop.in.head, memory_order_relaxed),
                 "all of it was given back");
    loop_close(&loop);
}

/* ---- standing still ---- */

static void *run(void *opaque)
{
    agg_shard_run(((struct loop *)opaque)->shard);
    return NULL;
}

static void tell_snapshot(struct loop *loop, uint64_t epoch, int64_t now_ms)
{
    struct rc_mark mark = {
        .epoch = epoch, .now_ms = now_ms, .wall_ms = RC_TIME_NONE, .snapshot = true};
    tell(loop, RC_MESSAGE_MARK, &mark, sizeof mark);
}

static uint64_t events_of(const struct loop *loop)
{
    return rc_counter_read(&agg_shard_stats(loop->shard)->events);
}

/* Until the END of that epoch is there. */
static void wait_for_end(struct loop *loop, uint64_t epoch)
{
    void *message;
    uint32_t size, kind;
    for (;;) {
        if (rc_ring_peek(&loop->out, &message, &size, &kind)) {
            usleep(1000);
            continue;
        }
        if (kind == RC_MESSAGE_END && ((struct rc_end *)message)->epoch == epoch)
            return;
    }
}

Test(shard, stands_still_from_the_end_of_an_epoch_with_a_snapshot_until_that_is_saved)
{
    struct loop loop;
    pthread_t thread;
    loop_open(&loop);
    tell_queued(&loop, "a", T0 + 1000);
    tell_snapshot(&loop, 5, T0 + MINUTE_MS);
    tell_queued(&loop, "b", T0 + 2 * MINUTE_MS);
    tell_mark(&loop, 6, T0 + 3 * MINUTE_MS, false);
    tell_snapshot(&loop, 7, T0 + 4 * MINUTE_MS);
    tell_queued(&loop, "c", T0 + 5 * MINUTE_MS);
    tell(&loop, RC_MESSAGE_END, NULL, 0);
    cr_assert_eq(pthread_create(&thread, NULL, run, &loop), 0);
    wait_for_end(&loop, 5);
    uint64_t rounds = agg_shard_rounds(loop.shard);
    usleep(300000); /* longer than it sleeps without being woken */
    cr_assert_eq(events_of(&loop), 1);
    cr_assert_gt(agg_shard_rounds(loop.shard), rounds, "it waits, and is well");
    cr_assert(agg_task_exists(agg_shard_state(loop.shard), 0));
    atomic_store_explicit(&loop.saved, 5, memory_order_release);
    rc_park_wake(&loop.park);
    wait_for_end(&loop, 7);
    usleep(200000);
    cr_assert_eq(events_of(&loop), 2, "an epoch without a snapshot does not stop it");
    atomic_store_explicit(&loop.saved, UINT64_MAX, memory_order_release);
    rc_park_wake(&loop.park);
    cr_assert_eq(pthread_join(thread, NULL), 0);
    cr_assert_eq(events_of(&loop), 3);
    loop_close(&loop);
}
