/* Reading rollcall.progress, as far as it is committed. */
#ifndef ROLLCALL_SINK_KAFKA_PROGRESS_H
#define ROLLCALL_SINK_KAFKA_PROGRESS_H

#include "kafka_handle.h"
#include "kafka_wait.h"
#include "progress_log.h"

/* Adds all records of partition 0 from the offset on (0: the first there is); *from becomes the
 * offset behind the last one. Waits for Kafka. KAFKA: the process stops; MEMORY. thread: one. */
enum rc_error kafka_progress_read(const struct rc_config *config, struct kafka_ear *ear,
                                  struct kafka_wait *wait, struct progress_log *log, int64_t *from);

#endif
