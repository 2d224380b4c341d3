/* Sleeping until somebody has news: one sleeper, any number of wakers. The sleeper looks at its
 * rings, takes a ticket, looks again, then sleeps on the ticket; a waker that changed a ring in
 * between has changed the count, so no wake-up is lost. A futex, private to the process. */
#ifndef ROLLCALL_PARK_H
#define ROLLCALL_PARK_H

#include <linux/futex.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct rc_park {
    _Atomic uint32_t count;    /* changed by every wake */
    _Atomic uint32_t sleeping; /* the sleeper is, or is about to be, asleep */
};

/* thread: the sleeper. Announces the intent to sleep; look at the rings again after this. */
static inline uint32_t rc_park_ticket(struct rc_park *park)
{
    /* An exchange, so that it is ordered with the wakers' exchange in rc_park_wake (C). */
    atomic_exchange_explicit(&park->sleeping, 1, memory_order_acq_rel); /* C */
    return atomic_load_explicit(&park->count, memory_order_acquire);
}

/* thread: the sleeper. Returns when woken since the ticket, after timeout_ms, or for no reason. */
static inline void rc_park_sleep(struct rc_park *park, uint32_t ticket, int64_t timeout_ms)
{
    struct timespec limit = {timeout_ms / 1000, timeout_ms % 1000 * 1000000};
    syscall(SYS_futex, &park->count, FUTEX_WAIT_PRIVATE, ticket, &limit, NULL, 0);
    atomic_store_explicit(&park->sleeping, 0, memory_order_relaxed);
}

/* thread: the sleeper. Takes the announcement back when there was something to do after all. */
static inline void rc_park_cancel(struct rc_park *park)
{
    atomic_store_explicit(&park->sleeping, 0, memory_order_relaxed);
}

/* thread: any, after it made its change visible. Costs one exchange when nobody sleeps. */
static inline void rc_park_wake(struct rc_park *park)
{
    if (atomic_exchange_explicit(&park->sleeping, 0, memory_order_acq_rel)) { /* reads C */
        atomic_fetch_add_explicit(&park->count, 1, memory_order_release);
        syscall(SYS_futex, &park->count, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
    }
}

#endif
