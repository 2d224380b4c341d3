/* Reads one JSON object strictly and finds the fields of an event in it. simdjson's first stage
 * (structure, strings and UTF-8, with the widest vectors that the machine has) is known to
 * decode_json.cpp alone; the grammar is ours and complete, since simdjson's lazy reading accepts
 * much that is not JSON: every value is typed and read, nothing is skipped. */
#ifndef ROLLCALL_INGEST_DECODE_JSON_H
#define ROLLCALL_INGEST_DECODE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define INGEST_JSON_FIELDS(X)                                                                      \
    X(type)                                                                                        \
    X(time)                                                                                        \
    X(client)                                                                                      \
    X(contact)                                                                                     \
    X(channel)                                                                                     \
    X(queue)                                                                                       \
    X(customer)                                                                                    \
    X(conversation)                                                                                \
    X(agent)                                                                                       \
    X(priority)                                                                                    \
    X(due)                                                                                         \
    X(reason)                                                                                      \
    X(resolved)                                                                                    \
    X(duration_ms)                                                                                 \
    X(score)                                                                                       \
    X(defects)                                                                                     \
    X(opportunities)                                                                               \
    X(critical)                                                                                    \
    X(specversion)                                                                                 \
    X(data)                                                                                        \
    X(id)
#define INGEST_JSON_FIELD(name) INGEST_JSON_##name,
enum ingest_json_field { INGEST_JSON_FIELDS(INGEST_JSON_FIELD) INGEST_JSON_FIELD_COUNT };
#undef INGEST_JSON_FIELD

/* Objects and arrays within each other; what goes deeper is answered as not JSON. */
enum { INGEST_JSON_DEPTH = 1024 };

enum ingest_json_kind {
    INGEST_JSON_STRING,
    INGEST_JSON_NUMBER,
    INGEST_JSON_TRUE,
    INGEST_JSON_FALSE,
    INGEST_JSON_NULL,
    INGEST_JSON_OBJECT,
    INGEST_JSON_ARRAY
};
/* A value where it stands in the text: a string without its quotes, its escapes unread. */
struct ingest_json_token {
    const char *at;
    uint32_t size;
    uint8_t kind;
    bool escaped; /* has a backslash */
    bool deleted; /* may hold U+007F */
};
/* The event's fields in one object. */
struct ingest_json_fields {
    uint32_t seen;    /* bit f: field f stands there, if only as null */
    uint32_t present; /* bit f: and it is not null; only then token[f] is set */
    struct ingest_json_token token[INGEST_JSON_FIELD_COUNT];
};
enum ingest_json_verdict {
    INGEST_JSON_OK,
    INGEST_JSON_BLANK, /* nothing but white space */
    INGEST_JSON_NOT_JSON,
    INGEST_JSON_NOT_OBJECT,
    INGEST_JSON_DUPLICATE, /* a key stands twice in one object, at any depth */
    INGEST_JSON_TOO_LARGE
};
struct ingest_json_result {
    struct ingest_json_fields top;
    struct ingest_json_fields data; /* of the object under `data`, where there is one */
    const char *duplicate;          /* the key, unescaped, whose second comes first; lent until */
    uint32_t duplicate_size;        /* the next read */
};

struct ingest_json;
/* NULL: no memory. `max_size` is the largest text in bytes. */
struct ingest_json *ingest_json_open(uint32_t max_size);
void ingest_json_close(struct ingest_json *json);
/* Borrows `text`, of which 64 bytes beyond the end may be read; tokens point into it. */
enum ingest_json_verdict ingest_json_read(struct ingest_json *json, const char *text, uint32_t size,
                                          struct ingest_json_result *ret_result);
/* A string's characters to `room` (of at least token->size bytes); returns how many. */
uint32_t ingest_json_unescape(const struct ingest_json_token *token, char *room);
/* Room for all strings of the text, lent until the next read. */
char *ingest_json_room(struct ingest_json *json);

#ifdef __cplusplus
}
#endif

#endif
