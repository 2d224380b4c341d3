/* The table of keys and the walk along it. */
#include "config_schema.h"

#include "config_value.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define MS     INT64_C(1)
#define SECOND (1000 * MS)
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
#define LONG   (36500 * DAY)

#define MAP_OF(keys)                                                                               \
    {                                                                                              \
        .what = #keys, .key = keys, .count = sizeof(keys) / sizeof(*keys)                          \
    }
#define AT(field)        offsetof(struct rc_config, field)
#define LEVEL(field)     offsetof(struct config_level, field)
#define SET(id)          .is_setting = true, .slot = CONFIG_SET_##id
#define K(kind_)         .kind = CONFIG_KIND_##kind_
#define RANGE(low, high) .min = (low), .max = (high)
#define WORDS(...)                                                                                 \
    .words = (const char *const[])                                                                 \
    {                                                                                              \
        __VA_ARGS__, NULL                                                                          \
    }
#define WORDS_OF(list) .words = list##_words
#define READ(function) K(READER), .read = function

/* ---- contracts ---- */

/* In the order of the enums of rollcall/contract.h. */
static const char *const abandoned_words[] = {
    "against", "ignore_within", "ignore_short", "credit_within", "credit_short", "ignore", NULL};
static const char *const flow_words[] = {"ignore", "against", "credit_within", NULL};
static const char *const basis_words[] = {"outcome", "arrival", NULL};
static const char *const model_words[] = {"repeat", "flag", "reopen", NULL};
static const char *const outer_model_words[] = {"repeat", "flag", NULL};
static const char *const scope_words[] = {"client", "queue", NULL};

static const struct config_key service_level_keys[] = {
    {"within", K(DURATION), SET(SL_WITHIN), RANGE(0, 31 * DAY), .help = "threshold of the wait"},
    {"target", K(PERCENT), SET(SL_TARGET), RANGE(0, 10000), .help = "share to be met"},
    {"abandoned", K(WORD), SET(SL_ABANDONED), WORDS_OF(abandoned),
     .help = "how abandoned contacts count"},
    {"short_abandon", K(DURATION), SET(SL_SHORT), RANGE(0, 31 * DAY),
     .help = "up to this wait an abandoned contact is a short one"},
    {"flow_out", K(WORD), SET(SL_FLOW_OUT), WORDS_OF(flow),
     .help = "how contacts count that left the queue"},
    {"calendar", SET(SL_CALENDAR), READ(config_read_calendar_name),
     .help = "opening hours; visits outside are left out"},
    {"except", SET(SL_EXCEPT), READ(config_read_outages),
     .help = "agreed outages: a list of {from, to, reason}"},
};
static const struct config_map service_level_map = MAP_OF(service_level_keys);

static const struct config_key aht_keys[] = {
    {"target", K(DURATION), SET(AHT_TARGET), RANGE(1, 31 * DAY), .help = "at most, on average"},
};
static const struct config_map aht_map = MAP_OF(aht_keys);

#define FCR_KEYS(models)                                                                           \
    {"model", K(WORD), SET(FCR_MODEL), WORDS_OF(models), .help = "how a verdict is found"},        \
        {"window", K(DURATION), SET(FCR_WINDOW), RANGE(1, 366 * DAY),                              \
         .help = "how long nobody may call again"},                                                \
        {"scope", K(WORD), SET(FCR_SCOPE), WORDS_OF(scope),                                        \
         .help = "where another contact counts"},                                                  \
    {                                                                                              \
        "target", K(PERCENT), SET(FCR_TARGET), RANGE(0, 10000), .help = "share to be met"          \
    }

static const struct config_key fcr_keys[] = {FCR_KEYS(outer_model)};
static const struct config_map fcr_map = MAP_OF(fcr_keys);
static const struct config_key fcr_ticket_keys[] = {FCR_KEYS(model)};
static const struct config_map fcr_ticket_map = MAP_OF(fcr_ticket_keys);
static const struct config_key fcr_outer_keys[] = {
    FCR_KEYS(outer_model),
    {"no_customer", SET(FCR_NO_CUSTOMER), READ(config_read_no_customer),
     .help = "customers that count as none"},
};
static const struct config_map fcr_outer_map = MAP_OF(fcr_outer_keys);

static const struct config_key csat_keys[] = {
    {"satisfied_at", K(SCORE), SET(CSAT_SATISFIED_AT), RANGE(-1000000000, 1000000000),
     .help = "from this score on a customer is satisfied"},
    {"target", K(PERCENT), SET(CSAT_TARGET), RANGE(0, 10000), .help = "share to be met"},
};
static const struct config_map csat_map = MAP_OF(csat_keys);

static const struct config_key visit_keys[] = {
    {"service_level", K(MAP), .map = &service_level_map},
    {"aht", K(MAP), .map = &aht_map},
    {"acw_cap", K(DURATION), SET(ACW_CAP), RANGE(0, 31 * DAY),
     .help = "after-contact work counts up to this"},
    {"acw_expected", K(BOOL), SET(ACW_EXPECTED), .help = "a `wrapped` follows every contact"},
    {"basis", K(WORD), SET(BASIS), WORDS_OF(basis),
     .help = "the instant at which a visit's outcome counts"},
    {"fcr", K(MAP), .map = &fcr_map},
    {"csat", K(MAP), .map = &csat_map},
};
static const struct config_map visit_map = MAP_OF(visit_keys);

static const struct config_key ticket_keys[] = {
    {"slas", SET(SLAS), READ(config_read_slas), .help = "a list of clocks"},
    {"aht", K(MAP), .map = &aht_map},
    {"fcr", K(MAP), .map = &fcr_ticket_map},
    {"csat", K(MAP), .map = &csat_map},
};
static const struct config_map ticket_map = MAP_OF(ticket_keys);

/* Every level has these; only the outer two say who counts as no customer. */
#define CONTRACT_KEYS(fcr)                                                                         \
    {"call", K(MAP), .map = &visit_map, .slot = LEVEL(channel[RC_CALL])},                          \
        {"chat", K(MAP), .map = &visit_map, .slot = LEVEL(channel[RC_CHAT])},                      \
        {"ticket", K(MAP), .map = &ticket_map, .slot = LEVEL(channel[RC_TICKET])},                 \
        {"fcr", K(MAP), .map = &(fcr), .slot = LEVEL(general)},                                    \
    {                                                                                              \
        "csat", K(MAP), .map = &csat_map, .slot = LEVEL(general)                                   \
    }
#define OUTER_KEYS                                                                                 \
    {"timezone", READ(config_read_timezone)}, {"from", READ(config_read_dated)},                   \
    {                                                                                              \
        "no_customer", READ(config_read_outer_no_customer)                                         \
    }

static const struct config_key defaults_keys[] = {CONTRACT_KEYS(fcr_outer_map), OUTER_KEYS};
const struct config_map config_map_defaults = MAP_OF(defaults_keys);
static const struct config_key client_keys[] = {
    CONTRACT_KEYS(fcr_outer_map),
    OUTER_KEYS,
    {"queues", READ(config_read_queues)},
    {"groups", READ(config_read_groups)},
    {"topic", READ(config_read_topic), .help = "its part of the output topics' names"},
};
const struct config_map config_map_client = MAP_OF(client_keys);
static const struct config_key queue_keys[] = {CONTRACT_KEYS(fcr_map),
                                               {"from", READ(config_read_dated)}};
const struct config_map config_map_queue = MAP_OF(queue_keys);
static const struct config_key group_keys[] = {CONTRACT_KEYS(fcr_map),
                                               {"from", READ(config_read_dated)},
                                               {"queues", READ(config_read_members)}};
const struct config_map config_map_group = MAP_OF(group_keys);
static const struct config_key dated_keys[] = {CONTRACT_KEYS(fcr_map)};
const struct config_map config_map_dated = MAP_OF(dated_keys);

/* ---- settings of the process ---- */

static const struct config_key kafka_keys[] = {
    {"brokers", READ(config_read_brokers), .help = "host:port,…"},
    {"group", K(TEXT), .slot = AT(kafka.group), RANGE(1, 200), .help = "consumer group"},
    {"instance", K(TEXT), .slot = AT(kafka.instance), RANGE(1, 200),
     .help = "this process among the group's; default: the host's name"},
    {"topics", READ(config_read_topics), .help = "topic: implied channel, or any"},
    {"keyed_by", READ(config_read_keyed_by), .slot = AT(kafka.keyed_by_client),
     WORDS("any", "client")},
    {"security", READ(config_read_security), .help = "librdkafka properties"},
};
static const struct config_map kafka_map = MAP_OF(kafka_keys);

static const struct config_key output_keys[] = {
    {"topics", K(WORD), .slot = AT(output.per_client), WORDS("shared", "per_client")},
    {"retention", K(DURATION), .slot = AT(output.retention_ms), RANGE(HOUR, LONG)},
    {"delivery", K(WORD), .slot = AT(output.at_least_once), WORDS("exactly_once", "at_least_once")},
    {"contacts", K(WORD), .slot = AT(output.no_contacts), WORDS("all", "none")},
    {"commit_every", K(DURATION), .slot = AT(output.commit_every_ms), RANGE(10, 60 * SECOND)},
    {"partitions", K(INTEGER), .slot = AT(output.partitions), RANGE(1, 10000)},
    {"replication", K(INTEGER), .slot = AT(output.replication), RANGE(1, 100)},
};
static const struct config_map output_map = MAP_OF(output_keys);

static const struct config_key limits_keys[] = {
    {"contacts", K(COUNT), .slot = AT(limits.contacts), RANGE(1, 1000000000)},
    {"customers", K(COUNT), .slot = AT(limits.customers), RANGE(1, 1000000000)},
    {"queues", K(COUNT), .slot = AT(limits.queues), RANGE(1, 1000000)},
    {"groups", K(COUNT), .slot = AT(limits.groups), RANGE(1, 1000000)},
    {"max_event", K(SIZE), .slot = AT(limits.max_event), RANGE(1 << 10, 64 << 20)},
    {"memory", K(SIZE), .slot = AT(limits.memory), RANGE(64 << 20, INT64_C(1) << 50)},
};
static const struct config_map limits_map = MAP_OF(limits_keys);

static const struct config_key snapshot_keys[] = {
    {"dir", K(TEXT), .slot = AT(snapshot.dir), RANGE(1, 4000)},
    {"every", K(DURATION), .slot = AT(snapshot.every_ms), RANGE(SECOND, DAY)},
    {"keep", K(INTEGER), .slot = AT(snapshot.keep), RANGE(1, 1000)},
};
static const struct config_map snapshot_map = MAP_OF(snapshot_keys);

static const struct config_key privacy_keys[] = {
    {"pseudonym_key", READ(config_read_pseudonym_key)},
    {"dead_letter_values", K(BOOL), .slot = AT(privacy.dead_letter_values)},
};
static const struct config_map privacy_map = MAP_OF(privacy_keys);

/* Before the names of the intervals, in their order. */
#define BY_WINDOW(low)                                                                             \
    {"default", K(DURATION), .slot = offsetof(struct config_by_window, fallback),                  \
     RANGE(low, LONG)},                                                                            \
        BY_WINDOW_ONE("15m", RC_15M, low), BY_WINDOW_ONE("30m", RC_30M, low),                      \
        BY_WINDOW_ONE("1h", RC_1H, low), BY_WINDOW_ONE("day", RC_DAY, low),                        \
        BY_WINDOW_ONE("week", RC_WEEK, low), BY_WINDOW_ONE("month", RC_MONTH, low)
#define BY_WINDOW_ONE(name_, kind_, low)                                                           \
    {                                                                                              \
        name_, K(DURATION), .slot = offsetof(struct config_by_window, window[kind_]),              \
                            RANGE(low, LONG)                                                       \
    }

static const struct config_key publish_keys[] = {BY_WINDOW(100)};
static const struct config_map publish_map = MAP_OF(publish_keys);
static const struct config_key restate_keys[] = {BY_WINDOW(SECOND)};
static const struct config_map restate_map = MAP_OF(restate_keys);

static const struct config_key retention_keys[] = {
    {"call", K(DURATION), .slot = AT(time.retention_ms[RC_CALL]), RANGE(SECOND, LONG)},
    {"chat", K(DURATION), .slot = AT(time.retention_ms[RC_CHAT]), RANGE(SECOND, LONG)},
    {"ticket", K(DURATION), .slot = AT(time.retention_ms[RC_TICKET]), RANGE(SECOND, LONG)},
    {"open_tickets", K(DURATION), .slot = AT(time.open_tickets_ms), RANGE(SECOND, LONG)},
    {"identity", K(DURATION), .slot = AT(time.identity_ms), RANGE(0, LONG)},
};
static const struct config_map retention_map = MAP_OF(retention_keys);

static const struct config_key time_keys[] = {
    {"max_disorder", K(DURATION), .slot = AT(time.max_disorder_ms), RANGE(0, 31 * DAY)},
    {"idle_after", K(DURATION), .slot = AT(time.idle_after_ms), RANGE(100, DAY)},
    {"align", K(DURATION), .slot = AT(time.align_ms), RANGE(100, 31 * DAY)},
    {"max_ahead", K(DURATION), .slot = AT(time.max_ahead_ms), RANGE(0, LONG)},
    {"grace", K(DURATION), .slot = AT(time.grace_ms), RANGE(0, 366 * DAY)},
    {"publish_every", READ(config_read_by_window), .map = &publish_map,
     .slot = offsetof(struct config_reader, publish_every)},
    {"restate_every", K(DURATION), .slot = AT(time.restate_every_ms), RANGE(SECOND, 366 * DAY)},
    {"restate_for", READ(config_read_by_window), .map = &restate_map,
     .slot = offsetof(struct config_reader, restate_for)},
    {"retention", K(MAP), .map = &retention_map},
};
static const struct config_map time_map = MAP_OF(time_keys);

static const struct config_key windows_keys[] = {
    {"rolling", READ(config_read_rolling)},
    {"interval", READ(config_read_intervals)},
    {"catch_up", K(WORD), .slot = AT(windows.catch_up_all), WORDS("latest", "all")},
};
static const struct config_map windows_map = MAP_OF(windows_keys);

static const struct config_key http_keys[] = {
    {"listen", READ(config_read_listen), .help = "host:port, or off"},
};
static const struct config_map http_map = MAP_OF(http_keys);

static const struct config_key root_keys[] = {
    {"kafka", K(MAP), .map = &kafka_map},
    {"output", K(MAP), .map = &output_map},
    {"tasks", K(INTEGER), .slot = AT(tasks), RANGE(1, 4096)},
    {"limits", K(MAP), .map = &limits_map},
    {"snapshot", K(MAP), .map = &snapshot_map},
    {"privacy", K(MAP), .map = &privacy_map},
    {"clients_only", K(BOOL), .slot = AT(contracts.clients_only)},
    {"time", K(MAP), .map = &time_map},
    {"windows", K(MAP), .map = &windows_map},
    {"http", K(MAP), .map = &http_map},
    {"calendars", READ(config_read_calendars)},
    {"defaults", READ(config_read_defaults)},
    {"clients", READ(config_read_clients)},
    {"alerts", READ(config_read_alerts), .later = true},
};
const struct config_map config_map_root = MAP_OF(root_keys);

#define INFO(id, path_, kind_) [CONFIG_SET_##id] = {.path = path_, .kind = CONFIG_KIND_##kind_},
static const struct config_setting_info infos[CONFIG_SETTING_COUNT] = {CONFIG_SETTINGS(INFO)};
#undef INFO

const struct config_setting_info *config_setting_info(enum config_setting id)
{
    return &infos[id];
}

const char *config_setting_word(enum config_setting id, int64_t number)
{
    switch (id) {
    case CONFIG_SET_SL_ABANDONED:
        return abandoned_words[number];
    case CONFIG_SET_SL_FLOW_OUT:
        return flow_words[number];
    case CONFIG_SET_BASIS:
        return basis_words[number];
    case CONFIG_SET_FCR_MODEL:
        return model_words[number];
    case CONFIG_SET_FCR_SCOPE:
        return scope_words[number];
    default:
        return "";
    }
}

/* ---- the walk ---- */

static bool is_known(const struct config_map *map, const char *name, const struct config_key **ret)
{
    for (size_t i = 0; i < map->count; i++)
        if (strcmp(map->key[i].name, name) == 0) {
            *ret = &map->key[i];
            return true;
        }
    return false;
}

static void unknown_key(struct config_reader *reader, const struct config_node *node,
                        const struct config_map *map)
{
    const char *names[32];
    char allowed[512] = "";
    size_t size = 0;
    for (size_t i = 0; i < map->count && i < 32; i++) {
        names[i] = map->key[i].name;
        int added =
            snprintf(allowed + size, sizeof(allowed) - size, "%s%s", i > 0 ? ", " : "", names[i]);
        size += added > 0 && (size_t)added < sizeof(allowed) - size ? (size_t)added : 0;
    }
    config_problem_add(&reader->source, node, true, allowed,
                       config_nearest(node->key->text, names, map->count), "unknown key");
}

bool config_is_map(struct config_reader *reader, const struct config_node *node,
                   const char *allowed)
{
    if (node->kind == CONFIG_MAP)
        return true;
    if (!config_node_empty(node))
        config_wrong_kind(reader, node, allowed);
    return false;
}

bool config_is_list(struct config_reader *reader, const struct config_node *node,
                    const char *allowed)
{
    if (node->kind == CONFIG_LIST)
        return true;
    if (!config_node_empty(node))
        config_wrong_kind(reader, node, allowed);
    return false;
}

void config_map_read(struct config_reader *reader, const struct config_node *node,
                     const struct config_map *map, void *base)
{
    const struct config_key *key;
    if (!config_is_map(reader, node, "a map of keys"))
        return;
    for (const struct config_node *child = node->child; child != NULL; child = child->next) {
        if (!is_known(map, child->key->text, &key)) {
            unknown_key(reader, child, map);
            continue;
        }
        if (child->again)
            continue;
        if (key->later)
            config_note_add(reader, child, NULL);
        if (key->kind == CONFIG_KIND_READER)
            key->read(reader, child, key, base);
        else if (key->kind == CONFIG_KIND_MAP)
            config_map_read(reader, child, key->map, (char *)base + key->slot);
        else
            config_single_read(reader, child, key, base);
    }
}

void config_wrong_kind(struct config_reader *reader, const struct config_node *node,
                       const char *allowed)
{
    config_problem_add(&reader->source, node, false, allowed, NULL, "found %s",
                       config_node_says(&reader->arena, node));
}

const char *config_text_of(struct config_reader *reader, const struct config_node *node,
                           const char *allowed)
{
    if (node->kind == CONFIG_SCALAR && !config_node_empty(node))
        return node->text;
    config_wrong_kind(reader, node, allowed);
    return NULL;
}

const char *config_name_of(struct config_reader *reader, const struct config_node *node,
                           size_t size_max, const char *what)
{
    char allowed[160];
    snprintf(allowed, sizeof(allowed), "%s, 1 to %zu bytes without control characters", what,
             size_max);
    if (node->kind == CONFIG_SCALAR && !config_node_empty(node) &&
        config_name_valid(node->text, node->size, size_max))
        return node->text;
    config_wrong_kind(reader, node, allowed);
    return NULL;
}

void config_note_add(struct config_reader *reader, const struct config_node *node, const char *text)
{
    const char *path = config_node_path(&reader->arena, node);
    const char *last = strrchr(path, '.');
    last = last == NULL ? path : last + 1;
    for (const struct config_note *old = reader->notes; old != NULL; old = old->next)
        if (old->text == text && strcmp(old->path, last) == 0)
            return; /* said once for each kind of key */
    struct config_note *note = config_arena_get(&reader->arena, sizeof(*note));
    *note = (struct config_note){.node = node, .path = last, .text = text};
    *(reader->note_end == NULL ? &reader->notes : reader->note_end) = note;
    reader->note_end = &note->next;
}

/* ---- single values ---- */

/* What may stand there, in words. */
static const char *allowed_text(const struct config_key *key, char *text, size_t size)
{
    char low[CONFIG_SHOWN], high[CONFIG_SHOWN];
    switch (key->kind) {
    case CONFIG_KIND_DURATION:
        config_show_duration(key->min, low);
        config_show_duration(key->max, high);
        snprintf(text, size, "an integer and one of ms s m h d, %s to %s", low, high);
        break;
    case CONFIG_KIND_PERCENT:
        config_show_percent(key->min, low);
        config_show_percent(key->max, high);
        snprintf(text, size, "a number with up to two decimals and %%, %s to %s", low, high);
        break;
    case CONFIG_KIND_COUNT:
    case CONFIG_KIND_SIZE:
        snprintf(text, size, "an integer, or with %s, %" PRId64 " to %" PRId64,
                 key->kind == CONFIG_KIND_COUNT ? "k or M (10^3, 10^6)"
                                                : "K, M or G (2^10, 2^20, 2^30)",
                 key->min, key->max);
        break;
    case CONFIG_KIND_INTEGER:
        snprintf(text, size, "an integer, %" PRId64 " to %" PRId64, key->min, key->max);
        break;
    case CONFIG_KIND_SCORE:
        config_show_score(key->min, low);
        config_show_score(key->max, high);
        snprintf(text, size, "a number with up to three decimals, %s to %s", low, high);
        break;
    case CONFIG_KIND_BOOL:
        snprintf(text, size, "true or false");
        break;
    case CONFIG_KIND_WORD:
        text[0] = '\0';
        for (size_t i = 0, used = 0; key->words[i] != NULL && used < size; i++)
            used += (size_t)snprintf(text + used, size - used, "%s%s", i > 0 ? ", " : "",
                                     key->words[i]);
        break;
    default:
        snprintf(text, size, "a text of %" PRId64 " to %" PRId64 " bytes", key->min, key->max);
        break;
    }
    return text;
}

static bool parse_number(const struct config_key *key, const struct config_node *node,
                         int64_t *ret_value)
{
    uint64_t count = 0;
    bool truth = false, parsed = false;
    switch (key->kind) {
    case CONFIG_KIND_DURATION:
        parsed = config_parse_duration(node->text, ret_value);
        break;
    case CONFIG_KIND_PERCENT:
        parsed = config_parse_percent(node->text, ret_value);
        break;
    case CONFIG_KIND_COUNT:
        parsed = config_parse_count(node->text, &count);
        *ret_value = (int64_t)count;
        break;
    case CONFIG_KIND_SIZE:
        parsed = config_parse_size(node->text, &count);
        *ret_value = (int64_t)count;
        break;
    case CONFIG_KIND_INTEGER:
        parsed = node->plain && config_parse_integer(node->text, ret_value);
        break;
    case CONFIG_KIND_SCORE:
        parsed = node->plain && config_parse_score(node->text, ret_value);
        break;
    case CONFIG_KIND_BOOL:
        parsed = node->plain && config_parse_bool(node->text, &truth);
        *ret_value = truth;
        return parsed;
    default:
        return false;
    }
    return parsed && *ret_value >= key->min && *ret_value <= key->max;
}

static void store(const struct config_key *key, const struct config_node *node, int64_t value,
                  void *base)
{
    if (key->is_setting) {
        struct config_term *term = &((struct config_terms *)base)->term[key->slot];
        *term = (struct config_term){.set = true, .number = value, .node = node};
        return;
    }
    if (key->slot == SIZE_MAX) /* only checked, by who reads the map */
        return;
    char *to = (char *)base + key->slot;
    switch (key->kind) {
    case CONFIG_KIND_INTEGER:
        *(uint32_t *)(void *)to = (uint32_t)value;
        break;
    case CONFIG_KIND_BOOL:
    case CONFIG_KIND_WORD:
        *(uint8_t *)to = (uint8_t)value;
        break;
    case CONFIG_KIND_TEXT:
        *(const char **)(void *)to = node->text;
        break;
    default: /* durations, percents, scores; counts and sizes are as wide */
        *(int64_t *)(void *)to = value;
        break;
    }
}

void config_single_read(struct config_reader *reader, const struct config_node *node,
                        const struct config_key *key, void *base)
{
    char allowed[256];
    const char *nearest = NULL;
    int64_t value = 0;
    bool good = node->kind == CONFIG_SCALAR && !config_node_empty(node);
    if (key->kind == CONFIG_KIND_WORD) {
        size_t count = 0, word = 0;
        while (key->words[count] != NULL)
            count++;
        if (good && (word = config_parse_word(node->text, key->words, count)) == count) {
            nearest = config_nearest(node->text, key->words, count);
            good = false;
        }
        value = (int64_t)word;
    } else if (key->kind == CONFIG_KIND_TEXT) {
        good = good && config_name_valid(node->text, node->size, (size_t)key->max);
    } else {
        good = good && parse_number(key, node, &value);
    }
    if (good)
        store(key, node, value, base);
    else
        config_problem_add(&reader->source, node, false,
                           allowed_text(key, allowed, sizeof(allowed)), nearest, "found %s",
                           config_node_says(&reader->arena, node));
}
