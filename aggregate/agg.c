/* All tasks of one shard: events to their tasks, time to all of them, records in canonical
 * order. */
#include "record_order.h"
#include "rollcall/aggregate.h"
#include "state.h"
#include "window.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { OUT_FIRST = 1 << 20, PLACES_FIRST = 4096 };

struct out { /* messages of one kind, made since the last mark */
    char *bytes;
    uint64_t used, room;
};

struct agg {
    struct agg_options options;
    agg_emit *emit;
    void *opaque;
    struct agg_task **task;
    uint32_t task_count;
    bool queue_scope;
    int64_t now_ms;
    struct out records, dead;
    struct agg_record_place *place, *place_scratch;
    const struct agg_key **place_key;
    uint64_t record_count, place_room;
    uint64_t dead_count;
    bool ranks_stale; /* a key has come that has no rank yet */
    bool keys_gone;   /* there may be some that end with the next mark */
    uint32_t rank_count;
    struct rc_shard_stats stats;
};

const struct agg_options *agg_settings(const struct agg *agg)
{
    return &agg->options;
}
const struct rc_shard_stats *agg_stats(const struct agg *agg)
{
    return &agg->stats;
}

static void *grown(void *old, uint64_t used, uint64_t *room, uint64_t need)
{
    if (need <= *room)
        return old;
    uint64_t bigger = *room ? *room : OUT_FIRST;
    while (bigger < need)
        bigger *= 2;
    void *bytes = agg_map(bigger);
    if (used)
        memcpy(bytes, old, used);
    agg_unmap(old, *room);
    *room = bigger;
    return bytes;
}

static void *out_new(struct out *out, uint64_t size)
{
    out->bytes = grown(out->bytes, out->used, &out->room, out->used + size);
    out->used += size;
    return out->bytes + out->used - size;
}

static void places_grow(struct agg *agg)
{
    uint64_t room = agg->place_room ? agg->place_room * 2 : PLACES_FIRST, old = agg->place_room;
    struct agg_record_place *place = agg_map(room * sizeof *place);
    const struct agg_key **key = agg_map(room * sizeof *key);
    if (old) {
        memcpy(place, agg->place, old * sizeof *place);
        memcpy(key, agg->place_key, old * sizeof *key);
    }
    agg_unmap(agg->place, old * sizeof *place);
    agg_unmap(agg->place_key, old * sizeof *key);
    agg_unmap(agg->place_scratch, old * sizeof *place);
    agg->place = place;
    agg->place_key = key;
    agg->place_scratch = agg_map(room * sizeof *place);
    agg->place_room = room;
}

struct rc_record *agg_record_new(struct agg *agg, const struct agg_key *key,
                                 const struct rc_record *head, uint32_t text_size)
{
    uint32_t size = (uint32_t)(sizeof *head + text_size + 7) & ~7u;
    if (agg->record_count == agg->place_room)
        places_grow(agg);
    agg->place[agg->record_count] = (struct agg_record_place){
        .as_of_ms = head->as_of_ms,
        .start_ms = head->start_ms,
        .at = agg->records.used,
        .window = (uint16_t)head->window,
        .contact = head->topic == RC_TOPIC_CONTACTS,
    };
    agg->place_key[agg->record_count++] = key;
    struct rc_record *rec = out_new(&agg->records, size);
    *rec = *head;
    rec->size = size;
    return rec;
}

void agg_dead_letter(struct agg *agg, const struct rc_event *ev, const char *reason)
{
    uint32_t size = (uint32_t)(sizeof(struct rc_dead_letter) + ev->raw_size + 7) & ~7u;
    struct rc_dead_letter *dead = out_new(&agg->dead, size);
    memset(dead, 0, sizeof *dead);
    agg->dead_count++;
    dead->size = size;
    dead->raw_size = ev->raw_size;
    dead->offset = ev->offset;
    dead->source = ev->source;
    memcpy(dead->reason, reason, strlen(reason));
    memcpy(dead->raw, rc_event_raw(ev), ev->raw_size);
}

static bool list_has_scope(const struct rc_contract_list *list)
{
    for (uint32_t i = 0; i < list->count; i++)
        if (list->dated[i].contract.fcr_scope == RC_FCR_QUEUE)
            return true;
    return false;
}

static bool client_has_scope(const struct rc_client_policy *client)
{
    for (uint32_t c = 0; c < RC_CHANNEL_COUNT; c++) {
        if (list_has_scope(&client->channel[c]))
            return true;
        for (uint32_t q = 0; q < client->queue_count; q++)
            if (list_has_scope(&client->queue[q].channel[c]))
                return true;
    }
    return false;
}

static bool has_scope(const struct rc_contracts *contracts)
{
    bool any = client_has_scope(&contracts->defaults);
    for (uint32_t i = 0; i < contracts->client_count; i++)
        any |= client_has_scope(&contracts->client[i]);
    return any;
}

enum rc_error agg_open(const struct agg_options *options, agg_emit *emit, void *opaque,
                       struct agg **ret_agg)
{
    RC_CHECK(options->shard < options->shard_count && options->config->tasks > 0);
    struct agg *agg = agg_map(sizeof *agg);
    agg->options = *options;
    agg->options.provisional |= !options->replay;
    agg->emit = emit;
    agg->opaque = opaque;
    agg->now_ms = RC_TIME_NONE;
    agg_state_ready();
    agg->task_count = options->config->tasks;
    agg->task = agg_map(agg->task_count * sizeof(struct agg_task *));
    agg->queue_scope = has_scope(&options->config->contracts);
    *ret_agg = agg;
    return RC_OK;
}

void agg_close(struct agg *agg)
{
    if (!agg)
        return;
    for (uint32_t i = 0; i < agg->task_count; i++)
        agg_task_close(agg->task[i]);
    agg_unmap(agg->task, agg->task_count * sizeof(struct agg_task *));
    agg_unmap(agg->records.bytes, agg->records.room);
    agg_unmap(agg->dead.bytes, agg->dead.room);
    agg_unmap(agg->place, agg->place_room * sizeof *agg->place);
    agg_unmap(agg->place_key, agg->place_room * sizeof *agg->place_key);
    agg_unmap(agg->place_scratch, agg->place_room * sizeof *agg->place);
    agg_unmap(agg, sizeof *agg);
}

static void task_settle(const struct agg *agg, struct agg_task *task)
{
    task->queue_scope = agg->queue_scope;
    task->latest_only = !agg->options.replay && !agg->options.config->windows.catch_up_all;
}

static struct agg_task *task_get(struct agg *agg, uint32_t index)
{
    RC_CHECK(index < agg->task_count && index % agg->options.shard_count == agg->options.shard);
    if (!agg->task[index]) {
        struct agg_task *task = agg_task_open(agg, agg->now_ms);
        task->stats = &agg->stats;
        agg->task[index] = task;
        task_settle(agg, task);
    }
    return agg->task[index];
}

void agg_take(struct agg *agg, const struct rc_event *ev)
{
    struct agg_task *task = task_get(agg, ev->task);
    rc_count(&agg->stats.events, 1);
    if (agg->options.replay) {
        /* every line moves now; only a late one needs to know where it stands */
        if (ev->now_ms == RC_TIME_NONE || ev->time_ms >= ev->now_ms) {
            agg_order_put(&task->order, ev);
        } else {
            agg_task_advance(task, ev->now_ms);
            if (!agg_task_expired(task, ev))
                agg_task_late(task, ev);
        }
    } else if (agg->now_ms == RC_TIME_NONE || ev->time_ms >= agg->now_ms) {
        agg_order_put(&task->order, ev);
    } else if (!agg_task_expired(task, ev)) {
        agg_order_put(&task->late, ev);
    }
}

/* ---- state to bytes and back ---- */

bool agg_task_exists(const struct agg *agg, uint32_t task)
{
    return task < agg->task_count && agg->task[task];
}

struct agg_task *agg_of(struct agg *agg, uint32_t task)
{
    return agg->task[task];
}

enum rc_error agg_task_save(const struct agg *agg, uint32_t task,
                            const struct rc_snapshot_writer *out)
{
    RC_CHECK(agg_task_exists(agg, task));
    return agg_state_save(agg->task[task], task, out);
}

enum rc_error agg_task_restore(struct agg *agg, uint32_t task, const struct rc_snapshot_reader *in,
                               char ret_message[256])
{
    RC_CHECK(!agg_task_exists(agg, task) && agg->now_ms == RC_TIME_NONE);
    return agg_state_restore(task_get(agg, task), task, in, ret_message);
}

/* ---- events ---- */

static void take_late(struct agg_task *task)
{
    const struct rc_event *ev;
    agg_order_sort(&task->late, INT64_MAX);
    while ((ev = agg_order_peek(&task->late))) {
        agg_task_late(task, ev);
        agg_order_pop(&task->late);
    }
}

/* ---- ranks: the canonical order of keys by name ---- */

void agg_key_made(struct agg *agg)
{
    agg->ranks_stale = true;
}

struct ranked {
    struct agg_key *key;
    const char *client;
    uint32_t client_size;
};

static int rank_compare_base(const struct ranked *a, const struct ranked *b)
{
    int order = (a->key->base != 0) - (b->key->base != 0); /* rollcall.slas is the later topic */
    if (!order)
        order = rc_text_compare(a->client, a->client_size, b->client, b->client_size);
    if (!order)
        order = (int)a->key->kind - (int)b->key->kind;
    if (!order)
        order = rc_text_compare(a->key->name, a->key->name_size, b->key->name, b->key->name_size);
    return order ? order : (int)a->key->channel - (int)b->key->channel;
}

static int rank_compare(const void *left, const void *right)
{
    const struct ranked *a = left, *b = right;
    int order = rank_compare_base(a, b);
    if (order || !a->key->base)
        return order;
    return rc_text_compare(a->key->clock->name, a->key->clock->name_size, b->key->clock->name,
                           b->key->clock->name_size);
}

/* Clocks of one key differ in their second rank alone: windows and their starts come in between. */
static void ranks_give(struct ranked *list, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++) {
        struct agg_key *key = list[i].key;
        bool next = i && key->base && !rank_compare_base(&list[i - 1], &list[i]);
        key->rank = next ? list[i - 1].key->rank : (uint32_t)i;
        key->clock_rank = next ? list[i - 1].key->clock_rank + 1 : 0;
        next = i && list[i].client == list[i - 1].client;
        key->client_rank = next ? list[i - 1].key->client_rank : (uint32_t)i;
    }
}

static void rank_keys(struct agg *agg)
{
    uint64_t count = 0, room = 0;
    for (uint32_t i = 0; i < agg->task_count; i++)
        room += agg->task[i] ? agg->task[i]->key.live : 0;
    struct ranked *list = agg_map((room + 1) * sizeof *list);
    for (uint32_t i = 0; i < agg->task_count; i++) {
        const struct agg_task *task = agg->task[i];
        for (uint32_t ref = 1; task && ref < task->key.next; ref++) {
            struct agg_key *key = agg_key_at(task, ref);
            if (!key->name_size)
                continue;
            const struct agg_client *client = agg_client_at(task, key->client);
            list[count++] = (struct ranked){
                key, agg_text_at(&task->texts, client->name, client->name_size), client->name_size};
        }
    }
    qsort(list, count, sizeof *list, rank_compare);
    ranks_give(list, count);
    agg->rank_count = (uint32_t)count;
    agg_unmap(list, (room + 1) * sizeof *list);
    agg->ranks_stale = false;
}

static int contact_compare(const void *left, const void *right, void *opaque)
{
    const struct agg_record_place *a = left, *b = right;
    const struct agg *agg = opaque;
    const struct rc_record *one = (const struct rc_record *)(agg->records.bytes + a->at);
    const struct rc_record *other = (const struct rc_record *)(agg->records.bytes + b->at);
    int order = rc_text_compare(rc_contact_id(one), one->contact_size, rc_contact_id(other),
                                other->contact_size);
    return order ? order : a->at < b->at ? -1 : a->at > b->at; /* as they were made */
}

/* Contacts of one client and instant stand together, but not yet by their own names. Where they are
 * queued does not count: what was published of one last must come last. */
static void contacts_sort(struct agg *agg)
{
    struct agg_record_place *place = agg->place;
    for (uint64_t from = 0, to; from < agg->record_count; from = to) {
        to = from + 1;
        if (!place[from].contact)
            continue;
        while (to < agg->record_count && place[to].as_of_ms == place[from].as_of_ms &&
               place[to].rank == place[from].rank)
            to++;
        if (to - from > 1)
            qsort_r(place + from, to - from, sizeof *place, contact_compare, agg);
    }
}

static void hand_out(struct agg *agg)
{
    bool contacts = false;
    if (agg->ranks_stale && agg->record_count)
        rank_keys(agg);
    for (uint64_t i = 0; i < agg->record_count; i++) {
        struct agg_record_place *place = &agg->place[i];
        const struct agg_key *key = agg->place_key[i];
        place->rank = place->contact ? agg->rank_count + key->client_rank : key->rank;
        place->clock = key->clock_rank;
        contacts |= place->contact; /* the last topic */
    }
    agg_records_sort(agg->place, agg->place_scratch, agg->record_count);
    if (contacts)
        contacts_sort(agg);
    for (uint64_t i = 0; i < agg->record_count; i++) {
        const struct rc_record *rec =
            (const struct rc_record *)(agg->records.bytes + agg->place[i].at);
        agg->emit(agg->opaque, RC_MESSAGE_RECORD, rec, rec->size);
    }
    agg->records.used = agg->record_count = 0;
    for (uint64_t at = 0, i = 0; i < agg->dead_count; i++) {
        const struct rc_dead_letter *dead = (const struct rc_dead_letter *)(agg->dead.bytes + at);
        agg->emit(agg->opaque, RC_MESSAGE_DEAD_LETTER, dead, dead->size);
        at += dead->size;
    }
    agg->dead.used = agg->dead_count = 0;
    for (uint32_t i = 0; agg->keys_gone && i < agg->task_count; i++)
        if (agg->task[i])
            agg_keys_free(agg->task[i]);
    agg->keys_gone = false;
}

static void take_stock(struct agg *agg)
{
    uint64_t contacts = 0, identities = 0, episodes = 0, customers = 0, keys = 0, panes = 0,
             ordered = 0, mapped = agg->records.room, idle = 0;
    for (uint32_t i = 0; i < agg->task_count; i++) {
        const struct agg_task *task = agg->task[i];
        if (!task)
            continue;
        contacts += task->contact.live;
        identities += task->identity.live;
        episodes += task->episode.live;
        customers += task->customer_index.count;
        keys += task->key.live;
        panes += task->pane.live;
        ordered += task->order.count;
        struct agg_memory memory = agg_task_memory(task);
        mapped += memory.mapped;
        idle += memory.idle;
    }
    rc_gauge_set(&agg->stats.contacts_now, contacts);
    rc_gauge_set(&agg->stats.identities_now, identities);
    rc_gauge_set(&agg->stats.episodes_now, episodes);
    rc_gauge_set(&agg->stats.customers_now, customers);
    rc_gauge_set(&agg->stats.keys_now, keys);
    rc_gauge_set(&agg->stats.panes_now, panes);
    rc_gauge_set(&agg->stats.ordered_now, ordered);
    rc_gauge_set(&agg->stats.memory_bytes, mapped);
    rc_gauge_set(&agg->stats.idle_bytes, idle);
    rc_gauge_set(&agg->stats.now_ms, (uint64_t)agg->now_ms);
}

void agg_secret_set(struct agg *agg, uint64_t hash_secret)
{
    agg->options.hash_secret = hash_secret;
}

void agg_resume(struct agg *agg, int64_t now_ms)
{
    agg->now_ms = now_ms;
    for (uint32_t i = 0; i < agg->task_count; i++)
        RC_CHECK(!agg->task[i] || agg->task[i]->clock == (now_ms == RC_TIME_NONE ? 0 : now_ms));
    take_stock(agg);
}

void agg_mark(struct agg *agg, const struct rc_mark *mark)
{
    if (mark->now_ms != RC_TIME_NONE) {
        for (uint32_t i = 0; i < agg->task_count; i++) {
            struct agg_task *task = agg->task[i];
            if (!task)
                continue;
            take_late(task);
            agg_task_advance(task, mark->now_ms);
            if (mark->end_of_input)
                agg_publish_rest(task, mark->now_ms);
        }
        agg->now_ms = mark->now_ms;
    }
    hand_out(agg);
    take_stock(agg);
}

/* ---- another configuration ---- */

enum rc_error agg_configure_check(const struct agg *agg, const struct rc_config *config,
                                  char ret_message[256])
{
    const struct rc_config *old = agg->options.config;
    if (config->tasks != old->tasks) {
        snprintf(ret_message, 256, "tasks: %u cannot become %u: what is remembered is kept by task",
                 old->tasks, config->tasks);
        return RC_ERR_CONFIG;
    }
    if (memcmp(config->privacy.key, old->privacy.key, sizeof old->privacy.key) != 0) {
        snprintf(ret_message, 256,
                 "privacy.pseudonym_key cannot change: the customers that are remembered are known "
                 "by the old one");
        return RC_ERR_CONFIG;
    }
    return RC_OK;
}

enum rc_error agg_configure(struct agg *agg, const struct rc_config *config, char ret_message[256])
{
    RC_CHECK(!agg->options.replay && !agg->record_count);
    enum rc_error err = agg_configure_check(agg, config, ret_message);
    if (err)
        return err;
    agg->options.config = config;
    agg->queue_scope = has_scope(&config->contracts);
    for (uint32_t i = 0; i < agg->task_count; i++) {
        if (!agg->task[i])
            continue;
        task_settle(agg, agg->task[i]);
        agg_task_configure(agg->task[i], config);
    }
    agg->keys_gone = true;
    return RC_OK;
}
