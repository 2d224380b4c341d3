#include "kafka_like.h"

#include <stdio.h>
#include <string.h>

enum { WAIT_MS = 3000 };

/* AGAIN: it is not known. */
static enum rc_error find_replication(rd_kafka_t *rk, const char *name, int *ret_replication)
{
    const struct rd_kafka_metadata *md;
    rd_kafka_topic_t *rkt = rd_kafka_topic_new(rk, name, NULL);
    rd_kafka_resp_err_t code = rd_kafka_metadata(rk, 0, rkt, &md, WAIT_MS);
    rd_kafka_topic_destroy(rkt);
    if (code)
        return RC_ERR_AGAIN;
    bool known = md->topic_cnt == 1 && !md->topics[0].err && md->topics[0].partition_cnt > 0;
    if (known)
        *ret_replication = md->topics[0].partitions[0].replica_cnt;
    rd_kafka_metadata_destroy(md);
    return known ? RC_OK : RC_ERR_AGAIN;
}

static bool is_copied(const rd_kafka_ConfigEntry_t *entry)
{
    static const char *const name[] = {"retention.ms", "retention.bytes", "max.message.bytes",
                                       "min.insync.replicas"};
    for (size_t i = 0; i < sizeof name / sizeof *name; i++)
        if (!strcmp(rd_kafka_ConfigEntry_name(entry), name[i]))
            /* The broker's own settings hold for the new topic anyway. */
            return rd_kafka_ConfigEntry_source(entry) ==
                       RD_KAFKA_CONFIG_SOURCE_DYNAMIC_TOPIC_CONFIG &&
                   rd_kafka_ConfigEntry_value(entry);
    return false;
}

static enum rc_error take_settings(struct kafka_ear *ear, rd_kafka_event_t *event, const char *like,
                                   rd_kafka_NewTopic_t *made)
{
    size_t count = 0, entries = 0;
    const rd_kafka_ConfigResource_t **resource = NULL;
    rd_kafka_resp_err_t code = rd_kafka_event_error(event);
    if (!code)
        resource = rd_kafka_DescribeConfigs_result_resources(
            rd_kafka_event_DescribeConfigs_result(event), &count);
    if (!code && count == 1)
        code = rd_kafka_ConfigResource_error(resource[0]);
    if (code || count != 1) {
        kafka_complain(ear, code ? code : RD_KAFKA_RESP_ERR__BAD_MSG, like);
        return RC_ERR_AGAIN;
    }
    const rd_kafka_ConfigEntry_t **entry = rd_kafka_ConfigResource_configs(resource[0], &entries);
    for (size_t i = 0; i < entries; i++)
        if (is_copied(entry[i]))
            rd_kafka_NewTopic_set_config(made, rd_kafka_ConfigEntry_name(entry[i]),
                                         rd_kafka_ConfigEntry_value(entry[i]));
    /* Time stamps are copied too: those of the first event are to be old. */
    rd_kafka_NewTopic_set_config(made, "message.timestamp.type", "CreateTime");
    rd_kafka_NewTopic_set_config(made, "cleanup.policy", "delete");
    return RC_OK;
}

static enum rc_error ask_settings(struct kafka_ear *ear, rd_kafka_t *rk, const char *like,
                                  rd_kafka_NewTopic_t *made)
{
    char reason[200];
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(rk, RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS);
    rd_kafka_ConfigResource_t *asked = rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, like);
    rd_kafka_AdminOptions_set_request_timeout(options, WAIT_MS, reason, sizeof reason);
    rd_kafka_DescribeConfigs(rk, &asked, 1, options, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 2 * WAIT_MS);
    enum rc_error err = event ? take_settings(ear, event, like, made) : RC_ERR_AGAIN;
    if (event)
        rd_kafka_event_destroy(event);
    rd_kafka_ConfigResource_destroy(asked);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    return err;
}

enum rc_error kafka_topic_like(struct kafka_ear *ear, rd_kafka_t *rk, const char *like,
                               const char *name, uint32_t partitions, rd_kafka_NewTopic_t **ret_new,
                               char ret_message[256])
{
    char reason[200];
    int replication = 0;
    enum rc_error err = find_replication(rk, like, &replication);
    if (err)
        return err;
    rd_kafka_NewTopic_t *made =
        rd_kafka_NewTopic_new(name, (int)partitions, replication, reason, sizeof reason);
    if (!made) {
        snprintf(ret_message, 256, "topic %.100s: %.140s", name, reason);
        return RC_ERR_CONFIG;
    }
    err = ask_settings(ear, rk, like, made);
    if (err) {
        rd_kafka_NewTopic_destroy(made);
        return err;
    }
    *ret_new = made;
    return RC_OK;
}
