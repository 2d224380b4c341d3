/* The engine's counters for /metrics. Cold: written with stdio, a few times a minute. */
#include "engine_past.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TYPE_NAME(name) #name,
static const char *const type_name[RC_TYPE_COUNT] = {RC_EVENT_TYPES(TYPE_NAME)};
#undef TYPE_NAME
static const char *const channel_name[RC_CHANNEL_COUNT + 1] = {"call", "chat", "ticket", "none"};

static void head(FILE *to, const char *name, const char *type, const char *help)
{
    fprintf(to, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void put_label(FILE *to, const char *text)
{
    for (; *text; text++) {
        if (*text == '\\' || *text == '"')
            fputc('\\', to);
        if (*text == '\n')
            fputs("\\n", to);
        else
            fputc(*text, to);
    }
}

static void simple(FILE *to, const char *name, const char *type, const char *help, uint64_t value)
{
    head(to, name, type, help);
    fprintf(to, "%s %llu\n", name, (unsigned long long)value);
}

/* Milliseconds as seconds; they may be negative. */
static void put_seconds(FILE *to, int64_t ms)
{
    uint64_t size = ms < 0 ? 0 - (uint64_t)ms : (uint64_t)ms;
    fprintf(to, " %s%llu.%03u\n", ms < 0 ? "-" : "", (unsigned long long)(size / 1000),
            (unsigned)(size % 1000));
}

/* ---- sums over the parts ---- */

static uint64_t counter_at(const void *stats, size_t at)
{
    const char *bytes = stats;
    return rc_counter_read((const rc_counter *)(const void *)(bytes + at));
}

static uint64_t sum_counters(const struct engine_metrics *metrics, size_t of_ingest)
{
    uint64_t sum = metrics->past ? counter_at(&metrics->past->ingest, of_ingest) : 0;
    for (uint32_t i = 0; i < metrics->part_count; i++)
        sum += counter_at(metrics->part[i].ingest, of_ingest);
    return sum;
}
#define INGEST_SUM(metrics, field) sum_counters(metrics, offsetof(struct rc_ingest_stats, field))

static uint64_t sum_commits(const struct engine_metrics *metrics, size_t of_commit)
{
    uint64_t sum = metrics->past ? counter_at(&metrics->past->commit, of_commit) : 0;
    for (uint32_t i = 0; i < metrics->part_count; i++)
        sum += counter_at(sink_commit_stats(engine_commit(metrics->part[i].engine)), of_commit);
    return sum;
}
#define COMMIT_SUM(metrics, field) sum_commits(metrics, offsetof(struct sink_commit_stats, field))

static void put_events(FILE *to, const struct engine_metrics *metrics)
{
    head(to, "rollcall_events_total", "counter", "Events decoded, by channel and type.");
    for (size_t channel = 0; channel <= RC_CHANNEL_COUNT; channel++)
        for (size_t type = 0; type < RC_TYPE_COUNT; type++) {
            uint64_t count =
                sum_counters(metrics, offsetof(struct rc_ingest_stats, events) +
                                          (channel * RC_TYPE_COUNT + type) * sizeof(rc_counter));
            if (count)
                fprintf(to, "rollcall_events_total{channel=\"%s\",type=\"%s\"} %llu\n",
                        channel_name[channel], type_name[type], (unsigned long long)count);
        }
}

/* The smallest: up to there the events of all are complete. */
static int64_t watermark_of(const struct engine_metrics *metrics)
{
    int64_t least_ms = INT64_MAX;
    for (uint32_t i = 0; i < metrics->part_count; i++) {
        int64_t at_ms = (int64_t)rc_counter_read(&metrics->part[i].ingest->watermark_ms);
        if (at_ms > 0 && at_ms < least_ms)
            least_ms = at_ms;
    }
    return least_ms;
}

static void put_ingest(FILE *to, const struct engine_metrics *metrics)
{
    put_events(to, metrics);
    simple(to, "rollcall_input_records_total", "counter", "Records read, of any kind.",
           INGEST_SUM(metrics, lines));
    simple(to, "rollcall_input_bytes_total", "counter", "Bytes read.", INGEST_SUM(metrics, bytes));
    simple(to, "rollcall_input_blank_total", "counter", "Records without a value.",
           INGEST_SUM(metrics, blank));
    simple(to, "rollcall_unknown_types_total", "counter", "Events of a type that is not known.",
           INGEST_SUM(metrics, unknown_type));
    simple(to, "rollcall_ring_full_total", "counter", "Times that a shard's ring was full.",
           INGEST_SUM(metrics, stalled));
    simple(to, "rollcall_recovery_epochs", "gauge",
           "Recorded epochs that are still to be made again; 0: live.",
           INGEST_SUM(metrics, recover_epochs));
    simple(to, "rollcall_recovery_records_total", "counter", "Records read again for that.",
           INGEST_SUM(metrics, replayed));
    int64_t watermark_ms = watermark_of(metrics);
    head(to, "rollcall_watermark_timestamp_seconds", "gauge",
         "Event time up to which events are complete.");
    if (watermark_ms < INT64_MAX) {
        fputs("rollcall_watermark_timestamp_seconds", to);
        put_seconds(to, watermark_ms);
    }
}

/* Sums over the parts, and the largest where a sum says nothing. */
struct epochs {
    uint64_t waiting, bucket[SINK_COMMIT_BUCKETS + 1], sum_us;
    int64_t age_ms;
    bool any;
};

static void add_commits(struct epochs *epochs, const struct sink_commit_stats *stats)
{
    for (uint32_t i = 0; i <= SINK_COMMIT_BUCKETS; i++)
        epochs->bucket[i] += rc_counter_read(&stats->commit_bucket[i]);
    epochs->sum_us += rc_counter_read(&stats->commit_us);
}

static void add_epochs(struct epochs *epochs, const struct engine_part *part, int64_t steady_ms)
{
    const struct sink_commit_stats *stats = sink_commit_stats(engine_commit(part->engine));
    uint64_t published_ms = rc_counter_read(&stats->published_ms);
    uint64_t closed = rc_counter_read(&part->ingest->epoch);
    uint64_t published = rc_counter_read(&stats->epoch);
    int64_t age_ms = steady_ms - (int64_t)published_ms;
    epochs->waiting += closed > published ? closed - published : 0;
    /* A task without any client has nothing to publish, however long. */
    bool begun = rc_counter_read(&part->ingest->watermark_ms) || closed > published;
    if (begun && published_ms && age_ms > epochs->age_ms)
        epochs->age_ms = age_ms;
    epochs->any |= published_ms != 0;
    add_commits(epochs, stats);
}

static void put_epochs(FILE *to, const struct engine_metrics *metrics)
{
    struct epochs epochs = {0};
    uint64_t total = 0;
    for (uint32_t i = 0; i < metrics->part_count; i++)
        add_epochs(&epochs, &metrics->part[i], metrics->steady_ms);
    if (metrics->past)
        add_commits(&epochs, &metrics->past->commit);
    simple(to, "rollcall_epochs_waiting", "gauge", "Epochs that are read but not published yet.",
           epochs.waiting);
    if (epochs.any) {
        head(to, "rollcall_epoch_age_seconds", "gauge", "Time since the last epoch was published.");
        fputs("rollcall_epoch_age_seconds", to);
        put_seconds(to, epochs.age_ms);
    }
    head(to, "rollcall_commit_seconds", "histogram",
         "How long it took to make an epoch final: what was left to send, and the commit.");
    for (uint32_t i = 0; i < SINK_COMMIT_BUCKETS; i++) {
        uint32_t bound_ms = sink_commit_bucket_ms[i];
        total += epochs.bucket[i];
        fprintf(to, "rollcall_commit_seconds_bucket{le=\"%u.%03u\"} %llu\n", bound_ms / 1000,
                bound_ms % 1000, (unsigned long long)total);
    }
    total += epochs.bucket[SINK_COMMIT_BUCKETS];
    fprintf(to,
            "rollcall_commit_seconds_bucket{le=\"+Inf\"} %llu\n"
            "rollcall_commit_seconds_sum %llu.%06u\nrollcall_commit_seconds_count %llu\n",
            (unsigned long long)total, (unsigned long long)(epochs.sum_us / 1000000),
            (unsigned)(epochs.sum_us % 1000000), (unsigned long long)total);
}

/* Of several parts the longest. */
static void put_restore(FILE *to, const struct engine_metrics *metrics)
{
    static const char *const name[] = {"progress", "snapshot", "replay"};
    int64_t longest_ms[] = {-1, -1, -1};
    bool any = false;
    for (uint32_t i = 0; i < metrics->part_count; i++) {
        const struct engine_part *part = &metrics->part[i];
        const int64_t ms[] = {part->restore.progress_ms, part->restore.snapshot_ms,
                              part->restore.replay_ms};
        any |= part->has_restore;
        for (size_t k = 0; part->has_restore && k < sizeof ms / sizeof *ms; k++)
            longest_ms[k] = ms[k] > longest_ms[k] ? ms[k] : longest_ms[k];
    }
    if (!any)
        return;
    head(to, "rollcall_restore_seconds", "gauge",
         "How long the start took to read the progress, to restore a snapshot, and to make the "
         "epochs after it again.");
    for (size_t i = 0; i < sizeof name / sizeof *name; i++) {
        if (longest_ms[i] < 0)
            continue;
        fprintf(to, "rollcall_restore_seconds{part=\"%s\"}", name[i]);
        put_seconds(to, longest_ms[i]);
    }
}

static void put_stall(FILE *to, const struct engine_metrics *metrics)
{
    int64_t longest_ms = 0;
    for (uint32_t i = 0; i < metrics->part_count; i++)
        if (metrics->part[i].stall_ms > longest_ms)
            longest_ms = metrics->part[i].stall_ms;
    head(to, "rollcall_shard_stall_seconds", "gauge",
         "For how long the slowest shard has been at one piece of work.");
    fputs("rollcall_shard_stall_seconds", to);
    put_seconds(to, longest_ms);
}

static void put_lag(FILE *to, const struct ingest_partition *partition, int64_t wall_ms)
{
    if (partition->watermark_ms == RC_TIME_NONE)
        return;
    fputs("rollcall_event_lag_seconds{topic=\"", to);
    put_label(to, partition->topic);
    fprintf(to, "\",partition=\"%d\"}", partition->partition);
    put_seconds(to, wall_ms - partition->watermark_ms);
}

static void put_waiting(FILE *to, const struct ingest_partition *partition, int64_t wall_ms)
{
    int64_t lag = partition->end_offset - partition->next_offset;
    (void)wall_ms;
    if (partition->next_offset < 0 || partition->end_offset < 0)
        return;
    fputs("rollcall_input_lag_records{topic=\"", to);
    put_label(to, partition->topic);
    fprintf(to, "\",partition=\"%d\"} %lld\n", partition->partition,
            (long long)(lag > 0 ? lag : 0));
}

static void each_partition(FILE *to, const struct engine_metrics *metrics,
                           void (*put)(FILE *, const struct ingest_partition *, int64_t))
{
    for (uint32_t i = 0; i < metrics->part_count; i++)
        for (uint32_t k = 0; k < metrics->part[i].partition_count; k++)
            put(to, &metrics->part[i].partition[k], metrics->wall_ms);
}

static void put_partitions(FILE *to, const struct engine_metrics *metrics)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < metrics->part_count; i++)
        count += metrics->part[i].partition_count;
    if (!count)
        return;
    head(to, "rollcall_event_lag_seconds", "gauge",
         "How far the event time of a partition is behind the clock.");
    each_partition(to, metrics, put_lag);
    head(to, "rollcall_input_lag_records", "gauge", "Records that wait in a partition.");
    each_partition(to, metrics, put_waiting);
}

static void put_reasons(FILE *to, const struct engine_metrics *metrics)
{
    struct engine_reasons list = {0};
    const struct engine_reasons *before = metrics->past ? &metrics->past->reasons : &list;
    for (uint32_t i = 0; i < before->count; i++)
        engine_reasons_add(&list, before->text[i], before->number[i]);
    for (uint32_t i = 0; i < metrics->part_count; i++)
        sink_commit_reasons(engine_commit(metrics->part[i].engine), engine_reasons_add, &list);
    head(to, "rollcall_dead_lettered_total", "counter", "Dead letters, by reason.");
    for (uint32_t i = 0; i < list.count; i++) {
        fputs("rollcall_dead_lettered_total{reason=\"", to);
        put_label(to, list.text[i]);
        fprintf(to, "\"} %llu\n", (unsigned long long)list.number[i]);
    }
    engine_reasons_done(&list);
}

static int64_t longest_commit(const struct engine_metrics *metrics)
{
    uint64_t longest_ms = 0;
    for (uint32_t i = 0; i < metrics->part_count; i++) {
        const struct sink_commit *commit = engine_commit(metrics->part[i].engine);
        uint64_t took_ms = rc_counter_read(&sink_commit_stats(commit)->commit_ms_max);
        longest_ms = took_ms > longest_ms ? took_ms : longest_ms;
    }
    return (int64_t)longest_ms;
}

static void put_commit(FILE *to, const struct engine_metrics *metrics)
{
    put_reasons(to, metrics);
    head(to, "rollcall_records_total", "counter", "Records published, by kind.");
    fprintf(to, "rollcall_records_total{kind=\"rolling\"} %llu\n",
            (unsigned long long)COMMIT_SUM(metrics, records_rolling));
    fprintf(to, "rollcall_records_total{kind=\"interval\"} %llu\n",
            (unsigned long long)COMMIT_SUM(metrics, records_interval));
    fprintf(to, "rollcall_records_total{kind=\"contact\"} %llu\n",
            (unsigned long long)COMMIT_SUM(metrics, records_contacts));
    simple(to, "rollcall_restated_total", "counter", "Records published with status restated.",
           COMMIT_SUM(metrics, restated));
    simple(to, "rollcall_epochs_total", "counter", "Epochs published.",
           COMMIT_SUM(metrics, epochs));
    head(to, "rollcall_epoch_longest_seconds", "gauge", "The longest time an epoch took to write.");
    fputs("rollcall_epoch_longest_seconds", to);
    put_seconds(to, longest_commit(metrics));
}

/* X(field of engine_stats, label) */
#define ANOMALIES(X)                                                                               \
    X(anomalies, "negative")                                                                       \
    X(acw_capped, "acw_capped")                                                                    \
    X(lost, "lost")                                                                                \
    X(closed_changes, "closed_change")                                                             \
    X(episode_overflow, "episode_overflow")                                                        \
    X(unknown_clients, "unknown_client")                                                           \
    X(unknown_queues, "unknown_queue")
#define REMEMBERED(X)                                                                              \
    X(contacts_now, "contacts")                                                                    \
    X(identities_now, "identities")                                                                \
    X(episodes_now, "episodes")                                                                    \
    X(customers_now, "customers")                                                                  \
    X(keys_now, "keys")                                                                            \
    X(panes_now, "panes")                                                                          \
    X(ordered_now, "events")                                                                       \
    X(unplaced, "unplaced")

static void put_shards(FILE *to, const struct engine_stats *stats)
{
    head(to, "rollcall_anomalies_total", "counter", "What was odd in the events, by kind.");
#define ANOMALY(field, label)                                                                      \
    fprintf(to, "rollcall_anomalies_total{kind=\"" label "\"} %llu\n",                             \
            (unsigned long long)stats->field);
    ANOMALIES(ANOMALY)
#undef ANOMALY
    head(to, "rollcall_remembered", "gauge", "What the state holds now, by kind.");
#define HELD(field, label)                                                                         \
    fprintf(to, "rollcall_remembered{kind=\"" label "\"} %llu\n", (unsigned long long)stats->field);
    REMEMBERED(HELD)
#undef HELD
    simple(to, "rollcall_late_total", "counter",
           "Events that came after the watermark had passed their time.", stats->late);
    simple(to, "rollcall_contacts_seen_total", "counter", "Contacts seen.", stats->contacts);
    simple(to, "rollcall_state_bytes", "gauge", "Memory of the state.", stats->memory_bytes);
    simple(to, "rollcall_state_idle_bytes", "gauge",
           "Memory of the state that is free to be used again.", stats->idle_bytes);
}

static void put_limits(FILE *to, const struct rc_limits *limits)
{
    head(to, "rollcall_limit", "gauge", "Configured limits, of each client; memory: of all.");
    fprintf(to,
            "rollcall_limit{kind=\"contacts\"} %llu\nrollcall_limit{kind=\"customers\"} %llu\n"
            "rollcall_limit{kind=\"queues\"} %llu\nrollcall_limit{kind=\"groups\"} %llu\n"
            "rollcall_limit{kind=\"memory_bytes\"} %llu\n",
            (unsigned long long)limits->contacts, (unsigned long long)limits->customers,
            (unsigned long long)limits->queues, (unsigned long long)limits->groups,
            (unsigned long long)limits->memory);
}

static void put_snapshots(FILE *to, const struct engine_snapshots *snapshots)
{
    if (!snapshots)
        return;
    head(to, "rollcall_snapshots_total", "counter", "Snapshots, by what came of them.");
    fprintf(to, "rollcall_snapshots_total{result=\"made\"} %llu\n",
            (unsigned long long)snapshots->made);
    fprintf(to, "rollcall_snapshots_total{result=\"failed\"} %llu\n",
            (unsigned long long)snapshots->failed);
    fprintf(to, "rollcall_snapshots_total{result=\"skipped\"} %llu\n",
            (unsigned long long)snapshots->skipped);
    head(to, "rollcall_snapshot_pause_longest_seconds", "gauge",
         "The longest time the shards stood still for a snapshot.");
    fputs("rollcall_snapshot_pause_longest_seconds", to);
    put_seconds(to, snapshots->pause_ms_max);
    if (!snapshots->made_at_ms)
        return;
    simple(to, "rollcall_snapshot_epoch", "gauge", "Epoch of the last snapshot.", snapshots->epoch);
    simple(to, "rollcall_snapshot_bytes", "gauge", "Its size.", snapshots->bytes);
    head(to, "rollcall_snapshot_seconds", "gauge", "How long it took to write.");
    fputs("rollcall_snapshot_seconds", to);
    put_seconds(to, snapshots->took_ms);
    head(to, "rollcall_snapshot_timestamp_seconds", "gauge", "When it was written.");
    fputs("rollcall_snapshot_timestamp_seconds", to);
    put_seconds(to, snapshots->made_at_ms);
}

static void add_snapshots(struct engine_snapshots *sum, const struct engine_snapshots *part)
{
    sum->made += part->made;
    sum->failed += part->failed;
    sum->skipped += part->skipped;
    if (part->pause_ms_max > sum->pause_ms_max)
        sum->pause_ms_max = part->pause_ms_max;
    if (part->made_at_ms < sum->made_at_ms)
        return;
    sum->made_at_ms = part->made_at_ms;
    sum->epoch = part->epoch;
    sum->bytes = part->bytes;
    sum->took_ms = part->took_ms;
}

/* The counts are sums; the last snapshot is the last one of any part. */
static void put_all_snapshots(FILE *to, const struct engine_metrics *metrics)
{
    const struct engine_past *past = metrics->past;
    struct engine_snapshots sum = {.made = past ? past->snapshots_made : 0,
                                   .failed = past ? past->snapshots_failed : 0,
                                   .skipped = past ? past->snapshots_skipped : 0};
    bool any = past != NULL;
    for (uint32_t i = 0; i < metrics->part_count; i++) {
        if (!metrics->part[i].has_snapshots)
            continue;
        any = true;
        add_snapshots(&sum, &metrics->part[i].snapshots);
    }
    put_snapshots(to, any ? &sum : NULL);
}

static void put_tasks(FILE *to, const struct engine_tasks *tasks)
{
    if (!tasks)
        return;
    simple(to, "rollcall_tasks_owned", "gauge", "Tasks that the group has given to this process.",
           tasks->owned);
    simple(to, "rollcall_tasks_live", "gauge", "Of them those that publish.", tasks->live);
    simple(to, "rollcall_task_moves_total", "counter", "Tasks given to this process or taken.",
           tasks->moves);
    head(to, "rollcall_task_pause_seconds", "gauge",
         "How long the task that came last was silent, from its last epoch before to its first "
         "here.");
    fputs("rollcall_task_pause_seconds", to);
    put_seconds(to, tasks->pause_ms);
}

static void add_stats(struct engine_stats *sum, const struct engine_stats *part)
{
#define ENGINE_ADD(name, help) sum->name += part->name;
    RC_SHARD_COUNTERS(ENGINE_ADD)
#undef ENGINE_ADD
}

char *engine_metrics_text(const struct engine_metrics *metrics)
{
    char *text = NULL;
    size_t size;
    struct engine_stats stats = metrics->past ? metrics->past->shards : (struct engine_stats){0};
    struct engine_stats one;
    uint32_t shards = 0;
    FILE *to = open_memstream(&text, &size);
    if (!to)
        return NULL;
    for (uint32_t i = 0; i < metrics->part_count; i++) {
        engine_stats(metrics->part[i].engine, &one);
        add_stats(&stats, &one);
        shards += engine_shards(metrics->part[i].engine);
    }
    head(to, "rollcall_build_info", "gauge", "What runs: version and zone data.");
    fprintf(to, "rollcall_build_info{version=\"%s\",zone_data=\"", ROLLCALL_VERSION);
    put_label(to, metrics->config->zone_data_version);
    fputs("\"} 1\n", to);
    simple(to, "rollcall_standby", "gauge", "1: another process of the group is active.",
           metrics->part_count == 1 && metrics->part[0].standby);
    simple(to, "rollcall_config_last_reload_successful", "gauge",
           "1: the configuration as last read is valid.", metrics->reload_ok);
    simple(to, "rollcall_shards", "gauge", "Threads that compute.", shards);
    put_tasks(to, metrics->tasks);
    put_ingest(to, metrics);
    put_partitions(to, metrics);
    put_commit(to, metrics);
    put_epochs(to, metrics);
    put_restore(to, metrics);
    put_stall(to, metrics);
    put_all_snapshots(to, metrics);
    put_shards(to, &stats);
    put_limits(to, &metrics->config->limits);
    bool failed = ferror(to);
    if (fclose(to) || failed) {
        free(text);
        return NULL;
    }
    return text;
}
