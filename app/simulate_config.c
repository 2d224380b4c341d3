/* The configuration that fits a simulation: its clients, zones, opening hours and queues, with
 * contracts as they are usual. */
#include "simulate_plan.h"

#include "rollcall/event.h"

#include <ctype.h>
#include <string.h>

enum { CALENDARS_MAX = 64 };

/* "office-new-york" */
static void calendar_name(const struct sim_plan *plan, size_t size, char *ret_name)
{
    const char *city = strchr(plan->zone->name, '/');
    int length = snprintf(ret_name, size, "%s-%s", plan->hours->name, city ? city + 1 : "utc");
    for (int i = 0; i < length && (size_t)i < size - 1; i++) {
        int c = tolower((unsigned char)ret_name[i]);
        ret_name[i] = (char)(c == '_' ? '-' : c);
    }
}

/* Clients in one zone with the same hours share a calendar. */
static void write_calendars(const struct sim_options *options, FILE *out)
{
    struct sim_plan plan, seen[CALENDARS_MAX];
    uint32_t count = 0, known;
    char name[64];

    fputs("calendars:\n", out);
    for (uint32_t i = 0; i < options->clients && count < CALENDARS_MAX; i++) {
        sim_plan_client(options, i, &plan);
        for (known = 0; known < count; known++)
            if (seen[known].zone == plan.zone && seen[known].hours == plan.hours)
                break;
        if (known < count)
            continue;
        seen[count++] = plan;
        calendar_name(&plan, sizeof(name), name);
        fprintf(out, "  %s:\n    timezone: %s\n    week: {%s}\n", name, plan.zone->name,
                plan.hours->week);
    }
}

static int64_t aht_target_s(uint32_t queue, uint8_t channel)
{
    return (sim_plan_busy_ms(queue, channel) / 1000 * 21 / 20 + 9) / 10 * 10;
}

static bool has_calls(const struct sim_options *options)
{
    return options->chat_share + options->ticket_share < 1.0;
}

/* The clocks of tickets: by opening hours, by the wall clock for every third client, and what was
 * agreed case by case. */
static void write_clocks(uint32_t client, const char *calendar, FILE *out)
{
    char hours[96] = "";
    if (client % 3 != 2)
        snprintf(hours, sizeof hours, ", calendar: %s", calendar);
    fprintf(out,
            "    ticket:\n"
            "      slas:\n"
            "        - {name: first response, measure: first_response, "
            "within: {urgent: 1h, high: 4h, default: 8h}, target: 95%%%s}\n"
            "        - {name: resolution, measure: resolution, within: %s, target: 90%%%s}\n"
            "        - {name: agreed, measure: resolution, within: event, target: 98%%}\n",
            hours, client % 3 == 2 ? "3d" : "24h", hours);
}

static void write_client(const struct sim_options *options, uint32_t client, FILE *out)
{
    struct sim_plan plan;
    char calendar[64], queue[SIM_NAME_SIZE];
    static const char *const contracts[] = {
        "{within: 20s, target: 80%, abandoned: ignore_short, short_abandon: 5s",
        "{within: 30s, target: 90%, abandoned: against",
        "{within: 15s, target: 75%, abandoned: credit_within",
    };

    sim_plan_client(options, client, &plan);
    calendar_name(&plan, sizeof(calendar), calendar);
    fprintf(out, "  %s:\n    timezone: %s\n", plan.name, plan.zone->name);
    if (has_calls(options))
        fprintf(out, "    call: {service_level: %s, calendar: %s}}\n", contracts[client % 3],
                calendar);
    if (options->chat_share > 0.0)
        fprintf(out, "    chat: {service_level: {calendar: %s}}\n", calendar);
    if (options->ticket_share > 0.0)
        write_clocks(client, calendar, out);
    fputs("    queues:\n", out);
    for (uint32_t i = 0; i < options->queues_per_client; i++) {
        sim_plan_queue_name(i, queue);
        fprintf(out, "      %s: {", queue);
        if (has_calls(options))
            fprintf(out, "call: {aht: {target: %llds}}%s", (long long)aht_target_s(i, RC_CALL),
                    options->chat_share > 0.0 ? ", " : "");
        if (options->chat_share > 0.0)
            fprintf(out, "chat: {aht: {target: %llds}}", (long long)aht_target_s(i, RC_CHAT));
        fputs("}\n", out);
    }
}

void sim_write_config(const struct sim_options *options, FILE *out)
{
    fprintf(out, "# Fits a simulation of %u clients with %u queues each.\n", options->clients,
            options->queues_per_client);
    fputs("windows:\n"
          "  rolling: [{name: 15m, length: 15m, every: 1m}, {name: 1h, length: 1h, every: 5m}]\n"
          "  interval: [30m, day]\n",
          out);
    write_calendars(options, out);
    fputs("defaults:\n"
          "  timezone: UTC\n"
          "  call: {service_level: {within: 20s, target: 80%, abandoned: against}}\n"
          "  chat: {service_level: {within: 60s, target: 85%, abandoned: ignore_within}}\n"
          "  fcr: {window: 7d, target: 75%}\n"
          "  csat: {satisfied_at: 4, target: 80%}\n"
          "clients:\n",
          out);
    for (uint32_t i = 0; i < options->clients; i++)
        write_client(options, i, out);
}
