#include "kafka_lease_topic.h"

#include <stdio.h>

enum { WAIT_MS = 3000 };

const char kafka_lease_topic[] = "rollcall.lease";

/* The error of the one topic that was asked about, and its words. */
static rd_kafka_resp_err_t result_of(rd_kafka_event_t *event, char ret_why[200])
{
    size_t count = 0;
    const rd_kafka_topic_result_t **list = NULL;
    rd_kafka_resp_err_t code = event ? rd_kafka_event_error(event) : RD_KAFKA_RESP_ERR__TIMED_OUT;
    const rd_kafka_CreateTopics_result_t *made = rd_kafka_event_CreateTopics_result(event);
    const rd_kafka_CreatePartitions_result_t *grown = rd_kafka_event_CreatePartitions_result(event);
    if (!code && made)
        list = rd_kafka_CreateTopics_result_topics(made, &count);
    else if (!code && grown)
        list = rd_kafka_CreatePartitions_result_topics(grown, &count);
    if (count == 1)
        code = rd_kafka_topic_result_error(list[0]);
    const char *why = count == 1 ? rd_kafka_topic_result_error_string(list[0]) : NULL;
    snprintf(ret_why, 200, "%s: %s", kafka_lease_topic, why ? why : rd_kafka_err2str(code));
    return code;
}

static enum rc_error wait_for(struct kafka_client *client, rd_kafka_queue_t *queue)
{
    char why[200];
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 2 * WAIT_MS);
    rd_kafka_resp_err_t code = result_of(event, why);
    if (event)
        rd_kafka_event_destroy(event);
    if (!code || code == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
        return RC_OK;
    kafka_client_complain(client, code, why);
    return RC_ERR_AGAIN;
}

static enum rc_error create(struct kafka_client *client, rd_kafka_AdminOptions_t *options,
                            rd_kafka_queue_t *queue, uint32_t partitions)
{
    char reason[200];
    rd_kafka_NewTopic_t *topic =
        rd_kafka_NewTopic_new(kafka_lease_topic, (int)partitions,
                              (int)client->config->output.replication, reason, sizeof reason);
    if (!topic)
        return RC_ERR_AGAIN;
    rd_kafka_NewTopic_set_config(topic, "cleanup.policy", "delete");
    rd_kafka_CreateTopics(client->watch, &topic, 1, options, queue);
    rd_kafka_NewTopic_destroy(topic);
    return wait_for(client, queue);
}

static enum rc_error grow(struct kafka_client *client, rd_kafka_AdminOptions_t *options,
                          rd_kafka_queue_t *queue, uint32_t partitions)
{
    char reason[200];
    rd_kafka_NewPartitions_t *more =
        rd_kafka_NewPartitions_new(kafka_lease_topic, partitions, reason, sizeof reason);
    if (!more)
        return RC_ERR_AGAIN;
    rd_kafka_CreatePartitions(client->watch, &more, 1, options, queue);
    rd_kafka_NewPartitions_destroy(more);
    return wait_for(client, queue);
}

enum rc_error kafka_lease_topic_make(struct kafka_client *client, uint32_t partitions)
{
    char reason[200];
    uint32_t there;
    if (kafka_client_look(client, kafka_lease_topic, WAIT_MS, &there))
        return RC_ERR_AGAIN;
    if (there >= partitions)
        return RC_OK;
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client->watch);
    rd_kafka_AdminOptions_t *options = rd_kafka_AdminOptions_new(
        client->watch, there ? RD_KAFKA_ADMIN_OP_CREATEPARTITIONS : RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rd_kafka_AdminOptions_set_request_timeout(options, WAIT_MS, reason, sizeof reason);
    rd_kafka_AdminOptions_set_operation_timeout(options, WAIT_MS, reason, sizeof reason);
    enum rc_error err = there ? grow(client, options, queue, partitions)
                              : create(client, options, queue, partitions);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    return err;
}
