#include "merge.h"

void merge_next(struct merge_part *part, int64_t time_ms)
{
    part->state = MERGE_NEXT;
    if (time_ms > part->time_ms) /* RC_TIME_NONE is the smallest of all */
        part->time_ms = time_ms;
}

uint32_t merge_pick(const struct merge_part *part, uint32_t count)
{
    uint32_t first = MERGE_NOBODY;
    for (uint32_t i = 0; i < count; i++) {
        if (part[i].state == MERGE_OPEN)
            return MERGE_NOBODY;
        if (part[i].state == MERGE_NEXT &&
            (first == MERGE_NOBODY || part[i].time_ms < part[first].time_ms))
            first = i;
    }
    return first;
}

bool merge_ended(const struct merge_part *part, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (part[i].state != MERGE_END)
            return false;
    return true;
}
