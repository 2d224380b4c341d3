/* The ring between two threads: one producer, one consumer, bounded, lock-free, of messages of any
 * size. The producer reserves room for a message, writes it in place and commits; the consumer
 * peeks at the oldest message and releases it. Positions run over 2^64 bytes and never wrap in
 * practice; tests start them near the wrap all the same.
 *
 * Threads: reserve and commit belong to the producer, peek and release to the consumer.
 * Ordering: the producer's store of `tail` (release A) makes the message visible to the consumer's
 * load (acquire, reads A); the consumer's store of `head` (release B) gives the bytes back to the
 * producer's load (acquire, reads B). */
#ifndef ROLLCALL_RING_H
#define ROLLCALL_RING_H

#include "check.h"
#include "error.h"
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>

enum { RC_RING_LINE = 64, RC_RING_SKIP = UINT16_MAX };

struct rc_ring_head {
    uint32_t size; /* of the message, without this head, as asked for */
    uint32_t kind; /* the caller's, or RC_RING_SKIP: the rest up to the end is not used */
};

struct rc_ring {
    /* the producer's line */
    _Alignas(RC_RING_LINE) _Atomic uint64_t tail;
    uint64_t tail_next; /* reserved up to here, not yet committed */
    uint64_t head_seen;
    /* the consumer's line */
    _Alignas(RC_RING_LINE) _Atomic uint64_t head;
    uint64_t head_next; /* peeked at, not yet released */
    uint64_t tail_seen;
    /* const after init */
    _Alignas(RC_RING_LINE) uint64_t mask;
    char *bytes;
};

/* The caller lends `bytes` (capacity a power of two, at least 4 KiB, 8-aligned) for the ring's
 * life.
 * `start` is where positions begin, 0 but for tests; a multiple of 8. */
static inline void rc_ring_init(struct rc_ring *ring, char *bytes, uint64_t capacity,
                                uint64_t start)
{
    RC_CHECK(capacity >= 4096 && (capacity & (capacity - 1)) == 0 && start % 8 == 0);
    memset(ring, 0, sizeof *ring);
    atomic_init(&ring->tail, start);
    atomic_init(&ring->head, start);
    ring->tail_next = ring->head_seen = ring->head_next = ring->tail_seen = start;
    ring->mask = capacity - 1;
    ring->bytes = bytes;
}

/* The largest message that always fits some time: half of the ring. */
static inline uint64_t rc_ring_message_max(const struct rc_ring *ring)
{
    return (ring->mask + 1) / 2 - sizeof(struct rc_ring_head);
}

/* AGAIN: full. On success *ret_message (8-aligned, lent until the commit) has room for `size`. */
static inline enum rc_error rc_ring_reserve(struct rc_ring *ring, uint32_t size, uint32_t kind,
                                            void **ret_message)
{
    uint64_t tail = ring->tail_next;
    uint64_t need = sizeof(struct rc_ring_head) + (((uint64_t)size + 7) & ~7ull);
    uint64_t at = tail & ring->mask, left = ring->mask + 1 - at;
    uint64_t skip = need > left ? left : 0;
    RC_CHECK(size <= rc_ring_message_max(ring) && kind != RC_RING_SKIP);
    if (tail + skip + need - ring->head_seen > ring->mask + 1) {
        ring->head_seen = atomic_load_explicit(&ring->head, memory_order_acquire); /* reads B */
        if (tail + skip + need - ring->head_seen > ring->mask + 1)
            return RC_ERR_AGAIN;
    }
    if (skip) {
        struct rc_ring_head gap = {(uint32_t)(left - sizeof gap), RC_RING_SKIP};
        memcpy(ring->bytes + at, &gap, sizeof gap);
        at = 0;
    }
    struct rc_ring_head head = {size, kind};
    memcpy(ring->bytes + at, &head, sizeof head);
    ring->tail_next = tail + skip + need;
    *ret_message = ring->bytes + at + sizeof head;
    return RC_OK;
}

/* Makes all reserved messages visible. */
static inline void rc_ring_commit(struct rc_ring *ring)
{
    atomic_store_explicit(&ring->tail, ring->tail_next, memory_order_release); /* A */
}

/* AGAIN: empty. The message is lent until the release. Messages come one after the other, so
 * several may be peeked at before one release gives all of them back. */
static inline enum rc_error rc_ring_peek(struct rc_ring *ring, void **ret_message,
                                         uint32_t *ret_size, uint32_t *ret_kind)
{
    for (;;) {
        if (ring->head_next == ring->tail_seen) {
            ring->tail_seen = atomic_load_explicit(&ring->tail, memory_order_acquire); /* reads A */
            if (ring->head_next == ring->tail_seen)
                return RC_ERR_AGAIN;
        }
        char *at = ring->bytes + (ring->head_next & ring->mask);
        struct rc_ring_head head;
        memcpy(&head, at, sizeof head);
        ring->head_next += sizeof head + (((uint64_t)head.size + 7) & ~7ull);
        if (head.kind == RC_RING_SKIP)
            continue;
        *ret_message = at + sizeof head;
        *ret_size = head.size;
        *ret_kind = head.kind;
        return RC_OK;
    }
}

/* Gives all that was peeked at back to the producer. */
static inline void rc_ring_release(struct rc_ring *ring)
{
    atomic_store_explicit(&ring->head, ring->head_next, memory_order_release); /* B */
}

#endif
