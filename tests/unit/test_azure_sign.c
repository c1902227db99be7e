/* Shared Key makes of the documented requests the documented strings. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "store/azure/sign.h"

#define DATE "Fri, 26 Jun 2015 23:39:12 GMT"

struct request {
    const char *name, *method, *path, *body;
    const char *query[8];    /* names and values */
    const char *headers[16]; /* the same */
    const char *expected;
};

/* The examples of "Authorize with Shared Key" in the Azure Storage REST API, and its rules one by
   one. */
static const struct request requests[] = {
    {.name = "get container metadata",
     .path = "/mycontainer",
     .query = {"restype", "container", "comp", "metadata", "timeout", "20"},
     .headers = {"x-ms-version", "2015-02-21", "x-ms-date", DATE},
     .expected = "GET\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:" DATE "\nx-ms-version:2015-02-21\n"
                 "/myaccount/mycontainer\ncomp:metadata\nrestype:container\ntimeout:20"},
    {.name = "a length of zero is no length",
     .method = "PUT",
     .path = "/mycontainer",
     .body = "",
     .query = {"restype", "container", "timeout", "30"},
     .headers = {"x-ms-date", DATE, "x-ms-version", "2015-02-21"},
     .expected = "PUT\n\n\n\n\n\n\n\n\n\n\n\nx-ms-date:" DATE "\nx-ms-version:2015-02-21\n"
                 "/myaccount/mycontainer\nrestype:container\ntimeout:30"},
    {.name = "parameters of one name are sorted and joined",
     .path = "/mycontainer",
     .query = {"include", "uncommittedblobs", "include", "metadata", "include", "snapshots", "Comp",
               "list"},
     .expected = "GET\n\n\n\n\n\n\n\n\n\n\n\n"
                 "/myaccount/mycontainer\ncomp:list\ninclude:metadata,snapshots,uncommittedblobs"},
    {.name = "the emulator's path begins with the account again",
     .path = "/devstoreaccount1/c/a%20b",
     .expected = "GET\n\n\n\n\n\n\n\n\n\n\n\n/myaccount/devstoreaccount1/c/a%20b"},
    {.name = "parameters are signed as they are meant, the path as it is sent",
     .path = "/c/%C3%A4",
     .query = {"prefix", "\xc3\xa4 +%"},
     .expected = "GET\n\n\n\n\n\n\n\n\n\n\n\n/myaccount/c/%C3%A4\nprefix:\xc3\xa4 +%"},
    {.name = "the standard headers have a line each",
     .method = "PUT",
     .path = "/c/b",
     .body = "hello world",
     .headers = {"Range", "bytes=0-1", "Content-MD5", "md5", "content-type", "text/plain",
                 "If-Match", "\"1\"", "If-None-Match", "*", "Content-Language", "en",
                 "Content-Encoding", "gzip", "If-Modified-Since", DATE},
     .expected = "PUT\ngzip\nen\n11\nmd5\ntext/plain\n\n" DATE "\n\"1\"\n*\n\nbytes=0-1\n"
                 "/myaccount/c/b"},
    {.name = "headers of Azure's own are sorted in lower case, without blanks around them",
     .path = "/",
     .headers = {"X-Ms-Meta-M2", "v2", "x-ms-meta-m1", "  v1 and  more ", "Other", "o",
                 "x-ms-blob-type", "BlockBlob"},
     .expected = "GET\n\n\n\n\n\n\n\n\n\n\n\nx-ms-blob-type:BlockBlob\n"
                 "x-ms-meta-m1:v1 and  more\nx-ms-meta-m2:v2\n/myaccount/"},
    {.name = "underscores come before digits, as the server sorts",
     .path = "/",
     .headers = {"x-ms-meta-a1", "1", "x-ms-meta-a_", "2", "x-ms-meta-a", "3", "x-ms-meta-ab", "4"},
     .expected = "GET\n\n\n\n\n\n\n\n\n\n\n\nx-ms-meta-a:3\nx-ms-meta-a_:2\nx-ms-meta-a1:1\n"
                 "x-ms-meta-ab:4\n/myaccount/"},
};

static void fill(struct salvor_exchange *exchange, const struct request *request)
{
    salvor_exchange_init(exchange);
    exchange->method = request->method ? request->method : "GET";
    exchange->path = request->path;
    exchange->body = request->body;
    exchange->body_size = request->body ? strlen(request->body) : 0;
    for (int i = 0; i < 8 && request->query[i]; i += 2)
        assert_int_equal(
            salvor_exchange_add_query(exchange, request->query[i], request->query[i + 1], NULL), 0);
    for (int i = 0; i < 16 && request->headers[i]; i += 2)
        assert_int_equal(salvor_exchange_add_header(exchange, request->headers[i],
                                                    request->headers[i + 1], NULL),
                         0);
}

static void makes_the_documented_strings(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        struct salvor_exchange exchange;
        struct salvor_buffer text = SALVOR_BUFFER_INIT(4096);
        fill(&exchange, &requests[i]);
        assert_int_equal(salvor_azure_string_to_sign(&text, &exchange, "myaccount", NULL), 0);
        if (strcmp(text.data, requests[i].expected) != 0)
            fail_msg("%s: %s", requests[i].name, text.data);
        salvor_buffer_release(&text);
        salvor_exchange_release(&exchange);
    }
}

/* HMAC-SHA256 of the first documented string with the key "key", computed by openssl. */
static void signs_with_the_key(void **state)
{
    (void)state;
    struct salvor_exchange exchange;
    struct request request = requests[0];
    request.headers[2] = NULL; /* the date is added by the signing */
    fill(&exchange, &request);
    struct salvor_azure_key key = {
        .account = "myaccount", .key = "key", .key_size = 3, .time = 1435361952};
    assert_int_equal(salvor_azure_sign(&exchange, &key, NULL), 0);
    assert_string_equal(salvor_exchange_header(&exchange, "x-ms-date"), DATE);
    assert_string_equal(salvor_exchange_header(&exchange, "Authorization"),
                        "SharedKey myaccount:WM6PIVHYgxCEsyR7/qzf8xFpP0IqD5n1ky7LYLMZ/9g=");
    salvor_exchange_release(&exchange);
}

static void dates_the_last_time_there_is(void **state)
{
    (void)state;
    struct salvor_exchange exchange;
    fill(&exchange, &requests[0]);
    struct salvor_azure_key key = {.account = "a", .key = "key", .key_size = 3};
    key.time = (time_t)INT64_C(67768036191676799);
    assert_int_equal(salvor_azure_sign(&exchange, &key, NULL), 0);
    const char *line = NULL;
    size_t found = 0;
    while ((line = salvor_exchange_next(&exchange.headers, line)))
        found += strstr(line, " 31 Dec 2147485547 23:59:59 GMT") != NULL;
    assert_int_equal(found, 1);
    salvor_exchange_release(&exchange);
}

static void refuses_what_would_break_out(void **state)
{
    (void)state;
    struct salvor_error err;
    struct salvor_exchange exchange;
    fill(&exchange, &requests[0]);
    struct salvor_azure_key key = {.account = "a\r\nX: y", .key = "top secret", .key_size = 10};
    assert_int_equal(salvor_azure_sign(&exchange, &key, &err), -1);
    assert_string_equal(err.code, "Invalid");
    assert_null(strstr(err.message, "top secret"));
    salvor_exchange_release(&exchange);
}

static void refuses_too_many_parameters(void **state)
{
    (void)state;
    struct salvor_error err;
    struct salvor_exchange exchange;
    struct salvor_buffer text = SALVOR_BUFFER_INIT(1 << 16);
    fill(&exchange, &requests[0]);
    for (int i = 0; i < 300; i++)
        assert_int_equal(salvor_exchange_add_query(&exchange, "a", "b", NULL), 0);
    assert_int_equal(salvor_azure_string_to_sign(&text, &exchange, "a", &err), -1);
    assert_string_equal(err.code, "Invalid");
    salvor_buffer_release(&text);
    salvor_exchange_release(&exchange);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(makes_the_documented_strings),
        cmocka_unit_test(signs_with_the_key),
        cmocka_unit_test(dates_the_last_time_there_is),
        cmocka_unit_test(refuses_what_would_break_out),
        cmocka_unit_test(refuses_too_many_parameters),
    };
    return cmocka_run_group_tests_name("azure_sign", tests, NULL, NULL);
}
