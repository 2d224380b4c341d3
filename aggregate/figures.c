/* The table of figures as data. */
#include "rollcall/figures.h"

#define FIGURE_INFO(name, unit, merge, help) {#name, help, RC_UNIT_##unit, RC_MERGE_##merge},
const struct rc_figure_info rc_figure_info[RC_FIGURE_COUNT] = {RC_VISIT_FIELDS(FIGURE_INFO)};
#undef FIGURE_INFO
