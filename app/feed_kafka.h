/* Events into the configured input topics, for `feed` and `demo`: an idempotent producer that makes
 * missing topics. thread: its owner's. */
#ifndef APP_FEED_KAFKA_H
#define APP_FEED_KAFKA_H

#include "rollcall/config.h"
#include "rollcall/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct feed_kafka;
struct feed_kafka_options {
    const struct rc_config *config; /* borrowed: kafka, output.replication */
    const char *brokers;            /* instead of the configured ones; NULL */
    uint32_t partitions;            /* of a topic that is made */
    int64_t timeout_ms;             /* an event that is not delivered for so long ends it */
    void (*say)(void *opaque, const char *line); /* as the rooms say it; see kafka_words.h */
    void *opaque;
};
enum rc_error feed_kafka_open(const struct feed_kafka_options *options,
                              struct feed_kafka **ret_kafka, char ret_message[256]);
/* Looks for the topics and makes those that are missing. KAFKA: not in time. */
enum rc_error feed_kafka_topics(struct feed_kafka *kafka, char ret_message[256]);
/* Copies. `topic` is the index in the configuration; partition -1: by the key. Waits while the
 * queue is full. LIMIT: too large for Kafka. KAFKA: something could not be delivered. */
enum rc_error feed_kafka_send(struct feed_kafka *kafka, uint32_t topic, int32_t partition,
                              const char *key, size_t key_size, const char *value,
                              size_t value_size);
/* Partitions of a topic, after feed_kafka_topics. */
uint32_t feed_kafka_partitions(const struct feed_kafka *kafka, uint32_t topic);
/* Serves librdkafka for up to so long. */
void feed_kafka_serve(struct feed_kafka *kafka, int timeout_ms);
/* Until all is delivered. KAFKA. */
enum rc_error feed_kafka_flush(struct feed_kafka *kafka, char ret_message[256]);
/* How many were sent once more, as Kafka may have lost them: some may stand there twice. */
uint64_t feed_kafka_again(const struct feed_kafka *kafka);
void feed_kafka_close(struct feed_kafka *kafka);

#endif
