/* The demo's table of queues: what a team lead would look at, as plain text for a terminal. */
#ifndef APP_DEMO_TABLE_H
#define APP_DEMO_TABLE_H

#include "rollcall/sink.h"

#include <stdbool.h>
#include <stdint.h>

struct demo_table {
    const struct rc_config *config;
    struct sink_table *records; /* borrowed */
    uint32_t window;            /* which rolling window is shown */
    bool color;
    unsigned rows_max; /* lines for queues; the rest is counted */
};
struct demo_totals {
    int64_t waiting, handling, oldest_wait_ms, offered, answered, sl_met, sl_of;
    unsigned rows;
};

/* Appends the table to `room`, NUL-terminated; returns its length. */
size_t demo_table_text(const struct demo_table *table, char *room, size_t size);
/* Sums over the clients' `*` rows. */
void demo_table_totals(const struct demo_table *table, struct demo_totals *ret_totals);

#endif
