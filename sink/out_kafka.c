/* Records to Kafka topics, by the commit thread. An epoch's records are sent as they come, kept,
 * and committed at its end with its progress; while a broker is away the thread waits, the rings
 * fill, and reading stalls, so memory stays bounded. Nothing is dropped but by a stop.
 *
 * A run goes on in one of three ways. Recovering, it makes the recorded epochs again, compares them
 * with what their progress says, and publishes from the next one on. Rebuilding, it makes all anew
 * and publishes what differs from what is read back (continuity.h). Where nothing was published
 * before, records pass as they are. */
#include "dead_letter.h"
#include "kafka_back.h"
#include "kafka_epoch.h"

#include "rollcall/check.h"
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PART_BYTES = 64 << 20 }; /* what is rebuilt is published in transactions of this size */

enum way { WAY_OPEN, WAY_PLAIN, WAY_RECOVER, WAY_REBUILD };

struct sink_kafka {
    struct sink_kafka_options options;
    struct kafka_ear ear;
    struct kafka_wait wait;
    struct kafka_epochs epochs;
    struct continuity *continuity;
    enum way way;
    bool prepared, counting; /* counting: an epoch of this run has come */
    bool live;               /* what comes is published, not only compared */
    bool settled;            /* made anew, and snapshots know the revisions */
    uint64_t first;          /* as in rc_progress */
    /* Recovering: up to which epoch there is something to compare, UINT64_MAX while standing by;
     * and up to which it was. Of both threads: under the lock */
    pthread_mutex_t lock;
    uint64_t last, compared;
    struct rc_cut *cut; /* of the epoch at hand */
    char key[SINK_KEY_MAX];
};

/* ---- before the first epoch ---- */

static enum rc_error read_back(struct sink_kafka *out)
{
    struct kafka_back *back;
    kafka_wait_stage(&out->wait, KAFKA_STAGE_READING);
    enum rc_error err = kafka_back_open(&out->options, &out->epochs.outputs, &out->ear,
                                        out->continuity, &back, out->epochs.message);
    if (err)
        return err;
    do {
        err = kafka_wait_over(&out->wait) ? RC_ERR_KAFKA : kafka_back_read(back, KAFKA_POLL_MS);
        rd_kafka_poll(kafka_publisher_handle(out->epochs.publisher), 0);
    } while (err == RC_ERR_AGAIN);
    if (!err && kafka_back_records(back))
        kafka_note(&out->ear, "read back %llu records of %zu keys and dead letters",
                   (unsigned long long)kafka_back_records(back), continuity_keys(out->continuity));
    kafka_back_close(back);
    return err;
}

static enum rc_error prepare(struct sink_kafka *out)
{
    enum rc_error err = out->prepared ? RC_OK : kafka_epochs_prepare(&out->epochs);
    out->prepared |= !err;
    return err;
}

static void show_stage(struct sink_kafka *out)
{
    kafka_wait_stage(&out->wait, continuity_rebuilding(out->continuity) ? KAFKA_STAGE_REBUILDING
                                                                        : KAFKA_STAGE_LIVE);
}

/* Without sink_kafka_resume: on top of what was published, if there is anything. */
static enum rc_error start(struct sink_kafka *out)
{
    if (out->way != WAY_OPEN)
        return RC_OK;
    enum rc_error err = prepare(out);
    if (!err)
        err = continuity_open(out->options.config, &out->continuity);
    if (err)
        return err;
    if (!out->options.config->privacy.has_key)
        continuity_new_pseudonyms(out->continuity);
    err = read_back(out);
    if (err)
        return err;
    continuity_read_all(out->continuity);
    out->way = continuity_keys(out->continuity) ? WAY_REBUILD : WAY_PLAIN;
    out->live = true;
    show_stage(out);
    if (out->way == WAY_PLAIN) {
        continuity_close(out->continuity);
        out->continuity = NULL;
    }
    return RC_OK;
}

/* ---- records ---- */

/* Kept, and sent where it is known already that it is to be. */
static enum rc_error keep_record(struct sink_kafka *out, const struct rc_record *rec,
                                 uint32_t key_size)
{
    struct kafka_epochs *epochs = &out->epochs;
    struct kept_record *record;
    size_t room = key_size + (rec->tombstone ? 0 : sink_record_room(rec));
    enum rc_error err = kept_reserve(&epochs->kept, room, &record);
    if (err)
        return err;
    record->output = kafka_output_of(&epochs->outputs, rec);
    record->key_size = key_size;
    memcpy(record->bytes, out->key, key_size);
    if (!rec->tombstone)
        record->value_size =
            sink_record_json(&out->options.config->windows, rec, record->bytes + key_size);
    kept_add(&epochs->kept, record);
    return out->live ? kafka_epochs_send(epochs) : RC_OK;
}

/* With the revision that goes on from what was published. */
static enum rc_error publish_anew(struct sink_kafka *out, struct rc_record *rec, uint32_t key_size)
{
    enum rc_error err = continuity_number(out->continuity, rec, out->key, key_size);
    return err ? err : keep_record(out, rec, key_size);
}

/* While rebuilding: published only if it differs, at the end of it. */
static enum rc_error hold(struct sink_kafka *out, struct rc_record *rec, uint32_t key_size)
{
    struct kept_record *scratch;
    uint32_t size = 0;
    enum rc_error err = kept_reserve(&out->epochs.kept, sink_record_room(rec), &scratch);
    if (err)
        return err;
    if (!rec->tombstone)
        size = sink_record_json(&out->options.config->windows, rec, scratch->bytes);
    return continuity_hold(out->continuity, rec, out->key, key_size, scratch->bytes, size);
}

static enum rc_error take_record(void *self, struct rc_record *rec)
{
    struct sink_kafka *out = self;
    enum rc_error err = start(out);
    if (err)
        return err;
    uint32_t key_size = sink_record_key(&out->options.config->windows, rec, out->key);
    if (!out->continuity)
        return keep_record(out, rec, key_size);
    if (continuity_rebuilding(out->continuity))
        return hold(out, rec, key_size);
    return continuity_exists(out->continuity, rec, out->key, key_size)
               ? publish_anew(out, rec, key_size)
               : RC_OK;
}

static enum rc_error take_dead_letter(void *self, const struct rc_dead_letter *dead)
{
    struct sink_kafka *out = self;
    struct kafka_epochs *epochs = &out->epochs;
    struct kept_record *record;
    int32_t partition;
    enum rc_error err = start(out);
    if (err)
        return err;
    const char *topic = out->options.source(out->options.source_opaque, dead->source, &partition);
    if (out->continuity && continuity_dead_known(out->continuity, topic, partition, dead->offset))
        return RC_OK;
    err = dead_letter_keep(&epochs->kept, kafka_output_dead(&epochs->outputs), dead, topic,
                           partition, out->options.config->privacy.dead_letter_values, &record);
    if (err)
        return err;
    return out->live ? kafka_epochs_send(epochs) : RC_OK;
}

/* ---- epochs ---- */

/* A copy of the epoch's cut. */
static enum rc_error take_cut(struct sink_kafka *out, const struct sink_epoch *epoch)
{
    const struct rc_cut bare = {.size = sizeof bare,
                                .epoch = epoch->epoch,
                                .now_ms = epoch->now_ms,
                                .wall_ms = RC_TIME_NONE,
                                .distance_ms = RC_TIME_NONE};
    const struct rc_cut *given = epoch->cut ? epoch->cut : &bare;
    struct rc_cut *cut = realloc(out->cut, given->size);
    if (!cut)
        return RC_ERR_MEMORY;
    memcpy(cut, given, given->size);
    out->cut = cut;
    if (!out->counting && out->way != WAY_RECOVER) {
        RC_CHECK(cut->epoch > out->epochs.progress.epoch);
        out->first = cut->epoch;
    }
    out->counting = true;
    return RC_OK;
}

static enum rc_error commit(struct sink_kafka *out, bool restated)
{
    const struct kafka_epoch_made made = {.cut = out->cut,
                                          .first = out->first,
                                          .rebuilt = out->way == WAY_REBUILD && !out->settled,
                                          .restated = restated};
    return kafka_epochs_commit(&out->epochs, &made);
}

static int compare(const void *a, const void *b)
{
    return sink_record_compare(*(struct rc_record *const *)a, *(struct rc_record *const *)b);
}

/* The past is rebuilt: what differs from what was published goes out. */
static enum rc_error catch_up(struct sink_kafka *out, struct rc_record **held, size_t count)
{
    static const struct kafka_epoch_made part = {.cut = NULL};
    enum rc_error err = RC_OK;
    qsort(held, count, sizeof *held, compare);
    for (size_t i = 0; i < count && !err; i++) {
        uint32_t key_size = sink_record_key(&out->options.config->windows, held[i], out->key);
        err = publish_anew(out, held[i], key_size);
        if (!err && out->epochs.kept.bytes >= PART_BYTES)
            err = kafka_epochs_commit(&out->epochs, &part);
    }
    kafka_note(&out->ear, "rebuilt: %zu records are new or differ from what was published", count);
    continuity_release(out->continuity);
    return err;
}

static enum rc_error take_rebuilt(struct sink_kafka *out, const struct sink_epoch *epoch)
{
    struct rc_record **held;
    size_t count;
    bool over;
    enum rc_error err = continuity_reach(out->continuity, epoch->now_ms, &over, &held, &count);
    if (!err && over)
        err = catch_up(out, held, count);
    out->settled |= out->cut->snapshot && !continuity_rebuilding(out->continuity);
    /* While nothing goes out there is nothing to go on from either. */
    if (!err && (!continuity_rebuilding(out->continuity) || out->epochs.kept.bytes))
        err = commit(out, false);
    if (!err)
        show_stage(out);
    return err;
}

/* The first topic of which the epoch gave something else than its progress says; NULL: none. */
static const char *differs(struct sink_kafka *out, struct progress_sum *ret_then,
                           struct kept_sum *ret_now)
{
    const struct kafka_epochs *epochs = &out->epochs;
    uint32_t topics = 0;
    for (uint32_t i = 0; i < epochs->outputs.count; i++) {
        const char *topic = epochs->outputs.output[i].name;
        *ret_then = progress_log_sum(epochs->log, out->cut->epoch, topic);
        *ret_now = epochs->kept.sum[i];
        topics += ret_then->count != 0;
        if (ret_then->count != ret_now->count || ret_then->hash != ret_now->hash)
            return topic;
    }
    *ret_now = (struct kept_sum){0};
    ret_then->count = 0;
    return topics == progress_log_topics(epochs->log, out->cut->epoch) ? NULL : "another topic";
}

static void first_key(const struct sink_kafka *out, const char *topic, char ret_key[64])
{
    struct kept_place place = {0};
    const struct kept_record *record;
    snprintf(ret_key, 64, "none");
    while ((record = kept_next(&out->epochs.kept, &place))) {
        if (strcmp(out->epochs.outputs.output[record->output].name, topic) != 0)
            continue;
        snprintf(ret_key, 64, "%.*s", (int)kept_size(record->key_size), record->bytes);
        return;
    }
}

static uint64_t last_of(struct sink_kafka *out)
{
    pthread_mutex_lock(&out->lock);
    uint64_t last = out->last;
    pthread_mutex_unlock(&out->lock);
    return last;
}

static uint64_t compared_of(struct sink_kafka *out)
{
    pthread_mutex_lock(&out->lock);
    uint64_t compared = out->compared;
    pthread_mutex_unlock(&out->lock);
    return compared;
}

/* 0: as it was. Also shown, for /readyz. */
static void reach(struct sink_kafka *out, uint64_t compared, uint64_t last)
{
    pthread_mutex_lock(&out->lock);
    out->compared = compared ? compared : out->compared;
    out->last = last ? last : out->last;
    kafka_wait_recovering(&out->wait, out->compared, out->last);
    pthread_mutex_unlock(&out->lock);
}

/* A recorded epoch was made again. INTERNAL: it is another one. */
static enum rc_error take_recorded(struct sink_kafka *out)
{
    struct progress_sum then;
    struct kept_sum now;
    char key[64];
    enum rc_error err = RC_OK;
    const char *topic = differs(out, &then, &now);
    if (topic) {
        char *message = out->epochs.message;
        first_key(out, topic, key);
        snprintf(message, sizeof out->epochs.message,
                 "epoch %llu, made again, differs from what was published: %.64s had %llu records, "
                 "now %llu, the first of them %.40s",
                 (unsigned long long)out->cut->epoch, topic, (unsigned long long)then.count,
                 (unsigned long long)now.count, key);
        if (!out->options.restate || last_of(out) == UINT64_MAX)
            return RC_ERR_INTERNAL;
        kafka_note(&out->ear, "%s: the epoch is published again (--restate)", message);
        message[0] = '\0';
        err = commit(out, true);
    }
    kafka_epochs_drop(&out->epochs);
    reach(out, out->cut->epoch, 0);
    out->live = out->cut->epoch >= last_of(out);
    return err;
}

static enum rc_error take_epoch(void *self, const struct sink_epoch *epoch)
{
    struct sink_kafka *out = self;
    enum rc_error err = start(out);
    if (!err)
        err = take_cut(out, epoch);
    if (err)
        return err;
    if (out->way == WAY_RECOVER && out->cut->recorded)
        return take_recorded(out);
    if (out->way == WAY_REBUILD)
        return take_rebuilt(out, epoch);
    out->live = true;
    err = commit(out, false);
    if (!err)
        kafka_wait_stage(&out->wait, KAFKA_STAGE_LIVE);
    return err;
}

/* ---- what the app calls ---- */

static enum rc_error tell(struct sink_kafka *out, enum rc_error err, char ret_message[256])
{
    if (err)
        snprintf(ret_message, 256, "%s", out->epochs.message);
    return err;
}

enum rc_error sink_kafka_prepare(struct sink_output *output,
                                 const struct rc_progress **ret_progress, char ret_message[256])
{
    struct sink_kafka *out = output->self;
    enum rc_error err = prepare(out);
    *ret_progress = &out->epochs.progress;
    return tell(out, err, ret_message);
}

enum rc_error sink_kafka_look(struct sink_output *output, int timeout_ms,
                              const struct rc_progress **ret_progress, char ret_message[256])
{
    struct sink_kafka *out = output->self;
    *ret_progress = &out->epochs.progress;
    return tell(out, kafka_epochs_look(&out->epochs, timeout_ms), ret_message);
}

enum rc_error sink_kafka_follow(struct sink_output *output, uint64_t epoch, int timeout_ms,
                                const struct rc_cut **ret_cut, uint64_t *ret_behind,
                                char ret_message[256])
{
    struct sink_kafka *out = output->self;
    uint64_t compared = compared_of(out);
    enum rc_error err = kafka_epochs_follow(&out->epochs, epoch, compared, timeout_ms, ret_cut);
    uint64_t last = kafka_epochs_last(&out->epochs);
    *ret_behind = last > epoch ? last - epoch : 0;
    return tell(out, err, ret_message);
}

enum rc_error sink_kafka_take_over(struct sink_output *output, uint64_t *ret_last,
                                   char ret_message[256])
{
    struct sink_kafka *out = output->self;
    enum rc_error err = prepare(out);
    *ret_last = out->epochs.progress.epoch;
    if (!err)
        reach(out, 0, *ret_last);
    return tell(out, err, ret_message);
}

void sink_kafka_resume(struct sink_output *output, uint64_t after)
{
    struct sink_kafka *out = output->self;
    const struct rc_progress *progress = &out->epochs.progress;
    RC_CHECK((out->prepared || out->epochs.looked) && out->way == WAY_OPEN && progress->epoch);
    out->way = WAY_RECOVER;
    out->first = progress->first;
    kafka_epochs_resume(&out->epochs);
    reach(out, after, out->prepared ? progress->epoch : UINT64_MAX);
    out->live = after >= last_of(out);
}

bool sink_kafka_settled(const struct sink_output *output)
{
    const struct sink_kafka *out = output->self;
    return out->way != WAY_REBUILD || out->settled;
}

bool sink_kafka_revisions_exist(const struct sink_output *output)
{
    const struct sink_kafka *out = output->self;
    return out->continuity != NULL;
}

enum rc_error sink_kafka_revisions_save(const struct sink_output *output,
                                        const struct rc_snapshot_writer *writer)
{
    const struct sink_kafka *out = output->self;
    return continuity_save(out->continuity, writer);
}

enum rc_error sink_kafka_revisions_restore(struct sink_output *output,
                                           const struct rc_snapshot_reader *in)
{
    struct sink_kafka *out = output->self;
    RC_CHECK(out->way == WAY_OPEN && !out->continuity);
    enum rc_error err = continuity_open(NULL, &out->continuity);
    return err ? err : continuity_restore(out->continuity, in);
}

bool sink_kafka_ready(const struct sink_output *output, char ret_reason[256])
{
    const struct sink_kafka *out = output->self;
    return kafka_wait_ready(&out->wait, ret_reason);
}

/* ---- open and close ---- */

static void say(void *opaque, const char *line)
{
    struct sink_kafka *out = opaque;
    out->options.say(out->options.opaque, line);
}

static void close_kafka(void *self)
{
    struct sink_kafka *out = self;
    if (!out)
        return;
    kafka_epochs_close(&out->epochs);
    continuity_close(out->continuity);
    pthread_mutex_destroy(&out->lock);
    free(out->cut);
    free(out);
}

static const char *message_of(void *self)
{
    struct sink_kafka *out = self;
    return out->epochs.message[0] ? out->epochs.message : NULL;
}

enum rc_error sink_kafka_open(const struct sink_kafka_options *options,
                              struct sink_output *ret_output, char ret_message[256])
{
    struct sink_kafka *out = calloc(1, sizeof *out);
    ret_message[0] = '\0';
    if (!out)
        return RC_ERR_MEMORY;
    out->options = *options;
    pthread_mutex_init(&out->lock, NULL);
    out->ear = (struct kafka_ear){.say = say, .opaque = out, .failing = true};
    out->wait.leave = options->leave;
    enum rc_error err =
        kafka_epochs_open(&out->epochs, &out->options, &out->ear, &out->wait, ret_message);
    if (err) {
        if (!ret_message[0])
            snprintf(ret_message, 256, "%s", rc_error_text(err));
        close_kafka(out);
        return err;
    }
    *ret_output = (struct sink_output){.self = out,
                                       .record = take_record,
                                       .dead_letter = take_dead_letter,
                                       .epoch = take_epoch,
                                       .close = close_kafka,
                                       .message = message_of};
    return RC_OK;
}
