#include "simulate_args.h"

#include "rollcall/calendar.h"

#include <stddef.h>
#include <string.h>

/* Digits from *text on, which it moves behind them; false without any, or beyond most. */
static bool digits(const char **text, uint64_t most, uint64_t *ret_value)
{
    uint64_t value = 0;
    const char *at = *text;
    for (; *at >= '0' && *at <= '9'; at++) {
        if (value > (UINT64_MAX - 9) / 10)
            return false;
        value = value * 10 + (uint64_t)(*at - '0');
    }
    if (at == *text || value > most)
        return false;
    *text = at;
    *ret_value = value;
    return true;
}

bool sim_parse_count(const char *text, uint64_t most, uint64_t *ret_count)
{
    uint64_t count, factor = 1;
    if (!digits(&text, UINT64_MAX, &count))
        return false;
    if (*text == 'k' || *text == 'M')
        factor = *text++ == 'k' ? 1000 : 1000000;
    if (*text || count > most / factor)
        return false;
    *ret_count = count * factor;
    return true;
}

bool sim_parse_duration(const char *text, int64_t *ret_ms)
{
    static const struct {
        char unit[3];
        int64_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000}};
    uint64_t count;

    if (!digits(&text, 1000000000, &count))
        return false;
    if (count == 0 && !*text) {
        *ret_ms = 0;
        return true;
    }
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
        if (!strcmp(text, units[i].unit)) {
            *ret_ms = (int64_t)count * units[i].ms;
            return true;
        }
    return false;
}

/* Exactly that many digits and then `after` (none: '\0'). */
static bool fixed(const char **text, int count, char after, int *ret_value)
{
    int value = 0;
    for (int i = 0; i < count; i++, (*text)++) {
        if (**text < '0' || **text > '9')
            return false;
        value = value * 10 + (**text - '0');
    }
    if (after && *(*text)++ != after)
        return false;
    *ret_value = value;
    return true;
}

static bool parse_date(const char **text, int64_t *ret_day)
{
    int year, month, day;
    int64_t real_year;
    unsigned real_month, real_day;

    if (!fixed(text, 4, '-', &year) || !fixed(text, 2, '-', &month) || !fixed(text, 2, '\0', &day))
        return false;
    if (year < 1970 || month < 1 || month > 12 || day < 1)
        return false;
    *ret_day = rc_days_from_civil(year, (unsigned)month, (unsigned)day);
    rc_civil_from_days(*ret_day, &real_year, &real_month, &real_day);
    return real_month == (unsigned)month && real_day == (unsigned)day;
}

static bool parse_offset(const char **text, int64_t *ret_minutes)
{
    int hours, minutes, sign = **text == '-' ? -1 : 1;

    *ret_minutes = 0;
    if (**text == 'Z' || **text == 'z') {
        (*text)++;
        return true;
    }
    if (**text != '+' && **text != '-')
        return false;
    (*text)++;
    if (!fixed(text, 2, ':', &hours) || !fixed(text, 2, '\0', &minutes) || hours > 23 ||
        minutes > 59)
        return false;
    *ret_minutes = sign * (hours * 60 + minutes);
    return true;
}

bool sim_parse_time(const char *text, int64_t *ret_ms)
{
    int64_t day, offset_minutes;
    int hours, minutes, seconds, ms = 0;

    if (!parse_date(&text, &day))
        return false;
    if (!*text) {
        *ret_ms = day * 86400000;
        return true;
    }
    if (!strchr("Tt ", *text++) || !fixed(&text, 2, ':', &hours) ||
        !fixed(&text, 2, ':', &minutes) || !fixed(&text, 2, '\0', &seconds) || hours > 23 ||
        minutes > 59 || seconds > 59)
        return false;
    if (*text == '.') {
        const char *start = ++text;
        for (int factor = 100; *text >= '0' && *text <= '9'; text++, factor /= 10)
            ms += (*text - '0') * factor;
        if (text == start)
            return false;
    }
    if (!parse_offset(&text, &offset_minutes) || *text)
        return false;
    *ret_ms =
        day * 86400000 + (hours * 60 + minutes - offset_minutes) * 60000 + seconds * 1000 + ms;
    return true;
}

bool sim_parse_share(const char *text, uint32_t most_ppm, uint32_t *ret_ppm)
{
    uint64_t value, part = 0;
    if (!digits(&text, 1000, &value))
        return false;
    value *= 1000000;
    if (*text == '.') {
        const char *start = ++text;
        for (uint64_t factor = 100000; *text >= '0' && *text <= '9'; text++, factor /= 10)
            part += (uint64_t)(*text - '0') * factor;
        if (text == start)
            return false;
    }
    value += part;
    if (*text == '%') {
        value /= 100;
        text++;
    }
    if (*text || value > most_ppm)
        return false;
    *ret_ppm = (uint32_t)value;
    return true;
}
