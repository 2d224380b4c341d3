/* Sorting the records of one shard: by radix, as all that orders them fits into 64 bits as a rule;
 * few, or those that do not fit, by a natural merge sort. */
#include "record_order.h"
#include <assert.h>
#include <stdbool.h>
#include <string.h>

static bool is_before(const struct agg_record_place *a, const struct agg_record_place *b)
{
    if (a->as_of_ms != b->as_of_ms)
        return a->as_of_ms < b->as_of_ms;
    if (a->rank != b->rank)
        return a->rank < b->rank;
    if (a->window != b->window)
        return a->window < b->window;
    return a->start_ms != b->start_ms ? a->start_ms < b->start_ms : a->clock < b->clock;
}

static uint64_t run_end(const struct agg_record_place *place, uint64_t from, uint64_t count)
{
    uint64_t end = from + 1;
    while (end < count && !is_before(&place[end], &place[end - 1]))
        end++;
    return end;
}

static void runs_merge(const struct agg_record_place *from, uint64_t mid, uint64_t count,
                       struct agg_record_place *to)
{
    uint64_t left = 0, right = mid;
    for (uint64_t i = 0; i < count; i++)
        to[i] = right == count || (left < mid && !is_before(&from[right], &from[left]))
                    ? from[left++]
                    : from[right++];
}

static void merge_sort(struct agg_record_place *place, struct agg_record_place *scratch,
                       uint64_t count)
{
    struct agg_record_place *from = place, *to = scratch;
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

/* ---- by radix ---- */

enum { RADIX_LEAST = 512, RADIX_BITS = 11, RADIX = 1 << RADIX_BITS };
struct packed {
    uint64_t key, from;
};
static_assert(2 * sizeof(struct packed) <= sizeof(struct agg_record_place), "both fit scratch");

static uint32_t bits_of(uint64_t value)
{
    return value ? 64 - (uint32_t)__builtin_clzll(value) : 0;
}

/* Instant, rank and window in one number. 0: they do not fit; else how many bits they take. */
static uint32_t keys_pack(const struct agg_record_place *place, uint64_t count,
                          struct packed *packed)
{
    int64_t first = INT64_MAX, last = INT64_MIN;
    uint32_t ranks = 0, windows = 0;
    for (uint64_t i = 0; i < count; i++) {
        first = place[i].as_of_ms < first ? place[i].as_of_ms : first;
        last = place[i].as_of_ms > last ? place[i].as_of_ms : last;
        ranks |= place[i].rank;
        windows |= place[i].window;
    }
    uint32_t rank_bits = bits_of(ranks), window_bits = bits_of(windows);
    uint32_t bits = bits_of((uint64_t)last - (uint64_t)first) + rank_bits + window_bits;
    if (bits > 64 || rank_bits + window_bits >= 64)
        return 0;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t instant = (uint64_t)place[i].as_of_ms - (uint64_t)first;
        uint64_t key = (instant << rank_bits | place[i].rank) << window_bits | place[i].window;
        packed[i] = (struct packed){key, i};
    }
    return bits ? bits : 1;
}

static void digit_sort(const struct packed *from, struct packed *to, uint64_t count, uint32_t shift)
{
    uint64_t start[RADIX + 1] = {0};
    for (uint64_t i = 0; i < count; i++)
        start[(from[i].key >> shift & (RADIX - 1)) + 1]++;
    for (uint32_t i = 1; i < RADIX; i++)
        start[i] += start[i - 1];
    for (uint64_t i = 0; i < count; i++)
        to[start[from[i].key >> shift & (RADIX - 1)]++] = from[i];
}

/* Of one key, window and instant, by start and clock: there are hardly ever more than a few. */
static void starts_sort(const struct agg_record_place *place, struct packed *packed, uint64_t count)
{
    for (uint64_t i = 1; i < count; i++) {
        struct packed one = packed[i];
        uint64_t at = i;
        for (; at > 0 && packed[at - 1].key == one.key &&
               is_before(&place[one.from], &place[packed[at - 1].from]);
             at--)
            packed[at] = packed[at - 1];
        packed[at] = one;
    }
}

/* place[i] becomes what place[packed[i].from] was, along each cycle. */
static void places_move(struct agg_record_place *place, struct packed *packed, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        struct agg_record_place first = place[i];
        uint64_t at = i;
        while (packed[at].from != i) {
            uint64_t next = packed[at].from;
            place[at] = place[next];
            packed[at].from = at;
            at = next;
        }
        place[at] = first;
        packed[at].from = at;
    }
}

void agg_records_sort(struct agg_record_place *place, struct agg_record_place *scratch,
                      uint64_t count)
{
    if (count < 2 || run_end(place, 0, count) == count)
        return;
    struct packed *from = (struct packed *)scratch, *to = from + count;
    uint32_t bits = count < RADIX_LEAST ? 0 : keys_pack(place, count, from);
    if (bits == 0) {
        merge_sort(place, scratch, count);
        return;
    }
    for (uint32_t shift = 0; shift < bits; shift += RADIX_BITS) {
        digit_sort(from, to, count, shift);
        struct packed *swap = from;
        from = to;
        to = swap;
    }
    starts_sort(place, from, count);
    places_move(place, from, count);
}
