/* One task of a group whose members share its tasks: a service of its own, and the thread that
 * opens it, waits for its end and closes it. */
#ifndef APP_RUN_TASK_H
#define APP_RUN_TASK_H

#include "run_service.h"

#include <pthread.h>

struct run_task;
struct run_task_options {
    const struct config_loaded *loaded; /* of the whole group; lent */
    uint32_t task;
    bool restate;
    struct ingest_lease *member; /* lent */
    /* A line for the log, without the task's number. thread: any */
    void (*print)(void *opaque, uint32_t task, const char *line);
    /* It publishes again; silent_ms as in run_service_live. thread: the task's */
    void (*live)(void *opaque, uint32_t task, int64_t silent_ms);
    /* What it did; its service is closed after this. thread: the task's */
    void (*done)(void *opaque, struct run_service *service);
    void (*wake)(void *opaque);         /* it has ended. thread: the task's */
    uint64_t (*reusable)(void *opaque); /* as in run_service_options */
    void *opaque;
};

enum rc_error run_task_open(const struct run_task_options *options, struct run_task **ret_task);
/* Asks it to finish its epoch, commit, and make a snapshot; lost: to write nothing more. Returns at
 * once. thread: any */
void run_task_stop(struct run_task *task, bool lost);
/* Its service, which stays until run_task_release; NULL: there is none at the moment, and nothing
 * to be released. thread: main */
struct run_service *run_task_hold(struct run_task *task);
void run_task_release(struct run_task *task);
/* The thread is over. thread: any */
bool run_task_over(struct run_task *task);
/* … with an error, or without an end. thread: any */
bool run_task_failed(struct run_task *task);
/* Waits for that. What it ended with, RC_OK when it was asked to; *ret_stuck as in
 * run_service_result. thread: one */
enum rc_error run_task_join(struct run_task *task, bool *ret_stuck, char ret_message[256]);
/* After join, where it was not stuck. */
void run_task_close(struct run_task *task);

#endif
