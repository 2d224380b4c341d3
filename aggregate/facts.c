/* Merge rules (SPEC section 3): event + facts = facts. The result does not depend on the order in
 * which events come, nor on how often each comes. */
#include "task.h"
#include <string.h>

static bool keep_first(int64_t *fact, int64_t time_ms) {
    if (*fact != RC_TIME_NONE && *fact <= time_ms)
        return false;
    *fact = time_ms;
    return true;
}

static bool keep_last(int64_t *fact, int64_t time_ms) {
    if (*fact != RC_TIME_NONE && *fact >= time_ms)
        return false;
    *fact = time_ms;
    return true;
}

static bool is_point(uint8_t type) {
    switch (type) {
    case RC_TYPE_held:
    case RC_TYPE_resumed:
    case RC_TYPE_paused:
    case RC_TYPE_resolved:
    case RC_TYPE_reopened:
    case RC_TYPE_closed:
    case RC_TYPE_assigned:
    case RC_TYPE_worked:
    case RC_TYPE_replied:
        return true;
    default:
        return false;
    }
}

static uint64_t mix(uint64_t hash, const char *bytes, uint32_t size) {
    for (uint32_t i = 0; i < size; i++)
        hash = (hash ^ (uint8_t)bytes[i]) * 0x100000001b3ull; /* FNV-1a */
    return (hash ^ size) * 0x9e3779b97f4a7c15ull;
}

static struct agg_point point_of(const struct rc_event *ev) {
    struct agg_point point = {.time_ms = ev->time_ms, .type = ev->type};
    const uint64_t basis = 0xcbf29ce484222325ull; /* FNV-1a's offset basis */
    switch (ev->type) {
    case RC_TYPE_resolved:
        point.value = (ev->flags & RC_EVENT_RESOLVED) != 0;
        break;
    case RC_TYPE_assigned:
        point.value = mix(mix(basis, rc_event_queue(ev), ev->queue_size), rc_event_agent(ev),
                          ev->agent_size);
        break;
    case RC_TYPE_worked:
        point.value = mix(mix(basis, (const char *)&ev->value, sizeof ev->value),
                          rc_event_agent(ev), ev->agent_size);
        break;
    case RC_TYPE_replied:
        point.value = mix(basis, rc_event_agent(ev), ev->agent_size);
        break;
    default:
        break;
    }
    return point;
}

static int point_compare(const struct agg_point *a, const struct agg_point *b) {
    if (a->time_ms != b->time_ms)
        return a->time_ms < b->time_ms ? -1 : 1;
    if (a->type != b->type)
        return a->type < b->type ? -1 : 1;
    return a->value < b->value ? -1 : a->value > b->value;
}

const struct agg_point *agg_points(const struct agg_task *task, const struct agg_contact *contact) {
    return contact->points ? agg_pool_at(&task->point[contact->point_class], contact->points)
                           : NULL;
}

/* Where the point is or would be. */
static uint32_t point_place(const struct agg_task *task, const struct agg_contact *contact,
                            const struct agg_point *point, bool *ret_there) {
    const struct agg_point *list = agg_points(task, contact);
    uint32_t at = contact->point_count;
    while (at > 0 && point_compare(&list[at - 1], point) > 0)
        at--;
    *ret_there = at > 0 && point_compare(&list[at - 1], point) == 0;
    return at;
}

bool agg_point_room(const struct agg_task *task, const struct agg_contact *contact,
                    const struct rc_event *ev) {
    if (!is_point(ev->type) || contact->point_count < AGG_POINTS_MAX)
        return true;
    bool resolving = ev->type == RC_TYPE_resolved || ev->type == RC_TYPE_reopened ||
                     ev->type == RC_TYPE_closed;
    if (resolving && contact->point_count < AGG_POINTS_MAX_RESOLVING)
        return true;
    struct agg_point point = point_of(ev);
    bool there;
    point_place(task, contact, &point, &there);
    return there;
}

static bool point_add(struct agg_task *task, struct agg_contact *contact,
                      const struct rc_event *ev) {
    struct agg_point point = point_of(ev);
    bool there;
    uint32_t at = point_place(task, contact, &point, &there);
    if (there)
        return false;
    if (!contact->points || contact->point_count == 2u << contact->point_class) {
        uint8_t class = contact->points ? contact->point_class + 1 : 0;
        uint32_t ref = agg_pool_get(&task->point[class]);
        if (contact->points) {
            memcpy(agg_pool_at(&task->point[class], ref), agg_points(task, contact),
                   contact->point_count * sizeof point);
            agg_pool_put(&task->point[contact->point_class], contact->points);
        }
        contact->points = ref;
        contact->point_class = class;
    }
    struct agg_point *list = agg_pool_at(&task->point[contact->point_class], contact->points);
    memmove(list + at + 1, list + at, (contact->point_count - at) * sizeof point);
    list[at] = point;
    contact->point_count++;
    return true;
}

void agg_points_drop(struct agg_task *task, struct agg_contact *contact) {
    if (contact->points)
        agg_pool_put(&task->point[contact->point_class], contact->points);
    contact->points = 0;
    contact->point_count = 0;
}

bool agg_rating_merge(const struct rc_event *ev, int64_t *rated, int32_t *score) {
    int32_t value = (int32_t)ev->value;
    if (*rated != RC_TIME_NONE &&
        (*rated > ev->time_ms || (*rated == ev->time_ms && *score >= value)))
        return false;
    *rated = ev->time_ms;
    *score = value;
    return true;
}

bool agg_review_merge(const struct rc_event *ev, int64_t *reviewed, uint32_t *defects,
                      uint32_t *opportunities, bool *critical) {
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
static bool takes_place(int64_t since, int64_t time_ms, int order) {
    return since == RC_TIME_NONE || time_ms < since || (time_ms == since && order < 0);
}

static int text_compare(const char *a, uint32_t a_size, const char *b, uint32_t b_size) {
    int order = memcmp(a, b, a_size < b_size ? a_size : b_size);
    return order ? order : a_size < b_size ? -1 : a_size > b_size;
}

static bool merge_queue(struct agg_task *task, struct agg_contact *contact,
                        const struct rc_event *ev) {
    int order = -1;
    if (contact->queue) {
        const struct agg_queue *held = agg_queue_at(task, contact->queue);
        order = text_compare(rc_event_queue(ev), ev->queue_size,
                             agg_text_at(&task->texts, held->name, held->name_size),
                             held->name_size);
    }
    if (!takes_place(contact->queue_time, ev->time_ms, order))
        return false;
    contact->queue_time = ev->time_ms;
    if (!order)
        return false;
    contact->queue = agg_queue_get(task, contact->client, rc_event_queue(ev), ev->queue_size);
    return true;
}

static bool merge_customer(struct agg_contact *contact, const struct rc_event *ev) {
    int order = ev->customer.high != contact->customer.high
                    ? (ev->customer.high < contact->customer.high ? -1 : 1)
                    : (ev->customer.low < contact->customer.low
                           ? -1
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
                               const struct rc_event *ev) {
    const char *text = rc_event_conversation(ev);
    int order = contact->conversation
                    ? text_compare(text, ev->conversation_size,
                                   agg_text_at(&task->texts, contact->conversation,
                                               contact->conversation_size),
                                   contact->conversation_size)
                    : -1;
    if (!takes_place(contact->conversation_time, ev->time_ms, order))
        return false;
    contact->conversation_time = ev->time_ms;
    if (!order)
        return false;
    agg_text_drop(&task->texts, contact->conversation, contact->conversation_size);
    contact->conversation = agg_text_put(&task->texts, text, ev->conversation_size);
    contact->conversation_size = ev->conversation_size;
    contact->conversation_hash = agg_id_hash(task, contact->client, text, ev->conversation_size);
    return true;
}

static bool merge_attributes(struct agg_task *task, struct agg_contact *contact,
                             const struct rc_event *ev) {
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
    return changed;
}

static bool merge_type(struct agg_task *task, struct agg_contact *contact,
                       const struct rc_event *ev) {
    switch (ev->type) {
    case RC_TYPE_queued:
        return keep_first(&contact->queued, ev->time_ms);
    case RC_TYPE_answered:
        return keep_first(&contact->answered, ev->time_ms);
    case RC_TYPE_abandoned:
        return keep_first(&contact->abandoned, ev->time_ms);
    case RC_TYPE_left:
        return keep_first(&contact->left, ev->time_ms);
    case RC_TYPE_transferred:
        return keep_first(&contact->transferred, ev->time_ms);
    case RC_TYPE_cancelled:
        return keep_first(&contact->cancelled, ev->time_ms);
    case RC_TYPE_ended:
        return keep_last(&contact->ended, ev->time_ms);
    case RC_TYPE_wrapped:
        return keep_last(&contact->wrapped, ev->time_ms);
    case RC_TYPE_rated:
        return agg_rating_merge(ev, &contact->rated, &contact->score);
    case RC_TYPE_reviewed:
        return agg_review_merge(ev, &contact->reviewed, &contact->defects,
                                &contact->opportunities, &contact->critical);
    default:
        return is_point(ev->type) && point_add(task, contact, ev);
    }
}

bool agg_facts_merge(struct agg_task *task, struct agg_contact *contact,
                     const struct rc_event *ev) {
    bool changed = merge_type(task, contact, ev);
    changed |= merge_attributes(task, contact, ev);
    changed |= keep_first(&contact->first, ev->time_ms);
    keep_last(&contact->last, ev->time_ms);
    return changed;
}

static bool ticket_is_open(const struct agg_task *task, const struct agg_contact *contact) {
    if (contact->cancelled != RC_TIME_NONE)
        return false;
    const struct agg_point *list = agg_points(task, contact);
    bool open = true;
    for (uint32_t i = 0; i < contact->point_count; i++) {
        if (list[i].type == RC_TYPE_reopened)
            open = true;
        else if (list[i].type == RC_TYPE_closed ||
                 (list[i].type == RC_TYPE_resolved && list[i].value))
            open = false;
    }
    return open;
}

int64_t agg_retention(const struct agg_task *task, const struct agg_contact *contact) {
    const struct rc_times *time = &task->config->time;
    if (contact->channel == RC_TICKET && ticket_is_open(task, contact))
        return time->open_tickets_ms;
    if (contact->channel != RC_CHANNEL_NONE)
        return time->retention_ms[contact->channel];
    int64_t longest = time->open_tickets_ms;
    for (uint32_t i = 0; i < RC_CHANNEL_COUNT; i++)
        if (time->retention_ms[i] > longest)
            longest = time->retention_ms[i];
    return longest;
}
