/* The output topics: their names, making those that are missing, reading back what they hold. */
#ifndef ROLLCALL_SINK_KAFKA_TOPICS_H
#define ROLLCALL_SINK_KAFKA_TOPICS_H

#include "continuity.h"
#include "kafka_handle.h"
#include "rollcall/record.h"

extern const char *const kafka_topic_name[RC_TOPIC_COUNT];

/* One attempt, a few seconds at most, on the producer's handle. AGAIN: not all are there yet; why
 * was said. */
enum rc_error kafka_topics_make(const struct rc_config *config, struct kafka_ear *ear,
                                rd_kafka_t *rk);

/* Reading back goes on where it stopped, so that the caller may look at the time in between. */
struct kafka_back;
enum rc_error kafka_back_open(const struct rc_config *config, struct kafka_ear *ear,
                              struct continuity *continuity, struct kafka_back **ret_back,
                              char ret_message[256]);
/* A step of at most timeout_ms. AGAIN: not at the end yet. MEMORY. */
enum rc_error kafka_back_read(struct kafka_back *back, int timeout_ms);
uint64_t kafka_back_records(const struct kafka_back *back);
void kafka_back_close(struct kafka_back *back);

#endif
