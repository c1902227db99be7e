/*
 * Packets of SFTP version 3 (draft-ietf-secsh-filexfer-02; OpenSSH's PROTOCOL for the extensions) as
 * bytes. What is read may be hostile: a reader that meets something too short is `bad` from then on
 * and gives zeros.
 */
#ifndef SALVOR_STORE_SFTP_PACKET_H
#define SALVOR_STORE_SFTP_PACKET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/buffer.h"
#include "core/error.h"

enum salvor_sftp_type {
    SALVOR_SFTP_INIT = 1,
    SALVOR_SFTP_VERSION = 2,
    SALVOR_SFTP_OPEN = 3,
    SALVOR_SFTP_CLOSE = 4,
    SALVOR_SFTP_READ = 5,
    SALVOR_SFTP_WRITE = 6,
    SALVOR_SFTP_LSTAT = 7,
    SALVOR_SFTP_FSTAT = 8,
    SALVOR_SFTP_FSETSTAT = 10,
    SALVOR_SFTP_OPENDIR = 11,
    SALVOR_SFTP_READDIR = 12,
    SALVOR_SFTP_REMOVE = 13,
    SALVOR_SFTP_MKDIR = 14,
    SALVOR_SFTP_RMDIR = 15,
    SALVOR_SFTP_STAT = 17,
    SALVOR_SFTP_RENAME = 18,
    SALVOR_SFTP_STATUS = 101,
    SALVOR_SFTP_HANDLE = 102,
    SALVOR_SFTP_DATA = 103,
    SALVOR_SFTP_NAME = 104,
    SALVOR_SFTP_ATTRS = 105,
    SALVOR_SFTP_EXTENDED = 200,
    SALVOR_SFTP_EXTENDED_REPLY = 201,
};

enum { SALVOR_SFTP_OK = 0, SALVOR_SFTP_EOF = 1 }; /* codes of a STATUS */

/* Flags of OPEN. */
enum {
    SALVOR_SFTP_OPEN_READ = 1,
    SALVOR_SFTP_OPEN_WRITE = 2,
    SALVOR_SFTP_OPEN_CREATE = 8,
    SALVOR_SFTP_OPEN_TRUNCATE = 16,
    SALVOR_SFTP_OPEN_EXCLUSIVE = 32,
};

/* Which members of the attributes are there. */
enum {
    SALVOR_SFTP_ATTR_SIZE = 1,
    SALVOR_SFTP_ATTR_OWNER = 2,
    SALVOR_SFTP_ATTR_MODE = 4,
    SALVOR_SFTP_ATTR_TIMES = 8,
};

struct salvor_sftp_attrs {
    uint32_t flags;
    uint64_t size;
    uint32_t mode; /* as in struct stat, with the kind */
    uint32_t accessed, modified;
};

struct salvor_sftp_reader {
    const unsigned char *at;
    size_t left;
    bool bad;
};

uint32_t salvor_sftp_read_u32(struct salvor_sftp_reader *reader);
uint64_t salvor_sftp_read_u64(struct salvor_sftp_reader *reader);
/* Not ended by a NUL. */
const char *salvor_sftp_read_string(struct salvor_sftp_reader *reader, size_t *size);
void salvor_sftp_read_attrs(struct salvor_sftp_reader *reader, struct salvor_sftp_attrs *attrs);

void salvor_sftp_put_u32(struct salvor_buffer *out, uint32_t number);
void salvor_sftp_put_u64(struct salvor_buffer *out, uint64_t number);
void salvor_sftp_put_string(struct salvor_buffer *out, const void *text, size_t size);
size_t salvor_sftp_attrs_size(const struct salvor_sftp_attrs *attrs);
void salvor_sftp_put_attrs(struct salvor_buffer *out, const struct salvor_sftp_attrs *attrs);

/* The error of a STATUS behind its id; its code is neither OK nor EOF. */
int salvor_sftp_status_error(struct salvor_sftp_reader *reader, struct salvor_error *err);

#endif
