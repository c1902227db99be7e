#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/proxy.h"

static void parses_what_a_kubeconfig_may_name(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"http://proxy", "http://proxy:80"},
        {"HTTP://proxy:3128/", "http://proxy:3128"},
        {"https://me:pa%40ss@proxy", "https://me:pa%40ss@proxy:443"},
        {"socks5://[fd00::1]", "socks5h://[fd00::1]:1080"},
        {"socks5://me@proxy:1", "socks5h://me@proxy:1"},
    };
    for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
        struct salvor_buffer url = SALVOR_BUFFER_INIT(4096);
        assert_int_equal(salvor_proxy_parse(&url, pairs[i][0], NULL), 0);
        assert_string_equal(url.data, pairs[i][1]);
        salvor_buffer_release(&url);
    }
}

static void refuses_others_without_quoting_them(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",        "proxy:3128",           "ftp://secret@proxy",          "socks4://proxy",
        "http://", "http://se cret@proxy", "http://secret@proxy\r\nX: y", "http://proxy:99999"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct salvor_buffer url = SALVOR_BUFFER_INIT(4096);
        struct salvor_error err = {.code = ""};
        assert_int_equal(salvor_proxy_parse(&url, wrong[i], &err), -1);
        assert_string_equal(err.code, "Invalid");
        assert_null(strstr(err.message, "cret"));
        salvor_buffer_release(&url);
    }
}

/* The rules of golang.org/x/net/http/httpproxy. */
static void excludes_as_go_does(void **state)
{
    (void)state;
    static const struct {
        const char *list, *host, *port;
        bool is_excluded;
    } cases[] = {
        {"", "example.com", "443", false},
        {"", "localhost", "443", true},
        {"", "127.1.2.3", "443", true},
        {"", "::1", "443", true},
        {"", "localhost.example.com", "443", false},
        {"*", "example.com", "443", true},
        {"other, *", "example.com", "443", true},
        {"example.com", "example.com", "443", true},
        {"EXAMPLE.com", "api.Example.COM", "443", true},
        {"example.com", "badexample.com", "443", false},
        {".example.com", "api.example.com", "443", true},
        {".example.com", "example.com", "443", false},
        {"*.example.com", "api.example.com", "443", true},
        {"*.example.com", "example.com", "443", false},
        {"example.com:6443", "example.com", "6443", true},
        {"example.com:6443", "example.com", "443", false},
        {"10.0.0.1", "10.0.0.1", "443", true},
        {"10.0.0.1:6443", "10.0.0.1", "443", false},
        {"10.0.0.1:6443", "10.0.0.1", "6443", true},
        {"10.0.0.0/8", "10.200.0.1", "443", true},
        {"10.0.0.0/8", "11.0.0.1", "443", false},
        {"10.1.0.0/15", "10.1.255.255", "443", true},
        {"10.0.0.0/15", "10.2.0.0", "443", false},
        {"0.0.0.0/0", "192.168.0.1", "443", true},
        {"0.0.0.0/0", "fd00::1", "443", false},
        {"fd00::/8", "fd12::1", "443", true},
        {"fd00::/8", "fe12::1", "443", false},
        {"[fd00::1]:6443", "fd00::1", "6443", true},
        {"[fd00::1]:6443", "fd00::1", "443", false},
        {"fd00::1", "fd00::1", "443", true},
        {"10.0.0.0/33", "10.0.0.1", "443", false},
        {"10.0.0.0/x,  ,:80,[", "10.0.0.1", "80", false},
        {" a.b ,\tc.d", "c.d", "443", true},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
        if (salvor_proxy_is_excluded(cases[i].list, cases[i].host, cases[i].port) !=
            cases[i].is_excluded)
            fail_msg("NO_PROXY=%s %s:%s", cases[i].list, cases[i].host, cases[i].port);
}

static void assert_proxy(const char *url, const char *expected)
{
    struct salvor_buffer proxy = SALVOR_BUFFER_INIT(4096);
    assert_int_equal(salvor_proxy_of_environment(&proxy, url, NULL), 0);
    assert_string_equal(proxy.data, expected);
    salvor_buffer_release(&proxy);
}

static int clear_environment(void **state)
{
    (void)state;
    static const char *const names[] = {"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy",
                                        "ALL_PROXY",  "all_proxy",  "NO_PROXY",    "no_proxy"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        unsetenv(names[i]);
    return 0;
}

static void reads_the_environment(void **state)
{
    (void)state;
    assert_proxy("https://a.b", "");
    setenv("ALL_PROXY", "http://all", 1);
    assert_proxy("https://a.b", "");
    setenv("https_proxy", "lower:1", 1);
    assert_proxy("https://a.b", "http://lower:1");
    setenv("HTTPS_PROXY", "socks5://upper", 1);
    assert_proxy("https://a.b", "socks5h://upper:1080");
    assert_proxy("http://a.b", "");
    setenv("HTTP_PROXY", "https://plain", 1);
    assert_proxy("http://a.b", "https://plain:443");
    assert_proxy("https://[::1]:6443", "");
    setenv("no_proxy", "a.b:443", 1);
    assert_proxy("https://a.b/path", "");
    assert_proxy("https://a.b:6443", "socks5h://upper:1080");
    setenv("NO_PROXY", "c.d", 1);
    assert_proxy("https://a.b", "socks5h://upper:1080");
}

static void names_a_variable_that_cannot_be_used(void **state)
{
    (void)state;
    struct salvor_buffer proxy = SALVOR_BUFFER_INIT(4096);
    struct salvor_error err = {.code = ""};
    setenv("HTTPS_PROXY", "gopher://me:secret@proxy", 1);
    assert_int_equal(salvor_proxy_of_environment(&proxy, "https://a.b", &err), -1);
    assert_non_null(strstr(err.message, "$HTTPS_PROXY"));
    assert_null(strstr(err.message, "secret"));
    salvor_buffer_release(&proxy);
}

static void masks_who_we_are(void **state)
{
    (void)state;
    char text[64];
    salvor_proxy_mask(text, sizeof(text), "http://me:se@cret@proxy:1/@x");
    assert_string_equal(text, "http://***@proxy:1/@x");
    salvor_proxy_mask(text, sizeof(text), "https://proxy:1/");
    assert_string_equal(text, "https://proxy:1/");
    salvor_proxy_mask(text, sizeof(text), "me@proxy");
    assert_string_equal(text, "***@proxy");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, clear_environment, NULL)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(parses_what_a_kubeconfig_may_name),
        TEST(refuses_others_without_quoting_them),
        TEST(excludes_as_go_does),
        TEST(reads_the_environment),
        TEST(names_a_variable_that_cannot_be_used),
        TEST(masks_who_we_are),
    };
    return cmocka_run_group_tests_name("proxy", tests, NULL, clear_environment);
}
