/* THE TABLE of figures (SPEC section 5): every number of a record by name, with its unit and how
 * it merges. Panes, JSON, CSV, /metrics and docs/figures.md all come from it. */
#ifndef ROLLCALL_FIGURES_H
#define ROLLCALL_FIGURES_H

#include <stdint.h>

/* Another one publishes other figures of the same events. */
enum { RC_FIGURES_VERSION = 1 };

/* How contributions of one window come together. */
enum rc_merge {
    RC_MERGE_SUM,   /* added up */
    RC_MERGE_MAX,   /* the largest */
    RC_MERGE_STATE, /* standing at an instant, not over a window */
    RC_MERGE_RATIO  /* derived from others when a record is made */
};
enum rc_unit { RC_UNIT_COUNT, RC_UNIT_MS, RC_UNIT_MILLI, RC_UNIT_BP, RC_UNIT_BOOL };
/* In whose records a figure stands: bits. Visits are calls and chats. */
enum rc_figure_of { RC_OF_VISITS = 1, RC_OF_TICKETS = 2, RC_OF_ALL = 3 };

/* X(name, unit, merge, of, help). A record has the fields of its channel, in this order. */
#define RC_FIELDS(X)                                                                               \
    X(offered, COUNT, SUM, VISITS, "visits, when they queued")                                     \
    X(answered, COUNT, SUM, VISITS, "visits whose outcome is answered")                            \
    X(wait_ms_sum, MS, SUM, VISITS, "waits of answered visits")                                    \
    X(wait_ms_max, MS, MAX, VISITS, "longest wait of an answered visit")                           \
    X(wait_le_5s, COUNT, SUM, VISITS, "answered after at most 5 s")                                \
    X(wait_le_10s, COUNT, SUM, VISITS, "answered after at most 10 s")                              \
    X(wait_le_15s, COUNT, SUM, VISITS, "answered after at most 15 s")                              \
    X(wait_le_20s, COUNT, SUM, VISITS, "answered after at most 20 s")                              \
    X(wait_le_30s, COUNT, SUM, VISITS, "answered after at most 30 s")                              \
    X(wait_le_45s, COUNT, SUM, VISITS, "answered after at most 45 s")                              \
    X(wait_le_60s, COUNT, SUM, VISITS, "answered after at most 60 s")                              \
    X(wait_le_90s, COUNT, SUM, VISITS, "answered after at most 90 s")                              \
    X(wait_le_120s, COUNT, SUM, VISITS, "answered after at most 120 s")                            \
    X(wait_le_180s, COUNT, SUM, VISITS, "answered after at most 180 s")                            \
    X(wait_le_300s, COUNT, SUM, VISITS, "answered after at most 300 s")                            \
    X(wait_le_600s, COUNT, SUM, VISITS, "answered after at most 600 s")                            \
    X(abandoned, COUNT, SUM, VISITS, "visits whose outcome is abandoned")                          \
    X(abandoned_short, COUNT, SUM, VISITS, "of these, after a wait of at most short_abandon")      \
    X(flowed_out, COUNT, SUM, VISITS, "visits that left neither answered nor abandoned")           \
    X(sl_met, COUNT, SUM, VISITS, "service level: met")                                            \
    X(sl_of, COUNT, SUM, VISITS, "service level: of so many")                                      \
    X(opened, COUNT, SUM, TICKETS, "tickets, when they were opened")                               \
    X(resolved, COUNT, SUM, TICKETS, "standing resolutions")                                       \
    X(reopened, COUNT, SUM, TICKETS, "reopenings")                                                 \
    X(resolution_ms_sum, MS, SUM, TICKETS, "from the opening to the standing resolution")          \
    X(handled, COUNT, SUM, ALL, "contacts whose handling ended; tickets: worked on, resolved")     \
    X(talk_ms_sum, MS, SUM, VISITS, "talk time of handled contacts")                               \
    X(hold_ms_sum, MS, SUM, VISITS, "hold time of handled contacts")                               \
    X(acw_ms_sum, MS, SUM, VISITS, "after-contact work of handled contacts")                       \
    X(worked_ms_sum, MS, SUM, TICKETS, "work on tickets, when it was done")                        \
    X(handle_ms_sum, MS, SUM, ALL, "talk, hold and after-contact work; tickets: all work on them") \
    X(transferred, COUNT, SUM, VISITS, "contacts that the agent passed on")                        \
    X(fcr_yes, COUNT, SUM, ALL, "episodes resolved at the first contact")                          \
    X(fcr_no, COUNT, SUM, ALL, "episodes that were not")                                           \
    X(fcr_pending, COUNT, SUM, ALL, "episodes whose verdict is still open")                        \
    X(fcr_unknown, COUNT, SUM, ALL, "episodes without a disposition (model flag)")                 \
    X(repeats, COUNT, SUM, ALL, "episodes whose start made another one's verdict no")              \
    X(csat_satisfied, COUNT, SUM, ALL, "ratings at or above satisfied_at")                         \
    X(csat_responses, COUNT, SUM, ALL, "ratings")                                                  \
    X(csat_score_sum, MILLI, SUM, ALL, "scores, in thousandths")                                   \
    X(qa_evaluated, COUNT, SUM, ALL, "quality evaluations")                                        \
    X(qa_defective, COUNT, SUM, ALL, "evaluations with a defect, or critical")                     \
    X(qa_defects, COUNT, SUM, ALL, "defects found")                                                \
    X(qa_opportunities, COUNT, SUM, ALL, "opportunities for a defect")                             \
    X(asa_ms, MS, RATIO, VISITS, "average speed of answer: wait_ms_sum / answered")                \
    X(aht_ms, MS, RATIO, ALL, "average handle time: handle_ms_sum / handled")                      \
    X(sl_bp, BP, RATIO, VISITS, "service level: sl_met / sl_of")                                   \
    X(abandon_bp, BP, RATIO, VISITS, "abandoned, short ones left out")                             \
    X(fcr_bp, BP, RATIO, ALL, "first contact resolution so far")                                   \
    X(repeat_bp, BP, RATIO, VISITS, "repeats / offered")                                           \
    X(csat_bp, BP, RATIO, ALL, "csat_satisfied / csat_responses")                                  \
    X(accuracy_bp, BP, RATIO, ALL, "evaluations without a defect")                                 \
    X(transfer_bp, BP, RATIO, VISITS, "transferred / handled")                                     \
    X(sl_target_bp, BP, RATIO, VISITS, "the contract's service level target")                      \
    X(sl_ok, BOOL, RATIO, VISITS, "the target is met")                                             \
    X(aht_target_ms, MS, RATIO, ALL, "the contract's handle time target")                          \
    X(aht_ok, BOOL, RATIO, ALL, "the target is met")                                               \
    X(fcr_target_bp, BP, RATIO, ALL, "the contract's first contact resolution target")             \
    X(fcr_ok, BOOL, RATIO, ALL, "the target is met")                                               \
    X(csat_target_bp, BP, RATIO, ALL, "the contract's satisfaction target")                        \
    X(csat_ok, BOOL, RATIO, ALL, "the target is met")                                              \
    X(waiting, COUNT, STATE, VISITS, "waiting now")                                                \
    X(oldest_wait_ms, MS, STATE, VISITS, "longest wait of those who wait")                         \
    X(waiting_over, COUNT, STATE, VISITS, "waiting longer than the service level's threshold")     \
    X(handling, COUNT, STATE, VISITS, "being handled now")                                         \
    X(wrapping, COUNT, STATE, VISITS, "in after-contact work now")                                 \
    X(backlog, COUNT, STATE, TICKETS, "open tickets")                                              \
    X(backlog_overdue, COUNT, STATE, TICKETS, "of these, past a resolution deadline")

#define RC_FIGURE_ID(name, unit, merge, of, help) RC_FIG_##name,
enum rc_figure { RC_FIELDS(RC_FIGURE_ID) RC_FIGURE_COUNT };
#undef RC_FIGURE_ID

/* The sums (and the one maximum) that a pane holds are the first so many figures. */
enum { RC_SUM_COUNT = RC_FIG_qa_opportunities + 1 };

struct rc_figure_info {
    const char *name;
    const char *help;
    uint8_t unit;  /* enum rc_unit */
    uint8_t merge; /* enum rc_merge */
    uint8_t of;    /* enum rc_figure_of */
};
/* The table as data, RC_FIGURE_COUNT entries; defined in aggregate/figures.c. */
extern const struct rc_figure_info rc_figure_info[RC_FIGURE_COUNT];

#define RC_NULL INT64_MIN /* a figure without a value: null in a record */

#endif
