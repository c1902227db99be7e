#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "net/url.h"

static void assert_escaped(const char *text, size_t size, const char *expected)
{
    struct salvor_buffer out = SALVOR_BUFFER_INIT(4096);
    assert_int_equal(salvor_url_escape(&out, text, size, NULL), 0);
    assert_string_equal(out.data, expected);
    salvor_buffer_release(&out);
}

static void leaves_unreserved_bytes(void **state)
{
    (void)state;
    assert_escaped("AZaz09-._~", 10, "AZaz09-._~");
    assert_escaped("", 0, "");
}

static void escapes_everything_else(void **state)
{
    (void)state;
    assert_escaped(" /?#[]@!$&'()*+,;=:%", 20,
                   "%20%2F%3F%23%5B%5D%40%21%24%26%27%28%29%2A%2B%2C%3B%3D%3A%25");
    assert_escaped("\xc3\xa4", 2, "%C3%A4");
    assert_escaped("a\0b", 3, "a%00b");
}

static void joins_a_query(void **state)
{
    (void)state;
    struct salvor_buffer out = SALVOR_BUFFER_INIT(4096);
    salvor_buffer_printf(&out, NULL, "/x");
    assert_int_equal(salvor_url_add_query(&out, true, "a b", 3, "1&2", 3, NULL), 0);
    assert_int_equal(salvor_url_add_query(&out, false, "c", 1, "", 0, NULL), 0);
    assert_string_equal(out.data, "/x?a%20b=1%262&c=");
    salvor_buffer_release(&out);
}

static void respects_the_ceiling(void **state)
{
    (void)state;
    struct salvor_buffer out = SALVOR_BUFFER_INIT(5);
    struct salvor_error err;
    assert_int_equal(salvor_url_escape(&out, "//", 2, &err), -1);
    assert_string_equal(err.code, "TooLarge");
    assert_int_equal(out.size, 0);
    salvor_buffer_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leaves_unreserved_bytes),
        cmocka_unit_test(escapes_everything_else),
        cmocka_unit_test(joins_a_query),
        cmocka_unit_test(respects_the_ceiling),
    };
    return cmocka_run_group_tests_name("url", tests, NULL, NULL);
}
