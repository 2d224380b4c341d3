/* Inheritance. A key's contract changes only at dates, so it is compiled as a list of stretches of
 * time; the levels are walked anew for each. */
#include "config_contract.h"

#include <stdlib.h>
#include <string.h>

#include "rollcall/check.h"

enum { LEVELS = 3 };
#define MINUTE_MS INT64_C(60000)
#define DAY_MS    INT64_C(86400000)

const struct rc_zone *config_zone_of(struct config_reader *reader,
                                     const struct config_level *client)
{
    if (client != NULL && client->zone_node != NULL)
        return config_zone_get(reader, client->zone_node);
    if (reader->defaults.zone_node != NULL)
        return config_zone_get(reader, reader->defaults.zone_node);
    return config_zone_utc(reader);
}

static void put(struct config_terms *terms, enum config_setting id, int64_t number)
{
    terms->term[id] = (struct config_term){.set = true, .number = number};
}

static void built_in(enum rc_channel channel, struct config_terms *ret_terms)
{
    memset(ret_terms, 0, sizeof(*ret_terms));
    put(ret_terms, CONFIG_SET_FCR_MODEL, channel == RC_TICKET ? RC_FCR_REOPEN : RC_FCR_REPEAT);
    put(ret_terms, CONFIG_SET_FCR_SCOPE, RC_FCR_CLIENT);
    put(ret_terms, CONFIG_SET_FCR_WINDOW, 7 * DAY_MS);
    put(ret_terms, CONFIG_SET_CSAT_SATISFIED_AT, 4000); /* of the usual five points */
    if (channel == RC_TICKET)
        return;
    put(ret_terms, CONFIG_SET_ACW_CAP, 30 * MINUTE_MS);
    put(ret_terms, CONFIG_SET_ACW_EXPECTED, false);
    put(ret_terms, CONFIG_SET_BASIS, RC_BASIS_OUTCOME);
    put(ret_terms, CONFIG_SET_SL_ABANDONED, RC_ABANDONED_AGAINST);
    put(ret_terms, CONFIG_SET_SL_FLOW_OUT, RC_FLOW_IGNORE);
}

static void apply(struct config_terms *terms, const struct config_terms *level)
{
    for (int id = 0; id < CONFIG_SETTING_COUNT; id++)
        if (level->term[id].set)
            terms->term[id] = level->term[id];
}

static void apply_level(struct config_terms *terms, const struct config_level *level,
                        enum rc_channel channel, const struct rc_zone *zone, int64_t at_ms)
{
    apply(terms, &level->general);
    apply(terms, &level->channel[channel]);
    for (uint32_t i = 0; i < level->dated_count; i++) {
        if (rc_zone_day_start(zone, level->dated[i].day) > at_ms)
            break;
        apply(terms, &level->dated[i].general);
        apply(terms, &level->dated[i].channel[channel]);
    }
}

void config_terms_at(const struct config_reader *reader, const struct rc_zone *zone,
                     const struct config_level *client, const struct config_level *inner,
                     enum rc_channel channel, int64_t at_ms, struct config_terms *ret_terms)
{
    built_in(channel, ret_terms);
    apply_level(ret_terms, &reader->defaults, channel, zone, at_ms);
    if (client != NULL)
        apply_level(ret_terms, client, channel, zone, at_ms);
    if (inner != NULL)
        apply_level(ret_terms, inner, channel, zone, at_ms);
    if (ret_terms->term[CONFIG_SET_SL_WITHIN].set || channel == RC_TICKET)
        return;
    /* Without a service level none of its keys is in force. */
    for (int id = CONFIG_SET_SL_ABANDONED; id <= CONFIG_SET_SL_TARGET; id++)
        if (ret_terms->term[id].node == NULL)
            ret_terms->term[id].set = false;
}

/* ---- what must fit together ---- */

static void service_level_check(struct config_reader *reader, const struct config_terms *terms)
{
    const struct config_term *within = &terms->term[CONFIG_SET_SL_WITHIN];
    const struct config_term *abandoned = &terms->term[CONFIG_SET_SL_ABANDONED];
    const struct config_term *shorter = &terms->term[CONFIG_SET_SL_SHORT];
    if (!within->set) {
        for (int id = CONFIG_SET_SL_ABANDONED; id <= CONFIG_SET_SL_TARGET; id++)
            if (terms->term[id].node != NULL) {
                config_problem_add(&reader->source, terms->term[id].node->parent, true,
                                   "within: a duration, here or on an outer level", NULL,
                                   "a service level needs `within`");
                return;
            }
        return;
    }
    if (!shorter->set && abandoned->node != NULL &&
        (abandoned->number == RC_ABANDONED_IGNORE_SHORT ||
         abandoned->number == RC_ABANDONED_CREDIT_SHORT))
        config_problem_add(&reader->source, abandoned->node, false,
                           "short_abandon: a duration, here or on an outer level", NULL,
                           "\"%s\" needs `short_abandon`", abandoned->node->text);
    if (shorter->set && shorter->number > within->number)
        config_problem_add(&reader->source, shorter->node, false, "at most `within`", NULL,
                           "short_abandon \"%s\" is longer than within \"%s\" (line %u)",
                           shorter->node->text, within->node->text, within->node->line);
}

/* The longest window in which a verdict may still change. */
static void window_remember(struct config_reader *reader, const struct config_terms *terms)
{
    const struct config_term *window = &terms->term[CONFIG_SET_FCR_WINDOW];
    struct rc_contracts *contracts = &reader->config->contracts;
    if (window->number > contracts->fcr_window_max_ms)
        contracts->fcr_window_max_ms = window->number;
    if (terms->term[CONFIG_SET_FCR_MODEL].number != RC_FCR_FLAG &&
        window->number > reader->fcr_window_ms) {
        reader->fcr_window_ms = window->number;
        reader->fcr_window_node = window->node;
    }
}

/* ---- compiling ---- */

static int64_t number_of(const struct config_terms *terms, enum config_setting id)
{
    return terms->term[id].set ? terms->term[id].number : RC_NULL;
}

static void contract_make(struct config_reader *reader, const struct config_terms *terms,
                          struct rc_contract *ret_contract)
{
    const struct config_outages *outages = terms->term[CONFIG_SET_SL_EXCEPT].data;
    /* The arena is the owner of these too, so that they may be compiled through here. */
    struct config_calendar *calendar =
        (struct config_calendar *)terms->term[CONFIG_SET_SL_CALENDAR].data;
    struct config_slas *slas = (struct config_slas *)terms->term[CONFIG_SET_SLAS].data;
    const struct config_term *term = terms->term;
    *ret_contract = (struct rc_contract){
        .has_service_level = term[CONFIG_SET_SL_WITHIN].set,
        .abandoned = (uint8_t)term[CONFIG_SET_SL_ABANDONED].number,
        .flow_out = (uint8_t)term[CONFIG_SET_SL_FLOW_OUT].number,
        .basis = (uint8_t)term[CONFIG_SET_BASIS].number,
        .fcr_model = (uint8_t)term[CONFIG_SET_FCR_MODEL].number,
        .fcr_scope = (uint8_t)term[CONFIG_SET_FCR_SCOPE].number,
        .acw_expected = term[CONFIG_SET_ACW_EXPECTED].number != 0,
        .sl_within_ms = term[CONFIG_SET_SL_WITHIN].number,
        .short_abandon_ms = number_of(terms, CONFIG_SET_SL_SHORT),
        .sl_target_bp = number_of(terms, CONFIG_SET_SL_TARGET),
        .outage_count = outages == NULL ? 0 : outages->count,
        .outage = outages == NULL ? NULL : outages->span,
        .aht_target_ms = number_of(terms, CONFIG_SET_AHT_TARGET),
        .acw_cap_ms = term[CONFIG_SET_ACW_CAP].number,
        .fcr_window_ms = term[CONFIG_SET_FCR_WINDOW].number,
        .fcr_target_bp = number_of(terms, CONFIG_SET_FCR_TARGET),
        .csat_satisfied_at = number_of(terms, CONFIG_SET_CSAT_SATISFIED_AT),
        .csat_target_bp = number_of(terms, CONFIG_SET_CSAT_TARGET),
    };
    if (calendar != NULL)
        ret_contract->sl_calendar = config_calendar_compile(&reader->arena, calendar);
    if (slas != NULL) {
        ret_contract->clock_count = slas->count;
        ret_contract->clock = config_clocks_compile(&reader->arena, slas);
    }
}

/* One key: whose levels, and for a roll-up the contracts by channel of the queues that it counts.
 */
struct scope {
    const struct rc_zone *zone;
    const struct config_level *client, *inner;
    const struct rc_contract_list **member;
    uint32_t member_count;
};

static int by_time(const void *left, const void *right)
{
    const int64_t *a = left, *b = right;
    return (*a > *b) - (*a < *b);
}

static uint32_t dates_of(const struct config_level *level, const struct rc_zone *zone,
                         int64_t *ret_dates, uint32_t count)
{
    for (uint32_t i = 0; level != NULL && i < level->dated_count; i++)
        ret_dates[count++] = rc_zone_day_start(zone, level->dated[i].day);
    return count;
}

/* Every instant at which something may change, the first since ever; free() it. */
static int64_t *dates_make(const struct config_reader *reader, const struct scope *scope,
                           enum rc_channel channel, uint32_t *ret_count)
{
    size_t most = 1 + reader->defaults.dated_count;
    most += scope->client == NULL ? 0 : scope->client->dated_count;
    most += scope->inner == NULL ? 0 : scope->inner->dated_count;
    for (uint32_t i = 0; i < scope->member_count; i++)
        most += scope->member[i][channel].count;
    int64_t *dates = calloc(most, sizeof(*dates));
    RC_CHECK(dates != NULL);
    uint32_t count = 0, kept = 1;
    dates[count++] = INT64_MIN;
    count = dates_of(&reader->defaults, scope->zone, dates, count);
    count = dates_of(scope->client, scope->zone, dates, count);
    count = dates_of(scope->inner, scope->zone, dates, count);
    for (uint32_t i = 0; i < scope->member_count; i++)
        for (uint32_t j = 0; j < scope->member[i][channel].count; j++)
            dates[count++] = scope->member[i][channel].dated[j].from_ms;
    qsort(dates, count, sizeof(*dates), by_time);
    for (uint32_t i = 1; i < count; i++)
        if (dates[i] != dates[kept - 1])
            dates[kept++] = dates[i];
    *ret_count = kept;
    return dates;
}

static struct rc_contract_list list_make(struct config_reader *reader, const struct scope *scope,
                                         enum rc_channel channel)
{
    struct rc_contract_list list = {0};
    struct config_terms terms;
    int64_t *dates = dates_make(reader, scope, channel, &list.count);
    struct rc_dated_contract *dated = config_arena_get(&reader->arena, list.count * sizeof(*dated));
    uint64_t *prints = calloc(scope->member_count + 1, sizeof(*prints));
    RC_CHECK(prints != NULL);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < list.count; i++) {
        struct rc_contract contract;
        config_terms_at(reader, scope->zone, scope->client, scope->inner, channel, dates[i],
                        &terms);
        service_level_check(reader, &terms);
        window_remember(reader, &terms);
        for (uint32_t j = 0; j < scope->member_count; j++)
            prints[j] = rc_contract_at(&scope->member[j][channel], dates[i])->fingerprint;
        contract_make(reader, &terms, &contract);
        contract.fingerprint =
            config_fingerprint(&terms, channel, scope->zone, prints, scope->member_count);
        /* A date that changes nothing for this key is none. */
        if (kept == 0 || contract.fingerprint != dated[kept - 1].contract.fingerprint)
            dated[kept++] = (struct rc_dated_contract){dates[i], contract};
    }
    list.count = kept;
    free(prints);
    free(dates);
    list.dated = dated;
    return list;
}

/* Whether that level says anything about the channel. */
static bool touches(const struct config_level *level, enum rc_channel channel)
{
    if (level->dated_count > 0)
        return true;
    for (int id = 0; id < CONFIG_SETTING_COUNT; id++)
        if (level->general.term[id].set || level->channel[channel].term[id].set)
            return true;
    return false;
}

static void queue_compile(struct config_reader *reader, const struct scope *outer,
                          const struct config_level *level, const struct rc_contract_list *above,
                          struct rc_queue_policy *ret_policy)
{
    struct scope scope = *outer;
    scope.inner = level;
    ret_policy->name = level->name;
    ret_policy->name_size = (uint32_t)strlen(level->name);
    for (int channel = 0; channel < RC_CHANNEL_COUNT; channel++)
        ret_policy->channel[channel] = touches(level, (enum rc_channel)channel)
                                           ? list_make(reader, &scope, (enum rc_channel)channel)
                                           : above[channel];
}

static void group_compile(struct config_reader *reader, const struct scope *outer,
                          const struct config_level *level, const struct rc_client_policy *client,
                          struct rc_queue_policy *ret_policy)
{
    struct scope scope = *outer;
    scope.inner = level;
    scope.member = calloc(level->members.count + 1, sizeof(*scope.member));
    RC_CHECK(scope.member != NULL);
    for (uint32_t i = 0; i < level->members.count; i++) {
        const char *name = level->members.text[i];
        const struct rc_queue_policy *queue =
            rc_queue_policy(client->queue, client->queue_count, name, (uint32_t)strlen(name));
        /* One without an entry of its own has the client's contract, which may change. */
        scope.member[scope.member_count++] = queue != NULL ? queue->channel : client->channel;
    }
    ret_policy->name = level->name;
    ret_policy->name_size = (uint32_t)strlen(level->name);
    ret_policy->member_count = level->members.count;
    ret_policy->member = level->members.text;
    for (int channel = 0; channel < RC_CHANNEL_COUNT; channel++)
        ret_policy->channel[channel] = list_make(reader, &scope, (enum rc_channel)channel);
    free(scope.member);
}

static void total_compile(struct config_reader *reader, const struct scope *outer,
                          struct rc_client_policy *policy)
{
    struct scope scope = *outer;
    scope.member = calloc(policy->queue_count + 1, sizeof(*scope.member));
    RC_CHECK(scope.member != NULL);
    for (; scope.member_count < policy->queue_count; scope.member_count++)
        scope.member[scope.member_count] = policy->queue[scope.member_count].channel;
    for (int channel = 0; channel < RC_CHANNEL_COUNT; channel++)
        policy->total[channel] = policy->queue_count > 0
                                     ? list_make(reader, &scope, (enum rc_channel)channel)
                                     : policy->channel[channel];
    free(scope.member);
}

static void no_customer_of(const struct config_reader *reader, const struct config_level *client,
                           struct rc_client_policy *policy)
{
    const struct config_term *term = &reader->defaults.general.term[CONFIG_SET_FCR_NO_CUSTOMER];
    if (client != NULL && client->general.term[CONFIG_SET_FCR_NO_CUSTOMER].set)
        term = &client->general.term[CONFIG_SET_FCR_NO_CUSTOMER];
    const struct config_texts *texts = term->data;
    policy->no_customer_count = texts == NULL ? 0 : texts->count;
    policy->no_customer = texts == NULL ? NULL : texts->text;
}

static void client_compile(struct config_reader *reader, const struct config_level *level,
                           struct rc_client_policy *policy)
{
    struct scope scope = {.zone = config_zone_of(reader, level), .client = level};
    policy->zone = scope.zone;
    no_customer_of(reader, level, policy);
    for (int channel = 0; channel < RC_CHANNEL_COUNT; channel++)
        policy->channel[channel] = list_make(reader, &scope, (enum rc_channel)channel);
    if (level != NULL) {
        policy->name = level->name;
        policy->name_size = (uint32_t)strlen(level->name);
        policy->topic = level->topic;
        struct rc_queue_policy *queue =
            config_arena_get(&reader->arena, (level->queue_count + 1) * sizeof(*queue));
        for (uint32_t i = 0; i < level->queue_count; i++)
            queue_compile(reader, &scope, &level->queue[i], policy->channel, &queue[i]);
        policy->queue = queue;
        policy->queue_count = level->queue_count;
        struct rc_queue_policy *group =
            config_arena_get(&reader->arena, (level->group_count + 1) * sizeof(*group));
        for (uint32_t i = 0; i < level->group_count; i++)
            group_compile(reader, &scope, &level->group[i], policy, &group[i]);
        policy->group = group;
        policy->group_count = level->group_count;
    }
    total_compile(reader, &scope, policy);
}

void config_contracts_compile(struct config_reader *reader)
{
    struct rc_contracts *contracts = &reader->config->contracts;
    struct rc_client_policy *client =
        config_arena_get(&reader->arena, (reader->client_count + 1) * sizeof(*client));
    client_compile(reader, NULL, &contracts->defaults);
    for (uint32_t i = 0; i < reader->client_count; i++)
        client_compile(reader, &reader->clients[i], &client[i]);
    contracts->client = client;
    contracts->client_count = reader->client_count;
}
