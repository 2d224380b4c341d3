#include "kafka_topics.h"

#include "rollcall/check.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WAIT_MS = 3000 };

static const char *const topic_name[RC_TOPIC_COUNT] = {[RC_TOPIC_METRICS] = "rollcall.metrics",
                                                       [RC_TOPIC_SLAS] = "rollcall.slas",
                                                       [RC_TOPIC_CONTACTS] = "rollcall.contacts",
                                                       [RC_TOPIC_ALERTS] = "rollcall.alerts",
                                                       [RC_TOPIC_DEAD_LETTER] =
                                                           "rollcall.dead_letter"};
enum { OF_CLIENT = RC_TOPIC_DEAD_LETTER }; /* so many kinds come before the dead letters */

static const char dead_letter_retention_ms[] = "1209600000"; /* 14 d */

const char kafka_progress_topic[] = "rollcall.progress";
static const char snapshots_topic[] = "rollcall.snapshots";
static const char own_message_bytes[] = "16777216";

/* ---- which there are ---- */

enum rc_error kafka_outputs_init(struct kafka_outputs *outputs, const struct rc_config *config)
{
    const struct rc_contracts *contracts = &config->contracts;
    uint32_t sets = config->output.per_client ? contracts->client_count : 1;
    *outputs = (struct kafka_outputs){.config = config};
    outputs->output = calloc(sets * OF_CLIENT + 1, sizeof *outputs->output);
    if (!outputs->output)
        return RC_ERR_MEMORY;
    for (uint32_t set = 0; set < sets; set++) {
        const char *client = config->output.per_client ? contracts->client[set].topic : NULL;
        for (uint8_t topic = 0; topic < OF_CLIENT; topic++) {
            struct kafka_output *output = &outputs->output[outputs->count++];
            output->topic = topic;
            snprintf(output->name, sizeof output->name, "%s%s%s", topic_name[topic],
                     client ? "." : "", client ? client : "");
        }
    }
    struct kafka_output *dead = &outputs->output[outputs->count++];
    dead->topic = RC_TOPIC_DEAD_LETTER;
    snprintf(dead->name, sizeof dead->name, "%s", topic_name[RC_TOPIC_DEAD_LETTER]);
    return RC_OK;
}

void kafka_outputs_done(struct kafka_outputs *outputs)
{
    free(outputs->output);
    *outputs = (struct kafka_outputs){0};
}

uint32_t kafka_output_of(const struct kafka_outputs *outputs, const struct rc_record *rec)
{
    const struct rc_contracts *contracts = &outputs->config->contracts;
    if (!outputs->config->output.per_client)
        return rec->topic;
    const struct rc_client_policy *client =
        rc_client_policy(contracts, rec->text, rec->client_size);
    RC_CHECK(client != &contracts->defaults); /* per_client needs clients_only */
    return (uint32_t)(client - contracts->client) * OF_CLIENT + rec->topic;
}

uint32_t kafka_output_dead(const struct kafka_outputs *outputs)
{
    return outputs->count - 1;
}

/* ---- making ---- */

/* What the group keeps for itself; it is let go of by the program alone. */
static rd_kafka_NewTopic_t *describe_own(const struct rc_config *config, const char *name)
{
    char reason[200];
    rd_kafka_NewTopic_t *made = rd_kafka_NewTopic_new(
        name, (int)config->tasks, (int)config->output.replication, reason, sizeof reason);
    if (made) {
        rd_kafka_NewTopic_set_config(made, "cleanup.policy", "delete");
        rd_kafka_NewTopic_set_config(made, "retention.ms", "-1");
        rd_kafka_NewTopic_set_config(made, "max.message.bytes", own_message_bytes);
    }
    return made;
}

int kafka_topic_look(struct kafka_ear *ear, rd_kafka_t *rk, const char *name)
{
    const struct rd_kafka_metadata *md;
    rd_kafka_topic_t *rkt = rd_kafka_topic_new(rk, name, NULL);
    rd_kafka_resp_err_t code = rd_kafka_metadata(rk, 0, rkt, &md, WAIT_MS);
    rd_kafka_topic_destroy(rkt);
    rd_kafka_poll(rk, 0);
    if (code)
        return -1;
    int count = md->topic_cnt == 1 && !md->topics[0].err ? md->topics[0].partition_cnt : 0;
    code = md->topic_cnt == 1 ? md->topics[0].err : RD_KAFKA_RESP_ERR_NO_ERROR;
    rd_kafka_metadata_destroy(md);
    if (code == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
        code == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED) {
        kafka_complain(ear, code, name);
        return -1;
    }
    return count;
}

static rd_kafka_NewTopic_t *describe(const struct rc_config *config,
                                     const struct kafka_output *output)
{
    char reason[200], text[32];
    rd_kafka_NewTopic_t *made =
        rd_kafka_NewTopic_new(output->name, (int)config->output.partitions,
                              (int)config->output.replication, reason, sizeof reason);
    if (!made)
        return NULL;
    if (output->topic == RC_TOPIC_DEAD_LETTER) {
        rd_kafka_NewTopic_set_config(made, "cleanup.policy", "delete");
        rd_kafka_NewTopic_set_config(made, "retention.ms", dead_letter_retention_ms);
        snprintf(text, sizeof text, "%llu",
                 (unsigned long long)(2 * config->limits.max_event + (2u << 20)));
        rd_kafka_NewTopic_set_config(made, "max.message.bytes", text);
    } else {
        rd_kafka_NewTopic_set_config(made, "cleanup.policy", "compact,delete");
        snprintf(text, sizeof text, "%lld", (long long)config->output.retention_ms);
        rd_kafka_NewTopic_set_config(made, "retention.ms", text);
    }
    return made;
}

static bool read_result(struct kafka_ear *ear, rd_kafka_event_t *event)
{
    size_t count;
    const rd_kafka_CreateTopics_result_t *result = rd_kafka_event_CreateTopics_result(event);
    if (rd_kafka_event_error(event)) {
        kafka_complain(ear, rd_kafka_event_error(event), rd_kafka_event_error_string(event));
        return false;
    }
    const rd_kafka_topic_result_t **list = rd_kafka_CreateTopics_result_topics(result, &count);
    bool all = true;
    for (size_t i = 0; i < count; i++) {
        rd_kafka_resp_err_t code = rd_kafka_topic_result_error(list[i]);
        const char *why = rd_kafka_topic_result_error_string(list[i]);
        char text[300];
        if (!code) {
            kafka_note(ear, "output topic made: %s", rd_kafka_topic_result_name(list[i]));
        } else if (code != RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS) {
            snprintf(text, sizeof text, "%s: %s", rd_kafka_topic_result_name(list[i]),
                     why ? why : rd_kafka_err2str(code));
            kafka_complain(ear, code, text);
            all = false;
        }
    }
    return all;
}

bool kafka_topics_create(struct kafka_ear *ear, rd_kafka_t *rk, rd_kafka_NewTopic_t **list,
                         size_t count)
{
    char reason[200];
    bool all = false;
    rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(rk, RD_KAFKA_ADMIN_OP_CREATETOPICS);
    rd_kafka_AdminOptions_set_request_timeout(options, WAIT_MS, reason, sizeof reason);
    rd_kafka_AdminOptions_set_operation_timeout(options, WAIT_MS, reason, sizeof reason);
    rd_kafka_CreateTopics(rk, list, count, options, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 2 * WAIT_MS);
    if (event) {
        all = read_result(ear, event);
        rd_kafka_event_destroy(event);
    }
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    return all;
}

/* Adds it to the list where it is missing. false: that is not known, or no memory. */
static bool add_missing(struct kafka_ear *ear, rd_kafka_t *rk, const char *name,
                        const struct rc_config *config, const struct kafka_output *output,
                        rd_kafka_NewTopic_t **list, size_t *count)
{
    char text[200];
    int partitions = kafka_topic_look(ear, rk, name);
    if (!output && partitions > 0 && partitions <= rc_own_partition(config)) {
        snprintf(text, sizeof text,
                 "%s has %d partitions, and tasks is %u: add what is missing "
                 "(kafka-topics.sh --alter)",
                 name, partitions, config->tasks);
        kafka_complain(ear, RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, text);
        return false;
    }
    if (partitions)
        return partitions > 0;
    list[*count] = output ? describe(config, output) : describe_own(config, name);
    return list[*count] && ++*count;
}

enum rc_error kafka_topics_make(const struct kafka_outputs *outputs, struct kafka_ear *ear,
                                rd_kafka_t *rk)
{
    rd_kafka_NewTopic_t **list = calloc(outputs->count + 2, sizeof(rd_kafka_NewTopic_t *));
    const struct rc_config *config = outputs->config;
    size_t count = 0;
    bool all = true;
    if (!list)
        return RC_ERR_MEMORY;
    for (uint32_t i = 0; i < outputs->count && all; i++)
        all = add_missing(ear, rk, outputs->output[i].name, config, &outputs->output[i], list,
                          &count);
    if (all)
        all = add_missing(ear, rk, kafka_progress_topic, config, NULL, list, &count) &&
              add_missing(ear, rk, snapshots_topic, config, NULL, list, &count);
    if (all && count)
        all = kafka_topics_create(ear, rk, list, count);
    rd_kafka_NewTopic_destroy_array(list, count);
    free(list);
    if (all)
        kafka_answered(ear);
    return all ? RC_OK : RC_ERR_AGAIN;
}
