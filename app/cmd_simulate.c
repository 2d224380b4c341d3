#include "cmd_simulate.h"

#include "simulate_args.h"
#include "simulate_kafka.h"
#include "simulate_model.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <time.h>
#include <unistd.h>

enum { BUFFER_SIZE = 1 << 20 };

struct settings {
    struct sim_options sim;
    const char *out;    /* NULL or "-": stdout */
    const char *into;   /* configuration of the Kafka that events go to; NULL: none */
    const char *config; /* where the configuration goes; NULL: nowhere */
    bool quiet, help;
};

struct file_sink {
    int fd;
    uint32_t used;
    uint64_t events, bytes;
    char buffer[BUFFER_SIZE];
};

static const char help_text[] =
    "usage: rollcall simulate [OPTION]...\n"
    "\n"
    "Makes up the days of a provider's clients, and writes the events as NDJSON: calls and\n"
    "chats come in by each client's opening hours, wait for agents who are never quite enough,\n"
    "give up, are answered, passed on, call again, answer surveys; tickets are worked on, wait\n"
    "for customers, move, come back. The same options give the same bytes.\n"
    "\n"
    "Who and when\n"
    "  --seed N            another number, another world (default 1)\n"
    "  --clients N         clients, in different zones (10; at most 100000)\n"
    "  --queues N          queues of each client (3; at most 64)\n"
    "  --contacts N        contacts of a queue on an ordinary day (400; transfers and repeats\n"
    "                      come on top)\n"
    "  --from TIME         the first instant, RFC 3339 or a date (2026-01-05, a Monday)\n"
    "  --for DURATION      nobody calls after that; what has begun runs out (1d; ms s m h d)\n"
    "  --events N          stop after so many events\n"
    "How busy\n"
    "  --load FACTOR       offered load against what the agents are planned for (1; at 1.2 the\n"
    "                      queues overflow, at 0.8 everybody is answered at once)\n"
    "  --patience DURATION mean time that a caller waits before giving up (3m)\n"
    "  --chat-share SHARE  chats among the contacts (25%)\n"
    "  --ticket-share SHARE  tickets among the contacts (0); calls are the rest\n"
    "  --parallel N        chats that one agent has at a time (3)\n"
    "  --flat              no daily curve and always open, for measurements\n"
    "What goes wrong on the way\n"
    "  --disorder DURATION each event comes up to so much late (0)\n"
    "  --late SHARE        events that come far out of order\n"
    "  --late-by DURATION  ... and by how much at most (30m)\n"
    "  --duplicates SHARE  events that come twice\n"
    "  --damaged SHARE     events of which a copy comes as well that is not valid\n"
    "Where it goes\n"
    "  --out FILE          instead of the standard output\n"
    "  --into CONFIG       straight into Kafka: brokers and topics of that configuration\n"
    "  --config FILE       write a configuration with these clients, zones and queues\n"
    "  --quiet             no summary on the standard error\n"
    "\n"
    "A day of ten clients, and what Rollcall makes of it:\n"
    "  rollcall simulate --config day.yaml --out day.ndjson\n"
    "  rollcall replay day.yaml day.ndjson\n"
    "\n"
    "Exit codes: 0 done, 64 wrong option, 69 Kafka cannot be reached, 71 no memory, 74 a file\n"
    "cannot be written, 78 the configuration is invalid.\n";

enum option_value {
    OPT_HELP = 256,
    OPT_SEED,
    OPT_CLIENTS,
    OPT_QUEUES,
    OPT_CONTACTS,
    OPT_FROM,
    OPT_FOR,
    OPT_EVENTS,
    OPT_LOAD,
    OPT_PATIENCE,
    OPT_CHAT_SHARE,
    OPT_TICKET_SHARE,
    OPT_PARALLEL,
    OPT_FLAT,
    OPT_DISORDER,
    OPT_LATE,
    OPT_LATE_BY,
    OPT_DUPLICATES,
    OPT_DAMAGED,
    OPT_OUT,
    OPT_CONFIG,
    OPT_INTO,
    OPT_QUIET
};

static const struct option long_options[] = {
    {"help", no_argument, NULL, OPT_HELP},
    {"seed", required_argument, NULL, OPT_SEED},
    {"clients", required_argument, NULL, OPT_CLIENTS},
    {"queues", required_argument, NULL, OPT_QUEUES},
    {"contacts", required_argument, NULL, OPT_CONTACTS},
    {"from", required_argument, NULL, OPT_FROM},
    {"for", required_argument, NULL, OPT_FOR},
    {"events", required_argument, NULL, OPT_EVENTS},
    {"load", required_argument, NULL, OPT_LOAD},
    {"patience", required_argument, NULL, OPT_PATIENCE},
    {"chat-share", required_argument, NULL, OPT_CHAT_SHARE},
    {"ticket-share", required_argument, NULL, OPT_TICKET_SHARE},
    {"parallel", required_argument, NULL, OPT_PARALLEL},
    {"flat", no_argument, NULL, OPT_FLAT},
    {"disorder", required_argument, NULL, OPT_DISORDER},
    {"late", required_argument, NULL, OPT_LATE},
    {"late-by", required_argument, NULL, OPT_LATE_BY},
    {"duplicates", required_argument, NULL, OPT_DUPLICATES},
    {"damaged", required_argument, NULL, OPT_DAMAGED},
    {"out", required_argument, NULL, OPT_OUT},
    {"config", required_argument, NULL, OPT_CONFIG},
    {"into", required_argument, NULL, OPT_INTO},
    {"quiet", no_argument, NULL, OPT_QUIET},
    {NULL, 0, NULL, 0}};

static bool parse_u32(const char *text, uint32_t *ret_value)
{
    uint64_t value;
    if (!sim_parse_count(text, UINT32_MAX, &value))
        return false;
    *ret_value = (uint32_t)value;
    return true;
}

static bool parse_factor(const char *text, double *ret_factor)
{
    uint32_t ppm;
    if (!sim_parse_share(text, 1000000000, &ppm))
        return false;
    *ret_factor = (double)ppm / 1000000.0;
    return true;
}

/* Whether the option's word is understood; ranges are judged by sim_check_options. */
static bool take_option(struct settings *settings, int option, const char *text)
{
    struct sim_options *sim = &settings->sim;
    switch ((enum option_value)option) {
    case OPT_HELP:
        settings->help = true;
        return true;
    case OPT_SEED:
        return sim_parse_count(text, UINT64_MAX, &sim->seed);
    case OPT_CLIENTS:
        return parse_u32(text, &sim->clients);
    case OPT_QUEUES:
        return parse_u32(text, &sim->queues_per_client);
    case OPT_CONTACTS:
        return parse_u32(text, &sim->contacts_per_day_per_queue);
    case OPT_FROM:
        return sim_parse_time(text, &sim->start_ms);
    case OPT_FOR:
        return sim_parse_duration(text, &sim->duration_ms) && sim->duration_ms > 0;
    case OPT_EVENTS:
        return sim_parse_count(text, UINT64_MAX, &sim->events_max);
    case OPT_LOAD:
        return parse_factor(text, &sim->load);
    case OPT_PATIENCE:
        return sim_parse_duration(text, &sim->patience_ms);
    case OPT_CHAT_SHARE:
        return parse_factor(text, &sim->chat_share);
    case OPT_TICKET_SHARE:
        return parse_factor(text, &sim->ticket_share);
    case OPT_PARALLEL:
        return parse_u32(text, &sim->parallel_chats);
    case OPT_FLAT:
        sim->flat = true;
        return true;
    case OPT_DISORDER:
        return sim_parse_duration(text, &sim->disorder_ms);
    case OPT_LATE:
        return sim_parse_share(text, 1000000, &sim->late_ppm);
    case OPT_LATE_BY:
        return sim_parse_duration(text, &sim->late_by_ms);
    case OPT_DUPLICATES:
        return sim_parse_share(text, 1000000, &sim->duplicate_ppm);
    case OPT_DAMAGED:
        return sim_parse_share(text, 1000000, &sim->damaged_ppm);
    case OPT_OUT:
        settings->out = text;
        return true;
    case OPT_INTO:
        settings->into = text;
        return true;
    case OPT_CONFIG:
        settings->config = text;
        return true;
    case OPT_QUIET:
        settings->quiet = true;
        return true;
    }
    return false;
}

/* 0, or the exit code. */
static int parse_arguments(int argc, char **argv, struct settings *settings)
{
    int option, index = 0;

    opterr = 0;
    optind = 0; /* also forgets what main has read */
    while ((option = getopt_long(argc, argv, "h", long_options, &index)) != -1) {
        if (option == 'h')
            option = OPT_HELP;
        if (option == '?') {
            fprintf(stderr,
                    "rollcall simulate: '%s' is no option, or lacks its value; see --help\n",
                    argv[optind - 1]);
            return EX_USAGE;
        }
        if (!take_option(settings, option, optarg)) {
            fprintf(stderr, "rollcall simulate: --%s does not take '%s'\n",
                    long_options[index].name, optarg);
            return EX_USAGE;
        }
    }
    if (optind < argc) {
        fprintf(stderr, "rollcall simulate: '%s' is not an option\n", argv[optind]);
        return EX_USAGE;
    }
    const char *fault = sim_check_options(&settings->sim);
    if (fault) {
        fprintf(stderr, "rollcall simulate: %s\n", fault);
        return EX_USAGE;
    }
    return 0;
}

static enum rc_error flush(struct file_sink *sink)
{
    uint32_t written = 0;
    while (written < sink->used) {
        ssize_t size = write(sink->fd, sink->buffer + written, sink->used - written);
        if (size < 0 && errno == EINTR)
            continue;
        if (size < 0)
            return errno == EPIPE ? RC_ERR_END : RC_ERR_IO;
        written += (uint32_t)size;
    }
    sink->used = 0;
    return RC_OK;
}

static enum rc_error put_line(void *opaque, const struct sim_event *ev)
{
    struct file_sink *sink = opaque;
    if (BUFFER_SIZE - sink->used <= ev->json_len) {
        enum rc_error err = flush(sink);
        if (err != RC_OK)
            return err;
    }
    memcpy(sink->buffer + sink->used, ev->json, ev->json_len);
    sink->used += ev->json_len;
    sink->buffer[sink->used++] = '\n';
    sink->events++;
    sink->bytes += ev->json_len + 1;
    return RC_OK;
}

static int write_config(const struct settings *settings)
{
    if (!settings->config)
        return 0;
    FILE *file = fopen(settings->config, "we");
    if (!file) {
        fprintf(stderr, "rollcall simulate: %s: %s\n", settings->config, strerror(errno));
        return EX_IOERR;
    }
    sim_write_config(&settings->sim, file);
    bool failed = ferror(file) != 0;
    if (fclose(file) != 0 || failed) {
        fprintf(stderr, "rollcall simulate: %s cannot be written\n", settings->config);
        return EX_IOERR;
    }
    return 0;
}

static int64_t clock_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void print_summary(const struct file_sink *sink, const struct sim *sim, int64_t took_ms)
{
    took_ms = took_ms > 0 ? took_ms : 1;
    fprintf(stderr, "%llu events of %llu contacts, %llu bytes, %lld.%03lld s, %llu events/s\n",
            (unsigned long long)sink->events, (unsigned long long)sim_contacts(sim),
            (unsigned long long)sink->bytes, (long long)(took_ms / 1000),
            (long long)(took_ms % 1000),
            (unsigned long long)(sink->events * 1000 / (uint64_t)took_ms));
}

/* Runs the simulation into a file that is open. */
static int simulate(const struct settings *settings, int fd)
{
    struct sim *sim = NULL;
    struct file_sink *sink = malloc(sizeof(*sink));
    enum rc_error err = sink ? sim_open(&settings->sim, &sim) : RC_ERR_MEMORY;
    int64_t start_ms = clock_ms();

    if (err == RC_OK) {
        sink->fd = fd;
        sink->used = 0;
        sink->events = sink->bytes = 0;
        err = sim_run(sim, put_line, sink);
    }
    if (err == RC_OK)
        err = flush(sink);
    if (err == RC_ERR_END) { /* nobody reads any more: as other filters do, no fault */
        sim_close(sim);
        free(sink);
        return EX_OK;
    }
    if (err == RC_OK && !settings->quiet)
        print_summary(sink, sim, clock_ms() - start_ms);
    if (err != RC_OK)
        fprintf(stderr, "rollcall simulate: %s%s%s\n", rc_error_text(err),
                err == RC_ERR_IO ? ": " : "", err == RC_ERR_IO ? strerror(errno) : "");
    sim_close(sim);
    free(sink);
    return err == RC_OK ? EX_OK : err == RC_ERR_MEMORY ? EX_OSERR : EX_IOERR;
}

int cmd_simulate(int argc, char **argv)
{
    struct settings settings = {.sim = sim_default_options()};
    int fd = STDOUT_FILENO;

    int code = parse_arguments(argc, argv, &settings);
    if (code != 0)
        return code;
    if (settings.help) {
        fputs(help_text, stdout);
        return EX_OK;
    }
    code = write_config(&settings);
    if (code != 0)
        return code;
    if (settings.into)
        return simulate_into_kafka(&settings.sim, settings.into, settings.quiet);
    if (settings.out && strcmp(settings.out, "-") != 0) {
        fd = open(settings.out, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
        if (fd < 0) {
            fprintf(stderr, "rollcall simulate: %s: %s\n", settings.out, strerror(errno));
            return EX_IOERR;
        }
    }
    code = simulate(&settings, fd);
    if (fd != STDOUT_FILENO && close(fd) != 0 && code == EX_OK) {
        fprintf(stderr, "rollcall simulate: %s: %s\n", settings.out, strerror(errno));
        code = EX_IOERR;
    }
    return code;
}
