/* The shard's loop between two rings at full speed: ingest faster than the shard, the commit thread
 * slower than both, so that both rings fill; the figures that come out are checked, and each epoch
 * ends once. Positions of the rings begin just below 2^64. */
#include "rollcall/aggregate.h"

#include <pthread.h>
#include <sched.h>

enum {
    IN_BYTES = 1 << 14,
    OUT_BYTES = 1 << 14,
    EPOCHS = 120,
    CALLS = 150, /* in each epoch */
    QUEUES = 10,
    EPOCH_MS = 60000,
    SLEEP_MS = 200
};
#define T0 INT64_C(1767225600000) /* 2026-01-01T00:00:00Z */

static struct rc_config config;
static struct rc_ring in, out;
static char in_bytes[IN_BYTES] __attribute__((aligned(64)));
static char out_bytes[OUT_BYTES] __attribute__((aligned(64)));
static struct rc_park ingest_park, shard_park, commit_park;
static struct agg_shard *shard;
static uint64_t full_in; /* times that ingest found its ring full; read after the join */

static struct rc_id128 pseudonym(const uint8_t key[32], const char *bytes, uint32_t size)
{
    (void)key;
    (void)bytes;
    return (struct rc_id128){size, size};
}

static void config_fill(void)
{
    static const struct rc_zone_step step = {INT64_MIN, 0};
    static const struct rc_zone zone = {"UTC", 1, &step};
    static struct rc_dated_contract dated = {INT64_MIN,
                                             {.has_service_level = true,
                                              .sl_within_ms = 20000,
                                              .short_abandon_ms = RC_NULL,
                                              .sl_target_bp = 8000,
                                              .aht_target_ms = RC_NULL,
                                              .acw_cap_ms = 1800000,
                                              .fcr_window_ms = 86400000,
                                              .fcr_target_bp = RC_NULL,
                                              .csat_satisfied_at = RC_NULL,
                                              .csat_target_bp = RC_NULL,
                                              .fingerprint = 1}};
    config.tasks = 1;
    config.limits = (struct rc_limits){1 << 20, 1 << 20, 1 << 20, 10, 65536, 1ull << 40};
    config.time = (struct rc_times){.max_disorder_ms = 1000,
                                    .grace_ms = 60000,
                                    .restate_every_ms = 900000,
                                    .retention_ms = {3600000, 3600000, 3600000},
                                    .open_tickets_ms = 3600000,
                                    .identity_ms = 3600000};
    config.windows.rolling_count = 1;
    config.windows.rolling[0] = (struct rc_rolling_window){"1m", 60000, 1000};
    config.windows.interval_count = 1;
    config.windows.interval[0] = (struct rc_interval_window){RC_DAY, 60000, INT64_C(8640000000)};
    config.windows.catch_up_all = true;
    config.contracts.defaults.zone = &zone;
    for (uint32_t c = 0; c < RC_CHANNEL_COUNT; c++) {
        config.contracts.defaults.channel[c] = (struct rc_contract_list){1, &dated};
        config.contracts.defaults.total[c] = (struct rc_contract_list){1, &dated};
    }
}

/* ---- ingest ---- */

static void *in_reserve(uint32_t size, uint32_t kind)
{
    void *message;
    while (rc_ring_reserve(&in, size, kind, &message)) {
        rc_ring_commit(&in);
        rc_park_wake(&shard_park);
        full_in++;
        uint32_t ticket = rc_park_ticket(&ingest_park);
        if (!rc_ring_reserve(&in, size, kind, &message)) {
            rc_park_cancel(&ingest_park);
            break;
        }
        rc_park_sleep(&ingest_park, ticket, SLEEP_MS);
    }
    return message;
}

static void send_event(uint32_t number, uint8_t type, int64_t at)
{
    char text[32];
    uint32_t size =
        (uint32_t)snprintf(text, sizeof text, "acmequeue%uc%u", number % QUEUES, number);
    uint32_t whole = (uint32_t)(sizeof(struct rc_event) + size + 7) & ~7u;
    struct rc_event *ev = in_reserve(whole, RC_MESSAGE_EVENT);
    memset(ev, 0, whole);
    ev->size = whole;
    ev->time_ms = at;
    ev->now_ms = RC_TIME_NONE;
    ev->offset = number;
    ev->contact_hash = (number + 1) * UINT64_C(0x9e3779b97f4a7c15);
    ev->type = type;
    ev->client_size = 4;
    ev->queue_size = 6;
    ev->contact_size = (uint8_t)(size - 10);
    memcpy(ev->text, text, size);
}

static void *run_ingest(void *unused)
{
    (void)unused;
    for (uint32_t epoch = 0; epoch < EPOCHS; epoch++) {
        int64_t begin = T0 + (int64_t)epoch * EPOCH_MS;
        for (uint32_t i = 0; i < CALLS; i++) {
            uint32_t number = epoch * CALLS + i;
            int64_t at = begin + (int64_t)(i * 7 % CALLS) * 100; /* out of order */
            send_event(number, RC_TYPE_queued, at);
            send_event(number, RC_TYPE_answered, at + number % 30 * 1000);
        }
        struct rc_mark mark = {
            .epoch = epoch + 1, .now_ms = begin + EPOCH_MS, .wall_ms = RC_TIME_NONE};
        memcpy(in_reserve(sizeof mark, RC_MESSAGE_MARK), &mark, sizeof mark);
        rc_ring_commit(&in);
        rc_park_wake(&shard_park);
    }
    in_reserve(8, RC_MESSAGE_END);
    rc_ring_commit(&in);
    rc_park_wake(&shard_park);
    return NULL;
}

static void *run_shard(void *unused)
{
    (void)unused;
    agg_shard_run(shard);
    return NULL;
}

/* ---- commit ---- */

static int64_t last_answered, last_offered, last_met, last_of;

static void look(const struct rc_record *rec)
{
    RC_CHECK(rec->client_size == 4 && !memcmp(rec->text, "acme", 4));
    if (rec->kind != RC_KIND_INTERVAL || rec->total != 2)
        return;
    RC_CHECK(rec->value[RC_FIG_answered] >= last_answered);
    last_answered = rec->value[RC_FIG_answered];
    last_offered = rec->value[RC_FIG_offered];
    last_met = rec->value[RC_FIG_sl_met];
    last_of = rec->value[RC_FIG_sl_of];
}

static void out_wait(void)
{
    uint32_t ticket = rc_park_ticket(&commit_park);
    if (atomic_load_explicit(&out.tail, memory_order_acquire) != out.head_next) {
        rc_park_cancel(&commit_park);
        return;
    }
    rc_park_sleep(&commit_park, ticket, SLEEP_MS);
}

static uint64_t run_commit(void)
{
    uint64_t ended = 0, records = 0;
    while (ended < EPOCHS) {
        void *message;
        uint32_t size, kind;
        if (rc_ring_peek(&out, &message, &size, &kind)) {
            rc_ring_release(&out);
            rc_park_wake(&shard_park);
            out_wait();
            continue;
        }
        if (kind == RC_MESSAGE_END) {
            struct rc_end end;
            memcpy(&end, message, sizeof end);
            RC_CHECK(end.epoch == ++ended && end.from == 0);
            RC_CHECK(end.now_ms == T0 + (int64_t)ended * EPOCH_MS);
        } else {
            RC_CHECK(kind == RC_MESSAGE_RECORD && ((struct rc_record *)message)->size == size);
            look(message);
            records++;
        }
        if (records % 16 == 0) {
            rc_ring_release(&out);
            rc_park_wake(&shard_park);
            sched_yield();
        }
    }
    rc_ring_release(&out);
    return records;
}

/* Once the threads are joined. */
static uint64_t position(const _Atomic uint64_t *at)
{
    return atomic_load_explicit(at, memory_order_relaxed);
}

int main(void)
{
    pthread_t ingest, worker;
    config_fill();
    rc_ring_init(&in, in_bytes, IN_BYTES, UINT64_MAX - 7 - 8 * 100000);
    rc_ring_init(&out, out_bytes, OUT_BYTES, UINT64_MAX - 7 - 8 * 100000);
    struct agg_shard_options options = {
        .agg = {.config = &config, .shard_count = 1, .hash_secret = 1, .pseudonym = pseudonym},
        .in = &in,
        .self = &shard_park,
        .ingest = &ingest_park,
        .out = &out,
        .commit = &commit_park};
    RC_CHECK(agg_shard_open(&options, &shard) == RC_OK);
    RC_CHECK(pthread_create(&worker, NULL, run_shard, NULL) == 0);
    RC_CHECK(pthread_create(&ingest, NULL, run_ingest, NULL) == 0);
    uint64_t records = run_commit();
    RC_CHECK(pthread_join(ingest, NULL) == 0 && pthread_join(worker, NULL) == 0);
    /* waits are 0 to 29 s, each as often; at most 20 s is in time: 21 of 30 */
    RC_CHECK(last_offered == EPOCHS * CALLS && last_answered == EPOCHS * CALLS);
    RC_CHECK(last_of == EPOCHS * CALLS && last_met == EPOCHS * CALLS / 30 * 21);
    RC_CHECK(rc_counter_read(&agg_shard_stats(shard)->records) == records);
    RC_CHECK(rc_counter_read(&agg_shard_stats(shard)->events) == 2 * EPOCHS * CALLS);
    RC_CHECK(full_in > 0);                         /* there was backpressure */
    RC_CHECK(position(&in.tail) < UINT64_MAX / 2); /* it began just below 2^64 */
    RC_CHECK(position(&out.tail) < UINT64_MAX / 2);
    agg_shard_close(shard);
    printf("race_shard: done, %lu records, ingest waited %lu times\n", (unsigned long)records,
           (unsigned long)full_in);
    return 0;
}
