#include "simulate_model.h"

#include "rollcall/event.h"

#include <criterion/criterion.h>
#include <jansson.h>
#include <string.h>

enum { DAY_MS = 86400000, TICKETS = 1 << 15 };

/* What the events of one ticket have said so far. */
struct ticket {
    char id[16];
    char queue[32];
    bool queued, taken, paused, solved, over;
};

static struct ticket *find(struct ticket *list, const char *id)
{
    uint32_t hash = 0;
    for (const char *at = id; *at; at++)
        hash = hash * 31 + (unsigned char)*at;
    struct ticket *ticket = &list[hash % TICKETS];
    while (ticket->id[0] && strcmp(ticket->id, id) != 0)
        ticket = ticket + 1 < list + TICKETS ? ticket + 1 : list;
    snprintf(ticket->id, sizeof ticket->id, "%s", id);
    return ticket;
}

static void step(struct ticket *ticket, const char *type, const json_t *event)
{
    const char *queue = json_string_value(json_object_get(event, "queue"));
    cr_assert(ticket->queued != !strcmp(type, "queued"), "queued comes first, and once");
    if (!strcmp(type, "queued")) {
        ticket->queued = true;
    } else if (!strcmp(type, "answered")) {
        cr_assert(!ticket->taken);
        ticket->taken = true;
    } else if (!strcmp(type, "assigned")) {
        cr_assert_str_neq(ticket->queue, queue);
    } else if (!strcmp(type, "worked")) {
        cr_assert(ticket->taken && !ticket->paused && !ticket->solved && !ticket->over);
        cr_assert_gt(json_integer_value(json_object_get(event, "duration_ms")), 0);
    } else if (!strcmp(type, "paused") || !strcmp(type, "resumed")) {
        cr_assert(ticket->paused == !strcmp(type, "resumed"));
        ticket->paused = !ticket->paused;
    } else if (!strcmp(type, "resolved") || !strcmp(type, "reopened")) {
        cr_assert(ticket->solved == !strcmp(type, "reopened"));
        ticket->solved = !ticket->solved;
    } else if (!strcmp(type, "closed") || !strcmp(type, "cancelled")) {
        cr_assert(!ticket->over && (ticket->solved || ticket->paused || !ticket->taken));
        ticket->over = true;
    } else {
        cr_assert(!strcmp(type, "replied") || !strcmp(type, "rated") || !strcmp(type, "reviewed"));
    }
    snprintf(ticket->queue, sizeof ticket->queue, "%s", queue);
}

Test(simulate_ticket, every_life_of_a_ticket_makes_sense_and_all_come_to_an_end)
{
    struct ticket *list = calloc(TICKETS, sizeof *list);
    struct sim_options options = sim_default_options();
    options.clients = 4;
    options.ticket_share = 0.6;
    options.duration_ms = 5 * (int64_t)DAY_MS;
    struct sim *sim;
    struct sim_event ev;
    uint32_t due = 0, reopened = 0, moved = 0, tickets = 0, others = 0;
    cr_assert_eq(sim_open(&options, &sim), RC_OK);
    while (sim_next(sim, &ev)) {
        if (ev.channel != RC_TICKET) {
            others++;
            continue;
        }
        json_t *event = json_loadb(ev.json, ev.json_len, JSON_REJECT_DUPLICATES, NULL);
        cr_assert_not_null(event, "%.*s", (int)ev.json_len, ev.json);
        cr_assert_str_eq(json_string_value(json_object_get(event, "channel")), "ticket");
        const char *type = json_string_value(json_object_get(event, "type"));
        step(find(list, json_string_value(json_object_get(event, "contact"))), type, event);
        tickets += !strcmp(type, "queued");
        reopened += !strcmp(type, "reopened");
        moved += !strcmp(type, "assigned");
        int64_t due_ms = json_integer_value(json_object_get(event, "due"));
        cr_assert(!due_ms || due_ms >= ev.time_ms + DAY_MS);
        due += due_ms != 0;
        json_decref(event);
    }
    cr_assert_eq(sim_status(sim), RC_OK);
    cr_assert(tickets > 10000 && others > 10000, "%u tickets, %u others", tickets, others);
    cr_assert(due > tickets / 10 && due < tickets / 7, "%u due", due);
    cr_assert(reopened > tickets / 20 && moved > tickets / 10, "%u, %u", reopened, moved);
    uint32_t open = 0;
    for (uint32_t i = 0; i < TICKETS; i++)
        open += list[i].queued && !list[i].solved && !list[i].over;
    cr_assert(open < tickets / 20, "%u of %u are never solved", open, tickets);
    sim_close(sim);
    free(list);
}

Test(simulate_ticket, damaged_copies_of_tickets_are_not_valid_events_either)
{
    struct sim_options options = sim_default_options();
    options.clients = 1;
    options.chat_share = 0;
    options.ticket_share = 1;
    options.damaged_ppm = 200000;
    options.events_max = 5000;
    struct sim *sim;
    struct sim_event ev;
    uint32_t damaged = 0;
    cr_assert_eq(sim_open(&options, &sim), RC_OK);
    while (sim_next(sim, &ev)) {
        cr_assert_eq(ev.channel, RC_TICKET);
        damaged += ev.damaged;
    }
    cr_assert_gt(damaged, 500);
    sim_close(sim);
}
