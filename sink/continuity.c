#include "continuity_inside.h"
#include "gone.h"

#include "rollcall/check.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { DEAD_LETTERS = 255, KEY_ROOM = 512, FIRST_SLOTS = 1024, PSEUDONYM_SIZE = 32 };

/* ---- the table: open addressing, linear probing, deletion by shifting back ---- */

static XXH128_hash_t key_hash(uint8_t topic, const char *key, size_t size)
{
    return XXH3_128bits_withSeed(key, size, topic);
}

static bool same_key(XXH128_hash_t a, XXH128_hash_t b)
{
    return a.low64 == b.low64 && a.high64 == b.high64;
}

static struct slot *find(const struct continuity *c, XXH128_hash_t key)
{
    size_t at = key.low64 & (c->slots - 1);
    while (c->slot[at].known && !same_key(c->slot[at].key, key))
        at = (at + 1) & (c->slots - 1);
    return &c->slot[at];
}

static enum rc_error grow(struct continuity *c)
{
    struct continuity bigger = *c;
    bigger.slots = 2 * c->slots;
    bigger.slot = calloc(bigger.slots, sizeof *bigger.slot);
    if (!bigger.slot)
        return RC_ERR_MEMORY;
    for (size_t i = 0; i < c->slots; i++)
        if (c->slot[i].known)
            *find(&bigger, c->slot[i].key) = c->slot[i];
    free(c->slot);
    *c = bigger;
    return RC_OK;
}

enum rc_error continuity_slot(struct continuity *c, XXH128_hash_t key, struct slot **ret_slot)
{
    if (c->count >= c->slots / 4 * 3 && grow(c))
        return RC_ERR_MEMORY;
    struct slot *slot = find(c, key);
    if (!slot->known) {
        *slot = (struct slot){.key = key, .status = CONTINUITY_NO_STATUS, .known = true};
        c->count++;
    }
    *ret_slot = slot;
    return RC_OK;
}

static void let_go(struct continuity *c, struct slot *slot)
{
    free(slot->held);
    free(slot->gone);
    c->held -= slot->held != NULL;
    slot->held = NULL;
    slot->gone = NULL;
}

static void drop(struct continuity *c, struct slot *slot)
{
    size_t mask = c->slots - 1, hole = (size_t)(slot - c->slot);
    let_go(c, slot);
    for (size_t at = (hole + 1) & mask; c->slot[at].known; at = (at + 1) & mask) {
        size_t home = c->slot[at].key.low64 & mask;
        if (((at - home) & mask) < ((at - hole) & mask))
            continue; /* its home lies behind the hole: it must stay */
        c->slot[hole] = c->slot[at];
        hole = at;
    }
    c->slot[hole] = (struct slot){.known = false};
    c->count--;
}

/* ---- the text of a record ---- */

struct text {
    int64_t as_of_ms, revision;
    uint64_t content;
    uint8_t status;
};

/* Behind `name` in the text; a quote inside a string is escaped, so the names are found nowhere
 * else. */
static const char *behind(const char *text, size_t size, const char *name)
{
    const char *at = memmem(text, size, name, strlen(name));
    return at ? at + strlen(name) : NULL;
}

static bool read_integer(const char *text, size_t size, const char *name, int64_t *ret_value)
{
    const char *at = behind(text, size, name), *end = text + size;
    bool negative = at && at < end && *at == '-';
    int64_t value = 0;
    if (!at || (at += negative) == end || *at < '0' || *at > '9')
        return false;
    for (; at < end && *at >= '0' && *at <= '9'; at++)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, *at - '0', &value))
            return false;
    *ret_value = negative ? -value : value;
    return true;
}

static uint8_t read_status(const char *text, size_t size)
{
    static const char *const words[] = {[RC_PROVISIONAL] = "provisional\"",
                                        [RC_FINAL] = "final\"",
                                        [RC_RESTATED] = "restated\"",
                                        [RC_CLOSED] = "closed\""};
    const char *at = behind(text, size, "\"status\":\"");
    for (uint8_t i = 0; at && i < sizeof words / sizeof *words; i++)
        if ((size_t)(text + size - at) >= strlen(words[i]) &&
            memcmp(at, words[i], strlen(words[i])) == 0)
            return i;
    return CONTINUITY_NO_STATUS;
}

/* Contacts have no status: theirs is always this one. Their first fields change as well. */
static uint64_t contact_content(const struct continuity *c, const char *text, const char *content,
                                uint64_t hash)
{
    const char *end = behind(text, (size_t)(content - text), ",\"as_of_ms\":");
    if (!end)
        return hash;
    const char *customer = behind(text, (size_t)(end - text), ",\"customer\":\"");
    if (customer && c->new_pseudonyms && end - customer > PSEUDONYM_SIZE) {
        hash ^= XXH3_64bits_withSeed(text, (size_t)(customer - text), 2);
        text = customer + PSEUDONYM_SIZE;
    }
    return hash ^ XXH3_64bits_withSeed(text, (size_t)(end - text), 1);
}

static bool read_text(const struct continuity *c, uint8_t topic, const char *text, size_t size,
                      struct text *ret)
{
    static const char contract[] = "\"contract\":";
    const char *content = memmem(text, size, contract, sizeof contract - 1);
    ret->status = topic == RC_TOPIC_CONTACTS ? RC_FINAL : read_status(text, size);
    if (!content || ret->status == CONTINUITY_NO_STATUS ||
        !read_integer(text, size, "\"as_of_ms\":", &ret->as_of_ms) ||
        !read_integer(text, size, "\"revision\":", &ret->revision))
        return false;
    ret->content = XXH3_64bits(content, (size_t)(text + size - content));
    if (topic == RC_TOPIC_CONTACTS)
        ret->content = contact_content(c, text, content, ret->content);
    return ret->revision >= 0 && ret->revision <= UINT32_MAX;
}

/* How much of its life a record has behind it. */
static int stage(uint8_t status)
{
    return status == RC_PROVISIONAL ? 0 : status == RC_CLOSED ? 2 : 1;
}

/* ---- reading back ---- */

enum rc_error continuity_open(const struct rc_config *config, struct continuity **ret_continuity)
{
    struct continuity *c = calloc(1, sizeof *c);
    if (!c)
        return RC_ERR_MEMORY;
    c->slots = FIRST_SLOTS;
    c->config = config;
    for (int i = 0; i < RC_WINDOWS_MAX; i++)
        c->first_ms[i] = INT64_MAX;
    c->as_of_ms = RC_TIME_NONE;
    c->slot = calloc(c->slots, sizeof *c->slot);
    if (!c->slot) {
        free(c);
        return RC_ERR_MEMORY;
    }
    *ret_continuity = c;
    return RC_OK;
}

void continuity_new_pseudonyms(struct continuity *c)
{
    c->new_pseudonyms = true;
}

void continuity_close(struct continuity *c)
{
    if (!c)
        return;
    for (size_t i = 0; i < c->slots; i++)
        let_go(c, &c->slot[i]);
    free(c->slot);
    free(c->list);
    free(c);
}

enum rc_error continuity_read_back(struct continuity *c, uint8_t topic, const char *key,
                                   size_t key_size, const char *value, size_t value_size)
{
    struct slot *slot;
    struct text text;
    XXH128_hash_t hash = key_hash(topic, key, key_size);
    if (!value) {
        slot = find(c, hash);
        if (slot->known)
            drop(c, slot);
        return RC_OK;
    }
    if (!read_text(c, topic, value, value_size, &text) || text.revision == 0)
        return RC_OK;
    if (continuity_slot(c, hash, &slot))
        return RC_ERR_MEMORY;
    slot->revision = (uint32_t)text.revision;
    slot->status = text.status;
    slot->content = text.content;
    slot->read = true;
    if (c->config) {
        free(slot->gone);
        slot->gone = gone_read(topic, value, value_size);
    }
    slot->contact = topic == RC_TOPIC_CONTACTS;
    if (text.as_of_ms > c->as_of_ms)
        c->as_of_ms = text.as_of_ms;
    return RC_OK;
}

static XXH128_hash_t dead_hash(const char *topic, int32_t partition, int64_t offset)
{
    char key[KEY_ROOM];
    int size = snprintf(key, sizeof key, "%s|%d|%lld", topic, partition, (long long)offset);
    return key_hash(DEAD_LETTERS, key, (size_t)size);
}

enum rc_error continuity_read_dead(struct continuity *c, const char *topic, int32_t partition,
                                   int64_t offset)
{
    struct slot *slot;
    return continuity_slot(c, dead_hash(topic, partition, offset), &slot);
}

bool continuity_dead_known(const struct continuity *c, const char *topic, int32_t partition,
                           int64_t offset)
{
    return find(c, dead_hash(topic, partition, offset))->known;
}

int64_t continuity_read_all(struct continuity *c)
{
    c->rebuilding = c->as_of_ms != RC_TIME_NONE;
    return c->as_of_ms;
}

/* ---- rebuilding, and after ---- */

bool continuity_rebuilding(const struct continuity *c)
{
    return c->rebuilding;
}

static bool is_zero(const struct rc_record *rec)
{
    for (int i = 0; rec->topic != RC_TOPIC_CONTACTS && i < RC_FIGURE_COUNT; i++)
        if (rc_figure_info[i].merge != RC_MERGE_RATIO && rec->value[i] != 0)
            return false;
    return rec->topic != RC_TOPIC_CONTACTS;
}

bool continuity_exists(const struct continuity *c, const struct rc_record *rec, const char *key,
                       size_t key_size)
{
    /* of a closed interval nothing is known any more, and its tombstone comes at once */
    if (!is_zero(rec) || (rec->tombstone && rec->status == RC_CLOSED))
        return true;
    const struct slot *slot = find(c, key_hash(rec->topic, key, key_size));
    return slot->known && slot->revision > 0;
}

enum rc_error continuity_hold(struct continuity *c, struct rc_record *rec, const char *key,
                              size_t key_size, const char *json, size_t json_size)
{
    struct slot *slot;
    struct text text;
    RC_CHECK(c->rebuilding);
    if (continuity_slot(c, key_hash(rec->topic, key, key_size), &slot))
        return RC_ERR_MEMORY;
    let_go(c, slot);
    if (rec->topic != RC_TOPIC_CONTACTS && rec->kind == RC_KIND_INTERVAL &&
        rec->start_ms < c->first_ms[rec->window])
        c->first_ms[rec->window] = rec->start_ms;
    if (rec->topic == RC_TOPIC_CONTACTS) {
        slot->contact = true;
        slot->made = rec->revision;
    }
    if (!slot->read && (rec->tombstone || is_zero(rec))) {
        drop(c, slot); /* came and went unseen */
        return RC_OK;
    }
    if (!rec->tombstone) {
        RC_CHECK(read_text(c, rec->topic, json, json_size, &text));
        if (slot->read && text.content == slot->content &&
            stage(rec->status) <= stage(slot->status)) {
            rec->revision = slot->revision; /* as published: adopted */
            rec->status = slot->status;
            return RC_OK;
        }
    }
    rec->revision = slot->revision + 1;
    slot->held = malloc(rec->size);
    if (!slot->held)
        return RC_ERR_MEMORY;
    memcpy(slot->held, rec, rec->size);
    c->held++;
    return RC_OK;
}

/* The core counts the revisions of a contact, and forgets it in time: here it need only be known
 * how far the revisions published are ahead of the core's, where they are. */
static void count_from_core(struct slot *slot)
{
    slot->revision -= slot->made;
    slot->made = 0;
}

/* Closed records change no more: from now on they need not be known. */
static void forget_closed(struct continuity *c)
{
    for (size_t i = 0; i < c->slots;) {
        struct slot *slot = &c->slot[i];
        if (slot->contact)
            count_from_core(slot);
        bool closed = slot->read && !slot->held && slot->status == RC_CLOSED;
        if (slot->known && (slot->contact ? slot->revision == 0 : closed))
            drop(c, slot); /* another may have moved here: look again */
        else
            i++;
    }
}

/* What lies before the first window that was made again, or in it, is left as it is: the input may
 * no longer reach back so far. */
static void hold_gone(struct continuity *c, struct slot *slot, int64_t now_ms)
{
    struct rc_record *rec = gone_record(slot->gone, c->config, now_ms);
    int64_t first_ms = INT64_MAX;
    for (int i = 0; i < RC_WINDOWS_MAX; i++)
        if (c->first_ms[i] < first_ms)
            first_ms = c->first_ms[i];
    if (rec && rec->kind == RC_KIND_INTERVAL)
        first_ms = c->first_ms[rec->window];
    if (!rec || rec->start_ms <= first_ms) {
        free(rec);
        return;
    }
    slot->held = rec;
    c->held++;
}

enum rc_error continuity_reach(struct continuity *c, int64_t now_ms, bool *ret_over,
                               struct rc_record ***ret_held, size_t *ret_count)
{
    *ret_over = false;
    if (!c->rebuilding || now_ms == RC_TIME_NONE || now_ms < c->as_of_ms)
        return RC_OK;
    for (size_t i = 0; i < c->slots; i++)
        if (c->slot[i].gone && !c->slot[i].held)
            hold_gone(c, &c->slot[i], now_ms);
    c->list = malloc((c->held + 1) * sizeof *c->list);
    if (!c->list)
        return RC_ERR_MEMORY;
    size_t count = 0;
    for (size_t i = 0; i < c->slots; i++)
        if (c->slot[i].held)
            c->list[count++] = c->slot[i].held;
    c->rebuilding = false;
    *ret_over = true;
    *ret_held = c->list;
    *ret_count = count;
    return RC_OK;
}

void continuity_release(struct continuity *c)
{
    free(c->list);
    c->list = NULL;
    for (size_t i = 0; i < c->slots; i++)
        let_go(c, &c->slot[i]);
    forget_closed(c);
}

static void number_contact(struct continuity *c, struct rc_record *rec, const char *key,
                           size_t key_size)
{
    struct slot *slot = find(c, key_hash(rec->topic, key, key_size));
    if (slot->held)
        rec->revision = ++slot->revision;
    else if (slot->known)
        rec->revision += slot->revision;
}

enum rc_error continuity_number(struct continuity *c, struct rc_record *rec, const char *key,
                                size_t key_size)
{
    struct slot *slot;
    if (rec->topic == RC_TOPIC_CONTACTS) {
        number_contact(c, rec, key, key_size);
        return RC_OK;
    }
    if (continuity_slot(c, key_hash(rec->topic, key, key_size), &slot))
        return RC_ERR_MEMORY;
    /* It was final before, whatever this run has seen of it. */
    if (slot->read && rec->kind == RC_KIND_INTERVAL && rec->status == RC_FINAL &&
        stage(slot->status) == 1)
        rec->status = RC_RESTATED;
    rec->revision = ++slot->revision;
    slot->status = rec->status;
    slot->read = false;
    if (rec->tombstone || (rec->kind == RC_KIND_INTERVAL && rec->status == RC_CLOSED)) {
        if (slot->held) { /* lent: dropped with the release */
            slot->read = true;
            slot->status = RC_CLOSED;
        } else {
            drop(c, slot);
        }
    }
    return RC_OK;
}

size_t continuity_keys(const struct continuity *c)
{
    return c->count;
}

size_t continuity_held(const struct continuity *c)
{
    return c->held;
}
