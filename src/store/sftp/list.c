/* The content of a folder. */
#include <string.h>

#include "store/sftp/session.h"

enum { AHEAD = 4 }; /* READDIRs under way, each for some 100 names */

static struct salvor_sftp_list *list_of(struct salvor_sftp_exchange *exchange)
{
    return (struct salvor_sftp_list *)exchange->call;
}

static void go(struct salvor_sftp_exchange *exchange)
{
    const char *path = list_of(exchange)->path;
    if (exchange->stage == 0) {
        struct salvor_buffer *out =
            salvor_sftp_begin(exchange, SALVOR_SFTP_OPENDIR, 4 + strlen(path), NULL);
        if (!out)
            return;
        salvor_sftp_put_string(out, path, strlen(path));
        exchange->stage = 1;
    }
    if (exchange->handle_size == 0)
        return;
    while (!exchange->complete && exchange->waiting < AHEAD &&
           salvor_sftp_begin_on_handle(exchange, SALVOR_SFTP_READDIR, 0, NULL))
        ;
}

static int answer(struct salvor_sftp_exchange *exchange, const struct salvor_sftp_slot *slot,
                  enum salvor_sftp_type type, struct salvor_sftp_reader *reader,
                  struct salvor_error *err)
{
    struct salvor_sftp_listing *listing = &list_of(exchange)->listing;
    if (type == SALVOR_SFTP_NAME && slot->type == SALVOR_SFTP_READDIR) {
        if (salvor_sftp_listing_add(listing, reader, err) < 0)
            return -1;
    } else if (type == SALVOR_SFTP_STATUS && slot->type == SALVOR_SFTP_READDIR &&
               salvor_sftp_read_u32(reader) == SALVOR_SFTP_EOF) {
        exchange->complete = true;
    } else {
        return salvor_error_set(err, "Corrupt", "the server answers what was not asked");
    }
    if (exchange->complete && exchange->waiting == 0)
        salvor_sftp_listing_sort(listing);
    return 0;
}

static const struct salvor_sftp_kind kind = {go, answer};

static void serve(struct salvor_call *call, void *context)
{
    salvor_sftp_exchange(context, call, &kind);
}

void salvor_sftp_list(struct salvor_sftp *sftp, struct salvor_sftp_list *list)
{
    list->call.serve = serve;
    salvor_service_post(sftp->mailbox, &list->call);
}
