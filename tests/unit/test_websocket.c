#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "net/frame.h"
#include "net/upgrade.h"

/* Frames. What a reader makes of bytes is written down: [t:x] a text message, [b:x] a binary one,
 * {9:x} a control frame by its opcode. */

struct notes {
    char text[4096];
    size_t size;
};

static void note(struct notes *notes, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void note(struct notes *notes, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int size =
        vsnprintf(notes->text + notes->size, sizeof(notes->text) - notes->size, format, args);
    va_end(args);
    notes->size += (size_t)size;
}

static void note_event(struct notes *notes, const struct salvor_frame_event *event)
{
    if (event->kind == SALVOR_FRAME_CONTROL) {
        note(notes, "{%x:%.*s}", event->opcode, (int)event->size, (const char *)event->data);
        return;
    }
    if (event->first)
        note(notes, "[%s:", event->opcode == SALVOR_FRAME_TEXT ? "t" : "b");
    note(notes, "%.*s%s", (int)event->size, (const char *)event->data, event->last ? "]" : "");
}

static int read_part(struct notes *notes, struct salvor_frame_reader *reader, const char *bytes,
                     size_t size, struct salvor_error *err)
{
    const uint8_t *data = (const uint8_t *)bytes;
    struct salvor_frame_event event;
    do {
        if (salvor_frame_next(&event, reader, &data, &size, err) < 0)
            return -1;
        if (event.kind != SALVOR_FRAME_MORE)
            note_event(notes, &event);
    } while (event.kind != SALVOR_FRAME_MORE);
    assert_int_equal(size, 0);
    return 0;
}

/* Read in two parts, split everywhere, and byte by byte, the frames say the same. */
static void assert_reads(const char *bytes, size_t size, const char *expected)
{
    for (size_t split = 0; split <= size; split++) {
        struct salvor_frame_reader reader = {0};
        struct notes notes = {.size = 0};
        assert_int_equal(read_part(&notes, &reader, bytes, split, NULL), 0);
        assert_int_equal(read_part(&notes, &reader, bytes + split, size - split, NULL), 0);
        assert_string_equal(notes.text, expected);
    }
    struct salvor_frame_reader reader = {0};
    struct notes notes = {.size = 0};
    for (size_t i = 0; i < size; i++)
        assert_int_equal(read_part(&notes, &reader, bytes + i, 1, NULL), 0);
    assert_string_equal(notes.text, expected);
}

#define READS(bytes, expected) assert_reads(bytes, sizeof(bytes) - 1, expected)

/* The examples of RFC 6455, section 5.7, as a server sends them. */
static void reads_the_examples_of_the_rfc(void **state)
{
    (void)state;
    READS("\x81\x05Hello", "[t:Hello]");
    READS("\x01\x03Hel\x80\x02lo", "[t:Hello]");
    READS("\x89\x05Hello\x8a\x05Hello", "{9:Hello}{a:Hello}");
}

static void reads_control_frames_between_fragments(void **state)
{
    (void)state;
    READS("\x02\x01"
          "a\x89\x01p\x00\x01"
          "b\x88\x02\x03\xe8\x80\x01"
          "c",
          "[b:a{9:p}b{8:\x03\xe8}c]");
}

static void reads_empty_payloads(void **state)
{
    (void)state;
    READS("\x82\x00\x89\x00\x02\x00\x80\x00\x82\x01x", "[b:]{9:}[b:][b:x]");
}

static void reads_long_sizes(void **state)
{
    (void)state;
    READS("\x82\x7e\x00\x03"
          "abc\x82\x7f\x00\x00\x00\x00\x00\x00\x00\x03xyz",
          "[b:abc][b:xyz]");
}

/* A frame of 1 GiB needs no more memory than the piece that has arrived. */
static void streams_a_frame_larger_than_memory(void **state)
{
    (void)state;
    static const uint8_t header[] = {0x82, 0x7f, 0, 0, 0, 0, 0x40, 0, 0, 0};
    static uint8_t piece[64 << 10];
    struct salvor_frame_reader reader = {0};
    struct salvor_frame_event event;
    const uint8_t *data = header;
    size_t size = sizeof(header), total = 0;
    bool ended = false;
    assert_int_equal(salvor_frame_next(&event, &reader, &data, &size, NULL), 0);
    while (!ended) {
        data = piece;
        size = sizeof(piece);
        assert_int_equal(salvor_frame_next(&event, &reader, &data, &size, NULL), 0);
        assert_ptr_equal(event.data, piece); /* in place, not copied */
        total += event.size;
        ended = event.last;
    }
    assert_int_equal(total, 1 << 30);
}

static void refuses_what_a_server_may_not_send(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t size;
    } wrong[] = {
        {"\xc1\x00", 2}, /* a reserved bit */
        {"\x83\x00", 2}, /* opcodes 3 and 11 are reserved */
        {"\x8b\x00", 2},
        {"\x82\x81mask", 6},                             /* masked */
        {"\x80\x00", 2},                                 /* a continuation of nothing */
        {"\x02\x00\x82\x00", 4},                         /* a message inside another */
        {"\x09\x00", 2},                                 /* a ping in parts */
        {"\x89\x7e\x00\x7e", 4},                         /* a ping of 126 bytes */
        {"\x82\x7f\x80\x00\x00\x00\x00\x00\x00\x00", 10} /* 2^63 bytes */
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct salvor_frame_reader reader = {0};
        struct notes notes = {.size = 0};
        struct salvor_error err = {.code = ""};
        assert_int_equal(read_part(&notes, &reader, wrong[i].bytes, wrong[i].size, &err), -1);
        assert_string_equal(err.code, "Corrupt");
    }
}

/* The masked "Hello" of section 5.7. */
static void writes_a_masked_frame(void **state)
{
    (void)state;
    static const uint8_t mask[] = {0x37, 0xfa, 0x21, 0x3d};
    uint8_t frame[SALVOR_FRAME_HEADER_MAX + 5];
    size_t size = salvor_frame_header(frame, SALVOR_FRAME_TEXT, 5, mask);
    salvor_frame_mask(frame + size, "Hello", 5, 0, mask);
    assert_int_equal(size + 5, 11);
    assert_memory_equal(frame, "\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", 11);
}

static void writes_the_shortest_size(void **state)
{
    (void)state;
    static const uint8_t mask[SALVOR_FRAME_MASK_SIZE];
    uint8_t header[SALVOR_FRAME_HEADER_MAX];
    assert_int_equal(salvor_frame_header(header, SALVOR_FRAME_BINARY, 125, mask), 6);
    assert_memory_equal(header, "\x82\xfd", 2);
    assert_int_equal(salvor_frame_header(header, SALVOR_FRAME_BINARY, 126, mask), 8);
    assert_memory_equal(header, "\x82\xfe\x00\x7e", 4);
    assert_int_equal(salvor_frame_header(header, SALVOR_FRAME_BINARY, 65535, mask), 8);
    assert_memory_equal(header, "\x82\xfe\xff\xff", 4);
    assert_int_equal(salvor_frame_header(header, SALVOR_FRAME_BINARY, 65536, mask), 14);
    assert_memory_equal(header, "\x82\xff\x00\x00\x00\x00\x00\x01\x00\x00", 10);
}

/* By words or by bytes, from any offset: the same. */
static void masks_any_size_from_any_offset(void **state)
{
    (void)state;
    static const uint8_t mask[] = {1, 20, 255, 128};
    uint8_t data[67], masked[67];
    for (size_t i = 0; i < sizeof(data); i++)
        data[i] = (uint8_t)(i * 7);
    for (size_t size = 0; size <= sizeof(data); size++) {
        for (size_t offset = 0; offset < 9; offset++) {
            salvor_frame_mask(masked, data, size, offset, mask);
            for (size_t i = 0; i < size; i++)
                assert_int_equal(masked[i], data[i] ^ mask[(offset + i) % 4]);
            salvor_frame_mask(masked, masked, size, offset, mask);
            assert_memory_equal(masked, data, size);
        }
    }
}

/* The handshake */

struct answer {
    struct salvor_http http;
    struct salvor_upgrade upgrade;
    size_t left;
};

static void begin(struct answer *answer)
{
    salvor_http_init(&answer->http);
    salvor_upgrade_init(&answer->upgrade);
}

static void end(struct answer *answer)
{
    salvor_upgrade_release(&answer->upgrade);
    salvor_http_release(&answer->http);
}

static int take(struct answer *answer, const char *text, size_t size, struct salvor_error *err)
{
    const uint8_t *data = (const uint8_t *)text;
    answer->left = size;
    return salvor_upgrade_take(&answer->upgrade, &answer->http, &data, &answer->left, err);
}

/* Whatever its bytes arrive with, the answer has that status, that body and `rest` behind it. */
static void assert_answer(const char *text, int status, const char *body, size_t rest)
{
    size_t size = strlen(text);
    for (size_t split = 0; split <= size; split++) {
        struct answer answer;
        begin(&answer);
        assert_int_equal(take(&answer, text, split, NULL), 0);
        size_t first = answer.left;
        assert_int_equal(take(&answer, text + split, size - split, NULL), 0);
        assert_int_equal(answer.upgrade.state, SALVOR_UPGRADE_DONE);
        assert_int_equal(answer.http.status, status);
        assert_string_equal(answer.http.body.data, body);
        assert_int_equal(first + answer.left, rest);
        end(&answer);
    }
}

static void reads_answers_at_every_split(void **state)
{
    (void)state;
    assert_answer("HTTP/1.1 101 Switching Protocols\r\nA: b\r\n\r\n\x82\x01x", 101, "", 3);
    assert_answer("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 101\r\n\r\n", 101, "", 0);
    assert_answer("HTTP/1.1 403 Forbidden\r\nContent-Length: 5\r\n\r\nsorryX", 403, "sorry", 1);
    assert_answer("HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n"
                  "3;x=y\r\nnot\r\nB\r\n there, yet\r\n0\r\nTrailer: x\r\n\r\n",
                  404, "not there, yet", 0);
    assert_answer("HTTP/1.0 500 Oops\nContent-Length: 0\n\n", 500, "", 0);
}

/* A body that nothing ends is read up to a ceiling, and what is beyond is dropped. */
static void bounds_a_body(void **state)
{
    (void)state;
    struct answer answer;
    static char piece[10000];
    memset(piece, 'x', sizeof(piece));
    begin(&answer);
    static const char head[] = "HTTP/1.1 500 Oops\r\n\r\n";
    assert_int_equal(take(&answer, head, strlen(head), NULL), 0);
    for (int i = 0; i < 100; i++)
        assert_int_equal(take(&answer, piece, sizeof(piece), NULL), 0);
    assert_int_equal(answer.http.body.size, SALVOR_UPGRADE_BODY_LIMIT);
    end(&answer);
}

static void refuses_what_is_no_answer(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "SSH-2.0-OpenSSH_9\r\n",
        "HTTP/2 200\r\n",
        "HTTP/1.1 1010 x\r\n",
        "HTTP/1.1 x\r\n",
        "HTTP/1.1 403 x\r\nno header\r\n",
        "HTTP/1.1 403 x\r\nContent-Length: many\r\n\r\n",
        "HTTP/1.1 403 x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 403 x\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n",
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        struct answer answer;
        struct salvor_error err = {.code = ""};
        begin(&answer);
        assert_int_equal(take(&answer, wrong[i], strlen(wrong[i]), &err), -1);
        assert_string_equal(err.code, "Corrupt");
        end(&answer);
    }
}

static void refuses_an_endless_line(void **state)
{
    (void)state;
    struct answer answer;
    struct salvor_error err = {.code = ""};
    int result = 0;
    begin(&answer);
    for (int i = 0; i < 100 && result == 0; i++) {
        static char piece[1000];
        memset(piece, 'x', sizeof(piece));
        result = take(&answer, piece, sizeof(piece), &err);
    }
    assert_int_equal(result, -1);
    assert_non_null(strstr(err.message, "endless line"));
    end(&answer);
}

#define KEY "dGhlIHNhbXBsZSBub25jZQ==" /* RFC 6455, section 1.3 */

static int check(const char *headers, const char **protocol, struct answer *answer,
                 struct salvor_error *err)
{
    char text[512];
    snprintf(text, sizeof(text), "HTTP/1.1 101 Switching Protocols\r\n%s\r\n", headers);
    begin(answer);
    assert_int_equal(take(answer, text, strlen(text), err), 0);
    return salvor_upgrade_check(protocol, &answer->http, KEY, "v5.x, v4.x", err);
}

#define ACCEPT "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"
#define SWITCH "Upgrade: WebSocket\r\nConnection: keep-alive, Upgrade\r\n"

static void checks_the_handshake(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "Upgrade: h2c\r\nConnection: Upgrade\r\n" ACCEPT "Sec-WebSocket-Protocol: v4.x\r\n",
        "Upgrade: websocket\r\n" ACCEPT "Sec-WebSocket-Protocol: v4.x\r\n",
        SWITCH "Sec-WebSocket-Protocol: v4.x\r\n",
        SWITCH "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOx=\r\n"
               "Sec-WebSocket-Protocol: v4.x\r\n",
        SWITCH ACCEPT,
        SWITCH ACCEPT "Sec-WebSocket-Protocol: v3.x\r\n",
        SWITCH ACCEPT "Sec-WebSocket-Protocol: v4.x\r\nSec-WebSocket-Extensions: x\r\n",
    };
    const char *protocol;
    struct answer answer;
    struct salvor_error err = {.code = ""};
    assert_int_equal(
        check(SWITCH ACCEPT "Sec-WebSocket-Protocol: v4.x\r\n", &protocol, &answer, &err), 0);
    assert_string_equal(protocol, "v4.x");
    end(&answer);
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        assert_int_equal(check(wrong[i], &protocol, &answer, &err), -1);
        assert_string_equal(err.code, "Corrupt");
        end(&answer);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reads_the_examples_of_the_rfc),
        cmocka_unit_test(reads_control_frames_between_fragments),
        cmocka_unit_test(reads_empty_payloads),
        cmocka_unit_test(reads_long_sizes),
        cmocka_unit_test(streams_a_frame_larger_than_memory),
        cmocka_unit_test(refuses_what_a_server_may_not_send),
        cmocka_unit_test(writes_a_masked_frame),
        cmocka_unit_test(writes_the_shortest_size),
        cmocka_unit_test(masks_any_size_from_any_offset),
        cmocka_unit_test(reads_answers_at_every_split),
        cmocka_unit_test(bounds_a_body),
        cmocka_unit_test(refuses_what_is_no_answer),
        cmocka_unit_test(refuses_an_endless_line),
        cmocka_unit_test(checks_the_handshake),
    };
    return cmocka_run_group_tests_name("websocket", tests, NULL, NULL);
}
