/* The lines of a client: when somebody comes, and which agents are there. */
#include "simulate_desk.h"

#include "rollcall/check.h"

#include <string.h>

uint32_t sim_lines_weight(struct sim_client *client, int64_t at_ms)
{
    int64_t from_ms = at_ms - at_ms % SIM_QUARTER_MS;
    if (client->weight_from_ms != from_ms) {
        client->weight_from_ms = from_ms;
        client->weight = sim_plan_weight(&client->plan, from_ms);
    }
    return client->weight;
}

static uint64_t quarter_contacts(struct sim_client *client, const struct sim_line *line,
                                 int64_t at_ms)
{
    return line->contacts_q24 * sim_lines_weight(client, at_ms) / client->plan.weight_sum;
}

/* The rate is constant within a quarter; a unit exponential is used up along it, which is exact. */
int64_t sim_lines_next_arrival(struct sim_client *client, const struct sim_house *house,
                               const struct sim_line *line, int64_t from_ms)
{
    uint64_t left_q24 = sim_random_unit(&client->random);
    while (from_ms < house->end_ms) {
        int64_t quarter_end_ms = (from_ms / SIM_QUARTER_MS + 1) * SIM_QUARTER_MS;
        uint64_t rate = quarter_contacts(client, line, from_ms);
        uint64_t here = rate * (uint64_t)(quarter_end_ms - from_ms) / SIM_QUARTER_MS;
        if (left_q24 < here) {
            int64_t at_ms = from_ms + (int64_t)(left_q24 * SIM_QUARTER_MS / rate);
            return at_ms < house->end_ms ? at_ms : SIM_NEVER;
        }
        left_q24 -= here;
        from_ms = quarter_end_ms;
    }
    return SIM_NEVER;
}

static void push_idle(struct sim_line *line, uint32_t token)
{
    RC_CHECK(line->idle_count < line->token_count);
    uint32_t at = line->idle_first + line->idle_count++;
    line->idle[at < line->token_count ? at : at - line->token_count] = token;
}

/* Tokens are numbered agent by agent, and wait agent after agent, place by place: who has the
 * fewest chats is asked first, near enough. */
void sim_lines_staff(struct sim_line *line, uint32_t agents)
{
    RC_CHECK(agents <= line->agents_max);
    uint32_t before = line->agents;
    line->agents = agents;
    for (uint32_t place = 0; place < line->parallel; place++)
        for (uint32_t agent = before; agent < agents; agent++) {
            uint32_t token = agent * line->parallel + place;
            if (line->off[token]) {
                line->off[token] = 0;
                push_idle(line, token);
            }
        }
}

/* Those who went off duty while idle leave when their turn comes. */
bool sim_lines_token_take(struct sim_line *line, uint32_t *ret_token)
{
    while (line->idle_count > 0) {
        uint32_t token = line->idle[line->idle_first];
        if (++line->idle_first == line->token_count)
            line->idle_first = 0;
        line->idle_count--;
        if (token / line->parallel < line->agents) {
            *ret_token = token;
            return true;
        }
        line->off[token] = 1;
    }
    return false;
}

void sim_lines_token_done(struct sim_line *line, uint32_t token)
{
    if (token / line->parallel < line->agents)
        push_idle(line, token);
    else
        line->off[token] = 1;
}

/* The most agents of any quarter of a week with the busiest day in it. */
static uint32_t agents_max(struct sim_client *client, const struct sim_house *house,
                           const struct sim_line *line)
{
    uint32_t most = 0;
    int64_t from_ms = house->options.start_ms - house->options.start_ms % SIM_QUARTER_MS;
    for (int i = 0; i < 8 * SIM_QUARTERS; i++) {
        uint64_t contacts = quarter_contacts(client, line, from_ms + (int64_t)i * SIM_QUARTER_MS);
        uint32_t agents =
            sim_plan_agents(contacts, line->busy_ms, line->parallel, house->load_milli);
        most = agents > most ? agents : most;
    }
    return most > 0 ? most : 1;
}

static const char *const channel_name[RC_CHANNEL_COUNT] = {
    [RC_CALL] = "call", [RC_CHAT] = "chat", [RC_TICKET] = "ticket"};

static void line_text(struct sim_client *client, struct sim_line *line)
{
    sim_plan_queue_name(line->queue, line->queue_name);
    line->queue_name_len = (uint8_t)strlen(line->queue_name);
    int length = snprintf(line->prefix, sizeof(line->prefix),
                          "\",\"client\":\"%s\",\"queue\":\"%s\",\"channel\":\"%s\",\"contact\":\"",
                          client->plan.name, line->queue_name, channel_name[line->channel]);
    RC_CHECK(length > 0 && (size_t)length < sizeof(line->prefix));
    line->prefix_len = (uint8_t)length;
}

static bool line_open(struct sim_client *client, const struct sim_house *house, uint32_t queue,
                      uint8_t channel, uint32_t *agent_base)
{
    const struct sim_options *options = &house->options;
    uint32_t share = channel == RC_CHAT     ? house->chat_ppm
                     : channel == RC_TICKET ? house->ticket_ppm
                                            : 1000000 - house->chat_ppm - house->ticket_ppm;
    uint64_t size_percent = options->flat ? 100 : 60 + sim_random_below(&client->random, 81);
    if (share == 0)
        return true;

    struct sim_line *line = &client->line[client->line_count];
    line->queue = (uint16_t)queue;
    line->channel = channel;
    line->parallel = channel == RC_CHAT ? options->parallel_chats : 1;
    line->contacts_q24 = ((uint64_t)options->contacts_per_day_per_queue << 24) * share / 1000000 *
                         size_percent / 100;
    line->busy_ms = sim_plan_busy_ms(queue, channel);
    line->talk_ms = sim_plan_talk_ms(queue, channel);
    line->first = line->last = SIM_NONE;
    line->agents_max = agents_max(client, house, line);
    line->token_count = line->agents_max * line->parallel;
    line->agent_base = *agent_base;
    *agent_base += line->agents_max;
    line_text(client, line);
    client->line_count++;
    line->idle = calloc(line->token_count, sizeof(*line->idle));
    line->off = malloc(line->token_count);
    if (!line->idle || !line->off)
        return false;
    memset(line->off, 1, line->token_count);
    return true;
}

bool sim_lines_open(struct sim_client *client, const struct sim_house *house)
{
    uint32_t agent_base = 101;
    client->line = calloc((size_t)house->options.queues_per_client * 3, sizeof(*client->line));
    if (!client->line)
        return false;
    for (uint32_t i = 0; i < house->options.queues_per_client; i++)
        if (!line_open(client, house, i, RC_CALL, &agent_base) ||
            !line_open(client, house, i, RC_CHAT, &agent_base) ||
            (house->ticket_ppm && !line_open(client, house, i, RC_TICKET, &agent_base)))
            return false;
    return true;
}

void sim_lines_close(struct sim_client *client)
{
    for (uint32_t i = 0; i < client->line_count; i++) {
        free(client->line[i].idle);
        free(client->line[i].off);
    }
    free(client->line);
}
