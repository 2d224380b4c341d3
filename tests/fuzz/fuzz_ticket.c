/* Three bytes an event of one of two tickets: what happens, when, and to whom; or a cut between
 * epochs. Told in this order with these cuts, and backwards in one piece, the last record of every
 * interval is the same. */
#include "config_load.h"
#include "rollcall/aggregate.h"
#include "rollcall/check.h"
#include "rollcall/ingest.h"
#include "rollcall/sink.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { EVENTS_MAX = 400, KEYS_MAX = 4096, STEP_MS = 7 * 60000, HOUR_MS = 3600000 };
#define T0  INT64_C(1767571200000) /* Monday 2026-01-05T00:00:00Z */
#define END (T0 + 8 * 24 * (int64_t)HOUR_MS)

static const char config_text[] =
    "tasks: 1\n"
    "time: {retention: {ticket: 400d, open_tickets: 400d}, restate_every: 12h,\n"
    "       restate_for: {default: 400d, day: 400d}}\n"
    "windows: {rolling: [{name: r, length: 8h, every: 8h}], interval: [day]}\n"
    "calendars:\n"
    "  desk: {timezone: Europe/Berlin, week: {mon-fri: [\"09:00-12:00\", \"13:00-17:00\"]}}\n"
    "defaults:\n"
    "  ticket:\n"
    "    slas:\n"
    "      - {name: a, measure: acknowledge, within: {urgent: 1h, default: 4h}, target: 90%}\n"
    "      - {name: f, measure: first_response, within: 8h, target: 90%, calendar: desk}\n"
    "      - {name: r, measure: resolution, within: 10h, target: 90%, calendar: desk}\n"
    "      - {name: e, measure: resolution, within: event, target: 90%}\n"
    "  fcr: {window: 2d}\n"
    "clients:\n"
    "  acme:\n"
    "    queues: {b: {ticket: {slas: [{name: r, measure: resolution, within: 6h, target: 50%,\n"
    "                                  pauses: false}]}}}\n"
    "    groups: {g: {queues: [a, b]}}\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct told { /* the last record of every interval */
    struct rc_record *record[KEYS_MAX];
    uint32_t count;
};

static bool same_key(const struct rc_record *a, const struct rc_record *b)
{
    return a->topic == b->topic && a->channel == b->channel && a->window == b->window &&
           a->start_ms == b->start_ms && a->total == b->total && a->client_size == b->client_size &&
           a->queue_size == b->queue_size && a->clock_size == b->clock_size &&
           !memcmp(a->text, b->text, (size_t)a->client_size + a->queue_size + a->clock_size);
}

static struct rc_record **find(struct told *told, const struct rc_record *rec)
{
    uint32_t i = 0;
    while (i < told->count && !same_key(told->record[i], rec))
        i++;
    return &told->record[i];
}

static void keep(void *opaque, enum rc_message kind, const void *message, uint32_t size)
{
    struct told *told = opaque;
    const struct rc_record *rec = message;
    RC_CHECK(kind == RC_MESSAGE_RECORD); /* nothing here is a dead letter */
    if (rec->kind != RC_KIND_INTERVAL || rec->tombstone)
        return;
    struct rc_record **at = find(told, rec);
    if (at == &told->record[told->count])
        RC_CHECK(++told->count < KEYS_MAX);
    else
        free(*at);
    *at = malloc(size);
    RC_CHECK(*at != NULL);
    memcpy(*at, rec, size);
}

/* Which figures stand in the record. */
static bool stands(const struct rc_record *rec, int figure)
{
    if (rec->topic == RC_TOPIC_SLAS)
        return figure == RC_FIG_sl_met || figure == RC_FIG_sl_of;
    return rc_figure_info[figure].merge != RC_MERGE_RATIO &&
           rc_figure_info[figure].of & RC_OF_TICKETS;
}

/* A record that is missing is zero. */
static void compare(struct told *left, struct told *right)
{
    for (uint32_t i = 0; i < left->count; i++) {
        const struct rc_record *a = left->record[i], **found;
        found = (const struct rc_record **)find(right, a);
        const struct rc_record *b =
            found == (const struct rc_record **)&right->record[right->count] ? NULL : *found;
        for (int f = 0; f < RC_FIGURE_COUNT; f++)
            RC_CHECK(!stands(a, f) || a->value[f] == (b ? b->value[f] : 0));
    }
}

static void forget(struct told *told)
{
    for (uint32_t i = 0; i < told->count; i++)
        free(told->record[i]);
    told->count = 0;
}

/* ---- events ---- */

static const struct rc_config *config;
static struct ingest_decoder *decoder;

static void begin(void)
{
    struct config_loaded *loaded;
    FILE *nowhere = fopen("/dev/null", "we");
    RC_CHECK(nowhere != NULL);
    RC_CHECK(config_load_text("fuzz.yaml", config_text, sizeof config_text - 1, nowhere, &loaded) ==
             RC_OK);
    config = loaded->config;
    struct ingest_decoder_options options = {.config = config, .hash_secret = 1};
    RC_CHECK(ingest_decoder_open(&options, &decoder) == RC_OK);
    fclose(nowhere);
}

static bool is_cut(const uint8_t *three)
{
    return three[0] >= 0xf0;
}

/* Minutes and exact repetitions: many events of one instant. */
static int64_t time_of(const uint8_t *three)
{
    return T0 + three[1] * (int64_t)STEP_MS;
}

static bool decode(const uint8_t *three, union ingest_event *ret_event)
{
    static const char *const form[] = {
        "\"queued\",\"queue\":\"%c\"",
        "\"queued\",\"queue\":\"%c\",\"priority\":\"urgent\"",
        "\"queued\",\"queue\":\"%c\",\"due\":1767600000000",
        "\"answered\",\"priority\":\"%c\"",
        "\"replied\",\"agent\":\"%c\"",
        "\"assigned\",\"queue\":\"%c\"",
        "\"paused\",\"agent\":\"%c\"",
        "\"resumed\",\"agent\":\"%c\"",
        "\"worked\",\"duration_ms\":90000,\"agent\":\"%c\"",
        "\"resolved\",\"agent\":\"%c\"",
        "\"resolved\",\"resolved\":false,\"agent\":\"%c\"",
        "\"reopened\",\"agent\":\"%c\"",
        "\"closed\",\"agent\":\"%c\"",
        "\"rated\",\"score\":4,\"agent\":\"%c\"",
        "\"reviewed\",\"defects\":1,\"agent\":\"%c\"",
        "\"cancelled\",\"agent\":\"%c\"",
    };
    char text[512], own[128], reason[148];
    struct ingest_envelope envelope = {.channel = RC_TICKET};
    snprintf(own, sizeof own, form[three[0] & 15], 'a' + (three[2] >> 1) % 3);
    int size = snprintf(text, sizeof text - INGEST_PADDING,
                        "{\"time\":%lld,\"client\":\"acme\",\"contact\":\"t%d\","
                        "\"customer\":\"u\",\"type\":%s}",
                        (long long)time_of(three), three[2] & 1, own);
    memset(text + size, 0, INGEST_PADDING);
    return ingest_decode(decoder, &envelope, text, (uint32_t)size, ret_event, reason) ==
           INGEST_EVENT;
}

static struct agg *open_core(struct told *told)
{
    struct agg *agg;
    struct agg_options options = {
        .config = config, .shard_count = 1, .hash_secret = 1, .pseudonym = ingest_pseudonym};
    RC_CHECK(agg_open(&options, keep, told, &agg) == RC_OK);
    return agg;
}

static void take(struct agg *agg, const uint8_t *three, uint32_t number)
{
    union ingest_event event;
    RC_CHECK(decode(three, &event));
    event.ev.now_ms = RC_TIME_NONE;
    event.ev.source = 0;
    event.ev.offset = number;
    event.ev.raw_size = 0;
    agg_take(agg, &event.ev);
}

static void mark(struct agg *agg, uint64_t epoch, int64_t now_ms)
{
    struct rc_mark at = {.epoch = epoch, .now_ms = now_ms, .wall_ms = now_ms};
    agg_mark(agg, &at);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct told told, backwards;
    uint32_t count = size / 3 < EVENTS_MAX ? (uint32_t)(size / 3) : EVENTS_MAX;
    int64_t now_ms = T0 - 1;
    if (config == NULL)
        begin();
    struct agg *agg = open_core(&told);
    for (uint32_t i = 0; i < count; i++) {
        if (!is_cut(data + 3 * i)) {
            take(agg, data + 3 * i, i);
        } else if (time_of(data + 3 * i) > now_ms) {
            now_ms = time_of(data + 3 * i);
            mark(agg, i + 1, now_ms);
        }
    }
    mark(agg, count + 1, END);
    agg_close(agg);
    agg = open_core(&backwards);
    for (uint32_t i = count; i-- > 0;)
        if (!is_cut(data + 3 * i))
            take(agg, data + 3 * i, count - i);
    mark(agg, 1, END);
    agg_close(agg);
    compare(&told, &backwards);
    compare(&backwards, &told);
    forget(&told);
    forget(&backwards);
    return 0;
}
