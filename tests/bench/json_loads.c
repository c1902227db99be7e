/* The yardstick for JSON: jansson reads a file's text and frees the tree. Prints the seconds of the
   reading and those of the freeing. */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <jansson.h>

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

static double now(void)
{
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

int main(int argc, char **argv)
{
    size_t size;
    char *text = argc == 2 ? read_file(argv[1], &size) : NULL;
    if (!text) {
        fprintf(stderr, "usage: json_loads FILE\n");
        return 2;
    }
    json_error_t error;
    double start = now();
    json_t *value = json_loadb(text, size, JSON_DECODE_ANY, &error);
    double loaded = now();
    if (!value) {
        fprintf(stderr, "%s at line %d\n", error.text, error.line);
        return 1;
    }
    json_decref(value);
    printf("%.6f %.6f\n", loaded - start, now() - loaded);
    free(text);
    return 0;
}
