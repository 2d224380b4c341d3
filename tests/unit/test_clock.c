/* Clocks by hand, each regression of SPEC section 7 under its name, and against a walk minute by
 * minute over random tickets. */
#include "clock.h"
#include "config_help.h"
#include "task.h"

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
#define NONE   RC_TIME_NONE

#define MONDAY INT64_C(1767571200000) /* 2026-01-05 */
#define FRIDAY (MONDAY + 4 * DAY)

enum { POINTS_MAX = 64 };

struct ticket {
    struct agg_point point[POINTS_MAX];
    struct agg_clock_facts facts;
};

static void ticket_open(struct ticket *ticket, int64_t queued_ms)
{
    memset(ticket, 0, sizeof(*ticket));
    ticket->facts = (struct agg_clock_facts){
        .queued_ms = queued_ms, .answered_ms = NONE, .due_ms = NONE, .point = ticket->point};
}

static void happen(struct ticket *ticket, uint8_t type, uint64_t value, int64_t at_ms)
{
    uint32_t at = ticket->facts.point_count++;
    cr_assert_lt(at, POINTS_MAX);
    for (; at > 0; at--) {
        const struct agg_point *before = &ticket->point[at - 1];
        if (before->time_ms < at_ms || (before->time_ms == at_ms && before->type <= type))
            break;
        ticket->point[at] = *before;
    }
    ticket->point[at] = (struct agg_point){.time_ms = at_ms, .type = type, .value = value};
}

static void pause_at(struct ticket *ticket, int64_t at)
{
    happen(ticket, RC_TYPE_paused, 0, at);
}
static void resume_at(struct ticket *ticket, int64_t at)
{
    happen(ticket, RC_TYPE_resumed, 0, at);
}
static void resolve_at(struct ticket *ticket, int64_t at)
{
    happen(ticket, RC_TYPE_resolved, 1, at);
}
static void reopen_at(struct ticket *ticket, int64_t at)
{
    happen(ticket, RC_TYPE_reopened, 0, at);
}

static struct rc_clock clock_of(enum rc_measure measure, int64_t within_ms)
{
    return (struct rc_clock){.name = "c",
                             .name_size = 1,
                             .measure = (uint8_t)measure,
                             .pauses = true,
                             .target_bp = 9000,
                             .default_ms = within_ms};
}

static struct agg_clock_verdict judge(const struct ticket *ticket, const struct rc_clock *clock,
                                      int64_t passed_ms)
{
    struct agg_clock_verdict verdict;
    agg_clock_judge(&ticket->facts, clock, passed_ms, &verdict);
    return verdict;
}

static void expect(const struct ticket *ticket, const struct rc_clock *clock, uint8_t result,
                   int64_t at_ms)
{
    struct agg_clock_verdict verdict = judge(ticket, clock, FRIDAY + 100 * DAY);
    cr_assert_eq(verdict.result, result, "result %d, not %d", verdict.result, result);
    cr_assert_eq(verdict.at_ms, at_ms, "at %ld, not %ld", (long)verdict.at_ms, (long)at_ms);
}

static struct config_loaded *calendar_of(const char *zone, const char *week, const char *except,
                                         struct rc_clock *clock)
{
    char text[600];
    snprintf(text, sizeof(text),
             "calendars: {c: {timezone: %s, week: %s, except: %s}}\n"
             "defaults: {ticket: {slas: [{name: c, measure: resolution, within: 1h,\n"
             "                            calendar: c}]}}\n",
             zone, week, except);
    struct config_loaded *loaded = config_taken(text);
    clock->calendar =
        loaded->config->contracts.defaults.channel[RC_TICKET].dated[0].contract.clock[0].calendar;
    return loaded;
}

/* ---- where a measure stops ---- */

Test(clock, a_measure_stops_at_the_first_of_what_the_table_names)
{
    struct ticket ticket;
    ticket_open(&ticket, MONDAY);
    cr_assert_eq(agg_clock_stop(&ticket.facts, RC_ACKNOWLEDGE), NONE);
    happen(&ticket, RC_TYPE_resolved, 0, MONDAY + 1);
    cr_assert_eq(agg_clock_stop(&ticket.facts, RC_FIRST_RESPONSE), NONE, "resolved: false");
    cr_assert_eq(agg_clock_stop(&ticket.facts, RC_RESOLUTION), NONE, "resolved: false");
    happen(&ticket, RC_TYPE_closed, 0, MONDAY + 9);
    cr_assert_eq(agg_clock_stop(&ticket.facts, RC_FIRST_RESPONSE), MONDAY + 9);
    cr_assert_eq(agg_clock_stop(&ticket.facts, RC_RESOLUTION), MONDAY + 9);
    happen(&ticket, RC_TYPE_replied, 7, MONDAY + 5);
    cr_assert_eq(agg_clock_stop(&ticket.facts, RC_ACKNOWLEDGE), MONDAY + 5);
    cr_assert_eq(agg_clock_stop(&ticket.facts, RC_FIRST_RESPONSE), MONDAY + 5);
    cr_assert_eq(agg_clock_stop(&ticket.facts, RC_RESOLUTION), MONDAY + 9);
    ticket.facts.answered_ms = MONDAY + 3;
    cr_assert_eq(agg_clock_stop(&ticket.facts, RC_ACKNOWLEDGE), MONDAY + 3);
    cr_assert_eq(agg_clock_stop(&ticket.facts, RC_FIRST_RESPONSE), MONDAY + 5);
    ticket.facts.answered_ms = MONDAY + 6;
    cr_assert_eq(agg_clock_stop(&ticket.facts, RC_ACKNOWLEDGE), MONDAY + 5);
}

Test(clock, the_standing_resolution_is_the_first_at_or_after_the_last_reopening)
{
    struct ticket ticket;
    ticket_open(&ticket, MONDAY);
    resolve_at(&ticket, MONDAY + 10);
    resolve_at(&ticket, MONDAY + 20);
    cr_assert_eq(agg_clock_stop(&ticket.facts, RC_RESOLUTION), MONDAY + 10);
    reopen_at(&ticket, MONDAY + 30);
    cr_assert_eq(agg_clock_stop(&ticket.facts, RC_RESOLUTION), NONE);
    resolve_at(&ticket, MONDAY + 30);
    cr_assert_eq(agg_clock_stop(&ticket.facts, RC_RESOLUTION), MONDAY + 30);
    happen(&ticket, RC_TYPE_worked, 0, MONDAY + 30);
    cr_assert_eq(agg_clock_stop(&ticket.facts, RC_RESOLUTION), MONDAY + 30);
    reopen_at(&ticket, MONDAY + 40);
    happen(&ticket, RC_TYPE_closed, 0, MONDAY + 40);
    resolve_at(&ticket, MONDAY + 50);
    cr_assert_eq(agg_clock_stop(&ticket.facts, RC_RESOLUTION), MONDAY + 40);
}

/* ---- verdicts ---- */

Test(clock, a_stop_at_the_deadline_is_met_and_a_millisecond_later_breached_there)
{
    struct rc_clock clock = clock_of(RC_RESOLUTION, HOUR);
    struct ticket ticket;
    ticket_open(&ticket, MONDAY);
    resolve_at(&ticket, MONDAY + HOUR);
    expect(&ticket, &clock, AGG_CLOCK_MET, MONDAY + HOUR);
    ticket_open(&ticket, MONDAY);
    resolve_at(&ticket, MONDAY + HOUR + 1);
    expect(&ticket, &clock, AGG_CLOCK_BREACHED, MONDAY + HOUR);
}

Test(clock, an_open_ticket_breaches_with_no_event_once_its_deadline_has_passed)
{
    struct rc_clock clock = clock_of(RC_RESOLUTION, HOUR);
    struct ticket ticket;
    ticket_open(&ticket, MONDAY);
    struct agg_clock_verdict verdict = judge(&ticket, &clock, MONDAY + HOUR);
    cr_assert_eq(verdict.result, AGG_CLOCK_UNDECIDED);
    cr_assert_eq(verdict.again_at, MONDAY + HOUR);
    cr_assert_eq(verdict.deadline_ms, MONDAY + HOUR);
    verdict = judge(&ticket, &clock, MONDAY + HOUR + 1);
    cr_assert_eq(verdict.result, AGG_CLOCK_BREACHED);
    cr_assert_eq(verdict.again_at, NONE);
}

Test(clock, a_stop_before_the_ticket_was_queued_is_met)
{
    struct rc_clock clock = clock_of(RC_RESOLUTION, HOUR);
    struct ticket ticket;
    ticket_open(&ticket, MONDAY);
    resolve_at(&ticket, MONDAY - 5);
    expect(&ticket, &clock, AGG_CLOCK_MET, MONDAY - 5);
    clock.by_event = true;
    ticket.facts.due_ms = MONDAY - 10;
    expect(&ticket, &clock, AGG_CLOCK_MET, MONDAY - 5);
}

Test(clock, without_queued_or_a_duration_for_its_priority_a_ticket_is_not_measured)
{
    struct rc_clock clock = clock_of(RC_RESOLUTION, HOUR);
    struct ticket ticket;
    ticket_open(&ticket, NONE);
    resolve_at(&ticket, MONDAY);
    expect(&ticket, &clock, AGG_CLOCK_UNDECIDED, NONE);
    ticket.facts.queued_ms = MONDAY;
    clock.default_ms = RC_NULL;
    expect(&ticket, &clock, AGG_CLOCK_UNDECIDED, NONE);
    cr_assert_eq(judge(&ticket, &clock, MONDAY).again_at, NONE);
}

Test(clock, due_is_a_deadline_with_neither_calendar_nor_pauses)
{
    struct rc_clock clock = clock_of(RC_RESOLUTION, RC_NULL);
    struct ticket ticket;
    clock.by_event = true;
    struct config_loaded *loaded = calendar_of("UTC", "{sun: [\"09:00-10:00\"]}", "{}", &clock);
    ticket_open(&ticket, MONDAY);
    pause_at(&ticket, MONDAY);
    expect(&ticket, &clock, AGG_CLOCK_UNDECIDED, NONE);
    ticket.facts.due_ms = MONDAY + HOUR;
    cr_assert_eq(judge(&ticket, &clock, MONDAY).again_at, MONDAY + HOUR);
    expect(&ticket, &clock, AGG_CLOCK_BREACHED, MONDAY + HOUR);
    resolve_at(&ticket, MONDAY + HOUR);
    expect(&ticket, &clock, AGG_CLOCK_MET, MONDAY + HOUR);
    config_free(loaded);
}

/* ---- pauses ---- */

Test(clock, pauses_do_not_run_unless_the_contract_says_so)
{
    struct rc_clock clock = clock_of(RC_RESOLUTION, HOUR);
    struct ticket ticket;
    ticket_open(&ticket, MONDAY);
    pause_at(&ticket, MONDAY + 10 * MINUTE);
    resume_at(&ticket, MONDAY + 40 * MINUTE);
    pause_at(&ticket, MONDAY + 50 * MINUTE);
    pause_at(&ticket, MONDAY + 60 * MINUTE); /* a second within the first */
    resume_at(&ticket, MONDAY + 170 * MINUTE);
    expect(&ticket, &clock, AGG_CLOCK_BREACHED, MONDAY + 210 * MINUTE);
    clock.pauses = false;
    expect(&ticket, &clock, AGG_CLOCK_BREACHED, MONDAY + HOUR);
}

Test(clock, a_pause_that_is_never_resumed_stands_for_ever)
{
    struct rc_clock clock = clock_of(RC_RESOLUTION, HOUR);
    struct ticket ticket;
    ticket_open(&ticket, MONDAY);
    pause_at(&ticket, MONDAY + 30 * MINUTE);
    struct agg_clock_verdict verdict = judge(&ticket, &clock, MONDAY + 999 * DAY);
    cr_assert_eq(verdict.result, AGG_CLOCK_UNDECIDED);
    cr_assert(verdict.again_at == NONE && verdict.deadline_ms == NONE);
    reopen_at(&ticket, MONDAY + HOUR); /* does not resume it */
    cr_assert_eq(judge(&ticket, &clock, MONDAY + 999 * DAY).deadline_ms, NONE);
}

Test(clock, a_pause_and_its_end_at_one_instant_is_none)
{
    struct rc_clock clock = clock_of(RC_RESOLUTION, HOUR);
    struct ticket ticket;
    ticket_open(&ticket, MONDAY);
    pause_at(&ticket, MONDAY + MINUTE);
    resume_at(&ticket, MONDAY + MINUTE);
    expect(&ticket, &clock, AGG_CLOCK_BREACHED, MONDAY + HOUR);
}

Test(clock, a_pause_before_queued_holds_the_clock_from_the_start)
{
    struct rc_clock clock = clock_of(RC_FIRST_RESPONSE, HOUR);
    struct ticket ticket;
    ticket_open(&ticket, MONDAY);
    pause_at(&ticket, MONDAY - HOUR);
    resume_at(&ticket, MONDAY + 10 * MINUTE);
    expect(&ticket, &clock, AGG_CLOCK_BREACHED, MONDAY + 70 * MINUTE);
}

/* ---- the regression cases of section 7 ---- */

Test(clock, priority_or_policy_changed_midway_keeps_earlier_pauses)
{
    static const struct rc_within within[] = {{"urgent", 6, HOUR}};
    struct rc_clock clock = clock_of(RC_RESOLUTION, 8 * HOUR), other = clock_of(RC_RESOLUTION, 0);
    struct ticket ticket;
    clock.within = within;
    clock.within_count = 1;
    other.default_ms = 2 * HOUR;
    ticket_open(&ticket, MONDAY + 9 * HOUR);
    pause_at(&ticket, MONDAY + 9 * HOUR + 10 * MINUTE);
    resume_at(&ticket, MONDAY + 12 * HOUR + 10 * MINUTE);
    cr_assert_eq(judge(&ticket, &clock, MONDAY).deadline_ms, MONDAY + 20 * HOUR);
    ticket.facts.priority = "urgent";
    ticket.facts.priority_size = 6;
    cr_assert_eq(judge(&ticket, &clock, MONDAY).deadline_ms, MONDAY + 13 * HOUR);
    cr_assert_eq(judge(&ticket, &other, MONDAY).deadline_ms, MONDAY + 14 * HOUR);
    resolve_at(&ticket, MONDAY + 13 * HOUR);
    expect(&ticket, &clock, AGG_CLOCK_MET, MONDAY + 13 * HOUR);
}

Test(clock, resolved_straight_from_paused)
{
    struct rc_clock clock = clock_of(RC_RESOLUTION, HOUR);
    struct ticket ticket;
    ticket_open(&ticket, MONDAY);
    pause_at(&ticket, MONDAY + 30 * MINUTE);
    resolve_at(&ticket, MONDAY + 5 * HOUR);
    expect(&ticket, &clock, AGG_CLOCK_MET, MONDAY + 5 * HOUR);
    /* The resolution ended the pause: after a reopening the clock runs, without a `resumed`. */
    reopen_at(&ticket, MONDAY + 8 * HOUR);
    expect(&ticket, &clock, AGG_CLOCK_BREACHED, MONDAY + 8 * HOUR + 30 * MINUTE);
}

Test(clock, reopened_twice)
{
    struct rc_clock clock = clock_of(RC_RESOLUTION, HOUR);
    struct ticket ticket;
    ticket_open(&ticket, MONDAY);
    resolve_at(&ticket, MONDAY + 20 * MINUTE);
    expect(&ticket, &clock, AGG_CLOCK_MET, MONDAY + 20 * MINUTE);
    reopen_at(&ticket, MONDAY + DAY);
    cr_assert_eq(judge(&ticket, &clock, MONDAY + DAY + 1).result, AGG_CLOCK_UNDECIDED,
                 "the met is taken back");
    resolve_at(&ticket, MONDAY + DAY + 20 * MINUTE);
    expect(&ticket, &clock, AGG_CLOCK_MET, MONDAY + DAY + 20 * MINUTE);
    reopen_at(&ticket, MONDAY + 2 * DAY);
    struct ticket later = ticket;
    later.facts.point = later.point;
    resolve_at(&ticket, MONDAY + 2 * DAY + 20 * MINUTE);
    expect(&ticket, &clock, AGG_CLOCK_MET, MONDAY + 2 * DAY + 20 * MINUTE);
    resolve_at(&later, MONDAY + 2 * DAY + 20 * MINUTE + 1);
    expect(&later, &clock, AGG_CLOCK_BREACHED, MONDAY + 2 * DAY + 20 * MINUTE);
}

Test(clock, a_breach_stands_whatever_is_resolved_or_reopened_later)
{
    struct rc_clock clock = clock_of(RC_RESOLUTION, HOUR);
    struct ticket ticket;
    ticket_open(&ticket, MONDAY);
    resolve_at(&ticket, MONDAY + 2 * HOUR);
    reopen_at(&ticket, MONDAY + DAY);
    expect(&ticket, &clock, AGG_CLOCK_BREACHED, MONDAY + HOUR);
    resolve_at(&ticket, MONDAY + DAY + MINUTE);
    expect(&ticket, &clock, AGG_CLOCK_BREACHED, MONDAY + HOUR);
}

/* Only `resolution` rests between a resolution and a reopening. */
Test(clock, a_reopening_changes_nothing_for_a_first_response)
{
    struct rc_clock clock = clock_of(RC_FIRST_RESPONSE, HOUR);
    struct ticket ticket;
    ticket_open(&ticket, MONDAY);
    resolve_at(&ticket, MONDAY + 30 * MINUTE);
    reopen_at(&ticket, MONDAY + DAY);
    expect(&ticket, &clock, AGG_CLOCK_MET, MONDAY + 30 * MINUTE);
}

/* Friday is before the change of the clocks, Monday after it. */
Test(clock, the_offset_of_today_is_not_applied_to_history)
{
    struct rc_clock clock = clock_of(RC_RESOLUTION, HOUR);
    struct ticket ticket;
    struct config_loaded *loaded =
        calendar_of("America/New_York", "{mon-fri: [\"09:00-17:00\"]}", "{}", &clock);
    ticket_open(&ticket, 1772832600000);                                /* 2026-03-06T16:30-05:00 */
    cr_assert_eq(judge(&ticket, &clock, 0).deadline_ms, 1773063000000); /* 03-09T09:30-04:00 */
    ticket_open(&ticket, 1793392200000);                                /* 2026-10-30T16:30-04:00 */
    cr_assert_eq(judge(&ticket, &clock, 0).deadline_ms, 1793629800000); /* 11-02T09:30-05:00 */
    config_free(loaded);
}

Test(clock, lunch_break)
{
    struct rc_clock clock = clock_of(RC_RESOLUTION, HOUR);
    struct ticket ticket;
    struct config_loaded *loaded =
        calendar_of("UTC", "{mon-fri: [\"09:00-12:00\", \"13:00-17:00\"]}", "{}", &clock);
    ticket_open(&ticket, MONDAY + 11 * HOUR + 30 * MINUTE);
    cr_assert_eq(judge(&ticket, &clock, 0).deadline_ms, MONDAY + 13 * HOUR + 30 * MINUTE);
    ticket_open(&ticket, MONDAY + 12 * HOUR + 30 * MINUTE); /* at lunch */
    cr_assert_eq(judge(&ticket, &clock, 0).deadline_ms, MONDAY + 14 * HOUR);
    config_free(loaded);
}

Test(clock, holiday)
{
    struct rc_clock clock = clock_of(RC_RESOLUTION, 2 * HOUR);
    struct ticket ticket;
    struct config_loaded *loaded =
        calendar_of("UTC", "{mon-fri: [\"09:00-17:00\"]}",
                    "{2026-01-06: closed, 2026-01-07: [\"10:00-11:00\"]}", &clock);
    ticket_open(&ticket, MONDAY + 16 * HOUR + 30 * MINUTE);
    /* 30 min on Monday, none on Tuesday, an hour on Wednesday, 30 min on Thursday */
    cr_assert_eq(judge(&ticket, &clock, 0).deadline_ms, MONDAY + 3 * DAY + 9 * HOUR + 30 * MINUTE);
    config_free(loaded);
}

Test(clock, friday_half_past_four_and_an_hour_is_monday_half_past_nine)
{
    struct rc_clock clock = clock_of(RC_ACKNOWLEDGE, HOUR);
    struct ticket ticket;
    struct config_loaded *loaded = calendar_of("UTC", "{mon-fri: [\"09:00-17:00\"]}", "{}", &clock);
    ticket_open(&ticket, FRIDAY + 16 * HOUR + 30 * MINUTE);
    ticket.facts.answered_ms = FRIDAY + 3 * DAY + 9 * HOUR + 30 * MINUTE;
    expect(&ticket, &clock, AGG_CLOCK_MET, ticket.facts.answered_ms);
    ticket.facts.answered_ms++;
    expect(&ticket, &clock, AGG_CLOCK_BREACHED, ticket.facts.answered_ms - 1);
    config_free(loaded);
}

/* The running time on Saturday is the same, the deadline was on Friday. */
Test(clock, the_deadline_is_the_first_instant_at_which_the_time_is_used_up)
{
    struct rc_clock clock = clock_of(RC_RESOLUTION, HOUR);
    struct ticket ticket;
    struct config_loaded *loaded = calendar_of("UTC", "{mon-fri: [\"09:00-17:00\"]}", "{}", &clock);
    ticket_open(&ticket, FRIDAY + 16 * HOUR);
    resolve_at(&ticket, FRIDAY + 34 * HOUR);
    expect(&ticket, &clock, AGG_CLOCK_BREACHED, FRIDAY + 17 * HOUR);
    config_free(loaded);
}

Test(clock, a_calendar_deadline_after_3650_days_does_not_exist)
{
    struct rc_clock clock = clock_of(RC_RESOLUTION, HOUR);
    struct ticket ticket;
    struct config_loaded *loaded = calendar_of(
        "UTC", "{}", "{2036-01-03: [\"00:00-24:00\"], 2036-01-04: [\"00:00-01:00\"]}", &clock);
    ticket_open(&ticket, MONDAY); /* and 3,650 days: 2036-01-03 */
    cr_assert_eq(judge(&ticket, &clock, 0).deadline_ms, NONE);
    ticket_open(&ticket, MONDAY + HOUR);
    cr_assert_eq(judge(&ticket, &clock, 0).deadline_ms, MONDAY + 3650 * DAY + HOUR);
    ticket_open(&ticket, MONDAY + HOUR - 1);
    cr_assert_eq(judge(&ticket, &clock, 0).deadline_ms, NONE);
    resolve_at(&ticket, MONDAY + 3800 * DAY);
    expect(&ticket, &clock, AGG_CLOCK_MET, MONDAY + 3800 * DAY);
    /* A pause does not move the end of the calendar. */
    ticket_open(&ticket, MONDAY + HOUR - 1);
    pause_at(&ticket, MONDAY + 2 * HOUR);
    resume_at(&ticket, MONDAY + 3 * HOUR);
    cr_assert_eq(judge(&ticket, &clock, 0).deadline_ms, NONE);
    config_free(loaded);
    clock.calendar = NULL; /* on the wall there is no such end */
    pause_at(&ticket, MONDAY + 3 * HOUR + MINUTE);
    resume_at(&ticket, MONDAY + 3700 * DAY);
    clock.default_ms = 2 * HOUR;
    cr_assert_gt(judge(&ticket, &clock, 0).deadline_ms, MONDAY + 3700 * DAY);
}

/* ---- against a walk ---- */

static uint64_t state = 88172645463325252u;
static uint32_t draw(uint32_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (uint32_t)(state % below);
}

enum { WALK = 4 * 1440 };

static bool ends_pause(const struct agg_point *point)
{
    return point->type == RC_TYPE_resumed || point->type == RC_TYPE_closed ||
           (point->type == RC_TYPE_resolved && point->value != 0);
}

/* Whether the clock runs in the minute that begins then; word by word as the specification. */
static bool runs_at(const struct ticket *ticket, const struct rc_clock *clock, int64_t at)
{
    const struct agg_clock_facts *facts = &ticket->facts;
    if (at < facts->queued_ms)
        return false;
    if (clock->calendar != NULL && !rc_calendar_open(clock->calendar, at))
        return false;
    for (uint32_t i = 0; i < facts->point_count; i++) {
        const struct agg_point *begin = &ticket->point[i];
        int64_t end = INT64_MAX;
        bool pause = clock->pauses && begin->type == RC_TYPE_paused;
        bool solved =
            clock->measure == RC_RESOLUTION && begin->type != RC_TYPE_resumed && ends_pause(begin);
        if (!pause && !solved)
            continue;
        for (uint32_t j = 0; j < facts->point_count; j++) {
            const struct agg_point *one = &ticket->point[j];
            bool ends = pause ? ends_pause(one) && one->time_ms >= begin->time_ms
                              : one->type == RC_TYPE_reopened && one->time_ms > begin->time_ms;
            if (ends && one->time_ms < end)
                end = one->time_ms;
        }
        if (begin->time_ms <= at && at < end)
            return false;
    }
    return true;
}

static void draw_ticket(struct ticket *ticket)
{
    static const uint8_t types[] = {RC_TYPE_resumed,  RC_TYPE_resolved, RC_TYPE_replied,
                                    RC_TYPE_paused,   RC_TYPE_paused,   RC_TYPE_worked,
                                    RC_TYPE_reopened, RC_TYPE_reopened, RC_TYPE_closed};
    ticket_open(ticket, MONDAY + draw(600) * MINUTE);
    uint32_t count = draw(9), near = draw(3) ? 1440 : 30;
    for (uint32_t i = 0; i < count; i++) {
        uint8_t type = types[draw(sizeof(types))];
        happen(ticket, type, type == RC_TYPE_resolved && draw(4) > 0,
               MONDAY + (int64_t)draw(2 * near) * MINUTE);
    }
}

Test(clock, deadlines_agree_with_a_walk_by_minutes, .timeout = 120)
{
    static const char *const weeks[] = {
        "{mon-fri: [\"09:00-12:00\", \"13:00-17:00\"]}", "{mon-thu: [\"22:00-06:00\"]}",
        "{mon: [\"08:00-08:30\", \"10:00-11:00\", \"20:00-24:00\"], wed-tue: [\"00:10-03:00\"]}"};
    uint32_t found = 0;
    for (uint32_t round = 0; round < 4000; round++) {
        struct rc_clock clock = clock_of((enum rc_measure)draw(RC_MEASURE_COUNT),
                                         (1 + (int64_t)draw(draw(2) ? 60 : 900)) * MINUTE);
        struct ticket ticket;
        struct config_loaded *loaded = NULL;
        clock.pauses = draw(4) > 0;
        if (round % 20 == 0)
            loaded = calendar_of("UTC", weeks[draw(3)], "{2026-01-07: closed}", &clock);
        draw_ticket(&ticket);
        int64_t left = clock.default_ms, deadline = NONE;
        for (int64_t at = MONDAY; at < MONDAY + WALK * MINUTE && deadline == NONE; at += MINUTE) {
            left -= runs_at(&ticket, &clock, at) ? MINUTE : 0;
            if (left == 0)
                deadline = at + MINUTE;
        }
        int64_t told = agg_clock_reaches(&ticket.facts, &clock, clock.default_ms);
        if (deadline == NONE)
            cr_assert(told == NONE || told > MONDAY + WALK * MINUTE, "round %u", round);
        else
            cr_assert_eq(told, deadline, "round %u: %ld, not %ld", round, (long)told,
                         (long)deadline);
        found += deadline != NONE;
        if (loaded != NULL)
            config_free(loaded);
    }
    cr_assert_gt(found, 1000);
}
