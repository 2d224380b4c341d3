/* Integers and JSON strings as text. */
#include "text.h"

static const char hex_digits[] = "0123456789abcdef";

char *text_hex64(char *at, uint64_t value)
{
    for (int shift = 60; shift >= 0; shift -= 4)
        *at++ = hex_digits[value >> shift & 15];
    return at;
}

/* Bytes of the UTF-8 sequence at `bytes`, or 0: none that is valid; then *ret_skip is how many
 * bytes belong to the broken one (Unicode 3.9: maximal parts). */
static uint32_t utf8_sequence(const unsigned char *bytes, uint32_t left, uint32_t *ret_skip)
{
    unsigned char lead = bytes[0], low = 0x80, high = 0xbf;
    uint32_t size = lead >= 0xf0 ? 4 : lead >= 0xe0 ? 3 : 2;
    *ret_skip = 1;
    if (lead < 0xc2 || lead > 0xf4)
        return 0;
    if (lead == 0xe0)
        low = 0xa0;
    else if (lead == 0xed)
        high = 0x9f; /* no surrogates */
    else if (lead == 0xf0)
        low = 0x90;
    else if (lead == 0xf4)
        high = 0x8f;
    for (uint32_t i = 1; i < size; i++) {
        if (i >= left || bytes[i] < low || bytes[i] > high) {
            *ret_skip = i;
            return 0;
        }
        low = 0x80;
        high = 0xbf;
    }
    return size;
}

static char *escape(char *at, unsigned char byte)
{
    static const char short_form[32] = {
        ['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f', ['\r'] = 'r'};
    *at++ = '\\';
    if (byte == '"' || byte == '\\') {
        *at++ = (char)byte;
        return at;
    }
    if (byte < 32 && short_form[byte]) {
        *at++ = short_form[byte];
        return at;
    }
    at = text_put(at, "u00", 3);
    *at++ = hex_digits[byte >> 4];
    *at++ = hex_digits[byte & 15];
    return at;
}

char *text_json(char *at, const char *bytes, uint32_t size)
{
    const unsigned char *from = (const unsigned char *)bytes;
    uint32_t i = 0;
    *at++ = '"';
    for (; size - i >= 8 && text_plain(bytes + i, '"', '\\'); i += 8)
        at = text_put(at, bytes + i, 8);
    while (i < size) {
        unsigned char byte = from[i];
        uint32_t skip, length = 1;
        if (byte < 0x20 || byte == '"' || byte == '\\' || byte == 0x7f) {
            at = escape(at, byte);
        } else if (byte < 0x80) {
            *at++ = (char)byte;
        } else if ((length = utf8_sequence(from + i, size - i, &skip))) {
            at = text_put(at, bytes + i, length);
        } else {
            at = text_put(at, "\xef\xbf\xbd", 3);
            length = skip;
        }
        i += length;
    }
    *at++ = '"';
    return at;
}
