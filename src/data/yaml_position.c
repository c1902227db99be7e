#include "data/yaml_position.h"

#include "data/yaml_place.h"

static struct salvor_yaml_mark follow(struct salvor_yaml_node *node, const json_t *path)
{
    struct salvor_yaml_mark mark = node->start;
    struct salvor_yaml_place place = {0};
    for (size_t i = 0; i < json_array_size(path); i++) {
        if (node->kind == SALVOR_YAML_ALIAS)
            node = node->first;
        salvor_yaml_find_child(&place, node, json_array_get(path, i));
        if (!place.node)
            break;
        node = place.node;
        mark = place.key ? place.key->start : node->start;
    }
    return mark;
}

int salvor_yaml_position(struct salvor_yaml_mark *out, const struct salvor_yaml_edit *edit,
                         const json_t *path, struct salvor_error *err)
{
    struct salvor_yaml_parser parser;
    struct salvor_yaml_document document = {0};
    int result = salvor_yaml_parser_init(&parser, edit->text.data, edit->text.size, err);
    *out = (struct salvor_yaml_mark){0};
    for (size_t i = 0; result >= 0 && i <= edit->document; i++)
        result = salvor_yaml_parse(&parser, &document, err);
    if (result > 0 && document.root)
        *out = follow(document.root, path);
    salvor_yaml_parser_release(&parser);
    return result < 0 ? -1 : 0;
}
