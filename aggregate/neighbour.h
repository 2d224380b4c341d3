/* Neighbours: the episodes of a customer that say whether another one's verdict is no. They are
 * those of the same start, the next ones and the ones before; for `scope: queue` also those of the
 * same place. Ghosts have no verdict of their own and belong to no group. All of it is the shard's
 * thread's. */
#ifndef AGGREGATE_NEIGHBOUR_H
#define AGGREGATE_NEIGHBOUR_H

#include "episode.h"
#include "rollcall/contract.h"

static inline bool agg_episode_is_live(const struct agg_episode *episode)
{
    return episode->form != AGG_FORM_FREE && episode->form != AGG_FORM_GHOST;
}

/* Is `b` where the next one of `a` is looked for? */
static inline bool agg_episode_in_scope(const struct agg_episode *a, const struct agg_episode *b,
                                        uint8_t scope)
{
    return scope == RC_FCR_CLIENT || a->key == b->key;
}

/* Who has met whom: an age is over when an episode comes to a customer after a ghost has come to
 * any, so that one of the age of a ghost, or an earlier one, was there before it. Counted round and
 * round: it tells those apart that lie less than half a million such moments asunder. */
uint32_t agg_age_of_episode(struct agg_task *task);
uint32_t agg_age_of_ghost(struct agg_task *task);
/* The smallest start >= its own among the customer's other episodes, ghosts that it has met
 * included; NONE. */
int64_t agg_next_start(struct agg_task *task, uint32_t episode, uint8_t scope);
/* Is a ghost needed when this one is dropped: may it be another one's next, and does no ghost say
 * the same already? */
bool agg_next_is_missed(struct agg_task *task, uint32_t episode);

/* Those of one start that one episode is judged with: `place`, if any, narrows them to one. */
struct agg_group {
    uint32_t root, self, place, at;
    int64_t start;
};
/* That of the episode's own start, without itself. */
struct agg_group agg_group_of(struct agg_task *task, uint32_t episode, bool same_place);
/* The next one of the group; 0: no more. */
uint32_t agg_group_next(struct agg_task *task, struct agg_group *group);
/* To the nearest start before (after) the group's. false: there is none. */
bool agg_group_move(struct agg_task *task, struct agg_group *group, bool back);
/* Most customers have one episode. */
bool agg_episode_is_alone(const struct agg_task *task, uint32_t episode);
/* Adds those of its own start, of the next and of the one before to the task's episode_set. */
void agg_group_collect(struct agg_task *task, uint32_t episode);

#endif
