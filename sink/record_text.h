/* What the forms of a record (JSON, CSV, a table) have in common. */
#ifndef SINK_RECORD_TEXT_H
#define SINK_RECORD_TEXT_H

#include "rollcall/record.h"
#include "rollcall/sink.h"

extern const char *const record_channel_name[RC_CHANNEL_COUNT];
extern const char *const record_kind_name[2];
extern const char *const record_status_name[4];
extern const char *const record_measure_name[RC_MEASURE_COUNT];
/* Fields before the figures, in their order: client … contract. */
enum { RECORD_LEAD_COUNT = 11 };
extern const char *const record_lead_name[RECORD_LEAD_COUNT];

static inline const char *record_client(const struct rc_record *rec)
{
    return rec->text;
}
static inline const char *record_queue(const struct rc_record *rec)
{
    return rec->text + rec->client_size;
}
static inline const char *record_clock(const struct rc_record *rec)
{
    return record_queue(rec) + rec->queue_size;
}

/* The figures of a record of rollcall.slas, in their order, and what they are called there. */
enum { RECORD_CLOCK_FIGURES = 5 };
struct record_clock_figure {
    const char *name;
    enum rc_figure figure;
    bool boolean;
};
extern const struct record_clock_figure record_clock_figure[RECORD_CLOCK_FIGURES];

/* A field of a CSV, in quotes where it needs them; 2 + 2 * size bytes. Returns the end. */
char *record_csv_text(char *at, const char *bytes, uint32_t size);

/* Order of two keys: client, queue (groups, then `*`, last), channel. */
int record_compare_key(const struct rc_record *a, const struct rc_record *b);

#endif
