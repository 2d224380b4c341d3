/* One file to one configuration: text, tree, values, what fits together, contracts. */
#include "config_load.h"

#include "config_contract.h"
#include "config_yaml.h"
#include "rollcall/check.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define SECOND INT64_C(1000)
#define MINUTE (60 * SECOND)
#define DAY    (1440 * MINUTE)

/* What holds where the file is silent: SPEC sections 8 and 10. */
static const struct rc_config built_in = {
    .kafka = {.group = "rollcall"},
    .output = {.retention_ms = 400 * DAY,
               .commit_every_ms = 250,
               .partitions = 8,
               .replication = 1},
    .tasks = 64,
    .limits = {.contacts = 5000000,
               .customers = 20000000,
               .queues = 10000,
               .groups = 1000,
               .max_event = 1 << 20,
               .memory = UINT64_C(8) << 30},
    .snapshot = {.dir = "/var/lib/rollcall", .every_ms = 5 * MINUTE, .keep = 3},
    .privacy = {.dead_letter_values = true},
    .time = {.max_disorder_ms = SECOND,
             .idle_after_ms = 5 * SECOND,
             .align_ms = 10 * SECOND,
             .max_ahead_ms = 10 * MINUTE,
             .grace_ms = 15 * MINUTE,
             .restate_every_ms = 15 * MINUTE,
             .retention_ms = {4 * DAY, 4 * DAY, 90 * DAY},
             .open_tickets_ms = 366 * DAY,
             .identity_ms = 30 * DAY},
    .http = {.listen = "127.0.0.1:9187"},
};
static const int64_t publish_built_in[RC_INTERVAL_COUNT] = {SECOND,      SECOND, SECOND,
                                                            10 * SECOND, MINUTE, MINUTE};
static const int64_t restate_built_in[RC_INTERVAL_COUNT] = {8 * DAY,   8 * DAY,   8 * DAY,
                                                            100 * DAY, 100 * DAY, 100 * DAY};

static struct config_reader *reader_new(void)
{
    struct config_reader *reader = calloc(1, sizeof(*reader));
    RC_CHECK(reader != NULL && "memory for the configuration");
    reader->source.arena = &reader->arena;
    reader->config = config_arena_get(&reader->arena, sizeof(*reader->config));
    *reader->config = built_in;
    reader->publish_every.fallback = reader->restate_for.fallback = -1;
    for (int i = 0; i < RC_INTERVAL_COUNT; i++)
        reader->publish_every.window[i] = reader->restate_for.window[i] = -1;
    config_zone_names_read(&reader->arena, &reader->zone_names);
    snprintf(reader->config->zone_data_version, sizeof(reader->config->zone_data_version), "%s",
             reader->zone_names.version);
    return reader;
}

static void reader_free(struct config_reader *reader)
{
    if (reader == NULL)
        return;
    config_arena_done(&reader->arena);
    free(reader);
}

/* ---- after the walk ---- */

static void windows_built_in(struct rc_windows *windows)
{
    windows->rolling[0] = (struct rc_rolling_window){"15m", 15 * MINUTE, 10 * SECOND};
    windows->rolling_count = 1;
    windows->interval[0].kind = RC_30M;
    windows->interval[1].kind = RC_DAY;
    windows->interval_count = 2;
}

/* The built-in map has `default`, day, week and month: merged key by key. */
static int64_t by_window(const struct config_by_window *given, const int64_t *fallback,
                         enum rc_interval kind)
{
    if (given->window[kind] >= 0)
        return given->window[kind];
    return kind < RC_DAY && given->fallback >= 0 ? given->fallback : fallback[kind];
}

static void windows_finish(struct config_reader *reader)
{
    struct rc_windows *windows = &reader->config->windows;
    const struct config_node *node = config_node_find(reader->root, "windows");
    if (node == NULL || config_node_empty(node))
        windows_built_in(windows);
    for (uint32_t i = 0; i < windows->interval_count; i++) {
        struct rc_interval_window *window = &windows->interval[i];
        window->publish_every_ms =
            by_window(&reader->publish_every, publish_built_in, window->kind);
        window->restate_for_ms = by_window(&reader->restate_for, restate_built_in, window->kind);
    }
}

/* A window must stay open for corrections as long as a verdict in it may change. */
static void restate_check(struct config_reader *reader)
{
    const struct config_node *time = config_node_find(reader->root, "time");
    const struct config_node *map = config_node_find(time, "restate_for");
    const struct rc_windows *windows = &reader->config->windows;
    for (uint32_t i = 0; i < windows->interval_count; i++) {
        const char *name = rc_interval_name[windows->interval[i].kind];
        const struct config_node *at = config_node_find(map, name);
        if (at == NULL && windows->interval[i].kind < RC_DAY)
            at = config_node_find(map, "default");
        if (windows->interval[i].restate_for_ms >= reader->fcr_window_ms + DAY)
            continue;
        if (at == NULL)
            at = reader->fcr_window_node;
        if (at != NULL)
            config_problem_add(&reader->source, at, false,
                               "restate_for of at least the longest fcr.window and a day", NULL,
                               "restate_for of the window %s is shorter than an fcr.window and "
                               "a day (the window: %s)",
                               name,
                               reader->fcr_window_node == NULL ? "7d, built-in"
                                                               : reader->fcr_window_node->text);
    }
}

static void topics_check(struct config_reader *reader)
{
    const struct config_node *node =
        config_node_find(config_node_find(reader->root, "output"), "topics");
    if (!reader->config->output.per_client)
        return;
    if (!reader->config->contracts.clients_only)
        config_problem_add(&reader->source, node, false, "clients_only: true, or topics: shared",
                           NULL, "per_client needs `clients_only`");
    for (uint32_t i = 0; i < reader->client_count; i++) {
        const struct config_level *client = &reader->clients[i];
        if (client->topic_node == NULL)
            config_problem_add(&reader->source, client->node, true, "topic: a name", NULL,
                               "with output.topics: per_client each client needs a `topic`");
        for (uint32_t j = 0; j < i && client->topic != NULL; j++)
            if (reader->clients[j].topic != NULL &&
                strcmp(reader->clients[j].topic, client->topic) == 0)
                config_problem_add(&reader->source, client->topic_node, false,
                                   "a topic of its own for each client", NULL,
                                   "\"%s\" is the topic of another client too", client->topic);
    }
}

void config_settings_finish(struct config_reader *reader)
{
    struct rc_privacy *privacy = &reader->config->privacy;
    windows_finish(reader);
    topics_check(reader);
    if (!privacy->has_key &&
        getrandom(privacy->key, sizeof(privacy->key), 0) != (ssize_t)sizeof(privacy->key))
        rc_panic(__FILE__, __LINE__, "the system gives random bytes");
}

static void read_all(struct config_reader *reader)
{
    const struct config_node *calendars;
    reader->root = config_yaml_parse(&reader->source);
    if (reader->root == NULL)
        reader->root = config_arena_get(&reader->arena, sizeof(*reader->root));
    if (reader->root->text == NULL) { /* an empty file: all is built in */
        reader->root->kind = CONFIG_MAP;
        reader->root->text = "";
        reader->root->line = reader->root->column = 1;
    }
    calendars = config_node_find(reader->root, "calendars");
    if (calendars != NULL)
        config_read_calendars(reader, calendars, NULL, NULL);
    config_map_read(reader, reader->root, &config_map_root, reader->config);
    config_settings_finish(reader);
    config_alerts_finish(reader, config_node_find(reader->root, "alerts"));
    config_contracts_compile(reader);
    restate_check(reader);
}

enum rc_error config_load_text(const char *name, const char *text, size_t size, FILE *diagnostics,
                               struct config_loaded **ret_loaded)
{
    struct config_reader *reader = reader_new();
    reader->source.name = config_arena_text(&reader->arena, name, strlen(name));
    reader->source.text = config_arena_text(&reader->arena, text, size);
    reader->source.size = size;
    reader->config->path = reader->source.name;
    read_all(reader);
    if (reader->source.problem_count > 0) {
        if (diagnostics != NULL)
            config_problem_print(&reader->source, diagnostics);
        reader_free(reader);
        return RC_ERR_CONFIG;
    }
    reader->config->text = reader->source.text;
    reader->config->text_size = (uint32_t)size;
    config_identify(reader->config, reader->root);
    struct config_loaded *loaded = config_arena_get(&reader->arena, sizeof(*loaded));
    loaded->config = reader->config;
    loaded->reader = reader;
    *ret_loaded = loaded;
    return RC_OK;
}

enum rc_error config_load_recorded(const char *name, const struct config_recorded *recorded,
                                   FILE *diagnostics, struct config_loaded **ret_loaded)
{
    enum rc_error err =
        config_load_text(name, recorded->text, recorded->size, diagnostics, ret_loaded);
    if (!err)
        memcpy((*ret_loaded)->reader->config->id, recorded->id, sizeof recorded->id);
    return err;
}

/* The whole file; NULL with errno when it cannot be read. */
static char *file_read(const char *path, size_t *ret_size)
{
    char *text = NULL, block[1 << 16];
    size_t size = 0, got;
    FILE *file = fopen(path, "re");
    FILE *out = file == NULL ? NULL : open_memstream(&text, &size);
    if (out == NULL)
        return file == NULL ? NULL : (fclose(file), NULL);
    errno = 0;
    while (size <= CONFIG_SIZE_MAX && (got = fread(block, 1, sizeof(block), file)) > 0) {
        fwrite(block, 1, got, out);
        fflush(out);
    }
    int error = ferror(file) ? (errno == 0 ? EIO : errno) : 0;
    fclose(file);
    fclose(out);
    if (error != 0) {
        free(text);
        errno = error;
        return NULL;
    }
    *ret_size = size;
    return text;
}

enum rc_error config_load(const char *command, const char *path, FILE *diagnostics,
                          struct config_loaded **ret_loaded)
{
    size_t size = 0;
    char *text = file_read(path, &size);
    if (text == NULL) {
        bool denied = errno == EACCES || errno == EPERM;
        if (diagnostics != NULL)
            fprintf(diagnostics, "%s: %s: %s\n", command, path, strerror(errno));
        return denied ? RC_ERR_DENIED : RC_ERR_IO;
    }
    enum rc_error err = config_load_text(path, text, size, diagnostics, ret_loaded);
    free(text);
    return err;
}

enum rc_error config_of_task(const struct config_loaded *loaded, uint32_t task,
                             struct config_loaded **ret_loaded)
{
    char *name;
    struct config_loaded *made = calloc(1, sizeof *made);
    struct rc_config *unit = malloc(sizeof *unit);
    if (!made || !unit || asprintf(&name, "%s/task-%u", loaded->config->kafka.group, task) < 0) {
        free(made);
        free(unit);
        return RC_ERR_MEMORY;
    }
    *unit = *loaded->config;
    unit->kafka.unit = name;
    unit->kafka.task = task;
    *made = (struct config_loaded){.config = unit, .reader = loaded->reader, .unit = unit};
    *ret_loaded = made;
    return RC_OK;
}

static struct rc_config *writable(struct config_loaded *loaded)
{
    return loaded->unit ? loaded->unit : loaded->reader->config;
}

void config_take_own(struct config_loaded *loaded, const struct rc_config *own)
{
    struct rc_config *config = writable(loaded);
    config->http = own->http;
    config->snapshot = own->snapshot;
    config->kafka.instance = own->kafka.instance;
    config->kafka.brokers = own->kafka.brokers;
    config->kafka.property_count = own->kafka.property_count;
    config->kafka.property = own->kafka.property;
}

void config_pseudonym_key_set(struct config_loaded *loaded, const uint8_t key[32])
{
    struct rc_privacy *privacy = &writable(loaded)->privacy;
    memcpy(privacy->key, key, sizeof(privacy->key));
}

void config_free(struct config_loaded *loaded)
{
    if (loaded == NULL)
        return;
    if (loaded->unit == NULL) {
        reader_free(loaded->reader);
        return;
    }
    free((char *)loaded->unit->kafka.unit);
    free(loaded->unit);
    free(loaded);
}
