/* A saved state of a task, changed: whatever stands in it, it is refused with a message, or what
 * was restored can be saved again, and that restored to the same. The first byte says which state;
 * then seven bytes a change: a byte somewhere, a field of a row, a bit of a section's head, or an
 * end. What the restored state then does with events runs in a child: a broken promise may end
 * that, but no access outside of its memory. */
#include "config_load.h"
#include "rollcall/check.h"
#include "rollcall/ingest.h"
#include "state.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { STATES = 3, STATE_MAX = 1 << 20, CHANGE = 7, MINUTE_MS = 60000 };
#define T0 INT64_C(1767571200000) /* Monday 2026-01-05T00:00:00Z */

static const char config_text[] =
    "tasks: 1\n"
    "time: {retention: {call: 1h, chat: 2h, ticket: 1h, open_tickets: 2h, identity: 2h},\n"
    "       restate_for: {default: 25h, day: 25h}}\n"
    "windows: {rolling: [{name: r, length: 1h, every: 10m}], interval: [15m, day]}\n"
    "defaults:\n"
    "  ticket:\n"
    "    slas:\n"
    "      - {name: a, measure: acknowledge, within: {urgent: 10m, default: 1h}, target: 90%}\n"
    "      - {name: r, measure: resolution, within: 1h, target: 90%}\n"
    "  fcr: {window: 1h}\n"
    "clients:\n"
    "  acme:\n"
    "    queues: {b: {ticket: {slas: [{name: r, measure: resolution, within: 6h, target: 50%,\n"
    "                                  pauses: false}]}}}\n"
    "    groups: {g: {queues: [a, b]}}\n";

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct rc_config *config;
static struct ingest_decoder *decoder;
static struct bytes {
    char at[STATE_MAX];
    size_t size, read;
} state[STATES], changed, again, third;

static enum rc_error put(void *self, const void *bytes, size_t size)
{
    struct bytes *to = self;
    RC_CHECK(size <= sizeof to->at - to->size);
    memcpy(to->at + to->size, bytes, size);
    to->size += size;
    return RC_OK;
}

static enum rc_error get(void *self, void *ret_bytes, size_t size)
{
    struct bytes *from = self;
    if (size > from->size - from->read)
        return RC_ERR_INPUT;
    memcpy(ret_bytes, from->at + from->read, size);
    from->read += size;
    return RC_OK;
}

static void drop(void *opaque, enum rc_message kind, const void *message, uint32_t size)
{
    (void)opaque, (void)kind, (void)message, (void)size;
}

static struct agg *open_core(void)
{
    struct agg *agg;
    struct agg_options options = {.config = config,
                                  .shard_count = 1,
                                  .hash_secret = 1,
                                  .contacts = true,
                                  .pseudonym = ingest_pseudonym};
    RC_CHECK(agg_open(&options, drop, NULL, &agg) == RC_OK);
    return agg;
}

/* ---- the states ---- */

static uint32_t drawn(uint32_t *seed, uint32_t below)
{
    *seed = *seed * 1103515245u + 12345u;
    return (*seed >> 16) % below;
}

static void tell(struct agg *agg, uint32_t *seed, int64_t at_ms)
{
    static const char *const type[] = {
        "queued\",\"queue\":\"a",   "queued\",\"queue\":\"b",
        "queued\",\"queue\":\"c",   "answered\",\"agent\":\"x",
        "held\",\"agent\":\"x",     "ended\",\"agent\":\"x",
        "abandoned\",\"agent\":\"", "replied\",\"agent\":\"x",
        "assigned\",\"queue\":\"b", "paused\",\"agent\":\"x",
        "closed\",\"agent\":\"x",   "answered\",\"conversation\":\"talk"};
    static const char *const client[] = {"acme", "zenith"};
    static const char *const channel[] = {"call", "chat", "ticket"};
    char text[512], reason[148];
    union ingest_event event;
    struct ingest_envelope envelope = {.channel = RC_CHANNEL_NONE};
    uint32_t number = (uint32_t)((at_ms - T0) / MINUTE_MS) + drawn(seed, 30);
    int size = snprintf(text, sizeof text - INGEST_PADDING,
                        "{\"time\":%lld,\"client\":\"%s\",\"contact\":\"c%u\",\"channel\":\"%s\","
                        "\"customer\":\"u%u\",\"priority\":\"urgent\",\"type\":\"%s\"}",
                        (long long)at_ms, client[drawn(seed, 2)], number, channel[number % 3],
                        drawn(seed, 9), type[drawn(seed, 12)]);
    memset(text + size, 0, INGEST_PADDING);
    if (ingest_decode(decoder, &envelope, text, (uint32_t)size, &event, reason) != INGEST_EVENT)
        return;
    event.ev.now_ms = RC_TIME_NONE;
    event.ev.source = 0;
    event.ev.offset = (int64_t)*seed;
    agg_take(agg, &event.ev);
}

/* Quarters of an hour; some events wait when the last one ends. */
static int64_t run(struct agg *agg, uint32_t *seed, int64_t at_ms, uint32_t epochs)
{
    for (uint32_t i = 0; i < epochs; i++, at_ms += 15 * MINUTE_MS) {
        for (uint32_t k = 0; k < 10; k++)
            tell(agg, seed, at_ms + (int64_t)drawn(seed, 20) * MINUTE_MS);
        struct rc_mark mark = {.epoch = i + 1, .now_ms = at_ms + 12 * MINUTE_MS};
        agg_mark(agg, &mark);
    }
    return at_ms;
}

static void save(struct agg *agg, struct bytes *to)
{
    struct rc_snapshot_writer writer = {to, put};
    to->size = 0;
    RC_CHECK(agg_task_save(agg, 0, &writer) == RC_OK);
}

static void begin(void)
{
    static const uint32_t epochs[STATES] = {1, 4, 40};
    struct config_loaded *loaded;
    FILE *nowhere = fopen("/dev/null", "we");
    RC_CHECK(nowhere != NULL);
    RC_CHECK(config_load_text("fuzz.yaml", config_text, sizeof config_text - 1, nowhere, &loaded) ==
             RC_OK);
    config = loaded->config;
    struct ingest_decoder_options options = {.config = config, .hash_secret = 1};
    RC_CHECK(ingest_decoder_open(&options, &decoder) == RC_OK);
    fclose(nowhere);
    for (uint32_t i = 0; i < STATES; i++) {
        struct agg *agg = open_core();
        uint32_t seed = i + 1;
        run(agg, &seed, T0, epochs[i]);
        save(agg, &state[i]);
        agg_close(agg);
    }
}

/* ---- changes ---- */

static uint32_t three(const uint8_t *bytes)
{
    return bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16;
}

/* The section of that number, round and round; where its head begins. */
static size_t section_at(const struct bytes *bytes, uint32_t number, struct agg_section *section)
{
    size_t at = sizeof(struct agg_state_head), first = at;
    for (;;) {
        if (at + sizeof *section > bytes->size)
            at = first;
        memcpy(section, bytes->at + at, sizeof *section);
        if (number-- == 0)
            return at;
        uint64_t size = sizeof *section + section->fields * sizeof(struct agg_field) +
                        section->free * sizeof(uint32_t) + section->bytes;
        if (section->kind == AGG_SECTION_END || section->fields > AGG_FIELDS_MAX ||
            size > bytes->size - at)
            at = first;
        else
            at += size;
    }
}

/* One of the values that are near to something. */
static uint64_t value_of(uint8_t byte)
{
    static const uint64_t odd[] = {
        0,  UINT64_MAX, INT64_MAX, UINT32_MAX, INT32_MAX,  1ull << 32, 65535, 255,
        T0, 1ull << 48, 128,       1025,       UINT64_MAX, 1ull << 63, 4096,  16};
    return byte < 240 ? byte : odd[byte - 240];
}

static void field_change(struct bytes *bytes, const uint8_t *change)
{
    struct agg_section section;
    struct agg_field field;
    size_t at = section_at(bytes, change[1], &section) + sizeof section;
    size_t rows = at + section.fields * sizeof field + section.free * sizeof(uint32_t);
    uint64_t value = value_of(change[6]);
    if (!section.fields || !section.rows || !section.row_size || section.fields > AGG_FIELDS_MAX ||
        rows + section.bytes > bytes->size)
        return;
    memcpy(&field, bytes->at + at + change[4] % section.fields * sizeof field, sizeof field);
    uint64_t row = (change[2] | (uint32_t)change[3] << 8) % section.rows;
    uint64_t bit = (rows + row * section.row_size) * 8 + field.bit +
                   (field.count ? change[5] % field.count * field.width : 0);
    for (uint32_t i = 0; i < field.width && i < 64; i++, bit++)
        if (bit / 8 < bytes->size)
            bytes->at[bit / 8] = (char)((bytes->at[bit / 8] & ~(1u << bit % 8)) |
                                        (uint32_t)(value >> i & 1) << bit % 8);
}

static void head_change(struct bytes *bytes, const uint8_t *change)
{
    struct agg_section section;
    size_t at = section_at(bytes, change[1], &section);
    uint32_t span = (uint32_t)(sizeof section + section.fields % 64 * sizeof(struct agg_field) +
                               section.free % 256 * sizeof(uint32_t));
    at += (change[2] | (uint32_t)change[3] << 8) % span;
    if (at < bytes->size)
        bytes->at[at] =
            change[4] & 1 ? (char)change[5] : (char)(bytes->at[at] ^ 1 << change[5] % 8);
}

static void make_change(struct bytes *bytes, const uint8_t *change)
{
    if (bytes->size < sizeof(struct agg_state_head) + sizeof(struct agg_section))
        return;
    switch (change[0] % 8) {
    case 0:
        bytes->at[three(change + 1) % bytes->size] = (char)change[4];
        break;
    case 1:
        bytes->size = three(change + 1) % bytes->size;
        break;
    case 2:
    case 3:
        head_change(bytes, change);
        break;
    default:
        field_change(bytes, change);
        break;
    }
}

/* ---- what comes of it ---- */

static struct shared { /* with the child */
    int outside;       /* the sanitizers have found something */
} * shared;

#if defined(__SANITIZE_ADDRESS__) || defined(FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION)
void __asan_set_error_report_callback(void (*call)(const char *report));

static void found(const char *report)
{
    (void)report;
    shared->outside = 1;
}

static void watch(void)
{
    __asan_set_error_report_callback(found);
}
#else
static void watch(void)
{
}
#endif

/* A broken promise, a loop or a deep recursion ends the child, no more. */
static void go_on(struct agg *agg)
{
    pid_t child = fork();
    RC_CHECK(child >= 0);
    if (child == 0) {
        uint32_t seed = 99;
        int64_t now_ms = agg_of(agg, 0)->clock;
        signal(SIGABRT, SIG_DFL); /* the fuzzer's own would take it for a crash */
        signal(SIGALRM, SIG_DFL);
        alarm(2);
        watch();
        agg_resume(agg, now_ms);
        run(agg, &seed, now_ms + 15 * MINUTE_MS, 20);
        _exit(0);
    }
    int status;
    while (waitpid(child, &status, 0) < 0)
        RC_CHECK(errno == EINTR);
    RC_CHECK(!shared->outside);
}

static enum rc_error restore(struct agg *agg, struct bytes *from)
{
    char message[256];
    struct rc_snapshot_reader reader = {from, get};
    from->read = 0;
    enum rc_error err = agg_task_restore(agg, 0, &reader, message);
    RC_CHECK(!err == !message[0] && (!err || err == RC_ERR_INPUT));
    return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!config) {
        begin();
        shared =
            mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
        RC_CHECK(shared != MAP_FAILED);
    }
    if (size < 1)
        return 0;
    const struct bytes *base = &state[data[0] % STATES];
    memcpy(changed.at, base->at, base->size);
    changed.size = base->size;
    for (size_t at = 1; at + CHANGE <= size; at += CHANGE)
        make_change(&changed, data + at);
    struct agg *agg = open_core();
    if (restore(agg, &changed) == RC_OK) {
        save(agg, &again);
        struct agg *other = open_core();
        RC_CHECK(restore(other, &again) == RC_OK);
        save(other, &third);
        RC_CHECK(third.size == again.size && !memcmp(third.at, again.at, third.size));
        agg_close(other);
        if (data[0] >= 224) /* it takes long */
            go_on(agg);
    }
    agg_close(agg);
    return 0;
}
