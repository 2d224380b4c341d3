/* Opening hours, day by day, each with the offset of its own date (SPEC section 7): an opening in a
 * spring gap or an autumn overlap is the first instant whose local time is at or past it, a closing
 * the last at which local time comes to it. */
#include "config_calendar.h"

#include <stdlib.h>
#include <string.h>

enum { DAY_MS = 86400000, MINUTE_MS = 60000 };
enum { FIRST_DAY = 7305, LAST_DAY = 51134 }; /* 1990-01-01, 2110-01-01 */

static int by_from(const void *left, const void *right)
{
    const struct config_hours *a = left, *b = right;
    return (a->from > b->from) - (a->from < b->from);
}

void config_hours_unite(struct config_hours_list *list)
{
    uint32_t kept = 0;
    if (list->count == 0)
        return;
    qsort(list->hours, list->count, sizeof(*list->hours), by_from);
    for (uint32_t i = 1; i < list->count; i++) {
        if (list->hours[i].from > list->hours[kept].to)
            list->hours[++kept] = list->hours[i];
        else if (list->hours[i].to > list->hours[kept].to)
            list->hours[kept].to = list->hours[i].to;
    }
    list->count = kept + 1;
}

/* The step to begin with for local times of that day and the next. */
static uint32_t first_step(const struct rc_zone *zone, int64_t day, uint32_t from)
{
    while (from + 1 < zone->step_count && zone->step[from + 1].from_ms <= (day - 1) * DAY_MS)
        from++;
    return from;
}

static int64_t opening(const struct rc_zone *zone, uint32_t i, int64_t local_ms)
{
    for (;; i++) {
        int64_t at = local_ms - zone->step[i].offset_ms;
        if (at < zone->step[i].from_ms)
            at = zone->step[i].from_ms;
        if (i + 1 == zone->step_count || at < zone->step[i + 1].from_ms)
            return at;
    }
}

/* Where that step reaches the local time, or ends before. */
static int64_t reached(const struct rc_zone *zone, uint32_t i, int64_t local_ms)
{
    int64_t at = local_ms - zone->step[i].offset_ms;
    return i + 1 < zone->step_count && zone->step[i + 1].from_ms < at ? zone->step[i + 1].from_ms
                                                                      : at;
}

static int64_t closing(const struct rc_zone *zone, uint32_t i, int64_t local_ms)
{
    int64_t last = reached(zone, i, local_ms);
    while (++i < zone->step_count && zone->step[i].from_ms <= local_ms + DAY_MS)
        if (zone->step[i].from_ms + zone->step[i].offset_ms <= local_ms)
            last = reached(zone, i, local_ms);
    return last;
}

static const struct config_hours_list *hours_of(const struct config_calendar *calendar, int64_t day,
                                                uint32_t *exception)
{
    while (*exception < calendar->exception_count && calendar->exception[*exception].day < day)
        ++*exception;
    if (*exception < calendar->exception_count && calendar->exception[*exception].day == day)
        return &calendar->exception[*exception].hours;
    return &calendar->week[(day + 3) % 7];
}

static int span_order(const void *left, const void *right)
{
    const struct rc_span *a = left, *b = right;
    return (a->from_ms > b->from_ms) - (a->from_ms < b->from_ms);
}

/* Sorted, united where they overlap or touch, cut to the range. */
static uint32_t spans_unite(struct rc_span *span, uint32_t count)
{
    const int64_t first = (int64_t)FIRST_DAY * DAY_MS, last = (int64_t)LAST_DAY * DAY_MS;
    uint32_t kept = 0;
    qsort(span, count, sizeof(*span), span_order);
    for (uint32_t i = 0; i < count; i++) {
        struct rc_span one = span[i];
        one.from_ms = one.from_ms < first ? first : one.from_ms;
        one.to_ms = one.to_ms > last ? last : one.to_ms;
        if (one.from_ms >= one.to_ms)
            continue;
        if (kept > 0 && one.from_ms <= span[kept - 1].to_ms) {
            if (one.to_ms > span[kept - 1].to_ms)
                span[kept - 1].to_ms = one.to_ms;
        } else {
            span[kept++] = one;
        }
    }
    return kept;
}

static size_t spans_max(const struct config_calendar *calendar)
{
    size_t most = 0, exceptions = 0;
    for (int day = 0; day < 7; day++)
        most += calendar->week[day].count;
    for (uint32_t i = 0; i < calendar->exception_count; i++)
        exceptions += calendar->exception[i].hours.count;
    return most * ((LAST_DAY - FIRST_DAY) / 7 + 3) + exceptions;
}

/* How long the spans before each, and all of them, are open. */
static const int64_t *opened_make(struct config_arena *arena, const struct rc_span *span,
                                  uint32_t count)
{
    int64_t *opened = config_arena_get(arena, (count + (size_t)1) * sizeof(*opened));
    for (uint32_t i = 0; i < count; i++)
        opened[i + 1] = opened[i] + span[i].to_ms - span[i].from_ms;
    return opened;
}

const struct rc_calendar *config_calendar_compile(struct config_arena *arena,
                                                  struct config_calendar *calendar)
{
    if (calendar->compiled != NULL)
        return calendar->compiled;
    struct rc_calendar *compiled = config_arena_get(arena, sizeof(*compiled));
    struct rc_span *span = config_arena_get(arena, (spans_max(calendar) + 1) * sizeof(*span));
    uint32_t count = 0, step = 0, exception = 0;
    for (int64_t day = FIRST_DAY - 2; day <= LAST_DAY + 1; day++) {
        const struct config_hours_list *list = hours_of(calendar, day, &exception);
        step = first_step(calendar->zone, day, step);
        for (uint32_t i = 0; i < list->count; i++) {
            int64_t midnight = day * DAY_MS;
            span[count].from_ms =
                opening(calendar->zone, step, midnight + list->hours[i].from * (int64_t)MINUTE_MS);
            span[count].to_ms =
                closing(calendar->zone, step, midnight + list->hours[i].to * (int64_t)MINUTE_MS);
            count++;
        }
    }
    compiled->name = calendar->name;
    compiled->zone = calendar->zone;
    compiled->span = span;
    compiled->span_count = spans_unite(span, count);
    compiled->opened_ms = opened_make(arena, span, compiled->span_count);
    return calendar->compiled = compiled;
}
