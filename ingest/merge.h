/* Several partitions as one, in the order of time: of what comes next in each, the oldest is taken.
 * A record counts as no older than those before it in its partition, so that the order within a
 * partition stays, and what was out of order by so much is so by no more afterwards. Pure. */
#ifndef ROLLCALL_MERGE_H
#define ROLLCALL_MERGE_H

#include "rollcall/event.h"
#include <stdbool.h>
#include <stdint.h>

enum merge_state {
    MERGE_OPEN, /* something may come: it is waited for */
    MERGE_NEXT, /* its next record is known */
    MERGE_END   /* nothing more for now */
};
struct merge_part {
    enum merge_state state;
    int64_t time_ms; /* of its next record or, there being none, its last; RC_TIME_NONE: none had */
};
enum { MERGE_NOBODY = UINT32_MAX };

/* The partition's next record is known; RC_TIME_NONE: it has no time of its own. */
void merge_next(struct merge_part *part, int64_t time_ms);
/* Whose record is to be taken; between equals the first. MERGE_NOBODY: all have ended, or one that
 * has to be waited for is open. */
uint32_t merge_pick(const struct merge_part *part, uint32_t count);
bool merge_ended(const struct merge_part *part, uint32_t count);

#endif
