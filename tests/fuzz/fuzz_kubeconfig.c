/* A kubeconfig is read or refused in one line; what comes of it can be sent as headers. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kube/credentials.h"
#include "kube/exec_credential.h"
#include "kube/exec_plugin.h"
#include "kube/kubeconfig.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static char folder[] = "/tmp/salvor-fuzz-XXXXXX", path[sizeof(folder) + 8];

static void tidy_up(void)
{
    unlink(path);
    rmdir(folder);
}

/* In a folder of its own, since a kubeconfig may name files beside it. */
static void write_file(const uint8_t *data, size_t size)
{
    if (!*path) {
        if (!mkdtemp(folder) || atexit(tidy_up) != 0)
            abort();
        snprintf(path, sizeof(path), "%s/config", folder);
        unsetenv("KUBERNETES_SERVICE_HOST");
    }
    FILE *file = fopen(path, "w");
    if (!file || fwrite(data, 1, size, file) != size || fclose(file) != 0)
        abort();
}

static void check_error(const struct salvor_error *err)
{
    if (!err->code[0] || !err->message[0] || strpbrk(err->message, "\r\n\033"))
        abort();
}

static void check_lines(const char *lines)
{
    for (; lines && *lines; lines += strlen(lines) + 1)
        if (strncmp(lines, "Impersonate-", 12) != 0 || strpbrk(lines, "\r\n"))
            abort();
}

static void check_config(struct salvor_kubeconfig *config)
{
    struct salvor_error err;
    struct salvor_buffer line = SALVOR_BUFFER_INIT(1 << 20);
    if (!config->server || !config->namespace)
        abort();
    check_lines(config->impersonation);
    /* A file that is named may be anything, a terminal too: it is not read here. */
    if (!config->token_file && salvor_kube_authorization(&line, config, NULL, &err) < 0)
        check_error(&err);
    if (strpbrk(line.data, "\r\n"))
        abort();
    salvor_buffer_release(&line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    write_file(data, size);
    struct salvor_error err;
    struct salvor_kubeconfig config;
    struct salvor_kubeconfig_options options = {.path = path};
    if (salvor_kubeconfig_load(&config, &options, &err) == 0)
        check_config(&config);
    else
        check_error(&err);
    salvor_kubeconfig_release(&config);

    json_t *contexts = NULL;
    if (salvor_kubeconfig_contexts(&contexts, &options, &err) < 0)
        check_error(&err);
    json_decref(contexts);

    struct salvor_exec_credential credential;
    if (salvor_exec_credential_read(&credential, (const char *)data, size,
                                    "client.authentication.k8s.io/v1", &err) < 0)
        check_error(&err);
    else if (!credential.token == !credential.certificate && !credential.token)
        abort();
    salvor_exec_credential_release(&credential);
    return 0;
}
