/* Which topic an event goes to: that of its channel; without one, that of the channel its contact
 * had before; else the first that takes any. */
#ifndef APP_FEED_PLACES_H
#define APP_FEED_PLACES_H

#include "rollcall/config.h"
#include "rollcall/error.h"

#include <stddef.h>
#include <stdint.h>

enum { FEED_NOWHERE = UINT32_MAX };

struct feed_places {
    uint32_t topic[RC_CHANNEL_COUNT + 1]; /* of each channel, and of none; or FEED_NOWHERE */
    uint64_t *slot;                       /* contacts seen: hash, its lowest 2 bits the channel */
    size_t slots, count;
};

enum rc_error feed_places_init(struct feed_places *places, const struct rc_kafka *kafka);
void feed_places_done(struct feed_places *places);
/* `channel` as it stands in the event ("" when it does not); MEMORY never: a contact that cannot be
 * remembered is forgotten. */
uint32_t feed_places_find(struct feed_places *places, const char *channel, size_t channel_size,
                          const char *client, size_t client_size, const char *contact,
                          size_t contact_size);

#endif
