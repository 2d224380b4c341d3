/* An input as it comes: events, damaged ones, ticks, ones ahead of the clock; plainly and in
 * transactions, of which some are aborted; into random partitions of two topics. */
#ifndef ROLLCALL_TEST_RECOVERY_INPUT_H
#define ROLLCALL_TEST_RECOVERY_INPUT_H

#include <stdint.h>

enum { INPUT_AHEAD_S = 10 }; /* max_ahead, just beyond which some events lie */

struct input;
/* Two topics made anew. */
struct input *input_open(const char *brokers, uint64_t seed);
const char *input_topic(const struct input *input, int number);
/* Writes until it is stopped, in a thread of its own. */
void input_start(struct input *input);
void input_stop(struct input *input);
/* The first topic gets a few more partitions. */
void input_grow(struct input *input);
/* What was committed and makes an event or a dead letter: their sum. thread: any. */
uint64_t input_places(struct input *input);
uint64_t input_count(struct input *input);
/* A place in such a sum. */
uint64_t input_place(uint32_t source, int64_t offset);
uint64_t input_random(struct input *input);
/* Records before `offset` are deleted. */
void input_trim(struct input *input, const char *topic, int32_t partition, int64_t offset);
void input_compact(struct input *input, const char *topic);
void input_close(struct input *input);

#endif
