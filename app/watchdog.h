/* Whether the shards still move. The slowest one feeds the service manager's watchdog: one that has
 * been at the same piece of work for too long lets it starve, and the process is ended and started
 * again. One that waits, for input or for a broker that is away, is well.
 *
 * Speaks systemd's protocol (sd_notify(3)): datagrams to $NOTIFY_SOCKET, and $WATCHDOG_USEC;
 * without them it only watches. All functions: thread: main. */
#ifndef APP_WATCHDOG_H
#define APP_WATCHDOG_H

#include "rollcall/error.h"

#include <stdbool.h>
#include <stdint.h>

struct watchdog;

/* what: "shard", or "task" where each of them is one; a literal. MEMORY. */
enum rc_error watchdog_open(const char *what, uint32_t count, struct watchdog **ret_watchdog);
/* Takes NULL. */
void watchdog_close(struct watchdog *watchdog);
/* At now_ms, by a steady clock, the shard had gone round so many times; 0: it does not run yet. To
 * be called for each shard, about every second. */
void watchdog_look(struct watchdog *watchdog, uint32_t shard, uint64_t rounds, int64_t now_ms);
/* For how many milliseconds the slowest shard has not gone round, and which one that is. */
int64_t watchdog_slowest(const struct watchdog *watchdog, int64_t now_ms, uint32_t *ret_shard);
/* true: a line for the log, that one stands still or that it goes on again; said once each. */
bool watchdog_news(struct watchdog *watchdog, int64_t now_ms, char ret_line[200]);
/* After the looks: says that the process runs, the first time, and feeds the watchdog. */
void watchdog_feed(struct watchdog *watchdog, int64_t now_ms);
/* Says that the process is about to end. */
void watchdog_stopping(struct watchdog *watchdog);

#endif
