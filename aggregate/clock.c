/* A walk along the points of a ticket: between two of them a clock runs or it does not. */
#include "clock.h"

#include "contact.h"

static bool known(int64_t time_ms)
{
    return time_ms != RC_TIME_NONE;
}

int64_t agg_standing_resolution(const struct agg_point *point, uint32_t count)
{
    int64_t standing = RC_TIME_NONE;
    for (uint32_t i = count; i-- > 0;) {
        if (agg_is_resolution(&point[i]))
            standing = point[i].time_ms;
        if (point[i].type != RC_TYPE_reopened)
            continue;
        /* A resolution of the same instant wins, wherever it sorts. */
        for (uint32_t j = i; j-- > 0 && point[j].time_ms == point[i].time_ms;)
            if (agg_is_resolution(&point[j]))
                standing = point[j].time_ms;
        break;
    }
    return standing;
}

/* The first point that answers the customer or ends the matter. */
static int64_t first_response(const struct agg_clock_facts *facts)
{
    for (uint32_t i = 0; i < facts->point_count; i++)
        if (facts->point[i].type == RC_TYPE_replied || agg_is_resolution(&facts->point[i]))
            return facts->point[i].time_ms;
    return RC_TIME_NONE;
}

int64_t agg_clock_stop(const struct agg_clock_facts *facts, enum rc_measure measure)
{
    if (measure == RC_RESOLUTION)
        return agg_standing_resolution(facts->point, facts->point_count);
    int64_t response = first_response(facts);
    if (measure == RC_ACKNOWLEDGE && known(facts->answered_ms) &&
        (!known(response) || facts->answered_ms < response))
        return facts->answered_ms;
    return response;
}

/* ---- running time ---- */

/* What stands still from a point on. Of one instant the end of a pause comes after its beginning,
 * and a resolution after a reopening. */
struct rest {
    bool paused, resolved;
};

/* Takes all points of one instant; the index of the next. */
static uint32_t rest_take(struct rest *rest, const struct agg_clock_facts *facts, uint32_t from)
{
    bool paused = false, unpaused = false, resolved = false, reopened = false;
    uint32_t i = from;
    for (; i < facts->point_count && facts->point[i].time_ms == facts->point[from].time_ms; i++) {
        const struct agg_point *point = &facts->point[i];
        paused |= point->type == RC_TYPE_paused;
        reopened |= point->type == RC_TYPE_reopened;
        resolved |= agg_is_resolution(point);
        unpaused |= point->type == RC_TYPE_resumed || agg_is_resolution(point);
    }
    rest->paused = !unpaused && (paused || rest->paused);
    rest->resolved = resolved || (rest->resolved && !reopened);
    return i;
}

static int64_t ran_between(const struct rc_clock *clock, int64_t from_ms, int64_t to_ms)
{
    return clock->calendar == NULL ? to_ms - from_ms
                                   : rc_calendar_between(clock->calendar, from_ms, to_ms);
}

/* The instant that ends the last stretch; NONE when it is too far away. */
static int64_t reached(const struct rc_clock *clock, int64_t started_ms, int64_t from_ms,
                       int64_t run_ms)
{
    if (clock->calendar == NULL)
        return from_ms + run_ms;
    int64_t at = rc_calendar_add(clock->calendar, from_ms, run_ms);
    if (at == RC_CALENDAR_NEVER || at - started_ms > RC_CALENDAR_REACH_MS)
        return RC_TIME_NONE;
    return at;
}

int64_t agg_clock_reaches(const struct agg_clock_facts *facts, const struct rc_clock *clock,
                          int64_t run_ms)
{
    struct rest rest = {0};
    int64_t at = facts->queued_ms;
    for (uint32_t i = 0;;) {
        bool last = i == facts->point_count;
        int64_t next = last ? INT64_MAX : facts->point[i].time_ms;
        bool rests =
            (clock->pauses && rest.paused) || (clock->measure == RC_RESOLUTION && rest.resolved);
        if (!rests && next > at) {
            int64_t ran = ran_between(clock, at, next);
            if (ran >= run_ms)
                return reached(clock, facts->queued_ms, at, run_ms);
            run_ms -= ran;
        }
        if (last)
            return RC_TIME_NONE;
        at = next > at ? next : at;
        i = rest_take(&rest, facts, i);
    }
}

/* ---- verdict ---- */

/* false: a ticket like this is not measured by the clock. */
static bool deadline_of(const struct agg_clock_facts *facts, const struct rc_clock *clock,
                        int64_t *ret_deadline)
{
    if (clock->by_event) {
        *ret_deadline = facts->due_ms;
        return known(facts->due_ms);
    }
    int64_t within = rc_clock_within(clock, facts->priority, facts->priority_size);
    if (within == RC_NULL)
        return false;
    *ret_deadline = agg_clock_reaches(facts, clock, within);
    return true;
}

void agg_clock_judge(const struct agg_clock_facts *facts, const struct rc_clock *clock,
                     int64_t passed_ms, struct agg_clock_verdict *ret_verdict)
{
    int64_t deadline;
    *ret_verdict =
        (struct agg_clock_verdict){AGG_CLOCK_UNDECIDED, RC_TIME_NONE, RC_TIME_NONE, RC_TIME_NONE};
    if (!known(facts->queued_ms) || !deadline_of(facts, clock, &deadline))
        return;
    int64_t stop = agg_clock_stop(facts, (enum rc_measure)clock->measure);
    bool in_time = !known(deadline) || stop <= deadline || stop < facts->queued_ms;
    ret_verdict->deadline_ms = deadline;
    if (known(stop) && in_time) {
        ret_verdict->result = AGG_CLOCK_MET;
        ret_verdict->at_ms = stop;
    } else if (known(deadline) && deadline < passed_ms) {
        ret_verdict->result = AGG_CLOCK_BREACHED;
        ret_verdict->at_ms = deadline;
    } else {
        ret_verdict->again_at = deadline;
    }
}
