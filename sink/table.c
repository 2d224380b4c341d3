/* The current records by key: of a rolling window the latest, of an interval window those of the
 * newest two starts. Written by the commit thread, an epoch at a time, read by HTTP and the demo.
 *
 * Counters. Records hold sums of windows, which fall as windows pass; Prometheus wants counters.
 * So the records of the smallest interval window are added up, each by its difference to the one
 * before of the same start. A correction downwards is kept as a debt: what is shown waits until
 * the sum has come back to it, as a counter that falls would be read as a restart. */
#include "record_text.h"
#include "table_inside.h"
#include <stdlib.h>
#include <sys/random.h>

#define COUNTER_FIGURE(name) RC_FIG_##name,
static const uint16_t counter_figure[TABLE_COUNTER_COUNT] = {TABLE_COUNTERS(COUNTER_FIGURE)};
#undef COUNTER_FIGURE

/* ---- keys ---- */

/* FNV-1a from a seed of this run. */
static uint64_t hash_of(const struct sink_table *table, const struct rc_record *rec)
{
    uint64_t hash = table->seed ^ rec->channel ^ (uint64_t)rec->client_size << 8;
    uint32_t size = (uint32_t)rec->client_size + rec->queue_size;
    for (uint32_t i = 0; i < size; i++)
        hash = (hash ^ (unsigned char)rec->text[i]) * 0x100000001b3u;
    return hash ^ hash >> 29;
}

static struct table_entry **find(struct sink_table *table, const struct rc_record *rec,
                                 uint64_t hash)
{
    struct table_entry **at = &table->bucket[hash & (table->bucket_count - 1)];
    while (*at && ((*at)->hash != hash || record_compare_key((*at)->key, rec)))
        at = &(*at)->next;
    return at;
}

static void grow(struct sink_table *table)
{
    uint64_t count = table->bucket_count * 2;
    struct table_entry **bucket = calloc(count, sizeof *bucket);
    if (!bucket) /* longer chains are the price */
        return;
    for (uint64_t i = 0; i < table->bucket_count; i++) {
        struct table_entry *entry, *next;
        for (entry = table->bucket[i]; entry; entry = next) {
            next = entry->next;
            entry->next = bucket[entry->hash & (count - 1)];
            bucket[entry->hash & (count - 1)] = entry;
        }
    }
    free(table->bucket);
    table->bucket = bucket;
    table->bucket_count = count;
}

static struct table_entry *add(struct sink_table *table, const struct rc_record *rec, uint64_t hash)
{
    if (table->entry_count >= table->bucket_count)
        grow(table);
    struct table_entry *entry = calloc(1, sizeof *entry);
    uint32_t text_size = (uint32_t)rec->client_size + rec->queue_size;
    struct rc_record *key = calloc(1, sizeof *key + text_size);
    if (!entry || !key) { /* the API lacks a key; the output has it */
        free(entry);
        free(key);
        return NULL;
    }
    key->client_size = rec->client_size;
    key->queue_size = rec->queue_size;
    key->total = rec->total;
    key->channel = rec->channel;
    memcpy(key->text, rec->text, text_size);
    entry->key = key;
    entry->hash = hash;
    struct table_entry **at = &table->bucket[hash & (table->bucket_count - 1)];
    entry->next = *at;
    *at = entry;
    table->entry_count++;
    table->is_sorted = false;
    return entry;
}

static void entry_free(struct table_entry *entry)
{
    for (uint32_t i = 0; i < RC_WINDOWS_MAX; i++) {
        free(entry->current[i][0]);
        free(entry->current[i][1]);
    }
    free(entry->key);
    free(entry);
}

/* ---- records ---- */

/* The place of that record: the one of the same start, an empty one, or an older one's. NULL: it is
 * older than what is kept. */
static struct rc_record **place_of(struct table_entry *entry, const struct rc_record *rec)
{
    struct rc_record **place = entry->current[rec->window];
    if (rec->kind == RC_KIND_ROLLING || !place[0] || place[0]->start_ms == rec->start_ms)
        return &place[0];
    if (rec->start_ms > place[0]->start_ms) {
        if (rec->tombstone)
            return NULL;
        if (place[1])
            entry->records--;
        free(place[1]);
        place[1] = place[0];
        place[0] = NULL;
        return &place[0];
    }
    return !place[1] || place[1]->start_ms <= rec->start_ms ? &place[1] : NULL;
}

static void count(struct table_entry *entry, const struct rc_record *before,
                  const struct rc_record *after)
{
    for (uint32_t i = 0; i < TABLE_COUNTER_COUNT; i++) {
        int64_t old = before ? before->value[counter_figure[i]] : 0;
        int64_t new = after->value[counter_figure[i]];
        /* Unsigned: what was restored may be anything. */
        entry->sum[i] = (int64_t)((uint64_t)entry->sum[i] + (new == RC_NULL ? 0 : (uint64_t) new) -
                                  (old == RC_NULL ? 0 : (uint64_t)old));
        if (entry->sum[i] > entry->shown[i])
            entry->shown[i] = entry->sum[i];
    }
}

static void place_record(struct sink_table *table, struct table_entry *entry,
                         const struct rc_record *rec)
{
    struct rc_record **place = place_of(entry, rec);
    if (!place)
        return;
    struct rc_record *before = *place && (*place)->start_ms == rec->start_ms ? *place : NULL;
    if (rec->window == table->base)
        count(entry, before, rec);
    struct rc_record *copy = realloc(*place, rec->size);
    if (!copy)
        return;
    entry->records += !*place;
    memcpy(copy, rec, rec->size);
    *place = copy;
}

/* Its life is over; a key without a record is no key. */
static void remove_record(struct sink_table *table, struct table_entry **at,
                          const struct rc_record *rec)
{
    struct table_entry *entry = *at;
    struct rc_record **place = entry->current[rec->window];
    for (int i = 0; i < 2; i++) {
        if (!place[i] || (rec->kind == RC_KIND_INTERVAL && place[i]->start_ms != rec->start_ms))
            continue;
        free(place[i]);
        place[i] = NULL;
        entry->records--;
    }
    if (!place[0]) {
        place[0] = place[1];
        place[1] = NULL;
    }
    if (entry->records)
        return;
    *at = entry->next;
    entry_free(entry);
    table->entry_count--;
    table->is_sorted = false;
}

void sink_table_put(struct sink_table *table, const struct rc_record *rec)
{
    if (rec->topic != RC_TOPIC_METRICS)
        return;
    if (!table->begun)
        pthread_mutex_lock(&table->lock);
    uint64_t hash = hash_of(table, rec);
    struct table_entry **at = find(table, rec, hash);
    if (rec->tombstone) {
        if (*at)
            remove_record(table, at, rec);
    } else {
        struct table_entry *entry = *at ? *at : add(table, rec, hash);
        if (entry)
            place_record(table, entry, rec);
    }
    if (!table->begun)
        pthread_mutex_unlock(&table->lock);
}

struct table_entry *table_entry_of(struct sink_table *table, const struct rc_record *rec)
{
    return *find(table, rec, hash_of(table, rec));
}

void sink_table_begin(struct sink_table *table)
{
    RC_CHECK(!table->begun);
    pthread_mutex_lock(&table->lock);
    table->begun = true;
}

void sink_table_end(struct sink_table *table, int64_t now_ms)
{
    RC_CHECK(table->begun);
    table->begun = false;
    table->now_ms = now_ms;
    pthread_mutex_unlock(&table->lock);
}

/* ---- readers ---- */

static int compare_entries(const void *left, const void *right)
{
    const struct table_entry *a = *(const struct table_entry *const *)left;
    const struct table_entry *b = *(const struct table_entry *const *)right;
    return record_compare_key(a->key, b->key);
}

bool table_sort(struct sink_table *table)
{
    if (table->is_sorted)
        return true;
    if (table->entry_count > table->sorted_room) {
        uint64_t room = table->entry_count * 2;
        struct table_entry **sorted = realloc(table->sorted, room * sizeof(struct table_entry *));
        if (!sorted)
            return false;
        table->sorted = sorted;
        table->sorted_room = room;
    }
    uint64_t count_of = 0;
    for (uint64_t i = 0; i < table->bucket_count; i++)
        for (struct table_entry *entry = table->bucket[i]; entry; entry = entry->next)
            table->sorted[count_of++] = entry;
    RC_CHECK(count_of == table->entry_count);
    if (count_of)
        qsort(table->sorted, count_of, sizeof(struct table_entry *), compare_entries);
    table->is_sorted = true;
    return true;
}

void table_each_key(struct sink_table *table,
                    bool (*each)(void *opaque, const struct table_view *view), void *opaque)
{
    pthread_mutex_lock(&table->lock);
    bool more = table_sort(table);
    for (uint64_t i = 0; more && i < table->entry_count; i++) {
        struct table_entry *entry = table->sorted[i];
        struct table_view view = {entry->key, (const struct rc_record *(*)[2])entry->current,
                                  table->base == UINT32_MAX ? NULL : entry->shown};
        more = each(opaque, &view);
    }
    pthread_mutex_unlock(&table->lock);
}

struct each_record {
    bool (*each)(void *opaque, const struct rc_record *rec);
    void *opaque;
    uint32_t window_count;
};

static bool each_of_key(void *opaque, const struct table_view *view)
{
    const struct each_record *to = opaque;
    for (uint32_t i = 0; i < to->window_count; i++)
        for (int j = 1; j >= 0; j--) /* by start */
            if (view->current[i][j] && !to->each(to->opaque, view->current[i][j]))
                return false;
    return true;
}

void sink_table_each(struct sink_table *table,
                     bool (*each)(void *opaque, const struct rc_record *rec), void *opaque)
{
    struct each_record to = {each, opaque,
                             table->windows->rolling_count + table->windows->interval_count};
    table_each_key(table, each_of_key, &to);
}

int64_t sink_table_now(struct sink_table *table)
{
    pthread_mutex_lock(&table->lock);
    int64_t now_ms = table->now_ms;
    pthread_mutex_unlock(&table->lock);
    return now_ms;
}

/* ---- life ---- */

enum rc_error sink_table_open(const struct rc_windows *windows, struct sink_table **ret_table)
{
    struct sink_table *table = calloc(1, sizeof *table);
    if (!table)
        return RC_ERR_MEMORY;
    table->windows = windows;
    table->now_ms = RC_TIME_NONE;
    table->bucket_count = 1024;
    table->bucket = calloc(table->bucket_count, sizeof(struct table_entry *));
    if (!table->bucket) {
        free(table);
        return RC_ERR_MEMORY;
    }
    if (getrandom(&table->seed, sizeof table->seed, 0) < 0)
        table->seed = 0xcbf29ce484222325u;
    table->base = UINT32_MAX;
    for (uint32_t i = 0; i < windows->interval_count; i++)
        if (table->base == UINT32_MAX ||
            windows->interval[i].kind <
                windows->interval[table->base - windows->rolling_count].kind)
            table->base = windows->rolling_count + i;
    pthread_mutex_init(&table->lock, NULL);
    *ret_table = table;
    return RC_OK;
}

void sink_table_close(struct sink_table *table)
{
    if (!table)
        return;
    for (uint64_t i = 0; i < table->bucket_count; i++) {
        struct table_entry *entry, *next;
        for (entry = table->bucket[i]; entry; entry = next) {
            next = entry->next;
            entry_free(entry);
        }
    }
    pthread_mutex_destroy(&table->lock);
    free(table->bucket);
    free(table->sorted);
    free(table);
}
