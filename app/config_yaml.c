/* YAML by libfyaml's events. They do not expand aliases and do not recurse, so no text costs more
 * than its size; what its tree builder does (and where it fails) does not concern us. */
#include "config_yaml.h"

#include <libfyaml.h>
#include <stdlib.h>
#include <string.h>

enum { NODES_MAX = 4 << 20 };

struct yaml_state {
    struct config_source *source;
    struct config_node *root, *open; /* the innermost map or list that is not at its end */
    struct config_node *key;         /* read, its value not yet */
    uint32_t depth, nodes, documents;
    bool stop;
};

static void problem(struct yaml_state *state, const struct fy_mark *mark, const char *found,
                    const char *allowed)
{
    uint32_t line = mark == NULL ? 1 : (uint32_t)mark->line + 1;
    uint32_t column = mark == NULL ? 1 : (uint32_t)mark->column + 1;
    const char *path = NULL;
    if (state->open != NULL)
        path = config_node_path(state->source->arena, state->open);
    config_problem_at(state->source, line, column, path, allowed, NULL, found);
}

/* The text itself, before the parser sees it: bytes that YAML does not allow. */
static bool text_allowed(struct config_source *source)
{
    uint32_t line = 1, column = 1;
    const unsigned char *at = (const unsigned char *)source->text, *end = at + source->size;
    if (source->size > CONFIG_SIZE_MAX) {
        config_problem_at(source, 1, 1, NULL, "at most 64 MiB", NULL, "the file is too large");
        return false;
    }
    while (at < end) {
        unsigned need = *at < 0x80   ? 0
                        : *at < 0xc2 ? 9
                        : *at < 0xe0 ? 1
                        : *at < 0xf0 ? 2
                        : *at < 0xf5 ? 3
                                     : 9;
        bool good = need < 4 && (size_t)(end - at) > need;
        for (unsigned i = 1; good && i <= need; i++)
            good = (at[i] & 0xc0) == 0x80;
        if (good && ((at[0] == 0xe0 && at[1] < 0xa0) || (at[0] == 0xed && at[1] > 0x9f) ||
                     (at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f)))
            good = false;
        bool control =
            need == 0 && (*at == 0x7f || (*at < ' ' && *at != '\n' && *at != '\r' && *at != '\t'));
        if (!good || control) {
            config_problem_at(source, line, column, NULL, "UTF-8 without control characters", NULL,
                              good ? "a control character" : "not UTF-8");
            return false;
        }
        column = *at == '\n' ? 1 : column + 1;
        line += *at == '\n';
        at += need + 1;
    }
    return true;
}

static struct config_node *node_new(struct yaml_state *state, enum config_node_kind kind,
                                    const struct fy_mark *mark)
{
    struct config_node *node = config_arena_get(state->source->arena, sizeof(*node));
    node->kind = kind;
    node->line = mark == NULL ? 1 : (uint32_t)mark->line + 1;
    node->column = mark == NULL ? 1 : (uint32_t)mark->column + 1;
    node->text = "";
    node->parent = state->open;
    if (++state->nodes > NODES_MAX) {
        problem(state, mark, "too many values", NULL);
        state->stop = true;
    }
    return node;
}

static void node_append(struct yaml_state *state, struct config_node *node)
{
    struct config_node *open = state->open;
    if (open == NULL) {
        state->root = node;
        return;
    }
    if (open->kind == CONFIG_MAP) {
        node->key = state->key;
        state->key = NULL;
    }
    node->index = open->count++;
    if (open->last != NULL)
        open->last->next = node;
    else
        open->child = node;
    open->last = node;
}

static int by_key(const void *left, const void *right)
{
    const struct config_node *const *a = left, *const *b = right;
    int order = strcmp((*a)->key->text, (*b)->key->text);
    return order != 0 ? order : ((*a)->index > (*b)->index) - ((*a)->index < (*b)->index);
}

static void refuse_duplicates(struct yaml_state *state, struct config_node *map)
{
    struct config_node **sorted = NULL;
    uint32_t count = 0;
    char text[160];

    if (map->count < 2 || (sorted = calloc(map->count, sizeof(*sorted))) == NULL)
        return;
    for (struct config_node *node = map->child; node != NULL; node = node->next)
        sorted[count++] = node;
    qsort(sorted, count, sizeof(*sorted), by_key);
    for (uint32_t i = 1, first = 0; i < count; i++) {
        if (strcmp(sorted[i]->key->text, sorted[first]->key->text) != 0) {
            first = i;
            continue;
        }
        sorted[i]->again = true;
        snprintf(text, sizeof(text), "the same key stands twice; first at line %u, column %u",
                 sorted[first]->key->line, sorted[first]->key->column);
        config_problem_add(state->source, sorted[i], true, "each key once", NULL, "%s", text);
    }
    free(sorted);
}

/* A key, or a value. A key that is not a scalar has been refused, and the reading stops. */
static void scalar(struct yaml_state *state, struct fy_event *event)
{
    size_t size = 0;
    const char *text = fy_token_get_text(event->scalar.value, &size);
    struct config_node *node = node_new(state, CONFIG_SCALAR, fy_event_start_mark(event));
    node->plain =
        event->scalar.value == NULL || fy_token_scalar_style(event->scalar.value) == FYSS_PLAIN;
    if (event->scalar.value != NULL) {
        enum fy_scalar_style style = fy_token_scalar_style(event->scalar.value);
        if ((style == FYSS_SINGLE_QUOTED || style == FYSS_DOUBLE_QUOTED) && node->column > 1)
            node->column--; /* libfyaml's mark is past the quote */
    }
    node->text =
        config_arena_text(state->source->arena, text == NULL ? "" : text, text == NULL ? 0 : size);
    node->size = (uint32_t)(text == NULL ? 0 : size);
    if (node->plain && node->size == 0 && state->open != NULL) { /* it has no place of its own */
        node->line = (state->key != NULL ? state->key : state->open)->line;
        node->column = (state->key != NULL ? state->key : state->open)->column;
    }
    if (memchr(node->text, '\0', node->size) != NULL) {
        problem(state, fy_event_start_mark(event), "a null byte inside a text", NULL);
        state->stop = true;
    }
    if (state->open == NULL || state->open->kind == CONFIG_LIST || state->key != NULL) {
        node_append(state, node);
        return;
    }
    if (node->plain && strcmp(node->text, "<<") == 0)
        problem(state, fy_event_start_mark(event), "merge keys (<<) are not read",
                "inheritance: built-in, defaults, client, queue");
    state->key = node;
}

static void collection(struct yaml_state *state, struct fy_event *event, enum config_node_kind kind)
{
    const struct fy_mark *mark = fy_event_start_mark(event);
    if (state->open != NULL && state->open->kind == CONFIG_MAP && state->key == NULL) {
        problem(state, mark, "a key that is a map or a list", "keys that are words");
        state->stop = true;
        return;
    }
    if (++state->depth > CONFIG_DEPTH_MAX) {
        problem(state, mark, "nested too deeply", NULL);
        state->stop = true;
        return;
    }
    struct config_node *node = node_new(state, kind, mark);
    node_append(state, node);
    state->open = node;
}

static void collection_end(struct yaml_state *state)
{
    struct config_node *open = state->open;
    if (open == NULL)
        return;
    if (open->kind == CONFIG_MAP)
        refuse_duplicates(state, open);
    state->open = (struct config_node *)open->parent;
    state->depth--;
}

/* What other YAML readers do with these differs, so none of them may stand in a contract. */
static void refuse_extras(struct yaml_state *state, struct fy_event *event)
{
    struct fy_token *anchor = NULL, *tag = NULL;
    if (event->type == FYET_SCALAR) {
        anchor = event->scalar.anchor;
        tag = event->scalar.tag;
    } else if (event->type == FYET_MAPPING_START) {
        anchor = event->mapping_start.anchor;
        tag = event->mapping_start.tag;
    } else if (event->type == FYET_SEQUENCE_START) {
        anchor = event->sequence_start.anchor;
        tag = event->sequence_start.tag;
    }
    if (anchor != NULL)
        problem(state, fy_token_start_mark(anchor), "anchors (&) are not read",
                "inheritance: built-in, defaults, client, queue");
    if (tag != NULL)
        problem(state, fy_token_start_mark(tag), "tags (!) are not read", NULL);
}

static void take_event(struct yaml_state *state, struct fy_event *event)
{
    refuse_extras(state, event);
    switch (event->type) {
    case FYET_DOCUMENT_START:
        if (++state->documents > 1) {
            problem(state, fy_event_start_mark(event), "a second document", "one document");
            state->stop = true;
        }
        break;
    case FYET_MAPPING_START:
        collection(state, event, CONFIG_MAP);
        break;
    case FYET_SEQUENCE_START:
        collection(state, event, CONFIG_LIST);
        break;
    case FYET_MAPPING_END:
    case FYET_SEQUENCE_END:
        collection_end(state);
        break;
    case FYET_SCALAR:
        scalar(state, event);
        break;
    case FYET_ALIAS:
        problem(state, fy_event_start_mark(event), "aliases (*) are not read",
                "inheritance: built-in, defaults, client, queue");
        state->stop = true; /* its place in the tree would be empty */
        break;
    default:
        break;
    }
}

/* libfyaml's own words, with its places. */
static void syntax_problems(struct config_source *source, struct fy_diag *diag)
{
    struct fy_diag_error *error;
    void *before = NULL;
    uint32_t count = 0;
    char text[200];
    while ((error = fy_diag_errors_iterate(diag, &before)) != NULL) {
        uint32_t line = error->line > 0 ? (uint32_t)error->line : 1;
        uint32_t column = error->column > 0 ? (uint32_t)error->column : 1;
        snprintf(text, sizeof(text), "not YAML: %s", error->msg == NULL ? "" : error->msg);
        config_problem_at(source, line, column, NULL, NULL, NULL, text);
        count++;
    }
    if (count == 0)
        config_problem_at(source, 1, 1, NULL, NULL, NULL, "not YAML");
}

struct config_node *config_yaml_parse(struct config_source *source)
{
    struct yaml_state state = {.source = source};
    struct fy_diag_cfg diag_cfg;
    struct fy_parse_cfg cfg = {.search_path = "",
                               .flags = FYPCF_QUIET | FYPCF_COLLECT_DIAG | FYPCF_JSON_NONE};
    struct fy_event *event;

    if (!text_allowed(source) || source->size == 0)
        return NULL;
    fy_diag_cfg_default(&diag_cfg);
    diag_cfg.colorize = false;
    cfg.diag = fy_diag_create(&diag_cfg);
    if (cfg.diag != NULL)
        fy_diag_set_collect_errors(cfg.diag, true);
    struct fy_parser *parser = fy_parser_create(&cfg);
    if (parser == NULL || fy_parser_set_string(parser, source->text, source->size) != 0) {
        config_problem_at(source, 1, 1, NULL, NULL, NULL, "the YAML reader does not start");
    } else {
        while (!state.stop && (event = fy_parser_parse(parser)) != NULL) {
            take_event(&state, event);
            fy_parser_event_free(parser, event);
        }
        if (!state.stop && fy_parser_get_stream_error(parser)) {
            syntax_problems(source, cfg.diag);
            state.stop = true;
        }
    }
    fy_parser_destroy(parser);
    fy_diag_destroy(cfg.diag);
    return state.stop ? NULL : state.root;
}
