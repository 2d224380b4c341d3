#include "recorded.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdlib.h>
#include <string.h>

/* ---- how far a partition may be read ---- */

Test(recorded, what_lies_below_the_cut_is_taken_and_what_lies_beyond_is_held_back)
{
    struct reach reach = {.limit = 12, .known = 10};
    cr_assert(not(reach_done(&reach)));
    cr_assert(reach_message(&reach, 10));
    cr_assert(reach_message(&reach, 11));
    cr_assert(reach_done(&reach));
    cr_assert(not(reach_message(&reach, 12)));
}

Test(recorded, a_cut_in_a_gap_is_reached_by_the_message_behind_the_gap)
{
    struct reach reach = {.limit = 20, .known = 10};
    cr_assert(reach_message(&reach, 10));
    cr_assert(not(reach_done(&reach)), "11 … 19 may still come");
    cr_assert(not(reach_message(&reach, 25)), "they were aborted");
    cr_assert(reach_done(&reach));
}

Test(recorded, several_cuts_in_one_gap_are_all_reached_by_one_message)
{
    struct reach reach = {.limit = 20, .known = 10};
    cr_assert(not(reach_message(&reach, 25)));
    reach.limit = 25;
    cr_assert(reach_done(&reach));
    reach.limit = 26;
    cr_assert(not(reach_done(&reach)));
    cr_assert(reach_message(&reach, 25), "what was held back is taken with its own epoch");
    cr_assert(reach_done(&reach));
}

Test(recorded, a_cut_behind_the_last_message_is_reached_by_the_end)
{
    struct reach reach = {.limit = 12, .known = 10};
    cr_assert(reach_message(&reach, 10));
    cr_assert(not(reach_done(&reach)));
    cr_assert(not(reach_end(&reach, 12)), "the end belongs to what comes afterwards");
    cr_assert(reach_done(&reach));
}

Test(recorded, an_end_before_the_cut_means_that_more_is_to_come)
{
    struct reach reach = {.limit = 12, .known = 10};
    cr_assert(reach_end(&reach, 11));
    cr_assert(not(reach_done(&reach)));
    cr_assert(reach_message(&reach, 11));
    cr_assert(reach_done(&reach));
}

Test(recorded, a_partition_of_which_the_epoch_read_nothing_is_reached_at_once)
{
    struct reach reach = {.limit = 10, .known = 10};
    cr_assert(reach_done(&reach));
}

/* Random logs with gaps, read live to random points and then again from cut to cut. */
Test(recorded, every_epoch_is_made_of_the_messages_that_it_had)
{
    for (unsigned seed = 1; seed <= 300; seed++) {
        uint64_t state = seed * 0x9e3779b97f4a7c15u;
        bool there[200];
        int64_t cut[40], at = 0;
        uint32_t cuts = 0;
        for (int i = 0; i < 200; i++) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            there[i] = state >> 60 < 10;
        }
        while (at < 200) {
            state = state * 6364136223846793005u + 1442695040888963407u;
            at += (int64_t)(state >> 33) % 23;
            at = at > 200 ? 200 : at;
            if (cuts < 39)
                cut[cuts++] = at;
            else
                at = cut[39] = 200;
        }
        struct reach reach = {0};
        int64_t next = 0; /* the message, or the end, in front */
        for (uint32_t i = 0; i < cuts; i++) {
            int64_t from = i ? cut[i - 1] : 0, taken = from;
            reach.limit = cut[i];
            while (!reach_done(&reach)) {
                while (next < 200 && !there[next])
                    next++;
                if (next == 200 ? !reach_end(&reach, 200) : !reach_message(&reach, next))
                    break;
                cr_assert(next >= taken && next < cut[i], "seed %u", seed);
                for (; taken < next; taken++)
                    cr_assert(not(there[taken]), "seed %u: %ld is passed over", seed, taken);
                taken = ++next;
            }
            cr_assert(reach_done(&reach));
            for (; taken < cut[i]; taken++)
                cr_assert(not(there[taken]), "seed %u: %ld is passed over", seed, taken);
        }
    }
}

/* ---- what must be read ---- */

enum { CUTS_MAX = 4, PARTS_MAX = 4 };
static struct rc_cut *cuts[CUTS_MAX];
static char message[256];
static struct recorded_part *list;
static uint32_t count;

/* A cut of `epoch`: pairs of source and offset. */
static struct rc_cut *cut_of(int at, uint64_t epoch, uint32_t parts, const int64_t *pairs)
{
    struct rc_cut *cut = calloc(1, sizeof *cut + PARTS_MAX * sizeof cut->part[0]);
    cr_assert(ne(ptr, cut, NULL));
    cut->epoch = epoch;
    cut->part_count = parts;
    for (uint32_t i = 0; i < parts; i++)
        cut->part[i] =
            (struct rc_cut_part){.source = (uint32_t)pairs[2 * i], .next_offset = pairs[2 * i + 1]};
    free(cuts[at]);
    return cuts[at] = cut;
}
#define CUT(at, epoch, parts, ...) cut_of(at, epoch, parts, (const int64_t[]){__VA_ARGS__})

static void end(void)
{
    free(list);
    for (int i = 0; i < CUTS_MAX; i++)
        free(cuts[i]);
}

TestSuite(recorded, .fini = end);

static enum rc_error plan(const struct rc_cut *from, uint32_t recorded)
{
    free(list);
    return recorded_plan(from, cuts + 1, recorded, &list, &count, message);
}

Test(recorded, without_any_cut_nothing_is_to_be_read)
{
    cr_assert(eq(int, plan(NULL, 0), RC_OK));
    cr_assert(eq(u32, count, 0));
}

Test(recorded, reading_begins_at_the_snapshot_and_ends_with_the_last_cut)
{
    const struct rc_cut *from = CUT(0, 7, 2, 1, 100, 65536, 50);
    CUT(1, 8, 2, 1, 110, 65536, 50);
    CUT(2, 9, 2, 1, 120, 65536, 60);
    cr_assert(eq(int, plan(from, 2), RC_OK));
    cr_assert(eq(u32, count, 2));
    cr_assert(eq(u32, list[0].source, 1));
    cr_assert(eq(i64, list[0].first_offset, 100));
    cr_assert(eq(i64, list[0].last_offset, 120));
    cr_assert(eq(u32, list[1].source, 65536));
    cr_assert(eq(i64, list[1].first_offset, 50));
    cr_assert(eq(i64, list[1].last_offset, 60));
    cr_assert(eq(int, plan(from, 0), RC_OK));
    cr_assert(eq(i64, list[0].last_offset, 100));
}

Test(recorded, a_partition_added_later_begins_where_its_first_cut_says)
{
    const struct rc_cut *from = CUT(0, 7, 1, 3, 100);
    CUT(1, 8, 3, 2, 5, 3, 100, 4, 0);
    CUT(2, 9, 3, 2, 6, 3, 100, 4, 9);
    cr_assert(eq(int, plan(from, 2), RC_OK));
    cr_assert(eq(u32, count, 3));
    cr_assert(eq(i64, list[0].first_offset, 5));
    cr_assert(eq(i64, list[1].first_offset, 100));
    cr_assert(eq(i64, list[2].first_offset, 0));
    cr_assert(eq(i64, list[2].last_offset, 9));
    cr_assert(eq(int, plan(NULL, 2), RC_OK));
    cr_assert(eq(i64, list[1].first_offset, 100), "without a snapshot: in the first cut of all");
}

Test(recorded, cuts_that_do_not_follow_one_another_are_refused)
{
    const struct rc_cut *from = CUT(0, 7, 2, 1, 100, 2, 50);
    CUT(1, 9, 2, 1, 100, 2, 50);
    cr_assert(eq(int, plan(from, 1), RC_ERR_INPUT), "epoch 8 is missing");
    cr_assert(ne(ptr, strstr(message, "epoch 9"), NULL));
    CUT(1, 8, 2, 1, 99, 2, 50);
    cr_assert(eq(int, plan(from, 1), RC_ERR_INPUT), "an offset goes back");
    CUT(1, 8, 1, 1, 100);
    cr_assert(eq(int, plan(from, 1), RC_ERR_INPUT), "a partition is gone");
    CUT(1, 8, 2, 1, 100, 3, 50);
    cr_assert(eq(int, plan(from, 1), RC_ERR_INPUT), "another one is in its place");
    CUT(1, 8, 2, 2, 50, 1, 100);
    cr_assert(eq(int, plan(from, 1), RC_ERR_INPUT), "not by source");
    CUT(1, 8, 3, 1, 100, 2, 50, 3, -1);
    cr_assert(eq(int, plan(from, 1), RC_ERR_INPUT), "no offset");
    CUT(1, 8, 2, 1, 100, 2, 50);
    cr_assert(eq(int, plan(from, 1), RC_OK));
}

Test(recorded, a_partition_is_found_by_its_source)
{
    const struct rc_cut *cut = CUT(0, 7, 4, 1, 10, 2, 20, 65536, 30, 65540, 40);
    cr_assert(eq(i64, recorded_find(cut, 1)->next_offset, 10));
    cr_assert(eq(i64, recorded_find(cut, 65536)->next_offset, 30));
    cr_assert(eq(i64, recorded_find(cut, 65540)->next_offset, 40));
    cr_assert(eq(ptr, (void *)recorded_find(cut, 0), NULL));
    cr_assert(eq(ptr, (void *)recorded_find(cut, 3), NULL));
    cr_assert(eq(ptr, (void *)recorded_find(cut, 70000), NULL));
}
