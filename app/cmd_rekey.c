/* `rollcall rekey`: input topics into topics that are keyed by client. */
#include "commands.h"
#include "config_load.h"
#include "exit.h"
#include "kafka_words.h"
#include "rekey.h"
#include "terminal.h"

#include <getopt.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

static const char usage_text[] =
    "usage: rollcall rekey [OPTION...] CONFIG\n"
    "\n"
    "Copies the input topics of CONFIG into topics that are keyed by client, each exactly once,\n"
    "whatever happens: what `kafka.keyed_by: client` needs, with which several processes share "
    "the\n"
    "work. A record goes to the partition that owns its client, murmur2(client) mod tasks as\n"
    "Kafka's own producers choose it, with the client as its key; value, headers and time stamp\n"
    "stay. What names no client goes by its value and keeps its key; a tick goes into every\n"
    "partition. The partitions of the input are merged in the order of event time.\n"
    "\n"
    "It follows the input until SIGTERM, and goes on where it stopped, whatever stopped it. When\n"
    "it has caught up: stop `run`, then start it with a configuration that names the new topics,\n"
    "keyed_by: client, and another kafka.group (docs/kafka.md tells how).\n"
    "\n"
    "  --to-suffix TEXT  contact.calls is copied to contact.callsTEXT; default .by-client. Topics\n"
    "                    that are missing are made like those of the input\n"
    "  --tasks N         partitions of each; default: tasks of CONFIG\n"
    "  --until-idle      stop by itself when all is copied and nothing has come for\n"
    "                    time.idle_after\n"
    "  --quiet           errors and warnings alone\n"
    "  --help\n"
    "\n"
    "Only one rekey copies a group's topics: the one that starts last shuts out the others.\n";

struct command {
    const char *path, *suffix;
    uint64_t tasks;
    bool until_idle, quiet, help;
    struct config_loaded *loaded;
    struct kafka_words words;
    struct kafka_speaker in, out;
    struct rekey *rekey;
    int64_t begun_ms;
    bool caught_up_said;
};

static _Atomic bool leave;

static int64_t steady_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- arguments ---- */

static bool wrong(const char *what, const char *found)
{
    fprintf(stderr, "rollcall rekey: %s", what);
    if (found)
        fprintf(stderr, ": \"%.80s\"", found);
    fprintf(stderr, "; see rollcall rekey --help\n");
    return false;
}

static bool parse(struct command *command, int argc, char **argv)
{
    static const struct option options[] = {{"to-suffix", required_argument, NULL, 's'},
                                            {"tasks", required_argument, NULL, 't'},
                                            {"until-idle", no_argument, NULL, 'u'},
                                            {"quiet", no_argument, NULL, 'q'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    int option;
    optind = 0;
    opterr = 0;
    while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
        switch (option) {
        case 's':
            command->suffix = optarg;
            break;
        case 't':
            if (!terminal_parse_count(optarg, 1, 4096, &command->tasks))
                return wrong("--tasks takes a number from 1 to 4096", optarg);
            break;
        case 'u':
            command->until_idle = true;
            break;
        case 'q':
            command->quiet = true;
            break;
        case 'h':
            command->help = true;
            return true;
        default:
            return wrong("unknown option or missing value", argv[optind - 1]);
        }
    }
    if (argc - optind != 1)
        return wrong("one configuration file is needed", NULL);
    command->path = argv[optind];
    return true;
}

/* ---- what is said ---- */

static void print(void *opaque, const char *line)
{
    (void)opaque;
    if (terminal_is(2))
        terminal_progress("");
    fprintf(stderr, "rollcall rekey: %s\n", line);
}

static void print_start(const struct command *command)
{
    const struct rc_config *config = command->loaded->config;
    char line[400];
    snprintf(line, sizeof line, "%u topics of %s, each to its name and %s with %u partitions",
             config->kafka.topic_count, config->kafka.brokers, command->suffix,
             (unsigned)command->tasks);
    if (!command->quiet)
        print(NULL, line);
}

static double rate_of(const struct command *command, const struct rekey_figures *figures)
{
    return (double)figures->records * 1000 / (double)(steady_ms() - command->begun_ms + 1);
}

static void show_progress(void *opaque)
{
    struct command *command = opaque;
    struct rekey_figures figures;
    char text[256], count[TERMINAL_TEXT_MAX], rate[TERMINAL_TEXT_MAX], behind[TERMINAL_TEXT_MAX];
    if (command->quiet)
        return;
    rekey_figures(command->rekey, &figures);
    if (figures.caught_up && !command->caught_up_said) {
        command->caught_up_said = true;
        print(NULL, command->until_idle ? "at the end of the input"
                                        : "caught up: what comes is copied as it comes");
    }
    if (!terminal_is(2))
        return;
    snprintf(text, sizeof text, "rekey: %s records copied, %s/s, %s to go",
             terminal_count(figures.records, count),
             terminal_rate(rate_of(command, &figures), rate),
             terminal_count(figures.behind, behind));
    terminal_progress(text);
}

static void print_summary(const struct command *command)
{
    struct rekey_figures figures;
    char count[TERMINAL_TEXT_MAX], rate[TERMINAL_TEXT_MAX], took[TERMINAL_TEXT_MAX];
    rekey_figures(command->rekey, &figures);
    if (terminal_is(2))
        terminal_progress("");
    fprintf(stderr, "copied %s records in %s, %s/s\n", terminal_count(figures.records, count),
            terminal_duration(steady_ms() - command->begun_ms, took),
            terminal_rate(rate_of(command, &figures), rate));
    if (figures.nameless)
        fprintf(stderr, "%s records name no client: they went by their value\n",
                terminal_count(figures.nameless, count));
    if (figures.repeated)
        fprintf(stderr, "%s transactions were not committed, and made again\n",
                terminal_count(figures.repeated, count));
}

/* ---- the command ---- */

static void on_signal(int number)
{
    (void)number;
    atomic_store_explicit(&leave, true, memory_order_relaxed);
}

static void catch_signals(void)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
}

static enum rc_error copy_all(struct command *command, char ret_message[256])
{
    const struct rc_config *config = command->loaded->config;
    kafka_words_init(&command->words, &config->kafka, print, NULL);
    command->in = (struct kafka_speaker){&command->words, 1};
    command->out = (struct kafka_speaker){&command->words, 2};
    if (!command->tasks)
        command->tasks = config->tasks;
    struct rekey_options options = {.config = config,
                                    .suffix = command->suffix,
                                    .tasks = (uint32_t)command->tasks,
                                    .until_idle = command->until_idle,
                                    .leave = &leave,
                                    .say = kafka_words_say,
                                    .in_opaque = &command->in,
                                    .out_opaque = &command->out,
                                    .progress = show_progress,
                                    .opaque = command};
    enum rc_error err = rekey_open(&options, &command->rekey, ret_message);
    if (!err) {
        print_start(command);
        err = rekey_run(command->rekey, ret_message);
    }
    if (err == RC_ERR_KAFKA && !ret_message[0])
        snprintf(ret_message, 256,
                 "Kafka was away: what is not committed is copied with the next start");
    if (err)
        print(NULL, ret_message[0] ? ret_message : rc_error_text(err));
    if (command->rekey && !command->quiet)
        print_summary(command);
    rekey_close(command->rekey);
    kafka_words_done(&command->words);
    return err;
}

int cmd_rekey(int argc, char **argv)
{
    struct command command = {.suffix = ".by-client", .begun_ms = steady_ms()};
    char message[256] = "";
    if (!parse(&command, argc, argv))
        return EXIT_WRONG_USE;
    if (command.help) {
        fputs(usage_text, stdout);
        return EXIT_DONE;
    }
    enum rc_error err = config_load("rollcall rekey", command.path, stderr, &command.loaded);
    if (err)
        return exit_code_of(err);
    catch_signals();
    err = copy_all(&command, message);
    config_free(command.loaded);
    return exit_code_of(err);
}
