#include "progress_fixture.h"
#include "progress_log.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>

static struct progress_log *progress_log;
static struct rc_progress progress;
static char said[1000], message[256];
static int64_t offset;

static void say(void *opaque, const char *line)
{
    (void)opaque;
    snprintf(said + strlen(said), sizeof said - strlen(said), "%s\n", line);
}

static void begin(void)
{
    struct progress_log_options options = {
        .group = "centre \"one\"", .source = fixture_source, .say = say};
    said[0] = '\0';
    offset = 0;
    cr_assert(eq(int, progress_log_open(&options, &progress_log), RC_OK));
}

static void end(void)
{
    progress_log_close(progress_log);
}

TestSuite(progress_log, .init = begin, .fini = end);

static void add_text(const char *key, const char *text)
{
    cr_assert(eq(int, progress_log_add(progress_log, offset, key, strlen(key), text, strlen(text)),
                 RC_OK));
    offset += 2;
}

static void add(struct progress_record record)
{
    size_t size;
    char *text = fixture_text(&record, &size);
    add_text("centre \"one\"", text);
    free(text);
}

static void add_epochs(uint64_t from, uint64_t to)
{
    for (uint64_t epoch = from; epoch <= to; epoch++)
        add(fixture_progress(epoch));
}

static void finish(uint64_t epoch, uint32_t cuts)
{
    cr_assert(eq(int, progress_log_finish(progress_log, &progress, message), RC_OK));
    cr_assert(eq(u64, progress.epoch, epoch));
    cr_assert(eq(u32, progress.cut_count, cuts));
    for (uint32_t i = 0; i < cuts; i++)
        cr_assert(eq(u64, progress.cut[i]->epoch, epoch - cuts + 1 + i));
}

Test(progress_log, nothing_is_no_progress)
{
    finish(0, 0);
    cr_assert(eq(str, progress.config_id, ""));
    cr_assert(eq(i64, progress_log_published(progress_log), RC_TIME_NONE));
}

Test(progress_log, epochs_in_a_row_are_all_there_with_what_they_gave)
{
    add_epochs(1, 600);
    finish(600, 600);
    cr_assert(eq(u64, progress.first, 1));
    cr_assert(eq(str, progress.config_id, "0123456789abcdef0123456789abcdef"));
    cr_assert(progress.has_key);
    cr_assert(eq(i64, progress.cut[4]->part[1].next_offset, 501));
    struct progress_sum sum = progress_log_sum(progress_log, 5, "rollcall.metrics");
    cr_assert(eq(u64, sum.count, 12));
    cr_assert(eq(u64, sum.hash, 0xfedcba9876543210u));
    cr_assert(zero(u64, progress_log_sum(progress_log, 5, "rollcall.slas").count));
    cr_assert(zero(u64, progress_log_sum(progress_log, 601, "rollcall.metrics").count));
    cr_assert(eq(u32, progress_log_topics(progress_log, 5), 2));
    cr_assert(eq(i64, progress_log_published(progress_log), 1700000002600));
    cr_assert(eq(str, said, ""));
}

Test(progress_log, records_of_other_groups_are_passed_over)
{
    struct progress_record other = fixture_progress(7);
    size_t size;
    other.group = "centre two";
    char *text = fixture_text(&other, &size);
    add_epochs(1, 2);
    add_text("centre two", text);
    add_text("centre two", "garbage");
    add_text("centre \"one\"", text);
    add_epochs(3, 3);
    finish(3, 3);
    cr_assert(eq(str, said, ""));
    free(text);
}

Test(progress_log, before_a_record_that_cannot_be_read_nothing_can_be_gone_through)
{
    add_epochs(1, 5);
    add_text("centre \"one\"", "{\"format\":1}");
    add_epochs(7, 9);
    finish(9, 3);
    cr_assert(eq(str, progress.config_id, "0123456789abcdef0123456789abcdef"));
    cr_assert(not(eq(ptr, strstr(said, "offset 10 cannot be read"), NULL)), "%s", said);
}

Test(progress_log, a_last_record_that_cannot_be_read_leaves_building_anew)
{
    add_epochs(1, 5);
    add_text("centre \"one\"", "");
    finish(6, 0);
    cr_assert(eq(str, progress.config_id, ""));
    cr_assert(not(eq(ptr, strstr(said, "built anew"), NULL)), "%s", said);
}

Test(progress_log, a_gap_is_said_and_what_lies_before_it_is_left_out)
{
    add_epochs(1, 5);
    add_epochs(8, 9);
    finish(9, 2);
    cr_assert(not(eq(ptr, strstr(said, "epoch 8 at offset 10 follows epoch 5"), NULL)), "%s", said);
}

Test(progress_log, a_run_that_began_anew_is_gone_on_from_alone)
{
    add_epochs(1, 5);
    for (uint64_t epoch = 6; epoch < 9; epoch++) {
        struct progress_record record = fixture_progress(epoch);
        record.first = 6;
        add(record);
    }
    finish(8, 3);
    cr_assert(eq(u64, progress.first, 6));
    cr_assert(eq(str, said, ""));
}

Test(progress_log, what_was_rebuilt_cannot_be_gone_on_from)
{
    struct progress_record record = fixture_progress(6);
    record.first = 6;
    record.rebuilt = true;
    add_epochs(1, 5);
    add(record);
    finish(6, 0);
    cr_assert(eq(str, progress.config_id, ""));
}

Test(progress_log, what_was_rebuilt_is_gone_on_from_once_snapshots_know_its_revisions)
{
    add_epochs(1, 5);
    for (uint64_t epoch = 6; epoch < 11; epoch++) {
        struct progress_record record = fixture_progress(epoch);
        record.first = 6;
        record.rebuilt = epoch < 9;
        add(record);
    }
    finish(10, 2);
    cr_assert(eq(u64, progress.first, 6)); /* without its snapshot there is no going on */
    cr_assert(eq(u64, progress.cut[0]->epoch, 9));
    cr_assert(ne(str, progress.config_id, ""));
    cr_assert(eq(str, said, ""));
}

static void add_under(char config, uint64_t epoch, const char *text)
{
    struct progress_record record = fixture_progress(epoch);
    record.config_id[0] = config;
    record.config_text = text;
    record.config_size = text ? (uint32_t)strlen(text) : 0;
    add(record);
}

Test(progress_log, another_configuration_keeps_of_the_one_before_the_epoch_of_its_snapshot)
{
    add_epochs(1, 5);
    add_under('e', 6, "one: 1\n");
    add_under('f', 7, "two: \"2\"\n");
    add_under('f', 8, NULL);
    finish(8, 3);
    cr_assert(progress.other_config);
    cr_assert(eq(chr, progress.config_id[0], 'f'));
    cr_assert(eq(str, (char *)progress.config_text, "two: \"2\"\n"));
    cr_assert(eq(u32, progress.config_size, 9));
}

Test(progress_log, a_configuration_without_its_text_is_known_by_its_name_alone)
{
    add_under('e', 1, "one: 1\n");
    add_under('f', 2, NULL);
    finish(2, 2);
    cr_assert(eq(chr, progress.config_id[0], 'f'));
    cr_assert(eq(ptr, (void *)progress.config_text, NULL));
    add_under('f', 3, "two: 2\n");
    finish(3, 3);
    cr_assert(eq(str, (char *)progress.config_text, "two: 2\n"));
}

Test(progress_log, a_gap_before_another_configuration_leaves_nothing_of_the_one_before)
{
    add_epochs(1, 5);
    add_under('f', 7, "two: 2\n");
    finish(7, 1);
    cr_assert(not(progress.other_config));
}

Test(progress_log, an_epoch_that_was_written_twice_counts_once)
{
    add_epochs(1, 5);
    add_epochs(5, 7);
    finish(7, 7);
}

Test(progress_log, an_epoch_published_again_has_its_new_sums_and_moves_nothing_else)
{
    struct progress_sum sum[1] = {{"rollcall.slas", 3, 4}};
    struct progress_record record = fixture_progress(2);
    record.restated = true;
    record.sum_count = 1;
    record.sum = sum;
    add_epochs(1, 5);
    add(record);
    add_epochs(6, 6);
    finish(6, 6);
    cr_assert(eq(u64, progress_log_sum(progress_log, 2, "rollcall.slas").hash, 4));
    cr_assert(zero(u64, progress_log_sum(progress_log, 2, "rollcall.metrics").count));
    cr_assert(eq(u64, progress_log_sum(progress_log, 3, "rollcall.metrics").count, 12));
}

Test(progress_log, an_input_topic_that_is_gone_matters_in_the_last_record_alone)
{
    struct progress_record record = fixture_progress(1);
    record.cut->part[2].source = 1 << 16;
    add(record);
    cr_assert(eq(int, progress_log_finish(progress_log, &progress, message), RC_ERR_CONFIG));
    cr_assert(not(eq(ptr, strstr(message, "topic gone"), NULL)), "%s", message);
    add_epochs(2, 3);
    finish(3, 3);
}

Test(progress_log, one_that_follows_is_given_one_epoch_after_the_other)
{
    add_epochs(1, 3);
    uint64_t breaks = progress_log_breaks(progress_log);
    cr_assert(eq(u64, progress_log_next(progress_log, 0)->epoch, 1));
    cr_assert(eq(u64, progress_log_next(progress_log, 2)->epoch, 3));
    cr_assert(eq(ptr, (void *)progress_log_next(progress_log, 3), NULL));
    add_epochs(4, 4);
    cr_assert(eq(u64, progress_log_next(progress_log, 3)->epoch, 4));
    cr_assert(eq(u64, progress_log_breaks(progress_log), breaks));
}

Test(progress_log, what_is_compared_is_let_go_of_and_the_rest_stays)
{
    add_epochs(1, 200);
    uint64_t breaks = progress_log_breaks(progress_log);
    progress_log_forget(progress_log, 20); /* not worth it yet */
    finish(200, 200);
    progress_log_forget(progress_log, 151);
    finish(200, 50);
    cr_assert(eq(u64, progress_log_next(progress_log, 160)->epoch, 161));
    cr_assert(zero(u64, progress_log_sum(progress_log, 150, "rollcall.metrics").count));
    cr_assert(eq(u64, progress_log_sum(progress_log, 151, "rollcall.metrics").count, 12));
    progress_log_forget(progress_log, 100);
    progress_log_forget(progress_log, 300);
    finish(200, 50);
    cr_assert(eq(u64, progress_log_breaks(progress_log), breaks));
}

Test(progress_log, what_cannot_be_gone_on_with_is_noticed_by_one_that_follows)
{
    add_epochs(1, 3);
    uint64_t breaks = progress_log_breaks(progress_log);
    add_under('f', 4, "two: 2\n");
    cr_assert(gt(u64, progress_log_breaks(progress_log), breaks));
    breaks = progress_log_breaks(progress_log);
    add_text("centre \"one\"", "garbage");
    cr_assert(gt(u64, progress_log_breaks(progress_log), breaks));
}
