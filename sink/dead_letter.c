#include "dead_letter.h"

#include "rollcall/check.h"
#include <stdio.h>
#include <string.h>

enum { HEADERS = 4, OWN_HEADERS_MAX = HEADERS * (8 + 24 + 256) };

/* How many bytes the headers at `at` really take; the world's, but copied by ourselves. */
static size_t headers_size(const struct rc_raw *raw, const char *at, const char *end)
{
    const char *from = at;
    for (uint32_t i = 0; i < raw->header_count; i++) {
        uint32_t size[2];
        RC_CHECK((size_t)(end - at) >= sizeof size);
        memcpy(size, at, sizeof size);
        uint64_t bytes = (uint64_t)size[0] + kept_size(size[1]);
        RC_CHECK(bytes <= (uint64_t)(end - at) - sizeof size);
        at += sizeof size + bytes;
    }
    return (size_t)(at - from);
}

static char *put_bytes(char *at, const char *bytes, size_t size)
{
    if (size)
        memcpy(at, bytes, size);
    return at + size;
}

static char *put_header(char *at, const char *name, const char *value)
{
    uint32_t size[2] = {(uint32_t)strlen(name), (uint32_t)strlen(value)};
    RC_CHECK(size[0] <= 24 && size[1] <= 256);
    at = put_bytes(at, (const char *)size, sizeof size);
    at = put_bytes(at, name, size[0]);
    return put_bytes(at, value, size[1]);
}

static char *put_number(char *at, const char *name, int64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)number);
    return put_header(at, name, text);
}

enum rc_error dead_letter_keep(struct kept *kept, uint32_t output,
                               const struct rc_dead_letter *dead, const char *topic,
                               int32_t partition, bool with_value, struct kept_record **ret_record)
{
    const struct rc_raw *raw = (const struct rc_raw *)dead->raw;
    uint32_t key_size = kept_size(raw->key_size);
    struct kept_record *record;
    RC_CHECK(dead->raw_size >= sizeof *raw &&
             (uint64_t)key_size + raw->value_size <= dead->raw_size - sizeof *raw);
    const char *value = raw->bytes + key_size, *headers = value + raw->value_size;
    size_t given = headers_size(raw, headers, dead->raw + dead->raw_size);
    with_value = with_value && raw->value_size <= DEAD_LETTER_VALUE_MAX;
    size_t room = (size_t)key_size + (with_value ? raw->value_size : 0) + given + OWN_HEADERS_MAX;
    enum rc_error err = kept_reserve(kept, room, &record);
    if (err)
        return err;
    record->output = output;
    record->key_size = raw->key_size;
    record->value_size = with_value ? raw->value_size : KEPT_ABSENT;
    char *at = put_bytes(record->bytes, raw->bytes, key_size);
    at = put_bytes(at, value, kept_size(record->value_size));
    const char *from = at;
    at = put_bytes(at, headers, given);
    at = put_header(at, "rollcall.reason", dead->reason);
    at = put_header(at, "rollcall.topic", topic);
    at = put_number(at, "rollcall.partition", partition);
    at = put_number(at, "rollcall.offset", dead->offset);
    record->headers_size = (uint32_t)(at - from);
    kept_add(kept, record);
    *ret_record = record;
    return RC_OK;
}
