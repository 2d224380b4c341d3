#include "simulate_plan.h"

#include "rollcall/calendar.h"
#include "rollcall/event.h"

#include <string.h>

enum { HOUR_MS = 3600000, DAY_MS = 86400000 };
enum summer { SUMMER_NONE, SUMMER_US, SUMMER_EU };
enum { WEEKDAYS = 0x3e, MON_SAT = 0x7e, ALL_DAYS = 0x7f };

static const struct sim_zone zones[] = {
    {"America/New_York", -300, SUMMER_US},    {"Europe/London", 0, SUMMER_EU},
    {"Asia/Manila", 480, SUMMER_NONE},        {"America/Chicago", -360, SUMMER_US},
    {"Europe/Berlin", 60, SUMMER_EU},         {"Asia/Kolkata", 330, SUMMER_NONE},
    {"America/Los_Angeles", -480, SUMMER_US}, {"Africa/Johannesburg", 120, SUMMER_NONE},
    {"Europe/Warsaw", 60, SUMMER_EU},         {"Australia/Brisbane", 600, SUMMER_NONE},
    {"America/Bogota", -300, SUMMER_NONE},    {"Asia/Dubai", 240, SUMMER_NONE},
};

static const struct sim_hours hours_of[] = {
    {"office", 36, 72, WEEKDAYS, "mon-fri: [\"09:00-18:00\"]"},
    {"extended", 32, 80, MON_SAT, "mon-sat: [\"08:00-20:00\"]"},
    {"retail", 36, 84, ALL_DAYS, "mon-sun: [\"09:00-21:00\"]"},
    {"always", 0, SIM_QUARTERS, ALL_DAYS, "mon-sun: [\"00:00-24:00\"]"},
};

static const char *const stems[] = {"acme",    "globex",   "initech", "umbrella",  "hooli",
                                    "stark",   "wayne",    "tyrell",  "aperture",  "cyberdyne",
                                    "soylent", "vandelay", "wonka",   "gringotts", "oscorp"};

static const struct {
    const char *name;
    uint16_t talk_s;
} kinds[] = {{"billing", 300}, {"support", 420}, {"sales", 260},    {"returns", 240},
             {"orders", 210},  {"claims", 480},  {"accounts", 330}, {"technical", 540}};

/* Share of a day's contacts by local hour; between hours it changes quarter by quarter. */
static const uint8_t curve[25] = {2,  1,  1,  1,  1, 2, 4, 7, 10, 12, 12, 11, 10,
                                  10, 11, 11, 10, 9, 8, 7, 6, 5,  4,  3,  2};
/* From Sunday, in 1/1000 of an ordinary day. */
static const uint16_t day_factor[7] = {450, 1150, 1050, 1000, 980, 1020, 600};

static const struct sim_habits habits[] = {
    [RC_CALL] = {.talk_percent = 100,
                 .pick_up_min = 500,
                 .pick_up_max = 3500,
                 .hold_share = 220000,
                 .hold_mean = 45000,
                 .wrap_mean = 40000,
                 .patience_percent = 100,
                 .wait_limit = 6 * 60000},
    [RC_CHAT] = {.talk_percent = 180,
                 .pick_up_min = 2000,
                 .pick_up_max = 12000,
                 .wrap_mean = 20000,
                 .patience_percent = 160,
                 .wait_limit = 10 * 60000},
    [RC_TICKET] = {.talk_percent = 120, .pick_up_min = 5000, .pick_up_max = 60000},
};

enum {
    COUNT_STEMS = sizeof stems / sizeof stems[0],
    COUNT_ZONES = sizeof zones / sizeof zones[0],
    COUNT_HOURS = sizeof hours_of / sizeof hours_of[0],
    COUNT_KINDS = sizeof kinds / sizeof kinds[0]
};

static uint32_t quarter_curve(uint32_t quarter)
{
    uint32_t hour = quarter / 4, part = quarter % 4;
    return curve[hour] * (4 - part) + curve[hour + 1] * part;
}

void sim_plan_client(const struct sim_options *options, uint32_t client, struct sim_plan *ret_plan)
{
    memset(ret_plan, 0, sizeof(*ret_plan));
    const char *stem = stems[client % COUNT_STEMS];
    if (client < COUNT_STEMS)
        snprintf(ret_plan->name, sizeof(ret_plan->name), "%s", stem);
    else
        snprintf(ret_plan->name, sizeof(ret_plan->name), "%s-%04u", stem, client / COUNT_STEMS + 1);
    ret_plan->zone = &zones[client % COUNT_ZONES];
    ret_plan->hours = &hours_of[(client + client / COUNT_ZONES + 1) % COUNT_HOURS];
    ret_plan->flat = options->flat;
    if (options->flat) {
        ret_plan->hours = &hours_of[COUNT_HOURS - 1];
        ret_plan->weight_sum = (uint64_t)SIM_QUARTERS * 1000;
        return;
    }
    for (uint32_t i = ret_plan->hours->open; i < ret_plan->hours->close; i++)
        ret_plan->weight_sum += (uint64_t)quarter_curve(i) * 1000;
}

void sim_plan_queue_name(uint32_t queue, char ret_name[SIM_NAME_SIZE])
{
    const char *kind = kinds[queue % COUNT_KINDS].name;
    if (queue < COUNT_KINDS)
        snprintf(ret_name, SIM_NAME_SIZE, "%s", kind);
    else
        snprintf(ret_name, SIM_NAME_SIZE, "%s-%u", kind, queue / COUNT_KINDS + 1);
}

const struct sim_habits *sim_plan_habits(uint8_t channel)
{
    return &habits[channel];
}

int64_t sim_plan_talk_ms(uint32_t queue, uint8_t channel)
{
    return (int64_t)kinds[queue % COUNT_KINDS].talk_s * 10 * habits[channel].talk_percent;
}

int64_t sim_plan_busy_ms(uint32_t queue, uint8_t channel)
{
    const struct sim_habits *h = &habits[channel];
    if (channel == RC_TICKET) /* about two sessions of work each */
        return 2 * (sim_plan_talk_ms(queue, channel) + (h->pick_up_min + h->pick_up_max) / 2);
    return sim_plan_talk_ms(queue, channel) + (h->pick_up_min + h->pick_up_max) / 2 +
           (int64_t)h->hold_mean * h->hold_share / 1000000 + h->wrap_mean;
}

/* The first Sunday at or after that day. */
static int64_t sunday_from(int64_t year, unsigned month, unsigned day)
{
    int64_t days = rc_days_from_civil(year, month, day);
    return days + (7 - (days + 4) % 7) % 7;
}

static int64_t zone_offset(const struct sim_zone *zone, int64_t at_ms)
{
    int64_t offset = (int64_t)zone->offset_minutes * 60000, from, to, year;
    unsigned month, day;

    if (zone->summer == SUMMER_NONE)
        return offset;
    rc_civil_from_days(at_ms / DAY_MS, &year, &month, &day);
    if (zone->summer == SUMMER_US) { /* second Sunday of March, first of November, 02:00 local */
        from = sunday_from(year, 3, 8) * DAY_MS + 2 * HOUR_MS - offset;
        to = sunday_from(year, 11, 1) * DAY_MS + HOUR_MS - offset;
    } else { /* last Sunday of March and of October, 01:00 UTC */
        from = sunday_from(year, 3, 25) * DAY_MS + HOUR_MS;
        to = sunday_from(year, 10, 25) * DAY_MS + HOUR_MS;
    }
    return at_ms >= from && at_ms < to ? offset + HOUR_MS : offset;
}

uint32_t sim_plan_weight(const struct sim_plan *plan, int64_t at_ms)
{
    if (plan->flat)
        return 1000;
    int64_t local_ms = at_ms + zone_offset(plan->zone, at_ms);
    int64_t day = local_ms / DAY_MS;
    uint32_t quarter = (uint32_t)(local_ms % DAY_MS / SIM_QUARTER_MS);
    uint32_t weekday = (uint32_t)((day + 4) % 7);

    if (!(plan->hours->days >> weekday & 1) || quarter < plan->hours->open ||
        quarter >= plan->hours->close)
        return 0;
    return quarter_curve(quarter) * day_factor[weekday];
}

static uint64_t square_root(uint64_t value)
{
    uint64_t root = 0;
    for (uint64_t bit = UINT64_C(1) << 31; bit > 0; bit >>= 1)
        if ((root | bit) * (root | bit) <= value)
            root |= bit;
    return root;
}

/* Square-root staffing: offered load a (in contacts at a time, transfers and repeats reckoned at a
 * fifth) needs a + sqrt(a) / 2 places, and gets 1 / load of them. */
uint32_t sim_plan_agents(uint64_t contacts_q24, int64_t busy_ms, uint32_t parallel,
                         uint32_t load_milli)
{
    if (contacts_q24 == 0)
        return 0;
    uint64_t offered_milli =
        (contacts_q24 * 12 / 10 >> 12) * (uint64_t)busy_ms / SIM_QUARTER_MS * 1000 >> 12;
    uint64_t places_milli = offered_milli + square_root(offered_milli * 1000) / 2;
    uint64_t per_agent_milli = (uint64_t)parallel * load_milli;
    uint64_t agents = (places_milli + per_agent_milli - 1) / per_agent_milli;
    return agents > 0 ? (uint32_t)agents : 1;
}
