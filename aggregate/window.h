/* The windows of keys: what comes to their sums, and what is published of them. */
#ifndef AGGREGATE_WINDOW_H
#define AGGREGATE_WINDOW_H

#include "task.h"

/* window.c */
struct agg_item {
    uint8_t figure;
    int64_t value;
};
struct agg_batch { /* what comes to the figures of a key at one instant */
    int64_t at_ms;
    uint64_t mask;              /* which of the values there are */
    int64_t taken_ms, added_ms; /* longest wait: taken back, then added; 0: none */
    int64_t value[RC_SUM_COUNT];
};
static inline void agg_batch_put(struct agg_batch *batch, uint32_t figure, int64_t value)
{
    uint64_t bit = 1ull << figure;
    batch->value[figure] = (batch->mask & bit ? batch->value[figure] : 0) + value;
    batch->mask |= bit;
}
/* To the key and its roll-ups. What adds up to nothing is left out. The panes of now get it when
 * one of them is read, or when an interval begins. */
void agg_window_apply(struct agg_task *task, uint32_t key, struct agg_batch *batch);
void agg_window_add(struct agg_task *task, uint32_t key, int64_t at_ms, const struct agg_item *item,
                    uint32_t count);
/* A contact with these contributions is forgotten: what it waited is folded in. */
void agg_window_fold(struct agg_task *task, const struct agg_made *made);
void agg_wait_list(struct agg_task *task, uint32_t contact, bool listed);
void agg_sums_read(const struct agg_task *task, const struct agg_sums *sums, int64_t *into);
/* Into sums that are empty. */
void agg_sums_fill(struct agg_task *task, struct agg_sums *sums, const int64_t *from);
void agg_sums_drop(struct agg_task *task, struct agg_sums *sums);
void agg_roll_trim(struct agg_task *task, struct agg_roll *roll, int64_t first_index);
void agg_roll_list(struct agg_task *task, uint32_t key, uint32_t window);
/* When its oldest bucket leaves, it is looked at; the due queue knows of none. */
void agg_roll_wake(struct agg_task *task, uint32_t key, uint32_t window);
/* Where a contract changes, a record is looked at though nothing in it moved. */
void agg_roll_wake_at_dates(struct agg_task *task, uint32_t key, uint32_t window);
/* Gives the panes what is pending. */
void agg_panes_flush(struct agg_task *task, uint32_t key);
/* The panes of now are there, are published where they are open, and the looks at the intervals
 * that follow are due. */
void agg_panes_settle(struct agg_task *task, uint32_t key);
/* Makes the client's calm_from and calm_until those around the clock. */
void agg_calm_find(struct agg_task *task, struct agg_client *client);
static inline void agg_calm(struct agg_task *task, struct agg_client *client)
{
    if (task->clock >= client->calm_until || task->clock < client->calm_from)
        agg_calm_find(task, client);
}
/* The longest wait, found again from the contacts where it was taken back. */
void agg_roll_max(struct agg_task *task, uint32_t key, uint32_t window);
void agg_pane_max(struct agg_task *task, uint32_t pane);
/* The earliest queued_at among those who wait now; NONE. */
int64_t agg_key_oldest(const struct agg_task *task, uint32_t key);
int64_t agg_oldest_at(const struct agg_task *task, uint32_t key, int64_t at_ms);
/* All remembered contacts have been taken back: what is left is of the forgotten. */
void agg_extremes_settle(struct agg_task *task);
void agg_carry_due(struct agg_task *task, uint32_t key, uint32_t window, int64_t at_ms);

/* pane.c */
/* The pane that holds the instant, nothing pending; 0: it is closed. */
uint32_t agg_pane_get(struct agg_task *task, uint32_t key, uint32_t window, int64_t at_ms);
/* The pane of an interval that is not closed. */
uint32_t agg_pane_between(struct agg_task *task, uint32_t key, uint32_t window, int64_t start_ms,
                          int64_t end_ms);
bool agg_pane_is_closed(const struct agg_task *task, uint32_t window, int64_t end_ms);
/* It changed: it is looked at again, which also makes a final one cold again. */
void agg_pane_list(struct agg_task *task, uint32_t pane);
void agg_pane_close(struct agg_task *task, uint32_t pane);
/* Panes have the window of that number now (< 0: they are dropped), and the due queue, which is
 * empty, knows of them. Where the client's zone has moved the window, so has its pane. */
void agg_panes_configure(struct agg_task *task, const int *window);
/* Packs what a final pane holds, unless it does not fit. */
void agg_pane_cool(struct agg_task *task, uint32_t pane);
/* Bytes that can be unpacked, from a file. */
bool agg_pane_is_packed(const void *bytes, uint32_t size);
struct agg_warm *agg_pane_unpack(struct agg_task *task, uint32_t pane);
/* What the pane holds. A final one must be listed then. */
static inline struct agg_warm *agg_pane_warm(struct agg_task *task, uint32_t ref)
{
    const struct agg_pane *pane = agg_pane_at(task, ref);
    return pane->warm ? agg_warm_at(task, pane->content) : agg_pane_unpack(task, ref);
}

/* change.c */
void agg_window_change(struct agg_task *task, const struct agg_made *before,
                       const struct agg_made *after);
/* A state holds in that span (+1), or does not after all (-1). */
void agg_window_span(struct agg_task *task, uint32_t key, enum agg_state state,
                     struct agg_span span, int sign);

/* publish.c */
/* true: the record of a rolling window is so old that it is published again, or ends. */
bool agg_roll_aged(struct agg_task *task, uint32_t key, uint32_t window, int64_t at_ms);
void agg_publish_roll(struct agg_task *task, uint32_t window, int64_t at_ms);
void agg_publish_provisional(struct agg_task *task, uint32_t window, int64_t at_ms);
void agg_publish_restated(struct agg_task *task, int64_t at_ms);
void agg_pane_due(struct agg_task *task, uint32_t pane, int64_t at_ms);
void agg_publish_rest(struct agg_task *task, int64_t now_ms);
/* The record will be looked at when it is old. */
void agg_roll_age(struct agg_task *task, uint32_t key, uint32_t window);
/* The key is gone: zeros, where the record last had others, and its end. Closes the pane. */
void agg_pane_cease(struct agg_task *task, uint32_t pane);
void agg_roll_cease(struct agg_task *task, uint32_t key, uint32_t window);

#endif
