/* State and windows from memory: what one event, and one record, costs the core, and whether that
 * stays flat as queues grow. Every queue gets the same number of events over the same hour.
 *
 *   bench_state [EVENTS_PER_QUEUE [RUNS]]
 *
 * Two runs of the same events differ in how often records are looked at (every 10 s, every 15 min):
 * from the two times and the two counts of records follow the cost per event and per record. The
 * control is a memcpy of the same events, in the same run. */
#define XXH_INLINE_ALL
#include "rollcall/aggregate.h"
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <xxhash.h>

enum { CHUNK = 1 << 15, PER_CLIENT = 20, SPAN_MS = 3600000, PER_CONTACT = 5 };
static const int64_t start_ms = 1767603600000; /* 2026-01-05T09:00:00Z */

static const struct rc_zone_step utc_step = {INT64_MIN, 0};
static const struct rc_zone utc = {"UTC", 1, &utc_step};

static uint64_t cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static struct rc_id128 no_pseudonym(const uint8_t key[32], const char *bytes, uint32_t size)
{
    (void)key;
    return (struct rc_id128){XXH3_64bits(bytes, size), size};
}

static void config_fill(struct rc_config *config, struct rc_dated_contract *dated, bool fine)
{
    *dated = (struct rc_dated_contract){INT64_MIN,
                                        {.has_service_level = true,
                                         .abandoned = RC_ABANDONED_IGNORE_SHORT,
                                         .sl_within_ms = 20000,
                                         .short_abandon_ms = 5000,
                                         .sl_target_bp = 8000,
                                         .aht_target_ms = 300000,
                                         .acw_cap_ms = 1800000,
                                         .fcr_window_ms = 7 * 86400000ll,
                                         .fcr_target_bp = 7500,
                                         .csat_satisfied_at = 4000,
                                         .csat_target_bp = 8500,
                                         .fingerprint = 1}};
    *config = (struct rc_config){.tasks = 1};
    config->limits = (struct rc_limits){5000000, 20000000, 200000, 1000, 1 << 20, 8ull << 30};
    config->time = (struct rc_times){.max_disorder_ms = 1000,
                                     .grace_ms = 900000,
                                     .restate_every_ms = 900000,
                                     .retention_ms = {345600000, 345600000, 7776000000},
                                     .open_tickets_ms = 31622400000,
                                     .identity_ms = 2592000000};
    config->windows.rolling_count = 2;
    config->windows.rolling[0] = (struct rc_rolling_window){"15m", 900000, fine ? 10000 : 900000};
    config->windows.rolling[1] = (struct rc_rolling_window){"1h", 3600000, fine ? 60000 : 3600000};
    config->windows.interval_count = 3;
    const enum rc_interval kind[] = {RC_30M, RC_DAY, RC_MONTH};
    for (uint32_t i = 0; i < 3; i++)
        config->windows.interval[i] = (struct rc_interval_window){kind[i], 1000, 8640000000ll};
    config->contracts.defaults.zone = &utc;
    for (uint32_t i = 0; i < RC_CHANNEL_COUNT; i++)
        config->contracts.defaults.channel[i] = config->contracts.defaults.total[i] =
            (struct rc_contract_list){1, dated};
}

/* The events of all queues, contact by contact interleaved, in the order of time. */
struct feed {
    uint32_t queues, per_queue;
    uint64_t next, total;
};

static uint32_t mixed(uint64_t n)
{
    n *= 0x9e3779b97f4a7c15u;
    return (uint32_t)(n >> 32 ^ n);
}

static uint32_t event_make(struct feed *feed, char *room)
{
    static const uint8_t type[PER_CONTACT] = {RC_TYPE_queued, RC_TYPE_answered, RC_TYPE_held,
                                              RC_TYPE_resumed, RC_TYPE_ended};
    /* stage s of a contact comes s * 40 s after its first; stages of different contacts
     * interleave */
    uint64_t n = feed->next++;
    uint64_t per_step = feed->queues, step = n / per_step, queue = n % per_step;
    uint32_t stage = (uint32_t)(step % PER_CONTACT);
    uint64_t contact = step / PER_CONTACT;
    struct rc_event *ev = (struct rc_event *)room;
    memset(ev, 0, sizeof *ev);
    char *text = ev->text;
    int size = snprintf(text, 64, "client-%" PRIu64, queue / PER_CLIENT);
    ev->client_size = (uint8_t)size;
    int queue_size = snprintf(text + size, 64, "queue-%" PRIu64, queue % PER_CLIENT);
    ev->queue_size = (uint8_t)queue_size;
    int id_size =
        snprintf(text + size + queue_size, 128, "c-%08" PRIu64 "-%08" PRIu64, queue, contact);
    ev->contact_size = (uint8_t)id_size;
    char key[256];
    memcpy(key, text, (size_t)size);
    key[size] = 0;
    memcpy(key + size + 1, text + size + queue_size, (size_t)id_size);
    ev->contact_hash = XXH3_64bits(key, (size_t)(size + 1 + id_size));
    ev->time_ms = start_ms + (int64_t)(n * (uint64_t)SPAN_MS / feed->total);
    ev->now_ms = RC_TIME_NONE;
    ev->offset = (int64_t)n;
    ev->type = type[stage];
    ev->channel = RC_CALL;
    if (stage == 0) {
        ev->flags = RC_EVENT_CUSTOMER;
        ev->customer = (struct rc_id128){mixed(n), n};
    }
    ev->size = (uint32_t)(sizeof *ev + (size_t)(size + queue_size + id_size) + 7) & ~7u;
    return ev->size;
}

struct count {
    uint64_t records;
};

static void take_record(void *opaque, enum rc_message kind, const void *message, uint32_t size)
{
    (void)message, (void)size;
    ((struct count *)opaque)->records += kind == RC_MESSAGE_RECORD;
}

struct result {
    double event_ns, copy_ns;
    uint64_t events, records, bytes, contacts, keys, panes;
};

static struct result run(uint32_t queues, uint32_t per_queue, bool fine)
{
    static char *chunk, *copy;
    struct rc_config config;
    struct rc_dated_contract dated;
    struct count count = {0};
    struct agg *agg;
    config_fill(&config, &dated, fine);
    struct agg_options options = {
        .config = &config, .shard_count = 1, .replay = true, .pseudonym = no_pseudonym};
    if (!chunk) {
        chunk = malloc((size_t)CHUNK * 512);
        copy = malloc((size_t)CHUNK * 512);
    }
    agg_open(&options, take_record, &count, &agg);
    struct feed feed = {queues, per_queue, 0, (uint64_t)queues * per_queue};
    uint64_t spent = 0, copied = 0, epoch = 0;
    int64_t last_ms = 0;
    while (feed.next < feed.total) {
        uint32_t used = 0, made = 0;
        for (; made < CHUNK && feed.next < feed.total; made++)
            used += event_make(&feed, chunk + used);
        uint64_t before = cpu_ns();
        memcpy(copy, chunk, used);
        copied += cpu_ns() - before;
        before = cpu_ns();
        for (uint32_t at = 0; at < used;) {
            const struct rc_event *ev = (const struct rc_event *)(chunk + at);
            agg_take(agg, ev);
            last_ms = ev->time_ms;
            at += ev->size;
        }
        struct rc_mark mark = {.epoch = ++epoch, .now_ms = last_ms - 1000};
        agg_mark(agg, &mark);
        spent += cpu_ns() - before;
    }
    const struct rc_shard_stats *stats = agg_stats(agg);
    struct result result = {(double)spent / (double)feed.total,
                            (double)copied / (double)feed.total,
                            feed.total,
                            count.records,
                            rc_counter_read(&stats->memory_bytes),
                            rc_counter_read(&stats->contacts_now),
                            rc_counter_read(&stats->keys_now),
                            rc_counter_read(&stats->panes_now)};
    agg_close(agg);
    return result;
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return x < y ? -1 : x > y;
}

int main(int argc, char **argv)
{
    uint32_t per_queue = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 100;
    uint32_t runs = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 7;
    static const uint32_t queues[] = {10, 100, 1000, 10000, 100000};
    printf("state and windows, %u events per queue over one hour, %u runs each\n", per_queue, runs);
    printf("%8s %10s %9s %9s %11s %11s %9s %12s %11s\n", "queues", "events", "min ns/ev",
           "med ns/ev", "ns/ev state", "ns/record", "x memcpy", "records", "B/contact");
    for (uint32_t i = 0; i < sizeof queues / sizeof *queues; i++) {
        double fine[64], state[64], record[64], copy[64];
        struct result f = {0}, c = {0};
        uint32_t n = runs > 64 ? 64 : runs;
        uint32_t again = queues[i] < 10000 ? 10000 / queues[i] : 1; /* small ones: repeat */
        for (uint32_t r = 0; r < n; r++) {
            double fine_ns = 0, coarse_ns = 0, copy_ns = 0;
            for (uint32_t a = 0; a < again; a++) {
                f = run(queues[i], per_queue, true);
                c = run(queues[i], per_queue, false);
                fine_ns += f.event_ns / again;
                coarse_ns += c.event_ns / again;
                copy_ns += f.copy_ns / again;
            }
            double per_event_f = (double)f.records / (double)f.events;
            double per_event_c = (double)c.records / (double)c.events;
            record[r] = (fine_ns - coarse_ns) / (per_event_f - per_event_c);
            state[r] = coarse_ns - record[r] * per_event_c;
            fine[r] = fine_ns;
            copy[r] = copy_ns;
        }
        qsort(fine, n, sizeof *fine, by_value);
        qsort(state, n, sizeof *state, by_value);
        qsort(record, n, sizeof *record, by_value);
        qsort(copy, n, sizeof *copy, by_value);
        printf("%8u %10" PRIu64 " %9.0f %9.0f %11.0f %11.0f %9.1f %12" PRIu64 " %11.0f\n",
               queues[i], f.events, fine[0], fine[n / 2], state[n / 2], record[n / 2],
               fine[n / 2] / copy[n / 2], f.records, (double)f.bytes / (double)f.contacts);
        fflush(stdout);
    }
    return 0;
}
