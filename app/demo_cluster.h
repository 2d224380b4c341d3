/* librdkafka's mock cluster: a Kafka of sorts inside this process, for demonstrations. Its topics
 * live in memory and end with it; its transactions and its groups are a façade. */
#ifndef APP_DEMO_CLUSTER_H
#define APP_DEMO_CLUSTER_H

#include "rollcall/error.h"

#include <stdint.h>

struct demo_cluster;
enum rc_error demo_cluster_open(struct demo_cluster **ret_cluster, char ret_message[256]);
/* Lent until close. */
const char *demo_cluster_brokers(const struct demo_cluster *cluster);
enum rc_error demo_cluster_topic(struct demo_cluster *cluster, const char *name,
                                 uint32_t partitions);
void demo_cluster_close(struct demo_cluster *cluster);

#endif
