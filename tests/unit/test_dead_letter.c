#include "dead_letter.h"
#include "sink_fixture.h"

#include <criterion/criterion.h>
#include <criterion/new/assert.h>

static struct kept kept;

static void begin(void)
{
    cr_assert(eq(int, kept_init(&kept, 1), RC_OK));
}

static void end(void)
{
    kept_done(&kept);
}

TestSuite(dead_letter, .init = begin, .fini = end);

/* Looks the header up as a reader of the topic would; NULL: it is not there. */
static const char *header(const struct kept_record *record, const char *name, uint32_t *ret_size)
{
    const char *at = kept_headers(record), *last = at + record->headers_size;
    while (at < last) {
        uint32_t size[2];
        memcpy(size, at, sizeof size);
        at += sizeof size;
        *ret_size = size[1];
        if (size[0] == strlen(name) && !memcmp(at, name, size[0]))
            return at + size[0];
        at += size[0] + kept_size(size[1]);
    }
    return NULL;
}

static void check_header(const struct kept_record *record, const char *name, const char *value)
{
    uint32_t size;
    const char *at = header(record, name, &size);
    cr_assert(not(eq(ptr, (void *)at, NULL)), "no %s", name);
    cr_assert(eq(u32, size, (uint32_t)strlen(value)));
    cr_assert(zero(int, memcmp(at, value, size)), "%s", name);
}

Test(dead_letter, what_came_in_goes_out_with_the_reason_and_the_place)
{
    struct rc_dead_letter *dead = fixture_dead(3, 77, "missing:client", "{}", 2);
    struct kept_record *record;
    cr_assert(eq(int, dead_letter_keep(&kept, 0, dead, "contact.calls", 5, true, &record), RC_OK));
    cr_assert(eq(ptr, (void *)kept_key(record), NULL));
    cr_assert(eq(u32, record->value_size, 2));
    cr_assert(zero(int, memcmp(kept_value(record), "{}", 2)));
    check_header(record, "rollcall.reason", "missing:client");
    check_header(record, "rollcall.topic", "contact.calls");
    check_header(record, "rollcall.partition", "5");
    check_header(record, "rollcall.offset", "77");
    free(dead);
}

Test(dead_letter, its_own_headers_and_key_stay_and_a_header_without_value_too)
{
    static const char bytes[] = "kv\1\0\0\0\2\0\0\0axy\1\0\0\0\377\377\377\377b";
    struct rc_raw raw = {.key_size = 1, .value_size = 1, .header_count = 2};
    uint32_t raw_size = sizeof raw + sizeof bytes - 1;
    struct rc_dead_letter *dead = calloc(1, sizeof *dead + raw_size);
    struct kept_record *record;
    uint32_t size;
    dead->raw_size = raw_size;
    memcpy(dead->reason, "not_json", 8);
    memcpy(dead->raw, &raw, sizeof raw);
    memcpy(dead->raw + sizeof raw, bytes, sizeof bytes - 1);
    cr_assert(eq(int, dead_letter_keep(&kept, 0, dead, "t", 0, true, &record), RC_OK));
    cr_assert(eq(chr, kept_key(record)[0], 'k'));
    check_header(record, "a", "xy");
    cr_assert(not(eq(ptr, (void *)header(record, "b", &size), NULL)));
    cr_assert(eq(u32, size, KEPT_ABSENT));
    free(dead);
}

Test(dead_letter, a_value_that_is_not_wanted_or_too_large_is_left_out)
{
    static char large[DEAD_LETTER_VALUE_MAX + 1];
    struct rc_dead_letter *dead = fixture_dead(0, 1, "too_large", large, sizeof large);
    struct kept_record *record;
    cr_assert(eq(int, dead_letter_keep(&kept, 0, dead, "t", 0, true, &record), RC_OK));
    cr_assert(eq(u32, record->value_size, KEPT_ABSENT));
    free(dead);
    dead = fixture_dead(0, 1, "not_json", "{", 1);
    cr_assert(eq(int, dead_letter_keep(&kept, 0, dead, "t", 0, false, &record), RC_OK));
    cr_assert(eq(u32, record->value_size, KEPT_ABSENT));
    free(dead);
}
