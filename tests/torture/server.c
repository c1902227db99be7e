#include "server.h"

#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "data/base64.h"
#include "data/digest.h"

#define GUID "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" /* RFC 6455, section 1.3 */

enum { FINAL_BINARY = 0x82, FINAL_CLOSE = 0x88 };

/* A client that has given up meanwhile is what this is all about. */
static void send_all(int client, const void *data, size_t size)
{
    ssize_t written = write(client, data, size);
    (void)written;
}

/* WebSockets */

static void send_frame(int client, int first, const char *data, size_t size)
{
    unsigned char frame[128] = {(unsigned char)first, (unsigned char)size};
    memcpy(frame + 2, data, size);
    send_all(client, frame, size + 2);
}

static void switch_protocol(int client, const char *request, const char *protocol)
{
    static const char name[] = "Sec-WebSocket-Key: ";
    struct salvor_buffer accept = SALVOR_BUFFER_INIT(256);
    unsigned char digest[SALVOR_DIGEST_MAX];
    char key[256], text[512];
    size_t size;
    const char *line = strstr(request, name);
    line = line ? line + sizeof(name) - 1 : "";
    snprintf(key, sizeof(key), "%.*s%s", (int)strcspn(line, "\r"), line, GUID);
    if (salvor_digest_data(digest, &size, "sha1", key, strlen(key), NULL) < 0 ||
        salvor_base64_encode(&accept, digest, size, NULL) < 0)
        exit(1);
    int length = snprintf(text, sizeof(text),
                          "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                          "Connection: Upgrade\r\nSec-WebSocket-Accept: %s\r\n"
                          "Sec-WebSocket-Protocol: %s\r\n\r\n",
                          accept.data, protocol);
    salvor_buffer_release(&accept);
    send_all(client, text, (size_t)length);
}

/* Ends with code 1000, and waits until the client has hung up. */
static void end_websocket(int client)
{
    char ignored[1024];
    send_frame(client, FINAL_CLOSE, "\x03\xe8", 2);
    while (read(client, ignored, sizeof(ignored)) > 0)
        ;
}

static void exec_in_websocket(int client, const char *request)
{
    static const char status[] = "\3{\"metadata\":{},\"status\":\"Success\"}";
    char input[1024];
    switch_protocol(client, request, "v5.channel.k8s.io");
    if (read(client, input, sizeof(input)) <= 0)
        return;
    send_frame(client, FINAL_BINARY, "\1hello", 6);
    send_frame(client, FINAL_BINARY, "\2oops", 5);
    send_frame(client, FINAL_BINARY, status, sizeof(status) - 1);
    end_websocket(client);
}

static void forward_in_websocket(int client, const char *request)
{
    switch_protocol(client, request, "v4.channel.k8s.io");
    send_frame(client, FINAL_BINARY, "\0\120\0", 3);
    send_frame(client, FINAL_BINARY, "\1\120\0", 3);
    send_frame(client, FINAL_BINARY, "\0pong", 5);
    end_websocket(client);
}

/* Answers */

static const char *const answers[][2] = {
    {"GET /object", "{\"kind\":\"ConfigMap\",\"data\":{\"a\":\"1\",\"b\":\"2\"}}"},
    {"PUT /object", "{\"kind\":\"ConfigMap\",\"data\":{}}"},
    {"GET /stream", "{\"type\":\"ADDED\",\"n\":1}\n{\"type\":\"ADDED\",\"n\":2}\n"},
};

static void answer(int client)
{
    char request[8192], text[1024];
    size_t size = 0;
    ssize_t got;
    request[0] = '\0';
    while (!strstr(request, "\r\n\r\n") && size + 1 < sizeof(request) &&
           (got = read(client, request + size, sizeof(request) - size - 1)) > 0) {
        size += (size_t)got;
        request[size] = '\0';
    }
    if (!strncmp(request, "GET /exec", 9)) {
        exec_in_websocket(client, request);
        return;
    }
    if (!strncmp(request, "GET /forward", 12)) {
        forward_in_websocket(client, request);
        return;
    }
    int status = 404;
    const char *body = "{\"kind\":\"Status\",\"message\":\"no such path\",\"details\":{\"a\":1}}";
    for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++)
        if (!strncmp(request, answers[i][0], strlen(answers[i][0]))) {
            status = 200;
            body = answers[i][1];
        }
    int length = snprintf(text, sizeof(text),
                          "HTTP/1.1 %d Said\r\nContent-Type: application/json\r\n"
                          "Content-Length: %zu\r\nConnection: close\r\n\r\n%s",
                          status, strlen(body), body);
    send_all(client, text, (size_t)length);
}

int torture_listen(char *url, size_t size)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof(address);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, length) < 0 ||
        listen(listener, 64) < 0 ||
        getsockname(listener, (struct sockaddr *)&address, &length) < 0) {
        perror("listen");
        exit(1);
    }
    snprintf(url, size, "http://127.0.0.1:%d", ntohs(address.sin_port));
    return listener;
}

void torture_serve(int listener, int pipe)
{
    struct pollfd polled[] = {{.fd = listener, .events = POLLIN}, {.fd = pipe, .events = POLLIN}};
    signal(SIGPIPE, SIG_IGN);
    while (poll(polled, 2, -1) > 0 && !polled[1].revents) {
        int client = accept(listener, NULL, NULL);
        if (client < 0)
            continue;
        answer(client);
        close(client);
    }
}
