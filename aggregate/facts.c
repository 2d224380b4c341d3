/* Merge rules (SPEC section 3): event + facts = facts. The result does not depend on the order in
 * which events come, nor on how often each comes. */
#include "contact.h"
#include <string.h>

const struct agg_rare agg_rare_none = {.abandoned = RC_TIME_NONE,
                                       .left = RC_TIME_NONE,
                                       .transferred = RC_TIME_NONE,
                                       .rated = RC_TIME_NONE,
                                       .reviewed = RC_TIME_NONE,
                                       .due = RC_TIME_NONE,
                                       .due_time = RC_TIME_NONE};

struct agg_rare *agg_rare_get(struct agg_task *task, struct agg_contact *contact)
{
    if (contact->rare)
        return agg_rare_at(task, contact->rare);
    contact->rare = agg_pool_get(&task->rare);
    struct agg_rare *rare = agg_rare_at(task, contact->rare);
    *rare = agg_rare_none;
    return rare;
}

static void conversation_drop(struct agg_task *task, struct agg_contact *contact)
{
    if (!contact->conversation)
        return;
    const struct agg_conversation *held = agg_conversation_at(task, contact->conversation);
    agg_text_drop(&task->texts, held->text, held->size);
    agg_pool_put(&task->conversation, contact->conversation);
    contact->conversation = 0;
}

void agg_facts_drop(struct agg_task *task, struct agg_contact *contact)
{
    agg_points_drop(task, contact);
    agg_priority_drop(task, contact->priority);
    conversation_drop(task, contact);
    if (contact->rare)
        agg_pool_put(&task->rare, contact->rare);
    contact->priority = contact->rare = 0;
}

static bool keep_first(int64_t *fact, int64_t time_ms)
{
    if (*fact != RC_TIME_NONE && *fact <= time_ms)
        return false;
    *fact = time_ms;
    return true;
}

static bool keep_last(int64_t *fact, int64_t time_ms)
{
    if (*fact != RC_TIME_NONE && *fact >= time_ms)
        return false;
    *fact = time_ms;
    return true;
}

bool agg_rating_merge(const struct rc_event *ev, int64_t *rated, int32_t *score)
{
    int32_t value = (int32_t)ev->value;
    if (*rated != RC_TIME_NONE &&
        (*rated > ev->time_ms || (*rated == ev->time_ms && *score >= value)))
        return false;
    *rated = ev->time_ms;
    *score = value;
    return true;
}

bool agg_review_merge(const struct rc_event *ev, int64_t *reviewed, uint32_t *defects,
                      uint32_t *opportunities, bool *critical)
{
    uint32_t found = (uint32_t)ev->value, of = (uint32_t)ev->opportunities;
    bool grave = ev->flags & RC_EVENT_CRITICAL;
    if (*reviewed != RC_TIME_NONE) {
        if (*reviewed != ev->time_ms) {
            if (*reviewed > ev->time_ms)
                return false;
        } else if (*defects != found) {
            if (*defects > found)
                return false;
        } else if (*critical != grave) {
            if (*critical)
                return false;
        } else if (*opportunities >= of) {
            return false;
        }
    }
    *reviewed = ev->time_ms;
    *defects = found;
    *opportunities = of;
    *critical = grave;
    return true;
}

/* Does an attribute of this event take the place of the one that was first known at `since`? The
 * smaller time wins; `order` is how the event's value compares to the one held. */
static bool takes_place(int64_t since, int64_t time_ms, int order)
{
    return since == RC_TIME_NONE || time_ms < since || (time_ms == since && order < 0);
}

static int text_compare(const char *a, uint32_t a_size, const char *b, uint32_t b_size)
{
    int order = memcmp(a, b, a_size < b_size ? a_size : b_size);
    return order ? order : a_size < b_size ? -1 : a_size > b_size;
}

int agg_queue_compare(const struct agg_task *task, uint32_t a, uint32_t b)
{
    const struct agg_queue *left = agg_queue_at(task, a), *right = agg_queue_at(task, b);
    return text_compare(agg_text_at(&task->texts, left->name, left->name_size), left->name_size,
                        agg_text_at(&task->texts, right->name, right->name_size), right->name_size);
}

static int queue_order(const struct agg_task *task, const struct agg_contact *contact,
                       const struct rc_event *ev)
{
    if (!contact->queue)
        return -1;
    const struct agg_queue *held = agg_queue_at(task, contact->queue);
    return text_compare(rc_event_queue(ev), ev->queue_size,
                        agg_text_at(&task->texts, held->name, held->name_size), held->name_size);
}

/* Moves of a ticket with `queued` that are not the earliest queue known are kept as points. */
static bool merge_later_queued(struct agg_task *task, struct agg_contact *contact,
                               const struct rc_event *ev, int order)
{
    if (contact->queue_time == ev->time_ms && !order) {
        bool known = contact->flags & AGG_QUEUE_IS_MOVE;
        contact->flags |= AGG_QUEUE_IS_MOVE;
        return !known;
    }
    return agg_point_add_queued(
        task, contact, ev->time_ms,
        agg_queue_get(task, contact->client, rc_event_queue(ev), ev->queue_size));
}

static bool merge_queue(struct agg_task *task, struct agg_contact *contact,
                        const struct rc_event *ev)
{
    int order = queue_order(task, contact, ev);
    bool queued = ev->type == RC_TYPE_queued;
    if (!takes_place(contact->queue_time, ev->time_ms, order))
        return queued && merge_later_queued(task, contact, ev, order);
    bool moved = contact->flags & AGG_QUEUE_IS_MOVE;
    if (moved)
        agg_point_add_queued(task, contact, contact->queue_time, contact->queue);
    contact->queue_time = ev->time_ms;
    contact->flags &= (uint8_t)~AGG_QUEUE_IS_MOVE;
    if (queued)
        contact->flags |= AGG_QUEUE_IS_MOVE;
    if (order)
        contact->queue = agg_queue_get(task, contact->client, rc_event_queue(ev), ev->queue_size);
    return order || moved || queued;
}

/* The latest holds; of several at once the larger. */
static bool merge_priority(struct agg_task *task, struct agg_contact *contact,
                           const struct rc_event *ev)
{
    if (contact->priority_time != RC_TIME_NONE && ev->time_ms < contact->priority_time)
        return false;
    int order = 1;
    if (contact->priority) {
        const struct agg_priority *held = agg_priority_at(task, contact->priority);
        order = text_compare(rc_event_priority(ev), ev->priority_size, held->text, held->size);
    }
    if (order < 0 && ev->time_ms == contact->priority_time)
        return false;
    contact->priority_time = ev->time_ms;
    if (!order)
        return false;
    agg_priority_drop(task, contact->priority);
    contact->priority = agg_priority_take(task, rc_event_priority(ev), ev->priority_size);
    return true;
}

static bool merge_due(struct agg_task *task, struct agg_contact *contact, const struct rc_event *ev)
{
    struct agg_rare *rare = agg_rare_get(task, contact);
    if (rare->due_time != RC_TIME_NONE &&
        (ev->time_ms < rare->due_time || (ev->time_ms == rare->due_time && ev->value <= rare->due)))
        return false;
    bool changed = ev->value != rare->due;
    rare->due_time = ev->time_ms;
    rare->due = ev->value;
    return changed;
}

static bool merge_customer(struct agg_contact *contact, const struct rc_event *ev)
{
    int order =
        ev->customer.high != contact->customer.high
            ? (ev->customer.high < contact->customer.high ? -1 : 1)
            : (ev->customer.low < contact->customer.low ? -1
                                                        : ev->customer.low > contact->customer.low);
    if (!takes_place(contact->customer_time, ev->time_ms, order))
        return false;
    bool changed = order || !(contact->flags & AGG_HAS_CUSTOMER);
    contact->customer_time = ev->time_ms;
    contact->customer = ev->customer;
    contact->flags |= AGG_HAS_CUSTOMER;
    return changed;
}

static bool merge_conversation(struct agg_task *task, struct agg_contact *contact,
                               const struct rc_event *ev)
{
    const char *text = rc_event_conversation(ev);
    uint32_t size = ev->conversation_size;
    struct agg_conversation *held =
        contact->conversation ? agg_conversation_at(task, contact->conversation) : NULL;
    int order = held ? text_compare(text, size, agg_text_at(&task->texts, held->text, held->size),
                                    held->size)
                     : -1;
    if (!takes_place(held ? held->time_ms : RC_TIME_NONE, ev->time_ms, order))
        return false;
    if (held && !order) {
        held->time_ms = ev->time_ms;
        return false;
    }
    conversation_drop(task, contact);
    contact->conversation = agg_pool_get(&task->conversation);
    *agg_conversation_at(task, contact->conversation) =
        (struct agg_conversation){.text = agg_text_put(&task->texts, text, size),
                                  .size = size,
                                  .hash = agg_id_hash(task, contact->client, text, size),
                                  .time_ms = ev->time_ms};
    return true;
}

static bool merge_attributes(struct agg_task *task, struct agg_contact *contact,
                             const struct rc_event *ev)
{
    bool changed = false;
    if (ev->channel != RC_CHANNEL_NONE &&
        takes_place(contact->channel_time, ev->time_ms, (int)ev->channel - contact->channel)) {
        changed = contact->channel != ev->channel;
        contact->channel_time = ev->time_ms;
        contact->channel = ev->channel;
    }
    if (ev->queue_size)
        changed |= merge_queue(task, contact, ev);
    if (ev->flags & RC_EVENT_CUSTOMER)
        changed |= merge_customer(contact, ev);
    if (ev->conversation_size)
        changed |= merge_conversation(task, contact, ev);
    if (ev->priority_size)
        changed |= merge_priority(task, contact, ev);
    if (ev->flags & RC_EVENT_DUE)
        changed |= merge_due(task, contact, ev);
    return changed;
}

static bool merge_rare(struct agg_rare *rare, const struct rc_event *ev)
{
    switch (ev->type) {
    case RC_TYPE_abandoned:
        return keep_first(&rare->abandoned, ev->time_ms);
    case RC_TYPE_left:
        return keep_first(&rare->left, ev->time_ms);
    case RC_TYPE_transferred:
        return keep_first(&rare->transferred, ev->time_ms);
    case RC_TYPE_rated:
        return agg_rating_merge(ev, &rare->rated, &rare->score);
    default:
        return agg_review_merge(ev, &rare->reviewed, &rare->defects, &rare->opportunities,
                                &rare->critical);
    }
}

static bool merge_type(struct agg_task *task, struct agg_contact *contact,
                       const struct rc_event *ev)
{
    bool cancelled = contact->flags & AGG_CANCELLED;
    switch (ev->type) {
    case RC_TYPE_queued:
        return keep_first(&contact->queued, ev->time_ms);
    case RC_TYPE_answered:
        return keep_first(&contact->answered, ev->time_ms);
    case RC_TYPE_ended:
        return keep_last(&contact->ended, ev->time_ms);
    case RC_TYPE_wrapped:
        return keep_last(&contact->wrapped, ev->time_ms);
    case RC_TYPE_cancelled: /* when it was, nothing asks */
        contact->flags |= AGG_CANCELLED;
        return !cancelled;
    case RC_TYPE_abandoned:
    case RC_TYPE_left:
    case RC_TYPE_transferred:
    case RC_TYPE_rated:
    case RC_TYPE_reviewed:
        return merge_rare(agg_rare_get(task, contact), ev);
    default:
        return agg_is_point(ev->type) && agg_point_add(task, contact, ev);
    }
}

bool agg_facts_merge(struct agg_task *task, struct agg_contact *contact, const struct rc_event *ev)
{
    bool changed = merge_type(task, contact, ev);
    changed |= merge_attributes(task, contact, ev);
    changed |= keep_first(&contact->first, ev->time_ms);
    keep_last(&contact->last, ev->time_ms);
    return changed;
}

int64_t agg_retention(const struct agg_task *task, const struct agg_contact *contact)
{
    const struct rc_times *time = &task->config->time;
    if (contact->channel == RC_TICKET && !(contact->flags & AGG_CANCELLED) &&
        agg_ticket_standing(task, contact) == RC_TIME_NONE)
        return time->open_tickets_ms;
    if (contact->channel != RC_CHANNEL_NONE)
        return time->retention_ms[contact->channel];
    int64_t longest = time->open_tickets_ms;
    for (uint32_t i = 0; i < RC_CHANNEL_COUNT; i++)
        if (time->retention_ms[i] > longest)
            longest = time->retention_ms[i];
    return longest;
}
