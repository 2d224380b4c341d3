/* The same events give the same records, wherever epochs are cut, however many shards there are and
 * in whatever order the events come. */
#include "core_fixture.h"

enum { EVENTS_MAX = 2000, CONTACTS = 150, SPREAD_MS = 5 * HOUR_MS };

/* ---- the same events, however they are cut ---- */

struct traffic {
    uint32_t count;
    struct core_event event[EVENTS_MAX];
    char name[CONTACTS][12];
};

static void traffic_add(struct traffic *traffic, struct core_event what)
{
    if (traffic->count == EVENTS_MAX)
        return;
    what.offset = traffic->count + 1;
    traffic->event[traffic->count++] = what;
}

/* A contact with most of what can happen to one, in an order that need not make sense. */
static void traffic_contact(struct traffic *traffic, struct core_random *random, uint32_t i)
{
    static const char *const client[] = {"acme", "bolt", "coda", "dune", "echo"};
    static const char *const queue[] = {"billing", "sales", "support"};
    static const uint8_t type[] = {
        RC_TYPE_answered, RC_TYPE_answered,    RC_TYPE_ended,    RC_TYPE_ended,    RC_TYPE_held,
        RC_TYPE_resumed,  RC_TYPE_abandoned,   RC_TYPE_left,     RC_TYPE_wrapped,  RC_TYPE_rated,
        RC_TYPE_reviewed, RC_TYPE_transferred, RC_TYPE_resolved, RC_TYPE_cancelled};
    snprintf(traffic->name[i], sizeof traffic->name[i], "c%u", i);
    struct core_event what = {.contact = traffic->name[i],
                              .client = client[core_draw(random, 5)],
                              .channel = core_draw(random, 3) == 0 ? RC_CHAT : RC_CALL};
    int64_t at = T0 + (int64_t)core_draw(random, SPREAD_MS / SECOND_MS) * SECOND_MS;
    uint64_t more = 1 + core_draw(random, 7);
    what.queue = queue[core_draw(random, 3)];
    for (uint64_t n = 0; n <= more; n++) {
        what.at = at;
        what.type = n == 0 ? RC_TYPE_queued : type[core_draw(random, sizeof type)];
        if (what.type == RC_TYPE_cancelled && core_draw(random, 4))
            what.type = RC_TYPE_ended;
        if (core_draw(random, 15) == 0)
            what.queue = queue[core_draw(random, 3)];
        if (core_draw(random, 3) == 0)
            what.customer = 1 + core_draw(random, 12);
        if (core_draw(random, 10) == 0)
            what.conversation = traffic->name[core_draw(random, i + 1)];
        what.value = what.type == RC_TYPE_rated ? (int64_t)core_draw(random, 5001)
                                                : (int64_t)core_draw(random, 4);
        what.opportunities = 10;
        what.flags = core_draw(random, 2) ? RC_EVENT_RESOLVED | RC_EVENT_CRITICAL : 0;
        traffic_add(traffic, what);
        if (core_draw(random, 12) == 0)
            traffic_add(traffic, what); /* a duplicate */
        at += (int64_t)(core_draw(random, 3) ? core_draw(random, 40 * SECOND_MS)
                                             : core_draw(random, 25 * MINUTE_MS));
    }
}

static int event_compare(const void *left, const void *right)
{
    const struct core_event *a = left, *b = right;
    if (a->at != b->at)
        return a->at < b->at ? -1 : 1;
    return a->offset < b->offset ? -1 : a->offset > b->offset;
}

static void traffic_make(struct traffic *traffic, uint64_t seed)
{
    struct core_random random = {seed};
    traffic->count = 0;
    for (uint32_t i = 0; i < CONTACTS; i++)
        traffic_contact(traffic, &random, i);
    qsort(traffic->event, traffic->count, sizeof *traffic->event, event_compare);
}

static void traffic_core(struct core *core, uint32_t shards, bool every_tick)
{
    core_init(core);
    core->shards = shards;
    core->config.windows.catch_up_all = every_tick;
    core->config.windows.rolling[0].every_ms = 5 * MINUTE_MS;
    core->config.windows.rolling[0].length_ms = 30 * MINUTE_MS;
    core->config.windows.interval[0].publish_every_ms = 5 * MINUTE_MS;
    core->config.windows.interval[1].publish_every_ms = 30 * MINUTE_MS;
    core->config.windows.interval[2].publish_every_ms = 30 * MINUTE_MS;
    core->contract[RC_CHAT].basis = RC_BASIS_ARRIVAL;
    core->contract[RC_CHAT].acw_expected = true;
    core->contract[RC_CHAT].acw_cap_ms = 10 * MINUTE_MS;
    core->contract[RC_CHAT].abandoned = RC_ABANDONED_CREDIT_SHORT;
    core->contract[RC_CHAT].flow_out = RC_FLOW_AGAINST;
    core->contract[RC_CALL].abandoned = RC_ABANDONED_IGNORE_WITHIN;
    core->contract[RC_CALL].fcr_window_ms = 40 * MINUTE_MS;
    core->contract[RC_CHAT].fcr_scope = RC_FCR_QUEUE;
    core->contract[RC_CHAT].fcr_window_ms = 90 * MINUTE_MS;
    core_open(core);
}

#define TRAFFIC_END (T0 + 26 * HOUR_MS) /* all is final, and restated where it changed */

/* On time: what lies before now has always come. `step`: most events in an epoch. */
static void run_on_time(struct core *core, const struct traffic *traffic, uint64_t seed,
                        uint64_t step)
{
    struct core_random random = {seed};
    static struct core_event part[EVENTS_MAX];
    uint32_t at = 0;
    while (at < traffic->count) {
        uint64_t count = 1 + core_draw(&random, step);
        if (count > traffic->count - at)
            count = traffic->count - at;
        memcpy(part, traffic->event + at, count * sizeof *part);
        for (uint64_t i = count; i > 1; i--) { /* shuffled within the epoch */
            uint64_t other = core_draw(&random, i);
            struct core_event swap = part[i - 1];
            part[i - 1] = part[other];
            part[other] = swap;
        }
        for (uint64_t i = 0; i < count; i++)
            core_put(core, part[i]);
        at += (uint32_t)count;
        if (at < traffic->count)
            core_now(core, traffic->event[at].at);
    }
    for (int64_t now = traffic->event[at - 1].at; now < TRAFFIC_END;) {
        now += 1 + (int64_t)core_draw(&random, 6 * HOUR_MS);
        core_now(core, now < TRAFFIC_END ? now : TRAFFIC_END);
    }
}

static bool same_place(const struct rc_record *a, const struct rc_record *b)
{
    return a->window == b->window && a->kind == b->kind && a->channel == b->channel &&
           a->total == b->total && a->start_ms == b->start_ms && a->end_ms == b->end_ms &&
           a->client_size == b->client_size && a->queue_size == b->queue_size &&
           !memcmp(a->text, b->text, (size_t)a->client_size + a->queue_size);
}

static void assert_same_record(const struct rc_record *a, const struct rc_record *b, uint32_t i)
{
    cr_assert(same_place(a, b), "record %u", i);
    cr_assert_eq(a->topic, b->topic);
    cr_assert_eq(a->status, b->status);
    cr_assert_eq(a->as_of_ms, b->as_of_ms);
    cr_assert_eq(a->revision, b->revision);
    cr_assert_eq(a->contract, b->contract);
    for (uint32_t f = 0; f < RC_FIGURE_COUNT; f++)
        cr_assert_eq(a->value[f], b->value[f], "record %u, %s", i, rc_figure_info[f].name);
}

static void compare_all(uint64_t seed, uint64_t step, uint32_t shards)
{
    static struct core first, second;
    static struct traffic traffic;
    traffic_make(&traffic, seed);
    traffic_core(&first, 1, true);
    run_on_time(&first, &traffic, 1, 50);
    traffic_core(&second, shards, true);
    run_on_time(&second, &traffic, seed + 1, step);
    cr_assert_gt(first.record_count, 3000);
    for (uint32_t i = 1; i < first.record_count; i++)
        cr_assert_lt(rc_record_compare(first.record[i - 1], first.record[i]), 0,
                     "records come in canonical order");
    cr_assert_eq(second.record_count, first.record_count, "%u, not %u", second.record_count,
                 first.record_count);
    for (uint32_t i = 0; i < first.record_count; i++)
        assert_same_record(second.record[i], first.record[i], i);
    core_close(&first);
    core_close(&second);
}

Test(agg, records_do_not_depend_on_where_epochs_are_cut)
{
    compare_all(1, 1, 1);
    compare_all(2, 7, 1);
    compare_all(3, 300, 1);
    compare_all(4, EVENTS_MAX, 1);
}

Test(agg, records_do_not_depend_on_the_number_of_shards)
{
    compare_all(11, 60, 2);
    compare_all(12, 60, 3);
    compare_all(13, 60, 4);
}

/* ---- the same events, however late ---- */

static int place_compare(const void *left, const void *right)
{
    const struct rc_record *a = *(const struct rc_record *const *)left;
    const struct rc_record *b = *(const struct rc_record *const *)right;
    int order = rc_text_compare(a->text, (uint32_t)a->client_size + a->queue_size, b->text,
                                (uint32_t)b->client_size + b->queue_size);
    if (!order)
        order = (int)a->client_size - b->client_size;
    if (!order)
        order = (int)a->channel - b->channel;
    if (!order)
        order = (int)a->window - (int)b->window;
    if (!order)
        order = a->start_ms < b->start_ms ? -1 : a->start_ms > b->start_ms;
    return order ? order : (int)a->revision - (int)b->revision;
}

/* Sorted by key, the last revision of each interval record that is not zero. */
static uint32_t last_ones(struct core *core, const struct rc_record **list)
{
    uint32_t count = 0, kept = 0;
    for (uint32_t i = 0; i < core->record_count; i++)
        if (core->record[i]->kind == RC_KIND_INTERVAL)
            list[count++] = core->record[i];
    qsort(list, count, sizeof *list, place_compare);
    for (uint32_t i = 0; i < count; i++)
        if ((i + 1 == count || !same_place(list[i], list[i + 1])) && !core_is_zero(list[i]))
            list[kept++] = list[i];
    return kept;
}

/* Late: events of hours come in any order, while now goes on. */
static void run_late(struct core *core, const struct traffic *traffic, uint64_t seed)
{
    struct core_random random = {seed};
    static struct core_event part[EVENTS_MAX];
    memcpy(part, traffic->event, traffic->count * sizeof *part);
    for (uint32_t i = traffic->count; i > 1; i--) {
        uint64_t reach = i < 400 ? i : 400, other = i - 1 - core_draw(&random, reach);
        struct core_event swap = part[i - 1];
        part[i - 1] = part[other];
        part[other] = swap;
    }
    int64_t now = T0;
    for (uint32_t at = 0; at < traffic->count;) {
        uint32_t stop = at + 1 + (uint32_t)core_draw(&random, 60);
        for (; at < traffic->count && at < stop; at++) {
            core_put(core, part[at]);
            if (part[at].at > now)
                now = part[at].at;
        }
        core_now(core, now);
    }
    core_now(core, TRAFFIC_END);
}

static void compare_last(uint64_t seed, uint32_t shards)
{
    static struct core punctual, tardy;
    static struct traffic traffic;
    traffic_make(&traffic, seed);
    traffic_core(&punctual, 1, false);
    run_on_time(&punctual, &traffic, 1, 50);
    traffic_core(&tardy, shards, false);
    run_late(&tardy, &traffic, seed * 31);
    cr_assert_gt(STAT(&tardy, late), 20);
    cr_assert_eq(tardy.dead_count, 0);
    const struct rc_record **a = calloc(punctual.record_count, sizeof *a);
    const struct rc_record **b = calloc(tardy.record_count, sizeof *b);
    uint32_t count = last_ones(&punctual, a), found = last_ones(&tardy, b);
    cr_assert_gt(count, 300);
    for (uint32_t i = 0; i < count && i < found; i++) {
        cr_assert(same_place(a[i], b[i]), "record %u: %.*s, not %.*s", i,
                  b[i]->client_size + b[i]->queue_size, b[i]->text,
                  a[i]->client_size + a[i]->queue_size, a[i]->text);
        for (uint32_t f = 0; f < RC_FIGURE_COUNT; f++)
            cr_assert(f == RC_FIG_oldest_wait_ms || a[i]->value[f] == b[i]->value[f],
                      "seed %lu record %u %.*s window %u: %s is %ld, not %ld", seed, i,
                      a[i]->client_size + a[i]->queue_size, a[i]->text, a[i]->window,
                      rc_figure_info[f].name, b[i]->value[f], a[i]->value[f]);
    }
    cr_assert_eq(found, count);
    free(a);
    free(b);
    core_close(&punctual);
    core_close(&tardy);
}

Test(agg, last_interval_records_do_not_depend_on_the_order_of_arrival)
{
    for (uint64_t seed = 1; seed <= 30; seed++)
        compare_last(seed, 1 + seed % 4);
}

/* A replay moves now after every line; its end publishes what would change once more. */
Test(agg, replay_ends_with_the_same_interval_records_as_a_live_run)
{
    static struct core live, replay;
    static struct traffic traffic;
    traffic_make(&traffic, 42);
    traffic_core(&live, 1, false);
    run_on_time(&live, &traffic, 1, 50);
    core_init(&replay);
    replay.replay = true;
    replay.provisional = false;
    memcpy(replay.contract, live.contract, sizeof live.contract);
    core_open(&replay);
    int64_t now = RC_TIME_NONE;
    struct core_random random = {7};
    static struct core_event part[EVENTS_MAX];
    memcpy(part, traffic.event, traffic.count * sizeof *part);
    for (uint32_t i = traffic.count; i > 1; i--) { /* lines out of order */
        uint64_t other = i - 1 - core_draw(&random, i < 30 ? i : 30);
        struct core_event swap = part[i - 1];
        part[i - 1] = part[other];
        part[other] = swap;
    }
    for (uint32_t i = 0; i < traffic.count; i++) {
        part[i].now_ms = now;
        core_put(&replay, part[i]);
        if (part[i].at - 1000 > now)
            now = part[i].at - 1000;
        if (i % 100 == 0)
            core_now(&replay, now);
    }
    core_mark(&replay, TRAFFIC_END, true);
    const struct rc_record **a = calloc(live.record_count, sizeof *a);
    const struct rc_record **b = calloc(replay.record_count, sizeof *b);
    uint32_t count = last_ones(&live, a), found = last_ones(&replay, b);
    for (uint32_t i = 0; i < count && i < found; i++) {
        cr_assert(same_place(a[i], b[i]));
        for (uint32_t f = 0; f < RC_FIGURE_COUNT; f++)
            cr_assert(f == RC_FIG_oldest_wait_ms || a[i]->value[f] == b[i]->value[f]);
    }
    cr_assert_eq(found, count);
    free(a);
    free(b);
    core_close(&live);
    core_close(&replay);
}
