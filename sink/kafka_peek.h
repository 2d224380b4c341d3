/* Reading single messages of the topics that the group keeps for itself: at an offset, and on from
 * there. thread: one. */
#ifndef ROLLCALL_SINK_KAFKA_PEEK_H
#define ROLLCALL_SINK_KAFKA_PEEK_H

#include "kafka_handle.h"
#include <stdint.h>

struct kafka_peek {
    const struct rc_config *config;
    struct kafka_ear *ear;
    const _Atomic bool *leave; /* true: nothing is waited for any more */
    rd_kafka_t *rk;            /* the rest is zero at first */
    rd_kafka_topic_t *rkt;
};

/* From the first message that is left to behind the last. END: there is no such topic; DENIED: it
 * may not be read; KAFKA: no answer. */
enum rc_error kafka_peek_ends(struct kafka_peek *peek, const char *topic, int64_t *ret_low,
                              int64_t *ret_high);
/* The next message is the first one there or after it. KAFKA. */
enum rc_error kafka_peek_seek(struct kafka_peek *peek, const char *topic, int64_t offset);
/* Given to the caller. END: there is none any more; DENIED; KAFKA: none came in time. */
enum rc_error kafka_peek_next(struct kafka_peek *peek, rd_kafka_message_t **ret_message);
void kafka_peek_close(struct kafka_peek *peek);

#endif
