/* What the files of the loader share: memory that goes away at once, the tree of the file with
 * positions, and the list of mistakes. Nothing here knows a key. */
#ifndef APP_CONFIG_TREE_H
#define APP_CONFIG_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Memory of one configuration; pieces are never freed one by one. */
struct config_arena {
    struct config_chunk *last;
    size_t used;
};
/* Zeroed, aligned for anything, never NULL: without memory there is no start to go on with. */
void *config_arena_get(struct config_arena *arena, size_t size);
/* A copy with a terminator. */
char *config_arena_text(struct config_arena *arena, const char *text, size_t size);
void config_arena_done(struct config_arena *arena);

enum config_node_kind { CONFIG_SCALAR, CONFIG_MAP, CONFIG_LIST };

/* A value of the file. Lines and columns count from 1. */
struct config_node {
    enum config_node_kind kind;
    bool plain; /* a scalar without quotes */
    bool again; /* its key has stood before in this map */
    uint32_t line, column;
    uint32_t count;                /* children */
    uint32_t index;                /* its place in a list */
    uint32_t size;                 /* of text */
    const char *text;              /* of a scalar, with a terminator */
    const struct config_node *key; /* in a map */
    const struct config_node *parent;
    struct config_node *child, *last, *next;
};

/* One mistake. Texts may be NULL. */
struct config_problem {
    uint32_t line, column;
    const char *path;    /* time.publish_every.day, clients."a b".queues */
    const char *found;   /* what is wrong with it */
    const char *allowed; /* what may stand there */
    const char *nearest; /* a known word that it may have been meant to be */
    struct config_problem *next;
};

enum { CONFIG_PROBLEMS_MAX = 1000, CONFIG_DEPTH_MAX = 24, CONFIG_SIZE_MAX = 64 << 20 };

struct config_source {
    struct config_arena *arena;
    const char *name; /* of the file */
    const char *text;
    size_t size;
    struct config_problem *problem, **problem_end;
    uint32_t problem_count; /* may be more than are kept */
};

/* "a.b[2].c" of a node, in the arena. */
const char *config_node_path(struct config_arena *arena, const struct config_node *node);
/* NULL when it is not there or not a map. */
const struct config_node *config_node_find(const struct config_node *map, const char *key);
/* Nothing, ~ or null without quotes. */
bool config_node_empty(const struct config_node *node);
bool config_node_is(const struct config_node *node, const char *text);

/* Adds a mistake. `at` gives position and path (its key's position when `at_key`); texts are
 * copied. One that is already there is not added again. */
void config_problem_add(struct config_source *source, const struct config_node *at, bool at_key,
                        const char *allowed, const char *nearest, const char *found, ...)
    __attribute__((format(printf, 6, 7)));
/* The same at a place that has no node. */
void config_problem_at(struct config_source *source, uint32_t line, uint32_t column,
                       const char *path, const char *allowed, const char *nearest,
                       const char *found);
/* All of them, sorted by place, each with its line and a caret. */
void config_problem_print(const struct config_source *source, FILE *out);

/* How many single letters must be put in, taken out, changed or swapped with the next. */
unsigned config_edit_distance(const char *left, const char *right);
/* The nearest of the words with a distance of at most 2 (1 for short ones); NULL: none. */
const char *config_nearest(const char *word, const char *const *words, size_t count);
/* "found" texts: `"15x"`, a list, a map, nothing. In the arena. */
const char *config_node_says(struct config_arena *arena, const struct config_node *node);

#endif
