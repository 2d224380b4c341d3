/* One service as the loop's work. */
#include "run_loop.h"

#include <time.h>

static void leave(void *self)
{
    run_service_leave(self);
}

static void stop(void *self)
{
    run_service_stop(self);
}

static void give_up(void *self)
{
    run_service_give_up(self);
}

static bool over(void *self)
{
    return run_service_over(self);
}

static bool idle(void *self)
{
    return run_service_idle(self);
}

static bool ready(void *self, char ret_reason[256])
{
    return run_service_ready(self, ret_reason);
}

static void watch(void *self)
{
    run_service_watch(self);
}

static char *metrics(void *self, bool reload_ok)
{
    struct timespec now, steady;
    struct engine_part part;
    clock_gettime(CLOCK_REALTIME, &now);
    clock_gettime(CLOCK_MONOTONIC, &steady);
    run_service_part(self, &part);
    struct engine_metrics list = {.config = run_service_config(self),
                                  .part = &part,
                                  .part_count = 1,
                                  .reload_ok = reload_ok,
                                  .wall_ms = now.tv_sec * 1000 + now.tv_nsec / 1000000,
                                  .steady_ms = steady.tv_sec * 1000 + steady.tv_nsec / 1000000};
    return engine_metrics_text(&list);
}

static void tables(void *self, void (*each)(void *to, struct sink_table *table), void *to)
{
    if (run_service_table(self))
        each(to, run_service_table(self));
}

void run_work_of_service(struct run_service *service, struct run_work *ret_work)
{
    *ret_work = (struct run_work){.self = service,
                                  .leave = leave,
                                  .stop = stop,
                                  .give_up = give_up,
                                  .over = over,
                                  .idle = idle,
                                  .ready = ready,
                                  .watch = watch,
                                  .metrics = metrics,
                                  .tables = tables};
}
