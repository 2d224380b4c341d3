/* A customer's episodes: a treap by (start, reference), whose priorities are hashes of references,
 * so that its shape does not depend on the order in which they came. The index of customers leads
 * to the root; a customer has no record of its own. Every node knows what is below it, so that a
 * search passes by what it does not look for. Expected O(log n) a step, as long as the customer's
 * queues are few enough to be told apart by AGG_BELOW_PLACES bits. */
#include "episode.h"
#include "task.h"

static uint32_t tag_of(uint64_t customer)
{
    return (uint32_t)(customer >> 32);
}

static uint32_t priority(uint32_t ref)
{
    ref = (ref ^ ref >> 16) * 0x85ebca6bu; /* the finalizer of MurmurHash3 */
    ref = (ref ^ ref >> 13) * 0xc2b2ae35u;
    return ref ^ ref >> 16;
}

static bool outranks(uint32_t a, uint32_t b)
{
    return priority(a) > priority(b) || (priority(a) == priority(b) && a > b);
}

static uint32_t own_bits(const struct agg_episode *episode)
{
    uint32_t place = agg_place_bit(episode->key);
    if (episode->form == AGG_FORM_GHOST)
        return place;
    return place | AGG_BELOW_LIVE | (episode->overtaken ? AGG_BELOW_OVERTAKEN : 0);
}

static uint32_t below(const struct agg_task *task, uint32_t ref)
{
    return ref ? agg_episode_at(task, ref)->below : 0;
}

static uint32_t settled(const struct agg_task *task, uint32_t ref)
{
    struct agg_episode *episode = agg_episode_at(task, ref);
    uint32_t bits = own_bits(episode) | below(task, episode->left) | below(task, episode->right);
    episode->below = bits & AGG_BELOW_MASK;
    return ref;
}

static bool precedes(const struct agg_episode *episode, uint32_t ref, int64_t start,
                     uint32_t start_ref)
{
    int64_t own = (int64_t)episode->start;
    return own != start ? own < start : ref < start_ref;
}

static bool goes_before(struct agg_task *task, uint32_t a, uint32_t b)
{
    task->episode_steps++;
    return precedes(agg_episode_at(task, a), a, (int64_t)agg_episode_at(task, b)->start, b);
}

/* Parts the tree into what goes before `ref` and what after. */
static void split(struct agg_task *task, uint32_t root, uint32_t ref, uint32_t *ret_left,
                  uint32_t *ret_right)
{
    if (!root) {
        *ret_left = *ret_right = 0;
        return;
    }
    struct agg_episode *episode = agg_episode_at(task, root);
    uint32_t left, right;
    if (goes_before(task, root, ref)) {
        split(task, episode->right, ref, &left, &right);
        episode->right = left;
        *ret_left = settled(task, root);
        *ret_right = right;
    } else {
        split(task, episode->left, ref, &left, &right);
        episode->left = right;
        *ret_left = left;
        *ret_right = settled(task, root);
    }
}

static uint32_t joined(struct agg_task *task, uint32_t left, uint32_t right)
{
    if (!left || !right)
        return left ? left : right;
    task->episode_steps++;
    if (outranks(left, right)) {
        struct agg_episode *episode = agg_episode_at(task, left);
        episode->right = joined(task, episode->right, right);
        return settled(task, left);
    }
    struct agg_episode *episode = agg_episode_at(task, right);
    episode->left = joined(task, left, episode->left);
    return settled(task, right);
}

static uint32_t with(struct agg_task *task, uint32_t root, uint32_t ref)
{
    struct agg_episode *episode = agg_episode_at(task, root ? root : ref);
    if (!root || outranks(ref, root)) {
        uint32_t left, right;
        split(task, root, ref, &left, &right);
        episode = agg_episode_at(task, ref);
        episode->left = left;
        episode->right = right;
        return settled(task, ref);
    }
    if (goes_before(task, root, ref))
        episode->right = with(task, episode->right, ref);
    else
        episode->left = with(task, episode->left, ref);
    return settled(task, root);
}

static uint32_t without(struct agg_task *task, uint32_t root, uint32_t ref)
{
    RC_CHECK(root != 0); /* it is in the tree */
    struct agg_episode *episode = agg_episode_at(task, root);
    if (root == ref)
        return joined(task, episode->left, episode->right);
    if (goes_before(task, root, ref))
        episode->right = without(task, episode->right, ref);
    else
        episode->left = without(task, episode->left, ref);
    return settled(task, root);
}

/* ---- searches ---- */

uint32_t agg_customer_after(struct agg_task *task, uint32_t root, int64_t start, uint32_t ref,
                            uint32_t bits)
{
    if (!root)
        return 0;
    const struct agg_episode *episode = agg_episode_at(task, root);
    if (bits && !(episode->below & bits))
        return 0;
    task->episode_steps++;
    if (root == ref || precedes(episode, root, start, ref))
        return agg_customer_after(task, episode->right, start, ref, bits);
    uint32_t found = agg_customer_after(task, episode->left, start, ref, bits);
    if (found)
        return found;
    if (!bits || own_bits(episode) & bits)
        return root;
    return agg_customer_after(task, episode->right, start, ref, bits);
}

uint32_t agg_customer_before(struct agg_task *task, uint32_t root, int64_t start, uint32_t ref,
                             uint32_t bits)
{
    if (!root)
        return 0;
    const struct agg_episode *episode = agg_episode_at(task, root);
    if (bits && !(episode->below & bits))
        return 0;
    task->episode_steps++;
    if (!precedes(episode, root, start, ref))
        return agg_customer_before(task, episode->left, start, ref, bits);
    uint32_t found = agg_customer_before(task, episode->right, start, ref, bits);
    if (found)
        return found;
    if (!bits || own_bits(episode) & bits)
        return root;
    return agg_customer_before(task, episode->left, start, ref, bits);
}

/* ---- the index ---- */

uint32_t agg_customer_tag(const struct agg_task *task, const void *row)
{
    (void)task;
    return tag_of(((const struct agg_episode *)row)->customer);
}

uint32_t agg_customer_find(const struct agg_task *task, uint64_t customer)
{
    uint32_t tag = tag_of(customer), at = tag, ref;
    while ((ref = agg_index_next(&task->customer_index, tag, &at)))
        if (agg_episode_at(task, ref)->customer == customer)
            return ref;
    return 0;
}

static uint64_t *customer_count(struct agg_task *task, const struct agg_episode *episode)
{
    return &agg_client_at(task, agg_key_at(task, episode->key)->client)->customer_count;
}

void agg_customer_link(struct agg_task *task, uint32_t ref)
{
    struct agg_episode *episode = agg_episode_at(task, ref);
    uint32_t tag = tag_of(episode->customer), old = agg_customer_find(task, episode->customer);
    uint32_t root = with(task, old, ref);
    if (!old) {
        agg_index_add(&task->customer_index, tag, root);
        ++*customer_count(task, episode);
    } else if (root != old) {
        agg_index_replace(&task->customer_index, tag, old, root);
    }
}

void agg_customer_unlink(struct agg_task *task, uint32_t ref)
{
    struct agg_episode *episode = agg_episode_at(task, ref);
    uint32_t tag = tag_of(episode->customer), old = agg_customer_find(task, episode->customer);
    uint32_t root = without(task, old, ref);
    if (!root) {
        agg_index_remove(&task->customer_index, tag, old);
        --*customer_count(task, episode);
    } else if (root != old) {
        agg_index_replace(&task->customer_index, tag, old, root);
    }
    episode->left = episode->right = 0;
}

void agg_customer_trim(struct agg_task *task, uint64_t customer)
{
    for (;;) {
        uint32_t root = agg_customer_find(task, customer);
        uint32_t first = agg_customer_after(task, root, 0, 0, 0);
        if (!first || agg_episode_at(task, first)->form != AGG_FORM_GHOST)
            return;
        uint32_t live = agg_customer_after(task, root, 0, 0, AGG_BELOW_LIVE);
        if (live && agg_episode_at(task, live)->start <= agg_episode_at(task, first)->start)
            return;
        agg_customer_unlink(task, first);
        agg_episode_at(task, first)->form = AGG_FORM_FREE;
        agg_pool_put(&task->episode, first);
    }
}
