/* Inside the table of current records: what its files share. */
#ifndef SINK_TABLE_INSIDE_H
#define SINK_TABLE_INSIDE_H

#include "table.h"
#include <pthread.h>

struct table_entry {
    struct rc_record *current[RC_WINDOWS_MAX][2];
    int64_t sum[TABLE_COUNTER_COUNT], shown[TABLE_COUNTER_COUNT];
    struct table_entry *next; /* of the same hash bucket */
    struct rc_record *key;    /* names alone: text, sizes, total, channel */
    uint64_t hash;
    uint32_t records; /* how many are in `current` */
};

struct sink_table {
    pthread_mutex_t lock;
    const struct rc_windows *windows;
    uint32_t base; /* the smallest interval window; UINT32_MAX: none */
    uint64_t seed;
    int64_t now_ms;
    struct table_entry **bucket;
    uint64_t bucket_count, entry_count;
    struct table_entry **sorted; /* all entries by key, when `is_sorted` */
    uint64_t sorted_room;
    bool is_sorted;
    bool begun; /* the commit thread's own: it holds the lock */
};

/* Keys come seldom and records often: sorted when a reader finds a new key, not by the writer.
 * Under the lock; false: no memory. */
bool table_sort(struct sink_table *table);
/* NULL: there is none of that key. Under the lock. */
struct table_entry *table_entry_of(struct sink_table *table, const struct rc_record *rec);

#endif
