/* A small contact centre in C, for tests of the core: a configuration with one client, `acme`,
 * whose contracts a test may change before it opens; events by designated initialisers; the records
 * and dead letters that came out. Not to be moved in memory once it is open. */
#ifndef CORE_FIXTURE_H
#define CORE_FIXTURE_H

#include "contact.h"
#include "window.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum {
    SECOND_MS = 1000,
    MINUTE_MS = 60 * SECOND_MS,
    HOUR_MS = 60 * MINUTE_MS,
    DAY_MS = 24 * HOUR_MS,
    CORE_SHARDS_MAX = 4,
    CORE_TASKS = 8
};
#define T0          INT64_C(1767225600000) /* 2026-01-01T00:00:00Z, a Thursday */
#define CORE_SECRET UINT64_C(0x5eed)

/* The windows, as the configuration numbers them. */
enum core_window { CORE_5M, CORE_15M, CORE_1H, CORE_DAY, CORE_WINDOWS };

struct core_event {
    int64_t at, value, opportunities, now_ms; /* now_ms: replays only */
    int64_t offset;                           /* 0: the next one */
    const char *client;                       /* NULL: acme */
    const char *contact, *queue, *conversation, *agent, *priority;
    uint64_t customer;            /* 0: none */
    uint8_t type, channel, flags; /* channel 0: call */
};

struct core {
    struct rc_config config;
    struct rc_contract contract[RC_CHANNEL_COUNT];
    struct rc_client_policy acme;
    uint32_t shards;
    bool replay, provisional, contacts;

    struct rc_zone zone;
    struct rc_zone_step step;
    struct rc_dated_contract dated[RC_CHANNEL_COUNT], total[RC_CHANNEL_COUNT];
    struct agg *agg[CORE_SHARDS_MAX];
    struct rc_record **record;
    uint32_t record_count, record_room;
    uint32_t dead_count;
    char dead[64][148];
    uint64_t epoch;
    int64_t offset;
    struct rc_shard_stats stats; /* of core_task_open */
};

static inline void core_init(struct core *core)
{
    memset(core, 0, sizeof *core);
    core->shards = 1;
    core->provisional = true;
    core->step = (struct rc_zone_step){INT64_MIN, 0};
    core->zone = (struct rc_zone){"UTC", 1, &core->step};
    for (uint32_t c = 0; c < RC_CHANNEL_COUNT; c++)
        core->contract[c] = (struct rc_contract){
            .has_service_level = true,
            .sl_within_ms = 20 * SECOND_MS,
            .short_abandon_ms = 5 * SECOND_MS,
            .sl_target_bp = 8000,
            .aht_target_ms = RC_NULL,
            .acw_cap_ms = 30 * MINUTE_MS,
            .fcr_model = c == RC_TICKET ? RC_FCR_REOPEN : RC_FCR_REPEAT,
            .fcr_window_ms = INT64_C(7) * DAY_MS,
            .fcr_target_bp = RC_NULL,
            .csat_satisfied_at = 4000,
            .csat_target_bp = RC_NULL,
            .fingerprint = 1 + c,
        };
    struct rc_config *config = &core->config;
    config->tasks = CORE_TASKS;
    config->limits = (struct rc_limits){1 << 20, 1 << 20, 1 << 20, 100, 65536, 1ull << 40};
    config->time = (struct rc_times){
        .max_disorder_ms = 1000,
        .grace_ms = 15 * MINUTE_MS,
        .restate_every_ms = 15 * MINUTE_MS,
        .retention_ms = {INT64_C(4) * DAY_MS, INT64_C(4) * DAY_MS, INT64_C(90) * DAY_MS},
        .open_tickets_ms = INT64_C(366) * DAY_MS,
        .identity_ms = INT64_C(30) * DAY_MS,
    };
    config->windows.rolling_count = 1;
    config->windows.rolling[0] = (struct rc_rolling_window){"5m", 5 * MINUTE_MS, MINUTE_MS};
    config->windows.interval_count = 3;
    config->windows.interval[0] =
        (struct rc_interval_window){RC_15M, 10 * SECOND_MS, INT64_C(8) * DAY_MS};
    config->windows.interval[1] =
        (struct rc_interval_window){RC_1H, MINUTE_MS, INT64_C(8) * DAY_MS};
    config->windows.interval[2] =
        (struct rc_interval_window){RC_DAY, MINUTE_MS, INT64_C(100) * DAY_MS};
    core->acme.name = "acme";
    core->acme.name_size = 4;
}

/* Customers are numbers here: the name "7" is core_event's customer 7. */
static inline struct rc_id128 core_pseudonym(const uint8_t key[32], const char *bytes,
                                             uint32_t size)
{
    char text[RC_ID_MAX + 1] = {0};
    (void)key;
    memcpy(text, bytes, size);
    return (struct rc_id128){0, strtoull(text, NULL, 10)};
}

static inline void core_keep(void *opaque, enum rc_message kind, const void *message, uint32_t size)
{
    struct core *core = opaque;
    if (kind == RC_MESSAGE_DEAD_LETTER) {
        const struct rc_dead_letter *dead = message;
        snprintf(core->dead[core->dead_count % 64], sizeof core->dead[0], "%s", dead->reason);
        core->dead_count++;
        return;
    }
    cr_assert_eq(kind, RC_MESSAGE_RECORD);
    cr_assert_eq(((const struct rc_record *)message)->size, size);
    if (core->record_count == core->record_room) {
        core->record_room = core->record_room ? core->record_room * 2 : 256;
        core->record = realloc(core->record, core->record_room * sizeof *core->record);
    }
    struct rc_record *copy = malloc(size);
    memcpy(copy, message, size);
    core->record[core->record_count++] = copy;
}

static inline void core_settle(struct core *core)
{
    for (uint32_t c = 0; c < RC_CHANNEL_COUNT; c++) {
        core->dated[c] = (struct rc_dated_contract){INT64_MIN, core->contract[c]};
        core->total[c] = core->dated[c];
        core->total[c].contract.fingerprint += 100;
        core->acme.channel[c] = (struct rc_contract_list){1, &core->dated[c]};
        core->acme.total[c] = (struct rc_contract_list){1, &core->total[c]};
        if (core->contract[c].fcr_window_ms > core->config.contracts.fcr_window_max_ms)
            core->config.contracts.fcr_window_max_ms = core->contract[c].fcr_window_ms;
    }
    core->acme.zone = &core->zone;
    core->config.contracts.defaults = core->acme;
    core->config.contracts.defaults.name = NULL;
    core->config.contracts.defaults.name_size = 0;
    core->config.contracts.client = &core->acme;
    core->config.contracts.client_count = 1;
}

static inline void core_open(struct core *core)
{
    core_settle(core);
    for (uint32_t i = 0; i < core->shards; i++) {
        struct agg_options options = {
            .config = &core->config,
            .shard_count = core->shards,
            .shard = i,
            .hash_secret = CORE_SECRET,
            .replay = core->replay,
            .provisional = core->provisional,
            .contacts = core->contacts,
            .pseudonym = core_pseudonym,
        };
        cr_assert_eq(agg_open(&options, core_keep, core, &core->agg[i]), RC_OK);
    }
}

static inline void core_close(struct core *core)
{
    for (uint32_t i = 0; i < core->shards; i++)
        agg_close(core->agg[i]);
    for (uint32_t i = 0; i < core->record_count; i++)
        free(core->record[i]);
    free(core->record);
}

/* A task by itself, for tests that look inside; goes with agg_task_close, then core_close. */
static inline struct agg_task *core_task_open(struct core *core)
{
    core_open(core);
    struct agg_task *task = agg_task_open(core->agg[0], RC_TIME_NONE);
    task->stats = &core->stats;
    for (uint32_t c = 0; c < RC_CHANNEL_COUNT; c++)
        task->queue_scope |= core->contract[c].fcr_scope == RC_FCR_QUEUE;
    return task;
}

static inline char *core_text(char *at, const char *text, uint8_t *ret_size)
{
    size_t size = text ? strlen(text) : 0;
    cr_assert_leq(size, RC_ID_MAX);
    if (size)
        memcpy(at, text, size);
    *ret_size = (uint8_t)size;
    return at + size;
}

static inline uint32_t core_task_of(const char *client)
{
    return (uint32_t)(XXH3_64bits(client, strlen(client)) % CORE_TASKS);
}

union core_buffer {
    struct rc_event ev;
    char bytes[sizeof(struct rc_event) + RC_EVENT_TEXT_MAX];
};

/* The event as ingest would send it. */
static inline struct rc_event *core_make(struct core *core, const struct core_event *what,
                                         union core_buffer *buffer)
{
    struct rc_event *ev = &buffer->ev;
    memset(buffer, 0, sizeof *buffer);
    const char *client = what->client ? what->client : "acme";
    char *at = core_text(ev->text, client, &ev->client_size);
    at = core_text(at, what->queue, &ev->queue_size);
    at = core_text(at, what->contact, &ev->contact_size);
    at = core_text(at, what->conversation, &ev->conversation_size);
    at = core_text(at, what->agent, &ev->agent_size);
    core_text(at, what->priority, &ev->priority_size);
    ev->size = (uint32_t)(sizeof *ev + ((rc_event_text_size(ev) + 7u) & ~7u));
    ev->time_ms = what->at;
    ev->now_ms = core->replay ? what->now_ms : RC_TIME_NONE;
    ev->offset = what->offset ? what->offset : ++core->offset;
    ev->task = core_task_of(client);
    ev->contact_hash =
        XXH3_64bits_withSeed(rc_event_contact(ev), ev->contact_size,
                             XXH3_64bits_withSeed(client, ev->client_size, CORE_SECRET));
    ev->customer = (struct rc_id128){0, what->customer};
    ev->value = what->value;
    ev->opportunities = what->opportunities;
    ev->type = what->type;
    ev->channel = what->channel;
    ev->flags = (uint8_t)(what->flags | (what->customer ? RC_EVENT_CUSTOMER : 0));
    return ev;
}

static inline void core_put(struct core *core, struct core_event what)
{
    union core_buffer buffer;
    const struct rc_event *ev = core_make(core, &what, &buffer);
    agg_take(core->agg[ev->task % core->shards], ev);
}
#define PUT(core, ...) core_put(core, (struct core_event){__VA_ARGS__})

static inline void core_task_put(struct core *core, struct agg_task *task, struct core_event what)
{
    union core_buffer buffer;
    const struct rc_event *ev = core_make(core, &what, &buffer);
    if (ev->time_ms >= task->clock)
        agg_order_put(&task->order, ev);
    else if (!agg_task_expired(task, ev))
        agg_task_late(task, ev);
}

static inline int core_compare(const void *left, const void *right)
{
    const struct rc_record *const *a = left, *const *b = right;
    return rc_record_compare(*a, *b);
}

static inline void core_mark(struct core *core, int64_t now_ms, bool end_of_input)
{
    struct rc_mark mark = {.epoch = ++core->epoch,
                           .now_ms = now_ms,
                           .wall_ms = RC_TIME_NONE,
                           .end_of_input = end_of_input};
    uint32_t first = core->record_count;
    for (uint32_t i = 0; i < core->shards; i++)
        agg_mark(core->agg[i], &mark);
    if (core->shards > 1 && core->record_count > first) /* as the commit thread merges them */
        qsort(core->record + first, core->record_count - first, sizeof *core->record, core_compare);
}
static inline void core_now(struct core *core, int64_t now_ms)
{
    core_mark(core, now_ms, false);
}

static inline bool core_is(const struct rc_record *rec, const char *client, const char *queue)
{
    return rec->client_size == strlen(client) && !memcmp(rec->text, client, rec->client_size) &&
           rec->queue_size == strlen(queue) &&
           !memcmp(rec->text + rec->client_size, queue, rec->queue_size);
}

/* Of what a record holds; ratios and the oldest wait aside. */
static inline bool core_is_zero(const struct rc_record *rec)
{
    for (uint32_t f = 0; f < RC_FIGURE_COUNT; f++)
        if (rc_figure_info[f].merge != RC_MERGE_RATIO && f != RC_FIG_oldest_wait_ms &&
            rec->value[f] != 0)
            return false;
    return true;
}

/* The last record of acme's key and window that begins there; NULL. */
static inline const struct rc_record *core_find(const struct core *core, const char *queue,
                                                uint8_t channel, uint32_t window, int64_t start_ms)
{
    for (uint32_t i = core->record_count; i-- > 0;) {
        const struct rc_record *rec = core->record[i];
        if (core_is(rec, "acme", queue) && rec->channel == channel && rec->window == window &&
            rec->start_ms == start_ms)
            return rec;
    }
    return NULL;
}

/* A figure of that record; there must be one. */
static inline int64_t core_value(const struct core *core, const char *queue, uint32_t window,
                                 int64_t start_ms, enum rc_figure figure)
{
    const struct rc_record *rec = core_find(core, queue, RC_CALL, window, start_ms);
    cr_assert_not_null(rec, "no record of %s, window %u", queue, window);
    return rec->value[figure];
}
#define VALUE(core, queue, window, start, name)                                                    \
    core_value(core, queue, window, start, RC_FIG_##name)

static inline uint64_t core_stat(const struct core *core, const rc_counter *counter)
{
    (void)core;
    return rc_counter_read(counter);
}
#define STAT(core, name) core_stat(core, &agg_stats((core)->agg[0])->name)

/* A generator of its own, so that a failing seed fails everywhere. */
struct core_random {
    uint64_t state;
};
static inline uint64_t core_draw(struct core_random *random, uint64_t below)
{
    random->state += UINT64_C(0x9e3779b97f4a7c15);
    uint64_t z = random->state;
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return (z ^ z >> 31) % below;
}

#endif
