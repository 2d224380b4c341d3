#include "cmd_simulate.h"
#include "simulate_args.h"
#include "simulate_model.h"
#include "simulate_plan.h"
#include "simulate_random.h"

#include "rollcall/event.h"

#include <criterion/criterion.h>
#include <string.h>

enum { TABLE_SIZE = 1 << 18, HOUR_MS = 3600000, DAY_MS = 24 * HOUR_MS };

/* What the events of one client say of a contact. */
struct visit {
    char contact[16];
    int64_t queued_ms, answered_ms, ended_ms;
    bool was_answered, was_ended, was_abandoned;
};

struct table {
    uint32_t count;
    struct visit *visit;
};

static uint64_t hash_bytes(uint64_t hash, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        hash = (hash ^ (unsigned char)bytes[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static struct visit *find_visit(struct table *table, const char *contact, bool make)
{
    uint64_t at = hash_bytes(UINT64_C(0xcbf29ce484222325), contact, strlen(contact)) >> 20;
    for (;; at++) {
        struct visit *visit = &table->visit[at % TABLE_SIZE];
        if (!strcmp(visit->contact, contact))
            return visit;
        if (!visit->contact[0]) {
            cr_assert(make, "contact %s is queued first", contact);
            cr_assert(++table->count < TABLE_SIZE / 2);
            snprintf(visit->contact, sizeof(visit->contact), "%s", contact);
            return visit;
        }
    }
}

/* The text of a field of the event's JSON; false when it is not there. */
static bool field(const struct sim_event *ev, const char *name, size_t size, char *ret_text)
{
    char key[32];
    int key_len = snprintf(key, sizeof(key), "\"%s\":\"", name);
    const char *at = memmem(ev->json, ev->json_len, key, (size_t)key_len);
    if (!at)
        return false;
    at += key_len;
    size_t length = (size_t)((const char *)memchr(at, '"', 128) - at);
    cr_assert_lt(length, size);
    memcpy(ret_text, at, length);
    ret_text[length] = '\0';
    return true;
}

static int64_t event_time(const struct sim_event *ev)
{
    char text[40];
    int64_t time_ms;
    cr_assert(field(ev, "time", sizeof(text), text));
    cr_assert(sim_parse_time(text, &time_ms));
    return time_ms;
}

static bool is_type(const struct sim_event *ev, const char *type)
{
    char text[16];
    return field(ev, "type", sizeof(text), text) && !strcmp(text, type);
}

/* Takes one event in; true when it says something of waiting or handling. */
static void take_in(struct table *table, const struct sim_event *ev)
{
    char contact[16];
    cr_assert(field(ev, "contact", sizeof(contact), contact));
    struct visit *visit = find_visit(table, contact, is_type(ev, "queued"));
    int64_t time_ms = event_time(ev);
    if (is_type(ev, "queued")) {
        visit->queued_ms = time_ms;
    } else if (is_type(ev, "answered")) {
        cr_assert(!visit->was_answered && !visit->was_abandoned);
        visit->was_answered = true;
        visit->answered_ms = time_ms;
    } else if (is_type(ev, "abandoned")) {
        cr_assert(!visit->was_answered && !visit->was_abandoned);
        visit->was_abandoned = true;
        visit->answered_ms = time_ms;
    } else if (is_type(ev, "left")) {
        visit->answered_ms = time_ms;
    } else if (is_type(ev, "ended")) {
        cr_assert(visit->was_answered && !visit->was_ended);
        visit->was_ended = true;
        visit->ended_ms = time_ms;
    }
}

static struct sim *open_sim(const struct sim_options *options)
{
    struct sim *sim = NULL;
    cr_assert_eq(sim_open(options, &sim), RC_OK);
    return sim;
}

static struct table read_all(const struct sim_options *options)
{
    struct table table = {.visit = calloc(TABLE_SIZE, sizeof(struct visit))};
    struct sim *sim = open_sim(options);
    struct sim_event ev;
    cr_assert_not_null(table.visit);
    while (sim_next(sim, &ev))
        take_in(&table, &ev);
    cr_assert_eq(sim_status(sim), RC_OK);
    cr_assert_eq(table.count, sim_contacts(sim));
    sim_close(sim);
    return table;
}

static uint64_t hash_of(const struct sim_options *options, uint64_t *ret_events)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325), events = 0;
    struct sim *sim = open_sim(options);
    struct sim_event ev;
    for (; sim_next(sim, &ev); events++)
        hash = hash_bytes(hash_bytes(hash, ev.json, ev.json_len), "\n", 1);
    sim_close(sim);
    *ret_events = events;
    return hash;
}

static struct sim_options one_steady_queue(void)
{
    struct sim_options options = sim_default_options();
    options.clients = options.queues_per_client = 1;
    options.chat_share = 0;
    options.flat = true;
    options.contacts_per_day_per_queue = 6000;
    options.duration_ms = 2 * DAY_MS;
    return options;
}

Test(simulate, same_seed_gives_the_same_bytes_and_another_seed_others)
{
    struct sim_options options = sim_default_options();
    options.clients = 40;
    options.events_max = 200000;
    options.disorder_ms = 5000;
    options.duplicate_ppm = options.late_ppm = options.damaged_ppm = 5000;
    uint64_t events;
    uint64_t first = hash_of(&options, &events);
    cr_assert_eq(events, 200000);
    cr_assert_eq(hash_of(&options, &events), first);
    options.seed++;
    cr_assert_neq(hash_of(&options, &events), first);
}

/* The value changes whenever the model does, and with nothing else: neither machine, compiler nor
 * library. */
Test(simulate, bytes_of_the_default_world_are_those_of_every_machine)
{
    struct sim_options options = sim_default_options();
    uint64_t events;
    uint64_t hash = hash_of(&options, &events);
    cr_assert_eq(hash, UINT64_C(0x38c82a0b13693ffd), "%#llx", (unsigned long long)hash);
}

Test(simulate, events_come_in_order_of_time_unless_disorder_is_asked_for)
{
    struct sim_options options = sim_default_options();
    options.clients = 30;
    struct sim *sim = open_sim(&options);
    struct sim_event ev;
    int64_t before_ms = options.start_ms;
    while (sim_next(sim, &ev)) {
        cr_assert_geq(ev.time_ms, before_ms);
        cr_assert_eq(ev.emit_ms, ev.time_ms);
        cr_assert_eq(event_time(&ev), ev.time_ms);
        cr_assert_eq(ev.json[0], '{');
        cr_assert_eq(ev.json[ev.json_len - 1], '}');
        before_ms = ev.time_ms;
    }
    sim_close(sim);
}

Test(simulate, disorder_stays_within_what_was_asked_and_the_wire_never_goes_back)
{
    struct sim_options options = sim_default_options();
    options.disorder_ms = 800;
    struct sim *sim = open_sim(&options);
    struct sim_event ev;
    int64_t emit_ms = 0, largest_ms = 0;
    uint64_t overtaken = 0;
    while (sim_next(sim, &ev)) {
        cr_assert_geq(ev.emit_ms, emit_ms);
        cr_assert(ev.emit_ms - ev.time_ms >= 0 && ev.emit_ms - ev.time_ms <= 800);
        cr_assert_leq(largest_ms - ev.time_ms, 800);
        overtaken += ev.time_ms < largest_ms;
        largest_ms = ev.time_ms > largest_ms ? ev.time_ms : largest_ms;
        emit_ms = ev.emit_ms;
    }
    cr_assert_gt(overtaken, 1000);
    sim_close(sim);
}

Test(simulate, duplicates_late_and_damaged_events_are_as_many_as_asked_for)
{
    struct sim_options options = sim_default_options();
    uint64_t plain, all = 0, late = 0, damaged = 0;
    options.clients = 20;
    hash_of(&options, &plain);
    options.disorder_ms = 500;
    options.duplicate_ppm = 30000;
    options.late_ppm = 20000;
    options.damaged_ppm = 10000;
    struct sim *sim = open_sim(&options);
    struct sim_event ev;
    while (sim_next(sim, &ev)) {
        all++;
        damaged += ev.damaged;
        late += ev.emit_ms - ev.time_ms > 1000;
        cr_assert_null(memchr(ev.json, '\n', ev.json_len));
    }
    sim_close(sim);
    double events = (double)plain;
    cr_assert_float_eq((double)damaged / events, 0.01, 0.001);
    cr_assert_float_eq((double)late / events, 0.0206, 0.002); /* some of them twice */
    cr_assert_float_eq((double)(all - damaged) / events, 1.03, 0.002);
}

Test(simulate, duplicates_have_the_same_bytes_as_the_event_itself)
{
    struct sim_options options = sim_default_options();
    options.duplicate_ppm = 1000000;
    options.events_max = 2000;
    struct sim *sim = open_sim(&options);
    struct sim_event ev;
    char first[512];
    while (sim_next(sim, &ev)) {
        memcpy(first, ev.json, ev.json_len);
        first[ev.json_len] = '\0';
        cr_assert(sim_next(sim, &ev));
        cr_assert_eq(strlen(first), ev.json_len);
        cr_assert_arr_eq(first, ev.json, ev.json_len);
    }
    sim_close(sim);
}

/* Waits are summed per contact; the line is looked at once a second, which knows nothing of them.
 */
Test(simulate, littles_law_holds_in_a_steady_queue_from_the_events_alone)
{
    struct sim_options options = one_steady_queue();
    options.load = 1.4;
    struct table table = {.visit = calloc(TABLE_SIZE, sizeof(struct visit))};
    struct sim *sim = open_sim(&options);
    struct sim_event ev;
    int64_t tick_ms = options.start_ms, waiting = 0, handling = 0;
    double seen_waiting = 0, seen_handling = 0, ticks = 0, wait_ms = 0, handle_ms = 0;

    while (sim_next(sim, &ev)) {
        for (; tick_ms < ev.time_ms && waiting + handling > 0; tick_ms += 1000, ticks++) {
            seen_waiting += (double)waiting;
            seen_handling += (double)handling;
        }
        tick_ms = tick_ms < ev.time_ms ? ev.time_ms : tick_ms;
        take_in(&table, &ev);
        waiting += is_type(&ev, "queued");
        waiting -= is_type(&ev, "answered") || is_type(&ev, "abandoned") || is_type(&ev, "left");
        handling += is_type(&ev, "answered") - is_type(&ev, "ended");
    }
    cr_assert(waiting == 0 && handling == 0);
    for (uint32_t i = 0; i < TABLE_SIZE; i++) {
        const struct visit *visit = &table.visit[i];
        wait_ms += visit->contact[0] ? (double)(visit->answered_ms - visit->queued_ms) : 0;
        handle_ms += visit->was_ended ? (double)(visit->ended_ms - visit->answered_ms) : 0;
    }
    double rate = table.count / (ticks * 1000), wait = wait_ms / table.count;
    cr_assert_gt(seen_waiting / ticks, 1.0);
    cr_assert_float_eq(seen_waiting / ticks / (rate * wait), 1.0, 0.02);
    cr_assert_float_eq(seen_handling / ticks / (handle_ms / (ticks * 1000)), 1.0, 0.01);
    sim_close(sim);
    free(table.visit);
}

static double abandon_share(double load)
{
    struct sim_options options = one_steady_queue();
    options.load = load;
    struct table table = read_all(&options);
    double abandoned = 0;
    for (uint32_t i = 0; i < TABLE_SIZE; i++)
        abandoned += table.visit[i].was_abandoned;
    double share = abandoned / table.count;
    free(table.visit);
    return share;
}

Test(simulate, more_customers_give_up_where_there_are_fewer_agents)
{
    double few = abandon_share(0.7), some = abandon_share(1.1), many = abandon_share(1.6);
    cr_assert_lt(few, 0.01);
    cr_assert_gt(some, few + 0.01);
    cr_assert_gt(many, some + 0.1);
}

/* Exponential patience: the same risk in every second of waiting, until an agent is called, which
 * takes 2 s on average. */
Test(simulate, customers_give_up_at_the_rate_that_their_patience_says)
{
    struct sim_options options = one_steady_queue();
    options.load = 1.4;
    options.patience_ms = 120000;
    struct table table = read_all(&options);
    double waited_ms = 0, abandoned = 0;
    for (uint32_t i = 0; i < TABLE_SIZE; i++) {
        const struct visit *visit = &table.visit[i];
        waited_ms += (double)(visit->answered_ms - visit->queued_ms) - 2000.0 * visit->was_answered;
        abandoned += visit->was_abandoned;
    }
    cr_assert_gt(abandoned, 500);
    cr_assert_float_eq(waited_ms / abandoned / 120000, 1, 0.08);
    free(table.visit);
}

Test(simulate, every_answered_contact_has_ended_and_every_other_one_is_gone)
{
    struct sim_options options = sim_default_options();
    options.clients = 1;
    options.queues_per_client = 4;
    options.contacts_per_day_per_queue = 2000;
    options.load = 1.3;
    struct table table = read_all(&options);
    uint32_t answered = 0;
    cr_assert_gt(table.count, 4000);
    for (uint32_t i = 0; i < TABLE_SIZE; i++) {
        const struct visit *visit = &table.visit[i];
        answered += visit->was_answered;
        cr_assert_eq(visit->was_answered, visit->was_ended);
        cr_assert(!visit->contact[0] || visit->answered_ms > visit->queued_ms);
        cr_assert(!visit->was_ended || visit->ended_ms > visit->answered_ms);
    }
    cr_assert_gt(answered, table.count / 2);
    free(table.visit);
}

Test(simulate, an_agent_has_one_call_and_up_to_so_many_chats_at_a_time)
{
    struct sim_options options = sim_default_options();
    options.clients = 1;
    options.contacts_per_day_per_queue = 3000;
    options.parallel_chats = 4;
    options.load = 1.2;
    options.chat_share = 0.5;
    struct sim *sim = open_sim(&options);
    struct sim_event ev;
    uint32_t busy[2][2000] = {0}, most[2] = {0};
    while (sim_next(sim, &ev)) {
        char agent[16];
        if (!is_type(&ev, "answered") && !is_type(&ev, "ended"))
            continue;
        cr_assert(field(&ev, "agent", sizeof(agent), agent));
        uint32_t number = (uint32_t)strtoul(agent + 2, NULL, 10);
        cr_assert_lt(number, 2000);
        uint32_t *count = &busy[ev.channel][number];
        *count += is_type(&ev, "answered") ? 1U : UINT32_MAX;
        most[ev.channel] = *count > most[ev.channel] ? *count : most[ev.channel];
    }
    cr_assert_eq(most[RC_CALL], 1);
    cr_assert_eq(most[RC_CHAT], 4);
    sim_close(sim);
}

Test(simulate, transferred_contacts_go_on_in_another_queue_with_one_conversation)
{
    struct sim_options options = sim_default_options();
    struct sim *sim = open_sim(&options);
    struct sim_event ev;
    char contact[16], client[32], text[16];
    uint32_t transfers = 0, legs = 0;
    int64_t time_ms = -1;
    while (sim_next(sim, &ev)) {
        if (is_type(&ev, "transferred")) {
            transfers++;
            time_ms = ev.time_ms;
            cr_assert(field(&ev, "contact", sizeof(contact), contact));
            cr_assert(field(&ev, "client", sizeof(client), client));
        } else if (is_type(&ev, "queued") && field(&ev, "conversation", sizeof(text), text)) {
            legs++;
            cr_assert(time_ms != ev.time_ms || !strcmp(text, contact));
            cr_assert_eq(ev.client_len, strlen(client));
        }
    }
    cr_assert_gt(transfers, 500);
    cr_assert_geq(legs, transfers);
    sim_close(sim);
}

Test(simulate, arrivals_of_a_flat_day_are_as_scattered_as_poisson_says)
{
    struct sim_options options = one_steady_queue();
    options.contacts_per_day_per_queue = 2400;
    options.duration_ms = 10 * DAY_MS;
    options.load = 0.3;
    struct sim *sim = open_sim(&options);
    struct sim_event ev;
    double count[240] = {0}, sum = 0, squares = 0;
    while (sim_next(sim, &ev))
        if (is_type(&ev, "queued"))
            count[(ev.time_ms - options.start_ms) / HOUR_MS]++;
    for (int i = 48; i < 240; i++) { /* after those who call again have become steady */
        sum += count[i];
        squares += count[i] * count[i];
    }
    double mean = sum / 192, variance = squares / 192 - mean * mean;
    cr_assert_float_eq(mean, 100 / (1 - 0.18 * 0.45), 3);
    cr_assert_float_eq(variance / mean, 1, 0.3);
    sim_close(sim);
}

Test(simulate, opening_hours_follow_summer_time)
{
    struct sim_options options = sim_default_options();
    struct sim_plan plan;
    int64_t friday, monday;
    sim_plan_client(&options, 0, &plan);
    cr_assert_str_eq(plan.zone->name, "America/New_York");
    cr_assert(sim_parse_time("2026-03-06T08:00:00-05:00", &friday));
    cr_assert(sim_parse_time("2026-03-09T08:00:00-04:00", &monday));
    cr_assert_eq(sim_plan_weight(&plan, friday - SIM_QUARTER_MS), 0);
    cr_assert_gt(sim_plan_weight(&plan, friday), 0);
    cr_assert_eq(sim_plan_weight(&plan, monday - SIM_QUARTER_MS), 0);
    cr_assert_gt(sim_plan_weight(&plan, monday), 0);
}

Test(simulate, exponential_and_lognormal_times_have_the_mean_that_was_asked_for)
{
    struct sim_random random;
    double exponential = 0, squares = 0, lognormal = 0;
    sim_random_init(&random, 7, 0);
    for (int i = 0; i < 400000; i++) {
        double value = (double)sim_random_exponential(&random, 60000);
        exponential += value;
        squares += value * value;
        lognormal += (double)sim_random_lognormal(&random, 60000, 45875);
    }
    double mean = exponential / 400000;
    cr_assert_float_eq(mean / 60000, 1, 0.01);
    cr_assert_float_eq(squares / 400000 / (mean * mean), 2, 0.05);
    cr_assert_float_eq(lognormal / 400000 / 60000, 1, 0.01);
}

Test(simulate, options_out_of_range_are_refused)
{
    struct sim_options options = sim_default_options();
    struct sim *sim = NULL;
    options.clients = 0;
    cr_assert_not_null(sim_check_options(&options));
    cr_assert_eq(sim_open(&options, &sim), RC_ERR_USAGE);
    cr_assert_null(sim);
}

static enum rc_error stop_at_ten(void *opaque, const struct sim_event *ev)
{
    (void)ev;
    return ++*(int *)opaque == 10 ? RC_ERR_IO : RC_OK;
}

Test(simulate, a_sink_that_fails_stops_the_run_with_its_error)
{
    struct sim_options options = sim_default_options();
    struct sim *sim = open_sim(&options);
    int count = 0;
    cr_assert_eq(sim_run(sim, stop_at_ten, &count), RC_ERR_IO);
    cr_assert_eq(count, 10);
    sim_close(sim);
}

Test(simulate, the_configuration_names_every_client_queue_and_calendar)
{
    struct sim_options options = sim_default_options();
    char *text = NULL;
    size_t size = 0;
    options.clients = 60;
    FILE *stream = open_memstream(&text, &size);
    cr_assert_not_null(stream);
    sim_write_config(&options, stream);
    cr_assert_eq(fclose(stream), 0);
    for (uint32_t i = 0; i < options.clients; i++) {
        struct sim_plan plan;
        char line[64];
        sim_plan_client(&options, i, &plan);
        snprintf(line, sizeof(line), "\n  %s:\n    timezone: %s\n", plan.name, plan.zone->name);
        cr_assert_not_null(strstr(text, line), "%s", line);
    }
    const char *calendar = text;
    while ((calendar = strstr(calendar, "calendar: "))) {
        char name[64];
        calendar += strlen("calendar: ");
        snprintf(name, sizeof(name), "\n  %.*s:\n", (int)strcspn(calendar, "}"), calendar);
        cr_assert_not_null(strstr(text, name), "%s", name);
    }
    free(text);
}

Test(simulate, counts_durations_times_and_shares_are_read_strictly)
{
    uint64_t count;
    uint32_t ppm;
    int64_t ms;
    cr_assert(sim_parse_count("40k", UINT64_MAX, &count) && count == 40000);
    cr_assert(!sim_parse_count("40kk", UINT64_MAX, &count));
    cr_assert(!sim_parse_count("-1", UINT64_MAX, &count));
    cr_assert(!sim_parse_count("99999999999999999999", UINT64_MAX, &count));
    cr_assert(sim_parse_duration("90m", &ms) && ms == 90 * 60000);
    cr_assert(!sim_parse_duration("90", &ms));
    cr_assert(!sim_parse_duration("", &ms));
    cr_assert(sim_parse_time("2026-01-05", &ms) && ms == 1767571200000);
    cr_assert(sim_parse_time("2026-01-05T01:00:00.5+01:00", &ms) && ms == 1767571200500);
    cr_assert(!sim_parse_time("2026-02-29", &ms));
    cr_assert(!sim_parse_time("2026-01-05T24:00:00Z", &ms));
    cr_assert(sim_parse_share("0.5%", 1000000, &ppm) && ppm == 5000);
    cr_assert(sim_parse_share("0.25", 1000000, &ppm) && ppm == 250000);
    cr_assert(!sim_parse_share("101%", 1000000, &ppm));
    cr_assert(!sim_parse_share("1.", 1000000, &ppm));
}

Test(simulate, a_wrong_command_line_exits_with_64_and_an_impossible_file_with_74)
{
    char *bad_count[] = {"simulate", "--clients", "many", NULL};
    char *bad_range[] = {"simulate", "--clients", "0", NULL};
    char *bad_word[] = {"simulate", "now", NULL};
    char *bad_file[] = {"simulate", "--quiet", "--out", "/dev/null/none", NULL};
    char *full[] = {"simulate", "--quiet", "--out", "/dev/full", NULL};
    char *good[] = {"simulate", "--quiet", "--out", "/dev/null", "--events", "1k", NULL};
    cr_assert_eq(cmd_simulate(3, bad_count), 64);
    cr_assert_eq(cmd_simulate(3, bad_range), 64);
    cr_assert_eq(cmd_simulate(2, bad_word), 64);
    cr_assert_eq(cmd_simulate(4, bad_file), 74);
    cr_assert_eq(cmd_simulate(4, full), 74);
    cr_assert_eq(cmd_simulate(6, good), 0);
}
