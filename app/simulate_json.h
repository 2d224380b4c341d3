/* A fact as the JSON that goes over the wire, written by hand: it is most of what a simulated
 * event costs. */
#ifndef ROLLCALL_SIMULATE_JSON_H
#define ROLLCALL_SIMULATE_JSON_H

#include "simulate_desk.h"

enum { SIM_JSON_SIZE = 512, SIM_DAMAGE_COUNT = 8 };

struct sim_json {
    uint32_t length;
    uint32_t contact_at, contact_len; /* where the contact's name stands in text */
    int64_t day_start_ms;             /* of which date is the text; starts at 0, before any event */
    char date[16];                    /* "2026-01-05T" */
    char text[SIM_JSON_SIZE];
};

void sim_json_write(struct sim_json *json, const struct sim_client *client,
                    const struct sim_fact *fact);
/* Makes the text, which must be whole, one that no reader may take for an event. kind: from 1 to
 * SIM_DAMAGE_COUNT - 1; where it strikes comes from `bits`. */
void sim_json_damage(struct sim_json *json, uint32_t kind, uint64_t bits);

#endif
