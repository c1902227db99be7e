#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#include <cmocka.h>

#include "data/base64.h"
#include "data/digest.h"

/* RFC 1321, FIPS 180-4 */
static const char *const vectors[][3] = {
    {"md5", "", "d41d8cd98f00b204e9800998ecf8427e"},
    {"md5", "message digest", "f96b697d7cb7938d525a2f31aaf161d0"},
    {"sha1", "abc", "a9993e364706816aba3e25717850c26c9cd0d89d"},
    {"sha256", "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"sha512", "abc",
     "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
     "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f"},
};

static void knows_the_published_vectors(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        unsigned char value[SALVOR_DIGEST_MAX];
        char hex[SALVOR_DIGEST_HEX_MAX];
        size_t size;
        assert_int_equal(salvor_digest_data(value, &size, vectors[i][0], vectors[i][1],
                                            strlen(vectors[i][1]), NULL),
                         0);
        salvor_hex(hex, value, size);
        assert_string_equal(hex, vectors[i][2]);
    }
}

static void refuses_other_algorithms(void **state)
{
    (void)state;
    struct salvor_error err;
    struct salvor_digest digest;
    assert_int_equal(salvor_digest_init(&digest, "crc32", &err), -1);
    assert_string_equal(err.code, "Invalid");
    salvor_digest_release(&digest);
}

static void is_of_no_use_once_released(void **state)
{
    (void)state;
    struct salvor_error err;
    struct salvor_digest digest;
    assert_int_equal(salvor_digest_init(&digest, "md5", NULL), 0);
    salvor_digest_release(&digest);
    assert_int_equal(salvor_digest_update(&digest, "x", 1, &err), -1);
    assert_string_equal(err.code, "Closed");
    assert_int_equal(salvor_digest_finish(&digest, &err), -1);
    assert_string_equal(err.code, "Closed");
}

static void do_nothing(int number)
{
    (void)number;
}

/* So Ctrl-C ends it. Signals come again and again, since one may come before anybody reads. */
static void a_signal_ends_the_digest_of_a_pipe(void **state)
{
    (void)state;
    struct itimerval often = {{.tv_usec = 5000}, {.tv_usec = 5000}}, never = {0};
    struct sigaction action = {.sa_handler = do_nothing}; /* and stays: one may come late */
    unsigned char value[SALVOR_DIGEST_MAX];
    struct salvor_error err;
    size_t size;
    char folder[] = "/tmp/test_digest-XXXXXX", path[64];
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof(path), "%s/pipe", folder);
    assert_int_equal(mkfifo(path, 0600), 0);
    int writer = open(path, O_RDWR | O_CLOEXEC);
    assert_true(writer >= 0);
    assert_int_equal(sigaction(SIGALRM, &action, NULL), 0);
    assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
    assert_int_equal(salvor_digest_file(value, &size, "md5", path, &err), -1);
    assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
    assert_string_equal(err.code, "IO");
    assert_non_null(strstr(err.message, path));
    close(writer);
    unlink(path);
    rmdir(folder);
}

/* RFC 4231, test case 2 */
static void signs_with_hmac(void **state)
{
    (void)state;
    unsigned char value[SALVOR_SHA256_SIZE];
    char hex[SALVOR_DIGEST_HEX_MAX];
    const char data[] = "what do ya want for nothing?";
    assert_int_equal(salvor_hmac_sha256(value, "Jefe", 4, data, strlen(data), NULL), 0);
    salvor_hex(hex, value, sizeof(value));
    assert_string_equal(hex, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
}

/* RFC 4648, section 10 */
static const char *const base64[][2] = {
    {"", ""},
    {"f", "Zg=="},
    {"fo", "Zm8="},
    {"foo", "Zm9v"},
    {"foob", "Zm9vYg=="},
    {"fooba", "Zm9vYmE="},
    {"foobar", "Zm9vYmFy"},
    {"\xfb\xff\xbf", "+/+/"},
};

static void encodes_and_decodes_base64(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(base64) / sizeof(base64[0]); i++) {
        struct salvor_buffer out = SALVOR_BUFFER_INIT(64);
        assert_int_equal(salvor_base64_encode(&out, base64[i][0], strlen(base64[i][0]), NULL), 0);
        assert_string_equal(out.data, base64[i][1]);
        salvor_buffer_clear(&out);
        assert_int_equal(salvor_base64_decode(&out, base64[i][1], strlen(base64[i][1]), NULL), 0);
        assert_string_equal(out.data, base64[i][0]);
        salvor_buffer_release(&out);
    }
}

static void refuses_what_is_not_strictly_base64(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "Zg", "Zg=", "Zh==", "Zm9=", "Z===", "====", "Zg==Zg==", "Z-8=", "Zm9v\n", "Zm 9", "=m9v"};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct salvor_buffer out = SALVOR_BUFFER_INIT(64);
        struct salvor_error err;
        assert_int_equal(salvor_base64_decode(&out, bad[i], strlen(bad[i]), &err), -1);
        assert_string_equal(err.code, "Invalid");
        assert_int_equal(out.size, 0);
        salvor_buffer_release(&out);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(knows_the_published_vectors),
        cmocka_unit_test(refuses_other_algorithms),
        cmocka_unit_test(is_of_no_use_once_released),
        cmocka_unit_test(a_signal_ends_the_digest_of_a_pipe),
        cmocka_unit_test(signs_with_hmac),
        cmocka_unit_test(encodes_and_decodes_base64),
        cmocka_unit_test(refuses_what_is_not_strictly_base64),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
