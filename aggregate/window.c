/* Sums of windows: what a contribution does to them. It goes into the bucket of every rolling
 * window and the pane of every interval window that holds its instant, for its own key and for the
 * roll-ups above it. What changed is listed for the next tick. */
#include "window.h"
#include <string.h>

/* ---- packed sums ---- */

static const uint8_t class_room[AGG_SUM_CLASSES] = {2, 4, 8, 16, RC_SUM_COUNT};

static int64_t *sums_values(const struct agg_task *task, const struct agg_sums *sums)
{
    return agg_pool_at(&task->sum[sums->class], sums->ref);
}

/* Makes places, with 0, for figures that have none. */
static void sums_widen(struct agg_task *task, struct agg_sums *sums, uint64_t fresh)
{
    uint64_t mask = sums->mask | fresh;
    uint32_t from = (uint32_t)__builtin_popcountll(sums->mask);
    uint32_t to = (uint32_t)__builtin_popcountll(mask);
    int64_t *old = sums->ref ? sums_values(task, sums) : NULL;
    struct agg_sums wide = {mask, sums->ref, sums->class, sums->max_stale, 0};
    if (!old || to > class_room[sums->class]) {
        while (to > class_room[wide.class])
            wide.class ++;
        wide.ref = agg_pool_get(&task->sum[wide.class]);
    }
    int64_t *values = sums_values(task, &wide);
    for (; mask; mask &= ~(1ull << (63 - __builtin_clzll(mask)))) /* from the last: in place */
        values[--to] = sums->mask >> (63 - __builtin_clzll(mask)) & 1 ? old[--from] : 0;
    if (old && wide.class != sums->class)
        agg_pool_put(&task->sum[sums->class], sums->ref);
    *sums = wide;
}

void agg_sums_read(const struct agg_task *task, const struct agg_sums *sums, int64_t *into)
{
    memset(into, 0, RC_SUM_COUNT * sizeof *into);
    if (!sums->mask)
        return;
    const int64_t *value = sums_values(task, sums);
    for (uint64_t mask = sums->mask; mask; mask &= mask - 1)
        into[__builtin_ctzll(mask)] = *value++;
}

void agg_sums_fill(struct agg_task *task, struct agg_sums *sums, const int64_t *from)
{
    for (uint32_t i = 0; i < RC_SUM_COUNT; i++)
        sums->mask |= (uint64_t)(from[i] != 0) << i;
    if (!sums->mask)
        return;
    while ((uint32_t)__builtin_popcountll(sums->mask) > class_room[sums->class])
        sums->class ++;
    sums->ref = agg_pool_get(&task->sum[sums->class]);
    int64_t *value = sums_values(task, sums);
    for (uint64_t mask = sums->mask; mask; mask &= mask - 1)
        *value++ = from[__builtin_ctzll(mask)];
}

void agg_sums_drop(struct agg_task *task, struct agg_sums *sums)
{
    if (sums->ref)
        agg_pool_put(&task->sum[sums->class], sums->ref);
    *sums = (struct agg_sums){0};
}

/* Room for as many figures as an interval of a queue has as a rule. */
static void sums_open(struct agg_task *task, struct agg_sums *sums)
{
    sums->class = AGG_SUM_CLASSES - 2;
    sums->ref = agg_pool_get(&task->sum[sums->class]);
}

static uint32_t place_in(const struct agg_sums *sums, uint32_t figure)
{
    return (uint32_t)__builtin_popcountll(sums->mask & ((1ull << figure) - 1));
}

/* A longest wait that is taken back is found again before it is read. */
static void sums_longest(struct agg_task *task, struct agg_sums *sums,
                         const struct agg_batch *batch)
{
    if (!(sums->mask >> RC_FIG_wait_ms_max & 1))
        return;
    int64_t *longest = sums_values(task, sums) + place_in(sums, RC_FIG_wait_ms_max);
    sums->max_stale |= batch->taken_ms && batch->taken_ms == *longest;
    if (batch->added_ms > *longest)
        *longest = batch->added_ms;
}

/* The first, as of nearly every bucket of a quiet queue. */
static void sums_begin(struct agg_task *task, struct agg_sums *sums, const struct agg_batch *batch)
{
    if (!batch->mask)
        return; /* a longest wait taken back that is not here */
    uint32_t count = (uint32_t)__builtin_popcountll(batch->mask);
    *sums = (struct agg_sums){.mask = batch->mask};
    while (count > class_room[sums->class])
        sums->class ++;
    sums->ref = agg_pool_get(&task->sum[sums->class]);
    int64_t *value = sums_values(task, sums);
    for (uint64_t mask = batch->mask; mask; mask &= mask - 1) {
        uint32_t figure = (uint32_t)__builtin_ctzll(mask);
        *value++ = figure == RC_FIG_wait_ms_max ? batch->added_ms : batch->value[figure];
    }
}

static void sums_apply(struct agg_task *task, struct agg_sums *sums, const struct agg_batch *batch)
{
    if (!sums->ref) {
        sums_begin(task, sums, batch);
        return;
    }
    if (batch->mask & ~sums->mask)
        sums_widen(task, sums, batch->mask);
    int64_t *values = sums_values(task, sums);
    for (uint64_t mask = batch->mask; mask; mask &= mask - 1) {
        uint32_t figure = (uint32_t)__builtin_ctzll(mask);
        values[place_in(sums, figure)] += batch->value[figure];
    }
    if (batch->taken_ms | batch->added_ms)
        sums_longest(task, sums, batch);
}

/* Adds all of `more`. */
static void sums_merge(struct agg_task *task, struct agg_sums *sums, const struct agg_sums *more)
{
    const int64_t *value = sums_values(task, more);
    if (more->mask & ~sums->mask)
        sums_widen(task, sums, more->mask);
    int64_t *values = sums_values(task, sums);
    for (uint64_t mask = more->mask; mask; mask &= mask - 1, value++) {
        uint32_t figure = (uint32_t)__builtin_ctzll(mask);
        int64_t *place = values + place_in(sums, figure);
        if (figure != RC_FIG_wait_ms_max)
            *place += *value;
        else if (*value > *place)
            *place = *value;
    }
}

/* ---- rolling windows ---- */

static uint32_t bucket_new(struct agg_task *task, struct agg_roll *roll, int64_t index,
                           uint32_t newer)
{
    uint32_t ref = agg_pool_get(&task->bucket);
    struct agg_bucket *bucket = agg_bucket_at(task, ref);
    bucket->index = index;
    bucket->newer = newer;
    bucket->older = newer ? agg_bucket_at(task, newer)->older : roll->newest;
    if (newer)
        agg_bucket_at(task, newer)->older = ref;
    else
        roll->newest = ref;
    if (bucket->older)
        agg_bucket_at(task, bucket->older)->newer = ref;
    else
        roll->oldest = ref;
    return ref;
}

static uint32_t bucket_get(struct agg_task *task, struct agg_roll *roll, int64_t index)
{
    uint32_t newer = 0, at = roll->newest;
    while (at && agg_bucket_at(task, at)->index > index) {
        newer = at;
        at = agg_bucket_at(task, at)->older;
    }
    return at && agg_bucket_at(task, at)->index == index ? at
                                                         : bucket_new(task, roll, index, newer);
}

static void total_take_back(const struct agg_task *task, struct agg_roll *roll,
                            const struct agg_sums *sums)
{
    const int64_t *value = sums->mask ? sums_values(task, sums) : NULL;
    for (uint64_t mask = sums->mask; mask; mask &= mask - 1, value++) {
        uint32_t figure = (uint32_t)__builtin_ctzll(mask);
        if (figure != RC_FIG_wait_ms_max)
            roll->total[figure] -= *value;
        else if (*value && *value == roll->total[figure])
            roll->max_dirty = true;
    }
}

void agg_roll_trim(struct agg_task *task, struct agg_roll *roll, int64_t first_index)
{
    while (roll->oldest && agg_bucket_at(task, roll->oldest)->index < first_index) {
        uint32_t ref = roll->oldest;
        struct agg_bucket *bucket = agg_bucket_at(task, ref);
        total_take_back(task, roll, &bucket->sums);
        roll->oldest = bucket->newer;
        if (bucket->newer)
            agg_bucket_at(task, bucket->newer)->older = 0;
        else
            roll->newest = 0;
        agg_sums_drop(task, &bucket->sums);
        agg_pool_put(&task->bucket, ref);
    }
}

void agg_roll_wake_at_dates(struct agg_task *task, uint32_t key_ref, uint32_t window)
{
    const struct rc_contract_list *list = agg_key_at(task, key_ref)->contracts;
    int64_t every = task->config->windows.rolling[window].every_ms;
    for (uint32_t i = 1; i < list->count; i++) {
        int64_t at = (list->dated[i].from_ms + every - 1) / every * every;
        if (at > task->clock)
            agg_due_add(&task->due, at, AGG_TICK, AGG_DUE_ROLL_WAKE, key_ref, (uint8_t)window);
    }
}

static struct agg_roll *roll_get(struct agg_task *task, uint32_t key_ref, uint32_t window)
{
    struct agg_key *key = agg_key_at(task, key_ref);
    if (!key->roll[window]) {
        key->roll[window] = agg_pool_get(&task->roll);
        struct agg_roll *roll = agg_roll_at(task, key->roll[window]);
        roll->wake_at = roll->published_at = roll->age_at = RC_TIME_NONE;
        agg_roll_wake_at_dates(task, key_ref, window);
    }
    return agg_roll_at(task, key->roll[window]);
}

void agg_roll_list(struct agg_task *task, uint32_t key_ref, uint32_t window)
{
    struct agg_key *key = agg_key_at(task, key_ref);
    if (key->roll_listed >> window & 1)
        return;
    roll_get(task, key_ref, window);
    key->roll_listed |= (uint16_t)(1u << window);
    agg_list_add(&task->roll_list[window], key_ref);
    if (!task->roll_due[window]) {
        int64_t every = task->config->windows.rolling[window].every_ms;
        task->roll_due[window] = true;
        agg_due_add(&task->due, agg_next_multiple(task->clock, every), AGG_TICK, AGG_DUE_ROLL, 0,
                    (uint8_t)window);
    }
}

static void roll_wake(struct agg_task *task, uint32_t key_ref, uint32_t window, int64_t at_ms)
{
    struct agg_roll *roll = agg_roll_at(task, agg_key_at(task, key_ref)->roll[window]);
    if (roll->wake_at != RC_TIME_NONE && roll->wake_at <= at_ms)
        return;
    roll->wake_at = at_ms;
    agg_due_add(&task->due, at_ms, AGG_TICK, AGG_DUE_ROLL_WAKE, key_ref, (uint8_t)window);
}

void agg_roll_wake(struct agg_task *task, uint32_t key_ref, uint32_t window)
{
    const struct rc_rolling_window *rolling = &task->config->windows.rolling[window];
    struct agg_roll *roll = agg_roll_at(task, agg_key_at(task, key_ref)->roll[window]);
    int64_t next = agg_next_multiple(task->clock, rolling->every_ms);
    roll->wake_at = RC_TIME_NONE;
    if (!roll->oldest)
        return;
    int64_t leaves =
        (agg_bucket_at(task, roll->oldest)->index + 1) * rolling->every_ms + rolling->length_ms;
    roll_wake(task, key_ref, window, leaves > next ? leaves : next);
}

static void total_apply(struct agg_roll *roll, const struct agg_batch *batch)
{
    int64_t *longest = &roll->total[RC_FIG_wait_ms_max];
    int64_t was = *longest;
    for (uint64_t mask = batch->mask; mask; mask &= mask - 1) {
        uint32_t figure = (uint32_t)__builtin_ctzll(mask);
        roll->total[figure] += batch->value[figure];
    }
    roll->max_dirty |= batch->taken_ms && batch->taken_ms == was;
    if (batch->added_ms > was)
        *longest = batch->added_ms;
}

static void roll_apply(struct agg_task *task, uint32_t key_ref, uint32_t window,
                       const struct agg_place *place, const struct agg_batch *batch)
{
    const struct rc_rolling_window *rolling = &task->config->windows.rolling[window];
    int64_t index = place->bucket[window];
    if (index < 0)
        return;
    const struct agg_key *key = agg_key_at(task, key_ref);
    struct agg_roll *roll =
        key->roll[window] ? agg_roll_at(task, key->roll[window]) : roll_get(task, key_ref, window);
    sums_apply(task, &agg_bucket_at(task, bucket_get(task, roll, index))->sums, batch);
    total_apply(roll, batch);
    roll_wake(task, key_ref, window, (index + 1) * rolling->every_ms + rolling->length_ms);
    if (!(key->roll_listed >> window & 1))
        agg_roll_list(task, key_ref, window);
}

/* ---- interval windows ---- */

static void pane_apply(struct agg_task *task, uint32_t key, uint32_t window,
                       const struct agg_place *place, const struct agg_batch *batch)
{
    if (place->closed >> window & 1) {
        rc_count(&task->stats->closed_changes, !task->rederiving);
        return;
    }
    uint32_t ref =
        agg_pane_between(task, key, window, place->start_ms[window], place->end_ms[window]);
    sums_apply(task, &agg_pane_warm(task, ref)->sums, batch);
    agg_pane_list(task, ref);
}

/* ---- the panes of now ---- */

/* Most contributions fall into the intervals of now. They are gathered, and all these panes get
 * them at once: an event costs the same however many windows there are. */
void agg_panes_flush(struct agg_task *task, uint32_t key_ref)
{
    const struct rc_windows *windows = &task->config->windows;
    struct agg_key *key = agg_key_at(task, key_ref);
    if (!key->pending.mask)
        return;
    for (uint32_t i = 0; i < windows->interval_count; i++) {
        const struct agg_pane *pane = agg_pane_at(task, key->pane[i]);
        RC_CHECK(key->pending_at >= pane->start_ms && key->pending_at < agg_pane_end(pane));
        sums_merge(task, &agg_pane_warm(task, key->pane[i])->sums, &key->pending);
    }
    agg_sums_drop(task, &key->pending);
}

void agg_panes_settle(struct agg_task *task, uint32_t key_ref)
{
    const struct rc_windows *windows = &task->config->windows;
    struct agg_key *key = agg_key_at(task, key_ref);
    struct agg_client *client = agg_client_at(task, key->client);
    if (task->clock < key->settled_until) {
        for (uint32_t i = 0; i < windows->interval_count; i++)
            agg_pane_list(task, key->pane[i]);
        return;
    }
    agg_panes_flush(task, key_ref); /* before others become the panes of now */
    key->settled_until = INT64_MAX;
    for (uint32_t i = 0; i < windows->interval_count; i++) {
        int64_t start, end;
        agg_window_at(client, windows, i, task->clock, &start, &end);
        agg_pane_list(task, agg_pane_between(task, key_ref, i, start, end));
        agg_carry_due(task, key_ref, i, end);
        key->settled_until = end < key->settled_until ? end : key->settled_until;
    }
}

void agg_calm_find(struct agg_task *task, struct agg_client *client)
{
    const struct rc_windows *windows = &task->config->windows;
    client->calm_from = INT64_MIN;
    client->calm_until = INT64_MAX;
    for (uint32_t i = 0; i < windows->interval_count; i++) {
        int64_t start, end;
        agg_window_at(client, windows, i, task->clock, &start, &end);
        client->calm_from = start > client->calm_from ? start : client->calm_from;
        client->calm_until = end < client->calm_until ? end : client->calm_until;
    }
}

static void panes_apply(struct agg_task *task, uint32_t key_ref, const struct agg_place *place,
                        const struct agg_batch *batch)
{
    struct agg_key *key = agg_key_at(task, key_ref);
    bool now = place->now && !batch->taken_ms;
    /* what was gathered before is of panes that may soon not be those of now */
    if (key->pending.mask && (batch->taken_ms || key->pending_at != place->calm_from))
        agg_panes_flush(task, key_ref);
    if (now) {
        if (task->clock >= key->settled_until || agg_settings(task->agg)->provisional)
            agg_panes_settle(task, key_ref);
        key->pending_at = place->calm_from;
        if (!key->pending.ref)
            sums_open(task, &key->pending);
        sums_apply(task, &key->pending, batch);
        return;
    }
    for (uint32_t i = 0; i < task->config->windows.interval_count; i++)
        pane_apply(task, key_ref, i, place, batch);
}

static void key_apply(struct agg_task *task, uint32_t key, const struct agg_place *place,
                      const struct agg_batch *batch)
{
    const struct rc_windows *windows = &task->config->windows;
    for (uint32_t i = 0; i < windows->rolling_count; i++)
        roll_apply(task, key, i, place, batch);
    if (windows->interval_count)
        panes_apply(task, key, place, batch);
}

/* ---- places ---- */

/* The bucket of the rolling window that holds the instant; < 0: it has left the window. */
static int64_t bucket_of(struct agg_task *task, uint32_t window, int64_t at_ms)
{
    const struct rc_rolling_window *rolling = &task->config->windows.rolling[window];
    int64_t every = rolling->every_ms, next = task->next_look[window];
    if (task->clock >= next || task->clock < next - every) {
        task->bucket_now[window] = task->clock / every;
        task->next_look[window] = next = (task->bucket_now[window] + 1) * every;
    }
    if (at_ms >= next - every && at_ms < next)
        return task->bucket_now[window];
    int64_t index = at_ms / every;
    return index * every < next - rolling->length_ms ? -1 : index;
}

/* Which bucket and which pane of every window hold the instant. Contributions often share one. */
static const struct agg_place *place_of(struct agg_task *task, uint32_t client_ref, int64_t at_ms)
{
    const struct rc_windows *windows = &task->config->windows;
    struct agg_place *place = &task->place;
    if (place->client == client_ref && place->at_ms == at_ms && place->clock == task->clock)
        return place;
    struct agg_client *client = agg_client_at(task, client_ref);
    place->client = client_ref;
    place->at_ms = at_ms;
    place->clock = task->clock;
    place->closed = 0;
    for (uint32_t i = 0; i < windows->rolling_count; i++)
        place->bucket[i] = bucket_of(task, i, at_ms);
    agg_calm(task, client);
    place->calm_from = client->calm_from;
    place->now = at_ms >= client->calm_from && at_ms < client->calm_until;
    for (uint32_t i = 0; i < windows->interval_count; i++) {
        agg_window_at(client, windows, i, at_ms, &place->start_ms[i], &place->end_ms[i]);
        if (agg_pane_is_closed(task, i, place->end_ms[i]))
            place->closed |= 1u << i;
    }
    return place;
}

void agg_window_apply(struct agg_task *task, uint32_t key_ref, struct agg_batch *batch)
{
    const uint64_t longest = 1ull << RC_FIG_wait_ms_max;
    for (uint64_t mask = batch->mask; mask; mask &= mask - 1)
        if (batch->value[__builtin_ctzll(mask)] == 0)
            batch->mask &= ~(mask & -mask);
    if (batch->added_ms) {
        batch->mask |= longest;
        batch->value[RC_FIG_wait_ms_max] = 0;
    }
    if (!batch->mask && !batch->taken_ms)
        return;
    const struct agg_key *key = agg_key_at(task, key_ref);
    const struct agg_place *place = place_of(task, key->client, batch->at_ms);
    key_apply(task, key_ref, place, batch);
    for (uint32_t up = key->up; up; up = agg_link_at(task, up)->next)
        key_apply(task, agg_link_at(task, up)->key, place, batch);
}

void agg_window_add(struct agg_task *task, uint32_t key_ref, int64_t at_ms,
                    const struct agg_item *item, uint32_t count)
{
    struct agg_batch batch;
    batch.at_ms = at_ms;
    batch.mask = 0;
    batch.taken_ms = batch.added_ms = 0;
    for (uint32_t i = 0; i < count; i++)
        agg_batch_put(&batch, item[i].figure, item[i].value);
    agg_window_apply(task, key_ref, &batch);
}

void agg_carry_due(struct agg_task *task, uint32_t key_ref, uint32_t window, int64_t at_ms)
{
    struct agg_key *key = agg_key_at(task, key_ref);
    if (key->carry >> window & 1)
        return;
    key->carry |= (uint8_t)(1u << window);
    agg_due_add(&task->due, at_ms, AGG_TICK, AGG_DUE_CARRY, key_ref, (uint8_t)window);
}
