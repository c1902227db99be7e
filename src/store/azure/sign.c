#include "store/azure/sign.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "data/base64.h"
#include "data/digest.h"

#define TEXT_LIMIT ((size_t)1 << 20)
#define PAIRS_MAX  256
#define DATE_SIZE  64

/* A header or a parameter of the query; the name of a header ends at its colon. */
struct pair {
    const char *name, *value;
};

struct pairs {
    struct pair pair[PAIRS_MAX];
    size_t count;
};

static int add_pair(struct pairs *pairs, const char *name, const char *value,
                    struct salvor_error *err)
{
    if (pairs->count == PAIRS_MAX)
        return salvor_error_set(err, "Invalid", "more than %d headers or parameters", PAIRS_MAX);
    pairs->pair[pairs->count++] = (struct pair){.name = name, .value = value};
    return 0;
}

/* The server sorts by the rules of a language, where "_" comes before digits, as in x-ms-meta-a_1. */
static int weight(char byte)
{
    if (!byte || byte == ':')
        return 0;
    return byte == '_' ? '0' - 1 : tolower((unsigned char)byte);
}

static int compare_names(const char *left, const char *right)
{
    while (weight(*left) && weight(*left) == weight(*right)) {
        left++;
        right++;
    }
    return weight(*left) - weight(*right);
}

static int compare_pairs(const void *left, const void *right)
{
    const struct pair *one = left, *other = right;
    int order = compare_names(one->name, other->name);
    return order ? order : strcmp(one->value, other->value);
}

static void sort_pairs(struct pairs *pairs)
{
    qsort(pairs->pair, pairs->count, sizeof(pairs->pair[0]), compare_pairs);
}

static int append_lower(struct salvor_buffer *out, const char *name, struct salvor_error *err)
{
    for (; *name && *name != ':'; name++) {
        char byte = (char)tolower((unsigned char)*name);
        if (salvor_buffer_append(out, &byte, 1, err) < 0)
            return -1;
    }
    return salvor_buffer_append(out, ":", 1, err);
}

/* The headers that stand in the string without their names; the date is in x-ms-date. */
static int append_standard(struct salvor_buffer *out, const struct salvor_exchange *exchange,
                           struct salvor_error *err)
{
    static const char *const names[] = {"Content-Encoding",
                                        "Content-Language",
                                        "Content-Length",
                                        "Content-MD5",
                                        "Content-Type",
                                        "Date",
                                        "If-Modified-Since",
                                        "If-Match",
                                        "If-None-Match",
                                        "If-Unmodified-Since",
                                        "Range"};
    if (salvor_buffer_printf(out, err, "%s\n", exchange->method) < 0)
        return -1;
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *value = salvor_exchange_header(exchange, names[i]);
        size_t size = salvor_exchange_size(exchange);
        int result;
        if (!strcmp(names[i], "Content-Length") && size)
            result = salvor_buffer_printf(out, err, "%zu\n", size);
        else
            result = salvor_buffer_printf(out, err, "%s\n", value ? value : "");
        if (result < 0)
            return -1;
    }
    return 0;
}

static int append_headers(struct salvor_buffer *out, const struct salvor_exchange *exchange,
                          struct salvor_error *err)
{
    struct pairs pairs = {.count = 0};
    const char *line = NULL;
    while ((line = salvor_exchange_next(&exchange->headers, line))) {
        if (strncasecmp(line, "x-ms-", 5) != 0)
            continue;
        const char *value = strchr(line, ':') + 1;
        if (add_pair(&pairs, line, value + strspn(value, " "), err) < 0)
            return -1;
    }
    sort_pairs(&pairs);
    for (size_t i = 0; i < pairs.count; i++) {
        size_t size = strlen(pairs.pair[i].value);
        while (size && pairs.pair[i].value[size - 1] == ' ')
            size--;
        if (append_lower(out, pairs.pair[i].name, err) < 0 ||
            salvor_buffer_append(out, pairs.pair[i].value, size, err) < 0 ||
            salvor_buffer_append(out, "\n", 1, err) < 0)
            return -1;
    }
    return 0;
}

/* The path as it is sent, and the query as it is meant; values of one name are joined. */
static int append_resource(struct salvor_buffer *out, const struct salvor_exchange *exchange,
                           const char *account, struct salvor_error *err)
{
    struct pairs pairs = {.count = 0};
    const char *name = NULL;
    while ((name = salvor_exchange_next(&exchange->query, name))) {
        const char *value = salvor_exchange_next(&exchange->query, name);
        if (add_pair(&pairs, name, value, err) < 0)
            return -1;
        name = value;
    }
    sort_pairs(&pairs);
    if (salvor_buffer_printf(out, err, "/%s%s", account, exchange->path) < 0)
        return -1;
    for (size_t i = 0; i < pairs.count; i++) {
        bool continues = i && !compare_names(pairs.pair[i - 1].name, pairs.pair[i].name);
        if (salvor_buffer_append(out, continues ? "," : "\n", 1, err) < 0 ||
            (!continues && append_lower(out, pairs.pair[i].name, err) < 0) ||
            salvor_buffer_append(out, pairs.pair[i].value, strlen(pairs.pair[i].value), err) < 0)
            return -1;
    }
    return 0;
}

int salvor_azure_string_to_sign(struct salvor_buffer *out, const struct salvor_exchange *exchange,
                                const char *account, struct salvor_error *err)
{
    if (append_standard(out, exchange, err) < 0 || append_headers(out, exchange, err) < 0)
        return -1;
    return append_resource(out, exchange, account, err);
}

static int add_authorization(struct salvor_exchange *exchange, const struct salvor_azure_key *key,
                             struct salvor_buffer *text, struct salvor_error *err)
{
    unsigned char signature[SALVOR_SHA256_SIZE];
    if (salvor_azure_string_to_sign(text, exchange, key->account, err) < 0 ||
        salvor_hmac_sha256(signature, key->key, key->key_size, text->data, text->size, err) < 0)
        return -1;
    salvor_buffer_clear(text);
    if (salvor_buffer_printf(text, err, "SharedKey %s:", key->account) < 0 ||
        salvor_base64_encode(text, signature, sizeof(signature), err) < 0)
        return -1;
    return salvor_exchange_add_header(exchange, "Authorization", text->data, err);
}

/* As in RFC 9110, 5.6.7, whatever language the process speaks. */
static int write_date(char date[DATE_SIZE], time_t time, struct salvor_error *err)
{
    static const char days[][4] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char months[][4] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                     "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct tm utc;
    if (!gmtime_r(&time, &utc))
        return salvor_error_set(err, "Invalid", "the time of a request has no date");
    snprintf(date, DATE_SIZE, "%s, %02d %s %ld %02d:%02d:%02d GMT", days[utc.tm_wday], utc.tm_mday,
             months[utc.tm_mon], utc.tm_year + 1900L, utc.tm_hour, utc.tm_min, utc.tm_sec);
    return 0;
}

int salvor_azure_sign(struct salvor_exchange *exchange, const void *context,
                      struct salvor_error *err)
{
    const struct salvor_azure_key *key = context;
    char date[DATE_SIZE];
    if (write_date(date, key->time, err) < 0 ||
        salvor_exchange_add_header(exchange, "x-ms-date", date, err) < 0)
        return -1;
    struct salvor_buffer text = SALVOR_BUFFER_INIT(TEXT_LIMIT);
    int result = add_authorization(exchange, key, &text, err);
    salvor_buffer_release(&text);
    return result;
}
