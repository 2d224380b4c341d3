/* Who is next to whom, and what stays of an episode whose summary is gone: a ghost, which only
 * those know that were there. Of several ghosts in a row those after the first say the same, as a
 * rule, and are not kept. */
#include "neighbour.h"
#include "task.h"

/* ---- the next start ---- */

enum { AGE_BITS = 20, AGE_MASK = (1 << AGE_BITS) - 1 };

uint32_t agg_age_of_episode(struct agg_task *task)
{
    if (task->age_over)
        task->age = (task->age + 1) & AGE_MASK;
    task->age_over = false;
    return task->age;
}

uint32_t agg_age_of_ghost(struct agg_task *task)
{
    task->age_over = true;
    return task->age;
}

/* The ghost's summary was there when the episode came. */
static bool has_met(const struct agg_episode *episode, const struct agg_episode *ghost)
{
    uint32_t since = (uint32_t)ghost->age - (uint32_t)episode->age;
    return (since & AGE_MASK) <= AGE_MASK / 2;
}

int64_t agg_next_start(struct agg_task *task, uint32_t ref, uint8_t scope)
{
    const struct agg_episode *episode = agg_episode_at(task, ref);
    uint32_t root = agg_customer_find(task, episode->customer);
    uint32_t bits = scope == RC_FCR_CLIENT ? 0 : agg_place_bit(episode->key);
    int64_t from = (int64_t)episode->start;
    for (uint32_t at = agg_customer_after(task, root, from, 0, bits); at;
         at = agg_customer_after(task, root, from, at, bits)) {
        const struct agg_episode *other = agg_episode_at(task, at);
        from = (int64_t)other->start;
        if (at != ref && agg_episode_in_scope(episode, other, scope) &&
            (agg_episode_is_live(other) || has_met(episode, other)))
            return from;
    }
    return RC_TIME_NONE;
}

/* ---- groups ---- */

static bool belongs(const struct agg_task *task, const struct agg_group *group, uint32_t ref)
{
    const struct agg_episode *episode = agg_episode_at(task, ref);
    return agg_episode_is_live(episode) && ref != group->self &&
           (!group->place || episode->key == group->place);
}

static uint32_t bits_of(const struct agg_group *group)
{
    return group->place ? agg_place_bit(group->place) : AGG_BELOW_LIVE;
}

uint32_t agg_group_next(struct agg_task *task, struct agg_group *group)
{
    do {
        group->at = agg_customer_after(task, group->root, group->start, group->at, bits_of(group));
        if (!group->at || (int64_t)agg_episode_at(task, group->at)->start != group->start)
            return 0;
    } while (!belongs(task, group, group->at));
    return group->at;
}

bool agg_group_move(struct agg_task *task, struct agg_group *group, bool back)
{
    int64_t start = group->start;
    uint32_t at = back ? 0 : UINT32_MAX, bits = bits_of(group);
    do {
        at = back ? agg_customer_before(task, group->root, start, at, bits)
                  : agg_customer_after(task, group->root, start, at, bits);
        if (!at)
            return false;
        start = (int64_t)agg_episode_at(task, at)->start;
    } while (!belongs(task, group, at));
    group->start = start;
    group->at = 0;
    return true;
}

struct agg_group agg_group_of(struct agg_task *task, uint32_t ref, bool same_place)
{
    const struct agg_episode *episode = agg_episode_at(task, ref);
    return (struct agg_group){.root = agg_customer_find(task, episode->customer),
                              .self = ref,
                              .place = same_place ? episode->key : 0,
                              .start = (int64_t)episode->start};
}

static void collect_group(struct agg_task *task, struct agg_group group)
{
    uint32_t at;
    while ((at = agg_group_next(task, &group)))
        agg_list_add(&task->episode_set, at);
}

bool agg_episode_is_alone(const struct agg_task *task, uint32_t ref)
{
    const struct agg_episode *episode = agg_episode_at(task, ref);
    return !episode->left && !episode->right && agg_customer_find(task, episode->customer) == ref;
}

void agg_group_collect(struct agg_task *task, uint32_t ref)
{
    if (!agg_episode_is_linked(agg_episode_at(task, ref)) || agg_episode_is_alone(task, ref))
        return;
    collect_group(task, agg_group_of(task, ref, false));
    for (int same_place = 0; same_place <= task->queue_scope; same_place++)
        for (int back = 0; back < 2; back++) {
            struct agg_group group = agg_group_of(task, ref, same_place);
            if (agg_group_move(task, &group, back))
                collect_group(task, group);
        }
}

/* ---- ghosts ---- */

/* Have all that may ask for the next start from there on met that ghost? Only those that were
 * overtaken may not have. They are few; if they are not, a ghost too many does no harm. */
static bool have_all_met(struct agg_task *task, uint32_t self, uint32_t ghost)
{
    enum { LOOKED_AT_MAX = 16 };
    const struct agg_episode *episode = agg_episode_at(task, self);
    uint32_t root = agg_customer_find(task, episode->customer), at = UINT32_MAX;
    int64_t start = (int64_t)episode->start;
    for (int i = 0; i < LOOKED_AT_MAX; i++) {
        at = agg_customer_before(task, root, start, at, AGG_BELOW_OVERTAKEN);
        if (!at)
            return true;
        const struct agg_episode *other = agg_episode_at(task, at);
        if (at != self && !has_met(other, agg_episode_at(task, ghost)))
            return false;
        start = (int64_t)other->start;
    }
    return false;
}

bool agg_next_is_missed(struct agg_task *task, uint32_t ref)
{
    const struct agg_episode *episode = agg_episode_at(task, ref);
    uint32_t root = agg_customer_find(task, episode->customer);
    int64_t start = (int64_t)episode->start;
    uint32_t before = agg_customer_before(task, root, start, ref, 0);
    if (before && !agg_episode_is_live(agg_episode_at(task, before)) &&
        (!task->queue_scope || agg_episode_at(task, before)->key == episode->key) &&
        have_all_met(task, ref, before))
        return false;
    struct agg_group same = agg_group_of(task, ref, false);
    return agg_customer_before(task, root, start, ref, AGG_BELOW_LIVE) ||
           agg_group_next(task, &same);
}
