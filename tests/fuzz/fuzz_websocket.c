/* What a server sends means the same however it is cut into reads: its answer to the handshake, and
 * the frames behind it. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "data/digest.h"
#include "net/frame.h"
#include "net/upgrade.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct outcome {
    unsigned char digest[SALVOR_DIGEST_MAX];
    int status, failed;
    size_t body, headers, messages, parts_size;
};

static void add(struct salvor_digest *digest, const void *data, size_t size)
{
    if (salvor_digest_update(digest, data, size, NULL) < 0)
        abort();
}

/* A message's parts depend on the cuts; its bytes, its ends and what stands between them do not. */
static void take_event(struct outcome *outcome, struct salvor_digest *digest,
                       const struct salvor_frame_event *event)
{
    if (event->kind == SALVOR_FRAME_CONTROL) {
        if (event->size > SALVOR_FRAME_CONTROL_MAX)
            abort();
        add(digest, "C", 1);
    }
    if (event->first)
        add(digest, event->opcode == SALVOR_FRAME_TEXT ? "T" : "B", 1);
    add(digest, event->data, event->size);
    if (event->last)
        add(digest, "E", 1);
    outcome->messages += event->last ? 1 : 0;
    outcome->parts_size += event->size;
}

static int take_frames(struct outcome *outcome, struct salvor_digest *digest,
                       struct salvor_frame_reader *reader, const uint8_t **data, size_t *size)
{
    struct salvor_frame_event event;
    do {
        if (salvor_frame_next(&event, reader, data, size, NULL) < 0)
            return -1;
        if (event.kind != SALVOR_FRAME_MORE)
            take_event(outcome, digest, &event);
    } while (event.kind != SALVOR_FRAME_MORE);
    return *size == 0 ? 0 : (abort(), -1);
}

/* Reads of `step` bytes. */
/* To the key of RFC 6455, section 1.3; only what was offered is ever chosen. */
static void check_answer(const struct salvor_http *http)
{
    const char *chosen;
    if (salvor_upgrade_check(&chosen, http, "dGhlIHNhbXBsZSBub25jZQ==", "one, two", NULL) == 0 &&
        strcmp(chosen, "one") != 0 && strcmp(chosen, "two") != 0)
        abort();
}

static struct outcome play(const uint8_t *data, size_t size, size_t step)
{
    struct outcome outcome = {.failed = 0};
    struct salvor_http http;
    struct salvor_upgrade upgrade;
    struct salvor_frame_reader reader = {0};
    struct salvor_digest digest = {0};
    salvor_http_init(&http);
    salvor_upgrade_init(&upgrade);
    if (salvor_digest_init(&digest, "sha256", NULL) < 0)
        abort();
    while (size > 0 && !outcome.failed) {
        size_t part = size < step ? size : step;
        size_t left = part;
        const uint8_t *at = data;
        outcome.failed = salvor_upgrade_take(&upgrade, &http, &at, &left, NULL) < 0 ||
                         (upgrade.state == SALVOR_UPGRADE_DONE &&
                          take_frames(&outcome, &digest, &reader, &at, &left) < 0);
        data += part;
        size -= part;
    }
    check_answer(&http);
    outcome.status = http.status;
    outcome.body = http.body.size;
    outcome.headers = http.headers.size;
    if (salvor_digest_finish(&digest, NULL) < 0)
        abort();
    memcpy(outcome.digest, digest.value, sizeof(outcome.digest));
    salvor_digest_release(&digest);
    salvor_upgrade_release(&upgrade);
    salvor_http_release(&http);
    return outcome;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct outcome whole = play(data, size, size + 1);
    size_t step = 1 + (size ? data[size - 1] % 7 : 0);
    struct outcome cut = play(data, size, step);
    /* A fault is found at the same place, but what came before it may not have been looked at. */
    if (whole.failed != cut.failed || whole.status != cut.status)
        abort();
    if (!whole.failed && memcmp(&whole, &cut, sizeof(whole)) != 0)
        abort();
    return 0;
}
