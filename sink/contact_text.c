/* Records of contacts as JSON and as CSV, both from the one table of their fields. */
#include "contact_text.h"

#include "record_text.h"
#include "text.h"
#include <stdlib.h>

static const char *const outcome_word[] = {[RC_OUTCOME_ANSWERED] = "answered",
                                           [RC_OUTCOME_ABANDONED] = "abandoned",
                                           [RC_OUTCOME_LEFT] = "left"};
static const char *const level_word[] = {
    [RC_LEVEL_OUT] = "out", [RC_LEVEL_MISSED] = "missed", [RC_LEVEL_MET] = "met"};
static const char *const fcr_word[] = {[RC_FCR_IS_YES] = "yes",
                                       [RC_FCR_IS_NO] = "no",
                                       [RC_FCR_IS_PENDING] = "pending",
                                       [RC_FCR_IS_UNKNOWN] = "unknown"};
static const char *const bool_word[] = {"false", "true"};
static const char *const clock_word[] = {"missed", "met"};

static const char *const *const words[] = {[RC_WORD_BOOL] = bool_word,
                                           [RC_WORD_OUTCOME] = outcome_word,
                                           [RC_WORD_LEVEL] = level_word,
                                           [RC_WORD_FCR] = fcr_word};

static const struct {
    const char *name;
    enum rc_contact_word word;
} field[RC_CONTACT_FIELD_COUNT] = {
#define FIELD(name, word) {#name, RC_WORD_##word},
    RC_CONTACT_FIELDS(FIELD)
#undef FIELD
};

#define PUT(at, literal) text_put(at, literal, sizeof(literal) - 1)

static char *put_word(char *at, const char *word)
{
    return text_put(at, word, (uint32_t)strlen(word));
}

static char *put_customer(char *at, const struct rc_record *rec)
{
    struct rc_id128 id;
    memcpy(&id, rc_contact_customer(rec), sizeof id);
    return text_hex64(text_hex64(at, id.high), id.low);
}

/* ---- JSON ---- */

static_assert(TEXT_JSON_GROWTH * (2 * RC_QUEUE_MAX + 2 * RC_ID_MAX + RC_PRIORITY_MAX) + 512 +
                      RC_CONTACT_FIELD_COUNT * (20 + TEXT_INT_MAX) <=
                  SINK_RECORD_TEXT_MAX / 2,
              "a record without clocks fits into half of it");

uint32_t sink_record_room(const struct rc_record *rec)
{
    if (rec->topic != RC_TOPIC_CONTACTS)
        return SINK_RECORD_TEXT_MAX;
    uint32_t names = rec->size - (uint32_t)(rc_contact_clocks(rec) - (const char *)rec);
    return SINK_RECORD_TEXT_MAX + 2 * TEXT_JSON_GROWTH * names + 64u * rec->clock_count;
}

static char *put_lead(char *at, const struct rc_record *rec)
{
    const char *channel = record_channel_name[rec->channel];
    at = PUT(at, "{\"client\":");
    at = text_json(at, record_client(rec), rec->client_size);
    at = PUT(at, ",\"queue\":");
    at = text_json(at, record_queue(rec), rec->queue_size);
    at = PUT(at, ",\"channel\":");
    at = text_json(at, channel, (uint32_t)strlen(channel));
    at = PUT(at, ",\"contact\":");
    at = text_json(at, rc_contact_id(rec), rec->contact_size);
    at = PUT(at, ",\"conversation\":");
    at = text_json(at, rc_contact_conversation(rec), rec->conversation_size);
    if (rec->customer_size) {
        at = PUT(at, ",\"customer\":\"");
        at = put_customer(at, rec);
        *at++ = '"';
    }
    if (rec->priority_size) {
        at = PUT(at, ",\"priority\":");
        at = text_json(at, rc_contact_priority(rec), rec->priority_size);
    }
    at = PUT(at, ",\"as_of_ms\":");
    at = text_int(at, rec->as_of_ms);
    at = PUT(at, ",\"revision\":");
    at = text_uint(at, rec->revision);
    at = PUT(at, ",\"contract\":\"");
    at = text_hex64(at, rec->contract);
    *at++ = '"';
    return at;
}

static char *put_field(char *at, uint32_t index, int64_t value)
{
    enum rc_contact_word word = field[index].word;
    at = PUT(at, ",\"");
    at = put_word(at, field[index].name);
    at = PUT(at, "\":");
    if (word == RC_WORD_NUMBER)
        return text_int(at, value);
    if (word == RC_WORD_BOOL)
        return put_word(at, bool_word[value]);
    *at++ = '"';
    at = put_word(at, words[word][value]);
    *at++ = '"';
    return at;
}

/* A name behind its prefix, as one JSON string: the quote in between goes. */
static char *put_clock_name(char *at, const char *prefix, const char *name, uint32_t size)
{
    char *begin = text_put(at, prefix, (uint32_t)strlen(prefix));
    char *end = text_json(begin, name, size);
    memmove(begin, begin + 1, (size_t)(end - begin - 1));
    return end - 1;
}

static char *put_clocks(char *at, const struct rc_record *rec)
{
    const char *next = rc_contact_clocks(rec);
    for (uint32_t i = 0; i < rec->clock_count; i++) {
        struct rc_contact_clock clock;
        const char *name;
        next = rc_contact_clock_at(next, &clock, &name);
        at = put_clock_name(at, ",\"sla:", name, clock.name_size);
        at = PUT(at, ":\"");
        at = put_word(at, clock_word[clock.met]);
        at = put_clock_name(at, "\",\"sla_at_ms:", name, clock.name_size);
        *at++ = ':';
        at = text_int(at, clock.at_ms);
    }
    return at;
}

char *contact_json(char *at, const struct rc_record *rec)
{
    at = put_lead(at, rec);
    for (uint32_t i = 0; i < RC_CONTACT_FIELD_COUNT; i++)
        if (rec->value[i] != RC_NULL)
            at = put_field(at, i, rec->value[i]);
    at = put_clocks(at, rec);
    *at++ = '}';
    return at;
}

/* ---- CSV ---- */

static int compare_clocks(const void *left, const void *right)
{
    const struct rc_clock *a = *(const struct rc_clock *const *)left;
    const struct rc_clock *b = *(const struct rc_clock *const *)right;
    return rc_text_compare(a->name, a->name_size, b->name, b->name_size);
}

/* Appends those of the list; without `clock` they are only counted. */
static void clocks_take(struct contact_clocks *clocks, const struct rc_contract_list *list)
{
    for (uint32_t i = 0; i < list->count; i++) {
        const struct rc_contract *contract = &list->dated[i].contract;
        for (uint32_t j = 0; j < contract->clock_count; j++, clocks->count++)
            if (clocks->clock)
                clocks->clock[clocks->count] = &contract->clock[j];
    }
}

static void clocks_gather(struct contact_clocks *clocks, const struct rc_contracts *contracts)
{
    clocks->count = 0;
    clocks_take(clocks, &contracts->defaults.channel[RC_TICKET]);
    for (uint32_t i = 0; i < contracts->client_count; i++) {
        const struct rc_client_policy *client = &contracts->client[i];
        clocks_take(clocks, &client->channel[RC_TICKET]);
        for (uint32_t j = 0; j < client->queue_count; j++)
            clocks_take(clocks, &client->queue[j].channel[RC_TICKET]);
    }
}

enum rc_error contact_clocks_init(struct contact_clocks *clocks, const struct rc_config *config)
{
    *clocks = (struct contact_clocks){0};
    clocks_gather(clocks, &config->contracts);
    const struct rc_clock **list = calloc(clocks->count + 1u, sizeof *list);
    if (list == NULL)
        return RC_ERR_MEMORY;
    clocks->clock = list;
    clocks_gather(clocks, &config->contracts);
    qsort(list, clocks->count, sizeof *list, compare_clocks);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < clocks->count; i++)
        if (kept == 0 || compare_clocks(&list[kept - 1], &list[i]) != 0)
            list[kept++] = list[i];
    clocks->count = kept;
    return RC_OK;
}

void contact_clocks_done(struct contact_clocks *clocks)
{
    free(clocks->clock);
    *clocks = (struct contact_clocks){0};
}

uint32_t contact_csv_room(const struct contact_clocks *clocks)
{
    return SINK_RECORD_TEXT_MAX + clocks->count * (4 * RC_CLOCK_NAME_MAX + 64);
}

static char *csv_text(char *at, const char *bytes, uint32_t size)
{
    *at++ = ',';
    return record_csv_text(at, bytes, size);
}

static char *csv_word(char *at, const char *word)
{
    return csv_text(at, word, (uint32_t)strlen(word));
}

uint32_t contact_csv_header(const struct contact_clocks *clocks, char *room)
{
    static const char lead[] = "client,queue,channel,contact,conversation,customer,priority,"
                               "as_of_ms,revision,contract";
    char *at = text_put(room, lead, sizeof lead - 1);
    for (uint32_t i = 0; i < RC_CONTACT_FIELD_COUNT; i++)
        at = csv_word(at, field[i].name);
    for (uint32_t i = 0; i < clocks->count; i++) {
        const struct rc_clock *clock = clocks->clock[i];
        char name[16 + RC_CLOCK_NAME_MAX];
        char *end = text_put(text_put(name, "sla:", 4), clock->name, clock->name_size);
        at = csv_text(at, name, (uint32_t)(end - name));
        end = text_put(text_put(name, "sla_at_ms:", 10), clock->name, clock->name_size);
        at = csv_text(at, name, (uint32_t)(end - name));
    }
    at = text_put(at, "\r\n", 2);
    return (uint32_t)(at - room);
}

static char *csv_lead(char *at, const struct rc_record *rec)
{
    at = record_csv_text(at, record_client(rec), rec->client_size);
    at = csv_text(at, record_queue(rec), rec->queue_size);
    at = csv_word(at, record_channel_name[rec->channel]);
    at = csv_text(at, rc_contact_id(rec), rec->contact_size);
    at = csv_text(at, rc_contact_conversation(rec), rec->conversation_size);
    *at++ = ',';
    if (rec->customer_size)
        at = put_customer(at, rec);
    at = csv_text(at, rc_contact_priority(rec), rec->priority_size);
    *at++ = ',';
    at = text_int(at, rec->as_of_ms);
    *at++ = ',';
    at = text_uint(at, rec->revision);
    *at++ = ',';
    return text_hex64(at, rec->contract);
}

static char *csv_clocks(char *at, const struct contact_clocks *clocks, const struct rc_record *rec)
{
    struct rc_contact_clock clock;
    const char *next = rc_contact_clocks(rec), *name = NULL;
    uint32_t left = rec->clock_count;
    if (left)
        next = rc_contact_clock_at(next, &clock, &name);
    for (uint32_t i = 0; i < clocks->count; i++) {
        const struct rc_clock *column = clocks->clock[i];
        if (!left || rc_text_compare(name, clock.name_size, column->name, column->name_size) != 0) {
            at = PUT(at, ",,");
            continue;
        }
        at = csv_word(at, clock_word[clock.met]);
        *at++ = ',';
        at = text_int(at, clock.at_ms);
        if (--left)
            next = rc_contact_clock_at(next, &clock, &name);
    }
    return at;
}

uint32_t contact_csv(const struct contact_clocks *clocks, const struct rc_record *rec, char *room)
{
    char *at = csv_lead(room, rec);
    for (uint32_t i = 0; i < RC_CONTACT_FIELD_COUNT; i++) {
        *at++ = ',';
        if (rec->value[i] == RC_NULL)
            continue;
        at = field[i].word == RC_WORD_NUMBER ? text_int(at, rec->value[i])
                                             : put_word(at, words[field[i].word][rec->value[i]]);
    }
    at = csv_clocks(at, clocks, rec);
    at = text_put(at, "\r\n", 2);
    return (uint32_t)(at - room);
}
