/* What a task's state is made of, as data: its pools and lists, and the words behind numbers. */
#include "state.h"
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static struct agg_pool_info pools[AGG_POOL_COUNT];
static struct agg_list_info lists[AGG_LIST_COUNT];
static pthread_once_t tables_once = PTHREAD_ONCE_INIT;

static void tables_make(void)
{
    uint32_t pool = 0, list = 0;
#define POOL(name_, member, count, layout_)                                                        \
    for (uint32_t i = 0; i < (count); i++)                                                         \
        pools[pool++] = (struct agg_pool_info){                                                    \
            #name_, i,                                                                             \
            (uint32_t)(offsetof(struct agg_task, member) + i * sizeof(struct agg_pool)),           \
            AGG_LAYOUT_##layout_};
    AGG_POOLS(POOL)
#undef POOL
#define STRICT_N true
#define STRICT_L false
#define LIST(name_, member, count, pool_, kind)                                                    \
    for (uint32_t i = 0; i < (count); i++)                                                         \
        lists[list++] = (struct agg_list_info){                                                    \
            #name_, i,                                                                             \
            (uint32_t)(offsetof(struct agg_task, member) + i * sizeof(struct agg_list)),           \
            AGG_POOL_##pool_, STRICT_##kind};
    AGG_LISTS(LIST)
#undef LIST
    RC_CHECK(pool == AGG_POOL_COUNT && list == AGG_LIST_COUNT);
}

const struct agg_pool_info *agg_pool_info(uint32_t id)
{
    RC_CHECK(id < AGG_POOL_COUNT);
    pthread_once(&tables_once, tables_make);
    return &pools[id];
}

const struct agg_list_info *agg_list_info(uint32_t id)
{
    RC_CHECK(id < AGG_LIST_COUNT);
    pthread_once(&tables_once, tables_make);
    return &lists[id];
}

void agg_state_ready(void)
{
    agg_pool_info(0);
    agg_layout(AGG_LAYOUT_task);
}

/* ---- words ---- */

const char *const agg_words_name[AGG_WORDS_COUNT] = {"figures", "types", "windows"};

static uint32_t word_put(char *text, uint32_t at, const char *word)
{
    size_t size = strlen(word) + 1;
    RC_CHECK(at + size <= AGG_WORDS_MAX);
    memcpy(text + at, word, size);
    return at + (uint32_t)size;
}

static uint32_t windows_put(const struct rc_windows *windows, char *text)
{
    uint32_t at = 0;
    char word[128];
    for (uint32_t i = 0; i < windows->rolling_count; i++) {
        const struct rc_rolling_window *rolling = &windows->rolling[i];
        snprintf(word, sizeof word, "%.64s %lld/%lld", rolling->name, (long long)rolling->length_ms,
                 (long long)rolling->every_ms);
        at = word_put(text, at, word);
    }
    for (uint32_t i = 0; i < windows->interval_count; i++)
        at = word_put(text, at, rc_interval_name[windows->interval[i].kind]);
    return at;
}

uint32_t agg_words(const struct rc_config *config, enum agg_words which, char text[AGG_WORDS_MAX])
{
#define TYPE_NAME(name) #name,
    static const char *const type[] = {RC_EVENT_TYPES(TYPE_NAME)};
#undef TYPE_NAME
    uint32_t at = 0;
    switch (which) {
    case AGG_WORDS_FIGURES:
        for (uint32_t i = 0; i < RC_SUM_COUNT; i++)
            at = word_put(text, at, rc_figure_info[i].name);
        return at;
    case AGG_WORDS_TYPES:
        for (uint32_t i = 0; i < RC_TYPE_COUNT; i++)
            at = word_put(text, at, type[i]);
        return at;
    default:
        return windows_put(&config->windows, text);
    }
}

enum rc_error agg_refuse(struct agg_restore *restore, const char *format, ...)
{
    va_list list;
    va_start(list, format);
    vsnprintf(restore->message, 256, format, list);
    va_end(list);
    return RC_ERR_INPUT;
}

/* ---- names of clocks ---- */

void agg_clock_rows_add(struct agg_clock_rows *rows, struct agg_clock_row row)
{
    if (rows->count == rows->room) {
        uint32_t room = rows->room ? rows->room * 2 : 64;
        struct agg_clock_row *bigger = agg_map((uint64_t)room * sizeof *bigger);
        if (rows->count)
            memcpy(bigger, rows->row, rows->count * sizeof *bigger);
        agg_unmap(rows->row, (uint64_t)rows->room * sizeof *bigger);
        rows->row = bigger;
        rows->room = room;
    }
    rows->row[rows->count++] = row;
}

void agg_clock_rows_done(struct agg_clock_rows *rows)
{
    agg_unmap(rows->row, (uint64_t)rows->room * sizeof *rows->row);
    *rows = (struct agg_clock_rows){0};
}
