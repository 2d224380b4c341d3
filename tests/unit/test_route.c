/* From a source to the rings. */
#include "ingest_rig.h"
#include "route.h"
#include <pthread.h>
#include <stdio.h>

static struct rig rig;
static struct ingest_route route;
static struct rc_ingest_stats stats;
static _Atomic bool give_up;

static void begin_with(uint64_t capacity)
{
    rig_open(&rig, capacity);
    memset(&stats, 0, sizeof stats);
    atomic_init(&give_up, false);
    cr_assert_eq(ingest_route_init(&route, &rig.output, &stats, &give_up), RC_OK);
}

static void begin(void)
{
    begin_with(1 << 20);
}

static void end(void)
{
    ingest_route_done(&route);
    rig_close(&rig);
}

TestSuite(route, .init = begin, .fini = end);

static void make_event(union ingest_event *event, uint32_t task)
{
    memset(event, 0, sizeof *event);
    event->ev.task = task;
    event->ev.type = RC_TYPE_ended;
    event->ev.channel = RC_CHAT;
    event->ev.time_ms = RC_TIME_FIRST;
    event->ev.client_size = 4;
    event->ev.contact_size = 3;
    memcpy(event->ev.text, "acmec-1", 7);
    event->ev.size = sizeof event->ev + 8;
}

static struct ingest_raw_parts value_of(const char *value)
{
    return (struct ingest_raw_parts){
        .key_size = ROUTE_NONE, .value = value, .value_size = (uint32_t)strlen(value)};
}

static const struct rc_raw *raw_of(const struct rc_event *ev)
{
    return (const struct rc_raw *)rc_event_raw(ev);
}

Test(route, an_event_goes_to_the_shard_of_its_task_with_what_came_in)
{
    union ingest_event event;
    struct ingest_raw_parts raw = value_of("{\"x\":1}");
    for (uint32_t task = 0; task < 6; task++) {
        make_event(&event, task);
        cr_expect_eq(ingest_route_event(&route, &event, 7, 100 + task, 5, &raw), RC_OK);
    }
    ingest_route_flush(&route);
    for (int shard = 0; shard < RIG_SHARDS; shard++) {
        for (uint32_t task = (uint32_t)shard; task < 6; task += RIG_SHARDS) {
            uint32_t kind = 0;
            const struct rc_event *ev = rig_next(&rig, shard, &kind);
            cr_assert_not_null(ev);
            cr_expect_eq(kind, RC_MESSAGE_EVENT);
            cr_expect_eq(ev->task, task);
            cr_expect_eq(ev->source, 7);
            cr_expect_eq(ev->offset, 100 + task);
            cr_expect_eq(ev->now_ms, 5);
            cr_expect_eq(ev->size % 8, 0);
            cr_expect_eq(ev->raw_size, sizeof(struct rc_raw) + 7);
            cr_expect_arr_eq(ev->text, "acmec-1", 7);
            cr_expect_eq(raw_of(ev)->key_size, ROUTE_NONE);
            cr_expect_eq(raw_of(ev)->value_size, 7);
            cr_expect_arr_eq(raw_of(ev)->bytes, "{\"x\":1}", 7);
        }
        uint32_t kind;
        cr_expect_null(rig_next(&rig, shard, &kind));
    }
    cr_expect_eq(rc_counter_read(&stats.events[RC_CHAT][RC_TYPE_ended]), 6);
}

Test(route, key_and_headers_travel_behind_the_value)
{
    const struct ingest_header headers[] = {{"ce_type", "ended", 7, 5},
                                            {"none", NULL, 4, ROUTE_NONE}};
    struct ingest_raw_parts raw = value_of("{}");
    raw.key = "k1";
    raw.key_size = 2;
    raw.header = headers;
    raw.header_count = 2;
    cr_expect_eq(ingest_route_dead(&route, 3, 9, "not_json", &raw), RC_OK);
    ingest_route_flush(&route);
    uint32_t kind = 0, sizes[2];
    const struct rc_dead_letter *dead = rig_next(&rig, RIG_SHARDS, &kind);
    cr_assert_not_null(dead);
    cr_expect_eq(kind, RC_MESSAGE_DEAD_LETTER);
    cr_expect_eq(dead->source, 3);
    cr_expect_eq(dead->offset, 9);
    cr_expect_str_eq(dead->reason, "not_json");
    cr_expect_eq(dead->raw_size, sizeof(struct rc_raw) + 4 + 8 + 12 + 8 + 4);
    cr_expect_eq(dead->size % 8, 0);
    const struct rc_raw *kept = (const struct rc_raw *)dead->raw;
    cr_expect_eq(kept->key_size, 2);
    cr_expect_eq(kept->header_count, 2);
    cr_expect_arr_eq(kept->bytes, "k1{}", 4);
    memcpy(sizes, kept->bytes + 4, sizeof sizes);
    cr_expect(sizes[0] == 7 && sizes[1] == 5);
    cr_expect_arr_eq(kept->bytes + 12, "ce_typeended", 12);
    memcpy(sizes, kept->bytes + 24, sizeof sizes);
    cr_expect(sizes[0] == 4 && sizes[1] == ROUTE_NONE);
    cr_expect_arr_eq(kept->bytes + 32, "none", 4);
    cr_expect_eq(rc_counter_read(&stats.dead_lettered), 1);
}

Test(route, what_is_too_large_for_the_ring_loses_headers_then_value_then_key)
{
    size_t room = (size_t)rc_ring_message_max(&rig.ring[RIG_SHARDS]) & ~(size_t)7;
    size_t most = room - sizeof(struct rc_dead_letter) - sizeof(struct rc_raw);
    char *long_text = calloc(1, 2 * room);
    cr_assert_not_null(long_text);
    const struct ingest_header header = {"h", "v", 1, 1};
    uint32_t key_sizes[] = {10, 10, (uint32_t)most + 5};
    uint32_t value_sizes[] = {(uint32_t)most - 10, (uint32_t)most, 100};
    for (int i = 0; i < 3; i++) {
        struct ingest_raw_parts raw = {.key = long_text,
                                       .key_size = key_sizes[i],
                                       .value = long_text,
                                       .value_size = value_sizes[i],
                                       .header = &header,
                                       .header_count = 1};
        cr_expect_eq(ingest_route_dead(&route, 0, i, "too_large", &raw), RC_OK);
        ingest_route_flush(&route);
        uint32_t kind;
        const struct rc_dead_letter *dead = rig_next(&rig, RIG_SHARDS, &kind);
        cr_assert_not_null(dead);
        const struct rc_raw *kept = (const struct rc_raw *)dead->raw;
        cr_expect_eq(kept->header_count, 0);
        cr_expect_eq(kept->value_size, i < 2 ? most - 10 : 0);
        cr_expect_eq(kept->key_size, i < 2 ? 10 : most);
        cr_expect_eq(dead->raw_size, sizeof *kept + kept->key_size + kept->value_size);
    }
    free(long_text);
}

Test(route, a_batch_becomes_visible_when_it_is_full)
{
    union ingest_event event;
    struct ingest_raw_parts raw = value_of("");
    uint32_t kind;
    make_event(&event, 0);
    for (int i = 0; i < ROUTE_BATCH - 1; i++)
        cr_assert_eq(ingest_route_event(&route, &event, 0, i, 0, &raw), RC_OK);
    cr_expect_null(rig_next(&rig, 0, &kind));
    cr_assert_eq(ingest_route_event(&route, &event, 0, ROUTE_BATCH, 0, &raw), RC_OK);
    for (int i = 0; i < ROUTE_BATCH; i++)
        cr_expect_not_null(rig_next(&rig, 0, &kind));
}

Test(route, a_mark_reaches_all_behind_what_came_before_it)
{
    union ingest_event event;
    struct ingest_raw_parts raw = value_of("");
    uint32_t kind = 0;
    make_event(&event, 1);
    cr_assert_eq(ingest_route_event(&route, &event, 0, 1, 0, &raw), RC_OK);
    cr_assert_eq(ingest_route_dead(&route, 0, 2, "not_json", &raw), RC_OK);
    const struct rc_mark sent = {.epoch = 4, .now_ms = 1000, .wall_ms = 2000, .snapshot = true};
    const struct rc_cut cut = {.size = sizeof cut, .epoch = 4, .now_ms = 1000, .wall_ms = 2000};
    cr_assert_eq(ingest_route_mark(&route, &sent, &cut), RC_OK);
    cr_expect_not_null(rig_next(&rig, 1, &kind));
    cr_expect_eq(kind, RC_MESSAGE_EVENT);
    for (int shard = 0; shard < RIG_SHARDS; shard++) {
        const struct rc_mark *mark = rig_next(&rig, shard, &kind);
        cr_assert_not_null(mark);
        cr_expect_eq(kind, RC_MESSAGE_MARK);
        cr_expect(mark->epoch == 4 && mark->now_ms == 1000 && mark->wall_ms == 2000);
        cr_expect(mark->snapshot && !mark->end_of_input);
    }
    cr_expect_not_null(rig_next(&rig, RIG_SHARDS, &kind));
    cr_expect_eq(kind, RC_MESSAGE_DEAD_LETTER);
    const struct rc_cut *handed = rig_next(&rig, RIG_SHARDS, &kind);
    cr_assert_not_null(handed, "the cut comes before the end of its epoch");
    cr_expect_eq(kind, RC_MESSAGE_CUT);
    cr_expect_arr_eq(handed, &cut, sizeof cut);
    const struct rc_end *end_mark = rig_next(&rig, RIG_SHARDS, &kind);
    cr_assert_not_null(end_mark);
    cr_expect_eq(kind, RC_MESSAGE_END);
    cr_expect(end_mark->epoch == 4 && end_mark->now_ms == 1000 && end_mark->from == UINT32_MAX);
}

Test(route, the_finish_tells_the_shards_unless_the_input_ended)
{
    for (int ended = 0; ended <= 1; ended++) {
        uint32_t kind = 0;
        const struct rc_mark mark = {.epoch = 1, .wall_ms = RC_TIME_NONE, .end_of_input = ended};
        cr_assert_eq(ingest_route_mark(&route, &mark, NULL), RC_OK);
        cr_assert_eq(ingest_route_finish(&route), RC_OK);
        for (int shard = 0; shard < RIG_SHARDS; shard++) {
            cr_expect_not_null(rig_next(&rig, shard, &kind));
            cr_expect_eq(kind, RC_MESSAGE_MARK);
            cr_expect_eq(rig_next(&rig, shard, &kind) == NULL, ended);
        }
        cr_expect_not_null(rig_next(&rig, RIG_SHARDS, &kind));
        const struct rc_end *last = rig_next(&rig, RIG_SHARDS, &kind);
        cr_assert_not_null(last);
        cr_expect_eq(last->epoch, UINT64_MAX);
    }
}

enum { FLOOD = 20000 };

/* Reads shard 0's ring until it has seen all, waking the route as a shard does. */
static void *drain(void *opaque)
{
    int64_t *seen = opaque;
    while (*seen < FLOOD) {
        void *message;
        uint32_t size, kind, ticket = rc_park_ticket(&rig.park[0]);
        if (rc_ring_peek(&rig.ring[0], &message, &size, &kind) != RC_OK) {
            rc_park_sleep(&rig.park[0], ticket, 1000);
            continue;
        }
        rc_park_cancel(&rig.park[0]);
        if (((struct rc_event *)message)->offset != *seen)
            break;
        ++*seen;
        rc_ring_release(&rig.ring[0]);
        rc_park_wake(&rig.self);
    }
    return NULL;
}

Test(route, a_full_ring_is_waited_for_and_nothing_is_lost, .timeout = 60)
{
    end();
    begin_with(4096);
    int64_t seen = 0;
    pthread_t reader;
    union ingest_event event;
    struct ingest_raw_parts raw = value_of("{\"some\":\"value of a line that came in\"}");
    make_event(&event, 0);
    cr_assert_eq(pthread_create(&reader, NULL, drain, &seen), 0);
    for (int i = 0; i < FLOOD; i++)
        cr_assert_eq(ingest_route_event(&route, &event, 0, i, 0, &raw), RC_OK);
    ingest_route_flush(&route);
    pthread_join(reader, NULL);
    cr_expect_eq(seen, FLOOD);
    cr_expect_gt(rc_counter_read(&stats.stalled), 0);
}

Test(route, who_gives_up_does_not_wait, .timeout = 60)
{
    end();
    begin_with(4096);
    union ingest_event event;
    struct ingest_raw_parts raw = value_of("");
    enum rc_error err = RC_OK;
    make_event(&event, 0);
    atomic_store_explicit(&give_up, true, memory_order_relaxed);
    for (int i = 0; i < 1000 && !err; i++)
        err = ingest_route_event(&route, &event, 0, i, 0, &raw);
    cr_expect_eq(err, RC_ERR_END);
}
