/* Records of contacts, from events to rollcall.contacts: when there is one, and what it says. */
#include "config_help.h"
#include "core_fixture.h"
#include "rollcall/contact_record.h"

static struct core core;

static void open_with_contacts(void)
{
    core_init(&core);
    core.contacts = true;
    core.config.windows.rolling_count = core.config.windows.interval_count = 0;
}

static void put_call(const char *contact, int64_t queued, int64_t answered, int64_t ended)
{
    PUT(&core, .at = queued, .type = RC_TYPE_queued, .contact = contact, .queue = "q",
        .customer = 7);
    PUT(&core, .at = answered, .type = RC_TYPE_answered, .contact = contact);
    PUT(&core, .at = ended, .type = RC_TYPE_ended, .contact = contact);
}

static bool is_text(const char *at, uint32_t size, const char *text)
{
    return size == strlen(text) && !memcmp(at, text, size);
}

static const struct rc_record *nth(uint32_t index)
{
    cr_assert_lt(index, core.record_count);
    cr_assert_eq(core.record[index]->topic, RC_TOPIC_CONTACTS);
    return core.record[index];
}

static void is_record(uint32_t index, const char *contact, int64_t as_of_ms, uint32_t revision)
{
    const struct rc_record *rec = nth(index);
    cr_assert(is_text(rc_contact_id(rec), rec->contact_size, contact), "%u", index);
    cr_assert_eq(rec->as_of_ms, as_of_ms, "%u: %ld", index, (long)(rec->as_of_ms - T0));
    cr_assert_eq(rec->revision, revision, "%u: %u", index, rec->revision);
}

#define FIELD_OF(index, name) (nth(index)->value[RC_CONTACT_##name])

Test(contact_record, a_call_has_one_from_the_instant_after_its_end)
{
    open_with_contacts();
    core_open(&core);
    put_call("c", T0, T0 + 3000, T0 + 63000);
    core_mark(&core, T0 + 63000, false);
    cr_assert_eq(core.record_count, 0);
    core_mark(&core, T0 + 63001, false);
    cr_assert_eq(core.record_count, 1);
    is_record(0, "c", T0 + 63001, 1);
    cr_assert_eq(FIELD_OF(0, queued_ms), T0);
    cr_assert_eq(FIELD_OF(0, outcome), RC_OUTCOME_ANSWERED);
    cr_assert_eq(FIELD_OF(0, wait_ms), 3000);
    cr_assert_eq(FIELD_OF(0, talk_ms), 60000);
    cr_assert_eq(FIELD_OF(0, handle_ms), 60000);
    cr_assert_eq(FIELD_OF(0, sl), RC_LEVEL_MET);
    cr_assert_eq(FIELD_OF(0, sl_at_ms), T0 + 3000);
    cr_assert_eq(FIELD_OF(0, fcr), RC_FCR_IS_PENDING);
    cr_assert_eq(FIELD_OF(0, left_ms), RC_NULL);
    cr_assert_eq(FIELD_OF(0, score), RC_NULL);
    struct rc_id128 customer;
    cr_assert_eq(nth(0)->customer_size, sizeof customer);
    memcpy(&customer, rc_contact_customer(nth(0)), sizeof customer);
    cr_assert_eq(customer.low, 7);
    cr_assert(is_text(rc_contact_conversation(nth(0)), nth(0)->conversation_size, "c"));
    core_close(&core);
}

Test(contact_record, what_time_alone_decides_is_published_at_the_instant_after)
{
    open_with_contacts();
    core.contract[RC_CALL].fcr_window_ms = HOUR_MS;
    core_open(&core);
    PUT(&core, .at = T0, .type = RC_TYPE_queued, .contact = "c", .queue = "q", .customer = 7);
    PUT(&core, .at = T0 + 1000, .type = RC_TYPE_abandoned, .contact = "c");
    PUT(&core, .at = T0 + 2000, .type = RC_TYPE_answered, .contact = "c");
    PUT(&core, .at = T0 + 3000, .type = RC_TYPE_ended, .contact = "c");
    core_mark(&core, T0 + DAY_MS, false);
    cr_assert_eq(core.record_count, 4, "%u", core.record_count);
    is_record(0, "c", T0 + 1001, 1);
    is_record(1, "c", T0 + 2001, 2);
    is_record(2, "c", T0 + 3001, 3);
    cr_assert_eq(FIELD_OF(2, fcr), RC_FCR_IS_PENDING);
    is_record(3, "c", T0 + 3001 + HOUR_MS, 4);
    cr_assert_eq(FIELD_OF(3, fcr), RC_FCR_IS_YES);
    cr_assert_eq(FIELD_OF(3, fcr_at_ms), T0 + 3000);
    core_close(&core);
}

Test(contact_record, of_events_that_change_nothing_there_is_no_revision)
{
    open_with_contacts();
    core_open(&core);
    put_call("c", T0, T0 + 3000, T0 + 63000);
    put_call("c", T0, T0 + 3000, T0 + 63000);
    PUT(&core, .at = T0 + 70000, .type = RC_TYPE_ended, .contact = "other", .queue = "q");
    PUT(&core, .at = T0 + 80000, .type = RC_TYPE_held, .contact = "c");
    core_mark(&core, T0 + HOUR_MS, false);
    put_call("c", T0, T0 + 3000, T0 + 63000);
    core_mark(&core, T0 + 2 * HOUR_MS, false);
    cr_assert_eq(core.record_count, 2, "%u", core.record_count);
    is_record(0, "c", T0 + 63001, 1);
    is_record(1, "other", T0 + 70001, 1);
    core_close(&core);
}

Test(contact_record, each_late_event_is_seen_by_itself)
{
    open_with_contacts();
    core_open(&core);
    put_call("c", T0, T0 + 3000, T0 + 63000);
    core_mark(&core, T0 + HOUR_MS, false);
    PUT(&core, .at = T0 + 70000, .type = RC_TYPE_wrapped, .contact = "c");
    PUT(&core, .at = T0 + 90000, .type = RC_TYPE_wrapped, .contact = "c");
    core_mark(&core, T0 + 2 * HOUR_MS, false);
    cr_assert_eq(core.record_count, 3, "%u", core.record_count);
    is_record(1, "c", T0 + HOUR_MS, 2);
    cr_assert_eq(FIELD_OF(1, acw_ms), 7000);
    is_record(2, "c", T0 + HOUR_MS, 3);
    cr_assert_eq(FIELD_OF(2, acw_ms), 27000);
    core_close(&core);
}

Test(contact_record, a_repeat_restates_the_contact_before)
{
    open_with_contacts();
    core_open(&core);
    put_call("first", T0, T0 + 3000, T0 + 63000);
    PUT(&core, .at = T0 + HOUR_MS, .type = RC_TYPE_queued, .contact = "second", .queue = "q",
        .customer = 7);
    core_mark(&core, T0 + 2 * HOUR_MS, false);
    cr_assert_eq(core.record_count, 2, "%u", core.record_count);
    is_record(1, "first", T0 + HOUR_MS + 1, 2);
    cr_assert_eq(FIELD_OF(1, fcr), RC_FCR_IS_NO);
    core_close(&core);
}

Test(contact_record, the_verdict_moves_to_the_contact_that_was_answered_first)
{
    open_with_contacts();
    core_open(&core);
    put_call("b", T0 + 10000, T0 + 13000, T0 + 63000);
    core_mark(&core, T0 + HOUR_MS, false);
    PUT(&core, .at = T0 + 5000, .type = RC_TYPE_answered, .contact = "a", .queue = "q",
        .conversation = "b");
    PUT(&core, .at = T0 + 6000, .type = RC_TYPE_ended, .contact = "a");
    core_mark(&core, T0 + 2 * HOUR_MS, false);
    /* b loses its verdict while a is not over; a gets it with its end */
    cr_assert_eq(core.record_count, 3, "%u", core.record_count);
    is_record(1, "a", T0 + HOUR_MS, 1);
    is_record(2, "b", T0 + HOUR_MS, 2);
    cr_assert_eq(FIELD_OF(1, fcr), RC_FCR_IS_PENDING);
    cr_assert_eq(FIELD_OF(1, fcr_at_ms), T0 + 63000);
    cr_assert_eq(FIELD_OF(2, fcr), RC_NULL);
    core_close(&core);
}

Test(contact_record, of_a_cancelled_contact_only_what_stands_before_remains)
{
    open_with_contacts();
    core_open(&core);
    put_call("over", T0, T0 + 3000, T0 + 63000);
    PUT(&core, .at = T0, .type = RC_TYPE_queued, .contact = "open", .queue = "q");
    PUT(&core, .at = T0, .type = RC_TYPE_queued, .contact = "t", .queue = "q",
        .channel = RC_TICKET);
    for (uint32_t i = 0; i < 3; i++)
        PUT(&core, .at = T0 + 70000, .type = RC_TYPE_cancelled,
            .contact = (const char *[]){"over", "open", "t"}[i]);
    core_mark(&core, T0 + HOUR_MS, false);
    cr_assert_eq(core.record_count, 3, "%u", core.record_count);
    is_record(1, "over", T0 + 70001, 2);
    is_record(2, "t", T0 + 70001, 1);
    for (uint32_t i = 1; i < 3; i++)
        for (uint32_t f = 0; f < RC_CONTACT_FIELD_COUNT; f++)
            cr_assert_eq(nth(i)->value[f], RC_NULL);
    cr_assert_neq(nth(1)->contract, 0);
    core_close(&core);
}

Test(contact_record, after_a_contact_is_forgotten_its_id_begins_at_revision_1)
{
    open_with_contacts();
    core_open(&core);
    put_call("c", T0, T0 + 3000, T0 + 63000);
    PUT(&core, .at = T0 + 70000, .type = RC_TYPE_wrapped, .contact = "c");
    int64_t again = T0 + 40 * (int64_t)DAY_MS;
    put_call("c", again, again + 3000, again + 63000);
    core_mark(&core, again + HOUR_MS, false);
    cr_assert_eq(core.record_count, 3, "%u", core.record_count);
    is_record(1, "c", T0 + 70001, 2);
    is_record(2, "c", again + 63001, 1);
    core_close(&core);
}

Test(contact_record, those_of_an_instant_stand_by_topic_queue_and_contact_whoever_makes_them)
{
    static const char *const contacts[] = {"d", "b", "a", "c"};
    core_init(&core);
    core.contacts = true;
    core_open(&core);
    for (uint32_t i = 0; i < 4000; i++) {
        char id[16];
        snprintf(id, sizeof id, "%s%u", contacts[i % 4], i * 7919 % 4000);
        PUT(&core, .at = T0 + 59999, .type = RC_TYPE_ended, .contact = id,
            .queue = i % 3 ? "q" : "p");
    }
    PUT(&core, .at = T0 + 59999, .type = RC_TYPE_queued, .contact = "w", .queue = "q");
    core_mark(&core, T0 + 60000, false);
    cr_assert_gt(core.record_count, 4000);
    for (uint32_t i = 1; i < core.record_count; i++)
        cr_assert_lt(rc_record_compare(core.record[i - 1], core.record[i]), 0, "%u", i);
    core_close(&core);
}

Test(contact_record, nothing_is_made_for_who_does_not_ask)
{
    open_with_contacts();
    core.contacts = false;
    core_open(&core);
    put_call("c", T0, T0 + 3000, T0 + 63000);
    core_mark(&core, T0 + HOUR_MS, false);
    cr_assert_eq(core.record_count, 0);
    core_close(&core);
}

static void is_clock(const char **at, const char *name, bool met, int64_t at_ms)
{
    struct rc_contact_clock clock;
    const char *found;
    *at = rc_contact_clock_at(*at, &clock, &found);
    cr_assert(is_text(found, clock.name_size, name));
    cr_assert_eq(clock.met, met);
    cr_assert_eq(clock.at_ms, at_ms);
}

Test(contact_record, a_tickets_clocks_stand_by_name_and_change_with_it)
{
    core_init(&core);
    struct config_loaded *loaded =
        config_taken("windows: {rolling: [], interval: [day]}\n"
                     "defaults: {ticket: {slas: [{name: b, measure: resolution, within: 1h},\n"
                     "  {name: c, measure: acknowledge, within: 1h},\n"
                     "  {name: a, measure: first_response, within: {urgent: 30m}}]}}\n");
    struct agg_options options = {.config = loaded->config,
                                  .shard_count = 1,
                                  .hash_secret = CORE_SECRET,
                                  .replay = true,
                                  .contacts = true,
                                  .pseudonym = core_pseudonym};
    cr_assert_eq(agg_open(&options, core_keep, &core, &core.agg[0]), RC_OK);
    core.shards = 1;
#define TELL(when, what, ...)                                                                      \
    PUT(&core, .at = T0 + (when), .now_ms = T0, .type = RC_TYPE_##what, .contact = "t",            \
        .channel = RC_TICKET, __VA_ARGS__)
    TELL(0, queued, .queue = "q", .priority = "urgent");
    TELL(MINUTE_MS, worked, .value = 5000);
    TELL(40 * MINUTE_MS, resolved, .value = 1, .flags = RC_EVENT_RESOLVED);
    TELL(50 * MINUTE_MS, reopened, .agent = NULL);
    core_mark(&core, T0 + 2 * HOUR_MS, false);
    const struct rc_record *rec[3];
    uint32_t count = 0;
    for (uint32_t i = 0; i < core.record_count; i++)
        if (core.record[i]->topic == RC_TOPIC_CONTACTS && count < 3)
            rec[count++] = core.record[i];
    cr_assert_eq(count, 3);
    cr_assert_eq(rec[0]->clock_count, 3);
    const char *at = rc_contact_clocks(rec[0]);
    is_clock(&at, "a", false, T0 + 30 * MINUTE_MS);
    is_clock(&at, "b", true, T0 + 40 * MINUTE_MS);
    is_clock(&at, "c", true, T0 + 40 * MINUTE_MS);
    cr_assert_eq(rec[0]->value[RC_CONTACT_resolved_ms], T0 + 40 * MINUTE_MS);
    cr_assert_eq(rec[0]->value[RC_CONTACT_handle_ms], 5000);
    cr_assert_eq(rec[1]->clock_count, 2, "reopened: b runs again");
    cr_assert_eq(rec[1]->value[RC_CONTACT_resolved_ms], RC_NULL);
    cr_assert_eq(rec[1]->value[RC_CONTACT_handle_ms], RC_NULL);
    cr_assert_eq(rec[2]->as_of_ms, T0 + 70 * MINUTE_MS + 1, "ten minutes did not run");
    cr_assert_eq(rec[2]->clock_count, 3);
    at = rc_contact_clocks(rec[2]);
    is_clock(&at, "a", false, T0 + 30 * MINUTE_MS);
    is_clock(&at, "b", false, T0 + 70 * MINUTE_MS);
    core_close(&core);
    config_free(loaded);
}
