#include "out_table.h"
#include "sink_fixture.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

static uint32_t fields_of(const char *line)
{
    uint32_t count = 1;
    for (bool quoted = false; *line; line++) {
        quoted ^= *line == '"';
        count += *line == ',' && !quoted;
    }
    return count;
}

Test(out_table, csv_has_a_field_for_every_name_of_its_header)
{
    char header[SINK_RECORD_TEXT_MAX], line[SINK_RECORD_TEXT_MAX];
    struct rc_record *rec = fixture_record("acme", "billing", 2, 1000, 2000);
    header[out_csv_header(false, header)] = 0;
    line[out_csv_record(&fixture_config()->windows, rec, line)] = 0;
    cr_assert_eq(fields_of(header), 11 + RC_FIGURE_COUNT);
    cr_assert_eq(fields_of(line), 11 + RC_FIGURE_COUNT);
    cr_assert_eq(strncmp(header,
                         "client,queue,channel,window,kind,start_ms,end_ms,as_of_ms,status,"
                         "revision,contract,offered,answered,",
                         99),
                 0);
    cr_assert_eq(strncmp(line,
                         "acme,billing,call,30m,interval,1000,901000,2000,final,1,"
                         "0123456789abcdef,0,0,",
                         76),
                 0);
    cr_assert_str_eq(header + strlen(header) - 17, "backlog_overdue\r\n");
    free(rec);
}

Test(out_table, csv_leaves_the_figures_of_other_channels_empty)
{
    char line[SINK_RECORD_TEXT_MAX];
    struct rc_record *rec = fixture_record("acme", "desk", 2, 1000, 2000);
    rec->value[RC_FIG_backlog] = 7;
    line[out_csv_record(&fixture_config()->windows, rec, line)] = 0;
    cr_assert(strstr(line, ",0,,\r\n"), "wrapping, then no backlog");
    rec->channel = RC_TICKET;
    line[out_csv_record(&fixture_config()->windows, rec, line)] = 0;
    cr_assert_eq(fields_of(line), 11 + RC_FIGURE_COUNT);
    cr_assert(strstr(line, ",0123456789abcdef,,,"), "nothing was offered");
    cr_assert(strstr(line, ",,7,0\r\n"), "the backlog");
    free(rec);
}

Test(out_table, csv_quotes_what_needs_it_and_leaves_null_empty)
{
    char line[SINK_RECORD_TEXT_MAX];
    struct rc_record *rec = fixture_record("a,\"b\"", "q", 2, 1000, 2000);
    rec->value[RC_FIG_sl_ok] = 1;
    rec->value[RC_FIG_aht_ok] = RC_NULL;
    rec->value[RC_FIG_sl_bp] = RC_NULL;
    rec->value[RC_FIG_abandon_bp] = 77;
    line[out_csv_record(&fixture_config()->windows, rec, line)] = 0;
    cr_assert_eq(strncmp(line, "\"a,\"\"b\"\"\",q,", 12), 0);
    cr_assert(strstr(line, ",true,0,,"), "sl_ok, aht_target_ms, aht_ok");
    cr_assert(strstr(line, ",,77,"), "sl_bp, abandon_bp");
    free(rec);
}

static const char *table_text(struct rc_record **recs, uint32_t count, bool color)
{
    static char text[1 << 20];
    struct out_buffer buffer;
    struct out_table *table;
    int fd = memfd_create("out", 0);
    cr_assert_eq(out_buffer_init(&buffer, fd), RC_OK);
    cr_assert_eq(out_table_open(fixture_config(), &buffer, false, color, &table), RC_OK);
    for (uint32_t i = 0; i < count; i++)
        cr_assert_eq(out_table_record(table, recs[i]), RC_OK);
    cr_assert_eq(out_table_finish(table), RC_OK);
    cr_assert_eq(out_buffer_flush(&buffer), RC_OK);
    ssize_t size = pread(fd, text, sizeof text - 1, 0);
    text[size] = 0;
    out_table_close(table);
    out_buffer_done(&buffer);
    close(fd);
    return text;
}

Test(out_table, columns_are_aligned_and_ratios_are_shown_as_percent)
{
    struct rc_record *recs[2] = {fixture_record("acme", "b\xc3\xbcro", 2, 1767603600000, 0),
                                 fixture_record("acme", "*", 2, 1767603600000, 0)};
    recs[0]->value[RC_FIG_sl_bp] = 9999;
    recs[0]->value[RC_FIG_sl_ok] = 1;
    recs[0]->value[RC_FIG_asa_ms] = 83456;
    const char *text = table_text(recs, 2, false);
    char line[3][256];
    cr_assert_eq(sscanf(text, "%255[^\n]\n%255[^\n]\n%255[^\n]", line[0], line[1], line[2]), 3);
    cr_assert(strstr(line[1], "2026-01-05 09:00"), "%s", line[1]);
    cr_assert(strstr(line[1], "  99.9  "), "%s", line[1]);
    cr_assert(strstr(line[1], "1:23"));
    cr_assert(strstr(line[2], "missed") == NULL && strstr(line[2], "  -"));
    cr_assert_eq(strlen(line[1]) - 1, strlen(line[2]), "one letter is two bytes wide");
    cr_assert(!strchr(text, '\033'));
    free(recs[0]);
    free(recs[1]);
}

Test(out_table, columns_of_tickets_come_with_the_first_ticket)
{
    struct rc_record *recs[2] = {fixture_record("acme", "a", 2, 0, 0),
                                 fixture_record("acme", "b", 2, 0, 0)};
    recs[1]->value[RC_FIG_opened] = 41;
    recs[1]->value[RC_FIG_backlog] = 42;
    cr_assert(!strstr(table_text(recs, 2, false), "backlog"));
    recs[1]->channel = RC_TICKET;
    const char *text = table_text(recs, 2, false);
    cr_assert(strstr(text, "  opened  resolved  backlog  "), "%s", text);
    cr_assert(strstr(text, "      41         0       42  "), "%s", text);
    cr_assert(strstr(text, "ticket         -"), "nothing was offered\n%s", text);
    free(recs[0]);
    free(recs[1]);
}

Test(out_table, colours_come_only_when_asked_for)
{
    struct rc_record *rec = fixture_record("acme", "q", 2, 0, 0);
    rec->value[RC_FIG_sl_ok] = 0;
    cr_assert(strstr(table_text(&rec, 1, true), "\033[31mmissed\033[0m"));
    free(rec);
}

Test(out_table, more_rows_than_are_held_back_all_come_out_in_order)
{
    enum { ROWS = 1000 };
    struct rc_record *recs[ROWS];
    for (int i = 0; i < ROWS; i++) {
        char queue[16];
        snprintf(queue, sizeof queue, "q%04d", i);
        recs[i] = fixture_record("acme", queue, 2, 0, 0);
    }
    const char *at = table_text(recs, ROWS, false);
    for (int i = 0; i < ROWS; i++) {
        char queue[16];
        snprintf(queue, sizeof queue, "q%04d", i);
        at = strstr(at, queue);
        cr_assert(at, "%s", queue);
        free(recs[i]);
    }
}

Test(out_table, clocks_have_a_csv_of_their_own)
{
    char header[SINK_RECORD_TEXT_MAX], line[SINK_RECORD_TEXT_MAX];
    struct rc_record *rec = fixture_clock("acme", "q", 3, 0, "first, always");
    rec->value[RC_FIG_sl_met] = rec->value[RC_FIG_sl_of] = 3;
    rec->value[RC_FIG_sl_bp] = 10000;
    rec->value[RC_FIG_sl_target_bp] = 9000;
    rec->value[RC_FIG_sl_ok] = 1;
    header[out_csv_header(true, header)] = 0;
    line[out_csv_record(&fixture_config()->windows, rec, line)] = 0;
    cr_assert_str_eq(strstr(header, "contract"),
                     "contract,clock,measure,sla_met,sla_of,sla_bp,sla_target_bp,sla_ok\r\n");
    cr_assert_str_eq(strstr(line, "0123456789abcdef"),
                     "0123456789abcdef,\"first, always\",first_response,3,3,10000,9000,true\r\n");
    free(rec);
}

Test(out_table, a_table_of_clocks_shows_their_levels_alone)
{
    struct rc_record *recs[2] = {fixture_clock("acme", "q", 3, 0, "reply"),
                                 fixture_record("acme", "q", 3, 0, 0)};
    recs[0]->value[RC_FIG_sl_met] = 1;
    recs[0]->value[RC_FIG_sl_of] = 2;
    recs[0]->value[RC_FIG_sl_bp] = 5000;
    recs[0]->value[RC_FIG_sl_ok] = 0;
    const char *text = table_text(recs, 1, false);
    cr_assert(strstr(text, "clock") && strstr(text, "reply") && strstr(text, "1/2"));
    cr_assert(strstr(text, "50.0") && strstr(text, "missed"));
    cr_assert(!strstr(text, "offered") && !strstr(text, "FCR"));
    text = table_text(recs, 2, false);
    cr_assert(strstr(text, "clock") && strstr(text, "offered"));
    cr_assert_null(strstr(table_text(recs + 1, 1, false), "clock"));
    free(recs[0]);
    free(recs[1]);
}
