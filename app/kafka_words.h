/* What librdkafka says in riddles, in the operator's words: one line per cause, said when it begins
 * and again only after Kafka has answered in between. */
#ifndef ROLLCALL_KAFKA_WORDS_H
#define ROLLCALL_KAFKA_WORDS_H

#include "rollcall/config.h"
#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { KAFKA_WORDS_MAX = 640, KAFKA_REFUSALS = 64 };

enum kafka_cause {
    KAFKA_CAUSE_NONE, /* nothing that anybody need know */
    KAFKA_CAUSE_AWAY,
    KAFKA_CAUSE_SPEAKS_TLS,
    KAFKA_CAUSE_SPEAKS_PLAIN,
    KAFKA_CAUSE_WANTS_PASSWORD,
    KAFKA_CAUSE_CERTIFICATE,
    KAFKA_CAUSE_HOST_NAME,
    KAFKA_CAUSE_PASSWORD,
    KAFKA_CAUSE_MECHANISM,
    KAFKA_CAUSE_UNKNOWN_HOST,
    KAFKA_CAUSE_NOT_ALLOWED,
    KAFKA_CAUSE_REPLICATION,
    KAFKA_CAUSE_OTHER,
    KAFKA_CAUSE_COUNT
};

/* `line` is "NAME: text" as the rooms say it. Pure. Writes the sentence, if there is one. */
enum kafka_cause kafka_words_explain(const struct rc_kafka *kafka, const char *line,
                                     char ret_text[KAFKA_WORDS_MAX]);

/* Who speaks of it: several handles have the same trouble, and it is said once. */
struct kafka_words {
    const struct rc_kafka *kafka; /* borrowed */
    void (*print)(void *opaque, const char *line);
    void *opaque;
    pthread_mutex_t lock;
    uint32_t speakers[KAFKA_CAUSE_COUNT]; /* who has that trouble now, a bit each */
    bool answered;                        /* Kafka answered somebody at least once */
    uint32_t refused[KAFKA_REFUSALS];     /* hashes of what was refused: each is said once */
    uint32_t refused_count;
    char trouble[KAFKA_WORDS_MAX]; /* the last one, while there is any */
};
struct kafka_speaker {
    struct kafka_words *words;
    uint32_t bit;
};

void kafka_words_init(struct kafka_words *words, const struct rc_kafka *kafka,
                      void (*print)(void *, const char *), void *opaque);
void kafka_words_done(struct kafka_words *words);
/* To be given to a room as its `say`, with a struct kafka_speaker. thread: any. */
void kafka_words_say(void *speaker, const char *line);
/* Whether Kafka answers everybody; else what the trouble is. thread: any. */
bool kafka_words_well(struct kafka_words *words, char *ret_reason, size_t room);

#endif
