/* Time zones of the system as sorted tables. The only place that knows cctz. */
#ifndef APP_CONFIG_ZONE_H
#define APP_CONFIG_ZONE_H

#include "config_tree.h"
#include "rollcall/calendar.h"

#ifdef __cplusplus
extern "C" {
#endif

enum { CONFIG_ZONE_STEPS_MAX = 1500, CONFIG_ZONES_MAX = 2048 };

/* Fills at most CONFIG_ZONE_STEPS_MAX steps, 1970 to 2110; 0: cctz does not know the zone. Names
 * come from config_zone_known(), never straight from a file: cctz keeps each forever. */
uint32_t config_zone_steps(const char *name, struct rc_zone_step *ret_step);

#ifdef __cplusplus
}
#endif

/* The names of the system's zones and the version of its data, from tzdata.zi. */
struct config_zone_names {
    uint32_t count;
    const char **name; /* sorted bytewise */
    char version[32];
};
void config_zone_names_read(struct config_arena *arena, struct config_zone_names *ret_names);
bool config_zone_known(const struct config_zone_names *names, const char *name);

#endif
