/* What stays of a neighbour whose summary is gone: it is still the next one of those that were
 * there, if it is of their customer, queue and channel when they are judged (docs/choices.md). */
#include "core_fixture.h"

/* Calls are remembered for an hour, and judged for two. */
static void short_memory(struct core *core, enum rc_fcr_scope scope)
{
    core_init(core);
    core->config.time.retention_ms[RC_CALL] = HOUR_MS;
    core->contract[RC_CALL].fcr_window_ms = 2 * HOUR_MS;
    core->contract[RC_CALL].fcr_scope = scope;
    core_open(core);
}

enum { GONE_MS = 4 * HOUR_MS }; /* by then the summary of `neighbour` is no longer kept */

/* A call of customer 7 at ten past, which lasts a minute. */
static void neighbour(struct core *core, const char *queue)
{
    int64_t at = T0 + 10 * MINUTE_MS;
    PUT(core, .at = at, .contact = "n", .queue = queue, .customer = 7, .type = RC_TYPE_queued);
    PUT(core, .at = at + SECOND_MS, .contact = "n", .type = RC_TYPE_answered);
    PUT(core, .at = at + MINUTE_MS, .contact = "n", .type = RC_TYPE_ended);
}

/* The first contact of conversation `k` waits from T0 on; signs of life keep it in memory. */
static void long_wait(struct core *core, const char *queue, uint64_t customer)
{
    PUT(core, .at = T0, .contact = "a", .queue = queue, .customer = customer, .conversation = "k",
        .type = RC_TYPE_queued);
    for (int64_t at = 30 * MINUTE_MS; at <= GONE_MS; at += 30 * MINUTE_MS)
        PUT(core, .at = T0 + at, .contact = "a", .type = RC_TYPE_held);
}

/* It leaves, and its next leg is answered in another queue; then `k` is judged. */
static void next_leg(struct core *core, const char *queue)
{
    int64_t at = T0 + GONE_MS + MINUTE_MS;
    PUT(core, .at = at, .contact = "a", .type = RC_TYPE_left);
    PUT(core, .at = at, .contact = "b", .queue = queue, .customer = 7, .conversation = "k",
        .type = RC_TYPE_queued);
    PUT(core, .at = at + SECOND_MS, .contact = "b", .type = RC_TYPE_answered);
    PUT(core, .at = at + MINUTE_MS, .contact = "b", .type = RC_TYPE_ended);
    core_now(core, T0 + 5 * HOUR_MS);
}

Test(repeat_gone, start_is_next_of_one_that_is_judged_long_after)
{
    struct core core;
    short_memory(&core, RC_FCR_CLIENT);
    neighbour(&core, "sales");
    long_wait(&core, "sales", 7);
    next_leg(&core, "billing");
    cr_assert_eq(VALUE(&core, "billing", CORE_DAY, T0, fcr_no), 1);
    cr_assert_eq(VALUE(&core, "sales", CORE_DAY, T0, fcr_yes), 1, "the neighbour's own");
    core_close(&core);
}

Test(repeat_gone, start_is_not_next_of_one_that_turns_out_to_be_another_customers)
{
    struct core core;
    short_memory(&core, RC_FCR_CLIENT);
    neighbour(&core, "sales");
    long_wait(&core, "sales", 0);
    /* what is known first is the customer of another leg */
    PUT(&core, .at = T0 + MINUTE_MS, .contact = "c", .queue = "sales", .customer = 7,
        .conversation = "k", .type = RC_TYPE_queued);
    PUT(&core, .at = T0 + 2 * MINUTE_MS, .contact = "c", .type = RC_TYPE_abandoned);
    PUT(&core, .at = T0 + GONE_MS, .contact = "a", .customer = 8, .type = RC_TYPE_resumed);
    next_leg(&core, "billing");
    cr_assert_eq(VALUE(&core, "billing", CORE_DAY, T0, fcr_no), 0);
    cr_assert_eq(VALUE(&core, "billing", CORE_DAY, T0, fcr_pending), 1);
    core_close(&core);
}

Test(repeat_gone, start_in_a_queue_that_one_has_left_is_not_its_next)
{
    struct core core;
    short_memory(&core, RC_FCR_QUEUE);
    neighbour(&core, "sales");
    long_wait(&core, "sales", 7);
    next_leg(&core, "billing");
    cr_assert_eq(VALUE(&core, "billing", CORE_DAY, T0, fcr_no), 0);
    cr_assert_eq(VALUE(&core, "billing", CORE_DAY, T0, fcr_pending), 1);
    core_close(&core);
}

Test(repeat_gone, start_in_a_queue_that_one_comes_to_later_is_its_next)
{
    struct core core;
    short_memory(&core, RC_FCR_QUEUE);
    neighbour(&core, "billing");
    long_wait(&core, "sales", 7);
    next_leg(&core, "billing");
    cr_assert_eq(VALUE(&core, "billing", CORE_DAY, T0, fcr_no), 1);
    core_close(&core);
}
