/* Inside the Kafka source: what its files share. source_kafka.c is the loop, kafka_parts.c finds
 * topics and partitions, kafka_records.c makes events of messages, kafka_cut.c closes epochs and
 * says how far partitions are, kafka_recovery.c makes recorded epochs again.
 * thread: ingest's, where nothing else is said. */
#ifndef ROLLCALL_KAFKA_SOURCE_H
#define ROLLCALL_KAFKA_SOURCE_H

#include "kafka_client.h"
#include "memory.h"
#include "recorded.h"
#include "route.h"
#include "watermark.h"

#include "rollcall/ingest.h"
#include <pthread.h>
#include <time.h>

enum {
    SOURCE_SHIFT = 16, /* source = topic << 16 | partition: in order, however late one comes */
    COMMITS = 64,      /* epochs that may be under way at once */
    BATCH = 1024,      /* messages of one partition at a time */
    LOOK_FIRST_MS = 200
};

/* With committed offsets goes how far time lags the wall clock while all partitions are idle, so
 * that time that passes while the process is down has passed. */
#define SOURCE_DISTANCE "idle_distance_ms="

struct part {
    rd_kafka_queue_t *queue;
    const struct rc_topic_setting *topic;
    int32_t partition;
    uint32_t source;
    int64_t first_offset; /* where its reading began */
    int64_t next_offset, end_offset;
    int64_t fresh_offset; /* the first that no run before has read */
    struct reach reach;   /* while recorded epochs are made again */
    /* Fetched, and not yet to be read: held_at … held_count of BATCH; NULL when live */
    rd_kafka_message_t **held;
    uint32_t held_at, held_count;
};

/* Without transactions: how far every partition was read when an epoch closed. */
struct commit {
    uint64_t epoch;
    uint32_t count, room;
    int64_t distance_ms; /* how far time lags the wall clock, all being idle; or RC_TIME_NONE */
    int64_t *next_offset;
};

struct recovery {
    const struct rc_cut *const *cut; /* borrowed */
    uint32_t count, at;              /* at: the next one of them */
    const struct rc_cut *now;        /* the one that is being made again; borrowed, may be NULL */
    bool over;                       /* there is none any more */
    bool asked;                      /* ingest_kafka_resume was called … */
    bool ready;                      /* … and all partitions are taken up */
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
    uint32_t *by_source; /* their numbers, by source */
    uint32_t *known;     /* partitions known, by topic */
    bool *missing;       /* said, by topic */
    bool *policy_seen;   /* it is not compacted, by topic */
    rd_kafka_message_t *batch[BATCH];
    char *scratch; /* a value with padding */
    size_t scratch_room;
    struct rc_cut *cut; /* the last one, and its room for parts */
    uint32_t cut_room;
    struct recovery recovery;
    char wrong[256]; /* what is wrong with the input, where there are words for it */
    uint64_t epoch;
    int64_t closed_now_ms; /* now at its end */
    int64_t handed_ms;     /* when that was, by a steady clock */
    uint32_t epoch_events;
    bool epoch_moved; /* something was read in this epoch */
    bool whole;       /* the input is to begin with its first record */
    bool part_added;  /* a partition was taken up: where it begins is to be recorded first */
    int64_t opened_ms, look_at_ms, look_every_ms, served_ms, memory_ms, snapshot_at_ms;
    struct memory_watch memory;
    bool far_behind;
    uint32_t said_holder;
    _Atomic bool stop, give_up, over_memory;
    /* shared, under the lock */
    pthread_mutex_t lock;
    struct ingest_partition *shown;
    uint32_t shown_count;
    struct commit commit[COMMITS];
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

static inline bool source_stopped(const struct ingest_kafka *kafka)
{
    return atomic_load_explicit(&kafka->stop, memory_order_relaxed);
}

/* A line for the log as it stands. */
void source_note(struct ingest_kafka *kafka, const char *text, const char *what);
/* librdkafka's callbacks, now and then. */
enum rc_error source_poll(struct ingest_kafka *kafka);
/* Waits until a queue may have something, a moment has passed, or until_ms (of steady_ms). */
void source_nap(struct ingest_kafka *kafka, int64_t until_ms);

/* Looks for topics and partitions that are new and begins to read them. MEMORY, CONFIG. */
enum rc_error kafka_parts_look(struct ingest_kafka *kafka, char ret_message[256]);
/* Asks Kafka how many partitions each topic has; false when it does not answer. */
bool kafka_parts_count(struct ingest_kafka *kafka, uint32_t *ret_count);
/* A compacted input cannot be read again as it was, and one that is to be keyed by client has as
 * many partitions as there are tasks. CONFIG; KAFKA: no answer. */
enum rc_error kafka_parts_check(struct ingest_kafka *kafka, uint32_t topic, uint32_t count,
                                char ret_message[256]);
/* The first partition that is read of a topic with `count`, and how many: all, or the task's. */
static inline uint32_t kafka_parts_first(const struct ingest_kafka *kafka)
{
    const struct rc_kafka *config = &kafka->options.config->kafka;
    return config->unit ? config->task : 0;
}
static inline uint32_t kafka_parts_own(const struct ingest_kafka *kafka, uint32_t count)
{
    return kafka->options.config->kafka.unit && count ? 1 : count;
}
/* Begins to read a partition at `offset`; what lies below fresh_offset was read by a run before.
 * MEMORY, KAFKA. */
enum rc_error kafka_parts_add(struct ingest_kafka *kafka, uint32_t source, int64_t offset,
                              int64_t fresh_offset);

/* A message of partition `number`: an event, its end, an error. MEMORY; END: given up; INPUT: what
 * is next is gone, or is no other's task: `wrong`. */
enum rc_error kafka_take_message(struct ingest_kafka *kafka, uint32_t number,
                                 const rd_kafka_message_t *message, int64_t steady);

/* Closes the epoch, if anything happened in it or it is the last one of the run. MEMORY; END:
 * given up. */
enum rc_error kafka_epoch_close(struct ingest_kafka *kafka, bool last);
/* Hands out the mark and the cut of a recorded epoch. MEMORY; END: given up. */
enum rc_error kafka_epoch_repeat(struct ingest_kafka *kafka, const struct rc_cut *cut);

/* Makes the recorded epochs again, until all are or the source is stopped. */
enum rc_error kafka_recovery_run(struct ingest_kafka *kafka, char ret_message[256]);
/* Live: reads what was held back of a partition. As kafka_take_message. */
enum rc_error kafka_recovery_release(struct ingest_kafka *kafka, uint32_t number, int64_t steady);
/* Destroys it. */
void kafka_recovery_drop(struct part *part);

#endif
