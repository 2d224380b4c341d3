/* The table of figures as data. */
#include "rollcall/figures.h"

#define FIGURE_INFO(name, unit, merge, of, help)                                                   \
    {#name, help, RC_UNIT_##unit, RC_MERGE_##merge, RC_OF_##of},
const struct rc_figure_info rc_figure_info[RC_FIGURE_COUNT] = {RC_FIELDS(FIGURE_INFO)};
#undef FIGURE_INFO
