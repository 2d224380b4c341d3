/* The producer of the output: what is sent between two commits becomes visible as one, or not at
 * all. Without transactions (delivery: at_least_once) a commit only waits until all is delivered.
 *
 * After any outcome that is not certain the handle is thrown away (librdkafka 2.0.2 repeats EndTxn
 * by itself, and a late one might end the next transaction): the caller renews it, fences, and
 * reads the progress back to learn what happened. thread: commit. */
#ifndef ROLLCALL_SINK_KAFKA_PUBLISHER_H
#define ROLLCALL_SINK_KAFKA_PUBLISHER_H

#include "kafka_handle.h"
#include "kafka_topics.h"
#include "kafka_wait.h"
#include "kept.h"

enum kafka_outcome {
    KAFKA_DONE,
    KAFKA_ABORTED,  /* nothing of it is visible: it is to be sent again */
    KAFKA_DOUBTFUL, /* perhaps all is, perhaps nothing: renew */
    KAFKA_FENCED,   /* another producer has the id */
    KAFKA_LEFT      /* the process stops and has waited long enough */
};

struct kafka_publisher;
struct kafka_publisher_options {
    const struct rc_config *config; /* all borrowed */
    const struct kafka_outputs *outputs;
    struct kafka_ear *ear;
    struct kafka_wait *wait;
    const char *id;       /* transactional; NULL: GROUP/active */
    const char *progress; /* the topic of what every commit brings along; NULL: none */
    /* Gives the rd_kafka_consumer_group_metadata_t of the group's membership; NULL: none. */
    void *(*membership)(const void *opaque);
    const void *membership_opaque;
};
/* Opens the handle; does not wait for a broker. CONFIG, MEMORY. */
enum rc_error kafka_publisher_open(const struct kafka_publisher_options *options,
                                   struct kafka_publisher **ret_publisher, char ret_message[256]);
void kafka_publisher_close(struct kafka_publisher *publisher);
rd_kafka_t *kafka_publisher_handle(struct kafka_publisher *publisher);
const char *kafka_publisher_id(const struct kafka_publisher *publisher);
/* A new handle for the old one. What was sent before is not looked at any more. */
enum rc_error kafka_publisher_renew(struct kafka_publisher *publisher, char ret_message[256]);
/* Ends what an earlier producer of the id left open, and shuts it out. DONE, FENCED, LEFT; waits
 * for Kafka. */
enum kafka_outcome kafka_publisher_fence(struct kafka_publisher *publisher);

/* Lent until the next commit, or renewal, has an outcome. AGAIN: the transaction is broken, all is
 * to be sent again after the commit has said so; INPUT: no broker would take it; KAFKA: the process
 * stops. A dead letter that its topic finds too large is marked as refused. */
enum rc_error kafka_publisher_send(struct kafka_publisher *publisher, struct kept_record *record,
                                   int64_t timestamp_ms);

/* The same for a record of any form; `list` may name its topic with kafka_publisher_topic. */
enum rc_error kafka_publisher_put(struct kafka_publisher *publisher, const rd_kafka_vu_t *list,
                                  size_t count);
/* Of an output; until the next renewal. */
rd_kafka_topic_t *kafka_publisher_topic(const struct kafka_publisher *publisher, uint32_t output);

struct kafka_commit {
    const char *progress; /* the record of rollcall.progress; NULL: none */
    size_t progress_size;
    int64_t timestamp_ms;
    const rd_kafka_topic_partition_list_t *offsets; /* of the input; NULL: none */
};
enum kafka_outcome kafka_publisher_commit(struct kafka_publisher *publisher,
                                          const struct kafka_commit *commit);
/* The offset of the last record of progress that was delivered. */
int64_t kafka_publisher_progress(const struct kafka_publisher *publisher);
/* The last transaction was open for so long that the broker may have ended it by itself: then
 * FENCED does not say that there is another producer. */
bool kafka_publisher_overran(const struct kafka_publisher *publisher);

#endif
