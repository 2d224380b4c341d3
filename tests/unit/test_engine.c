/* The engine as a whole: threads between a source and an output, and how they end. */
#include "engine.h"
#include "route.h"

#include "sink_fixture.h"
#include <criterion/criterion.h>
#include <stdatomic.h>
#include <stdio.h>

enum { WAIT_MS = 20000, FLOOD = 100000 };

/* A source that says what it is told to, and an output that counts, or fails. */
struct stage {
    struct engine *engine;
    struct rc_ingest_stats stats;
    enum rc_error source_fails, output_fails;
    int flood; /* dead letters before the large one */
    uint32_t largest;
    int dead, epochs, finished;
    _Atomic int ended;
};

static enum rc_error take_record(void *self, struct rc_record *rec)
{
    (void)self;
    (void)rec;
    return RC_OK;
}

static enum rc_error take_dead(void *self, const struct rc_dead_letter *dead)
{
    struct stage *stage = self;
    const struct rc_raw *raw = (const struct rc_raw *)dead->raw;
    stage->dead++;
    if (raw->value_size > stage->largest)
        stage->largest = raw->value_size;
    return stage->output_fails;
}

static enum rc_error take_epoch(void *self, const struct sink_epoch *epoch)
{
    struct stage *stage = self;
    (void)epoch;
    stage->epochs++;
    return RC_OK;
}

static enum rc_error take_finish(void *self)
{
    ((struct stage *)self)->finished++;
    return RC_OK;
}

static const char *what_went_wrong(void *self)
{
    (void)self;
    return "no room on the device";
}

static void one_ended(void *opaque)
{
    atomic_fetch_add_explicit(&((struct stage *)opaque)->ended, 1, memory_order_relaxed);
}

static enum rc_error play(void *opaque, char ret_message[256])
{
    struct stage *stage = opaque;
    struct ingest_route route;
    static const char text[] = "no event";
    struct ingest_raw_parts raw = {.key_size = ROUTE_NONE, .value = text, .value_size = 8};
    char *large = calloc(1, INGEST_VALUE_KEPT + 10);
    enum rc_error err = ingest_route_init(&route, engine_input(stage->engine), &stage->stats, NULL);
    for (int i = 0; i < stage->flood && !err; i++)
        err = ingest_route_dead(&route, 0, i, "not_json", &raw);
    raw.value = large;
    raw.value_size = INGEST_VALUE_KEPT + 10;
    if (!err)
        err = ingest_route_dead(&route, 0, stage->flood, "too_large", &raw);
    struct rc_mark mark = {
        .epoch = 1, .now_ms = 1000, .wall_ms = RC_TIME_NONE, .end_of_input = !stage->source_fails};
    if (!err)
        err = ingest_route_mark(&route, &mark, NULL);
    if (!err)
        err = ingest_route_finish(&route);
    ingest_route_done(&route);
    free(large);
    if (stage->source_fails)
        snprintf(ret_message, 256, "the file ends in the middle");
    return stage->source_fails ? stage->source_fails : err;
}

static void open_stage(struct stage *stage)
{
    struct engine_options options = {.config = fixture_config(),
                                     .shards = 3,
                                     .replay = true,
                                     .output = {.self = stage,
                                                .record = take_record,
                                                .dead_letter = take_dead,
                                                .epoch = take_epoch,
                                                .finish = take_finish,
                                                .message = what_went_wrong},
                                     .ended = one_ended,
                                     .opaque = stage};
    cr_assert_eq(engine_open(&options, &stage->engine), RC_OK);
    cr_expect_eq(engine_shards(stage->engine), 3);
}

Test(engine, what_the_source_says_reaches_the_output_and_all_threads_end, .timeout = 60)
{
    struct stage stage = {.flood = 1000};
    char message[256];
    open_stage(&stage);
    cr_assert_eq(engine_start(stage.engine, play, &stage), RC_OK);
    cr_expect(engine_wait(stage.engine, WAIT_MS));
    cr_expect_eq(engine_join(stage.engine, message), RC_OK);
    cr_expect_eq(stage.dead, 1001);
    cr_expect_eq(stage.largest, INGEST_VALUE_KEPT, "the largest value goes through");
    cr_expect_eq(stage.epochs, 1);
    cr_expect_eq(stage.finished, 1);
    cr_expect_eq(stage.ended, 5, "source, three shards, commit");
    engine_close(stage.engine);
}

Test(engine, a_source_that_fails_is_reported_in_its_words_and_nothing_is_finished, .timeout = 60)
{
    struct stage stage = {.source_fails = RC_ERR_IO};
    char message[256];
    open_stage(&stage);
    cr_assert_eq(engine_start(stage.engine, play, &stage), RC_OK);
    cr_expect(engine_wait(stage.engine, WAIT_MS));
    cr_expect_eq(engine_join(stage.engine, message), RC_ERR_IO);
    cr_expect_str_eq(message, "the file ends in the middle");
    cr_expect_not(engine_output_failed(stage.engine));
    cr_expect_eq(stage.finished, 0);
    engine_close(stage.engine);
}

Test(engine, an_output_that_fails_holds_nobody_up, .timeout = 60)
{
    struct stage stage = {.output_fails = RC_ERR_IO, .flood = FLOOD};
    char message[256];
    open_stage(&stage);
    cr_assert_eq(engine_start(stage.engine, play, &stage), RC_OK);
    cr_expect(engine_wait(stage.engine, WAIT_MS));
    cr_expect_eq(engine_join(stage.engine, message), RC_ERR_IO);
    cr_expect_str_eq(message, "no room on the device");
    cr_expect(engine_output_failed(stage.engine));
    cr_expect_eq(stage.finished, 0);
    engine_close(stage.engine);
}

Test(engine, there_are_never_more_shards_than_tasks)
{
    struct rc_config config = *fixture_config();
    struct engine_options options = {.config = &config, .shards = 16, .replay = true};
    struct engine *engine;
    config.tasks = 2;
    cr_assert_eq(engine_open(&options, &engine), RC_OK);
    cr_expect_eq(engine_shards(engine), 2);
    engine_close(engine);
}
