/* The Kafka source: one thread reads all partitions of all topics from their beginning, each from
 * a queue of its own. Every commit_every_ms, or after so many events, it closes an epoch: moves the
 * watermark, puts a mark into every ring and notes how far each partition was read, so that the
 * offsets can be committed once what the epoch made is out.
 *
 * Memory stays bounded while catching up: a partition that is ahead of the others by more than
 * `align` is not read, its prefetch buffer fills, and librdkafka stops fetching for it. */
#include "kafka_client.h"
#include "route.h"
#include "watermark.h"

#include "rollcall/check.h"
#include "rollcall/ingest.h"
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum {
    EPOCH_EVENTS = 65536,
    BATCH = 1024,           /* messages of one partition at a time */
    LOOK_EVERY_MS = 5000,   /* for new topics and partitions */
    LOOK_FIRST_MS = 200,    /* while there are none yet: more often at first */
    LOOK_WAIT_MS = 1000,
    SERVE_EVERY_MS = 50,    /* librdkafka's callbacks */
    SLEEP_MS = 50,
    COMMIT_EVERY_MS = 1000,
    CUTS = 64,              /* epochs that may be under way at once */
    SOURCE_SHIFT = 16,      /* source = topic << 16 | partition: in order, however late one comes */
    HEADERS_MAX = 64,
    MESSAGE_PADDING = INGEST_PADDING
};

struct part {
    rd_kafka_queue_t *queue;
    const struct rc_topic_setting *topic;
    int32_t partition;
    uint32_t source;
    int64_t next_offset, end_offset;
};

/* How far every partition was read when an epoch closed. */
struct cut {
    uint64_t epoch;
    uint32_t count, room;
    int64_t *next_offset;
};

struct ingest_kafka {
    struct ingest_kafka_options options;
    struct kafka_client client;
    struct ingest_route route;
    struct ingest_decoder *decoder;
    struct watermark watermark;
    struct rc_ingest_stats stats;
    struct part *part;                /* as the watermark numbers them */
    uint32_t part_room, part_count;
    uint32_t *known;                  /* partitions known, by topic */
    bool *missing;                    /* said, by topic */
    rd_kafka_message_t *batch[BATCH];
    char *scratch;                    /* a value with padding */
    size_t scratch_room;
    uint64_t epoch;
    uint32_t epoch_events;
    int64_t opened_ms, look_at_ms, look_every_ms, served_ms, memory_at_ms;
    bool over_memory;
    uint32_t said_holder;
    _Atomic bool stop, give_up;
    /* shared, under the lock */
    pthread_mutex_t lock;
    struct ingest_partition *shown;
    uint32_t shown_count;
    struct cut cut[CUTS];
    int64_t committed_at_ms;
};

static int64_t wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static int64_t steady_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void note(struct ingest_kafka *kafka, const char *text, const char *what)
{
    char line[400];
    snprintf(line, sizeof line, "note: %s%s", text, what);
    kafka->options.say(kafka->options.opaque, line);
}

/* ---- topics and partitions ---- */

static enum rc_error add_part(struct ingest_kafka *kafka, uint32_t topic, uint32_t partition)
{
    if (kafka->part_count == kafka->part_room) {
        uint32_t room = kafka->part_room ? 2 * kafka->part_room : 16;
        struct part *part = realloc(kafka->part, room * sizeof *part);
        if (!part)
            return RC_ERR_MEMORY;
        kafka->part = part;
        kafka->part_room = room;
    }
    struct part *part = &kafka->part[kafka->part_count];
    *part = (struct part){.topic = &kafka->options.config->kafka.topic[topic],
                          .partition = (int32_t)partition,
                          .source = topic << SOURCE_SHIFT | partition,
                          .end_offset = -1};
    enum rc_error err = kafka_client_assign(&kafka->client, part->topic->name, part->partition,
                                            &part->queue);
    if (!err)
        err = watermark_add(&kafka->watermark);
    if (!err)
        kafka->part_count++;
    return err;
}

/* Takes up what is new of a topic. */
static enum rc_error add_topic_parts(struct ingest_kafka *kafka, uint32_t topic, uint32_t count)
{
    enum rc_error err = RC_OK;
    while (kafka->known[topic] < count && !err) {
        err = add_part(kafka, topic, kafka->known[topic]);
        if (!err)
            kafka->known[topic]++;
    }
    return err == RC_ERR_KAFKA ? RC_OK : err; /* said; tried again with the next look */
}

/* Asks Kafka how many partitions there are; false when it does not answer. */
static bool look(struct ingest_kafka *kafka, uint32_t *ret_count)
{
    const struct rc_kafka *config = &kafka->options.config->kafka;
    for (uint32_t i = 0; i < config->topic_count; i++) {
        if (kafka_client_look(&kafka->client, config->topic[i].name, LOOK_WAIT_MS, &ret_count[i]))
            return false;
        if (ret_count[i] > 1u << SOURCE_SHIFT)
            ret_count[i] = 1u << SOURCE_SHIFT;
        if (!ret_count[i] && !kafka->missing[i])
            note(kafka, "an input topic is missing, it is waited for: ", config->topic[i].name);
        else if (ret_count[i] && kafka->missing[i])
            note(kafka, "the input topic is there now: ", config->topic[i].name);
        kafka->missing[i] = !ret_count[i];
    }
    return true;
}

static enum rc_error look_for_parts(struct ingest_kafka *kafka, char ret_message[256])
{
    uint32_t topics = kafka->options.config->kafka.topic_count, total = 0;
    uint32_t *count = calloc(topics + 1, sizeof *count);
    enum rc_error err = RC_OK;
    if (!count)
        return RC_ERR_MEMORY;
    kafka->look_every_ms = kafka->client.consumer        ? LOOK_EVERY_MS
                           : 2 * kafka->look_every_ms < LOOK_EVERY_MS ? 2 * kafka->look_every_ms
                                                                      : LOOK_EVERY_MS;
    if (look(kafka, count)) {
        for (uint32_t i = 0; i < topics; i++)
            total += count[i];
        if (total && !kafka->client.consumer)
            err = kafka_client_start(&kafka->client, total, ret_message);
        for (uint32_t i = 0; i < topics && !err && total; i++)
            err = add_topic_parts(kafka, i, count[i]);
    }
    free(count);
    kafka->look_at_ms = steady_ms() + kafka->look_every_ms;
    return err;
}

/* ---- one message ---- */

static enum rc_error pad(struct ingest_kafka *kafka, const rd_kafka_message_t *message)
{
    size_t need = message->len + MESSAGE_PADDING;
    if (need > kafka->scratch_room) {
        char *bytes = realloc(kafka->scratch, need + need / 2);
        if (!bytes)
            return RC_ERR_MEMORY;
        kafka->scratch = bytes;
        kafka->scratch_room = need + need / 2;
    }
    memcpy(kafka->scratch, message->payload, message->len);
    memset(kafka->scratch + message->len, 0, MESSAGE_PADDING);
    return RC_OK;
}

static uint32_t read_headers(const rd_kafka_message_t *message, struct ingest_header *ret_header,
                             struct ingest_envelope *envelope)
{
    rd_kafka_headers_t *headers;
    uint32_t count = 0;
    if (rd_kafka_message_headers(message, &headers))
        return 0;
    for (size_t i = 0; count < HEADERS_MAX; i++) {
        const char *name;
        const void *value;
        size_t size;
        if (rd_kafka_header_get_all(headers, i, &name, &value, &size))
            break;
        ret_header[count++] = (struct ingest_header){
            .name = name, .value = value, .name_size = (uint32_t)strlen(name),
            .value_size = value ? (uint32_t)size : ROUTE_NONE};
        if (value && strcmp(name, "ce_type") == 0) {
            envelope->ce_type = value;
            envelope->ce_type_size = (uint32_t)size;
        } else if (value && strcmp(name, "ce_time") == 0) {
            envelope->ce_time = value;
            envelope->ce_time_size = (uint32_t)size;
        }
    }
    return count;
}

static enum rc_error take_event(struct ingest_kafka *kafka, uint32_t number,
                                const union ingest_event *event, int64_t offset,
                                const struct ingest_raw_parts *raw)
{
    const struct part *part = &kafka->part[number];
    int64_t max_ahead_ms = kafka->options.config->time.max_ahead_ms;
    if (event->ev.time_ms > kafka->opened_ms + max_ahead_ms)
        return ingest_route_dead(&kafka->route, part->source, offset, "future", raw);
    watermark_event(&kafka->watermark, number, event->ev.time_ms);
    if (event->ev.type == RC_TYPE_tick) {
        rc_count(&kafka->stats.events[RC_CHANNEL_NONE][RC_TYPE_tick], 1);
        return RC_OK;
    }
    kafka->epoch_events++;
    return ingest_route_event(&kafka->route, event, part->source, offset, RC_TIME_NONE, raw);
}

static enum rc_error take_record(struct ingest_kafka *kafka, uint32_t number,
                                 const rd_kafka_message_t *message)
{
    struct part *part = &kafka->part[number];
    struct ingest_envelope envelope = {.channel = part->topic->channel};
    struct ingest_header header[HEADERS_MAX];
    union ingest_event event;
    char reason[148];
    rc_count(&kafka->stats.lines, 1);
    rc_count(&kafka->stats.bytes, message->len);
    if (!message->payload) {
        rc_count(&kafka->stats.blank, 1);
        return RC_OK;
    }
    if (pad(kafka, message))
        return RC_ERR_MEMORY;
    struct ingest_raw_parts raw = {
        .key = message->key, .value = kafka->scratch, .header = header,
        .key_size = message->key ? (uint32_t)message->key_len : ROUTE_NONE,
        .value_size = (uint32_t)message->len};
    raw.header_count = read_headers(message, header, &envelope);
    switch (ingest_decode(kafka->decoder, &envelope, kafka->scratch, raw.value_size, &event,
                          reason)) {
    case INGEST_EVENT:
        return take_event(kafka, number, &event, message->offset, &raw);
    case INGEST_BLANK:
        rc_count(&kafka->stats.blank, 1);
        return RC_OK;
    case INGEST_UNKNOWN:
        rc_count(&kafka->stats.unknown_type, 1);
        return RC_OK;
    case INGEST_REFUSED:
        return ingest_route_dead(&kafka->route, part->source, message->offset, reason, &raw);
    }
    return RC_ERR_INTERNAL;
}

static enum rc_error take_message(struct ingest_kafka *kafka, uint32_t number,
                                  const rd_kafka_message_t *message, int64_t wall)
{
    struct part *part = &kafka->part[number];
    if (message->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
        kafka_client_answered(&kafka->client);
        part->end_offset = part->next_offset = message->offset;
        watermark_end(&kafka->watermark, number);
        return RC_OK;
    }
    if (message->err) {
        kafka_client_complain(&kafka->client, message->err, rd_kafka_message_errstr(message));
        return RC_OK;
    }
    kafka_client_answered(&kafka->client);
    part->next_offset = message->offset + 1;
    watermark_read(&kafka->watermark, number, wall);
    return take_record(kafka, number, message);
}

/* ---- the loop ---- */

static enum rc_error read_part(struct ingest_kafka *kafka, uint32_t number, bool *ret_some)
{
    ssize_t count = rd_kafka_consume_batch_queue(kafka->part[number].queue, 0, kafka->batch, BATCH);
    int64_t wall = wall_ms();
    enum rc_error err = RC_OK;
    for (ssize_t i = 0; i < count; i++) {
        if (!err)
            err = take_message(kafka, number, kafka->batch[i], wall);
        rd_kafka_message_destroy(kafka->batch[i]);
    }
    *ret_some |= count > 0;
    return err;
}

static enum rc_error read_parts(struct ingest_kafka *kafka, bool *ret_some)
{
    enum rc_error err = RC_OK;
    int64_t wall = wall_ms();
    watermark_align(&kafka->watermark, wall);
    for (uint32_t i = 0; i < kafka->part_count && !err && !kafka->over_memory; i++)
        if (!watermark_ahead(&kafka->watermark, i, wall))
            err = read_part(kafka, i, ret_some);
    return err;
}

/* A message that came through the common queue: one of a partition taken up this very moment. */
static enum rc_error take_stray(struct ingest_kafka *kafka, rd_kafka_message_t *message)
{
    enum rc_error err = RC_OK;
    for (uint32_t i = 0; message->rkt && i < kafka->part_count; i++)
        if (kafka->part[i].partition == message->partition &&
            strcmp(kafka->part[i].topic->name, rd_kafka_topic_name(message->rkt)) == 0)
            err = take_message(kafka, i, message, wall_ms());
    rd_kafka_message_destroy(message);
    return err;
}

static enum rc_error serve(struct ingest_kafka *kafka, char ret_message[256])
{
    int64_t now_ms = steady_ms();
    enum rc_error err = RC_OK;
    if (now_ms - kafka->served_ms >= SERVE_EVERY_MS) {
        rd_kafka_message_t *message = kafka_client_poll(&kafka->client);
        if (message)
            err = take_stray(kafka, message);
        kafka->served_ms = now_ms;
    }
    if (!err && now_ms >= kafka->look_at_ms)
        err = look_for_parts(kafka, ret_message);
    return err;
}

/* Near limits.memory the process stops reading and says so. */
static void watch_memory(struct ingest_kafka *kafka)
{
    uint64_t limit = kafka->options.config->limits.memory, pages = 0;
    if (!limit || steady_ms() < kafka->memory_at_ms)
        return;
    kafka->memory_at_ms = steady_ms() + 500;
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file)
        return;
    if (fscanf(file, "%*u %lu", &pages) != 1)
        pages = 0;
    fclose(file);
    uint64_t used = pages * (uint64_t)sysconf(_SC_PAGESIZE);
    bool over = used > limit - limit / 20;
    if (over && !kafka->over_memory)
        note(kafka, "limits.memory is nearly reached: nothing is read until there is room", "");
    else if (!over && kafka->over_memory)
        note(kafka, "there is memory again: reading goes on", "");
    kafka->over_memory = over;
}

static void nap(struct ingest_kafka *kafka, int64_t until_ms)
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

/* Copies what others may see; notes what may be committed once the epoch is out. */
static enum rc_error show(struct ingest_kafka *kafka, int64_t wall)
{
    enum rc_error err = RC_OK;
    pthread_mutex_lock(&kafka->lock);
    struct cut *cut = &kafka->cut[kafka->epoch % CUTS];
    if (cut->room < kafka->part_count) {
        int64_t *offsets = realloc(cut->next_offset, kafka->part_room * sizeof *offsets);
        if (offsets) {
            cut->next_offset = offsets;
            cut->room = kafka->part_room;
        }
    }
    if (kafka->part_count != kafka->shown_count) {
        struct ingest_partition *shown =
            realloc(kafka->shown, (kafka->part_count + 1) * sizeof *shown);
        if (shown) {
            kafka->shown = shown;
            kafka->shown_count = kafka->part_count;
        }
    }
    if (cut->room < kafka->part_count || kafka->shown_count != kafka->part_count)
        err = RC_ERR_MEMORY;
    cut->epoch = kafka->epoch;
    cut->count = err ? 0 : kafka->part_count;
    for (uint32_t i = 0; i < cut->count; i++) {
        const struct part *part = &kafka->part[i];
        int64_t largest_ms = kafka->watermark.part[i].largest_ms;
        cut->next_offset[i] = part->next_offset;
        kafka->shown[i] = (struct ingest_partition){
            .topic = part->topic->name, .partition = part->partition,
            .next_offset = part->next_offset, .end_offset = part->end_offset,
            .watermark_ms = largest_ms == RC_TIME_NONE
                                ? RC_TIME_NONE
                                : largest_ms - kafka->watermark.settings.max_disorder_ms,
            .idle = watermark_idle(&kafka->watermark, i, wall),
            .holds_back = kafka->watermark.holder == i};
    }
    pthread_mutex_unlock(&kafka->lock);
    return err;
}

static void refresh_ends(struct ingest_kafka *kafka)
{
    for (uint32_t i = 0; i < kafka->part_count; i++) {
        struct part *part = &kafka->part[i];
        int64_t low, high;
        if (rd_kafka_get_watermark_offsets(kafka->client.consumer, part->topic->name,
                                           part->partition, &low, &high) == 0 && high >= 0)
            part->end_offset = high;
    }
}

static enum rc_error close_epoch(struct ingest_kafka *kafka)
{
    int64_t wall = wall_ms();
    if (kafka->client.away)
        watermark_outage(&kafka->watermark, wall);
    int64_t now_ms = watermark_step(&kafka->watermark, wall);
    enum rc_error err =
        ingest_route_mark(&kafka->route, ++kafka->epoch, now_ms, kafka->opened_ms, false);
    if (now_ms != RC_TIME_NONE)
        rc_gauge_set(&kafka->stats.watermark_ms, (uint64_t)now_ms);
    if (kafka->client.consumer)
        refresh_ends(kafka);
    watch_memory(kafka);
    kafka->opened_ms = wall;
    kafka->epoch_events = 0;
    return err ? err : show(kafka, wall);
}

enum rc_error ingest_kafka_run(struct ingest_kafka *kafka, char ret_message[256])
{
    int64_t every_ms = kafka->options.config->output.commit_every_ms;
    int64_t close_at_ms = steady_ms() + every_ms;
    enum rc_error err = RC_OK;
    ret_message[0] = '\0';
    kafka->opened_ms = wall_ms();
    while (!err && !atomic_load_explicit(&kafka->stop, memory_order_relaxed)) {
        bool some = false;
        err = serve(kafka, ret_message);
        if (!err)
            err = read_parts(kafka, &some);
        if (!err && (kafka->epoch_events >= EPOCH_EVENTS || steady_ms() >= close_at_ms)) {
            err = close_epoch(kafka);
            close_at_ms = steady_ms() + every_ms;
        }
        if (!err && !some)
            nap(kafka, close_at_ms);
    }
    if (!err)
        err = close_epoch(kafka);
    if (err == RC_ERR_END) /* given up: nobody drains the rings any more */
        return RC_OK;
    enum rc_error end = ingest_route_finish(&kafka->route);
    if (err && !ret_message[0])
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
                                const struct ingest_output *output,
                                struct ingest_kafka **ret_kafka, char ret_message[256])
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
    struct watermark_settings settings = {
        .max_disorder_ms = config->time.max_disorder_ms,
        .idle_after_ms = config->time.idle_after_ms,
        .align_ms = config->time.align_ms,
        .distance_ms = RC_TIME_NONE};
    watermark_init(&kafka->watermark, &settings);
    kafka->known = calloc(config->kafka.topic_count + 1, sizeof *kafka->known);
    kafka->missing = calloc(config->kafka.topic_count + 1, sizeof *kafka->missing);
    struct ingest_decoder_options decoder = {.config = config,
                                             .hash_secret = options->hash_secret};
    enum rc_error err = kafka->known && kafka->missing ? RC_OK : RC_ERR_MEMORY;
    if (!err)
        err = ingest_route_init(&kafka->route, output, &kafka->stats, &kafka->give_up);
    if (!err)
        err = ingest_decoder_open(&decoder, &kafka->decoder);
    if (!err)
        err = kafka_client_open(&kafka->client, config, options->say, options->opaque,
                                ret_message);
    if (err) {
        if (!ret_message[0])
            snprintf(ret_message, 256, "%s", rc_error_text(err));
        ingest_kafka_close(kafka);
        return err;
    }
    *ret_kafka = kafka;
    return RC_OK;
}

void ingest_kafka_close(struct ingest_kafka *kafka)
{
    if (!kafka)
        return;
    for (uint32_t i = 0; i < kafka->part_count; i++)
        rd_kafka_queue_destroy(kafka->part[i].queue);
    kafka_client_close(&kafka->client);
    ingest_decoder_close(kafka->decoder);
    ingest_route_done(&kafka->route);
    watermark_done(&kafka->watermark);
    for (int i = 0; i < CUTS; i++)
        free(kafka->cut[i].next_offset);
    pthread_mutex_destroy(&kafka->lock);
    free(kafka->shown);
    free(kafka->part);
    free(kafka->known);
    free(kafka->missing);
    free(kafka->scratch);
    free(kafka);
}

const struct rc_ingest_stats *ingest_kafka_stats(const struct ingest_kafka *kafka)
{
    return &kafka->stats;
}

uint32_t ingest_kafka_partitions(struct ingest_kafka *kafka, struct ingest_partition *ret_list,
                                 uint32_t room)
{
    pthread_mutex_lock(&kafka->lock);
    uint32_t count = kafka->shown_count;
    for (uint32_t i = 0; i < count && i < room; i++)
        ret_list[i] = kafka->shown[i];
    pthread_mutex_unlock(&kafka->lock);
    return count;
}

void ingest_kafka_published(struct ingest_kafka *kafka, uint64_t epoch)
{
    rd_kafka_topic_partition_list_t *list = NULL;
    pthread_mutex_lock(&kafka->lock);
    const struct cut *cut = &kafka->cut[epoch % CUTS];
    bool last = atomic_load_explicit(&kafka->stop, memory_order_relaxed);
    if (cut->epoch == epoch && cut->count &&
        (last || steady_ms() - kafka->committed_at_ms >= COMMIT_EVERY_MS)) {
        list = rd_kafka_topic_partition_list_new((int)cut->count);
        for (uint32_t i = 0; i < cut->count; i++)
            rd_kafka_topic_partition_list_add(list, kafka->shown[i].topic,
                                              kafka->shown[i].partition)
                ->offset = cut->next_offset[i];
        kafka->committed_at_ms = steady_ms();
    }
    pthread_mutex_unlock(&kafka->lock);
    if (list) {
        kafka_client_commit(&kafka->client, list);
        rd_kafka_topic_partition_list_destroy(list);
    }
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
