/* Writing a range of a file, and what belongs to it: attributes, durability. */
#include <string.h>

#include "store/sftp/session.h"

enum { OPENING, DONE = 6 }; /* stages, see go() */

static const char fsync_name[] = "fsync@openssh.com";

static struct salvor_sftp_write *write_of(struct salvor_sftp_exchange *exchange)
{
    return (struct salvor_sftp_write *)exchange->call;
}

static bool open_file(struct salvor_sftp_exchange *exchange)
{
    const struct salvor_sftp_write *write = write_of(exchange);
    size_t length = strlen(write->path);
    struct salvor_buffer *out =
        salvor_sftp_begin(exchange, SALVOR_SFTP_OPEN, 4 + length + 4 + 8, NULL);
    if (!out)
        return false;
    salvor_sftp_put_string(out, write->path, length);
    salvor_sftp_put_u32(out, write->flags);
    salvor_sftp_put_u32(out, SALVOR_SFTP_ATTR_MODE);
    salvor_sftp_put_u32(out, write->mode);
    return true;
}

static bool write_all(struct salvor_sftp_exchange *exchange)
{
    const struct salvor_sftp_write *write = write_of(exchange);
    while (exchange->next_offset < write->size) {
        size_t left = write->size - exchange->next_offset;
        size_t most = exchange->channel->sftp->write_size;
        size_t size = left < most ? left : most;
        struct salvor_buffer *out =
            salvor_sftp_begin_on_handle(exchange, SALVOR_SFTP_WRITE, 8 + 4 + size, NULL);
        if (!out)
            return false;
        salvor_sftp_put_u64(out, write->offset + exchange->next_offset);
        salvor_sftp_put_string(out, write->data + exchange->next_offset, size);
        exchange->next_offset += size;
    }
    return true;
}

static bool set_attrs(struct salvor_sftp_exchange *exchange)
{
    const struct salvor_sftp_write *write = write_of(exchange);
    if (write->attrs.flags == 0)
        return true;
    struct salvor_buffer *out = salvor_sftp_begin_on_handle(
        exchange, SALVOR_SFTP_FSETSTAT, salvor_sftp_attrs_size(&write->attrs), NULL);
    if (!out)
        return false;
    salvor_sftp_put_attrs(out, &write->attrs);
    return true;
}

static bool sync_file(struct salvor_sftp_exchange *exchange)
{
    size_t length = sizeof(fsync_name) - 1;
    if (!write_of(exchange)->sync || !exchange->channel->sftp->extensions.fsync)
        return true;
    struct salvor_buffer *out = salvor_sftp_begin(exchange, SALVOR_SFTP_EXTENDED,
                                                  4 + length + 4 + exchange->handle_size, NULL);
    if (!out)
        return false;
    salvor_sftp_put_string(out, fsync_name, length);
    salvor_sftp_put_string(out, exchange->handle, exchange->handle_size);
    return true;
}

static bool look_at_file(struct salvor_sftp_exchange *exchange)
{
    return !write_of(exchange)->look ||
           salvor_sftp_begin_on_handle(exchange, SALVOR_SFTP_FSTAT, 0, NULL);
}

/* Waited for, since a server may find out only now that it cannot write. */
static bool close_file(struct salvor_sftp_exchange *exchange)
{
    if (!salvor_sftp_begin_on_handle(exchange, SALVOR_SFTP_CLOSE, 0, NULL))
        return false;
    exchange->handle_size = 0;
    return true;
}

/* A server handles the requests for one file in their order, so most of it needs no waiting. */
static void go(struct salvor_sftp_exchange *exchange)
{
    static bool (*const stages[DONE])(struct salvor_sftp_exchange *) = {
        open_file, write_all, set_attrs, sync_file, look_at_file, close_file};
    while (exchange->stage < DONE) {
        if (exchange->stage > OPENING && exchange->handle_size == 0)
            return;
        if (!stages[exchange->stage](exchange))
            return;
        exchange->stage++;
    }
    exchange->complete = true;
}

static int answer(struct salvor_sftp_exchange *exchange, const struct salvor_sftp_slot *slot,
                  enum salvor_sftp_type type, struct salvor_sftp_reader *reader,
                  struct salvor_error *err)
{
    if (type == SALVOR_SFTP_ATTRS && slot->type == SALVOR_SFTP_FSTAT) {
        salvor_sftp_read_attrs(reader, &write_of(exchange)->result);
        return 0;
    }
    if (type == SALVOR_SFTP_STATUS && slot->type != SALVOR_SFTP_OPEN &&
        salvor_sftp_read_u32(reader) == SALVOR_SFTP_OK)
        return 0;
    return salvor_error_set(err, "Corrupt", "the server answers what was not asked");
}

static const struct salvor_sftp_kind kind = {go, answer};

static void serve(struct salvor_call *call, void *context)
{
    ((struct salvor_sftp_write *)call)->result = (struct salvor_sftp_attrs){0};
    salvor_sftp_exchange(context, call, &kind);
}

void salvor_sftp_write(struct salvor_sftp *sftp, struct salvor_sftp_write *write)
{
    write->call.serve = serve;
    salvor_service_post(sftp->mailbox, &write->call);
}
