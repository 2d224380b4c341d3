/* The record of an episode whose contact is forgotten: what later legs of its conversation find. */
#include "core_fixture.h"

/* Calls are remembered for an hour, judged for a day. */
static struct agg_task *short_memory(struct core *core)
{
    core_init(core);
    core->config.time.retention_ms[RC_CALL] = HOUR_MS;
    core->contract[RC_CALL].fcr_window_ms = DAY_MS;
    return core_task_open(core);
}

static void call(struct core *core, struct agg_task *task, const char *contact, int64_t at,
                 const char *queue, const char *conversation)
{
    struct core_event ev = {.at = at,
                            .contact = contact,
                            .queue = queue,
                            .customer = 7,
                            .conversation = conversation,
                            .type = RC_TYPE_queued};
    core_task_put(core, task, ev);
    ev.at += 1;
    ev.type = RC_TYPE_answered;
    core_task_put(core, task, ev);
    ev.at += MINUTE_MS;
    ev.type = RC_TYPE_ended;
    core_task_put(core, task, ev);
}

static const struct agg_episode *only(const struct agg_task *task)
{
    cr_assert_eq(task->episode.live, 1);
    return agg_episode_at(task,
                          agg_customer_find(task, agg_customer_hash(1, &(struct rc_id128){0, 7})));
}

static const char *queue_of(const struct agg_task *task)
{
    return agg_key_at(task, only(task)->key)->name;
}

static void settle(const struct agg_task *task)
{
    cr_assert_eq(task->episode.live, 0);
    cr_assert_eq(task->legs.live + task->note.live + task->folded.live, 0);
    cr_assert_eq(task->customer_index.count + task->episode_index.count, 0);
}

Test(episode, one_forgotten_contact_takes_nothing_beside_the_record)
{
    struct core core;
    struct agg_task *task = short_memory(&core);
    call(&core, task, "a", T0, "sales", NULL);
    agg_task_advance(task, T0 + 3 * HOUR_MS);
    cr_assert_eq(task->contact.live, 0);
    cr_assert_eq(only(task)->form, AGG_FORM_FOLDED);
    cr_assert_eq(task->legs.live + task->note.live + task->folded.live, 0);
    agg_task_advance(task, T0 + 3 * DAY_MS);
    settle(task);
    agg_task_close(task);
    core_close(&core);
}

/* Legs that were answered at one instant are told apart by their names, also forgotten ones. */
static void check_tie(const char *forgotten, const char *joiner, const char *conversation,
                      const char *expected)
{
    struct core core;
    struct agg_task *task = short_memory(&core);
    bool named = strcmp(forgotten, conversation) != 0;
    call(&core, task, forgotten, T0, "sales", named ? conversation : NULL);
    agg_task_advance(task, T0 + HOUR_MS + MINUTE_MS + 2);
    cr_assert_eq(task->contact.live, 0);
    cr_assert_eq(only(task)->noted, named);
    /* it says now what it belongs to, and late that it was answered when the other one was */
    core_task_put(&core, task,
                  (struct core_event){.at = T0 + HOUR_MS,
                                      .contact = joiner,
                                      .queue = "billing",
                                      .customer = 7,
                                      .conversation = conversation,
                                      .type = RC_TYPE_wrapped});
    core.config.time.retention_ms[RC_CALL] = 2 * HOUR_MS;
    core_task_put(&core, task,
                  (struct core_event){.at = T0 + 1, .contact = joiner, .type = RC_TYPE_answered});
    agg_task_advance(task, T0 + HOUR_MS + 2 * MINUTE_MS);
    cr_assert_str_eq(queue_of(task), expected);
    agg_task_advance(task, T0 + 4 * DAY_MS);
    settle(task);
    agg_task_close(task);
    core_close(&core);
}

Test(episode, tie_with_a_forgotten_contact_is_decided_by_names)
{
    check_tie("a", "b", "k", "sales");
    check_tie("b", "a", "k", "billing");
}

Test(episode, tie_with_a_forgotten_contact_that_gave_the_conversation_its_name_is_decided_by_it)
{
    check_tie("a", "b", "a", "sales");
    check_tie("b", "a", "b", "billing");
}

Test(episode, conversation_that_comes_again_when_its_summary_is_gone_is_a_new_episode)
{
    struct core core;
    struct agg_task *task = short_memory(&core);
    call(&core, task, "a", T0, "sales", "k");
    agg_task_advance(task, T0 + 3 * DAY_MS);
    settle(task);
    call(&core, task, "b", T0 + 3 * DAY_MS, "billing", "k");
    agg_task_advance(task, T0 + 3 * DAY_MS + HOUR_MS);
    cr_assert_eq((int64_t)only(task)->start, T0 + 3 * DAY_MS);
    cr_assert_eq(only(task)->form, AGG_FORM_SINGLE);
    agg_task_close(task);
    core_close(&core);
}

Test(episode, conversation_that_comes_again_in_time_joins_the_summary)
{
    struct core core;
    struct agg_task *task = short_memory(&core);
    call(&core, task, "a", T0, "sales", "k");
    agg_task_advance(task, T0 + 12 * HOUR_MS);
    call(&core, task, "b", T0 + 12 * HOUR_MS, "billing", "k");
    agg_task_advance(task, T0 + 12 * HOUR_MS + 2 * MINUTE_MS);
    cr_assert_eq((int64_t)only(task)->start, T0);
    cr_assert_eq((int64_t)only(task)->end, T0 + 12 * HOUR_MS + 1 + MINUTE_MS);
    cr_assert_str_eq(queue_of(task), "sales", "the first answer's");
    agg_task_advance(task, T0 + 4 * DAY_MS);
    settle(task);
    agg_task_close(task);
    core_close(&core);
}

/* Contacts of conversation `k`, one a second. */
static void legs(struct core *core, struct agg_task *task, uint32_t from, uint32_t to)
{
    char id[16];
    for (uint32_t i = from; i < to; i++) {
        snprintf(id, sizeof id, "leg%u", i);
        call(core, task, id, T0 + (int64_t)i * SECOND_MS, "sales", "k");
    }
    agg_task_advance(task, T0 + (int64_t)to * SECOND_MS + 2 * MINUTE_MS);
}

Test(episode, place_that_becomes_free_goes_to_the_next_contact_that_comes)
{
    struct core core;
    struct agg_task *task = short_memory(&core);
    legs(&core, task, 0, 1025);
    cr_assert_eq(task->episode.live, 2, "leg1024 is one of its own");
    core_task_put(&core, task,
                  (struct core_event){
                      .at = T0 + 20 * MINUTE_MS, .contact = "leg5", .type = RC_TYPE_cancelled});
    core_task_put(&core, task,
                  (struct core_event){
                      .at = T0 + 20 * MINUTE_MS, .contact = "leg1024", .type = RC_TYPE_wrapped});
    agg_task_advance(task, T0 + 20 * MINUTE_MS + 1);
    cr_assert_eq(task->episode.live, 2, "and stays it");
    legs(&core, task, 1300, 1301);
    cr_assert_eq(task->episode.live, 2);
    cr_assert_eq(rc_counter_read(&core.stats.episode_overflow), 1);
    legs(&core, task, 1301, 1302);
    cr_assert_eq(task->episode.live, 3);
    cr_assert_eq(rc_counter_read(&core.stats.episode_overflow), 2);
    agg_task_close(task);
    core_close(&core);
}

Test(episode, contact_beyond_the_limit_goes_to_the_conversation_that_turns_out_to_be_its)
{
    struct core core;
    struct agg_task *task = short_memory(&core);
    call(&core, task, "one", T0, "sales", "other");
    legs(&core, task, 0, 1025);
    cr_assert_eq(task->episode.live, 3);
    core_task_put(
        &core, task,
        (struct core_event){
            .at = T0, .contact = "leg1024", .conversation = "other", .type = RC_TYPE_held});
    cr_assert_eq(task->episode.live, 2);
    agg_task_close(task);
    core_close(&core);
}
