/* Reading back what the output topics hold. */
#ifndef ROLLCALL_SINK_KAFKA_BACK_H
#define ROLLCALL_SINK_KAFKA_BACK_H

#include "continuity.h"
#include "kafka_topics.h"
#include "rollcall/sink.h"

/* It goes on where it stopped, so that the caller may look at the time in between. */
struct kafka_back;
/* Records of clients that `options->owns` does not know are passed over. All is borrowed. */
enum rc_error kafka_back_open(const struct sink_kafka_options *options,
                              const struct kafka_outputs *outputs, struct kafka_ear *ear,
                              struct continuity *continuity, struct kafka_back **ret_back,
                              char ret_message[256]);
/* A step of at most timeout_ms. AGAIN: not at the end yet. MEMORY. */
enum rc_error kafka_back_read(struct kafka_back *back, int timeout_ms);
uint64_t kafka_back_records(const struct kafka_back *back);
void kafka_back_close(struct kafka_back *back);

#endif
