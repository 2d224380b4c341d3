#include "progress_log.h"

#include "rollcall/check.h"
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What an epoch gave to its topics, the names being those of the log. */
struct sums {
    uint32_t count;
    struct progress_sum sum[];
};

enum { FORGET_MIN = 64 };

struct progress_log {
    struct progress_log_options options;
    struct rc_cut **cut;
    struct sums **sums; /* of the same epochs */
    size_t count, room;
    char **name; /* of output topics, each once */
    size_t name_count;
    bool any, rebuilt, has_key, broken; /* broken: the last record of ours could not be read */
    bool other_config;                  /* as in rc_progress */
    uint64_t epoch, first, run, broken_count;
    int64_t published_ms;
    char config_id[33], unknown[PROGRESS_NAME_MAX + 1];
    char *config_text; /* of config_id; NULL: none was recorded */
    uint32_t config_size;
    uint8_t key[32];
    uint64_t breaks; /* how often what was read could not be gone on with */
    pthread_mutex_t lock;
};

enum rc_error progress_log_open(const struct progress_log_options *options,
                                struct progress_log **ret_log)
{
    struct progress_log *log = calloc(1, sizeof *log);
    if (!log)
        return RC_ERR_MEMORY;
    log->options = *options;
    pthread_mutex_init(&log->lock, NULL);
    log->published_ms = RC_TIME_NONE;
    *ret_log = log;
    return RC_OK;
}

/* Of all but the last `keep`. */
static void let_go(struct progress_log *log, size_t keep)
{
    size_t gone = log->count - keep;
    for (size_t i = 0; i < gone; i++) {
        free(log->cut[i]);
        free(log->sums[i]);
    }
    for (size_t i = 0; i < keep; i++) {
        log->cut[i] = log->cut[gone + i];
        log->sums[i] = log->sums[gone + i];
    }
    log->count = keep;
    log->other_config = false;
    log->breaks++;
}

void progress_log_close(struct progress_log *log)
{
    if (!log)
        return;
    let_go(log, 0);
    for (size_t i = 0; i < log->name_count; i++)
        free(log->name[i]);
    free(log->config_text);
    free(log->name);
    free(log->cut);
    free(log->sums);
    pthread_mutex_destroy(&log->lock);
    free(log);
}

__attribute__((format(printf, 2, 3))) static void say(const struct progress_log *log,
                                                      const char *format, ...)
{
    char line[400];
    va_list list;
    va_start(list, format);
    vsnprintf(line, sizeof line, format, list);
    va_end(list);
    log->options.say(log->options.say_opaque, line);
}

/* ---- one record ---- */

/* The name as the log holds it; NULL: no memory. */
static const char *name_of(struct progress_log *log, const char *topic)
{
    for (size_t i = 0; i < log->name_count; i++)
        if (!strcmp(log->name[i], topic))
            return log->name[i];
    char **list = realloc(log->name, (log->name_count + 1) * sizeof *list);
    if (!list)
        return NULL;
    log->name = list;
    list[log->name_count] = strdup(topic);
    return list[log->name_count] ? list[log->name_count++] : NULL;
}

static struct sums *take_sums(struct progress_log *log, const struct progress_record *record)
{
    struct sums *sums = malloc(sizeof *sums + record->sum_count * sizeof *sums->sum);
    if (!sums)
        return NULL;
    sums->count = record->sum_count;
    for (uint32_t i = 0; i < sums->count; i++) {
        sums->sum[i] = record->sum[i];
        sums->sum[i].topic = name_of(log, record->sum[i].topic);
        if (!sums->sum[i].topic) {
            free(sums);
            return NULL;
        }
    }
    return sums;
}

static enum rc_error make_room(struct progress_log *log)
{
    if (log->count < log->room)
        return RC_OK;
    size_t room = log->room ? 2 * log->room : 256;
    void *cut = realloc(log->cut, room * sizeof *log->cut);
    if (cut)
        log->cut = cut;
    void *sums = realloc(log->sums, room * sizeof *log->sums);
    if (sums)
        log->sums = sums;
    if (!cut || !sums)
        return RC_ERR_MEMORY;
    log->room = room;
    return RC_OK;
}

/* Where the epoch stands in the list, or its length. */
static size_t find(const struct progress_log *log, uint64_t epoch)
{
    if (!log->count || epoch < log->cut[0]->epoch || epoch - log->cut[0]->epoch >= log->count)
        return log->count;
    return (size_t)(epoch - log->cut[0]->epoch);
}

static enum rc_error put_at(struct progress_log *log, size_t at, struct progress_record *record)
{
    enum rc_error err = make_room(log);
    struct sums *sums = err ? NULL : take_sums(log, record);
    if (!sums)
        return RC_ERR_MEMORY;
    if (at < log->count) {
        free(log->cut[at]);
        free(log->sums[at]);
    } else {
        log->count++;
    }
    log->cut[at] = record->cut;
    log->sums[at] = sums;
    record->cut = NULL;
    return RC_OK;
}

/* An epoch of before was published again: from now on its output is to be that. */
static enum rc_error take_restated(struct progress_log *log, const struct progress_record *record)
{
    size_t at = find(log, record->cut->epoch);
    if (at == log->count)
        return RC_OK;
    struct sums *sums = take_sums(log, record);
    if (!sums)
        return RC_ERR_MEMORY;
    free(log->sums[at]);
    log->sums[at] = sums;
    return RC_OK;
}

/* Whether the record goes on from what was read before, be it under another configuration; says why
 * not where that is no everyday matter. */
static bool goes_on(const struct progress_log *log, const struct progress_record *record,
                    int64_t offset)
{
    uint64_t epoch = record->cut->epoch;
    if (!log->any || log->broken || record->first == epoch)
        return false;
    if (epoch != log->epoch + 1 && epoch != log->epoch) {
        say(log,
            "rollcall.progress [%d]: epoch %llu at offset %lld follows epoch %llu: recovery cannot "
            "go on before it",
            (int)log->options.partition, (unsigned long long)epoch, (long long)offset,
            (unsigned long long)log->epoch);
        return false;
    }
    return record->first == log->first && record->rebuilt == log->rebuilt;
}

static enum rc_error take_config(struct progress_log *log, const struct progress_record *record)
{
    bool same = !strcmp(record->config_id, log->config_id);
    if (same && !record->config_text)
        return RC_OK;
    free(log->config_text);
    log->config_text = NULL;
    log->config_size = 0;
    memcpy(log->config_id, record->config_id, sizeof log->config_id);
    if (!record->config_text)
        return RC_OK;
    log->config_text = strdup(record->config_text);
    log->config_size = log->config_text ? record->config_size : 0;
    return log->config_text ? RC_OK : RC_ERR_MEMORY;
}

/* The last epoch under the configuration before is what a snapshot may have been made of; those
 * before it would have to be made again under two. */
static void let_go_before(struct progress_log *log, const struct progress_record *record,
                          int64_t offset)
{
    if (!goes_on(log, record, offset)) {
        let_go(log, 0);
    } else if (strcmp(record->config_id, log->config_id) != 0) {
        bool next = log->count && record->cut->epoch == log->epoch + 1;
        let_go(log, next ? 1 : 0);
        log->other_config = next;
    }
}

static enum rc_error take(struct progress_log *log, struct progress_record *record, int64_t offset)
{
    if (record->published_ms > log->published_ms)
        log->published_ms = record->published_ms;
    log->run = record->run;
    if (record->restated)
        return take_restated(log, record);
    let_go_before(log, record, offset);
    log->any = true;
    log->broken = false;
    log->broken_count = 0;
    log->epoch = record->cut->epoch;
    log->first = record->first;
    log->rebuilt = record->rebuilt;
    log->has_key = record->has_key;
    memcpy(log->key, record->key, sizeof log->key);
    memcpy(log->unknown, record->unknown, sizeof log->unknown);
    enum rc_error err = take_config(log, record);
    if (log->rebuilt) /* nobody can make it again */
        let_go(log, 0);
    return err || log->rebuilt ? err : put_at(log, find(log, log->epoch), record);
}

enum rc_error progress_log_add(struct progress_log *log, int64_t offset, const char *key,
                               size_t key_size, const char *value, size_t value_size)
{
    struct progress_record record;
    char why[PROGRESS_WHY_MAX];
    const struct progress_log_options *options = &log->options;
    if (key && (key_size != strlen(options->group) || memcmp(key, options->group, key_size)))
        return RC_OK; /* of another group */
    enum rc_error err =
        progress_decode(value, value_size, options->source, options->opaque, &record, why);
    pthread_mutex_lock(&log->lock);
    if (err == RC_ERR_INPUT) {
        say(log,
            "rollcall.progress [%d]: the record at offset %lld cannot be read (%s): recovery "
            "cannot go on before it",
            (int)options->partition, (long long)offset, why);
        let_go(log, 0);
        log->broken = true;
        log->broken_count++;
        err = RC_OK;
    } else if (!err) {
        if (!strcmp(record.group, options->group))
            err = take(log, &record, offset);
        progress_done(&record);
    }
    pthread_mutex_unlock(&log->lock);
    return err;
}

/* ---- all of them ---- */

enum rc_error progress_log_finish(struct progress_log *log, struct rc_progress *ret_progress,
                                  char ret_message[256])
{
    struct rc_progress progress = {.epoch = log->epoch + log->broken_count,
                                   .first = log->first,
                                   .has_key = log->has_key,
                                   .cut_count = (uint32_t)log->count,
                                   .cut = log->cut};
    memcpy(progress.key, log->key, sizeof progress.key);
    if (!log->rebuilt && !log->broken) {
        memcpy(progress.config_id, log->config_id, sizeof progress.config_id);
        progress.config_text = log->config_text;
        progress.config_size = log->config_size;
        progress.other_config = log->other_config;
    }
    if (log->broken)
        say(log,
            "rollcall.progress [%d]: its last record cannot be read, so where the last run "
            "stopped is not known: all is built anew from the input's beginning",
            (int)log->options.partition);
    if (log->any && !log->broken && log->unknown[0]) {
        snprintf(ret_message, 256,
                 "the group has read the topic %.150s, which is no input of this configuration "
                 "(kafka.topics)",
                 log->unknown);
        return RC_ERR_CONFIG;
    }
    *ret_progress = progress;
    return RC_OK;
}

int64_t progress_log_published(const struct progress_log *log)
{
    return log->published_ms;
}

uint64_t progress_log_run(const struct progress_log *log)
{
    return log->run;
}

uint64_t progress_log_epoch(const struct progress_log *log)
{
    return log->epoch;
}

uint64_t progress_log_breaks(const struct progress_log *log)
{
    return log->breaks;
}

const struct rc_cut *progress_log_next(const struct progress_log *log, uint64_t epoch)
{
    size_t at = find(log, epoch + 1);
    return at < log->count ? log->cut[at] : NULL;
}

/* In one go when it is half of the list, so that an epoch costs the same however long it is. */
void progress_log_forget(struct progress_log *log, uint64_t epoch)
{
    pthread_mutex_lock(&log->lock);
    size_t gone = find(log, epoch);
    if (gone < log->count && gone >= FORGET_MIN && gone >= log->count / 2) {
        uint64_t breaks = log->breaks;
        let_go(log, log->count - gone);
        log->breaks = breaks;
    }
    pthread_mutex_unlock(&log->lock);
}

struct progress_sum progress_log_sum(struct progress_log *log, uint64_t epoch, const char *topic)
{
    struct progress_sum sum = {.topic = topic};
    pthread_mutex_lock(&log->lock);
    size_t at = find(log, epoch);
    for (uint32_t i = 0; at < log->count && i < log->sums[at]->count; i++)
        if (!strcmp(log->sums[at]->sum[i].topic, topic))
            sum = log->sums[at]->sum[i];
    pthread_mutex_unlock(&log->lock);
    return sum;
}

uint32_t progress_log_topics(struct progress_log *log, uint64_t epoch)
{
    pthread_mutex_lock(&log->lock);
    size_t at = find(log, epoch);
    uint32_t topics = at < log->count ? log->sums[at]->count : 0;
    pthread_mutex_unlock(&log->lock);
    return topics;
}
