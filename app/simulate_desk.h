/* One client's day, event by event: lines (a queue and a channel each) with their waiting
 * customers and their agents. Each contact is a small state machine with one timer; a step of the
 * earliest timer yields a few facts, all of that instant. Clients know nothing of each other. */
#ifndef ROLLCALL_SIMULATE_DESK_H
#define ROLLCALL_SIMULATE_DESK_H

#include "simulate_heap.h"
#include "simulate_plan.h"
#include "simulate_random.h"

#include "rollcall/event.h"

#define SIM_NONE UINT32_MAX
enum { SIM_LEGS_MAX = 2 };
enum sim_priority { SIM_ORDINARY, SIM_URGENT, SIM_HIGH };

/* What happened, before it becomes text. */
struct sim_fact {
    int64_t time_ms;
    int64_t due_ms;                   /* queued: a deadline that was agreed; 0: none */
    uint64_t id;                      /* of the event */
    uint64_t contact, conversation;   /* numbers within the client; 0: none */
    uint32_t client, customer, agent; /* customer 0: none; agent SIM_NONE: none */
    int32_t value;                    /* rated: score; reviewed: defects; resolved: bool;
                                         left: enum rc_left_reason; queued: enum
                                         sim_priority; worked: ms */
    uint16_t line;
    uint8_t type;   /* enum rc_event_type */
    uint8_t damage; /* 0: none; else how it is damaged */
};

struct sim_facts {
    uint32_t count;
    struct sim_fact fact[8];
};

enum sim_step {
    SIM_FREE,
    SIM_RETRY, /* calls again, later */
    SIM_WAITING,
    SIM_RINGING, /* an agent is called to it */
    SIM_TALKING,
    SIM_HOLDING,
    SIM_WRAPPING,
    SIM_RATING,
    SIM_REVIEWING,
    SIM_SPAM,    /* tickets, from here on: will be recognised */
    SIM_WORKING, /* an agent works on it */
    SIM_PAUSED,  /* until the customer answers */
    SIM_LATER,   /* until it is taken up again */
    SIM_SOLVED
};

struct sim_contact {
    uint64_t number, conversation;
    int64_t queued_ms;
    int64_t rest_ms; /* of the conversation; tickets: of this session of work */
    uint32_t order;  /* of its timer; an earlier timer of it is void */
    uint32_t customer;
    uint32_t token;          /* the place at an agent that it has */
    uint32_t next, previous; /* in the line; free ones: next */
    uint16_t line;
    uint8_t step;         /* enum sim_step */
    uint8_t exit;         /* waiting: what the timer means */
    uint8_t legs, breaks; /* of the conversation; holds or replies to come */
    bool resolved, reviewed, passed_on, long_wait;
    bool taken, silent; /* tickets: taken in charge; paused, and no answer will come */
};

/* A token is a place at an agent: one for calls, several for chats. */
struct sim_line {
    uint64_t contacts_q24; /* first contacts of an ordinary day, in 2^-24 */
    uint32_t *idle;        /* ring of idle tokens, longest idle first */
    uint8_t *off;          /* by token: neither idle nor busy */
    uint32_t idle_first, idle_count, token_count;
    uint32_t parallel, agents_max, agents; /* on duty: those with numbers below agents */
    uint32_t agent_base;                   /* agents' numbers within the client */
    uint32_t first, last, waiting;
    int64_t busy_ms, talk_ms;
    uint16_t queue;
    uint8_t channel;
    uint8_t queue_name_len, prefix_len;
    char queue_name[SIM_NAME_SIZE];
    char prefix[152]; /* the part of the JSON that is the same in all events */
};

struct sim_client {
    struct sim_random random;
    struct sim_heap timers;
    struct sim_contact *contact;
    uint32_t contact_count, contact_capacity, free_first;
    uint32_t order, index;
    uint32_t line_count;
    uint32_t customers; /* who might call */
    struct sim_line *line;
    uint64_t contacts_begun;
    int64_t weight_from_ms; /* the quarter of which weight is known */
    uint32_t weight;
    uint8_t name_len;
    struct sim_plan plan;
};

/* What all clients share; const after the start. */
struct sim_house {
    struct sim_options options;
    int64_t end_ms; /* nobody calls from then on */
    uint32_t load_milli, chat_ppm, ticket_ppm;
};

bool sim_client_open(struct sim_client *client, const struct sim_house *house, uint32_t index);
void sim_client_close(struct sim_client *client);
/* Steps the earliest timer, which there must be; what happened is appended to facts, if anything.
 * False: no memory. */
bool sim_client_step(struct sim_client *client, const struct sim_house *house,
                     struct sim_facts *facts);

/* What follows is between simulate_desk.c, _talk.c, _ticket.c and _lines.c alone. */

/* The contact's only timer; an earlier one of it is void. */
void sim_desk_set_timer(struct sim_client *client, struct sim_contact *contact, int64_t at_ms,
                        enum sim_step step);
/* Lent until the next one is added. */
struct sim_fact *sim_desk_add_fact(struct sim_client *client, const struct sim_contact *contact,
                                   enum rc_event_type type, int64_t now_ms,
                                   struct sim_facts *facts);
void sim_desk_add_agent_fact(struct sim_client *client, const struct sim_contact *contact,
                             enum rc_event_type type, int64_t now_ms, struct sim_facts *facts);
void sim_desk_free(struct sim_client *client, struct sim_contact *contact);
/* Another line of the same channel, or SIM_NONE. */
uint32_t sim_desk_other_line(struct sim_client *client, uint32_t line);
/* The customer of that contact goes on in another line, in the same conversation. */
void sim_desk_pass_on(struct sim_client *client, const struct sim_house *house,
                      const struct sim_contact *from, uint32_t line, int64_t now_ms,
                      struct sim_facts *facts);
/* An agent is called to it, whose place is `token`; or it goes to the end of its line, where it
 * stays. */
void sim_desk_ring(struct sim_client *client, struct sim_contact *contact, uint32_t token,
                   int64_t now_ms);
void sim_desk_wait(struct sim_client *client, struct sim_contact *contact);
/* With that chance the customer comes back, after an exponential time. */
void sim_desk_call_again(struct sim_client *client, const struct sim_contact *from, uint32_t ppm,
                         int64_t mean_ms, int64_t now_ms);

void sim_talk_answer(struct sim_client *client, struct sim_contact *contact, int64_t now_ms,
                     struct sim_facts *facts);
/* The talk comes to a hold, a reply or its end. */
void sim_talk_step(struct sim_client *client, const struct sim_house *house,
                   struct sim_contact *contact, int64_t now_ms, struct sim_facts *facts);
void sim_talk_resume(struct sim_client *client, struct sim_contact *contact, int64_t now_ms,
                     struct sim_facts *facts);
void sim_talk_wrap_up(struct sim_client *client, struct sim_contact *contact, int64_t now_ms,
                      struct sim_facts *facts);
void sim_talk_rate(struct sim_client *client, struct sim_contact *contact, int64_t now_ms,
                   struct sim_facts *facts);
void sim_talk_review(struct sim_client *client, struct sim_contact *contact, int64_t now_ms,
                     struct sim_facts *facts);

void sim_talk_review_later(struct sim_client *client, struct sim_contact *contact, int64_t now_ms);

void sim_ticket_open(struct sim_client *client, struct sim_contact *contact, int64_t now_ms,
                     struct sim_facts *facts);
void sim_ticket_spam(struct sim_client *client, struct sim_contact *contact, int64_t now_ms,
                     struct sim_facts *facts);
void sim_ticket_take(struct sim_client *client, struct sim_contact *contact, int64_t now_ms,
                     struct sim_facts *facts);
void sim_ticket_worked(struct sim_client *client, struct sim_contact *contact, int64_t now_ms,
                       struct sim_facts *facts);
void sim_ticket_resume(struct sim_client *client, struct sim_contact *contact, int64_t now_ms,
                       struct sim_facts *facts);
void sim_ticket_later(struct sim_client *client, struct sim_contact *contact, int64_t now_ms);
void sim_ticket_settle(struct sim_client *client, struct sim_contact *contact, int64_t now_ms,
                       struct sim_facts *facts);

uint32_t sim_lines_weight(struct sim_client *client, int64_t at_ms);
int64_t sim_lines_next_arrival(struct sim_client *client, const struct sim_house *house,
                               const struct sim_line *line, int64_t from_ms);
void sim_lines_staff(struct sim_line *line, uint32_t agents);
bool sim_lines_token_take(struct sim_line *line, uint32_t *ret_token);
void sim_lines_token_done(struct sim_line *line, uint32_t token);
bool sim_lines_open(struct sim_client *client, const struct sim_house *house);
void sim_lines_close(struct sim_client *client);

#endif
