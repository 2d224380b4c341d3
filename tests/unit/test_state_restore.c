#include "state_fixture.h"

#include "rollcall/sink.h"
#include <stdio.h>
#include <zstd.h>

/* ---- going on ---- */

/* Both have the same records from there on. */
static void same_records(const struct core *a, uint32_t a_from, const struct core *b,
                         uint32_t b_from)
{
    cr_assert_eq(a->record_count - a_from, b->record_count - b_from);
    cr_assert_gt(a->record_count, a_from + 1000);
    static char one[1 << 16], other[1 << 16];
    for (uint32_t i = 0; a_from + i < a->record_count; i++) {
        one[sink_record_json(&a->config.windows, a->record[a_from + i], one)] = 0;
        other[sink_record_json(&b->config.windows, b->record[b_from + i], other)] = 0;
        cr_assert_str_eq(one, other, "record %u", i);
    }
}

Test(state_restore, core_that_goes_on_from_a_saved_state_makes_the_same_records)
{
    static struct centre straight, restarted;
    struct core_random left = {7}, right = {7};
    centre_init(&straight);
    centre_init(&restarted);
    centre_shorten(&straight);
    centre_shorten(&restarted);
    centre_open(&straight);
    centre_open(&restarted);
    int64_t at = T0, again = T0;
    for (uint32_t i = 0; i < 12; i++) {
        at = centre_run(&straight, &left, at, 100);
        again = centre_run(&restarted, &right, again, 100);
        centre_restart(&restarted, 1 + i % 4, again - 3 * MINUTE_MS);
    }
    same_records(&straight.core, 0, &restarted.core, 0);
    cr_assert_eq(straight.core.dead_count, restarted.core.dead_count);
    core_close(&straight.core);
    core_close(&restarted.core);
}

/* The group is gone with its keys, and so is a clock; the rolling window is another one. */
static void reconfigure(struct centre *centre, struct centre *other)
{
    char message[256];
    centre_init(other);
    centre_shorten(other);
    other->core.contract[RC_TICKET].clock_count = 1;
    other->core.config.windows.rolling[0].length_ms = 10 * MINUTE_MS;
    centre_settle(other);
    other->core.acme.group_count = 0;
    for (uint32_t i = 0; i < centre->core.shards; i++)
        cr_assert_eq(agg_configure(centre->core.agg[i], &other->core.config, message), RC_OK);
    centre->core.config = other->core.config;
}

Test(state_restore, state_of_a_core_that_went_over_to_another_configuration_is_restored)
{
    static struct centre straight, restarted, other[2];
    struct core_random left = {31}, right = {31};
    struct centre *both[] = {&straight, &restarted};
    for (uint32_t i = 0; i < 2; i++) {
        centre_init(both[i]);
        centre_shorten(both[i]);
        centre_open(both[i]);
    }
    int64_t at = centre_run(&straight, &left, T0, 100);
    centre_run(&restarted, &right, T0, 100);
    reconfigure(&straight, &other[0]);
    reconfigure(&restarted, &other[1]);
    centre_run(&straight, &left, at, 1);
    at = centre_run(&restarted, &right, at, 1);
    cr_assert_gt(agg_of(restarted.core.agg[0], core_task_of("acme"))->key.free, 0);
    for (uint32_t i = 0; i < 6; i++) {
        centre_restart(&restarted, 1 + i % 4, at - 3 * MINUTE_MS);
        centre_run(&straight, &left, at, 20);
        at = centre_run(&restarted, &right, at, 20);
    }
    same_records(&straight.core, 0, &restarted.core, 0);
    core_close(&straight.core);
    core_close(&restarted.core);
}

Test(state_restore, what_was_restored_is_what_was_saved)
{
    static struct centre centre;
    struct core_random random = {8};
    struct saved before[CORE_TASKS], after[CORE_TASKS];
    centre_init(&centre);
    centre_open(&centre);
    int64_t at = centre_run(&centre, &random, T0, 500);
    centre_save(&centre, before);
    centre_restart(&centre, 3, at - 3 * MINUTE_MS);
    centre_save(&centre, after);
    for (uint32_t i = 0; i < CORE_TASKS; i++) {
        cr_assert_eq(before[i].size, after[i].size);
        cr_assert(!before[i].size || !memcmp(before[i].bytes, after[i].bytes, before[i].size));
    }
    saved_free(before);
    saved_free(after);
    core_close(&centre.core);
}

Test(state_restore, before_the_first_event_there_is_nothing_to_save_and_to_resume)
{
    static struct centre centre;
    centre_init(&centre);
    centre_open(&centre);
    centre_restart(&centre, 2, RC_TIME_NONE);
    PUT(&centre.core, .at = T0, .contact = "a", .queue = "q");
    core_now(&centre.core, T0 + MINUTE_MS);
    cr_assert_gt(centre.core.record_count, 0);
    core_close(&centre.core);
}

Test(state_restore, counts_of_what_is_there_are_restored)
{
    static struct centre centre;
    centre_init(&centre);
    centre_open(&centre);
    PUT(&centre.core, .at = T0, .contact = "placed", .queue = "q");
    PUT(&centre.core, .at = T0, .contact = "unplaced", .type = RC_TYPE_ended);
    PUT(&centre.core, .at = T0, .client = "zenith", .contact = "b", .queue = "q");
    core_now(&centre.core, T0 + MINUTE_MS);
    cr_assert_eq(STAT(&centre.core, unplaced), 1);
    cr_assert_eq(STAT(&centre.core, unknown_clients), 1);
    centre_restart(&centre, 1, T0 + MINUTE_MS);
    cr_assert_eq(STAT(&centre.core, unplaced), 1);
    cr_assert_eq(STAT(&centre.core, unknown_clients), 1);
    cr_assert_eq(STAT(&centre.core, unknown_queues), 2);
    cr_assert_eq(STAT(&centre.core, contacts_now), 3);
    PUT(&centre.core, .at = T0 + 2 * MINUTE_MS, .contact = "unplaced", .queue = "q");
    core_now(&centre.core, T0 + 3 * MINUTE_MS);
    cr_assert_eq(STAT(&centre.core, unplaced), 0);
    core_close(&centre.core);
}

/* ---- a state of another version ---- */

static void append(struct saved *to, const void *bytes, size_t size)
{
    saved_put(to, bytes, size);
}

/* The same values in another layout: fields in the reverse order, each at a bit of its own, `by`
 * bits wider where there is room; `drop` is left out, and one is there that nobody knows. */
static void append_odd(struct saved *to, const struct saved *from,
                       const struct saved_section *section, const char *drop, uint32_t by)
{
    struct agg_section head = section->head;
    struct agg_field field[AGG_FIELDS_MAX + 1], old[AGG_FIELDS_MAX];
    uint32_t bits = 5, count = 0, structs = head.row_size / head.item_size;
    memset(field, 0, sizeof field);
    for (uint32_t i = head.fields; i-- > 0;) {
        memcpy(&old[count], from->bytes + section->fields_at + i * sizeof *old, sizeof *old);
        if (!strcmp(old[count].name, drop))
            continue;
        field[count] = old[count];
        field[count].bit = bits;
        if (field[count].width + by <= 64)
            field[count].width = (uint16_t)(field[count].width + by);
        bits += field[count].width * field[count].count;
        count++;
    }
    field[count] =
        (struct agg_field){.name = "of a later age", .bit = bits, .count = 1, .width = 9};
    head.fields = count + 1;
    head.item_size = (bits + 9 + 7) / 8;
    head.row_size = head.item_size * structs;
    head.bytes = head.rows * head.row_size;
    append(to, &head, sizeof head);
    append(to, field, head.fields * sizeof *field);
    append(to, from->bytes + section->free_at, head.free * sizeof(uint32_t));
    for (uint64_t k = 0; k < head.rows * structs; k++) {
        const char *row = from->bytes + section->rows_at + k * section->head.item_size;
        unsigned char item[4096] = {0};
        cr_assert_leq(head.item_size, sizeof item);
        for (uint32_t i = 0; i < count; i++)
            for (uint32_t b = 0; b < field[i].width * field[i].count; b++) {
                uint32_t element = b / field[i].width, within = b % field[i].width;
                if (within >= old[i].width && !old[i].is_signed)
                    continue;
                within = within < old[i].width ? within : old[i].width - 1u;
                uint32_t at = old[i].bit + element * old[i].width + within;
                uint32_t bit = field[i].bit + b;
                item[bit / 8] |= (unsigned char)((row[at / 8] >> at % 8 & 1) << bit % 8);
            }
        append(to, item, head.item_size);
    }
}

/* The state in a layout that no version has had. */
static struct saved odd_of(const struct saved *from, const char *section_name, const char *drop)
{
    static const char unknown_name[AGG_STATE_NAME] = "unknown";
    struct saved to = {0};
    size_t at = sizeof(struct agg_state_head);
    append(&to, from->bytes, at);
    while (at < from->size) {
        struct agg_section head;
        memcpy(&head, from->bytes + at, sizeof head);
        struct saved_section section = saved_find_at(from, at);
        if (head.kind == AGG_SECTION_POOL && head.item_size)
            append_odd(&to, from, &section,
                       section_name && !strcmp(head.name, section_name) ? drop : "", 3);
        else
            append(&to, from->bytes + at, section.end_at - at);
        if (head.kind == AGG_SECTION_RECORD) { /* and one that nobody knows */
            struct agg_section unknown = {.kind = 77, .row_size = 3, .rows = 2, .bytes = 6};
            memcpy(unknown.name, unknown_name, sizeof unknown_name);
            append(&to, &unknown, sizeof unknown);
            append(&to, "abcdef", 6);
        }
        at = section.end_at;
    }
    return to;
}

Test(state_restore, state_of_another_layout_is_converted_by_the_names_of_fields)
{
    static struct centre straight, converted;
    struct core_random left = {9}, right = {9};
    char message[256] = "";
    centre_init(&straight);
    centre_init(&converted);
    centre_open(&straight);
    centre_open(&converted);
    int64_t at = centre_run(&straight, &left, T0, 500);
    centre_run(&converted, &right, T0, 500);
    uint32_t from = straight.core.record_count;
    struct saved saved[CORE_TASKS];
    centre_save(&converted, saved);
    agg_close(converted.core.agg[0]);
    centre_shards_open(&converted);
    for (uint32_t i = 0; i < CORE_TASKS; i++) {
        if (!saved[i].size)
            continue;
        struct saved odd = odd_of(&saved[i], NULL, "");
        cr_assert_eq(state_take(converted.core.agg[0], i, &odd, message), RC_OK, "%s", message);
        free(odd.bytes);
    }
    agg_resume(converted.core.agg[0], at - 3 * MINUTE_MS);
    centre_run(&straight, &left, at, 300);
    centre_run(&converted, &right, at, 300);
    same_records(&straight.core, from, &converted.core, from);
    saved_free(saved);
    core_close(&straight.core);
    core_close(&converted.core);
}

Test(state_restore, field_that_was_not_known_is_zero)
{
    static struct centre centre;
    char message[256];
    centre_init(&centre);
    centre_open(&centre);
    PUT(&centre.core, .at = T0, .contact = "a", .queue = "q");
    PUT(&centre.core, .at = T0 + 1, .contact = "a", .type = RC_TYPE_rated, .value = 5000);
    core_now(&centre.core, T0 + MINUTE_MS);
    struct saved saved = state_of(centre.core.agg[0], core_task_of("acme"));
    struct saved odd = odd_of(&saved, "rare", "score");
    agg_close(centre.core.agg[0]);
    centre_shards_open(&centre);
    cr_assert_eq(saved_peek(&saved, "rare", 0, 1, "score", 0), 5000);
    cr_assert_eq(state_take(centre.core.agg[0], core_task_of("acme"), &odd, message), RC_OK, "%s",
                 message);
    free(saved.bytes);
    saved = state_of(centre.core.agg[0], core_task_of("acme"));
    cr_assert_eq(saved_peek(&saved, "rare", 0, 1, "score", 0), 0);
    cr_assert_eq(saved_peek(&saved, "rare", 0, 1, "rated", 0), T0 + 1);
    free(saved.bytes);
    free(odd.bytes);
    core_close(&centre.core);
}

/* ---- what is refused ---- */

struct refusal {
    struct centre centre;
    struct saved saved;
};

static void refusal_open(struct refusal *refusal)
{
    struct core_random random = {11};
    centre_init(&refusal->centre);
    centre_open(&refusal->centre);
    centre_run(&refusal->centre, &random, T0, 30);
    refusal->saved = state_of(refusal->centre.core.agg[0], core_task_of("acme"));
}

static void refusal_close(struct refusal *refusal)
{
    free(refusal->saved.bytes);
    core_close(&refusal->centre.core);
}

/* Into a core of its own. */
static enum rc_error attempt(struct refusal *refusal, uint32_t task, char message[256])
{
    struct core *core = &refusal->centre.core;
    agg_close(core->agg[0]);
    centre_shards_open(&refusal->centre);
    message[0] = 0;
    return state_take(core->agg[0], task, &refusal->saved, message);
}

static void refuses(struct refusal *refusal, const char *why)
{
    char message[256];
    cr_assert_eq(attempt(refusal, core_task_of("acme"), message), RC_ERR_INPUT, "%s", why);
    cr_assert_not_null(strstr(message, why), "%s, not %s", message, why);
}

Test(state_restore, state_that_ends_early_is_refused_wherever_it_ends)
{
    static struct refusal refusal;
    char message[256];
    refusal_open(&refusal);
    size_t size = refusal.saved.size;
    for (size_t at = 0; at < size; at += at < 4000 ? 61 : 977) {
        refusal.saved.size = at;
        cr_assert_eq(attempt(&refusal, core_task_of("acme"), message), RC_ERR_INPUT, "%zu bytes",
                     at);
        cr_assert_not_null(strstr(message, "ends early"));
    }
    refusal.saved.size = size;
    cr_assert_eq(attempt(&refusal, core_task_of("acme"), message), RC_OK);
    refusal_close(&refusal);
}

Test(state_restore, head_that_is_not_ours_is_refused)
{
    static struct refusal refusal;
    char message[256];
    refusal_open(&refusal);
    struct agg_state_head head, bad;
    memcpy(&head, refusal.saved.bytes, sizeof head);
    bad = head;
    bad.magic[0] = 'x';
    memcpy(refusal.saved.bytes, &bad, sizeof bad);
    refuses(&refusal, "no state");
    bad = head;
    bad.order = __builtin_bswap32(bad.order);
    memcpy(refusal.saved.bytes, &bad, sizeof bad);
    refuses(&refusal, "little-endian");
    bad = head;
    bad.format++;
    memcpy(refusal.saved.bytes, &bad, sizeof bad);
    refuses(&refusal, "format is 2");
    memcpy(refusal.saved.bytes, &head, sizeof head);
    cr_assert_eq(attempt(&refusal, (core_task_of("acme") + 1) % CORE_TASKS, message), RC_ERR_INPUT);
    cr_assert_not_null(strstr(message, "is of task"));
    refusal_close(&refusal);
}

static void poke_head(struct refusal *refusal, const char *name, size_t at, uint32_t value,
                      const char *why)
{
    struct saved_section section = saved_find(&refusal->saved, name, 0);
    char *place = refusal->saved.bytes + section.fields_at - sizeof section.head + at;
    uint32_t was;
    memcpy(&was, place, sizeof was);
    memcpy(place, &value, sizeof value);
    refuses(refusal, why);
    memcpy(place, &was, sizeof was);
}

Test(state_restore, section_whose_head_is_not_sound_is_refused)
{
    static struct refusal refusal;
    refusal_open(&refusal);
    poke_head(&refusal, "contact", offsetof(struct agg_section, fields), 1000, "not sound");
    poke_head(&refusal, "contact", offsetof(struct agg_section, free), UINT32_MAX, "not sound");
    poke_head(&refusal, "contact", offsetof(struct agg_section, row_size), 185, "not sound");
    poke_head(&refusal, "contact", offsetof(struct agg_section, row_size), UINT32_MAX, "not sound");
    poke_head(&refusal, "contact", offsetof(struct agg_section, item_size), 0, "not sound");
    poke_head(&refusal, "contact", offsetof(struct agg_section, rows), UINT32_MAX, "not sound");
    poke_head(&refusal, "task", offsetof(struct agg_section, kind), 99, "missing");
    struct saved_section section = saved_find(&refusal.saved, "contact", 0);
    struct agg_field field;
    char *place = refusal.saved.bytes + section.fields_at;
    memcpy(&field, place, sizeof field);
    field.bit = section.head.item_size * 8;
    memcpy(place, &field, sizeof field);
    refuses(&refusal, "a field of contact is not sound");
    refusal_close(&refusal);
}

Test(state_restore, other_windows_figures_and_sections_twice_are_refused)
{
    static struct refusal refusal;
    refusal_open(&refusal);
    refusal.centre.core.config.windows.rolling[0].length_ms += 1;
    refuses(&refusal, "other windows");
    refusal.centre.core.config.windows.rolling[0].length_ms -= 1;
    struct saved_section section = saved_find(&refusal.saved, "figures", 0);
    refusal.saved.bytes[section.rows_at] ^= 1;
    refuses(&refusal, "other figures");
    refusal.saved.bytes[section.rows_at] ^= 1;
    struct saved twice = {0};
    append(&twice, refusal.saved.bytes, section.end_at);
    append(&twice, refusal.saved.bytes + section.fields_at - sizeof section.head,
           refusal.saved.size - (section.fields_at - sizeof section.head));
    free(refusal.saved.bytes);
    refusal.saved = twice;
    refuses(&refusal, "comes twice");
    refusal_close(&refusal);
}

Test(state_restore, free_list_that_is_none_is_refused)
{
    static struct refusal refusal;
    refusal_open(&refusal);
    struct saved_section section = saved_find(&refusal.saved, "due", 0);
    cr_assert_gt(section.head.free, 2);
    char *list = refusal.saved.bytes + section.free_at;
    uint32_t first, zero = 0;
    memcpy(&first, list, sizeof first);
    memcpy(list, &zero, sizeof zero);
    refuses(&refusal, "free list of due");
    memcpy(list, list + sizeof first, sizeof first);
    refuses(&refusal, "free list of due");
    first = (uint32_t)section.head.rows + 1;
    memcpy(list, &first, sizeof first);
    refuses(&refusal, "free list of due");
    refusal_close(&refusal);
}

/* ---- a state that was kept ---- */

enum { KEPT_EPOCHS = 80, KEPT_SEED = 27, KEPT_BYTES = 1 << 20 };
static const char kept_path[] = "tests/unit/data/state-1.zst";

static void kept_init(struct centre *centre)
{
    centre_init(centre);
    centre_shorten(centre);
    centre_open(centre);
}

/* Tasks one behind the other, each behind its number and size. ROLLCALL_KEEP_STATE=1 writes the
 * file anew, of today's format; the one that is there stays for ever, and what another version
 * saves gets another name. */
static void keep(const struct centre *centre)
{
    struct saved all = {0};
    for (uint32_t i = 0; i < CORE_TASKS; i++) {
        if (!agg_task_exists(centre->core.agg[0], i))
            continue;
        struct saved saved = state_of(centre->core.agg[0], i);
        uint32_t head[2] = {i, (uint32_t)saved.size};
        append(&all, head, sizeof head);
        append(&all, saved.bytes, saved.size);
        free(saved.bytes);
    }
    cr_assert_leq(all.size, KEPT_BYTES);
    char *packed = malloc(ZSTD_compressBound(all.size));
    size_t size = ZSTD_compress(packed, ZSTD_compressBound(all.size), all.bytes, all.size, 19);
    FILE *file = fopen(kept_path, "wb");
    cr_assert(file && !ZSTD_isError(size) && fwrite(packed, size, 1, file) == 1);
    cr_assert_eq(fclose(file), 0);
    free(packed);
    free(all.bytes);
}

static struct saved kept(void)
{
    FILE *file = fopen(kept_path, "rb");
    cr_assert_not_null(file, "%s: run from the repository's root", kept_path);
    char *packed = malloc(KEPT_BYTES);
    struct saved all = {.bytes = malloc(KEPT_BYTES)};
    size_t size = fread(packed, 1, KEPT_BYTES, file);
    fclose(file);
    all.size = ZSTD_decompress(all.bytes, KEPT_BYTES, packed, size);
    cr_assert_not(ZSTD_isError(all.size));
    free(packed);
    return all;
}

static void take_kept(struct centre *centre)
{
    struct saved all = kept();
    char message[256] = "";
    while (all.read < all.size) {
        uint32_t head[2];
        cr_assert_eq(saved_get(&all, head, sizeof head), RC_OK);
        struct saved one = {.bytes = all.bytes + all.read, .size = head[1]};
        all.read += head[1];
        cr_assert_eq(state_take(centre->core.agg[0], head[0], &one, message), RC_OK, "%s", message);
    }
    free(all.bytes);
}

Test(state_restore, state_that_an_earlier_version_saved_goes_on_with_the_right_records)
{
    static struct centre straight, going_on;
    struct core_random random = {KEPT_SEED};
    kept_init(&straight);
    int64_t at = centre_run(&straight, &random, T0, KEPT_EPOCHS);
    uint32_t from = straight.core.record_count;
    if (getenv("ROLLCALL_KEEP_STATE"))
        keep(&straight);
    kept_init(&going_on);
    take_kept(&going_on);
    agg_resume(going_on.core.agg[0], at - 3 * MINUTE_MS);
    going_on.core.offset = straight.core.offset;
    struct core_random same = random;
    centre_run(&straight, &random, at, 300);
    centre_run(&going_on, &same, at, 300);
    same_records(&straight.core, from, &going_on.core, 0);
    core_close(&straight.core);
    core_close(&going_on.core);
}

Test(state_restore, kept_state_has_rows_of_every_kind)
{
    struct saved all = kept();
    bool found[AGG_LAYOUT_COUNT] = {false};
    while (all.read < all.size) {
        uint32_t size[2];
        cr_assert_eq(saved_get(&all, size, sizeof size), RC_OK);
        struct saved one = {.bytes = all.bytes + all.read, .size = size[1]};
        all.read += size[1];
        for (size_t at = sizeof(struct agg_state_head); at < one.size;) {
            struct saved_section section = saved_find_at(&one, at);
            for (uint32_t i = 0; i < AGG_POOL_COUNT; i++)
                if (!strcmp(section.head.name, agg_pool_info(i)->name))
                    found[agg_pool_info(i)->layout] |= section.head.rows > section.head.free;
            found[AGG_LAYOUT_task] |= !strcmp(section.head.name, "task");
            found[AGG_LAYOUT_clock] |= !strcmp(section.head.name, "clock");
            found[AGG_LAYOUT_event] |= !strcmp(section.head.name, "order");
            at = section.end_at;
        }
    }
    for (uint32_t i = 0; i < AGG_LAYOUT_bytes; i++)
        cr_assert(found[i], "%s", agg_layout((enum agg_layout_id)i)->name);
    free(all.bytes);
}
