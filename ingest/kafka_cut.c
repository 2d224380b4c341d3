/* The ends of epochs: the mark for the shards and the cut for the commit thread, and what others
 * see of how far partitions are. */
#include "kafka_source.h"

#include "rollcall/check.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    COMMIT_EVERY_MS = 1000,
    REST_MS = 1000,     /* of a task: an epoch in which nothing was read is no shorter */
    FAR_BEHIND = 100000 /* records that wait in Kafka */
};

/* ---- how far they are ---- */

static void refresh_ends(struct ingest_kafka *kafka)
{
    int64_t behind = 0;
    for (uint32_t i = 0; i < kafka->part_count; i++) {
        struct part *part = &kafka->part[i];
        int64_t low, high;
        if (rd_kafka_get_watermark_offsets(kafka->client.consumer, part->topic->name,
                                           part->partition, &low, &high) == 0 &&
            high >= 0)
            part->end_offset = high;
        if (part->end_offset > part->next_offset)
            behind += part->end_offset - part->next_offset;
    }
    kafka->far_behind = behind > FAR_BEHIND;
}

static void show_part(const struct ingest_kafka *kafka, uint32_t number, int64_t steady)
{
    const struct part *part = &kafka->part[number];
    int64_t largest_ms = kafka->watermark.part[number].largest_ms;
    kafka->shown[number] = (struct ingest_partition){
        .topic = part->topic->name,
        .partition = part->partition,
        .next_offset = part->next_offset,
        .end_offset = part->end_offset,
        .watermark_ms = largest_ms == RC_TIME_NONE
                            ? RC_TIME_NONE
                            : largest_ms - kafka->watermark.settings.max_disorder_ms,
        .idle = watermark_idle(&kafka->watermark, number, steady),
        .holds_back = kafka->watermark.holder == number};
}

/* As many as there are partitions, new ones as they stand. Under the lock. */
static enum rc_error make_shown(struct ingest_kafka *kafka, int64_t steady)
{
    uint32_t known = kafka->shown_count;
    if (kafka->part_count == known)
        return RC_OK;
    struct ingest_partition *shown = realloc(kafka->shown, (kafka->part_count + 1) * sizeof *shown);
    if (!shown)
        return RC_ERR_MEMORY;
    kafka->shown = shown;
    kafka->shown_count = kafka->part_count;
    for (uint32_t i = known; i < kafka->part_count; i++)
        show_part(kafka, i, steady);
    return RC_OK;
}

/* Copies what others may see. */
static enum rc_error show(struct ingest_kafka *kafka, int64_t steady)
{
    if (kafka->client.consumer)
        refresh_ends(kafka);
    pthread_mutex_lock(&kafka->lock);
    enum rc_error err = make_shown(kafka, steady);
    for (uint32_t i = 0; i < kafka->part_count && !err; i++)
        show_part(kafka, i, steady);
    pthread_mutex_unlock(&kafka->lock);
    return err;
}

/* Without transactions: what may be committed once the epoch is out. */
static enum rc_error note_commit(struct ingest_kafka *kafka)
{
    if (!kafka->options.config->output.at_least_once)
        return RC_OK;
    pthread_mutex_lock(&kafka->lock);
    struct commit *commit = &kafka->commit[kafka->epoch % COMMITS];
    /* Whoever commits finds the partitions' names there, and may do so before the next show(). */
    enum rc_error err = make_shown(kafka, steady_ms());
    if (!err && commit->room < kafka->part_count) {
        int64_t *offsets = realloc(commit->next_offset, kafka->part_room * sizeof *offsets);
        if (offsets)
            commit->next_offset = offsets;
        else
            err = RC_ERR_MEMORY;
        commit->room = offsets ? kafka->part_room : commit->room;
    }
    commit->epoch = kafka->epoch;
    commit->count = err ? 0 : kafka->part_count;
    commit->distance_ms = kafka->watermark.all_idle ? kafka->watermark.distance_ms : RC_TIME_NONE;
    for (uint32_t i = 0; i < commit->count; i++)
        commit->next_offset[i] = kafka->part[i].next_offset;
    pthread_mutex_unlock(&kafka->lock);
    return err;
}

/* ---- closing ---- */

static enum rc_error make_room(struct ingest_kafka *kafka, uint32_t parts)
{
    if (kafka->cut && parts <= kafka->cut_room)
        return RC_OK;
    uint32_t room = parts < kafka->part_room ? kafka->part_room : parts;
    struct rc_cut *cut = realloc(kafka->cut, sizeof *cut + room * sizeof cut->part[0]);
    if (!cut)
        return RC_ERR_MEMORY;
    kafka->cut = cut;
    kafka->cut_room = room;
    return RC_OK;
}

static void fill_cut(struct ingest_kafka *kafka, int64_t now_ms, int64_t steady)
{
    struct rc_cut *cut = kafka->cut;
    *cut =
        (struct rc_cut){.size = (uint32_t)(sizeof *cut + kafka->part_count * sizeof cut->part[0]),
                        .part_count = kafka->part_count,
                        .epoch = kafka->epoch,
                        .now_ms = now_ms,
                        .wall_ms = kafka->opened_ms,
                        .distance_ms = watermark_distance(&kafka->watermark)};
    for (uint32_t i = 0; i < kafka->part_count; i++) {
        uint32_t number = kafka->by_source[i];
        const struct part *part = &kafka->part[number];
        cut->part[i] =
            (struct rc_cut_part){.next_offset = part->next_offset,
                                 .largest_ms = kafka->watermark.part[number].largest_ms,
                                 .source = part->source,
                                 .idle = watermark_idle(&kafka->watermark, number, steady)};
    }
}

/* Hands kafka->cut to the commit thread, and its mark to the shards before that. */
static enum rc_error hand_out(struct ingest_kafka *kafka)
{
    const struct rc_cut *cut = kafka->cut;
    struct rc_mark mark = {.epoch = cut->epoch,
                           .now_ms = cut->now_ms,
                           .wall_ms = cut->wall_ms,
                           .snapshot = cut->snapshot};
    kafka->closed_now_ms = cut->now_ms;
    rc_gauge_set(&kafka->stats.epoch, cut->epoch);
    if (cut->now_ms != RC_TIME_NONE)
        rc_gauge_set(&kafka->stats.watermark_ms, (uint64_t)cut->now_ms);
    enum rc_error err = note_commit(kafka);
    return err ? err : ingest_route_mark(&kafka->route, &mark, cut);
}

static bool snapshot_due(struct ingest_kafka *kafka, bool last)
{
    int64_t every_ms = kafka->options.snapshot_every_ms, now_ms = steady_ms();
    if (every_ms <= 0 || (!last && now_ms < kafka->snapshot_at_ms))
        return false;
    kafka->snapshot_at_ms = now_ms + every_ms;
    return true;
}

/* Time alone has moved. A transaction costs the same whatever is in it, and a process may have many
 * tasks. */
static bool rests(const struct ingest_kafka *kafka, int64_t steady)
{
    return kafka->options.config->kafka.unit && steady - kafka->handed_ms < REST_MS;
}

enum rc_error kafka_epoch_close(struct ingest_kafka *kafka, bool last)
{
    int64_t wall = wall_ms(), steady = steady_ms();
    enum rc_error err = RC_OK;
    if (kafka->client.away)
        watermark_outage(&kafka->watermark, steady);
    int64_t now_ms = watermark_step(&kafka->watermark, wall, steady);
    if (last || kafka->epoch_moved || kafka->part_added ||
        (now_ms != kafka->closed_now_ms && !rests(kafka, steady))) {
        err = make_room(kafka, kafka->part_count);
        if (err)
            return err;
        kafka->epoch++;
        kafka->handed_ms = steady;
        fill_cut(kafka, now_ms, steady);
        kafka->cut->snapshot = snapshot_due(kafka, last);
        err = hand_out(kafka);
    }
    kafka->opened_ms = wall;
    kafka->epoch_events = 0;
    kafka->epoch_moved = kafka->part_added = false;
    return err ? err : show(kafka, steady);
}

enum rc_error kafka_epoch_repeat(struct ingest_kafka *kafka, const struct rc_cut *cut)
{
    enum rc_error err = make_room(kafka, cut->part_count);
    if (err)
        return err;
    memcpy(kafka->cut, cut, sizeof *cut + cut->part_count * sizeof cut->part[0]);
    kafka->cut->recorded = true;
    kafka->epoch = cut->epoch;
    kafka->epoch_events = 0;
    kafka->epoch_moved = false;
    err = hand_out(kafka);
    return err ? err : show(kafka, steady_ms());
}

/* ---- what others ask ---- */

uint32_t ingest_kafka_partitions(struct ingest_kafka *kafka, struct ingest_partition *ret_list,
                                 uint32_t room)
{
    pthread_mutex_lock(&kafka->lock);
    uint32_t count = kafka->shown_count;
    for (uint32_t i = 0; i < count && i < room; i++)
        ret_list[i] = kafka->shown[i];
    pthread_mutex_unlock(&kafka->lock);
    return count;
}

/* The list frees it. */
static void note_distance(rd_kafka_topic_partition_t *part, int64_t distance_ms)
{
    char text[64];
    int size = snprintf(text, sizeof text, SOURCE_DISTANCE "%lld", (long long)distance_ms);
    part->metadata = strdup(text);
    part->metadata_size = part->metadata ? (size_t)size : 0;
}

void ingest_kafka_published(struct ingest_kafka *kafka, uint64_t epoch)
{
    rd_kafka_topic_partition_list_t *list = NULL;
    if (!kafka->options.config->output.at_least_once)
        return;
    pthread_mutex_lock(&kafka->lock);
    const struct commit *commit = &kafka->commit[epoch % COMMITS];
    bool last = source_stopped(kafka);
    if (commit->epoch == epoch && commit->count &&
        (last || steady_ms() - kafka->committed_at_ms >= COMMIT_EVERY_MS)) {
        list = rd_kafka_topic_partition_list_new((int)commit->count);
        for (uint32_t i = 0; i < commit->count; i++) {
            rd_kafka_topic_partition_t *part = rd_kafka_topic_partition_list_add(
                list, kafka->shown[i].topic, kafka->shown[i].partition);
            part->offset = commit->next_offset[i];
            if (commit->distance_ms != RC_TIME_NONE)
                note_distance(part, commit->distance_ms);
        }
        kafka->committed_at_ms = steady_ms();
    }
    pthread_mutex_unlock(&kafka->lock);
    if (list) {
        if (kafka->options.lease)
            ingest_lease_commit(kafka->options.lease, list);
        else
            kafka_client_commit(&kafka->client, list);
        rd_kafka_topic_partition_list_destroy(list);
    }
}
