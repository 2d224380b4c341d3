#include "run_task.h"

#include "rollcall/lease.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    LOOK_MS = 50,
    REST_MS = 1000,    /* live: it is told when something happens */
    GIVE_UP_MS = 4000, /* then what is stopped waits for no room any more, … */
    STUCK_MS = 8000,   /* … and then it is not waited for */
    LOST_MS = 8000     /* longer than a session: the group says by then whose the task is */
};

struct run_task {
    struct run_task_options options;
    struct config_loaded *loaded; /* of the task alone */
    pthread_t thread;
    bool said_live;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct run_service *service; /* from here on under the lock; NULL: opens, or is closed */
    bool asked, lost, over, stuck;
    bool news; /* something of it that was not looked at yet */
    enum rc_error error;
    char message[256];
};

static int64_t steady_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- what its service says; thread: any ---- */

static void print(void *opaque, const char *line)
{
    struct run_task *task = opaque;
    task->options.print(task->options.opaque, task->options.task, line);
}

static void on_ended(void *opaque)
{
    struct run_task *task = opaque;
    pthread_mutex_lock(&task->lock);
    task->news = true;
    pthread_cond_broadcast(&task->changed);
    pthread_mutex_unlock(&task->lock);
}

static uint64_t reusable(void *opaque)
{
    struct run_task *task = opaque;
    return task->options.reusable(task->options.opaque);
}

/* ---- a service from its beginning to its end ---- */

/* Waits a moment. *ret_lost: it is another's already. true: it is to stop. */
static bool wait_asked(struct run_task *task, int64_t timeout_ms, bool *ret_lost)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_nsec += timeout_ms * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    pthread_mutex_lock(&task->lock);
    if (!task->news)
        pthread_cond_timedwait(&task->changed, &task->lock, &until);
    task->news = false;
    bool asked = task->asked;
    *ret_lost = task->lost;
    pthread_mutex_unlock(&task->lock);
    return asked;
}

static void say_when_live(struct run_task *task, struct run_service *service)
{
    int64_t silent_ms;
    if (task->said_live || !run_service_live(service, &silent_ms))
        return;
    task->said_live = true;
    task->options.live(task->options.opaque, task->options.task, silent_ms);
}

/* false: it was asked to stop, and does not come to an end. */
static bool wait_over(struct run_task *task, struct run_service *service)
{
    int64_t asked_ms = 0;
    bool lost = false;
    while (!run_service_over(service)) {
        bool asked = wait_asked(task, task->said_live && !asked_ms ? REST_MS : LOOK_MS, &lost);
        say_when_live(task, service);
        if (asked && !asked_ms) {
            asked_ms = steady_ms();
            run_service_stop(service);
        }
        if (asked_ms && (lost || steady_ms() - asked_ms >= GIVE_UP_MS))
            run_service_give_up(service);
        if (asked_ms && steady_ms() - asked_ms >= STUCK_MS)
            return false;
    }
    return true;
}

static void show(struct run_task *task, struct run_service *service)
{
    pthread_mutex_lock(&task->lock);
    task->service = service;
    pthread_mutex_unlock(&task->lock);
}

static enum rc_error run(struct run_task *task, struct run_service *service, char ret_message[256])
{
    bool stuck;
    enum rc_error err = run_service_start(service, ret_message);
    if (err)
        return err;
    if (!wait_over(task, service)) {
        snprintf(ret_message, 256, "the last epoch could not be published in time");
        task->stuck = !run_service_abandon(service);
        return RC_ERR_KAFKA;
    }
    err = run_service_result(service, &stuck, ret_message);
    if (stuck)
        task->stuck = !run_service_abandon(service);
    return err;
}

/* AGAIN: *ret_finish is there. */
static enum rc_error serve(struct run_task *task, struct config_loaded *loaded, bool only,
                           struct config_recorded *ret_finish, char ret_message[256])
{
    struct run_service *service;
    struct run_service_options options = {.loaded = loaded,
                                          .table = true,
                                          .recover = true,
                                          .recover_only = only,
                                          .restate = task->options.restate,
                                          .member = task->options.member,
                                          .reusable = reusable,
                                          .print = print,
                                          .ended = on_ended,
                                          .opaque = task};
    enum rc_error err = run_service_open(&options, &service, ret_message);
    if (err)
        return err;
    show(task, service);
    err = run(task, service, ret_message);
    if (task->stuck)
        return err;
    if (err == RC_ERR_AGAIN)
        run_service_finish_under(service, ret_finish);
    show(task, NULL);
    task->options.done(task->options.opaque, service);
    run_service_close(service);
    return err;
}

/* As in cmd_run.c, for the task alone. */
static enum rc_error finish_before(struct run_task *task, const struct config_recorded *recorded,
                                   char ret_message[256])
{
    struct config_loaded *before, *own;
    struct config_recorded none = {0};
    print(task, "the configuration has changed since the last run: first what that run had done is "
                "made again under the one before");
    enum rc_error err = config_load_recorded("the configuration before", recorded, stderr, &before);
    if (err)
        return err;
    err = config_of_task(before, task->options.task, &own);
    if (!err) {
        config_take_own(own, task->loaded->config);
        err = serve(task, own, true, &none, ret_message);
        if (!task->stuck)
            config_free(own);
    }
    if (!task->stuck)
        config_free(before);
    free(none.text);
    return err == RC_ERR_AGAIN ? RC_ERR_INTERNAL : err;
}

/* After a failure that another process may be the cause of: whether the group has given the task to
 * that one, or asks it back. */
static bool is_another_s(struct run_task *task)
{
    int64_t until_ms = steady_ms() + LOST_MS;
    bool lost;
    while (steady_ms() < until_ms)
        if (wait_asked(task, LOOK_MS, &lost) ||
            !ingest_lease_holds(task->options.member, task->options.task))
            return true;
    return false;
}

static bool is_asked(struct run_task *task)
{
    pthread_mutex_lock(&task->lock);
    bool asked = task->asked;
    pthread_mutex_unlock(&task->lock);
    return asked;
}

static void *task_main(void *opaque)
{
    struct run_task *task = opaque;
    char message[256] = "", name[16];
    struct config_recorded finish = {0};
    snprintf(name, sizeof name, "task %u", task->options.task & 0xffff);
    pthread_setname_np(pthread_self(), name);
    enum rc_error err = serve(task, task->loaded, false, &finish, message);
    if (err == RC_ERR_AGAIN && finish.text && !is_asked(task)) {
        err = finish_before(task, &finish, message);
        free(finish.text);
        finish.text = NULL;
        if (!err && !is_asked(task))
            err = serve(task, task->loaded, false, &finish, message);
        if (err == RC_ERR_AGAIN && finish.text && !is_asked(task)) {
            snprintf(message, sizeof message,
                     "going over to another configuration takes a snapshot, and none could be "
                     "written: see the warnings above, and start again");
            err = RC_ERR_IO;
        }
    }
    if (err == RC_ERR_AGAIN && is_asked(task)) /* what is left to do the next owner does */
        err = RC_OK;
    free(finish.text);
    if (err == RC_ERR_KAFKA && is_another_s(task)) {
        print(task, "it is another process's now: nothing more of it is published here");
        err = RC_OK;
    }
    pthread_mutex_lock(&task->lock);
    task->error = err;
    memcpy(task->message, message, sizeof message);
    task->over = true;
    pthread_mutex_unlock(&task->lock);
    task->options.wake(task->options.opaque);
    return NULL;
}

/* ---- life ---- */

static enum rc_error start(struct run_task *task)
{
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&task->thread, NULL, task_main, task);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return failed ? RC_ERR_MEMORY : RC_OK;
}

enum rc_error run_task_open(const struct run_task_options *options, struct run_task **ret_task)
{
    struct run_task *task = calloc(1, sizeof *task);
    pthread_condattr_t monotonic;
    if (!task)
        return RC_ERR_MEMORY;
    task->options = *options;
    pthread_mutex_init(&task->lock, NULL);
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&task->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    enum rc_error err = config_of_task(options->loaded, options->task, &task->loaded);
    if (!err)
        err = start(task);
    if (err)
        run_task_close(task);
    else
        *ret_task = task;
    return err;
}

void run_task_stop(struct run_task *task, bool lost)
{
    pthread_mutex_lock(&task->lock);
    task->asked = task->news = true;
    task->lost |= lost;
    pthread_cond_broadcast(&task->changed);
    pthread_mutex_unlock(&task->lock);
}

struct run_service *run_task_hold(struct run_task *task)
{
    pthread_mutex_lock(&task->lock);
    struct run_service *service = task->service;
    if (!service)
        pthread_mutex_unlock(&task->lock);
    return service;
}

void run_task_release(struct run_task *task)
{
    pthread_mutex_unlock(&task->lock);
}

bool run_task_over(struct run_task *task)
{
    pthread_mutex_lock(&task->lock);
    bool over = task->over;
    pthread_mutex_unlock(&task->lock);
    return over;
}

bool run_task_failed(struct run_task *task)
{
    pthread_mutex_lock(&task->lock);
    bool failed = task->over && (task->error || task->stuck);
    pthread_mutex_unlock(&task->lock);
    return failed;
}

enum rc_error run_task_join(struct run_task *task, bool *ret_stuck, char ret_message[256])
{
    pthread_join(task->thread, NULL);
    *ret_stuck = task->stuck;
    memcpy(ret_message, task->message, sizeof task->message);
    return task->error;
}

void run_task_close(struct run_task *task)
{
    config_free(task->loaded);
    pthread_mutex_destroy(&task->lock);
    pthread_cond_destroy(&task->changed);
    free(task);
}
