#include "progress_fixture.h"
#include "progress_record.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>

static char why[PROGRESS_WHY_MAX];

static enum rc_error decode(const char *text, struct progress_record *ret_record)
{
    return progress_decode(text, strlen(text), fixture_source, NULL, ret_record, why);
}

Test(progress_record, what_is_written_is_read_again)
{
    struct progress_record record = fixture_progress(9), again;
    struct rc_cut *cut = record.cut;
    char *text;
    size_t size;
    record.config_text = "kafka:\n  group: \"Zürich\"\n";
    record.config_size = (uint32_t)strlen(record.config_text);
    cr_assert(eq(int, progress_encode(&record, fixture_name, NULL, &text, &size), RC_OK));
    cr_assert(eq(int, progress_decode(text, size, fixture_source, NULL, &again, why), RC_OK), "%s",
              why);
    cr_assert(eq(str, (char *)again.group, "centre \"one\""));
    cr_assert(eq(str, (char *)again.transactional_id, "centre \"one\"/active"));
    cr_assert(eq(str, again.config_id, record.config_id));
    cr_assert(eq(str, (char *)again.config_text, (char *)record.config_text));
    cr_assert(eq(u32, again.config_size, record.config_size));
    cr_assert(eq(u64, again.run, 42));
    cr_assert(eq(u64, again.first, 1));
    cr_assert(eq(i64, again.published_ms, record.published_ms));
    cr_assert(not(again.rebuilt || again.restated));
    cr_assert(again.has_key);
    cr_assert(zero(int, memcmp(again.key, record.key, sizeof record.key)));
    cr_assert(eq(u32, again.cut->part_count, 3));
    cr_assert(eq(u32, again.cut->size, cut->size));
    cr_assert(zero(int, memcmp(again.cut->part, cut->part, 3 * sizeof cut->part[0])));
    cr_assert(eq(i64, again.cut->now_ms, cut->now_ms));
    cr_assert(eq(i64, again.cut->wall_ms, cut->wall_ms));
    cr_assert(eq(i64, again.cut->distance_ms, RC_TIME_NONE));
    cr_assert(again.cut->recorded);
    cr_assert(eq(u32, again.sum_count, 2));
    cr_assert(eq(str, (char *)again.sum[0].topic, "rollcall.metrics"));
    cr_assert(eq(u64, again.sum[0].hash, 0xfedcba9876543210u));
    cr_assert(eq(u64, again.sum[1].count, 1));
    cr_assert(eq(str, again.unknown, ""));
    free(text);
    free(cut);
    progress_done(&again);
}

Test(progress_record, a_topic_that_is_no_input_any_more_is_named_and_left_out)
{
    struct progress_record record = fixture_progress(9), again;
    size_t size;
    record.cut->part[2].source = 1 << 16;
    char *text = fixture_text(&record, &size);
    cr_assert(eq(int, decode(text, &again), RC_OK));
    cr_assert(eq(str, again.unknown, "gone"));
    cr_assert(eq(u32, again.cut->part_count, 2));
    free(text);
    progress_done(&again);
}

/* The text with `from` changed to `to` must be refused with a word of `what`. */
static void refused(const char *from, const char *to, const char *what)
{
    struct progress_record record = fixture_progress(9), again;
    size_t size;
    char *text = fixture_text(&record, &size), *at = strstr(text, from), changed[4096];
    cr_assert(not(eq(ptr, at, NULL)), "%s", from);
    snprintf(changed, sizeof changed, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from));
    cr_assert(eq(int, decode(changed, &again), RC_ERR_INPUT), "%s", to);
    cr_assert(not(eq(ptr, strstr(why, what), NULL)), "%s: %s", to, why);
    free(text);
}

Test(progress_record, what_no_run_of_ours_writes_is_refused_with_what_is_wrong)
{
    refused("\"format\":1", "\"format\":2", "format 2");
    refused("\"format\":1,", "", "\"format\"");
    refused("\"epoch\":9", "\"epoch\":0", "\"epoch\"");
    refused("\"epoch\":9", "\"epoch\":-9", "\"epoch\"");
    refused("\"epoch\":9", "\"epoch\":9.0", "\"epoch\"");
    refused("\"epoch\":9", "\"epoch\":99999999999999999999", "not a JSON object");
    refused("\"first\":1", "\"first\":10", "\"first\"");
    refused("\"epoch\":9", "\"epoch\":9,\"epoch\":9", "not a JSON object");
    refused("\"next\":900", "\"next\":-1", "\"next\"");
    refused("\"partition\":1", "\"partition\":0", "twice");
    refused("\"partition\":1", "\"partition\":4294967296", "\"partition\"");
    refused("\"idle\":true", "\"idle\":1", "\"idle\"");
    refused("\"largest_ms\":1700000000500", "\"largest_ms\":\"x\"", "\"largest_ms\"");
    refused("\"hash\":\"fedc", "\"hash\":\"FEDC", "\"hash\"");
    refused("\"hash\":\"fedc", "\"hash\":\"edc", "\"hash\"");
    refused("\"config\":\"0123", "\"config\":\"012", "\"config\"");
    refused("\"pseudonym_key\":\"0102", "\"pseudonym_key\":\"010", "\"pseudonym_key\"");
    refused("\"group\":\"centre", "\"group\":\"\\u0000", "not a JSON object");
    refused("\"topic\":\"rollcall.metrics\"", "\"topic\":\"\"", "\"topic\"");
    refused("]}", "]} x", "not a JSON object");
}

Test(progress_record, every_beginning_of_a_record_is_refused)
{
    struct progress_record record = fixture_progress(9), again;
    size_t size;
    char *text = fixture_text(&record, &size);
    for (size_t i = 0; i < size; i++)
        cr_assert(
            eq(int, progress_decode(text, i, fixture_source, NULL, &again, why), RC_ERR_INPUT));
    cr_assert(eq(int, progress_decode(NULL, 0, fixture_source, NULL, &again, why), RC_ERR_INPUT));
    free(text);
}

Test(progress_record, what_other_figures_have_made_cannot_be_gone_on_from)
{
    struct progress_record record = fixture_progress(9), again;
    size_t size;
    char *text = fixture_text(&record, &size), *at = strstr(text, "\"figures\":1");
    at[strlen("\"figures\":")] = '9';
    cr_assert(eq(int, decode(text, &again), RC_OK));
    cr_assert(eq(str, again.config_id, ""));
    free(text);
    progress_done(&again);
}
