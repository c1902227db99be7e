/*
 * Whatever an answer that is no success holds, it ends in an error whose code is a word and whose
 * text cannot do anything to a terminal. The first byte chooses the status, then come the lines of
 * the headers up to an empty one, and the body.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "data/utf8.h"
#include "kube/request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const int statuses[] = {0,   300, 302, 400, 401, 403, 404, 409, 410,
                               415, 422, 429, 500, 502, 503, 504, 599};

static void check_text(const char *text)
{
    size_t size = strlen(text), length;
    for (size_t at = 0; at < size; at += length) {
        uint32_t character;
        length = salvor_utf8_next(&character, text + at, size - at);
        if (!length || character < 0x20 || (character >= 0x7f && character < 0xa0))
            abort();
    }
}

static void check_code(const char *code)
{
    if (!*code || code[strspn(code, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                    "0123456789-_.")])
        abort();
}

/* Moves the header lines over; returns where the body begins. */
static size_t take_headers(struct salvor_http *http, const char *text, size_t size)
{
    size_t at = 0;
    while (at < size) {
        const char *end = memchr(text + at, '\n', size - at);
        size_t length = end ? (size_t)(end - text) - at : size - at;
        if (!length || memchr(text + at, '\0', length))
            return end ? at + length + 1 : size;
        if (salvor_buffer_append(&http->headers, text + at, length, NULL) < 0 ||
            salvor_buffer_append(&http->headers, "", 1, NULL) < 0)
            return size;
        at += length + 1;
    }
    return size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct salvor_kubeconfig config;
    struct salvor_http http;
    struct salvor_error err;
    json_t *details = json_true(); /* whatever was there before */
    if (!size)
        return 0;
    memset(&config, 0, sizeof(config));
    salvor_http_init(&http);
    http.complete = true;
    http.status = statuses[data[0] % (sizeof(statuses) / sizeof(statuses[0]))];
    strcpy(http.peer, "server:443");
    size_t body = take_headers(&http, (const char *)data + 1, size - 1);
    if (body < size - 1 &&
        salvor_buffer_append(&http.body, (const char *)data + 1 + body, size - 1 - body, NULL) < 0)
        abort();
    if (salvor_kube_check(&http, &config, &details, &err) == 0)
        abort();
    check_code(err.code);
    check_text(err.message);
    check_text(err.hint);
    if (details && !json_is_object(details))
        abort();
    json_decref(details);
    salvor_http_release(&http);
    return 0;
}
