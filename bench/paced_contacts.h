/* Contacts that go on by themselves, and their events as text: those of gen_events with shorter
 * waits and talks, so that all types of events flow soon. Only for paced.c. */
#ifndef BENCH_PACED_CONTACTS_H
#define BENCH_PACED_CONTACTS_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

enum { QUEUED, ANSWERED, ABANDONED, ENDED, WRAPPED };
static const char *type_name[] = {"queued", "answered", "abandoned", "ended", "wrapped"};
static const char *queue_name[] = {"billing", "support", "sales", "returns"};
static const char *stem[] = {"acme",  "globex", "initech", "umbrella", "hooli",
                             "stark", "wayne",  "tyrell",  "aperture", "cyberdyne"};
enum { CLIENTS = 50 };

struct contact {
    struct contact *next; /* of the same instant */
    uint32_t number, customer;
    uint16_t key, agent;
    uint8_t type, chat;
};
static uint64_t rng = 1;

static uint64_t next(void)
{ /* splitmix64 */
    uint64_t z = (rng += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
}

static double uniform(void)
{
    return (double)(next() >> 11) / 9007199254740992.0;
}

static int64_t expo(double mean_ms)
{
    return (int64_t)(-mean_ms * log(1.0 - uniform()));
}

static void begin(struct contact *contact, uint32_t number)
{
    double u = uniform();
    *contact = (struct contact){.number = number,
                                .customer = (uint32_t)(next() % 2000000),
                                .key = (uint16_t)((int)(u * u * CLIENTS) * 4 + (int)(next() & 3)),
                                .agent = (uint16_t)(next() % 5000),
                                .type = QUEUED,
                                .chat = uniform() < 0.2};
}

/* The next event, and in how many ms; false: there is none. */
static bool go_on(struct contact *contact, int64_t *ret_after_ms)
{
    switch (contact->type) {
    case QUEUED:
        contact->type = uniform() < 0.07 ? ABANDONED : ANSWERED;
        *ret_after_ms = 200 + expo(2000);
        return true;
    case ANSWERED:
        contact->type = ENDED;
        *ret_after_ms = 2000 + expo(8000);
        return true;
    case ENDED:
        contact->type = WRAPPED;
        *ret_after_ms = 1 + expo(2000);
        return uniform() < 0.8;
    default:
        break;
    }
    return false;
}

static void stamp(char out[static 32], int64_t ms)
{
    static int64_t second = -1;
    static char text[32];
    if (ms / 1000 != second) {
        struct tm tm;
        second = ms / 1000;
        time_t s = (time_t)second;
        gmtime_r(&s, &tm);
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    }
    snprintf(out, 32, "%.19s.%03dZ", text, (int)(ms % 1000));
}

/* The event at hand as text; returns its size. */
static int write_event(const struct contact *x, int64_t time_ms, char ret_value[static 512])
{
    char time[32];
    int client = x->key / 4;
    stamp(time, time_ms);
    int size = snprintf(ret_value, 512,
                        "{\"type\":\"%s\",\"time\":\"%s\",\"client\":\"%s-%02d\",\"queue\":\"%s\","
                        "\"channel\":\"%s\",\"contact\":\"c-%u\",\"id\":\"%08x-%u\"",
                        type_name[x->type], time, stem[client % 10], client, queue_name[x->key % 4],
                        x->chat ? "chat" : "call", x->number, (unsigned)(x->number * 2654435761u),
                        x->type);
    if (x->type == QUEUED)
        size += snprintf(ret_value + size, 512 - (size_t)size,
                         ",\"customer\":\"u-%u\",\"priority\":\"normal\"", 1000000 + x->customer);
    else if (x->type != ABANDONED)
        size += snprintf(ret_value + size, 512 - (size_t)size, ",\"agent\":\"a-%04u\"", x->agent);
    return size + snprintf(ret_value + size, 512 - (size_t)size, "}");
}

static int write_key(const struct contact *x, char ret_key[static 64])
{
    return snprintf(ret_key, 64, "%s-%02d/%s", stem[x->key / 4 % 10], x->key / 4,
                    queue_name[x->key % 4]);
}

#endif
