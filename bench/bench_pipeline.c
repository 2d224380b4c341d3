/* Decode, order, state and windows, one after the other in one thread, from a simulated day in
 * memory and under a whole contract. Thread CPU time for an event, what a record costs apart.
 *
 *   bench_pipeline [EVENTS [RUNS [CONFIG]]]      500000, 7, deploy/rollcall.yaml
 *
 * Each run does all in turn: memcpy of the lines (the control), decoding alone, the whole way
 * without rolling windows, with rolling windows that are looked at once in their length, and with
 * them as configured. The last two do the same work but for how many records they make: from their
 * difference follows the cost of a record, and with it what an event costs without its records. */
#include "bench_load.h"
#include "config_load.h"
#include "rollcall/aggregate.h"
#include <inttypes.h>

enum { CLIENTS = 100, QUEUES = 5, MARK_EVERY = 8192, RUNS_MAX = 99 };
enum way { COPY, DECODE, NO_ROLLING, COARSE, FINE, WAYS };

static const char *const way_name[WAYS] = {
    "memcpy of the lines", "decode", "whole way, no rolling windows",
    "whole way, rolling, one look a length", "whole way, rolling as configured"};

struct bench {
    struct load load;
    struct rc_config config[WAYS];
    struct ingest_decoder *decoder;
    uint64_t records[WAYS], contacts, keys, bytes;
    uint64_t sink; /* what was read, so that reading it cannot be left out */
    double ns[WAYS][RUNS_MAX];
};

static void take_record(void *opaque, enum rc_message kind, const void *message, uint32_t size)
{
    uint64_t *records = opaque;
    (void)message, (void)size;
    *records += kind == RC_MESSAGE_RECORD;
}

static void run_copy(struct bench *bench)
{
    static char room[8192];
    for (uint64_t i = 0; i < bench->load.count; i++) {
        const struct load_line *line = &bench->load.line[i];
        memcpy(room, bench->load.text + line->at, line->size);
        bench->sink += (unsigned char)room[line->size / 2];
    }
}

static void run_decode(struct bench *bench)
{
    static union load_event room;
    for (uint64_t i = 0; i < bench->load.count; i++)
        bench->sink += load_decode(&bench->load, i, bench->decoder, 0, &room)->contact_hash;
}

static void run_all(struct bench *bench, enum way way)
{
    static union load_event room;
    const struct rc_config *config = &bench->config[way];
    struct agg_options options = {
        .config = config, .shard_count = 1, .replay = true, .pseudonym = ingest_pseudonym};
    struct rc_mark mark = {.now_ms = RC_TIME_NONE, .wall_ms = RC_TIME_NONE};
    struct agg *agg;
    bench->records[way] = 0;
    load_check(agg_open(&options, take_record, &bench->records[way], &agg) == RC_OK, "no core");
    int64_t largest_ms = RC_TIME_NONE;
    for (uint64_t i = 0; i < bench->load.count; i++) {
        const struct rc_event *ev =
            load_decode(&bench->load, i, bench->decoder, mark.now_ms, &room);
        agg_take(agg, ev);
        if (ev->time_ms > largest_ms) {
            largest_ms = ev->time_ms;
            mark.now_ms = largest_ms - config->time.max_disorder_ms;
        }
        if (i % MARK_EVERY == MARK_EVERY - 1) {
            mark.epoch++;
            agg_mark(agg, &mark);
        }
    }
    mark.epoch++;
    mark.now_ms = largest_ms + 1;
    agg_mark(agg, &mark);
    const struct rc_shard_stats *stats = agg_stats(agg);
    bench->contacts = rc_counter_read(&stats->contacts);
    bench->keys = rc_counter_read(&stats->keys_now);
    bench->bytes = rc_counter_read(&stats->memory_bytes);
    agg_close(agg);
}

static double measure(struct bench *bench, enum way way)
{
    uint64_t before = load_cpu_ns();
    if (way == COPY)
        run_copy(bench);
    else if (way == DECODE)
        run_decode(bench);
    else
        run_all(bench, way);
    return (double)(load_cpu_ns() - before) / (double)bench->load.count;
}

static void open_all(struct bench *bench, uint64_t events, const struct rc_config *config)
{
    for (int way = 0; way < WAYS; way++)
        bench->config[way] = *config;
    bench->config[NO_ROLLING].windows.rolling_count = 0;
    for (uint32_t i = 0; i < config->windows.rolling_count; i++) {
        struct rc_rolling_window *window = &bench->config[COARSE].windows.rolling[i];
        window->every_ms = window->length_ms;
    }
    bench->load = load_make(events, CLIENTS, QUEUES);
    struct ingest_decoder_options options = {&bench->config[FINE], 1};
    load_check(ingest_decoder_open(&options, &bench->decoder) == RC_OK, "no decoder");
}

/* ---- figures ---- */

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void print_figure(const char *name, const double *ns, uint32_t runs, const char *unit)
{
    double sorted[RUNS_MAX];
    memcpy(sorted, ns, runs * sizeof *ns);
    qsort(sorted, runs, sizeof *sorted, by_value);
    printf("  %-44s %9.2f min %9.2f median %s\n", name, sorted[0], sorted[runs / 2], unit);
}

static void print_ratio(const char *name, const struct bench *bench, enum way a, enum way b,
                        uint32_t runs)
{
    double ratio[RUNS_MAX];
    for (uint32_t r = 0; r < runs; r++)
        ratio[r] = bench->ns[a][r] / bench->ns[b][r];
    print_figure(name, ratio, runs, "x, same run");
}

static void print_all(const struct bench *bench, uint32_t runs)
{
    double record[RUNS_MAX], event[RUNS_MAX], count = (double)bench->load.count;
    double fine = (double)bench->records[FINE] / count;
    double coarse = (double)bench->records[COARSE] / count;
    for (uint32_t r = 0; r < runs; r++) {
        record[r] = (bench->ns[FINE][r] - bench->ns[COARSE][r]) / (fine - coarse);
        event[r] = bench->ns[FINE][r] - record[r] * fine;
    }
    printf("pipeline: %" PRIu64 " events of %.0f bytes, %" PRIu64 " contacts, %" PRIu64
           " keys, state %.0f MB, %u runs\n",
           bench->load.count, (double)bench->load.bytes / count, bench->contacts, bench->keys,
           (double)bench->bytes / 1e6, runs);
    for (int way = 0; way < WAYS; way++)
        print_figure(way_name[way], bench->ns[way], runs, "ns/event");
    for (int way = NO_ROLLING; way < WAYS; way++)
        printf("  records, %-35s %9" PRIu64 "  (%.2f an event)\n", way_name[way],
               bench->records[way], (double)bench->records[way] / count);
    print_figure("a record", record, runs, "ns/record");
    print_figure("an event without its records", event, runs, "ns/event");
    print_ratio("whole way, no rolling windows / memcpy", bench, NO_ROLLING, COPY, runs);
    print_ratio("whole way, no rolling windows / decode", bench, NO_ROLLING, DECODE, runs);
    print_ratio("whole way, rolling as configured / decode", bench, FINE, DECODE, runs);
}

int main(int argc, char **argv)
{
    uint64_t events = argc > 1 ? strtoull(argv[1], NULL, 10) : 500000;
    uint32_t runs = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 7;
    const char *path = argc > 3 ? argv[3] : "deploy/rollcall.yaml";
    static struct bench bench;
    struct config_loaded *loaded;
    if (events < 10000 || runs < 1 || runs > RUNS_MAX || argc > 4) {
        fprintf(stderr, "usage: bench_pipeline [EVENTS [RUNS [CONFIG]]], 10000 events at least\n");
        return 64;
    }
    if (config_load("bench", path, stderr, &loaded) != RC_OK)
        return 78;
    open_all(&bench, events, loaded->config);
    for (uint32_t r = 0; r <= runs; r++)
        for (int way = 0; way < WAYS; way++)
            bench.ns[way][r ? r - 1 : 0] = measure(&bench, (enum way)way); /* the first warms up */
    print_all(&bench, runs);
    ingest_decoder_close(bench.decoder);
    load_free(&bench.load);
    config_free(loaded);
    return bench.sink == 0;
}
