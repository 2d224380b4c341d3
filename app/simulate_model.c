#include "simulate_model.h"

#include "simulate_desk.h"
#include "simulate_json.h"
#include "simulate_wire.h"

#include "rollcall/check.h"

#include <string.h>

#define START_MS INT64_C(1767571200000) /* Monday 2026-01-05T00:00:00Z */
#define DAY_MS   INT64_C(86400000)

struct sim {
    struct sim_house house;
    struct sim_client *client;
    struct sim_heap next; /* of each client that is not done, by its earliest timer */
    struct sim_facts facts;
    uint32_t fact_next; /* of facts: the first that is not handed on */
    bool plain;         /* nothing befalls events on their way */
    enum rc_error status;
    uint64_t events, ids;
    struct sim_wire wire;
    struct sim_json json, damaged;
};

struct sim_options sim_default_options(void)
{
    return (struct sim_options){.seed = 1,
                                .start_ms = START_MS,
                                .duration_ms = DAY_MS,
                                .patience_ms = 180000,
                                .late_by_ms = 30 * 60000,
                                .clients = 10,
                                .queues_per_client = 3,
                                .contacts_per_day_per_queue = 400,
                                .parallel_chats = 3,
                                .load = 1.0,
                                .chat_share = 0.25};
}

const char *sim_check_options(const struct sim_options *options)
{
    const struct sim_options *o = options;
    if (o->clients < 1 || o->clients > SIM_CLIENTS_MAX)
        return "the number of clients is 1 to 100000";
    if (o->queues_per_client < 1 || o->queues_per_client > SIM_QUEUES_MAX)
        return "a client has 1 to 64 queues";
    if (o->contacts_per_day_per_queue < 1 || o->contacts_per_day_per_queue > SIM_CONTACTS_MAX)
        return "a queue has 1 to 200000 contacts a day";
    if (o->parallel_chats < 1 || o->parallel_chats > SIM_PARALLEL_MAX)
        return "an agent has 1 to 16 chats at a time";
    if (!(o->load >= 0.1 && o->load <= 10.0))
        return "the load is 0.1 to 10";
    if (!(o->chat_share >= 0.0 && o->ticket_share >= 0.0 && o->chat_share + o->ticket_share <= 1.0))
        return "the shares of chats and of tickets are 0 to 1, together at most 1";
    if (o->start_ms < RC_TIME_FIRST || o->start_ms >= RC_TIME_LAST - 4000 * DAY_MS)
        return "the start is in 1990 to 2089";
    if (o->duration_ms < 0 || o->duration_ms > 3650 * DAY_MS)
        return "the duration is at most 3650 days";
    if (o->patience_ms < 1000 || o->patience_ms > DAY_MS)
        return "the patience is 1 s to 1 d";
    if (o->disorder_ms < 0 || o->disorder_ms > DAY_MS)
        return "the disorder is at most 1 d";
    if (o->late_by_ms < 0 || o->late_by_ms > 30 * DAY_MS)
        return "late is at most 30 d";
    if (o->duplicate_ppm > 1000000 || o->late_ppm > 1000000 || o->damaged_ppm > 1000000)
        return "a share is 0 to 1";
    return NULL;
}

static struct sim_timer client_timer(const struct sim *sim, uint32_t client)
{
    return (struct sim_timer){
        .at_ms = sim_heap_first_ms(&sim->client[client].timers), .order = client, .target = client};
}

static bool open_clients(struct sim *sim)
{
    uint32_t clients = sim->house.options.clients;
    sim->client = calloc(clients, sizeof(*sim->client));
    if (!sim->client || !sim_heap_reserve(&sim->next, clients))
        return false;
    for (uint32_t i = 0; i < clients; i++) {
        if (!sim_client_open(&sim->client[i], &sim->house, i))
            return false;
        sim_heap_push(&sim->next, client_timer(sim, i));
    }
    return true;
}

enum rc_error sim_open(const struct sim_options *options, struct sim **ret_sim)
{
    if (sim_check_options(options))
        return RC_ERR_USAGE;
    struct sim *sim = calloc(1, sizeof(*sim));
    if (!sim)
        return RC_ERR_MEMORY;
    sim->house.options = *options;
    sim->house.end_ms = options->duration_ms ? options->start_ms + options->duration_ms
                                             : RC_TIME_LAST - 30 * DAY_MS;
    sim->house.load_milli = (uint32_t)(options->load * 1000.0 + 0.5);
    sim->house.chat_ppm = (uint32_t)(options->chat_share * 1000000.0 + 0.5);
    sim->house.ticket_ppm = (uint32_t)(options->ticket_share * 1000000.0 + 0.5);
    sim->plain = !options->disorder_ms && !options->late_ppm && !options->duplicate_ppm &&
                 !options->damaged_ppm;
    sim_wire_open(&sim->wire, options);
    if (!open_clients(sim)) {
        sim_close(sim);
        return RC_ERR_MEMORY;
    }
    *ret_sim = sim;
    return RC_OK;
}

void sim_close(struct sim *sim)
{
    if (!sim)
        return;
    for (uint32_t i = 0; sim->client && i < sim->house.options.clients; i++)
        sim_client_close(&sim->client[i]);
    sim_wire_close(&sim->wire);
    free(sim->client);
    free(sim->next.timer);
    free(sim);
}

/* When something happens next, at the earliest. */
static int64_t next_ms(const struct sim *sim)
{
    if (sim->fact_next < sim->facts.count)
        return sim->facts.fact[sim->fact_next].time_ms;
    return sim_heap_first_ms(&sim->next);
}

/* What happens next at any client, in order of time; false at the end. */
static bool next_fact(struct sim *sim, struct sim_fact *ret_fact)
{
    while (sim->fact_next == sim->facts.count) {
        if (sim_heap_first_ms(&sim->next) == SIM_NEVER)
            return false;
        uint32_t client = sim->next.timer[0].target;
        sim->facts.count = sim->fact_next = 0;
        if (!sim_client_step(&sim->client[client], &sim->house, &sim->facts)) {
            sim->status = RC_ERR_MEMORY;
            return false;
        }
        sim_heap_replace(&sim->next, client_timer(sim, client));
    }
    *ret_fact = sim->facts.fact[sim->fact_next++];
    ret_fact->id = ++sim->ids;
    return true;
}

/* What reaches the wire next: everything that may overtake it must have happened. */
static bool next_emitted(struct sim *sim, struct sim_fact *ret_fact, int64_t *ret_emit_ms)
{
    struct sim_fact fact;
    if (sim->plain) {
        if (!next_fact(sim, ret_fact))
            return false;
        *ret_emit_ms = ret_fact->time_ms;
        return true;
    }
    for (;;) {
        int64_t until_ms = next_ms(sim);
        if (sim_wire_take(&sim->wire, until_ms == SIM_NEVER ? SIM_NEVER : until_ms - 1, ret_fact,
                          ret_emit_ms))
            return true;
        if (!next_fact(sim, &fact)) {
            if (sim->status != RC_OK || sim->wire.heap.count == 0)
                return false;
            continue;
        }
        if (!sim_wire_put(&sim->wire, &sim->house.options, &fact)) {
            sim->status = RC_ERR_MEMORY;
            return false;
        }
    }
}

bool sim_next(struct sim *sim, struct sim_event *ret_event)
{
    struct sim_fact fact;
    int64_t emit_ms;
    uint64_t events_max = sim->house.options.events_max;

    if (sim->status != RC_OK || (events_max && sim->events == events_max) ||
        !next_emitted(sim, &fact, &emit_ms))
        return false;
    sim->events++;
    const struct sim_client *client = &sim->client[fact.client];
    const struct sim_line *line = &client->line[fact.line];
    sim_json_write(&sim->json, client, &fact);
    const struct sim_json *json = &sim->json;
    if (fact.damage) {
        sim->damaged = sim->json;
        sim_json_damage(&sim->damaged, fact.damage, fact.id * UINT64_C(0x9e3779b97f4a7c15) >> 8);
        json = &sim->damaged;
    }
    *ret_event = (struct sim_event){.time_ms = fact.time_ms,
                                    .emit_ms = emit_ms,
                                    .client = client->plan.name,
                                    .client_len = client->name_len,
                                    .queue = line->queue_name,
                                    .queue_len = line->queue_name_len,
                                    .contact = sim->json.text + sim->json.contact_at,
                                    .contact_len = sim->json.contact_len,
                                    .json = json->text,
                                    .json_len = json->length,
                                    .channel = line->channel,
                                    .damaged = fact.damage != 0};
    return true;
}

enum rc_error sim_status(const struct sim *sim)
{
    return sim->status;
}

uint64_t sim_contacts(const struct sim *sim)
{
    uint64_t contacts = 0;
    for (uint32_t i = 0; i < sim->house.options.clients; i++)
        contacts += sim->client[i].contacts_begun;
    return contacts;
}

enum rc_error sim_run(struct sim *sim, sim_put *put, void *opaque)
{
    struct sim_event ev;
    while (sim_next(sim, &ev)) {
        enum rc_error err = put(opaque, &ev);
        if (err != RC_OK)
            return err;
    }
    return sim_status(sim);
}
