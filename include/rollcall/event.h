/* What travels from ingest/ to aggregate/: one event, decoded and checked, in one flat piece that
 * holds no pointer, so that it can be copied through rings and kept in the order buffer.
 * Times are integer milliseconds since the epoch, UTC. */
#ifndef ROLLCALL_EVENT_H
#define ROLLCALL_EVENT_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#define RC_TIME_NONE  INT64_MIN       /* no such time */
#define RC_TIME_FIRST 631152000000LL  /* 1990-01-01T00:00:00Z, the first valid event time */
#define RC_TIME_LAST  4102444800000LL /* 2100-01-01T00:00:00Z, the first invalid one */

enum { RC_CLIENT_MAX = 64, RC_QUEUE_MAX = 64, RC_ID_MAX = 128, RC_PRIORITY_MAX = 16 };

enum rc_channel { RC_CALL, RC_CHAT, RC_TICKET, RC_CHANNEL_COUNT, RC_CHANNEL_NONE = 3 };

#define RC_EVENT_TYPES(X)                                                                          \
    X(queued)                                                                                      \
    X(answered)                                                                                    \
    X(held)                                                                                        \
    X(resumed)                                                                                     \
    X(abandoned)                                                                                   \
    X(left)                                                                                        \
    X(transferred)                                                                                 \
    X(ended)                                                                                       \
    X(wrapped)                                                                                     \
    X(resolved)                                                                                    \
    X(replied)                                                                                     \
    X(assigned)                                                                                    \
    X(paused)                                                                                      \
    X(worked)                                                                                      \
    X(reopened)                                                                                    \
    X(closed)                                                                                      \
    X(cancelled)                                                                                   \
    X(tick)                                                                                        \
    X(rated)                                                                                       \
    X(reviewed)
#define RC_EVENT_TYPE(name) RC_TYPE_##name,
enum rc_event_type { RC_EVENT_TYPES(RC_EVENT_TYPE) RC_TYPE_COUNT };
#undef RC_EVENT_TYPE

enum rc_left_reason {
    RC_LEFT_TRANSFER,
    RC_LEFT_OVERFLOW,
    RC_LEFT_VOICEMAIL,
    RC_LEFT_CALLBACK,
    RC_LEFT_TIMEOUT,
    RC_LEFT_OTHER
};

enum rc_event_flag {
    RC_EVENT_CUSTOMER = 1, /* `customer` is set */
    RC_EVENT_RESOLVED = 2, /* resolved: its bool */
    RC_EVENT_CRITICAL = 4, /* reviewed: its bool */
    RC_EVENT_DUE = 8       /* queued: `value` is the due time */
};

/* A customer as Rollcall knows one: a keyed pseudonym, never the name that came in. */
struct rc_id128 {
    uint64_t high, low;
};

/* The text that follows: client, queue, contact, conversation, agent, priority, one after the
 * other without terminators, lengths as below (0 = absent); then `raw_size` bytes of what came in
 * (see rc_raw), from the next multiple of 8. `size` counts all of it and is a multiple of 8. */
struct rc_event {
    uint32_t size;
    uint32_t raw_size;
    int64_t time_ms;
    int64_t now_ms;        /* replay: the watermark of the lines before it; live: RC_TIME_NONE */
    int64_t offset;        /* Kafka offset; replay: line, from 1 */
    uint32_t source;       /* which partition, in the order of (topic, partition) or of files */
    uint32_t task;         /* which task owns the client */
    uint64_t contact_hash; /* XXH3 of the contact, seeded with that of the client, which is
                              seeded with the secret of this run */
    struct rc_id128 customer;
    int64_t value;         /* queued: due; worked: duration_ms; rated: score in thousandths;
                              reviewed: defects; resolved: its bool; left: its reason */
    int64_t opportunities; /* reviewed */
    uint8_t type, channel, flags;
    uint8_t client_size, queue_size, contact_size, conversation_size, agent_size;
    uint8_t priority_size;
    uint8_t spare[7];
    char text[];
};
static_assert(sizeof(struct rc_event) == 96, "the fixed part of an event");

enum { RC_EVENT_TEXT_MAX = RC_CLIENT_MAX + RC_QUEUE_MAX + 3 * RC_ID_MAX + RC_PRIORITY_MAX + 8 };

static inline const char *rc_event_client(const struct rc_event *ev)
{
    return ev->text;
}
static inline const char *rc_event_queue(const struct rc_event *ev)
{
    return ev->text + ev->client_size;
}
static inline const char *rc_event_contact(const struct rc_event *ev)
{
    return rc_event_queue(ev) + ev->queue_size;
}
static inline const char *rc_event_conversation(const struct rc_event *ev)
{
    return rc_event_contact(ev) + ev->contact_size;
}
static inline const char *rc_event_agent(const struct rc_event *ev)
{
    return rc_event_conversation(ev) + ev->conversation_size;
}
static inline const char *rc_event_priority(const struct rc_event *ev)
{
    return rc_event_agent(ev) + ev->agent_size;
}
static inline uint32_t rc_event_text_size(const struct rc_event *ev)
{
    return (uint32_t)ev->client_size + ev->queue_size + ev->contact_size + ev->conversation_size +
           ev->agent_size + ev->priority_size;
}
/* What came in, for the dead letters: ev->raw_size bytes; what they are is between the source
 * (ingest/) and the dead letters' writer (sink/): see struct rc_raw in record.h. */
static inline const char *rc_event_raw(const struct rc_event *ev)
{
    return ev->text + ((rc_event_text_size(ev) + 7u) & ~7u);
}

#endif
