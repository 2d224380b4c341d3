/* Sorting the records of one shard: a natural merge sort, as they are made nearly in order. */
#include "record_order.h"
#include <stdbool.h>
#include <string.h>

static bool is_before(const struct agg_record_place *a, const struct agg_record_place *b) {
    if (a->as_of_ms != b->as_of_ms)
        return a->as_of_ms < b->as_of_ms;
    if (a->rank != b->rank)
        return a->rank < b->rank;
    if (a->window != b->window)
        return a->window < b->window;
    return a->start_ms < b->start_ms;
}

static uint64_t run_end(const struct agg_record_place *place, uint64_t from, uint64_t count) {
    uint64_t end = from + 1;
    while (end < count && !is_before(&place[end], &place[end - 1]))
        end++;
    return end;
}

static void runs_merge(const struct agg_record_place *from, uint64_t mid, uint64_t count,
                       struct agg_record_place *to) {
    uint64_t left = 0, right = mid;
    for (uint64_t i = 0; i < count; i++)
        to[i] = right == count || (left < mid && !is_before(&from[right], &from[left]))
                    ? from[left++]
                    : from[right++];
}

void agg_records_sort(struct agg_record_place *place, struct agg_record_place *scratch,
                      uint64_t count) {
    struct agg_record_place *from = place, *to = scratch;
    if (count < 2 || run_end(place, 0, count) == count)
        return;
    for (uint64_t runs = 2; runs > 1;) {
        uint64_t done = 0;
        runs = 0;
        while (done < count) {
            uint64_t mid = run_end(from, done, count);
            uint64_t end = mid < count ? run_end(from, mid, count) : mid;
            runs_merge(from + done, mid - done, end - done, to + done);
            done = end;
            runs++;
        }
        struct agg_record_place *swap = from;
        from = to;
        to = swap;
    }
    if (from != place)
        memcpy(place, from, count * sizeof *place);
}
