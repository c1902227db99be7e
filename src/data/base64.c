#include "data/base64.h"

#include <stdint.h>

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

int salvor_base64_encode(struct salvor_buffer *out, const void *data, size_t size,
                         struct salvor_error *err)
{
    if (size > SIZE_MAX / 2)
        return salvor_error_memory(err);
    if (salvor_buffer_reserve(out, (size + 2) / 3 * 4, err) < 0)
        return -1;
    const unsigned char *byte = data;
    char *to = out->data + out->size;
    for (; size >= 3; size -= 3, byte += 3) {
        *to++ = alphabet[byte[0] >> 2];
        *to++ = alphabet[(byte[0] & 3) << 4 | byte[1] >> 4];
        *to++ = alphabet[(byte[1] & 15) << 2 | byte[2] >> 6];
        *to++ = alphabet[byte[2] & 63];
    }
    if (size) {
        unsigned second = size == 2 ? byte[1] : 0;
        *to++ = alphabet[byte[0] >> 2];
        *to++ = alphabet[(byte[0] & 3) << 4 | second >> 4];
        *to++ = size == 2 ? alphabet[(second & 15) << 2] : '=';
        *to++ = '=';
    }
    out->size = (size_t)(to - out->data);
    out->data[out->size] = '\0';
    return 0;
}

/* The value of a character, or 64 when it is not of the alphabet. */
static unsigned digit(char character)
{
    if (character >= 'A' && character <= 'Z')
        return (unsigned)(character - 'A');
    if (character >= 'a' && character <= 'z')
        return (unsigned)(character - 'a') + 26;
    if (character >= '0' && character <= '9')
        return (unsigned)(character - '0') + 52;
    return character == '+' ? 62 : character == '/' ? 63 : 64;
}

int salvor_base64_decode(struct salvor_buffer *out, const char *text, size_t size,
                         struct salvor_error *err)
{
    if (size % 4)
        return salvor_error_set(err, "Invalid",
                                "base64 text of %zu characters: not a multiple of 4", size);
    if (salvor_buffer_reserve(out, size / 4 * 3, err) < 0)
        return -1;
    size_t padding = size && text[size - 1] == '=' ? 1 + (text[size - 2] == '=') : 0;
    unsigned char *to = (unsigned char *)out->data + out->size;
    for (size_t at = 0; at < size; at += 4) {
        size_t count = at + 4 == size ? 4 - padding : 4;
        uint32_t group = 0;
        for (size_t i = 0; i < 4; i++) {
            unsigned value = i < count ? digit(text[at + i]) : 0;
            if (value > 63)
                return salvor_error_set(err, "Invalid", "not base64: character %zu", at + i + 1);
            group = group << 6 | value;
        }
        if (group & (count == 2 ? 0xffffu : count == 3 ? 0xffu : 0))
            return salvor_error_set(err, "Invalid",
                                    "not base64: the last character has bits to spare");
        *to++ = (unsigned char)(group >> 16);
        if (count > 2)
            *to++ = (unsigned char)(group >> 8);
        if (count > 3)
            *to++ = (unsigned char)group;
    }
    out->size = (size_t)((char *)to - out->data);
    out->data[out->size] = '\0';
    return 0;
}
