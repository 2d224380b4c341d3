#include "core_fixture.h"

static const struct agg_contact *only_contact(const struct agg_task *task)
{
    cr_assert_eq(task->contact.live, 1);
    return agg_contact_at(task, 1);
}

static void say(struct core *core, struct agg_task *task, struct core_event ev)
{
    ev.contact = "a";
    ev.channel = RC_TICKET;
    core_task_put(core, task, ev);
}
#define SAY(core, task, ...) say(core, task, (struct core_event){__VA_ARGS__})

static bool queue_is(const struct agg_task *task, uint32_t ref, const char *name)
{
    const struct agg_queue *queue = agg_queue_at(task, ref);
    return queue->name_size == strlen(name) &&
           !memcmp(agg_text_at(&task->texts, queue->name, queue->name_size), name, strlen(name));
}

Test(points, stand_by_time_whatever_the_order_in_which_they_came)
{
    struct core core;
    core_init(&core);
    struct agg_task *task = core_task_open(&core);
    struct core_random random = {11};
    agg_task_advance(task, T0 + HOUR_MS); /* all are late: taken in the order of arrival */
    for (uint32_t i = 0; i < 300; i++)
        SAY(&core, task, .at = T0 + (int64_t)core_draw(&random, 200), .type = RC_TYPE_paused);
    const struct agg_contact *contact = only_contact(task);
    const struct agg_point *list = agg_points(task, contact);
    cr_assert(contact->point_count > 100 && contact->point_count <= 200, "equal ones are one");
    for (uint32_t i = 1; i < contact->point_count; i++)
        cr_assert_gt(list[i].time_ms, list[i - 1].time_ms);
    agg_task_close(task);
    core_close(&core);
}

Test(points, keep_the_queue_and_the_duration_that_they_carry)
{
    struct core core;
    core_init(&core);
    struct agg_task *task = core_task_open(&core);
    SAY(&core, task, .at = T0, .type = RC_TYPE_assigned, .queue = "desk", .agent = "ann");
    SAY(&core, task, .at = T0 + 1, .type = RC_TYPE_assigned, .agent = "ann");
    SAY(&core, task, .at = T0 + 2, .type = RC_TYPE_worked, .value = INT64_C(31) * DAY_MS,
        .agent = "ann");
    agg_task_advance(task, T0 + 10);
    const struct agg_contact *contact = only_contact(task);
    const struct agg_point *list = agg_points(task, contact);
    cr_assert_eq(contact->point_count, 3);
    cr_assert(queue_is(task, agg_point_queue(&list[0]), "desk"));
    cr_assert_eq(agg_point_queue(&list[1]), 0);
    cr_assert_eq(agg_point_duration(&list[2]), INT64_C(31) * DAY_MS);
    agg_task_close(task);
    core_close(&core);
}

Test(points, of_two_agents_are_two_and_without_an_agent_is_another)
{
    static const uint8_t type[] = {RC_TYPE_assigned, RC_TYPE_worked, RC_TYPE_replied};
    struct core core;
    core_init(&core);
    struct agg_task *task = core_task_open(&core);
    for (uint32_t turn = 0; turn < 2; turn++)
        for (uint32_t t = 0; t < sizeof type; t++) {
            SAY(&core, task, .at = T0, .type = type[t], .queue = "q", .value = 1000, .agent = "x");
            SAY(&core, task, .at = T0, .type = type[t], .queue = "q", .value = 1000, .agent = "y");
            SAY(&core, task, .at = T0, .type = type[t], .queue = "q", .value = 1000);
        }
    agg_task_advance(task, T0 + 10);
    cr_assert_eq(only_contact(task)->point_count, 9);
    agg_task_close(task);
    core_close(&core);
}

Test(points, first_queued_takes_none_and_later_ones_take_one_each)
{
    struct core core;
    core_init(&core);
    struct agg_task *task = core_task_open(&core);
    agg_task_advance(task, T0 + HOUR_MS);
    SAY(&core, task, .at = T0 + 20, .type = RC_TYPE_queued, .queue = "b");
    SAY(&core, task, .at = T0 + 20, .type = RC_TYPE_queued, .queue = "b");
    const struct agg_contact *contact = only_contact(task);
    cr_assert_eq(contact->point_count, 0);
    cr_assert(contact->flags & AGG_QUEUE_IS_MOVE);
    SAY(&core, task, .at = T0 + 30, .type = RC_TYPE_queued, .queue = "b");
    cr_assert_eq(contact->point_count, 1);
    SAY(&core, task, .at = T0 + 10, .type = RC_TYPE_answered, .queue = "a");
    cr_assert_eq(contact->point_count, 2, "the earliest queue did not come with a queued");
    cr_assert_not(contact->flags & AGG_QUEUE_IS_MOVE);
    SAY(&core, task, .at = T0 + 10, .type = RC_TYPE_queued, .queue = "a");
    cr_assert_eq(contact->point_count, 2);
    cr_assert(contact->flags & AGG_QUEUE_IS_MOVE);
    agg_task_close(task);
    core_close(&core);
}

Test(points, of_queued_events_do_not_count_toward_the_limit_of_the_others)
{
    struct core core;
    core_init(&core);
    struct agg_task *task = core_task_open(&core);
    SAY(&core, task, .at = T0, .type = RC_TYPE_queued, .queue = "q");
    for (uint32_t i = 1; i <= AGG_POINTS_MAX_QUEUED + 2; i++)
        SAY(&core, task, .at = T0 + i, .type = RC_TYPE_queued, .queue = "q");
    agg_task_advance(task, T0 + HOUR_MS);
    cr_assert_eq(rc_counter_read(&core.stats.limited), 2);
    for (uint32_t i = 0; i < AGG_POINTS_MAX + 3; i++)
        SAY(&core, task, .at = T0 + HOUR_MS + i, .type = RC_TYPE_replied);
    agg_task_advance(task, T0 + 2 * HOUR_MS);
    cr_assert_eq(rc_counter_read(&core.stats.limited), 2 + 3);
    cr_assert_eq(only_contact(task)->point_count, AGG_POINTS_MAX_QUEUED + AGG_POINTS_MAX);
    agg_task_close(task);
    core_close(&core);
}

Test(points, give_their_memory_back)
{
    struct core core;
    core_init(&core);
    struct agg_task *task = core_task_open(&core);
    SAY(&core, task, .at = T0, .type = RC_TYPE_queued, .queue = "q", .priority = "high");
    for (uint32_t i = 0; i < 100; i++)
        SAY(&core, task, .at = T0 + i, .type = i % 2 ? RC_TYPE_paused : RC_TYPE_resolved);
    agg_task_advance(task, T0 + 1000);
    cr_assert_eq(task->priority.live, 1);
    agg_task_advance(task, T0 + INT64_C(400) * DAY_MS);
    cr_assert_eq(task->contact.live, 0);
    cr_assert_eq(task->priority.live, 0);
    for (uint32_t i = 0; i < AGG_POINT_CLASSES; i++)
        cr_assert_eq(task->point[i].live, 0, "class %u", i);
    agg_task_close(task);
    core_close(&core);
}
