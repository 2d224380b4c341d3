/* Episodes and first contact resolution (SPEC section 6). An episode is all contacts of one
 * conversation; episodes of a customer stand in a list by their start. When an episode changes, it
 * and its neighbours are judged again, and the difference to what they had made is applied.
 *
 * Episodes are found by a 64-bit keyed hash of client and conversation; at ten million episodes two
 * of them share one with a probability below 3 in a million. */
#include "task.h"
#include <string.h>

enum { EPISODE_CONTACTS_MAX = 1024 };

/* ---- what a contact brings ---- */

static int id_compare(const struct agg_task *task, struct agg_id a, struct agg_id b) {
    const char *a_text = agg_text_at(&task->texts, a.text, a.size);
    const char *b_text = agg_text_at(&task->texts, b.text, b.size);
    int order = memcmp(a_text, b_text, a.size < b.size ? a.size : b.size);
    return order ? order : (int)a.size - (int)b.size;
}

static void part_flag(const struct agg_task *task, const struct agg_contact *contact,
                      struct agg_part *part) {
    const struct agg_point *list = agg_points(task, contact);
    for (uint32_t i = 0; i < contact->point_count; i++) {
        if (list[i].type != RC_TYPE_resolved)
            continue;
        part->flag = list[i].value && !(part->has_flag && part->flag_at == list[i].time_ms &&
                                        !part->flag);
        part->has_flag = true;
        part->flag_at = list[i].time_ms;
    }
}

static void part_end(const struct agg_task *task, const struct agg_contact *contact,
                     struct agg_part *part) {
    int64_t at = RC_TIME_NONE, wait;
    if (contact->channel > RC_CHAT)
        return;
    if (contact->answered != RC_TIME_NONE)
        at = agg_handled_at(task, contact);
    else
        agg_visit_outcome(task, contact, &at, &wait);
    part->ended = at != RC_TIME_NONE;
    part->end = at;
}

static void part_of(const struct agg_task *task, const struct agg_contact *contact,
                    struct agg_part *ret_part) {
    struct agg_part *part = ret_part;
    struct agg_id id = {contact->id, contact->id_size};
    memset(part, 0, sizeof *part);
    part->any = true;
    part->start = contact->queued != RC_TIME_NONE ? contact->queued : contact->answered;
    part->start_key = contact->key;
    part->start_id = id;
    part->start_judged_at = agg_judged_at(contact);
    part_end(task, contact, part);
    part_flag(task, contact, part);
    if (contact->channel <= RC_CHAT && contact->answered != RC_TIME_NONE) {
        part->answered_count = 1;
        part->answered_at = contact->answered;
        part->answered_key = contact->key;
        part->answered_id = id;
        part->judged_at = agg_judged_at(contact);
    }
    if (contact->flags & AGG_HAS_CUSTOMER &&
        !agg_client_ignores(agg_client_at(task, contact->client), &contact->customer)) {
        part->has_customer = true;
        part->customer = contact->customer;
        part->customer_start = part->start != RC_TIME_NONE ? part->start : INT64_MAX;
        part->customer_id = id;
    }
}

static bool comes_first(const struct agg_task *task, int64_t a_ms, struct agg_id a, int64_t b_ms,
                        struct agg_id b) {
    return a_ms != b_ms ? a_ms < b_ms : id_compare(task, a, b) < 0;
}

/* Adds `more` to `part`. */
static void part_merge(const struct agg_task *task, struct agg_part *part,
                       const struct agg_part *more) {
    if (!part->any) {
        *part = *more;
        return;
    }
    /* a contact without a start comes after all that have one */
    bool earlier = more->start != RC_TIME_NONE &&
                   (part->start == RC_TIME_NONE ||
                    comes_first(task, more->start, more->start_id, part->start, part->start_id));
    if (earlier) {
        part->start = more->start;
        part->start_key = more->start_key;
        part->start_id = more->start_id;
        part->start_judged_at = more->start_judged_at;
    }
    part->end = part->end > more->end ? part->end : more->end;
    part->ended &= more->ended;
    part->forgotten_open |= more->forgotten_open;
    if (more->has_flag && (!part->has_flag || more->flag_at > part->flag_at)) {
        part->flag = more->flag;
        part->flag_at = more->flag_at;
    } else if (more->has_flag && more->flag_at == part->flag_at) {
        part->flag &= more->flag;
    }
    part->has_flag |= more->has_flag;
    if (more->answered_count &&
        (!part->answered_count || comes_first(task, more->answered_at, more->answered_id,
                                              part->answered_at, part->answered_id))) {
        part->answered_at = more->answered_at;
        part->answered_key = more->answered_key;
        part->answered_id = more->answered_id;
        part->judged_at = more->judged_at;
    }
    part->answered_count += more->answered_count;
    if (more->has_customer &&
        (!part->has_customer || comes_first(task, more->customer_start, more->customer_id,
                                            part->customer_start, part->customer_id))) {
        part->has_customer = true;
        part->customer = more->customer;
        part->customer_start = more->customer_start;
        part->customer_id = more->customer_id;
    }
}

/* ---- the customer's list ---- */

static uint32_t customer_tag(uint32_t client, const struct rc_id128 *id) {
    return (uint32_t)(id->high ^ id->low >> 32) ^ client * 0x9e3779b9u;
}

static uint32_t customer_find(struct agg_task *task, uint32_t client, const struct rc_id128 *id) {
    uint32_t tag = customer_tag(client, id), at = tag, ref;
    while ((ref = agg_index_next(&task->customer_index, tag, &at))) {
        const struct agg_customer *customer = agg_customer_at(task, ref);
        if (customer->client == client && customer->id.high == id->high &&
            customer->id.low == id->low)
            return ref;
    }
    return 0;
}

bool agg_customer_room(struct agg_task *task, uint32_t client, const struct rc_id128 *customer) {
    return agg_client_at(task, client)->customer_count < task->config->limits.customers ||
           customer_find(task, client, customer);
}

static void episode_link(struct agg_task *task, uint32_t ref) {
    struct agg_episode *episode = agg_episode_at(task, ref);
    const struct agg_part *part = &episode->part;
    if (!part->has_customer || part->start == RC_TIME_NONE)
        return;
    uint32_t customer_ref = customer_find(task, episode->client, &part->customer);
    if (!customer_ref) {
        customer_ref = agg_pool_get(&task->customer);
        agg_customer_at(task, customer_ref)->client = episode->client;
        agg_customer_at(task, customer_ref)->id = part->customer;
        agg_index_add(&task->customer_index, customer_tag(episode->client, &part->customer),
                      customer_ref);
        agg_client_at(task, episode->client)->customer_count++;
    }
    struct agg_customer *customer = agg_customer_at(task, customer_ref);
    uint32_t after = customer->last;
    while (after && agg_episode_at(task, after)->part.start > part->start)
        after = agg_episode_at(task, after)->previous;
    episode->customer = customer_ref;
    episode->previous = after;
    episode->next = after ? agg_episode_at(task, after)->next : customer->first;
    if (after)
        agg_episode_at(task, after)->next = ref;
    else
        customer->first = ref;
    if (episode->next)
        agg_episode_at(task, episode->next)->previous = ref;
    else
        customer->last = ref;
}

static void episode_unlink(struct agg_task *task, uint32_t ref) {
    struct agg_episode *episode = agg_episode_at(task, ref);
    if (!episode->customer)
        return;
    struct agg_customer *customer = agg_customer_at(task, episode->customer);
    if (episode->previous)
        agg_episode_at(task, episode->previous)->next = episode->next;
    else
        customer->first = episode->next;
    if (episode->next)
        agg_episode_at(task, episode->next)->previous = episode->previous;
    else
        customer->last = episode->previous;
    if (!customer->first) {
        agg_index_remove(&task->customer_index, customer_tag(customer->client, &customer->id),
                         episode->customer);
        agg_client_at(task, customer->client)->customer_count--;
        agg_pool_put(&task->customer, episode->customer);
    }
    episode->customer = episode->next = episode->previous = 0;
}

/* ---- verdicts ---- */

/* Where it counts for `scope: queue`: where it is credited, else where it began. */
static uint32_t place_of(const struct agg_episode *episode) {
    return episode->part.answered_count ? episode->part.answered_key : episode->part.start_key;
}

static const struct rc_contract *contract_of(const struct agg_task *task,
                                             const struct agg_episode *episode) {
    const struct agg_part *part = &episode->part;
    return rc_contract_at(agg_key_at(task, place_of(episode))->contracts,
                          part->answered_count ? part->judged_at : part->start_judged_at);
}

static bool in_scope(const struct agg_episode *a, const struct agg_episode *b, uint8_t scope) {
    return scope == RC_FCR_CLIENT || place_of(a) == place_of(b);
}

/* The smallest start >= its own among the customer's other episodes; NONE. */
static int64_t next_start(const struct agg_task *task, const struct agg_episode *episode,
                          uint8_t scope) {
    int64_t start = episode->part.start;
    for (uint32_t at = episode->previous; at; at = agg_episode_at(task, at)->previous) {
        const struct agg_episode *other = agg_episode_at(task, at);
        if (other->part.start != start)
            break;
        if (in_scope(episode, other, scope))
            return start;
    }
    int64_t kept = episode->kept_next >= start ? episode->kept_next : RC_TIME_NONE;
    for (uint32_t at = episode->next; at; at = agg_episode_at(task, at)->next)
        if (in_scope(episode, agg_episode_at(task, at), scope)) {
            int64_t next = agg_episode_at(task, at)->part.start;
            return kept != RC_TIME_NONE && kept < next ? kept : next;
        }
    return kept;
}

static uint8_t judge(const struct agg_task *task, const struct agg_episode *episode,
                     int64_t *ret_due_at) {
    const struct agg_part *part = &episode->part;
    *ret_due_at = RC_TIME_NONE;
    if (!part->answered_count || !part->ended || part->forgotten_open)
        return AGG_FCR_NONE;
    const struct rc_contract *contract = contract_of(task, episode);
    if (contract->fcr_model == RC_FCR_FLAG) {
        if (!part->has_flag)
            return AGG_FCR_UNKNOWN;
        return part->flag && part->answered_count == 1 ? AGG_FCR_YES : AGG_FCR_NO;
    }
    if (!episode->customer)
        return AGG_FCR_NONE;
    int64_t until = part->end + contract->fcr_window_ms;
    int64_t next = next_start(task, episode, contract->fcr_scope);
    if (next != RC_TIME_NONE && next <= until)
        return AGG_FCR_NO;
    if (until < task->passed)
        return AGG_FCR_YES;
    *ret_due_at = until;
    return AGG_FCR_PENDING;
}

/* Did its start make another one's verdict no? */
static bool is_repeat_of(const struct agg_task *task, const struct agg_episode *episode,
                         const struct agg_episode *other) {
    if (other->verdict != AGG_FCR_NO)
        return false;
    const struct rc_contract *contract = contract_of(task, other);
    return contract->fcr_model == RC_FCR_REPEAT && in_scope(other, episode, contract->fcr_scope) &&
           next_start(task, other, contract->fcr_scope) == episode->part.start;
}

static bool is_repeat(const struct agg_task *task, const struct agg_episode *episode) {
    int64_t start = episode->part.start, before = RC_TIME_NONE;
    if (!episode->customer)
        return false;
    if (episode->kept_repeat == start)
        return true;
    for (uint32_t at = episode->next; at; at = agg_episode_at(task, at)->next) {
        const struct agg_episode *other = agg_episode_at(task, at);
        if (other->part.start != start)
            break;
        if (is_repeat_of(task, episode, other))
            return true;
    }
    for (uint32_t at = episode->previous; at; at = agg_episode_at(task, at)->previous) {
        const struct agg_episode *other = agg_episode_at(task, at);
        if (other->part.start < start && before == RC_TIME_NONE)
            before = other->part.start;
        if (other->part.start < start && other->part.start != before && !task->queue_scope)
            break;
        if (is_repeat_of(task, episode, other))
            return true;
    }
    return false;
}

static void verdict_add(struct agg_task *task, const struct agg_episode *episode, int sign) {
    static const uint8_t figure[] = {
        [AGG_FCR_YES] = RC_FIG_fcr_yes,
        [AGG_FCR_NO] = RC_FIG_fcr_no,
        [AGG_FCR_PENDING] = RC_FIG_fcr_pending,
        [AGG_FCR_UNKNOWN] = RC_FIG_fcr_unknown,
    };
    if (episode->verdict == AGG_FCR_NONE)
        return;
    struct agg_item item = {figure[episode->verdict], sign};
    agg_window_add(task, episode->verdict_key, episode->verdict_at, &item, 1);
}

/* The credited contact's record says what the verdict is; that of the one before, no more. */
static void contacts_touch(struct agg_task *task, const struct agg_episode *episode) {
    if (!task->contacts)
        return;
    for (uint32_t at = episode->contacts; at; at = agg_contact_at(task, at)->episode_next)
        agg_contact_touch(task, at);
}

enum agg_verdict agg_contact_verdict(struct agg_task *task, const struct agg_contact *contact,
                                     int64_t *ret_at) {
    if (!contact->episode)
        return AGG_FCR_NONE;
    const struct agg_episode *episode = agg_episode_at(task, contact->episode);
    if (!episode->verdict || episode->part.answered_id.text != contact->id ||
        episode->part.answered_id.size != contact->id_size)
        return AGG_FCR_NONE;
    *ret_at = episode->verdict_at;
    return (enum agg_verdict)episode->verdict;
}

static void judge_again(struct agg_task *task, uint32_t ref) {
    struct agg_episode *episode = agg_episode_at(task, ref);
    int64_t due_at;
    uint8_t verdict = judge(task, episode, &due_at);
    uint32_t key = verdict ? episode->part.answered_key : 0;
    int64_t at = verdict ? episode->part.end : 0;
    if (verdict != episode->verdict || key != episode->verdict_key || at != episode->verdict_at) {
        verdict_add(task, episode, -1);
        episode->verdict = verdict;
        episode->verdict_key = key;
        episode->verdict_at = at;
        verdict_add(task, episode, +1);
        contacts_touch(task, episode);
    }
    if (due_at != RC_TIME_NONE && due_at != episode->due_at) {
        episode->due_at = due_at;
        agg_due_add(&task->due, due_at, AGG_DECISION, AGG_DUE_VERDICT, ref, 0);
    }
}

static void repeat_set(struct agg_task *task, struct agg_episode *episode, bool repeat) {
    uint32_t key = repeat ? episode->part.start_key : 0;
    int64_t at = repeat ? episode->part.start : 0;
    if (repeat == episode->repeat && key == episode->repeat_key && at == episode->repeat_at)
        return;
    struct agg_item item = {RC_FIG_repeats, -1};
    if (episode->repeat)
        agg_window_add(task, episode->repeat_key, episode->repeat_at, &item, 1);
    episode->repeat = repeat;
    episode->repeat_key = key;
    episode->repeat_at = at;
    item.value = 1;
    if (repeat)
        agg_window_add(task, key, at, &item, 1);
}

/* ---- neighbours ---- */

/* One direction: the group of equal start, the next group, and for `scope: queue` as far as the
 * next group of the same place. */
static void collect(struct agg_task *task, const struct agg_episode *episode, bool back) {
    int64_t group = episode->part.start;
    uint32_t groups = 0;
    bool placed = false;
    for (uint32_t at = back ? episode->previous : episode->next; at;
         at = back ? agg_episode_at(task, at)->previous : agg_episode_at(task, at)->next) {
        const struct agg_episode *other = agg_episode_at(task, at);
        if (other->part.start != group) {
            if (groups > 0 && (placed || !task->queue_scope))
                break;
            group = other->part.start;
            groups++;
        }
        if (groups > 0)
            placed |= place_of(other) == place_of(episode);
        agg_list_add(&task->episode_set, at);
    }
}

static void collect_around(struct agg_task *task, uint32_t ref) {
    const struct agg_episode *episode = agg_episode_at(task, ref);
    if (!episode->customer)
        return;
    collect(task, episode, true);
    collect(task, episode, false);
}

static void judge_set(struct agg_task *task) {
    for (uint32_t i = 0; i < task->episode_set.count; i++)
        judge_again(task, task->episode_set.ref[i]);
    for (uint32_t i = 0; i < task->episode_set.count; i++) {
        struct agg_episode *episode = agg_episode_at(task, task->episode_set.ref[i]);
        repeat_set(task, episode, is_repeat(task, episode));
    }
}

/* ---- life of an episode ---- */

static uint32_t episode_find(struct agg_task *task, uint32_t client, uint64_t hash) {
    uint32_t tag = (uint32_t)(hash >> 32), at = tag, ref;
    while ((ref = agg_index_next(&task->episode_index, tag, &at)))
        if (agg_episode_at(task, ref)->hash == hash && agg_episode_at(task, ref)->client == client)
            return ref;
    return 0;
}

static uint32_t episode_new(struct agg_task *task, uint32_t client, uint64_t hash) {
    uint32_t ref = agg_pool_get(&task->episode);
    struct agg_episode *episode = agg_episode_at(task, ref);
    episode->client = client;
    episode->hash = hash;
    episode->live = true;
    episode->due_at = episode->kept_next = episode->kept_repeat = RC_TIME_NONE;
    episode->last = episode->folded_last = RC_TIME_NONE;
    agg_index_add(&task->episode_index, (uint32_t)(hash >> 32), ref);
    return ref;
}

static void folded_drop(struct agg_task *task, struct agg_part *folded) {
    agg_text_drop(&task->texts, folded->answered_id.text, folded->answered_id.size);
    agg_text_drop(&task->texts, folded->start_id.text, folded->start_id.size);
    agg_text_drop(&task->texts, folded->customer_id.text, folded->customer_id.size);
}

static void episode_free(struct agg_task *task, uint32_t ref) {
    struct agg_episode *episode = agg_episode_at(task, ref);
    episode_unlink(task, ref);
    agg_index_remove(&task->episode_index, (uint32_t)(episode->hash >> 32), ref);
    if (episode->has_folded)
        folded_drop(task, &episode->folded);
    episode->live = false;
    agg_pool_put(&task->episode, ref);
}

static void episode_gather(const struct agg_task *task, struct agg_episode *episode,
                           struct agg_part *ret_part) {
    memset(ret_part, 0, sizeof *ret_part);
    if (episode->has_folded)
        *ret_part = episode->folded;
    episode->last = episode->folded_last;
    episode->retention_ms = episode->folded_retention_ms;
    for (uint32_t at = episode->contacts; at; at = agg_contact_at(task, at)->episode_next) {
        const struct agg_contact *contact = agg_contact_at(task, at);
        struct agg_part part;
        part_of(task, contact, &part);
        part_merge(task, ret_part, &part);
        int64_t retention = agg_retention(task, contact);
        episode->last = episode->last > contact->last ? episode->last : contact->last;
        episode->retention_ms =
            episode->retention_ms > retention ? episode->retention_ms : retention;
    }
}

/* The contacts of an episode, or their facts, have changed. */
static void episode_refresh(struct agg_task *task, uint32_t ref) {
    struct agg_episode *episode = agg_episode_at(task, ref);
    struct agg_part part;
    episode_gather(task, episode, &part);
    if (!memcmp(&part, &episode->part, sizeof part))
        return;
    bool moves = part.start != episode->part.start ||
                 part.has_customer != episode->part.has_customer ||
                 part.customer.high != episode->part.customer.high ||
                 part.customer.low != episode->part.customer.low;
    task->episode_set.count = 0;
    agg_list_add(&task->episode_set, ref);
    collect_around(task, ref);
    if (moves)
        episode_unlink(task, ref);
    episode->part = part;
    contacts_touch(task, episode);
    if (moves && part.any)
        episode_link(task, ref);
    collect_around(task, ref);
    judge_set(task);
    if (!part.any)
        episode_free(task, ref);
}

static void contact_leave(struct agg_task *task, uint32_t contact_ref) {
    struct agg_contact *contact = agg_contact_at(task, contact_ref);
    struct agg_episode *episode = agg_episode_at(task, contact->episode);
    uint32_t *at = &episode->contacts;
    while (*at != contact_ref)
        at = &agg_contact_at(task, *at)->episode_next;
    *at = contact->episode_next;
    episode->contact_count--;
    contact->episode = contact->episode_next = 0;
}

static void contact_join(struct agg_task *task, uint32_t contact_ref, uint64_t hash) {
    struct agg_contact *contact = agg_contact_at(task, contact_ref);
    uint32_t ref = episode_find(task, contact->client, hash);
    if (ref && agg_episode_at(task, ref)->contact_count >= EPISODE_CONTACTS_MAX) {
        rc_count(&task->stats->episode_overflow, 1);
        hash = ~contact->hash;
        ref = episode_find(task, contact->client, hash);
    }
    if (!ref)
        ref = episode_new(task, contact->client, hash);
    struct agg_episode *episode = agg_episode_at(task, ref);
    contact->episode = ref;
    contact->episode_next = episode->contacts;
    episode->contacts = contact_ref;
    episode->contact_count++;
}

/* ---- forgetting ---- */

static void id_keep(struct agg_task *task, struct agg_id *id, struct agg_id old) {
    if (id->text == old.text && id->size == old.size)
        return;
    agg_text_drop(&task->texts, old.text, old.size);
    if (!id->size)
        return;
    char text[RC_ID_MAX];
    memcpy(text, agg_text_at(&task->texts, id->text, id->size), id->size);
    id->text = agg_text_put(&task->texts, text, id->size);
}

/* Its start stays known to those that began before it, or with it. */
static void start_keep(struct agg_task *task, const struct agg_episode *episode, uint32_t ref) {
    struct agg_episode *other = agg_episode_at(task, ref);
    int64_t start = episode->part.start;
    if (in_scope(other, episode, contract_of(task, other)->fcr_scope) &&
        (other->kept_next < other->part.start || start < other->kept_next))
        other->kept_next = start;
    if (is_repeat_of(task, other, episode))
        other->kept_repeat = other->part.start;
}

/* Its summary is gone, but its neighbours keep what it meant to them. */
static void episode_expire(struct agg_task *task, uint32_t ref) {
    const struct agg_episode *episode = agg_episode_at(task, ref);
    int64_t start = episode->part.start;
    for (uint32_t at = episode->previous; at; at = agg_episode_at(task, at)->previous)
        start_keep(task, episode, at);
    for (uint32_t at = episode->next; at; at = agg_episode_at(task, at)->next) {
        struct agg_episode *other = agg_episode_at(task, at);
        if (other->part.start == start)
            start_keep(task, episode, at);
        else if (is_repeat_of(task, other, episode))
            other->kept_repeat = other->part.start;
        else if (!task->queue_scope)
            break;
    }
    episode_free(task, ref);
}

static void episode_schedule_end(struct agg_task *task, uint32_t ref) {
    struct agg_episode *episode = agg_episode_at(task, ref);
    int64_t end = episode->part.ended ? episode->part.end : episode->last;
    episode->ends_at = end + contract_of(task, episode)->fcr_window_ms + episode->retention_ms;
    if (episode->ends_at < task->passed) {
        episode_expire(task, ref);
        return;
    }
    agg_due_add(&task->due, episode->ends_at, AGG_DECISION, AGG_DUE_EPISODE, ref, 0);
}

/* The contact is forgotten; what it brought stays with the episode's summary. */
void agg_episode_forget(struct agg_task *task, uint32_t contact_ref) {
    struct agg_contact *contact = agg_contact_at(task, contact_ref);
    uint32_t ref = contact->episode;
    if (!ref)
        return;
    struct agg_episode *episode = agg_episode_at(task, ref);
    struct agg_part part, old = episode->folded;
    part_of(task, contact, &part);
    part.forgotten_open = !part.ended;
    part_merge(task, &episode->folded, &part);
    id_keep(task, &episode->folded.answered_id, old.answered_id);
    id_keep(task, &episode->folded.start_id, old.start_id);
    id_keep(task, &episode->folded.customer_id, old.customer_id);
    episode->has_folded = true;
    int64_t retention = agg_retention(task, contact);
    if (contact->last > episode->folded_last)
        episode->folded_last = contact->last;
    if (retention > episode->folded_retention_ms)
        episode->folded_retention_ms = retention;
    contact_leave(task, contact_ref);
    episode_gather(task, episode, &episode->part);
    if (!episode->contacts)
        episode_schedule_end(task, ref);
}

void agg_episode_update(struct agg_task *task, uint32_t contact_ref) {
    struct agg_contact *contact = agg_contact_at(task, contact_ref);
    bool member = contact->key && !(contact->flags & AGG_CANCELLED);
    uint64_t hash = contact->conversation ? agg_conversation_at(task, contact->conversation)->hash
                                          : contact->hash;
    uint32_t left = 0;
    if (contact->episode) {
        uint64_t now = agg_episode_at(task, contact->episode)->hash;
        if (!member || (now != hash && now != ~contact->hash)) {
            left = contact->episode;
            contact_leave(task, contact_ref);
        }
    }
    if (member && !contact->episode)
        contact_join(task, contact_ref, hash);
    if (left) {
        episode_refresh(task, left);
        /* what is left may be the summary of forgotten ones alone */
        if (agg_episode_at(task, left)->live && !agg_episode_at(task, left)->contacts)
            episode_schedule_end(task, left);
    }
    if (contact->episode)
        episode_refresh(task, contact->episode);
}

void agg_episode_due(struct agg_task *task, uint32_t ref, int64_t at_ms) {
    const struct agg_episode *episode = agg_episode_at(task, ref);
    if (!episode->live || episode->due_at != at_ms)
        return;
    task->episode_set.count = 0;
    agg_list_add(&task->episode_set, ref);
    judge_set(task);
}

void agg_episode_end(struct agg_task *task, uint32_t ref, int64_t at_ms) {
    const struct agg_episode *episode = agg_episode_at(task, ref);
    if (episode->live && !episode->contacts && episode->ends_at == at_ms)
        episode_expire(task, ref);
}
