#include "store/s3/sign.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "data/digest.h"
#include "net/url.h"

#define TEXT_LIMIT  ((size_t)1 << 20)
#define LINES_MAX   256
#define SCOPE_SIZE  160
#define SECRET_SIZE 512

struct lines {
    const char *line[LINES_MAX];
    size_t count;
};

static int add_line(struct lines *lines, const char *line, struct salvor_error *err)
{
    if (lines->count == LINES_MAX)
        return salvor_error_set(err, "Invalid", "more than %d headers or parameters", LINES_MAX);
    lines->line[lines->count++] = line;
    return 0;
}

/* Queries: sorted by the escaped names, then by the values. */

static int append_escaped(struct salvor_buffer *out, const char *text, struct salvor_error *err)
{
    return salvor_url_escape(out, text, strlen(text), err);
}

/* "name=value" escaped, each ended by a NUL; that "=" sorts before what may follow a name is what
   makes sorting them whole the same, so it is made the smallest byte for that time. */
static int escape_pairs(struct salvor_buffer *out, const struct salvor_buffer *query,
                        struct salvor_error *err)
{
    const char *name = NULL;
    while ((name = salvor_exchange_next(query, name))) {
        const char *value = salvor_exchange_next(query, name);
        if (append_escaped(out, name, err) < 0 || salvor_buffer_append(out, "\1", 1, err) < 0 ||
            append_escaped(out, value, err) < 0 || salvor_buffer_append(out, "", 1, err) < 0)
            return -1;
        name = value;
    }
    return 0;
}

static int compare_lines(const void *left, const void *right)
{
    return strcmp(*(const char *const *)left, *(const char *const *)right);
}

static int append_sorted(struct salvor_buffer *out, struct salvor_buffer *pairs,
                         struct salvor_error *err)
{
    struct lines lines = {.count = 0};
    const char *line = NULL;
    while ((line = salvor_exchange_next(pairs, line)))
        if (add_line(&lines, line, err) < 0)
            return -1;
    qsort(lines.line, lines.count, sizeof(lines.line[0]), compare_lines);
    for (size_t i = 0; i < lines.count; i++) {
        size_t name = strcspn(lines.line[i], "\1");
        if (salvor_buffer_printf(out, err, "%s%.*s=%s", i ? "&" : "", (int)name, lines.line[i],
                                 lines.line[i] + name + 1) < 0)
            return -1;
    }
    return 0;
}

static int append_query(struct salvor_buffer *out, const struct salvor_buffer *query,
                        struct salvor_error *err)
{
    struct salvor_buffer pairs = SALVOR_BUFFER_INIT(TEXT_LIMIT);
    int result = escape_pairs(&pairs, query, err);
    if (result == 0)
        result = append_sorted(out, &pairs, err);
    salvor_buffer_release(&pairs);
    return result;
}

/* Headers: in lower case, sorted; those of one name joined in their order. */

static size_t name_size(const char *line)
{
    return strcspn(line, ":");
}

static int compare_names(const char *left, const char *right)
{
    size_t left_size = name_size(left), right_size = name_size(right);
    int order = strncasecmp(left, right, left_size < right_size ? left_size : right_size);
    return order ? order : (left_size > right_size) - (left_size < right_size);
}

/* Those of one name stay in their order, which is that of their addresses. */
static int compare_headers(const void *left, const void *right)
{
    const char *const *one = left, *const *other = right;
    int order = compare_names(*one, *other);
    return order ? order : (*one > *other) - (*one < *other);
}

static int sort_headers(struct lines *lines, const struct salvor_exchange *exchange,
                        struct salvor_error *err)
{
    const char *line = NULL;
    lines->count = 0;
    while ((line = salvor_exchange_next(&exchange->headers, line)))
        if (strncasecmp(line, "User-Agent:", 11) != 0 && add_line(lines, line, err) < 0)
            return -1;
    qsort(lines->line, lines->count, sizeof(lines->line[0]), compare_headers);
    return 0;
}

static bool continues(const struct lines *lines, size_t i)
{
    return i && !compare_names(lines->line[i - 1], lines->line[i]);
}

static int append_name(struct salvor_buffer *out, const char *line, struct salvor_error *err)
{
    for (size_t i = 0; i < name_size(line); i++) {
        char byte = (char)tolower((unsigned char)line[i]);
        if (salvor_buffer_append(out, &byte, 1, err) < 0)
            return -1;
    }
    return 0;
}

/* Without blanks around it, and several in a row as one. */
static int append_value(struct salvor_buffer *out, const char *line, struct salvor_error *err)
{
    const char *at = line + name_size(line) + 1;
    at += strspn(at, " \t");
    while (*at) {
        size_t word = strcspn(at, " \t");
        size_t blanks = strspn(at + word, " \t");
        if (salvor_buffer_append(out, at, word, err) < 0)
            return -1;
        at += word + blanks;
        if (*at && salvor_buffer_append(out, " ", 1, err) < 0)
            return -1;
    }
    return 0;
}

static int append_headers(struct salvor_buffer *out, const struct lines *lines,
                          struct salvor_error *err)
{
    for (size_t i = 0; i < lines->count; i++) {
        if (continues(lines, i)) {
            if (salvor_buffer_append(out, ",", 1, err) < 0)
                return -1;
        } else if ((i && salvor_buffer_append(out, "\n", 1, err) < 0) ||
                   append_name(out, lines->line[i], err) < 0 ||
                   salvor_buffer_append(out, ":", 1, err) < 0) {
            return -1;
        }
        if (append_value(out, lines->line[i], err) < 0)
            return -1;
    }
    return 0;
}

static int append_names(struct salvor_buffer *out, const struct lines *lines,
                        struct salvor_error *err)
{
    for (size_t i = 0; i < lines->count; i++) {
        if (continues(lines, i))
            continue;
        if ((i && salvor_buffer_append(out, ";", 1, err) < 0) ||
            append_name(out, lines->line[i], err) < 0)
            return -1;
    }
    return 0;
}

static int append_canonical(struct salvor_buffer *out, const struct salvor_exchange *exchange,
                            const struct lines *lines, const char *payload,
                            struct salvor_error *err)
{
    if (salvor_buffer_printf(out, err, "%s\n%s\n", exchange->method, exchange->path) < 0 ||
        append_query(out, &exchange->query, err) < 0 ||
        salvor_buffer_append(out, "\n", 1, err) < 0 || append_headers(out, lines, err) < 0 ||
        salvor_buffer_append(out, "\n\n", 2, err) < 0 || append_names(out, lines, err) < 0)
        return -1;
    return salvor_buffer_printf(out, err, "\n%s", payload);
}

int salvor_s3_canonical(struct salvor_buffer *out, const struct salvor_exchange *exchange,
                        const char *payload, struct salvor_error *err)
{
    struct lines lines;
    if (sort_headers(&lines, exchange, err) < 0)
        return -1;
    return append_canonical(out, exchange, &lines, payload, err);
}

/* The signature */

static int hash(char hex[SALVOR_DIGEST_HEX_MAX], const void *data, size_t size,
                struct salvor_error *err)
{
    unsigned char value[SALVOR_DIGEST_MAX];
    size_t value_size;
    if (salvor_digest_data(value, &value_size, "sha256", data, size, err) < 0)
        return -1;
    salvor_hex(hex, value, value_size);
    return 0;
}

/* The key that is good for a day, a region and a service. */
static int derive(unsigned char key[SALVOR_SHA256_SIZE], const struct salvor_s3_key *from,
                  const char *day, struct salvor_error *err)
{
    char secret[SECRET_SIZE];
    int size = snprintf(secret, sizeof(secret), "AWS4%s", from->secret_key);
    if (size >= (int)sizeof(secret))
        return salvor_error_set(err, "Invalid", "the secret key is too long");
    const char *const steps[] = {from->region, from->service, "aws4_request"};
    int result = salvor_hmac_sha256(key, secret, (size_t)size, day, strlen(day), err);
    explicit_bzero(secret, sizeof(secret));
    for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]) && result == 0; i++) {
        unsigned char before[SALVOR_SHA256_SIZE];
        memcpy(before, key, sizeof(before));
        result = salvor_hmac_sha256(key, before, sizeof(before), steps[i], strlen(steps[i]), err);
        explicit_bzero(before, sizeof(before));
    }
    return result;
}

/* `signature` in hex: of the date, the scope and the digest of the canonical request. */
static int make_signature(char signature[2 * SALVOR_SHA256_SIZE + 1],
                          const struct salvor_s3_key *key, const char *stamp, const char *scope,
                          const char *day, const struct salvor_buffer *canonical,
                          struct salvor_error *err)
{
    char digest[SALVOR_DIGEST_HEX_MAX], text[SCOPE_SIZE + 128];
    unsigned char signing[SALVOR_SHA256_SIZE], value[SALVOR_SHA256_SIZE];
    if (hash(digest, canonical->data, canonical->size, err) < 0 ||
        derive(signing, key, day, err) < 0)
        return -1;
    int size = snprintf(text, sizeof(text), "AWS4-HMAC-SHA256\n%s\n%s\n%s", stamp, scope, digest);
    int result = salvor_hmac_sha256(value, signing, sizeof(signing), text, (size_t)size, err);
    explicit_bzero(signing, sizeof(signing));
    if (result < 0)
        return -1;
    salvor_hex(signature, value, sizeof(value));
    return 0;
}

static int add_authorization(struct salvor_exchange *exchange, const struct salvor_s3_key *key,
                             const char *stamp, const char *payload, struct salvor_buffer *text,
                             struct salvor_error *err)
{
    char day[9], scope[SCOPE_SIZE], signature[2 * SALVOR_SHA256_SIZE + 1];
    struct lines lines;
    snprintf(day, sizeof(day), "%.8s", stamp);
    if (snprintf(scope, sizeof(scope), "%s/%s/%s/aws4_request", day, key->region, key->service) >=
        (int)sizeof(scope))
        return salvor_error_set(err, "Invalid", "the region's name is too long");
    if (sort_headers(&lines, exchange, err) < 0 ||
        append_canonical(text, exchange, &lines, payload, err) < 0 ||
        make_signature(signature, key, stamp, scope, day, text, err) < 0)
        return -1;
    salvor_buffer_clear(text);
    if (salvor_buffer_printf(text, err, "AWS4-HMAC-SHA256 Credential=%s/%s, SignedHeaders=",
                             key->access_key, scope) < 0 ||
        append_names(text, &lines, err) < 0 ||
        salvor_buffer_printf(text, err, ", Signature=%s", signature) < 0)
        return -1;
    return salvor_exchange_add_header(exchange, "Authorization", text->data, err);
}

int salvor_s3_sign(struct salvor_exchange *exchange, const void *context, struct salvor_error *err)
{
    const struct salvor_s3_key *key = context;
    char stamp[32], digest[SALVOR_DIGEST_HEX_MAX];
    const char *payload = key->payload;
    struct tm utc;
    if (!gmtime_r(&key->time, &utc) || !strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &utc))
        return salvor_error_set(err, "Invalid", "the time of a request has no date");
    if (salvor_exchange_add_header(exchange, "X-Amz-Date", stamp, err) < 0 ||
        (key->token &&
         salvor_exchange_add_header(exchange, "X-Amz-Security-Token", key->token, err) < 0) ||
        (payload && salvor_exchange_add_header(exchange, "X-Amz-Content-SHA256", payload, err) < 0))
        return -1;
    if (!payload) {
        const char *body = exchange->upload.block ? exchange->upload.block->data : exchange->body;
        if (hash(digest, body ? body : "", salvor_exchange_size(exchange), err) < 0)
            return -1;
        payload = digest;
    }
    struct salvor_buffer text = SALVOR_BUFFER_INIT(TEXT_LIMIT);
    int result = add_authorization(exchange, key, stamp, payload, &text, err);
    salvor_buffer_release(&text);
    return result;
}
