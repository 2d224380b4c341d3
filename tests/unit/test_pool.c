#include "pool.h"

#include "core_fixture.h"

enum { ITEMS = 20000, ITEM_SIZE = 24 };

/* ---- pools ---- */

Test(pool, pool_that_is_filled_from_its_rows_gives_out_what_is_free_in_that_order)
{
    struct agg_pool pool;
    const uint32_t is_free[] = {7, 3, 9};
    agg_pool_init(&pool, ITEM_SIZE);
    agg_pool_reach(&pool, 10);
    pool.next = 11;
    agg_pool_free_all(&pool, is_free, 3);
    cr_assert_eq(pool.live, 7);
    cr_assert_eq(agg_pool_get(&pool), 7);
    cr_assert_eq(agg_pool_get(&pool), 3);
    cr_assert_eq(agg_pool_get(&pool), 9);
    cr_assert_eq(agg_pool_get(&pool), 11);
    agg_pool_done(&pool);
}

Test(pool, index_with_room_for_all_does_not_grow)
{
    struct agg_index index;
    agg_index_init(&index);
    agg_index_reserve(&index, 1000);
    uint32_t mask = index.mask;
    for (uint32_t i = 1; i <= 1000; i++)
        agg_index_add(&index, i * 7919, i);
    cr_assert_eq(index.mask, mask);
    for (uint32_t i = 1; i <= 1000; i++) {
        uint32_t at = i * 7919;
        cr_assert_eq(agg_index_next(&index, i * 7919, &at), i);
    }
    agg_index_done(&index);
}

Test(pool, items_are_zeroed_apart_and_never_move)
{
    struct agg_pool pool;
    static char *where[ITEMS + 1];
    agg_pool_init(&pool, ITEM_SIZE);
    for (uint32_t i = 1; i <= ITEMS; i++) {
        uint32_t ref = agg_pool_get(&pool);
        cr_assert_eq(ref, i, "references count from 1");
        where[i] = agg_pool_at(&pool, ref);
        for (uint32_t b = 0; b < ITEM_SIZE; b++)
            cr_assert_eq(where[i][b], 0);
        memset(where[i], (int)(i & 0x7f), ITEM_SIZE);
    }
    for (uint32_t i = 1; i <= ITEMS; i++) {
        cr_assert_eq((void *)where[i], agg_pool_at(&pool, i));
        for (uint32_t b = 0; b < ITEM_SIZE; b++)
            cr_assert_eq(where[i][b], (char)(i & 0x7f));
    }
    cr_assert_eq(pool.live, ITEMS);
    agg_pool_done(&pool);
}

Test(pool, item_given_back_is_given_out_again_and_zeroed)
{
    struct agg_pool pool;
    agg_pool_init(&pool, ITEM_SIZE);
    uint32_t first = agg_pool_get(&pool), second = agg_pool_get(&pool);
    memset(agg_pool_at(&pool, first), 0x55, ITEM_SIZE);
    memset(agg_pool_at(&pool, second), 0x66, ITEM_SIZE);
    agg_pool_put(&pool, first);
    agg_pool_put(&pool, second);
    cr_assert_eq(pool.live, 0);
    cr_assert_eq(agg_pool_get(&pool), second);
    cr_assert_eq(agg_pool_get(&pool), first);
    static const char zero[ITEM_SIZE];
    cr_assert_arr_eq(agg_pool_at(&pool, first), zero, ITEM_SIZE);
    cr_assert_arr_eq(agg_pool_at(&pool, second), zero, ITEM_SIZE);
    cr_assert_eq(agg_pool_get(&pool), 3, "the free list is used up");
    agg_pool_done(&pool);
}

Test(pool, no_item_is_given_out_twice_however_they_come_and_go)
{
    static bool out[ITEMS + 1];
    static uint32_t held[ITEMS];
    struct core_random random = {5};
    struct agg_pool pool;
    uint32_t count = 0, most = 0;
    agg_pool_init(&pool, 4);
    for (uint32_t i = 0; i < 200000; i++) {
        if (count < ITEMS && (count == 0 || core_draw(&random, 100) < 51)) {
            uint32_t ref = agg_pool_get(&pool);
            cr_assert(ref >= 1 && ref <= ITEMS);
            cr_assert_not(out[ref]);
            out[ref] = true;
            held[count++] = ref;
            most = count > most ? count : most;
        } else {
            uint32_t which = (uint32_t)core_draw(&random, count);
            out[held[which]] = false;
            agg_pool_put(&pool, held[which]);
            held[which] = held[--count];
        }
        cr_assert_eq(pool.live, count);
    }
    cr_assert_eq(pool.next, most + 1, "never more than were out at once");
    agg_pool_done(&pool);
}

Test(pool, item_larger_than_a_chunk_has_a_chunk_of_its_own)
{
    struct agg_pool pool;
    agg_pool_init(&pool, 300000);
    char *first = agg_pool_at(&pool, agg_pool_get(&pool));
    char *second = agg_pool_at(&pool, agg_pool_get(&pool));
    memset(first, 1, 300000);
    memset(second, 2, 300000);
    cr_assert_eq(first[299999], 1);
    agg_pool_done(&pool);
}

/* ---- the hash index ---- */

struct pairs {
    struct agg_index index;
    uint32_t tag[ITEMS + 1]; /* by reference; only where `in` */
    bool in[ITEMS + 1];
};

static void pairs_check(const struct pairs *pairs, uint32_t tag)
{
    uint32_t at = tag, ref, found = 0, expected = 0;
    static bool seen[ITEMS + 1];
    memset(seen, 0, sizeof seen);
    while ((ref = agg_index_next(&pairs->index, tag, &at))) {
        cr_assert(pairs->in[ref] && pairs->tag[ref] == tag);
        cr_assert_not(seen[ref]);
        seen[ref] = true;
        found++;
    }
    for (uint32_t i = 1; i <= ITEMS; i++)
        expected += pairs->in[i] && pairs->tag[i] == tag;
    cr_assert_eq(found, expected);
}

/* Tags drawn from few values collide; from values next to each other, their runs touch. */
static void pairs_run(uint64_t seed, uint32_t live_max, uint64_t tags, uint32_t scale)
{
    static struct pairs pairs;
    struct core_random random = {seed};
    uint32_t count = 0;
    memset(&pairs, 0, sizeof pairs);
    agg_index_init(&pairs.index);
    for (uint32_t i = 0; i < 30000; i++) {
        uint32_t ref = 1 + (uint32_t)core_draw(&random, live_max);
        if (pairs.in[ref]) {
            agg_index_remove(&pairs.index, pairs.tag[ref], ref);
            pairs.in[ref] = false;
            count--;
        } else {
            pairs.tag[ref] = (uint32_t)core_draw(&random, tags) * scale + UINT32_MAX - 3;
            agg_index_add(&pairs.index, pairs.tag[ref], ref);
            pairs.in[ref] = true;
            count++;
        }
        cr_assert_eq(pairs.index.count, count);
        if (i % 16 == 0)
            pairs_check(&pairs, pairs.tag[ref]);
    }
    for (uint32_t ref = 1; ref <= live_max; ref += 7)
        pairs_check(&pairs, pairs.tag[ref]);
    for (uint32_t ref = 1; ref <= live_max; ref++)
        if (pairs.in[ref])
            agg_index_remove(&pairs.index, pairs.tag[ref], ref);
    cr_assert_eq(pairs.index.count, 0);
    for (uint64_t i = 0; i <= pairs.index.mask; i++)
        cr_assert_eq(pairs.index.slot[i].ref, 0);
    agg_index_done(&pairs.index);
}

Test(index, finds_what_a_list_finds_with_tags_far_apart)
{
    pairs_run(1, ITEMS, UINT32_MAX, 1);
}

Test(index, finds_what_a_list_finds_with_colliding_tags)
{
    pairs_run(2, 400, 12, 1);
    pairs_run(3, 400, 40, 64); /* the same slot for all in the smallest table */
}

Test(index, finds_what_a_list_finds_around_the_end_of_the_table)
{
    for (uint64_t seed = 10; seed < 20; seed++)
        pairs_run(seed, 40, 8, 1); /* 64 slots, and tags from 2^32 - 4 on */
}

/* ---- texts and lists ---- */

Test(texts, each_size_comes_back_as_it_was_put)
{
    struct agg_texts texts;
    uint32_t ref[129];
    char text[128];
    agg_texts_init(&texts);
    for (uint32_t size = 1; size <= 128; size++) {
        memset(text, (int)size, sizeof text);
        ref[size] = agg_text_put(&texts, text, size);
    }
    for (uint32_t size = 1; size <= 128; size++) {
        memset(text, (int)size, sizeof text);
        cr_assert_arr_eq(agg_text_at(&texts, ref[size], size), text, size);
        agg_text_drop(&texts, ref[size], size);
    }
    for (uint32_t i = 0; i < AGG_TEXT_CLASSES; i++)
        cr_assert_eq(texts.pool[i].live, 0);
    agg_texts_done(&texts);
}

Test(pool, what_was_put_back_is_counted_as_idle_until_it_is_used_again)
{
    struct agg_pool pool;
    struct agg_memory memory = {0};
    agg_pool_init(&pool, ITEM_SIZE);
    agg_pool_count(&pool, &memory);
    cr_expect(memory.mapped == 0 && memory.idle == 0);
    for (uint32_t i = 1; i <= ITEMS; i++)
        agg_pool_get(&pool);
    for (uint32_t i = 1; i <= 100; i++)
        agg_pool_put(&pool, i);
    agg_pool_count(&pool, &memory);
    cr_expect_geq(memory.mapped, (uint64_t)ITEMS * ITEM_SIZE);
    cr_expect_eq(memory.idle, 100 * ITEM_SIZE);
    agg_pool_get(&pool);
    memory = (struct agg_memory){0};
    agg_pool_count(&pool, &memory);
    cr_expect_eq(memory.idle, 99 * ITEM_SIZE);
    agg_pool_done(&pool);
}

Test(list, grows_and_keeps_its_order)
{
    struct agg_list list = {0};
    for (uint32_t i = 0; i < 5000; i++)
        agg_list_add(&list, i * 3);
    cr_assert_eq(list.count, 5000);
    for (uint32_t i = 0; i < 5000; i++)
        cr_assert_eq(list.ref[i], i * 3);
    agg_list_done(&list);
    cr_assert_null(list.ref);
}

Test(pool, pools_cut_their_chunks_from_the_same_regions_and_keep_apart)
{
    enum { POOLS = 60, EACH = 6000 }; /* several regions of 2 MiB in all */
    static struct agg_pool pool[POOLS];
    for (uint32_t round = 0; round < 3; round++) {
        for (uint32_t p = 0; p < POOLS; p++)
            agg_pool_init(&pool[p], 8 + p % 5 * 8);
        for (uint32_t i = 1; i <= EACH; i++)
            for (uint32_t p = 0; p < POOLS; p++) {
                uint64_t *item = agg_pool_at(&pool[p], agg_pool_get(&pool[p]));
                cr_assert_eq(*item, 0, "fresh memory, whatever lay there in the last round");
                *item = (uint64_t)p << 32 | i;
            }
        for (uint32_t i = 1; i <= EACH; i++)
            for (uint32_t p = 0; p < POOLS; p++)
                cr_assert_eq(*(uint64_t *)agg_pool_at(&pool[p], i), (uint64_t)p << 32 | i);
        for (uint32_t p = 0; p < POOLS; p++)
            agg_pool_done(&pool[(p * 7 + round) % POOLS]);
    }
}
