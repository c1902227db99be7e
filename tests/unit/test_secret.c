#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "core/secret.h"
#include "data/base64.h"

static int forget_all(void **state)
{
    (void)state;
    salvor_secret_clear();
    return 0;
}

static bool add(const char *value)
{
    bool registered;
    assert_int_equal(salvor_secret_add(&registered, value, strlen(value), NULL), 0);
    return registered;
}

static void assert_masked_bytes(const char *text, size_t size, const char *expected)
{
    struct salvor_buffer out = SALVOR_BUFFER_INIT(1 << 20);
    bool found;
    assert_int_equal(salvor_secret_mask(&out, &found, text, size, NULL), 0);
    assert_string_equal(found ? out.data : text, expected);
    salvor_buffer_release(&out);
}

static void assert_masked(const char *text, const char *expected)
{
    assert_masked_bytes(text, strlen(text), expected);
}

static void plain_values(void **state)
{
    (void)state;
    assert_masked("nothing is registered", "nothing is registered");
    assert_true(add("hunter2"));
    assert_false(add("short"));
    assert_false(add("yes\r\n\n"));
    assert_masked("", "");
    assert_masked("hunter2", "***");
    assert_masked("short hunter2, hunter", "short ***, hunter");
    assert_masked("hunter2hunter2x", "***x");
}

static void overlaps_are_masked_whole(void **state)
{
    (void)state;
    add("abcdefgh");
    add("fghijklm");
    add("abcdefghijk");
    assert_masked("-abcdefghijklm-", "-***-");
    assert_masked("-abcdefgh-fghijklm-", "-***-***-");
    assert_masked("-abcdefg-", "-abcdefg-");
}

/* Whatever stands around a value, its base64 shows no six bytes of it. */
static void base64_at_every_place(void **state)
{
    (void)state;
    static const char secret[] = "s3cr3t-v\xc3\xa4lue!";
    add(secret);
    for (size_t before = 0; before < 7; before++)
        for (size_t after = 0; after < 7; after++) {
            char plain[64], *end = plain;
            struct salvor_buffer text = SALVOR_BUFFER_INIT(1000), out = SALVOR_BUFFER_INIT(1000);
            bool found;
            end += sprintf(end, "%.*s", (int)before, "user: ");
            end += sprintf(end, "%s%.*s", secret, (int)after, "\n#tail!");
            salvor_base64_encode(&text, plain, (size_t)(end - plain), NULL);
            assert_int_equal(salvor_secret_mask(&out, &found, text.data, text.size, NULL), 0);
            assert_true(found);
            /* What is left: the bytes around it, and at most a character at each seam. */
            assert_true(out.size <= (before + 2) / 3 * 4 + 3 + (after + 2) / 3 * 4 + 1);
            if (!before && !after)
                assert_string_equal(out.data, "***");
            salvor_buffer_release(&text);
            salvor_buffer_release(&out);
        }
}

static void other_looks(void **state)
{
    (void)state;
    add("p\xc3\xa4ss w/rd\"<1>&\n\x01");
    assert_masked("x=p%C3%A4ss%20w%2Frd%22%3C1%3E%26%0A%01&", "x=***&");
    assert_masked("x=p%c3%a4ss+w%2frd%22%3c1%3e%26%0a%01", "x=***");
    assert_masked("{\"p\": \"p\xc3\xa4ss w/rd\\\"<1>&\\n\\u0001\"}", "{\"p\": \"***\"}");
    assert_masked("p\\u00e4ss w\\/rd\\\"<1>&\\n\\u0001", "***");
    assert_masked("p\xc3\xa4ss w/rd\\\"\\u003c1\\u003e\\u0026\\n\\u0001", "***");
}

static void lines_of_a_key(void **state)
{
    (void)state;
    static const char line[] = "MIIEvQIBADANBgkqhkiG9w0BAQEFAASCBKcwggSjAgEAAoIBAQ";
    char key[256], text[256];
    snprintf(key, sizeof(key), "-----BEGIN KEY-----\n%s\nshort\n-----END KEY-----\n", line);
    add(key);
    snprintf(text, sizeof(text), "    %s\n    short\n", line);
    assert_masked(text, "    ***\n    short\n");
}

static void values_are_forgotten_as_often_as_they_were_added(void **state)
{
    (void)state;
    add("hunter2");
    add("hunter2\n");
    salvor_secret_remove("hunter2", 7);
    assert_masked("hunter2", "***");
    salvor_secret_remove("hunter2\n", 8);
    salvor_secret_remove("hunter2", 7);
    assert_masked("hunter2", "hunter2");
}

static void zeros_are_bytes_like_others(void **state)
{
    (void)state;
    bool registered;
    assert_int_equal(salvor_secret_add(&registered, "abc\0def", 7, NULL), 0);
    assert_masked_bytes("<abc\0def>", 9, "<***>");
}

static void thousands_of_values(void **state)
{
    (void)state;
    char value[64], text[128];
    for (int i = 0; i < 3000; i++) {
        snprintf(value, sizeof(value), "eyJhbGciOiJSUzI1NiIsImtpZCI6-%d", i * 7919);
        add(value);
    }
    snprintf(text, sizeof(text), "Bearer eyJhbGciOiJSUzI1NiIsImtpZCI6-%d.", 2999 * 7919);
    for (int i = 0; i < 100; i++)
        assert_masked(text, "Bearer ***.");
}

static char *repeat(char *out, const char *piece, int times)
{
    while (times--)
        out = stpcpy(out, piece);
    return out;
}

/* Each place of such a text may be the beginning of the value. */
static void long_values_that_repeat_themselves(void **state)
{
    (void)state;
    static char value[20000], text[40000], expected[40000];
    repeat(value, "ab", 2500);
    add(value);
    strcpy(repeat(stpcpy(text, "x"), "ab", 4000), "y");
    assert_masked(text, "x***y");
    strcpy(repeat(text, "ab", 2499), "a");
    assert_masked(text, text);
    repeat(stpcpy(repeat(text, "ab", 2499), "a"), "ab", 2500);
    strcpy(repeat(expected, "ab", 2499), "a***");
    assert_masked(text, expected);
    strcpy(repeat(stpcpy(repeat(text, "ab", 2500), "-"), "ab", 2501), "b");
    assert_masked(text, "***-***b");
    strcpy(repeat(value, "ab", 2510), "c");
    add(value);
    strcpy(repeat(text, "ab", 2499), "abc");
    assert_masked(text, "***c");
    strcpy(repeat(text, "ab", 2600), "c-");
    assert_masked(text, "***-");
}

static void a_huge_value_in_a_text_of_the_same_bytes(void **state)
{
    (void)state;
    static char value[300001], text[(1 << 20) + 1];
    memset(value, 'a', sizeof(value) - 1);
    memset(text, 'a', sizeof(text) - 1);
    add(value);
    assert_masked(text, "***");
    text[sizeof(text) - 300001] = 'b';
    assert_masked(text + sizeof(text) - 300002, text + sizeof(text) - 300002);
}

#define TEST(function) cmocka_unit_test_teardown(function, forget_all)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(plain_values),
        TEST(overlaps_are_masked_whole),
        TEST(base64_at_every_place),
        TEST(other_looks),
        TEST(lines_of_a_key),
        TEST(values_are_forgotten_as_often_as_they_were_added),
        TEST(zeros_are_bytes_like_others),
        TEST(thousands_of_values),
        TEST(long_values_that_repeat_themselves),
        TEST(a_huge_value_in_a_text_of_the_same_bytes),
    };
    return cmocka_run_group_tests_name("secret", tests, NULL, NULL);
}
