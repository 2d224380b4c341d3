#include "text.h"
#include <criterion/criterion.h>
#include <stdio.h>

static const char *json(const char *bytes, uint32_t size)
{
    static char room[256];
    *text_json(room, bytes, size) = 0;
    return room;
}

Test(text, integers_are_written_as_printf_writes_them)
{
    static const int64_t values[] = {0,
                                     1,
                                     9,
                                     10,
                                     11,
                                     99,
                                     100,
                                     101,
                                     999,
                                     1000,
                                     12345,
                                     -1,
                                     -10,
                                     -99,
                                     1234567890123456789,
                                     INT64_MAX,
                                     INT64_MIN + 1,
                                     INT64_MIN};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        char room[32], expected[32];
        *text_int(room, values[i]) = 0;
        snprintf(expected, sizeof expected, "%lld", (long long)values[i]);
        cr_assert_str_eq(room, expected);
    }
}

Test(text, every_power_of_ten_and_its_neighbours_has_all_digits)
{
    for (uint64_t power = 1; power < UINT64_MAX / 10; power *= 10) {
        for (int by = -1; by <= 1; by++) {
            char room[32], expected[32];
            uint64_t value = power + (uint64_t)by;
            *text_uint(room, value) = 0;
            snprintf(expected, sizeof expected, "%llu", (unsigned long long)value);
            cr_assert_str_eq(room, expected);
        }
    }
}

Test(text, digits_are_right_in_every_place_of_every_group)
{
    for (uint64_t value = 0; value < 10000; value++) {
        for (uint64_t unit = 1; unit <= 10000; unit *= 10000) {
            char room[32], expected[32];
            *text_uint(room, value * unit + 7) = 0;
            snprintf(expected, sizeof expected, "%llu", (unsigned long long)(value * unit + 7));
            cr_assert_str_eq(room, expected);
        }
    }
}

Test(text, a_number_needs_the_room_that_is_said_and_no_more)
{
    static const uint64_t values[] = {0, 99999999, 100000000, UINT64_MAX};
    for (size_t i = 0; i < sizeof values / sizeof *values; i++) {
        char room[TEXT_INT_MAX + 1];
        room[TEXT_INT_MAX] = '#';
        text_uint(room, values[i]);
        cr_assert_eq(room[TEXT_INT_MAX], '#');
    }
}

Test(text, a_fingerprint_has_sixteen_hex_digits)
{
    char room[32];
    *text_hex64(room, 0x0000000000abcdefu) = 0;
    cr_assert_str_eq(room, "0000000000abcdef");
}

Test(text, quotes_backslashes_and_control_bytes_are_escaped)
{
    cr_assert_str_eq(json("a\"b\\c\n\t\0\x1f", 9), "\"a\\\"b\\\\c\\n\\t\\u0000\\u001f\"");
}

Test(text, what_must_be_escaped_is_found_in_every_place_of_a_long_string)
{
    static const char odd[] = {'"', '\\', '\n', '\0', '\x7f', '\x1f', '\xff'};
    static const char *const written[] = {"\\\"",    "\\\\",    "\\n",         "\\u0000",
                                          "\\u007f", "\\u001f", "\xef\xbf\xbd"};
    for (size_t i = 0; i < sizeof odd; i++) {
        for (uint32_t at = 0; at < 17; at++) {
            char name[] = "abcdefgh ijklmnop", expected[64];
            name[at] = odd[i];
            snprintf(expected, sizeof expected, "\"%.*s%s%s\"", (int)at, "abcdefgh ijklmnop",
                     written[i], "abcdefgh ijklmnop" + at + 1);
            cr_assert_str_eq(json(name, 17), expected);
        }
    }
}

Test(text, valid_utf8_passes_as_it_is)
{
    cr_assert_str_eq(json("h\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 10),
                     "\"h\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\"");
}

#define LOST "\xef\xbf\xbd"
Test(text, a_broken_sequence_becomes_one_replacement_character_for_each_maximal_part)
{
    cr_assert_str_eq(json("a\xff"
                          "b",
                          3),
                     "\"a" LOST "b\"");
    cr_assert_str_eq(json("\xe2\x82"
                          "b",
                          3),
                     "\"" LOST "b\"");
    cr_assert_str_eq(json("\xe2\x82", 2), "\"" LOST "\"");
    cr_assert_str_eq(json("\xed\xa0\x80", 3), "\"" LOST LOST LOST "\"", "a surrogate");
    cr_assert_str_eq(json("\xc0\xaf", 2), "\"" LOST LOST "\"", "an overlong slash");
    cr_assert_str_eq(json("\xf4\x90\x80\x80", 4), "\"" LOST LOST LOST LOST "\"");
}
