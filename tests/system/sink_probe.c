/* sink/'s way to Kafka without the rest of the program: epochs whose records are a function of
 * their number, with everything that can befall them.
 *
 *   sink_probe CONFIG EPOCHS RECORDS [OPTION]...
 *
 * Goes on from the progress of the group, making all recorded epochs again, until EPOCHS are
 * committed, each of RECORDS records (and a dead letter in every tenth). Prints what it found and
 * did. The exit code is 0, or 1 with the error.
 *
 *   --pause MS     between two epochs
 *   --stop EPOCH   SIGSTOP to itself in the middle of that epoch
 *   --salt N       every hundredth epoch has other values than without
 *   --restate      as `rollcall run --restate`
 *   --latency      prints how long epochs took, but the first ten */
#include "config_load.h"
#include "rollcall/sink.h"
#include "sink_fixture.h"
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { PARTITIONS = 4, START_MS = 1000000, EPOCH_MS = 250, WARM_UP = 10 };

struct probe {
    const struct rc_config *config;
    struct sink_output output;
    uint64_t epochs, stop_at;
    uint32_t records;
    unsigned pause_ms;
    int64_t salt;
    bool restate, latency;
    double *took;
    uint64_t took_count;
};

static const char *name_source(const void *opaque, uint32_t source, int32_t *ret_partition)
{
    (void)opaque;
    *ret_partition = (int32_t)source;
    return "contact.calls";
}

static bool find_source(const void *opaque, const char *topic, int32_t partition,
                        uint32_t *ret_source)
{
    (void)opaque;
    *ret_source = (uint32_t)partition;
    return strcmp(topic, "contact.calls") == 0 && partition < PARTITIONS;
}

static void say(void *opaque, const char *line)
{
    struct timespec now;
    (void)opaque;
    clock_gettime(CLOCK_REALTIME, &now);
    printf("%02ld:%02ld.%03ld %s\n", now.tv_sec / 60 % 60, now.tv_sec % 60, now.tv_nsec / 1000000,
           line);
    fflush(stdout);
}

static double steady(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* As far as that epoch read: two events of each partition an epoch. */
static struct rc_cut *make_cut(uint64_t epoch, bool recorded)
{
    uint32_t size = sizeof(struct rc_cut) + PARTITIONS * sizeof(struct rc_cut_part);
    struct rc_cut *cut = calloc(1, size);
    *cut = (struct rc_cut){.size = size,
                           .part_count = PARTITIONS,
                           .epoch = epoch,
                           .now_ms = START_MS + (int64_t)epoch * EPOCH_MS,
                           .wall_ms = START_MS + (int64_t)epoch * EPOCH_MS,
                           .distance_ms = RC_TIME_NONE,
                           .recorded = recorded};
    for (uint32_t i = 0; i < PARTITIONS; i++)
        cut->part[i] = (struct rc_cut_part){.next_offset = 2 * (int64_t)epoch,
                                            .largest_ms = (int64_t)epoch * EPOCH_MS,
                                            .source = i};
    return cut;
}

static enum rc_error put_record(struct probe *probe, uint64_t epoch, uint32_t number)
{
    char queue[16];
    snprintf(queue, sizeof queue, "q%u", number);
    struct rc_record *rec =
        fixture_record("probe", queue, 2, START_MS, START_MS + (int64_t)epoch * EPOCH_MS);
    rec->revision = (uint32_t)epoch;
    rec->value[RC_FIG_offered] = (int64_t)epoch + (epoch % 100 ? 0 : probe->salt);
    enum rc_error err = probe->output.record(probe->output.self, rec);
    free(rec);
    return err;
}

static enum rc_error put_dead_letter(struct probe *probe, uint64_t epoch)
{
    struct rc_dead_letter *dead = fixture_dead(1, 2 * (int64_t)epoch, "not_json", "{", 1);
    enum rc_error err = probe->output.dead_letter(probe->output.self, dead);
    free(dead);
    return err;
}

static enum rc_error make_epoch(struct probe *probe, const struct rc_cut *cut)
{
    double begun = steady();
    enum rc_error err = RC_OK;
    for (uint32_t i = 0; i < probe->records && !err; i++) {
        if (i == probe->records / 2 && cut->epoch == probe->stop_at)
            raise(SIGSTOP);
        err = put_record(probe, cut->epoch, i);
    }
    if (!err && cut->epoch % 10 == 0)
        err = put_dead_letter(probe, cut->epoch);
    const struct sink_epoch epoch = {.epoch = cut->epoch, .now_ms = cut->now_ms, .cut = cut};
    if (!err)
        err = probe->output.epoch(probe->output.self, &epoch);
    if (!err && !cut->recorded)
        probe->took[probe->took_count++] = steady() - begun;
    return err;
}

static enum rc_error live(struct probe *probe, uint64_t from)
{
    enum rc_error err = RC_OK;
    for (uint64_t epoch = from; epoch <= probe->epochs && !err; epoch++) {
        struct rc_cut *cut = make_cut(epoch, false);
        err = make_epoch(probe, cut);
        free(cut);
        if (probe->pause_ms)
            usleep(probe->pause_ms * 1000);
    }
    return err;
}

static enum rc_error go_on(struct probe *probe)
{
    const struct rc_progress *progress;
    char message[256];
    enum rc_error err = sink_kafka_prepare(&probe->output, &progress, message);
    if (err) {
        printf("prepare: %s\n", message);
        return err;
    }
    printf("progress: epoch %llu, first %llu, %u cuts from %llu, config %s\n",
           (unsigned long long)progress->epoch, (unsigned long long)progress->first,
           progress->cut_count,
           progress->cut_count ? (unsigned long long)progress->cut[0]->epoch : 0ull,
           strcmp(progress->config_id, probe->config->id) ? "another" : "the same");
    fflush(stdout);
    if (!progress->epoch || strcmp(progress->config_id, probe->config->id))
        return live(probe, progress->epoch + 1);
    sink_kafka_resume(&probe->output, 0);
    for (uint32_t i = 0; i < progress->cut_count && !err; i++)
        err = make_epoch(probe, progress->cut[i]);
    bool ready = sink_kafka_ready(&probe->output, message);
    printf("made again: %u epochs%s%s\n", progress->cut_count,
           ready ? "" : ", not ready: ", message);
    return err ? err : live(probe, progress->epoch + 1);
}

static int compare(const void *a, const void *b)
{
    return (*(const double *)a > *(const double *)b) - (*(const double *)a < *(const double *)b);
}

static void print_latency(struct probe *probe)
{
    uint64_t n = probe->took_count - WARM_UP;
    probe->took += WARM_UP;
    qsort(probe->took, n, sizeof *probe->took, compare);
    printf("%u records an epoch, %u ms between: p50 %.1f, p99 %.1f, most %.1f ms of %llu epochs\n",
           probe->records, probe->pause_ms, probe->took[n / 2], probe->took[n * 99 / 100],
           probe->took[n - 1], (unsigned long long)n);
    probe->took -= WARM_UP;
}

static bool parse(struct probe *probe, int argc, char **argv)
{
    static const struct option options[] = {
        {"pause", required_argument, NULL, 'p'}, {"stop", required_argument, NULL, 's'},
        {"salt", required_argument, NULL, 'x'},  {"restate", no_argument, NULL, 'r'},
        {"latency", no_argument, NULL, 't'},     {NULL, 0, NULL, 0}};
    int option;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        if (option == 'p')
            probe->pause_ms = (unsigned)strtoul(optarg, NULL, 10);
        else if (option == 's')
            probe->stop_at = strtoull(optarg, NULL, 10);
        else if (option == 'x')
            probe->salt = strtoll(optarg, NULL, 10);
        else if (option == '?')
            return false;
        probe->restate |= option == 'r';
        probe->latency |= option == 't';
    }
    if (argc - optind != 3)
        return false;
    probe->epochs = strtoull(argv[optind + 1], NULL, 10);
    probe->records = (uint32_t)strtoul(argv[optind + 2], NULL, 10);
    return true;
}

int main(int argc, char **argv)
{
    struct probe probe = {0};
    struct config_loaded *loaded;
    char message[256];
    if (!parse(&probe, argc, argv)) {
        fprintf(stderr, "usage: sink_probe CONFIG EPOCHS RECORDS [OPTION]...\n");
        return 2;
    }
    if (config_load("sink_probe", argv[optind], stderr, &loaded))
        return 2;
    probe.config = loaded->config;
    probe.took = calloc(probe.epochs + 1, sizeof *probe.took);
    struct sink_kafka_options options = {.config = loaded->config,
                                         .source = name_source,
                                         .source_of = find_source,
                                         .say = say,
                                         .restate = probe.restate};
    enum rc_error err = sink_kafka_open(&options, &probe.output, message);
    if (!err)
        err = go_on(&probe);
    if (err)
        printf("error %d: %s\n", err,
               probe.output.message && probe.output.message(probe.output.self)
                   ? probe.output.message(probe.output.self)
                   : rc_error_text(err));
    else if (probe.latency && probe.took_count > WARM_UP)
        print_latency(&probe);
    if (probe.output.close)
        probe.output.close(probe.output.self);
    free(probe.took);
    config_free(loaded);
    return err ? 1 : 0;
}
