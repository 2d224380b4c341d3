/* Topics that are made like others. */
#ifndef ROLLCALL_SINK_KAFKA_LIKE_H
#define ROLLCALL_SINK_KAFKA_LIKE_H

#include "kafka_handle.h"
#include <stdint.h>

/* A topic of so many partitions with the replication of `like` and what was set for it of how long
 * it keeps how much, and of how large records may be. One attempt, a few seconds at most. AGAIN:
 * Kafka does not answer, or does not allow it, which was said; CONFIG: ret_message. */
enum rc_error kafka_topic_like(struct kafka_ear *ear, rd_kafka_t *rk, const char *like,
                               const char *name, uint32_t partitions, rd_kafka_NewTopic_t **ret_new,
                               char ret_message[256]);

#endif
