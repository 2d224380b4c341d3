/* Arenas, hash indexes and texts of a task's state. */
#include "pool.h"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
    CHUNK_BYTES = 1 << 14,
    CHUNK_TABLE_FIRST = 8,
    REGION_BYTES = 1 << 21,
    MAP_LEAST = 1 << 20,
    INDEX_FIRST = 64
};

static void *map(uint64_t size)
{
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE,
                    -1, 0);
    RC_CHECK(at != MAP_FAILED);
    return at;
}

/* What is small comes and goes with the growth of tables: not worth a system call each time. */
void *agg_map(uint64_t size)
{
    if (size >= MAP_LEAST)
        return map(size);
    /* tidy: allow calloc: the one place where small tables come from */
    void *at = calloc(1, size);
    RC_CHECK(at != NULL);
    return at;
}

void agg_unmap(void *at, uint64_t size)
{
    if (size < MAP_LEAST)
        free(at);
    else if (at)
        munmap(at, size);
}

/* ---- chunks ---- */

/* Chunks of all pools are cut from regions as large as a huge page, so that neither the first touch
 * nor the look-up of addresses costs once per 4 KiB, and a task with little in it stays small. A
 * region goes back to the system with the last of its chunks. */
struct region {
    uint64_t used, chunks;
};
static pthread_mutex_t region_lock = PTHREAD_MUTEX_INITIALIZER;
static struct region *region_open;

static struct region *region_new(void)
{
    char *bytes = map(2 * (uint64_t)REGION_BYTES);
    uintptr_t skip = -(uintptr_t)bytes & (REGION_BYTES - 1);
    if (skip)
        munmap(bytes, skip);
    munmap(bytes + skip + REGION_BYTES, REGION_BYTES - skip);
    struct region *region = (struct region *)(bytes + skip);
    madvise(region, REGION_BYTES, MADV_HUGEPAGE); /* where the system has none it is as it was */
    region->used = (sizeof *region + 63) & ~63ull;
    return region;
}

static void region_leave(struct region *region)
{
    if (region->chunks == 0 && region != region_open)
        munmap(region, REGION_BYTES);
}

static char *chunk_new(uint64_t size)
{
    if (size > CHUNK_BYTES)
        return map(size);
    pthread_mutex_lock(&region_lock);
    struct region *region = region_open;
    if (!region || region->used + size > REGION_BYTES) {
        region_open = region_new();
        if (region)
            region_leave(region);
        region = region_open;
    }
    char *chunk = (char *)region + region->used;
    region->used += (size + 63) & ~63ull;
    region->chunks++;
    pthread_mutex_unlock(&region_lock);
    return chunk;
}

static void chunk_free(char *chunk, uint64_t size)
{
    if (size > CHUNK_BYTES) {
        munmap(chunk, size);
        return;
    }
    struct region *region = (struct region *)((uintptr_t)chunk & ~(uintptr_t)(REGION_BYTES - 1));
    pthread_mutex_lock(&region_lock);
    region->chunks--;
    if (region == region_open && region->chunks == 0)
        region_open = NULL;
    region_leave(region);
    pthread_mutex_unlock(&region_lock);
}

void agg_pool_init(struct agg_pool *pool, uint32_t item_size)
{
    RC_CHECK(item_size >= 4);
    memset(pool, 0, sizeof *pool);
    pool->item_size = item_size;
    while ((2u << pool->shift) * (uint64_t)item_size <= CHUNK_BYTES)
        pool->shift++;
    pool->next = 1;
}

void agg_pool_done(struct agg_pool *pool)
{
    for (uint32_t i = 0; i < pool->chunk_count; i++)
        chunk_free(pool->chunk[i], (uint64_t)pool->item_size << pool->shift);
    agg_unmap(pool->chunk, (uint64_t)pool->chunk_room * sizeof *pool->chunk);
    memset(pool, 0, sizeof *pool);
}

static void pool_grow(struct agg_pool *pool)
{
    if (pool->chunk_count == pool->chunk_room) {
        uint32_t room = pool->chunk_room ? pool->chunk_room * 2 : CHUNK_TABLE_FIRST;
        char **table = agg_map((uint64_t)room * sizeof *table);
        if (pool->chunk_count)
            memcpy(table, pool->chunk, pool->chunk_count * sizeof *table);
        agg_unmap(pool->chunk, (uint64_t)pool->chunk_room * sizeof *table);
        pool->chunk = table;
        pool->chunk_room = room;
    }
    pool->chunk[pool->chunk_count++] = chunk_new((uint64_t)pool->item_size << pool->shift);
}

void agg_pool_reach(struct agg_pool *pool, uint32_t ref)
{
    while (ref >> pool->shift >= pool->chunk_count)
        pool_grow(pool);
}

uint32_t agg_pool_get(struct agg_pool *pool)
{
    uint32_t ref = pool->free;
    if (ref) {
        void *item = agg_pool_at(pool, ref);
        memcpy(&pool->free, item, sizeof pool->free);
        memset(item, 0, pool->item_size);
    } else {
        RC_CHECK(pool->next < UINT32_MAX);
        ref = pool->next++;
        agg_pool_reach(pool, ref); /* two chunks at first where one item fills one */
    }
    pool->live++;
    return ref;
}

void agg_pool_put(struct agg_pool *pool, uint32_t ref)
{
    RC_CHECK(ref && ref < pool->next);
    memcpy(agg_pool_at(pool, ref), &pool->free, sizeof pool->free);
    pool->free = ref;
    pool->live--;
}

void agg_pool_free_all(struct agg_pool *pool, const uint32_t *ref, uint32_t count)
{
    pool->free = 0;
    for (uint32_t i = count; i-- > 0;) {
        memcpy(agg_pool_at(pool, ref[i]), &pool->free, sizeof pool->free);
        pool->free = ref[i];
    }
    pool->live = pool->next - 1 - count;
}

void agg_index_init(struct agg_index *index)
{
    index->mask = INDEX_FIRST - 1;
    index->count = 0;
    index->slot = agg_map(INDEX_FIRST * sizeof *index->slot);
}

void agg_index_done(struct agg_index *index)
{
    agg_unmap(index->slot, agg_index_bytes(index));
    index->slot = NULL;
}

static void index_place(struct agg_index *index, uint32_t tag, uint32_t ref)
{
    uint32_t at = tag & index->mask;
    while (index->slot[at].ref)
        at = (at + 1) & index->mask;
    index->slot[at] = (struct agg_slot){tag, ref};
}

void agg_index_add(struct agg_index *index, uint32_t tag, uint32_t ref)
{
    if ((uint64_t)index->count * 3 >= ((uint64_t)index->mask + 1) * 2) {
        struct agg_index old = *index;
        index->mask = index->mask * 2 + 1;
        index->slot = agg_map(agg_index_bytes(index));
        for (uint64_t i = 0; i <= old.mask; i++)
            if (old.slot[i].ref)
                index_place(index, old.slot[i].tag, old.slot[i].ref);
        agg_unmap(old.slot, agg_index_bytes(&old));
    }
    index_place(index, tag, ref);
    index->count++;
}

void agg_index_reserve(struct agg_index *index, uint32_t count)
{
    uint64_t slots = (uint64_t)index->mask + 1;
    RC_CHECK(index->count == 0);
    while ((uint64_t)count * 3 >= slots * 2)
        slots *= 2;
    if (slots == (uint64_t)index->mask + 1)
        return;
    agg_index_done(index);
    index->mask = (uint32_t)(slots - 1);
    index->slot = agg_map(agg_index_bytes(index));
}

static uint32_t index_slot(const struct agg_index *index, uint32_t tag, uint32_t ref)
{
    uint32_t at = tag & index->mask;
    while (index->slot[at].ref != ref || index->slot[at].tag != tag) {
        RC_CHECK(index->slot[at].ref != 0);
        at = (at + 1) & index->mask;
    }
    return at;
}

void agg_index_replace(struct agg_index *index, uint32_t tag, uint32_t old, uint32_t ref)
{
    index->slot[index_slot(index, tag, old)].ref = ref;
}

void agg_index_remove(struct agg_index *index, uint32_t tag, uint32_t ref)
{
    uint32_t hole = index_slot(index, tag, ref);
    /* close the hole: whoever cannot be reached past it any more moves into it */
    for (uint32_t at = hole;;) {
        at = (at + 1) & index->mask;
        struct agg_slot slot = index->slot[at];
        if (!slot.ref)
            break;
        if (((at - slot.tag) & index->mask) >= ((at - hole) & index->mask)) {
            index->slot[hole] = slot;
            hole = at;
        }
    }
    index->slot[hole] = (struct agg_slot){0, 0};
    index->count--;
}

void agg_texts_init(struct agg_texts *texts)
{
    for (uint32_t i = 0; i < AGG_TEXT_CLASSES; i++)
        agg_pool_init(&texts->pool[i], (i + 1) * 8);
}

void agg_texts_done(struct agg_texts *texts)
{
    for (uint32_t i = 0; i < AGG_TEXT_CLASSES; i++)
        agg_pool_done(&texts->pool[i]);
}

uint32_t agg_text_put(struct agg_texts *texts, const char *bytes, uint32_t size)
{
    RC_CHECK(size >= 1 && size <= AGG_TEXT_CLASSES * 8);
    struct agg_pool *pool = &texts->pool[(size - 1) / 8];
    uint32_t ref = agg_pool_get(pool);
    memcpy(agg_pool_at(pool, ref), bytes, size);
    return ref;
}

void agg_text_drop(struct agg_texts *texts, uint32_t ref, uint32_t size)
{
    if (ref)
        agg_pool_put(&texts->pool[(size - 1) / 8], ref);
}

void agg_texts_count(const struct agg_texts *texts, struct agg_memory *memory)
{
    for (uint32_t i = 0; i < AGG_TEXT_CLASSES; i++)
        agg_pool_count(&texts->pool[i], memory);
}

void agg_list_add(struct agg_list *list, uint32_t ref)
{
    if (list->count == list->room) {
        uint32_t room = list->room ? list->room * 2 : 1024;
        uint32_t *bigger = agg_map((uint64_t)room * sizeof *bigger);
        if (list->count)
            memcpy(bigger, list->ref, (size_t)list->count * sizeof *bigger);
        agg_unmap(list->ref, (uint64_t)list->room * sizeof *bigger);
        list->ref = bigger;
        list->room = room;
    }
    list->ref[list->count++] = ref;
}

void agg_list_done(struct agg_list *list)
{
    agg_unmap(list->ref, (uint64_t)list->room * sizeof *list->ref);
    *list = (struct agg_list){0};
}
