#include "kafka_epoch.h"

#include "rollcall/check.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

enum { HEAR_MS = 2500 };
static const char fenced_text[] = "another process has taken over the group's work (fenced)";

static int64_t wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void say(void *opaque, const char *line)
{
    kafka_note(opaque, "%s", line);
}

static enum rc_error open_log(struct kafka_epochs *epochs, struct progress_log **ret_log)
{
    struct progress_log_options options = {.group = rc_unit(epochs->options->config),
                                           .partition = rc_own_partition(epochs->options->config),
                                           .source = epochs->options->source_of,
                                           .opaque = epochs->options->source_opaque,
                                           .say = say,
                                           .say_opaque = epochs->ear};
    return progress_log_open(&options, ret_log);
}

/* ---- open, close ---- */

enum rc_error kafka_epochs_open(struct kafka_epochs *epochs,
                                const struct sink_kafka_options *options, struct kafka_ear *ear,
                                struct kafka_wait *wait, char ret_message[256])
{
    *epochs = (struct kafka_epochs){
        .options = options, .ear = ear, .wait = wait, .stamp_ms = RC_TIME_NONE};
    if (getrandom(&epochs->run, sizeof epochs->run, 0) != sizeof epochs->run || !epochs->run)
        epochs->run = (uint64_t)wall_ms(); /* no other process of the group began then */
    enum rc_error err = kafka_outputs_init(&epochs->outputs, options->config);
    if (!err)
        err = kept_init(&epochs->kept, epochs->outputs.count);
    struct kafka_publisher_options publisher = {.config = options->config,
                                                .outputs = &epochs->outputs,
                                                .ear = ear,
                                                .wait = wait,
                                                .progress = kafka_progress_topic,
                                                .membership = options->membership,
                                                .membership_opaque = options->source_opaque};
    if (!err)
        err = kafka_publisher_open(&publisher, &epochs->publisher, ret_message);
    if (!err)
        err = open_log(epochs, &epochs->log);
    return err;
}

void kafka_epochs_close(struct kafka_epochs *epochs)
{
    kafka_tail_close(epochs->tail);
    kafka_publisher_close(epochs->publisher); /* it may still borrow what is kept */
    kept_done(&epochs->kept);
    progress_log_close(epochs->log);
    kafka_outputs_done(&epochs->outputs);
    free(epochs->before);
}

/* ---- before the first epoch ---- */

static bool pause_ms(struct kafka_epochs *epochs, int64_t length_ms)
{
    int64_t until_ms = kafka_steady_ms() + length_ms;
    while (kafka_steady_ms() < until_ms && !kafka_wait_over(epochs->wait))
        rd_kafka_poll(kafka_publisher_handle(epochs->publisher), KAFKA_POLL_MS);
    return !kafka_wait_over(epochs->wait);
}

static enum rc_error make_topics(struct kafka_epochs *epochs)
{
    int64_t backoff_ms = KAFKA_BACKOFF_MS;
    kafka_wait_stage(epochs->wait, KAFKA_STAGE_TOPICS);
    while (kafka_topics_make(&epochs->outputs, epochs->ear,
                             kafka_publisher_handle(epochs->publisher))) {
        if (!pause_ms(epochs, backoff_ms))
            return RC_ERR_KAFKA;
        /* Not being allowed is fatal to a producer; to us only once something is produced. */
        if (epochs->ear->fatal) {
            enum rc_error err = kafka_publisher_renew(epochs->publisher, epochs->message);
            if (err)
                return err;
        }
        backoff_ms = kafka_wait_longer(backoff_ms);
    }
    return RC_OK;
}

static enum rc_error fenced(struct kafka_epochs *epochs)
{
    snprintf(epochs->message, sizeof epochs->message, "%s", fenced_text);
    return RC_ERR_KAFKA;
}

static enum rc_error fence(struct kafka_epochs *epochs)
{
    enum kafka_outcome outcome = kafka_publisher_fence(epochs->publisher);
    return outcome == KAFKA_FENCED ? fenced(epochs) : outcome ? RC_ERR_KAFKA : RC_OK;
}

static enum rc_error finish_log(struct kafka_epochs *epochs)
{
    enum rc_error err = progress_log_finish(epochs->log, &epochs->progress, epochs->message);
    epochs->stamp_ms = progress_log_published(epochs->log);
    epochs->config_told = !err && epochs->progress.config_text &&
                          !strcmp(epochs->progress.config_id, epochs->options->config->id);
    return err;
}

enum rc_error kafka_epochs_prepare(struct kafka_epochs *epochs)
{
    const struct rc_config *config = epochs->options->config;
    enum rc_error err = epochs->looked ? RC_OK : make_topics(epochs);
    if (err)
        return err;
    kafka_tail_close(epochs->tail);
    epochs->tail = NULL;
    kafka_wait_stage(epochs->wait, KAFKA_STAGE_FENCE);
    err = fence(epochs);
    if (err)
        return err;
    kafka_wait_stage(epochs->wait, KAFKA_STAGE_PROGRESS);
    err = kafka_progress_read(config, epochs->ear, epochs->wait, epochs->log,
                              &epochs->progress_offset);
    return err ? err : finish_log(epochs);
}

/* ---- standing by ---- */

enum rc_error kafka_epochs_look(struct kafka_epochs *epochs, int timeout_ms)
{
    enum rc_error err = epochs->looked ? RC_OK : make_topics(epochs);
    epochs->looked |= !err;
    if (!err && !epochs->tail) {
        kafka_wait_stage(epochs->wait, KAFKA_STAGE_PROGRESS);
        epochs->tail_ear = (struct kafka_ear){
            .say = epochs->ear->say, .opaque = epochs->ear->opaque, .failing = true};
        err = kafka_tail_open(epochs->options->config, &epochs->tail_ear, epochs->log, 0,
                              &epochs->tail);
        err = err == RC_ERR_KAFKA ? RC_ERR_AGAIN : err;
    }
    if (err)
        return err;
    bool some = false, was_at_end = kafka_tail_at_end(epochs->tail);
    while (!err) {
        err = kafka_tail_poll(epochs->tail, timeout_ms);
        some |= !err;
        timeout_ms = 0;
    }
    if (err != RC_ERR_AGAIN)
        return err;
    epochs->progress_offset = kafka_tail_offset(epochs->tail);
    bool at_end = kafka_tail_at_end(epochs->tail);
    return at_end && (some || !was_at_end) ? finish_log(epochs) : RC_ERR_AGAIN;
}

enum rc_error kafka_epochs_follow(struct kafka_epochs *epochs, uint64_t epoch, uint64_t compared,
                                  int timeout_ms, const struct rc_cut **ret_cut)
{
    progress_log_forget(epochs->log, epoch < compared ? epoch : compared);
    *ret_cut = progress_log_next(epochs->log, epoch);
    enum rc_error err = RC_OK;
    if (epochs->tail)
        err = kafka_tail_poll(epochs->tail, *ret_cut ? 0 : timeout_ms);
    if (err && err != RC_ERR_AGAIN)
        return err;
    if (epochs->tail)
        epochs->progress_offset = kafka_tail_offset(epochs->tail);
    if (progress_log_breaks(epochs->log) != epochs->breaks) {
        snprintf(epochs->message, sizeof epochs->message,
                 "what the group's active process writes cannot be gone on with from here");
        return RC_ERR_AGAIN;
    }
    *ret_cut = progress_log_next(epochs->log, epoch);
    return RC_OK;
}

void kafka_epochs_resume(struct kafka_epochs *epochs)
{
    epochs->breaks = progress_log_breaks(epochs->log);
}

uint64_t kafka_epochs_last(const struct kafka_epochs *epochs)
{
    return progress_log_epoch(epochs->log);
}

/* ---- an attempt ---- */

/* Never decreasing, whatever the clock does. */
static int64_t stamp(struct kafka_epochs *epochs)
{
    int64_t wall = wall_ms();
    if (epochs->stamped)
        return epochs->stamp_ms;
    if (epochs->stamp_ms != RC_TIME_NONE && epochs->stamp_ms > wall)
        wall = epochs->stamp_ms; /* the clock stepped back; a broker has taken that stamp before */
    epochs->stamped = true;
    return epochs->stamp_ms = wall;
}

enum rc_error kafka_epochs_send(struct kafka_epochs *epochs)
{
    struct kept_place place = epochs->sent;
    struct kept_record *record;
    int64_t stamp_ms = stamp(epochs);
    while ((record = kept_next(&epochs->kept, &place))) {
        enum rc_error err =
            record->refused ? RC_OK : kafka_publisher_send(epochs->publisher, record, stamp_ms);
        if (err == RC_ERR_INPUT && record->output == kafka_output_dead(&epochs->outputs)) {
            record->refused = true; /* said; nothing in the world would take it */
            err = RC_OK;
        }
        if (err == RC_ERR_AGAIN) /* the commit will say so */
            return RC_OK;
        if (err)
            return err;
        epochs->sent = place;
    }
    return RC_OK;
}

/* Of the partitions that were read on since the last commit; NULL: none was. */
static rd_kafka_topic_partition_list_t *list_offsets(const struct kafka_epochs *epochs,
                                                     const struct rc_cut *cut)
{
    const struct rc_cut *before = epochs->before;
    const struct sink_kafka_options *options = epochs->options;
    rd_kafka_topic_partition_list_t *list = NULL;
    for (uint32_t i = 0, j = 0; i < cut->part_count; i++) {
        const struct rc_cut_part *part = &cut->part[i];
        while (before && j < before->part_count && before->part[j].source < part->source)
            j++;
        bool known = before && j < before->part_count && before->part[j].source == part->source;
        if (part->next_offset <= 0 || (known && before->part[j].next_offset == part->next_offset))
            continue;
        if (!list)
            list = rd_kafka_topic_partition_list_new((int)cut->part_count);
        int32_t partition;
        const char *topic = options->source(options->source_opaque, part->source, &partition);
        rd_kafka_topic_partition_list_add(list, topic, partition)->offset = part->next_offset;
    }
    return list;
}

static enum rc_error write_progress(struct kafka_epochs *epochs,
                                    const struct kafka_epoch_made *made,
                                    struct kafka_commit *commit)
{
    const struct sink_kafka_options *options = epochs->options;
    const struct rc_config *config = options->config;
    struct progress_sum *sum = calloc(epochs->outputs.count, sizeof *sum);
    if (!sum)
        return RC_ERR_MEMORY;
    struct progress_record record = {.group = rc_unit(config),
                                     .transactional_id = kafka_publisher_id(epochs->publisher),
                                     .run = epochs->run,
                                     .first = made->first,
                                     .rebuilt = made->rebuilt,
                                     .restated = made->restated,
                                     .published_ms = commit->timestamp_ms,
                                     .has_key = !config->privacy.has_key,
                                     .cut = (struct rc_cut *)made->cut,
                                     .sum = sum};
    memcpy(record.config_id, config->id, sizeof record.config_id);
    if (!epochs->config_told && config->text_size <= PROGRESS_CONFIG_MAX) {
        record.config_text = config->text;
        record.config_size = config->text_size;
    }
    memcpy(record.key, config->privacy.key, sizeof record.key);
    for (uint32_t i = 0; i < epochs->outputs.count; i++)
        if (epochs->kept.sum[i].count)
            sum[record.sum_count++] = (struct progress_sum){.topic = epochs->outputs.output[i].name,
                                                            .count = epochs->kept.sum[i].count,
                                                            .hash = epochs->kept.sum[i].hash};
    char *text;
    enum rc_error err = progress_encode(&record, options->source, options->source_opaque, &text,
                                        &commit->progress_size);
    free(sum);
    if (!err)
        commit->progress = text;
    return err;
}

/* ---- until it is known ---- */

static void rewind_all(struct kafka_epochs *epochs)
{
    epochs->sent = (struct kept_place){0};
}

void kafka_epochs_drop(struct kafka_epochs *epochs)
{
    rewind_all(epochs);
    kept_clear(&epochs->kept);
    epochs->stamped = false;
}

/* What was written since the last record known of: whether another process did (KAFKA), and
 * whether the epoch is there. */
static enum rc_error look_up(struct kafka_epochs *epochs, const struct rc_cut *cut, bool *ret_there)
{
    struct progress_log *log;
    enum rc_error err = open_log(epochs, &log);
    if (err)
        return err;
    int64_t from = epochs->progress_offset;
    err = kafka_progress_read(epochs->options->config, epochs->ear, epochs->wait, log, &from);
    uint64_t run = progress_log_run(log);
    if (!err && run && run != epochs->run)
        err = fenced(epochs);
    *ret_there = cut && run == epochs->run && progress_log_epoch(log) >= cut->epoch;
    progress_log_close(log);
    return err;
}

/* The outcome is doubtful: a new producer, and what it finds. *ret_there: it was committed. */
static enum rc_error settle(struct kafka_epochs *epochs, const struct kafka_epoch_made *made,
                            bool *ret_there)
{
    const struct rc_cut *cut = made->restated ? NULL : made->cut;
    unsigned long long epoch = cut ? cut->epoch : 0;
    *ret_there = false;
    enum rc_error err = kafka_publisher_renew(epochs->publisher, epochs->message);
    if (err || epochs->options->config->output.at_least_once)
        return err;
    if (cut)
        kafka_note(epochs->ear, "epoch %llu: whether its transaction is committed is not known yet",
                   epoch);
    err = fence(epochs);
    if (!err)
        err = look_up(epochs, cut, ret_there);
    if (!err && cut)
        kafka_note(epochs->ear, "epoch %llu: its transaction was %s", epoch,
                   *ret_there ? "committed" : "not committed: it is sent again");
    return err;
}

/* After a silence of some length: the group may have given the work to another process, who may not
 * have written anything yet, and must not be shut out. The membership hears of it with its next
 * heartbeat; where it has lost all it says whose the work is once it is back in the group. That may
 * take as long as the line is cut, and without it nothing could be committed either. */
static bool still_ours(struct kafka_epochs *epochs)
{
    const struct sink_kafka_options *options = epochs->options;
    int64_t begun_ms = kafka_steady_ms(), waited_ms = 0;
    bool known = false, held = true;
    while (options->holds) {
        held = options->holds(options->source_opaque, &known);
        if ((known && (!held || waited_ms >= HEAR_MS)) || !pause_ms(epochs, KAFKA_POLL_MS))
            break;
        waited_ms = kafka_steady_ms() - begun_ms;
    }
    return held || !known;
}

/* FENCED. The broker itself does that to one that was gone for too long: then it is another
 * process's doing only when that has written something. */
static enum rc_error was_fenced(struct kafka_epochs *epochs)
{
    bool there;
    if (!kafka_publisher_overran(epochs->publisher) || !still_ours(epochs))
        return fenced(epochs);
    return look_up(epochs, NULL, &there);
}

static enum rc_error attempt(struct kafka_epochs *epochs, const struct kafka_epoch_made *made,
                             const struct kafka_commit *commit, int64_t *backoff_ms, bool *ret_out)
{
    enum rc_error err = kafka_epochs_send(epochs);
    if (err)
        return err;
    enum kafka_outcome outcome = kafka_publisher_commit(epochs->publisher, commit);
    *ret_out = outcome == KAFKA_DONE;
    if (*ret_out) {
        int64_t offset = kafka_publisher_progress(epochs->publisher);
        if (commit->progress && offset >= epochs->progress_offset)
            epochs->progress_offset = offset + 1;
        return RC_OK;
    }
    if (outcome == KAFKA_LEFT) {
        snprintf(epochs->message, sizeof epochs->message,
                 "the last epoch could not be published in time; the next start does it");
        return RC_ERR_KAFKA;
    }
    rewind_all(epochs);
    if (outcome == KAFKA_FENCED)
        err = was_fenced(epochs);
    else if (kafka_publisher_overran(epochs->publisher) && !still_ours(epochs))
        err = fenced(epochs);
    else if (!pause_ms(epochs, *backoff_ms))
        err = RC_ERR_KAFKA;
    *backoff_ms = kafka_wait_longer(*backoff_ms);
    return err || outcome == KAFKA_ABORTED ? err : settle(epochs, made, ret_out);
}

static void note_offsets(struct kafka_epochs *epochs, const struct rc_cut *cut)
{
    struct rc_cut *before = realloc(epochs->before, cut->size);
    if (before) {
        memcpy(before, cut, cut->size);
        epochs->before = before;
    } else { /* then all are committed again */
        free(epochs->before);
        epochs->before = NULL;
    }
}

enum rc_error kafka_epochs_commit(struct kafka_epochs *epochs, const struct kafka_epoch_made *made)
{
    const struct rc_cut *cut = made->restated ? NULL : made->cut;
    struct kafka_commit commit = {.timestamp_ms = stamp(epochs)};
    int64_t backoff_ms = KAFKA_BACKOFF_MS;
    bool out = false;
    enum rc_error err = made->cut ? write_progress(epochs, made, &commit) : RC_OK;
    if (err)
        return err;
    rd_kafka_topic_partition_list_t *offsets = cut ? list_offsets(epochs, cut) : NULL;
    commit.offsets = offsets;
    while (!err && !out)
        err = attempt(epochs, made, &commit, &backoff_ms, &out);
    if (offsets)
        rd_kafka_topic_partition_list_destroy(offsets);
    free((char *)commit.progress);
    if (err)
        return err;
    if (cut)
        note_offsets(epochs, cut);
    epochs->config_told |= cut != NULL;
    kafka_epochs_drop(epochs);
    return RC_OK;
}
