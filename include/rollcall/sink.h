/* sink/, the back door: records out. The commit thread gathers what every shard made in an epoch,
 * brings it into canonical order and writes it: to standard output, to files, or to Kafka. */
#ifndef ROLLCALL_SINK_H
#define ROLLCALL_SINK_H

#include "config.h"
#include "error.h"
#include "park.h"
#include "progress.h"
#include "record.h"
#include "ring.h"
#include "snapshot.h"
#include "stats.h"
#include <stdbool.h>
#include <stddef.h>

/* ---- record_json: a record as text ---- */

enum { SINK_RECORD_TEXT_MAX = 8192, SINK_KEY_MAX = 1024 };
/* Room for the JSON of that record: SINK_RECORD_TEXT_MAX, more where a contact has many clocks. */
uint32_t sink_record_room(const struct rc_record *rec);
/* Both return the length; `room` is large enough with sink_record_room and SINK_KEY_MAX. */
uint32_t sink_record_json(const struct rc_windows *windows, const struct rc_record *rec,
                          char *room);
uint32_t sink_record_key(const struct rc_windows *windows, const struct rc_record *rec, char *room);
/* Canonical order of records (SPEC section 8): < 0, 0, > 0. */
int sink_record_compare(const struct rc_record *a, const struct rc_record *b);

/* ---- where records go: filled by an output ---- */

struct sink_epoch {
    uint64_t epoch;
    int64_t now_ms;
    const struct rc_cut *cut; /* of a Kafka source; NULL: a replay of files */
};
struct sink_output {
    void *self;
    /* Both borrow; called by the commit thread, records of one epoch in canonical order. */
    enum rc_error (*record)(void *self, struct rc_record *rec);
    enum rc_error (*dead_letter)(void *self, const struct rc_dead_letter *dead);
    /* The epoch is complete: make it visible. */
    enum rc_error (*epoch)(void *self, const struct sink_epoch *epoch);
    void (*close)(void *self); /* flushes; takes NULL */
    /* The run went well: complete what only appears when it is whole. Called by the engine's owner
     * when the commit thread has ended. May be NULL. */
    enum rc_error (*finish)(void *self);
    /* What went wrong, after an error, in words; lent until close. May be NULL. */
    const char *(*message)(void *self);
};

enum sink_format { SINK_NDJSON, SINK_CSV, SINK_TABLE };
struct sink_file_options {
    const struct rc_config *config;
    const char *dir; /* --out; NULL: `file` alone */
    int fd;          /* where --only goes without a dir */
    enum sink_format format;
    bool rolling, interval, slas, contacts, alerts; /* --only */
    const char *queue;                              /* --queue, NULL: all */
    const char *client;                             /* --client, NULL: all */
    const char *const *source_name;                 /* file names of the replay, by source */
    bool color;
};
enum rc_error sink_file_open(const struct sink_file_options *options,
                             struct sink_output *ret_output, char ret_message[256]);

struct sink_kafka_options {
    const struct rc_config *config;
    const char *(*source)(const void *opaque, uint32_t source, int32_t *ret_partition);
    const void *source_opaque;
    /* "NAME: text" is what librdkafka complains of, NAME its error code; "up": that is over;
       "note: text" is for the log as it stands. thread: commit. */
    void (*say)(void *opaque, const char *line);
    void *opaque;
    const _Atomic bool *leave; /* true: the process stops, a broker that is away is waited for no
                                  longer than a moment; may be NULL */
    /* A topic and partition by number; false: it is not an input of this configuration */
    bool (*source_of)(const void *opaque, const char *topic, int32_t partition,
                      uint32_t *ret_source);
    /* Gives the group's membership, an rd_kafka_consumer_group_metadata_t, so that its generation
     * fences a member that is one no more; may be NULL, or give NULL: not a member. Called with
     * source_opaque. thread: commit. */
    void *(*membership)(const void *opaque);
    /* Whether this process may still write; *ret_known false: the group has not said so since the
     * membership was lost. Called with source_opaque; NULL: nobody else ever may. thread: commit */
    bool (*holds)(const void *opaque, bool *ret_known);
    /* Of a group whose members share its tasks: whether this output's task owns the client. Called
     * with source_opaque; NULL: it owns all. thread: any */
    bool (*owns)(const void *opaque, const char *client, uint32_t size);
    bool restate; /* hashes that differ do not stop the start: the differences are published */
};
/* Does not wait for a broker: what sink_kafka_prepare does is done with the first epoch where it
 * was not called before; see out_kafka.c. */
enum rc_error sink_kafka_open(const struct sink_kafka_options *options,
                              struct sink_output *ret_output, char ret_message[256]);
/* Before the commit thread runs, by the thread that will: makes missing topics, fences a run before
 * this one (init_transactions), and reads the progress. Waits for Kafka until *leave. Filled by the
 * sink, lent until close. CONFIG, KAFKA: what must be said was said, the rest in ret_message. */
enum rc_error sink_kafka_prepare(struct sink_output *output,
                                 const struct rc_progress **ret_progress, char ret_message[256]);
/* After prepare: go on from the progress, with the epoch after that one (0: with the first): epochs
 * of cuts with `recorded` are compared with what they were (counts and hashes) and not published
 * again. Without it all is made anew from the input's beginning, and what was published is read
 * back (continuity.h). */
void sink_kafka_resume(struct sink_output *output, uint64_t after);
/* Standing by: as prepare, but nothing is fenced and nothing of the group's work is written. AGAIN:
 * nothing is known, or known anew, after timeout_ms. After it, sink_kafka_prepare, or: resume, then
 * follow and take_over. */
enum rc_error sink_kafka_look(struct sink_output *output, int timeout_ms,
                              const struct rc_progress **ret_progress, char ret_message[256]);
/* Standing by, after resume: the cut of the recorded epoch after that one, as soon as it is
 * committed; NULL: not within timeout_ms. Lent until the next call. *ret_behind: how many are
 * committed after that one. AGAIN: what the active process writes cannot be gone on with; begin
 * anew. thread: ingest, while the commit thread compares. */
enum rc_error sink_kafka_follow(struct sink_output *output, uint64_t epoch, int timeout_ms,
                                const struct rc_cut **ret_cut, uint64_t *ret_behind,
                                char ret_message[256]);
/* The end of standing by: fences the process before this one, and reads what it has committed; what
 * sink_kafka_follow gives from now on, up to *ret_last, is the rest. thread: as follow. As
 * prepare. */
enum rc_error sink_kafka_take_over(struct sink_output *output, uint64_t *ret_last,
                                   char ret_message[256]);
/* False while all is made anew: a snapshot would be of no use. thread: commit. */
bool sink_kafka_settled(const struct sink_output *output);
/* Where all was made anew once, revisions are not those that the engine counts; what they go on
 * from is a part of the snapshots. exist: there is such a part, which can be saved. Restored before
 * sink_kafka_resume. INPUT: these are none; MEMORY. thread: commit, a forked child's only one, or
 * as sink_kafka_prepare. */
bool sink_kafka_revisions_exist(const struct sink_output *output);
enum rc_error sink_kafka_revisions_save(const struct sink_output *output,
                                        const struct rc_snapshot_writer *out);
enum rc_error sink_kafka_revisions_restore(struct sink_output *output,
                                           const struct rc_snapshot_reader *in);
/* Whether what is computed is published as it comes; else why not. thread: any. */
bool sink_kafka_ready(const struct sink_output *output, char ret_reason[256]);

/* ---- the commit thread ---- */

struct sink_commit_options {
    uint32_t shard_count;
    struct rc_ring **ring;       /* from shard i */
    struct rc_ring *ingest_ring; /* dead letters and ends from ingest */
    struct rc_park *self;
    struct rc_park **park; /* wakes shard i when there is room again */
    struct rc_park *ingest_park;
    struct sink_output output; /* borrowed */
    struct sink_table *table;  /* current records for the API; NULL: none */
    void (*published)(void *opaque, const struct sink_epoch *epoch); /* may be NULL */
    void *opaque;
};
enum { SINK_COMMIT_BUCKETS = 11 };
extern const uint32_t sink_commit_bucket_ms[SINK_COMMIT_BUCKETS]; /* upper bounds, ascending */
struct sink_commit_stats {
    rc_counter records, records_rolling, records_interval, records_contacts;
    rc_counter dead_letters, epochs, bytes, restated;
    rc_counter commit_ms_max;
    /* How long the output took to make an epoch final: by bucket, the last one beyond them all. */
    rc_counter commit_bucket[SINK_COMMIT_BUCKETS + 1], commit_us;
    rc_counter epoch, published_ms; /* gauges: the last one, and its end by the steady clock */
};
struct sink_commit;
enum rc_error sink_commit_open(const struct sink_commit_options *options,
                               struct sink_commit **ret_commit);
/* Returns after the last epoch (ingest's rc_end with epoch UINT64_MAX), or with the output's
 * error. */
enum rc_error sink_commit_run(struct sink_commit *commit);
const struct sink_commit_stats *sink_commit_stats(const struct sink_commit *commit);
/* Dead letters by reason so far, for the summary and /metrics. thread: any.
 * Calls `each` once per reason, sorted by reason. */
void sink_commit_reasons(const struct sink_commit *commit,
                         void (*each)(void *opaque, const char *reason, uint64_t count),
                         void *opaque);
void sink_commit_close(struct sink_commit *commit);

/* ---- current records, for HTTP and the demo's table ---- */

struct sink_table;
enum rc_error sink_table_open(const struct rc_windows *windows, struct sink_table **ret_table);
/* thread: commit. Copies. */
void sink_table_put(struct sink_table *table, const struct rc_record *rec);
/* thread: commit. What is put between these two is seen at once, so that totals agree with their
 * parts; between them readers wait. */
void sink_table_begin(struct sink_table *table);
void sink_table_end(struct sink_table *table, int64_t now_ms);
/* thread: any. Calls `each` under the table's lock, in the order of keys; the record is
 * borrowed. */
void sink_table_each(struct sink_table *table,
                     bool (*each)(void *opaque, const struct rc_record *rec), void *opaque);
/* thread: any. now of the last epoch put, RC_TIME_NONE before the first. */
int64_t sink_table_now(struct sink_table *table);
void sink_table_close(struct sink_table *table);

/* Its state, between sink_table_begin and sink_table_end, and back into an empty one. */
enum rc_error sink_table_save(struct sink_table *table, const struct rc_snapshot_writer *out);
enum rc_error sink_table_restore(struct sink_table *table, const struct rc_snapshot_reader *in);

/* ---- snapshots: files DIR/GROUP-EPOCH.snapshot, and the same in a topic ---- */

/* What a snapshot says of itself. */
struct sink_snapshot_head {
    const char *group;
    uint64_t epoch;
    int64_t now_ms, wall_ms; /* of the epoch's cut: whose snapshot it is */
    int64_t made_at_ms;      /* wall clock */
    uint64_t hash_secret;
    const char *config_id, *config_text;
    uint32_t config_size, task_count; /* tasks, with state or without */
    const char *program;              /* the version that wrote it; known when it is read */
};
/* A part of it: the state of a task; the revisions of an output that was made anew once; the table
 * of current records. */
enum { SINK_SNAPSHOT_REVISIONS = UINT32_MAX - 1, SINK_SNAPSHOT_TABLE = UINT32_MAX };
struct sink_snapshot_parts {
    void *self;
    bool (*exists)(void *self, uint32_t part);
    enum rc_error (*save)(void *self, uint32_t part, const struct rc_snapshot_writer *out);
    enum rc_error (*restore)(void *self, uint32_t part, const struct rc_snapshot_reader *in,
                             char ret_message[256]);
};
/* Writes it into a file of its own: temporary name, fdatasync, rename, fsync of the directory; then
 * removes all but the newest `keep`. thread: a forked child's only one. IO: ret_message. */
enum rc_error sink_snapshot_write(const char *dir, uint32_t keep,
                                  const struct sink_snapshot_head *head,
                                  const struct sink_snapshot_parts *parts, char ret_message[256]);

/* Where that one is, or would be. */
void sink_snapshot_path(const char *dir, const char *group, uint64_t epoch, char *ret_path,
                        size_t room);

/* An open snapshot, all of whose checksums were right. */
struct sink_snapshot;
/* The newest valid one of the group at or before `last_epoch`; each that is passed over is said:
 * why, and what happens instead. END: there is none. */
enum rc_error sink_snapshot_find(const char *dir, const char *group, uint64_t last_epoch,
                                 void (*say)(void *opaque, const char *line), void *opaque,
                                 struct sink_snapshot **ret_snapshot);
/* One file. INPUT: it is no whole and undamaged snapshot of this version or an earlier one; IO,
 * DENIED; ret_message names the file, and where it is damaged. */
enum rc_error sink_snapshot_open(const char *path, struct sink_snapshot **ret_snapshot,
                                 char ret_message[256]);
const struct sink_snapshot_head *sink_snapshot_head(const struct sink_snapshot *snapshot);
/* All parts that it has; `bytes_done` counts up while it goes on, to sink_snapshot_bytes. */
enum rc_error sink_snapshot_restore(struct sink_snapshot *snapshot,
                                    const struct sink_snapshot_parts *parts,
                                    _Atomic uint64_t *bytes_done, char ret_message[256]);
uint64_t sink_snapshot_bytes(const struct sink_snapshot *snapshot);
/* Its parts, in ascending order; lent until close. */
struct sink_snapshot_part {
    uint32_t part;
    uint64_t bytes, stored_bytes; /* stored: with the frames, as in the file */
};
const struct sink_snapshot_part *sink_snapshot_part_list(const struct sink_snapshot *snapshot,
                                                         uint32_t *ret_count);
/* Takes every stream apart as a restore would, and lets go of it. INPUT: ret_message. */
enum rc_error sink_snapshot_check(struct sink_snapshot *snapshot, char ret_message[256]);
void sink_snapshot_close(struct sink_snapshot *snapshot);

/* The topic rollcall.snapshots: what a host with an empty disk takes over from. */
struct sink_uploader;
struct sink_uploader_options {
    const struct rc_config *config;
    void (*say)(void *opaque, const char *line); /* as in sink_kafka_options */
    void *opaque;
    const _Atomic bool *leave;
};
enum rc_error sink_uploader_open(const struct sink_uploader_options *options,
                                 struct sink_uploader **ret_uploader, char ret_message[256]);
/* Copies the file into the topic; then, when there are snapshot.keep of them, lets go of what is
 * older, and of the progress before the oldest. That failing is said, and no error. KAFKA, IO,
 * INPUT: ret_message. thread: one at a time. */
enum rc_error sink_snapshot_upload(struct sink_uploader *uploader, const char *path,
                                   char ret_message[256]);
/* The newest whole one at or before last_epoch whose epoch is above `above`: into a file of
 * snapshot.dir, or, where that cannot be written, into memory. END: there is none. What is passed
 * over is said. */
enum rc_error sink_snapshot_download(struct sink_uploader *uploader, uint64_t above,
                                     uint64_t last_epoch, _Atomic uint64_t *bytes_done,
                                     struct sink_snapshot **ret_snapshot, char ret_message[256]);
void sink_uploader_close(struct sink_uploader *uploader);

/* ---- HTTP, on the main thread's libevent loop ---- */

struct event_base;
struct sink_http_source { /* how /metrics and /readyz learn of the engine */
    void *opaque;
    /* Appends OpenMetrics text of the engine (counters of ingest and shards) to an evbuffer. */
    void (*metrics)(void *opaque, void *evbuffer);
    /* true: ready; else the reason in ret_reason. */
    bool (*ready)(void *opaque, char ret_reason[256]);
    /* In place of one table: calls `each` for those that there are now, which stay meanwhile; their
     * keys are different ones. NULL: there is one. */
    void (*tables)(void *opaque, void (*each)(void *to, struct sink_table *table), void *to);
};
struct sink_http_options {
    struct event_base *base; /* borrowed */
    const struct rc_config *config;
    struct sink_table *table; /* NULL: source.tables, or none */
    struct sink_http_source source;
};
struct sink_http;
enum rc_error sink_http_open(const struct sink_http_options *options, struct sink_http **ret_http,
                             char ret_message[256]);
void sink_http_close(struct sink_http *http);

#endif
