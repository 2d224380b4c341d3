/* ingest/, the front door: bytes to events. It reads files or Kafka, decodes and checks what came,
 * finds the task that owns the client, and puts events and epoch marks into the shards' rings. It
 * knows nothing of contracts' figures. What it refuses goes to the commit thread as a dead letter.
 *
 * One ingest thread serves all partitions: decoding costs well under a microsecond an event, so the
 * thread is never the bottleneck of two cores, and the order of events in the rings is its own. */
#ifndef ROLLCALL_INGEST_H
#define ROLLCALL_INGEST_H

#include "config.h"
#include "error.h"
#include "event.h"
#include "lease.h"
#include "park.h"
#include "progress.h"
#include "record.h"
#include "ring.h"
#include "stats.h"

/* ---- decode: one record to one event; pure but for its scratch memory ---- */

struct ingest_decoder;
struct ingest_decoder_options {
    const struct rc_config *config; /* borrowed: tasks, limits.max_event, contracts, privacy */
    uint64_t hash_secret;           /* of this run, for the tables of the core */
};
/* What the wire says beside the value; all may be absent (NULL, 0). */
struct ingest_envelope {
    uint8_t channel;               /* implied by the topic, or RC_CHANNEL_NONE */
    const char *ce_type, *ce_time; /* CloudEvents, Kafka binary mode */
    uint32_t ce_type_size, ce_time_size;
};
enum ingest_verdict {
    INGEST_EVENT,   /* *ret_event is filled: an event, or a tick */
    INGEST_BLANK,   /* nothing in it */
    INGEST_UNKNOWN, /* a type that is not known: counted, moves nothing */
    INGEST_REFUSED  /* reason is filled: a dead letter */
};
/* The event with room for its text; `raw` is added by the source. */
union ingest_event {
    struct rc_event ev;
    char room[sizeof(struct rc_event) + RC_EVENT_TEXT_MAX];
};
enum rc_error ingest_decoder_open(const struct ingest_decoder_options *options,
                                  struct ingest_decoder **ret_decoder);
void ingest_decoder_close(struct ingest_decoder *decoder);
/* `value` is borrowed; reading up to 64 bytes beyond its end must be allowed
 * (INGEST_PADDING), what stands there does not matter. Fills type, time, strings and so on;
 * not: now_ms, offset, source, raw. `ret_reason` has room for 148 bytes, NUL-terminated.
 * thread: the decoder's owner. */
enum { INGEST_PADDING = 64 };
/* Of a value that is refused so many bytes are kept for its dead letter. */
enum { INGEST_VALUE_KEPT = 16000000 };
enum ingest_verdict ingest_decode(struct ingest_decoder *decoder,
                                  const struct ingest_envelope *envelope, const char *value,
                                  uint32_t value_size, union ingest_event *ret_event,
                                  char *ret_reason);
/* The client that the record decoded last names, whatever else is wrong with it; 0: none that could
 * be one. The value and the envelope are still there. */
uint32_t ingest_client_of(struct ingest_decoder *decoder, const struct ingest_envelope *envelope,
                          char ret_client[RC_CLIENT_MAX]);
/* Kafka's own partitioner: murmur2 over the bytes. */
uint32_t ingest_murmur2(const char *bytes, uint32_t size);
/* The pseudonym of a customer under a key of 32 bytes. */
struct rc_id128 ingest_pseudonym(const uint8_t key[32], const char *bytes, uint32_t size);

/* ---- sources: threads that fill rings ---- */

struct ingest_output { /* all borrowed for the source's life */
    uint32_t shard_count;
    struct rc_ring **ring; /* to shard i; the source is the producer */
    struct rc_park **park; /* wakes shard i */
    /* dead letters and ends (rc_end.from = UINT32_MAX); what INGEST_VALUE_KEPT allows must fit */
    struct rc_ring *commit_ring;
    struct rc_park *commit_park;
    struct rc_park *self; /* shards and commit wake the source through it when full */
};
/* Task t belongs to shard t mod shard_count. */

struct ingest_file_options {
    const struct rc_config *config; /* borrowed */
    /* "-": standard input; .zst by its magic number, not its name */
    const char *const *path;
    uint32_t path_count;
    int64_t until_ms; /* RC_TIME_NONE: not given */
    uint64_t hash_secret;
    bool strict;             /* stop at the first refused line with RC_ERR_INPUT */
    const char *only_client; /* events of other clients are passed over; NULL: all */
};
struct ingest_progress {              /* of a replay, for the terminal */
    uint64_t bytes_read, bytes_total; /* of the files as they lie on disk; total 0: not known */
};
struct ingest_files;
enum rc_error ingest_files_open(const struct ingest_file_options *options,
                                const struct ingest_output *output, struct ingest_files **ret_files,
                                char ret_message[256]);
/* Reads all, ends with a mark with end_of_input; the whole work of the ingest thread. */
enum rc_error ingest_files_run(struct ingest_files *files, char ret_message[256]);
/* thread: any. */
struct ingest_progress ingest_files_progress(const struct ingest_files *files);
const struct rc_ingest_stats *ingest_files_stats(const struct ingest_files *files);
void ingest_files_close(struct ingest_files *files);

struct ingest_kafka;
struct ingest_kafka_options {
    const struct rc_config *config;
    uint64_t hash_secret;
    /* health: one line per cause, said once; called from librdkafka's and the ingest thread */
    void (*say)(void *opaque, const char *line);
    void *opaque;
    /* Bytes that the core holds and will use again before it takes more: not counted for
     * limits.memory. thread: ingest. NULL: none */
    uint64_t (*reusable)(void *opaque);
    void *reusable_opaque;
    int64_t snapshot_every_ms; /* epochs are marked for a snapshot so often; 0: never */
    bool recover_only;         /* end after the recorded epochs */
    bool restate; /* what the recorded epochs need and is gone is passed over, and said */
    /* After the recorded epochs of ingest_kafka_resume: the cut of the one after `epoch`, lent
     * until the next call; NULL: none yet, after a moment; END: there is none, live. NULL: as END.
     * thread: ingest */
    enum rc_error (*more)(void *opaque, uint64_t epoch, const struct rc_cut **ret_cut,
                          char ret_message[256]);
    void *more_opaque;
    /* Offsets are committed by this membership where no transaction does it; borrowed, may be NULL:
     * without one. */
    struct ingest_lease *lease;
};
enum rc_error ingest_kafka_open(const struct ingest_kafka_options *options,
                                const struct ingest_output *output, struct ingest_kafka **ret_kafka,
                                char ret_message[256]);
/* Before run, which then makes all anew that runs before have published, in epochs that are
 * numbered on from their last one. `whole`: it ends with INPUT where the input does not begin with
 * its first record, rather than publish what the rest of it gives. thread: the one that will run
 * it. */
void ingest_kafka_anew(struct ingest_kafka *kafka, uint64_t last_epoch, bool whole);
/* Before run: goes on where the cut `from` (NULL: the input's beginning) stopped, and first makes
 * the `count` recorded epochs after it again, with their cuts and nows; the cuts are handed out as
 * they are, but `recorded`. All is lent until `more` is called, or all is made. Waits for Kafka;
 * when it is stopped meanwhile, it is RC_OK and run will do nothing. INPUT: a topic or partition of
 * the cuts is not there any more, or the input does not reach back so far; ret_message says how
 * much is missing. CONFIG: an input topic is compacted. thread: the one that will run it. */
enum rc_error ingest_kafka_resume(struct ingest_kafka *kafka, const struct rc_cut *from,
                                  struct rc_cut *const *cut, uint32_t count, char ret_message[256]);
/* Before run: the secret of the run whose state was restored; the configuration's pseudonym key is
 * read again. */
enum rc_error ingest_kafka_secret_set(struct ingest_kafka *kafka, uint64_t hash_secret);
/* How many of the recorded epochs are to be made again still; 0: live. thread: any. */
uint32_t ingest_kafka_recovering(const struct ingest_kafka *kafka);
/* The number of (topic, partition); false: it is not an input. thread: any. */
bool ingest_kafka_source_of(const struct ingest_kafka *kafka, const char *topic, int32_t partition,
                            uint32_t *ret_source);
/* Runs until ingest_kafka_stop: then closes the epoch and returns. */
enum rc_error ingest_kafka_run(struct ingest_kafka *kafka, char ret_message[256]);
/* thread: any; async-signal-safe not needed. */
void ingest_kafka_stop(struct ingest_kafka *kafka);
/* Stops at once, even in front of a full ring: for when nobody drains the rings any more.
 * thread: any. */
void ingest_kafka_give_up(struct ingest_kafka *kafka);
/* Nothing is read, since limits.memory is nearly reached. thread: any. */
bool ingest_kafka_over_memory(const struct ingest_kafka *kafka);
const struct rc_ingest_stats *ingest_kafka_stats(const struct ingest_kafka *kafka);
struct ingest_partition { /* for /metrics and /readyz */
    const char *topic;
    int32_t partition;
    int64_t next_offset, end_offset, watermark_ms;
    bool idle, holds_back; /* holds_back: the smallest watermark is this one's */
};
/* thread: any. Copies up to `room`; returns how many there are. */
uint32_t ingest_kafka_partitions(struct ingest_kafka *kafka, struct ingest_partition *ret_list,
                                 uint32_t room);
/* The commit thread says that the epoch's output is out: its offsets may be committed (for lag
 * monitors; with transactions they already are). thread: commit. */
void ingest_kafka_published(struct ingest_kafka *kafka, uint64_t epoch);
/* Whether the input topics that are there can be read under this configuration. CONFIG: they
 * cannot, as ret_message says; KAFKA: no answer within a second or two. `say` as in
 * ingest_kafka_options. thread: any. */
enum rc_error ingest_kafka_fits(const struct rc_config *config,
                                void (*say)(void *opaque, const char *line), void *opaque,
                                char ret_message[256]);
/* Names of (source): topic and partition. Lent until close. thread: any. */
const char *ingest_kafka_source(const struct ingest_kafka *kafka, uint32_t source,
                                int32_t *ret_partition);
void ingest_kafka_close(struct ingest_kafka *kafka);

#endif
