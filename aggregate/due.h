/* The due queue: what the passing of time decides, in a hierarchical timer wheel over event time.
 * An entry is a question, never an answer: it is judged again from the facts when it is due, so a
 * stale one is harmless.
 *
 * Every instant has two phases: ticks (what is published when now = t, before the events of t) and
 * decisions (what falls at t, counted once now has passed t). */
#ifndef AGGREGATE_DUE_H
#define AGGREGATE_DUE_H

#include "pool.h"
#include <assert.h>

enum agg_due_phase { AGG_TICK, AGG_DECISION };

/* Ticks of one instant are visited in this order, and so are decisions. */
enum agg_due_kind {
    AGG_DUE_CARRY,     /* tick; ref: key: an interval begins while the key's state is not zero */
    AGG_DUE_PANE,      /* tick; ref: pane: its end, final or closed */
    AGG_DUE_ROLL_WAKE, /* tick; ref: key, extra: window: a bucket leaves */
    AGG_DUE_ROLL_AGE,  /* tick; ref: key, extra: window: its record may be old */
    AGG_DUE_ROLL,      /* tick; extra: window: look at the listed keys */
    AGG_DUE_PUBLISH,   /* tick; extra: window: look at the listed open panes */
    AGG_DUE_RESTATE,   /* tick: look at the listed final panes */
    AGG_DUE_CONTACT,   /* decision; ref: contact: derive again */
    AGG_DUE_VERDICT,   /* decision; ref: episode: judge again */
    AGG_DUE_FORGET,    /* decision; ref: contact */
    AGG_DUE_IDENTITY,  /* decision; ref: identity */
    AGG_DUE_EPISODE,   /* decision; ref: episode: its summary's life may be over */
    AGG_DUE_KIND_COUNT
};

enum { DUE_BITS = 6, DUE_SLOTS = 1 << DUE_BITS, DUE_LEVELS = 8 };
struct agg_due_entry {
    uint32_t next, ref;
    uint64_t at : 48; /* instant * 2 + phase */
    uint64_t kind : 8;
    uint64_t extra : 8;
};
static_assert(sizeof(struct agg_due_entry) == 16, "there are one or two for every contact");
struct agg_due {
    struct agg_pool pool;
    uint64_t cursor;      /* slots are counted from here; everything before it has been taken */
    uint64_t taken;       /* so has everything before this, the largest limit so far */
    uint64_t none_before; /* no entry falls before it */
    uint64_t used[DUE_LEVELS];
    uint32_t slot[DUE_LEVELS][DUE_SLOTS];
    struct agg_list sorted; /* scratch */
};

void agg_due_init(struct agg_due *due);
void agg_due_done(struct agg_due *due);
void agg_due_add(struct agg_due *due, int64_t at_ms, enum agg_due_phase phase,
                 enum agg_due_kind kind, uint32_t ref, uint8_t extra);
/* Takes the next entries if they fall before `limit` (instant * 2 + phase): all of one instant and
 * phase, sorted by kind, into `list` (references of due->pool; give each back). false: none. */
bool agg_due_take(struct agg_due *due, uint64_t limit, uint64_t *ret_at, struct agg_list *list);

#endif
