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

uint32_t agg_client_tag(const struct agg_task *task, const void *row)
{
    const struct agg_client *client = row;
    return tag_of(agg_settings(task->agg)->hash_secret,
                  agg_text_at(&task->texts, client->name, client->name_size), client->name_size);
}

bool agg_client_again(struct agg_task *task, struct agg_client *client)
{
    const char *name = agg_text_at(&task->texts, client->name, client->name_size);
    uint64_t seed =
        XXH3_64bits_withSeed(name, client->name_size, agg_settings(task->agg)->hash_secret);
    client->policy = rc_client_policy(&task->config->contracts, name, client->name_size);
    client->configured = client->policy != &task->config->contracts.defaults;
    client_fill(task, client);
    return client->id_seed == seed && client->tag == agg_client_tag(task, client);
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

uint32_t agg_queue_tag(const struct agg_task *task, const void *row)
{
    const struct agg_queue *queue = row;
    return queue_tag(queue->client, agg_text_at(&task->texts, queue->name, queue->name_size),
                     queue->name_size);
}

void agg_queue_again(struct agg_task *task, struct agg_queue *queue)
{
    const struct rc_client_policy *client = agg_client_at(task, queue->client)->policy;
    queue->policy =
        rc_queue_policy(client->queue, client->queue_count,
                        agg_text_at(&task->texts, queue->name, queue->name_size), queue->name_size);
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

uint32_t agg_priority_tag(const struct agg_task *task, const void *row)
{
    const struct agg_priority *priority = row;
    (void)task;
    return tag_of(0, priority->text, priority->size);
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

/* ---- another configuration ---- */

static void client_configure(struct agg_task *task, struct agg_client *client)
{
    const struct rc_contracts *contracts = &task->config->contracts;
    const char *name = agg_text_at(&task->texts, client->name, client->name_size);
    bool was = client->configured;
    agg_unmap(client->no_customer, client->policy->no_customer_count * sizeof *client->no_customer);
    client->no_customer = NULL;
    client->policy = rc_client_policy(contracts, name, client->name_size);
    client->configured = client->policy != &contracts->defaults;
    if (was != client->configured)
        rc_count(&task->stats->unknown_clients, was ? 1 : (uint64_t)-1);
    client->calm_from = client->calm_until = 0;
    client_fill(task, client);
}

static void queue_configure(struct agg_task *task, struct agg_queue *queue)
{
    const struct rc_client_policy *policy = agg_client_at(task, queue->client)->policy;
    bool was = queue->policy != NULL;
    queue->policy =
        rc_queue_policy(policy->queue, policy->queue_count,
                        agg_text_at(&task->texts, queue->name, queue->name_size), queue->name_size);
    if (was != (queue->policy != NULL))
        rc_count(&task->stats->unknown_queues, was ? 1 : (uint64_t)-1);
}

static void links_drop(struct agg_task *task, uint32_t *first)
{
    while (*first) {
        uint32_t ref = *first;
        *first = agg_link_at(task, ref)->next;
        agg_pool_put(&task->link, ref);
    }
}

/* Groups are numbered by the configuration: they leave the index under the old number. */
static void group_leave(struct agg_task *task, uint32_t ref)
{
    struct agg_key *key = agg_key_at(task, ref);
    const struct agg_client *client = agg_client_at(task, key->client);
    const char *client_name = agg_text_at(&task->texts, client->name, client->name_size);
    const struct rc_queue_policy *was = &client->policy->group[key->group];
    const struct rc_client_policy *policy =
        rc_client_policy(&task->config->contracts, client_name, client->name_size);
    const struct rc_queue_policy *is =
        rc_queue_policy(policy->group, policy->group_count, was->name, was->name_size);
    agg_index_remove(&task->key_index,
                     key_tag(key->client, 0, key->group, AGG_KEY_GROUP, key->channel), ref);
    key->gone = is == NULL;
    if (is == NULL)
        return;
    key->group = (uint32_t)(is - policy->group);
    key->contracts = &is->channel[key->channel];
}

static void group_join(struct agg_task *task, uint32_t ref)
{
    const struct agg_key *key = agg_key_at(task, ref);
    if (!key->gone)
        agg_index_add(&task->key_index,
                      key_tag(key->client, 0, key->group, AGG_KEY_GROUP, key->channel), ref);
}

static const struct rc_contract_list *contracts_of(const struct agg_task *task,
                                                   const struct agg_key *key)
{
    const struct rc_client_policy *policy = agg_client_at(task, key->client)->policy;
    if (key->kind == AGG_KEY_TOTAL)
        return &policy->total[key->channel];
    const struct agg_queue *queue = agg_queue_at(task, key->queue);
    return queue->policy ? &queue->policy->channel[key->channel] : &policy->channel[key->channel];
}

/* What the clock is called, and what it measured, is asked until the next mark. */
static const struct rc_clock *clock_copy(const struct rc_clock *clock)
{
    struct rc_clock *copy = agg_map(sizeof *copy + clock->name_size);
    char *name = (char *)(copy + 1);
    memcpy(name, clock->name, clock->name_size);
    *copy =
        (struct rc_clock){.name = name, .name_size = clock->name_size, .measure = clock->measure};
    return copy;
}

/* The keys of groups are those of the new configuration by now. */
static void clock_configure(struct agg_task *task, uint32_t ref)
{
    struct agg_key *key = agg_key_at(task, ref);
    const struct agg_key *base = agg_key_at(task, key->base);
    const struct rc_clock *clock = NULL;
    for (uint32_t i = 0; !base->gone && !clock && i < base->contracts->count; i++)
        clock = rc_clock_named(&base->contracts->dated[i].contract, key->clock->name,
                               key->clock->name_size);
    key->gone = clock == NULL;
    if (clock == NULL) {
        agg_index_remove(&task->key_index,
                         tag_of(key->base, key->clock->name, key->clock->name_size), ref);
        key->clock = clock_copy(key->clock);
        return;
    }
    key->contracts = base->contracts;
    key->clock = clock;
}

static void roll_ups_configure(struct agg_task *task)
{
    uint32_t count = task->key.next;
    for (uint32_t ref = 1; ref < count; ref++) {
        struct agg_key *key = agg_key_at(task, ref);
        if (key->kind != AGG_KEY_QUEUE || key->base || !key->name_size)
            continue;
        const struct agg_queue *queue = agg_queue_at(task, key->queue);
        key_link(task, ref, key_find(task, key->client, 0, 0, AGG_KEY_TOTAL, key->channel));
        key_join_groups(task, ref, key->client,
                        agg_text_at(&task->texts, queue->name, queue->name_size), queue->name_size,
                        key->channel);
    }
}

bool agg_names_configure(struct agg_task *task)
{
    uint32_t count = task->key.next;
    bool any = false;
    for (uint32_t ref = 1; ref < count; ref++) {
        struct agg_key *key = agg_key_at(task, ref);
        links_drop(task, &key->up);
        links_drop(task, &key->down);
        if (key->kind == AGG_KEY_GROUP && !key->base && key->name_size && !key->gone)
            group_leave(task, ref);
    }
    for (uint32_t ref = 1; ref < task->client.next; ref++)
        client_configure(task, agg_client_at(task, ref));
    for (uint32_t ref = 1; ref < task->queue.next; ref++)
        queue_configure(task, agg_queue_at(task, ref));
    for (uint32_t ref = 1; ref < count; ref++) {
        struct agg_key *key = agg_key_at(task, ref);
        if (!key->name_size || key->base || key->gone)
            continue;
        if (key->kind == AGG_KEY_GROUP)
            group_join(task, ref);
        else
            key->contracts = contracts_of(task, key);
    }
    for (uint32_t ref = 1; ref < count; ref++) {
        struct agg_key *key = agg_key_at(task, ref);
        if (key->name_size && key->base && !key->gone)
            clock_configure(task, ref);
        any |= key->gone;
    }
    roll_ups_configure(task);
    agg_key_made(task->agg);
    return any;
}

void agg_keys_free(struct agg_task *task)
{
    for (uint32_t ref = 1; ref < task->key.next; ref++) {
        struct agg_key *key = agg_key_at(task, ref);
        if (!key->gone)
            continue;
        if (key->base)
            agg_unmap((void *)key->clock, sizeof *key->clock + key->clock->name_size);
        key->gone = false;
        key->name_size = 0;
        agg_pool_put(&task->key, ref);
    }
}

/* ---- keys of a state that was restored ---- */

uint32_t agg_key_tag(const struct agg_task *task, const void *row)
{
    const struct agg_key *key = row;
    (void)task;
    return key->base ? tag_of(key->base, key->clock->name, key->clock->name_size)
                     : key_tag(key->client, key->queue, key->group, key->kind, key->channel);
}

bool agg_key_again(struct agg_task *task, struct agg_key *key)
{
    const struct rc_client_policy *policy = agg_client_at(task, key->client)->policy;
    const struct rc_queue_policy *queue =
        key->queue ? agg_queue_at(task, key->queue)->policy : NULL;
    if (key->base) {
        key->contracts = agg_key_at(task, key->base)->contracts;
    } else if (key->kind == AGG_KEY_QUEUE) {
        key->contracts = queue ? &queue->channel[key->channel] : &policy->channel[key->channel];
    } else if (key->kind == AGG_KEY_TOTAL) {
        key->contracts = &policy->total[key->channel];
    } else {
        struct agg_key named = {0};
        if (key->group >= policy->group_count)
            return false;
        const struct rc_queue_policy *group = &policy->group[key->group];
        key_name(&named, "@", group->name, group->name_size);
        key->contracts = &group->channel[key->channel];
        return named.name_size == key->name_size && !memcmp(named.name, key->name, key->name_size);
    }
    return true;
}
