/* Records to Kafka topics, by the commit thread. An epoch's records are produced as they come and
 * delivered at its end; while a broker is away the thread waits there, the rings fill, and reading
 * stalls, so memory stays bounded. Nothing is dropped but by a stop.
 *
 * With the first epoch missing topics are made and the last record per key is read back, so that a
 * restart publishes only what differs (continuity.h). */
#include "continuity.h"
#include "kafka_handle.h"
#include "kafka_topics.h"

#include "rollcall/check.h"
#include "rollcall/sink.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    POLL_MS = 100,
    LEAVE_MS = 3000, /* how long a stop waits for a delivery */
    BACKOFF_MS = 200,
    BACKOFF_MAX_MS = 5000,
    VALUE_MAX = 4000000, /* of a dead letter; a larger one goes without */
    SIZE_ABSENT = -1
};

/* Why records do not go out as they are made; what /readyz says. */
enum stage {
    STAGE_START,
    STAGE_TOPICS,
    STAGE_READING,
    STAGE_REBUILDING,
    STAGE_LIVE,
    STAGE_WAITING
};
static const char *const stage_text[] = {
    [STAGE_START] = "starting",
    [STAGE_TOPICS] = "waiting for Kafka: the output topics are looked for",
    [STAGE_READING] = "reading back what was published",
    [STAGE_REBUILDING] = "rebuilding: not yet where the last run stopped",
    [STAGE_LIVE] = "",
    [STAGE_WAITING] = "waiting for Kafka: records are not delivered"};

/* A record that a broker refused, to be sent again. */
struct again {
    struct again *next;
    uint32_t output;
    size_t key_size, value_size;
    bool has_key, has_value;
    rd_kafka_headers_t *headers;
    char bytes[];
};

struct sink_kafka {
    struct sink_kafka_options options;
    struct kafka_ear ear;
    struct continuity *continuity;
    rd_kafka_t *producer;
    struct kafka_outputs outputs;
    rd_kafka_topic_t **rkt; /* of every output */
    struct again *again;
    bool prepared;
    _Atomic int stage;
    char *json; /* of the record at hand */
    uint32_t json_room;
    char key[SINK_KEY_MAX];
};

static int64_t steady_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static bool leaving(const struct sink_kafka *out)
{
    return out->options.leave && atomic_load_explicit(out->options.leave, memory_order_relaxed);
}

static void set_stage(struct sink_kafka *out, enum stage stage)
{
    atomic_store_explicit(&out->stage, stage, memory_order_relaxed);
}

/* Whether waiting is over: the process stops, and has waited long enough. */
static bool give_up(const struct sink_kafka *out, int64_t *left_at_ms)
{
    if (!leaving(out))
        return false;
    if (!*left_at_ms)
        *left_at_ms = steady_ms() + LEAVE_MS;
    return steady_ms() >= *left_at_ms;
}

/* ---- producing ---- */

/* thread: commit, from rd_kafka_poll. */
static void on_delivered(rd_kafka_t *rk, const rd_kafka_message_t *message, void *opaque)
{
    struct kafka_ear *ear = opaque;
    struct sink_kafka *out = ear->opaque;
    (void)rk;
    if (!message->err) {
        kafka_answered(ear);
        return;
    }
    if (message->err == RD_KAFKA_RESP_ERR__PURGE_QUEUE ||
        message->err == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT)
        return;
    char text[400];
    snprintf(text, sizeof text, "%s: %s", rd_kafka_topic_name(message->rkt),
             rd_kafka_err2str(message->err));
    kafka_complain(ear, message->err, text);
    struct again *again = malloc(sizeof *again + message->key_len + message->len);
    if (!again) {
        ear->fatal = true;
        return;
    }
    *again = (struct again){.next = out->again,
                            .key_size = message->key_len,
                            .value_size = message->len,
                            .has_key = message->key != NULL,
                            .has_value = message->payload != NULL};
    while (again->output < out->outputs.count - 1 && out->rkt[again->output] != message->rkt)
        again->output++;
    if (message->key)
        memcpy(again->bytes, message->key, message->key_len);
    if (message->payload)
        memcpy(again->bytes + message->key_len, message->payload, message->len);
    rd_kafka_headers_t *headers;
    if (rd_kafka_message_headers(message, &headers) == 0)
        again->headers = rd_kafka_headers_copy(headers);
    out->again = again;
}

/* Takes the headers when it succeeds; SIZE_ABSENT: no key, no value. */
static enum rc_error produce(struct sink_kafka *out, uint32_t output, const char *key,
                             int64_t key_size, const char *value, int64_t value_size,
                             rd_kafka_headers_t *headers)
{
    int64_t left_at_ms = 0;
    for (;;) {
        rd_kafka_vu_t list[5] = {
            {.vtype = RD_KAFKA_VTYPE_RKT, .u.rkt = out->rkt[output]},
            {.vtype = RD_KAFKA_VTYPE_MSGFLAGS, .u.i = RD_KAFKA_MSG_F_COPY},
            {.vtype = RD_KAFKA_VTYPE_KEY,
             .u.mem = {(void *)key, key_size == SIZE_ABSENT ? 0 : (size_t)key_size}},
            {.vtype = RD_KAFKA_VTYPE_VALUE,
             .u.mem = {(void *)value, value_size == SIZE_ABSENT ? 0 : (size_t)value_size}},
            {.vtype = RD_KAFKA_VTYPE_HEADERS, .u.headers = headers}};
        rd_kafka_error_t *error = rd_kafka_produceva(out->producer, list, headers ? 5 : 4);
        if (!error)
            return RC_OK;
        rd_kafka_resp_err_t code = rd_kafka_error_code(error);
        if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL)
            kafka_complain(&out->ear, code, rd_kafka_error_string(error));
        rd_kafka_error_destroy(error);
        if (code == RD_KAFKA_RESP_ERR__FATAL || out->ear.fatal || give_up(out, &left_at_ms))
            return RC_ERR_KAFKA;
        if (code != RD_KAFKA_RESP_ERR__QUEUE_FULL) /* one that no broker would take */
            return RC_ERR_INPUT;
        rd_kafka_poll(out->producer, POLL_MS);
    }
}

static enum rc_error produce_again(struct sink_kafka *out)
{
    enum rc_error err = RC_OK;
    while (out->again && !err) {
        struct again *again = out->again;
        const char *key = again->has_key ? again->bytes : NULL;
        const char *value = again->has_value ? again->bytes + again->key_size : NULL;
        err = produce(out, again->output, key, key ? (int64_t)again->key_size : SIZE_ABSENT, value,
                      value ? (int64_t)again->value_size : SIZE_ABSENT, again->headers);
        if (err)
            break;
        out->again = again->next;
        free(again);
    }
    return err;
}

/* Waits until all is delivered. What a broker refused is sent again, more and more slowly. */
static enum rc_error deliver(struct sink_kafka *out)
{
    int64_t left_at_ms = 0, backoff_ms = BACKOFF_MS, waited_ms = 0;
    while (rd_kafka_outq_len(out->producer) > 0 || out->again) {
        if (out->ear.fatal || give_up(out, &left_at_ms))
            return RC_ERR_KAFKA;
        rd_kafka_flush(out->producer, POLL_MS);
        waited_ms += POLL_MS;
        if (waited_ms >= 10 * POLL_MS)
            set_stage(out, STAGE_WAITING);
        if (!out->again || rd_kafka_outq_len(out->producer) > 0)
            continue;
        for (int64_t slept = 0; slept < backoff_ms && !leaving(out); slept += POLL_MS)
            rd_kafka_poll(out->producer, POLL_MS);
        backoff_ms = 2 * backoff_ms < BACKOFF_MAX_MS ? 2 * backoff_ms : BACKOFF_MAX_MS;
        enum rc_error err = produce_again(out);
        if (err)
            return err;
    }
    return RC_OK;
}

/* ---- before the first epoch ---- */

static enum rc_error open_producer(struct sink_kafka *out, char ret_message[256])
{
    out->ear.fatal = false;
    enum rc_error err = kafka_producer_open(out->options.config, &out->ear, on_delivered,
                                            &out->producer, ret_message);
    for (uint32_t i = 0; i < out->outputs.count && !err; i++) {
        out->rkt[i] = rd_kafka_topic_new(out->producer, out->outputs.output[i].name, NULL);
        if (!out->rkt[i])
            err = RC_ERR_KAFKA;
    }
    return err;
}

static void close_producer(struct sink_kafka *out)
{
    for (uint32_t i = 0; out->rkt && i < out->outputs.count; i++) {
        if (out->rkt[i])
            rd_kafka_topic_destroy(out->rkt[i]);
        out->rkt[i] = NULL;
    }
    if (!out->producer)
        return;
    rd_kafka_purge(out->producer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    rd_kafka_flush(out->producer, POLL_MS);
    rd_kafka_destroy(out->producer);
    out->producer = NULL;
}

static enum rc_error make_topics(struct sink_kafka *out)
{
    int64_t backoff_ms = BACKOFF_MS;
    char message[256];
    set_stage(out, STAGE_TOPICS);
    while (kafka_topics_make(&out->outputs, &out->ear, out->producer)) {
        for (int64_t slept = 0; slept < backoff_ms; slept += POLL_MS) {
            if (leaving(out))
                return RC_ERR_KAFKA;
            rd_kafka_poll(out->producer, POLL_MS);
        }
        /* Not being allowed is fatal to a producer; to us only once something is produced. */
        if (out->ear.fatal) {
            close_producer(out);
            enum rc_error err = open_producer(out, message);
            if (err)
                return err;
        }
        backoff_ms = 2 * backoff_ms < BACKOFF_MAX_MS ? 2 * backoff_ms : BACKOFF_MAX_MS;
    }
    return RC_OK;
}

static enum rc_error read_back(struct sink_kafka *out)
{
    struct kafka_back *back;
    char message[256];
    set_stage(out, STAGE_READING);
    enum rc_error err = kafka_back_open(&out->outputs, &out->ear, out->continuity, &back, message);
    if (err)
        return err;
    do {
        err = leaving(out) ? RC_ERR_KAFKA : kafka_back_read(back, POLL_MS);
        rd_kafka_poll(out->producer, 0);
    } while (err == RC_ERR_AGAIN);
    if (!err && kafka_back_records(back))
        kafka_note(&out->ear, "read back %llu records of %zu keys and dead letters",
                   (unsigned long long)kafka_back_records(back), continuity_keys(out->continuity));
    kafka_back_close(back);
    return err;
}

static enum rc_error prepare(struct sink_kafka *out)
{
    if (out->prepared)
        return RC_OK;
    enum rc_error err = make_topics(out);
    if (!err)
        err = read_back(out);
    if (err)
        return err;
    continuity_read_all(out->continuity);
    set_stage(out, continuity_rebuilding(out->continuity) ? STAGE_REBUILDING : STAGE_LIVE);
    out->prepared = true;
    return RC_OK;
}

/* ---- what the commit thread calls ---- */

/* Into out->json. MEMORY. */
static enum rc_error write_json(struct sink_kafka *out, const struct rc_record *rec,
                                uint32_t *ret_size)
{
    uint32_t room = sink_record_room(rec);
    if (room > out->json_room) {
        char *bigger = realloc(out->json, room);
        if (!bigger)
            return RC_ERR_MEMORY;
        out->json = bigger;
        out->json_room = room;
    }
    *ret_size = sink_record_json(&out->options.config->windows, rec, out->json);
    return RC_OK;
}

static enum rc_error publish(struct sink_kafka *out, struct rc_record *rec, uint32_t key_size)
{
    enum rc_error err = continuity_number(out->continuity, rec, out->key, key_size);
    if (err)
        return err;
    uint32_t output = kafka_output_of(&out->outputs, rec);
    if (rec->tombstone)
        return produce(out, output, out->key, key_size, NULL, SIZE_ABSENT, NULL);
    uint32_t size;
    err = write_json(out, rec, &size);
    return err ? err : produce(out, output, out->key, key_size, out->json, size, NULL);
}

static enum rc_error take_record(void *self, struct rc_record *rec)
{
    struct sink_kafka *out = self;
    const struct rc_windows *windows = &out->options.config->windows;
    enum rc_error err = prepare(out);
    if (err)
        return err;
    uint32_t key_size = sink_record_key(windows, rec, out->key), size = 0;
    if (!continuity_rebuilding(out->continuity))
        return continuity_exists(out->continuity, rec, out->key, key_size)
                   ? publish(out, rec, key_size)
                   : RC_OK;
    if (!rec->tombstone)
        err = write_json(out, rec, &size);
    return err ? err : continuity_hold(out->continuity, rec, out->key, key_size, out->json, size);
}

static bool copy_headers(rd_kafka_headers_t *headers, const struct rc_raw *raw, const char *at,
                         const char *end)
{
    for (uint32_t i = 0; i < raw->header_count; i++) {
        uint32_t size[2];
        if ((size_t)(end - at) < sizeof size)
            return false;
        memcpy(size, at, sizeof size);
        at += sizeof size;
        uint32_t value_size = size[1] == UINT32_MAX ? 0 : size[1];
        if ((uint64_t)size[0] + value_size > (uint64_t)(end - at))
            return false;
        rd_kafka_header_add(headers, at, (ssize_t)size[0],
                            size[1] == UINT32_MAX ? NULL : at + size[0], (ssize_t)value_size);
        at += size[0] + value_size;
    }
    return true;
}

static void add_number(rd_kafka_headers_t *headers, const char *name, int64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)number);
    rd_kafka_header_add(headers, name, -1, text, -1);
}

static enum rc_error take_dead_letter(void *self, const struct rc_dead_letter *dead)
{
    struct sink_kafka *out = self;
    enum rc_error err = prepare(out);
    if (err)
        return err;
    int32_t partition;
    const char *topic = out->options.source(out->options.source_opaque, dead->source, &partition);
    if (continuity_dead_known(out->continuity, topic, partition, dead->offset))
        return RC_OK;
    const struct rc_raw *raw = (const struct rc_raw *)dead->raw;
    uint32_t key_size = raw->key_size == UINT32_MAX ? 0 : raw->key_size;
    RC_CHECK(dead->raw_size >= sizeof *raw &&
             (uint64_t)key_size + raw->value_size <= dead->raw_size - sizeof *raw);
    const char *value = raw->bytes + key_size;
    bool with_value =
        out->options.config->privacy.dead_letter_values && raw->value_size <= VALUE_MAX;
    rd_kafka_headers_t *headers = rd_kafka_headers_new(raw->header_count + 4);
    RC_CHECK(copy_headers(headers, raw, value + raw->value_size, dead->raw + dead->raw_size));
    rd_kafka_header_add(headers, "rollcall.reason", -1, dead->reason, -1);
    rd_kafka_header_add(headers, "rollcall.topic", -1, topic, -1);
    add_number(headers, "rollcall.partition", partition);
    add_number(headers, "rollcall.offset", dead->offset);
    err = produce(out, kafka_output_dead(&out->outputs), raw->bytes,
                  raw->key_size == UINT32_MAX ? SIZE_ABSENT : (int64_t)key_size,
                  with_value ? value : NULL, with_value ? (int64_t)raw->value_size : SIZE_ABSENT,
                  headers);
    if (err)
        rd_kafka_headers_destroy(headers);
    return err == RC_ERR_INPUT ? RC_OK : err; /* said; nothing in the world would take it */
}

static int compare(const void *a, const void *b)
{
    return sink_record_compare(*(struct rc_record *const *)a, *(struct rc_record *const *)b);
}

/* The past is rebuilt: what differs from what was published goes out. */
static enum rc_error catch_up(struct sink_kafka *out, struct rc_record **held, size_t count)
{
    enum rc_error err = RC_OK;
    qsort(held, count, sizeof *held, compare);
    for (size_t i = 0; i < count && !err; i++) {
        uint32_t key_size = sink_record_key(&out->options.config->windows, held[i], out->key);
        err = publish(out, held[i], key_size);
    }
    kafka_note(&out->ear, "rebuilt: %zu records are new or differ from what was published", count);
    continuity_release(out->continuity);
    return err;
}

static enum rc_error take_epoch(void *self, const struct sink_epoch *epoch)
{
    struct sink_kafka *out = self;
    struct rc_record **held;
    size_t count;
    bool over;
    enum rc_error err = prepare(out);
    if (!err)
        err = continuity_reach(out->continuity, epoch->now_ms, &over, &held, &count);
    if (!err && over)
        err = catch_up(out, held, count);
    if (!err)
        err = deliver(out);
    if (!err)
        set_stage(out, continuity_rebuilding(out->continuity) ? STAGE_REBUILDING : STAGE_LIVE);
    rd_kafka_poll(out->producer, 0);
    return err;
}

/* ---- open and close ---- */

static void say(void *opaque, const char *line)
{
    struct sink_kafka *out = opaque;
    out->options.say(out->options.opaque, line);
}

static void close_kafka(void *self)
{
    struct sink_kafka *out = self;
    if (!out)
        return;
    close_producer(out);
    while (out->again) {
        struct again *again = out->again;
        out->again = again->next;
        if (again->headers)
            rd_kafka_headers_destroy(again->headers);
        free(again);
    }
    continuity_close(out->continuity);
    kafka_outputs_done(&out->outputs);
    free(out->rkt);
    free(out->json);
    free(out);
}

enum rc_error sink_kafka_open(const struct sink_kafka_options *options,
                              struct sink_output *ret_output, char ret_message[256])
{
    struct sink_kafka *out = calloc(1, sizeof *out);
    ret_message[0] = '\0';
    if (!out)
        return RC_ERR_MEMORY;
    out->options = *options;
    out->ear = (struct kafka_ear){.say = say, .opaque = out, .failing = true};
    enum rc_error err = continuity_open(options->config, &out->continuity);
    if (!err && !options->config->privacy.has_key)
        continuity_new_pseudonyms(out->continuity);
    if (!err)
        err = kafka_outputs_init(&out->outputs, options->config);
    if (!err) {
        out->rkt = calloc(out->outputs.count, sizeof(rd_kafka_topic_t *));
        err = out->rkt ? RC_OK : RC_ERR_MEMORY;
    }
    if (!err)
        err = open_producer(out, ret_message);
    if (err) {
        if (!ret_message[0])
            snprintf(ret_message, 256, "%s", rc_error_text(err));
        close_kafka(out);
        return err;
    }
    *ret_output = (struct sink_output){.self = out,
                                       .record = take_record,
                                       .dead_letter = take_dead_letter,
                                       .epoch = take_epoch,
                                       .close = close_kafka};
    return RC_OK;
}

bool sink_kafka_ready(const struct sink_output *output, char ret_reason[256])
{
    const struct sink_kafka *out = output->self;
    int stage = atomic_load_explicit(&out->stage, memory_order_relaxed);
    snprintf(ret_reason, 256, "%s", stage_text[stage]);
    return stage == STAGE_LIVE;
}
