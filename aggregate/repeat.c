/* Verdicts of first contact resolution, and the life of an episode (SPEC section 6). When an
 * episode changes, it and its neighbours are judged again, and the difference to what they had made
 * is applied. */
#include "neighbour.h"
#include "window.h"
#include <stdlib.h>

static const struct rc_contract *contract_of(const struct agg_task *task,
                                             const struct agg_episode *episode)
{
    return rc_contract_at(agg_key_at(task, episode->key)->contracts,
                          agg_episode_judged_at(task, episode));
}

/* ---- verdicts ---- */

static uint8_t judge(struct agg_task *task, uint32_t ref, int64_t *ret_due_at)
{
    const struct agg_episode *episode = agg_episode_at(task, ref);
    *ret_due_at = RC_TIME_NONE;
    if (!episode->eligible)
        return AGG_FCR_NONE;
    const struct rc_contract *contract = contract_of(task, episode);
    int64_t until = (int64_t)episode->end + contract->fcr_window_ms;
    if (episode->by_reopen) {
        if (episode->reopen_no)
            return AGG_FCR_NO;
    } else if (contract->fcr_model == RC_FCR_FLAG) {
        return !episode->has_flag ? AGG_FCR_UNKNOWN : episode->flag_yes ? AGG_FCR_YES : AGG_FCR_NO;
    } else {
        if (contract->fcr_model != RC_FCR_REPEAT || !agg_episode_is_linked(episode))
            return AGG_FCR_NONE;
        int64_t next = agg_next_start(task, ref, contract->fcr_scope);
        if (next != RC_TIME_NONE && next <= until)
            return AGG_FCR_NO;
    }
    if (until < task->passed)
        return AGG_FCR_YES;
    *ret_due_at = until;
    return AGG_FCR_PENDING;
}

/* Did its start make another one's verdict no? */
static bool is_repeat_of(struct agg_task *task, uint32_t ref, uint32_t other_ref)
{
    const struct agg_episode *episode = agg_episode_at(task, ref);
    const struct agg_episode *other = agg_episode_at(task, other_ref);
    if (other->verdict != AGG_FCR_NO)
        return false;
    const struct rc_contract *contract = contract_of(task, other);
    return contract->fcr_model == RC_FCR_REPEAT &&
           agg_episode_in_scope(other, episode, contract->fcr_scope) &&
           agg_next_start(task, other_ref, contract->fcr_scope) == (int64_t)episode->start;
}

static bool is_repeat_in(struct agg_task *task, uint32_t ref, struct agg_group group)
{
    uint32_t at;
    while ((at = agg_group_next(task, &group)))
        if (is_repeat_of(task, ref, at))
            return true;
    return false;
}

static bool is_repeat(struct agg_task *task, uint32_t ref)
{
    const struct agg_episode *episode = agg_episode_at(task, ref);
    if (episode->kept_repeat) /* of whose customer it was then */
        return episode->has_start;
    if (!agg_episode_is_linked(episode) || agg_episode_is_alone(task, ref))
        return false;
    if (is_repeat_in(task, ref, agg_group_of(task, ref, false)))
        return true;
    for (int same_place = 0; same_place <= task->queue_scope; same_place++) {
        struct agg_group group = agg_group_of(task, ref, same_place);
        if (agg_group_move(task, &group, true) && is_repeat_in(task, ref, group))
            return true;
    }
    return false;
}

/* ---- what an episode makes ---- */

struct made {
    int64_t verdict_at, repeat_at;
    uint32_t verdict_key, repeat_key;
    uint8_t verdict;
    bool repeat;
};

static struct made made_by(const struct agg_task *task, const struct agg_episode *episode)
{
    return (struct made){.verdict_at = (int64_t)episode->end,
                         .repeat_at = (int64_t)episode->start,
                         .verdict_key = episode->key,
                         .repeat_key = agg_episode_start_key(task, episode),
                         .verdict = episode->verdict,
                         .repeat = episode->repeat};
}

static void add(struct agg_task *task, uint32_t key, int64_t at_ms, uint8_t figure, int sign)
{
    struct agg_item item = {figure, sign};
    agg_window_add(task, key, at_ms, &item, 1);
}

/* true: it differs. */
static bool change_verdict(struct agg_task *task, const struct made *before,
                           const struct made *after)
{
    static const uint8_t figure[] = {
        [AGG_FCR_YES] = RC_FIG_fcr_yes,
        [AGG_FCR_NO] = RC_FIG_fcr_no,
        [AGG_FCR_PENDING] = RC_FIG_fcr_pending,
        [AGG_FCR_UNKNOWN] = RC_FIG_fcr_unknown,
    };
    if (before->verdict == after->verdict && before->verdict_key == after->verdict_key &&
        before->verdict_at == after->verdict_at)
        return false;
    if (before->verdict)
        add(task, before->verdict_key, before->verdict_at, figure[before->verdict], -1);
    if (after->verdict)
        add(task, after->verdict_key, after->verdict_at, figure[after->verdict], +1);
    return true;
}

enum agg_verdict agg_contact_verdict(struct agg_task *task, const struct agg_contact *contact,
                                     int64_t *ret_at)
{
    if (!contact->episode)
        return AGG_FCR_NONE;
    const struct agg_episode *episode = agg_episode_at(task, contact->episode);
    if (!episode->verdict)
        return AGG_FCR_NONE;
    uint32_t credited = agg_episode_credited(task, contact->episode);
    if (!credited || agg_contact_at(task, credited) != contact)
        return AGG_FCR_NONE;
    *ret_at = (int64_t)episode->end;
    return (enum agg_verdict)episode->verdict;
}

static void change_repeat(struct agg_task *task, const struct made *before,
                          const struct made *after)
{
    if (before->repeat == after->repeat && before->repeat_key == after->repeat_key &&
        before->repeat_at == after->repeat_at)
        return;
    if (before->repeat)
        add(task, before->repeat_key, before->repeat_at, RC_FIG_repeats, -1);
    if (after->repeat)
        add(task, after->repeat_key, after->repeat_at, RC_FIG_repeats, +1);
}

/* One entry in the due queue counts, the one that it names: it asks again when that has come. */
static void ask(struct agg_task *task, uint32_t ref, int64_t at_ms, enum agg_due_kind kind)
{
    struct agg_episode *episode = agg_episode_at(task, ref);
    if (episode->asked && (int64_t)episode->asked <= at_ms)
        return;
    episode->asked = (uint64_t)at_ms;
    agg_due_add(&task->due, at_ms, AGG_DECISION, kind, ref, 0);
}

static void judge_again(struct agg_task *task, uint32_t ref, const struct made *before)
{
    struct agg_episode *episode = agg_episode_at(task, ref);
    int64_t due_at;
    episode->verdict = judge(task, ref, &due_at);
    struct made after = made_by(task, episode);
    if (change_verdict(task, before, &after))
        agg_episode_credit_touch(task, ref);
    if (due_at != RC_TIME_NONE)
        ask(task, ref, due_at, AGG_DUE_VERDICT);
}

static void repeat_again(struct agg_task *task, uint32_t ref, const struct made *before)
{
    struct agg_episode *episode = agg_episode_at(task, ref);
    episode->repeat = is_repeat(task, ref);
    struct made after = made_by(task, episode);
    change_repeat(task, before, &after);
}

/* `first`: what the first of the set had made. */
static void judge_set(struct agg_task *task, const struct made *first)
{
    const struct agg_list *set = &task->episode_set;
    for (uint32_t i = 0; i < set->count; i++) {
        struct made before = made_by(task, agg_episode_at(task, set->ref[i]));
        judge_again(task, set->ref[i], i ? &before : first);
    }
    for (uint32_t i = 0; i < set->count; i++) {
        struct made before = made_by(task, agg_episode_at(task, set->ref[i]));
        repeat_again(task, set->ref[i], i ? &before : first);
    }
}

/* ---- the end ---- */

static int64_t ends_at(const struct agg_task *task, const struct agg_episode *episode)
{
    int64_t longest = 0;
    for (uint32_t i = 0; i < RC_CHANNEL_COUNT; i++)
        if (episode->channels >> i & 1 && task->config->time.retention_ms[i] > longest)
            longest = task->config->time.retention_ms[i];
    return (int64_t)episode->end + contract_of(task, episode)->fcr_window_ms + longest;
}

/* Those whose verdict it made stay repeats. */
static void keep_repeats(struct agg_task *task, uint32_t ref)
{
    for (int pass = 0; pass <= 1 + task->queue_scope; pass++) {
        struct agg_group group = agg_group_of(task, ref, pass == 2);
        uint32_t at;
        if (pass && !agg_group_move(task, &group, false))
            continue;
        while ((at = agg_group_next(task, &group)))
            if (is_repeat_of(task, at, ref))
                agg_episode_at(task, at)->kept_repeat = true;
    }
}

static void episode_drop(struct agg_task *task, uint32_t ref)
{
    struct agg_episode *episode = agg_episode_at(task, ref);
    bool linked = agg_episode_is_linked(episode), missed = false;
    if (linked && !agg_episode_is_alone(task, ref)) {
        keep_repeats(task, ref);
        missed = agg_next_is_missed(task, ref);
    }
    if (linked)
        agg_customer_unlink(task, ref);
    agg_episode_empty(task, ref);
    if (missed) {
        episode->form = AGG_FORM_GHOST;
        episode->age = agg_age_of_ghost(task);
        agg_customer_link(task, ref);
    }
    if (linked)
        agg_customer_trim(task, episode->customer);
    if (!missed)
        agg_pool_put(&task->episode, ref);
}

/* What is left are summaries of forgotten contacts alone: is their time over? */
static void schedule_end(struct agg_task *task, uint32_t ref)
{
    const struct agg_episode *episode = agg_episode_at(task, ref);
    if (agg_episode_has_contacts(task, episode))
        return;
    int64_t at = ends_at(task, episode);
    if (at < task->passed)
        episode_drop(task, ref);
    else
        ask(task, ref, at, AGG_DUE_EPISODE);
}

/* ---- changes ---- */

/* Its customer, its start or its place have changed. */
static void episode_move(struct agg_task *task, uint32_t ref, const struct agg_view *view)
{
    struct agg_episode *episode = agg_episode_at(task, ref);
    bool linked = agg_episode_is_linked(episode);
    bool joins = !linked || episode->customer != view->customer;
    bool starts = joins || (int64_t)episode->start != view->start;
    bool anew = joins || view->start < (int64_t)episode->start;
    if (linked)
        agg_customer_unlink(task, ref);
    agg_episode_set(task, ref, view);
    if (!agg_episode_is_linked(episode))
        return;
    uint32_t root = starts ? agg_customer_find(task, view->customer) : 0;
    if (anew) /* alone, it has nobody to meet */
        episode->age = root ? agg_age_of_episode(task) : task->age;
    if (joins)
        episode->overtaken = false;
    if (agg_customer_after(task, root, view->start, 0, 0))
        episode->overtaken = true;
    agg_customer_link(task, ref);
}

static bool is_moved(const struct agg_episode *episode, const struct agg_view *view)
{
    return (int64_t)episode->start != view->start || episode->key != view->key ||
           episode->customer != view->customer || episode->has_start != view->has_start ||
           episode->has_customer != view->has_customer;
}

/* The contacts of an episode, or their facts, have changed. */
static void episode_refresh(struct agg_task *task, uint32_t ref)
{
    struct agg_episode *episode = agg_episode_at(task, ref);
    struct agg_view view;
    agg_episode_view(task, ref, &view);
    if (task->contacts)
        agg_episode_credit_follow(task, ref);
    if (!agg_episode_differs(task, ref, &view))
        return;
    struct made before = made_by(task, episode);
    uint64_t customer = episode->customer;
    bool linked = agg_episode_is_linked(episode), moves = is_moved(episode, &view);
    task->episode_set.count = 0;
    agg_list_add(&task->episode_set, ref);
    agg_group_collect(task, ref);
    if (moves)
        episode_move(task, ref, &view);
    else
        agg_episode_set(task, ref, &view);
    agg_group_collect(task, ref);
    judge_set(task, &before);
    if (!view.any) {
        agg_episode_empty(task, ref);
        agg_pool_put(&task->episode, ref);
    }
    if (linked && moves)
        agg_customer_trim(task, customer);
}

void agg_episode_update(struct agg_task *task, uint32_t contact_ref)
{
    struct agg_contact *contact = agg_contact_at(task, contact_ref);
    bool member = contact->key && !(contact->flags & AGG_CANCELLED);
    if (contact->episode) {
        if (!member || !agg_episode_fits(task, contact)) {
            agg_list_add(&task->unsettled, contact->episode);
            agg_episode_leave(task, contact_ref);
        } else {
            agg_episode_touch(task, contact_ref);
        }
    }
    if (member && !contact->episode)
        agg_episode_join(task, contact_ref);
    if (contact->episode)
        agg_list_add(&task->unsettled, contact->episode);
}

void agg_episodes_settle(struct agg_task *task)
{
    const struct agg_list *list = &task->unsettled;
    for (uint32_t i = 0; i < list->count; i++)
        if (agg_episode_is_live(agg_episode_at(task, list->ref[i])))
            episode_refresh(task, list->ref[i]);
    for (uint32_t i = 0; i < list->count; i++) /* all were judged before */
        if (agg_episode_is_live(agg_episode_at(task, list->ref[i])))
            schedule_end(task, list->ref[i]);
    task->unsettled.count = 0;
}

void agg_episode_forget(struct agg_task *task, uint32_t contact_ref)
{
    uint32_t ref = agg_contact_at(task, contact_ref)->episode;
    if (!ref)
        return;
    agg_episode_fold(task, contact_ref);
    if (agg_episode_at(task, ref)->form == AGG_FORM_LEGS)
        episode_refresh(task, ref);
    schedule_end(task, ref);
}

void agg_episode_due(struct agg_task *task, uint32_t ref, int64_t at_ms)
{
    struct agg_episode *episode = agg_episode_at(task, ref);
    if (!agg_episode_is_live(episode) || (int64_t)episode->asked != at_ms)
        return;
    struct made before = made_by(task, episode);
    episode->asked = 0;
    if (episode->verdict == AGG_FCR_PENDING)
        judge_again(task, ref, &before);
    schedule_end(task, ref);
}

/* ---- another configuration ---- */

void agg_episodes_withdraw(struct agg_task *task)
{
    for (uint32_t ref = 1; ref < task->episode.next; ref++) {
        struct agg_episode *episode = agg_episode_at(task, ref);
        if (!agg_episode_is_live(episode))
            continue;
        struct made before = made_by(task, episode);
        episode->verdict = AGG_FCR_NONE;
        episode->repeat = false;
        episode->asked = 0;
        struct made after = made_by(task, episode);
        change_verdict(task, &before, &after);
        change_repeat(task, &before, &after);
    }
}

/* Which customer is none, and whose model is `reopen`, may have changed; neighbours are judged when
 * all of them stand where they belong. */
static void episode_renew(struct agg_task *task, uint32_t ref)
{
    struct agg_episode *episode = agg_episode_at(task, ref);
    struct agg_view view;
    if (!agg_episode_renew(task, ref))
        return;
    agg_episode_view(task, ref, &view);
    if (task->contacts)
        agg_episode_credit_follow(task, ref);
    if (!agg_episode_differs(task, ref, &view))
        return;
    uint64_t customer = episode->customer;
    bool linked = agg_episode_is_linked(episode), moves = is_moved(episode, &view);
    if (moves)
        episode_move(task, ref, &view);
    else
        agg_episode_set(task, ref, &view);
    if (linked && moves)
        agg_customer_trim(task, customer);
}

static void episode_judge(struct agg_task *task, uint32_t ref)
{
    struct made before = made_by(task, agg_episode_at(task, ref));
    judge_again(task, ref, &before);
}

static void episode_repeat(struct agg_task *task, uint32_t ref)
{
    struct made before = made_by(task, agg_episode_at(task, ref));
    repeat_again(task, ref, &before);
}

struct ending {
    int64_t at;
    uint64_t hash;
    uint32_t ref;
};

static int ending_compare(const void *left, const void *right)
{
    const struct ending *a = left, *b = right;
    if (a->at != b->at)
        return a->at < b->at ? -1 : 1;
    return a->hash < b->hash ? -1 : a->hash > b->hash;
}

/* Those whose time is over by now go in the order of their ends. */
static void episodes_end(struct agg_task *task)
{
    uint64_t room = (task->episode.live + 1) * sizeof(struct ending);
    struct ending *list = agg_map(room);
    uint32_t count = 0;
    for (uint32_t ref = 1; ref < task->episode.next; ref++) {
        const struct agg_episode *episode = agg_episode_at(task, ref);
        if (agg_episode_is_live(episode) && !agg_episode_has_contacts(task, episode))
            list[count++] = (struct ending){ends_at(task, episode), episode->hash, ref};
    }
    qsort(list, count, sizeof *list, ending_compare);
    for (uint32_t i = 0; i < count; i++)
        schedule_end(task, list[i].ref);
    agg_unmap(list, room);
}

void agg_episodes_restore(struct agg_task *task)
{
    static void (*const step[])(struct agg_task *, uint32_t) = {episode_renew, episode_judge,
                                                                episode_repeat};
    for (uint32_t i = 0; i < sizeof step / sizeof *step; i++)
        for (uint32_t ref = 1; ref < task->episode.next; ref++)
            if (agg_episode_is_live(agg_episode_at(task, ref)))
                step[i](task, ref);
    episodes_end(task);
}
