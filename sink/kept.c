#include "kept.h"

#include "rollcall/check.h"
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

enum { CHUNK_BYTES = 1 << 20 };

struct kept_chunk {
    struct kept_chunk *next;
    size_t used, room;
    _Alignas(8) char bytes[];
};

enum rc_error kept_init(struct kept *kept, uint32_t outputs)
{
    *kept = (struct kept){.outputs = outputs, .sum = calloc(outputs, sizeof *kept->sum)};
    return kept->sum ? RC_OK : RC_ERR_MEMORY;
}

static void free_chunks(struct kept_chunk *chunk)
{
    while (chunk) {
        struct kept_chunk *next = chunk->next;
        free(chunk);
        chunk = next;
    }
}

void kept_done(struct kept *kept)
{
    free_chunks(kept->first);
    free(kept->sum);
    *kept = (struct kept){0};
}

enum rc_error kept_reserve(struct kept *kept, size_t room, struct kept_record **ret_record)
{
    size_t need = (sizeof(struct kept_record) + room + 7) & ~(size_t)7;
    struct kept_chunk *last = kept->last;
    if (!last || last->room - last->used < need) {
        size_t bytes = need < CHUNK_BYTES ? CHUNK_BYTES : need;
        struct kept_chunk *chunk = malloc(sizeof *chunk + bytes);
        if (!chunk)
            return RC_ERR_MEMORY;
        *chunk = (struct kept_chunk){.room = bytes};
        *(last ? &last->next : &kept->first) = chunk;
        kept->last = last = chunk;
    }
    *ret_record = (struct kept_record *)(last->bytes + last->used);
    **ret_record = (struct kept_record){.key_size = KEPT_ABSENT, .value_size = KEPT_ABSENT};
    return RC_OK;
}

static size_t whole_size(const struct kept_record *record)
{
    return sizeof *record + kept_size(record->key_size) + kept_size(record->value_size) +
           record->headers_size;
}

void kept_add(struct kept *kept, struct kept_record *record)
{
    struct kept_chunk *last = kept->last;
    size_t size = whole_size(record);
    RC_CHECK((char *)record == last->bytes + last->used && size <= last->room - last->used &&
             record->output < kept->outputs);
    struct kept_sum *sum = &kept->sum[record->output];
    uint32_t sizes[3] = {record->key_size, record->value_size, record->headers_size};
    sum->hash = XXH3_64bits_withSeed(sizes, sizeof sizes, sum->hash);
    sum->hash = XXH3_64bits_withSeed(record->bytes, size - sizeof *record, sum->hash);
    sum->count++;
    size = (size + 7) & ~(size_t)7;
    last->used += size;
    kept->bytes += size;
}

struct kept_record *kept_next(const struct kept *kept, struct kept_place *place)
{
    if (!place->chunk)
        place->chunk = kept->first;
    while (place->chunk && place->at == place->chunk->used && place->chunk->next)
        *place = (struct kept_place){.chunk = place->chunk->next};
    if (!place->chunk || place->at == place->chunk->used)
        return NULL;
    struct kept_record *record = (struct kept_record *)(place->chunk->bytes + place->at);
    place->at += (whole_size(record) + 7) & ~(size_t)7;
    return record;
}

void kept_clear(struct kept *kept)
{
    struct kept_chunk *first = kept->first;
    if (first) { /* one is enough for an ordinary epoch */
        free_chunks(first->next);
        first->next = NULL;
        first->used = 0;
        if (first->room > CHUNK_BYTES) {
            free(first);
            first = NULL;
        }
    }
    kept->first = kept->last = first;
    kept->bytes = 0;
    memset(kept->sum, 0, kept->outputs * sizeof *kept->sum);
}
