/* The topic whose partitions the members of the group own: one a part, without any record. */
#ifndef ROLLCALL_KAFKA_LEASE_TOPIC_H
#define ROLLCALL_KAFKA_LEASE_TOPIC_H

#include "kafka_client.h"

extern const char kafka_lease_topic[];

/* Makes it where it is missing, and gives it partitions where it has fewer. AGAIN: it is not there
 * yet, or Kafka does not answer; why was said. thread: the client's */
enum rc_error kafka_lease_topic_make(struct kafka_client *client, uint32_t partitions);

#endif
