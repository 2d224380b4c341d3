#include "snapshot_fixture.h"

static char said[4096];

static void say(void *opaque, const char *line)
{
    (void)opaque;
    size_t used = strlen(said);
    snprintf(said + used, sizeof said - used, "%s\n", line);
}

static void begin(void)
{
    fixture_dir_make();
    said[0] = '\0';
}
TestSuite(snapshot_find, .init = begin, .fini = fixture_dir_remove);

static struct fixture_parts parts = {
    .size = {50, 60, NO_PART, NO_PART, NO_PART, NO_PART, NO_PART, NO_PART, 70}};

/* The epoch that is found; 0: none is. */
static uint64_t find(const char *group, uint64_t last_epoch)
{
    struct sink_snapshot *snapshot = NULL;
    said[0] = '\0';
    enum rc_error err = sink_snapshot_find(fixture_dir, group, last_epoch, say, NULL, &snapshot);
    cr_assert(err == RC_OK || err == RC_ERR_END);
    uint64_t epoch = err ? 0 : sink_snapshot_head(snapshot)->epoch;
    sink_snapshot_close(err ? NULL : snapshot);
    return epoch;
}

static void change(uint64_t epoch, size_t from_end, int how)
{
    char path[SNAPSHOT_PATH_MAX];
    size_t size;
    sink_snapshot_path(fixture_dir, "g", epoch, path, sizeof path);
    char *bytes = fixture_file_read(path, &size);
    if (how == 0)
        size -= from_end;
    else
        bytes[size - from_end] ^= 1;
    fixture_file_write(path, bytes, size);
    free(bytes);
}

Test(snapshot_find, the_newest_at_or_before_the_last_epoch_is_taken)
{
    for (uint64_t epoch = 10; epoch <= 30; epoch += 10)
        fixture_write(&parts, "g", epoch, 9);
    cr_assert_eq(find("g", 30), 30);
    cr_assert_str_eq(said, "");
    cr_assert_eq(find("g", 99), 30);
    cr_assert_eq(find("g", 29), 20);
    cr_assert_not_null(strstr(said, "of an epoch after the last one that was committed, 29"));
    cr_assert_eq(find("g", 9), 0);
    cr_assert_not_null(strstr(said, "there is no older one in this directory"));
    cr_assert_eq(find("other", 99), 0);
    cr_assert_str_eq(said, "");
}

Test(snapshot_find, what_is_damaged_or_torn_is_said_and_passed_over)
{
    for (uint64_t epoch = 10; epoch <= 30; epoch += 10)
        fixture_write(&parts, "g", epoch, 9);
    change(30, 1, 0);
    change(20, 100, 1);
    cr_assert_eq(find("g", 99), 10);
    cr_assert_not_null(strstr(said, "30.snapshot: torn: it ends within the frame at byte "));
    cr_assert_not_null(strstr(said, "20.snapshot: damaged: the frame at byte "));
    cr_assert_not_null(strstr(said, "; the next older one is tried\n"));
    change(10, 3, 1);
    cr_assert_eq(find("g", 99), 0);
}

Test(snapshot_find, one_under_a_wrong_name_is_not_taken)
{
    char from[SNAPSHOT_PATH_MAX], to[SNAPSHOT_PATH_MAX];
    fixture_write(&parts, "g", 10, 9);
    fixture_write(&parts, "h", 30, 9);
    sink_snapshot_path(fixture_dir, "h", 30, from, sizeof from);
    sink_snapshot_path(fixture_dir, "g", 30, to, sizeof to);
    cr_assert_eq(rename(from, to), 0);
    cr_assert_eq(find("g", 99), 10);
    cr_assert_not_null(strstr(said, "not of the group and epoch of its name"));
}
