#include "core_fixture.h"

static void visit(struct core *core, const char *contact, const char *queue, int64_t queued,
                  int64_t wait)
{
    PUT(core, .at = T0 + queued, .type = RC_TYPE_queued, .contact = contact, .queue = queue);
    if (wait >= 0)
        PUT(core, .at = T0 + queued + wait, .type = RC_TYPE_answered, .contact = contact);
}

Test(extreme, longest_wait_that_is_taken_back_gives_way_to_the_next_longest)
{
    struct core core;
    core_init(&core);
    core_open(&core);
    visit(&core, "a", "sales", 0, 30000);
    visit(&core, "b", "sales", 0, 50000);
    visit(&core, "c", "billing", 0, 40000);
    core_now(&core, T0 + 2 * MINUTE_MS);
    cr_assert_eq(VALUE(&core, "sales", CORE_15M, T0, wait_ms_max), 50000);
    cr_assert_eq(VALUE(&core, "*", CORE_15M, T0, wait_ms_max), 50000);
    PUT(&core, .at = T0 + 20000, .type = RC_TYPE_answered, .contact = "b"); /* late */
    core_now(&core, T0 + 3 * MINUTE_MS);
    cr_assert_eq(VALUE(&core, "sales", CORE_15M, T0, wait_ms_max), 30000);
    cr_assert_eq(VALUE(&core, "*", CORE_15M, T0, wait_ms_max), 40000, "of the other queue");
    cr_assert_eq(VALUE(&core, "*", CORE_5M, T0 - 2 * MINUTE_MS, wait_ms_max), 40000);
    core_close(&core);
}

Test(extreme, longest_wait_leaves_a_rolling_window_with_its_bucket)
{
    struct core core;
    core_init(&core);
    core_open(&core);
    visit(&core, "a", "sales", 0, 50000);
    visit(&core, "b", "sales", 60000, 30000);
    core_now(&core, T0 + 2 * MINUTE_MS);
    cr_assert_eq(VALUE(&core, "sales", CORE_5M, T0 - 3 * MINUTE_MS, wait_ms_max), 50000);
    core_now(&core, T0 + 6 * MINUTE_MS);
    cr_assert_eq(VALUE(&core, "sales", CORE_5M, T0 + MINUTE_MS, wait_ms_max), 30000);
    core_close(&core);
}

Test(extreme, wait_of_a_forgotten_contact_still_counts_when_a_longer_one_is_taken_back)
{
    struct core core;
    core_init(&core);
    core_open(&core);
    visit(&core, "old", "sales", 0, 40000);
    visit(&core, "new", "sales", 1000, 50000);
    int64_t last = T0 + INT64_C(3) * DAY_MS; /* keeps `new` in memory */
    PUT(&core, .at = last, .type = RC_TYPE_ended, .contact = "new");
    core_now(&core, last + INT64_C(2) * DAY_MS);
    cr_assert_eq(STAT(&core, contacts_now), 1);
    PUT(&core, .at = last + INT64_C(1) * DAY_MS + HOUR_MS, .type = RC_TYPE_rated, .contact = "new",
        .value = 1);
    core.config.time.retention_ms[RC_CALL] = INT64_C(30) * DAY_MS; /* so that it is not expired */
    PUT(&core, .at = T0 + 11000, .type = RC_TYPE_answered, .contact = "new");
    core_now(&core, last + INT64_C(2) * DAY_MS + HOUR_MS);
    cr_assert_eq(core.dead_count, 0);
    cr_assert_eq(VALUE(&core, "sales", CORE_DAY, T0, wait_ms_sum), 50000);
    cr_assert_eq(VALUE(&core, "sales", CORE_DAY, T0, wait_ms_max), 40000);
    core_close(&core);
}

Test(extreme, oldest_of_those_who_wait_is_the_earliest_whatever_came_first)
{
    struct core core;
    core_init(&core);
    core_open(&core);
    visit(&core, "late", "sales", 30000, -1);
    visit(&core, "early", "sales", 10000, -1);
    visit(&core, "middle", "billing", 20000, -1);
    core_now(&core, T0 + MINUTE_MS);
    cr_assert_eq(VALUE(&core, "sales", CORE_5M, T0 - 4 * MINUTE_MS, oldest_wait_ms), 50000);
    cr_assert_eq(VALUE(&core, "*", CORE_5M, T0 - 4 * MINUTE_MS, oldest_wait_ms), 50000);
    PUT(&core, .at = T0 + 70000, .type = RC_TYPE_abandoned, .contact = "early");
    core_now(&core, T0 + 2 * MINUTE_MS);
    cr_assert_eq(VALUE(&core, "sales", CORE_5M, T0 - 3 * MINUTE_MS, oldest_wait_ms), 90000);
    cr_assert_eq(VALUE(&core, "*", CORE_5M, T0 - 3 * MINUTE_MS, oldest_wait_ms), 100000);
    cr_assert_eq(VALUE(&core, "*", CORE_5M, T0 - 3 * MINUTE_MS, waiting), 2);
    core_close(&core);
}

Test(extreme, oldest_wait_of_an_interval_is_that_at_its_end)
{
    struct core core;
    core_init(&core);
    core_open(&core);
    int64_t end = T0 + 15 * MINUTE_MS;
    visit(&core, "a", "sales", 14 * MINUTE_MS, 2 * MINUTE_MS);
    visit(&core, "b", "sales", 14 * MINUTE_MS + 30000, 5 * MINUTE_MS);
    core_now(&core, end + 10 * MINUTE_MS);
    cr_assert_eq(VALUE(&core, "sales", CORE_15M, T0, waiting), 2);
    cr_assert_eq(VALUE(&core, "sales", CORE_15M, T0, waiting_over), 2);
    cr_assert_eq(VALUE(&core, "sales", CORE_15M, T0, oldest_wait_ms), 60000);
    /* a had been answered before the end after all */
    PUT(&core, .at = end - 20000, .type = RC_TYPE_answered, .contact = "a");
    core_now(&core, end + 11 * MINUTE_MS);
    cr_assert_eq(VALUE(&core, "sales", CORE_15M, T0, waiting), 1);
    cr_assert_eq(VALUE(&core, "sales", CORE_15M, T0, oldest_wait_ms), 30000);
    core_close(&core);
}
