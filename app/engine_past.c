#include "engine_past.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static_assert(sizeof(struct rc_ingest_stats) % sizeof(rc_counter) == 0, "nothing but counters");
static_assert(sizeof(struct sink_commit_stats) % sizeof(rc_counter) == 0, "nothing but counters");

void engine_reasons_add(void *opaque, const char *reason, uint64_t count)
{
    struct engine_reasons *list = opaque;
    uint32_t i = 0;
    while (i < list->count && strcmp(list->text[i], reason) != 0)
        i++;
    if (i == list->room && !list->failed) {
        uint32_t room = list->room ? 2 * list->room : 16;
        char(*text)[160] = realloc(list->text, room * sizeof *text);
        list->text = text ? text : list->text;
        uint64_t *number = realloc(list->number, room * sizeof *number);
        list->number = number ? number : list->number;
        list->failed = !text || !number;
        list->room = list->failed ? list->room : room;
    }
    if (i == list->room)
        return;
    if (i == list->count) {
        snprintf(list->text[i], sizeof list->text[i], "%s", reason);
        list->number[list->count++] = 0;
    }
    list->number[i] += count;
}

void engine_reasons_done(struct engine_reasons *reasons)
{
    free(reasons->text);
    free(reasons->number);
    *reasons = (struct engine_reasons){0};
}

static void add_counters(void *to, const void *from, size_t size)
{
    rc_counter *sum = to;
    const rc_counter *part = from;
    for (size_t i = 0; i < size / sizeof *sum; i++)
        rc_count(&sum[i], rc_counter_read(&part[i]));
}

void engine_past_add(struct engine_past *past, const struct engine_part *part)
{
    struct engine_stats shards;
    struct engine_stats *sum = &past->shards;
    add_counters(&past->ingest, part->ingest, sizeof past->ingest);
    rc_gauge_set(&past->ingest.watermark_ms, 0);
    rc_gauge_set(&past->ingest.recover_epochs, 0);
    rc_gauge_set(&past->ingest.epoch, 0);
    add_counters(&past->commit, sink_commit_stats(engine_commit(part->engine)),
                 sizeof past->commit);
    rc_gauge_set(&past->commit.commit_ms_max, 0);
    rc_gauge_set(&past->commit.epoch, 0);
    rc_gauge_set(&past->commit.published_ms, 0);
    engine_stats(part->engine, &shards);
    sum->late += shards.late;
    sum->contacts += shards.contacts;
    sum->lost += shards.lost;
    sum->anomalies += shards.anomalies;
    sum->acw_capped += shards.acw_capped;
    sum->closed_changes += shards.closed_changes;
    sum->unknown_clients += shards.unknown_clients;
    sum->unknown_queues += shards.unknown_queues;
    sum->episode_overflow += shards.episode_overflow;
    sink_commit_reasons(engine_commit(part->engine), engine_reasons_add, &past->reasons);
    past->snapshots_made += part->snapshots.made;
    past->snapshots_failed += part->snapshots.failed;
    past->snapshots_skipped += part->snapshots.skipped;
}

void engine_past_done(struct engine_past *past)
{
    engine_reasons_done(&past->reasons);
}
