/* A whole snapshot that an earlier version has written, and that every later one goes on from:
 * frames, configuration, tasks and table. What another format writes gets a file of its own beside
 * it; this one stays for ever. It is what `run` left of 587 simulated events, under
 *     tasks: 2, rolling [15m, 1h], interval [30m, day], tickets with three clocks. */
#include "config_load.h"
#include "rollcall/aggregate.h"
#include "rollcall/sink.h"

#include "engine.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum { KEPT_EPOCH = 4, KEPT_TASKS = 2, KEPT_RECORDS = 74 };
static const char kept_path[] = "tests/unit/data/snapshot-1.snapshot";
static const int64_t kept_now_ms = 1704722694411;

struct restored {
    struct config_loaded *loaded;
    struct engine *engine;
    struct sink_table *table;
    uint32_t parts;
    uint64_t saved_bytes;
};

static enum rc_error part_restore(void *self, uint32_t part, const struct rc_snapshot_reader *in,
                                  char ret_message[256])
{
    struct restored *restored = self;
    restored->parts++;
    if (part == SINK_SNAPSHOT_TABLE)
        return sink_table_restore(restored->table, in);
    return agg_task_restore(engine_agg(restored->engine, part), part, in, ret_message);
}

static enum rc_error count_bytes(void *self, const void *bytes, size_t size)
{
    struct restored *restored = self;
    (void)bytes;
    restored->saved_bytes += size;
    return RC_OK;
}

static bool count_records(void *opaque, const struct rc_record *rec)
{
    ++*(uint32_t *)opaque;
    return rec->revision > 0;
}

static struct sink_snapshot *open_kept(void)
{
    struct sink_snapshot *snapshot;
    char message[256];
    cr_assert_eq(sink_snapshot_open(kept_path, &snapshot, message), RC_OK,
                 "%s (run from the repository's root)", message);
    return snapshot;
}

Test(snapshot_kept, is_whole_and_says_what_it_is)
{
    struct sink_snapshot *snapshot = open_kept();
    const struct sink_snapshot_head *head = sink_snapshot_head(snapshot);
    char message[256];
    cr_assert_str_eq(head->group, "kept");
    cr_assert_eq(head->epoch, KEPT_EPOCH);
    cr_assert_eq(head->now_ms, kept_now_ms);
    cr_assert_eq(head->task_count, KEPT_TASKS);
    cr_assert_eq(sink_snapshot_check(snapshot, message), RC_OK, "%s", message);
    sink_snapshot_close(snapshot);
}

Test(snapshot_kept, its_configuration_tasks_and_table_are_gone_on_from)
{
    struct sink_snapshot *snapshot = open_kept();
    const struct sink_snapshot_head *head = sink_snapshot_head(snapshot);
    struct restored restored = {0};
    char message[256] = "";
    cr_assert_eq(
        config_load_text("kept", head->config_text, head->config_size, stderr, &restored.loaded),
        RC_OK);
    const struct rc_config *config = restored.loaded->config;
    struct engine_options options = {.config = config, .shards = 1, .contacts = true};
    cr_assert_eq(sink_table_open(&config->windows, &restored.table), RC_OK);
    cr_assert_eq(engine_open(&options, &restored.engine), RC_OK);
    agg_secret_set(engine_agg(restored.engine, 0), head->hash_secret);
    const struct sink_snapshot_parts parts = {.self = &restored, .restore = part_restore};
    enum rc_error err = sink_snapshot_restore(snapshot, &parts, NULL, message);
    cr_assert_eq(err, RC_OK, "%s", message);
    cr_assert_eq(restored.parts, KEPT_TASKS + 1);
    const struct rc_snapshot_writer out = {&restored, count_bytes};
    for (uint32_t task = 0; task < KEPT_TASKS; task++) {
        cr_assert(agg_task_exists(engine_agg(restored.engine, task), task));
        cr_assert_eq(agg_task_save(engine_agg(restored.engine, task), task, &out), RC_OK);
    }
    cr_assert_gt(restored.saved_bytes, 200000, "%llu", (unsigned long long)restored.saved_bytes);
    uint32_t records = 0;
    sink_table_each(restored.table, count_records, &records);
    cr_assert_eq(records, KEPT_RECORDS, "%u", records);
    cr_assert_eq(sink_table_now(restored.table), kept_now_ms);
    engine_close(restored.engine);
    sink_table_close(restored.table);
    config_free(restored.loaded);
    sink_snapshot_close(snapshot);
}
