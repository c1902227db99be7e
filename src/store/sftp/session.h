/*
 * The thread's side of a connection. A session has channels, each of them one SFTP server process at
 * the other end; a call becomes an exchange on one of them: some requests and their answers. Many
 * requests are under way on a channel at once, so that a round trip costs little.
 */
#ifndef SALVOR_STORE_SFTP_SESSION_H
#define SALVOR_STORE_SFTP_SESSION_H

#include <stdatomic.h>

#include "store/sftp/sftp.h"

enum {
    SALVOR_SFTP_CHANNELS = 4, /* OpenSSH's sshd allows 10 */
    SALVOR_SFTP_SLOTS = 128,  /* requests under way on a channel */
    SALVOR_SFTP_HANDLE_MAX = 256,
    SALVOR_SFTP_WINDOW = 2 << 20, /* bytes that the server may send before we have read them */
};

struct salvor_sftp_exchange;
struct salvor_sftp_channel;

/* A request that was sent. */
struct salvor_sftp_slot {
    bool used;
    uint32_t id;
    enum salvor_sftp_type type;
    struct salvor_sftp_exchange *exchange; /* NULL: nobody waits for the answer any more */
    uint64_t offset;                       /* of a READ */
    uint32_t size;
};

struct salvor_sftp_kind {
    /* Sends what can be sent now (salvor_sftp_begin() says whether). */
    void (*go)(struct salvor_sftp_exchange *exchange);
    /* Takes an answer that is no HANDLE and no failing STATUS. -1: the whole exchange has failed. */
    int (*answer)(struct salvor_sftp_exchange *exchange, const struct salvor_sftp_slot *slot,
                  enum salvor_sftp_type type, struct salvor_sftp_reader *reader,
                  struct salvor_error *err);
};

struct salvor_sftp_exchange {
    const struct salvor_sftp_kind *kind;
    struct salvor_call *call;
    struct salvor_sftp_channel *channel; /* NULL: waits for one */
    struct salvor_sftp_exchange *next, **link;
    unsigned waiting; /* requests without an answer */
    unsigned stage;   /* the kind's own */
    bool complete;    /* nothing is left to be sent */
    bool failed;
    struct salvor_error failure; /* ends when nothing is under way any more */
    uint64_t next_offset, end;   /* of reading and writing */
    bool told, at_end;           /* the file's size; that it ends before `end` */
    size_t handle_size;
    char handle[SALVOR_SFTP_HANDLE_MAX];
};

enum salvor_sftp_channel_state {
    SALVOR_SFTP_CLOSED,
    SALVOR_SFTP_OPENING,  /* the SSH channel */
    SALVOR_SFTP_STARTING, /* the subsystem */
    SALVOR_SFTP_GREETING, /* SFTP's versions and limits */
    SALVOR_SFTP_READY,
};

struct salvor_sftp_channel {
    struct salvor_sftp *sftp;
    enum salvor_sftp_channel_state state;
    LIBSSH2_CHANNEL *channel;
    struct salvor_buffer out, in; /* requests to be sent; answers that are not whole yet */
    size_t written;               /* of `out` */
    struct salvor_sftp_slot slots[SALVOR_SFTP_SLOTS];
    unsigned under_way; /* used slots */
    uint64_t reading;   /* bytes that were asked for and have not come */
    uint32_t next_id;
    struct salvor_sftp_exchange *exchanges;
    unsigned exchange_count;
};

struct salvor_sftp {
    struct salvor_service *mailbox; /* the same service, the loop's side's */
    struct salvor_service *service;
    struct salvor_ssh ssh;
    double timeout;
    double owed; /* since when the server has owed answers without a break */
    struct salvor_buffer methods;
    struct salvor_sftp_extensions extensions;
    uint32_t read_size, write_size; /* of one request */
    bool full;                      /* the server opens no more channels */
    atomic_bool broken;
    struct salvor_error failure; /* why */
    struct salvor_sftp_channel channels[SALVOR_SFTP_CHANNELS];
    struct salvor_sftp_exchange *waiting; /* for the first channel */
};

/* session.c: the connection */

/* Serves an exchange for the call; it is freed when it ends. */
void salvor_sftp_exchange(struct salvor_sftp *sftp, struct salvor_call *call,
                          const struct salvor_sftp_kind *kind);

/* channel.c: bytes in and out; each returns whether it got anything done, and breaks on an error */

void salvor_sftp_channel_init(struct salvor_sftp_channel *channel, struct salvor_sftp *sftp);
void salvor_sftp_channel_release(struct salvor_sftp_channel *channel);
bool salvor_sftp_channel_open(struct salvor_sftp_channel *channel);
bool salvor_sftp_channel_send(struct salvor_sftp_channel *channel);
bool salvor_sftp_channel_receive(struct salvor_sftp_channel *channel);

/* exchange.c: requests and answers */

/*
 * Begins a request of `size` bytes behind its id: what is appended to the result belongs to it. NULL
 * when there is no room for it now.
 */
struct salvor_buffer *salvor_sftp_begin(struct salvor_sftp_exchange *exchange,
                                        enum salvor_sftp_type type, size_t size,
                                        struct salvor_sftp_slot **slot);

/* The same with the exchange's handle as the first of what follows. */
struct salvor_buffer *salvor_sftp_begin_on_handle(struct salvor_sftp_exchange *exchange,
                                                  enum salvor_sftp_type type, size_t size,
                                                  struct salvor_sftp_slot **slot);

/*
 * The same in place of a request that was answered just now, but not wholly: however much others have
 * to send there is room for it, so that NULL is for want of memory.
 */
struct salvor_buffer *salvor_sftp_begin_again(struct salvor_sftp_exchange *exchange,
                                              enum salvor_sftp_type type, size_t size,
                                              struct salvor_sftp_slot **slot);

/* An answer has come; -1: the server does not keep to the protocol. */
int salvor_sftp_answer(struct salvor_sftp_channel *channel, enum salvor_sftp_type type,
                       struct salvor_sftp_reader *reader, struct salvor_error *err);

/* At the end of a list. */
void salvor_sftp_link(struct salvor_sftp_exchange **list, struct salvor_sftp_exchange *exchange);
void salvor_sftp_unlink(struct salvor_sftp_exchange *exchange);

/*
 * Ends it and its call, with the error if there is one, whatever is under way; what it has open at
 * the server is closed there.
 */
void salvor_sftp_end(struct salvor_sftp_exchange *exchange, const struct salvor_error *err);

/* Nothing can be done with this connection any more: ends all of them. */
void salvor_sftp_break(struct salvor_sftp *sftp, const struct salvor_error *err);

#endif
