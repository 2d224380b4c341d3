/* `rollcall demo`: Kafka's mock cluster, the simulator and the service in one process, with a live
 * table. Simulated time starts some hours ago, runs faster than the clock until it has caught up,
 * and goes on with it; so no event is ahead of the wall clock, and the figures are those that
 * `run` would give. */
#include "commands.h"
#include "config_load.h"
#include "demo_cluster.h"
#include "demo_config.h"
#include "demo_table.h"
#include "exit.h"
#include "feed_kafka.h"
#include "kafka_words.h"
#include "run_service.h"
#include "simulate_model.h"
#include "terminal.h"

#include <getopt.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

static const char usage_text[] =
    "usage: rollcall demo [OPTION...]\n"
    "\n"
    "Shows what Rollcall does, without a broker: librdkafka's mock cluster in this process,\n"
    "made-up calls and chats, the service, and a table of its figures. Nothing is kept.\n"
    "\n"
    "  --for DURATION   end by itself, with a final table (30s, 5m); default: until Ctrl-C\n"
    "  --speed X        simulated time runs so much faster than the clock until it has caught up\n"
    "                   with it, from six hours ago on; default 60\n"
    "  --clients N      clients that are simulated, 1 to 200; default 5\n"
    "  --seed N         another day; default 1\n"
    "  --help\n";

enum {
    HISTORY_MS = 6 * 3600000, /* where simulated time begins */
    HEAD_START_MS = 3600000,  /* so much of it at once */
    PUMP_MS = 50,
    TICK_MS = 250,
    DRAW_MS = 500,
    LINE_MS = 5000,
    SETTLE_MS = 1000, /* of --for: for what was sent to be published */
    TEXT_ROOM = 1 << 17
};

struct demo {
    uint64_t clients, seed;
    double speed;
    int64_t for_ms; /* 0: until it is stopped */
    bool help, on_terminal;
    struct sim_options options;
    struct sim *sim;
    struct demo_cluster *cluster;
    struct config_loaded *loaded;
    struct run_service *service;
    struct feed_kafka *kafka;
    struct demo_table table;
    int64_t begun_ms, sim_start_ms, ticked_ms, drawn_ms;
    struct sim_event next;
    bool has_next;
    uint64_t sent;
    char text[TEXT_ROOM];
};

static _Atomic bool stop_asked;

static void on_signal(int number)
{
    (void)number;
    atomic_store_explicit(&stop_asked, true, memory_order_relaxed);
}

static bool asked_to_stop(void)
{
    return atomic_load_explicit(&stop_asked, memory_order_relaxed);
}

static int64_t clock_now_ms(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- arguments ---- */

static bool wrong(const char *what, const char *found)
{
    fprintf(stderr, "rollcall demo: %s", what);
    if (found)
        fprintf(stderr, ": \"%.80s\"", found);
    fprintf(stderr, "; see rollcall demo --help\n");
    return false;
}

static bool parse_for(struct demo *demo, const char *text)
{
    char *end;
    double number = strtod(text, &end);
    double unit = !strcmp(end, "h") ? 3600000 : !strcmp(end, "m") ? 60000 : 1000;
    demo->for_ms = (int64_t)(number * unit);
    return (end != text && number > 0 && number < 1e6 && (!*end || strspn(end, "smh") == 1) &&
            strlen(end) <= 1 && demo->for_ms >= 2000) ||
           wrong("--for takes a duration of at least 2s, as 30s, 5m or 1h", text);
}

static bool parse_option(struct demo *demo, int option)
{
    char *end;
    switch (option) {
    case 'f':
        return parse_for(demo, optarg);
    case 's':
        demo->speed = strtod(optarg, &end);
        return (end != optarg && !*end && demo->speed >= 1 && demo->speed <= 10000) ||
               wrong("--speed takes a number from 1 to 10000", optarg);
    case 'c':
        return terminal_parse_count(optarg, 1, 200, &demo->clients) ||
               wrong("--clients takes a number from 1 to 200", optarg);
    case 'd':
        return terminal_parse_count(optarg, 0, INT64_MAX, &demo->seed) ||
               wrong("--seed takes a number", optarg);
    case 'h':
        demo->help = true;
        return true;
    default:
        return wrong("unknown option or missing value", NULL);
    }
}

static bool parse(struct demo *demo, int argc, char **argv)
{
    static const struct option options[] = {
        {"for", required_argument, NULL, 'f'},     {"speed", required_argument, NULL, 's'},
        {"clients", required_argument, NULL, 'c'}, {"seed", required_argument, NULL, 'd'},
        {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0}};
    int option;
    optind = 0;
    opterr = 0;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1)
        if (!parse_option(demo, option) || demo->help)
            return demo->help;
    return optind == argc || wrong("no arguments are taken", argv[optind]);
}

/* ---- opening ---- */

static void print(void *opaque, const char *line)
{
    (void)opaque;
    fprintf(stderr, "rollcall demo: %s\n", line);
}

static void say_nothing(void *opaque, const char *line)
{
    (void)opaque;
    (void)line;
}

static void print_service(void *opaque, const char *line)
{
    if (strncmp(line, "output topic made", 17) != 0)
        print(opaque, line);
}

static enum rc_error open_cluster(struct demo *demo, char message[256])
{
    static const char *const topics[] = {
        "contact.calls",     "contact.chats",   "rollcall.metrics",    "rollcall.slas",
        "rollcall.contacts", "rollcall.alerts", "rollcall.dead_letter"};
    enum rc_error err = demo_cluster_open(&demo->cluster, message);
    for (size_t i = 0; i < sizeof topics / sizeof *topics && !err; i++)
        err = demo_cluster_topic(demo->cluster, topics[i], DEMO_PARTITIONS);
    return err;
}

static enum rc_error open_config(struct demo *demo)
{
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    if (!file)
        return RC_ERR_MEMORY;
    demo_config_write(&demo->options, demo_cluster_brokers(demo->cluster), file);
    fclose(file);
    enum rc_error err = config_load_text("demo", text, size, stderr, &demo->loaded);
    free(text);
    return err;
}

static enum rc_error open_feed(struct demo *demo, char message[256])
{
    struct feed_kafka_options options = {.config = demo->loaded->config,
                                         .partitions = DEMO_PARTITIONS,
                                         .timeout_ms = 10000,
                                         .say = say_nothing};
    enum rc_error err = feed_kafka_open(&options, &demo->kafka, message);
    return err ? err : feed_kafka_topics(demo->kafka, message);
}

static enum rc_error open_all(struct demo *demo, char message[256])
{
    int64_t wall_ms = clock_now_ms(CLOCK_REALTIME);
    demo->sim_start_ms = wall_ms - HISTORY_MS;
    demo->options = sim_default_options();
    demo->options.seed = demo->seed;
    demo->options.clients = (uint32_t)demo->clients;
    demo->options.start_ms = demo->sim_start_ms;
    demo->options.duration_ms = 0;
    demo->options.contacts_per_day_per_queue = 2400;
    demo->options.flat = true;
    enum rc_error err = sim_open(&demo->options, &demo->sim);
    if (!err)
        err = open_cluster(demo, message);
    if (!err)
        err = open_config(demo);
    if (err)
        return err;
    struct run_service_options service = {
        .loaded = demo->loaded, .shards = 1, .table = true, .print = print_service, .opaque = demo};
    err = run_service_open(&service, &demo->service, message);
    if (!err)
        err = open_feed(demo, message);
    if (!err)
        demo->table = (struct demo_table){.config = demo->loaded->config,
                                          .records = run_service_table(demo->service),
                                          .rows_max = UINT32_MAX};
    return err;
}

/* ---- simulated events into the topics ---- */

static int64_t sim_now_ms(const struct demo *demo)
{
    int64_t wall_ms = clock_now_ms(CLOCK_REALTIME);
    double passed_ms = (double)(clock_now_ms(CLOCK_MONOTONIC) - demo->begun_ms);
    int64_t at_ms = demo->sim_start_ms + HEAD_START_MS + (int64_t)(passed_ms * demo->speed);
    return at_ms < wall_ms ? at_ms : wall_ms;
}

static enum rc_error send_ticks(struct demo *demo, int64_t at_ms)
{
    char text[64];
    enum rc_error err = RC_OK;
    size_t size =
        (size_t)snprintf(text, sizeof text, "{\"type\":\"tick\",\"time\":%lld}", (long long)at_ms);
    for (uint32_t topic = 0; topic < 2; topic++)
        for (int32_t p = 0; p < DEMO_PARTITIONS && !err; p++)
            err = feed_kafka_send(demo->kafka, topic, p, NULL, 0, text, size);
    return err;
}

/* All that has reached the wire by now; then a tick, so that no quiet partition holds time back. */
static enum rc_error pump(struct demo *demo)
{
    int64_t at_ms = sim_now_ms(demo), now_ms = clock_now_ms(CLOCK_MONOTONIC);
    enum rc_error err = RC_OK;
    while (!err && !asked_to_stop()) {
        if (!demo->has_next)
            demo->has_next = sim_next(demo->sim, &demo->next);
        if (!demo->has_next)
            return sim_status(demo->sim);
        if (demo->next.emit_ms > at_ms)
            break;
        const struct sim_event *ev = &demo->next;
        err = feed_kafka_send(demo->kafka, ev->channel == RC_CHAT, -1, ev->client, ev->client_len,
                              ev->json, ev->json_len);
        demo->sent++;
        demo->has_next = false;
    }
    if (!err && now_ms - demo->ticked_ms >= TICK_MS) {
        err = send_ticks(demo, at_ms);
        demo->ticked_ms = now_ms;
    }
    feed_kafka_serve(demo->kafka, 0);
    return err;
}

/* ---- what is seen ---- */

static void status_line(struct demo *demo, char *line, size_t size)
{
    struct run_service_figures figures;
    struct demo_totals totals;
    char now[TERMINAL_TEXT_MAX], events[TERMINAL_TEXT_MAX], records[TERMINAL_TEXT_MAX],
        contacts[TERMINAL_TEXT_MAX], oldest[TERMINAL_TEXT_MAX];
    run_service_figures(demo->service, &figures);
    demo_table_totals(&demo->table, &totals);
    snprintf(line, size,
             "now %.19sZ, %s events, %s contacts, %s records published; %lld waiting (oldest %s), "
             "%lld being handled; service level %lld of %lld",
             terminal_time(figures.now_ms, now), terminal_count(figures.events, events),
             terminal_count(figures.contacts, contacts), terminal_count(figures.published, records),
             (long long)totals.waiting, terminal_duration(totals.oldest_wait_ms, oldest),
             (long long)totals.handling, (long long)totals.sl_met, (long long)totals.sl_of);
}

static void draw(struct demo *demo)
{
    char line[400];
    struct winsize window;
    bool sized = ioctl(STDOUT_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_row > 8;
    demo->table.rows_max = sized ? window.ws_row - 5u : 20;
    status_line(demo, line, sizeof line);
    demo_table_text(&demo->table, demo->text, sizeof demo->text);
    printf("\033[H\033[J");
    printf("rollcall demo on librdkafka's mock cluster (no real Kafka); Ctrl-C ends it\n%s\n\n%s",
           line, demo->text);
    fflush(stdout);
}

static void show(struct demo *demo)
{
    char line[400];
    int64_t now_ms = clock_now_ms(CLOCK_MONOTONIC);
    struct demo_totals totals;
    demo_table_totals(&demo->table, &totals);
    /* The first line comes as soon as there are figures. */
    if (!totals.rows || now_ms - demo->drawn_ms < (demo->on_terminal ? DRAW_MS : LINE_MS))
        return;
    demo->drawn_ms = now_ms;
    if (demo->on_terminal) {
        draw(demo);
        return;
    }
    status_line(demo, line, sizeof line);
    printf("%s\n", line);
    fflush(stdout);
}

static void show_end(struct demo *demo)
{
    char line[400];
    demo->table.rows_max = UINT32_MAX;
    status_line(demo, line, sizeof line);
    demo_table_text(&demo->table, demo->text, sizeof demo->text);
    if (demo->on_terminal)
        printf("\033[H\033[J");
    printf("\n%s\n%s\n(librdkafka's mock cluster, a simulated day with seed %llu; window %s)\n",
           demo->text, line, (unsigned long long)demo->seed,
           rc_window_name(&demo->loaded->config->windows, 0));
    fflush(stdout);
}

/* ---- the command ---- */

static enum rc_error play(struct demo *demo, char message[256])
{
    enum rc_error err = run_service_start(demo->service, message);
    int64_t end_ms = INT64_MAX;
    demo->begun_ms = clock_now_ms(CLOCK_MONOTONIC);
    if (demo->for_ms)
        end_ms = demo->begun_ms + demo->for_ms;
    while (!err && !asked_to_stop() && clock_now_ms(CLOCK_MONOTONIC) < end_ms) {
        struct timespec nap = {.tv_nsec = PUMP_MS * 1000000};
        if (clock_now_ms(CLOCK_MONOTONIC) < end_ms - SETTLE_MS)
            err = pump(demo);
        show(demo);
        nanosleep(&nap, NULL);
        if (run_service_over(demo->service))
            break;
    }
    return err;
}

static enum rc_error finish(struct demo *demo, bool *ret_stuck, char message[256])
{
    run_service_stop(demo->service);
    for (int i = 0; i < 100 && !run_service_over(demo->service); i++) {
        struct timespec nap = {.tv_nsec = PUMP_MS * 1000000};
        nanosleep(&nap, NULL);
    }
    return run_service_result(demo->service, ret_stuck, message);
}

static void close_all(struct demo *demo)
{
    feed_kafka_close(demo->kafka);
    run_service_close(demo->service);
    config_free(demo->loaded);
    demo_cluster_close(demo->cluster);
    if (demo->sim)
        sim_close(demo->sim);
    free(demo);
}

int cmd_demo(int argc, char **argv)
{
    struct demo *demo = calloc(1, sizeof *demo);
    struct sigaction action = {.sa_handler = on_signal};
    char message[256] = "";
    bool stuck = false;
    if (!demo)
        return EXIT_INTERNAL;
    demo->clients = 5;
    demo->seed = 1;
    demo->speed = 60;
    if (!parse(demo, argc, argv) || demo->help) {
        int code = demo->help ? EXIT_DONE : EXIT_WRONG_USE;
        if (demo->help)
            fputs(usage_text, stdout);
        free(demo);
        return code;
    }
    demo->on_terminal = terminal_is(STDOUT_FILENO);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    enum rc_error err = open_all(demo, message);
    if (!err) {
        demo->table.color = terminal_color(STDOUT_FILENO);
        err = play(demo, message);
        enum rc_error end = finish(demo, &stuck, message);
        err = err ? err : end;
        show_end(demo);
    }
    if (err)
        fprintf(stderr, "rollcall demo: %s\n", message[0] ? message : rc_error_text(err));
    if (stuck) {
        fflush(NULL);
        _exit(exit_code_of(err ? err : RC_ERR_INTERNAL));
    }
    close_all(demo);
    return exit_code_of(err);
}
