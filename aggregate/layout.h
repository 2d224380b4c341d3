/* How structs lie in memory, as data: what a saved state says of itself, so that another version
 * can read it field by field. The tables of fields stand in state_fields.h; where each of them lies
 * is found by trying: set all bits of one, and look which bits of the struct have changed. */
#ifndef AGGREGATE_LAYOUT_H
#define AGGREGATE_LAYOUT_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

enum {
    AGG_FIELDS_MAX = 48,
    AGG_UNSAVED_MAX = 96,
    AGG_PADS_MAX = 8,
    AGG_FIELD_NAME = 32,
    AGG_ROW_MAX = 1 << 14, /* bytes of the largest struct that has a table */
    AGG_NO_TARGET = UINT8_MAX
};

struct agg_field { /* as it stands in the file */
    char name[AGG_FIELD_NAME];
    uint32_t bit;   /* where it begins in the struct */
    uint32_t count; /* elements, one behind the other */
    uint16_t width; /* bits of one; 1 to 64 */
    uint8_t is_signed;
    uint8_t spare;
};
static_assert(sizeof(struct agg_field) == 44, "the file's");

struct agg_stretch { /* of a struct, in bits */
    uint32_t bit, bits;
};

struct agg_layout {
    const char *name;
    uint32_t size; /* of the struct, bytes; 0: a row is bytes without fields */
    uint32_t field_count, unsaved_count, pad_count;
    struct agg_field field[AGG_FIELDS_MAX];
    struct agg_reference { /* of fields that refer to rows of a pool */
        uint8_t target;    /* enum agg_pool_id; AGG_NO_TARGET */
        bool strict;       /* a live row */
        bool needed;       /* not 0 */
        bool flag;         /* no reference: a bool, which is 0 or 1 */
    } refers[AGG_FIELDS_MAX];
    uint32_t looked_count; /* fields that are references or flags, by their index */
    uint8_t looked[AGG_FIELDS_MAX];
    struct agg_stretch unsaved[AGG_UNSAVED_MAX]; /* pointers, caches: zeroes in the file */
    struct agg_stretch pad[AGG_PADS_MAX];
};

#define AGG_LAYOUTS(X)                                                                             \
    X(client)                                                                                      \
    X(queue)                                                                                       \
    X(priority)                                                                                    \
    X(key)                                                                                         \
    X(link)                                                                                        \
    X(contact)                                                                                     \
    X(rare)                                                                                        \
    X(conversation)                                                                                \
    X(identity)                                                                                    \
    X(episode)                                                                                     \
    X(bucket)                                                                                      \
    X(roll)                                                                                        \
    X(pane)                                                                                        \
    X(warm)                                                                                        \
    X(legs)                                                                                        \
    X(note)                                                                                        \
    X(part)                                                                                        \
    X(shown)                                                                                       \
    X(due)                                                                                         \
    X(point)                                                                                       \
    X(seat)                                                                                        \
    X(figure)                                                                                      \
    X(clock)                                                                                       \
    X(event)                                                                                       \
    X(task)
#define AGG_LAYOUT_ID(name) AGG_LAYOUT_##name,
enum agg_layout_id { AGG_LAYOUTS(AGG_LAYOUT_ID) AGG_LAYOUT_bytes, AGG_LAYOUT_COUNT };
#undef AGG_LAYOUT_ID

/* Made at the first call, then const. thread: any */
const struct agg_layout *agg_layout(enum agg_layout_id id);
/* Zeroes what is not saved. */
void agg_layout_clear(const struct agg_layout *layout, void *row);
/* Puts all that is saved of `row` into `into`, and leaves the rest as it is there. */
void agg_layout_copy(const struct agg_layout *layout, void *into, const void *row);

/* ---- rows of another layout ---- */

struct agg_conversion { /* from[i]: what our field i is made of; UINT32_MAX: it was not known */
    const struct agg_layout *layout;
    const struct agg_field *field;
    uint32_t from[AGG_FIELDS_MAX];
};
void agg_conversion_init(struct agg_conversion *conversion, const struct agg_layout *layout,
                         const struct agg_field *field, uint32_t field_count);
/* `into` is all zeroes. NULL: done; else the name of the field whose value does not fit. */
const char *agg_convert(const struct agg_conversion *conversion, const char *row, void *into);

#endif
