#include "sink_fixture.h"
#include "table.h"
#include <criterion/criterion.h>
#include <stdio.h>

static struct sink_table *table_of_fixture(void)
{
    struct sink_table *table;
    cr_assert_eq(sink_table_open(&fixture_config()->windows, &table), RC_OK);
    return table;
}

static void put(struct sink_table *table, const char *client, const char *queue, uint32_t window,
                int64_t start_ms, int64_t offered)
{
    struct rc_record *rec = fixture_record(client, queue, window, start_ms, start_ms + 1);
    rec->value[RC_FIG_offered] = offered;
    rec->value[RC_FIG_wait_le_5s] = RC_NULL;
    sink_table_put(table, rec);
    free(rec);
}

static bool add_text(void *opaque, const struct rc_record *rec)
{
    char *text = opaque;
    snprintf(text + strlen(text), 80, "%.*s/%u@%lld=%lld ", rec->client_size + rec->queue_size,
             rec->text, rec->window, (long long)rec->start_ms,
             (long long)rec->value[RC_FIG_offered]);
    return true;
}

static const char *shown(struct sink_table *table)
{
    static char text[65536];
    text[0] = 0;
    sink_table_each(table, add_text, text);
    return text;
}

Test(table, of_a_rolling_window_the_latest_record_is_kept)
{
    struct sink_table *table = table_of_fixture();
    put(table, "a", "q", 0, 100, 1);
    put(table, "a", "q", 0, 200, 2);
    put(table, "a", "q", 1, 100, 3);
    cr_assert_str_eq(shown(table), "aq/0@200=2 aq/1@100=3 ");
    sink_table_close(table);
}

Test(table, of_an_interval_window_the_newest_two_starts_are_kept)
{
    struct sink_table *table = table_of_fixture();
    put(table, "a", "q", 2, 200, 2);
    put(table, "a", "q", 2, 100, 1);
    cr_assert_str_eq(shown(table), "aq/2@100=1 aq/2@200=2 ");
    put(table, "a", "q", 2, 300, 3);
    cr_assert_str_eq(shown(table), "aq/2@200=2 aq/2@300=3 ");
    put(table, "a", "q", 2, 100, 9);
    cr_assert_str_eq(shown(table), "aq/2@200=2 aq/2@300=3 ", "an old one restated is not current");
    put(table, "a", "q", 2, 200, 7);
    cr_assert_str_eq(shown(table), "aq/2@200=7 aq/2@300=3 ");
    sink_table_close(table);
}

Test(table, keys_come_in_order_with_groups_and_totals_last)
{
    struct sink_table *table = table_of_fixture();
    static const char *const queues[] = {"*", "z", "@g", "a"};
    for (int i = 0; i < 4; i++)
        put(table, "b", queues[i], 0, 1, i);
    put(table, "a", "z", 0, 1, 9);
    cr_assert_str_eq(shown(table), "az/0@1=9 ba/0@1=3 bz/0@1=1 b@g/0@1=2 b*/0@1=0 ");
    sink_table_close(table);
}

Test(table, a_tombstone_takes_its_record_away_and_the_key_with_the_last)
{
    struct sink_table *table = table_of_fixture();
    put(table, "a", "q", 0, 100, 1);
    put(table, "a", "q", 2, 100, 1);
    struct rc_record *rec = fixture_record("a", "q", 0, 100, 5);
    rec->tombstone = 1;
    sink_table_put(table, rec);
    cr_assert_str_eq(shown(table), "aq/2@100=1 ");
    free(rec);
    rec = fixture_record("a", "q", 2, 100, 5);
    rec->tombstone = 1;
    sink_table_put(table, rec);
    sink_table_put(table, rec);
    cr_assert_str_eq(shown(table), "");
    free(rec);
    sink_table_close(table);
}

static bool add(void *opaque, const struct rc_record *rec)
{
    int64_t *sum = opaque;
    sum[0]++;
    sum[1] += rec->value[RC_FIG_offered];
    return true;
}

Test(table, tens_of_thousands_of_keys_are_all_found_again)
{
    struct sink_table *table = table_of_fixture();
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < 20000; i++) {
            char queue[16];
            snprintf(queue, sizeof queue, "q%05d", i);
            put(table, "a", queue, 0, round, i);
        }
    }
    int64_t sum[2] = {0};
    sink_table_each(table, add, sum);
    cr_assert_eq(sum[0], 20000);
    cr_assert_eq(sum[1], 19999 * 10000);
    sink_table_close(table);
}

static bool take_counter(void *opaque, const struct table_view *view)
{
    *(int64_t *)opaque = view->counter[TABLE_offered];
    return true;
}

static int64_t offered_so_far(struct sink_table *table)
{
    int64_t count = -1;
    table_each_key(table, take_counter, &count);
    return count;
}

Test(table, counters_add_up_the_smallest_interval_and_never_fall)
{
    struct sink_table *table = table_of_fixture();
    put(table, "a", "q", 3, 0, 99); /* a day: not the smallest */
    put(table, "a", "q", 2, 100, 3);
    put(table, "a", "q", 2, 100, 5);
    cr_assert_eq(offered_so_far(table), 5);
    put(table, "a", "q", 2, 200, 1);
    cr_assert_eq(offered_so_far(table), 6);
    put(table, "a", "q", 2, 100, 2);
    cr_assert_eq(offered_so_far(table), 6, "a correction downwards is a debt");
    put(table, "a", "q", 2, 200, 3);
    cr_assert_eq(offered_so_far(table), 6);
    put(table, "a", "q", 2, 200, 5);
    cr_assert_eq(offered_so_far(table), 7);
    sink_table_close(table);
}
