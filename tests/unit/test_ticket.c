#include "core_fixture.h"

static void put(struct core *core, struct core_event ev)
{
    if (!ev.contact)
        ev.contact = "t";
    if (ev.channel == RC_CALL)
        ev.channel = RC_TICKET;
    if (ev.type == RC_TYPE_resolved && !ev.value)
        ev.flags |= RC_EVENT_RESOLVED; /* value 1: a disposition, not resolved */
    core_put(core, ev);
}
#define SAY(core, what, ...) put(core, (struct core_event){.type = RC_TYPE_##what, __VA_ARGS__})

/* A figure of the day that holds T0; 0 where there is no record. */
static int64_t day(const struct core *core, const char *queue, enum rc_figure figure)
{
    const struct rc_record *rec = core_find(core, queue, RC_TICKET, CORE_DAY, T0);
    return rec ? rec->value[figure] : 0;
}
#define DAY(core, queue, name) day(core, queue, RC_FIG_##name)

static void begin(struct core *core)
{
    core_init(core);
    core_open(core);
}

/* The end of a replay: all that would change is published. */
static void settle(struct core *core, int64_t now_ms)
{
    core_mark(core, now_ms, true);
}

Test(ticket, counts_its_opening_its_work_and_its_standing_resolution_when_they_were)
{
    struct core core;
    begin(&core);
    SAY(&core, queued, .at = T0, .queue = "desk");
    SAY(&core, worked, .at = T0 + HOUR_MS, .value = 10 * MINUTE_MS);
    SAY(&core, worked, .at = T0 + HOUR_MS, .value = 10 * MINUTE_MS);
    SAY(&core, resolved, .at = T0 + 2 * HOUR_MS);
    SAY(&core, worked, .at = T0 + 3 * HOUR_MS, .value = MINUTE_MS);
    settle(&core, T0 + 4 * HOUR_MS);
    cr_assert_eq(DAY(&core, "desk", opened), 1);
    cr_assert_eq(DAY(&core, "desk", resolved), 1);
    cr_assert_eq(DAY(&core, "desk", resolution_ms_sum), 2 * HOUR_MS);
    cr_assert_eq(DAY(&core, "desk", worked_ms_sum), 11 * MINUTE_MS);
    cr_assert_eq(DAY(&core, "desk", handled), 1);
    cr_assert_eq(DAY(&core, "desk", handle_ms_sum), 11 * MINUTE_MS, "later work as well");
    cr_assert_eq(DAY(&core, "desk", backlog), 0);
    const struct rc_record *hour = core_find(&core, "*", RC_TICKET, CORE_1H, T0 + 3 * HOUR_MS);
    cr_assert_eq(hour->value[RC_FIG_worked_ms_sum], MINUTE_MS);
    cr_assert_eq(hour->value[RC_FIG_handled], 0);
    core_close(&core);
}

Test(ticket, stands_resolved_by_the_first_resolution_at_or_after_the_last_reopening)
{
    /* r resolved, n resolved: false, o reopened, c closed; one a minute, '.': at the same time */
    static const struct {
        const char *said;
        int64_t standing; /* minutes; -1: none */
    } line[] = {{"", -1},      {"r", 0},    {"rr", 0},   {"n", -1},  {"nc", 1},
                {"ro", -1},    {"ror", 2},  {"roc", 2},  {"r.o", 0}, {"o.r", 0},
                {"ro.crr", 1}, {"ooor", 3}, {"rcor", 3}, {"o", -1},  {"orno", -1}};
    for (uint32_t i = 0; i < sizeof line / sizeof *line; i++) {
        struct core core;
        core_init(&core);
        struct agg_task *task = core_task_open(&core);
        int64_t at = T0;
        for (const char *c = line[i].said; *c; c++) {
            if (*c == '.')
                continue;
            core_task_put(&core, task,
                          (struct core_event){.at = at,
                                              .contact = "t",
                                              .channel = RC_TICKET,
                                              .type = *c == 'o'   ? RC_TYPE_reopened
                                                      : *c == 'c' ? RC_TYPE_closed
                                                                  : RC_TYPE_resolved,
                                              .flags = *c == 'r' ? RC_EVENT_RESOLVED : 0});
            at += c[1] == '.' ? 0 : MINUTE_MS;
        }
        core_task_put(&core, task,
                      (struct core_event){.at = T0, .contact = "t", .channel = RC_TICKET});
        agg_task_advance(task, T0 + HOUR_MS);
        int64_t standing = agg_ticket_standing(task, agg_contact_at(task, 1));
        int64_t expected = line[i].standing < 0 ? RC_TIME_NONE : T0 + line[i].standing * MINUTE_MS;
        cr_assert_eq(standing, expected, "\"%s\"", line[i].said);
        agg_task_close(task);
        core_close(&core);
    }
}

Test(ticket, counts_what_happens_in_the_queue_where_it_is_then)
{
    struct core core;
    begin(&core);
    SAY(&core, queued, .at = T0, .queue = "first");
    SAY(&core, worked, .at = T0 + 10, .value = 5, .queue = "third"); /* says nothing */
    SAY(&core, assigned, .at = T0 + 20, .queue = "second");
    SAY(&core, worked, .at = T0 + 20, .value = 7);
    SAY(&core, assigned, .at = T0 + 30, .agent = "ann");
    SAY(&core, closed, .at = T0 + 40);
    SAY(&core, assigned, .at = T0 + 50, .queue = "third");
    SAY(&core, reopened, .at = T0 + 60);
    settle(&core, T0 + HOUR_MS);
    cr_assert_eq(DAY(&core, "first", opened), 1);
    cr_assert_eq(DAY(&core, "first", worked_ms_sum), 5);
    cr_assert_eq(DAY(&core, "first", backlog), 0);
    cr_assert_eq(DAY(&core, "second", worked_ms_sum), 7);
    cr_assert_eq(DAY(&core, "second", opened) + DAY(&core, "second", resolved), 0);
    cr_assert_eq(DAY(&core, "third", reopened), 1);
    cr_assert_eq(DAY(&core, "third", backlog), 1);
    cr_assert_eq(DAY(&core, "*", opened), 1);
    cr_assert_eq(DAY(&core, "*", worked_ms_sum), 12);
    cr_assert_eq(DAY(&core, "*", backlog), 1);
    core_close(&core);
}

Test(ticket, assigned_wins_over_queued_of_the_same_time_then_the_smaller_queue)
{
    static const char *const queue[] = {"b", "c", "a"};
    struct core core;
    core_init(&core);
    struct agg_task *task = core_task_open(&core);
    for (uint32_t i = 0; i < 3; i++)
        core_task_put(&core, task,
                      (struct core_event){.at = T0 + 5,
                                          .contact = "t",
                                          .channel = RC_TICKET,
                                          .queue = queue[i],
                                          .type = i < 2 ? RC_TYPE_assigned : RC_TYPE_queued});
    agg_task_advance(task, T0 + 10);
    const struct agg_contact *contact = agg_contact_at(task, 1);
    for (int64_t at = T0; at <= T0 + 10; at++) {
        const struct agg_queue *held = agg_queue_at(task, agg_ticket_queue_at(task, contact, at));
        cr_assert_eq(*agg_text_at(&task->texts, held->name, held->name_size), 'b');
    }
    agg_task_close(task);
    core_close(&core);
}

Test(ticket, late_move_takes_along_what_came_after_it)
{
    struct core core;
    begin(&core);
    SAY(&core, queued, .at = T0, .queue = "desk");
    SAY(&core, worked, .at = T0 + 10 * MINUTE_MS, .value = 3);
    SAY(&core, worked, .at = T0 + 30 * MINUTE_MS, .value = 4);
    core_now(&core, T0 + 2 * HOUR_MS);
    cr_assert_eq(DAY(&core, "desk", backlog), 1);
    SAY(&core, assigned, .at = T0 + 20 * MINUTE_MS, .queue = "net");
    settle(&core, T0 + 2 * HOUR_MS + 1);
    cr_assert_eq(DAY(&core, "desk", opened), 1);
    cr_assert_eq(DAY(&core, "desk", worked_ms_sum), 3);
    cr_assert_eq(DAY(&core, "desk", backlog), 0);
    cr_assert_eq(DAY(&core, "net", worked_ms_sum), 4);
    cr_assert_eq(DAY(&core, "net", backlog), 1);
    const struct rc_record *then = core_find(&core, "desk", RC_TICKET, CORE_15M, T0);
    cr_assert_eq(then->value[RC_FIG_backlog], 1, "at 00:15 it was still there");
    then = core_find(&core, "net", RC_TICKET, CORE_15M, T0 + 15 * MINUTE_MS);
    cr_assert_eq(then->value[RC_FIG_backlog], 1, "at 00:30 it was here");
    core_close(&core);
}

Test(ticket, is_in_the_backlog_from_its_opening_until_resolved_and_again_when_reopened)
{
    struct core core;
    begin(&core);
    SAY(&core, queued, .at = T0 + MINUTE_MS, .queue = "desk");
    SAY(&core, resolved, .at = T0 + 20 * MINUTE_MS);
    SAY(&core, reopened, .at = T0 + 35 * MINUTE_MS);
    SAY(&core, reopened, .at = T0 + 50 * MINUTE_MS);
    SAY(&core, closed, .at = T0 + 50 * MINUTE_MS); /* the resolution wins */
    settle(&core, T0 + 2 * HOUR_MS);
    static const int64_t expected[] = {1, 0, 1, 0};
    for (int64_t i = 0; i < 4; i++) {
        const struct rc_record *rec =
            core_find(&core, "desk", RC_TICKET, CORE_15M, T0 + i * 15 * MINUTE_MS);
        cr_assert_eq(rec ? rec->value[RC_FIG_backlog] : 0, expected[i], "quarter %d", (int)i);
    }
    cr_assert_eq(DAY(&core, "desk", reopened), 2);
    core_close(&core);
}

Test(ticket, cancelled_one_takes_everything_back)
{
    struct core core;
    begin(&core);
    SAY(&core, queued, .at = T0, .queue = "desk");
    SAY(&core, worked, .at = T0 + 5, .value = 60000);
    SAY(&core, rated, .at = T0 + 6, .value = 5000);
    SAY(&core, assigned, .at = T0 + 7, .queue = "net");
    core_now(&core, T0 + HOUR_MS);
    cr_assert_eq(DAY(&core, "net", backlog), 1);
    cr_assert_eq(DAY(&core, "desk", csat_responses), 1);
    SAY(&core, cancelled, .at = T0 + HOUR_MS);
    settle(&core, T0 + 2 * HOUR_MS);
    cr_assert(core_is_zero(core_find(&core, "desk", RC_TICKET, CORE_DAY, T0)));
    cr_assert(core_is_zero(core_find(&core, "net", RC_TICKET, CORE_DAY, T0)));
    cr_assert(core_is_zero(core_find(&core, "*", RC_TICKET, CORE_DAY, T0)));
    core_close(&core);
}

Test(ticket, call_that_turns_out_to_be_one_moves_with_all_that_it_made)
{
    struct core core;
    begin(&core);
    PUT(&core, .type = RC_TYPE_queued, .at = T0 + 10, .contact = "t", .queue = "desk");
    PUT(&core, .type = RC_TYPE_answered, .at = T0 + 20, .contact = "t");
    PUT(&core, .type = RC_TYPE_ended, .at = T0 + 50, .contact = "t");
    core_now(&core, T0 + HOUR_MS);
    cr_assert_eq(VALUE(&core, "desk", CORE_DAY, T0, handled), 1);
    SAY(&core, worked, .at = T0 + 5, .value = 9); /* an earlier event says ticket */
    settle(&core, T0 + HOUR_MS + 1);
    cr_assert(core_is_zero(core_find(&core, "desk", RC_CALL, CORE_DAY, T0)));
    cr_assert_eq(DAY(&core, "desk", opened), 1);
    cr_assert_eq(DAY(&core, "desk", worked_ms_sum), 9);
    cr_assert_eq(DAY(&core, "desk", backlog), 1);
    PUT(&core, .type = RC_TYPE_held, .at = T0 + 4, .contact = "t");
    settle(&core, T0 + HOUR_MS + 2);
    cr_assert(core_is_zero(core_find(&core, "desk", RC_TICKET, CORE_DAY, T0)), "a call after all");
    cr_assert_eq(VALUE(&core, "desk", CORE_DAY, T0, handled), 1);
    core_close(&core);
}

Test(ticket, open_one_is_forgotten_later_than_a_resolved_one_and_then_leaves_the_backlog)
{
    struct core core;
    begin(&core);
    SAY(&core, queued, .at = T0, .queue = "desk", .contact = "open");
    SAY(&core, queued, .at = T0, .queue = "desk", .contact = "done");
    SAY(&core, resolved, .at = T0 + 1, .contact = "done");
    core_now(&core, T0 + INT64_C(90) * DAY_MS + 1);
    cr_assert_eq(STAT(&core, contacts_now), 2);
    core_now(&core, T0 + INT64_C(90) * DAY_MS + 2);
    cr_assert_eq(STAT(&core, contacts_now), 1);
    cr_assert_eq(STAT(&core, lost), 0);
    core_now(&core, T0 + INT64_C(366) * DAY_MS);
    cr_assert_eq(STAT(&core, contacts_now), 1);
    core_now(&core, T0 + INT64_C(366) * DAY_MS + 1);
    cr_assert_eq(STAT(&core, contacts_now), 0);
    cr_assert_eq(STAT(&core, lost), 1);
    int64_t last = T0 + INT64_C(366) * DAY_MS;
    core_now(&core, last + HOUR_MS);
    const struct rc_record *rec = core_find(&core, "desk", RC_TICKET, CORE_15M, last);
    cr_assert_eq(rec->value[RC_FIG_backlog], 0);
    rec = core_find(&core, "desk", RC_TICKET, CORE_15M, last - 15 * MINUTE_MS);
    cr_assert_eq(rec->value[RC_FIG_backlog], 1);
    core_close(&core);
}

Test(ticket, rating_of_a_forgotten_one_counts_in_its_latest_queue_and_the_old_one_goes_from_its_own)
{
    struct core core;
    begin(&core);
    SAY(&core, queued, .at = T0, .queue = "desk");
    SAY(&core, rated, .at = T0 + 10, .value = 1000);
    SAY(&core, assigned, .at = T0 + 20, .queue = "net");
    SAY(&core, closed, .at = T0 + 30);
    int64_t later = T0 + INT64_C(91) * DAY_MS;
    core_now(&core, later);
    cr_assert_eq(STAT(&core, identities_now), 1);
    cr_assert_eq(DAY(&core, "desk", csat_responses), 1);
    SAY(&core, rated, .at = later, .value = 5000);
    settle(&core, later + HOUR_MS);
    cr_assert_eq(DAY(&core, "desk", csat_responses), 0);
    const struct rc_record *rec = core_find(&core, "net", RC_TICKET, CORE_DAY, later);
    cr_assert_eq(rec->value[RC_FIG_csat_responses], 1);
    cr_assert_eq(rec->value[RC_FIG_csat_satisfied], 1);
    core_close(&core);
}

Test(ticket, latest_priority_and_due_hold_and_of_two_at_once_the_larger)
{
    static const struct {
        int64_t at, due;
        const char *priority;
    } said[] = {{5, 100, "2"}, {9, 300, "1"}, {7, 900, "9"}, {9, 200, "3"}, {9, 250, "2"}};
    struct core core;
    core_init(&core);
    struct agg_task *task = core_task_open(&core);
    agg_task_advance(task, T0 + HOUR_MS);
    for (uint32_t i = 0; i < 5; i++)
        core_task_put(&core, task,
                      (struct core_event){.at = T0 + said[i].at,
                                          .contact = "t",
                                          .channel = RC_TICKET,
                                          .type = RC_TYPE_queued,
                                          .value = T0 + said[i].due,
                                          .flags = RC_EVENT_DUE,
                                          .priority = said[i].priority,
                                          .queue = "q"});
    const struct agg_contact *contact = agg_contact_at(task, 1);
    const struct agg_priority *priority = agg_priority_at(task, contact->priority);
    cr_assert_eq(agg_rare_of(task, contact)->due, T0 + 300);
    cr_assert(priority->size == 1 && priority->text[0] == '3');
    cr_assert_eq(task->priority.live, 1, "words that no contact has are given back");
    agg_task_close(task);
    core_close(&core);
}

/* ---- memory and size ---- */

static uint64_t pool_bytes(const struct agg_pool *pool)
{
    return pool->live * pool->item_size;
}

Test(ticket, open_one_with_eight_points_and_a_running_clock_costs_at_most_384_bytes)
{
    enum { TICKETS = 22000 }; /* the index has just grown: its share is the largest */
    static const uint8_t type[] = {RC_TYPE_assigned, RC_TYPE_replied, RC_TYPE_worked,
                                   RC_TYPE_paused};
    struct rc_clock clock = {.name = "solve",
                             .name_size = 5,
                             .measure = RC_RESOLUTION,
                             .target_bp = RC_NULL,
                             .default_ms = INT64_C(30) * DAY_MS,
                             .pauses = false};
    struct core core;
    core_init(&core);
    core.contract[RC_TICKET].clock_count = 1;
    core.contract[RC_TICKET].clock = &clock;
    struct agg_task *task = core_task_open(&core);
    for (uint32_t i = 0; i < TICKETS; i++) {
        char id[16];
        snprintf(id, sizeof id, "INC%07u", i);
        struct core_event ev = {.contact = id,
                                .queue = "desk",
                                .channel = RC_TICKET,
                                .priority = "2",
                                .at = T0 + i,
                                .type = RC_TYPE_queued};
        core_task_put(&core, task, ev);
        for (uint32_t p = 0; p < 8; p++) {
            ev.at += SECOND_MS;
            ev.type = type[p % 4];
            ev.value = SECOND_MS;
            core_task_put(&core, task, ev);
        }
    }
    agg_task_advance(task, T0 + MINUTE_MS);
    cr_assert_eq(task->contact.live, TICKETS);
    uint64_t bytes = pool_bytes(&task->contact) + pool_bytes(&task->rare) +
                     pool_bytes(&task->conversation) + pool_bytes(&task->priority) +
                     pool_bytes(&task->due.pool) + agg_index_bytes(&task->contact_index);
    for (uint32_t i = 0; i < AGG_POINT_CLASSES; i++)
        bytes += pool_bytes(&task->point[i]);
    for (uint32_t i = 0; i < AGG_TEXT_CLASSES; i++)
        bytes += pool_bytes(&task->texts.pool[i]);
    cr_assert_leq(bytes / TICKETS, 384, "%lu bytes a ticket", (unsigned long)(bytes / TICKETS));
    agg_task_close(task);
    core_close(&core);
}

Test(ticket, of_4096_points_is_exact_whatever_comes_late)
{
    struct core core;
    begin(&core);
    SAY(&core, queued, .at = T0, .queue = "desk");
    for (int64_t i = 1; i <= AGG_POINTS_MAX - 4; i++)
        SAY(&core, worked, .at = T0 + i, .value = i);
    core_now(&core, T0 + HOUR_MS);
    SAY(&core, assigned, .at = T0 + 2001, .queue = "net");
    SAY(&core, resolved, .at = T0 + 3001);
    settle(&core, T0 + HOUR_MS + 1);
    int64_t all = INT64_C(4092) * 4093 / 2, before = INT64_C(2000) * 2001 / 2;
    cr_assert_eq(DAY(&core, "desk", worked_ms_sum), before);
    cr_assert_eq(DAY(&core, "net", worked_ms_sum), all - before);
    cr_assert_eq(DAY(&core, "net", handle_ms_sum), all);
    cr_assert_eq(DAY(&core, "*", backlog), 0);
    core_close(&core);
}

/* ---- the order of arrival ---- */

enum { EVENTS = 60 };

static void draw_events(struct core_random *random, struct core_event *event)
{
    static const uint8_t type[] = {RC_TYPE_queued,   RC_TYPE_assigned, RC_TYPE_assigned,
                                   RC_TYPE_worked,   RC_TYPE_resolved, RC_TYPE_resolved,
                                   RC_TYPE_reopened, RC_TYPE_closed,   RC_TYPE_rated,
                                   RC_TYPE_reviewed, RC_TYPE_replied};
    static const char *const queue[] = {"a", "b", "c"}, *const contact[] = {"t1", "t2", "t3"};
    for (uint32_t i = 0; i < EVENTS; i++)
        event[i] = (struct core_event){
            .at = T0 + (int64_t)core_draw(random, 30) * 4 * MINUTE_MS,
            .contact = contact[core_draw(random, 3)],
            .queue = core_draw(random, 2) ? queue[core_draw(random, 3)] : NULL,
            .channel = (uint8_t)(core_draw(random, 12) ? RC_TICKET : RC_CHAT),
            .type = type[core_draw(random, sizeof type)],
            .value = (int64_t)core_draw(random, 5),
            .flags = (uint8_t)(core_draw(random, 2) ? RC_EVENT_RESOLVED : 0),
            .offset = i + 1,
        };
}

static void expect_same(const struct core *a, const struct core *b)
{
    for (uint32_t i = 0; i < a->record_count; i++) {
        const struct rc_record *rec = a->record[i];
        char queue[RC_QUEUE_MAX + 1] = {0};
        memcpy(queue, rec->text + rec->client_size, rec->queue_size);
        if (rec->kind == RC_KIND_ROLLING ||
            core_find(a, queue, rec->channel, rec->window, rec->start_ms) != rec)
            continue;
        const struct rc_record *other =
            core_find(b, queue, rec->channel, rec->window, rec->start_ms);
        cr_assert(other || core_is_zero(rec));
        for (uint32_t f = 0; other && f < RC_FIGURE_COUNT; f++)
            cr_assert(rec->value[f] == other->value[f] || f == RC_FIG_oldest_wait_ms,
                      "%s %s: %lld, %lld", queue, rc_figure_info[f].name, (long long)rec->value[f],
                      (long long)other->value[f]);
    }
}

Test(ticket, last_records_are_the_same_whatever_the_order_in_which_events_came)
{
    struct core_random random = {5};
    for (uint32_t turn = 0; turn < 60; turn++) {
        struct core_event event[EVENTS];
        struct core in_time, late;
        draw_events(&random, event);
        begin(&in_time);
        begin(&late);
        for (uint32_t i = 0; i < EVENTS; i++)
            core_put(&in_time, event[i]);
        settle(&in_time, T0 + 3 * HOUR_MS);
        core_now(&late, T0 + 3 * HOUR_MS - 1);
        for (uint32_t i = 0; i < EVENTS; i++) { /* a few at once, as late ones are sorted */
            uint32_t other = i + (uint32_t)core_draw(&random, EVENTS - i);
            struct core_event swap = event[i];
            event[i] = event[other];
            event[other] = swap;
            core_put(&late, event[i]);
            if (i % 3 == 0)
                core_now(&late, T0 + 3 * HOUR_MS - 1);
        }
        settle(&late, T0 + 3 * HOUR_MS);
        expect_same(&in_time, &late);
        expect_same(&late, &in_time);
        core_close(&in_time);
        core_close(&late);
    }
}
