#include "commands.h"
#include "exit.h"
#include <criterion/criterion.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char config_text[] = "windows:\n"
                                  "  rolling: [{name: 15m, length: 15m, every: 10s}]\n"
                                  "  interval: [30m, day]\n"
                                  "defaults:\n"
                                  "  timezone: UTC\n"
                                  "  call: {service_level: {within: 20s, target: 80%}}\n";

enum { CLIENTS = 7, TEXT_ROOM = 32 << 20 };

struct place {
    char dir[64], config[96], events[96], output[96];
};

static void write_file(const char *path, const char *text)
{
    FILE *file = fopen(path, "w");
    cr_assert(file, "%s", path);
    fputs(text, file);
    fclose(file);
}

static char *read_file(const char *path)
{
    char *text = calloc(1, TEXT_ROOM);
    FILE *file = fopen(path, "r");
    cr_assert(file, "%s", path);
    cr_assert_lt(fread(text, 1, TEXT_ROOM - 1, file), TEXT_ROOM - 1);
    fclose(file);
    return text;
}

/* Calls of several clients, one every three seconds, each waiting a little longer. */
static void write_events(const char *path)
{
    FILE *file = fopen(path, "w");
    for (int i = 0; i < 500; i++) {
        long long at = 1767603600000 + i * 3000;
        fprintf(file,
                "{\"type\":\"queued\",\"time\":%lld,\"client\":\"c%d\",\"queue\":\"q%d\","
                "\"channel\":\"call\",\"contact\":\"x%d\"}\n"
                "{\"type\":\"answered\",\"time\":%lld,\"client\":\"c%d\",\"contact\":\"x%d\"}\n"
                "{\"type\":\"ended\",\"time\":%lld,\"client\":\"c%d\",\"contact\":\"x%d\"}\n",
                at, i % CLIENTS, i % 3, i, at + i % 40 * 1000, i % CLIENTS, i, at + 90000,
                i % CLIENTS, i);
        if (i % 100 == 50)
            fprintf(file, "garbage %d\n", i);
    }
    fclose(file);
}

static struct place new_place(void)
{
    struct place place;
    snprintf(place.dir, sizeof place.dir, "/tmp/rollcall-replay-XXXXXX");
    cr_assert(mkdtemp(place.dir));
    snprintf(place.config, sizeof place.config, "%s/config.yaml", place.dir);
    snprintf(place.events, sizeof place.events, "%s/events.ndjson", place.dir);
    snprintf(place.output, sizeof place.output, "%s/output", place.dir);
    write_file(place.config, config_text);
    write_events(place.events);
    return place;
}

static void remove_place(const struct place *place)
{
    unlink(place->config);
    unlink(place->events);
    unlink(place->output);
    cr_assert_eq(rmdir(place->dir), 0, "something was left in %s", place->dir);
}

/* Runs in a process of its own, standard output to a file and standard error nowhere. */
static int replay(const char *output, const char *const *arguments)
{
    pid_t child = fork();
    if (child == 0) {
        char *argv[16] = {strdup("replay")};
        int argc = 1, fd = open(output, O_WRONLY | O_CREAT | O_TRUNC, 0666);
        int null = open("/dev/null", O_WRONLY);
        for (; *arguments; arguments++)
            argv[argc++] = strdup(*arguments);
        dup2(fd, STDOUT_FILENO);
        dup2(null, STDERR_FILENO);
        int code = cmd_replay(argc, argv);
        fflush(NULL);
        _exit(code);
    }
    int status = 0;
    waitpid(child, &status, 0);
    cr_assert(WIFEXITED(status), "it ended by a signal");
    return WEXITSTATUS(status);
}

#define REPLAY(output, ...) replay(output, (const char *const[]){__VA_ARGS__, NULL})

Test(cmd_replay, the_output_is_the_same_to_the_byte_whatever_the_number_of_shards)
{
    struct place place = new_place();
    char *first = NULL;
    static const char *const shards[] = {"1", "2", "3", "7"};
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(REPLAY(place.output, place.config, place.events, "--only", "rolling,interval",
                            "--provisional", "--shards", shards[i]),
                     EXIT_DONE);
        char *text = read_file(place.output);
        cr_assert_gt(strlen(text), 100000);
        if (first) {
            cr_assert(!strcmp(first, text), "--shards %s", shards[i]);
            free(text);
        } else {
            first = text;
        }
    }
    free(first);
    remove_place(&place);
}

Test(cmd_replay, a_folder_gets_all_topics_and_dead_letters_by_line)
{
    struct place place = new_place();
    char dir[96], path[160];
    snprintf(dir, sizeof dir, "%s/out", place.dir);
    cr_assert_eq(REPLAY(place.output, place.config, place.events, "--out", dir), EXIT_DONE);
    static const char *const names[] = {"metrics", "slas", "contacts", "alerts", "dead_letter"};
    for (int i = 0; i < 5; i++) {
        snprintf(path, sizeof path, "%s/%s.ndjson", dir, names[i]);
        char *text = read_file(path);
        if (i == 4) {
            cr_assert(
                strstr(text, "\"line\":154,\"reason\":\"not_json\",\"value\":\"garbage 50\"}"),
                "%.300s", text);
            cr_assert(strstr(text, "\"value\":\"garbage 450\"}\n"));
        }
        free(text);
        cr_assert_eq(unlink(path), 0);
    }
    cr_assert_eq(rmdir(dir), 0, "nothing else is in it");
    remove_place(&place);
}

Test(cmd_replay, strict_stops_at_the_first_refused_line_and_leaves_no_files)
{
    struct place place = new_place();
    char dir[96];
    snprintf(dir, sizeof dir, "%s/out", place.dir);
    cr_assert_eq(REPLAY(place.output, place.config, place.events, "--strict", "--out", dir),
                 EXIT_REFUSED);
    cr_assert_eq(rmdir(dir), 0, "the folder is empty");
    remove_place(&place);
}

Test(cmd_replay, every_way_to_end_has_its_exit_code)
{
    struct place place = new_place();
    const char *config = place.config, *events = place.events, *output = place.output;
    cr_assert_eq(REPLAY(output, "--help"), EXIT_DONE);
    cr_assert_eq(REPLAY(output, config), EXIT_WRONG_USE);
    cr_assert_eq(REPLAY(output, config, events, "--nonsense"), EXIT_WRONG_USE);
    cr_assert_eq(REPLAY(output, config, events, "--shards", "0"), EXIT_WRONG_USE);
    cr_assert_eq(REPLAY(output, config, events, "--only", "interval,all"), EXIT_WRONG_USE);
    cr_assert_eq(REPLAY(output, config, events, "--only", ""), EXIT_WRONG_USE);
    cr_assert_eq(REPLAY(output, config, events, "--format", "xml"), EXIT_WRONG_USE);
    cr_assert_eq(REPLAY(output, config, events, "--format", "csv", "--only", "slas,interval"),
                 EXIT_WRONG_USE);
    cr_assert_eq(REPLAY(output, config, events, "--until", "tomorrow"), EXIT_WRONG_USE);
    cr_assert_eq(REPLAY(output, config, "-", "-"), EXIT_WRONG_USE);
    cr_assert_eq(REPLAY(output, config, events, "--out", "x", "--only", "rolling"), EXIT_WRONG_USE);
    cr_assert_eq(REPLAY(output, config, "/nonexistent.ndjson"), EXIT_IO);
    cr_assert_eq(REPLAY("/dev/full", config, events), EXIT_IO);
    write_file(place.config, "windows: 7\n");
    cr_assert_eq(REPLAY(output, config, events), EXIT_INVALID);
    remove_place(&place);
}

Test(cmd_replay, who_stops_reading_ends_it_quietly)
{
    struct place place = new_place();
    int pipe_fd[2], status = 0;
    cr_assert_eq(pipe(pipe_fd), 0);
    close(pipe_fd[0]);
    pid_t child = fork();
    if (child == 0) {
        char *argv[] = {strdup("replay"), place.config, place.events, NULL};
        dup2(pipe_fd[1], STDOUT_FILENO);
        dup2(open("/dev/null", O_WRONLY), STDERR_FILENO);
        signal(SIGPIPE, SIG_IGN);
        _exit(cmd_replay(3, argv));
    }
    waitpid(child, &status, 0);
    cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == EXIT_DONE);
    close(pipe_fd[1]);
    remove_place(&place);
}

Test(cmd_replay, client_and_queue_narrow_the_output)
{
    struct place place = new_place();
    cr_assert_eq(REPLAY(place.output, place.config, place.events, "--client", "c3", "--queue", "*",
                        "--until", "2026-02-01T00:00:00Z"),
                 EXIT_DONE);
    char *text = read_file(place.output);
    cr_assert_gt(strlen(text), 0);
    for (char *line = text; *line; line = strchr(line, '\n') + 1)
        cr_assert_eq(strncmp(line, "{\"client\":\"c3\",\"queue\":\"*\",", 27), 0, "%.80s", line);
    free(text);
    remove_place(&place);
}

Test(cmd_replay, clocks_alone_come_from_all_windows)
{
    struct place place = new_place();
    write_file(place.config,
               "windows: {rolling: [{name: hour, length: 1h, every: 1m}], interval: [day]}\n"
               "defaults: {ticket: {slas: [{name: c, measure: resolution, within: 1h}]}}\n");
    write_file(place.events,
               "{\"type\":\"queued\",\"time\":\"2026-01-05T09:00:00Z\",\"client\":\"a\","
               "\"contact\":\"t\",\"queue\":\"q\",\"channel\":\"ticket\"}\n"
               "{\"type\":\"resolved\",\"time\":\"2026-01-05T09:10:30Z\",\"client\":\"a\","
               "\"contact\":\"t\"}\n");
    cr_assert_eq(REPLAY(place.output, place.config, place.events, "--only", "slas", "--until",
                        "2026-01-05T12:00:00Z"),
                 EXIT_DONE);
    char *text = read_file(place.output);
    static const char *const expected[] = {
        "\"window\":\"hour\",\"kind\":\"rolling\"", "\"window\":\"day\",\"kind\":\"interval\"",
        "\"clock\":\"c\",\"measure\":\"resolution\",\"sla_met\":1,\"sla_of\":1,\"sla_bp\":10000,"
        "\"sla_target_bp\":null,\"sla_ok\":null}",
        "\"sla_met\":0,\"sla_of\":0,\"sla_bp\":null" /* when it has left the hour */};
    for (size_t i = 0; i < sizeof expected / sizeof *expected; i++)
        cr_assert_not_null(strstr(text, expected[i]), "%s", expected[i]);
    cr_assert_null(strstr(text, "opened"));
    free(text);
    remove_place(&place);
}
