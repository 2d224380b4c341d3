/* Epochs with given cuts through decoder, shards and record text, without threads and without a
 * clock, for run_live.py:
 *
 *     model_epochs CONFIG EPOCHS SHARDS [restarts=N] [AFTER OTHER-CONFIG]…
 *
 * With restarts the state is saved now and then, and another core with another number of shards
 * goes on from what was saved; the number says when. It changes nothing that is printed.
 *
 * After so many epochs the shards go over to the other configuration.
 * A line of EPOCHS is an epoch, {"events":[[partition,"record"],…],"now":ms or null}. Prints the
 * records of metrics and slas in canonical order, then the dead letters, each as topic, tab, JSON;
 * a dead letter's is {"partition":…,"offset":…,"reason":…}. */
#include "config_load.h"
#include "rollcall/aggregate.h"
#include "rollcall/check.h"
#include "rollcall/ingest.h"
#include "rollcall/sink.h"
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SHARDS_MAX = 4, PARTITIONS_MAX = 16, VALUE_MAX = 2 << 20, CHANGES_MAX = 8 };

static const uint64_t hash_secret = UINT64_C(0x5eed);

struct dead {
    uint32_t partition;
    int64_t offset;
    char reason[148];
};

struct change { /* of the configuration */
    uint64_t after;
    struct config_loaded *loaded;
};

struct epochs {
    const struct rc_config *config;
    struct change change[CHANGES_MAX];
    uint32_t change_count;
    struct ingest_decoder *decoder;
    struct agg *agg[SHARDS_MAX];
    uint32_t shards;
    uint64_t restarts; /* the state of a generator; 0: none are made */
    int64_t now_ms;
    uint64_t count;
    int64_t next_offset[PARTITIONS_MAX];
    char *value; /* with the decoder's padding */
    /* of the open epoch, in the order of the shards */
    struct rc_record **record;
    size_t record_count, record_room;
    /* of all epochs */
    struct dead *dead;
    size_t dead_count, dead_room;
};

static void *grown(void *list, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return list;
    *room = *room ? *room * 2 : 256;
    list = realloc(list, *room * size);
    RC_CHECK(list);
    return list;
}

static void dead_add(struct epochs *epochs, uint32_t partition, int64_t offset, const char *reason)
{
    epochs->dead =
        grown(epochs->dead, epochs->dead_count, &epochs->dead_room, sizeof *epochs->dead);
    struct dead *dead = &epochs->dead[epochs->dead_count++];
    dead->partition = partition;
    dead->offset = offset;
    snprintf(dead->reason, sizeof dead->reason, "%s", reason);
}

static void keep(void *opaque, enum rc_message kind, const void *message, uint32_t size)
{
    struct epochs *epochs = opaque;
    if (kind == RC_MESSAGE_DEAD_LETTER) {
        const struct rc_dead_letter *dead = message;
        dead_add(epochs, dead->source, dead->offset, dead->reason);
        return;
    }
    RC_CHECK(kind == RC_MESSAGE_RECORD);
    const struct rc_record *rec = message;
    /* The model has no tombstones. */
    if (rec->topic > RC_TOPIC_CONTACTS || rec->tombstone)
        return;
    epochs->record =
        grown(epochs->record, epochs->record_count, &epochs->record_room, sizeof *epochs->record);
    struct rc_record *copy = malloc(size);
    RC_CHECK(copy);
    memcpy(copy, rec, size);
    epochs->record[epochs->record_count++] = copy;
}

static bool decoder_open(struct epochs *epochs)
{
    struct ingest_decoder_options decoder = {.config = epochs->config, .hash_secret = hash_secret};
    return ingest_decoder_open(&decoder, &epochs->decoder) == RC_OK;
}

static bool shards_open(struct epochs *epochs)
{
    for (uint32_t i = 0; i < epochs->shards; i++) {
        struct agg_options options = {.config = epochs->config,
                                      .shard_count = epochs->shards,
                                      .shard = i,
                                      .hash_secret = hash_secret,
                                      .provisional = true,
                                      .contacts = true,
                                      .pseudonym = ingest_pseudonym};
        if (agg_open(&options, keep, epochs, &epochs->agg[i]))
            return false;
    }
    return true;
}

static void shards_close(struct epochs *epochs)
{
    for (uint32_t i = 0; i < epochs->shards; i++)
        agg_close(epochs->agg[i]);
}

static bool open_all(struct epochs *epochs)
{
    epochs->value = malloc(VALUE_MAX + INGEST_PADDING);
    return epochs->value && decoder_open(epochs) && shards_open(epochs);
}

static void close_all(struct epochs *epochs)
{
    shards_close(epochs);
    ingest_decoder_close(epochs->decoder);
    free(epochs->value);
    free(epochs->record);
    free(epochs->dead);
}

/* ---- restarts ---- */

struct saved { /* of one task; size 0: it has no state */
    char *bytes;
    size_t size, room, read;
};

static enum rc_error saved_put(void *self, const void *bytes, size_t size)
{
    struct saved *saved = self;
    if (saved->size + size > saved->room) {
        saved->room = (saved->size + size) * 2;
        saved->bytes = realloc(saved->bytes, saved->room);
        RC_CHECK(saved->bytes);
    }
    memcpy(saved->bytes + saved->size, bytes, size);
    saved->size += size;
    return RC_OK;
}

static enum rc_error saved_get(void *self, void *ret_bytes, size_t size)
{
    struct saved *saved = self;
    if (size > saved->size - saved->read)
        return RC_ERR_INPUT;
    memcpy(ret_bytes, saved->bytes + saved->read, size);
    saved->read += size;
    return RC_OK;
}

static struct saved *tasks_save(const struct epochs *epochs)
{
    struct saved *saved = calloc(epochs->config->tasks, sizeof *saved);
    RC_CHECK(saved);
    for (uint32_t i = 0; i < epochs->config->tasks; i++) {
        const struct agg *agg = epochs->agg[i % epochs->shards];
        struct rc_snapshot_writer writer = {&saved[i], saved_put};
        if (agg_task_exists(agg, i))
            RC_CHECK(agg_task_save(agg, i, &writer) == RC_OK);
    }
    return saved;
}

static void tasks_free(const struct epochs *epochs, struct saved *saved)
{
    for (uint32_t i = 0; i < epochs->config->tasks; i++)
        free(saved[i].bytes);
    free(saved);
}

static uint64_t drawn(uint64_t *state)
{
    *state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = (*state ^ *state >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    return z ^ z >> 29;
}

/* Another core, from the state that this one saves; that one would save the same. */
static bool restart(struct epochs *epochs)
{
    struct saved *saved = tasks_save(epochs);
    char message[256];
    bool same = true;
    shards_close(epochs);
    epochs->shards = 1 + (uint32_t)(drawn(&epochs->restarts) % SHARDS_MAX);
    RC_CHECK(shards_open(epochs));
    for (uint32_t i = 0; i < epochs->config->tasks; i++) {
        struct rc_snapshot_reader reader = {&saved[i], saved_get};
        if (saved[i].size && agg_task_restore(epochs->agg[i % epochs->shards], i, &reader, message))
            same = fprintf(stderr, "task %u is not restored: %s\n", i, message) < 0;
    }
    if (!same)
        return false;
    for (uint32_t i = 0; i < epochs->shards; i++)
        agg_resume(epochs->agg[i], epochs->now_ms);
    struct saved *again = tasks_save(epochs);
    for (uint32_t i = 0; i < epochs->config->tasks; i++)
        same &= saved[i].size == again[i].size && saved[i].read == saved[i].size &&
                (!saved[i].size || !memcmp(saved[i].bytes, again[i].bytes, saved[i].size));
    if (!same)
        fputs("what was restored is not what was saved\n", stderr);
    tasks_free(epochs, saved);
    tasks_free(epochs, again);
    return same;
}

/* ---- epochs ---- */

static void take(struct epochs *epochs, uint32_t partition, const char *text, size_t size)
{
    struct ingest_envelope envelope = {.channel = RC_CHANNEL_NONE};
    union ingest_event event;
    char reason[148];
    int64_t offset = epochs->next_offset[partition]++;
    memcpy(epochs->value, text, size);
    memset(epochs->value + size, 0, INGEST_PADDING);
    switch (
        ingest_decode(epochs->decoder, &envelope, epochs->value, (uint32_t)size, &event, reason)) {
    case INGEST_EVENT:
        if (event.ev.type == RC_TYPE_tick)
            return;
        event.ev.source = partition;
        event.ev.offset = offset;
        agg_take(epochs->agg[event.ev.task % epochs->shards], &event.ev);
        return;
    case INGEST_REFUSED:
        dead_add(epochs, partition, offset, reason);
        return;
    case INGEST_BLANK:
    case INGEST_UNKNOWN:
        return;
    }
}

static int record_compare(const void *left, const void *right)
{
    const struct rc_record *const *a = left, *const *b = right;
    return rc_record_compare(*a, *b);
}

static void cut(struct epochs *epochs, int64_t now_ms)
{
    struct rc_mark mark = {.epoch = ++epochs->count, .now_ms = now_ms, .wall_ms = now_ms};
    static const char *const topic[] = {[RC_TOPIC_METRICS] = "metrics\t",
                                        [RC_TOPIC_SLAS] = "slas\t",
                                        [RC_TOPIC_CONTACTS] = "contacts\t"};
    static char text[1 << 20]; /* contacts with all the clocks of the cases */
    for (uint32_t i = 0; i < epochs->shards; i++)
        agg_mark(epochs->agg[i], &mark);
    if (epochs->record_count)
        qsort(epochs->record, epochs->record_count, sizeof *epochs->record, record_compare);
    for (size_t i = 0; i < epochs->record_count; i++) {
        uint32_t size = sink_record_json(&epochs->config->windows, epochs->record[i], text);
        fputs(topic[epochs->record[i]->topic], stdout);
        fwrite(text, 1, size, stdout);
        putchar('\n');
        free(epochs->record[i]);
    }
    epochs->record_count = 0;
}

/* Those that are due after the epoch. */
static bool configure(struct epochs *epochs)
{
    char message[256];
    for (uint32_t i = 0; i < epochs->change_count; i++) {
        if (epochs->change[i].after != epochs->count)
            continue;
        const struct rc_config *config = epochs->change[i].loaded->config;
        for (uint32_t s = 0; s < epochs->shards; s++) {
            if (agg_configure(epochs->agg[s], config, message)) {
                fprintf(stderr, "%s\n", message);
                return false;
            }
        }
        epochs->config = config;
        ingest_decoder_close(epochs->decoder);
        if (!decoder_open(epochs))
            return false;
    }
    return true;
}

static bool epoch_take(struct epochs *epochs, const json_t *epoch)
{
    const json_t *events = json_object_get(epoch, "events"), *now = json_object_get(epoch, "now");
    if (!json_is_array(events) || !(json_is_integer(now) || json_is_null(now)))
        return false;
    for (size_t i = 0; i < json_array_size(events); i++) {
        const json_t *pair = json_array_get(events, i);
        const json_t *partition = json_array_get(pair, 0), *value = json_array_get(pair, 1);
        if (!json_is_integer(partition) || !json_is_string(value) ||
            (uint64_t)json_integer_value(partition) >= PARTITIONS_MAX ||
            json_string_length(value) > VALUE_MAX)
            return false;
        take(epochs, (uint32_t)json_integer_value(partition), json_string_value(value),
             json_string_length(value));
    }
    epochs->now_ms = json_is_null(now) ? RC_TIME_NONE : json_integer_value(now);
    cut(epochs, epochs->now_ms);
    if (epochs->restarts && drawn(&epochs->restarts) % 4 == 0 && !restart(epochs))
        return false;
    return configure(epochs);
}

static bool file_take(struct epochs *epochs, FILE *file)
{
    char *line = NULL;
    size_t room = 0;
    bool good = true;
    while (good && getline(&line, &room, file) > 0) {
        json_t *epoch = json_loads(line, 0, NULL);
        good = epoch && epoch_take(epochs, epoch);
        json_decref(epoch);
    }
    free(line);
    for (size_t i = 0; good && i < epochs->dead_count; i++) {
        const struct dead *dead = &epochs->dead[i];
        json_t *out = json_pack("{sisIss}", "partition", (int)dead->partition, "offset",
                                (json_int_t)dead->offset, "reason", dead->reason);
        fputs("dead_letter\t", stdout);
        good = out && json_dumpf(out, stdout, JSON_COMPACT) == 0;
        putchar('\n');
        json_decref(out);
    }
    return good;
}

/* Customers are known by the key of the first. */
static bool changes_load(struct epochs *epochs, char **argv, int count)
{
    for (int i = 0; i + 1 < count; i += 2) {
        struct change *change = &epochs->change[epochs->change_count];
        if (config_load("model_epochs", argv[i + 1], stderr, &change->loaded))
            return false;
        change->after = strtoull(argv[i], NULL, 10);
        epochs->change_count++;
        config_pseudonym_key_set(change->loaded, epochs->config->privacy.key);
    }
    return true;
}

int main(int argc, char **argv)
{
    struct config_loaded *loaded = NULL;
    struct epochs epochs = {.shards = argc >= 4 ? (uint32_t)strtoul(argv[3], NULL, 10) : 0};
    if (argc >= 5 && !strncmp(argv[4], "restarts=", 9)) {
        epochs.restarts = strtoull(argv[4] + 9, NULL, 10);
        memmove(argv + 4, argv + 5, (size_t)(argc - 4) * sizeof *argv);
        argc--;
    }
    if (epochs.shards < 1 || epochs.shards > SHARDS_MAX || argc % 2 || argc > 4 + 2 * CHANGES_MAX) {
        fprintf(stderr,
                "usage: model_epochs CONFIG EPOCHS SHARDS (1 to %d) [restarts=N] "
                "[AFTER OTHER-CONFIG]…\n",
                SHARDS_MAX);
        return 64;
    }
    FILE *file = fopen(argv[2], "r");
    if (!file) {
        fprintf(stderr, "%s: %s\n", argv[2], strerror(errno));
        return 74;
    }
    int code = 78;
    if (config_load("model_epochs", argv[1], stderr, &loaded) == RC_OK) {
        epochs.config = loaded->config;
        code = changes_load(&epochs, argv + 4, argc - 4) && open_all(&epochs) &&
                       file_take(&epochs, file)
                   ? 0
                   : 65;
        if (code)
            fprintf(stderr, "%s: not epochs as this program reads them\n", argv[2]);
        close_all(&epochs);
    }
    config_free(loaded);
    for (uint32_t i = 0; i < epochs.change_count; i++)
        config_free(epochs.change[i].loaded);
    fclose(file);
    return fflush(stdout) ? 74 : code;
}
