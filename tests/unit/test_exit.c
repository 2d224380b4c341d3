#include "exit.h"
#include <criterion/criterion.h>

Test(exit, every_status_has_the_code_that_the_manual_says)
{
    cr_assert_eq(exit_code_of(RC_OK), 0);
    cr_assert_eq(exit_code_of(RC_ERR_END), 0, "whoever read our output has had enough");
    cr_assert_eq(exit_code_of(RC_ERR_USAGE), 64);
    cr_assert_eq(exit_code_of(RC_ERR_INPUT), 65);
    cr_assert_eq(exit_code_of(RC_ERR_KAFKA), 69);
    cr_assert_eq(exit_code_of(RC_ERR_MEMORY), 70);
    cr_assert_eq(exit_code_of(RC_ERR_INTERNAL), 70);
    cr_assert_eq(exit_code_of(RC_ERR_LIMIT), 70);
    cr_assert_eq(exit_code_of(RC_ERR_IO), 74);
    cr_assert_eq(exit_code_of(RC_ERR_DENIED), 77);
    cr_assert_eq(exit_code_of(RC_ERR_CONFIG), 78);
}
