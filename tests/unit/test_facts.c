#include "core_fixture.h"

enum { EVENTS = 40, HELD_AT_ONCE = 4096, RESOLVING_AT_ONCE = 8192 };

static const struct agg_contact *only_contact(const struct agg_task *task)
{
    cr_assert_eq(task->contact.live, 1);
    return agg_contact_at(task, 1);
}

static void send(struct core *core, struct agg_task *task, uint8_t type, int64_t at, int64_t value)
{
    core_task_put(core, task,
                  (struct core_event){
                      .at = at, .contact = "a", .queue = "sales", .type = type, .value = value});
}

Test(facts, first_times_are_the_smallest_and_last_times_the_largest)
{
    static const uint8_t first[] = {RC_TYPE_queued, RC_TYPE_answered, RC_TYPE_abandoned,
                                    RC_TYPE_left, RC_TYPE_transferred};
    static const int64_t at[] = {T0 + 50, T0 + 20, T0 + 70, T0 + 20};
    struct core core;
    core_init(&core);
    struct agg_task *task = core_task_open(&core);
    for (uint32_t i = 0; i < 4; i++) {
        for (uint32_t t = 0; t < sizeof first; t++)
            send(&core, task, first[t], at[i], 0);
        send(&core, task, RC_TYPE_ended, at[i], 0);
        send(&core, task, RC_TYPE_wrapped, at[i] + 1, 0);
    }
    agg_task_advance(task, T0 + 1000);
    const struct agg_contact *contact = only_contact(task);
    cr_assert_eq(contact->queued, T0 + 20);
    cr_assert_eq(contact->answered, T0 + 20);
    cr_assert_eq(agg_rare_of(task, contact)->abandoned, T0 + 20);
    cr_assert_eq(agg_rare_of(task, contact)->left, T0 + 20);
    cr_assert_eq(agg_rare_of(task, contact)->transferred, T0 + 20);
    cr_assert_eq(contact->ended, T0 + 70);
    cr_assert_eq(contact->wrapped, T0 + 71);
    cr_assert_eq(contact->first, T0 + 20);
    cr_assert_eq(contact->last, T0 + 71);
    cr_assert_not(contact->flags & AGG_CANCELLED);
    agg_task_close(task);
    core_close(&core);
}

Test(facts, of_two_ratings_at_once_the_larger_score_holds)
{
    struct core core;
    core_init(&core);
    struct agg_task *task = core_task_open(&core);
    send(&core, task, RC_TYPE_rated, T0 + 5, 1000);
    send(&core, task, RC_TYPE_rated, T0 + 9, 2000);
    send(&core, task, RC_TYPE_rated, T0 + 9, 4000);
    send(&core, task, RC_TYPE_rated, T0 + 9, 3000);
    send(&core, task, RC_TYPE_rated, T0 + 7, 5000);
    agg_task_advance(task, T0 + 1000);
    cr_assert_eq(agg_rare_of(task, only_contact(task))->rated, T0 + 9);
    cr_assert_eq(agg_rare_of(task, only_contact(task))->score, 4000);
    agg_task_close(task);
    core_close(&core);
}

Test(facts, of_two_reviews_at_once_more_defects_then_critical_then_more_opportunities_hold)
{
    static const struct {
        int64_t defects, of;
        bool critical, taken;
    } review[] = {
        {2, 10, false, true}, {1, 99, true, false}, {2, 11, false, true}, {2, 5, true, true},
        {2, 9, false, false}, {2, 6, true, true},   {3, 1, false, true},  {3, 1, false, false},
    };
    int64_t reviewed = RC_TIME_NONE;
    uint32_t defects = 0, of = 0;
    bool critical = false;
    for (uint32_t i = 0; i < sizeof review / sizeof *review; i++) {
        struct rc_event ev = {.time_ms = T0,
                              .value = review[i].defects,
                              .opportunities = review[i].of,
                              .flags = review[i].critical ? RC_EVENT_CRITICAL : 0};
        cr_assert_eq(agg_review_merge(&ev, &reviewed, &defects, &of, &critical), review[i].taken);
    }
    cr_assert_eq(defects, 3);
    cr_assert_eq(of, 1);
    cr_assert_not(critical);
    struct rc_event earlier = {.time_ms = T0 - 1, .value = 9};
    cr_assert_not(agg_review_merge(&earlier, &reviewed, &defects, &of, &critical));
}

Test(facts, attributes_come_from_the_smallest_time_and_ties_go_to_the_smaller_value)
{
    struct core core;
    core_init(&core);
    struct agg_task *task = core_task_open(&core);
    struct core_event ev = {.at = T0 + 10,
                            .contact = "a",
                            .type = RC_TYPE_answered,
                            .queue = "sales",
                            .channel = RC_CHAT,
                            .customer = 5,
                            .conversation = "kz"};
    core_task_put(&core, task, ev);
    ev = (struct core_event){.at = T0 + 10,
                             .contact = "a",
                             .type = RC_TYPE_held,
                             .queue = "salad",
                             .channel = RC_CALL,
                             .customer = 4,
                             .conversation = "k"};
    core_task_put(&core, task, ev);
    ev = (struct core_event){.at = T0 + 11,
                             .contact = "a",
                             .type = RC_TYPE_held,
                             .queue = "aaa",
                             .channel = RC_CALL,
                             .customer = 1,
                             .conversation = "a"};
    core_task_put(&core, task, ev);
    agg_task_advance(task, T0 + 1000);
    const struct agg_contact *contact = only_contact(task);
    const struct agg_queue *queue = agg_queue_at(task, contact->queue);
    cr_assert_eq(queue->name_size, 5);
    cr_assert_arr_eq(agg_text_at(&task->texts, queue->name, 5), "salad", 5);
    cr_assert_eq(contact->channel, RC_CALL);
    cr_assert_eq(contact->customer.low, 4);
    cr_assert_eq(agg_conversation_at(task, contact->conversation)->size, 1);
    agg_task_close(task);
    core_close(&core);
}

Test(facts, are_the_same_whatever_the_order_and_however_often)
{
    static const uint8_t type[] = {RC_TYPE_queued,  RC_TYPE_answered, RC_TYPE_held,
                                   RC_TYPE_resumed, RC_TYPE_ended,    RC_TYPE_rated,
                                   RC_TYPE_resolved};
    static const char *const name[] = {"billing", "sales", "sal"};
    struct core_random random = {3};
    struct core_event event[EVENTS];
    for (uint32_t i = 0; i < EVENTS; i++)
        event[i] = (struct core_event){
            .at = T0 + (int64_t)core_draw(&random, 12),
            .contact = "a",
            .offset = i + 1,
            .type = type[core_draw(&random, sizeof type)],
            .queue = core_draw(&random, 2) ? name[core_draw(&random, 3)] : NULL,
            .conversation = core_draw(&random, 3) ? NULL : name[core_draw(&random, 3)],
            .customer = core_draw(&random, 3),
            .value = (int64_t)core_draw(&random, 5),
            .channel = (uint8_t)core_draw(&random, 2)};
    struct core core;
    struct agg_contact kept = {0};
    struct agg_rare kept_rare = {0};
    uint64_t kept_conversation = 0;
    struct agg_point points[64];
    for (uint32_t turn = 0; turn < 200; turn++) {
        core_init(&core);
        struct agg_task *task = core_task_open(&core);
        agg_task_advance(task, T0 + HOUR_MS); /* all are late: taken in the order of arrival */
        for (uint32_t i = 0; i < EVENTS; i++) {
            uint64_t other = core_draw(&random, i + 1);
            struct core_event swap = event[i];
            event[i] = event[other];
            event[other] = swap;
        }
        for (uint32_t i = 0; i < EVENTS + 10; i++)
            core_task_put(&core, task, event[i % EVENTS]);
        struct agg_contact now = *only_contact(task);
        const struct agg_queue *queue = agg_queue_at(task, now.queue);
        uint32_t sum = queue->name_size;
        if (turn == 0) {
            kept = now;
            kept.queue = sum;
            kept_rare = *agg_rare_of(task, &now);
            kept_conversation = agg_conversation_at(task, now.conversation)->hash;
            cr_assert_gt(now.point_count, 8);
            memcpy(points, agg_points(task, &now), now.point_count * sizeof *points);
        }
        cr_assert(now.queued == kept.queued && now.answered == kept.answered);
        const struct agg_rare *rare = agg_rare_of(task, &now);
        cr_assert(now.ended == kept.ended && rare->rated == kept_rare.rated);
        cr_assert_eq(rare->score, kept_rare.score);
        cr_assert(now.channel == kept.channel && sum == kept.queue);
        cr_assert(now.customer.low == kept.customer.low && now.first == kept.first);
        cr_assert_eq(agg_conversation_at(task, now.conversation)->hash, kept_conversation);
        cr_assert_eq(now.last, kept.last);
        cr_assert_eq(now.point_count, kept.point_count);
        for (uint32_t i = 0; i < now.point_count; i++) {
            const struct agg_point *point = &agg_points(task, &now)[i];
            cr_assert(point->time_ms == points[i].time_ms && point->type == points[i].type);
            if (point->type != RC_TYPE_queued) /* a queue's reference is given as it is met */
                cr_assert_eq(point->value, points[i].value);
        }
        agg_task_close(task);
        core_close(&core);
    }
}

Test(facts, point_beyond_4096_is_refused_but_a_known_one_is_not)
{
    struct core core;
    core_init(&core);
    struct agg_task *task = core_task_open(&core);
    for (uint32_t i = 0; i < HELD_AT_ONCE; i++)
        send(&core, task, i % 2 ? RC_TYPE_resumed : RC_TYPE_held, T0 + i, 0);
    send(&core, task, RC_TYPE_held, T0, 0);
    agg_task_advance(task, T0 + HOUR_MS);
    cr_assert_eq(rc_counter_read(&core.stats.limited), 0);
    send(&core, task, RC_TYPE_held, T0 + HOUR_MS, 0);
    send(&core, task, RC_TYPE_ended, T0 + HOUR_MS, 0);
    agg_task_advance(task, T0 + 2 * HOUR_MS);
    cr_assert_eq(rc_counter_read(&core.stats.limited), 1);
    cr_assert_eq(only_contact(task)->point_count, HELD_AT_ONCE);
    cr_assert_eq(only_contact(task)->ended, T0 + HOUR_MS);
    agg_task_close(task);
    core_close(&core);
}

Test(facts, resolutions_are_taken_up_to_8192_points)
{
    struct core core;
    core_init(&core);
    struct agg_task *task = core_task_open(&core);
    for (uint32_t i = 0; i < RESOLVING_AT_ONCE + 3; i++)
        send(&core, task, i % 2 ? RC_TYPE_reopened : RC_TYPE_resolved, T0 + i, 0);
    agg_task_advance(task, T0 + HOUR_MS);
    cr_assert_eq(only_contact(task)->point_count, RESOLVING_AT_ONCE);
    cr_assert_eq(rc_counter_read(&core.stats.limited), 3);
    agg_task_close(task);
    core_close(&core);
}

Test(facts, points_with_different_values_are_two_and_equal_ones_are_one)
{
    struct core core;
    core_init(&core);
    struct agg_task *task = core_task_open(&core);
    struct core_event ev = {.at = T0,
                            .contact = "a",
                            .queue = "sales",
                            .type = RC_TYPE_worked,
                            .value = 60000,
                            .agent = "ann"};
    core_task_put(&core, task, ev);
    core_task_put(&core, task, ev);
    ev.agent = "bob";
    core_task_put(&core, task, ev);
    ev.value = 50000;
    core_task_put(&core, task, ev);
    ev.type = RC_TYPE_resolved;
    core_task_put(&core, task, ev);
    ev.flags = RC_EVENT_RESOLVED;
    core_task_put(&core, task, ev);
    agg_task_advance(task, T0 + 1);
    cr_assert_eq(only_contact(task)->point_count, 5);
    agg_task_close(task);
    core_close(&core);
}

Test(facts, retention_is_that_of_the_channel_and_the_longest_where_it_is_unknown)
{
    struct core core;
    core_init(&core);
    struct agg_task *task = core_task_open(&core);
    struct agg_contact contact = {.channel = RC_CHANNEL_NONE};
    cr_assert_eq(agg_retention(task, &contact), INT64_C(366) * DAY_MS);
    contact.channel = RC_CHAT;
    cr_assert_eq(agg_retention(task, &contact), INT64_C(4) * DAY_MS);
    contact.channel = RC_TICKET;
    cr_assert_eq(agg_retention(task, &contact), INT64_C(366) * DAY_MS, "it is open");
    contact.flags = AGG_CANCELLED;
    cr_assert_eq(agg_retention(task, &contact), INT64_C(90) * DAY_MS);
    agg_task_close(task);
    core_close(&core);
}
