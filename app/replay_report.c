/* Progress and summary of a replay. */
#include "replay_report.h"
#include "terminal.h"
#include <string.h>

#define TYPE_NAME(name) #name,
static const char *const type_name[RC_TYPE_COUNT] = {RC_EVENT_TYPES(TYPE_NAME)};
#undef TYPE_NAME

static uint64_t events_of(const struct rc_ingest_stats *ingest, int type)
{
    uint64_t sum = 0;
    for (int channel = 0; channel <= RC_CHANNEL_COUNT; channel++)
        sum += rc_counter_read(&ingest->events[channel][type]);
    return sum;
}

static uint64_t events_all(const struct rc_ingest_stats *ingest)
{
    uint64_t sum = 0;
    for (int type = 0; type < RC_TYPE_COUNT; type++)
        sum += events_of(ingest, type);
    return sum;
}

static double per_second(uint64_t count, int64_t took_ms)
{
    return (double)count * 1000 / (double)(took_ms > 0 ? took_ms : 1);
}

void replay_report_progress(const struct replay_report *report)
{
    char count[TERMINAL_TEXT_MAX], rate[TERMINAL_TEXT_MAX], at[TERMINAL_TEXT_MAX];
    char left[TERMINAL_TEXT_MAX], line[256];
    uint64_t events = events_all(report->ingest);
    const struct ingest_progress *progress = &report->progress;
    int64_t event_ms = (int64_t)rc_counter_read(&report->ingest->watermark_ms);
    int size = snprintf(line, sizeof line, "%s events  %s/s  at %s", terminal_count(events, count),
                        terminal_rate(per_second(events, report->took_ms), rate),
                        terminal_time(event_ms, at));
    if (progress->bytes_total && progress->bytes_read) {
        double share = (double)progress->bytes_read / (double)progress->bytes_total;
        if (share > 1)
            share = 1;
        double left_ms = (double)report->took_ms * (1 - share) / share;
        snprintf(line + size, sizeof line - (size_t)size, "  %d %%  %s left", (int)(share * 100),
                 terminal_duration((int64_t)left_ms, left));
    }
    terminal_progress(line);
}

/* ---- the summary ---- */

static void print_row(FILE *to, const char *name, uint64_t value)
{
    char room[TERMINAL_TEXT_MAX];
    fprintf(to, "  %-24s %15s\n", name, terminal_count(value, room));
}

static void print_reason(void *opaque, const char *reason, uint64_t count)
{
    char room[TERMINAL_TEXT_MAX];
    fprintf(opaque, "    %-22.60s %15s\n", reason, terminal_count(count, room));
}

void replay_report_summary(const struct replay_report *report, FILE *to)
{
    const struct rc_ingest_stats *ingest = report->ingest;
    const struct sink_commit_stats *commit = sink_commit_stats(engine_commit(report->engine));
    struct engine_stats shards;
    char room[TERMINAL_TEXT_MAX];
    engine_stats(report->engine, &shards);
    uint64_t events = events_all(ingest), dead = rc_counter_read(&commit->dead_letters);
    fprintf(to, "events\n");
    for (int type = 0; type < RC_TYPE_COUNT; type++)
        if (events_of(ingest, type))
            print_row(to, type_name[type], events_of(ingest, type));
    print_row(to, "all", events);
    fprintf(to, "lines\n");
    print_row(to, "read", rc_counter_read(&ingest->lines));
    print_row(to, "blank", rc_counter_read(&ingest->blank));
    print_row(to, "of an unknown type", rc_counter_read(&ingest->unknown_type));
    print_row(to, "accepted", events - shards.expired - shards.limited);
    print_row(to, "late", shards.late);
    print_row(to, "dead-lettered", dead);
    sink_commit_reasons(engine_commit(report->engine), print_reason, to);
    fprintf(to, "made\n");
    print_row(to, "contacts", shards.contacts);
    print_row(to, "records", rc_counter_read(&commit->records));
    fprintf(to, "%s with %u shard%s, ", terminal_duration(report->took_ms, room),
            engine_shards(report->engine), engine_shards(report->engine) == 1 ? "" : "s");
    fprintf(to, "%s events/s\n", terminal_rate(per_second(events, report->took_ms), room));
}

/* Reasons may quote a key of the input. */
static void print_json_text(FILE *to, const char *text)
{
    fputc('"', to);
    for (const unsigned char *at = (const unsigned char *)text; *at; at++) {
        if (*at == '"' || *at == '\\')
            fprintf(to, "\\%c", *at);
        else if (*at < 0x20)
            fprintf(to, "\\u%04x", *at);
        else
            fputc(*at, to);
    }
    fputc('"', to);
}

struct reason_list {
    FILE *to;
    bool any;
};

static void print_reason_json(void *opaque, const char *reason, uint64_t count)
{
    struct reason_list *list = opaque;
    if (list->any)
        fputc(',', list->to);
    list->any = true;
    print_json_text(list->to, reason);
    fprintf(list->to, ":%llu", (unsigned long long)count);
}

void replay_report_json(const struct replay_report *report, FILE *to)
{
    const struct rc_ingest_stats *ingest = report->ingest;
    const struct sink_commit_stats *commit = sink_commit_stats(engine_commit(report->engine));
    struct engine_stats shards;
    struct reason_list list = {.to = to};
    engine_stats(report->engine, &shards);
    uint64_t events = events_all(ingest);
    fprintf(to, "{\"lines\":%llu,\"blank\":%llu,\"unknown_type\":%llu,\"events\":%llu,\"types\":{",
            (unsigned long long)rc_counter_read(&ingest->lines),
            (unsigned long long)rc_counter_read(&ingest->blank),
            (unsigned long long)rc_counter_read(&ingest->unknown_type), (unsigned long long)events);
    for (int type = 0, any = 0; type < RC_TYPE_COUNT; type++)
        if (events_of(ingest, type))
            fprintf(to, "%s\"%s\":%llu", any++ ? "," : "", type_name[type],
                    (unsigned long long)events_of(ingest, type));
    fprintf(to, "},\"accepted\":%llu,\"late\":%llu,\"dead_lettered\":%llu,\"reasons\":{",
            (unsigned long long)(events - shards.expired - shards.limited),
            (unsigned long long)shards.late,
            (unsigned long long)rc_counter_read(&commit->dead_letters));
    sink_commit_reasons(engine_commit(report->engine), print_reason_json, &list);
    fprintf(to, "},\"shards\":{\"count\":%u", engine_shards(report->engine));
#define SHARD_JSON(name, help) fprintf(to, ",\"" #name "\":%llu", (unsigned long long)shards.name);
    RC_SHARD_COUNTERS(SHARD_JSON)
#undef SHARD_JSON
    fprintf(to,
            "},\"records\":%llu,\"records_rolling\":%llu,\"records_interval\":%llu,"
            "\"records_contacts\":%llu,"
            "\"records_restated\":%llu,\"epochs\":%llu,\"time_ms\":%lld,"
            "\"events_per_second\":%.0f}\n",
            (unsigned long long)rc_counter_read(&commit->records),
            (unsigned long long)rc_counter_read(&commit->records_rolling),
            (unsigned long long)rc_counter_read(&commit->records_interval),
            (unsigned long long)rc_counter_read(&commit->records_contacts),
            (unsigned long long)rc_counter_read(&commit->restated),
            (unsigned long long)rc_counter_read(&commit->epochs), (long long)report->took_ms,
            per_second(events, report->took_ms));
}
