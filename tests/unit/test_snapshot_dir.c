#include "snapshot_fixture.h"

TestSuite(snapshot_dir, .init = fixture_dir_make, .fini = fixture_dir_remove);

static void touch(const char *name)
{
    char path[SNAPSHOT_PATH_MAX];
    snprintf(path, sizeof path, "%s/%s", fixture_dir, name);
    fixture_file_write(path, "x", 1);
}

static void put(const char *group, uint64_t epoch)
{
    char path[SNAPSHOT_PATH_MAX];
    sink_snapshot_path(fixture_dir, group, epoch, path, sizeof path);
    fixture_file_write(path, "x", 1);
}

Test(snapshot_dir, a_group_s_name_becomes_a_file_name_of_its_own)
{
    static const char *const group[] = {"g", "a/b", "a_2Fb", "..", "é", "a b", "G"};
    char path[2][SNAPSHOT_PATH_MAX];
    sink_snapshot_path("d", "a/b", 7, path[0], sizeof path[0]);
    cr_assert_str_eq(path[0], "d/a_2Fb-00000000000000000007.snapshot");
    for (size_t i = 0; i < sizeof group / sizeof *group; i++)
        for (size_t j = 0; j < i; j++) {
            sink_snapshot_path("d", group[i], 1, path[0], sizeof path[0]);
            sink_snapshot_path("d", group[j], 1, path[1], sizeof path[1]);
            cr_assert_str_neq(path[0], path[1], "%s %s", group[i], group[j]);
            cr_assert_null(strchr(path[0] + 2, '/'));
        }
}

Test(snapshot_dir, the_longest_names_fit_and_differ)
{
    char group[2][201], path[2][SNAPSHOT_PATH_MAX], message[256];
    uint64_t *epoch;
    uint32_t count;
    for (int i = 0; i < 2; i++) {
        memset(group[i], '/', 200);
        group[i][200] = '\0';
        group[i][199] = (char)('a' + i);
        sink_snapshot_path(fixture_dir, group[i], UINT64_MAX, path[i], sizeof path[i]);
        struct snapshot_file file;
        cr_assert_eq(snapshot_file_create(fixture_dir, group[i], 5, &file, message), RC_OK, "%s",
                     message);
        cr_assert_eq(snapshot_file_publish(&file, message), RC_OK, "%s", message);
        cr_assert_eq(snapshot_dir_list(fixture_dir, group[i], &epoch, &count), RC_OK);
        cr_assert_eq(count, 1);
        cr_assert_eq(epoch[0], 5);
        free(epoch);
    }
    cr_assert_str_neq(path[0], path[1]);
    cr_assert_leq(strlen(path[0]) - strlen(fixture_dir) - 1, 255);
}

Test(snapshot_dir, only_the_group_s_own_files_are_listed_newest_first)
{
    uint64_t *epoch;
    uint32_t count;
    put("a", 3);
    put("a", 20);
    put("a-b", 99);
    put("a", UINT64_MAX);
    touch("a-5.snapshot");
    touch("a-00000000000000000004.snapshot.bak");
    touch("a-99999999999999999999.snapshot");
    touch(".a-00000000000000000004.tmp");
    cr_assert_eq(snapshot_dir_list(fixture_dir, "a", &epoch, &count), RC_OK);
    cr_assert_eq(count, 3);
    cr_assert_eq(epoch[0], UINT64_MAX);
    cr_assert_eq(epoch[1], 20);
    cr_assert_eq(epoch[2], 3);
    free(epoch);
    cr_assert_eq(snapshot_dir_list("there/is/none", "a", &epoch, &count), RC_ERR_END);
}

Test(snapshot_dir, trimming_keeps_the_newest_and_what_is_not_the_group_s)
{
    for (uint64_t i = 1; i <= 5; i++)
        put("a", i);
    put("a", 9); /* the group has begun anew */
    put("a-b", 1);
    touch(".a-00000000000000000001.tmp");
    touch(".a-b-00000000000000000001.tmp");
    touch(".a-notes.tmp");
    snapshot_dir_trim(fixture_dir, "a", 5, 3);
    cr_assert_str_eq(fixture_dir_names(), ".a-b-00000000000000000001.tmp .a-notes.tmp "
                                          "a-00000000000000000003.snapshot "
                                          "a-00000000000000000004.snapshot "
                                          "a-00000000000000000005.snapshot "
                                          "a-b-00000000000000000001.snapshot ");
}

Test(snapshot_dir, a_file_has_its_name_only_when_it_is_whole)
{
    struct snapshot_file file;
    char message[256];
    cr_assert_eq(snapshot_file_create(fixture_dir, "g", 1, &file, message), RC_OK);
    cr_assert_str_eq(fixture_dir_names(), ".g-00000000000000000001.tmp ");
    cr_assert_eq(write(file.fd, "abc", 3), 3);
    cr_assert_eq(snapshot_file_publish(&file, message), RC_OK, "%s", message);
    cr_assert_str_eq(fixture_dir_names(), "g-00000000000000000001.snapshot ");
    cr_assert_eq(snapshot_file_create(fixture_dir, "g", 2, &file, message), RC_OK);
    snapshot_file_abandon(&file, RC_ERR_MEMORY, message);
    cr_assert_str_eq(message, rc_error_text(RC_ERR_MEMORY));
    cr_assert_str_eq(fixture_dir_names(), "g-00000000000000000001.snapshot ");
}

Test(snapshot_dir, a_directory_is_made_where_its_parent_is_there)
{
    struct snapshot_file file;
    char message[256], dir[128];
    snprintf(dir, sizeof dir, "%s/made", fixture_dir);
    cr_assert_eq(snapshot_file_create(dir, "g", 1, &file, message), RC_OK, "%s", message);
    snapshot_file_abandon(&file, RC_ERR_MEMORY, message);
    rmdir(dir);
    snprintf(dir, sizeof dir, "%s/no/such", fixture_dir);
    cr_assert_eq(snapshot_file_create(dir, "g", 1, &file, message), RC_ERR_IO);
    cr_assert_not_null(strstr(message, "cannot make the directory"));
    cr_assert_not_null(strstr(message, "No such file"));
    touch("plain");
    snprintf(dir, sizeof dir, "%s/plain", fixture_dir);
    cr_assert_eq(snapshot_file_create(dir, "g", 1, &file, message), RC_ERR_IO);
    cr_assert_not_null(strstr(message, "Not a directory"), "%s", message);
}
