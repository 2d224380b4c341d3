/* Memory, nodes and mistakes of a configuration. */
#include "config_tree.h"

#include "rollcall/check.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

struct config_chunk {
    struct config_chunk *before;
    size_t size;
    _Alignas(16) char bytes[];
};

enum { CHUNK_SIZE = 1 << 16, FOUND_MAX = 400, SHOWN_MAX = 100 };

void *config_arena_get(struct config_arena *arena, size_t size)
{
    size = (size + 15) & ~(size_t)15;
    if (arena->last == NULL || size > arena->last->size - arena->used) {
        size_t chunk_size = size > CHUNK_SIZE ? size : CHUNK_SIZE;
        struct config_chunk *chunk = calloc(1, sizeof(*chunk) + chunk_size);
        RC_CHECK(chunk != NULL && "memory for the configuration");
        chunk->before = arena->last;
        chunk->size = chunk_size;
        arena->last = chunk;
        arena->used = 0;
    }
    void *got = arena->last->bytes + arena->used;
    arena->used += size;
    return got;
}

char *config_arena_text(struct config_arena *arena, const char *text, size_t size)
{
    char *copy = config_arena_get(arena, size + 1);
    if (size > 0)
        memcpy(copy, text, size);
    return copy;
}

void config_arena_done(struct config_arena *arena)
{
    while (arena->last != NULL) {
        struct config_chunk *chunk = arena->last;
        arena->last = chunk->before;
        free(chunk);
    }
    arena->used = 0;
}

/* ---- nodes ---- */

static void path_write(FILE *out, const struct config_node *node)
{
    if (node->parent == NULL)
        return;
    path_write(out, node->parent);
    if (node->key == NULL) {
        fprintf(out, "[%u]", node->index);
        return;
    }
    const char *text = node->key->text;
    bool quote = text[0] == '\0' || strpbrk(text, " .[]\"") != NULL;
    fprintf(out, quote ? "%s\"%.*s\"" : "%s%.*s", node->parent->parent != NULL ? "." : "",
            SHOWN_MAX, text);
}

const char *config_node_path(struct config_arena *arena, const struct config_node *node)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    RC_CHECK(out != NULL);
    path_write(out, node);
    fclose(out);
    const char *path = config_arena_text(arena, text, size);
    free(text);
    return path;
}

const struct config_node *config_node_find(const struct config_node *map, const char *key)
{
    if (map == NULL || map->kind != CONFIG_MAP)
        return NULL;
    for (const struct config_node *node = map->child; node != NULL; node = node->next)
        if (strcmp(node->key->text, key) == 0)
            return node;
    return NULL;
}

bool config_node_is(const struct config_node *node, const char *text)
{
    return node->kind == CONFIG_SCALAR && strcmp(node->text, text) == 0;
}

bool config_node_empty(const struct config_node *node)
{
    static const char *const nothing[] = {"", "~", "null", "Null", "NULL"};
    if (node->kind != CONFIG_SCALAR || !node->plain)
        return false;
    for (size_t i = 0; i < sizeof(nothing) / sizeof(*nothing); i++)
        if (strcmp(node->text, nothing[i]) == 0)
            return true;
    return false;
}

const char *config_node_says(struct config_arena *arena, const struct config_node *node)
{
    char said[SHOWN_MAX + 16];
    if (node->kind != CONFIG_SCALAR)
        return node->kind == CONFIG_MAP ? "a map" : "a list";
    if (config_node_empty(node))
        return "nothing";
    snprintf(said, sizeof(said), "\"%.*s%s\"", SHOWN_MAX, node->text,
             node->size > SHOWN_MAX ? "…" : "");
    return config_arena_text(arena, said, strlen(said));
}

/* ---- mistakes ---- */

static bool same_text(const char *left, const char *right)
{
    return left == right || (left != NULL && right != NULL && strcmp(left, right) == 0);
}

static const char *copy_text(struct config_arena *arena, const char *text)
{
    return text == NULL ? NULL : config_arena_text(arena, text, strlen(text));
}

void config_problem_at(struct config_source *source, uint32_t line, uint32_t column,
                       const char *path, const char *allowed, const char *nearest,
                       const char *found)
{
    if (source->problem_count >= CONFIG_PROBLEMS_MAX) {
        source->problem_count++;
        return;
    }
    for (const struct config_problem *old = source->problem; old != NULL; old = old->next)
        if (old->line == line && old->column == column && same_text(old->found, found))
            return;
    struct config_problem *problem = config_arena_get(source->arena, sizeof(*problem));
    problem->line = line;
    problem->column = column;
    problem->path = copy_text(source->arena, path);
    problem->found = copy_text(source->arena, found);
    problem->allowed = copy_text(source->arena, allowed);
    problem->nearest = copy_text(source->arena, nearest);
    /* Sorted by place, those of one place as they came. */
    struct config_problem **at = &source->problem;
    while (*at != NULL && ((*at)->line < line || ((*at)->line == line && (*at)->column <= column)))
        at = &(*at)->next;
    problem->next = *at;
    *at = problem;
    source->problem_count++;
}

void config_problem_add(struct config_source *source, const struct config_node *at, bool at_key,
                        const char *allowed, const char *nearest, const char *found, ...)
{
    char text[FOUND_MAX];
    va_list arguments;
    va_start(arguments, found);
    vsnprintf(text, sizeof(text), found, arguments);
    va_end(arguments);
    const struct config_node *place = at_key && at->key != NULL ? at->key : at;
    config_problem_at(source, place->line, place->column, config_node_path(source->arena, at),
                      allowed, nearest, text);
}

/* From where on a line may hold a secret that stands in clear, by mistake or before we know. */
static size_t shown_size(const char *line, size_t size)
{
    static const char *const words[] = {"password", "secret", "key.pem", "pseudonym_key"};
    size_t shown = size;
    for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
        const char *at = memmem(line, size, words[i], strlen(words[i]));
        const char *colon = at == NULL ? NULL : memchr(at, ':', (size_t)(line + size - at));
        size_t start = colon == NULL ? size : (size_t)(colon - line) + 1;
        while (start < size && line[start] == ' ')
            start++;
        if (start < shown && line[start] != '{')
            shown = start;
    }
    return shown;
}

/* The line, with a caret under the column; columns count characters, not bytes. */
static void print_line(const struct config_source *source, uint32_t line, uint32_t column,
                       FILE *out)
{
    const char *start = source->text, *end = source->text + source->size;
    for (uint32_t i = 1; i < line && start != NULL; i++) {
        start = memchr(start, '\n', (size_t)(end - start));
        start = start == NULL ? NULL : start + 1;
    }
    if (start == NULL || start >= end)
        return;
    const char *stop = memchr(start, '\n', (size_t)(end - start));
    size_t size = (size_t)((stop == NULL ? end : stop) - start);
    if (size > 0 && start[size - 1] == '\r')
        size--;
    size_t shown = shown_size(start, size);
    fprintf(out, "%6u | ", line);
    for (size_t i = 0; i < shown; i++)
        fputc((unsigned char)start[i] < ' ' || start[i] == 0x7f ? ' ' : start[i], out);
    fprintf(out, "%s\n       | %*s^\n", shown < size ? "…" : "",
            (int)(column - 1 < 4096 ? column - 1 : 4096), "");
}

void config_problem_print(const struct config_source *source, FILE *out)
{
    uint32_t kept = 0;
    for (const struct config_problem *problem = source->problem; problem != NULL;
         problem = problem->next, kept++) {
        fprintf(out, "%s:%u:%u: ", source->name, problem->line, problem->column);
        if (problem->path != NULL && problem->path[0] != '\0')
            fprintf(out, "%s: ", problem->path);
        fputs(problem->found, out);
        if (problem->nearest != NULL)
            fprintf(out, "; did you mean %s?", problem->nearest);
        if (problem->allowed != NULL)
            fprintf(out, "; allowed: %s", problem->allowed);
        fputc('\n', out);
        print_line(source, problem->line, problem->column, out);
    }
    if (source->problem_count > kept)
        fprintf(out, "%s: and %u more\n", source->name, source->problem_count - kept);
}

/* ---- near words ---- */

enum { WORD_MAX = 64 };

unsigned config_edit_distance(const char *left, const char *right)
{
    size_t rows = strlen(left), columns = strlen(right);
    if (rows > WORD_MAX || columns > WORD_MAX)
        return WORD_MAX;
    unsigned cost[3][WORD_MAX + 1];
    for (unsigned j = 0; j <= columns; j++)
        cost[0][j] = j;
    for (unsigned i = 1; i <= rows; i++) {
        unsigned *now = cost[i % 3], *before = cost[(i + 2) % 3], *earlier = cost[(i + 1) % 3];
        now[0] = i;
        for (unsigned j = 1; j <= columns; j++) {
            unsigned best = before[j - 1] + (left[i - 1] != right[j - 1]);
            if (before[j] + 1 < best)
                best = before[j] + 1;
            if (now[j - 1] + 1 < best)
                best = now[j - 1] + 1;
            if (i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1] &&
                earlier[j - 2] + 1 < best)
                best = earlier[j - 2] + 1;
            now[j] = best;
        }
    }
    return cost[rows % 3][columns];
}

const char *config_nearest(const char *word, const char *const *words, size_t count)
{
    const char *nearest = NULL;
    unsigned best = strlen(word) > 3 ? 3 : 2;
    for (size_t i = 0; i < count; i++) {
        unsigned distance = config_edit_distance(word, words[i]);
        if (distance < best && distance < strlen(words[i])) {
            best = distance;
            nearest = words[i];
        }
    }
    return nearest;
}
