#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "data/json_find.h"

/* What stands under .metadata.continue; NULL: nothing that can be told. */
static const char *const cases[][2] = {
    {"{\"kind\":\"List\",\"metadata\":{\"continue\":\"abc\"},\"items\":[]}", "\"abc\""},
    {" { \"metadata\" : { \"a\" : 1 , \"continue\" : [ 1, {} ] } } ", "[ 1, {} ]"},
    {"{\"metadata\":{\"continue\":12}}", "12"},
    {"{\"metadata\":{\"continue\":null ,\"x\":1}}", "null"},
    /* at the end of the text, as custom resources have it */
    {"{\"items\":[{\"a\":[\"]}\\\"\"]},{}],\"n\":-1.5,\"metadata\":{\"continue\":\"x\"}}", "\"x\""},
    /* what only looks like it */
    {"{\"items\":[{\"metadata\":{\"continue\":\"no\"}}],\"metadata\":{}}", NULL},
    {"{\"items\":\"\\\"metadata\\\":{\\\"continue\\\":\\\"no\\\"}\"}", NULL},
    {"{\"kind\":\"\\\",\\\"metadata\\\":{\",\"continue\":\"no\"}", NULL},
    {"{\"metadata\":{\"x\":{\"continue\":\"no\"}}}", NULL},
    {"{\"metadata\":\"continue\"}", NULL},
    {"{\"metadata\":{\"continue \":\"no\"}}", NULL},
    {"{\"metadata\":{\"continu\\u0065\":\"no\"}}", NULL},
    {"[{\"metadata\":{\"continue\":\"no\"}}]", NULL},
    /* broken */
    {"", NULL},
    {"{", NULL},
    {"{\"metadata\"", NULL},
    {"{\"metadata\":", NULL},
    {"{\"metadata\":{\"continue\":", NULL},
    {"{\"metadata\":{\"continue\":\"abc", NULL},
    {"{\"metadata\":{\"continue\":[\"a\"", NULL},
    {"{\"x\":[\"a],\"metadata\":{\"continue\":\"no\"}}", NULL},
    {"{\"x\":1 2,\"metadata\":{\"continue\":\"no\"}}", NULL},
    {"{\"x\":,\"metadata\":{\"continue\":\"no\"}}", NULL},
    {"{\"x\" 1,\"metadata\":{\"continue\":\"no\"}}", NULL},
};

static void finds_the_value_itself(void **state)
{
    (void)state;
    static const char *const path[] = {"metadata", "continue", NULL};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        const char *value, *expected = cases[i][1];
        size_t size, length = strlen(cases[i][0]);
        char *text = test_malloc(length ? length : 1); /* so that a sanitizer sees its end */
        memcpy(text, cases[i][0], length);
        bool found = salvor_json_find(&value, &size, text, length, path);
        if (found != (expected != NULL) ||
            (found && (size != strlen(expected) || memcmp(value, expected, size) != 0)))
            fail_msg("'%s' gives something else", cases[i][0]);
        test_free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(finds_the_value_itself)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
