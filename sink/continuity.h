/* Going on where the last run stopped. State is rebuilt from the input's beginning, so every
 * record of the past is made again; this decides what of it is published.
 *
 * What the output topics hold (the last record per key) is read back first. While the rebuilt
 * records are not beyond the largest as_of_ms of what was read back, nothing is published: what
 * equals the record read back is adopted with its revision, of what differs the latest is held,
 * and of what is not made again a record with zeros.
 * When an epoch's now has reached that instant, what is held goes out with the next revision, and
 * from then on records pass, numbered on from the last revision of their key.
 *
 * Pure but for memory. thread: commit. */
#ifndef ROLLCALL_SINK_CONTINUITY_H
#define ROLLCALL_SINK_CONTINUITY_H

#include "rollcall/config.h"
#include "rollcall/error.h"
#include "rollcall/record.h"
#include "rollcall/snapshot.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct continuity;

/* `config`, borrowed, may be NULL: then what is not made again is left as it is. MEMORY. */
enum rc_error continuity_open(const struct rc_config *config, struct continuity **ret_continuity);
/* Customers have other pseudonyms than in the run before: what differs in them alone is the
 * same. */
void continuity_new_pseudonyms(struct continuity *continuity);
void continuity_close(struct continuity *continuity);

/* A record of an output topic, in the order of its partition; value NULL: a tombstone. What does
 * not read as a record of ours is passed over. MEMORY. */
enum rc_error continuity_read_back(struct continuity *continuity, uint8_t topic, const char *key,
                                   size_t key_size, const char *value, size_t value_size);
/* A dead letter of that input position is published already. MEMORY. */
enum rc_error continuity_read_dead(struct continuity *continuity, const char *topic,
                                   int32_t partition, int64_t offset);
/* All is read back; RC_TIME_NONE: there was nothing, so nothing is held. */
int64_t continuity_read_all(struct continuity *continuity);

bool continuity_rebuilding(const struct continuity *continuity);
/* Whether the record exists at all: one that is zero does only where it was published before (SPEC
 * section 8). The core of this run may have seen it otherwise in a moment that the run before
 * passed over. */
bool continuity_exists(const struct continuity *continuity, const struct rc_record *rec,
                       const char *key, size_t key_size);
/* While rebuilding: a record that was made again, with its key and JSON text. Gives it the revision
 * that it was published with, or will be. MEMORY. */
enum rc_error continuity_hold(struct continuity *continuity, struct rc_record *rec, const char *key,
                              size_t key_size, const char *json, size_t json_size);
/* The epoch's now. True once: rebuilding is over, and what is held is to be published, each
 * through continuity_number. The list, not in order, is lent until continuity_release. MEMORY. */
enum rc_error continuity_reach(struct continuity *continuity, int64_t now_ms, bool *ret_over,
                               struct rc_record ***ret_held, size_t *ret_count);
void continuity_release(struct continuity *continuity);
/* The revision that the record is published with, and a status that fits what was published
 * before. Forgets the key when its life is over. MEMORY. */
enum rc_error continuity_number(struct continuity *continuity, struct rc_record *rec,
                                const char *key, size_t key_size);
/* Whether a dead letter of that input position was published by a run before. */
bool continuity_dead_known(const struct continuity *continuity, const char *topic,
                           int32_t partition, int64_t offset);

/* After rebuilding: what a later run goes on from, which then needs nothing read back. Restored
 * into one that was just opened. What `put` and `get` say; INPUT: these are no revisions; MEMORY.
 */
enum rc_error continuity_save(const struct continuity *continuity,
                              const struct rc_snapshot_writer *out);
enum rc_error continuity_restore(struct continuity *continuity,
                                 const struct rc_snapshot_reader *in);

/* How many keys are known, how many records held; for tests and messages. */
size_t continuity_keys(const struct continuity *continuity);
size_t continuity_held(const struct continuity *continuity);

#endif
