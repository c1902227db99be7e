#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#include "data/timestamp.h"

static void reads_any_zone(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        double seconds;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0},
        {"1969-12-31T23:59:59Z", -1},
        {"2024-05-31T12:30:00Z", 1717158600},
        {"2024-05-31T14:30:00+02:00", 1717158600},
        {"2024-05-31T07:00:00-05:30", 1717158600},
        {"2024-05-31T12:30:00.5Z", 1717158600.5},
        {"2024-02-29T00:00:00Z", 1709164800},
        {"9999-12-31T23:59:59Z", 253402300799},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        double seconds;
        assert_true(salvor_timestamp_parse(&seconds, cases[i].text));
        assert_true(seconds == cases[i].seconds);
    }
}

static void agrees_with_the_library_on_every_day(void **state)
{
    (void)state;
    for (int64_t day = -700000; day < 2900000; day += 17) {
        time_t moment = (time_t)(day * 86400 + 4242);
        struct tm parts;
        char text[64];
        double seconds;
        gmtime_r(&moment, &parts);
        if (parts.tm_year + 1900 < 1 || parts.tm_year + 1900 > 9999)
            continue;
        snprintf(text, sizeof(text), "%04d-%02d-%02dT%02d:%02d:%02dZ", parts.tm_year + 1900,
                 parts.tm_mon + 1, parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec);
        assert_true(salvor_timestamp_parse(&seconds, text));
        assert_true(seconds == (double)moment);
    }
}

static void refuses_what_is_none(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "",
        "2024",
        "2024-05-31",
        "2024-05-31T12:30:00",
        "2024-05-31 12:30:00Z",
        "2024-05-31t12:30:00z",
        "2024-5-31T12:30:00Z",
        "2024-13-31T12:30:00Z",
        "2024-00-31T12:30:00Z",
        "2024-04-31T12:30:00Z",
        "2023-02-29T12:30:00Z",
        "2024-05-31T24:00:00Z",
        "2024-05-31T12:60:00Z",
        "2024-05-31T12:30:60Z",
        "2024-05-31T12:30:00.Z",
        "2024-05-31T12:30:00+02",
        "2024-05-31T12:30:00+0200",
        "2024-05-31T12:30:00+24:00",
        "2024-05-31T12:30:00Z ",
        "2024-05-31T12:30:00ZZ",
        "-024-05-31T12:30:00Z",
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        double seconds;
        if (salvor_timestamp_parse(&seconds, wrong[i]))
            fail_msg("'%s' was taken", wrong[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_any_zone),
        cmocka_unit_test(agrees_with_the_library_on_every_day),
        cmocka_unit_test(refuses_what_is_none),
    };
    return cmocka_run_group_tests_name("timestamp", tests, NULL, NULL);
}
