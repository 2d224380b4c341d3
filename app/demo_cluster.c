#include "demo_cluster.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

struct demo_cluster {
    rd_kafka_t *rk; /* keeps the books of the cluster, and does nothing else */
    rd_kafka_mock_cluster_t *mock;
};

enum rc_error demo_cluster_open(struct demo_cluster **ret_cluster, char ret_message[256])
{
    struct demo_cluster *cluster = calloc(1, sizeof *cluster);
    if (!cluster)
        return RC_ERR_MEMORY;
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, NULL);
    cluster->rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, ret_message, 256);
    if (!cluster->rk)
        rd_kafka_conf_destroy(conf);
    else
        cluster->mock = rd_kafka_mock_cluster_new(cluster->rk, 1);
    if (!cluster->mock) {
        snprintf(ret_message, 256, "the mock cluster cannot be started");
        demo_cluster_close(cluster);
        return RC_ERR_KAFKA;
    }
    *ret_cluster = cluster;
    return RC_OK;
}

const char *demo_cluster_brokers(const struct demo_cluster *cluster)
{
    return rd_kafka_mock_cluster_bootstraps(cluster->mock);
}

enum rc_error demo_cluster_topic(struct demo_cluster *cluster, const char *name,
                                 uint32_t partitions)
{
    /* librdkafka 2.0.2: the mock's thread sleeps through a request that comes while it falls asleep
     * after the last one, for a second. */
    static const struct timespec gap = {.tv_nsec = 3000000};
    nanosleep(&gap, NULL);
    return rd_kafka_mock_topic_create(cluster->mock, name, (int)partitions, 1) ? RC_ERR_KAFKA
                                                                               : RC_OK;
}

void demo_cluster_close(struct demo_cluster *cluster)
{
    if (!cluster)
        return;
    if (cluster->mock)
        rd_kafka_mock_cluster_destroy(cluster->mock);
    if (cluster->rk)
        rd_kafka_destroy(cluster->rk);
    free(cluster);
}
