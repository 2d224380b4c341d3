/* What befalls a ticket: it waits until an agent of its line has time, is worked on, replied to,
 * solved, waits for the customer, moves to another queue, comes back. */
#include "simulate_desk.h"

enum { MINUTE = 60000, HOUR = 60 * MINUTE, DAY = 24 * HOUR };
enum { SIGMA_WORK = 52429 /* 0.8 */ };

/* Shares, in ppm: first of all tickets, then of sessions of work, then of solved tickets. */
enum {
    URGENT = 60000,
    HIGH = 140000,
    AGREED_DEADLINE = 120000,
    SPAM = 20000,
    SOLVED = 480000,
    ASKED_BACK = 280000, /* else, up to this: */
    MOVED = 90000,
    REPLIED_WITHOUT = 400000, /* of the sessions that do not need one */
    ANSWERED_BY_CUSTOMER = 850000,
    REOPENED = 90000,
    CLOSED = 600000,
    RATES = 100000,
    REVIEWED = 30000
};

/* To an agent who has time, else to the end of the line. Nobody gives up waiting for a ticket. */
static void queue_up(struct sim_client *client, struct sim_contact *contact, int64_t now_ms)
{
    uint32_t token;
    struct sim_line *line = &client->line[contact->line];
    if (line->waiting == 0 && sim_lines_token_take(line, &token))
        sim_desk_ring(client, contact, token, now_ms);
    else
        sim_desk_wait(client, contact);
}

void sim_ticket_open(struct sim_client *client, struct sim_contact *contact, int64_t now_ms,
                     struct sim_facts *facts)
{
    struct sim_random *random = &client->random;
    contact->number = ++client->contacts_begun;
    contact->queued_ms = now_ms;
    struct sim_fact *fact = sim_desk_add_fact(client, contact, RC_TYPE_queued, now_ms, facts);
    fact->customer = contact->customer;
    uint32_t priority = sim_random_below(random, 1000000);
    fact->value = priority < URGENT ? SIM_URGENT : priority < HIGH + URGENT ? SIM_HIGH : 0;
    if (sim_random_chance(random, AGREED_DEADLINE))
        fact->due_ms = now_ms + DAY + HOUR * (int64_t)sim_random_below(random, 96);
    if (sim_random_chance(random, SPAM))
        sim_desk_set_timer(client, contact, now_ms + sim_random_exponential(random, 20 * MINUTE),
                           SIM_SPAM);
    else
        queue_up(client, contact, now_ms);
}

void sim_ticket_spam(struct sim_client *client, struct sim_contact *contact, int64_t now_ms,
                     struct sim_facts *facts)
{
    sim_desk_add_fact(client, contact, RC_TYPE_cancelled, now_ms, facts);
    sim_desk_free(client, contact);
}

/* An agent has it: the first one takes it in charge. */
void sim_ticket_take(struct sim_client *client, struct sim_contact *contact, int64_t now_ms,
                     struct sim_facts *facts)
{
    if (!contact->taken)
        sim_desk_add_agent_fact(client, contact, RC_TYPE_answered, now_ms, facts);
    contact->taken = true;
    contact->rest_ms =
        10000 +
        sim_random_lognormal(&client->random, client->line[contact->line].talk_ms, SIGMA_WORK);
    sim_desk_set_timer(client, contact, now_ms + contact->rest_ms, SIM_WORKING);
}

static void move(struct sim_client *client, struct sim_contact *contact, int64_t now_ms,
                 struct sim_facts *facts)
{
    uint32_t other = sim_desk_other_line(client, contact->line);
    if (other != SIM_NONE) {
        contact->line = (uint16_t)other;
        contact->token = SIM_NONE;
        sim_desk_add_fact(client, contact, RC_TYPE_assigned, now_ms, facts);
    }
    queue_up(client, contact, now_ms);
}

/* A session of work is over. The agent's place is free only then, so the line is served after. */
void sim_ticket_worked(struct sim_client *client, struct sim_contact *contact, int64_t now_ms,
                       struct sim_facts *facts)
{
    struct sim_random *random = &client->random;
    uint32_t share = sim_random_below(random, 1000000);
    sim_desk_add_agent_fact(client, contact, RC_TYPE_worked, now_ms, facts);
    facts->fact[facts->count - 1].value = (int32_t)contact->rest_ms;
    bool reply = share < SOLVED + ASKED_BACK || sim_random_chance(random, REPLIED_WITHOUT);
    if (reply)
        sim_desk_add_agent_fact(client, contact, RC_TYPE_replied, now_ms, facts);
    sim_lines_token_done(&client->line[contact->line], contact->token);
    if (share < SOLVED) {
        sim_desk_add_fact(client, contact, RC_TYPE_resolved, now_ms, facts)->value = true;
        sim_desk_set_timer(client, contact, now_ms + sim_random_exponential(random, 30 * HOUR),
                           SIM_SOLVED);
    } else if (share < SOLVED + ASKED_BACK) {
        sim_desk_add_fact(client, contact, RC_TYPE_paused, now_ms, facts);
        contact->silent = !sim_random_chance(random, ANSWERED_BY_CUSTOMER);
        sim_desk_set_timer(client, contact,
                           contact->silent ? now_ms + 5 * (int64_t)DAY
                                           : now_ms + sim_random_exponential(random, 9 * HOUR),
                           SIM_PAUSED);
    } else if (share < SOLVED + ASKED_BACK + MOVED) {
        move(client, contact, now_ms, facts);
    } else {
        sim_desk_set_timer(client, contact, now_ms + sim_random_exponential(random, 3 * HOUR),
                           SIM_LATER);
    }
}

/* The customer has answered, or never will: then the ticket is closed. */
void sim_ticket_resume(struct sim_client *client, struct sim_contact *contact, int64_t now_ms,
                       struct sim_facts *facts)
{
    if (contact->silent) {
        sim_desk_add_fact(client, contact, RC_TYPE_closed, now_ms, facts);
        sim_desk_free(client, contact);
        return;
    }
    sim_desk_add_fact(client, contact, RC_TYPE_resumed, now_ms, facts);
    queue_up(client, contact, now_ms);
}

void sim_ticket_later(struct sim_client *client, struct sim_contact *contact, int64_t now_ms)
{
    queue_up(client, contact, now_ms);
}

/* Some time after the solution: it was none, or the ticket is closed, rated, reviewed. */
void sim_ticket_settle(struct sim_client *client, struct sim_contact *contact, int64_t now_ms,
                       struct sim_facts *facts)
{
    struct sim_random *random = &client->random;
    if (sim_random_chance(random, REOPENED)) {
        sim_desk_add_fact(client, contact, RC_TYPE_reopened, now_ms, facts);
        queue_up(client, contact, now_ms);
        return;
    }
    if (sim_random_chance(random, CLOSED))
        sim_desk_add_fact(client, contact, RC_TYPE_closed, now_ms, facts);
    contact->resolved = true;
    contact->reviewed = sim_random_chance(random, REVIEWED);
    if (sim_random_chance(random, RATES))
        sim_desk_set_timer(client, contact, now_ms + sim_random_exponential(random, 2 * HOUR),
                           SIM_RATING);
    else
        sim_talk_review_later(client, contact, now_ms);
}
