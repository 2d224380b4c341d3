#include "recovery_input.h"

#include <librdkafka/rdkafka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { TOPICS = 2, TEXT_MAX = 400, BURST = 60, WAIT_MS = 30000 };

struct input {
    char topic[TOPICS][64];
    _Atomic uint32_t partitions[TOPICS];
    uint64_t random_state;
    rd_kafka_t *plain, *transactional;
    pthread_t thread;
    _Atomic bool stop;
    /* of the transaction under way, then of all */
    uint64_t open_places, open_count;
    _Atomic uint64_t places, count;
};

_Noreturn static void fail(const char *what, const char *why)
{
    printf("FAILED: %s: %s\n", what, why);
    exit(1);
}

static void must(rd_kafka_error_t *error, const char *what)
{
    if (error)
        fail(what, rd_kafka_error_string(error));
}

uint64_t input_place(uint32_t source, int64_t offset)
{
    uint64_t x = ((uint64_t)source << 40) + (uint64_t)offset + 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

/* thread: main, or the writer's while it runs. */
uint64_t input_random(struct input *input)
{
    input->random_state++;
    return input_place(1, (int64_t)input->random_state);
}

/* ---- writing ---- */

/* The opaque of a record says whether it is seen by the shards or as a dead letter. */
static void on_delivery(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    struct input *input = opaque;
    (void)rk;
    if (message->err == RD_KAFKA_RESP_ERR__PURGE_QUEUE ||
        message->err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT)
        return; /* aborted */
    if (message->err)
        fail("a record is not delivered", rd_kafka_err2str(message->err));
    if (!message->_private)
        return;
    uint32_t topic = strcmp(rd_kafka_topic_name(message->rkt), input->topic[0]) != 0;
    input->open_places += input_place(topic << 16 | (uint32_t)message->partition, message->offset);
    input->open_count++;
}

/* NULL: a record without a value. */
static const char *make_text(struct input *input, char text[TEXT_MAX], bool *ret_seen)
{
    static const char *const types[] = {"queued", "answered", "ended"};
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    uint64_t kind = input_random(input) % 100;
    int64_t ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    ms -= (int64_t)(input_random(input) % 3000);
    *ret_seen = kind >= 8;
    if (kind < 3)
        return NULL;
    if (kind >= 8 && kind < 14) /* a little further ahead than is believed */
        ms += 3000 + (int64_t)INPUT_AHEAD_S * 1000 + (int64_t)(input_random(input) % 1500);
    char stamp[32];
    struct tm utc;
    time_t seconds = (time_t)(ms / 1000);
    gmtime_r(&seconds, &utc);
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &utc);
    if (kind < 8)
        snprintf(text, TEXT_MAX, "{\"type\":\"tick\",\"time\":\"%s.%03dZ\"}", stamp,
                 (int)(ms % 1000));
    else if (kind < 18)
        snprintf(text, TEXT_MAX, "{\"type\":\"queued\",\"time\":\"%s\",", stamp);
    else
        snprintf(text, TEXT_MAX,
                 "{\"type\":\"%s\",\"time\":\"%s.%03dZ\",\"client\":\"c%d\",\"queue\":\"q\","
                 "\"channel\":\"call\",\"contact\":\"k%d\",\"agent\":\"a\"}",
                 types[input_random(input) % 3], stamp, (int)(ms % 1000),
                 (int)(input_random(input) % 9), (int)(input_random(input) % 500));
    return text;
}

static void write_some(struct input *input, rd_kafka_t *rk)
{
    uint64_t count = 1 + input_random(input) % BURST;
    for (uint64_t i = 0; i < count; i++) {
        char text[TEXT_MAX];
        bool seen;
        uint32_t topic = input_random(input) % TOPICS;
        int32_t partition =
            (int32_t)(input_random(input) %
                      atomic_load_explicit(&input->partitions[topic], memory_order_relaxed));
        const char *value = make_text(input, text, &seen);
        rd_kafka_resp_err_t code = rd_kafka_producev(
            rk, RD_KAFKA_V_TOPIC(input->topic[topic]), RD_KAFKA_V_PARTITION(partition),
            RD_KAFKA_V_VALUE((void *)(uintptr_t)value, value ? strlen(value) : 0),
            RD_KAFKA_V_OPAQUE(seen ? input : NULL), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
            RD_KAFKA_V_END);
        if (code)
            fail("a record cannot be written", rd_kafka_err2str(code));
    }
}

static void count_open(struct input *input, bool committed)
{
    if (committed) {
        atomic_fetch_add_explicit(&input->places, input->open_places, memory_order_relaxed);
        atomic_fetch_add_explicit(&input->count, input->open_count, memory_order_relaxed);
    }
    input->open_places = input->open_count = 0;
}

static void *write_all(void *opaque)
{
    struct input *input = opaque;
    while (!atomic_load_explicit(&input->stop, memory_order_relaxed)) {
        write_some(input, input->plain);
        rd_kafka_flush(input->plain, WAIT_MS);
        count_open(input, true);
        bool commit = input_random(input) % 10 < 7;
        must(rd_kafka_begin_transaction(input->transactional), "begin");
        write_some(input, input->transactional);
        rd_kafka_flush(input->transactional, WAIT_MS);
        if (commit)
            must(rd_kafka_commit_transaction(input->transactional, WAIT_MS), "commit");
        else
            must(rd_kafka_abort_transaction(input->transactional, WAIT_MS), "abort");
        count_open(input, commit);
        usleep((unsigned)(input_random(input) % 40000));
    }
    return NULL;
}

void input_start(struct input *input)
{
    atomic_store_explicit(&input->stop, false, memory_order_relaxed);
    if (pthread_create(&input->thread, NULL, write_all, input))
        fail("thread", "cannot be started");
}

void input_stop(struct input *input)
{
    atomic_store_explicit(&input->stop, true, memory_order_relaxed);
    pthread_join(input->thread, NULL);
}

uint64_t input_places(struct input *input)
{
    return atomic_load_explicit(&input->places, memory_order_relaxed);
}

uint64_t input_count(struct input *input)
{
    return atomic_load_explicit(&input->count, memory_order_relaxed);
}

const char *input_topic(const struct input *input, int number)
{
    return input->topic[number];
}

/* ---- what an administrator does ---- */

static void await(rd_kafka_queue_t *queue, const char *what)
{
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, WAIT_MS);
    if (!event)
        fail(what, "no answer");
    if (rd_kafka_event_error(event))
        fail(what, rd_kafka_event_error_string(event));
    rd_kafka_event_destroy(event);
    rd_kafka_queue_destroy(queue);
}

static void make_topic(struct input *input, int number, uint32_t partitions)
{
    char reason[200];
    rd_kafka_queue_t *queue = rd_kafka_queue_new(input->plain);
    rd_kafka_NewTopic_t *topic =
        rd_kafka_NewTopic_new(input->topic[number], (int)partitions, 1, reason, sizeof reason);
    rd_kafka_CreateTopics(input->plain, &topic, 1, NULL, queue);
    await(queue, "a topic cannot be made");
    rd_kafka_NewTopic_destroy(topic);
    atomic_store_explicit(&input->partitions[number], partitions, memory_order_relaxed);
}

/* Until the producers' own metadata has them, and then some. */
static void wait_for_partitions(rd_kafka_t *rk, const char *name, uint32_t partitions)
{
    uint32_t count = 0;
    rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, name, NULL);
    for (int i = 0; i < 100 && count < partitions; i++) {
        const struct rd_kafka_metadata *metadata;
        usleep(50000);
        if (rd_kafka_metadata(rk, 0, topic, &metadata, WAIT_MS))
            continue;
        count = (uint32_t)metadata->topics[0].partition_cnt;
        rd_kafka_metadata_destroy(metadata);
    }
    rd_kafka_topic_destroy(topic);
}

void input_grow(struct input *input)
{
    char reason[200];
    rd_kafka_queue_t *queue = rd_kafka_queue_new(input->plain);
    uint32_t count = atomic_load_explicit(&input->partitions[0], memory_order_relaxed) + 2;
    rd_kafka_NewPartitions_t *more =
        rd_kafka_NewPartitions_new(input->topic[0], count, reason, sizeof reason);
    rd_kafka_CreatePartitions(input->plain, &more, 1, NULL, queue);
    await(queue, "partitions cannot be added");
    rd_kafka_NewPartitions_destroy(more);
    wait_for_partitions(input->plain, input->topic[0], count);
    wait_for_partitions(input->transactional, input->topic[0], count);
    atomic_store_explicit(&input->partitions[0], count, memory_order_relaxed);
}

void input_trim(struct input *input, const char *topic, int32_t partition, int64_t offset)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(input->plain);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, topic, partition)->offset = offset;
    rd_kafka_DeleteRecords_t *records = rd_kafka_DeleteRecords_new(list);
    rd_kafka_DeleteRecords(input->plain, &records, 1, NULL, queue);
    await(queue, "records cannot be deleted");
    rd_kafka_DeleteRecords_destroy(records);
    rd_kafka_topic_partition_list_destroy(list);
}

void input_compact(struct input *input, const char *topic)
{
    rd_kafka_queue_t *queue = rd_kafka_queue_new(input->plain);
    rd_kafka_ConfigResource_t *resource =
        rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
    rd_kafka_ConfigResource_set_config(resource, "cleanup.policy", "compact,delete");
    rd_kafka_AlterConfigs(input->plain, &resource, 1, NULL, queue);
    await(queue, "the policy cannot be set");
    rd_kafka_ConfigResource_destroy(resource);
    usleep(500000);
}

/* ---- life ---- */

static rd_kafka_t *producer(struct input *input, const char *brokers, const char *id)
{
    char reason[200];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", brokers, reason, sizeof reason);
    rd_kafka_conf_set(conf, "linger.ms", "1", reason, sizeof reason);
    rd_kafka_conf_set(conf, "topic.metadata.propagation.max.ms", "30000", reason, sizeof reason);
    if (id)
        rd_kafka_conf_set(conf, "transactional.id", id, reason, sizeof reason);
    rd_kafka_conf_set_dr_msg_cb(conf, on_delivery);
    rd_kafka_conf_set_opaque(conf, input);
    rd_kafka_conf_set_log_cb(conf, NULL);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, reason, sizeof reason);
    if (!rk)
        fail("a producer cannot be made", reason);
    return rk;
}

struct input *input_open(const char *brokers, uint64_t seed)
{
    struct input *input = calloc(1, sizeof *input);
    if (!input)
        fail("input", "no memory");
    input->random_state = seed << 32;
    input->plain = producer(input, brokers, NULL);
    input->transactional = producer(input, brokers, "probe");
    must(rd_kafka_init_transactions(input->transactional, WAIT_MS), "init_transactions");
    for (int i = 0; i < TOPICS; i++) {
        snprintf(input->topic[i], sizeof input->topic[i], "probe.%llu.%c", (unsigned long long)seed,
                 'a' + i);
        make_topic(input, i, 1 + (uint32_t)(input_random(input) % 6));
        wait_for_partitions(input->plain, input->topic[i], input->partitions[i]);
        wait_for_partitions(input->transactional, input->topic[i], input->partitions[i]);
    }
    return input;
}

void input_close(struct input *input)
{
    rd_kafka_destroy(input->plain);
    rd_kafka_destroy(input->transactional);
    free(input);
}
