/* Call lifecycle events, seeded, in time order, into a topic: the input of the throughput benches.
 *
 *   gen_events [-b BOOTSTRAP] [-c none|lz4|zstd] [-n CONTACTS] [-s SEED] [-p PARTITIONS]
 *              [-k client_queue|contact] [-r OPEN] TOPIC
 *
 * The topic must exist. Record key: client/queue (partition = key number mod PARTITIONS) or the
 * contact. After the last event every partition gets one record of type "tick", one hour later, so
 * that event-time windows close. Prints the counts that any correct consumer must arrive at.
 * -r: what is to be restored: each contact a short call of a customer of its own, an hour for every
 * OPEN of them, of the last OPEN nothing but `queued`; the ticks come ten seconds later.
 */
#include <librdkafka/rdkafka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { QUEUED, ANSWERED, HELD, RESUMED, ABANDONED, ENDED, WRAPPED };
static const char *type_name[] = {"queued",    "answered", "held",   "resumed",
                                  "abandoned", "ended",    "wrapped"};
static const char *queue_name[] = {"billing", "support", "sales", "returns"};
static const char *stem[] = {"acme",  "globex", "initech", "umbrella", "hooli",
                             "stark", "wayne",  "tyrell",  "aperture", "cyberdyne"};
#define CLIENTS 50
#define KEYS    (CLIENTS * 4)
#define START   1767603600000LL /* 2026-01-05T09:00:00Z */
#define SPAN    7200000LL

struct event {
    int64_t time;
    uint32_t contact;
    uint8_t type;
};
struct contact {
    uint32_t customer;
    uint16_t key, agent;
    uint8_t chat;
};

static uint64_t rng;
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

static int by_time(const void *a, const void *b)
{
    const struct event *x = a, *y = b;
    if (x->time != y->time)
        return x->time < y->time ? -1 : 1;
    if (x->contact != y->contact)
        return x->contact < y->contact ? -1 : 1;
    return (int)x->type - (int)y->type;
}

static int64_t errors;
static void delivered(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
    (void)rk, (void)opaque;
    errors += m->err != 0;
}

static void stamp(char out[static 96], int64_t ms)
{
    time_t s = ms / 1000;
    struct tm tm;
    gmtime_r(&s, &tm);
    snprintf(out, 96, "%04d-%02d-%02dT%02d:%02d:%02d.%03dZ", tm.tm_year + 1900, tm.tm_mon + 1,
             tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)(ms % 1000));
}

int main(int argc, char **argv)
{
    const char *bootstrap = "127.0.0.1:19092", *codec = "none";
    uint32_t contacts = 1000000, open = 0;
    uint64_t seed = 1;
    int parts = 16, by_contact = 0, o;
    while ((o = getopt(argc, argv, "b:c:n:s:p:k:r:")) != -1)
        switch (o) {
        case 'b':
            bootstrap = optarg;
            break;
        case 'c':
            codec = optarg;
            break;
        case 'n':
            contacts = (uint32_t)strtoul(optarg, NULL, 10);
            break;
        case 's':
            seed = strtoull(optarg, NULL, 10);
            break;
        case 'p':
            parts = (int)strtol(optarg, NULL, 10);
            break;
        case 'k':
            by_contact = !strcmp(optarg, "contact");
            break;
        case 'r':
            open = (uint32_t)strtoul(optarg, NULL, 10);
            break;
        default:
            return 2;
        }
    if (optind >= argc || open > contacts)
        return 2;
    const int64_t span = open ? (int64_t)(3600e3 * contacts / open) : SPAN;
    const char *topic = argv[optind];
    rng = seed;
    struct contact *c = calloc(contacts, sizeof *c);
    struct event *ev = malloc((size_t)contacts * 6 * sizeof *ev);
    size_t n = 0;
    int64_t offered = 0, answered = 0, abandoned = 0, within = 0, waits = 0, handles = 0;
    for (uint32_t i = 0; i < contacts; i++) {
        int64_t e = START + (int64_t)((double)span * i / contacts) + (int64_t)(uniform() * 50);
        double u = uniform();
        c[i].key = (uint16_t)((int)(u * u * CLIENTS) * 4 +
                              (int)(next() & 3)); /* some clients are larger */
        c[i].customer = open ? i : (uint32_t)(next() % 2000000);
        c[i].agent = (uint16_t)(next() % 5000);
        c[i].chat = uniform() < 0.2;
        ev[n++] = (struct event){e, i, QUEUED}, offered++;
        if (open) {
            if (i < contacts - open)
                ev[n++] = (struct event){e + 2000, i, ANSWERED},
                ev[n++] = (struct event){e + 62000, i, ENDED};
            continue;
        }
        if (uniform() < 0.07) {
            ev[n++] = (struct event){e + 1000 + expo(25000), i, ABANDONED}, abandoned++;
            continue;
        }
        int64_t wait = 200 + expo(14000), k = e + wait, handle = 20000 + expo(200000);
        ev[n++] = (struct event){k, i, ANSWERED}, answered++, waits += wait,
        within += wait <= 20000;
        if (uniform() < 0.25) {
            int64_t h = (int64_t)((double)handle * 0.3);
            ev[n++] = (struct event){k + h, i, HELD};
            ev[n++] = (struct event){k + h + 5000 + expo(3000) % (handle - h - 5000), i, RESUMED};
        }
        ev[n++] = (struct event){k + handle, i, ENDED}, handles += handle;
        if (uniform() < 0.8)
            ev[n++] = (struct event){k + handle + expo(25000), i, WRAPPED};
    }
    qsort(ev, n, sizeof *ev, by_time);

    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    char err[256];
    const char *kv[][2] = {{"bootstrap.servers", bootstrap},
                           {"compression.type", codec},
                           {"enable.idempotence", "true"},
                           {"linger.ms", "50"},
                           {"batch.num.messages", "10000"},
                           {"batch.size", "262144"},
                           {"queue.buffering.max.messages", "500000"},
                           {"socket.nagle.disable", "true"}};
    for (size_t i = 0; i < sizeof kv / sizeof *kv; i++)
        if (rd_kafka_conf_set(conf, kv[i][0], kv[i][1], err, sizeof err))
            return fprintf(stderr, "%s\n", err), 1;
    rd_kafka_conf_set_dr_msg_cb(conf, delivered);
    rd_kafka_t *rk = rd_kafka_new(RD_KAFKA_PRODUCER, conf, err, sizeof err);
    if (!rk)
        return fprintf(stderr, "%s\n", err), 1;
    int64_t bytes = 0, last = ev[n - 1].time;
    for (size_t i = 0; i < n + (size_t)parts; i++) {
        char v[512], k[64], t[96];
        int len, klen, part;
        if (i < n) {
            const struct event *e = &ev[i];
            const struct contact *x = &c[e->contact];
            int cl = x->key / 4;
            const char *q = queue_name[x->key % 4];
            stamp(t, e->time);
            len = snprintf(v, sizeof v,
                           "{\"type\":\"%s\",\"time\":\"%s\",\"client\":\"%s-%02d\",\"queue\":\"%"
                           "s\",\"channel\":\"%s\",\"contact\":\"c-%u\",\"id\":\"%08x-%u\"",
                           type_name[e->type], t, stem[cl % 10], cl, q, x->chat ? "chat" : "call",
                           10000000 + e->contact, (unsigned)(i * 2654435761u), e->type);
            if (e->type == QUEUED)
                len += snprintf(v + len, sizeof v - (size_t)len,
                                ",\"customer\":\"u-%u\",\"priority\":\"normal\"",
                                1000000 + x->customer);
            else if (e->type != ABANDONED)
                len += snprintf(v + len, sizeof v - (size_t)len, ",\"agent\":\"a-%04u\"", x->agent);
            len += snprintf(v + len, sizeof v - (size_t)len, "}");
            klen = by_contact ? snprintf(k, sizeof k, "c-%u", 10000000 + e->contact)
                              : snprintf(k, sizeof k, "%s-%02d/%s", stem[cl % 10], cl, q);
            part = by_contact ? (int)(e->contact * 2654435761u >> 8) % parts : x->key % parts;
        } else {
            stamp(t, last + (open ? 10000 : 3600000));
            part = (int)(i - n);
            len = snprintf(v, sizeof v,
                           "{\"type\":\"tick\",\"time\":\"%s\",\"client\":\"-\",\"contact\":\"-\"}",
                           t);
            klen = snprintf(k, sizeof k, "-");
        }
        bytes += len;
        rd_kafka_resp_err_t e;
        while ((e = rd_kafka_producev(rk, RD_KAFKA_V_TOPIC(topic), RD_KAFKA_V_PARTITION(part),
                                      RD_KAFKA_V_KEY(k, (size_t)klen),
                                      RD_KAFKA_V_VALUE(v, (size_t)len),
                                      RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_END)) ==
               RD_KAFKA_RESP_ERR__QUEUE_FULL)
            rd_kafka_poll(rk, 50);
        if (e)
            return fprintf(stderr, "%s\n", rd_kafka_err2name(e)), 1;
        if (!(i & 1023))
            rd_kafka_poll(rk, 0);
    }
    rd_kafka_flush(rk, 60000);
    printf("topic %s events %zu ticks %d value_bytes %lld mean %.1f errors %lld\n", topic, n, parts,
           (long long)bytes, (double)bytes / (double)(n + (size_t)parts), (long long)errors);
    printf("offered %lld answered %lld abandoned %lld within20 %lld wait_ms %lld handle_ms %lld\n",
           (long long)offered, (long long)answered, (long long)abandoned, (long long)within,
           (long long)waits, (long long)handles);
    rd_kafka_destroy(rk);
    return errors != 0;
}
