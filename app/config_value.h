/* Single values of the configuration, from their text. Each says whether the whole text is one. */
#ifndef APP_CONFIG_VALUE_H
#define APP_CONFIG_VALUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An integer and one of ms s m h d: "90s". In ms. */
bool config_parse_duration(const char *text, int64_t *ret_ms);
/* Up to two decimals and %: "82.5%". In basis points. */
bool config_parse_percent(const char *text, int64_t *ret_bp);
/* An integer, or with k or M, 10^3 and 10^6. */
bool config_parse_count(const char *text, uint64_t *ret_count);
/* An integer, or with K, M or G, 2^10, 2^20 and 2^30. */
bool config_parse_size(const char *text, uint64_t *ret_bytes);
bool config_parse_integer(const char *text, int64_t *ret_value);
/* A number with up to three decimals, in thousandths. */
bool config_parse_score(const char *text, int64_t *ret_milli);
/* true and false, as in YAML's core schema. */
bool config_parse_bool(const char *text, bool *ret_value);
/* RFC 3339 as in events, or an integer, epoch milliseconds; within the range of events. */
bool config_parse_time(const char *text, int64_t *ret_ms);
/* YYYY-MM-DD, in days since 1970-01-01; 1990 to 2109. */
bool config_parse_date(const char *text, int64_t *ret_day);
/* "09:00-17:30" in minutes; an end at or before its start is on the next day. */
bool config_parse_hours(const char *text, uint32_t *ret_from, uint32_t *ret_to);
/* "mon" or "fri-mon": days from 0, Monday; a range may wrap. */
bool config_parse_days(const char *text, uint32_t *ret_first, uint32_t *ret_last);
/* host:port, [v6]:port */
bool config_parse_listen(const char *text);
/* The index of the word, or count. */
size_t config_parse_word(const char *text, const char *const *words, size_t count);
/* No control characters, not empty, at most so many bytes. */
bool config_name_valid(const char *text, size_t size, size_t size_max);

enum { CONFIG_SHOWN = 48 };
/* Back to the shortest text that means the same: "30m", "82.5%", "4.25". */
void config_show_duration(int64_t ms, char ret_text[CONFIG_SHOWN]);
void config_show_percent(int64_t bp, char ret_text[CONFIG_SHOWN]);
void config_show_score(int64_t milli, char ret_text[CONFIG_SHOWN]);
void config_show_time(int64_t ms, char ret_text[CONFIG_SHOWN]);
void config_show_date(int64_t day, char ret_text[CONFIG_SHOWN]);

#endif
