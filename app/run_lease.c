#include "run_lease.h"

#include "kafka_words.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { WHY_MS = 5000, STEP_MS = 50 };

struct run_lease {
    struct run_lease_options options;
    struct ingest_lease *membership;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool serving, asked_back; /* under the lock */
};

/* ---- what the group says; thread: the lease's ---- */

static void given(void *opaque, uint32_t part)
{
    struct run_lease *lease = opaque;
    (void)part;
    lease->options.wake(lease->options.opaque);
}

/* One that is lost is not waited for: what the service still sends is refused, by the group's
 * generation or since another has fenced it; and if the broker was only away, it is given again. */
static void taken(void *opaque, const uint32_t *part, uint32_t count, bool lost)
{
    struct run_lease *lease = opaque;
    (void)part;
    (void)count;
    if (lost)
        return;
    pthread_mutex_lock(&lease->lock);
    lease->asked_back = lease->serving;
    lease->options.wake(lease->options.opaque);
    while (lease->serving)
        pthread_cond_wait(&lease->changed, &lease->lock);
    lease->asked_back = false;
    pthread_mutex_unlock(&lease->lock);
}

/* That Kafka is away, the service says; here only what it does not see. */
static void say(void *opaque, const char *line)
{
    struct run_lease *lease = opaque;
    char text[KAFKA_WORDS_MAX];
    const struct rc_kafka *kafka = &lease->options.loaded->config->kafka;
    if (!strcmp(line, "up") || !strncmp(line, "_FATAL", 6))
        return;
    if (kafka_words_explain(kafka, line, text) == KAFKA_CAUSE_NOT_ALLOWED)
        lease->options.print(lease->options.opaque, text);
}

/* ---- life ---- */

enum rc_error run_lease_open(const struct run_lease_options *options, struct run_lease **ret_lease,
                             char ret_message[256])
{
    struct run_lease *lease = calloc(1, sizeof *lease);
    if (!lease)
        return RC_ERR_MEMORY;
    lease->options = *options;
    pthread_mutex_init(&lease->lock, NULL);
    pthread_cond_init(&lease->changed, NULL);
    struct ingest_lease_options membership = {.config = options->loaded->config,
                                              .count = 1,
                                              .given = given,
                                              .taken = taken,
                                              .say = say,
                                              .opaque = lease};
    enum rc_error err = ingest_lease_open(&membership, &lease->membership, ret_message);
    if (err)
        run_lease_close(lease);
    else
        *ret_lease = lease;
    return err;
}

void run_lease_close(struct run_lease *lease)
{
    if (!lease)
        return;
    ingest_lease_close(lease->membership);
    pthread_mutex_destroy(&lease->lock);
    pthread_cond_destroy(&lease->changed);
    free(lease);
}

struct ingest_lease *run_lease_membership(struct run_lease *lease)
{
    return lease ? lease->membership : NULL;
}

void run_lease_begin(struct run_lease *lease)
{
    pthread_mutex_lock(&lease->lock);
    lease->serving = true;
    pthread_mutex_unlock(&lease->lock);
}

void run_lease_end(struct run_lease *lease)
{
    pthread_mutex_lock(&lease->lock);
    lease->serving = false;
    pthread_cond_broadcast(&lease->changed);
    pthread_mutex_unlock(&lease->lock);
}

bool run_lease_over(struct run_lease *lease, bool publishes)
{
    char message[256];
    pthread_mutex_lock(&lease->lock);
    bool asked_back = lease->asked_back;
    pthread_mutex_unlock(&lease->lock);
    return asked_back || ingest_lease_error(lease->membership, message) ||
           (publishes && ingest_lease_joined(lease->membership) &&
            !ingest_lease_holds(lease->membership, 0));
}

enum rc_error run_lease_why(struct run_lease *lease, char ret_message[256])
{
    const struct timespec step = {.tv_nsec = STEP_MS * 1000000};
    for (int i = 0; i < WHY_MS / STEP_MS; i++) {
        enum rc_error err = ingest_lease_error(lease->membership, ret_message);
        if (err)
            return err;
        if (!ingest_lease_holds(lease->membership, 0))
            return RC_ERR_AGAIN;
        nanosleep(&step, NULL);
    }
    return RC_OK;
}

/* ---- another configuration ---- */

static bool same_text(const char *a, const char *b)
{
    return a == b || (a && b && !strcmp(a, b));
}

bool run_lease_differs(const struct run_lease *lease, const struct rc_config *config)
{
    const struct rc_kafka *now = &lease->options.loaded->config->kafka, *next = &config->kafka;
    if (!same_text(now->brokers, next->brokers) || !same_text(now->group, next->group) ||
        !same_text(now->instance, next->instance) || now->property_count != next->property_count)
        return true;
    for (uint32_t i = 0; i < now->property_count; i++)
        if (strcmp(now->property[i].name, next->property[i].name) != 0 ||
            strcmp(now->property[i].value, next->property[i].value) != 0)
            return true;
    return false;
}

bool run_lease_uses(const struct run_lease *lease, const struct config_loaded *loaded)
{
    return lease && lease->options.loaded == loaded;
}
