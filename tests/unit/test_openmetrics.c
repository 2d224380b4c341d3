#include "openmetrics.h"
#include "sink_fixture.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <unistd.h>

static struct sink_table *filled_table(int keys, uint8_t channel)
{
    struct sink_table *table;
    cr_assert_eq(sink_table_open(&fixture_config()->windows, &table), RC_OK);
    for (int i = 0; i < keys; i++) {
        char queue[16];
        snprintf(queue, sizeof queue, "q%d\"\\", i);
        for (uint32_t window = 0; window < 3; window++) {
            struct rc_record *rec = fixture_record("acme", queue, window, 0, 1);
            rec->channel = channel;
            rec->value[RC_FIG_backlog] = 12;
            rec->value[RC_FIG_backlog_overdue] = 2;
            rec->value[RC_FIG_opened] = 3;
            rec->value[RC_FIG_waiting] = 7;
            rec->value[RC_FIG_oldest_wait_ms] = 61005;
            rec->value[RC_FIG_sl_bp] = window == 1 ? RC_NULL : 8113;
            rec->value[RC_FIG_sl_target_bp] = 8000;
            rec->value[RC_FIG_abandon_bp] = 10000;
            rec->value[RC_FIG_aht_ms] = 183000;
            rec->value[RC_FIG_answered] = 5;
            rec->value[RC_FIG_wait_le_600s] = 4;
            rec->value[RC_FIG_wait_ms_sum] = 12345;
            sink_table_put(table, rec);
            free(rec);
        }
    }
    return table;
}

static void only_table(void *opaque, void (*visit)(void *to, struct sink_table *table), void *to)
{
    visit(to, opaque);
}

static const char *business_of(int keys, uint32_t series_max, uint8_t channel)
{
    static struct metrics_text text;
    metrics_text_done(&text);
    struct sink_table *table = filled_table(keys, channel);
    const struct metrics_tables tables = {only_table, table};
    metrics_business(&fixture_config()->windows, &tables, series_max, &text);
    metrics_text_put(&text, "", 1);
    cr_assert(!text.failed);
    sink_table_close(table);
    return text.bytes;
}

static const char *business(int keys, uint32_t series_max)
{
    return business_of(keys, series_max, RC_CALL);
}

static void has(const char *text, const char *line)
{
    cr_assert(strstr(text, line), "%s is missing in\n%s", line, text);
}

#define KEY "client=\"acme\",queue=\"q0\\\"\\\\\",channel=\"call\""

Test(openmetrics, figures_carry_client_queue_channel_and_the_window_where_it_matters)
{
    const char *text = business(1, 1000);
    has(text, "\nrollcall_queue_waiting{" KEY "} 7\n");
    has(text, "\nrollcall_queue_oldest_wait_seconds{" KEY "} 61.005\n");
    has(text, "\nrollcall_service_level_ratio{" KEY ",window=\"15m\"} 0.8113\n");
    has(text, "\nrollcall_service_level_target_ratio{" KEY "} 0.8000\n");
    has(text, "\nrollcall_abandon_ratio{" KEY "} 1.0000\n");
    has(text, "\nrollcall_handle_average_seconds{" KEY "} 183.000\n");
    cr_assert(!strstr(text, "window=\"1h\""), "null is no sample");
}

Test(openmetrics, waits_are_a_histogram_and_outcomes_counters)
{
    const char *text = business(1, 1000);
    has(text, "\nrollcall_wait_seconds_bucket{" KEY ",le=\"5.0\"} 0\n");
    has(text, "\nrollcall_wait_seconds_bucket{" KEY ",le=\"600.0\"} 4\n");
    has(text, "\nrollcall_wait_seconds_bucket{" KEY ",le=\"+Inf\"} 5\n");
    has(text, "\nrollcall_wait_seconds_count{" KEY "} 5\n");
    has(text, "\nrollcall_wait_seconds_sum{" KEY "} 12.345\n");
    has(text, "\nrollcall_contacts_total{" KEY ",outcome=\"answered\"} 5\n");
}

Test(openmetrics, tickets_have_a_backlog_and_nobody_who_waits)
{
#define TICKET_KEY "client=\"acme\",queue=\"q0\\\"\\\\\",channel=\"ticket\""
    const char *text = business_of(1, 1000, RC_TICKET);
    has(text, "\nrollcall_queue_backlog{" TICKET_KEY "} 12\n");
    has(text, "\nrollcall_queue_backlog_overdue{" TICKET_KEY "} 2\n");
    has(text, "\nrollcall_tickets_total{" TICKET_KEY ",event=\"opened\"} 3\n");
    has(text, "\nrollcall_handle_average_seconds{" TICKET_KEY "} 183.000\n");
    cr_assert(!strstr(text, "rollcall_queue_waiting{"));
    cr_assert(!strstr(text, "rollcall_service_level_ratio{"));
    cr_assert(!strstr(text, "rollcall_wait_seconds"));
}

Test(openmetrics, beyond_the_limit_whole_keys_are_refused_and_counted)
{
    const char *one = business(1, 1000), *at = strstr(one, "rollcall_metrics_series ");
    int each = 0;
    cr_assert_eq(
        sscanf(strstr(at, "\nrollcall_metrics_series"), " rollcall_metrics_series %d", &each), 1);
    char line[64];
    const char *text = business(5, (uint32_t)each * 2 + 1);
    snprintf(line, sizeof line, "\nrollcall_metrics_series %d\n", each * 2);
    has(text, line);
    snprintf(line, sizeof line, "\nrollcall_metrics_refused_series %d\n", each * 3);
    has(text, line);
    has(text, "queue=\"q1");
    cr_assert(!strstr(text, "queue=\"q2"));
}

Test(openmetrics, in_openmetrics_a_counter_family_has_no_total_and_build_info_is_an_info)
{
    static const char from[] = "# HELP a_total Help of a_total.\n# TYPE a_total counter\n"
                               "a_total{b=\"c_total\"} 1\n"
                               "# HELP x_info X.\n# TYPE x_info gauge\nx_info{v=\"1\"} 1\n"
                               "# HELP g G.\n# TYPE g gauge\ng 2\n";
    struct metrics_text text = {0};
    metrics_translate(from, sizeof from - 1, &text);
    metrics_text_put(&text, "", 1);
    cr_assert_str_eq(text.bytes, "# HELP a Help of a_total.\n# TYPE a counter\n"
                                 "a_total{b=\"c_total\"} 1\n"
                                 "# HELP x X.\n# TYPE x info\nx_info{v=\"1\"} 1\n"
                                 "# HELP g G.\n# TYPE g gauge\ng 2\n");
    metrics_text_done(&text);
}

Test(openmetrics, promtool_finds_nothing_wrong)
{
    if (access("/usr/bin/promtool", X_OK)) {
        cr_skip("promtool is not installed");
    }
    FILE *promtool = popen("/usr/bin/promtool check metrics 2>&1", "w");
    cr_assert(promtool);
    fputs(business(3, 1000), promtool);
    cr_assert_eq(pclose(promtool), 0);
}
