/* The compiled contracts, row by row, and their values as text. */
#include "config_explain.h"

#include "config_value.h"

#include <inttypes.h>
#include <string.h>

struct walk {
    const struct config_loaded *loaded;
    config_row_fn *take;
    void *argument;
    struct config_row row;
};

static void list_rows(struct walk *walk, const struct rc_contract_list *lists)
{
    for (int channel = 0; channel < RC_CHANNEL_COUNT; channel++)
        for (uint32_t i = 0; i < lists[channel].count; i++) {
            walk->row.channel = (enum rc_channel)channel;
            walk->row.from_ms = lists[channel].dated[i].from_ms;
            walk->row.contract = &lists[channel].dated[i].contract;
            walk->take(&walk->row, walk->argument);
        }
}

static void client_rows(struct walk *walk, const struct rc_client_policy *client,
                        const struct config_level *level)
{
    walk->row =
        (struct config_row){.client = client->name, .zone = client->zone, .client_level = level};
    list_rows(walk, client->channel);
    walk->row.queue = "*";
    list_rows(walk, client->total);
    for (uint32_t i = 0; i < client->queue_count; i++) {
        walk->row.queue = client->queue[i].name;
        walk->row.inner_level = &level->queue[i];
        list_rows(walk, client->queue[i].channel);
    }
    walk->row.group = true;
    for (uint32_t i = 0; i < client->group_count; i++) {
        walk->row.queue = client->group[i].name;
        walk->row.inner_level = &level->group[i];
        list_rows(walk, client->group[i].channel);
    }
}

void config_rows(const struct config_loaded *loaded, config_row_fn *take, void *argument)
{
    struct walk walk = {.loaded = loaded, .take = take, .argument = argument};
    const struct rc_contracts *contracts = &loaded->config->contracts;
    client_rows(&walk, &contracts->defaults, NULL);
    /* Policies and levels are both sorted by name. */
    for (uint32_t i = 0; i < contracts->client_count; i++)
        client_rows(&walk, &contracts->client[i], &loaded->reader->clients[i]);
}

void config_row_terms(const struct config_loaded *loaded, const struct config_row *row,
                      struct config_terms *ret_terms)
{
    config_terms_at(loaded->reader, row->zone, row->client_level, row->inner_level, row->channel,
                    row->from_ms, ret_terms);
}

static void list_text(const char *const *texts, uint32_t count, char ret_text[CONFIG_TERM_TEXT])
{
    size_t used = 1;
    snprintf(ret_text, CONFIG_TERM_TEXT, "[");
    for (uint32_t i = 0; i < count && used < CONFIG_TERM_TEXT; i++)
        used += (size_t)snprintf(ret_text + used, CONFIG_TERM_TEXT - used, "%s%s",
                                 i > 0 ? ", " : "", texts[i]);
    if (used < CONFIG_TERM_TEXT)
        snprintf(ret_text + used, CONFIG_TERM_TEXT - used, "]");
}

static void slas_text(const struct config_slas *slas, char ret_text[CONFIG_TERM_TEXT])
{
    const char *names[16];
    uint32_t count = slas->count < 16 ? slas->count : 16;
    for (uint32_t i = 0; i < count; i++)
        names[i] = slas->sla[i].name;
    list_text(names, count, ret_text);
}

void config_term_text(enum config_setting id, const struct config_term *term,
                      char ret_text[CONFIG_TERM_TEXT])
{
    const struct config_texts *texts = term->data;
    const struct config_outages *outages = term->data;
    const struct config_calendar *calendar = term->data;
    switch ((enum config_kind)config_setting_info(id)->kind) {
    case CONFIG_KIND_DURATION:
        config_show_duration(term->number, ret_text);
        break;
    case CONFIG_KIND_PERCENT:
        config_show_percent(term->number, ret_text);
        break;
    case CONFIG_KIND_SCORE:
        config_show_score(term->number, ret_text);
        break;
    case CONFIG_KIND_BOOL:
        snprintf(ret_text, CONFIG_TERM_TEXT, "%s", term->number ? "true" : "false");
        break;
    case CONFIG_KIND_WORD:
        snprintf(ret_text, CONFIG_TERM_TEXT, "%s", config_setting_word(id, term->number));
        break;
    case CONFIG_KIND_NAMES:
        list_text(texts->text, texts->count, ret_text);
        break;
    case CONFIG_KIND_CALENDAR:
        snprintf(ret_text, CONFIG_TERM_TEXT, "%s", calendar->name);
        break;
    case CONFIG_KIND_OUTAGES:
        snprintf(ret_text, CONFIG_TERM_TEXT, "%u outage%s", outages->count,
                 outages->count == 1 ? "" : "s");
        break;
    case CONFIG_KIND_SLAS:
        slas_text(term->data, ret_text);
        break;
    default:
        snprintf(ret_text, CONFIG_TERM_TEXT, "%" PRId64, term->number);
        break;
    }
}

void config_term_origin(const struct config_loaded *loaded, const struct config_term *term,
                        char ret_text[CONFIG_TERM_TEXT])
{
    if (term->node == NULL)
        snprintf(ret_text, CONFIG_TERM_TEXT, "built-in");
    else
        snprintf(ret_text, CONFIG_TERM_TEXT, "%s:%u", loaded->reader->source.name,
                 term->node->key != NULL ? term->node->key->line : term->node->line);
}

bool config_note_text(const struct config_loaded *loaded, uint32_t index,
                      char ret_text[CONFIG_TERM_TEXT])
{
    const struct config_note *note = loaded->reader->notes;
    for (; note != NULL && index > 0; index--)
        note = note->next;
    if (note == NULL)
        return false;
    snprintf(ret_text, CONFIG_TERM_TEXT, "%s:%u: not yet: %s is accepted and %s",
             loaded->reader->source.name, note->node->key->line, note->path,
             note->text != NULL ? note->text : "has no effect in this version");
    return true;
}
