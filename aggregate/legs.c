/* The seats of an episode of several contacts. Seats are a list of references by class of size. As
 * soon as there is more than a block of them, parts are kept in a tree, so that a change of one of
 * 1,024 contacts costs a block and ten merges. */
#include "episode.h"
#include "task.h"
#include <string.h>

void agg_legs_init(struct agg_task *task)
{
    agg_pool_init(&task->legs, sizeof(struct agg_legs));
    agg_pool_init(&task->note, sizeof(struct agg_note));
    agg_pool_init(&task->folded, sizeof(struct agg_part));
    for (uint32_t i = 0; i < AGG_SEAT_CLASSES; i++) {
        agg_pool_init(&task->seats[i], (AGG_SEAT_BLOCK << i) * (uint32_t)sizeof(uint32_t));
        agg_pool_init(&task->parts[i], (2u << i) * (uint32_t)sizeof(struct agg_part));
    }
}

void agg_legs_done(struct agg_task *task)
{
    agg_pool_done(&task->legs);
    agg_pool_done(&task->note);
    agg_pool_done(&task->folded);
    for (uint32_t i = 0; i < AGG_SEAT_CLASSES; i++) {
        agg_pool_done(&task->seats[i]);
        agg_pool_done(&task->parts[i]);
    }
}

void agg_legs_count(const struct agg_task *task, struct agg_memory *memory)
{
    agg_pool_count(&task->legs, memory);
    agg_pool_count(&task->note, memory);
    agg_pool_count(&task->folded, memory);
    for (uint32_t i = 0; i < AGG_SEAT_CLASSES; i++) {
        agg_pool_count(&task->seats[i], memory);
        agg_pool_count(&task->parts[i], memory);
    }
}

static uint32_t *seats_of(const struct agg_task *task, const struct agg_legs *legs)
{
    return agg_pool_at(&task->seats[legs->class], legs->seats);
}

static struct agg_part *tree_of(const struct agg_task *task, const struct agg_legs *legs)
{
    return agg_pool_at(&task->parts[legs->class], legs->tree);
}

/* ---- the tree ---- */

static void gather_block(struct agg_task *task, const struct agg_legs *legs, uint32_t block,
                         struct agg_part *part)
{
    const uint32_t *seat = seats_of(task, legs);
    uint32_t end = (block + 1) * AGG_SEAT_BLOCK;
    for (uint32_t i = block * AGG_SEAT_BLOCK; i < end && i < legs->count; i++) {
        struct agg_part more;
        agg_part_of(task, seat[i], &more);
        agg_part_merge(task, part, &more);
        task->episode_steps++;
    }
}

static void settle_node(struct agg_task *task, struct agg_part *tree, uint32_t node)
{
    tree[node] = tree[node * 2];
    agg_part_merge(task, &tree[node], &tree[node * 2 + 1]);
    task->episode_steps++;
}

static void settle_block(struct agg_task *task, const struct agg_legs *legs, uint32_t block)
{
    if (!legs->tree)
        return;
    struct agg_part *tree = tree_of(task, legs);
    uint32_t node = (1u << legs->class) + block;
    tree[node] = (struct agg_part){0};
    gather_block(task, legs, block, &tree[node]);
    for (node /= 2; node; node /= 2)
        settle_node(task, tree, node);
}

static void settle_all(struct agg_task *task, const struct agg_legs *legs)
{
    struct agg_part *tree = tree_of(task, legs);
    uint32_t blocks = 1u << legs->class;
    for (uint32_t i = 0; i < blocks; i++) {
        tree[blocks + i] = (struct agg_part){0};
        gather_block(task, legs, i, &tree[blocks + i]);
    }
    for (uint32_t node = blocks - 1; node; node--)
        settle_node(task, tree, node);
}

void agg_legs_renew(struct agg_task *task, const struct agg_legs *legs)
{
    if (legs->tree)
        settle_all(task, legs);
}

/* ---- seats ---- */

static void seats_grow(struct agg_task *task, struct agg_legs *legs)
{
    struct agg_legs old = *legs;
    legs->class = old.seats ? old.class + 1 : 0;
    legs->seats = agg_pool_get(&task->seats[legs->class]);
    if (old.seats) {
        memcpy(seats_of(task, legs), seats_of(task, &old), old.count * sizeof(uint32_t));
        agg_pool_put(&task->seats[old.class], old.seats);
    }
    if (old.tree)
        agg_pool_put(&task->parts[old.class], old.tree);
    if (legs->class)
        legs->tree = agg_pool_get(&task->parts[legs->class]);
}

void agg_legs_seat(struct agg_task *task, struct agg_legs *legs, uint32_t contact)
{
    bool grows = !legs->seats || legs->count == AGG_SEAT_BLOCK << legs->class;
    if (grows)
        seats_grow(task, legs);
    agg_contact_at(task, contact)->seat = legs->count;
    seats_of(task, legs)[legs->count++] = contact;
    if (grows && legs->tree)
        settle_all(task, legs);
    else
        settle_block(task, legs, (legs->count - 1u) / AGG_SEAT_BLOCK);
}

static void seats_free(struct agg_task *task, struct agg_legs *legs)
{
    if (legs->seats)
        agg_pool_put(&task->seats[legs->class], legs->seats);
    if (legs->tree)
        agg_pool_put(&task->parts[legs->class], legs->tree);
    legs->seats = legs->tree = legs->class = 0;
}

void agg_legs_leave(struct agg_task *task, struct agg_legs *legs, uint32_t contact)
{
    uint32_t *list = seats_of(task, legs), seat = agg_contact_at(task, contact)->seat;
    uint32_t last = --legs->count;
    RC_CHECK(seat <= last && list[seat] == contact);
    list[seat] = list[last];
    agg_contact_at(task, list[seat])->seat = seat;
    if (!last) {
        seats_free(task, legs);
        return;
    }
    settle_block(task, legs, last / AGG_SEAT_BLOCK);
    if (seat / AGG_SEAT_BLOCK != last / AGG_SEAT_BLOCK)
        settle_block(task, legs, seat / AGG_SEAT_BLOCK);
}

void agg_legs_touch(struct agg_task *task, struct agg_legs *legs, uint32_t contact)
{
    settle_block(task, legs, agg_contact_at(task, contact)->seat / AGG_SEAT_BLOCK);
}

void agg_legs_gather(struct agg_task *task, const struct agg_legs *legs, struct agg_part *ret_part)
{
    *ret_part = (struct agg_part){0};
    if (legs->folded)
        *ret_part = *(struct agg_part *)agg_pool_at(&task->folded, legs->folded);
    if (legs->tree)
        agg_part_merge(task, ret_part, &tree_of(task, legs)[1]);
    else if (legs->count)
        gather_block(task, legs, 0, ret_part);
}

void agg_legs_free(struct agg_task *task, uint32_t ref)
{
    struct agg_legs *legs = agg_pool_at(&task->legs, ref);
    seats_free(task, legs);
    if (legs->folded) {
        agg_part_drop(task, agg_pool_at(&task->folded, legs->folded));
        agg_pool_put(&task->folded, legs->folded);
    }
    agg_pool_put(&task->legs, ref);
}
