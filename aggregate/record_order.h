/* The canonical order of records (SPEC section 8), for what one shard made since the last mark. */
#ifndef AGGREGATE_RECORD_ORDER_H
#define AGGREGATE_RECORD_ORDER_H

#include <stdint.h>

/* Where a record lies, and all that its order depends on. `rank` stands for topic, client, queue
 * and channel: keys are ranked by name when a new one has come, not compared for every record. */
struct agg_record_place {
    int64_t as_of_ms, start_ms;
    uint64_t at;
    uint32_t rank;
    uint16_t window;
    uint16_t clock : 15, contact : 1; /* contact: the record of one */
};

/* Stable, so that records of one key and instant stay as they were made. `scratch` has as much
 * room; the sorted places end up in `place`. */
void agg_records_sort(struct agg_record_place *place, struct agg_record_place *scratch,
                      uint64_t count);

#endif
