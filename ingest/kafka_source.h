/* Inside the Kafka source: what its files share. source_kafka.c is the loop, kafka_parts.c finds
 * topics and partitions and says how far they are, kafka_records.c makes events of messages.
 * thread: ingest's, where nothing else is said. */
#ifndef ROLLCALL_KAFKA_SOURCE_H
#define ROLLCALL_KAFKA_SOURCE_H

#include "kafka_client.h"
#include "memory.h"
#include "route.h"
#include "watermark.h"

#include "rollcall/ingest.h"
#include <pthread.h>
#include <time.h>

enum {
    SOURCE_SHIFT = 16, /* source = topic << 16 | partition: in order, however late one comes */
    CUTS = 64,         /* epochs that may be under way at once */
    BATCH = 1024,      /* messages of one partition at a time */
    LOOK_FIRST_MS = 200
};

struct part {
    rd_kafka_queue_t *queue;
    const struct rc_topic_setting *topic;
    int32_t partition;
    uint32_t source;
    int64_t next_offset, end_offset;
    int64_t fresh_offset; /* the first that no run before has read */
};

/* How far every partition was read when an epoch closed. */
struct cut {
    uint64_t epoch;
    uint32_t count, room;
    int64_t distance_ms; /* how far time lags the wall clock, all being idle; or RC_TIME_NONE */
    int64_t *next_offset;
};

struct ingest_kafka {
    struct ingest_kafka_options options;
    struct kafka_client client;
    struct ingest_route route;
    struct ingest_decoder *decoder;
    struct watermark watermark;
    struct rc_ingest_stats stats;
    struct part *part; /* as the watermark numbers them */
    uint32_t part_room, part_count;
    uint32_t *known; /* partitions known, by topic */
    bool *missing;   /* said, by topic */
    rd_kafka_message_t *batch[BATCH];
    char *scratch; /* a value with padding */
    size_t scratch_room;
    uint64_t epoch;
    uint32_t epoch_events;
    int64_t opened_ms, look_at_ms, look_every_ms, served_ms, memory_at_ms;
    struct memory_watch memory;
    bool far_behind;
    uint32_t said_holder;
    _Atomic bool stop, give_up, over_memory;
    /* shared, under the lock */
    pthread_mutex_t lock;
    struct ingest_partition *shown;
    uint32_t shown_count;
    struct cut cut[CUTS];
    int64_t committed_at_ms;
};

static inline int64_t wall_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static inline int64_t steady_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* A line for the log as it stands. */
void source_note(struct ingest_kafka *kafka, const char *text, const char *what);
/* Looks for topics and partitions that are new and begins to read them. MEMORY, CONFIG. */
enum rc_error kafka_parts_look(struct ingest_kafka *kafka, char ret_message[256]);
/* An epoch has closed: copies what others may see, and what may be committed once it is out. */
enum rc_error kafka_parts_show(struct ingest_kafka *kafka, int64_t wall);
/* A message of partition `number`: an event, its end, an error. MEMORY; END: given up. */
enum rc_error kafka_take_message(struct ingest_kafka *kafka, uint32_t number,
                                 const rd_kafka_message_t *message, int64_t wall);

#endif
