/* Clocks of tickets from events to records of rollcall.slas: by whose contract they are judged,
 * where they count, and what takes a verdict back. */
#include "config_help.h"
#include "core_fixture.h"

#define MINUTE INT64_C(60000)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
#define NINE   (T0 + 9 * HOUR)

/* Every half hour and every day, no rolling ones: windows 0 and 1. */
#define WINDOWS "windows: {rolling: [], interval: [30m, day]}\n"
#define CLOCK(name, measure, within)                                                               \
    "{name: " name ", measure: " measure ", within: " within ", target: 90%}"

enum { HALF_HOUR, WHOLE_DAY };

struct desk {
    struct core core;
    struct config_loaded *loaded;
};

static void desk_open(struct desk *desk, const char *text)
{
    core_init(&desk->core);
    desk->loaded = config_taken(text);
    struct agg_options options = {.config = desk->loaded->config,
                                  .shard_count = 1,
                                  .hash_secret = CORE_SECRET,
                                  .provisional = true,
                                  .pseudonym = core_pseudonym};
    cr_assert_eq(agg_open(&options, core_keep, &desk->core, &desk->core.agg[0]), RC_OK);
}

static void desk_close(struct desk *desk)
{
    core_close(&desk->core);
    config_free(desk->loaded);
}

#define TELL(desk, when, what, ...)                                                                \
    PUT(&(desk)->core, .at = (when), .type = RC_TYPE_##what, .contact = "t", .channel = RC_TICKET, \
        __VA_ARGS__)
#define RESOLVED .value = 1, .flags = RC_EVENT_RESOLVED

static bool is_named(const struct rc_record *rec, const char *clock)
{
    return rec->clock_size == strlen(clock) &&
           !memcmp(rec->text + rec->client_size + rec->queue_size, clock, rec->clock_size);
}

static const struct rc_record *find(const struct desk *desk, const char *queue, const char *clock,
                                    uint32_t window, int64_t start_ms)
{
    for (uint32_t i = desk->core.record_count; i-- > 0;) {
        const struct rc_record *rec = desk->core.record[i];
        if (rec->topic == RC_TOPIC_SLAS && core_is(rec, "acme", queue) && is_named(rec, clock) &&
            rec->window == window && rec->start_ms == start_ms)
            return rec;
    }
    return NULL;
}

static void expect(const struct desk *desk, const char *queue, const char *clock, int64_t met,
                   int64_t of)
{
    const struct rc_record *rec = find(desk, queue, clock, WHOLE_DAY, T0);
    cr_assert(rec != NULL || of == 0, "no record of %s, %s", queue, clock);
    if (rec == NULL)
        return;
    cr_assert_eq(rec->value[RC_FIG_sl_met], met, "%s, %s: %ld met", queue, clock,
                 (long)rec->value[RC_FIG_sl_met]);
    cr_assert_eq(rec->value[RC_FIG_sl_of], of, "%s, %s: of %ld", queue, clock,
                 (long)rec->value[RC_FIG_sl_of]);
}

static int64_t overdue(const struct desk *desk, const char *queue, int64_t start_ms)
{
    for (uint32_t i = desk->core.record_count; i-- > 0;) {
        const struct rc_record *rec = desk->core.record[i];
        if (rec->topic == RC_TOPIC_METRICS && core_is(rec, "acme", queue) &&
            rec->channel == RC_TICKET && rec->window == HALF_HOUR && rec->start_ms == start_ms)
            return rec->value[RC_FIG_backlog_overdue];
    }
    return 0;
}

static const char two_queues[] =
    WINDOWS "clients:\n"
            "  acme:\n"
            "    ticket: {slas: [" CLOCK(
                "solve", "resolution",
                "2h") "]}\n"
                      "    queues:\n"
                      "      fast: {ticket: {slas: [" CLOCK(
                          "solve", "resolution",
                          "1h") "]}}\n"
                                "      none: {ticket: {slas: []}}\n"
                                "      odd: {ticket: {slas: [" CLOCK(
                                    "odd", "resolution",
                                    "1h") "]}}\n"
                                          "    groups:\n"
                                          "      some: {queues: [fast, none, odd]}\n"
                                          "      mine: {queues: [odd], ticket: {slas: [" CLOCK(
                                              "odd", "acknowledge", "9h") "]}}\n";

Test(sla, a_verdict_counts_in_its_queue_and_in_the_roll_ups_that_have_the_clock)
{
    struct desk desk;
    desk_open(&desk, two_queues);
    TELL(&desk, NINE, queued, .queue = "fast");
    TELL(&desk, NINE + HOUR, resolved, RESOLVED);
    core_now(&desk.core, NINE + 2 * HOUR);
    expect(&desk, "fast", "solve", 1, 1);
    expect(&desk, "@some", "solve", 1, 1);
    expect(&desk, "*", "solve", 1, 1);
    expect(&desk, "@mine", "odd", 0, 0);
    const struct rc_record *rec = find(&desk, "fast", "solve", HALF_HOUR, NINE + HOUR);
    cr_assert_not_null(rec, "at the stop");
    cr_assert_eq(rec->measure, RC_RESOLUTION);
    cr_assert_eq(rec->value[RC_FIG_sl_bp], 10000);
    cr_assert_eq(rec->value[RC_FIG_sl_target_bp], 9000);
    cr_assert_eq(rec->value[RC_FIG_sl_ok], 1);
    desk_close(&desk);
}

Test(sla, a_clock_that_only_a_queue_has_is_not_in_its_roll_ups)
{
    struct desk desk;
    desk_open(&desk, two_queues);
    TELL(&desk, NINE, queued, .queue = "odd");
    core_now(&desk.core, NINE + 3 * HOUR);
    expect(&desk, "odd", "odd", 0, 1);
    expect(&desk, "*", "odd", 0, 0);
    expect(&desk, "@some", "odd", 0, 0);
    expect(&desk, "@mine", "odd", 0, 1); /* a clock of the same name, judged by the queue's */
    expect(&desk, "*", "solve", 0, 0);
    cr_assert_eq(find(&desk, "@mine", "odd", WHOLE_DAY, T0)->measure, RC_ACKNOWLEDGE);
    desk_close(&desk);
}

/* Stopped in one queue, decided in another that has no such clock. */
Test(sla, where_the_queue_at_the_decision_has_no_such_clock_the_roll_ups_alone_count)
{
    struct desk desk;
    desk_open(&desk, two_queues);
    TELL(&desk, NINE, queued, .queue = "none");
    TELL(&desk, NINE + 90 * MINUTE, assigned, .queue = "fast");
    TELL(&desk, NINE + 2 * HOUR, resolved, RESOLVED);
    core_now(&desk.core, NINE + 3 * HOUR);
    expect(&desk, "fast", "solve", 0, 0);
    expect(&desk, "none", "solve", 0, 0);
    expect(&desk, "@some", "solve", 0, 1); /* breached at 10:00, while in `none` */
    expect(&desk, "*", "solve", 0, 1);
    cr_assert_not_null(find(&desk, "*", "solve", HALF_HOUR, NINE + HOUR));
    desk_close(&desk);
}

Test(sla, the_contract_is_that_of_the_latest_move_until_a_stop)
{
    struct desk desk;
    desk_open(&desk, two_queues);
    TELL(&desk, NINE, queued, .queue = "fast");
    core_now(&desk.core, NINE + 70 * MINUTE);
    expect(&desk, "fast", "solve", 0, 1);
    /* the new queue gives two hours: what was a breach is none any more */
    TELL(&desk, NINE + 80 * MINUTE, assigned, .queue = "slow");
    core_now(&desk.core, NINE + 100 * MINUTE);
    expect(&desk, "fast", "solve", 0, 0);
    expect(&desk, "*", "solve", 0, 0);
    TELL(&desk, NINE + 110 * MINUTE, resolved, RESOLVED);
    core_now(&desk.core, NINE + 115 * MINUTE);
    expect(&desk, "slow", "solve", 1, 1);
    expect(&desk, "*", "solve", 1, 1);
    /* after the stop a move changes nothing */
    TELL(&desk, NINE + 120 * MINUTE, assigned, .queue = "fast");
    core_now(&desk.core, NINE + 130 * MINUTE);
    expect(&desk, "slow", "solve", 1, 1);
    expect(&desk, "fast", "solve", 0, 0);
    desk_close(&desk);
}

Test(sla, a_reopening_takes_the_met_back_everywhere)
{
    struct desk desk;
    desk_open(&desk, two_queues);
    TELL(&desk, NINE, queued, .queue = "fast");
    TELL(&desk, NINE + 20 * MINUTE, resolved, RESOLVED);
    core_now(&desk.core, NINE + HOUR);
    expect(&desk, "fast", "solve", 1, 1);
    TELL(&desk, NINE + HOUR, reopened);
    core_now(&desk.core, NINE + HOUR + 1);
    core_now(&desk.core, NINE + HOUR + MINUTE);
    expect(&desk, "fast", "solve", 0, 0);
    expect(&desk, "*", "solve", 0, 0);
    core_now(&desk.core, NINE + 2 * HOUR);
    expect(&desk, "fast", "solve", 0, 1); /* 20 and 40 minutes: 10:40 */
    cr_assert_not_null(find(&desk, "fast", "solve", HALF_HOUR, NINE + 90 * MINUTE));
    desk_close(&desk);
}

Test(sla, a_ticket_that_was_cancelled_has_no_verdict)
{
    struct desk desk;
    desk_open(&desk, two_queues);
    TELL(&desk, NINE, queued, .queue = "fast");
    core_now(&desk.core, NINE + 2 * HOUR);
    expect(&desk, "fast", "solve", 0, 1);
    TELL(&desk, NINE + 2 * HOUR, cancelled);
    core_now(&desk.core, NINE + 3 * HOUR);
    expect(&desk, "fast", "solve", 0, 0);
    expect(&desk, "@some", "solve", 0, 0);
    cr_assert_eq(overdue(&desk, "fast", NINE + 2 * HOUR), 0);
    desk_close(&desk);
}

Test(sla, a_late_pause_takes_a_breach_back)
{
    struct desk desk;
    desk_open(&desk, two_queues);
    TELL(&desk, NINE, queued, .queue = "fast");
    core_now(&desk.core, NINE + 61 * MINUTE);
    expect(&desk, "fast", "solve", 0, 1);
    TELL(&desk, NINE + 10 * MINUTE, paused);
    core_now(&desk.core, NINE + 62 * MINUTE);
    expect(&desk, "fast", "solve", 0, 0);
    TELL(&desk, NINE + 20 * MINUTE, resumed);
    core_now(&desk.core, NINE + 71 * MINUTE);
    expect(&desk, "fast", "solve", 0, 1);
    desk_close(&desk);
}

Test(sla, a_changed_priority_and_a_changed_due_judge_anew)
{
    struct desk desk;
    desk_open(&desk,
              WINDOWS "defaults: {ticket: {slas: [" CLOCK(
                  "a", "resolution", "{urgent: 1h, default: 4h}") ", " CLOCK("e", "resolution",
                                                                             "event") "]}}\n");
    TELL(&desk, NINE, queued, .queue = "q", .value = NINE + HOUR, .flags = RC_EVENT_DUE);
    core_now(&desk.core, NINE + 2 * HOUR);
    expect(&desk, "q", "a", 0, 0);
    expect(&desk, "q", "e", 0, 1);
    TELL(&desk, NINE + 2 * HOUR, paused, .priority = "urgent");
    TELL(&desk, NINE + 2 * HOUR, queued, .value = NINE + 9 * HOUR, .flags = RC_EVENT_DUE);
    core_now(&desk.core, NINE + 3 * HOUR);
    expect(&desk, "q", "a", 0, 1);
    expect(&desk, "q", "e", 0, 0);
    desk_close(&desk);
}

Test(sla, the_first_milliseconds_of_a_breach_and_of_being_overdue_are_the_same)
{
    struct desk desk;
    desk_open(&desk, two_queues);
    TELL(&desk, NINE, queued, .queue = "fast");
    core_now(&desk.core, NINE + HOUR);
    core_now(&desk.core, NINE + HOUR + 10000);
    expect(&desk, "fast", "solve", 0, 1);
    cr_assert_eq(overdue(&desk, "fast", NINE + 30 * MINUTE), 0, "not before the deadline");
    cr_assert_eq(overdue(&desk, "fast", NINE + HOUR), 1);
    cr_assert_eq(overdue(&desk, "*", NINE + HOUR), 1);
    TELL(&desk, NINE + 100 * MINUTE, resolved, RESOLVED);
    core_now(&desk.core, NINE + 130 * MINUTE);
    cr_assert_eq(overdue(&desk, "fast", NINE + HOUR), 1, "it was at the end of that window");
    cr_assert_eq(overdue(&desk, "fast", NINE + 90 * MINUTE), 0);
    desk_close(&desk);
}

Test(sla, what_is_overdue_moves_with_its_ticket)
{
    struct desk desk;
    desk_open(&desk, two_queues);
    TELL(&desk, NINE, queued, .queue = "fast");
    TELL(&desk, NINE + 90 * MINUTE, assigned, .queue = "odd");
    core_now(&desk.core, NINE + 120 * MINUTE + 1000);
    cr_assert_eq(overdue(&desk, "fast", NINE + 60 * MINUTE), 1);
    cr_assert_eq(overdue(&desk, "fast", NINE + 90 * MINUTE), 0);
    cr_assert_eq(overdue(&desk, "odd", NINE + 90 * MINUTE), 1);
    /* without a clock nothing is */
    TELL(&desk, NINE + 121 * MINUTE, assigned, .queue = "none");
    core_now(&desk.core, NINE + 160 * MINUTE);
    cr_assert_eq(overdue(&desk, "odd", NINE + 90 * MINUTE), 0);
    cr_assert_eq(overdue(&desk, "none", NINE + 120 * MINUTE), 0);
    desk_close(&desk);
}

/* The ticket of the first is judged by its own date; the window of the second has other terms. */
Test(sla, target_and_verdict_are_null_where_no_clock_is_in_force)
{
    struct desk desk;
    desk_open(&desk, WINDOWS
              "defaults:\n"
              "  ticket: {slas: [" CLOCK("old", "resolution",
                                         "1d") "]}\n"
                                               "  from: {2026-01-02: {ticket: {slas: [" CLOCK(
                                                   "new", "resolution", "1h") "]}}}\n");
    TELL(&desk, NINE, queued, .queue = "q");
    TELL(&desk, NINE + DAY - HOUR, resolved, RESOLVED);
    PUT(&desk.core, .at = NINE + DAY, .type = RC_TYPE_queued, .contact = "u", .channel = RC_TICKET,
        .queue = "q");
    core_now(&desk.core, NINE + DAY + 2 * HOUR);
    const struct rc_record *old = find(&desk, "q", "old", WHOLE_DAY, T0 + DAY);
    cr_assert_not_null(old);
    cr_assert(old->value[RC_FIG_sl_met] == 1 && old->value[RC_FIG_sl_of] == 1);
    cr_assert_eq(old->value[RC_FIG_sl_bp], 10000);
    cr_assert_eq(old->value[RC_FIG_sl_target_bp], RC_NULL);
    cr_assert_eq(old->value[RC_FIG_sl_ok], RC_NULL);
    const struct rc_record *new = find(&desk, "q", "new", WHOLE_DAY, T0 + DAY);
    cr_assert_not_null(new);
    cr_assert_eq(new->value[RC_FIG_sl_target_bp], 9000);
    cr_assert_eq(new->value[RC_FIG_sl_of], 1);
    cr_assert_eq(old->contract, new->contract);
    desk_close(&desk);
}

Test(sla, records_of_clocks_come_last_by_window_start_and_clock)
{
    struct desk desk;
    desk_open(&desk, WINDOWS "defaults: {ticket: {slas: [" CLOCK(
                         "b", "resolution", "1h") ", " CLOCK("a", "acknowledge", "2h") "]}}\n");
    static const char *const queues[] = {"z", "x", "y"};
    for (uint32_t i = 0; i < 12; i++) {
        char contact[8];
        snprintf(contact, sizeof(contact), "t%u", i);
        PUT(&desk.core, .at = NINE + (i * 7 % 12) * 20 * MINUTE, .type = RC_TYPE_queued,
            .contact = contact, .channel = RC_TICKET, .queue = queues[i % 3]);
    }
    uint32_t clocks = 0;
    for (int64_t now = NINE; now < NINE + 8 * HOUR; now += 10 * MINUTE)
        core_now(&desk.core, now);
    for (uint32_t i = 0; i < desk.core.record_count; i++)
        clocks += desk.core.record[i]->topic == RC_TOPIC_SLAS;
    cr_assert_gt(clocks, 50);
    for (uint32_t i = 1; i < desk.core.record_count; i++)
        cr_assert_lt(rc_record_compare(desk.core.record[i - 1], desk.core.record[i]), 0, "%u", i);
    desk_close(&desk);
}
