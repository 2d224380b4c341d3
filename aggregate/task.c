/* One task: what happens to an event, and in what order time passes. */
#include "contact.h"
#include "window.h"
#include <string.h>

struct agg_task *agg_task_open(struct agg *agg, int64_t now_ms)
{
    const struct agg_options *options = agg_settings(agg);
    struct agg_task *task = agg_map(sizeof *task);
    task->agg = agg;
    task->config = options->config;
    task->contacts = options->contacts;
    task->clock = task->passed = now_ms == RC_TIME_NONE ? 0 : now_ms;
    agg_order_init(&task->order);
    agg_order_init(&task->late);
    agg_due_init(&task->due);
    agg_texts_init(&task->texts);
    agg_pool_init(&task->client, sizeof(struct agg_client));
    agg_pool_init(&task->queue, sizeof(struct agg_queue));
    agg_pool_init(&task->priority, sizeof(struct agg_priority));
    agg_pool_init(&task->key, sizeof(struct agg_key));
    agg_pool_init(&task->link, sizeof(struct agg_link));
    agg_pool_init(&task->contact, sizeof(struct agg_contact));
    agg_pool_init(&task->rare, sizeof(struct agg_rare));
    agg_pool_init(&task->conversation, sizeof(struct agg_conversation));
    agg_pool_init(&task->identity, sizeof(struct agg_identity));
    agg_pool_init(&task->episode, sizeof(struct agg_episode));
    agg_legs_init(task);
    agg_pool_init(&task->bucket, sizeof(struct agg_bucket));
    agg_pool_init(&task->roll, sizeof(struct agg_roll));
    agg_pool_init(&task->pane, sizeof(struct agg_pane));
    agg_pool_init(&task->shown, sizeof(struct agg_shown));
    agg_pool_init(&task->warm, sizeof(struct agg_warm));
    agg_texts_init(&task->packed);
    static const uint32_t sum_room[AGG_SUM_CLASSES] = {2, 4, 8, 16, RC_SUM_COUNT};
    for (uint32_t i = 0; i < AGG_SUM_CLASSES; i++)
        agg_pool_init(&task->sum[i], sum_room[i] * (uint32_t)sizeof(int64_t));
    for (uint32_t i = 0; i < AGG_POINT_CLASSES; i++)
        agg_pool_init(&task->point[i], (2u << i) * (uint32_t)sizeof(struct agg_point));
    struct agg_index *index[] = {
        &task->client_index,   &task->queue_index,   &task->key_index,      &task->contact_index,
        &task->identity_index, &task->episode_index, &task->customer_index, &task->pane_index,
        &task->priority_index, &task->shown_index};
    for (uint32_t i = 0; i < sizeof index / sizeof *index; i++)
        agg_index_init(index[i]);
    return task;
}

static void clients_done(struct agg_task *task)
{
    for (uint32_t ref = 1; ref < task->client.next; ref++) {
        struct agg_client *client = agg_client_at(task, ref);
        if (client->no_customer) /* none where restoring has failed */
            agg_unmap(client->no_customer,
                      client->policy->no_customer_count * sizeof *client->no_customer);
    }
}

void agg_task_close(struct agg_task *task)
{
    if (!task)
        return;
    clients_done(task);
    agg_keys_free(task);
    agg_order_done(&task->order);
    agg_order_done(&task->late);
    agg_due_done(&task->due);
    agg_texts_done(&task->texts);
    agg_legs_done(task);
    agg_texts_done(&task->packed);
    struct agg_pool *pool[] = {&task->client,       &task->queue,    &task->key,      &task->link,
                               &task->contact,      &task->identity, &task->episode,  &task->bucket,
                               &task->roll,         &task->pane,     &task->priority, &task->rare,
                               &task->conversation, &task->shown,    &task->warm};
    for (uint32_t i = 0; i < sizeof pool / sizeof *pool; i++)
        agg_pool_done(pool[i]);
    for (uint32_t i = 0; i < AGG_SUM_CLASSES; i++)
        agg_pool_done(&task->sum[i]);
    for (uint32_t i = 0; i < AGG_POINT_CLASSES; i++)
        agg_pool_done(&task->point[i]);
    struct agg_index *index[] = {
        &task->client_index,   &task->queue_index,   &task->key_index,      &task->contact_index,
        &task->identity_index, &task->episode_index, &task->customer_index, &task->pane_index,
        &task->priority_index, &task->shown_index};
    for (uint32_t i = 0; i < sizeof index / sizeof *index; i++)
        agg_index_done(index[i]);
    for (uint32_t i = 0; i < RC_ROLLING_MAX; i++)
        agg_list_done(&task->roll_list[i]);
    for (uint32_t i = 0; i < RC_INTERVAL_COUNT; i++)
        agg_list_done(&task->publish_list[i]);
    agg_list_done(&task->restate_list);
    agg_list_done(&task->work);
    agg_list_done(&task->episode_set);
    agg_list_done(&task->unsettled);
    agg_list_done(&task->due_list);
    agg_list_done(&task->touched);
    agg_draft_done(&task->draft);
    agg_ticket_done(&task->before);
    agg_ticket_done(&task->after);
    agg_unmap(task, sizeof *task);
}

struct agg_memory agg_task_memory(const struct agg_task *task)
{
    struct agg_memory memory = {.mapped = sizeof *task + task->order.bytes + task->late.bytes};
    const struct agg_pool *pool[] = {
        &task->client,   &task->queue,   &task->key,          &task->link,  &task->contact,
        &task->identity, &task->episode, &task->bucket,       &task->roll,  &task->pane,
        &task->priority, &task->rare,    &task->conversation, &task->shown, &task->warm};
    agg_texts_count(&task->texts, &memory);
    agg_texts_count(&task->packed, &memory);
    agg_legs_count(task, &memory);
    agg_pool_count(&task->due.pool, &memory);
    for (uint32_t i = 0; i < sizeof pool / sizeof *pool; i++)
        agg_pool_count(pool[i], &memory);
    for (uint32_t i = 0; i < AGG_SUM_CLASSES; i++)
        agg_pool_count(&task->sum[i], &memory);
    for (uint32_t i = 0; i < AGG_POINT_CLASSES; i++)
        agg_pool_count(&task->point[i], &memory);
    const struct agg_index *index[] = {&task->contact_index, &task->identity_index,
                                       &task->episode_index, &task->customer_index,
                                       &task->pane_index,    &task->shown_index};
    for (uint32_t i = 0; i < sizeof index / sizeof *index; i++)
        memory.mapped += agg_index_bytes(index[i]);
    return memory;
}

/* ---- an event ---- */

static bool is_expired(const struct agg_task *task, const struct rc_event *ev,
                       const struct agg_contact *contact, const struct agg_identity *identity)
{
    struct agg_contact stranger = {.channel = RC_CHANNEL_NONE};
    if (contact && contact->channel != RC_CHANNEL_NONE)
        return ev->time_ms < task->clock - agg_retention(task, contact);
    stranger.channel = identity ? identity->channel : ev->channel;
    if (stranger.channel != RC_CHANNEL_NONE)
        return ev->time_ms < task->clock - task->config->time.retention_ms[stranger.channel];
    return ev->time_ms < task->clock - agg_retention(task, &stranger);
}

/* The limit that forbids the event; NULL: none. */
static const char *limit_reached(struct agg_task *task, uint32_t client_ref, uint32_t contact_ref,
                                 const struct rc_event *ev)
{
    const struct rc_limits *limits = &task->config->limits;
    const struct agg_client *client = agg_client_at(task, client_ref);
    if (!contact_ref && client->contact_count >= limits->contacts)
        return "limit:contacts";
    if (ev->flags & RC_EVENT_CUSTOMER && client->customer_count >= limits->customers &&
        !agg_client_ignores(client, &ev->customer) &&
        !agg_customer_find(task, agg_customer_hash(client_ref, &ev->customer)))
        return "limit:customers";
    if (ev->queue_size && client->queue_count >= limits->queues &&
        !agg_queue_find(task, client_ref, rc_event_queue(ev), ev->queue_size))
        return "limit:queues";
    if (contact_ref && !agg_point_room(task, agg_contact_at(task, contact_ref), ev))
        return "limit:points";
    return NULL;
}

static void refuse(struct agg_task *task, const struct rc_event *ev, const char *reason)
{
    agg_dead_letter(task->agg, ev, reason);
    if (!strncmp(reason, "limit:", 6))
        rc_count(&task->stats->limited, 1);
    else
        rc_count(&task->stats->expired, 1);
}

static void apply(struct agg_task *task, const struct rc_event *ev, bool late)
{
    uint32_t client = agg_client_get(task, rc_event_client(ev), ev->client_size);
    uint32_t contact = agg_contact_find(task, client, ev), identity = 0;
    bool judgement = ev->type == RC_TYPE_rated || ev->type == RC_TYPE_reviewed;
    if (!contact || !agg_contact_at(task, contact)->key)
        identity = agg_identity_find(task, client, ev->contact_hash, rc_event_contact(ev),
                                     ev->contact_size);
    if (identity && judgement) {
        agg_identity_take(task, identity, ev);
        rc_count(&task->stats->applied, 1);
        return;
    }
    if (!contact && identity && late) {
        refuse(task, ev, "expired");
        return;
    }
    const char *limit = limit_reached(task, client, contact, ev);
    if (limit) {
        refuse(task, ev, limit);
        return;
    }
    if (!contact)
        contact = agg_contact_new(task, client, ev);
    agg_contact_take(task, contact, ev);
    if (late)
        agg_episodes_settle(task);
    rc_count(&task->stats->applied, 1);
    if (late && task->contacts)
        agg_contacts_look(task, task->clock);
    /* a late event may say that it should have been forgotten by now: another channel */
    int64_t forget_at = agg_contact_at(task, contact)->forget_at;
    if (forget_at < task->passed)
        agg_contact_forget(task, contact, forget_at);
}

bool agg_task_expired(struct agg_task *task, const struct rc_event *ev)
{
    uint32_t client = agg_client_get(task, rc_event_client(ev), ev->client_size);
    uint32_t contact = agg_contact_find(task, client, ev);
    uint32_t identity = contact ? 0
                                : agg_identity_find(task, client, ev->contact_hash,
                                                    rc_event_contact(ev), ev->contact_size);
    rc_count(&task->stats->late, 1);
    if (!is_expired(task, ev, contact ? agg_contact_at(task, contact) : NULL,
                    identity ? agg_identity_at(task, identity) : NULL))
        return false;
    refuse(task, ev, "expired");
    return true;
}

void agg_task_late(struct agg_task *task, const struct rc_event *ev)
{
    apply(task, ev, true);
}

/* ---- the queue of what is due ---- */

static void carry(struct agg_task *task, uint32_t key_ref, uint32_t window, int64_t at_ms)
{
    struct agg_key *key = agg_key_at(task, key_ref);
    bool any = false;
    for (uint32_t i = 0; i < AGG_STATE_COUNT; i++)
        any |= key->level[i] != 0;
    key->carry &= (uint8_t) ~(1u << window);
    if (!any)
        return;
    uint32_t pane = agg_pane_get(task, key_ref, window, task->clock);
    if (!pane)
        return;
    task->clock = at_ms - 1; /* for this very tick, which is still to come */
    agg_pane_list(task, pane);
    task->clock = at_ms;
    agg_carry_due(task, key_ref, window, agg_pane_end(agg_pane_at(task, pane)));
}

static void tick(struct agg_task *task, const struct agg_due_entry *entry, int64_t at_ms)
{
    switch (entry->kind) {
    case AGG_DUE_CARRY:
        carry(task, entry->ref, entry->extra, at_ms);
        break;
    case AGG_DUE_PANE:
        agg_pane_due(task, entry->ref, at_ms);
        break;
    case AGG_DUE_ROLL_WAKE:
        task->clock = at_ms - 1; /* for this very tick, which is still to come */
        agg_roll_list(task, entry->ref, entry->extra);
        task->clock = at_ms;
        break;
    case AGG_DUE_ROLL_AGE:
        if (agg_roll_aged(task, entry->ref, entry->extra, at_ms)) {
            task->clock = at_ms - 1;
            agg_roll_list(task, entry->ref, entry->extra);
            task->clock = at_ms;
        }
        break;
    case AGG_DUE_ROLL:
        agg_publish_roll(task, entry->extra, at_ms);
        break;
    case AGG_DUE_PUBLISH:
        agg_publish_provisional(task, entry->extra, at_ms);
        break;
    default:
        agg_publish_restated(task, at_ms);
        break;
    }
}

static void decide(struct agg_task *task, const struct agg_due_entry *entry, int64_t at_ms)
{
    switch (entry->kind) {
    case AGG_DUE_CONTACT:
        agg_contact_due(task, entry->ref, at_ms);
        break;
    case AGG_DUE_VERDICT:
    case AGG_DUE_EPISODE:
        agg_episode_due(task, entry->ref, at_ms);
        break;
    case AGG_DUE_FORGET:
        agg_contact_forget(task, entry->ref, at_ms);
        break;
    default: {
        const struct agg_identity *identity = agg_identity_at(task, entry->ref);
        if (identity->live && identity->expires == at_ms)
            agg_identity_free(task, entry->ref);
    }
    }
}

static void due_until(struct agg_task *task, uint64_t limit)
{
    uint64_t at;
    while (agg_due_take(&task->due, limit, &at, &task->due_list)) {
        int64_t at_ms = (int64_t)(at >> 1);
        bool decision = at & 1;
        agg_contacts_until(task, at_ms);
        task->clock = at_ms;
        task->passed = decision ? at_ms + 1 : at_ms;
        for (uint32_t i = 0; i < task->due_list.count; i++) {
            uint32_t ref = task->due_list.ref[i];
            struct agg_due_entry entry = *(struct agg_due_entry *)agg_pool_at(&task->due.pool, ref);
            agg_pool_put(&task->due.pool, ref);
            if (decision)
                decide(task, &entry, (int64_t)(entry.at >> 1));
            else
                tick(task, &entry, at_ms);
        }
    }
}

/* ---- time ---- */

/* Events that waited and their contacts lie all over memory: what the next ones will need is
 * fetched ahead, first the event, then where the index says its contact is, the contact, its key.
 */
static void fetch_ahead(const struct agg_task *task)
{
    const struct rc_event *ev = agg_order_ahead(&task->order, 12);
    for (int at = 0; ev && at < 384; at += 64) /* most events, with what came in, are no larger */
        __builtin_prefetch((const char *)ev + at);
    ev = agg_order_ahead(&task->order, 8);
    const struct agg_index *index = &task->contact_index;
    if (ev)
        __builtin_prefetch(&index->slot[agg_id_tag(ev->contact_hash) & index->mask]);
    ev = agg_order_ahead(&task->order, 5);
    if (ev) {
        const struct agg_slot *slot = &index->slot[agg_id_tag(ev->contact_hash) & index->mask];
        if (slot->ref) {
            const char *contact = agg_pool_at(&task->contact, slot->ref);
            __builtin_prefetch(contact);
            __builtin_prefetch(contact + 64);
            __builtin_prefetch(contact + 128);
            __builtin_prefetch(contact + sizeof(struct agg_contact) - 1);
        }
    }
    ev = agg_order_ahead(&task->order, 2);
    if (ev) {
        const struct agg_slot *slot = &index->slot[agg_id_tag(ev->contact_hash) & index->mask];
        const struct agg_contact *contact = slot->ref ? agg_contact_at(task, slot->ref) : NULL;
        if (contact && contact->episode)
            __builtin_prefetch(agg_episode_at(task, contact->episode));
        if (contact && contact->key)
            __builtin_prefetch(agg_key_at(task, contact->key));
        if (contact)
            __builtin_prefetch(agg_text_at(&task->texts, contact->id, contact->id_size));
    }
}

void agg_task_advance(struct agg_task *task, int64_t now_ms)
{
    const struct rc_event *ev;
    RC_CHECK(now_ms >= task->clock);
    task->epoch_end = now_ms;
    agg_order_sort(&task->order, now_ms);
    while ((ev = agg_order_peek(&task->order))) {
        fetch_ahead(task);
        if (ev->time_ms > task->clock)
            agg_episodes_settle(task);
        due_until(task, (uint64_t)ev->time_ms * 2 + 1);
        agg_contacts_until(task, ev->time_ms);
        task->clock = task->passed = ev->time_ms;
        apply(task, ev, false);
        agg_order_pop(&task->order);
    }
    agg_episodes_settle(task);
    due_until(task, (uint64_t)now_ms * 2 + 1);
    agg_contacts_until(task, now_ms);
    task->clock = task->passed = now_ms;
}
