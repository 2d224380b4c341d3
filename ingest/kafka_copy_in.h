/* Inside the reading half of the copying: kafka_copy_in.c finds partitions and gives records,
 * kafka_copy_record.c makes them of messages. thread: one. */
#ifndef ROLLCALL_KAFKA_COPY_IN_H
#define ROLLCALL_KAFKA_COPY_IN_H

#include "kafka_client.h"
#include "merge.h"
#include "rollcall/copy.h"
#include "rollcall/ingest.h"

enum { COPY_BATCH = 256 };

struct copy_part {
    rd_kafka_queue_t *queue;
    uint32_t topic;
    int32_t partition;
    int64_t next, committed, end; /* next: behind what was given; committed below 0: nothing */
    rd_kafka_message_t **waiting; /* of COPY_BATCH; at … count were fetched and not given yet */
    uint32_t at, count;
    bool tick; /* of what comes next, as the client */
    char client[RC_CLIENT_MAX];
    uint32_t client_size;
};

struct ingest_copy {
    struct ingest_copy_options options;
    struct kafka_client client;
    struct ingest_decoder *decoder;
    struct copy_part *part;
    struct merge_part *merge;   /* of the same numbers */
    uint32_t part_count, given; /* given: whose record is lent, or MERGE_NOBODY */
    uint32_t *known;            /* partitions taken up, by topic */
    bool *begun;                /* something of it was given, if only to a run before; by topic */
    struct rc_copy_offset *offset;
    struct rc_copy_header *header; /* of the record that is given */
    size_t header_room;
    char *scratch; /* a value with padding */
    size_t scratch_room;
    int64_t served_ms, look_at_ms, quiet_ms;
    bool opened;
};

/* What comes next of the partition is known: its time, its client. MEMORY. */
enum rc_error copy_record_look(struct ingest_copy *copy, uint32_t number,
                               const rd_kafka_message_t *message);
/* Fills in the record that is given. MEMORY. */
enum rc_error copy_record_make(struct ingest_copy *copy, const struct copy_part *part,
                               const rd_kafka_message_t *message,
                               struct rc_copy_record *ret_record);

#endif
