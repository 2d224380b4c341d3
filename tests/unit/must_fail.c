/* Not a test of ours but of the harness: that a leak and undefined behaviour fail a test run. */
#include <criterion/criterion.h>
#include <limits.h>
#include <stdlib.h>

static void *opaque(void *address)
{
    __asm__ __volatile__("" : "+r"(address) : : "memory");
    return address;
}

Test(must_fail, control)
{
    void *memory = opaque(malloc(100));
    cr_assert_not_null(memory);
    free(memory);
}

Test(must_fail, leak)
{
    void *memory = opaque(malloc(100));
    cr_assert_not_null(memory);
    memory = opaque(NULL);
    cr_assert_null(memory);
}

Test(must_fail, overflow)
{
    int number = INT_MAX;
    __asm__ __volatile__("" : "+r"(number));
    number += 1;
    cr_assert_neq(number, 0);
}
