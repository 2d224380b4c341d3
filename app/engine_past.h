/* What the counters of engines that are gone had come to: a task that moves to another process must
 * not make the sums of this one fall. */
#ifndef APP_ENGINE_PAST_H
#define APP_ENGINE_PAST_H

#include "engine.h"

/* Dead letters by reason, each once. */
struct engine_reasons {
    char (*text)[160];
    uint64_t *number;
    uint32_t count, room;
    bool failed; /* memory was out, and something is missing */
};
/* `opaque` is one of these; as sink_commit_reasons calls it. */
void engine_reasons_add(void *opaque, const char *reason, uint64_t count);
void engine_reasons_done(struct engine_reasons *reasons);

/* Begins zeroed. Gauges stay zero. */
struct engine_past {
    struct rc_ingest_stats ingest;
    struct sink_commit_stats commit;
    struct engine_stats shards;
    struct engine_reasons reasons;
    uint64_t snapshots_made, snapshots_failed, snapshots_skipped;
};
/* The part's threads have ended; it is closed after this. */
void engine_past_add(struct engine_past *past, const struct engine_part *part);
void engine_past_done(struct engine_past *past);

#endif
