#include "state_fixture.h"

/* A state in which one number is changed must be refused, or restored so that the core can be
 * closed. */
struct damage {
    struct centre centre;
    struct saved whole, saved;
};

static void damage_open(struct damage *damage)
{
    struct core_random random = {5};
    centre_init(&damage->centre);
    centre_shorten(&damage->centre);
    centre_open(&damage->centre);
    centre_run(&damage->centre, &random, T0, 82);
    damage->whole = state_of(damage->centre.core.agg[0], core_task_of("acme"));
    damage->saved = damage->whole;
    damage->saved.bytes = malloc(damage->whole.size);
}

static void damage_close(struct damage *damage)
{
    free(damage->whole.bytes);
    free(damage->saved.bytes);
    core_close(&damage->centre.core);
}

static void damage_heal(struct damage *damage)
{
    memcpy(damage->saved.bytes, damage->whole.bytes, damage->whole.size);
}

static enum rc_error attempt(struct damage *damage, char message[256])
{
    struct core *core = &damage->centre.core;
    agg_close(core->agg[0]);
    centre_shards_open(&damage->centre);
    message[0] = 0;
    return state_take(core->agg[0], core_task_of("acme"), &damage->saved, message);
}

/* A row of that pool that is not free. */
static uint32_t live_row(const struct damage *damage, const char *name, uint32_t index)
{
    struct saved_section section = saved_find(&damage->whole, name, index);
    for (uint32_t row = 1; row <= section.head.rows; row++) {
        bool is_free = false;
        for (uint32_t i = 0; i < section.head.free; i++) {
            uint32_t ref;
            memcpy(&ref, damage->whole.bytes + section.free_at + i * sizeof ref, sizeof ref);
            is_free |= ref == row;
        }
        if (!is_free)
            return row;
    }
    cr_assert_fail("no row of %s is in use", name);
    return 0;
}

static void refuses(struct damage *damage, const char *why)
{
    char message[256];
    cr_assert_eq(attempt(damage, message), RC_ERR_INPUT, "%s", why);
    cr_assert_not_null(strstr(message, why), "%s, not %s", message, why);
    damage_heal(damage);
}

static void poke(struct damage *damage, const char *name, uint32_t index, const char *field,
                 uint32_t element, uint64_t value, const char *why)
{
    damage_heal(damage);
    saved_poke(&damage->saved, name, index, live_row(damage, name, index), 0, field, element,
               value);
    refuses(damage, why);
}

Test(state_check, reference_beyond_its_pool_is_refused_whatever_field_it_is_in)
{
    static struct damage damage;
    uint32_t tried = 0;
    damage_open(&damage);
    for (uint32_t id = 0; id < AGG_POOL_COUNT; id++) {
        const struct agg_pool_info *info = agg_pool_info(id);
        const struct agg_layout *layout = agg_layout(info->layout);
        const struct agg_pool *pool =
            agg_pool_of(agg_of(damage.centre.core.agg[0], core_task_of("acme")), id);
        if (pool->live == 0)
            continue;
        for (uint32_t i = 0; i < layout->field_count; i++) {
            if (layout->refers[i].target == AGG_NO_TARGET)
                continue;
            poke(&damage, info->name, info->index, layout->field[i].name,
                 layout->field[i].count - 1, UINT32_MAX - 1, "leads astray");
            tried++;
        }
        char message[256];
        damage_heal(&damage);
        cr_assert_eq(attempt(&damage, message), RC_OK, "%s", message);
    }
    cr_assert_gt(tried, 30);
    damage_close(&damage);
}

Test(state_check, texts_and_arrays_are_as_long_as_is_said)
{
    static struct damage damage;
    damage_open(&damage);
    poke(&damage, "client", 0, "name_size", 0, 65, "client 1");
    poke(&damage, "client", 0, "name", 0, 77777, "client 1");
    poke(&damage, "queue", 0, "name_size", 0, 0, "queue 1");
    poke(&damage, "priority", 0, "size", 0, 17, "priority 1");
    poke(&damage, "contact", 0, "id_size", 0, 0, "contact");
    poke(&damage, "contact", 0, "id_size", 0, 129, "contact");
    poke(&damage, "contact", 0, "point_count", 0, 60000, "contact");
    poke(&damage, "contact", 0, "points", 0, 60000, "contact");
    poke(&damage, "conversation", 0, "size", 0, 129, "conversation");
    poke(&damage, "identity", 0, "id", 0, 99999, "identity");
    poke(&damage, "note", 0, "text", 0, 99999, "note");
    poke(&damage, "folded", 0, "start_id.size", 0, 0, "legs");
    poke(&damage, "legs", 0, "seats", 0, 99999, " is not sound");
    poke(&damage, "legs", 0, "count", 0, 1025, " is not sound");
    poke(&damage, "legs", 0, "class", 0, 9, " is not sound");
    damage_close(&damage);
}

Test(state_check, figures_have_room_for_what_their_masks_say)
{
    static struct damage damage;
    damage_open(&damage);
    poke(&damage, "warm", 0, "sums.mask", 0, UINT64_MAX >> (64 - RC_SUM_COUNT),
         "figures of a pane");
    poke(&damage, "warm", 0, "sums.mask", 0, UINT64_C(1) << RC_SUM_COUNT, "figures of a pane");
    poke(&damage, "warm", 0, "sums.class", 0, AGG_SUM_CLASSES, "figures of a pane");
    poke(&damage, "warm", 0, "sums.ref", 0, 99999, "figures of a pane");
    poke(&damage, "key", 0, "pending.ref", 0, 99999, "key");
    damage_close(&damage);
}

Test(state_check, words_of_this_version_alone_stand_behind_small_numbers)
{
    static struct damage damage;
    damage_open(&damage);
    poke(&damage, "key", 0, "channel", 0, RC_CHANNEL_COUNT, "key 1");
    poke(&damage, "key", 0, "kind", 0, 3, "key 1");
    poke(&damage, "contact", 0, "channel", 0, RC_CHANNEL_NONE + 1, "contact");
    poke(&damage, "contact", 0, "flags", 0, 0, "contact");
    poke(&damage, "identity", 0, "channel", 0, 9, "identity");
    poke(&damage, "identity", 0, "live", 0, 0, "identity");
    poke(&damage, "pane", 0, "window", 0, 2, "pane");
    poke(&damage, "pane", 0, "phase", 0, 3, "pane");
    poke(&damage, "pane", 0, "live", 0, 0, "pane");
    poke(&damage, "episode", 0, "form", 0, AGG_FORM_FREE, " is not sound");
    poke(&damage, "episode", 0, "form", 0, 7, " is not sound");
    poke(&damage, "episode", 0, "verdict", 0, 7, "episode");
    poke(&damage, "point", 0, "type", 0, RC_TYPE_COUNT, "points");
    poke(&damage, "due", 0, "kind", 0, AGG_DUE_KIND_COUNT, "due");
    poke(&damage, "task", 0, "clock", 0, UINT64_MAX, "time");
    damage_close(&damage);
}

Test(state_check, customer_whose_episodes_are_not_in_the_order_of_time_is_refused)
{
    static struct damage damage;
    static const char *const call[] = {"a", "b", "c"};
    uint32_t ref = 1;
    centre_init(&damage.centre);
    centre_open(&damage.centre);
    for (uint32_t i = 0; i < 3; i++)
        PUT(&damage.centre.core, .at = T0 + i * MINUTE_MS, .contact = call[i], .queue = "q",
            .customer = 9);
    core_now(&damage.centre.core, T0 + HOUR_MS);
    damage.whole = state_of(damage.centre.core.agg[0], core_task_of("acme"));
    damage.saved = damage.whole;
    damage.saved.bytes = malloc(damage.whole.size);
    damage_heal(&damage);
    while (!(saved_peek(&damage.whole, "episode", 0, ref, "left", 0) |
             saved_peek(&damage.whole, "episode", 0, ref, "right", 0)))
        ref++;
    bool right = saved_peek(&damage.whole, "episode", 0, ref, "right", 0) != 0;
    saved_poke(&damage.saved, "episode", 0, ref, 0, "start", 0, right ? T0 + DAY_MS : 0);
    refuses(&damage, "episode");
    damage_close(&damage);
}

Test(state_check, flag_is_0_or_1)
{
    static struct damage damage;
    damage_open(&damage);
    poke(&damage, "warm", 0, "oldest_stale", 0, 255, "warm 1: oldest_stale");
    poke(&damage, "task", 0, "publish_due", 1, 2, "publish_due");
    uint32_t row = 1;
    while (row == live_row(&damage, "identity", 0))
        row++;
    saved_poke(&damage.saved, "identity", 0, row, 0, "live", 0, 255);
    refuses(&damage, "live leads astray");
    damage_close(&damage);
}

Test(state_check, chain_that_comes_back_is_refused)
{
    static struct damage damage;
    damage_open(&damage);
    damage_heal(&damage);
    for (uint32_t i = 1; i <= saved_find(&damage.whole, "due", 0).head.rows; i++)
        if (saved_peek(&damage.whole, "due", 0, i, "next", 0)) {
            uint32_t next = (uint32_t)saved_peek(&damage.whole, "due", 0, i, "next", 0);
            saved_poke(&damage.saved, "due", 0, next, 0, "next", 0, next);
            break;
        }
    refuses(&damage, "due");
    uint32_t key = 1;
    while (!saved_peek(&damage.whole, "key", 0, key, "contacts", 0))
        key++;
    uint64_t first = saved_peek(&damage.whole, "key", 0, key, "contacts", 0);
    saved_poke(&damage.saved, "contact", 0, (uint32_t)first, 0, "list_next", 0, first);
    refuses(&damage, "contact");
    for (key = 1; !saved_peek(&damage.whole, "key", 0, key, "up", 0);)
        key++;
    uint64_t link = saved_peek(&damage.whole, "key", 0, key, "up", 0);
    saved_poke(&damage.saved, "link", 0, (uint32_t)link, 0, "next", 0, link);
    refuses(&damage, "key");
    damage_close(&damage);
}

Test(state_check, free_row_that_says_it_lives_is_refused)
{
    static struct damage damage;
    static const struct {
        const char *pool, *field;
    } mark[] = {{"contact", "flags"}, {"identity", "live"}, {"pane", "live"}, {"episode", "form"}};
    damage_open(&damage);
    for (uint32_t i = 0; i < sizeof mark / sizeof *mark; i++) {
        struct saved_section section = saved_find(&damage.whole, mark[i].pool, 0);
        uint32_t ref;
        cr_assert_gt(section.head.free, 0, "%s", mark[i].pool);
        memcpy(&ref, damage.whole.bytes + section.free_at, sizeof ref);
        damage_heal(&damage);
        saved_poke(&damage.saved, mark[i].pool, 0, ref, 0, mark[i].field, 0, 1);
        refuses(&damage, mark[i].pool);
    }
    damage_close(&damage);
}

/* Every bit of it at some time: none of it leads to a crash, or to a core that cannot be saved. */
Test(state_check, random_damage_is_refused_or_harmless)
{
    static struct damage damage;
    struct core_random random = {6};
    char message[256];
    uint32_t refused = 0;
    damage_open(&damage);
    for (uint32_t i = 0; i < 1500; i++) {
        damage_heal(&damage);
        for (uint32_t k = 0; k <= i % 3; k++)
            damage.saved.bytes[core_draw(&random, damage.saved.size)] ^=
                (char)(1u << core_draw(&random, 8));
        if (attempt(&damage, message) == RC_OK) {
            struct saved again = state_of(damage.centre.core.agg[0], core_task_of("acme"));
            free(again.bytes);
        } else {
            cr_assert_neq(message[0], 0);
            refused++;
        }
    }
    cr_assert_gt(refused, 100);
    damage_close(&damage);
}
