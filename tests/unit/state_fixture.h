/* A core with some of everything in it, and its tasks as bytes in memory. */
#ifndef STATE_FIXTURE_H
#define STATE_FIXTURE_H

#include "core_fixture.h"
#include "state.h"

struct saved {
    char *bytes;
    size_t size, room, read;
};

static inline enum rc_error saved_put(void *self, const void *bytes, size_t size)
{
    struct saved *saved = self;
    if (saved->size + size > saved->room) {
        saved->room = (saved->size + size) * 2;
        saved->bytes = realloc(saved->bytes, saved->room);
    }
    memcpy(saved->bytes + saved->size, bytes, size);
    saved->size += size;
    return RC_OK;
}

static inline enum rc_error saved_get(void *self, void *ret_bytes, size_t size)
{
    struct saved *saved = self;
    if (size > saved->size - saved->read)
        return RC_ERR_INPUT;
    memcpy(ret_bytes, saved->bytes + saved->read, size);
    saved->read += size;
    return RC_OK;
}

static inline struct saved state_of(const struct agg *agg, uint32_t task)
{
    struct saved saved = {0};
    struct rc_snapshot_writer writer = {&saved, saved_put};
    cr_assert_eq(agg_task_save(agg, task, &writer), RC_OK);
    return saved;
}

static inline enum rc_error state_take(struct agg *agg, uint32_t task, struct saved *saved,
                                       char message[256])
{
    struct rc_snapshot_reader reader = {saved, saved_get};
    saved->read = 0;
    return agg_task_restore(agg, task, &reader, message);
}

/* What a core is opened with, so that every kind of row comes up: tickets with clocks, groups,
 * conversations of several contacts, verdicts by queue. */
struct centre {
    struct core core;
    struct rc_clock clock[2];
    struct rc_within within;
    struct rc_queue_policy group;
    const char *member[2];
};

static inline void centre_init(struct centre *centre)
{
    memset(centre, 0, sizeof *centre);
    core_init(&centre->core);
    centre->core.contacts = true;
    centre->within = (struct rc_within){"high", 4, HOUR_MS};
    centre->clock[0] = (struct rc_clock){.name = "answer",
                                         .name_size = 6,
                                         .measure = RC_FIRST_RESPONSE,
                                         .target_bp = 9000,
                                         .default_ms = 4 * HOUR_MS,
                                         .within_count = 1,
                                         .within = &centre->within};
    centre->clock[1] = (struct rc_clock){.name = "solve",
                                         .name_size = 5,
                                         .measure = RC_RESOLUTION,
                                         .target_bp = 9000,
                                         .default_ms = 8 * HOUR_MS};
    struct rc_contract *ticket = &centre->core.contract[RC_TICKET];
    ticket->clock_count = 2;
    ticket->clock = centre->clock;
    centre->core.contract[RC_CHAT].fcr_scope = RC_FCR_QUEUE;
    centre->member[0] = "q0";
    centre->member[1] = "q2";
    centre->group = (struct rc_queue_policy){
        .name = "front", .name_size = 5, .member_count = 2, .member = centre->member};
}

static inline void centre_settle(struct centre *centre)
{
    struct core *core = &centre->core;
    core_settle(core);
    for (uint32_t c = 0; c < RC_CHANNEL_COUNT; c++)
        centre->group.channel[c] = (struct rc_contract_list){1, &core->total[c]};
    core->acme.group = &centre->group;
    core->acme.group_count = 1;
}

static inline void centre_shards_open(struct centre *centre)
{
    struct core *core = &centre->core;
    for (uint32_t i = 0; i < core->shards; i++) {
        struct agg_options options = {.config = &core->config,
                                      .shard_count = core->shards,
                                      .shard = i,
                                      .hash_secret = CORE_SECRET,
                                      .provisional = true,
                                      .contacts = core->contacts,
                                      .pseudonym = core_pseudonym};
        cr_assert_eq(agg_open(&options, core_keep, core, &core->agg[i]), RC_OK);
    }
}

static inline void centre_open(struct centre *centre)
{
    centre_settle(centre);
    centre_shards_open(centre);
}

/* ---- a history: never to be changed, as kept states were made of it ---- */

/* All is forgotten within hours: little is there, but some of everything. */
static inline void centre_shorten(struct centre *centre)
{
    struct rc_config *config = &centre->core.config;
    config->time.retention_ms[RC_CALL] = HOUR_MS;
    config->time.retention_ms[RC_CHAT] = 2 * HOUR_MS;
    config->time.retention_ms[RC_TICKET] = HOUR_MS;
    config->time.open_tickets_ms = 2 * HOUR_MS;
    config->time.identity_ms = 2 * HOUR_MS;
    config->windows.interval_count = 2;
    config->windows.interval[0].restate_for_ms = 2 * HOUR_MS;
    config->windows.interval[1].restate_for_ms = 2 * HOUR_MS;
    for (uint32_t c = 0; c < RC_CHANNEL_COUNT; c++)
        centre->core.contract[c].fcr_window_ms = 3 * HOUR_MS;
}

/* One more random event, at that time or somewhat around it. */
static inline void centre_event(struct centre *centre, struct core_random *random, int64_t at)
{
    static const uint8_t of_visits[] = {
        RC_TYPE_queued, RC_TYPE_queued, RC_TYPE_answered,    RC_TYPE_answered, RC_TYPE_held,
        RC_TYPE_ended,  RC_TYPE_ended,  RC_TYPE_transferred, RC_TYPE_wrapped,  RC_TYPE_abandoned,
        RC_TYPE_left,   RC_TYPE_rated,  RC_TYPE_reviewed,    RC_TYPE_resolved};
    static const uint8_t of_tickets[] = {
        RC_TYPE_queued, RC_TYPE_queued,   RC_TYPE_replied,  RC_TYPE_assigned, RC_TYPE_paused,
        RC_TYPE_worked, RC_TYPE_resolved, RC_TYPE_reopened, RC_TYPE_closed,   RC_TYPE_cancelled};
    static const char *const client[] = {"acme", "acme", "zenith", "omega"};
    static const char *const queue[] = {"q0", "q1", "q2", "q3"};
    char contact[32], conversation[32];
    struct core_event what = {.at = at - (int64_t)core_draw(random, 5 * MINUTE_MS)};
    uint64_t number = (uint64_t)(at - T0) / MINUTE_MS + core_draw(random, 60);
    what.channel = (uint8_t)(number % RC_CHANNEL_COUNT);
    what.type = what.channel == RC_TICKET ? of_tickets[core_draw(random, sizeof of_tickets)]
                                          : of_visits[core_draw(random, sizeof of_visits)];
    snprintf(contact, sizeof contact, "contact-%u", (unsigned)number);
    snprintf(conversation, sizeof conversation, "talk-%u", (unsigned)number / 60);
    what.client = client[core_draw(random, 4)];
    what.contact = contact;
    what.queue = core_draw(random, 3) ? queue[core_draw(random, 4)] : NULL;
    what.conversation = core_draw(random, 2) ? conversation : NULL;
    what.agent = core_draw(random, 2) ? "anna" : NULL;
    what.priority = what.channel == RC_TICKET && core_draw(random, 2) ? "high" : NULL;
    what.customer = core_draw(random, 3) ? 1 + core_draw(random, 40) : 0;
    what.value = what.type == RC_TYPE_rated ? 1000 + (int64_t)core_draw(random, 4001)
                                            : (int64_t)core_draw(random, 2);
    what.opportunities = what.type == RC_TYPE_reviewed ? 5 : 0;
    core_put(&centre->core, what);
}

/* So many epochs of a quarter of an hour; some events wait for the watermark when one ends. */
static inline int64_t centre_run(struct centre *centre, struct core_random *random, int64_t from_ms,
                                 uint32_t epochs)
{
    int64_t at = from_ms;
    for (uint32_t i = 0; i < epochs; i++, at += 15 * MINUTE_MS) {
        for (uint32_t k = 0; k < 12; k++)
            centre_event(centre, random, at + (int64_t)core_draw(random, 20 * MINUTE_MS));
        core_now(&centre->core, at + 12 * MINUTE_MS);
    }
    return at;
}

/* ---- saving and restoring ---- */

/* All tasks of all shards. */
static inline void centre_save(const struct centre *centre, struct saved saved[CORE_TASKS])
{
    for (uint32_t i = 0; i < CORE_TASKS; i++) {
        const struct agg *agg = centre->core.agg[i % centre->core.shards];
        saved[i] = agg_task_exists(agg, i) ? state_of(agg, i) : (struct saved){0};
    }
}

static inline void saved_free(struct saved saved[CORE_TASKS])
{
    for (uint32_t i = 0; i < CORE_TASKS; i++)
        free(saved[i].bytes);
}

/* Closes the shards and goes on with others from what they knew. */
static inline void centre_restart(struct centre *centre, uint32_t shards, int64_t now_ms)
{
    struct saved saved[CORE_TASKS];
    char message[256] = "";
    centre_save(centre, saved);
    for (uint32_t i = 0; i < centre->core.shards; i++)
        agg_close(centre->core.agg[i]);
    centre->core.shards = shards;
    centre_shards_open(centre);
    for (uint32_t i = 0; i < CORE_TASKS; i++)
        if (saved[i].size)
            cr_assert_eq(state_take(centre->core.agg[i % shards], i, &saved[i], message), RC_OK,
                         "%s", message);
    for (uint32_t i = 0; i < shards; i++)
        agg_resume(centre->core.agg[i], now_ms);
    saved_free(saved);
}

/* ---- looking into what was saved, and changing it ---- */

struct saved_section {
    struct agg_section head;
    size_t fields_at, free_at, rows_at, end_at;
};

static inline struct saved_section saved_find_at(const struct saved *saved, size_t at)
{
    struct saved_section found;
    cr_assert_leq(at + sizeof found.head, saved->size);
    memcpy(&found.head, saved->bytes + at, sizeof found.head);
    found.fields_at = at + sizeof found.head;
    found.free_at = found.fields_at + found.head.fields * sizeof(struct agg_field);
    found.rows_at = found.free_at + found.head.free * sizeof(uint32_t);
    found.end_at = found.rows_at + found.head.bytes;
    return found;
}

/* Where that section is; the test fails if it is nowhere. */
static inline struct saved_section saved_find(const struct saved *saved, const char *name,
                                              uint32_t index)
{
    size_t at = sizeof(struct agg_state_head);
    for (;;) {
        struct saved_section found = saved_find_at(saved, at);
        cr_assert_neq(found.head.kind, AGG_SECTION_END, "no section %s %u", name, index);
        if (!strcmp(found.head.name, name) && found.head.index == index)
            return found;
        at = found.end_at;
    }
}

static inline struct agg_field saved_field(const struct saved *saved,
                                           const struct saved_section *section, const char *name)
{
    struct agg_field field;
    for (uint32_t i = 0; i < section->head.fields; i++) {
        memcpy(&field, saved->bytes + section->fields_at + i * sizeof field, sizeof field);
        if (!strcmp(field.name, name))
            return field;
    }
    cr_assert_fail("%s has no field %s", section->head.name, name);
    return field;
}

/* An element of that field in the row (from 1 on) or struct of an array. */
static inline void saved_poke(struct saved *saved, const char *name, uint32_t index, uint32_t row,
                              uint32_t item, const char *field_name, uint32_t element,
                              uint64_t value)
{
    struct saved_section section = saved_find(saved, name, index);
    struct agg_field field = saved_field(saved, &section, field_name);
    cr_assert(row >= 1 && row <= section.head.rows && element < field.count);
    char *at = saved->bytes + section.rows_at + (size_t)(row - 1) * section.head.row_size +
               (size_t)item * section.head.item_size;
    for (uint32_t i = 0; i < field.width; i++) {
        uint32_t bit = field.bit + element * field.width + i;
        at[bit / 8] = (char)((at[bit / 8] & ~(1 << bit % 8)) | (int)(value >> i & 1) << bit % 8);
    }
}

static inline uint64_t saved_peek(const struct saved *saved, const char *name, uint32_t index,
                                  uint32_t row, const char *field_name, uint32_t element)
{
    struct saved_section section = saved_find(saved, name, index);
    struct agg_field field = saved_field(saved, &section, field_name);
    uint64_t value = 0;
    cr_assert(row >= 1 && row <= section.head.rows && element < field.count);
    const char *at = saved->bytes + section.rows_at + (size_t)(row - 1) * section.head.row_size;
    for (uint32_t i = 0; i < field.width; i++) {
        uint32_t bit = field.bit + element * field.width + i;
        value |= (uint64_t)(at[bit / 8] >> bit % 8 & 1) << i;
    }
    return value;
}

#endif
