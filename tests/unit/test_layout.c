#include "layout.h"

#include "state_fixture.h"

/* ---- the tables of fields ---- */

static void cover(const struct agg_layout *layout, unsigned char *times, uint32_t bit,
                  uint32_t bits, const char *what)
{
    cr_assert_leq(bit + bits, layout->size * 8, "%s of %s", what, layout->name);
    for (uint32_t i = bit; i < bit + bits; i++)
        cr_assert_eq(times[i]++, 0, "%s: bit %u stands in the table twice, as %s", layout->name, i,
                     what);
}

Test(layout, every_bit_of_every_struct_is_a_field_or_padding_that_its_table_names)
{
    static unsigned char times[AGG_ROW_MAX * 8];
    for (uint32_t id = 0; id < AGG_LAYOUT_bytes; id++) {
        const struct agg_layout *layout = agg_layout((enum agg_layout_id)id);
        memset(times, 0, sizeof times);
        for (uint32_t i = 0; i < layout->field_count; i++)
            cover(layout, times, layout->field[i].bit,
                  layout->field[i].width * layout->field[i].count, layout->field[i].name);
        for (uint32_t i = 0; i < layout->unsaved_count; i++)
            cover(layout, times, layout->unsaved[i].bit, layout->unsaved[i].bits, "not saved");
        for (uint32_t i = 0; i < layout->pad_count; i++)
            cover(layout, times, layout->pad[i].bit, layout->pad[i].bits, "padding");
        for (uint32_t i = 0; i < layout->size * 8; i++)
            cr_assert_eq(times[i], 1, "%s: bit %u (byte %u) is in no field of state_fields.h",
                         layout->name, i, i / 8);
    }
}

Test(layout, no_two_fields_of_a_struct_share_a_name)
{
    for (uint32_t id = 0; id < AGG_LAYOUT_bytes; id++) {
        const struct agg_layout *layout = agg_layout((enum agg_layout_id)id);
        for (uint32_t i = 0; i < layout->field_count; i++)
            for (uint32_t k = 0; k < i; k++)
                cr_assert_str_neq(layout->field[i].name, layout->field[k].name, "%s", layout->name);
    }
}

static const struct agg_field *named(enum agg_layout_id id, const char *name)
{
    const struct agg_layout *layout = agg_layout(id);
    for (uint32_t i = 0; i < layout->field_count; i++)
        if (!strcmp(layout->field[i].name, name))
            return &layout->field[i];
    cr_assert_fail("no field %s", name);
    return NULL;
}

Test(layout, bit_fields_and_arrays_are_found_where_they_are)
{
    const struct agg_field *field = named(AGG_LAYOUT_pane, "start_ms");
    cr_assert(field->bit == 64 && field->width == 48 && field->is_signed && field->count == 1);
    field = named(AGG_LAYOUT_pane, "window");
    cr_assert(field->bit == 112 && field->width == 8 && !field->is_signed);
    field = named(AGG_LAYOUT_roll, "total");
    cr_assert(field->width == 64 && field->is_signed && field->count == RC_SUM_COUNT);
    cr_assert_eq(field->bit, offsetof(struct agg_roll, total) * 8);
    field = named(AGG_LAYOUT_task, "due.slot");
    cr_assert(field->width == 32 && field->count == DUE_LEVELS * DUE_SLOTS);
    field = named(AGG_LAYOUT_contact, "customer.low");
    cr_assert_eq(field->bit, (offsetof(struct agg_contact, customer) + 8) * 8);
}

Test(layout, what_is_not_saved_is_cleared_and_nothing_else)
{
    const struct agg_layout *layout = agg_layout(AGG_LAYOUT_key);
    struct agg_key key;
    memset(&key, 0x5a, sizeof key);
    agg_layout_clear(layout, &key);
    cr_assert_null(key.contracts);
    cr_assert_null(key.clock);
    cr_assert_eq(key.rank, 0);
    cr_assert_eq(key.client, 0x5a5a5a5a);
    cr_assert_eq(key.settled_until, 0x5a5a5a5a5a5a5a5a);
    struct agg_key other;
    memset(&other, 0x11, sizeof other);
    agg_layout_copy(layout, &other, &key);
    cr_assert_eq(other.client, 0x5a5a5a5a);
    cr_assert_eq(other.rank, 0x11111111, "it stays as it is");
}

/* ---- another version ---- */

static struct agg_field field_of(const char *name, uint32_t bit, uint16_t width, bool is_signed,
                                 uint32_t count)
{
    struct agg_field field = {.bit = bit, .width = width, .is_signed = is_signed, .count = count};
    memcpy(field.name, name, strlen(name));
    return field;
}

static const char *rare_of(const struct agg_field *field, uint32_t count, const void *row,
                           struct agg_rare *ret_rare)
{
    struct agg_conversion conversion;
    memset(ret_rare, 0, sizeof *ret_rare);
    agg_conversion_init(&conversion, agg_layout(AGG_LAYOUT_rare), field, count);
    return agg_convert(&conversion, row, ret_rare);
}

Test(layout, fields_are_taken_by_name_from_wherever_they_were)
{
    struct agg_field old[] = {field_of("score", 3, 13, true, 1),     /* narrower, and not aligned */
                              field_of("dropped", 16, 16, false, 1), /* not known any more */
                              field_of("left", 32, 64, true, 1)};
    struct agg_rare rare;
    char row[12] = {0};
    int64_t left = -5;
    uint16_t score = (uint16_t)((uint32_t)-7 << 3);
    memcpy(row, &score, 2);
    memset(row + 2, 0xff, 2);
    memcpy(row + 4, &left, 8);
    cr_assert_null(rare_of(old, 3, row, &rare));
    cr_assert_eq(rare.score, -7);
    cr_assert_eq(rare.left, -5);
    cr_assert_eq(rare.abandoned, 0, "it was not known then");
}

Test(layout, value_that_does_not_fit_is_refused_with_the_name_of_its_field)
{
    struct agg_rare rare;
    int64_t value = INT64_C(1) << 31;
    struct agg_field wide = field_of("score", 0, 64, true, 1);
    cr_assert_str_eq(rare_of(&wide, 1, &value, &rare), "score");
    value = INT32_MAX;
    cr_assert_null(rare_of(&wide, 1, &value, &rare));
    cr_assert_eq(rare.score, INT32_MAX);
    value = INT32_MIN;
    cr_assert_null(rare_of(&wide, 1, &value, &rare));
    cr_assert_eq(rare.score, INT32_MIN);
    wide = field_of("defects", 0, 64, true, 1);
    value = -1;
    cr_assert_str_eq(rare_of(&wide, 1, &value, &rare), "defects", "it has no sign");
    wide = field_of("abandoned", 0, 64, false, 1);
    cr_assert_str_eq(rare_of(&wide, 1, &value, &rare), "abandoned", "2^64 - 1 is no -1");
}

Test(layout, longer_array_fits_if_what_is_too_much_is_zero)
{
    struct agg_conversion conversion;
    struct agg_priority priority = {0};
    char row[RC_PRIORITY_MAX + 2] = "urgent";
    struct agg_field text = field_of("text", 0, 8, false, sizeof row);
    agg_conversion_init(&conversion, agg_layout(AGG_LAYOUT_priority), &text, 1);
    cr_assert_null(agg_convert(&conversion, row, &priority));
    cr_assert_str_eq(priority.text, "urgent");
    row[RC_PRIORITY_MAX] = 'x';
    cr_assert_str_eq(agg_convert(&conversion, row, &priority), "text");
}
