/* Bytes of a YAML text that go, and the bytes that come in their place. For yaml_splice.c alone. */
#ifndef SALVOR_DATA_YAML_CUTS_H
#define SALVOR_DATA_YAML_CUTS_H

#include <stdbool.h>
#include <stddef.h>

#include "core/buffer.h"
#include "core/error.h"
#include "data/yaml_layout.h"

/* As many as one change of a value takes. */
#define SALVOR_YAML_CUTS_MAX 2

struct salvor_yaml_cuts {
    struct salvor_yaml_layout layout; /* of the text */
    size_t count;
    struct salvor_yaml_one_cut {
        size_t from, to;
        struct salvor_buffer insert; /* "\n" stands for a line break of the text */
    } cuts[SALVOR_YAML_CUTS_MAX];
};

/* One more cut, behind those before; returns the buffer for what comes. */
struct salvor_buffer *salvor_yaml_cut(struct salvor_yaml_cuts *cuts, size_t from, size_t to);

/*
 * Puts lines in at the start of a line, or takes some out. At the end of a text whose last line has no
 * line break, the new last line has none either, unless `keep_break` says to let it be when lines are
 * taken out.
 */
int salvor_yaml_cut_lines(struct salvor_yaml_cuts *cuts, size_t from, size_t to, const char *lines,
                          size_t size, bool keep_break, struct salvor_error *err);

/* Appends the text as it is afterwards, new lines with the line breaks that it has. */
int salvor_yaml_apply_cuts(struct salvor_buffer *out, const struct salvor_yaml_cuts *cuts,
                           struct salvor_error *err);

void salvor_yaml_release_cuts(struct salvor_yaml_cuts *cuts);

#endif
