#include "demo_table.h"

#include "rollcall/figures.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char head[] = "CLIENT        QUEUE        CHAN  WAITING  OLDEST  HANDLING   OFFERED  "
                           "ANSWERED  SERVICE LEVEL   OF TARGET  ABANDON    ASA    AHT\n";

struct drawing {
    const struct demo_table *table;
    char *room;
    size_t size, used;
    unsigned rows, hidden;
};

static void put(struct drawing *drawing, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void put(struct drawing *drawing, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    int count =
        vsnprintf(drawing->room + drawing->used, drawing->size - drawing->used, format, list);
    va_end(list);
    drawing->used += (size_t)count;
    if (drawing->used >= drawing->size)
        drawing->used = drawing->size - 1;
}

static bool shown(const struct demo_table *table, const struct rc_record *rec)
{
    return rec->kind == RC_KIND_ROLLING && rec->window == table->window && rec->total != 1;
}

static void clock_text(int64_t ms, char room[16])
{
    if (ms == RC_NULL)
        snprintf(room, 16, "-");
    else
        snprintf(room, 16, "%d:%02d", (int)(ms / 60000), (int)(ms / 1000 % 60));
}

static void percent_text(int64_t bp, char room[16])
{
    if (bp == RC_NULL)
        snprintf(room, 16, "-");
    else
        snprintf(room, 16, "%d.%d %%", (int)(bp / 100), (int)(bp / 10 % 10));
}

/* Shape and word, not colour alone. */
static const char *mark(const struct rc_record *rec)
{
    int64_t ok = rec->value[RC_FIG_sl_ok];
    return ok == RC_NULL ? "   no data" : ok ? "   ok" : " ! missed";
}

static bool row(void *opaque, const struct rc_record *rec)
{
    static const char *const channels[] = {"call", "chat", "tick"};
    struct drawing *drawing = opaque;
    const int64_t *value = rec->value;
    char oldest[16], level[16], target[16], abandon[16], asa[16], aht[16];
    if (!shown(drawing->table, rec))
        return true;
    if (drawing->rows >= drawing->table->rows_max) {
        drawing->hidden++;
        return true;
    }
    drawing->rows++;
    bool bold = drawing->table->color && rec->total;
    bool red = drawing->table->color && value[RC_FIG_sl_ok] == 0;
    clock_text(value[RC_FIG_oldest_wait_ms], oldest);
    percent_text(value[RC_FIG_sl_bp], level);
    percent_text(value[RC_FIG_sl_target_bp], target);
    percent_text(value[RC_FIG_abandon_bp], abandon);
    clock_text(value[RC_FIG_asa_ms], asa);
    clock_text(value[RC_FIG_aht_ms], aht);
    put(drawing,
        "%s%-13.*s %-12.*s %-4s %8lld %7s %9lld %9lld %9lld %s%8s%-10s%s%s %8s %8s %6s %6s%s\n",
        bold ? "\033[1m" : "", rec->client_size, rec->text, rec->queue_size,
        rec->text + rec->client_size, channels[rec->channel], (long long)value[RC_FIG_waiting],
        oldest, (long long)value[RC_FIG_handling], (long long)value[RC_FIG_offered],
        (long long)value[RC_FIG_answered], red ? "\033[31m" : "", level, mark(rec),
        red ? "\033[0m" : "", bold ? "\033[1m" : "", target, abandon, asa, aht,
        bold ? "\033[0m" : "");
    return true;
}

size_t demo_table_text(const struct demo_table *table, char *room, size_t size)
{
    struct drawing drawing = {.table = table, .room = room, .size = size};
    put(&drawing, "%s", head);
    sink_table_each(table->records, row, &drawing);
    if (drawing.hidden)
        put(&drawing, "… and %u rows more\n", drawing.hidden);
    return drawing.used;
}

struct adding {
    const struct demo_table *table;
    struct demo_totals *totals;
};

static bool add(void *opaque, const struct rc_record *rec)
{
    struct adding *adding = opaque;
    struct demo_totals *totals = adding->totals;
    if (!shown(adding->table, rec))
        return true;
    totals->rows++;
    if (rec->total != 2)
        return true;
    totals->waiting += rec->value[RC_FIG_waiting];
    totals->handling += rec->value[RC_FIG_handling];
    totals->offered += rec->value[RC_FIG_offered];
    totals->answered += rec->value[RC_FIG_answered];
    totals->sl_met += rec->value[RC_FIG_sl_met];
    totals->sl_of += rec->value[RC_FIG_sl_of];
    if (rec->value[RC_FIG_oldest_wait_ms] > totals->oldest_wait_ms)
        totals->oldest_wait_ms = rec->value[RC_FIG_oldest_wait_ms];
    return true;
}

void demo_table_totals(const struct demo_table *table, struct demo_totals *ret_totals)
{
    memset(ret_totals, 0, sizeof *ret_totals);
    struct adding adding = {table, ret_totals};
    sink_table_each(table->records, add, &adding);
}
