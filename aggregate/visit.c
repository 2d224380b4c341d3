/* Derivation of calls and chats (SPEC sections 4 and 5): facts + contract = contributions. Pure. */
#include "contact.h"
#include <string.h>

static bool known(int64_t time_ms)
{
    return time_ms != RC_TIME_NONE;
}
static int64_t positive(int64_t ms)
{
    return ms > 0 ? ms : 0;
}

enum agg_outcome agg_visit_outcome(const struct agg_task *task, const struct agg_contact *contact,
                                   int64_t *ret_at, int64_t *ret_wait_ms)
{
    const struct agg_rare *rare = agg_rare_of(task, contact);
    enum agg_outcome what = AGG_NO_OUTCOME;
    int64_t at = RC_TIME_NONE;
    if (known(contact->answered)) {
        what = AGG_ANSWERED;
        at = contact->answered;
    }
    if (known(rare->abandoned) && (!what || rare->abandoned < at)) {
        what = AGG_ABANDONED;
        at = rare->abandoned;
    }
    if (known(rare->left) && (!what || rare->left < at)) {
        what = AGG_LEFT;
        at = rare->left;
    }
    if (!what && known(agg_handled_at(task, contact))) {
        what = AGG_LEFT; /* a lost `answered` */
        at = agg_handled_at(task, contact);
    }
    *ret_at = at;
    *ret_wait_ms = what && known(contact->queued) ? positive(at - contact->queued) : 0;
    return what;
}

static bool in_service_level(const struct rc_contract *contract, int64_t queued_ms)
{
    if (!contract->has_service_level)
        return false;
    if (contract->sl_calendar && !rc_calendar_open(contract->sl_calendar, queued_ms))
        return false;
    for (uint32_t i = 0; i < contract->outage_count; i++)
        if (queued_ms >= contract->outage[i].from_ms && queued_ms < contract->outage[i].to_ms)
            return false;
    return true;
}

enum judgement { OUT, MISSED, MET };

static enum judgement judge(const struct rc_contract *contract, enum agg_outcome what, bool within,
                            bool brief)
{
    if (what == AGG_ANSWERED)
        return within ? MET : MISSED;
    if (what == AGG_LEFT) {
        if (contract->flow_out == RC_FLOW_IGNORE)
            return OUT;
        return contract->flow_out == RC_FLOW_CREDIT_WITHIN && within ? MET : MISSED;
    }
    if (what == AGG_NO_OUTCOME)
        return MISSED;
    switch (contract->abandoned) {
    case RC_ABANDONED_IGNORE_WITHIN:
        return within ? OUT : MISSED;
    case RC_ABANDONED_IGNORE_SHORT:
        return brief ? OUT : MISSED;
    case RC_ABANDONED_CREDIT_WITHIN:
        return within ? MET : MISSED;
    case RC_ABANDONED_CREDIT_SHORT:
        return brief ? MET : MISSED;
    case RC_ABANDONED_IGNORE:
        return OUT;
    default:
        return MISSED;
    }
}

/* When the service level is decided: where an outcome comes in time at once, else at the threshold.
 * NONE: not yet. */
static int64_t decided_at(const struct rc_contract *contract, int64_t queued, bool within,
                          int64_t at, int64_t passed_ms)
{
    int64_t threshold = queued + contract->sl_within_ms;
    return within ? at : threshold < passed_ms ? threshold : RC_TIME_NONE;
}

int64_t agg_visit_level_at(const struct agg_task *task, const struct agg_contact *contact,
                           int64_t passed_ms)
{
    const struct rc_contract *contract =
        rc_contract_at(agg_key_at(task, contact->key)->contracts, agg_judged_at(contact));
    int64_t at, wait;
    enum agg_outcome what = agg_visit_outcome(task, contact, &at, &wait);
    if (!known(contact->queued) || !contract->has_service_level)
        return RC_TIME_NONE;
    bool within = what && wait <= contract->sl_within_ms;
    int64_t decided = decided_at(contract, contact->queued, within, at, passed_ms);
    return known(decided) && contract->basis == RC_BASIS_ARRIVAL ? contact->queued : decided;
}

static void ask_again(struct agg_made *made, int64_t at_ms)
{
    if (made->again_at == RC_TIME_NONE || at_ms < made->again_at)
        made->again_at = at_ms;
}

static void derive_visit(const struct agg_task *task, const struct agg_contact *contact,
                         const struct rc_contract *contract, int64_t passed_ms,
                         struct agg_made *made)
{
    int64_t queued = contact->queued, at, wait;
    if (!known(queued))
        return;
    enum agg_outcome what = agg_visit_outcome(task, contact, &at, &wait);
    bool arrival = contract->basis == RC_BASIS_ARRIVAL;
    bool brief = contract->short_abandon_ms != RC_NULL && wait <= contract->short_abandon_ms;
    made->offered_at = queued;
    if (what) {
        made->outcome.at = arrival ? queued : at;
        made->outcome.what = (uint8_t)what;
        made->outcome.wait_ms = wait;
        made->outcome.brief = what == AGG_ABANDONED && brief;
        made->anomaly |= at < queued;
    }
    /* waiting until there is an outcome or the conversation is over, whichever is known */
    int64_t until = what ? at : INT64_MAX, handled = agg_handled_at(task, contact);
    if (known(handled) && handled < until)
        until = handled;
    if (until > queued)
        made->state[AGG_WAITING] = (struct agg_span){queued, until};
    if (!contract->has_service_level)
        return;
    int64_t threshold = queued + contract->sl_within_ms;
    if (threshold < passed_ms && until > threshold)
        made->state[AGG_OVER] = (struct agg_span){threshold, until};
    bool within = what && wait <= contract->sl_within_ms;
    int64_t decided = decided_at(contract, queued, within, at, passed_ms);
    if (!known(decided)) {
        ask_again(made, threshold);
        return;
    }
    enum judgement judgement = judge(contract, what, within, brief);
    if (judgement == OUT || !in_service_level(contract, queued))
        return;
    made->service_level.at = arrival ? queued : decided;
    made->service_level.met = judgement == MET;
}

/* The union of [held, the next resumed) within [answered, over). */
static int64_t hold_ms(const struct agg_task *task, const struct agg_contact *contact,
                       int64_t answered, int64_t over)
{
    const struct agg_point *list = agg_points(task, contact);
    int64_t sum = 0, from = RC_TIME_NONE;
    for (uint32_t i = 0; i <= contact->point_count; i++) {
        bool last = i == contact->point_count;
        if (!last && list[i].type == RC_TYPE_held) {
            if (!known(from))
                from = list[i].time_ms;
            /* a resumed of the same instant closes it at once: it sorts behind (held < resumed) */
        } else if (known(from) && (last || list[i].type == RC_TYPE_resumed)) {
            int64_t to = last ? over : list[i].time_ms;
            int64_t a = from > answered ? from : answered, b = to < over ? to : over;
            sum += positive(b - a);
            from = RC_TIME_NONE;
        }
    }
    return sum;
}

static void derive_handling(const struct agg_task *task, const struct agg_contact *contact,
                            const struct rc_contract *contract, int64_t passed_ms,
                            struct agg_made *made)
{
    int64_t answered = contact->answered, over = agg_handled_at(task, contact);
    int64_t wrapped = contact->wrapped;
    if (known(answered) && (!known(over) || over > answered))
        made->state[AGG_HANDLING] = (struct agg_span){answered, known(over) ? over : INT64_MAX};
    if (!known(over))
        return;
    if (contract->acw_expected) {
        int64_t until = over + contract->acw_cap_ms;
        if (known(wrapped) && wrapped < until)
            until = wrapped;
        if (until > over)
            made->state[AGG_WRAPPING] =
                (struct agg_span){over, until < passed_ms ? until : INT64_MAX};
        if (until > over && until >= passed_ms)
            ask_again(made, until);
    }
    if (!known(answered))
        return;
    made->handled.at = over;
    made->handled.hold_ms = hold_ms(task, contact, answered, over);
    made->handled.talk_ms = positive(over - answered) - made->handled.hold_ms;
    made->anomaly |= over < answered;
    if (known(wrapped)) {
        int64_t acw = positive(wrapped - over);
        made->anomaly |= wrapped < over;
        made->acw_capped = acw > contract->acw_cap_ms;
        made->handled.acw_ms = made->acw_capped ? contract->acw_cap_ms : acw;
    }
}

static void made_clear(struct agg_made *made)
{
    memset(made, 0, sizeof *made);
    made->offered_at = made->outcome.at = made->service_level.at = made->handled.at = RC_TIME_NONE;
    made->transferred_at = made->rated.at = made->reviewed.at = made->again_at = RC_TIME_NONE;
    for (uint32_t i = 0; i < AGG_VISIT_STATE_COUNT; i++)
        made->state[i].from = RC_TIME_NONE;
}

bool agg_is_satisfied(const struct rc_contract *contract, int32_t score)
{
    return contract->csat_satisfied_at != RC_NULL && score >= contract->csat_satisfied_at;
}

static void derive_rating(const struct rc_contract *contract, int64_t rated, int32_t score,
                          struct agg_made *made)
{
    if (!known(rated))
        return;
    made->rated.at = rated;
    made->rated.score = score;
    made->rated.satisfied = agg_is_satisfied(contract, score);
}

static void derive_review(int64_t reviewed, uint32_t defects, uint32_t opportunities, bool critical,
                          struct agg_made *made)
{
    if (!known(reviewed))
        return;
    made->reviewed.at = reviewed;
    made->reviewed.defects = defects;
    made->reviewed.opportunities = opportunities;
    made->reviewed.defective = critical || defects > 0;
}

void agg_visit_derive(const struct agg_task *task, const struct agg_contact *contact,
                      int64_t passed_ms, struct agg_made *ret_made)
{
    made_clear(ret_made);
    if (!contact->key || contact->flags & AGG_CANCELLED || contact->channel > RC_CHAT)
        return;
    const struct rc_contract *contract =
        rc_contract_at(agg_key_at(task, contact->key)->contracts, agg_judged_at(contact));
    ret_made->key = contact->key;
    derive_visit(task, contact, contract, passed_ms, ret_made);
    derive_handling(task, contact, contract, passed_ms, ret_made);
    const struct agg_rare *rare = agg_rare_of(task, contact);
    ret_made->transferred_at = rare->transferred;
    derive_rating(contract, rare->rated, rare->score, ret_made);
    derive_review(rare->reviewed, rare->defects, rare->opportunities, rare->critical, ret_made);
}

void agg_identity_derive(const struct agg_task *task, const struct agg_identity *identity,
                         uint8_t type, struct agg_made *ret_made)
{
    made_clear(ret_made);
    if (identity->cancelled)
        return;
    if (type == RC_TYPE_rated) {
        ret_made->key = identity->rated_key;
        const struct rc_contract *contract =
            rc_contract_at(agg_key_at(task, ret_made->key)->contracts, identity->judged_at);
        derive_rating(contract, identity->rated, identity->score, ret_made);
    } else {
        ret_made->key = identity->reviewed_key;
        derive_review(identity->reviewed, identity->defects, identity->opportunities,
                      identity->critical, ret_made);
    }
}
