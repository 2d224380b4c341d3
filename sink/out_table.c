/* CSV, and a table with a human choice of columns. */
#include "out_table.h"
#include "record_text.h"
#include "text.h"
#include <stdio.h>
#include <stdlib.h>

/* ---- CSV ---- */

#define CSV_FIELD(name, unit, merge, of, help) {#name, RC_OF_##of, RC_UNIT_##unit == RC_UNIT_BOOL},
static const struct {
    const char *name;
    uint8_t of;
    bool boolean;
} csv_field[RC_FIGURE_COUNT] = {RC_FIELDS(CSV_FIELD)};
#undef CSV_FIELD

static char *csv_word(char *at, const char *word)
{
    *at++ = ',';
    return record_csv_text(at, word, (uint32_t)strlen(word));
}

static char *csv_int(char *at, int64_t value)
{
    *at++ = ',';
    return text_int(at, value);
}

uint32_t out_csv_header(bool slas, char *room)
{
    char *at = room;
    for (uint32_t i = 0; i < RECORD_LEAD_COUNT; i++)
        at = csv_word(at, record_lead_name[i]);
    for (uint32_t i = 0; i < RC_FIGURE_COUNT && !slas; i++)
        at = csv_word(at, csv_field[i].name);
    if (slas)
        at = text_put(at, ",clock,measure", 14);
    for (uint32_t i = 0; i < RECORD_CLOCK_FIGURES && slas; i++)
        at = csv_word(at, record_clock_figure[i].name);
    at = text_put(at, "\r\n", 2);
    memmove(room, room + 1, (size_t)(at - room - 1)); /* the comma before the first */
    return (uint32_t)(at - room - 1);
}

static char *csv_value(char *at, int64_t value, bool boolean)
{
    if (value == RC_NULL) {
        *at++ = ',';
        return at;
    }
    return boolean ? csv_word(at, value ? "true" : "false") : csv_int(at, value);
}

static char *csv_figures(char *at, const struct rc_record *rec)
{
    uint8_t of = rc_figures_of(rec->channel);
    for (uint32_t i = 0; i < RC_FIGURE_COUNT; i++)
        at = csv_value(at, csv_field[i].of & of ? rec->value[i] : RC_NULL, csv_field[i].boolean);
    return at;
}

static char *csv_clock(char *at, const struct rc_record *rec)
{
    *at++ = ',';
    at = record_csv_text(at, record_clock(rec), rec->clock_size);
    at = csv_word(at, record_measure_name[rec->measure]);
    for (uint32_t i = 0; i < RECORD_CLOCK_FIGURES; i++)
        at = csv_value(at, rec->value[record_clock_figure[i].figure],
                       record_clock_figure[i].boolean);
    return at;
}

uint32_t out_csv_record(const struct rc_windows *windows, const struct rc_record *rec, char *room)
{
    char *at = record_csv_text(room, record_client(rec), rec->client_size);
    *at++ = ',';
    at = record_csv_text(at, record_queue(rec), rec->queue_size);
    at = csv_word(at, record_channel_name[rec->channel]);
    at = csv_word(at, rc_window_name(windows, rec->window));
    at = csv_word(at, record_kind_name[rec->kind]);
    at = csv_int(at, rec->start_ms);
    at = csv_int(at, rec->end_ms);
    at = csv_int(at, rec->as_of_ms);
    at = csv_word(at, record_status_name[rec->status]);
    at = csv_int(at, rec->revision);
    *at++ = ',';
    at = text_hex64(at, rec->contract);
    at = rec->topic == RC_TOPIC_SLAS ? csv_clock(at, rec) : csv_figures(at, rec);
    at = text_put(at, "\r\n", 2);
    return (uint32_t)(at - room);
}

/* ---- table ---- */

#define COLUMNS(X)                                                                                 \
    X(window, "window", false)                                                                     \
    X(start, "start (client's zone)", false)                                                       \
    X(client, "client", false)                                                                     \
    X(queue, "queue", false)                                                                       \
    X(channel, "channel", false)                                                                   \
    X(clock, "clock", false)                                                                       \
    X(offered, "offered", true)                                                                    \
    X(answered, "answered", true)                                                                  \
    X(abandoned, "abandon %", true)                                                                \
    X(level, "SL %", true)                                                                         \
    X(target, "target", true)                                                                      \
    X(verdict, "verdict", false)                                                                   \
    X(met, "met/of", true)                                                                         \
    X(asa, "ASA", true)                                                                            \
    X(aht, "AHT", true)                                                                            \
    X(fcr, "FCR %", true)                                                                          \
    X(opened, "opened", true)                                                                      \
    X(resolved, "resolved", true)                                                                  \
    X(backlog, "backlog", true)                                                                    \
    X(waiting, "waiting", true)                                                                    \
    X(oldest, "oldest", true)                                                                      \
    X(handling, "handling", true)                                                                  \
    X(status, "status", false)
#define COLUMN_ID(name, title, right) COLUMN_##name,
enum column { COLUMNS(COLUMN_ID) COLUMN_COUNT };
#define COLUMN_INFO(name, title, right) {title, right},
static const struct {
    const char *title;
    bool right;
} columns[COLUMN_COUNT] = {COLUMNS(COLUMN_INFO)};

enum { CELL_ROOM = 72, ROWS_HELD = 400, LINE_ROOM = COLUMN_COUNT * (CELL_ROOM + 16) * 2 };
struct row {
    char cell[COLUMN_COUNT][CELL_ROOM];
    int8_t verdict; /* 1: the service level's target is met, 0: missed, -1: neither */
};
struct out_table {
    const struct rc_config *config;
    struct out_buffer *buffer;
    bool rolling, color, streaming;
    bool tickets, clocks, metrics; /* what the rows are of that the columns are fitted to */
    uint32_t width[COLUMN_COUNT];
    uint32_t row_count;
    struct row *row;
};

/* Columns that a text takes: its code points. */
static uint32_t text_width(const char *text)
{
    uint32_t width = 0;
    for (; *text; text++)
        width += ((unsigned char)*text & 0xc0) != 0x80;
    return width;
}

static void cell_copy(char *cell, const char *bytes, uint32_t size)
{
    uint32_t fits = size < CELL_ROOM ? size : CELL_ROOM - 1;
    memcpy(cell, bytes, fits);
    cell[fits] = 0;
}

static void cell_count(char *cell, int64_t value)
{
    snprintf(cell, CELL_ROOM, "%lld", (long long)value);
}

/* Basis points as percent, cut to one decimal: 9999 bp never shows as 100 %. */
static void cell_percent(char *cell, int64_t bp)
{
    if (bp == RC_NULL)
        snprintf(cell, CELL_ROOM, "-");
    else
        snprintf(cell, CELL_ROOM, "%lld.%lld", (long long)(bp / 100), (long long)(bp / 10 % 10));
}

static void cell_duration(char *cell, int64_t ms)
{
    if (ms == RC_NULL)
        snprintf(cell, CELL_ROOM, "-");
    else
        snprintf(cell, CELL_ROOM, "%lld:%02lld", (long long)(ms / 60000),
                 (long long)(ms / 1000 % 60));
}

static void cell_start(const struct out_table *table, const struct rc_record *rec, char *cell)
{
    const struct rc_client_policy *policy =
        rc_client_policy(&table->config->contracts, record_client(rec), rec->client_size);
    int64_t local_ms = rec->start_ms;
    if (policy->zone)
        local_ms += rc_zone_offset(policy->zone, rec->start_ms);
    int64_t days = local_ms / 86400000, rest = local_ms % 86400000, year;
    if (rest < 0) {
        rest += 86400000;
        days--;
    }
    unsigned month, day;
    rc_civil_from_days(days, &year, &month, &day);
    int length = snprintf(cell, CELL_ROOM, "%04lld-%02u-%02u %02d:%02d", (long long)year, month,
                          day, (int)(rest / 3600000), (int)(rest / 60000 % 60));
    if (rest / 1000 % 60)
        snprintf(cell + length, (size_t)(CELL_ROOM - length), ":%02d", (int)(rest / 1000 % 60));
}

static void fill_level(const int64_t *value, struct row *row)
{
    cell_percent(row->cell[COLUMN_level], value[RC_FIG_sl_bp]);
    cell_percent(row->cell[COLUMN_target], value[RC_FIG_sl_target_bp]);
    int64_t ok = value[RC_FIG_sl_ok];
    row->verdict = ok == RC_NULL ? -1 : ok != 0;
    snprintf(row->cell[COLUMN_verdict], CELL_ROOM, "%s",
             ok == RC_NULL ? "-"
             : ok          ? "ok"
                           : "missed");
    snprintf(row->cell[COLUMN_met], CELL_ROOM, "%lld/%lld", (long long)value[RC_FIG_sl_met],
             (long long)value[RC_FIG_sl_of]);
}

static void fill_visit(const int64_t *value, struct row *row)
{
    cell_count(row->cell[COLUMN_offered], value[RC_FIG_offered]);
    cell_count(row->cell[COLUMN_answered], value[RC_FIG_answered]);
    cell_percent(row->cell[COLUMN_abandoned], value[RC_FIG_abandon_bp]);
    fill_level(value, row);
    cell_duration(row->cell[COLUMN_asa], value[RC_FIG_asa_ms]);
    cell_count(row->cell[COLUMN_waiting], value[RC_FIG_waiting]);
    cell_duration(row->cell[COLUMN_oldest], value[RC_FIG_oldest_wait_ms]);
    cell_count(row->cell[COLUMN_handling], value[RC_FIG_handling]);
}

static void fill_ticket(const int64_t *value, struct row *row)
{
    cell_count(row->cell[COLUMN_opened], value[RC_FIG_opened]);
    cell_count(row->cell[COLUMN_resolved], value[RC_FIG_resolved]);
    cell_count(row->cell[COLUMN_backlog], value[RC_FIG_backlog]);
}

static void fill_figures(const struct rc_record *rec, struct row *row)
{
    if (rec->channel == RC_TICKET)
        fill_ticket(rec->value, row);
    else
        fill_visit(rec->value, row);
    cell_duration(row->cell[COLUMN_aht], rec->value[RC_FIG_aht_ms]);
    cell_percent(row->cell[COLUMN_fcr], rec->value[RC_FIG_fcr_bp]);
}

static void fill_row(const struct out_table *table, const struct rc_record *rec, struct row *row)
{
    const char *window = rc_window_name(&table->config->windows, rec->window);
    const char *status = record_status_name[rec->status];
    cell_copy(row->cell[COLUMN_window], window, (uint32_t)strlen(window));
    cell_start(table, rec, row->cell[COLUMN_start]);
    cell_copy(row->cell[COLUMN_client], record_client(rec), rec->client_size);
    cell_copy(row->cell[COLUMN_queue], record_queue(rec), rec->queue_size);
    cell_copy(row->cell[COLUMN_channel], record_channel_name[rec->channel],
              (uint32_t)strlen(record_channel_name[rec->channel]));
    for (uint32_t i = COLUMN_clock; i <= COLUMN_handling; i++)
        cell_copy(row->cell[i], "-", 1);
    row->verdict = -1;
    if (rec->topic == RC_TOPIC_SLAS) {
        cell_copy(row->cell[COLUMN_clock], record_clock(rec), rec->clock_size);
        fill_level(rec->value, row);
    } else {
        fill_figures(rec, row);
    }
    cell_copy(row->cell[COLUMN_status], status, (uint32_t)strlen(status));
}

static bool is_shown(const struct out_table *table, uint32_t column)
{
    bool level = column >= COLUMN_level && column <= COLUMN_met;
    if (column == COLUMN_clock)
        return table->clocks;
    if (!table->metrics && table->clocks && column > COLUMN_clock && column < COLUMN_status)
        return level;
    if (column == COLUMN_opened || column == COLUMN_resolved || column == COLUMN_backlog)
        return table->tickets;
    return table->rolling ||
           (column != COLUMN_waiting && column != COLUMN_oldest && column != COLUMN_handling);
}

static char *pad(char *at, uint32_t count)
{
    memset(at, ' ', count);
    return at + count;
}

static char *put_cell(const struct out_table *table, char *at, uint32_t column, const char *text,
                      const char *color)
{
    uint32_t size = (uint32_t)strlen(text), width = text_width(text);
    uint32_t gap = width < table->width[column] ? table->width[column] - width : 0;
    if (columns[column].right)
        at = pad(at, gap);
    if (color)
        at = text_put(at, color, (uint32_t)strlen(color));
    at = text_put(at, text, size);
    if (color)
        at = text_put(at, "\033[0m", 4);
    return columns[column].right ? at : pad(at, gap);
}

static enum rc_error put_line(struct out_table *table, const struct row *row)
{
    char *room;
    enum rc_error err = out_buffer_reserve(table->buffer, LINE_ROOM, &room);
    if (err)
        return err;
    char *at = room;
    for (uint32_t i = 0; i < COLUMN_COUNT; i++) {
        if (!is_shown(table, i))
            continue;
        const char *color = NULL;
        if (table->color && !row)
            color = "\033[1m";
        else if (table->color && row->verdict >= 0 && (i == COLUMN_verdict || i == COLUMN_level))
            color = row->verdict ? "\033[32m" : "\033[31m";
        if (at > room)
            at = pad(at, 2);
        at = put_cell(table, at, i, row ? row->cell[i] : columns[i].title, color);
    }
    while (at > room && at[-1] == ' ')
        at--;
    *at++ = '\n';
    out_buffer_advance(table->buffer, (uint64_t)(at - room));
    return RC_OK;
}

static enum rc_error let_go(struct out_table *table)
{
    for (uint32_t i = 0; i < COLUMN_COUNT; i++) {
        table->width[i] = text_width(columns[i].title);
        for (uint32_t j = 0; j < table->row_count; j++) {
            uint32_t width = text_width(table->row[j].cell[i]);
            if (width > table->width[i])
                table->width[i] = width;
        }
    }
    table->streaming = true;
    enum rc_error err = table->row_count ? put_line(table, NULL) : RC_OK;
    for (uint32_t j = 0; j < table->row_count && !err; j++)
        err = put_line(table, &table->row[j]);
    table->row_count = 0;
    return err;
}

enum rc_error out_table_open(const struct rc_config *config, struct out_buffer *buffer,
                             bool rolling, bool color, struct out_table **ret_table)
{
    struct out_table *table = calloc(1, sizeof *table);
    if (!table)
        return RC_ERR_MEMORY;
    table->row = calloc(ROWS_HELD, sizeof *table->row);
    if (!table->row) {
        free(table);
        return RC_ERR_MEMORY;
    }
    table->config = config;
    table->buffer = buffer;
    table->rolling = rolling;
    table->color = color;
    *ret_table = table;
    return RC_OK;
}

enum rc_error out_table_record(struct out_table *table, const struct rc_record *rec)
{
    struct row *row = &table->row[table->streaming ? 0 : table->row_count++];
    if (!table->streaming) {
        bool clock = rec->topic == RC_TOPIC_SLAS;
        table->clocks |= clock;
        table->metrics |= !clock;
        table->tickets |= rec->channel == RC_TICKET && !clock;
    }
    fill_row(table, rec, row);
    if (table->streaming)
        return put_line(table, row);
    return table->row_count == ROWS_HELD ? let_go(table) : RC_OK;
}

enum rc_error out_table_finish(struct out_table *table)
{
    return table->streaming ? RC_OK : let_go(table);
}

void out_table_close(struct out_table *table)
{
    if (!table)
        return;
    free(table->row);
    free(table);
}
