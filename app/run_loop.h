/* The main thread of `run`: a libevent loop with signals, a timer and HTTP. It touches no event and
 * never slows the core. */
#ifndef APP_RUN_LOOP_H
#define APP_RUN_LOOP_H

#include "run_service.h"

/* What runs: one service, or those of the tasks. All: thread: main. */
struct run_work {
    void *self;
    void (*leave)(void *self); /* the process is to end: what comes next is stop */
    void (*stop)(void *self);  /* as run_service_stop, … */
    void (*give_up)(void *self);
    bool (*over)(void *self);
    bool (*idle)(void *self);
    bool (*ready)(void *self, char ret_reason[256]);
    void (*watch)(void *self);
    /* OpenMetrics text, freed by the caller; NULL: no memory. */
    char *(*metrics)(void *self, bool reload_ok);
    /* As in sink_http_source. */
    void (*tables)(void *self, void (*each)(void *to, struct sink_table *table), void *to);
    int64_t end_ms; /* it has ended so long after it was asked to stop, or it does not; 0: 4.8 s */
};
/* Of one service; `service` is lent. */
void run_work_of_service(struct run_service *service, struct run_work *ret_work);

struct run_loop;
struct run_loop_options {
    const struct rc_config *config;
    struct run_work work;
    bool until_idle; /* stop by itself when all partitions are idle */
    /* SIGHUP: reads the configuration again; true: it is valid. NULL: SIGHUP waits for a loop that
     * has it. */
    bool (*reload)(void *opaque);
    /* Now and then, while it runs; NULL: never. */
    void (*tick)(void *opaque);
    void (*print)(void *opaque, const char *line);
    void *opaque;
};

/* SIGTERM, SIGINT and SIGHUP, if `reload`, are blocked (SIG_BLOCK) but while a loop runs: one that
 * comes before, or between two loops, waits for the next. To be called before the first. */
void run_loop_signals(int how, bool reload);
/* HTTP is opened here. thread: main; the service's threads do not run yet. */
enum rc_error run_loop_open(const struct run_loop_options *options, struct run_loop **ret_loop,
                            char ret_message[256]);
/* Until the service is over, or has not stopped in time; false: the latter. */
bool run_loop_run(struct run_loop *loop);
/* As SIGTERM does; `why` is printed. thread: main, from `reload` and `tick`. */
void run_loop_stop(struct run_loop *loop, const char *why);
/* It was asked to stop, by a signal, run_loop_stop or until_idle. */
bool run_loop_stopped(const struct run_loop *loop);
/* SIGTERM or SIGINT has come: the process is to end. */
bool run_loop_left(const struct run_loop *loop);
/* The service's `ended`. thread: any; `loop` may be NULL. */
void run_loop_wake(struct run_loop *loop);
void run_loop_close(struct run_loop *loop);

#endif
