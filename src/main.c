#include <salvor/salvor.h>

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

/* The command's exit code for faults of Salvor's own. */
enum { EXIT_INTERNAL = 70 };

/* Whoever starts us with a standard stream closed would find our own files in its place. */
static int open_standard_streams(void)
{
    int fd;
    do
        fd = open("/dev/null", O_RDWR);
    while (fd >= 0 && fd <= STDERR_FILENO);
    return fd < 0 ? -1 : close(fd);
}

int main(int argc, char **argv)
{
    if (open_standard_streams() < 0)
        return EXIT_INTERNAL;
    struct salvor_host *host = salvor_host_new();
    if (!host) {
        fputs("salvor: cannot start: out of memory or descriptors\n", stderr);
        return EXIT_INTERNAL;
    }
    int code = salvor_host_main(host, argc, argv);
    salvor_host_free(host);
    return code;
}
