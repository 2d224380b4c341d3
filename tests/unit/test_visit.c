#include "core_fixture.h"

enum { NOT_SAID = -1 };

/* A contact's facts, in ms after T0; NOT_SAID where unknown. */
struct said {
    int64_t queued, answered, abandoned, left, transferred, ended, wrapped;
};
#define SAID(...)                                                                                  \
    (struct said)                                                                                  \
    {                                                                                              \
        .queued = NOT_SAID, .answered = NOT_SAID, .abandoned = NOT_SAID, .left = NOT_SAID,         \
        .transferred = NOT_SAID, .ended = NOT_SAID, .wrapped = NOT_SAID, __VA_ARGS__               \
    }
/* The initialisers of SAID set a field twice on purpose. */
#pragma GCC diagnostic ignored "-Woverride-init"

static int64_t time_of(int64_t after)
{
    return after == NOT_SAID ? RC_TIME_NONE : T0 + after;
}

struct desk {
    struct core core;
    struct agg_task *task;
    uint32_t key, client;
};

static void desk_open(struct desk *desk)
{
    desk->task = core_task_open(&desk->core);
    desk->client = agg_client_get(desk->task, "acme", 4);
    uint32_t queue = agg_queue_get(desk->task, desk->client, "sales", 5);
    desk->key = agg_key_get(desk->task, desk->client, queue, RC_CALL);
}

static void desk_close(struct desk *desk)
{
    agg_task_close(desk->task);
    core_close(&desk->core);
}

static struct agg_contact contact_of(const struct desk *desk, struct said said)
{
    struct agg_contact contact = {.channel = RC_CALL,
                                  .key = desk->key,
                                  .client = desk->client,
                                  .queued = time_of(said.queued),
                                  .answered = time_of(said.answered),
                                  .ended = time_of(said.ended),
                                  .wrapped = time_of(said.wrapped),
                                  .first = T0};
    struct agg_rare *rare = agg_rare_get(desk->task, &contact);
    rare->abandoned = time_of(said.abandoned);
    rare->left = time_of(said.left);
    rare->transferred = time_of(said.transferred);
    return contact;
}

/* What these facts make once all before T0 + passed is decided. */
static struct agg_made made_of(const struct desk *desk, struct said said, int64_t passed)
{
    struct agg_contact contact = contact_of(desk, said);
    struct agg_made made;
    agg_visit_derive(desk->task, &contact, T0 + passed, &made);
    return made;
}

Test(visit, caller_past_the_threshold_is_a_miss_while_still_waiting)
{
    struct desk desk;
    core_init(&desk.core);
    desk_open(&desk);
    struct agg_made made = made_of(&desk, SAID(.queued = 0), 20000);
    cr_assert_eq(made.service_level.at, RC_TIME_NONE, "not yet: the instant itself is not over");
    cr_assert_eq(made.again_at, T0 + 20000);
    made = made_of(&desk, SAID(.queued = 0), 20001);
    cr_assert_eq(made.service_level.at, T0 + 20000);
    cr_assert_not(made.service_level.met);
    cr_assert_eq(made.state[AGG_OVER].from, T0 + 20000);
    cr_assert_eq(made.state[AGG_WAITING].from, T0);
    cr_assert_eq(made.state[AGG_WAITING].to, INT64_MAX);
    cr_assert_eq(made.again_at, RC_TIME_NONE);
    desk_close(&desk);
}

Test(visit, answer_at_the_threshold_is_in_time_and_a_millisecond_later_is_not)
{
    struct desk desk;
    core_init(&desk.core);
    desk_open(&desk);
    struct agg_made made = made_of(&desk, SAID(.queued = 0, .answered = 20000), 20001);
    cr_assert_eq(made.service_level.at, T0 + 20000);
    cr_assert(made.service_level.met);
    made = made_of(&desk, SAID(.queued = 0, .answered = 20001), 20002);
    cr_assert_eq(made.service_level.at, T0 + 20000, "it falls when the threshold passes");
    cr_assert_not(made.service_level.met);
    desk_close(&desk);
}

Test(visit, outcomes_at_the_same_time_resolve_to_answered_then_abandoned_then_left)
{
    struct desk desk;
    core_init(&desk.core);
    desk_open(&desk);
    cr_assert_eq(made_of(&desk, SAID(.queued = 0, .answered = 9, .abandoned = 9, .left = 9), 10)
                     .outcome.what,
                 AGG_ANSWERED);
    cr_assert_eq(made_of(&desk, SAID(.queued = 0, .abandoned = 9, .left = 9), 10).outcome.what,
                 AGG_ABANDONED);
    struct agg_made made =
        made_of(&desk, SAID(.queued = 0, .answered = 9, .abandoned = 8, .left = 7), 10);
    cr_assert_eq(made.outcome.what, AGG_LEFT);
    cr_assert_eq(made.outcome.at, T0 + 7);
    cr_assert_eq(made.outcome.wait_ms, 7);
    desk_close(&desk);
}

Test(visit, contact_without_queued_is_not_offered_but_its_handling_counts)
{
    struct desk desk;
    core_init(&desk.core);
    desk_open(&desk);
    struct agg_made made =
        made_of(&desk, SAID(.answered = 1000, .ended = 61000, .wrapped = 71000), 100000);
    cr_assert_eq(made.offered_at, RC_TIME_NONE);
    cr_assert_eq(made.outcome.at, RC_TIME_NONE);
    cr_assert_eq(made.service_level.at, RC_TIME_NONE);
    cr_assert_eq(made.handled.at, T0 + 61000);
    cr_assert_eq(made.handled.talk_ms, 60000);
    cr_assert_eq(made.handled.acw_ms, 10000);
    cr_assert_not(made.anomaly);
    desk_close(&desk);
}

Test(visit, conversation_that_ended_without_an_answer_left_at_its_end)
{
    struct desk desk;
    core_init(&desk.core);
    desk_open(&desk);
    struct agg_made made = made_of(&desk, SAID(.queued = 0, .ended = 8000), 30000);
    cr_assert_eq(made.outcome.what, AGG_LEFT);
    cr_assert_eq(made.outcome.at, T0 + 8000);
    cr_assert_eq(made.handled.at, RC_TIME_NONE);
    cr_assert_eq(made.service_level.at, RC_TIME_NONE, "flow_out: ignore");
    cr_assert_eq(made.state[AGG_WAITING].to, T0 + 8000);
    desk_close(&desk);
}

Test(visit, negative_parts_count_as_zero_and_are_told)
{
    struct desk desk;
    core_init(&desk.core);
    desk_open(&desk);
    struct agg_made made =
        made_of(&desk, SAID(.queued = 5000, .answered = 2000, .ended = 1000, .wrapped = 500), 9000);
    cr_assert_eq(made.outcome.wait_ms, 0);
    cr_assert_eq(made.handled.talk_ms, 0);
    cr_assert_eq(made.handled.acw_ms, 0);
    cr_assert(made.anomaly);
    cr_assert_eq(made.state[AGG_WAITING].from, RC_TIME_NONE);
    cr_assert_eq(made.state[AGG_HANDLING].from, RC_TIME_NONE);
    desk_close(&desk);
}

Test(visit, after_contact_work_is_cut_at_the_cap_and_told)
{
    struct desk desk;
    core_init(&desk.core);
    desk.core.contract[RC_CALL].acw_cap_ms = 30000;
    desk_open(&desk);
    struct agg_made made =
        made_of(&desk, SAID(.queued = 0, .answered = 1, .ended = 2, .wrapped = 30002), 99999);
    cr_assert_eq(made.handled.acw_ms, 30000);
    cr_assert_not(made.acw_capped);
    made = made_of(&desk, SAID(.queued = 0, .answered = 1, .ended = 2, .wrapped = 30003), 99999);
    cr_assert_eq(made.handled.acw_ms, 30000);
    cr_assert(made.acw_capped);
    desk_close(&desk);
}

Test(visit, end_is_ended_else_transferred_else_wrapped)
{
    struct desk desk;
    core_init(&desk.core);
    desk_open(&desk);
    cr_assert_eq(made_of(&desk, SAID(.answered = 1, .transferred = 5, .ended = 9, .wrapped = 7), 99)
                     .handled.at,
                 T0 + 9);
    cr_assert_eq(made_of(&desk, SAID(.answered = 1, .transferred = 5, .wrapped = 7), 99).handled.at,
                 T0 + 5);
    cr_assert_eq(made_of(&desk, SAID(.answered = 1, .wrapped = 7), 99).handled.at, T0 + 7);
    desk_close(&desk);
}

Test(visit, wrapping_lasts_until_wrapped_or_the_cap_where_it_is_expected)
{
    struct desk desk;
    core_init(&desk.core);
    desk.core.contract[RC_CALL].acw_expected = true;
    desk.core.contract[RC_CALL].acw_cap_ms = 30000;
    desk_open(&desk);
    struct said said = SAID(.queued = 0, .answered = 1000, .ended = 2000);
    struct agg_span span = made_of(&desk, said, 32000).state[AGG_WRAPPING];
    cr_assert(span.from == T0 + 2000 && span.to == INT64_MAX);
    cr_assert_eq(made_of(&desk, said, 10000).again_at, T0 + 32000);
    cr_assert_eq(made_of(&desk, said, 32001).state[AGG_WRAPPING].to, T0 + 32000);
    said.wrapped = 7000;
    cr_assert_eq(made_of(&desk, said, 7001).state[AGG_WRAPPING].to, T0 + 7000);
    desk_close(&desk);
}

/* held and resumed as points of a contact answered at 1 s and ended at 101 s */
static struct agg_made with_points(struct core *core, const int64_t *held, const int64_t *resumed)
{
    core_init(core);
    struct agg_task *task = core_task_open(core);
    struct core_event ev = {.at = T0, .contact = "a", .queue = "sales", .type = RC_TYPE_queued};
    core_task_put(core, task, ev);
    ev.type = RC_TYPE_answered;
    ev.at = T0 + 1000;
    core_task_put(core, task, ev);
    ev.type = RC_TYPE_ended;
    ev.at = T0 + 101000;
    core_task_put(core, task, ev);
    for (ev.type = RC_TYPE_held; *held != NOT_SAID; held++) {
        ev.at = T0 + *held;
        core_task_put(core, task, ev);
    }
    for (ev.type = RC_TYPE_resumed; *resumed != NOT_SAID; resumed++) {
        ev.at = T0 + *resumed;
        core_task_put(core, task, ev);
    }
    agg_task_advance(task, T0 + HOUR_MS);
    struct agg_made made;
    agg_visit_derive(task, agg_contact_at(task, 1), task->passed, &made);
    agg_task_close(task);
    core_close(core);
    return made;
}

Test(visit, hold_is_the_union_of_its_stretches_within_the_handling)
{
    static const struct {
        int64_t held[4], resumed[4], hold_ms;
    } vector[] = {
        {{NOT_SAID}, {5000, NOT_SAID}, 0},
        {{10000, NOT_SAID}, {15000, NOT_SAID}, 5000},
        {{10000, 12000, NOT_SAID}, {15000, NOT_SAID}, 5000},
        {{10000, 40000, NOT_SAID}, {15000, 60000, NOT_SAID}, 25000},
        {{90000, NOT_SAID}, {NOT_SAID}, 11000},         /* never resumed: to the end */
        {{90000, NOT_SAID}, {120000, NOT_SAID}, 11000}, /* resumed after the end */
        {{0, NOT_SAID}, {3000, NOT_SAID}, 2000},        /* held before the answer */
        {{110000, NOT_SAID}, {120000, NOT_SAID}, 0},    /* all of it after the end */
        {{10000, NOT_SAID}, {10000, NOT_SAID}, 0},      /* resumed at the same time */
        {{10000, NOT_SAID}, {5000, NOT_SAID}, 91000},
    };
    for (uint32_t i = 0; i < sizeof vector / sizeof *vector; i++) {
        struct core core;
        struct agg_made made = with_points(&core, vector[i].held, vector[i].resumed);
        cr_assert_eq(made.handled.hold_ms, vector[i].hold_ms, "vector %u: %ld", i,
                     made.handled.hold_ms);
        cr_assert_eq(made.handled.talk_ms, 100000 - vector[i].hold_ms);
    }
}

/* One visit under each rule: OUT, MISSED or MET. */
enum { OUT, MISSED, MET };

static int judged(const struct desk *desk, struct said said)
{
    struct agg_made made = made_of(desk, said, 1000000);
    return made.service_level.at == RC_TIME_NONE ? OUT : made.service_level.met ? MET : MISSED;
}

Test(visit, abandoned_rules_are_those_of_the_table)
{
    /* after 5 s (short), 20 s (within), 21 s (over) */
    static const int expected[6][3] = {
        [RC_ABANDONED_AGAINST] = {MISSED, MISSED, MISSED},
        [RC_ABANDONED_IGNORE_WITHIN] = {OUT, OUT, MISSED},
        [RC_ABANDONED_IGNORE_SHORT] = {OUT, MISSED, MISSED},
        [RC_ABANDONED_CREDIT_WITHIN] = {MET, MET, MISSED},
        [RC_ABANDONED_CREDIT_SHORT] = {MET, MISSED, MISSED},
        [RC_ABANDONED_IGNORE] = {OUT, OUT, OUT},
    };
    static const int64_t after[] = {5000, 20000, 21000};
    for (uint8_t rule = 0; rule < 6; rule++) {
        struct desk desk;
        core_init(&desk.core);
        desk.core.contract[RC_CALL].abandoned = rule;
        desk_open(&desk);
        for (uint32_t i = 0; i < 3; i++)
            cr_assert_eq(judged(&desk, SAID(.queued = 0, .abandoned = after[i])), expected[rule][i],
                         "rule %u, case %u", rule, i);
        desk_close(&desk);
    }
}

Test(visit, flow_out_rules_are_those_of_the_table)
{
    static const int expected[3][2] = {[RC_FLOW_IGNORE] = {OUT, OUT},
                                       [RC_FLOW_AGAINST] = {MISSED, MISSED},
                                       [RC_FLOW_CREDIT_WITHIN] = {MET, MISSED}};
    for (uint8_t rule = 0; rule < 3; rule++) {
        struct desk desk;
        core_init(&desk.core);
        desk.core.contract[RC_CALL].flow_out = rule;
        desk_open(&desk);
        cr_assert_eq(judged(&desk, SAID(.queued = 0, .left = 20000)), expected[rule][0]);
        cr_assert_eq(judged(&desk, SAID(.queued = 0, .left = 20001)), expected[rule][1]);
        desk_close(&desk);
    }
}

Test(visit, queued_outside_opening_hours_or_in_an_outage_is_out_of_the_service_level_alone)
{
    static const struct rc_span open = {T0 + 1000, T0 + 100000};
    static const struct rc_span outage = {T0 + 50000, T0 + 60000};
    struct desk desk;
    core_init(&desk.core);
    struct rc_calendar calendar = {
        .name = "hours", .zone = &desk.core.zone, .span_count = 1, .span = &open};
    desk.core.contract[RC_CALL].sl_calendar = &calendar;
    desk.core.contract[RC_CALL].outage = &outage;
    desk.core.contract[RC_CALL].outage_count = 1;
    desk_open(&desk);
    static const struct {
        int64_t at;
        int expected;
    } vector[] = {{999, OUT},   {1000, MET},  {49999, MET}, {50000, OUT},
                  {59999, OUT}, {60000, MET}, {99999, MET}, {100000, OUT}};
    for (uint32_t i = 0; i < sizeof vector / sizeof *vector; i++) {
        struct said said = SAID(.queued = vector[i].at, .answered = vector[i].at + 5);
        cr_assert_eq(judged(&desk, said), vector[i].expected, "case %u", i);
        cr_assert_eq(made_of(&desk, said, 1000000).outcome.what, AGG_ANSWERED);
    }
    desk_close(&desk);
}

Test(visit, arrival_basis_moves_outcome_and_service_level_to_the_arrival)
{
    struct desk desk;
    core_init(&desk.core);
    desk.core.contract[RC_CALL].basis = RC_BASIS_ARRIVAL;
    desk_open(&desk);
    struct agg_made made =
        made_of(&desk, SAID(.queued = 0, .answered = 25000, .ended = 60000), 100000);
    cr_assert_eq(made.outcome.at, T0);
    cr_assert_eq(made.outcome.wait_ms, 25000);
    cr_assert_eq(made.service_level.at, T0);
    cr_assert_eq(made.handled.at, T0 + 60000, "handling stays where it ended");
    cr_assert_eq(made.state[AGG_WAITING].to, T0 + 25000);
    desk_close(&desk);
}

Test(visit, cancelled_or_unplaced_contact_makes_nothing)
{
    struct desk desk;
    core_init(&desk.core);
    desk_open(&desk);
    struct agg_contact contact = contact_of(&desk, SAID(.queued = 0, .answered = 5, .ended = 9));
    struct agg_made made;
    contact.flags |= AGG_CANCELLED;
    agg_visit_derive(desk.task, &contact, T0 + 100, &made);
    cr_assert(made.key == 0 && made.offered_at == RC_TIME_NONE && made.handled.at == RC_TIME_NONE);
    contact.flags = 0;
    contact.key = 0;
    agg_visit_derive(desk.task, &contact, T0 + 100, &made);
    cr_assert(made.key == 0 && made.offered_at == RC_TIME_NONE && made.outcome.at == RC_TIME_NONE);
    desk_close(&desk);
}

Test(visit, review_is_defective_with_a_defect_or_when_critical)
{
    struct desk desk;
    core_init(&desk.core);
    desk_open(&desk);
    struct agg_identity identity = {.rated_key = desk.key,
                                    .reviewed_key = desk.key,
                                    .channel = RC_CALL,
                                    .judged_at = T0,
                                    .rated = T0 + 1,
                                    .score = 4000,
                                    .reviewed = T0 + 2,
                                    .opportunities = 10};
    struct agg_made made;
    agg_identity_derive(desk.task, &identity, RC_TYPE_reviewed, &made);
    cr_assert_not(made.reviewed.defective);
    agg_identity_derive(desk.task, &identity, RC_TYPE_rated, &made);
    cr_assert(made.rated.satisfied, "at satisfied_at is satisfied");
    identity.critical = true;
    identity.score = 3999;
    agg_identity_derive(desk.task, &identity, RC_TYPE_reviewed, &made);
    cr_assert(made.reviewed.defective);
    agg_identity_derive(desk.task, &identity, RC_TYPE_rated, &made);
    cr_assert_not(made.rated.satisfied);
    identity.critical = false;
    identity.defects = 1;
    agg_identity_derive(desk.task, &identity, RC_TYPE_reviewed, &made);
    cr_assert(made.reviewed.defective);
    identity.cancelled = true;
    agg_identity_derive(desk.task, &identity, RC_TYPE_rated, &made);
    cr_assert(made.key == 0 && made.rated.at == RC_TIME_NONE);
    desk_close(&desk);
}
