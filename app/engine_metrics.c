/* The engine's counters for /metrics. Cold: written with stdio, a few times a minute. */
#include "engine.h"
#include <stdio.h>
#include <stdlib.h>

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

static void put_ingest(FILE *to, const struct rc_ingest_stats *ingest)
{
    head(to, "rollcall_events_total", "counter", "Events decoded, by channel and type.");
    for (int channel = 0; channel <= RC_CHANNEL_COUNT; channel++)
        for (int type = 0; type < RC_TYPE_COUNT; type++) {
            uint64_t count = rc_counter_read(&ingest->events[channel][type]);
            if (count)
                fprintf(to, "rollcall_events_total{channel=\"%s\",type=\"%s\"} %llu\n",
                        channel_name[channel], type_name[type], (unsigned long long)count);
        }
    simple(to, "rollcall_input_records_total", "counter", "Records read, of any kind.",
           rc_counter_read(&ingest->lines));
    simple(to, "rollcall_input_bytes_total", "counter", "Bytes read.",
           rc_counter_read(&ingest->bytes));
    simple(to, "rollcall_input_blank_total", "counter", "Records without a value.",
           rc_counter_read(&ingest->blank));
    simple(to, "rollcall_unknown_types_total", "counter", "Events of a type that is not known.",
           rc_counter_read(&ingest->unknown_type));
    simple(to, "rollcall_ring_full_total", "counter", "Times that a shard's ring was full.",
           rc_counter_read(&ingest->stalled));
    simple(to, "rollcall_recovery_epochs", "gauge",
           "Recorded epochs that are still to be made again; 0: live.",
           rc_counter_read(&ingest->recover_epochs));
    simple(to, "rollcall_recovery_records_total", "counter", "Records read again for that.",
           rc_counter_read(&ingest->replayed));
    int64_t watermark_ms = (int64_t)rc_counter_read(&ingest->watermark_ms);
    head(to, "rollcall_watermark_timestamp_seconds", "gauge",
         "Event time up to which events are complete.");
    if (watermark_ms > 0) {
        fputs("rollcall_watermark_timestamp_seconds", to);
        put_seconds(to, watermark_ms);
    }
}

static void put_epochs(FILE *to, const struct engine_metrics *metrics,
                       const struct sink_commit_stats *stats)
{
    uint64_t published_ms = rc_counter_read(&stats->published_ms), total = 0;
    uint64_t closed = metrics->ingest ? rc_counter_read(&metrics->ingest->epoch) : 0;
    uint64_t published = rc_counter_read(&stats->epoch);
    simple(to, "rollcall_epochs_waiting", "gauge", "Epochs that are read but not published yet.",
           closed > published ? closed - published : 0);
    if (published_ms) {
        int64_t age_ms = metrics->steady_ms - (int64_t)published_ms;
        head(to, "rollcall_epoch_age_seconds", "gauge", "Time since the last epoch was published.");
        fputs("rollcall_epoch_age_seconds", to);
        put_seconds(to, age_ms > 0 ? age_ms : 0);
    }
    head(to, "rollcall_commit_seconds", "histogram",
         "How long it took to make an epoch final: what was left to send, and the commit.");
    for (uint32_t i = 0; i < SINK_COMMIT_BUCKETS; i++) {
        uint32_t bound_ms = sink_commit_bucket_ms[i];
        total += rc_counter_read(&stats->commit_bucket[i]);
        fprintf(to, "rollcall_commit_seconds_bucket{le=\"%u.%03u\"} %llu\n", bound_ms / 1000,
                bound_ms % 1000, (unsigned long long)total);
    }
    total += rc_counter_read(&stats->commit_bucket[SINK_COMMIT_BUCKETS]);
    uint64_t sum_us = rc_counter_read(&stats->commit_us);
    fprintf(to,
            "rollcall_commit_seconds_bucket{le=\"+Inf\"} %llu\n"
            "rollcall_commit_seconds_sum %llu.%06u\nrollcall_commit_seconds_count %llu\n",
            (unsigned long long)total, (unsigned long long)(sum_us / 1000000),
            (unsigned)(sum_us % 1000000), (unsigned long long)total);
}

static void put_restore(FILE *to, const struct engine_restore *restore)
{
    if (!restore)
        return;
    const struct {
        const char *part;
        int64_t ms;
    } list[] = {{"progress", restore->progress_ms},
                {"snapshot", restore->snapshot_ms},
                {"replay", restore->replay_ms}};
    head(to, "rollcall_restore_seconds", "gauge",
         "How long the start took to read the progress, to restore a snapshot, and to make the "
         "epochs after it again.");
    for (size_t i = 0; i < sizeof list / sizeof *list; i++) {
        if (list[i].ms < 0)
            continue;
        fprintf(to, "rollcall_restore_seconds{part=\"%s\"}", list[i].part);
        put_seconds(to, list[i].ms);
    }
}

static void put_partitions(FILE *to, const struct engine_metrics *metrics)
{
    if (metrics->partition_count == 0)
        return;
    head(to, "rollcall_event_lag_seconds", "gauge",
         "How far the event time of a partition is behind the clock.");
    for (uint32_t i = 0; i < metrics->partition_count; i++) {
        const struct ingest_partition *partition = &metrics->partition[i];
        if (partition->watermark_ms == RC_TIME_NONE)
            continue;
        fputs("rollcall_event_lag_seconds{topic=\"", to);
        put_label(to, partition->topic);
        fprintf(to, "\",partition=\"%d\"}", partition->partition);
        put_seconds(to, metrics->wall_ms - partition->watermark_ms);
    }
    head(to, "rollcall_input_lag_records", "gauge", "Records that wait in a partition.");
    for (uint32_t i = 0; i < metrics->partition_count; i++) {
        const struct ingest_partition *partition = &metrics->partition[i];
        int64_t lag = partition->end_offset - partition->next_offset;
        if (partition->next_offset < 0 || partition->end_offset < 0)
            continue;
        fputs("rollcall_input_lag_records{topic=\"", to);
        put_label(to, partition->topic);
        fprintf(to, "\",partition=\"%d\"} %lld\n", partition->partition,
                (long long)(lag > 0 ? lag : 0));
    }
}

static void put_reason(void *opaque, const char *reason, uint64_t count)
{
    FILE *to = opaque;
    fputs("rollcall_dead_lettered_total{reason=\"", to);
    put_label(to, reason);
    fprintf(to, "\"} %llu\n", (unsigned long long)count);
}

static void put_commit(FILE *to, const struct sink_commit *commit)
{
    const struct sink_commit_stats *stats = sink_commit_stats(commit);
    head(to, "rollcall_dead_lettered_total", "counter", "Dead letters, by reason.");
    sink_commit_reasons(commit, put_reason, to);
    head(to, "rollcall_records_total", "counter", "Records published, by kind.");
    fprintf(to, "rollcall_records_total{kind=\"rolling\"} %llu\n",
            (unsigned long long)rc_counter_read(&stats->records_rolling));
    fprintf(to, "rollcall_records_total{kind=\"interval\"} %llu\n",
            (unsigned long long)rc_counter_read(&stats->records_interval));
    fprintf(to, "rollcall_records_total{kind=\"contact\"} %llu\n",
            (unsigned long long)rc_counter_read(&stats->records_contacts));
    simple(to, "rollcall_restated_total", "counter", "Records published with status restated.",
           rc_counter_read(&stats->restated));
    simple(to, "rollcall_epochs_total", "counter", "Epochs published.",
           rc_counter_read(&stats->epochs));
    head(to, "rollcall_epoch_longest_seconds", "gauge", "The longest time an epoch took to write.");
    fputs("rollcall_epoch_longest_seconds", to);
    put_seconds(to, (int64_t)rc_counter_read(&stats->commit_ms_max));
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
    if (!snapshots->made)
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

char *engine_metrics_text(const struct engine *engine, const struct engine_metrics *metrics)
{
    char *text = NULL;
    size_t size;
    struct engine_stats stats;
    FILE *to = open_memstream(&text, &size);
    if (!to)
        return NULL;
    engine_stats(engine, &stats);
    head(to, "rollcall_build_info", "gauge", "What runs: version and zone data.");
    fprintf(to, "rollcall_build_info{version=\"%s\",zone_data=\"", ROLLCALL_VERSION);
    put_label(to, metrics->config->zone_data_version);
    fputs("\"} 1\n", to);
    simple(to, "rollcall_standby", "gauge", "1: another process of the group is active.",
           metrics->standby);
    simple(to, "rollcall_config_last_reload_successful", "gauge",
           "1: the configuration as last read is valid.", metrics->reload_ok);
    simple(to, "rollcall_shards", "gauge", "Threads that compute.", engine_shards(engine));
    if (metrics->ingest)
        put_ingest(to, metrics->ingest);
    put_partitions(to, metrics);
    put_commit(to, engine_commit(engine));
    put_epochs(to, metrics, sink_commit_stats(engine_commit(engine)));
    put_restore(to, metrics->restore);
    head(to, "rollcall_shard_stall_seconds", "gauge",
         "For how long the slowest shard has been at one piece of work.");
    fputs("rollcall_shard_stall_seconds", to);
    put_seconds(to, metrics->stall_ms);
    put_snapshots(to, metrics->snapshots);
    put_shards(to, &stats);
    put_limits(to, &metrics->config->limits);
    bool failed = ferror(to);
    if (fclose(to) || failed) {
        free(text);
        return NULL;
    }
    return text;
}
