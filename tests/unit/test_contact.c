#include "core_fixture.h"

Test(contact, contact_is_placed_once_channel_and_queue_are_known)
{
    struct core core;
    core_init(&core);
    struct agg_task *task = core_task_open(&core);
    core_task_put(&core, task,
                  (struct core_event){
                      .at = T0, .contact = "a", .channel = RC_CALL, .type = RC_TYPE_answered});
    agg_task_advance(task, T0 + 1000);
    cr_assert_eq(rc_counter_read(&core.stats.unplaced), 1);
    cr_assert_eq(task->key.live, 0);
    core_task_put(
        &core, task,
        (struct core_event){.at = T0 + 2000, .contact = "a", .queue = "q", .type = RC_TYPE_ended});
    agg_task_advance(task, T0 + 3000);
    cr_assert_eq(rc_counter_read(&core.stats.unplaced), 0);
    cr_assert_eq(task->key.live, 2, "the queue's and the roll-up's");
    agg_task_close(task);
    core_close(&core);
}

/* A queue that came with `answered` is no ticket's. */
Test(contact, call_that_turns_out_to_be_a_ticket_elsewhere_is_unplaced_again)
{
    struct core core;
    core_init(&core);
    struct agg_task *task = core_task_open(&core);
    struct core_event ev = {.at = T0, .contact = "a", .queue = "q", .type = RC_TYPE_answered};
    core_task_put(&core, task, ev);
    agg_task_advance(task, T0 + 1000);
    cr_assert_eq(rc_counter_read(&core.stats.unplaced), 0);
    const struct agg_contact *contact = agg_contact_at(task, 1);
    uint32_t key = contact->key;
    cr_assert_eq(agg_key_at(task, key)->contacts, 1);
    ev = (struct core_event){
        .at = T0 - 1000, .contact = "a", .channel = RC_TICKET, .type = RC_TYPE_held};
    core_task_put(&core, task, ev);
    cr_assert_eq(contact->key, 0);
    cr_assert_eq(agg_key_at(task, key)->contacts, 0);
    cr_assert_eq(agg_key_at(task, 0)->contacts, 0);
    cr_assert_eq(rc_counter_read(&core.stats.unplaced), 1);
    ev = (struct core_event){.at = T0 + 2000,
                             .contact = "a",
                             .queue = "q",
                             .channel = RC_TICKET,
                             .type = RC_TYPE_queued};
    core_task_put(&core, task, ev);
    agg_task_advance(task, T0 + 3000);
    cr_assert_neq(contact->key, 0);
    cr_assert_eq(rc_counter_read(&core.stats.unplaced), 0);
    agg_task_close(task);
    core_close(&core);
}

Test(contact, unplaced_contact_is_forgotten_after_the_longest_retention_without_an_identity)
{
    struct core core;
    core_init(&core);
    struct agg_task *task = core_task_open(&core);
    core_task_put(&core, task,
                  (struct core_event){.at = T0,
                                      .contact = "a",
                                      .channel = RC_CHANNEL_NONE,
                                      .type = RC_TYPE_rated,
                                      .value = 3});
    agg_task_advance(task, T0 + INT64_C(366) * DAY_MS);
    cr_assert_eq(task->contact.live, 1);
    agg_task_advance(task, T0 + INT64_C(366) * DAY_MS + 1);
    cr_assert_eq(task->contact.live, 0);
    cr_assert_eq(task->identity.live, 0);
    cr_assert_eq(rc_counter_read(&core.stats.unplaced), 0);
    agg_task_close(task);
    core_close(&core);
}

Test(contact, every_event_puts_the_forgetting_off)
{
    struct core core;
    core_init(&core);
    struct agg_task *task = core_task_open(&core);
    struct core_event ev = {.contact = "a", .queue = "q", .type = RC_TYPE_queued};
    for (int64_t day = 0; day <= 9; day += 3) {
        ev.at = T0 + day * DAY_MS;
        core_task_put(&core, task, ev);
    }
    agg_task_advance(task, T0 + INT64_C(13) * DAY_MS);
    cr_assert_eq(task->contact.live, 1);
    agg_task_advance(task, T0 + INT64_C(13) * DAY_MS + 1);
    cr_assert_eq(task->contact.live, 0);
    agg_task_close(task);
    core_close(&core);
}
