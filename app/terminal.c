/* Terminals, and numbers and times for people. */
#include "terminal.h"
#include "rollcall/calendar.h"
#include "rollcall/event.h"
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

bool terminal_is(int fd)
{
    const char *kind = getenv("TERM");
    return isatty(fd) && !(kind && !strcmp(kind, "dumb"));
}

bool terminal_color(int fd)
{
    const char *none = getenv("NO_COLOR"); /* https://no-color.org: any text but the empty one */
    return terminal_is(fd) && !(none && none[0]);
}

unsigned terminal_width(int fd)
{
    struct winsize size;
    if (ioctl(fd, TIOCGWINSZ, &size) || size.ws_col == 0)
        return 80;
    return size.ws_col;
}

const char *terminal_count(uint64_t value, char room[TERMINAL_TEXT_MAX])
{
    char *at = room + TERMINAL_TEXT_MAX - 1;
    *at = 0;
    unsigned digits = 0;
    do {
        if (digits && digits % 3 == 0)
            *--at = ',';
        *--at = (char)('0' + value % 10);
        value /= 10;
        digits++;
    } while (value);
    return at;
}

const char *terminal_rate(double value, char room[TERMINAL_TEXT_MAX])
{
    const char *suffix = "";
    if (value >= 1e6) {
        value /= 1e6;
        suffix = "M";
    } else if (value >= 1e3) {
        value /= 1e3;
        suffix = "k";
    }
    int decimals = !suffix[0] || value >= 100 ? 0 : value >= 10 ? 1 : 2;
    snprintf(room, TERMINAL_TEXT_MAX, "%.*f%s", decimals, value, suffix);
    return room;
}

const char *terminal_duration(int64_t ms, char room[TERMINAL_TEXT_MAX])
{
    int64_t seconds = ms / 1000;
    if (ms < 1000)
        snprintf(room, TERMINAL_TEXT_MAX, "%d ms", (int)ms);
    else if (seconds < 60)
        snprintf(room, TERMINAL_TEXT_MAX, "%d.%d s", (int)seconds, (int)(ms / 100 % 10));
    else if (seconds < 3600)
        snprintf(room, TERMINAL_TEXT_MAX, "%d:%02d", (int)(seconds / 60), (int)(seconds % 60));
    else
        snprintf(room, TERMINAL_TEXT_MAX, "%lld:%02d:%02d", (long long)(seconds / 3600),
                 (int)(seconds / 60 % 60), (int)(seconds % 60));
    return room;
}

const char *terminal_time(int64_t at_ms, char room[TERMINAL_TEXT_MAX])
{
    if (at_ms <= 0 || at_ms > RC_TIME_LAST)
        return "-";
    int64_t year;
    unsigned month, day;
    int rest = (int)(at_ms % 86400000);
    rc_civil_from_days(at_ms / 86400000, &year, &month, &day);
    int size = snprintf(room, TERMINAL_TEXT_MAX, "%04d-%02u-%02uT%02d:%02d:%02d", (int)year, month,
                        day, rest / 3600000, rest / 60000 % 60, rest / 1000 % 60);
    if (rest % 1000)
        size += snprintf(room + size, (size_t)(TERMINAL_TEXT_MAX - size), ".%03d", rest % 1000);
    snprintf(room + size, (size_t)(TERMINAL_TEXT_MAX - size), "Z");
    return room;
}

void terminal_progress(const char *text)
{
    unsigned room = terminal_width(STDERR_FILENO) - 1, used = 0;
    size_t size = 0;
    for (; text[size] && used < room; size++)
        used += ((unsigned char)text[size + 1] & 0xc0) != 0x80;
    fprintf(stderr, "\r\033[K%.*s", (int)size, text);
    fflush(stderr);
}

/* ---- reading ---- */

bool terminal_parse_count(const char *text, uint64_t low, uint64_t high, uint64_t *ret_value)
{
    uint64_t value = 0;
    if (!*text)
        return false;
    for (; *text; text++) {
        if (!isdigit((unsigned char)*text) || value > (UINT64_MAX - 9) / 10)
            return false;
        value = value * 10 + (uint64_t)(*text - '0');
    }
    if (value < low || value > high)
        return false;
    *ret_value = value;
    return true;
}

/* `count` digits and then `end` (0: whatever follows). */
static bool take(const char **text, unsigned count, const char *ends, unsigned *ret_value)
{
    unsigned value = 0;
    for (unsigned i = 0; i < count; i++, (*text)++) {
        if (!isdigit((unsigned char)**text))
            return false;
        value = value * 10 + (unsigned)(**text - '0');
    }
    if (ends && (!**text || !strchr(ends, **text)))
        return false;
    if (ends)
        (*text)++;
    *ret_value = value;
    return true;
}

static bool take_zone(const char *text, int64_t *ret_ms)
{
    unsigned hours, minutes;
    if ((*text == 'Z' || *text == 'z') && !text[1]) {
        *ret_ms = 0;
        return true;
    }
    char sign = *text++;
    if ((sign != '+' && sign != '-') || !take(&text, 2, ":", &hours) ||
        !take(&text, 2, NULL, &minutes) || *text || hours > 23 || minutes > 59)
        return false;
    *ret_ms = (sign == '-' ? -1 : 1) * (int64_t)(hours * 60 + minutes) * 60000;
    return true;
}

bool terminal_parse_time(const char *text, int64_t *ret_ms)
{
    static const unsigned char length[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    unsigned year, month, day, hour, minute, second;
    int64_t ms = 0, zone_ms;
    uint64_t epoch_ms;
    if (terminal_parse_count(text, RC_TIME_FIRST, RC_TIME_LAST - 1, &epoch_ms)) {
        *ret_ms = (int64_t)epoch_ms;
        return true;
    }
    if (!take(&text, 4, "-", &year) || !take(&text, 2, "-", &month) ||
        !take(&text, 2, "Tt ", &day) || !take(&text, 2, ":", &hour) ||
        !take(&text, 2, ":", &minute) || !take(&text, 2, NULL, &second))
        return false;
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (month < 1 || month > 12 || day < 1 ||
        day > length[month - 1] + (month == 2 && leap ? 1u : 0u) || hour > 23 || minute > 59 ||
        second > 59)
        return false;
    if (*text == '.') {
        text++;
        int scale = 100;
        if (!isdigit((unsigned char)*text))
            return false;
        for (; isdigit((unsigned char)*text); text++, scale /= 10)
            ms += (*text - '0') * scale;
    }
    if (!take_zone(text, &zone_ms))
        return false;
    ms += rc_days_from_civil(year, month, day) * 86400000 + (int64_t)hour * 3600000 +
          (int64_t)minute * 60000 + (int64_t)second * 1000 - zone_ms;
    if (ms < RC_TIME_FIRST || ms >= RC_TIME_LAST)
        return false;
    *ret_ms = ms;
    return true;
}
