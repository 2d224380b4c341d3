/* Another configuration while the core runs: what is derived anew, what stays, what ends. */
#include "config_help.h"
#include "core_fixture.h"

#define MINUTE INT64_C(60000)
#define HOUR   (60 * MINUTE)
#define DAY    (24 * HOUR)
#define NINE   (T0 + 9 * HOUR)

#define WINDOWS                                                                                    \
    "windows: {rolling: [{name: 5m, length: 5m, every: 1m}], interval: [30m, day], catch_up: "     \
    "all}\n"
#define FCR         "defaults: {fcr: {window: 1h}}\n"
#define NO_CONTACTS "output: {contacts: none}\n"
#define ACME(text)                                                                                 \
    WINDOWS FCR "clients:\n"                                                                       \
                "  acme: " text "\n"

enum { FIVE, HALF_HOUR, WHOLE_DAY };

struct shop {
    struct core core;
    struct config_loaded *loaded;
};

static void shop_open(struct shop *shop, const char *text)
{
    core_init(&shop->core);
    shop->loaded = config_taken(text);
    struct agg_options options = {.config = shop->loaded->config,
                                  .shard_count = 1,
                                  .hash_secret = CORE_SECRET,
                                  .provisional = true,
                                  .contacts = true,
                                  .pseudonym = core_pseudonym};
    cr_assert_eq(agg_open(&options, core_keep, &shop->core, &shop->core.agg[0]), RC_OK);
}

static void shop_close(struct shop *shop)
{
    core_close(&shop->core);
    config_free(shop->loaded);
}

/* What came of the old configuration is gone at once, as it may be. */
static void shop_change(struct shop *shop, const char *text)
{
    char message[256];
    struct config_loaded *other = config_taken(text);
    config_pseudonym_key_set(other, shop->loaded->config->privacy.key);
    cr_assert_eq(agg_configure(shop->core.agg[0], other->config, message), RC_OK, "%s", message);
    config_free(shop->loaded);
    shop->loaded = other;
}

#define TELL(shop, when, what, id, ...)                                                            \
    PUT(&(shop)->core, .at = (when), .type = RC_TYPE_##what, .contact = id, __VA_ARGS__)

/* A call that waited for so long and was over a minute later. */
static void call(struct shop *shop, int64_t at, const char *id, int64_t wait_ms)
{
    TELL(shop, at, queued, id, .queue = "sales", .customer = 7);
    TELL(shop, at + wait_ms, answered, id, .queue = "sales");
    TELL(shop, at + wait_ms + MINUTE, ended, id, .queue = "sales");
}

static const struct rc_record *find(const struct shop *shop, enum rc_topic topic, const char *queue,
                                    uint32_t window, int64_t start_ms)
{
    for (uint32_t i = shop->core.record_count; i-- > 0;) {
        const struct rc_record *rec = shop->core.record[i];
        if (rec->topic == topic && core_is(rec, "acme", queue) && rec->window == window &&
            rec->start_ms == start_ms)
            return rec;
    }
    return NULL;
}

static const struct rc_record *metric(const struct shop *shop, const char *queue, uint32_t window,
                                      int64_t start_ms)
{
    const struct rc_record *rec = find(shop, RC_TOPIC_METRICS, queue, window, start_ms);
    cr_assert_not_null(rec, "no record of %s, window %u", queue, window);
    return rec;
}
#define SHOWS(shop, queue, window, start, name)                                                    \
    metric(shop, queue, window, start)->value[RC_FIG_##name]

/* ---- what is judged again ---- */

Test(rederive, another_threshold_judges_again_what_is_remembered)
{
    struct shop shop;
    shop_open(&shop, ACME("{call: {service_level: {within: 20s, target: 80%}}}"));
    call(&shop, NINE, "a", 30000);
    core_now(&shop.core, NINE + HOUR);
    const struct rc_record *rec = metric(&shop, "sales", HALF_HOUR, NINE);
    cr_assert_eq(rec->status, RC_FINAL);
    cr_assert_eq(rec->value[RC_FIG_sl_met], 0);
    uint32_t revision = rec->revision;
    uint64_t contract = rec->contract;
    shop_change(&shop, ACME("{call: {service_level: {within: 40s, target: 90%}}}"));
    core_now(&shop.core, NINE + HOUR + MINUTE);
    cr_assert_eq(metric(&shop, "sales", HALF_HOUR, NINE)->revision, revision,
                 "not before its time");
    cr_assert_eq(SHOWS(&shop, "sales", WHOLE_DAY, T0, sl_met), 1, "an open one at once");
    core_now(&shop.core, NINE + HOUR + 15 * MINUTE);
    rec = metric(&shop, "sales", HALF_HOUR, NINE);
    cr_assert_eq(rec->status, RC_RESTATED);
    cr_assert_eq(rec->revision, revision + 1);
    cr_assert_neq(rec->contract, contract);
    cr_assert_eq(rec->value[RC_FIG_sl_met], 1);
    cr_assert_eq(rec->value[RC_FIG_sl_of], 1);
    cr_assert_eq(rec->value[RC_FIG_sl_target_bp], 9000);
    cr_assert_eq(rec->value[RC_FIG_offered], 1);
    cr_assert_eq(SHOWS(&shop, "*", HALF_HOUR, NINE, sl_met), 1);
    shop_close(&shop);
}

static uint32_t contact_records(const struct shop *shop)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < shop->core.record_count; i++)
        count += shop->core.record[i]->topic == RC_TOPIC_CONTACTS;
    return count;
}

/* The last record of the contact that queued then. */
static const struct rc_record *newest_of(const struct shop *shop, int64_t queued_ms)
{
    for (uint32_t i = shop->core.record_count; i-- > 0;) {
        const struct rc_record *rec = shop->core.record[i];
        if (rec->topic == RC_TOPIC_CONTACTS && rec->value[RC_CONTACT_queued_ms] == queued_ms)
            return rec;
    }
    cr_assert_fail("no record");
    return NULL;
}

Test(rederive, records_of_contacts_stop_and_come_of_those_that_lack_theirs_or_have_changed)
{
    struct shop shop;
    const char *with = ACME("{timezone: UTC}"), *without = ACME("{timezone: UTC}") NO_CONTACTS;
    shop_open(&shop, with);
    call(&shop, NINE, "a", 30000);
    core_now(&shop.core, NINE + 3 * MINUTE);
    uint32_t count = contact_records(&shop), revision = newest_of(&shop, NINE)->revision;
    shop_change(&shop, without);
    call(&shop, NINE + 5 * MINUTE, "b", 30000);
    core_now(&shop.core, NINE + 10 * MINUTE);
    cr_assert_eq(contact_records(&shop), count);
    cr_assert_eq(SHOWS(&shop, "sales", WHOLE_DAY, T0, answered), 2, "figures have both");
    shop_change(&shop, with);
    core_now(&shop.core, NINE + 11 * MINUTE);
    cr_assert_eq(contact_records(&shop), count + 2);
    cr_assert_eq(newest_of(&shop, NINE)->revision, revision + 1);
    cr_assert_eq(newest_of(&shop, NINE)->value[RC_CONTACT_fcr], RC_FCR_IS_NO, "b came back");
    cr_assert_eq(newest_of(&shop, NINE + 5 * MINUTE)->revision, 1);
    shop_close(&shop);
}

Test(rederive, the_same_configuration_again_publishes_nothing)
{
    struct shop shop;
    const char *text = ACME("{call: {service_level: {within: 20s, target: 80%}}}");
    shop_open(&shop, text);
    call(&shop, NINE, "a", 30000);
    core_now(&shop.core, NINE + 3 * HOUR);
    uint32_t count = shop.core.record_count;
    shop_change(&shop, text);
    core_now(&shop.core, NINE + 4 * HOUR);
    cr_assert_eq(shop.core.record_count, count);
    shop_close(&shop);
}

Test(rederive, what_forgotten_contacts_made_stays_as_it_was)
{
    struct shop shop;
    shop_open(&shop, ACME("{call: {service_level: {within: 20s}}}"));
    call(&shop, NINE, "a", 30000);
    core_now(&shop.core, NINE + 5 * DAY);
    call(&shop, NINE + 5 * DAY, "b", 30000);
    core_now(&shop.core, NINE + 5 * DAY + HOUR);
    cr_assert_eq(STAT(&shop.core, contacts_now), 1);
    shop_change(&shop, ACME("{call: {service_level: {within: 40s}}}"));
    core_now(&shop.core, NINE + 5 * DAY + 2 * HOUR);
    const struct rc_record *old = metric(&shop, "sales", HALF_HOUR, NINE);
    cr_assert_eq(old->value[RC_FIG_sl_met], 0);
    cr_assert_eq(old->value[RC_FIG_sl_of], 1);
    cr_assert_eq(old->value[RC_FIG_wait_ms_max], 30000);
    cr_assert_eq(old->status, RC_RESTATED, "its contract is another one");
    cr_assert_eq(SHOWS(&shop, "sales", HALF_HOUR, NINE + 5 * DAY, sl_met), 1);
    shop_close(&shop);
}

Test(rederive, the_rating_of_a_forgotten_contact_is_judged_again)
{
    struct shop shop;
    shop_open(&shop, ACME("{csat: {satisfied_at: 4}}"));
    call(&shop, NINE, "a", 1000);
    core_now(&shop.core, NINE + 5 * DAY);
    TELL(&shop, NINE + 5 * DAY, rated, "a", .value = 3000);
    core_now(&shop.core, NINE + 5 * DAY + MINUTE);
    cr_assert_eq(SHOWS(&shop, "sales", WHOLE_DAY, T0 + 5 * DAY, csat_satisfied), 0);
    shop_change(&shop, ACME("{csat: {satisfied_at: 3}}"));
    core_now(&shop.core, NINE + 5 * DAY + 2 * MINUTE);
    cr_assert_eq(SHOWS(&shop, "sales", WHOLE_DAY, T0 + 5 * DAY, csat_satisfied), 1);
    cr_assert_eq(SHOWS(&shop, "sales", WHOLE_DAY, T0 + 5 * DAY, csat_responses), 1);
    shop_close(&shop);
}

static const struct rc_record *last_contact(const struct shop *shop)
{
    uint32_t i = shop->core.record_count;
    while (i > 0 && shop->core.record[i - 1]->topic != RC_TOPIC_CONTACTS)
        i--;
    cr_assert_gt(i, 0, "no record of a contact");
    return shop->core.record[i - 1];
}

Test(rederive, the_record_of_a_contact_is_made_again)
{
    struct shop shop;
    shop_open(&shop, ACME("{call: {service_level: {within: 20s}}}"));
    call(&shop, NINE, "a", 30000);
    core_now(&shop.core, NINE + HOUR);
    const struct rc_record *rec = last_contact(&shop);
    cr_assert_eq(rec->value[RC_CONTACT_sl], RC_LEVEL_MISSED);
    uint32_t revision = rec->revision;
    shop_change(&shop, ACME("{call: {service_level: {within: 40s}}}"));
    core_now(&shop.core, NINE + HOUR + 1000);
    rec = last_contact(&shop);
    cr_assert_eq(rec->value[RC_CONTACT_sl], RC_LEVEL_MET);
    cr_assert_eq(rec->revision, revision + 1);
    cr_assert_eq(rec->as_of_ms, NINE + HOUR + 1);
    shop_close(&shop);
}

Test(rederive, a_client_and_a_queue_get_contracts_of_their_own)
{
    struct shop shop;
    shop_open(&shop,
              WINDOWS "defaults: {fcr: {window: 1h}, call: {service_level: {within: 20s}}}\n");
    call(&shop, NINE, "a", 30000);
    core_now(&shop.core, NINE + MINUTE * 10);
    cr_assert_eq(STAT(&shop.core, unknown_clients), 1);
    cr_assert_eq(SHOWS(&shop, "sales", WHOLE_DAY, T0, sl_met), 0);
    shop_change(&shop, ACME("{queues: {sales: {call: {service_level: {within: 40s}}}}}"));
    core_now(&shop.core, NINE + MINUTE * 11);
    cr_assert_eq(STAT(&shop.core, unknown_clients), 0);
    cr_assert_eq(STAT(&shop.core, unknown_queues), 0);
    cr_assert_eq(SHOWS(&shop, "sales", WHOLE_DAY, T0, sl_met), 1);
    cr_assert_eq(SHOWS(&shop, "*", WHOLE_DAY, T0, sl_met), 1);
    shop_close(&shop);
}

/* ---- first contact resolution ---- */

Test(rederive, another_fcr_window_judges_episodes_again)
{
    struct shop shop;
    shop_open(&shop, ACME("{}"));
    call(&shop, NINE, "a", 1000);
    call(&shop, NINE + 2 * HOUR, "b", 1000);
    core_now(&shop.core, NINE + 4 * HOUR);
    cr_assert_eq(SHOWS(&shop, "sales", WHOLE_DAY, T0, fcr_yes), 2);
    cr_assert_eq(SHOWS(&shop, "sales", WHOLE_DAY, T0, repeats), 0);
    shop_change(&shop, ACME("{fcr: {window: 3h}}"));
    core_now(&shop.core, NINE + 4 * HOUR + MINUTE);
    cr_assert_eq(SHOWS(&shop, "sales", WHOLE_DAY, T0, fcr_yes), 0);
    cr_assert_eq(SHOWS(&shop, "sales", WHOLE_DAY, T0, fcr_no), 1);
    cr_assert_eq(SHOWS(&shop, "sales", WHOLE_DAY, T0, fcr_pending), 1);
    cr_assert_eq(SHOWS(&shop, "sales", WHOLE_DAY, T0, repeats), 1);
    core_now(&shop.core, NINE + 6 * HOUR);
    cr_assert_eq(SHOWS(&shop, "sales", WHOLE_DAY, T0, fcr_yes), 1, "asked again when it is over");
    shop_close(&shop);
}

Test(rederive, a_customer_that_counts_as_none_now_leaves_its_episodes)
{
    struct shop shop;
    shop_open(&shop, ACME("{}"));
    call(&shop, NINE, "a", 1000);
    call(&shop, NINE + HOUR / 2, "b", 1000);
    core_now(&shop.core, NINE + 4 * HOUR);
    cr_assert_eq(SHOWS(&shop, "sales", WHOLE_DAY, T0, fcr_no), 1);
    shop_change(&shop, ACME("{fcr: {no_customer: ['7']}}"));
    core_now(&shop.core, NINE + 4 * HOUR + MINUTE);
    cr_assert_eq(SHOWS(&shop, "sales", WHOLE_DAY, T0, fcr_no), 0);
    cr_assert_eq(SHOWS(&shop, "sales", WHOLE_DAY, T0, fcr_yes), 0);
    cr_assert_eq(SHOWS(&shop, "sales", WHOLE_DAY, T0, repeats), 0);
    cr_assert_eq(STAT(&shop.core, customers_now), 0);
    shop_close(&shop);
}

/* ---- windows ---- */

#define KEPT(days)                                                                                 \
    WINDOWS "defaults: {fcr: {window: 1h}, call: {service_level: {within: 20s}}}\n"                \
            "time: {restate_for: {default: " days ", day: 100d}}\n"
#define KEPT_OTHER(days)                                                                           \
    WINDOWS "defaults: {fcr: {window: 1h}, call: {service_level: {within: 40s}}}\n"                \
            "time: {restate_for: {default: " days ", day: 100d}}\n"

Test(rederive, a_closed_window_takes_nothing_though_restate_for_is_longer_now)
{
    struct shop shop;
    shop_open(&shop, KEPT("2d"));
    call(&shop, NINE, "a", 30000);
    core_now(&shop.core, NINE + 3 * DAY);
    const struct rc_record *closed = metric(&shop, "sales", HALF_HOUR, NINE);
    cr_assert_eq(closed->status, RC_CLOSED);
    shop_change(&shop, KEPT_OTHER("30d"));
    TELL(&shop, NINE, rated, "a", .value = 5000);
    core_now(&shop.core, NINE + 3 * DAY + HOUR);
    cr_assert_eq(metric(&shop, "sales", HALF_HOUR, NINE), closed);
    cr_assert_eq(SHOWS(&shop, "sales", WHOLE_DAY, T0, sl_met), 1, "the day is open to change");
    cr_assert_eq(STAT(&shop.core, closed_changes), 2, "the rating's, of the key and its roll-up");
    shop_close(&shop);
}

Test(rederive, a_shorter_restate_for_closes_what_is_older_with_its_new_figures)
{
    struct shop shop;
    shop_open(&shop, KEPT("8d"));
    call(&shop, NINE, "a", 30000);
    core_now(&shop.core, NINE + 3 * DAY);
    shop_change(&shop, KEPT_OTHER("2d"));
    core_now(&shop.core, NINE + 3 * DAY + 1);
    const struct rc_record *rec = metric(&shop, "sales", HALF_HOUR, NINE);
    cr_assert_eq(rec->status, RC_CLOSED);
    cr_assert_eq(rec->value[RC_FIG_sl_met], 1);
    shop_close(&shop);
}

Test(rederive, a_window_that_is_added_begins_with_what_is_remembered)
{
    struct shop shop;
    shop_open(&shop, ACME("{}"));
    call(&shop, NINE, "a", 30000);
    core_now(&shop.core, NINE + 3 * HOUR);
    uint32_t revision = metric(&shop, "sales", WHOLE_DAY, T0)->revision;
    shop_change(&shop, "windows: {rolling: [{name: 1d, length: 1d, every: 1h}, "
                       "{name: 5m, length: 5m, every: 1m}], interval: [day, 1h, 30m]}\n" FCR);
    enum { ONE_DAY_LONG, FIVE_LONG, DAY_NOW, HOUR_NOW, HALF_NOW };
    uint32_t count = shop.core.record_count;
    core_now(&shop.core, NINE + 4 * HOUR);
    const struct rc_record *rec = metric(&shop, "sales", HOUR_NOW, NINE);
    cr_assert_eq(rec->status, RC_RESTATED);
    cr_assert_eq(rec->revision, 1);
    cr_assert_eq(rec->value[RC_FIG_answered], 1);
    cr_assert_eq(SHOWS(&shop, "sales", ONE_DAY_LONG, NINE + 4 * HOUR - DAY, answered), 1);
    for (uint32_t i = count; i < shop.core.record_count; i++)
        if (shop.core.record[i]->topic == RC_TOPIC_METRICS)
            cr_assert(shop.core.record[i]->contract || shop.core.record[i]->window != HALF_NOW);
    TELL(&shop, NINE + 4 * HOUR, queued, "b", .queue = "sales");
    core_now(&shop.core, NINE + 4 * HOUR + MINUTE);
    cr_assert_eq(metric(&shop, "sales", DAY_NOW, T0)->revision, revision + 1, "goes on");
    shop_close(&shop);
}

Test(rederive, of_a_window_that_is_dropped_nothing_is_said)
{
    struct shop shop;
    shop_open(&shop, ACME("{}"));
    call(&shop, NINE, "a", 30000);
    core_now(&shop.core, NINE + 3 * HOUR);
    uint32_t count = shop.core.record_count;
    shop_change(&shop, "windows: {rolling: [], interval: [day]}\n" FCR);
    core_now(&shop.core, NINE + 10 * DAY);
    for (uint32_t i = count; i < shop.core.record_count; i++)
        if (shop.core.record[i]->topic == RC_TOPIC_METRICS)
            cr_assert_eq(shop.core.record[i]->end_ms - shop.core.record[i]->start_ms, DAY);
    cr_assert_eq(STAT(&shop.core, panes_now), 2, "of the queue and of the total");
    shop_close(&shop);
}

Test(rederive, a_rolling_window_of_another_length_goes_on_under_its_name)
{
    struct shop shop;
    shop_open(&shop, ACME("{}"));
    call(&shop, NINE, "a", 30000);
    core_now(&shop.core, NINE + 10 * MINUTE);
    cr_assert_eq(SHOWS(&shop, "sales", FIVE, NINE + 2 * MINUTE, offered), 0, "gone at 9:07");
    uint32_t revision = metric(&shop, "sales", FIVE, NINE + 2 * MINUTE)->revision;
    shop_change(&shop, "windows: {rolling: [{name: 5m, length: 20m, every: 5m}], "
                       "interval: [30m, day], catch_up: all}\n" FCR);
    core_now(&shop.core, NINE + 15 * MINUTE);
    const struct rc_record *rec = metric(&shop, "sales", FIVE, NINE - 5 * MINUTE);
    cr_assert_eq(rec->value[RC_FIG_offered], 1);
    cr_assert_eq(rec->revision, revision + 1);
    core_now(&shop.core, NINE + 40 * MINUTE);
    cr_assert_eq(SHOWS(&shop, "sales", FIVE, NINE + 5 * MINUTE, offered), 0, "it leaves in time");
    shop_close(&shop);
}

Test(rederive, windows_of_another_time_zone_take_what_is_remembered)
{
    struct shop shop;
    shop_open(&shop, ACME("{timezone: UTC}"));
    call(&shop, T0 + HOUR, "a", 30000);
    core_now(&shop.core, T0 + 9 * HOUR);
    cr_assert_eq(SHOWS(&shop, "sales", WHOLE_DAY, T0, offered), 1);
    shop_change(&shop, ACME("{timezone: America/New_York}"));
    core_now(&shop.core, T0 + 10 * HOUR);
    cr_assert_eq(SHOWS(&shop, "sales", WHOLE_DAY, T0 - 19 * HOUR, offered), 1, "the day before");
    const struct rc_record *old = metric(&shop, "sales", WHOLE_DAY, T0);
    cr_assert(core_is_zero(old));
    cr_assert_eq(old->status, RC_RESTATED);
    cr_assert_eq(SHOWS(&shop, "sales", HALF_HOUR, T0 + HOUR, offered), 1, "which are the same");
    shop_close(&shop);
}

/* ---- memory ---- */

Test(rederive, a_shorter_retention_forgets_at_once_and_a_longer_one_keeps)
{
    struct shop shop;
    shop_open(&shop, ACME("{}"));
    call(&shop, NINE, "a", 30000);
    TELL(&shop, NINE + 2 * DAY, queued, "b", .queue = "sales");
    core_now(&shop.core, NINE + 2 * DAY + MINUTE);
    cr_assert_eq(STAT(&shop.core, contacts_now), 2);
    shop_change(&shop, ACME("{}") "time: {retention: {call: 1d}}\n");
    core_now(&shop.core, NINE + 2 * DAY + MINUTE);
    cr_assert_eq(STAT(&shop.core, contacts_now), 1);
    cr_assert_eq(STAT(&shop.core, identities_now), 1);
    shop_change(&shop, ACME("{}") "time: {retention: {call: 10d}}\n");
    core_now(&shop.core, NINE + 8 * DAY);
    cr_assert_eq(STAT(&shop.core, contacts_now), 1);
    core_now(&shop.core, NINE + 13 * DAY);
    cr_assert_eq(STAT(&shop.core, contacts_now), 0);
    cr_assert_eq(STAT(&shop.core, lost), 1, "it still waited");
    shop_close(&shop);
}

/* ---- groups and clocks ---- */

Test(rederive, a_new_group_begins_with_what_is_remembered_and_one_that_is_gone_ends)
{
    struct shop shop;
    shop_open(&shop, ACME("{groups: {north: {queues: [sales]}, old: {queues: [sales]}}}"));
    call(&shop, NINE, "a", 30000);
    core_now(&shop.core, NINE + 3 * HOUR);
    cr_assert_eq(SHOWS(&shop, "@old", HALF_HOUR, NINE, answered), 1);
    uint32_t revision = metric(&shop, "@old", HALF_HOUR, NINE)->revision;
    uint32_t north = metric(&shop, "@north", HALF_HOUR, NINE)->revision;
    shop_change(&shop, ACME("{groups: {big: {queues: [sales]}, north: {queues: [sales]}}}"));
    core_now(&shop.core, NINE + 4 * HOUR);
    cr_assert_eq(SHOWS(&shop, "@big", HALF_HOUR, NINE, answered), 1);
    cr_assert_eq(metric(&shop, "@north", HALF_HOUR, NINE)->revision, north);
    const struct rc_record *end = metric(&shop, "@old", HALF_HOUR, NINE);
    cr_assert(end->tombstone);
    cr_assert_eq(end->revision, revision + 2, "zeros came before");
    cr_assert_eq(end->as_of_ms, NINE + 3 * HOUR);
    for (uint32_t i = 0; i < shop.core.record_count; i++)
        if (core_is(shop.core.record[i], "acme", "@old") &&
            shop.core.record[i]->revision == revision + 1 &&
            shop.core.record[i]->window == HALF_HOUR)
            cr_assert(core_is_zero(shop.core.record[i]) && !shop.core.record[i]->tombstone);
    uint32_t count = shop.core.record_count;
    call(&shop, NINE + 4 * HOUR, "b", 1000);
    core_now(&shop.core, NINE + 10 * DAY);
    for (uint32_t i = count; i < shop.core.record_count; i++)
        cr_assert(!core_is(shop.core.record[i], "acme", "@old"));
    shop_close(&shop);
}

Test(rederive, a_group_whose_queue_has_left_it_keeps_what_forgotten_contacts_left)
{
    struct shop shop;
    shop_open(&shop, ACME("{groups: {north: {queues: [sales]}}}"));
    call(&shop, NINE, "a", 30000);
    core_now(&shop.core, NINE + 5 * DAY);
    call(&shop, NINE + 5 * DAY, "b", 30000);
    core_now(&shop.core, NINE + 5 * DAY + HOUR);
    shop_change(&shop, ACME("{groups: {north: {queues: [other]}}}"));
    core_now(&shop.core, NINE + 5 * DAY + 2 * HOUR);
    cr_assert_eq(SHOWS(&shop, "@north", HALF_HOUR, NINE, answered), 1);
    cr_assert_eq(SHOWS(&shop, "@north", HALF_HOUR, NINE + 5 * DAY, answered), 0);
    shop_close(&shop);
}

static const struct rc_record *sla(const struct shop *shop, const char *clock)
{
    for (uint32_t i = shop->core.record_count; i-- > 0;) {
        const struct rc_record *rec = shop->core.record[i];
        if (rec->topic == RC_TOPIC_SLAS && core_is(rec, "acme", "sales") &&
            rec->clock_size == strlen(clock) && rec->window == WHOLE_DAY &&
            !memcmp(rec->text + rec->client_size + rec->queue_size, clock, rec->clock_size))
            return rec;
    }
    return NULL;
}

#define SLA(name, within) "{name: " name ", measure: resolution, within: " within ", target: 90%}"

Test(rederive, clocks_are_judged_again_begin_and_end)
{
    struct shop shop;
    shop_open(&shop, ACME("{ticket: {slas: [" SLA("fix", "1h") ", " SLA("old", "1h") "]}}"));
    TELL(&shop, NINE, queued, "t", .queue = "sales", .channel = RC_TICKET);
    TELL(&shop, NINE + 2 * HOUR, resolved, "t", .value = 1, .flags = RC_EVENT_RESOLVED);
    core_now(&shop.core, NINE + 3 * HOUR);
    cr_assert_eq(sla(&shop, "fix")->value[RC_FIG_sl_met], 0);
    cr_assert_eq(sla(&shop, "old")->value[RC_FIG_sl_of], 1);
    shop_change(&shop, ACME("{ticket: {slas: [" SLA("fix", "3h") ", " SLA("late", "1h") "]}}"));
    core_now(&shop.core, NINE + 3 * HOUR + MINUTE);
    cr_assert_eq(sla(&shop, "fix")->value[RC_FIG_sl_met], 1);
    cr_assert_eq(sla(&shop, "late")->value[RC_FIG_sl_of], 1);
    cr_assert(sla(&shop, "old")->tombstone);
    cr_assert_eq(sla(&shop, "old")->measure, RC_RESOLUTION);
    shop_close(&shop);
}

Test(rederive, a_clock_that_ends_and_comes_back_starts_again)
{
    struct shop shop;
    shop_open(&shop, ACME("{ticket: {slas: [" SLA("fix", "1h") "]}}"));
    TELL(&shop, NINE, queued, "t", .queue = "sales", .channel = RC_TICKET);
    core_now(&shop.core, NINE + 3 * HOUR);
    cr_assert_eq(SHOWS(&shop, "sales", WHOLE_DAY, T0, backlog_overdue), 1);
    shop_change(&shop, ACME("{ticket: {slas: []}}"));
    core_now(&shop.core, NINE + 3 * HOUR + MINUTE);
    cr_assert_eq(SHOWS(&shop, "sales", WHOLE_DAY, T0, backlog_overdue), 0);
    shop_change(&shop, ACME("{ticket: {slas: [" SLA("fix", "2h") "]}}"));
    core_now(&shop.core, NINE + 3 * HOUR + 2 * MINUTE);
    cr_assert_eq(sla(&shop, "fix")->value[RC_FIG_sl_of], 1);
    cr_assert_eq(sla(&shop, "fix")->revision, 1);
    cr_assert_eq(SHOWS(&shop, "sales", WHOLE_DAY, T0, backlog_overdue), 1);
    shop_close(&shop);
}

/* ---- what is refused ---- */

static void refused(struct shop *shop, const char *text, bool same_key, const char *expected)
{
    char message[256];
    struct config_loaded *other = config_taken(text);
    if (same_key)
        config_pseudonym_key_set(other, shop->loaded->config->privacy.key);
    cr_assert_eq(agg_configure(shop->core.agg[0], other->config, message), RC_ERR_CONFIG);
    cr_assert(strstr(message, expected) != NULL, "%s", message);
    config_free(other);
}

Test(rederive, another_number_of_tasks_or_pseudonym_key_is_refused_and_nothing_changes)
{
    struct shop shop;
    shop_open(&shop, ACME("{call: {service_level: {within: 20s}}}"));
    call(&shop, NINE, "a", 30000);
    core_now(&shop.core, NINE + 10 * MINUTE);
    refused(&shop, ACME("{}") "tasks: 32\n", true, "tasks: 64 cannot become 32");
    refused(&shop, ACME("{}"), false, "pseudonym_key");
    TELL(&shop, NINE + 10 * MINUTE, queued, "b", .queue = "sales");
    core_now(&shop.core, NINE + 11 * MINUTE);
    cr_assert_eq(SHOWS(&shop, "sales", WHOLE_DAY, T0, sl_of), 2);
    shop_close(&shop);
}
