#include "decode_value.h"
#include "rollcall/event.h"
#include <string.h>

enum { MS_SECOND = 1000, MS_MINUTE = 60000, MS_HOUR = 3600000, MS_DAY = 86400000 };

static bool is_digit(char c)
{
    return (unsigned char)(c - '0') < 10;
}

/* Exactly `count` digits, or -1. */
static int32_t digits(const char *at, unsigned count)
{
    int32_t value = 0;
    for (unsigned i = 0; i < count; i++) {
        if (!is_digit(at[i]))
            return -1;
        value = value * 10 + (at[i] - '0');
    }
    return value;
}

/* Days since 1970-01-01 of a date from 1970 on, -1 when there is no such date. */
static int32_t date_day(int32_t year, int32_t month, int32_t day)
{
    static const uint8_t length[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    static const uint16_t before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    if (year < 1970 || month < 1 || month > 12 || day < 1)
        return -1;
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (day > length[month - 1] + (leap && month == 2))
        return -1;
    int32_t past = year - 1;
    int32_t leaps = past / 4 - past / 100 + past / 400 - (1969 / 4 - 1969 / 100 + 1969 / 400);
    return (year - 1970) * 365 + leaps + before[month - 1] + (leap && month > 2) + day - 1;
}

static int32_t date_read(const char *at)
{
    if (at[4] != '-' || at[7] != '-')
        return -1;
    return date_day(digits(at, 4), digits(at + 5, 2), digits(at + 8, 2));
}

/* HH:MM in ms, -1 when it is not on the clock. */
static int32_t clock_read(const char *at)
{
    int32_t hour = digits(at, 2), minute = digits(at + 3, 2);
    if (at[2] != ':' || hour < 0 || hour > 23 || minute < 0 || minute > 59)
        return -1;
    return hour * MS_HOUR + minute * MS_MINUTE;
}

/* `Z`, `z` or ±HH:MM, and nothing after it. */
static bool offset_read(const char *at, const char *end, int32_t *ret_ms)
{
    *ret_ms = 0;
    if (end - at == 1)
        return *at == 'Z' || *at == 'z';
    if (end - at != 6 || (*at != '+' && *at != '-'))
        return false;
    int32_t ms = clock_read(at + 1);
    *ret_ms = *at == '-' ? -ms : ms;
    return ms >= 0;
}

/* A point and digits, of which three count. Returns where it ends, NULL when no digit follows. */
static const char *fraction_read(const char *at, const char *end, int32_t *ret_ms)
{
    *ret_ms = 0;
    if (at == end || *at != '.')
        return at;
    const char *first = ++at;
    int32_t unit = 100;
    for (; at < end && is_digit(*at); at++, unit /= 10)
        *ret_ms += (*at - '0') * unit;
    return at == first ? NULL : at;
}

/* Eight characters as one number, the first in its lowest byte. */
#define WORD(a, b, c, d, e, f, g, h)                                                               \
    ((uint64_t)(a) | (uint64_t)(b) << 8 | (uint64_t)(c) << 16 | (uint64_t)(d) << 24 |              \
     (uint64_t)(e) << 32 | (uint64_t)(f) << 40 | (uint64_t)(g) << 48 | (uint64_t)(h) << 56)

/* Eight characters against a pattern, at once. `digits` has 0x76 where any digit may stand (and
 * the pattern '0'), which ten and more carry into the highest bit, and 0x7f elsewhere. What
 * differs from the pattern: the digits' values; UINT64_MAX when it is not so. */
static inline uint64_t shape_read(const char *at, uint64_t pattern, uint64_t digits)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    word ^= pattern;
    return ((word + digits) | word) & UINT64_C(0x8080808080808080) ? UINT64_MAX : word;
}

/* The number of two digits that stand at `place` of such a word. */
static inline int32_t pair_at(uint64_t word, unsigned place)
{
    return (int32_t)((word * 10 + (word >> 8)) >> 8 * place & 0xff);
}

/* YYYY-MM-DDTHH:MM:SS.mmmZ, as nearly all write it. false: not that, or not valid. */
static bool usual_time_read(const char *at, int64_t *ret_ms)
{
    enum { D = 0x76, C = 0x7f };
    uint64_t first =
        shape_read(at, WORD('0', '0', '0', '0', '-', '0', '0', '-'), WORD(D, D, D, D, C, D, D, C));
    uint64_t second = shape_read(at + 8, WORD('0', '0', 'T', '0', '0', ':', '0', '0'),
                                 WORD(D, D, C, D, D, C, D, D));
    uint64_t third = shape_read(at + 16, WORD(':', '0', '0', '.', '0', '0', '0', 'Z'),
                                WORD(C, D, D, C, D, D, D, C));
    if (first == UINT64_MAX || second == UINT64_MAX || third == UINT64_MAX)
        return false;
    int32_t day = date_day(pair_at(first, 0) * 100 + pair_at(first, 2), pair_at(first, 5),
                           pair_at(second, 0));
    int32_t hour = pair_at(second, 3), minute = pair_at(second, 6), s = pair_at(third, 1);
    int32_t ms = pair_at(third, 4) * 10 + (int32_t)(third >> 48 & 0xff);
    *ret_ms = (int64_t)day * MS_DAY + hour * MS_HOUR + minute * MS_MINUTE + s * MS_SECOND + ms;
    return day >= 0 && hour < 24 && minute < 60 && s < 60 && *ret_ms >= RC_TIME_FIRST &&
           *ret_ms < RC_TIME_LAST;
}

bool ingest_time_read(const char *at, uint32_t size, int64_t *ret_ms)
{
    enum { SECONDS_END = 19, SHORTEST = 20, USUAL = 24 };
    int64_t usual_ms;
    if (size == USUAL && usual_time_read(at, &usual_ms)) {
        *ret_ms = usual_ms;
        return true;
    }
    if (size < SHORTEST || (at[10] != 'T' && at[10] != 't' && at[10] != ' ') || at[16] != ':')
        return false;
    int32_t day = date_read(at), clock = clock_read(at + 11), second = digits(at + 17, 2);
    if (day < 0 || clock < 0 || second < 0 || second > 59)
        return false;
    int32_t fraction, offset;
    const char *end = at + size, *zone = fraction_read(at + SECONDS_END, end, &fraction);
    if (!zone || !offset_read(zone, end, &offset))
        return false;
    int64_t ms = (int64_t)day * MS_DAY + clock + second * MS_SECOND + fraction - offset;
    if (ms < RC_TIME_FIRST || ms >= RC_TIME_LAST)
        return false;
    *ret_ms = ms;
    return true;
}

bool ingest_integer_read(const char *at, uint32_t size, int64_t *ret_value)
{
    const int64_t most = 1000000000000000000;
    const char *end = at + size;
    bool negative = size > 0 && *at == '-';
    int64_t value = 0;
    for (at += negative; at < end; at++) {
        if (!is_digit(*at))
            return false;
        value = value >= most / 10 ? most : value * 10 + (*at - '0');
    }
    *ret_value = negative ? -value : value;
    return true;
}

/* A number as digits d and a point: 0.ddd… × 10^point, the first digit not zero. */
struct decimal {
    const char *at, *end; /* digits, perhaps with the point among them */
    int64_t point;
    bool negative;
};

/* Far beyond any text's length, so that what it is added to cannot come back into range. */
static int64_t exponent_read(const char *at, const char *end)
{
    const int64_t most = INT64_C(1) << 40;
    bool negative = at < end && *at == '-';
    int64_t value = 0;
    if (at < end && (*at == '-' || *at == '+'))
        at++;
    for (; at < end; at++)
        value = value >= most ? most : value * 10 + (*at - '0');
    return negative ? -value : value;
}

static struct decimal decimal_split(const char *at, uint32_t size)
{
    const char *end = at + size;
    struct decimal number = {.negative = *at == '-'};
    at += number.negative;
    const char *mantissa = at;
    while (at < end && (*at | 0x20) != 'e')
        at++;
    number.end = at;
    if (at < end)
        number.point = exponent_read(at + 1, end);
    const char *point = memchr(mantissa, '.', (size_t)(number.end - mantissa));
    number.point += (point ? point : number.end) - mantissa;
    for (at = mantissa; at < number.end && (*at == '0' || *at == '.'); at++)
        number.point -= *at == '0';
    number.at = at;
    return number;
}

/* Whether the digits are a one and zeros: then, and only then, the limit itself is reached. */
static bool is_one(struct decimal number)
{
    if (*number.at++ != '1')
        return false;
    while (number.at < number.end && (*number.at == '0' || *number.at == '.'))
        number.at++;
    return number.at == number.end;
}

bool ingest_decimal_read(const char *at, uint32_t size, unsigned limit_exponent,
                         int64_t *ret_thousandths)
{
    struct decimal number = decimal_split(at, size);
    int64_t value = 0;
    if (number.at < number.end) {
        int64_t most = (int64_t)limit_exponent + 1;
        if (number.point > most || (number.point == most && !is_one(number)))
            return false;
        for (int64_t wanted = number.point + 3; wanted > 0; wanted--) {
            if (number.at < number.end && *number.at == '.')
                number.at++;
            value = value * 10 + (number.at < number.end ? *number.at++ - '0' : 0);
        }
    }
    *ret_thousandths = number.negative ? -value : value;
    return true;
}
