#include "config_value.h"

#include <criterion/criterion.h>

static int64_t duration(const char *text)
{
    int64_t ms = -1;
    return config_parse_duration(text, &ms) ? ms : -1;
}

Test(config_value, durations_are_an_integer_and_a_unit)
{
    cr_assert_eq(duration("0s"), 0);
    cr_assert_eq(duration("250ms"), 250);
    cr_assert_eq(duration("90s"), 90000);
    cr_assert_eq(duration("15m"), 900000);
    cr_assert_eq(duration("24h"), 86400000);
    cr_assert_eq(duration("366d"), INT64_C(31622400000));
    static const char *const wrong[] = {"",
                                        "5",
                                        "s",
                                        "1.5s",
                                        "-1s",
                                        "+1s",
                                        "1 s",
                                        "1S",
                                        "1w",
                                        "1ms ",
                                        "99999999999999999999s",
                                        "0x1s",
                                        "1sm",
                                        "9223372036854775807d"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        cr_assert_eq(duration(wrong[i]), -1, "%s", wrong[i]);
}

Test(config_value, percents_have_up_to_two_decimals)
{
    int64_t bp;
    cr_assert(config_parse_percent("80%", &bp) && bp == 8000);
    cr_assert(config_parse_percent("82.5%", &bp) && bp == 8250);
    cr_assert(config_parse_percent("82.05%", &bp) && bp == 8205);
    cr_assert(config_parse_percent("0%", &bp) && bp == 0);
    cr_assert_not(config_parse_percent("82.055%", &bp));
    cr_assert_not(config_parse_percent("80", &bp));
    cr_assert_not(config_parse_percent("80.%", &bp));
    cr_assert_not(config_parse_percent(".5%", &bp));
    cr_assert_not(config_parse_percent("-1%", &bp));
    cr_assert_not(config_parse_percent("99999999999999999999%", &bp));
}

Test(config_value, counts_are_decimal_and_sizes_are_binary)
{
    uint64_t value;
    cr_assert(config_parse_count("10k", &value) && value == 10000);
    cr_assert(config_parse_count("5M", &value) && value == 5000000);
    cr_assert(config_parse_count("7", &value) && value == 7);
    cr_assert_not(config_parse_count("1K", &value));
    cr_assert_not(config_parse_count("1G", &value));
    cr_assert(config_parse_size("1K", &value) && value == 1024);
    cr_assert(config_parse_size("1M", &value) && value == 1 << 20);
    cr_assert(config_parse_size("8G", &value) && value == UINT64_C(8) << 30);
    cr_assert_not(config_parse_size("1k", &value));
    cr_assert_not(config_parse_size("1T", &value));
}

Test(config_value, scores_are_taken_digit_by_digit)
{
    int64_t milli;
    cr_assert(config_parse_score("4", &milli) && milli == 4000);
    cr_assert(config_parse_score("4.25", &milli) && milli == 4250);
    cr_assert(config_parse_score("-0.001", &milli) && milli == -1);
    cr_assert_not(config_parse_score("4.1234", &milli));
    cr_assert_not(config_parse_score("4e1", &milli));
    cr_assert_not(config_parse_score("", &milli));
}

Test(config_value, only_the_core_schemas_words_are_booleans)
{
    bool value;
    cr_assert(config_parse_bool("true", &value) && value);
    cr_assert(config_parse_bool("False", &value) && !value);
    cr_assert_not(config_parse_bool("yes", &value));
    cr_assert_not(config_parse_bool("on", &value));
    cr_assert_not(config_parse_bool("tRue", &value));
    cr_assert_not(config_parse_bool("1", &value));
}

Test(config_value, times_are_those_of_events)
{
    int64_t ms;
    cr_assert(config_parse_time("2026-01-05T09:00:00.250Z", &ms) && ms == 1767603600250);
    cr_assert(config_parse_time("2026-01-05 10:00:00.2509+01:00", &ms) && ms == 1767603600250);
    cr_assert(config_parse_time("1767603600250", &ms) && ms == 1767603600250);
    static const char *const wrong[] = {
        "2026-01-05T24:00:00Z",  "2026-01-05T09:00:60Z",  "2026-02-29T09:00:00Z", "2026-01-05",
        "2026-01-05T09:00:00",   "1989-12-31T23:59:59Z",  "2100-01-01T00:00:00Z", "0",
        "2026-01-05T09:00:00.Z", "2026-01-05T09:00:00Zx", "2026-01-05T"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(*wrong); i++)
        cr_assert_not(config_parse_time(wrong[i], &ms), "%s", wrong[i]);
}

Test(config_value, dates_hours_and_days)
{
    int64_t day;
    uint32_t from, to;
    cr_assert(config_parse_date("2024-02-29", &day) && day == 19782);
    cr_assert_not(config_parse_date("2026-02-29", &day));
    cr_assert_not(config_parse_date("2026-1-1", &day));
    cr_assert(config_parse_hours("09:00-17:30", &from, &to) && from == 540 && to == 1050);
    cr_assert(config_parse_hours("22:00-06:00", &from, &to) && from == 1320 && to == 1800);
    cr_assert(config_parse_hours("00:00-24:00", &from, &to) && from == 0 && to == 1440);
    cr_assert_not(config_parse_hours("24:00-06:00", &from, &to));
    cr_assert_not(config_parse_hours("09:00-09:00", &from, &to));
    cr_assert_not(config_parse_hours("09:00-24:01", &from, &to));
    cr_assert_not(config_parse_hours("9:00-17:00", &from, &to));
    cr_assert(config_parse_days("mon", &from, &to) && from == 0 && to == 0);
    cr_assert(config_parse_days("fri-mon", &from, &to) && from == 4 && to == 0);
    cr_assert_not(config_parse_days("mon-", &from, &to));
    cr_assert_not(config_parse_days("mon-fri-sat", &from, &to));
    cr_assert_not(config_parse_days("Mon", &from, &to));
}

Test(config_value, what_is_shown_reads_back_as_the_same)
{
    static const int64_t values[] = {0, 1, 999, 1000, 60000, 61000, 3600000, 86400000, 8625};
    char text[CONFIG_SHOWN];
    int64_t back;
    for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
        config_show_duration(values[i], text);
        cr_assert(config_parse_duration(text, &back) && back == values[i], "%s", text);
        config_show_percent(values[i], text);
        cr_assert(config_parse_percent(text, &back) && back == values[i], "%s", text);
        config_show_score(-values[i], text);
        cr_assert(config_parse_score(text, &back) && back == -values[i], "%s", text);
    }
    config_show_time(1767603600250, text);
    cr_assert_str_eq(text, "2026-01-05T09:00:00.250Z");
    config_show_time(-1, text);
    cr_assert_str_eq(text, "1969-12-31T23:59:59.999Z");
}

Test(config_value, an_address_to_listen_on_has_a_port)
{
    cr_assert(config_parse_listen("127.0.0.1:9187"));
    cr_assert(config_parse_listen("[::1]:80"));
    cr_assert(config_parse_listen("localhost:0"));
    cr_assert_not(config_parse_listen("localhost"));
    cr_assert_not(config_parse_listen(":80"));
    cr_assert_not(config_parse_listen("::1:80"));
    cr_assert_not(config_parse_listen("host:65536"));
    cr_assert_not(config_parse_listen("host:"));
}
