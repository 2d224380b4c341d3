/* What customers cost, each with an episode of one call: bytes, and time an event, from the calls
 * of days that follow each other evenly; contacts are remembered for an hour of them, episodes for
 * a week and more. In the end all of them are forgotten, which is measured as well.
 *
 *   bench_customers [CUSTOMERS]     10000000
 */
#include "bench_load.h"
#include "config_load.h"
#include "task.h"
#include <inttypes.h>

enum { STEP = 8192, QUEUES = 5, HOUR_MS = 3600000, DAY_MS = 24 * HOUR_MS, TALK_MS = 60000 };

static void drop(void *opaque, enum rc_message kind, const void *message, uint32_t size)
{
    (void)opaque, (void)kind, (void)message, (void)size;
}

/* ---- events ---- */

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
    ev->client_size = (uint8_t)snprintf(ev->text, 5, "acme");
    ev->queue_size =
        (uint8_t)snprintf(ev->text + 4, 3, "q%c", (char)('0' + scattered(call) % QUEUES));
    ev->contact_size = (uint8_t)snprintf(ev->text + 6, 17, "%016" PRIx64, call);
    ev->size = (uint32_t)(sizeof *ev + ((rc_event_text_size(ev) + 7u) & ~7u));
    ev->time_ms = time_ms;
    ev->now_ms = RC_TIME_NONE;
    ev->contact_hash = scattered(call);
    ev->customer = (struct rc_id128){scattered(call ^ 0x5555), scattered(~call)};
    ev->flags = RC_EVENT_CUSTOMER;
    ev->type = type;
    return ev;
}

/* ---- counting ---- */

static uint64_t due_count(const struct agg_task *task)
{
    const struct agg_due *due = &task->due;
    uint64_t count = 0;
    for (uint32_t level = 0; level < DUE_LEVELS; level++)
        for (uint32_t slot = 0; slot < DUE_SLOTS; slot++)
            for (uint32_t ref = due->slot[level][slot]; ref;) {
                const struct agg_due_entry *entry = agg_pool_at(&due->pool, ref);
                count += entry->kind == AGG_DUE_VERDICT || entry->kind == AGG_DUE_EPISODE;
                ref = entry->next;
            }
    return count;
}

static void print_bytes(const struct agg_task *task)
{
    uint64_t customers = task->customer_index.count, episodes = task->episode.live;
    uint64_t dues = due_count(task);
    double record = (double)(episodes * sizeof(struct agg_episode)) / (double)customers;
    double index =
        (double)(agg_index_bytes(&task->episode_index) + agg_index_bytes(&task->customer_index)) /
        (double)customers;
    double due = (double)(dues * sizeof(struct agg_due_entry)) / (double)customers;
    printf("  customers %" PRIu64 ", episodes %" PRIu64 ", with legs %" PRIu64 ", entries %" PRIu64
           ", contacts %" PRIu64 "\n",
           customers, episodes, task->legs.live, dues, task->contact.live);
    printf("  bytes a customer: episode %.1f, indexes %.1f, due %.1f, together %.1f: %.3f GB\n",
           record, index, due, record + index + due,
           (record + index + due) * (double)customers / 1e9);
}

static struct agg_task *task_open(const struct rc_config *config, struct rc_shard_stats *stats)
{
    struct agg_options options = {
        .config = config, .shard_count = 1, .pseudonym = ingest_pseudonym};
    struct agg *agg;
    load_check(agg_open(&options, drop, NULL, &agg) == RC_OK, "no core");
    struct agg_task *task = agg_task_open(agg, RC_TIME_NONE);
    task->stats = stats;
    task->latest_only = true;
    return task;
}

static void step(struct agg_task *task, int64_t now_ms)
{
    static const struct rc_mark records = {.now_ms = RC_TIME_NONE, .wall_ms = RC_TIME_NONE};
    agg_task_advance(task, now_ms);
    agg_mark(task->agg, &records); /* hands out what was made */
}

static void take_calls(struct agg_task *task, uint64_t customers, int64_t from_ms, int64_t span_ms)
{
    static const uint8_t type[] = {RC_TYPE_queued, RC_TYPE_answered, RC_TYPE_ended};
    union call_event event;
    uint64_t start = load_cpu_ns(), part = start, tenth = customers / 10;
    int64_t now_ms = from_ms;
    for (uint64_t call = 0; call < customers; call++) {
        now_ms = from_ms +
                 (int64_t)((__extension__(__int128) span_ms * (int64_t)call) / (int64_t)customers);
        for (uint32_t i = 0; i < 3; i++)
            agg_order_put(&task->order, call_event(&event, call, type[i], now_ms + i * TALK_MS));
        if (call % STEP == STEP - 1)
            step(task, now_ms);
        if (call % tenth == tenth - 1) {
            uint64_t at = load_cpu_ns();
            printf("  %9" PRIu64 " customers: %.0f ns an event\n", call + 1,
                   (double)(at - part) / (double)tenth / 3);
            fflush(stdout);
            part = at;
        }
    }
    step(task, now_ms + 3 * TALK_MS);
    printf("all: %.0f ns an event, %.1f steps in trees an event\n",
           (double)(load_cpu_ns() - start) / (double)customers / 3,
           (double)task->episode_steps / (double)customers / 3);
}

int main(int argc, char **argv)
{
    uint64_t customers = argc > 1 ? strtoull(argv[1], NULL, 10) : 10000000;
    static struct rc_shard_stats stats;
    struct config_loaded *loaded;
    if (customers < 1000 || argc > 2) {
        fprintf(stderr, "usage: bench_customers [CUSTOMERS], 1000 at least\n");
        return 64;
    }
    if (config_load("bench_customers", "deploy/rollcall.yaml", stderr, &loaded) != RC_OK)
        return 78;
    struct rc_config config = *loaded->config;
    config.time.retention_ms[RC_CALL] = HOUR_MS;
    config.time.identity_ms = HOUR_MS;
    /* records are measured elsewhere: here a day has one */
    config.windows.rolling_count = 0;
    config.windows.interval_count = 1;
    config.windows.interval[0] = (struct rc_interval_window){RC_DAY, DAY_MS, INT64_C(100) * DAY_MS};
    config.limits.customers = config.limits.contacts = UINT32_MAX;
    struct agg_task *task = task_open(&config, &stats);
    int64_t from_ms = INT64_C(1767571200000), span_ms = 6 * (int64_t)DAY_MS;
    printf("customers: %" PRIu64 " of one call each, in six days\n", customers);
    take_calls(task, customers, from_ms, span_ms);
    step(task, from_ms + span_ms + 2 * HOUR_MS);
    print_bytes(task);
    uint64_t start = load_cpu_ns();
    step(task, from_ms + span_ms + INT64_C(15) * DAY_MS);
    printf("verdicts and ends: %.0f ns an episode; left: %" PRIu64 " episodes\n",
           (double)(load_cpu_ns() - start) / (double)customers, task->episode.live);
    struct agg *agg = task->agg;
    agg_task_close(task);
    agg_close(agg);
    config_free(loaded);
    return 0;
}
