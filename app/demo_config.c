#include "demo_config.h"

#include "simulate_plan.h"

#include "rollcall/event.h"

static void write_client(const struct sim_options *options, uint32_t client, FILE *out)
{
    static const char *const contracts[] = {
        "{within: 20s, target: 80%, abandoned: ignore_short, short_abandon: 5s}",
        "{within: 30s, target: 90%, abandoned: against}",
        "{within: 15s, target: 75%, abandoned: credit_within}"};
    struct sim_plan plan;
    char queue[SIM_NAME_SIZE];
    sim_plan_client(options, client, &plan);
    fprintf(out, "  %s:\n    timezone: %s\n    call: {service_level: %s}\n    queues:\n", plan.name,
            plan.zone->name, contracts[client % 3]);
    for (uint32_t i = 0; i < options->queues_per_client; i++) {
        sim_plan_queue_name(i, queue);
        fprintf(out, "      %s: {call: {aht: {target: %llds}}}\n", queue,
                (long long)(sim_plan_busy_ms(i, RC_CALL) / 1000 * 21 / 20));
    }
}

void demo_config_write(const struct sim_options *options, const char *brokers, FILE *out)
{
    fprintf(out,
            "kafka:\n"
            "  brokers: \"%s\"\n"
            "  group: rollcall-demo\n"
            "  topics: {contact.calls: call, contact.chats: chat}\n"
            "output: {partitions: %d, commit_every: 200ms, delivery: at_least_once}\n"
            "time: {idle_after: 1s}\n"
            "http: {listen: off}\n"
            "windows:\n"
            "  rolling: [{name: 15m, length: 15m, every: 10s}]\n"
            "  interval: [30m, day]\n"
            "defaults:\n"
            "  timezone: UTC\n"
            "  call: {service_level: {within: 20s, target: 80%%, abandoned: against}}\n"
            "  chat: {service_level: {within: 60s, target: 85%%, abandoned: ignore_within}}\n"
            "  fcr: {window: 7d, target: 75%%}\n"
            "  csat: {satisfied_at: 4, target: 80%%}\n"
            "clients:\n",
            brokers, DEMO_PARTITIONS);
    for (uint32_t i = 0; i < options->clients; i++)
        write_client(options, i, out);
}
