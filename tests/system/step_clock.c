/* Preloaded into a process (LD_PRELOAD), so that its wall clock alone can be stepped: STEP_CLOCK in
 * the environment is a file of one int64_t, by how many milliseconds the clock is off, which may
 * change at any time. The monotonic clock goes on. (libfaketime does not get along with jemalloc,
 * which asks for the time before anything is set up.)
 *
 * A wait until a wall-clock time is one of this clock, and is given to libc in terms of its own. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <threads.h>
#include <time.h>
#include <unistd.h>

enum { NS_IN_MS = 1000000, MS_IN_S = 1000 };
static const int64_t ns_in_s = 1000000000;

static _Atomic int64_t none;
static _Atomic int64_t *_Atomic off_ms = &none; /* set once, before main */

__attribute__((constructor)) static void open_file(void)
{
    const char *path = getenv("STEP_CLOCK");
    int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
    void *page = fd < 0 ? MAP_FAILED : mmap(NULL, sizeof none, PROT_READ, MAP_SHARED, fd, 0);
    if (fd >= 0)
        close(fd);
    if (page != MAP_FAILED)
        atomic_store_explicit(&off_ms, page, memory_order_relaxed);
}

static int64_t offset_ns(void)
{
    _Atomic int64_t *off = atomic_load_explicit(&off_ms, memory_order_relaxed);
    return atomic_load_explicit(off, memory_order_relaxed) * NS_IN_MS;
}

static struct timespec moved(struct timespec at, int64_t ns)
{
    int64_t sum = (int64_t)at.tv_sec * ns_in_s + at.tv_nsec + ns;
    return (struct timespec){.tv_sec = sum / ns_in_s, .tv_nsec = sum % ns_in_s};
}

int clock_gettime(clockid_t id, struct timespec *ret_time)
{
    int code = (int)syscall(SYS_clock_gettime, id, ret_time);
    if (code == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE))
        *ret_time = moved(*ret_time, offset_ns());
    return code;
}

int gettimeofday(struct timeval *restrict ret_time, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    *ret_time = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / MS_IN_S};
    return 0;
}

time_t time(time_t *ret_time)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (ret_time)
        *ret_time = now.tv_sec;
    return now.tv_sec;
}

int timespec_get(struct timespec *ret_time, int base)
{
    clock_gettime(CLOCK_REALTIME, ret_time);
    return base;
}

/* Nobody says which clock a condition goes by: the one to which the instant is nearer. */
static struct timespec libc_instant(const struct timespec *until)
{
    struct timespec wall, steady;
    clock_gettime(CLOCK_REALTIME, &wall);
    clock_gettime(CLOCK_MONOTONIC, &steady);
    int64_t to_wall = llabs((int64_t)(until->tv_sec - wall.tv_sec));
    int64_t to_steady = llabs((int64_t)(until->tv_sec - steady.tv_sec));
    return to_wall < to_steady ? moved(*until, -offset_ns()) : *until;
}

int pthread_cond_timedwait(pthread_cond_t *restrict cond, pthread_mutex_t *restrict mutex,
                           const struct timespec *restrict until)
{
    static int (*_Atomic libc)(pthread_cond_t *, pthread_mutex_t *, const struct timespec *);
    if (!atomic_load_explicit(&libc, memory_order_relaxed))
        atomic_store_explicit(&libc, dlsym(RTLD_NEXT, "pthread_cond_timedwait"),
                              memory_order_relaxed);
    struct timespec at = libc_instant(until);
    return atomic_load_explicit(&libc, memory_order_relaxed)(cond, mutex, &at);
}

int cnd_timedwait(cnd_t *restrict cond, mtx_t *restrict mutex,
                  const struct timespec *restrict until)
{
    int code = pthread_cond_timedwait((pthread_cond_t *)cond, (pthread_mutex_t *)mutex, until);
    return code == 0 ? thrd_success : code == ETIMEDOUT ? thrd_timedout : thrd_error;
}
