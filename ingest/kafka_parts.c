/* Topics and partitions of the Kafka source: finding them, beginning to read them. */
#include "kafka_fits.h"
#include "kafka_source.h"

#include "rollcall/check.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    LOOK_EVERY_MS = 5000, /* for new topics and partitions; more often while there are none yet */
    LOOK_WAIT_MS = 1000
};

static enum rc_error make_room(struct ingest_kafka *kafka)
{
    if (kafka->part_count < kafka->part_room)
        return RC_OK;
    uint32_t room = kafka->part_room ? 2 * kafka->part_room : 16;
    struct part *part = realloc(kafka->part, room * sizeof *part);
    if (!part)
        return RC_ERR_MEMORY;
    kafka->part = part;
    uint32_t *by_source = realloc(kafka->by_source, room * sizeof *by_source);
    if (!by_source)
        return RC_ERR_MEMORY;
    kafka->by_source = by_source;
    kafka->part_room = room;
    return RC_OK;
}

static void sort_in(struct ingest_kafka *kafka, uint32_t number)
{
    uint32_t at = number;
    for (; at && kafka->part[kafka->by_source[at - 1]].source > kafka->part[number].source; at--)
        kafka->by_source[at] = kafka->by_source[at - 1];
    kafka->by_source[at] = number;
}

enum rc_error kafka_parts_add(struct ingest_kafka *kafka, uint32_t source, int64_t offset,
                              int64_t fresh_offset)
{
    uint32_t topic = source >> SOURCE_SHIFT, number = kafka->part_count;
    enum rc_error err = make_room(kafka);
    if (err)
        return err;
    struct part *part = &kafka->part[number];
    *part = (struct part){.topic = &kafka->options.config->kafka.topic[topic],
                          .partition = (int32_t)(source & ((1u << SOURCE_SHIFT) - 1)),
                          .source = source,
                          .first_offset = offset,
                          .next_offset = offset,
                          .end_offset = -1,
                          .fresh_offset = fresh_offset,
                          .reach = {.limit = offset, .known = offset}};
    err = kafka_client_assign(&kafka->client, part->topic->name, part->partition, offset,
                              &part->queue);
    if (!err)
        err = watermark_add(&kafka->watermark);
    if (err)
        return err;
    sort_in(kafka, number);
    kafka->part_count++;
    kafka->known[topic]++;
    return RC_OK;
}

void ingest_kafka_anew(struct ingest_kafka *kafka, uint64_t last_epoch, bool whole)
{
    kafka->epoch = last_epoch;
    kafka->whole = whole;
}

/* INPUT: `wrong`. */
static enum rc_error check_whole(struct ingest_kafka *kafka,
                                 const rd_kafka_topic_partition_t *begin)
{
    if (!kafka->whole || begin->offset <= 0)
        return RC_OK;
    snprintf(kafka->wrong, sizeof kafka->wrong,
             "all is to be made anew, but the first %lld records of %.60s [%d] are gone, and what "
             "they have made would change; --restate goes on all the same",
             (long long)begin->offset, begin->topic, (int)begin->partition);
    return RC_ERR_INPUT;
}

/* Takes up what is new of a topic; all of it is in the list of where partitions begin. */
static enum rc_error add_topic_parts(struct ingest_kafka *kafka, uint32_t topic, uint32_t count,
                                     const rd_kafka_topic_partition_list_t *first,
                                     const rd_kafka_topic_partition_list_t *committed)
{
    const char *name = kafka->options.config->kafka.topic[topic].name;
    uint32_t before = kafka->known[topic], own = kafka_parts_own(kafka, count);
    enum rc_error err = RC_OK;
    while (kafka->known[topic] < own && !err) {
        uint32_t number = kafka_parts_first(kafka) + kafka->known[topic];
        const rd_kafka_topic_partition_t *begin =
            rd_kafka_topic_partition_list_find(first, name, (int32_t)number);
        const rd_kafka_topic_partition_t *read =
            rd_kafka_topic_partition_list_find(committed, name, (int32_t)number);
        RC_CHECK(begin && read);
        err = check_whole(kafka, begin);
        if (!err)
            err = kafka_parts_add(kafka, topic << SOURCE_SHIFT | number, begin->offset,
                                  read->offset < 0 ? 0 : read->offset);
    }
    kafka->part_added |= kafka->known[topic] > before;
    if (before && kafka->known[topic] > before)
        source_note(kafka, "partitions were added, they are read from their beginning: ", name);
    return err;
}

/* The distance of the run before, if it was idle at the end. */
static void resume(struct ingest_kafka *kafka, const rd_kafka_topic_partition_list_t *list)
{
    size_t name_size = sizeof SOURCE_DISTANCE - 1;
    for (int i = 0; i < list->cnt; i++) {
        const rd_kafka_topic_partition_t *part = &list->elems[i];
        char text[64];
        if (part->metadata_size <= name_size || part->metadata_size >= sizeof text ||
            memcmp(part->metadata, SOURCE_DISTANCE, name_size) != 0)
            continue;
        memcpy(text, part->metadata, part->metadata_size);
        text[part->metadata_size] = '\0';
        watermark_resume(&kafka->watermark, strtoll(text + name_size, NULL, 10));
        return;
    }
}

static void set_unread(rd_kafka_topic_partition_list_t *list)
{
    for (int i = 0; i < list->cnt; i++)
        list->elems[i].offset = RD_KAFKA_OFFSET_INVALID;
}

/* What a run before has read counts only where it is all made anew and nothing says how it was:
 * without transactions. */
static enum rc_error read_committed(struct ingest_kafka *kafka,
                                    rd_kafka_topic_partition_list_t *list)
{
    set_unread(list);
    if (!kafka->options.config->output.at_least_once || kafka->recovery.asked)
        return RC_OK;
    enum rc_error err = kafka_client_committed(&kafka->client, list);
    if (!err && !kafka->part_count)
        resume(kafka, list);
    return err;
}

static enum rc_error add_parts(struct ingest_kafka *kafka, const uint32_t *count)
{
    const struct rc_kafka *config = &kafka->options.config->kafka;
    rd_kafka_topic_partition_list_t *first = rd_kafka_topic_partition_list_new(16);
    for (uint32_t i = 0; i < config->topic_count; i++)
        for (uint32_t part = kafka->known[i]; part < kafka_parts_own(kafka, count[i]); part++)
            rd_kafka_topic_partition_list_add(first, config->topic[i].name,
                                              (int32_t)(kafka_parts_first(kafka) + part));
    rd_kafka_topic_partition_list_t *committed = rd_kafka_topic_partition_list_copy(first);
    enum rc_error err = RC_OK;
    if (first->cnt)
        err = kafka_client_offsets(&kafka->client, first, false);
    if (first->cnt && !err)
        err = read_committed(kafka, committed);
    for (uint32_t i = 0; i < config->topic_count && !err; i++)
        err = add_topic_parts(kafka, i, count[i], first, committed);
    rd_kafka_topic_partition_list_destroy(first);
    rd_kafka_topic_partition_list_destroy(committed);
    return err;
}

bool kafka_parts_count(struct ingest_kafka *kafka, uint32_t *ret_count)
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

enum rc_error kafka_parts_check(struct ingest_kafka *kafka, uint32_t topic, uint32_t count,
                                char ret_message[256])
{
    const struct rc_config *config = kafka->options.config;
    const char *name = config->kafka.topic[topic].name;
    enum rc_error err = kafka_topic_count_fits(config, name, count, ret_message);
    if (err || config->output.at_least_once || kafka->policy_seen[topic])
        return err;
    err = kafka_topic_policy_fits(&kafka->client, name, ret_message);
    kafka->policy_seen[topic] = !err;
    return err;
}

static enum rc_error take_up(struct ingest_kafka *kafka, const uint32_t *count, uint32_t total,
                             char ret_message[256])
{
    enum rc_error err = RC_OK;
    if (!kafka->client.consumer)
        err = kafka_client_start(&kafka->client, total, ret_message);
    for (uint32_t i = 0; i < kafka->options.config->kafka.topic_count && !err; i++)
        if (count[i])
            err = kafka_parts_check(kafka, i, count[i], ret_message);
    if (!err)
        err = add_parts(kafka, count);
    return err == RC_ERR_KAFKA ? RC_OK : err; /* said; tried again with the next look */
}

enum rc_error kafka_parts_look(struct ingest_kafka *kafka, char ret_message[256])
{
    uint32_t topics = kafka->options.config->kafka.topic_count, total = 0, own = 0;
    uint32_t *count = calloc(topics + 1, sizeof *count);
    enum rc_error err = RC_OK;
    if (!count)
        return RC_ERR_MEMORY;
    kafka->look_every_ms = kafka->client.consumer                     ? LOOK_EVERY_MS
                           : 2 * kafka->look_every_ms < LOOK_EVERY_MS ? 2 * kafka->look_every_ms
                                                                      : LOOK_EVERY_MS;
    if (kafka_parts_count(kafka, count)) {
        for (uint32_t i = 0; i < topics; i++) {
            total += count[i];
            own += kafka_parts_own(kafka, count[i]);
        }
        if (total)
            err = take_up(kafka, count, total, ret_message);
    }
    free(count);
    if (kafka->part_count < own) /* not all taken up: soon again */
        kafka->look_every_ms = LOOK_FIRST_MS;
    kafka->look_at_ms = steady_ms() + kafka->look_every_ms;
    return err;
}
