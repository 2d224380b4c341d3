#include "kept.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <stdio.h>
#include <string.h>

static struct kept kept;

static void begin(void)
{
    cr_assert(eq(int, kept_init(&kept, 3), RC_OK));
}

static void end(void)
{
    kept_done(&kept);
}

TestSuite(kept, .init = begin, .fini = end);

static struct kept_record *add(uint32_t output, const char *key, const char *value)
{
    struct kept_record *record;
    size_t key_size = strlen(key), value_size = value ? strlen(value) : 0;
    cr_assert(eq(int, kept_reserve(&kept, key_size + value_size, &record), RC_OK));
    record->output = output;
    record->key_size = (uint32_t)key_size;
    record->value_size = value ? (uint32_t)value_size : KEPT_ABSENT;
    memcpy(record->bytes, key, key_size);
    if (value)
        memcpy(record->bytes + key_size, value, value_size);
    kept_add(&kept, record);
    return record;
}

Test(kept, records_stay_where_they_are_and_come_back_in_their_order)
{
    enum { COUNT = 20000 };
    static struct kept_record *at[COUNT];
    static char value[300];
    char key[16];
    memset(value, 'v', sizeof value - 1);
    for (int i = 0; i < COUNT; i++) {
        snprintf(key, sizeof key, "k%d", i);
        at[i] = add((uint32_t)i % 3, key, i % 7 ? value + i % 290 : NULL);
    }
    struct kept_place place = {0};
    for (int i = 0; i < COUNT; i++) {
        const struct kept_record *record = kept_next(&kept, &place);
        cr_assert(eq(ptr, (void *)record, at[i]), "record %d moved", i);
        snprintf(key, sizeof key, "k%d", i);
        cr_assert(zero(int, memcmp(kept_key(record), key, record->key_size)));
        cr_assert(eq(int, kept_value(record) == NULL, i % 7 == 0));
    }
    cr_assert(eq(ptr, kept_next(&kept, &place), NULL));
    cr_assert(eq(u64, kept.sum[0].count, (COUNT + 2) / 3));
}

Test(kept, a_place_at_the_end_goes_on_with_what_is_added_later)
{
    struct kept_place place = {0};
    cr_assert(eq(ptr, kept_next(&kept, &place), NULL));
    struct kept_record *first = add(0, "a", "1");
    cr_assert(eq(ptr, kept_next(&kept, &place), first));
    cr_assert(eq(ptr, kept_next(&kept, &place), NULL));
    struct kept_record *second = add(0, "b", NULL);
    cr_assert(eq(ptr, kept_next(&kept, &place), second));
}

Test(kept, one_that_is_not_added_is_as_if_it_had_never_been)
{
    struct kept_record *scratch;
    add(0, "a", "1");
    struct kept_sum before = kept.sum[0];
    cr_assert(eq(int, kept_reserve(&kept, 5000000, &scratch), RC_OK));
    memset(scratch->bytes, 'x', 5000000);
    struct kept_place place = {0};
    cr_assert(not(eq(ptr, kept_next(&kept, &place), NULL)));
    cr_assert(eq(ptr, kept_next(&kept, &place), NULL));
    cr_assert(eq(u64, kept.sum[0].hash, before.hash));
    struct kept_record *second = add(0, "b", "2");
    cr_assert(eq(ptr, kept_next(&kept, &place), second));
}

static uint64_t hash_of(const char *key, const char *value, const char *then)
{
    kept_clear(&kept);
    add(1, key, value);
    if (then)
        add(1, then, NULL);
    return kept.sum[1].hash;
}

Test(kept, the_hash_tells_apart_what_differs_in_key_value_order_or_absence)
{
    uint64_t hash = hash_of("ab", "c", NULL);
    cr_assert(eq(u64, hash_of("ab", "c", NULL), hash));
    cr_assert(ne(u64, hash_of("a", "bc", NULL), hash));
    cr_assert(ne(u64, hash_of("ab", "d", NULL), hash));
    cr_assert(ne(u64, hash_of("ab", "", NULL), hash_of("ab", NULL, NULL)));
    cr_assert(ne(u64, hash_of("ab", "c", "x"), hash));
    cr_assert(ne(u64, hash_of("x", NULL, "y"), hash_of("y", NULL, "x")));
}

Test(kept, clear_forgets_records_and_sums)
{
    add(2, "a", "1");
    kept_clear(&kept);
    struct kept_place place = {0};
    cr_assert(eq(ptr, kept_next(&kept, &place), NULL));
    cr_assert(zero(u64, kept.sum[2].count));
    cr_assert(zero(u64, kept.bytes));
}
