#include "core_fixture.h"

static uint32_t count_of(const struct core *core, uint32_t window, uint8_t status)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < core->record_count; i++)
        count += core->record[i]->window == window && core->record[i]->status == status &&
                 core_is(core->record[i], "acme", "sales");
    return count;
}

static void abandon(struct core *core, const char *contact, int64_t at)
{
    PUT(core, .at = at, .type = RC_TYPE_queued, .contact = contact, .queue = "sales");
    PUT(core, .at = at + 7000, .type = RC_TYPE_abandoned, .contact = contact);
}

Test(publish, rolling_record_comes_when_something_changed_and_once_more_with_zeros)
{
    struct core core;
    core_init(&core);
    core.config.windows.catch_up_all = true;
    core_open(&core);
    abandon(&core, "a", T0 + 90000);
    core_now(&core, T0 + 30 * MINUTE_MS);
    /* at T0 + 2 min it appears; [T0 + 2 min, T0 + 7 min) is the first that does not hold it */
    cr_assert_eq(count_of(&core, CORE_5M, RC_FINAL), 2);
    const struct rc_record *first = core_find(&core, "sales", RC_CALL, CORE_5M, T0 - 3 * MINUTE_MS);
    const struct rc_record *last = core_find(&core, "sales", RC_CALL, CORE_5M, T0 + 2 * MINUTE_MS);
    cr_assert_eq(first->revision, 1);
    cr_assert_eq(first->as_of_ms, T0 + 2 * MINUTE_MS);
    cr_assert_eq(first->value[RC_FIG_abandoned], 1);
    cr_assert_eq(last->revision, 2);
    cr_assert_eq(last->value[RC_FIG_abandoned], 0);
    cr_assert_eq(last->value[RC_FIG_sl_bp], RC_NULL);
    core_close(&core);
}

Test(publish, catching_up_looks_only_at_the_last_of_many_ticks)
{
    struct core core;
    core_init(&core);
    core_open(&core);
    PUT(&core, .at = T0 + 1000, .type = RC_TYPE_queued, .contact = "a", .queue = "sales");
    core_now(&core, T0 + 10 * MINUTE_MS + 5000);
    cr_assert_eq(count_of(&core, CORE_5M, RC_FINAL), 1);
    const struct rc_record *rec = core_find(&core, "sales", RC_CALL, CORE_5M, T0 + 5 * MINUTE_MS);
    cr_assert_not_null(rec);
    cr_assert_eq(rec->value[RC_FIG_waiting], 1);
    cr_assert_eq(rec->value[RC_FIG_oldest_wait_ms], 10 * MINUTE_MS - 1000);
    core_close(&core);
}

#define DAY (int64_t) DAY_MS

Test(publish, a_rolling_window_that_is_zero_for_35_days_ends_and_begins_again_at_one)
{
    struct core core;
    core_init(&core);
    core_open(&core);
    abandon(&core, "a", T0 + 1000);
    core_now(&core, T0 + 2 * MINUTE_MS);
    core_now(&core, T0 + 10 * MINUTE_MS); /* zero at this T */
    core_now(&core, T0 + 10 * MINUTE_MS + 35 * DAY - 1);
    uint32_t ends = 0;
    for (uint32_t i = 0; i < core.record_count; i++)
        ends += core.record[i]->window == CORE_5M && core.record[i]->tombstone;
    cr_assert_eq(ends, 0);
    core_now(&core, T0 + 10 * MINUTE_MS + 35 * DAY);
    for (uint32_t i = 0; i < core.record_count; i++)
        ends += core.record[i]->window == CORE_5M && core.record[i]->tombstone &&
                core.record[i]->as_of_ms == T0 + 10 * MINUTE_MS + 35 * DAY &&
                core_is(core.record[i], "acme", "sales");
    cr_assert_eq(ends, 1);
    abandon(&core, "b", T0 + 40 * DAY);
    core_now(&core, T0 + 40 * DAY + 2 * MINUTE_MS);
    const struct rc_record *rec =
        core_find(&core, "sales", RC_CALL, CORE_5M, T0 + 40 * DAY - 3 * MINUTE_MS);
    cr_assert_not_null(rec);
    cr_assert_eq(rec->revision, 1);
    core_close(&core);
}

Test(publish, a_rolling_window_that_does_not_change_for_30_days_is_published_again)
{
    struct core core;
    core_init(&core);
    core.config.time.retention_ms[RC_CALL] = 90 * DAY;
    core_open(&core);
    PUT(&core, .at = T0 + 1000, .type = RC_TYPE_queued, .contact = "a", .queue = "sales");
    PUT(&core, .at = T0 + 2000, .type = RC_TYPE_answered, .contact = "a");
    core_now(&core, T0 + 3 * MINUTE_MS);
    core_now(&core, T0 + 10 * MINUTE_MS); /* what was answered has left; one is handled */
    core_now(&core, T0 + 10 * MINUTE_MS + 30 * DAY - 1);
    uint32_t before = count_of(&core, CORE_5M, RC_FINAL);
    core_now(&core, T0 + 10 * MINUTE_MS + 30 * DAY);
    cr_assert_eq(count_of(&core, CORE_5M, RC_FINAL), before + 1);
    const struct rc_record *rec =
        core_find(&core, "sales", RC_CALL, CORE_5M, T0 + 5 * MINUTE_MS + 30 * DAY);
    cr_assert_not_null(rec);
    cr_assert_eq(rec->value[RC_FIG_handling], 1);
    cr_assert_eq(rec->revision, before + 1);
    core_close(&core);
}

/* A zero record is old after 35 days, the one after it 30 days after its own instant. */
Test(publish, what_follows_zeros_is_published_again_when_it_is_old_itself)
{
    struct core core;
    core_init(&core);
    core.config.time.retention_ms[RC_CALL] = 90 * DAY;
    core_open(&core);
    abandon(&core, "a", T0 + 1000);
    core_now(&core, T0 + 2 * MINUTE_MS);
    core_now(&core, T0 + 10 * MINUTE_MS);
    abandon(&core, "z", T0 + 30 * DAY - 10 * MINUTE_MS);
    core_now(&core, T0 + 30 * DAY - 8 * MINUTE_MS);
    core_now(&core, T0 + 30 * DAY); /* zero, shortly before the first record would have been old */
    core_now(&core, T0 + 31 * DAY);
    PUT(&core, .at = T0 + 31 * DAY + 1000, .type = RC_TYPE_queued, .contact = "b",
        .queue = "sales");
    PUT(&core, .at = T0 + 31 * DAY + 2000, .type = RC_TYPE_answered, .contact = "b");
    core_now(&core, T0 + 31 * DAY + 10 * MINUTE_MS); /* the answer has left; one is handled */
    uint32_t before = count_of(&core, CORE_5M, RC_FINAL);
    core_now(&core, T0 + 61 * DAY + 10 * MINUTE_MS);
    cr_assert_eq(count_of(&core, CORE_5M, RC_FINAL), before + 1);
    core_close(&core);
}

Test(publish, a_closed_interval_that_is_zero_ends_with_a_tombstone)
{
    struct core core;
    core_init(&core);
    core_open(&core);
    abandon(&core, "a", T0 + 1000);
    core_now(&core, T0 + 20 * MINUTE_MS);
    PUT(&core, .at = T0 + 1500, .type = RC_TYPE_cancelled, .contact = "a");
    core_now(&core, T0 + 12 * DAY);
    uint32_t ends = 0;
    for (uint32_t i = 0; i < core.record_count; i++) {
        const struct rc_record *rec = core.record[i];
        if (!rec->tombstone || rec->window != CORE_15M || !core_is(rec, "acme", "sales"))
            continue;
        ends++;
        cr_assert_eq(rec->status, RC_CLOSED);
        cr_assert(i > 0 && core.record[i - 1]->status == RC_CLOSED);
        cr_assert_eq(core.record[i - 1]->start_ms, rec->start_ms);
    }
    cr_assert_eq(ends, 1);
    core_close(&core);
}

Test(publish, replay_keeps_provisional_records_for_itself_but_for_those_still_open_at_the_end)
{
    struct core core;
    core_init(&core);
    core.replay = true;
    core.provisional = false;
    core_open(&core);
    PUT(&core, .at = T0 + 1000, .now_ms = RC_TIME_NONE, .type = RC_TYPE_queued, .contact = "a",
        .queue = "sales");
    core_now(&core, T0 + 14 * MINUTE_MS);
    cr_assert_eq(count_of(&core, CORE_15M, RC_PROVISIONAL), 0);
    core_mark(&core, T0 + 40 * MINUTE_MS, true);
    cr_assert_eq(count_of(&core, CORE_15M, RC_FINAL), 1);
    cr_assert_eq(count_of(&core, CORE_1H, RC_PROVISIONAL), 1);
    cr_assert_eq(count_of(&core, CORE_DAY, RC_PROVISIONAL), 1);
    const struct rc_record *rec = core_find(&core, "sales", RC_CALL, CORE_1H, T0);
    cr_assert_eq(rec->as_of_ms, T0 + 40 * MINUTE_MS);
    cr_assert_eq(rec->value[RC_FIG_waiting], 1);
    core_close(&core);
}

Test(publish, interval_goes_on_while_somebody_waits_though_nothing_happens)
{
    struct core core;
    core_init(&core);
    core_open(&core);
    PUT(&core, .at = T0 + 1000, .type = RC_TYPE_queued, .contact = "a", .queue = "sales");
    core_now(&core, T0 + 50 * MINUTE_MS);
    for (int64_t at = 0; at < 45; at += 15)
        cr_assert_eq(VALUE(&core, "sales", CORE_15M, T0 + at * MINUTE_MS, waiting), 1);
    cr_assert_eq(VALUE(&core, "sales", CORE_15M, T0, sl_of), 1);
    cr_assert_eq(VALUE(&core, "sales", CORE_15M, T0 + 15 * MINUTE_MS, sl_of), 0);
    core_close(&core);
}

Test(publish, ratios_are_floors_and_targets_are_judged_exactly)
{
    struct core core;
    char name[8];
    core_init(&core);
    core.contract[RC_CALL].sl_target_bp = 6667;
    core.contract[RC_CALL].aht_target_ms = 33333;
    core_open(&core);
    for (uint32_t i = 0; i < 3; i++) { /* waits of 1 s, 1 s and 30 s; handled 33, 33 and 34 s */
        int64_t answered = T0 + (i < 2 ? 1000 : 30000);
        snprintf(name, sizeof name, "c%u", i);
        PUT(&core, .at = T0, .type = RC_TYPE_queued, .contact = name, .queue = "sales");
        PUT(&core, .at = answered, .type = RC_TYPE_answered, .contact = name);
        PUT(&core, .at = answered + (i < 2 ? 33000 : 34000), .type = RC_TYPE_ended,
            .contact = name);
    }
    core_now(&core, T0 + 5 * MINUTE_MS);
    cr_assert_eq(VALUE(&core, "sales", CORE_15M, T0, sl_bp), 6666);
    cr_assert_eq(VALUE(&core, "sales", CORE_15M, T0, sl_ok), 0);
    cr_assert_eq(VALUE(&core, "sales", CORE_15M, T0, asa_ms), 10666);
    cr_assert_eq(VALUE(&core, "sales", CORE_15M, T0, aht_ms), 33333);
    cr_assert_eq(VALUE(&core, "sales", CORE_15M, T0, aht_ok), 0, "100 s are more than 99.999 s");
    cr_assert_eq(VALUE(&core, "sales", CORE_15M, T0, fcr_bp), RC_NULL);
    cr_assert_eq(VALUE(&core, "sales", CORE_15M, T0, csat_ok), RC_NULL);
    core_close(&core);
}

Test(publish, contract_that_changes_by_date_shows_in_the_windows_from_then_on)
{
    struct core core;
    core_init(&core);
    core_settle(&core);
    struct rc_dated_contract dated[2] = {core.dated[RC_CALL], core.dated[RC_CALL]};
    dated[1].from_ms = T0 + 15 * MINUTE_MS;
    dated[1].contract.sl_target_bp = 9000;
    dated[1].contract.fingerprint = 55;
    struct rc_queue_policy sales = {.name = "sales", .name_size = 5};
    for (uint32_t c = 0; c < RC_CHANNEL_COUNT; c++)
        sales.channel[c] = (struct rc_contract_list){2, dated};
    core.acme.queue = &sales;
    core.acme.queue_count = 1;
    core_open(&core);
    abandon(&core, "a", T0 + 14 * MINUTE_MS);
    abandon(&core, "b", T0 + 16 * MINUTE_MS);
    core_now(&core, T0 + 20 * MINUTE_MS);
    cr_assert_eq(VALUE(&core, "sales", CORE_15M, T0, sl_target_bp), 8000);
    cr_assert_eq(VALUE(&core, "sales", CORE_15M, T0 + 15 * MINUTE_MS, sl_target_bp), 9000);
    cr_assert_eq(core_find(&core, "sales", RC_CALL, CORE_15M, T0 + 15 * MINUTE_MS)->contract, 55);
    core_close(&core);
}
