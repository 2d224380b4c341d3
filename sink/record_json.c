/* A record as JSON, its key, and the canonical order of records. */
#include "contact_text.h"
#include "record_text.h"
#include "text.h"

const char *const record_channel_name[RC_CHANNEL_COUNT] = {"call", "chat", "ticket"};
const char *const record_kind_name[2] = {"rolling", "interval"};
const char *const record_status_name[4] = {"provisional", "final", "restated", "closed"};
const char *const record_measure_name[RC_MEASURE_COUNT] = {"acknowledge", "first_response",
                                                           "resolution"};
const struct record_clock_figure record_clock_figure[RECORD_CLOCK_FIGURES] = {
    {"sla_met", RC_FIG_sl_met, false}, {"sla_of", RC_FIG_sl_of, false},
    {"sla_bp", RC_FIG_sl_bp, false},   {"sla_target_bp", RC_FIG_sl_target_bp, false},
    {"sla_ok", RC_FIG_sl_ok, true},
};
const char *const record_lead_name[RECORD_LEAD_COUNT] = {
    "client", "queue",    "channel", "window",   "kind",    "start_ms",
    "end_ms", "as_of_ms", "status",  "revision", "contract"};

/* `,"name":` ready to be copied; every prefix is copied whole, at a size that the compiler knows,
 * and the next byte written goes over what was too much. */
enum { PREFIX_ROOM = 24 };
struct field {
    char prefix[PREFIX_ROOM];
    uint8_t size, figure;
    bool boolean;
};
/* A list for each kind of record, without what stands only in others. */
#define IN_VISITS_VISITS(...) __VA_ARGS__,
#define IN_VISITS_TICKETS(...)
#define IN_VISITS_ALL(...) __VA_ARGS__,
#define IN_TICKETS_VISITS(...)
#define IN_TICKETS_TICKETS(...) __VA_ARGS__,
#define IN_TICKETS_ALL(...)     __VA_ARGS__,
#define FIELD(name, unit)                                                                          \
    {                                                                                              \
        ",\"" #name "\":", sizeof(",\"" #name "\":") - 1, RC_FIG_##name,                           \
            RC_UNIT_##unit == RC_UNIT_BOOL                                                         \
    }
#define VISIT_FIELD(name, unit, merge, of, help)  IN_VISITS_##of(FIELD(name, unit))
#define TICKET_FIELD(name, unit, merge, of, help) IN_TICKETS_##of(FIELD(name, unit))
static const struct field visit_field[] = {RC_FIELDS(VISIT_FIELD)};
static const struct field ticket_field[] = {RC_FIELDS(TICKET_FIELD)};
#undef VISIT_FIELD
#undef TICKET_FIELD
#undef FIELD
#define FIELD_FITS(name, unit, merge, of, help)                                                    \
    static_assert(sizeof(",\"" #name "\":") <= PREFIX_ROOM, "make PREFIX_ROOM larger");
RC_FIELDS(FIELD_FITS)
#undef FIELD_FITS
static_assert(2 * TEXT_JSON_GROWTH * 256 + 512 + RC_FIGURE_COUNT * (PREFIX_ROOM + TEXT_INT_MAX) <=
                  SINK_RECORD_TEXT_MAX,
              "a record always fits");
static_assert(3 * TEXT_JSON_GROWTH * 256 + 1024 <= SINK_RECORD_TEXT_MAX, "one of slas, too");

#define PUT(at, literal) text_put(at, literal, sizeof(literal) - 1)

static char *put_name(char *at, const char *name)
{
    *at++ = '"';
    at = text_put(at, name, (uint32_t)strlen(name));
    *at++ = '"';
    return at;
}

static char *put_lead(char *at, const struct rc_windows *windows, const struct rc_record *rec)
{
    at = PUT(at, "{\"client\":");
    at = text_json(at, record_client(rec), rec->client_size);
    at = PUT(at, ",\"queue\":");
    at = text_json(at, record_queue(rec), rec->queue_size);
    at = PUT(at, ",\"channel\":");
    at = put_name(at, record_channel_name[rec->channel]);
    const char *window = rc_window_name(windows, rec->window);
    at = PUT(at, ",\"window\":");
    at = text_json(at, window, (uint32_t)strlen(window));
    at = PUT(at, ",\"kind\":");
    at = put_name(at, record_kind_name[rec->kind]);
    at = PUT(at, ",\"start_ms\":");
    at = text_int(at, rec->start_ms);
    at = PUT(at, ",\"end_ms\":");
    at = text_int(at, rec->end_ms);
    at = PUT(at, ",\"as_of_ms\":");
    at = text_int(at, rec->as_of_ms);
    at = PUT(at, ",\"status\":");
    at = put_name(at, record_status_name[rec->status]);
    at = PUT(at, ",\"revision\":");
    at = text_uint(at, rec->revision);
    at = PUT(at, ",\"contract\":\"");
    at = text_hex64(at, rec->contract);
    *at++ = '"';
    return at;
}

/* Null or not, and how many digits, cannot be guessed: both are made, one is chosen. */
static inline char *put_figure(char *at, int64_t value)
{
    bool null = value == RC_NULL;
    if ((uint64_t)value < 10) { /* two of three */
        *at = (char)('0' + value);
        return at + 1;
    }
    if (!null && (uint64_t)value >= TEXT_EIGHT_END)
        return text_int(at, value);
    uint64_t eight = text_eight(null ? 0 : (uint32_t)value);
    uint32_t zeros = text_zeros(eight);
    uint64_t digits = (eight | TEXT_ASCII_ZEROS) >> 8 * zeros;
    at = text_put_eight(at, null ? TEXT_NULL : digits);
    return at - (null ? sizeof digits - 4 : zeros);
}

static inline char *put_value(char *at, int64_t value, bool boolean)
{
    if (!boolean || value == RC_NULL)
        return put_figure(at, value);
    return value ? PUT(at, "true") : PUT(at, "false");
}

static char *put_clock(char *at, const struct rc_record *rec)
{
    at = PUT(at, ",\"clock\":");
    at = text_json(at, record_clock(rec), rec->clock_size);
    at = PUT(at, ",\"measure\":");
    at = put_name(at, record_measure_name[rec->measure]);
    for (uint32_t i = 0; i < RECORD_CLOCK_FIGURES; i++) {
        const struct record_clock_figure *one = &record_clock_figure[i];
        *at++ = ',';
        at = put_name(at, one->name);
        *at++ = ':';
        at = put_value(at, rec->value[one->figure], one->boolean);
    }
    return at;
}

uint32_t sink_record_json(const struct rc_windows *windows, const struct rc_record *rec, char *room)
{
    if (rec->topic == RC_TOPIC_CONTACTS)
        return (uint32_t)(contact_json(room, rec) - room);
    char *at = put_lead(room, windows, rec);
    if (rec->topic == RC_TOPIC_SLAS) {
        at = put_clock(at, rec);
        *at++ = '}';
        return (uint32_t)(at - room);
    }
    bool ticket = rec->channel == RC_TICKET;
    const struct field *field = ticket ? ticket_field : visit_field;
    const struct field *end = ticket ? ticket_field + sizeof ticket_field / sizeof *ticket_field
                                     : visit_field + sizeof visit_field / sizeof *visit_field;
    for (; field < end; field++) {
        memcpy(at, field->prefix, PREFIX_ROOM);
        at += field->size;
        at = put_value(at, rec->value[field->figure], field->boolean);
    }
    *at++ = '}';
    return (uint32_t)(at - room);
}

char *record_csv_text(char *at, const char *bytes, uint32_t size)
{
    bool plain = true;
    for (uint32_t i = 0; i < size && plain; i++)
        plain = bytes[i] != '"' && bytes[i] != ',' && bytes[i] != '\r' && bytes[i] != '\n';
    if (plain)
        return text_put(at, bytes, size);
    *at++ = '"';
    for (uint32_t i = 0; i < size; i++) {
        if (bytes[i] == '"')
            *at++ = '"';
        *at++ = bytes[i];
    }
    *at++ = '"';
    return at;
}

/* ---- key ---- */

static char *put_key_part(char *at, const char *bytes, uint32_t size)
{
    static const char hex[] = "0123456789ABCDEF";
    uint32_t i = 0;
    for (; size - i >= 8 && text_plain(bytes + i, '%', '|'); i += 8)
        at = text_put(at, bytes + i, 8);
    for (; i < size; i++) {
        unsigned char byte = (unsigned char)bytes[i];
        if (byte >= 0x20 && byte != '%' && byte != '|' && byte != 0x7f) {
            *at++ = (char)byte;
            continue;
        }
        *at++ = '%';
        *at++ = hex[byte >> 4];
        *at++ = hex[byte & 15];
    }
    return at;
}

uint32_t sink_record_key(const struct rc_windows *windows, const struct rc_record *rec, char *room)
{
    char *at = put_key_part(room, record_client(rec), rec->client_size);
    *at++ = '|';
    if (rec->topic == RC_TOPIC_CONTACTS) {
        at = put_key_part(at, rc_contact_id(rec), rec->contact_size);
        return (uint32_t)(at - room);
    }
    const char *window = rc_window_name(windows, rec->window);
    at = put_key_part(at, record_queue(rec), rec->queue_size);
    *at++ = '|';
    at = text_put(at, record_channel_name[rec->channel],
                  (uint32_t)strlen(record_channel_name[rec->channel]));
    *at++ = '|';
    at = put_key_part(at, window, (uint32_t)strlen(window));
    if (rec->kind == RC_KIND_INTERVAL) {
        *at++ = '|';
        at = text_int(at, rec->start_ms);
    }
    if (rec->topic == RC_TOPIC_SLAS) {
        *at++ = '|';
        at = put_key_part(at, record_clock(rec), rec->clock_size);
    }
    return (uint32_t)(at - room);
}

/* ---- order ---- */

static int compare_bytes(const char *a, uint32_t a_size, const char *b, uint32_t b_size)
{
    int order = memcmp(a, b, a_size < b_size ? a_size : b_size);
    return order ? order : (a_size > b_size) - (a_size < b_size);
}

#define COMPARE(field)                                                                             \
    if (a->field != b->field)                                                                      \
    return a->field < b->field ? -1 : 1

int record_compare_key(const struct rc_record *a, const struct rc_record *b)
{
    int order = compare_bytes(record_client(a), a->client_size, record_client(b), b->client_size);
    if (order)
        return order;
    COMPARE(total);
    order = compare_bytes(record_queue(a), a->queue_size, record_queue(b), b->queue_size);
    if (order)
        return order;
    COMPARE(channel);
    return 0;
}

/* A contact may move between queues within an instant: its own records stand by revision. */
static int compare_contacts(const struct rc_record *a, const struct rc_record *b)
{
    int order = compare_bytes(record_client(a), a->client_size, record_client(b), b->client_size);
    if (!order)
        order = compare_bytes(rc_contact_id(a), a->contact_size, rc_contact_id(b), b->contact_size);
    if (order)
        return order;
    COMPARE(revision);
    return 0;
}

int sink_record_compare(const struct rc_record *a, const struct rc_record *b)
{
    COMPARE(as_of_ms);
    COMPARE(topic);
    if (a->topic == RC_TOPIC_CONTACTS)
        return compare_contacts(a, b);
    int order = record_compare_key(a, b);
    if (order)
        return order;
    COMPARE(window);
    COMPARE(start_ms);
    return compare_bytes(record_clock(a), a->clock_size, record_clock(b), b->clock_size);
}
