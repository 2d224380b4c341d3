/* A line of three numbers, two instants and a duration in ms; the rest is what stands between the
 * braces of a calendar. What loads adds up: sums of opening hours and deadlines agree. */
#include "config_load.h"
#include "libfyaml_leaks.h"
#include "rollcall/check.h"

#include <stdlib.h>
#include <string.h>

enum { TEXT_MAX = 4096 };
#define FIRST INT64_C(631152000000)  /* 1990 */
#define LAST  INT64_C(4102444800000) /* 2100 */
#define LONG  INT64_C(400000000000)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static int64_t within(int64_t value, int64_t low, int64_t high)
{
    int64_t rest = value % (high - low);
    return low + (rest < 0 ? rest + high - low : rest);
}

static void sums_check(const struct rc_calendar *calendar, int64_t a, int64_t b, int64_t m)
{
    int64_t all = rc_calendar_between(calendar, a, b);
    RC_CHECK(all >= 0 && all <= (b > a ? b - a : 0));
    if (a <= m && m <= b)
        RC_CHECK(rc_calendar_between(calendar, a, m) + rc_calendar_between(calendar, m, b) == all);
    RC_CHECK(rc_calendar_between(calendar, a, a + 1) == rc_calendar_open(calendar, a));
}

static void deadline_check(const struct rc_calendar *calendar, int64_t from, int64_t open_ms)
{
    int64_t at = rc_calendar_add(calendar, from, open_ms);
    if (at == RC_CALENDAR_NEVER) {
        RC_CHECK(rc_calendar_between(calendar, from, from + RC_CALENDAR_REACH_MS) < open_ms);
        return;
    }
    RC_CHECK(at - from <= RC_CALENDAR_REACH_MS);
    RC_CHECK(rc_calendar_between(calendar, from, at) == open_ms);
    RC_CHECK(rc_calendar_between(calendar, from, at - 1) == open_ms - 1);
    RC_CHECK(rc_calendar_open(calendar, at - 1));
    sums_check(calendar, from, at, from + (at - from) / 2);
}

static void calendar_check(const struct rc_calendar *calendar, const int64_t number[3])
{
    int64_t a = within(number[0], FIRST, LAST), b = within(number[1], FIRST, LAST);
    for (uint32_t i = 0; i < calendar->span_count; i++) {
        const struct rc_span *span = &calendar->span[i];
        RC_CHECK(span->from_ms < span->to_ms);
        RC_CHECK(i == 0 || span[-1].to_ms < span->from_ms);
    }
    sums_check(calendar, a, b, a + (b - a) / 2);
    deadline_check(calendar, a, within(number[2], 1, LONG));
    /* exactly as long as it is open until some instant */
    int64_t until = rc_calendar_between(calendar, a, b);
    if (until > 0)
        deadline_check(calendar, a, until);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static FILE *nowhere;
    char line[TEXT_MAX], text[TEXT_MAX + 200], *at = line;
    struct config_loaded *loaded = NULL;
    int64_t number[3];
    if (nowhere == NULL)
        nowhere = fopen("/dev/null", "we");
    RC_CHECK(nowhere != NULL);
    if (size >= sizeof(line) || memchr(data, '\0', size) != NULL)
        return 0;
    memcpy(line, data, size);
    line[size] = '\0';
    for (int i = 0; i < 3; i++)
        number[i] = strtoll(at, &at, 10);
    int length = snprintf(text, sizeof(text),
                          "calendars: {c: {%s}}\n"
                          "defaults: {ticket: {slas: [{name: c, measure: resolution, within: 1h,\n"
                          "                            calendar: c}]}}\n",
                          at);
    if (config_load_text("fuzz.yaml", text, (size_t)length, nowhere, &loaded) != RC_OK)
        return 0;
    const struct rc_contract *ticket =
        &loaded->config->contracts.defaults.channel[RC_TICKET].dated[0].contract;
    if (ticket->clock_count > 0 && ticket->clock[0].calendar != NULL)
        calendar_check(ticket->clock[0].calendar, number);
    config_free(loaded);
    return 0;
}
