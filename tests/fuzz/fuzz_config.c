/* Any text as a configuration: it loads or it is refused, and nothing else happens. What loads is
 * looked at as a start would look at it. */
#include "config_explain.h"
#include "config_load.h"
#include "libfyaml_leaks.h"
#include "rollcall/check.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void row_check(const struct config_row *row, void *argument)
{
    uint32_t *rows = argument;
    int64_t start, end;
    RC_CHECK(row->contract->fcr_window_ms > 0);
    RC_CHECK(!row->contract->has_service_level || row->contract->sl_within_ms >= 0);
    if (++*rows > 50)
        return;
    for (int kind = 0; kind < RC_INTERVAL_COUNT; kind++) {
        rc_interval_at(row->zone, (enum rc_interval)kind, 1772400000000, &start, &end);
        RC_CHECK(start <= 1772400000000 && 1772400000000 < end);
    }
    if (row->contract->sl_calendar != NULL)
        (void)rc_calendar_open(row->contract->sl_calendar, start);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static FILE *nowhere;
    struct config_loaded *loaded = NULL;
    uint32_t rows = 0;
    if (nowhere == NULL)
        nowhere = fopen("/dev/null", "we");
    RC_CHECK(nowhere != NULL);
    enum rc_error err = config_load_text("fuzz.yaml", (const char *)data, size, nowhere, &loaded);
    RC_CHECK((err == RC_OK) == (loaded != NULL));
    if (loaded != NULL)
        config_rows(loaded, row_check, &rows);
    config_free(loaded);
    return 0;
}
