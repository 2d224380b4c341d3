/* Readers for what the table of keys cannot say: topics, windows, calendars, zones. */
#include "config_schema.h"

#include "config_value.h"

#include <stdlib.h>
#include <string.h>

enum { TOPIC_MAX = 249, WINDOW_NAME_MAX = 64, ROLLING_TIMES_MAX = 1440, OUTPUT_TOPIC_MAX = 64 };

#define TOPIC_LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-"

/* ---- zones ---- */

struct config_zone_entry {
    const struct rc_zone *zone;
    struct config_zone_entry *next;
};

static const struct rc_zone *zone_load(struct config_reader *reader, const char *name)
{
    for (const struct config_zone_entry *entry = reader->zones; entry != NULL; entry = entry->next)
        if (strcmp(entry->zone->name, name) == 0)
            return entry->zone;
    struct rc_zone_step *step = malloc(CONFIG_ZONE_STEPS_MAX * sizeof(*step));
    uint32_t count = step == NULL ? 0 : config_zone_steps(name, step);
    struct rc_zone *zone = NULL;
    if (count > 0) {
        struct rc_zone_step *kept = config_arena_get(&reader->arena, count * sizeof(*kept));
        memcpy(kept, step, count * sizeof(*kept));
        zone = config_arena_get(&reader->arena, sizeof(*zone));
        *zone = (struct rc_zone){.name = config_arena_text(&reader->arena, name, strlen(name)),
                                 .step_count = count,
                                 .step = kept};
        struct config_zone_entry *entry = config_arena_get(&reader->arena, sizeof(*entry));
        *entry = (struct config_zone_entry){.zone = zone, .next = reader->zones};
        reader->zones = entry;
    }
    free(step);
    return zone;
}

const struct rc_zone *config_zone_get(struct config_reader *reader, const struct config_node *node)
{
    static const char allowed[] = "an IANA time zone that this system knows, as Europe/Berlin";
    const char *name = config_text_of(reader, node, allowed);
    const struct rc_zone *zone = NULL;
    if (name == NULL)
        return NULL;
    if (config_zone_known(&reader->zone_names, name))
        zone = zone_load(reader, name);
    if (zone == NULL)
        config_problem_add(&reader->source, node, false, allowed,
                           config_nearest(name, reader->zone_names.name, reader->zone_names.count),
                           "unknown time zone %s", config_node_says(&reader->arena, node));
    return zone;
}

const struct rc_zone *config_zone_utc(struct config_reader *reader)
{
    return zone_load(reader, "UTC");
}

/* ---- calendars ---- */

struct config_calendar *config_calendar_get(struct config_reader *reader,
                                            const struct config_node *node)
{
    const char *names[64];
    size_t count = 0;
    const char *name = config_text_of(reader, node, "the name of a calendar");
    if (name == NULL)
        return NULL;
    for (struct config_calendar *calendar = reader->calendars; calendar != NULL;
         calendar = calendar->next) {
        if (strcmp(calendar->name, name) == 0)
            return calendar;
        if (count < 64)
            names[count++] = calendar->name;
    }
    config_problem_add(&reader->source, node, false, "the name of a calendar under `calendars`",
                       config_nearest(name, names, count), "unknown calendar %s",
                       config_node_says(&reader->arena, node));
    return NULL;
}

static void hours_read(struct config_reader *reader, const struct config_node *list,
                       struct config_hours_list *ret_hours)
{
    static const char allowed[] = "a list of \"HH:MM-HH:MM\"; 24:00 is an end";
    if (!config_is_list(reader, list, allowed))
        return;
    struct config_hours *hours =
        config_arena_get(&reader->arena, (ret_hours->count + list->count + 1) * sizeof(*hours));
    if (ret_hours->count > 0)
        memcpy(hours, ret_hours->hours, ret_hours->count * sizeof(*hours));
    ret_hours->hours = hours;
    for (const struct config_node *node = list->child; node != NULL; node = node->next) {
        const char *text = config_text_of(reader, node, allowed);
        struct config_hours *one = &hours[ret_hours->count];
        if (text != NULL && config_parse_hours(text, &one->from, &one->to))
            ret_hours->count++;
        else if (text != NULL)
            config_wrong_kind(reader, node, allowed);
    }
}

static void week_read(struct config_reader *reader, const struct config_node *week,
                      struct config_calendar *calendar)
{
    static const char allowed[] = "mon tue wed thu fri sat sun, or two of them as in mon-fri";
    if (!config_is_map(reader, week, "a map of days to hours"))
        return;
    for (const struct config_node *node = week->child; node != NULL; node = node->next) {
        struct config_hours_list hours = {0};
        uint32_t first, last;
        hours_read(reader, node, &hours);
        if (!config_parse_days(node->key->text, &first, &last)) {
            config_problem_add(&reader->source, node, true, allowed, NULL, "found \"%.60s\"",
                               node->key->text);
            continue;
        }
        for (uint32_t day = first;; day = (day + 1) % 7) {
            struct config_hours_list *to = &calendar->week[day];
            struct config_hours *both =
                config_arena_get(&reader->arena, (to->count + hours.count + 1) * sizeof(*both));
            if (to->count > 0)
                memcpy(both, to->hours, to->count * sizeof(*both));
            if (hours.count > 0)
                memcpy(both + to->count, hours.hours, hours.count * sizeof(*both));
            to->hours = both;
            to->count += hours.count;
            if (day == last)
                break;
        }
    }
    for (int day = 0; day < 7; day++)
        config_hours_unite(&calendar->week[day]);
}

static int by_day(const void *left, const void *right)
{
    const struct config_exception *a = left, *b = right;
    return (a->day > b->day) - (a->day < b->day);
}

static void exceptions_read(struct config_reader *reader, const struct config_node *map,
                            struct config_calendar *calendar)
{
    if (!config_is_map(reader, map, "a map of dates to `closed` or hours"))
        return;
    calendar->exception =
        config_arena_get(&reader->arena, (map->count + 1) * sizeof(*calendar->exception));
    for (const struct config_node *node = map->child; node != NULL; node = node->next) {
        struct config_exception *one = &calendar->exception[calendar->exception_count];
        bool good = config_parse_date(node->key->text, &one->day);
        if (!good)
            config_problem_add(&reader->source, node, true, "a date, YYYY-MM-DD, 1990 to 2109",
                               NULL, "found \"%.60s\"", node->key->text);
        if (node->kind == CONFIG_LIST)
            hours_read(reader, node, &one->hours);
        else if (!config_node_is(node, "closed"))
            config_wrong_kind(reader, node, "closed, or a list of \"HH:MM-HH:MM\"");
        config_hours_unite(&one->hours);
        if (good)
            calendar->exception_count++;
        else
            one->hours.count = 0;
    }
    qsort(calendar->exception, calendar->exception_count, sizeof(*calendar->exception), by_day);
}

struct calendar_parts {
    const struct config_node *timezone, *week, *except;
};

static void remember_node(struct config_reader *reader, const struct config_node *node,
                          const struct config_key *key, void *base)
{
    (void)reader;
    *(const struct config_node **)(void *)((char *)base + key->slot) = node;
}

static const struct config_key calendar_keys[] = {
    {"timezone", CONFIG_KIND_READER, .read = remember_node,
     .slot = offsetof(struct calendar_parts, timezone)},
    {"week", CONFIG_KIND_READER, .read = remember_node,
     .slot = offsetof(struct calendar_parts, week)},
    {"except", CONFIG_KIND_READER, .read = remember_node,
     .slot = offsetof(struct calendar_parts, except)},
};
static const struct config_map calendar_map = {"a calendar", calendar_keys, 3};

static void calendar_read(struct config_reader *reader, const struct config_node *node)
{
    struct calendar_parts parts = {0};
    struct config_calendar *calendar = config_arena_get(&reader->arena, sizeof(*calendar));
    calendar->name = node->key->text;
    calendar->node = node;
    if (!config_name_valid(node->key->text, node->key->size, RC_ID_MAX))
        config_problem_add(&reader->source, node, true, "1 to 128 bytes, no control characters",
                           NULL, "not a calendar's name");
    config_map_read(reader, node, &calendar_map, &parts);
    if (node->kind != CONFIG_MAP && !config_node_empty(node))
        return;
    calendar->zone = parts.timezone == NULL ? NULL : config_zone_get(reader, parts.timezone);
    if (parts.timezone == NULL)
        config_problem_add(&reader->source, node, true, "timezone, week, except", NULL,
                           "a calendar needs a `timezone`");
    if (parts.week != NULL)
        week_read(reader, parts.week, calendar);
    else
        config_problem_add(&reader->source, node, true, "timezone, week, except", NULL,
                           "a calendar needs a `week`");
    if (parts.except != NULL)
        exceptions_read(reader, parts.except, calendar);
    if (calendar->zone == NULL)
        calendar->zone = config_zone_utc(reader);
    calendar->next = reader->calendars;
    reader->calendars = calendar;
}

/* Read before anything that may name one. */
void config_read_calendars(struct config_reader *reader, const struct config_node *node,
                           const struct config_key *key, void *base)
{
    (void)base;
    if (key != NULL)
        return; /* the walk of the table comes by later */
    if (!config_is_map(reader, node, "a map of names to calendars"))
        return;
    for (const struct config_node *one = node->child; one != NULL; one = one->next)
        calendar_read(reader, one);
}

/* ---- kafka ---- */

static int by_topic(const void *left, const void *right)
{
    const struct rc_topic_setting *a = left, *b = right;
    return strcmp(a->name, b->name);
}

void config_read_topics(struct config_reader *reader, const struct config_node *node,
                        const struct config_key *key, void *base)
{
    static const char *const words[] = {"call", "chat", "ticket", "any"};
    struct rc_config *config = base;
    (void)key;
    if (!config_is_map(reader, node, "a map of topics to channels"))
        return;
    struct rc_topic_setting *topic =
        config_arena_get(&reader->arena, (node->count + 1) * sizeof(*topic));
    for (const struct config_node *one = node->child; one != NULL; one = one->next) {
        const char *name = one->key->text;
        size_t word = one->kind == CONFIG_SCALAR ? config_parse_word(one->text, words, 4) : 4;
        if (one->key->size == 0 || one->key->size > TOPIC_MAX ||
            strspn(name, TOPIC_LETTERS) != one->key->size || strcmp(name, ".") == 0 ||
            strcmp(name, "..") == 0)
            config_problem_add(&reader->source, one, true,
                               "1 to 249 of a-z A-Z 0-9 . _ - (regular expressions are not read)",
                               NULL, "not the name of a topic");
        if (word == 4)
            config_problem_add(&reader->source, one, false, "call, chat, ticket, any",
                               one->kind == CONFIG_SCALAR ? config_nearest(one->text, words, 4)
                                                          : NULL,
                               "found %s", config_node_says(&reader->arena, one));
        topic[config->kafka.topic_count].name = name;
        topic[config->kafka.topic_count++].channel = word < 3 ? (uint8_t)word : RC_CHANNEL_NONE;
    }
    qsort(topic, config->kafka.topic_count, sizeof(*topic), by_topic);
    config->kafka.topic = topic;
}

void config_read_brokers(struct config_reader *reader, const struct config_node *node,
                         const struct config_key *key, void *base)
{
    static const char allowed[] = "host:port, or several with commas";
    const char *text = config_text_of(reader, node, allowed);
    (void)key;
    if (text == NULL)
        return;
    for (const char *at = text; at != NULL;) {
        const char *comma = strchr(at, ',');
        size_t size = comma == NULL ? strlen(at) : (size_t)(comma - at);
        while (size > 0 && *at == ' ') {
            at++;
            size--;
        }
        char one[512];
        bool port = memchr(at, ':', size) != NULL; /* librdkafka adds its own otherwise */
        snprintf(one, sizeof(one), "%.*s%s", size < 500 ? (int)size : 500, at, port ? "" : ":1");
        if (size == 0 || !config_parse_listen(one)) {
            config_wrong_kind(reader, node, allowed);
            return;
        }
        at = comma == NULL ? NULL : comma + 1;
    }
    ((struct rc_config *)base)->kafka.brokers = text;
}

void config_read_keyed_by(struct config_reader *reader, const struct config_node *node,
                          const struct config_key *key, void *base)
{
    struct config_key word = *key;
    word.kind = CONFIG_KIND_WORD;
    config_single_read(reader, node, &word, base);
    if (((struct rc_config *)base)->kafka.keyed_by_client)
        config_note_add(reader, node, "members do not share the topics yet: one reads them all");
}

void config_read_listen(struct config_reader *reader, const struct config_node *node,
                        const struct config_key *key, void *base)
{
    struct rc_config *config = base;
    (void)key;
    if (config_node_is(node, "off"))
        config->http.listen = NULL;
    else if (node->kind == CONFIG_SCALAR && config_parse_listen(node->text))
        config->http.listen = node->text;
    else
        config_wrong_kind(reader, node, "host:port, as 127.0.0.1:9187, or off");
}

/* ---- windows ---- */

static const struct config_key rolling_keys[] = {
    {"name", CONFIG_KIND_TEXT, .slot = offsetof(struct rc_rolling_window, name), .min = 1,
     .max = WINDOW_NAME_MAX},
    {"length", CONFIG_KIND_DURATION, .slot = offsetof(struct rc_rolling_window, length_ms),
     .min = 1000, .max = INT64_C(366) * 86400000},
    {"every", CONFIG_KIND_DURATION, .slot = offsetof(struct rc_rolling_window, every_ms),
     .min = 1000, .max = INT64_C(366) * 86400000},
};
static const struct config_map rolling_map = {"a rolling window", rolling_keys, 3};

static void rolling_check(struct config_reader *reader, const struct config_node *node,
                          const struct rc_windows *windows, const struct rc_rolling_window *window)
{
    for (size_t i = 0; i < 3; i++)
        if (node->kind == CONFIG_MAP && config_node_find(node, rolling_keys[i].name) == NULL)
            config_problem_add(&reader->source, node, false, "name, length, every", NULL,
                               "a rolling window needs `%s`", rolling_keys[i].name);
    if (window->name != NULL && strpbrk(window->name, "|%") != NULL)
        config_problem_add(&reader->source, config_node_find(node, "name"), false,
                           "a name without | and %", NULL, "found \"%s\"", window->name);
    for (uint32_t i = 0; i < windows->rolling_count; i++)
        if (window->name != NULL && windows->rolling[i].name != NULL &&
            strcmp(windows->rolling[i].name, window->name) == 0)
            config_problem_add(&reader->source, config_node_find(node, "name"), false,
                               "each name once", NULL, "a second rolling window named \"%s\"",
                               window->name);
    if (window->length_ms == 0 || window->every_ms == 0)
        return;
    const struct config_node *every = config_node_find(node, "every");
    if (window->length_ms % window->every_ms != 0)
        config_problem_add(&reader->source, every, false, "an `every` that divides `length`", NULL,
                           "`every` does not divide `length`");
    else if (window->length_ms / window->every_ms > ROLLING_TIMES_MAX)
        config_problem_add(&reader->source, every, false, "at most 1,440 times in `length`", NULL,
                           "`every` is too short for `length`");
}

void config_read_rolling(struct config_reader *reader, const struct config_node *node,
                         const struct config_key *key, void *base)
{
    struct rc_windows *windows = &((struct rc_config *)base)->windows;
    (void)key;
    if (!config_is_list(reader, node, "a list of {name, length, every}"))
        return;
    for (const struct config_node *one = node->child; one != NULL; one = one->next) {
        struct rc_rolling_window window = {0};
        if (windows->rolling_count == RC_ROLLING_MAX) {
            config_problem_add(&reader->source, one, false, "at most 16 rolling windows", NULL,
                               "one rolling window too many");
            return;
        }
        if (one->kind != CONFIG_MAP) {
            config_wrong_kind(reader, one, "{name, length, every}");
            continue;
        }
        config_map_read(reader, one, &rolling_map, &window);
        rolling_check(reader, one, windows, &window);
        windows->rolling[windows->rolling_count++] = window;
    }
}

void config_read_intervals(struct config_reader *reader, const struct config_node *node,
                           const struct config_key *key, void *base)
{
    static const char allowed[] = "15m, 30m, 1h, day, week, month";
    struct rc_windows *windows = &((struct rc_config *)base)->windows;
    bool seen[RC_INTERVAL_COUNT] = {false};
    (void)key;
    if (!config_is_list(reader, node, "a list of 15m, 30m, 1h, day, week, month"))
        return;
    for (const struct config_node *one = node->child; one != NULL; one = one->next) {
        size_t kind = RC_INTERVAL_COUNT;
        if (one->kind == CONFIG_SCALAR)
            kind = config_parse_word(one->text, rc_interval_name, RC_INTERVAL_COUNT);
        if (kind == RC_INTERVAL_COUNT) {
            config_wrong_kind(reader, one, allowed);
        } else if (seen[kind]) {
            config_problem_add(&reader->source, one, false, "each interval once", NULL,
                               "a second interval \"%s\"", one->text);
        } else {
            seen[kind] = true;
            windows->interval[windows->interval_count++].kind = (enum rc_interval)kind;
        }
    }
}

void config_read_by_window(struct config_reader *reader, const struct config_node *node,
                           const struct config_key *key, void *base)
{
    (void)base;
    config_map_read(reader, node, key->map, (char *)reader + key->slot);
}

/* ---- what the outer levels alone have ---- */

void config_read_timezone(struct config_reader *reader, const struct config_node *node,
                          const struct config_key *key, void *base)
{
    (void)key;
    if (config_zone_get(reader, node) != NULL)
        ((struct config_level *)base)->zone_node = node;
}

void config_read_topic(struct config_reader *reader, const struct config_node *node,
                       const struct config_key *key, void *base)
{
    struct config_level *level = base;
    (void)key;
    if (node->kind == CONFIG_SCALAR && node->size > 0 && node->size <= OUTPUT_TOPIC_MAX &&
        strspn(node->text, TOPIC_LETTERS) == node->size)
        level->topic = node->text;
    else
        config_wrong_kind(reader, node, "1 to 64 of a-z A-Z 0-9 . _ -");
    level->topic_node = node;
}
