/* The subcommands. argv[0] is the subcommand's name; each answers an exit code (exit.h). */
#ifndef APP_COMMANDS_H
#define APP_COMMANDS_H

int cmd_replay(int argc, char **argv);
int cmd_run(int argc, char **argv);
int cmd_feed(int argc, char **argv);
int cmd_rekey(int argc, char **argv);
int cmd_simulate(int argc, char **argv);
int cmd_demo(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_snapshot(int argc, char **argv);

#endif
