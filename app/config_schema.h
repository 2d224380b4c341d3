/* The table of keys: what may stand where in the file, as which kind of value, and where it goes.
 * Reading a map is one walk along the table; what the table cannot say is in readers of its own
 * (config_read.c, config_level.c, config_alert.c). */
#ifndef APP_CONFIG_SCHEMA_H
#define APP_CONFIG_SCHEMA_H

#include "config_calendar.h"
#include "config_tree.h"
#include "config_zone.h"
#include "rollcall/config.h"

/* What a contract consists of, in the order of the canonical JSON: X(id, path, kind) */
#define CONFIG_SETTINGS(X)                                                                         \
    X(ACW_CAP, "acw_cap", DURATION)                                                                \
    X(ACW_EXPECTED, "acw_expected", BOOL)                                                          \
    X(AHT_TARGET, "aht.target", DURATION)                                                          \
    X(BASIS, "basis", WORD)                                                                        \
    X(CSAT_SATISFIED_AT, "csat.satisfied_at", SCORE)                                               \
    X(CSAT_TARGET, "csat.target", PERCENT)                                                         \
    X(FCR_MODEL, "fcr.model", WORD)                                                                \
    X(FCR_NO_CUSTOMER, "fcr.no_customer", NAMES)                                                   \
    X(FCR_SCOPE, "fcr.scope", WORD)                                                                \
    X(FCR_TARGET, "fcr.target", PERCENT)                                                           \
    X(FCR_WINDOW, "fcr.window", DURATION)                                                          \
    X(SL_ABANDONED, "service_level.abandoned", WORD)                                               \
    X(SL_CALENDAR, "service_level.calendar", CALENDAR)                                             \
    X(SL_EXCEPT, "service_level.except", OUTAGES)                                                  \
    X(SL_FLOW_OUT, "service_level.flow_out", WORD)                                                 \
    X(SL_SHORT, "service_level.short_abandon", DURATION)                                           \
    X(SL_TARGET, "service_level.target", PERCENT)                                                  \
    X(SL_WITHIN, "service_level.within", DURATION)                                                 \
    X(SLAS, "slas", SLAS)

enum config_kind {
    CONFIG_KIND_DURATION,
    CONFIG_KIND_PERCENT,
    CONFIG_KIND_COUNT,
    CONFIG_KIND_SIZE,
    CONFIG_KIND_INTEGER,
    CONFIG_KIND_SCORE,
    CONFIG_KIND_BOOL,
    CONFIG_KIND_WORD,
    CONFIG_KIND_TEXT,
    CONFIG_KIND_MAP,
    CONFIG_KIND_READER, /* a function of its own */
    CONFIG_KIND_NAMES,  /* of settings only: lists that a reader made */
    CONFIG_KIND_CALENDAR,
    CONFIG_KIND_OUTAGES,
    CONFIG_KIND_SLAS
};

#define CONFIG_SETTING_ID(id, path, kind) CONFIG_SET_##id,
enum config_setting { CONFIG_SETTINGS(CONFIG_SETTING_ID) CONFIG_SETTING_COUNT };
#undef CONFIG_SETTING_ID

struct config_setting_info {
    const char *path;
    uint8_t kind;
};
const struct config_setting_info *config_setting_info(enum config_setting id);
/* Of settings that are WORDs. */
const char *config_setting_word(enum config_setting id, int64_t number);

/* A value of a contract; without a node it is built in (when set). */
struct config_term {
    bool set;
    int64_t number;
    const void *data;
    const struct config_node *node;
};
struct config_terms {
    struct config_term term[CONFIG_SETTING_COUNT];
};

struct config_texts { /* NAMES */
    uint32_t count;
    const char **text; /* sorted bytewise */
};
struct config_outages { /* OUTAGES */
    uint32_t count;
    struct rc_span *span;
    const char **reason;
};
struct config_priority {
    const char *name;
    int64_t within_ms;
};
struct config_sla {
    const char *name;
    uint8_t measure;
    bool by_event, pauses;            /* within: event */
    uint32_t priority_count;          /* within by priority: `default` among them */
    struct config_priority *priority; /* sorted bytewise by name */
    int64_t target_bp;
    struct config_calendar *calendar;
    const struct config_node *calendar_node;
};
struct config_slas { /* SLAS */
    uint32_t count;
    struct config_sla *sla;
    const struct rc_clock *compiled; /* NULL until a contract uses it; sorted by name */
};

/* A level of inheritance: defaults, a client, a queue, a group, or a dated part of one. */
struct config_level {
    const char *name; /* NULL: defaults */
    const struct config_node *node;
    struct config_terms general, channel[RC_CHANNEL_COUNT];
    const struct config_node *zone_node; /* timezone */
    const char *topic;
    const struct config_node *topic_node;
    struct config_texts members; /* of a group */
    int64_t day;                 /* of a dated part */
    uint32_t dated_count, queue_count, group_count;
    struct config_level *dated, *queue, *group; /* sorted by day, by name, by name */
};

/* `publish_every` and `restate_for`; -1: not given. */
struct config_by_window {
    int64_t fallback, window[RC_INTERVAL_COUNT];
};

/* All that the reading of one file holds. */
struct config_reader {
    struct config_arena arena;
    struct config_source source;
    struct config_node *root;
    struct config_zone_names zone_names;
    struct config_zone_entry *zones; /* loaded so far */
    struct config_calendar *calendars;
    struct config_level defaults;
    uint32_t client_count;
    struct config_level *clients; /* sorted by name */
    struct config_by_window publish_every, restate_for;
    struct rc_config *config;
    struct rc_property *properties; /* of kafka.security */
    int64_t fcr_window_ms;          /* the longest of models that it matters to, and whose it is */
    const struct config_node *fcr_window_node;
    struct config_note *notes, **note_end;
};
struct config_note { /* "not yet" */
    const struct config_node *node;
    const char *path, *text;
    struct config_note *next;
};

struct config_key;
typedef void config_read_fn(struct config_reader *reader, const struct config_node *node,
                            const struct config_key *key, void *base);
struct config_key {
    const char *name;
    enum config_kind kind;
    bool is_setting; /* `slot` is an enum config_setting and base a struct config_terms */
    bool later;      /* known, checked, and without effect in this version */
    size_t slot;     /* offset in base, also of a map's own base */
    int64_t min, max;
    const char *const *words; /* ends with NULL */
    const struct config_map *map;
    config_read_fn *read;
    const char *help;
};
struct config_map {
    const char *what;
    const struct config_key *key;
    size_t count;
};

/* The maps that readers of their own begin with. */
extern const struct config_map config_map_root, config_map_defaults, config_map_client,
    config_map_queue, config_map_group, config_map_dated;

/* Reads a map along the table; `base` is where values go. */
void config_map_read(struct config_reader *reader, const struct config_node *node,
                     const struct config_map *map, void *base);
/* One value of a single kind. */
void config_single_read(struct config_reader *reader, const struct config_node *node,
                        const struct config_key *key, void *base);
/* Adds "found …" for a value of the wrong kind. */
void config_wrong_kind(struct config_reader *reader, const struct config_node *node,
                       const char *allowed);
/* False, and says so, when it is not a list; an empty value is an empty list. */
bool config_is_list(struct config_reader *reader, const struct config_node *node,
                    const char *allowed);
bool config_is_map(struct config_reader *reader, const struct config_node *node,
                   const char *allowed);
/* The text of a single value; NULL, and says so, when it is none. */
const char *config_text_of(struct config_reader *reader, const struct config_node *node,
                           const char *allowed);
/* A name of at most so many bytes; NULL, and says so, when it is none. */
const char *config_name_of(struct config_reader *reader, const struct config_node *node,
                           size_t size_max, const char *what);
/* "not yet" */
void config_note_add(struct config_reader *reader, const struct config_node *node,
                     const char *text);

/* Readers: config_read.c */
config_read_fn config_read_topics, config_read_brokers, config_read_listen, config_read_rolling,
    config_read_intervals, config_read_calendars, config_read_by_window, config_read_keyed_by,
    config_read_timezone, config_read_topic;
/* config_secret.c */
config_read_fn config_read_security, config_read_pseudonym_key;
/* config_level.c */
config_read_fn config_read_defaults, config_read_clients, config_read_queues, config_read_groups,
    config_read_dated, config_read_members, config_read_calendar_name, config_read_outages,
    config_read_no_customer, config_read_outer_no_customer;
/* config_alert.c */
config_read_fn config_read_slas, config_read_alerts;

/* Zones and calendars by name; NULL, and says so, when there is none. */
const struct rc_zone *config_zone_get(struct config_reader *reader, const struct config_node *node);
const struct rc_zone *config_zone_utc(struct config_reader *reader);
struct config_calendar *config_calendar_get(struct config_reader *reader,
                                            const struct config_node *node);
/* What must fit together, after all is read: config_read.c, config_alert.c */
void config_settings_finish(struct config_reader *reader);
void config_alerts_finish(struct config_reader *reader, const struct config_node *alerts);

#endif
