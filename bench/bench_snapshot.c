/* What it costs to save and to restore the state of many customers, each with an episode of one
 * call that is forgotten, and of contacts that are open: milliseconds in one thread, and bytes,
 * beside memcpy of the same bytes.
 *
 *   bench_snapshot [CUSTOMERS [CONTACTS [RUNS]]]     10000000 1000000 3 */
#include "bench_load.h"
#include "config_load.h"
#include "state.h"
#include <inttypes.h>
#include <sys/mman.h>

enum {
    TASKS = 16, /* with one client each */
    STEP = 8192,
    QUEUES = 5,
    HOUR_MS = 3600000,
    DAY_MS = 24 * HOUR_MS,
    TALK_MS = 60000,
    RUNS_MAX = 20
};
static const int64_t from_ms = INT64_C(1767571200000);

static void drop(void *opaque, enum rc_message kind, const void *message, uint32_t size)
{
    (void)opaque, (void)kind, (void)message, (void)size;
}

/* ---- the state ---- */

union call_event {
    struct rc_event ev;
    char room[sizeof(struct rc_event) + 128];
};

static uint64_t scattered(uint64_t number)
{
    number = (number + 1) * 0x9e3779b97f4a7c15ull;
    return number ^ number >> 29;
}

static const struct rc_event *call_event(union call_event *event, uint64_t call, uint8_t type,
                                         int64_t time_ms)
{
    struct rc_event *ev = &event->ev;
    memset(event, 0, sizeof *event);
    ev->task = (uint32_t)(call % TASKS);
    ev->client_size = (uint8_t)snprintf(ev->text, 10, "client-%02u", ev->task);
    ev->queue_size =
        (uint8_t)snprintf(ev->text + 9, 3, "q%c", (char)('0' + scattered(call) % QUEUES));
    ev->contact_size = (uint8_t)snprintf(ev->text + 11, 37, "%036" PRIx64, call);
    ev->size = (uint32_t)(sizeof *ev + ((rc_event_text_size(ev) + 7u) & ~7u));
    ev->time_ms = time_ms;
    ev->now_ms = RC_TIME_NONE;
    ev->contact_hash = scattered(call);
    ev->customer = (struct rc_id128){scattered(call ^ 0x5555), scattered(~call)};
    ev->flags = RC_EVENT_CUSTOMER;
    ev->type = type;
    return ev;
}

static void mark(struct agg *agg, int64_t now_ms)
{
    struct rc_mark cut = {.now_ms = now_ms, .wall_ms = RC_TIME_NONE};
    agg_mark(agg, &cut);
}

static int64_t take_calls(struct agg *agg, uint64_t customers, uint64_t contacts)
{
    static const uint8_t type[] = {RC_TYPE_queued, RC_TYPE_answered, RC_TYPE_ended};
    const int64_t span_ms = 6 * (int64_t)DAY_MS;
    union call_event event;
    int64_t at_ms = from_ms;
    for (uint64_t call = 0; call < customers; call++) {
        at_ms = from_ms +
                (int64_t)((__extension__(__int128) span_ms * (int64_t)call) / (int64_t)customers);
        for (uint32_t i = 0; i < 3; i++)
            agg_take(agg, call_event(&event, call, type[i], at_ms + i * TALK_MS));
        if (call % STEP == STEP - 1)
            mark(agg, at_ms);
    }
    at_ms = from_ms + span_ms + 2 * HOUR_MS; /* these are forgotten */
    mark(agg, at_ms);
    for (uint64_t call = customers; call < customers + contacts; call++) {
        agg_take(agg, call_event(&event, call, RC_TYPE_queued, at_ms + 1));
        if (call % STEP == STEP - 1)
            mark(agg, ++at_ms + 1);
    }
    mark(agg, at_ms + TALK_MS);
    return at_ms + TALK_MS;
}

static struct agg *core_open(const struct rc_config *config)
{
    struct agg_options options = {
        .config = config, .shard_count = 1, .contacts = true, .pseudonym = ingest_pseudonym};
    struct agg *agg;
    load_check(agg_open(&options, drop, NULL, &agg) == RC_OK, "no core");
    return agg;
}

/* ---- saving and restoring ---- */

struct saved {
    char *bytes;
    uint64_t size, room, read, pieces;
};

static enum rc_error count_put(void *self, const void *bytes, size_t size)
{
    struct saved *saved = self;
    (void)bytes;
    saved->size += size;
    saved->pieces++;
    return RC_OK;
}

static enum rc_error copy_put(void *self, const void *bytes, size_t size)
{
    struct saved *saved = self;
    load_check(size <= saved->room - saved->size, "no room");
    memcpy(saved->bytes + saved->size, bytes, size);
    saved->size += size;
    return RC_OK;
}

static enum rc_error copy_get(void *self, void *ret_bytes, size_t size)
{
    struct saved *saved = self;
    if (size > saved->size - saved->read)
        return RC_ERR_INPUT;
    memcpy(ret_bytes, saved->bytes + saved->read, size);
    saved->read += size;
    return RC_OK;
}

static double save(const struct agg *agg, struct saved *saved,
                   enum rc_error (*put)(void *, const void *, size_t))
{
    struct rc_snapshot_writer writer = {saved, put};
    uint64_t start = load_cpu_ns();
    saved->size = saved->pieces = 0;
    for (uint32_t i = 0; i < TASKS; i++)
        load_check(agg_task_save(agg, i, &writer) == RC_OK, "not saved");
    return (double)(load_cpu_ns() - start) / 1e6;
}

static double restore(struct agg *agg, struct saved *saved, int64_t now_ms)
{
    struct rc_snapshot_reader reader = {saved, copy_get};
    char message[256];
    uint64_t start = load_cpu_ns();
    saved->read = 0;
    for (uint32_t i = 0; i < TASKS; i++)
        if (agg_task_restore(agg, i, &reader, message) != RC_OK)
            load_check(false, message);
    agg_resume(agg, now_ms);
    return (double)(load_cpu_ns() - start) / 1e6;
}

static int by_size(const void *left, const void *right)
{
    const double *a = left, *b = right;
    return *a < *b ? -1 : *a > *b;
}

static void print_times(const char *what, double *ms, uint32_t runs, uint64_t bytes)
{
    qsort(ms, runs, sizeof *ms, by_size);
    printf("  %-28s %9.0f ms min %9.0f median  %6.2f GB/s\n", what, ms[0], ms[runs / 2],
           (double)bytes / ms[0] / 1e6);
}

static void measure(struct agg *agg, const struct rc_config *config, int64_t now_ms, uint32_t runs)
{
    struct saved saved = {0};
    double copied[RUNS_MAX], counted[RUNS_MAX], put[RUNS_MAX], got[RUNS_MAX];
    save(agg, &saved, count_put);
    uint64_t size = saved.room = saved.size;
    saved.bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    load_check(saved.bytes != MAP_FAILED, "no memory");
    memset(saved.bytes, 1, size);
    printf("  %.1f MB in %" PRIu64 " pieces\n", (double)size / 1e6, saved.pieces);
    for (uint32_t i = 0; i < runs; i++) {
        counted[i] = save(agg, &saved, count_put);
        put[i] = save(agg, &saved, copy_put);
        agg_close(agg);
        agg = core_open(config);
        got[i] = restore(agg, &saved, now_ms);
        load_check(saved.read == size, "not all of it was read");
        uint64_t start = load_cpu_ns(), half = size / 2;
        memcpy(saved.bytes, saved.bytes + size - half, half);
        copied[i] = (double)(load_cpu_ns() - start) / 1e6 * 2;
    }
    save(agg, &saved, count_put);
    load_check(saved.size == size, "what was restored is not what was saved");
    print_times("memcpy of as much", copied, runs, size);
    print_times("save, bytes dropped", counted, runs, size);
    print_times("save into memory", put, runs, size);
    print_times("restore from memory", got, runs, size);
    munmap(saved.bytes, size);
    agg_close(agg);
}

int main(int argc, char **argv)
{
    uint64_t customers = argc > 1 ? strtoull(argv[1], NULL, 10) : 10000000;
    uint64_t contacts = argc > 2 ? strtoull(argv[2], NULL, 10) : 1000000;
    uint32_t runs = argc > 3 ? (uint32_t)strtoul(argv[3], NULL, 10) : 3;
    struct config_loaded *loaded;
    if (argc > 4 || customers < 1000 || runs < 1 || runs > RUNS_MAX) {
        fprintf(stderr, "usage: bench_snapshot [CUSTOMERS [CONTACTS [RUNS]]], 1000 customers and 1 "
                        "run at least\n");
        return 64;
    }
    if (config_load("bench_snapshot", "deploy/rollcall.yaml", stderr, &loaded) != RC_OK)
        return 78;
    struct rc_config config = *loaded->config;
    config.tasks = TASKS;
    config.time.retention_ms[RC_CALL] = HOUR_MS;
    config.time.identity_ms = HOUR_MS;
    config.limits.customers = config.limits.contacts = UINT32_MAX;
    struct agg *agg = core_open(&config);
    int64_t now_ms = take_calls(agg, customers, contacts);
    const struct rc_shard_stats *stats = agg_stats(agg);
    printf("snapshot: %" PRIu64 " customers, %" PRIu64 " contacts remembered, %.1f MB of memory\n",
           rc_counter_read(&stats->customers_now), rc_counter_read(&stats->contacts_now),
           (double)rc_counter_read(&stats->memory_bytes) / 1e6);
    measure(agg, &config, now_ms, runs);
    config_free(loaded);
    return 0;
}
