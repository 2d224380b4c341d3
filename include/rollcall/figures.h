/* THE TABLE of figures (SPEC section 5): every number of a record by name, with its unit and how
 * it merges. Panes, JSON, CSV, /metrics and docs/figures.md all come from it. */
#ifndef ROLLCALL_FIGURES_H
#define ROLLCALL_FIGURES_H

#include <stdint.h>

/* How contributions of one window come together. */
enum rc_merge {
    RC_MERGE_SUM,   /* added up */
    RC_MERGE_MAX,   /* the largest */
    RC_MERGE_STATE, /* standing at an instant, not over a window */
    RC_MERGE_RATIO  /* derived from others when a record is made */
};
enum rc_unit { RC_UNIT_COUNT, RC_UNIT_MS, RC_UNIT_MILLI, RC_UNIT_BP, RC_UNIT_BOOL };

/* X(name, unit, merge, help), in the order of a call's and chat's record */
#define RC_VISIT_FIELDS(X)                                                                         \
    X(offered, COUNT, SUM, "visits, when they queued")                                             \
    X(answered, COUNT, SUM, "visits whose outcome is answered")                                    \
    X(wait_ms_sum, MS, SUM, "waits of answered visits")                                            \
    X(wait_ms_max, MS, MAX, "longest wait of an answered visit")                                   \
    X(wait_le_5s, COUNT, SUM, "answered after at most 5 s")                                        \
    X(wait_le_10s, COUNT, SUM, "answered after at most 10 s")                                      \
    X(wait_le_15s, COUNT, SUM, "answered after at most 15 s")                                      \
    X(wait_le_20s, COUNT, SUM, "answered after at most 20 s")                                      \
    X(wait_le_30s, COUNT, SUM, "answered after at most 30 s")                                      \
    X(wait_le_45s, COUNT, SUM, "answered after at most 45 s")                                      \
    X(wait_le_60s, COUNT, SUM, "answered after at most 60 s")                                      \
    X(wait_le_90s, COUNT, SUM, "answered after at most 90 s")                                      \
    X(wait_le_120s, COUNT, SUM, "answered after at most 120 s")                                    \
    X(wait_le_180s, COUNT, SUM, "answered after at most 180 s")                                    \
    X(wait_le_300s, COUNT, SUM, "answered after at most 300 s")                                    \
    X(wait_le_600s, COUNT, SUM, "answered after at most 600 s")                                    \
    X(abandoned, COUNT, SUM, "visits whose outcome is abandoned")                                  \
    X(abandoned_short, COUNT, SUM, "of these, after a wait of at most short_abandon")              \
    X(flowed_out, COUNT, SUM, "visits that left neither answered nor abandoned")                   \
    X(sl_met, COUNT, SUM, "service level: met")                                                    \
    X(sl_of, COUNT, SUM, "service level: of so many")                                              \
    X(handled, COUNT, SUM, "contacts whose handling ended")                                        \
    X(talk_ms_sum, MS, SUM, "talk time of handled contacts")                                       \
    X(hold_ms_sum, MS, SUM, "hold time of handled contacts")                                       \
    X(acw_ms_sum, MS, SUM, "after-contact work of handled contacts")                               \
    X(handle_ms_sum, MS, SUM, "talk, hold and after-contact work")                                 \
    X(transferred, COUNT, SUM, "contacts that the agent passed on")                                \
    X(fcr_yes, COUNT, SUM, "episodes resolved at the first contact")                               \
    X(fcr_no, COUNT, SUM, "episodes that were not")                                                \
    X(fcr_pending, COUNT, SUM, "episodes whose verdict is still open")                             \
    X(fcr_unknown, COUNT, SUM, "episodes without a disposition (model flag)")                      \
    X(repeats, COUNT, SUM, "episodes whose start made another one's verdict no")                   \
    X(csat_satisfied, COUNT, SUM, "ratings at or above satisfied_at")                              \
    X(csat_responses, COUNT, SUM, "ratings")                                                       \
    X(csat_score_sum, MILLI, SUM, "scores, in thousandths")                                        \
    X(qa_evaluated, COUNT, SUM, "quality evaluations")                                             \
    X(qa_defective, COUNT, SUM, "evaluations with a defect, or critical")                          \
    X(qa_defects, COUNT, SUM, "defects found")                                                     \
    X(qa_opportunities, COUNT, SUM, "opportunities for a defect")                                  \
    X(asa_ms, MS, RATIO, "average speed of answer: wait_ms_sum / answered")                        \
    X(aht_ms, MS, RATIO, "average handle time: handle_ms_sum / handled")                           \
    X(sl_bp, BP, RATIO, "service level: sl_met / sl_of")                                           \
    X(abandon_bp, BP, RATIO, "abandoned, short ones left out")                                     \
    X(fcr_bp, BP, RATIO, "first contact resolution so far")                                        \
    X(repeat_bp, BP, RATIO, "repeats / offered")                                                   \
    X(csat_bp, BP, RATIO, "csat_satisfied / csat_responses")                                       \
    X(accuracy_bp, BP, RATIO, "evaluations without a defect")                                      \
    X(transfer_bp, BP, RATIO, "transferred / handled")                                             \
    X(sl_target_bp, BP, RATIO, "the contract's service level target")                              \
    X(sl_ok, BOOL, RATIO, "the target is met")                                                     \
    X(aht_target_ms, MS, RATIO, "the contract's handle time target")                               \
    X(aht_ok, BOOL, RATIO, "the target is met")                                                    \
    X(fcr_target_bp, BP, RATIO, "the contract's first contact resolution target")                  \
    X(fcr_ok, BOOL, RATIO, "the target is met")                                                    \
    X(csat_target_bp, BP, RATIO, "the contract's satisfaction target")                             \
    X(csat_ok, BOOL, RATIO, "the target is met")                                                   \
    X(waiting, COUNT, STATE, "waiting now")                                                        \
    X(oldest_wait_ms, MS, STATE, "longest wait of those who wait")                                 \
    X(waiting_over, COUNT, STATE, "waiting longer than the service level's threshold")             \
    X(handling, COUNT, STATE, "being handled now")                                                 \
    X(wrapping, COUNT, STATE, "in after-contact work now")

#define RC_FIGURE_ID(name, unit, merge, help) RC_FIG_##name,
enum rc_figure { RC_VISIT_FIELDS(RC_FIGURE_ID) RC_FIGURE_COUNT };
#undef RC_FIGURE_ID

/* The sums (and the one maximum) that a pane holds are the first so many figures. */
enum { RC_SUM_COUNT = RC_FIG_qa_opportunities + 1 };

struct rc_figure_info {
    const char *name;
    const char *help;
    uint8_t unit;  /* enum rc_unit */
    uint8_t merge; /* enum rc_merge */
};
/* The table as data, RC_FIGURE_COUNT entries; defined in aggregate/figures.c. */
extern const struct rc_figure_info rc_figure_info[RC_FIGURE_COUNT];

#define RC_NULL INT64_MIN /* a figure without a value: null in a record */

#endif
