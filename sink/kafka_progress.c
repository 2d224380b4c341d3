#include "kafka_progress.h"
#include "kafka_topics.h"

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

static enum rc_error find_end(rd_kafka_t *rk, struct kafka_wait *wait, struct reading *reading)
{
    rd_kafka_resp_err_t code;
    int64_t low;
    while ((code = rd_kafka_query_watermark_offsets(rk, kafka_progress_topic, 0, &low,
                                                    &reading->end_offset, 5 * KAFKA_POLL_MS))) {
        kafka_complain(reading->ear, code, rd_kafka_err2str(code));
        rd_kafka_poll(rk, KAFKA_POLL_MS);
        if (kafka_wait_over(wait))
            return RC_ERR_KAFKA;
    }
    return RC_OK;
}

static enum rc_error read_all(rd_kafka_queue_t *queue, struct kafka_wait *wait,
                              struct reading *reading)
{
    rd_kafka_message_t *batch[BATCH];
    enum rc_error err = RC_OK;
    while (!err && !reading->at_end) {
        if (kafka_wait_over(wait))
            return RC_ERR_KAFKA;
        ssize_t count = rd_kafka_consume_batch_queue(queue, KAFKA_POLL_MS, batch, BATCH);
        for (ssize_t i = 0; i < count; i++) {
            if (!err)
                err = take(reading, batch[i]);
            rd_kafka_message_destroy(batch[i]);
        }
    }
    return err;
}

enum rc_error kafka_progress_read(const struct rc_config *config, struct kafka_ear *ear,
                                  struct kafka_wait *wait, struct progress_log *log, int64_t *from)
{
    struct reading reading = {.ear = ear, .log = log, .next_offset = *from};
    char message[256];
    rd_kafka_t *rk;
    enum rc_error err = kafka_reader_open(config, ear, &rk, message);
    if (err)
        return err;
    rd_kafka_poll_set_consumer(rk);
    err = find_end(rk, wait, &reading);
    if (err) {
        rd_kafka_destroy_flags(rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
        return err;
    }
    rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(rk);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, kafka_progress_topic, 0)->offset =
        *from ? *from : RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_resp_err_t code = rd_kafka_assign(rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (code) {
        kafka_complain(ear, code, rd_kafka_err2str(code));
        err = RC_ERR_KAFKA;
    } else {
        err = read_all(queue, wait, &reading);
        rd_kafka_assign(rk, NULL);
    }
    rd_kafka_queue_destroy(queue);
    rd_kafka_destroy_flags(rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    if (!err)
        *from = reading.next_offset;
    return err;
}
