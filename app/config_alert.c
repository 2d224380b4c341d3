/* Clocks of tickets and rules of alerts: read and checked whole, so that a file that is right today
 * stays right when they take effect. */
#include "config_schema.h"

#include "config_value.h"

#include <stdlib.h>
#include <string.h>

enum { CLOCK_NAME_MAX = 64, ALERT_NAME_MAX = 64, SEVERITY_MAX = 32 };
#define DAYS(count) (INT64_C(count) * 86400000)

/* ---- clocks ---- */

static const char *const measure_words[] = {"acknowledge", "first_response", "resolution", NULL};

static int by_priority(const void *left, const void *right)
{
    const struct config_priority *a = left, *b = right;
    return strcmp(a->name, b->name);
}

static void within_read(struct config_reader *reader, const struct config_node *node,
                        const struct config_key *key, void *base)
{
    static const char allowed[] =
        "a duration over 0, a map of priorities to durations with `default`, or event";
    struct config_sla *sla = base;
    (void)key;
    if (config_node_is(node, "event")) {
        sla->by_event = true;
        return;
    }
    bool map = node->kind == CONFIG_MAP;
    const struct config_node *one = map ? node->child : node;
    sla->priority =
        config_arena_get(&reader->arena, (map ? node->count + 1 : 1) * sizeof(*sla->priority));
    for (; one != NULL; one = map ? one->next : NULL) {
        struct config_priority *priority = &sla->priority[sla->priority_count++];
        priority->name = map ? one->key->text : "default";
        if (map && !config_name_valid(one->key->text, one->key->size, RC_PRIORITY_MAX))
            config_problem_add(&reader->source, one, true, "1 to 16 bytes, no control characters",
                               NULL, "not a priority");
        if (one->kind != CONFIG_SCALAR || !config_parse_duration(one->text, &priority->within_ms) ||
            priority->within_ms <= 0 || priority->within_ms > DAYS(3650))
            config_wrong_kind(reader, one, map ? "a duration over 0, at most 3650d" : allowed);
    }
    if (map && node->count == 0)
        config_wrong_kind(reader, node, allowed);
    qsort(sla->priority, sla->priority_count, sizeof(*sla->priority), by_priority);
}

static void sla_calendar_read(struct config_reader *reader, const struct config_node *node,
                              const struct config_key *key, void *base)
{
    struct config_sla *sla = base;
    (void)key;
    sla->calendar = config_calendar_get(reader, node);
    sla->calendar_node = node;
}

static const struct config_key sla_keys[] = {
    {"name", CONFIG_KIND_TEXT, .slot = offsetof(struct config_sla, name), .min = 1,
     .max = CLOCK_NAME_MAX},
    {"measure", CONFIG_KIND_WORD, .slot = offsetof(struct config_sla, measure),
     .words = measure_words},
    {"within", CONFIG_KIND_READER, .read = within_read},
    {"target", CONFIG_KIND_PERCENT, .slot = offsetof(struct config_sla, target_bp), .min = 0,
     .max = 10000},
    {"calendar", CONFIG_KIND_READER, .read = sla_calendar_read},
    {"pauses", CONFIG_KIND_BOOL, .slot = offsetof(struct config_sla, pauses)},
};
static const struct config_map sla_map = {"a clock", sla_keys, 6};

void config_read_slas(struct config_reader *reader, const struct config_node *node,
                      const struct config_key *key, void *base)
{
    static const char *const needed[] = {"name", "measure", "within"};
    struct config_slas *slas = config_arena_get(&reader->arena, sizeof(*slas));
    if (config_is_list(reader, node,
                       "a list of {name, measure, within, target, calendar, pauses}")) {
        slas->sla = config_arena_get(&reader->arena, (node->count + 1) * sizeof(*slas->sla));
        for (const struct config_node *one = node->child; one != NULL; one = one->next) {
            struct config_sla *sla = &slas->sla[slas->count];
            *sla = (struct config_sla){.pauses = true, .target_bp = RC_NULL};
            if (one->kind != CONFIG_MAP) {
                config_wrong_kind(reader, one, "{name, measure, within, …}");
                continue;
            }
            config_map_read(reader, one, &sla_map, sla);
            for (int i = 0; i < 3; i++)
                if (config_node_find(one, needed[i]) == NULL)
                    config_problem_add(&reader->source, one, false, "name, measure, within", NULL,
                                       "a clock needs `%s`", needed[i]);
            for (uint32_t i = 0; sla->name != NULL && i < slas->count; i++)
                if (slas->sla[i].name != NULL && strcmp(slas->sla[i].name, sla->name) == 0)
                    config_problem_add(&reader->source, config_node_find(one, "name"), false,
                                       "each name once", NULL, "a second clock named \"%s\"",
                                       sla->name);
            slas->count++;
        }
    }
    ((struct config_terms *)base)->term[key->slot] =
        (struct config_term){.set = true, .data = slas, .node = node};
}

/* ---- alerts ---- */

struct alert {
    const struct config_node *figure, *clock, *window, *above, *below, *clients, *queues;
    const char *name, *severity;
    int64_t at_least, used_bp, for_ms, clear_ms;
    uint8_t channel;
};

static void remember_node(struct config_reader *reader, const struct config_node *node,
                          const struct config_key *key, void *base)
{
    (void)reader;
    *(const struct config_node **)(void *)((char *)base + key->slot) = node;
}

static const struct config_key escalate_keys[] = {
    {"after", CONFIG_KIND_DURATION, .slot = SIZE_MAX, .min = 1, .max = DAYS(366)},
    {"severity", CONFIG_KIND_TEXT, .slot = SIZE_MAX, .min = 1, .max = SEVERITY_MAX},
};
static const struct config_map escalate_map = {"a step", escalate_keys, 2};

static void escalate_read(struct config_reader *reader, const struct config_node *node,
                          const struct config_key *key, void *base)
{
    int64_t before = 0, after = 0;
    (void)key;
    (void)base;
    if (!config_is_list(reader, node, "a list of {after, severity}"))
        return;
    for (const struct config_node *one = node->child; one != NULL;
         one = one->next, before = after) {
        if (one->kind != CONFIG_MAP) {
            config_wrong_kind(reader, one, "{after, severity}");
            continue;
        }
        config_map_read(reader, one, &escalate_map, NULL);
        for (int i = 0; i < 2; i++)
            if (config_node_find(one, escalate_keys[i].name) == NULL)
                config_problem_add(&reader->source, one, false, "after, severity", NULL,
                                   "a step needs `%s`", escalate_keys[i].name);
        const struct config_node *when = config_node_find(one, "after");
        if (when != NULL && when->kind == CONFIG_SCALAR &&
            config_parse_duration(when->text, &after) && after <= before)
            config_problem_add(&reader->source, when, false, "steps in order of time", NULL,
                               "`after` is not later than the step before");
    }
}

static void at_least_read(struct config_reader *reader, const struct config_node *node,
                          const struct config_key *key, void *base)
{
    uint64_t count = 0;
    (void)key;
    if (node->kind == CONFIG_SCALAR && config_parse_count(node->text, &count) &&
        count <= 1000000000)
        ((struct alert *)base)->at_least = (int64_t)count;
    else
        config_wrong_kind(reader, node, "a count, 0 to 1000M");
}

#define ALERT(field) offsetof(struct alert, field)
static const char *const channel_words[] = {"call", "chat", "ticket", NULL};
static const struct config_key alert_keys[] = {
    {"name", CONFIG_KIND_TEXT, .slot = ALERT(name), .min = 1, .max = ALERT_NAME_MAX},
    {"figure", CONFIG_KIND_READER, .read = remember_node, .slot = ALERT(figure)},
    {"clock", CONFIG_KIND_READER, .read = remember_node, .slot = ALERT(clock)},
    {"window", CONFIG_KIND_READER, .read = remember_node, .slot = ALERT(window)},
    {"above", CONFIG_KIND_READER, .read = remember_node, .slot = ALERT(above)},
    {"below", CONFIG_KIND_READER, .read = remember_node, .slot = ALERT(below)},
    {"at_least", CONFIG_KIND_READER, .read = at_least_read},
    {"used", CONFIG_KIND_PERCENT, .slot = ALERT(used_bp), .min = 1, .max = 100000},
    {"for", CONFIG_KIND_DURATION, .slot = ALERT(for_ms), .min = 0, .max = DAYS(31)},
    {"clear_after", CONFIG_KIND_DURATION, .slot = ALERT(clear_ms), .min = 0, .max = DAYS(31)},
    {"severity", CONFIG_KIND_TEXT, .slot = ALERT(severity), .min = 1, .max = SEVERITY_MAX},
    {"escalate", CONFIG_KIND_READER, .read = escalate_read},
    {"clients", CONFIG_KIND_READER, .read = remember_node, .slot = ALERT(clients)},
    {"queues", CONFIG_KIND_READER, .read = remember_node, .slot = ALERT(queues)},
    {"channel", CONFIG_KIND_WORD, .slot = ALERT(channel), .words = channel_words},
};
static const struct config_map alert_map = {"an alert", alert_keys,
                                            sizeof(alert_keys) / sizeof(*alert_keys)};

struct figure {
    uint8_t unit;
    bool ratio;  /* a ratio or an average, with a denominator */
    bool target; /* the contract has one for it */
};

static bool figure_find(struct config_reader *reader, const struct config_node *node,
                        struct figure *ret_figure)
{
    static const char *const targets[] = {"sl_bp", "aht_ms", "fcr_bp", "csat_bp"};
    const char *names[RC_FIGURE_COUNT];
    size_t count = 0;
    const char *name = config_text_of(reader, node, "a figure of a record");
    if (name == NULL)
        return false;
    for (size_t i = 0; i < RC_FIGURE_COUNT; i++) {
        const struct rc_figure_info *info = &rc_figure_info[i];
        size_t size = strlen(info->name);
        bool verdict = info->unit == RC_UNIT_BOOL || strstr(info->name, "_target_") != NULL;
        if (verdict || size == 0)
            continue;
        names[count++] = info->name;
        if (strcmp(name, info->name) == 0) {
            *ret_figure = (struct figure){info->unit, info->merge == RC_MERGE_RATIO,
                                          config_parse_word(name, targets, 4) < 4};
            return true;
        }
    }
    config_problem_add(&reader->source, node, false,
                       "a count, sum, state, ratio or average of a record, as sl_bp",
                       config_nearest(name, names, count), "unknown figure \"%.60s\"", name);
    return false;
}

static void limit_check(struct config_reader *reader, const struct config_node *node,
                        const struct figure *figure)
{
    static const char *const allowed[] = {[RC_UNIT_COUNT] = "a count",
                                          [RC_UNIT_MS] = "a duration",
                                          [RC_UNIT_MILLI] = "a score",
                                          [RC_UNIT_BP] = "a percent",
                                          [RC_UNIT_BOOL] = "true, false"};
    char text[64];
    int64_t value;
    uint64_t count;
    bool good = false;
    snprintf(text, sizeof(text), "%s%s", allowed[figure->unit],
             figure->target ? ", or target" : "");
    if (node->kind == CONFIG_SCALAR) {
        switch ((enum rc_unit)figure->unit) {
        case RC_UNIT_COUNT:
            good = config_parse_count(node->text, &count);
            break;
        case RC_UNIT_MS:
            good = config_parse_duration(node->text, &value);
            break;
        case RC_UNIT_MILLI:
            good = config_parse_score(node->text, &value);
            break;
        case RC_UNIT_BP:
            good = config_parse_percent(node->text, &value);
            break;
        case RC_UNIT_BOOL:
            break;
        }
        good = good || (figure->target && strcmp(node->text, "target") == 0);
    }
    if (!good)
        config_wrong_kind(reader, node, text);
}

static void window_check(struct config_reader *reader, const struct config_node *node)
{
    const struct rc_windows *windows = &reader->config->windows;
    const char *names[RC_ROLLING_MAX];
    const char *name = config_text_of(reader, node, "the name of a rolling window");
    uint32_t count = 0;
    for (uint32_t i = 0; name != NULL && i < windows->rolling_count; i++) {
        if (windows->rolling[i].name == NULL)
            continue;
        if (strcmp(windows->rolling[i].name, name) == 0)
            return;
        names[count++] = windows->rolling[i].name;
    }
    if (name != NULL)
        config_problem_add(&reader->source, node, false, "a window under windows.rolling",
                           config_nearest(name, names, count),
                           "no rolling window is named \"%.60s\"", name);
}

static void refuse(struct config_reader *reader, const struct config_node *alert, const char *key,
                   const char *why)
{
    const struct config_node *node = config_node_find(alert, key);
    if (node != NULL)
        config_problem_add(&reader->source, node, true, NULL, NULL, "%s", why);
}

static void figure_alert(struct config_reader *reader, const struct config_node *node,
                         const struct alert *alert)
{
    struct figure figure;
    refuse(reader, node, "used", "`used` belongs to a clock's rule");
    if (alert->window == NULL)
        config_problem_add(&reader->source, node, false, "the name of a rolling window", NULL,
                           "a figure's rule needs `window`");
    else
        window_check(reader, alert->window);
    if ((alert->above == NULL) == (alert->below == NULL))
        config_problem_add(&reader->source, node, false, "above or below", NULL,
                           "a figure's rule needs one of `above` and `below`");
    if (!figure_find(reader, alert->figure, &figure))
        return;
    if (alert->above != NULL)
        limit_check(reader, alert->above, &figure);
    if (alert->below != NULL)
        limit_check(reader, alert->below, &figure);
    if (!figure.ratio)
        refuse(reader, node, "at_least", "`at_least` needs a ratio or an average");
}

static bool level_has_clock(const struct config_level *level, const char *name)
{
    const struct config_slas *slas = level->channel[RC_TICKET].term[CONFIG_SET_SLAS].data;
    for (uint32_t i = 0; slas != NULL && i < slas->count; i++)
        if (slas->sla[i].name != NULL && strcmp(slas->sla[i].name, name) == 0)
            return true;
    for (uint32_t i = 0; i < level->dated_count; i++)
        if (level_has_clock(&level->dated[i], name))
            return true;
    for (uint32_t i = 0; i < level->queue_count; i++)
        if (level_has_clock(&level->queue[i], name))
            return true;
    for (uint32_t i = 0; i < level->group_count; i++)
        if (level_has_clock(&level->group[i], name))
            return true;
    return false;
}

static void clock_alert(struct config_reader *reader, const struct config_node *node,
                        const struct alert *alert)
{
    static const char *const not_here[] = {"window",   "above", "below",
                                           "at_least", "for",   "clear_after"};
    const char *name = config_text_of(reader, alert->clock, "the name of a clock");
    for (size_t i = 0; i < sizeof(not_here) / sizeof(*not_here); i++)
        refuse(reader, node, not_here[i], "this key belongs to a figure's rule");
    if (config_node_find(node, "used") == NULL)
        config_problem_add(&reader->source, node, false, "used: a percent", NULL,
                           "a clock's rule needs `used`");
    bool found = name == NULL || level_has_clock(&reader->defaults, name);
    for (uint32_t i = 0; i < reader->client_count && !found; i++)
        found = level_has_clock(&reader->clients[i], name);
    if (!found)
        config_problem_add(&reader->source, alert->clock, false, "the name of a clock under `slas`",
                           NULL, "no clock is named \"%.60s\"", name);
}

/* `*` and groups count only where a rule names them, so their forms are names here too. */
static void names_check(struct config_reader *reader, const struct config_node *list,
                        const char *what)
{
    if (list == NULL || !config_is_list(reader, list, "a list of names"))
        return;
    for (const struct config_node *one = list->child; one != NULL; one = one->next)
        config_name_of(reader, one, RC_CLIENT_MAX, what);
}

static void alert_check(struct config_reader *reader, const struct config_node *node,
                        const struct alert *alert)
{
    if (config_node_find(node, "name") == NULL)
        config_problem_add(&reader->source, node, false, "name: a text", NULL,
                           "a rule needs `name`");
    if ((alert->figure == NULL) == (alert->clock == NULL))
        config_problem_add(&reader->source, node, false, "figure or clock", NULL,
                           "a rule needs one of `figure` and `clock`");
    else if (alert->figure != NULL)
        figure_alert(reader, node, alert);
    else
        clock_alert(reader, node, alert);
    names_check(reader, alert->clients, "a client");
    names_check(reader, alert->queues, "a queue, @group or *");
}

/* The walk of the table leaves them: they name windows and clocks, which may stand further down. */
void config_read_alerts(struct config_reader *reader, const struct config_node *node,
                        const struct config_key *key, void *base)
{
    (void)key;
    (void)base;
    (void)config_is_list(reader, node, "a list of rules");
}

void config_alerts_finish(struct config_reader *reader, const struct config_node *alerts)
{
    const char **names;
    uint32_t count = 0;
    if (alerts == NULL || alerts->kind != CONFIG_LIST)
        return;
    names = config_arena_get(&reader->arena, (alerts->count + 1) * sizeof(*names));
    for (const struct config_node *one = alerts->child; one != NULL; one = one->next) {
        struct alert alert = {0};
        if (one->kind != CONFIG_MAP) {
            config_wrong_kind(reader, one, "{name, figure or clock, …}");
            continue;
        }
        config_map_read(reader, one, &alert_map, &alert);
        alert_check(reader, one, &alert);
        for (uint32_t i = 0; alert.name != NULL && i < count; i++)
            if (strcmp(names[i], alert.name) == 0)
                config_problem_add(&reader->source, config_node_find(one, "name"), false,
                                   "each name once", NULL, "a second rule named \"%s\"",
                                   alert.name);
        if (alert.name != NULL && count < 10000)
            names[count++] = alert.name;
    }
}
