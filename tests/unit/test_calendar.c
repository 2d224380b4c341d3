/* Against a walk minute by minute, which knows nothing but the offset at an instant. */
#include "config_zone.h"
#include "rollcall/calendar.h"

#include <criterion/criterion.h>

#define MINUTE INT64_C(60000)
#define DAY    INT64_C(86400000)

static const char *const zone_names[] = {"UTC",          "America/New_York",  "Europe/London",
                                         "Asia/Kolkata", "Africa/Cairo",      "Australia/Lord_Howe",
                                         "Pacific/Apia", "America/Sao_Paulo", "Asia/Kathmandu",
                                         "Asia/Beirut",  "America/Havana"};
enum { ZONES = sizeof(zone_names) / sizeof(*zone_names) };

static struct rc_zone_step steps[ZONES][CONFIG_ZONE_STEPS_MAX];

static struct rc_zone zone_of(int i)
{
    struct rc_zone zone = {zone_names[i], config_zone_steps(zone_names[i], steps[i]), steps[i]};
    cr_assert_gt(zone.step_count, 0, "%s", zone_names[i]);
    return zone;
}

/* The last step that has begun, looked for from the end. */
static int64_t local_of(const struct rc_zone *zone, int64_t at)
{
    uint32_t i = zone->step_count - 1;
    while (zone->step[i].from_ms > at)
        i--;
    return at + zone->step[i].offset_ms;
}

static int64_t floor_day(int64_t ms)
{
    return ms / DAY - (ms % DAY < 0);
}

Test(calendar, civil_days_count_and_count_back)
{
    cr_assert_eq(rc_days_from_civil(1970, 1, 1), 0);
    cr_assert_eq(rc_days_from_civil(2000, 3, 1), 11017);
    cr_assert_eq(rc_days_from_civil(1600, 2, 29), -135081);
    for (int64_t day = -200000; day < 200000; day += 7) {
        int64_t year;
        unsigned month, date;
        rc_civil_from_days(day, &year, &month, &date);
        cr_assert_eq(rc_days_from_civil(year, month, date), day);
    }
}

Test(calendar, offsets_are_those_of_the_step_in_force)
{
    struct rc_zone zone = zone_of(1);
    cr_assert_eq(rc_zone_offset(&zone, 1767603600000), -5 * 3600000);
    cr_assert_eq(rc_zone_offset(&zone, 1783324800000), -4 * 3600000);
    for (uint32_t i = 1; i < zone.step_count; i++) {
        cr_assert_eq(rc_zone_offset(&zone, zone.step[i].from_ms), zone.step[i].offset_ms);
        cr_assert_eq(rc_zone_offset(&zone, zone.step[i].from_ms - 1), zone.step[i - 1].offset_ms);
    }
}

/* Over each change of the clocks of the years: a day begins at the first minute at which its local
 * date, or a later one, is shown, and never again. */
Test(calendar, days_begin_at_the_first_instant_of_their_date, .timeout = 240)
{
    for (int z = 0; z < ZONES; z++) {
        struct rc_zone zone = zone_of(z);
        for (uint32_t i = 1; i < zone.step_count && i < 120; i++) {
            int64_t at = zone.step[i].from_ms / MINUTE * MINUTE - 2 * DAY;
            int64_t latest = floor_day(local_of(&zone, at)), end = at + 4 * DAY;
            if (zone.step[i].from_ms % MINUTE != 0)
                continue;
            /* A jump of the clocks leaves dates out: they begin where the next does. */
            for (at += MINUTE; at < end; at += MINUTE) {
                int64_t shown = floor_day(local_of(&zone, at));
                for (int64_t day = latest + 1; day <= shown; day++)
                    cr_assert_eq(rc_zone_day_start(&zone, day), at, "%s day %ld", zone_names[z],
                                 (long)day);
                latest = shown > latest ? shown : latest;
                cr_assert_eq(rc_zone_day(&zone, at), latest, "%s at %ld", zone_names[z], (long)at);
            }
        }
    }
}

Test(calendar, windows_tile_the_time_and_stay_in_their_day)
{
    static const int64_t lengths[] = {15 * MINUTE, 30 * MINUTE, 60 * MINUTE};
    for (int z = 0; z < ZONES; z++) {
        struct rc_zone zone = zone_of(z);
        for (int kind = 0; kind < RC_INTERVAL_COUNT; kind++) {
            int64_t at = 1298000000000, start, end, before = 0;
            while (at < 1330000000000) { /* 2011 to 2012: Apia leaves a day out */
                rc_interval_at(&zone, (enum rc_interval)kind, at, &start, &end);
                cr_assert(start <= at && at < end);
                cr_assert(before == 0 || before == start, "%s kind %d", zone_names[z], kind);
                int64_t day = rc_zone_day(&zone, start);
                if (kind < RC_DAY) {
                    int64_t from = rc_zone_day_start(&zone, day);
                    cr_assert_eq((start - from) % lengths[kind], 0);
                    cr_assert(end - start == lengths[kind] ||
                              end == rc_zone_day_start(&zone, day + 1));
                } else {
                    cr_assert_eq(start, rc_zone_day_start(&zone, day));
                }
                int64_t probe_start, probe_end;
                rc_interval_at(&zone, (enum rc_interval)kind, end - 1, &probe_start, &probe_end);
                cr_assert(probe_start == start && probe_end == end);
                before = at = end;
            }
        }
    }
}

Test(calendar, weeks_begin_on_monday_and_months_on_their_first)
{
    struct rc_zone zone = zone_of(0);
    int64_t start, end;
    rc_interval_at(&zone, RC_WEEK, 1767603600000, &start, &end); /* Monday 2026-01-05 */
    cr_assert_eq(start, 1767571200000);
    cr_assert_eq(end, start + 7 * DAY);
    rc_interval_at(&zone, RC_WEEK, start - 1, &start, &end);
    cr_assert_eq(end, 1767571200000);
    rc_interval_at(&zone, RC_MONTH, 1767603600000, &start, &end);
    cr_assert_eq(start, 1767225600000);
    cr_assert_eq(end, start + 31 * DAY);
    rc_interval_at(&zone, RC_WEEK, -1, &start, &end); /* 1969-12-31 is a Wednesday */
    cr_assert_eq(start, -3 * DAY);
}

Test(calendar, days_of_the_change_have_23_or_25_hours)
{
    struct rc_zone zone = zone_of(1);
    int64_t start, end;
    rc_interval_at(&zone, RC_DAY, 1772956800000, &start, &end); /* 2026-03-08 */
    cr_assert_eq(end - start, 23 * 60 * MINUTE);
    rc_interval_at(&zone, RC_DAY, 1793534400000, &start, &end); /* 2026-11-01 */
    cr_assert_eq(end - start, 25 * 60 * MINUTE);
}

/* However unevenly the spans lie: every instant near an end of one, against going through all. */
static void check_against_all(const struct rc_calendar *calendar)
{
    for (uint32_t i = 0; i < 2 * calendar->span_count; i++)
        for (int64_t off = -1; off <= 1; off++) {
            const struct rc_span *span = &calendar->span[i / 2];
            int64_t at = (i % 2 ? span->to_ms : span->from_ms) + off, opened = 0;
            bool is_open = false;
            for (uint32_t j = 0; j < calendar->span_count; j++) {
                span = &calendar->span[j];
                is_open |= span->from_ms <= at && at < span->to_ms;
                if (span->from_ms < at)
                    opened += (at < span->to_ms ? at : span->to_ms) - span->from_ms;
            }
            cr_assert_eq(rc_calendar_open(calendar, at), is_open, "%u %ld", i, (long)off);
            cr_assert_eq(rc_calendar_between(calendar, -1, at), opened, "%u %ld", i, (long)off);
            for (int64_t goal = opened + 1; goal <= calendar->opened_ms[calendar->span_count];
                 goal += 1 + goal / 7) {
                int64_t then = rc_calendar_add(calendar, at, goal - opened);
                cr_assert_eq(rc_calendar_between(calendar, -1, then), goal);
                cr_assert_eq(rc_calendar_between(calendar, -1, then - 1), goal - 1);
            }
        }
}

Test(calendar, spans_are_found_wherever_they_lie)
{
    enum { COUNT = 60 };
    struct rc_span spans[COUNT];
    int64_t opened[COUNT + 1] = {0};
    for (uint32_t seed = 1; seed <= 40; seed++) {
        uint32_t random = seed * 2654435761u, count = seed % COUNT + 1;
        int64_t at = 0;
        for (uint32_t i = 0; i < count; i++) {
            random = random * 1664525u + 1013904223u;
            at += 1 + (random >> 8) % 50;
            if (random >> 28 == 0) /* years without any */
                at += 1000000;
            spans[i].from_ms = at;
            at += 1 + (random >> 16) % 40;
            spans[i].to_ms = at;
            opened[i + 1] = opened[i] + spans[i].to_ms - spans[i].from_ms;
        }
        struct rc_calendar calendar = {.span_count = count, .span = spans, .opened_ms = opened};
        check_against_all(&calendar);
    }
}

Test(calendar, open_is_half_open)
{
    static const struct rc_span spans[] = {{10, 20}, {30, 40}};
    const struct rc_calendar calendar = {.span_count = 2, .span = spans};
    const struct rc_calendar never = {.span_count = 0};
    cr_assert_not(rc_calendar_open(&calendar, 9));
    cr_assert(rc_calendar_open(&calendar, 10));
    cr_assert(rc_calendar_open(&calendar, 19));
    cr_assert_not(rc_calendar_open(&calendar, 20));
    cr_assert(rc_calendar_open(&calendar, 30));
    cr_assert_not(rc_calendar_open(&calendar, 40));
    cr_assert_not(rc_calendar_open(&never, 10));
}
