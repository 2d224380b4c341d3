/* What /metrics needs of the table of current records beyond sink_table_each. */
#ifndef SINK_TABLE_H
#define SINK_TABLE_H

#include "rollcall/sink.h"

/* Figures that the table also adds up over all time since the start, per key, for counters. */
#define TABLE_COUNTERS(X)                                                                          \
    X(offered)                                                                                     \
    X(opened)                                                                                      \
    X(resolved)                                                                                    \
    X(reopened)                                                                                    \
    X(answered)                                                                                    \
    X(abandoned)                                                                                   \
    X(flowed_out)                                                                                  \
    X(wait_ms_sum)                                                                                 \
    X(wait_le_5s)                                                                                  \
    X(wait_le_10s)                                                                                 \
    X(wait_le_15s)                                                                                 \
    X(wait_le_20s)                                                                                 \
    X(wait_le_30s)                                                                                 \
    X(wait_le_45s)                                                                                 \
    X(wait_le_60s)                                                                                 \
    X(wait_le_90s)                                                                                 \
    X(wait_le_120s)                                                                                \
    X(wait_le_180s)                                                                                \
    X(wait_le_300s)                                                                                \
    X(wait_le_600s)
#define TABLE_COUNTER_ID(name) TABLE_##name,
enum table_counter { TABLE_COUNTERS(TABLE_COUNTER_ID) TABLE_COUNTER_COUNT };
#undef TABLE_COUNTER_ID

/* One key (client, queue, channel); all lent while the callback runs. */
struct table_view {
    const struct rc_record *any;           /* for the names */
    const struct rc_record *(*current)[2]; /* by window: the newest, and of intervals the one
                                              before; NULL: none */
    const int64_t *counter;                /* never go down; NULL: no interval window */
};
/* thread: any. Under the lock, in the order of keys; false ends it. */
void table_each_key(struct sink_table *table,
                    bool (*each)(void *opaque, const struct table_view *view), void *opaque);

#endif
