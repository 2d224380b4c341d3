#include "state.h"

#include "state_fixture.h"

Test(state, pools_and_lists_of_the_task_are_told_apart)
{
    for (uint32_t i = 0; i < AGG_POOL_COUNT; i++)
        for (uint32_t k = 0; k < i; k++) {
            cr_assert_neq(agg_pool_info(i)->at, agg_pool_info(k)->at);
            cr_assert(strcmp(agg_pool_info(i)->name, agg_pool_info(k)->name) != 0 ||
                      agg_pool_info(i)->index != agg_pool_info(k)->index);
        }
    cr_assert_str_eq(agg_pool_info(AGG_POOL_point + 3)->name, "point");
    cr_assert_eq(agg_pool_info(AGG_POOL_point + 3)->index, 3);
    cr_assert_eq(agg_pool_info(AGG_POOL_point + 3)->at,
                 offsetof(struct agg_task, point) + 3 * sizeof(struct agg_pool));
    cr_assert_str_eq(agg_list_info(0)->name, "rolls");
    cr_assert_str_eq(agg_list_info(AGG_LIST_COUNT - 1)->name, "touched");
}

Test(state, names_fit_into_the_head_of_a_section)
{
    for (uint32_t i = 0; i < AGG_POOL_COUNT; i++)
        cr_assert_lt(strlen(agg_pool_info(i)->name), AGG_STATE_NAME);
    for (uint32_t i = 0; i < AGG_LIST_COUNT; i++)
        cr_assert_lt(strlen(agg_list_info(i)->name), AGG_STATE_NAME);
}

Test(state, words_name_figures_types_and_windows)
{
    struct core core;
    char text[AGG_WORDS_MAX];
    core_init(&core);
    uint32_t size = agg_words(&core.config, AGG_WORDS_WINDOWS, text);
    static const char windows[] = "5m 300000/60000\0"
                                  "15m\0"
                                  "1h\0"
                                  "day";
    cr_assert_eq(size, sizeof windows);
    cr_assert_eq(memcmp(text, windows, size), 0);
    agg_words(&core.config, AGG_WORDS_FIGURES, text);
    cr_assert_str_eq(text, rc_figure_info[0].name);
    agg_words(&core.config, AGG_WORDS_TYPES, text);
    cr_assert_str_eq(text, "queued");
}

Test(state, refusal_says_why)
{
    char message[256];
    struct agg_restore restore = {.message = message};
    cr_assert_eq(agg_refuse(&restore, "%s %u", "row", 7), RC_ERR_INPUT);
    cr_assert_str_eq(message, "row 7");
}

Test(state, clock_rows_grow)
{
    struct agg_clock_rows rows = {0};
    for (uint32_t i = 0; i < 1000; i++)
        agg_clock_rows_add(&rows, (struct agg_clock_row){.key = i});
    for (uint32_t i = 0; i < 1000; i++)
        cr_assert_eq(rows.row[i].key, i);
    agg_clock_rows_done(&rows);
    cr_assert_eq(rows.count, 0);
}
