/* Another configuration (aggregate.h, agg_configure). What contributes to sums now, and can be
 * derived again, is taken back by the old one; then windows hold what forgotten contacts left in
 * them and nothing else, names and windows become those of the new one, and all is derived and
 * added again. What was published last stands in every record's hash, so looking at all of them
 * publishes what differs. The due queue is not carried over: all that it knows stands in the
 * records. */
#include "contact.h"
#include "window.h"
#include <string.h>

/* ---- windows ---- */

struct renumbering { /* from a window's number to its new one; < 0: it is dropped */
    int interval[RC_INTERVAL_COUNT];
    int rolling[RC_ROLLING_MAX];
    bool same_buckets[RC_ROLLING_MAX];
};

static void number_rolling(const struct rc_windows *old, const struct rc_windows *new,
                           struct renumbering *numbers)
{
    for (uint32_t i = 0; i < old->rolling_count; i++) {
        const struct rc_rolling_window *was = &old->rolling[i];
        numbers->rolling[i] = -1;
        for (uint32_t j = 0; j < new->rolling_count; j++) {
            const struct rc_rolling_window *is = &new->rolling[j];
            if (strcmp(was->name, is->name) != 0)
                continue;
            numbers->rolling[i] = (int)j;
            numbers->same_buckets[i] =
                was->length_ms == is->length_ms && was->every_ms == is->every_ms;
        }
    }
}

static void number_intervals(const struct rc_windows *old, const struct rc_windows *new,
                             struct renumbering *numbers)
{
    for (uint32_t i = 0; i < old->interval_count; i++) {
        numbers->interval[i] = -1;
        for (uint32_t j = 0; j < new->interval_count; j++)
            if (old->interval[i].kind == new->interval[j].kind)
                numbers->interval[i] = (int)j;
    }
}

static const struct rc_interval_window *window_of(const struct rc_windows *windows,
                                                  enum rc_interval kind)
{
    for (uint32_t i = 0; i < windows->interval_count; i++)
        if (windows->interval[i].kind == kind)
            return &windows->interval[i];
    return NULL;
}

/* What is closed by now stays closed. Of a window that there was not, what would be. */
static void windows_shut(struct agg_task *task, const struct rc_windows *new)
{
    for (int kind = 0; kind < RC_INTERVAL_COUNT; kind++) {
        const struct rc_interval_window *window =
            window_of(&task->config->windows, (enum rc_interval)kind);
        if (!window)
            window = window_of(new, (enum rc_interval)kind);
        int64_t until_ms = window ? task->clock - window->restate_for_ms : 0;
        if (until_ms > task->shut_ms[kind])
            task->shut_ms[kind] = until_ms;
    }
}

static void roll_empty(struct agg_task *task, struct agg_roll *roll)
{
    agg_roll_trim(task, roll, INT64_MAX);
    memset(roll->total, 0, sizeof roll->total);
    roll->max_dirty = false;
}

static void rolls_renumber(struct agg_task *task, struct agg_key *key,
                           const struct renumbering *numbers)
{
    uint32_t old[RC_ROLLING_MAX];
    memcpy(old, key->roll, sizeof old);
    memset(key->roll, 0, sizeof key->roll);
    for (uint32_t i = 0; i < RC_ROLLING_MAX; i++) {
        if (!old[i])
            continue;
        struct agg_roll *roll = agg_roll_at(task, old[i]);
        if (numbers->rolling[i] < 0 || !numbers->same_buckets[i])
            roll_empty(task, roll);
        if (numbers->rolling[i] < 0)
            agg_pool_put(&task->roll, old[i]);
        else
            key->roll[numbers->rolling[i]] = old[i];
    }
}

/* ---- what was remembered for later ---- */

static void due_clear(struct agg_task *task)
{
    uint64_t taken = task->due.taken;
    agg_due_done(&task->due);
    agg_due_init(&task->due);
    task->due.taken = taken;
}

/* Lists and short cuts speak of windows by number, and of what is due. */
static void looks_clear(struct agg_task *task)
{
    for (uint32_t i = 0; i < RC_ROLLING_MAX; i++) {
        task->roll_list[i].count = 0;
        task->roll_due[i] = false;
        task->next_look[i] = task->bucket_now[i] = 0;
    }
    for (uint32_t i = 0; i < RC_INTERVAL_COUNT; i++) {
        task->publish_list[i].count = 0;
        task->publish_due[i] = false;
    }
    task->restate_list.count = 0;
    task->restate_due = false;
    task->place.client = 0;
}

static void key_clear(struct agg_task *task, struct agg_key *key, const struct renumbering *numbers)
{
    for (uint32_t i = 0; i < AGG_STATE_COUNT; i++)
        RC_CHECK(key->level[i] == 0); /* the forgotten are in no state */
    RC_CHECK(!key->wait_first && !key->pending.mask);
    key->carry = 0;
    key->roll_listed = 0;
    key->settled_until = 0;
    memset(key->pane, 0, sizeof key->pane);
    rolls_renumber(task, key, numbers);
}

/* ---- taking back ---- */

static void withdraw_all(struct agg_task *task)
{
    agg_contacts_withdraw(task);
    agg_identities_withdraw(task);
    agg_episodes_withdraw(task);
    for (uint32_t ref = 1; ref < task->key.next; ref++)
        if (agg_key_at(task, ref)->name_size)
            agg_panes_flush(task, ref);
    agg_extremes_settle(task);
}

/* ---- going over ---- */

/* Groups and clocks that are not configured any more. */
static void keys_cease(struct agg_task *task)
{
    for (uint32_t ref = 1; ref < task->pane.next; ref++) {
        const struct agg_pane *pane = agg_pane_at(task, ref);
        if (pane->live && agg_key_at(task, pane->key)->gone)
            agg_pane_cease(task, ref);
    }
    for (uint32_t ref = 1; ref < task->key.next; ref++) {
        const struct agg_key *key = agg_key_at(task, ref);
        for (uint32_t i = 0; key->gone && i < task->config->windows.rolling_count; i++)
            if (key->roll[i])
                agg_roll_cease(task, ref, i);
    }
}

static void rolls_wake(struct agg_task *task)
{
    for (uint32_t ref = 1; ref < task->key.next; ref++) {
        const struct agg_key *key = agg_key_at(task, ref);
        for (uint32_t i = 0; key->name_size && i < task->config->windows.rolling_count; i++) {
            if (!key->roll[i])
                continue;
            agg_roll_age(task, ref, i);
            agg_roll_wake(task, ref, i);
            agg_roll_wake_at_dates(task, ref, i);
            agg_roll_list(task, ref, i);
        }
    }
}

static void go_over(struct agg_task *task, const struct rc_config *config)
{
    struct renumbering numbers = {0};
    number_rolling(&task->config->windows, &config->windows, &numbers);
    number_intervals(&task->config->windows, &config->windows, &numbers);
    for (uint32_t ref = 1; ref < task->key.next; ref++)
        if (agg_key_at(task, ref)->name_size)
            key_clear(task, agg_key_at(task, ref), &numbers);
    due_clear(task);
    looks_clear(task);
    task->config = config;
    bool any_gone = agg_names_configure(task);
    agg_panes_configure(task, numbers.interval);
    if (any_gone)
        keys_cease(task);
    rolls_wake(task);
}

/* ---- what is published of it ---- */

/* The contracts of keys, by reference, as they were; NULL: there was no such key. */
static const struct rc_contract_list **contracts_note(const struct agg_task *task)
{
    const struct rc_contract_list **list = agg_map(task->key.next * sizeof *list);
    for (uint32_t ref = 1; ref < task->key.next; ref++)
        list[ref] = agg_key_at(task, ref)->name_size ? agg_key_at(task, ref)->contracts : NULL;
    return list;
}

/* Is what it began under another contract now? */
static bool is_under_another(const struct agg_task *task, const struct agg_pane *pane,
                             const struct rc_contract_list **was, uint32_t count)
{
    if (pane->key >= count || !was[pane->key])
        return false; /* a new key: all of it is listed */
    const struct rc_contract_list *is = agg_key_at(task, pane->key)->contracts;
    return rc_contract_at(was[pane->key], pane->start_ms)->fingerprint !=
           rc_contract_at(is, pane->start_ms)->fingerprint;
}

/* An open pane is looked at in any case, and a final one that took something. */
static void panes_list(struct agg_task *task, const struct rc_contract_list **was, uint32_t count)
{
    for (uint32_t ref = 1; ref < task->pane.next; ref++) {
        const struct agg_pane *pane = agg_pane_at(task, ref);
        if (pane->live &&
            (pane->phase != AGG_PANE_FINAL || is_under_another(task, pane, was, count)))
            agg_pane_list(task, ref);
    }
}

void agg_task_configure(struct agg_task *task, const struct rc_config *config)
{
    const struct rc_config *old = task->config;
    uint32_t key_count = task->key.next;
    const struct rc_contract_list **was = contracts_note(task);
    windows_shut(task, &config->windows);
    task->rederiving = true;
    task->place.client = 0;
    withdraw_all(task);
    go_over(task, config);
    agg_contacts_restore(task);
    agg_identities_restore(task, config->time.identity_ms - old->time.identity_ms);
    agg_episodes_restore(task);
    task->rederiving = false;
    task->place.client = 0;
    agg_contacts_forget(task);
    panes_list(task, was, key_count);
    agg_unmap(was, key_count * sizeof *was);
}
