/* The way from a client's desk to the reader: events are held up, sent twice, damaged. Each event
 * reaches the wire at its emit time; those of one instant in the order in which they happened. */
#ifndef ROLLCALL_SIMULATE_WIRE_H
#define ROLLCALL_SIMULATE_WIRE_H

#include "simulate_desk.h"

struct sim_wire {
    struct sim_random random;
    struct sim_heap heap;
    struct sim_fact *fact; /* what the heap's timers mean */
    uint32_t *free_fact;
    uint32_t fact_capacity, free_count;
    uint32_t order;
};

void sim_wire_open(struct sim_wire *wire, const struct sim_options *options);
void sim_wire_close(struct sim_wire *wire);
/* False: no memory. */
bool sim_wire_put(struct sim_wire *wire, const struct sim_options *options,
                  const struct sim_fact *fact);
/* The next one that reaches the wire at or before that; false when there is none. */
bool sim_wire_take(struct sim_wire *wire, int64_t until_ms, struct sim_fact *ret_fact,
                   int64_t *ret_emit_ms);

#endif
