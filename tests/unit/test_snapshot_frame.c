#include "snapshot_fixture.h"

static struct snapshot_frame frame_of(const char *stored, uint32_t size)
{
    struct snapshot_frame frame = {.magic = SNAPSHOT_MAGIC_BYTES,
                                   .version = SNAPSHOT_VERSION,
                                   .kind = SNAPSHOT_PART,
                                   .part = 3,
                                   .raw_size = 10,
                                   .stored_size = size,
                                   .number = 7,
                                   .epoch = 9};
    frame.hash = snapshot_frame_hash(&frame, stored);
    return frame;
}

Test(snapshot_frame, every_bit_of_it_counts)
{
    char stored[5] = "bytes";
    struct snapshot_frame frame = frame_of(stored, sizeof stored);
    cr_assert_eq(snapshot_frame_check(&frame, stored), RC_OK);
    for (size_t bit = 0; bit < 8 * sizeof frame; bit++) {
        struct snapshot_frame other = frame;
        ((unsigned char *)&other)[bit / 8] ^= (unsigned char)(1u << bit % 8);
        other.stored_size = frame.stored_size; /* what may be read is the caller's matter */
        if (memcmp(&other, &frame, sizeof frame))
            cr_assert_neq(snapshot_frame_check(&other, stored), RC_OK, "bit %zu", bit);
    }
    for (size_t bit = 0; bit < 8 * sizeof stored; bit++) {
        char other[sizeof stored];
        memcpy(other, stored, sizeof stored);
        other[bit / 8] = (char)(other[bit / 8] ^ 1 << bit % 8);
        cr_assert_eq(snapshot_frame_check(&frame, other), RC_ERR_INPUT, "bit %zu", bit);
    }
}

Test(snapshot_frame, a_later_version_is_told_from_damage)
{
    struct snapshot_frame frame = frame_of("", 0);
    frame.version++;
    cr_assert_eq(snapshot_frame_head_check(&frame), RC_ERR_LIMIT);
    frame.version = 0;
    cr_assert_eq(snapshot_frame_head_check(&frame), RC_ERR_INPUT);
}

Test(snapshot_frame, no_size_beyond_the_largest_is_read)
{
    struct snapshot_frame frame = frame_of("", 0);
    frame.raw_size = SNAPSHOT_RAW_MAX;
    frame.stored_size = SNAPSHOT_STORED_MAX;
    cr_assert_eq(snapshot_frame_head_check(&frame), RC_OK);
    frame.raw_size++;
    cr_assert_eq(snapshot_frame_head_check(&frame), RC_ERR_INPUT);
    frame.raw_size--;
    frame.stored_size++;
    cr_assert_eq(snapshot_frame_head_check(&frame), RC_ERR_INPUT);
    frame.stored_size--;
    frame.kind = SNAPSHOT_END + 1;
    cr_assert_eq(snapshot_frame_head_check(&frame), RC_ERR_INPUT);
}
