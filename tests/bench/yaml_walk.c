/* The yardstick for YAML: libyaml walks the events of a file. Prints seconds. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <yaml.h>

static char *read_file(const char *path, size_t *size)
{
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) < 0)
        return NULL;
    *size = (size_t)ftell(file);
    rewind(file);
    char *text = malloc(*size + 1);
    if (text && fread(text, 1, *size, file) != *size) {
        free(text);
        text = NULL;
    }
    fclose(file);
    return text;
}

static size_t walk(const char *text, size_t size)
{
    yaml_parser_t parser;
    yaml_event_t event;
    size_t count = 0;
    yaml_event_type_t type = YAML_NO_EVENT;
    if (!yaml_parser_initialize(&parser))
        abort();
    yaml_parser_set_input_string(&parser, (const unsigned char *)text, size);
    while (type != YAML_STREAM_END_EVENT) {
        if (!yaml_parser_parse(&parser, &event)) {
            fprintf(stderr, "%s at line %zu\n", parser.problem, parser.problem_mark.line + 1);
            exit(1);
        }
        type = event.type;
        yaml_event_delete(&event);
        count++;
    }
    yaml_parser_delete(&parser);
    return count;
}

int main(int argc, char **argv)
{
    size_t size;
    char *text = argc == 2 ? read_file(argv[1], &size) : NULL;
    if (!text) {
        fprintf(stderr, "usage: yaml_walk FILE\n");
        return 2;
    }
    struct timespec start, end;
    clock_gettime(CLOCK_MONOTONIC, &start);
    size_t count = walk(text, size);
    clock_gettime(CLOCK_MONOTONIC, &end);
    printf("%.6f\n",
           (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9);
    free(text);
    return count ? 0 : 1;
}
