// cctz behind a C face: only at load, each zone becomes a table of the instants at which its offset
// changes, with the rules for the years to come written out.
#include "config_zone.h"

#include <cctz/civil_time.h>
#include <cctz/time_zone.h>

#include <chrono>
#include <cstdint>
#include <string>

namespace
{

using seconds = cctz::time_point<cctz::seconds>;

constexpr std::int64_t zone_end_s = 4417977600; // 2110-01-01

std::int64_t offset_ms(const cctz::time_zone &zone, std::int64_t at_s)
{
    return zone.lookup(seconds(cctz::seconds(at_s))).offset * std::int64_t{1000};
}

} // namespace

extern "C" uint32_t config_zone_steps(const char *name, struct rc_zone_step *ret_step)
try {
    cctz::time_zone zone;
    if (!cctz::load_time_zone(name, &zone))
        return 0;
    std::uint32_t count = 1;
    ret_step[0] = {INT64_MIN, offset_ms(zone, 0)};
    seconds at(cctz::seconds(0));
    cctz::time_zone::civil_transition transition;
    while (count < CONFIG_ZONE_STEPS_MAX && zone.next_transition(at, &transition)) {
        seconds before = at;
        at = zone.lookup(transition.to).trans;
        std::int64_t at_s = at.time_since_epoch().count();
        if (at_s >= zone_end_s || at <= before)
            break;
        std::int64_t offset = offset_ms(zone, at_s);
        if (offset != ret_step[count - 1].offset_ms)
            ret_step[count++] = {at_s * 1000, offset};
    }
    return count;
} catch (...) {
    return 0;
}
