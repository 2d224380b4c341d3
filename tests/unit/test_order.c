#include "order.h"

#include "core_fixture.h"

enum { WAITING_MAX = 20000, LARGE_RAW = 300000 };

/* What tells one event from another, with a mark that the bytes must carry. */
struct waiting {
    int64_t time_ms, offset;
    uint32_t source, mark;
};

static int waiting_compare(const void *left, const void *right)
{
    const struct waiting *a = left, *b = right;
    if (a->time_ms != b->time_ms)
        return a->time_ms < b->time_ms ? -1 : 1;
    if (a->source != b->source)
        return a->source < b->source ? -1 : 1;
    return a->offset < b->offset ? -1 : a->offset > b->offset;
}

static void put(struct agg_order *order, const struct waiting *what, uint32_t raw_size)
{
    uint32_t size = (uint32_t)(sizeof(struct rc_event) + raw_size + 7) & ~7u;
    struct rc_event *ev = calloc(1, size);
    ev->size = size;
    ev->raw_size = raw_size;
    ev->time_ms = what->time_ms;
    ev->offset = what->offset;
    ev->source = what->source;
    ev->value = what->mark;
    memset(ev->text, (int)(what->mark & 0xff), raw_size);
    agg_order_put(order, ev);
    free(ev);
}

static void take(struct agg_order *order, const struct waiting *what)
{
    const struct rc_event *ev = agg_order_peek(order);
    cr_assert_not_null(ev);
    cr_assert_eq(ev->time_ms, what->time_ms);
    cr_assert_eq(ev->source, what->source);
    cr_assert_eq(ev->offset, what->offset);
    cr_assert_eq(ev->value, what->mark);
    for (uint32_t i = 0; i < ev->raw_size; i++)
        cr_assert_eq((uint8_t)ev->text[i], (uint8_t)what->mark);
    agg_order_pop(order);
}

static uint32_t sort_off(struct waiting *list, uint32_t count, int64_t before_ms,
                         struct agg_order *order)
{
    qsort(list, count, sizeof *list, waiting_compare);
    agg_order_sort(order, before_ms);
    uint32_t taken = 0;
    for (; taken < count && list[taken].time_ms < before_ms; taken++)
        take(order, &list[taken]);
    cr_assert_null(agg_order_peek(order), "only what is before the limit is ready");
    memmove(list, list + taken, (count - taken) * sizeof *list);
    return count - taken;
}

/* Epochs of events, each about `jitter_ms` out of order, taken as the watermark follows. */
static void run(uint64_t seed, uint64_t jitter_ms, uint32_t raw_max)
{
    static struct waiting list[WAITING_MAX];
    struct core_random random = {seed};
    struct agg_order order;
    uint32_t count = 0, mark = 0;
    int64_t clock = T0;
    agg_order_init(&order);
    for (uint32_t epoch = 0; epoch < 40; epoch++) {
        uint32_t more = (uint32_t)core_draw(&random, 400);
        for (uint32_t i = 0; i < more && count < WAITING_MAX; i++) {
            list[count] = (struct waiting){
                .time_ms = clock + (int64_t)core_draw(&random, jitter_ms),
                .offset = ++mark,
                .source = (uint32_t)core_draw(&random, 3),
                .mark = mark,
            };
            put(&order, &list[count++], (uint32_t)core_draw(&random, raw_max));
            clock += (int64_t)core_draw(&random, 3);
        }
        count = sort_off(list, count, clock - (int64_t)core_draw(&random, jitter_ms), &order);
        cr_assert_eq(order.count, count);
    }
    sort_off(list, count, INT64_MAX, &order);
    cr_assert_eq(order.count, 0);
    agg_order_done(&order);
}

Test(order, events_come_out_by_time_then_source_then_offset)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        run(seed, 1, 64);
        run(seed, 50, 200);
        run(seed, 5000, 200);
    }
}

Test(order, events_larger_than_most_come_out_whole)
{
    run(99, 300, 9000);
}

Test(order, event_larger_than_a_chunk_is_kept_whole_among_small_ones)
{
    struct agg_order order;
    struct waiting list[6];
    agg_order_init(&order);
    for (uint32_t i = 0; i < 6; i++) {
        list[i] = (struct waiting){T0 + 10 - i, i, 0, i + 1};
        put(&order, &list[i], i % 2 ? LARGE_RAW : 16);
    }
    cr_assert_eq(sort_off(list, 6, T0 + 11, &order), 0);
    agg_order_done(&order);
}

Test(order, event_at_the_limit_waits)
{
    struct agg_order order;
    struct waiting one = {T0, 1, 0, 7};
    agg_order_init(&order);
    put(&order, &one, 8);
    agg_order_sort(&order, T0);
    cr_assert_null(agg_order_peek(&order));
    agg_order_sort(&order, T0 + 1);
    take(&order, &one);
    agg_order_done(&order);
}

Test(order, same_event_twice_comes_out_twice_in_the_order_of_arrival)
{
    struct agg_order order;
    struct waiting first = {T0, 5, 1, 1}, again = {T0, 5, 1, 2};
    agg_order_init(&order);
    put(&order, &first, 8);
    put(&order, &again, 8);
    agg_order_sort(&order, T0 + 1);
    take(&order, &first);
    take(&order, &again);
    agg_order_done(&order);
}

Test(order, memory_is_used_again_and_does_not_grow)
{
    struct agg_order order;
    uint64_t settled = 0;
    agg_order_init(&order);
    for (uint32_t epoch = 0; epoch < 400; epoch++) {
        for (uint32_t i = 0; i < 1000; i++) {
            struct waiting one = {T0 + epoch, i, 0, i};
            put(&order, &one, 200);
        }
        agg_order_sort(&order, T0 + epoch + 1);
        while (agg_order_peek(&order))
            agg_order_pop(&order);
        if (epoch == 10)
            settled = order.bytes;
    }
    cr_assert_leq(order.bytes, settled);
    agg_order_done(&order);
}

Test(order, memory_of_a_burst_is_kept_for_the_next_one_and_soon_given_back)
{
    struct agg_order order;
    uint64_t burst = 0;
    agg_order_init(&order);
    for (uint32_t epoch = 0; epoch < 40; epoch++) {
        for (uint32_t i = 0; i < (epoch < 4 ? 5000 : 10); i++) {
            struct waiting one = {T0 + epoch, i, 0, i};
            put(&order, &one, 200);
        }
        if (epoch == 0)
            burst = order.bytes;
        if (epoch < 4)
            cr_assert_leq(order.bytes, burst, "%u", epoch);
        agg_order_sort(&order, T0 + epoch + 1);
        while (agg_order_peek(&order))
            agg_order_pop(&order);
        cr_assert(epoch >= 4 || order.bytes == burst, "%u", epoch);
    }
    cr_assert_lt(order.bytes - 3 * order.room * sizeof(struct agg_order_item), 8 * 32768);
    agg_order_done(&order);
}

Test(order, what_still_waits_is_given_back_at_the_end)
{
    struct agg_order order;
    agg_order_init(&order);
    for (uint32_t i = 0; i < 5000; i++) {
        struct waiting one = {T0 + i, i, 0, i};
        put(&order, &one, 200);
    }
    agg_order_sort(&order, T0 + 2500);
    agg_order_pop(&order);
    agg_order_done(&order);
    /* the item tables are all that may remain counted; every chunk has been unmapped */
    cr_assert_eq(order.bytes, 3 * order.room * sizeof(struct agg_order_item));
}

Test(order, what_waits_can_be_looked_at_in_the_order_in_which_it_came)
{
    struct agg_order order;
    agg_order_init(&order);
    for (uint32_t i = 0; i < 100; i++) {
        struct waiting one = {T0 + 100 - i, i, 0, i};
        put(&order, &one, 200);
    }
    agg_order_sort(&order, T0 + 50);
    cr_assert_eq(order.count, 51);
    for (uint64_t i = 0; i < order.count; i++)
        cr_assert_eq(agg_order_waiting(&order, i)->time_ms, T0 + 100 - (int64_t)i);
    agg_order_done(&order);
}
