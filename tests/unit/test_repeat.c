/* First contact resolution by hand: what the oracle of test_repeat_oracle.c cannot know,
 * forgetting. */
#include "core_fixture.h"

/* Calls are remembered for an hour, and judged for two. */
static struct agg_task *short_memory(struct core *core)
{
    core_init(core);
    core->config.time.retention_ms[RC_CALL] = HOUR_MS;
    core->contract[RC_CALL].fcr_window_ms = 2 * HOUR_MS;
    return core_task_open(core);
}

static void call(struct core *core, struct agg_task *task, const char *contact, int64_t at,
                 uint64_t customer, const char *conversation)
{
    struct core_event ev = {.at = at,
                            .contact = contact,
                            .queue = "sales",
                            .customer = customer,
                            .conversation = conversation,
                            .type = RC_TYPE_queued};
    core_task_put(core, task, ev);
    ev.at += 10 * SECOND_MS;
    ev.type = RC_TYPE_answered;
    core_task_put(core, task, ev);
    ev.at += 50 * SECOND_MS;
    ev.type = RC_TYPE_ended;
    core_task_put(core, task, ev);
}

/* A figure of the queue `sales`, over all days. */
static int64_t total(struct agg_task *task, enum rc_figure figure)
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

Test(repeat, call_after_the_first_one_is_forgotten_still_makes_it_a_no)
{
    struct core core;
    struct agg_task *task = short_memory(&core);
    call(&core, task, "a", T0, 7, NULL);
    agg_task_advance(task, T0 + 90 * MINUTE_MS);
    cr_assert_eq(task->contact.live, 0);
    cr_assert_eq(total(task, RC_FIG_fcr_pending), 1);
    call(&core, task, "b", T0 + 100 * MINUTE_MS, 7, NULL);
    agg_task_advance(task, T0 + 110 * MINUTE_MS);
    cr_assert_eq(total(task, RC_FIG_fcr_no), 1);
    cr_assert_eq(total(task, RC_FIG_fcr_pending), 1, "the second one's");
    cr_assert_eq(total(task, RC_FIG_repeats), 1);
    agg_task_close(task);
    core_close(&core);
}

Test(repeat, verdict_is_yes_once_now_has_passed_the_window_and_not_before)
{
    struct core core;
    struct agg_task *task = short_memory(&core);
    int64_t until = T0 + MINUTE_MS + 2 * HOUR_MS; /* it ended a minute after T0 */
    call(&core, task, "a", T0, 7, NULL);
    agg_task_advance(task, until);
    cr_assert_eq(total(task, RC_FIG_fcr_pending), 1);
    cr_assert_eq(total(task, RC_FIG_fcr_yes), 0);
    agg_task_advance(task, until + 1);
    cr_assert_eq(total(task, RC_FIG_fcr_pending), 0);
    cr_assert_eq(total(task, RC_FIG_fcr_yes), 1);
    agg_task_close(task);
    core_close(&core);
}

Test(repeat, start_at_the_very_end_of_the_window_is_a_repeat)
{
    struct core core;
    struct agg_task *task = short_memory(&core);
    int64_t until = T0 + MINUTE_MS + 2 * HOUR_MS;
    call(&core, task, "a", T0, 7, NULL);
    call(&core, task, "b", until, 7, NULL);
    agg_task_advance(task, until + HOUR_MS);
    cr_assert_eq(total(task, RC_FIG_fcr_no), 1);
    cr_assert_eq(total(task, RC_FIG_fcr_yes), 0);
    agg_task_close(task);
    core_close(&core);
}

Test(repeat, episode_with_a_contact_forgotten_open_is_never_judged_but_is_a_next_one)
{
    struct core core;
    struct agg_task *task = short_memory(&core);
    call(&core, task, "first", T0, 7, NULL);
    call(&core, task, "leg", T0 + 30 * MINUTE_MS, 7, "k");
    core_task_put(&core, task,
                  (struct core_event){.at = T0 + 32 * MINUTE_MS,
                                      .contact = "open",
                                      .queue = "sales",
                                      .conversation = "k",
                                      .type = RC_TYPE_queued});
    agg_task_advance(task, T0 + 10 * HOUR_MS);
    cr_assert_eq(total(task, RC_FIG_fcr_no), 1, "the first one's");
    cr_assert_eq(total(task, RC_FIG_repeats), 1);
    cr_assert_eq(total(task, RC_FIG_fcr_yes) + total(task, RC_FIG_fcr_pending), 0);
    agg_task_close(task);
    core_close(&core);
}

Test(repeat, summary_goes_once_now_has_passed_end_window_and_retention)
{
    struct core core;
    struct agg_task *task = short_memory(&core);
    int64_t last = T0 + MINUTE_MS + 2 * HOUR_MS + HOUR_MS;
    call(&core, task, "a", T0, 7, NULL);
    agg_task_advance(task, last);
    cr_assert_eq(task->episode.live, 1);
    agg_task_advance(task, last + 1);
    cr_assert_eq(task->episode.live, 0);
    cr_assert_eq(task->customer_index.count, 0);
    cr_assert_eq(task->episode_index.count, 0);
    cr_assert_eq(total(task, RC_FIG_fcr_yes), 1, "what it made stays");
    for (uint32_t i = 0; i < AGG_TEXT_CLASSES; i++) /* client, queue and the identity's id remain */
        cr_assert_leq(task->texts.pool[i].live, 3);
    agg_task_close(task);
    core_close(&core);
}

Test(repeat, summary_goes_though_its_last_contact_did_not_die_but_moved_away)
{
    struct core core;
    struct agg_task *task = short_memory(&core);
    call(&core, task, "a", T0, 7, "k");
    /* its entry in the due queue passes while "b" is still there */
    call(&core, task, "b", T0 + 50 * MINUTE_MS, 7, "k");
    for (int64_t at = 90; at < 240; at += 30)
        core_task_put(
            &core, task,
            (struct core_event){.at = T0 + at * MINUTE_MS, .contact = "b", .type = RC_TYPE_held});
    agg_task_advance(task, T0 + 230 * MINUTE_MS);
    cr_assert_eq(task->contact.live, 1);
    core_task_put(
        &core, task,
        (struct core_event){.at = T0 + 231 * MINUTE_MS, .contact = "b", .type = RC_TYPE_cancelled});
    agg_task_advance(task, T0 + 30 * HOUR_MS);
    cr_assert_eq(task->contact.live, 0);
    cr_assert_eq(task->episode.live, 0);
    agg_task_close(task);
    core_close(&core);
}

Test(repeat, summary_goes_after_all_events_of_the_ms_in_which_it_was_left_alone)
{
    for (int order = 0; order < 2; order++) {
        struct core core;
        struct agg_task *task = short_memory(&core);
        call(&core, task, "a", T0, 7, "k");
        struct core_event ev = {
            .at = T0 + 50 * MINUTE_MS, .contact = "k", .queue = "sales", .type = RC_TYPE_queued};
        core_task_put(&core, task, ev);
        for (ev.type = RC_TYPE_held; ev.at < T0 + 200 * MINUTE_MS; ev.at += 30 * MINUTE_MS)
            core_task_put(&core, task, ev);
        agg_task_advance(task, ev.at);
        cr_assert_eq(total(task, RC_FIG_fcr_yes) + total(task, RC_FIG_fcr_no), 0, "not ended");
        struct core_event moves = {
            .at = ev.at, .contact = "k", .conversation = "m", .type = RC_TYPE_held};
        struct core_event whose = {
            .at = ev.at, .contact = "k", .customer = 7, .type = RC_TYPE_resumed};
        core_task_put(&core, task, order ? whose : moves);
        core_task_put(&core, task, order ? moves : whose);
        agg_task_advance(task, ev.at + 1);
        cr_assert_eq(total(task, RC_FIG_fcr_no), 1, "called again within two hours: %d", order);
        cr_assert_eq(total(task, RC_FIG_fcr_yes), 0);
        cr_assert_eq(task->episode.live, 1, "the summary's time was over");
        agg_task_close(task);
        core_close(&core);
    }
}

/* "c" comes into the conversation "b" with an earlier start, and is cancelled `after_ms` later. */
static int64_t repeats_after_a_guest(bool cancelled_first, int64_t after_ms)
{
    struct core core;
    struct agg_task *task = short_memory(&core);
    call(&core, task, "a", T0, 7, NULL);
    struct core_event c = {
        .at = T0 + 10 * MINUTE_MS, .contact = "c", .queue = "other", .type = RC_TYPE_queued};
    struct core_event b = {.at = T0 + 30 * MINUTE_MS,
                           .contact = "b",
                           .queue = "sales",
                           .customer = 7,
                           .type = RC_TYPE_queued};
    core_task_put(&core, task, c);
    core_task_put(&core, task, b);
    for (b.type = c.type = RC_TYPE_held; b.at < T0 + 5 * HOUR_MS; b.at += 30 * MINUTE_MS) {
        core_task_put(&core, task, b);
        c.at = b.at;
        core_task_put(&core, task, c);
    }
    agg_task_advance(task, b.at);
    cr_assert_eq(total(task, RC_FIG_repeats), 1, "the summary of \"a\" is gone, its repeat is not");
    struct core_event in = {.at = b.at, .contact = "c", .conversation = "b", .type = RC_TYPE_held};
    struct core_event out = {.at = b.at + after_ms, .contact = "c", .type = RC_TYPE_cancelled};
    core_task_put(&core, task, cancelled_first ? out : in);
    core_task_put(&core, task, cancelled_first ? in : out);
    agg_task_advance(task, out.at + 1);
    int64_t repeats = total(task, RC_FIG_repeats);
    agg_task_close(task);
    core_close(&core);
    return repeats;
}

Test(repeat, kept_repeat_comes_back_with_the_start_that_it_was_for)
{
    cr_assert_eq(repeats_after_a_guest(false, 0), 1);
    cr_assert_eq(repeats_after_a_guest(true, 0), 1);
    cr_assert_eq(repeats_after_a_guest(false, 1), 1);
    cr_assert_eq(repeats_after_a_guest(false, MINUTE_MS), 1);
}

Test(repeat, customer_is_that_of_the_earliest_contact_with_a_start)
{
    struct core core;
    struct agg_task *task = short_memory(&core);
    /* nothing but its end is known of "lost": it has no start, and comes after "a" */
    core_task_put(&core, task,
                  (struct core_event){.at = T0,
                                      .contact = "lost",
                                      .queue = "sales",
                                      .customer = 8,
                                      .conversation = "k",
                                      .type = RC_TYPE_ended});
    call(&core, task, "a", T0 + MINUTE_MS, 7, "k");
    call(&core, task, "other", T0 + 5 * MINUTE_MS, 8, NULL);
    agg_task_advance(task, T0 + 30 * MINUTE_MS);
    cr_assert_eq(total(task, RC_FIG_fcr_no), 0, "customer 8 never called before");
    cr_assert_eq(total(task, RC_FIG_fcr_pending), 2);
    call(&core, task, "again", T0 + 40 * MINUTE_MS, 7, NULL);
    agg_task_advance(task, T0 + 50 * MINUTE_MS);
    cr_assert_eq(total(task, RC_FIG_fcr_no), 1, "customer 7 did");
    agg_task_close(task);
    core_close(&core);
}

Test(repeat, contact_beyond_the_1024_of_an_episode_is_an_episode_of_its_own)
{
    struct core core;
    struct agg_task *task = short_memory(&core);
    char id[16];
    for (uint32_t i = 0; i < 1026; i++) {
        snprintf(id, sizeof id, "leg%u", i);
        call(&core, task, id, T0 + i, 7, "k");
    }
    agg_task_advance(task, T0 + 10 * MINUTE_MS);
    cr_assert_eq(task->episode.live, 3);
    cr_assert_eq(rc_counter_read(&core.stats.episode_overflow), 2);
    agg_task_close(task);
    core_close(&core);
}
