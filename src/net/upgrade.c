#include "net/upgrade.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/random.h>

#include "data/base64.h"
#include "data/digest.h"

#define LINE_LIMIT ((size_t)64 << 10)
#define GUID       "258EAFA5-E914-47DA-95CA-C5AB0DC85B11" /* RFC 6455, section 1.3 */

enum { NONCE_SIZE = 16 };

/* The request */

static int make_key(char key[SALVOR_UPGRADE_KEY_SIZE], struct salvor_error *err)
{
    unsigned char nonce[NONCE_SIZE];
    struct salvor_buffer text = SALVOR_BUFFER_INIT(SALVOR_UPGRADE_KEY_SIZE);
    if (getrandom(nonce, sizeof(nonce), 0) != sizeof(nonce))
        return salvor_error_set(err, "Internal", "the system gives no random numbers");
    if (salvor_base64_encode(&text, nonce, sizeof(nonce), err) < 0)
        return -1;
    snprintf(key, SALVOR_UPGRADE_KEY_SIZE, "%s", text.data);
    salvor_buffer_release(&text);
    return 0;
}

/* An empty value is libcurl's way to leave a header out. */
static bool is_empty(const char *line)
{
    const char *colon = strchr(line, ':');
    return !colon || colon[1 + strspn(colon + 1, " \t")] == '\0';
}

static int add_lines(struct salvor_buffer *out, const struct salvor_http *http,
                     struct salvor_error *err)
{
    bool has_host = false;
    for (const struct curl_slist *line = http->request_headers; line; line = line->next) {
        if (is_empty(line->data))
            continue;
        has_host |= !strncasecmp(line->data, "Host:", 5);
        if (salvor_buffer_printf(out, err, "%s\r\n", line->data) < 0)
            return -1;
    }
    return has_host ? 0 : salvor_buffer_printf(out, err, "Host: %s\r\n", http->peer);
}

static int add_request_line(struct salvor_buffer *out, const struct salvor_http *http,
                            struct salvor_error *err)
{
    char *address = NULL, *path = NULL, *query = NULL;
    CURLU *url = curl_url();
    int result = -1;
    curl_easy_getinfo(http->transfer.easy, CURLINFO_EFFECTIVE_URL, &address);
    if (!url || curl_url_set(url, CURLUPART_URL, address, CURLU_PATH_AS_IS) ||
        curl_url_get(url, CURLUPART_PATH, &path, 0)) {
        salvor_error_memory(err);
    } else {
        curl_url_get(url, CURLUPART_QUERY, &query, 0);
        result = salvor_buffer_printf(out, err, "GET %s%s%s HTTP/1.1\r\n", path, query ? "?" : "",
                                      query ? query : "");
    }
    curl_free(path);
    curl_free(query);
    curl_url_cleanup(url);
    return result;
}

int salvor_upgrade_request(struct salvor_buffer *out, char key[SALVOR_UPGRADE_KEY_SIZE],
                           const struct salvor_http *http, const char *protocols,
                           struct salvor_error *err)
{
    if (make_key(key, err) < 0 || add_request_line(out, http, err) < 0 ||
        add_lines(out, http, err) < 0)
        return -1;
    return salvor_buffer_printf(out, err,
                                "Connection: Upgrade\r\n"
                                "Upgrade: websocket\r\n"
                                "Sec-WebSocket-Version: 13\r\n"
                                "Sec-WebSocket-Key: %s\r\n"
                                "Sec-WebSocket-Protocol: %s\r\n\r\n",
                                key, protocols);
}

/* The answer */

void salvor_upgrade_init(struct salvor_upgrade *upgrade)
{
    memset(upgrade, 0, sizeof(*upgrade));
    salvor_buffer_init(&upgrade->line, LINE_LIMIT);
}

void salvor_upgrade_release(struct salvor_upgrade *upgrade)
{
    salvor_buffer_release(&upgrade->line);
}

static int not_http(struct salvor_error *err, const char *what)
{
    return salvor_error_set(err, "Corrupt", "the answer is not HTTP/1.1: %s", what);
}

static int take_status(struct salvor_upgrade *upgrade, struct salvor_http *http,
                       struct salvor_error *err)
{
    const char *line = upgrade->line.data;
    if (strncmp(line, "HTTP/1.", 7) != 0 || !isdigit((unsigned char)line[7]) || line[8] != ' ' ||
        strspn(line + 9, "0123456789") != 3 || !strchr(" ", line[12]) || line[9] == '0')
        return not_http(err, "it has no status line");
    http->status = atoi(line + 9);
    salvor_buffer_clear(&http->headers);
    upgrade->state = SALVOR_UPGRADE_HEADERS;
    return 0;
}

/* The blank line behind the headers says how the body ends, RFC 9112 section 6.3. */
static int begin_body(struct salvor_upgrade *upgrade, const struct salvor_http *http,
                      struct salvor_error *err)
{
    const char *encoding = salvor_http_header(http, "Transfer-Encoding", 0);
    const char *length = salvor_http_header(http, "Content-Length", 0);
    upgrade->left = UINT64_MAX;
    if (http->status == 101 || http->status == 204 || http->status == 304) {
        upgrade->state = SALVOR_UPGRADE_DONE;
    } else if (http->status < 200) {
        upgrade->state = SALVOR_UPGRADE_STATUS;
    } else if (encoding) {
        upgrade->state = SALVOR_UPGRADE_CHUNK_SIZE;
    } else if (length) {
        char *end;
        upgrade->left = strtoull(length, &end, 10);
        if (!isdigit((unsigned char)*length) || *end)
            return not_http(err, "its Content-Length is no number");
        upgrade->state = upgrade->left ? SALVOR_UPGRADE_BODY : SALVOR_UPGRADE_DONE;
    } else {
        upgrade->state = SALVOR_UPGRADE_BODY;
    }
    return 0;
}

static int take_header(struct salvor_upgrade *upgrade, struct salvor_http *http,
                       struct salvor_error *err)
{
    if (upgrade->line.size == 0)
        return begin_body(upgrade, http, err);
    if (!strchr(upgrade->line.data, ':') || strlen(upgrade->line.data) != upgrade->line.size)
        return not_http(err, "it has a line that is no header");
    return salvor_buffer_append(&http->headers, upgrade->line.data, upgrade->line.size + 1, err);
}

static int take_chunk_size(struct salvor_upgrade *upgrade, struct salvor_error *err)
{
    char *end;
    if (!isxdigit((unsigned char)*upgrade->line.data))
        return not_http(err, "a chunk has no size");
    upgrade->left = strtoull(upgrade->line.data, &end, 16);
    if (upgrade->left > INT64_MAX)
        return not_http(err, "a chunk's size is absurd");
    upgrade->state = upgrade->left ? SALVOR_UPGRADE_CHUNK : SALVOR_UPGRADE_TRAILERS;
    return 0;
}

static int take_whole_line(struct salvor_upgrade *upgrade, struct salvor_http *http,
                           struct salvor_error *err)
{
    switch (upgrade->state) {
    case SALVOR_UPGRADE_STATUS:
        return take_status(upgrade, http, err);
    case SALVOR_UPGRADE_HEADERS:
        return take_header(upgrade, http, err);
    case SALVOR_UPGRADE_CHUNK_SIZE:
        return take_chunk_size(upgrade, err);
    case SALVOR_UPGRADE_CHUNK_END:
        upgrade->state = SALVOR_UPGRADE_CHUNK_SIZE;
        return 0;
    default:
        if (upgrade->line.size == 0)
            upgrade->state = SALVOR_UPGRADE_DONE;
        return 0;
    }
}

static int take_line(struct salvor_upgrade *upgrade, struct salvor_http *http, const uint8_t **data,
                     size_t *size, struct salvor_error *err)
{
    const uint8_t *end = memchr(*data, '\n', *size);
    size_t length = end ? (size_t)(end - *data) : *size;
    if (salvor_buffer_append(&upgrade->line, *data, length, err) < 0)
        return strcmp(err->code, "TooLarge") ? -1 : not_http(err, "it has an endless line");
    length += end ? 1 : 0;
    *data += length;
    *size -= length;
    if (!end)
        return 0;
    struct salvor_buffer *line = &upgrade->line;
    if (line->size && line->data[line->size - 1] == '\r')
        line->data[--line->size] = '\0';
    if (take_whole_line(upgrade, http, err) < 0)
        return -1;
    salvor_buffer_clear(line);
    return 0;
}

static int take_body(struct salvor_upgrade *upgrade, struct salvor_http *http, const uint8_t **data,
                     size_t *size, struct salvor_error *err)
{
    size_t taken = *size < upgrade->left ? *size : (size_t)upgrade->left;
    size_t room = SALVOR_UPGRADE_BODY_LIMIT - http->body.size;
    if (salvor_buffer_append(&http->body, *data, taken < room ? taken : room, err) < 0)
        return -1;
    *data += taken;
    *size -= taken;
    upgrade->left -= taken;
    if (upgrade->left == 0)
        upgrade->state =
            upgrade->state == SALVOR_UPGRADE_CHUNK ? SALVOR_UPGRADE_CHUNK_END : SALVOR_UPGRADE_DONE;
    return 0;
}

int salvor_upgrade_take(struct salvor_upgrade *upgrade, struct salvor_http *http,
                        const uint8_t **data, size_t *size, struct salvor_error *err)
{
    struct salvor_error ignored;
    err = err ? err : &ignored;
    while (*size > 0 && upgrade->state != SALVOR_UPGRADE_DONE) {
        bool in_body =
            upgrade->state == SALVOR_UPGRADE_BODY || upgrade->state == SALVOR_UPGRADE_CHUNK;
        if ((in_body ? take_body : take_line)(upgrade, http, data, size, err) < 0)
            return -1;
    }
    return 0;
}

/* Understanding it */

/* 0, or -1 without memory; *same says whether that is the answer to our key (section 4.2.2). */
static int check_key(bool *same, const char *answer, const char *key, struct salvor_error *err)
{
    char text[SALVOR_UPGRADE_KEY_SIZE + sizeof(GUID)];
    unsigned char digest[SALVOR_DIGEST_MAX];
    size_t size;
    struct salvor_buffer expected = SALVOR_BUFFER_INIT(256);
    snprintf(text, sizeof(text), "%s%s", key, GUID);
    if (salvor_digest_data(digest, &size, "sha1", text, strlen(text), err) < 0 ||
        salvor_base64_encode(&expected, digest, size, err) < 0)
        return -1;
    *same = !strcmp(answer, expected.data);
    salvor_buffer_release(&expected);
    return 0;
}

/* A comma-separated list holds that word, in any case when `loosely`. */
static bool has_word(const char *list, const char *word, bool loosely)
{
    size_t length = strlen(word);
    while (*list) {
        list += strspn(list, ", \t");
        size_t size = strcspn(list, ", \t");
        if (size == length && length > 0 &&
            (loosely ? !strncasecmp(list, word, size) : !strncmp(list, word, size)))
            return true;
        list += size;
    }
    return false;
}

int salvor_upgrade_check(const char **protocol, const struct salvor_http *http, const char *key,
                         const char *protocols, struct salvor_error *err)
{
    const char *upgrade = salvor_http_header(http, "Upgrade", 0);
    const char *connection = salvor_http_header(http, "Connection", 0);
    const char *accept = salvor_http_header(http, "Sec-WebSocket-Accept", 0);
    const char *chosen = salvor_http_header(http, "Sec-WebSocket-Protocol", 0);
    const char *wrong = NULL;
    bool answered = false;
    if (accept && check_key(&answered, accept, key, err) < 0)
        return -1;
    if (!upgrade || strcasecmp(upgrade, "websocket") != 0 || !connection ||
        !has_word(connection, "upgrade", true))
        wrong = "it switches to something else";
    else if (!answered)
        wrong = "its Sec-WebSocket-Accept does not belong to this request";
    else if (salvor_http_header(http, "Sec-WebSocket-Extensions", 0))
        wrong = "it uses an extension that was not offered";
    else if (!chosen || !has_word(protocols, chosen, false))
        wrong = "it chose a protocol that was not offered";
    if (!wrong) {
        *protocol = chosen;
        return 0;
    }
    salvor_error_set(err, "Corrupt", "%s does not open a WebSocket: %s", http->peer, wrong);
    salvor_error_hint(err, "is this the API server, or a proxy in front of it?");
    if (err)
        err->status = http->status;
    return -1;
}
