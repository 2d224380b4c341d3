/* A hierarchical timer wheel: 8 levels of 64 slots over half-milliseconds. */
#include "due.h"
#include <string.h>

void agg_due_init(struct agg_due *due)
{
    memset(due, 0, sizeof *due);
    agg_pool_init(&due->pool, sizeof(struct agg_due_entry));
}

void agg_due_done(struct agg_due *due)
{
    agg_pool_done(&due->pool);
    agg_list_done(&due->sorted);
}

static void due_place(struct agg_due *due, uint32_t ref, struct agg_due_entry *entry)
{
    uint64_t at = entry->at > due->taken ? entry->at : due->taken;
    at = at > due->cursor ? at : due->cursor;
    if (at < due->none_before)
        due->none_before = at;
    uint64_t differ = at ^ due->cursor;
    uint32_t level = differ ? (63u - (uint32_t)__builtin_clzll(differ)) / DUE_BITS : 0;
    RC_CHECK(level < DUE_LEVELS);
    uint32_t slot = (uint32_t)(at >> (level * DUE_BITS)) & (DUE_SLOTS - 1);
    entry->next = due->slot[level][slot];
    due->slot[level][slot] = ref;
    due->used[level] |= 1ull << slot;
}

void agg_due_add(struct agg_due *due, int64_t at_ms, enum agg_due_phase phase,
                 enum agg_due_kind kind, uint32_t ref, uint8_t extra)
{
    RC_CHECK(at_ms >= 0);
    uint32_t entry_ref = agg_pool_get(&due->pool);
    struct agg_due_entry *entry = agg_pool_at(&due->pool, entry_ref);
    entry->at = (uint64_t)at_ms * 2 + phase;
    entry->kind = kind;
    entry->ref = ref;
    entry->extra = extra;
    due_place(due, entry_ref, entry);
}

/* Moves the slot's entries to lower levels; the cursor stands at the slot's beginning. */
static void due_cascade(struct agg_due *due, uint32_t level, uint32_t slot)
{
    uint32_t ref = due->slot[level][slot];
    due->slot[level][slot] = 0;
    due->used[level] &= ~(1ull << slot);
    while (ref) {
        struct agg_due_entry *entry = agg_pool_at(&due->pool, ref);
        uint32_t next = entry->next;
        due_place(due, ref, entry);
        ref = next;
    }
}

static uint8_t due_kind(const struct agg_due *due, uint32_t ref)
{
    return ((struct agg_due_entry *)agg_pool_at(&due->pool, ref))->kind;
}

/* By kind: a counting sort, as there may be very many of one instant. */
static void due_sort(struct agg_due *due, struct agg_list *list)
{
    uint32_t start[AGG_DUE_KIND_COUNT + 1] = {0};
    due->sorted.count = 0;
    for (uint32_t i = 0; i < list->count; i++) {
        start[due_kind(due, list->ref[i]) + 1]++;
        agg_list_add(&due->sorted, list->ref[i]);
    }
    for (uint32_t i = 1; i <= AGG_DUE_KIND_COUNT; i++)
        start[i] += start[i - 1];
    for (uint32_t i = 0; i < list->count; i++)
        list->ref[start[due_kind(due, due->sorted.ref[i])]++] = due->sorted.ref[i];
}

static void due_list(struct agg_due *due, uint32_t slot, struct agg_list *list)
{
    uint32_t ref = due->slot[0][slot];
    due->slot[0][slot] = 0;
    due->used[0] &= ~(1ull << slot);
    list->count = 0;
    for (; ref; ref = ((struct agg_due_entry *)agg_pool_at(&due->pool, ref))->next)
        agg_list_add(list, ref);
    if (list->count > 1)
        due_sort(due, list);
}

bool agg_due_take(struct agg_due *due, uint64_t limit, uint64_t *ret_at, struct agg_list *list)
{
    if (limit <= due->none_before) {
        due->taken = limit > due->taken ? limit : due->taken;
        return false;
    }
    for (;;) {
        uint32_t level = 0;
        while (level < DUE_LEVELS && !due->used[level])
            level++;
        if (level == DUE_LEVELS) {
            due->none_before = UINT64_MAX;
            break;
        }
        /* slots of a level lie at or after the cursor's own; lower levels come first */
        uint32_t slot = (uint32_t)__builtin_ctzll(due->used[level]);
        uint32_t shift = level * DUE_BITS;
        uint64_t base = due->cursor >> (shift + DUE_BITS) << (shift + DUE_BITS);
        uint64_t at = base + ((uint64_t)slot << shift);
        if (at < due->cursor)
            at = due->cursor;
        due->none_before = at;
        if (at >= limit)
            break;
        due->cursor = at;
        if (level == 0) {
            due_list(due, slot, list);
            *ret_at = at;
            return true;
        }
        due_cascade(due, level, slot);
    }
    due->taken = limit > due->taken ? limit : due->taken;
    if (limit > due->cursor) {
        /* nothing before the limit: the cursor may only pass slots that are empty */
        for (uint32_t level = 1; level < DUE_LEVELS; level++) {
            uint32_t shift = level * DUE_BITS;
            if ((limit >> shift) != (due->cursor >> shift)) {
                uint32_t slot = (uint32_t)(limit >> shift) & (DUE_SLOTS - 1);
                bool same = (limit >> (shift + DUE_BITS)) == (due->cursor >> (shift + DUE_BITS));
                if (same && due->used[level] >> slot & 1) {
                    due->cursor = limit >> shift << shift;
                    due_cascade(due, level, slot);
                    due->cursor = limit;
                    return false;
                }
            }
        }
        due->cursor = limit;
    }
    return false;
}
