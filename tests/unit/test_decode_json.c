/* The strict reader: where tokens lie, and that it agrees with itself at every size and place.
 * What is JSON and what is not is in test_decode.c. */
#include "decode_json.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct ingest_json *json;
static struct ingest_json_result result;

static void begin(void)
{
    json = ingest_json_open(1 << 16);
    cr_assert_not_null(json);
}

static void end(void)
{
    ingest_json_close(json);
}

TestSuite(decode_json, .init = begin, .fini = end);

/* The text is static: padding stands behind it. */
static enum ingest_json_verdict read_text(const char *text)
{
    static char room[(1 << 17) + 64];
    size_t size = strlen(text);
    cr_assert_lt(size, 1 << 17);
    memcpy(room, text, size);
    memset(room + size, '"', 64);
    return ingest_json_read(json, room, (uint32_t)size, &result);
}

static void token_is(const struct ingest_json_fields *fields, enum ingest_json_field field,
                     enum ingest_json_kind kind, const char *text)
{
    const struct ingest_json_token *token = &fields->token[field];
    cr_expect(fields->present >> field & 1);
    cr_expect_eq(token->kind, kind);
    cr_expect(token->size == strlen(text) && memcmp(token->at, text, token->size) == 0,
              "%.*s, not %s", (int)token->size, token->at, text);
}

Test(decode_json, tokens_are_found_without_what_surrounds_them)
{
    cr_expect_eq(read_text(" { \"type\" : \"a b\" , \"time\" : -1.5e+3 ,\"score\":0,\"agent\":\"\""
                           ", \"critical\" : true , \"resolved\":false, \"due\" : null } \r"),
                 INGEST_JSON_OK);
    token_is(&result.top, INGEST_JSON_type, INGEST_JSON_STRING, "a b");
    token_is(&result.top, INGEST_JSON_time, INGEST_JSON_NUMBER, "-1.5e+3");
    token_is(&result.top, INGEST_JSON_score, INGEST_JSON_NUMBER, "0");
    token_is(&result.top, INGEST_JSON_agent, INGEST_JSON_STRING, "");
    token_is(&result.top, INGEST_JSON_critical, INGEST_JSON_TRUE, "true");
    token_is(&result.top, INGEST_JSON_resolved, INGEST_JSON_FALSE, "false");
    cr_expect(result.top.seen >> INGEST_JSON_due & 1);
    cr_expect_not(result.top.present >> INGEST_JSON_due & 1);
    cr_expect_not(result.top.seen >> INGEST_JSON_client & 1);
    cr_expect_eq(result.data.seen, 0);
}

Test(decode_json, every_field_is_known_by_its_whole_name)
{
#define NAME(name) #name,
    static const char *const names[] = {INGEST_JSON_FIELDS(NAME)};
#undef NAME
    char text[128];
    for (int field = 0; field < INGEST_JSON_FIELD_COUNT; field++) {
        snprintf(text, sizeof text, "{\"%s\":1}", names[field]);
        cr_expect_eq(read_text(text), INGEST_JSON_OK);
        cr_expect_eq(result.top.seen, 1u << field, "%s", names[field]);
        snprintf(text, sizeof text, "{\"%sx\":1,\"x%s\":1,\"%.*s\":1}", names[field], names[field],
                 (int)strlen(names[field]) - 1, names[field]);
        cr_expect_eq(read_text(text), INGEST_JSON_OK);
        cr_expect_eq(result.top.seen, 0, "%s", names[field]);
        snprintf(text, sizeof text, "{\"\\u%04x%s\":1}", (unsigned)names[field][0],
                 names[field] + 1);
        cr_expect_eq(read_text(text), INGEST_JSON_OK);
        cr_expect_eq(result.top.seen, 1u << field, "%s", names[field]);
    }
}

Test(decode_json, only_the_data_of_the_top_is_looked_into)
{
    cr_expect_eq(read_text("{\"x\":{\"type\":1},\"data\":{\"time\":2,\"data\":{\"agent\":3}}}"),
                 INGEST_JSON_OK);
    cr_expect_eq(result.top.seen, 1u << INGEST_JSON_data);
    cr_expect_eq(result.data.seen, 1u << INGEST_JSON_time | 1u << INGEST_JSON_data);
    token_is(&result.data, INGEST_JSON_time, INGEST_JSON_NUMBER, "2");
}

Test(decode_json, blocks_of_the_first_stage_leave_no_seam)
{
    char text[1024];
    for (int pad = 0; pad < 300; pad++) {
        snprintf(text, sizeof text,
                 "{\"agent\":\"%*s\\\"\\u00e9\",\"time\":12,\"x\":[{},\"\\\\\"]}", pad, "");
        cr_expect_eq(read_text(text), INGEST_JSON_OK, "%d", pad);
        cr_expect_eq(result.top.token[INGEST_JSON_agent].size, (uint32_t)pad + 8);
        token_is(&result.top, INGEST_JSON_time, INGEST_JSON_NUMBER, "12");
        snprintf(text, sizeof text, "{%*s\"time\":1%*s2}", pad, "", pad + 1, "");
        cr_expect_eq(read_text(text), INGEST_JSON_NOT_JSON, "%d", pad);
        snprintf(text, sizeof text, "{\"agent\":\"%*s\"x}", pad, "");
        cr_expect_eq(read_text(text), INGEST_JSON_NOT_JSON, "%d", pad);
        snprintf(text, sizeof text, "{\"agent\":\"%*s\\\"}", pad, "");
        cr_expect_eq(read_text(text), INGEST_JSON_NOT_JSON, "%d", pad);
    }
}

Test(decode_json, all_escapes_are_unescaped)
{
    cr_expect_eq(
        read_text("{\"agent\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\\u20AC\\uD83D\\uDE00"
                  "x\\u0000y\"}"),
        INGEST_JSON_OK);
    char room[128];
    uint32_t size = ingest_json_unescape(&result.top.token[INGEST_JSON_agent], room);
    static const char expected[] = "\"\\/\b\f\n\r\tA\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80x\0y";
    cr_expect_eq(size, sizeof expected - 1);
    cr_expect_arr_eq(room, expected, sizeof expected - 1);
}

Test(decode_json, one_byte_more_than_agreed_is_too_large)
{
    char *text = malloc((1 << 16) + 2);
    cr_assert_not_null(text);
    memset(text, ' ', (1 << 16) + 1);
    memcpy(text, "{}", 2);
    text[1 << 16] = '\0';
    cr_expect_eq(read_text(text), INGEST_JSON_OK);
    memcpy(text + (1 << 16), " ", 2);
    cr_expect_eq(read_text(text), INGEST_JSON_TOO_LARGE);
    free(text);
}

Test(decode_json, the_largest_object_of_the_shortest_keys_has_room)
{
    char *text = malloc((1 << 16) + 2);
    cr_assert_not_null(text);
    size_t size = 1;
    text[0] = '{';
    for (; size + 6 < 1 << 16; size += 5)
        memcpy(text + size, "\"\":0,", 5);
    memcpy(text + size - 1, "}", 2);
    cr_expect_eq(read_text(text), INGEST_JSON_DUPLICATE);
    cr_expect_eq(result.duplicate_size, 0);
    free(text);
}
