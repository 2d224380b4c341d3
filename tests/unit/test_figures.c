#include "rollcall/figures.h"

#include <criterion/criterion.h>
#include <stdbool.h>
#include <string.h>

Test(figures, table_as_data_has_every_figure_by_its_own_name)
{
    cr_assert_str_eq(rc_figure_info[RC_FIG_offered].name, "offered");
    cr_assert_str_eq(rc_figure_info[RC_FIG_wait_le_600s].name, "wait_le_600s");
    cr_assert_str_eq(rc_figure_info[RC_FIG_wrapping].name, "wrapping");
    for (uint32_t i = 0; i < RC_FIGURE_COUNT; i++) {
        cr_assert_not_null(rc_figure_info[i].name);
        cr_assert_gt(strlen(rc_figure_info[i].help), 0);
        for (uint32_t j = 0; j < i; j++)
            cr_assert_str_neq(rc_figure_info[i].name, rc_figure_info[j].name);
    }
}

Test(figures, what_a_pane_holds_comes_first_and_fits_a_mask_of_64_bits)
{
    cr_assert_leq(RC_SUM_COUNT, 64);
    for (uint32_t i = 0; i < RC_FIGURE_COUNT; i++) {
        bool held =
            rc_figure_info[i].merge == RC_MERGE_SUM || rc_figure_info[i].merge == RC_MERGE_MAX;
        cr_assert_eq(held, i < RC_SUM_COUNT, "%s", rc_figure_info[i].name);
    }
}

Test(figures, ratios_come_before_states_and_states_are_last)
{
    for (uint32_t i = RC_SUM_COUNT; i < RC_FIGURE_COUNT; i++)
        cr_assert_eq(rc_figure_info[i].merge, i < RC_FIG_waiting ? RC_MERGE_RATIO : RC_MERGE_STATE);
}

Test(figures, unit_is_told_by_the_end_of_the_name)
{
    for (uint32_t i = 0; i < RC_FIGURE_COUNT; i++) {
        const char *name = rc_figure_info[i].name;
        size_t size = strlen(name);
        cr_assert_eq(rc_figure_info[i].unit == RC_UNIT_BP, !strcmp(name + size - 3, "_bp"), "%s",
                     name);
        cr_assert_eq(rc_figure_info[i].unit == RC_UNIT_BOOL, !strcmp(name + size - 3, "_ok"), "%s",
                     name);
        cr_assert_eq(rc_figure_info[i].unit == RC_UNIT_MS, strstr(name, "_ms") != NULL, "%s", name);
    }
}
