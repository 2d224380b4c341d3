#include "watermark.h"

#include "rollcall/check.h"
#include <stdlib.h>
#include <string.h>

static int64_t min_time(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

void watermark_init(struct watermark *wm, const struct watermark_settings *settings)
{
    memset(wm, 0, sizeof *wm);
    wm->settings = *settings;
    wm->now_ms = wm->base_ms = wm->kept_ms = RC_TIME_NONE;
    wm->holder = WATERMARK_NOBODY;
}

void watermark_done(struct watermark *wm)
{
    free(wm->part);
    memset(wm, 0, sizeof *wm);
}

enum rc_error watermark_add(struct watermark *wm)
{
    if (wm->count == wm->room) {
        uint32_t room = wm->room ? 2 * wm->room : 16;
        struct watermark_part *part = realloc(wm->part, room * sizeof *part);
        if (!part)
            return RC_ERR_MEMORY;
        wm->part = part;
        wm->room = room;
    }
    wm->part[wm->count++] = (struct watermark_part){
        .first_ms = RC_TIME_NONE, .largest_ms = RC_TIME_NONE, .quiet_ms = RC_TIME_NONE};
    return RC_OK;
}

void watermark_read(struct watermark *wm, uint32_t part, int64_t steady_ms)
{
    RC_CHECK(part < wm->count);
    wm->part[part].at_end = false;
    wm->part[part].touched = true;
    wm->part[part].quiet_ms = steady_ms;
}

void watermark_event(struct watermark *wm, uint32_t part, int64_t time_ms)
{
    RC_CHECK(part < wm->count);
    struct watermark_part *p = &wm->part[part];
    if (p->first_ms == RC_TIME_NONE)
        p->first_ms = time_ms;
    if (p->largest_ms == RC_TIME_NONE || time_ms > p->largest_ms)
        p->largest_ms = time_ms;
}

void watermark_fresh(struct watermark *wm)
{
    wm->kept_ms = RC_TIME_NONE;
}

void watermark_resume(struct watermark *wm, int64_t distance_ms)
{
    wm->kept_ms = distance_ms;
}

int64_t watermark_distance(const struct watermark *wm)
{
    return wm->all_idle ? wm->distance_ms : wm->kept_ms;
}

void watermark_restore(struct watermark *wm, uint32_t part, int64_t largest_ms, bool idle,
                       int64_t steady_ms)
{
    RC_CHECK(part < wm->count);
    wm->part[part] = (struct watermark_part){
        .first_ms = largest_ms,
        .largest_ms = largest_ms,
        .quiet_ms = idle ? steady_ms - wm->settings.idle_after_ms : steady_ms,
        .touched = largest_ms != RC_TIME_NONE};
}

void watermark_set_now(struct watermark *wm, int64_t now_ms)
{
    wm->now_ms = now_ms;
    wm->all_idle = false;
}

void watermark_end(struct watermark *wm, uint32_t part)
{
    RC_CHECK(part < wm->count);
    wm->part[part].at_end = true;
}

void watermark_outage(struct watermark *wm, int64_t steady_ms)
{
    for (uint32_t i = 0; i < wm->count; i++) {
        wm->part[i].touched = true;
        wm->part[i].quiet_ms = steady_ms;
    }
    if (wm->all_idle)
        wm->kept_ms = wm->distance_ms;
    wm->all_idle = false;
}

/* When, by the steady clock, the partition fell idle, or will; only for one that is at its end. */
static int64_t idle_from(const struct watermark *wm, const struct watermark_part *part)
{
    return part->touched ? part->quiet_ms + wm->settings.idle_after_ms : INT64_MIN;
}

bool watermark_idle(const struct watermark *wm, uint32_t part, int64_t steady_ms)
{
    RC_CHECK(part < wm->count);
    return wm->part[part].at_end && idle_from(wm, &wm->part[part]) <= steady_ms;
}

/* All are idle: where time stood when the last one fell idle, and how far behind the wall clock. */
static void fall_idle(struct watermark *wm, int64_t wall_ms, int64_t steady_ms)
{
    int64_t fall_ms = INT64_MIN, at_ms = INT64_MAX;
    for (uint32_t i = 0; i < wm->count; i++) {
        const struct watermark_part *part = &wm->part[i];
        int64_t from_ms = idle_from(wm, part);
        if (part->largest_ms == RC_TIME_NONE || from_ms < fall_ms)
            continue;
        at_ms = from_ms > fall_ms ? part->largest_ms : min_time(at_ms, part->largest_ms);
        fall_ms = from_ms;
    }
    if (at_ms == INT64_MAX && wm->now_ms == RC_TIME_NONE)
        return;
    if (at_ms != INT64_MAX) {
        fall_ms += wall_ms - steady_ms; /* as the wall clock would have had it then */
        at_ms = min_time(at_ms, fall_ms) - wm->settings.max_disorder_ms;
        if (wm->now_ms == RC_TIME_NONE || at_ms > wm->now_ms)
            wm->now_ms = at_ms;
    } else {
        fall_ms = wall_ms;
    }
    wm->distance_ms = fall_ms - wm->now_ms;
    if (wm->kept_ms != RC_TIME_NONE)
        wm->distance_ms = min_time(wm->distance_ms, wm->kept_ms);
    wm->all_idle = true;
}

int64_t watermark_step(struct watermark *wm, int64_t wall_ms, int64_t steady_ms)
{
    int64_t smallest_ms = INT64_MAX;
    bool missing = false;
    wm->holder = WATERMARK_NOBODY;
    for (uint32_t i = 0; i < wm->count && !missing; i++) {
        if (watermark_idle(wm, i, steady_ms))
            continue;
        missing = wm->part[i].largest_ms == RC_TIME_NONE;
        if (missing || wm->holder == WATERMARK_NOBODY || wm->part[i].largest_ms < smallest_ms) {
            smallest_ms = wm->part[i].largest_ms;
            wm->holder = i;
        }
    }
    int64_t reached_ms;
    if (missing || wm->count == 0) {
        wm->all_idle = false;
        return wm->now_ms;
    } else if (wm->holder != WATERMARK_NOBODY) {
        wm->all_idle = false;
        reached_ms = smallest_ms - wm->settings.max_disorder_ms;
    } else {
        if (!wm->all_idle)
            fall_idle(wm, wall_ms, steady_ms);
        if (!wm->all_idle)
            return wm->now_ms;
        reached_ms = wall_ms - wm->distance_ms;
    }
    reached_ms = min_time(reached_ms, wall_ms - wm->settings.max_disorder_ms);
    if (wm->now_ms == RC_TIME_NONE || reached_ms > wm->now_ms)
        wm->now_ms = reached_ms;
    return wm->now_ms;
}

void watermark_align(struct watermark *wm, int64_t wall_ms, int64_t steady_ms)
{
    int64_t base_ms = INT64_MAX, first_ms = INT64_MAX;
    bool missing = false;
    for (uint32_t i = 0; i < wm->count; i++) {
        const struct watermark_part *part = &wm->part[i];
        if (part->largest_ms != RC_TIME_NONE)
            first_ms = min_time(first_ms, part->first_ms);
        if (watermark_idle(wm, i, steady_ms))
            continue;
        if (part->largest_ms == RC_TIME_NONE)
            missing = true;
        else
            base_ms = min_time(base_ms, part->largest_ms);
    }
    /* Where one stands that was not heard of yet is not known: nobody goes on from the start. */
    if (missing)
        base_ms = min_time(base_ms, first_ms);
    wm->base_ms = base_ms == INT64_MAX ? RC_TIME_NONE : min_time(base_ms, wall_ms);
}

bool watermark_ahead(const struct watermark *wm, uint32_t part, int64_t wall_ms)
{
    RC_CHECK(part < wm->count);
    int64_t largest_ms = wm->part[part].largest_ms;
    return wm->base_ms != RC_TIME_NONE && largest_ms != RC_TIME_NONE &&
           min_time(largest_ms, wall_ms) - wm->base_ms > wm->settings.align_ms;
}
