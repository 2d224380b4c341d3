/* Local time by table: days and windows of a zone, opening hours, and the civil calendar. */
#include "rollcall/calendar.h"

#include <stddef.h>

enum { DAY_MS = 86400000 };

const char *const rc_interval_name[RC_INTERVAL_COUNT] = {"15m", "30m",  "1h",
                                                         "day", "week", "month"};

static int64_t floor_div(int64_t value, int64_t by)
{
    int64_t quotient = value / by;
    return value % by < 0 ? quotient - 1 : quotient;
}

/* The step in force: the last that starts at or before the instant. */
static uint32_t step_at(const struct rc_zone *zone, int64_t at_ms)
{
    uint32_t low = 0, high = zone->step_count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (zone->step[middle].from_ms <= at_ms)
            low = middle;
        else
            high = middle;
    }
    return low;
}

int64_t rc_zone_offset(const struct rc_zone *zone, int64_t at_ms)
{
    return zone->step[step_at(zone, at_ms)].offset_ms;
}

int64_t rc_zone_day_start(const struct rc_zone *zone, int64_t day)
{
    /* The smallest instant whose local time is at or past midnight. No offset reaches a day, so
     * none is found before the step that is in force a day earlier. */
    int64_t midnight = day * DAY_MS;
    uint32_t i = step_at(zone, midnight - DAY_MS);
    for (;; i++) {
        const struct rc_zone_step *step = &zone->step[i];
        int64_t at = midnight - step->offset_ms;
        if (at < step->from_ms)
            at = step->from_ms;
        if (i + 1 == zone->step_count || at < step[1].from_ms)
            return at;
    }
}

int64_t rc_zone_day(const struct rc_zone *zone, int64_t at_ms)
{
    int64_t day = floor_div(at_ms + rc_zone_offset(zone, at_ms), DAY_MS);
    /* Clocks put back over midnight show yesterday's date again; the day that has begun goes on.
     * A date that the zone left out has no instant of its own. */
    while (rc_zone_day_start(zone, day) > at_ms)
        day--;
    while (rc_zone_day_start(zone, day + 1) <= at_ms)
        day++;
    return day;
}

static void month_at(const struct rc_zone *zone, int64_t day, int64_t *ret_start, int64_t *ret_end)
{
    int64_t year;
    unsigned month, date;
    rc_civil_from_days(day, &year, &month, &date);
    int64_t next =
        month == 12 ? rc_days_from_civil(year + 1, 1, 1) : rc_days_from_civil(year, month + 1, 1);
    *ret_start = rc_zone_day_start(zone, day - (int64_t)date + 1);
    *ret_end = rc_zone_day_start(zone, next);
}

/* Cut from the start of the day in elapsed time; the last ends with the day. */
static void part_at(const struct rc_zone *zone, int64_t day, int64_t length_ms, int64_t at_ms,
                    int64_t *ret_start, int64_t *ret_end)
{
    int64_t start = rc_zone_day_start(zone, day), end = rc_zone_day_start(zone, day + 1);
    start += (at_ms - start) / length_ms * length_ms;
    *ret_start = start;
    *ret_end = start + length_ms < end ? start + length_ms : end;
}

void rc_interval_at(const struct rc_zone *zone, enum rc_interval kind, int64_t at_ms,
                    int64_t *ret_start_ms, int64_t *ret_end_ms)
{
    int64_t day = rc_zone_day(zone, at_ms), monday;
    switch (kind) {
    case RC_15M:
        part_at(zone, day, 900000, at_ms, ret_start_ms, ret_end_ms);
        break;
    case RC_30M:
        part_at(zone, day, 1800000, at_ms, ret_start_ms, ret_end_ms);
        break;
    case RC_1H:
        part_at(zone, day, 3600000, at_ms, ret_start_ms, ret_end_ms);
        break;
    case RC_WEEK:
        monday = floor_div(day + 3, 7) * 7 - 3; /* day 0 was a Thursday */
        *ret_start_ms = rc_zone_day_start(zone, monday);
        *ret_end_ms = rc_zone_day_start(zone, monday + 7);
        break;
    case RC_MONTH:
        month_at(zone, day, ret_start_ms, ret_end_ms);
        break;
    case RC_DAY:
    case RC_INTERVAL_COUNT:
        *ret_start_ms = rc_zone_day_start(zone, day);
        *ret_end_ms = rc_zone_day_start(zone, day + 1);
        break;
    }
}

/* The first span that ends after the instant; span_count: none does. Spans lie about evenly over
 * the years, so the search begins where it would be if they did, and goes outwards from there. */
static uint32_t span_after(const struct rc_calendar *calendar, int64_t at_ms)
{
    const struct rc_span *span = calendar->span;
    uint32_t low = 0, high = calendar->span_count;
    if (high == 0 || at_ms < span[0].to_ms || at_ms >= span[high - 1].to_ms)
        return high == 0 || at_ms < span[0].to_ms ? 0 : high;
    int64_t pitch_ms = (span[high - 1].to_ms - span[0].from_ms) / high + 1;
    uint32_t guess = (uint32_t)((at_ms - span[0].from_ms) / pitch_ms);
    for (uint32_t step = 1; guess >= low && guess < high; step *= 2) {
        if (span[guess].to_ms <= at_ms) {
            low = guess + 1;
            guess += step;
        } else {
            high = guess;
            guess -= step; /* below zero is beyond the end: that will do */
        }
    }
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (span[middle].to_ms <= at_ms)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool rc_calendar_open(const struct rc_calendar *calendar, int64_t at_ms)
{
    uint32_t i = span_after(calendar, at_ms);
    return i < calendar->span_count && calendar->span[i].from_ms <= at_ms;
}

/* How long it was open before the instant; i: span_after() of it. */
static int64_t opened_until(const struct rc_calendar *calendar, uint32_t i, int64_t at_ms)
{
    int64_t opened = calendar->opened_ms[i];
    if (i < calendar->span_count && calendar->span[i].from_ms < at_ms)
        opened += at_ms - calendar->span[i].from_ms;
    return opened;
}

static int64_t opened_before(const struct rc_calendar *calendar, int64_t at_ms)
{
    return opened_until(calendar, span_after(calendar, at_ms), at_ms);
}

int64_t rc_calendar_between(const struct rc_calendar *calendar, int64_t from_ms, int64_t to_ms)
{
    return to_ms <= from_ms ? 0 : opened_before(calendar, to_ms) - opened_before(calendar, from_ms);
}

int64_t rc_calendar_add(const struct rc_calendar *calendar, int64_t from_ms, int64_t open_ms)
{
    uint32_t low = span_after(calendar, from_ms), high = calendar->span_count;
    int64_t goal = opened_until(calendar, low, from_ms) + open_ms;
    if (goal > calendar->opened_ms[calendar->span_count])
        return RC_CALENDAR_NEVER;
    /* The span in which the goal is reached: the last that begins short of it. Seldom far away. */
    uint32_t step = 1;
    for (; step < high - low && calendar->opened_ms[low + step] < goal; step *= 2)
        low += step;
    if (step < high - low)
        high = low + step;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (calendar->opened_ms[middle] < goal)
            low = middle;
        else
            high = middle;
    }
    int64_t at = calendar->span[low].from_ms + goal - calendar->opened_ms[low];
    return at - from_ms <= RC_CALENDAR_REACH_MS ? at : RC_CALENDAR_NEVER;
}

/* Both count in years that begin in March, so that the leap day comes last, and in eras of 400
 * years, which all have 146,097 days. */
int64_t rc_days_from_civil(int64_t year, unsigned month, unsigned day)
{
    year -= month <= 2;
    int64_t era = floor_div(year, 400);
    int64_t of_era = year - era * 400;
    int64_t of_year = (153 * (int64_t)(month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

void rc_civil_from_days(int64_t days, int64_t *ret_year, unsigned *ret_month, unsigned *ret_day)
{
    days += 719468;
    int64_t era = floor_div(days, 146097);
    int64_t of_era = days - era * 146097;
    int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
    int64_t month = (5 * of_year + 2) / 153;
    *ret_day = (unsigned)(of_year - (153 * month + 2) / 5 + 1);
    *ret_month = (unsigned)(month < 10 ? month + 3 : month - 9);
    *ret_year = year + era * 400 + (*ret_month <= 2);
}
