/* What `rollcall simulate` and its kin are told on the command line, read strictly: the whole word
 * must be understood. */
#ifndef ROLLCALL_SIMULATE_ARGS_H
#define ROLLCALL_SIMULATE_ARGS_H

#include <stdbool.h>
#include <stdint.h>

/* "1200", "40k", "2M": at most `most`. */
bool sim_parse_count(const char *text, uint64_t most, uint64_t *ret_count);
/* "250ms", "90s", "15m", "8h", "7d"; "0". */
bool sim_parse_duration(const char *text, int64_t *ret_ms);
/* "2026-01-05", "2026-01-05T09:00:00Z", also with a fraction and an offset. */
bool sim_parse_time(const char *text, int64_t *ret_ms);
/* "25%", "0.5%", "0.25" in millionths of the whole (further digits are cut); at most `most`. */
bool sim_parse_share(const char *text, uint32_t most_ppm, uint32_t *ret_ppm);

#endif
