/* Reading rollcall.progress, as far as it is committed. */
#ifndef ROLLCALL_SINK_KAFKA_PROGRESS_H
#define ROLLCALL_SINK_KAFKA_PROGRESS_H

#include "kafka_handle.h"
#include "kafka_wait.h"
#include "progress_log.h"

/* Adds all records of the unit's own partition from the offset on (0: the first there is); *from
 * becomes the offset behind the last one. Waits for Kafka. KAFKA: the process stops; MEMORY.
 * thread: one. */
enum rc_error kafka_progress_read(const struct rc_config *config, struct kafka_ear *ear,
                                  struct kafka_wait *wait, struct progress_log *log, int64_t *from);

/* Following it: one reader that stays open. */
struct kafka_tail;
/* Begins at the offset, as above. CONFIG, MEMORY; KAFKA: it cannot be read now, which was said. */
enum rc_error kafka_tail_open(const struct rc_config *config, struct kafka_ear *ear,
                              struct progress_log *log, int64_t from, struct kafka_tail **ret_tail);
/* Adds what has come, waiting up to timeout_ms for something. AGAIN: nothing came. MEMORY. */
enum rc_error kafka_tail_poll(struct kafka_tail *tail, int timeout_ms);
/* All that is committed has been added, as far as Kafka has said; and behind which offset. */
bool kafka_tail_at_end(const struct kafka_tail *tail);
int64_t kafka_tail_offset(const struct kafka_tail *tail);
/* Takes NULL. */
void kafka_tail_close(struct kafka_tail *tail);

#endif
