/* What is settled before the first call: who the clients are, where, when they are open, how many
 * contacts to expect in a quarter of an hour, and how many agents are planned for them. Pure
 * functions of the options, the number of the client and the time. */
#ifndef ROLLCALL_SIMULATE_PLAN_H
#define ROLLCALL_SIMULATE_PLAN_H

#include "simulate_model.h"

enum { SIM_QUARTER_MS = 900000, SIM_QUARTERS = 96, SIM_NAME_SIZE = 32 };

struct sim_zone {
    const char *name; /* IANA */
    int16_t offset_minutes;
    uint8_t summer; /* enum in simulate_plan.c: which rule of summer time */
};

struct sim_hours {
    const char *name;
    uint8_t open, close; /* quarters of the local day */
    uint8_t days;        /* bit 0 is Sunday */
    const char *week;    /* as a calendar of the configuration writes it */
};

struct sim_plan {
    char name[SIM_NAME_SIZE];
    const struct sim_zone *zone;
    const struct sim_hours *hours;
    bool flat;
    uint64_t weight_sum; /* of the quarters of an ordinary open day */
};

/* Means in ms, shares in ppm: what is different between channels. */
struct sim_habits {
    uint32_t talk_percent; /* of what the queue's calls take */
    uint32_t pick_up_min, pick_up_max;
    uint32_t hold_share, hold_mean;
    uint32_t wrap_mean;
    uint32_t patience_percent;
    uint32_t wait_limit; /* then the contact is sent elsewhere: voicemail, a form */
};

void sim_plan_client(const struct sim_options *options, uint32_t client, struct sim_plan *ret_plan);
void sim_plan_queue_name(uint32_t queue, char ret_name[SIM_NAME_SIZE]);
const struct sim_habits *sim_plan_habits(uint8_t channel);
/* Mean of a conversation of that queue and channel, holds aside. */
int64_t sim_plan_talk_ms(uint32_t queue, uint8_t channel);
/* Mean of all that keeps an agent busy with one contact. */
int64_t sim_plan_busy_ms(uint32_t queue, uint8_t channel);

/* How much of an ordinary day's contacts falls in the quarter that holds the instant, times
 * weight_sum; 0 when closed. */
uint32_t sim_plan_weight(const struct sim_plan *plan, int64_t at_ms);
/* Agents for that many first contacts (in units of 2^-24) in a quarter, each agent serving
 * `parallel` at a time; load_milli: offered load in 1/1000 of what is planned for. */
uint32_t sim_plan_agents(uint64_t contacts_q24, int64_t busy_ms, uint32_t parallel,
                         uint32_t load_milli);

#endif
