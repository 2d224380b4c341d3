/* Index-linked arenas: fixed-size records by 32-bit reference, in chunks mapped as needed, with a
 * free list. Reference 0 is "none". Records never move. A pool has one owner, the task. */
#ifndef AGGREGATE_POOL_H
#define AGGREGATE_POOL_H

#include "rollcall/check.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct agg_pool {
    char **chunk;
    uint32_t item_size, shift; /* a chunk holds 1 << shift items */
    uint32_t next;             /* the first reference never given out */
    uint32_t free;             /* head of the free list; linked through the items' first 4 bytes */
    uint32_t chunk_count, chunk_room;
    uint64_t live;
};

void agg_pool_init(struct agg_pool *pool, uint32_t item_size);
void agg_pool_done(struct agg_pool *pool);
/* A zeroed item. Panics when references are used up: limits are checked before. */
uint32_t agg_pool_get(struct agg_pool *pool);
void agg_pool_put(struct agg_pool *pool, uint32_t ref);
/* For a pool that is filled again from its rows: there is memory for that reference. */
void agg_pool_reach(struct agg_pool *pool, uint32_t ref);
/* And when all rows are there: these are free, the next one to be given out first. */
void agg_pool_free_all(struct agg_pool *pool, const uint32_t *ref, uint32_t count);
static inline void *agg_pool_at(const struct agg_pool *pool, uint32_t ref)
{
    return pool->chunk[ref >> pool->shift] +
           (size_t)(ref & ((1u << pool->shift) - 1)) * pool->item_size;
}
/* Bytes mapped from the system, and of these what was used and is free to be used again. */
struct agg_memory {
    uint64_t mapped, idle;
};
static inline void agg_pool_count(const struct agg_pool *pool, struct agg_memory *memory)
{
    memory->mapped += ((uint64_t)pool->chunk_count << pool->shift) * pool->item_size;
    memory->idle += (pool->next - 1 - pool->live) * pool->item_size;
}

/* A hash index from 32-bit tags to references; what else must be equal the caller compares. */
struct agg_index {
    struct agg_slot {
        uint32_t tag, ref;
    } * slot;
    uint32_t mask, count;
};
void agg_index_init(struct agg_index *index);
void agg_index_done(struct agg_index *index);
void agg_index_add(struct agg_index *index, uint32_t tag, uint32_t ref);
void agg_index_remove(struct agg_index *index, uint32_t tag, uint32_t ref);
/* Room for so many without growing; the index is empty. */
void agg_index_reserve(struct agg_index *index, uint32_t count);
/* `ref` stands where `old` stood. */
void agg_index_replace(struct agg_index *index, uint32_t tag, uint32_t old, uint32_t ref);
/* Walks the references that have the tag: start with *at = tag, 0 ends. */
static inline uint32_t agg_index_next(const struct agg_index *index, uint32_t tag, uint32_t *at)
{
    for (;; ++*at) {
        const struct agg_slot *slot = &index->slot[*at & index->mask];
        if (slot->ref == 0)
            return 0;
        if (slot->tag == tag) {
            ++*at;
            return slot->ref;
        }
    }
}
static inline uint64_t agg_index_bytes(const struct agg_index *index)
{
    return ((uint64_t)index->mask + 1) * sizeof(struct agg_slot);
}

/* Names and ids: short texts by reference, in pools by length. 1 to 128 bytes. */
enum { AGG_TEXT_CLASSES = 16 };
struct agg_texts {
    struct agg_pool pool[AGG_TEXT_CLASSES];
};
void agg_texts_init(struct agg_texts *texts);
void agg_texts_done(struct agg_texts *texts);
uint32_t agg_text_put(struct agg_texts *texts, const char *bytes, uint32_t size);
void agg_text_drop(struct agg_texts *texts, uint32_t ref, uint32_t size);
static inline const char *agg_text_at(const struct agg_texts *texts, uint32_t ref, uint32_t size)
{
    return agg_pool_at(&texts->pool[(size - 1) / 8], ref);
}
void agg_texts_count(const struct agg_texts *texts, struct agg_memory *memory);

/* Memory from the system, zeroed. */
void *agg_map(uint64_t size);
void agg_unmap(void *at, uint64_t size);

/* A growing list of references. */
struct agg_list {
    uint32_t *ref;
    uint32_t count, room;
};
void agg_list_add(struct agg_list *list, uint32_t ref);
void agg_list_done(struct agg_list *list);

#endif
