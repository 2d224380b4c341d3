#include "feed_scan.h"

#include "terminal.h"

#include <stdio.h>
#include <string.h>

struct cursor {
    const char *at, *begin, *end;
};

static void skip_space(struct cursor *c)
{
    while (c->at < c->end && (*c->at == ' ' || *c->at == '\t' || *c->at == '\r' || *c->at == '\n'))
        c->at++;
}

static bool skip_string(struct cursor *c)
{
    for (c->at++; c->at < c->end; c->at++) {
        if (*c->at == '\\')
            c->at++;
        else if (*c->at == '"') {
            c->at++;
            return true;
        }
    }
    return false;
}

/* Brackets are counted, not matched: a fault is the reader's to find. */
static bool skip_value(struct cursor *c)
{
    int depth = 0;
    do {
        skip_space(c);
        if (c->at >= c->end)
            return false;
        if (*c->at == '"') {
            if (!skip_string(c))
                return false;
        } else if (*c->at == '{' || *c->at == '[') {
            depth++;
            c->at++;
        } else if (*c->at == '}' || *c->at == ']') {
            depth--;
            c->at++;
        } else if (depth && (*c->at == ',' || *c->at == ':')) {
            c->at++;
        } else {
            const char *before = c->at;
            while (c->at < c->end && !strchr(" \t\r\n,:{}[]\"", *c->at))
                c->at++;
            if (c->at == before)
                return false;
        }
    } while (depth > 0);
    return depth == 0;
}

static bool is(struct cursor key, const char *name)
{
    size_t size = strlen(name);
    return (size_t)(key.end - key.begin) == size + 2 && memcmp(key.begin + 1, name, size) == 0;
}

static bool scan_object(struct cursor *c, const char *line, struct feed_words *words,
                        struct feed_span *ret_data)
{
    skip_space(c);
    if (c->at >= c->end || *c->at != '{')
        return false;
    c->at++;
    for (;;) {
        skip_space(c);
        if (c->at < c->end && *c->at == '}')
            return true;
        struct cursor key = {.begin = c->at};
        if (c->at >= c->end || *c->at != '"' || !skip_string(c))
            return false;
        key.end = c->at;
        skip_space(c);
        if (c->at >= c->end || *c->at++ != ':')
            return false;
        skip_space(c);
        const char *begin = c->at;
        if (!skip_value(c))
            return false;
        struct feed_span span = {(uint32_t)(begin - line), (uint32_t)(c->at - begin)};
        struct feed_span *to = is(key, "time")      ? &words->time
                               : is(key, "client")  ? &words->client
                               : is(key, "contact") ? &words->contact
                               : is(key, "channel") ? &words->channel
                               : is(key, "due")     ? &words->due
                               : is(key, "data")    ? ret_data
                                                    : NULL;
        if (to)
            *to = span;
        skip_space(c);
        if (c->at < c->end && *c->at == ',')
            c->at++;
    }
}

bool feed_scan(const char *line, size_t size, struct feed_words *ret_words)
{
    struct cursor c = {.at = line, .begin = line, .end = line + size};
    struct feed_span data = {0}, none = {0};
    memset(ret_words, 0, sizeof *ret_words);
    if (size > UINT32_MAX || !scan_object(&c, line, ret_words, &data))
        return false;
    if (data.size && line[data.at] == '{') {
        ret_words->envelope_time = ret_words->time;
        ret_words->time = none;
        struct cursor inner = {
            .at = line + data.at, .begin = line, .end = line + data.at + data.size};
        scan_object(&inner, line, ret_words, &none);
    }
    return true;
}

static size_t put_utf8(uint32_t code, char *room)
{
    if (code < 0x80) {
        room[0] = (char)code;
        return 1;
    }
    if (code < 0x800) {
        room[0] = (char)(0xc0 | code >> 6);
        room[1] = (char)(0x80 | (code & 63));
        return 2;
    }
    if (code < 0x10000) {
        room[0] = (char)(0xe0 | code >> 12);
        room[1] = (char)(0x80 | (code >> 6 & 63));
        room[2] = (char)(0x80 | (code & 63));
        return 3;
    }
    room[0] = (char)(0xf0 | code >> 18);
    room[1] = (char)(0x80 | (code >> 12 & 63));
    room[2] = (char)(0x80 | (code >> 6 & 63));
    room[3] = (char)(0x80 | (code & 63));
    return 4;
}

static bool hex4(const char *at, const char *end, uint32_t *ret_code)
{
    uint32_t code = 0;
    if (end - at < 4)
        return false;
    for (int i = 0; i < 4; i++) {
        static const char digits[] = "0123456789abcdef";
        const char *digit = strchr(digits, at[i] | 32);
        if (!at[i] || !digit)
            return false;
        code = code << 4 | (uint32_t)(digit - digits);
    }
    *ret_code = code;
    return true;
}

/* Behind the backslash; moves on. 0: not an escape. */
static size_t unescape(const char **at, const char *end, char *room)
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    const char *plain = *at < end ? strchr(from, **at) : NULL;
    uint32_t code, low;
    if (plain && *plain) {
        (*at)++;
        room[0] = to[plain - from];
        return 1;
    }
    if (*at >= end || **at != 'u' || !hex4(*at + 1, end, &code))
        return 0;
    *at += 5;
    if (code >= 0xd800 && code < 0xdc00 && end - *at >= 6 && (*at)[0] == '\\' && (*at)[1] == 'u' &&
        hex4(*at + 2, end, &low) && low >= 0xdc00 && low < 0xe000) {
        *at += 6;
        code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
    return put_utf8(code, room);
}

size_t feed_text(const char *line, struct feed_span span, char *room, size_t size)
{
    const char *at = line + span.at, *end = at + span.size;
    size_t used = 0;
    if (span.size < 2 || *at != '"')
        return 0;
    at++;
    end--;
    while (at < end) {
        char bytes[4];
        size_t count = 1;
        if (*at == '\\') {
            at++;
            count = unescape(&at, end, bytes);
            if (!count)
                return 0;
        } else {
            bytes[0] = *at++;
        }
        if (used + count > size)
            return 0;
        memcpy(room + used, bytes, count);
        used += count;
    }
    return used;
}

bool feed_time(const char *line, struct feed_span span, int64_t *ret_ms)
{
    char text[64];
    size_t size = span.size;
    if (!size || size >= sizeof text)
        return false;
    if (line[span.at] == '"') {
        size = feed_text(line, span, text, sizeof text - 1);
        if (!size || !memchr(text, ':', size)) /* a number in quotes is no time */
            return false;
    } else {
        memcpy(text, line + span.at, size);
    }
    text[size] = '\0';
    return terminal_parse_time(text, ret_ms);
}

/* A moved time in the form that the old one has; 0: it cannot be moved. */
static size_t moved(const char *line, struct feed_span span, int64_t shift_ms, char room[64])
{
    char text[TERMINAL_TEXT_MAX];
    int64_t at_ms;
    if (!feed_time(line, span, &at_ms))
        return 0;
    if (line[span.at] == '"')
        return (size_t)snprintf(room, 64, "\"%s\"", terminal_time(at_ms + shift_ms, text));
    return (size_t)snprintf(room, 64, "%lld", (long long)(at_ms + shift_ms));
}

size_t feed_shift(const char *line, size_t size, const struct feed_words *words, int64_t shift_ms,
                  char *room, size_t room_size)
{
    struct feed_span span[3] = {words->time, words->due, words->envelope_time};
    size_t at = 0, used = 0;
    for (;;) {
        struct feed_span *next = NULL;
        for (int i = 0; i < 3; i++)
            if (span[i].size && span[i].at >= at && (!next || span[i].at < next->at))
                next = &span[i];
        size_t upto = next ? next->at : size, count = upto - at;
        char text[64];
        size_t text_size = next ? moved(line, *next, shift_ms, text) : 0;
        if (used + count + sizeof text > room_size)
            return 0;
        memcpy(room + used, line + at, count);
        used += count;
        if (!next)
            return used;
        if (!text_size) { /* left as it is */
            text_size = next->size < sizeof text ? next->size : 0;
            if (!text_size)
                return 0;
            memcpy(text, line + next->at, text_size);
        }
        memcpy(room + used, text, text_size);
        used += text_size;
        at = upto + next->size;
    }
}
