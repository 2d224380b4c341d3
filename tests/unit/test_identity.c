/* A call is remembered for an hour here, its identity for a day more. */
#include "core_fixture.h"

static struct agg_task *forgetful(struct core *core)
{
    core_init(core);
    core->config.time.retention_ms[RC_CALL] = HOUR_MS;
    core->config.time.identity_ms = DAY_MS;
    return core_task_open(core);
}

/* One call of a minute, and now a minute after it is forgotten. */
static void call_and_forget(struct core *core, struct agg_task *task)
{
    static const uint8_t type[] = {RC_TYPE_queued, RC_TYPE_answered, RC_TYPE_ended};
    for (uint32_t i = 0; i < sizeof type; i++)
        core_task_put(
            core, task,
            (struct core_event){
                .at = T0 + i * 30 * SECOND_MS, .contact = "a", .queue = "q", .type = type[i]});
    agg_task_advance(task, T0 + HOUR_MS + 2 * MINUTE_MS);
    cr_assert_eq(task->contact.live, 0);
    cr_assert_eq(task->identity.live, 1);
}

static void rate(struct core *core, struct agg_task *task, int64_t at, int64_t score)
{
    core_task_put(core, task,
                  (struct core_event){.at = at,
                                      .contact = "a",
                                      .channel = RC_CHANNEL_NONE,
                                      .type = RC_TYPE_rated,
                                      .value = score});
    agg_task_advance(task, at + 1);
}

/* Of all panes of days of the queue. */
static int64_t of_days(struct agg_task *task, enum rc_figure figure)
{
    int64_t sum = 0, value[RC_SUM_COUNT];
    for (uint32_t ref = 1; ref < task->pane.next; ref++) {
        const struct agg_pane *pane = agg_pane_at(task, ref);
        if (!pane->live || pane->window != 2 || agg_key_at(task, pane->key)->kind != AGG_KEY_QUEUE)
            continue;
        agg_panes_flush(task, pane->key);
        agg_sums_read(task, &agg_pane_warm(task, ref)->sums, value);
        sum += value[figure];
    }
    return sum;
}

Test(identity, rating_of_a_forgotten_call_counts_in_its_queue_and_the_later_one_holds)
{
    struct core core;
    struct agg_task *task = forgetful(&core);
    call_and_forget(&core, task);
    rate(&core, task, T0 + 2 * HOUR_MS, 2000);
    cr_assert_eq(of_days(task, RC_FIG_csat_responses), 1);
    cr_assert_eq(of_days(task, RC_FIG_csat_score_sum), 2000);
    rate(&core, task, T0 + 3 * HOUR_MS, 5000);
    cr_assert_eq(of_days(task, RC_FIG_csat_responses), 1);
    cr_assert_eq(of_days(task, RC_FIG_csat_score_sum), 5000);
    cr_assert_eq(task->contact.live, 0, "it is no new contact");
    agg_task_close(task);
    core_close(&core);
}

Test(identity, is_kept_until_now_has_passed_its_time_and_then_a_rating_is_a_strangers)
{
    struct core core;
    struct agg_task *task = forgetful(&core);
    int64_t expires = T0 + MINUTE_MS + HOUR_MS + DAY_MS;
    call_and_forget(&core, task);
    agg_task_advance(task, expires);
    cr_assert_eq(task->identity.live, 1);
    agg_task_advance(task, expires + 1);
    cr_assert_eq(task->identity.live, 0);
    cr_assert_eq(task->identity_index.count, 0);
    rate(&core, task, expires + HOUR_MS, 5000);
    cr_assert_eq(of_days(task, RC_FIG_csat_responses), 0);
    cr_assert_eq(rc_counter_read(&core.stats.unplaced), 1);
    agg_task_close(task);
    core_close(&core);
}

Test(identity, gives_way_to_a_new_contact_of_its_id_once_that_is_placed)
{
    struct core core;
    struct agg_task *task = forgetful(&core);
    call_and_forget(&core, task);
    struct core_event ev = {
        .at = T0 + 2 * HOUR_MS, .contact = "a", .queue = "q", .type = RC_TYPE_queued};
    core_task_put(&core, task, ev);
    agg_task_advance(task, ev.at + 1);
    cr_assert_eq(task->contact.live, 1);
    cr_assert_eq(task->identity.live, 0);
    cr_assert_eq(of_days(task, RC_FIG_offered), 2);
    agg_task_close(task);
    core_close(&core);
}
