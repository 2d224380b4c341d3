#include "feed_kafka.h"

#include <librdkafka/rdkafka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { POLL_MS = 50, LOOK_MS = 2000, SETTLE_STEPS = 100 };

struct feed_kafka {
    struct feed_kafka_options options;
    rd_kafka_t *rk;
    rd_kafka_topic_t **rkt;
    uint32_t *partitions;
    uint64_t taken, delivered, failed;
    uint64_t again; /* of the delivered ones, sent once more */
    bool failing;
    char reason[256]; /* why something was not delivered */
};

static int64_t steady_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void complain(struct feed_kafka *kafka, rd_kafka_resp_err_t code, const char *text)
{
    char line[512];
    snprintf(line, sizeof line, "%s: %s", rd_kafka_err2name(code), text);
    kafka->failing = true;
    kafka->options.say(kafka->options.opaque, line);
}

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    (void)rk;
    complain(opaque, code, reason);
}

static void not_delivered(struct feed_kafka *kafka, const rd_kafka_message_t *message,
                          rd_kafka_resp_err_t code)
{
    kafka->failed++;
    snprintf(kafka->reason, sizeof kafka->reason, "%s: %s", rd_kafka_topic_name(message->rkt),
             rd_kafka_err2str(code));
}

/* A new partition may have lost what librdkafka says is delivered, and has no offset then (see
 * kafka_is_kept in sink/kafka_handle.h). An event that stands there twice counts once. */
static void send_again(struct feed_kafka *kafka, const rd_kafka_message_t *message)
{
    if (rd_kafka_produce(message->rkt, message->partition, RD_KAFKA_MSG_F_COPY, message->payload,
                         message->len, message->key, message->key_len, NULL)) {
        not_delivered(kafka, message, rd_kafka_last_error());
        return;
    }
    kafka->taken++;
    kafka->again++;
}

static void on_delivered(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    struct feed_kafka *kafka = opaque;
    (void)rk;
    if (message->err) {
        not_delivered(kafka, message, message->err);
        return;
    }
    kafka->delivered++;
    if (message->offset < 0)
        send_again(kafka, message);
    if (kafka->failing) {
        kafka->failing = false;
        kafka->options.say(kafka->options.opaque, "up");
    }
}

static enum rc_error configure(struct feed_kafka *kafka, rd_kafka_conf_t *conf,
                               char ret_message[256])
{
    const struct rc_kafka *config = &kafka->options.config->kafka;
    char timeout[24], reason[200];
    snprintf(timeout, sizeof timeout, "%lld", (long long)kafka->options.timeout_ms);
    const struct {
        const char *name, *value;
    } list[] = {
        {"client.id", "rollcall-feed"},
        {"socket.nagle.disable", "true"},
        {"compression.codec", "lz4"},
        {"linger.ms", "20"},
        {"queue.buffering.max.messages", "200000"},
        {"queue.buffering.max.kbytes", "131072"},
        {"retry.backoff.ms", "10"},
        {"reconnect.backoff.ms", "50"},
        {"reconnect.backoff.max.ms", "2000"},
        {"bootstrap.servers", kafka->options.brokers ? kafka->options.brokers : config->brokers}};
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        if (rd_kafka_conf_set(conf, list[i].name, list[i].value, ret_message, 256))
            return RC_ERR_CONFIG;
    for (uint32_t i = 0; i < config->property_count; i++) {
        const struct rc_property *property = &config->property[i];
        if (rd_kafka_conf_set(conf, property->name, property->value, reason, sizeof reason) == 0)
            continue;
        snprintf(ret_message, 256, "kafka.security: %s: %s", property->name,
                 property->secret ? "librdkafka refuses its value" : reason);
        return RC_ERR_CONFIG;
    }
    if (rd_kafka_conf_set(conf, "enable.idempotence", "true", ret_message, 256) ||
        rd_kafka_conf_set(conf, "partitioner", "murmur2_random", ret_message, 256) ||
        rd_kafka_conf_set(conf, "message.timeout.ms", timeout, ret_message, 256))
        return RC_ERR_CONFIG;
    rd_kafka_conf_set_opaque(conf, kafka);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivered);
    rd_kafka_conf_set_log_cb(conf, NULL);
    ret_message[0] = '\0'; /* a topic's property leaves a complaint there though it is taken */
    return RC_OK;
}

enum rc_error feed_kafka_open(const struct feed_kafka_options *options,
                              struct feed_kafka **ret_kafka, char ret_message[256])
{
    struct feed_kafka *kafka = calloc(1, sizeof *kafka);
    uint32_t topics = options->config->kafka.topic_count;
    if (!kafka)
        return RC_ERR_MEMORY;
    kafka->options = *options;
    kafka->failing = true; /* until Kafka answers */
    kafka->rkt = calloc(topics + 1, sizeof *kafka->rkt);
    kafka->partitions = calloc(topics + 1, sizeof *kafka->partitions);
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    enum rc_error err =
        kafka->rkt && kafka->partitions ? configure(kafka, conf, ret_message) : RC_ERR_MEMORY;
    if (!err && !(kafka->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, ret_message, 256)))
        err = RC_ERR_CONFIG;
    if (!kafka->rk)
        rd_kafka_conf_destroy(conf);
    for (uint32_t i = 0; i < topics && !err; i++) {
        kafka->rkt[i] = rd_kafka_topic_new(kafka->rk, options->config->kafka.topic[i].name, NULL);
        if (!kafka->rkt[i])
            err = RC_ERR_KAFKA;
    }
    if (err) {
        feed_kafka_close(kafka);
        return err;
    }
    *ret_kafka = kafka;
    return RC_OK;
}

void feed_kafka_close(struct feed_kafka *kafka)
{
    if (!kafka)
        return;
    for (uint32_t i = 0; kafka->rkt && i < kafka->options.config->kafka.topic_count; i++)
        if (kafka->rkt[i])
            rd_kafka_topic_destroy(kafka->rkt[i]);
    if (kafka->rk) {
        rd_kafka_purge(kafka->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        rd_kafka_flush(kafka->rk, POLL_MS);
        rd_kafka_destroy(kafka->rk);
    }
    free(kafka->rkt);
    free(kafka->partitions);
    free(kafka);
}

/* ---- topics ---- */

/* KAFKA: no answer. Topics that are not there have no partitions. */
static enum rc_error look(struct feed_kafka *kafka, bool *ret_all)
{
    *ret_all = true;
    for (uint32_t i = 0; i < kafka->options.config->kafka.topic_count; i++) {
        const struct rd_kafka_metadata *md;
        rd_kafka_resp_err_t code = rd_kafka_metadata(kafka->rk, 0, kafka->rkt[i], &md, LOOK_MS);
        rd_kafka_poll(kafka->rk, 0);
        if (code)
            return RC_ERR_KAFKA;
        kafka->partitions[i] =
            md->topic_cnt == 1 && !md->topics[0].err ? (uint32_t)md->topics[0].partition_cnt : 0;
        *ret_all &= kafka->partitions[i] > 0;
        rd_kafka_metadata_destroy(md);
    }
    return RC_OK;
}

/* It is away, or has just come back: in a moment it may take what it does not take now. */
static bool passes(rd_kafka_resp_err_t code)
{
    switch (code) {
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT:
    case RD_KAFKA_RESP_ERR_NOT_CONTROLLER:
    case RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE:
    case RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION:
        return true;
    default:
        return false;
    }
}

/* AGAIN, with a message: it passes. */
static enum rc_error read_result(rd_kafka_event_t *event, char ret_message[256])
{
    size_t count;
    if (!event || rd_kafka_event_error(event)) {
        snprintf(ret_message, 256, "topics could not be made: %s",
                 event ? rd_kafka_event_error_string(event) : "Kafka does not answer");
        return !event || passes(rd_kafka_event_error(event)) ? RC_ERR_AGAIN : RC_ERR_KAFKA;
    }
    const rd_kafka_topic_result_t **list =
        rd_kafka_CreateTopics_result_topics(rd_kafka_event_CreateTopics_result(event), &count);
    for (size_t i = 0; i < count; i++) {
        rd_kafka_resp_err_t code = rd_kafka_topic_result_error(list[i]);
        if (!code || code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
            continue;
        const char *why = rd_kafka_topic_result_error_string(list[i]);
        snprintf(ret_message, 256, "topic %s could not be made: %s",
                 rd_kafka_topic_result_name(list[i]), why ? why : rd_kafka_err2str(code));
        return passes(code) ? RC_ERR_AGAIN : RC_ERR_KAFKA;
    }
    return RC_OK;
}

static enum rc_error create(struct feed_kafka *kafka, char ret_message[256])
{
    const struct rc_config *config = kafka->options.config;
    rd_kafka_NewTopic_t **list = calloc(config->kafka.topic_count + 1, sizeof *list);
    size_t count = 0;
    char reason[200];
    enum rc_error err = RC_OK;
    if (!list)
        return RC_ERR_MEMORY;
    for (uint32_t i = 0; i < config->kafka.topic_count && !err; i++) {
        if (kafka->partitions[i])
            continue;
        list[count] =
            rd_kafka_NewTopic_new(config->kafka.topic[i].name, (int)kafka->options.partitions,
                                  (int)config->output.replication, reason, sizeof reason);
        err = list[count] ? RC_OK : RC_ERR_KAFKA;
        count += !err;
    }
    if (!err) {
        rd_kafka_queue_t *queue = rd_kafka_queue_new(kafka->rk);
        rd_kafka_CreateTopics(kafka->rk, list, count, NULL, queue);
        rd_kafka_event_t *event = rd_kafka_queue_poll(queue, (int)kafka->options.timeout_ms);
        err = read_result(event, ret_message);
        if (event)
            rd_kafka_event_destroy(event);
        rd_kafka_queue_destroy(queue);
    }
    rd_kafka_NewTopic_destroy_array(list, count);
    free(list);
    return err;
}

static enum rc_error away(const struct feed_kafka *kafka, char ret_message[256])
{
    snprintf(ret_message, 256, "Kafka does not answer at %s",
             kafka->options.brokers ? kafka->options.brokers
                                    : kafka->options.config->kafka.brokers);
    return RC_ERR_AGAIN;
}

/* One attempt. AGAIN, with a message: Kafka is away. */
static enum rc_error make_topics(struct feed_kafka *kafka, char ret_message[256])
{
    bool all = false;
    if (look(kafka, &all))
        return away(kafka, ret_message);
    if (all)
        return RC_OK;
    enum rc_error err = create(kafka, ret_message);
    /* It takes a moment until a new topic is known everywhere. */
    for (int i = 0; i < SETTLE_STEPS && !err && !all; i++) {
        rd_kafka_poll(kafka->rk, POLL_MS);
        if (look(kafka, &all))
            return away(kafka, ret_message);
    }
    if (!err && !all) {
        snprintf(ret_message, 256, "a topic that was made does not appear");
        err = RC_ERR_KAFKA;
    }
    return err;
}

enum rc_error feed_kafka_topics(struct feed_kafka *kafka, char ret_message[256])
{
    int64_t until_ms = steady_ms() + kafka->options.timeout_ms;
    enum rc_error err = make_topics(kafka, ret_message);
    while (err == RC_ERR_AGAIN && steady_ms() < until_ms) {
        rd_kafka_poll(kafka->rk, POLL_MS);
        err = make_topics(kafka, ret_message);
    }
    return err == RC_ERR_AGAIN ? RC_ERR_KAFKA : err;
}

uint32_t feed_kafka_partitions(const struct feed_kafka *kafka, uint32_t topic)
{
    return kafka->partitions[topic];
}

/* ---- events ---- */

enum rc_error feed_kafka_send(struct feed_kafka *kafka, uint32_t topic, int32_t partition,
                              const char *key, size_t key_size, const char *value,
                              size_t value_size)
{
    while (!kafka->failed) {
        if (rd_kafka_produce(kafka->rkt[topic], partition < 0 ? RD_KAFKA_PARTITION_UA : partition,
                             RD_KAFKA_MSG_F_COPY, (void *)value, value_size, key, key_size,
                             NULL) == 0) {
            kafka->taken++;
            return RC_OK;
        }
        rd_kafka_resp_err_t code = rd_kafka_last_error();
        if (code == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE)
            return RC_ERR_LIMIT;
        if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL) {
            snprintf(kafka->reason, sizeof kafka->reason, "%s", rd_kafka_err2str(code));
            kafka->failed++;
            break;
        }
        rd_kafka_poll(kafka->rk, POLL_MS);
    }
    return RC_ERR_KAFKA;
}

void feed_kafka_serve(struct feed_kafka *kafka, int timeout_ms)
{
    rd_kafka_poll(kafka->rk, timeout_ms);
}

enum rc_error feed_kafka_flush(struct feed_kafka *kafka, char ret_message[256])
{
    while (rd_kafka_outq_len(kafka->rk) > 0 && !kafka->failed)
        rd_kafka_flush(kafka->rk, POLL_MS);
    if (!kafka->failed && kafka->delivered != kafka->taken) {
        snprintf(kafka->reason, sizeof kafka->reason, "%llu of them have never been answered for",
                 (unsigned long long)(kafka->taken - kafka->delivered));
        kafka->failed++;
    }
    if (!kafka->failed)
        return RC_OK;
    snprintf(ret_message, 256, "not delivered: %.240s", kafka->reason);
    return RC_ERR_KAFKA;
}

uint64_t feed_kafka_again(const struct feed_kafka *kafka)
{
    return kafka->again;
}
