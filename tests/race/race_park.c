/* Sleepers that must not miss a wake-up: a ball goes back and forth between two threads, each of
 * which sleeps until the other has played; then many wakers and one sleeper. A lost wake-up costs a
 * whole time limit, so the wait is told from the time that it took. */
#include "rollcall/check.h"
#include "rollcall/park.h"

#include <pthread.h>

enum { ROUNDS = 60000, WAKERS = 3, NEWS_EACH = 60000, LIMIT_MS = 20000 };

static struct rc_park park[2];
static _Atomic uint32_t ball;
static _Atomic uint32_t news[WAKERS];

static int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void wait_for(struct rc_park *self, uint32_t value)
{
    while (atomic_load_explicit(&ball, memory_order_acquire) != value) {
        uint32_t ticket = rc_park_ticket(self);
        if (atomic_load_explicit(&ball, memory_order_acquire) == value) {
            rc_park_cancel(self);
            return;
        }
        int64_t start = now_ms();
        rc_park_sleep(self, ticket, LIMIT_MS);
        RC_CHECK(now_ms() - start < LIMIT_MS / 2); /* a wake-up was lost */
    }
}

static void play(uint32_t side)
{
    for (uint32_t i = side; i < 2 * ROUNDS; i += 2) {
        wait_for(&park[side], i);
        atomic_store_explicit(&ball, i + 1, memory_order_release);
        rc_park_wake(&park[1 - side]);
    }
}

static void *play_other(void *unused)
{
    (void)unused;
    play(1);
    return NULL;
}

static void *bring_news(void *mine)
{
    for (uint32_t i = 1; i <= NEWS_EACH; i++) {
        atomic_store_explicit((_Atomic uint32_t *)mine, i, memory_order_release);
        rc_park_wake(&park[0]);
    }
    return NULL;
}

static uint64_t news_read(void)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < WAKERS; i++)
        sum += atomic_load_explicit(&news[i], memory_order_acquire);
    return sum;
}

static void hear_news(void)
{
    uint64_t heard = 0;
    while (heard < (uint64_t)WAKERS * NEWS_EACH) {
        uint64_t now = news_read();
        RC_CHECK(now >= heard);
        if (now == heard) {
            uint32_t ticket = rc_park_ticket(&park[0]);
            if (news_read() != heard) {
                rc_park_cancel(&park[0]);
                continue;
            }
            int64_t start = now_ms();
            rc_park_sleep(&park[0], ticket, LIMIT_MS);
            RC_CHECK(now_ms() - start < LIMIT_MS / 2); /* a wake-up was lost */
        }
        heard = now;
    }
}

int main(void)
{
    pthread_t thread[WAKERS];
    RC_CHECK(pthread_create(&thread[0], NULL, play_other, NULL) == 0);
    play(0);
    RC_CHECK(pthread_join(thread[0], NULL) == 0);
    RC_CHECK(atomic_load_explicit(&ball, memory_order_relaxed) == 2 * ROUNDS);
    for (uint32_t i = 0; i < WAKERS; i++)
        RC_CHECK(pthread_create(&thread[i], NULL, bring_news, &news[i]) == 0);
    hear_news();
    for (uint32_t i = 0; i < WAKERS; i++)
        RC_CHECK(pthread_join(thread[i], NULL) == 0);
    /* nobody wakes: the time limit ends the sleep */
    int64_t start = now_ms();
    rc_park_sleep(&park[1], rc_park_ticket(&park[1]), 50);
    RC_CHECK(now_ms() - start < LIMIT_MS / 2);
    puts("race_park: done");
    return 0;
}
