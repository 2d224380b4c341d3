/* The writing half of the copying: one transactional producer, whose transactions hold copies and
 * the offsets behind them. What it may not be sure of it gives up and fences; what the group has
 * committed tells. */
#include "kafka_like.h"
#include "kafka_publisher.h"
#include "rollcall/copy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sink_copy {
    struct sink_copy_options options;
    struct kafka_ear ear;
    struct kafka_wait wait;
    struct kafka_outputs outputs;
    struct kafka_publisher *publisher;
    bool *empty;   /* by topic */
    bool *missing; /* said, by input topic */
    int64_t backoff_ms;
};

static uint32_t topic_count(const struct sink_copy *copy)
{
    return copy->options.config->kafka.topic_count;
}

/* ---- open, close ---- */

static enum rc_error init_outputs(struct sink_copy *copy)
{
    uint32_t count = topic_count(copy);
    copy->outputs = (struct kafka_outputs){.config = copy->options.config};
    copy->outputs.output = calloc(count + 1, sizeof *copy->outputs.output);
    copy->empty = calloc(count + 1, sizeof *copy->empty);
    copy->missing = calloc(count + 1, sizeof *copy->missing);
    if (!copy->outputs.output || !copy->empty || !copy->missing)
        return RC_ERR_MEMORY;
    for (uint32_t i = 0; i < count; i++)
        snprintf(copy->outputs.output[i].name, sizeof copy->outputs.output[i].name, "%s",
                 copy->options.topic[i]);
    copy->outputs.count = count;
    return RC_OK;
}

enum rc_error sink_copy_open(const struct sink_copy_options *options, struct sink_copy **ret_copy,
                             char ret_message[256])
{
    struct sink_copy *copy = calloc(1, sizeof *copy);
    if (!copy)
        return RC_ERR_MEMORY;
    copy->options = *options;
    copy->backoff_ms = KAFKA_BACKOFF_MS;
    copy->ear = (struct kafka_ear){.say = options->say, .opaque = options->opaque, .failing = true};
    copy->wait = (struct kafka_wait){.leave = options->leave};
    struct kafka_publisher_options publisher = {.config = options->config,
                                                .outputs = &copy->outputs,
                                                .ear = &copy->ear,
                                                .wait = &copy->wait,
                                                .id = options->id};
    enum rc_error err = init_outputs(copy);
    if (!err)
        err = kafka_publisher_open(&publisher, &copy->publisher, ret_message);
    if (err) {
        sink_copy_close(copy);
        return err;
    }
    *ret_copy = copy;
    return RC_OK;
}

void sink_copy_close(struct sink_copy *copy)
{
    if (!copy)
        return;
    kafka_publisher_close(copy->publisher);
    kafka_outputs_done(&copy->outputs);
    free(copy->empty);
    free(copy->missing);
    free(copy);
}

/* ---- topics ---- */

/* AGAIN: it is not there yet. */
static enum rc_error look_for_input(struct sink_copy *copy, uint32_t topic)
{
    const char *name = copy->options.config->kafka.topic[topic].name;
    int partitions = kafka_topic_look(&copy->ear, kafka_publisher_handle(copy->publisher), name);
    if (!partitions && !copy->missing[topic])
        kafka_note(&copy->ear, "an input topic is missing, it is waited for: %s", name);
    copy->missing[topic] |= !partitions;
    return partitions > 0 ? RC_OK : RC_ERR_AGAIN;
}

/* AGAIN: it is not there yet; CONFIG. */
static enum rc_error make_topic(struct sink_copy *copy, uint32_t topic, char ret_message[256])
{
    rd_kafka_t *rk = kafka_publisher_handle(copy->publisher);
    const char *name = copy->options.topic[topic];
    const char *like = copy->options.config->kafka.topic[topic].name;
    int partitions = kafka_topic_look(&copy->ear, rk, name);
    if (partitions < 0)
        return RC_ERR_AGAIN;
    if (partitions && (uint32_t)partitions != copy->options.partitions) {
        snprintf(ret_message, 256,
                 "the topic %.120s is there and has %d partitions, not %u: give the number of "
                 "tasks that it is for (--tasks), or another --to-suffix",
                 name, partitions, copy->options.partitions);
        return RC_ERR_CONFIG;
    }
    if (partitions)
        return RC_OK;
    rd_kafka_NewTopic_t *made;
    enum rc_error err = look_for_input(copy, topic);
    if (!err)
        err = kafka_topic_like(&copy->ear, rk, like, name, copy->options.partitions, &made,
                               ret_message);
    if (err)
        return err;
    kafka_topics_create(&copy->ear, rk, &made, 1);
    rd_kafka_NewTopic_destroy(made);
    return RC_ERR_AGAIN; /* until it is seen everywhere */
}

static enum rc_error look_if_empty(struct sink_copy *copy, uint32_t topic)
{
    rd_kafka_t *rk = kafka_publisher_handle(copy->publisher);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(64);
    bool empty = true;
    for (uint32_t i = 0; i < copy->options.partitions; i++)
        rd_kafka_topic_partition_list_add(list, copy->options.topic[topic], (int32_t)i)->offset =
            RD_KAFKA_OFFSET_END;
    rd_kafka_resp_err_t code = rd_kafka_offsets_for_times(rk, list, KAFKA_BACKOFF_MAX_MS);
    for (int i = 0; i < list->cnt && !code; i++) {
        code = list->elems[i].err;
        empty &= list->elems[i].offset == 0;
    }
    rd_kafka_topic_partition_list_destroy(list);
    copy->empty[topic] = empty;
    return code ? RC_ERR_AGAIN : RC_OK;
}

static bool pause_ms(struct sink_copy *copy, int64_t length_ms)
{
    int64_t until_ms = kafka_steady_ms() + length_ms;
    while (kafka_steady_ms() < until_ms && !kafka_wait_over(&copy->wait))
        rd_kafka_poll(kafka_publisher_handle(copy->publisher), KAFKA_POLL_MS);
    return !kafka_wait_over(&copy->wait);
}

static enum rc_error make_topics(struct sink_copy *copy, char ret_message[256])
{
    enum rc_error err = RC_OK;
    for (uint32_t i = 0; i < topic_count(copy) && !err; i++) {
        err = make_topic(copy, i, ret_message);
        if (!err)
            err = look_if_empty(copy, i);
    }
    if (!err)
        kafka_answered(&copy->ear);
    return err;
}

static enum rc_error fenced(char ret_message[256])
{
    snprintf(ret_message, 256, "another rekey copies these topics now (fenced)");
    return RC_ERR_KAFKA;
}

static enum rc_error fence(struct sink_copy *copy, char ret_message[256])
{
    enum kafka_outcome outcome = kafka_publisher_fence(copy->publisher);
    return outcome == KAFKA_FENCED ? fenced(ret_message) : outcome ? RC_ERR_KAFKA : RC_OK;
}

enum rc_error sink_copy_prepare(struct sink_copy *copy, char ret_message[256])
{
    enum rc_error err;
    while ((err = make_topics(copy, ret_message)) == RC_ERR_AGAIN) {
        if (!pause_ms(copy, KAFKA_BACKOFF_MS))
            return RC_ERR_KAFKA;
        /* Not being allowed is fatal to a producer; to us only once something is produced. */
        if (copy->ear.fatal && (err = kafka_publisher_renew(copy->publisher, ret_message)))
            return err;
    }
    return err ? err : fence(copy, ret_message);
}

bool sink_copy_empty(const struct sink_copy *copy, uint32_t topic)
{
    return copy->empty[topic];
}

/* ---- copies ---- */

static size_t size_of(uint32_t size)
{
    return size == RC_COPY_ABSENT ? 0 : size;
}

static rd_kafka_headers_t *make_headers(const struct rc_copy_record *record)
{
    rd_kafka_headers_t *headers =
        record->header_count ? rd_kafka_headers_new(record->header_count) : NULL;
    for (uint32_t i = 0; i < record->header_count; i++) {
        const struct rc_copy_header *header = &record->header[i];
        rd_kafka_header_add(headers, header->name, -1, header->value,
                            (ssize_t)size_of(header->value_size));
    }
    return headers;
}

enum rc_error sink_copy_send(struct sink_copy *copy, const struct rc_copy_record *record,
                             int32_t partition, const char *key, uint32_t key_size)
{
    rd_kafka_vu_t list[7] = {
        {.vtype = RD_KAFKA_VTYPE_RKT,
         .u.rkt = kafka_publisher_topic(copy->publisher, record->topic)},
        {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = partition},
        {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
        {.vtype = RD_KAFKA_VTYPE_KEY, .u.mem = {(void *)key, size_of(key_size)}},
        {.vtype = RD_KAFKA_VTYPE_VALUE,
         .u.mem = {(void *)record->value, size_of(record->value_size)}}};
    size_t count = 5;
    if (record->timestamp_ms != RC_TIME_NONE)
        list[count++] =
            (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_TIMESTAMP, .u.i64 = record->timestamp_ms};
    rd_kafka_headers_t *headers = make_headers(record);
    if (headers)
        list[count++] = (rd_kafka_vu_t){.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers};
    enum rc_error err = kafka_publisher_put(copy->publisher, list, count);
    if (err && headers)
        rd_kafka_headers_destroy(headers);
    return err;
}

static rd_kafka_topic_partition_list_t *
list_offsets(const struct sink_copy *copy, const struct rc_copy_offset *offset, uint32_t count)
{
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
    for (uint32_t i = 0; i < count; i++)
        rd_kafka_topic_partition_list_add(
            list, copy->options.config->kafka.topic[offset[i].topic].name, offset[i].partition)
            ->offset = offset[i].next;
    return list;
}

enum rc_error sink_copy_commit(struct sink_copy *copy, const struct rc_copy_offset *offset,
                               uint32_t count, char ret_message[256])
{
    rd_kafka_topic_partition_list_t *list = list_offsets(copy, offset, count);
    struct kafka_commit commit = {.offsets = list};
    enum kafka_outcome outcome = kafka_publisher_commit(copy->publisher, &commit);
    rd_kafka_topic_partition_list_destroy(list);
    if (outcome == KAFKA_DONE) {
        copy->backoff_ms = KAFKA_BACKOFF_MS;
        return RC_OK;
    }
    if (outcome == KAFKA_LEFT || !pause_ms(copy, copy->backoff_ms))
        return RC_ERR_KAFKA;
    copy->backoff_ms = kafka_wait_longer(copy->backoff_ms);
    if (outcome == KAFKA_ABORTED)
        return RC_ERR_AGAIN;
    /* The broker fences one that was gone for too long, too. */
    if (outcome == KAFKA_FENCED && !kafka_publisher_overran(copy->publisher))
        return fenced(ret_message);
    kafka_note(&copy->ear, "whether the last transaction is committed is not known: the group's "
                           "offsets will say");
    enum rc_error err = kafka_publisher_renew(copy->publisher, ret_message);
    if (!err)
        err = fence(copy, ret_message);
    return err ? err : RC_ERR_AGAIN;
}
