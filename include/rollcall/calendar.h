/* Time zones and working hours, compiled at load to sorted tables; looked up by plain C.
 * All functions are pure. Defined in aggregate/calendar.c. */
#ifndef ROLLCALL_CALENDAR_H
#define ROLLCALL_CALENDAR_H

#include <stdbool.h>
#include <stdint.h>

/* From `from_ms` (UTC) on, local time is UTC + offset_ms. */
struct rc_zone_step {
    int64_t from_ms;
    int64_t offset_ms;
};
/* step[0].from_ms is INT64_MIN; steps cover 1970 to 2110 and are sorted. Owner: the
 * configuration. */
struct rc_zone {
    const char *name;
    uint32_t step_count;
    const struct rc_zone_step *step;
};

/* Half-open stretches of UTC during which a calendar is open, sorted, disjoint, not touching. */
struct rc_span {
    int64_t from_ms, to_ms;
};
struct rc_calendar {
    const char *name;
    const struct rc_zone *zone;
    uint32_t span_count;
    const struct rc_span *span; /* covers 1990 to 2110 */
    const int64_t *opened_ms;   /* how long it was open before that span; span_count + 1 of them */
};
#define RC_CALENDAR_REACH_MS INT64_C(315360000000) /* 3,650 d */
#define RC_CALENDAR_NEVER    INT64_MAX

enum rc_interval { RC_15M, RC_30M, RC_1H, RC_DAY, RC_WEEK, RC_MONTH, RC_INTERVAL_COUNT };
extern const char *const rc_interval_name[RC_INTERVAL_COUNT]; /* "15m" … "month" */

/* Milliseconds to add to the UTC instant to get local wall time. */
int64_t rc_zone_offset(const struct rc_zone *zone, int64_t at_ms);
/* The first valid instant of the local date (days since 1970-01-01); of two midnights the
 * earlier. */
int64_t rc_zone_day_start(const struct rc_zone *zone, int64_t day);
/* The local date (days since 1970-01-01) whose day holds the instant. */
int64_t rc_zone_day(const struct rc_zone *zone, int64_t at_ms);
/* The window of that kind that holds the instant: [*ret_start, *ret_end). */
void rc_interval_at(const struct rc_zone *zone, enum rc_interval kind, int64_t at_ms,
                    int64_t *ret_start_ms, int64_t *ret_end_ms);
bool rc_calendar_open(const struct rc_calendar *calendar, int64_t at_ms);
/* How long it is open within [from, to); 0 when `to` is not after `from`. */
int64_t rc_calendar_between(const struct rc_calendar *calendar, int64_t from_ms, int64_t to_ms);
/* The first instant by which it has been open for so long (> 0) since `from`; RC_CALENDAR_NEVER:
 * none within RC_CALENDAR_REACH_MS. */
int64_t rc_calendar_add(const struct rc_calendar *calendar, int64_t from_ms, int64_t open_ms);

/* Proleptic Gregorian calendar. */
int64_t rc_days_from_civil(int64_t year, unsigned month, unsigned day);
void rc_civil_from_days(int64_t days, int64_t *ret_year, unsigned *ret_month, unsigned *ret_day);

#endif
