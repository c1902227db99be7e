#include "kube/token.h"

#include <ctype.h>
#include <string.h>

#include <jansson.h>

#include "data/base64.h"
#include "data/json.h"

#define CLAIMS_LIMIT ((size_t)1 << 20)

bool salvor_kube_is_token(const char *text)
{
    for (; *text; text++)
        if (!isgraph((unsigned char)*text))
            return false;
    return true;
}

/* The alphabet of URLs, without padding, as the standard one. */
static int standard(struct salvor_buffer *out, const char *text, size_t size)
{
    if (salvor_buffer_append(out, text, size, NULL) < 0)
        return -1;
    for (size_t i = 0; i < size; i++)
        if (out->data[i] == '-')
            out->data[i] = '+';
        else if (out->data[i] == '_')
            out->data[i] = '/';
    return salvor_buffer_append(out, "==", (4 - size % 4) % 4, NULL);
}

static json_t *decode(const char *text, size_t size)
{
    struct salvor_buffer padded = SALVOR_BUFFER_INIT(CLAIMS_LIMIT);
    struct salvor_buffer claims = SALVOR_BUFFER_INIT(CLAIMS_LIMIT);
    json_t *result = NULL;
    if (size % 4 != 1 && standard(&padded, text, size) == 0 &&
        salvor_base64_decode(&claims, padded.data, padded.size, NULL) == 0)
        salvor_json_decode(&result, claims.data, claims.size, NULL);
    salvor_buffer_release_wiped(&padded);
    salvor_buffer_release_wiped(&claims);
    return result;
}

bool salvor_token_read(struct salvor_token *out, const char *text)
{
    const char *begin = strchr(text, '.');
    const char *end = begin ? strchr(begin + 1, '.') : NULL;
    json_t *claims = end ? decode(begin + 1, (size_t)(end - begin) - 1) : NULL;
    bool is_token = json_is_object(claims);
    const char *subject = json_string_value(json_object_get(claims, "sub"));
    *out = (struct salvor_token){.ends = json_integer_value(json_object_get(claims, "exp"))};
    if (subject && strlen(subject) < sizeof(out->subject))
        strcpy(out->subject, subject);
    json_decref(claims);
    return is_token;
}
