#include "bytes.h"
#include "sink_fixture.h"
#include "table.h"
#include <criterion/criterion.h>
#include <stdio.h>

static struct sink_table *table_of(const struct rc_windows *windows)
{
    struct sink_table *table;
    cr_assert_eq(sink_table_open(windows, &table), RC_OK);
    return table;
}

static void put(struct sink_table *table, const char *client, const char *queue, uint32_t window,
                int64_t start_ms, int64_t offered)
{
    struct rc_record *rec = fixture_record(client, queue, window, start_ms, start_ms + 1);
    rec->value[RC_FIG_offered] = offered;
    rec->value[RC_FIG_abandoned] = RC_NULL;
    rec->revision = (uint32_t)offered + 1;
    sink_table_put(table, rec);
    free(rec);
}

static struct sink_table *table_with_records(void)
{
    struct sink_table *table = table_of(&fixture_config()->windows);
    put(table, "acme", "billing", 0, 100, 1);
    put(table, "acme", "billing", 1, 100, 2);
    put(table, "acme", "billing", 2, 100, 7);
    put(table, "acme", "billing", 2, 200, 3);
    put(table, "acme", "billing", 2, 200, 1); /* a debt of the counter */
    put(table, "acme", "*", 3, 0, 9);
    put(table, "zeta", "@sales", 0, 5, 4);
    return table;
}

static struct bytes save(struct sink_table *table)
{
    struct bytes bytes = {0};
    const struct rc_snapshot_writer out = bytes_writer(&bytes);
    sink_table_begin(table);
    cr_assert_eq(sink_table_save(table, &out), RC_OK);
    sink_table_end(table, 4242);
    return bytes;
}

static enum rc_error restore(struct sink_table *table, struct bytes *bytes)
{
    const struct rc_snapshot_reader in = bytes_reader(bytes);
    return sink_table_restore(table, &in);
}

static bool add_record(void *opaque, const struct rc_record *rec)
{
    char *text = opaque;
    snprintf(text + strlen(text), 120, "%.*s/%u@%lld=%lld,%lld r%u %016llx ",
             rec->client_size + rec->queue_size, rec->text, rec->window, (long long)rec->start_ms,
             (long long)rec->value[RC_FIG_offered],
             (long long)(rec->value[RC_FIG_abandoned] == RC_NULL ? -1 : 0), rec->revision,
             (unsigned long long)rec->contract);
    return true;
}

static bool add_counter(void *opaque, const struct table_view *view)
{
    char *text = opaque;
    snprintf(text + strlen(text), 60, "%.*s:%lld ", view->any->client_size + view->any->queue_size,
             view->any->text, (long long)view->counter[TABLE_offered]);
    return true;
}

static const char *shown(struct sink_table *table)
{
    static char text[2][8192];
    static int which;
    char *to = text[which ^= 1];
    to[0] = '\0';
    sink_table_each(table, add_record, to);
    table_each_key(table, add_counter, to);
    return to;
}

Test(table_state, records_and_counters_come_back)
{
    struct sink_table *table = table_with_records();
    struct bytes bytes = save(table);
    struct sink_table *other = table_of(&fixture_config()->windows);
    sink_table_begin(table);
    sink_table_end(table, 4242);
    cr_assert_eq(restore(other, &bytes), RC_OK);
    cr_assert_eq(bytes.used, bytes.size);
    cr_assert_str_eq(shown(other), shown(table));
    cr_assert_not_null(strstr(shown(other), "acmebilling:10 "), "%s", shown(other));
    struct bytes again = save(other);
    cr_assert(again.size == bytes.size);
    /* The debt is remembered: what is shown waits until the sum has come back to it. */
    put(other, "acme", "billing", 2, 200, 3);
    cr_assert_not_null(strstr(shown(other), "acmebilling:10 "), "%s", shown(other));
    put(other, "acme", "billing", 2, 200, 4);
    cr_assert_not_null(strstr(shown(other), "acmebilling:11 "), "%s", shown(other));
    free(again.at);
    free(bytes.at);
    sink_table_close(other);
    sink_table_close(table);
}

Test(table_state, now_comes_back)
{
    struct sink_table *table = table_with_records();
    sink_table_begin(table);
    sink_table_end(table, 777);
    struct bytes bytes = save(table);
    struct sink_table *other = table_of(&fixture_config()->windows);
    cr_assert_eq(restore(other, &bytes), RC_OK);
    cr_assert_eq(sink_table_now(other), 777);
    free(bytes.at);
    sink_table_close(other);
    sink_table_close(table);
}

Test(table_state, windows_are_known_by_name)
{
    struct sink_table *table = table_with_records();
    struct bytes bytes = save(table);
    struct rc_windows windows = fixture_config()->windows;
    windows.rolling[0] = windows.rolling[1]; /* "1h" alone, first */
    windows.rolling_count = 1;
    struct sink_table *other = table_of(&windows);
    cr_assert_eq(restore(other, &bytes), RC_OK);
    cr_assert_str_eq(shown(other), "acmebilling/0@100=2,-1 r3 0123456789abcdef "
                                   "acmebilling/1@100=7,-1 r8 0123456789abcdef "
                                   "acmebilling/1@200=1,-1 r2 0123456789abcdef "
                                   "acme*/2@0=9,-1 r10 0123456789abcdef acmebilling:10 acme*:0 ");
    free(bytes.at);
    sink_table_close(other);
    sink_table_close(table);
}

/* A figure that this version does not know: another version's. */
Test(table_state, figures_are_known_by_name)
{
    struct sink_table *table = table_with_records();
    struct bytes bytes = save(table);
    uint32_t changed = 0;
    for (size_t i = 0; i + 7 < bytes.size; i++)
        if (!memcmp(bytes.at + i, "\7offered", 8)) {
            bytes.at[i + 7] = 'x';
            changed++;
        }
    cr_assert_eq(changed, 2, "the figure and the counter");
    struct sink_table *other = table_of(&fixture_config()->windows);
    cr_assert_eq(restore(other, &bytes), RC_OK);
    cr_assert_not_null(strstr(shown(other), "acmebilling/0@100=0,-1 r2 "), "%s", shown(other));
    cr_assert_null(strstr(shown(other), "=1,"));
    free(bytes.at);
    sink_table_close(other);
    sink_table_close(table);
}

Test(table_state, one_that_ends_early_or_has_wrong_numbers_is_refused)
{
    struct sink_table *table = table_with_records();
    struct bytes bytes = save(table);
    size_t size = bytes.size;
    for (bytes.size = 0; bytes.size < size; bytes.size += bytes.size < 3000 ? 1 : 37) {
        struct sink_table *other = table_of(&fixture_config()->windows);
        cr_assert_eq(restore(other, &bytes), RC_ERR_INPUT, "%zu bytes", bytes.size);
        sink_table_close(other);
    }
    bytes.size = size;
    for (int i = 0; i < 16; i += 4) { /* format, and how many names there are */
        struct sink_table *other = table_of(&fixture_config()->windows);
        bytes.at[i + 2] ^= 1;
        cr_assert_eq(restore(other, &bytes), RC_ERR_INPUT, "%d", i);
        bytes.at[i + 2] ^= 1;
        sink_table_close(other);
    }
    free(bytes.at);
    sink_table_close(table);
}
