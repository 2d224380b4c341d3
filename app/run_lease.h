/* The group's membership of `run`, and what the service does about it: it publishes while part 0 is
 * held, stops when that is asked back or was given to another, and stands by again. */
#ifndef APP_RUN_LEASE_H
#define APP_RUN_LEASE_H

#include "config_load.h"
#include "rollcall/lease.h"

struct run_lease;
struct run_lease_options {
    struct config_loaded *loaded; /* lent until close */
    void (*print)(void *opaque, const char *line);
    void (*wake)(void *opaque); /* something has changed. thread: any */
    void *opaque;
};
enum rc_error run_lease_open(const struct run_lease_options *options, struct run_lease **ret_lease,
                             char ret_message[256]);
/* Leaves the group; no service runs any more. Takes NULL. */
void run_lease_close(struct run_lease *lease);

struct ingest_lease *run_lease_membership(struct run_lease *lease);
/* From here on, until the end, a service runs that may publish. thread: main */
void run_lease_begin(struct run_lease *lease);
void run_lease_end(struct run_lease *lease);
/* The service that publishes is to stop: what it had is asked back, is another's now, or the
 * membership has ended. thread: main */
bool run_lease_over(struct run_lease *lease, bool publishes);
/* After the service failed: whether that was since another process has it now; waits for the group
 * to say so. CONFIG, KAFKA: the membership has ended, ret_message. AGAIN: it was, stand by. OK: it
 * was not. */
enum rc_error run_lease_why(struct run_lease *lease, char ret_message[256]);
/* Another membership would be needed for this configuration. */
bool run_lease_differs(const struct run_lease *lease, const struct rc_config *config);
/* The configuration is this membership's. */
bool run_lease_uses(const struct run_lease *lease, const struct config_loaded *loaded);

#endif
