#include "watermark.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>

enum { DISORDER = 1000, IDLE = 5000, ALIGN = 10000 };
#define WALL 1000000000LL

static struct watermark wm;

static void open_parts(uint32_t parts)
{
    struct watermark_settings settings = {DISORDER, IDLE, ALIGN};
    watermark_init(&wm, &settings);
    for (uint32_t i = 0; i < parts; i++)
        cr_assert(eq(int, watermark_add(&wm), RC_OK));
}

static void close_parts(void)
{
    watermark_done(&wm);
}

/* Two clocks that go alike. */
static int64_t step(int64_t wall_ms)
{
    return watermark_step(&wm, wall_ms, wall_ms);
}

static void align(int64_t wall_ms)
{
    watermark_align(&wm, wall_ms, wall_ms);
}

static void event(uint32_t part, int64_t time_ms, int64_t wall_ms)
{
    watermark_read(&wm, part, wall_ms);
    watermark_event(&wm, part, time_ms);
    watermark_fresh(&wm);
}

TestSuite(watermark, .fini = close_parts);

Test(watermark, there_is_none_before_the_first_event)
{
    open_parts(2);
    cr_assert(eq(i64, step(WALL), RC_TIME_NONE));
    watermark_end(&wm, 0);
    watermark_end(&wm, 1);
    cr_assert(eq(i64, step(WALL + 60000), RC_TIME_NONE));
}

Test(watermark, is_the_smallest_of_all_less_the_disorder)
{
    open_parts(2);
    event(0, 50000, WALL);
    cr_assert(eq(i64, step(WALL), RC_TIME_NONE), "the other may still bring less");
    cr_assert(eq(u32, wm.holder, 1));
    event(1, 40000, WALL);
    cr_assert(eq(i64, step(WALL), 39000));
    cr_assert(eq(u32, wm.holder, 1));
    event(1, 60000, WALL);
    cr_assert(eq(i64, step(WALL), 49000));
    cr_assert(eq(u32, wm.holder, 0));
}

Test(watermark, an_event_out_of_order_does_not_take_it_back)
{
    open_parts(1);
    event(0, 50000, WALL);
    event(0, 10000, WALL);
    cr_assert(eq(i64, step(WALL), 49000));
}

Test(watermark, a_partition_added_later_does_not_take_it_back)
{
    open_parts(1);
    event(0, 50000, WALL);
    step(WALL);
    cr_assert(eq(int, watermark_add(&wm), RC_OK));
    cr_assert(eq(i64, step(WALL), 49000));
    event(1, 1000, WALL);
    cr_assert(eq(i64, step(WALL), 49000));
}

Test(watermark, a_partition_that_is_empty_does_not_hold_back)
{
    open_parts(2);
    event(0, 50000, WALL);
    watermark_end(&wm, 1);
    cr_assert(eq(i64, step(WALL), 49000));
}

Test(watermark, one_at_its_end_holds_back_until_it_was_quiet_for_long_enough)
{
    open_parts(2);
    event(0, 50000, WALL);
    event(1, 90000, WALL);
    watermark_end(&wm, 0);
    event(1, 95000, WALL + IDLE - 1);
    cr_assert(eq(i64, step(WALL + IDLE - 1), 49000));
    cr_assert(eq(i64, step(WALL + IDLE), 94000));
    cr_assert(eq(u32, wm.holder, 1));
}

Test(watermark, one_that_is_quiet_but_not_at_its_end_holds_back)
{
    open_parts(2);
    event(0, 50000, WALL);
    event(1, 90000, WALL);
    cr_assert(eq(i64, step(WALL + 100 * IDLE), 49000));
}

Test(watermark, a_record_that_is_no_event_keeps_the_partition_awake_and_moves_nothing)
{
    open_parts(2);
    event(0, 50000, WALL);
    event(1, 90000, WALL);
    watermark_read(&wm, 0, WALL + 4000);
    watermark_end(&wm, 0);
    event(1, 95000, WALL + IDLE);
    cr_assert(eq(i64, step(WALL + IDLE), 49000));
}

Test(watermark, when_all_are_idle_it_goes_on_with_the_wall_clock_at_the_distance_it_had)
{
    open_parts(2);
    event(0, 50000, WALL);
    event(1, 60000, WALL + 2000);
    watermark_end(&wm, 0);
    watermark_end(&wm, 1);
    /* 0 falls idle at WALL + 5000, and time is 1's until 1 falls idle at WALL + 7000. */
    cr_assert(eq(i64, step(WALL + 6000), 59000));
    cr_assert(eq(i64, step(WALL + 7000), 59000));
    cr_assert(eq(i64, step(WALL + 7500), 59500));
    cr_assert(eq(i64, step(WALL + 67000), 119000));
    cr_assert(eq(u32, wm.holder, WATERMARK_NOBODY));
}

Test(watermark, the_distance_is_that_of_the_moment_whenever_it_is_looked_at)
{
    open_parts(2);
    event(0, 50000, WALL);
    event(1, 60000, WALL + 2000);
    watermark_end(&wm, 0);
    watermark_end(&wm, 1);
    cr_assert(eq(i64, step(WALL + 67000), 119000), "the first look comes late");
}

Test(watermark, those_who_fall_idle_together_stop_at_the_smaller)
{
    open_parts(2);
    event(0, 60000, WALL);
    event(1, 50000, WALL);
    watermark_end(&wm, 0);
    watermark_end(&wm, 1);
    cr_assert(eq(i64, step(WALL + IDLE), 49000));
    cr_assert(eq(i64, step(WALL + IDLE + 300), 49300));
}

Test(watermark, after_idleness_an_older_event_waits_for_nothing_and_takes_nothing_back)
{
    open_parts(1);
    event(0, 50000, WALL);
    watermark_end(&wm, 0);
    cr_assert(eq(i64, step(WALL + IDLE + 60000), 109000));
    event(0, 70000, WALL + IDLE + 60000);
    cr_assert(eq(i64, step(WALL + IDLE + 61000), 109000));
    watermark_end(&wm, 0);
    /* Idle again, at a distance that is larger than before. */
    int64_t again = WALL + IDLE + 60000 + IDLE;
    cr_assert(eq(i64, step(again + 1000), 110000));
}

Test(watermark, never_passes_the_wall_clock_less_the_disorder)
{
    open_parts(1);
    event(0, WALL + 500000, WALL);
    cr_assert(eq(i64, step(WALL), WALL - DISORDER));
    watermark_end(&wm, 0);
    cr_assert(eq(i64, step(WALL + 10 * IDLE), WALL + 10 * IDLE - DISORDER));
}

Test(watermark, a_wall_clock_that_is_set_back_does_not_take_it_back)
{
    open_parts(1);
    event(0, WALL, WALL);
    cr_assert(eq(i64, step(WALL), WALL - DISORDER));
    cr_assert(eq(i64, step(WALL - 3600000), WALL - DISORDER));
}

Test(watermark, a_wall_clock_that_is_set_back_keeps_no_partition_awake)
{
    open_parts(2);
    event(0, 50000, WALL);
    event(1, 40000, WALL);
    watermark_end(&wm, 1);
    cr_assert(eq(i64, watermark_step(&wm, WALL - 3600000, WALL + IDLE - 1), 39000));
    cr_assert(eq(i64, watermark_step(&wm, WALL - 3600000, WALL + IDLE), 49000));
}

Test(watermark, a_wall_clock_that_is_set_forth_makes_no_partition_idle)
{
    open_parts(2);
    event(0, 50000, WALL);
    event(1, 40000, WALL);
    watermark_end(&wm, 1);
    cr_assert(eq(i64, watermark_step(&wm, WALL + 3600000, WALL + 1), 39000));
    align(WALL);
    watermark_align(&wm, WALL + 3600000, WALL + 1);
    cr_assert(eq(i64, wm.base_ms, 40000), "it counts among those that are awake");
}

Test(watermark, the_distance_is_one_to_the_wall_clock)
{
    const int64_t off = 500000; /* what the steady clock shows less */
    open_parts(1);
    event(0, 50000, WALL - off);
    watermark_end(&wm, 0);
    cr_assert(eq(i64, watermark_step(&wm, WALL + IDLE, WALL - off + IDLE), 49000));
    cr_assert(eq(i64, watermark_distance(&wm), WALL + IDLE - 49000));
    cr_assert(eq(i64, watermark_step(&wm, WALL + IDLE + 700, WALL - off + IDLE + 700), 49700));
}

Test(watermark, time_stands_still_in_an_outage_and_leaps_when_it_was_quiet)
{
    open_parts(1);
    event(0, 50000, WALL);
    watermark_end(&wm, 0);
    cr_assert(eq(i64, step(WALL + IDLE + 1000), 50000));
    watermark_outage(&wm, WALL + IDLE + 2000);
    cr_assert(eq(i64, step(WALL + IDLE + 2000), 50000));
    watermark_outage(&wm, WALL + IDLE + 60000);
    cr_assert(eq(i64, step(WALL + 2 * IDLE + 59999), 50000));
    cr_assert(eq(i64, step(WALL + 2 * IDLE + 60000), 49000 + IDLE + 60000));
}

Test(watermark, time_that_passes_while_the_process_is_down_has_passed)
{
    open_parts(1);
    watermark_resume(&wm, 3600000);
    watermark_read(&wm, 0, WALL);
    watermark_event(&wm, 0, WALL - 9 * 3600000); /* read again: 9 h ago now, 1 h ago then */
    watermark_end(&wm, 0);
    cr_assert(eq(i64, step(WALL + IDLE), WALL + IDLE - 3600000));
}

Test(watermark, what_came_while_the_process_was_down_sets_the_distance_anew)
{
    open_parts(1);
    watermark_resume(&wm, 3600000);
    watermark_read(&wm, 0, WALL);
    watermark_event(&wm, 0, WALL - 9 * 3600000);
    event(0, WALL - 8 * 3600000, WALL);
    watermark_end(&wm, 0);
    cr_assert(eq(i64, step(WALL + IDLE), WALL - 8 * 3600000 - DISORDER));
}

Test(watermark, what_comes_after_an_outage_sets_the_distance_anew)
{
    open_parts(1);
    event(0, 50000, WALL);
    watermark_end(&wm, 0);
    step(WALL + IDLE);
    int64_t back = WALL + IDLE + 60000;
    watermark_outage(&wm, back);
    event(0, 52000, back + 1000);
    watermark_end(&wm, 0);
    cr_assert(eq(i64, step(back + 1000 + IDLE), 51000));
}

/* As a run before left it, by a cut. */
static void restore(int64_t now_ms, int64_t distance_ms, const int64_t *largest_ms,
                    const bool *idle, int64_t wall_ms)
{
    for (uint32_t i = 0; i < wm.count; i++)
        watermark_restore(&wm, i, largest_ms[i], idle[i], wall_ms);
    watermark_set_now(&wm, now_ms);
    watermark_resume(&wm, distance_ms);
}

Test(watermark, from_a_cut_it_goes_on_where_it_was)
{
    open_parts(2);
    restore(39000, RC_TIME_NONE, (int64_t[]){50000, 40000}, (bool[]){false, false}, WALL);
    cr_assert(eq(i64, step(WALL), 39000));
    cr_assert(eq(u32, wm.holder, 1));
    event(1, 60000, WALL);
    cr_assert(eq(i64, step(WALL), 49000));
}

Test(watermark, from_a_cut_one_that_was_idle_is_so_as_soon_as_its_end_is_seen)
{
    open_parts(2);
    restore(49000, RC_TIME_NONE, (int64_t[]){20000, 50000}, (bool[]){true, false}, WALL);
    event(1, 60000, WALL);
    cr_assert(eq(i64, step(WALL), 49000), "something may have come meanwhile");
    cr_assert(eq(u32, wm.holder, 0));
    watermark_end(&wm, 0);
    cr_assert(eq(i64, step(WALL), 59000));
}

Test(watermark, from_a_cut_one_that_was_not_idle_is_quiet_from_then_on)
{
    open_parts(2);
    restore(39000, RC_TIME_NONE, (int64_t[]){40000, 50000}, (bool[]){false, false}, WALL);
    watermark_end(&wm, 0);
    event(1, 60000, WALL + IDLE - 1);
    cr_assert(eq(i64, step(WALL + IDLE - 1), 39000));
    cr_assert(eq(i64, step(WALL + IDLE), 59000));
}

Test(watermark, from_a_cut_one_that_never_brought_anything_does_not_hold_back)
{
    open_parts(2);
    restore(39000, RC_TIME_NONE, (int64_t[]){40000, RC_TIME_NONE}, (bool[]){false, false}, WALL);
    watermark_end(&wm, 1);
    event(0, 60000, WALL);
    cr_assert(eq(i64, step(WALL), 59000));
}

Test(watermark, from_a_cut_in_which_all_were_idle_the_distance_is_kept)
{
    open_parts(2);
    event(0, 50000, WALL);
    event(1, 60000, WALL);
    watermark_end(&wm, 0);
    watermark_end(&wm, 1);
    int64_t now_ms = step(WALL + IDLE + 700);
    int64_t distance_ms = watermark_distance(&wm), later = WALL + IDLE + 3600000;
    cr_assert(eq(i64, now_ms, WALL + IDLE + 700 - distance_ms));
    close_parts();
    open_parts(2);
    restore(now_ms, distance_ms, (int64_t[]){50000, 60000}, (bool[]){true, true}, later);
    cr_assert(eq(i64, step(later), now_ms), "no end was seen yet");
    cr_assert(eq(i64, watermark_distance(&wm), distance_ms), "a crash now loses nothing");
    watermark_end(&wm, 0);
    watermark_end(&wm, 1);
    cr_assert(eq(i64, step(later + 50), later + 50 - distance_ms));
    cr_assert(eq(i64, watermark_distance(&wm), distance_ms));
}

Test(watermark, from_a_cut_an_event_sets_the_distance_anew)
{
    open_parts(1);
    restore(49000, WALL, (int64_t[]){50000}, (bool[]){true}, WALL);
    event(0, 60000, WALL);
    cr_assert(eq(i64, watermark_distance(&wm), RC_TIME_NONE));
    watermark_end(&wm, 0);
    cr_assert(eq(i64, step(WALL + IDLE), 59000));
}

Test(watermark, the_one_that_is_far_ahead_is_not_read)
{
    open_parts(3);
    event(0, 50000, WALL);
    event(1, 50000 + ALIGN, WALL);
    event(2, 50001 + ALIGN, WALL);
    align(WALL);
    cr_assert(not(watermark_ahead(&wm, 0, WALL)));
    cr_assert(not(watermark_ahead(&wm, 1, WALL)), "exactly align is allowed");
    cr_assert(watermark_ahead(&wm, 2, WALL));
    event(0, 50001, WALL);
    align(WALL);
    cr_assert(not(watermark_ahead(&wm, 2, WALL)));
}

Test(watermark, the_last_one_is_always_read)
{
    open_parts(2);
    align(WALL);
    cr_assert(not(watermark_ahead(&wm, 0, WALL)));
    event(0, 50000, WALL);
    event(1, 5000000, WALL);
    align(WALL);
    cr_assert(not(watermark_ahead(&wm, 0, WALL)));
    cr_assert(watermark_ahead(&wm, 1, WALL));
}

Test(watermark, nobody_runs_off_while_one_was_not_heard_of)
{
    open_parts(2);
    event(0, 50000, WALL);
    align(WALL);
    cr_assert(not(watermark_ahead(&wm, 0, WALL)));
    event(0, 50001 + ALIGN, WALL);
    align(WALL);
    cr_assert(watermark_ahead(&wm, 0, WALL));
    watermark_end(&wm, 1);
    align(WALL);
    cr_assert(not(watermark_ahead(&wm, 0, WALL)), "the other one is empty");
}

Test(watermark, idle_ones_do_not_stop_the_others)
{
    open_parts(2);
    event(0, 1000, WALL);
    watermark_end(&wm, 0);
    event(1, 5000000, WALL + IDLE);
    align(WALL + IDLE - 1);
    cr_assert(watermark_ahead(&wm, 1, WALL + IDLE - 1));
    align(WALL + IDLE);
    cr_assert(not(watermark_ahead(&wm, 1, WALL + IDLE)));
}

Test(watermark, a_clock_that_goes_ahead_does_not_stop_its_partition)
{
    open_parts(2);
    event(0, WALL, WALL);
    event(1, WALL + 500000, WALL);
    align(WALL);
    cr_assert(not(watermark_ahead(&wm, 1, WALL)));
}
