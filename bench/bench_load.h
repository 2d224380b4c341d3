/* What the benches of the whole way share: a simulated day in memory, as lines, and as decoded
 * events the way the file source would put them into a ring. */
#ifndef BENCH_LOAD_H
#define BENCH_LOAD_H

#include "rollcall/ingest.h"
#include "simulate_model.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct load_line {
    uint64_t at;
    uint32_t size;
};
struct load {
    char *text;
    struct load_line *line;
    uint64_t bytes, room, count;
};

static inline void load_check(bool fine, const char *what)
{
    if (!fine) {
        fprintf(stderr, "%s\n", what);
        exit(70);
    }
}

/* A day of so many events or a little more: quiet before opening, a peak at noon, everybody home.
 */
static inline struct load load_make(uint64_t events, uint32_t clients, uint32_t queues)
{
    struct sim_options options = sim_default_options();
    struct sim_event ev;
    struct sim *sim;
    struct load load = {.room = events * 256 + (1 << 20)};
    options.clients = clients;
    options.queues_per_client = queues;
    options.events_max = events;
    options.contacts_per_day_per_queue = (uint32_t)(events / ((uint64_t)clients * queues * 5) + 1);
    load_check(sim_open(&options, &sim) == RC_OK, "the simulator does not start");
    load.text = malloc(load.room);
    load.line = malloc(events * sizeof *load.line);
    load_check(load.text && load.line, "no memory");
    while (load.count < events && sim_next(sim, &ev)) {
        load_check(load.bytes + ev.json_len + 1 + INGEST_PADDING <= load.room, "lines too long");
        memcpy(load.text + load.bytes, ev.json, ev.json_len);
        load.line[load.count++] = (struct load_line){load.bytes, ev.json_len};
        load.bytes += ev.json_len;
        load.text[load.bytes++] = '\n';
    }
    memset(load.text + load.bytes, 0, INGEST_PADDING);
    sim_close(sim);
    return load;
}

static inline void load_free(struct load *load)
{
    free(load->text);
    free(load->line);
}

/* A decoded event and, behind it, what came in: so the source hands it on. */
union load_event {
    union ingest_event ingest;
    char room[sizeof(union ingest_event) + sizeof(struct rc_raw) + 4096];
};

static inline const struct rc_event *load_decode(const struct load *load, uint64_t index,
                                                 struct ingest_decoder *decoder, int64_t now_ms,
                                                 union load_event *room)
{
    char reason[148];
    const struct load_line *line = &load->line[index];
    const char *text = load->text + line->at;
    if (ingest_decode(decoder, NULL, text, line->size, &room->ingest, reason) != INGEST_EVENT)
        load_check(false, "a simulated event is refused");
    struct rc_event *ev = &room->ingest.ev;
    struct rc_raw head = {.key_size = UINT32_MAX, .value_size = line->size};
    uint32_t before = ev->size;
    ev->raw_size = (uint32_t)sizeof head + line->size;
    ev->size = (before + ev->raw_size + 7) & ~7u;
    load_check(ev->size <= sizeof *room, "a line too long");
    ev->source = 0;
    ev->offset = (int64_t)index + 1;
    ev->now_ms = now_ms;
    memcpy(room->room + before, &head, sizeof head);
    memcpy(room->room + before + sizeof head, text, line->size);
    return ev;
}

static inline uint64_t load_cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

#endif
