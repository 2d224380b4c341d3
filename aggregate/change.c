/* What a change of one contact's contributions does: the difference of before and after goes into
 * sums, all figures of one instant at once (window.c), and into states: who waits, is handled or
 * wrapped up now, and how many did when an interval ended. */
#include "window.h"

/* ---- states ---- */

/* What stands now changed: the open records show it. */
static void levels_add(struct agg_task *task, uint32_t key_ref, const int64_t *more)
{
    struct agg_key *key = agg_key_at(task, key_ref);
    for (uint32_t i = 0; i < AGG_STATE_COUNT; i++)
        key->level[i] += more[i];
    for (uint32_t i = 0; i < task->config->windows.rolling_count; i++)
        if (!(key->roll_listed >> i & 1))
            agg_roll_list(task, key_ref, i);
    if (task->clock >= key->settled_until || agg_settings(task->agg)->provisional)
        agg_panes_settle(task, key_ref);
}

static void pane_state(struct agg_task *task, uint32_t ref, enum agg_state state, int64_t queued_ms,
                       int sign)
{
    struct agg_warm *warm = agg_pane_warm(task, ref);
    warm->state[state] += sign;
    if (state == AGG_WAITING && agg_pane_at(task, ref)->phase != AGG_PANE_FINAL) {
        if (sign < 0)
            warm->oldest_stale |= warm->oldest_queued == queued_ms;
        else if (warm->oldest_queued == RC_TIME_NONE || queued_ms < warm->oldest_queued)
            warm->oldest_queued = queued_ms;
    }
    agg_pane_list(task, ref);
}

/* A key's panes that ended within (from, to]. */
static void key_ended(struct agg_task *task, uint32_t key, enum agg_state state, int64_t queued_ms,
                      struct agg_span span, int sign)
{
    const struct rc_windows *windows = &task->config->windows;
    struct agg_client *client = agg_client_at(task, agg_key_at(task, key)->client);
    int64_t until = span.to < task->clock ? span.to : task->clock;
    for (uint32_t i = 0; i < windows->interval_count; i++) {
        int64_t closed = agg_closed_until(task, i);
        int64_t start, end, at = span.from > closed ? span.from : closed;
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

struct levels { /* of one key, how a change changes them */
    bool any;
    int64_t more[AGG_STATE_COUNT];
};

/* Of the key and its roll-ups: panes that ended within the span at once; a span that is not over
 * also counts in the levels. */
static void span_apply(struct agg_task *task, uint32_t key_ref, enum agg_state state,
                       int64_t queued_ms, struct agg_span span, int sign, struct levels *levels)
{
    if (span.from == RC_TIME_NONE || span.from >= span.to)
        return;
    if (span.to == INT64_MAX) {
        levels->any = true;
        levels->more[state] += sign;
    }
    const struct agg_key *key = agg_key_at(task, key_ref);
    struct agg_client *client = agg_client_at(task, key->client);
    agg_calm(task, client);
    if (span.from >= client->calm_from)
        return;
    key_ended(task, key_ref, state, queued_ms, span, sign);
    for (uint32_t up = key->up; up; up = agg_link_at(task, up)->next)
        key_ended(task, agg_link_at(task, up)->key, state, queued_ms, span, sign);
}

/* Of one key; where only the end moved, only what lies between the ends changes. */
static void span_change(struct agg_task *task, enum agg_state state, const struct agg_made *before,
                        const struct agg_made *after, struct levels *levels)
{
    struct agg_span old = before->state[state], new = after->state[state];
    int64_t queued = after->offered_at;
    bool same_start = old.from == new.from && before->offered_at == queued;
    if (same_start && old.to == new.to)
        return;
    if (same_start && old.from != RC_TIME_NONE) {
        bool less = new.to < old.to;
        struct agg_span between = {less ? new.to : old.to, less ? old.to : new.to};
        span_apply(task, after->key, state, queued, between, less ? -1 : +1, levels);
        return;
    }
    span_apply(task, before->key, state, before->offered_at, old, -1, levels);
    span_apply(task, after->key, state, queued, new, +1, levels);
}

static void levels_apply(struct agg_task *task, uint32_t key_ref, const struct levels *levels)
{
    if (!levels->any)
        return;
    levels_add(task, key_ref, levels->more);
    for (uint32_t up = agg_key_at(task, key_ref)->up; up; up = agg_link_at(task, up)->next)
        levels_add(task, agg_link_at(task, up)->key, levels->more);
}

void agg_window_span(struct agg_task *task, uint32_t key, enum agg_state state,
                     struct agg_span span, int sign)
{
    struct levels levels = {0};
    span_apply(task, key, state, RC_TIME_NONE, span, sign, &levels);
    levels_apply(task, key, &levels);
}

static void states_change(struct agg_task *task, const struct agg_made *before,
                          const struct agg_made *after)
{
    struct levels old = {0}, new = {0};
    if (before->key == after->key) {
        for (uint32_t i = 0; after->key && i < AGG_VISIT_STATE_COUNT; i++)
            span_change(task, i, before, after, &new);
        levels_apply(task, after->key, &new);
        return;
    }
    for (uint32_t i = 0; i < AGG_VISIT_STATE_COUNT; i++) {
        if (before->key)
            span_apply(task, before->key, i, before->offered_at, before->state[i], -1, &old);
        if (after->key)
            span_apply(task, after->key, i, after->offered_at, after->state[i], +1, &new);
    }
    levels_apply(task, before->key, &old);
    levels_apply(task, after->key, &new);
}

/* ---- figures ---- */

enum { BATCHES = 14 }; /* seven contributions, each before and after */
struct change {
    uint32_t count;
    struct agg_batch batch[BATCHES];
};

static struct agg_batch *batch_at(struct change *change, int64_t at_ms)
{
    for (uint32_t i = 0; i < change->count; i++)
        if (change->batch[i].at_ms == at_ms)
            return &change->batch[i];
    struct agg_batch *batch = &change->batch[change->count++];
    batch->at_ms = at_ms;
    batch->mask = 0;
    batch->taken_ms = batch->added_ms = 0;
    return batch;
}

static void one_put(struct change *change, int64_t at_ms, enum rc_figure figure, int sign)
{
    agg_batch_put(batch_at(change, at_ms), figure, sign);
}

static const int64_t wait_limit_ms[] = {5000,  10000, 15000,  20000,  30000,  45000,
                                        60000, 90000, 120000, 180000, 300000, 600000};
enum { WAIT_LIMITS = sizeof wait_limit_ms / sizeof *wait_limit_ms };

static void answered_put(struct agg_batch *batch, int64_t wait_ms, int sign)
{
    uint32_t bin = 0;
    agg_batch_put(batch, RC_FIG_answered, sign);
    agg_batch_put(batch, RC_FIG_wait_ms_sum, sign * wait_ms);
    *(sign < 0 ? &batch->taken_ms : &batch->added_ms) = wait_ms;
    /* kept per bin; made cumulative when a record is written */
    while (bin < WAIT_LIMITS && wait_ms > wait_limit_ms[bin])
        bin++;
    if (bin < WAIT_LIMITS)
        agg_batch_put(batch, RC_FIG_wait_le_5s + bin, sign);
}

static void outcome_put(struct change *change, const struct agg_made *made, int sign)
{
    struct agg_batch *batch = batch_at(change, made->outcome.at);
    if (made->outcome.what == AGG_ANSWERED) {
        answered_put(batch, made->outcome.wait_ms, sign);
    } else if (made->outcome.what == AGG_ABANDONED) {
        agg_batch_put(batch, RC_FIG_abandoned, sign);
        if (made->outcome.brief)
            agg_batch_put(batch, RC_FIG_abandoned_short, sign);
    } else {
        agg_batch_put(batch, RC_FIG_flowed_out, sign);
    }
}

static void level_put(struct change *change, const struct agg_made *made, int sign)
{
    struct agg_batch *batch = batch_at(change, made->service_level.at);
    agg_batch_put(batch, RC_FIG_sl_of, sign);
    if (made->service_level.met)
        agg_batch_put(batch, RC_FIG_sl_met, sign);
}

static void handled_put(struct change *change, const struct agg_made *made, int sign)
{
    int64_t talk = made->handled.talk_ms, hold = made->handled.hold_ms, acw = made->handled.acw_ms;
    struct agg_batch *batch = batch_at(change, made->handled.at);
    agg_batch_put(batch, RC_FIG_handled, sign);
    agg_batch_put(batch, RC_FIG_talk_ms_sum, sign * talk);
    agg_batch_put(batch, RC_FIG_hold_ms_sum, sign * hold);
    agg_batch_put(batch, RC_FIG_acw_ms_sum, sign * acw);
    agg_batch_put(batch, RC_FIG_handle_ms_sum, sign * (talk + hold + acw));
}

static void rated_put(struct change *change, const struct agg_made *made, int sign)
{
    struct agg_batch *batch = batch_at(change, made->rated.at);
    agg_batch_put(batch, RC_FIG_csat_responses, sign);
    agg_batch_put(batch, RC_FIG_csat_satisfied, made->rated.satisfied ? sign : 0);
    agg_batch_put(batch, RC_FIG_csat_score_sum, sign * made->rated.score);
}

static void reviewed_put(struct change *change, const struct agg_made *made, int sign)
{
    struct agg_batch *batch = batch_at(change, made->reviewed.at);
    agg_batch_put(batch, RC_FIG_qa_evaluated, sign);
    agg_batch_put(batch, RC_FIG_qa_defective, made->reviewed.defective ? sign : 0);
    agg_batch_put(batch, RC_FIG_qa_defects, sign * (int64_t)made->reviewed.defects);
    agg_batch_put(batch, RC_FIG_qa_opportunities, sign * (int64_t)made->reviewed.opportunities);
}

/* Which contributions differ from the other's are put with the sign. */
static void visit_differ(struct change *change, const struct agg_made *made,
                         const struct agg_made *other, bool same_key, int sign)
{
    if (made->offered_at != RC_TIME_NONE && !(same_key && made->offered_at == other->offered_at))
        one_put(change, made->offered_at, RC_FIG_offered, sign);
    if (made->outcome.at != RC_TIME_NONE && !(same_key && made->outcome.at == other->outcome.at &&
                                              made->outcome.what == other->outcome.what &&
                                              made->outcome.wait_ms == other->outcome.wait_ms &&
                                              made->outcome.brief == other->outcome.brief))
        outcome_put(change, made, sign);
    if (made->service_level.at != RC_TIME_NONE &&
        !(same_key && made->service_level.at == other->service_level.at &&
          made->service_level.met == other->service_level.met))
        level_put(change, made, sign);
}

static void handling_differ(struct change *change, const struct agg_made *made,
                            const struct agg_made *other, bool same_key, int sign)
{
    if (made->handled.at != RC_TIME_NONE && !(same_key && made->handled.at == other->handled.at &&
                                              made->handled.talk_ms == other->handled.talk_ms &&
                                              made->handled.hold_ms == other->handled.hold_ms &&
                                              made->handled.acw_ms == other->handled.acw_ms))
        handled_put(change, made, sign);
    if (made->transferred_at != RC_TIME_NONE &&
        !(same_key && made->transferred_at == other->transferred_at))
        one_put(change, made->transferred_at, RC_FIG_transferred, sign);
}

static void judgement_differ(struct change *change, const struct agg_made *made,
                             const struct agg_made *other, bool same_key, int sign)
{
    if (made->rated.at != RC_TIME_NONE && !(same_key && made->rated.at == other->rated.at &&
                                            made->rated.score == other->rated.score &&
                                            made->rated.satisfied == other->rated.satisfied))
        rated_put(change, made, sign);
    if (made->reviewed.at != RC_TIME_NONE &&
        !(same_key && made->reviewed.at == other->reviewed.at &&
          made->reviewed.defects == other->reviewed.defects &&
          made->reviewed.opportunities == other->reviewed.opportunities &&
          made->reviewed.defective == other->reviewed.defective))
        reviewed_put(change, made, sign);
}

static void figures_differ(struct change *change, const struct agg_made *made,
                           const struct agg_made *other, bool same_key, int sign)
{
    visit_differ(change, made, other, same_key, sign);
    handling_differ(change, made, other, same_key, sign);
    judgement_differ(change, made, other, same_key, sign);
}

static void change_apply(struct agg_task *task, uint32_t key, struct change *change)
{
    for (uint32_t i = 0; i < change->count; i++)
        agg_window_apply(task, key, &change->batch[i]);
}

void agg_window_change(struct agg_task *task, const struct agg_made *before,
                       const struct agg_made *after)
{
    bool same = before->key == after->key;
    struct change change;
    change.count = 0;
    if (before->key)
        figures_differ(&change, before, after, same, -1);
    if (!same) {
        change_apply(task, before->key, &change);
        change.count = 0;
    }
    if (after->key)
        figures_differ(&change, after, before, same, +1);
    change_apply(task, after->key, &change);
    states_change(task, before, after);
}
