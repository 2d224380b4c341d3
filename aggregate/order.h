/* The order buffer: events wait here until the watermark has passed their time, and come out in the
 * order of time, then topic, partition and offset. Appended in bulk, sorted when drained. */
#ifndef AGGREGATE_ORDER_H
#define AGGREGATE_ORDER_H

#include "rollcall/event.h"

struct agg_order_chunk;
struct agg_order_item {
    int64_t time_ms, offset;
    struct agg_order_chunk *chunk;
    uint32_t source, at; /* at: where in the chunk */
};
struct agg_order {
    struct agg_order_item *item; /* waiting, unsorted */
    struct agg_order_item *ready, *scratch;
    uint64_t count, room, ready_count, ready_next;
    struct agg_order_chunk *open, *spare;
    uint32_t spare_count, spare_low; /* low: the fewest since the last sort */
    uint64_t bytes;
};

void agg_order_init(struct agg_order *order);
void agg_order_done(struct agg_order *order);
/* Copies the event. */
void agg_order_put(struct agg_order *order, const struct rc_event *ev);
/* Makes all events with time < before_ms ready, sorted. What was ready must have been taken. */
void agg_order_sort(struct agg_order *order, int64_t before_ms);
/* The next ready event, lent until agg_order_pop; NULL: none. */
const struct rc_event *agg_order_peek(const struct agg_order *order);
void agg_order_pop(struct agg_order *order);
/* The ready event so many behind the next one; NULL: none. */
const struct rc_event *agg_order_ahead(const struct agg_order *order, uint32_t count);
/* Of the order->count events that are not ready, in the order in which they came. */
const struct rc_event *agg_order_waiting(const struct agg_order *order, uint64_t index);

#endif
