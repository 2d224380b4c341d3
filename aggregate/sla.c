/* What the clocks of a ticket make (SPEC section 7): each is judged by the contract of the queue
 * at its stop, counts in the queue at the decision and in the roll-ups above it, and since when the
 * ticket is overdue. */
#include "clock.h"
#include "contact.h"

static bool known(int64_t time_ms)
{
    return time_ms != RC_TIME_NONE;
}

/* One ticket, while its clocks are judged. */
struct judging {
    struct agg_task *task;
    const struct agg_contact *contact;
    struct agg_clock_facts facts;
    int64_t passed_ms, judged_at;
    /* what it makes; agg_sla_derive */
    int64_t overdue_from; /* the first deadline of a resolution that has passed; NONE */
    struct agg_ticket *ticket;
};

static const struct rc_contract *contract_of(const struct judging *judging, uint32_t key)
{
    return rc_contract_at(agg_key_at(judging->task, key)->contracts, judging->judged_at);
}

/* Nowhere when the key's contract has no clock of that name. */
static void count_in(const struct judging *judging, uint32_t key, const struct rc_clock *clock,
                     const struct agg_clock_verdict *verdict)
{
    if (rc_clock_named(contract_of(judging, key), clock->name, clock->name_size) == NULL)
        return;
    uint32_t ref = agg_key_of_clock(judging->task, key, clock);
    agg_ticket_sum(judging->ticket, verdict->at_ms, ref, RC_FIG_sl_of, 1);
    agg_ticket_sum(judging->ticket, verdict->at_ms, ref, RC_FIG_sl_met,
                   verdict->result == AGG_CLOCK_MET);
}

static void count(const struct judging *judging, const struct rc_clock *clock,
                  const struct agg_clock_verdict *verdict)
{
    struct agg_task *task = judging->task;
    uint32_t key = agg_ticket_key_at(task, judging->contact, verdict->at_ms);
    count_in(judging, key, clock, verdict);
    for (uint32_t up = agg_key_at(task, key)->up; up != 0; up = agg_link_at(task, up)->next)
        count_in(judging, agg_link_at(task, up)->key, clock, verdict);
}

static void take_earlier(int64_t *earliest, int64_t at_ms)
{
    if (known(at_ms) && (!known(*earliest) || at_ms < *earliest))
        *earliest = at_ms;
}

/* All clocks of one measure: they stop together, so one contract has them. */
static inline void judge_measure(struct judging *judging, enum rc_measure measure,
                                 agg_clock_each *each, void *opaque)
{
    int64_t stop = agg_clock_stop(&judging->facts, measure);
    uint32_t key =
        agg_ticket_key_at(judging->task, judging->contact, known(stop) ? stop : INT64_MAX);
    const struct rc_contract *contract = contract_of(judging, key);
    for (uint32_t i = 0; i < contract->clock_count; i++) {
        const struct rc_clock *clock = &contract->clock[i];
        struct agg_clock_verdict verdict;
        if (clock->measure != measure)
            continue;
        agg_clock_judge(&judging->facts, clock, judging->passed_ms, &verdict);
        each(opaque, clock, &verdict);
    }
}

static inline void judge(struct judging *judging, agg_clock_each *each, void *opaque)
{
    struct agg_task *task = judging->task;
    const struct agg_contact *contact = judging->contact;
    judging->judged_at = agg_judged_at(contact);
    judging->facts = (struct agg_clock_facts){.queued_ms = contact->queued,
                                              .answered_ms = contact->answered,
                                              .due_ms = agg_rare_of(task, contact)->due,
                                              .point = agg_points(task, contact),
                                              .point_count = contact->point_count};
    if (!known(contact->queued))
        return;
    if (contact->priority != 0) {
        const struct agg_priority *priority = agg_priority_at(task, contact->priority);
        judging->facts.priority = priority->text;
        judging->facts.priority_size = priority->size;
    }
    for (int measure = 0; measure < RC_MEASURE_COUNT; measure++)
        judge_measure(judging, (enum rc_measure)measure, each, opaque);
}

void agg_sla_each(struct agg_task *task, const struct agg_contact *contact, int64_t passed_ms,
                  agg_clock_each *each, void *opaque)
{
    struct judging judging = {.task = task, .contact = contact, .passed_ms = passed_ms};
    judge(&judging, each, opaque);
}

static void derive_clock(void *opaque, const struct rc_clock *clock,
                         const struct agg_clock_verdict *verdict)
{
    struct judging *judging = opaque;
    take_earlier(&judging->ticket->again_at, verdict->again_at);
    if (clock->measure == RC_RESOLUTION && verdict->deadline_ms < judging->passed_ms)
        take_earlier(&judging->overdue_from, verdict->deadline_ms);
    if (verdict->result != AGG_CLOCK_UNDECIDED)
        count(judging, clock, verdict);
}

/* The backlog from the deadline on. */
static void derive_overdue(struct agg_ticket *ticket, int64_t from_ms)
{
    const struct agg_steps *backlog = &ticket->backlog;
    for (uint32_t i = 0; i < backlog->count; i++) {
        const struct agg_step *step = &backlog->step[i];
        bool over = i + 1 < backlog->count && step[1].from_ms <= from_ms;
        if (!over)
            agg_steps_put(&ticket->overdue, step->from_ms > from_ms ? step->from_ms : from_ms,
                          step->key);
    }
}

void agg_sla_derive(struct agg_task *task, const struct agg_contact *contact, int64_t passed_ms,
                    struct agg_ticket *ticket)
{
    struct judging judging = {.task = task,
                              .contact = contact,
                              .passed_ms = passed_ms,
                              .overdue_from = RC_TIME_NONE,
                              .ticket = ticket};
    judge(&judging, derive_clock, &judging);
    if (known(judging.overdue_from))
        derive_overdue(ticket, judging.overdue_from);
}
