#include "config_contract.h"
#include "config_help.h"

#define DAY                 INT64_C(86400000)
#define JAN_1_2027_NEW_YORK INT64_C(1798779600000)
#define JAN_1_2027_UTC      INT64_C(1798761600000)

static const struct rc_client_policy *client(const struct config_loaded *loaded, const char *name)
{
    return rc_client_policy(&loaded->config->contracts, name, (uint32_t)strlen(name));
}

static const struct rc_contract_list *queue(const struct config_loaded *loaded, const char *name,
                                            const char *queue_name)
{
    const struct rc_client_policy *policy = client(loaded, name);
    const struct rc_queue_policy *found = rc_queue_policy(policy->queue, policy->queue_count,
                                                          queue_name, (uint32_t)strlen(queue_name));
    cr_assert_not_null(found);
    return found->channel;
}

static const struct rc_contract *at(const struct rc_contract_list *lists, enum rc_channel channel,
                                    int64_t at_ms)
{
    return rc_contract_at(&lists[channel], at_ms);
}

Test(config_contract, without_a_word_there_are_the_built_in_terms)
{
    struct config_loaded *loaded = config_taken("");
    const struct rc_contract *call = at(client(loaded, "x")->channel, RC_CALL, 0);
    cr_assert_not(call->has_service_level);
    cr_assert_eq(call->abandoned, RC_ABANDONED_AGAINST);
    cr_assert_eq(call->flow_out, RC_FLOW_IGNORE);
    cr_assert_eq(call->basis, RC_BASIS_OUTCOME);
    cr_assert_eq(call->acw_cap_ms, 1800000);
    cr_assert_not(call->acw_expected);
    cr_assert_eq(call->fcr_model, RC_FCR_REPEAT);
    cr_assert_eq(call->fcr_scope, RC_FCR_CLIENT);
    cr_assert_eq(call->fcr_window_ms, 7 * DAY);
    cr_assert_eq(call->fcr_target_bp, RC_NULL);
    cr_assert_eq(call->short_abandon_ms, RC_NULL);
    cr_assert_eq(call->csat_satisfied_at, 4000);
    cr_assert_eq(call->csat_target_bp, RC_NULL);
    cr_assert_eq(call->aht_target_ms, RC_NULL);
    cr_assert_eq(at(client(loaded, "x")->channel, RC_TICKET, 0)->fcr_model, RC_FCR_REOPEN);
    cr_assert_str_eq(client(loaded, "x")->zone->name, "UTC");
    config_free(loaded);
}

Test(config_contract, narrower_levels_win_key_by_key)
{
    struct config_loaded *loaded = config_taken(
        "defaults:\n"
        "  call: {service_level: {within: 60s, target: 80%, abandoned: ignore_short,\n"
        "                         short_abandon: 5s}}\n"
        "  csat: {satisfied_at: 4}\n"
        "clients:\n"
        "  acme:\n"
        "    call: {service_level: {within: 30s, abandoned: against}, csat: {satisfied_at: 4.5}}\n"
        "    queues: {billing: {call: {service_level: {within: 15s}}, csat: {target: 90%}}}\n");
    const struct rc_contract *outer = at(client(loaded, "other")->channel, RC_CALL, 0);
    cr_assert(outer->has_service_level);
    cr_assert_eq(outer->sl_within_ms, 60000);
    cr_assert_eq(outer->abandoned, RC_ABANDONED_IGNORE_SHORT);
    const struct rc_contract *acme = at(client(loaded, "acme")->channel, RC_CALL, 0);
    cr_assert_eq(acme->sl_within_ms, 30000);
    cr_assert_eq(acme->sl_target_bp, 8000);
    cr_assert_eq(acme->abandoned, RC_ABANDONED_AGAINST);
    cr_assert_eq(acme->short_abandon_ms, 5000);
    cr_assert_eq(acme->csat_satisfied_at, 4500);
    cr_assert_eq(at(client(loaded, "acme")->channel, RC_CHAT, 0)->csat_satisfied_at, 4000);
    const struct rc_contract *billing = at(queue(loaded, "acme", "billing"), RC_CALL, 0);
    cr_assert_eq(billing->sl_within_ms, 15000);
    cr_assert_eq(billing->abandoned, RC_ABANDONED_AGAINST);
    cr_assert_eq(billing->csat_satisfied_at, 4500);
    cr_assert_eq(billing->csat_target_bp, 9000);
    config_free(loaded);
}

/* A level's dated parts come after its own keys and before those of the next level. */
Test(config_contract, dated_parts_apply_at_their_level_from_the_clients_midnight)
{
    struct config_loaded *loaded = config_taken(
        "defaults:\n"
        "  call: {service_level: {within: 20s, target: 80%}}\n"
        "  from: {2027-01-01: {call: {service_level: {within: 40s}, aht: {target: 5m}}}}\n"
        "clients:\n"
        "  acme:\n"
        "    timezone: America/New_York\n"
        "    call: {service_level: {within: 30s}}\n"
        "    from:\n"
        "      2027-06-01: {call: {service_level: {target: 95%}}}\n"
        "      2027-01-01: {call: {service_level: {target: 92%}}}\n");
    const struct rc_client_policy *acme = client(loaded, "acme");
    cr_assert_eq(acme->channel[RC_CALL].count, 3);
    cr_assert_eq(acme->channel[RC_CALL].dated[0].from_ms, INT64_MIN);
    cr_assert_eq(acme->channel[RC_CALL].dated[1].from_ms, JAN_1_2027_NEW_YORK);
    cr_assert_eq(acme->channel[RC_CHAT].count, 1, "nothing changes for chats");
    const struct rc_contract *before = at(acme->channel, RC_CALL, JAN_1_2027_NEW_YORK - 1);
    const struct rc_contract *after = at(acme->channel, RC_CALL, JAN_1_2027_NEW_YORK);
    cr_assert(before->sl_within_ms == 30000 && before->sl_target_bp == 8000);
    cr_assert_eq(before->aht_target_ms, RC_NULL);
    cr_assert(after->sl_within_ms == 30000 && after->sl_target_bp == 9200);
    cr_assert_eq(after->aht_target_ms, 300000);
    cr_assert_eq(at(acme->channel, RC_CALL, 1830000000000)->sl_target_bp, 9500);
    /* The same date of the defaults begins earlier for those who live by UTC. */
    const struct rc_client_policy *other = client(loaded, "other");
    cr_assert_eq(at(other->channel, RC_CALL, JAN_1_2027_NEW_YORK - 1)->sl_within_ms, 40000);
    config_free(loaded);
}

Test(config_contract, roll_ups_have_targets_of_their_own_and_fingerprints_of_their_queues)
{
    static const char text[] =
        "defaults: {call: {service_level: {within: 20s, target: 80%%}}}\n"
        "clients:\n"
        "  acme:\n"
        "    queues:\n"
        "      a: {call: {service_level: {within: %s}}}\n"
        "      b: {from: {2027-01-01: {call: {service_level: {within: 9s}}}}}\n"
        "    groups:\n"
        "      g: {queues: [b, c], call: {service_level: {target: 50%%}}}\n"
        "      h: {queues: [a]}\n";
    char made[600];
    snprintf(made, sizeof(made), text, "15s");
    struct config_loaded *one = config_taken(made);
    snprintf(made, sizeof(made), text, "16s");
    struct config_loaded *two = config_taken(made);
    const struct rc_client_policy *acme = client(one, "acme"), *changed = client(two, "acme");
    cr_assert_eq(acme->group_count, 2);
    cr_assert_eq(acme->group[0].member_count, 2);
    cr_assert_eq(at(acme->group[0].channel, RC_CALL, 0)->sl_target_bp, 5000);
    cr_assert_eq(acme->group[0].channel[RC_CALL].count, 2, "b changes, and with it its group");
    cr_assert_eq(acme->total[RC_CALL].count, 2);
    cr_assert_eq(acme->channel[RC_CALL].count, 1);
    cr_assert_eq(at(acme->total, RC_CALL, 0)->sl_target_bp, 8000);
    cr_assert_neq(at(acme->total, RC_CALL, 0)->fingerprint,
                  at(acme->channel, RC_CALL, 0)->fingerprint);
    /* a changed: so did `*` and its group, and nothing else. */
    cr_assert_neq(at(acme->total, RC_CALL, 0)->fingerprint,
                  at(changed->total, RC_CALL, 0)->fingerprint);
    cr_assert_neq(at(acme->group[1].channel, RC_CALL, 0)->fingerprint,
                  at(changed->group[1].channel, RC_CALL, 0)->fingerprint);
    cr_assert_eq(at(acme->group[0].channel, RC_CALL, 0)->fingerprint,
                 at(changed->group[0].channel, RC_CALL, 0)->fingerprint);
    cr_assert_eq(at(acme->channel, RC_CALL, 0)->fingerprint,
                 at(changed->channel, RC_CALL, 0)->fingerprint);
    config_free(one);
    config_free(two);
}

Test(config_contract, a_group_changes_with_a_queue_that_it_alone_names)
{
    static const char text[] =
        "clients:\n"
        "  acme:\n"
        "    call: {service_level: {within: 30s}}\n"
        "    from: {2027-01-01: {call: {service_level: {within: 9s}}}}\n"
        "    queues: {a: {call: {service_level: {within: 20s}}}}\n"
        "    groups:\n"
        "      g: {queues: [unheard], call: {service_level: {within: 15s}}}\n"
        "      h: {queues: [a], call: {service_level: {within: 15s}}}\n";
    struct config_loaded *loaded = config_taken(text);
    const struct rc_client_policy *acme = client(loaded, "acme");
    const struct rc_contract_list *group = &acme->group[0].channel[RC_CALL];
    cr_assert_eq(group->count, 2, "the client's contract, which is that of the queue, changes");
    cr_assert_eq(group->dated[1].from_ms, JAN_1_2027_UTC);
    cr_assert_neq(group->dated[0].contract.fingerprint, group->dated[1].contract.fingerprint);
    cr_assert_eq(group->dated[1].contract.sl_within_ms, 15000, "its own does not");
    cr_assert_eq(acme->group[1].channel[RC_CALL].count, 1, "a has terms of its own");
    config_free(loaded);
}

Test(config_contract, customers_that_count_as_none_stand_at_the_outer_levels)
{
    struct config_loaded *loaded = config_taken("defaults: {fcr: {no_customer: [b, a]}}\n"
                                                "clients: {x: {no_customer: [c]}, y: {}}\n");
    cr_assert_eq(client(loaded, "y")->no_customer_count, 2);
    cr_assert_str_eq(client(loaded, "y")->no_customer[0], "a");
    cr_assert_eq(client(loaded, "x")->no_customer_count, 1);
    cr_assert_str_eq(client(loaded, "x")->no_customer[0], "c");
    config_free(loaded);
    config_refused("clients: {x: {queues: {q: {fcr: {no_customer: [a]}}}}}\n", "unknown key");
    config_refused("defaults: {no_customer: [a], fcr: {no_customer: [a]}}\n", "no_customer stands");
}

Test(config_contract, what_does_not_fit_together_is_refused_where_it_stands)
{
    config_refused("defaults: {call: {service_level: {target: 80%}}}\n",
                   "t.yaml:1:19: defaults.call.service_level: a service level needs `within`");
    config_refused("defaults: {call: {service_level: {within: 20s, abandoned: credit_short}}}\n",
                   "t.yaml:1:59: defaults.call.service_level.abandoned: \"credit_short\" needs "
                   "`short_abandon`");
    config_refused(
        "defaults: {call: {service_level: {within: 20s}}}\n"
        "clients: {a: {from: {2026-01-01: {call: {service_level: {short_abandon: 21s}}}}}}\n",
        "t.yaml:2:73: clients.a.from.2026-01-01.call.service_level.short_abandon: ");
    config_refused("defaults: {call: {service_level: {within: 20s, except: [{from: "
                   "\"2026-01-01T00:00:00Z\", to: \"2026-01-01T00:00:00Z\"}]}}}\n",
                   "`to` is not after `from`");
    /* Inherited, it fits. */
    config_free(config_taken("defaults: {call: {service_level: {within: 20s, short_abandon: 5s}}}\n"
                             "clients: {a: {call: {service_level: {abandoned: ignore_short}}}}\n"));
}

Test(config_contract, outages_and_calendars_are_compiled)
{
    struct config_loaded *loaded =
        config_taken("calendars: {c: {timezone: UTC, week: {mon: [\"09:00-17:00\"]}}}\n"
                     "defaults: {call: {service_level: {within: 20s, calendar: c, except:\n"
                     "  [{from: \"2026-01-05T10:00:00Z\", to: 1767609000000, reason: move}]}}}\n");
    const struct rc_contract *call = at(client(loaded, "x")->channel, RC_CALL, 0);
    cr_assert_eq(call->outage_count, 1);
    cr_assert_eq(call->outage[0].from_ms, 1767607200000);
    cr_assert_eq(call->outage[0].to_ms, 1767609000000);
    cr_assert_str_eq(call->sl_calendar->name, "c");
    cr_assert(rc_calendar_open(call->sl_calendar, 1767603600000));
    cr_assert_not(rc_calendar_open(call->sl_calendar, 1767603600000 - 1));
    config_free(loaded);
}
