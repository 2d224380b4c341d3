/* The service without its face: Kafka source, engine and Kafka output put together, as `run` and
 * `demo` need them. All functions: thread: main, unless they say otherwise. */
#ifndef APP_RUN_SERVICE_H
#define APP_RUN_SERVICE_H

#include "config_load.h"
#include "engine.h"
#include "rollcall/error.h"
#include "rollcall/sink.h"

#include <stdbool.h>
#include <stdint.h>

struct run_service;
struct run_service_options {
    struct config_loaded *loaded; /* lent, outlives the service; config_of_task: for that alone */
    uint32_t shards;              /* 0: one per core but one */
    bool table;                   /* keep the current records, for run_service_table */
    bool recover;                 /* go on where the last run stopped, and make snapshots */
    bool recover_only;            /* … and end there, with a snapshot */
    bool restate;                 /* publish what recovery makes otherwise than before */
    /* Who may publish; lent, NULL: this process. With `recover`: while another one holds part 0,
     * the service stands by. */
    struct ingest_lease *lease;
    struct ingest_lease *member; /* where there is no such lease: offsets are committed
                                    with this membership; lent, may be NULL */
    /* What other services of the process hold and will use again. thread: any; NULL: none */
    uint64_t (*reusable)(void *opaque);
    /* A line for the log. thread: any. */
    void (*print)(void *opaque, const char *line);
    /* A thread has ended: run_service_over may answer otherwise now. thread: any. May be NULL */
    void (*ended)(void *opaque);
    void *opaque;
};

enum rc_error run_service_open(const struct run_service_options *options,
                               struct run_service **ret_service, char ret_message[256]);
enum rc_error run_service_start(struct run_service *service, char ret_message[256]);
/* Tells the service manager that the process is about to end. */
void run_service_leave(struct run_service *service);
/* Finishes the epoch and publishes it; over soon after, at most a few seconds when Kafka is away.
 */
void run_service_stop(struct run_service *service);
/* For when that takes too long: no more waiting for room. */
void run_service_give_up(struct run_service *service);
/* All threads have ended, or one has failed. */
bool run_service_over(struct run_service *service);
/* What it ended with. When other threads may still wait for one that failed, *ret_stuck is true:
 * then run_service_close must not be called, the process ends as it is. */
enum rc_error run_service_result(struct run_service *service, bool *ret_stuck,
                                 char ret_message[256]);
/* After an end with an error, for a process that goes on: stops what still runs. false: it does not
 * end within some seconds, as above. */
bool run_service_abandon(struct run_service *service);
/* It publishes, or is about to; false: it stands by. thread: main */
bool run_service_publishes(const struct run_service *service);
/* After an end with RC_ERR_AGAIN: the configuration that epochs are to be made again under first,
 * with recover_only; without a text there is none, a standby is to begin anew. Given to the caller,
 * who frees it. */
void run_service_finish_under(struct run_service *service, struct config_recorded *ret_finish);
/* After the threads have ended. Takes NULL. */
void run_service_close(struct run_service *service);

/* All partitions are at their end and were quiet for idle_after; there is at least one. */
bool run_service_idle(struct run_service *service);
/* thread: main. false: why, in words. */
bool run_service_ready(struct run_service *service, char ret_reason[256]);
/* Says, once each time, which partition holds the watermark back; to be called every second. */
void run_service_watch(struct run_service *service);
/* How often the slowest shard has gone round; 0: it does not run yet. thread: any */
uint64_t run_service_rounds(const struct run_service *service);

const struct rc_config *run_service_config(const struct run_service *service);
/* NULL when none was asked for. */
struct sink_table *run_service_table(struct run_service *service);
/* What it holds and will use again. thread: any */
uint64_t run_service_reusable(const struct run_service *service);
/* What it adds to the metrics; lent until the next call of any function here. */
void run_service_part(struct run_service *service, struct engine_part *ret_part);
/* It has published an epoch of its own. *ret_silent_ms: since the last one that a run before has
 * opened, RC_TIME_NONE: there was none. thread: any */
bool run_service_live(const struct run_service *service, int64_t *ret_silent_ms);
struct run_service_figures {
    uint64_t events, records, published, dead_letters, late, contacts;
    int64_t now_ms;
    uint32_t shards;
};
void run_service_figures(struct run_service *service, struct run_service_figures *ret_figures);

#endif
