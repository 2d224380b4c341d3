#include "route.h"
#include "rollcall/check.h"
#include <stdlib.h>
#include <string.h>

/* A waker may have been missed by no more than this, whatever goes wrong. */
enum { ROUTE_SLEEP_MS = 100 };

enum rc_error ingest_route_init(struct ingest_route *route, const struct ingest_output *output,
                                struct rc_ingest_stats *stats, const _Atomic bool *give_up)
{
    RC_CHECK(output->shard_count > 0);
    uint32_t *pending = calloc(output->shard_count + 1, sizeof *pending);
    if (!pending)
        return RC_ERR_MEMORY;
    *route = (struct ingest_route){
        .output = output, .stats = stats, .give_up = give_up, .pending = pending};
    return RC_OK;
}

void ingest_route_done(struct ingest_route *route)
{
    free(route->pending);
    *route = (struct ingest_route){0};
}

/* Rings by number: the shards', then the commit thread's. */
static struct rc_ring *ring_of(const struct ingest_route *route, uint32_t to)
{
    const struct ingest_output *output = route->output;
    return to < output->shard_count ? output->ring[to] : output->commit_ring;
}

static void make_visible(struct ingest_route *route, uint32_t to)
{
    const struct ingest_output *output = route->output;
    if (route->pending[to] == 0)
        return;
    route->pending[to] = 0;
    rc_ring_commit(ring_of(route, to));
    rc_park_wake(to < output->shard_count ? output->park[to] : output->commit_park);
}

void ingest_route_flush(struct ingest_route *route)
{
    for (uint32_t to = 0; to <= route->output->shard_count; to++)
        make_visible(route, to);
}

/* The ring is full: sleeps until its reader gave something back. */
static enum rc_error wait_for_room(struct ingest_route *route, uint32_t to, uint32_t size,
                                   uint32_t kind, void **ret_message)
{
    struct rc_park *self = route->output->self;
    struct rc_ring *ring = ring_of(route, to);
    rc_count(&route->stats->stalled, 1);
    for (;;) {
        /* All rings: a reader may wait for another one, which waits for what is held back here. */
        ingest_route_flush(route);
        if (route->give_up && atomic_load_explicit(route->give_up, memory_order_relaxed))
            return RC_ERR_END;
        uint32_t ticket = rc_park_ticket(self);
        if (rc_ring_reserve(ring, size, kind, ret_message) == RC_OK) {
            rc_park_cancel(self);
            return RC_OK;
        }
        rc_park_sleep(self, ticket, ROUTE_SLEEP_MS);
    }
}

static enum rc_error reserve(struct ingest_route *route, uint32_t to, uint32_t size, uint32_t kind,
                             void **ret_message)
{
    enum rc_error err = rc_ring_reserve(ring_of(route, to), size, kind, ret_message);
    if (err == RC_ERR_AGAIN)
        err = wait_for_room(route, to, size, kind, ret_message);
    if (err == RC_OK)
        route->pending[to]++;
    return err;
}

static void filled(struct ingest_route *route, uint32_t to)
{
    if (route->pending[to] >= ROUTE_BATCH)
        make_visible(route, to);
}

/* ---- what came in, behind the message ---- */

static uint64_t key_bytes(const struct ingest_raw_parts *raw)
{
    return raw->key_size == ROUTE_NONE ? 0 : raw->key_size;
}

static uint64_t headers_bytes(const struct ingest_raw_parts *raw)
{
    uint64_t size = 0;
    for (uint32_t i = 0; i < raw->header_count; i++) {
        const struct ingest_header *header = &raw->header[i];
        size += 2 * sizeof(uint32_t) + header->name_size;
        size += header->value_size == ROUTE_NONE ? 0 : header->value_size;
    }
    return size;
}

/* As much of it as fits into `room` bytes, and its size as struct rc_raw. The rings have room for
 * an event and for a dead letter's value; what may be cut is headers and keys of megabytes. */
static uint64_t fit(struct ingest_raw_parts *raw, uint64_t room)
{
    uint64_t headers = headers_bytes(raw);
    uint64_t size = sizeof(struct rc_raw) + key_bytes(raw) + raw->value_size + headers;
    if (size > room) {
        size -= headers;
        raw->header_count = 0;
    }
    if (size > room) {
        uint64_t cut = size - room < raw->value_size ? size - room : raw->value_size;
        raw->value_size -= (uint32_t)cut;
        size -= cut;
    }
    if (size > room) {
        raw->key_size -= (uint32_t)(size - room);
        size = room;
    }
    return size;
}

static char *put(char *at, const void *bytes, uint32_t size)
{
    if (size > 0)
        memcpy(at, bytes, size);
    return at + size;
}

static void put_raw(char *at, const struct ingest_raw_parts *raw)
{
    struct rc_raw head = {.key_size = raw->key_size,
                          .value_size = raw->value_size,
                          .header_count = raw->header_count};
    at = put(at, &head, sizeof head);
    at = put(at, raw->key, (uint32_t)key_bytes(raw));
    at = put(at, raw->value, raw->value_size);
    for (uint32_t i = 0; i < raw->header_count; i++) {
        const struct ingest_header *header = &raw->header[i];
        at = put(at, &header->name_size, sizeof header->name_size);
        at = put(at, &header->value_size, sizeof header->value_size);
        at = put(at, header->name, header->name_size);
        at = put(at, header->value, header->value_size == ROUTE_NONE ? 0 : header->value_size);
    }
}

static uint32_t round_up(uint64_t size)
{
    return (uint32_t)((size + 7) & ~7ull);
}

/* Room for what came in behind `before` bytes of a message; a multiple of 8. */
static uint64_t room_behind(const struct ingest_route *route, uint32_t to, uint64_t before)
{
    uint64_t most = rc_ring_message_max(ring_of(route, to)) & ~7ull;
    return (most < UINT32_MAX - 7 ? most : UINT32_MAX - 7) - before;
}

/* ---- messages ---- */

enum rc_error ingest_route_event(struct ingest_route *route, const union ingest_event *event,
                                 uint32_t source, int64_t offset, int64_t now_ms,
                                 const struct ingest_raw_parts *raw)
{
    const struct rc_event *from = &event->ev;
    uint32_t to = from->task % route->output->shard_count;
    struct ingest_raw_parts parts = *raw;
    uint32_t raw_size = (uint32_t)fit(&parts, room_behind(route, to, from->size));
    uint32_t size = from->size + round_up(raw_size);
    void *message;
    enum rc_error err = reserve(route, to, size, RC_MESSAGE_EVENT, &message);
    if (err)
        return err;
    struct rc_event *ev = message;
    memcpy(ev, from, sizeof *from + rc_event_text_size(from));
    ev->size = size;
    ev->raw_size = raw_size;
    ev->source = source;
    ev->offset = offset;
    ev->now_ms = now_ms;
    put_raw((char *)message + from->size, &parts);
    rc_count(&route->stats->events[from->channel][from->type], 1);
    filled(route, to);
    return RC_OK;
}

enum rc_error ingest_route_dead(struct ingest_route *route, uint32_t source, int64_t offset,
                                const char *reason, const struct ingest_raw_parts *raw)
{
    uint32_t to = route->output->shard_count;
    struct ingest_raw_parts parts = *raw;
    if (parts.value_size > INGEST_VALUE_KEPT)
        parts.value_size = INGEST_VALUE_KEPT;
    uint32_t raw_size =
        (uint32_t)fit(&parts, room_behind(route, to, sizeof(struct rc_dead_letter)));
    uint32_t size = round_up(sizeof(struct rc_dead_letter) + raw_size);
    size_t length = strlen(reason);
    void *message;
    enum rc_error err = reserve(route, to, size, RC_MESSAGE_DEAD_LETTER, &message);
    if (err)
        return err;
    struct rc_dead_letter *dead = message;
    RC_CHECK(length < sizeof dead->reason);
    *dead = (struct rc_dead_letter){
        .size = size, .raw_size = raw_size, .offset = offset, .source = source};
    memcpy(dead->reason, reason, length + 1);
    put_raw(dead->raw, &parts);
    rc_count(&route->stats->dead_lettered, 1);
    filled(route, to);
    return RC_OK;
}

static enum rc_error tell_commit(struct ingest_route *route, uint64_t epoch, int64_t now_ms)
{
    void *message;
    uint32_t to = route->output->shard_count;
    struct rc_end end = {.epoch = epoch, .now_ms = now_ms, .from = UINT32_MAX};
    enum rc_error err = reserve(route, to, sizeof end, RC_MESSAGE_END, &message);
    if (err)
        return err;
    memcpy(message, &end, sizeof end);
    make_visible(route, to);
    return RC_OK;
}

static enum rc_error hand_cut(struct ingest_route *route, const struct rc_cut *cut)
{
    void *message;
    enum rc_error err =
        reserve(route, route->output->shard_count, cut->size, RC_MESSAGE_CUT, &message);
    if (!err)
        memcpy(message, cut, cut->size);
    return err;
}

enum rc_error ingest_route_mark(struct ingest_route *route, const struct rc_mark *mark,
                                const struct rc_cut *cut)
{
    for (uint32_t to = 0; to < route->output->shard_count; to++) {
        void *message;
        enum rc_error err = reserve(route, to, sizeof *mark, RC_MESSAGE_MARK, &message);
        if (err)
            return err;
        memcpy(message, mark, sizeof *mark);
        make_visible(route, to);
    }
    route->ended = mark->end_of_input;
    enum rc_error err = cut ? hand_cut(route, cut) : RC_OK;
    return err ? err : tell_commit(route, mark->epoch, mark->now_ms);
}

enum rc_error ingest_route_finish(struct ingest_route *route)
{
    struct rc_end end = {.epoch = UINT64_MAX, .now_ms = RC_TIME_NONE, .from = UINT32_MAX};
    for (uint32_t to = 0; to < route->output->shard_count && !route->ended; to++) {
        void *message;
        enum rc_error err = reserve(route, to, sizeof end, RC_MESSAGE_END, &message);
        if (err)
            return err;
        memcpy(message, &end, sizeof end);
        make_visible(route, to);
    }
    return tell_commit(route, UINT64_MAX, RC_TIME_NONE);
}
