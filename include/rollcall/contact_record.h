/* What a record of rollcall.contacts holds (SPEC section 9): THE TABLE of its fields, which JSON
 * and CSV are written from, and the texts and clocks behind them. */
#ifndef ROLLCALL_CONTACT_RECORD_H
#define ROLLCALL_CONTACT_RECORD_H

#include "record.h"

/* What a value is: a number, a bool, or an index of one of the lists of words below. */
enum rc_contact_word { RC_WORD_NUMBER, RC_WORD_BOOL, RC_WORD_OUTCOME, RC_WORD_LEVEL, RC_WORD_FCR };

/* X(name, word): the fields after `contract`, in their order; RC_NULL: it does not apply. */
#define RC_CONTACT_FIELDS(X)                                                                       \
    X(queued_ms, NUMBER)                                                                           \
    X(answered_ms, NUMBER)                                                                         \
    X(abandoned_ms, NUMBER)                                                                        \
    X(left_ms, NUMBER)                                                                             \
    X(transferred_ms, NUMBER)                                                                      \
    X(ended_ms, NUMBER)                                                                            \
    X(wrapped_ms, NUMBER)                                                                          \
    X(resolved_ms, NUMBER)                                                                         \
    X(outcome, OUTCOME)                                                                            \
    X(wait_ms, NUMBER)                                                                             \
    X(talk_ms, NUMBER)                                                                             \
    X(hold_ms, NUMBER)                                                                             \
    X(acw_ms, NUMBER)                                                                              \
    X(handle_ms, NUMBER)                                                                           \
    X(sl, LEVEL)                                                                                   \
    X(sl_at_ms, NUMBER)                                                                            \
    X(fcr, FCR)                                                                                    \
    X(fcr_at_ms, NUMBER)                                                                           \
    X(score, NUMBER)                                                                               \
    X(critical, BOOL)                                                                              \
    X(defects, NUMBER)

/* Indexes of rc_record.value. */
#define RC_CONTACT_FIELD_ID(name, word) RC_CONTACT_##name,
enum rc_contact_field { RC_CONTACT_FIELDS(RC_CONTACT_FIELD_ID) RC_CONTACT_FIELD_COUNT };
#undef RC_CONTACT_FIELD_ID
static_assert((int)RC_CONTACT_FIELD_COUNT <= (int)RC_FIGURE_COUNT, "they stand in the same places");

enum rc_contact_outcome { RC_OUTCOME_ANSWERED, RC_OUTCOME_ABANDONED, RC_OUTCOME_LEFT };
enum rc_contact_level { RC_LEVEL_OUT, RC_LEVEL_MISSED, RC_LEVEL_MET };
enum rc_contact_fcr { RC_FCR_IS_YES, RC_FCR_IS_NO, RC_FCR_IS_PENDING, RC_FCR_IS_UNKNOWN };

/* Behind the queue stand, one after the other: contact, conversation, customer (nothing, or a
 * struct rc_id128), priority (may be empty); then so many clocks, bytewise by name, each a head and
 * its name. Nothing of it is aligned. */
struct rc_contact_clock {
    int64_t at_ms;
    uint8_t met;
    uint8_t name_size;
    uint8_t spare[6];
};

static inline const char *rc_contact_id(const struct rc_record *rec)
{
    return rec->text + rec->client_size + rec->queue_size;
}
static inline const char *rc_contact_conversation(const struct rc_record *rec)
{
    return rc_contact_id(rec) + rec->contact_size;
}
static inline const char *rc_contact_customer(const struct rc_record *rec)
{
    return rc_contact_conversation(rec) + rec->conversation_size;
}
static inline const char *rc_contact_priority(const struct rc_record *rec)
{
    return rc_contact_customer(rec) + rec->customer_size;
}
static inline const char *rc_contact_clocks(const struct rc_record *rec)
{
    return rc_contact_priority(rec) + rec->priority_size;
}
/* Reads the clock at `at`; its name is lent. Returns where the next one stands. */
static inline const char *rc_contact_clock_at(const char *at, struct rc_contact_clock *ret_clock,
                                              const char **ret_name)
{
    memcpy(ret_clock, at, sizeof *ret_clock);
    *ret_name = at + sizeof *ret_clock;
    return *ret_name + ret_clock->name_size;
}

#endif
