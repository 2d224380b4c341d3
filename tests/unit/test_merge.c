/* Partitions merged in the order of time. */
#include "merge.h"
#include <criterion/criterion.h>

enum { PARTS = 3 };

static struct merge_part part[PARTS];

static void begin(void)
{
    for (int i = 0; i < PARTS; i++)
        part[i] = (struct merge_part){MERGE_END, RC_TIME_NONE};
}

TestSuite(merge, .init = begin);

Test(merge, the_oldest_comes_first_and_between_equals_the_first_partition)
{
    merge_next(&part[0], 30);
    merge_next(&part[1], 20);
    merge_next(&part[2], 20);
    cr_expect_eq(merge_pick(part, PARTS), 1);
    part[1].state = MERGE_END;
    cr_expect_eq(merge_pick(part, PARTS), 2);
    part[2].state = MERGE_END;
    cr_expect_eq(merge_pick(part, PARTS), 0);
}

Test(merge, nothing_is_taken_while_an_older_one_may_still_come)
{
    merge_next(&part[0], 30);
    merge_next(&part[1], 20);
    part[2].state = MERGE_OPEN;
    cr_expect_eq(merge_pick(part, PARTS), MERGE_NOBODY);
    merge_next(&part[2], 10);
    cr_expect_eq(merge_pick(part, PARTS), 2);
}

Test(merge, a_partition_at_its_end_holds_nobody_up)
{
    cr_expect(merge_ended(part, PARTS));
    cr_expect_eq(merge_pick(part, PARTS), MERGE_NOBODY);
    merge_next(&part[2], 30);
    cr_expect_not(merge_ended(part, PARTS));
    cr_expect_eq(merge_pick(part, PARTS), 2);
}

Test(merge, a_record_counts_as_no_older_than_those_before_it_in_its_partition)
{
    merge_next(&part[0], 30);
    merge_next(&part[0], 5); /* late, or … */
    cr_expect_eq(part[0].time_ms, 30);
    merge_next(&part[0], RC_TIME_NONE); /* without a time */
    cr_expect_eq(part[0].time_ms, 30);
    merge_next(&part[1], 29);
    cr_expect_eq(merge_pick(part, PARTS), 1);
}

Test(merge, before_any_time_is_known_a_record_is_the_oldest)
{
    merge_next(&part[0], 30);
    merge_next(&part[1], RC_TIME_NONE);
    cr_expect_eq(merge_pick(part, PARTS), 1);
}

/* Each partition is out of order by at most 10; so is what they are merged to. */
Test(merge, the_whole_is_no_more_out_of_order_than_its_partitions)
{
    static const int64_t time[PARTS][8] = {{10, 20, 15, 40, 30, 41, 90, 81},
                                           {5, 1, 11, 12, 60, 55, 70, 60},
                                           {100, 90, 101, 102, 95, 110, 120, 111}};
    int at[PARTS] = {0};
    int64_t largest = RC_TIME_NONE;
    uint32_t taken = 0, next;
    for (int i = 0; i < PARTS; i++)
        merge_next(&part[i], time[i][0]);
    while ((next = merge_pick(part, PARTS)) != MERGE_NOBODY) {
        int64_t now = time[next][at[next]++];
        cr_expect(largest == RC_TIME_NONE || now >= largest - 10, "%lld after %lld", (long long)now,
                  (long long)largest);
        largest = now > largest ? now : largest;
        taken++;
        if (at[next] < 8)
            merge_next(&part[next], time[next][at[next]]);
        else
            part[next].state = MERGE_END;
    }
    cr_expect_eq(taken, PARTS * 8);
}
