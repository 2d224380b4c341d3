#include "progress_record.h"
#include "text.h"

#include "rollcall/check.h"
#include "rollcall/figures.h"
#include <jansson.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

/* ---- writing ---- */

enum { NUMBER_ROOM = 64, PART_ROOM = TEXT_JSON_GROWTH * PROGRESS_NAME_MAX + 160, LEAD_ROOM = 1024 };

static char *put(char *at, const char *text)
{
    return text_put(at, text, (uint32_t)strlen(text));
}

static char *put_string(char *at, const char *name, const char *value)
{
    at = put(put(at, name), ":");
    return text_json(at, value, (uint32_t)strlen(value));
}

static char *put_number(char *at, const char *name, uint64_t value)
{
    return text_uint(put(put(at, name), ":"), value);
}

static char *put_time(char *at, const char *name, int64_t value)
{
    at = put(put(at, name), ":");
    return value == RC_TIME_NONE ? put(at, "null") : text_int(at, value);
}

static char *put_bool(char *at, const char *name, bool value)
{
    return put(put(put(at, name), ":"), value ? "true" : "false");
}

static char *put_hash(char *at, const char *name, uint64_t value)
{
    at = put(put(at, name), ":\"");
    return put(text_hex64(at, value), "\"");
}

static char *put_key(char *at, const uint8_t key[32])
{
    at = put(at, ",\"pseudonym_key\":\"");
    for (int i = 0; i < 32; i += 8) {
        uint64_t eight = 0;
        for (int j = 0; j < 8; j++)
            eight = eight << 8 | key[i + j];
        at = text_hex64(at, eight);
    }
    return put(at, "\"");
}

static char *put_lead(char *at, const struct progress_record *record)
{
    const struct rc_cut *cut = record->cut;
    at = put_number(at, "{\"format\"", PROGRESS_FORMAT);
    at = put_number(at, ",\"figures\"", RC_FIGURES_VERSION);
    at = put_string(at, ",\"group\"", record->group);
    at = put_string(at, ",\"transactional_id\"", record->transactional_id);
    at = put_hash(at, ",\"run\"", record->run);
    at = put_number(at, ",\"epoch\"", cut->epoch);
    at = put_number(at, ",\"first\"", record->first);
    at = put_bool(at, ",\"rebuilt\"", record->rebuilt);
    at = put_bool(at, ",\"restated\"", record->restated);
    at = put_time(at, ",\"now_ms\"", cut->now_ms);
    at = put_time(at, ",\"wall_ms\"", cut->wall_ms);
    at = put_time(at, ",\"distance_ms\"", cut->distance_ms);
    at = put_time(at, ",\"published_ms\"", record->published_ms);
    at = put_string(at, ",\"config\"", record->config_id);
    if (record->config_text)
        at = text_json(put(at, ",\"config_text\":"), record->config_text, record->config_size);
    return record->has_key ? put_key(at, record->key) : at;
}

static char *put_part(char *at, const struct rc_cut_part *part, const char *topic,
                      int32_t partition)
{
    at = put_string(at, "{\"topic\"", topic);
    at = put_number(at, ",\"partition\"", (uint64_t)partition);
    at = put_number(at, ",\"next\"", (uint64_t)part->next_offset);
    at = put_time(at, ",\"largest_ms\"", part->largest_ms);
    return put(put_bool(at, ",\"idle\"", part->idle), "}");
}

static char *put_sum(char *at, const struct progress_sum *sum)
{
    at = put_string(at, "{\"topic\"", sum->topic);
    at = put_number(at, ",\"count\"", sum->count);
    return put(put_hash(at, ",\"hash\"", sum->hash), "}");
}

enum rc_error progress_encode(const struct progress_record *record, progress_name *name,
                              const void *opaque, char **ret_text, size_t *ret_size)
{
    const struct rc_cut *cut = record->cut;
    size_t texts = strlen(record->group) + strlen(record->transactional_id) + record->config_size;
    size_t room = LEAD_ROOM + TEXT_JSON_GROWTH * texts +
                  ((size_t)cut->part_count + record->sum_count) * PART_ROOM;
    char *text = malloc(room), *at = text;
    if (!text)
        return RC_ERR_MEMORY;
    at = put(put_lead(at, record), ",\"parts\":[");
    for (uint32_t i = 0; i < cut->part_count; i++) {
        int32_t partition;
        const char *topic = name(opaque, cut->part[i].source, &partition);
        RC_CHECK(strlen(topic) <= PROGRESS_NAME_MAX);
        at = put_part(put(at, i ? "," : ""), &cut->part[i], topic, partition);
    }
    at = put(at, "],\"outputs\":[");
    for (uint32_t i = 0; i < record->sum_count; i++)
        at = put_sum(put(at, i ? "," : ""), &record->sum[i]);
    at = put(at, "]}");
    *ret_size = (size_t)(at - text);
    RC_CHECK(*ret_size + NUMBER_ROOM <= room);
    if (*ret_size > PROGRESS_BYTES_MAX) {
        free(text);
        return RC_ERR_LIMIT;
    }
    *ret_text = text;
    return RC_OK;
}

/* ---- reading ---- */

struct reading {
    struct progress_record *record;
    progress_source *source;
    const void *opaque;
    char *why;
};

__attribute__((format(printf, 2, 3))) static enum rc_error wrong(struct reading *reading,
                                                                 const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(reading->why, PROGRESS_WHY_MAX, format, list);
    va_end(list);
    return RC_ERR_INPUT;
}

static enum rc_error get_int(struct reading *reading, const json_t *object, const char *name,
                             int64_t low, int64_t high, int64_t *ret_value)
{
    const json_t *value = json_object_get(object, name);
    if (!json_is_integer(value) || json_integer_value(value) < low ||
        json_integer_value(value) > high)
        return wrong(reading, "\"%s\" is not there, or no number that it can be", name);
    *ret_value = json_integer_value(value);
    return RC_OK;
}

static enum rc_error get_time(struct reading *reading, const json_t *object, const char *name,
                              int64_t *ret_value)
{
    if (json_is_null(json_object_get(object, name))) {
        *ret_value = RC_TIME_NONE;
        return RC_OK;
    }
    return get_int(reading, object, name, INT64_MIN / 4, INT64_MAX / 4, ret_value);
}

static enum rc_error get_bool(struct reading *reading, const json_t *object, const char *name,
                              bool *ret_value)
{
    const json_t *value = json_object_get(object, name);
    if (!json_is_boolean(value))
        return wrong(reading, "\"%s\" is neither true nor false", name);
    *ret_value = json_is_true(value);
    return RC_OK;
}

/* Lent by the object. */
static enum rc_error get_string(struct reading *reading, const json_t *object, const char *name,
                                size_t max, const char **ret_text)
{
    const json_t *value = json_object_get(object, name);
    size_t size = json_string_length(value);
    if (!json_is_string(value) || !size || size > max || strlen(json_string_value(value)) != size)
        return wrong(reading, "\"%s\" is not there, or no text that it can be", name);
    *ret_text = json_string_value(value);
    return RC_OK;
}

static int hex_digit(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static enum rc_error get_hex(struct reading *reading, const json_t *object, const char *name,
                             uint8_t *ret_bytes, size_t count)
{
    const char *text;
    enum rc_error err = get_string(reading, object, name, 2 * count, &text);
    if (err || strlen(text) != 2 * count)
        return wrong(reading, "\"%s\" is not %zu hex digits", name, 2 * count);
    for (size_t i = 0; i < count; i++) {
        int high = hex_digit(text[2 * i]), low = hex_digit(text[2 * i + 1]);
        if (high < 0 || low < 0)
            return wrong(reading, "\"%s\" is not %zu hex digits", name, 2 * count);
        ret_bytes[i] = (uint8_t)(high << 4 | low);
    }
    return RC_OK;
}

static enum rc_error get_hash(struct reading *reading, const json_t *object, const char *name,
                              uint64_t *ret_value)
{
    uint8_t bytes[8];
    enum rc_error err = get_hex(reading, object, name, bytes, sizeof bytes);
    if (err)
        return err;
    *ret_value = 0;
    for (size_t i = 0; i < sizeof bytes; i++)
        *ret_value = *ret_value << 8 | bytes[i];
    return RC_OK;
}

static enum rc_error get_list(struct reading *reading, const json_t *object, const char *name,
                              size_t max, const json_t **ret_list)
{
    *ret_list = json_object_get(object, name);
    if (!json_is_array(*ret_list) || json_array_size(*ret_list) > max)
        return wrong(reading, "\"%s\" is not there, or no list that it can be", name);
    return RC_OK;
}

static enum rc_error read_part(struct reading *reading, const json_t *object)
{
    struct progress_record *record = reading->record;
    struct rc_cut_part part = {0};
    const char *topic;
    int64_t partition;
    enum rc_error err = get_string(reading, object, "topic", PROGRESS_NAME_MAX, &topic);
    if (!err)
        err = get_int(reading, object, "partition", 0, INT32_MAX, &partition);
    if (!err)
        err = get_int(reading, object, "next", 0, INT64_MAX / 4, &part.next_offset);
    if (!err)
        err = get_time(reading, object, "largest_ms", &part.largest_ms);
    if (!err)
        err = get_bool(reading, object, "idle", &part.idle);
    if (err)
        return err;
    if (reading->source &&
        reading->source(reading->opaque, topic, (int32_t)partition, &part.source))
        record->cut->part[record->cut->part_count++] = part;
    else
        snprintf(record->unknown, sizeof record->unknown, "%s", topic);
    return RC_OK;
}

static int compare_parts(const void *left, const void *right)
{
    const struct rc_cut_part *a = left, *b = right;
    return a->source < b->source ? -1 : a->source > b->source;
}

static enum rc_error read_parts(struct reading *reading, const json_t *list)
{
    size_t count = json_array_size(list);
    struct rc_cut *cut = reading->record->cut;
    for (size_t i = 0; i < count; i++) {
        enum rc_error err = read_part(reading, json_array_get(list, i));
        if (err)
            return err;
    }
    qsort(cut->part, cut->part_count, sizeof *cut->part, compare_parts);
    for (uint32_t i = 1; i < cut->part_count; i++)
        if (cut->part[i].source == cut->part[i - 1].source)
            return wrong(reading, "\"parts\" names a partition twice");
    cut->size = (uint32_t)(sizeof *cut + cut->part_count * sizeof *cut->part);
    return RC_OK;
}

static enum rc_error read_cut(struct reading *reading, const json_t *object)
{
    struct progress_record *record = reading->record;
    const json_t *list;
    int64_t epoch = 0, first = 0;
    enum rc_error err = get_list(reading, object, "parts", PROGRESS_PARTS_MAX, &list);
    if (err)
        return err;
    struct rc_cut *cut =
        calloc(1, sizeof *cut + json_array_size(list) * sizeof(struct rc_cut_part));
    if (!cut)
        return RC_ERR_MEMORY;
    record->cut = cut;
    cut->recorded = true;
    err = get_int(reading, object, "epoch", 1, INT64_MAX, &epoch);
    if (!err)
        err = get_int(reading, object, "first", 1, epoch, &first);
    if (!err)
        err = get_time(reading, object, "now_ms", &cut->now_ms);
    if (!err)
        err = get_time(reading, object, "wall_ms", &cut->wall_ms);
    if (!err)
        err = get_time(reading, object, "distance_ms", &cut->distance_ms);
    if (!err)
        err = get_time(reading, object, "published_ms", &record->published_ms);
    cut->epoch = (uint64_t)epoch;
    record->first = (uint64_t)first;
    return err ? err : read_parts(reading, list);
}

static char *keep_text(char **at, const char *text)
{
    size_t size = strlen(text) + 1;
    char *kept = memcpy(*at, text, size);
    *at += size;
    return kept;
}

static enum rc_error read_sum(struct reading *reading, const json_t *object, char **at)
{
    struct progress_record *record = reading->record;
    struct progress_sum sum = {0};
    const char *topic;
    int64_t count;
    enum rc_error err = get_string(reading, object, "topic", PROGRESS_NAME_MAX, &topic);
    if (!err)
        err = get_int(reading, object, "count", 1, INT64_MAX, &count);
    if (!err)
        err = get_hash(reading, object, "hash", &sum.hash);
    if (err)
        return err;
    sum.topic = keep_text(at, topic);
    sum.count = (uint64_t)count;
    record->sum[record->sum_count++] = sum;
    return RC_OK;
}

/* Texts and sums of the record, in one piece of memory. */
static enum rc_error read_texts(struct reading *reading, const json_t *object)
{
    struct progress_record *record = reading->record;
    const char *group, *id, *config = NULL;
    const json_t *list;
    enum rc_error err = get_string(reading, object, "group", PROGRESS_GROUP_MAX, &group);
    if (!err)
        err = get_string(reading, object, "transactional_id", 2 * PROGRESS_GROUP_MAX, &id);
    if (!err && json_object_get(object, "config_text"))
        err = get_string(reading, object, "config_text", PROGRESS_CONFIG_MAX, &config);
    if (!err)
        err = get_list(reading, object, "outputs", PROGRESS_SUMS_MAX, &list);
    if (err)
        return err;
    size_t count = json_array_size(list), size = strlen(group) + strlen(id) + 2;
    size += config ? strlen(config) + 1 : 0;
    size += count * (sizeof *record->sum + PROGRESS_NAME_MAX + 1);
    record->memory = malloc(size);
    if (!record->memory)
        return RC_ERR_MEMORY;
    record->sum = record->memory;
    char *at = (char *)(record->sum + count);
    record->group = keep_text(&at, group);
    record->transactional_id = keep_text(&at, id);
    if (config) {
        record->config_size = (uint32_t)strlen(config);
        record->config_text = keep_text(&at, config);
    }
    for (size_t i = 0; i < count && !err; i++)
        err = read_sum(reading, json_array_get(list, i), &at);
    return err;
}

static enum rc_error read_rest(struct reading *reading, const json_t *object)
{
    struct progress_record *record = reading->record;
    uint8_t id[16];
    const char *text = "";
    enum rc_error err = get_hex(reading, object, "config", id, sizeof id);
    if (!err)
        err = get_string(reading, object, "config", 32, &text);
    if (!err)
        err = get_hash(reading, object, "run", &record->run);
    if (!err)
        err = get_bool(reading, object, "rebuilt", &record->rebuilt);
    if (!err)
        err = get_bool(reading, object, "restated", &record->restated);
    snprintf(record->config_id, sizeof record->config_id, "%s", text);
    record->has_key = json_object_get(object, "pseudonym_key") != NULL;
    if (!err && record->has_key)
        err = get_hex(reading, object, "pseudonym_key", record->key, sizeof record->key);
    return err;
}

static enum rc_error read_object(struct reading *reading, const json_t *object)
{
    int64_t format = 0, figures = 0;
    enum rc_error err = get_int(reading, object, "format", 1, INT64_MAX, &format);
    if (err)
        return err;
    if (format != PROGRESS_FORMAT)
        return wrong(reading, "it has format %lld, this version knows %d", (long long)format,
                     PROGRESS_FORMAT);
    err = get_int(reading, object, "figures", 1, INT64_MAX, &figures);
    if (!err)
        err = read_texts(reading, object);
    if (!err)
        err = read_cut(reading, object);
    if (!err)
        err = read_rest(reading, object);
    if (!err && figures != RC_FIGURES_VERSION) /* what it made is not what this version makes */
        reading->record->config_id[0] = '\0';
    return err;
}

enum rc_error progress_decode(const char *text, size_t size, progress_source *source,
                              const void *opaque, struct progress_record *ret_record,
                              char ret_why[PROGRESS_WHY_MAX])
{
    struct progress_record record = {0};
    struct reading reading = {&record, source, opaque, ret_why};
    ret_why[0] = '\0';
    if (!text || size > PROGRESS_BYTES_MAX)
        return wrong(&reading, text ? "it is too large" : "it is empty");
    json_t *object = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(object)) {
        json_decref(object);
        return wrong(&reading, "it is not a JSON object");
    }
    enum rc_error err = read_object(&reading, object);
    json_decref(object);
    if (err) {
        progress_done(&record);
        return err;
    }
    *ret_record = record;
    return RC_OK;
}

void progress_done(struct progress_record *record)
{
    free(record->memory);
    free(record->cut);
    record->memory = NULL;
    record->cut = NULL;
}
