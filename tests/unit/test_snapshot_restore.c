#include "snapshot_fixture.h"
#include <stdatomic.h>

TestSuite(snapshot_restore, .init = fixture_dir_make, .fini = fixture_dir_remove);

static struct sink_snapshot *opened(const char *path)
{
    struct sink_snapshot *snapshot;
    char message[256];
    cr_assert_eq(sink_snapshot_open(path, &snapshot, message), RC_OK, "%s", message);
    return snapshot;
}

Test(snapshot_restore, what_was_saved_comes_back_whatever_the_sizes)
{
    static const uint32_t size[] = {
        NO_PART, 0, 1, 777, 65536, SNAPSHOT_RAW_MAX - 1, SNAPSHOT_RAW_MAX, SNAPSHOT_RAW_MAX + 1,
        1300000};
    char message[256];
    for (uint32_t seed = 0; seed < 12; seed++) {
        struct fixture_parts parts = {.seed = seed};
        uint64_t bytes = 0;
        uint32_t count = 0;
        _Atomic uint64_t done = 0;
        for (uint32_t i = 0; i <= TASKS + 1; i++) {
            parts.size[i] = size[(seed * 7 + i * i + seed * i) % (sizeof size / sizeof *size)];
            bytes += parts.size[i] == NO_PART ? 0 : parts.size[i];
            count += parts.size[i] != NO_PART && (parts.size[i] || i <= TASKS);
        }
        struct sink_snapshot *snapshot = opened(fixture_write(&parts, "g", seed + 1, 2));
        const struct sink_snapshot_parts all = fixture_of(&parts);
        cr_assert_eq(sink_snapshot_bytes(snapshot), bytes, "seed %u", seed);
        cr_assert_eq(sink_snapshot_restore(snapshot, &all, &done, message), RC_OK, "seed %u: %s",
                     seed, message);
        cr_assert_eq(done, bytes);
        cr_assert_eq(parts.restored, count);
        cr_assert_eq(sink_snapshot_check(snapshot, message), RC_OK, "%s", message);
        cr_assert_eq(sink_snapshot_restore(snapshot, &all, &done, message), RC_OK, "once more");
        sink_snapshot_close(snapshot);
    }
}

Test(snapshot_restore, who_takes_too_little_or_too_much_is_told)
{
    struct fixture_parts parts = {
        .size = {100, 200, NO_PART, NO_PART, NO_PART, NO_PART, NO_PART, NO_PART, NO_PART}};
    char message[256];
    _Atomic uint64_t done = 0;
    const struct sink_snapshot_parts all = fixture_of(&parts);
    struct sink_snapshot *snapshot = opened(fixture_write(&parts, "g", 1, 3));
    for (int off = -1; off <= 1; off += 2) {
        parts.size[1] = (uint32_t)(200 + off);
        cr_assert_eq(sink_snapshot_restore(snapshot, &all, &done, message), RC_ERR_INPUT);
        cr_assert_not_null(strstr(message, "part 1 of the snapshot"), "%s", message);
    }
    parts.size[1] = 200;
    cr_assert_eq(sink_snapshot_restore(snapshot, &all, &done, message), RC_OK);
    sink_snapshot_close(snapshot);
}

Test(snapshot_restore, a_file_that_changes_after_it_was_opened_is_noticed)
{
    struct fixture_parts parts = {
        .size = {100, 200, 300, NO_PART, NO_PART, NO_PART, NO_PART, NO_PART, NO_PART}};
    char message[256];
    size_t size;
    _Atomic uint64_t done = 0;
    const struct sink_snapshot_parts all = fixture_of(&parts);
    const char *path = fixture_write(&parts, "g", 1, 3);
    struct sink_snapshot *snapshot = opened(path);
    char *bytes = fixture_file_read(path, &size);
    bytes[size / 2] ^= 1;
    fixture_file_write(path, bytes, size);
    cr_assert_eq(sink_snapshot_restore(snapshot, &all, &done, message), RC_ERR_INPUT);
    fixture_file_write(path, bytes, size / 2);
    cr_assert_eq(sink_snapshot_restore(snapshot, &all, &done, message), RC_ERR_INPUT);
    cr_assert_eq(sink_snapshot_check(snapshot, message), RC_ERR_INPUT);
    sink_snapshot_close(snapshot);
    free(bytes);
}

static enum rc_error deny(void *self, uint32_t part, const struct rc_snapshot_reader *in,
                          char ret_message[256])
{
    (void)self, (void)in;
    snprintf(ret_message, 256, "task %u is of another kind", part);
    return RC_ERR_CONFIG;
}

Test(snapshot_restore, the_words_of_who_restores_are_handed_on)
{
    struct fixture_parts parts = {
        .size = {5, NO_PART, NO_PART, NO_PART, NO_PART, NO_PART, NO_PART, NO_PART, NO_PART}};
    char message[256];
    _Atomic uint64_t done = 0;
    const struct sink_snapshot_parts all = {.restore = deny};
    struct sink_snapshot *snapshot = opened(fixture_write(&parts, "g", 1, 3));
    cr_assert_eq(sink_snapshot_restore(snapshot, &all, &done, message), RC_ERR_CONFIG);
    cr_assert_str_eq(message, "task 0 is of another kind");
    sink_snapshot_close(snapshot);
}
