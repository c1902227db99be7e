/* What is read as JSON can be written and reads back as the same value. */
#include <stdint.h>
#include <stdlib.h>

#include "data/json.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct salvor_buffer text = SALVOR_BUFFER_INIT(64 << 20);
    struct salvor_error err;
    json_t *value, *again;
    if (salvor_json_decode(&value, (const char *)data, size, &err) < 0)
        return 0;
    if (salvor_json_encode(&text, value, (int)(size % 9), &err) < 0 ||
        salvor_json_decode(&again, text.data, text.size, &err) < 0 || !json_equal(value, again))
        abort();
    json_decref(value);
    json_decref(again);
    salvor_buffer_release(&text);
    return 0;
}
