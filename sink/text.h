/* Writing text fast: integers and JSON strings into memory that the caller knows to be large
 * enough. libc's printf costs ten times as much, and a record holds sixty numbers. */
#ifndef SINK_TEXT_H
#define SINK_TEXT_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { TEXT_INT_MAX = 20 };

static inline char *text_put(char *at, const char *bytes, uint32_t size)
{
    memcpy(at, bytes, size);
    return at + size;
}

/* The eight decimal digits of a number below 10^8, the first one in the lowest byte; no branch, no
 * loop: numbers of records have no pattern that a processor could guess. */
static inline uint64_t text_eight(uint32_t value)
{
    uint64_t two = value / 10000 | (uint64_t)(value % 10000) << 32;       /* of four digits */
    uint64_t hundreds = two * 10486 >> 20 & UINT64_C(0x0000007f0000007f); /* over 100 */
    uint64_t four = hundreds | (two - hundreds * 100) << 16;              /* of two digits */
    uint64_t tens = four * 103 >> 10 & UINT64_C(0x000f000f000f000f);      /* over 10 */
    return tens | (four - tens * 10) << 8;
}

/* How many of them are leading zeros; a zero keeps its last digit. */
static inline uint32_t text_zeros(uint64_t eight)
{
    return (uint32_t)__builtin_ctzll(eight | UINT64_C(1) << 56) / 8;
}

enum { TEXT_EIGHT_END = 100000000 };
#define TEXT_ASCII_ZEROS UINT64_C(0x3030303030303030)
#define TEXT_NULL        UINT64_C(0x6c6c756e) /* "null", as eight digits are held */

static inline char *text_put_eight(char *at, uint64_t eight)
{
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    eight = __builtin_bswap64(eight);
#endif
    memcpy(at, &eight, sizeof eight);
    return at + sizeof eight;
}

/* As many digits as the number has; TEXT_INT_MAX bytes may be written, whatever their number. */
static inline char *text_uint(char *at, uint64_t value)
{
    uint32_t followed_by = 0; /* groups of eight digits */
    uint64_t rest[2] = {0};
    while (value >= TEXT_EIGHT_END) {
        rest[followed_by++] = value % TEXT_EIGHT_END;
        value /= TEXT_EIGHT_END;
    }
    uint64_t eight = text_eight((uint32_t)value);
    uint32_t zeros = text_zeros(eight);
    at = text_put_eight(at, (eight | TEXT_ASCII_ZEROS) >> 8 * zeros) - zeros;
    while (followed_by > 0)
        at = text_put_eight(at, text_eight((uint32_t)rest[--followed_by]) | TEXT_ASCII_ZEROS);
    return at;
}

static inline char *text_int(char *at, int64_t value)
{
    if (value >= 0)
        return text_uint(at, (uint64_t)value);
    *at = '-';
    return text_uint(at + 1, 0 - (uint64_t)value);
}

/* Whether none of eight characters is a control character, one of these two, or beyond ASCII. */
static inline bool text_plain(const char *eight, char one, char other)
{
    const uint64_t each = UINT64_C(0x0101010101010101);
    uint64_t word;
    memcpy(&word, eight, sizeof word);
    uint64_t odd = word | (word - each * 0x20) | ((word ^ each * 0x7f) - each) |
                   ((word ^ each * (uint8_t)one) - each) | ((word ^ each * (uint8_t)other) - each);
    return !(odd & each * 0x80);
}

/* 16 hex digits. */
char *text_hex64(char *at, uint64_t value);

/* The most that a byte can become in a JSON string: \u0000. */
enum { TEXT_JSON_GROWTH = 6 };
/* A JSON string with its quotes; needs 2 + TEXT_JSON_GROWTH * size bytes. Bytes that are not UTF-8
 * become U+FFFD, one for each maximal part of a sequence, so the result is always valid. */
char *text_json(char *at, const char *bytes, uint32_t size);

#endif
