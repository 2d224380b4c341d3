#include "config_tree.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

Test(config_tree, the_arena_gives_zeroed_memory_of_any_size)
{
    struct config_arena arena = {0};
    for (size_t size = 1; size < 300000; size = size * 3 + 1) {
        char *bytes = config_arena_get(&arena, size);
        cr_assert_eq((uintptr_t)bytes % 16, 0);
        for (size_t i = 0; i < size; i++)
            cr_assert_eq(bytes[i], 0);
        memset(bytes, 0xff, size);
    }
    config_arena_done(&arena);
}

Test(config_tree, near_words_are_found_and_far_ones_are_not)
{
    static const char *const words[] = {"grace", "align", "max_ahead", "day"};
    cr_assert_eq(config_edit_distance("grace", "grase"), 1);
    cr_assert_eq(config_edit_distance("within", "witihn"), 1);
    cr_assert_eq(config_edit_distance("", "abc"), 3);
    cr_assert_str_eq(config_nearest("grase", words, 4), "grace");
    cr_assert_str_eq(config_nearest("maxahead", words, 4), "max_ahead");
    cr_assert_str_eq(config_nearest("dya", words, 4), "day");
    cr_assert_null(config_nearest("dxx", words, 4));
    cr_assert_null(config_nearest("something", words, 4));
}

static char *printed(const struct config_source *source)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    config_problem_print(source, out);
    fclose(out);
    return text;
}

Test(config_tree, mistakes_are_printed_by_place_once_with_a_caret)
{
    struct config_arena arena = {0};
    struct config_source source = {
        .arena = &arena, .name = "t.yaml", .text = "ab: 1\ncd: 2\n", .size = 12};
    config_problem_at(&source, 2, 5, "cd", "3", NULL, "found \"2\"");
    config_problem_at(&source, 1, 1, "ab", NULL, "abc", "unknown key");
    config_problem_at(&source, 2, 5, "cd", "3", NULL, "found \"2\"");
    char *text = printed(&source);
    cr_assert_str_eq(text, "t.yaml:1:1: ab: unknown key; did you mean abc?\n"
                           "     1 | ab: 1\n       | ^\n"
                           "t.yaml:2:5: cd: found \"2\"; allowed: 3\n"
                           "     2 | cd: 2\n       |     ^\n");
    free(text);
    config_arena_done(&arena);
}

Test(config_tree, a_line_that_may_hold_a_secret_is_cut)
{
    struct config_arena arena = {0};
    static const char line[] = "security: {sasl.password: hunter2, x: 1}\n";
    struct config_source source = {
        .arena = &arena, .name = "t", .text = line, .size = sizeof(line) - 1};
    config_problem_at(&source, 1, 36, NULL, NULL, NULL, "x");
    char *text = printed(&source);
    cr_assert(strstr(text, "hunter2") == NULL);
    cr_assert(strstr(text, "sasl.password: …") != NULL, "%s", text);
    free(text);
    config_arena_done(&arena);
}

Test(config_tree, the_number_of_mistakes_that_are_kept_has_a_limit)
{
    struct config_arena arena = {0};
    struct config_source source = {.arena = &arena, .name = "t", .text = "", .size = 0};
    for (uint32_t i = 0; i < CONFIG_PROBLEMS_MAX + 5; i++)
        config_problem_at(&source, i + 1, 1, NULL, NULL, NULL, "x");
    char *text = printed(&source);
    cr_assert(strstr(text, "t: and 5 more\n") != NULL);
    free(text);
    config_arena_done(&arena);
}
