#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kube/certificate.h"
#include "kube/token.h"

/* Of "Jörg, ops" in O=system:masters by CN=ca, from 2020-01-01 to 2050-01-02 03:04:05. */
static const char CERTIFICATE[] =
    "-----BEGIN CERTIFICATE-----\n"
    "MIIBODCB3gIUPhjLQSXhtZ+fmcIe463s6e4sZsMwCgYIKoZIzj0EAwIwDTELMAkG\n"
    "A1UEAwwCY2EwIBcNMjAwMTAxMDAwMDAwWhgPMjA1MDAxMDIwMzA0MDVaMC4xFzAV\n"
    "BgNVBAoMDnN5c3RlbTptYXN0ZXJzMRMwEQYDVQQDDApKw7ZyZywgb3BzMFkwEwYH\n"
    "KoZIzj0CAQYIKoZIzj0DAQcDQgAEbp4ht/bz6ZywbSWNNO2LeV4MxMoF1OuqV7/5\n"
    "fb3If6M8g23Y89BYcrLWHZw6Y5xySQQZWLt2r6QLVn8X8o68dTAKBggqhkjOPQQD\n"
    "AgNJADBGAiEA1sUkF8sArFbnidH5IVhDPldJDNg7o6STbH32qC1/5ycCIQC+11RG\n"
    "pWDkLIvE2UOJKxheCCfijLxeFzybZt9VFStQhA==\n"
    "-----END CERTIFICATE-----\n";

/* The same until 2020-01-02. */
static const char EXPIRED[] = "-----BEGIN CERTIFICATE-----\n"
                              "MIIBNTCB3AIUGyTlBdzR2SRWlv9yGb+nKplkIoswCgYIKoZIzj0EAwIwDTELMAkG\n"
                              "A1UEAwwCY2EwHhcNMjAwMTAxMDAwMDAwWhcNMjAwMTAyMDAwMDAwWjAuMRcwFQYD\n"
                              "VQQKDA5zeXN0ZW06bWFzdGVyczETMBEGA1UEAwwKSsO2cmcsIG9wczBZMBMGByqG\n"
                              "SM49AgEGCCqGSM49AwEHA0IABG6eIbf28+mcsG0ljTTti3leDMTKBdTrqle/+X29\n"
                              "yH+jPINt2PPQWHKy1h2cOmOcckkEGVi7dq+kC1Z/F/KOvHUwCgYIKoZIzj0EAwID\n"
                              "SAAwRQIhAOB3HPgQFGEs7ym2vOXEUVt6e1q53/ov0dhrWL5UWk4GAiAU1e8xKGyd\n"
                              "9RqebbwxOnijaWIY5jAQRh00lF6ZP13jnA==\n"
                              "-----END CERTIFICATE-----\n";

static void reads_names_and_times(void **state)
{
    (void)state;
    struct salvor_certificate read;
    struct salvor_error err;
    assert_int_equal(salvor_certificate_read(&read, CERTIFICATE, &err), 0);
    assert_string_equal(read.subject, "CN=J\\C3\\B6rg\\, ops,O=system:masters");
    assert_string_equal(read.issuer, "CN=ca");
    assert_int_equal(read.begins, 1577836800);
    assert_int_equal(read.ends, 2524705445);
}

static void reads_the_first_of_several(void **state)
{
    (void)state;
    struct salvor_certificate read;
    char both[sizeof(CERTIFICATE) + sizeof(EXPIRED)];
    strcpy(both, EXPIRED);
    strcat(both, CERTIFICATE);
    assert_int_equal(salvor_certificate_read(&read, both, NULL), 0);
    assert_int_equal(read.ends, 1577923200);
}

static void refuses_what_is_cut_short(void **state)
{
    (void)state;
    struct salvor_certificate read;
    struct salvor_error err;
    char text[sizeof(CERTIFICATE)];
    for (size_t size = 0; size + 2 < sizeof(CERTIFICATE); size++) {
        memcpy(text, CERTIFICATE, size);
        text[size] = '\0';
        assert_int_equal(salvor_certificate_read(&read, text, &err), -1);
        assert_string_equal(err.code, "Invalid");
    }
}

static void knows_what_has_expired(void **state)
{
    (void)state;
    char day[16] = "";
    assert_true(salvor_certificate_is_expired(day, sizeof(day), EXPIRED));
    assert_string_equal(day, "2020-01-02");
    assert_false(salvor_certificate_is_expired(day, sizeof(day), CERTIFICATE));
    assert_false(salvor_certificate_is_expired(day, sizeof(day), "nothing"));
}

/* Tokens */

static void reads_what_a_token_says(void **state)
{
    (void)state;
    struct salvor_token token;
    /* {"sub":"a>>>???b","exp":1700000000}, whose base64 has both characters that URLs have not */
    assert_true(salvor_token_read(&token, "e30.eyJzdWIiOiJhPj4-Pz8_YiIsImV4cCI6MTcwMDAwMDAwMH0.x"));
    assert_string_equal(token.subject, "a>>>???b");
    assert_int_equal(token.ends, 1700000000);
}

static void misses_nothing_that_a_token_does_not_say(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "e30.e30.x",                            /* {} */
        "e30.eyJzdWIiOjEsImV4cCI6IjEifQ.x",     /* {"sub":1,"exp":"1"} */
        "e30.eyJzdWIiOm51bGwsImV4cCI6MS41fQ.x", /* {"sub":null,"exp":1.5} */
    };
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct salvor_token token;
        assert_true(salvor_token_read(&token, texts[i]));
        assert_string_equal(token.subject, "");
        assert_int_equal(token.ends, 0);
    }
}

static void leaves_out_a_subject_without_end(void **state)
{
    (void)state;
    struct salvor_token token;
    char text[1024] = "e30.eyJzdWIiOiJh"; /* {"sub":"a */
    while (strlen(text) < 1000)
        strcat(text, "YWFh");
    strcat(text, "In0.x"); /* "} */
    assert_true(salvor_token_read(&token, text));
    assert_string_equal(token.subject, "");
}

static void knows_what_is_no_such_token(void **state)
{
    (void)state;
    static const char *const texts[] = {"",     "opaque", ".",      "..",        "a.b",
                                        "a..c", "a.b.c",  "a.==.c", "e30.W10.x", "e30.e30"};
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        struct salvor_token token;
        assert_false(salvor_token_read(&token, texts[i]));
        assert_string_equal(token.subject, "");
        assert_int_equal(token.ends, 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_names_and_times),
        cmocka_unit_test(reads_the_first_of_several),
        cmocka_unit_test(refuses_what_is_cut_short),
        cmocka_unit_test(knows_what_has_expired),
        cmocka_unit_test(reads_what_a_token_says),
        cmocka_unit_test(misses_nothing_that_a_token_does_not_say),
        cmocka_unit_test(leaves_out_a_subject_without_end),
        cmocka_unit_test(knows_what_is_no_such_token),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
