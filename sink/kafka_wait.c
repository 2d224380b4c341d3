#include "kafka_wait.h"

#include <stdio.h>
#include <time.h>

enum { LEAVE_MS = 3000 }; /* how long a stop waits for Kafka */

static const char *const stage_text[] = {
    [KAFKA_STAGE_START] = "starting",
    [KAFKA_STAGE_TOPICS] = "waiting for Kafka: the output topics are looked for",
    [KAFKA_STAGE_FENCE] = "waiting for Kafka: what a process before this one left open is ended",
    [KAFKA_STAGE_PROGRESS] = "recovering: reading how far the group came",
    [KAFKA_STAGE_READING] = "reading back what was published",
    [KAFKA_STAGE_REBUILDING] = "rebuilding: not yet where the last run stopped",
    [KAFKA_STAGE_RECOVERING] = "recovering: the last epochs are made again",
    [KAFKA_STAGE_LIVE] = "",
    [KAFKA_STAGE_WAITING] = "waiting for Kafka: records are not delivered"};

int64_t kafka_steady_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

bool kafka_wait_over(struct kafka_wait *wait)
{
    if (!wait->leave || !atomic_load_explicit(wait->leave, memory_order_relaxed))
        return false;
    if (!wait->leave_by_ms)
        wait->leave_by_ms = kafka_steady_ms() + LEAVE_MS;
    return kafka_steady_ms() >= wait->leave_by_ms;
}

void kafka_wait_stage(struct kafka_wait *wait, enum kafka_stage stage)
{
    atomic_store_explicit(&wait->stage, stage, memory_order_relaxed);
}

void kafka_wait_recovering(struct kafka_wait *wait, uint64_t epoch, uint64_t last_epoch)
{
    atomic_store_explicit(&wait->epoch, epoch, memory_order_relaxed);
    atomic_store_explicit(&wait->last_epoch, last_epoch, memory_order_relaxed);
    kafka_wait_stage(wait, epoch < last_epoch ? KAFKA_STAGE_RECOVERING : KAFKA_STAGE_LIVE);
}

bool kafka_wait_ready(const struct kafka_wait *wait, char ret_reason[256])
{
    int stage = atomic_load_explicit(&wait->stage, memory_order_relaxed);
    uint64_t epoch = atomic_load_explicit(&wait->epoch, memory_order_relaxed);
    if (stage == KAFKA_STAGE_RECOVERING && epoch)
        snprintf(ret_reason, 256, "recovering: epoch %llu of %llu is made again",
                 (unsigned long long)epoch,
                 (unsigned long long)atomic_load_explicit(&wait->last_epoch, memory_order_relaxed));
    else
        snprintf(ret_reason, 256, "%s", stage_text[stage]);
    return stage == KAFKA_STAGE_LIVE;
}

int64_t kafka_wait_longer(int64_t backoff_ms)
{
    return 2 * backoff_ms < KAFKA_BACKOFF_MAX_MS ? 2 * backoff_ms : KAFKA_BACKOFF_MAX_MS;
}
