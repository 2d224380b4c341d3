/* What a replay says of itself: the progress line, and the summary at the end. */
#ifndef APP_REPLAY_REPORT_H
#define APP_REPLAY_REPORT_H

#include "engine.h"
#include <stdio.h>

struct replay_report {
    const struct engine *engine;
    const struct rc_ingest_stats *ingest;
    struct ingest_progress progress;
    int64_t took_ms;
};

void replay_report_progress(const struct replay_report *report);
void replay_report_summary(const struct replay_report *report, FILE *to);
/* One JSON object in one line. */
void replay_report_json(const struct replay_report *report, FILE *to);

#endif
