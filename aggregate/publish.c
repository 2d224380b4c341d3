/* What changed becomes records (SPEC sections 8 and 9): at a T of a rolling window, at a multiple
 * of publish_every or restate_every, when an interval is final and when it is closed. */
#define XXH_INLINE_ALL
#include "window.h"
#include <string.h>
#include <xxhash.h>

/* ---- values ---- */

static int64_t ratio(int64_t num, int64_t den)
{
    int64_t scaled;
    if (den <= 0)
        return RC_NULL;
    if (!__builtin_mul_overflow(num, 10000, &scaled)) /* as a rule: 64 bits divide far quicker */
        return scaled / den - (scaled < 0 && scaled % den);
    int64_t whole = (int64_t)((__int128)num * 10000 / den);
    return num < 0 && (__int128)num * 10000 % den ? whole - 1 : whole;
}

static int64_t average(int64_t sum, int64_t count)
{
    return count > 0 ? sum / count : RC_NULL;
}

static int64_t at_least(int64_t num, int64_t den, int64_t target_bp)
{
    if (target_bp == RC_NULL || den <= 0)
        return RC_NULL;
    return (__int128)num * 10000 >= (__int128)target_bp * den;
}

static int64_t at_most(int64_t sum, int64_t count, int64_t target)
{
    if (target == RC_NULL || count <= 0)
        return RC_NULL;
    return sum <= (__int128)target * count;
}

#define V(name) value[RC_FIG_##name]

static void derive_ratios(int64_t *value)
{
    V(asa_ms) = average(V(wait_ms_sum), V(answered));
    V(aht_ms) = average(V(handle_ms_sum), V(handled));
    V(sl_bp) = ratio(V(sl_met), V(sl_of));
    V(abandon_bp) = ratio(V(abandoned) - V(abandoned_short),
                          V(answered) + V(abandoned) - V(abandoned_short) + V(flowed_out));
    V(fcr_bp) = ratio(V(fcr_yes) + V(fcr_pending), V(fcr_yes) + V(fcr_no) + V(fcr_pending));
    V(repeat_bp) = ratio(V(repeats), V(offered));
    V(csat_bp) = ratio(V(csat_satisfied), V(csat_responses));
    V(accuracy_bp) = ratio(V(qa_evaluated) - V(qa_defective), V(qa_evaluated));
    V(transfer_bp) = ratio(V(transferred), V(handled));
}

/* What the clock of that name says in that contract; what it first said, where it is none of it. */
static const struct rc_clock *clock_of(const struct agg_key *key,
                                       const struct rc_contract *contract)
{
    const struct rc_clock *clock =
        rc_clock_named(contract, key->clock->name, key->clock->name_size);
    for (uint32_t i = 0; !clock && i < key->contracts->count; i++)
        clock = rc_clock_named(&key->contracts->dated[i].contract, key->clock->name,
                               key->clock->name_size);
    return clock;
}

/* Of a clock's key the level is that of the clock. */
static int64_t level_target(const struct agg_key *key, const struct rc_contract *contract)
{
    if (!key->clock)
        return contract->has_service_level ? contract->sl_target_bp : RC_NULL;
    const struct rc_clock *clock =
        rc_clock_named(contract, key->clock->name, key->clock->name_size);
    return clock ? clock->target_bp : RC_NULL;
}

static void judge_targets(int64_t *value, const struct agg_key *key,
                          const struct rc_contract *contract)
{
    V(sl_target_bp) = level_target(key, contract);
    V(sl_ok) = at_least(V(sl_met), V(sl_of), V(sl_target_bp));
    V(aht_target_ms) = contract->aht_target_ms;
    V(aht_ok) = at_most(V(handle_ms_sum), V(handled), contract->aht_target_ms);
    V(fcr_target_bp) = contract->fcr_target_bp;
    V(fcr_ok) = at_least(V(fcr_yes) + V(fcr_pending), V(fcr_yes) + V(fcr_no) + V(fcr_pending),
                         contract->fcr_target_bp);
    V(csat_target_bp) = contract->csat_target_bp;
    V(csat_ok) = at_least(V(csat_satisfied), V(csat_responses), contract->csat_target_bp);
}

/* `value` holds sums (waits per bin) and states; fills in the rest. true: something is not zero. */
static bool complete(int64_t *value, const struct agg_key *key, const struct rc_contract *contract)
{
    int64_t any = 0;
    for (uint32_t i = RC_FIG_wait_le_10s; i <= RC_FIG_wait_le_600s; i++)
        value[i] += value[i - 1];
    for (uint32_t i = 0; i < RC_SUM_COUNT; i++)
        any |= value[i];
    for (uint32_t i = RC_FIG_waiting; i < RC_FIGURE_COUNT; i++)
        any |= value[i];
    derive_ratios(value);
    judge_targets(value, key, contract);
    return any != 0;
}

static void levels_now(const struct agg_task *task, uint32_t key_ref, int64_t now_ms,
                       int64_t *value)
{
    const struct agg_key *key = agg_key_at(task, key_ref);
    V(waiting) = key->level[AGG_WAITING];
    V(waiting_over) = key->level[AGG_OVER];
    V(handling) = key->level[AGG_HANDLING];
    V(wrapping) = key->level[AGG_WRAPPING];
    V(backlog) = key->level[AGG_BACKLOG];
    V(backlog_overdue) = key->level[AGG_OVERDUE];
    int64_t oldest = V(waiting) ? agg_key_oldest(task, key_ref) : RC_TIME_NONE;
    V(oldest_wait_ms) = oldest == RC_TIME_NONE ? 0 : now_ms - oldest;
}

/* Not by a seed, which would have a secret made of it each time. */
static uint64_t content_hash(const int64_t *value, uint64_t contract)
{
    return XXH3_64bits(value, RC_FIGURE_COUNT * sizeof *value) ^ contract;
}

static void emit(struct agg_task *task, uint32_t key_ref, struct rc_record head,
                 const int64_t *value)
{
    const struct agg_key *key = agg_key_at(task, key_ref);
    const struct agg_client *client = agg_client_at(task, key->client);
    uint32_t clock_size = key->clock ? key->clock->name_size : 0;
    struct rc_record *rec =
        agg_record_new(task->agg, key, &head, client->name_size + key->name_size + clock_size);
    rec->topic = key->clock ? RC_TOPIC_SLAS : RC_TOPIC_METRICS;
    rec->channel = key->channel;
    rec->total = key->kind;
    rec->client_size = (uint8_t)client->name_size;
    rec->queue_size = key->name_size;
    memcpy(rec->value, value, sizeof rec->value);
    memcpy(rec->text, agg_text_at(&task->texts, client->name, client->name_size),
           client->name_size);
    memcpy(rec->text + client->name_size, key->name, key->name_size);
    if (key->clock) {
        int64_t at_ms = head.kind == RC_KIND_ROLLING ? head.end_ms : head.start_ms;
        rec->measure = clock_of(key, rc_contract_at(key->contracts, at_ms))->measure;
        rec->clock_size = (uint8_t)clock_size;
        memcpy(rec->text + client->name_size + key->name_size, key->clock->name, clock_size);
    }
    if (head.tombstone)
        return;
    rc_count(&task->stats->records, 1);
    if (head.status == RC_RESTATED)
        rc_count(&task->stats->restated, 1);
}

/* ---- rolling windows ---- */

/* SPEC section 9: a record that has been zero for so long ends with a tombstone; one that is not
 * and did not change is published again. */
static const int64_t roll_zero_ms = 35 * 86400000LL, roll_again_ms = 30 * 86400000LL;

/* The first T at which the record, as it stands, is old. */
static int64_t roll_old_at(const struct agg_roll *roll, int64_t every_ms)
{
    int64_t at_ms = roll->published_at + (roll->published_zero ? roll_zero_ms : roll_again_ms);
    return (at_ms + every_ms - 1) / every_ms * every_ms;
}

static void roll_age_due(struct agg_task *task, uint32_t key, uint32_t window, int64_t at_ms)
{
    agg_roll_at(task, agg_key_at(task, key)->roll[window])->age_at = at_ms;
    agg_due_add(&task->due, at_ms, AGG_TICK, AGG_DUE_ROLL_AGE, key, (uint8_t)window);
}

bool agg_roll_aged(struct agg_task *task, uint32_t key, uint32_t window, int64_t at_ms)
{
    struct agg_roll *roll = agg_roll_at(task, agg_key_at(task, key)->roll[window]);
    int64_t every_ms = task->config->windows.rolling[window].every_ms;
    if (roll->age_at != at_ms)
        return false;
    roll->age_at = RC_TIME_NONE;
    if (!roll->revision)
        return false;
    int64_t old_at = roll_old_at(roll, every_ms);
    if (old_at > at_ms)
        roll_age_due(task, key, window, old_at);
    return old_at <= at_ms;
}

/* Publishes the record of T, a tombstone after it is old and zero. */
static void roll_publish(struct agg_task *task, uint32_t key, uint32_t window, int64_t at_ms,
                         const int64_t *value, uint64_t contract, bool tombstone)
{
    const struct rc_rolling_window *rolling = &task->config->windows.rolling[window];
    struct agg_roll *roll = agg_roll_at(task, agg_key_at(task, key)->roll[window]);
    struct rc_record head = {.window = window,
                             .kind = RC_KIND_ROLLING,
                             .status = RC_FINAL,
                             .tombstone = tombstone,
                             .revision = roll->revision,
                             .start_ms = at_ms - rolling->length_ms,
                             .end_ms = at_ms,
                             .as_of_ms = at_ms,
                             .contract = contract};
    emit(task, key, head, value);
    roll->published_at = at_ms;
}

void agg_roll_age(struct agg_task *task, uint32_t key, uint32_t window)
{
    struct agg_roll *roll = agg_roll_at(task, agg_key_at(task, key)->roll[window]);
    int64_t every_ms = task->config->windows.rolling[window].every_ms;
    roll->age_at = RC_TIME_NONE;
    if (!roll->revision)
        return;
    int64_t old_at = roll_old_at(roll, every_ms), next = agg_next_multiple(task->clock, every_ms);
    roll_age_due(task, key, window, old_at > next ? old_at : next);
}

static void roll_look(struct agg_task *task, uint32_t key_ref, uint32_t window, int64_t at_ms)
{
    const struct rc_rolling_window *rolling = &task->config->windows.rolling[window];
    struct agg_key *key = agg_key_at(task, key_ref);
    struct agg_roll *roll = agg_roll_at(task, key->roll[window]);
    int64_t value[RC_FIGURE_COUNT];
    key->roll_listed &= (uint16_t) ~(1u << window);
    agg_roll_trim(task, roll, (at_ms - rolling->length_ms) / rolling->every_ms);
    agg_roll_max(task, key_ref, window);
    memcpy(value, roll->total, sizeof roll->total);
    levels_now(task, key_ref, at_ms, value);
    bool waiting = V(waiting) != 0;
    const struct rc_contract *contract = rc_contract_at(key->contracts, at_ms);
    bool any = complete(value, key, contract);
    uint64_t hash = content_hash(value, contract->fingerprint);
    bool exists = any || (roll->revision && !roll->published_zero);
    bool old = roll->revision && at_ms >= roll_old_at(roll, rolling->every_ms);
    if (old && !any && roll->published_zero) {
        roll->revision++; /* after the record that it ends */
        roll_publish(task, key_ref, window, at_ms, value, contract->fingerprint, true);
        roll->revision = 0;
        roll->published_zero = false;
    } else if (exists && (!roll->revision || hash != roll->published || old)) {
        roll->revision++;
        roll_publish(task, key_ref, window, at_ms, value, contract->fingerprint, false);
        roll->published = hash;
        roll->published_zero = !any;
        int64_t old_at = roll_old_at(roll, rolling->every_ms);
        if (roll->age_at == RC_TIME_NONE || roll->age_at > old_at) /* zeros are old later */
            roll_age_due(task, key_ref, window, old_at);
    }
    if (waiting)
        agg_roll_list(task, key_ref, window); /* the oldest wait grows */
    if (roll->oldest) {
        int64_t leaves =
            (agg_bucket_at(task, roll->oldest)->index + 1) * rolling->every_ms + rolling->length_ms;
        if (roll->wake_at == RC_TIME_NONE || roll->wake_at <= at_ms) {
            roll->wake_at = leaves;
            agg_due_add(&task->due, leaves, AGG_TICK, AGG_DUE_ROLL_WAKE, key_ref, (uint8_t)window);
        }
    } else if (roll->wake_at <= at_ms) {
        roll->wake_at = RC_TIME_NONE;
    }
}

/* The list of that moment goes to `work`; what is listed meanwhile is for the next tick. */
static void list_take(struct agg_task *task, struct agg_list *list)
{
    struct agg_list work = task->work;
    task->work = *list;
    *list = work;
    list->count = 0;
}

/* Of several ticks of a window within one step of now only the last is looked at. true: later. */
static bool wait_for_last(struct agg_task *task, int64_t at_ms, int64_t every_ms,
                          enum agg_due_kind kind, uint32_t window)
{
    int64_t last = task->epoch_end / every_ms * every_ms;
    if (!task->latest_only || at_ms >= last)
        return false;
    agg_due_add(&task->due, last, AGG_TICK, kind, 0, (uint8_t)window);
    return true;
}

void agg_publish_roll(struct agg_task *task, uint32_t window, int64_t at_ms)
{
    if (wait_for_last(task, at_ms, task->config->windows.rolling[window].every_ms, AGG_DUE_ROLL,
                      window))
        return;
    task->roll_due[window] = false;
    list_take(task, &task->roll_list[window]);
    for (uint32_t i = 0; i < task->work.count; i++)
        roll_look(task, task->work.ref[i], window, at_ms);
}

/* ---- interval windows ---- */

/* The longest wait at the end of a pane, which stands once it is final. */
static void oldest_settle(struct agg_task *task, uint32_t pane_ref)
{
    const struct agg_pane *pane = agg_pane_at(task, pane_ref);
    struct agg_warm *warm = agg_pane_warm(task, pane_ref);
    int64_t end_ms = agg_pane_end(pane);
    if (warm->oldest_stale) {
        int64_t oldest = agg_oldest_at(task, pane->key, end_ms);
        if (oldest == RC_TIME_NONE ||
            (warm->oldest_folded != RC_TIME_NONE && warm->oldest_folded < oldest))
            oldest = warm->oldest_folded;
        warm->oldest_queued = oldest;
        warm->oldest_stale = false;
    }
    warm->oldest_final_ms = warm->oldest_queued == RC_TIME_NONE ? 0 : end_ms - warm->oldest_queued;
}

static bool pane_values(struct agg_task *task, uint32_t pane_ref, int64_t now_ms, int64_t *value,
                        const struct rc_contract **ret_contract)
{
    const struct agg_pane *pane = agg_pane_at(task, pane_ref);
    agg_panes_flush(task, pane->key);
    agg_pane_max(task, pane_ref);
    const struct agg_warm *warm = agg_pane_warm(task, pane_ref);
    agg_sums_read(task, &warm->sums, value);
    if (pane->phase == AGG_PANE_OPEN) {
        levels_now(task, pane->key, now_ms, value);
    } else {
        V(waiting) = warm->state[AGG_WAITING];
        V(waiting_over) = warm->state[AGG_OVER];
        V(handling) = warm->state[AGG_HANDLING];
        V(wrapping) = warm->state[AGG_WRAPPING];
        V(backlog) = warm->state[AGG_BACKLOG];
        V(backlog_overdue) = warm->state[AGG_OVERDUE];
        if (pane->phase == AGG_PANE_ENDED)
            oldest_settle(task, pane_ref);
        V(oldest_wait_ms) = warm->oldest_final_ms;
    }
    const struct agg_key *key = agg_key_at(task, pane->key);
    *ret_contract = rc_contract_at(key->contracts, pane->start_ms);
    return complete(value, key, *ret_contract);
}

static void pane_publish(struct agg_task *task, uint32_t pane_ref, enum rc_status status,
                         int64_t now_ms)
{
    int64_t value[RC_FIGURE_COUNT];
    const struct rc_contract *contract;
    bool any = pane_values(task, pane_ref, now_ms, value, &contract);
    struct agg_pane *pane = agg_pane_at(task, pane_ref);
    bool always = status == RC_FINAL || status == RC_CLOSED;
    uint64_t hash = content_hash(value, contract->fingerprint);
    if (!any && !pane->revision)
        return;
    if (!always && pane->revision && hash == pane->published)
        return;
    struct rc_record head = {.window = task->config->windows.rolling_count + pane->window,
                             .kind = RC_KIND_INTERVAL,
                             .status = (uint8_t)status,
                             .revision = ++pane->revision,
                             .start_ms = pane->start_ms,
                             .end_ms = agg_pane_end(pane),
                             .as_of_ms = now_ms,
                             .contract = contract->fingerprint};
    emit(task, pane->key, head, value);
    pane->published = hash;
    if (status == RC_CLOSED && !any) {
        head.tombstone = true;
        head.revision++;
        emit(task, pane->key, head, value);
    }
}

void agg_publish_provisional(struct agg_task *task, uint32_t window, int64_t at_ms)
{
    if (wait_for_last(task, at_ms, task->config->windows.interval[window].publish_every_ms,
                      AGG_DUE_PUBLISH, window))
        return;
    task->publish_due[window] = false;
    list_take(task, &task->publish_list[window]);
    for (uint32_t i = 0; i < task->work.count; i++) {
        uint32_t ref = task->work.ref[i];
        struct agg_pane *pane = agg_pane_at(task, ref);
        if (!pane->live || !pane->listed || pane->phase == AGG_PANE_FINAL || pane->window != window)
            continue;
        pane->listed = false;
        pane_publish(task, ref, RC_PROVISIONAL, at_ms);
        if (pane->phase == AGG_PANE_OPEN && agg_key_at(task, pane->key)->level[AGG_WAITING])
            agg_pane_list(task, ref);
    }
}

void agg_publish_restated(struct agg_task *task, int64_t at_ms)
{
    task->restate_due = false;
    list_take(task, &task->restate_list);
    for (uint32_t i = 0; i < task->work.count; i++) {
        struct agg_pane *pane = agg_pane_at(task, task->work.ref[i]);
        if (!pane->live || !pane->listed || pane->phase != AGG_PANE_FINAL)
            continue;
        pane->listed = false;
        pane_publish(task, task->work.ref[i], RC_RESTATED, at_ms);
        agg_pane_cool(task, task->work.ref[i]);
    }
}

/* A pane ends, becomes final, or is closed. */
void agg_pane_due(struct agg_task *task, uint32_t ref, int64_t at_ms)
{
    struct agg_pane *pane = agg_pane_at(task, ref);
    const struct rc_times *time = &task->config->time;
    int64_t end_ms = agg_pane_end(pane);
    int64_t restate_for = task->config->windows.interval[pane->window].restate_for_ms;
    if (pane->phase == AGG_PANE_OPEN && at_ms >= end_ms) {
        const struct agg_key *key = agg_key_at(task, pane->key);
        struct agg_warm *warm = agg_pane_warm(task, ref);
        for (uint32_t i = 0; i < AGG_STATE_COUNT; i++)
            warm->state[i] = (int32_t)key->level[i];
        warm->oldest_queued =
            key->level[AGG_WAITING] ? agg_key_oldest(task, pane->key) : RC_TIME_NONE;
        pane->phase = AGG_PANE_ENDED;
    }
    if (pane->phase == AGG_PANE_ENDED && at_ms >= end_ms + time->grace_ms) {
        pane_publish(task, ref, RC_FINAL, at_ms);
        pane->phase = AGG_PANE_FINAL;
        pane->listed = false;
    }
    if (pane->phase == AGG_PANE_FINAL && at_ms >= end_ms + restate_for) {
        pane_publish(task, ref, RC_CLOSED, at_ms);
        agg_pane_close(task, ref);
        return;
    }
    if (pane->phase == AGG_PANE_FINAL)
        agg_pane_cool(task, ref);
    int64_t next = pane->phase == AGG_PANE_ENDED ? end_ms + time->grace_ms : end_ms + restate_for;
    agg_due_add(&task->due, next, AGG_TICK, AGG_DUE_PANE, ref, 0);
}

/* The end of a replay: every record that would change, once more. Nothing came to cold panes that
 * are not listed. */
void agg_publish_rest(struct agg_task *task, int64_t now_ms)
{
    for (uint32_t ref = 1; ref < task->pane.next; ref++) {
        const struct agg_pane *pane = agg_pane_at(task, ref);
        if (pane->live && (pane->warm || pane->listed))
            pane_publish(task, ref, pane->phase == AGG_PANE_FINAL ? RC_RESTATED : RC_PROVISIONAL,
                         now_ms);
    }
}

/* ---- what is not configured any more ---- */

void agg_pane_cease(struct agg_task *task, uint32_t ref)
{
    const struct agg_pane *pane = agg_pane_at(task, ref);
    const struct agg_key *key = agg_key_at(task, pane->key);
    const struct rc_contract *contract = rc_contract_at(key->contracts, pane->start_ms);
    int64_t value[RC_FIGURE_COUNT] = {0};
    struct rc_record head = {.window = task->config->windows.rolling_count + pane->window,
                             .kind = RC_KIND_INTERVAL,
                             .status = pane->phase == AGG_PANE_FINAL ? RC_RESTATED : RC_PROVISIONAL,
                             .revision = pane->revision + 1,
                             .start_ms = pane->start_ms,
                             .end_ms = agg_pane_end(pane),
                             .as_of_ms = task->clock,
                             .contract = contract->fingerprint};
    complete(value, key, contract);
    if (pane->revision && content_hash(value, contract->fingerprint) != pane->published) {
        emit(task, pane->key, head, value);
        head.revision++;
    }
    head.tombstone = true;
    if (pane->revision)
        emit(task, pane->key, head, value);
    agg_pane_close(task, ref);
}

/* By the last T that has passed. */
void agg_roll_cease(struct agg_task *task, uint32_t key_ref, uint32_t window)
{
    struct agg_key *key = agg_key_at(task, key_ref);
    struct agg_roll *roll = agg_roll_at(task, key->roll[window]);
    int64_t every_ms = task->config->windows.rolling[window].every_ms;
    int64_t at_ms = task->clock / every_ms * every_ms, value[RC_FIGURE_COUNT] = {0};
    if (roll->revision) {
        const struct rc_contract *contract = rc_contract_at(key->contracts, at_ms);
        complete(value, key, contract);
        roll->revision++;
        if (!roll->published_zero) {
            roll_publish(task, key_ref, window, at_ms, value, contract->fingerprint, false);
            roll->revision++;
        }
        roll_publish(task, key_ref, window, at_ms, value, contract->fingerprint, true);
    }
    agg_roll_trim(task, roll, INT64_MAX);
    agg_pool_put(&task->roll, key->roll[window]);
    key->roll[window] = 0;
}
