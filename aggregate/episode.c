/* Which contacts an episode has, and its record: what it holds while its contact is remembered,
 * when that is forgotten, and when there are several.
 *
 * Episodes are found by a 64-bit keyed hash of client and conversation, and their customers are
 * told apart by one of client and customer; of ten million two share one with a probability below 3
 * in a million. */
#include "episode.h"
#include "contact.h"
#include <string.h>

static struct agg_legs *legs_at(const struct agg_task *task, uint32_t ref)
{
    return agg_pool_at(&task->legs, ref);
}

static struct agg_legs *legs_of(const struct agg_task *task, const struct agg_episode *episode)
{
    return legs_at(task, episode->holds);
}

static uint32_t tag_of(uint64_t hash)
{
    return (uint32_t)(hash >> 32);
}

uint64_t agg_episode_hash(const struct agg_task *task, const struct agg_contact *contact)
{
    return contact->conversation ? agg_conversation_at(task, contact->conversation)->hash
                                 : contact->hash;
}

/* Of a contact for which that conversation's episode has no place; it may be its own name. */
static uint64_t hash_of_own(const struct agg_contact *contact, uint64_t conversation)
{
    return ~(contact->hash + (conversation << 1));
}

bool agg_episode_fits(const struct agg_task *task, const struct agg_contact *contact)
{
    uint64_t now = agg_episode_at(task, contact->episode)->hash;
    uint64_t hash = agg_episode_hash(task, contact);
    return now == hash || now == hash_of_own(contact, hash);
}

uint32_t agg_episode_tag(const struct agg_task *task, const void *row)
{
    (void)task;
    return tag_of(((const struct agg_episode *)row)->hash);
}

static uint32_t episode_find(const struct agg_task *task, uint64_t hash)
{
    uint32_t tag = tag_of(hash), at = tag, ref;
    while ((ref = agg_index_next(&task->episode_index, tag, &at)))
        if (agg_episode_at(task, ref)->hash == hash)
            return ref;
    return 0;
}

static uint32_t episode_new(struct agg_task *task, uint64_t hash)
{
    uint32_t ref = agg_pool_get(&task->episode);
    agg_episode_at(task, ref)->hash = hash;
    agg_index_add(&task->episode_index, tag_of(hash), ref);
    return ref;
}

bool agg_episode_has_contacts(const struct agg_task *task, const struct agg_episode *episode)
{
    return episode->form == AGG_FORM_LEGS ? legs_of(task, episode)->count > 0
                                          : episode->form == AGG_FORM_SINGLE && episode->holds;
}

uint32_t agg_episode_start_key(const struct agg_task *task, const struct agg_episode *episode)
{
    return episode->form == AGG_FORM_LEGS ? legs_of(task, episode)->start_key : episode->key;
}

int64_t agg_episode_judged_at(const struct agg_task *task, const struct agg_episode *episode)
{
    return episode->form == AGG_FORM_LEGS ? legs_of(task, episode)->judged_at
                                          : (int64_t)episode->start;
}

/* ---- one forgotten contact ---- */

/* Can the record itself tell what the contact brought? `view`: of this contact alone. */
static bool is_plain(const struct agg_task *task, const struct agg_contact *contact,
                     const struct agg_part *part, const struct agg_view *view)
{
    const struct agg_credit *credit = &part->credit;
    bool own = agg_episode_at(task, contact->episode)->hash != agg_episode_hash(task, contact);
    if (own || view->start_key != view->key)
        return false;
    if (!part->answered_count)
        return true;
    if (!view->has_start || credit->at < part->start || credit->at - part->start > UINT32_MAX)
        return false;
    if (contact->channel != RC_TICKET)
        return true;
    return credit->first_resolved == part->end && credit->key == view->key &&
           credit->first_key == view->key && credit->end_key == view->key;
}

static void note_keep(struct agg_task *task, struct agg_episode *episode,
                      const struct agg_contact *contact, const struct agg_part *part)
{
    bool named = episode->hash != contact->hash;
    if (!named && !part->has_flag)
        return;
    uint32_t ref = agg_pool_get(&task->note);
    struct agg_note *note = agg_pool_at(&task->note, ref);
    note->answered_after = episode->holds;
    note->has_flag = part->has_flag;
    note->flag = part->flag;
    note->flag_at = part->flag_at;
    if (named) {
        char text[RC_ID_MAX];
        memcpy(text, agg_text_at(&task->texts, contact->id, contact->id_size), contact->id_size);
        note->text = agg_text_put(&task->texts, text, contact->id_size);
        note->size = contact->id_size;
    }
    episode->noted = true;
    episode->holds = ref;
}

/* All zeros but the answer where there is none. */
static struct agg_note note_of(const struct agg_task *task, const struct agg_episode *episode)
{
    if (episode->noted)
        return *(struct agg_note *)agg_pool_at(&task->note, episode->holds);
    return (struct agg_note){.answered_after = episode->holds};
}

static void note_drop(struct agg_task *task, struct agg_episode *episode)
{
    if (!episode->noted)
        return;
    struct agg_note note = note_of(task, episode);
    agg_text_drop(&task->texts, note.text, note.size);
    agg_pool_put(&task->note, episode->holds);
    episode->noted = false;
    episode->holds = 0;
}

/* Its name; where none is kept, a contact of that conversation, `joiner`, carries it. */
static struct agg_id name_of(const struct agg_task *task, const struct agg_note *note,
                             uint32_t joiner)
{
    const struct agg_contact *contact = agg_contact_at(task, joiner);
    if (note->text)
        return (struct agg_id){note->text, note->size};
    if (!contact->conversation)
        return (struct agg_id){contact->id, contact->id_size};
    const struct agg_conversation *carried = agg_conversation_at(task, contact->conversation);
    return (struct agg_id){carried->text, carried->size};
}

/* The reverse of folding: the part that it brought. */
static void part_of_folded(const struct agg_task *task, const struct agg_episode *episode,
                           uint32_t joiner, struct agg_part *ret_part)
{
    struct agg_note note = note_of(task, episode);
    struct agg_id id = name_of(task, &note, joiner);
    uint8_t channel = agg_key_at(task, episode->key)->channel;
    int64_t start = (int64_t)episode->start, end = (int64_t)episode->end;
    *ret_part = (struct agg_part){.start = episode->has_start ? start : RC_TIME_NONE,
                                  .end = end,
                                  .start_judged_at = start,
                                  .customer_start = episode->has_start ? start : INT64_MAX,
                                  .customer = episode->customer,
                                  .start_id = id,
                                  .start_key = episode->key,
                                  .answered_count = episode->answered,
                                  .any = true,
                                  .ended = !episode->lost,
                                  .forgotten_open = episode->lost,
                                  .has_customer = episode->has_customer,
                                  .has_flag = note.has_flag,
                                  .flag = note.flag,
                                  .flag_at = note.flag_at,
                                  .channels = episode->channels};
    if (episode->has_customer)
        ret_part->customer_id = id;
    if (episode->answered)
        ret_part->credit = (struct agg_credit){
            .at = start + note.answered_after,
            .judged_at = start,
            .end = end,
            .first_resolved = channel == RC_TICKET ? end : RC_TIME_NONE,
            .id = id,
            .key = episode->key,
            .end_key = episode->key,
            .first_key = episode->key,
            .channel = channel,
            .by_reopen = episode->by_reopen,
            .reopen_no = episode->reopen_no,
        };
}

static void legs_fold(struct agg_task *task, struct agg_legs *legs, struct agg_part *part)
{
    if (!legs->folded)
        legs->folded = agg_pool_get(&task->folded);
    agg_part_fold(task, agg_pool_at(&task->folded, legs->folded), part);
    legs->forgotten++;
}

/* ---- several contacts ---- */

static struct agg_legs *legs_make(struct agg_task *task, struct agg_episode *episode,
                                  uint32_t joiner)
{
    uint32_t ref = agg_pool_get(&task->legs), contact = episode->holds;
    struct agg_legs *legs = legs_at(task, ref);
    legs->start_key = episode->key;
    legs->judged_at = (int64_t)episode->start;
    if (episode->form == AGG_FORM_FOLDED) {
        struct agg_part part;
        part_of_folded(task, episode, joiner, &part);
        legs_fold(task, legs, &part);
        note_drop(task, episode);
    } else if (contact) {
        agg_legs_seat(task, legs, contact);
        legs->credited = contact;
    }
    episode->form = AGG_FORM_LEGS;
    episode->holds = ref;
    return legs;
}

static bool is_full(const struct agg_task *task, const struct agg_episode *episode)
{
    if (episode->form != AGG_FORM_LEGS)
        return false;
    const struct agg_legs *legs = legs_of(task, episode);
    return legs->count + legs->forgotten >= AGG_EPISODE_CONTACTS_MAX;
}

uint32_t agg_episode_join(struct agg_task *task, uint32_t contact_ref)
{
    struct agg_contact *contact = agg_contact_at(task, contact_ref);
    uint64_t hash = agg_episode_hash(task, contact);
    uint32_t ref = episode_find(task, hash);
    if (ref && is_full(task, agg_episode_at(task, ref))) {
        rc_count(&task->stats->episode_overflow, 1);
        hash = hash_of_own(contact, hash);
        ref = episode_find(task, hash);
    }
    contact->episode = ref ? ref : episode_new(task, hash);
    struct agg_episode *episode = agg_episode_at(task, contact->episode);
    if (!ref || (episode->form == AGG_FORM_SINGLE && !episode->holds)) {
        episode->form = AGG_FORM_SINGLE;
        episode->holds = contact_ref;
        return contact->episode;
    }
    struct agg_legs *legs = episode->form == AGG_FORM_LEGS ? legs_of(task, episode)
                                                           : legs_make(task, episode, contact_ref);
    agg_legs_seat(task, legs, contact_ref);
    return contact->episode;
}

void agg_episode_leave(struct agg_task *task, uint32_t contact_ref)
{
    struct agg_contact *contact = agg_contact_at(task, contact_ref);
    struct agg_episode *episode = agg_episode_at(task, contact->episode);
    if (episode->form == AGG_FORM_LEGS)
        agg_legs_leave(task, legs_of(task, episode), contact_ref);
    else
        episode->holds = 0;
    contact->episode = contact->seat = 0;
}

void agg_episode_touch(struct agg_task *task, uint32_t contact_ref)
{
    struct agg_episode *episode = agg_episode_at(task, agg_contact_at(task, contact_ref)->episode);
    if (episode->form == AGG_FORM_LEGS)
        agg_legs_touch(task, legs_of(task, episode), contact_ref);
}

bool agg_episode_renew(struct agg_task *task, uint32_t ref)
{
    const struct agg_episode *episode = agg_episode_at(task, ref);
    if (episode->form == AGG_FORM_LEGS)
        agg_legs_renew(task, legs_of(task, episode));
    return episode->form != AGG_FORM_FOLDED;
}

void agg_episode_fold(struct agg_task *task, uint32_t contact_ref)
{
    struct agg_contact *contact = agg_contact_at(task, contact_ref);
    struct agg_episode *episode = agg_episode_at(task, contact->episode);
    struct agg_part part;
    struct agg_view view;
    agg_part_of(task, contact_ref, &part);
    agg_part_view(task, &part, &view);
    part.forgotten_open = !part.ended;
    part.end = part.ended ? part.end : contact->last;
    /* where a ticket stood when the episode ended, which may be later than its own end */
    if (contact->channel == RC_TICKET && part.answered_count && episode->eligible &&
        (int64_t)episode->end > part.credit.end)
        part.credit.key = agg_ticket_key_at(task, contact, (int64_t)episode->end);
    bool single = episode->form == AGG_FORM_SINGLE;
    if (single && is_plain(task, contact, &part, &view)) {
        contact->episode = 0;
        episode->form = AGG_FORM_FOLDED;
        episode->holds = part.answered_count ? (uint32_t)(part.credit.at - part.start) : 0;
        episode->answered = part.answered_count;
        episode->lost = part.forgotten_open;
        episode->end = (uint64_t)part.end;
        note_keep(task, episode, contact, &part);
        return;
    }
    struct agg_legs *legs = single ? legs_make(task, episode, 0) : legs_of(task, episode);
    agg_episode_leave(task, contact_ref);
    legs_fold(task, legs, &part);
}

/* ---- the record ---- */

void agg_episode_view(struct agg_task *task, uint32_t ref, struct agg_view *ret_view)
{
    const struct agg_episode *episode = agg_episode_at(task, ref);
    struct agg_part part = {0};
    if (episode->form == AGG_FORM_LEGS)
        agg_legs_gather(task, legs_of(task, episode), &part);
    else if (episode->form == AGG_FORM_SINGLE && episode->holds)
        agg_part_of(task, episode->holds, &part);
    task->episode_steps++;
    agg_part_view(task, &part, ret_view);
}

bool agg_episode_differs(const struct agg_task *task, uint32_t ref, const struct agg_view *view)
{
    const struct agg_episode *episode = agg_episode_at(task, ref);
    return !view->any || (int64_t)episode->start != view->start ||
           (int64_t)episode->end != view->end || episode->customer != view->customer ||
           episode->key != view->key || episode->has_start != view->has_start ||
           episode->has_customer != view->has_customer || episode->eligible != view->eligible ||
           episode->has_flag != view->has_flag || episode->flag_yes != view->flag_yes ||
           episode->by_reopen != view->by_reopen || episode->reopen_no != view->reopen_no ||
           episode->channels != view->channels ||
           agg_episode_start_key(task, episode) != view->start_key ||
           agg_episode_judged_at(task, episode) != view->judged_at;
}

void agg_episode_set(struct agg_task *task, uint32_t ref, const struct agg_view *view)
{
    struct agg_episode *episode = agg_episode_at(task, ref);
    bool odd = view->any && (view->start_key != view->key || view->judged_at != view->start);
    if (episode->form == AGG_FORM_SINGLE && odd)
        legs_make(task, episode, 0);
    struct agg_legs *legs = episode->form == AGG_FORM_LEGS ? legs_of(task, episode) : NULL;
    if (legs) {
        legs->start_key = view->start_key;
        legs->judged_at = view->judged_at;
    }
    if ((int64_t)episode->start != view->start) { /* it may come back */
        if (legs && episode->kept_repeat)
            legs->kept_start = (int64_t)episode->start;
        episode->kept_repeat = legs && legs->kept_start && legs->kept_start == view->start;
    }
    episode->start = (uint64_t)view->start;
    episode->end = (uint64_t)view->end;
    episode->customer = view->customer;
    episode->key = view->key;
    episode->has_start = view->has_start;
    episode->has_customer = view->has_customer;
    episode->eligible = view->eligible;
    episode->has_flag = view->has_flag;
    episode->flag_yes = view->flag_yes;
    episode->by_reopen = view->by_reopen;
    episode->reopen_no = view->reopen_no;
    episode->channels = view->channels & ((1u << RC_CHANNEL_COUNT) - 1);
}

void agg_episode_empty(struct agg_task *task, uint32_t ref)
{
    struct agg_episode *episode = agg_episode_at(task, ref);
    agg_index_remove(&task->episode_index, tag_of(episode->hash), ref);
    if (episode->form == AGG_FORM_LEGS)
        agg_legs_free(task, episode->holds);
    else
        note_drop(task, episode);
    episode->holds = 0;
    episode->form = AGG_FORM_FREE;
}

/* ---- whose record tells of it ---- */

uint32_t agg_episode_credited(struct agg_task *task, uint32_t ref)
{
    const struct agg_episode *episode = agg_episode_at(task, ref);
    if (episode->form == AGG_FORM_SINGLE)
        return episode->holds;
    if (episode->form != AGG_FORM_LEGS)
        return 0;
    struct agg_part part = {0};
    agg_legs_gather(task, legs_of(task, episode), &part);
    return part.answered_count ? part.credit.contact : 0;
}

void agg_episode_credit_touch(struct agg_task *task, uint32_t ref)
{
    uint32_t contact = task->contacts ? agg_episode_credited(task, ref) : 0;
    if (contact)
        agg_contact_touch(task, contact);
}

void agg_episode_credit_follow(struct agg_task *task, uint32_t ref)
{
    const struct agg_episode *episode = agg_episode_at(task, ref);
    if (episode->form != AGG_FORM_LEGS)
        return;
    struct agg_legs *legs = legs_of(task, episode);
    uint32_t contact = agg_episode_credited(task, ref);
    if (contact == legs->credited)
        return;
    if (legs->credited)
        agg_contact_touch(task, legs->credited);
    if (contact)
        agg_contact_touch(task, contact);
    legs->credited = contact;
}
