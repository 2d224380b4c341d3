/* The fingerprint of a contract (SPEC section 9): its canonical JSON, hashed. Nothing in it depends
 * on how the file was written: durations in ms, percents in basis points, a calendar by what it
 * says and not by its name, and no key that is not in force. */
#include "config_contract.h"
#include "config_value.h"

#include <inttypes.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>

#include "rollcall/check.h"

const char *const config_channel_name[RC_CHANNEL_COUNT] = {"call", "chat", "ticket"};

/* RFC 8785: what must be escaped and nothing else. */
static void write_text(FILE *out, const char *text)
{
    static const char letters[] = "btnvfr"; /* U+0008 to U+000D; there is no \v */
    fputc('"', out);
    for (const unsigned char *at = (const unsigned char *)text; *at != '\0'; at++) {
        if (*at == '"' || *at == '\\')
            fprintf(out, "\\%c", *at);
        else if (*at >= 8 && *at <= 13 && *at != 11)
            fprintf(out, "\\%c", letters[*at - 8]);
        else if (*at < ' ')
            fprintf(out, "\\u%04x", *at);
        else
            fputc(*at, out);
    }
    fputc('"', out);
}

static void write_hours(FILE *out, const struct config_hours_list *list)
{
    fputc('[', out);
    for (uint32_t i = 0; i < list->count; i++)
        fprintf(out, "%s[%u,%u]", i > 0 ? "," : "", list->hours[i].from, list->hours[i].to);
    fputc(']', out);
}

/* In minutes; the days of the week in the order of their names. */
static void write_calendar(FILE *out, const struct config_calendar *calendar)
{
    static const struct {
        const char *name;
        int day;
    } days[] = {{"fri", 4}, {"mon", 0}, {"sat", 5}, {"sun", 6}, {"thu", 3}, {"tue", 1}, {"wed", 2}};
    char date[CONFIG_SHOWN];
    fputs("{\"except\":{", out);
    for (uint32_t i = 0; i < calendar->exception_count; i++) {
        config_show_date(calendar->exception[i].day, date);
        fprintf(out, "%s\"%s\":", i > 0 ? "," : "", date);
        write_hours(out, &calendar->exception[i].hours);
    }
    fputs("},\"timezone\":", out);
    write_text(out, calendar->zone->name);
    fputs(",\"week\":{", out);
    for (int i = 0; i < 7; i++) {
        fprintf(out, "%s\"%s\":", i > 0 ? "," : "", days[i].name);
        write_hours(out, &calendar->week[days[i].day]);
    }
    fputs("}}", out);
}

static void write_sla(FILE *out, const struct config_sla *sla)
{
    static const char *const measures[] = {"acknowledge", "first_response", "resolution"};
    fputc('{', out);
    if (sla->calendar != NULL) {
        fputs("\"calendar\":", out);
        write_calendar(out, sla->calendar);
        fputc(',', out);
    }
    fprintf(out, "\"measure\":\"%s\",\"name\":", measures[sla->measure]);
    write_text(out, sla->name == NULL ? "" : sla->name);
    fprintf(out, ",\"pauses\":%s", sla->pauses ? "true" : "false");
    if (sla->target_bp != RC_NULL)
        fprintf(out, ",\"target\":%" PRId64, sla->target_bp);
    fputs(",\"within\":", out);
    if (sla->by_event) {
        fputs("\"event\"}", out);
        return;
    }
    fputc('{', out);
    for (uint32_t i = 0; i < sla->priority_count; i++) {
        fputs(i > 0 ? "," : "", out);
        write_text(out, sla->priority[i].name);
        fprintf(out, ":%" PRId64, sla->priority[i].within_ms);
    }
    fputs("}}", out);
}

static void write_term(FILE *out, enum config_setting id, const struct config_term *term)
{
    const struct config_texts *texts = term->data;
    const struct config_outages *outages = term->data;
    const struct config_slas *slas = term->data;
    switch ((enum config_kind)config_setting_info(id)->kind) {
    case CONFIG_KIND_BOOL:
        fputs(term->number ? "true" : "false", out);
        break;
    case CONFIG_KIND_WORD:
        write_text(out, config_setting_word(id, term->number));
        break;
    case CONFIG_KIND_NAMES:
        fputc('[', out);
        for (uint32_t i = 0; i < texts->count; i++) {
            fputs(i > 0 ? "," : "", out);
            write_text(out, texts->text[i]);
        }
        fputc(']', out);
        break;
    case CONFIG_KIND_CALENDAR:
        write_calendar(out, term->data);
        break;
    case CONFIG_KIND_OUTAGES:
        fputc('[', out);
        for (uint32_t i = 0; i < outages->count; i++)
            fprintf(out, "%s[%" PRId64 ",%" PRId64 "]", i > 0 ? "," : "", outages->span[i].from_ms,
                    outages->span[i].to_ms);
        fputc(']', out);
        break;
    case CONFIG_KIND_SLAS:
        fputc('[', out);
        for (uint32_t i = 0; i < slas->count; i++) {
            fputs(i > 0 ? "," : "", out);
            write_sla(out, &slas->sla[i]);
        }
        fputc(']', out);
        break;
    default:
        fprintf(out, "%" PRId64, term->number);
        break;
    }
}

/* Settings are in the order of their paths, so those of one parent stand together. */
static void write_terms(FILE *out, const struct config_terms *terms)
{
    const char *parent = "";
    size_t parent_size = 0;
    bool first = true;
    fputc('{', out);
    for (int id = 0; id < CONFIG_SETTING_COUNT; id++) {
        const struct config_term *term = &terms->term[id];
        if (!term->set)
            continue;
        const char *path = config_setting_info((enum config_setting)id)->path;
        const char *dot = strchr(path, '.');
        size_t size = dot == NULL ? 0 : (size_t)(dot - path);
        bool same = size > 0 && size == parent_size && memcmp(path, parent, size) == 0;
        if (!same && parent_size > 0)
            fputc('}', out);
        fputs(first ? "" : ",", out);
        if (!same && size > 0)
            fprintf(out, "\"%.*s\":{", (int)size, path);
        fprintf(out, "\"%s\":", dot == NULL ? path : dot + 1);
        write_term(out, (enum config_setting)id, term);
        parent = path;
        parent_size = size;
        first = false;
    }
    fputs(parent_size > 0 ? "}}" : "}", out);
}

char *config_contract_json(const struct config_terms *terms, enum rc_channel channel,
                           const struct rc_zone *zone, const uint64_t *member, uint32_t members,
                           size_t *ret_size)
{
    char *text = NULL;
    FILE *out = open_memstream(&text, ret_size);
    RC_CHECK(out != NULL);
    fprintf(out, "{\"channel\":\"%s\",\"contract\":", config_channel_name[channel]);
    write_terms(out, terms);
    if (members > 0) {
        fputs(",\"queues\":[", out);
        for (uint32_t i = 0; i < members; i++)
            fprintf(out, "%s\"%016" PRIx64 "\"", i > 0 ? "," : "", member[i]);
        fputc(']', out);
    }
    fputs(",\"timezone\":", out);
    write_text(out, zone->name);
    fprintf(out, ",\"version\":%d}", RC_FIGURES_VERSION);
    fclose(out);
    RC_CHECK(text != NULL);
    return text;
}

uint64_t config_fingerprint(const struct config_terms *terms, enum rc_channel channel,
                            const struct rc_zone *zone, const uint64_t *member, uint32_t members)
{
    unsigned char hash[SHA256_DIGEST_LENGTH];
    uint64_t first = 0;
    size_t size;
    char *text = config_contract_json(terms, channel, zone, member, members, &size);
    SHA256((const unsigned char *)text, size, hash);
    free(text);
    for (int i = 0; i < 8; i++)
        first = first << 8 | hash[i];
    return first;
}

/* What may differ between the processes of a group: where one listens, keeps its files, and is
 * called. */
static bool is_own(const struct config_node *node, const struct config_node *parent)
{
    const char *key = node->key == NULL ? "" : node->key->text;
    if (parent->parent == NULL)
        return strcmp(key, "http") == 0 || strcmp(key, "snapshot") == 0;
    return parent->parent->parent == NULL && strcmp(parent->key->text, "kafka") == 0 &&
           strcmp(key, "instance") == 0;
}

/* As it is understood: not how it is laid out, and no comments. */
static void write_node(FILE *out, const struct config_node *node)
{
    if (node->kind == CONFIG_SCALAR) {
        fprintf(out, "%d %u ", node->plain, node->size);
        fwrite(node->text, 1, node->size, out);
        return;
    }
    fputc(node->kind == CONFIG_MAP ? '{' : '[', out);
    for (const struct config_node *child = node->child; child != NULL; child = child->next) {
        if (is_own(child, node))
            continue;
        if (child->key != NULL)
            write_text(out, child->key->text);
        write_node(out, child);
    }
    fputc('}', out);
}

void config_identify(struct rc_config *config, const struct config_node *root)
{
    unsigned char hash[SHA256_DIGEST_LENGTH];
    char *bytes = NULL;
    size_t size;
    FILE *out = open_memstream(&bytes, &size);
    RC_CHECK(out != NULL);
    fprintf(out, "%d %s\n", RC_FIGURES_VERSION, config->zone_data_version);
    if (config->privacy.has_key)
        fwrite(config->privacy.key, 1, sizeof(config->privacy.key), out);
    write_node(out, root);
    fclose(out);
    RC_CHECK(bytes != NULL);
    SHA256((const unsigned char *)bytes, size, hash);
    free(bytes);
    for (size_t i = 0; i < sizeof(config->id) / 2; i++)
        snprintf(config->id + 2 * i, 3, "%02x", hash[i]);
}
