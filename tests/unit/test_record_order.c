#include "record_order.h"

#include "core_fixture.h"

enum { PLACES = 5000 };

static int place_compare(const void *left, const void *right)
{
    const struct agg_record_place *a = left, *b = right;
    int64_t parts[6][2] = {{a->as_of_ms, b->as_of_ms},
                           {a->rank, b->rank},
                           {a->window, b->window},
                           {a->start_ms, b->start_ms},
                           {a->clock, b->clock},
                           {(int64_t)a->at, (int64_t)b->at}}; /* made in the order of `at` */
    for (uint32_t i = 0; i < 6; i++)
        if (parts[i][0] != parts[i][1])
            return parts[i][0] < parts[i][1] ? -1 : 1;
    return 0;
}

static void sort_and_compare(uint64_t seed, uint32_t count, uint64_t spread)
{
    static struct agg_record_place place[PLACES], scratch[PLACES], expected[PLACES];
    struct core_random random = {seed};
    for (uint32_t i = 0; i < count; i++)
        place[i] = expected[i] = (struct agg_record_place){
            .as_of_ms = T0 + (int64_t)(i / 100 + core_draw(&random, spread)),
            .start_ms = T0 - (int64_t)core_draw(&random, 3),
            .rank = (uint32_t)core_draw(&random, 5),
            .window = (uint16_t)core_draw(&random, 3),
            .clock = (uint16_t)core_draw(&random, 2),
            .at = i,
        };
    qsort(expected, count, sizeof *expected, place_compare);
    agg_records_sort(place, scratch, count);
    for (uint32_t i = 0; i < count; i++)
        cr_assert_eq(place[i].at, expected[i].at, "seed %lu, place %u", seed, i);
}

Test(record_order, sorts_as_a_stable_sort_by_instant_rank_window_start_and_clock_does)
{
    for (uint64_t seed = 1; seed <= 60; seed++) {
        sort_and_compare(seed, PLACES, 1);
        sort_and_compare(seed, (uint32_t)(seed * 7), 40);
        sort_and_compare(seed, (uint32_t)(seed % 5), 2);
    }
}

Test(record_order, leaves_what_is_sorted_and_turns_what_is_reversed)
{
    struct agg_record_place place[100], scratch[100];
    for (uint32_t i = 0; i < 100; i++)
        place[i] = (struct agg_record_place){.as_of_ms = T0 + i, .at = i};
    agg_records_sort(place, scratch, 100);
    for (uint32_t i = 0; i < 100; i++)
        cr_assert_eq(place[i].at, i);
    for (uint32_t i = 0; i < 100; i++)
        place[i] = (struct agg_record_place){.as_of_ms = T0 - i, .at = i};
    agg_records_sort(place, scratch, 100);
    for (uint32_t i = 0; i < 100; i++)
        cr_assert_eq(place[i].at, 99 - i);
}

Test(record_order, sorts_what_does_not_fit_into_one_number_too)
{
    static struct agg_record_place place[PLACES], scratch[PLACES], expected[PLACES];
    struct core_random random = {31};
    for (uint32_t i = 0; i < PLACES; i++)
        place[i] = expected[i] = (struct agg_record_place){
            .as_of_ms = (int64_t)core_draw(&random, INT64_MAX) / (i % 3 + 1),
            .start_ms = T0 - (int64_t)core_draw(&random, 3),
            .rank = UINT32_MAX - (uint32_t)core_draw(&random, 5),
            .window = (uint32_t)core_draw(&random, 3),
            .at = i,
        };
    qsort(expected, PLACES, sizeof *expected, place_compare);
    agg_records_sort(place, scratch, PLACES);
    for (uint32_t i = 0; i < PLACES; i++)
        cr_assert_eq(place[i].at, expected[i].at);
}
