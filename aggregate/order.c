/* Events waiting for the watermark. */
#include "order.h"
#include "pool.h"
#include <string.h>

enum { CHUNK = 1 << 15, SPARE_LEAST = 4, FIRST_ROOM = 256 };

struct agg_order_chunk {
    struct agg_order_chunk *next; /* spare ones */
    uint32_t size, used, live;
    char bytes[] __attribute__((aligned(8)));
};

void agg_order_init(struct agg_order *order)
{
    memset(order, 0, sizeof *order);
}

static void chunk_free(struct agg_order *order, struct agg_order_chunk *chunk)
{
    order->bytes -= chunk->size;
    agg_unmap(chunk, chunk->size);
}

void agg_order_done(struct agg_order *order)
{
    while (agg_order_peek(order))
        agg_order_pop(order);
    agg_order_sort(order, INT64_MAX);
    while (agg_order_peek(order))
        agg_order_pop(order);
    if (order->open)
        chunk_free(order, order->open);
    while (order->spare) {
        struct agg_order_chunk *chunk = order->spare;
        order->spare = chunk->next;
        chunk_free(order, chunk);
    }
    agg_unmap(order->item, order->room * sizeof *order->item);
    agg_unmap(order->ready, order->room * sizeof *order->item);
    agg_unmap(order->scratch, order->room * sizeof *order->item);
}

static void chunk_open(struct agg_order *order, uint32_t need)
{
    if (order->open && order->open->live == 0)
        order->open->used = 0;
    if (order->open && order->open->size - sizeof *order->open - order->open->used >= need)
        return;
    struct agg_order_chunk *chunk = order->spare;
    if (chunk && need <= CHUNK - sizeof *chunk) {
        order->spare = chunk->next;
        if (--order->spare_count < order->spare_low)
            order->spare_low = order->spare_count;
    } else {
        uint64_t size = need + sizeof *chunk > CHUNK ? need + sizeof *chunk : CHUNK;
        chunk = agg_map(size);
        chunk->size = (uint32_t)size;
        order->bytes += size;
    }
    if (order->open && order->open->live == 0)
        chunk_free(order, order->open);
    chunk->used = 0;
    chunk->live = 0;
    order->open = chunk;
}

static struct agg_order_item *items_grow(struct agg_order_item *old, uint64_t used, uint64_t room,
                                         uint64_t bigger)
{
    struct agg_order_item *item = agg_map(bigger * sizeof *item);
    if (used)
        memcpy(item, old, used * sizeof *item);
    agg_unmap(old, room * sizeof *item);
    return item;
}

void agg_order_put(struct agg_order *order, const struct rc_event *ev)
{
    if (order->count == order->room) {
        uint64_t bigger = order->room ? order->room * 2 : FIRST_ROOM;
        order->item = items_grow(order->item, order->count, order->room, bigger);
        order->ready = items_grow(order->ready, order->ready_count, order->room, bigger);
        order->scratch = items_grow(order->scratch, 0, order->room, bigger);
        order->bytes += 3 * (bigger - order->room) * sizeof *order->item;
        order->room = bigger;
    }
    chunk_open(order, ev->size);
    struct agg_order_chunk *chunk = order->open;
    memcpy(chunk->bytes + chunk->used, ev, ev->size);
    order->item[order->count++] =
        (struct agg_order_item){ev->time_ms, ev->offset, chunk, ev->source, chunk->used};
    chunk->used += ev->size;
    chunk->live++;
}

static bool item_before(const struct agg_order_item *a, const struct agg_order_item *b)
{
    if (a->time_ms != b->time_ms)
        return a->time_ms < b->time_ms;
    if (a->source != b->source)
        return a->source < b->source;
    return a->offset < b->offset;
}

/* Merges the neighbouring sorted runs [0, mid) and [mid, count) of `from` into `to`. */
static void runs_merge(const struct agg_order_item *from, uint64_t mid, uint64_t count,
                       struct agg_order_item *to)
{
    uint64_t left = 0, right = mid;
    for (uint64_t i = 0; i < count; i++)
        to[i] = right == count || (left < mid && !item_before(&from[right], &from[left]))
                    ? from[left++]
                    : from[right++];
}

static uint64_t run_end(const struct agg_order_item *item, uint64_t from, uint64_t count)
{
    uint64_t end = from + 1;
    while (end < count && !item_before(&item[end], &item[end - 1]))
        end++;
    return end;
}

/* A natural merge sort: what arrives nearly in order costs nearly nothing. */
static void ready_sort(struct agg_order *order)
{
    for (;;) {
        uint64_t at = 0, runs = 0;
        while (at < order->ready_count) {
            uint64_t mid = run_end(order->ready, at, order->ready_count);
            if (mid == order->ready_count && at == 0)
                return;
            uint64_t end =
                mid < order->ready_count ? run_end(order->ready, mid, order->ready_count) : mid;
            runs_merge(order->ready + at, mid - at, end - at, order->scratch + at);
            at = end;
            runs++;
        }
        struct agg_order_item *swap = order->ready;
        order->ready = order->scratch;
        order->scratch = swap;
        if (runs <= 1)
            return;
    }
}

/* Of the chunks that were spare all the time since the last look a half goes: an epoch needs about
 * as many as the one before, and a burst is forgotten soon. */
static void spares_trim(struct agg_order *order)
{
    uint32_t more = order->spare_low > SPARE_LEAST ? order->spare_low - SPARE_LEAST : 0;
    for (uint32_t i = 0; i < (more + 1) / 2; i++) {
        struct agg_order_chunk *chunk = order->spare;
        order->spare = chunk->next;
        order->spare_count--;
        chunk_free(order, chunk);
    }
    order->spare_low = order->spare_count;
}

void agg_order_sort(struct agg_order *order, int64_t before_ms)
{
    RC_CHECK(order->ready_next == order->ready_count);
    spares_trim(order);
    order->ready_count = order->ready_next = 0;
    uint64_t keep = 0;
    for (uint64_t i = 0; i < order->count; i++) {
        if (order->item[i].time_ms < before_ms)
            order->ready[order->ready_count++] = order->item[i];
        else
            order->item[keep++] = order->item[i];
    }
    order->count = keep;
    ready_sort(order);
}

const struct rc_event *agg_order_ahead(const struct agg_order *order, uint32_t count)
{
    if (order->ready_next + count >= order->ready_count)
        return NULL;
    const struct agg_order_item *item = &order->ready[order->ready_next + count];
    return (const struct rc_event *)(item->chunk->bytes + item->at);
}

const struct rc_event *agg_order_peek(const struct agg_order *order)
{
    return agg_order_ahead(order, 0);
}

const struct rc_event *agg_order_waiting(const struct agg_order *order, uint64_t index)
{
    return (const struct rc_event *)(order->item[index].chunk->bytes + order->item[index].at);
}

void agg_order_pop(struct agg_order *order)
{
    struct agg_order_chunk *chunk = order->ready[order->ready_next++].chunk;
    if (--chunk->live || chunk == order->open)
        return;
    if (chunk->size > CHUNK) {
        chunk_free(order, chunk);
    } else {
        chunk->next = order->spare;
        order->spare = chunk;
        order->spare_count++;
    }
}
