/* Who we are: a password, a private key, an agent. */
#include "net/ssh.h"

#include <stdlib.h>
#include <string.h>

/* Calls `function` until it has an answer, which *code gets. */
#define UNTIL_ANSWERED(code, ssh, err, function)                                                   \
    do {                                                                                           \
        while ((code = (function)) == LIBSSH2_ERROR_EAGAIN)                                        \
            if (salvor_ssh_wait(ssh, err) < 0)                                                     \
                return -1;                                                                         \
    } while (0)

static bool is_refusal(int code)
{
    return code == LIBSSH2_ERROR_AUTHENTICATION_FAILED ||
           code == LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED;
}

static int refused(struct salvor_ssh *ssh, const char *what, const char *user,
                   struct salvor_error *err)
{
    return salvor_error_set(err, "Unauthorized", "%s does not accept %s for the user %s", ssh->peer,
                            what, user);
}

/* "none" */

static int ask_methods(struct salvor_ssh *ssh, const struct salvor_ssh_login *login,
                       struct salvor_buffer *methods, struct salvor_error *err)
{
    char *list;
    while (
        !(list = libssh2_userauth_list(ssh->session, login->user, (unsigned)strlen(login->user))) &&
        !libssh2_userauth_authenticated(ssh->session)) {
        int code = libssh2_session_last_errno(ssh->session);
        if (code != LIBSSH2_ERROR_EAGAIN)
            return salvor_ssh_failed(ssh, code, "cannot log in", err);
        if (salvor_ssh_wait(ssh, err) < 0)
            return -1;
    }
    return list ? salvor_buffer_append(methods, list, strlen(list), err) : 0;
}

/* Passwords */

/* Servers that ask by dialogue (RFC 4256) ask for the password without echo. */
static void on_question(const char *name, int name_size, const char *instruction,
                        int instruction_size, int count,
                        const LIBSSH2_USERAUTH_KBDINT_PROMPT *prompts,
                        LIBSSH2_USERAUTH_KBDINT_RESPONSE *responses, void **abstract)
{
    (void)name;
    (void)name_size;
    (void)instruction;
    (void)instruction_size;
    struct salvor_ssh *ssh = *abstract;
    for (int i = 0; i < count; i++) {
        bool password = !prompts[i].echo && ssh->password;
        responses[i].text = strdup(password ? ssh->password : "");
        responses[i].length = responses[i].text ? (unsigned)strlen(responses[i].text) : 0;
        /* A second question is for something else, or says that it was wrong. */
        if (password)
            ssh->password = NULL;
    }
}

static int log_in_by_password(struct salvor_ssh *ssh, const struct salvor_ssh_login *login,
                              struct salvor_error *err)
{
    int code;
    unsigned size = (unsigned)strlen(login->user);
    UNTIL_ANSWERED(code, ssh, err,
                   libssh2_userauth_password_ex(ssh->session, login->user, size, login->secret,
                                                (unsigned)login->secret_size, NULL));
    if (code == LIBSSH2_ERROR_PASSWORD_EXPIRED) {
        salvor_error_set(err, "Unauthorized", "%s: the password of the user %s has expired",
                         ssh->peer, login->user);
        salvor_error_hint(err, "set a new one on the server");
        return -1;
    }
    if (is_refusal(code)) {
        ssh->password = login->secret;
        UNTIL_ANSWERED(
            code, ssh, err,
            libssh2_userauth_keyboard_interactive_ex(ssh->session, login->user, size, on_question));
        ssh->password = NULL;
    }
    if (is_refusal(code) || code == LIBSSH2_ERROR_METHOD_NOT_SUPPORTED)
        return refused(ssh, "the password", login->user, err);
    return code ? salvor_ssh_failed(ssh, code, "cannot log in by password", err) : 0;
}

/* Keys */

static int log_in_by_key(struct salvor_ssh *ssh, const struct salvor_ssh_login *login,
                         struct salvor_error *err)
{
    int code;
    UNTIL_ANSWERED(code, ssh, err,
                   libssh2_userauth_publickey_frommemory(
                       ssh->session, login->user, strlen(login->user), NULL, 0, login->secret,
                       login->secret_size, login->passphrase));
    switch (code) {
    case 0:
        return 0;
    case LIBSSH2_ERROR_AUTHENTICATION_FAILED:
    case LIBSSH2_ERROR_PUBLICKEY_UNVERIFIED:
        return refused(ssh, "the key", login->user, err);
    case LIBSSH2_ERROR_ALLOC:
    case LIBSSH2_ERROR_SOCKET_SEND:
    case LIBSSH2_ERROR_SOCKET_RECV:
    case LIBSSH2_ERROR_SOCKET_DISCONNECT:
    case LIBSSH2_ERROR_TIMEOUT:
        return salvor_ssh_failed(ssh, code, "cannot log in by key", err);
    default:
        return salvor_error_set(err, "Invalid", "the key cannot be used%s",
                                login->passphrase[0] ? ": is the passphrase right?" : "");
    }
}

/* Agents */

static bool is_rsa(const struct libssh2_agent_publickey *identity)
{
    static const char name[] = "\0\0\0\007ssh-rsa";
    return identity->blob_len >= sizeof(name) - 1 &&
           !memcmp(identity->blob, name, sizeof(name) - 1);
}

/* 1: let in; 0: refused. */
static int try_identity(struct salvor_ssh *ssh, LIBSSH2_AGENT *agent, const char *user,
                        struct libssh2_agent_publickey *identity, struct salvor_error *err)
{
    int code;
    UNTIL_ANSWERED(code, ssh, err, libssh2_agent_userauth(agent, user, identity));
    if (code == 0)
        return 1;
    if (is_refusal(code) || code == LIBSSH2_ERROR_AGENT_PROTOCOL)
        return 0;
    return salvor_ssh_failed(ssh, code, "cannot log in by the agent", err);
}

/* Servers allow few attempts, so keys that they are likely to refuse come last. */
static int try_identities(struct salvor_ssh *ssh, LIBSSH2_AGENT *agent, const char *user,
                          struct salvor_error *err)
{
    int count = 0, rsa_count = 0;
    for (int rsa = 0; rsa < 2; rsa++) {
        struct libssh2_agent_publickey *identity = NULL, *previous = NULL;
        while (libssh2_agent_get_identity(agent, &identity, previous) == 0) {
            previous = identity;
            if (is_rsa(identity) != (rsa == 1))
                continue;
            count++;
            rsa_count += rsa;
            int result = try_identity(ssh, agent, user, identity, err);
            if (result)
                return result < 0 ? -1 : 0;
        }
    }
    if (count == 0)
        return salvor_error_set(err, "Unauthorized", "the agent has no keys");
    salvor_error_set(err, "Unauthorized", "%s accepts none of the agent's %d keys for the user %s",
                     ssh->peer, count, user);
    if (rsa_count && !salvor_ssh_has_rsa_sha2())
        salvor_error_hint(err,
                          "libssh2 %s signs with RSA keys by SHA-1 alone, which OpenSSH 8.8 and "
                          "newer refuse: use an Ed25519 or ECDSA key",
                          libssh2_version(0));
    return -1;
}

static int log_in_by_agent(struct salvor_ssh *ssh, const struct salvor_ssh_login *login,
                           struct salvor_error *err)
{
    LIBSSH2_AGENT *agent = libssh2_agent_init(ssh->session);
    if (!agent)
        return salvor_error_memory(err);
    if (login->agent)
        libssh2_agent_set_identity_path(agent, login->agent);
    int result = -1;
    if (libssh2_agent_connect(agent) || libssh2_agent_list_identities(agent))
        salvor_error_set(err, "Unauthorized", "the agent does not answer");
    else
        result = try_identities(ssh, agent, login->user, err);
    libssh2_agent_disconnect(agent);
    libssh2_agent_free(agent);
    return result;
}

int salvor_ssh_login(struct salvor_ssh *ssh, const struct salvor_ssh_login *login,
                     struct salvor_buffer *methods, struct salvor_error *err)
{
    switch (login->method) {
    case SALVOR_SSH_PASSWORD:
        return log_in_by_password(ssh, login, err);
    case SALVOR_SSH_KEY:
        return log_in_by_key(ssh, login, err);
    case SALVOR_SSH_AGENT:
        return log_in_by_agent(ssh, login, err);
    default:
        return ask_methods(ssh, login, methods, err);
    }
}
