/* What is asked of Kafka besides reading: partitions, where they begin and end, policies. */
#include "kafka_client.h"

#include <stdio.h>
#include <string.h>

enum { ANSWER_MS = 2000 };

static enum rc_error read_metadata(struct kafka_client *client, const struct rd_kafka_metadata *md,
                                   uint32_t *ret_partitions)
{
    if (md->topic_cnt != 1)
        return RC_ERR_KAFKA;
    rd_kafka_resp_err_t code = md->topics[0].err;
    if (code == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
        code == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE) {
        *ret_partitions = 0;
        return RC_OK;
    }
    if (code) {
        char text[300];
        snprintf(text, sizeof text, "%s: %s", md->topics[0].topic, rd_kafka_err2str(code));
        kafka_client_complain(client, code, text);
        return RC_ERR_KAFKA;
    }
    *ret_partitions = (uint32_t)md->topics[0].partition_cnt;
    return RC_OK;
}

enum rc_error kafka_client_look(struct kafka_client *client, const char *topic, int64_t timeout_ms,
                                uint32_t *ret_partitions)
{
    rd_kafka_t *rk = client->consumer ? client->consumer : client->watch;
    const struct rd_kafka_metadata *md;
    rd_kafka_topic_t *rkt = rd_kafka_topic_new(rk, topic, NULL);
    if (!rkt)
        return RC_ERR_KAFKA;
    rd_kafka_resp_err_t code = rd_kafka_metadata(rk, 0, rkt, &md, (int)timeout_ms);
    rd_kafka_topic_destroy(rkt);
    if (code)
        return RC_ERR_KAFKA; /* why comes through the error callback */
    enum rc_error err = read_metadata(client, md, ret_partitions);
    rd_kafka_metadata_destroy(md);
    if (!err)
        kafka_client_answered(client);
    return err;
}

enum rc_error kafka_client_committed(struct kafka_client *client,
                                     rd_kafka_topic_partition_list_t *list)
{
    rd_kafka_resp_err_t code = rd_kafka_committed(client->consumer, list, ANSWER_MS);
    if (!code)
        return RC_OK;
    if (code != RD_KAFKA_RESP_ERR__TIMED_OUT && code != RD_KAFKA_RESP_ERR__WAIT_COORD)
        kafka_client_complain(client, code, rd_kafka_err2str(code));
    return RC_ERR_KAFKA;
}

enum rc_error kafka_client_offsets(struct kafka_client *client,
                                   rd_kafka_topic_partition_list_t *list, bool end)
{
    for (int i = 0; i < list->cnt; i++)
        list->elems[i].offset = end ? RD_KAFKA_OFFSET_END : RD_KAFKA_OFFSET_BEGINNING;
    rd_kafka_resp_err_t code = rd_kafka_offsets_for_times(client->consumer, list, ANSWER_MS);
    for (int i = 0; i < list->cnt && !code; i++) {
        code = list->elems[i].err;
        if (!code && list->elems[i].offset < 0)
            code = RD_KAFKA_RESP_ERR__NO_OFFSET;
    }
    if (!code) {
        kafka_client_answered(client);
        return RC_OK;
    }
    if (code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
        kafka_client_complain(client, code, rd_kafka_err2str(code));
    return RC_ERR_KAFKA;
}

/* ---- cleanup.policy ---- */

static enum kafka_policy read_policy(const rd_kafka_ConfigResource_t *resource)
{
    size_t count;
    const rd_kafka_ConfigEntry_t **entry = rd_kafka_ConfigResource_configs(resource, &count);
    for (size_t i = 0; i < count; i++) {
        const char *value = rd_kafka_ConfigEntry_value(entry[i]);
        if (!strcmp(rd_kafka_ConfigEntry_name(entry[i]), "cleanup.policy") && value)
            return strstr(value, "compact") ? KAFKA_POLICY_COMPACTS : KAFKA_POLICY_KEEPS;
    }
    return KAFKA_POLICY_HIDDEN;
}

static bool is_refusal(rd_kafka_resp_err_t code)
{
    return code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
           code == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED ||
           code == RD_KAFKA_RESP_ERR__UNSUPPORTED_FEATURE ||
           code == RD_KAFKA_RESP_ERR_UNSUPPORTED_VERSION;
}

static enum rc_error read_answer(struct kafka_client *client, const char *topic,
                                 rd_kafka_event_t *event, enum kafka_policy *ret_policy)
{
    rd_kafka_resp_err_t code = rd_kafka_event_error(event);
    const rd_kafka_ConfigResource_t **resource = NULL;
    size_t count = 0;
    if (!code)
        resource = rd_kafka_DescribeConfigs_result_resources(
            rd_kafka_event_DescribeConfigs_result(event), &count);
    if (!code && count != 1)
        return RC_ERR_KAFKA;
    if (!code)
        code = rd_kafka_ConfigResource_error(resource[0]);
    if (code && !is_refusal(code))
        return RC_ERR_KAFKA;
    *ret_policy = code ? KAFKA_POLICY_HIDDEN : read_policy(resource[0]);
    if (code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
        code == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED) {
        char line[400];
        snprintf(line, sizeof line,
                 "note: whether the input topic %s is compacted cannot be seen (DescribeConfigs is "
                 "not allowed): it must not be",
                 topic);
        client->say(client->opaque, line);
    }
    return RC_OK;
}

enum rc_error kafka_client_policy(struct kafka_client *client, const char *topic,
                                  enum kafka_policy *ret_policy)
{
    char reason[200];
    rd_kafka_t *rk = client->consumer ? client->consumer : client->watch;
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(rk, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    rd_kafka_ConfigResource_t *asked = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
    rd_kafka_AdminOptions_set_request_timeout(options, ANSWER_MS, reason, sizeof reason);
    rd_kafka_DescribeConfigs(rk, &asked, 1, options, queue);
    /* Its own time limit ends it: the event comes in any case. */
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 2 * ANSWER_MS);
    enum rc_error err = event ? read_answer(client, topic, event, ret_policy) : RC_ERR_KAFKA;
    if (event)
        rd_kafka_event_destroy(event);
    rd_kafka_ConfigResource_destroy(asked);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    return err;
}
