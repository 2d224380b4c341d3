/* The commit thread. Every shard hands over an epoch's records in canonical order and then its end
 * of the epoch, so one k-way merge over the rings, holding no more than the head of each, gives the
 * canonical order of all. Dead letters come in between, and from ingest; they are few, are kept
 * until the epoch's end, sorted by source and offset, and written then.
 *
 * No ring waits for another for ever: ingest puts the mark of an epoch into all rings before an
 * event of the next, and its own ring is drained whenever this thread waits for a shard. */
#include "record_text.h"
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum { REASONS_MAX = 256, WAKE_EVERY = 64, SLEEP_MS = 1000 };

const uint32_t sink_commit_bucket_ms[SINK_COMMIT_BUCKETS] = {5,   10,   25,   50,   100,  250,
                                                             500, 1000, 2500, 5000, 10000};

/* Copies of messages, one after the other; memory is kept for the next epoch. */
struct arena {
    char *bytes;
    uint64_t used, room;
};

struct head {
    struct rc_record *rec; /* lent by the ring; NULL: to be fetched */
    bool ended;            /* its end of this epoch is there */
    uint32_t released;     /* messages given back since its last wake-up */
};

struct reason {
    char text[sizeof((struct rc_dead_letter *)0)->reason];
    uint64_t count;
};

struct sink_commit {
    struct sink_commit_options options;
    struct sink_commit_stats stats;
    uint64_t epoch; /* the one being gathered, once an end of it is there */
    bool epoch_known, ingest_ended, input_over;
    int64_t now_ms;
    struct head *head;
    uint32_t *heap; /* shards with a head, the smallest record first */
    uint32_t heap_count;
    struct arena dead, shown, cut; /* of this epoch: dead letters; records for the table; its cut */
    const struct rc_dead_letter **dead_list;
    uint64_t dead_count, dead_room;
    pthread_mutex_t reasons_lock;
    struct reason *reason; /* sorted; under reasons_lock */
    uint32_t reason_count;
};

static enum rc_error arena_put(struct arena *arena, const void *message, uint32_t size)
{
    uint64_t need = arena->used + ((size + 7u) & ~7u);
    if (need > arena->room) {
        uint64_t room = arena->room ? arena->room : 1 << 16;
        while (room < need)
            room *= 2;
        char *bytes = realloc(arena->bytes, room);
        if (!bytes)
            return RC_ERR_MEMORY;
        arena->bytes = bytes;
        arena->room = room;
    }
    memcpy(arena->bytes + arena->used, message, size);
    arena->used = need;
    return RC_OK;
}

/* ---- dead letters ---- */

/* Reasons may name a key of the input, so their number has a limit; the rest are "other". */
static void count_reason(struct sink_commit *commit, const char *text)
{
    uint32_t low = 0, high = commit->reason_count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        int order = strcmp(commit->reason[middle].text, text);
        if (order == 0) {
            commit->reason[middle].count++;
            return;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (commit->reason_count >= REASONS_MAX - 1 && strcmp(text, "other") != 0) {
        count_reason(commit, "other");
        return;
    }
    struct reason *at = commit->reason + low;
    memmove(at + 1, at, (commit->reason_count - low) * sizeof *at);
    memset(at, 0, sizeof *at);
    memcpy(at->text, text, strnlen(text, sizeof at->text - 1));
    at->count = 1;
    commit->reason_count++;
}

static enum rc_error keep_dead_letter(struct sink_commit *commit, const void *message,
                                      uint32_t size)
{
    const struct rc_dead_letter *dead = message;
    char plain[sizeof dead->reason] = "";
    memcpy(plain, dead->reason, strnlen(dead->reason, sizeof plain - 1));
    for (char *at = plain; *at; at++) /* a key may be cut in the middle of a character */
        if (*at < 0x20 || *at == 0x7f)
            *at = '?';
    pthread_mutex_lock(&commit->reasons_lock);
    count_reason(commit, plain);
    pthread_mutex_unlock(&commit->reasons_lock);
    rc_count(&commit->stats.dead_letters, 1);
    commit->dead_count++;
    return arena_put(&commit->dead, message, size);
}

static int compare_dead(const void *left, const void *right)
{
    const struct rc_dead_letter *a = *(const struct rc_dead_letter *const *)left;
    const struct rc_dead_letter *b = *(const struct rc_dead_letter *const *)right;
    if (a->source != b->source)
        return a->source < b->source ? -1 : 1;
    if (a->offset != b->offset)
        return a->offset < b->offset ? -1 : 1;
    return strcmp(a->reason, b->reason);
}

static enum rc_error write_dead_letters(struct sink_commit *commit)
{
    if (commit->dead_count > commit->dead_room) {
        uint64_t room = commit->dead_count * 2;
        void *list = realloc(commit->dead_list, room * sizeof *commit->dead_list);
        if (!list)
            return RC_ERR_MEMORY;
        commit->dead_list = list;
        commit->dead_room = room;
    }
    uint64_t count = 0;
    for (uint64_t at = 0; at < commit->dead.used;) {
        const struct rc_dead_letter *dead = (const void *)(commit->dead.bytes + at);
        commit->dead_list[count++] = dead;
        at += (dead->size + 7u) & ~7u;
    }
    RC_CHECK(count == commit->dead_count);
    if (count)
        qsort(commit->dead_list, count, sizeof *commit->dead_list, compare_dead);
    enum rc_error err = RC_OK;
    const struct sink_output *output = &commit->options.output;
    for (uint64_t i = 0; i < count && !err; i++)
        err = output->dead_letter(output->self, commit->dead_list[i]);
    commit->dead.used = 0;
    commit->dead_count = 0;
    return err;
}

/* ---- gathering ---- */

static void note_end(struct sink_commit *commit, const struct rc_end *end)
{
    if (!commit->epoch_known) {
        commit->epoch_known = true;
        commit->epoch = end->epoch;
        commit->now_ms = end->now_ms;
    }
    RC_CHECK(end->epoch == commit->epoch);
}

/* Takes what ingest has sent, up to its end of this epoch. */
static enum rc_error drain_ingest(struct sink_commit *commit, bool *ret_any)
{
    struct rc_ring *ring = commit->options.ingest_ring;
    enum rc_error err = RC_OK;
    bool any = false;
    while (!err && !commit->ingest_ended && !commit->input_over) {
        void *message;
        uint32_t size, kind;
        if (rc_ring_peek(ring, &message, &size, &kind))
            break;
        any = true;
        if (kind == RC_MESSAGE_DEAD_LETTER) {
            err = keep_dead_letter(commit, message, size);
        } else if (kind == RC_MESSAGE_CUT) {
            err = arena_put(&commit->cut, message, size);
        } else {
            RC_CHECK(kind == RC_MESSAGE_END);
            const struct rc_end *end = message;
            if (end->epoch == UINT64_MAX) {
                commit->input_over = true;
            } else {
                commit->ingest_ended = true;
                note_end(commit, end);
            }
        }
    }
    if (any) {
        rc_ring_release(ring);
        rc_park_wake(commit->options.ingest_park);
        *ret_any = true;
    }
    return err;
}

static void give_back(struct sink_commit *commit, uint32_t shard, bool wake)
{
    struct head *head = &commit->head[shard];
    rc_ring_release(commit->options.ring[shard]);
    if (++head->released >= WAKE_EVERY || wake) {
        head->released = 0;
        rc_park_wake(commit->options.park[shard]);
    }
}

/* Looks for the shard's next record or end. AGAIN: nothing there yet. */
static enum rc_error look(struct sink_commit *commit, uint32_t shard)
{
    struct head *head = &commit->head[shard];
    for (;;) {
        void *message;
        uint32_t size, kind;
        if (rc_ring_peek(commit->options.ring[shard], &message, &size, &kind))
            return RC_ERR_AGAIN;
        if (kind == RC_MESSAGE_RECORD) {
            head->rec = message;
            return RC_OK;
        }
        if (kind == RC_MESSAGE_DEAD_LETTER) {
            enum rc_error err = keep_dead_letter(commit, message, size);
            if (err)
                return err;
            give_back(commit, shard, false);
            continue;
        }
        RC_CHECK(kind == RC_MESSAGE_END);
        note_end(commit, message);
        head->ended = true;
        give_back(commit, shard, true);
        return RC_OK;
    }
}

/* What had been given back without a wake-up must not keep a shard asleep while this one sleeps. */
static void wake_all(struct sink_commit *commit)
{
    for (uint32_t i = 0; i < commit->options.shard_count; i++) {
        if (commit->head[i].released == 0)
            continue;
        commit->head[i].released = 0;
        rc_park_wake(commit->options.park[i]);
    }
}

static enum rc_error look_all(struct sink_commit *commit, uint32_t shard, bool *ret_any)
{
    enum rc_error err = drain_ingest(commit, ret_any);
    if (err || shard == UINT32_MAX)
        return err;
    err = look(commit, shard);
    if (err == RC_ERR_AGAIN)
        return RC_OK;
    *ret_any = true;
    return err;
}

/* Waits until the shard (UINT32_MAX: none) or ingest has something new. */
static enum rc_error wait_for(struct sink_commit *commit, uint32_t shard)
{
    bool any = false;
    enum rc_error err = look_all(commit, shard, &any);
    if (err || any)
        return err;
    wake_all(commit);
    struct rc_park *self = commit->options.self;
    uint32_t ticket = rc_park_ticket(self);
    err = look_all(commit, shard, &any);
    if (err || any)
        rc_park_cancel(self);
    else
        rc_park_sleep(self, ticket, SLEEP_MS);
    return err;
}

/* ---- the merge ---- */

static bool before(const struct sink_commit *commit, uint32_t a, uint32_t b)
{
    int order = sink_record_compare(commit->head[a].rec, commit->head[b].rec);
    return order ? order < 0 : a < b;
}

static void heap_down(struct sink_commit *commit, uint32_t at)
{
    uint32_t *heap = commit->heap;
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= commit->heap_count)
            return;
        if (child + 1 < commit->heap_count && before(commit, heap[child + 1], heap[child]))
            child++;
        if (!before(commit, heap[child], heap[at]))
            return;
        uint32_t shard = heap[at];
        heap[at] = heap[child];
        heap[child] = shard;
        at = child;
    }
}

static enum rc_error write_record(struct sink_commit *commit, struct rc_record *rec)
{
    const struct sink_output *output = &commit->options.output;
    struct sink_commit_stats *stats = &commit->stats;
    bool counts = !rec->tombstone;
    rc_count(&stats->records, counts);
    rc_count(rec->topic == RC_TOPIC_CONTACTS ? &stats->records_contacts
             : rec->kind == RC_KIND_ROLLING  ? &stats->records_rolling
                                             : &stats->records_interval,
             counts);
    rc_count(&stats->restated, counts && rec->status == RC_RESTATED);
    rc_count(&stats->bytes, rec->size);
    enum rc_error err = output->record(output->self, rec);
    if (!err && commit->options.table && rec->topic != RC_TOPIC_CONTACTS)
        err = arena_put(&commit->shown, rec, rec->size);
    return err;
}

/* Waits for the first record, or the end, of every shard. END: the input is over. */
static enum rc_error merge_begin(struct sink_commit *commit)
{
    commit->heap_count = 0;
    for (uint32_t i = 0; i < commit->options.shard_count; i++) {
        struct head *head = &commit->head[i];
        while (!head->rec && !head->ended) {
            enum rc_error err = wait_for(commit, i);
            if (err)
                return err;
            if (commit->input_over && !head->rec && !head->ended && look(commit, i))
                return RC_ERR_END;
        }
        if (head->rec)
            commit->heap[commit->heap_count++] = i;
    }
    for (uint32_t i = commit->heap_count / 2; i-- > 0;)
        heap_down(commit, i);
    return RC_OK;
}

static enum rc_error merge(struct sink_commit *commit)
{
    while (commit->heap_count) {
        uint32_t shard = commit->heap[0];
        struct head *head = &commit->head[shard];
        enum rc_error err = write_record(commit, head->rec);
        if (err)
            return err;
        head->rec = NULL;
        give_back(commit, shard, false);
        while (!head->rec && !head->ended)
            if ((err = wait_for(commit, shard)))
                return err;
        if (head->ended)
            commit->heap[0] = commit->heap[--commit->heap_count];
        heap_down(commit, 0);
    }
    return RC_OK;
}

static void show(struct sink_commit *commit)
{
    struct sink_table *table = commit->options.table;
    if (!table)
        return;
    sink_table_begin(table);
    for (uint64_t at = 0; at < commit->shown.used;) {
        const struct rc_record *rec = (const void *)(commit->shown.bytes + at);
        sink_table_put(table, rec);
        at += (rec->size + 7u) & ~7u;
    }
    sink_table_end(table, commit->now_ms);
    commit->shown.used = 0;
}

static int64_t clock_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* The epoch began to come at begin_us, and was given to the output at given_us. */
static void note_published(struct sink_commit *commit, int64_t begin_us, int64_t given_us)
{
    struct sink_commit_stats *stats = &commit->stats;
    int64_t now_us = clock_us();
    uint64_t took_us = (uint64_t)(now_us - given_us), all_ms = (uint64_t)(now_us - begin_us) / 1000;
    uint32_t bucket = 0;
    while (bucket < SINK_COMMIT_BUCKETS && took_us > 1000ull * sink_commit_bucket_ms[bucket])
        bucket++;
    rc_count(&stats->commit_bucket[bucket], 1);
    rc_count(&stats->commit_us, took_us);
    rc_count(&stats->epochs, 1);
    if (all_ms > rc_counter_read(&stats->commit_ms_max))
        rc_gauge_set(&stats->commit_ms_max, all_ms);
    rc_gauge_set(&stats->epoch, commit->epoch);
    rc_gauge_set(&stats->published_ms, (uint64_t)(now_us / 1000));
}

/* END: there is no further epoch. */
static enum rc_error one_epoch(struct sink_commit *commit)
{
    commit->epoch_known = commit->ingest_ended = false;
    for (uint32_t i = 0; i < commit->options.shard_count; i++)
        commit->head[i].ended = false;
    enum rc_error err = merge_begin(commit);
    int64_t begin_us = clock_us();
    if (!err)
        err = merge(commit);
    while (!err && !commit->ingest_ended && !commit->input_over)
        err = wait_for(commit, UINT32_MAX);
    if (!err || err == RC_ERR_END) {
        enum rc_error written = write_dead_letters(commit);
        if (written)
            err = written;
    }
    if (err)
        return err;
    const struct sink_output *output = &commit->options.output;
    const struct sink_epoch epoch = {.epoch = commit->epoch,
                                     .now_ms = commit->now_ms,
                                     .cut = commit->cut.used ? (void *)commit->cut.bytes : NULL};
    int64_t given_us = clock_us();
    err = output->epoch(output->self, &epoch);
    if (err)
        return err;
    note_published(commit, begin_us, given_us);
    show(commit);
    if (commit->options.published)
        commit->options.published(commit->options.opaque, &epoch);
    commit->cut.used = 0;
    return RC_OK;
}

enum rc_error sink_commit_run(struct sink_commit *commit)
{
    enum rc_error err;
    while (!(err = one_epoch(commit)))
        ;
    return err == RC_ERR_END && commit->input_over ? RC_OK : err;
}

/* ---- life ---- */

enum rc_error sink_commit_open(const struct sink_commit_options *options,
                               struct sink_commit **ret_commit)
{
    RC_CHECK(options->shard_count > 0);
    struct sink_commit *commit = calloc(1, sizeof *commit);
    if (!commit)
        return RC_ERR_MEMORY;
    commit->options = *options;
    pthread_mutex_init(&commit->reasons_lock, NULL);
    commit->head = calloc(options->shard_count, sizeof *commit->head);
    commit->heap = calloc(options->shard_count, sizeof *commit->heap);
    commit->reason = calloc(REASONS_MAX, sizeof *commit->reason);
    if (!commit->head || !commit->heap || !commit->reason) {
        sink_commit_close(commit);
        return RC_ERR_MEMORY;
    }
    *ret_commit = commit;
    return RC_OK;
}

const struct sink_commit_stats *sink_commit_stats(const struct sink_commit *commit)
{
    return &commit->stats;
}

void sink_commit_reasons(const struct sink_commit *commit,
                         void (*each)(void *opaque, const char *reason, uint64_t count),
                         void *opaque)
{
    pthread_mutex_t *lock = (pthread_mutex_t *)&commit->reasons_lock;
    pthread_mutex_lock(lock);
    for (uint32_t i = 0; i < commit->reason_count; i++)
        each(opaque, commit->reason[i].text, commit->reason[i].count);
    pthread_mutex_unlock(lock);
}

void sink_commit_close(struct sink_commit *commit)
{
    if (!commit)
        return;
    pthread_mutex_destroy(&commit->reasons_lock);
    free(commit->dead.bytes);
    free(commit->shown.bytes);
    free(commit->cut.bytes);
    free(commit->dead_list);
    free(commit->head);
    free(commit->heap);
    free(commit->reason);
    free(commit);
}
