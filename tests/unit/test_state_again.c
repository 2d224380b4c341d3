#include "state_fixture.h"

static struct saved some_state(struct centre *centre)
{
    struct core_random random = {4};
    centre_init(centre);
    centre_open(centre);
    centre_run(centre, &random, T0, 30);
    return state_of(centre->core.agg[0], core_task_of("acme"));
}

static void refuses(struct centre *centre, struct saved *saved, const char *why)
{
    char message[256] = "";
    agg_close(centre->core.agg[0]);
    centre_shards_open(centre);
    cr_assert_eq(state_take(centre->core.agg[0], core_task_of("acme"), saved, message),
                 RC_ERR_INPUT, "%s", why);
    cr_assert_not_null(strstr(message, why), "%s, not %s", message, why);
}

Test(state_again, state_of_another_secret_is_refused)
{
    static struct centre centre;
    struct saved saved = some_state(&centre);
    saved_poke(&saved, "client", 0, 1, 0, "id_seed", 0, 1);
    refuses(&centre, &saved, "another hash secret");
    free(saved.bytes);
    core_close(&centre.core);
}

Test(state_again, client_that_was_configured_must_still_be)
{
    static struct centre centre;
    struct saved saved = some_state(&centre);
    centre.core.config.contracts.client_count = 0;
    refuses(&centre, &saved, "client acme was configured when it was made");
    free(saved.bytes);
    core_close(&centre.core);
}

Test(state_again, client_that_was_not_configured_must_still_not_be)
{
    static struct centre centre;
    struct saved saved = some_state(&centre);
    saved_poke(&saved, "client", 0, 1, 0, "configured", 0, 0);
    refuses(&centre, &saved, "client acme was not configured when it was made");
    free(saved.bytes);
    core_close(&centre.core);
}

Test(state_again, group_that_has_figures_must_still_be_there)
{
    static struct centre centre;
    struct saved saved = some_state(&centre);
    centre.group.name = "other";
    refuses(&centre, &saved, "no group @front");
    centre.core.acme.group_count = 0;
    refuses(&centre, &saved, "no group @front");
    free(saved.bytes);
    core_close(&centre.core);
}

Test(state_again, clock_that_has_figures_must_still_be_there)
{
    static struct centre centre;
    struct saved saved = some_state(&centre);
    centre.clock[0].name = "annoy!"; /* between them in the order, and none of them */
    refuses(&centre, &saved, "has no clock answer");
    free(saved.bytes);
    core_close(&centre.core);
}

Test(state_again, indexes_find_all_that_was_there)
{
    static struct centre centre;
    struct saved saved = some_state(&centre);
    char message[256];
    const struct agg_task *task = agg_of(centre.core.agg[0], core_task_of("acme"));
    const uint32_t counts[] = {task->client_index.count,   task->queue_index.count,
                               task->priority_index.count, task->key_index.count,
                               task->contact_index.count,  task->identity_index.count,
                               task->episode_index.count,  task->customer_index.count,
                               task->pane_index.count,     task->shown_index.count};
    agg_close(centre.core.agg[0]);
    centre_shards_open(&centre);
    cr_assert_eq(state_take(centre.core.agg[0], core_task_of("acme"), &saved, message), RC_OK, "%s",
                 message);
    task = agg_of(centre.core.agg[0], core_task_of("acme"));
    const uint32_t again[] = {task->client_index.count,   task->queue_index.count,
                              task->priority_index.count, task->key_index.count,
                              task->contact_index.count,  task->identity_index.count,
                              task->episode_index.count,  task->customer_index.count,
                              task->pane_index.count,     task->shown_index.count};
    for (uint32_t i = 0; i < sizeof counts / sizeof *counts; i++)
        cr_assert_eq(counts[i], again[i], "index %u", i);
    cr_assert_gt(task->customer_index.count, 5);
    for (uint32_t ref = 1; ref < task->client.next; ref++) {
        const struct agg_client *client = agg_client_at(task, ref);
        cr_assert_eq(agg_client_get((struct agg_task *)task,
                                    agg_text_at(&task->texts, client->name, client->name_size),
                                    client->name_size),
                     ref);
    }
    free(saved.bytes);
    core_close(&centre.core);
}
