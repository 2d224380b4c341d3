#include "kafka_client.h"

#include "rollcall/check.h"
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

struct property {
    const char *name, *value;
};

/* Ours to choose, the operator's to change. */
static const struct property preferred[] = {
    {"client.id", "rollcall"},
    {"socket.nagle.disable", "true"},
    {"socket.keepalive.enable", "true"},
    {"check.crcs", "true"},
    {"fetch.wait.max.ms", "100"},
    {"fetch.error.backoff.ms", "100"},
    {"retry.backoff.ms", "10"},
    {"reconnect.backoff.ms", "50"},
    {"reconnect.backoff.max.ms", "2000"},
    {"topic.metadata.refresh.interval.ms", "30000"},
    {"broker.address.ttl", "5000"},
};
/* What the program's promises stand on. */
static const struct property required[] = {
    {"isolation.level", "read_committed"}, {"enable.auto.commit", "false"},
    {"enable.auto.offset.store", "false"}, {"auto.offset.reset", "error"},
    {"enable.partition.eof", "true"},      {"allow.auto.create.topics", "false"},
    {"max.poll.interval.ms", "86400000"},
};

/* Of a member: the shortest session that a broker allows by itself (group.min.session.timeout.ms),
 * as a takeover waits for its end; a rebalance waits no longer than max.poll.interval.ms for one
 * that finishes its work. */
static const struct property member[] = {
    {"session.timeout.ms", "6000"},
    {"heartbeat.interval.ms", "1000"},
    {"max.poll.interval.ms", "300000"},
    {"partition.assignment.strategy", "cooperative-sticky"},
};

static enum rc_error set(rd_kafka_conf_t *conf, const char *name, const char *value, bool secret,
                         char ret_message[256])
{
    char reason[200];
    if (rd_kafka_conf_set(conf, name, value, reason, sizeof reason) == RD_KAFKA_CONF_OK)
        return RC_OK;
    /* librdkafka's words quote the value. */
    snprintf(ret_message, 256, "kafka.security: %s: %s", name,
             secret ? "librdkafka refuses its value" : reason);
    return RC_ERR_CONFIG;
}

static enum rc_error set_all(rd_kafka_conf_t *conf, const struct property *list, size_t count,
                             char ret_message[256])
{
    enum rc_error err = RC_OK;
    for (size_t i = 0; i < count && !err; i++)
        err = set(conf, list[i].name, list[i].value, false, ret_message);
    return err;
}

void kafka_client_complain(struct kafka_client *client, rd_kafka_resp_err_t code, const char *text)
{
    char line[512];
    client->failing = true;
    client->away |= code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN ||
                    code == RD_KAFKA_RESP_ERR__AUTHENTICATION || code == RD_KAFKA_RESP_ERR__SSL;
    snprintf(line, sizeof line, "%s: %s", rd_kafka_err2name(code), text ? text : "");
    client->say(client->opaque, line);
}

void kafka_client_answered(struct kafka_client *client)
{
    if (!client->failing)
        return;
    client->failing = client->away = false;
    client->say(client->opaque, "up");
}

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
    char fatal[400];
    if (code == RD_KAFKA_RESP_ERR__FATAL) {
        code = rd_kafka_fatal_error(rk, fatal, sizeof fatal);
        reason = fatal;
    }
    kafka_client_complain(opaque, code, reason);
}

static enum rc_error make_conf(struct kafka_client *client, rd_kafka_conf_t **ret_conf,
                               char ret_message[256])
{
    const struct rc_kafka *kafka = &client->config->kafka;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    enum rc_error err = set_all(conf, preferred, sizeof preferred / sizeof *preferred, ret_message);
    if (!err)
        err = set(conf, "bootstrap.servers", kafka->brokers, false, ret_message);
    for (uint32_t i = 0; i < kafka->property_count && !err; i++)
        err = set(conf, kafka->property[i].name, kafka->property[i].value,
                  kafka->property[i].secret, ret_message);
    if (!err)
        err = set_all(conf, required, sizeof required / sizeof *required, ret_message);
    if (err) {
        rd_kafka_conf_destroy(conf);
        return err;
    }
    rd_kafka_conf_set_opaque(conf, client);
    rd_kafka_conf_set_error_cb(conf, on_error);
    rd_kafka_conf_set_log_cb(conf, NULL); /* what matters comes through the error callback */
    *ret_conf = conf;
    return RC_OK;
}

static enum rc_error make_handle(rd_kafka_conf_t *conf, rd_kafka_t **ret_rk, char ret_message[256])
{
    char reason[200];
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_CONSUMER, conf, reason, sizeof reason);
    if (!rk) {
        rd_kafka_conf_destroy(conf);
        snprintf(ret_message, 256, "kafka: %s", reason);
        return RC_ERR_CONFIG;
    }
    *ret_rk = rk;
    return RC_OK;
}

enum rc_error kafka_client_open(struct kafka_client *client, const struct rc_config *config,
                                void (*say)(void *, const char *), void *opaque,
                                char ret_message[256])
{
    rd_kafka_conf_t *conf;
    *client =
        (struct kafka_client){.config = config, .say = say, .opaque = opaque, .failing = true};
    client->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (client->wake_fd < 0)
        return RC_ERR_IO;
    enum rc_error err = make_conf(client, &conf, ret_message);
    if (!err)
        err = make_handle(conf, &client->watch, ret_message);
    if (err)
        kafka_client_close(client);
    return err;
}

/* No group is joined and nothing is left to commit. Closing would stop all partitions first, and in
 * librdkafka 2.0.2 that sometimes ends in a failed assertion. */
static void close_consumer(rd_kafka_t *rk)
{
    rd_kafka_destroy_flags(rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
}

void kafka_client_close(struct kafka_client *client)
{
    if (client->watch)
        rd_kafka_destroy(client->watch);
    if (client->consumer)
        close_consumer(client->consumer);
    if (client->wake_fd > 0)
        close(client->wake_fd);
    client->watch = client->consumer = NULL;
    client->wake_fd = -1;
}

/* Prefetch buffers hold 256 MiB and a million messages in all, and never more than a sixteenth of
 * the memory allowed: enough for more than a second at full speed, so that nothing stalls. The
 * operator's own settings win. */
static void set_buffers(const struct rc_config *config, rd_kafka_conf_t *conf, uint32_t partitions)
{
    uint64_t kbytes = 262144, messages = 1000000 / partitions;
    char text[32], reason[200];
    bool bytes_set = false, messages_set = false;
    if (config->limits.memory && config->limits.memory / 16384 < kbytes)
        kbytes = config->limits.memory / 16384;
    kbytes /= partitions;
    for (uint32_t i = 0; i < config->kafka.property_count; i++) {
        const char *name = config->kafka.property[i].name;
        bytes_set |= strcmp(name, "queued.max.messages.kbytes") == 0;
        messages_set |= strcmp(name, "queued.min.messages") == 0;
    }
    if (!bytes_set) {
        snprintf(text, sizeof text, "%llu", (unsigned long long)(kbytes < 1024 ? 1024 : kbytes));
        rd_kafka_conf_set(conf, "queued.max.messages.kbytes", text, reason, sizeof reason);
    }
    if (!messages_set) {
        snprintf(text, sizeof text, "%llu",
                 (unsigned long long)(messages < 10000 ? 10000 : messages));
        rd_kafka_conf_set(conf, "queued.min.messages", text, reason, sizeof reason);
    }
}

enum rc_error kafka_client_start(struct kafka_client *client, uint32_t partitions,
                                 char ret_message[256])
{
    rd_kafka_conf_t *conf;
    RC_CHECK(partitions && !client->consumer);
    enum rc_error err = make_conf(client, &conf, ret_message);
    if (err)
        return err;
    err = set(conf, "group.id", client->config->kafka.group, false, ret_message);
    if (err) {
        rd_kafka_conf_destroy(conf);
        return err;
    }
    set_buffers(client->config, conf, partitions);
    err = make_handle(conf, &client->consumer, ret_message);
    if (err)
        return err;
    rd_kafka_destroy(client->watch);
    client->watch = NULL;
    return RC_OK;
}

/* ---- as a member of a group ---- */

enum { API_JOIN_GROUP = 11, API_SYNC_GROUP = 14 }; /* the protocol's api keys */

/* A broker answers a connection's requests in their order: one behind a JoinGroup comes too late
 * for the generation that it was made in. thread: librdkafka's, as the next two */
static rd_kafka_resp_err_t on_request(rd_kafka_t *rk, int socket, const char *broker, int32_t id,
                                      int16_t api, int16_t version, int32_t number, size_t size,
                                      void *opaque)
{
    struct kafka_client *client = opaque;
    (void)rk, (void)socket, (void)broker, (void)id, (void)version, (void)number, (void)size;
    if (api == API_JOIN_GROUP)
        atomic_store_explicit(&client->joining, true, memory_order_relaxed);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t on_response(rd_kafka_t *rk, int socket, const char *broker, int32_t id,
                                       int16_t api, int16_t version, int32_t number, size_t size,
                                       int64_t took_us, rd_kafka_resp_err_t err, void *opaque)
{
    struct kafka_client *client = opaque;
    (void)rk, (void)socket, (void)broker, (void)id, (void)version, (void)number, (void)size;
    (void)took_us, (void)err;
    if (api == API_SYNC_GROUP)
        atomic_store_explicit(&client->joining, false, memory_order_relaxed);
    return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_resp_err_t on_new(rd_kafka_t *rk, const rd_kafka_conf_t *conf, void *opaque,
                                  char *why, size_t why_size)
{
    (void)conf, (void)why, (void)why_size;
    rd_kafka_resp_err_t err =
        rd_kafka_interceptor_add_on_request_sent(rk, "rollcall", on_request, opaque);
    return err ? err
               : rd_kafka_interceptor_add_on_response_received(rk, "rollcall", on_response, opaque);
}

static enum rc_error set_mark(rd_kafka_conf_t *conf, const char *mark, char ret_message[256])
{
    char id[256], marked[300];
    size_t size = sizeof id;
    if (rd_kafka_conf_get(conf, "client.id", id, &size))
        id[0] = '\0';
    snprintf(marked, sizeof marked, "%s%s", id, mark);
    return set(conf, "client.id", marked, false, ret_message);
}

enum rc_error kafka_client_join(struct kafka_client *client, const char *instance, const char *mark,
                                void (*rebalance)(rd_kafka_t *, rd_kafka_resp_err_t,
                                                  rd_kafka_topic_partition_list_t *, void *),
                                char ret_message[256])
{
    rd_kafka_conf_t *conf;
    RC_CHECK(!client->consumer);
    enum rc_error err = make_conf(client, &conf, ret_message);
    if (err)
        return err;
    err = set(conf, "group.id", client->config->kafka.group, false, ret_message);
    if (!err)
        err = set(conf, "group.instance.id", instance, false, ret_message);
    if (!err)
        err = set_mark(conf, mark, ret_message);
    if (!err)
        err = set_all(conf, member, sizeof member / sizeof *member, ret_message);
    if (err) {
        rd_kafka_conf_destroy(conf);
        return err;
    }
    rd_kafka_conf_set_rebalance_cb(conf, rebalance);
    atomic_store_explicit(&client->joining, false, memory_order_relaxed);
    rd_kafka_conf_interceptor_add_on_new(conf, "rollcall", on_new, client);
    err = make_handle(conf, &client->consumer, ret_message);
    if (!err)
        rd_kafka_poll_set_consumer(client->consumer);
    return err;
}

void kafka_client_drop(struct kafka_client *client)
{
    close_consumer(client->consumer);
    client->consumer = NULL;
}

enum rc_error kafka_client_assign(struct kafka_client *client, const char *topic, int32_t partition,
                                  int64_t offset, rd_kafka_queue_t **ret_queue)
{
    static const uint64_t one = 1;
    rd_kafka_t *rk = client->consumer;
    rd_kafka_queue_t *queue = rd_kafka_queue_get_partition(rk, topic, partition);
    if (!queue)
        return RC_ERR_KAFKA;
    /* Before the assignment, so that no message takes the way through the common queue. */
    rd_kafka_queue_forward(queue, NULL);
    rd_kafka_queue_io_event_enable(queue, client->wake_fd, &one, sizeof one);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition)->offset = offset;
    rd_kafka_error_t *error = rd_kafka_incremental_assign(rk, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (error) {
        kafka_client_complain(client, rd_kafka_error_code(error), rd_kafka_error_string(error));
        rd_kafka_error_destroy(error);
        rd_kafka_queue_destroy(queue);
        return RC_ERR_KAFKA;
    }
    rd_kafka_queue_forward(queue, NULL);
    *ret_queue = queue;
    return RC_OK;
}

rd_kafka_message_t *kafka_client_poll(struct kafka_client *client)
{
    if (!client->consumer) {
        rd_kafka_poll(client->watch, 0);
        return NULL;
    }
    rd_kafka_poll(client->consumer, 0);
    rd_kafka_message_t *message = rd_kafka_consumer_poll(client->consumer, 0);
    if (message && message->err && !message->rkt) {
        kafka_client_complain(client, message->err, rd_kafka_message_errstr(message));
        rd_kafka_message_destroy(message);
        return NULL;
    }
    return message;
}

void kafka_client_commit(struct kafka_client *client,
                         const rd_kafka_topic_partition_list_t *offsets)
{
    if (client->consumer)
        rd_kafka_commit(client->consumer, offsets, 1);
}
