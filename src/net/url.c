#include "net/url.h"

#include <string.h>

static bool is_unreserved(unsigned char byte)
{
    return (byte >= 'A' && byte <= 'Z') || (byte >= 'a' && byte <= 'z') ||
           (byte >= '0' && byte <= '9') || (byte && strchr("-._~", byte));
}

int salvor_url_escape(struct salvor_buffer *out, const char *text, size_t size,
                      struct salvor_error *err)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t extra = 0;
    for (size_t i = 0; i < size; i++)
        extra += is_unreserved((unsigned char)text[i]) ? 1 : 3;
    if (salvor_buffer_reserve(out, extra, err) < 0)
        return -1;
    for (size_t i = 0; i < size; i++) {
        unsigned char byte = (unsigned char)text[i];
        if (is_unreserved(byte)) {
            out->data[out->size++] = (char)byte;
            continue;
        }
        out->data[out->size++] = '%';
        out->data[out->size++] = hex[byte >> 4];
        out->data[out->size++] = hex[byte & 15];
    }
    out->data[out->size] = '\0';
    return 0;
}

int salvor_url_add_query(struct salvor_buffer *out, bool first, const char *name, size_t name_size,
                         const char *value, size_t value_size, struct salvor_error *err)
{
    if (salvor_buffer_append(out, first ? "?" : "&", 1, err) < 0 ||
        salvor_url_escape(out, name, name_size, err) < 0 ||
        salvor_buffer_append(out, "=", 1, err) < 0)
        return -1;
    return salvor_url_escape(out, value, value_size, err);
}
