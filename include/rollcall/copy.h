/* Copying the input topics into others, exactly once (`rollcall rekey`): what ingest/ reads and
 * sink/ writes, and the faces of both for it. Copies are made in the order of event time, each in a
 * transaction with the offset behind it, and after anything that went wrong reading goes on from
 * the offsets that were committed.
 *
 * kafka.group of the configuration that is given is that of the copying, whose offsets these are.
 * thread: one, for all of it. */
#ifndef ROLLCALL_COPY_H
#define ROLLCALL_COPY_H

#include "config.h"
#include "error.h"
#include "event.h"
#include <stdbool.h>
#include <stdint.h>

enum { RC_COPY_ABSENT = UINT32_MAX }; /* the size of what is not there */

struct rc_copy_header {
    const char *name, *value;
    uint32_t value_size;
};
/* A record as it came in; all lent until the next one is asked for. */
struct rc_copy_record {
    uint32_t topic; /* as configured */
    int32_t partition;
    int64_t offset;
    int64_t timestamp_ms; /* RC_TIME_NONE: it has none */
    const char *key, *value;
    uint32_t key_size, value_size;
    const struct rc_copy_header *header;
    uint32_t header_count;
    const char *client; /* that it names, whatever else is wrong with it */
    uint32_t client_size;
    bool tick;
};
struct rc_copy_offset {
    uint32_t topic;
    int32_t partition;
    int64_t next; /* to be read */
};

/* ---- ingest/: reading ---- */

struct ingest_copy;
struct ingest_copy_options {
    const struct rc_config *config;              /* borrowed */
    void (*say)(void *opaque, const char *line); /* as in ingest_kafka_options */
    void *opaque;
    const _Atomic bool *leave; /* true: nothing is waited for any more */
};
enum rc_error ingest_copy_open(const struct ingest_copy_options *options,
                               struct ingest_copy **ret_copy, char ret_message[256]);
void ingest_copy_close(struct ingest_copy *copy);
/* Goes on from what the group has committed, else from the input's beginning; also after reading
 * had begun. Waits for Kafka. CONFIG: a topic is missing or compacted; INPUT: it does not hold what
 * comes next any more; KAFKA: the process stops. */
enum rc_error ingest_copy_begin(struct ingest_copy *copy, char ret_message[256]);
/* The group has committed that something of the topic is copied. */
bool ingest_copy_begun(const struct ingest_copy *copy, uint32_t topic);
/* The oldest of what comes next in every partition. AGAIN: there was nothing for so long. INPUT: as
 * above; MEMORY. */
enum rc_error ingest_copy_next(struct ingest_copy *copy, int64_t timeout_ms,
                               struct rc_copy_record *ret_record, char ret_message[256]);
/* Of the partitions that were read on since the last commit; lent until the next call. */
const struct rc_copy_offset *ingest_copy_offsets(struct ingest_copy *copy, uint32_t *ret_count);
/* … and now they are committed. */
void ingest_copy_committed(struct ingest_copy *copy);
/* All partitions are at their end, for so long; RC_TIME_NONE: they are not. */
int64_t ingest_copy_idle_ms(const struct ingest_copy *copy);
/* How many records, more or less, are still to be read. */
uint64_t ingest_copy_behind(const struct ingest_copy *copy);

/* ---- sink/: writing ---- */

struct sink_copy;
struct sink_copy_options {
    const struct rc_config *config; /* borrowed, as all */
    const char *id;                 /* transactional */
    const char *const *topic;       /* one for each of the configured input topics */
    uint32_t partitions;            /* of each */
    void (*say)(void *opaque, const char *line);
    void *opaque;
    const _Atomic bool *leave;
};
enum rc_error sink_copy_open(const struct sink_copy_options *options, struct sink_copy **ret_copy,
                             char ret_message[256]);
/* Ends an open transaction. */
void sink_copy_close(struct sink_copy *copy);
/* Makes the topics that are missing, as the input topic is (replication, retention, size of
 * records), and shuts out a copier before this one. Waits for Kafka. CONFIG: one has another number
 * of partitions; KAFKA: the process stops. */
enum rc_error sink_copy_prepare(struct sink_copy *copy, char ret_message[256]);
/* Nothing was ever written to the topic. */
bool sink_copy_empty(const struct sink_copy *copy, uint32_t topic);
/* Copies. AGAIN: the transaction is broken, the commit will say so; INPUT: no broker would take it;
 * KAFKA: the process stops. */
enum rc_error sink_copy_send(struct sink_copy *copy, const struct rc_copy_record *record,
                             int32_t partition, const char *key, uint32_t key_size);
/* With everything sent since the last one. AGAIN: nothing of it is out, or it is not known: go on
 * from what the group has committed. KAFKA: the process stops, or another one copies now. */
enum rc_error sink_copy_commit(struct sink_copy *copy, const struct rc_copy_offset *offset,
                               uint32_t count, char ret_message[256]);

#endif
