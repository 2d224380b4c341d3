/* Working hours: weekly intervals and dated exceptions to spans of UTC. */
#ifndef APP_CONFIG_CALENDAR_H
#define APP_CONFIG_CALENDAR_H

#include "config_tree.h"
#include "rollcall/calendar.h"

/* Minutes from the midnight that begins the date; `to` may lie on the next. */
struct config_hours {
    uint32_t from, to;
};
struct config_hours_list {
    uint32_t count;
    struct config_hours *hours; /* sorted, disjoint, not touching */
};
struct config_exception {
    int64_t day; /* since 1970-01-01 */
    struct config_hours_list hours;
};
struct config_calendar {
    const char *name;
    const struct config_node *node;
    const struct rc_zone *zone;
    struct config_hours_list week[7]; /* Monday first */
    uint32_t exception_count;
    struct config_exception *exception; /* sorted by day */
    const struct rc_calendar *compiled; /* NULL until a contract uses it */
    struct config_calendar *next;
};

/* Sorts and unites. */
void config_hours_unite(struct config_hours_list *list);
/* The spans of 1990 to 2110, once; in the arena. */
const struct rc_calendar *config_calendar_compile(struct config_arena *arena,
                                                  struct config_calendar *calendar);

#endif
