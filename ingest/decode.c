/* One record to one event: the checks of SPEC section 2, in their order, the first fault being the
 * reason. The whole text is read and found to be JSON before the first field is looked at. */
#include "decode_json.h"
#include "decode_value.h"
#include "decode_words.h"
#include "hash.h"
#include "rollcall/check.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { REASON_ROOM = 148 };
#define DURATION_MAX_MS (INT64_C(31) * 86400000)

struct ingest_decoder {
    const struct rc_config *config;
    uint64_t hash_secret;
    struct ingest_secret secret;
    struct ingest_words types, channels, reasons;
    struct ingest_json *json;
    struct ingest_json_result found;
    bool whole; /* the record decoded last is a JSON object: `found` tells of it */
};

/* One record on its way. */
struct decode {
    struct ingest_decoder *decoder;
    const struct ingest_envelope *envelope;
    const struct ingest_json_fields *fields; /* the event's own: the text's, or those of `data` */
    bool structured, binary;                 /* CloudEvents */
    struct rc_event *ev;
    char *room; /* for the next string that has escapes; enough for all of them */
    char *reason;
};

struct name {
    const char *at;
    uint32_t size;
};

#define FIELD_NAME(name) #name,
static const char *const field_name[] = {INGEST_JSON_FIELDS(FIELD_NAME)};
static const char *const type_name[] = {RC_EVENT_TYPES(FIELD_NAME)};
#undef FIELD_NAME
static const char *const channel_name[] = {"call", "chat", "ticket"};
static const char *const reason_name[] = {"transfer", "overflow", "voicemail",
                                          "callback", "timeout",  "other"};

/* ---- answers ---- */

static __attribute__((cold, noinline)) void fault(struct decode *d, const char *what,
                                                  enum ingest_json_field field)
{
    snprintf(d->reason, REASON_ROOM, "%s:%s", what, field_name[field]);
}

static inline bool invalid(struct decode *d, enum ingest_json_field field)
{
    fault(d, "invalid", field);
    return false;
}

static inline bool missing(struct decode *d, enum ingest_json_field field)
{
    fault(d, "missing", field);
    return false;
}

/* A key as part of a reason: control characters written out, cut between characters. */
static void invalid_key(char *reason, const char *key, uint32_t size)
{
    char *out = reason + snprintf(reason, REASON_ROOM, "invalid:");
    const char *end = reason + REASON_ROOM - 1;
    for (uint32_t i = 0; i < size;) {
        unsigned char c = (unsigned char)key[i];
        uint32_t length = c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
        char piece[8];
        if (c < 0x20 || c == 0x7f) {
            int written = snprintf(piece, sizeof piece, "\\u%04x", c);
            if (end - out < written)
                break;
            memcpy(out, piece, (size_t)written);
            out += written;
        } else {
            if (end - out < (int64_t)length || size - i < length)
                break;
            memcpy(out, key + i, length);
            out += length;
        }
        i += length;
    }
    *out = '\0';
}

/* ---- fields ---- */

static const struct ingest_json_token *find(const struct ingest_json_fields *fields,
                                            enum ingest_json_field field)
{
    return fields->present >> field & 1 ? &fields->token[field] : NULL;
}

/* The characters of a string; lent until the next record. */
static const char *string_read(struct decode *d, const struct ingest_json_token *token,
                               uint32_t *ret_size)
{
    *ret_size = token->size;
    if (!token->escaped)
        return token->at;
    char *room = d->room;
    *ret_size = ingest_json_unescape(token, room);
    d->room += *ret_size;
    return room;
}

static bool has_control(const char *at, uint32_t size)
{
    for (uint32_t i = 0; i < size; i++) {
        if ((unsigned char)at[i] < 0x20 || at[i] == 0x7f)
            return true;
    }
    return false;
}

/* An optional name; ret_name->size 0 when there is none. */
static inline bool take_name(struct decode *d, enum ingest_json_field field, uint32_t most,
                             struct name *ret_name)
{
    const struct ingest_json_token *token = find(d->fields, field);
    *ret_name = (struct name){NULL, 0};
    if (!token)
        return true;
    if (token->kind != INGEST_JSON_STRING)
        return invalid(d, field);
    const char *at = string_read(d, token, &ret_name->size);
    ret_name->at = at;
    if (ret_name->size - 1 >= most)
        return invalid(d, field);
    /* The first stage found that there is none below U+0020 but by escapes. */
    if ((token->escaped || token->deleted) && has_control(at, ret_name->size))
        return invalid(d, field);
    return true;
}

static bool time_of(struct decode *d, const struct ingest_json_token *token, int64_t *ret_ms)
{
    uint32_t size;
    if (token->kind == INGEST_JSON_NUMBER) {
        int64_t ms;
        if (!ingest_integer_read(token->at, token->size, &ms) || ms < RC_TIME_FIRST ||
            ms >= RC_TIME_LAST)
            return false;
        *ret_ms = ms;
        return true;
    }
    if (token->kind != INGEST_JSON_STRING)
        return false;
    const char *at = string_read(d, token, &size);
    return ingest_time_read(at, size, ret_ms);
}

static bool take_integer(struct decode *d, enum ingest_json_field field, int64_t most,
                         int64_t *ret_value)
{
    const struct ingest_json_token *token = find(d->fields, field);
    if (!token)
        return true;
    if (token->kind != INGEST_JSON_NUMBER ||
        !ingest_integer_read(token->at, token->size, ret_value) || *ret_value < 0 ||
        *ret_value > most)
        return invalid(d, field);
    return true;
}

static bool take_bool(struct decode *d, enum ingest_json_field field, bool *ret_value)
{
    const struct ingest_json_token *token = find(d->fields, field);
    if (!token)
        return true;
    if (token->kind != INGEST_JSON_TRUE && token->kind != INGEST_JSON_FALSE)
        return invalid(d, field);
    *ret_value = token->kind == INGEST_JSON_TRUE;
    return true;
}

/* A word of a list; absent: *ret_index stays. */
static bool take_word(struct decode *d, enum ingest_json_field field,
                      const struct ingest_words *words, uint8_t *ret_index)
{
    const struct ingest_json_token *token = find(d->fields, field);
    uint32_t size, index;
    if (!token)
        return true;
    if (token->kind != INGEST_JSON_STRING)
        return invalid(d, field);
    const char *at = string_read(d, token, &size);
    if ((index = ingest_words_find(words, at, size)) == words->count)
        return invalid(d, field);
    *ret_index = (uint8_t)index;
    return true;
}

/* ---- the checks, in their order ---- */

static bool check_cloudevents(struct decode *d)
{
    const struct ingest_json_fields *top = &d->decoder->found.top;
    const struct ingest_json_token *version = find(top, INGEST_JSON_specversion);
    uint32_t size;
    d->fields = top;
    d->binary = d->envelope && d->envelope->ce_type;
    if (d->binary || !version)
        return true;
    d->structured = true;
    if (version->kind != INGEST_JSON_STRING)
        return invalid(d, INGEST_JSON_specversion);
    const char *at = string_read(d, version, &size);
    if (size != 3 || memcmp(at, "1.0", 3) != 0)
        return invalid(d, INGEST_JSON_specversion);
    const struct ingest_json_token *data = find(top, INGEST_JSON_data);
    if (!data)
        return missing(d, INGEST_JSON_data);
    if (data->kind != INGEST_JSON_OBJECT)
        return invalid(d, INGEST_JSON_data);
    d->fields = &d->decoder->found.data;
    return true;
}

static const char *after_dot(const char *at, uint32_t *size)
{
    const char *dot = *size ? memrchr(at, '.', *size) : NULL;
    if (!dot)
        return at;
    *size -= (uint32_t)(dot + 1 - at);
    return dot + 1;
}

/* *ret_type is RC_TYPE_COUNT for one that is not known. */
static bool take_type(struct decode *d, uint32_t *ret_type)
{
    const struct ingest_json_token *token = find(&d->decoder->found.top, INGEST_JSON_type);
    const char *at;
    uint32_t size;
    if (d->binary) {
        at = d->envelope->ce_type;
        size = d->envelope->ce_type_size;
    } else {
        if (!token)
            return missing(d, INGEST_JSON_type);
        if (token->kind != INGEST_JSON_STRING)
            return invalid(d, INGEST_JSON_type);
        at = string_read(d, token, &size);
    }
    if (d->binary || d->structured)
        at = after_dot(at, &size);
    if (size == 0)
        return invalid(d, INGEST_JSON_type);
    char room[INGEST_WORD_SIZE_MAX] = {0}; /* a header has no padding */
    if (d->binary)
        at = memcpy(room, at, size < sizeof room ? size : sizeof room);
    *ret_type = ingest_words_find(&d->decoder->types, at, size);
    return true;
}

static bool take_time(struct decode *d)
{
    const struct ingest_json_token *token = find(d->fields, INGEST_JSON_time);
    if (!token && d->structured)
        token = find(&d->decoder->found.top, INGEST_JSON_time);
    if (token)
        return time_of(d, token, &d->ev->time_ms) || invalid(d, INGEST_JSON_time);
    if (!d->binary || !d->envelope->ce_time)
        return missing(d, INGEST_JSON_time);
    return ingest_time_read(d->envelope->ce_time, d->envelope->ce_time_size, &d->ev->time_ms) ||
           invalid(d, INGEST_JSON_time);
}

/* Names are short: copying them by halves that overlap is quicker than a call. */
static inline char *put_name(char *to, const struct name *name, uint8_t *ret_size)
{
    const char *at = name->at;
    uint32_t size = name->size;
    *ret_size = (uint8_t)size;
    if (size > 16) {
        for (uint32_t i = 0; i < size - 16; i += 16)
            memcpy(to + i, at + i, 16);
        memcpy(to + size - 16, at + size - 16, 16);
    } else if (size >= 8) {
        memcpy(to, at, 8);
        memcpy(to + size - 8, at + size - 8, 8);
    } else {
        for (uint32_t i = 0; i < size; i++)
            to[i] = at[i];
    }
    return to + size;
}

static bool take_names(struct decode *d)
{
    struct rc_event *ev = d->ev;
    struct name client, contact, queue, customer, conversation, agent, priority;
    if (!take_name(d, INGEST_JSON_client, RC_CLIENT_MAX, &client))
        return false;
    if (client.size == 0)
        return missing(d, INGEST_JSON_client);
    if (!take_name(d, INGEST_JSON_contact, RC_ID_MAX, &contact))
        return false;
    if (contact.size == 0)
        return missing(d, INGEST_JSON_contact);
    if (!take_word(d, INGEST_JSON_channel, &d->decoder->channels, &ev->channel) ||
        !take_name(d, INGEST_JSON_queue, RC_QUEUE_MAX, &queue))
        return false;
    if (queue.size > 0 && (queue.at[0] == '@' || (queue.at[0] == '*' && queue.size == 1)))
        return invalid(d, INGEST_JSON_queue);
    if (!take_name(d, INGEST_JSON_customer, RC_ID_MAX, &customer) ||
        !take_name(d, INGEST_JSON_conversation, RC_ID_MAX, &conversation) ||
        !take_name(d, INGEST_JSON_agent, RC_ID_MAX, &agent) ||
        !take_name(d, INGEST_JSON_priority, RC_PRIORITY_MAX, &priority))
        return false;
    char *to = put_name(ev->text, &client, &ev->client_size);
    to = put_name(to, &queue, &ev->queue_size);
    to = put_name(to, &contact, &ev->contact_size);
    to = put_name(to, &conversation, &ev->conversation_size);
    to = put_name(to, &agent, &ev->agent_size);
    put_name(to, &priority, &ev->priority_size);
    if (customer.size > 0) {
        ev->customer = ingest_secret_pseudonym(&d->decoder->secret, customer.at, customer.size);
        ev->flags |= RC_EVENT_CUSTOMER;
    }
    return true;
}

static bool take_due(struct decode *d)
{
    const struct ingest_json_token *token = find(d->fields, INGEST_JSON_due);
    if (!token)
        return true;
    d->ev->flags |= RC_EVENT_DUE;
    return time_of(d, token, &d->ev->value) || invalid(d, INGEST_JSON_due);
}

static bool take_left_reason(struct decode *d)
{
    uint8_t reason = RC_LEFT_OTHER;
    if (!take_word(d, INGEST_JSON_reason, &d->decoder->reasons, &reason))
        return false;
    d->ev->value = reason;
    return true;
}

static bool take_score(struct decode *d)
{
    enum { SCORE_LIMIT_EXPONENT = 6 };
    const struct ingest_json_token *token = find(d->fields, INGEST_JSON_score);
    if (!token)
        return missing(d, INGEST_JSON_score);
    if (token->kind != INGEST_JSON_NUMBER ||
        !ingest_decimal_read(token->at, token->size, SCORE_LIMIT_EXPONENT, &d->ev->value))
        return invalid(d, INGEST_JSON_score);
    return true;
}

static bool take_review(struct decode *d)
{
    bool critical = false;
    if (!take_integer(d, INGEST_JSON_defects, INT32_MAX, &d->ev->value) ||
        !take_integer(d, INGEST_JSON_opportunities, INT32_MAX, &d->ev->opportunities) ||
        !take_bool(d, INGEST_JSON_critical, &critical))
        return false;
    d->ev->flags |= critical ? RC_EVENT_CRITICAL : 0;
    return true;
}

/* What only this type carries. */
static bool take_own(struct decode *d)
{
    bool resolved = true;
    switch (d->ev->type) {
    case RC_TYPE_queued:
        return take_due(d);
    case RC_TYPE_left:
        return take_left_reason(d);
    case RC_TYPE_resolved:
        if (!take_bool(d, INGEST_JSON_resolved, &resolved))
            return false;
        d->ev->value = resolved;
        d->ev->flags |= resolved ? RC_EVENT_RESOLVED : 0;
        return true;
    case RC_TYPE_worked:
        if (!find(d->fields, INGEST_JSON_duration_ms))
            return missing(d, INGEST_JSON_duration_ms);
        return take_integer(d, INGEST_JSON_duration_ms, DURATION_MAX_MS, &d->ev->value);
    case RC_TYPE_rated:
        return take_score(d);
    case RC_TYPE_reviewed:
        return take_review(d);
    default:
        return true;
    }
}

static bool client_known(const struct rc_contracts *contracts, const char *name, uint32_t size)
{
    uint32_t low = 0, high = contracts->client_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct rc_client_policy *policy = &contracts->client[middle];
        uint32_t shared = size < policy->name_size ? size : policy->name_size;
        int order = memcmp(name, policy->name, shared);
        if (order == 0 && size == policy->name_size)
            return true;
        if (order < 0 || (order == 0 && size < policy->name_size))
            high = middle;
        else
            low = middle + 1;
    }
    return false;
}

/* ---- the decoder ---- */

static enum ingest_verdict decode_object(struct decode *d)
{
    uint32_t type;
    struct rc_event *ev = d->ev;
    const struct rc_config *config = d->decoder->config;
    if (!check_cloudevents(d) || !take_type(d, &type))
        return INGEST_REFUSED;
    if (type == RC_TYPE_COUNT)
        return INGEST_UNKNOWN;
    memset(ev, 0, sizeof *ev);
    ev->type = (uint8_t)type;
    ev->channel = d->envelope ? d->envelope->channel : RC_CHANNEL_NONE;
    ev->now_ms = RC_TIME_NONE;
    ev->size = sizeof *ev;
    if (!take_time(d))
        return INGEST_REFUSED;
    if (type == RC_TYPE_tick)
        return INGEST_EVENT;
    if (!take_names(d) || !take_own(d))
        return INGEST_REFUSED;
    const char *client = rc_event_client(ev), *contact = rc_event_contact(ev);
    if (config->contracts.clients_only &&
        !client_known(&config->contracts, client, ev->client_size)) {
        snprintf(d->reason, REASON_ROOM, "unknown_client");
        return INGEST_REFUSED;
    }
    ev->task = (ingest_murmur2(client, ev->client_size) & 0x7fffffff) % config->tasks;
    ev->contact_hash = ingest_contact_hash(d->decoder->hash_secret, client, ev->client_size,
                                           contact, ev->contact_size);
    ev->size += (rc_event_text_size(ev) + 7u) & ~7u;
    return INGEST_EVENT;
}

enum ingest_verdict ingest_decode(struct ingest_decoder *decoder,
                                  const struct ingest_envelope *envelope, const char *value,
                                  uint32_t value_size, union ingest_event *ret_event,
                                  char *ret_reason)
{
    const char *reason = "not_json";
    struct decode d = {.decoder = decoder,
                       .envelope = envelope,
                       .ev = &ret_event->ev,
                       .room = ingest_json_room(decoder->json),
                       .reason = ret_reason};
    enum ingest_json_verdict verdict =
        ingest_json_read(decoder->json, value, value_size, &decoder->found);
    decoder->whole = verdict == INGEST_JSON_OK;
    switch (verdict) {
    case INGEST_JSON_OK:
        return decode_object(&d);
    case INGEST_JSON_BLANK:
        return INGEST_BLANK;
    case INGEST_JSON_DUPLICATE:
        invalid_key(ret_reason, decoder->found.duplicate, decoder->found.duplicate_size);
        return INGEST_REFUSED;
    case INGEST_JSON_TOO_LARGE:
        reason = "too_large";
        break;
    case INGEST_JSON_NOT_OBJECT:
        reason = "not_object";
        break;
    case INGEST_JSON_NOT_JSON:
        break;
    }
    snprintf(ret_reason, REASON_ROOM, "%s", reason);
    return INGEST_REFUSED;
}

uint32_t ingest_client_of(struct ingest_decoder *decoder, const struct ingest_envelope *envelope,
                          char ret_client[RC_CLIENT_MAX])
{
    char reason[REASON_ROOM];
    struct name client;
    struct decode d = {.decoder = decoder,
                       .envelope = envelope,
                       .room = ingest_json_room(decoder->json),
                       .reason = reason};
    if (!decoder->whole || !check_cloudevents(&d) ||
        !take_name(&d, INGEST_JSON_client, RC_CLIENT_MAX, &client))
        return 0;
    if (client.size)
        memcpy(ret_client, client.at, client.size);
    return client.size;
}

enum rc_error ingest_decoder_open(const struct ingest_decoder_options *options,
                                  struct ingest_decoder **ret_decoder)
{
    const struct rc_config *config = options->config;
    RC_CHECK(config->tasks > 0);
    struct ingest_decoder *decoder = calloc(1, sizeof *decoder);
    if (!decoder)
        return RC_ERR_MEMORY;
    uint64_t most = config->limits.max_event;
    decoder->config = config;
    decoder->hash_secret = options->hash_secret;
    ingest_words_init(&decoder->types, type_name, RC_TYPE_COUNT);
    ingest_words_init(&decoder->channels, channel_name, RC_CHANNEL_COUNT);
    ingest_words_init(&decoder->reasons, reason_name, RC_LEFT_OTHER + 1);
    decoder->json = ingest_json_open(most < INT32_MAX ? (uint32_t)most : INT32_MAX);
    if (!decoder->json) {
        ingest_decoder_close(decoder);
        return RC_ERR_MEMORY;
    }
    ingest_secret_init(&decoder->secret, config->privacy.key);
    *ret_decoder = decoder;
    return RC_OK;
}

void ingest_decoder_close(struct ingest_decoder *decoder)
{
    if (!decoder)
        return;
    ingest_json_close(decoder->json);
    free(decoder);
}
