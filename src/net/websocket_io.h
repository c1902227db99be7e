/* The bytes of a WebSocket: what net/websocket.c alone uses of net/websocket_io.c. */
#ifndef SALVOR_NET_WEBSOCKET_IO_H
#define SALVOR_NET_WEBSOCKET_IO_H

#include "net/websocket.h"

/* Close codes, RFC 6455 section 7.4; NONE stands for a close frame without one. */
enum { SALVOR_CLOSE_NORMAL = 1000, SALVOR_CLOSE_PROTOCOL = 1002, SALVOR_CLOSE_NONE = 1005 };

/* Puts it into a final state: nothing is watched for any more. */
void salvor_websocket_end(struct salvor_websocket *socket, enum salvor_websocket_state state);

/* Sends what is waiting, as far as the connection takes it. */
void salvor_websocket_flush(struct salvor_websocket *socket);

/* Adds a frame of two parts to what is to be sent; false when there is no room. */
bool salvor_websocket_append(struct salvor_websocket *socket, enum salvor_frame_opcode opcode,
                             const void *head, size_t head_size, const void *data, size_t size);

void salvor_websocket_send_close(struct salvor_websocket *socket, int code);

/* Answers the latest ping if that has not been done; only that one needs it (section 5.5.3). */
void salvor_websocket_send_pong(struct salvor_websocket *socket);

/* A part of a message is there that was not taken. */
static inline bool salvor_websocket_has_piece(const struct salvor_websocket *socket)
{
    return socket->piece.kind == SALVOR_FRAME_DATA;
}

/* There is room to read into; otherwise the one who takes holds the sender up. */
bool salvor_websocket_can_fill(const struct salvor_websocket *socket);

/* Reads what there is, as far as there is room. */
void salvor_websocket_fill(struct salvor_websocket *socket);

/*
 * Reads and goes through it until there is something to hand on. TLS may hold bytes that no poll
 * shows, so reading ends when nothing comes; whoever sends control frames only waits for the next
 * turn.
 */
void salvor_websocket_take_in(struct salvor_websocket *socket);

#endif
