#include "core_fixture.h"

Test(agg, caller_counts_once_now_has_passed_each_instant)
{
    struct core core;
    core_init(&core);
    core_open(&core);
    PUT(&core, .at = T0 + 5000, .type = RC_TYPE_queued, .contact = "a", .queue = "sales");
    PUT(&core, .at = T0 + 12000, .type = RC_TYPE_answered, .contact = "a");
    core_now(&core, T0 + 10000);
    cr_assert_eq(VALUE(&core, "sales", CORE_15M, T0, offered), 1);
    cr_assert_eq(VALUE(&core, "sales", CORE_15M, T0, answered), 0);
    cr_assert_eq(VALUE(&core, "sales", CORE_15M, T0, waiting), 1);
    cr_assert_eq(VALUE(&core, "sales", CORE_15M, T0, oldest_wait_ms), 5000);
    core_now(&core, T0 + 20000);
    cr_assert_eq(VALUE(&core, "sales", CORE_15M, T0, answered), 1);
    cr_assert_eq(VALUE(&core, "sales", CORE_15M, T0, wait_ms_sum), 7000);
    cr_assert_eq(VALUE(&core, "sales", CORE_15M, T0, wait_ms_max), 7000);
    cr_assert_eq(VALUE(&core, "sales", CORE_15M, T0, wait_le_5s), 0);
    cr_assert_eq(VALUE(&core, "sales", CORE_15M, T0, wait_le_10s), 1);
    cr_assert_eq(VALUE(&core, "sales", CORE_15M, T0, wait_le_600s), 1);
    cr_assert_eq(VALUE(&core, "sales", CORE_15M, T0, sl_met), 1);
    cr_assert_eq(VALUE(&core, "sales", CORE_15M, T0, sl_bp), 10000);
    cr_assert_eq(VALUE(&core, "sales", CORE_15M, T0, sl_ok), 1);
    cr_assert_eq(VALUE(&core, "sales", CORE_15M, T0, waiting), 0);
    cr_assert_eq(VALUE(&core, "sales", CORE_15M, T0, handling), 1);
    cr_assert_eq(VALUE(&core, "*", CORE_15M, T0, answered), 1);
    core_close(&core);
}

Test(agg, golden_vector_of_each_abandoned_rule)
{
    static const int64_t bp[] = {8113, 8269, 8190, 8301, 8207, 8600};
    for (uint8_t rule = 0; rule < 6; rule++) {
        static struct core core;
        static char name[1060][8];
        core_init(&core);
        core.contract[RC_CALL].abandoned = rule;
        core_open(&core);
        for (uint32_t i = 0; i < 1060; i++) {
            /* answered: 860 after 10 s, 140 after 30 s; abandoned: 10 after 5 s, 10 after 20 s,
             * 40 after 25 s */
            int64_t wait = i < 860    ? 10000
                           : i < 1000 ? 30000
                           : i < 1010 ? 5000
                           : i < 1020 ? 20000
                                      : 25000;
            snprintf(name[i], sizeof name[i], "c%u", i);
            PUT(&core, .at = T0, .type = RC_TYPE_queued, .contact = name[i], .queue = "sales");
            PUT(&core, .at = T0 + wait, .contact = name[i],
                .type = i < 1000 ? RC_TYPE_answered : RC_TYPE_abandoned);
        }
        core_now(&core, T0 + 10 * MINUTE_MS);
        cr_assert_eq(VALUE(&core, "sales", CORE_15M, T0, sl_bp), bp[rule], "rule %u", rule);
        cr_assert_eq(VALUE(&core, "sales", CORE_15M, T0, abandoned_short), 10);
        cr_assert_eq(VALUE(&core, "sales", CORE_15M, T0, abandoned), 60);
        /* abandon_bp: 50 of 1,050 */
        cr_assert_eq(VALUE(&core, "sales", CORE_15M, T0, abandon_bp), 476);
        core_close(&core);
    }
}

Test(agg, arrival_basis_keeps_each_cohort_whole)
{
    struct core core;
    core_init(&core);
    core.contract[RC_CALL].basis = RC_BASIS_ARRIVAL;
    core_open(&core);
    int64_t edge = T0 + 15 * MINUTE_MS;
    PUT(&core, .at = edge - 10000, .type = RC_TYPE_queued, .contact = "a", .queue = "sales");
    PUT(&core, .at = edge - 9000, .type = RC_TYPE_queued, .contact = "b", .queue = "sales");
    PUT(&core, .at = edge - 8000, .type = RC_TYPE_queued, .contact = "c", .queue = "sales");
    PUT(&core, .at = edge + 5000, .type = RC_TYPE_answered, .contact = "a");
    PUT(&core, .at = edge + 20000, .type = RC_TYPE_abandoned, .contact = "b");
    core_now(&core, edge + 10 * MINUTE_MS);
    cr_assert_eq(VALUE(&core, "sales", CORE_15M, T0, offered), 3);
    cr_assert_eq(VALUE(&core, "sales", CORE_15M, T0, answered), 1);
    cr_assert_eq(VALUE(&core, "sales", CORE_15M, T0, abandoned), 1);
    cr_assert_eq(VALUE(&core, "sales", CORE_15M, T0, wait_ms_sum), 15000);
    cr_assert_eq(VALUE(&core, "sales", CORE_15M, T0, sl_met), 1);
    cr_assert_eq(VALUE(&core, "sales", CORE_15M, T0, sl_of), 3, "c is a miss while it waits");
    cr_assert_eq(VALUE(&core, "sales", CORE_15M, T0, waiting), 3, "at its end all three waited");
    cr_assert_eq(VALUE(&core, "sales", CORE_15M, edge, answered), 0);
    cr_assert_eq(VALUE(&core, "sales", CORE_15M, edge, sl_of), 0);
    cr_assert_eq(VALUE(&core, "sales", CORE_15M, edge, waiting), 1);
    core_close(&core);
}

static int64_t four_days(void)
{
    return INT64_C(4) * DAY_MS;
}

Test(agg, rating_weeks_later_counts_in_the_queue_of_the_forgotten_contact)
{
    struct core core;
    core_init(&core);
    core_open(&core);
    PUT(&core, .at = T0, .type = RC_TYPE_queued, .contact = "a", .queue = "sales");
    PUT(&core, .at = T0 + 5000, .type = RC_TYPE_answered, .contact = "a");
    PUT(&core, .at = T0 + 60000, .type = RC_TYPE_ended, .contact = "a");
    core_now(&core, T0 + 60000 + four_days());
    cr_assert_eq(STAT(&core, contacts_now), 1, "remembered until now is past it");
    core_now(&core, T0 + 60001 + four_days());
    cr_assert_eq(STAT(&core, contacts_now), 0);
    cr_assert_eq(STAT(&core, identities_now), 1);
    int64_t later = T0 + INT64_C(20) * DAY_MS;
    PUT(&core, .at = later, .type = RC_TYPE_rated, .contact = "a", .value = 4500);
    PUT(&core, .at = later, .type = RC_TYPE_rated, .contact = "a", .value = 4500);
    core_now(&core, later + HOUR_MS);
    cr_assert_eq(VALUE(&core, "sales", CORE_DAY, later, csat_responses), 1);
    cr_assert_eq(VALUE(&core, "sales", CORE_DAY, later, csat_satisfied), 1);
    cr_assert_eq(VALUE(&core, "sales", CORE_DAY, later, csat_score_sum), 4500);
    /* a later one takes its place, in whichever day it falls */
    PUT(&core, .at = later + DAY_MS, .type = RC_TYPE_rated, .contact = "a", .value = 1000);
    core_now(&core, later + DAY_MS + HOUR_MS);
    cr_assert_eq(VALUE(&core, "sales", CORE_DAY, later, csat_responses), 0);
    cr_assert_eq(VALUE(&core, "sales", CORE_DAY, later + DAY_MS, csat_responses), 1);
    cr_assert_eq(VALUE(&core, "sales", CORE_DAY, later + DAY_MS, csat_satisfied), 0);
    cr_assert_eq(STAT(&core, contacts), 1, "no new contact was made of it");
    core_now(&core, T0 + 60001 + four_days() + INT64_C(30) * DAY_MS);
    cr_assert_eq(STAT(&core, identities_now), 0);
    core_close(&core);
}

Test(agg, id_that_comes_again_on_time_is_a_new_contact)
{
    struct core core;
    core_init(&core);
    core_open(&core);
    PUT(&core, .at = T0, .type = RC_TYPE_queued, .contact = "a", .queue = "sales");
    PUT(&core, .at = T0 + 5000, .type = RC_TYPE_abandoned, .contact = "a");
    int64_t later = T0 + INT64_C(10) * DAY_MS;
    core_now(&core, later);
    PUT(&core, .at = later, .type = RC_TYPE_queued, .contact = "a", .queue = "sales");
    PUT(&core, .at = later + 3000, .type = RC_TYPE_answered, .contact = "a");
    PUT(&core, .at = later + 9000, .type = RC_TYPE_rated, .contact = "a", .value = 5000);
    core_now(&core, later + HOUR_MS);
    cr_assert_eq(STAT(&core, contacts), 2);
    cr_assert_eq(STAT(&core, identities_now), 0, "the newer contact is placed");
    cr_assert_eq(VALUE(&core, "sales", CORE_DAY, T0, abandoned), 1);
    cr_assert_eq(VALUE(&core, "sales", CORE_DAY, later, wait_ms_sum), 3000);
    cr_assert_eq(VALUE(&core, "sales", CORE_DAY, later, csat_responses), 1);
    core_close(&core);
}

Test(agg, late_event_of_a_forgotten_contact_is_expired)
{
    struct core core;
    core_init(&core);
    core_open(&core);
    PUT(&core, .at = T0, .type = RC_TYPE_queued, .contact = "a", .queue = "sales");
    int64_t now = T0 + four_days() + HOUR_MS;
    core_now(&core, now);
    PUT(&core, .at = now - 5 * MINUTE_MS, .type = RC_TYPE_ended, .contact = "a");
    core_now(&core, now + 1);
    cr_assert_eq(core.dead_count, 1);
    cr_assert_str_eq(core.dead[0], "expired");
    cr_assert_eq(STAT(&core, expired), 1);
    cr_assert_eq(STAT(&core, lost), 1, "it was waiting when it was forgotten");
    core_close(&core);
}

Test(agg, late_event_is_expired_only_when_older_than_the_retention)
{
    struct core core;
    core_init(&core);
    core_open(&core);
    int64_t now = T0 + INT64_C(10) * DAY_MS;
    PUT(&core, .at = now - HOUR_MS, .type = RC_TYPE_queued, .contact = "x", .queue = "sales");
    core_now(&core, now);
    PUT(&core, .at = now - four_days(), .type = RC_TYPE_queued, .contact = "a", .queue = "sales");
    PUT(&core, .at = now - four_days() - 1, .type = RC_TYPE_queued, .contact = "b",
        .queue = "sales");
    core_now(&core, now + HOUR_MS);
    cr_assert_eq(core.dead_count, 1);
    cr_assert_str_eq(core.dead[0], "expired");
    cr_assert_eq(VALUE(&core, "sales", CORE_DAY, now - four_days(), offered), 1);
    core_close(&core);
}

Test(agg, forgotten_caller_leaves_the_waiting_and_its_miss_stays)
{
    struct core core;
    core_init(&core);
    core_open(&core);
    PUT(&core, .at = T0, .type = RC_TYPE_queued, .contact = "a", .queue = "sales");
    core_now(&core, T0 + four_days());
    int64_t today = T0 + four_days();
    cr_assert_eq(VALUE(&core, "sales", CORE_DAY, T0, sl_of), 1);
    cr_assert_eq(VALUE(&core, "sales", CORE_DAY, today - DAY_MS, waiting), 1);
    core_now(&core, today + HOUR_MS);
    cr_assert_eq(STAT(&core, lost), 1);
    cr_assert_eq(VALUE(&core, "sales", CORE_5M, today + 55 * MINUTE_MS, waiting), 0);
    cr_assert_eq(VALUE(&core, "sales", CORE_DAY, T0, sl_of), 1);
    cr_assert_eq(VALUE(&core, "sales", CORE_DAY, T0, offered), 1);
    cr_assert_eq(VALUE(&core, "sales", CORE_DAY, T0, waiting), 1, "at the end of that day it was");
    core_close(&core);
}

Test(agg, interval_is_provisional_final_restated_and_closed)
{
    struct core core;
    core_init(&core);
    core_open(&core);
    int64_t end = T0 + 15 * MINUTE_MS, closing = end + INT64_C(8) * DAY_MS;
    core.config.time.retention_ms[RC_CALL] = INT64_C(30) * DAY_MS;
    PUT(&core, .at = T0 + 1000, .type = RC_TYPE_queued, .contact = "a", .queue = "sales");
    PUT(&core, .at = T0 + 3000, .type = RC_TYPE_abandoned, .contact = "a");
    core_now(&core, T0 + 15 * SECOND_MS);
    const struct rc_record *rec = core_find(&core, "sales", RC_CALL, CORE_15M, T0);
    cr_assert_eq(rec->status, RC_PROVISIONAL);
    cr_assert_eq(rec->revision, 1);
    cr_assert_eq(rec->as_of_ms, T0 + 10000, "the first multiple of publish_every after it");
    core_now(&core, end + 15 * MINUTE_MS);
    rec = core_find(&core, "sales", RC_CALL, CORE_15M, T0);
    cr_assert_eq(rec->status, RC_FINAL);
    cr_assert_eq(rec->revision, 2);
    cr_assert_eq(rec->as_of_ms, end + 15 * MINUTE_MS);
    PUT(&core, .at = T0 + 2000, .type = RC_TYPE_answered, .contact = "a"); /* late */
    core_now(&core, end + 30 * MINUTE_MS);
    rec = core_find(&core, "sales", RC_CALL, CORE_15M, T0);
    cr_assert_eq(rec->status, RC_RESTATED);
    cr_assert_eq(rec->revision, 3);
    cr_assert_eq(rec->as_of_ms, end + 30 * MINUTE_MS);
    cr_assert_eq(rec->value[RC_FIG_answered], 1);
    cr_assert_eq(rec->value[RC_FIG_abandoned], 0);
    core_now(&core, closing);
    rec = core_find(&core, "sales", RC_CALL, CORE_15M, T0);
    cr_assert_eq(rec->status, RC_CLOSED);
    cr_assert_eq(rec->revision, 4);
    cr_assert_eq(rec->as_of_ms, closing);
    cr_assert_eq(STAT(&core, closed_changes), 0);
    PUT(&core, .at = T0 + 1500, .type = RC_TYPE_answered, .contact = "a");
    core_now(&core, closing + HOUR_MS);
    cr_assert_eq(core_find(&core, "sales", RC_CALL, CORE_15M, T0), rec, "nothing more of it");
    cr_assert_gt(STAT(&core, closed_changes), 0);
    cr_assert_eq(VALUE(&core, "sales", CORE_DAY, T0, wait_ms_sum), 500, "the day is still open");
    core_close(&core);
}

Test(agg, contact_that_moves_takes_all_it_made_along)
{
    struct core core;
    core_init(&core);
    core_open(&core);
    PUT(&core, .at = T0 + 2000, .type = RC_TYPE_answered, .contact = "a", .queue = "sales");
    PUT(&core, .at = T0 + 60000, .type = RC_TYPE_ended, .contact = "a");
    core_now(&core, T0 + 2 * MINUTE_MS);
    cr_assert_eq(VALUE(&core, "sales", CORE_15M, T0, handled), 1);
    PUT(&core, .at = T0 + 1000, .type = RC_TYPE_queued, .contact = "a", .queue = "billing");
    core_now(&core, T0 + 3 * MINUTE_MS);
    cr_assert_eq(VALUE(&core, "sales", CORE_15M, T0, handled), 0, "once more, with zeros");
    cr_assert_eq(VALUE(&core, "billing", CORE_15M, T0, handled), 1);
    cr_assert_eq(VALUE(&core, "billing", CORE_15M, T0, offered), 1);
    cr_assert_eq(VALUE(&core, "*", CORE_15M, T0, handled), 1);
    core_close(&core);
}

Test(agg, cancelled_contact_contributes_nothing_before_or_after)
{
    struct core core;
    core_init(&core);
    core_open(&core);
    PUT(&core, .at = T0, .type = RC_TYPE_queued, .contact = "a", .queue = "sales");
    PUT(&core, .at = T0 + 5000, .type = RC_TYPE_answered, .contact = "a");
    core_now(&core, T0 + MINUTE_MS);
    cr_assert_eq(VALUE(&core, "sales", CORE_15M, T0, offered), 1);
    PUT(&core, .at = T0 + 2 * MINUTE_MS, .type = RC_TYPE_cancelled, .contact = "a");
    PUT(&core, .at = T0 + 3 * MINUTE_MS, .type = RC_TYPE_ended, .contact = "a");
    core_now(&core, T0 + 4 * MINUTE_MS);
    const struct rc_record *rec = core_find(&core, "sales", RC_CALL, CORE_15M, T0);
    cr_assert(core_is_zero(rec));
    cr_assert_eq(rec->value[RC_FIG_oldest_wait_ms], 0);
    core_close(&core);
}

Test(agg, limit_of_contacts_is_a_dead_letter_with_its_name)
{
    struct core core;
    core_init(&core);
    core.config.limits.contacts = 2;
    core_open(&core);
    PUT(&core, .at = T0, .type = RC_TYPE_queued, .contact = "a", .queue = "sales");
    PUT(&core, .at = T0 + 1, .type = RC_TYPE_queued, .contact = "b", .queue = "sales");
    PUT(&core, .at = T0 + 2, .type = RC_TYPE_queued, .contact = "c", .queue = "sales");
    PUT(&core, .at = T0 + 3, .type = RC_TYPE_queued, .contact = "c", .queue = "sales",
        .client = "other");
    PUT(&core, .at = T0 + 4, .type = RC_TYPE_ended, .contact = "a");
    core_now(&core, T0 + MINUTE_MS);
    cr_assert_eq(core.dead_count, 1);
    cr_assert_str_eq(core.dead[0], "limit:contacts");
    cr_assert_eq(STAT(&core, limited), 1);
    cr_assert_eq(VALUE(&core, "sales", CORE_15M, T0, offered), 2);
    core_close(&core);
}
