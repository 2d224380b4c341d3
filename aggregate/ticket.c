/* Derivation of tickets (SPEC section 5): facts + contract = contributions. What a ticket makes at
 * an instant counts in its queue at that instant, so one ticket makes sums and states in several
 * keys. Pure, but that a key may be met for the first time. */
#include "clock.h"
#include "contact.h"
#include "window.h"
#include <string.h>

enum { ROOM_FIRST = 64, ITEMS_MAX = 16 };

static bool known(int64_t time_ms)
{
    return time_ms != RC_TIME_NONE;
}

/* ---- what the facts say ---- */

int64_t agg_ticket_standing(const struct agg_task *task, const struct agg_contact *contact)
{
    return agg_standing_resolution(agg_points(task, contact), contact->point_count);
}

int64_t agg_ticket_first_resolved(const struct agg_task *task, const struct agg_contact *contact)
{
    const struct agg_point *list = agg_points(task, contact);
    for (uint32_t i = 0; i < contact->point_count; i++)
        if (agg_is_resolution(&list[i]))
            return list[i].time_ms;
    return RC_TIME_NONE;
}

static bool is_move(const struct agg_point *point)
{
    return (point->type == RC_TYPE_assigned || point->type == RC_TYPE_queued) &&
           agg_point_queue(point);
}

/* Of two moves at one instant: does the first hold? */
static bool outweighs(const struct agg_task *task, const struct agg_point *a,
                      const struct agg_point *b)
{
    if (a->type != b->type)
        return a->type == RC_TYPE_assigned;
    return agg_queue_compare(task, agg_point_queue(a), agg_point_queue(b)) < 0;
}

/* The first move, if it is no point; queue 0: it is one. */
static struct agg_point head_move(const struct agg_contact *contact)
{
    struct agg_point move = {.time_ms = contact->queue_time, .type = RC_TYPE_queued};
    if (contact->flags & AGG_QUEUE_IS_MOVE)
        move.value = (uint64_t)contact->queue << 32;
    return move;
}

/* Takes the move if it is later than the best so far, or holds against it. */
static void better_move(const struct agg_task *task, struct agg_point *best,
                        const struct agg_point *move)
{
    if (!is_move(move))
        return;
    if (!agg_point_queue(best) || move->time_ms > best->time_ms ||
        (move->time_ms == best->time_ms && outweighs(task, move, best)))
        *best = *move;
}

uint32_t agg_ticket_queue_at(const struct agg_task *task, const struct agg_contact *contact,
                             int64_t at_ms)
{
    const struct agg_point *list = agg_points(task, contact);
    struct agg_point best = head_move(contact);
    /* before the first move: its queue */
    int64_t first = agg_point_queue(&best) ? best.time_ms : INT64_MAX;
    for (uint32_t i = 0; i < contact->point_count && list[i].time_ms < first; i++)
        if (is_move(&list[i]))
            first = list[i].time_ms;
    int64_t until = at_ms > first ? at_ms : first;
    for (uint32_t i = 0; i < contact->point_count && list[i].time_ms <= until; i++)
        better_move(task, &best, &list[i]);
    return agg_point_queue(&best);
}

static uint32_t key_of(struct agg_task *task, const struct agg_contact *contact, uint32_t queue)
{
    if (contact->key) {
        const struct agg_key *key = agg_key_at(task, contact->key);
        if (key->queue == queue && key->channel == RC_TICKET)
            return contact->key;
    }
    return agg_key_get(task, contact->client, queue, RC_TICKET);
}

uint32_t agg_ticket_key_at(struct agg_task *task, const struct agg_contact *contact, int64_t at_ms)
{
    return key_of(task, contact, agg_ticket_queue_at(task, contact, at_ms));
}

/* ---- lists of what it makes ---- */

static void *grown(void *old, uint32_t used, uint32_t *room, uint32_t size)
{
    if (used < *room)
        return old;
    uint32_t more = *room ? *room * 2 : ROOM_FIRST;
    void *bigger = agg_map((uint64_t)more * size);
    if (used)
        memcpy(bigger, old, (size_t)used * size);
    agg_unmap(old, (uint64_t)*room * size);
    *room = more;
    return bigger;
}

static int sum_compare(const struct agg_sum *a, const struct agg_sum *b)
{
    if (a->at_ms != b->at_ms)
        return a->at_ms < b->at_ms ? -1 : 1;
    if (a->key != b->key)
        return a->key < b->key ? -1 : 1;
    return (int)a->figure - (int)b->figure;
}

/* Mostly at the end: points come in the order of time. */
void agg_ticket_sum(struct agg_ticket *ticket, int64_t at_ms, uint32_t key, uint8_t figure,
                    int64_t value)
{
    struct agg_sum sum = {at_ms, value, key, figure};
    uint32_t at = ticket->sum_count;
    if (!value)
        return;
    while (at > 0 && sum_compare(&ticket->sum[at - 1], &sum) > 0)
        at--;
    if (at > 0 && !sum_compare(&ticket->sum[at - 1], &sum)) {
        ticket->sum[at - 1].value += value;
        return;
    }
    ticket->sum = grown(ticket->sum, ticket->sum_count, &ticket->sum_room, sizeof sum);
    memmove(ticket->sum + at + 1, ticket->sum + at, (ticket->sum_count - at) * sizeof sum);
    ticket->sum[at] = sum;
    ticket->sum_count++;
}

void agg_steps_put(struct agg_steps *steps, int64_t from_ms, uint32_t key)
{
    uint32_t held = steps->count ? steps->step[steps->count - 1].key : 0;
    if (key == held)
        return;
    steps->step = grown(steps->step, steps->count, &steps->room, sizeof *steps->step);
    steps->step[steps->count++] = (struct agg_step){from_ms, key};
}

void agg_ticket_done(struct agg_ticket *ticket)
{
    agg_unmap(ticket->sum, (uint64_t)ticket->sum_room * sizeof *ticket->sum);
    struct agg_steps *steps[] = {&ticket->backlog, &ticket->overdue};
    for (uint32_t i = 0; i < 2; i++)
        agg_unmap(steps[i]->step, (uint64_t)steps[i]->room * sizeof *steps[i]->step);
    *ticket = (struct agg_ticket){0};
}

/* ---- derivation ---- */

/* One pass over the points, one instant after the other. */
struct walk {
    const struct agg_point *list;
    uint32_t at, count;
    struct agg_point move; /* the latest, or the first while there was none */
    uint32_t key;          /* of its queue */
    bool open;             /* the latest resolution or reopening is no resolution */
    bool any_worked;
    int64_t worked_ms;
};

static void walk_begin(struct agg_task *task, const struct agg_contact *contact,
                       struct walk *ret_walk)
{
    *ret_walk = (struct walk){.list = agg_points(task, contact),
                              .count = contact->point_count,
                              .move = head_move(contact),
                              .open = true};
    uint32_t queue = agg_ticket_queue_at(task, contact, INT64_MIN);
    ret_walk->key = key_of(task, contact, queue);
}

/* The moves and marks of the next instant take effect; what counts at it is put down. */
static void walk_instant(struct agg_task *task, const struct agg_contact *contact,
                         struct walk *walk, struct agg_ticket *ticket)
{
    const struct agg_point *list = walk->list;
    uint32_t first = walk->at, before = agg_point_queue(&walk->move);
    int64_t now = list[first].time_ms;
    bool resolved = false, reopened = false;
    for (; walk->at < walk->count && list[walk->at].time_ms == now; walk->at++) {
        better_move(task, &walk->move, &list[walk->at]);
        resolved |= agg_is_resolution(&list[walk->at]);
        reopened |= list[walk->at].type == RC_TYPE_reopened;
    }
    if (agg_point_queue(&walk->move) != before)
        walk->key = key_of(task, contact, agg_point_queue(&walk->move));
    if (resolved || reopened)
        walk->open = !resolved;
    if (reopened)
        agg_ticket_sum(ticket, now, walk->key, RC_FIG_reopened, 1);
    for (uint32_t i = first; i < walk->at; i++) {
        if (list[i].type != RC_TYPE_worked)
            continue;
        agg_ticket_sum(ticket, now, walk->key, RC_FIG_worked_ms_sum, agg_point_duration(&list[i]));
        walk->worked_ms += agg_point_duration(&list[i]);
        walk->any_worked = true;
    }
}

/* Sums at the points, and the backlog from the opening on. */
static void derive_points(struct agg_task *task, const struct agg_contact *contact,
                          struct walk *walk, struct agg_ticket *ticket)
{
    int64_t opened = contact->queued;
    while (walk->at < walk->count && walk->list[walk->at].time_ms <= opened)
        walk_instant(task, contact, walk, ticket);
    if (known(opened)) {
        agg_ticket_sum(ticket, opened, walk->key, RC_FIG_opened, 1);
        agg_steps_put(&ticket->backlog, opened, walk->open ? walk->key : 0);
    }
    while (walk->at < walk->count) {
        int64_t now = walk->list[walk->at].time_ms;
        walk_instant(task, contact, walk, ticket);
        if (known(opened))
            agg_steps_put(&ticket->backlog, now, walk->open ? walk->key : 0);
    }
}

static void derive_resolution(struct agg_task *task, const struct agg_contact *contact,
                              const struct walk *walk, struct agg_ticket *ticket)
{
    int64_t standing = agg_ticket_standing(task, contact);
    if (!known(standing))
        return;
    uint32_t key = agg_ticket_key_at(task, contact, standing);
    agg_ticket_sum(ticket, standing, key, RC_FIG_resolved, 1);
    if (known(contact->queued) && standing > contact->queued)
        agg_ticket_sum(ticket, standing, key, RC_FIG_resolution_ms_sum, standing - contact->queued);
    ticket->anomaly = known(contact->queued) && standing < contact->queued;
    if (!walk->any_worked)
        return;
    agg_ticket_sum(ticket, standing, key, RC_FIG_handled, 1);
    agg_ticket_sum(ticket, standing, key, RC_FIG_handle_ms_sum, walk->worked_ms);
}

static void derive_opinions(struct agg_task *task, const struct agg_contact *contact,
                            struct agg_ticket *ticket)
{
    const struct agg_rare *rare = agg_rare_of(task, contact);
    if (known(rare->rated)) {
        int64_t at = rare->rated;
        uint32_t key = agg_ticket_key_at(task, contact, at);
        const struct rc_contract *contract =
            rc_contract_at(agg_key_at(task, key)->contracts, agg_judged_at(contact));
        agg_ticket_sum(ticket, at, key, RC_FIG_csat_satisfied,
                       agg_is_satisfied(contract, rare->score));
        agg_ticket_sum(ticket, at, key, RC_FIG_csat_responses, 1);
        agg_ticket_sum(ticket, at, key, RC_FIG_csat_score_sum, rare->score);
    }
    if (known(rare->reviewed)) {
        int64_t at = rare->reviewed;
        uint32_t key = agg_ticket_key_at(task, contact, at);
        agg_ticket_sum(ticket, at, key, RC_FIG_qa_evaluated, 1);
        agg_ticket_sum(ticket, at, key, RC_FIG_qa_defective, rare->critical || rare->defects > 0);
        agg_ticket_sum(ticket, at, key, RC_FIG_qa_defects, rare->defects);
        agg_ticket_sum(ticket, at, key, RC_FIG_qa_opportunities, rare->opportunities);
    }
}

void agg_ticket_derive(struct agg_task *task, const struct agg_contact *contact, int64_t passed_ms,
                       struct agg_ticket *ret_ticket)
{
    struct agg_ticket *ticket = ret_ticket;
    struct walk walk;
    ticket->sum_count = ticket->backlog.count = ticket->overdue.count = 0;
    ticket->again_at = RC_TIME_NONE;
    ticket->anomaly = false;
    if (contact->channel != RC_TICKET || !contact->key || contact->flags & AGG_CANCELLED)
        return;
    walk_begin(task, contact, &walk);
    derive_points(task, contact, &walk, ticket);
    derive_resolution(task, contact, &walk, ticket);
    derive_opinions(task, contact, ticket);
    agg_sla_derive(task, contact, passed_ms, ticket);
}

/* ---- the difference ---- */

/* Contributions of one key and instant go in together. */
struct batch {
    struct agg_task *task;
    int64_t at_ms;
    uint32_t key, count;
    struct agg_item item[ITEMS_MAX];
};

static void batch_begin(struct batch *batch, struct agg_task *task)
{
    batch->task = task;
    batch->at_ms = 0;
    batch->key = batch->count = 0;
}

static void batch_flush(struct batch *batch)
{
    if (batch->count)
        agg_window_add(batch->task, batch->key, batch->at_ms, batch->item, batch->count);
    batch->count = 0;
}

static void batch_put(struct batch *batch, const struct agg_sum *sum, int64_t value)
{
    if (batch->key != sum->key || batch->at_ms != sum->at_ms || batch->count == ITEMS_MAX)
        batch_flush(batch);
    batch->key = sum->key;
    batch->at_ms = sum->at_ms;
    batch->item[batch->count++] = (struct agg_item){sum->figure, value};
}

static void change_sums(struct agg_task *task, const struct agg_ticket *before,
                        const struct agg_ticket *after)
{
    struct batch minus, plus;
    uint32_t i = 0, j = 0;
    batch_begin(&minus, task);
    batch_begin(&plus, task);
    while (i < before->sum_count || j < after->sum_count) {
        const struct agg_sum *old = i < before->sum_count ? &before->sum[i] : NULL;
        const struct agg_sum *new = j < after->sum_count ? &after->sum[j] : NULL;
        int order = !old ? 1 : !new ? -1 : sum_compare(old, new);
        i += order <= 0;
        j += order >= 0;
        if (order < 0)
            batch_put(&minus, old, -old->value);
        else if (order > 0)
            batch_put(&plus, new, new->value);
        else if (old->value != new->value)
            batch_put(&plus, new, new->value - old->value);
    }
    batch_flush(&minus);
    batch_flush(&plus);
}

static int64_t step_from(const struct agg_steps *steps, uint32_t at)
{
    return at < steps->count ? steps->step[at].from_ms : INT64_MAX;
}

/* Where the two differ, and only there, the state is taken back and set. */
static void change_steps(struct agg_task *task, enum agg_state state,
                         const struct agg_steps *before, const struct agg_steps *after)
{
    uint32_t i = 0, j = 0, old = 0, new = 0;
    while (i < before->count || j < after->count) {
        int64_t a = step_from(before, i), b = step_from(after, j), from = a < b ? a : b;
        if (a == from)
            old = before->step[i++].key;
        if (b == from)
            new = after->step[j++].key;
        if (old == new)
            continue;
        a = step_from(before, i);
        b = step_from(after, j);
        struct agg_span span = {from, a < b ? a : b};
        if (old)
            agg_window_span(task, old, state, span, -1);
        if (new)
            agg_window_span(task, new, state, span, +1);
    }
}

void agg_ticket_change(struct agg_task *task, const struct agg_ticket *before,
                       const struct agg_ticket *after)
{
    change_sums(task, before, after);
    change_steps(task, AGG_BACKLOG, &before->backlog, &after->backlog);
    change_steps(task, AGG_OVERDUE, &before->overdue, &after->overdue);
}

bool agg_ticket_lose(struct agg_ticket *ticket, int64_t at_ms)
{
    uint32_t last = ticket->backlog.count;
    bool open = last && ticket->backlog.step[last - 1].key;
    agg_steps_put(&ticket->backlog, at_ms, 0);
    agg_steps_put(&ticket->overdue, at_ms, 0);
    return open;
}
