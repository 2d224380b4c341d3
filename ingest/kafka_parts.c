/* Topics and partitions of the Kafka source: finding them, showing how far they were read. */
#include "kafka_source.h"

#include "rollcall/check.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LOOK_EVERY_MS = 5000, /* for new topics and partitions; more often while there are none yet */
    LOOK_WAIT_MS = 1000,
    COMMIT_EVERY_MS = 1000,
    FAR_BEHIND = 100000 /* records that wait in Kafka */
};

/* With the offsets goes how far time lags the wall clock while all partitions are idle, so that
 * time that passes while the process is down has passed. */
static const char distance_name[] = "idle_distance_ms=";

static enum rc_error add_part(struct ingest_kafka *kafka, uint32_t topic, uint32_t partition,
                              int64_t committed)
{
    if (kafka->part_count == kafka->part_room) {
        uint32_t room = kafka->part_room ? 2 * kafka->part_room : 16;
        struct part *part = realloc(kafka->part, room * sizeof *part);
        if (!part)
            return RC_ERR_MEMORY;
        kafka->part = part;
        kafka->part_room = room;
    }
    struct part *part = &kafka->part[kafka->part_count];
    *part = (struct part){.topic = &kafka->options.config->kafka.topic[topic],
                          .partition = (int32_t)partition,
                          .source = topic << SOURCE_SHIFT | partition,
                          .end_offset = -1,
                          .fresh_offset = committed < 0 ? 0 : committed};
    enum rc_error err =
        kafka_client_assign(&kafka->client, part->topic->name, part->partition, &part->queue);
    if (!err)
        err = watermark_add(&kafka->watermark);
    if (!err)
        kafka->part_count++;
    return err;
}

/* Takes up what is new of a topic. */
static enum rc_error add_topic_parts(struct ingest_kafka *kafka, uint32_t topic, uint32_t count,
                                     const rd_kafka_topic_partition_list_t *committed)
{
    const char *name = kafka->options.config->kafka.topic[topic].name;
    uint32_t before = kafka->known[topic];
    enum rc_error err = RC_OK;
    while (kafka->known[topic] < count && !err) {
        uint32_t number = kafka->known[topic];
        const rd_kafka_topic_partition_t *part =
            rd_kafka_topic_partition_list_find(committed, name, (int32_t)number);
        err = add_part(kafka, topic, number, part ? part->offset : -1);
        if (!err)
            kafka->known[topic]++;
    }
    if (before && kafka->known[topic] > before)
        source_note(kafka, "partitions were added, they are read from their beginning: ", name);
    return err;
}

/* The distance of the run before, if it was idle at the end. */
static void resume(struct ingest_kafka *kafka, const rd_kafka_topic_partition_list_t *list)
{
    size_t name_size = sizeof distance_name - 1;
    for (int i = 0; i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *part = &list->elems[i];
        char text[64];
        if (part->metadata_size <= name_size || part->metadata_size >= sizeof text ||
            memcmp(part->metadata, distance_name, name_size) != 0)
            continue;
        memcpy(text, part->metadata, part->metadata_size);
        text[part->metadata_size] = '\0';
        watermark_resume(&kafka->watermark, strtoll(text + name_size, NULL, 10));
        return;
    }
}

static enum rc_error add_parts(struct ingest_kafka *kafka, const uint32_t *count)
{
    const struct rc_kafka *config = &kafka->options.config->kafka;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(16);
    enum rc_error err = RC_OK;
    for (uint32_t i = 0; i < config->topic_count; i++)
        for (uint32_t part = kafka->known[i]; part < count[i]; part++)
            rd_kafka_topic_partition_list_add(list, config->topic[i].name, (int32_t)part);
    if (list->cnt)
        err = kafka_client_committed(&kafka->client, list);
    if (!err && !kafka->part_count)
        resume(kafka, list);
    for (uint32_t i = 0; i < config->topic_count && !err; i++)
        err = add_topic_parts(kafka, i, count[i], list);
    rd_kafka_topic_partition_list_destroy(list);
    return err == RC_ERR_KAFKA ? RC_OK : err; /* said; tried again with the next look */
}

/* Asks Kafka how many partitions there are; false when it does not answer. */
static bool look(struct ingest_kafka *kafka, uint32_t *ret_count)
{
    const struct rc_kafka *config = &kafka->options.config->kafka;
    for (uint32_t i = 0; i < config->topic_count; i++) {
        if (kafka_client_look(&kafka->client, config->topic[i].name, LOOK_WAIT_MS, &ret_count[i]))
            return false;
        if (ret_count[i] > 1u << SOURCE_SHIFT)
            ret_count[i] = 1u << SOURCE_SHIFT;
        if (!ret_count[i] && !kafka->missing[i])
            source_note(kafka,
                        "an input topic is missing, it is waited for: ", config->topic[i].name);
        else if (ret_count[i] && kafka->missing[i])
            source_note(kafka, "the input topic is there now: ", config->topic[i].name);
        kafka->missing[i] = !ret_count[i];
    }
    return true;
}

enum rc_error kafka_parts_look(struct ingest_kafka *kafka, char ret_message[256])
{
    uint32_t topics = kafka->options.config->kafka.topic_count, total = 0;
    uint32_t *count = calloc(topics + 1, sizeof *count);
    enum rc_error err = RC_OK;
    if (!count)
        return RC_ERR_MEMORY;
    kafka->look_every_ms = kafka->client.consumer                     ? LOOK_EVERY_MS
                           : 2 * kafka->look_every_ms < LOOK_EVERY_MS ? 2 * kafka->look_every_ms
                                                                      : LOOK_EVERY_MS;
    if (look(kafka, count)) {
        for (uint32_t i = 0; i < topics; i++)
            total += count[i];
        if (total && !kafka->client.consumer)
            err = kafka_client_start(&kafka->client, total, ret_message);
        if (total && !err)
            err = add_parts(kafka, count);
    }
    free(count);
    if (kafka->part_count < total) /* not all taken up: soon again */
        kafka->look_every_ms = LOOK_FIRST_MS;
    kafka->look_at_ms = steady_ms() + kafka->look_every_ms;
    return err;
}

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

enum rc_error kafka_parts_show(struct ingest_kafka *kafka, int64_t wall)
{
    enum rc_error err = RC_OK;
    if (kafka->client.consumer)
        refresh_ends(kafka);
    pthread_mutex_lock(&kafka->lock);
    struct cut *cut = &kafka->cut[kafka->epoch % CUTS];
    if (cut->room < kafka->part_count) {
        int64_t *offsets = realloc(cut->next_offset, kafka->part_room * sizeof *offsets);
        if (offsets) {
            cut->next_offset = offsets;
            cut->room = kafka->part_room;
        }
    }
    if (kafka->part_count != kafka->shown_count) {
        struct ingest_partition *shown =
            realloc(kafka->shown, (kafka->part_count + 1) * sizeof *shown);
        if (shown) {
            kafka->shown = shown;
            kafka->shown_count = kafka->part_count;
        }
    }
    if (cut->room < kafka->part_count || kafka->shown_count != kafka->part_count)
        err = RC_ERR_MEMORY;
    cut->epoch = kafka->epoch;
    cut->count = err ? 0 : kafka->part_count;
    cut->distance_ms = kafka->watermark.all_idle ? kafka->watermark.distance_ms : RC_TIME_NONE;
    for (uint32_t i = 0; i < cut->count; i++) {
        const struct part *part = &kafka->part[i];
        int64_t largest_ms = kafka->watermark.part[i].largest_ms;
        cut->next_offset[i] = part->next_offset;
        kafka->shown[i] = (struct ingest_partition){
            .topic = part->topic->name,
            .partition = part->partition,
            .next_offset = part->next_offset,
            .end_offset = part->end_offset,
            .watermark_ms = largest_ms == RC_TIME_NONE
                                ? RC_TIME_NONE
                                : largest_ms - kafka->watermark.settings.max_disorder_ms,
            .idle = watermark_idle(&kafka->watermark, i, wall),
            .holds_back = kafka->watermark.holder == i};
    }
    pthread_mutex_unlock(&kafka->lock);
    return err;
}

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
    int size = snprintf(text, sizeof text, "%s%lld", distance_name, (long long)distance_ms);
    part->metadata = strdup(text);
    part->metadata_size = part->metadata ? (size_t)size : 0;
}

void ingest_kafka_published(struct ingest_kafka *kafka, uint64_t epoch)
{
    rd_kafka_topic_partition_list_t *list = NULL;
    pthread_mutex_lock(&kafka->lock);
    const struct cut *cut = &kafka->cut[epoch % CUTS];
    bool last = atomic_load_explicit(&kafka->stop, memory_order_relaxed);
    if (cut->epoch == epoch && cut->count &&
        (last || steady_ms() - kafka->committed_at_ms >= COMMIT_EVERY_MS)) {
        list = rd_kafka_topic_partition_list_new((int)cut->count);
        for (uint32_t i = 0; i < cut->count; i++) {
            rd_kafka_topic_partition_t *part = rd_kafka_topic_partition_list_add(
                list, kafka->shown[i].topic, kafka->shown[i].partition);
            part->offset = cut->next_offset[i];
            if (cut->distance_ms != RC_TIME_NONE)
                note_distance(part, cut->distance_ms);
        }
        kafka->committed_at_ms = steady_ms();
    }
    pthread_mutex_unlock(&kafka->lock);
    if (list) {
        kafka_client_commit(&kafka->client, list);
        rd_kafka_topic_partition_list_destroy(list);
    }
}
