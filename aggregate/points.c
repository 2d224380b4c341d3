/* The points of a contact (SPEC section 3): what may happen to it more than once. A sorted array in
 * a pool by size; it grows by doubling. */
#include "contact.h"
#include <string.h>

bool agg_is_point(uint8_t type)
{
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

/* Tells one agent from another; 0: none. */
static uint64_t agent_of(const struct agg_task *task, uint32_t client, const struct rc_event *ev)
{
    if (!ev->agent_size)
        return 0;
    uint64_t hash = agg_id_hash(task, client, rc_event_agent(ev), ev->agent_size);
    return hash | 1ull << 32 | 1; /* in neither half taken for none */
}

/* `queue`: of an `assigned` that carries one; 0: it is not known by that name yet. */
static struct agg_point point_of(const struct agg_task *task, uint32_t client,
                                 const struct rc_event *ev, uint32_t queue)
{
    struct agg_point point = {.time_ms = ev->time_ms, .type = ev->type};
    switch (ev->type) {
    case RC_TYPE_resolved:
        point.value = (ev->flags & RC_EVENT_RESOLVED) != 0;
        break;
    case RC_TYPE_assigned:
        point.value = (uint64_t)queue << 32 | agent_of(task, client, ev) >> 32;
        break;
    case RC_TYPE_worked:
        point.value = (uint64_t)ev->value << 32 | agent_of(task, client, ev) >> 32;
        break;
    case RC_TYPE_replied:
        point.value = agent_of(task, client, ev);
        break;
    default:
        break;
    }
    return point;
}

static int point_compare(const struct agg_point *a, const struct agg_point *b)
{
    if (a->time_ms != b->time_ms)
        return a->time_ms < b->time_ms ? -1 : 1;
    if (a->type != b->type)
        return a->type < b->type ? -1 : 1;
    return a->value < b->value ? -1 : a->value > b->value;
}

const struct agg_point *agg_points(const struct agg_task *task, const struct agg_contact *contact)
{
    return contact->points ? agg_pool_at(&task->point[contact->point_class], contact->points)
                           : NULL;
}

/* Where the point is or would be. */
static uint32_t point_place(const struct agg_task *task, const struct agg_contact *contact,
                            const struct agg_point *point, bool *ret_there)
{
    const struct agg_point *list = agg_points(task, contact);
    uint32_t at = contact->point_count;
    while (at > 0 && point_compare(&list[at - 1], point) > 0)
        at--;
    *ret_there = at > 0 && point_compare(&list[at - 1], point) == 0;
    return at;
}

static uint32_t count_queued(const struct agg_task *task, const struct agg_contact *contact)
{
    const struct agg_point *list = agg_points(task, contact);
    uint32_t count = 0;
    for (uint32_t i = 0; i < contact->point_count; i++)
        count += list[i].type == RC_TYPE_queued;
    return count;
}

bool agg_point_room(const struct agg_task *task, const struct agg_contact *contact,
                    const struct rc_event *ev)
{
    if (contact->point_count < AGG_POINTS_MAX)
        return true;
    uint32_t queue = 0;
    if (ev->type == RC_TYPE_queued)
        return count_queued(task, contact) < AGG_POINTS_MAX_QUEUED;
    if (!agg_is_point(ev->type))
        return true;
    bool resolving =
        ev->type == RC_TYPE_resolved || ev->type == RC_TYPE_reopened || ev->type == RC_TYPE_closed;
    uint32_t most = resolving ? AGG_POINTS_MAX_RESOLVING : AGG_POINTS_MAX;
    if (contact->point_count - count_queued(task, contact) < most)
        return true;
    if (ev->type == RC_TYPE_assigned && ev->queue_size) {
        queue = agg_queue_find(task, contact->client, rc_event_queue(ev), ev->queue_size);
        if (!queue)
            return false;
    }
    struct agg_point point = point_of(task, contact->client, ev, queue);
    bool there;
    point_place(task, contact, &point, &there);
    return there;
}

static bool add(struct agg_task *task, struct agg_contact *contact, struct agg_point point)
{
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

bool agg_point_add(struct agg_task *task, struct agg_contact *contact, const struct rc_event *ev)
{
    uint32_t queue = 0;
    if (ev->type == RC_TYPE_assigned && ev->queue_size)
        queue = agg_queue_get(task, contact->client, rc_event_queue(ev), ev->queue_size);
    return add(task, contact, point_of(task, contact->client, ev, queue));
}

bool agg_point_add_queued(struct agg_task *task, struct agg_contact *contact, int64_t time_ms,
                          uint32_t queue)
{
    return add(task, contact, (struct agg_point){time_ms, RC_TYPE_queued, (uint64_t)queue << 32});
}

void agg_points_drop(struct agg_task *task, struct agg_contact *contact)
{
    if (contact->points)
        agg_pool_put(&task->point[contact->point_class], contact->points);
    contact->points = 0;
    contact->point_count = 0;
}
