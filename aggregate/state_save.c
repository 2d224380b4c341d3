/* A task's state to bytes. Reads only, and has its buffers on the stack: a forked child runs it. */
#include "state.h"
#include <string.h>

enum { PIECE = 1 << 14 };

static enum rc_error put(const struct rc_snapshot_writer *out, const void *bytes, uint64_t size)
{
    return size ? out->put(out->self, bytes, size) : RC_OK;
}

static struct agg_section section_of(const char *name, enum agg_section_kind kind, uint32_t index)
{
    struct agg_section section = {.kind = kind, .index = index};
    RC_CHECK(strlen(name) < sizeof section.name);
    memcpy(section.name, name, strlen(name));
    return section;
}

/* The head of a section, and how its rows lie. Of what is empty there is no section. */
static enum rc_error section_put(const struct rc_snapshot_writer *out, struct agg_section *section,
                                 const struct agg_layout *layout)
{
    section->item_size = layout->size;
    section->fields = layout->field_count;
    enum rc_error err = put(out, section, sizeof *section);
    return err ? err : put(out, layout->field, layout->field_count * sizeof *layout->field);
}

/* ---- pools ---- */

static enum rc_error free_put(const struct rc_snapshot_writer *out, const struct agg_pool *pool,
                              uint32_t count)
{
    uint32_t piece[PIECE / sizeof(uint32_t)], held = 0, ref = pool->free;
    enum rc_error err = RC_OK;
    for (uint32_t i = 0; i < count && !err; i++) {
        RC_CHECK(ref != 0);
        piece[held++] = ref;
        memcpy(&ref, agg_pool_at(pool, ref), sizeof ref);
        if (held == sizeof piece / sizeof *piece || i == count - 1) {
            err = put(out, piece, held * sizeof *piece);
            held = 0;
        }
    }
    RC_CHECK(err || ref == 0);
    return err;
}

/* Rows that are neighbours in memory. */
static enum rc_error rows_put(const struct rc_snapshot_writer *out, const struct agg_pool *pool,
                              const struct agg_layout *layout, uint32_t ref, uint32_t count)
{
    char piece[PIECE];
    if (!layout->unsaved_count)
        return put(out, agg_pool_at(pool, ref), (uint64_t)count * pool->item_size);
    RC_CHECK(pool->item_size == layout->size && layout->size <= PIECE);
    for (uint32_t i = 0; i < count; i++) {
        memcpy(piece, agg_pool_at(pool, ref + i), layout->size);
        agg_layout_clear(layout, piece);
        enum rc_error err = put(out, piece, layout->size);
        if (err)
            return err;
    }
    return RC_OK;
}

static enum rc_error pool_put(const struct rc_snapshot_writer *out, const struct agg_task *task,
                              uint32_t id)
{
    const struct agg_pool_info *info = agg_pool_info(id);
    const struct agg_layout *layout = agg_layout(info->layout);
    const struct agg_pool *pool = agg_pool_of(task, id);
    struct agg_section section = section_of(info->name, AGG_SECTION_POOL, info->index);
    uint32_t rows = pool->next - 1;
    if (!rows)
        return RC_OK;
    section.row_size = pool->item_size;
    section.free = rows - (uint32_t)pool->live;
    section.rows = rows;
    section.bytes = section.rows * pool->item_size;
    enum rc_error err = section_put(out, &section, layout);
    if (!err)
        err = free_put(out, pool, section.free);
    for (uint32_t ref = 1, end; ref < pool->next && !err; ref = end) {
        end = ((ref >> pool->shift) + 1) << pool->shift;
        end = end < pool->next ? end : pool->next;
        err = rows_put(out, pool, layout, ref, end - ref);
    }
    return err;
}

/* ---- the rest ---- */

static enum rc_error list_put(const struct rc_snapshot_writer *out, const struct agg_task *task,
                              uint32_t id)
{
    const struct agg_list_info *info = agg_list_info(id);
    const struct agg_list *list = agg_list_of(task, id);
    struct agg_section section = section_of(info->name, AGG_SECTION_LIST, info->index);
    if (!list->count)
        return RC_OK;
    section.row_size = sizeof *list->ref;
    section.rows = list->count;
    section.bytes = section.rows * sizeof *list->ref;
    enum rc_error err = section_put(out, &section, agg_layout(AGG_LAYOUT_bytes));
    return err ? err : put(out, list->ref, section.bytes);
}

static enum rc_error words_put(const struct rc_snapshot_writer *out, const struct agg_task *task,
                               enum agg_words which)
{
    char text[AGG_WORDS_MAX];
    struct agg_section section = section_of(agg_words_name[which], AGG_SECTION_WORDS, 0);
    section.row_size = 1;
    section.rows = section.bytes = agg_words(task->config, which, text);
    enum rc_error err = section_put(out, &section, agg_layout(AGG_LAYOUT_bytes));
    return err ? err : put(out, text, section.bytes);
}

static enum rc_error record_put(const struct rc_snapshot_writer *out, const struct agg_task *task)
{
    const struct agg_layout *layout = agg_layout(AGG_LAYOUT_task);
    char row[AGG_ROW_MAX];
    struct agg_section section = section_of("task", AGG_SECTION_RECORD, 0);
    memset(row, 0, layout->size);
    agg_layout_copy(layout, row, task);
    section.row_size = layout->size;
    section.rows = 1;
    section.bytes = layout->size;
    enum rc_error err = section_put(out, &section, layout);
    return err ? err : put(out, row, layout->size);
}

static enum rc_error events_put(const struct rc_snapshot_writer *out, const struct agg_order *order,
                                const char *name)
{
    struct agg_section section = section_of(name, AGG_SECTION_EVENTS, 0);
    char piece[PIECE];
    uint32_t held = 0;
    section.row_size = sizeof(struct rc_event);
    section.rows = order->count;
    RC_CHECK(order->ready_next == order->ready_count);
    if (!order->count)
        return RC_OK;
    for (uint64_t i = 0; i < order->count; i++)
        section.bytes += agg_order_waiting(order, i)->size;
    enum rc_error err = section_put(out, &section, agg_layout(AGG_LAYOUT_event));
    for (uint64_t i = 0; i < order->count && !err; i++) {
        const struct rc_event *ev = agg_order_waiting(order, i);
        if (held + ev->size > PIECE) {
            err = put(out, piece, held);
            held = 0;
        }
        if (err || ev->size > PIECE) {
            err = err ? err : put(out, ev, ev->size);
            continue;
        }
        memcpy(piece + held, ev, ev->size);
        held += ev->size;
    }
    return err ? err : put(out, piece, held);
}

/* NULL: it is not a clock's. The row of a key that is gone has one that may be gone with it. */
static const struct rc_clock *clock_of(const struct agg_task *task, uint32_t ref)
{
    const struct agg_key *key = agg_key_at(task, ref);
    return key->name_size ? key->clock : NULL;
}

static enum rc_error clocks_put(const struct rc_snapshot_writer *out, const struct agg_task *task)
{
    struct agg_section section = section_of("clock", AGG_SECTION_ROWS, 0);
    section.row_size = sizeof(struct agg_clock_row);
    for (uint32_t ref = 1; ref < task->key.next; ref++)
        section.rows += clock_of(task, ref) != NULL;
    if (!section.rows)
        return RC_OK;
    section.bytes = section.rows * section.row_size;
    enum rc_error err = section_put(out, &section, agg_layout(AGG_LAYOUT_clock));
    for (uint32_t ref = 1; ref < task->key.next && !err; ref++) {
        const struct rc_clock *clock = clock_of(task, ref);
        if (!clock)
            continue;
        struct agg_clock_row row = {.key = ref, .name_size = clock->name_size};
        memcpy(row.name, clock->name, clock->name_size);
        err = put(out, &row, sizeof row);
    }
    return err;
}

enum rc_error agg_state_save(const struct agg_task *task, uint32_t index,
                             const struct rc_snapshot_writer *out)
{
    struct agg_state_head head = {.order = AGG_STATE_ORDER,
                                  .format = AGG_STATE_FORMAT,
                                  .task = index,
                                  .tasks = task->config->tasks};
    memcpy(head.magic, AGG_STATE_MAGIC, sizeof head.magic);
    enum rc_error err = put(out, &head, sizeof head);
    for (uint32_t i = 0; i < AGG_WORDS_COUNT && !err; i++)
        err = words_put(out, task, (enum agg_words)i);
    if (!err)
        err = record_put(out, task);
    for (uint32_t i = 0; i < AGG_POOL_COUNT && !err; i++)
        err = pool_put(out, task, i);
    for (uint32_t i = 0; i < AGG_LIST_COUNT && !err; i++)
        err = list_put(out, task, i);
    if (!err)
        err = events_put(out, &task->order, "order");
    if (!err)
        err = events_put(out, &task->late, "late");
    if (!err)
        err = clocks_put(out, task);
    struct agg_section end = section_of("end", AGG_SECTION_END, 0);
    return err ? err : section_put(out, &end, agg_layout(AGG_LAYOUT_bytes));
}
