/*
 * Reading a range of a file: opened, then its attributes and all of the range asked for at once. A
 * server may send less than was asked for; then the rest is asked for again. At the end of more than
 * one piece the attributes are looked at once more: has somebody written to the file meanwhile?
 */
#include <string.h>

#include "store/sftp/session.h"

enum { OPENING, STATING, READING, CHECKING, DONE };

enum { FIRST_LOOK, SECOND_LOOK }; /* the offset of a FSTAT's slot */

/* Bytes that a channel may owe us, so that many readers share it. */
#define READING_MAX ((uint64_t)2 * SALVOR_SFTP_WINDOW)

static struct salvor_sftp_read *read_of(struct salvor_sftp_exchange *exchange)
{
    return (struct salvor_sftp_read *)exchange->call;
}

static bool open_file(struct salvor_sftp_exchange *exchange)
{
    const char *path = read_of(exchange)->path;
    struct salvor_buffer *out =
        salvor_sftp_begin(exchange, SALVOR_SFTP_OPEN, 4 + strlen(path) + 8, NULL);
    if (!out)
        return false;
    salvor_sftp_put_string(out, path, strlen(path));
    salvor_sftp_put_u32(out, SALVOR_SFTP_OPEN_READ);
    salvor_sftp_put_u32(out, 0);
    return true;
}

enum { READ_SIZE = 8 + 4 }; /* of a READ behind the handle */

static void put_read(struct salvor_buffer *out, struct salvor_sftp_slot *slot,
                     struct salvor_sftp_exchange *exchange, uint64_t offset, uint32_t size)
{
    slot->offset = offset;
    slot->size = size;
    exchange->channel->reading += size;
    salvor_sftp_put_u64(out, offset);
    salvor_sftp_put_u32(out, size);
}

static bool is_hungry(const struct salvor_sftp_exchange *exchange)
{
    return exchange->next_offset < exchange->end && exchange->channel->reading < READING_MAX;
}

static void read_on(struct salvor_sftp_exchange *exchange)
{
    while (is_hungry(exchange)) {
        uint64_t left = exchange->end - exchange->next_offset;
        uint32_t most = exchange->channel->sftp->read_size;
        uint32_t size = left < most ? (uint32_t)left : most;
        struct salvor_sftp_slot *slot;
        struct salvor_buffer *out =
            salvor_sftp_begin_on_handle(exchange, SALVOR_SFTP_READ, READ_SIZE, &slot);
        if (!out)
            return;
        put_read(out, slot, exchange, exchange->next_offset, size);
        exchange->next_offset += size;
    }
    /* How much there is to be read is known when the first answer has come. */
    if (exchange->next_offset >= exchange->end && exchange->told)
        exchange->stage = CHECKING;
}

static bool look(struct salvor_sftp_exchange *exchange, uint64_t which)
{
    struct salvor_sftp_slot *slot;
    if (!salvor_sftp_begin_on_handle(exchange, SALVOR_SFTP_FSTAT, 0, &slot))
        return false;
    slot->offset = which;
    return true;
}

static bool is_one_piece(struct salvor_sftp_exchange *exchange)
{
    return exchange->next_offset - read_of(exchange)->offset <= exchange->channel->sftp->read_size;
}

/* Small files come with the answer about their size. */
static size_t likely_size(struct salvor_sftp_exchange *exchange)
{
    const struct salvor_sftp_read *read = read_of(exchange);
    size_t most = exchange->channel->sftp->read_size;
    size_t likely = read->likely > most ? read->likely : most;
    return read->size < likely ? read->size : likely;
}

static void go(struct salvor_sftp_exchange *exchange)
{
    struct salvor_sftp_read *read = read_of(exchange);
    if (exchange->stage == OPENING && open_file(exchange)) {
        exchange->stage = STATING;
        exchange->next_offset = read->offset;
        exchange->end = read->offset + likely_size(exchange);
    }
    if (exchange->stage == STATING && exchange->handle_size && look(exchange, FIRST_LOOK))
        exchange->stage = READING;
    if (exchange->stage == READING)
        read_on(exchange);
    if (exchange->stage == CHECKING && (is_one_piece(exchange) || look(exchange, SECOND_LOOK)))
        exchange->stage = DONE;
    exchange->complete = exchange->stage == DONE;
}

/* The file ends before `offset`; what is still to come of it says nothing new. */
static void note_end(struct salvor_sftp_exchange *exchange, uint64_t offset)
{
    struct salvor_sftp_read *read = read_of(exchange);
    exchange->at_end = true;
    if (offset < exchange->end)
        exchange->end = offset;
    if (read->got > exchange->end - read->offset)
        read->got = exchange->end - read->offset;
}

/* A server may send less than was asked for. */
static int read_rest(struct salvor_sftp_exchange *exchange, uint64_t offset, uint32_t size,
                     struct salvor_error *err)
{
    struct salvor_sftp_slot *slot;
    struct salvor_buffer *out =
        salvor_sftp_begin_again(exchange, SALVOR_SFTP_READ, READ_SIZE, &slot);
    if (!out)
        return salvor_error_memory(err);
    put_read(out, slot, exchange, offset, size);
    return 0;
}

static int take_data(struct salvor_sftp_exchange *exchange, const struct salvor_sftp_slot *slot,
                     struct salvor_sftp_reader *reader, struct salvor_error *err)
{
    size_t size;
    struct salvor_sftp_read *read = read_of(exchange);
    const char *data = salvor_sftp_read_string(reader, &size);
    if (reader->bad)
        return 0;
    if (size == 0 || size > slot->size)
        return salvor_error_set(err, "Corrupt",
                                "the server sends %zu bytes where %u were asked for", size,
                                (unsigned)slot->size);
    memcpy(read->data + (slot->offset - read->offset), data, size);
    uint64_t behind = slot->offset + size;
    uint64_t counted = behind < exchange->end ? behind : exchange->end;
    if (counted > read->offset && read->got < counted - read->offset)
        read->got = (size_t)(counted - read->offset);
    return size < slot->size && behind < exchange->end
               ? read_rest(exchange, behind, slot->size - (uint32_t)size, err)
               : 0;
}

/* Now it is known how much there is to be read. */
static void take_attrs(struct salvor_sftp_exchange *exchange, struct salvor_sftp_reader *reader)
{
    struct salvor_sftp_read *read = read_of(exchange);
    salvor_sftp_read_attrs(reader, &read->attrs);
    uint64_t wanted = read->offset + read->size;
    bool told = read->attrs.flags & SALVOR_SFTP_ATTR_SIZE;
    uint64_t end = told && read->attrs.size < wanted ? read->attrs.size : wanted;
    if (!exchange->at_end)
        exchange->end = end > read->offset ? end : read->offset;
    exchange->told = true;
}

static void compare_attrs(struct salvor_sftp_exchange *exchange, struct salvor_sftp_reader *reader)
{
    struct salvor_sftp_read *read = read_of(exchange);
    struct salvor_sftp_attrs now;
    salvor_sftp_read_attrs(reader, &now);
    read->changed = now.size != read->attrs.size || now.modified != read->attrs.modified;
}

static int answer(struct salvor_sftp_exchange *exchange, const struct salvor_sftp_slot *slot,
                  enum salvor_sftp_type type, struct salvor_sftp_reader *reader,
                  struct salvor_error *err)
{
    if (type == SALVOR_SFTP_DATA && slot->type == SALVOR_SFTP_READ)
        return take_data(exchange, slot, reader, err);
    if (type == SALVOR_SFTP_STATUS && slot->type == SALVOR_SFTP_READ &&
        salvor_sftp_read_u32(reader) == SALVOR_SFTP_EOF) {
        note_end(exchange, slot->offset);
        return 0;
    }
    if (type == SALVOR_SFTP_ATTRS && slot->type == SALVOR_SFTP_FSTAT) {
        if (slot->offset == FIRST_LOOK)
            take_attrs(exchange, reader);
        else
            compare_attrs(exchange, reader);
        return 0;
    }
    return salvor_error_set(err, "Corrupt", "the server answers what was not asked");
}

static const struct salvor_sftp_kind kind = {go, answer};

static void serve(struct salvor_call *call, void *context)
{
    struct salvor_sftp_read *read = (struct salvor_sftp_read *)call;
    read->got = 0;
    read->changed = false;
    read->attrs = (struct salvor_sftp_attrs){0};
    salvor_sftp_exchange(context, call, &kind);
}

void salvor_sftp_read(struct salvor_sftp *sftp, struct salvor_sftp_read *read)
{
    read->call.serve = serve;
    salvor_service_post(sftp->mailbox, &read->call);
}
