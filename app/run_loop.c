#include "run_loop.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum { TICK_MS = 100, WATCH_TICKS = 10, GIVE_UP_MS = 4000, END_MS = 4800 };

struct run_loop {
    struct run_loop_options options;
    struct event_base *base;
    struct event *on_term, *on_int, *on_hup, *on_tick, *on_wake;
    struct sink_http *http;
    int wake_fd;
    int64_t stopped_at_ms; /* 0: not yet */
    unsigned ticks;
    bool reload_ok, over, ready_said;
    bool left; /* by a signal, for good */
};

static int64_t steady_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void print(struct run_loop *loop, const char *line)
{
    loop->options.print(loop->options.opaque, line);
}

/* for_good: a service manager is told, too. Of a SIGHUP it must not hear: it would wait for the
 * end, and then kill. */
static void stop(struct run_loop *loop, const char *why, bool for_good)
{
    if (for_good)
        loop->options.work.leave(loop->options.work.self);
    if (loop->stopped_at_ms)
        return;
    print(loop, why);
    loop->stopped_at_ms = steady_ms();
    loop->options.work.stop(loop->options.work.self);
}

void run_loop_stop(struct run_loop *loop, const char *why)
{
    stop(loop, why, false);
}

static void on_stop_signal(evutil_socket_t number, short what, void *opaque)
{
    struct run_loop *loop = opaque;
    (void)what;
    loop->left = true;
    stop(loop,
         number == SIGTERM ? "SIGTERM: the epoch is finished, then I leave"
                           : "SIGINT: the epoch is finished, then I leave",
         true);
}

static void on_hup(evutil_socket_t number, short what, void *opaque)
{
    struct run_loop *loop = opaque;
    (void)number;
    (void)what;
    loop->reload_ok = loop->options.reload(loop->options.opaque);
}

static void look(struct run_loop *loop)
{
    if (loop->options.work.over(loop->options.work.self)) {
        loop->over = true;
        event_base_loopbreak(loop->base);
    }
}

static void on_wake(evutil_socket_t fd, short what, void *opaque)
{
    uint64_t count;
    ssize_t got = read((int)fd, &count, sizeof count);
    (void)got;
    (void)what;
    look(opaque);
}

static void say_when_ready(struct run_loop *loop)
{
    char reason[256];
    if (loop->ready_said || !loop->options.work.ready(loop->options.work.self, reason))
        return;
    loop->ready_said = true;
    print(loop, "ready: the backlog is read, records are published as they come");
}

static void on_tick(evutil_socket_t fd, short what, void *opaque)
{
    struct run_loop *loop = opaque;
    const struct run_work *work = &loop->options.work;
    (void)fd;
    (void)what;
    look(loop);
    if (!loop->stopped_at_ms && loop->options.tick)
        loop->options.tick(loop->options.opaque);
    if (!loop->stopped_at_ms && loop->options.until_idle && work->idle(work->self))
        stop(loop, "all partitions are idle: done, as --until-idle says", true);
    if (++loop->ticks % WATCH_TICKS == 0 && !loop->stopped_at_ms) {
        say_when_ready(loop);
        work->watch(work->self);
    }
    if (!loop->stopped_at_ms)
        return;
    int64_t since_ms = steady_ms() - loop->stopped_at_ms;
    if (since_ms >= GIVE_UP_MS)
        work->give_up(work->self);
    if (since_ms >= (work->end_ms ? work->end_ms : END_MS))
        event_base_loopbreak(loop->base);
}

static void http_metrics(void *opaque, void *buffer)
{
    struct run_loop *loop = opaque;
    char *text = loop->options.work.metrics(loop->options.work.self, loop->reload_ok);
    if (text)
        evbuffer_add_printf(buffer, "%s", text);
    free(text);
}

static bool http_ready(void *opaque, char ret_reason[256])
{
    struct run_loop *loop = opaque;
    if (loop->stopped_at_ms) {
        snprintf(ret_reason, 256, "stopping");
        return false;
    }
    return loop->options.work.ready(loop->options.work.self, ret_reason);
}

static void http_tables(void *opaque, void (*each)(void *to, struct sink_table *table), void *to)
{
    struct run_loop *loop = opaque;
    loop->options.work.tables(loop->options.work.self, each, to);
}

void run_loop_signals(int how, bool reload)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    if (reload)
        sigaddset(&set, SIGHUP);
    pthread_sigmask(how, &set, NULL);
}

static enum rc_error add_events(struct run_loop *loop)
{
    struct timeval tick = {.tv_usec = TICK_MS * 1000};
    loop->on_term = evsignal_new(loop->base, SIGTERM, on_stop_signal, loop);
    loop->on_int = evsignal_new(loop->base, SIGINT, on_stop_signal, loop);
    loop->on_hup = evsignal_new(loop->base, SIGHUP, on_hup, loop);
    loop->on_tick = event_new(loop->base, -1, EV_PERSIST, on_tick, loop);
    loop->on_wake = event_new(loop->base, loop->wake_fd, EV_READ | EV_PERSIST, on_wake, loop);
    if (!loop->on_term || !loop->on_int || !loop->on_hup || !loop->on_tick || !loop->on_wake ||
        event_add(loop->on_term, NULL) || event_add(loop->on_int, NULL) ||
        event_add(loop->on_hup, NULL) || event_add(loop->on_tick, &tick) ||
        event_add(loop->on_wake, NULL))
        return RC_ERR_MEMORY;
    return RC_OK;
}

enum rc_error run_loop_open(const struct run_loop_options *options, struct run_loop **ret_loop,
                            char ret_message[256])
{
    struct run_loop *loop = calloc(1, sizeof *loop);
    ret_message[0] = '\0';
    if (!loop)
        return RC_ERR_MEMORY;
    loop->options = *options;
    loop->reload_ok = true;
    loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    loop->base = event_base_new();
    enum rc_error err = loop->wake_fd < 0 || !loop->base ? RC_ERR_MEMORY : add_events(loop);
    if (!err && options->config->http.listen) {
        struct sink_http_options http = {.base = loop->base,
                                         .config = options->config,
                                         .source = {loop, http_metrics, http_ready, http_tables}};
        err = sink_http_open(&http, &loop->http, ret_message);
    }
    if (err) {
        if (!ret_message[0])
            snprintf(ret_message, 256, "%s", rc_error_text(err));
        run_loop_close(loop);
        return err;
    }
    *ret_loop = loop;
    return RC_OK;
}

bool run_loop_run(struct run_loop *loop)
{
    run_loop_signals(SIG_UNBLOCK, loop->options.reload);
    event_base_dispatch(loop->base);
    run_loop_signals(SIG_BLOCK, true);
    event_base_loop(loop->base, EVLOOP_NONBLOCK); /* one that came meanwhile */
    return loop->over;
}

bool run_loop_stopped(const struct run_loop *loop)
{
    return loop->stopped_at_ms != 0;
}

bool run_loop_left(const struct run_loop *loop)
{
    return loop->left;
}

void run_loop_wake(struct run_loop *loop)
{
    static const uint64_t one = 1;
    if (!loop)
        return;
    ssize_t put = write(loop->wake_fd, &one, sizeof one);
    (void)put; /* full: it is awake anyway */
}

void run_loop_close(struct run_loop *loop)
{
    struct event **all[] = {&loop->on_term, &loop->on_int, &loop->on_hup, &loop->on_tick,
                            &loop->on_wake};
    if (loop->http)
        sink_http_close(loop->http);
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (*all[i])
            event_free(*all[i]);
    if (loop->base)
        event_base_free(loop->base);
    if (loop->wake_fd >= 0)
        close(loop->wake_fd);
    free(loop);
}
