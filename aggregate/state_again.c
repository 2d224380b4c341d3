/* What a saved state leaves out, made again: what names stand for in the configuration, the
 * indexes, the counters of things that are there. */
#include "contact.h"
#include "state.h"
#include <string.h>

/* ---- pointers ---- */

static enum rc_error clients_point(struct agg_restore *restore)
{
    struct agg_task *task = restore->task;
    for (uint32_t ref = 1; ref < task->client.next; ref++) {
        struct agg_client *client = agg_client_at(task, ref);
        const char *name = agg_text_at(&task->texts, client->name, client->name_size);
        bool was = client->configured;
        if (!agg_client_again(task, client))
            return agg_refuse(restore, "it was made with another hash secret");
        if (was != client->configured)
            return agg_refuse(restore, "client %.*s %s configured when it was made",
                              (int)client->name_size, name, was ? "was" : "was not");
        if (!client->configured)
            rc_count(&task->stats->unknown_clients, 1);
    }
    for (uint32_t ref = 1; ref < task->queue.next; ref++) {
        struct agg_queue *queue = agg_queue_at(task, ref);
        agg_queue_again(task, queue);
        if (!queue->policy)
            rc_count(&task->stats->unknown_queues, 1);
    }
    return RC_OK;
}

static enum rc_error keys_point(struct agg_restore *restore)
{
    struct agg_task *task = restore->task;
    for (uint32_t pass = 0; pass < 2; pass++) /* a clock's key is as its base */
        for (uint32_t ref = 1; ref < task->key.next; ref++) {
            struct agg_key *key = agg_key_at(task, ref);
            if (agg_is_live(restore, AGG_POOL_key, ref) && (key->base != 0) == (pass == 1) &&
                !agg_key_again(task, key))
                return agg_refuse(restore, "there is no group %.*s", (int)key->name_size,
                                  key->name);
        }
    return RC_OK;
}

/* One of that name from a contract that the key has had. */
static const struct rc_clock *clock_named(const struct agg_key *key,
                                          const struct agg_clock_row *row)
{
    const struct rc_clock *clock = NULL;
    for (uint32_t i = 0; i < key->contracts->count && !clock; i++)
        clock = rc_clock_named(&key->contracts->dated[i].contract, row->name, row->name_size);
    return clock;
}

static enum rc_error clocks_point(struct agg_restore *restore)
{
    struct agg_task *task = restore->task;
    for (uint32_t i = 0; i < restore->clock.count; i++) {
        const struct agg_clock_row *row = &restore->clock.row[i];
        if (!agg_is_live(restore, AGG_POOL_key, row->key) || !agg_key_at(task, row->key)->base)
            return agg_refuse(restore, "a clock leads astray");
        struct agg_key *key = agg_key_at(task, row->key);
        key->clock = clock_named(key, row);
        if (!key->clock)
            return agg_refuse(restore, "%.*s has no clock %.*s", (int)key->name_size, key->name,
                              (int)row->name_size, row->name);
    }
    for (uint32_t ref = 1; ref < task->key.next; ref++)
        if (agg_is_live(restore, AGG_POOL_key, ref) && agg_key_at(task, ref)->base &&
            !agg_key_at(task, ref)->clock)
            return agg_refuse(restore, "a clock is missing");
    agg_key_made(task->agg); /* ranks are given anew */
    return RC_OK;
}

/* ---- indexes ---- */

typedef uint32_t tag_of(const struct agg_task *task, const void *row);

/* Slots lie all over memory: those of some rows are fetched before the first is used. */
enum { AHEAD = 32 };

static void index_fill(const struct agg_restore *restore, enum agg_pool_id id,
                       struct agg_index *index, tag_of *tag_of_row,
                       bool (*belongs)(const struct agg_restore *, uint32_t ref))
{
    const struct agg_pool *pool = restore->rows[id].pool;
    struct agg_slot ahead[AHEAD];
    uint32_t held = 0;
    agg_index_reserve(index, (uint32_t)pool->live);
    for (uint32_t ref = 1; ref <= pool->next; ref++) {
        if (ref < pool->next && agg_is_live(restore, id, ref) &&
            (!belongs || belongs(restore, ref))) {
            uint32_t tag = tag_of_row(restore->task, agg_pool_at(pool, ref));
            __builtin_prefetch(&index->slot[tag & index->mask], 1);
            ahead[held++] = (struct agg_slot){tag, ref};
        }
        if (held < AHEAD && ref < pool->next)
            continue;
        for (uint32_t i = 0; i < held; i++)
            agg_index_add(index, ahead[i].tag, ahead[i].ref);
        held = 0;
    }
}

static bool is_known(const struct agg_restore *restore, uint32_t ref)
{
    return agg_episode_at(restore->task, ref)->form != AGG_FORM_GHOST;
}

static bool is_root(const struct agg_restore *restore, uint32_t ref)
{
    return agg_episode_is_linked(agg_episode_at(restore->task, ref)) &&
           !agg_bit(restore->child, ref);
}

static void indexes_fill(const struct agg_restore *restore)
{
    struct agg_task *task = restore->task;
    index_fill(restore, AGG_POOL_client, &task->client_index, agg_client_tag, NULL);
    index_fill(restore, AGG_POOL_queue, &task->queue_index, agg_queue_tag, NULL);
    index_fill(restore, AGG_POOL_priority, &task->priority_index, agg_priority_tag, NULL);
    index_fill(restore, AGG_POOL_key, &task->key_index, agg_key_tag, NULL);
    index_fill(restore, AGG_POOL_contact, &task->contact_index, agg_contact_tag, NULL);
    index_fill(restore, AGG_POOL_identity, &task->identity_index, agg_identity_tag, NULL);
    index_fill(restore, AGG_POOL_pane, &task->pane_index, agg_pane_tag, NULL);
    index_fill(restore, AGG_POOL_shown, &task->shown_index, agg_shown_tag, NULL);
    index_fill(restore, AGG_POOL_episode, &task->episode_index, agg_episode_tag, is_known);
    index_fill(restore, AGG_POOL_episode, &task->customer_index, agg_customer_tag, is_root);
}

/* ---- the rest ---- */

static void due_fill(struct agg_due *due)
{
    for (uint32_t level = 0; level < DUE_LEVELS; level++)
        for (uint32_t slot = 0; slot < DUE_SLOTS; slot++)
            if (due->slot[level][slot])
                due->used[level] |= 1ull << slot;
}

static void counters_fill(struct agg_task *task)
{
    uint64_t unplaced = 0;
    for (uint32_t ref = 1; ref < task->contact.next; ref++) {
        const struct agg_contact *contact = agg_contact_at(task, ref);
        unplaced += contact->flags & AGG_LIVE && !contact->key;
    }
    rc_count(&task->stats->unplaced, unplaced);
}

enum rc_error agg_state_again(struct agg_restore *restore)
{
    enum rc_error err = clients_point(restore);
    if (!err)
        err = keys_point(restore);
    if (!err)
        err = clocks_point(restore);
    if (err)
        return err;
    indexes_fill(restore);
    due_fill(&restore->task->due);
    counters_fill(restore->task);
    return RC_OK;
}
