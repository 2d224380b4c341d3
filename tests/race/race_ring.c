/* Two threads and a ring at full speed: messages of all sizes, several to a commit and several to a
 * release, positions that pass 2^64, every byte checked. */
#include "rollcall/ring.h"

#include <pthread.h>
#include <sched.h>

enum { CAPACITY = 4096, MESSAGES = 1500000 };

static struct rc_ring ring;
static char bytes[CAPACITY] __attribute__((aligned(64)));

static uint64_t next_random(uint64_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 7;
    *state ^= *state << 17;
    return *state;
}

/* Both sides draw the same sizes: mostly small, at times the largest that fits. */
static uint32_t draw_size(uint64_t *state)
{
    uint64_t draw = next_random(state);
    if (draw % 1000 == 0)
        return (uint32_t)rc_ring_message_max(&ring);
    return (uint32_t)(draw >> 32) % (draw % 20 == 0 ? 700 : 48);
}

static void *produce(void *unused)
{
    uint64_t sizes = 88172645463325252ull, pace = 17;
    (void)unused;
    for (uint32_t i = 0; i < MESSAGES; i++) {
        uint32_t size = draw_size(&sizes);
        void *message;
        while (rc_ring_reserve(&ring, size, i % 7, &message)) {
            rc_ring_commit(&ring);
            sched_yield();
        }
        memset(message, (int)(i & 0xff), size);
        if (next_random(&pace) % 4 == 0)
            rc_ring_commit(&ring);
    }
    rc_ring_commit(&ring);
    return NULL;
}

static void check(const unsigned char *message, uint32_t size, uint32_t kind, uint32_t i,
                  uint32_t expected)
{
    RC_CHECK(size == expected && kind == i % 7 && (uintptr_t)message % 8 == 0);
    for (uint32_t b = 0; b < size; b++)
        RC_CHECK(message[b] == (i & 0xff));
}

static void consume(void)
{
    uint64_t sizes = 88172645463325252ull, pace = 23;
    for (uint32_t i = 0; i < MESSAGES;) {
        void *message;
        uint32_t size, kind;
        if (rc_ring_peek(&ring, &message, &size, &kind)) {
            rc_ring_release(&ring);
            sched_yield();
            continue;
        }
        check(message, size, kind, i, draw_size(&sizes));
        i++;
        if (next_random(&pace) % 4 == 0)
            rc_ring_release(&ring);
    }
    rc_ring_release(&ring);
}

/* Once the threads are joined. */
static uint64_t position(const _Atomic uint64_t *at)
{
    return atomic_load_explicit(at, memory_order_relaxed);
}

static void run(uint64_t start)
{
    pthread_t producer;
    void *message;
    uint32_t size, kind;
    rc_ring_init(&ring, bytes, CAPACITY, start);
    RC_CHECK(pthread_create(&producer, NULL, produce, NULL) == 0);
    consume();
    RC_CHECK(pthread_join(producer, NULL) == 0);
    RC_CHECK(rc_ring_peek(&ring, &message, &size, &kind) == RC_ERR_AGAIN);
    RC_CHECK(position(&ring.head) == position(&ring.tail));
}

int main(void)
{
    run(0);
    run(UINT64_MAX - 7 - 1000000 * 8); /* half way, positions pass 2^64 */
    RC_CHECK(position(&ring.tail) < UINT64_MAX / 2);
    puts("race_ring: done");
    return 0;
}
