/* The membership in the group: a consumer that is given partitions of a topic without records. */
#include "rollcall/lease.h"

#include "kafka_lease_group.h"
#include "kafka_lease_topic.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

enum {
    POLL_MS = 100,
    AGAIN_MS = 200, /* the topic could not be made or looked at: … */
    AGAIN_MAX_MS = 5000,
    LEAVE_MS = 3000,   /* for how long a stop waits for Kafka */
    ASIDE_MS = 300,    /* who is in the group is looked at so often, … */
    UNKNOWN_MS = 10000 /* … and for so long where Kafka does not tell */
};

struct ingest_lease {
    struct kafka_client client; /* first: it is the opaque of the rebalance callback */
    struct ingest_lease_options options;
    struct kafka_lease_self self;
    pthread_t thread;
    bool started;
    bool steps_back; /* it was given parts beside one that works under another configuration */
    _Atomic bool leave, forget, joined;
    _Atomic bool *holds;
    uint32_t *list; /* scratch, for `taken` */
    pthread_mutex_t lock;
    rd_kafka_t *rk; /* the consumer, once there is one; from here on under the lock */
    enum rc_error error;
    char message[256];
    char aside[256]; /* why it has not joined yet; empty: nobody is in its way */
};

static bool leaving(const struct ingest_lease *lease)
{
    return atomic_load_explicit(&lease->leave, memory_order_relaxed);
}

static int64_t steady_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- parts come and go ---- */

static bool is_part(const struct ingest_lease *lease, const rd_kafka_topic_partition_t *part)
{
    return !strcmp(part->topic, kafka_lease_topic) && part->partition >= 0 &&
           (uint32_t)part->partition < lease->options.count;
}

static void complain(struct ingest_lease *lease, rd_kafka_error_t *error)
{
    if (!error)
        return;
    kafka_client_complain(&lease->client, rd_kafka_error_code(error), rd_kafka_error_string(error));
    rd_kafka_error_destroy(error);
}

/* Who looked for others at the same moment as this one may not have seen it. */
static bool is_in_the_way(struct ingest_lease *lease)
{
    struct kafka_lease_group group;
    return lease->options.alike && !kafka_lease_look(&lease->client, &lease->self, &group) &&
           group.unlike;
}

static void take_on(struct ingest_lease *lease, rd_kafka_topic_partition_list_t *list)
{
    const struct ingest_lease_options *options = &lease->options;
    for (int i = 0; i < list->cnt; i++) /* else the group's offset would be asked for */
        list->elems[i].offset = RD_KAFKA_OFFSET_END;
    complain(lease, rd_kafka_incremental_assign(lease->client.consumer, list));
    rd_kafka_pause_partitions(lease->client.consumer, list);
    kafka_client_answered(&lease->client);
    if (list->cnt && is_in_the_way(lease)) {
        lease->steps_back = true;
        return;
    }
    for (int i = 0; i < list->cnt; i++) {
        if (!is_part(lease, &list->elems[i]))
            continue;
        uint32_t part = (uint32_t)list->elems[i].partition;
        atomic_store_explicit(&lease->holds[part], true, memory_order_release);
        options->given(options->opaque, part);
    }
    atomic_store_explicit(&lease->joined, true, memory_order_release);
}

static void give_back(struct ingest_lease *lease, rd_kafka_topic_partition_list_t *list, bool lost)
{
    const struct ingest_lease_options *options = &lease->options;
    uint32_t count = 0;
    if (lost)
        atomic_store_explicit(&lease->joined, false, memory_order_release);
    for (int i = 0; i < list->cnt; i++) {
        if (!is_part(lease, &list->elems[i]))
            continue;
        lease->list[count] = (uint32_t)list->elems[i].partition;
        atomic_store_explicit(&lease->holds[lease->list[count++]], false, memory_order_release);
    }
    if (count)
        options->taken(options->opaque, lease->list, count, lost);
    complain(lease, rd_kafka_incremental_unassign(lease->client.consumer, list));
}

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t code,
                         rd_kafka_topic_partition_list_t *list, void *opaque)
{
    struct ingest_lease *lease = opaque;
    if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS)
        take_on(lease, list);
    else
        give_back(lease, list, rd_kafka_assignment_lost(rk) != 0);
}

/* ---- the thread ---- */

static void fail(struct ingest_lease *lease, enum rc_error err, const char *message)
{
    pthread_mutex_lock(&lease->lock);
    lease->error = err;
    snprintf(lease->message, sizeof lease->message, "%s", message);
    pthread_mutex_unlock(&lease->lock);
}

static void poll_once(struct ingest_lease *lease)
{
    rd_kafka_message_t *message = rd_kafka_consumer_poll(lease->client.consumer, POLL_MS);
    if (message && message->err && message->err != RD_KAFKA_RESP_ERR__PARTITION_EOF)
        kafka_client_complain(&lease->client, message->err, rd_kafka_message_errstr(message));
    if (message)
        rd_kafka_message_destroy(message);
}

static void pause_for(struct ingest_lease *lease, int64_t length_ms)
{
    int64_t until_ms = steady_ms() + length_ms;
    while (steady_ms() < until_ms && !leaving(lease))
        rd_kafka_poll(lease->client.watch, POLL_MS);
}

/* Until the topic is there. false: it is to leave. */
static bool make_topic(struct ingest_lease *lease)
{
    int64_t pause_ms = AGAIN_MS;
    while (kafka_lease_topic_make(&lease->client, lease->options.count)) {
        pause_for(lease, pause_ms);
        pause_ms = 2 * pause_ms < AGAIN_MAX_MS ? 2 * pause_ms : AGAIN_MAX_MS;
        if (leaving(lease))
            return false;
    }
    return !leaving(lease);
}

static enum rc_error join(struct ingest_lease *lease, char ret_message[256])
{
    char mark[LEASE_KIND_MAX + LEASE_MARK_MAX];
    snprintf(mark, sizeof mark, "%s%s", lease->self.kind, lease->self.mark);
    enum rc_error err =
        kafka_client_join(&lease->client, lease->self.instance, mark, on_rebalance, ret_message);
    if (err)
        return err;
    pthread_mutex_lock(&lease->lock);
    lease->rk = lease->client.consumer;
    pthread_mutex_unlock(&lease->lock);
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, kafka_lease_topic, RD_KAFKA_PARTITION_UA);
    rd_kafka_resp_err_t code = rd_kafka_subscribe(lease->client.consumer, list);
    rd_kafka_topic_partition_list_destroy(list);
    if (code)
        snprintf(ret_message, 256, "subscribing to %s: %s", kafka_lease_topic,
                 rd_kafka_err2str(code));
    return code ? RC_ERR_KAFKA : RC_OK;
}

/* ---- others that work under another configuration ---- */

static void set_aside(struct ingest_lease *lease, const char *why)
{
    pthread_mutex_lock(&lease->lock);
    snprintf(lease->aside, sizeof lease->aside, "%s", why);
    pthread_mutex_unlock(&lease->lock);
}

static void say_aside(struct ingest_lease *lease, const struct kafka_lease_group *group)
{
    char why[256], line[300];
    if (lease->aside[0])
        return;
    snprintf(why, sizeof why,
             "waiting: the member %s works under another configuration; this process joins when no "
             "such member is left",
             group->other);
    set_aside(lease, why);
    snprintf(line, sizeof line, "note: %s", why);
    lease->options.say(lease->options.opaque, line);
}

/* Members of one group work under one configuration, so that what moves between them does not
 * change to and fro: this one waits until all others have changed over, or are gone. Where that is
 * not known it joins: is_in_the_way() asks again. false: it is to leave. */
static bool wait_aside(struct ingest_lease *lease)
{
    struct kafka_lease_group group;
    int64_t unknown_since_ms = steady_ms();
    while (lease->options.alike && !leaving(lease)) {
        enum rc_error err = kafka_lease_look(&lease->client, &lease->self, &group);
        if (!err && !group.unlike)
            break;
        if (!err) {
            unknown_since_ms = steady_ms();
            say_aside(lease, &group);
        } else if (steady_ms() - unknown_since_ms >= UNKNOWN_MS) {
            break;
        }
        pause_for(lease, ASIDE_MS);
    }
    set_aside(lease, "");
    return !leaving(lease);
}

/* OK without a consumer: it is to leave. */
static enum rc_error enter(struct ingest_lease *lease, char ret_message[256])
{
    return wait_aside(lease) ? join(lease, ret_message) : RC_OK;
}

/* All is lost, and nobody will say so any more. */
static void drop_all(struct ingest_lease *lease)
{
    const struct ingest_lease_options *options = &lease->options;
    uint32_t count = 0;
    atomic_store_explicit(&lease->joined, false, memory_order_release);
    for (uint32_t i = 0; i < options->count; i++)
        if (atomic_exchange_explicit(&lease->holds[i], false, memory_order_acq_rel))
            lease->list[count++] = i;
    if (count)
        options->taken(options->opaque, lease->list, count, true);
    pthread_mutex_lock(&lease->lock);
    lease->rk = NULL;
    pthread_mutex_unlock(&lease->lock);
    kafka_client_drop(&lease->client);
}

/* Fenced. A broker that was away may have been asked to join twice, and have let the second fence
 * the first: then there is no other process, and the group is joined anew. */
static enum rc_error join_again(struct ingest_lease *lease, char ret_message[256])
{
    struct kafka_lease_group group;
    drop_all(lease);
    while (kafka_lease_look(&lease->client, &lease->self, &group) && !leaving(lease))
        pause_for(lease, AGAIN_MS);
    if (leaving(lease))
        return RC_OK;
    if (!group.twin)
        return enter(lease, ret_message);
    snprintf(ret_message, 256,
             "another process has joined the group as the same instance, %.60s, and has taken over "
             "(fenced): two processes on one host need a kafka.instance each",
             lease->self.instance);
    return RC_ERR_KAFKA;
}

static enum rc_error look_for_fatal(struct ingest_lease *lease, char ret_message[256])
{
    char reason[200];
    rd_kafka_resp_err_t code = rd_kafka_fatal_error(lease->client.consumer, reason, sizeof reason);
    if (!code)
        return RC_OK;
    if (code == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID)
        return join_again(lease, ret_message);
    snprintf(ret_message, 256, "the group's membership has ended: %s", reason);
    return RC_ERR_KAFKA;
}

/* The member's id is gone when it has asked to leave. */
static bool is_member(const struct ingest_lease *lease)
{
    char *id = rd_kafka_memberid(lease->client.consumer);
    bool member = id && id[0];
    if (id)
        rd_kafka_mem_free(lease->client.consumer, id);
    return member;
}

static void unsubscribe(struct ingest_lease *lease)
{
    int64_t until_ms = steady_ms() + LEAVE_MS;
    rd_kafka_unsubscribe(lease->client.consumer);
    while (is_member(lease) && steady_ms() < until_ms)
        poll_once(lease);
}

/* A static member that only closes stays one until its session ends, so it unsubscribes first:
 * others wait for what this one has. When that is not known they are taken to be there. */
static void leave(struct ingest_lease *lease)
{
    struct kafka_lease_group group;
    if (!lease->client.consumer || !is_member(lease))
        return;
    if (!atomic_load_explicit(&lease->forget, memory_order_relaxed) &&
        !kafka_lease_look(&lease->client, &lease->self, &group) && group.alone)
        return;
    unsubscribe(lease);
    if (!is_member(lease)) /* nothing is assigned any more: this only waits for the answer */
        rd_kafka_consumer_close(lease->client.consumer);
}

/* Both may do so: the pauses differ, and who comes back first stays. */
static enum rc_error step_back(struct ingest_lease *lease, char ret_message[256])
{
    uint32_t chance = 0;
    lease->steps_back = false;
    unsubscribe(lease);
    drop_all(lease);
    if (getrandom(&chance, sizeof chance, 0) != sizeof chance)
        chance = (uint32_t)getpid();
    pause_for(lease, ASIDE_MS + chance % (4 * ASIDE_MS));
    return enter(lease, ret_message);
}

static void *lease_main(void *opaque)
{
    struct ingest_lease *lease = opaque;
    char message[256] = "";
    pthread_setname_np(pthread_self(), "lease");
    if (!make_topic(lease))
        return NULL;
    enum rc_error err = enter(lease, message);
    while (!err && !leaving(lease)) {
        poll_once(lease);
        err = lease->steps_back ? step_back(lease, message) : look_for_fatal(lease, message);
    }
    if (err)
        fail(lease, err, message);
    else
        leave(lease);
    return NULL;
}

/* ---- life ---- */

static void name_self(struct kafka_lease_self *self, const struct rc_config *config, bool alike)
{
    uint32_t mark;
    if (getrandom(&mark, sizeof mark, 0) != sizeof mark)
        mark = (uint32_t)getpid();
    snprintf(self->mark, sizeof self->mark, "-%08x", mark);
    if (alike)
        snprintf(self->kind, sizeof self->kind, "-%.12s", config->id);
    if (config->kafka.instance)
        snprintf(self->instance, sizeof self->instance, "%s", config->kafka.instance);
    else if (gethostname(self->instance, sizeof self->instance - 1) || !self->instance[0])
        snprintf(self->instance, sizeof self->instance, "rollcall");
}

enum rc_error ingest_lease_open(const struct ingest_lease_options *options,
                                struct ingest_lease **ret_lease, char ret_message[256])
{
    struct ingest_lease *lease = calloc(1, sizeof *lease);
    ret_message[0] = '\0';
    if (!lease)
        return RC_ERR_MEMORY;
    lease->options = *options;
    lease->client.wake_fd = -1;
    pthread_mutex_init(&lease->lock, NULL);
    lease->holds = calloc(options->count, sizeof *lease->holds);
    lease->list = calloc(options->count, sizeof *lease->list);
    name_self(&lease->self, options->config, options->alike);
    enum rc_error err = lease->holds && lease->list ? RC_OK : RC_ERR_MEMORY;
    if (!err)
        err = kafka_client_open(&lease->client, options->config, options->say, options->opaque,
                                ret_message);
    if (!err && pthread_create(&lease->thread, NULL, lease_main, lease))
        err = RC_ERR_MEMORY;
    lease->started = !err;
    if (err) {
        if (!ret_message[0])
            snprintf(ret_message, 256, "%s", rc_error_text(err));
        ingest_lease_close(lease);
        return err;
    }
    *ret_lease = lease;
    return RC_OK;
}

void ingest_lease_forget(struct ingest_lease *lease)
{
    atomic_store_explicit(&lease->forget, true, memory_order_relaxed);
}

void ingest_lease_leave(struct ingest_lease *lease)
{
    atomic_store_explicit(&lease->leave, true, memory_order_relaxed);
    if (lease->started)
        pthread_join(lease->thread, NULL);
    lease->started = false;
}

void ingest_lease_close(struct ingest_lease *lease)
{
    if (!lease)
        return;
    ingest_lease_leave(lease);
    kafka_client_close(&lease->client);
    pthread_mutex_destroy(&lease->lock);
    free(lease->holds);
    free(lease->list);
    free(lease);
}

/* ---- what others ask ---- */

/* Under the lock the handle stays. Where there is none, one that every broker refuses: that of a
 * member that is unknown. */
void *ingest_lease_membership(struct ingest_lease *lease)
{
    rd_kafka_consumer_group_metadata_t *member = NULL;
    pthread_mutex_lock(&lease->lock);
    if (lease->rk)
        member = rd_kafka_consumer_group_metadata(lease->rk);
    pthread_mutex_unlock(&lease->lock);
    if (!member)
        member = rd_kafka_consumer_group_metadata_new_with_genid(lease->options.config->kafka.group,
                                                                 -1, "none", lease->self.instance);
    return member;
}

void ingest_lease_commit(struct ingest_lease *lease, const void *offsets)
{
    if (atomic_load_explicit(&lease->client.joining, memory_order_relaxed))
        return;
    pthread_mutex_lock(&lease->lock);
    if (lease->rk)
        rd_kafka_commit(lease->rk, offsets, 1);
    pthread_mutex_unlock(&lease->lock);
}

bool ingest_lease_holds(const struct ingest_lease *lease, uint32_t part)
{
    return part < lease->options.count &&
           atomic_load_explicit(&lease->holds[part], memory_order_acquire);
}

bool ingest_lease_joined(const struct ingest_lease *lease)
{
    return atomic_load_explicit(&lease->joined, memory_order_acquire);
}

bool ingest_lease_aside(struct ingest_lease *lease, char ret_why[256])
{
    pthread_mutex_lock(&lease->lock);
    bool aside = lease->aside[0];
    memcpy(ret_why, lease->aside, sizeof lease->aside);
    pthread_mutex_unlock(&lease->lock);
    return aside;
}

enum rc_error ingest_lease_error(struct ingest_lease *lease, char ret_message[256])
{
    pthread_mutex_lock(&lease->lock);
    enum rc_error err = lease->error;
    if (err)
        memcpy(ret_message, lease->message, sizeof lease->message);
    pthread_mutex_unlock(&lease->lock);
    return err;
}
