/* Finds a word of a fixed list by one multiplication: an index without collisions, whose multiplier
 * is searched when it is made. Words are 1 to 16 bytes, 24 at most. Header-only, for both
 * languages. */
#ifndef ROLLCALL_INGEST_DECODE_WORDS_H
#define ROLLCALL_INGEST_DECODE_WORDS_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { INGEST_WORDS_MAX = 24, INGEST_WORD_SIZE_MAX = 16, INGEST_WORDS_BITS = 7 };

struct ingest_words {
    uint64_t multiplier;
    uint64_t low[INGEST_WORDS_MAX + 1],
        high[INGEST_WORDS_MAX + 1]; /* the characters, zeros after */
    uint8_t size[INGEST_WORDS_MAX + 1];
    uint8_t slot[1 << INGEST_WORDS_BITS]; /* index, or count: none */
    uint32_t count;
};

/* Up to eight characters as one number. Eight bytes must be readable. */
static inline uint64_t ingest_word_load(const char *at, uint32_t size)
{
    uint64_t word;
    memcpy(&word, at, sizeof word);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return size >= 8 ? word : word & ((UINT64_C(1) << 8 * size) - 1);
}

static inline uint32_t ingest_words_slot(uint64_t multiplier, uint64_t low, uint32_t size)
{
    return (uint32_t)(((low ^ size) * multiplier) >> (64 - INGEST_WORDS_BITS));
}

static inline bool ingest_words_try(struct ingest_words *words)
{
    memset(words->slot, (int)words->count, sizeof words->slot);
    for (uint32_t i = 0; i < words->count; i++) {
        uint32_t slot = ingest_words_slot(words->multiplier, words->low[i], words->size[i]);
        if (words->slot[slot] != words->count)
            return false;
        words->slot[slot] = (uint8_t)i;
    }
    return true;
}

/* No two words may agree in their size and first eight characters. */
static inline void ingest_words_init(struct ingest_words *words, const char *const *name,
                                     uint32_t count)
{
    memset(words, 0, sizeof *words);
    words->count = count;
    for (uint32_t i = 0; i < count; i++) {
        char room[INGEST_WORD_SIZE_MAX] = {0};
        words->size[i] = (uint8_t)strlen(name[i]);
        memcpy(room, name[i], words->size[i]);
        words->low[i] = ingest_word_load(room, 8);
        words->high[i] = ingest_word_load(room + 8, 8);
    }
    words->multiplier = UINT64_C(0x9e3779b97f4a7c15);
    while (!ingest_words_try(words))
        words->multiplier = words->multiplier * UINT64_C(6364136223846793005) + 2;
}

/* The word's index, or the count. Borrows; 16 bytes must be readable, whatever the size. */
static inline uint32_t ingest_words_find(const struct ingest_words *words, const char *at,
                                         uint32_t size)
{
    uint64_t low = ingest_word_load(at, size);
    uint32_t index = words->slot[ingest_words_slot(words->multiplier, low, size)];
    if (words->low[index] != low || words->size[index] != size)
        return words->count;
    if (size > 8 && words->high[index] != ingest_word_load(at + 8, size - 8))
        return words->count;
    return index;
}

#endif
