/* What is kept of engines that are gone: sums of counters, each reason once. */
#include "engine_past.h"

#include <criterion/criterion.h>
#include <stdio.h>

Test(engine_past, a_reason_that_several_engines_know_is_there_once)
{
    struct engine_reasons reasons = {0};
    char name[24];
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 40; i++) {
            snprintf(name, sizeof name, "invalid:%d", i);
            engine_reasons_add(&reasons, name, (uint64_t)(i + 1));
        }
    cr_assert_not(reasons.failed);
    cr_assert_eq(reasons.count, 40);
    for (uint32_t i = 0; i < reasons.count; i++) {
        snprintf(name, sizeof name, "invalid:%u", i);
        cr_assert_str_eq(reasons.text[i], name);
        cr_assert_eq(reasons.number[i], 2 * (i + 1));
    }
    engine_reasons_done(&reasons);
}
