/* simdjson's first stage finds where every token starts: brackets, colons, commas, opening quotes,
 * and the first character of anything else that is not white space. It refuses bad UTF-8, control
 * characters in strings and strings without an end. So a token reaches up to the next one, less
 * white space, and its length costs nothing to find. All else of the grammar is checked here. */
#include "decode_json.h"
#include "decode_words.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

#define SIMDJSON_EXCEPTIONS 0
#include <simdjson.h>

namespace
{

using stage_one = simdjson::internal::dom_parser_implementation;

struct key {
    const char *at;
    uint32_t size;
    uint32_t place; /* offset in the text, to name the duplicate that comes first */
};

enum { KEYS_LOOKED_THROUGH = 12, KEYS_MIN = 64, SENTINELS = 8, CAPACITY_MORE = 64 };

#define INGEST_JSON_NAME(name) #name,
const char *const field_names[] = {INGEST_JSON_FIELDS(INGEST_JSON_NAME)};
#undef INGEST_JSON_NAME

} // namespace

struct ingest_json {
    std::unique_ptr<stage_one> stage;
    key *keys;     /* a stack: keys of the objects that are open */
    char *scratch; /* keys without their escapes */
    uint32_t max_size;
    ingest_words names; /* of the fields */
    /* of the text at hand */
    const char *text;
    const uint32_t *last; /* one past the last token's offset */
    uint32_t key_count, scratch_used;
    bool has_escapes, has_deletes;
    key duplicate; /* at: NULL, none so far */
    ingest_json_result *result;
};

namespace
{

inline bool is_space(char c) noexcept
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

inline bool is_digit(char c) noexcept
{
    return static_cast<unsigned char>(c - '0') < 10;
}

inline bool ends_scalar(char c) noexcept
{
    return is_space(c) || c == ',' || c == '}' || c == ']' || c == ':' || c == '{' || c == '[';
}

inline int hex(char c) noexcept
{
    if (is_digit(c))
        return c - '0';
    char low = static_cast<char>(c | 0x20);
    return low >= 'a' && low <= 'f' ? low - 'a' + 10 : -1;
}

/* Four hex digits, or -1. */
int read_unit(const char *at, const char *end) noexcept
{
    int unit = 0;
    if (end - at < 4)
        return -1;
    for (int i = 0; i < 4; i++) {
        int digit = hex(at[i]);
        if (digit < 0)
            return -1;
        unit = unit << 4 | digit;
    }
    return unit;
}

inline bool is_high(int unit) noexcept
{
    return unit >= 0xd800 && unit < 0xdc00;
}
inline bool is_low(int unit) noexcept
{
    return unit >= 0xdc00 && unit < 0xe000;
}

/* One escape, from behind its backslash: the code point and where it ends; -1: not valid. */
int32_t read_escape(const char *at, const char *end, const char **ret_end) noexcept
{
    static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
    if (at >= end)
        return -1;
    if (*at != 'u') {
        const void *found = memchr(from, *at, sizeof from - 1);
        *ret_end = at + 1;
        return found ? to[static_cast<const char *>(found) - from] : -1;
    }
    int unit = read_unit(at + 1, end);
    *ret_end = at + 5;
    if (unit < 0 || is_low(unit))
        return -1;
    if (!is_high(unit))
        return unit;
    if (end - at < 7 || at[5] != '\\' || at[6] != 'u')
        return -1;
    int second = read_unit(at + 7, end);
    *ret_end = at + 11;
    return is_low(second) ? 0x10000 + ((unit - 0xd800) << 10) + (second - 0xdc00) : -1;
}

bool escapes_valid(const char *at, const char *end) noexcept
{
    while ((at = static_cast<const char *>(memchr(at, '\\', static_cast<size_t>(end - at))))) {
        if (read_escape(at + 1, end, &at) < 0)
            return false;
    }
    return true;
}

char *put_utf8(char *room, int32_t c) noexcept
{
    auto put = [&room](int32_t byte) { *room++ = static_cast<char>(byte); };
    if (c < 0x80) {
        put(c);
    } else if (c < 0x800) {
        put(0xc0 | c >> 6);
        put(0x80 | (c & 0x3f));
    } else if (c < 0x10000) {
        put(0xe0 | c >> 12);
        put(0x80 | (c >> 6 & 0x3f));
        put(0x80 | (c & 0x3f));
    } else {
        put(0xf0 | c >> 18);
        put(0x80 | (c >> 12 & 0x3f));
        put(0x80 | (c >> 6 & 0x3f));
        put(0x80 | (c & 0x3f));
    }
    return room;
}

/* What reads a token gets the place of its offset, and returns the next one's; nullptr: not JSON.
 * Behind the last token stand SENTINELS times the text's size, so that only loops and what nests
 * look for the end. */
using place = const uint32_t *;

/* The string that starts at *next: its contents. */
[[gnu::always_inline]] inline place read_string(const ingest_json *json, const char *text,
                                                place next, ingest_json_token *token) noexcept
{
    const char *at = text + next[0] + 1, *end = text + next[1] - 1;
    if (*end != '"' || end < at) {
        while (is_space(*end))
            end--;
        if (end < at || *end != '"')
            return nullptr;
    }
    token->at = at;
    token->size = static_cast<uint32_t>(end - at);
    token->kind = INGEST_JSON_STRING;
    token->deleted = json->has_deletes;
    token->escaped = false;
    if (json->has_escapes && memchr(at, '\\', token->size)) {
        token->escaped = true;
        if (!escapes_valid(at, end))
            return nullptr;
    }
    return next + 1;
}

/* -?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?, up to the token's end and no further. */
inline place read_number(const char *text, place next, ingest_json_token *token) noexcept
{
    const char *start = text + next[0], *end = text + next[1];
    const char *at = start;
    auto digits = [&at, end]() {
        const char *first = at;
        while (at < end && is_digit(*at))
            at++;
        return at - first;
    };
    if (*at == '-')
        at++;
    const char *whole = at;
    int64_t count = digits();
    if (count == 0 || (*whole == '0' && count > 1))
        return nullptr;
    if (at < end && *at == '.') {
        at++;
        if (digits() == 0)
            return nullptr;
    }
    if (at < end && (*at | 0x20) == 'e') {
        at++;
        if (at < end && (*at == '+' || *at == '-'))
            at++;
        if (digits() == 0)
            return nullptr;
    }
    if (at < end && !ends_scalar(*at))
        return nullptr;
    token->at = start;
    token->size = static_cast<uint32_t>(at - start);
    token->kind = INGEST_JSON_NUMBER;
    return next + 1;
}

inline place read_word(const char *text, place next, ingest_json_token *token, const char *word,
                       uint32_t size, ingest_json_kind kind) noexcept
{
    const char *at = text + next[0];
    uint32_t room = next[1] - next[0];
    token->at = at;
    token->size = size;
    token->kind = static_cast<uint8_t>(kind);
    if (room < size || memcmp(at, word, size) != 0 || (room > size && !ends_scalar(at[size])))
        return nullptr;
    return next + 1;
}

place read_object(ingest_json *json, place next, ingest_json_fields *fields,
                  uint32_t depth) noexcept;
place read_array(ingest_json *json, place next, uint32_t depth) noexcept;

/* What is neither string nor number. `inner`: where the fields of an object go, or NULL. Apart
 * from read_value, or that would be too large for the compiler to put it where it is used. */
[[gnu::noinline]] place read_other(ingest_json *json, const char *text, place next,
                                   ingest_json_token *token, ingest_json_fields *inner,
                                   uint32_t depth) noexcept
{
    switch (text[next[0]]) {
    case '{':
        token->kind = INGEST_JSON_OBJECT;
        return read_object(json, next, inner, depth + 1);
    case '[':
        token->kind = INGEST_JSON_ARRAY;
        return read_array(json, next, depth + 1);
    case 't':
        return read_word(text, next, token, "true", 4, INGEST_JSON_TRUE);
    case 'f':
        return read_word(text, next, token, "false", 5, INGEST_JSON_FALSE);
    case 'n':
        return read_word(text, next, token, "null", 4, INGEST_JSON_NULL);
    default:
        return nullptr;
    }
}

[[gnu::always_inline]] inline place read_value(ingest_json *json, const char *text, place next,
                                               ingest_json_token *token, ingest_json_fields *inner,
                                               uint32_t depth) noexcept
{
    char c = text[next[0]];
    if (c == '"')
        return read_string(json, text, next, token);
    if (is_digit(c) || c == '-')
        return read_number(text, next, token);
    return read_other(json, text, next, token, inner, depth);
}

place read_array(ingest_json *json, place next, uint32_t depth) noexcept
{
    const char *text = json->text;
    place last = json->last;
    if (depth > INGEST_JSON_DEPTH || next >= last)
        return nullptr;
    if (text[*++next] == ']')
        return next + 1;
    for (;;) {
        ingest_json_token token;
        next = read_value(json, text, next, &token, nullptr, depth);
        if (!next || next >= last)
            return nullptr;
        char c = text[*next++];
        if (c == ']')
            return next;
        if (c != ',')
            return nullptr;
    }
}

inline void note_duplicate(ingest_json *json, const key &found) noexcept
{
    if (!json->duplicate.at || found.place < json->duplicate.place)
        json->duplicate = found;
}

inline bool same_key(const key &a, const key &b) noexcept
{
    return a.size == b.size &&
           (a.size == 0 || (a.at[0] == b.at[0] && memcmp(a.at, b.at, a.size) == 0));
}

/* Puts a key of the object whose keys start at `first` on the stack. Small objects are looked
 * through at once, large ones sorted when they end, so that no object costs the square of it. */
inline void push_key(ingest_json *json, uint32_t first, const key &added) noexcept
{
    key *keys = json->keys;
    uint32_t count = json->key_count;
    if (count - first < KEYS_LOOKED_THROUGH) {
        for (uint32_t i = first; i < count; i++) {
            if (same_key(keys[i], added))
                note_duplicate(json, added);
        }
    }
    keys[json->key_count++] = added;
}

void sort_keys(ingest_json *json, uint32_t first) noexcept
{
    key *begin = json->keys + first, *end = json->keys + json->key_count;
    std::sort(begin, end, [](const key &a, const key &b) {
        if (a.size != b.size)
            return a.size < b.size;
        int order = memcmp(a.at, b.at, a.size);
        return order != 0 ? order < 0 : a.place < b.place;
    });
    for (key *at = begin + 1; at < end; at++) {
        if (same_key(at[-1], at[0]))
            note_duplicate(json, at[0]);
    }
}

inline void pop_keys(ingest_json *json, uint32_t first) noexcept
{
    if (json->key_count - first > KEYS_LOOKED_THROUGH)
        sort_keys(json, first);
    json->key_count = first;
}

/* The field of that name, or INGEST_JSON_FIELD_COUNT. */
inline int find_field(const ingest_json *json, const key &name) noexcept
{
    return static_cast<int>(ingest_words_find(&json->names, name.at, name.size));
}

/* The key that starts at *next, unescaped, and the colon behind it. */
inline place read_key(ingest_json *json, const char *text, place next, key *ret_key) noexcept
{
    ingest_json_token token;
    uint32_t offset = next[0];
    if (text[offset] != '"' || !read_string(json, text, next, &token) || text[next[1]] != ':')
        return nullptr;
    *ret_key = {token.at, token.size, offset};
    if (token.escaped) {
        char *room = json->scratch + json->scratch_used;
        *ret_key = {room, ingest_json_unescape(&token, room), offset};
        json->scratch_used += ret_key->size;
    }
    return next + 2;
}

/* A field of the event: its token is kept. */
inline place read_field(ingest_json *json, const char *text, place next, ingest_json_fields *fields,
                        int field, const key &name, uint32_t depth) noexcept
{
    uint32_t bit = UINT32_C(1) << field;
    if (fields->seen & bit)
        note_duplicate(json, name);
    fields->seen |= bit;
    ingest_json_fields *inner = nullptr;
    if (field == INGEST_JSON_data && fields == &json->result->top)
        inner = &json->result->data;
    ingest_json_token *token = &fields->token[field];
    next = read_value(json, text, next, token, inner, depth);
    if (next && token->kind != INGEST_JSON_NULL)
        fields->present |= bit;
    return next;
}

place read_object(ingest_json *json, place next, ingest_json_fields *fields,
                  uint32_t depth) noexcept
{
    const char *text = json->text;
    place last = json->last;
    uint32_t first = json->key_count;
    if (depth > INGEST_JSON_DEPTH || next >= last)
        return nullptr;
    if (text[*++next] == '}')
        return next + 1;
    for (;;) {
        key name;
        next = read_key(json, text, next, &name);
        if (!next)
            return nullptr;
        int field = fields ? find_field(json, name) : INGEST_JSON_FIELD_COUNT;
        if (field < INGEST_JSON_FIELD_COUNT) {
            next = read_field(json, text, next, fields, field, name, depth);
        } else {
            ingest_json_token token;
            push_key(json, first, name);
            next = read_value(json, text, next, &token, nullptr, depth);
        }
        if (!next || next >= last)
            return nullptr;
        char c = text[*next++];
        if (c == '}') {
            pop_keys(json, first);
            return next;
        }
        if (c != ',')
            return nullptr;
    }
}

/* Stage one. Its list has room for a token per byte of the largest text and CAPACITY_MORE. */
bool find_tokens(ingest_json *json, const char *text, uint32_t size) noexcept
{
    auto bytes = reinterpret_cast<const uint8_t *>(text);
    if (json->stage->stage1(bytes, size, simdjson::stage1_mode::regular))
        return false;
    uint32_t *last = json->stage->structural_indexes.get() + json->stage->n_structural_indexes;
    for (int i = 0; i < SENTINELS; i++)
        last[i] = size;
    json->text = text;
    json->last = last;
    return true;
}

} // namespace

struct ingest_json *ingest_json_open(uint32_t max_size)
{
    auto json = new (std::nothrow) ingest_json();
    if (!json)
        return nullptr;
    json->max_size = max_size;
    ingest_words_init(&json->names, field_names, INGEST_JSON_FIELD_COUNT);
    size_t keys = max_size / 4 + KEYS_MIN; /* the shortest is "":0 and what parts it */
    json->keys = static_cast<key *>(malloc(keys * sizeof(key)));
    json->scratch = static_cast<char *>(malloc(max_size + size_t{64}));
    auto failed = simdjson::get_active_implementation()->create_dom_parser_implementation(
        max_size + size_t{CAPACITY_MORE}, INGEST_JSON_DEPTH, json->stage);
    if (failed || !json->keys || !json->scratch) {
        ingest_json_close(json);
        return nullptr;
    }
    return json;
}

void ingest_json_close(struct ingest_json *json)
{
    if (!json)
        return;
    free(json->keys);
    free(json->scratch);
    delete json;
}

enum ingest_json_verdict ingest_json_read(struct ingest_json *json, const char *text, uint32_t size,
                                          struct ingest_json_result *ret_result)
{
    uint32_t blank = 0;
    if (size > json->max_size)
        return INGEST_JSON_TOO_LARGE;
    while (blank < size && is_space(text[blank]))
        blank++;
    if (blank == size)
        return INGEST_JSON_BLANK;
    if (!find_tokens(json, text, size))
        return INGEST_JSON_NOT_JSON;
    json->has_escapes = memchr(text, '\\', size);
    json->has_deletes = memchr(text, 0x7f, size);
    json->key_count = json->scratch_used = 0;
    json->duplicate.at = nullptr;
    json->result = ret_result;
    ret_result->top.seen = ret_result->top.present = 0;
    ret_result->data.seen = ret_result->data.present = 0;
    ingest_json_token root;
    place next = json->stage->structural_indexes.get();
    if (read_value(json, text, next, &root, &ret_result->top, 0) != json->last)
        return INGEST_JSON_NOT_JSON;
    if (root.kind != INGEST_JSON_OBJECT)
        return INGEST_JSON_NOT_OBJECT;
    if (!json->duplicate.at)
        return INGEST_JSON_OK;
    ret_result->duplicate = json->duplicate.at;
    ret_result->duplicate_size = json->duplicate.size;
    return INGEST_JSON_DUPLICATE;
}

uint32_t ingest_json_unescape(const struct ingest_json_token *token, char *room)
{
    const char *at = token->at, *end = at + token->size;
    char *out = room;
    while (at < end) {
        if (*at != '\\') {
            *out++ = *at++;
            continue;
        }
        int32_t c = read_escape(at + 1, end, &at);
        out = put_utf8(out, c);
    }
    return static_cast<uint32_t>(out - room);
}

char *ingest_json_room(struct ingest_json *json)
{
    return json->scratch;
}
