/* What a contact brings to its episode, and how parts merge (SPEC section 6). Pure, but that the
 * key of a ticket's queue may be met for the first time. */
#include "contact.h"
#include "episode.h"
#include <string.h>

static bool known(int64_t time_ms)
{
    return time_ms != RC_TIME_NONE;
}

static uint64_t mix(uint64_t x) /* the finalizer of MurmurHash3 */
{
    x = (x ^ x >> 33) * 0xff51afd7ed558ccdull;
    x = (x ^ x >> 33) * 0xc4ceb9fe1a85ec53ull;
    return x ^ x >> 33;
}

uint64_t agg_customer_hash(uint32_t client, const struct rc_id128 *customer)
{
    return mix(customer->low + mix(customer->high + client * 0x9e3779b97f4a7c15ull));
}

/* ---- one contact ---- */

static void part_flag(const struct agg_task *task, const struct agg_contact *contact,
                      struct agg_part *part)
{
    const struct agg_point *list = agg_points(task, contact);
    for (uint32_t i = 0; i < contact->point_count; i++) {
        if (list[i].type != RC_TYPE_resolved)
            continue;
        bool tied_no = part->has_flag && part->flag_at == list[i].time_ms && !part->flag;
        part->flag = list[i].value && !tied_no;
        part->has_flag = true;
        part->flag_at = list[i].time_ms;
    }
}

static void part_of_visit(const struct agg_task *task, const struct agg_contact *contact,
                          struct agg_part *part)
{
    int64_t wait;
    if (!known(contact->answered)) {
        agg_visit_outcome(task, contact, &part->end, &wait);
        return;
    }
    part->end = agg_handled_at(task, contact);
    part->answered_count = 1;
    part->credit.at = contact->answered;
    part->credit.key = contact->key;
}

/* Was it opened again in time, or answered more than once? */
static bool reopen_says_no(const struct agg_task *task, const struct agg_contact *contact,
                           int64_t resolved, int64_t window_ms)
{
    const struct agg_point *list = agg_points(task, contact);
    uint32_t replies = 0;
    for (uint32_t i = 0; i < contact->point_count; i++) {
        replies += list[i].type == RC_TYPE_replied && list[i].time_ms <= resolved;
        if (list[i].type == RC_TYPE_reopened && list[i].time_ms > resolved &&
            list[i].time_ms <= resolved + window_ms)
            return true;
    }
    return replies > 1;
}

static void part_of_ticket(struct agg_task *task, const struct agg_contact *contact,
                           struct agg_part *part)
{
    struct agg_credit *credit = &part->credit;
    int64_t first = agg_ticket_first_resolved(task, contact);
    part->end = agg_ticket_standing(task, contact);
    if (!known(first))
        return;
    part->answered_count = 1;
    credit->at = known(contact->answered) ? contact->answered
                 : known(part->end)       ? part->end
                                          : first;
    credit->first_resolved = first;
    credit->first_key = agg_ticket_key_at(task, contact, first);
    credit->key = agg_ticket_key_at(task, contact, INT64_MAX);
    credit->end_key = known(part->end) ? agg_ticket_key_at(task, contact, part->end) : credit->key;
    const struct rc_contract *contract =
        rc_contract_at(agg_key_at(task, credit->first_key)->contracts, agg_judged_at(contact));
    credit->by_reopen = contract->fcr_model == RC_FCR_REOPEN;
    credit->reopen_no =
        credit->by_reopen && reopen_says_no(task, contact, first, contract->fcr_window_ms);
}

void agg_part_of(struct agg_task *task, uint32_t contact_ref, struct agg_part *ret_part)
{
    const struct agg_contact *contact = agg_contact_at(task, contact_ref);
    struct agg_part *part = ret_part;
    struct agg_id id = {contact->id, contact->id_size};
    bool ticket = contact->channel == RC_TICKET;
    *part = (struct agg_part){.any = true,
                              .end = RC_TIME_NONE,
                              .start_id = id,
                              .start_judged_at = agg_judged_at(contact),
                              .channels = (uint8_t)(1u << contact->channel),
                              .credit.first_resolved = RC_TIME_NONE};
    part->start = known(contact->queued) ? contact->queued : contact->answered;
    part->start_key =
        ticket ? agg_ticket_key_at(task, contact, known(part->start) ? part->start : INT64_MIN)
               : contact->key;
    if (ticket)
        part_of_ticket(task, contact, part);
    else
        part_of_visit(task, contact, part);
    part->ended = known(part->end);
    part->credit.id = id;
    part->credit.contact = contact_ref;
    part->credit.channel = contact->channel;
    part->credit.judged_at = part->start_judged_at;
    part->credit.end = part->end;
    if (contact->point_count)
        part_flag(task, contact, part);
    if (contact->flags & AGG_HAS_CUSTOMER &&
        !agg_client_ignores(agg_client_at(task, contact->client), &contact->customer)) {
        part->has_customer = true;
        part->customer = agg_customer_hash(contact->client, &contact->customer);
        part->customer_start = known(part->start) ? part->start : INT64_MAX;
        part->customer_id = id;
    }
}

/* ---- several ---- */

static int id_compare(const struct agg_task *task, struct agg_id a, struct agg_id b)
{
    return rc_text_compare(agg_text_at(&task->texts, a.text, a.size), a.size,
                           agg_text_at(&task->texts, b.text, b.size), b.size);
}

static bool comes_first(const struct agg_task *task, int64_t a_ms, struct agg_id a, int64_t b_ms,
                        struct agg_id b)
{
    return a_ms != b_ms ? a_ms < b_ms : id_compare(task, a, b) < 0;
}

/* A contact without a start comes after all that have one. */
static int64_t order_of(int64_t start)
{
    return known(start) ? start : INT64_MAX;
}

static void merge_flag(struct agg_part *part, const struct agg_part *more)
{
    if (!more->has_flag)
        return;
    if (!part->has_flag || more->flag_at > part->flag_at) {
        part->flag = more->flag;
        part->flag_at = more->flag_at;
    } else if (more->flag_at == part->flag_at) {
        part->flag &= more->flag;
    }
    part->has_flag = true;
}

void agg_part_merge(const struct agg_task *task, struct agg_part *part, const struct agg_part *more)
{
    if (!part->any) {
        *part = *more;
        return;
    }
    if (!more->any)
        return;
    if (comes_first(task, order_of(more->start), more->start_id, order_of(part->start),
                    part->start_id)) {
        part->start = more->start;
        part->start_key = more->start_key;
        part->start_id = more->start_id;
        part->start_judged_at = more->start_judged_at;
    }
    part->end = part->end > more->end ? part->end : more->end;
    part->ended &= more->ended;
    part->forgotten_open |= more->forgotten_open;
    part->channels |= more->channels;
    merge_flag(part, more);
    if (more->answered_count &&
        (!part->answered_count ||
         comes_first(task, more->credit.at, more->credit.id, part->credit.at, part->credit.id)))
        part->credit = more->credit;
    part->answered_count += more->answered_count;
    if (more->has_customer &&
        (!part->has_customer || comes_first(task, more->customer_start, more->customer_id,
                                            part->customer_start, part->customer_id))) {
        part->has_customer = true;
        part->customer = more->customer;
        part->customer_start = more->customer_start;
        part->customer_id = more->customer_id;
    }
}

/* ---- forgotten ones ---- */

static void id_keep(struct agg_task *task, struct agg_id *id, struct agg_id old)
{
    if (id->text == old.text && id->size == old.size)
        return;
    agg_text_drop(&task->texts, old.text, old.size);
    if (!id->size)
        return;
    char text[RC_ID_MAX];
    memcpy(text, agg_text_at(&task->texts, id->text, id->size), id->size);
    id->text = agg_text_put(&task->texts, text, id->size);
}

void agg_part_fold(struct agg_task *task, struct agg_part *folded, struct agg_part *more)
{
    struct agg_part old = *folded;
    more->credit.contact = 0;
    if (!more->answered_count)
        more->credit.id = (struct agg_id){0, 0};
    agg_part_merge(task, folded, more);
    id_keep(task, &folded->start_id, old.start_id);
    id_keep(task, &folded->customer_id, old.customer_id);
    id_keep(task, &folded->credit.id, old.credit.id);
}

void agg_part_drop(struct agg_task *task, struct agg_part *folded)
{
    agg_text_drop(&task->texts, folded->start_id.text, folded->start_id.size);
    agg_text_drop(&task->texts, folded->customer_id.text, folded->customer_id.size);
    agg_text_drop(&task->texts, folded->credit.id.text, folded->credit.id.size);
}

/* ---- the whole ---- */

/* A ticket is credited to the queue in which it is when the episode ends. */
static uint32_t credit_key(struct agg_task *task, const struct agg_part *part)
{
    const struct agg_credit *credit = &part->credit;
    if (credit->channel != RC_TICKET || !part->ended)
        return credit->key;
    if (credit->contact)
        return agg_ticket_key_at(task, agg_contact_at(task, credit->contact), part->end);
    return part->end > credit->end ? credit->key : credit->end_key;
}

void agg_part_view(struct agg_task *task, const struct agg_part *part, struct agg_view *ret_view)
{
    struct agg_view *view = ret_view;
    const struct agg_credit *credit = &part->credit;
    bool answered = part->answered_count > 0;
    *view = (struct agg_view){.any = part->any};
    if (!part->any)
        return;
    view->judged_at = answered ? credit->judged_at : part->start_judged_at;
    view->has_start = known(part->start);
    view->start = view->has_start ? part->start : view->judged_at;
    view->start_key = part->start_key;
    view->channels = part->channels;
    view->has_customer = part->has_customer;
    view->customer = part->customer;
    view->by_reopen = answered && credit->by_reopen;
    view->reopen_no = answered && credit->reopen_no;
    view->eligible = view->by_reopen || (answered && part->ended && !part->forgotten_open);
    view->has_flag = part->has_flag;
    view->flag_yes = part->has_flag && part->flag && part->answered_count == 1;
    view->end = view->by_reopen ? credit->first_resolved : known(part->end) ? part->end : 0;
    view->key = view->by_reopen ? credit->first_key
                : answered      ? credit_key(task, part)
                                : part->start_key;
}
