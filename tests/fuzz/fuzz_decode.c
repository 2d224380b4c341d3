/* The decoder against jansson: what jansson does not take as JSON is refused, and what it takes is
 * not "not_json"; a key twice is named by both; and the event that comes out keeps its promises.
 *
 * The two differ where they may: jansson has no integers beyond 64 bits, no reals beyond double, no
 * NUL in keys, and another limit of nesting; all of that is JSON. */
#include "rollcall/check.h"
#include "rollcall/ingest.h"
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LARGEST = 1 << 16, NESTING_SURE = 1000 };

enum oracle { ORACLE_OBJECT, ORACLE_OTHER, ORACLE_NOT_JSON, ORACLE_DUPLICATE, ORACLE_SILENT };

static bool is_blank(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (memchr(" \t\r\n", text[i], 4) == NULL)
            return false;
    }
    return true;
}

/* No less than how deep it may be nested. */
static size_t nesting(const char *text, size_t size)
{
    size_t count = 0;
    for (size_t i = 0; i < size; i++)
        count += text[i] == '[' || text[i] == '{';
    return count;
}

static enum oracle ask_jansson(const char *text, size_t size)
{
    json_error_t error;
    size_t flags = JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL;
    if (nesting(text, size) > NESTING_SURE)
        return ORACLE_SILENT;
    if (memchr(text, '\0', size)) /* jansson loses one that ends a number */
        return ORACLE_NOT_JSON;
    json_t *json = json_loadb(text, size, flags, &error);
    if (json) {
        enum oracle answer = json_is_object(json) ? ORACLE_OBJECT : ORACLE_OTHER;
        json_decref(json);
        return answer;
    }
    switch (json_error_code(&error)) {
    case json_error_duplicate_key:
        return ORACLE_DUPLICATE; /* the text behind it was not read */
    case json_error_numeric_overflow:
    case json_error_null_byte_in_key:
    case json_error_stack_overflow:
    case json_error_out_of_memory:
        return ORACLE_SILENT;
    default:
        return ORACLE_NOT_JSON;
    }
}

static void check_event(const struct rc_event *ev)
{
    RC_CHECK(ev->type < RC_TYPE_COUNT && ev->channel <= RC_CHANNEL_NONE);
    RC_CHECK(ev->time_ms >= RC_TIME_FIRST && ev->time_ms < RC_TIME_LAST);
    RC_CHECK(ev->size % 8 == 0 && ev->size <= sizeof(union ingest_event));
    RC_CHECK(ev->size >= sizeof *ev + rc_event_text_size(ev) && ev->raw_size == 0);
    if (ev->type == RC_TYPE_tick)
        return;
    RC_CHECK(ev->client_size > 0 && ev->client_size <= RC_CLIENT_MAX && ev->contact_size > 0);
    RC_CHECK(ev->queue_size <= RC_QUEUE_MAX && ev->priority_size <= RC_PRIORITY_MAX);
    RC_CHECK(ev->task < 64);
    for (uint32_t i = 0; i < rc_event_text_size(ev); i++)
        RC_CHECK((uint8_t)ev->text[i] >= 0x20 && ev->text[i] != 0x7f);
    if (ev->type == RC_TYPE_rated)
        RC_CHECK(ev->value >= -1000000000 && ev->value <= 1000000000);
}

static void check_verdict(enum ingest_verdict verdict, const char *reason, enum oracle answer)
{
    bool refused = verdict == INGEST_REFUSED;
    switch (answer) {
    case ORACLE_OBJECT:
        RC_CHECK(!refused || (strcmp(reason, "not_json") && strcmp(reason, "not_object")));
        break;
    case ORACLE_OTHER:
        RC_CHECK(refused && strcmp(reason, "not_object") == 0);
        break;
    case ORACLE_NOT_JSON:
        RC_CHECK(refused && strcmp(reason, "not_json") == 0);
        break;
    case ORACLE_DUPLICATE:
        RC_CHECK(refused && (strncmp(reason, "invalid:", 8) == 0 || !strcmp(reason, "not_json") ||
                             !strcmp(reason, "not_object")));
        break;
    case ORACLE_SILENT:
        break;
    }
}

static struct ingest_decoder *open_decoder(void)
{
    static struct rc_config config = {.tasks = 64, .limits = {.max_event = LARGEST}};
    struct ingest_decoder_options options = {&config, 1};
    struct ingest_decoder *decoder;
    RC_CHECK(ingest_decoder_open(&options, &decoder) == RC_OK);
    return decoder;
}

/* One for the life of the process: the next text must not see the last one. */
static struct ingest_decoder *decoder;

static void close_decoder(void)
{
    ingest_decoder_close(decoder);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    union ingest_event event;
    char reason[148] = "";
    if (size > LARGEST)
        return 0;
    if (!decoder) {
        decoder = open_decoder();
        atexit(close_decoder);
    }
    char *text = malloc(size + INGEST_PADDING);
    RC_CHECK(text != NULL);
    if (size > 0)
        memcpy(text, data, size);
    /* What would mislead a reader that looks at what stands behind the text. */
    memset(text + size, "\"1}],:[{"[size % 8], INGEST_PADDING);
    enum ingest_verdict verdict =
        ingest_decode(decoder, NULL, text, (uint32_t)size, &event, reason);
    RC_CHECK(strlen(reason) < sizeof reason);
    if (is_blank(text, size))
        RC_CHECK(verdict == INGEST_BLANK);
    else
        check_verdict(verdict, reason, ask_jansson(text, size));
    if (verdict == INGEST_EVENT)
        check_event(&event.ev);
    free(text);
    return 0;
}
