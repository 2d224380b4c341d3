/* A binary heap of timers: at an instant, in an order among those of one instant, something is
 * due. Used for what awaits a client, for the clients among each other, and for events on their
 * way to the wire. */
#ifndef ROLLCALL_SIMULATE_HEAP_H
#define ROLLCALL_SIMULATE_HEAP_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#define SIM_NEVER INT64_MAX

struct sim_timer {
    int64_t at_ms;
    uint32_t order;
    uint32_t target;
};

struct sim_heap {
    struct sim_timer *timer;
    uint32_t count, capacity;
};

/* Room for so many more; false when there is no memory. */
static inline bool sim_heap_reserve(struct sim_heap *heap, uint32_t more)
{
    if (heap->capacity - heap->count >= more)
        return true;
    uint32_t capacity = heap->capacity ? heap->capacity : 64;
    while (capacity - heap->count < more)
        capacity *= 2;
    struct sim_timer *timer = realloc(heap->timer, (size_t)capacity * sizeof(*timer));
    if (!timer)
        return false;
    heap->timer = timer;
    heap->capacity = capacity;
    return true;
}

static inline bool sim_timer_before(const struct sim_timer *a, const struct sim_timer *b)
{
    return a->at_ms != b->at_ms ? a->at_ms < b->at_ms : a->order < b->order;
}

/* There must be room. */
static inline void sim_heap_push(struct sim_heap *heap, struct sim_timer timer)
{
    uint32_t i = heap->count++;
    while (i > 0 && sim_timer_before(&timer, &heap->timer[(i - 1) / 2])) {
        heap->timer[i] = heap->timer[(i - 1) / 2];
        i = (i - 1) / 2;
    }
    heap->timer[i] = timer;
}

/* Puts the timer where the first one was. The heap must not be empty. */
static inline void sim_heap_replace(struct sim_heap *heap, struct sim_timer timer)
{
    uint32_t i = 0, child;
    while ((child = 2 * i + 1) < heap->count) {
        if (child + 1 < heap->count &&
            sim_timer_before(&heap->timer[child + 1], &heap->timer[child]))
            child++;
        if (!sim_timer_before(&heap->timer[child], &timer))
            break;
        heap->timer[i] = heap->timer[child];
        i = child;
    }
    heap->timer[i] = timer;
}

static inline struct sim_timer sim_heap_pop(struct sim_heap *heap)
{
    struct sim_timer first = heap->timer[0];
    struct sim_timer last = heap->timer[--heap->count];
    if (heap->count > 0)
        sim_heap_replace(heap, last);
    return first;
}

static inline int64_t sim_heap_first_ms(const struct sim_heap *heap)
{
    return heap->count > 0 ? heap->timer[0].at_ms : SIM_NEVER;
}

#endif
