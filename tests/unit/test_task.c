#include "core_fixture.h"

Test(task, event_at_now_waits_until_now_has_passed_it)
{
    struct core core;
    core_init(&core);
    struct agg_task *task = core_task_open(&core);
    core_task_put(
        &core, task,
        (struct core_event){.at = T0, .contact = "a", .queue = "q", .type = RC_TYPE_queued});
    agg_task_advance(task, T0);
    cr_assert_eq(task->contact.live, 0);
    agg_task_advance(task, T0 + 1);
    cr_assert_eq(task->contact.live, 1);
    agg_task_close(task);
    core_close(&core);
}

Test(task, all_that_a_contact_held_is_given_back_in_the_end)
{
    static const uint8_t type[] = {RC_TYPE_queued,  RC_TYPE_answered, RC_TYPE_held,
                                   RC_TYPE_resumed, RC_TYPE_ended,    RC_TYPE_rated,
                                   RC_TYPE_resolved};
    struct core core;
    struct core_random random = {12};
    char contact[16], conversation[16];
    core_init(&core);
    struct agg_task *task = core_task_open(&core);
    for (uint32_t i = 0; i < 3000; i++) {
        snprintf(contact, sizeof contact, "c%lu", core_draw(&random, 700));
        snprintf(conversation, sizeof conversation, "k%lu", core_draw(&random, 90));
        core_task_put(
            &core, task,
            (struct core_event){.at = T0 + (int64_t)core_draw(&random, 6 * HOUR_MS),
                                .contact = contact,
                                .queue = i % 3 ? "a" : "b",
                                .conversation = core_draw(&random, 2) ? conversation : NULL,
                                .customer = core_draw(&random, 40),
                                .type = type[core_draw(&random, sizeof type)]});
    }
    agg_task_advance(task, T0 + DAY_MS);
    cr_assert_gt(task->contact.live, 600);
    agg_task_advance(task, T0 + INT64_C(200) * DAY_MS);
    cr_assert_eq(task->contact.live, 0);
    cr_assert_eq(task->identity.live, 0);
    cr_assert_eq(task->episode.live, 0);
    cr_assert_eq(task->customer_index.count, 0);
    cr_assert_eq(task->pane.live, 0);
    cr_assert_eq(task->bucket.live, 0);
    for (uint32_t i = 0; i < AGG_SUM_CLASSES; i++)
        cr_assert_eq(task->sum[i].live, 0);
    for (uint32_t i = 0; i < AGG_POINT_CLASSES; i++)
        cr_assert_eq(task->point[i].live, 0);
    uint64_t texts = 0;
    for (uint32_t i = 0; i < AGG_TEXT_CLASSES; i++)
        texts += task->texts.pool[i].live;
    cr_assert_eq(texts, 3, "the client and two queues");
    cr_assert_eq(task->due.pool.live, 0);
    for (uint32_t key = 1; key < task->key.next; key++)
        for (uint32_t i = 0; i < AGG_STATE_COUNT; i++)
            cr_assert_eq(agg_key_at(task, key)->level[i], 0);
    agg_task_close(task);
    core_close(&core);
}
