/* `rollcall replay`: recorded events to records. */
#include "commands.h"
#include "config_load.h"
#include "engine.h"
#include "exit.h"
#include "replay_report.h"
#include "terminal.h"
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static const char usage_text[] =
    "usage: rollcall replay [OPTION...] CONFIG FILE...\n"
    "\n"
    "Reads recorded events (NDJSON, plain or .zst; - is standard input) and writes records.\n"
    "Each FILE is a partition. The output is the same to the byte whatever the number of shards.\n"
    "\n"
    "  --only KINDS      of interval,rolling,slas,contacts,alerts; default interval\n"
    "  --format FORMAT   ndjson, csv or table; default table on a terminal, else ndjson\n"
    "  --out DIR         all records, one file per topic: metrics.ndjson, slas.ndjson,\n"
    "                    contacts.ndjson, alerts.ndjson, dead_letter.ndjson\n"
    "  --client NAME     this client alone\n"
    "  --queue NAME      records of this queue alone (* and @group too)\n"
    "  --until TIME      where time goes on to after the last event: RFC 3339, or epoch ms\n"
    "  --provisional     records of open intervals too, not only the last ones\n"
    "  --shards N        threads that compute, 1 to 64; default one per core but one\n"
    "  --strict          stop at the first line that is refused (exit code 65)\n"
    "  --quiet           no progress and no summary\n"
    "  --json            the summary as one JSON object, on standard error\n"
    "  --help\n";

struct replay_arguments {
    struct sink_file_options file;
    const char *config_path;
    char **path;
    int path_count;
    int64_t until_ms;
    uint64_t shards;
    bool provisional, strict, quiet, json, only_given, format_given, help;
};

static bool wrong(const char *what, const char *found)
{
    fprintf(stderr, "rollcall replay: %s", what);
    if (found)
        fprintf(stderr, ": \"%.80s\"", found);
    fprintf(stderr, "; see rollcall replay --help\n");
    return false;
}

static bool parse_only(struct replay_arguments *arguments, const char *text)
{
    struct sink_file_options *file = &arguments->file;
    const struct {
        const char *name;
        bool *flag;
    } kinds[] = {{"interval", &file->interval},
                 {"rolling", &file->rolling},
                 {"slas", &file->slas},
                 {"contacts", &file->contacts},
                 {"alerts", &file->alerts}};
    arguments->only_given = true;
    for (const char *at = text;; at++) {
        size_t size = strcspn(at, ","), i = 0;
        while (i < 5 && !(strlen(kinds[i].name) == size && !memcmp(kinds[i].name, at, size)))
            i++;
        if (i == 5)
            return wrong("--only takes interval, rolling, slas, contacts and alerts", text);
        *kinds[i].flag = true;
        at += size;
        if (!*at)
            return true;
    }
}

static bool parse_format(struct replay_arguments *arguments, const char *text)
{
    static const char *const names[] = {"ndjson", "csv", "table"};
    arguments->format_given = true;
    for (unsigned i = 0; i < 3; i++) {
        if (!strcmp(names[i], text)) {
            arguments->file.format = (enum sink_format)i;
            return true;
        }
    }
    return wrong("--format takes ndjson, csv or table", text);
}

static bool parse_option(struct replay_arguments *arguments, int option)
{
    switch (option) {
    case 'o':
        return parse_only(arguments, optarg);
    case 'f':
        return parse_format(arguments, optarg);
    case 'd':
        arguments->file.dir = optarg;
        return *optarg || wrong("--out takes a folder", NULL);
    case 'c':
        arguments->file.client = optarg;
        return true;
    case 'Q':
        arguments->file.queue = optarg;
        return true;
    case 'u':
        return terminal_parse_time(optarg, &arguments->until_ms) ||
               wrong("--until takes a time as 2026-01-05T09:00:00Z, or epoch milliseconds", optarg);
    case 'p':
        arguments->provisional = true;
        return true;
    case 'n':
        return terminal_parse_count(optarg, 1, ENGINE_SHARDS_MAX, &arguments->shards) ||
               wrong("--shards takes a number from 1 to 64", optarg);
    case 's':
        arguments->strict = true;
        return true;
    case 'q':
        arguments->quiet = true;
        return true;
    case 'j':
        arguments->json = true;
        return true;
    case 'h':
        arguments->help = true;
        return true;
    default:
        return wrong("unknown option or missing value", NULL);
    }
}

/* A contact's record has columns of its own, and no place in a table. */
static bool check_contacts(struct replay_arguments *arguments)
{
    struct sink_file_options *file = &arguments->file;
    if (!file->contacts)
        return true;
    if (file->format == SINK_TABLE && arguments->format_given)
        return wrong("contacts make no table: --format ndjson or csv", NULL);
    if (file->format == SINK_TABLE)
        file->format = SINK_NDJSON;
    if (file->format == SINK_CSV && (file->interval || file->rolling || file->slas || file->alerts))
        return wrong("contacts have CSV columns of their own: --only contacts, or without", NULL);
    return true;
}

static bool parse(struct replay_arguments *arguments, int argc, char **argv)
{
    static const struct option options[] = {{"only", required_argument, NULL, 'o'},
                                            {"format", required_argument, NULL, 'f'},
                                            {"out", required_argument, NULL, 'd'},
                                            {"client", required_argument, NULL, 'c'},
                                            {"queue", required_argument, NULL, 'Q'},
                                            {"until", required_argument, NULL, 'u'},
                                            {"provisional", no_argument, NULL, 'p'},
                                            {"shards", required_argument, NULL, 'n'},
                                            {"strict", no_argument, NULL, 's'},
                                            {"quiet", no_argument, NULL, 'q'},
                                            {"json", no_argument, NULL, 'j'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    int option;
    memset(arguments, 0, sizeof *arguments);
    arguments->until_ms = RC_TIME_NONE;
    arguments->file.fd = STDOUT_FILENO;
    arguments->file.format = isatty(STDOUT_FILENO) ? SINK_TABLE : SINK_NDJSON;
    arguments->file.color = terminal_color(STDOUT_FILENO);
    optind = 0;
    while ((option = getopt_long(argc, argv, "qh", options, NULL)) != -1)
        if (!parse_option(arguments, option))
            return false;
    if (arguments->help)
        return true;
    if (argc - optind < 2)
        return wrong(argc == optind ? "CONFIG and FILE are missing" : "FILE is missing", NULL);
    arguments->config_path = argv[optind];
    arguments->path = argv + optind + 1;
    arguments->path_count = argc - optind - 1;
    int standard_inputs = 0;
    for (int i = 0; i < arguments->path_count; i++)
        standard_inputs += !strcmp(arguments->path[i], "-");
    if (standard_inputs > 1)
        return wrong("standard input can be read once", NULL);
    if (arguments->file.dir && (arguments->only_given || arguments->format_given))
        return wrong("--out writes all records as NDJSON: no --only, no --format", NULL);
    if (!arguments->only_given)
        arguments->file.interval = true;
    const struct sink_file_options *file = &arguments->file;
    if (file->format == SINK_CSV && file->slas && (file->interval || file->rolling))
        return wrong("slas have CSV columns of their own: --only slas, or without", NULL);
    return check_contacts(arguments);
}

/* ---- the run ---- */

struct replay {
    const struct replay_arguments *arguments;
    struct config_loaded *loaded;
    struct rc_config config; /* the loaded one, less the windows that nobody asked for */
    struct sink_output output;
    struct engine *engine;
    struct ingest_files *files;
    int64_t begin_ms;
    char message[256];
};

static int64_t clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static enum rc_error run_source(void *opaque, char ret_message[256])
{
    return ingest_files_run(((struct replay *)opaque)->files, ret_message);
}

/* Windows that are not written are not kept: no figure of another window depends on them. */
static void config_narrow(struct rc_config *config, const struct sink_file_options *file)
{
    if (file->dir != NULL)
        return;
    if (!file->rolling && !file->slas)
        config->windows.rolling_count = 0;
    if (!file->interval && !file->slas)
        config->windows.interval_count = 0;
}

static enum rc_error replay_open(struct replay *replay)
{
    const struct replay_arguments *arguments = replay->arguments;
    const struct rc_config *config = &replay->config;
    replay->config = *replay->loaded->config;
    config_narrow(&replay->config, &arguments->file);
    struct sink_file_options output = arguments->file;
    output.config = config;
    output.source_name = (const char *const *)arguments->path;
    enum rc_error err = sink_file_open(&output, &replay->output, replay->message);
    if (err)
        return err;
    struct engine_options options = {.config = config,
                                     .shards = (uint32_t)arguments->shards,
                                     .hash_secret = engine_secret(),
                                     .replay = true,
                                     .provisional = arguments->provisional,
                                     .contacts = output.dir != NULL || output.contacts,
                                     .output = replay->output};
    err = engine_open(&options, &replay->engine);
    if (err)
        return err;
    struct ingest_file_options files = {.config = config,
                                        .path = (const char *const *)arguments->path,
                                        .path_count = (uint32_t)arguments->path_count,
                                        .until_ms = arguments->until_ms,
                                        .hash_secret = options.hash_secret,
                                        .strict = arguments->strict,
                                        .only_client = arguments->file.client};
    return ingest_files_open(&files, engine_input(replay->engine), &replay->files, replay->message);
}

static struct replay_report report_of(const struct replay *replay)
{
    return (struct replay_report){.engine = replay->engine,
                                  .ingest = ingest_files_stats(replay->files),
                                  .progress = ingest_files_progress(replay->files),
                                  .took_ms = clock_ms() - replay->begin_ms};
}

static void watch(struct replay *replay)
{
    bool show = !replay->arguments->quiet && terminal_is(STDERR_FILENO);
    while (!engine_wait(replay->engine, show ? 200 : 60000)) {
        if (!show)
            continue;
        struct replay_report report = report_of(replay);
        replay_report_progress(&report);
    }
    if (show)
        terminal_progress("");
}

static enum rc_error replay_run(struct replay *replay)
{
    const struct replay_arguments *arguments = replay->arguments;
    replay->begin_ms = clock_ms();
    enum rc_error err = engine_start(replay->engine, run_source, replay);
    if (!err) {
        watch(replay);
        if (!engine_output_failed(replay->engine))
            err = engine_join(replay->engine, replay->message);
    }
    if (err || engine_output_failed(replay->engine))
        err = engine_error(replay->engine, replay->message);
    if (!err && arguments->json) {
        struct replay_report report = report_of(replay);
        replay_report_json(&report, stderr);
    } else if (!err && !arguments->quiet) {
        struct replay_report report = report_of(replay);
        replay_report_summary(&report, stderr);
    }
    return err;
}

static int replay_files(struct replay *replay)
{
    enum rc_error err = replay_open(replay);
    if (!err)
        err = replay_run(replay);
    if (err && err != RC_ERR_END)
        fprintf(stderr, "rollcall replay: %s\n",
                replay->message[0] ? replay->message : rc_error_text(err));
    if (replay->engine && engine_output_failed(replay->engine)) {
        /* The other threads still read: what is not complete goes away, and so do they. */
        replay->output.close(replay->output.self);
        fflush(NULL);
        _exit(exit_code_of(err));
    }
    ingest_files_close(replay->files);
    engine_close(replay->engine);
    if (replay->output.close)
        replay->output.close(replay->output.self);
    return exit_code_of(err);
}

int cmd_replay(int argc, char **argv)
{
    struct replay_arguments arguments;
    if (!parse(&arguments, argc, argv))
        return EXIT_WRONG_USE;
    if (arguments.help) {
        fputs(usage_text, stdout);
        return EXIT_DONE;
    }
    struct replay replay = {.arguments = &arguments};
    enum rc_error err =
        config_load("rollcall replay", arguments.config_path, stderr, &replay.loaded);
    if (err)
        return exit_code_of(err);
    int code = replay_files(&replay);
    config_free(replay.loaded);
    return code;
}
