/* What a file sets and what it leaves; and the sample, key by key, broken in every way. */
#include "config_help.h"
#include "config_schema.h"

#define DAY INT64_C(86400000)

Test(config_load, a_silent_file_has_the_built_in_values)
{
    struct config_loaded *loaded = config_taken("defaults: {}\n");
    const struct rc_config *config = loaded->config;
    cr_assert_eq(config->tasks, 64);
    cr_assert_eq(config->limits.contacts, 5000000);
    cr_assert_eq(config->limits.memory, UINT64_C(8) << 30);
    cr_assert_eq(config->time.max_disorder_ms, 1000);
    cr_assert_eq(config->time.retention_ms[RC_TICKET], 90 * DAY);
    cr_assert_eq(config->time.identity_ms, 30 * DAY);
    cr_assert_null(config->kafka.brokers);
    cr_assert_str_eq(config->kafka.group, "rollcall");
    cr_assert_str_eq(config->http.listen, "127.0.0.1:9187");
    cr_assert_eq(config->output.retention_ms, 400 * DAY);
    cr_assert_eq(config->windows.rolling_count, 1);
    cr_assert_str_eq(config->windows.rolling[0].name, "15m");
    cr_assert_eq(config->windows.interval_count, 2);
    cr_assert_eq(config->windows.interval[0].publish_every_ms, 1000);
    cr_assert_eq(config->windows.interval[1].publish_every_ms, 10000);
    cr_assert_eq(config->windows.interval[0].restate_for_ms, 8 * DAY);
    cr_assert_eq(config->windows.interval[1].restate_for_ms, 100 * DAY);
    cr_assert_not(config->privacy.has_key);
    cr_assert(config->privacy.dead_letter_values);
    cr_assert_eq(config->contracts.fcr_window_max_ms, 7 * DAY);
    cr_assert_eq(config->contracts.client_count, 0);
    cr_assert_neq(config->zone_data_version[0], '\0');
    config_free(loaded);
}

Test(config_load, a_task_has_a_copy_with_a_name_and_a_key_of_its_own)
{
    static const uint8_t key[32] = {1, 2, 3};
    struct config_loaded *loaded = config_taken("kafka: {group: g, keyed_by: client}\ntasks: 8\n");
    struct config_loaded *task;
    cr_assert_eq(config_of_task(loaded, 7, &task), RC_OK);
    cr_assert_str_eq(rc_unit(loaded->config), "g");
    cr_assert_eq(rc_own_partition(loaded->config), 0);
    cr_assert_str_eq(rc_unit(task->config), "g/task-7");
    cr_assert_eq(rc_own_partition(task->config), 7);
    cr_assert_str_eq(task->config->kafka.group, "g");
    cr_assert_str_eq(task->config->id, loaded->config->id);
    config_pseudonym_key_set(task, key);
    cr_assert_arr_eq(task->config->privacy.key, key, sizeof key);
    cr_assert_arr_neq(loaded->config->privacy.key, key, sizeof key);
    config_free(task);
    config_free(loaded);
}

Test(config_load, a_recorded_one_keeps_the_id_that_it_was_recorded_under)
{
    char text[] = "kafka: {group: g}\n";
    struct config_recorded recorded = {
        .text = text, .size = sizeof text - 1, .id = "0123456789abcdef0123456789abcdef"};
    struct config_loaded *loaded, *task, *now = config_taken(text);
    cr_assert_eq(config_load_recorded("before", &recorded, stderr, &loaded), RC_OK);
    cr_assert_str_eq(loaded->config->id, recorded.id);
    cr_assert_str_neq(now->config->id, recorded.id);
    cr_assert_eq(config_of_task(loaded, 7, &task), RC_OK);
    cr_assert_str_eq(task->config->id, recorded.id);
    config_free(task);
    config_free(loaded);
    config_free(now);
}

Test(config_load, what_stands_in_the_file_is_taken)
{
    struct config_loaded *loaded = config_taken(
        "kafka: {brokers: \"b1:9092,b2:9092\", topics: {z: any, a: chat}, keyed_by: client}\n"
        "tasks: 8\nhttp: {listen: off}\nlimits: {max_event: 2M, queues: 3k}\n"
        "output: {partitions: 3, retention: 30d}\n"
        "time: {publish_every: {default: 5s, day: 20s}, restate_for: {default: 9d, 1h: 10d},\n"
        "       retention: {call: 2d}}\n"
        "windows: {interval: [1h, day, 30m], catch_up: all}\nclients_only: true\n");
    const struct rc_config *config = loaded->config;
    cr_assert_eq(config->kafka.topic_count, 2);
    cr_assert_str_eq(config->kafka.topic[0].name, "a");
    cr_assert_eq(config->kafka.topic[0].channel, RC_CHAT);
    cr_assert_eq(config->kafka.topic[1].channel, RC_CHANNEL_NONE);
    cr_assert(config->kafka.keyed_by_client);
    cr_assert_eq(config->tasks, 8);
    cr_assert_null(config->http.listen);
    cr_assert_eq(config->limits.max_event, 2 << 20);
    cr_assert_eq(config->limits.queues, 3000);
    cr_assert_eq(config->output.partitions, 3);
    cr_assert_eq(config->time.retention_ms[RC_CALL], 2 * DAY);
    cr_assert_eq(config->time.retention_ms[RC_CHAT], 4 * DAY);
    cr_assert_eq(config->windows.rolling_count, 0);
    cr_assert_eq(config->windows.interval_count, 3);
    cr_assert_eq(config->windows.interval[0].kind, RC_1H);
    cr_assert_eq(config->windows.interval[0].restate_for_ms, 10 * DAY);
    cr_assert_eq(config->windows.interval[0].publish_every_ms, 5000);
    cr_assert_eq(config->windows.interval[1].publish_every_ms, 20000);
    cr_assert_eq(config->windows.interval[1].restate_for_ms, 100 * DAY);
    cr_assert_eq(config->windows.interval[2].restate_for_ms, 9 * DAY);
    cr_assert(config->windows.catch_up_all);
    cr_assert(config->contracts.clients_only);
    config_free(loaded);
}

Test(config_load, a_window_stays_open_longer_than_a_verdict)
{
    config_refused("time: {restate_for: {default: 191h}}\n",
                   "t.yaml:1:31: time.restate_for.default: restate_for of the window 30m is "
                   "shorter");
    config_refused("clients: {a: {fcr: {window: 8d}}}\n", "t.yaml:1:29: clients.a.fcr.window: ");
    config_free(config_taken("time: {restate_for: {default: 8d}}\n"));
    config_free(config_taken("windows: {interval: []}\nclients: {a: {fcr: {window: 30d}}}\n"));
    config_free(config_taken("clients: {a: {call: {fcr: {model: flag, window: 30d}}}}\n"));
}

Test(config_load, topics_of_their_own_need_clients_only)
{
    config_refused("output: {topics: per_client}\n",
                   "t.yaml:1:18: output.topics: per_client needs");
    config_refused("output: {topics: per_client}\nclients_only: true\nclients: {a: {}}\n",
                   "t.yaml:3:11: clients.a: with output.topics: per_client each client needs");
    config_refused("output: {topics: per_client}\nclients_only: true\n"
                   "clients: {a: {topic: x}, b: {topic: x}}\n",
                   "is the topic of another client too");
    struct config_loaded *loaded = config_taken(
        "output: {topics: per_client}\nclients_only: true\nclients: {a: {topic: x}}\n");
    cr_assert_str_eq(loaded->config->contracts.client[0].topic, "x");
    config_free(loaded);
}

Test(config_load, an_earlier_configuration_takes_what_is_this_process_s_own)
{
    struct config_loaded *before = config_taken(
        "kafka: {group: g, instance: a, brokers: \"old:1\", security: {ssl.ca.location: /a}}\n"
        "http: {listen: \"10.0.0.1:80\"}\nsnapshot: {dir: /a, keep: 9}\ntasks: 8\n");
    struct config_loaded *own =
        config_taken("kafka: {group: h, instance: b, brokers: \"new:1\"}\nhttp: {listen: off}\n"
                     "snapshot: {dir: /b}\ntasks: 9\n");
    config_take_own(before, own->config);
    const struct rc_config *config = before->config;
    cr_assert_str_eq(config->kafka.instance, "b");
    cr_assert_str_eq(config->kafka.brokers, "new:1");
    cr_assert_eq(config->kafka.property_count, 0);
    cr_assert_null(config->http.listen);
    cr_assert_str_eq(config->snapshot.dir, "/b");
    cr_assert_eq(config->snapshot.keep, 3);
    cr_assert_str_eq(config->kafka.group, "g");
    cr_assert_eq(config->tasks, 8);
    config_free(before);
    config_free(own);
}

Test(config_load, a_file_that_is_not_there_is_said_so)
{
    struct config_loaded *loaded = NULL;
    cr_assert_eq(config_load("test", "tests/unit/there-is-none.yaml", NULL, &loaded), RC_ERR_IO);
    cr_assert_eq(config_load("test", "tests/unit", NULL, &loaded), RC_ERR_IO);
    cr_assert_null(loaded);
    config_free(NULL);
}

/* ---- the sample, broken ---- */

static const struct config_node *all[4096];
static size_t all_count;

static void collect(const struct config_node *node)
{
    if (node->key != NULL)
        all[all_count++] = node;
    for (const struct config_node *child = node->child; child != NULL; child = child->next)
        collect(child);
}

static size_t offset_of(const char *text, uint32_t line, uint32_t column)
{
    const char *at = text;
    for (uint32_t i = 1; i < line; i++)
        at = strchr(at, '\n') + 1;
    return (size_t)(at - text) + column - 1;
}

/* `size` bytes at `offset` replaced. */
static char *replaced(const char *text, size_t offset, size_t size, const char *by)
{
    size_t length = strlen(text) + strlen(by) + 1;
    char *made = malloc(length);
    snprintf(made, length, "%.*s%s%s", (int)offset, text, by, text + offset + size);
    return made;
}

/* Keys that someone names, so that any will do. */
static bool is_free(const struct config_node *node)
{
    static const char *const maps[] = {"topics", "security", "calendars", "clients",
                                       "queues", "groups",   "within"};
    for (size_t i = 0; i < sizeof(maps) / sizeof(*maps); i++)
        if (node->parent->key != NULL && strcmp(node->parent->key->text, maps[i]) == 0)
            return true;
    return false;
}

static void refused_at(const char *text, const struct config_node *node, const char *how)
{
    char *said = config_refusal(text), line[32];
    cr_assert_not_null(said, "%s of %s (line %u) is taken", how, node->key->text, node->line);
    snprintf(line, sizeof(line), "t.yaml:%u:", node->key->line);
    cr_assert(strstr(said, line) != NULL, "%s of %s: %s not in:\n%s", how, node->key->text, line,
              said);
    free(said);
}

static void break_key(const char *text, const struct config_node *node)
{
    size_t at = offset_of(text, node->key->line, node->key->column), size = node->key->size;
    char typo[128], *made;
    if (!is_free(node)) {
        snprintf(typo, sizeof(typo), "%sx", node->key->text);
        made = replaced(text, at, size, typo);
        refused_at(made, node, "a typo");
        free(made);
        made = replaced(text, at, size, "\"\"");
        refused_at(made, node, "an empty key");
        free(made);
    }
    snprintf(typo, sizeof(typo), "&a %s", node->key->text);
    made = replaced(text, at, size, typo);
    refused_at(made, node, "an anchor");
    free(made);
}

static void break_value(const char *text, const struct config_node *node)
{
    static const char *const wrong[] = {
        "[[]]", "{nonsense: {a: b}}", "-1", "\"\\x01\"", "99999999999999999999d", "!x y", "*x"};
    size_t at = offset_of(text, node->line, node->column),
           size = node->size + (node->plain ? 0 : 2);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++) {
        /* A reason, a group or a directory may be any text, a score any number. */
        bool any = i == 2 || i == 4;
        if (any &&
            (strcmp(node->key->text, "satisfied_at") == 0 ||
             strcmp(node->key->text, "group") == 0 || strcmp(node->key->text, "instance") == 0 ||
             strcmp(node->key->text, "dir") == 0 || strcmp(node->key->text, "name") == 0 ||
             strcmp(node->key->text, "severity") == 0 || strcmp(node->key->text, "brokers") == 0))
            continue;
        char *made = replaced(text, at, size, wrong[i]);
        refused_at(made, node, wrong[i]);
        free(made);
    }
    char *made = replaced(text, at, size, " ");
    refused_at(made, node, "no value");
    free(made);
}

static void double_key(const char *text, const struct config_node *node)
{
    /* Inside of a flow map the pair can stand twice; elsewhere the line is a key of its own. */
    size_t at = offset_of(text, node->key->line, node->key->column);
    char again[128];
    if (node->parent->parent == NULL || node->parent->line != node->key->line)
        return;
    snprintf(again, sizeof(again), "%s: x, ", node->key->text);
    char *made = replaced(text, at, 0, again);
    refused_at(made, node, "the key twice");
    free(made);
}

Test(config_load, every_key_of_the_sample_is_checked, .timeout = 290)
{
    struct config_loaded *loaded = NULL;
    cr_assert_eq(config_load("test", "deploy/rollcall.yaml", stderr, &loaded), RC_OK);
    const char *text = loaded->reader->source.text;
    collect(loaded->reader->root);
    cr_assert_gt(all_count, 100);
    for (size_t i = 0; i < all_count; i++) {
        const struct config_node *node = all[i];
        break_key(text, node);
        double_key(text, node);
        if (node->kind == CONFIG_SCALAR)
            break_value(text, node);
    }
    config_free(loaded);
}
