/* The consumer, as source_kafka.c needs one: partitions assigned by hand, each with a queue of its
 * own, so that one that is ahead is simply not read. No group is joined; `group` is only the name
 * under which offsets are committed, for lag monitors.
 *
 * librdkafka shares queued.max.messages.kbytes between partitions only when it has one queue, so
 * the consumer is made when the number of partitions is known; until then a plain handle looks for
 * topics. All functions: thread: ingest's, unless they say otherwise. */
#ifndef ROLLCALL_KAFKA_CLIENT_H
#define ROLLCALL_KAFKA_CLIENT_H

#include "rollcall/config.h"
#include "rollcall/error.h"

#include <librdkafka/rdkafka.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct kafka_client {
    const struct rc_config *config; /* borrowed */
    void (*say)(void *opaque, const char *line);
    void *opaque;
    rd_kafka_t *watch; /* looks for topics until there is a consumer */
    rd_kafka_t *consumer;
    bool failing; /* Kafka has not answered yet, or an error was said since */
    bool away;    /* … and it says that no broker can be reached */
    /* A member is on its way into a new generation of its group: what it commits meanwhile is
     * refused, and librdkafka then takes all that it has to be lost. */
    _Atomic bool joining;
    int wake_fd; /* readable when a queue may have become non-empty */
};

/* CONFIG: a property is refused. KAFKA: librdkafka refuses to start. */
enum rc_error kafka_client_open(struct kafka_client *client, const struct rc_config *config,
                                void (*say)(void *, const char *), void *opaque,
                                char ret_message[256]);
/* Waits for commits under way, at most two seconds. */
void kafka_client_close(struct kafka_client *client);

/* Makes the consumer, with buffers for so many partitions. */
enum rc_error kafka_client_start(struct kafka_client *client, uint32_t partitions,
                                 char ret_message[256]);
/* Makes the consumer, to be a member of the group under that instance's name (lease.h), with `mark`
 * behind its client.id. Parts come and go through `rebalance`, whose opaque is the client, from
 * whatever polls the consumer. */
enum rc_error kafka_client_join(struct kafka_client *client, const char *instance, const char *mark,
                                void (*rebalance)(rd_kafka_t *, rd_kafka_resp_err_t,
                                                  rd_kafka_topic_partition_list_t *, void *),
                                char ret_message[256]);
/* Throws it away, without leaving the group. */
void kafka_client_drop(struct kafka_client *client);
/* Begins to read a partition at `offset`; gives the queue. KAFKA. */
enum rc_error kafka_client_assign(struct kafka_client *client, const char *topic, int32_t partition,
                                  int64_t offset, rd_kafka_queue_t **ret_queue);
/* Serves callbacks; errors are said. A message that came this way (never, once a partition has its
 * own queue) is given. */
rd_kafka_message_t *kafka_client_poll(struct kafka_client *client);
/* What librdkafka complains of, in the form NAME: text; the name is that of its error code. */
void kafka_client_complain(struct kafka_client *client, rd_kafka_resp_err_t code, const char *text);
/* Kafka answered: what was complained of is over. */
void kafka_client_answered(struct kafka_client *client);
/* thread: any. Asynchronous; takes nothing. */
void kafka_client_commit(struct kafka_client *client,
                         const rd_kafka_topic_partition_list_t *offsets);

/* ---- kafka_ask.c: what is asked of Kafka besides reading ---- */

/* How many partitions the topic has; 0: there is none of that name. KAFKA: no answer in time, or
 * not allowed, which has been said. */
enum rc_error kafka_client_look(struct kafka_client *client, const char *topic, int64_t timeout_ms,
                                uint32_t *ret_partitions);
/* Fills in the group's committed offset, below 0 where there is none, and its metadata. KAFKA: no
 * answer in time, or not allowed, which has been said. */
enum rc_error kafka_client_committed(struct kafka_client *client,
                                     rd_kafka_topic_partition_list_t *list);
/* Where every partition of the list begins, or (end) ends for a reader of what is committed: into
 * the offsets. KAFKA as above. */
enum rc_error kafka_client_offsets(struct kafka_client *client,
                                   rd_kafka_topic_partition_list_t *list, bool end);
enum kafka_policy { KAFKA_POLICY_KEEPS, KAFKA_POLICY_COMPACTS, KAFKA_POLICY_HIDDEN };
/* Whether the topic is compacted; hidden: it may not be known, which was said. KAFKA: no
 * answer in time. */
enum rc_error kafka_client_policy(struct kafka_client *client, const char *topic,
                                  enum kafka_policy *ret_policy);

#endif
