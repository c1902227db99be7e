/* What is read as YAML can be written and reads back as the same value. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "data/yaml.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const json_t *value)
{
    struct salvor_buffer text = SALVOR_BUFFER_INIT(256 << 20);
    struct salvor_error err;
    struct salvor_yaml_reader *reader;
    json_t *again;
    if (salvor_yaml_write(&text, value, &err) < 0) {
        if (strcmp(err.code, "TooLarge") != 0)
            abort();
        salvor_buffer_release(&text);
        return;
    }
    if (salvor_yaml_reader_new(&reader, text.data, text.size, &err) < 0 ||
        salvor_yaml_read(reader, &again, &err) != 1 || !json_equal(value, again))
        abort();
    json_decref(again);
    salvor_yaml_reader_free(reader);
    salvor_buffer_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct salvor_error err;
    struct salvor_yaml_reader *reader;
    json_t *value;
    if (salvor_yaml_reader_new(&reader, (const char *)data, size, &err) < 0)
        return 0;
    while (salvor_yaml_read(reader, &value, &err) > 0) {
        check(value);
        json_decref(value);
    }
    salvor_yaml_reader_free(reader);
    return 0;
}
