/*
 * The opening handshake of a WebSocket, RFC 6455 section 4: the request, and the answer to it, which
 * is read here because libcurl only makes the connection.
 */
#ifndef SALVOR_NET_UPGRADE_H
#define SALVOR_NET_UPGRADE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buffer.h"
#include "core/error.h"
#include "net/http.h"

#define SALVOR_UPGRADE_KEY_SIZE 25 /* with the NUL */

/* The ceiling of the body of an answer that refuses; what is beyond is dropped. */
#define SALVOR_UPGRADE_BODY_LIMIT ((size_t)64 << 10)

/*
 * Appends the request for what `http` was started for, with its header lines. `key` becomes the
 * random key, `protocols` are those offered ("a, b").
 */
int salvor_upgrade_request(struct salvor_buffer *out, char key[SALVOR_UPGRADE_KEY_SIZE],
                           const struct salvor_http *http, const char *protocols,
                           struct salvor_error *err);

/* Where the reading of an answer stands; salvor_upgrade_init() is the beginning. */
struct salvor_upgrade {
    enum {
        SALVOR_UPGRADE_STATUS,
        SALVOR_UPGRADE_HEADERS,
        SALVOR_UPGRADE_BODY, /* `left` bytes, or up to the end of the connection */
        SALVOR_UPGRADE_CHUNK_SIZE,
        SALVOR_UPGRADE_CHUNK,
        SALVOR_UPGRADE_CHUNK_END,
        SALVOR_UPGRADE_TRAILERS,
        SALVOR_UPGRADE_DONE
    } state;
    struct salvor_buffer line;
    uint64_t left;
};

void salvor_upgrade_init(struct salvor_upgrade *upgrade);
void salvor_upgrade_release(struct salvor_upgrade *upgrade);

/*
 * Takes bytes of an answer, moving *data and *size, into http's status, headers and body, until
 * upgrade->state is DONE; what follows a 101 stays. Error Corrupt when it is not HTTP/1.1.
 */
int salvor_upgrade_take(struct salvor_upgrade *upgrade, struct salvor_http *http,
                        const uint8_t **data, size_t *size, struct salvor_error *err);

/*
 * Whether the answer 101 is that to our request; *protocol is the chosen one, a string of the
 * headers. Error Corrupt otherwise, Internal without memory.
 */
int salvor_upgrade_check(const char **protocol, const struct salvor_http *http, const char *key,
                         const char *protocols, struct salvor_error *err);

#endif
