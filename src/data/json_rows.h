/*
 * A JSON list of objects that hold lists of objects, read as a stream: the rows one by one, and after
 * them the object they are in, where a 0 stands for each row. Medusa's manifests are such a list: an
 * object for each table, with a row for each file.
 *
 *     [{"keyspace": "ks", "objects": [{"path": "a"}, {"path": "b"}]}, ...]
 *
 *     ROW {"path": "a"}   ROW {"path": "b"}   OBJECT {"keyspace": "ks", "objects": [0, 0]}   ...
 *
 * Memory is needed for one row and for what is left of one object. Whatever has another form is
 * refused, or has no rows; what is not valid JSON is refused where the pieces are decoded.
 */
#ifndef SALVOR_DATA_JSON_ROWS_H
#define SALVOR_DATA_JSON_ROWS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/buffer.h"
#include "core/error.h"

#define SALVOR_JSON_ROW_MAX    ((size_t)1 << 20)
#define SALVOR_JSON_OBJECT_MAX ((size_t)16 << 20)

enum salvor_json_row {
    SALVOR_ROWS_FAILED = -1,
    SALVOR_ROWS_MORE = 0, /* more bytes are needed */
    SALVOR_ROWS_ROW,
    SALVOR_ROWS_OBJECT,
    SALVOR_ROWS_END
};

struct salvor_json_rows {
    /* Private. */
    struct salvor_buffer row, object;
    const char *at, *end; /* of the bytes that were given */
    unsigned depth;
    bool in_string, escaped, in_row, comma, first, done;
    enum salvor_json_row given; /* what the buffers hold was handed out */
};

void salvor_json_rows_init(struct salvor_json_rows *rows);
void salvor_json_rows_release(struct salvor_json_rows *rows);

/* The next bytes, once salvor_json_rows_next() asked for more; they stay the caller's until then. */
void salvor_json_rows_add(struct salvor_json_rows *rows, const char *data, size_t size);

/*
 * The text of the next row or object, valid until the next call. Errors: Corrupt, TooLarge. MORE at
 * the end of the input means that it was cut short.
 */
enum salvor_json_row salvor_json_rows_next(const char **text, size_t *size,
                                           struct salvor_json_rows *rows, struct salvor_error *err);

#endif
