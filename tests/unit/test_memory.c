/* How near the process is to its limit. */
#include "memory.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/mman.h>

#define MIB (UINT64_C(1) << 20)

static struct memory_watch watch;

static void begin(void)
{
    watch = (struct memory_watch){0};
}

TestSuite(memory, .init = begin);

Test(memory, reading_stops_from_95_percent_and_goes_on_below_90)
{
    cr_expect_not(memory_judge(&watch, 1000, 950));
    cr_expect_not(watch.over);
    cr_expect(memory_judge(&watch, 1000, 951));
    cr_expect(watch.over);
    cr_expect_not(memory_judge(&watch, 1000, 901), "between the two nothing changes");
    cr_expect(watch.over);
    cr_expect(memory_judge(&watch, 1000, 900));
    cr_expect_not(watch.over);
    cr_expect_not(memory_judge(&watch, 1000, 949));
}

Test(memory, without_a_limit_nothing_is_over)
{
    cr_expect_not(memory_judge(&watch, 0, UINT64_MAX));
    cr_expect_not(memory_watch(&watch, 0, 0));
    cr_expect_not(watch.over);
}

Test(memory, resident_is_what_was_touched)
{
    uint64_t size = 64 * MIB, before = memory_resident();
    cr_assert_gt(before, 0);
    char *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(at, MAP_FAILED);
    cr_expect_lt(memory_resident(), before + 16 * MIB);
    memset(at, 1, size);
    cr_expect_gt(memory_resident(), before + 48 * MIB);
    munmap(at, size);
    cr_expect_lt(memory_resident(), before + 16 * MIB);
}

Test(memory, what_the_core_may_use_again_is_not_in_use)
{
    uint64_t size = 256 * MIB;
    char *state = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    cr_assert_neq(state, MAP_FAILED);
    memset(state, 1, size);
    uint64_t limit = memory_resident();
    cr_expect(memory_watch(&watch, limit, 0));
    cr_expect(watch.over);
    /* All of it is forgotten; the state keeps its pages. */
    cr_expect(memory_watch(&watch, limit, size));
    cr_expect_not(watch.over);
    munmap(state, size);
}
