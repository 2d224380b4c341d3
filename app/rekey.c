#include "rekey.h"

#include "rollcall/ingest.h"
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    TOPIC_NAME_MAX = 249, /* Kafka's */
    MOST_RECORDS = 50000, /* of a transaction */
    MOST_BYTES = 32 << 20,
    PROGRESS_MS = 200,
    WAIT_MS = 100
};

struct rekey {
    struct rekey_options options;
    struct rc_config config; /* in the copying's own group */
    char *group, *id;
    char **topic;
    struct ingest_copy *in;
    struct sink_copy *out;
    struct rekey_figures figures, open; /* open: of the transaction */
    uint64_t bytes;                     /* of it */
    int64_t opened_ms, shown_ms;
};

static int64_t steady_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int32_t rekey_partition(const char *bytes, uint32_t size, uint32_t partitions)
{
    return (int32_t)((ingest_murmur2(bytes, size) & 0x7fffffff) % partitions);
}

/* ---- open, close ---- */

static bool is_topic(const char *name)
{
    static const char allowed[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
    size_t size = strlen(name);
    return size && size <= TOPIC_NAME_MAX && strspn(name, allowed) == size;
}

static bool is_input(const struct rc_kafka *kafka, const char *name)
{
    for (uint32_t i = 0; i < kafka->topic_count; i++)
        if (!strcmp(kafka->topic[i].name, name))
            return true;
    return false;
}

static enum rc_error name_topics(struct rekey *rekey, char ret_message[256])
{
    const struct rc_kafka *kafka = &rekey->options.config->kafka;
    rekey->topic = calloc(kafka->topic_count + 1, sizeof *rekey->topic);
    for (uint32_t i = 0; rekey->topic && i < kafka->topic_count; i++) {
        if (asprintf(&rekey->topic[i], "%s%s", kafka->topic[i].name, rekey->options.suffix) < 0)
            return RC_ERR_MEMORY;
        bool input = is_input(kafka, rekey->topic[i]);
        if (is_topic(rekey->topic[i]) && !input)
            continue;
        snprintf(ret_message, 256, "%.80s%.80s %s: give another --to-suffix", kafka->topic[i].name,
                 rekey->options.suffix,
                 input ? "is an input topic itself (kafka.topics)"
                       : "is no name for a topic (249 of A-Z a-z 0-9 . _ -)");
        return RC_ERR_CONFIG;
    }
    if (!kafka->topic_count)
        snprintf(ret_message, 256, "kafka.topics: there is nothing to copy");
    return !rekey->topic ? RC_ERR_MEMORY : kafka->topic_count ? RC_OK : RC_ERR_CONFIG;
}

/* What was copied is remembered for these topics: other ones begin at the beginning. */
static enum rc_error name_group(struct rekey *rekey)
{
    const char *group = rekey->options.config->kafka.group;
    if (asprintf(&rekey->group, "%s-rekey%s", group, rekey->options.suffix) < 0)
        rekey->group = NULL;
    if (asprintf(&rekey->id, "%s/rekey%s", group, rekey->options.suffix) < 0)
        rekey->id = NULL;
    if (!rekey->group || !rekey->id)
        return RC_ERR_MEMORY;
    rekey->config = *rekey->options.config;
    rekey->config.kafka.group = rekey->group;
    rekey->config.output.at_least_once = false;
    return RC_OK;
}

static enum rc_error open_rooms(struct rekey *rekey, char ret_message[256])
{
    const struct rekey_options *options = &rekey->options;
    struct ingest_copy_options in = {.config = &rekey->config,
                                     .say = options->say,
                                     .opaque = options->in_opaque,
                                     .leave = options->leave};
    struct sink_copy_options out = {.config = &rekey->config,
                                    .id = rekey->id,
                                    .topic = (const char *const *)rekey->topic,
                                    .partitions = options->tasks,
                                    .say = options->say,
                                    .opaque = options->out_opaque,
                                    .leave = options->leave};
    enum rc_error err = ingest_copy_open(&in, &rekey->in, ret_message);
    return err ? err : sink_copy_open(&out, &rekey->out, ret_message);
}

enum rc_error rekey_open(const struct rekey_options *options, struct rekey **ret_rekey,
                         char ret_message[256])
{
    struct rekey *rekey = calloc(1, sizeof *rekey);
    if (!rekey)
        return RC_ERR_MEMORY;
    rekey->options = *options;
    enum rc_error err = name_topics(rekey, ret_message);
    if (!err)
        err = name_group(rekey);
    if (!err)
        err = open_rooms(rekey, ret_message);
    if (err) {
        rekey_close(rekey);
        return err;
    }
    *ret_rekey = rekey;
    return RC_OK;
}

void rekey_close(struct rekey *rekey)
{
    if (!rekey)
        return;
    ingest_copy_close(rekey->in);
    sink_copy_close(rekey->out);
    for (uint32_t i = 0; rekey->topic && i < rekey->options.config->kafka.topic_count; i++)
        free(rekey->topic[i]);
    free(rekey->topic);
    free(rekey->group);
    free(rekey->id);
    free(rekey);
}

void rekey_figures(const struct rekey *rekey, struct rekey_figures *ret_figures)
{
    *ret_figures = rekey->figures;
}

/* ---- a record ---- */

static uint32_t there(uint32_t size)
{
    return size == RC_COPY_ABSENT ? 0 : size;
}

/* Time is that of the whole input once a tick's turn has come, so every partition is told. */
static enum rc_error copy_tick(struct rekey *rekey, const struct rc_copy_record *record)
{
    enum rc_error err = RC_OK;
    for (uint32_t i = 0; i < rekey->options.tasks && !err; i++)
        err = sink_copy_send(rekey->out, record, (int32_t)i, record->key, record->key_size);
    rekey->open.copies += rekey->options.tasks;
    return err;
}

static enum rc_error copy_record(struct rekey *rekey, const struct rc_copy_record *record)
{
    uint32_t tasks = rekey->options.tasks;
    if (!rekey->open.records++)
        rekey->opened_ms = steady_ms();
    rekey->bytes += there(record->value_size) + there(record->key_size);
    if (record->tick)
        return copy_tick(rekey, record);
    rekey->open.copies++;
    if (record->client_size)
        return sink_copy_send(rekey->out, record,
                              rekey_partition(record->client, record->client_size, tasks),
                              record->client, record->client_size);
    rekey->open.nameless++;
    return sink_copy_send(rekey->out, record,
                          rekey_partition(record->value, there(record->value_size), tasks),
                          record->key, record->key_size);
}

/* ---- transactions ---- */

static bool told_to_leave(const struct rekey *rekey)
{
    return atomic_load_explicit(rekey->options.leave, memory_order_relaxed);
}

static void open_next(struct rekey *rekey)
{
    rekey->open = (struct rekey_figures){0};
    rekey->bytes = 0;
    rekey->opened_ms = steady_ms();
}

static enum rc_error begin(struct rekey *rekey, char ret_message[256])
{
    enum rc_error err = ingest_copy_begin(rekey->in, ret_message);
    rekey->figures.behind = err ? 0 : ingest_copy_behind(rekey->in);
    open_next(rekey);
    return err;
}

/* What the group says is copied must be there: who removed it wants it anew, or does not know. */
static enum rc_error check_begin(const struct rekey *rekey, char ret_message[256])
{
    for (uint32_t i = 0; i < rekey->config.kafka.topic_count; i++) {
        if (!ingest_copy_begun(rekey->in, i) || !sink_copy_empty(rekey->out, i))
            continue;
        snprintf(ret_message, 256,
                 "%.60s is empty, but some of it was copied, says the group %.60s: was it "
                 "removed? To copy all again delete the group, or give another --to-suffix",
                 rekey->topic[i], rekey->group);
        return RC_ERR_INPUT;
    }
    return RC_OK;
}

/* AGAIN: all of it is to be copied again. */
static enum rc_error commit(struct rekey *rekey, char ret_message[256])
{
    uint32_t count;
    const struct rc_copy_offset *offset = ingest_copy_offsets(rekey->in, &count);
    if (!count) {
        rekey->opened_ms = steady_ms();
        return RC_OK;
    }
    enum rc_error err = sink_copy_commit(rekey->out, offset, count, ret_message);
    if (err == RC_ERR_AGAIN) {
        rekey->figures.repeated++;
        err = begin(rekey, ret_message);
        return err ? err : RC_ERR_AGAIN;
    }
    if (err)
        return err;
    ingest_copy_committed(rekey->in);
    rekey->figures.records += rekey->open.records;
    rekey->figures.copies += rekey->open.copies;
    rekey->figures.nameless += rekey->open.nameless;
    open_next(rekey);
    return RC_OK;
}

static bool is_full(const struct rekey *rekey, int64_t now_ms)
{
    return rekey->open.copies >= MOST_RECORDS || rekey->bytes >= MOST_BYTES ||
           now_ms - rekey->opened_ms >= rekey->config.output.commit_every_ms;
}

/* Copies until the transaction is full, or there is nothing to be copied for a moment. */
static enum rc_error fill(struct rekey *rekey, char ret_message[256])
{
    int64_t every_ms = rekey->config.output.commit_every_ms;
    struct rc_copy_record record;
    enum rc_error err = RC_OK;
    while (!err && !is_full(rekey, steady_ms())) {
        err = ingest_copy_next(rekey->in, every_ms < WAIT_MS ? every_ms : WAIT_MS, &record,
                               ret_message);
        if (!err)
            err = copy_record(rekey, &record);
        if (err == RC_ERR_INPUT && !ret_message[0])
            snprintf(ret_message, 256,
                     "%.150s/%d, offset %lld: larger than a producer may send (kafka.security: "
                     "message.max.bytes)",
                     rekey->config.kafka.topic[record.topic].name, record.partition,
                     (long long)record.offset);
    }
    return err;
}

static bool is_done(struct rekey *rekey)
{
    int64_t idle_ms = ingest_copy_idle_ms(rekey->in);
    rekey->figures.caught_up |= idle_ms != RC_TIME_NONE;
    return rekey->options.until_idle && idle_ms >= rekey->config.time.idle_after_ms;
}

static void show(struct rekey *rekey)
{
    int64_t now_ms = steady_ms();
    if (now_ms - rekey->shown_ms < PROGRESS_MS)
        return;
    rekey->shown_ms = now_ms;
    rekey->figures.behind = ingest_copy_behind(rekey->in);
    rekey->options.progress(rekey->options.opaque);
}

enum rc_error rekey_run(struct rekey *rekey, char ret_message[256])
{
    bool over = false;
    enum rc_error err = sink_copy_prepare(rekey->out, ret_message);
    if (!err)
        err = begin(rekey, ret_message);
    if (!err)
        err = check_begin(rekey, ret_message);
    while (!err && !over) {
        over = told_to_leave(rekey) || is_done(rekey);
        err = over ? RC_OK : fill(rekey, ret_message);
        /* A transaction that is broken says so when it is to be committed. */
        if ((!err || err == RC_ERR_AGAIN) && (over || is_full(rekey, steady_ms())))
            err = commit(rekey, ret_message);
        if (err == RC_ERR_AGAIN) {
            over = told_to_leave(rekey);
            err = RC_OK;
        }
        show(rekey);
    }
    return err;
}
