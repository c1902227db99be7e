/*
 * What is read as JSON can be written and reads back as the same value; and the streaming reader
 * takes the same texts as jansson and makes the same values of them; and what is found in a text is
 * a value.
 */
#include <stdint.h>
#include <stdlib.h>

#include "data/json.h"
#include "data/json_find.h"
#include "data/json_read.h"
#include "data/tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void write_and_read_again(const json_t *value, int indent)
{
    struct salvor_buffer text = SALVOR_BUFFER_INIT(64 << 20);
    struct salvor_error err;
    json_t *again;
    if (salvor_json_encode(&text, value, indent, &err) < 0 ||
        salvor_json_decode(&again, text.data, text.size, &err) < 0 || !json_equal(value, again))
        abort();
    json_decref(again);
    salvor_buffer_release(&text);
}

/* `value` is what jansson made of the text; NULL when it refused it. */
static void read_as_stream(const json_t *value, const char *data, size_t size)
{
    struct salvor_json_reader reader = {0};
    struct salvor_tree_sink tree;
    struct salvor_error err;
    json_t *same = NULL;
    salvor_tree_sink_init(&tree, &same);
    int result = salvor_json_check(&reader, data, size, &err);
    if ((result == 0) != (value != NULL))
        abort();
    if (value && (salvor_json_send(&reader, &tree.sink, &err) < 0 || !json_equal(value, same)))
        abort();
    json_decref(same);
    salvor_json_reader_release(&reader);
}

static void find(bool is_valid, const char *data, size_t size)
{
    static const char *const paths[][3] = {{"a", NULL}, {"a", "a", NULL}};
    for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
        const char *text;
        size_t length;
        json_t *value;
        if (!salvor_json_find(&text, &length, data, size, paths[i]) || !is_valid)
            continue;
        if (salvor_json_decode(&value, text, length, NULL) < 0)
            abort();
        json_decref(value);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct salvor_error err;
    json_t *value;
    salvor_json_decode(&value, (const char *)data, size, &err);
    read_as_stream(value, (const char *)data, size);
    find(value != NULL, (const char *)data, size);
    if (value)
        write_and_read_again(value, (int)(size % 9));
    json_decref(value);
    return 0;
}
