#include "kafka_peek.h"

#include "kafka_wait.h"

enum { WAIT_MS = 10000 };

static enum rc_error error_of(rd_kafka_resp_err_t code)
{
    switch (code) {
    case RD_KAFKA_RESP_ERR_NO_ERROR:
        return RC_OK;
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
        return RC_ERR_END;
    case RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED:
        return RC_ERR_DENIED;
    default:
        return RC_ERR_KAFKA;
    }
}

static enum rc_error open_it(struct kafka_peek *peek)
{
    char message[256];
    return peek->rk ? RC_OK : kafka_reader_open(peek->config, peek->ear, &peek->rk, message);
}

enum rc_error kafka_peek_ends(struct kafka_peek *peek, const char *topic, int64_t *ret_low,
                              int64_t *ret_high)
{
    enum rc_error err = open_it(peek);
    if (err)
        return err;
    rd_kafka_resp_err_t code = rd_kafka_query_watermark_offsets(
        peek->rk, topic, rc_own_partition(peek->config), ret_low, ret_high, WAIT_MS);
    return error_of(code);
}

static void stop(struct kafka_peek *peek)
{
    if (!peek->rkt)
        return;
    rd_kafka_consume_stop(peek->rkt, rc_own_partition(peek->config));
    rd_kafka_topic_destroy(peek->rkt);
    peek->rkt = NULL;
}

/* Assigning again and again trips librdkafka 2.0.2 over an assertion; its older way does not. */
enum rc_error kafka_peek_seek(struct kafka_peek *peek, const char *topic, int64_t offset)
{
    enum rc_error err = open_it(peek);
    if (err)
        return err;
    stop(peek);
    peek->rkt = rd_kafka_topic_new(peek->rk, topic, NULL);
    if (!peek->rkt)
        return RC_ERR_KAFKA;
    if (!rd_kafka_consume_start(peek->rkt, rc_own_partition(peek->config), offset))
        return RC_OK;
    rd_kafka_topic_destroy(peek->rkt);
    peek->rkt = NULL;
    return RC_ERR_KAFKA;
}

enum rc_error kafka_peek_next(struct kafka_peek *peek, rd_kafka_message_t **ret_message)
{
    int64_t until_ms = kafka_steady_ms() + WAIT_MS;
    while (kafka_steady_ms() < until_ms &&
           !atomic_load_explicit(peek->leave, memory_order_relaxed)) {
        rd_kafka_poll(peek->rk, 0);
        rd_kafka_message_t *message =
            rd_kafka_consume(peek->rkt, rc_own_partition(peek->config), KAFKA_POLL_MS);
        if (!message)
            continue;
        if (!message->err) {
            *ret_message = message;
            return RC_OK;
        }
        enum rc_error err = error_of(message->err);
        rd_kafka_message_destroy(message);
        if (err != RC_ERR_KAFKA)
            return err;
    }
    return RC_ERR_KAFKA;
}

void kafka_peek_close(struct kafka_peek *peek)
{
    if (!peek->rk)
        return;
    stop(peek);
    rd_kafka_destroy_flags(peek->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
    peek->rk = NULL;
}
