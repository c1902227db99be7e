/* One request, one answer. */
#include "store/sftp/session.h"

static void go(struct salvor_sftp_exchange *exchange)
{
    struct salvor_sftp_request *request = (struct salvor_sftp_request *)exchange->call;
    if (exchange->complete)
        return;
    struct salvor_buffer *out =
        salvor_sftp_begin(exchange, request->type, request->body.size, NULL);
    if (!out)
        return;
    salvor_buffer_append(out, request->body.data, request->body.size, NULL);
    exchange->complete = true;
}

static int answer(struct salvor_sftp_exchange *exchange, const struct salvor_sftp_slot *slot,
                  enum salvor_sftp_type type, struct salvor_sftp_reader *reader,
                  struct salvor_error *err)
{
    (void)slot;
    struct salvor_sftp_request *request = (struct salvor_sftp_request *)exchange->call;
    request->answer_type = type;
    return salvor_buffer_append(&request->answer, reader->at, reader->left, err);
}

static const struct salvor_sftp_kind kind = {go, answer};

static void serve(struct salvor_call *call, void *context)
{
    salvor_sftp_exchange(context, call, &kind);
}

void salvor_sftp_request(struct salvor_sftp *sftp, struct salvor_sftp_request *request)
{
    request->call.serve = serve;
    salvor_service_post(sftp->mailbox, &request->call);
}
