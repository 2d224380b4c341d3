/* Durations, percents, counts, sizes, scores, times, dates and hours from text. No floating point:
 * what a contract says is taken digit by digit. */
#include "config_value.h"

#include "rollcall/calendar.h"
#include "rollcall/event.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

enum { DAY_MINUTES = 1440, DAY_MS = 86400000 };

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Digits from *at on, which moves past them; false: none, or more than int64_t holds. */
static bool take_number(const char **at, int64_t *ret_value)
{
    int64_t value = 0;
    const char *start = *at;
    for (; is_digit(**at); ++*at)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, **at - '0', &value))
            return false;
    *ret_value = value;
    return *at > start;
}

/* Exactly so many digits. */
static bool take_digits(const char **at, unsigned count, unsigned *ret_value)
{
    unsigned value = 0;
    for (unsigned i = 0; i < count; i++, ++*at) {
        if (!is_digit(**at))
            return false;
        value = value * 10 + (unsigned)(**at - '0');
    }
    *ret_value = value;
    return true;
}

/* A number with up to so many decimals, as an integer of that scale. */
static bool take_decimal(const char **at, unsigned decimals, int64_t *ret_value)
{
    int64_t value;
    if (!take_number(at, &value))
        return false;
    if (**at == '.') {
        if (!is_digit(*++*at))
            return false;
        for (; decimals > 0 && is_digit(**at); decimals--, ++*at)
            if (__builtin_mul_overflow(value, 10, &value) ||
                __builtin_add_overflow(value, **at - '0', &value))
                return false;
    }
    for (; decimals > 0; decimals--)
        if (__builtin_mul_overflow(value, 10, &value))
            return false;
    *ret_value = value;
    return true;
}

struct unit {
    const char *name;
    int64_t factor;
};

static bool parse_unit(const char *text, const struct unit *units, size_t count, bool optional,
                       int64_t *ret_value)
{
    int64_t value;
    if (!take_number(&text, &value))
        return false;
    if (*text == '\0' && optional) {
        *ret_value = value;
        return true;
    }
    for (size_t i = 0; i < count; i++)
        if (strcmp(text, units[i].name) == 0)
            return !__builtin_mul_overflow(value, units[i].factor, ret_value);
    return false;
}

bool config_parse_duration(const char *text, int64_t *ret_ms)
{
    static const struct unit units[] = {
        {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", DAY_MS}};
    return parse_unit(text, units, sizeof(units) / sizeof(*units), false, ret_ms);
}

bool config_parse_count(const char *text, uint64_t *ret_count)
{
    static const struct unit units[] = {{"k", 1000}, {"M", 1000000}};
    int64_t value;
    if (!parse_unit(text, units, sizeof(units) / sizeof(*units), true, &value))
        return false;
    *ret_count = (uint64_t)value;
    return true;
}

bool config_parse_size(const char *text, uint64_t *ret_bytes)
{
    static const struct unit units[] = {{"K", 1 << 10}, {"M", 1 << 20}, {"G", 1 << 30}};
    int64_t value;
    if (!parse_unit(text, units, sizeof(units) / sizeof(*units), true, &value))
        return false;
    *ret_bytes = (uint64_t)value;
    return true;
}

bool config_parse_percent(const char *text, int64_t *ret_bp)
{
    return take_decimal(&text, 2, ret_bp) && strcmp(text, "%") == 0;
}

bool config_parse_score(const char *text, int64_t *ret_milli)
{
    bool minus = *text == '-';
    text += minus;
    if (!take_decimal(&text, 3, ret_milli) || *text != '\0')
        return false;
    if (minus)
        *ret_milli = -*ret_milli;
    return true;
}

bool config_parse_integer(const char *text, int64_t *ret_value)
{
    return take_number(&text, ret_value) && *text == '\0';
}

bool config_parse_bool(const char *text, bool *ret_value)
{
    static const char *const words[] = {"false", "False", "FALSE", "true", "True", "TRUE"};
    size_t word = config_parse_word(text, words, 6);
    *ret_value = word >= 3;
    return word < 6;
}

/* ---- dates and times ---- */

static bool take_date(const char **at, int64_t *ret_day)
{
    static const uint8_t days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    unsigned year, month, day;
    if (!take_digits(at, 4, &year) || *(*at)++ != '-' || !take_digits(at, 2, &month) ||
        *(*at)++ != '-' || !take_digits(at, 2, &day))
        return false;
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (month < 1 || month > 12 || day < 1 || day > days[month - 1] ||
        (month == 2 && day == 29 && !leap))
        return false;
    *ret_day = rc_days_from_civil(year, month, day);
    return true;
}

bool config_parse_date(const char *text, int64_t *ret_day)
{
    return take_date(&text, ret_day) && *text == '\0' && *ret_day >= 7305 && *ret_day < 51134;
}

static bool take_zone(const char **at, int64_t *ret_minutes)
{
    unsigned hours, minutes;
    char sign = *(*at)++;
    *ret_minutes = 0;
    if (sign == 'Z' || sign == 'z')
        return true;
    if ((sign != '+' && sign != '-') || !take_digits(at, 2, &hours) || *(*at)++ != ':' ||
        !take_digits(at, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *ret_minutes = (sign == '-' ? -1 : 1) * (int64_t)(hours * 60 + minutes);
    return true;
}

/* A fraction of any length is cut to ms. */
static bool take_fraction(const char **at, unsigned *ret_ms)
{
    unsigned ms = 0, scale = 100;
    *ret_ms = 0;
    if (**at != '.')
        return true;
    if (!is_digit(*++*at))
        return false;
    for (; is_digit(**at); ++*at, scale /= 10)
        ms += (unsigned)(**at - '0') * scale;
    *ret_ms = ms;
    return true;
}

bool config_parse_time(const char *text, int64_t *ret_ms)
{
    int64_t day, zone;
    unsigned hour, minute, second, ms;
    const char *at = text;
    if (!config_parse_integer(text, ret_ms)) {
        if (!take_date(&at, &day) || *at == '\0' || strchr("Tt ", *at) == NULL)
            return false;
        at++;
        if (!take_digits(&at, 2, &hour) || *at++ != ':' || !take_digits(&at, 2, &minute) ||
            *at++ != ':' || !take_digits(&at, 2, &second) || !take_fraction(&at, &ms) ||
            *at == '\0' || !take_zone(&at, &zone) || *at != '\0' || hour > 23 || minute > 59 ||
            second > 59)
            return false;
        *ret_ms = day * DAY_MS + ((hour * 60 + minute - zone) * 60 + second) * 1000 + ms;
    }
    return *ret_ms >= RC_TIME_FIRST && *ret_ms < RC_TIME_LAST;
}

static bool take_clock(const char **at, uint32_t *ret_minute)
{
    unsigned hour, minute;
    if (!take_digits(at, 2, &hour) || *(*at)++ != ':' || !take_digits(at, 2, &minute))
        return false;
    *ret_minute = hour * 60 + minute;
    return minute < 60 && *ret_minute <= DAY_MINUTES;
}

bool config_parse_hours(const char *text, uint32_t *ret_from, uint32_t *ret_to)
{
    uint32_t from, to;
    if (!take_clock(&text, &from) || *text++ != '-' || !take_clock(&text, &to) || *text != '\0' ||
        from == DAY_MINUTES || from == to)
        return false;
    *ret_from = from;
    *ret_to = to > from ? to : to + DAY_MINUTES;
    return true;
}

bool config_parse_days(const char *text, uint32_t *ret_first, uint32_t *ret_last)
{
    static const char days[] = "montuewedthufrisatsun";
    uint32_t found[2] = {7, 7}, count = 0;
    for (; count < 2; count++) {
        for (uint32_t day = 0; day < 7; day++)
            if (strncmp(text, days + 3 * day, 3) == 0)
                found[count] = day;
        if (found[count] == 7)
            return false;
        text += 3;
        if (*text != '-' || count == 1)
            break;
        text++;
    }
    *ret_first = found[0];
    *ret_last = count == 0 ? found[0] : found[1];
    return *text == '\0';
}

/* ---- words ---- */

bool config_parse_listen(const char *text)
{
    const char *colon = strrchr(text, ':'), *port = colon == NULL ? "" : colon + 1;
    int64_t number;
    if (colon == NULL || colon == text || !config_parse_integer(port, &number) || number > 65535)
        return false;
    if (text[0] == '[')
        return colon[-1] == ']' && colon - text > 2;
    return strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_") ==
           (size_t)(colon - text);
}

size_t config_parse_word(const char *text, const char *const *words, size_t count)
{
    size_t i = 0;
    while (i < count && strcmp(text, words[i]) != 0)
        i++;
    return i;
}

bool config_name_valid(const char *text, size_t size, size_t size_max)
{
    for (size_t i = 0; i < size; i++)
        if ((unsigned char)text[i] < ' ' || text[i] == 0x7f)
            return false;
    return size > 0 && size <= size_max;
}

/* ---- back to text ---- */

void config_show_duration(int64_t ms, char ret_text[CONFIG_SHOWN])
{
    static const struct unit units[] = {
        {"d", DAY_MS}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};
    size_t i = 0;
    while (i < 4 && (ms == 0 || ms % units[i].factor != 0))
        i++;
    if (ms == 0)
        i = 3;
    snprintf(ret_text, CONFIG_SHOWN, "%" PRId64 "%s", ms / units[i].factor, units[i].name);
}

static void show_decimal(int64_t value, int64_t scale, int decimals, const char *unit,
                         char ret_text[CONFIG_SHOWN])
{
    int64_t whole = value / scale, part = value % scale;
    const char *sign = value < 0 ? "-" : "";
    whole = whole < 0 ? -whole : whole;
    part = part < 0 ? -part : part;
    char digits[8] = ".";
    for (int i = decimals; i > 0; i--, part /= 10)
        digits[i] = (char)('0' + part % 10);
    size_t size = 1 + (size_t)decimals;
    while (size > 1 && digits[size - 1] == '0')
        size--;
    digits[size == 1 ? 0 : size] = '\0';
    snprintf(ret_text, CONFIG_SHOWN, "%s%" PRId64 "%s%s", sign, whole, digits, unit);
}

void config_show_percent(int64_t bp, char ret_text[CONFIG_SHOWN])
{
    show_decimal(bp, 100, 2, "%", ret_text);
}

void config_show_score(int64_t milli, char ret_text[CONFIG_SHOWN])
{
    show_decimal(milli, 1000, 3, "", ret_text);
}

void config_show_date(int64_t day, char ret_text[CONFIG_SHOWN])
{
    int64_t year;
    unsigned month, date;
    rc_civil_from_days(day, &year, &month, &date);
    snprintf(ret_text, CONFIG_SHOWN, "%04" PRId64 "-%02u-%02u", year, month, date);
}

void config_show_time(int64_t ms, char ret_text[CONFIG_SHOWN])
{
    int64_t day = ms / DAY_MS - (ms % DAY_MS < 0), rest = ms - day * DAY_MS;
    char date[CONFIG_SHOWN];
    config_show_date(day, date);
    snprintf(ret_text, CONFIG_SHOWN, "%.16sT%02d:%02d:%02d.%03dZ", date, (int)(rest / 3600000),
             (int)(rest / 60000 % 60), (int)(rest / 1000 % 60), (int)(rest % 1000));
}
