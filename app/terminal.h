/* What people see on standard error: a progress line on terminals, numbers that can be read, and
 * no colours where NO_COLOR asks for none. */
#ifndef APP_TERMINAL_H
#define APP_TERMINAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A terminal that understands escape sequences, and the user did not say NO_COLOR. */
bool terminal_color(int fd);
bool terminal_is(int fd);
/* Columns of the terminal, 80 when it does not say. */
unsigned terminal_width(int fd);

enum { TERMINAL_TEXT_MAX = 40 };
/* 12,345,678 */
const char *terminal_count(uint64_t value, char room[TERMINAL_TEXT_MAX]);
/* 950, 12.3k, 1.25M */
const char *terminal_rate(double value, char room[TERMINAL_TEXT_MAX]);
/* 820 ms, 12.3 s, 4:05, 2:03:11 */
const char *terminal_duration(int64_t ms, char room[TERMINAL_TEXT_MAX]);
/* 2026-01-05T09:00:00.250Z, without a fraction when it is zero; "-" for RC_TIME_NONE */
const char *terminal_time(int64_t at_ms, char room[TERMINAL_TEXT_MAX]);

/* Writes `text` over the progress line of standard error, cut to its width; "" takes it away. */
void terminal_progress(const char *text);

/* An instant as in events: RFC 3339 (T, t or a space; Z, z or an offset), or epoch ms. */
bool terminal_parse_time(const char *text, int64_t *ret_ms);
/* Digits only, from `low` to `high`. */
bool terminal_parse_count(const char *text, uint64_t low, uint64_t high, uint64_t *ret_value);

#endif
