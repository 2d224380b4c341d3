#include "kafka_back.h"

#include <stdlib.h>
#include <string.h>

enum { BATCH = 1024 };

struct back_part {
    const struct kafka_output *output;
    int32_t partition;
    bool at_end;
};

struct kafka_back {
    const struct sink_kafka_options *options;
    const struct kafka_outputs *outputs;
    struct kafka_ear *ear;
    struct continuity *continuity;
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    struct back_part *part;
    size_t count, room, at_end;
    uint64_t records;
    bool assigned;
    rd_kafka_message_t *batch[BATCH];
};

enum rc_error kafka_back_open(const struct sink_kafka_options *options,
                              const struct kafka_outputs *outputs, struct kafka_ear *ear,
                              struct continuity *continuity, struct kafka_back **ret_back,
                              char ret_message[256])
{
    struct kafka_back *back = calloc(1, sizeof *back);
    if (!back)
        return RC_ERR_MEMORY;
    *back = (struct kafka_back){
        .options = options, .outputs = outputs, .ear = ear, .continuity = continuity};
    enum rc_error err = kafka_reader_open(outputs->config, ear, &back->rk, ret_message);
    if (err) {
        free(back);
        return err;
    }
    rd_kafka_poll_set_consumer(back->rk);
    back->queue = rd_kafka_queue_get_consumer(back->rk);
    *ret_back = back;
    return RC_OK;
}

void kafka_back_close(struct kafka_back *back)
{
    if (!back)
        return;
    if (back->assigned)
        rd_kafka_assign(back->rk, NULL);
    rd_kafka_queue_destroy(back->queue);
    rd_kafka_destroy_flags(back->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    free(back->part);
    free(back);
}

/* Adds the partitions of one topic. */
static enum rc_error add_parts(struct kafka_back *back, const struct kafka_output *output,
                               rd_kafka_topic_partition_list_t *list)
{
    int partitions = kafka_topic_look(back->ear, back->rk, output->name);
    if (partitions < 0)
        return RC_ERR_AGAIN;
    if (back->count + (size_t)partitions > back->room) {
        size_t room = 2 * (back->count + (size_t)partitions);
        struct back_part *part = realloc(back->part, room * sizeof *part);
        if (!part)
            return RC_ERR_MEMORY;
        back->part = part;
        back->room = room;
    }
    for (int32_t p = 0; p < partitions; p++) {
        back->part[back->count++] = (struct back_part){output, p, false};
        rd_kafka_topic_partition_list_add(list, output->name, p)->offset =
            RD_KAFKA_OFFSET_BEGINNING;
    }
    return RC_OK;
}

static enum rc_error assign(struct kafka_back *back)
{
    enum rc_error err = RC_OK;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(16);
    back->count = 0;
    for (uint32_t i = 0; i < back->outputs->count && !err; i++)
        err = add_parts(back, &back->outputs->output[i], list);
    rd_kafka_resp_err_t code = err ? RD_KAFKA_RESP_ERR_NO_ERROR : rd_kafka_assign(back->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (code) {
        kafka_complain(back->ear, code, rd_kafka_err2str(code));
        return RC_ERR_AGAIN;
    }
    back->assigned = !err;
    return err;
}

static bool header_text(const rd_kafka_headers_t *headers, const char *name, char *room,
                        size_t size)
{
    const void *value;
    size_t length;
    if (rd_kafka_header_get_last(headers, name, &value, &length) || !value || length >= size)
        return false;
    memcpy(room, value, length);
    room[length] = '\0';
    return true;
}

static enum rc_error take_dead_letter(struct kafka_back *back, const rd_kafka_message_t *message)
{
    rd_kafka_headers_t *headers;
    char topic[256], partition[32], offset[32];
    if (rd_kafka_message_headers(message, &headers) ||
        !header_text(headers, "rollcall.topic", topic, sizeof topic) ||
        !header_text(headers, "rollcall.partition", partition, sizeof partition) ||
        !header_text(headers, "rollcall.offset", offset, sizeof offset))
        return RC_OK;
    const struct rc_config *config = back->outputs->config;
    int32_t number = (int32_t)strtol(partition, NULL, 10);
    if (config->kafka.unit && number != (int32_t)config->kafka.task)
        return RC_OK; /* another task's: it would look as if this one had published before */
    return continuity_read_dead(back->continuity, topic, number, strtoll(offset, NULL, 10));
}

static int hex_digit(char letter)
{
    return letter >= '0' && letter <= '9'   ? letter - '0'
           : letter >= 'A' && letter <= 'F' ? letter - 'A' + 10
                                            : -1;
}

/* Its client is the first part of a record's key (sink_record_key). */
static bool is_ours(const struct kafka_back *back, const char *key, size_t size)
{
    const struct sink_kafka_options *options = back->options;
    char client[SINK_KEY_MAX];
    uint32_t count = 0;
    if (!options->owns)
        return true;
    for (size_t i = 0; i < size && key[i] != '|' && count < sizeof client; i++) {
        char letter = key[i];
        if (letter == '%' && size - i > 2 && hex_digit(key[i + 1]) >= 0 &&
            hex_digit(key[i + 2]) >= 0) {
            letter = (char)(hex_digit(key[i + 1]) * 16 + hex_digit(key[i + 2]));
            i += 2;
        }
        client[count++] = letter;
    }
    return options->owns(options->source_opaque, client, count);
}

static enum rc_error take(struct kafka_back *back, const rd_kafka_message_t *message)
{
    if (message->err && message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        kafka_complain(back->ear, message->err, rd_kafka_message_errstr(message));
        return RC_OK;
    }
    kafka_answered(back->ear);
    const char *name = rd_kafka_topic_name(message->rkt);
    size_t i = 0;
    while (i < back->count && (back->part[i].partition != message->partition ||
                               strcmp(back->part[i].output->name, name) != 0))
        i++;
    if (i == back->count)
        return RC_OK;
    if (message->err) {
        back->at_end += !back->part[i].at_end;
        back->part[i].at_end = true;
        return RC_OK;
    }
    back->records++;
    if (back->part[i].output->topic == RC_TOPIC_DEAD_LETTER)
        return take_dead_letter(back, message);
    if (!message->key || !is_ours(back, message->key, message->key_len))
        return RC_OK;
    return continuity_read_back(back->continuity, back->part[i].output->topic, message->key,
                                message->key_len, message->payload, message->len);
}

enum rc_error kafka_back_read(struct kafka_back *back, int timeout_ms)
{
    if (!back->assigned) {
        enum rc_error err = assign(back);
        if (err)
            return err;
    }
    ssize_t count = rd_kafka_consume_batch_queue(back->queue, timeout_ms, back->batch, BATCH);
    enum rc_error err = RC_OK;
    for (ssize_t i = 0; i < count; i++) {
        if (!err)
            err = take(back, back->batch[i]);
        rd_kafka_message_destroy(back->batch[i]);
    }
    return err ? err : back->at_end < back->count ? RC_ERR_AGAIN : RC_OK;
}

uint64_t kafka_back_records(const struct kafka_back *back)
{
    return back->records;
}
