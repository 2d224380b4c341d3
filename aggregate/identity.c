/* Identities: what is kept of a forgotten contact, so that a rating or a review still finds
 * where it belongs. */
#include "contact.h"
#include "window.h"
#include <string.h>

uint32_t agg_identity_tag(const struct agg_task *task, const void *row)
{
    (void)task;
    return agg_id_tag(((const struct agg_identity *)row)->hash);
}

uint32_t agg_identity_find(const struct agg_task *task, uint32_t client, uint64_t hash,
                           const char *id, uint32_t size)
{
    uint32_t tag = agg_id_tag(hash), at = tag, ref;
    while ((ref = agg_index_next(&task->identity_index, tag, &at))) {
        const struct agg_identity *identity = agg_identity_at(task, ref);
        if (identity->hash == hash && identity->client == client && identity->id_size == size &&
            !memcmp(agg_text_at(&task->texts, identity->id, size), id, size))
            return ref;
    }
    return 0;
}

void agg_identity_free(struct agg_task *task, uint32_t ref)
{
    struct agg_identity *identity = agg_identity_at(task, ref);
    agg_index_remove(&task->identity_index, agg_id_tag(identity->hash), ref);
    agg_text_drop(&task->texts, identity->id, identity->id_size);
    identity->live = false;
    agg_pool_put(&task->identity, ref);
}

void agg_identity_take(struct agg_task *task, uint32_t ref, const struct rc_event *ev)
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

/* Where what a contact makes at an instant counts. */
static uint32_t key_at(struct agg_task *task, const struct agg_contact *contact, int64_t at_ms)
{
    return contact->channel == RC_TICKET ? agg_ticket_key_at(task, contact, at_ms) : contact->key;
}

void agg_identity_keep(struct agg_task *task, struct agg_contact *contact)
{
    const struct agg_rare *rare = agg_rare_of(task, contact);
    uint32_t old = agg_identity_find(task, contact->client, contact->hash,
                                     agg_text_at(&task->texts, contact->id, contact->id_size),
                                     contact->id_size);
    int64_t expires = agg_forget_at(task, contact) + task->config->time.identity_ms;
    if (old)
        agg_identity_free(task, old);
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
    agg_index_add(&task->identity_index, agg_id_tag(contact->hash), ref);
    agg_due_add(&task->due, identity->expires, AGG_DECISION, AGG_DUE_IDENTITY, ref, 0);
}

/* ---- another configuration ---- */

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
            agg_identity_free(task, ref);
        else
            agg_due_add(&task->due, identity->expires, AGG_DECISION, AGG_DUE_IDENTITY, ref, 0);
    }
}
