/* A partition that is new to the producer refuses its first batch and takes the second: the mock
 * cluster of librdkafka does so when asked to, a real broker when a topic has just been made. */
#include "feed_kafka.h"
#include "kafka_publisher.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <librdkafka/rdkafka_mock.h>

enum { PRODUCE = 0 }; /* its number in Kafka's protocol */

static char heard[512];

static void say(void *opaque, const char *line)
{
    (void)opaque;
    if (strncmp(line, "note: ", 6) == 0)
        snprintf(heard, sizeof heard, "%s", line);
}

/* One event a batch. */
static const struct rc_property single[] = {{.name = "batch.num.messages", .value = "1"},
                                            {.name = "linger.ms", .value = "0"}};
static const struct rc_topic_setting input = {.name = "in"};
static struct rc_config config = {
    .kafka = {
        .group = "g", .topic_count = 1, .topic = &input, .property_count = 2, .property = single}};
static rd_kafka_t *owner;
static rd_kafka_mock_cluster_t *mock;

static void start(void)
{
    char message[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, NULL);
    owner = rd_kafka_new(RD_KAFKA_PRODUCER, conf, message, sizeof message);
    mock = rd_kafka_mock_cluster_new(owner, 1);
    cr_assert(not(eq(ptr, mock, NULL)));
    rd_kafka_mock_topic_create(mock, "in", 1, 1);
    rd_kafka_mock_topic_create(mock, "out", 1, 1);
    config.kafka.brokers = rd_kafka_mock_cluster_bootstraps(mock);
    heard[0] = '\0';
}

static void stop(void)
{
    rd_kafka_mock_cluster_destroy(mock);
    rd_kafka_destroy(owner);
}

TestSuite(kafka_kept, .init = start, .fini = stop, .timeout = 60);

static void refuse_one_batch(void)
{
    rd_kafka_mock_push_request_errors(mock, PRODUCE, 1, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION);
}

Test(kafka_kept, feed_sends_again_what_may_be_lost)
{
    const struct feed_kafka_options options = {
        .config = &config, .partitions = 1, .timeout_ms = 20000, .say = say};
    struct feed_kafka *kafka;
    char message[256] = "";
    int64_t low, high;
    cr_assert(eq(int, feed_kafka_open(&options, &kafka, message), RC_OK));
    cr_assert(eq(int, feed_kafka_topics(kafka, message), RC_OK));
    refuse_one_batch();
    cr_assert(eq(int, feed_kafka_send(kafka, 0, 0, "k", 1, "one", 3), RC_OK));
    cr_assert(eq(int, feed_kafka_send(kafka, 0, 0, "k", 1, "two", 3), RC_OK));
    cr_assert(eq(int, feed_kafka_flush(kafka, message), RC_OK), "%s", message);
    cr_assert(eq(u64, feed_kafka_again(kafka), 1));
    feed_kafka_close(kafka);
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set(conf, "bootstrap.servers", config.kafka.brokers, message, sizeof message);
    rd_kafka_t *reader = rd_kafka_new(RD_KAFKA_CONSUMER, conf, message, sizeof message);
    cr_assert(eq(int, rd_kafka_query_watermark_offsets(reader, "in", 0, &low, &high, 10000), 0));
    cr_assert(eq(i64, high, 2), "two and one");
    rd_kafka_destroy(reader);
}

/* One attempt with two records. */
static enum kafka_outcome publish(struct kafka_publisher *publisher)
{
    const struct kafka_commit commit = {.timestamp_ms = 1};
    for (int i = 0; i < 2; i++) {
        const rd_kafka_vu_t list[] = {
            {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = kafka_publisher_topic(publisher, 0)},
            {.vtype = RD_KAFKA_VTYPE_PARTITION, .u.i32 = 0},
            {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
            {.vtype = RD_KAFKA_VTYPE_VALUE, .u.mem = {"record", 6}}};
        cr_assert(eq(int, kafka_publisher_put(publisher, list, 4), RC_OK));
    }
    return kafka_publisher_commit(publisher, &commit);
}

static void commits_all_or_nothing(bool at_least_once)
{
    struct kafka_output output = {.name = "out"};
    struct kafka_outputs outputs = {.config = &config, .count = 1, .output = &output};
    struct kafka_ear ear = {.say = say};
    struct kafka_wait wait = {0};
    const struct kafka_publisher_options options = {
        .config = &config, .outputs = &outputs, .ear = &ear, .wait = &wait};
    struct kafka_publisher *publisher;
    char message[256] = "";
    config.output.at_least_once = at_least_once;
    cr_assert(eq(int, kafka_publisher_open(&options, &publisher, message), RC_OK), "%s", message);
    cr_assert(eq(int, kafka_publisher_fence(publisher), KAFKA_DONE));
    refuse_one_batch();
    cr_assert(eq(int, publish(publisher), KAFKA_ABORTED));
    if (at_least_once) /* of transactions the mock cluster knows where they begin */
        cr_assert(eq(str, heard, "note: out [0] may not have kept all: it is sent again"));
    cr_assert(eq(int, publish(publisher), KAFKA_DONE));
    kafka_publisher_close(publisher);
}

Test(kafka_kept, transaction_that_may_lack_a_record_is_aborted)
{
    commits_all_or_nothing(false);
}

Test(kafka_kept, records_without_transactions_are_sent_again)
{
    commits_all_or_nothing(true);
}
