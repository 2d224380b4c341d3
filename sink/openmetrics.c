/* Figures of the table of current records as metrics. A family's samples stand together, so every
 * family has a text of its own while one pass goes over the keys. */
#include "openmetrics.h"
#include "record_text.h"
#include "table.h"
#include <stdio.h>
#include <stdlib.h>

/* X(name, type, help) */
#define FAMILIES(X)                                                                                \
    X(rollcall_queue_waiting, gauge, "Contacts that wait now.")                                    \
    X(rollcall_queue_oldest_wait_seconds, gauge, "Longest wait of those who wait now.")            \
    X(rollcall_queue_backlog, gauge, "Tickets that are open now.")                                 \
    X(rollcall_queue_backlog_overdue, gauge, "Open tickets past a resolution deadline.")           \
    X(rollcall_service_level_ratio, gauge, "Service level in the window, by the contract.")        \
    X(rollcall_service_level_target_ratio, gauge, "The contract's service level target.")          \
    X(rollcall_abandon_ratio, gauge, "Share that gave up, short waits left out.")                  \
    X(rollcall_handle_average_seconds, gauge, "Average handle time: talk, hold, wrap-up.")         \
    X(rollcall_wait_seconds, histogram, "Waits of answered contacts since the start.")             \
    X(rollcall_contacts_total, counter, "Contacts by outcome since the start.")                    \
    X(rollcall_tickets_total, counter, "What happened to tickets since the start.")
#define FAMILY_ID(name, type, help) FAMILY_##name,
enum family { FAMILIES(FAMILY_ID) FAMILY_COUNT };
#define FAMILY_HEAD(name, type, help) "# HELP " #name " " help "\n# TYPE " #name " " #type "\n",
static const char *const family_head[FAMILY_COUNT] = {FAMILIES(FAMILY_HEAD)};
#define FAMILY_NAME(name, type, help) #name,
static const char *const family_name[FAMILY_COUNT] = {FAMILIES(FAMILY_NAME)};

enum { LABELS_ROOM = 1024 };
struct writer {
    const struct rc_windows *windows;
    struct metrics_text family[FAMILY_COUNT];
    uint32_t series, series_max, refused;
    uint32_t state_window;    /* whose records tell what stands now */
    uint32_t key_series;      /* of the key being written */
    char labels[LABELS_ROOM]; /* client="…",queue="…",channel="…" */
};

/* ---- text ---- */

void metrics_text_done(struct metrics_text *text)
{
    free(text->bytes);
    memset(text, 0, sizeof *text);
}

void metrics_text_put(struct metrics_text *text, const char *bytes, uint64_t size)
{
    if (text->failed || size == 0)
        return;
    if (text->used + size > text->room) {
        uint64_t room = text->room ? text->room * 2 : 4096;
        while (room < text->used + size)
            room *= 2;
        char *more = realloc(text->bytes, room);
        if (!more) {
            text->failed = true;
            return;
        }
        text->bytes = more;
        text->room = room;
    }
    memcpy(text->bytes + text->used, bytes, size);
    text->used += size;
}

static char *put_label(char *at, const char *name, const char *value, uint32_t size)
{
    at += snprintf(at, 16, "%s=\"", name);
    for (uint32_t i = 0; i < size; i++) {
        if (value[i] == '\\' || value[i] == '"' || value[i] == '\n')
            *at++ = '\\';
        *at++ = value[i] == '\n' ? 'n' : value[i];
    }
    *at++ = '"';
    return at;
}

static void put_labels(struct writer *writer, const struct rc_record *rec)
{
    char *at = put_label(writer->labels, "client", record_client(rec), rec->client_size);
    *at++ = ',';
    at = put_label(at, "queue", record_queue(rec), rec->queue_size);
    *at++ = ',';
    const char *channel = record_channel_name[rec->channel];
    at = put_label(at, "channel", channel, (uint32_t)strlen(channel));
    *at = 0;
}

/* `value` in 1/scale, scale a power of ten with `decimals` zeros. */
static void sample(struct writer *writer, enum family family, const char *suffix, const char *label,
                   int64_t value, int64_t scale, int decimals)
{
    char line[LABELS_ROOM + 256];
    int size = snprintf(line, sizeof line, "%s%s{%s%s} %lld", family_name[family], suffix,
                        writer->labels, label, (long long)(value / scale));
    if (decimals)
        size += snprintf(line + size, sizeof line - (size_t)size, ".%0*lld", decimals,
                         (long long)(value % scale));
    line[size++] = '\n';
    metrics_text_put(&writer->family[family], line, (uint64_t)size);
    writer->key_series++;
}

static void ratio(struct writer *writer, enum family family, const char *label, int64_t bp)
{
    if (bp != RC_NULL)
        sample(writer, family, "", label, bp, 10000, 4);
}

/* ---- figures ---- */

static void put_state(struct writer *writer, const struct rc_record *rec)
{
    const int64_t *value = rec->value;
    if (value[RC_FIG_aht_ms] != RC_NULL)
        sample(writer, FAMILY_rollcall_handle_average_seconds, "", "", value[RC_FIG_aht_ms], 1000,
               3);
    if (rec->channel == RC_TICKET) {
        sample(writer, FAMILY_rollcall_queue_backlog, "", "", value[RC_FIG_backlog], 1, 0);
        sample(writer, FAMILY_rollcall_queue_backlog_overdue, "", "", value[RC_FIG_backlog_overdue],
               1, 0);
        return;
    }
    sample(writer, FAMILY_rollcall_queue_waiting, "", "", value[RC_FIG_waiting], 1, 0);
    sample(writer, FAMILY_rollcall_queue_oldest_wait_seconds, "", "", value[RC_FIG_oldest_wait_ms],
           1000, 3);
    ratio(writer, FAMILY_rollcall_service_level_target_ratio, "", value[RC_FIG_sl_target_bp]);
    ratio(writer, FAMILY_rollcall_abandon_ratio, "", value[RC_FIG_abandon_bp]);
}

static void put_levels(struct writer *writer, const struct table_view *view)
{
    const struct rc_windows *windows = writer->windows;
    for (uint32_t i = 0; i < windows->rolling_count; i++) {
        char label[LABELS_ROOM / 4];
        const struct rc_record *rec = view->current[i][0];
        const char *name = windows->rolling[i].name;
        if (!rec || strlen(name) > 64)
            continue;
        label[0] = ',';
        *put_label(label + 1, "window", name, (uint32_t)strlen(name)) = 0;
        ratio(writer, FAMILY_rollcall_service_level_ratio, label, rec->value[RC_FIG_sl_bp]);
    }
}

static void put_counters(struct writer *writer, const int64_t *counter)
{
    static const struct {
        const char *label;
        enum table_counter counter;
    } buckets[] = {{",le=\"5.0\"", TABLE_wait_le_5s},     {",le=\"10.0\"", TABLE_wait_le_10s},
                   {",le=\"15.0\"", TABLE_wait_le_15s},   {",le=\"20.0\"", TABLE_wait_le_20s},
                   {",le=\"30.0\"", TABLE_wait_le_30s},   {",le=\"45.0\"", TABLE_wait_le_45s},
                   {",le=\"60.0\"", TABLE_wait_le_60s},   {",le=\"90.0\"", TABLE_wait_le_90s},
                   {",le=\"120.0\"", TABLE_wait_le_120s}, {",le=\"180.0\"", TABLE_wait_le_180s},
                   {",le=\"300.0\"", TABLE_wait_le_300s}, {",le=\"600.0\"", TABLE_wait_le_600s},
                   {",le=\"+Inf\"", TABLE_answered}};
    for (size_t i = 0; i < sizeof buckets / sizeof *buckets; i++)
        sample(writer, FAMILY_rollcall_wait_seconds, "_bucket", buckets[i].label,
               counter[buckets[i].counter], 1, 0);
    sample(writer, FAMILY_rollcall_wait_seconds, "_sum", "", counter[TABLE_wait_ms_sum], 1000, 3);
    sample(writer, FAMILY_rollcall_wait_seconds, "_count", "", counter[TABLE_answered], 1, 0);
    sample(writer, FAMILY_rollcall_contacts_total, "", ",outcome=\"answered\"",
           counter[TABLE_answered], 1, 0);
    sample(writer, FAMILY_rollcall_contacts_total, "", ",outcome=\"abandoned\"",
           counter[TABLE_abandoned], 1, 0);
    sample(writer, FAMILY_rollcall_contacts_total, "", ",outcome=\"left\"",
           counter[TABLE_flowed_out], 1, 0);
}

static void put_ticket_counters(struct writer *writer, const int64_t *counter)
{
    sample(writer, FAMILY_rollcall_tickets_total, "", ",event=\"opened\"", counter[TABLE_opened], 1,
           0);
    sample(writer, FAMILY_rollcall_tickets_total, "", ",event=\"resolved\"",
           counter[TABLE_resolved], 1, 0);
    sample(writer, FAMILY_rollcall_tickets_total, "", ",event=\"reopened\"",
           counter[TABLE_reopened], 1, 0);
}

/* A key is shown whole or not at all. */
static bool put_key(void *opaque, const struct table_view *view)
{
    struct writer *writer = opaque;
    uint64_t used[FAMILY_COUNT];
    for (int i = 0; i < FAMILY_COUNT; i++)
        used[i] = writer->family[i].used;
    writer->key_series = 0;
    put_labels(writer, view->any);
    if (writer->state_window != UINT32_MAX && view->current[writer->state_window][0])
        put_state(writer, view->current[writer->state_window][0]);
    bool ticket = view->any->channel == RC_TICKET;
    if (!ticket)
        put_levels(writer, view);
    if (view->counter && ticket)
        put_ticket_counters(writer, view->counter);
    else if (view->counter)
        put_counters(writer, view->counter);
    if (writer->series + writer->key_series <= writer->series_max) {
        writer->series += writer->key_series;
        return true;
    }
    for (int i = 0; i < FAMILY_COUNT; i++)
        writer->family[i].used = used[i];
    writer->refused += writer->key_series;
    return true;
}

/* The window that is looked at most often: what stands now is freshest in its records. */
static uint32_t choose_state_window(const struct rc_windows *windows)
{
    uint32_t best = UINT32_MAX;
    for (uint32_t i = 0; i < windows->rolling_count; i++)
        if (best == UINT32_MAX || windows->rolling[i].every_ms < windows->rolling[best].every_ms)
            best = i;
    if (best != UINT32_MAX)
        return best;
    for (uint32_t i = 0; i < windows->interval_count; i++)
        if (best == UINT32_MAX ||
            windows->interval[i].publish_every_ms <
                windows->interval[best - windows->rolling_count].publish_every_ms)
            best = windows->rolling_count + i;
    return best;
}

static void put_table(void *to, struct sink_table *table)
{
    table_each_key(table, put_key, to);
}

void metrics_business(const struct rc_windows *windows, const struct metrics_tables *tables,
                      uint32_t max_series, struct metrics_text *text)
{
    struct writer *writer = calloc(1, sizeof *writer);
    if (!writer) {
        text->failed = true;
        return;
    }
    writer->windows = windows;
    writer->series_max = max_series;
    writer->state_window = choose_state_window(windows);
    tables->each(tables->opaque, put_table, writer);
    for (int i = 0; i < FAMILY_COUNT; i++) {
        text->failed |= writer->family[i].failed;
        if (writer->family[i].used) {
            metrics_text_put(text, family_head[i], strlen(family_head[i]));
            metrics_text_put(text, writer->family[i].bytes, writer->family[i].used);
        }
        metrics_text_done(&writer->family[i]);
    }
    char line[512];
    int size = snprintf(line, sizeof line,
                        "# HELP rollcall_metrics_series Series of business figures shown here.\n"
                        "# TYPE rollcall_metrics_series gauge\n"
                        "rollcall_metrics_series %u\n"
                        "# HELP rollcall_metrics_refused_series Series beyond the limit of %u.\n"
                        "# TYPE rollcall_metrics_refused_series gauge\n"
                        "rollcall_metrics_refused_series %u\n",
                        writer->series, max_series, writer->refused);
    metrics_text_put(text, line, (uint64_t)size);
    free(writer);
}

/* ---- OpenMetrics ---- */

static bool ends_with(const char *name, size_t size, const char *suffix)
{
    size_t suffix_size = strlen(suffix);
    return size > suffix_size && !memcmp(name + size - suffix_size, suffix, suffix_size);
}

/* "# HELP name rest" or "# TYPE name rest" */
static void translate_head(const char *line, size_t size, struct metrics_text *text)
{
    const char *name = line + 7, *end = line + size;
    const char *blank = memchr(name, ' ', (size_t)(end - name));
    size_t name_size = (size_t)((blank ? blank : end) - name), cut = 0;
    if (ends_with(name, name_size, "_total"))
        cut = 6;
    else if (ends_with(name, name_size, "_info"))
        cut = 5;
    metrics_text_put(text, line, 7 + name_size - cut);
    if (cut == 5 && line[2] == 'T')
        metrics_text_put(text, " info\n", 6);
    else
        metrics_text_put(text, name + name_size, (size_t)(end - name) - name_size);
}

void metrics_translate(const char *from, uint64_t size, struct metrics_text *text)
{
    const char *end = from + size;
    while (from < end) {
        const char *newline = memchr(from, '\n', (size_t)(end - from));
        size_t line_size = newline ? (size_t)(newline - from) + 1 : (size_t)(end - from);
        if (line_size > 7 && (!memcmp(from, "# HELP ", 7) || !memcmp(from, "# TYPE ", 7)))
            translate_head(from, line_size, text);
        else
            metrics_text_put(text, from, line_size);
        from += line_size;
    }
}
