/* Episodes: the contacts of one conversation, what is left of them once they are forgotten, and the
 * verdicts of first contact resolution (SPEC section 6).
 *
 * How it works: each contact brings a part; parts merge in any order (part.c). An episode is known
 * by a small record that says what its neighbours and its verdict need. Nearly all have one
 * contact, and need no more: while it is remembered the rest is derived from it. Those of several
 * contacts, or odd ones, have legs beside it (legs.c, episode.c). The episodes of a customer stand
 * in a tree by start (customer.c). When one changes, it and its neighbours (neighbour.c) are
 * judged again (repeat.c). */
#ifndef AGGREGATE_EPISODE_H
#define AGGREGATE_EPISODE_H

#include "pool.h"
#include "rollcall/event.h"

struct agg_task;
struct agg_contact;

enum agg_verdict { AGG_FCR_NONE, AGG_FCR_YES, AGG_FCR_NO, AGG_FCR_PENDING, AGG_FCR_UNKNOWN };

enum {
    AGG_EPISODE_CONTACTS_MAX = 1024,
    AGG_SEAT_BLOCK = 8, /* so many contacts are gone through at every change */
    AGG_SEAT_CLASSES = 8
};
static_assert(AGG_SEAT_BLOCK << (AGG_SEAT_CLASSES - 1) == AGG_EPISODE_CONTACTS_MAX, "seats");

struct agg_id {
    uint32_t text, size;
};

/* The first contact of an episode that was answered; of tickets: resolved. */
struct agg_credit {
    int64_t at; /* answered; a ticket without: its end, else its first resolution */
    int64_t judged_at, end;
    int64_t first_resolved; /* tickets; NONE */
    struct agg_id id;
    uint32_t contact;            /* 0: forgotten */
    uint32_t key;                /* where it stands; tickets: in the end */
    uint32_t end_key, first_key; /* tickets: where it stood at `end`, at `first_resolved` */
    uint8_t channel;
    bool by_reopen; /* its contract at its first resolution has the model `reopen` */
    bool reopen_no; /* and it says no */
};

/* What one contact, or several, bring to their episode. Instants NONE: not known. */
struct agg_part {
    int64_t start; /* queued_at, else answered_at */
    int64_t end;   /* the largest end so far; of those forgotten without, the last event */
    int64_t start_judged_at, flag_at, customer_start;
    uint64_t customer;
    struct agg_id start_id, customer_id; /* of the contacts, for ties */
    uint32_t start_key, answered_count;
    bool any, ended, forgotten_open, has_customer, has_flag, flag;
    uint8_t channels; /* bit c: there is one of channel c */
    struct agg_credit credit;
};

/* An episode as its neighbours and its verdict see it. */
struct agg_view {
    int64_t start; /* without one: the date by which it is judged */
    int64_t end;   /* 0: none yet */
    int64_t judged_at;
    uint64_t customer;
    uint32_t key; /* where it is credited, or began */
    uint32_t start_key;
    bool any, has_start, has_customer, eligible, has_flag, flag_yes, by_reopen, reopen_no;
    uint8_t channels;
};

enum agg_form {
    AGG_FORM_FREE,
    AGG_FORM_SINGLE, /* one remembered contact */
    AGG_FORM_FOLDED, /* one forgotten contact that the record itself can tell of */
    AGG_FORM_LEGS,   /* several contacts, or an odd one */
    AGG_FORM_GHOST   /* its summary is gone; those before it still know its start */
};

/* Ten million of them are to fit in a gigabyte with their customers: every bit has its use. */
struct agg_episode {
    uint32_t left, right; /* in its customer's tree */
    uint64_t hash;        /* of client and conversation */
    uint64_t customer;    /* hash of client and customer */
    uint32_t key;
    /* SINGLE: its contact; FOLDED: ms from start to answer, or, if noted, a reference;
     * LEGS: theirs */
    uint32_t holds;
    uint64_t start : 42, form : 3, channels : 3, verdict : 3;
    uint64_t has_start : 1, has_customer : 1, eligible : 1, has_flag : 1, flag_yes : 1;
    uint64_t by_reopen : 1, reopen_no : 1;
    uint64_t answered : 1, lost : 1; /* FOLDED: it was; it was forgotten without an end */
    uint64_t noted : 1;              /* FOLDED: there is a note beside it */
    uint64_t repeat : 1;
    uint64_t kept_repeat : 1; /* with this start it was the next of one that was dropped */
    uint64_t overtaken : 1;   /* when it got its start, one of its customer's began no earlier */
    uint64_t end : 42;
    uint64_t below : 22; /* what is in its part of the tree: AGG_BELOW_…, places by hash */
    uint64_t asked : 44; /* instant of its entry in the due queue; others are stale; 0: none */
    uint64_t age : 20;   /* when it came to its customer with a start that early (GHOST: was
                            dropped), see neighbour.h */
};
static_assert(sizeof(struct agg_episode) == 56, "a customer with one episode: 100 bytes at most");
enum {
    AGG_BELOW_PLACES = 20,
    AGG_BELOW_LIVE = 1 << AGG_BELOW_PLACES,
    AGG_BELOW_OVERTAKEN = 2 << AGG_BELOW_PLACES, /* of the live ones */
    AGG_BELOW_MASK = (4 << AGG_BELOW_PLACES) - 1
};

/* Of a forgotten contact whose own name is not that of the conversation, or that was said to be
 * resolved or not: what the record has no room for. */
struct agg_note {
    uint32_t text, answered_after; /* text 0: the conversation's name */
    int64_t flag_at;
    uint8_t size;
    bool has_flag, flag;
};

/* Seats are a list of contacts in no order. Of more than a block of them a tree is kept: its leaves
 * are the parts of blocks, in each node is what lies below it merged, the root is 1. */
struct agg_legs {
    uint32_t seats, tree, folded; /* references; 0: none */
    uint32_t start_key;
    int64_t judged_at;
    int64_t kept_start;        /* with which it was the next of one that was dropped; 0: none */
    uint32_t credited;         /* whose record says what the verdict is; 0: forgotten, or none */
    uint16_t count, forgotten; /* contacts with a seat; contacts in `folded` */
    uint8_t class;             /* there are AGG_SEAT_BLOCK << class seats */
};

static inline bool agg_episode_is_linked(const struct agg_episode *episode)
{
    return episode->has_start && episode->has_customer;
}

/* part.c */
uint64_t agg_customer_hash(uint32_t client, const struct rc_id128 *customer);
void agg_part_of(struct agg_task *task, uint32_t contact, struct agg_part *ret_part);
/* Adds `more` to `part`. */
void agg_part_merge(const struct agg_task *task, struct agg_part *part,
                    const struct agg_part *more);
/* Adds that of a contact that is forgotten: `folded` gets texts of its own. */
void agg_part_fold(struct agg_task *task, struct agg_part *folded, struct agg_part *more);
void agg_part_drop(struct agg_task *task, struct agg_part *folded);
void agg_part_view(struct agg_task *task, const struct agg_part *part, struct agg_view *ret_view);

/* legs.c: the seats of an episode */
void agg_legs_init(struct agg_task *task);
void agg_legs_done(struct agg_task *task);
void agg_legs_count(const struct agg_task *task, struct agg_memory *memory);
void agg_legs_seat(struct agg_task *task, struct agg_legs *legs, uint32_t contact);
void agg_legs_leave(struct agg_task *task, struct agg_legs *legs, uint32_t contact);
/* The contact's facts have changed. */
void agg_legs_touch(struct agg_task *task, struct agg_legs *legs, uint32_t contact);
/* The contacts are judged by other contracts. */
void agg_legs_renew(struct agg_task *task, const struct agg_legs *legs);
void agg_legs_gather(struct agg_task *task, const struct agg_legs *legs, struct agg_part *ret_part);
void agg_legs_free(struct agg_task *task, uint32_t legs);

/* episode.c: which contacts an episode has */
/* By which the episode of its conversation is found. */
uint64_t agg_episode_hash(const struct agg_task *task, const struct agg_contact *contact);
/* The episode that it has is that of its conversation, or its own beyond the limit of that one. */
bool agg_episode_fits(const struct agg_task *task, const struct agg_contact *contact);
uint32_t agg_episode_join(struct agg_task *task, uint32_t contact);
void agg_episode_leave(struct agg_task *task, uint32_t contact);
void agg_episode_touch(struct agg_task *task, uint32_t contact);
/* The contact is forgotten; what it brought stays. */
void agg_episode_fold(struct agg_task *task, uint32_t contact);
/* The contacts are judged by other contracts. false: they are all forgotten. */
bool agg_episode_renew(struct agg_task *task, uint32_t episode);
bool agg_episode_has_contacts(const struct agg_task *task, const struct agg_episode *episode);
void agg_episode_view(struct agg_task *task, uint32_t episode, struct agg_view *ret_view);
/* Makes the record say so. true: it did not. */
bool agg_episode_differs(const struct agg_task *task, uint32_t episode,
                         const struct agg_view *view);
/* The contact that it is credited to; 0: it is forgotten, or there is none. */
uint32_t agg_episode_credited(struct agg_task *task, uint32_t episode);
/* Touches that contact; and where it has become another, the one before, too. */
void agg_episode_credit_touch(struct agg_task *task, uint32_t episode);
void agg_episode_credit_follow(struct agg_task *task, uint32_t episode);
void agg_episode_set(struct agg_task *task, uint32_t episode, const struct agg_view *view);
uint32_t agg_episode_start_key(const struct agg_task *task, const struct agg_episode *episode);
int64_t agg_episode_judged_at(const struct agg_task *task, const struct agg_episode *episode);
/* Gives back all but the record itself, which is not found by its conversation any more. */
void agg_episode_empty(struct agg_task *task, uint32_t episode);

/* customer.c: a customer's episodes by (start, reference) */
uint32_t agg_customer_find(const struct agg_task *task, uint64_t customer);
void agg_customer_link(struct agg_task *task, uint32_t episode);
void agg_customer_unlink(struct agg_task *task, uint32_t episode);
/* Ghosts that no episode needs any more go; a customer without episodes, too. */
void agg_customer_trim(struct agg_task *task, uint64_t customer);
/* The first after, the last before (start, ref) that has one of these bits (0: any); 0: none. */
uint32_t agg_customer_after(struct agg_task *task, uint32_t root, int64_t start, uint32_t ref,
                            uint32_t bits);
uint32_t agg_customer_before(struct agg_task *task, uint32_t root, int64_t start, uint32_t ref,
                             uint32_t bits);
static inline uint32_t agg_place_bit(uint32_t key)
{
    return 1u << key % AGG_BELOW_PLACES;
}

#endif
