/* Looking up what is in force: clients, queues and clocks by name, contracts by date. */
#include "rollcall/contract.h"

#include <string.h>

/* Bytewise, a prefix before what it begins. */
static int name_compare(const char *left, uint32_t left_size, const char *right,
                        uint32_t right_size)
{
    int order = memcmp(left, right, left_size < right_size ? left_size : right_size);
    return order != 0 ? order : (left_size > right_size) - (left_size < right_size);
}

const struct rc_client_policy *rc_client_policy(const struct rc_contracts *contracts,
                                                const char *name, uint32_t name_size)
{
    uint32_t low = 0, high = contracts->client_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct rc_client_policy *policy = &contracts->client[middle];
        int order = name_compare(policy->name, policy->name_size, name, name_size);
        if (order == 0)
            return policy;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return &contracts->defaults;
}

const struct rc_queue_policy *rc_queue_policy(const struct rc_queue_policy *list, uint32_t count,
                                              const char *name, uint32_t name_size)
{
    uint32_t low = 0, high = count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = name_compare(list[middle].name, list[middle].name_size, name, name_size);
        if (order == 0)
            return &list[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

const struct rc_contract *rc_contract_at(const struct rc_contract_list *list, int64_t at_ms)
{
    /* The first is in force since ever, so there is always one. */
    uint32_t low = 0, high = list->count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (list->dated[middle].from_ms <= at_ms)
            low = middle;
        else
            high = middle;
    }
    return &list->dated[low].contract;
}

const struct rc_clock *rc_clock_named(const struct rc_contract *contract, const char *name,
                                      uint32_t name_size)
{
    uint32_t low = 0, high = contract->clock_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct rc_clock *clock = &contract->clock[middle];
        int order = name_compare(clock->name, clock->name_size, name, name_size);
        if (order == 0)
            return clock;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

int64_t rc_clock_within(const struct rc_clock *clock, const char *priority, uint32_t priority_size)
{
    uint32_t low = 0, high = priority_size == 0 ? 0 : clock->within_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct rc_within *within = &clock->within[middle];
        int order = name_compare(within->priority, within->priority_size, priority, priority_size);
        if (order == 0)
            return within->within_ms;
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return clock->default_ms;
}
