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

Test(change, same_contributions_before_and_after_change_nothing)
{
    struct shop shop;
    shop_open(&shop);
    struct agg_made none, made = {.key = shop.key};
    memset(&none, 0, sizeof none);
    made.offered_at = made.outcome.at = made.service_level.at = made.handled.at = RC_TIME_NONE;
    made.transferred_at = made.rated.at = made.reviewed.at = made.again_at = RC_TIME_NONE;
    for (uint32_t i = 0; i < AGG_VISIT_STATE_COUNT; i++)
        made.state[i].from = RC_TIME_NONE;
    none = made;
    none.key = 0;
    made.offered_at = T0 + 10 * MINUTE_MS;
    made.state[AGG_WAITING] = (struct agg_span){T0 + 10 * MINUTE_MS, INT64_MAX};
    agg_window_change(shop.task, &none, &made);
    cr_assert_eq(pane_value(&shop, shop.key, 0, T0, RC_FIG_offered), 1);
    cr_assert_eq(agg_key_at(shop.task, shop.key)->level[AGG_WAITING], 1);
    agg_window_change(shop.task, &made, &made);
    cr_assert_eq(pane_value(&shop, shop.key, 0, T0, RC_FIG_offered), 1);
    cr_assert_eq(agg_key_at(shop.task, shop.total)->level[AGG_WAITING], 1);
    /* it turns out that it was over at 12 minutes: not waiting at any end of a quarter */
    struct agg_made over = made;
    over.state[AGG_WAITING].to = T0 + 12 * MINUTE_MS;
    agg_window_change(shop.task, &made, &over);
    cr_assert_eq(agg_key_at(shop.task, shop.key)->level[AGG_WAITING], 0);
    for (int64_t at = 0; at < 60; at += 15) {
        uint32_t pane = agg_pane_get(shop.task, shop.key, 0, T0 + at * MINUTE_MS);
        cr_assert_eq(agg_pane_warm(shop.task, pane)->state[AGG_WAITING], 0);
    }
    agg_window_change(shop.task, &over, &none);
    cr_assert_eq(pane_value(&shop, shop.key, 0, T0, RC_FIG_offered), 0);
    shop_close(&shop);
}

static struct agg_made made_none(uint32_t key)
{
    struct agg_made made = {.key = key};
    made.offered_at = made.outcome.at = made.service_level.at = made.handled.at = RC_TIME_NONE;
    made.transferred_at = made.rated.at = made.reviewed.at = made.again_at = RC_TIME_NONE;
    for (uint32_t i = 0; i < AGG_VISIT_STATE_COUNT; i++)
        made.state[i].from = RC_TIME_NONE;
    return made;
}

/* Of the pane of the quarter of an hour that holds the instant. */
static void expect_values(struct shop *shop, uint32_t key, int64_t at, int64_t handled,
                          int64_t acw_ms, int64_t handle_ms)
{
    cr_assert_eq(pane_value(shop, key, 0, at, RC_FIG_handled), handled);
    cr_assert_eq(pane_value(shop, key, 0, at, RC_FIG_acw_ms_sum), acw_ms);
    cr_assert_eq(pane_value(shop, key, 0, at, RC_FIG_handle_ms_sum), handle_ms);
}

Test(change, later_after_contact_work_adds_its_difference_where_the_handling_counts)
{
    struct shop shop;
    shop_open(&shop);
    struct agg_made none = made_none(0), ended = made_none(shop.key), wrapped;
    ended.handled.at = T0 + 10 * MINUTE_MS;
    ended.handled.talk_ms = 60000;
    wrapped = ended;
    wrapped.handled.acw_ms = 9000;
    agg_window_change(shop.task, &none, &ended);
    expect_values(&shop, shop.key, T0, 1, 0, 60000);
    agg_window_change(shop.task, &ended, &wrapped);
    expect_values(&shop, shop.key, T0, 1, 9000, 69000);
    expect_values(&shop, shop.total, T0, 1, 9000, 69000);
    /* an end that came later: all of it moves to the next quarter */
    struct agg_made moved = wrapped;
    moved.handled.at = T0 + 20 * MINUTE_MS;
    agg_window_change(shop.task, &wrapped, &moved);
    expect_values(&shop, shop.total, T0, 0, 0, 0);
    expect_values(&shop, shop.total, T0 + 15 * MINUTE_MS, 1, 9000, 69000);
    agg_window_change(shop.task, &moved, &none);
    expect_values(&shop, shop.key, T0 + 15 * MINUTE_MS, 0, 0, 0);
    shop_close(&shop);
}

Test(change, what_moves_to_another_queue_leaves_the_first_and_stays_in_the_roll_up)
{
    struct shop shop;
    shop_open(&shop);
    uint32_t client = agg_key_at(shop.task, shop.key)->client;
    uint32_t other =
        agg_key_get(shop.task, client, agg_queue_get(shop.task, client, "support", 7), RC_CALL);
    struct agg_made none = made_none(0), here = made_none(shop.key), there;
    here.offered_at = T0 + HOUR_MS;
    here.state[AGG_WAITING] = (struct agg_span){T0 + HOUR_MS, INT64_MAX};
    there = here;
    there.key = other;
    agg_window_change(shop.task, &none, &here);
    agg_window_change(shop.task, &here, &there);
    cr_assert_eq(agg_key_at(shop.task, shop.key)->level[AGG_WAITING], 0);
    cr_assert_eq(agg_key_at(shop.task, other)->level[AGG_WAITING], 1);
    cr_assert_eq(agg_key_at(shop.task, shop.total)->level[AGG_WAITING], 1);
    cr_assert_eq(pane_value(&shop, shop.key, 0, T0 + HOUR_MS, RC_FIG_offered), 0);
    cr_assert_eq(pane_value(&shop, other, 0, T0 + HOUR_MS, RC_FIG_offered), 1);
    cr_assert_eq(pane_value(&shop, shop.total, 2, T0 + HOUR_MS, RC_FIG_offered), 1);
    shop_close(&shop);
}
