/* A record of rollcall.progress: what an epoch was besides its events, as one JSON object.
 *
 * Pure but for memory. thread: any. */
#ifndef ROLLCALL_SINK_PROGRESS_RECORD_H
#define ROLLCALL_SINK_PROGRESS_RECORD_H

#include "rollcall/error.h"
#include "rollcall/progress.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PROGRESS_FORMAT = 1,
    PROGRESS_BYTES_MAX = 16 << 20, /* of one record */
    PROGRESS_PARTS_MAX = 65536,
    PROGRESS_SUMS_MAX = 65536,
    PROGRESS_NAME_MAX = 249, /* of a topic, as Kafka has it */
    PROGRESS_GROUP_MAX = 1024,
    PROGRESS_CONFIG_MAX = 400 << 10, /* so that the record is below a broker's usual 1 MB */
    PROGRESS_WHY_MAX = 128
};

/* What an epoch gave to one output topic. */
struct progress_sum {
    const char *topic;
    uint64_t count, hash;
};
struct progress_record {
    const char *group, *transactional_id;
    char config_id[33];
    const char *config_text; /* in the first record under it; NULL: none; read: with a NUL */
    uint32_t config_size;
    uint64_t run;         /* of the process that wrote it, a number of its own */
    uint64_t first;       /* as in rc_progress */
    bool rebuilt;         /* the revisions are not those that a core would give: see continuity.h */
    bool restated;        /* an epoch of before, published again with other output */
    int64_t published_ms; /* wall clock, the timestamp of its records */
    bool has_key;
    uint8_t key[32];
    struct rc_cut *cut; /* with epoch, now, wall clock, distance and parts */
    uint32_t sum_count; /* topics without a record are left out */
    struct progress_sum *sum;
    char
        unknown[PROGRESS_NAME_MAX + 1]; /* decoded: a topic that is no input any more; else empty */
    void *memory;                       /* of what was decoded: texts, sums */
};

/* Topic and partition of a source, lent. */
typedef const char *progress_name(const void *opaque, uint32_t source, int32_t *ret_partition);
typedef bool progress_source(const void *opaque, const char *topic, int32_t partition,
                             uint32_t *ret_source);

/* The text, freed by the caller. MEMORY; LIMIT: it is larger than a record may be. */
enum rc_error progress_encode(const struct progress_record *record, progress_name *name,
                              const void *opaque, char **ret_text, size_t *ret_size);
/* Checks everything. A part whose topic is no input is left out and its topic named in `unknown`.
 * Freed with progress_done. INPUT: ret_why says what is wrong; MEMORY. */
enum rc_error progress_decode(const char *text, size_t size, progress_source *source,
                              const void *opaque, struct progress_record *ret_record,
                              char ret_why[PROGRESS_WHY_MAX]);
/* Frees what decode made; a cut that was taken away (NULL) is the taker's. */
void progress_done(struct progress_record *record);

#endif
