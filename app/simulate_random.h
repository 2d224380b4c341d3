/* Random numbers for the simulator, the same on every machine: xoshiro256** seeded by splitmix64,
 * and exponential and lognormal times by integer arithmetic on small tables. No libm, whose last
 * digits differ between versions. */
#ifndef ROLLCALL_SIMULATE_RANDOM_H
#define ROLLCALL_SIMULATE_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

struct sim_random {
    uint64_t state[4];
};

/* Streams of one seed are independent of each other. */
void sim_random_init(struct sim_random *random, uint64_t seed, uint64_t stream);
/* Exponential with mean 1, in units of 2^-24. */
uint64_t sim_random_unit(struct sim_random *random);
/* Exponential, at least 1 ms. mean_ms < 2^32. */
int64_t sim_random_exponential(struct sim_random *random, int64_t mean_ms);
/* Lognormal with that mean (not median), at least 1 ms; sigma of the logarithm in units of 2^-16,
 * at most 1. mean_ms < 2^24. */
int64_t sim_random_lognormal(struct sim_random *random, int64_t mean_ms, int64_t sigma_q16);

static inline uint64_t sim_random_next(struct sim_random *random)
{
    uint64_t *s = random->state;
    uint64_t five = s[1] * 5;
    uint64_t result = ((five << 7) | (five >> 57)) * 9;
    uint64_t shifted = s[1] << 17;

    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = (s[3] << 45) | (s[3] >> 19);
    return result;
}

/* Uniform in [0, count); 0 for count 0. */
static inline uint32_t sim_random_below(struct sim_random *random, uint32_t count)
{
    return (uint32_t)(((sim_random_next(random) >> 32) * count) >> 32);
}

/* True in so many of a million cases. */
static inline bool sim_random_chance(struct sim_random *random, uint32_t ppm)
{
    return sim_random_below(random, 1000000) < ppm;
}

#endif
