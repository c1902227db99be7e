/* Connecting and logging in. The thread may be held up here, so it copies what it needs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/sftp/session.h"

enum { HOST_KEYS_MAX = 512 };

static void finish(struct salvor_sftp *sftp, struct salvor_call *call, int result,
                   const struct salvor_error *err)
{
    sftp->ssh.call = NULL;
    salvor_service_end(sftp->service, call, result < 0 ? err : NULL);
}

/* Whether there is still a connection to be made. */
static bool is_new(const struct salvor_sftp *sftp, struct salvor_error *err)
{
    if (sftp->broken)
        *err = sftp->failure;
    else if (sftp->ssh.session)
        salvor_error_set(err, "Invalid", "the connection to %s was made before", sftp->ssh.peer);
    return !sftp->broken && !sftp->ssh.session;
}

static void serve_connect(struct salvor_call *call, void *context)
{
    const struct salvor_sftp_connect *connect = (const struct salvor_sftp_connect *)call;
    struct salvor_sftp *sftp = context;
    struct salvor_error err = {0};
    if (!is_new(sftp, &err)) {
        salvor_service_end(sftp->service, call, &err);
        return;
    }
    char host[SALVOR_SSH_HOST_MAX], host_keys[HOST_KEYS_MAX];
    snprintf(host, sizeof(host), "%s", connect->host);
    snprintf(host_keys, sizeof(host_keys), "%s", connect->host_keys ? connect->host_keys : "");
    int port = connect->port;
    sftp->timeout = connect->timeout;
    sftp->ssh.deadline = salvor_loop_now() + sftp->timeout;
    sftp->ssh.deaf = false;
    sftp->ssh.call = call;
    salvor_service_return(sftp->service, call);
    int result = salvor_ssh_connect(&sftp->ssh, host, port, &err);
    if (result == 0)
        result = salvor_ssh_handshake(&sftp->ssh, host_keys[0] ? host_keys : NULL, &err);
    if (result < 0)
        salvor_sftp_break(sftp, &err);
    finish(sftp, call, result, &err);
}

void salvor_sftp_connect(struct salvor_sftp *sftp, struct salvor_sftp_connect *connect)
{
    connect->call.serve = serve_connect;
    salvor_service_post(sftp->mailbox, &connect->call);
}

/* A copy in one piece, so that it can be wiped. */
struct copy {
    struct salvor_ssh_login login;
    size_t size;
    char text[];
};

static const char *copy_text(char **at, const char *text, size_t size)
{
    char *copy = *at;
    if (!text)
        return NULL;
    memcpy(copy, text, size);
    copy[size] = '\0';
    *at += size + 1;
    return copy;
}

static size_t length(const char *text)
{
    return text ? strlen(text) : 0;
}

static struct copy *copy_login(const struct salvor_ssh_login *login)
{
    size_t size = length(login->user) + login->secret_size + length(login->passphrase) +
                  length(login->agent) + 4;
    struct copy *copy = malloc(sizeof(*copy) + size);
    if (!copy)
        return NULL;
    char *at = copy->text;
    *copy = (struct copy){.login = *login, .size = size};
    copy->login.user = copy_text(&at, login->user, length(login->user));
    copy->login.secret = copy_text(&at, login->secret, login->secret_size);
    copy->login.passphrase = copy_text(&at, login->passphrase, length(login->passphrase));
    copy->login.agent = copy_text(&at, login->agent, length(login->agent));
    return copy;
}

static void serve_login(struct salvor_call *call, void *context)
{
    struct salvor_sftp *sftp = context;
    struct salvor_error err = {0};
    struct copy *copy = copy_login(&((const struct salvor_sftp_login *)call)->login);
    sftp->ssh.deadline = salvor_loop_now() + sftp->timeout;
    sftp->ssh.deaf = false;
    sftp->ssh.call = call;
    salvor_service_return(sftp->service, call);
    int result = -1;
    if (!copy)
        salvor_error_memory(&err);
    else if (sftp->broken)
        err = sftp->failure;
    else if (!sftp->ssh.session)
        salvor_error_set(&err, "Closed", "the connection was not made");
    else
        result = salvor_ssh_login(&sftp->ssh, &copy->login, &sftp->methods, &err);
    if (copy)
        explicit_bzero(copy->text, copy->size);
    free(copy);
    finish(sftp, call, result, &err);
}

void salvor_sftp_login(struct salvor_sftp *sftp, struct salvor_sftp_login *login)
{
    login->call.serve = serve_login;
    salvor_service_post(sftp->mailbox, &login->call);
}
