#include "config_zone.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static struct rc_zone_step steps[CONFIG_ZONE_STEPS_MAX];

static struct rc_zone zone_of(const char *name)
{
    return (struct rc_zone){name, config_zone_steps(name, steps), steps};
}

Test(config_zone, tables_reach_from_1970_to_2110)
{
    struct rc_zone zone = zone_of("America/New_York");
    cr_assert_gt(zone.step_count, 270);
    cr_assert_eq(zone.step[0].from_ms, INT64_MIN);
    cr_assert_eq(zone.step[zone.step_count - 1].from_ms, 4412901600000); /* 2109-11-03 06:00 */
    cr_assert_eq(rc_zone_offset(&zone, 4400000000000), -4 * 3600000);
    for (uint32_t i = 1; i < zone.step_count; i++) {
        cr_assert_lt(zone.step[i - 1].from_ms, zone.step[i].from_ms);
        cr_assert_neq(zone.step[i - 1].offset_ms, zone.step[i].offset_ms);
    }
}

Test(config_zone, the_data_is_the_systems_and_not_an_old_copy)
{
    struct rc_zone zone = zone_of("Africa/Cairo"); /* summer time again since 2023 */
    cr_assert_eq(rc_zone_offset(&zone, 1753000000000), 3 * 3600000);
    zone = zone_of("Asia/Kolkata");
    cr_assert_eq(rc_zone_offset(&zone, 1753000000000), 19800000);
    zone = zone_of("Pacific/Apia"); /* 2011-12-30 was left out */
    cr_assert_eq(rc_zone_day_start(&zone, 15338), rc_zone_day_start(&zone, 15339));
}

Test(config_zone, names_come_from_the_data)
{
    struct config_arena arena = {0};
    struct config_zone_names names;
    config_zone_names_read(&arena, &names);
    cr_assert_gt(names.count, 400);
    cr_assert(config_zone_known(&names, "UTC"));
    cr_assert(config_zone_known(&names, "US/Eastern"));
    cr_assert(config_zone_known(&names, "Europe/Berlin"));
    cr_assert_not(config_zone_known(&names, "Europe/Berln"));
    cr_assert_not(config_zone_known(&names, ""));
    cr_assert(names.version[0] == '2', "%s", names.version);
    config_arena_done(&arena);
    cr_assert_eq(config_zone_steps("No/Where", steps), 0);
}

Test(config_zone, without_the_data_there_is_utc)
{
    struct config_arena arena = {0};
    struct config_zone_names names;
    setenv("TZDIR", "/nonexistent", 1);
    config_zone_names_read(&arena, &names);
    cr_assert_eq(names.count, 1);
    cr_assert_str_eq(names.version, "unknown");
    config_arena_done(&arena);
}
