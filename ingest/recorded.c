#include "recorded.h"

#include <stdio.h>
#include <stdlib.h>

bool reach_message(struct reach *reach, int64_t offset)
{
    bool taken = offset < reach->limit;
    int64_t known = taken ? offset + 1 : offset;
    if (known > reach->known)
        reach->known = known;
    return taken;
}

bool reach_end(struct reach *reach, int64_t offset)
{
    if (offset > reach->known)
        reach->known = offset;
    return offset < reach->limit;
}

const struct rc_cut_part *recorded_find(const struct rc_cut *cut, uint32_t source)
{
    uint32_t low = 0, high = cut->part_count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (cut->part[middle].source < source)
            low = middle + 1;
        else
            high = middle;
    }
    return low < cut->part_count && cut->part[low].source == source ? &cut->part[low] : NULL;
}

static enum rc_error does_not_follow(const struct rc_cut *cut, char ret_message[256])
{
    snprintf(ret_message, 256, "the recorded epoch %llu does not follow the one before it",
             (unsigned long long)cut->epoch);
    return RC_ERR_INPUT;
}

/* One cut into the list, which has the partitions of the last one. Partitions are never taken
 * away, so one that the list has met is in every later cut. */
static bool follow(struct recorded_part *list, uint32_t count, const struct rc_cut *cut)
{
    uint32_t at = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct recorded_part *known = &list[i];
        bool has = at < cut->part_count && cut->part[at].source == known->source;
        if (!has && known->first_offset >= 0)
            return false;
        if (!has)
            continue;
        const struct rc_cut_part *part = &cut->part[at++];
        if (part->next_offset < 0 || part->next_offset < known->last_offset)
            return false;
        if (known->first_offset < 0)
            known->first_offset = part->next_offset;
        known->last_offset = part->next_offset;
    }
    return at == cut->part_count;
}

enum rc_error recorded_plan(const struct rc_cut *from, struct rc_cut *const *cut, uint32_t count,
                            struct recorded_part **ret_list, uint32_t *ret_count,
                            char ret_message[256])
{
    const struct rc_cut *last = count ? cut[count - 1] : from;
    uint32_t parts = last ? last->part_count : 0;
    *ret_list = NULL;
    *ret_count = 0;
    if (!parts)
        return RC_OK;
    struct recorded_part *list = calloc(parts, sizeof *list);
    if (!list)
        return RC_ERR_MEMORY;
    bool right = true;
    for (uint32_t i = 0; i < parts; i++) {
        list[i] = (struct recorded_part){last->part[i].source, -1, -1};
        right &= i == 0 || list[i].source > list[i - 1].source;
    }
    const struct rc_cut *wrong = last;
    uint64_t epoch = 0;
    for (uint32_t i = from ? 0 : 1; i <= count && right; i++) {
        wrong = i ? cut[i - 1] : from;
        right = (!epoch || wrong->epoch == epoch + 1) && follow(list, parts, wrong);
        epoch = wrong->epoch;
    }
    if (!right) {
        free(list);
        return does_not_follow(wrong, ret_message);
    }
    *ret_list = list;
    *ret_count = parts;
    return RC_OK;
}
