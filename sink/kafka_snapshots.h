/* Which snapshots the topic rollcall.snapshots holds, and letting go of old ones. A message is a
 * frame, its key GROUP/EPOCH/NUMBER. thread: one. */
#ifndef ROLLCALL_SINK_KAFKA_SNAPSHOTS_H
#define ROLLCALL_SINK_KAFKA_SNAPSHOTS_H

#include "kafka_peek.h"
#include "snapshot_frame.h"

enum { KAFKA_SNAPSHOT_KEY_MAX = 256 };
extern const char kafka_snapshots_topic[];

struct kafka_snapshot {
    uint64_t epoch;
    int64_t first, last; /* offsets */
};

/* The length of the key. */
size_t kafka_snapshot_key(const char *group, uint64_t epoch, uint32_t number,
                          char ret_key[KAFKA_SNAPSHOT_KEY_MAX]);

/* Those of the group that are whole, the largest epoch first; of more than `most` those that were
 * uploaded last. Its list is freed by the caller. END: there is no such topic; KAFKA, MEMORY. */
enum rc_error kafka_snapshots_find(struct kafka_peek *peek, uint32_t most,
                                   struct kafka_snapshot **ret_list, uint32_t *ret_count);

/* Deletes what is older than the newest snapshot.keep, and the progress of epochs before the oldest
 * of them; nothing while there are fewer. rk: a producer's handle. KAFKA: ret_message says what is
 * not allowed or did not answer. */
enum rc_error kafka_snapshots_trim(struct kafka_peek *peek, rd_kafka_t *rk, char ret_message[256]);

#endif
