/* Figures that cannot be taken back by subtraction: the longest wait of a window and the oldest
 * waiting contact. Each keeps its value, and a mark when the value itself was taken back; then it
 * is found again from the remembered contacts and from what was folded in of forgotten ones. */
#include "contact.h"
#include "window.h"

/* ---- who waits, sorted by queued_at ---- */

void agg_wait_list(struct agg_task *task, uint32_t ref, bool listed)
{
    struct agg_contact *contact = agg_contact_at(task, ref);
    if (((contact->flags & AGG_WAIT_LISTED) != 0) == listed)
        return;
    struct agg_key *key = agg_key_at(task, contact->key);
    contact->flags ^= AGG_WAIT_LISTED;
    if (!listed) {
        if (contact->wait_prev)
            agg_contact_at(task, contact->wait_prev)->wait_next = contact->wait_next;
        else
            key->wait_first = contact->wait_next;
        if (contact->wait_next)
            agg_contact_at(task, contact->wait_next)->wait_prev = contact->wait_prev;
        else
            key->wait_last = contact->wait_prev;
        contact->wait_next = contact->wait_prev = 0;
        return;
    }
    uint32_t after = key->wait_last;
    while (after && agg_contact_at(task, after)->queued > contact->queued)
        after = agg_contact_at(task, after)->wait_prev;
    contact->wait_prev = after;
    contact->wait_next = after ? agg_contact_at(task, after)->wait_next : key->wait_first;
    if (after)
        agg_contact_at(task, after)->wait_next = ref;
    else
        key->wait_first = ref;
    if (contact->wait_next)
        agg_contact_at(task, contact->wait_next)->wait_prev = ref;
    else
        key->wait_last = ref;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a == RC_TIME_NONE ? b : b == RC_TIME_NONE ? a : a < b ? a : b;
}

int64_t agg_key_oldest(const struct agg_task *task, uint32_t ref)
{
    const struct agg_key *key = agg_key_at(task, ref);
    if (key->kind == AGG_KEY_QUEUE)
        return key->wait_first ? agg_contact_at(task, key->wait_first)->queued : RC_TIME_NONE;
    int64_t oldest = RC_TIME_NONE;
    for (uint32_t down = key->down; down; down = agg_link_at(task, down)->next)
        oldest = earlier(oldest, agg_key_oldest(task, agg_link_at(task, down)->key));
    return oldest;
}

/* Of those who waited at that instant. */
int64_t agg_oldest_at(const struct agg_task *task, uint32_t ref, int64_t at_ms)
{
    const struct agg_key *key = agg_key_at(task, ref);
    int64_t oldest = RC_TIME_NONE;
    for (uint32_t down = key->down; down; down = agg_link_at(task, down)->next)
        oldest = earlier(oldest, agg_oldest_at(task, agg_link_at(task, down)->key, at_ms));
    for (uint32_t at = key->contacts; at; at = agg_contact_at(task, at)->list_next) {
        struct agg_made made;
        agg_visit_derive(task, agg_contact_at(task, at), task->clock, &made);
        struct agg_span span = made.state[AGG_WAITING];
        if (span.from != RC_TIME_NONE && span.from < at_ms && span.to >= at_ms)
            oldest = earlier(oldest, span.from);
    }
    return oldest;
}

/* ---- the longest wait ---- */

static int64_t max_between(const struct agg_task *task, uint32_t ref, int64_t from_ms,
                           int64_t to_ms)
{
    const struct agg_key *key = agg_key_at(task, ref);
    int64_t longest = 0;
    for (uint32_t down = key->down; down; down = agg_link_at(task, down)->next) {
        int64_t wait = max_between(task, agg_link_at(task, down)->key, from_ms, to_ms);
        longest = wait > longest ? wait : longest;
    }
    for (uint32_t at = key->contacts; at; at = agg_contact_at(task, at)->list_next) {
        struct agg_made made;
        agg_visit_derive(task, agg_contact_at(task, at), task->clock, &made);
        if (made.outcome.at >= from_ms && made.outcome.at < to_ms &&
            made.outcome.what == AGG_ANSWERED && made.outcome.wait_ms > longest)
            longest = made.outcome.wait_ms;
    }
    return longest;
}

static void sums_max_again(const struct agg_task *task, struct agg_sums *sums, uint32_t key,
                           int64_t from_ms, int64_t to_ms, int64_t folded)
{
    if (!sums->max_stale)
        return;
    int64_t longest = max_between(task, key, from_ms, to_ms);
    int64_t *values = agg_pool_at(&task->sum[sums->class], sums->ref);
    uint64_t below = (1ull << RC_FIG_wait_ms_max) - 1;
    values[__builtin_popcountll(sums->mask & below)] = longest > folded ? longest : folded;
    sums->max_stale = false;
}

static int64_t sums_max(const struct agg_task *task, const struct agg_sums *sums)
{
    if (!(sums->mask >> RC_FIG_wait_ms_max & 1))
        return 0;
    const int64_t *values = agg_pool_at(&task->sum[sums->class], sums->ref);
    return values[__builtin_popcountll(sums->mask & ((1ull << RC_FIG_wait_ms_max) - 1))];
}

void agg_pane_max(struct agg_task *task, uint32_t ref)
{
    const struct agg_pane *pane = agg_pane_at(task, ref);
    sums_max_again(task, &agg_pane_warm(task, ref)->sums, pane->key, pane->start_ms,
                   agg_pane_end(pane), pane->max_folded);
}

void agg_roll_max(struct agg_task *task, uint32_t key_ref, uint32_t window)
{
    struct agg_roll *roll = agg_roll_at(task, agg_key_at(task, key_ref)->roll[window]);
    if (!roll->max_dirty)
        return;
    int64_t every = task->config->windows.rolling[window].every_ms, longest = 0;
    for (uint32_t at = roll->oldest; at; at = agg_bucket_at(task, at)->newer) {
        struct agg_bucket *bucket = agg_bucket_at(task, at);
        sums_max_again(task, &bucket->sums, key_ref, bucket->index * every,
                       (bucket->index + 1) * every, bucket->max_folded);
        int64_t wait = sums_max(task, &bucket->sums);
        longest = wait > longest ? wait : longest;
    }
    roll->total[RC_FIG_wait_ms_max] = longest;
    roll->max_dirty = false;
}

/* ---- what the forgotten leave behind ---- */

static void sums_max_folded(const struct agg_task *task, struct agg_sums *sums, int64_t folded)
{
    if (!sums->max_stale)
        return;
    int64_t *values = agg_pool_at(&task->sum[sums->class], sums->ref);
    values[__builtin_popcountll(sums->mask & ((1ull << RC_FIG_wait_ms_max) - 1))] = folded;
    sums->max_stale = false;
}

static void pane_settle(struct agg_task *task, const struct agg_pane *pane)
{
    struct agg_warm *warm = agg_warm_at(task, pane->content);
    sums_max_folded(task, &warm->sums, pane->max_folded);
    if (pane->phase == AGG_PANE_ENDED && warm->oldest_stale) {
        warm->oldest_queued = warm->oldest_folded;
        warm->oldest_stale = false;
    }
}

static void roll_settle(struct agg_task *task, struct agg_roll *roll)
{
    int64_t longest = 0;
    for (uint32_t at = roll->oldest; at; at = agg_bucket_at(task, at)->newer) {
        struct agg_bucket *bucket = agg_bucket_at(task, at);
        sums_max_folded(task, &bucket->sums, bucket->max_folded);
        int64_t wait = sums_max(task, &bucket->sums);
        longest = wait > longest ? wait : longest;
    }
    roll->total[RC_FIG_wait_ms_max] = longest;
    roll->max_dirty = false;
}

void agg_extremes_settle(struct agg_task *task)
{
    for (uint32_t ref = 1; ref < task->pane.next; ref++) {
        const struct agg_pane *pane = agg_pane_at(task, ref);
        if (pane->live && pane->warm)
            pane_settle(task, pane);
    }
    for (uint32_t ref = 1; ref < task->key.next; ref++) {
        const struct agg_key *key = agg_key_at(task, ref);
        for (uint32_t i = 0; key->name_size && i < task->config->windows.rolling_count; i++)
            if (key->roll[i])
                roll_settle(task, agg_roll_at(task, key->roll[i]));
    }
}

static void fold_wait(struct agg_task *task, uint32_t key_ref, int64_t at_ms, int64_t wait_ms)
{
    const struct rc_windows *windows = &task->config->windows;
    const struct agg_key *key = agg_key_at(task, key_ref);
    for (uint32_t i = 0; i < windows->interval_count; i++) {
        uint32_t ref = agg_pane_get(task, key_ref, i, at_ms);
        if (ref && wait_ms > agg_pane_at(task, ref)->max_folded)
            agg_pane_at(task, ref)->max_folded = wait_ms;
    }
    for (uint32_t i = 0; i < windows->rolling_count; i++) {
        int64_t every = windows->rolling[i].every_ms, index = at_ms / every;
        if (index * every < agg_next_multiple(task->clock, every) - windows->rolling[i].length_ms)
            continue; /* it has left the window, as is the rule: retention is longer */
        uint32_t at = key->roll[i] ? agg_roll_at(task, key->roll[i])->oldest : 0;
        while (at && agg_bucket_at(task, at)->index < index)
            at = agg_bucket_at(task, at)->newer;
        if (at && agg_bucket_at(task, at)->index == index &&
            wait_ms > agg_bucket_at(task, at)->max_folded)
            agg_bucket_at(task, at)->max_folded = wait_ms;
    }
}

/* Panes that have ended but are not final, in which the forgotten one waited at the end. */
static void fold_oldest(struct agg_task *task, uint32_t key_ref, struct agg_span span)
{
    const struct rc_windows *windows = &task->config->windows;
    struct agg_client *client = agg_client_at(task, agg_key_at(task, key_ref)->client);
    for (uint32_t i = 0; i < windows->interval_count; i++) {
        int64_t start, end, at = task->clock - task->config->time.grace_ms - 1;
        if (at < span.from)
            at = span.from;
        for (;; at = end) {
            agg_window_at(client, windows, i, at, &start, &end);
            if (end > task->clock || end > span.to)
                break;
            uint32_t ref = agg_pane_get(task, key_ref, i, at);
            if (!ref || agg_pane_at(task, ref)->phase == AGG_PANE_FINAL)
                continue;
            struct agg_warm *warm = agg_pane_warm(task, ref);
            warm->oldest_folded = earlier(warm->oldest_folded, span.from);
        }
    }
}

void agg_window_fold(struct agg_task *task, const struct agg_made *made)
{
    bool waited = made->outcome.at != RC_TIME_NONE && made->outcome.what == AGG_ANSWERED &&
                  made->outcome.wait_ms > 0;
    struct agg_span span = made->state[AGG_WAITING];
    if (!made->key)
        return;
    if (waited)
        fold_wait(task, made->key, made->outcome.at, made->outcome.wait_ms);
    if (span.from != RC_TIME_NONE)
        fold_oldest(task, made->key, span);
    for (uint32_t up = agg_key_at(task, made->key)->up; up; up = agg_link_at(task, up)->next) {
        uint32_t key = agg_link_at(task, up)->key;
        if (waited)
            fold_wait(task, key, made->outcome.at, made->outcome.wait_ms);
        if (span.from != RC_TIME_NONE)
            fold_oldest(task, key, span);
    }
}
