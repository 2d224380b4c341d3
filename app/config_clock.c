/* Clocks of tickets: from what the file says to what the core judges by. */
#include "config_contract.h"

#include <stdlib.h>
#include <string.h>

static int by_name(const void *left, const void *right)
{
    const struct rc_clock *a = left, *b = right;
    return strcmp(a->name, b->name);
}

/* `default` stands for all that are not named, and for a ticket that says it. */
static void within_make(struct config_arena *arena, const struct config_sla *sla,
                        struct rc_clock *clock)
{
    struct rc_within *within = config_arena_get(arena, (sla->priority_count + 1) * sizeof(*within));
    for (uint32_t i = 0; i < sla->priority_count; i++) {
        const struct config_priority *priority = &sla->priority[i];
        if (strcmp(priority->name, "default") == 0)
            clock->default_ms = priority->within_ms;
        else
            within[clock->within_count++] = (struct rc_within){
                priority->name, (uint32_t)strlen(priority->name), priority->within_ms};
    }
    clock->within = within;
}

const struct rc_clock *config_clocks_compile(struct config_arena *arena, struct config_slas *slas)
{
    if (slas->compiled != NULL)
        return slas->compiled;
    struct rc_clock *clock = config_arena_get(arena, (slas->count + 1) * sizeof(*clock));
    for (uint32_t i = 0; i < slas->count; i++) {
        const struct config_sla *sla = &slas->sla[i];
        const char *name = sla->name == NULL ? "" : sla->name; /* a mistake, already told */
        clock[i] = (struct rc_clock){
            .name = name,
            .name_size = (uint32_t)strlen(name),
            .measure = sla->measure,
            .by_event = sla->by_event,
            .pauses = sla->pauses,
            .target_bp = sla->target_bp,
            .default_ms = RC_NULL,
        };
        within_make(arena, sla, &clock[i]);
        if (sla->calendar != NULL)
            clock[i].calendar = config_calendar_compile(arena, sla->calendar);
    }
    qsort(clock, slas->count, sizeof(*clock), by_name);
    return slas->compiled = clock;
}
