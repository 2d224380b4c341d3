/* A simulation straight into Kafka. */
#include "simulate_kafka.h"

#include "config_load.h"
#include "exit.h"
#include "feed_kafka.h"
#include "feed_places.h"
#include "kafka_words.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { PARTITIONS = 8, TIMEOUT_MS = 30000 };

struct pour {
    struct config_loaded *loaded;
    struct kafka_words words;
    struct kafka_speaker speaker;
    struct feed_places places;
    struct feed_kafka *kafka;
    struct sim *sim;
    uint64_t sent, nowhere;
    char message[256];
};

static void print(void *opaque, const char *line)
{
    (void)opaque;
    fprintf(stderr, "rollcall simulate: %s\n", line);
}

static enum rc_error put(void *opaque, const struct sim_event *ev)
{
    static const char *const channel[] = {
        [RC_CALL] = "call", [RC_CHAT] = "chat", [RC_TICKET] = "ticket"};
    struct pour *pour = opaque;
    uint32_t topic =
        feed_places_find(&pour->places, channel[ev->channel], strlen(channel[ev->channel]),
                         ev->client, ev->client_len, ev->contact, ev->contact_len);
    if (topic == FEED_NOWHERE) {
        pour->nowhere++;
        return RC_OK;
    }
    pour->sent++;
    return feed_kafka_send(pour->kafka, topic, -1, ev->contact, ev->contact_len, ev->json,
                           ev->json_len);
}

static enum rc_error pour_open(struct pour *pour, const struct sim_options *options)
{
    const struct rc_config *config = pour->loaded->config;
    struct feed_kafka_options feed = {.config = config,
                                      .partitions = PARTITIONS,
                                      .timeout_ms = TIMEOUT_MS,
                                      .say = kafka_words_say,
                                      .opaque = &pour->speaker};
    kafka_words_init(&pour->words, &config->kafka, print, NULL);
    pour->speaker = (struct kafka_speaker){&pour->words, 1};
    enum rc_error err = feed_places_init(&pour->places, &config->kafka);
    if (!err)
        err = sim_open(options, &pour->sim);
    if (!err)
        err = feed_kafka_open(&feed, &pour->kafka, pour->message);
    return err ? err : feed_kafka_topics(pour->kafka, pour->message);
}

static void pour_close(struct pour *pour)
{
    sim_close(pour->sim);
    feed_kafka_close(pour->kafka);
    feed_places_done(&pour->places);
    kafka_words_done(&pour->words);
    config_free(pour->loaded);
}

int simulate_into_kafka(const struct sim_options *options, const char *config_path, bool quiet)
{
    struct pour pour = {0};
    enum rc_error err = config_load("rollcall simulate", config_path, stderr, &pour.loaded);
    if (err)
        return exit_code_of(err);
    if (!pour.loaded->config->kafka.topic_count) {
        fprintf(stderr, "rollcall simulate: %s names no topics: kafka.brokers and kafka.topics\n",
                config_path);
        config_free(pour.loaded);
        return EXIT_INVALID;
    }
    err = pour_open(&pour, options);
    if (!err)
        err = sim_run(pour.sim, put, &pour);
    if (!err)
        err = feed_kafka_flush(pour.kafka, pour.message);
    if (err)
        fprintf(stderr, "rollcall simulate: %s\n",
                pour.message[0] ? pour.message : rc_error_text(err));
    else if (!quiet)
        fprintf(stderr, "%" PRIu64 " events of %" PRIu64 " contacts sent to Kafka\n", pour.sent,
                sim_contacts(pour.sim));
    if (pour.nowhere)
        fprintf(stderr, "rollcall simulate: %" PRIu64 " events of a channel that no topic takes\n",
                pour.nowhere);
    pour_close(&pour);
    return exit_code_of(err);
}
