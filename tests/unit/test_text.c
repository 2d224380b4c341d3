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
