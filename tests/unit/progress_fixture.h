/* Progress records made by hand. */
#ifndef TESTS_PROGRESS_FIXTURE_H
#define TESTS_PROGRESS_FIXTURE_H

#include "progress_record.h"
#include <stdlib.h>
#include <string.h>

/* Sources are partitions of one topic; `gone` has been one, too. */
static inline const char *fixture_name(const void *opaque, uint32_t source, int32_t *ret_partition)
{
    (void)opaque;
    *ret_partition = (int32_t)(source & 0xffff);
    return source >> 16 ? "gone" : "contact.calls";
}

static inline bool fixture_source(const void *opaque, const char *topic, int32_t partition,
                                  uint32_t *ret_source)
{
    (void)opaque;
    *ret_source = (uint32_t)partition;
    return !strcmp(topic, "contact.calls") && partition < 1000;
}

/* Three partitions, the last of which nothing came from. The cut is freed by the caller. */
static inline struct progress_record fixture_progress(uint64_t epoch)
{
    static struct progress_sum sum[2] = {{"rollcall.metrics", 12, 0xfedcba9876543210u},
                                         {"rollcall.contacts", 1, 7}};
    uint32_t size = sizeof(struct rc_cut) + 3 * sizeof(struct rc_cut_part);
    struct rc_cut *cut = calloc(1, size);
    *cut = (struct rc_cut){.size = size,
                           .part_count = 3,
                           .epoch = epoch,
                           .now_ms = 1700000000000 + (int64_t)epoch,
                           .wall_ms = 1700000001000,
                           .distance_ms = RC_TIME_NONE};
    for (uint32_t i = 0; i < 3; i++)
        cut->part[i] = (struct rc_cut_part){.next_offset = 100 * (int64_t)epoch + i,
                                            .largest_ms = i < 2 ? 1700000000500 : RC_TIME_NONE,
                                            .source = i,
                                            .idle = i == 1};
    return (struct progress_record){.group = "centre \"one\"",
                                    .transactional_id = "centre \"one\"/active",
                                    .config_id = "0123456789abcdef0123456789abcdef",
                                    .run = 42,
                                    .first = 1,
                                    .published_ms = 1700000002000 + (int64_t)epoch,
                                    .has_key = true,
                                    .key = {1, 2, 250},
                                    .cut = cut,
                                    .sum_count = 2,
                                    .sum = sum};
}

/* Freed by the caller, NUL-terminated; takes the cut. */
static inline char *fixture_text(struct progress_record *record, size_t *ret_size)
{
    char *text;
    if (progress_encode(record, fixture_name, NULL, &text, ret_size))
        abort();
    free(record->cut);
    text = realloc(text, *ret_size + 1);
    text[*ret_size] = '\0';
    return text;
}

#endif
