/* Readers for the levels of inheritance: defaults, clients, queues, groups, dated parts. */
#include "config_schema.h"

#include "config_value.h"

#include <stdlib.h>
#include <string.h>

enum { REASON_MAX = 200 };

static int by_name(const void *left, const void *right)
{
    const struct config_level *a = left, *b = right;
    return strcmp(a->name, b->name);
}

static int by_day(const void *left, const void *right)
{
    const struct config_level *a = left, *b = right;
    return (a->day > b->day) - (a->day < b->day);
}

static int by_text(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

void config_read_defaults(struct config_reader *reader, const struct config_node *node,
                          const struct config_key *key, void *base)
{
    (void)key;
    (void)base;
    reader->defaults.node = node;
    config_map_read(reader, node, &config_map_defaults, &reader->defaults);
}

/* A map of names to levels; `reserved` refuses * and @. */
static struct config_level *levels_read(struct config_reader *reader,
                                        const struct config_node *node,
                                        const struct config_map *map, const char *what,
                                        size_t name_max, bool reserved, uint32_t *ret_count)
{
    if (!config_is_map(reader, node, what))
        return NULL;
    struct config_level *levels =
        config_arena_get(&reader->arena, (node->count + 1) * sizeof(*levels));
    for (const struct config_node *one = node->child; one != NULL; one = one->next) {
        struct config_level *level = &levels[(*ret_count)++];
        level->name = one->key->text;
        level->node = one;
        if (!config_name_valid(one->key->text, one->key->size, name_max))
            config_problem_add(&reader->source, one, true, "bytes without control characters", NULL,
                               "a name of %u bytes, or one with control characters",
                               one->key->size);
        else if (reserved && (level->name[0] == '@' || strcmp(level->name, "*") == 0))
            config_problem_add(&reader->source, one, true, "names that do not begin with @, not *",
                               NULL, "\"%s\" is reserved", level->name);
        config_map_read(reader, one, map, level);
    }
    qsort(levels, *ret_count, sizeof(*levels), by_name);
    return levels;
}

void config_read_clients(struct config_reader *reader, const struct config_node *node,
                         const struct config_key *key, void *base)
{
    (void)key;
    (void)base;
    reader->clients = levels_read(reader, node, &config_map_client, "a map of clients",
                                  RC_CLIENT_MAX, false, &reader->client_count);
}

void config_read_queues(struct config_reader *reader, const struct config_node *node,
                        const struct config_key *key, void *base)
{
    struct config_level *client = base;
    (void)key;
    client->queue = levels_read(reader, node, &config_map_queue, "a map of queues", RC_QUEUE_MAX,
                                true, &client->queue_count);
}

void config_read_groups(struct config_reader *reader, const struct config_node *node,
                        const struct config_key *key, void *base)
{
    struct config_level *client = base;
    (void)key;
    /* With its @ a group's name fits where a queue's does. */
    client->group = levels_read(reader, node, &config_map_group, "a map of groups",
                                RC_QUEUE_MAX - 1, true, &client->group_count);
    for (uint32_t i = 0; i < client->group_count; i++)
        if (client->group[i].members.count == 0 && client->group[i].node->kind == CONFIG_MAP)
            config_problem_add(&reader->source, client->group[i].node, true,
                               "queues: a list of at least one queue", NULL,
                               "a group needs `queues`");
}

void config_read_dated(struct config_reader *reader, const struct config_node *node,
                       const struct config_key *key, void *base)
{
    struct config_level *level = base;
    (void)key;
    if (!config_is_map(reader, node, "a map of dates to contracts"))
        return;
    level->dated = config_arena_get(&reader->arena, (node->count + 1) * sizeof(*level->dated));
    for (const struct config_node *one = node->child; one != NULL; one = one->next) {
        struct config_level *dated = &level->dated[level->dated_count];
        dated->node = one;
        if (config_parse_date(one->key->text, &dated->day))
            level->dated_count++;
        else
            config_problem_add(&reader->source, one, true, "a date, YYYY-MM-DD, 1990 to 2109", NULL,
                               "found \"%.60s\"", one->key->text);
        config_map_read(reader, one, &config_map_dated, dated);
    }
    /* What was not counted is read over by the next and lies past the end; neither is looked at. */
    qsort(level->dated, level->dated_count, sizeof(*level->dated), by_day);
}

/* A list of names without a second of the same. */
static struct config_texts names_read(struct config_reader *reader, const struct config_node *node,
                                      size_t size_max, const char *what)
{
    struct config_texts texts = {0};
    if (!config_is_list(reader, node, "a list of names"))
        return texts;
    texts.text = config_arena_get(&reader->arena, (node->count + 1) * sizeof(*texts.text));
    for (const struct config_node *one = node->child; one != NULL; one = one->next) {
        const char *name = config_name_of(reader, one, size_max, what);
        if (name != NULL)
            texts.text[texts.count++] = name;
    }
    qsort(texts.text, texts.count, sizeof(*texts.text), by_text);
    for (uint32_t i = 1; i < texts.count; i++)
        if (strcmp(texts.text[i - 1], texts.text[i]) == 0)
            config_problem_add(&reader->source, node, false, "each name once", NULL,
                               "\"%s\" stands twice in this list", texts.text[i]);
    return texts;
}

void config_read_members(struct config_reader *reader, const struct config_node *node,
                         const struct config_key *key, void *base)
{
    struct config_level *group = base;
    (void)key;
    group->members = names_read(reader, node, RC_QUEUE_MAX, "the name of a queue");
    for (uint32_t i = 0; i < group->members.count; i++)
        if (group->members.text[i][0] == '@' || strcmp(group->members.text[i], "*") == 0)
            config_problem_add(&reader->source, node, false, "queues, not roll-ups", NULL,
                               "\"%s\" is not a queue", group->members.text[i]);
}

static void no_customer_read(struct config_reader *reader, const struct config_node *node,
                             struct config_terms *terms)
{
    struct config_term *term = &terms->term[CONFIG_SET_FCR_NO_CUSTOMER];
    struct config_texts *texts = config_arena_get(&reader->arena, sizeof(*texts));
    *texts = names_read(reader, node, RC_ID_MAX, "a customer");
    if (term->node != NULL)
        config_problem_add(&reader->source, node, true, "one list", NULL,
                           "no_customer stands here and at line %u", term->node->line);
    *term = (struct config_term){.set = true, .data = texts, .node = node};
}

void config_read_no_customer(struct config_reader *reader, const struct config_node *node,
                             const struct config_key *key, void *base)
{
    (void)key;
    no_customer_read(reader, node, base);
}

void config_read_outer_no_customer(struct config_reader *reader, const struct config_node *node,
                                   const struct config_key *key, void *base)
{
    (void)key;
    no_customer_read(reader, node, &((struct config_level *)base)->general);
}

void config_read_calendar_name(struct config_reader *reader, const struct config_node *node,
                               const struct config_key *key, void *base)
{
    struct config_calendar *calendar = config_calendar_get(reader, node);
    if (calendar != NULL)
        ((struct config_terms *)base)->term[key->slot] =
            (struct config_term){.set = true, .data = calendar, .node = node};
}

/* ---- agreed outages ---- */

struct outage_parts {
    const struct config_node *from, *to, *reason;
};

static void remember_node(struct config_reader *reader, const struct config_node *node,
                          const struct config_key *key, void *base)
{
    (void)reader;
    *(const struct config_node **)(void *)((char *)base + key->slot) = node;
}

static const struct config_key outage_keys[] = {
    {"from", CONFIG_KIND_READER, .read = remember_node,
     .slot = offsetof(struct outage_parts, from)},
    {"to", CONFIG_KIND_READER, .read = remember_node, .slot = offsetof(struct outage_parts, to)},
    {"reason", CONFIG_KIND_READER, .read = remember_node,
     .slot = offsetof(struct outage_parts, reason)},
};
static const struct config_map outage_map = {"an outage", outage_keys, 3};

static bool time_read(struct config_reader *reader, const struct config_node *node, int64_t *ret_ms)
{
    if (node->kind == CONFIG_SCALAR && config_parse_time(node->text, ret_ms))
        return true;
    config_wrong_kind(reader, node,
                      "a time as in events: RFC 3339 or epoch milliseconds, 1990 to 2099");
    return false;
}

static void outage_read(struct config_reader *reader, const struct config_node *node,
                        struct config_outages *outages)
{
    struct outage_parts parts = {0};
    struct rc_span *span = &outages->span[outages->count];
    if (node->kind != CONFIG_MAP) {
        config_wrong_kind(reader, node, "{from, to, reason}");
        return;
    }
    config_map_read(reader, node, &outage_map, &parts);
    if (parts.from == NULL || parts.to == NULL) {
        config_problem_add(&reader->source, node, false, "from, to, reason", NULL,
                           "an outage needs `%s`", parts.from == NULL ? "from" : "to");
        return;
    }
    bool good = time_read(reader, parts.from, &span->from_ms);
    good = time_read(reader, parts.to, &span->to_ms) && good;
    if (good && span->from_ms >= span->to_ms)
        config_problem_add(&reader->source, parts.to, false, "a time after `from`", NULL,
                           "`to` is not after `from`");
    const char *reason = "";
    if (parts.reason != NULL)
        reason = config_name_of(reader, parts.reason, REASON_MAX, "a reason");
    outages->reason[outages->count] = reason == NULL ? "" : reason;
    outages->count += good;
}

void config_read_outages(struct config_reader *reader, const struct config_node *node,
                         const struct config_key *key, void *base)
{
    struct config_outages *outages = config_arena_get(&reader->arena, sizeof(*outages));
    if (config_is_list(reader, node, "a list of {from, to, reason}")) {
        outages->span =
            config_arena_get(&reader->arena, (node->count + 1) * sizeof(*outages->span));
        outages->reason =
            config_arena_get(&reader->arena, (node->count + 1) * sizeof(*outages->reason));
        for (const struct config_node *one = node->child; one != NULL; one = one->next)
            outage_read(reader, one, outages);
    }
    ((struct config_terms *)base)->term[key->slot] =
        (struct config_term){.set = true, .data = outages, .node = node};
}
