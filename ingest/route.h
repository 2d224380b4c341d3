/* From a source to the rings: what both sources, files and Kafka, do with what they decoded. An
 * event goes to the shard that owns its client's task, what is refused to the commit thread, and a
 * mark to everybody. A full ring is waited for, and counted; nothing is lost or reordered.
 *
 * Messages become visible in batches of ROUTE_BATCH, at every mark, and with ingest_route_flush,
 * which a source calls before it sleeps. All functions: thread: the source's. */
#ifndef ROLLCALL_INGEST_ROUTE_H
#define ROLLCALL_INGEST_ROUTE_H

#include "rollcall/ingest.h"

enum { ROUTE_BATCH = 1024, ROUTE_NONE = UINT32_MAX };

struct ingest_header {
    const char *name, *value;
    uint32_t name_size, value_size; /* value_size ROUTE_NONE: a header without a value */
};
/* What came in, as it came in; all borrowed. */
struct ingest_raw_parts {
    const char *key, *value;
    const struct ingest_header *header;
    uint32_t key_size; /* ROUTE_NONE: no key */
    uint32_t value_size, header_count;
};

struct ingest_route {
    const struct ingest_output *output; /* borrowed */
    struct rc_ingest_stats *stats;      /* borrowed; the route counts events (by channel and type),
                                           dead_lettered and stalled, nothing else */
    const _Atomic bool *give_up; /* borrowed, may be NULL: while it is true a full ring is not
                                    waited for, and the call returns RC_ERR_END */
    uint32_t *pending;           /* per shard, then the commit ring: not yet visible */
    bool ended;                  /* a mark with end_of_input went out */
};

/* MEMORY. */
enum rc_error ingest_route_init(struct ingest_route *route, const struct ingest_output *output,
                                struct rc_ingest_stats *stats, const _Atomic bool *give_up);
/* Takes a zeroed route as well. */
void ingest_route_done(struct ingest_route *route);

/* All below: END when given up, else RC_OK. */

/* A decoded event, not a tick (ticks are for watermarks alone). `now_ms` is the watermark of the
 * lines before it in a replay, RC_TIME_NONE live. Of a message too large for half of the ring, the
 * headers go first, then the rest of the value, then the key. */
enum rc_error ingest_route_event(struct ingest_route *route, const union ingest_event *event,
                                 uint32_t source, int64_t offset, int64_t now_ms,
                                 const struct ingest_raw_parts *raw);
/* A record that is refused; `reason` is NUL-terminated, 147 bytes at most. */
enum rc_error ingest_route_dead(struct ingest_route *route, uint32_t source, int64_t offset,
                                const char *reason, const struct ingest_raw_parts *raw);
/* The end of an epoch: a mark to all shards, then the cut (NULL: none, of files) and an rc_end to
 * the commit thread. Epochs count from 1. */
enum rc_error ingest_route_mark(struct ingest_route *route, const struct rc_mark *mark,
                                const struct rc_cut *cut);
/* After the last mark: tells the commit thread (rc_end with epoch UINT64_MAX), and the shards
 * (RC_MESSAGE_END) unless the last mark was the end of the input, which says so by itself. */
enum rc_error ingest_route_finish(struct ingest_route *route);
/* Makes visible what was put in so far. */
void ingest_route_flush(struct ingest_route *route);

#endif
