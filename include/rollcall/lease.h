/* ingest/: the membership in the group. Members subscribe to nothing but the topic rollcall.lease,
 * and who owns its partition N owns part N of the work: with `keyed_by: any` part 0 is all of it,
 * with `keyed_by: client` part N is task N. Kafka's own group decides, and moves a part when its
 * owner is gone; nothing is ever read from the topic, and nothing is written to it.
 *
 * Membership is static (kafka.instance): a process that comes back within the session has its parts
 * at once. Offsets that are committed with the membership carry the group's generation, so that a
 * process that is a member no more cannot commit. */
#ifndef ROLLCALL_LEASE_H
#define ROLLCALL_LEASE_H

#include "config.h"
#include "error.h"

#include <stdbool.h>
#include <stdint.h>

struct ingest_lease;
struct ingest_lease_options {
    const struct rc_config *config; /* borrowed, outlives the lease */
    uint32_t count;                 /* parts: 1, or tasks */
    /* Not beside members that work under another configuration: it waits outside until there is
     * none any more. */
    bool alike;
    /* The part is owned from now on. Returns at once. thread: the lease's */
    void (*given)(void *opaque, uint32_t part);
    /* Returns when nothing of these parts runs any more and all is committed. lost: the session
     * is over, the group may have given them to others already; nothing can be committed with
     * this membership until a part is given again, or the group has been joined without it. The
     * membership stays alive meanwhile. thread: the lease's */
    void (*taken)(void *opaque, const uint32_t *part, uint32_t count, bool lost);
    /* As in sink_kafka_options. thread: the lease's */
    void (*say)(void *opaque, const char *line);
    void *opaque;
};

/* Starts the lease's thread, which makes the topic where it is missing, with so many partitions,
 * and joins; it waits for Kafka as long as it takes. CONFIG: a property is refused; MEMORY. */
enum rc_error ingest_lease_open(const struct ingest_lease_options *options,
                                struct ingest_lease **ret_lease, char ret_message[256]);
/* A new rd_kafka_consumer_group_metadata_t, owned by the caller: for
 * rd_kafka_send_offsets_to_transaction. Where there is no member, one that a broker refuses.
 * thread: any */
void *ingest_lease_membership(struct ingest_lease *lease);
/* Commits offsets (an rd_kafka_topic_partition_list_t, borrowed) as this member, without waiting:
 * for delivery: at_least_once. While the group is shared out anew nothing is committed; later
 * offsets say more. thread: any */
void ingest_lease_commit(struct ingest_lease *lease, const void *offsets);
/* thread: any */
bool ingest_lease_holds(const struct ingest_lease *lease, uint32_t part);
/* It is a member, and knows its parts: what it does not hold is another one's, or nobody's yet.
 * thread: any */
bool ingest_lease_joined(const struct ingest_lease *lease);
/* It has not joined: a member works under another configuration, as ret_why says. thread: any */
bool ingest_lease_aside(struct ingest_lease *lease, char ret_why[256]);
/* The fatal end of the membership: another process has joined as the same instance. RC_OK while
 * there is none. thread: any */
enum rc_error ingest_lease_error(struct ingest_lease *lease, char ret_message[256]);
/* The group is not to keep the instance either where there is no other member: it comes back under
 * another configuration. Before close. thread: any */
void ingest_lease_forget(struct ingest_lease *lease);
/* Gives everything back (`taken` may be called once more) and leaves the group at once, so that
 * other members need not wait for the session to end. Where there is no other one the group keeps
 * the instance for the rest of its session: a restart has its parts at once. What is still at work
 * may go on asking until close. thread: not the lease's */
void ingest_lease_leave(struct ingest_lease *lease);
/* Leaves, if it has not. Takes NULL. thread: not the lease's */
void ingest_lease_close(struct ingest_lease *lease);

#endif
