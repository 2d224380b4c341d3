/* Is a state that was read one that may be followed? References lead to rows that are there, texts
 * and arrays are as long as is said, chains end. What the facts say is not judged: a figure may be
 * wrong in a file that somebody made, memory may not. */
#include "state.h"
#include "window.h"
#include <string.h>

static enum rc_error unsound(struct agg_restore *restore, const char *what, uint32_t ref)
{
    return agg_refuse(restore, "%s %u is not sound", what, ref);
}

/* ---- what the layouts say ---- */

static bool refers_well(const struct agg_restore *restore, struct agg_reference refers,
                        uint32_t ref)
{
    if (!ref)
        return !refers.needed;
    return refers.strict ? agg_is_live(restore, refers.target, ref)
                         : agg_is_within(restore, refers.target, ref);
}

/* The first field of one struct that leads astray, or is a flag and neither 0 nor 1; NULL: none. */
static const char *item_look(const struct agg_restore *restore, const struct agg_layout *layout,
                             const char *item, bool flags_only)
{
    for (uint32_t n = 0; n < layout->looked_count; n++) {
        uint32_t i = layout->looked[n];
        const struct agg_reference *refers = &layout->refers[i];
        const char *at = item + layout->field[i].bit / 8;
        for (uint32_t k = 0; refers->flag && k < layout->field[i].count; k++)
            if ((unsigned char)at[k] > 1)
                return layout->field[i].name;
        if (refers->target == AGG_NO_TARGET || flags_only)
            continue;
        for (uint32_t k = 0; k < layout->field[i].count; k++) {
            uint32_t ref;
            memcpy(&ref, at + k * sizeof ref, sizeof ref);
            if (!refers_well(restore, *refers, ref))
                return layout->field[i].name;
        }
    }
    return NULL;
}

/* Of rows that are free the flags alone: it is asked of them whether they live. */
static enum rc_error pool_check(struct agg_restore *restore, uint32_t id)
{
    const struct agg_layout *layout = agg_layout(agg_pool_info(id)->layout);
    const struct agg_pool *pool = restore->rows[id].pool;
    if (!layout->looked_count)
        return RC_OK;
    for (uint32_t ref = 1; ref < pool->next; ref++) {
        bool is_free = agg_bit(restore->rows[id].free, ref);
        const char *row = agg_pool_at(pool, ref);
        for (uint32_t at = 0; at < pool->item_size; at += layout->size) {
            const char *field = item_look(restore, layout, row + at, is_free);
            if (field)
                return agg_refuse(restore, "%s %u: %s leads astray", agg_pool_info(id)->name, ref,
                                  field);
        }
    }
    return RC_OK;
}

static enum rc_error lists_check(struct agg_restore *restore)
{
    for (uint32_t i = 0; i < AGG_LIST_COUNT; i++) {
        const struct agg_list_info *info = agg_list_info(i);
        const struct agg_list *list = agg_list_of(restore->task, i);
        struct agg_reference refers = {
            .target = info->target, .strict = info->strict, .needed = true};
        for (uint32_t k = 0; k < list->count; k++)
            if (!refers_well(restore, refers, list->ref[k]))
                return agg_refuse(restore, "the list %s leads astray", info->name);
    }
    return RC_OK;
}

/* Every live row of the pool. */
#define EACH(restore, pool_, type, row, ref)                                                       \
    for (uint32_t ref = 1; ref < (restore)->task->pool_.next; ref++)                               \
        for (const type *row = agg_is_live(restore, AGG_POOL_##pool_, ref)                         \
                                   ? agg_pool_at(&(restore)->task->pool_, ref)                     \
                                   : NULL;                                                         \
             row; row = NULL)

static bool is_text(const struct agg_restore *restore, uint32_t pool, uint32_t text, uint32_t size)
{
    return size >= 1 && size <= AGG_TEXT_CLASSES * 8 &&
           agg_is_live(restore, pool + (size - 1) / 8, text);
}

static bool is_name(const struct agg_restore *restore, uint32_t text, uint32_t size)
{
    return is_text(restore, AGG_POOL_text, text, size);
}

static bool are_sums(const struct agg_restore *restore, const struct agg_sums *sums)
{
    if (!sums->ref)
        return sums->mask == 0;
    return sums->class < AGG_SUM_CLASSES && sums->mask >> RC_SUM_COUNT == 0 &&
           agg_is_live(restore, AGG_POOL_sum + sums->class, sums->ref) &&
           (uint32_t)__builtin_popcountll(sums->mask) * sizeof(int64_t) <=
               restore->rows[AGG_POOL_sum + sums->class].pool->item_size;
}
static_assert(RC_SUM_COUNT < 64, "a bit for each of them");

/* ---- names and keys ---- */

static enum rc_error names_check(struct agg_restore *restore)
{
    EACH(restore, client, struct agg_client, client, ref)
    {
        if (client->name_size > RC_CLIENT_MAX || !is_name(restore, client->name, client->name_size))
            return unsound(restore, "client", ref);
    }
    EACH(restore, queue, struct agg_queue, queue, ref)
    {
        if (queue->name_size > RC_QUEUE_MAX || !is_name(restore, queue->name, queue->name_size))
            return unsound(restore, "queue", ref);
    }
    EACH(restore, priority, struct agg_priority, priority, ref)
    {
        if (priority->size < 1 || priority->size > RC_PRIORITY_MAX || !priority->contacts)
            return unsound(restore, "priority", ref);
    }
    /* these are never given back */
    return restore->task->client.free || restore->task->queue.free
               ? agg_refuse(restore, "a name is free")
               : RC_OK;
}

/* Those above a queue's key are roll-ups, those below a roll-up are queues' keys; and no link
 * stands in two lists. */
static bool are_links(const struct agg_restore *restore, uint64_t *met, uint32_t link, bool up)
{
    for (; link; link = agg_link_at(restore->task, link)->next) {
        const struct agg_key *key =
            agg_key_at(restore->task, agg_link_at(restore->task, link)->key);
        if (agg_bit_set(met, link) || (key->kind == AGG_KEY_QUEUE) == up || key->base)
            return false;
    }
    return true;
}

/* What a key says of the windows: they are ours, and what is asked of them is there. */
static bool has_windows(const struct agg_restore *restore, const struct agg_key *key)
{
    const struct agg_task *task = restore->task;
    const struct rc_windows *windows = &task->config->windows;
    if (key->roll_listed >> windows->rolling_count || key->carry >> windows->interval_count)
        return false;
    for (uint32_t i = windows->rolling_count; i < RC_ROLLING_MAX; i++)
        if (key->roll[i])
            return false;
    if (task->clock >= key->settled_until && !key->pending.mask)
        return true;
    for (uint32_t i = 0; i < windows->interval_count; i++) {
        const struct agg_pane *pane = agg_pane_at(task, key->pane[i]);
        if (!agg_is_live(restore, AGG_POOL_pane, key->pane[i]) ||
            (key->pending.mask &&
             (key->pending_at < pane->start_ms || key->pending_at >= agg_pane_end(pane))))
            return false;
    }
    return true;
}

static bool is_key(const struct agg_restore *restore, const struct agg_key *key, uint64_t *met)
{
    if (key->channel >= RC_CHANNEL_COUNT || key->kind > AGG_KEY_TOTAL || !key->name_size ||
        key->name_size > sizeof key->name || !are_sums(restore, &key->pending))
        return false;
    if ((key->kind == AGG_KEY_QUEUE) != (key->queue != 0) ||
        (key->queue && agg_queue_at(restore->task, key->queue)->client != key->client))
        return false;
    const struct agg_key *base = key->base ? agg_key_at(restore->task, key->base) : key;
    if (key->base && (base->base || key->up || key->down || base->client != key->client))
        return false;
    if (key->kind == AGG_KEY_QUEUE ? key->down : key->up)
        return false;
    return has_windows(restore, key) && are_links(restore, met, key->up, true) &&
           are_links(restore, met, key->down, false);
}

static enum rc_error keys_check(struct agg_restore *restore)
{
    uint64_t *met = agg_bits_new(restore->task->link.next);
    enum rc_error err = RC_OK;
    EACH(restore, key, struct agg_key, key, ref)
    {
        if (!err && !is_key(restore, key, met))
            err = unsound(restore, "key", ref);
    }
    for (uint32_t ref = 1; ref < restore->task->key.next && !err; ref++)
        if (!agg_is_live(restore, AGG_POOL_key, ref) && agg_key_at(restore->task, ref)->name_size)
            err = unsound(restore, "key", ref);
    agg_bits_done(met, restore->task->link.next);
    return err;
}

/* ---- windows ---- */

static bool is_pane(const struct agg_restore *restore, const struct agg_pane *pane)
{
    if (!pane->live || pane->window >= restore->task->config->windows.interval_count ||
        pane->phase > AGG_PANE_FINAL || !pane->length_ms || pane->start_ms < 0)
        return false;
    if (pane->warm)
        return agg_is_live(restore, AGG_POOL_warm, pane->content);
    return !pane->packed_size ||
           (is_text(restore, AGG_POOL_packed, pane->content, pane->packed_size) &&
            agg_pane_is_packed(
                agg_text_at(&restore->task->packed, pane->content, pane->packed_size),
                pane->packed_size));
}

static enum rc_error buckets_check(struct agg_restore *restore)
{
    uint32_t count = restore->task->bucket.next;
    uint64_t *newer = agg_bits_new(count), *older = agg_bits_new(count);
    enum rc_error err = RC_OK;
    EACH(restore, bucket, struct agg_bucket, bucket, ref)
    {
        if (!err && (!are_sums(restore, &bucket->sums) ||
                     (bucket->newer && agg_bit_set(newer, bucket->newer)) ||
                     (bucket->older && agg_bit_set(older, bucket->older))))
            err = unsound(restore, "bucket", ref);
    }
    EACH(restore, roll, struct agg_roll, roll, ref)
    {
        if (!err &&
            (!roll->oldest != !roll->newest || (roll->oldest && agg_bit_set(newer, roll->oldest)) ||
             (roll->newest && agg_bit_set(older, roll->newest))))
            err = unsound(restore, "rolling window", ref);
    }
    agg_bits_done(newer, count);
    agg_bits_done(older, count);
    return err;
}

static enum rc_error windows_check(struct agg_restore *restore)
{
    EACH(restore, pane, struct agg_pane, pane, ref)
    {
        if (!is_pane(restore, pane))
            return unsound(restore, "pane", ref);
    }
    EACH(restore, warm, struct agg_warm, warm, ref)
    {
        if (!are_sums(restore, &warm->sums))
            return unsound(restore, "figures of a pane", ref);
    }
    for (uint32_t i = 0; i < RC_ROLLING_MAX; i++) {
        const struct agg_list *list = &restore->task->roll_list[i];
        for (uint32_t k = 0; k < list->count; k++)
            if (!agg_key_at(restore->task, list->ref[k])->roll[i])
                return agg_refuse(restore, "a key without its rolling window is listed");
    }
    return buckets_check(restore);
}

/* ---- contacts ---- */

static bool are_points(const struct agg_restore *restore, const struct agg_contact *contact)
{
    if (!contact->points)
        return contact->point_count == 0;
    return contact->point_class < AGG_POINT_CLASSES &&
           agg_is_live(restore, AGG_POOL_point + contact->point_class, contact->points) &&
           contact->point_count <= 2u << contact->point_class;
}

/* Its episode knows it. */
static bool is_member(const struct agg_restore *restore, const struct agg_contact *contact,
                      uint32_t ref)
{
    const struct agg_task *task = restore->task;
    if (!contact->episode)
        return true;
    const struct agg_episode *episode = agg_episode_at(task, contact->episode);
    if (episode->form == AGG_FORM_SINGLE)
        return episode->holds == ref;
    if (episode->form != AGG_FORM_LEGS || !agg_is_live(restore, AGG_POOL_legs, episode->holds))
        return false;
    const struct agg_legs *legs = agg_pool_at(&task->legs, episode->holds);
    if (legs->class >= AGG_SEAT_CLASSES || contact->seat >= legs->count ||
        legs->count > AGG_SEAT_BLOCK << legs->class ||
        !agg_is_live(restore, AGG_POOL_seats + legs->class, legs->seats))
        return false;
    const uint32_t *seat = agg_pool_at(&task->seats[legs->class], legs->seats);
    return seat[contact->seat] == ref;
}

static bool is_contact(const struct agg_restore *restore, const struct agg_contact *contact,
                       uint32_t ref)
{
    if (!(contact->flags & AGG_LIVE) || !is_name(restore, contact->id, contact->id_size) ||
        contact->channel > RC_CHANNEL_NONE || !are_points(restore, contact) ||
        !is_member(restore, contact, ref))
        return false;
    if (!contact->key)
        return true;
    const struct agg_key *key = agg_key_at(restore->task, contact->key);
    return key->kind == AGG_KEY_QUEUE && !key->base && key->client == contact->client &&
           contact->queue && key->channel == contact->channel;
}

/* Of a chain that every row is in once at most, and that begins in keys. */
static enum rc_error contact_chains_check(struct agg_restore *restore)
{
    uint32_t count = restore->task->contact.next;
    uint64_t *next = agg_bits_new(count), *waits = agg_bits_new(count);
    enum rc_error err = RC_OK;
    EACH(restore, key, struct agg_key, key, ref)
    {
        if (!err && ((key->contacts && agg_bit_set(next, key->contacts)) ||
                     (key->wait_first && agg_bit_set(waits, key->wait_first))))
            err = unsound(restore, "key", ref);
    }
    EACH(restore, contact, struct agg_contact, contact, ref)
    {
        if (!err && ((contact->list_next && agg_bit_set(next, contact->list_next)) ||
                     (contact->wait_next && agg_bit_set(waits, contact->wait_next))))
            err = unsound(restore, "contact", ref);
    }
    agg_bits_done(next, count);
    agg_bits_done(waits, count);
    return err;
}

/* Also of arrays that are free: they hold what was once sound. */
static enum rc_error points_check(struct agg_restore *restore)
{
    const struct agg_task *task = restore->task;
    for (uint32_t class = 0; class < AGG_POINT_CLASSES; class ++)
        for (uint32_t ref = 1; ref < task->point[class].next; ref++) {
            const struct agg_point *point = agg_pool_at(&task->point[class], ref);
            for (uint32_t i = 0; i < 2u << class; i++)
                if (point[i].type >= RC_TYPE_COUNT ||
                    ((point[i].type == RC_TYPE_queued || point[i].type == RC_TYPE_assigned) &&
                     agg_point_queue(&point[i]) >= task->queue.next))
                    return unsound(restore, "a list of points", ref);
        }
    return RC_OK;
}

static enum rc_error contacts_check(struct agg_restore *restore)
{
    const struct agg_task *task = restore->task;
    EACH(restore, contact, struct agg_contact, contact, ref)
    {
        if (!is_contact(restore, contact, ref))
            return unsound(restore, "contact", ref);
    }
    EACH(restore, conversation, struct agg_conversation, conversation, ref)
    {
        if (!is_name(restore, conversation->text, conversation->size))
            return unsound(restore, "conversation", ref);
    }
    EACH(restore, identity, struct agg_identity, identity, ref)
    {
        if (!identity->live || identity->channel > RC_CHANNEL_NONE ||
            !is_name(restore, identity->id, identity->id_size))
            return unsound(restore, "identity", ref);
    }
    /* of rows that are free it is asked whether they are */
    for (uint32_t ref = 1; ref < task->contact.next; ref++)
        if (!agg_is_live(restore, AGG_POOL_contact, ref) &&
            agg_contact_at(task, ref)->flags & AGG_LIVE)
            return unsound(restore, "contact", ref);
    for (uint32_t ref = 1; ref < task->identity.next; ref++)
        if (!agg_is_live(restore, AGG_POOL_identity, ref) && agg_identity_at(task, ref)->live)
            return unsound(restore, "identity", ref);
    for (uint32_t ref = 1; ref < task->pane.next; ref++)
        if (!agg_is_live(restore, AGG_POOL_pane, ref) && agg_pane_at(task, ref)->live)
            return unsound(restore, "pane", ref);
    enum rc_error err = points_check(restore);
    return err ? err : contact_chains_check(restore);
}

/* ---- episodes ---- */

static bool is_part(const struct agg_restore *restore, const struct agg_part *part)
{
    const struct agg_credit *credit = &part->credit;
    if (!part->any)
        return true;
    return is_name(restore, part->start_id.text, part->start_id.size) && part->start_key &&
           (!part->has_customer ||
            is_name(restore, part->customer_id.text, part->customer_id.size)) &&
           (!part->answered_count ||
            (is_name(restore, credit->id.text, credit->id.size) && credit->key &&
             credit->channel < RC_CHANNEL_COUNT &&
             (credit->channel != RC_TICKET || (credit->first_key && credit->end_key))));
}

static bool are_legs(const struct agg_restore *restore, const struct agg_legs *legs)
{
    const struct agg_task *task = restore->task;
    if (legs->folded && !is_part(restore, agg_pool_at(&task->folded, legs->folded)))
        return false;
    if (legs->class >= AGG_SEAT_CLASSES || legs->count > AGG_SEAT_BLOCK << legs->class)
        return false;
    if (!legs->seats)
        return !legs->tree && !legs->class && !legs->count;
    if (!agg_is_live(restore, AGG_POOL_seats + legs->class, legs->seats) ||
        (legs->class != 0) != (legs->tree != 0))
        return false;
    const uint32_t *seat = agg_pool_at(&task->seats[legs->class], legs->seats);
    for (uint32_t i = 0; i < legs->count; i++)
        if (!agg_is_live(restore, AGG_POOL_contact, seat[i]))
            return false;
    if (!legs->tree)
        return true;
    if (!agg_is_live(restore, AGG_POOL_parts + legs->class, legs->tree))
        return false;
    const struct agg_part *tree = agg_pool_at(&task->parts[legs->class], legs->tree);
    for (uint32_t i = 1; i < 2u << legs->class; i++)
        if (!is_part(restore, &tree[i]))
            return false;
    return true;
}

/* In the tree of its customer, on that side of the one above. */
static bool is_beside(const struct agg_restore *restore, uint32_t ref, uint32_t child, bool after)
{
    if (!child)
        return true;
    const struct agg_episode *above = agg_episode_at(restore->task, ref);
    const struct agg_episode *below = agg_episode_at(restore->task, child);
    bool follows = below->start != above->start ? below->start > above->start : child > ref;
    return agg_episode_is_linked(above) && agg_episode_is_linked(below) &&
           below->customer == above->customer && follows == after;
}

static bool is_episode(const struct agg_restore *restore, const struct agg_episode *episode,
                       uint32_t ref)
{
    const struct agg_task *task = restore->task;
    if (episode->verdict > AGG_FCR_UNKNOWN || !is_beside(restore, ref, episode->left, false) ||
        !is_beside(restore, ref, episode->right, true))
        return false;
    switch (episode->form) {
    case AGG_FORM_SINGLE:
        return !episode->holds || (agg_is_live(restore, AGG_POOL_contact, episode->holds) &&
                                   agg_contact_at(task, episode->holds)->episode == ref);
    case AGG_FORM_FOLDED:
        return !episode->noted || agg_is_live(restore, AGG_POOL_note, episode->holds);
    case AGG_FORM_LEGS:
        return agg_is_live(restore, AGG_POOL_legs, episode->holds);
    default:
        return episode->form == AGG_FORM_GHOST;
    }
}

static enum rc_error episodes_check(struct agg_restore *restore)
{
    const struct agg_task *task = restore->task;
    restore->child = agg_bits_new(task->episode.next);
    for (uint32_t ref = 1; ref < task->episode.next; ref++) {
        const struct agg_episode *episode = agg_episode_at(task, ref);
        bool live = agg_is_live(restore, AGG_POOL_episode, ref);
        if (!live && episode->form == AGG_FORM_FREE)
            continue;
        if (!live || !is_episode(restore, episode, ref) ||
            (episode->left && agg_bit_set(restore->child, episode->left)) ||
            (episode->right && agg_bit_set(restore->child, episode->right)))
            return unsound(restore, "episode", ref);
    }
    EACH(restore, note, struct agg_note, note, ref)
    {
        if (note->text && !is_name(restore, note->text, note->size))
            return unsound(restore, "note", ref);
    }
    EACH(restore, legs, struct agg_legs, legs, ref)
    {
        if (!are_legs(restore, legs))
            return unsound(restore, "episode with legs", ref);
    }
    return RC_OK;
}

/* ---- what is due, and what waits ---- */

static bool is_asked(const struct agg_restore *restore, const struct agg_due_entry *entry)
{
    const struct rc_windows *windows = &restore->task->config->windows;
    switch (entry->kind) {
    case AGG_DUE_CARRY:
        return agg_is_live(restore, AGG_POOL_key, entry->ref) &&
               entry->extra < windows->interval_count;
    case AGG_DUE_PANE:
        return agg_is_live(restore, AGG_POOL_pane, entry->ref);
    case AGG_DUE_ROLL_WAKE:
    case AGG_DUE_ROLL_AGE:
        return agg_is_live(restore, AGG_POOL_key, entry->ref) &&
               entry->extra < windows->rolling_count &&
               (entry->kind == AGG_DUE_ROLL_WAKE ||
                agg_key_at(restore->task, entry->ref)->roll[entry->extra]);
    case AGG_DUE_ROLL:
        return entry->extra < windows->rolling_count;
    case AGG_DUE_PUBLISH:
        return entry->extra < windows->interval_count;
    case AGG_DUE_CONTACT:
    case AGG_DUE_FORGET:
        return entry->ref && agg_is_within(restore, AGG_POOL_contact, entry->ref);
    case AGG_DUE_VERDICT:
    case AGG_DUE_EPISODE:
        return entry->ref && agg_is_within(restore, AGG_POOL_episode, entry->ref);
    case AGG_DUE_IDENTITY:
        return entry->ref && agg_is_within(restore, AGG_POOL_identity, entry->ref);
    default:
        return entry->kind == AGG_DUE_RESTATE;
    }
}

static enum rc_error due_check(struct agg_restore *restore)
{
    const struct agg_due *due = &restore->task->due;
    uint64_t *met = agg_bits_new(due->pool.next);
    bool sound = due->cursor >> 48 == 0 && due->taken >> 48 == 0;
    for (uint32_t level = 0; level < DUE_LEVELS; level++)
        for (uint32_t slot = 0; slot < DUE_SLOTS; slot++) {
            uint32_t ref = due->slot[level][slot];
            sound &= !ref || (agg_is_live(restore, AGG_POOL_due, ref) && !agg_bit_set(met, ref));
        }
    for (uint32_t ref = 1; ref < due->pool.next && sound; ref++) {
        const struct agg_due_entry *entry = agg_pool_at(&due->pool, ref);
        if (agg_is_live(restore, AGG_POOL_due, ref))
            sound = is_asked(restore, entry) && (!entry->next || !agg_bit_set(met, entry->next));
    }
    agg_bits_done(met, due->pool.next);
    return sound ? RC_OK : agg_refuse(restore, "what is due is not sound");
}

/* The clock stands where time can stand, and what waits lies ahead of it. */
static enum rc_error times_check(struct agg_restore *restore)
{
    const struct agg_task *task = restore->task;
    const char *field = item_look(restore, agg_layout(AGG_LAYOUT_task), (const char *)task, false);
    if (field)
        return agg_refuse(restore, "the task's %s is not sound", field);
    if (task->clock < 0 || task->clock >= INT64_C(1) << 46 || task->passed != task->clock)
        return agg_refuse(restore, "its time is not sound");
    for (uint64_t i = 0; i < task->order.count; i++)
        if (agg_order_waiting(&task->order, i)->time_ms < task->clock)
            return agg_refuse(restore, "an event that waits is of a time that is over");
    return RC_OK;
}

enum rc_error agg_state_check(struct agg_restore *restore)
{
    static enum rc_error (*const check[])(struct agg_restore *) = {
        lists_check,   times_check,    names_check,    keys_check,
        windows_check, contacts_check, episodes_check, due_check,
    };
    enum rc_error err = RC_OK;
    for (uint32_t i = 0; i < AGG_POOL_COUNT && !err; i++)
        err = pool_check(restore, i);
    for (uint32_t i = 0; i < sizeof check / sizeof *check && !err; i++)
        err = check[i](restore);
    return err;
}
