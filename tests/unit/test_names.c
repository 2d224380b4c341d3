#include "core_fixture.h"
#include "hash.h"

static struct rc_dated_contract group_contract = {INT64_MIN,
                                                  {.has_service_level = true,
                                                   .sl_within_ms = 20 * SECOND_MS,
                                                   .sl_target_bp = 9000,
                                                   .short_abandon_ms = RC_NULL,
                                                   .aht_target_ms = RC_NULL,
                                                   .fcr_target_bp = RC_NULL,
                                                   .csat_satisfied_at = RC_NULL,
                                                   .csat_target_bp = RC_NULL,
                                                   .fingerprint = 77}};
static const char *const members[] = {"billing", "sales"};

/* One group `money` of two queues. */
static struct rc_queue_policy money(void)
{
    struct rc_queue_policy group = {
        .name = "money", .name_size = 5, .member_count = 2, .member = members};
    for (uint32_t c = 0; c < RC_CHANNEL_COUNT; c++)
        group.channel[c] = (struct rc_contract_list){1, &group_contract};
    return group;
}

static void offer(struct core *core, const char *contact, const char *queue, uint8_t channel)
{
    PUT(core, .at = T0 + 1000, .type = RC_TYPE_queued, .contact = contact, .queue = queue,
        .channel = channel);
}

Test(names, same_name_gives_the_same_reference_and_other_names_others)
{
    struct core core;
    core_init(&core);
    struct agg_task *task = core_task_open(&core);
    uint32_t acme = agg_client_get(task, "acme", 4), other = agg_client_get(task, "acmes", 5);
    cr_assert_eq(agg_client_get(task, "acme", 4), acme);
    cr_assert_neq(other, acme);
    cr_assert(agg_client_at(task, acme)->configured);
    cr_assert_not(agg_client_at(task, other)->configured);
    cr_assert_eq(rc_counter_read(&core.stats.unknown_clients), 1);
    cr_assert_eq(agg_queue_find(task, acme, "sales", 5), 0);
    uint32_t sales = agg_queue_get(task, acme, "sales", 5);
    cr_assert_eq(agg_queue_find(task, acme, "sales", 5), sales);
    cr_assert_neq(agg_queue_get(task, other, "sales", 5), sales, "queues are their client's");
    cr_assert_eq(agg_client_at(task, acme)->queue_count, 1);
    uint32_t call = agg_key_get(task, acme, sales, RC_CALL);
    cr_assert_eq(agg_key_get(task, acme, sales, RC_CALL), call);
    cr_assert_neq(agg_key_get(task, acme, sales, RC_CHAT), call);
    agg_task_close(task);
    core_close(&core);
}

Test(names, a_clock_has_a_key_of_its_own_beside_the_one_that_it_measures)
{
    struct rc_clock first = {.name = "first", .name_size = 5}, again = first;
    struct rc_clock other = {.name = "firs", .name_size = 4};
    struct core core;
    core_init(&core);
    struct agg_task *task = core_task_open(&core);
    uint32_t acme = agg_client_get(task, "acme", 4), sales = agg_queue_get(task, acme, "sales", 5);
    uint32_t key = agg_key_get(task, acme, sales, RC_TICKET);
    uint32_t clock = agg_key_of_clock(task, key, &first);
    cr_assert_neq(clock, key);
    cr_assert_eq(agg_key_of_clock(task, key, &again), clock, "by name");
    cr_assert_neq(agg_key_of_clock(task, key, &other), clock);
    uint32_t total = agg_link_at(task, agg_key_at(task, key)->up)->key;
    cr_assert_neq(agg_key_of_clock(task, total, &first), clock);
    cr_assert_eq(agg_key_get(task, acme, sales, RC_TICKET), key, "without a clock");
    cr_assert_eq(agg_key_at(task, clock)->base, key);
    cr_assert_eq(agg_key_at(task, clock)->up, 0);
    cr_assert_eq(agg_key_at(task, clock)->contracts, agg_key_at(task, key)->contracts);
    cr_assert_arr_eq(agg_key_at(task, clock)->name, "sales", 5);
    agg_task_close(task);
    core_close(&core);
}

Test(names, hash_of_an_id_is_the_one_that_the_decoder_gives_it)
{
    struct core core;
    core_init(&core);
    struct agg_task *task = core_task_open(&core);
    uint32_t acme = agg_client_get(task, "acme", 4), other = agg_client_get(task, "acmec", 5);
    cr_assert_eq(agg_id_hash(task, acme, "c-17", 4),
                 ingest_contact_hash(CORE_SECRET, "acme", 4, "c-17", 4));
    cr_assert_neq(agg_id_hash(task, acme, "c-17", 4), agg_id_hash(task, acme, "c-18", 4));
    cr_assert_neq(agg_id_hash(task, acme, "c-17", 4), agg_id_hash(task, other, "-17", 3));
    agg_task_close(task);
    core_close(&core);
}

Test(names, customer_on_the_list_of_none_is_ignored)
{
    static const char *const nobody[] = {"7", "9"};
    struct core core;
    core_init(&core);
    core.acme.no_customer = nobody;
    core.acme.no_customer_count = 2;
    struct agg_task *task = core_task_open(&core);
    const struct agg_client *acme = agg_client_at(task, agg_client_get(task, "acme", 4));
    cr_assert(agg_client_ignores(acme, &(struct rc_id128){0, 9}));
    cr_assert_not(agg_client_ignores(acme, &(struct rc_id128){0, 8}));
    cr_assert_not(agg_client_ignores(acme, &(struct rc_id128){9, 9}));
    agg_task_close(task);
    core_close(&core);
}

Test(names, group_sums_its_queues_of_one_channel_and_the_total_all)
{
    struct core core;
    core_init(&core);
    struct rc_queue_policy group = money();
    core.acme.group = &group;
    core.acme.group_count = 1;
    core_open(&core);
    offer(&core, "a", "sales", RC_CALL);
    offer(&core, "b", "billing", RC_CALL);
    offer(&core, "c", "support", RC_CALL);
    offer(&core, "d", "sales", RC_CHAT);
    core_now(&core, T0 + MINUTE_MS);
    cr_assert_eq(VALUE(&core, "sales", CORE_15M, T0, offered), 1);
    cr_assert_eq(VALUE(&core, "@money", CORE_15M, T0, offered), 2);
    cr_assert_eq(VALUE(&core, "*", CORE_15M, T0, offered), 3);
    cr_assert_eq(core_find(&core, "*", RC_CHAT, CORE_15M, T0)->value[RC_FIG_offered], 1);
    const struct rc_record *rec = core_find(&core, "@money", RC_CALL, CORE_15M, T0);
    cr_assert_eq(rec->contract, 77);
    cr_assert_eq(rec->value[RC_FIG_sl_target_bp], 9000);
    cr_assert_eq(rec->total, 1);
    cr_assert_eq(core_find(&core, "*", RC_CALL, CORE_15M, T0)->total, 2);
    cr_assert_eq(core_find(&core, "*", RC_CALL, CORE_15M, T0)->contract, 101);
    core_close(&core);
}

Test(names, groups_come_after_queues_and_the_total_last)
{
    struct core core;
    core_init(&core);
    struct rc_queue_policy group = money();
    core.acme.group = &group;
    core.acme.group_count = 1;
    core_open(&core);
    offer(&core, "a", "sales", RC_CALL);
    offer(&core, "b", "!odd", RC_CALL);
    offer(&core, "c", "zoo", RC_CALL);
    core_now(&core, T0 + 5 * MINUTE_MS);
    static const char *const expected[] = {"!odd", "sales", "zoo", "@money", "*"};
    uint32_t found = 0;
    for (uint32_t i = 0; i < core.record_count; i++)
        if (core.record[i]->window == CORE_5M && core.record[i]->as_of_ms == T0 + 5 * MINUTE_MS)
            cr_assert(core_is(core.record[i], "acme", expected[found++]));
    cr_assert_eq(found, 5);
    core_close(&core);
}
