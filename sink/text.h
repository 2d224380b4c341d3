/* Writing text fast: integers and JSON strings into memory that the caller knows to be large
 * enough. libc's printf costs ten times as much, and a record holds sixty numbers. */
#ifndef SINK_TEXT_H
#define SINK_TEXT_H

#include <stdint.h>
#include <string.h>

enum { TEXT_INT_MAX = 20 };

/* "00" … "99" */
extern const char text_digits[201];

static inline char *text_put(char *at, const char *bytes, uint32_t size)
{
    memcpy(at, bytes, size);
    return at + size;
}

static inline char *text_uint(char *at, uint64_t value)
{
    if (value < 10) {
        *at = (char)('0' + value);
        return at + 1;
    }
    char digits[TEXT_INT_MAX], *from = digits + sizeof digits;
    while (value >= 100) {
        from -= 2;
        memcpy(from, text_digits + value % 100 * 2, 2);
        value /= 100;
    }
    if (value >= 10) {
        from -= 2;
        memcpy(from, text_digits + value * 2, 2);
    } else {
        *--from = (char)('0' + value);
    }
    return text_put(at, from, (uint32_t)(digits + sizeof digits - from));
}

static inline char *text_int(char *at, int64_t value)
{
    if (value >= 0)
        return text_uint(at, (uint64_t)value);
    *at = '-';
    return text_uint(at + 1, 0 - (uint64_t)value);
}

/* 16 hex digits. */
char *text_hex64(char *at, uint64_t value);

/* The most that a byte can become in a JSON string: \u0000. */
enum { TEXT_JSON_GROWTH = 6 };
/* A JSON string with its quotes; needs 2 + TEXT_JSON_GROWTH * size bytes. Bytes that are not UTF-8
 * become U+FFFD, one for each maximal part of a sequence, so the result is always valid. */
char *text_json(char *at, const char *bytes, uint32_t size);

#endif
