/* A progress record from anywhere: it is refused, or what was read is written and read again as the
 * same; and the log takes it between two good ones. */
#include "progress_fixture.h"
#include "progress_log.h"
#include "rollcall/check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void say(void *opaque, const char *line)
{
    (void)opaque, (void)line;
}

static void round_trip(const char *text, size_t size)
{
    struct progress_record record, again;
    char why[PROGRESS_WHY_MAX], *written;
    size_t written_size;
    if (progress_decode(text, size, fixture_source, NULL, &record, why)) {
        RC_CHECK(why[0]);
        return;
    }
    if (record.config_id[0]) {
        RC_CHECK(!progress_encode(&record, fixture_name, NULL, &written, &written_size));
        RC_CHECK(!progress_decode(written, written_size, fixture_source, NULL, &again, why));
        RC_CHECK(again.cut->size == record.cut->size &&
                 !memcmp(again.cut, record.cut, record.cut->size));
        RC_CHECK(again.sum_count == record.sum_count && again.run == record.run &&
                 again.first == record.first && !strcmp(again.group, record.group));
        RC_CHECK(again.config_size == record.config_size &&
                 !memcmp(again.config_text ? again.config_text : "",
                         record.config_text ? record.config_text : "", record.config_size));
        free(written);
        progress_done(&again);
    }
    progress_done(&record);
}

static void add(struct progress_log *log, int64_t offset, const char *text, size_t size)
{
    RC_CHECK(!progress_log_add(log, offset, NULL, 0, text, size));
}

static void add_epoch(struct progress_log *log, uint64_t epoch)
{
    struct progress_record record = fixture_progress(epoch);
    size_t size;
    char *text = fixture_text(&record, &size);
    add(log, (int64_t)epoch, text, size);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct progress_log_options options = {
        .group = "centre \"one\"", .source = fixture_source, .say = say};
    struct progress_log *log;
    struct rc_progress progress;
    char message[256];
    round_trip((const char *)data, size);
    RC_CHECK(!progress_log_open(&options, &log));
    add_epoch(log, 1);
    add(log, 2, (const char *)data, size);
    add_epoch(log, 3);
    if (!progress_log_finish(log, &progress, message))
        for (uint32_t i = 1; i < progress.cut_count; i++)
            RC_CHECK(progress.cut[i]->epoch == progress.cut[i - 1]->epoch + 1);
    progress_log_close(log);
    return 0;
}
