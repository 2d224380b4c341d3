/* A task's state to bytes and back.
 *
 * How it is written: a head (format, byte order, task), then sections, each with a head of its own:
 * a name, how its rows lie (layout.h), how many there are. What the numbers mean that stand for
 * words (figures, types of events, windows) is said in the section `words`. All that a task knows
 * lies in pools and lists without pointers, so the rows are written as they lie in memory, and
 * where a version finds its own layout it reads them back so. Rows of another layout are converted
 * field by field, by name: what is missing is zero, what is not known any more is left out.
 * Indexes, caches and pointers are made again.
 *
 * The reader trusts nothing: whatever the bytes are, no reference leads out of its pool
 * (state_check.c). */
#ifndef AGGREGATE_STATE_H
#define AGGREGATE_STATE_H

#include "layout.h"
#include "state_fields.h"
#include "task.h"

enum { AGG_STATE_FORMAT = 1, AGG_STATE_ORDER = 0x01020304, AGG_STATE_NAME = 16 };
#define AGG_STATE_MAGIC "rc-state"

struct agg_state_head {
    char magic[8];
    uint32_t order;  /* AGG_STATE_ORDER, little-endian as all numbers are */
    uint32_t format; /* of heads and sections; layouts change without it */
    uint32_t task;
    uint32_t tasks; /* how many there are: which clients are this one's */
    uint32_t spare[2];
};
static_assert(sizeof(struct agg_state_head) == 32, "the file's");

enum agg_section_kind {
    AGG_SECTION_END,    /* the last, with nothing in it */
    AGG_SECTION_WORDS,  /* bytes: texts with a NUL behind each */
    AGG_SECTION_RECORD, /* the task's own fields: one row */
    AGG_SECTION_POOL,   /* the free list, then rows from reference 1 on */
    AGG_SECTION_LIST,   /* references */
    AGG_SECTION_EVENTS, /* rows with texts behind each, as long as the row's `size` says */
    AGG_SECTION_ROWS    /* what is made for the file */
};
struct agg_section {
    char name[AGG_STATE_NAME];
    uint32_t kind;
    uint32_t index;     /* of several pools or lists of one name */
    uint32_t row_size;  /* bytes; of an array of structs many `item_size` */
    uint32_t item_size; /* of a struct, bytes; 0: bytes without fields */
    uint32_t fields;    /* struct agg_field, so many, stand behind this */
    uint32_t free;      /* references, so many, stand behind these: the next one given out first */
    uint64_t rows;      /* so many stand behind these */
    uint64_t bytes;     /* of all rows */
};
static_assert(sizeof(struct agg_section) == 56, "the file's");

/* The name of a clock is found by its key, which has but a pointer. */
struct agg_clock_row {
    uint32_t key, name_size;
    char name[RC_CLOCK_NAME_MAX];
};
struct agg_seat_row {
    uint32_t contact;
};
struct agg_figure_row {
    int64_t value;
};

#define AGG_POOL_ID(name, member, count, layout)                                                   \
    AGG_POOL_##name, AGG_POOL_##name##_last = AGG_POOL_##name + (count)-1,
enum agg_pool_id { AGG_POOLS(AGG_POOL_ID) AGG_POOL_COUNT };
#undef AGG_POOL_ID
static_assert((int)AGG_POOL_COUNT < (int)AGG_NO_TARGET, "targets are bytes");

/* Where the pools and lists of a task are. Made at the first call, then const. thread: any */
struct agg_pool_info {
    const char *name;
    uint32_t index; /* of several of that name */
    uint32_t at;    /* in struct agg_task */
    enum agg_layout_id layout;
};
const struct agg_pool_info *agg_pool_info(uint32_t id);
enum { AGG_LIST_COUNT = RC_ROLLING_MAX + RC_INTERVAL_COUNT + 2 };
struct agg_list_info {
    const char *name;
    uint32_t index;
    uint32_t at;
    uint8_t target; /* enum agg_pool_id */
    bool strict;
};
const struct agg_list_info *agg_list_info(uint32_t id);

static inline struct agg_pool *agg_pool_of(const struct agg_task *task, uint32_t id)
{
    return (struct agg_pool *)((char *)task + agg_pool_info(id)->at);
}
static inline struct agg_list *agg_list_of(const struct agg_task *task, uint32_t id)
{
    return (struct agg_list *)((char *)task + agg_list_info(id)->at);
}

/* The texts of the section `words`; which of them must be equal, restoring says. */
enum agg_words { AGG_WORDS_FIGURES, AGG_WORDS_TYPES, AGG_WORDS_WINDOWS, AGG_WORDS_COUNT };
enum { AGG_WORDS_MAX = 1 << 13 };
extern const char *const agg_words_name[AGG_WORDS_COUNT];
/* Bytes made. */
uint32_t agg_words(const struct rc_config *config, enum agg_words which, char text[AGG_WORDS_MAX]);

/* ---- restoring ---- */

struct agg_restore {
    struct agg_task *task;
    const struct rc_snapshot_reader *in;
    char *message; /* 256 bytes */
    struct agg_rows {
        struct agg_pool *pool;
        uint64_t *free; /* bit: that reference is free; for free_room references */
        uint32_t free_room;
        bool seen;
    } rows[AGG_POOL_COUNT];
    bool list_seen[AGG_LIST_COUNT];
    bool events_seen[2], task_seen, words_seen[AGG_WORDS_COUNT], clocks_seen;
    struct agg_clock_rows {
        struct agg_clock_row *row;
        uint32_t count, room;
    } clock;
    uint64_t *child;         /* bit: that episode hangs below another one */
    struct agg_field *field; /* scratch: of the section that is read */
};

static inline bool agg_bit(const uint64_t *bits, uint32_t at)
{
    return bits[at / 64] >> (at % 64) & 1;
}
/* true: it was set already. */
static inline bool agg_bit_set(uint64_t *bits, uint32_t at)
{
    uint64_t bit = UINT64_C(1) << (at % 64);
    bool was = bits[at / 64] & bit;
    bits[at / 64] |= bit;
    return was;
}
static inline uint64_t *agg_bits_new(uint32_t count)
{
    return agg_map(((uint64_t)count / 64 + 1) * sizeof(uint64_t));
}
static inline void agg_bits_done(uint64_t *bits, uint32_t count)
{
    if (bits)
        agg_unmap(bits, ((uint64_t)count / 64 + 1) * sizeof(uint64_t));
}
static inline bool agg_is_within(const struct agg_restore *restore, uint32_t pool, uint32_t ref)
{
    return ref < restore->rows[pool].pool->next;
}
static inline bool agg_is_live(const struct agg_restore *restore, uint32_t pool, uint32_t ref)
{
    return ref != 0 && agg_is_within(restore, pool, ref) && !agg_bit(restore->rows[pool].free, ref);
}

/* INPUT, with the message. */
enum rc_error agg_refuse(struct agg_restore *restore, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

void agg_clock_rows_add(struct agg_clock_rows *rows, struct agg_clock_row row);
void agg_clock_rows_done(struct agg_clock_rows *rows);

/* Makes the tables, so that a forked child finds them. */
void agg_state_ready(void);

/* state_save.c */
enum rc_error agg_state_save(const struct agg_task *task, uint32_t index,
                             const struct rc_snapshot_writer *out);
/* state_restore.c; `task` is new. INPUT: it is of no use any more, but may be closed. */
enum rc_error agg_state_restore(struct agg_task *task, uint32_t index,
                                const struct rc_snapshot_reader *in, char message[256]);
/* state_check.c: whatever is followed leads to a row that is there, and to an end. */
enum rc_error agg_state_check(struct agg_restore *restore);
/* state_again.c: what is not saved, of a state that has been checked: pointers, from the names and
 * the configuration; indexes; counters. */
enum rc_error agg_state_again(struct agg_restore *restore);

#endif
