#include "run_change.h"

#include "rollcall/ingest.h"

#include <stdio.h>
#include <string.h>

static const char restart[] = "needs a start after all processes of the group were stopped";

static bool has_topic(const struct rc_kafka *kafka, const char *name)
{
    for (uint32_t i = 0; i < kafka->topic_count; i++)
        if (!strcmp(kafka->topic[i].name, name))
            return true;
    return false;
}

static bool keeps_topics(const struct rc_config *now, const struct rc_config *next,
                         char ret_why[300])
{
    for (uint32_t i = 0; i < now->kafka.topic_count; i++) {
        const char *name = now->kafka.topic[i].name;
        if (has_topic(&next->kafka, name))
            continue;
        snprintf(ret_why, 300, "kafka.topics: %.150s is missing: what was read of it is remembered",
                 name);
        return false;
    }
    return true;
}

/* One that is not configured was made by the group's first run, and is not known here. */
static bool keeps_key(const struct rc_privacy *now, const struct rc_privacy *next,
                      char ret_why[300])
{
    bool same = now->has_key == next->has_key &&
                (!now->has_key || !memcmp(now->key, next->key, sizeof now->key));
    if (!same)
        snprintf(ret_why, 300,
                 "privacy.pseudonym_key cannot change: the customers that are remembered are known "
                 "by the old one");
    return same;
}

/* Nothing to be said for the log: what is wrong comes back as words. */
static void say_nothing(void *opaque, const char *line)
{
    (void)opaque;
    (void)line;
}

static bool topics_fit(const struct rc_config *next, char ret_why[300])
{
    char message[256];
    enum rc_error err = ingest_kafka_fits(next, say_nothing, NULL, message);
    if (err == RC_ERR_KAFKA)
        snprintf(ret_why, 300,
                 "Kafka does not answer, so whether the input topics fit is not known: send SIGHUP "
                 "again later");
    else if (err)
        snprintf(ret_why, 300, "%s", message[0] ? message : rc_error_text(err));
    return !err;
}

bool run_change_fits(const struct rc_config *now, const struct rc_config *next, char ret_why[300])
{
    if (now->kafka.keyed_by_client != next->kafka.keyed_by_client) {
        snprintf(ret_why, 300, "kafka.keyed_by %s", restart);
        return false;
    }
    if (now->tasks != next->tasks) {
        snprintf(ret_why, 300, "tasks: %u cannot become %u: what is remembered is kept by task",
                 now->tasks, next->tasks);
        return false;
    }
    bool group = !strcmp(now->kafka.group, next->kafka.group);
    if (group &&
        (!keeps_topics(now, next, ret_why) || !keeps_key(&now->privacy, &next->privacy, ret_why)))
        return false;
    return !next->kafka.keyed_by_client || topics_fit(next, ret_why);
}
