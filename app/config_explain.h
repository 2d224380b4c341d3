/* What is in force, for people: each key's contract, and where each value comes from. */
#ifndef APP_CONFIG_EXPLAIN_H
#define APP_CONFIG_EXPLAIN_H

#include "config_contract.h"
#include "config_load.h"

/* One stretch of time of one key. */
struct config_row {
    const char *client; /* NULL: clients that are not configured */
    const char *queue;  /* NULL: queues that are not configured; "*"; a name */
    bool group;         /* `queue` is a group's name, without its @ */
    enum rc_channel channel;
    int64_t from_ms; /* INT64_MIN: since ever */
    const struct rc_zone *zone;
    const struct rc_contract *contract;
    const struct config_level *client_level, *inner_level; /* NULL: none */
};
typedef void config_row_fn(const struct config_row *row, void *argument);
/* Every key, in the order of records: defaults, then clients by name, of each the queues that are
 * not configured, `*`, queues and groups by name. */
void config_rows(const struct config_loaded *loaded, config_row_fn *take, void *argument);
/* The row's values with their nodes. */
void config_row_terms(const struct config_loaded *loaded, const struct config_row *row,
                      struct config_terms *ret_terms);

enum { CONFIG_TERM_TEXT = 256 };
/* "30s", "[anonymous, withheld]", "2 outages"; cut when it is longer. */
void config_term_text(enum config_setting id, const struct config_term *term,
                      char ret_text[CONFIG_TERM_TEXT]);
/* "rollcall.yaml:12" or "built-in". */
void config_term_origin(const struct config_loaded *loaded, const struct config_term *term,
                        char ret_text[CONFIG_TERM_TEXT]);
/* The `index`th thing that is accepted and has no effect yet; false: there are no more. */
bool config_note_text(const struct config_loaded *loaded, uint32_t index,
                      char ret_text[CONFIG_TERM_TEXT]);

#endif
