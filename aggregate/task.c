/* One task: what happens to an event, and in what order time passes. */
#include "task.h"
#include <stdlib.h>
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

/* ---- contacts and identities ---- */

static uint32_t contact_tag(uint64_t hash)
{
    return (uint32_t)(hash ^ hash >> 32);
}

uint32_t agg_contact_tag(const struct agg_task *task, const void *row)
{
    (void)task;
    return contact_tag(((const struct agg_contact *)row)->hash);
}

uint32_t agg_identity_tag(const struct agg_task *task, const void *row)
{
    (void)task;
    return contact_tag(((const struct agg_identity *)row)->hash);
}

static uint32_t contact_find(const struct agg_task *task, uint32_t client,
                             const struct rc_event *ev)
{
    uint32_t tag = contact_tag(ev->contact_hash), at = tag, ref;
    while ((ref = agg_index_next(&task->contact_index, tag, &at))) {
        const struct agg_contact *contact = agg_contact_at(task, ref);
        if (contact->hash == ev->contact_hash && contact->client == client &&
            contact->id_size == ev->contact_size &&
            !memcmp(agg_text_at(&task->texts, contact->id, contact->id_size), rc_event_contact(ev),
                    ev->contact_size))
            return ref;
    }
    return 0;
}

static uint32_t identity_find(const struct agg_task *task, uint32_t client, uint64_t hash,
                              const char *id, uint32_t size)
{
    uint32_t tag = contact_tag(hash), at = tag, ref;
    while ((ref = agg_index_next(&task->identity_index, tag, &at))) {
        const struct agg_identity *identity = agg_identity_at(task, ref);
        if (identity->hash == hash && identity->client == client && identity->id_size == size &&
            !memcmp(agg_text_at(&task->texts, identity->id, size), id, size))
            return ref;
    }
    return 0;
}

static void identity_free(struct agg_task *task, uint32_t ref)
{
    struct agg_identity *identity = agg_identity_at(task, ref);
    agg_index_remove(&task->identity_index, contact_tag(identity->hash), ref);
    agg_text_drop(&task->texts, identity->id, identity->id_size);
    identity->live = false;
    agg_pool_put(&task->identity, ref);
}

static uint32_t contact_new(struct agg_task *task, uint32_t client, const struct rc_event *ev)
{
    uint32_t ref = agg_pool_get(&task->contact);
    struct agg_contact *contact = agg_contact_at(task, ref);
    contact->id = agg_text_put(&task->texts, rc_event_contact(ev), ev->contact_size);
    contact->id_size = ev->contact_size;
    contact->hash = ev->contact_hash;
    contact->client = client;
    contact->channel = RC_CHANNEL_NONE;
    contact->flags = AGG_LIVE;
    int64_t *unknown[] = {&contact->queued,        &contact->answered,   &contact->ended,
                          &contact->wrapped,       &contact->first,      &contact->last,
                          &contact->channel_time,  &contact->queue_time, &contact->customer_time,
                          &contact->priority_time, &contact->forget_at,  &contact->due_at};
    for (uint32_t i = 0; i < sizeof unknown / sizeof *unknown; i++)
        *unknown[i] = RC_TIME_NONE;
    agg_index_add(&task->contact_index, contact_tag(contact->hash), ref);
    agg_client_at(task, client)->contact_count++;
    rc_count(&task->stats->contacts, 1);
    rc_count(&task->stats->unplaced, 1);
    return ref;
}

/* ---- one contact's change ---- */

/* Visits stand in a list of their key: an extreme that was taken back is found again in it. */
static void list_leave(struct agg_task *task, uint32_t ref)
{
    struct agg_contact *contact = agg_contact_at(task, ref);
    if (!contact->key || agg_key_at(task, contact->key)->channel == RC_TICKET)
        return;
    agg_wait_list(task, ref, false);
    if (contact->list_prev)
        agg_contact_at(task, contact->list_prev)->list_next = contact->list_next;
    else
        agg_key_at(task, contact->key)->contacts = contact->list_next;
    if (contact->list_next)
        agg_contact_at(task, contact->list_next)->list_prev = contact->list_prev;
    contact->list_next = contact->list_prev = 0;
}

static void list_join(struct agg_task *task, uint32_t ref)
{
    struct agg_contact *contact = agg_contact_at(task, ref);
    struct agg_key *key = agg_key_at(task, contact->key);
    if (key->channel == RC_TICKET)
        return;
    contact->list_next = key->contacts;
    if (key->contacts)
        agg_contact_at(task, key->contacts)->list_prev = ref;
    key->contacts = ref;
}

/* Where channel and queue say; 0 while they are not both known. */
static uint32_t contact_key(struct agg_task *task, const struct agg_contact *contact)
{
    uint32_t queue = contact->channel == RC_TICKET ? agg_ticket_queue_at(task, contact, INT64_MAX)
                                                   : contact->queue;
    if (!queue || contact->channel == RC_CHANNEL_NONE)
        return 0;
    if (contact->key) {
        const struct agg_key *key = agg_key_at(task, contact->key);
        if (key->queue == queue && key->channel == contact->channel)
            return contact->key;
    }
    return agg_key_get(task, contact->client, queue, contact->channel);
}

/* The first time that it is placed, its elder's identity is done with. */
static void contact_placed(struct agg_task *task, const struct agg_contact *contact)
{
    uint32_t identity =
        identity_find(task, contact->client, contact->hash,
                      agg_text_at(&task->texts, contact->id, contact->id_size), contact->id_size);
    if (identity)
        identity_free(task, identity);
    rc_gauge_set(&task->stats->unplaced, rc_counter_read(&task->stats->unplaced) - 1);
}

/* A run that began with a state from before has not counted all of them. */
static void count_change(rc_counter *counter, bool was, bool is)
{
    if (was != is && (is || rc_counter_read(counter)))
        rc_count(counter, is ? 1 : (uint64_t)-1);
}

static void count_oddities(struct agg_task *task, const struct agg_made *before,
                           const struct agg_made *after)
{
    bool was = before->anomaly || task->before.anomaly, is = after->anomaly || task->after.anomaly;
    count_change(&task->stats->anomalies, was, is);
    count_change(&task->stats->acw_capped, before->acw_capped, after->acw_capped);
}

/* One entry of a contact counts, the one that it names: others are stale. */
static void contact_ask_again(struct agg_task *task, uint32_t ref, int64_t at_ms)
{
    struct agg_contact *contact = agg_contact_at(task, ref);
    if (contact->due_at == at_ms)
        return;
    contact->due_at = at_ms;
    if (at_ms != RC_TIME_NONE)
        agg_due_add(&task->due, at_ms, AGG_DECISION, AGG_DUE_CONTACT, ref, 0);
}

/* What a contact makes: of a visit, into `visit`; of a ticket, into the task's `ticket`. The other
 * one is empty. */
static void contact_derive(struct agg_task *task, const struct agg_contact *contact,
                           int64_t passed_ms, struct agg_made *visit, struct agg_ticket *ticket)
{
    agg_visit_derive(task, contact, passed_ms, visit);
    if (contact->channel == RC_TICKET || ticket->sum_count)
        agg_ticket_derive(task, contact, passed_ms, ticket);
    if (contact->channel == RC_TICKET)
        visit->again_at = ticket->again_at;
}

static void contact_schedule(struct agg_task *task, uint32_t ref, const struct agg_made *made)
{
    struct agg_contact *contact = agg_contact_at(task, ref);
    contact_ask_again(task, ref, made->again_at);
    int64_t forget_at = contact->last + agg_retention(task, contact);
    if (contact->forget_at == RC_TIME_NONE || forget_at < contact->forget_at) {
        contact->forget_at = forget_at;
        agg_due_add(&task->due, forget_at, AGG_DECISION, AGG_DUE_FORGET, ref, 0);
    }
}

static void apply_made(struct agg_task *task, uint32_t ref, const struct agg_made *before,
                       const struct agg_made *after)
{
    const struct agg_contact *contact = agg_contact_at(task, ref);
    /* first the lists, then the figures: a record is never made in between */
    if (contact->key) {
        bool waits = after->state[AGG_WAITING].from != RC_TIME_NONE &&
                     after->state[AGG_WAITING].to == INT64_MAX;
        agg_wait_list(task, ref, waits);
    }
    agg_window_change(task, before, after);
    if (task->before.sum_count + task->after.sum_count)
        agg_ticket_change(task, &task->before, &task->after);
}

/* A point that, while the conversation goes on, is all that the event brings: no figure and no
 * state changes. */
static bool is_mere_point(const struct agg_task *task, const struct agg_contact *contact,
                          const struct rc_event *ev)
{
    return (ev->type == RC_TYPE_held || ev->type == RC_TYPE_resumed) && contact->key &&
           contact->flags & AGG_COUNTED && contact->queued != RC_TIME_NONE &&
           agg_handled_at(task, contact) == RC_TIME_NONE && contact->channel <= RC_CHAT &&
           ev->time_ms > contact->queue_time && ev->time_ms > contact->channel_time;
}

static void contact_take(struct agg_task *task, uint32_t ref, const struct rc_event *ev)
{
    struct agg_contact *contact = agg_contact_at(task, ref);
    struct agg_made before, after;
    if (is_mere_point(task, contact, ev)) {
        if (!agg_facts_merge(task, contact, ev))
            return;
        agg_contact_touch(task, ref);
        agg_episode_update(task, ref);
        return;
    }
    contact_derive(task, contact, task->passed, &before, &task->before);
    if (ev->type == RC_TYPE_queued && ev->time_ms < contact->queued)
        agg_wait_list(task, ref, false); /* it is sorted by what changes now */
    bool changed = agg_facts_merge(task, contact, ev);
    uint32_t key = contact_key(task, contact);
    if (key != contact->key) {
        if (contact->key)
            list_leave(task, ref);
        else
            contact_placed(task, contact);
        contact->key = key;
        list_join(task, ref);
        changed = true;
    }
    contact_derive(task, contact, task->passed, &after, &task->after);
    contact_schedule(task, ref, &after);
    if (!changed && contact->flags & AGG_COUNTED)
        return;
    contact->flags |= AGG_COUNTED;
    apply_made(task, ref, &before, &after);
    count_oddities(task, &before, &after);
    agg_contact_touch(task, ref);
    agg_episode_update(task, ref);
}

static void identity_take(struct agg_task *task, uint32_t ref, const struct rc_event *ev)
{
    struct agg_identity *identity = agg_identity_at(task, ref);
    struct agg_made before, after;
    agg_identity_derive(task, identity, ev->type, &before);
    if (ev->type == RC_TYPE_rated) {
        if (agg_rating_merge(ev, &identity->rated, &identity->score))
            identity->rated_key = identity->key;
    } else if (agg_review_merge(ev, &identity->reviewed, &identity->defects,
                                &identity->opportunities, &identity->critical)) {
        identity->reviewed_key = identity->key;
    }
    agg_identity_derive(task, identity, ev->type, &after);
    agg_window_change(task, &before, &after);
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

static void contact_forget(struct agg_task *task, uint32_t ref, int64_t at_ms);

static void apply(struct agg_task *task, const struct rc_event *ev, bool late)
{
    uint32_t client = agg_client_get(task, rc_event_client(ev), ev->client_size);
    uint32_t contact = contact_find(task, client, ev), identity = 0;
    bool judgement = ev->type == RC_TYPE_rated || ev->type == RC_TYPE_reviewed;
    if (!contact || !agg_contact_at(task, contact)->key)
        identity =
            identity_find(task, client, ev->contact_hash, rc_event_contact(ev), ev->contact_size);
    if (identity && judgement) {
        identity_take(task, identity, ev);
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
        contact = contact_new(task, client, ev);
    contact_take(task, contact, ev);
    rc_count(&task->stats->applied, 1);
    if (late && task->contacts)
        agg_contacts_look(task, task->clock);
    /* a late event may say that it should have been forgotten by now: another channel */
    int64_t forget_at = agg_contact_at(task, contact)->forget_at;
    if (forget_at < task->passed)
        contact_forget(task, contact, forget_at);
}

bool agg_task_expired(struct agg_task *task, const struct rc_event *ev)
{
    uint32_t client = agg_client_get(task, rc_event_client(ev), ev->client_size);
    uint32_t contact = contact_find(task, client, ev);
    uint32_t identity = contact ? 0
                                : identity_find(task, client, ev->contact_hash,
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

/* ---- what is due ---- */

static void contact_due(struct agg_task *task, uint32_t ref, int64_t at_ms)
{
    const struct agg_contact *contact = agg_contact_at(task, ref);
    struct agg_made before, after;
    if (!(contact->flags & AGG_LIVE) || contact->due_at != at_ms)
        return;
    contact_derive(task, contact, at_ms, &before, &task->before);
    contact_derive(task, contact, at_ms + 1, &after, &task->after);
    apply_made(task, ref, &before, &after);
    contact_ask_again(task, ref, after.again_at);
    agg_contact_touch(task, ref);
}

static int64_t forget_at_of(const struct agg_task *task, const struct agg_contact *contact)
{
    return contact->last + agg_retention(task, contact);
}

/* Where what a contact makes at an instant counts. */
static uint32_t key_at(struct agg_task *task, const struct agg_contact *contact, int64_t at_ms)
{
    return contact->channel == RC_TICKET ? agg_ticket_key_at(task, contact, at_ms) : contact->key;
}

static void identity_keep(struct agg_task *task, struct agg_contact *contact)
{
    const struct agg_rare *rare = agg_rare_of(task, contact);
    uint32_t old =
        identity_find(task, contact->client, contact->hash,
                      agg_text_at(&task->texts, contact->id, contact->id_size), contact->id_size);
    int64_t expires = forget_at_of(task, contact) + task->config->time.identity_ms;
    if (old)
        identity_free(task, old);
    if (expires < task->passed)
        return;
    uint32_t ref = agg_pool_get(&task->identity);
    struct agg_identity *identity = agg_identity_at(task, ref);
    *identity = (struct agg_identity){
        .id = contact->id,
        .id_size = contact->id_size,
        .channel = contact->channel,
        .live = true,
        .critical = rare->critical,
        .cancelled = contact->flags & AGG_CANCELLED,
        .hash = contact->hash,
        .judged_at = agg_judged_at(contact),
        .rated = rare->rated,
        .reviewed = rare->reviewed,
        .expires = expires,
        .client = contact->client,
        .key = contact->key,
        .rated_key = key_at(task, contact, rare->rated),
        .reviewed_key = key_at(task, contact, rare->reviewed),
        .score = rare->score,
        .defects = rare->defects,
        .opportunities = rare->opportunities,
    };
    contact->id = 0; /* the text goes with the identity */
    agg_index_add(&task->identity_index, contact_tag(contact->hash), ref);
    agg_due_add(&task->due, identity->expires, AGG_DECISION, AGG_DUE_IDENTITY, ref, 0);
}

/* What it waited or was handled for is over now, for want of news. */
static void contact_lose(struct agg_task *task, uint32_t ref)
{
    struct agg_made before, after;
    const struct agg_contact *contact = agg_contact_at(task, ref);
    contact_derive(task, contact, task->passed, &before, &task->before);
    agg_ticket_derive(task, contact, task->passed, &task->after);
    bool open = agg_ticket_lose(&task->after, task->clock);
    after = before;
    for (uint32_t i = 0; i < AGG_VISIT_STATE_COUNT; i++) {
        if (before.state[i].from == RC_TIME_NONE || before.state[i].to != INT64_MAX)
            continue;
        after.state[i].to = task->clock;
        open |= i == AGG_WAITING || i == AGG_HANDLING;
    }
    if (open)
        rc_count(&task->stats->lost, 1);
    apply_made(task, ref, &before, &after);
    agg_window_fold(task, &after);
}

static void contact_forget(struct agg_task *task, uint32_t ref, int64_t at_ms)
{
    struct agg_contact *contact = agg_contact_at(task, ref);
    if (!(contact->flags & AGG_LIVE) || contact->forget_at != at_ms)
        return;
    int64_t forget_at = forget_at_of(task, contact);
    if (forget_at > at_ms) {
        contact->forget_at = forget_at;
        agg_due_add(&task->due, forget_at, AGG_DECISION, AGG_DUE_FORGET, ref, 0);
        return;
    }
    contact_lose(task, ref);
    agg_episode_forget(task, ref);
    list_leave(task, ref);
    agg_index_remove(&task->contact_index, contact_tag(contact->hash), ref);
    agg_client_at(task, contact->client)->contact_count--;
    if (contact->key)
        identity_keep(task, contact);
    else
        rc_gauge_set(&task->stats->unplaced, rc_counter_read(&task->stats->unplaced) - 1);
    agg_contact_unpublish(task, ref);
    agg_facts_drop(task, contact);
    agg_text_drop(&task->texts, contact->id, contact->id_size);
    contact->flags = 0;
    agg_pool_put(&task->contact, ref);
}

/* ---- another configuration ---- */

/* From nothing, or to nothing. */
static void contact_make(struct agg_task *task, uint32_t ref, bool back)
{
    static const struct agg_contact nobody = {.channel = RC_CHANNEL_NONE};
    const struct agg_contact *contact = agg_contact_at(task, ref);
    struct agg_made before, after;
    contact_derive(task, back ? contact : &nobody, task->passed, &before, &task->before);
    contact_derive(task, back ? &nobody : contact, task->passed, &after, &task->after);
    if (!back)
        contact_schedule(task, ref, &after);
    apply_made(task, ref, &before, &after);
    count_oddities(task, &before, &after);
}

void agg_contacts_withdraw(struct agg_task *task)
{
    for (uint32_t ref = 1; ref < task->contact.next; ref++) {
        struct agg_contact *contact = agg_contact_at(task, ref);
        if (!(contact->flags & AGG_LIVE))
            continue;
        contact_make(task, ref, true);
        contact->due_at = contact->forget_at = RC_TIME_NONE;
    }
}

void agg_contacts_restore(struct agg_task *task)
{
    for (uint32_t ref = 1; ref < task->contact.next; ref++) {
        if (!(agg_contact_at(task, ref)->flags & AGG_LIVE))
            continue;
        contact_make(task, ref, false);
        agg_contact_touch(task, ref);
    }
}

static void identity_make(struct agg_task *task, const struct agg_identity *identity, bool back)
{
    static const struct agg_identity nobody = {.cancelled = true};
    static const uint8_t type[] = {RC_TYPE_rated, RC_TYPE_reviewed};
    struct agg_made made, nothing;
    agg_identity_derive(task, &nobody, RC_TYPE_rated, &nothing);
    for (uint32_t i = 0; i < sizeof type; i++) {
        agg_identity_derive(task, identity, type[i], &made);
        agg_window_change(task, back ? &made : &nothing, back ? &nothing : &made);
    }
}

void agg_identities_withdraw(struct agg_task *task)
{
    for (uint32_t ref = 1; ref < task->identity.next; ref++)
        if (agg_identity_at(task, ref)->live)
            identity_make(task, agg_identity_at(task, ref), true);
}

void agg_identities_restore(struct agg_task *task, int64_t longer_ms)
{
    for (uint32_t ref = 1; ref < task->identity.next; ref++) {
        struct agg_identity *identity = agg_identity_at(task, ref);
        if (!identity->live)
            continue;
        identity_make(task, identity, false);
        identity->expires += longer_ms;
        if (identity->expires < task->passed)
            identity_free(task, ref);
        else
            agg_due_add(&task->due, identity->expires, AGG_DECISION, AGG_DUE_IDENTITY, ref, 0);
    }
}

static int forget_compare(const void *left, const void *right, void *opaque)
{
    const struct agg_task *task = opaque;
    const struct agg_contact *a = agg_contact_at(task, *(const uint32_t *)left);
    const struct agg_contact *b = agg_contact_at(task, *(const uint32_t *)right);
    if (a->forget_at != b->forget_at)
        return a->forget_at < b->forget_at ? -1 : 1;
    return a->hash < b->hash ? -1 : a->hash > b->hash;
}

void agg_contacts_forget(struct agg_task *task)
{
    struct agg_list list = {0};
    for (uint32_t ref = 1; ref < task->contact.next; ref++) {
        const struct agg_contact *contact = agg_contact_at(task, ref);
        if (contact->flags & AGG_LIVE && contact->forget_at < task->passed)
            agg_list_add(&list, ref);
    }
    if (list.count)
        qsort_r(list.ref, list.count, sizeof *list.ref, forget_compare, task);
    for (uint32_t i = 0; i < list.count; i++) {
        if (task->contacts)
            agg_contact_look(task, list.ref[i], task->clock);
        contact_forget(task, list.ref[i], agg_contact_at(task, list.ref[i])->forget_at);
    }
    agg_list_done(&list);
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
        contact_due(task, entry->ref, at_ms);
        break;
    case AGG_DUE_VERDICT:
    case AGG_DUE_EPISODE:
        agg_episode_due(task, entry->ref, at_ms);
        break;
    case AGG_DUE_FORGET:
        contact_forget(task, entry->ref, at_ms);
        break;
    default: {
        const struct agg_identity *identity = agg_identity_at(task, entry->ref);
        if (identity->live && identity->expires == at_ms)
            identity_free(task, entry->ref);
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

/* Events that waited and their contacts lie all over memory: what the next ones will need is fetched
 * ahead, first the event, then where the index says its contact is, the contact, its key. */
static void fetch_ahead(const struct agg_task *task)
{
    const struct rc_event *ev = agg_order_ahead(&task->order, 12);
    for (int at = 0; ev && at < 384; at += 64) /* most events, with what came in, are no larger */
        __builtin_prefetch((const char *)ev + at);
    ev = agg_order_ahead(&task->order, 8);
    const struct agg_index *index = &task->contact_index;
    if (ev)
        __builtin_prefetch(&index->slot[contact_tag(ev->contact_hash) & index->mask]);
    ev = agg_order_ahead(&task->order, 5);
    if (ev) {
        const struct agg_slot *slot = &index->slot[contact_tag(ev->contact_hash) & index->mask];
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
        const struct agg_slot *slot = &index->slot[contact_tag(ev->contact_hash) & index->mask];
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
        due_until(task, (uint64_t)ev->time_ms * 2 + 1);
        agg_contacts_until(task, ev->time_ms);
        task->clock = task->passed = ev->time_ms;
        apply(task, ev, false);
        agg_order_pop(&task->order);
    }
    due_until(task, (uint64_t)now_ms * 2 + 1);
    agg_contacts_until(task, now_ms);
    task->clock = task->passed = now_ms;
}
