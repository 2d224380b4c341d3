/* A dead letter as it is published: key, value and headers as they came in, and why. */
#ifndef ROLLCALL_SINK_DEAD_LETTER_H
#define ROLLCALL_SINK_DEAD_LETTER_H

#include "kept.h"
#include "rollcall/record.h"

enum { DEAD_LETTER_VALUE_MAX = 4000000 }; /* a larger one goes without its value */

/* Keeps it for `output`. `topic` and `partition` are where it came in. MEMORY. */
enum rc_error dead_letter_keep(struct kept *kept, uint32_t output,
                               const struct rc_dead_letter *dead, const char *topic,
                               int32_t partition, bool with_value, struct kept_record **ret_record);

#endif
