#include "simulate_wire.h"

#include "simulate_json.h"

enum { LATE_AT_LEAST_MS = 2000, WIRE_STREAM = UINT32_MAX };

void sim_wire_open(struct sim_wire *wire, const struct sim_options *options)
{
    sim_random_init(&wire->random, options->seed, WIRE_STREAM);
}

void sim_wire_close(struct sim_wire *wire)
{
    free(wire->heap.timer);
    free(wire->fact);
    free(wire->free_fact);
}

static bool reserve(struct sim_wire *wire, uint32_t more)
{
    if (!sim_heap_reserve(&wire->heap, more))
        return false;
    if (wire->free_count >= more)
        return true;
    uint32_t capacity = wire->fact_capacity ? wire->fact_capacity * 2 : 256;
    struct sim_fact *fact = realloc(wire->fact, (size_t)capacity * sizeof(*fact));
    if (!fact)
        return false;
    wire->fact = fact;
    uint32_t *free_fact = realloc(wire->free_fact, (size_t)capacity * sizeof(*free_fact));
    if (!free_fact)
        return false;
    wire->free_fact = free_fact;
    for (uint32_t i = capacity; i > wire->fact_capacity; i--)
        wire->free_fact[wire->free_count++] = i - 1;
    wire->fact_capacity = capacity;
    return true;
}

static void put_at(struct sim_wire *wire, const struct sim_fact *fact, int64_t emit_ms,
                   uint8_t damage)
{
    uint32_t index = wire->free_fact[--wire->free_count];
    wire->fact[index] = *fact;
    wire->fact[index].damage = damage;
    sim_heap_push(&wire->heap,
                  (struct sim_timer){.at_ms = emit_ms, .order = ++wire->order, .target = index});
}

static int64_t delay(struct sim_wire *wire, const struct sim_options *options)
{
    return options->disorder_ms
               ? sim_random_below(&wire->random, (uint32_t)options->disorder_ms + 1)
               : 0;
}

bool sim_wire_put(struct sim_wire *wire, const struct sim_options *options,
                  const struct sim_fact *fact)
{
    struct sim_random *random = &wire->random;
    if (!reserve(wire, 3))
        return false;
    int64_t delay_ms = delay(wire, options);
    if (sim_random_chance(random, options->late_ppm)) {
        int64_t least_ms = options->disorder_ms + LATE_AT_LEAST_MS;
        int64_t span_ms = options->late_by_ms - least_ms;
        delay_ms = least_ms + (span_ms > 0 ? sim_random_below(random, (uint32_t)span_ms + 1) : 0);
    }
    put_at(wire, fact, fact->time_ms + delay_ms, 0);
    if (sim_random_chance(random, options->duplicate_ppm))
        put_at(wire, fact, fact->time_ms + delay_ms + delay(wire, options), 0);
    if (sim_random_chance(random, options->damaged_ppm))
        put_at(wire, fact, fact->time_ms + delay(wire, options),
               (uint8_t)(1 + sim_random_below(random, SIM_DAMAGE_COUNT - 1)));
    return true;
}

bool sim_wire_take(struct sim_wire *wire, int64_t until_ms, struct sim_fact *ret_fact,
                   int64_t *ret_emit_ms)
{
    if (wire->heap.count == 0 || wire->heap.timer[0].at_ms > until_ms)
        return false;
    struct sim_timer timer = sim_heap_pop(&wire->heap);
    *ret_fact = wire->fact[timer.target];
    *ret_emit_ms = timer.at_ms;
    wire->free_fact[wire->free_count++] = timer.target;
    return true;
}
