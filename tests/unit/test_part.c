/* What a ticket brings to its episode: the model `reopen`, by hand. */
#include "core_fixture.h"

enum { WINDOW_MS = 7 * DAY_MS };

struct desk {
    struct core core;
    struct agg_task *task;
};

static void desk_open(struct desk *desk)
{
    core_init(&desk->core);
    desk->task = core_task_open(&desk->core);
}

static void desk_close(struct desk *desk)
{
    agg_task_close(desk->task);
    core_close(&desk->core);
}

static void tell(struct desk *desk, const char *contact, uint8_t type, int64_t at)
{
    core_task_put(&desk->core, desk->task,
                  (struct core_event){.at = at,
                                      .contact = contact,
                                      .queue = type == RC_TYPE_queued ? "it" : NULL,
                                      .channel = RC_TICKET,
                                      .flags = type == RC_TYPE_resolved ? RC_EVENT_RESOLVED : 0,
                                      .agent = type == RC_TYPE_replied ? "ann" : NULL,
                                      .type = type});
}

/* A figure of a queue's tickets, over all days. */
static int64_t total_of(const struct desk *desk, const char *queue, enum rc_figure figure)
{
    struct agg_task *task = desk->task;
    int64_t sum = 0, value[RC_SUM_COUNT];
    for (uint32_t ref = 1; ref < task->key.next; ref++)
        agg_panes_flush(desk->task, ref);
    for (uint32_t ref = 1; ref < task->pane.next; ref++) {
        const struct agg_pane *pane = agg_pane_at(task, ref);
        if (!pane->live || pane->window != 2)
            continue;
        const struct agg_key *key = agg_key_at(task, pane->key);
        if (key->kind != AGG_KEY_QUEUE || key->channel != RC_TICKET || strcmp(key->name, queue))
            continue;
        agg_sums_read(task, &agg_pane_warm(task, ref)->sums, value);
        sum += value[figure];
    }
    return sum;
}

static int64_t total(const struct desk *desk, enum rc_figure figure)
{
    return total_of(desk, "it", figure);
}

Test(part, ticket_is_pending_for_the_window_then_yes)
{
    struct desk desk;
    desk_open(&desk);
    tell(&desk, "t", RC_TYPE_queued, T0);
    tell(&desk, "t", RC_TYPE_resolved, T0 + HOUR_MS);
    agg_task_advance(desk.task, T0 + HOUR_MS + WINDOW_MS);
    cr_assert_eq(total(&desk, RC_FIG_fcr_pending), 1);
    agg_task_advance(desk.task, T0 + HOUR_MS + WINDOW_MS + 1);
    cr_assert_eq(total(&desk, RC_FIG_fcr_pending), 0);
    cr_assert_eq(total(&desk, RC_FIG_fcr_yes), 1);
    desk_close(&desk);
}

Test(part, reopening_at_the_very_end_of_the_window_is_a_no_and_later_is_not)
{
    struct desk desk;
    desk_open(&desk);
    tell(&desk, "no", RC_TYPE_queued, T0);
    tell(&desk, "no", RC_TYPE_resolved, T0 + HOUR_MS);
    tell(&desk, "no", RC_TYPE_reopened, T0 + HOUR_MS + WINDOW_MS);
    tell(&desk, "yes", RC_TYPE_queued, T0);
    tell(&desk, "yes", RC_TYPE_resolved, T0 + HOUR_MS);
    tell(&desk, "yes", RC_TYPE_reopened, T0 + HOUR_MS + WINDOW_MS + 1);
    agg_task_advance(desk.task, T0 + WINDOW_MS + DAY_MS);
    cr_assert_eq(total(&desk, RC_FIG_fcr_no), 1);
    cr_assert_eq(total(&desk, RC_FIG_fcr_yes), 1);
    desk_close(&desk);
}

Test(part, second_reply_before_the_first_resolution_is_a_no_and_after_it_is_not)
{
    struct desk desk;
    desk_open(&desk);
    tell(&desk, "no", RC_TYPE_queued, T0);
    tell(&desk, "no", RC_TYPE_replied, T0 + MINUTE_MS);
    tell(&desk, "no", RC_TYPE_replied, T0 + HOUR_MS);
    tell(&desk, "no", RC_TYPE_resolved, T0 + HOUR_MS);
    tell(&desk, "pending", RC_TYPE_queued, T0);
    tell(&desk, "pending", RC_TYPE_replied, T0 + MINUTE_MS);
    tell(&desk, "pending", RC_TYPE_resolved, T0 + HOUR_MS);
    tell(&desk, "pending", RC_TYPE_replied, T0 + HOUR_MS + 1);
    agg_task_advance(desk.task, T0 + DAY_MS);
    cr_assert_eq(total(&desk, RC_FIG_fcr_no), 1);
    cr_assert_eq(total(&desk, RC_FIG_fcr_pending), 1);
    desk_close(&desk);
}

Test(part, ticket_counts_in_its_queue_at_the_first_resolution_though_it_moves_on)
{
    struct desk desk;
    desk_open(&desk);
    tell(&desk, "t", RC_TYPE_queued, T0);
    tell(&desk, "t", RC_TYPE_resolved, T0 + HOUR_MS);
    core_task_put(&desk.core, desk.task,
                  (struct core_event){.at = T0 + 2 * HOUR_MS,
                                      .contact = "t",
                                      .queue = "field",
                                      .channel = RC_TICKET,
                                      .type = RC_TYPE_assigned});
    tell(&desk, "t", RC_TYPE_reopened, T0 + 3 * HOUR_MS);
    agg_task_advance(desk.task, T0 + DAY_MS);
    cr_assert_eq(total(&desk, RC_FIG_fcr_no), 1);
    cr_assert_eq(total_of(&desk, "field", RC_FIG_fcr_no), 0);
    desk_close(&desk);
}

Test(part, verdict_outlives_the_ticket)
{
    struct desk desk;
    desk_open(&desk);
    desk.core.config.time.retention_ms[RC_TICKET] = DAY_MS;
    tell(&desk, "t", RC_TYPE_queued, T0);
    tell(&desk, "t", RC_TYPE_resolved, T0 + HOUR_MS);
    agg_task_advance(desk.task, T0 + 3 * DAY_MS);
    cr_assert_eq(desk.task->contact.live, 0);
    cr_assert_eq(total(&desk, RC_FIG_fcr_pending), 1);
    agg_task_advance(desk.task, T0 + HOUR_MS + WINDOW_MS + 1);
    cr_assert_eq(total(&desk, RC_FIG_fcr_yes), 1);
    int64_t last = T0 + HOUR_MS + WINDOW_MS + DAY_MS;
    agg_task_advance(desk.task, last);
    cr_assert_eq(desk.task->episode.live, 1);
    agg_task_advance(desk.task, last + 1);
    cr_assert_eq(desk.task->episode.live, 0);
    desk_close(&desk);
}

Test(part, call_of_the_same_conversation_is_no_part_of_the_verdict_but_the_first_answer_is)
{
    struct desk desk;
    desk_open(&desk);
    tell(&desk, "t", RC_TYPE_queued, T0);
    tell(&desk, "t", RC_TYPE_resolved, T0 + HOUR_MS);
    /* it waits, so that the episode has not ended: the ticket's first resolution suffices */
    core_task_put(&desk.core, desk.task,
                  (struct core_event){.at = T0 + 2 * HOUR_MS,
                                      .contact = "c",
                                      .queue = "it",
                                      .conversation = "t",
                                      .type = RC_TYPE_queued});
    agg_task_advance(desk.task, T0 + DAY_MS);
    cr_assert_eq(desk.task->episode.live, 1);
    cr_assert_eq(total(&desk, RC_FIG_fcr_pending), 1);
    /* late: the call was answered before the ticket was resolved, and is credited */
    core_task_put(
        &desk.core, desk.task,
        (struct core_event){.at = T0 + MINUTE_MS, .contact = "c", .type = RC_TYPE_answered});
    agg_task_advance(desk.task, T0 + DAY_MS + 1);
    cr_assert_eq(total(&desk, RC_FIG_fcr_pending), 0);
    desk_close(&desk);
}
