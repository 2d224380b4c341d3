/* Where in an event's text its few words stand that feeding needs: no judgement of the rest; what
 * is not valid goes to Kafka as it is, and is refused there. Pure. */
#ifndef APP_FEED_SCAN_H
#define APP_FEED_SCAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct feed_span {
    uint32_t at, size; /* in the line; of a string with its quotes; size 0: it is not there */
};
struct feed_words {
    struct feed_span time, client, contact, channel, due;
    struct feed_span envelope_time; /* structured CloudEvents: beside data */
};

/* False: not a JSON object. Words in `data` win over those beside it. */
bool feed_scan(const char *line, size_t size, struct feed_words *ret_words);
/* The string without quotes and escapes; 0: no string, or longer than room. */
size_t feed_text(const char *line, struct feed_span span, char *room, size_t size);
/* As in events: RFC 3339 or an integer. */
bool feed_time(const char *line, struct feed_span span, int64_t *ret_ms);
/* The line with its times moved by shift_ms, in the form that each had; returns its size, 0 when it
 * does not fit. */
size_t feed_shift(const char *line, size_t size, const struct feed_words *words, int64_t shift_ms,
                  char *room, size_t room_size);

#endif
