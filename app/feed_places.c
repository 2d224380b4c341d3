#include "feed_places.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_SLOTS = 1 << 16 };

enum rc_error feed_places_init(struct feed_places *places, const struct rc_kafka *kafka)
{
    for (int channel = 0; channel <= RC_CHANNEL_NONE; channel++)
        places->topic[channel] = FEED_NOWHERE;
    for (uint32_t i = kafka->topic_count; i-- > 0;)
        places->topic[kafka->topic[i].channel] = i;
    for (int channel = 0; channel < RC_CHANNEL_NONE; channel++)
        if (places->topic[channel] == FEED_NOWHERE)
            places->topic[channel] = places->topic[RC_CHANNEL_NONE];
    places->slots = FIRST_SLOTS;
    places->count = 0;
    places->slot = calloc(places->slots, sizeof *places->slot);
    return places->slot ? RC_OK : RC_ERR_MEMORY;
}

void feed_places_done(struct feed_places *places)
{
    free(places->slot);
    places->slot = NULL;
}

static uint64_t mix(uint64_t sum, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        sum = (sum ^ (unsigned char)bytes[i]) * 0x100000001b3u;
    sum ^= sum >> 29;
    return sum * 0xbf58476d1ce4e5b9u;
}

/* The slot of that contact, or the free one where it belongs. */
static uint64_t *find(uint64_t *slot, size_t slots, uint64_t hash)
{
    size_t at = (hash >> 16) & (slots - 1);
    while (slot[at] && slot[at] >> 2 != hash >> 2)
        at = (at + 1) & (slots - 1);
    return &slot[at];
}

static void grow(struct feed_places *places)
{
    size_t slots = 2 * places->slots;
    uint64_t *slot = calloc(slots, sizeof *slot);
    if (!slot)
        return;
    for (size_t i = 0; i < places->slots; i++)
        if (places->slot[i])
            *find(slot, slots, places->slot[i]) = places->slot[i];
    free(places->slot);
    places->slot = slot;
    places->slots = slots;
}

static int channel_of(const char *text, size_t size)
{
    static const char *const names[RC_CHANNEL_COUNT] = {"call", "chat", "ticket"};
    for (int i = 0; i < RC_CHANNEL_COUNT; i++)
        if (strlen(names[i]) == size && memcmp(names[i], text, size) == 0)
            return i;
    return RC_CHANNEL_NONE;
}

uint32_t feed_places_find(struct feed_places *places, const char *channel, size_t channel_size,
                          const char *client, size_t client_size, const char *contact,
                          size_t contact_size)
{
    int own = channel_of(channel, channel_size);
    if (!contact_size)
        return places->topic[own];
    uint64_t hash = mix(mix(0xcbf29ce484222325u, client, client_size), contact, contact_size) | 4;
    uint64_t *slot = find(places->slot, places->slots, hash);
    if (own == RC_CHANNEL_NONE)
        return places->topic[*slot ? (int)(*slot & 3) : RC_CHANNEL_NONE];
    if (!*slot) {
        if (places->count >= places->slots / 4 * 3)
            grow(places);
        slot = find(places->slot, places->slots, hash);
        if (places->count >= places->slots / 8 * 7)
            return places->topic[own]; /* no memory for more */
        places->count++;
    }
    *slot = (hash & ~3ull) | (unsigned)own;
    return places->topic[own];
}
