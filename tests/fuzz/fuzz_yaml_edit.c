/*
 * An edit ends in the wanted value or in an error and an unchanged text. The input is four lines,
 * what to do ("set" or "remove"), the document, the path and the value as JSON, and then the text.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "data/json.h"
#include "data/yaml_edit.h"
#include "data/yaml_path.h"
#include "data/yaml_position.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Cuts the first line off the text. */
static char *take_line(char **text)
{
    char *line = *text;
    char *end = strchr(line, '\n');
    *text = end ? end + 1 : line + strlen(line);
    if (end)
        *end = '\0';
    return line;
}

static void check(struct salvor_yaml_edit *edit, const char *verb, const json_t *path,
                  const json_t *value)
{
    struct salvor_error err;
    struct salvor_yaml_mark mark;
    json_t *found;
    char *before = strdup(edit->text.data);
    size_t size = edit->text.size;
    bool is_set = strcmp(verb, "remove") != 0;
    int result = is_set ? salvor_yaml_edit_set(edit, path, value, &err)
                        : salvor_yaml_edit_remove(edit, path, &err);
    if (!before || (result < 0 && (size != edit->text.size || strcmp(before, edit->text.data))))
        abort();
    if (result == 0 && is_set && salvor_yaml_edit_get(edit, &found, path, &err) < 0)
        abort();
    if (salvor_yaml_position(&mark, edit, path, &err) < 0)
        abort();
    free(before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char *input = malloc(size + 1);
    memcpy(input, data, size);
    input[size] = '\0';
    char *text = input;
    const char *verb = take_line(&text);
    size_t document = strtoul(take_line(&text), NULL, 10);
    json_t *source = json_string(take_line(&text));
    const char *json = take_line(&text);
    json_t *path = NULL, *value = NULL;
    struct salvor_error err;
    struct salvor_yaml_edit edit;
    if (source && salvor_yaml_path(&path, source, &err) == 0 &&
        salvor_json_decode(&value, json, strlen(json), &err) == 0) {
        if (salvor_yaml_edit_init(&edit, text, strlen(text), document, &err) == 0)
            check(&edit, verb, path, value);
        salvor_yaml_edit_release(&edit);
    }
    json_decref(source);
    json_decref(path);
    json_decref(value);
    free(input);
    return 0;
}
