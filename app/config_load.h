/* The configuration: one YAML file, read once, checked whole. `rollcall check` and every start go
 * through config_load(), so what one refuses the other refuses.
 *
 * The way of a file: config_yaml (text to a tree with positions; libfyaml) -> config_schema (the
 * table of keys; each value is parsed by config_value) -> config_load, config_contract
 * (inheritance and what must fit together) -> struct rc_config. A mistake never stops the reading:
 * all are collected and printed together, sorted by line.
 *
 * Where the specification is silent: without `windows` there are a rolling 15m every 10s and the
 * intervals 30m and day; a present `windows` without `rolling` or `interval` has none of these.
 * `default` of `publish_every` and `restate_for` speaks for 15m, 30m and 1h; day, week and month
 * have values of their own, built in. An empty value (`clients:`) is an empty map or list; a single
 * value may not be empty. Anchors, aliases, tags and merge keys are refused. HTTP stands under
 * `http: {listen: HOST:PORT}`, or `listen: off`; without it at 127.0.0.1:9187. */
#ifndef APP_CONFIG_H
#define APP_CONFIG_H

#include "rollcall/config.h"
#include "rollcall/error.h"

#include <stdio.h>

struct config_loaded {
    const struct rc_config *config;
    struct config_reader *reader; /* of the loader: the tree and the levels, for explanations */
    struct rc_config *unit;       /* of config_of_task: the copy that `config` is; else NULL */
};

/* Reads and checks the file. Prints every mistake to `diagnostics` (borrowed; NULL: silent).
 * RC_ERR_IO, RC_ERR_DENIED: it cannot be read (said too, by `command`: "rollcall replay");
 * RC_ERR_CONFIG: it has mistakes. Gives *ret_loaded, for config_free(). thread: main, before
 * others start. */
enum rc_error config_load(const char *command, const char *path, FILE *diagnostics,
                          struct config_loaded **ret_loaded);
/* The same from memory (borrowed until return); `name` stands in messages. */
enum rc_error config_load_text(const char *name, const char *text, size_t size, FILE *diagnostics,
                               struct config_loaded **ret_loaded);
/* One that a run before has recorded. */
struct config_recorded {
    char *text; /* NULL: there is none; freed by who has it */
    uint32_t size;
    char id[33]; /* by which that run knew it */
};
/* As config_load_text, under the recorded id: which zone data the system has, and what a key file
 * holds, is in an id, and both may be others by now. Whether that matters is seen by what is made
 * again. */
enum rc_error config_load_recorded(const char *name, const struct config_recorded *recorded,
                                   FILE *diagnostics, struct config_loaded **ret_loaded);
/* The same for one task alone of a group whose members share them: a copy, freed before `loaded`,
 * whose contracts it shares. */
enum rc_error config_of_task(const struct config_loaded *loaded, uint32_t task,
                             struct config_loaded **ret_loaded);
/* What says how this process is called, listens, keeps its files and reaches Kafka becomes that of
 * `own`, which outlives `loaded`: for one that another process, or an earlier one, was started
 * with. Before any thread but the caller's uses the configuration. */
void config_take_own(struct config_loaded *loaded, const struct rc_config *own);
/* The key of a group whose configuration has none: made by the first run of the group. Before any
 * thread but the caller's uses the configuration. */
void config_pseudonym_key_set(struct config_loaded *loaded, const uint8_t key[32]);
/* Takes NULL too. Whatever came from `config` is gone then. */
void config_free(struct config_loaded *loaded);

#endif
