/* Records of contacts (SPEC section 9, rollcall.contacts). What may have changed is touched; when
 * the instant is over, what is published of a touched contact is made again from its facts, and
 * goes out if it differs. What was published last is known by its hash. */
#define XXH_INLINE_ALL
#include "clock.h"
#include "contact.h"
#include <string.h>
#include <xxhash.h>

enum { TEXT_ROOM = 4096 };

static bool known(int64_t time_ms)
{
    return time_ms != RC_TIME_NONE;
}

/* ---- what was published ---- */

static uint32_t shown_tag(uint32_t contact)
{
    return contact * 0x9e3779b9u;
}

uint32_t agg_shown_tag(const struct agg_task *task, const void *row)
{
    (void)task;
    return shown_tag(((const struct agg_shown *)row)->contact);
}

static uint32_t shown_find(const struct agg_task *task, uint32_t contact)
{
    uint32_t tag = shown_tag(contact), at = tag, ref;
    while ((ref = agg_index_next(&task->shown_index, tag, &at)) != 0)
        if (agg_shown_at(task, ref)->contact == contact)
            return ref;
    return 0;
}

static uint32_t shown_new(struct agg_task *task, uint32_t contact)
{
    uint32_t ref = agg_pool_get(&task->shown);
    agg_shown_at(task, ref)->contact = contact;
    agg_index_add(&task->shown_index, shown_tag(contact), ref);
    return ref;
}

void agg_contact_unpublish(struct agg_task *task, uint32_t contact)
{
    uint32_t ref = task->contacts ? shown_find(task, contact) : 0;
    if (ref == 0)
        return;
    agg_index_remove(&task->shown_index, shown_tag(contact), ref);
    agg_pool_put(&task->shown, ref);
}

/* ---- the record ---- */

/* `size` bytes more of text, to be filled in. */
static char *draft_text(struct agg_draft *draft, uint32_t size)
{
    if (draft->used + size > draft->room) {
        uint32_t room = draft->room ? draft->room : TEXT_ROOM;
        while (draft->used + size > room)
            room *= 2;
        struct rc_record *bigger = agg_map(sizeof *bigger + room);
        if (draft->rec)
            memcpy(bigger, draft->rec, sizeof *bigger + draft->used);
        agg_unmap(draft->rec, sizeof *bigger + draft->room);
        draft->rec = bigger;
        draft->room = room;
    }
    draft->used += size;
    return draft->rec->text + draft->used - size;
}

void agg_draft_done(struct agg_draft *draft)
{
    if (draft->rec)
        agg_unmap(draft->rec, sizeof *draft->rec + draft->room);
    *draft = (struct agg_draft){0};
}

static uint8_t draft_interned(struct agg_task *task, uint32_t text, uint32_t size)
{
    char *at = draft_text(&task->draft, size);
    memcpy(at, agg_text_at(&task->texts, text, size), size);
    return (uint8_t)size;
}

static void draft_names(struct agg_task *task, const struct agg_contact *contact)
{
    const struct agg_key *key = agg_key_at(task, contact->key);
    const struct agg_client *client = agg_client_at(task, contact->client);
    struct agg_draft *draft = &task->draft;
    draft->used = 0;
    uint8_t client_size = draft_interned(task, client->name, client->name_size);
    memcpy(draft_text(draft, key->name_size), key->name, key->name_size);
    uint8_t contact_size = draft_interned(task, contact->id, contact->id_size);
    uint8_t conversation_size = contact_size;
    if (contact->conversation != 0) {
        const struct agg_conversation *held = agg_conversation_at(task, contact->conversation);
        conversation_size = draft_interned(task, held->text, held->size);
    } else {
        draft_interned(task, contact->id, contact->id_size);
    }
    uint8_t customer_size = contact->flags & AGG_HAS_CUSTOMER ? sizeof contact->customer : 0;
    memcpy(draft_text(draft, customer_size), &contact->customer, customer_size);
    uint8_t priority_size = 0;
    if (contact->priority != 0) {
        const struct agg_priority *priority = agg_priority_at(task, contact->priority);
        priority_size = (uint8_t)priority->size;
        memcpy(draft_text(draft, priority_size), priority->text, priority_size);
    }
    *draft->rec = (struct rc_record){.topic = RC_TOPIC_CONTACTS,
                                     .kind = RC_KIND_INTERVAL,
                                     .status = RC_FINAL,
                                     .channel = key->channel,
                                     .client_size = client_size,
                                     .queue_size = key->name_size,
                                     .contact_size = contact_size,
                                     .conversation_size = conversation_size,
                                     .customer_size = customer_size,
                                     .priority_size = priority_size};
    for (uint32_t i = 0; i < RC_CONTACT_FIELD_COUNT; i++)
        draft->rec->value[i] = RC_NULL;
}

static_assert(RC_TIME_NONE == RC_NULL, "a fact that is not known does not apply");
#define V(name) value[RC_CONTACT_##name]

static void draft_visit(const struct agg_task *task, const struct agg_contact *contact,
                        int64_t now_ms, int64_t *value)
{
    static const int64_t word[] = {[AGG_ANSWERED] = RC_OUTCOME_ANSWERED,
                                   [AGG_ABANDONED] = RC_OUTCOME_ABANDONED,
                                   [AGG_LEFT] = RC_OUTCOME_LEFT};
    const struct agg_rare *rare = agg_rare_of(task, contact);
    struct agg_made made;
    int64_t at, wait;
    V(abandoned_ms) = rare->abandoned;
    V(left_ms) = rare->left;
    V(transferred_ms) = rare->transferred;
    V(ended_ms) = contact->ended;
    V(wrapped_ms) = contact->wrapped;
    enum agg_outcome what = agg_visit_outcome(task, contact, &at, &wait);
    if (what != AGG_NO_OUTCOME) {
        V(outcome) = word[what];
        V(wait_ms) = known(contact->queued) ? wait : RC_NULL;
    }
    agg_visit_derive(task, contact, now_ms, &made);
    if (known(made.handled.at)) {
        V(talk_ms) = made.handled.talk_ms;
        V(hold_ms) = made.handled.hold_ms;
        V(acw_ms) = made.handled.acw_ms;
        V(handle_ms) = V(talk_ms) + V(hold_ms) + V(acw_ms);
    }
    V(sl_at_ms) = agg_visit_level_at(task, contact, now_ms);
    if (known(made.service_level.at))
        V(sl) = made.service_level.met ? RC_LEVEL_MET : RC_LEVEL_MISSED;
    else if (known(V(sl_at_ms)))
        V(sl) = RC_LEVEL_OUT;
}

static void draft_ticket(const struct agg_task *task, const struct agg_contact *contact,
                         int64_t *value)
{
    const struct agg_point *list = agg_points(task, contact);
    int64_t worked_ms = 0;
    bool worked = false;
    for (uint32_t i = 0; i < contact->point_count; i++) {
        if (list[i].type != RC_TYPE_worked)
            continue;
        worked_ms += agg_point_duration(&list[i]);
        worked = true;
    }
    V(resolved_ms) = agg_ticket_standing(task, contact);
    if (worked && known(V(resolved_ms)))
        V(handle_ms) = worked_ms;
}

static void draft_opinions(const struct agg_task *task, const struct agg_contact *contact,
                           int64_t *value)
{
    const struct agg_rare *rare = agg_rare_of(task, contact);
    if (known(rare->rated))
        V(score) = rare->score;
    if (known(rare->reviewed)) {
        V(critical) = rare->critical;
        V(defects) = rare->defects;
    }
}

static void draft_verdict(struct agg_task *task, const struct agg_contact *contact, int64_t *value)
{
    static const int64_t word[] = {[AGG_FCR_YES] = RC_FCR_IS_YES,
                                   [AGG_FCR_NO] = RC_FCR_IS_NO,
                                   [AGG_FCR_PENDING] = RC_FCR_IS_PENDING,
                                   [AGG_FCR_UNKNOWN] = RC_FCR_IS_UNKNOWN};
    int64_t at;
    enum agg_verdict verdict = agg_contact_verdict(task, contact, &at);
    if (verdict == AGG_FCR_NONE)
        return;
    V(fcr) = word[verdict];
    V(fcr_at_ms) = at;
}

/* Clocks come by measure; in the record they stand by name. */
static void draft_clock(void *opaque, const struct rc_clock *clock,
                        const struct agg_clock_verdict *verdict)
{
    struct agg_draft *draft = opaque;
    uint32_t at = (uint32_t)(rc_contact_clocks(draft->rec) - draft->rec->text);
    struct rc_contact_clock one = {.at_ms = verdict->at_ms,
                                   .met = verdict->result == AGG_CLOCK_MET,
                                   .name_size = (uint8_t)clock->name_size};
    uint32_t size = (uint32_t)sizeof one + one.name_size;
    if (verdict->result == AGG_CLOCK_UNDECIDED)
        return;
    while (at < draft->used) {
        struct rc_contact_clock other;
        const char *name, *next = rc_contact_clock_at(draft->rec->text + at, &other, &name);
        int order = rc_text_compare(name, other.name_size, clock->name, clock->name_size);
        if (order == 0) { /* a name that has two measures in two contracts: the later one */
            memcpy(draft->rec->text + at, &one, sizeof one);
            return;
        }
        if (order > 0)
            break;
        at = (uint32_t)(next - draft->rec->text);
    }
    uint32_t behind = draft->used - at;
    draft_text(draft, size);
    char *place = draft->rec->text + at;
    memmove(place + size, place, behind);
    memcpy(place, &one, sizeof one);
    memcpy(place + sizeof one, clock->name, clock->name_size);
    draft->rec->clock_count++;
}

/* All that is known when now is that instant. */
static void draft_make(struct agg_task *task, const struct agg_contact *contact, int64_t now_ms)
{
    draft_names(task, contact);
    struct rc_record *rec = task->draft.rec;
    const struct agg_key *key = agg_key_at(task, contact->key);
    int64_t *value = rec->value;
    rec->as_of_ms = now_ms;
    rec->contract = rc_contract_at(key->contracts, agg_judged_at(contact))->fingerprint;
    if (contact->flags & AGG_CANCELLED)
        return;
    V(queued_ms) = contact->queued;
    V(answered_ms) = contact->answered;
    if (contact->channel == RC_TICKET)
        draft_ticket(task, contact, value);
    else
        draft_visit(task, contact, now_ms, value);
    draft_verdict(task, contact, value);
    draft_opinions(task, contact, value);
    if (contact->channel == RC_TICKET)
        agg_sla_each(task, contact, now_ms, draft_clock, &task->draft);
}

/* Of everything but as_of_ms and revision. */
static uint64_t draft_hash(const struct agg_draft *draft)
{
    const struct rc_record *rec = draft->rec;
    uint64_t parts[] = {
        XXH3_64bits(rec->value, RC_CONTACT_FIELD_COUNT * sizeof *rec->value),
        XXH3_64bits(rec->text, draft->used),
        rec->contract,
        (uint64_t)rec->channel | (uint64_t)rec->client_size << 8 | (uint64_t)rec->queue_size << 16 |
            (uint64_t)rec->contact_size << 24 | (uint64_t)rec->conversation_size << 32 |
            (uint64_t)rec->customer_size << 40 | (uint64_t)rec->priority_size << 48,
    };
    return XXH3_64bits(parts, sizeof parts);
}

/* ---- when it is looked at ---- */

static bool is_complete(const struct agg_task *task, const struct agg_contact *contact)
{
    int64_t at, wait;
    if (contact->channel == RC_TICKET)
        return contact->flags & AGG_CANCELLED || known(agg_ticket_first_resolved(task, contact));
    if (known(agg_handled_at(task, contact)))
        return true;
    enum agg_outcome what = agg_visit_outcome(task, contact, &at, &wait);
    return what == AGG_ABANDONED || what == AGG_LEFT;
}

static void look(struct agg_task *task, uint32_t ref, int64_t now_ms)
{
    const struct agg_contact *contact = agg_contact_at(task, ref);
    if (contact->key == 0 || task->config->output.no_contacts)
        return;
    uint32_t shown_ref = shown_find(task, ref);
    if (shown_ref == 0 && !is_complete(task, contact))
        return;
    draft_make(task, contact, now_ms);
    uint64_t hash = draft_hash(&task->draft);
    if (shown_ref == 0)
        shown_ref = shown_new(task, ref);
    struct agg_shown *shown = agg_shown_at(task, shown_ref);
    if (shown->revision != 0 && shown->hash == hash)
        return;
    shown->hash = hash;
    task->draft.rec->revision = ++shown->revision;
    struct rc_record *rec = agg_record_new(task->agg, agg_key_at(task, contact->key),
                                           task->draft.rec, task->draft.used);
    memcpy(rec->text, task->draft.rec->text, task->draft.used);
    rc_count(&task->stats->records, 1);
}

void agg_contact_touched(struct agg_task *task, uint32_t ref)
{
    struct agg_contact *contact = agg_contact_at(task, ref);
    if (task->config->output.no_contacts)
        return;
    task->touched_at = task->clock;
    if (contact->flags & AGG_TOUCHED)
        return;
    contact->flags |= AGG_TOUCHED;
    agg_list_add(&task->touched, ref);
}

void agg_contact_look(struct agg_task *task, uint32_t ref, int64_t now_ms)
{
    agg_contact_at(task, ref)->flags &= (uint8_t)~AGG_TOUCHED;
    look(task, ref, now_ms);
}

void agg_contacts_look(struct agg_task *task, int64_t now_ms)
{
    for (uint32_t i = 0; i < task->touched.count; i++) {
        struct agg_contact *contact = agg_contact_at(task, task->touched.ref[i]);
        if (!(contact->flags & AGG_TOUCHED)) /* forgotten meanwhile */
            continue;
        contact->flags &= (uint8_t)~AGG_TOUCHED;
        look(task, task->touched.ref[i], now_ms);
    }
    task->touched.count = 0;
}
