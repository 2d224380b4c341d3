/* Who is in the group, as its coordinator tells. Each member has two marks behind its client.id:
 * under which configuration it works, and which process it is. */
#ifndef ROLLCALL_KAFKA_LEASE_GROUP_H
#define ROLLCALL_KAFKA_LEASE_GROUP_H

#include "kafka_client.h"

enum { LEASE_KIND_MAX = 16, LEASE_MARK_MAX = 16 };

struct kafka_lease_self {
    char instance[256];
    char kind[LEASE_KIND_MAX]; /* of the configuration; empty: it is all the same */
    char mark[LEASE_MARK_MAX]; /* of the process. A broker may keep that of the one before which was
                                  in the group under this instance, if its session goes on */
};

struct kafka_lease_group {
    bool alone;     /* nobody is there but this instance */
    bool twin;      /* another process is there as this instance */
    bool unlike;    /* one is there that works under another configuration … */
    char other[64]; /* … as that instance, as far as its name fits */
};

/* KAFKA: it is not known. thread: the client's */
enum rc_error kafka_lease_look(struct kafka_client *client, const struct kafka_lease_self *self,
                               struct kafka_lease_group *ret_group);

#endif
