/* SLA clocks (SPEC section 7): what the facts of one ticket make of one clock. Pure. */
#ifndef AGGREGATE_CLOCK_H
#define AGGREGATE_CLOCK_H

#include "rollcall/contract.h"

struct agg_point;

/* What clocks read of a ticket; instants RC_TIME_NONE: not known. */
struct agg_clock_facts {
    int64_t queued_ms, answered_ms, due_ms;
    const struct agg_point *point; /* sorted by time */
    uint32_t point_count;
    uint32_t priority_size; /* 0: none */
    const char *priority;
};

enum agg_clock_result { AGG_CLOCK_UNDECIDED, AGG_CLOCK_MET, AGG_CLOCK_BREACHED };

struct agg_clock_verdict {
    uint8_t result;
    int64_t at_ms;       /* of the decision; NONE: none yet, or the ticket is not measured */
    int64_t deadline_ms; /* NONE: there is none */
    int64_t again_at;    /* ask again once now has passed this; NONE: never by time alone */
};

/* The first resolution at or after the last reopening (or of all): NONE: it stands open. */
int64_t agg_standing_resolution(const struct agg_point *point, uint32_t count);
/* Where clocks of that measure stop; NONE: nowhere yet. */
int64_t agg_clock_stop(const struct agg_clock_facts *facts, enum rc_measure measure);
/* The first instant at which a clock that is not `by_event` has run for so long (> 0), with all
 * that is known; NONE: there is none. */
int64_t agg_clock_reaches(const struct agg_clock_facts *facts, const struct rc_clock *clock,
                          int64_t run_ms);
/* Decisions by the passing of time at instants before `passed_ms` are made. */
void agg_clock_judge(const struct agg_clock_facts *facts, const struct rc_clock *clock,
                     int64_t passed_ms, struct agg_clock_verdict *ret_verdict);

#endif
