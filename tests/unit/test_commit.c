#include "sink_fixture.h"
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdio.h>

enum { SHARDS = 3, RING = 1 << 14, LOG_ROOM = 1 << 20 };

/* Rings, a commit thread, and an output that writes down what it gets. */
struct bench {
    struct rc_ring shard[SHARDS], ingest;
    struct rc_ring *ring[SHARDS];
    struct rc_park shard_park[SHARDS], ingest_park, self;
    struct rc_park *park[SHARDS];
    struct sink_commit *commit;
    pthread_t thread;
    enum rc_error result;
    uint64_t fail_at, seen, published;
    long epoch_ms; /* how long the output takes */
    size_t used;
    char log[LOG_ROOM];
};

static void note(struct bench *bench, const char *format, long long a, const char *text,
                 int text_size)
{
    bench->used += (size_t)snprintf(bench->log + bench->used, LOG_ROOM - bench->used, format, a,
                                    text_size, text);
}

static enum rc_error take_record(void *self, struct rc_record *rec)
{
    struct bench *bench = self;
    if (bench->fail_at && ++bench->seen == bench->fail_at)
        return RC_ERR_IO;
    note(bench, "%lld:%.*s ", rec->as_of_ms, rec->text, rec->client_size);
    return RC_OK;
}

static enum rc_error take_dead(void *self, const struct rc_dead_letter *dead)
{
    note(self, "dead%lld:%.*s ", dead->offset, dead->reason, 148);
    return RC_OK;
}

static enum rc_error take_epoch(void *self, const struct sink_epoch *epoch)
{
    struct timespec pause = {.tv_nsec = ((struct bench *)self)->epoch_ms * 1000000};
    nanosleep(&pause, NULL);
    note(self, "[%lld]%.*s ", (long long)epoch->epoch, "", 0);
    return RC_OK;
}

static void published(void *opaque, const struct sink_epoch *epoch)
{
    ((struct bench *)opaque)->published = epoch->epoch;
}

static void *run(void *opaque)
{
    struct bench *bench = opaque;
    bench->result = sink_commit_run(bench->commit);
    return NULL;
}

static void open_ring(struct rc_ring *ring)
{
    rc_ring_init(ring, aligned_alloc(64, RING), RING, 0);
}

static struct bench *bench_open(struct sink_table *table)
{
    struct bench *bench = aligned_alloc(64, (sizeof *bench + 63) & ~63ul);
    memset(bench, 0, sizeof *bench);
    for (int i = 0; i < SHARDS; i++) {
        open_ring(&bench->shard[i]);
        bench->ring[i] = &bench->shard[i];
        bench->park[i] = &bench->shard_park[i];
    }
    open_ring(&bench->ingest);
    struct sink_commit_options options = {.shard_count = SHARDS,
                                          .ring = bench->ring,
                                          .ingest_ring = &bench->ingest,
                                          .self = &bench->self,
                                          .park = bench->park,
                                          .ingest_park = &bench->ingest_park,
                                          .output = {.self = bench,
                                                     .record = take_record,
                                                     .dead_letter = take_dead,
                                                     .epoch = take_epoch},
                                          .table = table,
                                          .published = published,
                                          .opaque = bench};
    cr_assert_eq(sink_commit_open(&options, &bench->commit), RC_OK);
    return bench;
}

static void bench_start(struct bench *bench)
{
    pthread_create(&bench->thread, NULL, run, bench);
}

static enum rc_error bench_join(struct bench *bench)
{
    pthread_join(bench->thread, NULL);
    return bench->result;
}

static void bench_close(struct bench *bench)
{
    sink_commit_close(bench->commit);
    for (int i = 0; i < SHARDS; i++)
        free(bench->shard[i].bytes);
    free(bench->ingest.bytes);
    free(bench);
}

static void send(struct bench *bench, struct rc_ring *ring, struct rc_park *park, uint32_t kind,
                 const void *bytes, uint32_t size)
{
    void *message;
    while (rc_ring_reserve(ring, size, kind, &message)) {
        rc_park_wake(&bench->self);
        uint32_t ticket = rc_park_ticket(park);
        rc_park_sleep(park, ticket, 1);
    }
    memcpy(message, bytes, size);
    rc_ring_commit(ring);
    rc_park_wake(&bench->self);
}

static void send_record(struct bench *bench, int shard, const char *client, int64_t as_of_ms)
{
    struct rc_record *rec = fixture_record(client, "q", 0, 0, as_of_ms);
    send(bench, &bench->shard[shard], &bench->shard_park[shard], RC_MESSAGE_RECORD, rec, rec->size);
    free(rec);
}

/* shard -1: ingest */
static void send_dead(struct bench *bench, int shard, uint32_t source, int64_t line,
                      const char *reason)
{
    struct rc_dead_letter *dead = fixture_dead(source, line, reason, "x", 1);
    send(bench, shard < 0 ? &bench->ingest : &bench->shard[shard],
         shard < 0 ? &bench->ingest_park : &bench->shard_park[shard], RC_MESSAGE_DEAD_LETTER, dead,
         dead->size);
    free(dead);
}

static void send_end(struct bench *bench, int shard, uint64_t epoch)
{
    struct rc_end end = {.epoch = epoch,
                         .now_ms = (int64_t)epoch * 10,
                         .from = shard < 0 ? UINT32_MAX : (uint32_t)shard};
    send(bench, shard < 0 ? &bench->ingest : &bench->shard[shard],
         shard < 0 ? &bench->ingest_park : &bench->shard_park[shard], RC_MESSAGE_END, &end,
         sizeof end);
}

static void send_ends(struct bench *bench, uint64_t epoch)
{
    for (int shard = -1; shard < SHARDS; shard++)
        send_end(bench, shard, epoch);
}

Test(commit, records_of_all_shards_come_out_in_canonical_order)
{
    struct bench *bench = bench_open(NULL);
    send_record(bench, 0, "b", 1);
    send_record(bench, 0, "b", 3);
    send_record(bench, 1, "a", 1);
    send_record(bench, 1, "a", 2);
    send_record(bench, 2, "c", 2);
    send_ends(bench, 1);
    send_record(bench, 2, "c", 4);
    send_ends(bench, 2);
    send_end(bench, -1, UINT64_MAX);
    bench_start(bench);
    cr_assert_eq(bench_join(bench), RC_OK);
    cr_assert_str_eq(bench->log, "1:a 1:b 2:a 2:c 3:b [1] 4:c [2] ");
    cr_assert_eq(bench->published, 2);
    cr_assert_eq(rc_counter_read(&sink_commit_stats(bench->commit)->records), 6);
    bench_close(bench);
}

Test(commit, says_which_epoch_was_published_when_and_how_long_that_took)
{
    struct bench *bench = bench_open(NULL);
    const struct sink_commit_stats *stats = sink_commit_stats(bench->commit);
    struct timespec now;
    cr_assert_eq(rc_counter_read(&stats->published_ms), 0, "none yet");
    bench->epoch_ms = 30;
    send_ends(bench, 4);
    send_end(bench, -1, UINT64_MAX);
    bench_start(bench);
    cr_assert_eq(bench_join(bench), RC_OK);
    clock_gettime(CLOCK_MONOTONIC, &now);
    int64_t age_ms =
        now.tv_sec * 1000 + now.tv_nsec / 1000000 - (int64_t)rc_counter_read(&stats->published_ms);
    cr_assert(age_ms >= 0 && age_ms < 60000, "%lld ms ago", (long long)age_ms);
    cr_assert_eq(rc_counter_read(&stats->epoch), 4);
    cr_assert_geq(rc_counter_read(&stats->commit_us), 30000);
    uint64_t all = 0;
    for (int i = 0; i <= SINK_COMMIT_BUCKETS; i++) {
        all += rc_counter_read(&stats->commit_bucket[i]);
        if (i < SINK_COMMIT_BUCKETS && sink_commit_bucket_ms[i] < 30)
            cr_assert_eq(all, 0, "30 ms do not fit a bucket of %u", sink_commit_bucket_ms[i]);
    }
    cr_assert_eq(all, 1);
    bench_close(bench);
}

Test(commit, dead_letters_stand_at_the_end_of_their_epoch_by_source_and_line)
{
    struct bench *bench = bench_open(NULL);
    send_dead(bench, -1, 1, 2, "not_json");
    send_dead(bench, -1, 0, 7, "not_json");
    send_dead(bench, 0, 0, 9, "expired");
    send_record(bench, 0, "a", 1);
    send_dead(bench, 2, 0, 3, "expired");
    send_ends(bench, 5);
    send_end(bench, -1, UINT64_MAX);
    bench_start(bench);
    cr_assert_eq(bench_join(bench), RC_OK);
    cr_assert_str_eq(bench->log,
                     "1:a dead3:expired dead7:not_json dead9:expired dead2:not_json [5] ");
    bench_close(bench);
}

static void add_reason(void *opaque, const char *reason, uint64_t count)
{
    char *text = opaque;
    snprintf(text + strlen(text), 200, "%s=%d ", reason, (int)count);
}

Test(commit, dead_letters_are_counted_by_reason)
{
    struct bench *bench = bench_open(NULL);
    char text[256] = "";
    send_dead(bench, -1, 0, 1, "not_json");
    send_dead(bench, -1, 0, 2, "invalid:time");
    send_dead(bench, 1, 0, 3, "not_json");
    send_ends(bench, 1);
    send_end(bench, -1, UINT64_MAX);
    bench_start(bench);
    bench_join(bench);
    sink_commit_reasons(bench->commit, add_reason, text);
    cr_assert_str_eq(text, "invalid:time=1 not_json=2 ");
    bench_close(bench);
}

static void count_reasons(void *opaque, const char *reason, uint64_t count)
{
    uint64_t *sums = opaque;
    sums[0]++;
    sums[1] += count;
    if (!strcmp(reason, "other"))
        sums[2] = count;
}

Test(commit, reasons_made_up_by_the_input_end_up_as_other)
{
    struct bench *bench = bench_open(NULL);
    uint64_t sums[3] = {0};
    bench_start(bench);
    for (int i = 0; i < 1000; i++) {
        char reason[32];
        snprintf(reason, sizeof reason, "invalid:%d", i);
        send_dead(bench, -1, 0, i, reason);
    }
    send_ends(bench, 1);
    send_end(bench, -1, UINT64_MAX);
    bench_join(bench);
    sink_commit_reasons(bench->commit, count_reasons, sums);
    cr_assert_eq(sums[0], 256);
    cr_assert_eq(sums[1], 1000);
    cr_assert_eq(sums[2], 745);
    bench_close(bench);
}

/* ---- far more than a ring holds ---- */

struct sender {
    struct bench *bench;
    int shard;
    pthread_t thread;
};
enum { EPOCHS = 4, EACH = 500 };

static void *send_much(void *opaque)
{
    struct sender *sender = opaque;
    char client[2] = {(char)('a' + sender->shard), 0};
    for (uint64_t epoch = 1; epoch <= EPOCHS; epoch++) {
        for (int i = 0; i < EACH; i++) {
            if (sender->shard < 0)
                send_dead(sender->bench, -1, 0, i, "not_json");
            else
                send_record(sender->bench, sender->shard, client, (int64_t)epoch * EACH + i);
        }
        send_end(sender->bench, sender->shard, epoch);
    }
    if (sender->shard < 0)
        send_end(sender->bench, -1, UINT64_MAX);
    return NULL;
}

Test(commit, an_epoch_may_be_far_larger_than_the_rings, .timeout = 60)
{
    struct bench *bench = bench_open(NULL);
    struct sender sender[SHARDS + 1];
    bench_start(bench);
    for (int i = 0; i <= SHARDS; i++) {
        sender[i] = (struct sender){.bench = bench, .shard = i - 1};
        pthread_create(&sender[i].thread, NULL, send_much, &sender[i]);
    }
    for (int i = 0; i <= SHARDS; i++)
        pthread_join(sender[i].thread, NULL);
    cr_assert_eq(bench_join(bench), RC_OK);
    char *expected = malloc(LOG_ROOM);
    size_t used = 0;
    for (int epoch = 1; epoch <= EPOCHS; epoch++) {
        for (int i = 0; i < EACH; i++)
            used += (size_t)snprintf(expected + used, LOG_ROOM - used, "%d:a %d:b %d:c ",
                                     epoch * EACH + i, epoch * EACH + i, epoch * EACH + i);
        for (int i = 0; i < EACH; i++)
            used += (size_t)snprintf(expected + used, LOG_ROOM - used, "dead%d:not_json ", i);
        used += (size_t)snprintf(expected + used, LOG_ROOM - used, "[%d] ", epoch);
    }
    cr_assert(!strcmp(bench->log, expected));
    free(expected);
    bench_close(bench);
}

Test(commit, what_the_output_refuses_ends_the_run_with_its_error)
{
    struct bench *bench = bench_open(NULL);
    bench->fail_at = 2;
    send_record(bench, 0, "a", 1);
    send_record(bench, 0, "a", 2);
    send_ends(bench, 1);
    bench_start(bench);
    cr_assert_eq(bench_join(bench), RC_ERR_IO);
    cr_assert_eq(bench->published, 0);
    bench_close(bench);
}

static bool count_records(void *opaque, const struct rc_record *rec)
{
    (void)rec;
    ++*(int *)opaque;
    return true;
}

Test(commit, the_table_gets_the_records_of_a_complete_epoch)
{
    struct sink_table *table;
    int count = 0;
    cr_assert_eq(sink_table_open(&fixture_config()->windows, &table), RC_OK);
    struct bench *bench = bench_open(table);
    send_record(bench, 0, "a", 1);
    send_record(bench, 1, "b", 1);
    send_ends(bench, 3);
    send_end(bench, -1, UINT64_MAX);
    bench_start(bench);
    bench_join(bench);
    sink_table_each(table, count_records, &count);
    cr_assert_eq(count, 2);
    cr_assert_eq(sink_table_now(table), 30);
    bench_close(bench);
    sink_table_close(table);
}
