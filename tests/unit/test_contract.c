#include "rollcall/contract.h"

#include <criterion/criterion.h>
#include <string.h>

Test(contract, clients_are_found_by_their_whole_name)
{
    static const struct rc_client_policy clients[] = {{.name = "a", .name_size = 1},
                                                      {.name = "ab", .name_size = 2},
                                                      {.name = "b", .name_size = 1}};
    struct rc_contracts contracts = {.client = clients, .client_count = 3};
    cr_assert_eq(rc_client_policy(&contracts, "a", 1), &clients[0]);
    cr_assert_eq(rc_client_policy(&contracts, "abx", 2), &clients[1]);
    cr_assert_eq(rc_client_policy(&contracts, "b", 1), &clients[2]);
    cr_assert_eq(rc_client_policy(&contracts, "abx", 3), &contracts.defaults);
    cr_assert_eq(rc_client_policy(&contracts, "", 0), &contracts.defaults);
    contracts.client_count = 0;
    cr_assert_eq(rc_client_policy(&contracts, "a", 1), &contracts.defaults);
}

Test(contract, a_queue_that_is_not_configured_has_no_policy)
{
    static const struct rc_queue_policy queues[] = {{.name = "billing", .name_size = 7},
                                                    {.name = "sales", .name_size = 5}};
    cr_assert_eq(rc_queue_policy(queues, 2, "sales", 5), &queues[1]);
    cr_assert_eq(rc_queue_policy(queues, 2, "billing", 7), &queues[0]);
    cr_assert_null(rc_queue_policy(queues, 2, "sale", 4));
    cr_assert_null(rc_queue_policy(queues, 0, "sales", 5));
}

Test(contract, what_is_in_force_starts_at_its_date)
{
    static const struct rc_dated_contract dated[] = {
        {INT64_MIN, {.fingerprint = 1}}, {100, {.fingerprint = 2}}, {200, {.fingerprint = 3}}};
    const struct rc_contract_list list = {3, dated};
    cr_assert_eq(rc_contract_at(&list, INT64_MIN)->fingerprint, 1);
    cr_assert_eq(rc_contract_at(&list, 99)->fingerprint, 1);
    cr_assert_eq(rc_contract_at(&list, 100)->fingerprint, 2);
    cr_assert_eq(rc_contract_at(&list, 199)->fingerprint, 2);
    cr_assert_eq(rc_contract_at(&list, 200)->fingerprint, 3);
    cr_assert_eq(rc_contract_at(&list, INT64_MAX)->fingerprint, 3);
}

Test(contract, clocks_are_found_by_their_whole_name)
{
    static const struct rc_clock clocks[] = {{.name = "a", .name_size = 1},
                                             {.name = "ab", .name_size = 2},
                                             {.name = "first response", .name_size = 14}};
    const struct rc_contract contract = {.clock = clocks, .clock_count = 3}, none = {0};
    cr_assert_eq(rc_clock_named(&contract, "a", 1), &clocks[0]);
    cr_assert_eq(rc_clock_named(&contract, "first response", 14), &clocks[2]);
    cr_assert_null(rc_clock_named(&contract, "first", 5));
    cr_assert_null(rc_clock_named(&none, "a", 1));
}

Test(contract, a_priority_without_a_duration_takes_the_default_or_is_not_measured)
{
    static const struct rc_within within[] = {{"1", 1, 100}, {"10", 2, 200}, {"urgent", 6, 300}};
    struct rc_clock clock = {.within = within, .within_count = 3, .default_ms = RC_NULL};
    cr_assert_eq(rc_clock_within(&clock, "1", 1), 100);
    cr_assert_eq(rc_clock_within(&clock, "10", 2), 200);
    cr_assert_eq(rc_clock_within(&clock, "urgent", 6), 300);
    cr_assert_eq(rc_clock_within(&clock, "low", 3), RC_NULL);
    cr_assert_eq(rc_clock_within(&clock, NULL, 0), RC_NULL);
    clock.default_ms = 400;
    cr_assert_eq(rc_clock_within(&clock, "low", 3), 400);
    cr_assert_eq(rc_clock_within(&clock, NULL, 0), 400);
    cr_assert_eq(rc_clock_within(&clock, "10", 2), 200);
}
