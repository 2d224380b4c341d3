/* Whether a configuration can follow the one that `run` works under while it runs. */
#ifndef APP_RUN_CHANGE_H
#define APP_RUN_CHANGE_H

#include "rollcall/config.h"

#include <stdbool.h>

/* false: ret_why says what cannot be. Kafka is asked whether the input topics fit, for a few
 * seconds at most: where tasks are shared members would leave the group for nothing. thread: main
 */
bool run_change_fits(const struct rc_config *now, const struct rc_config *next, char ret_why[300]);

#endif
