/* What is known of the keys: for continuity.c and the bytes of it in a snapshot. */
#ifndef ROLLCALL_SINK_CONTINUITY_INSIDE_H
#define ROLLCALL_SINK_CONTINUITY_INSIDE_H

#include "continuity.h"
#include <xxhash.h>

enum { CONTINUITY_NO_STATUS = 255 };

/* What is known of a key; revision 0: the slot is free. */
struct slot {
    XXH128_hash_t key;
    uint64_t content;       /* hash of all that follows `revision` in the record read back */
    struct rc_record *held; /* made again and not the same, while rebuilding */
    struct gone *gone;      /* read back and not zero, as long as it is not made again */
    uint32_t revision;      /* contacts, once live: how far it is ahead of the core's */
    uint32_t made;          /* contacts: the core's revision when it was last made again */
    uint8_t status;
    bool read;  /* content is that of a record read back */
    bool known; /* the slot is in use; revision may be 0 while only held */
    bool contact;
};

struct continuity {
    struct slot *slot;
    size_t slots, count; /* slots: a power of two */
    struct rc_record **list;
    size_t held;
    const struct rc_config *config;
    int64_t first_ms[RC_WINDOWS_MAX]; /* the earliest start made again; INT64_MAX */
    int64_t as_of_ms;                 /* the largest read back */
    bool rebuilding;
    bool new_pseudonyms;
};

/* That of the key, or a new one. MEMORY. */
enum rc_error continuity_slot(struct continuity *continuity, XXH128_hash_t key,
                              struct slot **ret_slot);

#endif
