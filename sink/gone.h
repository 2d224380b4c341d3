/* Records that a run before published and this one, rebuilding from the same events, does not make
 * at all: a state at the end of an interval, say, that only stood until a late event came. They
 * cease, so they are published once more, with zeros (SPEC section 8). */
#ifndef ROLLCALL_SINK_GONE_H
#define ROLLCALL_SINK_GONE_H

#include "rollcall/config.h"
#include "rollcall/record.h"
#include <stddef.h>

struct gone;

/* Of a record's JSON text, what its zero needs; NULL: it is zero, closed, not one of metrics or
 * slas, or there is no memory. Gives memory: free(). */
struct gone *gone_read(uint8_t topic, const char *text, size_t size);
/* The record with zeros, as of now; NULL: its window is not configured any more, or there is no
 * memory. Gives memory: free(). */
struct rc_record *gone_record(const struct gone *gone, const struct rc_config *config,
                              int64_t now_ms);

#endif
