/* Names by reference: clients, their queues, and keys with their roll-ups. */
#define XXH_INLINE_ALL
#include "task.h"
#include <string.h>
#include <xxhash.h>

static uint32_t tag_of(uint64_t seed, const char *bytes, uint32_t size)
{
    uint64_t hash = XXH3_64bits_withSeed(bytes, size, seed);
    return (uint32_t)(hash ^ hash >> 32);
}

static void client_fill(struct agg_task *task, struct agg_client *client)
{
    const struct rc_client_policy *policy = client->policy;
    for (uint32_t i = 0; i < RC_INTERVAL_COUNT; i++)
        client->window_start[i] = client->window_end[i] = 0;
    if (policy->no_customer_count == 0)
        return;
    client->no_customer = agg_map(policy->no_customer_count * sizeof *client->no_customer);
    for (uint32_t i = 0; i < policy->no_customer_count; i++)
        client->no_customer[i] =
            agg_settings(task->agg)->pseudonym(task->config->privacy.key, policy->no_customer[i],
                                               (uint32_t)strlen(policy->no_customer[i]));
}

uint32_t agg_client_get(struct agg_task *task, const char *name, uint32_t size)
{
    uint32_t tag = tag_of(agg_settings(task->agg)->hash_secret, name, size), at = tag, ref;
    while ((ref = agg_index_next(&task->client_index, tag, &at))) {
        const struct agg_client *client = agg_client_at(task, ref);
        if (client->name_size == size &&
            !memcmp(agg_text_at(&task->texts, client->name, size), name, size))
            return ref;
    }
    ref = agg_pool_get(&task->client);
    struct agg_client *client = agg_client_at(task, ref);
    client->name = agg_text_put(&task->texts, name, size);
    client->name_size = size;
    client->tag = tag;
    client->id_seed = XXH3_64bits_withSeed(name, size, agg_settings(task->agg)->hash_secret);
    client->policy = rc_client_policy(&task->config->contracts, name, size);
    client->configured = client->policy != &task->config->contracts.defaults;
    if (!client->configured)
        rc_count(&task->stats->unknown_clients, 1);
    client_fill(task, client);
    agg_index_add(&task->client_index, tag, ref);
    return ref;
}

uint64_t agg_id_hash(const struct agg_task *task, uint32_t client_ref, const char *id,
                     uint32_t size)
{
    return XXH3_64bits_withSeed(id, size, agg_client_at(task, client_ref)->id_seed);
}

bool agg_client_ignores(const struct agg_client *client, const struct rc_id128 *customer)
{
    for (uint32_t i = 0; i < client->policy->no_customer_count; i++)
        if (client->no_customer[i].high == customer->high &&
            client->no_customer[i].low == customer->low)
            return true;
    return false;
}

void agg_window_at(struct agg_client *client, const struct rc_windows *windows, uint32_t window,
                   int64_t at_ms, int64_t *ret_start_ms, int64_t *ret_end_ms)
{
    if (at_ms >= client->window_start[window] && at_ms < client->window_end[window]) {
        *ret_start_ms = client->window_start[window];
        *ret_end_ms = client->window_end[window];
        return;
    }
    rc_interval_at(client->policy->zone, windows->interval[window].kind, at_ms, ret_start_ms,
                   ret_end_ms);
    if (*ret_start_ms >= client->window_end[window]) {
        client->window_start[window] = *ret_start_ms;
        client->window_end[window] = *ret_end_ms;
    }
}

static uint32_t queue_tag(uint32_t client, const char *name, uint32_t size)
{
    return tag_of(client, name, size);
}

uint32_t agg_queue_find(const struct agg_task *task, uint32_t client, const char *name,
                        uint32_t size)
{
    uint32_t tag = queue_tag(client, name, size), at = tag, ref;
    while ((ref = agg_index_next(&task->queue_index, tag, &at))) {
        const struct agg_queue *queue = agg_queue_at(task, ref);
        if (queue->client == client && queue->name_size == size &&
            !memcmp(agg_text_at(&task->texts, queue->name, size), name, size))
            return ref;
    }
    return 0;
}

uint32_t agg_queue_get(struct agg_task *task, uint32_t client_ref, const char *name, uint32_t size)
{
    uint32_t ref = agg_queue_find(task, client_ref, name, size);
    if (ref)
        return ref;
    struct agg_client *client = agg_client_at(task, client_ref);
    ref = agg_pool_get(&task->queue);
    struct agg_queue *queue = agg_queue_at(task, ref);
    queue->client = client_ref;
    queue->name = agg_text_put(&task->texts, name, size);
    queue->name_size = size;
    queue->policy = rc_queue_policy(client->policy->queue, client->policy->queue_count, name, size);
    if (!queue->policy)
        rc_count(&task->stats->unknown_queues, 1);
    client->queue_count++;
    agg_index_add(&task->queue_index, queue_tag(client_ref, name, size), ref);
    return ref;
}

/* ---- priorities ---- */

uint32_t agg_priority_take(struct agg_task *task, const char *text, uint32_t size)
{
    uint32_t tag = tag_of(0, text, size), at = tag, ref;
    struct agg_priority *priority;
    while ((ref = agg_index_next(&task->priority_index, tag, &at))) {
        priority = agg_priority_at(task, ref);
        if (priority->size == size && !memcmp(priority->text, text, size)) {
            priority->contacts++;
            return ref;
        }
    }
    ref = agg_pool_get(&task->priority);
    priority = agg_priority_at(task, ref);
    memcpy(priority->text, text, size);
    priority->size = size;
    priority->contacts = 1;
    agg_index_add(&task->priority_index, tag, ref);
    return ref;
}

void agg_priority_drop(struct agg_task *task, uint32_t ref)
{
    struct agg_priority *priority = ref ? agg_priority_at(task, ref) : NULL;
    if (!priority || --priority->contacts)
        return;
    agg_index_remove(&task->priority_index, tag_of(0, priority->text, priority->size), ref);
    agg_pool_put(&task->priority, ref);
}

/* ---- keys ---- */

static uint32_t key_tag(uint32_t client, uint32_t queue, uint32_t group, uint8_t kind,
                        uint8_t channel)
{
    uint32_t parts[5] = {client, queue, group, kind, channel};
    return tag_of(0, (const char *)parts, sizeof parts);
}

static uint32_t key_find(struct agg_task *task, uint32_t client, uint32_t queue, uint32_t group,
                         uint8_t kind, uint8_t channel)
{
    uint32_t tag = key_tag(client, queue, group, kind, channel), at = tag, ref;
    while ((ref = agg_index_next(&task->key_index, tag, &at))) {
        const struct agg_key *key = agg_key_at(task, ref);
        if (key->client == client && key->queue == queue && key->group == group &&
            key->kind == kind && key->channel == channel && !key->base)
            return ref;
    }
    return 0;
}

static uint32_t key_new(struct agg_task *task, uint32_t client, uint32_t queue, uint32_t group,
                        uint8_t kind, uint8_t channel)
{
    uint32_t ref = agg_pool_get(&task->key);
    struct agg_key *key = agg_key_at(task, ref);
    key->client = client;
    key->queue = queue;
    key->group = group;
    key->kind = kind;
    key->channel = channel;
    agg_index_add(&task->key_index, key_tag(client, queue, group, kind, channel), ref);
    agg_key_made(task->agg);
    return ref;
}

static void key_name(struct agg_key *key, const char *prefix, const char *name, uint32_t size)
{
    uint32_t prefix_size = (uint32_t)strlen(prefix);
    memcpy(key->name, prefix, prefix_size);
    if (size > RC_QUEUE_MAX - prefix_size)
        size = RC_QUEUE_MAX - prefix_size;
    memcpy(key->name + prefix_size, name, size);
    key->name_size = (uint8_t)(prefix_size + size);
}

static void key_link(struct agg_task *task, uint32_t queue_key, uint32_t total_key)
{
    struct agg_key *low = agg_key_at(task, queue_key), *high = agg_key_at(task, total_key);
    uint32_t up = agg_pool_get(&task->link), down = agg_pool_get(&task->link);
    *agg_link_at(task, up) = (struct agg_link){total_key, low->up};
    *agg_link_at(task, down) = (struct agg_link){queue_key, high->down};
    low->up = up;
    high->down = down;
}

static bool is_member(const struct rc_queue_policy *group, const char *name, uint32_t size)
{
    for (uint32_t i = 0; i < group->member_count; i++)
        if (strlen(group->member[i]) == size && !memcmp(group->member[i], name, size))
            return true;
    return false;
}

static void key_join_groups(struct agg_task *task, uint32_t key_ref, uint32_t client_ref,
                            const char *name, uint32_t size, uint8_t channel)
{
    const struct rc_client_policy *policy = agg_client_at(task, client_ref)->policy;
    for (uint32_t i = 0; i < policy->group_count; i++) {
        if (!is_member(&policy->group[i], name, size))
            continue;
        uint32_t ref = key_find(task, client_ref, 0, i, AGG_KEY_GROUP, channel);
        if (!ref) {
            ref = key_new(task, client_ref, 0, i, AGG_KEY_GROUP, channel);
            struct agg_key *key = agg_key_at(task, ref);
            key_name(key, "@", policy->group[i].name, policy->group[i].name_size);
            key->contracts = &policy->group[i].channel[channel];
        }
        key_link(task, key_ref, ref);
    }
}

uint32_t agg_key_get(struct agg_task *task, uint32_t client_ref, uint32_t queue_ref,
                     uint8_t channel)
{
    uint32_t ref = key_find(task, client_ref, queue_ref, 0, AGG_KEY_QUEUE, channel);
    if (ref)
        return ref;
    const struct rc_client_policy *policy = agg_client_at(task, client_ref)->policy;
    const struct agg_queue *queue = agg_queue_at(task, queue_ref);
    const char *name = agg_text_at(&task->texts, queue->name, queue->name_size);
    ref = key_new(task, client_ref, queue_ref, 0, AGG_KEY_QUEUE, channel);
    struct agg_key *key = agg_key_at(task, ref);
    key_name(key, "", name, queue->name_size);
    key->contracts = queue->policy ? &queue->policy->channel[channel] : &policy->channel[channel];
    uint32_t total = key_find(task, client_ref, 0, 0, AGG_KEY_TOTAL, channel);
    if (!total) {
        total = key_new(task, client_ref, 0, 0, AGG_KEY_TOTAL, channel);
        struct agg_key *all = agg_key_at(task, total);
        key_name(all, "*", "", 0);
        all->contracts = &policy->total[channel];
    }
    key_link(task, ref, total);
    key_join_groups(task, ref, client_ref, name, queue->name_size, channel);
    return ref;
}

uint32_t agg_key_of_clock(struct agg_task *task, uint32_t base, const struct rc_clock *clock)
{
    uint32_t tag = tag_of(base, clock->name, clock->name_size), at = tag, ref;
    while ((ref = agg_index_next(&task->key_index, tag, &at))) {
        const struct agg_key *key = agg_key_at(task, ref);
        if (key->base == base && key->clock->name_size == clock->name_size &&
            !memcmp(key->clock->name, clock->name, clock->name_size))
            return ref;
    }
    ref = agg_pool_get(&task->key);
    struct agg_key *key = agg_key_at(task, ref);
    const struct agg_key *above = agg_key_at(task, base);
    key->client = above->client;
    key->queue = above->queue;
    key->group = above->group;
    key->kind = above->kind;
    key->channel = above->channel;
    key->contracts = above->contracts;
    key->name_size = above->name_size;
    memcpy(key->name, above->name, sizeof key->name);
    key->base = base;
    key->clock = clock;
    agg_index_add(&task->key_index, tag, ref);
    agg_key_made(task->agg);
    return ref;
}
