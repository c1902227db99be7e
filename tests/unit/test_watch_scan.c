#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "kube/object_stream.h"

#define OBJECTS 5

static const char *const objects[OBJECTS] = {
    "{}",
    "{\"type\":\"ADDED\",\"object\":{\"a\":[1,{\"b\":\"}]\"}]}}",
    "{\"quote\":\"\\\"{\",\"end\":\"\\\\\"}",
    "{ \"nested\" : { \"deep\" : [ [ { } ] ] } }",
    "{\"utf8\":\"\xc3\xa4\xe2\x82\xac\",\"escape\":\"\\u007b\\u0022\"}",
};

/* Between the objects: nothing, as a server may send them, or any white space. */
static const char *const gaps[OBJECTS] = {"", "\n", "", " \r\n\t", ""};

static char *join(void)
{
    char *text = calloc(1, 4096);
    for (int i = 0; i < OBJECTS; i++) {
        strcat(text, objects[i]);
        strcat(text, gaps[i]);
    }
    return text;
}

/* Scans `text`, of which first `split` and then all bytes are there. */
static void scan_in_two(const char *text, size_t split)
{
    struct salvor_object_scanner scanner = {0};
    size_t start, end, size = strlen(text);
    int found = 0;
    for (size_t have = split;; have = size) {
        int result;
        while ((result = salvor_object_scan(&start, &end, &scanner, text, have, NULL)) == 1) {
            assert_in_range(found, 0, OBJECTS - 1);
            assert_int_equal(end - start, strlen(objects[found]));
            assert_memory_equal(text + start, objects[found], end - start);
            found++;
        }
        assert_int_equal(result, 0);
        if (have == size)
            break;
    }
    assert_int_equal(found, OBJECTS);
    assert_int_equal(scanner.depth, 0);
}

static void finds_objects_at_every_split(void **state)
{
    (void)state;
    char *text = join();
    for (size_t split = 0; split <= strlen(text); split++)
        scan_in_two(text, split);
    free(text);
}

static void finds_objects_byte_by_byte(void **state)
{
    (void)state;
    char *text = join();
    struct salvor_object_scanner scanner = {0};
    size_t start, end;
    int found = 0;
    for (size_t have = 1; have <= strlen(text); have++)
        if (salvor_object_scan(&start, &end, &scanner, text, have, NULL) == 1)
            found++;
    assert_int_equal(found, OBJECTS);
    free(text);
}

static void refuses_what_is_no_object(void **state)
{
    (void)state;
    static const char *const wrong[] = {"[]", "null", "{}x", "<html>", "{}}"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct salvor_object_scanner scanner = {0};
        struct salvor_error err;
        size_t start, end;
        int result;
        do
            result = salvor_object_scan(&start, &end, &scanner, wrong[i], strlen(wrong[i]), &err);
        while (result == 1);
        assert_int_equal(result, -1);
        assert_string_equal(err.code, "Corrupt");
    }
}

/* A stream whose bytes are put there by hand: the exchange itself is not needed. */
static void feed(struct salvor_object_stream *stream, const char *text)
{
    assert_int_equal(salvor_buffer_append(&stream->http.body, text, strlen(text), NULL), 0);
}

static void takes_objects_from_a_stream(void **state)
{
    (void)state;
    struct salvor_object_stream stream;
    const char *text;
    size_t size;
    salvor_object_stream_init(&stream);
    for (int i = 0; i < 1000; i++) {
        feed(&stream, "{\"a\":1}{\"b\"");
        assert_int_equal(salvor_object_stream_next(&text, &size, &stream, NULL),
                         SALVOR_STREAM_OBJECT);
        assert_memory_equal(text, "{\"a\":1}", size);
        assert_int_equal(salvor_object_stream_next(&text, &size, &stream, NULL),
                         SALVOR_STREAM_MORE);
        salvor_object_stream_wait(&stream, NULL, -1);
        feed(&stream, ":2}");
        assert_int_equal(salvor_object_stream_next(&text, &size, &stream, NULL),
                         SALVOR_STREAM_OBJECT);
        assert_memory_equal(text, "{\"b\":2}", size);
    }
    /* What was taken is dropped as it goes. */
    assert_in_range(stream.http.body.size, 0, 256);
    stream.http.complete = true;
    assert_int_equal(salvor_object_stream_next(&text, &size, &stream, NULL), SALVOR_STREAM_END);
    salvor_object_stream_release(&stream);
}

static void an_end_inside_an_object_is_an_error(void **state)
{
    (void)state;
    struct salvor_object_stream stream;
    struct salvor_error err;
    const char *text;
    size_t size;
    salvor_object_stream_init(&stream);
    feed(&stream, "{\"a\":");
    stream.http.complete = true;
    assert_int_equal(salvor_object_stream_next(&text, &size, &stream, &err), SALVOR_STREAM_FAILED);
    assert_string_equal(err.code, "Disconnected");
    assert_true(err.retryable);
    salvor_object_stream_release(&stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(finds_objects_at_every_split),
        cmocka_unit_test(finds_objects_byte_by_byte),
        cmocka_unit_test(refuses_what_is_no_object),
        cmocka_unit_test(takes_objects_from_a_stream),
        cmocka_unit_test(an_end_inside_an_object_is_an_error),
    };
    return cmocka_run_group_tests_name("watch_scan", tests, NULL, NULL);
}
