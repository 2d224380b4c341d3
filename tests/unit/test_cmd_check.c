#include "commands.h"
#include "config_help.h"
#include "exit.h"

#include <jansson.h>
#include <unistd.h>

static char *taken; /* standard output */

/* Runs the command with standard output into a file, standard error into none. */
static int check(const char *const *words)
{
    char *argv[8] = {(char *)"check"};
    int argc = 1;
    for (; words[argc - 1] != NULL; argc++)
        argv[argc] = (char *)words[argc - 1];
    FILE *file = tmpfile();
    cr_assert_not_null(file);
    fflush(stdout);
    int before = dup(STDOUT_FILENO);
    cr_assert_geq(dup2(fileno(file), STDOUT_FILENO), 0);
    int code = cmd_check(argc, argv);
    fflush(stdout);
    dup2(before, STDOUT_FILENO);
    close(before);
    long size = (fseek(file, 0, SEEK_END), ftell(file));
    rewind(file);
    free(taken);
    taken = calloc(1, (size_t)size + 1);
    cr_assert_eq(fread(taken, 1, (size_t)size, file), (size_t)size);
    fclose(file);
    return code;
}
#define CHECK(...) check((const char *const[]){__VA_ARGS__, NULL})

static void clean(void)
{
    free(taken);
}
TestSuite(cmd_check, .fini = clean);

Test(cmd_check, the_sample_is_valid_and_shown)
{
    cr_assert_eq(CHECK("deploy/rollcall.yaml"), EXIT_DONE);
    cr_assert(strstr(taken, "deploy/rollcall.yaml is valid: 1 client") != NULL);
    cr_assert(strstr(taken, "acme      billing   call     2027-01-01  92% in 15s, against 5s") !=
                  NULL,
              "%s", taken);
    cr_assert(strstr(taken, "not yet: alerts is accepted") != NULL);
    cr_assert_eq(CHECK("deploy/rollcall.yaml", "--quiet"), EXIT_DONE);
    cr_assert_str_eq(taken, "");
}

Test(cmd_check, explanations_name_the_line_of_each_value)
{
    cr_assert_eq(CHECK("deploy/rollcall.yaml", "--explain", "acme", "billing"), EXIT_DONE);
    cr_assert(strstr(taken, "acme billing, call, always, zone America/New_York") != NULL);
    cr_assert(strstr(taken, "\n  fcr.scope                    client                   built-in") !=
              NULL);
    cr_assert(strstr(taken, "\n  service_level.within         15s                      "
                            "deploy/rollcall.yaml:") != NULL);
    cr_assert(strstr(taken, "acme (others)") == NULL);
    cr_assert_eq(CHECK("--explain", "acme", "deploy/rollcall.yaml"), EXIT_DONE);
    cr_assert(strstr(taken, "acme (others), call") != NULL);
    cr_assert_eq(CHECK("deploy/rollcall.yaml", "--explain", "acne"), EXIT_WRONG_USE);
}

Test(cmd_check, json_is_one_object)
{
    cr_assert_eq(CHECK("deploy/rollcall.yaml", "--json", "--explain", "acme", "@sales"), EXIT_DONE);
    json_t *root = json_loads(taken, JSON_REJECT_DUPLICATES, NULL);
    cr_assert(json_is_true(json_object_get(root, "valid")));
    json_t *row = json_array_get(json_object_get(root, "contracts"), 0);
    cr_assert_str_eq(json_string_value(json_object_get(row, "queue")), "@sales");
    cr_assert_eq(strlen(json_string_value(json_object_get(row, "contract"))), 16);
    json_decref(root);
}

Test(cmd_check, exit_codes_tell_use_from_mistakes)
{
    cr_assert_eq(CHECK("--help"), EXIT_DONE);
    cr_assert(strstr(taken, "usage: rollcall check CONFIG") == taken);
    cr_assert_eq(check((const char *const[]){NULL}), EXIT_WRONG_USE);
    cr_assert_eq(CHECK("a", "b"), EXIT_WRONG_USE);
    cr_assert_eq(CHECK("--explian"), EXIT_WRONG_USE);
    cr_assert_eq(CHECK("tests/fuzz/regressions/config/lists-twice.yaml"), EXIT_INVALID);
    cr_assert_str_eq(taken, "");
    cr_assert_eq(CHECK("tests/unit/there-is-none.yaml"), EXIT_IO);
}
