/* `rollcall check CONFIG`: every mistake at once, or what follows from the file. */
#include "commands.h"
#include "config_explain.h"
#include "config_value.h"
#include "exit.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const char help_text[] =
    "usage: rollcall check CONFIG [--explain CLIENT [QUEUE]] [--json] [--quiet]\n"
    "\n"
    "Reads the configuration as a start would, and refuses what a start would refuse: every\n"
    "mistake is printed to standard error with file, line, column, key, what was found and what\n"
    "is allowed. If there is none, prints the contract in force for every client and queue.\n"
    "\n"
    "  --explain CLIENT [QUEUE]  every value of that client's contracts (of that queue, @group or\n"
    "                            *) with the file and line it comes from\n"
    "  --json                    the same as one JSON object\n"
    "  --quiet                   no output but mistakes\n"
    "  --help                    this text\n"
    "\n"
    "In the table, `(others)` are the clients and queues that the file does not name. A contract\n"
    "is shown with its fingerprint, which every record carries; `from` is the date on which it\n"
    "comes into force, in the client's time zone.\n"
    "\n"
    "exit codes: 0 valid, 64 usage, 74 the file cannot be read, 77 not allowed, 78 invalid\n"
    "\n"
    "  rollcall check rollcall.yaml\n"
    "  rollcall check rollcall.yaml --explain acme billing\n";

struct arguments {
    const char *path, *client, *queue;
    bool explain, json, quiet, help;
};

static int wrong_use(const char *what, const char *word)
{
    fprintf(stderr, "rollcall check: %s%s%s; see rollcall check --help\n", what,
            word != NULL ? " " : "", word != NULL ? word : "");
    return EXIT_WRONG_USE;
}

static int arguments_read(int argc, char **argv, struct arguments *ret)
{
    *ret = (struct arguments){0};
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            ret->help = true;
        } else if (strcmp(argv[i], "--json") == 0) {
            ret->json = true;
        } else if (strcmp(argv[i], "--quiet") == 0) {
            ret->quiet = true;
        } else if (strcmp(argv[i], "--explain") == 0) {
            ret->explain = true;
            if (i + 1 == argc || argv[i + 1][0] == '-')
                return wrong_use("--explain needs a client", NULL);
            ret->client = argv[++i];
            /* What follows is its queue, unless CONFIG is still to come and stands last. */
            bool spare = i + 1 < argc && argv[i + 1][0] != '-' &&
                         (ret->path != NULL || (i + 2 < argc && argv[i + 2][0] != '-'));
            if (spare)
                ret->queue = argv[++i];
        } else if (argv[i][0] == '-' && argv[i][1] != '\0') {
            return wrong_use("unknown option", argv[i]);
        } else if (ret->path == NULL) {
            ret->path = argv[i];
        } else {
            return wrong_use("one argument too many:", argv[i]);
        }
    }
    return ret->help || ret->path != NULL ? EXIT_DONE : wrong_use("CONFIG is missing", NULL);
}

/* ---- rows as text ---- */

enum { COLUMNS = 9, CELL_SIZE = 160 };
static const char *const column_names[COLUMNS] = {
    "client", "queue", "channel", "from", "service level", "aht", "fcr", "csat", "contract"};

static void from_text(const struct config_row *row, char ret_text[CONFIG_SHOWN])
{
    if (row->from_ms == INT64_MIN)
        snprintf(ret_text, CONFIG_SHOWN, "always");
    else
        config_show_date(rc_zone_day(row->zone, row->from_ms), ret_text);
}

static void queue_text(const struct config_row *row, char ret_text[CELL_SIZE])
{
    snprintf(ret_text, CELL_SIZE, "%s%s", row->group ? "@" : "",
             row->queue == NULL ? "(others)" : row->queue);
}

static void target_text(int64_t bp, char ret_text[CONFIG_SHOWN])
{
    if (bp == RC_NULL)
        snprintf(ret_text, CONFIG_SHOWN, "no target");
    else
        config_show_percent(bp, ret_text);
}

/* "80% in 20s, abandoned ignore_short 5s, flow_out against, calendar office" */
static void service_level_text(const struct rc_contract *contract, char ret_text[CELL_SIZE])
{
    char target[CONFIG_SHOWN], within[CONFIG_SHOWN], shorter[CONFIG_SHOWN] = "";
    if (!contract->has_service_level) {
        snprintf(ret_text, CELL_SIZE, "-");
        return;
    }
    target_text(contract->sl_target_bp, target);
    config_show_duration(contract->sl_within_ms, within);
    if (contract->short_abandon_ms != RC_NULL)
        config_show_duration(contract->short_abandon_ms, shorter);
    int used = snprintf(ret_text, CELL_SIZE, "%s in %s, %s%s%s", target, within,
                        config_setting_word(CONFIG_SET_SL_ABANDONED, contract->abandoned),
                        shorter[0] != '\0' ? " " : "", shorter);
    if (contract->flow_out != RC_FLOW_IGNORE && used < CELL_SIZE)
        used += snprintf(ret_text + used, (size_t)(CELL_SIZE - used), ", flow_out %s",
                         config_setting_word(CONFIG_SET_SL_FLOW_OUT, contract->flow_out));
    if (contract->sl_calendar != NULL && used < CELL_SIZE)
        snprintf(ret_text + used, (size_t)(CELL_SIZE - used), ", %s", contract->sl_calendar->name);
}

static void row_cells(const struct config_row *row, char cell[COLUMNS][CELL_SIZE])
{
    const struct rc_contract *contract = row->contract;
    char text[CONFIG_SHOWN], target[CONFIG_SHOWN];
    snprintf(cell[0], CELL_SIZE, "%s", row->client == NULL ? "(others)" : row->client);
    queue_text(row, cell[1]);
    snprintf(cell[2], CELL_SIZE, "%s", config_channel_name[row->channel]);
    from_text(row, text);
    snprintf(cell[3], CELL_SIZE, "%s", text);
    service_level_text(contract, cell[4]);
    snprintf(text, sizeof(text), "-");
    if (contract->aht_target_ms != RC_NULL)
        config_show_duration(contract->aht_target_ms, text);
    snprintf(cell[5], CELL_SIZE, "%s", text);
    config_show_duration(contract->fcr_window_ms, text);
    target_text(contract->fcr_target_bp, target);
    snprintf(cell[6], CELL_SIZE, "%s in %s, %s%s", target, text,
             config_setting_word(CONFIG_SET_FCR_MODEL, contract->fcr_model),
             contract->fcr_scope == RC_FCR_QUEUE ? " per queue" : "");
    snprintf(cell[7], CELL_SIZE, "-");
    if (contract->csat_satisfied_at != RC_NULL) {
        config_show_score(contract->csat_satisfied_at, text);
        target_text(contract->csat_target_bp, target);
        snprintf(cell[7], CELL_SIZE, "%s at %s", target, text);
    }
    snprintf(cell[8], CELL_SIZE, "%016" PRIx64, contract->fingerprint);
}

struct table {
    int width[COLUMNS];
};

static void table_measure(const struct config_row *row, void *argument)
{
    struct table *table = argument;
    char cell[COLUMNS][CELL_SIZE];
    row_cells(row, cell);
    for (int i = 0; i < COLUMNS; i++)
        if ((int)strlen(cell[i]) > table->width[i])
            table->width[i] = (int)strlen(cell[i]);
}

static void table_print(const struct config_row *row, void *argument)
{
    const struct table *table = argument;
    char cell[COLUMNS][CELL_SIZE];
    row_cells(row, cell);
    for (int i = 0; i < COLUMNS; i++)
        printf(i + 1 < COLUMNS ? "%-*s  " : "%-*s\n", i + 1 < COLUMNS ? table->width[i] : 0,
               cell[i]);
}

static void windows_print(const struct rc_windows *windows)
{
    char length[CONFIG_SHOWN], every[CONFIG_SHOWN];
    printf("rolling windows:");
    for (uint32_t i = 0; i < windows->rolling_count; i++) {
        config_show_duration(windows->rolling[i].length_ms, length);
        config_show_duration(windows->rolling[i].every_ms, every);
        printf("%s %s (%s every %s)", i > 0 ? "," : "", windows->rolling[i].name, length, every);
    }
    printf("%s\nintervals:", windows->rolling_count == 0 ? " none" : "");
    for (uint32_t i = 0; i < windows->interval_count; i++)
        printf("%s %s", i > 0 ? "," : "", rc_interval_name[windows->interval[i].kind]);
    printf("%s\n\n", windows->interval_count == 0 ? " none" : "");
}

static void overview_print(const struct config_loaded *loaded)
{
    struct table table;
    printf("%s is valid: %u client%s, zone data %s\n", loaded->config->path,
           loaded->config->contracts.client_count,
           loaded->config->contracts.client_count == 1 ? "" : "s",
           loaded->config->zone_data_version);
    windows_print(&loaded->config->windows);
    for (int i = 0; i < COLUMNS; i++)
        table.width[i] = (int)strlen(column_names[i]);
    config_rows(loaded, table_measure, &table);
    for (int i = 0; i < COLUMNS; i++)
        printf(i + 1 < COLUMNS ? "%-*s  " : "%-*s\n", i + 1 < COLUMNS ? table.width[i] : 0,
               column_names[i]);
    config_rows(loaded, table_print, &table);
}

/* ---- explanations ---- */

struct chosen {
    const struct config_loaded *loaded;
    const struct arguments *arguments;
    json_t *rows; /* NULL: print */
    uint32_t count;
};

static bool is_chosen(const struct chosen *chosen, const struct config_row *row)
{
    char queue[CELL_SIZE];
    if (!chosen->arguments->explain)
        return true;
    const char *name = row->client == NULL ? "(others)" : row->client;
    queue_text(row, queue);
    return strcmp(name, chosen->arguments->client) == 0 &&
           (chosen->arguments->queue == NULL || strcmp(queue, chosen->arguments->queue) == 0);
}

static void row_explain(const struct config_row *row, void *argument)
{
    struct chosen *chosen = argument;
    struct config_terms terms;
    char queue[CELL_SIZE], from[CONFIG_SHOWN], value[CONFIG_TERM_TEXT], origin[CONFIG_TERM_TEXT];
    if (!is_chosen(chosen, row))
        return;
    queue_text(row, queue);
    from_text(row, from);
    printf("%s%s %s, %s, %s%s, zone %s, contract %016" PRIx64 "\n", chosen->count++ > 0 ? "\n" : "",
           row->client == NULL ? "(others)" : row->client, queue, config_channel_name[row->channel],
           row->from_ms == INT64_MIN ? "" : "from ", from, row->zone->name,
           row->contract->fingerprint);
    config_row_terms(chosen->loaded, row, &terms);
    for (int id = 0; id < CONFIG_SETTING_COUNT; id++) {
        if (!terms.term[id].set)
            continue;
        config_term_text((enum config_setting)id, &terms.term[id], value);
        config_term_origin(chosen->loaded, &terms.term[id], origin);
        printf("  %-28s %-24s %s\n", config_setting_info((enum config_setting)id)->path, value,
               origin);
    }
}

static void row_json(const struct config_row *row, void *argument)
{
    struct chosen *chosen = argument;
    struct config_terms terms;
    char queue[CELL_SIZE], from[CONFIG_SHOWN], value[CONFIG_TERM_TEXT], origin[CONFIG_TERM_TEXT];
    if (!is_chosen(chosen, row))
        return;
    chosen->count++;
    queue_text(row, queue);
    from_text(row, from);
    snprintf(value, sizeof(value), "%016" PRIx64, row->contract->fingerprint);
    json_t *object = json_pack(
        "{s:s?, s:s?, s:s, s:s?, s:s, s:s}", "client", row->client, "queue",
        row->queue == NULL ? NULL : queue, "channel", config_channel_name[row->channel], "from",
        row->from_ms == INT64_MIN ? NULL : from, "timezone", row->zone->name, "contract", value);
    json_t *values = json_array();
    config_row_terms(chosen->loaded, row, &terms);
    for (int id = 0; id < CONFIG_SETTING_COUNT; id++) {
        if (!terms.term[id].set)
            continue;
        config_term_text((enum config_setting)id, &terms.term[id], value);
        config_term_origin(chosen->loaded, &terms.term[id], origin);
        json_array_append_new(values, json_pack("{s:s, s:s, s:s}", "key",
                                                config_setting_info((enum config_setting)id)->path,
                                                "value", value, "origin", origin));
    }
    json_object_set_new(object, "values", values);
    json_array_append_new(chosen->rows, object);
}

static void json_print(const struct config_loaded *loaded, json_t *rows)
{
    char note[CONFIG_TERM_TEXT];
    json_t *notes = json_array();
    for (uint32_t i = 0; config_note_text(loaded, i, note); i++)
        json_array_append_new(notes, json_string(note));
    json_t *root = json_pack("{s:s, s:b, s:s, s:o, s:o}", "file", loaded->config->path, "valid", 1,
                             "zone_data", loaded->config->zone_data_version, "contracts", rows,
                             "not_yet", notes);
    json_dumpf(root, stdout, JSON_COMPACT);
    putchar('\n');
    json_decref(root);
}

static int show(const struct config_loaded *loaded, const struct arguments *arguments)
{
    struct chosen chosen = {.loaded = loaded, .arguments = arguments};
    char note[CONFIG_TERM_TEXT];
    if (arguments->json) {
        chosen.rows = json_array();
        config_rows(loaded, row_json, &chosen);
        json_print(loaded, chosen.rows);
    } else if (arguments->explain) {
        config_rows(loaded, row_explain, &chosen);
    } else {
        overview_print(loaded);
    }
    if (arguments->explain && chosen.count == 0)
        return wrong_use(arguments->queue == NULL ? "no such client:" : "no such client and queue:",
                         arguments->queue == NULL ? arguments->client : arguments->queue);
    if (!arguments->json && !arguments->explain)
        for (uint32_t i = 0; config_note_text(loaded, i, note); i++)
            printf("%s%s\n", i == 0 ? "\n" : "", note);
    return EXIT_DONE;
}

int cmd_check(int argc, char **argv)
{
    struct arguments arguments;
    struct config_loaded *loaded = NULL;
    int code = arguments_read(argc, argv, &arguments);
    if (code != EXIT_DONE)
        return code;
    if (arguments.help) {
        fputs(help_text, stdout);
        return EXIT_DONE;
    }
    enum rc_error err = config_load("rollcall check", arguments.path, stderr, &loaded);
    if (err == RC_OK && !arguments.quiet)
        code = show(loaded, &arguments);
    config_free(loaded);
    return err != RC_OK ? exit_code_of(err) : code;
}
