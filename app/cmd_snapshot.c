/* `rollcall snapshot`: which snapshots there are, whether they are whole, what is in one. */
#include "commands.h"
#include "config_load.h"
#include "exit.h"
#include "rollcall/sink.h"
#include "terminal.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char help_text[] =
    "usage: rollcall snapshot list DIR|CONFIG [--json]\n"
    "       rollcall snapshot verify FILE|DIR... [--json]\n"
    "       rollcall snapshot show FILE [--config] [--json]\n"
    "\n"
    "A snapshot is what the service knew at the end of an epoch, in one file. A start takes the\n"
    "newest whole one that is not after the last committed epoch, and makes what came later "
    "again.\n"
    "These commands only read; they may be used while the service runs.\n"
    "\n"
    "  list    the snapshots of a directory, newest first; of a configuration: those of its group\n"
    "          in its snapshot.dir. A start would pass over whatever is not whole.\n"
    "  verify  takes every checksum and every stream apart as a start would\n"
    "  show    what one says of itself, and the size of its parts: a task's state, or the table "
    "of\n"
    "          current records\n"
    "\n"
    "  --config  the configuration that it was made under, as it was written, and nothing else\n"
    "  --json    the same as one JSON object\n"
    "  --help    this text\n"
    "\n"
    "exit codes: 0 all well, 1 verify: there is no snapshot in that directory, 64 usage,\n"
    "65 verify, show: damaged, torn, or of a later version, 74 cannot be read, 77 not allowed,\n"
    "78 list: the configuration is invalid\n"
    "\n"
    "  rollcall snapshot list /var/lib/rollcall\n"
    "  rollcall snapshot verify /var/lib/rollcall && echo all whole\n"
    "  rollcall snapshot show --config FILE >as-it-was.yaml\n";

enum { ARGUMENTS_MAX = 256, PATH_ROOM = 4400 };
static const char suffix[] = ".snapshot", unfinished_suffix[] = ".tmp";

struct arguments {
    const char *verb, *path[ARGUMENTS_MAX];
    int count;
    bool json, config, help;
};

static int wrong_use(const char *what, const char *word)
{
    fprintf(stderr, "rollcall snapshot: %s%s%s; see rollcall snapshot --help\n", what,
            word ? " " : "", word ? word : "");
    return EXIT_WRONG_USE;
}

static int arguments_read(int argc, char **argv, struct arguments *ret)
{
    *ret = (struct arguments){0};
    for (int i = 1; i < argc; i++) {
        if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
            ret->help = true;
        else if (!strcmp(argv[i], "--json"))
            ret->json = true;
        else if (!strcmp(argv[i], "--config"))
            ret->config = true;
        else if (argv[i][0] == '-')
            return wrong_use("unknown option", argv[i]);
        else if (!ret->verb)
            ret->verb = argv[i];
        else if (ret->count == ARGUMENTS_MAX)
            return wrong_use("too many files", NULL);
        else
            ret->path[ret->count++] = argv[i];
    }
    if (ret->help)
        return EXIT_DONE;
    if (!ret->verb)
        return wrong_use("what is to be done?", NULL);
    bool verify = !strcmp(ret->verb, "verify"), show = !strcmp(ret->verb, "show");
    if (!verify && !show && strcmp(ret->verb, "list"))
        return wrong_use("there is no", ret->verb);
    if (!ret->count || (ret->count > 1 && !verify))
        return wrong_use(ret->count ? "one argument is enough for" : "an argument is missing:",
                         ret->verb);
    if (ret->config && (!show || ret->json))
        return wrong_use("--config is for show alone, without --json", NULL);
    return EXIT_DONE;
}

/* ---- a file, looked at ---- */

/* The words of sink_snapshot_open without the file's name, which stands before them. */
static const char *without_path(const char *path, const char *message)
{
    size_t size = strlen(path) < 150 ? strlen(path) : 150;
    return !strncmp(message, path, size) && !strncmp(message + size, ": ", 2) ? message + size + 2
                                                                              : message;
}

/* What is known of it as JSON, for a list or alone; taken by the caller. */
static json_t *head_json(const struct sink_snapshot *snapshot)
{
    const struct sink_snapshot_head *head = sink_snapshot_head(snapshot);
    char now[TERMINAL_TEXT_MAX], made[TERMINAL_TEXT_MAX];
    terminal_time(head->now_ms, now);
    return json_pack(
        "{s:s, s:s, s:I, s:s?, s:s, s:s, s:I, s:I}", "program", head->program, "group", head->group,
        "epoch", (json_int_t)head->epoch, "now", strcmp(now, "-") ? now : NULL, "made_at",
        terminal_time(head->made_at_ms, made), "config", head->config_id, "tasks",
        (json_int_t)head->task_count, "state_bytes", (json_int_t)sink_snapshot_bytes(snapshot));
}

static void json_print(json_t *root)
{
    json_dumpf(root, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(root);
}

/* Says what errno means. */
static int cannot(const char *path)
{
    int reason = errno;
    fprintf(stderr, "rollcall snapshot: %s: %s\n", path, strerror(reason));
    return reason == EACCES || reason == EPERM ? EXIT_DENIED : EXIT_IO;
}

/* ---- the files of a directory ---- */

static bool ends_with(const char *name, const char *end)
{
    size_t size = strlen(name), end_size = strlen(end);
    return size > end_size && !strcmp(name + size - end_size, end);
}

static int of_ours(const struct dirent *entry)
{
    const char *name = entry->d_name;
    return name[0] == '.' ? ends_with(name, unfinished_suffix) : ends_with(name, suffix);
}

/* Newest first within a group: the epoch has the same number of digits everywhere. */
static int backwards(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*b)->d_name, (*a)->d_name);
}

static void names_free(struct dirent **entry, int count)
{
    for (int i = 0; i < count; i++)
        free(entry[i]);
    free(entry);
}

/* ---- list ---- */

struct list {
    const char *dir, *group; /* group NULL: all */
    json_t *rows;            /* NULL: print */
    int width;
    uint32_t count;
};

static void row_json(const struct list *list, const char *name, const char *state,
                     const char *reason, uint64_t bytes, const struct sink_snapshot *snapshot)
{
    json_t *row = snapshot ? head_json(snapshot) : json_object();
    json_object_set_new(row, "file", json_string(name));
    json_object_set_new(row, "state", json_string(state));
    json_object_set_new(row, "bytes", json_integer((json_int_t)bytes));
    if (reason)
        json_object_set_new(row, "reason", json_string(reason));
    json_array_append_new(list->rows, row);
}

static void row_print(const struct list *list, const char *name, const char *state,
                      const char *reason, uint64_t bytes, const struct sink_snapshot *snapshot)
{
    const struct sink_snapshot_head *head = snapshot ? sink_snapshot_head(snapshot) : NULL;
    char text[4][TERMINAL_TEXT_MAX];
    const char *epoch = head ? terminal_count(head->epoch, text[0]) : "-";
    const char *made = head ? terminal_time(head->made_at_ms, text[1]) : "-";
    const char *now = head ? terminal_time(head->now_ms, text[2]) : "-";
    if (!list->count)
        printf("%-*s  %14s  %-24s  %-24s  %15s  state\n", list->width, "file", "epoch", "made at",
               "now", "bytes");
    printf("%-*s  %14s  %-24s  %-24s  %15s  %s\n", list->width, name, epoch, made, now,
           terminal_count(bytes, text[3]), reason ? reason : state);
}

/* The group's own, or one of its tasks. */
static bool is_of(const char *name, const char *group)
{
    size_t size = strlen(group);
    return !strncmp(name, group, size) && (!name[size] || !strncmp(name + size, "/task-", 6));
}

static void list_one(struct list *list, const char *name)
{
    char path[PATH_ROOM], message[256];
    struct sink_snapshot *snapshot = NULL;
    struct stat file = {0};
    const char *state = "whole", *reason = NULL;
    snprintf(path, sizeof path, "%s/%s", list->dir, name);
    if (stat(path, &file) && errno == ENOENT) /* it went while we looked */
        return;
    if (name[0] == '.') {
        state = "unfinished";
    } else if (sink_snapshot_open(path, &snapshot, message)) {
        state = "refused";
        reason = without_path(path, message);
    }
    if (!snapshot || !list->group || is_of(sink_snapshot_head(snapshot)->group, list->group)) {
        (list->rows ? row_json : row_print)(list, name, state, reason, (uint64_t)file.st_size,
                                            snapshot);
        list->count++;
    }
    sink_snapshot_close(snapshot);
}

static int list_dir(const char *dir, const char *group, bool json)
{
    struct dirent **entry = NULL;
    int count = scandir(dir, &entry, of_ours, backwards);
    struct list list = {.dir = dir, .group = group, .rows = json ? json_array() : NULL, .width = 4};
    if (count < 0) {
        int code = cannot(dir);
        json_decref(list.rows);
        return code;
    }
    for (int i = 0; i < count; i++)
        if ((int)strlen(entry[i]->d_name) > list.width)
            list.width = (int)strlen(entry[i]->d_name);
    for (int i = 0; i < count; i++)
        list_one(&list, entry[i]->d_name);
    names_free(entry, count);
    if (json)
        json_print(json_pack("{s:s, s:o}", "dir", dir, "snapshots", list.rows));
    else if (!list.count)
        fprintf(stderr, "rollcall snapshot: there is no snapshot in %s\n", dir);
    return EXIT_DONE;
}

static int list(const struct arguments *arguments)
{
    const char *path = arguments->path[0];
    struct config_loaded *loaded = NULL;
    struct stat file;
    if (stat(path, &file))
        return cannot(path);
    if (S_ISDIR(file.st_mode))
        return list_dir(path, NULL, arguments->json);
    enum rc_error err = config_load("rollcall snapshot", path, stderr, &loaded);
    if (err)
        return exit_code_of(err);
    int code = list_dir(loaded->config->snapshot.dir, loaded->config->kafka.group, arguments->json);
    config_free(loaded);
    return code;
}

/* ---- verify ---- */

static int verify_file(const char *path, json_t *rows)
{
    char message[256], count[2][TERMINAL_TEXT_MAX];
    struct sink_snapshot *snapshot = NULL;
    uint32_t parts = 0;
    enum rc_error err = sink_snapshot_open(path, &snapshot, message);
    if (!err)
        err = sink_snapshot_check(snapshot, message);
    const char *why = without_path(path, message);
    if (err && err != RC_ERR_INPUT)
        fprintf(stderr, "rollcall snapshot: %s: %s\n", path, why);
    if (!err)
        sink_snapshot_part_list(snapshot, &parts);
    if (rows)
        json_array_append_new(rows, json_pack("{s:s, s:b, s:s?}", "file", path, "whole", !err,
                                              "reason", err ? why : NULL));
    else if (!err)
        printf("%s: whole: epoch %s, %" PRIu32 " parts, %s bytes of state\n", path,
               terminal_count(sink_snapshot_head(snapshot)->epoch, count[0]), parts,
               terminal_count(sink_snapshot_bytes(snapshot), count[1]));
    else if (err == RC_ERR_INPUT)
        printf("%s: %s\n", path, why);
    sink_snapshot_close(snapshot);
    return exit_code_of(err);
}

static int verify_path(const char *path, json_t *rows)
{
    char file_path[PATH_ROOM];
    struct dirent **entry = NULL;
    struct stat file;
    int worst = EXIT_FOUND;
    if (stat(path, &file) || !S_ISDIR(file.st_mode))
        return verify_file(path, rows);
    int count = scandir(path, &entry, of_ours, backwards);
    if (count < 0)
        return cannot(path);
    for (int i = 0; i < count; i++) {
        if (entry[i]->d_name[0] == '.')
            continue;
        snprintf(file_path, sizeof file_path, "%s/%s", path, entry[i]->d_name);
        int code = verify_file(file_path, rows);
        worst = worst == EXIT_FOUND || code > worst ? code : worst;
    }
    names_free(entry, count);
    if (worst == EXIT_FOUND)
        fprintf(stderr, "rollcall snapshot: there is no snapshot in %s\n", path);
    return worst;
}

static int verify(const struct arguments *arguments)
{
    json_t *rows = arguments->json ? json_array() : NULL;
    int worst = EXIT_DONE;
    for (int i = 0; i < arguments->count; i++) {
        int code = verify_path(arguments->path[i], rows);
        worst = code > worst ? code : worst;
    }
    if (rows)
        json_print(json_pack("{s:b, s:o}", "whole", worst == EXIT_DONE, "snapshots", rows));
    return worst;
}

/* ---- show ---- */

static const char *part_text(uint32_t part, char room[TERMINAL_TEXT_MAX])
{
    if (part == SINK_SNAPSHOT_TABLE)
        snprintf(room, TERMINAL_TEXT_MAX, "table");
    else if (part == SINK_SNAPSHOT_REVISIONS)
        snprintf(room, TERMINAL_TEXT_MAX, "revisions");
    else
        snprintf(room, TERMINAL_TEXT_MAX, "task %" PRIu32, part);
    return room;
}

static void show_json(const char *path, const struct sink_snapshot *snapshot)
{
    char name[TERMINAL_TEXT_MAX];
    uint32_t count;
    const struct sink_snapshot_part *part = sink_snapshot_part_list(snapshot, &count);
    json_t *parts = json_array(), *root = head_json(snapshot);
    for (uint32_t i = 0; i < count; i++)
        json_array_append_new(parts,
                              json_pack("{s:s, s:I, s:I}", "part", part_text(part[i].part, name),
                                        "bytes", (json_int_t)part[i].bytes, "stored_bytes",
                                        (json_int_t)part[i].stored_bytes));
    json_object_set_new(root, "file", json_string(path));
    json_object_set_new(root, "parts", parts);
    json_print(root);
}

static void show_text(const char *path, const struct sink_snapshot *snapshot)
{
    const struct sink_snapshot_head *head = sink_snapshot_head(snapshot);
    char text[3][TERMINAL_TEXT_MAX];
    uint32_t count;
    const struct sink_snapshot_part *part = sink_snapshot_part_list(snapshot, &count);
    printf("file           %s\ngroup          %s\nepoch          %s\n", path, head->group,
           terminal_count(head->epoch, text[0]));
    printf("now            %s\nmade at        %s\nmade by        rollcall %s\n",
           terminal_time(head->now_ms, text[0]), terminal_time(head->made_at_ms, text[1]),
           head->program);
    printf("configuration  %s, %s bytes (--config shows it)\n", head->config_id,
           terminal_count(head->config_size, text[0]));
    printf("tasks          %" PRIu32 "\nstate          %s bytes in %" PRIu32 " parts\n",
           head->task_count, terminal_count(sink_snapshot_bytes(snapshot), text[0]), count);
    if (count)
        printf("\n%-12s  %15s  %15s\n", "part", "bytes", "stored bytes");
    for (uint32_t i = 0; i < count; i++)
        printf("%-12s  %15s  %15s\n", part_text(part[i].part, text[0]),
               terminal_count(part[i].bytes, text[1]),
               terminal_count(part[i].stored_bytes, text[2]));
}

static int show(const struct arguments *arguments)
{
    const char *path = arguments->path[0];
    char message[256];
    struct sink_snapshot *snapshot;
    enum rc_error err = sink_snapshot_open(path, &snapshot, message);
    if (err) {
        fprintf(stderr, "rollcall snapshot: %s: %s\n", path, without_path(path, message));
        return exit_code_of(err);
    }
    const struct sink_snapshot_head *head = sink_snapshot_head(snapshot);
    if (arguments->config)
        fwrite(head->config_text, 1, head->config_size, stdout);
    else
        (arguments->json ? show_json : show_text)(path, snapshot);
    sink_snapshot_close(snapshot);
    return EXIT_DONE;
}

int cmd_snapshot(int argc, char **argv)
{
    struct arguments arguments;
    int code = arguments_read(argc, argv, &arguments);
    if (code != EXIT_DONE)
        return code;
    if (arguments.help) {
        fputs(help_text, stdout);
        return EXIT_DONE;
    }
    if (!strcmp(arguments.verb, "list"))
        return list(&arguments);
    return !strcmp(arguments.verb, "verify") ? verify(&arguments) : show(&arguments);
}
