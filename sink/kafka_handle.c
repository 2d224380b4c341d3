#include "kafka_handle.h"

#include <stdarg.h>
#include <stdio.h>

struct property {
    const char *name, *value;
};

static const struct property preferred[] = {
    {"client.id", "rollcall"},           {"socket.nagle.disable", "true"},
    {"socket.keepalive.enable", "true"}, {"retry.backoff.ms", "10"},
    {"reconnect.backoff.ms", "50"},      {"reconnect.backoff.max.ms", "250"},
    {"broker.address.ttl", "5000"},
};
static const struct property producer_preferred[] = {
    {"compression.codec", "lz4"},
    {"linger.ms", "5"},
    {"queue.buffering.max.messages", "100000"},
    {"queue.buffering.max.kbytes", "65536"},
    {"message.max.bytes", "4194304"},
};
static const struct property producer_required[] = {
    {"enable.idempotence", "true"},
    {"partitioner", "murmur2_random"}, /* as every other client: upsert sinks rely on it */
};
static const struct property reader_required[] = {
    {"isolation.level", "read_committed"}, {"enable.auto.commit", "false"},
    {"enable.partition.eof", "true"},      {"auto.offset.reset", "earliest"},
    {"allow.auto.create.topics", "false"}, {"check.crcs", "true"},
    {"fetch.wait.max.ms", "10"}, /* the end of an empty partition is news, too */
};
#define COUNT(list) (sizeof(list) / sizeof *(list))

void kafka_complain(struct kafka_ear *ear, rd_kafka_resp_err_t code, const char *text)
{
    char line[512];
    ear->failing = true;
    snprintf(line, sizeof line, "%s: %s", rd_kafka_err2name(code), text ? text : "");
    ear->say(ear->opaque, line);
}

void kafka_answered(struct kafka_ear *ear)
{
    if (!ear->failing)
        return;
    ear->failing = false;
    ear->say(ear->opaque, "up");
}

void kafka_note(struct kafka_ear *ear, const char *format, ...)
{
    char line[400] = "note: ";
    va_list list;
    va_start(list, format);
    vsnprintf(line + 6, sizeof line - 6, format, list);
    va_end(list);
    ear->say(ear->opaque, line);
}

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    struct kafka_ear *ear = opaque;
    char fatal[400];
    if (code == RD_KAFKA_RESP_ERR__FATAL) {
        code = rd_kafka_fatal_error(rk, fatal, sizeof fatal);
        reason = fatal;
        ear->fatal = true;
    }
    kafka_complain(ear, code, reason);
}

static enum rc_error set(rd_kafka_conf_t *conf, const char *name, const char *value,
                         char ret_message[256])
{
    char reason[200]; /* a topic's property leaves a complaint there though it is taken */
    if (rd_kafka_conf_set(conf, name, value, reason, sizeof reason) == RD_KAFKA_CONF_OK)
        return RC_OK;
    snprintf(ret_message, 256, "kafka: %s", reason);
    return RC_ERR_CONFIG;
}

static enum rc_error set_all(rd_kafka_conf_t *conf, const struct property *list, size_t count,
                             char ret_message[256])
{
    enum rc_error err = RC_OK;
    for (size_t i = 0; i < count && !err; i++)
        err = set(conf, list[i].name, list[i].value, ret_message);
    return err;
}

static enum rc_error set_configured(rd_kafka_conf_t *conf, const struct rc_kafka *kafka,
                                    char ret_message[256])
{
    char reason[200];
    enum rc_error err = set(conf, "bootstrap.servers", kafka->brokers, ret_message);
    for (uint32_t i = 0; i < kafka->property_count && !err; i++) {
        const struct rc_property *property = &kafka->property[i];
        if (rd_kafka_conf_set(conf, property->name, property->value, reason, sizeof reason) == 0)
            continue;
        /* librdkafka's words quote the value. */
        snprintf(ret_message, 256, "kafka.security: %s: %s", property->name,
                 property->secret ? "librdkafka refuses its value" : reason);
        err = RC_ERR_CONFIG;
    }
    return err;
}

/* Takes the configuration object, whatever the answer. */
static enum rc_error make_handle(rd_kafka_conf_t *conf, rd_kafka_type_t type, struct kafka_ear *ear,
                                 rd_kafka_t **ret_rk, char ret_message[256])
{
    char reason[200];
    rd_kafka_conf_set_opaque(conf, ear);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_log_cb(conf, NULL);
    rd_kafka_t *rk = rd_kafka_new(type, conf, reason, sizeof reason);
    if (!rk) {
        rd_kafka_conf_destroy(conf);
        snprintf(ret_message, 256, "kafka: %s", reason);
        return RC_ERR_CONFIG;
    }
    *ret_rk = rk;
    return RC_OK;
}

/* With transactions a record may wait as long as the transaction; without, as long as it takes. */
static enum rc_error set_transactions(rd_kafka_conf_t *conf,
                                      const struct kafka_producer_options *options,
                                      char ret_message[256])
{
    char timeout[24];
    snprintf(timeout, sizeof timeout, "%lld", (long long)options->transaction_ms);
    if (!options->transactional_id)
        return set(conf, "message.timeout.ms", "0", ret_message);
    const struct property list[] = {{"transactional.id", options->transactional_id},
                                    {"transaction.timeout.ms", timeout},
                                    {"message.timeout.ms", timeout}};
    return set_all(conf, list, COUNT(list), ret_message);
}

enum rc_error kafka_producer_open(const struct kafka_producer_options *options,
                                  struct kafka_ear *ear, rd_kafka_t **ret_rk, char ret_message[256])
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    enum rc_error err = set_all(conf, preferred, COUNT(preferred), ret_message);
    if (!err)
        err = set_all(conf, producer_preferred, COUNT(producer_preferred), ret_message);
    if (!err)
        err = set_configured(conf, &options->config->kafka, ret_message);
    if (!err)
        err = set_all(conf, producer_required, COUNT(producer_required), ret_message);
    if (!err)
        err = set_transactions(conf, options, ret_message);
    if (err) {
        rd_kafka_conf_destroy(conf);
        return err;
    }
    rd_kafka_conf_set_dr_msg_cb(conf, options->delivered);
    return make_handle(conf, RD_KAFKA_PRODUCER, ear, ret_rk, ret_message);
}

bool kafka_is_kept(const rd_kafka_message_t *message)
{
    return !message->err && message->offset >= 0;
}

enum rc_error kafka_reader_open(const struct rc_config *config, struct kafka_ear *ear,
                                rd_kafka_t **ret_rk, char ret_message[256])
{
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    enum rc_error err = set_all(conf, preferred, COUNT(preferred), ret_message);
    if (!err)
        err = set_configured(conf, &config->kafka, ret_message);
    if (!err)
        err = set_all(conf, reader_required, COUNT(reader_required), ret_message);
    /* Assigning needs a group to be named; none is joined, nothing is committed. */
    if (!err)
        err = set(conf, "group.id", config->kafka.group, ret_message);
    if (err) {
        rd_kafka_conf_destroy(conf);
        return err;
    }
    return make_handle(conf, RD_KAFKA_CONSUMER, ear, ret_rk, ret_message);
}
