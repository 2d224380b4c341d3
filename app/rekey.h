/* `rekey`'s work: input topics into topics that are keyed by client. thread: one. */
#ifndef APP_REKEY_H
#define APP_REKEY_H

#include "rollcall/copy.h"

struct rekey_options {
    const struct rc_config *config; /* borrowed, as all */
    const char *suffix;             /* of the topics that are made of the input topics */
    uint32_t tasks;                 /* partitions of each */
    bool until_idle;
    const _Atomic bool *leave;
    void (*say)(void *opaque, const char *line); /* as the rooms say it; see kafka_words.h */
    void *in_opaque, *out_opaque;                /* of who reads, and who writes */
    /* Now and then. */
    void (*progress)(void *opaque);
    void *opaque;
};
struct rekey_figures {
    uint64_t records;  /* whose copies are committed */
    uint64_t copies;   /* of these: a tick has one in every partition */
    uint64_t nameless; /* records that name no client */
    uint64_t behind;   /* records, more or less, that are still to be read */
    uint64_t repeated; /* transactions that had to be begun again */
    bool caught_up;    /* it has been at the end of all partitions */
};
struct rekey;

/* The partition that owns these bytes: Kafka's own choice for a key. */
int32_t rekey_partition(const char *bytes, uint32_t size, uint32_t partitions);

/* CONFIG: the names that are to be made are no topics, or input topics themselves. */
enum rc_error rekey_open(const struct rekey_options *options, struct rekey **ret_rekey,
                         char ret_message[256]);
/* Until it is told to leave, or all is idle. KAFKA: it had to leave something undone that the next
 * start does; CONFIG, INPUT, MEMORY: ret_message. */
enum rc_error rekey_run(struct rekey *rekey, char ret_message[256]);
void rekey_figures(const struct rekey *rekey, struct rekey_figures *ret_figures);
void rekey_close(struct rekey *rekey);

#endif
