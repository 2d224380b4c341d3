/* What the records of rollcall.progress say together: how far the group came, and which of its
 * epochs can be made again. A record that cannot be read, a gap, another configuration: what lies
 * before it cannot be gone through, and is left out with a line that says so.
 *
 * Pure but for memory. thread: one, but for what another one may ask meanwhile. */
#ifndef ROLLCALL_SINK_PROGRESS_LOG_H
#define ROLLCALL_SINK_PROGRESS_LOG_H

#include "progress_record.h"

struct progress_log;
struct progress_log_options {
    const char *group; /* records of others are passed over */
    int32_t partition; /* for messages */
    progress_source *source;
    const void *opaque;
    void (*say)(void *say_opaque, const char *line);
    void *say_opaque;
};

/* Options are copied, their texts borrowed. MEMORY. */
enum rc_error progress_log_open(const struct progress_log_options *options,
                                struct progress_log **ret_log);
void progress_log_close(struct progress_log *log);
/* In the order of the topic. MEMORY. */
enum rc_error progress_log_add(struct progress_log *log, int64_t offset, const char *key,
                               size_t key_size, const char *value, size_t value_size);
/* All is read. The cuts are lent until close. CONFIG: the last record names an input topic that is
 * none any more; ret_message. */
enum rc_error progress_log_finish(struct progress_log *log, struct rc_progress *ret_progress,
                                  char ret_message[256]);

/* The latest wall clock that a record was published with, RC_TIME_NONE: none was. */
int64_t progress_log_published(const struct progress_log *log);
/* Which process wrote last; 0: none did. */
uint64_t progress_log_run(const struct progress_log *log);
/* The highest epoch of any record that can be read. */
uint64_t progress_log_epoch(const struct progress_log *log);
/* How often what was read could not be gone on with: another configuration, a beginning anew, a
 * record that cannot be read. A standby that sees it rise begins anew as well. */
uint64_t progress_log_breaks(const struct progress_log *log);
/* The cut of the recorded epoch after that one, NULL: it is not there yet. Lent until the next
 * call. */
const struct rc_cut *progress_log_next(const struct progress_log *log, uint64_t epoch);
/* What is recorded before that epoch may be let go of, for one that only follows. */
void progress_log_forget(struct progress_log *log, uint64_t epoch);
/* What the recorded epoch gave to the topic; zeros when nothing, or it is not recorded.
 * thread: any. */
struct progress_sum progress_log_sum(struct progress_log *log, uint64_t epoch, const char *topic);
/* How many topics the recorded epoch wrote to. thread: any. */
uint32_t progress_log_topics(struct progress_log *log, uint64_t epoch);

#endif
