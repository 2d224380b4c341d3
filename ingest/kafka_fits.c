/* Whether input topics can be read as a configuration wants them. */
#include "kafka_fits.h"

#include "rollcall/ingest.h"

#include <stdio.h>

enum { LOOK_MS = 1000 };

enum rc_error kafka_topic_count_fits(const struct rc_config *config, const char *topic,
                                     uint32_t count, char ret_message[256])
{
    if (!config->kafka.keyed_by_client || count == config->tasks)
        return RC_OK;
    snprintf(ret_message, 256,
             "the input topic %.100s has %u partitions; keyed_by: client needs as many as "
             "there are tasks, %u (rollcall rekey copies a topic into one that has)",
             topic, count, config->tasks);
    return RC_ERR_CONFIG;
}

enum rc_error kafka_topic_policy_fits(struct kafka_client *client, const char *topic,
                                      char ret_message[256])
{
    enum kafka_policy policy;
    enum rc_error err = kafka_client_policy(client, topic, &policy);
    if (err || policy != KAFKA_POLICY_COMPACTS)
        return err;
    snprintf(ret_message, 256,
             "the input topic %s is compacted (cleanup.policy): after a crash its records could "
             "not be read again as they were; an input keeps all of them: cleanup.policy=delete",
             topic);
    return RC_ERR_CONFIG;
}

static enum rc_error look_at(struct kafka_client *client, const char *topic, char ret_message[256])
{
    const struct rc_config *config = client->config;
    uint32_t count;
    enum rc_error err = kafka_client_look(client, topic, LOOK_MS, &count);
    if (err || !count) /* one that is missing is waited for */
        return err;
    err = kafka_topic_count_fits(config, topic, count, ret_message);
    if (!err && !config->output.at_least_once)
        err = kafka_topic_policy_fits(client, topic, ret_message);
    return err;
}

enum rc_error ingest_kafka_fits(const struct rc_config *config,
                                void (*say)(void *opaque, const char *line), void *opaque,
                                char ret_message[256])
{
    struct kafka_client client = {.wake_fd = -1};
    ret_message[0] = '\0';
    enum rc_error err = kafka_client_open(&client, config, say, opaque, ret_message);
    if (err)
        return err;
    for (uint32_t i = 0; i < config->kafka.topic_count && !err; i++)
        err = look_at(&client, config->kafka.topic[i].name, ret_message);
    kafka_client_close(&client);
    return err;
}
