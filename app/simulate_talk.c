/* What befalls a contact once an agent has it, up to its review. */
#include "simulate_desk.h"

enum { MINUTE = 60000, HOUR = 60 * MINUTE, DAY = 24 * HOUR, LONG_WAIT = 3 * MINUTE };
enum { SIGMA_TALK = 45875 /* 0.7 */, SIGMA_WRAP = 52429 /* 0.8 */ };

/* Shares, in ppm. */
enum {
    HELD_AGAIN = 200000,
    TRANSFERRED = 70000,
    SOLVED = 820000,
    DISPOSITION_SET = 920000,
    UNSOLVED_CALLS_AGAIN = 450000,
    RATES = 140000,
    REVIEWED = 25000,
    DEFECTIVE = 120000,
    CRITICAL_DEFECT = 150000,
    CANCELLED = 500
};

/* Percent of answers 1 … 5, summed: of those whose matter is settled, and of the others. */
static const uint8_t scores[2][5] = {{35, 57, 77, 91, 100}, {3, 7, 17, 47, 100}};

/* Talks up to the next hold or reply, or to the end. */
static void talk_on(struct sim_client *client, struct sim_contact *contact, int64_t now_ms)
{
    int64_t part_ms = contact->rest_ms;
    if (contact->breaks > 0) {
        uint32_t percent = 10 + sim_random_below(&client->random, 70);
        part_ms = 1 + contact->rest_ms * percent / 100;
        if (client->line[contact->line].channel == RC_CHAT)
            part_ms = 1 + contact->rest_ms * percent / 400;
    }
    contact->rest_ms -= part_ms < contact->rest_ms ? part_ms : contact->rest_ms;
    sim_desk_set_timer(client, contact, now_ms + part_ms, SIM_TALKING);
}

void sim_talk_answer(struct sim_client *client, struct sim_contact *contact, int64_t now_ms,
                     struct sim_facts *facts)
{
    const struct sim_line *line = &client->line[contact->line];
    sim_desk_add_agent_fact(client, contact, RC_TYPE_answered, now_ms, facts);
    contact->long_wait = now_ms - contact->queued_ms > LONG_WAIT;
    contact->rest_ms =
        2000 + sim_random_lognormal(&client->random, line->talk_ms - 2000, SIGMA_TALK);
    if (line->channel == RC_CHAT) {
        contact->breaks = (uint8_t)(1 + sim_random_below(&client->random, 3));
    } else if (sim_random_chance(&client->random, sim_plan_habits(RC_CALL)->hold_share)) {
        contact->breaks = 1 + sim_random_chance(&client->random, HELD_AGAIN);
    }
    talk_on(client, contact, now_ms);
}

static void end(struct sim_client *client, const struct sim_house *house,
                struct sim_contact *contact, int64_t now_ms, struct sim_facts *facts)
{
    uint8_t channel = client->line[contact->line].channel;
    uint32_t other = SIM_NONE;

    if (contact->legs < SIM_LEGS_MAX && sim_random_chance(&client->random, TRANSFERRED))
        other = sim_desk_other_line(client, contact->line);
    if (other != SIM_NONE) {
        contact->passed_on = true;
        sim_desk_add_agent_fact(client, contact, RC_TYPE_transferred, now_ms, facts);
        sim_desk_add_agent_fact(client, contact, RC_TYPE_ended, now_ms, facts);
        sim_desk_pass_on(client, house, contact, other, now_ms, facts);
    } else {
        sim_desk_add_agent_fact(client, contact, RC_TYPE_ended, now_ms, facts);
    }
    int64_t wrap_ms =
        sim_random_lognormal(&client->random, sim_plan_habits(channel)->wrap_mean, SIGMA_WRAP);
    sim_desk_set_timer(client, contact, now_ms + wrap_ms, SIM_WRAPPING);
}

/* At a break of the talk a call is held, a chat is replied to; without any left it ends. */
void sim_talk_step(struct sim_client *client, const struct sim_house *house,
                   struct sim_contact *contact, int64_t now_ms, struct sim_facts *facts)
{
    if (contact->breaks == 0) {
        end(client, house, contact, now_ms, facts);
        return;
    }
    contact->breaks--;
    if (client->line[contact->line].channel == RC_CHAT) {
        sim_desk_add_agent_fact(client, contact, RC_TYPE_replied, now_ms, facts);
        talk_on(client, contact, now_ms);
        return;
    }
    sim_desk_add_fact(client, contact, RC_TYPE_held, now_ms, facts);
    int64_t hold_ms =
        sim_random_lognormal(&client->random, sim_plan_habits(RC_CALL)->hold_mean, SIGMA_WRAP);
    sim_desk_set_timer(client, contact, now_ms + hold_ms, SIM_HOLDING);
}

void sim_talk_resume(struct sim_client *client, struct sim_contact *contact, int64_t now_ms,
                     struct sim_facts *facts)
{
    sim_desk_add_fact(client, contact, RC_TYPE_resumed, now_ms, facts);
    talk_on(client, contact, now_ms);
}

void sim_talk_review_later(struct sim_client *client, struct sim_contact *contact, int64_t now_ms)
{
    if (contact->reviewed)
        sim_desk_set_timer(client, contact,
                           now_ms + DAY + sim_random_exponential(&client->random, DAY),
                           SIM_REVIEWING);
    else
        sim_desk_free(client, contact);
}

void sim_talk_wrap_up(struct sim_client *client, struct sim_contact *contact, int64_t now_ms,
                      struct sim_facts *facts)
{
    struct sim_random *random = &client->random;

    sim_desk_add_fact(client, contact, RC_TYPE_wrapped, now_ms, facts);
    sim_lines_token_done(&client->line[contact->line], contact->token);
    contact->reviewed = sim_random_chance(random, REVIEWED);
    if (sim_random_chance(random, CANCELLED))
        sim_desk_add_fact(client, contact, RC_TYPE_cancelled, now_ms, facts);
    if (!contact->passed_on) {
        contact->resolved = sim_random_chance(random, SOLVED);
        if (sim_random_chance(random, DISPOSITION_SET))
            sim_desk_add_fact(client, contact, RC_TYPE_resolved, now_ms, facts)->value =
                contact->resolved;
        if (!contact->resolved)
            sim_desk_call_again(client, contact, UNSOLVED_CALLS_AGAIN, 8 * HOUR, now_ms);
    }
    if (!contact->passed_on && sim_random_chance(random, RATES))
        sim_desk_set_timer(client, contact, now_ms + sim_random_exponential(random, 30 * MINUTE),
                           SIM_RATING);
    else
        sim_talk_review_later(client, contact, now_ms);
}

void sim_talk_rate(struct sim_client *client, struct sim_contact *contact, int64_t now_ms,
                   struct sim_facts *facts)
{
    const uint8_t *sums = scores[contact->resolved];
    uint32_t percent = sim_random_below(&client->random, 100);
    int32_t score = 1;
    while (percent >= sums[score - 1])
        score++;
    if (contact->long_wait && score > 1)
        score--;
    sim_desk_add_fact(client, contact, RC_TYPE_rated, now_ms, facts)->value = score;
    sim_talk_review_later(client, contact, now_ms);
}

void sim_talk_review(struct sim_client *client, struct sim_contact *contact, int64_t now_ms,
                     struct sim_facts *facts)
{
    struct sim_fact *fact = sim_desk_add_fact(client, contact, RC_TYPE_reviewed, now_ms, facts);
    if (sim_random_chance(&client->random, DEFECTIVE)) {
        fact->value = 1 + (int32_t)sim_random_below(&client->random, 3);
        if (sim_random_chance(&client->random, CRITICAL_DEFECT))
            fact->value = -fact->value;
    }
    sim_desk_free(client, contact);
}
