#include "core_fixture.h"

struct shop {
    struct core core;
    struct agg_task *task;
    uint32_t key, total;
};

static void shop_open(struct shop *shop)
{
    core_init(&shop->core);
    shop->task = core_task_open(&shop->core);
    uint32_t client = agg_client_get(shop->task, "acme", 4);
    uint32_t queue = agg_queue_get(shop->task, client, "sales", 5);
    shop->key = agg_key_get(shop->task, client, queue, RC_CALL);
    shop->total = agg_link_at(shop->task, agg_key_at(shop->task, shop->key)->up)->key;
    agg_task_advance(shop->task, T0 + HOUR_MS);
}

static void shop_close(struct shop *shop)
{
    agg_task_close(shop->task);
    core_close(&shop->core);
}

/* What the pane of that window that holds the instant says of the figure. */
static int64_t pane_value(struct shop *shop, uint32_t key, uint32_t window, int64_t at,
                          enum rc_figure figure)
{
    int64_t value[RC_SUM_COUNT];
    uint32_t ref = agg_pane_get(shop->task, key, window, at);
    agg_sums_read(shop->task, &agg_pane_warm(shop->task, ref)->sums, value);
    return value[figure];
}

Test(window, sums_are_those_of_a_plain_array_whatever_figures_come_in_whatever_order)
{
    struct shop shop;
    shop_open(&shop);
    struct core_random random = {4};
    int64_t expected[RC_SUM_COUNT] = {0};
    for (uint32_t i = 0; i < 3000; i++) {
        struct agg_item item = {(uint8_t)core_draw(&random, RC_SUM_COUNT),
                                (int64_t)core_draw(&random, 1000) - 300};
        if (item.figure == RC_FIG_wait_ms_max)
            continue;
        agg_window_add(shop.task, shop.key, T0 + HOUR_MS - 1000, &item, 1);
        expected[item.figure] += item.value;
        for (uint32_t f = 0; f < RC_SUM_COUNT; f++) {
            cr_assert_eq(pane_value(&shop, shop.key, 0, T0 + HOUR_MS - 1000, f), expected[f]);
            cr_assert_eq(pane_value(&shop, shop.total, 2, T0, f), expected[f]);
            uint32_t roll = agg_key_at(shop.task, shop.total)->roll[0];
            cr_assert_eq(agg_roll_at(shop.task, roll)->total[f], expected[f]);
        }
    }
    cr_assert_eq(shop.task->sum[4].live, 8, "three panes and a bucket for each of two keys");
    cr_assert_eq(shop.task->sum[0].live, 0, "smaller ones were given back as they grew");
    shop_close(&shop);
}

Test(window, contribution_falls_into_the_windows_that_hold_its_instant)
{
    struct shop shop;
    struct agg_item item = {RC_FIG_offered, 1};
    shop_open(&shop);
    agg_window_add(shop.task, shop.key, T0 + 15 * MINUTE_MS - 1, &item, 1);
    agg_window_add(shop.task, shop.key, T0 + 15 * MINUTE_MS, &item, 1);
    cr_assert_eq(pane_value(&shop, shop.key, 0, T0, RC_FIG_offered), 1);
    cr_assert_eq(pane_value(&shop, shop.key, 0, T0 + 20 * MINUTE_MS, RC_FIG_offered), 1);
    cr_assert_eq(pane_value(&shop, shop.key, 0, T0 + 30 * MINUTE_MS, RC_FIG_offered), 0);
    cr_assert_eq(pane_value(&shop, shop.key, 1, T0, RC_FIG_offered), 2);
    cr_assert_eq(pane_value(&shop, shop.key, 1, T0 + HOUR_MS, RC_FIG_offered), 0);
    cr_assert_eq(pane_value(&shop, shop.key, 2, T0 + DAY_MS - 1, RC_FIG_offered), 2);
    cr_assert_eq(agg_key_at(shop.task, shop.key)->roll[0], 0, "older than any rolling window");
    shop_close(&shop);
}

Test(window, what_left_a_rolling_window_is_taken_off_its_total)
{
    struct shop shop;
    struct agg_item item = {RC_FIG_offered, 1};
    shop_open(&shop);
    for (int64_t i = 1; i <= 4; i++)
        agg_window_add(shop.task, shop.key, T0 + HOUR_MS - i * MINUTE_MS, &item, 1);
    struct agg_roll *roll = agg_roll_at(shop.task, agg_key_at(shop.task, shop.key)->roll[0]);
    cr_assert_eq(roll->total[RC_FIG_offered], 4);
    agg_roll_trim(shop.task, roll, (T0 + HOUR_MS) / MINUTE_MS - 2);
    cr_assert_eq(roll->total[RC_FIG_offered], 2);
    agg_roll_trim(shop.task, roll, (T0 + HOUR_MS) / MINUTE_MS);
    cr_assert_eq(roll->total[RC_FIG_offered], 0);
    cr_assert(roll->oldest == 0 && roll->newest == 0);
    cr_assert_eq(shop.task->bucket.live, 4, "those of the roll-up are still there");
    shop_close(&shop);
}

Test(window, closed_interval_takes_nothing_and_counts_it)
{
    struct shop shop;
    struct agg_item item = {RC_FIG_offered, 1};
    shop_open(&shop);
    agg_task_advance(shop.task, T0 + 15 * MINUTE_MS + INT64_C(8) * DAY_MS - 1);
    agg_window_add(shop.task, shop.key, T0, &item, 1);
    cr_assert_eq(rc_counter_read(&shop.core.stats.closed_changes), 0);
    agg_task_advance(shop.task, T0 + 15 * MINUTE_MS + INT64_C(8) * DAY_MS);
    agg_window_add(shop.task, shop.key, T0, &item, 1);
    cr_assert_eq(agg_pane_get(shop.task, shop.key, 0, T0), 0);
    /* the quarter of an hour of the queue and of its roll-up; hour and day are open still */
    cr_assert_eq(rc_counter_read(&shop.core.stats.closed_changes), 2);
    cr_assert_eq(pane_value(&shop, shop.key, 1, T0, RC_FIG_offered), 2);
    shop_close(&shop);
}

Test(window, what_is_gathered_for_the_panes_of_now_is_theirs_when_the_interval_is_over)
{
    struct shop shop;
    struct agg_item item[] = {{RC_FIG_offered, 1}, {RC_FIG_wait_ms_sum, 700}};
    shop_open(&shop);
    agg_window_add(shop.task, shop.key, T0 + HOUR_MS, item, 2);
    agg_window_add(shop.task, shop.key, T0 + HOUR_MS, item, 1);
    struct agg_key *key = agg_key_at(shop.task, shop.key);
    cr_assert_neq(key->pending.mask, 0);
    cr_assert_eq(agg_pane_warm(shop.task, key->pane[0])->sums.mask, 0, "not yet");
    /* the quarter of an hour ends, the next one gets its own, hour and day get both */
    agg_task_advance(shop.task, T0 + HOUR_MS + 20 * MINUTE_MS);
    agg_window_add(shop.task, shop.key, T0 + HOUR_MS + 20 * MINUTE_MS, item, 1);
    cr_assert_neq(key->pending.mask, 0, "of the next quarter");
    cr_assert_eq(pane_value(&shop, shop.key, 0, T0 + HOUR_MS, RC_FIG_offered), 2);
    cr_assert_eq(key->pending.mask, 0, "reading gives it to them");
    cr_assert_eq(key->pending.ref, 0);
    cr_assert_eq(pane_value(&shop, shop.key, 0, T0 + HOUR_MS, RC_FIG_wait_ms_sum), 700);
    cr_assert_eq(pane_value(&shop, shop.key, 0, T0 + HOUR_MS + 20 * MINUTE_MS, RC_FIG_offered), 1);
    cr_assert_eq(pane_value(&shop, shop.total, 1, T0 + HOUR_MS, RC_FIG_offered), 3);
    cr_assert_eq(pane_value(&shop, shop.total, 2, T0, RC_FIG_wait_ms_sum), 700);
    shop_close(&shop);
}

Test(window, what_is_gathered_before_midnight_is_not_given_to_the_day_after)
{
    struct shop shop;
    struct agg_item item = {RC_FIG_offered, 1};
    int64_t evening = T0 + DAY_MS - 10 * MINUTE_MS, morning = T0 + DAY_MS + 5 * MINUTE_MS;
    shop_open(&shop);
    shop.core.config.time.grace_ms = 2 * HOUR_MS;
    shop.task->clock = evening;
    agg_window_add(shop.task, shop.key, evening, &item, 1);
    cr_assert_neq(agg_key_at(shop.task, shop.key)->pending.mask, 0);
    /* a decision of the new day, but not of its quarter of an hour of now */
    shop.task->clock = morning + 20 * MINUTE_MS;
    agg_window_add(shop.task, shop.key, morning, &item, 1);
    cr_assert_eq(pane_value(&shop, shop.key, 2, evening, RC_FIG_offered), 1);
    cr_assert_eq(pane_value(&shop, shop.key, 2, morning, RC_FIG_offered), 1);
    cr_assert_eq(pane_value(&shop, shop.total, 0, evening, RC_FIG_offered), 1);
    shop_close(&shop);
}

Test(window, longest_wait_taken_back_from_what_is_gathered_is_found_again)
{
    struct shop shop;
    shop_open(&shop);
    struct agg_batch batch = {.at_ms = T0 + HOUR_MS, .added_ms = 5000};
    agg_window_apply(shop.task, shop.key, &batch);
    batch = (struct agg_batch){.at_ms = T0 + HOUR_MS, .added_ms = 9000};
    agg_window_apply(shop.task, shop.key, &batch);
    cr_assert_eq(pane_value(&shop, shop.key, 0, T0 + HOUR_MS, RC_FIG_wait_ms_max), 9000);
    batch = (struct agg_batch){.at_ms = T0 + HOUR_MS, .added_ms = 9500};
    agg_window_apply(shop.task, shop.key, &batch);
    batch = (struct agg_batch){.at_ms = T0 + HOUR_MS, .taken_ms = 9500};
    agg_window_apply(shop.task, shop.key, &batch);
    struct agg_key *key = agg_key_at(shop.task, shop.key);
    for (uint32_t i = 0; i < 3; i++)
        cr_assert(agg_pane_warm(shop.task, key->pane[i])->sums.max_stale);
    /* nobody waited, as far as contacts say */
    agg_pane_max(shop.task, key->pane[0]);
    cr_assert_eq(pane_value(&shop, shop.key, 0, T0 + HOUR_MS, RC_FIG_wait_ms_max), 0);
    shop_close(&shop);
}
