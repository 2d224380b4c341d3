/* Interval panes: where they are found, what is due for them, and how a final one waits for its
 * close. Most panes of a window wait: restate_for is days, an interval may be minutes. Such a pane
 * is cold: which of its figures are not zero, then these, seven bits a byte. What comes late makes
 * it warm; once that is published it is cold again. */
#define XXH_INLINE_ALL
#include "window.h"
#include <string.h>
#include <xxhash.h>

/* ---- cold panes ---- */

enum {
    COLD_STATE = RC_SUM_COUNT,
    COLD_OLDEST = COLD_STATE + AGG_STATE_COUNT,
    COLD_COUNT,
    COLD_MASK_BYTES = (COLD_COUNT + 7) / 8,
    COLD_BYTES_MAX = AGG_TEXT_CLASSES * 8,
    NUMBER_BYTES_MAX = 9
};
static_assert(COLD_COUNT < 64, "a bit for each of them");

/* Bytes made; 0: it does not fit, or something is negative. */
static uint32_t pack(const int64_t *value, uint8_t *bytes)
{
    uint32_t size = COLD_MASK_BYTES;
    uint64_t mask = 0;
    for (uint32_t i = 0; i < COLD_COUNT; i++) {
        if (value[i] == 0)
            continue;
        if (value[i] < 0 || size > COLD_BYTES_MAX - NUMBER_BYTES_MAX)
            return 0;
        uint64_t rest = (uint64_t)value[i];
        for (; rest >= 0x80; rest >>= 7)
            bytes[size++] = (uint8_t)(rest | 0x80);
        bytes[size++] = (uint8_t)rest;
        mask |= 1ull << i;
    }
    for (uint32_t i = 0; i < COLD_MASK_BYTES; i++)
        bytes[i] = (uint8_t)(mask >> (8 * i));
    return size;
}

static void unpack(const uint8_t *bytes, int64_t *value)
{
    uint64_t mask = 0;
    for (uint32_t i = 0; i < COLD_MASK_BYTES; i++)
        mask |= (uint64_t)*bytes++ << (8 * i);
    for (; mask; mask &= mask - 1) {
        uint64_t number = 0;
        uint32_t shift = 0;
        for (; *bytes & 0x80; shift += 7)
            number |= (uint64_t)(*bytes++ & 0x7f) << shift;
        value[__builtin_ctzll(mask)] = (int64_t)(number | (uint64_t)*bytes++ << shift);
    }
}

bool agg_pane_is_packed(const void *packed, uint32_t size)
{
    const uint8_t *bytes = packed;
    uint64_t mask = 0;
    uint32_t at = COLD_MASK_BYTES;
    for (uint32_t i = 0; i < COLD_MASK_BYTES && i < size; i++)
        mask |= (uint64_t)bytes[i] << (8 * i);
    if (size < COLD_MASK_BYTES || mask >> COLD_COUNT)
        return false;
    for (; mask; mask &= mask - 1) {
        uint32_t end = at + NUMBER_BYTES_MAX;
        while (at < size && at < end && bytes[at] & 0x80)
            at++;
        if (at >= size || at >= end)
            return false;
        at++;
    }
    return at == size;
}

void agg_pane_cool(struct agg_task *task, uint32_t ref)
{
    struct agg_pane *pane = agg_pane_at(task, ref);
    if (!pane->warm)
        return;
    struct agg_warm *warm = agg_warm_at(task, pane->content);
    uint8_t bytes[COLD_BYTES_MAX];
    int64_t value[COLD_COUNT];
    RC_CHECK(pane->phase == AGG_PANE_FINAL && !pane->listed && !warm->sums.max_stale);
    agg_sums_read(task, &warm->sums, value);
    for (uint32_t i = 0; i < AGG_STATE_COUNT; i++)
        value[COLD_STATE + i] = warm->state[i];
    value[COLD_OLDEST] = warm->oldest_final_ms;
    uint32_t size = pack(value, bytes);
    if (!size)
        return;
    agg_sums_drop(task, &warm->sums);
    agg_pool_put(&task->warm, pane->content);
    pane->warm = false;
    pane->packed_size = size > COLD_MASK_BYTES ? size : 0;
    pane->content = pane->packed_size ? agg_text_put(&task->packed, (const char *)bytes, size) : 0;
}

static struct agg_warm *warm_new(struct agg_task *task, struct agg_pane *pane)
{
    pane->warm = true;
    pane->content = agg_pool_get(&task->warm);
    struct agg_warm *warm = agg_warm_at(task, pane->content);
    warm->oldest_queued = warm->oldest_folded = RC_TIME_NONE;
    return warm;
}

struct agg_warm *agg_pane_unpack(struct agg_task *task, uint32_t ref)
{
    struct agg_pane *pane = agg_pane_at(task, ref);
    uint32_t packed = pane->content, size = pane->packed_size;
    struct agg_warm *warm = warm_new(task, pane);
    if (!size)
        return warm;
    int64_t value[COLD_COUNT] = {0};
    unpack((const uint8_t *)agg_text_at(&task->packed, packed, size), value);
    agg_text_drop(&task->packed, packed, size);
    agg_sums_fill(task, &warm->sums, value);
    for (uint32_t i = 0; i < AGG_STATE_COUNT; i++)
        warm->state[i] = (int32_t)value[COLD_STATE + i];
    warm->oldest_final_ms = value[COLD_OLDEST];
    return warm;
}

/* ---- where they are ---- */

static uint32_t pane_tag(uint32_t key, uint32_t window, int64_t start_ms)
{
    uint64_t parts[2] = {(uint64_t)key << 8 | window, (uint64_t)start_ms};
    uint64_t hash = XXH3_64bits(parts, sizeof parts);
    return (uint32_t)(hash ^ hash >> 32);
}

/* What another configuration says should have been by now comes at the next instant. */
static void pane_ask(struct agg_task *task, uint32_t ref, int64_t at_ms)
{
    agg_due_add(&task->due, at_ms > task->clock ? at_ms : task->clock + 1, AGG_TICK, AGG_DUE_PANE,
                ref, 0);
}

uint32_t agg_pane_tag(const struct agg_task *task, const void *row)
{
    const struct agg_pane *pane = row;
    (void)task;
    return pane_tag(pane->key, pane->window, pane->start_ms);
}

static uint32_t pane_new(struct agg_task *task, uint32_t key_ref, uint32_t window, int64_t start_ms,
                         int64_t end_ms)
{
    const struct rc_times *time = &task->config->time;
    uint32_t ref = agg_pool_get(&task->pane);
    struct agg_pane *pane = agg_pane_at(task, ref);
    pane->live = true;
    pane->key = key_ref;
    pane->window = window;
    pane->start_ms = start_ms;
    pane->length_ms = (uint32_t)(end_ms - start_ms);
    int64_t next = end_ms;
    if (end_ms <= task->clock) {
        pane->phase = AGG_PANE_ENDED;
        next = end_ms + time->grace_ms;
    }
    if (next <= task->clock) {
        pane->phase = AGG_PANE_FINAL;
        next = end_ms + task->config->windows.interval[window].restate_for_ms;
    }
    if (pane->phase != AGG_PANE_FINAL)
        warm_new(task, pane);
    pane_ask(task, ref, next);
    agg_index_add(&task->pane_index, pane_tag(key_ref, window, start_ms), ref);
    return ref;
}

/* 0: no such pane. */
static uint32_t pane_find(struct agg_task *task, uint32_t key_ref, uint32_t window,
                          int64_t start_ms)
{
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

uint32_t agg_pane_between(struct agg_task *task, uint32_t key_ref, uint32_t window, int64_t start,
                          int64_t end)
{
    uint32_t ref = pane_find(task, key_ref, window, start);
    if (!ref)
        ref = pane_new(task, key_ref, window, start, end);
    if (end > task->clock)
        agg_key_at(task, key_ref)->pane[window] = ref;
    return ref;
}

bool agg_pane_is_closed(const struct agg_task *task, uint32_t window, int64_t end_ms)
{
    return end_ms <= agg_closed_until(task, window);
}

uint32_t agg_pane_get(struct agg_task *task, uint32_t key_ref, uint32_t window, int64_t at_ms)
{
    struct agg_client *client = agg_client_at(task, agg_key_at(task, key_ref)->client);
    int64_t start, end;
    agg_panes_flush(task, key_ref);
    agg_window_at(client, &task->config->windows, window, at_ms, &start, &end);
    return agg_pane_is_closed(task, window, end)
               ? 0
               : agg_pane_between(task, key_ref, window, start, end);
}

void agg_pane_list(struct agg_task *task, uint32_t ref)
{
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

void agg_pane_close(struct agg_task *task, uint32_t ref)
{
    struct agg_pane *pane = agg_pane_at(task, ref);
    agg_index_remove(&task->pane_index, pane_tag(pane->key, pane->window, pane->start_ms), ref);
    if (pane->warm) {
        agg_sums_drop(task, &agg_warm_at(task, pane->content)->sums);
        agg_pool_put(&task->warm, pane->content);
    } else if (pane->packed_size) {
        agg_text_drop(&task->packed, pane->content, pane->packed_size);
    }
    pane->live = false;
    agg_pool_put(&task->pane, ref);
}

/* ---- another configuration ---- */

/* What the pane was taken for begins at another instant now: it keeps what forgotten contacts left
 * in it, as a final one, and takes nothing more. */
static void pane_retire(struct agg_task *task, uint32_t ref)
{
    struct agg_pane *pane = agg_pane_at(task, ref);
    if (pane->phase != AGG_PANE_FINAL)
        agg_pane_warm(task, ref)->oldest_final_ms = 0;
    pane->phase = AGG_PANE_FINAL;
}

/* It ends at another instant, which may lie before or behind the clock. */
static void pane_stretch(struct agg_task *task, uint32_t ref, int64_t end_ms)
{
    struct agg_pane *pane = agg_pane_at(task, ref);
    struct agg_warm *warm = agg_pane_warm(task, ref);
    pane->length_ms = (uint32_t)(end_ms - pane->start_ms);
    if (end_ms > task->clock) {
        memset(warm->state, 0, sizeof warm->state);
        pane->phase = AGG_PANE_OPEN;
    } else if (pane->phase == AGG_PANE_OPEN) {
        pane->phase = AGG_PANE_ENDED;
    }
}

/* true: its interval is another one than it was. */
static bool pane_fit(struct agg_task *task, uint32_t ref)
{
    const struct agg_pane *pane = agg_pane_at(task, ref);
    struct agg_client *client = agg_client_at(task, agg_key_at(task, pane->key)->client);
    int64_t start, end;
    agg_window_at(client, &task->config->windows, pane->window, pane->start_ms, &start, &end);
    if (start == pane->start_ms && end == agg_pane_end(pane))
        return false;
    if (start == pane->start_ms)
        pane_stretch(task, ref, end);
    else
        pane_retire(task, ref);
    return true;
}

static int64_t next_of(const struct agg_task *task, const struct agg_pane *pane)
{
    int64_t end_ms = agg_pane_end(pane);
    switch (pane->phase) {
    case AGG_PANE_OPEN:
        return end_ms;
    case AGG_PANE_ENDED:
        return end_ms + task->config->time.grace_ms;
    default:
        return end_ms + task->config->windows.interval[pane->window].restate_for_ms;
    }
}

void agg_panes_configure(struct agg_task *task, const int *window)
{
    for (uint32_t ref = 1; ref < task->pane.next; ref++) {
        struct agg_pane *pane = agg_pane_at(task, ref);
        if (pane->live && window[pane->window] < 0)
            agg_pane_close(task, ref);
    }
    agg_index_done(&task->pane_index);
    agg_index_init(&task->pane_index);
    for (uint32_t ref = 1; ref < task->pane.next; ref++) {
        struct agg_pane *pane = agg_pane_at(task, ref);
        if (!pane->live)
            continue;
        bool listed = pane->listed;
        pane->listed = false;
        pane->window = (uint64_t)window[pane->window];
        agg_index_add(&task->pane_index, pane_tag(pane->key, pane->window, pane->start_ms), ref);
        if (agg_key_at(task, pane->key)->gone)
            continue; /* ceases in a moment */
        bool moved = pane_fit(task, ref);
        pane_ask(task, ref, next_of(task, pane));
        if (listed || moved)
            agg_pane_list(task, ref);
    }
}
