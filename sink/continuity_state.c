/* The revisions to bytes and back, once nothing is held: what is still to be known of each key. */
#include "continuity_inside.h"

#include "rollcall/check.h"

enum { FORMAT = 1, READ = 1, CONTACT = 2 };

struct head {
    uint32_t format, unused;
    uint64_t keys;
};
struct key {
    uint64_t low, high; /* of the hash */
    uint32_t revision;
    uint8_t status, flags, unused[2];
};
static_assert(sizeof(struct key) == 24, "as it lies in a snapshot");

enum rc_error continuity_save(const struct continuity *c, const struct rc_snapshot_writer *out)
{
    const struct head head = {.format = FORMAT, .keys = c->count};
    RC_CHECK(!c->rebuilding && !c->held);
    enum rc_error err = out->put(out->self, &head, sizeof head);
    for (size_t i = 0; i < c->slots && !err; i++) {
        const struct slot *slot = &c->slot[i];
        if (!slot->known)
            continue;
        struct key key = {.low = slot->key.low64,
                          .high = slot->key.high64,
                          .revision = slot->revision,
                          .status = slot->status};
        key.flags = (uint8_t)((slot->read ? READ : 0) | (slot->contact ? CONTACT : 0));
        err = out->put(out->self, &key, sizeof key);
    }
    return err;
}

static enum rc_error take(struct continuity *c, const struct key *key)
{
    struct slot *slot;
    size_t before = c->count;
    if ((key->status > RC_CLOSED && key->status != CONTINUITY_NO_STATUS) ||
        key->flags > (READ | CONTACT) || key->unused[0] || key->unused[1])
        return RC_ERR_INPUT;
    if (continuity_slot(c, (XXH128_hash_t){.low64 = key->low, .high64 = key->high}, &slot))
        return RC_ERR_MEMORY;
    if (c->count == before)
        return RC_ERR_INPUT; /* twice */
    slot->revision = key->revision;
    slot->status = key->status;
    slot->read = key->flags & READ;
    slot->contact = key->flags & CONTACT;
    return RC_OK;
}

enum rc_error continuity_restore(struct continuity *c, const struct rc_snapshot_reader *in)
{
    struct head head;
    struct key key;
    enum rc_error err = in->get(in->self, &head, sizeof head);
    if (!err && (head.format != FORMAT || head.unused))
        err = RC_ERR_INPUT;
    for (uint64_t i = 0; !err && i < head.keys; i++) {
        err = in->get(in->self, &key, sizeof key);
        if (!err)
            err = take(c, &key);
    }
    return err;
}
