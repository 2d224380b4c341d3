/* What the tests of the decoder share: one decoder, one event, and what is expected of it. */
#ifndef ROLLCALL_TEST_DECODE_FIXTURE_H
#define ROLLCALL_TEST_DECODE_FIXTURE_H

#include "rollcall/ingest.h"
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define T0    "\"2026-03-02T10:00:00Z\""
#define T0_MS INT64_C(1772445600000)
#define BASE  "\"client\":\"acme\",\"contact\":\"c-1\",\"time\":" T0

static struct rc_config config;
static struct ingest_decoder *decoder;
static union ingest_event event;
static char reason[148];

static inline void open_decoder(void)
{
    struct ingest_decoder_options options = {&config, 77};
    ingest_decoder_close(decoder);
    decoder = NULL;
    cr_assert_eq(ingest_decoder_open(&options, &decoder), RC_OK);
}

static inline void begin(void)
{
    config = (struct rc_config){.tasks = 64, .limits = {.max_event = 1 << 20}};
    memset(config.privacy.key, 7, sizeof config.privacy.key);
    open_decoder();
}

static inline void end(void)
{
    ingest_decoder_close(decoder);
    decoder = NULL;
}

/* Exactly as much readable memory as is promised, and filled with what would mislead. */
static inline enum ingest_verdict decode_bytes(const struct ingest_envelope *envelope,
                                               const char *text, size_t size)
{
    char *value = malloc(size + INGEST_PADDING);
    cr_assert_not_null(value);
    memcpy(value, text, size);
    memset(value + size, '}', INGEST_PADDING);
    memset(&event, 0xee, sizeof event);
    reason[0] = '\0';
    enum ingest_verdict verdict =
        ingest_decode(decoder, envelope, value, (uint32_t)size, &event, reason);
    free(value);
    return verdict;
}

static inline enum ingest_verdict decode(const char *text)
{
    return decode_bytes(NULL, text, strlen(text));
}

static inline void accepted(const char *text)
{
    enum ingest_verdict verdict = decode(text);
    cr_expect_eq(verdict, INGEST_EVENT, "%s: %d %s", text, verdict, reason);
}

static inline void refused(const char *text, const char *why)
{
    enum ingest_verdict verdict = decode(text);
    cr_expect_eq(verdict, INGEST_REFUSED, "%s: %d, not %s", text, verdict, why);
    cr_expect_str_eq(reason, why, "%s: %s, not %s", text, reason, why);
}

/* An event of that type with these fields more. */
static inline const char *with(const char *type, const char *fields)
{
    static char text[4096];
    snprintf(text, sizeof text, "{\"type\":\"%s\"," BASE "%s%s}", type, *fields ? "," : "", fields);
    return text;
}

static inline void expect_text(const char *at, uint32_t size, const char *expected)
{
    cr_expect(size == strlen(expected) && memcmp(at, expected, size) == 0, "%.*s, not %s",
              (int)size, at, expected);
}

static inline char *repeat(const char *unit, size_t count)
{
    size_t size = strlen(unit);
    char *text = malloc(count * size + 1);
    cr_assert_not_null(text);
    for (size_t i = 0; i < count; i++)
        memcpy(text + i * size, unit, size);
    text[count * size] = '\0';
    return text;
}

#endif
