/* Messages of the Kafka source: to events, ticks and dead letters. */
#include "kafka_source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HEADERS_MAX = 64 };

static enum rc_error pad(struct ingest_kafka *kafka, const rd_kafka_message_t *message)
{
    size_t need = message->len + INGEST_PADDING;
    if (need > kafka->scratch_room) {
        char *bytes = realloc(kafka->scratch, need + need / 2);
        if (!bytes)
            return RC_ERR_MEMORY;
        kafka->scratch = bytes;
        kafka->scratch_room = need + need / 2;
    }
    memcpy(kafka->scratch, message->payload, message->len);
    memset(kafka->scratch + message->len, 0, INGEST_PADDING);
    return RC_OK;
}

static uint32_t read_headers(const rd_kafka_message_t *message, struct ingest_header *ret_header,
                             struct ingest_envelope *envelope)
{
    rd_kafka_headers_t *headers;
    uint32_t count = 0;
    if (rd_kafka_message_headers(message, &headers))
        return 0;
    for (size_t i = 0; count < HEADERS_MAX; i++) {
        const char *name;
        const void *value;
        size_t size;
        if (rd_kafka_header_get_all(headers, i, &name, &value, &size))
            break;
        ret_header[count++] =
            (struct ingest_header){.name = name,
                                   .value = value,
                                   .name_size = (uint32_t)strlen(name),
                                   .value_size = value ? (uint32_t)size : ROUTE_NONE};
        if (value && strcmp(name, "ce_type") == 0) {
            envelope->ce_type = value;
            envelope->ce_type_size = (uint32_t)size;
        } else if (value && strcmp(name, "ce_time") == 0) {
            envelope->ce_time = value;
            envelope->ce_time_size = (uint32_t)size;
        }
    }
    return count;
}

/* The wall clock by which `future` is judged. What a run before has read was judged when it came:
 * what Kafka noted of that instant is as near as one can get. */
static int64_t clock_of(const struct ingest_kafka *kafka, const struct part *part,
                        const rd_kafka_message_t *message)
{
    rd_kafka_timestamp_type_t type;
    if (message->offset >= part->fresh_offset)
        return kafka->opened_ms;
    int64_t came_ms = rd_kafka_message_timestamp(message, &type);
    return came_ms > 0 && came_ms < kafka->opened_ms ? came_ms : kafka->opened_ms;
}

/* Each task has its own clients' events or none of its figures is right. INPUT: `wrong`. */
static enum rc_error check_task(struct ingest_kafka *kafka, const struct part *part,
                                const struct rc_event *event, int64_t offset)
{
    const struct rc_config *config = kafka->options.config;
    if (!config->kafka.unit || event->task == config->kafka.task || event->type == RC_TYPE_tick)
        return RC_OK;
    snprintf(kafka->wrong, sizeof kafka->wrong,
             "%.80s is not keyed by client: %.40s [%d] has at offset %lld an event of client "
             "\"%.*s\", who belongs to task %u; rollcall rekey copies it into one that is",
             part->topic->name, part->topic->name, (int)part->partition, (long long)offset,
             event->client_size < 40 ? (int)event->client_size : 40, rc_event_client(event),
             event->task);
    return RC_ERR_INPUT;
}

static enum rc_error take_event(struct ingest_kafka *kafka, uint32_t number,
                                const union ingest_event *event, const rd_kafka_message_t *message,
                                const struct ingest_raw_parts *raw)
{
    const struct part *part = &kafka->part[number];
    int64_t max_ahead_ms = kafka->options.config->time.max_ahead_ms;
    enum rc_error err = check_task(kafka, part, &event->ev, message->offset);
    if (err)
        return err;
    if (event->ev.time_ms > clock_of(kafka, part, message) + max_ahead_ms)
        return ingest_route_dead(&kafka->route, part->source, message->offset, "future", raw);
    watermark_event(&kafka->watermark, number, event->ev.time_ms);
    if (message->offset >= part->fresh_offset)
        watermark_fresh(&kafka->watermark);
    if (event->ev.type == RC_TYPE_tick) {
        rc_count(&kafka->stats.events[RC_CHANNEL_NONE][RC_TYPE_tick], 1);
        return RC_OK;
    }
    kafka->epoch_events++;
    return ingest_route_event(&kafka->route, event, part->source, message->offset, RC_TIME_NONE,
                              raw);
}

static enum rc_error take_record(struct ingest_kafka *kafka, uint32_t number,
                                 const rd_kafka_message_t *message)
{
    struct part *part = &kafka->part[number];
    struct ingest_envelope envelope = {.channel = part->topic->channel};
    struct ingest_header header[HEADERS_MAX];
    union ingest_event event;
    char reason[148];
    rc_count(&kafka->stats.lines, 1);
    rc_count(&kafka->stats.bytes, message->len);
    if (!message->payload) {
        rc_count(&kafka->stats.blank, 1);
        return RC_OK;
    }
    if (pad(kafka, message))
        return RC_ERR_MEMORY;
    struct ingest_raw_parts raw = {.key = message->key,
                                   .value = kafka->scratch,
                                   .header = header,
                                   .key_size =
                                       message->key ? (uint32_t)message->key_len : ROUTE_NONE,
                                   .value_size = (uint32_t)message->len};
    raw.header_count = read_headers(message, header, &envelope);
    switch (
        ingest_decode(kafka->decoder, &envelope, kafka->scratch, raw.value_size, &event, reason)) {
    case INGEST_EVENT:
        return take_event(kafka, number, &event, message, &raw);
    case INGEST_BLANK:
        rc_count(&kafka->stats.blank, 1);
        return RC_OK;
    case INGEST_UNKNOWN:
        rc_count(&kafka->stats.unknown_type, 1);
        return RC_OK;
    case INGEST_REFUSED:
        return ingest_route_dead(&kafka->route, part->source, message->offset, reason, &raw);
    }
    return RC_ERR_INTERNAL;
}

/* Kafka has let go of what is to be read next: nothing may be passed over in silence. INPUT. */
static enum rc_error say_gone(struct ingest_kafka *kafka, const struct part *part)
{
    rd_kafka_topic_partition_list_t *first = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(first, part->topic->name, part->partition);
    long long next = part->next_offset, begins = -1;
    if (!kafka_client_offsets(&kafka->client, first, false))
        begins = first->elems[0].offset;
    rd_kafka_topic_partition_list_destroy(first);
    if (begins > next)
        snprintf(kafka->wrong, sizeof kafka->wrong,
                 "%lld records of %.60s [%d] are gone before they were read (it begins at offset "
                 "%lld, %lld was next): its retention is too short",
                 begins - next, part->topic->name, (int)part->partition, begins, next);
    else
        snprintf(kafka->wrong, sizeof kafka->wrong,
                 "%.100s [%d] has no offset %lld any more, which was next: records were lost, or "
                 "it is another topic of the same name",
                 part->topic->name, (int)part->partition, next);
    return RC_ERR_INPUT;
}

enum rc_error kafka_take_message(struct ingest_kafka *kafka, uint32_t number,
                                 const rd_kafka_message_t *message, int64_t steady)
{
    struct part *part = &kafka->part[number];
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        kafka_client_answered(&kafka->client);
        kafka->epoch_moved |= part->next_offset != message->offset;
        part->end_offset = part->next_offset = message->offset;
        watermark_end(&kafka->watermark, number);
        return RC_OK;
    }
    if (message->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET)
        return say_gone(kafka, part);
    if (message->err) {
        kafka_client_complain(&kafka->client, message->err, rd_kafka_message_errstr(message));
        return RC_OK;
    }
    kafka_client_answered(&kafka->client);
    kafka->epoch_moved = true;
    part->next_offset = message->offset + 1;
    watermark_read(&kafka->watermark, number, steady);
    return take_record(kafka, number, message);
}
