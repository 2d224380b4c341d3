/* Messages that are copied: when they happened, whose they are, and all that they consist of. */
#include "kafka_copy_in.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static int64_t wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void *grown(void *bytes, size_t *room, size_t need, size_t each)
{
    void *more = need > *room ? realloc(bytes, 2 * need * each) : bytes;
    if (more && need > *room)
        *room = 2 * need;
    return more;
}

static void envelope_read(const rd_kafka_message_t *message, struct ingest_envelope *ret_envelope)
{
    rd_kafka_headers_t *headers;
    const void *value;
    size_t size;
    if (rd_kafka_message_headers(message, &headers))
        return;
    if (!rd_kafka_header_get_last(headers, "ce_type", &value, &size) && value) {
        ret_envelope->ce_type = value;
        ret_envelope->ce_type_size = (uint32_t)size;
    }
    if (!rd_kafka_header_get_last(headers, "ce_time", &value, &size) && value) {
        ret_envelope->ce_time = value;
        ret_envelope->ce_time_size = (uint32_t)size;
    }
}

enum rc_error copy_record_look(struct ingest_copy *copy, uint32_t number,
                               const rd_kafka_message_t *message)
{
    struct copy_part *part = &copy->part[number];
    const struct rc_kafka *kafka = &copy->options.config->kafka;
    struct ingest_envelope envelope = {.channel = kafka->topic[part->topic].channel};
    union ingest_event event;
    char reason[148];
    int64_t time_ms = RC_TIME_NONE;
    part->tick = false;
    part->client_size = 0;
    if (message->payload) {
        size_t need = message->len + INGEST_PADDING;
        char *scratch = grown(copy->scratch, &copy->scratch_room, need, 1);
        if (!scratch)
            return RC_ERR_MEMORY;
        copy->scratch = scratch;
        memcpy(scratch, message->payload, message->len);
        memset(scratch + message->len, 0, INGEST_PADDING);
        envelope_read(message, &envelope);
        if (ingest_decode(copy->decoder, &envelope, scratch, (uint32_t)message->len, &event,
                          reason) == INGEST_EVENT) {
            /* What lies ahead of the clock is a mistake, and is not to hold its partition up. */
            int64_t wall = wall_ms();
            time_ms = event.ev.time_ms < wall ? event.ev.time_ms : wall;
            part->tick = event.ev.type == RC_TYPE_tick;
        }
        if (!part->tick)
            part->client_size = ingest_client_of(copy->decoder, &envelope, part->client);
    }
    merge_next(&copy->merge[number], time_ms);
    return RC_OK;
}

static enum rc_error read_headers(struct ingest_copy *copy, const rd_kafka_message_t *message,
                                  uint32_t *ret_count)
{
    rd_kafka_headers_t *headers;
    size_t count = rd_kafka_message_headers(message, &headers) ? 0 : rd_kafka_header_cnt(headers);
    struct rc_copy_header *header =
        count ? grown(copy->header, &copy->header_room, count, sizeof *header) : copy->header;
    if (count && !header)
        return RC_ERR_MEMORY;
    copy->header = header;
    for (size_t i = 0; i < count; i++) {
        const void *value = NULL;
        size_t size = 0;
        rd_kafka_header_get_all(headers, i, &header[i].name, &value, &size);
        header[i].value = value;
        header[i].value_size = value ? (uint32_t)size : RC_COPY_ABSENT;
    }
    *ret_count = (uint32_t)count;
    return RC_OK;
}

enum rc_error copy_record_make(struct ingest_copy *copy, const struct copy_part *part,
                               const rd_kafka_message_t *message, struct rc_copy_record *ret_record)
{
    rd_kafka_timestamp_type_t type;
    int64_t timestamp_ms = rd_kafka_message_timestamp(message, &type);
    *ret_record = (struct rc_copy_record){
        .topic = part->topic,
        .partition = part->partition,
        .offset = message->offset,
        .timestamp_ms = type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? RC_TIME_NONE : timestamp_ms,
        .key = message->key,
        .value = message->payload,
        .key_size = message->key ? (uint32_t)message->key_len : RC_COPY_ABSENT,
        .value_size = message->payload ? (uint32_t)message->len : RC_COPY_ABSENT,
        .client = part->client,
        .client_size = part->client_size,
        .tick = part->tick};
    enum rc_error err = read_headers(copy, message, &ret_record->header_count);
    ret_record->header = copy->header;
    return err;
}
