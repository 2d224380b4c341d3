/* What the forms of a record (JSON, CSV, a table) have in common. */
#ifndef SINK_RECORD_TEXT_H
#define SINK_RECORD_TEXT_H

#include "rollcall/record.h"
#include "rollcall/sink.h"

extern const char *const record_channel_name[RC_CHANNEL_COUNT];
extern const char *const record_kind_name[2];
extern const char *const record_status_name[4];
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

/* Order of two keys: client, queue (groups, then `*`, last), channel. */
int record_compare_key(const struct rc_record *a, const struct rc_record *b);

#endif
