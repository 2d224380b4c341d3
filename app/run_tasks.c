#include "run_tasks.h"

#include "engine_past.h"
#include "kafka_words.h"
#include "rollcall/lease.h"
#include "run_task.h"
#include "terminal.h"
#include "watchdog.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum {
    LINES = 8,
    SAME_MS = 10000,
    END_MS = 20000 /* each task writes its snapshot, and sends it */
};

struct run_tasks {
    struct run_tasks_options options;
    const struct rc_config *config;
    struct kafka_words words;
    struct kafka_speaker speaker;
    struct ingest_lease *lease;
    uint32_t count;
    struct watchdog *watchdog; /* main's: a shard of it is a task */
    uint32_t *watched;         /* main's: tasks of the metrics that are being made */
    struct engine_part *part;
    pthread_mutex_t lock;
    struct run_task **task; /* from here on under the lock; NULL: another's */
    bool stopping, stuck;
    enum rc_error error;
    char message[256];
    struct engine_tasks figures;
    struct run_service_figures done;
    struct engine_past past;
    pthread_mutex_t line_lock; /* taken by those who hold locks of a service */
    struct {
        char text[200];
        int64_t at_ms;
    } line[LINES]; /* what tasks said, so that it is not said by each of them */
    uint32_t line_at;
};

static int64_t clock_ms(clockid_t clock)
{
    struct timespec now;
    clock_gettime(clock, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void say(struct run_tasks *tasks, const char *line)
{
    tasks->options.print(tasks->options.opaque, line);
}

/* ---- what tasks say; thread: any ---- */

/* Under its lock. */
static bool said_before(struct run_tasks *tasks, const char *text)
{
    int64_t now_ms = clock_ms(CLOCK_MONOTONIC);
    for (uint32_t i = 0; i < LINES; i++)
        if (now_ms - tasks->line[i].at_ms < SAME_MS &&
            !strncmp(tasks->line[i].text, text, sizeof tasks->line[i].text - 1))
            return true;
    snprintf(tasks->line[tasks->line_at].text, sizeof tasks->line[0].text, "%s", text);
    tasks->line[tasks->line_at].at_ms = now_ms;
    tasks->line_at = (tasks->line_at + 1) % LINES;
    return false;
}

static void print_of_task(void *opaque, uint32_t task, const char *text)
{
    struct run_tasks *tasks = opaque;
    char line[700];
    pthread_mutex_lock(&tasks->line_lock);
    bool before = said_before(tasks, text);
    pthread_mutex_unlock(&tasks->line_lock);
    snprintf(line, sizeof line, "task %u: %s", task, text);
    if (!before)
        say(tasks, line);
}

static void on_live(void *opaque, uint32_t task, int64_t silent_ms)
{
    struct run_tasks *tasks = opaque;
    char line[200];
    if (silent_ms == RC_TIME_NONE) {
        snprintf(line, sizeof line, "task %u: live, its first epoch is published", task);
        silent_ms = 0;
    } else {
        snprintf(line, sizeof line, "task %u: live, %lld ms after its last epoch before", task,
                 (long long)silent_ms);
    }
    pthread_mutex_lock(&tasks->lock);
    tasks->figures.pause_ms = silent_ms;
    pthread_mutex_unlock(&tasks->lock);
    say(tasks, line);
}

static void on_done(void *opaque, struct run_service *service)
{
    struct run_tasks *tasks = opaque;
    struct run_service_figures figures;
    struct engine_part part;
    run_service_figures(service, &figures);
    run_service_part(service, &part);
    pthread_mutex_lock(&tasks->lock);
    struct run_service_figures *sum = &tasks->done;
    sum->events += figures.events;
    sum->records += figures.records;
    sum->published += figures.published;
    sum->dead_letters += figures.dead_letters;
    sum->late += figures.late;
    sum->contacts += figures.contacts;
    if (figures.now_ms > sum->now_ms)
        sum->now_ms = figures.now_ms;
    engine_past_add(&tasks->past, &part);
    pthread_mutex_unlock(&tasks->lock);
}

static void wake(void *opaque)
{
    struct run_tasks *tasks = opaque;
    tasks->options.wake(tasks->options.opaque);
}

static uint64_t reusable(void *opaque)
{
    struct run_tasks *tasks = opaque;
    uint64_t sum = 0;
    pthread_mutex_lock(&tasks->lock);
    for (uint32_t i = 0; i < tasks->count; i++) {
        struct run_service *service = tasks->task[i] ? run_task_hold(tasks->task[i]) : NULL;
        if (!service)
            continue;
        sum += run_service_reusable(service);
        run_task_release(tasks->task[i]);
    }
    pthread_mutex_unlock(&tasks->lock);
    return sum;
}

/* ---- what the group says; thread: the lease's ---- */

/* Under the lock. */
static void note_error(struct run_tasks *tasks, enum rc_error err, const char *message)
{
    if (tasks->error || !err)
        return;
    tasks->error = err;
    snprintf(tasks->message, sizeof tasks->message, "%.255s",
             message[0] ? message : rc_error_text(err));
}

static void say_of_lease(void *opaque, const char *line)
{
    struct run_tasks *tasks = opaque;
    kafka_words_say(&tasks->speaker, line);
}

static void given(void *opaque, uint32_t part)
{
    struct run_tasks *tasks = opaque;
    char line[80];
    struct run_task_options options = {.loaded = tasks->options.loaded,
                                       .task = part,
                                       .restate = tasks->options.restate,
                                       .print = print_of_task,
                                       .live = on_live,
                                       .done = on_done,
                                       .wake = wake,
                                       .reusable = reusable,
                                       .opaque = tasks};
    snprintf(line, sizeof line, "task %u: the group has given it to this process", part);
    pthread_mutex_lock(&tasks->lock);
    options.member = tasks->lease;
    bool wanted = !tasks->stopping && !tasks->task[part];
    if (wanted) {
        note_error(tasks, run_task_open(&options, &tasks->task[part]), "");
        tasks->figures.moves++;
    }
    pthread_mutex_unlock(&tasks->lock);
    if (wanted)
        say(tasks, line);
}

/* Joins and lets go of it. */
static void end_task(struct run_tasks *tasks, uint32_t part)
{
    char message[256], line[400];
    bool stuck;
    struct run_task *task = tasks->task[part];
    enum rc_error err = run_task_join(task, &stuck, message);
    snprintf(line, sizeof line, "task %u: %.256s", part, message);
    pthread_mutex_lock(&tasks->lock);
    tasks->task[part] = NULL;
    tasks->stuck |= stuck;
    if (err || stuck)
        note_error(tasks, err ? err : RC_ERR_KAFKA, line);
    pthread_mutex_unlock(&tasks->lock);
    if (!stuck)
        run_task_close(task);
}

static void taken(void *opaque, const uint32_t *part, uint32_t count, bool lost)
{
    struct run_tasks *tasks = opaque;
    char line[120];
    int64_t begun_ms = clock_ms(CLOCK_MONOTONIC);
    pthread_mutex_lock(&tasks->lock);
    for (uint32_t i = 0; i < count; i++)
        if (tasks->task[part[i]])
            run_task_stop(tasks->task[part[i]], lost);
    pthread_mutex_unlock(&tasks->lock);
    for (uint32_t i = 0; i < count; i++) {
        if (!tasks->task[part[i]])
            continue;
        end_task(tasks, part[i]);
        snprintf(line, sizeof line, "task %u: %s by this process, in %lld ms", part[i],
                 lost ? "lost" : "given back", (long long)(clock_ms(CLOCK_MONOTONIC) - begun_ms));
        say(tasks, line);
        pthread_mutex_lock(&tasks->lock);
        tasks->figures.moves++;
        pthread_mutex_unlock(&tasks->lock);
    }
    wake(tasks);
}

/* ---- the loop's work; thread: main ---- */

static void leave(void *self)
{
    struct run_tasks *tasks = self;
    watchdog_stopping(tasks->watchdog);
}

static void stop(void *self)
{
    struct run_tasks *tasks = self;
    pthread_mutex_lock(&tasks->lock);
    tasks->stopping = true;
    for (uint32_t i = 0; i < tasks->count; i++)
        if (tasks->task[i])
            run_task_stop(tasks->task[i], false);
    pthread_mutex_unlock(&tasks->lock);
}

/* Each gives up by itself. */
static void give_up(void *self)
{
    (void)self;
}

/* Under the lock. */
static bool all_over(const struct run_tasks *tasks, bool *ret_any)
{
    bool all = true;
    *ret_any = false;
    for (uint32_t i = 0; i < tasks->count; i++)
        if (tasks->task[i]) {
            bool over = run_task_over(tasks->task[i]);
            all &= over;
            *ret_any |= over && run_task_failed(tasks->task[i]);
        }
    return all;
}

static bool over(void *self)
{
    struct run_tasks *tasks = self;
    char message[256];
    bool failed;
    enum rc_error err = ingest_lease_error(tasks->lease, message);
    pthread_mutex_lock(&tasks->lock);
    note_error(tasks, err, message);
    bool all = all_over(tasks, &failed);
    bool over = tasks->error || failed || (tasks->stopping && all);
    pthread_mutex_unlock(&tasks->lock);
    return over;
}

/* Calls `each` for the service of every task that has one; false ends it. */
static void each_service(struct run_tasks *tasks,
                         bool (*each)(void *to, uint32_t task, struct run_service *service),
                         void *to)
{
    bool more = true;
    pthread_mutex_lock(&tasks->lock);
    for (uint32_t i = 0; i < tasks->count && more; i++) {
        struct run_service *service = tasks->task[i] ? run_task_hold(tasks->task[i]) : NULL;
        if (tasks->task[i])
            more = each(to, i, service);
        if (service)
            run_task_release(tasks->task[i]);
    }
    pthread_mutex_unlock(&tasks->lock);
}

static bool is_idle(void *to, uint32_t task, struct run_service *service)
{
    bool *idle = to;
    (void)task;
    return *idle = service && run_service_idle(service);
}

static bool idle(void *self)
{
    struct run_tasks *tasks = self;
    bool idle = false; /* one that owns none does not know */
    each_service(tasks, is_idle, &idle);
    return idle;
}

struct readiness {
    char *reason;
    bool ready;
};

static bool is_ready(void *to, uint32_t task, struct run_service *service)
{
    struct readiness *all = to;
    char reason[256];
    all->ready = service && run_service_ready(service, reason);
    if (!service)
        snprintf(all->reason, 256, "task %u: it begins, or ends", task);
    else if (!all->ready)
        snprintf(all->reason, 256, "task %u: %.230s", task, reason);
    return all->ready;
}

static bool ready(void *self, char ret_reason[256])
{
    struct run_tasks *tasks = self;
    struct readiness all = {ret_reason, true};
    if (!kafka_words_well(&tasks->words, ret_reason, 256))
        return false;
    if (ingest_lease_aside(tasks->lease, ret_reason))
        return false;
    if (!ingest_lease_joined(tasks->lease)) {
        snprintf(ret_reason, 256, "waiting for the group to say which tasks are this process's");
        return false;
    }
    each_service(tasks, is_ready, &all);
    return all.ready;
}

static bool watch_one(void *to, uint32_t task, struct run_service *service)
{
    struct run_tasks *tasks = to;
    if (service)
        run_service_watch(service);
    watchdog_look(tasks->watchdog, task, service ? run_service_rounds(service) : 0,
                  clock_ms(CLOCK_MONOTONIC));
    return true;
}

/* The slowest task feeds the service manager's watchdog. */
static void watch(void *self)
{
    struct run_tasks *tasks = self;
    int64_t now_ms = clock_ms(CLOCK_MONOTONIC);
    char line[200];
    each_service(tasks, watch_one, tasks);
    pthread_mutex_lock(&tasks->lock);
    for (uint32_t i = 0; i < tasks->count; i++)
        if (!tasks->task[i])
            watchdog_look(tasks->watchdog, i, 0, 0);
    pthread_mutex_unlock(&tasks->lock);
    if (watchdog_news(tasks->watchdog, now_ms, line))
        say(tasks, line);
    watchdog_feed(tasks->watchdog, now_ms);
}

/* ---- metrics ---- */

/* Under the lock: holds all services that there are, and gives how many. */
static uint32_t hold_all(struct run_tasks *tasks, struct engine_tasks *ret_figures)
{
    uint32_t count = 0;
    int64_t silent_ms;
    *ret_figures = tasks->figures;
    for (uint32_t i = 0; i < tasks->count; i++) {
        struct run_service *service = tasks->task[i] ? run_task_hold(tasks->task[i]) : NULL;
        ret_figures->owned += tasks->task[i] != NULL;
        if (!service)
            continue;
        ret_figures->live += run_service_live(service, &silent_ms);
        run_service_part(service, &tasks->part[count]);
        tasks->watched[count++] = i;
    }
    return count;
}

static char *metrics(void *self, bool reload_ok)
{
    struct run_tasks *tasks = self;
    struct engine_tasks figures;
    pthread_mutex_lock(&tasks->lock);
    struct engine_metrics list = {.config = tasks->config,
                                  .part = tasks->part,
                                  .part_count = hold_all(tasks, &figures),
                                  .past = &tasks->past,
                                  .tasks = &figures,
                                  .reload_ok = reload_ok,
                                  .wall_ms = clock_ms(CLOCK_REALTIME),
                                  .steady_ms = clock_ms(CLOCK_MONOTONIC)};
    char *text = engine_metrics_text(&list);
    for (uint32_t i = 0; i < list.part_count; i++)
        run_task_release(tasks->task[tasks->watched[i]]);
    pthread_mutex_unlock(&tasks->lock);
    return text;
}

struct visit {
    void (*each)(void *to, struct sink_table *table);
    void *to;
};

static bool visit_table(void *to, uint32_t task, struct run_service *service)
{
    const struct visit *visit = to;
    (void)task;
    if (service)
        visit->each(visit->to, run_service_table(service));
    return true;
}

static void tables(void *self, void (*each)(void *to, struct sink_table *table), void *to)
{
    struct visit visit = {each, to};
    each_service(self, visit_table, &visit);
}

void run_tasks_work(struct run_tasks *tasks, struct run_work *ret_work)
{
    *ret_work = (struct run_work){.self = tasks,
                                  .leave = leave,
                                  .stop = stop,
                                  .give_up = give_up,
                                  .over = over,
                                  .idle = idle,
                                  .ready = ready,
                                  .watch = watch,
                                  .metrics = metrics,
                                  .tables = tables,
                                  .end_ms = END_MS};
}

/* ---- life ---- */

enum rc_error run_tasks_open(const struct run_tasks_options *options, struct run_tasks **ret_tasks,
                             char ret_message[256])
{
    struct run_tasks *tasks = calloc(1, sizeof *tasks);
    ret_message[0] = '\0';
    if (!tasks)
        return RC_ERR_MEMORY;
    tasks->options = *options;
    tasks->config = options->loaded->config;
    tasks->count = tasks->config->tasks;
    tasks->done.now_ms = RC_TIME_NONE;
    pthread_mutex_init(&tasks->lock, NULL);
    pthread_mutex_init(&tasks->line_lock, NULL);
    kafka_words_init(&tasks->words, &tasks->config->kafka, options->print, options->opaque);
    tasks->speaker = (struct kafka_speaker){&tasks->words, 1};
    tasks->task = calloc(tasks->count, sizeof *tasks->task);
    tasks->watched = calloc(tasks->count, sizeof *tasks->watched);
    tasks->part = calloc(tasks->count, sizeof *tasks->part);
    struct ingest_lease_options lease = {.config = tasks->config,
                                         .count = tasks->count,
                                         .alike = true,
                                         .given = given,
                                         .taken = taken,
                                         .say = say_of_lease,
                                         .opaque = tasks};
    enum rc_error err = tasks->task && tasks->watched && tasks->part ? RC_OK : RC_ERR_MEMORY;
    if (!err)
        err = watchdog_open("task", tasks->count, &tasks->watchdog);
    pthread_mutex_lock(&tasks->lock); /* nothing is given before `lease` is set */
    if (!err)
        err = ingest_lease_open(&lease, &tasks->lease, ret_message);
    pthread_mutex_unlock(&tasks->lock);
    if (err) {
        if (!ret_message[0])
            snprintf(ret_message, 256, "%s", rc_error_text(err));
        run_tasks_close(tasks);
        return err;
    }
    *ret_tasks = tasks;
    return RC_OK;
}

enum rc_error run_tasks_finish(struct run_tasks *tasks, bool changes, bool *ret_stuck,
                               char ret_message[256])
{
    stop(tasks);
    if (changes)
        ingest_lease_forget(tasks->lease);
    ingest_lease_leave(tasks->lease); /* calls `taken` for all that is left, … */
    /* … or not, where the group has not answered, or has no other member */
    for (uint32_t i = 0; i < tasks->count; i++)
        if (tasks->task[i])
            end_task(tasks, i);
    ingest_lease_close(tasks->lease); /* their last commits have asked it */
    tasks->lease = NULL;
    *ret_stuck = tasks->stuck;
    memcpy(ret_message, tasks->message, sizeof tasks->message);
    return tasks->error;
}

void run_tasks_figures(struct run_tasks *tasks, struct run_service_figures *ret_figures)
{
    *ret_figures = tasks->done;
}

void run_tasks_close(struct run_tasks *tasks)
{
    char message[256];
    bool stuck;
    if (!tasks)
        return;
    if (tasks->lease)
        run_tasks_finish(tasks, false, &stuck, message);
    kafka_words_done(&tasks->words);
    watchdog_close(tasks->watchdog);
    engine_past_done(&tasks->past);
    pthread_mutex_destroy(&tasks->lock);
    pthread_mutex_destroy(&tasks->line_lock);
    free(tasks->task);
    free(tasks->watched);
    free(tasks->part);
    free(tasks);
}
