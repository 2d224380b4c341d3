#include "kafka_progress.h"
#include "kafka_topics.h"

#include <stdlib.h>

enum { BATCH = 256 };

struct reading {
    struct kafka_ear *ear;
    struct progress_log *log;
    int64_t next_offset, end_offset; /* end: as it was at the beginning */
    bool at_end;
};

static enum rc_error take(struct reading *reading, const rd_kafka_message_t *message)
{
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        reading->at_end = true;
        kafka_answered(reading->ear);
        return RC_OK;
    }
    if (message->err) {
        kafka_complain(reading->ear, message->err, rd_kafka_message_errstr(message));
        return RC_OK;
    }
    /* Somebody who goes on writing must not keep us here. */
    reading->at_end = message->offset + 1 >= reading->end_offset;
    reading->next_offset = message->offset + 1;
    return progress_log_add(reading->log, message->offset, message->key, message->key_len,
                            message->payload, message->len);
}

static enum rc_error find_end(rd_kafka_t *rk, int32_t partition, struct kafka_wait *wait,
                              struct reading *reading)
{
    rd_kafka_resp_err_t code;
    int64_t low;
    while ((code = rd_kafka_query_watermark_offsets(rk, kafka_progress_topic, partition, &low,
                                                    &reading->end_offset, 5 * KAFKA_POLL_MS))) {
        kafka_complain(reading->ear, code, rd_kafka_err2str(code));
        rd_kafka_poll(rk, KAFKA_POLL_MS);
        if (kafka_wait_over(wait))
            return RC_ERR_KAFKA;
    }
    return RC_OK;
}

/* ---- following ---- */

struct kafka_tail {
    rd_kafka_t *rk;
    rd_kafka_queue_t *queue;
    int32_t partition;
    struct reading reading;
    rd_kafka_message_t *batch[BATCH];
};

static enum rc_error open_tail(const struct rc_config *config, struct kafka_ear *ear,
                               struct progress_log *log, int64_t from, struct kafka_tail **ret_tail)
{
    char message[256];
    struct kafka_tail *tail = calloc(1, sizeof *tail);
    if (!tail)
        return RC_ERR_MEMORY;
    tail->partition = rc_own_partition(config);
    tail->reading =
        (struct reading){.ear = ear, .log = log, .next_offset = from, .end_offset = INT64_MAX};
    enum rc_error err = kafka_reader_open(config, ear, &tail->rk, message);
    if (err) {
        free(tail);
        return err;
    }
    rd_kafka_poll_set_consumer(tail->rk);
    tail->queue = rd_kafka_queue_get_consumer(tail->rk);
    *ret_tail = tail;
    return RC_OK;
}

/* From here on rd_kafka_poll must not be called any more: it would meet messages. */
static enum rc_error assign(struct kafka_tail *tail)
{
    int64_t from = tail->reading.next_offset;
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, kafka_progress_topic, tail->partition)->offset =
        from ? from : RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_resp_err_t code = rd_kafka_assign(tail->rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (code)
        kafka_complain(tail->reading.ear, code, rd_kafka_err2str(code));
    return code ? RC_ERR_KAFKA : RC_OK;
}

enum rc_error kafka_tail_open(const struct rc_config *config, struct kafka_ear *ear,
                              struct progress_log *log, int64_t from, struct kafka_tail **ret_tail)
{
    struct kafka_tail *tail;
    enum rc_error err = open_tail(config, ear, log, from, &tail);
    if (err)
        return err;
    err = assign(tail);
    if (err)
        kafka_tail_close(tail);
    else
        *ret_tail = tail;
    return err;
}

enum rc_error kafka_tail_poll(struct kafka_tail *tail, int timeout_ms)
{
    int64_t before = tail->reading.next_offset;
    ssize_t count = rd_kafka_consume_batch_queue(tail->queue, timeout_ms, tail->batch, BATCH);
    enum rc_error err = RC_OK;
    for (ssize_t i = 0; i < count; i++) {
        if (!err)
            err = take(&tail->reading, tail->batch[i]);
        rd_kafka_message_destroy(tail->batch[i]);
    }
    return err || tail->reading.next_offset > before ? err : RC_ERR_AGAIN;
}

bool kafka_tail_at_end(const struct kafka_tail *tail)
{
    return tail->reading.at_end;
}

int64_t kafka_tail_offset(const struct kafka_tail *tail)
{
    return tail->reading.next_offset;
}

void kafka_tail_close(struct kafka_tail *tail)
{
    if (!tail)
        return;
    rd_kafka_assign(tail->rk, NULL);
    rd_kafka_queue_destroy(tail->queue);
    rd_kafka_destroy_flags(tail->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    free(tail);
}

/* ---- all of it ---- */

enum rc_error kafka_progress_read(const struct rc_config *config, struct kafka_ear *ear,
                                  struct kafka_wait *wait, struct progress_log *log, int64_t *from)
{
    struct kafka_tail *tail;
    enum rc_error err = open_tail(config, ear, log, *from, &tail);
    if (err)
        return err;
    err = find_end(tail->rk, tail->partition, wait, &tail->reading);
    if (!err)
        err = assign(tail);
    while (!err && !tail->reading.at_end) {
        err = kafka_wait_over(wait) ? RC_ERR_KAFKA : kafka_tail_poll(tail, KAFKA_POLL_MS);
        err = err == RC_ERR_AGAIN ? RC_OK : err;
    }
    if (!err)
        *from = tail->reading.next_offset;
    kafka_tail_close(tail);
    return err;
}
