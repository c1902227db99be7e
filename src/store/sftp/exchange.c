/* Requests and their answers: which answer belongs to whom, and what becomes of what is left open. */
#include <stdlib.h>
#include <string.h>

#include "store/sftp/session.h"

enum {
    HEAD = 9,             /* length, type, id */
    OUT_FULL = 128 << 10, /* no more is added to a channel's buffer above that */
    RESERVED = 16,        /* slots kept for closing what is open */
};

static struct salvor_sftp_slot *free_slot(struct salvor_sftp_channel *channel)
{
    if (channel->under_way >= SALVOR_SFTP_SLOTS)
        return NULL;
    while (channel->slots[channel->next_id % SALVOR_SFTP_SLOTS].used)
        channel->next_id++;
    return &channel->slots[channel->next_id % SALVOR_SFTP_SLOTS];
}

static struct salvor_buffer *begin(struct salvor_sftp_channel *channel,
                                   struct salvor_sftp_slot **slot, enum salvor_sftp_type type,
                                   size_t size)
{
    struct salvor_sftp_slot *taken = free_slot(channel);
    struct salvor_buffer *out = &channel->out;
    if (!taken || salvor_buffer_reserve(out, HEAD + size, NULL) < 0)
        return NULL;
    *taken = (struct salvor_sftp_slot){.used = true, .id = channel->next_id++, .type = type};
    if (channel->under_way++ == 0)
        channel->sftp->owed = salvor_loop_now();
    salvor_sftp_put_u32(out, (uint32_t)(HEAD - 4 + size));
    char byte = (char)type;
    salvor_buffer_append(out, &byte, 1, NULL);
    salvor_sftp_put_u32(out, taken->id);
    *slot = taken;
    return out;
}

static struct salvor_buffer *begin_for(struct salvor_sftp_exchange *exchange,
                                       enum salvor_sftp_type type, size_t size,
                                       struct salvor_sftp_slot **slot)
{
    struct salvor_sftp_slot *taken;
    struct salvor_buffer *out = begin(exchange->channel, &taken, type, size);
    if (!out)
        return NULL;
    taken->exchange = exchange;
    exchange->waiting++;
    if (slot)
        *slot = taken;
    return out;
}

struct salvor_buffer *salvor_sftp_begin(struct salvor_sftp_exchange *exchange,
                                        enum salvor_sftp_type type, size_t size,
                                        struct salvor_sftp_slot **slot)
{
    const struct salvor_sftp_channel *channel = exchange->channel;
    if (channel->out.size >= OUT_FULL || channel->under_way >= SALVOR_SFTP_SLOTS - RESERVED)
        return NULL;
    return begin_for(exchange, type, size, slot);
}

static size_t size_on_handle(const struct salvor_sftp_exchange *exchange, size_t size)
{
    return 4 + exchange->handle_size + size;
}

static struct salvor_buffer *put_handle(struct salvor_buffer *out,
                                        const struct salvor_sftp_exchange *exchange)
{
    if (out)
        salvor_sftp_put_string(out, exchange->handle, exchange->handle_size);
    return out;
}

struct salvor_buffer *salvor_sftp_begin_on_handle(struct salvor_sftp_exchange *exchange,
                                                  enum salvor_sftp_type type, size_t size,
                                                  struct salvor_sftp_slot **slot)
{
    size = size_on_handle(exchange, size);
    return put_handle(salvor_sftp_begin(exchange, type, size, slot), exchange);
}

struct salvor_buffer *salvor_sftp_begin_again(struct salvor_sftp_exchange *exchange,
                                              enum salvor_sftp_type type, size_t size,
                                              struct salvor_sftp_slot **slot)
{
    size = size_on_handle(exchange, size);
    return put_handle(begin_for(exchange, type, size, slot), exchange);
}

/* Whether the server has closed it is nobody's concern; it closes what is left when we hang up. */
static void close_handle(struct salvor_sftp_channel *channel, const char *handle, size_t size)
{
    struct salvor_sftp_slot *slot;
    struct salvor_buffer *out = begin(channel, &slot, SALVOR_SFTP_CLOSE, 4 + size);
    if (out)
        salvor_sftp_put_string(out, handle, size);
}

/* Life of an exchange */

void salvor_sftp_link(struct salvor_sftp_exchange **list, struct salvor_sftp_exchange *exchange)
{
    while (*list)
        list = &(*list)->next;
    *list = exchange;
    exchange->link = list;
    exchange->next = NULL;
}

void salvor_sftp_unlink(struct salvor_sftp_exchange *exchange)
{
    *exchange->link = exchange->next;
    if (exchange->next)
        exchange->next->link = exchange->link;
}

static void disown_slots(struct salvor_sftp_exchange *exchange)
{
    for (size_t i = 0; i < SALVOR_SFTP_SLOTS; i++)
        if (exchange->channel->slots[i].exchange == exchange)
            exchange->channel->slots[i].exchange = NULL;
}

void salvor_sftp_end(struct salvor_sftp_exchange *exchange, const struct salvor_error *err)
{
    struct salvor_sftp_channel *channel = exchange->channel;
    if (channel) {
        disown_slots(exchange);
        channel->exchange_count--;
        if (exchange->handle_size && !channel->sftp->broken)
            close_handle(channel, exchange->handle, exchange->handle_size);
    }
    salvor_service_end(exchange->call->service, exchange->call, err);
    salvor_sftp_unlink(exchange);
    free(exchange);
}

/* Answers */

static int corrupt(struct salvor_error *err, const char *what)
{
    return salvor_error_set(err, "Corrupt", "the server does not keep to SFTP: %s", what);
}

static int take_handle(struct salvor_sftp_exchange *exchange, struct salvor_sftp_reader *reader,
                       struct salvor_error *err)
{
    const char *handle = salvor_sftp_read_string(reader, &exchange->handle_size);
    if (exchange->handle_size == 0 || exchange->handle_size > SALVOR_SFTP_HANDLE_MAX) {
        exchange->handle_size = 0;
        return corrupt(err, "a handle of impossible size");
    }
    memcpy(exchange->handle, handle, exchange->handle_size);
    return 0;
}

/* A file that was opened for somebody who has gone. */
static void close_forgotten(struct salvor_sftp_channel *channel, struct salvor_sftp_reader *reader)
{
    size_t size;
    const char *handle = salvor_sftp_read_string(reader, &size);
    if (size && size <= SALVOR_SFTP_HANDLE_MAX)
        close_handle(channel, handle, size);
}

/* The first failure counts; it is reported when nothing else is under way. */
static void fail(struct salvor_sftp_exchange *exchange, const struct salvor_error *failure)
{
    if (!exchange->failed)
        exchange->failure = *failure;
    exchange->failed = true;
}

static bool is_failing_status(enum salvor_sftp_type type, struct salvor_sftp_reader reader)
{
    return type == SALVOR_SFTP_STATUS && salvor_sftp_read_u32(&reader) > SALVOR_SFTP_EOF;
}

static int deliver(struct salvor_sftp_exchange *exchange, const struct salvor_sftp_slot *slot,
                   enum salvor_sftp_type type, struct salvor_sftp_reader *reader,
                   struct salvor_error *err)
{
    struct salvor_error failure = {0};
    if (is_failing_status(type, *reader)) {
        salvor_sftp_status_error(reader, &failure);
        /* Not every server lets a file's times or mode be set, which is no reason to fail. */
        if (slot->type != SALVOR_SFTP_FSETSTAT)
            fail(exchange, &failure);
        return 0;
    }
    if (type == SALVOR_SFTP_HANDLE &&
        (slot->type == SALVOR_SFTP_OPEN || slot->type == SALVOR_SFTP_OPENDIR))
        return take_handle(exchange, reader, err);
    if (exchange->kind->answer(exchange, slot, type, reader, &failure) < 0) {
        if (!strcmp(failure.code, "Corrupt")) {
            *err = failure;
            return -1;
        }
        fail(exchange, &failure);
    }
    return reader->bad ? corrupt(err, "an answer that is cut short") : 0;
}

int salvor_sftp_answer(struct salvor_sftp_channel *channel, enum salvor_sftp_type type,
                       struct salvor_sftp_reader *reader, struct salvor_error *err)
{
    uint32_t id = salvor_sftp_read_u32(reader);
    struct salvor_sftp_slot slot = channel->slots[id % SALVOR_SFTP_SLOTS];
    if (reader->bad || !slot.used || slot.id != id)
        return corrupt(err, "an answer to nothing that was asked");
    channel->slots[id % SALVOR_SFTP_SLOTS].used = false;
    channel->slots[id % SALVOR_SFTP_SLOTS].exchange = NULL;
    channel->under_way--;
    if (slot.type == SALVOR_SFTP_READ)
        channel->reading -= slot.size;
    struct salvor_sftp_exchange *exchange = slot.exchange;
    if (!exchange) {
        if (type == SALVOR_SFTP_HANDLE)
            close_forgotten(channel, reader);
        return 0;
    }
    exchange->waiting--;
    if (deliver(exchange, &slot, type, reader, err) < 0)
        return -1;
    if (!exchange->failed)
        exchange->kind->go(exchange);
    if (exchange->waiting == 0 && (exchange->failed || exchange->complete))
        salvor_sftp_end(exchange, exchange->failed ? &exchange->failure : NULL);
    return 0;
}

/* The end of all */

static void end_all(struct salvor_sftp_exchange *list, const struct salvor_error *err)
{
    while (list) {
        struct salvor_sftp_exchange *next = list->next;
        salvor_sftp_end(list, err);
        list = next;
    }
}

void salvor_sftp_break(struct salvor_sftp *sftp, const struct salvor_error *err)
{
    if (sftp->broken)
        return;
    sftp->broken = true;
    sftp->failure = *err;
    for (size_t i = 0; i < SALVOR_SFTP_CHANNELS; i++)
        end_all(sftp->channels[i].exchanges, err);
    end_all(sftp->waiting, err);
}
