/* Publishing epochs: what an epoch gave is kept, sent, and committed with one record of progress
 * and the offsets of the input, as often as it takes until it is known to be out.
 * thread: commit; what prepare does may be done by another one before that runs. */
#ifndef ROLLCALL_SINK_KAFKA_EPOCH_H
#define ROLLCALL_SINK_KAFKA_EPOCH_H

#include "kafka_progress.h"
#include "kafka_publisher.h"
#include "progress_log.h"
#include "rollcall/sink.h"

struct kafka_epochs {
    const struct sink_kafka_options *options; /* borrowed, as the next two */
    struct kafka_ear *ear;
    struct kafka_wait *wait;
    struct kafka_outputs outputs;
    struct kafka_publisher *publisher;
    struct progress_log *log;
    struct rc_progress progress; /* of the runs before */
    struct kept kept;            /* the epoch at hand */
    struct kept_place sent;      /* so far, in this attempt */
    int64_t progress_offset;     /* behind the last record of progress that is known of */
    uint64_t run;
    int64_t stamp_ms; /* timestamp of the epoch's records, then of the last one's */
    bool stamped;
    struct kafka_tail *tail; /* standing by: follows the progress */
    struct kafka_ear tail_ear;
    uint64_t breaks; /* of the log, when it was gone on from */
    bool looked;
    bool config_told;      /* the progress has the configuration's text */
    struct rc_cut *before; /* of the last epoch whose offsets were committed; NULL: none */
    char message[256];     /* why it cannot go on */
};

struct kafka_epoch_made {
    const struct rc_cut *cut; /* NULL: a part of an epoch, in advance */
    uint64_t first;           /* as in rc_progress */
    bool rebuilt, restated;   /* as in progress_record */
};

/* CONFIG, MEMORY: ret_message. */
enum rc_error kafka_epochs_open(struct kafka_epochs *epochs,
                                const struct sink_kafka_options *options, struct kafka_ear *ear,
                                struct kafka_wait *wait, char ret_message[256]);
void kafka_epochs_close(struct kafka_epochs *epochs);
/* Topics, fence, progress. Waits for Kafka. CONFIG, KAFKA, MEMORY; `message` where there is more to
 * be said. */
enum rc_error kafka_epochs_prepare(struct kafka_epochs *epochs);
/* Standing by, instead of prepare: topics, progress, and nothing fenced. Called again: what has
 * come since, waiting up to timeout_ms for it. AGAIN: Kafka has not said all of it yet, or nothing
 * came; else as prepare. thread: as prepare. */
enum rc_error kafka_epochs_look(struct kafka_epochs *epochs, int timeout_ms);
/* What is known of the progress is gone on from. */
void kafka_epochs_resume(struct kafka_epochs *epochs);
/* Standing by: the cut of the next recorded epoch after `epoch`, all up to which were made again;
 * NULL: none yet, after timeout_ms. Lent until the next call. What lies before `compared` is let go
 * of. AGAIN: what has come cannot be gone on with. thread: one, others may use the log meanwhile.
 */
enum rc_error kafka_epochs_follow(struct kafka_epochs *epochs, uint64_t epoch, uint64_t compared,
                                  int timeout_ms, const struct rc_cut **ret_cut);
/* The highest epoch that was committed, as far as it was followed. thread: the follower's. */
uint64_t kafka_epochs_last(const struct kafka_epochs *epochs);
/* Sends what is kept and was not sent yet. KAFKA: the process stops; INPUT: a record is too large
 * for Kafka. */
enum rc_error kafka_epochs_send(struct kafka_epochs *epochs);
/* Sends the rest, commits, and lets go of what was kept. KAFKA: the process stops, or another one
 * has taken over (`message`); INPUT as above; MEMORY. */
enum rc_error kafka_epochs_commit(struct kafka_epochs *epochs, const struct kafka_epoch_made *made);
/* Lets go of what was kept and not sent. */
void kafka_epochs_drop(struct kafka_epochs *epochs);

#endif
