/* What an event costs when very many contacts have to do with each other: those of one customer,
 * and those of one conversation id that everybody uses; beside customers of one contact each, in
 * the same run. A contact is a call of three events; N calls come within six days, and all of them
 * are remembered. In a second round every tenth one comes late, its call anywhere in the days
 * before.
 *
 *   bench_episodes [RUNS [CONTACTS]]      7, 100000: the most contacts, from 1000 on in tens
 *
 * Steps are nodes of trees and contacts of an episode that were gone through. */
#include "bench_load.h"
#include "config_load.h"
#include "task.h"
#include <inttypes.h>

enum { STEP = 64, QUEUES = 5, HOUR_MS = 3600000, DAY_MS = 24 * HOUR_MS, TALK_MS = 60000 };
enum { RUNS_MAX = 99, LATE_EVERY = 10 };
enum together { EACH, ONE_CUSTOMER, ONE_CONVERSATION, WAYS };
static const char *const way_name[WAYS] = {"a customer each", "one customer",
                                           "one conversation id, a customer each"};
static const int64_t from_ms = INT64_C(1767571200000);

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

static const struct rc_event *call_event(union call_event *event, uint64_t call, enum together way,
                                         uint8_t type, int64_t time_ms)
{
    static const char conversation[] = "everybody";
    struct rc_event *ev = &event->ev;
    uint64_t who = way == ONE_CUSTOMER ? 0 : call;
    memset(event, 0, sizeof *event);
    ev->client_size = (uint8_t)snprintf(ev->text, 5, "acme");
    ev->queue_size =
        (uint8_t)snprintf(ev->text + 4, 3, "q%c", (char)('0' + scattered(call) % QUEUES));
    ev->contact_size = (uint8_t)snprintf(ev->text + 6, 17, "%016" PRIx64, call);
    if (way == ONE_CONVERSATION) {
        ev->conversation_size = sizeof conversation - 1;
        memcpy(ev->text + 22, conversation, ev->conversation_size);
    }
    ev->size = (uint32_t)(sizeof *ev + ((rc_event_text_size(ev) + 7u) & ~7u));
    ev->time_ms = time_ms;
    ev->now_ms = RC_TIME_NONE;
    ev->contact_hash = scattered(call);
    ev->customer = (struct rc_id128){scattered(who ^ 0x5555), scattered(~who)};
    ev->flags = RC_EVENT_CUSTOMER;
    ev->type = type;
    return ev;
}

/* ---- a run ---- */

struct made {
    double ns, steps; /* an event */
    uint64_t overflow;
};

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

/* A late one's call was over before the last step, and began at any instant from the first on. */
static void take_call(struct agg_task *task, uint64_t call, enum together way, bool late,
                      int64_t now_ms, int64_t step_ms)
{
    static const uint8_t type[] = {RC_TYPE_queued, RC_TYPE_answered, RC_TYPE_ended};
    union call_event event;
    int64_t passed = step_ms - HOUR_MS - from_ms;
    if (!late || call % LATE_EVERY || passed <= 0) {
        for (int64_t i = 0; i < 3; i++)
            agg_order_put(&task->order,
                          call_event(&event, call, way, type[i], now_ms + i * TALK_MS));
        return;
    }
    int64_t began = from_ms + (int64_t)(scattered(call * 7) % (uint64_t)passed);
    for (int64_t i = 0; i < 3; i++)
        agg_task_late(task, call_event(&event, call, way, type[i], began + i * TALK_MS));
}

static struct made run(const struct rc_config *config, uint64_t contacts, enum together way,
                       bool late)
{
    struct rc_shard_stats stats = {0};
    struct agg_task *task = task_open(config, &stats);
    int64_t span_ms = 6 * (int64_t)DAY_MS, now_ms = from_ms, step_ms = from_ms;
    uint64_t start = load_cpu_ns();
    for (uint64_t call = 0; call < contacts; call++) {
        now_ms = from_ms + span_ms * (int64_t)call / (int64_t)contacts;
        if (call % STEP == 0) {
            step(task, now_ms);
            step_ms = now_ms;
        }
        take_call(task, call, way, late, now_ms, step_ms);
    }
    step(task, now_ms + 3 * TALK_MS);
    double events = (double)contacts * 3;
    struct made made = {(double)(load_cpu_ns() - start) / events,
                        (double)task->episode_steps / events,
                        rc_counter_read(&stats.episode_overflow)};
    load_check(rc_counter_read(&stats.applied) == contacts * 3, "not all events were applied");
    struct agg *agg = task->agg;
    agg_task_close(task);
    agg_close(agg);
    return made;
}

/* ---- figures ---- */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void measure(const struct rc_config *config, uint64_t contacts, bool late, uint32_t runs)
{
    double ns[WAYS][RUNS_MAX], ratio[WAYS][RUNS_MAX];
    struct made made[WAYS];
    uint64_t again = contacts < 100000 ? 100000 / contacts : 1; /* small ones: repeat */
    for (uint32_t r = 0; r < runs; r++) {
        for (int way = 0; way < WAYS; way++) {
            ns[way][r] = 0;
            for (uint64_t a = 0; a < again; a++) {
                made[way] = run(config, contacts, (enum together)way, late);
                ns[way][r] += made[way].ns / (double)again;
            }
            ratio[way][r] = ns[way][r] / ns[EACH][r];
        }
    }
    for (int way = 0; way < WAYS; way++) {
        qsort(ns[way], runs, sizeof(double), by_value);
        qsort(ratio[way], runs, sizeof(double), by_value);
        printf("  %8" PRIu64 " %-8s %-38s %8.0f %8.0f %7.2f %7.1f %9" PRIu64 "\n", contacts,
               late ? "a tenth" : "none", way_name[way], ns[way][0], ns[way][runs / 2],
               ratio[way][runs / 2], made[way].steps, made[way].overflow);
        fflush(stdout);
    }
}

int main(int argc, char **argv)
{
    uint32_t runs = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 7;
    uint64_t most = argc > 2 ? strtoull(argv[2], NULL, 10) : 100000;
    struct config_loaded *loaded;
    if (runs < 1 || runs > RUNS_MAX || most < 1000 || argc > 3) {
        fprintf(stderr, "usage: bench_episodes [RUNS [CONTACTS]], 1000 contacts at least\n");
        return 64;
    }
    if (config_load("bench_episodes", "deploy/rollcall.yaml", stderr, &loaded) != RC_OK)
        return 78;
    struct rc_config config = *loaded->config;
    config.time.retention_ms[RC_CALL] = 10 * (int64_t)DAY_MS;
    /* records are measured elsewhere: here a day has one */
    config.windows.rolling_count = 0;
    config.windows.interval_count = 1;
    config.windows.interval[0] = (struct rc_interval_window){RC_DAY, DAY_MS, INT64_C(100) * DAY_MS};
    printf("episodes: three events a contact, %u runs\n", runs);
    printf("  %8s %-8s %-38s %8s %8s %7s %7s %9s\n", "contacts", "late", "who they belong to",
           "min ns", "median", "x each", "steps", "overflow");
    for (int late = 0; late < 2; late++)
        for (uint64_t contacts = 1000; contacts <= most; contacts *= 10)
            measure(&config, contacts, late, runs);
    config_free(loaded);
    return 0;
}
