/* The table of current records to bytes and back. Figures, counters and windows stand by name, so
 * that a later version, or another configuration, takes what it knows. */
#include "table_inside.h"

#include "rollcall/check.h"
#include <stdlib.h>
#include <string.h>

enum { FORMAT = 1, NAMES_MAX = 256, UNKNOWN = UINT32_MAX };

#define COUNTER_NAME(name) #name,
static const char *const counter_name[TABLE_COUNTER_COUNT] = {TABLE_COUNTERS(COUNTER_NAME)};
#undef COUNTER_NAME

struct head {
    uint32_t format, figures, counters, windows;
    uint64_t entries;
    int64_t now_ms;
};
struct key {
    uint8_t client_size, queue_size, total, channel;
    uint32_t records;
};
struct record {
    uint32_t window, revision;
    int64_t start_ms, end_ms, as_of_ms;
    uint64_t contract;
    uint8_t kind, status, older, spare[5];
};

/* ---- saving ---- */

static enum rc_error put(const struct rc_snapshot_writer *out, const void *bytes, size_t size)
{
    return out->put(out->self, bytes, size);
}

static enum rc_error put_name(const struct rc_snapshot_writer *out, const char *name)
{
    uint8_t size = (uint8_t)strlen(name);
    enum rc_error err = put(out, &size, 1);
    return err ? err : put(out, name, size);
}

static enum rc_error put_names(const struct sink_table *table, const struct rc_snapshot_writer *out,
                               uint32_t windows)
{
    enum rc_error err = RC_OK;
    for (uint32_t i = 0; i < RC_FIGURE_COUNT && !err; i++)
        err = put_name(out, rc_figure_info[i].name);
    for (uint32_t i = 0; i < TABLE_COUNTER_COUNT && !err; i++)
        err = put_name(out, counter_name[i]);
    for (uint32_t i = 0; i < windows && !err; i++)
        err = put_name(out, rc_window_name(table->windows, i));
    return err;
}

static enum rc_error put_record(const struct rc_snapshot_writer *out, const struct rc_record *rec,
                                bool older)
{
    struct record fixed = {.window = rec->window,
                           .revision = rec->revision,
                           .start_ms = rec->start_ms,
                           .end_ms = rec->end_ms,
                           .as_of_ms = rec->as_of_ms,
                           .contract = rec->contract,
                           .kind = rec->kind,
                           .status = rec->status,
                           .older = older};
    enum rc_error err = put(out, &fixed, sizeof fixed);
    return err ? err : put(out, rec->value, sizeof rec->value);
}

static enum rc_error put_entry(const struct rc_snapshot_writer *out,
                               const struct table_entry *entry)
{
    const struct rc_record *names = entry->key;
    struct key key = {names->client_size, names->queue_size, names->total, names->channel,
                      entry->records};
    enum rc_error err = put(out, &key, sizeof key);
    if (!err)
        err = put(out, names->text, (size_t)names->client_size + names->queue_size);
    if (!err)
        err = put(out, entry->sum, sizeof entry->sum);
    if (!err)
        err = put(out, entry->shown, sizeof entry->shown);
    for (uint32_t i = 0; i < RC_WINDOWS_MAX; i++)
        for (int j = 1; j >= 0 && !err; j--)
            if (entry->current[i][j])
                err = put_record(out, entry->current[i][j], j == 1);
    return err;
}

enum rc_error sink_table_save(struct sink_table *table, const struct rc_snapshot_writer *out)
{
    RC_CHECK(table->begun);
    if (!table_sort(table))
        return RC_ERR_MEMORY;
    struct head head = {FORMAT,
                        RC_FIGURE_COUNT,
                        TABLE_COUNTER_COUNT,
                        table->windows->rolling_count + table->windows->interval_count,
                        table->entry_count,
                        table->now_ms};
    enum rc_error err = put(out, &head, sizeof head);
    if (!err)
        err = put_names(table, out, head.windows);
    for (uint64_t i = 0; i < table->entry_count && !err; i++)
        err = put_entry(out, table->sorted[i]);
    return err;
}

/* ---- restoring ---- */

/* What a number of the file means here; UNKNOWN: nothing any more. */
struct meaning {
    uint32_t figure[NAMES_MAX], counter[NAMES_MAX], window[NAMES_MAX];
};

static enum rc_error get(const struct rc_snapshot_reader *in, void *ret_bytes, size_t size)
{
    return in->get(in->self, ret_bytes, size);
}

static enum rc_error get_name(const struct rc_snapshot_reader *in, char ret_name[256])
{
    uint8_t size;
    enum rc_error err = get(in, &size, 1);
    if (!err)
        err = get(in, ret_name, size);
    if (!err)
        ret_name[size] = '\0';
    return err;
}

static const char *figure_at(const void *opaque, uint32_t index)
{
    (void)opaque;
    return rc_figure_info[index].name;
}

static const char *counter_at(const void *opaque, uint32_t index)
{
    (void)opaque;
    return counter_name[index];
}

static const char *window_at(const void *opaque, uint32_t index)
{
    return rc_window_name(opaque, index);
}

static enum rc_error get_names(const struct rc_snapshot_reader *in, uint32_t count,
                               const char *(*name_at)(const void *, uint32_t), const void *opaque,
                               uint32_t known, uint32_t *ret_index)
{
    char name[256];
    for (uint32_t i = 0; i < count; i++) {
        enum rc_error err = get_name(in, name);
        if (err)
            return err;
        ret_index[i] = UNKNOWN;
        for (uint32_t j = 0; j < known; j++)
            if (!strcmp(name, name_at(opaque, j)))
                ret_index[i] = j;
    }
    return RC_OK;
}

static enum rc_error get_record(struct sink_table *table, const struct rc_snapshot_reader *in,
                                const struct head *head, const struct meaning *meaning,
                                struct rc_record *rec)
{
    struct record fixed;
    int64_t value[NAMES_MAX];
    enum rc_error err = get(in, &fixed, sizeof fixed);
    if (!err)
        err = get(in, value, head->figures * sizeof *value);
    if (err)
        return err;
    if (fixed.window >= head->windows || fixed.kind > RC_KIND_INTERVAL || fixed.status > RC_CLOSED)
        return RC_ERR_INPUT;
    uint32_t window = meaning->window[fixed.window];
    bool interval = window != UNKNOWN && window >= table->windows->rolling_count;
    if (window == UNKNOWN || interval != (fixed.kind == RC_KIND_INTERVAL))
        return RC_OK;
    rec->window = window;
    rec->kind = fixed.kind;
    rec->status = fixed.status;
    rec->revision = fixed.revision;
    rec->start_ms = fixed.start_ms;
    rec->end_ms = fixed.end_ms;
    rec->as_of_ms = fixed.as_of_ms;
    rec->contract = fixed.contract;
    for (uint32_t i = 0; i < RC_FIGURE_COUNT; i++)
        rec->value[i] = 0;
    for (uint32_t i = 0; i < head->figures; i++)
        if (meaning->figure[i] != UNKNOWN)
            rec->value[meaning->figure[i]] = value[i];
    sink_table_put(table, rec);
    return RC_OK;
}

static enum rc_error get_entry(struct sink_table *table, const struct rc_snapshot_reader *in,
                               const struct head *head, const struct meaning *meaning)
{
    union {
        struct rc_record rec;
        char room[sizeof(struct rc_record) + 2 * UINT8_MAX + 8];
    } room = {.rec = {.topic = RC_TOPIC_METRICS}};
    struct rc_record *rec = &room.rec;
    struct key key;
    int64_t sum[NAMES_MAX], shown[NAMES_MAX];
    enum rc_error err = get(in, &key, sizeof key);
    if (!err &&
        (key.channel >= RC_CHANNEL_COUNT || key.total > 2 || key.records > 2 * RC_WINDOWS_MAX))
        err = RC_ERR_INPUT;
    if (!err)
        err = get(in, rec->text, (size_t)key.client_size + key.queue_size);
    if (!err)
        err = get(in, sum, head->counters * sizeof *sum);
    if (!err)
        err = get(in, shown, head->counters * sizeof *shown);
    if (err)
        return err;
    rec->client_size = key.client_size;
    rec->queue_size = key.queue_size;
    rec->total = key.total;
    rec->channel = key.channel;
    rec->size = (uint32_t)(sizeof *rec + key.client_size + key.queue_size + 7) & ~7u;
    for (uint32_t i = 0; i < key.records && !err; i++)
        err = get_record(table, in, head, meaning, rec);
    struct table_entry *entry = err ? NULL : table_entry_of(table, rec);
    for (uint32_t i = 0; entry && i < head->counters; i++) {
        if (meaning->counter[i] == UNKNOWN)
            continue;
        entry->sum[meaning->counter[i]] = sum[i];
        entry->shown[meaning->counter[i]] = shown[i];
    }
    return err;
}

enum rc_error sink_table_restore(struct sink_table *table, const struct rc_snapshot_reader *in)
{
    static_assert((int)RC_FIGURE_COUNT <= (int)NAMES_MAX, "figures fit");
    struct head head;
    struct meaning meaning;
    enum rc_error err = get(in, &head, sizeof head);
    if (!err && (head.format != FORMAT || head.figures > NAMES_MAX || head.counters > NAMES_MAX ||
                 head.windows > NAMES_MAX))
        err = RC_ERR_INPUT;
    const struct rc_windows *windows = table->windows;
    if (!err)
        err = get_names(in, head.figures, figure_at, NULL, RC_FIGURE_COUNT, meaning.figure);
    if (!err)
        err = get_names(in, head.counters, counter_at, NULL, TABLE_COUNTER_COUNT, meaning.counter);
    if (!err)
        err = get_names(in, head.windows, window_at, windows,
                        windows->rolling_count + windows->interval_count, meaning.window);
    if (err)
        return err;
    sink_table_begin(table);
    for (uint64_t i = 0; i < head.entries && !err; i++)
        err = get_entry(table, in, &head, &meaning);
    sink_table_end(table, head.now_ms);
    return err;
}
