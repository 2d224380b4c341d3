/* The table of docs/figures.md is that of the program. With ROLLCALL_WRITE_DOCS set it is written
 * anew instead. Runs in the top directory of the sources. */
#include "rollcall/figures.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 1 << 16 };
static const char path[] = "docs/figures.md";
static const char begins[] = "<!-- figures: ", ends[] = "<!-- figures: end -->";

static const char *const unit_word[] = {[RC_UNIT_COUNT] = "count",
                                        [RC_UNIT_MS] = "ms",
                                        [RC_UNIT_MILLI] = "1/1000",
                                        [RC_UNIT_BP] = "bp",
                                        [RC_UNIT_BOOL] = "1, 0"};
static const char *const merge_word[] = {[RC_MERGE_SUM] = "sum",
                                         [RC_MERGE_MAX] = "largest",
                                         [RC_MERGE_STATE] = "state",
                                         [RC_MERGE_RATIO] = "ratio"};

static size_t table_text(char *room)
{
    size_t used = (size_t)snprintf(room, TEXT_MAX,
                                   "| figure | unit | | calls, chats | tickets | |\n"
                                   "|---|---|---|---|---|---|\n");
    for (int i = 0; i < RC_FIGURE_COUNT; i++) {
        const struct rc_figure_info *info = &rc_figure_info[i];
        used += (size_t)snprintf(
            room + used, TEXT_MAX - used, "| `%s` | %s | %s | %s | %s | %s |\n", info->name,
            unit_word[info->unit], merge_word[info->merge], info->of & RC_OF_VISITS ? "x" : "",
            info->of & RC_OF_TICKETS ? "x" : "", info->help);
        cr_assert_lt(used, TEXT_MAX);
    }
    return used;
}

static size_t read_page(char *room)
{
    FILE *file = fopen(path, "r");
    cr_assert_not_null(file, "%s is not there; run this in the top directory", path);
    size_t size = fread(room, 1, TEXT_MAX - 1, file);
    fclose(file);
    cr_assert_lt(size, TEXT_MAX - 1);
    room[size] = '\0';
    return size;
}

static void write_page(const char *page, const char *from, const char *to, const char *table)
{
    FILE *file = fopen(path, "w");
    cr_assert_not_null(file);
    fprintf(file, "%.*s%s%s", (int)(from - page), page, table, to);
    cr_assert_eq(fclose(file), 0);
}

Test(figures_doc, the_table_of_the_page_is_that_of_the_program)
{
    static char page[TEXT_MAX], table[TEXT_MAX];
    size_t size = table_text(table);
    read_page(page);
    const char *from = strstr(page, begins);
    cr_assert_not_null(from);
    from = strchr(from, '\n') + 1;
    const char *to = strstr(from, ends);
    cr_assert_not_null(to);
    if (getenv("ROLLCALL_WRITE_DOCS")) {
        write_page(page, from, to, table);
        return;
    }
    cr_assert((size_t)(to - from) == size && !memcmp(from, table, size),
              "write the table anew: ROLLCALL_WRITE_DOCS=1 ctest --preset dev -R figures_doc");
}

/* Every figure is explained or at least named outside the table, alone or by the beginning of its
 * name (`wait_…`). */
Test(figures_doc, every_figure_is_named_in_the_text)
{
    static char page[TEXT_MAX];
    read_page(page);
    const char *text = strstr(page, ends);
    cr_assert_not_null(text);
    for (int i = 0; i < RC_FIGURE_COUNT; i++) {
        const char *name = rc_figure_info[i].name;
        char quoted[64];
        bool found = false;
        snprintf(quoted, sizeof quoted, "`%s`", name);
        found = strstr(text, quoted) != NULL;
        for (const char *at = strchr(name, '_'); at && !found; at = strchr(at + 1, '_')) {
            snprintf(quoted, sizeof quoted, "`%.*s_…`", (int)(at - name), name);
            found = strstr(text, quoted) != NULL;
        }
        cr_assert(found, "%s is not named in %s", name, path);
    }
}
