/* What an event costs where a customer has very many episodes: in steps, not in time, so that a
 * busy machine changes nothing. And what is left of them in the tree. */
#include "core_fixture.h"

enum { LARGE = 100000 };

static void call(struct core *core, struct agg_task *task, uint32_t number, int64_t at,
                 const char *queue, const char *conversation)
{
    char id[16];
    snprintf(id, sizeof id, "c%u", number);
    struct core_event ev = {.at = at,
                            .contact = id,
                            .queue = queue,
                            .customer = 7,
                            .conversation = conversation,
                            .type = RC_TYPE_queued};
    core_task_put(core, task, ev);
    ev.at += 10;
    ev.type = RC_TYPE_answered;
    core_task_put(core, task, ev);
    ev.at += 50;
    ev.type = RC_TYPE_ended;
    core_task_put(core, task, ev);
}

struct cost {
    uint64_t early, late; /* steps of a hundred calls, after a thousand and after LARGE */
};

/* Calls of one customer, one every three seconds, taken one by one; those measured come
 * so late (`back`). */
static struct cost cost_of_calls(uint8_t scope, uint32_t queues, int64_t back)
{
    static const char *const queue[] = {"billing", "sales", "returns"};
    struct core core;
    struct cost cost = {0};
    core_init(&core);
    core.contract[RC_CALL].fcr_scope = scope;
    struct agg_task *task = core_task_open(&core);
    for (uint32_t i = 0; i < LARGE; i++) {
        int64_t now = T0 + DAY_MS + (int64_t)i * 3 * SECOND_MS;
        uint64_t before = task->episode_steps;
        agg_task_advance(task, now);
        bool first = i >= 900 && i < 1000, last = i >= LARGE - 100;
        call(&core, task, i, first || last ? now - back : now, queue[i % queues], NULL);
        agg_task_advance(task, now + SECOND_MS);
        uint64_t steps = task->episode_steps - before;
        cost.early += first ? steps : 0;
        cost.late += last ? steps : 0;
    }
    cr_assert_eq(task->episode.live, LARGE);
    agg_task_close(task);
    core_close(&core);
    return cost;
}

/* log2 of 100,000 is 1.7 times that of 1,000. */
static void check_flat(struct cost cost)
{
    cr_assert_gt(cost.early, 0);
    cr_assert_leq(cost.late, 3 * cost.early, "%lu steps, then %lu", cost.early, cost.late);
    cr_assert_leq(cost.late, 100 * 4000, "%lu steps for a hundred calls", cost.late);
}

Test(customer, call_costs_little_more_after_a_hundred_thousand_of_the_customer)
{
    check_flat(cost_of_calls(RC_FCR_CLIENT, 1, 0));
}

Test(customer, late_call_among_a_hundred_thousand_costs_little_more)
{
    check_flat(cost_of_calls(RC_FCR_CLIENT, 1, 12 * HOUR_MS));
}

Test(customer, call_costs_little_more_where_only_those_of_its_queue_are_next)
{
    check_flat(cost_of_calls(RC_FCR_QUEUE, 3, 0));
}

Test(customer, ghost_goes_with_the_last_episode_that_it_follows)
{
    struct core core;
    core_init(&core);
    core.config.time.retention_ms[RC_CALL] = HOUR_MS;
    core.config.time.retention_ms[RC_CHAT] = INT64_C(3) * DAY_MS;
    core.contract[RC_CALL].fcr_window_ms = core.contract[RC_CHAT].fcr_window_ms = 2 * HOUR_MS;
    struct agg_task *task = core_task_open(&core);
    core_task_put(&core, task,
                  (struct core_event){.at = T0,
                                      .contact = "chat",
                                      .queue = "sales",
                                      .customer = 7,
                                      .channel = RC_CHAT,
                                      .type = RC_TYPE_queued});
    for (uint32_t i = 0; i < 5; i++)
        call(&core, task, i, T0 + HOUR_MS + (int64_t)i * MINUTE_MS, "sales", NULL);
    agg_task_advance(task, T0 + DAY_MS);
    cr_assert_eq(task->contact.live, 1);
    cr_assert_eq(task->episode.live, 2, "the chat, and the first of five calls that are gone");
    cr_assert_eq(task->episode_index.count, 1);
    agg_task_advance(task, T0 + 10 * (int64_t)DAY_MS);
    cr_assert_eq(task->episode.live, 0);
    cr_assert_eq(task->customer_index.count, 0);
    agg_task_close(task);
    core_close(&core);
}
