/* Contacts: how one is found, what an event changes of it, when it is forgotten. */
#include "contact.h"
#include "window.h"
#include <stdlib.h>
#include <string.h>

uint32_t agg_contact_tag(const struct agg_task *task, const void *row)
{
    (void)task;
    return agg_id_tag(((const struct agg_contact *)row)->hash);
}

uint32_t agg_contact_find(const struct agg_task *task, uint32_t client, const struct rc_event *ev)
{
    uint32_t tag = agg_id_tag(ev->contact_hash), at = tag, ref;
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

uint32_t agg_contact_new(struct agg_task *task, uint32_t client, const struct rc_event *ev)
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
    agg_index_add(&task->contact_index, agg_id_tag(contact->hash), ref);
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
    if (!contact->key || key->channel == RC_TICKET)
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
    uint32_t identity = agg_identity_find(task, contact->client, contact->hash,
                                          agg_text_at(&task->texts, contact->id, contact->id_size),
                                          contact->id_size);
    if (identity)
        agg_identity_free(task, identity);
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

void agg_contact_take(struct agg_task *task, uint32_t ref, const struct rc_event *ev)
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
        if (!key) /* a ticket after all, and where it was answered is not its queue */
            rc_count(&task->stats->unplaced, 1);
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

void agg_contact_due(struct agg_task *task, uint32_t ref, int64_t at_ms)
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

/* ---- the end ---- */

int64_t agg_forget_at(const struct agg_task *task, const struct agg_contact *contact)
{
    return contact->last + agg_retention(task, contact);
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

void agg_contact_forget(struct agg_task *task, uint32_t ref, int64_t at_ms)
{
    struct agg_contact *contact = agg_contact_at(task, ref);
    if (!(contact->flags & AGG_LIVE) || contact->forget_at != at_ms)
        return;
    int64_t forget_at = agg_forget_at(task, contact);
    if (forget_at > at_ms) {
        contact->forget_at = forget_at;
        agg_due_add(&task->due, forget_at, AGG_DECISION, AGG_DUE_FORGET, ref, 0);
        return;
    }
    contact_lose(task, ref);
    agg_episode_forget(task, ref);
    list_leave(task, ref);
    agg_index_remove(&task->contact_index, agg_id_tag(contact->hash), ref);
    agg_client_at(task, contact->client)->contact_count--;
    if (contact->key)
        agg_identity_keep(task, contact);
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
        agg_contact_forget(task, list.ref[i], agg_contact_at(task, list.ref[i])->forget_at);
    }
    agg_list_done(&list);
}
