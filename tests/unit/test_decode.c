/* One record to one event: what is JSON, how large and how deep, and keys that stand twice. */
#include "decode_fixture.h"

TestSuite(decode, .init = begin, .fini = end);

Test(decode, a_full_event_brings_every_field_to_its_place)
{
    accepted("{\"type\":\"answered\",\"time\":\"2026-03-02T10:00:00.250Z\",\"client\":\"acme\","
             "\"queue\":\"billing\",\"channel\":\"chat\",\"contact\":\"c-1001\","
             "\"customer\":\"u-77\",\"conversation\":\"v-5\",\"agent\":\"ann\","
             "\"priority\":\"high\",\"id\":\"e1\"}");
    const struct rc_event *ev = &event.ev;
    cr_expect_eq(ev->type, RC_TYPE_answered);
    cr_expect_eq(ev->channel, RC_CHAT);
    cr_expect_eq(ev->time_ms, T0_MS + 250);
    cr_expect_eq(ev->now_ms, RC_TIME_NONE);
    expect_text(rc_event_client(ev), ev->client_size, "acme");
    expect_text(rc_event_queue(ev), ev->queue_size, "billing");
    expect_text(rc_event_contact(ev), ev->contact_size, "c-1001");
    expect_text(rc_event_conversation(ev), ev->conversation_size, "v-5");
    expect_text(rc_event_agent(ev), ev->agent_size, "ann");
    expect_text(rc_event_priority(ev), ev->priority_size, "high");
    cr_expect_eq(ev->flags, RC_EVENT_CUSTOMER);
    cr_expect_eq(ev->task, (ingest_murmur2("acme", 4) & 0x7fffffff) % 64);
    cr_expect_eq(ev->raw_size, 0);
    cr_expect_eq(ev->size, sizeof *ev + 32, "27 bytes of names, to a multiple of 8");
}

Test(decode, every_type_of_the_table_is_known)
{
#define KNOWN(name) #name,
    static const char *const types[] = {RC_EVENT_TYPES(KNOWN)};
#undef KNOWN
    for (uint32_t i = 0; i < RC_TYPE_COUNT; i++) {
        accepted(with(types[i], "\"score\":1,\"duration_ms\":1"));
        cr_expect_eq(event.ev.type, i);
    }
}

Test(decode, nothing_but_white_space_is_blank)
{
    cr_expect_eq(decode(""), INGEST_BLANK);
    cr_expect_eq(decode(" \t\r\n "), INGEST_BLANK);
}

Test(decode, what_is_not_json_says_so)
{
    static const char *const bad[] = {"{",
                                      "}",
                                      "x",
                                      "\"x",
                                      "{} x",
                                      "{}{}",
                                      "{},",
                                      "[1",
                                      "[1}",
                                      "[1,]",
                                      "[,1]",
                                      "[1 2]",
                                      "{\"a\"}",
                                      "{\"a\":}",
                                      "{\"a\":1,}",
                                      "{,\"a\":1}",
                                      "{\"a\":1 \"b\":2}",
                                      "{a:1}",
                                      "{'a':1}",
                                      "{1:1}",
                                      "{\"a\":NaN}",
                                      "{\"a\":Infinity}",
                                      "{\"a\":01}",
                                      "{\"a\":-}",
                                      "{\"a\":+1}",
                                      "{\"a\":1.}",
                                      "{\"a\":.5}",
                                      "{\"a\":1e}",
                                      "{\"a\":1e+}",
                                      "{\"a\":0x10}",
                                      "{\"a\":1_0}",
                                      "{\"a\":-01}",
                                      "{\"a\":tru}",
                                      "{\"a\":truee}",
                                      "{\"a\":True}",
                                      "{\"a\":nul}",
                                      "{\"a\":falsey}",
                                      "{\"a\":\"\\x\"}",
                                      "{\"a\":\"\\u12\"}",
                                      "{\"a\":\"\\u12g4\"}",
                                      "{\"a\":\"\\ud800\"}",
                                      "{\"a\":\"\\ud800x\"}",
                                      "{\"a\":\"\\ud800\\n\"}",
                                      "{\"a\":\"\\ud800\\ud800\"}",
                                      "{\"a\":\"\\udc00\"}",
                                      "{\"\\ud800\":1}",
                                      "{\"a\":\"\t\"}",
                                      "{\"a\":\"\x01\"}",
                                      "{\"a\":\"\xff\"}",
                                      "{\"a\":\"\xc3\"}",
                                      "{\"a\":\"\xed\xa0\x80\"}",
                                      "{\"a\":\"\xc0\x80\"}",
                                      "{\"a\":\"\xf5\x80\x80\x80\"}",
                                      "{\"a\":1}\xc3",
                                      "{\"a\":\"b\"c}",
                                      "{\"a\":1\"b\"}",
                                      "{\"a\":\"b\"\"c\"}",
                                      "{\"a\"\"b\":1}",
                                      "{\"a\":1\f}",
                                      "\xef\xbb\xbf{}",
                                      "{\"a\":true\"\"}",
                                      "{\"a\":\\\"b\"}",
                                      "// x",
                                      "{/**/}",
                                      "{\"a\":1}\f",
                                      "-",
                                      "12 34",
                                      "\"a\" \"b\"",
                                      "tru",
                                      "{\"a\"::1}",
                                      "{\"a\":[}",
                                      "{\"a\":{]}",
                                      "[{\"a\":1]}",
                                      "{\"a\":\"\\\"}",
                                      "{\"a\":1,,\"b\":2}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        refused(bad[i], "not_json");
}

Test(decode, a_null_byte_is_not_json)
{
    static const char outside[] = "{\"a\":1}\0", inside[] = "{\"a\":\"\0\"}";
    cr_expect_eq(decode_bytes(NULL, outside, sizeof outside - 1), INGEST_REFUSED);
    cr_expect_str_eq(reason, "not_json");
    cr_expect_eq(decode_bytes(NULL, inside, sizeof inside - 1), INGEST_REFUSED);
    cr_expect_str_eq(reason, "not_json");
}

Test(decode, every_prefix_of_an_event_is_not_json)
{
    const char *whole =
        with("ended", "\"x\":{\"y\":[1,2.5e3,null,\"z\\n\"]},\"agent\":\"\\u00e9\"");
    size_t size = strlen(whole);
    cr_assert_eq(decode_bytes(NULL, whole, size), INGEST_EVENT);
    for (size_t i = 1; i < size; i++) {
        cr_expect_eq(decode_bytes(NULL, whole, i), INGEST_REFUSED);
        cr_expect_str_eq(reason, "not_json");
    }
}

Test(decode, json_that_is_no_object_says_so)
{
    static const char *const other[] = {"[]",   "[1]",   "\"x\"", "5",    "-1.5e3",
                                        "true", "false", "null",  " 12 ", "[{\"a\":1,\"a\":2}]"};
    for (size_t i = 0; i < sizeof other / sizeof *other; i++)
        refused(other[i], "not_object");
}

Test(decode, nesting_has_an_end)
{
    for (int depth = 1023; depth <= 1024; depth++) {
        char *open = repeat("[", (size_t)depth), *shut = repeat("]", (size_t)depth);
        char text[4096];
        snprintf(text, sizeof text, "{\"type\":\"ended\"," BASE ",\"x\":%s%s}", open, shut);
        if (depth == 1023)
            accepted(text);
        else
            refused(text, "not_json");
        free(open);
        free(shut);
    }
    char *deep = repeat("[", 1000000);
    refused(deep, "not_json");
    free(deep);
}

Test(decode, the_largest_event_is_taken_and_one_byte_more_is_too_large)
{
    config.limits.max_event = 2000;
    open_decoder();
    char *pad = repeat("x", 1900), text[4096];
    int size = snprintf(text, sizeof text, "{\"type\":\"ended\"," BASE ",\"x\":\"%s\"}", pad);
    for (; size < 2000; size++)
        memcpy(text + size, " ", 2);
    accepted(text);
    text[1999] = '\xff';
    refused(text, "not_json");
    memcpy(text + 2000, " ", 2);
    refused(text, "too_large");
    free(pad);
}

Test(decode, the_same_key_twice_is_named_at_any_depth)
{
    refused("{\"type\":\"ended\",\"type\":\"ended\"," BASE "}", "invalid:type");
    refused(with("ended", "\"z\":1,\"z\":1"), "invalid:z");
    refused(with("ended", "\"z\":{\"a\":1,\"a\":2}"), "invalid:a");
    refused(with("ended", "\"z\":[[{\"b\":{},\"b\":[]}]]"), "invalid:b");
    refused(with("ended", "\"z\":1,\"\\u007a\":1"), "invalid:z");
    refused(with("ended", "\"\\u0063lient\":\"acme\""), "invalid:client");
    refused(with("ended", "\"\":1,\"\":1"), "invalid:");
    refused(with("ended", "\"agent\":null,\"agent\":null"), "invalid:agent");
    refused(with("ended", "\"data\":{\"time\":1,\"time\":1}"), "invalid:time");
    refused(with("tick", "\"z\":{\"a\":1,\"a\":2}"), "invalid:a");
    refused(with("hello", "\"z\":1,\"z\":1"), "invalid:z");
    accepted(with("ended", "\"z\":{\"a\":1},\"y\":{\"a\":1},\"Z\":0,\"x\":[{\"a\":1},{\"a\":1}]"));
}

Test(decode, of_several_keys_that_stand_twice_the_first_second_one_is_named)
{
    refused(with("ended", "\"z\":1,\"y\":{\"b\":1,\"b\":2},\"z\":2"), "invalid:b");
    refused(with("ended", "\"z\":1,\"y\":{},\"z\":{\"b\":1,\"b\":2}"), "invalid:z");
}

Test(decode, a_key_twice_among_many_is_found)
{
    char text[65536];
    for (int twice = 0; twice <= 40; twice++) {
        int size = snprintf(text, sizeof text, "{\"type\":\"ended\"," BASE ",\"x\":{");
        for (int i = 0; i < 41; i++)
            size += snprintf(text + size, sizeof text - (size_t)size, "\"k%d\":%d,", i, i);
        snprintf(text + size, sizeof text - (size_t)size, "\"k%d\":0}}", twice);
        char why[32];
        snprintf(why, sizeof why, "invalid:k%d", twice);
        refused(text, why);
    }
}

Test(decode, a_million_bytes_of_keys_are_answered)
{
    enum { KEYS = 90000 };
    char *text = malloc(1 << 20);
    cr_assert_not_null(text);
    int size = snprintf(text, 100, "{\"type\":\"ended\"," BASE);
    for (int i = 0; i < KEYS; i++)
        size += snprintf(text + size, 16, ",\"%05x\":1", i * 3);
    memcpy(text + size, "}", 2);
    accepted(text);
    memcpy(text + size, ",\"00003\":1}", 12);
    refused(text, "invalid:00003");
    free(text);
}

Test(decode, a_long_key_in_a_reason_is_cut_between_characters)
{
    char fields[2048], *key = repeat("\xc3\xa9", 200), *cut = repeat("\xc3\xa9", 69);
    snprintf(fields, sizeof fields, "\"%s\":1,\"%s\":2", key, key);
    cr_expect_eq(decode(with("ended", fields)), INGEST_REFUSED);
    cr_expect_eq(strlen(reason), 8 + 2 * 69, "%s", reason);
    cr_expect_str_eq(reason + 8, cut);
    free(key);
    free(cut);
}

Test(decode, control_characters_of_a_key_are_written_out)
{
    refused(with("ended", "\"a\\n\\u0000\\u007f\":1,\"a\\n\\u0000\\u007f\":1"),
            "invalid:a\\u000a\\u0000\\u007f");
}
