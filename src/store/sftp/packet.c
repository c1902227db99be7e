#include "store/sftp/packet.h"

#include <endian.h>
#include <stdio.h>
#include <string.h>

#include "data/text.h"

static const unsigned char *take(struct salvor_sftp_reader *reader, size_t size)
{
    if (reader->bad || reader->left < size) {
        reader->bad = true;
        return NULL;
    }
    const unsigned char *at = reader->at;
    reader->at += size;
    reader->left -= size;
    return at;
}

uint32_t salvor_sftp_read_u32(struct salvor_sftp_reader *reader)
{
    uint32_t number = 0;
    const unsigned char *at = take(reader, sizeof(number));
    if (at)
        memcpy(&number, at, sizeof(number));
    return be32toh(number);
}

uint64_t salvor_sftp_read_u64(struct salvor_sftp_reader *reader)
{
    uint64_t number = 0;
    const unsigned char *at = take(reader, sizeof(number));
    if (at)
        memcpy(&number, at, sizeof(number));
    return be64toh(number);
}

const char *salvor_sftp_read_string(struct salvor_sftp_reader *reader, size_t *size)
{
    size_t length = salvor_sftp_read_u32(reader);
    const unsigned char *at = take(reader, length);
    *size = at ? length : 0;
    return at ? (const char *)at : "";
}

void salvor_sftp_read_attrs(struct salvor_sftp_reader *reader, struct salvor_sftp_attrs *attrs)
{
    size_t size;
    *attrs = (struct salvor_sftp_attrs){.flags = salvor_sftp_read_u32(reader)};
    if (attrs->flags & SALVOR_SFTP_ATTR_SIZE)
        attrs->size = salvor_sftp_read_u64(reader);
    if (attrs->flags & SALVOR_SFTP_ATTR_OWNER)
        salvor_sftp_read_u64(reader);
    if (attrs->flags & SALVOR_SFTP_ATTR_MODE)
        attrs->mode = salvor_sftp_read_u32(reader);
    if (attrs->flags & SALVOR_SFTP_ATTR_TIMES) {
        attrs->accessed = salvor_sftp_read_u32(reader);
        attrs->modified = salvor_sftp_read_u32(reader);
    }
    if (attrs->flags & UINT32_C(0x80000000)) {
        uint32_t count = salvor_sftp_read_u32(reader);
        while (count-- && !reader->bad) {
            salvor_sftp_read_string(reader, &size);
            salvor_sftp_read_string(reader, &size);
        }
    }
}

/* The buffers' owners have reserved the room. */

void salvor_sftp_put_u32(struct salvor_buffer *out, uint32_t number)
{
    number = htobe32(number);
    salvor_buffer_append(out, &number, sizeof(number), NULL);
}

void salvor_sftp_put_u64(struct salvor_buffer *out, uint64_t number)
{
    number = htobe64(number);
    salvor_buffer_append(out, &number, sizeof(number), NULL);
}

void salvor_sftp_put_string(struct salvor_buffer *out, const void *text, size_t size)
{
    salvor_sftp_put_u32(out, (uint32_t)size);
    salvor_buffer_append(out, text, size, NULL);
}

size_t salvor_sftp_attrs_size(const struct salvor_sftp_attrs *attrs)
{
    size_t size = 4;
    if (attrs->flags & SALVOR_SFTP_ATTR_SIZE)
        size += 8;
    if (attrs->flags & SALVOR_SFTP_ATTR_MODE)
        size += 4;
    return attrs->flags & SALVOR_SFTP_ATTR_TIMES ? size + 8 : size;
}

void salvor_sftp_put_attrs(struct salvor_buffer *out, const struct salvor_sftp_attrs *attrs)
{
    salvor_sftp_put_u32(out, attrs->flags);
    if (attrs->flags & SALVOR_SFTP_ATTR_SIZE)
        salvor_sftp_put_u64(out, attrs->size);
    if (attrs->flags & SALVOR_SFTP_ATTR_MODE)
        salvor_sftp_put_u32(out, attrs->mode);
    if (attrs->flags & SALVOR_SFTP_ATTR_TIMES) {
        salvor_sftp_put_u32(out, attrs->accessed);
        salvor_sftp_put_u32(out, attrs->modified);
    }
}

static const char *code_of(uint32_t status)
{
    switch (status) {
    case 2:
        return "NotFound";
    case 3:
        return "Forbidden";
    case 5:
        return "Invalid";
    case 6:
    case 7:
        return "Disconnected";
    case 8:
        return "Unsupported";
    default:
        return "IO";
    }
}

int salvor_sftp_status_error(struct salvor_sftp_reader *reader, struct salvor_error *err)
{
    size_t size;
    char line[256];
    uint32_t status = salvor_sftp_read_u32(reader);
    const char *text = salvor_sftp_read_string(reader, &size);
    snprintf(line, sizeof(line), "%.*s", (int)(size < sizeof(line) ? size : sizeof(line) - 1),
             text);
    salvor_text_make_one_line(line, strlen(line));
    return salvor_error_set(err, code_of(status), "the server says: %s (SFTP status %u)",
                            line[0] ? line : "nothing", (unsigned)status);
}
