/* Prints every zone that a configuration may name as the loader compiles it: a line with the name,
 * then a line for each step, `from_ms offset_ms`. */
#include "config_zone.h"

#include <inttypes.h>

int main(void)
{
    static struct rc_zone_step step[CONFIG_ZONE_STEPS_MAX];
    struct config_arena arena = {0};
    struct config_zone_names names;
    config_zone_names_read(&arena, &names);
    for (uint32_t i = 0; i < names.count; i++) {
        uint32_t count = config_zone_steps(names.name[i], step);
        printf("%s\n", names.name[i]);
        for (uint32_t j = 0; j < count; j++)
            printf("%" PRId64 " %" PRId64 "\n", step[j].from_ms, step[j].offset_ms);
    }
    config_arena_done(&arena);
    return 0;
}
