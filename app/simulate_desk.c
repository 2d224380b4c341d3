/* How contacts come and wait, and what a client's timers mean. */
#include "simulate_desk.h"

#include "rollcall/check.h"

enum { MINUTE = 60000, HOUR = 60 * MINUTE };
enum { LINE_TIMER = INT32_MIN, STAFFING = 1 };
enum way_out { GIVES_UP, TO_VOICEMAIL, TO_OTHER_QUEUE };

/* Shares, in ppm. */
enum {
    ANONYMOUS = 40000,
    URGENT = 40000,
    ABANDONED_CALLS_AGAIN = 550000,
    VOICEMAIL_CALLS_AGAIN = 300000
};

void sim_desk_set_timer(struct sim_client *client, struct sim_contact *contact, int64_t at_ms,
                        enum sim_step step)
{
    contact->step = (uint8_t)step;
    contact->order = ++client->order;
    sim_heap_push(&client->timers,
                  (struct sim_timer){.at_ms = at_ms,
                                     .order = contact->order,
                                     .target = (uint32_t)(contact - client->contact)});
}

static void set_line_timer(struct sim_client *client, uint32_t line, uint32_t kind, int64_t at_ms)
{
    if (at_ms != SIM_NEVER)
        sim_heap_push(&client->timers,
                      (struct sim_timer){.at_ms = at_ms,
                                         .order = ++client->order,
                                         .target = (uint32_t)LINE_TIMER | line << 1 | kind});
}

struct sim_fact *sim_desk_add_fact(struct sim_client *client, const struct sim_contact *contact,
                                   enum rc_event_type type, int64_t now_ms, struct sim_facts *facts)
{
    RC_CHECK(facts->count < sizeof(facts->fact) / sizeof(facts->fact[0]));
    struct sim_fact *fact = &facts->fact[facts->count++];
    *fact = (struct sim_fact){.time_ms = now_ms,
                              .contact = contact->number,
                              .client = client->index,
                              .agent = SIM_NONE,
                              .line = contact->line,
                              .type = (uint8_t)type};
    return fact;
}

void sim_desk_add_agent_fact(struct sim_client *client, const struct sim_contact *contact,
                             enum rc_event_type type, int64_t now_ms, struct sim_facts *facts)
{
    const struct sim_line *line = &client->line[contact->line];
    struct sim_fact *fact = sim_desk_add_fact(client, contact, type, now_ms, facts);
    fact->agent = line->agent_base + contact->token / line->parallel;
}

/* There must be room, see sim_client_step. */
static struct sim_contact *new_contact(struct sim_client *client, uint32_t line)
{
    uint32_t index = client->free_first;
    if (index != SIM_NONE)
        client->free_first = client->contact[index].next;
    else
        index = client->contact_count++;
    struct sim_contact *contact = &client->contact[index];
    *contact = (struct sim_contact){
        .line = (uint16_t)line, .token = SIM_NONE, .next = SIM_NONE, .previous = SIM_NONE};
    return contact;
}

void sim_desk_free(struct sim_client *client, struct sim_contact *contact)
{
    contact->step = SIM_FREE;
    contact->order = 0;
    contact->next = client->free_first;
    client->free_first = (uint32_t)(contact - client->contact);
}

static void link_waiting(struct sim_client *client, struct sim_contact *contact)
{
    struct sim_line *line = &client->line[contact->line];
    uint32_t index = (uint32_t)(contact - client->contact);
    contact->previous = line->last;
    contact->next = SIM_NONE;
    if (line->last != SIM_NONE)
        client->contact[line->last].next = index;
    else
        line->first = index;
    line->last = index;
    line->waiting++;
}

static void unlink_waiting(struct sim_client *client, struct sim_contact *contact)
{
    struct sim_line *line = &client->line[contact->line];
    if (contact->previous != SIM_NONE)
        client->contact[contact->previous].next = contact->next;
    else
        line->first = contact->next;
    if (contact->next != SIM_NONE)
        client->contact[contact->next].previous = contact->previous;
    else
        line->last = contact->previous;
    line->waiting--;
}

void sim_desk_wait(struct sim_client *client, struct sim_contact *contact)
{
    contact->step = SIM_WAITING;
    contact->order = 0;
    link_waiting(client, contact);
}

void sim_desk_ring(struct sim_client *client, struct sim_contact *contact, uint32_t token,
                   int64_t now_ms)
{
    const struct sim_habits *habits = sim_plan_habits(client->line[contact->line].channel);
    contact->token = token;
    uint32_t more = sim_random_below(&client->random, habits->pick_up_max - habits->pick_up_min);
    sim_desk_set_timer(client, contact, now_ms + habits->pick_up_min + more, SIM_RINGING);
}

static void serve(struct sim_client *client, uint32_t line_index, int64_t now_ms)
{
    struct sim_line *line = &client->line[line_index];
    uint32_t token;
    while (line->waiting > 0 && sim_lines_token_take(line, &token)) {
        struct sim_contact *contact = &client->contact[line->first];
        unlink_waiting(client, contact);
        sim_desk_ring(client, contact, token, now_ms);
    }
}

/* Another line of the same channel, or SIM_NONE. */
uint32_t sim_desk_other_line(struct sim_client *client, uint32_t line)
{
    uint32_t start = sim_random_below(&client->random, client->line_count);
    for (uint32_t i = 0; i < client->line_count; i++) {
        uint32_t other = (start + i) % client->line_count;
        if (other != line && client->line[other].channel == client->line[line].channel)
            return other;
    }
    return SIM_NONE;
}

static void start_waiting(struct sim_client *client, const struct sim_house *house,
                          struct sim_contact *contact, int64_t now_ms)
{
    const struct sim_line *line = &client->line[contact->line];
    const struct sim_habits *habits = sim_plan_habits(line->channel);
    bool crowded =
        house->options.queues_per_client > 1 && line->waiting > line->agents * line->parallel + 3;
    int64_t limit_ms = crowded && contact->legs < SIM_LEGS_MAX ? 30000 : habits->wait_limit;
    int64_t patience_ms = sim_random_exponential(
        &client->random, house->options.patience_ms * habits->patience_percent / 100);

    contact->exit = patience_ms < limit_ms          ? GIVES_UP
                    : limit_ms < habits->wait_limit ? TO_OTHER_QUEUE
                                                    : TO_VOICEMAIL;
    link_waiting(client, contact);
    sim_desk_set_timer(client, contact, now_ms + (patience_ms < limit_ms ? patience_ms : limit_ms),
                       SIM_WAITING);
}

static void queue_up(struct sim_client *client, const struct sim_house *house,
                     struct sim_contact *contact, int64_t now_ms, struct sim_facts *facts)
{
    struct sim_line *line = &client->line[contact->line];
    uint32_t token;

    contact->number = ++client->contacts_begun;
    contact->queued_ms = now_ms;
    contact->legs++;
    struct sim_fact *fact = sim_desk_add_fact(client, contact, RC_TYPE_queued, now_ms, facts);
    fact->customer = contact->customer;
    fact->conversation = contact->conversation;
    fact->value = sim_random_chance(&client->random, URGENT);
    if (line->waiting == 0 && sim_lines_token_take(line, &token))
        sim_desk_ring(client, contact, token, now_ms);
    else
        start_waiting(client, house, contact, now_ms);
}

void sim_desk_pass_on(struct sim_client *client, const struct sim_house *house,
                      const struct sim_contact *from, uint32_t line, int64_t now_ms,
                      struct sim_facts *facts)
{
    struct sim_contact *contact = new_contact(client, line);
    contact->customer = from->customer;
    contact->legs = from->legs;
    contact->conversation = from->conversation ? from->conversation : from->number;
    queue_up(client, house, contact, now_ms, facts);
}

void sim_desk_call_again(struct sim_client *client, const struct sim_contact *from, uint32_t ppm,
                         int64_t mean_ms, int64_t now_ms)
{
    if (!sim_random_chance(&client->random, ppm))
        return;
    struct sim_contact *contact = new_contact(client, from->line);
    contact->customer = from->customer;
    sim_desk_set_timer(client, contact, now_ms + sim_random_exponential(&client->random, mean_ms),
                       SIM_RETRY);
}

static void retry(struct sim_client *client, const struct sim_house *house,
                  struct sim_contact *contact, int64_t now_ms, struct sim_facts *facts)
{
    if (now_ms < house->end_ms && sim_lines_weight(client, now_ms) > 0) {
        queue_up(client, house, contact, now_ms, facts);
        return;
    }
    while (now_ms < house->end_ms && sim_lines_weight(client, now_ms) == 0)
        now_ms = (now_ms / SIM_QUARTER_MS + 1) * SIM_QUARTER_MS;
    if (now_ms < house->end_ms)
        sim_desk_set_timer(client, contact, now_ms + sim_random_exponential(&client->random, HOUR),
                           SIM_RETRY);
    else
        sim_desk_free(client, contact);
}

static void stop_waiting(struct sim_client *client, const struct sim_house *house,
                         struct sim_contact *contact, int64_t now_ms, struct sim_facts *facts)
{
    uint32_t other = SIM_NONE;

    unlink_waiting(client, contact);
    if (contact->exit == GIVES_UP) {
        sim_desk_add_fact(client, contact, RC_TYPE_abandoned, now_ms, facts);
        sim_desk_call_again(client, contact, ABANDONED_CALLS_AGAIN, 25 * MINUTE, now_ms);
    } else {
        if (contact->exit == TO_OTHER_QUEUE)
            other = sim_desk_other_line(client, contact->line);
        struct sim_fact *fact = sim_desk_add_fact(client, contact, RC_TYPE_left, now_ms, facts);
        if (other != SIM_NONE) {
            fact->value = RC_LEFT_OVERFLOW;
            sim_desk_pass_on(client, house, contact, other, now_ms, facts);
        } else {
            bool call = client->line[contact->line].channel == RC_CALL;
            fact->value = call ? RC_LEFT_VOICEMAIL : RC_LEFT_TIMEOUT;
            sim_desk_call_again(client, contact, VOICEMAIL_CALLS_AGAIN, 2 * HOUR, now_ms);
        }
    }
    sim_desk_free(client, contact);
}

static void contact_step(struct sim_client *client, const struct sim_house *house,
                         struct sim_contact *contact, int64_t now_ms, struct sim_facts *facts)
{
    uint32_t line = contact->line;
    switch ((enum sim_step)contact->step) {
    case SIM_RETRY:
        retry(client, house, contact, now_ms, facts);
        break;
    case SIM_WAITING:
        stop_waiting(client, house, contact, now_ms, facts);
        break;
    case SIM_RINGING:
        if (client->line[line].channel == RC_TICKET)
            sim_ticket_take(client, contact, now_ms, facts);
        else
            sim_talk_answer(client, contact, now_ms, facts);
        break;
    case SIM_TALKING:
        sim_talk_step(client, house, contact, now_ms, facts);
        break;
    case SIM_HOLDING:
        sim_talk_resume(client, contact, now_ms, facts);
        break;
    case SIM_WRAPPING:
        sim_talk_wrap_up(client, contact, now_ms, facts);
        serve(client, line, now_ms);
        break;
    case SIM_RATING:
        sim_talk_rate(client, contact, now_ms, facts);
        break;
    case SIM_REVIEWING:
        sim_talk_review(client, contact, now_ms, facts);
        break;
    case SIM_SPAM:
        sim_ticket_spam(client, contact, now_ms, facts);
        break;
    case SIM_WORKING:
        sim_ticket_worked(client, contact, now_ms, facts);
        serve(client, line, now_ms);
        break;
    case SIM_PAUSED:
        sim_ticket_resume(client, contact, now_ms, facts);
        break;
    case SIM_LATER:
        sim_ticket_later(client, contact, now_ms);
        break;
    case SIM_SOLVED:
        sim_ticket_settle(client, contact, now_ms, facts);
        break;
    case SIM_FREE:
        RC_CHECK(!"a free contact has no timer");
    }
}

static void arrive(struct sim_client *client, const struct sim_house *house, uint32_t line,
                   int64_t now_ms, struct sim_facts *facts)
{
    struct sim_contact *contact = new_contact(client, line);
    if (!sim_random_chance(&client->random, ANONYMOUS))
        contact->customer = 1 + sim_random_below(&client->random, client->customers);
    if (client->line[line].channel == RC_TICKET)
        sim_ticket_open(client, contact, now_ms, facts);
    else
        queue_up(client, house, contact, now_ms, facts);
    set_line_timer(client, line, 0,
                   sim_lines_next_arrival(client, house, &client->line[line], now_ms));
}

/* Out of hours the last shift stays, for who still waits; tickets wait for the morning. */
static void staff(struct sim_client *client, const struct sim_house *house, uint32_t line_index,
                  int64_t now_ms)
{
    struct sim_line *line = &client->line[line_index];
    uint64_t contacts_q24 =
        line->contacts_q24 * sim_lines_weight(client, now_ms) / client->plan.weight_sum;
    uint32_t agents =
        sim_plan_agents(contacts_q24, line->busy_ms, line->parallel, house->load_milli);
    if (agents > 0 || line->channel == RC_TICKET) {
        sim_lines_staff(line, agents);
        serve(client, line_index, now_ms);
    }
    int64_t next_ms = (now_ms / SIM_QUARTER_MS + 1) * SIM_QUARTER_MS;
    set_line_timer(client, line_index, STAFFING, next_ms < house->end_ms ? next_ms : SIM_NEVER);
}

static bool reserve(struct sim_client *client)
{
    if (!sim_heap_reserve(&client->timers, 8))
        return false;
    if (client->contact_capacity - client->contact_count >= 4)
        return true;
    uint32_t capacity = client->contact_capacity ? client->contact_capacity * 2 : 64;
    struct sim_contact *contact =
        realloc(client->contact, (size_t)capacity * sizeof(*client->contact));
    if (!contact)
        return false;
    client->contact = contact;
    client->contact_capacity = capacity;
    return true;
}

bool sim_client_step(struct sim_client *client, const struct sim_house *house,
                     struct sim_facts *facts)
{
    if (!reserve(client))
        return false;
    struct sim_timer timer = sim_heap_pop(&client->timers);
    if (timer.target & (uint32_t)LINE_TIMER) {
        uint32_t line = (timer.target & INT32_MAX) >> 1;
        if (timer.target & STAFFING)
            staff(client, house, line, timer.at_ms);
        else
            arrive(client, house, line, timer.at_ms, facts);
        return true;
    }
    struct sim_contact *contact = &client->contact[timer.target];
    if (contact->order == timer.order)
        contact_step(client, house, contact, timer.at_ms, facts);
    return true;
}

bool sim_client_open(struct sim_client *client, const struct sim_house *house, uint32_t index)
{
    const struct sim_options *options = &house->options;
    uint64_t customers =
        (uint64_t)options->contacts_per_day_per_queue * options->queues_per_client * 100;

    client->index = index;
    client->free_first = SIM_NONE;
    client->weight_from_ms = INT64_MIN;
    client->customers = customers < 1000      ? 1000
                        : customers > 9999999 ? 9999999
                                              : (uint32_t)customers;
    sim_random_init(&client->random, options->seed, index);
    sim_plan_client(options, index, &client->plan);
    while (client->plan.name[client->name_len])
        client->name_len++;
    if (!sim_lines_open(client, house) ||
        !sim_heap_reserve(&client->timers, client->line_count * 2))
        return false;
    for (uint32_t i = 0; i < client->line_count; i++) {
        set_line_timer(client, i, STAFFING, options->start_ms);
        set_line_timer(client, i, 0,
                       sim_lines_next_arrival(client, house, &client->line[i], options->start_ms));
    }
    return true;
}

void sim_client_close(struct sim_client *client)
{
    sim_lines_close(client);
    free(client->contact);
    free(client->timers.timer);
}
