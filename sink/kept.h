/* An epoch's output, kept until its commit is known: in pieces of memory that do not move, so that
 * it is produced from where it lies. What it holds is counted and hashed per output as it comes.
 *
 * Pure but for memory. thread: commit. */
#ifndef ROLLCALL_SINK_KEPT_H
#define ROLLCALL_SINK_KEPT_H

#include "rollcall/error.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { KEPT_ABSENT = UINT32_MAX }; /* the size of a key or value that is not there */

/* One Kafka record. Key, value and headers follow each other; the headers are (u32 name size, u32
 * value size or KEPT_ABSENT, name, value)*. */
struct kept_record {
    uint32_t output, key_size, value_size, headers_size;
    bool refused; /* nothing in the world would take it: it is not sent again */
    bool spare[7];
    char bytes[];
};

struct kept_chunk;
/* How many, and a hash of them all in their order. */
struct kept_sum {
    uint64_t count, hash;
};
struct kept {
    struct kept_chunk *first, *last;
    struct kept_sum *sum; /* of every output */
    uint32_t outputs;
    uint64_t bytes; /* of all records */
};
/* A place in it: zeros are the beginning. */
struct kept_place {
    struct kept_chunk *chunk;
    size_t at;
};

/* MEMORY. */
enum rc_error kept_init(struct kept *kept, uint32_t outputs);
void kept_done(struct kept *kept);
/* A record with room for so many bytes, to be filled and then added; one that is not added is as if
 * it had never been. MEMORY. */
enum rc_error kept_reserve(struct kept *kept, size_t room, struct kept_record **ret_record);
void kept_add(struct kept *kept, struct kept_record *record);
/* The next one from there, NULL: none yet. */
struct kept_record *kept_next(const struct kept *kept, struct kept_place *place);
void kept_clear(struct kept *kept);

static inline uint32_t kept_size(uint32_t size)
{
    return size == KEPT_ABSENT ? 0 : size;
}
static inline const char *kept_key(const struct kept_record *record)
{
    return record->key_size == KEPT_ABSENT ? NULL : record->bytes;
}
static inline const char *kept_value(const struct kept_record *record)
{
    return record->value_size == KEPT_ABSENT ? NULL : record->bytes + kept_size(record->key_size);
}
static inline const char *kept_headers(const struct kept_record *record)
{
    return record->bytes + kept_size(record->key_size) + kept_size(record->value_size);
}

#endif
