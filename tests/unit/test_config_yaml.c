#include "config_yaml.h"

#include <criterion/criterion.h>
#include <string.h>

static struct config_arena arena;
static struct config_source source;

static void clean(void)
{
    config_arena_done(&arena);
}
TestSuite(config_yaml, .fini = clean);

static struct config_node *parse(const char *text, size_t size)
{
    source = (struct config_source){.arena = &arena, .name = "t.yaml", .text = text, .size = size};
    return config_yaml_parse(&source);
}

static struct config_node *parse_text(const char *text)
{
    return parse(text, strlen(text));
}

static void place(uint32_t line, uint32_t column, const char *found)
{
    cr_assert_not_null(source.problem);
    cr_assert_eq(source.problem->line, line, "line %u", source.problem->line);
    cr_assert_eq(source.problem->column, column, "column %u", source.problem->column);
    cr_assert(strstr(source.problem->found, found) != NULL, "%s", source.problem->found);
}

Test(config_yaml, values_know_their_place)
{
    struct config_node *root = parse_text("a: 1\nb:\n  - x\n  - {c: \"d\", e: 'f'}\n");
    cr_assert_eq(source.problem_count, 0);
    cr_assert_eq(root->count, 2);
    const struct config_node *a = config_node_find(root, "a"), *b = config_node_find(root, "b");
    cr_assert(a->line == 1 && a->column == 4 && a->plain && a->key->column == 1);
    cr_assert(b->kind == CONFIG_LIST && b->count == 2);
    const struct config_node *c = config_node_find(b->child->next, "c");
    cr_assert(c->line == 4 && c->column == 9 && !c->plain);
    cr_assert_str_eq(config_node_path(&arena, c), "b[1].c");
    const struct config_node *e = config_node_find(b->child->next, "e");
    cr_assert(e->column == 17 && !e->plain);
}

Test(config_yaml, the_same_key_twice_is_refused_at_the_second)
{
    (void)parse_text("a: 1\nb: {x: 1, y: 2, x: 3}\n");
    place(2, 17, "line 2, column 5");
}

Test(config_yaml, what_readers_differ_about_is_refused)
{
    (void)parse_text("a: &x 1\n");
    place(1, 5, "anchors");
    (void)parse_text("a: 1\nb: *x\n");
    place(2, 5, "aliases");
    (void)parse_text("a: !!int 1\n");
    place(1, 4, "tags");
    (void)parse_text("<<: {a: 1}\n");
    place(1, 1, "merge");
    (void)parse_text("? [a]\n: b\n");
    place(1, 3, "key that is");
    (void)parse_text("a: 1\n---\nb: 2\n");
    place(2, 1, "second document");
}

Test(config_yaml, syntax_is_reported_where_it_breaks)
{
    cr_assert_null(parse_text("a:\n  - x\n b: 1\n"));
    place(3, 2, "not YAML");
    cr_assert_null(parse_text("a: [1, 2\n"));
    cr_assert_gt(source.problem_count, 0);
}

Test(config_yaml, bytes_that_are_no_text_are_refused)
{
    cr_assert_null(parse("a: 1\nb: \0\n", 10));
    place(2, 4, "control");
    cr_assert_null(parse_text("a: \xff\n"));
    place(1, 4, "UTF-8");
    cr_assert_null(parse_text("a: \xed\xa0\x80\n")); /* a surrogate */
    place(1, 4, "UTF-8");
    cr_assert_null(parse("a: \xc3", 4));
    place(1, 4, "UTF-8");
}

Test(config_yaml, depth_has_a_limit)
{
    char text[1000];
    memset(text, '[', sizeof(text));
    cr_assert_null(parse(text, sizeof(text)));
    place(1, 25, "too deeply");
}

Test(config_yaml, an_empty_text_is_no_tree_and_no_mistake)
{
    cr_assert_null(parse_text(""));
    cr_assert_eq(source.problem_count, 0);
    (void)parse_text("# nothing\n");
    cr_assert_eq(source.problem_count, 0);
}
