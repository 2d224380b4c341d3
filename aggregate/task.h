/* The state of one task, and the parts of the core that work on it. A task owns whole clients; one
 * thread, its shard's, works on it. Everything here is private to aggregate/.
 *
 * How it works: an event changes the facts of a contact (contact.h). What the facts make is derived
 * before and after the change, and the difference (change.c) goes into sums (window.h). Contacts
 * form episodes (episode.h), which make contributions of their own. The due queue asks again when
 * time passes; ticks make records of what changed (publish.c), and so does every instant of the
 * contacts that it touched (contact_record.c). task.c is the order of it all. */
#ifndef AGGREGATE_TASK_H
#define AGGREGATE_TASK_H

#include "due.h"
#include "episode.h"
#include "order.h"
#include "pool.h"
#include "rollcall/aggregate.h"
#include "rollcall/contact_record.h"

/* ---- names ---- */

struct agg_client {
    uint32_t name, name_size, tag;
    bool configured;
    uint64_t id_seed; /* of the hashes of its contacts, conversations and agents */
    const struct rc_client_policy *policy;
    struct rc_id128 *no_customer;
    uint64_t contact_count, customer_count, queue_count;
    int64_t window_start[RC_INTERVAL_COUNT], window_end[RC_INTERVAL_COUNT]; /* the newest met */
    int64_t calm_from, calm_until; /* no interval of any window ends in between */
};

struct agg_queue {
    uint32_t name, name_size, client;
    const struct rc_queue_policy *policy; /* NULL: not configured */
};

struct agg_priority { /* one of a few words, shared by the contacts that have it */
    char text[RC_PRIORITY_MAX];
    uint32_t size, contacts;
};

/* ---- sums: the figures of one window that are not zero, packed ---- */

enum { AGG_SUM_CLASSES = 5 };
struct agg_sums {
    uint64_t mask; /* bit f: figure f has a place */
    uint32_t ref;
    uint8_t class;
    bool max_stale; /* the largest wait was taken back: find it again before it is read */
    uint16_t spare; /* 0: what is saved has no bytes of chance */
};

/* ---- keys: (client, queue or roll-up, channel) ---- */

enum agg_state {
    AGG_WAITING,
    AGG_OVER,
    AGG_HANDLING,
    AGG_WRAPPING,
    AGG_VISIT_STATE_COUNT,
    AGG_BACKLOG = AGG_VISIT_STATE_COUNT,
    AGG_OVERDUE,
    AGG_STATE_COUNT
};
enum agg_key_kind { AGG_KEY_QUEUE, AGG_KEY_GROUP, AGG_KEY_TOTAL };

struct agg_key {
    uint32_t client, queue; /* queue: 0 for a roll-up */
    uint8_t channel, kind;
    uint8_t carry;        /* bit w: a look at the next interval of window w is due */
    uint8_t name_size;    /* 0: the place is free */
    bool gone;            /* not configured any more; freed after the next mark */
    uint16_t roll_listed; /* bit w: rolling window w is looked at at its next T */
    uint32_t up, down;    /* lists of links: roll-ups of a queue; queues of a roll-up */
    const struct rc_contract_list *contracts;
    int64_t settled_until;   /* until then the panes of now are there, and their looks due */
    struct agg_sums pending; /* what the panes of then have not been given yet */
    int64_t pending_at;
    uint32_t group;       /* of a group: its index in the policy */
    uint32_t rank;        /* in the canonical order of keys; clocks of one key share theirs */
    uint32_t base;        /* of a clock: the key whose tickets it measures; else 0 */
    uint32_t client_rank; /* of its client, for records of contacts */
    uint16_t clock_rank;  /* among the clocks of one key */
    const struct rc_clock *clock;   /* one of that name; NULL: not a clock's */
    uint32_t contacts;              /* of a queue: all remembered visits */
    uint32_t wait_first, wait_last; /* of a queue: who waits, sorted by queued_at */
    int64_t level[AGG_STATE_COUNT];
    uint32_t pane[RC_INTERVAL_COUNT]; /* the newest touched, a short cut past the index */
    uint32_t roll[RC_ROLLING_MAX];
    char name[RC_QUEUE_MAX + 1];
};
struct agg_link {
    uint32_t key, next;
};

struct agg_bucket { /* of a rolling window: instants [index * every, (index + 1) * every) */
    uint32_t newer, older;
    int64_t index, max_folded;
    struct agg_sums sums;
};
struct agg_roll { /* one rolling window of one key */
    uint32_t oldest, newest;
    uint32_t revision;
    bool published_zero, max_dirty;
    int64_t wake_at;
    int64_t published_at; /* T of the record last published */
    int64_t age_at;       /* of its entry ROLL_AGE; RC_TIME_NONE */
    uint64_t published;   /* hash of the content last published */
    int64_t total[RC_SUM_COUNT];
};

enum agg_phase { AGG_PANE_OPEN, AGG_PANE_ENDED, AGG_PANE_FINAL };
/* One interval window of one key, until it is closed. Once it is final, little comes to it, and it
 * may be long until it is closed: what it holds is then packed (pane.c), and the pane is cold. */
struct agg_pane {
    uint64_t published; /* hash of the content last published */
    int64_t start_ms : 48;
    uint64_t window : 8; /* index among the interval windows */
    uint64_t phase : 2;
    uint64_t live : 1, listed : 1, warm : 1;
    int64_t max_folded : 48;  /* longest wait among the forgotten */
    uint64_t packed_size : 8; /* of what a cold one holds; 0: nothing */
    uint32_t key, revision;
    uint32_t length_ms; /* a month has 2.7e9 */
    uint32_t content;   /* warm: its agg_warm; cold: in task->packed */
};
static_assert(sizeof(struct agg_pane) == 40, "a cold pane costs at most 128 bytes");
struct agg_warm { /* what a warm pane holds */
    struct agg_sums sums;
    int32_t state[AGG_STATE_COUNT]; /* at its end, once it has ended */
    bool oldest_stale;
    int64_t oldest_queued; /* of those who waited at its end; NONE, and once it is final */
    int64_t oldest_folded; /* the same, among the forgotten */
    int64_t oldest_final_ms;
};
static inline int64_t agg_pane_end(const struct agg_pane *pane)
{
    return pane->start_ms + pane->length_ms;
}

/* ---- facts ---- */

/* Something that happened to a contact at an instant; equal ones are one. What carries an agent
 * keeps a hash of it, to tell one from another. */
struct agg_point {
    int64_t time_ms : 48;
    uint64_t type : 16;
    uint64_t value; /* resolved: 0, 1; assigned: queue (0: none) << 32 | agent; worked: duration_ms
                       << 32 | agent; replied: agent; queued: queue << 32 */
};
static_assert(sizeof(struct agg_point) == 16, "an open ticket costs at most 384 bytes");
enum {
    AGG_POINTS_MAX = 4096,
    AGG_POINTS_MAX_RESOLVING = 8192,
    AGG_POINTS_MAX_QUEUED = 4096,
    AGG_POINT_CLASSES = 14
};
static inline uint32_t agg_point_queue(const struct agg_point *point)
{
    return (uint32_t)(point->value >> 32);
}
static inline int64_t agg_point_duration(const struct agg_point *point)
{
    return (int64_t)(point->value >> 32);
}

/* Facts that few contacts have. */
struct agg_rare {
    int64_t abandoned, left, transferred;
    int64_t rated, reviewed;
    int64_t due, due_time; /* the deadline that the source set for the resolution */
    int32_t score;
    uint32_t defects, opportunities;
    bool critical;
};
struct agg_conversation { /* that of a contact which carries one */
    uint32_t text, size;
    uint64_t hash;
    int64_t time_ms; /* of the event that carried it */
};

struct agg_contact {
    uint32_t id; /* text; first, as the pool's free list lies over it */
    uint8_t id_size, channel, flags, point_class;
    uint64_t hash;
    int64_t queued, answered, ended, wrapped;
    int64_t first, last; /* smallest and largest event time */
    int64_t channel_time, queue_time, customer_time, priority_time;
    int64_t forget_at, due_at; /* instants of its entries in the due queue; others are stale */
    struct rc_id128 customer;
    /* `queue` is that of the earliest event that carries one; `key` is where the contact stands:
     * for a ticket, the latest queue that it moved to */
    uint32_t client, queue, key;
    uint32_t priority, conversation, rare; /* 0: none */
    uint32_t points;
    uint32_t list_next, list_prev; /* of its key's visits */
    uint32_t wait_next, wait_prev;
    uint32_t episode, seat; /* seat: among the contacts of an episode that has legs */
    uint16_t point_count;
};
static_assert(sizeof(struct agg_contact) == 184, "an open ticket costs at most 384 bytes");
enum agg_contact_flag {
    AGG_LIVE = 1,
    AGG_HAS_CUSTOMER = 2,
    AGG_WAIT_LISTED = 4,
    AGG_COUNTED = 8,
    AGG_QUEUE_IS_MOVE = 16, /* (queue_time, queue) came with a `queued`: a ticket's first move */
    AGG_CANCELLED = 32,
    AGG_TOUCHED = 64 /* its record is looked at when the instant is over */
};

struct agg_identity {
    uint32_t id;
    uint8_t id_size, channel;
    bool live, critical, cancelled;
    uint64_t hash;
    int64_t judged_at, rated, reviewed, expires;
    uint32_t client, key;
    uint32_t rated_key, reviewed_key; /* where the kept rating and review have counted */
    int32_t score;
    uint32_t defects, opportunities;
};

/* ---- contributions ---- */

struct agg_span { /* of a state: [from, to); from NONE: none; to INT64_MAX: not over */
    int64_t from, to;
};
enum agg_outcome { AGG_NO_OUTCOME, AGG_ANSWERED, AGG_ABANDONED, AGG_LEFT };
struct agg_made { /* what the facts of one contact make; instants NONE: nothing */
    uint32_t key;
    int64_t offered_at;
    struct {
        int64_t at, wait_ms;
        uint8_t what;
        bool brief;
    } outcome;
    struct {
        int64_t at;
        bool met;
    } service_level;
    struct {
        int64_t at, talk_ms, hold_ms, acw_ms;
    } handled;
    int64_t transferred_at;
    struct {
        int64_t at, score;
        bool satisfied;
    } rated;
    struct {
        int64_t at;
        uint32_t defects, opportunities;
        bool defective;
    } reviewed;
    struct agg_span state[AGG_VISIT_STATE_COUNT];
    int64_t again_at; /* ask again once now has passed this; NONE: never by time alone */
    bool anomaly, acw_capped;
};

/* What a ticket makes, as many as it has points: sums by instant, and of a state where it stands
 * from when on. */
struct agg_sum {
    int64_t at_ms, value;
    uint32_t key;
    uint8_t figure;
};
struct agg_step {
    int64_t from_ms;
    uint32_t key; /* 0: not in this state */
};
struct agg_steps {
    struct agg_step *step; /* by time, neighbours differ; the last lasts for ever */
    uint32_t count, room;
};
struct agg_ticket {      /* without sums there is nothing else */
    struct agg_sum *sum; /* by at_ms, key, figure, each once */
    uint32_t sum_count, sum_room;
    struct agg_steps backlog, overdue;
    int64_t again_at; /* as in agg_made */
    bool anomaly;
};

/* ---- records of contacts ---- */

struct agg_shown { /* what was published of a contact */
    uint32_t contact, revision;
    uint64_t hash;
};
struct agg_draft { /* the one that is being made */
    struct rc_record *rec;
    uint32_t used, room; /* of its text */
};

/* ---- the task ---- */

/* Where an instant falls in every window. */
struct agg_place {
    uint32_t client, closed; /* closed: bit w: interval window w takes no change any more */
    int64_t at_ms, clock;
    int64_t bucket[RC_ROLLING_MAX]; /* < 0: has left the window */
    int64_t start_ms[RC_INTERVAL_COUNT], end_ms[RC_INTERVAL_COUNT];
    bool now; /* it falls into the intervals of now, which are the same since */
    int64_t calm_from;
};

struct agg;
struct agg_task {
    struct agg *agg;
    const struct rc_config *config;
    struct rc_shard_stats *stats;
    /* while an event or a due entry of an instant is applied: that instant; else now. All ticks
     * up to it have been visited, all decisions before it are made */
    int64_t clock;
    int64_t passed;    /* decisions at instants before it are made */
    int64_t epoch_end; /* where this step of now goes to */
    bool latest_only;  /* of several ticks of one window in a step look at the last alone */
    bool age_over;     /* a ghost has come in this age: who meets its customer now is of the next */
    uint32_t age;      /* of episodes and ghosts, see neighbour.h */
    struct agg_order order;
    struct agg_order late; /* live: what came too late, until the end of the epoch */
    struct agg_due due;
    struct agg_list due_list;
    struct agg_texts texts;
    struct agg_pool client, queue, priority, key, link, contact, rare, conversation, identity;
    struct agg_pool episode, bucket, roll, pane, warm;
    struct agg_texts packed; /* what cold panes hold */
    struct agg_pool legs, note, folded, seats[AGG_SEAT_CLASSES], parts[AGG_SEAT_CLASSES];
    struct agg_pool sum[AGG_SUM_CLASSES], point[AGG_POINT_CLASSES];
    struct agg_index client_index, queue_index, priority_index, key_index, contact_index,
        identity_index, episode_index, customer_index, pane_index;
    struct agg_list roll_list[RC_ROLLING_MAX], publish_list[RC_INTERVAL_COUNT], restate_list, work;
    struct agg_list episode_set;
    struct agg_list unsettled; /* episodes that events of this ms have changed, perhaps twice */
    uint64_t episode_steps; /* nodes of trees and contacts gone through for episodes: their cost */
    struct agg_place place; /* of the last contribution */
    int64_t next_look[RC_ROLLING_MAX];  /* the first T of the rolling window after the clock */
    int64_t bucket_now[RC_ROLLING_MAX]; /* the bucket that ends there */
    bool contacts;                      /* records of contacts are made */
    struct agg_pool shown;
    struct agg_index shown_index;
    struct agg_list touched; /* contacts to look at when the instant touched_at is over */
    int64_t touched_at;
    struct agg_draft draft;
    struct agg_ticket before, after; /* scratch: of the contact that is being changed */
    bool queue_scope;                /* some contract has fcr scope: queue */
    /* windows that ended so early are closed, whatever restate_for has become since; by kind */
    int64_t shut_ms[RC_INTERVAL_COUNT];
    bool rederiving; /* another configuration: no window closes meanwhile, and none is counted */
    bool roll_due[RC_ROLLING_MAX], publish_due[RC_INTERVAL_COUNT], restate_due;
};

#define AGG_AT(pool_name, type)                                                                    \
    static inline struct agg_##type *agg_##type##_at(const struct agg_task *task, uint32_t ref)    \
    {                                                                                              \
        return agg_pool_at(&task->pool_name, ref);                                                 \
    }
AGG_AT(client, client)
AGG_AT(queue, queue)
AGG_AT(priority, priority)
AGG_AT(key, key)
AGG_AT(link, link)
AGG_AT(contact, contact)
AGG_AT(rare, rare)
AGG_AT(conversation, conversation)
AGG_AT(identity, identity)
AGG_AT(episode, episode)
AGG_AT(bucket, bucket)
AGG_AT(roll, roll)
AGG_AT(pane, pane)
AGG_AT(shown, shown)
AGG_AT(warm, warm)
#undef AGG_AT

/* Intervals of the window that end there or before are closed. */
static inline int64_t agg_closed_until(const struct agg_task *task, uint32_t window)
{
    const struct rc_interval_window *interval = &task->config->windows.interval[window];
    int64_t shut_ms = task->shut_ms[interval->kind];
    int64_t until_ms = task->clock - interval->restate_for_ms;
    return task->rederiving || shut_ms > until_ms ? shut_ms : until_ms;
}

/* The next multiple of `every` after the clock: the first tick that has not been visited. */
static inline int64_t agg_next_multiple(int64_t clock_ms, int64_t every_ms)
{
    return clock_ms / every_ms * every_ms + every_ms;
}

/* names.c: interning; 0 when a limit forbids */
uint32_t agg_client_get(struct agg_task *task, const char *name, uint32_t size);
uint32_t agg_queue_find(const struct agg_task *task, uint32_t client, const char *name,
                        uint32_t size);
uint32_t agg_queue_get(struct agg_task *task, uint32_t client, const char *name, uint32_t size);
uint32_t agg_key_get(struct agg_task *task, uint32_t client, uint32_t queue, uint8_t channel);
/* Where the clock of that name counts for the key: a key of its own, without roll-ups above it. */
uint32_t agg_key_of_clock(struct agg_task *task, uint32_t key, const struct rc_clock *clock);
/* A word's reference, with one more contact that has it; and one less. */
uint32_t agg_priority_take(struct agg_task *task, const char *text, uint32_t size);
void agg_priority_drop(struct agg_task *task, uint32_t priority);
/* The hash that the decoder gives a contact id; conversations are in the same name space. */
uint64_t agg_id_hash(const struct agg_task *task, uint32_t client, const char *id, uint32_t size);
bool agg_client_ignores(const struct agg_client *client, const struct rc_id128 *customer);
/* Clients, queues, keys and roll-ups are those of the task's configuration; `gone` are groups and
 * clocks that it has not, with the contracts that they had. true: there are any. */
bool agg_names_configure(struct agg_task *task);
/* Frees the keys that are gone, which nothing refers to any more. */
void agg_keys_free(struct agg_task *task);
/* The instant's window of that kind; cached for the newest. */
void agg_window_at(struct agg_client *client, const struct rc_windows *windows, uint32_t window,
                   int64_t at_ms, int64_t *ret_start_ms, int64_t *ret_end_ms);

/* Of rows that were restored: the tag by which an index finds one; `row` is of that pool. */
uint32_t agg_client_tag(const struct agg_task *task, const void *row);
uint32_t agg_queue_tag(const struct agg_task *task, const void *row);
uint32_t agg_priority_tag(const struct agg_task *task, const void *row);
uint32_t agg_key_tag(const struct agg_task *task, const void *row);
uint32_t agg_contact_tag(const struct agg_task *task, const void *row);  /* contact.c */
uint32_t agg_identity_tag(const struct agg_task *task, const void *row); /* identity.c */
uint32_t agg_pane_tag(const struct agg_task *task, const void *row);     /* pane.c */
uint32_t agg_shown_tag(const struct agg_task *task, const void *row);    /* contact_record.c */
uint32_t agg_episode_tag(const struct agg_task *task, const void *row);  /* episode.c */
uint32_t agg_customer_tag(const struct agg_task *task,
                          const void *row); /* customer.c; an episode */
/* What their names stand for in the configuration. false: the hash secret is another one; there is
 * no such group. */
bool agg_client_again(struct agg_task *task, struct agg_client *client);
void agg_queue_again(struct agg_task *task, struct agg_queue *queue);
bool agg_key_again(struct agg_task *task, struct agg_key *key);

/* repeat.c; more in episode.h */
/* The contact's facts have changed: at once into its conversation, or out of it; what follows of
 * that for verdicts is settled when all events of the ms are applied, whatever their order. */
void agg_episode_update(struct agg_task *task, uint32_t contact);
void agg_episodes_settle(struct agg_task *task);
void agg_episode_forget(struct agg_task *task, uint32_t contact);
void agg_episode_due(struct agg_task *task, uint32_t episode, int64_t at_ms);
/* All that episodes have made is taken back; and made anew by other contracts. */
void agg_episodes_withdraw(struct agg_task *task);
void agg_episodes_restore(struct agg_task *task);

/* Of the episode that is credited to the contact, and since when it counts; NONE: there is none. */
enum agg_verdict agg_contact_verdict(struct agg_task *task, const struct agg_contact *contact,
                                     int64_t *ret_at);

/* task.c */
struct agg_task *agg_task_open(struct agg *agg, int64_t now_ms);
void agg_task_close(struct agg_task *task);
void agg_task_advance(struct agg_task *task, int64_t now_ms);
/* Of a late event, judged on arrival: true: it is older than what is remembered, a dead letter. */
bool agg_task_expired(struct agg_task *task, const struct rc_event *ev);
/* Applies a late event that is not. */
void agg_task_late(struct agg_task *task, const struct rc_event *ev);
struct agg_memory agg_task_memory(const struct agg_task *task);
/* rederive.c */
void agg_task_configure(struct agg_task *task, const struct rc_config *config);

/* agg.c: what the parts ask of the whole */
/* A copy of the head, with room for the text. */
struct rc_record *agg_record_new(struct agg *agg, const struct agg_key *key,
                                 const struct rc_record *head, uint32_t text_size);
void agg_key_made(struct agg *agg);
/* For tests and benches that look inside; NULL: it has no state. */
struct agg_task *agg_of(struct agg *agg, uint32_t task);
void agg_dead_letter(struct agg *agg, const struct rc_event *ev, const char *reason);
const struct agg_options *agg_settings(const struct agg *agg);

#endif
