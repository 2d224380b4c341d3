/* The settings of one run, filled by app/ from the configuration file; const once threads run.
 * Everything is owned by the struct that app/'s loader returns and freed with it. */
#ifndef ROLLCALL_CONFIG_H
#define ROLLCALL_CONFIG_H

#include "calendar.h"
#include "contract.h"

enum { RC_ROLLING_MAX = 16, RC_WINDOWS_MAX = RC_ROLLING_MAX + RC_INTERVAL_COUNT };

struct rc_rolling_window {
    const char *name;
    int64_t length_ms, every_ms;
};
struct rc_interval_window {
    enum rc_interval kind;
    int64_t publish_every_ms;
    int64_t restate_for_ms;
};
/* Windows are numbered: rolling ones as configured, then interval ones as configured. */
struct rc_windows {
    uint32_t rolling_count, interval_count;
    struct rc_rolling_window rolling[RC_ROLLING_MAX];
    struct rc_interval_window interval[RC_INTERVAL_COUNT];
    bool catch_up_all;
};
static inline const char *rc_window_name(const struct rc_windows *windows, uint32_t window)
{
    return window < windows->rolling_count
               ? windows->rolling[window].name
               : rc_interval_name[windows->interval[window - windows->rolling_count].kind];
}

struct rc_times {
    int64_t max_disorder_ms, idle_after_ms, align_ms, max_ahead_ms, grace_ms, restate_every_ms;
    int64_t retention_ms[RC_CHANNEL_COUNT]; /* call, chat, ticket */
    int64_t open_tickets_ms;
    int64_t identity_ms;
};
struct rc_limits {
    uint64_t contacts, customers, queues, groups; /* of each client */
    uint64_t max_event;                           /* bytes */
    uint64_t memory;                              /* bytes, of the process */
};
struct rc_topic_setting {
    const char *name;
    uint8_t channel; /* RC_CHANNEL_NONE: any */
};
/* One librdkafka property; secrets already read. Never print the value of a secret. */
struct rc_property {
    const char *name, *value;
    bool secret;
};
struct rc_kafka {
    const char *brokers, *group;
    const char *instance; /* this process among the group's members; NULL: the host's name */
    uint32_t topic_count;
    const struct rc_topic_setting *topic; /* sorted bytewise by name */
    uint32_t property_count;
    const struct rc_property *property;
    bool keyed_by_client;
    /* Whose state a part of the program is at work on: NULL, the whole group's; else that of `task`
     * alone, and this is its name, GROUP/task-N. Never of the file: set in copies, one a task. */
    const char *unit;
    uint32_t task;
};
struct rc_output {
    int64_t retention_ms;
    int64_t commit_every_ms;
    uint32_t partitions, replication;
    bool per_client;
    bool at_least_once; /* without transactions; else exactly once */
    bool no_contacts;   /* no records of contacts */
};
struct rc_snapshots {
    const char *dir;
    int64_t every_ms;
    uint32_t keep; /* generations */
};
struct rc_privacy {
    uint8_t key[32]; /* of the pseudonyms; made at random when not configured */
    bool has_key;
    bool dead_letter_values;
};
struct rc_http {
    const char *listen; /* host:port, default 127.0.0.1:9187; NULL: no HTTP */
};
struct rc_config {
    const char *path;
    struct rc_kafka kafka;
    struct rc_output output;
    uint32_t tasks;
    struct rc_limits limits;
    struct rc_snapshots snapshot;
    struct rc_privacy privacy;
    struct rc_times time;
    struct rc_windows windows;
    struct rc_http http;
    struct rc_contracts contracts;
    char zone_data_version[32];
    /* Of all that decides what is published; equal ones publish the same of the same events. */
    char id[33];
    const char *text; /* the file, as it was read */
    uint32_t text_size;
};

/* The name under which the state is kept. */
static inline const char *rc_unit(const struct rc_config *config)
{
    return config->kafka.unit ? config->kafka.unit : config->kafka.group;
}
/* The partition of rollcall.progress and rollcall.snapshots that is its own. */
static inline int32_t rc_own_partition(const struct rc_config *config)
{
    return config->kafka.unit ? (int32_t)config->kafka.task : 0;
}

#endif
