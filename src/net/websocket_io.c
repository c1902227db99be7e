#include "net/websocket_io.h"

#include <string.h>
#include <sys/random.h>

#include "data/text.h"

#define SEND_SIZE ((size_t)64 << 10) /* at once, so that progress shows */
#define ROUNDS    16

/* Ends */

static void stop(struct salvor_websocket *socket)
{
    salvor_watch_stop(&socket->watch);
    socket->timer.op.wake = NULL;
    if (socket->timer.loop)
        salvor_op_abort(&socket->timer.op);
}

void salvor_websocket_end(struct salvor_websocket *socket, enum salvor_websocket_state state)
{
    socket->state = state;
    stop(socket);
}

/* What libcurl says about the connection, in one line. */
static void lose(struct salvor_websocket *socket, CURLcode code)
{
    const char *text = code == CURLE_OK ? "closed by the other side" : curl_easy_strerror(code);
    if (code != CURLE_OK && socket->http.message[0])
        text = socket->http.message;
    socket->lost = true;
    salvor_error_set(&socket->error, "Disconnected", "connection to %s lost: %s", socket->http.peer,
                     text);
    salvor_text_make_error_one_line(&socket->error);
}

/* Writing */

void salvor_websocket_flush(struct salvor_websocket *socket)
{
    while (socket->out_start < socket->out_end && !socket->deaf) {
        size_t size = socket->out_end - socket->out_start, sent = 0;
        /* What TLS could not send whole must be offered again from the same place, no shorter. */
        CURLcode code = curl_easy_send(socket->http.transfer.easy, socket->out + socket->out_start,
                                       size < SEND_SIZE ? size : SEND_SIZE, &sent);
        if (code == CURLE_AGAIN)
            return;
        /* The server may have said why before it stopped listening, so reading goes on. */
        socket->deaf = code != CURLE_OK;
        socket->out_start += sent;
        socket->progressed = salvor_loop_now();
    }
    socket->out_start = socket->out_end = 0;
}

bool salvor_websocket_append(struct salvor_websocket *socket, enum salvor_frame_opcode opcode,
                             const void *head, size_t head_size, const void *data, size_t size)
{
    uint8_t mask[SALVOR_FRAME_MASK_SIZE];
    size_t whole = head_size + size;
    if (socket->deaf || !socket->out ||
        SALVOR_WEBSOCKET_BUFFER - socket->out_end < whole + SALVOR_FRAME_HEADER_MAX ||
        getrandom(mask, sizeof(mask), 0) != sizeof(mask))
        return false;
    if (socket->out_end == 0)
        socket->progressed = salvor_loop_now();
    uint8_t *at = socket->out + socket->out_end;
    at += salvor_frame_header(at, opcode, whole, mask);
    salvor_frame_mask(at, head, head_size, 0, mask);
    salvor_frame_mask(at + head_size, data, size, head_size, mask);
    socket->out_end = (size_t)(at - socket->out) + whole;
    salvor_websocket_flush(socket);
    return true;
}

void salvor_websocket_send_close(struct salvor_websocket *socket, int code)
{
    const uint8_t payload[2] = {(uint8_t)(code >> 8), (uint8_t)code};
    salvor_websocket_append(socket, SALVOR_FRAME_CLOSE, payload, sizeof(payload), NULL, 0);
}

void salvor_websocket_send_pong(struct salvor_websocket *socket)
{
    if (socket->pong_size >= 0 && salvor_websocket_append(socket, SALVOR_FRAME_PONG, socket->pong,
                                                          (size_t)socket->pong_size, NULL, 0))
        socket->pong_size = -1;
}

/* Reading */

bool salvor_websocket_can_fill(const struct salvor_websocket *socket)
{
    bool empty = socket->in_start == socket->in_end && !salvor_websocket_has_piece(socket);
    return !socket->lost && (empty || socket->in_end < SALVOR_WEBSOCKET_BUFFER);
}

void salvor_websocket_fill(struct salvor_websocket *socket)
{
    if (!salvor_websocket_can_fill(socket))
        return;
    if (socket->in_start == socket->in_end && !salvor_websocket_has_piece(socket))
        socket->in_start = socket->in_end = 0;
    size_t before = socket->in_end;
    while (!socket->lost && socket->in_end < SALVOR_WEBSOCKET_BUFFER) {
        size_t received = 0;
        CURLcode code = curl_easy_recv(socket->http.transfer.easy, socket->in + socket->in_end,
                                       SALVOR_WEBSOCKET_BUFFER - socket->in_end, &received);
        if (code == CURLE_AGAIN)
            break;
        if (code != CURLE_OK || received == 0)
            lose(socket, code);
        socket->in_end += received;
    }
    if (socket->in_end > before)
        socket->heard = salvor_loop_now();
}

static void take_close(struct salvor_websocket *socket, const struct salvor_frame_event *frame)
{
    char reason[SALVOR_FRAME_CONTROL_MAX] = "";
    socket->close_code = SALVOR_CLOSE_NONE;
    if (frame->size >= 2) {
        socket->close_code = frame->data[0] << 8 | frame->data[1];
        memcpy(reason, frame->data + 2, frame->size - 2);
        salvor_text_make_one_line(reason, frame->size - 2);
    }
    salvor_websocket_send_close(socket,
                                frame->size >= 2 ? socket->close_code : SALVOR_CLOSE_NORMAL);
    if (socket->close_code == SALVOR_CLOSE_NORMAL) {
        salvor_websocket_end(socket, SALVOR_WEBSOCKET_CLOSED);
        return;
    }
    salvor_websocket_end(socket, SALVOR_WEBSOCKET_FAILED);
    if (socket->close_code == SALVOR_CLOSE_NONE)
        salvor_error_set(&socket->error, "Disconnected", "%s ended the stream without a reason",
                         socket->http.peer);
    else
        salvor_error_set(&socket->error, "Disconnected", "%s ended the stream with code %d%s%s",
                         socket->http.peer, socket->close_code, *reason ? ": " : "", reason);
}

static void take_control(struct salvor_websocket *socket, const struct salvor_frame_event *frame)
{
    if (frame->opcode == SALVOR_FRAME_CLOSE) {
        take_close(socket, frame);
    } else if (frame->opcode == SALVOR_FRAME_PING) {
        memcpy(socket->pong, frame->data, frame->size);
        socket->pong_size = (int)frame->size;
        salvor_websocket_send_pong(socket);
    }
}

/* Goes through what was read up to the next part of a message. */
static void advance(struct salvor_websocket *socket)
{
    while (socket->state == SALVOR_WEBSOCKET_OPEN && !salvor_websocket_has_piece(socket) &&
           socket->in_start < socket->in_end) {
        const uint8_t *data = socket->in + socket->in_start;
        size_t size = socket->in_end - socket->in_start;
        if (salvor_frame_next(&socket->piece, &socket->reader, &data, &size, &socket->error) < 0) {
            salvor_websocket_send_close(socket, SALVOR_CLOSE_PROTOCOL);
            salvor_websocket_end(socket, SALVOR_WEBSOCKET_FAILED);
            return;
        }
        socket->in_start = socket->in_end - size;
        if (socket->piece.kind == SALVOR_FRAME_CONTROL)
            take_control(socket, &socket->piece);
    }
    if (socket->state == SALVOR_WEBSOCKET_OPEN && !salvor_websocket_has_piece(socket) &&
        socket->lost)
        salvor_websocket_end(socket, SALVOR_WEBSOCKET_FAILED);
}

void salvor_websocket_take_in(struct salvor_websocket *socket)
{
    advance(socket);
    for (int round = 0; round < ROUNDS && socket->state == SALVOR_WEBSOCKET_OPEN; round++) {
        if (salvor_websocket_has_piece(socket))
            break;
        salvor_websocket_fill(socket);
        if (socket->in_start == socket->in_end && !socket->lost)
            break;
        advance(socket);
    }
}
