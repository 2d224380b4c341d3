/* A provider's day, made up: customers call and chat, wait for agents who are never quite enough,
 * give up, are served, passed on, call again, answer surveys. Nothing in it is drawn from a
 * distribution that ought to follow from something else: waits and abandonment come from the
 * queueing itself. docs/simulator.md describes the model.
 *
 * The same options give the same bytes, on every machine: all arithmetic is on integers. A
 * simulator is pulled: sim_next gives the next event in the order in which events reach the wire,
 * as the line of NDJSON (or the value of the Kafka record) that `rollcall` reads. It keeps no
 * thread and reads no clock; a demo paces it by emit_ms. */
#ifndef ROLLCALL_SIMULATE_MODEL_H
#define ROLLCALL_SIMULATE_MODEL_H

#include "rollcall/error.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

enum {
    SIM_CLIENTS_MAX = 100000,
    SIM_QUEUES_MAX = 64,       /* of a client */
    SIM_CONTACTS_MAX = 200000, /* of a queue and day */
    SIM_PARALLEL_MAX = 16
};

struct sim_options {
    uint64_t seed;
    uint64_t events_max; /* 0: no limit */
    int64_t start_ms;    /* first instant at which somebody may call */
    int64_t duration_ms; /* after it nobody calls, what has begun runs out; 0: for ever */
    int64_t patience_ms; /* mean patience of callers; chatters have 8/5 of it */
    int64_t disorder_ms; /* each event reaches the wire up to so much later */
    int64_t late_by_ms;  /* a late one at most so much later */
    uint32_t clients, queues_per_client;
    uint32_t contacts_per_day_per_queue; /* first contacts; transfers and repeats come on top */
    uint32_t parallel_chats;             /* of one agent */
    double load;                         /* offered load against what the agents are planned for */
    double chat_share;                   /* of contacts, 0 … 1; calls are what the two leave */
    double ticket_share;
    uint32_t duplicate_ppm; /* of events: a second copy reaches the wire */
    uint32_t late_ppm;      /* of events: reach it far out of order */
    uint32_t damaged_ppm;   /* of events: a copy that is not valid reaches it as well */
    bool flat;              /* no daily curve, open round the clock: for measurements */
};

struct sim_event {
    int64_t time_ms;
    int64_t emit_ms;                      /* when it reaches the wire; never decreases */
    const char *client, *queue, *contact; /* not terminated */
    const char *json;                     /* one line without its newline, not terminated */
    uint32_t client_len, queue_len, contact_len, json_len;
    uint8_t channel; /* enum rc_channel */
    bool damaged;    /* json is not valid */
};

struct sim;

/* What `rollcall simulate` does when it is told nothing. */
struct sim_options sim_default_options(void);
/* Whether sim_open will take these; NULL, or a sentence that says what is out of range. */
const char *sim_check_options(const struct sim_options *options);
/* USAGE: options out of range. MEMORY. The options are copied. */
enum rc_error sim_open(const struct sim_options *options, struct sim **ret_sim);
void sim_close(struct sim *sim);
/* False at the end, and when memory ran out (sim_status tells). *ret_event and what it points to
 * are lent until the next call. */
bool sim_next(struct sim *sim, struct sim_event *ret_event);
enum rc_error sim_status(const struct sim *sim);
/* Contacts begun so far: each that was put in a queue. */
uint64_t sim_contacts(const struct sim *sim);

/* Hands every event to put, until the end or until put answers something else than RC_OK. */
typedef enum rc_error sim_put(void *opaque, const struct sim_event *ev);
enum rc_error sim_run(struct sim *sim, sim_put *put, void *opaque);

/* Writes a configuration (SPEC section 10) with the clients, zones, opening hours and queues that
 * these options simulate. Errors stay in the stream: ferror. */
void sim_write_config(const struct sim_options *options, FILE *out);

#endif
