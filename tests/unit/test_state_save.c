#include "state_fixture.h"

static void centre_close(struct centre *centre)
{
    core_close(&centre->core);
}

Test(state_save, saving_changes_nothing)
{
    struct centre centre;
    struct core_random random = {1};
    struct saved first[CORE_TASKS], second[CORE_TASKS];
    centre_init(&centre);
    centre_open(&centre);
    centre_run(&centre, &random, T0, 40);
    centre_save(&centre, first);
    centre_save(&centre, second);
    for (uint32_t i = 0; i < CORE_TASKS; i++) {
        cr_assert_eq(first[i].size, second[i].size);
        cr_assert(!first[i].size || !memcmp(first[i].bytes, second[i].bytes, first[i].size));
    }
    saved_free(first);
    saved_free(second);
    centre_close(&centre);
}

/* No address of this run is in it: with another one, all bytes are the same. */
Test(state_save, same_events_make_the_same_bytes)
{
    struct saved saved[2][CORE_TASKS];
    for (uint32_t k = 0; k < 2; k++) {
        struct centre *centre = malloc(sizeof *centre);
        struct core_random random = {2};
        void *elsewhere = malloc(k ? 100000 : 16);
        centre_init(centre);
        centre_open(centre);
        centre_run(centre, &random, T0, 40);
        centre_save(centre, saved[k]);
        core_close(&centre->core);
        free(centre);
        free(elsewhere);
    }
    for (uint32_t i = 0; i < CORE_TASKS; i++) {
        cr_assert_eq(saved[0][i].size, saved[1][i].size);
        for (size_t at = 0; at < saved[0][i].size; at++)
            cr_assert_eq(saved[0][i].bytes[at], saved[1][i].bytes[at], "task %u, byte %zu", i, at);
    }
    saved_free(saved[0]);
    saved_free(saved[1]);
}

Test(state_save, task_without_a_client_has_no_state)
{
    struct centre centre;
    centre_init(&centre);
    centre_open(&centre);
    PUT(&centre.core, .at = T0, .contact = "a", .queue = "q");
    for (uint32_t i = 0; i < CORE_TASKS; i++)
        cr_assert_eq(agg_task_exists(centre.core.agg[0], i), i == core_task_of("acme"));
    cr_assert_not(agg_task_exists(centre.core.agg[0], CORE_TASKS));
    centre_close(&centre);
}

static enum rc_error full(void *self, const void *bytes, size_t size)
{
    uint32_t *left = self;
    (void)bytes, (void)size;
    return (*left)-- ? RC_OK : RC_ERR_IO;
}

Test(state_save, error_of_the_writer_ends_it_wherever_it_comes)
{
    struct centre centre;
    struct core_random random = {3};
    centre_init(&centre);
    centre_open(&centre);
    centre_run(&centre, &random, T0, 20);
    uint32_t pieces = 0;
    for (;; pieces++) {
        uint32_t left = pieces;
        struct rc_snapshot_writer writer = {&left, full};
        enum rc_error err = agg_task_save(centre.core.agg[0], core_task_of("acme"), &writer);
        if (!err)
            break;
        cr_assert_eq(err, RC_ERR_IO);
    }
    cr_assert_gt(pieces, 50);
    centre_close(&centre);
}

Test(state_save, events_that_wait_are_saved_with_what_came_in)
{
    struct centre centre;
    centre_init(&centre);
    centre_open(&centre);
    PUT(&centre.core, .at = T0, .contact = "a", .queue = "q");
    PUT(&centre.core, .at = T0 + HOUR_MS, .contact = "later", .queue = "q");
    core_now(&centre.core, T0 + MINUTE_MS);
    struct saved saved = state_of(centre.core.agg[0], core_task_of("acme"));
    struct saved_section section = saved_find(&saved, "order", 0);
    cr_assert_eq(section.head.rows, 1);
    cr_assert_eq(section.head.row_size, sizeof(struct rc_event));
    struct rc_event ev;
    memcpy(&ev, saved.bytes + section.rows_at, sizeof ev);
    cr_assert_eq(ev.time_ms, T0 + HOUR_MS);
    cr_assert_eq(section.head.bytes, ev.size);
    free(saved.bytes);
    centre_close(&centre);
}
