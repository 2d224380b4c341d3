/* The compiled contracts: what every contact is judged by. Made by app/ from the configuration
 * before threads start, const from then on. Durations in ms, percents in basis points, scores in
 * thousandths; RC_NULL: not set. */
#ifndef ROLLCALL_CONTRACT_H
#define ROLLCALL_CONTRACT_H

#include "calendar.h"
#include "event.h"
#include "figures.h"

enum rc_abandoned_rule {
    RC_ABANDONED_AGAINST,
    RC_ABANDONED_IGNORE_WITHIN,
    RC_ABANDONED_IGNORE_SHORT,
    RC_ABANDONED_CREDIT_WITHIN,
    RC_ABANDONED_CREDIT_SHORT,
    RC_ABANDONED_IGNORE
};
enum rc_flow_rule { RC_FLOW_IGNORE, RC_FLOW_AGAINST, RC_FLOW_CREDIT_WITHIN };
enum rc_basis { RC_BASIS_OUTCOME, RC_BASIS_ARRIVAL };
enum rc_fcr_model { RC_FCR_REPEAT, RC_FCR_FLAG, RC_FCR_REOPEN };
enum rc_fcr_scope { RC_FCR_CLIENT, RC_FCR_QUEUE };

enum rc_measure { RC_ACKNOWLEDGE, RC_FIRST_RESPONSE, RC_RESOLUTION, RC_MEASURE_COUNT };

/* A duration that holds for tickets of one priority. */
struct rc_within {
    const char *priority;
    uint32_t priority_size;
    int64_t within_ms;
};
/* A clock of tickets (`slas`). */
struct rc_clock {
    const char *name; /* 1 to RC_CLOCK_NAME_MAX bytes, once in a contract */
    uint32_t name_size;
    uint8_t measure;    /* enum rc_measure */
    bool by_event;      /* within: event: the ticket's own `due` is the deadline */
    bool pauses;        /* what `paused` begins does not run */
    int64_t target_bp;  /* RC_NULL: none */
    int64_t default_ms; /* for priorities not named below; RC_NULL: not measured */
    uint32_t within_count;
    const struct rc_within *within;     /* sorted bytewise by priority */
    const struct rc_calendar *calendar; /* NULL: wall clock */
};
enum { RC_CLOCK_NAME_MAX = 64 };

/* What is in force for one key (client, queue | * | @group, channel) from one date on. */
struct rc_contract {
    bool has_service_level;
    uint8_t abandoned; /* enum rc_abandoned_rule */
    uint8_t flow_out;  /* enum rc_flow_rule */
    uint8_t basis;     /* enum rc_basis */
    uint8_t fcr_model; /* enum rc_fcr_model */
    uint8_t fcr_scope; /* enum rc_fcr_scope */
    bool acw_expected;
    int64_t sl_within_ms;
    int64_t short_abandon_ms;              /* RC_NULL: not set, nothing is short */
    int64_t sl_target_bp;                  /* RC_NULL: none; so too the targets below */
    const struct rc_calendar *sl_calendar; /* NULL: always open */
    uint32_t outage_count;                 /* agreed outages (`except`), any order */
    const struct rc_span *outage;
    int64_t aht_target_ms;
    int64_t acw_cap_ms;
    int64_t fcr_window_ms;
    int64_t fcr_target_bp;
    int64_t csat_satisfied_at; /* thousandths, built in 4,000; RC_NULL: nothing is satisfied */
    int64_t csat_target_bp;
    uint32_t clock_count;         /* of tickets; a roll-up's are the client's or the group's own */
    const struct rc_clock *clock; /* sorted bytewise by name */
    uint64_t fingerprint;         /* first 8 bytes of the SHA-256, big end first */
};
struct rc_dated_contract {
    int64_t from_ms; /* the first entry's is INT64_MIN */
    struct rc_contract contract;
};
/* One channel's contracts of one key, sorted by date; count >= 1. */
struct rc_contract_list {
    uint32_t count;
    const struct rc_dated_contract *dated;
};
struct rc_queue_policy {
    const char *name; /* without the @ for a group */
    uint32_t name_size;
    struct rc_contract_list channel[RC_CHANNEL_COUNT];
    uint32_t member_count;     /* groups: their queues, as indexes of the client's `queue` or, */
    const char *const *member; /* since any name may stand there, as names */
};
struct rc_client_policy {
    const char *name; /* NULL: the defaults, for clients that are not configured */
    uint32_t name_size;
    const struct rc_zone *zone;
    struct rc_contract_list channel[RC_CHANNEL_COUNT]; /* for queues not named below */
    struct rc_contract_list total[RC_CHANNEL_COUNT];   /* for `*`: other fingerprints */
    uint32_t queue_count, group_count;
    const struct rc_queue_policy *queue; /* sorted bytewise by name */
    const struct rc_queue_policy *group; /* sorted bytewise by name */
    uint32_t no_customer_count;
    const char *const *no_customer; /* customers that count as none, as they come in */
    const char *topic;              /* NULL: none; output.topics: per_client, its names' end */
};
struct rc_contracts {
    struct rc_client_policy defaults;
    uint32_t client_count;
    const struct rc_client_policy *client; /* sorted bytewise by name */
    bool clients_only;
    int64_t fcr_window_max_ms; /* the longest of any contract */
};

/* The policy of that client, or the defaults. Never NULL. */
const struct rc_client_policy *rc_client_policy(const struct rc_contracts *contracts,
                                                const char *name, uint32_t name_size);
/* NULL when that queue (or group) is not configured. */
const struct rc_queue_policy *rc_queue_policy(const struct rc_queue_policy *list, uint32_t count,
                                              const char *name, uint32_t name_size);
/* What is in force at that instant. Never NULL. */
const struct rc_contract *rc_contract_at(const struct rc_contract_list *list, int64_t at_ms);
/* NULL: the contract has no clock of that name. */
const struct rc_clock *rc_clock_named(const struct rc_contract *contract, const char *name,
                                      uint32_t name_size);
/* How long the clock may run for a ticket of that priority (size 0: it has none); RC_NULL: it is
 * not measured. Not for a clock by event. */
int64_t rc_clock_within(const struct rc_clock *clock, const char *priority, uint32_t priority_size);

#endif
