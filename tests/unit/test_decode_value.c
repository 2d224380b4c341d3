/* Times and numbers, to the digit. */
#include "decode_value.h"
#include "rollcall/event.h"
#include <criterion/criterion.h>
#include <string.h>
#include <time.h>

static void time_is(const char *text, int64_t expected_ms)
{
    int64_t ms = -1;
    cr_expect(ingest_time_read(text, (uint32_t)strlen(text), &ms), "%s", text);
    cr_expect_eq(ms, expected_ms, "%s: %lld, not %lld", text, (long long)ms,
                 (long long)expected_ms);
}

static void no_time(const char *text)
{
    int64_t ms;
    cr_expect_not(ingest_time_read(text, (uint32_t)strlen(text), &ms), "%s", text);
}

static void score_is(const char *text, int64_t expected)
{
    int64_t value = -1;
    cr_expect(ingest_decimal_read(text, (uint32_t)strlen(text), 6, &value), "%s", text);
    cr_expect_eq(value, expected, "%s: %lld, not %lld", text, (long long)value,
                 (long long)expected);
}

static void no_score(const char *text)
{
    int64_t value;
    cr_expect_not(ingest_decimal_read(text, (uint32_t)strlen(text), 6, &value), "%s", text);
}

Test(decode_value, a_time_has_three_parts_and_an_offset)
{
    time_is("2026-01-05T09:00:00Z", INT64_C(1767603600000));
    time_is("2026-01-05t09:00:00z", INT64_C(1767603600000));
    time_is("2026-01-05 09:00:00Z", INT64_C(1767603600000));
    time_is("2026-01-05T10:00:00+01:00", INT64_C(1767603600000));
    time_is("2026-01-05T14:30:00+05:30", INT64_C(1767603600000));
    time_is("2026-01-04T09:01:00-23:59", INT64_C(1767603600000));
    time_is("2026-01-05T09:00:00-00:00", INT64_C(1767603600000));
    time_is("2026-01-05T09:00:59Z", INT64_C(1767603659000));
    time_is("2026-01-05T23:59:59Z", INT64_C(1767657599000));
}

Test(decode_value, a_fraction_of_any_length_is_cut_to_ms)
{
    time_is("2026-01-05T09:00:00.2Z", INT64_C(1767603600200));
    time_is("2026-01-05T09:00:00.25Z", INT64_C(1767603600250));
    time_is("2026-01-05T09:00:00.007Z", INT64_C(1767603600007));
    time_is("2026-01-05T09:00:00.9999Z", INT64_C(1767603600999));
    time_is("2026-01-05T09:00:00.00099999999999999999999999999999999999999Z",
            INT64_C(1767603600000));
    time_is("2026-01-05T10:00:00.2509999+01:00", INT64_C(1767603600250));
    no_time("2026-01-05T09:00:00.Z");
    no_time("2026-01-05T09:00:00,5Z");
    no_time("2026-01-05T09:00:00.5");
    no_time("2026-01-05T09:00:00.5xZ");
}

Test(decode_value, what_is_not_on_the_clock_is_no_time)
{
    static const char *const bad[] = {"",
                                      "2026",
                                      "2026-01-05",
                                      "2026-01-05T09:00:00",
                                      "2026-01-05T09:00Z",
                                      "2026-01-05T24:00:00Z",
                                      "2026-01-05T09:60:00Z",
                                      "2026-01-05T09:00:60Z",
                                      "2026-01-05T23:59:60Z",
                                      "2026-13-05T09:00:00Z",
                                      "2026-00-05T09:00:00Z",
                                      "2026-01-00T09:00:00Z",
                                      "2026-01-32T09:00:00Z",
                                      "2026-04-31T09:00:00Z",
                                      "2026-02-29T09:00:00Z",
                                      "2100-02-29T09:00:00Z",
                                      "2026-01-05T09:00:00+24:00",
                                      "2026-01-05T09:00:00+01:60",
                                      "2026-01-05T09:00:00+0100",
                                      "2026-01-05T09:00:00+01",
                                      "2026-01-05T09:00:00+1:00",
                                      "2026-01-05T09:00:00ZZ",
                                      "2026-01-05T09:00:00Z ",
                                      " 2026-01-05T09:00:00Z",
                                      "2026-1-05T09:00:00Z",
                                      "26-01-05T09:00:00.000Z",
                                      "2026/01/05T09:00:00Z",
                                      "2026-01-05_09:00:00Z",
                                      "2026-01-05T09.00.00Z",
                                      "2026-01-05T09:00:00\xe2\x88\x92"
                                      "01:00",
                                      "+026-01-05T09:00:00Z",
                                      "2026-01-05T-9:00:00Z",
                                      "12026-01-05T09:00:00Z",
                                      "2026-01-05T09:00:00+01:00Z",
                                      "2026-01-05T9:00:00.00Z"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        no_time(bad[i]);
}

Test(decode_value, the_usual_form_is_read_as_strictly_as_the_others)
{
    static const char usual[] = "2026-01-05T19:48:37.256Z";
    static const char odd[] = {'/',    ':',    '.',    '-',    '+',   'x',
                               '\x01', '\x7f', '\x80', '\xb0', '\xff'};
    time_is(usual, INT64_C(1767642517256));
    time_is("1999-12-31T23:59:59.999Z", INT64_C(946684799999));
    time_is("2096-02-29T00:00:00.000Z", INT64_C(3981312000000));
    for (size_t at = 0; at < sizeof usual - 1; at++) {
        for (size_t i = 0; i < sizeof odd; i++) {
            char text[sizeof usual];
            memcpy(text, usual, sizeof usual);
            text[at] = odd[i];
            if (odd[i] != usual[at])
                no_time(text);
        }
    }
    no_time("2026-13-05T19:48:37.256Z");
    no_time("2026-00-05T19:48:37.256Z");
    no_time("2026-02-29T19:48:37.256Z");
    no_time("2026-01-00T19:48:37.256Z");
    no_time("2026-01-05T24:48:37.256Z");
    no_time("2026-01-05T19:60:37.256Z");
    no_time("2026-01-05T19:48:60.256Z");
    no_time("1989-12-31T23:59:59.999Z");
    no_time("2100-01-01T00:00:00.000Z");
}

Test(decode_value, event_times_reach_from_1990_to_2099)
{
    time_is("1990-01-01T00:00:00Z", RC_TIME_FIRST);
    time_is("2099-12-31T23:59:59.999Z", RC_TIME_LAST - 1);
    time_is("1989-12-31T23:59:59-01:00", RC_TIME_FIRST + 3599000);
    time_is("2100-01-01T00:30:00+01:00", RC_TIME_LAST - 1800000);
    no_time("1989-12-31T23:59:59.999Z");
    no_time("2100-01-01T00:00:00Z");
    no_time("1990-01-01T00:00:00+00:01");
    no_time("2099-12-31T23:59:59-01:00");
    no_time("1969-12-31T23:59:59Z");
    no_time("0000-01-01T00:00:00Z");
    no_time("9999-12-31T23:59:59Z");
}

Test(decode_value, every_day_of_the_range_is_the_calendars)
{
    for (time_t at = RC_TIME_FIRST / 1000; at < RC_TIME_LAST / 1000; at += 86400) {
        struct tm tm;
        char text[64];
        cr_assert_not_null(gmtime_r(&at, &tm));
        strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &tm);
        time_is(text, (int64_t)at * 1000);
    }
}

Test(decode_value, integers_are_digits_alone)
{
    static const struct {
        const char *text;
        int64_t value;
    } good[] = {{"0", 0},
                {"-0", 0},
                {"7", 7},
                {"-12", -12},
                {"2147483647", INT32_MAX},
                {"999999999999999999", INT64_C(999999999999999999)},
                {"99999999999999999999999", INT64_C(1000000000000000000)},
                {"-9223372036854775809", INT64_C(-1000000000000000000)}};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        int64_t value = -5;
        cr_expect(ingest_integer_read(good[i].text, (uint32_t)strlen(good[i].text), &value));
        cr_expect_eq(value, good[i].value, "%s: %lld", good[i].text, (long long)value);
    }
    static const char *const bad[] = {"1.0", "1e3", "1E3", "0.0", "-1.5"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        int64_t value;
        cr_expect_not(ingest_integer_read(bad[i], (uint32_t)strlen(bad[i]), &value));
    }
}

Test(decode_value, a_score_is_cut_to_thousandths_toward_zero)
{
    score_is("0", 0);
    score_is("-0.0", 0);
    score_is("5", 5000);
    score_is("4.35", 4350);
    score_is("0.001", 1);
    score_is("0.0009999999999999999999999", 0);
    score_is("-0.0019999", -1);
    score_is("4.9999999999999999999999", 4999);
    score_is("-4.9999", -4999);
    score_is("0.1", 100);
    score_is("0.29", 290);
    score_is("1.005", 1005);
    score_is("10.10", 10100);
    score_is("100", 100000);
}

Test(decode_value, an_exponent_moves_the_point)
{
    score_is("1e0", 1000);
    score_is("1E+2", 100000);
    score_is("12.5e-1", 1250);
    score_is("12345e-4", 1234);
    score_is("0.000001e6", 1000);
    score_is("0.0000123456e8", 1234560);
    score_is("5e-3", 5);
    score_is("5e-4", 0);
    score_is("9e-99999999999999999999999999", 0);
    score_is("0e99999999999999999999999999", 0);
    score_is("0.00e5", 0);
    score_is("1000e3", 1000000000);
    score_is("00.5e1" + 1, 5000);
}

Test(decode_value, a_score_is_at_most_a_million_before_the_cut)
{
    score_is("1000000", 1000000000);
    score_is("-1000000", -1000000000);
    score_is("1000000.000", 1000000000);
    score_is("1e6", 1000000000);
    score_is("0.0001e10", 1000000000);
    score_is("10000000e-1", 1000000000);
    score_is("999999.9999999", 999999999);
    no_score("1000000.0001");
    no_score("1000001");
    no_score("-1000000.00000000000000000000001");
    no_score("2000000");
    no_score("1e7");
    no_score("10000000");
    no_score("1e99999999999999999999999999");
    no_score("-1e400");
    no_score("0.1e99");
}
