#include "simulate_random.h"

#include <pthread.h>

enum { STEPS = 1024 };

/* Made once, then const. log2_of[i] = log2(1 + i / 1024) in units of 2^-32; exp2_of[i] =
 * 2^(i / 1024) in units of 2^-30. One more than STEPS: the neighbour to interpolate with. */
static uint64_t log2_of[STEPS + 1];
static uint64_t exp2_of[STEPS + 1];
static pthread_once_t tables_once = PTHREAD_ONCE_INIT;

/* 2^(2^-k), k = 1 … 10, in units of 2^-62. */
static const uint64_t root_of_two[10] = {
    0x5a827999fcef3242, 0x4c1bf828c6dc54b8, 0x45cae0f1f545eb73, 0x42d561b3e6243d8a,
    0x4166c34c5615d0ec, 0x40b268f9de0183ba, 0x4058f6a7ecccd5b6, 0x402c6be96af2fb58,
    0x4016321b687027a8, 0x400b18178ba33b14,
};

static uint64_t multiply_q62(uint64_t a, uint64_t b)
{
    __extension__ typedef unsigned __int128 wide;
    return (uint64_t)(((wide)a * b) >> 62);
}

/* Bit by bit: squaring doubles the logarithm, and what leaves [1, 2) is its next bit. */
static uint64_t log2_q32(uint64_t value_q62)
{
    uint64_t result = 0;
    for (int bit = 31; bit >= 0; bit--) {
        value_q62 = multiply_q62(value_q62, value_q62);
        if (value_q62 >> 63) {
            result |= UINT64_C(1) << bit;
            value_q62 >>= 1;
        }
    }
    return result;
}

static uint64_t exp2_q30(uint32_t step)
{
    uint64_t value_q62 = UINT64_C(1) << 62;
    for (int k = 0; k < 10; k++)
        if (step & (512U >> k))
            value_q62 = multiply_q62(value_q62, root_of_two[k]);
    return value_q62 >> 32;
}

static void make_tables(void)
{
    for (uint32_t i = 0; i < STEPS; i++) {
        log2_of[i] = log2_q32((uint64_t)(STEPS + i) << 52);
        exp2_of[i] = exp2_q30(i);
    }
    log2_of[STEPS] = UINT64_C(1) << 32;
    exp2_of[STEPS] = UINT64_C(2) << 30;
}

static uint64_t splitmix(uint64_t *state)
{
    uint64_t z = (*state += 0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
    z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
    return z ^ (z >> 31);
}

void sim_random_init(struct sim_random *random, uint64_t seed, uint64_t stream)
{
    pthread_once(&tables_once, make_tables);
    uint64_t state = seed;
    state = splitmix(&state) ^ (stream * 0xd1342543de82ef95);
    for (int i = 0; i < 4; i++)
        random->state[i] = splitmix(&state);
}

/* -ln(u) of a uniform u in (0, 1]: its leading zeros and the logarithm of what follows. */
uint64_t sim_random_unit(struct sim_random *random)
{
    uint64_t bits = sim_random_next(random) | 1;
    uint32_t zeros = (uint32_t)__builtin_clzll(bits);
    uint64_t mantissa = bits << zeros;
    uint32_t step = (uint32_t)(mantissa >> 53) & (STEPS - 1);
    uint64_t rest = (mantissa >> 21) & 0xffffffff;
    uint64_t fraction = log2_of[step] + (((log2_of[step + 1] - log2_of[step]) * rest) >> 32);
    uint64_t minus_log2 = ((uint64_t)(zeros + 1) << 32) - fraction;
    return ((minus_log2 >> 8) * 2977044472 /* ln 2 in 2^-32 */) >> 32;
}

int64_t sim_random_exponential(struct sim_random *random, int64_t mean_ms)
{
    int64_t ms = (int64_t)(((uint64_t)mean_ms * sim_random_unit(random)) >> 24);
    return ms > 0 ? ms : 1;
}

/* The sum of twelve uniforms less its mean: variance 1, next to normal within 3 sigma. */
static int64_t normal_q16(struct sim_random *random)
{
    int64_t sum = 0;
    for (int i = 0; i < 3; i++) {
        uint64_t bits = sim_random_next(random);
        sum += (int64_t)((bits & 0xffff) + ((bits >> 16) & 0xffff) + ((bits >> 32) & 0xffff) +
                         (bits >> 48));
    }
    return sum - 12 * 65535 / 2;
}

int64_t sim_random_lognormal(struct sim_random *random, int64_t mean_ms, int64_t sigma_q16)
{
    int64_t exponent = ((sigma_q16 * normal_q16(random)) - (sigma_q16 * sigma_q16) / 2) / 65536;
    int64_t binary = exponent * 94548 /* log2 e in 2^-16 */ / 65536 + (32 << 16);
    uint32_t whole = (uint32_t)(binary >> 16); /* 32 too many, so that it is not negative */
    uint32_t step = (uint32_t)(binary & 0xffff) >> 6, rest = (uint32_t)binary & 63;
    uint64_t power = exp2_of[step] + (((exp2_of[step + 1] - exp2_of[step]) * rest) >> 6);
    uint64_t scaled = (uint64_t)mean_ms * power;
    int64_t ms = (int64_t)(whole <= 62 ? scaled >> (62 - whole) : scaled);
    return ms > 0 ? ms : 1;
}
