#include "rollcall/event.h"
#include "terminal.h"
#include <criterion/criterion.h>
#include <stdlib.h>

static const char *count(uint64_t value)
{
    static char room[TERMINAL_TEXT_MAX];
    return terminal_count(value, room);
}

static const char *duration(int64_t ms)
{
    static char room[TERMINAL_TEXT_MAX];
    return terminal_duration(ms, room);
}

static const char *rate(double value)
{
    static char room[TERMINAL_TEXT_MAX];
    return terminal_rate(value, room);
}

static const char *instant(int64_t ms)
{
    static char room[TERMINAL_TEXT_MAX];
    return terminal_time(ms, room);
}

Test(terminal, large_counts_are_parted_by_thousands)
{
    cr_assert_str_eq(count(0), "0");
    cr_assert_str_eq(count(999), "999");
    cr_assert_str_eq(count(1000), "1,000");
    cr_assert_str_eq(count(UINT64_MAX), "18,446,744,073,709,551,615");
}

Test(terminal, rates_and_durations_fit_their_size)
{
    cr_assert_str_eq(rate(950), "950");
    cr_assert_str_eq(rate(12345), "12.3k");
    cr_assert_str_eq(rate(1250000), "1.25M");
    cr_assert_str_eq(duration(820), "820 ms");
    cr_assert_str_eq(duration(12345), "12.3 s");
    cr_assert_str_eq(duration(245000), "4:05");
    cr_assert_str_eq(duration(7391000), "2:03:11");
}

Test(terminal, instants_are_shown_as_they_are_read)
{
    cr_assert_str_eq(instant(1767603600250), "2026-01-05T09:00:00.250Z");
    cr_assert_str_eq(instant(1767603600000), "2026-01-05T09:00:00Z");
    cr_assert_str_eq(instant(RC_TIME_NONE), "-");
}

static int64_t parsed(const char *text)
{
    int64_t ms = -1;
    return terminal_parse_time(text, &ms) ? ms : -1;
}

Test(terminal, a_time_is_rfc_3339_or_epoch_milliseconds)
{
    cr_assert_eq(parsed("2026-01-05T09:00:00.250Z"), 1767603600250);
    cr_assert_eq(parsed("2026-01-05 09:00:00z"), 1767603600000);
    cr_assert_eq(parsed("2026-01-05t17:00:00.9999+08:00"), 1767603600999);
    cr_assert_eq(parsed("2026-01-05T03:30:00-05:30"), 1767603600000);
    cr_assert_eq(parsed("2024-02-29T00:00:00Z"), 1709164800000);
    cr_assert_eq(parsed("1767603600250"), 1767603600250);
}

Test(terminal, what_is_no_time_of_an_event_is_refused)
{
    static const char *const wrong[] = {"",
                                        "2026-01-05",
                                        "2026-01-05T09:00Z",
                                        "2026-01-05T09:00:00",
                                        "2026-02-29T00:00:00Z",
                                        "2026-13-01T00:00:00Z",
                                        "2026-00-01T00:00:00Z",
                                        "2026-01-05T24:00:00Z",
                                        "2026-01-05T09:00:60Z",
                                        "2026-01-05T09:00:00.Z",
                                        "2026-01-05T09:00:00+0800",
                                        "2026-01-05T09:00:00Zx",
                                        "1989-12-31T23:59:59Z",
                                        "2100-01-01T00:00:00Z",
                                        "1000",
                                        "-1",
                                        "17676036002501767603600250"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        cr_assert_eq(parsed(wrong[i]), -1, "%s", wrong[i]);
}

Test(terminal, counts_are_digits_within_their_limits)
{
    uint64_t value;
    cr_assert(terminal_parse_count("64", 1, 64, &value) && value == 64);
    cr_assert(!terminal_parse_count("65", 1, 64, &value));
    cr_assert(!terminal_parse_count("0", 1, 64, &value));
    cr_assert(!terminal_parse_count("", 0, 64, &value));
    cr_assert(!terminal_parse_count("+5", 1, 64, &value));
    cr_assert(!terminal_parse_count("99999999999999999999999", 1, UINT64_MAX, &value));
}

Test(terminal, no_color_takes_colours_away)
{
    setenv("NO_COLOR", "1", 1);
    cr_assert(!terminal_color(1));
}
