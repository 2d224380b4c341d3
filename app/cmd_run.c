/* `rollcall run`: the service. */
#include "commands.h"
#include "config_load.h"
#include "exit.h"
#include "run_change.h"
#include "run_lease.h"
#include "run_loop.h"
#include "run_service.h"
#include "run_tasks.h"
#include "terminal.h"

#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char usage_text[] =
    "usage: rollcall run [OPTION...] CONFIG\n"
    "\n"
    "The service: reads the input topics of CONFIG, publishes records to the output topics, which\n"
    "are made where they are missing, and answers over HTTP. It goes on where the last run of the\n"
    "group stopped, whatever stopped it, from the newest snapshot (on this disk, or in Kafka) and\n"
    "the progress topic. Where another process of the group is active it stands by, and takes "
    "over\n"
    "when that is gone. A Kafka that is away is waited for. SIGTERM finishes the epoch, makes a\n"
    "snapshot and leaves; SIGHUP reads CONFIG again and, if it is valid, goes on under it.\n"
    "\n"
    "  --shards N     threads that compute, 1 to 64; default one per core but one\n"
    "  --until-idle   stop by itself when all partitions are at their end and quiet for\n"
    "                 time.idle_after: for audits and tests of recorded events\n"
    "  --restate      when what is made again differs from what was published, or input that is\n"
    "                 needed for it is gone, publish the difference and go on; without it the\n"
    "                 start is refused (70, 65)\n"
    "  --quiet        errors and warnings alone\n"
    "  --help\n";

struct run {
    const char *path;
    uint64_t shards;
    bool until_idle, quiet, restate, help;
    struct config_loaded *loaded;
    struct config_loaded *next; /* of a SIGHUP */
    bool only;                  /* recover, and no more */
    struct run_lease *lease;    /* with the configuration that it was opened with */
    struct config_loaded *lease_loaded;
    bool leaves; /* a signal has come */
    bool yields; /* the service was stopped since it has the lease no more */
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

static void print_start(struct run *run, uint32_t count, const char *what)
{
    static const char *const channels[] = {"call", "chat", "ticket", "any"};
    const struct rc_config *config = run->loaded->config;
    char line[1024];
    int at = snprintf(line, sizeof line, "rollcall %s: %s, brokers %s, group %s, topics",
                      ROLLCALL_VERSION, run->path, config->kafka.brokers, config->kafka.group);
    for (uint32_t i = 0; i < config->kafka.topic_count && at < (int)sizeof line; i++)
        at += snprintf(line + at, sizeof line - (size_t)at, "%s %s (%s)", i ? "," : "",
                       config->kafka.topic[i].name, channels[config->kafka.topic[i].channel]);
    if (at < (int)sizeof line)
        snprintf(line + at, sizeof line - (size_t)at, ", zone data %s, %u %s, HTTP %s",
                 config->zone_data_version, count, what,
                 config->http.listen ? config->http.listen : "off");
    print_news(run, line);
}

static void print_end(struct run *run, const struct run_service_figures *figures)
{
    char line[400], events[TERMINAL_TEXT_MAX], records[TERMINAL_TEXT_MAX], dead[TERMINAL_TEXT_MAX],
        now[TERMINAL_TEXT_MAX], late[TERMINAL_TEXT_MAX];
    snprintf(line, sizeof line,
             "stopped: %s input records, %s late, %s records made, %s dead letters, now %s",
             terminal_count(figures->events, events), terminal_count(figures->late, late),
             terminal_count(figures->published, records),
             terminal_count(figures->dead_letters, dead), terminal_time(figures->now_ms, now));
    print_news(run, line);
}

/* ---- signals ---- */

/* Its id does not tell: what is this process's own is not in it. */
static bool same_file(const struct rc_config *a, const struct rc_config *b)
{
    return !strcmp(a->id, b->id) && a->text_size == b->text_size &&
           !memcmp(a->text, b->text, a->text_size);
}

static bool reload(void *opaque)
{
    struct run *run = opaque;
    struct config_loaded *again;
    char line[800], why[300];
    enum rc_error err = config_load("rollcall run", run->path, stderr, &again);
    if (err) {
        snprintf(line, sizeof line,
                 "SIGHUP: %s is not valid (see above); the running configuration stays", run->path);
    } else if (same_file(again->config, run->loaded->config)) {
        snprintf(line, sizeof line, "SIGHUP: nothing has changed in %s", run->path);
        config_free(again);
    } else if (!run_change_fits(run->loaded->config, again->config, why)) {
        snprintf(line, sizeof line,
                 "SIGHUP: %s is refused, and the running configuration stays: %s", run->path, why);
        err = RC_ERR_CONFIG;
        config_free(again);
    } else {
        snprintf(line, sizeof line, "SIGHUP: %s is valid and has changed: over to it", run->path);
        config_free(run->next);
        run->next = again;
    }
    print_always(run, line);
    if (run->next)
        run_loop_stop(run->loop, "the epoch is finished");
    return !err;
}

static void on_ended(void *opaque)
{
    struct run *run = opaque;
    run_loop_wake(run->loop);
}

/* Of the lease, which outlives the loops: what it has to say is seen at the next tick. */
static void on_lease(void *opaque)
{
    (void)opaque;
}

static void on_tick(void *opaque)
{
    struct run *run = opaque;
    if (!run_lease_over(run->lease, run_service_publishes(run->service)))
        return;
    run->yields = true;
    run_loop_stop(run->loop, "the group has given the work to another process: this one stops");
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
    static const struct option options[] = {
        {"shards", required_argument, NULL, 'n'}, {"until-idle", no_argument, NULL, 'u'},
        {"restate", no_argument, NULL, 'r'},      {"quiet", no_argument, NULL, 'q'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0}};
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
        case 'r':
            run->restate = true;
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
    struct run_service_options service = {.loaded = run->loaded,
                                          .shards = (uint32_t)run->shards,
                                          .table = true,
                                          .recover = true,
                                          .recover_only = run->only,
                                          .restate = run->restate,
                                          .lease = run_lease_membership(run->lease),
                                          .print = print_always,
                                          .ended = on_ended,
                                          .opaque = run};
    enum rc_error err = run_service_open(&service, &run->service, ret_message);
    if (err)
        return err;
    struct run_loop_options loop = {.config = run->loaded->config,
                                    .until_idle = run->until_idle,
                                    .reload = run->only ? NULL : reload,
                                    .tick = on_tick,
                                    .print = print_news,
                                    .opaque = run};
    run_work_of_service(run->service, &loop.work);
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

/* Whether the service ended since another process has the lease: AGAIN, with all its threads ended;
 * or what the membership itself ended with. Else what it ended with. */
static enum rc_error lease_verdict(struct run *run, enum rc_error err, bool stuck,
                                   char ret_message[256])
{
    char message[256];
    if (err == RC_ERR_AGAIN && !run_service_publishes(run->service))
        print_news(run, "standby: the active process has gone another way: this one begins anew");
    bool fenced = err == RC_ERR_KAFKA && !run_loop_stopped(run->loop);
    if (fenced || (run->yields && (!err || err == RC_ERR_KAFKA))) {
        enum rc_error why = run_lease_why(run->lease, message);
        if (why)
            err = why;
        if (why == RC_ERR_AGAIN)
            print_always(run, "another process of the group has taken over: this one stands by");
        else if (why)
            memcpy(ret_message, message, sizeof message);
    }
    if (err == RC_ERR_AGAIN && stuck && !run_service_abandon(run->service))
        end_now(complain(RC_ERR_KAFKA, "another process has taken over, and this one does not come "
                                       "to an end"));
    return err;
}

/* What the service ended with. */
static enum rc_error serve(struct run *run, char ret_message[256])
{
    bool stuck;
    enum rc_error err = run_service_start(run->service, ret_message);
    if (err)
        end_now(complain(err, ret_message));
    bool over = run_loop_run(run->loop);
    run->leaves |= run_loop_left(run->loop);
    if (!over)
        end_now(complain(RC_ERR_KAFKA, "the last epoch could not be published in time; it is made "
                                       "again with the next start"));
    err = run_service_result(run->service, &stuck, ret_message);
    err = lease_verdict(run, err, stuck, ret_message);
    if (err == RC_ERR_AGAIN)
        return err;
    if (err == RC_ERR_KAFKA && !strcmp(ret_message, rc_error_text(err)))
        snprintf(ret_message, 256,
                 "Kafka was away: the last epoch is not published; it is made again with the next "
                 "start");
    struct run_service_figures figures;
    run_service_figures(run->service, &figures);
    print_end(run, &figures);
    if (stuck)
        end_now(err ? complain(err, ret_message) : EXIT_DONE);
    return err;
}

/* Opens, serves and closes under run->loaded. AGAIN: *ret_finish is there, or it stands by anew. */
static enum rc_error serve_once(struct run *run, struct config_recorded *ret_finish,
                                char ret_message[256])
{
    struct run_service_figures figures;
    run->yields = false;
    enum rc_error err = open_all(run, ret_message);
    if (!err) {
        run_service_figures(run->service, &figures);
        print_start(run, figures.shards, "shards");
        err = serve(run, ret_message);
    }
    if (err == RC_ERR_AGAIN)
        run_service_finish_under(run->service, ret_finish);
    struct run_loop *loop = run->loop;
    run->loop = NULL;
    if (loop)
        run_loop_close(loop);
    run_service_close(run->service);
    run->service = NULL;
    return err;
}

/* Epochs that were committed under a configuration before this one are made again under it. */
static enum rc_error finish_before(struct run *run, const struct config_recorded *recorded,
                                   char ret_message[256])
{
    struct run before = *run;
    struct config_recorded none = {0};
    print_news(run, "the configuration has changed since the last run: first what that run had "
                    "done is made again under the one before");
    before.only = true;
    before.until_idle = false;
    before.next = NULL;
    enum rc_error err =
        config_load_recorded("the configuration before", recorded, stderr, &before.loaded);
    if (!err) {
        config_take_own(before.loaded, run->loaded->config);
        err = serve_once(&before, &none, ret_message);
        run->leaves = before.leaves;
        config_free(before.loaded);
    }
    bool odd = err == RC_ERR_AGAIN && none.text;
    free(none.text);
    return odd ? RC_ERR_INTERNAL : err;
}

/* ---- the lease ---- */

static enum rc_error join_group(struct run *run, char ret_message[256])
{
    struct run_lease_options options = {
        .loaded = run->loaded, .print = print_always, .wake = on_lease, .opaque = run};
    enum rc_error err = run_lease_open(&options, &run->lease, ret_message);
    run->lease_loaded = err ? NULL : run->loaded;
    return err;
}

static void leave_group(struct run *run)
{
    run_lease_close(run->lease);
    run->lease = NULL;
    if (run->lease_loaded != run->loaded)
        config_free(run->lease_loaded);
    run->lease_loaded = NULL;
}

/* Over to the configuration of a SIGHUP; a membership that would be the same stays. */
static enum rc_error change_over(struct run *run, char ret_message[256])
{
    bool leaves = run_lease_differs(run->lease, run->next->config);
    struct config_loaded *before = run->loaded;
    run->loaded = run->next;
    run->next = NULL;
    if (before != run->lease_loaded)
        config_free(before);
    if (!leaves)
        return RC_OK;
    leave_group(run);
    return join_group(run, ret_message);
}

/* Once, and, where the configuration has changed, before that what is to be made under the one
 * before. AGAIN: it is to stand by anew. */
static enum rc_error serve_through(struct run *run, char ret_message[256])
{
    struct config_recorded finish = {0};
    enum rc_error err = serve_once(run, &finish, ret_message);
    if (err == RC_ERR_AGAIN && finish.text) {
        err = finish_before(run, &finish, ret_message);
        free(finish.text);
        finish.text = NULL;
        if (!err && !run->leaves)
            err = serve_once(run, &finish, ret_message);
        if (finish.text) {
            snprintf(ret_message, 256,
                     "going over to another configuration takes a snapshot, and none could be "
                     "written: see the warnings above, and start again");
            err = RC_ERR_IO;
        }
    }
    free(finish.text);
    return err;
}

/* ---- where members share the tasks ---- */

static enum rc_error open_tasks(struct run *run, struct run_tasks **ret_tasks,
                                char ret_message[256])
{
    struct run_tasks_options options = {.loaded = run->loaded,
                                        .restate = run->restate,
                                        .print = print_always,
                                        .wake = on_ended,
                                        .opaque = run};
    struct run_loop_options loop = {.config = run->loaded->config,
                                    .until_idle = run->until_idle,
                                    .reload = reload,
                                    .print = print_news,
                                    .opaque = run};
    enum rc_error err = run_tasks_open(&options, ret_tasks, ret_message);
    if (err)
        return err;
    run_tasks_work(*ret_tasks, &loop.work);
    err = run_loop_open(&loop, &run->loop, ret_message);
    if (err)
        run_tasks_close(*ret_tasks);
    return err;
}

static enum rc_error serve_tasks(struct run *run, char ret_message[256])
{
    struct run_tasks *tasks;
    struct run_service_figures figures;
    bool stuck;
    enum rc_error err = open_tasks(run, &tasks, ret_message);
    if (err)
        return err;
    print_start(run, run->loaded->config->tasks, "tasks in all");
    if (!run_loop_run(run->loop))
        end_now(complain(RC_ERR_KAFKA, "the last epochs could not be published in time; they are "
                                       "made again with the next start"));
    err = run_tasks_finish(tasks, run->next != NULL, &stuck, ret_message);
    run->leaves |= run_loop_left(run->loop);
    run_tasks_figures(tasks, &figures);
    print_end(run, &figures);
    if (stuck)
        end_now(err ? complain(err, ret_message) : EXIT_DONE);
    struct run_loop *loop = run->loop;
    run->loop = NULL;
    run_loop_close(loop);
    run_tasks_close(tasks);
    return err;
}

/* One process does it all, and others stand by. */
static enum rc_error serve_whole(struct run *run, char ret_message[256])
{
    enum rc_error err = join_group(run, ret_message);
    if (err)
        return err;
    do {
        if (run->next)
            err = change_over(run, ret_message);
        if (err && err != RC_ERR_AGAIN)
            break;
        run_lease_begin(run->lease);
        err = serve_through(run, ret_message);
        run_lease_end(run->lease);
    } while (!run->leaves && (err == RC_ERR_AGAIN || (!err && run->next)));
    leave_group(run);
    return err == RC_ERR_AGAIN ? RC_OK : err;
}

/* No SIGHUP changes from one of the two to the other. */
static enum rc_error serve_all(struct run *run, char ret_message[256])
{
    if (!run->loaded->config->kafka.keyed_by_client)
        return serve_whole(run, ret_message);
    enum rc_error err = serve_tasks(run, ret_message);
    while (!err && run->next && !run->leaves) {
        config_free(run->loaded);
        run->loaded = run->next;
        run->next = NULL;
        err = serve_tasks(run, ret_message);
    }
    return err;
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
    run_loop_signals(SIG_BLOCK, true);
    enum rc_error err = config_load("rollcall run", run.path, stderr, &run.loaded);
    if (err)
        return exit_code_of(err);
    err = serve_all(&run, message);
    config_free(run.next);
    config_free(run.loaded);
    return err ? complain(err, message) : EXIT_DONE;
}
