#include "gone.h"

#include "record_text.h"
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { TARGETS = 4 };
static const uint8_t target_figure[TARGETS] = {RC_FIG_sl_target_bp, RC_FIG_aht_target_ms,
                                               RC_FIG_fcr_target_bp, RC_FIG_csat_target_bp};

struct gone {
    int64_t start_ms, end_ms;
    int64_t target[TARGETS];
    uint64_t contract;
    uint8_t topic, kind, channel, measure;
    bool provisional;
    uint8_t client_size, queue_size, clock_size, window_size;
    char text[]; /* client, queue, clock, window */
};

static const char *word(const json_t *json, const char *name)
{
    const char *text = json_string_value(json_object_get(json, name));
    return text ? text : "";
}

static int64_t number(const json_t *json, const char *name)
{
    const json_t *value = json_object_get(json, name);
    return json_is_integer(value) ? json_integer_value(value) : RC_NULL;
}

static uint8_t index_of(const char *text, const char *const *list, uint8_t count)
{
    uint8_t i = 0;
    while (i < count && strcmp(text, list[i]) != 0)
        i++;
    return i;
}

static bool is_zero(const json_t *json, uint8_t topic)
{
    if (topic == RC_TOPIC_SLAS)
        return number(json, "sla_of") == 0;
    for (int i = 0; i < RC_FIGURE_COUNT; i++) {
        int64_t value = number(json, rc_figure_info[i].name);
        if (rc_figure_info[i].merge != RC_MERGE_RATIO && value != RC_NULL && value != 0)
            return false;
    }
    return true;
}

static struct gone *pack(const json_t *json, uint8_t topic)
{
    const char *part[] = {word(json, "client"), word(json, "queue"), word(json, "clock"),
                          word(json, "window")};
    size_t size[4], total = 0;
    for (int i = 0; i < 4; i++)
        total += size[i] = strlen(part[i]);
    struct gone *gone = calloc(1, sizeof *gone + total);
    if (!gone)
        return NULL;
    *gone = (struct gone){
        .start_ms = number(json, "start_ms"),
        .end_ms = number(json, "end_ms"),
        .contract = strtoull(word(json, "contract"), NULL, 16),
        .topic = topic,
        .kind = index_of(word(json, "kind"), record_kind_name, 2),
        .channel = index_of(word(json, "channel"), record_channel_name, RC_CHANNEL_COUNT),
        .measure = index_of(word(json, "measure"), record_measure_name, RC_MEASURE_COUNT),
        .provisional = strcmp(word(json, "status"), "provisional") == 0,
        .client_size = (uint8_t)size[0],
        .queue_size = (uint8_t)size[1],
        .clock_size = (uint8_t)size[2],
        .window_size = (uint8_t)size[3]};
    for (int i = 0; i < TARGETS; i++)
        gone->target[i] = number(json, rc_figure_info[target_figure[i]].name);
    if (topic == RC_TOPIC_SLAS)
        gone->target[0] = number(json, "sla_target_bp");
    char *at = gone->text;
    for (int i = 0; i < 4; i++) {
        memcpy(at, part[i], size[i]);
        at += size[i];
    }
    return gone;
}

struct gone *gone_read(uint8_t topic, const char *text, size_t size)
{
    if (topic != RC_TOPIC_METRICS && topic != RC_TOPIC_SLAS)
        return NULL;
    json_t *json = json_loadb(text, size, 0, NULL);
    struct gone *gone = NULL;
    if (json && strcmp(word(json, "status"), "closed") != 0 && !is_zero(json, topic))
        gone = pack(json, topic);
    json_decref(json);
    return gone;
}

static uint32_t window_of(const struct gone *gone, const struct rc_windows *windows)
{
    uint32_t first = gone->kind == RC_KIND_ROLLING ? 0 : windows->rolling_count;
    uint32_t end =
        windows->rolling_count + (gone->kind == RC_KIND_ROLLING ? 0 : windows->interval_count);
    const char *name = gone->text + gone->client_size + gone->queue_size + gone->clock_size;
    while (first < end && (strlen(rc_window_name(windows, first)) != gone->window_size ||
                           memcmp(rc_window_name(windows, first), name, gone->window_size) != 0))
        first++;
    return first < end ? first : UINT32_MAX;
}

static uint8_t status_of(const struct gone *gone, const struct rc_config *config, uint32_t window,
                         int64_t now_ms)
{
    const struct rc_windows *windows = &config->windows;
    const struct rc_interval_window *interval = &windows->interval[window - windows->rolling_count];
    if (now_ms >= gone->end_ms + interval->restate_for_ms)
        return RC_CLOSED;
    if (now_ms < gone->end_ms + config->time.grace_ms)
        return RC_PROVISIONAL;
    return gone->provisional ? RC_FINAL : RC_RESTATED;
}

struct rc_record *gone_record(const struct gone *gone, const struct rc_config *config,
                              int64_t now_ms)
{
    uint32_t window = window_of(gone, &config->windows);
    size_t text_size = (size_t)gone->client_size + gone->queue_size + gone->clock_size;
    size_t size = (sizeof(struct rc_record) + text_size + 7) & ~(size_t)7;
    struct rc_record *rec = window == UINT32_MAX ? NULL : calloc(1, size);
    if (!rec)
        return NULL;
    char mark = gone->text[gone->client_size];
    *rec = (struct rc_record){.size = (uint32_t)size,
                              .window = window,
                              .topic = gone->topic,
                              .kind = gone->kind,
                              .status = RC_FINAL,
                              .channel = gone->channel,
                              .client_size = gone->client_size,
                              .queue_size = gone->queue_size,
                              .total = mark == '*' ? 2 : mark == '@',
                              .clock_size = gone->clock_size,
                              .measure = gone->measure,
                              .start_ms = gone->start_ms,
                              .end_ms = gone->end_ms,
                              .as_of_ms = now_ms,
                              .contract = gone->contract};
    if (gone->kind == RC_KIND_ROLLING) {
        const struct rc_rolling_window *rolling = &config->windows.rolling[window];
        rec->as_of_ms = rec->end_ms = now_ms / rolling->every_ms * rolling->every_ms;
        rec->start_ms = rec->end_ms - rolling->length_ms;
    } else {
        rec->status = status_of(gone, config, window, now_ms);
    }
    for (int i = 0; i < RC_FIGURE_COUNT; i++)
        rec->value[i] = rc_figure_info[i].merge == RC_MERGE_RATIO ? RC_NULL : 0;
    for (int i = 0; i < TARGETS; i++)
        rec->value[target_figure[i]] = gone->target[i];
    memcpy(rec->text, gone->text, text_size);
    return rec;
}
