/* Opening hours, their sums and deadlines against a walk minute by minute over random calendars: an
 * opening is the earliest instant that shows its local time, a closing the latest; where none does,
 * the first after. */
#include "config_calendar.h"
#include "config_help.h"
#include "config_zone.h"

#define MINUTE INT64_C(60000)
#define DAY    INT64_C(86400000)
enum { DAYS = 6, SLACK = 3 };

static uint64_t state = 88172645463325252u;
static uint32_t draw(uint32_t below)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return below == 0 ? 0 : (uint32_t)(state % below);
}

/* Minutes of local time and of UTC around a change of the clocks. */
struct stretch {
    int64_t first_ms;
    int64_t local[(DAYS + 2 * SLACK) * 1440]; /* of each minute */
    bool open[(DAYS + 2 * SLACK) * 1440];
    size_t count;
};

static void stretch_fill(struct stretch *stretch, const struct rc_zone *zone, int64_t first_ms)
{
    uint32_t step = 0;
    stretch->first_ms = first_ms;
    stretch->count = sizeof(stretch->local) / sizeof(*stretch->local);
    for (size_t i = 0; i < stretch->count; i++) {
        int64_t at = first_ms + (int64_t)i * MINUTE;
        while (step + 1 < zone->step_count && zone->step[step + 1].from_ms <= at)
            step++;
        stretch->local[i] = at + zone->step[step].offset_ms;
        stretch->open[i] = false;
    }
}

/* The minute that a local time stands for. */
static size_t minute_of(const struct stretch *stretch, int64_t local_ms, bool later)
{
    size_t found = stretch->count;
    for (size_t i = 0; i < stretch->count; i++)
        if (stretch->local[i] == local_ms && (found == stretch->count || later))
            found = i;
    for (size_t i = 1; i < stretch->count && found == stretch->count; i++)
        if (stretch->local[i - 1] < local_ms && stretch->local[i] > local_ms)
            found = i;
    return found;
}

static void stretch_open(struct stretch *stretch, const struct config_calendar *calendar)
{
    int64_t first = stretch->local[0] / DAY + 1,
            last = stretch->local[stretch->count - 1] / DAY - 1;
    for (int64_t day = first; day <= last; day++) {
        const struct config_hours_list *list = &calendar->week[(day + 3) % 7];
        for (uint32_t i = 0; i < calendar->exception_count; i++)
            if (calendar->exception[i].day == day)
                list = &calendar->exception[i].hours;
        for (uint32_t i = 0; i < list->count; i++) {
            size_t from = minute_of(stretch, day * DAY + list->hours[i].from * MINUTE, false);
            size_t to = minute_of(stretch, day * DAY + list->hours[i].to * MINUTE, true);
            for (size_t at = from; at < to; at++)
                stretch->open[at] = true;
        }
    }
}

static struct config_hours_list draw_hours(struct config_hours *room)
{
    struct config_hours_list list = {draw(4), room};
    for (uint32_t i = 0; i < list.count; i++) {
        room[i].from = draw(3) == 0 ? draw(240) : draw(1440);
        room[i].to = room[i].from + 1 + draw(1440);
        if (draw(2) == 0) { /* whole half hours: the very minutes at which clocks change */
            room[i].from -= room[i].from % 30;
            room[i].to += 30 - room[i].to % 30;
        }
        if (room[i].to > room[i].from + 1440 || room[i].to > 2879)
            room[i].to = room[i].from + 1;
    }
    config_hours_unite(&list);
    return list;
}

/* Sums and deadlines from any instants of the stretch, to the millisecond. */
static void sums_check(const struct stretch *stretch, const struct rc_calendar *calendar)
{
    static int64_t opened[sizeof(stretch->open) / sizeof(*stretch->open) + 1];
    for (size_t i = 0; i < stretch->count; i++)
        opened[i + 1] = opened[i] + (stretch->open[i] ? MINUTE : 0);
    const size_t first = SLACK * 1440, count = DAYS * 1440;
    for (int i = 0; i < 400; i++) {
        size_t a = first + draw(count), b = first + draw(count), goal = first + draw(count);
        int64_t past_a = draw(60000), past_b = draw(60000), at = stretch->first_ms;
        int64_t before_a = opened[a] + (stretch->open[a] ? past_a : 0),
                before_b = opened[b] + (stretch->open[b] ? past_b : 0);
        int64_t from = at + (int64_t)a * MINUTE + past_a, to = at + (int64_t)b * MINUTE + past_b;
        cr_assert_eq(rc_calendar_between(calendar, from, to), to <= from ? 0 : before_b - before_a);
        while (goal > a && !stretch->open[goal])
            goal--;
        if (goal <= a)
            continue;
        /* so long that it is used up a little after the minute `goal` has begun */
        int64_t into = 1 + draw(60000);
        cr_assert_eq(rc_calendar_add(calendar, from, opened[goal] + into - before_a),
                     at + (int64_t)goal * MINUTE + into);
    }
}

Test(config_calendar, hours_agree_with_a_walk_by_minutes, .timeout = 280)
{
    static const char *const names[] = {"America/New_York",  "Europe/London", "Australia/Lord_Howe",
                                        "America/Sao_Paulo", "Africa/Cairo",  "Pacific/Apia",
                                        "Asia/Kolkata"};
    static struct rc_zone_step steps[CONFIG_ZONE_STEPS_MAX];
    static struct stretch stretch;
    for (int round = 0; round < 42; round++) {
        struct config_arena arena = {0};
        struct config_hours room[9][4];
        struct config_exception exceptions[2];
        struct rc_zone zone = {names[round % 7], config_zone_steps(names[round % 7], steps), steps};
        uint32_t change = zone.step_count < 3 ? 0 : zone.step_count / 3 + draw(zone.step_count / 2);
        int64_t around = zone.step[change].from_ms > 0 ? zone.step[change].from_ms : 1767603600000;
        around =
            around < 700000000000 ? 1325203200000 - DAY : around; /* Apia, at the end of 2011 */
        int64_t first = around / DAY * DAY - (SLACK + DAYS / 2) * DAY;
        struct config_calendar calendar = {
            .name = "c", .zone = &zone, .exception = exceptions, .exception_count = 2};
        for (int i = 0; i < 7; i++)
            calendar.week[i] = draw_hours(room[i]);
        for (int i = 0; i < 2; i++)
            exceptions[i] = (struct config_exception){around / DAY + i, draw_hours(room[7 + i])};
        stretch_fill(&stretch, &zone, first);
        stretch_open(&stretch, &calendar);
        const struct rc_calendar *compiled = config_calendar_compile(&arena, &calendar);
        for (size_t i = SLACK * 1440; i < stretch.count - SLACK * 1440; i++) {
            int64_t at = first + (int64_t)i * MINUTE;
            cr_assert_eq(rc_calendar_open(compiled, at), stretch.open[i], "%s at %ld, round %d",
                         zone.name, (long)at, round);
        }
        for (uint32_t i = 1; i < compiled->span_count; i++)
            cr_assert(compiled->span[i - 1].to_ms < compiled->span[i].from_ms);
        sums_check(&stretch, compiled);
        config_arena_done(&arena);
    }
}

/* In New York 01:00 of 2026-11-01 comes at 05:00Z and, with the clocks going back, at 06:00Z. */
Test(config_calendar, a_closing_at_the_first_minute_that_comes_twice_is_the_later)
{
    static struct rc_zone_step steps[CONFIG_ZONE_STEPS_MAX];
    struct config_arena arena = {0};
    struct rc_zone zone = {"America/New_York", config_zone_steps("America/New_York", steps), steps};
    struct config_hours hours = {22 * 60, 25 * 60};
    struct config_calendar calendar = {.name = "c", .zone = &zone};
    calendar.week[5] = (struct config_hours_list){1, &hours}; /* Saturdays */
    const struct rc_calendar *compiled = config_calendar_compile(&arena, &calendar);
    const int64_t second_ms = 1793512800000; /* 2026-11-01T06:00:00Z */
    cr_assert(rc_calendar_open(compiled, second_ms - 1));
    cr_assert_not(rc_calendar_open(compiled, second_ms));
    cr_assert_eq(rc_calendar_between(compiled, second_ms - DAY, second_ms), 4 * 60 * MINUTE);
    config_arena_done(&arena);
}

Test(config_calendar, overlapping_hours_unite)
{
    struct config_hours hours[] = {{600, 700}, {100, 200}, {650, 900}, {200, 250}};
    struct config_hours_list list = {4, hours};
    config_hours_unite(&list);
    cr_assert_eq(list.count, 2);
    cr_assert(hours[0].from == 100 && hours[0].to == 250);
    cr_assert(hours[1].from == 600 && hours[1].to == 900);
}

static int64_t open_ms(const char *hours, int64_t from_ms, int64_t to_ms)
{
    char text[400];
    snprintf(text, sizeof(text),
             "calendars: {c: {timezone: America/New_York, week: %s}}\n"
             "defaults: {call: {service_level: {within: 20s, calendar: c}}}\n",
             hours);
    struct config_loaded *loaded = config_taken(text);
    const struct rc_calendar *calendar =
        loaded->config->contracts.defaults.channel[RC_CALL].dated[0].contract.sl_calendar;
    int64_t open = 0;
    for (int64_t at = from_ms; at < to_ms; at += MINUTE)
        open += rc_calendar_open(calendar, at) ? MINUTE : 0;
    config_free(loaded);
    return open;
}

Test(config_calendar, hours_may_cross_midnight_and_wrap_the_week)
{
    const int64_t monday = 1767571200000 + 5 * 60 * MINUTE; /* 2026-01-05 in New York */
    cr_assert_eq(open_ms("{mon-fri: [\"09:00-17:00\"]}", monday, monday + 7 * DAY),
                 5 * 8 * 60 * MINUTE);
    cr_assert_eq(open_ms("{sun: [\"22:00-06:00\"]}", monday, monday + DAY), 6 * 60 * MINUTE);
    cr_assert_eq(open_ms("{fri-mon: [\"00:00-24:00\"]}", monday, monday + 7 * DAY), 4 * DAY);
    cr_assert_eq(open_ms("{mon: [\"09:00-12:00\", \"11:00-13:00\"]}", monday, monday + DAY),
                 4 * 60 * MINUTE);
}
