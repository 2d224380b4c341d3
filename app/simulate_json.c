#include "simulate_json.h"

#include "rollcall/calendar.h"
#include "rollcall/check.h"

#include <string.h>

enum { DAY_MS = 86400000 };

#define TYPE_TEXT(name)                                                                            \
    {sizeof("{\"type\":\"" #name "\",\"time\":\"") - 1, "{\"type\":\"" #name "\",\"time\":\""},
static const struct {
    uint8_t length;
    char text[39];
} opening[RC_TYPE_COUNT] = {RC_EVENT_TYPES(TYPE_TEXT)};
#undef TYPE_TEXT

static const char pairs[201] =
    "00010203040506070809101112131415161718192021222324252627282930313233343536373839404142434445"
    "46474849505152535455565758596061626364656667686970717273747576777879808182838485868788899091"
    "9293949596979899";
static const char *const reasons[] = {"transfer", "overflow", "voicemail",
                                      "callback", "timeout",  "other"};

static char *put(char *at, const char *text, size_t length)
{
    memcpy(at, text, length);
    return at + length;
}
#define PUT(at, text) put(at, text, sizeof(text) - 1)

static char *put_pair(char *at, uint32_t value)
{
    return put(at, &pairs[2 * value], 2);
}

/* Decimal, with leading zeros to at least that many digits. */
static char *put_number(char *at, uint64_t value, int digits)
{
    char text[20];
    int first = 20;
    while (value > 0 || digits > 0) {
        text[--first] = (char)('0' + value % 10);
        value /= 10;
        digits--;
    }
    return put(at, text + first, (size_t)(20 - first));
}

static char *put_hex(char *at, uint64_t value, int digits)
{
    for (int i = digits - 1; i >= 0; i--)
        *at++ = "0123456789abcdef"[value >> (4 * i) & 15];
    return at;
}

/* Contact numbers scattered over 48 bits, as a platform's ids are: odd factors are one to one. */
static char *put_contact(char *at, uint64_t number, uint32_t client)
{
    uint64_t mixed = (number * UINT64_C(0x9e3779b97f4b) + (uint64_t)client * 0x632be5ab);
    mixed ^= (mixed & UINT64_C(0xffffffffffff)) >> 24;
    return put_hex(PUT(at, "c-"), mixed, 12);
}

static void set_date(struct sim_json *json, int64_t day)
{
    int64_t year;
    unsigned month, date;
    rc_civil_from_days(day, &year, &month, &date);
    char *at = put_number(json->date, (uint64_t)year, 4);
    at = put_pair(PUT(at, "-"), month);
    PUT(put_pair(PUT(at, "-"), date), "T");
    json->day_start_ms = day * DAY_MS;
}

static char *put_time(struct sim_json *json, char *at, int64_t time_ms)
{
    if (time_ms < json->day_start_ms || time_ms - json->day_start_ms >= DAY_MS)
        set_date(json, time_ms / DAY_MS);
    uint32_t ms = (uint32_t)(time_ms - json->day_start_ms);
    uint32_t seconds = ms / 1000;

    at = put(at, json->date, 11);
    at = put_pair(at, seconds / 3600);
    at = put_pair(PUT(at, ":"), seconds / 60 % 60);
    at = put_pair(PUT(at, ":"), seconds % 60);
    at = PUT(at, ".");
    ms %= 1000;
    *at++ = (char)('0' + ms / 100);
    at = put_pair(at, ms % 100);
    return PUT(at, "Z");
}

static char *put_own_fields(char *at, const struct sim_fact *fact)
{
    switch ((enum rc_event_type)fact->type) {
    case RC_TYPE_queued:
        if (fact->customer)
            at = PUT(put_number(PUT(at, ",\"customer\":\"u-"), fact->customer, 7), "\"");
        if (fact->conversation) {
            at = put_contact(PUT(at, ",\"conversation\":\""), fact->conversation, fact->client);
            at = PUT(at, "\"");
        }
        if (fact->due_ms)
            at = put_number(PUT(at, ",\"due\":"), (uint64_t)fact->due_ms, 1);
        return fact->value == SIM_URGENT ? PUT(at, ",\"priority\":\"urgent\"")
               : fact->value == SIM_HIGH ? PUT(at, ",\"priority\":\"high\"")
                                         : at;
    case RC_TYPE_worked:
        return put_number(PUT(at, ",\"duration_ms\":"), (uint64_t)fact->value, 1);
    case RC_TYPE_left:
        at = PUT(at, ",\"reason\":\"");
        at = put(at, reasons[fact->value], strlen(reasons[fact->value]));
        return PUT(at, "\"");
    case RC_TYPE_resolved:
        return fact->value ? PUT(at, ",\"resolved\":true") : PUT(at, ",\"resolved\":false");
    case RC_TYPE_rated:
        return put_number(PUT(at, ",\"score\":"), (uint64_t)fact->value, 1);
    case RC_TYPE_reviewed:
        at = PUT(at, ",\"defects\":");
        at = put_number(at, (uint64_t)(fact->value < 0 ? -fact->value : fact->value), 1);
        at = PUT(at, ",\"opportunities\":12");
        return fact->value < 0 ? PUT(at, ",\"critical\":true") : at;
    default:
        return at;
    }
}

void sim_json_write(struct sim_json *json, const struct sim_client *client,
                    const struct sim_fact *fact)
{
    const struct sim_line *line = &client->line[fact->line];
    char *at = put(json->text, opening[fact->type].text, opening[fact->type].length);

    at = put_time(json, at, fact->time_ms);
    at = put(at, line->prefix, line->prefix_len);
    json->contact_at = (uint32_t)(at - json->text);
    at = put_contact(at, fact->contact, fact->client);
    json->contact_len = (uint32_t)(at - json->text) - json->contact_at;
    at = PUT(at, "\"");
    if (fact->agent != SIM_NONE)
        at = PUT(put_number(PUT(at, ",\"agent\":\"a-"), fact->agent, 5), "\"");
    at = put_own_fields(at, fact);
    at = put_number(PUT(at, ",\"id\":\"e-"), fact->id, 10);
    at = PUT(at, "\"}");
    json->length = (uint32_t)(at - json->text);
    RC_CHECK(json->length < SIM_JSON_SIZE);
}

/* Replaces the first occurrence of `old` by `new`; the text must hold it. */
static void replace(struct sim_json *json, const char *old, const char *new)
{
    size_t old_len = strlen(old), new_len = strlen(new);
    char *at = memmem(json->text, json->length, old, old_len);
    RC_CHECK(at && json->length - old_len + new_len < SIM_JSON_SIZE);
    memmove(at + new_len, at + old_len, (size_t)(json->text + json->length - at) - old_len);
    memcpy(at, new, new_len);
    json->length += (uint32_t)new_len - (uint32_t)old_len;
}

void sim_json_damage(struct sim_json *json, uint32_t kind, uint64_t bits)
{
    switch (kind) {
    case 1: /* cut short */
        json->length = 1 + (uint32_t)(bits % (json->length - 1));
        break;
    case 2: /* a required field lost */
        replace(json, "\"client\":", "\"klient\":");
        break;
    case 3:
        replace(json, "\"contact\":", "\"call_id\":");
        break;
    case 4: /* a date that does not exist */
        memcpy(memmem(json->text, json->length, "\"time\":\"", 8) + 13, "13-32", 5);
        break;
    case 5: /* a key twice */
        replace(json, "\"client\":", "\"client\":\"twice\",\"client\":");
        break;
    case 6: /* a byte that UTF-8 does not have */
        json->text[json->contact_at + bits % json->contact_len] = (char)0xff;
        break;
    default: /* a wrong channel */
        replace(json, "\"channel\":\"", "\"channel\":\"fax-");
    }
}
