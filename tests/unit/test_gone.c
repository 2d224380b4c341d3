#include "continuity.h"
#include "gone.h"
#include "sink_fixture.h"

#include <criterion/criterion.h>

enum { HALF_HOUR_MS = 1800000, DAY_MS = 86400000 };

static struct rc_config config;

static void begin(void)
{
    config = *fixture_config();
    config.time.grace_ms = 900000;
    config.windows.interval[0].restate_for_ms = 8 * (int64_t)DAY_MS;
}

TestSuite(gone, .init = begin);

static char text[SINK_RECORD_TEXT_MAX], key[SINK_KEY_MAX];

static struct gone *read_record(const struct rc_record *rec)
{
    return gone_read(rec->topic, text, sink_record_json(&config.windows, rec, text));
}

static struct rc_record *waiting(const char *queue, int64_t start_ms)
{
    struct rc_record *rec = fixture_record("a|b \"c\"", queue, 2, start_ms, start_ms + 5000);
    rec->end_ms = start_ms + HALF_HOUR_MS;
    rec->value[RC_FIG_waiting] = 1;
    rec->value[RC_FIG_sl_target_bp] = 8000;
    return rec;
}

Test(gone, its_zero_has_the_same_key_and_contract_and_targets_and_is_zero)
{
    static const char *const queues[] = {"billing", "@sales", "*"};
    for (int i = 0; i < 3; i++) {
        struct rc_record *rec = waiting(queues[i], 10 * HALF_HOUR_MS);
        struct gone *gone = read_record(rec);
        cr_assert_not_null(gone);
        struct rc_record *zero = gone_record(gone, &config, rec->start_ms + 60000);
        cr_assert_not_null(zero);
        char other[SINK_KEY_MAX];
        uint32_t size = sink_record_key(&config.windows, rec, key);
        cr_assert_eq(sink_record_key(&config.windows, zero, other), size);
        cr_assert_eq(memcmp(key, other, size), 0);
        cr_assert_eq(zero->contract, rec->contract);
        cr_assert_eq(zero->total, rec->total);
        cr_assert_eq(zero->value[RC_FIG_sl_target_bp], 8000);
        cr_assert_eq(zero->value[RC_FIG_waiting], 0);
        cr_assert_eq(zero->value[RC_FIG_sl_bp], RC_NULL);
        cr_assert_eq(zero->status, RC_PROVISIONAL);
        cr_assert_null(read_record(zero), "a zero need not be taken back");
        free(zero);
        free(gone);
        free(rec);
    }
}

Test(gone, its_status_is_that_of_its_age)
{
    struct rc_record *rec = waiting("billing", 0);
    int64_t end_ms = rec->end_ms;
    const int64_t at[] = {end_ms, end_ms + 900000 - 1, end_ms + 900000,
                          end_ms + 8 * (int64_t)DAY_MS};
    const uint8_t fresh[] = {RC_PROVISIONAL, RC_PROVISIONAL, RC_FINAL, RC_CLOSED};
    const uint8_t later[] = {RC_PROVISIONAL, RC_PROVISIONAL, RC_RESTATED, RC_CLOSED};
    for (int was_final = 0; was_final < 2; was_final++) {
        rec->status = was_final ? RC_FINAL : RC_PROVISIONAL;
        struct gone *gone = read_record(rec);
        for (int i = 0; i < 4; i++) {
            struct rc_record *zero = gone_record(gone, &config, at[i]);
            cr_assert_eq(zero->status, was_final ? later[i] : fresh[i], "%d at %d", was_final, i);
            free(zero);
        }
        free(gone);
    }
    rec->status = RC_CLOSED;
    cr_assert_null(read_record(rec), "what is closed stays");
    free(rec);
}

Test(gone, a_rolling_record_ends_at_the_last_look)
{
    struct rc_record *rec = fixture_record("acme", "*", 0, 0, 900000);
    rec->value[RC_FIG_handling] = 3;
    struct gone *gone = read_record(rec);
    struct rc_record *zero = gone_record(gone, &config, 5000123);
    cr_assert_eq(zero->as_of_ms, 5000000);
    cr_assert_eq(zero->end_ms, 5000000);
    cr_assert_eq(zero->start_ms, 4100000);
    cr_assert_eq(zero->status, RC_FINAL);
    config.windows.rolling_count = 0;
    cr_assert_null(gone_record(gone, &config, 5000123), "its window is not configured any more");
    free(zero);
    free(gone);
    free(rec);
}

Test(gone, a_clock_keeps_its_name_and_measure)
{
    struct rc_record *rec = fixture_clock("acme", "billing", 2, 0, "first response");
    rec->value[RC_FIG_sl_of] = 2;
    rec->value[RC_FIG_sl_target_bp] = 9500;
    struct gone *gone = read_record(rec);
    struct rc_record *zero = gone_record(gone, &config, 1000);
    char other[SINK_KEY_MAX];
    uint32_t size = sink_record_key(&config.windows, rec, key);
    cr_assert_eq(sink_record_key(&config.windows, zero, other), size);
    cr_assert_eq(memcmp(key, other, size), 0);
    cr_assert_eq(zero->measure, RC_FIRST_RESPONSE);
    cr_assert_eq(zero->value[RC_FIG_sl_target_bp], 9500);
    cr_assert_eq(zero->value[RC_FIG_sl_of], 0);
    free(zero);
    free(gone);
    free(rec);
}

/* ---- in a restart ---- */

static void read_back(struct continuity *c, const struct rc_record *rec)
{
    uint32_t key_size = sink_record_key(&config.windows, rec, key);
    uint32_t size = sink_record_json(&config.windows, rec, text);
    cr_assert_eq(continuity_read_back(c, rec->topic, key, key_size, text, size), RC_OK);
}

static void make_again(struct continuity *c, struct rc_record *rec)
{
    uint32_t key_size = sink_record_key(&config.windows, rec, key);
    uint32_t size = sink_record_json(&config.windows, rec, text);
    cr_assert_eq(continuity_hold(c, rec, key, key_size, text, size), RC_OK);
}

Test(gone, what_is_not_made_again_ceases_but_not_where_the_input_may_not_reach)
{
    struct continuity *c;
    struct rc_record *rec[4], **held;
    size_t count;
    bool over;
    cr_assert_eq(continuity_open(&config, &c), RC_OK);
    for (int i = 0; i < 4; i++) {
        rec[i] = waiting("billing", i * HALF_HOUR_MS);
        read_back(c, rec[i]);
    }
    continuity_read_all(c);
    make_again(c, rec[1]);
    cr_assert_eq(continuity_reach(c, 3 * HALF_HOUR_MS + 5000, &over, &held, &count), RC_OK);
    cr_assert(over);
    cr_assert_eq(count, 2, "not the one before the first that was made again, nor this one");
    for (size_t i = 0; i < count; i++) {
        cr_assert_geq(held[i]->start_ms, 2 * HALF_HOUR_MS);
        cr_assert_eq(held[i]->value[RC_FIG_waiting], 0);
    }
    continuity_release(c);
    continuity_close(c);
    for (int i = 0; i < 4; i++)
        free(rec[i]);
}
