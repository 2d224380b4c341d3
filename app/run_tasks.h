/* The tasks of a group whose members share them (kafka.keyed_by: client): the lease says which are
 * this process's, and each of those has a service of its own. */
#ifndef APP_RUN_TASKS_H
#define APP_RUN_TASKS_H

#include "run_loop.h"

struct run_tasks;
struct run_tasks_options {
    const struct config_loaded *loaded; /* lent */
    bool restate;
    void (*print)(void *opaque, const char *line); /* thread: any */
    void (*wake)(void *opaque);                    /* run_work.over may answer otherwise now.
                                                      thread: any */
    void *opaque;
};

/* Joins the group; tasks begin when it has given them. */
enum rc_error run_tasks_open(const struct run_tasks_options *options, struct run_tasks **ret_tasks,
                             char ret_message[256]);
void run_tasks_work(struct run_tasks *tasks, struct run_work *ret_work);
/* When the work is over, or does not come to its end: stops what still runs, and leaves the group;
 * changes: to come back under another configuration. What it ended with; *ret_stuck as in
 * run_service_result. */
enum rc_error run_tasks_finish(struct run_tasks *tasks, bool changes, bool *ret_stuck,
                               char ret_message[256]);
/* Sums over all tasks that were here. After run_tasks_finish. */
void run_tasks_figures(struct run_tasks *tasks, struct run_service_figures *ret_figures);
/* After run_tasks_finish, where it was not stuck; or right after run_tasks_open. Takes NULL. */
void run_tasks_close(struct run_tasks *tasks);

#endif
