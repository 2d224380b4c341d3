/* Times and numbers as they come in: text to integers, to the digit, no floating point. Pure. */
#ifndef ROLLCALL_INGEST_DECODE_VALUE_H
#define ROLLCALL_INGEST_DECODE_VALUE_H

#include <stdbool.h>
#include <stdint.h>

/* RFC 3339 with `T`, `t` or a space, `Z`, `z` or an offset, a fraction of any length cut to ms; no
 * second 60, no hour 24. true: *ret_ms is set, and in the range of event times. */
bool ingest_time_read(const char *at, uint32_t size, int64_t *ret_ms);
/* The token of a JSON number as an integer; 1.0 and 1e3 are none. Beyond 18 digits it is cut to
 * ±10^18, which no field allows. */
bool ingest_integer_read(const char *at, uint32_t size, int64_t *ret_value);
/* The token of a JSON number in thousandths, cut toward zero. false: beyond ±`limit` (a power of
 * ten of at most 10^14, as its exponent), judged before the cut. */
bool ingest_decimal_read(const char *at, uint32_t size, unsigned limit_exponent,
                         int64_t *ret_thousandths);

#endif
