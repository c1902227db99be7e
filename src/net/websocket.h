/*
 * A WebSocket, RFC 6455, on the event loop: framing, heartbeat and deadlines. It is for protocols
 * whose messages may be of any size, so payloads are handed on in pieces as they arrive, and what is
 * not taken stays with the sender: memory is bounded both ways.
 *
 *     salvor_websocket_init(&socket, notify, context)
 *     start socket.http with connect_only (salvor_http_start() or what is built on it)
 *     salvor_websocket_open(&socket, loop, &options)
 *     at each notify(&socket): look at socket.state, peek and consume, send where there is room
 *     salvor_websocket_release(&socket)      at any time; closes what is open
 *
 * `notify` is called from the loop, never from inside one of these functions, and may release the
 * socket.
 */
#ifndef SALVOR_NET_WEBSOCKET_H
#define SALVOR_NET_WEBSOCKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/error.h"
#include "loop/loop.h"
#include "net/frame.h"
#include "net/http.h"
#include "net/upgrade.h"

/* What is read ahead of the one who takes it, and written ahead of the connection. */
#define SALVOR_WEBSOCKET_BUFFER ((size_t)256 << 10)

/* Seconds. */
struct salvor_websocket_options {
    const char *protocols; /* subprotocols offered, the best first: "a, b"; must live until open */
    double open_timeout;   /* for the answer to the request, once there is a connection */
    double ping_interval;
    double read_timeout;  /* without a byte from the server, pongs included; not while held up */
    double write_timeout; /* without the connection taking a byte of what is to be sent */
};

enum salvor_websocket_state {
    SALVOR_WEBSOCKET_OPENING,
    SALVOR_WEBSOCKET_OPEN,
    SALVOR_WEBSOCKET_REFUSED, /* no connection, or an answer other than 101: look at `http` */
    SALVOR_WEBSOCKET_CLOSED,  /* by either side with code 1000; everything was taken */
    SALVOR_WEBSOCKET_FAILED   /* look at `error` */
};

struct salvor_websocket {
    struct salvor_http http;
    enum salvor_websocket_state state;
    char protocol[64];         /* the one chosen, once open */
    struct salvor_error error; /* Timeout, Disconnected, Corrupt, Internal */
    int close_code;            /* the server's; 0: none yet, 1005: it gave none */

    /* Private. */
    struct salvor_websocket_options options;
    void (*notify)(struct salvor_websocket *socket);
    void *context;
    struct salvor_loop *loop;
    struct salvor_watch watch;
    struct salvor_timer timer;
    double pinged, heard, progressed, opening_until;
    uint8_t *in, *out;
    size_t in_start, in_end, out_start, out_end;
    struct salvor_frame_reader reader;
    struct salvor_frame_event piece; /* kind DATA: not all of it was taken */
    unsigned turn_parts;             /* that were handed on since the loop had its turn */
    struct salvor_upgrade upgrade;
    char key[SALVOR_UPGRADE_KEY_SIZE];
    char pong[SALVOR_FRAME_CONTROL_MAX];
    int pong_size; /* -1: none is due */
    bool lost;     /* nothing more will come; `error` says why, for when all has been taken */
    bool deaf;     /* the connection takes nothing any more */
};

void salvor_websocket_init(struct salvor_websocket *socket,
                           void (*notify)(struct salvor_websocket *socket), void *context);

/* Says goodbye, as far as the connection takes it at once, and closes it. */
void salvor_websocket_release(struct salvor_websocket *socket);

/* Goes on once socket->http, which was started, has its connection. */
void salvor_websocket_open(struct salvor_websocket *socket, struct salvor_loop *loop,
                           const struct salvor_websocket_options *options);

/* Why it was REFUSED without an HTTP answer, FAILED or CLOSED; returns -1. */
int salvor_websocket_explain(const struct salvor_websocket *socket, struct salvor_error *err);

/*
 * The next part of the payload of a message: kind DATA with its opcode, or MORE when there is none
 * now, after which the state may be another, or when it is the turn of others. It is valid until the
 * next call.
 */
struct salvor_frame_event salvor_websocket_peek(struct salvor_websocket *socket);

/* Takes the first `size` bytes of what was peeked; of an empty part 0. */
void salvor_websocket_consume(struct salvor_websocket *socket, size_t size);

/* How large a message can be sent now. */
size_t salvor_websocket_room(const struct salvor_websocket *socket);

/*
 * Sends a binary message of two parts, with together at most salvor_websocket_room() bytes, or 16
 * more for what must not wait. False when there is no room.
 */
bool salvor_websocket_send(struct salvor_websocket *socket, const void *head, size_t head_size,
                           const void *data, size_t size);

#endif
