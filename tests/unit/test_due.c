#include "due.h"

#include "core_fixture.h"

enum { ORACLE_MAX = 4096, CENTURY_SPREAD = 6 };

/* The same queue, plainly: a list, of which the smallest is looked for. */
struct plain {
    uint64_t cursor;
    uint32_t count;
    struct plain_entry {
        uint64_t at, asked; /* at: never before the cursor of the time when it was added */
        uint32_t ref;
        uint8_t kind;
    } entry[ORACLE_MAX];
};

static void plain_add(struct plain *plain, uint64_t at, uint32_t ref, uint8_t kind)
{
    cr_assert_lt(plain->count, ORACLE_MAX);
    plain->entry[plain->count++] =
        (struct plain_entry){at < plain->cursor ? plain->cursor : at, at, ref, kind};
}

static uint64_t plain_first(const struct plain *plain)
{
    uint64_t first = UINT64_MAX;
    for (uint32_t i = 0; i < plain->count; i++)
        if (plain->entry[i].at < first)
            first = plain->entry[i].at;
    return first;
}

/* Takes the entry out of the list; it must be there, at that instant. */
static void plain_remove(struct plain *plain, uint64_t at, const struct agg_due_entry *entry)
{
    for (uint32_t i = 0; i < plain->count; i++) {
        if (plain->entry[i].ref != entry->ref)
            continue;
        cr_assert_eq(plain->entry[i].at, at);
        cr_assert_eq(plain->entry[i].asked, entry->at);
        cr_assert_eq(plain->entry[i].kind, entry->kind);
        cr_assert_eq((uint8_t)(entry->ref * 7), entry->extra);
        plain->entry[i] = plain->entry[--plain->count];
        return;
    }
    cr_assert_fail("entry %u was not asked for, or came twice", entry->ref);
}

struct both {
    struct agg_due due;
    struct plain plain;
    struct agg_list list;
    struct core_random random;
    uint32_t ref;
};

static void both_add(struct both *both, uint64_t at)
{
    uint8_t kind = (uint8_t)core_draw(&both->random, AGG_DUE_KIND_COUNT);
    uint32_t ref = ++both->ref;
    agg_due_add(&both->due, (int64_t)(at >> 1), (enum agg_due_phase)(at & 1), kind, ref,
                (uint8_t)(ref * 7));
    plain_add(&both->plain, at, ref, kind);
}

/* Some instant: seldom before the cursor, mostly near, sometimes years ahead. */
static uint64_t both_instant(struct both *both)
{
    static const uint64_t spread[CENTURY_SPREAD] = {
        2, 130, 5000, 300000, UINT64_C(400000000), UINT64_C(7000000000000)};
    uint64_t reach = spread[core_draw(&both->random, CENTURY_SPREAD)];
    uint64_t far = core_draw(&both->random, reach);
    uint64_t last = (uint64_t)RC_TIME_LAST * 2;
    if (core_draw(&both->random, 12) == 0)
        return both->plain.cursor > far ? both->plain.cursor - far : 0;
    uint64_t at = both->plain.cursor + far;
    return at < last ? at : last;
}

static bool both_take(struct both *both, uint64_t limit)
{
    uint64_t first = plain_first(&both->plain), at = 0;
    bool some = agg_due_take(&both->due, limit, &at, &both->list);
    cr_assert_eq(some, first < limit, "first %lu limit %lu", first, limit);
    if (!some) {
        if (limit > both->plain.cursor)
            both->plain.cursor = limit;
        return false;
    }
    cr_assert_eq(at, first);
    both->plain.cursor = at;
    uint8_t kind = 0;
    for (uint32_t i = 0; i < both->list.count; i++) {
        const struct agg_due_entry *entry = agg_pool_at(&both->due.pool, both->list.ref[i]);
        cr_assert_geq(entry->kind, kind, "kinds of one instant come in order");
        kind = entry->kind;
        plain_remove(&both->plain, at, entry);
        agg_pool_put(&both->due.pool, both->list.ref[i]);
    }
    cr_assert_gt(plain_first(&both->plain), at, "all of one instant come together");
    return true;
}

static void both_run(uint64_t seed, uint32_t operations)
{
    static struct both both;
    memset(&both, 0, sizeof both);
    both.random.state = seed;
    agg_due_init(&both.due);
    uint64_t start = (uint64_t)RC_TIME_FIRST * 2 + core_draw(&both.random, 1u << 20);
    for (uint32_t i = 0; i < 5; i++) /* before the first limit, with the cursor at zero */
        both_add(&both, start + core_draw(&both.random, 1000));
    for (uint32_t i = 0; i < operations; i++) {
        if (both.plain.count < ORACLE_MAX / 2 && core_draw(&both.random, 3))
            both_add(&both, both_instant(&both));
        if (core_draw(&both.random, 4) == 0) {
            uint64_t limit = both_instant(&both);
            /* adds while taking: at the instant itself, before it, and soon after */
            for (uint32_t n = 0; n < 20 && both_take(&both, limit); n++)
                if (core_draw(&both.random, 3) == 0)
                    both_add(&both, both.plain.cursor + core_draw(&both.random, 3));
        }
        if (both.plain.cursor > (uint64_t)RC_TIME_LAST * 2 - 1000)
            break;
    }
    while (both_take(&both, UINT64_MAX >> 16))
        ;
    cr_assert_eq(both.plain.count, 0);
    cr_assert_eq(both.due.pool.live, 0);
    agg_due_done(&both.due);
    agg_list_done(&both.list);
}

Test(due, wheel_gives_what_a_sorted_list_gives)
{
    for (uint64_t seed = 1; seed <= 60; seed++)
        both_run(seed, 3000);
}

Test(due, wheel_gives_what_a_list_gives_when_the_limit_goes_in_small_steps)
{
    static struct both both;
    both.random.state = 77;
    agg_due_init(&both.due);
    uint64_t limit = (uint64_t)T0 * 2;
    both_take(&both, limit);
    for (uint32_t i = 0; i < 60000; i++) {
        if (core_draw(&both.random, 4) == 0)
            both_add(&both, limit + core_draw(&both.random, 1u << core_draw(&both.random, 16)));
        limit += core_draw(&both.random, 7);
        while (both_take(&both, limit))
            ;
    }
    while (both_take(&both, UINT64_MAX >> 16))
        ;
    cr_assert_eq(both.plain.count, 0);
    agg_due_done(&both.due);
    agg_list_done(&both.list);
}

static struct agg_due_entry take_one(struct agg_due *due, uint64_t limit, uint64_t *ret_at)
{
    struct agg_list list = {0};
    struct agg_due_entry entry = {0};
    if (agg_due_take(due, limit, ret_at, &list)) {
        cr_assert_eq(list.count, 1);
        entry = *(struct agg_due_entry *)agg_pool_at(&due->pool, list.ref[0]);
        agg_pool_put(&due->pool, list.ref[0]);
    }
    agg_list_done(&list);
    return entry;
}

Test(due, tick_of_an_instant_comes_before_its_decision)
{
    struct agg_due due;
    uint64_t at;
    agg_due_init(&due);
    agg_due_add(&due, T0, AGG_DECISION, AGG_DUE_CONTACT, 1, 0);
    agg_due_add(&due, T0, AGG_TICK, AGG_DUE_RESTATE, 2, 0);
    cr_assert_eq(take_one(&due, (uint64_t)T0 * 2 + 1, &at).ref, 2);
    cr_assert_eq(at, (uint64_t)T0 * 2);
    cr_assert_eq(take_one(&due, (uint64_t)T0 * 2 + 1, &at).ref, 0, "it waits for T0 to pass");
    cr_assert_eq(take_one(&due, (uint64_t)T0 * 2 + 2, &at).ref, 1);
    cr_assert_eq(at, (uint64_t)T0 * 2 + 1);
    agg_due_done(&due);
}

Test(due, first_and_last_valid_times_are_kept_apart)
{
    struct agg_due due;
    uint64_t at;
    agg_due_init(&due);
    agg_due_add(&due, RC_TIME_LAST, AGG_DECISION, AGG_DUE_FORGET, 3, 0);
    agg_due_add(&due, RC_TIME_FIRST, AGG_TICK, AGG_DUE_PANE, 1, 0);
    agg_due_add(&due, RC_TIME_LAST - 1, AGG_DECISION, AGG_DUE_FORGET, 2, 0);
    for (uint32_t ref = 1; ref <= 3; ref++)
        cr_assert_eq(take_one(&due, UINT64_MAX >> 16, &at).ref, ref);
    cr_assert_eq(at, (uint64_t)RC_TIME_LAST * 2 + 1);
    agg_due_done(&due);
}

Test(due, what_was_due_before_the_cursor_comes_at_once_and_keeps_its_instant)
{
    struct agg_due due;
    uint64_t at = 0, cursor = (uint64_t)T0 * 2 + 1;
    agg_due_init(&due);
    cr_assert_eq(take_one(&due, cursor, &at).ref, 0);
    agg_due_add(&due, T0 - 5000, AGG_DECISION, AGG_DUE_FORGET, 9, 0);
    struct agg_due_entry entry = take_one(&due, cursor + 1, &at);
    cr_assert_eq(entry.ref, 9);
    cr_assert_eq(entry.at >> 1, (uint64_t)T0 - 5000);
    cr_assert_eq(at, cursor);
    agg_due_done(&due);
}
