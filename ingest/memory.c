#include "memory.h"

#include <malloc.h>
#include <stdio.h>
#include <unistd.h>

/* jemalloc's, where the program is linked with it; 4096 is its name for all arenas. */
extern int mallctl(const char *name, void *old, size_t *old_size, void *fresh, size_t fresh_size)
    __attribute__((weak));

/* What was freed stays resident until the allocator finds time for it: while nothing is read it
 * never does, and reading would stay stopped for ever. */
static void give_back(void)
{
    if (mallctl)
        mallctl("arena.4096.purge", NULL, NULL, NULL, 0);
    else
        malloc_trim(0);
}

uint64_t memory_resident(void)
{
    unsigned long pages = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (!file)
        return 0;
    if (fscanf(file, "%*u %lu", &pages) != 1)
        pages = 0;
    fclose(file);
    return pages * (uint64_t)sysconf(_SC_PAGESIZE);
}

/* Whether so much is too much: once over, a twentieth more must be free, or it would flutter. */
static bool is_over(const struct memory_watch *watch, uint64_t limit, uint64_t used)
{
    return limit && used > limit - limit / (watch->over ? 10 : 20);
}

bool memory_judge(struct memory_watch *watch, uint64_t limit, uint64_t used)
{
    bool was = watch->over;
    watch->over = is_over(watch, limit, used);
    return watch->over != was;
}

static uint64_t in_use(uint64_t reusable)
{
    uint64_t resident = memory_resident();
    return resident > reusable ? resident - reusable : 0;
}

bool memory_watch(struct memory_watch *watch, uint64_t limit, uint64_t reusable)
{
    uint64_t used = in_use(reusable);
    if (is_over(watch, limit, used)) {
        give_back();
        used = in_use(reusable);
    }
    return memory_judge(watch, limit, used);
}
