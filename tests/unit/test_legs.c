/* Episodes of very many contacts: what an event costs, in steps, and that no contact is lost. */
#include "core_fixture.h"

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

Test(legs, event_of_a_conversation_of_everybody_costs_a_block_and_the_way_to_the_root)
{
    struct core core;
    core_init(&core);
    struct agg_task *task = core_task_open(&core);
    uint64_t most = 0;
    for (uint32_t i = 0; i < 5000; i++) {
        int64_t now = T0 + (int64_t)i * SECOND_MS;
        agg_task_advance(task, now);
        uint64_t before = task->episode_steps;
        call(&core, task, i, now, "sales", "everybody");
        agg_task_advance(task, now + 100);
        uint64_t steps = task->episode_steps - before;
        /* where the seats double, all is gone through once more */
        bool doubles = (i & (i - 1)) == 0;
        if (i < AGG_EPISODE_CONTACTS_MAX && !doubles && steps > most)
            most = steps;
    }
    cr_assert_eq(rc_counter_read(&core.stats.episode_overflow), 5000 - 1024);
    cr_assert_leq(most, 3 * 100, "%lu steps for three events", most);
    agg_task_close(task);
    core_close(&core);
}

Test(legs, fact_of_any_contact_of_a_large_episode_counts)
{
    struct core core;
    core_init(&core);
    struct agg_task *task = core_task_open(&core);
    for (uint32_t i = 0; i < 300; i++)
        call(&core, task, i, T0 + HOUR_MS + (int64_t)i * SECOND_MS, "sales", "k");
    agg_task_advance(task, T0 + 2 * HOUR_MS);
    cr_assert_eq(task->episode.live, 1);
    uint32_t ref = agg_customer_find(task, agg_customer_hash(1, &(struct rc_id128){0, 7}));
    cr_assert_neq(ref, 0);
    const struct agg_episode *episode = agg_episode_at(task, ref);
    cr_assert_eq((int64_t)episode->end, T0 + HOUR_MS + 299 * SECOND_MS + 60);
    for (uint32_t i = 0; i < 300; i += 37) {
        char id[16];
        snprintf(id, sizeof id, "c%u", i);
        core_task_put(&core, task,
                      (struct core_event){.at = T0 + HOUR_MS - (int64_t)i * SECOND_MS - 1,
                                          .contact = id,
                                          .type = RC_TYPE_queued});
        cr_assert_eq((int64_t)episode->start, T0 + HOUR_MS - (int64_t)i * SECOND_MS - 1);
    }
    for (uint32_t i = 0; i < 300; i++) {
        char id[16];
        snprintf(id, sizeof id, "c%u", (i * 7) % 300);
        core_task_put(
            &core, task,
            (struct core_event){.at = T0 + HOUR_MS, .contact = id, .type = RC_TYPE_cancelled});
    }
    cr_assert_eq(task->episode.live, 0, "all have left, in any order");
    cr_assert_eq(task->legs.live, 0);
    for (uint32_t i = 0; i < AGG_SEAT_CLASSES; i++)
        cr_assert_eq(task->seats[i].live + task->parts[i].live, 0);
    agg_task_close(task);
    core_close(&core);
}
