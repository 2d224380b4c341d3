#include "watchdog.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { STANDS_STILL_MS = 10000 };

struct shard {
    uint64_t rounds;
    int64_t since_ms; /* when that was first seen */
};

struct watchdog {
    const char *what;
    uint32_t count;
    int fd; /* -1: nobody wants to know */
    struct sockaddr_un address;
    socklen_t address_size;
    int64_t starve_ms; /* 0: there is no watchdog to feed */
    bool ready_said, still_said;
    struct shard shard[];
};

/* ---- the service manager ---- */

static void notify(const struct watchdog *watchdog, const char *state)
{
    if (watchdog->fd >= 0)
        sendto(watchdog->fd, state, strlen(state), MSG_DONTWAIT | MSG_NOSIGNAL,
               (const struct sockaddr *)&watchdog->address, watchdog->address_size);
}

static void open_socket(struct watchdog *watchdog)
{
    const char *path = getenv("NOTIFY_SOCKET");
    size_t size = path ? strlen(path) : 0;
    if (size < 2 || size >= sizeof watchdog->address.sun_path || (*path != '/' && *path != '@'))
        return;
    watchdog->address.sun_family = AF_UNIX;
    memcpy(watchdog->address.sun_path, path, size);
    if (*path == '@') /* the abstract namespace */
        watchdog->address.sun_path[0] = '\0';
    watchdog->address_size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size);
    watchdog->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
}

/* A shard is given half the time, so that the process is not ended for a look that comes late. */
static void read_timeout(struct watchdog *watchdog)
{
    const char *pid = getenv("WATCHDOG_PID"), *timeout = getenv("WATCHDOG_USEC");
    if (!timeout || (pid && strtoll(pid, NULL, 10) != getpid()))
        return;
    int64_t timeout_ms = strtoll(timeout, NULL, 10) / 1000;
    if (timeout_ms > 0)
        watchdog->starve_ms = timeout_ms / 2 + 1;
}

enum rc_error watchdog_open(const char *what, uint32_t count, struct watchdog **ret_watchdog)
{
    struct watchdog *watchdog = calloc(1, sizeof *watchdog + count * sizeof watchdog->shard[0]);
    if (!watchdog)
        return RC_ERR_MEMORY;
    watchdog->what = what;
    watchdog->count = count;
    watchdog->fd = -1;
    open_socket(watchdog);
    read_timeout(watchdog);
    *ret_watchdog = watchdog;
    return RC_OK;
}

void watchdog_close(struct watchdog *watchdog)
{
    if (watchdog && watchdog->fd >= 0)
        close(watchdog->fd);
    free(watchdog);
}

/* ---- the shards ---- */

void watchdog_look(struct watchdog *watchdog, uint32_t shard, uint64_t rounds, int64_t now_ms)
{
    struct shard *seen = &watchdog->shard[shard];
    if (rounds && rounds == seen->rounds)
        return;
    *seen = (struct shard){rounds, now_ms};
}

int64_t watchdog_slowest(const struct watchdog *watchdog, int64_t now_ms, uint32_t *ret_shard)
{
    int64_t slowest_ms = 0;
    *ret_shard = 0;
    for (uint32_t i = 0; i < watchdog->count; i++) {
        const struct shard *seen = &watchdog->shard[i];
        if (seen->rounds && now_ms - seen->since_ms > slowest_ms) {
            slowest_ms = now_ms - seen->since_ms;
            *ret_shard = i;
        }
    }
    return slowest_ms;
}

bool watchdog_news(struct watchdog *watchdog, int64_t now_ms, char ret_line[200])
{
    uint32_t shard;
    int64_t slowest_ms = watchdog_slowest(watchdog, now_ms, &shard);
    bool still = slowest_ms >= STANDS_STILL_MS;
    if (still == watchdog->still_said)
        return false;
    watchdog->still_said = still;
    if (still)
        snprintf(ret_line, 200, "warning: %s %u has been at one piece of work for %lld s%s",
                 watchdog->what, shard, (long long)(slowest_ms / 1000),
                 watchdog->starve_ms ? "; the watchdog will not be fed for long" : "");
    else
        snprintf(ret_line, 200, "all %ss move again", watchdog->what);
    return true;
}

void watchdog_feed(struct watchdog *watchdog, int64_t now_ms)
{
    uint32_t shard;
    if (!watchdog->ready_said)
        notify(watchdog, "READY=1");
    watchdog->ready_said = true;
    if (watchdog->starve_ms && watchdog_slowest(watchdog, now_ms, &shard) < watchdog->starve_ms)
        notify(watchdog, "WATCHDOG=1");
}

void watchdog_stopping(struct watchdog *watchdog)
{
    notify(watchdog, "STOPPING=1");
}
