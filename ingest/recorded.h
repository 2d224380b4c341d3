/* Recorded epochs: what must be read again to make them again, and how far each partition may be
 * read meanwhile. Pure: knows nothing of Kafka but that offsets rise and may have gaps, since
 * control records and aborted ones are never seen. */
#ifndef ROLLCALL_INGEST_RECORDED_H
#define ROLLCALL_INGEST_RECORDED_H

#include "rollcall/error.h"
#include "rollcall/progress.h"

/* How far a partition may be read while one epoch is made again. */
struct reach {
    int64_t limit; /* the epoch's cut: what lies at it or beyond belongs to a later one */
    int64_t known; /* all below was taken, or is not there */
};
static inline bool reach_done(const struct reach *reach)
{
    return reach->known >= reach->limit;
}
/* A message, in the order of offsets. true: it belongs to the epoch and is taken; false: it is to
 * be held back, and asked for again with the next epoch. */
bool reach_message(struct reach *reach, int64_t offset);
/* Nothing lies between what was seen and `offset`, the partition's end for now. true: more is to
 * come in this epoch, the end means nothing; false: it is to be held back. */
bool reach_end(struct reach *reach, int64_t offset);

/* One partition of the cuts. */
struct recorded_part {
    uint32_t source;
    int64_t first_offset; /* where reading begins: as in the first cut that has the partition */
    int64_t last_offset;  /* how far the last cut goes */
};
/* Of the cut `from` (may be NULL) and the recorded ones after it, in order: the partitions by
 * source, freed by the caller; none: NULL. INPUT: the cuts do not follow one another, ret_message
 * says where. MEMORY. */
enum rc_error recorded_plan(const struct rc_cut *from, struct rc_cut *const *cut, uint32_t count,
                            struct recorded_part **ret_list, uint32_t *ret_count,
                            char ret_message[256]);
/* NULL: the cut does not have the partition yet. */
const struct rc_cut_part *recorded_find(const struct rc_cut *cut, uint32_t source);

#endif
