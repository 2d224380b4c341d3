/* How far time has come, over partitions that are read at their own pace. Pure: the clocks
 * are arguments, and no partition is known by more than its number. How long a partition was quiet
 * goes by steady_ms, a clock that nobody sets: one that steps makes none idle, and keeps none
 * awake.
 *
 * The watermark of a partition is its largest event time less max_disorder; that of the whole is
 * the smallest over the partitions that are not idle, and never goes back. A partition is idle when
 * it is at its end and brought nothing for idle_after, or has never brought anything. When all are
 * idle, time goes on with the wall clock, at the distance that it had when the last one fell idle;
 * so recorded history may flow through a live run. It never passes the wall clock less
 * max_disorder, whatever events say. */
#ifndef ROLLCALL_WATERMARK_H
#define ROLLCALL_WATERMARK_H

#include "rollcall/error.h"
#include "rollcall/event.h"
#include <stdbool.h>
#include <stdint.h>

enum { WATERMARK_NOBODY = UINT32_MAX };

struct watermark_settings {
    int64_t max_disorder_ms, idle_after_ms, align_ms;
};

struct watermark_part {
    int64_t first_ms, largest_ms; /* event times; RC_TIME_NONE before the first event */
    int64_t quiet_ms;             /* steady clock of its last record */
    bool at_end;
    bool touched; /* brought a record, of any kind */
};

struct watermark {
    struct watermark_settings settings;
    uint32_t count, room;
    struct watermark_part *part;
    int64_t now_ms;      /* RC_TIME_NONE before the first event */
    int64_t base_ms;     /* of the last watermark_align */
    int64_t distance_ms; /* while all_idle */
    int64_t kept_ms;     /* the distance before an outage or a restart, until an event comes */
    uint32_t holder;     /* who holds time back, or WATERMARK_NOBODY */
    bool all_idle;
};

void watermark_init(struct watermark *wm, const struct watermark_settings *settings);
void watermark_done(struct watermark *wm);
/* MEMORY. The partition's number is the count before. */
enum rc_error watermark_add(struct watermark *wm);

/* A record came, valid or not; and, if it was an event, its time. */
void watermark_read(struct watermark *wm, uint32_t part, int64_t steady_ms);
void watermark_event(struct watermark *wm, uint32_t part, int64_t time_ms);
/* An event came that was never read before: a distance kept from before is over. */
void watermark_fresh(struct watermark *wm);
/* Time lags the wall clock by at most so much when all are idle, as it did in the run before. */
void watermark_resume(struct watermark *wm, int64_t distance_ms);
/* What watermark_resume needs of this run: the distance, or the one kept; RC_TIME_NONE. */
int64_t watermark_distance(const struct watermark *wm);
/* The partition as a run before left it: one that was idle is so again as soon as its end is seen,
 * any other is quiet from now on. Afterwards watermark_set_now; then watermark_resume. */
void watermark_restore(struct watermark *wm, uint32_t part, int64_t largest_ms, bool idle,
                       int64_t steady_ms);
void watermark_set_now(struct watermark *wm, int64_t now_ms);
/* The partition has nothing more for now. */
void watermark_end(struct watermark *wm, uint32_t part);

/* Nothing can be heard of any partition now, so none is at its end for sure: they are quiet from
 * now on. When they bring nothing afterwards either, the distance is the one from before. */
void watermark_outage(struct watermark *wm, int64_t steady_ms);

bool watermark_idle(const struct watermark *wm, uint32_t part, int64_t steady_ms);
/* Moves time on; returns it, RC_TIME_NONE before the first event. */
int64_t watermark_step(struct watermark *wm, int64_t wall_ms, int64_t steady_ms);

/* Looks at all partitions; after it watermark_ahead says which of them must not be read now. What
 * lies ahead of the wall clock is a mistake of a clock and not a backlog: it counts as the wall
 * clock here. */
void watermark_align(struct watermark *wm, int64_t wall_ms, int64_t steady_ms);
bool watermark_ahead(const struct watermark *wm, uint32_t part, int64_t wall_ms);

#endif
