/* Starts, watches and stops the threads between a source and an output. */
#include "engine.h"
#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/random.h>

/* A process may have an engine for each of many tasks: those have less, and a refused value of more
 * than half of it is cut in its dead letter. */
enum { RING_BYTES = 8 << 20, DEAD_RING_BYTES = 32 << 20, TASK_DEAD_RING_BYTES = 8 << 20 };
/* Half a ring holds the largest message: a refused value, its key and headers. */
static_assert(DEAD_RING_BYTES / 2 - INGEST_VALUE_KEPT > 512 << 10, "no room for keys and headers");

struct shard_thread {
    struct rc_ring in, out;
    struct rc_park park;
    struct agg_shard *shard;
    pthread_t thread;
    struct engine *engine;
};

struct engine {
    struct engine_options options;
    uint32_t shard_count;
    uint64_t ring_size;
    struct shard_thread *shard;
    struct rc_ring ingest_ring; /* ingest to commit */
    struct rc_park ingest_park, commit_park;
    struct ingest_output input;
    struct rc_ring **out_ring;
    struct sink_commit *commit;
    pthread_t ingest_thread, commit_thread;
    enum rc_error (*source)(void *opaque, char ret_message[256]);
    void *source_opaque;
    _Atomic uint64_t saved_epoch; /* A: written by commit, read by the shards that wait */
    bool started, shards_started;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    uint32_t running; /* from here on under the lock */
    bool output_failed;
    enum rc_error error;
    char message[256];
};

/* ---- opening ---- */

static enum rc_error ring_open(struct rc_ring *ring, uint64_t size)
{
    char *bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (bytes == MAP_FAILED)
        return RC_ERR_MEMORY;
    rc_ring_init(ring, bytes, size, 0);
    return RC_OK;
}

static void ring_close(struct rc_ring *ring)
{
    if (ring->bytes)
        munmap(ring->bytes, ring->mask + 1);
}

static uint32_t choose_shards(const struct engine_options *options)
{
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    uint32_t count = options->shards ? options->shards : cores > 2 ? (uint32_t)cores - 1 : 1;
    if (count > ENGINE_SHARDS_MAX)
        count = ENGINE_SHARDS_MAX;
    return count < options->config->tasks ? count : options->config->tasks;
}

static enum rc_error shard_open(struct engine *engine, uint32_t index)
{
    struct shard_thread *shard = &engine->shard[index];
    const struct engine_options *options = &engine->options;
    shard->engine = engine;
    engine->input.ring[index] = &shard->in;
    engine->input.park[index] = &shard->park;
    engine->out_ring[index] = &shard->out;
    enum rc_error err = ring_open(&shard->in, engine->ring_size);
    if (!err)
        err = ring_open(&shard->out, engine->ring_size);
    if (err)
        return err;
    struct agg_shard_options shard_options = {.agg = {.config = options->config,
                                                      .shard_count = engine->shard_count,
                                                      .shard = index,
                                                      .hash_secret = options->hash_secret,
                                                      .replay = options->replay,
                                                      .provisional = options->provisional,
                                                      .contacts = options->contacts,
                                                      .pseudonym = ingest_pseudonym},
                                              .in = &shard->in,
                                              .self = &shard->park,
                                              .ingest = &engine->ingest_park,
                                              .out = &shard->out,
                                              .commit = &engine->commit_park,
                                              .saved_epoch = &engine->saved_epoch};
    return agg_shard_open(&shard_options, &shard->shard);
}

/* Shards that stand still after that epoch or one before go on. */
static void let_go(struct engine *engine, uint64_t epoch)
{
    atomic_store_explicit(&engine->saved_epoch, epoch, memory_order_release); /* A */
    for (uint32_t i = 0; i < engine->shard_count; i++)
        rc_park_wake(&engine->shard[i].park);
}

static void on_published(void *opaque, const struct sink_epoch *epoch)
{
    struct engine *engine = opaque;
    if (engine->options.published)
        engine->options.published(engine->options.opaque, epoch);
    if (epoch->cut && epoch->cut->snapshot)
        let_go(engine, epoch->epoch);
}

static enum rc_error commit_open(struct engine *engine)
{
    const struct engine_options *options = &engine->options;
    struct sink_commit_options commit = {.shard_count = engine->shard_count,
                                         .ring = engine->out_ring,
                                         .ingest_ring = &engine->ingest_ring,
                                         .self = &engine->commit_park,
                                         .park = engine->input.park,
                                         .ingest_park = &engine->ingest_park,
                                         .output = options->output,
                                         .table = options->table,
                                         .published = on_published,
                                         .opaque = engine};
    return sink_commit_open(&commit, &engine->commit);
}

enum rc_error engine_open(const struct engine_options *options, struct engine **ret_engine)
{
    struct engine *engine = NULL;
    enum rc_error err = RC_ERR_MEMORY;
    if (posix_memalign((void **)&engine, RC_RING_LINE, sizeof *engine))
        return err;
    memset(engine, 0, sizeof *engine);
    engine->options = *options;
    engine->shard_count = choose_shards(options);
    pthread_mutex_init(&engine->lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&engine->changed, &monotonic);
    pthread_condattr_destroy(&monotonic);
    /* An event carries what came in, key and headers too, and half a ring must hold it. */
    bool is_task = options->config->kafka.unit != NULL;
    uint64_t dead_bytes = is_task ? TASK_DEAD_RING_BYTES : DEAD_RING_BYTES;
    engine->ring_size = is_task ? RING_BYTES / 8 : RING_BYTES;
    while (engine->ring_size < 4 * options->config->limits.max_event)
        engine->ring_size *= 2;
    uint64_t shard_bytes = engine->shard_count * sizeof *engine->shard;
    if (posix_memalign((void **)&engine->shard, RC_RING_LINE, shard_bytes)) {
        engine->shard = NULL;
        goto fail;
    }
    memset(engine->shard, 0, shard_bytes);
    engine->input.ring = calloc(engine->shard_count, sizeof *engine->input.ring);
    engine->input.park = calloc(engine->shard_count, sizeof *engine->input.park);
    engine->out_ring = calloc(engine->shard_count, sizeof *engine->out_ring);
    if (!engine->input.ring || !engine->input.park || !engine->out_ring)
        goto fail;
    engine->input.shard_count = engine->shard_count;
    engine->input.commit_ring = &engine->ingest_ring;
    engine->input.commit_park = &engine->commit_park;
    engine->input.self = &engine->ingest_park;
    err = ring_open(&engine->ingest_ring,
                    engine->ring_size > dead_bytes ? engine->ring_size : dead_bytes);
    for (uint32_t i = 0; i < engine->shard_count && !err; i++)
        err = shard_open(engine, i);
    if (!err)
        err = commit_open(engine);
    if (!err) {
        *ret_engine = engine;
        return RC_OK;
    }
fail:
    engine_close(engine);
    return err;
}

void engine_close(struct engine *engine)
{
    if (!engine)
        return;
    sink_commit_close(engine->commit);
    for (uint32_t i = 0; engine->shard && i < engine->shard_count; i++) {
        if (engine->shard[i].shard)
            agg_shard_close(engine->shard[i].shard);
        ring_close(&engine->shard[i].in);
        ring_close(&engine->shard[i].out);
    }
    ring_close(&engine->ingest_ring);
    pthread_mutex_destroy(&engine->lock);
    pthread_cond_destroy(&engine->changed);
    free(engine->input.ring);
    free(engine->input.park);
    free(engine->out_ring);
    free(engine->shard);
    free(engine);
}

const struct ingest_output *engine_input(const struct engine *engine)
{
    return &engine->input;
}

/* ---- threads ---- */

/* Under the lock. */
static void note_error(struct engine *engine, enum rc_error err, const char *message)
{
    if (engine->error)
        return;
    engine->error = err;
    snprintf(engine->message, sizeof engine->message, "%s",
             message && message[0] ? message : rc_error_text(err));
    pthread_cond_broadcast(&engine->changed);
}

static void thread_ended(struct engine *engine, enum rc_error err, const char *message)
{
    pthread_mutex_lock(&engine->lock);
    engine->running--;
    if (err)
        note_error(engine, err, message);
    pthread_cond_broadcast(&engine->changed);
    pthread_mutex_unlock(&engine->lock);
    if (engine->options.ended)
        engine->options.ended(engine->options.opaque);
}

static void *shard_main(void *opaque)
{
    struct shard_thread *shard = opaque;
    char name[16];
    snprintf(name, sizeof name, "shard %u", (unsigned)(shard - shard->engine->shard) & 63u);
    pthread_setname_np(pthread_self(), name);
    agg_shard_run(shard->shard);
    thread_ended(shard->engine, RC_OK, NULL);
    return NULL;
}

static bool throw_away(struct rc_ring *ring, struct rc_park *park)
{
    void *message;
    uint32_t size, kind;
    bool any = false;
    while (!rc_ring_peek(ring, &message, &size, &kind))
        any = true;
    if (any) {
        rc_ring_release(ring);
        rc_park_wake(park);
    }
    return any;
}

/* The output has failed: takes what comes until the others have ended. */
static void discard(struct engine *engine)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    bool others = true;
    while (others) {
        bool any = throw_away(&engine->ingest_ring, &engine->ingest_park);
        for (uint32_t i = 0; i < engine->shard_count; i++)
            any |= throw_away(&engine->shard[i].out, &engine->shard[i].park);
        if (any)
            continue;
        nanosleep(&pause, NULL);
        pthread_mutex_lock(&engine->lock);
        others = engine->running > 1;
        pthread_mutex_unlock(&engine->lock);
    }
}

static const char *output_message(struct engine *engine)
{
    const struct sink_output *output = &engine->options.output;
    return output->message ? output->message(output->self) : NULL;
}

static void *commit_main(void *opaque)
{
    struct engine *engine = opaque;
    pthread_setname_np(pthread_self(), "commit");
    enum rc_error err = sink_commit_run(engine->commit);
    if (err) {
        pthread_mutex_lock(&engine->lock);
        note_error(engine, err, output_message(engine));
        engine->output_failed = true;
        pthread_mutex_unlock(&engine->lock);
        let_go(engine, UINT64_MAX);
        if (engine->options.ended)
            engine->options.ended(engine->options.opaque);
        discard(engine);
    }
    thread_ended(engine, RC_OK, NULL);
    return NULL;
}

static enum rc_error start_one(struct engine *engine, pthread_t *thread, void *(*run)(void *),
                               void *opaque)
{
    engine->running++;
    if (pthread_create(thread, NULL, run, opaque) == 0)
        return RC_OK;
    engine->running--;
    return RC_ERR_MEMORY;
}

/* Under the lock. */
static enum rc_error start_others(struct engine *engine)
{
    enum rc_error err = start_one(engine, &engine->commit_thread, commit_main, engine);
    for (uint32_t i = 0; i < engine->shard_count && !err; i++)
        err = start_one(engine, &engine->shard[i].thread, shard_main, &engine->shard[i]);
    engine->shards_started = !err;
    return err;
}

static void *ingest_main(void *opaque)
{
    struct engine *engine = opaque;
    const struct engine_options *options = &engine->options;
    char message[256] = "";
    pthread_setname_np(pthread_self(), "ingest");
    enum rc_error err = options->prepare ? options->prepare(options->opaque, message) : RC_OK;
    if (!err) {
        pthread_mutex_lock(&engine->lock);
        err = start_others(engine);
        pthread_mutex_unlock(&engine->lock);
    }
    if (!err)
        err = engine->source(engine->source_opaque, message);
    thread_ended(engine, err, message);
    return NULL;
}

enum rc_error engine_start(struct engine *engine,
                           enum rc_error (*source)(void *opaque, char ret_message[256]),
                           void *opaque)
{
    RC_CHECK(!engine->started);
    engine->source = source;
    engine->source_opaque = opaque;
    engine->started = true;
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    pthread_mutex_lock(&engine->lock);
    enum rc_error err = start_one(engine, &engine->ingest_thread, ingest_main, engine);
    if (err)
        note_error(engine, err, "a thread cannot be started");
    pthread_mutex_unlock(&engine->lock);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return err;
}

static bool wait_for(struct engine *engine, int64_t timeout_ms, bool error_too)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t nanoseconds = until.tv_nsec + timeout_ms % 1000 * 1000000;
    until.tv_sec += timeout_ms / 1000 + nanoseconds / 1000000000;
    until.tv_nsec = nanoseconds % 1000000000;
    pthread_mutex_lock(&engine->lock);
    while (engine->running && !(error_too && engine->error))
        if (pthread_cond_timedwait(&engine->changed, &engine->lock, &until))
            break;
    bool over = !engine->running || (error_too && engine->error);
    pthread_mutex_unlock(&engine->lock);
    return over;
}

bool engine_wait(struct engine *engine, int64_t timeout_ms)
{
    return wait_for(engine, timeout_ms, true);
}

bool engine_ended(struct engine *engine, int64_t timeout_ms)
{
    return wait_for(engine, timeout_ms, false);
}

enum rc_error engine_error(struct engine *engine, char ret_message[256])
{
    pthread_mutex_lock(&engine->lock);
    enum rc_error err = engine->error;
    memcpy(ret_message, engine->message, sizeof engine->message);
    pthread_mutex_unlock(&engine->lock);
    return err;
}

bool engine_output_failed(struct engine *engine)
{
    pthread_mutex_lock(&engine->lock);
    bool failed = engine->output_failed;
    pthread_mutex_unlock(&engine->lock);
    return failed;
}

enum rc_error engine_join(struct engine *engine, char ret_message[256])
{
    RC_CHECK(engine->started);
    pthread_join(engine->ingest_thread, NULL);
    for (uint32_t i = 0; i < engine->shard_count && engine->shards_started; i++)
        pthread_join(engine->shard[i].thread, NULL);
    if (engine->shards_started)
        pthread_join(engine->commit_thread, NULL);
    const struct sink_output *output = &engine->options.output;
    if (!engine->error && output->finish) {
        enum rc_error err = output->finish(output->self);
        if (err) {
            note_error(engine, err, output_message(engine));
            engine->output_failed = true;
        }
    }
    return engine_error(engine, ret_message);
}

/* ---- what it says of itself ---- */

void engine_stats(const struct engine *engine, struct engine_stats *ret_stats)
{
    memset(ret_stats, 0, sizeof *ret_stats);
    int64_t now_ms = INT64_MAX;
    for (uint32_t i = 0; i < engine->shard_count; i++) {
        const struct rc_shard_stats *stats = agg_shard_stats(engine->shard[i].shard);
#define ENGINE_ADD(name, help) ret_stats->name += rc_counter_read(&stats->name);
        RC_SHARD_COUNTERS(ENGINE_ADD)
#undef ENGINE_ADD
        int64_t shard_now = (int64_t)rc_counter_read(&stats->now_ms);
        if (shard_now < now_ms)
            now_ms = shard_now;
    }
    ret_stats->now_ms = (uint64_t)now_ms;
}

struct agg *engine_agg(struct engine *engine, uint32_t task)
{
    return agg_shard_state(engine->shard[task % engine->shard_count].shard);
}

uint32_t engine_shards(const struct engine *engine)
{
    return engine->shard_count;
}

uint64_t engine_rounds(const struct engine *engine, uint32_t shard)
{
    return agg_shard_rounds(engine->shard[shard].shard);
}

const struct sink_commit *engine_commit(const struct engine *engine)
{
    return engine->commit;
}

uint64_t engine_secret(void)
{
    uint64_t secret;
    if (getrandom(&secret, sizeof secret, 0) != sizeof secret) {
        struct timespec now; /* no output depends on it: a poor one is better than none */
        clock_gettime(CLOCK_REALTIME, &now);
        secret = (uint64_t)now.tv_nsec * 0x9e3779b97f4a7c15u ^ (uint64_t)getpid();
    }
    return secret;
}
