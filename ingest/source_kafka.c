/* The Kafka source: one thread reads all partitions of all topics, from their beginning or from
 * where a snapshot stands, each from a queue of its own. Every commit_every_ms, or after so many
 * events, it closes an epoch: moves the watermark, puts a mark into every ring, and how far each
 * partition was read into the commit thread's, so that it is recorded with what the epoch made.
 *
 * Memory stays bounded while catching up: a partition that is ahead of the others by more than
 * `align` is not read, its prefetch buffer fills, and librdkafka stops fetching for it. */
#include "kafka_source.h"

#include "rollcall/check.h"
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    EPOCH_EVENTS = 131072,
    CATCHING_UP = 4,     /* an epoch is so many times longer while far behind: fewer records, and
                            nobody waits for what is minutes old */
    SERVE_EVERY_MS = 50, /* librdkafka's callbacks */
    SLEEP_MS = 50,
    MEMORY_EVERY_MS = 50, /* in which little comes in; … */
    MEMORY_AGAIN_MS = 500 /* … while nothing does, or there is none: the allocator is asked then */
};

void source_note(struct ingest_kafka *kafka, const char *text, const char *what)
{
    char line[400];
    snprintf(line, sizeof line, "note: %s%s", text, what);
    kafka->options.say(kafka->options.opaque, line);
}

/* ---- the loop ---- */

static enum rc_error read_part(struct ingest_kafka *kafka, uint32_t number, bool *ret_some)
{
    if (kafka->part[number].held)
        return kafka_recovery_release(kafka, number, steady_ms());
    ssize_t count = rd_kafka_consume_batch_queue(kafka->part[number].queue, 0, kafka->batch, BATCH);
    int64_t steady = steady_ms();
    enum rc_error err = RC_OK;
    for (ssize_t i = 0; i < count; i++) {
        if (!err)
            err = kafka_take_message(kafka, number, kafka->batch[i], steady);
        rd_kafka_message_destroy(kafka->batch[i]);
    }
    *ret_some |= count > 0;
    return err;
}

/* Without memory nothing but the beginning of a partition: as long as nobody knows whether anything
 * is there it holds time back, and nothing would ever be let go. */
static bool may_read(const struct ingest_kafka *kafka, uint32_t number)
{
    const struct part *part = &kafka->part[number];
    return !kafka->memory.over || (part->next_offset == part->first_offset && part->end_offset < 0);
}

static enum rc_error read_parts(struct ingest_kafka *kafka, bool *ret_some)
{
    enum rc_error err = RC_OK;
    int64_t wall = wall_ms();
    watermark_align(&kafka->watermark, wall, steady_ms());
    for (uint32_t i = 0; i < kafka->part_count && !err; i++)
        if (may_read(kafka, i) && !watermark_ahead(&kafka->watermark, i, wall))
            err = read_part(kafka, i, ret_some);
    return err;
}

/* A message that came through the common queue: one of a partition taken up this very moment. It
 * may have passed others, so while order decides which epoch it belongs to it must not be. */
static enum rc_error take_stray(struct ingest_kafka *kafka, rd_kafka_message_t *message)
{
    enum rc_error err = RC_OK;
    for (uint32_t i = 0; message->rkt && i < kafka->part_count; i++)
        if (kafka->part[i].partition == message->partition &&
            strcmp(kafka->part[i].topic->name, rd_kafka_topic_name(message->rkt)) == 0)
            err = kafka->part[i].held ? RC_ERR_INTERNAL
                                      : kafka_take_message(kafka, i, message, steady_ms());
    rd_kafka_message_destroy(message);
    return err;
}

/* Near limits.memory the process stops reading and says so. */
static void watch_memory(struct ingest_kafka *kafka, int64_t now_ms)
{
    const struct ingest_kafka_options *options = &kafka->options;
    bool rests = kafka->memory.over || !kafka->epoch_moved;
    if (now_ms - kafka->memory_ms < (rests ? MEMORY_AGAIN_MS : MEMORY_EVERY_MS))
        return;
    kafka->memory_ms = now_ms;
    uint64_t reusable = options->reusable ? options->reusable(options->reusable_opaque) : 0;
    if (!memory_watch(&kafka->memory, options->config->limits.memory, reusable))
        return;
    bool over = kafka->memory.over;
    atomic_store_explicit(&kafka->over_memory, over, memory_order_relaxed);
    source_note(kafka,
                over ? "limits.memory is nearly reached: nothing is read until there is room"
                     : "there is memory again: reading goes on",
                "");
}

enum rc_error source_poll(struct ingest_kafka *kafka)
{
    int64_t now_ms = steady_ms();
    if (now_ms - kafka->served_ms < SERVE_EVERY_MS)
        return RC_OK;
    kafka->served_ms = now_ms;
    rd_kafka_message_t *message = kafka_client_poll(&kafka->client);
    return message ? take_stray(kafka, message) : RC_OK;
}

static enum rc_error serve(struct ingest_kafka *kafka, char ret_message[256])
{
    int64_t now_ms = steady_ms();
    watch_memory(kafka, now_ms);
    enum rc_error err = source_poll(kafka);
    if (!err && now_ms >= kafka->look_at_ms)
        err = kafka_parts_look(kafka, ret_message);
    return err;
}

bool ingest_kafka_over_memory(const struct ingest_kafka *kafka)
{
    return atomic_load_explicit(&kafka->over_memory, memory_order_relaxed);
}

void source_nap(struct ingest_kafka *kafka, int64_t until_ms)
{
    int64_t left_ms = until_ms - steady_ms();
    struct pollfd wake = {.fd = kafka->client.wake_fd, .events = POLLIN};
    ingest_route_flush(&kafka->route);
    if (left_ms <= 0)
        return;
    if (poll(&wake, 1, (int)(left_ms < SLEEP_MS ? left_ms : SLEEP_MS)) > 0) {
        uint64_t count;
        ssize_t got = read(wake.fd, &count, sizeof count);
        (void)got; /* its number means nothing */
    }
}

static enum rc_error run_live(struct ingest_kafka *kafka, char ret_message[256])
{
    int64_t every_ms = kafka->options.config->output.commit_every_ms;
    int64_t close_at_ms = steady_ms() + every_ms;
    enum rc_error err = RC_OK;
    kafka->opened_ms = wall_ms();
    /* A task that has moved says at once that it goes on, whether anything comes or not. */
    kafka->part_added |= kafka->options.config->kafka.unit && kafka->part_count;
    while (!err && !source_stopped(kafka)) {
        bool some = false;
        err = serve(kafka, ret_message);
        if (!err && !kafka->part_added)
            err = read_parts(kafka, &some);
        if (!err && (kafka->part_added || kafka->epoch_events >= EPOCH_EVENTS ||
                     steady_ms() >= close_at_ms)) {
            err = kafka_epoch_close(kafka, false);
            close_at_ms = steady_ms() + (kafka->far_behind ? CATCHING_UP * every_ms : every_ms);
        }
        if (!err && !some)
            source_nap(kafka, close_at_ms);
    }
    return err ? err : kafka_epoch_close(kafka, true);
}

enum rc_error ingest_kafka_run(struct ingest_kafka *kafka, char ret_message[256])
{
    ret_message[0] = '\0';
    kafka->snapshot_at_ms = steady_ms();
    if (!kafka->recovery.count) /* else at once: what was read again is not to be again */
        kafka->snapshot_at_ms += kafka->options.snapshot_every_ms;
    enum rc_error err = kafka_recovery_run(kafka, ret_message);
    /* Stopped before: what the recorded epochs need was not read to its end, nothing is closed. */
    if (!err && !kafka->options.recover_only && kafka->recovery.over &&
        kafka->recovery.ready == kafka->recovery.asked)
        err = run_live(kafka, ret_message);
    if (err == RC_ERR_END) /* given up: nobody drains the rings any more */
        return RC_OK;
    enum rc_error end = ingest_route_finish(&kafka->route);
    if (err && !ret_message[0] && kafka->wrong[0])
        memcpy(ret_message, kafka->wrong, sizeof kafka->wrong);
    else if (err && !ret_message[0])
        snprintf(ret_message, 256, "reading from Kafka: %s", rc_error_text(err));
    return err ? err : end == RC_ERR_END ? RC_OK : end;
}

void ingest_kafka_stop(struct ingest_kafka *kafka)
{
    atomic_store_explicit(&kafka->stop, true, memory_order_relaxed);
}

void ingest_kafka_give_up(struct ingest_kafka *kafka)
{
    atomic_store_explicit(&kafka->give_up, true, memory_order_relaxed);
    ingest_kafka_stop(kafka);
}

/* ---- open, close, what others ask ---- */

enum rc_error ingest_kafka_open(const struct ingest_kafka_options *options,
                                const struct ingest_output *output, struct ingest_kafka **ret_kafka,
                                char ret_message[256])
{
    const struct rc_config *config = options->config;
    struct ingest_kafka *kafka = calloc(1, sizeof *kafka);
    ret_message[0] = '\0';
    if (!kafka)
        return RC_ERR_MEMORY;
    kafka->options = *options;
    kafka->client.wake_fd = -1;
    kafka->look_every_ms = LOOK_FIRST_MS / 2;
    pthread_mutex_init(&kafka->lock, NULL);
    struct watermark_settings settings = {.max_disorder_ms = config->time.max_disorder_ms,
                                          .idle_after_ms = config->time.idle_after_ms,
                                          .align_ms = config->time.align_ms};
    watermark_init(&kafka->watermark, &settings);
    kafka->closed_now_ms = RC_TIME_NONE;
    kafka->known = calloc(config->kafka.topic_count + 1, sizeof *kafka->known);
    kafka->missing = calloc(config->kafka.topic_count + 1, sizeof *kafka->missing);
    kafka->policy_seen = calloc(config->kafka.topic_count + 1, sizeof *kafka->policy_seen);
    struct ingest_decoder_options decoder = {.config = config, .hash_secret = options->hash_secret};
    enum rc_error err =
        kafka->known && kafka->missing && kafka->policy_seen ? RC_OK : RC_ERR_MEMORY;
    if (!err)
        err = ingest_route_init(&kafka->route, output, &kafka->stats, &kafka->give_up);
    if (!err)
        err = ingest_decoder_open(&decoder, &kafka->decoder);
    if (!err)
        err = kafka_client_open(&kafka->client, config, options->say, options->opaque, ret_message);
    if (err) {
        if (!ret_message[0])
            snprintf(ret_message, 256, "%s", rc_error_text(err));
        ingest_kafka_close(kafka);
        return err;
    }
    *ret_kafka = kafka;
    return RC_OK;
}

enum rc_error ingest_kafka_secret_set(struct ingest_kafka *kafka, uint64_t hash_secret)
{
    const struct ingest_decoder_options options = {.config = kafka->options.config,
                                                   .hash_secret = hash_secret};
    ingest_decoder_close(kafka->decoder);
    kafka->decoder = NULL;
    return ingest_decoder_open(&options, &kafka->decoder);
}

void ingest_kafka_close(struct ingest_kafka *kafka)
{
    if (!kafka)
        return;
    for (uint32_t i = 0; i < kafka->part_count; i++) {
        kafka_recovery_drop(&kafka->part[i]);
        rd_kafka_queue_destroy(kafka->part[i].queue);
    }
    kafka_client_close(&kafka->client);
    ingest_decoder_close(kafka->decoder);
    ingest_route_done(&kafka->route);
    watermark_done(&kafka->watermark);
    for (int i = 0; i < COMMITS; i++)
        free(kafka->commit[i].next_offset);
    pthread_mutex_destroy(&kafka->lock);
    free(kafka->shown);
    free(kafka->part);
    free(kafka->known);
    free(kafka->missing);
    free(kafka->policy_seen);
    free(kafka->by_source);
    free(kafka->cut);
    free(kafka->scratch);
    free(kafka);
}

const struct rc_ingest_stats *ingest_kafka_stats(const struct ingest_kafka *kafka)
{
    return &kafka->stats;
}

const char *ingest_kafka_source(const struct ingest_kafka *kafka, uint32_t source,
                                int32_t *ret_partition)
{
    const struct rc_kafka *config = &kafka->options.config->kafka;
    uint32_t topic = source >> SOURCE_SHIFT;
    RC_CHECK(topic < config->topic_count);
    *ret_partition = (int32_t)(source & ((1u << SOURCE_SHIFT) - 1));
    return config->topic[topic].name;
}

bool ingest_kafka_source_of(const struct ingest_kafka *kafka, const char *topic, int32_t partition,
                            uint32_t *ret_source)
{
    const struct rc_kafka *config = &kafka->options.config->kafka;
    if (partition < 0 || partition >= 1 << SOURCE_SHIFT)
        return false;
    for (uint32_t i = 0; i < config->topic_count; i++)
        if (!strcmp(config->topic[i].name, topic)) {
            *ret_source = i << SOURCE_SHIFT | (uint32_t)partition;
            return true;
        }
    return false;
}
