/* What travels from aggregate/ to sink/: records, dead letters, ends of epochs; flat, no
 * pointers. */
#ifndef ROLLCALL_RECORD_H
#define ROLLCALL_RECORD_H

#include "event.h"
#include "figures.h"
#include <string.h>

enum rc_topic {
    RC_TOPIC_METRICS,
    RC_TOPIC_SLAS,
    RC_TOPIC_CONTACTS,
    RC_TOPIC_ALERTS,
    RC_TOPIC_DEAD_LETTER,
    RC_TOPIC_COUNT
};
enum rc_record_kind { RC_KIND_ROLLING, RC_KIND_INTERVAL };
enum rc_status { RC_PROVISIONAL, RC_FINAL, RC_RESTATED, RC_CLOSED };

/* One record of rollcall.metrics, rollcall.slas or rollcall.contacts. The text: client, then queue
 * (`*`, `@group` as written out), then the name of the clock; of contacts see contact_record.h. */
struct rc_record {
    uint32_t size;   /* with the text, a multiple of 8 */
    uint32_t window; /* index: rolling windows as configured, then interval windows */
    uint8_t topic, kind, status, channel;
    uint8_t client_size, queue_size;
    uint8_t total;      /* 0: a queue; 1: a group; 2: `*` (groups and `*` last in the order) */
    uint8_t tombstone;  /* the key's life is over: key with no value */
    uint32_t revision;  /* from 1 per key */
    uint8_t clock_size; /* slas; 0 elsewhere */
    uint8_t measure;    /* slas: enum rc_measure */
    /* contacts, which have no window, status and start: */
    uint8_t contact_size, conversation_size;
    uint8_t customer_size, priority_size;
    uint16_t clock_count;
    uint8_t spare[4];
    int64_t start_ms, end_ms, as_of_ms;
    uint64_t contract;              /* fingerprint */
    int64_t value[RC_FIGURE_COUNT]; /* RC_NULL: null; booleans 0 and 1; slas: the sl_… are those
                                       of the clock, and nothing else means anything; contacts: by
                                       enum rc_contact_field */
    char text[];
};

/* Which figures stand in a record of that channel (bits of rc_figure_info.of). The others of
 * rc_record.value mean nothing. */
static inline uint8_t rc_figures_of(uint8_t channel)
{
    return channel == RC_TICKET ? RC_OF_TICKETS : RC_OF_VISITS;
}

static inline int rc_text_compare(const char *a, uint32_t a_size, const char *b, uint32_t b_size)
{
    int order = memcmp(a, b, a_size < b_size ? a_size : b_size);
    return order ? order : (int)a_size - (int)b_size;
}

/* The canonical order of records (SPEC section 8): as_of_ms, topic, client, queue (groups, then `*`
 * last), channel, window, start, clock; of contacts: as_of_ms, topic, client, contact, revision, as
 * one may move between queues within an instant; < 0, 0, > 0. */
static inline int rc_record_compare(const struct rc_record *a, const struct rc_record *b)
{
    if (a->as_of_ms != b->as_of_ms)
        return a->as_of_ms < b->as_of_ms ? -1 : 1;
    if (a->topic != b->topic)
        return (int)a->topic - (int)b->topic;
    int order = rc_text_compare(a->text, a->client_size, b->text, b->client_size);
    if (order)
        return order;
    if (a->topic == RC_TOPIC_CONTACTS) {
        order = rc_text_compare(a->text + a->client_size + a->queue_size, a->contact_size,
                                b->text + b->client_size + b->queue_size, b->contact_size);
        return order ? order : a->revision < b->revision ? -1 : a->revision > b->revision;
    }
    if (a->total != b->total)
        return (int)a->total - (int)b->total;
    order = rc_text_compare(a->text + a->client_size, a->queue_size, b->text + b->client_size,
                            b->queue_size);
    if (order)
        return order;
    if (a->channel != b->channel)
        return (int)a->channel - (int)b->channel;
    if (a->window != b->window)
        return a->window < b->window ? -1 : 1;
    if (a->start_ms != b->start_ms)
        return a->start_ms < b->start_ms ? -1 : 1;
    order = rc_text_compare(a->text + a->client_size + a->queue_size, a->clock_size,
                            b->text + b->client_size + b->queue_size, b->clock_size);
    if (order)
        return order;
    return a->revision < b->revision ? -1 : a->revision > b->revision;
}

/* What a source keeps of what came in, for the dead letters: `key_size` bytes of key, `value_size`
 * of value, then headers as (u32 name size, u32 value size or UINT32_MAX for none, name, value)*.
 * Sizes in front. */
struct rc_raw {
    uint32_t key_size; /* UINT32_MAX: the record has no key */
    uint32_t value_size;
    uint32_t header_count;
    uint32_t spare;
    char bytes[];
};

/* Why an event is a dead letter. `detail` follows a colon where the reason has one. */
struct rc_dead_letter {
    uint32_t size; /* with raw, a multiple of 8 */
    uint32_t raw_size;
    int64_t offset; /* Kafka offset; replay: line */
    uint32_t source;
    char reason[148]; /* NUL-terminated: "not_json", "invalid:time", "limit:points" … */
    char raw[];       /* struct rc_raw */
};

/* Messages in the rings; the kind stands in the ring's own header of a message. */
enum rc_message {
    RC_MESSAGE_EVENT,       /* struct rc_event */
    RC_MESSAGE_MARK,        /* struct rc_mark: ingest to shards */
    RC_MESSAGE_RECORD,      /* struct rc_record */
    RC_MESSAGE_DEAD_LETTER, /* struct rc_dead_letter */
    RC_MESSAGE_END,         /* struct rc_end: to the commit thread */
    RC_MESSAGE_CUT          /* struct rc_cut: ingest to the commit thread */
};

/* One epoch's cut. */
struct rc_mark {
    uint64_t epoch;
    int64_t now_ms;    /* RC_TIME_NONE before the first event */
    int64_t wall_ms;   /* the wall clock at the opening of the epoch; replay: RC_TIME_NONE */
    bool end_of_input; /* replay: publish what would change once more */
    bool snapshot;     /* after it the shard waits until its state has been saved */
    bool spare[6];
};
static_assert(sizeof(struct rc_mark) == 32, "two marks fill a cache line");

struct rc_end {
    uint64_t epoch;
    int64_t now_ms;
    uint32_t from; /* which shard; UINT32_MAX: ingest */
    uint32_t spare;
};

#endif
