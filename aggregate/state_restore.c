/* Bytes to a task's state: reads the sections, straight into place where a layout is that of this
 * version, else row by row. What it all means is judged afterwards (state_check.c). */
#include "state.h"
#include <string.h>

enum {
    PIECE = 1 << 14,
    FIELDS_MAX = 256, /* of a struct of another version */
    ROW_MAX = 1 << 20,
    EVENT_MAX = 1 << 26
};

static enum rc_error get(struct agg_restore *restore, void *bytes, uint64_t size)
{
    if (!size)
        return RC_OK;
    enum rc_error err = restore->in->get(restore->in->self, bytes, size);
    if (err == RC_ERR_INPUT && !restore->message[0])
        return agg_refuse(restore, "the state ends early, or its bytes are damaged");
    return err;
}

static enum rc_error skip(struct agg_restore *restore, uint64_t bytes)
{
    char piece[PIECE];
    enum rc_error err = RC_OK;
    while (bytes && !err) {
        uint64_t size = bytes < sizeof piece ? bytes : sizeof piece;
        err = get(restore, piece, size);
        bytes -= size;
    }
    return err;
}

/* ---- heads ---- */

static enum rc_error head_get(struct agg_restore *restore, uint32_t index)
{
    struct agg_state_head head;
    enum rc_error err = get(restore, &head, sizeof head);
    if (err)
        return err;
    if (memcmp(head.magic, AGG_STATE_MAGIC, sizeof head.magic) != 0)
        return agg_refuse(restore, "this is no state of a task");
    if (head.order != AGG_STATE_ORDER)
        return agg_refuse(restore, "its numbers are not little-endian");
    if (head.format != AGG_STATE_FORMAT)
        return agg_refuse(restore, "its format is %u, this version reads %u", head.format,
                          AGG_STATE_FORMAT);
    if (head.task != index || head.tasks != restore->task->config->tasks)
        return agg_refuse(restore, "it is of task %u of %u, not of %u of %u", head.task, head.tasks,
                          index, restore->task->config->tasks);
    return RC_OK;
}

static bool field_is_sound(const struct agg_field *field, uint32_t item_size)
{
    return memchr(field->name, 0, sizeof field->name) && field->width >= 1 && field->width <= 64 &&
           field->count >= 1 &&
           field->bit + (uint64_t)field->count * field->width <= (uint64_t)item_size * 8;
}

static enum rc_error section_get(struct agg_restore *restore, struct agg_section *section)
{
    enum rc_error err = get(restore, section, sizeof *section);
    if (err)
        return err;
    bool events = section->kind == AGG_SECTION_EVENTS;
    if (!memchr(section->name, 0, sizeof section->name) || section->fields > FIELDS_MAX ||
        section->row_size > ROW_MAX || section->rows >= UINT32_MAX ||
        section->free > section->rows ||
        (section->item_size ? section->row_size % section->item_size : section->fields) ||
        (events ? section->row_size != section->item_size
                : section->bytes != section->rows * section->row_size))
        return agg_refuse(restore, "the head of a section is not sound");
    err = get(restore, restore->field, section->fields * sizeof *restore->field);
    for (uint32_t i = 0; i < section->fields && !err; i++)
        if (!field_is_sound(&restore->field[i], section->item_size))
            err = agg_refuse(restore, "a field of %s is not sound", section->name);
    return err;
}

static bool is_same_layout(const struct agg_restore *restore, const struct agg_section *section,
                           const struct agg_layout *layout)
{
    return section->item_size == layout->size && section->fields == layout->field_count &&
           !memcmp(restore->field, layout->field, section->fields * sizeof *restore->field);
}

static enum rc_error twice(struct agg_restore *restore, const struct agg_section *section)
{
    return agg_refuse(restore, "the section %s comes twice", section->name);
}

/* ---- rows of another version ---- */

struct converter {
    struct agg_conversion conversion;
    struct agg_restore *restore;
    const struct agg_section *section;
    uint32_t items; /* structs in a row of this version */
    char *row;
};

static enum rc_error converter_open(struct converter *converter, struct agg_restore *restore,
                                    const struct agg_section *section,
                                    const struct agg_layout *layout, uint32_t items)
{
    *converter = (struct converter){.restore = restore, .section = section, .items = items};
    if (!layout->size || !section->item_size || section->row_size / section->item_size > items)
        return agg_refuse(restore, "rows of %s have another size than in this version",
                          section->name);
    agg_conversion_init(&converter->conversion, layout, restore->field, section->fields);
    converter->row = agg_map(section->row_size);
    return RC_OK;
}

static void converter_close(struct converter *converter)
{
    if (converter->row)
        agg_unmap(converter->row, converter->section->row_size);
}

/* The next row into `into`, which is all zeroes. In a free one the link of the list is no value. */
static enum rc_error row_convert(struct converter *converter, void *into, bool is_free)
{
    const struct agg_section *section = converter->section;
    const struct agg_layout *layout = converter->conversion.layout;
    enum rc_error err = get(converter->restore, converter->row, section->row_size);
    if (err)
        return err;
    if (is_free && section->row_size >= sizeof(uint32_t))
        memset(converter->row, 0, sizeof(uint32_t));
    for (uint32_t i = 0; i < section->row_size / section->item_size; i++) {
        const char *field =
            agg_convert(&converter->conversion, converter->row + (size_t)i * section->item_size,
                        (char *)into + (size_t)i * layout->size);
        if (field)
            return agg_refuse(converter->restore, "a value of %s.%s does not fit", section->name,
                              field);
    }
    return RC_OK;
}

/* ---- pools ---- */

static enum rc_error free_get(struct agg_restore *restore, const struct agg_section *section,
                              struct agg_rows *rows, struct agg_list *list)
{
    uint32_t piece[PIECE / sizeof(uint32_t)], left = section->free;
    enum rc_error err = RC_OK;
    while (left && !err) {
        uint32_t count = left < PIECE / sizeof *piece ? left : PIECE / sizeof *piece;
        err = get(restore, piece, count * sizeof *piece);
        for (uint32_t i = 0; i < count && !err; i++) {
            if (!piece[i] || piece[i] > section->rows || agg_bit_set(rows->free, piece[i]))
                err = agg_refuse(restore, "the free list of %s is not sound", section->name);
            agg_list_add(list, piece[i]);
        }
        left -= count;
    }
    return err;
}

static enum rc_error rows_get(struct agg_restore *restore, const struct agg_section *section,
                              struct agg_pool *pool, const struct agg_layout *layout)
{
    enum rc_error err = RC_OK;
    while (pool->next <= section->rows && !err) {
        uint32_t end = ((pool->next >> pool->shift) + 1) << pool->shift;
        end = end <= section->rows ? end : (uint32_t)section->rows + 1;
        agg_pool_reach(pool, pool->next);
        err = get(restore, agg_pool_at(pool, pool->next),
                  (uint64_t)(end - pool->next) * pool->item_size);
        for (; pool->next < end; pool->next++)
            if (layout->unsaved_count)
                agg_layout_clear(layout, agg_pool_at(pool, pool->next));
    }
    return err;
}

static enum rc_error rows_convert(struct agg_restore *restore, const struct agg_section *section,
                                  struct agg_rows *rows, const struct agg_layout *layout)
{
    struct agg_pool *pool = rows->pool;
    struct converter converter;
    enum rc_error err = converter_open(&converter, restore, section, layout,
                                       layout->size ? pool->item_size / layout->size : 0);
    while (pool->next <= section->rows && !err) {
        agg_pool_reach(pool, pool->next);
        err =
            row_convert(&converter, agg_pool_at(pool, pool->next), agg_bit(rows->free, pool->next));
        pool->next++;
    }
    converter_close(&converter);
    return err;
}

static enum rc_error pool_get(struct agg_restore *restore, const struct agg_section *section,
                              uint32_t id)
{
    struct agg_rows *rows = &restore->rows[id];
    const struct agg_layout *layout = agg_layout(agg_pool_info(id)->layout);
    struct agg_list list = {0};
    if (rows->seen)
        return twice(restore, section);
    rows->seen = true;
    agg_bits_done(rows->free, rows->free_room);
    rows->free_room = (uint32_t)section->rows + 1;
    rows->free = agg_bits_new(rows->free_room);
    enum rc_error err = free_get(restore, section, rows, &list);
    if (!err && section->row_size == rows->pool->item_size &&
        is_same_layout(restore, section, layout))
        err = rows_get(restore, section, rows->pool, layout);
    else if (!err)
        err = rows_convert(restore, section, rows, layout);
    if (!err)
        agg_pool_free_all(rows->pool, list.ref, list.count);
    agg_list_done(&list);
    return err;
}

/* ---- the rest ---- */

static enum rc_error list_get(struct agg_restore *restore, const struct agg_section *section,
                              uint32_t id)
{
    uint32_t piece[PIECE / sizeof(uint32_t)];
    uint64_t left = section->rows;
    enum rc_error err = RC_OK;
    if (restore->list_seen[id])
        return twice(restore, section);
    restore->list_seen[id] = true;
    if (section->row_size != sizeof *piece)
        return agg_refuse(restore, "the list %s is not sound", section->name);
    while (left && !err) {
        uint64_t count = left < PIECE / sizeof *piece ? left : PIECE / sizeof *piece;
        err = get(restore, piece, count * sizeof *piece);
        for (uint64_t i = 0; i < count && !err; i++)
            agg_list_add(agg_list_of(restore->task, id), piece[i]);
        left -= count;
    }
    return err;
}

/* Figures and windows must be ours; of types of events there may be more in this version. */
static enum rc_error words_get(struct agg_restore *restore, const struct agg_section *section,
                               enum agg_words which)
{
    char theirs[AGG_WORDS_MAX], ours[AGG_WORDS_MAX];
    uint32_t size = agg_words(restore->task->config, which, ours);
    if (restore->words_seen[which])
        return twice(restore, section);
    restore->words_seen[which] = true;
    if (section->bytes > sizeof theirs)
        return agg_refuse(restore, "the section %s is too long", section->name);
    enum rc_error err = get(restore, theirs, section->bytes);
    if (err)
        return err;
    bool fits = which == AGG_WORDS_TYPES ? section->bytes <= size : section->bytes == size;
    if (!fits || memcmp(theirs, ours, section->bytes) != 0)
        return agg_refuse(restore, "it was made with other %s",
                          which == AGG_WORDS_TYPES ? "types of events" : section->name);
    return RC_OK;
}

static enum rc_error record_get(struct agg_restore *restore, const struct agg_section *section)
{
    const struct agg_layout *layout = agg_layout(AGG_LAYOUT_task);
    char row[AGG_ROW_MAX] = {0};
    struct converter converter;
    if (restore->task_seen)
        return twice(restore, section);
    restore->task_seen = true;
    if (section->rows != 1)
        return agg_refuse(restore, "the section %s is not sound", section->name);
    enum rc_error err = converter_open(&converter, restore, section, layout, 1);
    if (!err)
        err = row_convert(&converter, row, false);
    if (!err)
        agg_layout_copy(layout, restore->task, row);
    converter_close(&converter);
    return err;
}

static enum rc_error clocks_get(struct agg_restore *restore, const struct agg_section *section)
{
    struct converter converter;
    if (restore->clocks_seen)
        return twice(restore, section);
    restore->clocks_seen = true;
    enum rc_error err =
        converter_open(&converter, restore, section, agg_layout(AGG_LAYOUT_clock), 1);
    for (uint64_t i = 0; i < section->rows && !err; i++) {
        struct agg_clock_row row = {0};
        err = row_convert(&converter, &row, false);
        if (!err && (!row.name_size || row.name_size > sizeof row.name))
            err = agg_refuse(restore, "the name of a clock is not sound");
        if (!err)
            agg_clock_rows_add(&restore->clock, row);
    }
    converter_close(&converter);
    return err;
}

/* ---- events ---- */

static bool raw_is_sound(const char *bytes, uint32_t size)
{
    struct rc_raw raw;
    if (size < sizeof raw)
        return size == 0;
    memcpy(&raw, bytes, sizeof raw);
    uint64_t at =
        sizeof raw + (raw.key_size == UINT32_MAX ? 0 : raw.key_size) + (uint64_t)raw.value_size;
    for (uint32_t i = 0; i < raw.header_count && at <= size; i++) {
        uint32_t part[2];
        if (at + sizeof part > size)
            return false;
        memcpy(part, bytes + at, sizeof part);
        at += sizeof part + (uint64_t)part[0] + (part[1] == UINT32_MAX ? 0 : part[1]);
    }
    return at <= size;
}

static bool event_is_sound(const struct rc_event *ev, uint32_t task)
{
    if (!ev->client_size || ev->client_size > RC_CLIENT_MAX || ev->queue_size > RC_QUEUE_MAX ||
        !ev->contact_size || ev->contact_size > RC_ID_MAX || ev->conversation_size > RC_ID_MAX ||
        ev->agent_size > RC_ID_MAX || ev->priority_size > RC_PRIORITY_MAX)
        return false;
    uint64_t text = (rc_event_text_size(ev) + 7u) & ~7u, raw = ((uint64_t)ev->raw_size + 7) & ~7ull;
    return sizeof *ev + text + raw == ev->size && ev->type < RC_TYPE_COUNT &&
           ev->type != RC_TYPE_tick && ev->channel <= RC_CHANNEL_NONE && ev->task == task &&
           ev->time_ms >= RC_TIME_FIRST && ev->time_ms < RC_TIME_LAST &&
           raw_is_sound(rc_event_raw(ev), ev->raw_size);
}

struct event_room {
    struct rc_event *ev;
    uint64_t size;
};

static enum rc_error event_get(struct converter *converter, uint32_t task, struct event_room *room)
{
    struct agg_restore *restore = converter->restore;
    struct rc_event head = {0};
    uint32_t theirs = converter->section->row_size;
    enum rc_error err = row_convert(converter, &head, false);
    if (err)
        return err;
    if (head.size < theirs || head.size > EVENT_MAX)
        return agg_refuse(restore, "an event is not sound");
    uint64_t need = sizeof head + (head.size - theirs);
    if (need > room->size) {
        if (room->ev)
            agg_unmap(room->ev, room->size);
        room->size = need * 2;
        room->ev = agg_map(room->size);
    }
    memcpy(room->ev, &head, sizeof head);
    err = get(restore, room->ev->text, head.size - theirs);
    room->ev->size = (uint32_t)need;
    if (!err && !event_is_sound(room->ev, task))
        err = agg_refuse(restore, "an event is not sound");
    return err;
}

static enum rc_error events_get(struct agg_restore *restore, const struct agg_section *section,
                                uint32_t task, struct agg_order *order, bool *seen)
{
    struct converter converter;
    struct event_room room = {0};
    if (*seen)
        return twice(restore, section);
    *seen = true;
    enum rc_error err =
        converter_open(&converter, restore, section, agg_layout(AGG_LAYOUT_event), 1);
    for (uint64_t i = 0; i < section->rows && !err; i++) {
        err = event_get(&converter, task, &room);
        if (!err)
            agg_order_put(order, room.ev);
    }
    if (room.ev)
        agg_unmap(room.ev, room.size);
    converter_close(&converter);
    return err;
}

/* ---- all ---- */

static bool is_named(const struct agg_section *section, enum agg_section_kind kind,
                     const char *name, uint32_t index)
{
    return section->kind == kind && section->index == index && !strcmp(section->name, name);
}

static enum rc_error section_take(struct agg_restore *restore, const struct agg_section *section,
                                  uint32_t index)
{
    struct agg_task *task = restore->task;
    for (uint32_t i = 0; i < AGG_POOL_COUNT; i++)
        if (is_named(section, AGG_SECTION_POOL, agg_pool_info(i)->name, agg_pool_info(i)->index))
            return pool_get(restore, section, i);
    if (section->free)
        return skip(restore, section->free * sizeof(uint32_t) + section->bytes);
    for (uint32_t i = 0; i < AGG_LIST_COUNT; i++)
        if (is_named(section, AGG_SECTION_LIST, agg_list_info(i)->name, agg_list_info(i)->index))
            return list_get(restore, section, i);
    for (uint32_t i = 0; i < AGG_WORDS_COUNT; i++)
        if (is_named(section, AGG_SECTION_WORDS, agg_words_name[i], 0))
            return words_get(restore, section, (enum agg_words)i);
    if (is_named(section, AGG_SECTION_RECORD, "task", 0))
        return record_get(restore, section);
    if (is_named(section, AGG_SECTION_ROWS, "clock", 0))
        return clocks_get(restore, section);
    if (is_named(section, AGG_SECTION_EVENTS, "order", 0))
        return events_get(restore, section, index, &task->order, &restore->events_seen[0]);
    if (is_named(section, AGG_SECTION_EVENTS, "late", 0))
        return events_get(restore, section, index, &task->late, &restore->events_seen[1]);
    return skip(restore, section->bytes); /* of another version, and nothing here asks for it */
}

static enum rc_error sections_get(struct agg_restore *restore, uint32_t index)
{
    struct agg_field field[FIELDS_MAX];
    enum rc_error err = head_get(restore, index);
    restore->field = field;
    while (!err) {
        struct agg_section section;
        err = section_get(restore, &section);
        if (err || section.kind == AGG_SECTION_END)
            break;
        err = section_take(restore, &section, index);
    }
    restore->field = NULL;
    bool whole = restore->task_seen;
    for (uint32_t i = 0; i < AGG_WORDS_COUNT; i++)
        whole &= restore->words_seen[i];
    return err || whole ? err : agg_refuse(restore, "sections that must be there are missing");
}

enum rc_error agg_state_restore(struct agg_task *task, uint32_t index,
                                const struct rc_snapshot_reader *in, char message[256])
{
    struct agg_restore restore = {.task = task, .in = in, .message = message};
    message[0] = 0;
    for (uint32_t i = 0; i < AGG_POOL_COUNT; i++) {
        restore.rows[i].pool = agg_pool_of(task, i);
        restore.rows[i].free_room = 1;
        restore.rows[i].free = agg_bits_new(1);
    }
    enum rc_error err = sections_get(&restore, index);
    if (!err)
        err = agg_state_check(&restore);
    if (!err)
        err = agg_state_again(&restore);
    for (uint32_t i = 0; i < AGG_POOL_COUNT; i++)
        agg_bits_done(restore.rows[i].free, restore.rows[i].free_room);
    agg_bits_done(restore.child, task->episode.next);
    agg_clock_rows_done(&restore.clock);
    return err;
}
