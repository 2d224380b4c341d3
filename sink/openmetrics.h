/* Business figures as metrics, in the text form of Prometheus 0.0.4, which promtool checks, and its
 * translation to OpenMetrics 1.0. Pure but for memory. */
#ifndef SINK_OPENMETRICS_H
#define SINK_OPENMETRICS_H

#include "rollcall/sink.h"

/* Text that grows; `failed`: memory was out, and something is missing. */
struct metrics_text {
    char *bytes;
    uint64_t used, room;
    bool failed;
};
/* Frees the memory. */
void metrics_text_done(struct metrics_text *text);
void metrics_text_put(struct metrics_text *text, const char *bytes, uint64_t size);

enum { METRICS_SERIES_MAX = 20000 };

/* Calls `visit` once for every table. */
struct metrics_tables {
    void (*each)(void *opaque, void (*visit)(void *to, struct sink_table *table), void *to);
    void *opaque;
};

/* Appends the figures of the tables: keys in order until max_series are reached, whole keys only;
 * what was refused is counted in the text itself. Without `# EOF`. */
void metrics_business(const struct rc_windows *windows, const struct metrics_tables *tables,
                      uint32_t max_series, struct metrics_text *text);
/* Appends `from` in OpenMetrics 1.0: there a counter's family has no _total, and X_info is an info
 * X. Samples are the same, so that a server may ask in either form. */
void metrics_translate(const char *from, uint64_t size, struct metrics_text *text);

#endif
