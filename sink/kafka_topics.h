/* The output topics: their names, making those that are missing, reading back what they hold. */
#ifndef ROLLCALL_SINK_KAFKA_TOPICS_H
#define ROLLCALL_SINK_KAFKA_TOPICS_H

#include "continuity.h"
#include "kafka_handle.h"
#include "rollcall/record.h"

/* All topics that are written. Shared: one of every kind. per_client: the dead letters, and four
 * for every configured client. */
struct kafka_outputs {
    const struct rc_config *config; /* borrowed */
    uint32_t count;
    struct kafka_output {
        uint8_t topic; /* enum rc_topic */
        char name[96];
    } * output;
};

/* MEMORY. */
enum rc_error kafka_outputs_init(struct kafka_outputs *outputs, const struct rc_config *config);
void kafka_outputs_done(struct kafka_outputs *outputs);
/* Where a record goes, and a dead letter. */
uint32_t kafka_output_of(const struct kafka_outputs *outputs, const struct rc_record *rec);
uint32_t kafka_output_dead(const struct kafka_outputs *outputs);

/* One attempt, a few seconds at most, on the producer's handle. AGAIN: not all are there yet; why
 * was said. */
enum rc_error kafka_topics_make(const struct kafka_outputs *outputs, struct kafka_ear *ear,
                                rd_kafka_t *rk);

/* Reading back goes on where it stopped, so that the caller may look at the time in between. */
struct kafka_back;
enum rc_error kafka_back_open(const struct kafka_outputs *outputs, struct kafka_ear *ear,
                              struct continuity *continuity, struct kafka_back **ret_back,
                              char ret_message[256]);
/* A step of at most timeout_ms. AGAIN: not at the end yet. MEMORY. */
enum rc_error kafka_back_read(struct kafka_back *back, int timeout_ms);
uint64_t kafka_back_records(const struct kafka_back *back);
void kafka_back_close(struct kafka_back *back);

#endif
