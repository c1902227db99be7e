#include "net/silence.h"

static curl_off_t bytes_moved(const struct salvor_transfer *transfer)
{
    curl_off_t down = 0, up = 0;
    long headers = 0;
    curl_easy_getinfo(transfer->easy, CURLINFO_SIZE_DOWNLOAD_T, &down);
    curl_easy_getinfo(transfer->easy, CURLINFO_SIZE_UPLOAD_T, &up);
    curl_easy_getinfo(transfer->easy, CURLINFO_HEADER_SIZE, &headers);
    return down + up + headers;
}

static void look(struct salvor_op *op);

static void arm(struct salvor_silence *silence)
{
    silence->timer.op.wake = look;
    silence->timer.op.waiter = silence;
    salvor_timer_start(silence->transfer->loop, &silence->timer, silence->seconds / 4);
}

static void look(struct salvor_op *op)
{
    struct salvor_silence *silence = op->waiter;
    curl_off_t moved = bytes_moved(silence->transfer);
    double now = salvor_loop_now();
    if (moved != silence->moved) {
        silence->moved = moved;
        silence->since = now;
    } else if (now - silence->since >= silence->seconds) {
        silence->is_over = true;
        salvor_op_abort(&silence->transfer->op);
        return;
    }
    arm(silence);
}

void salvor_silence_start(struct salvor_silence *silence, struct salvor_transfer *transfer,
                          double seconds)
{
    *silence = (struct salvor_silence){.seconds = seconds, .transfer = transfer};
    silence->since = salvor_loop_now();
    if (seconds > 0)
        arm(silence);
}

void salvor_silence_stop(struct salvor_silence *silence)
{
    silence->timer.op.wake = NULL;
    if (silence->timer.loop && !silence->timer.op.done)
        salvor_op_abort(&silence->timer.op);
}
