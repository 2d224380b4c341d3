/* Contacts: their facts, what these make, and what is kept of a contact when it is forgotten. */
#ifndef AGGREGATE_CONTACT_H
#define AGGREGATE_CONTACT_H

#include "task.h"

/* The tag by which an index finds what has an id with that hash. */
static inline uint32_t agg_id_tag(uint64_t hash)
{
    return (uint32_t)(hash ^ hash >> 32);
}

/* contact.c */
/* That of the event; 0: there is none. */
uint32_t agg_contact_find(const struct agg_task *task, uint32_t client, const struct rc_event *ev);
/* One that nothing is known of but its id. */
uint32_t agg_contact_new(struct agg_task *task, uint32_t client, const struct rc_event *ev);
/* Limits have been checked. */
void agg_contact_take(struct agg_task *task, uint32_t contact, const struct rc_event *ev);
/* What it makes by time alone; a stale entry of the due queue does nothing. */
void agg_contact_due(struct agg_task *task, uint32_t contact, int64_t at_ms);
/* When it is forgotten, if nothing more comes. */
int64_t agg_forget_at(const struct agg_task *task, const struct agg_contact *contact);
/* Forgets it, unless the entry is stale; its identity is kept. */
void agg_contact_forget(struct agg_task *task, uint32_t contact, int64_t at_ms);
/* All that contacts and the identities of forgotten ones have made is taken back; and made anew,
 * and what is due for them with it. What is to be forgotten by now is forgotten only after. */
void agg_contacts_withdraw(struct agg_task *task);
void agg_contacts_restore(struct agg_task *task);
void agg_contacts_forget(struct agg_task *task);

/* identity.c */
uint32_t agg_identity_find(const struct agg_task *task, uint32_t client, uint64_t hash,
                           const char *id, uint32_t size);
void agg_identity_free(struct agg_task *task, uint32_t identity);
/* A rating or a review. */
void agg_identity_take(struct agg_task *task, uint32_t identity, const struct rc_event *ev);
/* Of a contact that is placed and is being forgotten: takes its id over. */
void agg_identity_keep(struct agg_task *task, struct agg_contact *contact);
void agg_identities_withdraw(struct agg_task *task);
/* They are kept for so much longer. */
void agg_identities_restore(struct agg_task *task, int64_t longer_ms);

/* points.c */
bool agg_is_point(uint8_t type);
bool agg_point_room(const struct agg_task *task, const struct agg_contact *contact,
                    const struct rc_event *ev);
/* true: it is new. */
bool agg_point_add(struct agg_task *task, struct agg_contact *contact, const struct rc_event *ev);
bool agg_point_add_queued(struct agg_task *task, struct agg_contact *contact, int64_t time_ms,
                          uint32_t queue);
/* Sorted by time, type, value; contact->point_count of them. */
const struct agg_point *agg_points(const struct agg_task *task, const struct agg_contact *contact);
void agg_points_drop(struct agg_task *task, struct agg_contact *contact);

/* facts.c */
/* true: something changed. Limits have been checked. */
bool agg_facts_merge(struct agg_task *task, struct agg_contact *contact, const struct rc_event *ev);
int agg_queue_compare(const struct agg_task *task, uint32_t a, uint32_t b);
/* Of ratings and reviews the later one holds. true: changed. */
bool agg_rating_merge(const struct rc_event *ev, int64_t *rated, int32_t *score);
bool agg_review_merge(const struct rc_event *ev, int64_t *reviewed, uint32_t *defects,
                      uint32_t *opportunities, bool *critical);
/* The date by which a contact is judged. */
static inline int64_t agg_judged_at(const struct agg_contact *contact)
{
    return contact->queued != RC_TIME_NONE     ? contact->queued
           : contact->answered != RC_TIME_NONE ? contact->answered
                                               : contact->first;
}
/* Its rare facts, all unknown where it has none; and a place for them. */
extern const struct agg_rare agg_rare_none;
static inline const struct agg_rare *agg_rare_of(const struct agg_task *task,
                                                 const struct agg_contact *contact)
{
    return contact->rare ? agg_rare_at(task, contact->rare) : &agg_rare_none;
}
struct agg_rare *agg_rare_get(struct agg_task *task, struct agg_contact *contact);
/* When the agent's conversation was over; NONE. */
static inline int64_t agg_handled_at(const struct agg_task *task, const struct agg_contact *contact)
{
    if (contact->ended != RC_TIME_NONE)
        return contact->ended;
    int64_t transferred = agg_rare_of(task, contact)->transferred;
    return transferred != RC_TIME_NONE ? transferred : contact->wrapped;
}
/* What hangs on it, but for its id. */
void agg_facts_drop(struct agg_task *task, struct agg_contact *contact);
int64_t agg_retention(const struct agg_task *task, const struct agg_contact *contact);

/* visit.c: pure; decisions at instants before `passed_ms` are made */
void agg_visit_derive(const struct agg_task *task, const struct agg_contact *contact,
                      int64_t passed_ms, struct agg_made *ret_made);
/* The instant at which its service level counts, also where it is left out. NONE: it is not
 * decided, or there is none. */
int64_t agg_visit_level_at(const struct agg_task *task, const struct agg_contact *contact,
                           int64_t passed_ms);
/* Of the rating, or of the review, alone. */
void agg_identity_derive(const struct agg_task *task, const struct agg_identity *identity,
                         uint8_t type, struct agg_made *ret_made);
bool agg_is_satisfied(const struct rc_contract *contract, int32_t score);
/* Outcome, and when and after what wait; AGG_NO_OUTCOME: none yet. */
enum agg_outcome agg_visit_outcome(const struct agg_task *task, const struct agg_contact *contact,
                                   int64_t *ret_at, int64_t *ret_wait_ms);

/* ticket.c: what the facts of a ticket say; of other channels they may be asked as well */
static inline bool agg_is_resolution(const struct agg_point *point)
{
    return point->type == RC_TYPE_closed || (point->type == RC_TYPE_resolved && point->value);
}
/* The standing resolution, and the first one; NONE. */
int64_t agg_ticket_standing(const struct agg_task *task, const struct agg_contact *contact);
int64_t agg_ticket_first_resolved(const struct agg_task *task, const struct agg_contact *contact);
/* Its queue at that instant (INT64_MAX: the latest); 0: it has none yet. */
uint32_t agg_ticket_queue_at(const struct agg_task *task, const struct agg_contact *contact,
                             int64_t at_ms);
/* The key of that queue; the ticket must be placed. */
uint32_t agg_ticket_key_at(struct agg_task *task, const struct agg_contact *contact, int64_t at_ms);
/* Nothing for contacts that are no tickets. Decisions at instants before `passed_ms` are made. */
void agg_ticket_derive(struct agg_task *task, const struct agg_contact *contact, int64_t passed_ms,
                       struct agg_ticket *ret_ticket);
void agg_ticket_change(struct agg_task *task, const struct agg_ticket *before,
                       const struct agg_ticket *after);
/* Its states are over from that instant on. true: it had any. */
bool agg_ticket_lose(struct agg_ticket *ticket, int64_t at_ms);
void agg_ticket_done(struct agg_ticket *ticket);
/* Adds a value that is not 0 to the sum of that instant, key and figure. */
void agg_ticket_sum(struct agg_ticket *ticket, int64_t at_ms, uint32_t key, uint8_t figure,
                    int64_t value);
/* From that instant on it stands in that key (0: in none). In the order of time. */
void agg_steps_put(struct agg_steps *steps, int64_t from_ms, uint32_t key);

/* sla.c */
struct agg_clock_verdict;
typedef void agg_clock_each(void *opaque, const struct rc_clock *clock,
                            const struct agg_clock_verdict *verdict);
/* Each clock of the ticket, which is placed, with its verdict; also one that is undecided. */
void agg_sla_each(struct agg_task *task, const struct agg_contact *contact, int64_t passed_ms,
                  agg_clock_each *each, void *opaque);
/* Adds what its clocks make to what it makes; the backlog is derived before. */
void agg_sla_derive(struct agg_task *task, const struct agg_contact *contact, int64_t passed_ms,
                    struct agg_ticket *ticket);

/* contact_record.c */
/* What is published of the contact may have changed. */
void agg_contact_touched(struct agg_task *task, uint32_t contact);
static inline void agg_contact_touch(struct agg_task *task, uint32_t contact)
{
    if (task->contacts)
        agg_contact_touched(task, contact);
}
/* Makes records of those that have changed; now is the instant after. */
void agg_contacts_look(struct agg_task *task, int64_t now_ms);
/* The same of one, touched or not. */
void agg_contact_look(struct agg_task *task, uint32_t contact, int64_t now_ms);
/* The contact is forgotten: nothing more comes of it. */
void agg_contact_unpublish(struct agg_task *task, uint32_t contact);
void agg_draft_done(struct agg_draft *draft);
/* To be called before anything of that instant happens. */
static inline void agg_contacts_until(struct agg_task *task, int64_t at_ms)
{
    if (task->touched.count != 0 && task->touched_at < at_ms)
        agg_contacts_look(task, task->touched_at + 1);
}

#endif
