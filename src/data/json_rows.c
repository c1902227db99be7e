#include "data/json_rows.h"

#include <string.h>

/* How deep: in the list, in an object, in a list of rows. */
enum { IN_LIST = 1, IN_OBJECT, IN_ROWS, DEPTH_MAX = 256 };

void salvor_json_rows_init(struct salvor_json_rows *rows)
{
    *rows = (struct salvor_json_rows){.first = true};
    salvor_buffer_init(&rows->row, SALVOR_JSON_ROW_MAX);
    salvor_buffer_init(&rows->object, SALVOR_JSON_OBJECT_MAX);
}

void salvor_json_rows_release(struct salvor_json_rows *rows)
{
    salvor_buffer_release(&rows->row);
    salvor_buffer_release(&rows->object);
}

void salvor_json_rows_add(struct salvor_json_rows *rows, const char *data, size_t size)
{
    rows->at = data;
    rows->end = data + size;
}

static int corrupt(const char *what, struct salvor_error *err)
{
    return salvor_error_set(err, "Corrupt", "this is no list of objects: %s", what);
}

static bool is_space(char character)
{
    return character == ' ' || character == '\t' || character == '\n' || character == '\r';
}

/* Between the objects of the list: what is not looked at by whoever decodes the pieces. */
static int step_outside(struct salvor_json_rows *rows, char character, struct salvor_error *err)
{
    if (is_space(character))
        return 0;
    if (rows->done)
        return corrupt("it goes on behind its end", err);
    if (rows->depth == 0) {
        rows->depth = character == '[' ? IN_LIST : 0;
        return rows->depth ? 0 : corrupt("it does not begin with '['", err);
    }
    bool before_object = rows->first || rows->comma;
    if (character == '{' && before_object) {
        rows->depth = IN_OBJECT;
        rows->first = rows->comma = false;
        return salvor_buffer_append(&rows->object, &character, 1, err);
    }
    if (character == ',' && !before_object) {
        rows->comma = true;
        return 0;
    }
    if (character != ']' || rows->comma)
        return corrupt("an object is expected", err);
    rows->done = true;
    return 0;
}

/* Inside of an object; +1 or -1 is how the depth changes. */
static int depth_change(struct salvor_json_rows *rows, char character)
{
    if (rows->in_string) {
        rows->in_string = rows->escaped || character != '"';
        rows->escaped = !rows->escaped && character == '\\';
        return 0;
    }
    rows->in_string = character == '"';
    if (character == '{' || character == '[')
        return 1;
    return character == '}' || character == ']' ? -1 : 0;
}

static int step_inside(enum salvor_json_row *found, struct salvor_json_rows *rows, char character,
                       struct salvor_error *err)
{
    int change = depth_change(rows, character);
    rows->in_row |= change > 0 && character == '{' && rows->depth == IN_ROWS;
    rows->depth += (unsigned)change;
    if (rows->depth > DEPTH_MAX)
        return corrupt("it is nested too deeply", err);
    if (salvor_buffer_append(rows->in_row ? &rows->row : &rows->object, &character, 1, err) < 0)
        return -1;
    if (rows->in_row && rows->depth == IN_ROWS) {
        rows->in_row = false;
        *found = SALVOR_ROWS_ROW;
        return salvor_buffer_append(&rows->object, "0", 1, err);
    }
    if (rows->depth == IN_LIST)
        *found = SALVOR_ROWS_OBJECT;
    return 0;
}

static void forget_given(struct salvor_json_rows *rows)
{
    if (rows->given == SALVOR_ROWS_ROW)
        salvor_buffer_clear(&rows->row);
    else if (rows->given == SALVOR_ROWS_OBJECT)
        salvor_buffer_clear(&rows->object);
    rows->given = SALVOR_ROWS_MORE;
}

enum salvor_json_row salvor_json_rows_next(const char **text, size_t *size,
                                           struct salvor_json_rows *rows, struct salvor_error *err)
{
    forget_given(rows);
    while (rows->at < rows->end) {
        char character = *rows->at++;
        if (rows->depth < IN_OBJECT) {
            if (step_outside(rows, character, err) < 0)
                return SALVOR_ROWS_FAILED;
            continue;
        }
        if (step_inside(&rows->given, rows, character, err) < 0)
            return SALVOR_ROWS_FAILED;
        if (rows->given == SALVOR_ROWS_MORE)
            continue;
        const struct salvor_buffer *piece =
            rows->given == SALVOR_ROWS_ROW ? &rows->row : &rows->object;
        *text = piece->data;
        *size = piece->size;
        return rows->given;
    }
    return rows->done ? SALVOR_ROWS_END : SALVOR_ROWS_MORE;
}
