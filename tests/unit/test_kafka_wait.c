#include "kafka_wait.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

static char reason[256];

Test(kafka_wait, recovery_says_how_far_it_is_and_is_over_with_the_last_epoch)
{
    struct kafka_wait wait = {0};
    kafka_wait_recovering(&wait, 7, 9);
    cr_assert(not(kafka_wait_ready(&wait, reason)));
    cr_assert(eq(str, reason, "recovering: epoch 7 of 9 is made again"));
    kafka_wait_recovering(&wait, 9, 9);
    cr_assert(kafka_wait_ready(&wait, reason));
    cr_assert(eq(str, reason, ""));
}

Test(kafka_wait, every_stage_but_the_last_work_has_a_reason)
{
    struct kafka_wait wait = {0};
    for (enum kafka_stage stage = KAFKA_STAGE_START; stage <= KAFKA_STAGE_WAITING; stage++) {
        kafka_wait_stage(&wait, stage);
        cr_assert(eq(int, kafka_wait_ready(&wait, reason), stage == KAFKA_STAGE_LIVE));
        cr_assert(eq(int, reason[0] == '\0', stage == KAFKA_STAGE_LIVE));
    }
}

Test(kafka_wait, only_a_process_that_stops_waits_no_longer)
{
    _Atomic bool leave = false;
    struct kafka_wait wait = {.leave = &leave}, without = {0};
    cr_assert(not(kafka_wait_over(&wait)));
    cr_assert(not(kafka_wait_over(&without)));
    atomic_store_explicit(&leave, true, memory_order_relaxed);
    cr_assert(not(kafka_wait_over(&wait)));
    wait.leave_by_ms = kafka_steady_ms();
    cr_assert(kafka_wait_over(&wait));
}

Test(kafka_wait, pauses_grow_to_a_limit)
{
    int64_t pause_ms = KAFKA_BACKOFF_MS;
    for (int i = 0; i < 20; i++)
        pause_ms = kafka_wait_longer(pause_ms);
    cr_assert(eq(i64, pause_ms, KAFKA_BACKOFF_MAX_MS));
}
