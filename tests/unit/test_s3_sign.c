/* Signature V4 makes of the published requests the published signatures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "store/s3/sign.h"

#define EMPTY "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

struct vector {
    const char *name, *method, *path;
    const char *query[8];   /* names and values */
    const char *headers[8]; /* the same */
    const char *token, *payload;
    const char *signed_headers, *signature;
};

static const char letters[] = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/*
 * AWS's test suite of Signature V4 (aws-signing-test-suite), those that do not normalise paths, as
 * S3 does not. Paths stand here as they are sent.
 */
static const struct vector suite[] = {
    {.name = "get-vanilla",
     .signature = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {.name = "get-vanilla-query",
     .signature = "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
    {.name = "get-vanilla-empty-query-key",
     .query = {"Param1", "value1"},
     .signature = "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb"},
    {.name = "get-vanilla-query-order-key-case",
     .query = {"Param2", "value2", "Param1", "value1"},
     .signature = "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
    {.name = "get-vanilla-query-order-encoded",
     .query = {"Param-3", "Value3", "Param", "Value2", "\xe1\x88\xb4", "Value1"},
     .signature = "371d3713e185cc334048618a97f809c9ffe339c62934c032af5a0e595648fcac"},
    {.name = "get-vanilla-query-unreserved",
     .query = {letters, letters},
     .signature = "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197"},
    {.name = "get-vanilla-utf8-query",
     .query = {"\xe1\x88\xb4", "bar"},
     .signature = "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04"},
    {.name = "get-vanilla-with-session-token",
     .token = "6e86291e8372ff2a2260956d9b8aae1d763fbf315fa00fa31553b73ebf194267",
     .signed_headers = "host;x-amz-date;x-amz-security-token",
     .signature = "07ec1639c89043aa0e3e2de82b96708f198cceab042d4a97044c66dd9f74e7f8"},
    {.name = "get-unreserved",
     .path = "/-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz",
     .signature = "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f"},
    {.name = "get-utf8",
     .path = "/%E1%88%B4",
     .signature = "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"},
    {.name = "get-space-unnormalized",
     .path = "/example%20space/",
     .signature = "652487583200325589f1fba4c7e578f72c47cb61beeca81406b39ddec1366741"},
    {.name = "get-relative-unnormalized",
     .path = "/example/..",
     .signature = "eca7ead57bb5aa5c8e28007acd4ff04e1ff9a0ff3b237ec1554a184887ff9282"},
    {.name = "get-relative-relative-unnormalized",
     .path = "/example1/example2/../..",
     .signature = "dc33e0856fd4baca4d7aa2146c38958283844764f38c74252a333df5e613003b"},
    {.name = "get-slash-unnormalized",
     .path = "//",
     .signature = "c88bcd3d312d75078c0cd961d6deae3f4c754924b01669efcfcb439fd5e5b76e"},
    {.name = "get-slashes-unnormalized",
     .path = "//example//",
     .signature = "87cca117541a147f6df867677d98a7d80dff226d2bfca9e4ffa899665623c7e5"},
    {.name = "get-slash-dot-slash-unnormalized",
     .path = "/./",
     .signature = "68714168e6557f8f2de0ef956fc24dc2593a4bd2961f8df51898d8a134695145"},
    {.name = "get-slash-pointless-dot-unnormalized",
     .path = "/./example",
     .signature = "beb03f223f7deae4146464f06e29eebbee9c8afbe15c290cf07aa8b119e14cff"},
    {.name = "get-header-key-duplicate",
     .headers = {"My-Header1", "value2", "My-Header1", "value2", "My-Header1", "value1"},
     .signed_headers = "host;my-header1;x-amz-date",
     .signature = "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea"},
    {.name = "get-header-value-order",
     .headers = {"My-Header1", "value4", "My-Header1", "value1", "My-Header1", "value3",
                 "My-Header1", "value2"},
     .signed_headers = "host;my-header1;x-amz-date",
     .signature = "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01"},
    {.name = "get-header-value-trim",
     .headers = {"My-Header1", " value1", "My-Header2", " \"a   b   c\""},
     .signed_headers = "host;my-header1;my-header2;x-amz-date",
     .signature = "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736"},
    {.name = "post-vanilla",
     .method = "POST",
     .signature = "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
    {.name = "post-vanilla-query",
     .method = "POST",
     .query = {"Param1", "value1"},
     .signature = "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11"},
    {.name = "post-header-key-sort",
     .method = "POST",
     .headers = {"My-Header1", "value1"},
     .signed_headers = "host;my-header1;x-amz-date",
     .signature = "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c"},
    {.name = "post-header-value-case",
     .method = "POST",
     .headers = {"My-Header1", "VALUE1"},
     .signed_headers = "host;my-header1;x-amz-date",
     .signature = "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d"},
};

/* The examples of "Authenticating Requests" in the Amazon S3 API Reference; the date is a header. */
static const struct vector documented[] = {
    {.name = "GET object",
     .path = "/test.txt",
     .headers = {"Range", "bytes=0-9"},
     .signed_headers = "host;range;x-amz-content-sha256;x-amz-date",
     .signature = "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41"},
    {.name = "PUT object",
     .method = "PUT",
     .path = "/test%24file.text",
     .headers = {"Date", "Fri, 24 May 2013 00:00:00 GMT", "x-amz-storage-class",
                 "REDUCED_REDUNDANCY"},
     .payload = "44ce7dd67c959e0d3524ffac1771dfbba87d2b6b4b4e99e42034a8b803f8b072",
     .signed_headers = "date;host;x-amz-content-sha256;x-amz-date;x-amz-storage-class",
     .signature = "98ad721746da40c64f1a55b78f14c238d841ea1380cd77a1b5971af0ece108bd"},
    {.name = "GET bucket lifecycle",
     .query = {"lifecycle", ""},
     .signed_headers = "host;x-amz-content-sha256;x-amz-date",
     .signature = "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"},
    {.name = "list objects",
     .query = {"max-keys", "2", "prefix", "J"},
     .signed_headers = "host;x-amz-content-sha256;x-amz-date",
     .signature = "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"},
};

static void fill(struct salvor_exchange *exchange, const struct vector *vector, const char *host)
{
    salvor_exchange_init(exchange);
    exchange->method = vector->method ? vector->method : "GET";
    exchange->path = vector->path ? vector->path : "/";
    assert_int_equal(salvor_exchange_add_header(exchange, "Host", host, NULL), 0);
    for (int i = 0; i < 8 && vector->query[i]; i += 2)
        assert_int_equal(
            salvor_exchange_add_query(exchange, vector->query[i], vector->query[i + 1], NULL), 0);
    for (int i = 0; i < 8 && vector->headers[i]; i += 2)
        assert_int_equal(
            salvor_exchange_add_header(exchange, vector->headers[i], vector->headers[i + 1], NULL),
            0);
}

static void check(struct salvor_exchange *exchange, const struct salvor_s3_key *key,
                  const struct vector *vector, const char *scope)
{
    char expected[1024];
    snprintf(expected, sizeof(expected),
             "AWS4-HMAC-SHA256 Credential=%s/%s/aws4_request, SignedHeaders=%s, Signature=%s",
             key->access_key, scope,
             vector->signed_headers ? vector->signed_headers : "host;x-amz-date",
             vector->signature);
    assert_int_equal(salvor_s3_sign(exchange, key, NULL), 0);
    const char *found = salvor_exchange_header(exchange, "authorization");
    if (!found || strcmp(found, expected) != 0)
        fail_msg("%s: %s", vector->name, found);
    salvor_exchange_release(exchange);
}

static void signs_the_requests_of_the_suite(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(suite) / sizeof(suite[0]); i++) {
        struct salvor_exchange exchange;
        struct salvor_s3_key key = {.access_key = "AKIDEXAMPLE",
                                    .secret_key = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                                    .region = "us-east-1",
                                    .service = "service",
                                    .token = suite[i].token,
                                    .time = 1440938160};
        fill(&exchange, &suite[i], "example.amazonaws.com");
        check(&exchange, &key, &suite[i], "20150830/us-east-1/service");
    }
}

static void signs_the_examples_of_s3(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(documented) / sizeof(documented[0]); i++) {
        struct salvor_exchange exchange;
        struct salvor_s3_key key = {.access_key = "AKIAIOSFODNN7EXAMPLE",
                                    .secret_key = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY",
                                    .region = "us-east-1",
                                    .service = "s3",
                                    .payload =
                                        documented[i].payload ? documented[i].payload : EMPTY,
                                    .time = 1369353600};
        fill(&exchange, &documented[i], "examplebucket.s3.amazonaws.com");
        check(&exchange, &key, &documented[i], "20130524/us-east-1/s3");
    }
}

/* "Task 1: Create a canonical request" of the same document, for GET object */
static void makes_the_canonical_request(void **state)
{
    (void)state;
    struct salvor_exchange exchange;
    struct salvor_buffer text = SALVOR_BUFFER_INIT(4096);
    fill(&exchange, &documented[0], "examplebucket.s3.amazonaws.com");
    assert_int_equal(salvor_exchange_add_header(&exchange, "x-amz-content-sha256", EMPTY, NULL), 0);
    assert_int_equal(salvor_exchange_add_header(&exchange, "x-amz-date", "20130524T000000Z", NULL),
                     0);
    assert_int_equal(salvor_exchange_add_header(&exchange, "User-Agent", "nobody's affair", NULL),
                     0);
    assert_int_equal(salvor_s3_canonical(&text, &exchange, EMPTY, NULL), 0);
    assert_string_equal(text.data, "GET\n/test.txt\n\nhost:examplebucket.s3.amazonaws.com\n"
                                   "range:bytes=0-9\nx-amz-content-sha256:" EMPTY
                                   "\nx-amz-date:20130524T000000Z\n\n"
                                   "host;range;x-amz-content-sha256;x-amz-date\n" EMPTY);
    salvor_buffer_release(&text);
    salvor_exchange_release(&exchange);
}

static void digests_a_body_itself(void **state)
{
    (void)state;
    struct salvor_exchange with, without;
    struct salvor_s3_key key = {
        .access_key = "A", .secret_key = "B", .region = "r", .service = "s3", .time = 1440938160};
    fill(&with, &documented[1], "h");
    fill(&without, &documented[1], "h");
    with.body = "Welcome to Amazon S3.";
    with.body_size = strlen(with.body);
    assert_int_equal(salvor_s3_sign(&with, &key, NULL), 0);
    assert_int_equal(salvor_s3_sign(&without, &key, NULL), 0);
    assert_string_not_equal(salvor_exchange_header(&with, "Authorization"),
                            salvor_exchange_header(&without, "Authorization"));
    salvor_exchange_release(&with);
    salvor_exchange_release(&without);
}

static void refuses_what_would_not_fit(void **state)
{
    (void)state;
    char text[1000];
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    struct salvor_error err;
    struct salvor_s3_key keys[] = {
        {.access_key = "A", .secret_key = text, .region = "r", .service = "s3"},
        {.access_key = "A", .secret_key = "B", .region = text, .service = "s3"},
        {.access_key = "A\r\nX: y", .secret_key = "B", .region = "r", .service = "s3"},
        {.access_key = "A", .secret_key = "B", .region = "r", .service = "s3", .token = "\n"},
    };
    for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        struct salvor_exchange exchange;
        fill(&exchange, &suite[0], "h");
        assert_int_equal(salvor_s3_sign(&exchange, &keys[i], &err), -1);
        assert_string_equal(err.code, "Invalid");
        assert_null(strstr(err.message, "xxxx"));
        salvor_exchange_release(&exchange);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(signs_the_requests_of_the_suite),
        cmocka_unit_test(signs_the_examples_of_s3),
        cmocka_unit_test(makes_the_canonical_request),
        cmocka_unit_test(digests_a_body_itself),
        cmocka_unit_test(refuses_what_would_not_fit),
    };
    return cmocka_run_group_tests_name("s3_sign", tests, NULL, NULL);
}
