#include "feed_scan.h"
#include <criterion/criterion.h>
#include <criterion/new/assert.h>
#include <string.h>

static struct feed_words words;

static bool scan(const char *line)
{
    return feed_scan(line, strlen(line), &words);
}

static const char *text_of(const char *line, struct feed_span span)
{
    static char room[64];
    size_t size = feed_text(line, span, room, sizeof room - 1);
    room[size] = '\0';
    return room;
}

Test(feed_scan, finds_words_wherever_they_stand)
{
    const char *line =
        "{ \"x\":[1,{\"client\":\"no\"}], \"client\" : \"acme\",\"contact\":\"c\\u002d"
        "1\\\"\",\"channel\":\"chat\",\"time\":12}";
    cr_assert(scan(line));
    cr_assert(eq(str, (char *)text_of(line, words.client), "acme"));
    cr_assert(eq(str, (char *)text_of(line, words.contact), "c-1\""));
    cr_assert(eq(str, (char *)text_of(line, words.channel), "chat"));
    cr_assert(eq(u32, words.time.size, 2));
}

Test(feed_scan, unescapes_to_utf8)
{
    const char *line = "{\"client\":\"\\u00e9\\u20ac\\ud83d\\ude00\\n\"}";
    cr_assert(scan(line));
    cr_assert(
        eq(str, (char *)text_of(line, words.client), "\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\n"));
}

Test(feed_scan, sees_what_is_no_object)
{
    const char *const lines[] = {"",        "x",          "[1]",      "{\"a\"",
                                 "{\"a\":", "{\"a\":\"b", "{\"a\":1", "{1}"};
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
        cr_expect(not(scan(lines[i])), "%s", lines[i]);
}

Test(feed_scan, looks_into_the_data_of_cloud_events)
{
    const char *line = "{\"specversion\":\"1.0\",\"time\":5,\"data\":{\"client\":\"a\","
                       "\"contact\":\"b\"},\"type\":\"x.queued\"}";
    cr_assert(scan(line));
    cr_assert(eq(str, (char *)text_of(line, words.client), "a"));
    cr_assert(eq(u32, words.time.size, 0));
    cr_assert(eq(u32, words.envelope_time.size, 1));
}

static const char *shift(const char *line, int64_t by_ms)
{
    static char room[512];
    cr_assert(scan(line));
    size_t size = feed_shift(line, strlen(line), &words, by_ms, room, sizeof room - 1);
    room[size] = '\0';
    return room;
}

Test(feed_scan, moves_times_of_both_forms)
{
    cr_assert(eq(str, (char *)shift("{\"time\":\"2026-01-05T09:00:00.250Z\",\"a\":1}", 1000),
                 "{\"time\":\"2026-01-05T09:00:01.250Z\",\"a\":1}"));
    cr_assert(eq(str, (char *)shift("{\"a\":1,\"time\":1767603600250}", 1),
                 "{\"a\":1,\"time\":1767603600251}"));
    cr_assert(eq(str, (char *)shift("{\"time\":\"2026-01-05T11:00:00+02:00\"}", 0),
                 "{\"time\":\"2026-01-05T09:00:00Z\"}"));
}

Test(feed_scan, moves_a_deadline_along_and_leaves_what_is_no_time)
{
    cr_assert(eq(str, (char *)shift("{\"due\":1700000000020,\"time\":1700000000010}", 5),
                 "{\"due\":1700000000025,\"time\":1700000000015}"));
    cr_assert(eq(str, (char *)shift("{\"time\":\"soon\"}", 5), "{\"time\":\"soon\"}"));
    cr_assert(eq(str, (char *)shift("{\"a\":1}", 5), "{\"a\":1}"));
}

Test(feed_scan, says_when_there_is_no_room)
{
    char room[40];
    const char *line = "{\"time\":10}";
    cr_assert(scan(line));
    cr_assert(eq(sz, feed_shift(line, strlen(line), &words, 5, room, sizeof room), 0));
}
