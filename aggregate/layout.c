/* How structs lie in memory, found by trying, and rows of one layout made into another. */
#include "layout.h"
#include "state.h"
#include <pthread.h>
#include <string.h>

/* ---- trying ---- */

/* The stretch of bits that are set; they are neighbours. */
static struct agg_stretch set_bits(const void *row, uint32_t size)
{
    const unsigned char *byte = row;
    uint32_t first = UINT32_MAX, last = 0, count = 0;
    for (uint32_t i = 0; i < size * 8; i++) {
        if (!(byte[i / 8] >> (i % 8) & 1))
            continue;
        first = first == UINT32_MAX ? i : first;
        last = i;
        count++;
    }
    RC_CHECK(count != 0 && last - first + 1 == count);
    return (struct agg_stretch){first, count};
}

static void field_add(struct agg_layout *layout, const char *name, struct agg_stretch stretch,
                      uint32_t count, bool is_signed, bool is_flag)
{
    RC_CHECK(layout->field_count < AGG_FIELDS_MAX && strlen(name) < AGG_FIELD_NAME);
    struct agg_field *field = &layout->field[layout->field_count];
    memcpy(field->name, name, strlen(name));
    field->bit = stretch.bit;
    field->count = count;
    field->width = (uint16_t)(stretch.bits / count);
    field->is_signed = is_signed;
    RC_CHECK(stretch.bits % count == 0 && field->width >= 1 && field->width <= 64);
    layout->refers[layout->field_count++] =
        (struct agg_reference){.target = AGG_NO_TARGET, .flag = is_flag};
}

static void reference_add(struct agg_layout *layout, const char *name, struct agg_stretch stretch,
                          uint8_t target, bool strict, bool needed)
{
    RC_CHECK(stretch.bit % 32 == 0);
    field_add(layout, name, stretch, stretch.bits / 32, false, false);
    layout->refers[layout->field_count - 1] =
        (struct agg_reference){.target = target, .strict = strict, .needed = needed};
}

static void unsaved_add(struct agg_layout *layout, struct agg_stretch stretch)
{
    RC_CHECK(layout->unsaved_count < AGG_UNSAVED_MAX && stretch.bit % 8 == 0 &&
             stretch.bits % 8 == 0);
    layout->unsaved[layout->unsaved_count++] = stretch;
}

static void pad_add(struct agg_layout *layout, struct agg_stretch before, uint32_t bits)
{
    RC_CHECK(layout->pad_count < AGG_PADS_MAX);
    layout->pad[layout->pad_count++] = (struct agg_stretch){before.bit + before.bits, bits};
}

#define IS_SIGNED(x)                                                                               \
    _Generic((x), int8_t : true, int16_t : true, int32_t : true, int64_t : true, default : false)
#define IS_FLAG(x) _Generic((x), bool : true, default : false)
#define TRY(field)                                                                                 \
    memset(&row, 0, sizeof row);                                                                   \
    memset(&row.field, 0xff, sizeof row.field);                                                    \
    at = set_bits(&row, sizeof row);
#define PROBE_F(field, pool)                                                                       \
    TRY(field)                                                                                     \
    field_add(layout, #field, at, 1, IS_SIGNED(row.field), IS_FLAG(row.field));
#define PROBE_A(field, many)                                                                       \
    TRY(field)                                                                                     \
    field_add(layout, #field, at, many, IS_SIGNED(row.field[0]), IS_FLAG(row.field[0]));
#define PROBE_B(field, pool)                                                                       \
    memset(&row, 0, sizeof row);                                                                   \
    row.field--; /* from 0: all bits, signed or not */                                             \
    read_back = (int64_t)row.field;                                                                \
    at = set_bits(&row, sizeof row);                                                               \
    field_add(layout, #field, at, 1, read_back < 0, false);
#define PROBE_R(field, pool)                                                                       \
    TRY(field)                                                                                     \
    reference_add(layout, #field, at, AGG_POOL_##pool, true, false);
#define PROBE_N(field, pool)                                                                       \
    TRY(field)                                                                                     \
    reference_add(layout, #field, at, AGG_POOL_##pool, true, true);
#define PROBE_L(field, pool)                                                                       \
    TRY(field)                                                                                     \
    reference_add(layout, #field, at, AGG_POOL_##pool, false, false);
#define PROBE_U(field, pool)                                                                       \
    TRY(field)                                                                                     \
    unsaved_add(layout, at);
#define PROBE_P(bits, pool)                         pad_add(layout, at, bits);
#define PROBE(kind, field, pool)                    PROBE_##kind(field, pool)
#define PROBE_POOL(name, member, count, layout_of)  PROBE_U(member, 0)
#define PROBE_LIST(name, member, count, pool, kind) PROBE_U(member, 0)

#define LAYOUT_OF(name_, type, fields)                                                             \
    static void probe_##name_(struct agg_layout *layout)                                           \
    {                                                                                              \
        static type row; /* the task's is large */                                                 \
        int64_t read_back = 0;                                                                     \
        struct agg_stretch at = {0};                                                               \
        layout->name = #name_;                                                                     \
        layout->size = sizeof row;                                                                 \
        fields;                                                                                    \
        (void)read_back, (void)at;                                                                 \
    }
LAYOUT_OF(client, struct agg_client, AGG_FIELDS_client(PROBE))
LAYOUT_OF(queue, struct agg_queue, AGG_FIELDS_queue(PROBE))
LAYOUT_OF(priority, struct agg_priority, AGG_FIELDS_priority(PROBE))
LAYOUT_OF(key, struct agg_key, AGG_FIELDS_key(PROBE))
LAYOUT_OF(link, struct agg_link, AGG_FIELDS_link(PROBE))
LAYOUT_OF(contact, struct agg_contact, AGG_FIELDS_contact(PROBE))
LAYOUT_OF(rare, struct agg_rare, AGG_FIELDS_rare(PROBE))
LAYOUT_OF(conversation, struct agg_conversation, AGG_FIELDS_conversation(PROBE))
LAYOUT_OF(identity, struct agg_identity, AGG_FIELDS_identity(PROBE))
LAYOUT_OF(episode, struct agg_episode, AGG_FIELDS_episode(PROBE))
LAYOUT_OF(bucket, struct agg_bucket, AGG_FIELDS_bucket(PROBE))
LAYOUT_OF(roll, struct agg_roll, AGG_FIELDS_roll(PROBE))
LAYOUT_OF(pane, struct agg_pane, AGG_FIELDS_pane(PROBE))
LAYOUT_OF(warm, struct agg_warm, AGG_FIELDS_warm(PROBE))
LAYOUT_OF(legs, struct agg_legs, AGG_FIELDS_legs(PROBE))
LAYOUT_OF(note, struct agg_note, AGG_FIELDS_note(PROBE))
LAYOUT_OF(part, struct agg_part, AGG_FIELDS_part(PROBE))
LAYOUT_OF(shown, struct agg_shown, AGG_FIELDS_shown(PROBE))
LAYOUT_OF(due, struct agg_due_entry, AGG_FIELDS_due(PROBE))
LAYOUT_OF(point, struct agg_point, AGG_FIELDS_point(PROBE))
LAYOUT_OF(seat, struct agg_seat_row, AGG_FIELDS_seat(PROBE))
LAYOUT_OF(figure, struct agg_figure_row, AGG_FIELDS_figure(PROBE))
LAYOUT_OF(clock, struct agg_clock_row, AGG_FIELDS_clock(PROBE))
LAYOUT_OF(event, struct rc_event, AGG_FIELDS_event(PROBE))
LAYOUT_OF(task, struct agg_task, AGG_FIELDS_task(PROBE) AGG_POOLS(PROBE_POOL) AGG_LISTS(PROBE_LIST))
static_assert(sizeof(struct agg_task) <= AGG_ROW_MAX, "a buffer holds one");

static struct agg_layout layouts[AGG_LAYOUT_COUNT];
static pthread_once_t layouts_once = PTHREAD_ONCE_INIT;

static void looked_make(struct agg_layout *layout)
{
    for (uint32_t i = 0; i < layout->field_count; i++)
        if (layout->refers[i].target != AGG_NO_TARGET || layout->refers[i].flag)
            layout->looked[layout->looked_count++] = (uint8_t)i;
}

static void layouts_make(void)
{
#define MAKE(name) probe_##name(&layouts[AGG_LAYOUT_##name]);
    AGG_LAYOUTS(MAKE)
#undef MAKE
    layouts[AGG_LAYOUT_bytes].name = "bytes";
    for (uint32_t i = 0; i < AGG_LAYOUT_COUNT; i++)
        looked_make(&layouts[i]);
}

const struct agg_layout *agg_layout(enum agg_layout_id id)
{
    RC_CHECK(id < AGG_LAYOUT_COUNT);
    pthread_once(&layouts_once, layouts_make);
    return &layouts[id];
}

/* ---- bits ---- */

static uint64_t bits_get(const char *row, uint64_t bit, uint32_t width)
{
    const unsigned char *byte = (const unsigned char *)row + bit / 8;
    uint32_t shift = (uint32_t)(bit % 8), got = 8 - shift;
    uint64_t value = *byte >> shift;
    for (; got < width; got += 8)
        value |= (uint64_t) * ++byte << got;
    return width == 64 ? value : value & ((UINT64_C(1) << width) - 1);
}

static void bits_put(char *row, uint64_t bit, uint32_t width, uint64_t value)
{
    unsigned char *byte = (unsigned char *)row + bit / 8;
    uint32_t shift = (uint32_t)(bit % 8);
    while (width) {
        uint32_t here = 8 - shift < width ? 8 - shift : width;
        uint32_t mask = ((1u << here) - 1) << shift;
        *byte = (unsigned char)((*byte & ~mask) | ((uint32_t)(value << shift) & mask));
        byte++;
        value >>= here;
        width -= here;
        shift = 0;
    }
}

static int64_t extended(uint64_t value, uint32_t width)
{
    uint32_t free = 64 - width;
    return (int64_t)(value << free) >> free;
}

void agg_layout_clear(const struct agg_layout *layout, void *row)
{
    for (uint32_t i = 0; i < layout->unsaved_count; i++)
        memset((char *)row + layout->unsaved[i].bit / 8, 0, layout->unsaved[i].bits / 8);
}

void agg_layout_copy(const struct agg_layout *layout, void *into, const void *row)
{
    for (uint32_t i = 0; i < layout->field_count; i++) {
        const struct agg_field *field = &layout->field[i];
        for (uint32_t k = 0; k < field->count; k++) {
            uint64_t bit = field->bit + (uint64_t)k * field->width;
            bits_put(into, bit, field->width, bits_get(row, bit, field->width));
        }
    }
}

/* ---- conversion ---- */

void agg_conversion_init(struct agg_conversion *conversion, const struct agg_layout *layout,
                         const struct agg_field *field, uint32_t field_count)
{
    conversion->layout = layout;
    conversion->field = field;
    for (uint32_t i = 0; i < layout->field_count; i++) {
        uint32_t from = 0;
        while (from < field_count && strcmp(field[from].name, layout->field[i].name) != 0)
            from++;
        conversion->from[i] = from < field_count ? from : UINT32_MAX;
    }
}

/* false: it does not fit. */
static bool value_convert(const struct agg_field *from, const char *row, const struct agg_field *to,
                          char *into, uint32_t element)
{
    uint64_t value = bits_get(row, from->bit + (uint64_t)element * from->width, from->width);
    bool negative = from->is_signed && value >> (from->width - 1) & 1;
    if (negative)
        value = (uint64_t)extended(value, from->width);
    if (element >= to->count)
        return value == 0;
    uint64_t kept = to->width == 64 ? value : value & ((UINT64_C(1) << to->width) - 1);
    bits_put(into, to->bit + (uint64_t)element * to->width, to->width, kept);
    if (to->is_signed)
        return (uint64_t)extended(kept, to->width) == value &&
               (negative || !(kept >> (to->width - 1) & 1));
    return kept == value && !negative;
}

const char *agg_convert(const struct agg_conversion *conversion, const char *row, void *into)
{
    const struct agg_layout *layout = conversion->layout;
    for (uint32_t i = 0; i < layout->field_count; i++) {
        if (conversion->from[i] == UINT32_MAX)
            continue;
        const struct agg_field *from = &conversion->field[conversion->from[i]];
        for (uint32_t k = 0; k < from->count; k++)
            if (!value_convert(from, row, &layout->field[i], into, k))
                return layout->field[i].name;
    }
    return NULL;
}
