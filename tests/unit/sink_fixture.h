/* Records and dead letters made by hand, for the tests of sink/. */
#ifndef TESTS_SINK_FIXTURE_H
#define TESTS_SINK_FIXTURE_H

#include "rollcall/sink.h"
#include <stdlib.h>
#include <string.h>

/* Two rolling windows and two intervals: 0 15m, 1 1h, 2 30m, 3 day. */
static inline const struct rc_config *fixture_config(void)
{
    static struct rc_zone_step utc = {INT64_MIN, 0};
    static struct rc_zone zone = {"UTC", 1, &utc};
    static struct rc_config config;
    config.windows.rolling_count = 2;
    config.windows.rolling[0] = (struct rc_rolling_window){"15m", 900000, 10000};
    config.windows.rolling[1] = (struct rc_rolling_window){"1h", 3600000, 60000};
    config.windows.interval_count = 2;
    config.windows.interval[0] = (struct rc_interval_window){RC_30M, 1000, 0};
    config.windows.interval[1] = (struct rc_interval_window){RC_DAY, 10000, 0};
    config.contracts.defaults.zone = &zone;
    config.privacy.dead_letter_values = true;
    config.tasks = 64;
    config.limits.max_event = 1 << 20;
    return &config;
}

/* Freed by the caller. The window decides the kind; all figures are 0 but sl_bp and sl_ok: null. */
static inline struct rc_record *fixture_record(const char *client, const char *queue,
                                               uint32_t window, int64_t start_ms, int64_t as_of_ms)
{
    uint32_t client_size = (uint32_t)strlen(client), queue_size = (uint32_t)strlen(queue);
    uint32_t size = (uint32_t)(sizeof(struct rc_record) + client_size + queue_size + 7) & ~7u;
    struct rc_record *rec = calloc(1, size);
    rec->size = size;
    rec->window = window;
    rec->kind =
        window < fixture_config()->windows.rolling_count ? RC_KIND_ROLLING : RC_KIND_INTERVAL;
    rec->status = RC_FINAL;
    rec->client_size = (uint8_t)client_size;
    rec->queue_size = (uint8_t)queue_size;
    rec->total = queue[0] == '*' ? 2 : queue[0] == '@' ? 1 : 0;
    rec->revision = 1;
    rec->start_ms = start_ms;
    rec->end_ms = start_ms + 900000;
    rec->as_of_ms = as_of_ms;
    rec->contract = 0x0123456789abcdefu;
    rec->value[RC_FIG_sl_bp] = rec->value[RC_FIG_sl_ok] = RC_NULL;
    memcpy(rec->text, client, client_size);
    memcpy(rec->text + client_size, queue, queue_size);
    return rec;
}

/* A record of rollcall.slas. Freed by the caller. */
static inline struct rc_record *fixture_clock(const char *client, const char *queue,
                                              uint32_t window, int64_t start_ms, const char *clock)
{
    struct rc_record *plain = fixture_record(client, queue, window, start_ms, 1);
    uint32_t clock_size = (uint32_t)strlen(clock);
    struct rc_record *rec = calloc(1, plain->size + clock_size + 8);
    memcpy(rec, plain, plain->size);
    rec->topic = RC_TOPIC_SLAS;
    rec->channel = RC_TICKET;
    rec->size = (plain->size + clock_size + 7) & ~7u;
    rec->clock_size = (uint8_t)clock_size;
    rec->measure = RC_FIRST_RESPONSE;
    memcpy(rec->text + rec->client_size + rec->queue_size, clock, clock_size);
    free(plain);
    return rec;
}

/* Freed by the caller. */
static inline struct rc_dead_letter *fixture_dead(uint32_t source, int64_t line, const char *reason,
                                                  const char *value, uint32_t value_size)
{
    struct rc_raw raw = {.key_size = UINT32_MAX, .value_size = value_size};
    uint32_t raw_size = (uint32_t)sizeof raw + value_size;
    uint32_t size = (uint32_t)(sizeof(struct rc_dead_letter) + raw_size + 7) & ~7u;
    struct rc_dead_letter *dead = calloc(1, size);
    dead->size = size;
    dead->raw_size = raw_size;
    dead->offset = line;
    dead->source = source;
    memcpy(dead->reason, reason, strlen(reason));
    memcpy(dead->raw, &raw, sizeof raw);
    memcpy(dead->raw + sizeof raw, value, value_size);
    return dead;
}

#endif
