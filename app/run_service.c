#include "run_service.h"

#include "engine.h"
#include "kafka_words.h"
#include "rollcall/lease.h"
#include "run_recovery.h"
#include "terminal.h"
#include "watchdog.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    ABANDON_MS = 5000,
    FOLLOW_MS = 2000,     /* event time; an epoch is far shorter while nothing comes */
    HELD_BACK_MS = 60000, /* a partition so far behind another one is named … */
    HELD_FOR_S = 10,      /* … when it has been for so long */
    RECOVERING_EVERY_S = 5,
    NOBODY = -1
};

struct run_service {
    struct run_service_options options;
    struct kafka_words words;
    struct kafka_speaker ingest_speaker, sink_speaker, upload_speaker;
    const struct rc_config *config;
    struct run_snapshot *snapshot; /* NULL: none are made */
    struct run_recovery recovery;
    struct ingest_kafka *source;
    struct sink_output output;
    struct sink_table *table;
    struct engine *engine;
    struct ingest_partition *partition;
    uint32_t partition_count, partition_room;
    bool caught_up; /* every partition was at its end once */
    int64_t held_by, said_held_by;
    int held_for_s, recovering_for_s;
    struct watchdog *watchdog;
    _Atomic int64_t silent_ms;
    _Atomic bool leave, live;
};

/* ---- between the parts ---- */

static const char *name_source(const void *opaque, uint32_t source, int32_t *ret_partition)
{
    const struct run_service *service = opaque;
    return ingest_kafka_source(service->source, source, ret_partition);
}

static bool number_source(const void *opaque, const char *topic, int32_t partition,
                          uint32_t *ret_source)
{
    const struct run_service *service = opaque;
    return ingest_kafka_source_of(service->source, topic, partition, ret_source);
}

static int64_t wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void note_live(struct run_service *service, const struct rc_cut *cut)
{
    int64_t before_ms = service->recovery.last_wall_ms;
    if (!cut || cut->recorded || atomic_load_explicit(&service->live, memory_order_relaxed))
        return;
    service->silent_ms = before_ms == RC_TIME_NONE ? RC_TIME_NONE : wall_ms() - before_ms;
    atomic_store_explicit(&service->live, true, memory_order_release);
}

static void on_published(void *opaque, const struct sink_epoch *epoch)
{
    struct run_service *service = opaque;
    note_live(service, epoch->cut);
    ingest_kafka_published(service->source, epoch->epoch);
    run_recovery_published(&service->recovery, epoch->epoch);
    if (service->snapshot && epoch->cut && epoch->cut->snapshot &&
        sink_kafka_settled(&service->output))
        run_snapshot_take(service->snapshot, epoch);
}

static void *membership(const void *opaque)
{
    const struct run_service *service = opaque;
    struct ingest_lease *member = service->options.member;
    return ingest_lease_membership(member ? member : service->options.lease);
}

static bool holds(const void *opaque, bool *ret_known)
{
    const struct run_service *service = opaque;
    const struct ingest_lease *member = service->options.member;
    const struct ingest_lease *lease = member ? member : service->options.lease;
    *ret_known = ingest_lease_joined(lease);
    return ingest_lease_holds(lease, member ? service->config->kafka.task : 0);
}

/* SPEC section 10: a client belongs to task (murmur2(client) & 0x7fffffff) mod tasks. */
static bool owns(const void *opaque, const char *client, uint32_t size)
{
    const struct run_service *service = opaque;
    uint32_t task = (ingest_murmur2(client, size) & 0x7fffffff) % service->config->tasks;
    return task == service->config->kafka.task;
}

static enum rc_error prepare(void *opaque, char ret_message[256])
{
    struct run_service *service = opaque;
    return run_recover(&service->recovery, ret_message);
}

static void on_ended(void *opaque)
{
    struct run_service *service = opaque;
    if (service->options.ended)
        service->options.ended(service->options.opaque);
}

static uint64_t reusable_bytes(void *opaque)
{
    const struct run_service *service = opaque;
    if (service->options.reusable)
        return service->options.reusable(service->options.opaque);
    return run_service_reusable(service);
}

static enum rc_error run_source(void *opaque, char ret_message[256])
{
    return ingest_kafka_run(opaque, ret_message);
}

/* ---- life ---- */

static enum rc_error open_recovery(struct run_service *service, uint64_t secret,
                                   char ret_message[256])
{
    struct run_snapshot_options snapshot = {.config = service->config,
                                            .engine = service->engine,
                                            .table = service->table,
                                            .output = &service->output,
                                            .hash_secret = secret,
                                            .print = service->options.print,
                                            .opaque = service->options.opaque,
                                            .say = kafka_words_say,
                                            .say_opaque = &service->upload_speaker};
    enum rc_error err = run_snapshot_open(&snapshot, &service->snapshot, ret_message);
    service->recovery.options = (struct run_recovery_options){.loaded = service->options.loaded,
                                                              .engine = service->engine,
                                                              .source = service->source,
                                                              .output = &service->output,
                                                              .snapshot = service->snapshot,
                                                              .only = service->options.recover_only,
                                                              .restate = service->options.restate,
                                                              .lease = service->options.lease,
                                                              .leave = &service->leave,
                                                              .print = service->options.print,
                                                              .opaque = service->options.opaque};
    return err;
}

static enum rc_error open_parts(struct run_service *service, char ret_message[256])
{
    const struct rc_config *config = service->config;
    bool recover = service->options.recover;
    struct sink_kafka_options sink = {.config = config,
                                      .source = name_source,
                                      .source_of = number_source,
                                      .source_opaque = service,
                                      .restate = service->options.restate,
                                      .say = kafka_words_say,
                                      .opaque = &service->sink_speaker,
                                      .membership = service->options.member ? membership : NULL,
                                      .owns = config->kafka.unit ? owns : NULL,
                                      .leave = &service->leave};
    if (service->options.lease)
        sink.membership = membership;
    if (sink.membership)
        sink.holds = holds;
    enum rc_error err = sink_kafka_open(&sink, &service->output, ret_message);
    if (!err && service->options.table)
        err = sink_table_open(&config->windows, &service->table);
    uint64_t secret = engine_secret();
    struct engine_options engine = {.config = config,
                                    .shards = config->kafka.unit ? 1 : service->options.shards,
                                    .hash_secret = secret,
                                    .provisional = true,
                                    .contacts = true,
                                    .output = service->output,
                                    .table = service->table,
                                    .prepare = recover ? prepare : NULL,
                                    .published = on_published,
                                    .ended = on_ended,
                                    .opaque = service};
    if (!err)
        err = engine_open(&engine, &service->engine);
    struct ingest_kafka_options source = {
        .config = config,
        .hash_secret = secret,
        .say = kafka_words_say,
        .opaque = &service->ingest_speaker,
        .reusable = reusable_bytes,
        .reusable_opaque = service,
        .recover_only = service->options.recover_only,
        .restate = service->options.restate,
        .lease = service->options.member ? service->options.member : service->options.lease};
    if (recover)
        source.snapshot_every_ms = config->snapshot.every_ms;
    if (recover && !service->options.recover_only) {
        source.more = run_standby_more;
        source.more_opaque = &service->recovery;
    }
    if (!err)
        err = ingest_kafka_open(&source, engine_input(service->engine), &service->source,
                                ret_message);
    if (!err && recover)
        err = open_recovery(service, secret, ret_message);
    return err;
}

enum rc_error run_service_open(const struct run_service_options *options,
                               struct run_service **ret_service, char ret_message[256])
{
    struct run_service *service = calloc(1, sizeof *service);
    ret_message[0] = '\0';
    if (!service) {
        snprintf(ret_message, 256, "%s", rc_error_text(RC_ERR_MEMORY));
        return RC_ERR_MEMORY;
    }
    service->options = *options;
    service->held_by = service->said_held_by = NOBODY;
    service->recovery.last_wall_ms = RC_TIME_NONE;
    service->config = options->loaded->config;
    kafka_words_init(&service->words, &service->config->kafka, options->print, options->opaque);
    service->ingest_speaker = (struct kafka_speaker){&service->words, 1};
    service->sink_speaker = (struct kafka_speaker){&service->words, 2};
    service->upload_speaker = (struct kafka_speaker){&service->words, 4};
    enum rc_error err = open_parts(service, ret_message);
    if (!err)
        err = watchdog_open("shard", engine_shards(service->engine), &service->watchdog);
    if (err) {
        if (!ret_message[0])
            snprintf(ret_message, 256, "%s", rc_error_text(err));
        run_service_close(service);
        return err;
    }
    *ret_service = service;
    return RC_OK;
}

enum rc_error run_service_start(struct run_service *service, char ret_message[256])
{
    enum rc_error err = engine_start(service->engine, run_source, service->source);
    if (err)
        snprintf(ret_message, 256, "a thread cannot be started: %s", rc_error_text(err));
    return err;
}

void run_service_leave(struct run_service *service)
{
    watchdog_stopping(service->watchdog);
}

void run_service_stop(struct run_service *service)
{
    atomic_store_explicit(&service->leave, true, memory_order_relaxed);
    if (service->snapshot) /* others may wait for what it says of the end */
        run_snapshot_hurry(service->snapshot);
    ingest_kafka_stop(service->source);
}

void run_service_give_up(struct run_service *service)
{
    ingest_kafka_give_up(service->source);
}

bool run_service_over(struct run_service *service)
{
    return engine_wait(service->engine, 0);
}

enum rc_error run_service_result(struct run_service *service, bool *ret_stuck,
                                 char ret_message[256])
{
    enum rc_error err = engine_error(service->engine, ret_message);
    *ret_stuck = err != RC_OK || !engine_wait(service->engine, 0);
    if (!*ret_stuck)
        err = engine_join(service->engine, ret_message);
    return err;
}

bool run_service_abandon(struct run_service *service)
{
    char message[256];
    run_service_stop(service);
    run_service_give_up(service);
    if (!engine_ended(service->engine, ABANDON_MS))
        return false;
    engine_join(service->engine, message);
    return true;
}

bool run_service_publishes(const struct run_service *service)
{
    return service->recovery.publishes;
}

void run_service_finish_under(struct run_service *service, struct config_recorded *ret_finish)
{
    *ret_finish = service->recovery.finish_under;
    service->recovery.finish_under.text = NULL;
}

void run_service_close(struct run_service *service)
{
    if (!service)
        return;
    run_snapshot_close(service->snapshot);
    engine_close(service->engine);
    ingest_kafka_close(service->source);
    if (service->output.close)
        service->output.close(service->output.self);
    if (service->table)
        sink_table_close(service->table);
    kafka_words_done(&service->words);
    watchdog_close(service->watchdog);
    free(service->recovery.finish_under.text);
    free(service->partition);
    free(service);
}

/* ---- how it stands ---- */

static void look_at_partitions(struct run_service *service)
{
    uint32_t count =
        ingest_kafka_partitions(service->source, service->partition, service->partition_room);
    if (count > service->partition_room) {
        struct ingest_partition *list = realloc(service->partition, count * sizeof *list);
        if (!list)
            return;
        service->partition = list;
        service->partition_room = count;
        count = ingest_kafka_partitions(service->source, list, count);
    }
    service->partition_count = count < service->partition_room ? count : service->partition_room;
}

/* What was read may still wait in the rings: the shards must have followed, too. */
static bool shards_follow(const struct run_service *service)
{
    struct engine_stats stats;
    engine_stats(service->engine, &stats);
    int64_t read_to = (int64_t)rc_counter_read(&ingest_kafka_stats(service->source)->watermark_ms);
    return (int64_t)stats.now_ms + FOLLOW_MS >= read_to;
}

bool run_service_idle(struct run_service *service)
{
    char reason[256];
    if (run_recovery_text(&service->recovery, reason))
        return false;
    look_at_partitions(service);
    for (uint32_t i = 0; i < service->partition_count; i++)
        if (!service->partition[i].idle)
            return false;
    return service->partition_count > 0 && shards_follow(service);
}

static bool catching_up(struct run_service *service, char ret_reason[256])
{
    char count[TERMINAL_TEXT_MAX];
    if (service->caught_up)
        return false;
    look_at_partitions(service);
    if (!service->partition_count) {
        snprintf(ret_reason, 256, "waiting for Kafka: no input topic was found yet");
        return true;
    }
    for (uint32_t i = 0; i < service->partition_count; i++) {
        const struct ingest_partition *part = &service->partition[i];
        if (part->end_offset >= 0 && part->next_offset >= part->end_offset)
            continue;
        snprintf(ret_reason, 256, "reading the backlog: %s [%d] is %s records from its end",
                 part->topic, (int)part->partition,
                 part->end_offset < 0
                     ? "an unknown number of"
                     : terminal_count((uint64_t)(part->end_offset - part->next_offset), count));
        return true;
    }
    service->caught_up = true;
    return false;
}

bool run_service_ready(struct run_service *service, char ret_reason[256])
{
    if (!kafka_words_well(&service->words, ret_reason, 256))
        return false;
    if (ingest_kafka_over_memory(service->source)) {
        snprintf(ret_reason, 256, "limits.memory is nearly reached: nothing is read");
        return false;
    }
    if (run_recovery_text(&service->recovery, ret_reason))
        return false;
    if (catching_up(service, ret_reason))
        return false;
    return sink_kafka_ready(&service->output, ret_reason);
}

/* Who holds the watermark back, and by how much against the one that is furthest. */
static int64_t find_holder(struct run_service *service, int64_t *ret_behind_ms)
{
    int64_t holder = NOBODY, furthest_ms = RC_TIME_NONE;
    look_at_partitions(service);
    for (uint32_t i = 0; i < service->partition_count; i++) {
        const struct ingest_partition *part = &service->partition[i];
        if (part->holds_back)
            holder = i;
        if (part->watermark_ms > furthest_ms)
            furthest_ms = part->watermark_ms;
    }
    if (holder == NOBODY || furthest_ms == RC_TIME_NONE)
        return NOBODY;
    int64_t at_ms = service->partition[holder].watermark_ms;
    *ret_behind_ms = at_ms == RC_TIME_NONE ? INT64_MAX : furthest_ms - at_ms;
    return *ret_behind_ms > HELD_BACK_MS ? holder : NOBODY;
}

static int64_t clock_ms(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void watch_shards(struct run_service *service)
{
    char line[200];
    int64_t now_ms = clock_ms(CLOCK_MONOTONIC);
    for (uint32_t i = 0; i < engine_shards(service->engine); i++)
        watchdog_look(service->watchdog, i, engine_rounds(service->engine, i), now_ms);
    if (service->config->kafka.unit) /* of its tasks the process says so, and feeds */
        return;
    if (watchdog_news(service->watchdog, now_ms, line))
        service->options.print(service->options.opaque, line);
    watchdog_feed(service->watchdog, now_ms);
}

uint64_t run_service_rounds(const struct run_service *service)
{
    uint64_t least = UINT64_MAX;
    for (uint32_t i = 0; i < engine_shards(service->engine); i++) {
        uint64_t rounds = engine_rounds(service->engine, i);
        least = rounds < least ? rounds : least;
    }
    return least;
}

/* Of a start that takes long. */
static void say_progress(struct run_service *service)
{
    char text[256];
    if (run_standby_stands_by(&service->recovery) || !run_recovery_text(&service->recovery, text) ||
        strncmp(text, "recovering", 10) != 0)
        service->recovering_for_s = 0;
    else if (++service->recovering_for_s % RECOVERING_EVERY_S == 0)
        service->options.print(service->options.opaque, text);
}

void run_service_watch(struct run_service *service)
{
    say_progress(service);
    watch_shards(service);
    int64_t behind_ms = 0, holder = find_holder(service, &behind_ms);
    char line[400], behind[TERMINAL_TEXT_MAX];
    service->held_for_s = holder == service->held_by ? service->held_for_s + 1 : 0;
    service->held_by = holder;
    if (service->held_for_s < HELD_FOR_S || holder == service->said_held_by)
        return;
    if (holder == NOBODY) {
        snprintf(line, sizeof line, "no partition holds the watermark back any more");
    } else {
        const struct ingest_partition *part = &service->partition[holder];
        snprintf(line, sizeof line, "the watermark is held back by %s [%d], %s%s", part->topic,
                 (int)part->partition,
                 behind_ms == INT64_MAX ? "of which nothing was read yet"
                                        : terminal_duration(behind_ms, behind),
                 behind_ms == INT64_MAX ? "" : " behind the furthest");
    }
    service->said_held_by = holder;
    service->options.print(service->options.opaque, line);
}

const struct rc_config *run_service_config(const struct run_service *service)
{
    return service->config;
}

struct sink_table *run_service_table(struct run_service *service)
{
    return service->table;
}

uint64_t run_service_reusable(const struct run_service *service)
{
    struct engine_stats stats;
    engine_stats(service->engine, &stats);
    return stats.idle_bytes;
}

void run_service_part(struct run_service *service, struct engine_part *ret_part)
{
    uint32_t shard;
    look_at_partitions(service);
    *ret_part = (struct engine_part){
        .engine = service->engine,
        .ingest = ingest_kafka_stats(service->source),
        .partition = service->partition,
        .partition_count = service->partition_count,
        .has_snapshots = service->snapshot != NULL,
        .has_restore = service->options.recover,
        .standby = run_standby_stands_by(&service->recovery),
        .stall_ms = watchdog_slowest(service->watchdog, clock_ms(CLOCK_MONOTONIC), &shard)};
    run_recovery_times(&service->recovery, &ret_part->restore);
    if (service->snapshot)
        run_snapshot_figures(service->snapshot, &ret_part->snapshots);
}

bool run_service_live(const struct run_service *service, int64_t *ret_silent_ms)
{
    bool live = atomic_load_explicit(&service->live, memory_order_acquire);
    *ret_silent_ms = live ? service->silent_ms : RC_TIME_NONE;
    return live;
}

void run_service_figures(struct run_service *service, struct run_service_figures *ret_figures)
{
    struct engine_stats stats;
    const struct sink_commit_stats *commit = sink_commit_stats(engine_commit(service->engine));
    const struct rc_ingest_stats *ingest = ingest_kafka_stats(service->source);
    engine_stats(service->engine, &stats);
    *ret_figures =
        (struct run_service_figures){.events = rc_counter_read(&ingest->lines),
                                     .records = stats.records,
                                     .published = rc_counter_read(&commit->records),
                                     .dead_letters = rc_counter_read(&commit->dead_letters),
                                     .late = stats.late,
                                     .contacts = stats.contacts,
                                     .now_ms = (int64_t)stats.now_ms,
                                     .shards = engine_shards(service->engine)};
}
