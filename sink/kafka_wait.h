/* What the output waits for, for /readyz; and for how long, when the process is to stop. */
#ifndef ROLLCALL_SINK_KAFKA_WAIT_H
#define ROLLCALL_SINK_KAFKA_WAIT_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Why records do not go out as they are made. */
enum kafka_stage {
    KAFKA_STAGE_START,
    KAFKA_STAGE_TOPICS,
    KAFKA_STAGE_FENCE,
    KAFKA_STAGE_PROGRESS,
    KAFKA_STAGE_READING,
    KAFKA_STAGE_REBUILDING,
    KAFKA_STAGE_RECOVERING,
    KAFKA_STAGE_LIVE,
    KAFKA_STAGE_WAITING
};
enum { KAFKA_POLL_MS = 100, KAFKA_BACKOFF_MS = 200, KAFKA_BACKOFF_MAX_MS = 5000 };

struct kafka_wait {
    const _Atomic bool *leave; /* NULL: never */
    int64_t leave_by_ms;
    _Atomic int stage;
    _Atomic uint64_t epoch, last_epoch; /* recovering: made again so far, and to come to */
};

int64_t kafka_steady_ms(void);
/* The process is to stop, and has waited long enough since. */
bool kafka_wait_over(struct kafka_wait *wait);
void kafka_wait_stage(struct kafka_wait *wait, enum kafka_stage stage);
/* How far recovery is. */
void kafka_wait_recovering(struct kafka_wait *wait, uint64_t epoch, uint64_t last_epoch);
/* true: it is live; else why not. thread: any. */
bool kafka_wait_ready(const struct kafka_wait *wait, char ret_reason[256]);
/* The next pause after this one. */
int64_t kafka_wait_longer(int64_t backoff_ms);

#endif
