#include "config_contract.h"
#include "config_help.h"

#define HOUR INT64_C(3600000)

static const struct rc_clock *named(const struct rc_contract *contract, const char *name)
{
    return rc_clock_named(contract, name, (uint32_t)strlen(name));
}

static const struct rc_contract *first(const struct rc_contract_list *lists)
{
    return &lists[RC_TICKET].dated[0].contract;
}

Test(config_clock, what_the_file_says_is_what_the_core_judges_by)
{
    struct config_loaded *loaded = config_taken(
        "calendars: {c: {timezone: UTC, week: {mon: [\"09:00-17:00\"]}}}\n"
        "defaults:\n"
        "  ticket:\n"
        "    slas:\n"
        "      - {name: resolution, measure: resolution, within: event, pauses: false}\n"
        "      - {name: reply, measure: first_response, within: {urgent: 1h, 2: 2h, default: 8h},\n"
        "         target: 95.5%, calendar: c}\n"
        "      - {name: take, measure: acknowledge, within: {urgent: 90s}}\n"
        "      - {name: all, measure: acknowledge, within: 3d}\n");
    const struct rc_contract *ticket = first(loaded->config->contracts.defaults.channel);
    cr_assert_eq(ticket->clock_count, 4);
    for (uint32_t i = 1; i < 4; i++)
        cr_assert_lt(strcmp(ticket->clock[i - 1].name, ticket->clock[i].name), 0);
    const struct rc_clock *reply = named(ticket, "reply"), *take = named(ticket, "take"),
                          *all = named(ticket, "all"), *event = named(ticket, "resolution");
    cr_assert(event->by_event && !event->pauses && event->measure == RC_RESOLUTION);
    cr_assert_eq(event->target_bp, RC_NULL);
    cr_assert_null(event->calendar);
    cr_assert(!reply->by_event && reply->pauses && reply->measure == RC_FIRST_RESPONSE);
    cr_assert_eq(reply->target_bp, 9550);
    cr_assert_str_eq(reply->calendar->name, "c");
    cr_assert_eq(rc_clock_within(reply, "urgent", 6), HOUR);
    cr_assert_eq(rc_clock_within(reply, "2", 1), 2 * HOUR);
    cr_assert_eq(rc_clock_within(reply, "low", 3), 8 * HOUR);
    cr_assert_eq(rc_clock_within(take, "urgent", 6), 90000);
    cr_assert_eq(rc_clock_within(take, NULL, 0), RC_NULL);
    cr_assert_eq(take->measure, RC_ACKNOWLEDGE);
    cr_assert_eq(rc_clock_within(all, "low", 3), 72 * HOUR);
    config_free(loaded);
}

Test(config_clock, lists_are_replaced_whole_and_roll_ups_have_their_own)
{
    static const char clock[] = "[{name: %s, measure: resolution, within: 1h}]";
    char one[80], two[80], group[80], text[800];
    snprintf(one, sizeof(one), clock, "one");
    snprintf(two, sizeof(two), clock, "two");
    snprintf(group, sizeof(group), clock, "group");
    snprintf(text, sizeof(text),
             "defaults: {ticket: {slas: %s}}\n"
             "clients:\n"
             "  acme:\n"
             "    queues: {a: {ticket: {slas: %s}}, b: {ticket: {slas: []}}, c: {}}\n"
             "    groups: {g: {queues: [a], ticket: {slas: %s}}, h: {queues: [a]}}\n"
             "    from: {2027-01-01: {ticket: {slas: %s}}}\n",
             one, two, group, two);
    struct config_loaded *loaded = config_taken(text);
    const struct rc_client_policy *acme = rc_client_policy(&loaded->config->contracts, "acme", 4);
    const struct rc_contract *a = first(acme->queue[0].channel);
    cr_assert(a->clock_count == 1 && named(a, "two"));
    cr_assert_eq(first(acme->queue[1].channel)->clock_count, 0);
    cr_assert_not_null(named(first(acme->queue[2].channel), "one"));
    cr_assert_not_null(named(first(acme->group[0].channel), "group"));
    cr_assert_not_null(named(first(acme->group[1].channel), "one"));
    cr_assert_not_null(named(first(acme->total), "one"));
    const struct rc_contract *later = rc_contract_at(&acme->total[RC_TICKET], 1800000000000);
    cr_assert(named(later, "two") && !named(later, "one"));
    config_free(loaded);
}

Test(config_clock, each_word_of_a_clock_is_in_the_fingerprint)
{
    static const char *const clocks[] = {
        "{name: a, measure: resolution, within: 1h}",
        "{name: b, measure: resolution, within: 1h}",
        "{name: a, measure: acknowledge, within: 1h}",
        "{name: a, measure: resolution, within: 2h}",
        "{name: a, measure: resolution, within: event}",
        "{name: a, measure: resolution, within: {default: 1h, urgent: 1h}}",
        "{name: a, measure: resolution, within: 1h, target: 90%}",
        "{name: a, measure: resolution, within: 1h, pauses: false}",
        "{name: a, measure: resolution, within: 1h, calendar: c}",
        "{name: a, measure: resolution, within: 1h, calendar: d}",
    };
    enum { CLOCKS = sizeof(clocks) / sizeof(*clocks) };
    uint64_t print[CLOCKS];
    for (int i = 0; i < CLOCKS; i++) {
        char text[400];
        snprintf(text, sizeof(text),
                 "calendars: {c: {timezone: UTC, week: {mon: [\"09:00-17:00\"]}},\n"
                 "            d: {timezone: UTC, week: {mon: [\"09:00-18:00\"]}}}\n"
                 "defaults: {ticket: {slas: [%s]}}\n",
                 clocks[i]);
        struct config_loaded *loaded = config_taken(text);
        print[i] = first(loaded->config->contracts.defaults.channel)->fingerprint;
        config_free(loaded);
        for (int j = 0; j < i; j++)
            cr_assert_neq(print[i], print[j], "%s and %s", clocks[i], clocks[j]);
    }
}
