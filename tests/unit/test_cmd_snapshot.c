#include "commands.h"
#include "exit.h"
#include "snapshot_fixture.h"

#include <jansson.h>

static char *taken; /* standard output */
static char first[SNAPSHOT_PATH_MAX], second[SNAPSHOT_PATH_MAX];

static struct fixture_parts parts = {
    .size = {1000, NO_PART, 0, NO_PART, NO_PART, 3, NO_PART, NO_PART, 1234567}, .seed = 3};

/* Runs the command with standard output into a file. */
static int snapshot(const char *const *words)
{
    char *argv[8] = {(char *)"snapshot"};
    int argc = 1;
    for (; words[argc - 1] != NULL; argc++)
        argv[argc] = (char *)words[argc - 1];
    FILE *file = tmpfile();
    cr_assert_not_null(file);
    fflush(stdout);
    int before = dup(STDOUT_FILENO);
    cr_assert_geq(dup2(fileno(file), STDOUT_FILENO), 0);
    int code = cmd_snapshot(argc, argv);
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
#define SNAPSHOT(...) snapshot((const char *const[]){__VA_ARGS__, NULL})

static void begin(void)
{
    fixture_dir_make();
    snprintf(first, sizeof first, "%s", fixture_write(&parts, "g", 1000, 3));
    snprintf(second, sizeof second, "%s", fixture_write(&parts, "g", 2000, 3));
}

static void end(void)
{
    free(taken);
    fixture_dir_remove();
}
TestSuite(cmd_snapshot, .init = begin, .fini = end);

static void damage(const char *path)
{
    size_t size;
    char *bytes = fixture_file_read(path, &size);
    bytes[size / 2] ^= 1;
    fixture_file_write(path, bytes, size);
    free(bytes);
}

static void put_file(const char *name, const char *text, char ret_path[SNAPSHOT_PATH_MAX])
{
    snprintf(ret_path, SNAPSHOT_PATH_MAX, "%s/%s", fixture_dir, name);
    fixture_file_write(ret_path, text, strlen(text));
}

Test(cmd_snapshot, list_has_a_row_for_each_newest_first)
{
    char path[SNAPSHOT_PATH_MAX];
    cr_assert_eq(SNAPSHOT("list", fixture_dir), EXIT_DONE);
    const char *older = strstr(taken, "g-00000000000000001000.snapshot           1,000  "
                                      "2026-01-05T00:00:01.234Z  2026-01-05T00:00:00Z  ");
    const char *newer = strstr(taken, "g-00000000000000002000.snapshot           2,000  ");
    cr_assert(older && newer && newer < older, "%s", taken);
    cr_assert_not_null(strstr(older, "  whole\n"));
    damage(first);
    put_file(".g-00000000000000003000.tmp", "x", path);
    cr_assert_eq(SNAPSHOT("list", fixture_dir), EXIT_DONE, "what is not whole is shown");
    cr_assert_not_null(strstr(taken, "  damaged: the frame at byte "), "%s", taken);
    cr_assert_not_null(strstr(taken, ".g-00000000000000003000.tmp"));
    cr_assert_not_null(strstr(taken, "  unfinished\n"));
}

Test(cmd_snapshot, list_of_a_configuration_shows_its_group_alone)
{
    char path[SNAPSHOT_PATH_MAX], text[256];
    snprintf(text, sizeof text,
             "kafka: {brokers: b, group: h, topics: {c: call}}\n"
             "snapshot: {dir: %s}\n",
             fixture_dir);
    put_file("h.yaml", text, path);
    fixture_write(&parts, "h", 7, 3);
    cr_assert_eq(SNAPSHOT("list", path), EXIT_DONE);
    cr_assert_not_null(strstr(taken, "h-00000000000000000007.snapshot"));
    cr_assert_null(strstr(taken, "g-"));
    put_file("bad.yaml", "tasks: [", path);
    cr_assert_eq(SNAPSHOT("list", path), EXIT_INVALID);
}

Test(cmd_snapshot, list_as_json_is_one_object)
{
    damage(first);
    cr_assert_eq(SNAPSHOT("list", "--json", fixture_dir), EXIT_DONE);
    json_t *root = json_loads(taken, JSON_REJECT_DUPLICATES, NULL);
    cr_assert_str_eq(json_string_value(json_object_get(root, "dir")), fixture_dir);
    json_t *rows = json_object_get(root, "snapshots");
    cr_assert_eq(json_array_size(rows), 2);
    cr_assert_eq(json_integer_value(json_object_get(json_array_get(rows, 0), "epoch")), 2000);
    cr_assert_str_eq(json_string_value(json_object_get(json_array_get(rows, 0), "state")), "whole");
    json_t *row = json_array_get(rows, 1);
    cr_assert_str_eq(json_string_value(json_object_get(row, "state")), "refused");
    cr_assert_not_null(strstr(json_string_value(json_object_get(row, "reason")), "damaged"));
    json_decref(root);
}

Test(cmd_snapshot, verify_says_of_each_whether_it_is_whole)
{
    cr_assert_eq(SNAPSHOT("verify", fixture_dir), EXIT_DONE);
    cr_assert_not_null(strstr(taken, ": whole: epoch 1,000, 4 parts, 1,235,570 bytes of state\n"));
    cr_assert_not_null(strstr(taken, ": whole: epoch 2,000, "));
    damage(first);
    cr_assert_eq(SNAPSHOT("verify", second), EXIT_DONE);
    cr_assert_eq(SNAPSHOT("verify", first, second), EXIT_REFUSED);
    cr_assert_not_null(strstr(taken, "1000.snapshot: damaged: the frame at byte "));
    cr_assert_not_null(strstr(taken, "2000.snapshot: whole"));
    cr_assert_eq(SNAPSHOT("verify", fixture_dir), EXIT_REFUSED);
    cr_assert_eq(SNAPSHOT("verify", "--json", fixture_dir), EXIT_REFUSED);
    json_t *root = json_loads(taken, JSON_REJECT_DUPLICATES, NULL);
    cr_assert(json_is_false(json_object_get(root, "whole")));
    json_decref(root);
    cr_assert_eq(SNAPSHOT("verify", "deploy"), EXIT_FOUND, "a directory without any");
    cr_assert_eq(SNAPSHOT("verify", "deploy/rollcall.yaml"), EXIT_REFUSED, "no snapshot");
    cr_assert_eq(SNAPSHOT("verify", second, "there/is/none"), EXIT_IO);
}

/* Checksums are right, yet what is behind them cannot be taken apart. */
Test(cmd_snapshot, verify_goes_deeper_than_checksums)
{
    size_t size, at = 0;
    char *bytes = fixture_file_read(first, &size);
    struct snapshot_frame frame = {0};
    while (frame.kind != SNAPSHOT_PART || frame.raw_size < 500) {
        at += frame.magic[0] ? sizeof frame + frame.stored_size : 0;
        memcpy(&frame, bytes + at, sizeof frame);
    }
    bytes[at + sizeof frame + frame.stored_size - 1] ^= 1;
    fixture_frame_seal(bytes, at);
    fixture_file_write(first, bytes, size);
    cr_assert_eq(SNAPSHOT("list", fixture_dir), EXIT_DONE);
    cr_assert_eq(SNAPSHOT("verify", first), EXIT_REFUSED);
    cr_assert_not_null(strstr(taken, "part 0 of the snapshot: "), "%s", taken);
    free(bytes);
}

Test(cmd_snapshot, show_tells_the_head_and_the_parts)
{
    cr_assert_eq(SNAPSHOT("show", first), EXIT_DONE);
    cr_assert_not_null(strstr(taken, "\nepoch          1,000\n"));
    cr_assert_not_null(strstr(taken, "\nmade by        rollcall " ROLLCALL_VERSION "\n"));
    cr_assert_not_null(strstr(taken, "\ntask 0                  1,000  "), "%s", taken);
    cr_assert_not_null(strstr(taken, "\ntable               1,234,567  "));
    cr_assert_null(strstr(taken, "fedcba98"), "the secret stays in the file");
    cr_assert_eq(SNAPSHOT("show", "--config", first), EXIT_DONE);
    cr_assert_str_eq(taken, fixture_config_text);
    cr_assert_eq(SNAPSHOT("show", "--json", first), EXIT_DONE);
    json_t *root = json_loads(taken, JSON_REJECT_DUPLICATES, NULL);
    cr_assert_str_eq(json_string_value(json_object_get(root, "group")), "g");
    json_t *part = json_array_get(json_object_get(root, "parts"), 3);
    cr_assert_str_eq(json_string_value(json_object_get(part, "part")), "table");
    cr_assert_eq(json_integer_value(json_object_get(part, "bytes")), 1234567);
    json_decref(root);
    damage(first);
    cr_assert_eq(SNAPSHOT("show", first), EXIT_REFUSED);
    cr_assert_str_eq(taken, "");
}

Test(cmd_snapshot, exit_codes_tell_use_from_files)
{
    cr_assert_eq(SNAPSHOT("--help"), EXIT_DONE);
    cr_assert(strstr(taken, "usage: rollcall snapshot list") == taken);
    cr_assert_eq(snapshot((const char *const[]){NULL}), EXIT_WRONG_USE);
    cr_assert_eq(SNAPSHOT("lsit", fixture_dir), EXIT_WRONG_USE);
    cr_assert_eq(SNAPSHOT("list"), EXIT_WRONG_USE);
    cr_assert_eq(SNAPSHOT("list", "a", "b"), EXIT_WRONG_USE);
    cr_assert_eq(SNAPSHOT("show", first, second), EXIT_WRONG_USE);
    cr_assert_eq(SNAPSHOT("list", "--config", fixture_dir), EXIT_WRONG_USE);
    cr_assert_eq(SNAPSHOT("show", "--cofnig", first), EXIT_WRONG_USE);
    cr_assert_eq(SNAPSHOT("list", "there/is/none"), EXIT_IO);
    cr_assert_eq(SNAPSHOT("show", "there/is/none"), EXIT_IO);
    cr_assert_eq(SNAPSHOT("show", fixture_dir), EXIT_IO);
}
