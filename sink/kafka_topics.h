/* The output topics: their names, and making those that are missing. */
#ifndef ROLLCALL_SINK_KAFKA_TOPICS_H
#define ROLLCALL_SINK_KAFKA_TOPICS_H

#include "kafka_handle.h"
#include "rollcall/record.h"

/* All topics that are written. Shared: one of every kind. per_client: the dead letters, and four
 * for every configured client. */
struct kafka_outputs {
    const struct rc_config *config; /* borrowed */
    uint32_t count;
    struct kafka_output {
        uint8_t topic; /* enum rc_topic */
        char name[250];
    } * output;
};

/* MEMORY. */
enum rc_error kafka_outputs_init(struct kafka_outputs *outputs, const struct rc_config *config);
void kafka_outputs_done(struct kafka_outputs *outputs);
/* Where a record goes, and a dead letter. */
uint32_t kafka_output_of(const struct kafka_outputs *outputs, const struct rc_record *rec);
uint32_t kafka_output_dead(const struct kafka_outputs *outputs);

/* What every epoch is written down in; every unit uses one partition of it. */
extern const char kafka_progress_topic[];

/* How many partitions the topic has, 0: there is none; -1: Kafka does not answer or allow. */
int kafka_topic_look(struct kafka_ear *ear, rd_kafka_t *rk, const char *name);
/* Makes them, in one attempt; false: not all, why was said. The list stays the caller's. */
bool kafka_topics_create(struct kafka_ear *ear, rd_kafka_t *rk, rd_kafka_NewTopic_t **list,
                         size_t count);
/* One attempt, a few seconds at most, on the producer's handle. AGAIN: not all are there yet; why
 * was said. */
enum rc_error kafka_topics_make(const struct kafka_outputs *outputs, struct kafka_ear *ear,
                                rd_kafka_t *rk);

#endif
