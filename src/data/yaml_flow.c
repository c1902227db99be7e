#include "data/yaml_flow.h"

#include <string.h>

#include "data/tree.h"
#include "data/yaml_style.h"

struct flow {
    struct salvor_sink sink;
    struct salvor_buffer *out;
    bool is_json;
    int depth;
    struct {
        bool is_list;
        bool has_elements;
    } levels[SALVOR_JSON_DEPTH];
};

static int put(struct flow *flow, const char *text, struct salvor_error *err)
{
    return salvor_buffer_append(flow->out, text, strlen(text), err);
}

static int put_separator(struct flow *flow, struct salvor_error *err)
{
    int result = flow->levels[flow->depth - 1].has_elements ? put(flow, ", ", err) : 0;
    flow->levels[flow->depth - 1].has_elements = true;
    return result;
}

static int before_value(struct flow *flow, struct salvor_error *err)
{
    bool in_list = flow->depth && flow->levels[flow->depth - 1].is_list;
    return in_list ? put_separator(flow, err) : 0;
}

int salvor_yaml_flow_string(struct salvor_buffer *out, const char *text, size_t size, bool is_json,
                            struct salvor_error *err)
{
    if (!is_json && salvor_yaml_style(text, size) == SALVOR_YAML_PLAIN &&
        salvor_yaml_is_flow_plain(text, size))
        return salvor_buffer_append(out, text, size, err);
    return salvor_yaml_quote(out, text, size, err);
}

static int flow_scalar(struct salvor_sink *sink, const struct salvor_scalar *scalar,
                       struct salvor_error *err)
{
    struct flow *flow = (struct flow *)sink;
    char number[SALVOR_JSON_REAL_SIZE + 2];
    if (before_value(flow, err) < 0)
        return -1;
    switch (scalar->type) {
    case SALVOR_NULL:
        return put(flow, "null", err);
    case SALVOR_BOOLEAN:
        return put(flow, scalar->integer ? "true" : "false", err);
    case SALVOR_STRING:
        return salvor_yaml_flow_string(flow->out, scalar->text, scalar->size, flow->is_json, err);
    case SALVOR_INTEGER:
        return salvor_buffer_printf(flow->out, err, "%lld", (long long)scalar->integer);
    case SALVOR_REAL:
        break;
    }
    salvor_yaml_format_real(number, scalar->real);
    return put(flow, number, err);
}

static int flow_begin(struct salvor_sink *sink, bool is_list, size_t count,
                      struct salvor_error *err)
{
    struct flow *flow = (struct flow *)sink;
    (void)count;
    if (before_value(flow, err) < 0)
        return -1;
    flow->levels[flow->depth].is_list = is_list;
    flow->levels[flow->depth++].has_elements = false;
    return put(flow, is_list ? "[" : "{", err);
}

static int flow_key(struct salvor_sink *sink, const char *text, size_t size,
                    struct salvor_error *err)
{
    struct flow *flow = (struct flow *)sink;
    if (put_separator(flow, err) < 0 ||
        salvor_yaml_flow_string(flow->out, text, size, flow->is_json, err) < 0)
        return -1;
    return put(flow, ": ", err);
}

static int flow_end(struct salvor_sink *sink, struct salvor_error *err)
{
    struct flow *flow = (struct flow *)sink;
    flow->depth--;
    return put(flow, flow->levels[flow->depth].is_list ? "]" : "}", err);
}

int salvor_yaml_flow(struct salvor_buffer *out, const json_t *value, bool is_json,
                     struct salvor_error *err)
{
    struct flow flow = {
        .sink = {flow_scalar, flow_begin, flow_key, flow_end}, .out = out, .is_json = is_json};
    return salvor_tree_send(&flow.sink, value, err);
}
