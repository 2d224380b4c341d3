#include "kafka_topics.h"

#include "rollcall/check.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WAIT_MS = 3000, BATCH = 1024 };

static const char *const topic_name[RC_TOPIC_COUNT] = {[RC_TOPIC_METRICS] = "rollcall.metrics",
                                                       [RC_TOPIC_SLAS] = "rollcall.slas",
                                                       [RC_TOPIC_CONTACTS] = "rollcall.contacts",
                                                       [RC_TOPIC_ALERTS] = "rollcall.alerts",
                                                       [RC_TOPIC_DEAD_LETTER] =
                                                           "rollcall.dead_letter"};
enum { OF_CLIENT = RC_TOPIC_DEAD_LETTER }; /* so many kinds come before the dead letters */

static const char dead_letter_retention_ms[] = "1209600000"; /* 14 d */

/* ---- which there are ---- */

enum rc_error kafka_outputs_init(struct kafka_outputs *outputs, const struct rc_config *config)
{
    const struct rc_contracts *contracts = &config->contracts;
    uint32_t sets = config->output.per_client ? contracts->client_count : 1;
    *outputs = (struct kafka_outputs){.config = config};
    outputs->output = calloc(sets * OF_CLIENT + 1, sizeof *outputs->output);
    if (!outputs->output)
        return RC_ERR_MEMORY;
    for (uint32_t set = 0; set < sets; set++) {
        const char *client = config->output.per_client ? contracts->client[set].topic : NULL;
        for (uint8_t topic = 0; topic < OF_CLIENT; topic++) {
            struct kafka_output *output = &outputs->output[outputs->count++];
            output->topic = topic;
            snprintf(output->name, sizeof output->name, "%s%s%s", topic_name[topic],
                     client ? "." : "", client ? client : "");
        }
    }
    struct kafka_output *dead = &outputs->output[outputs->count++];
    dead->topic = RC_TOPIC_DEAD_LETTER;
    snprintf(dead->name, sizeof dead->name, "%s", topic_name[RC_TOPIC_DEAD_LETTER]);
    return RC_OK;
}

void kafka_outputs_done(struct kafka_outputs *outputs)
{
    free(outputs->output);
    *outputs = (struct kafka_outputs){0};
}

uint32_t kafka_output_of(const struct kafka_outputs *outputs, const struct rc_record *rec)
{
    const struct rc_contracts *contracts = &outputs->config->contracts;
    if (!outputs->config->output.per_client)
        return rec->topic;
    const struct rc_client_policy *client =
        rc_client_policy(contracts, rec->text, rec->client_size);
    RC_CHECK(client != &contracts->defaults); /* per_client needs clients_only */
    return (uint32_t)(client - contracts->client) * OF_CLIENT + rec->topic;
}

uint32_t kafka_output_dead(const struct kafka_outputs *outputs)
{
    return outputs->count - 1;
}

/* ---- making ---- */

/* How many partitions there are, 0: no such topic; -1: Kafka does not answer or does not allow. */
static int look(struct kafka_ear *ear, rd_kafka_t *rk, const char *name)
{
    const struct rd_kafka_metadata *md;
    rd_kafka_topic_t *rkt = rd_kafka_topic_new(rk, name, NULL);
    rd_kafka_resp_err_t code = rd_kafka_metadata(rk, 0, rkt, &md, WAIT_MS);
    rd_kafka_topic_destroy(rkt);
    rd_kafka_poll(rk, 0);
    if (code)
        return -1;
    int count = md->topic_cnt == 1 && !md->topics[0].err ? md->topics[0].partition_cnt : 0;
    code = md->topic_cnt == 1 ? md->topics[0].err : RD_KAFKA_RESP_ERR_NO_ERROR;
    rd_kafka_metadata_destroy(md);
    if (code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
        code == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED) {
        kafka_complain(ear, code, name);
        return -1;
    }
    return count;
}

static rd_kafka_NewTopic_t *describe(const struct rc_config *config,
                                     const struct kafka_output *output)
{
    char reason[200], text[32];
    rd_kafka_NewTopic_t *made =
        rd_kafka_NewTopic_new(output->name, (int)config->output.partitions,
                              (int)config->output.replication, reason, sizeof reason);
    if (!made)
        return NULL;
    if (output->topic == RC_TOPIC_DEAD_LETTER) {
        rd_kafka_NewTopic_set_config(made, "cleanup.policy", "delete");
        rd_kafka_NewTopic_set_config(made, "retention.ms", dead_letter_retention_ms);
        snprintf(text, sizeof text, "%llu",
                 (unsigned long long)(2 * config->limits.max_event + (2u << 20)));
        rd_kafka_NewTopic_set_config(made, "max.message.bytes", text);
    } else {
        rd_kafka_NewTopic_set_config(made, "cleanup.policy", "compact,delete");
        snprintf(text, sizeof text, "%lld", (long long)config->output.retention_ms);
        rd_kafka_NewTopic_set_config(made, "retention.ms", text);
    }
    return made;
}

static bool read_result(struct kafka_ear *ear, rd_kafka_event_t *event)
{
    size_t count;
    const rd_kafka_CreateTopics_result_t *result = rd_kafka_event_CreateTopics_result(event);
    if (rd_kafka_event_error(event)) {
        kafka_complain(ear, rd_kafka_event_error(event), rd_kafka_event_error_string(event));
        return false;
    }
    const rd_kafka_topic_result_t **list = rd_kafka_CreateTopics_result_topics(result, &count);
    bool all = true;
    for (size_t i = 0; i < count; i++) {
        rd_kafka_resp_err_t code = rd_kafka_topic_result_error(list[i]);
        const char *why = rd_kafka_topic_result_error_string(list[i]);
        char text[300];
        if (!code) {
            kafka_note(ear, "output topic made: %s", rd_kafka_topic_result_name(list[i]));
        } else if (code != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
            snprintf(text, sizeof text, "%s: %s", rd_kafka_topic_result_name(list[i]),
                     why ? why : rd_kafka_err2str(code));
            kafka_complain(ear, code, text);
            all = false;
        }
    }
    return all;
}

static bool create(struct kafka_ear *ear, rd_kafka_t *rk, rd_kafka_NewTopic_t **list, size_t count)
{
    char reason[200];
    bool all = false;
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(rk, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rd_kafka_AdminOptions_set_request_timeout(options, WAIT_MS, reason, sizeof reason);
    rd_kafka_AdminOptions_set_operation_timeout(options, WAIT_MS, reason, sizeof reason);
    rd_kafka_CreateTopics(rk, list, count, options, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 2 * WAIT_MS);
    if (event) {
        all = read_result(ear, event);
        rd_kafka_event_destroy(event);
    }
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    return all;
}

enum rc_error kafka_topics_make(const struct kafka_outputs *outputs, struct kafka_ear *ear,
                                rd_kafka_t *rk)
{
    rd_kafka_NewTopic_t **list = calloc(outputs->count, sizeof(rd_kafka_NewTopic_t *));
    size_t count = 0;
    bool all = true;
    if (!list)
        return RC_ERR_MEMORY;
    for (uint32_t i = 0; i < outputs->count && all; i++) {
        int partitions = look(ear, rk, outputs->output[i].name);
        all = partitions >= 0;
        if (partitions == 0) {
            list[count] = describe(outputs->config, &outputs->output[i]);
            all = list[count] != NULL;
            count += all;
        }
    }
    if (all && count)
        all = create(ear, rk, list, count);
    rd_kafka_NewTopic_destroy_array(list, count);
    free(list);
    if (all)
        kafka_answered(ear);
    return all ? RC_OK : RC_ERR_AGAIN;
}

/* ---- reading back ---- */

struct back_part {
    const struct kafka_output *output;
    int32_t partition;
    bool at_end;
};

struct kafka_back {
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

enum rc_error kafka_back_open(const struct kafka_outputs *outputs, struct kafka_ear *ear,
                              struct continuity *continuity, struct kafka_back **ret_back,
                              char ret_message[256])
{
    struct kafka_back *back = calloc(1, sizeof *back);
    if (!back)
        return RC_ERR_MEMORY;
    *back = (struct kafka_back){.outputs = outputs, .ear = ear, .continuity = continuity};
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
    int partitions = look(back->ear, back->rk, output->name);
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
    return continuity_read_dead(back->continuity, topic, (int32_t)strtol(partition, NULL, 10),
                                strtoll(offset, NULL, 10));
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
    if (!message->key)
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
