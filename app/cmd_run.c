/* `rollcall run`: the service. */
#include "commands.h"
#include "config_load.h"
#include "exit.h"
#include "run_loop.h"
#include "run_service.h"
#include "terminal.h"

#include <getopt.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char usage_text[] =
    "usage: rollcall run [OPTION...] CONFIG\n"
    "\n"
    "The service: reads the input topics of CONFIG from their beginning, publishes records to the\n"
    "output topics, which are made where they are missing, and answers over HTTP. A Kafka that is\n"
    "away is waited for. SIGTERM finishes the epoch and leaves; SIGHUP reads CONFIG again and\n"
    "says whether it is valid.\n"
    "\n"
    "  --shards N     threads that compute, 1 to 64; default one per core but one\n"
    "  --until-idle   stop by itself when all partitions are at their end and quiet for\n"
    "                 time.idle_after: for audits and tests of recorded events\n"
    "  --quiet        errors and warnings alone\n"
    "  --help\n";

struct run {
    const char *path;
    uint64_t shards;
    bool until_idle, quiet, help;
    struct config_loaded *loaded;
    struct run_service *service;
    struct run_loop *loop;
};

/* ---- the log ---- */

static void print_always(void *opaque, const char *line)
{
    struct timespec now;
    struct tm utc;
    char stamp[32];
    (void)opaque;
    clock_gettime(CLOCK_REALTIME, &now);
    gmtime_r(&now.tv_sec, &utc);
    strftime(stamp, sizeof stamp, "%Y-%m-%dT%H:%M:%S", &utc);
    /* One call, so that lines of several threads do not mix. */
    fprintf(stderr, "%s.%03dZ %s\n", stamp, (int)(now.tv_nsec / 1000000), line);
}

static void print_news(void *opaque, const char *line)
{
    const struct run *run = opaque;
    if (!run->quiet)
        print_always(opaque, line);
}

static void print_start(struct run *run)
{
    static const char *const channels[] = {"call", "chat", "ticket", "any"};
    const struct rc_config *config = run->loaded->config;
    struct run_service_figures figures;
    char line[1024];
    int at = snprintf(line, sizeof line, "rollcall %s: %s, brokers %s, group %s, topics",
                      ROLLCALL_VERSION, run->path, config->kafka.brokers, config->kafka.group);
    for (uint32_t i = 0; i < config->kafka.topic_count && at < (int)sizeof line; i++)
        at += snprintf(line + at, sizeof line - (size_t)at, "%s %s (%s)", i ? "," : "",
                       config->kafka.topic[i].name, channels[config->kafka.topic[i].channel]);
    run_service_figures(run->service, &figures);
    if (at < (int)sizeof line)
        snprintf(line + at, sizeof line - (size_t)at, ", zone data %s, %u shards, HTTP %s",
                 config->zone_data_version, figures.shards,
                 config->http.listen ? config->http.listen : "off");
    print_news(run, line);
}

static void print_end(struct run *run)
{
    struct run_service_figures figures;
    char line[400], events[TERMINAL_TEXT_MAX], records[TERMINAL_TEXT_MAX], dead[TERMINAL_TEXT_MAX],
        now[TERMINAL_TEXT_MAX], late[TERMINAL_TEXT_MAX];
    run_service_figures(run->service, &figures);
    snprintf(line, sizeof line,
             "stopped: %s input records, %s late, %s records made, %s dead letters, now %s",
             terminal_count(figures.events, events), terminal_count(figures.late, late),
             terminal_count(figures.published, records), terminal_count(figures.dead_letters, dead),
             terminal_time(figures.now_ms, now));
    print_news(run, line);
}

/* ---- signals ---- */

static bool reload(void *opaque)
{
    struct run *run = opaque;
    struct config_loaded *again;
    char line[400];
    enum rc_error err = config_load("rollcall run", run->path, stderr, &again);
    if (err) {
        snprintf(line, sizeof line,
                 "SIGHUP: %s is not valid (see above); the running configuration stays", run->path);
    } else {
        snprintf(line, sizeof line,
                 "SIGHUP: %s is valid; what has changed in it takes effect with a restart",
                 run->path);
        config_free(again);
    }
    print_always(run, line);
    return !err;
}

static void on_ended(void *opaque)
{
    struct run *run = opaque;
    run_loop_wake(run->loop);
}

/* ---- the command ---- */

static bool wrong(const char *what, const char *found)
{
    fprintf(stderr, "rollcall run: %s", what);
    if (found)
        fprintf(stderr, ": \"%.80s\"", found);
    fprintf(stderr, "; see rollcall run --help\n");
    return false;
}

static bool parse(struct run *run, int argc, char **argv)
{
    static const struct option options[] = {{"shards", required_argument, NULL, 'n'},
                                            {"until-idle", no_argument, NULL, 'u'},
                                            {"quiet", no_argument, NULL, 'q'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    int option;
    optind = 0;
    opterr = 0;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 'n':
            if (!terminal_parse_count(optarg, 1, 64, &run->shards))
                return wrong("--shards takes a number from 1 to 64", optarg);
            break;
        case 'u':
            run->until_idle = true;
            break;
        case 'q':
            run->quiet = true;
            break;
        case 'h':
            run->help = true;
            return true;
        default:
            return wrong("unknown option or missing value", argv[optind - 1]);
        }
    }
    if (argc - optind != 1)
        return wrong("one configuration file is needed", NULL);
    run->path = argv[optind];
    return true;
}

static enum rc_error open_all(struct run *run, char ret_message[256])
{
    struct run_service_options service = {.config = run->loaded->config,
                                          .shards = (uint32_t)run->shards,
                                          .table = run->loaded->config->http.listen != NULL,
                                          .print = print_always,
                                          .ended = on_ended,
                                          .opaque = run};
    enum rc_error err = run_service_open(&service, &run->service, ret_message);
    if (err)
        return err;
    struct run_loop_options loop = {.config = run->loaded->config,
                                    .service = run->service,
                                    .until_idle = run->until_idle,
                                    .reload = reload,
                                    .print = print_news,
                                    .opaque = run};
    return run_loop_open(&loop, &run->loop, ret_message);
}

static int complain(enum rc_error err, const char *message)
{
    char line[400];
    snprintf(line, sizeof line, "error: %s", message[0] ? message : rc_error_text(err));
    print_always(NULL, line);
    return exit_code_of(err);
}

/* Threads that wait for one that failed cannot be joined: the process ends as it is. */
_Noreturn static void end_now(int code)
{
    fflush(NULL);
    _exit(code);
}

static int serve(struct run *run)
{
    char message[256] = "";
    bool stuck;
    enum rc_error err = run_service_start(run->service, message);
    if (err)
        end_now(complain(err, message));
    bool over = run_loop_run(run->loop);
    if (!over)
        end_now(complain(RC_ERR_KAFKA, "the last epoch could not be published in time; it is made "
                                       "again with the next start"));
    err = run_service_result(run->service, &stuck, message);
    if (err == RC_ERR_KAFKA && !strcmp(message, rc_error_text(err)))
        snprintf(message, sizeof message,
                 "Kafka was away: the last epoch is not published; it is made again with the next "
                 "start");
    print_end(run);
    int code = err ? complain(err, message) : EXIT_DONE;
    if (stuck)
        end_now(code);
    return code;
}

int cmd_run(int argc, char **argv)
{
    struct run run = {0};
    char message[256] = "";
    if (!parse(&run, argc, argv))
        return EXIT_WRONG_USE;
    if (run.help) {
        fputs(usage_text, stdout);
        return EXIT_DONE;
    }
    enum rc_error err = config_load("rollcall run", run.path, stderr, &run.loaded);
    if (err)
        return exit_code_of(err);
    err = open_all(&run, message);
    int code = EXIT_DONE;
    if (err) {
        code = complain(err, message);
    } else {
        print_start(&run);
        code = serve(&run);
    }
    struct run_loop *loop = run.loop;
    if (loop)
        run_loop_close(loop);
    run_service_close(run.service);
    config_free(run.loaded);
    return code;
}
