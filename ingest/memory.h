/* How near the process is to limits.memory. thread: ingest. */
#ifndef ROLLCALL_MEMORY_H
#define ROLLCALL_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

struct memory_watch {
    bool over; /* from 95 % of the limit, until it is below 90 % again */
};

/* Looks at the process. `limit` 0: none; `reusable`: resident bytes that are not in use. True when
 * `over` has changed. */
bool memory_watch(struct memory_watch *watch, uint64_t limit, uint64_t reusable);
/* The judgement alone, from the bytes in use. */
bool memory_judge(struct memory_watch *watch, uint64_t limit, uint64_t used);
/* Bytes of this process in RAM; 0: the system does not say. */
uint64_t memory_resident(void);

#endif
