#include "snapshot_fixture.h"
#include <stdatomic.h>

TestSuite(snapshot_read, .init = fixture_dir_make, .fini = fixture_dir_remove);

/* Small: every byte of it is tried. */
static struct fixture_parts little = {
    .size = {10, NO_PART, 0, NO_PART, NO_PART, 33, NO_PART, NO_PART, 20}, .seed = 5};

static enum rc_error open_bytes(const char *bytes, size_t size, struct sink_snapshot **ret_snapshot,
                                char message[256])
{
    char path[128];
    snprintf(path, sizeof path, "%s/x", fixture_dir);
    fixture_file_write(path, bytes, size);
    return sink_snapshot_open(path, ret_snapshot, message);
}

Test(snapshot_read, the_head_comes_back)
{
    struct sink_snapshot *snapshot;
    char message[256];
    uint32_t count;
    const char *path = fixture_write(&little, "my group", 77, 3);
    cr_assert_eq(sink_snapshot_open(path, &snapshot, message), RC_OK, "%s", message);
    const struct sink_snapshot_head *head = sink_snapshot_head(snapshot);
    cr_assert_str_eq(head->program, ROLLCALL_VERSION);
    cr_assert_str_eq(head->group, "my group");
    cr_assert_eq(head->epoch, 77);
    cr_assert_eq(head->now_ms, INT64_C(1767571200000));
    cr_assert_eq(head->wall_ms, INT64_C(1767571200777));
    cr_assert_eq(head->made_at_ms, INT64_C(1767571201234));
    cr_assert_eq(head->hash_secret, UINT64_C(0xfedcba9876543210));
    cr_assert_str_eq(head->config_id, "0123456789abcdef0123456789abcdef");
    cr_assert_str_eq(head->config_text, fixture_config_text);
    cr_assert_eq(head->task_count, TASKS);
    const struct sink_snapshot_part *part = sink_snapshot_part_list(snapshot, &count);
    cr_assert_eq(count, 4);
    cr_assert_eq(part[1].part, 2);
    cr_assert_eq(part[1].bytes, 0);
    cr_assert_eq(part[3].part, SINK_SNAPSHOT_TABLE);
    cr_assert_eq(part[3].bytes, 20);
    cr_assert_eq(sink_snapshot_bytes(snapshot), 63);
    sink_snapshot_close(snapshot);
}

Test(snapshot_read, a_configuration_of_many_pieces_comes_back)
{
    uint32_t size = 2 * SNAPSHOT_RAW_MAX + 17;
    char *text = malloc(size), message[256], path[SNAPSHOT_PATH_MAX];
    struct sink_snapshot *snapshot;
    for (uint32_t i = 0; i < size; i++)
        text[i] = (char)('a' + i % 23 + i / 100000);
    struct sink_snapshot_head head = fixture_head("g", 1);
    head.config_text = text;
    head.config_size = size;
    const struct sink_snapshot_parts parts = fixture_of(&little);
    cr_assert_eq(sink_snapshot_write(fixture_dir, 3, &head, &parts, message), RC_OK);
    sink_snapshot_path(fixture_dir, "g", 1, path, sizeof path);
    cr_assert_eq(sink_snapshot_open(path, &snapshot, message), RC_OK, "%s", message);
    cr_assert_eq(sink_snapshot_head(snapshot)->config_size, size);
    cr_assert_eq(memcmp(sink_snapshot_head(snapshot)->config_text, text, size), 0);
    sink_snapshot_close(snapshot);
    free(text);
}

Test(snapshot_read, any_byte_that_is_another_is_found)
{
    size_t size;
    char *bytes = fixture_file_read(fixture_write(&little, "g", 1, 3), &size), message[256];
    struct sink_snapshot *snapshot;
    cr_assert_eq(open_bytes(bytes, size, &snapshot, message), RC_OK);
    sink_snapshot_close(snapshot);
    for (size_t i = 0; i < size; i++)
        for (int bit = 0; bit < 8; bit += i % 16 ? 7 : 1) {
            bytes[i] = (char)(bytes[i] ^ 1 << bit);
            cr_assert_eq(open_bytes(bytes, size, &snapshot, message), RC_ERR_INPUT, "byte %zu", i);
            cr_assert(strstr(message, "damaged: the frame at byte ") ||
                          strstr(message, "torn: it ends within") ||
                          strstr(message, "later version"),
                      "%s", message);
            bytes[i] = (char)(bytes[i] ^ 1 << bit);
        }
    free(bytes);
}

Test(snapshot_read, one_that_is_shorter_or_longer_is_none)
{
    size_t size;
    char *bytes = fixture_file_read(fixture_write(&little, "g", 1, 3), &size), message[256];
    struct sink_snapshot *snapshot;
    for (size_t i = 0; i < size; i++) {
        cr_assert_eq(open_bytes(bytes, i, &snapshot, message), RC_ERR_INPUT, "%zu bytes", i);
        cr_assert_not_null(strstr(message, "torn: it ends within the frame at byte "), "%s",
                           message);
    }
    bytes[size] = 'x';
    cr_assert_eq(open_bytes(bytes, size + 1, &snapshot, message), RC_ERR_INPUT);
    free(bytes);
}

/* Where each frame of the file begins; the last is the file's size. */
static uint32_t frames_of(const char *bytes, size_t size, size_t *ret_at, uint32_t room)
{
    struct snapshot_frame frame;
    uint32_t count = 0;
    for (size_t at = 0; at < size; at += sizeof frame + frame.stored_size) {
        memcpy(&frame, bytes + at, sizeof frame);
        cr_assert_lt(count + 1, room);
        ret_at[count++] = at;
    }
    ret_at[count] = size;
    return count;
}

/* All checksums are right, and yet it is not what was written. */
Test(snapshot_read, frames_that_are_missing_doubled_or_exchanged_are_found)
{
    size_t size, at[32];
    char *bytes = fixture_file_read(fixture_write(&little, "g", 1, 3), &size), message[256];
    char *other = malloc(2 * size);
    struct sink_snapshot *snapshot;
    uint32_t count = frames_of(bytes, size, at, 32);
    cr_assert_eq(count, 10);
    for (uint32_t i = 0; i < count; i++) {
        size_t length = at[i + 1] - at[i];
        memcpy(other, bytes, at[i]);
        memcpy(other + at[i], bytes + at[i + 1], size - at[i + 1]);
        cr_assert_eq(open_bytes(other, size - length, &snapshot, message), RC_ERR_INPUT, "%u", i);
        memcpy(other, bytes, at[i + 1]);
        memcpy(other + at[i + 1], bytes + at[i], size - at[i]);
        cr_assert_eq(open_bytes(other, size + length, &snapshot, message), RC_ERR_INPUT, "%u", i);
        if (i + 1 == count)
            break;
        size_t next = at[i + 2] - at[i + 1];
        memcpy(other, bytes, size);
        memcpy(other + at[i], bytes + at[i + 1], next);
        memcpy(other + at[i] + next, bytes + at[i], length);
        cr_assert_eq(open_bytes(other, size, &snapshot, message), RC_ERR_INPUT, "%u", i);
    }
    free(other);
    free(bytes);
}

/* Every field of every frame that is lied about with a right checksum. */
Test(snapshot_read, a_frame_that_lies_is_found)
{
    size_t size, at[32];
    char *bytes = fixture_file_read(fixture_write(&little, "g", 1, 3), &size), message[256];
    struct sink_snapshot *snapshot;
    struct fixture_parts parts = little;
    const struct sink_snapshot_parts all = fixture_of(&parts);
    _Atomic uint64_t done = 0;
    uint32_t count = frames_of(bytes, size, at, 32);
    char *other = malloc(size);
    for (uint32_t i = 0; i < count; i++)
        for (size_t field = 12; field < 40; field++) {
            memcpy(other, bytes, size);
            other[at[i] + field] = (char)(other[at[i] + field] ^ 1);
            if (field >= 24 && field < 28)
                continue; /* how much is stored: tried below, byte for byte */
            fixture_frame_seal(other, at[i]);
            if (open_bytes(other, size, &snapshot, message) == RC_OK) {
                cr_assert_neq(sink_snapshot_check(snapshot, message), RC_OK, "%u %zu", i, field);
                cr_assert_neq(sink_snapshot_restore(snapshot, &all, &done, message), RC_OK,
                              "%u %zu", i, field);
                sink_snapshot_close(snapshot);
            }
        }
    free(other);
    free(bytes);
}

Test(snapshot_read, a_later_version_is_named)
{
    size_t size;
    char *bytes = fixture_file_read(fixture_write(&little, "g", 1, 3), &size), message[256];
    struct sink_snapshot *snapshot;
    struct snapshot_frame frame;
    memcpy(&frame, bytes, sizeof frame);
    frame.version = SNAPSHOT_VERSION + 1;
    memcpy(bytes, &frame, sizeof frame);
    fixture_frame_seal(bytes, 0);
    cr_assert_eq(open_bytes(bytes, size, &snapshot, message), RC_ERR_INPUT);
    cr_assert_not_null(strstr(message, "written by a later version of Rollcall (format 3)"));
    free(bytes);
}

Test(snapshot_read, what_is_no_file_is_said)
{
    struct sink_snapshot *snapshot;
    char message[256], path[128];
    cr_assert_eq(sink_snapshot_open(fixture_dir, &snapshot, message), RC_ERR_IO);
    cr_assert_not_null(strstr(message, "Is a directory"));
    snprintf(path, sizeof path, "%s/missing", fixture_dir);
    cr_assert_eq(sink_snapshot_open(path, &snapshot, message), RC_ERR_IO);
    cr_assert_not_null(strstr(message, "No such file"));
    snprintf(path, sizeof path, "%s/pipe", fixture_dir);
    cr_assert_eq(mkfifo(path, 0600), 0);
    cr_assert_eq(sink_snapshot_open(path, &snapshot, message), RC_ERR_IO, "it is not waited for");
}
