/* Sums and states of windows: what a contribution does to them. A contribution goes into the bucket
 * of every rolling window and the pane of every interval window that holds its instant, for its own
 * key and for the roll-ups above it. What changed is listed for the next tick. */
#define XXH_INLINE_ALL
#include "task.h"
#include <string.h>
#include <xxhash.h>

/* ---- packed sums ---- */

static const uint8_t class_room[AGG_SUM_CLASSES] = {2, 4, 8, 16, RC_SUM_COUNT};

static int64_t *sums_values(const struct agg_task *task, const struct agg_sums *sums) {
    return agg_pool_at(&task->sum[sums->class], sums->ref);
}

/* The figure's place; made, with 0, where there is none. */
static int64_t *sums_place(struct agg_task *task, struct agg_sums *sums, uint32_t figure) {
    uint64_t bit = 1ull << figure;
    uint32_t count = (uint32_t)__builtin_popcountll(sums->mask);
    uint32_t at = (uint32_t)__builtin_popcountll(sums->mask & (bit - 1));
    if (sums->mask & bit)
        return sums_values(task, sums) + at;
    if (!sums->ref || count == class_room[sums->class]) {
        uint8_t class = sums->ref ? sums->class + 1 : 0;
        uint32_t ref = agg_pool_get(&task->sum[class]);
        if (sums->ref) {
            memcpy(agg_pool_at(&task->sum[class], ref), sums_values(task, sums),
                   count * sizeof(int64_t));
            agg_pool_put(&task->sum[sums->class], sums->ref);
        }
        sums->ref = ref;
        sums->class = class;
    }
    int64_t *values = sums_values(task, sums);
    memmove(values + at + 1, values + at, (count - at) * sizeof *values);
    values[at] = 0;
    sums->mask |= bit;
    return values + at;
}

void agg_sums_read(const struct agg_task *task, const struct agg_sums *sums, int64_t *into) {
    memset(into, 0, RC_SUM_COUNT * sizeof *into);
    if (!sums->mask)
        return;
    const int64_t *value = sums_values(task, sums);
    for (uint64_t mask = sums->mask; mask; mask &= mask - 1)
        into[__builtin_ctzll(mask)] = *value++;
}

void agg_sums_drop(struct agg_task *task, struct agg_sums *sums) {
    if (sums->ref)
        agg_pool_put(&task->sum[sums->class], sums->ref);
    *sums = (struct agg_sums){0};
}

/* Adds one figure; of the longest wait, a negative value takes that wait back. */
static void sums_add(struct agg_task *task, struct agg_sums *sums, const struct agg_item *item) {
    int64_t *place = sums_place(task, sums, item->figure);
    if (item->figure != RC_FIG_wait_ms_max)
        *place += item->value;
    else if (item->value > *place)
        *place = item->value;
    else if (item->value < 0 && -item->value == *place)
        sums->max_stale = true;
}

/* ---- rolling windows ---- */

static uint32_t bucket_new(struct agg_task *task, struct agg_roll *roll, int64_t index,
                           uint32_t newer) {
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

static uint32_t bucket_get(struct agg_task *task, struct agg_roll *roll, int64_t index) {
    uint32_t newer = 0, at = roll->newest;
    while (at && agg_bucket_at(task, at)->index > index) {
        newer = at;
        at = agg_bucket_at(task, at)->older;
    }
    return at && agg_bucket_at(task, at)->index == index ? at
                                                         : bucket_new(task, roll, index, newer);
}

void agg_roll_trim(struct agg_task *task, struct agg_roll *roll, int64_t first_index) {
    while (roll->oldest && agg_bucket_at(task, roll->oldest)->index < first_index) {
        uint32_t ref = roll->oldest;
        struct agg_bucket *bucket = agg_bucket_at(task, ref);
        int64_t value[RC_SUM_COUNT];
        agg_sums_read(task, &bucket->sums, value);
        if (value[RC_FIG_wait_ms_max] &&
            value[RC_FIG_wait_ms_max] == roll->total[RC_FIG_wait_ms_max])
            roll->max_dirty = true;
        value[RC_FIG_wait_ms_max] = 0;
        for (uint32_t i = 0; i < RC_SUM_COUNT; i++)
            roll->total[i] -= value[i];
        roll->oldest = bucket->newer;
        if (bucket->newer)
            agg_bucket_at(task, bucket->newer)->older = 0;
        else
            roll->newest = 0;
        agg_sums_drop(task, &bucket->sums);
        agg_pool_put(&task->bucket, ref);
    }
}

/* Where a contract changes, a record is looked at though nothing in it moved. */
static void roll_wake_at_dates(struct agg_task *task, uint32_t key_ref, uint32_t window) {
    const struct rc_contract_list *list = agg_key_at(task, key_ref)->contracts;
    int64_t every = task->config->windows.rolling[window].every_ms;
    for (uint32_t i = 1; i < list->count; i++) {
        int64_t at = (list->dated[i].from_ms + every - 1) / every * every;
        if (at > task->clock)
            agg_due_add(&task->due, at, AGG_TICK, AGG_DUE_ROLL_WAKE, key_ref, (uint8_t)window);
    }
}

static struct agg_roll *roll_get(struct agg_task *task, uint32_t key_ref, uint32_t window) {
    struct agg_key *key = agg_key_at(task, key_ref);
    if (!key->roll[window]) {
        key->roll[window] = agg_pool_get(&task->roll);
        struct agg_roll *roll = agg_roll_at(task, key->roll[window]);
        roll->wake_at = roll->published_at = roll->age_at = RC_TIME_NONE;
        roll_wake_at_dates(task, key_ref, window);
    }
    return agg_roll_at(task, key->roll[window]);
}

void agg_roll_list(struct agg_task *task, uint32_t key_ref, uint32_t window) {
    struct agg_roll *roll = roll_get(task, key_ref, window);
    if (roll->listed)
        return;
    roll->listed = true;
    agg_list_add(&task->roll_list[window], key_ref);
    if (!task->roll_due[window]) {
        int64_t every = task->config->windows.rolling[window].every_ms;
        task->roll_due[window] = true;
        agg_due_add(&task->due, agg_next_multiple(task->clock, every), AGG_TICK, AGG_DUE_ROLL, 0,
                    (uint8_t)window);
    }
}

static void roll_add(struct agg_task *task, uint32_t key_ref, uint32_t window,
                     const struct agg_place *place, const struct agg_item *item, uint32_t count) {
    const struct rc_rolling_window *rolling = &task->config->windows.rolling[window];
    int64_t index = place->bucket[window];
    if (index < 0)
        return;
    struct agg_roll *roll = roll_get(task, key_ref, window);
    struct agg_bucket *bucket = agg_bucket_at(task, bucket_get(task, roll, index));
    for (uint32_t i = 0; i < count; i++) {
        sums_add(task, &bucket->sums, &item[i]);
        int64_t *total = &roll->total[item[i].figure];
        if (item[i].figure != RC_FIG_wait_ms_max)
            *total += item[i].value;
        else if (item[i].value > *total)
            *total = item[i].value;
        else if (item[i].value < 0)
            roll->max_dirty = true;
    }
    int64_t leaves = (index + 1) * rolling->every_ms + rolling->length_ms;
    if (roll->wake_at == RC_TIME_NONE || leaves < roll->wake_at) {
        roll->wake_at = leaves;
        agg_due_add(&task->due, leaves, AGG_TICK, AGG_DUE_ROLL_WAKE, key_ref, (uint8_t)window);
    }
    agg_roll_list(task, key_ref, window);
}

/* ---- interval windows ---- */

static uint32_t pane_tag(uint32_t key, uint32_t window, int64_t start_ms) {
    uint64_t parts[2] = {(uint64_t)key << 8 | window, (uint64_t)start_ms};
    uint64_t hash = XXH3_64bits(parts, sizeof parts);
    return (uint32_t)(hash ^ hash >> 32);
}

static uint32_t pane_new(struct agg_task *task, uint32_t key_ref, uint32_t window, int64_t start_ms,
                         int64_t end_ms) {
    const struct rc_times *time = &task->config->time;
    uint32_t ref = agg_pool_get(&task->pane);
    struct agg_pane *pane = agg_pane_at(task, ref);
    pane->live = true;
    pane->key = key_ref;
    pane->window = (uint8_t)window;
    pane->start_ms = start_ms;
    pane->end_ms = end_ms;
    pane->oldest_queued = pane->oldest_folded = RC_TIME_NONE;
    int64_t next = end_ms;
    if (end_ms <= task->clock) {
        pane->phase = AGG_PANE_ENDED;
        next = end_ms + time->grace_ms;
    }
    if (next <= task->clock) {
        pane->phase = AGG_PANE_FINAL;
        next = end_ms + task->config->windows.interval[window].restate_for_ms;
    }
    agg_due_add(&task->due, next, AGG_TICK, AGG_DUE_PANE, ref, 0);
    agg_index_add(&task->pane_index, pane_tag(key_ref, window, start_ms), ref);
    return ref;
}

/* 0: no such pane. */
static uint32_t pane_find(struct agg_task *task, uint32_t key_ref, uint32_t window,
                          int64_t start_ms) {
    struct agg_key *key = agg_key_at(task, key_ref);
    uint32_t ref = key->pane[window];
    if (ref) {
        const struct agg_pane *pane = agg_pane_at(task, ref);
        if (pane->live && pane->key == key_ref && pane->window == window &&
            pane->start_ms == start_ms)
            return ref;
    }
    uint32_t tag = pane_tag(key_ref, window, start_ms), at = tag;
    while ((ref = agg_index_next(&task->pane_index, tag, &at))) {
        const struct agg_pane *pane = agg_pane_at(task, ref);
        if (pane->key == key_ref && pane->window == window && pane->start_ms == start_ms)
            return ref;
    }
    return 0;
}

static uint32_t pane_get(struct agg_task *task, uint32_t key_ref, uint32_t window, int64_t start,
                         int64_t end) {
    uint32_t ref = pane_find(task, key_ref, window, start);
    if (!ref)
        ref = pane_new(task, key_ref, window, start, end);
    if (end > task->clock)
        agg_key_at(task, key_ref)->pane[window] = ref;
    return ref;
}

static bool is_closed(const struct agg_task *task, uint32_t window, int64_t end_ms) {
    return end_ms + task->config->windows.interval[window].restate_for_ms <= task->clock;
}

/* The pane that holds the instant; 0: it is closed. */
uint32_t agg_pane_get(struct agg_task *task, uint32_t key_ref, uint32_t window, int64_t at_ms) {
    struct agg_client *client = agg_client_at(task, agg_key_at(task, key_ref)->client);
    int64_t start, end;
    agg_window_at(client, &task->config->windows, window, at_ms, &start, &end);
    return is_closed(task, window, end) ? 0 : pane_get(task, key_ref, window, start, end);
}

void agg_pane_list(struct agg_task *task, uint32_t ref) {
    struct agg_pane *pane = agg_pane_at(task, ref);
    if (pane->listed)
        return;
    if (pane->phase == AGG_PANE_FINAL) {
        pane->listed = true;
        agg_list_add(&task->restate_list, ref);
        if (!task->restate_due) {
            task->restate_due = true;
            agg_due_add(&task->due,
                        agg_next_multiple(task->clock, task->config->time.restate_every_ms),
                        AGG_TICK, AGG_DUE_RESTATE, 0, 0);
        }
    } else if (agg_settings(task->agg)->provisional) {
        uint32_t window = pane->window;
        pane->listed = true;
        agg_list_add(&task->publish_list[window], ref);
        if (!task->publish_due[window]) {
            int64_t every = task->config->windows.interval[window].publish_every_ms;
            task->publish_due[window] = true;
            agg_due_add(&task->due, agg_next_multiple(task->clock, every), AGG_TICK,
                        AGG_DUE_PUBLISH, 0, (uint8_t)window);
        }
    }
}

static void pane_add(struct agg_task *task, uint32_t key, uint32_t window,
                     const struct agg_place *place, const struct agg_item *item, uint32_t count) {
    if (place->closed >> window & 1) {
        rc_count(&task->stats->closed_changes, 1);
        return;
    }
    uint32_t ref = pane_get(task, key, window, place->start_ms[window], place->end_ms[window]);
    struct agg_pane *pane = agg_pane_at(task, ref);
    for (uint32_t i = 0; i < count; i++)
        sums_add(task, &pane->sums, &item[i]);
    agg_pane_list(task, ref);
}

static void key_add(struct agg_task *task, uint32_t key, const struct agg_place *place,
                    const struct agg_item *item, uint32_t count) {
    const struct rc_windows *windows = &task->config->windows;
    for (uint32_t i = 0; i < windows->rolling_count; i++)
        roll_add(task, key, i, place, item, count);
    for (uint32_t i = 0; i < windows->interval_count; i++)
        pane_add(task, key, i, place, item, count);
}

/* Which bucket and which pane of every window hold the instant. Contributions often share one. */
static const struct agg_place *place_of(struct agg_task *task, uint32_t client_ref, int64_t at_ms) {
    const struct rc_windows *windows = &task->config->windows;
    struct agg_place *place = &task->place;
    if (place->client == client_ref && place->at_ms == at_ms && place->clock == task->clock)
        return place;
    struct agg_client *client = agg_client_at(task, client_ref);
    place->client = client_ref;
    place->at_ms = at_ms;
    place->clock = task->clock;
    place->closed = 0;
    for (uint32_t i = 0; i < windows->rolling_count; i++) {
        int64_t every = windows->rolling[i].every_ms, index = at_ms / every;
        int64_t next = agg_next_multiple(task->clock, every);
        place->bucket[i] = index * every < next - windows->rolling[i].length_ms ? -1 : index;
    }
    for (uint32_t i = 0; i < windows->interval_count; i++) {
        agg_window_at(client, windows, i, at_ms, &place->start_ms[i], &place->end_ms[i]);
        if (is_closed(task, i, place->end_ms[i]))
            place->closed |= 1u << i;
    }
    return place;
}

void agg_window_add(struct agg_task *task, uint32_t key_ref, int64_t at_ms,
                    const struct agg_item *item, uint32_t count) {
    const struct agg_key *key = agg_key_at(task, key_ref);
    const struct agg_place *place = place_of(task, key->client, at_ms);
    key_add(task, key_ref, place, item, count);
    for (uint32_t up = key->up; up; up = agg_link_at(task, up)->next)
        key_add(task, agg_link_at(task, up)->key, place, item, count);
}

/* ---- states ---- */

void agg_carry_due(struct agg_task *task, uint32_t key_ref, uint32_t window, int64_t at_ms) {
    struct agg_key *key = agg_key_at(task, key_ref);
    if (key->carry >> window & 1)
        return;
    key->carry |= (uint8_t)(1u << window);
    agg_due_add(&task->due, at_ms, AGG_TICK, AGG_DUE_CARRY, key_ref, (uint8_t)window);
}

/* What stands now changed: the open records show it. */
static void level_changed(struct agg_task *task, uint32_t key) {
    const struct rc_windows *windows = &task->config->windows;
    for (uint32_t i = 0; i < windows->rolling_count; i++)
        agg_roll_list(task, key, i);
    for (uint32_t i = 0; i < windows->interval_count; i++) {
        uint32_t ref = agg_pane_get(task, key, i, task->clock);
        if (!ref)
            continue;
        agg_pane_list(task, ref);
        agg_carry_due(task, key, i, agg_pane_at(task, ref)->end_ms);
    }
}

static void pane_state(struct agg_task *task, uint32_t ref, enum agg_state state, int64_t queued_ms,
                       int sign) {
    struct agg_pane *pane = agg_pane_at(task, ref);
    pane->state[state] += sign;
    if (state == AGG_WAITING && pane->phase != AGG_PANE_FINAL) {
        if (sign < 0)
            pane->oldest_stale |= pane->oldest_queued == queued_ms;
        else if (pane->oldest_queued == RC_TIME_NONE || queued_ms < pane->oldest_queued)
            pane->oldest_queued = queued_ms;
    }
    agg_pane_list(task, ref);
}

/* Panes that ended within (from, to], and the level when it is not over. */
static void key_span(struct agg_task *task, uint32_t key, enum agg_state state, int64_t queued_ms,
                     struct agg_span span, int sign) {
    const struct rc_windows *windows = &task->config->windows;
    struct agg_client *client = agg_client_at(task, agg_key_at(task, key)->client);
    if (span.to == INT64_MAX) {
        agg_key_at(task, key)->level[state] += sign;
        level_changed(task, key);
    }
    int64_t until = span.to < task->clock ? span.to : task->clock;
    for (uint32_t i = 0; i < windows->interval_count; i++) {
        int64_t start, end, at = span.from;
        for (;;) {
            agg_window_at(client, windows, i, at, &start, &end);
            if (end > until)
                break;
            uint32_t ref = agg_pane_get(task, key, i, at);
            if (ref)
                pane_state(task, ref, state, queued_ms, sign);
            at = end;
        }
    }
}

static void span_apply(struct agg_task *task, uint32_t key, enum agg_state state, int64_t queued_ms,
                       struct agg_span span, int sign) {
    if (span.from == RC_TIME_NONE || span.from >= span.to)
        return;
    key_span(task, key, state, queued_ms, span, sign);
    for (uint32_t up = agg_key_at(task, key)->up; up; up = agg_link_at(task, up)->next)
        key_span(task, agg_link_at(task, up)->key, state, queued_ms, span, sign);
}

/* Of one key; where only the end moved, only what lies between the ends changes. */
static void span_change(struct agg_task *task, enum agg_state state, const struct agg_made *before,
                        const struct agg_made *after) {
    struct agg_span old = before->state[state], new = after->state[state];
    int64_t queued = after->offered_at;
    if (old.from == new.from && old.to == new.to && before->offered_at == queued)
        return;
    if (old.from == new.from && old.from != RC_TIME_NONE && before->offered_at == queued) {
        if (new.to < old.to)
            span_apply(task, after->key, state, queued, (struct agg_span){new.to, old.to}, -1);
        else
            span_apply(task, after->key, state, queued, (struct agg_span){old.to, new.to}, +1);
        return;
    }
    span_apply(task, before->key, state, before->offered_at, old, -1);
    span_apply(task, after->key, state, queued, new, +1);
}

/* ---- contributions to figures ---- */

static const int64_t wait_limit_ms[] = {5000,  10000, 15000,  20000,  30000,  45000,
                                        60000, 90000, 120000, 180000, 300000, 600000};

static void outcome_add(struct agg_task *task, const struct agg_made *made, int sign) {
    struct agg_item item[4];
    uint32_t count = 0, bin = 0;
    if (made->outcome.what == AGG_ANSWERED) {
        item[count++] = (struct agg_item){RC_FIG_answered, sign};
        if (made->outcome.wait_ms) {
            item[count++] = (struct agg_item){RC_FIG_wait_ms_sum, sign * made->outcome.wait_ms};
            item[count++] = (struct agg_item){RC_FIG_wait_ms_max, sign * made->outcome.wait_ms};
        }
        /* kept per bin; made cumulative when a record is written */
        while (bin < 12 && made->outcome.wait_ms > wait_limit_ms[bin])
            bin++;
        if (bin < 12)
            item[count++] = (struct agg_item){(uint8_t)(RC_FIG_wait_le_5s + bin), sign};
    } else if (made->outcome.what == AGG_ABANDONED) {
        item[count++] = (struct agg_item){RC_FIG_abandoned, sign};
        if (made->outcome.brief)
            item[count++] = (struct agg_item){RC_FIG_abandoned_short, sign};
    } else {
        item[count++] = (struct agg_item){RC_FIG_flowed_out, sign};
    }
    agg_window_add(task, made->key, made->outcome.at, item, count);
}

static void one_add(struct agg_task *task, uint32_t key, int64_t at_ms, uint8_t figure, int sign) {
    struct agg_item item = {figure, sign};
    agg_window_add(task, key, at_ms, &item, 1);
}

static void level_add(struct agg_task *task, const struct agg_made *made, int sign) {
    struct agg_item item[2] = {{RC_FIG_sl_of, sign}, {RC_FIG_sl_met, sign}};
    agg_window_add(task, made->key, made->service_level.at, item, made->service_level.met ? 2 : 1);
}

/* Adds an item unless it is zero. */
static void put(struct agg_item *item, uint32_t *count, uint8_t figure, int64_t value) {
    if (value)
        item[(*count)++] = (struct agg_item){figure, value};
}

static void handled_add(struct agg_task *task, const struct agg_made *made, int sign) {
    int64_t talk = made->handled.talk_ms, hold = made->handled.hold_ms, acw = made->handled.acw_ms;
    struct agg_item item[5];
    uint32_t count = 0;
    put(item, &count, RC_FIG_handled, sign);
    put(item, &count, RC_FIG_talk_ms_sum, sign * talk);
    put(item, &count, RC_FIG_hold_ms_sum, sign * hold);
    put(item, &count, RC_FIG_acw_ms_sum, sign * acw);
    put(item, &count, RC_FIG_handle_ms_sum, sign * (talk + hold + acw));
    agg_window_add(task, made->key, made->handled.at, item, count);
}

static void rated_add(struct agg_task *task, const struct agg_made *made, int sign) {
    struct agg_item item[3];
    uint32_t count = 0;
    put(item, &count, RC_FIG_csat_responses, sign);
    put(item, &count, RC_FIG_csat_satisfied, made->rated.satisfied ? sign : 0);
    put(item, &count, RC_FIG_csat_score_sum, sign * made->rated.score);
    agg_window_add(task, made->key, made->rated.at, item, count);
}

static void reviewed_add(struct agg_task *task, const struct agg_made *made, int sign) {
    struct agg_item item[4];
    uint32_t count = 0;
    put(item, &count, RC_FIG_qa_evaluated, sign);
    put(item, &count, RC_FIG_qa_defective, made->reviewed.defective ? sign : 0);
    put(item, &count, RC_FIG_qa_defects, sign * (int64_t)made->reviewed.defects);
    put(item, &count, RC_FIG_qa_opportunities, sign * (int64_t)made->reviewed.opportunities);
    agg_window_add(task, made->key, made->reviewed.at, item, count);
}

/* Which contributions differ from the other's are added with the sign. */
static void change_figures(struct agg_task *task, const struct agg_made *made,
                           const struct agg_made *other, bool same_key, int sign) {
    if (made->offered_at != RC_TIME_NONE && !(same_key && made->offered_at == other->offered_at))
        one_add(task, made->key, made->offered_at, RC_FIG_offered, sign);
    if (made->outcome.at != RC_TIME_NONE &&
        !(same_key && made->outcome.at == other->outcome.at &&
          made->outcome.what == other->outcome.what &&
          made->outcome.wait_ms == other->outcome.wait_ms &&
          made->outcome.brief == other->outcome.brief))
        outcome_add(task, made, sign);
    if (made->service_level.at != RC_TIME_NONE &&
        !(same_key && made->service_level.at == other->service_level.at &&
          made->service_level.met == other->service_level.met))
        level_add(task, made, sign);
    if (made->handled.at != RC_TIME_NONE &&
        !(same_key && made->handled.at == other->handled.at &&
          made->handled.talk_ms == other->handled.talk_ms &&
          made->handled.hold_ms == other->handled.hold_ms &&
          made->handled.acw_ms == other->handled.acw_ms))
        handled_add(task, made, sign);
    if (made->transferred_at != RC_TIME_NONE &&
        !(same_key && made->transferred_at == other->transferred_at))
        one_add(task, made->key, made->transferred_at, RC_FIG_transferred, sign);
    if (made->rated.at != RC_TIME_NONE &&
        !(same_key && made->rated.at == other->rated.at &&
          made->rated.score == other->rated.score &&
          made->rated.satisfied == other->rated.satisfied))
        rated_add(task, made, sign);
    if (made->reviewed.at != RC_TIME_NONE &&
        !(same_key && made->reviewed.at == other->reviewed.at &&
          made->reviewed.defects == other->reviewed.defects &&
          made->reviewed.opportunities == other->reviewed.opportunities &&
          made->reviewed.defective == other->reviewed.defective))
        reviewed_add(task, made, sign);
}

void agg_window_change(struct agg_task *task, const struct agg_made *before,
                       const struct agg_made *after) {
    bool same = before->key == after->key;
    if (before->key)
        change_figures(task, before, after, same, -1);
    if (after->key)
        change_figures(task, after, before, same, +1);
    for (uint32_t i = 0; i < AGG_STATE_COUNT; i++) {
        if (same && before->key) {
            span_change(task, i, before, after);
            continue;
        }
        if (before->key)
            span_apply(task, before->key, i, before->offered_at, before->state[i], -1);
        if (after->key)
            span_apply(task, after->key, i, after->offered_at, after->state[i], +1);
    }
}
