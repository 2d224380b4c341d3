/* Topics and partitions of the Kafka source: finding them, showing how far they were read. */
#include "kafka_source.h"

#include "rollcall/check.h"
#include <stdlib.h>

enum {
    LOOK_EVERY_MS = 5000, /* for new topics and partitions; more often while there are none yet */
    LOOK_WAIT_MS = 1000,
    COMMIT_EVERY_MS = 1000
};

static enum rc_error add_part(struct ingest_kafka *kafka, uint32_t topic, uint32_t partition)
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
                          .end_offset = -1};
    enum rc_error err =
        kafka_client_assign(&kafka->client, part->topic->name, part->partition, &part->queue);
    if (!err)
        err = watermark_add(&kafka->watermark);
    if (!err)
        kafka->part_count++;
    return err;
}

/* Takes up what is new of a topic. */
static enum rc_error add_topic_parts(struct ingest_kafka *kafka, uint32_t topic, uint32_t count)
{
    enum rc_error err = RC_OK;
    while (kafka->known[topic] < count && !err) {
        err = add_part(kafka, topic, kafka->known[topic]);
        if (!err)
            kafka->known[topic]++;
    }
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
        for (uint32_t i = 0; i < topics && !err && total; i++)
            err = add_topic_parts(kafka, i, count[i]);
    }
    free(count);
    kafka->look_at_ms = steady_ms() + kafka->look_every_ms;
    return err;
}

/* ---- how far they are ---- */

static void refresh_ends(struct ingest_kafka *kafka)
{
    for (uint32_t i = 0; i < kafka->part_count; i++) {
        struct part *part = &kafka->part[i];
        int64_t low, high;
        if (rd_kafka_get_watermark_offsets(kafka->client.consumer, part->topic->name,
                                           part->partition, &low, &high) == 0 &&
            high >= 0)
            part->end_offset = high;
    }
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

void ingest_kafka_published(struct ingest_kafka *kafka, uint64_t epoch)
{
    rd_kafka_topic_partition_list_t *list = NULL;
    pthread_mutex_lock(&kafka->lock);
    const struct cut *cut = &kafka->cut[epoch % CUTS];
    bool last = atomic_load_explicit(&kafka->stop, memory_order_relaxed);
    if (cut->epoch == epoch && cut->count &&
        (last || steady_ms() - kafka->committed_at_ms >= COMMIT_EVERY_MS)) {
        list = rd_kafka_topic_partition_list_new((int)cut->count);
        for (uint32_t i = 0; i < cut->count; i++)
            rd_kafka_topic_partition_list_add(list, kafka->shown[i].topic,
                                              kafka->shown[i].partition)
                ->offset = cut->next_offset[i];
        kafka->committed_at_ms = steady_ms();
    }
    pthread_mutex_unlock(&kafka->lock);
    if (list) {
        kafka_client_commit(&kafka->client, list);
        rd_kafka_topic_partition_list_destroy(list);
    }
}
