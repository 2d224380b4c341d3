/* Counters that one thread writes and any thread reads: relaxed single-writer atomics. */
#ifndef ROLLCALL_STATS_H
#define ROLLCALL_STATS_H

#include "event.h"
#include <stdatomic.h>

typedef _Atomic uint64_t rc_counter;

static inline void rc_count(rc_counter *counter, uint64_t n)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
                          memory_order_relaxed);
}
static inline void rc_gauge_set(rc_counter *counter, uint64_t n)
{
    atomic_store_explicit(counter, n, memory_order_relaxed);
}
static inline uint64_t rc_counter_read(const rc_counter *counter)
{
    return atomic_load_explicit((rc_counter *)counter, memory_order_relaxed);
}

/* Written by the ingest thread. */
struct rc_ingest_stats {
    rc_counter events[RC_CHANNEL_COUNT + 1][RC_TYPE_COUNT]; /* decoded, by channel and type */
    rc_counter lines;                                       /* records or lines read, of any kind */
    rc_counter blank;                                       /* without a value, or blank */
    rc_counter unknown_type;
    rc_counter dead_lettered; /* refused at the door, whatever the reason */
    rc_counter bytes;
    rc_counter watermark_ms; /* gauge; as int64_t */
    rc_counter stalled;      /* times a ring was full */
    /* of recovery: gauge; records read again */
    rc_counter recover_epochs, replayed;
    rc_counter epoch; /* gauge: the last one that was closed */
};
/* Written by one shard. */
#define RC_SHARD_COUNTERS(X)                                                                       \
    X(events, "events taken")                                                                      \
    X(applied, "events applied to facts")                                                          \
    X(late, "events that came after now had passed their time")                                    \
    X(expired, "dead letters: older than what is remembered")                                      \
    X(limited, "dead letters: a limit was reached")                                                \
    X(contacts, "contacts seen")                                                                   \
    X(contacts_now, "contacts remembered")                                                         \
    X(identities_now, "identities of forgotten contacts remembered")                               \
    X(episodes_now, "episodes remembered")                                                         \
    X(customers_now, "customers remembered")                                                       \
    X(keys_now, "keys (client, queue or roll-up, channel)")                                        \
    X(panes_now, "interval panes held")                                                            \
    X(ordered_now, "events waiting for the watermark")                                             \
    X(unplaced, "contacts whose channel or queue is not known")                                    \
    X(lost, "contacts forgotten while they waited or were handled")                                \
    X(anomalies, "contacts with a negative part")                                                  \
    X(acw_capped, "contacts whose after-contact work was cut at acw_cap")                          \
    X(closed_changes, "changes that a closed interval did not take")                               \
    X(unknown_clients, "clients that are not configured")                                          \
    X(unknown_queues, "queues that are not configured")                                            \
    X(episode_overflow, "contacts beyond the 1,024 of an episode")                                 \
    X(records, "records made")                                                                     \
    X(restated, "records made with status restated")                                               \
    X(memory_bytes, "memory of the state")                                                         \
    X(idle_bytes, "of that, what was used and is free to be used again")                           \
    X(now_ms, "now, of the shard")
#define RC_SHARD_COUNTER(name, help) rc_counter name;
struct rc_shard_stats {
    RC_SHARD_COUNTERS(RC_SHARD_COUNTER)
};
#undef RC_SHARD_COUNTER

#endif
