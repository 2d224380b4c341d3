#ifndef ROLLCALL_CMD_SIMULATE_H
#define ROLLCALL_CMD_SIMULATE_H

/* `rollcall simulate`: argv[0] is the subcommand. Answers an exit code as in <sysexits.h>. */
int cmd_simulate(int argc, char **argv);

#endif
