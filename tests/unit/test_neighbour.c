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

Test(neighbour, start_is_next_of_one_that_is_judged_long_after)
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

Test(neighbour, start_is_not_next_of_one_that_turns_out_to_be_another_customers)
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

Test(neighbour, start_in_a_queue_that_one_has_left_is_not_its_next)
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

Test(neighbour, start_in_a_queue_that_one_comes_to_later_is_its_next)
{
    struct core core;
    short_memory(&core, RC_FCR_QUEUE);
    neighbour(&core, "billing");
    long_wait(&core, "sales", 7);
    next_leg(&core, "billing");
    cr_assert_eq(VALUE(&core, "billing", CORE_DAY, T0, fcr_no), 1);
    core_close(&core);
}

/* A contact of customer 7 that is answered after a second and lasts a minute. */
static void talk(struct core *core, uint8_t channel, const char *contact, const char *queue,
                 int64_t at)
{
    PUT(core, .at = at, .channel = channel, .contact = contact, .queue = queue, .customer = 7,
        .type = RC_TYPE_queued);
    PUT(core, .at = at + SECOND_MS, .contact = contact, .type = RC_TYPE_answered);
    PUT(core, .at = at + MINUTE_MS, .contact = contact, .type = RC_TYPE_ended);
}

/* An earlier neighbour is gone as well, but that went before the call was the customer's. */
Test(neighbour, start_stays_the_next_of_one_that_came_after_an_earlier_neighbour_went)
{
    struct core core;
    core_init(&core);
    core.config.time.retention_ms[RC_CHAT] = MINUTE_MS;
    core.contract[RC_CHAT].fcr_window_ms = MINUTE_MS;
    core.contract[RC_CALL].fcr_window_ms = 2 * HOUR_MS;
    core_open(&core);
    talk(&core, RC_CALL, "first", "sales", T0);
    PUT(&core, .at = T0 + 5 * MINUTE_MS, .contact = "x", .queue = "billing",
        .type = RC_TYPE_queued);
    PUT(&core, .at = T0 + 6 * MINUTE_MS, .contact = "x", .type = RC_TYPE_answered);
    talk(&core, RC_CHAT, "n", "web", T0 + 10 * MINUTE_MS);
    PUT(&core, .at = T0 + 30 * MINUTE_MS, .contact = "x", .customer = 7, .type = RC_TYPE_ended);
    talk(&core, RC_CHAT, "m", "web", T0 + 40 * MINUTE_MS);
    talk(&core, RC_CALL, "last", "retention", T0 + HOUR_MS);
    core_now(&core, T0 + 2 * HOUR_MS);
    cr_assert_eq(VALUE(&core, "billing", CORE_DAY, T0, fcr_no), 1, "of x, by m");
    cr_assert_eq(VALUE(&core, "retention", CORE_DAY, T0, repeats), 0, "m made that no");
    core_close(&core);
}
