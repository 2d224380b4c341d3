#include "run_snapshot.h"

#include "terminal.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    NICE = 10,
    PIPE_FD = 3,
    LOOK_MS = 200,
    HANGS_MS = 600000, /* a disk that does not answer: the child is ended, … */
    LEAVE_MS = 60000   /* … and sooner when the process is to end */
};

/* What the child says: one of it, or nothing when it died. */
struct answer {
    enum rc_error err;
    char message[256];
};

struct run_snapshot {
    struct run_snapshot_options options;
    struct sink_snapshot_parts parts;
    struct sink_uploader *uploader;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
    _Atomic bool leave, hurry;
    bool started;
    pid_t parent; /* who this is; asked by the child */
    pid_t child;  /* 0: none; from here on under the lock */
    int answer_fd;
    int64_t forked_ms;
    uint64_t child_epoch;
    struct engine_snapshots figures;
};

static int64_t clock_ms(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* ---- what is saved ---- */

static bool part_exists(void *self, uint32_t part)
{
    const struct run_snapshot *snapshot = self;
    if (part == SINK_SNAPSHOT_TABLE)
        return snapshot->options.table != NULL;
    if (part == SINK_SNAPSHOT_REVISIONS)
        return sink_kafka_revisions_exist(snapshot->options.output);
    return agg_task_exists(engine_agg(snapshot->options.engine, part), part);
}

static enum rc_error part_save(void *self, uint32_t part, const struct rc_snapshot_writer *out)
{
    const struct run_snapshot *snapshot = self;
    if (getppid() != snapshot->parent) /* it died: another run may be at work already */
        _exit(1);
    if (part == SINK_SNAPSHOT_TABLE)
        return sink_table_save(snapshot->options.table, out);
    if (part == SINK_SNAPSHOT_REVISIONS)
        return sink_kafka_revisions_save(snapshot->options.output, out);
    return agg_task_save(engine_agg(snapshot->options.engine, part), part, out);
}

static enum rc_error revisions_restore(const struct run_snapshot *snapshot,
                                       const struct rc_snapshot_reader *in, char ret_message[256])
{
    enum rc_error err = sink_kafka_revisions_restore(snapshot->options.output, in);
    if (err)
        snprintf(ret_message, 256, "the revisions: %s", rc_error_text(err));
    return err;
}

static enum rc_error part_restore(void *self, uint32_t part, const struct rc_snapshot_reader *in,
                                  char ret_message[256])
{
    const struct run_snapshot *snapshot = self;
    if (part == SINK_SNAPSHOT_REVISIONS)
        return revisions_restore(snapshot, in, ret_message);
    if (part != SINK_SNAPSHOT_TABLE)
        return agg_task_restore(engine_agg(snapshot->options.engine, part), part, in, ret_message);
    if (!snapshot->options.table)
        return RC_OK;
    enum rc_error err = sink_table_restore(snapshot->options.table, in);
    if (err)
        snprintf(ret_message, 256, "the table of current records: %s", rc_error_text(err));
    return err;
}

/* ---- the child ---- */

_Noreturn static void child_main(struct run_snapshot *snapshot, const struct sink_epoch *epoch,
                                 int answer_fd)
{
    const struct rc_config *config = snapshot->options.config;
    struct answer answer = {.err = RC_ERR_INTERNAL};
    prctl(PR_SET_NAME, "snapshot");
    if (!atomic_load_explicit(&snapshot->hurry, memory_order_relaxed))
        setpriority(PRIO_PROCESS, 0, NICE);
    /* Not the parent's sockets: a port would stay taken, a broker would wait. */
    if (answer_fd != PIPE_FD)
        dup2(answer_fd, PIPE_FD);
    close_range(PIPE_FD + 1, ~0u, 0);
    struct sink_snapshot_head head = {.group = rc_unit(config),
                                      .epoch = epoch->epoch,
                                      .now_ms = epoch->now_ms,
                                      .wall_ms = epoch->cut->wall_ms,
                                      .made_at_ms = clock_ms(CLOCK_REALTIME),
                                      .hash_secret = snapshot->options.hash_secret,
                                      .config_id = config->id,
                                      .config_text = config->text,
                                      .config_size = config->text_size,
                                      .task_count = config->tasks};
    answer.err = sink_snapshot_write(config->snapshot.dir, config->snapshot.keep, &head,
                                     &snapshot->parts, answer.message);
    ssize_t put = write(PIPE_FD, &answer, sizeof answer);
    _exit(put == (ssize_t)sizeof answer && !answer.err ? 0 : 1);
}

void run_snapshot_take(struct run_snapshot *snapshot, const struct sink_epoch *epoch)
{
    int fd[2];
    pthread_mutex_lock(&snapshot->lock);
    if (snapshot->child || pipe(fd)) {
        snapshot->figures.skipped++;
        pthread_mutex_unlock(&snapshot->lock);
        return;
    }
    int64_t begin_ms = clock_ms(CLOCK_MONOTONIC);
    if (snapshot->options.table) /* so that nobody else holds its lock in the child */
        sink_table_begin(snapshot->options.table);
    pid_t child = fork();
    if (child == 0)
        child_main(snapshot, epoch, fd[1]);
    if (snapshot->options.table)
        sink_table_end(snapshot->options.table, epoch->now_ms);
    close(fd[1]);
    if (child < 0) {
        close(fd[0]);
        snapshot->figures.failed++;
    } else {
        snapshot->child = child;
        snapshot->answer_fd = fd[0];
        snapshot->forked_ms = begin_ms;
        snapshot->child_epoch = epoch->epoch;
        pthread_cond_signal(&snapshot->changed);
    }
    int64_t pause_ms = clock_ms(CLOCK_MONOTONIC) - begin_ms;
    if (pause_ms > snapshot->figures.pause_ms_max)
        snapshot->figures.pause_ms_max = pause_ms;
    pthread_mutex_unlock(&snapshot->lock);
}

/* ---- the thread that waits for it ---- */

static void print(struct run_snapshot *snapshot, const char *line)
{
    snapshot->options.print(snapshot->options.opaque, line);
}

static void note_made(struct run_snapshot *snapshot, uint64_t epoch, int64_t took_ms, char *path,
                      size_t room)
{
    char line[500], bytes[TERMINAL_TEXT_MAX];
    struct stat file = {0};
    sink_snapshot_path(snapshot->options.config->snapshot.dir, rc_unit(snapshot->options.config),
                       epoch, path, room);
    stat(path, &file);
    pthread_mutex_lock(&snapshot->lock);
    struct engine_snapshots *figures = &snapshot->figures;
    figures->made++;
    figures->epoch = epoch;
    figures->bytes = (uint64_t)file.st_size;
    figures->took_ms = took_ms;
    figures->made_at_ms = clock_ms(CLOCK_REALTIME);
    bool first = figures->made == 1;
    pthread_mutex_unlock(&snapshot->lock);
    snprintf(line, sizeof line, "snapshot of epoch %llu: %s bytes in %lld ms: %.300s",
             (unsigned long long)epoch, terminal_count((uint64_t)file.st_size, bytes),
             (long long)took_ms, path);
    if (first)
        print(snapshot, line);
}

static void note_failed(struct run_snapshot *snapshot, uint64_t epoch, const char *why)
{
    char line[600];
    pthread_mutex_lock(&snapshot->lock);
    snapshot->figures.failed++;
    pthread_mutex_unlock(&snapshot->lock);
    snprintf(line, sizeof line,
             "warning: no snapshot of epoch %llu: %s; nothing is lost, but a restart takes longer, "
             "from the one before",
             (unsigned long long)epoch, why);
    print(snapshot, line);
}

static void upload(struct run_snapshot *snapshot, const char *path)
{
    char message[256] = "", line[400];
    if (!sink_snapshot_upload(snapshot->uploader, path, message) ||
        atomic_load_explicit(&snapshot->leave, memory_order_relaxed))
        return;
    snprintf(line, sizeof line,
             "warning: the snapshot and its topic: %s; a host with an empty disk would begin with "
             "the one before",
             message);
    print(snapshot, line);
}

/* Until the child says something, or has died. false: it hangs. */
static bool answers(struct run_snapshot *snapshot, int fd, int64_t forked_ms)
{
    struct pollfd answer = {.fd = fd, .events = POLLIN};
    int64_t leave_ms = 0;
    while (poll(&answer, 1, LOOK_MS) <= 0) {
        int64_t now_ms = clock_ms(CLOCK_MONOTONIC);
        if (!leave_ms && atomic_load_explicit(&snapshot->leave, memory_order_relaxed))
            leave_ms = now_ms;
        if (now_ms - forked_ms >= HANGS_MS || (leave_ms && now_ms - leave_ms >= LEAVE_MS))
            return false;
    }
    return true;
}

/* What a disk holds back cannot be killed before that answers; then it is not waited for at the
 * end. */
static void end_child(struct run_snapshot *snapshot, pid_t child, uint64_t epoch, int64_t forked_ms)
{
    const struct timespec pause = {.tv_nsec = LOOK_MS * 1000000};
    char why[200];
    kill(child, SIGKILL);
    snprintf(why, sizeof why, "the process that writes it was not done after %lld s, and is ended",
             (long long)((clock_ms(CLOCK_MONOTONIC) - forked_ms) / 1000));
    note_failed(snapshot, epoch, why);
    while (waitpid(child, NULL, WNOHANG) == 0 &&
           !atomic_load_explicit(&snapshot->leave, memory_order_relaxed))
        nanosleep(&pause, NULL);
}

static void wait_for(struct run_snapshot *snapshot, pid_t child, int fd, uint64_t epoch,
                     int64_t forked_ms)
{
    struct answer answer = {.err = RC_ERR_INTERNAL};
    char path[4400], why[300];
    int status = 0;
    ssize_t got;
    if (!answers(snapshot, fd, forked_ms)) {
        close(fd);
        end_child(snapshot, child, epoch, forked_ms);
        return;
    }
    while ((got = read(fd, &answer, sizeof answer)) < 0 && errno == EINTR)
        ;
    close(fd);
    while (waitpid(child, &status, 0) < 0 && errno == EINTR)
        ;
    if (got != (ssize_t)sizeof answer) {
        snprintf(why, sizeof why, "the process that writes it ended with %s %d",
                 WIFSIGNALED(status) ? "signal" : "code",
                 WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
        note_failed(snapshot, epoch, why);
    } else if (answer.err) {
        note_failed(snapshot, epoch,
                    answer.message[0] ? answer.message : rc_error_text(answer.err));
    } else {
        note_made(snapshot, epoch, clock_ms(CLOCK_MONOTONIC) - forked_ms, path, sizeof path);
        upload(snapshot, path);
    }
}

static void *snapshot_main(void *opaque)
{
    struct run_snapshot *snapshot = opaque;
    pthread_setname_np(pthread_self(), "snapshot");
    pthread_mutex_lock(&snapshot->lock);
    for (;;) {
        while (!snapshot->child && !snapshot->leave)
            pthread_cond_wait(&snapshot->changed, &snapshot->lock);
        pid_t child = snapshot->child;
        int fd = snapshot->answer_fd;
        uint64_t epoch = snapshot->child_epoch;
        int64_t forked_ms = snapshot->forked_ms;
        pthread_mutex_unlock(&snapshot->lock);
        if (!child)
            return NULL;
        wait_for(snapshot, child, fd, epoch, forked_ms);
        pthread_mutex_lock(&snapshot->lock);
        snapshot->child = 0;
    }
}

/* ---- life ---- */

enum rc_error run_snapshot_open(const struct run_snapshot_options *options,
                                struct run_snapshot **ret_snapshot, char ret_message[256])
{
    struct run_snapshot *snapshot = calloc(1, sizeof *snapshot);
    if (!snapshot)
        return RC_ERR_MEMORY;
    snapshot->options = *options;
    snapshot->parent = getpid();
    snapshot->parts = (struct sink_snapshot_parts){snapshot, part_exists, part_save, part_restore};
    pthread_mutex_init(&snapshot->lock, NULL);
    pthread_cond_init(&snapshot->changed, NULL);
    struct sink_uploader_options uploader = {.config = options->config,
                                             .say = options->say,
                                             .opaque = options->say_opaque,
                                             .leave = &snapshot->leave};
    enum rc_error err = sink_uploader_open(&uploader, &snapshot->uploader, ret_message);
    if (!err && pthread_create(&snapshot->thread, NULL, snapshot_main, snapshot))
        err = RC_ERR_MEMORY;
    snapshot->started = !err;
    if (err)
        run_snapshot_close(snapshot);
    else
        *ret_snapshot = snapshot;
    return err;
}

const struct sink_snapshot_parts *run_snapshot_parts(const struct run_snapshot *snapshot)
{
    return &snapshot->parts;
}

struct sink_uploader *run_snapshot_uploader(struct run_snapshot *snapshot)
{
    return snapshot->uploader;
}

void run_snapshot_secret_set(struct run_snapshot *snapshot, uint64_t hash_secret)
{
    snapshot->options.hash_secret = hash_secret;
}

uint64_t run_snapshot_secret(const struct run_snapshot *snapshot)
{
    return snapshot->options.hash_secret;
}

void run_snapshot_figures(struct run_snapshot *snapshot, struct engine_snapshots *ret_figures)
{
    pthread_mutex_lock(&snapshot->lock);
    *ret_figures = snapshot->figures;
    pthread_mutex_unlock(&snapshot->lock);
}

void run_snapshot_hurry(struct run_snapshot *snapshot)
{
    atomic_store_explicit(&snapshot->hurry, true, memory_order_relaxed);
}

void run_snapshot_close(struct run_snapshot *snapshot)
{
    if (!snapshot)
        return;
    pthread_mutex_lock(&snapshot->lock);
    snapshot->leave = true;
    pthread_cond_signal(&snapshot->changed);
    pthread_mutex_unlock(&snapshot->lock);
    if (snapshot->started)
        pthread_join(snapshot->thread, NULL);
    sink_uploader_close(snapshot->uploader);
    pthread_mutex_destroy(&snapshot->lock);
    pthread_cond_destroy(&snapshot->changed);
    free(snapshot);
}
