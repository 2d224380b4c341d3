/* Panes that are final: packed until they are closed, warm again when something comes late. */
#include "core_fixture.h"

struct shop {
    struct core core;
    struct agg_task *task;
    uint32_t key;
};

static void shop_open(struct shop *shop)
{
    core_init(&shop->core);
    shop->task = core_task_open(&shop->core);
    uint32_t client = agg_client_get(shop->task, "acme", 4);
    uint32_t queue = agg_queue_get(shop->task, client, "sales", 5);
    shop->key = agg_key_get(shop->task, client, queue, RC_CALL);
    agg_task_advance(shop->task, T0 + HOUR_MS);
}

static void shop_close(struct shop *shop)
{
    agg_task_close(shop->task);
    core_close(&shop->core);
}

/* The first quarter of an hour: final by now. */
static uint32_t quarter(struct shop *shop)
{
    return agg_pane_get(shop->task, shop->key, 0, T0);
}

static void add(struct shop *shop, enum rc_figure figure, int64_t value)
{
    struct agg_item item = {(uint8_t)figure, value};
    agg_window_add(shop->task, shop->key, T0, &item, 1);
}

Test(pane, what_a_cold_pane_holds_is_there_to_the_digit_when_it_is_warm_again)
{
    struct core_random random = {11};
    for (uint32_t round = 0; round < 200; round++) {
        struct shop shop;
        int64_t expected[RC_SUM_COUNT] = {0}, value[RC_SUM_COUNT];
        shop_open(&shop);
        for (uint32_t i = 0; i < 12; i++) {
            uint32_t figure = (uint32_t)core_draw(&random, RC_SUM_COUNT);
            if (figure == RC_FIG_wait_ms_max)
                continue;
            int64_t more = (int64_t)core_draw(&random, 1ull << core_draw(&random, 56)) + 1;
            add(&shop, figure, more);
            expected[figure] += more;
        }
        struct agg_pane *pane = agg_pane_at(shop.task, quarter(&shop));
        struct agg_warm *warm = agg_pane_warm(shop.task, quarter(&shop));
        int32_t handling = (int32_t)core_draw(&random, INT32_MAX);
        int64_t oldest = (int64_t)core_draw(&random, DAY_MS);
        warm->state[AGG_HANDLING] = handling;
        warm->oldest_final_ms = oldest;
        agg_task_advance(shop.task, T0 + HOUR_MS + 16 * MINUTE_MS);
        cr_assert_not(pane->warm);
        cr_assert_gt(pane->packed_size, 0);
        warm = agg_pane_warm(shop.task, quarter(&shop));
        agg_sums_read(shop.task, &warm->sums, value);
        cr_assert_arr_eq(value, expected, sizeof value);
        cr_assert_eq(warm->state[AGG_HANDLING], handling);
        cr_assert_eq(warm->state[AGG_WAITING], 0);
        cr_assert_eq(warm->oldest_final_ms, oldest);
        shop_close(&shop);
    }
}

Test(pane, one_that_holds_something_negative_or_too_much_stays_warm)
{
    struct shop shop;
    shop_open(&shop);
    add(&shop, RC_FIG_csat_score_sum, -5);
    agg_task_advance(shop.task, T0 + HOUR_MS + 16 * MINUTE_MS);
    struct agg_pane *pane = agg_pane_at(shop.task, quarter(&shop));
    cr_assert(pane->warm);
    cr_assert_not(pane->listed);
    add(&shop, RC_FIG_csat_score_sum, 6);
    agg_task_advance(shop.task, T0 + HOUR_MS + 31 * MINUTE_MS);
    cr_assert_not(pane->warm);
    for (uint32_t f = 0; f < RC_SUM_COUNT; f++)
        if (f != RC_FIG_wait_ms_max)
            add(&shop, f, 1ll << 40);
    agg_task_advance(shop.task, T0 + HOUR_MS + 46 * MINUTE_MS);
    cr_assert(pane->warm, "six bytes each");
    shop_close(&shop);
}

Test(pane, nothing_of_it_is_left_once_it_is_closed)
{
    struct shop shop;
    shop_open(&shop);
    add(&shop, RC_FIG_offered, 7);
    agg_task_advance(shop.task, T0 + HOUR_MS + 16 * MINUTE_MS);
    cr_assert_eq(shop.task->packed.pool[0].live, 4, "quarter and hour of queue and roll-up");
    add(&shop, RC_FIG_offered, 1);
    cr_assert_eq(shop.task->packed.pool[0].live, 0, "warm");
    agg_task_advance(shop.task, T0 + 2 * HOUR_MS);
    cr_assert_eq(shop.task->packed.pool[0].live, 4, "cold again");
    agg_task_advance(shop.task, T0 + INT64_C(102) * DAY_MS);
    cr_assert_eq(shop.task->packed.pool[0].live, 0);
    cr_assert_eq(shop.task->warm.live, 0);
    cr_assert_eq(shop.task->pane.live, 0);
    shop_close(&shop);
}

Test(pane, late_event_restates_a_cold_pane_with_all_that_was_in_it)
{
    struct core core;
    core_init(&core);
    core_open(&core);
    PUT(&core, .at = T0, .type = RC_TYPE_queued, .contact = "a", .queue = "sales");
    PUT(&core, .at = T0 + 40000, .type = RC_TYPE_answered, .contact = "a");
    PUT(&core, .at = T0 + 14 * MINUTE_MS, .type = RC_TYPE_queued, .contact = "b", .queue = "sales");
    core_now(&core, T0 + 2 * HOUR_MS);
    cr_assert_eq(VALUE(&core, "sales", CORE_15M, T0, offered), 2);
    cr_assert_eq(VALUE(&core, "sales", CORE_15M, T0, waiting), 1);
    PUT(&core, .at = T0 + 1000, .type = RC_TYPE_queued, .contact = "c", .queue = "sales");
    PUT(&core, .at = T0 + 31000, .type = RC_TYPE_answered, .contact = "c");
    core_now(&core, T0 + 3 * HOUR_MS);
    cr_assert_eq(VALUE(&core, "sales", CORE_15M, T0, offered), 3);
    cr_assert_eq(VALUE(&core, "sales", CORE_15M, T0, wait_ms_sum), 70000);
    cr_assert_eq(VALUE(&core, "sales", CORE_15M, T0, wait_ms_max), 40000);
    cr_assert_eq(VALUE(&core, "sales", CORE_15M, T0, waiting), 1);
    cr_assert_eq(VALUE(&core, "sales", CORE_15M, T0, oldest_wait_ms), MINUTE_MS);
    cr_assert_eq(VALUE(&core, "sales", CORE_15M, T0, handling), 2);
    core_close(&core);
}

Test(pane, bytes_that_cannot_be_unpacked_are_known)
{
    uint8_t bytes[8 * AGG_TEXT_CLASSES] = {5, 0, 0, 0}; /* two figures */
    uint32_t head = (RC_SUM_COUNT + AGG_STATE_COUNT + 1 + 7) / 8;
    bytes[head] = 0x85;
    bytes[head + 1] = 1;
    bytes[head + 2] = 7;
    cr_assert(agg_pane_is_packed(bytes, head + 3));
    cr_assert_not(agg_pane_is_packed(bytes, head + 2), "the second number is missing");
    cr_assert_not(agg_pane_is_packed(bytes, head + 4), "there is more than two numbers");
    cr_assert_not(agg_pane_is_packed(bytes, head - 1));
    bytes[head + 2] = 0x80;
    cr_assert_not(agg_pane_is_packed(bytes, head + 3), "the second number does not end");
    memset(bytes + head, 0xff, sizeof bytes - head);
    cr_assert_not(agg_pane_is_packed(bytes, sizeof bytes), "a number of more than 63 bits");
    memset(bytes, 0, sizeof bytes);
    cr_assert(agg_pane_is_packed(bytes, head));
    bytes[head - 1] = 0x80;
    bytes[head] = 1;
    cr_assert_not(agg_pane_is_packed(bytes, head + 1), "a figure that there is not");
}
