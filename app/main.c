/* The desk: finds the subcommand. */
#include "commands.h"
#include "exit.h"
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define COMMANDS(X)                                                                                \
    X(replay, "CONFIG FILE...", "recorded events to records on standard output or in a folder")    \
    X(run, "CONFIG", "the service: Kafka topics in, Kafka topics out, figures over HTTP")          \
    X(feed, "CONFIG FILE...", "put recorded events into Kafka")                                    \
    X(rekey, "CONFIG", "copy input topics into topics keyed by client, exactly once")              \
    X(simulate, "", "make up an outsourcer's day, deterministic from a seed")                      \
    X(demo, "", "simulate and run in one process, with a live table")                              \
    X(check, "CONFIG", "find every mistake in a configuration; show the effective contracts")      \
    X(snapshot, "list|verify|show", "what a restart would go on from")

#define COMMAND_ROW(name, arguments, help) {#name, arguments, help, cmd_##name},
static const struct command {
    const char *name, *arguments, *help;
    int (*run)(int argc, char **argv);
} commands[] = {COMMANDS(COMMAND_ROW)};
#undef COMMAND_ROW
enum { COMMAND_COUNT = sizeof commands / sizeof *commands, WORD_MAX = 32 };

static void usage(FILE *to)
{
    fprintf(to, "usage: rollcall COMMAND [ARGUMENT...]\n\n"
                "Contact-centre figures from event streams, as contracts define them.\n\n");
    for (int i = 0; i < COMMAND_COUNT; i++) {
        char line[64];
        snprintf(line, sizeof line, "%s %s", commands[i].name, commands[i].arguments);
        fprintf(to, "  %-24s %s\n", line, commands[i].help);
    }
    fprintf(to,
            "\n  %-24s options of a command, as COMMAND --help does\n  %-24s\n\n"
            "exit codes: 0 done, 1 a check found something, 64 usage, 65 data refused,\n"
            "69 Kafka unreachable, 70 internal error, 74 a file cannot be read or written,\n"
            "77 not allowed, 78 configuration invalid\n",
            "help COMMAND", "--version");
}

static const struct command *find(const char *name)
{
    for (int i = 0; i < COMMAND_COUNT; i++)
        if (!strcmp(commands[i].name, name))
            return &commands[i];
    return NULL;
}

/* Levenshtein's distance; words longer than the longest command's are far from all. */
static unsigned distance(const char *a, const char *b)
{
    size_t a_size = strlen(a), b_size = strlen(b);
    unsigned row[WORD_MAX + 1];
    if (a_size > WORD_MAX || b_size > WORD_MAX)
        return WORD_MAX;
    for (size_t j = 0; j <= b_size; j++)
        row[j] = (unsigned)j;
    for (size_t i = 1; i <= a_size; i++) {
        unsigned corner = row[0];
        row[0] = (unsigned)i;
        for (size_t j = 1; j <= b_size; j++) {
            unsigned best = corner + (a[i - 1] != b[j - 1]);
            corner = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[b_size];
}

static int unknown(const char *word)
{
    const struct command *nearest = &commands[0];
    for (int i = 1; i < COMMAND_COUNT; i++)
        if (distance(word, commands[i].name) < distance(word, nearest->name))
            nearest = &commands[i];
    fprintf(stderr, "rollcall: there is no command \"%.40s\"", word);
    if (distance(word, nearest->name) <= 3)
        fprintf(stderr, "; did you mean \"%s\"?\n", nearest->name);
    else
        fprintf(stderr, "; see rollcall --help\n");
    return EXIT_WRONG_USE;
}

static bool is_help(const char *word)
{
    return !strcmp(word, "--help") || !strcmp(word, "-h") || !strcmp(word, "help");
}

static int help(int argc, char **argv)
{
    char option[] = "--help";
    if (argc < 2 || is_help(argv[1])) {
        usage(stdout);
        return EXIT_DONE;
    }
    const struct command *command = find(argv[1]);
    if (!command)
        return unknown(argv[1]);
    char *arguments[] = {argv[1], option, NULL};
    return command->run(2, arguments);
}

static int run(int argc, char **argv)
{
    if (argc < 2) {
        usage(stderr);
        return EXIT_WRONG_USE;
    }
    const char *word = argv[1];
    if (!strcmp(word, "--version") || !strcmp(word, "-V") || !strcmp(word, "version")) {
        printf("rollcall %s\n", ROLLCALL_VERSION);
        return EXIT_DONE;
    }
    if (is_help(word))
        return help(argc - 1, argv + 1);
    const struct command *command = find(word);
    if (!command)
        return unknown(word);
    return command->run(argc - 1, argv + 1);
}

/* A pipe or socket whose reader has left: no fault of ours, nor of the reader. */
static bool nobody_reads(int fd)
{
    struct pollfd end = {.fd = fd};
    return poll(&end, 1, 0) == 1 && (end.revents & POLLERR);
}

/* What stands in the buffer of standard output is written, or the exit code says that it is not. */
static int finish(int code)
{
    errno = 0;
    bool failed = fflush(stdout) != 0 || ferror(stdout);
    if (code != EXIT_DONE || !failed || nobody_reads(STDOUT_FILENO))
        return code;
    fprintf(stderr, "rollcall: standard output: %s\n", strerror(errno ? errno : EIO));
    return EXIT_IO;
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN); /* who writes asks for EPIPE */
    return finish(run(argc, argv));
}
