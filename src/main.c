#include <salvor/salvor.h>

#include <stdio.h>

/* The command's exit code for faults of Salvor's own. */
enum { EXIT_INTERNAL = 70 };

int main(int argc, char **argv)
{
    struct salvor_host *host = salvor_host_new();
    if (!host) {
        fputs("salvor: cannot start: out of memory or descriptors\n", stderr);
        return EXIT_INTERNAL;
    }
    int code = salvor_host_main(host, argc, argv);
    salvor_host_free(host);
    return code;
}
