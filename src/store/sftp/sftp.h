/*
 * A connection to an SFTP server, as the loop's side sees it: a thread (loop/service.h) with several
 * channels that each do many requests at once. Everything is a call that the caller owns, posts and
 * waits for (call.op); the results stand in its struct. What a call points to must stay until it is
 * done or aborted.
 *
 * The order is: connect, look at the host key, log in, then anything. After an error that is not the
 * server's word about a path (Disconnected, Timeout, Unreachable, Corrupt) every further call fails
 * with it: free the connection and make another one.
 */
#ifndef SALVOR_STORE_SFTP_SFTP_H
#define SALVOR_STORE_SFTP_SFTP_H

#include "core/buffer.h"
#include "core/error.h"
#include "loop/service.h"
#include "net/ssh.h"
#include "store/sftp/listing.h"
#include "store/sftp/packet.h"

struct salvor_sftp;

int salvor_sftp_new(struct salvor_sftp **out, struct salvor_loop *loop, struct salvor_error *err);

/* Hangs up; calls that are not done are aborted. NULL is fine. */
void salvor_sftp_free(struct salvor_sftp *sftp);

/*
 * Connects and agrees on keys; salvor_sftp_host_key() has the server's then. `host_keys` as for
 * salvor_ssh_handshake(), copied as `host` is. `timeout` in seconds is for the whole of it, and later
 * the longest silence of a server that owes an answer. Once only: Invalid afterwards.
 */
struct salvor_sftp_connect {
    struct salvor_call call;
    const char *host, *host_keys;
    int port;
    double timeout;
};

/* Something has gone wrong that ends the connection: every further call fails. */
bool salvor_sftp_is_broken(const struct salvor_sftp *sftp);

void salvor_sftp_connect(struct salvor_sftp *sftp, struct salvor_sftp_connect *connect);

const char *salvor_sftp_host_key(const struct salvor_sftp *sftp, size_t *size);

/* `login` is copied, and wiped when it was used. */
struct salvor_sftp_login {
    struct salvor_call call;
    struct salvor_ssh_login login;
};

void salvor_sftp_login(struct salvor_sftp *sftp, struct salvor_sftp_login *login);

/* What the server offered to a login with the method "none"; nothing: it let us in. */
const char *salvor_sftp_methods(const struct salvor_sftp *sftp);

/*
 * One request and its answer. `body` is what comes behind the id; `answer` (with the caller's
 * ceiling) gets what comes behind it there. A STATUS other than OK is an error.
 */
struct salvor_sftp_request {
    struct salvor_call call;
    enum salvor_sftp_type type;
    struct salvor_buffer body;
    enum salvor_sftp_type answer_type;
    struct salvor_buffer answer;
};

void salvor_sftp_request(struct salvor_sftp *sftp, struct salvor_sftp_request *request);

/*
 * Reads `size` bytes, less at the file's end: `got`. `attrs` are those of the file read from. Of
 * these `likely` bytes are asked for at once, the others when the file's size is known. `changed`:
 * somebody wrote to it meanwhile.
 */
struct salvor_sftp_read {
    struct salvor_call call;
    const char *path;
    uint64_t offset;
    char *data;
    size_t size, likely, got;
    bool changed;
    struct salvor_sftp_attrs attrs;
};

void salvor_sftp_read(struct salvor_sftp *sftp, struct salvor_sftp_read *read);

/*
 * Opens a file by `flags` (with `mode` when it is made), writes `data` and sets `attrs`. With `sync`,
 * where the server can, all of it is durable. `result`: the file's attributes then, with `look`.
 */
struct salvor_sftp_write {
    struct salvor_call call;
    const char *path;
    uint32_t flags, mode;
    uint64_t offset;
    const char *data;
    size_t size;
    struct salvor_sftp_attrs attrs;
    bool sync, look;
    struct salvor_sftp_attrs result;
};

void salvor_sftp_write(struct salvor_sftp *sftp, struct salvor_sftp_write *write);

/* Everything in a folder but "." and "..", sorted. The listing is the caller's, also on an error. */
struct salvor_sftp_list {
    struct salvor_call call;
    const char *path;
    struct salvor_sftp_listing listing;
};

void salvor_sftp_list(struct salvor_sftp *sftp, struct salvor_sftp_list *list);

/* Extensions of OpenSSH that the server has, once any request was answered. */
struct salvor_sftp_extensions {
    bool posix_rename, fsync, statvfs;
};

struct salvor_sftp_extensions salvor_sftp_extensions(const struct salvor_sftp *sftp);

#endif
