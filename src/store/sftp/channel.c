/* One channel: from the SSH channel to packets of SFTP. */
#include <string.h>

#include "store/sftp/session.h"

enum {
    PACKET_MAX = 256 << 10, /* as OpenSSH's, without its length */
    LENGTH = 4,
    SSH_PACKET = 32 << 10,
    AT_ONCE = 64 << 10,   /* bytes that are received at once */
    GOOD_SIZE = 64 << 10, /* of one READ or WRITE: larger ones bring nothing more */
    SAFE_SIZE = 32 << 10, /* what every server takes */
};

void salvor_sftp_channel_init(struct salvor_sftp_channel *channel, struct salvor_sftp *sftp)
{
    memset(channel, 0, sizeof(*channel));
    channel->sftp = sftp;
    salvor_buffer_init(&channel->out, (size_t)1 << 20);
    salvor_buffer_init(&channel->in, LENGTH + PACKET_MAX + AT_ONCE);
}

void salvor_sftp_channel_release(struct salvor_sftp_channel *channel)
{
    salvor_buffer_release(&channel->out);
    salvor_buffer_release(&channel->in);
    channel->state = SALVOR_SFTP_CLOSED;
    channel->channel = NULL; /* the session's */
}

static void break_by(struct salvor_sftp_channel *channel, int code, const char *what)
{
    struct salvor_error err = {0};
    salvor_ssh_failed(&channel->sftp->ssh, code, what, &err);
    salvor_sftp_break(channel->sftp, &err);
}

/* Opening */

/* When there is another channel, this one is not missed: the server may allow no more. */
static bool refuse(struct salvor_sftp_channel *channel, int code)
{
    struct salvor_sftp *sftp = channel->sftp;
    struct salvor_error err = {0};
    if (channel != sftp->channels) {
        sftp->full = true;
        channel->state = SALVOR_SFTP_CLOSED;
        return true;
    }
    if (code == LIBSSH2_ERROR_CHANNEL_REQUEST_DENIED) {
        salvor_error_set(&err, "Unsupported", "%s has no SFTP for this user", sftp->ssh.peer);
        salvor_error_hint(&err, "sshd needs a line \"Subsystem sftp internal-sftp\"");
        salvor_sftp_break(sftp, &err);
    } else {
        break_by(channel, code, "cannot open a channel");
    }
    return true;
}

static bool is_refusal(int code)
{
    return code == LIBSSH2_ERROR_CHANNEL_FAILURE || code == LIBSSH2_ERROR_CHANNEL_REQUEST_DENIED;
}

static bool open_channel(struct salvor_sftp_channel *channel)
{
    LIBSSH2_SESSION *session = channel->sftp->ssh.session;
    channel->state = SALVOR_SFTP_OPENING;
    channel->channel = libssh2_channel_open_ex(session, "session", sizeof("session") - 1,
                                               SALVOR_SFTP_WINDOW, SSH_PACKET, NULL, 0);
    if (channel->channel) {
        channel->state = SALVOR_SFTP_STARTING;
        return true;
    }
    int code = libssh2_session_last_errno(session);
    if (code == LIBSSH2_ERROR_EAGAIN)
        return false;
    if (is_refusal(code))
        return refuse(channel, code);
    break_by(channel, code, "cannot open a channel");
    return true;
}

/* INIT and VERSION have a version where others have an id. */
static void greet(struct salvor_sftp_channel *channel)
{
    static const char init[] = {0, 0, 0, 5, SALVOR_SFTP_INIT, 0, 0, 0, 3};
    channel->state = SALVOR_SFTP_GREETING;
    channel->sftp->owed = salvor_loop_now();
    if (salvor_buffer_append(&channel->out, init, sizeof(init), NULL) < 0)
        break_by(channel, LIBSSH2_ERROR_ALLOC, NULL);
}

static bool start_subsystem(struct salvor_sftp_channel *channel)
{
    int code = libssh2_channel_process_startup(channel->channel, "subsystem",
                                               sizeof("subsystem") - 1, "sftp", 4);
    if (code == LIBSSH2_ERROR_EAGAIN)
        return false;
    if (code == 0)
        greet(channel);
    else if (is_refusal(code))
        refuse(channel, code);
    else
        break_by(channel, code, "cannot start SFTP");
    return true;
}

bool salvor_sftp_channel_open(struct salvor_sftp_channel *channel)
{
    if (channel->state <= SALVOR_SFTP_OPENING)
        return open_channel(channel);
    return channel->state == SALVOR_SFTP_STARTING && start_subsystem(channel);
}

/* Greeting */

static bool is_text(const char *text, size_t size, const char *other)
{
    return size == strlen(other) && !memcmp(text, other, size);
}

static void note_extension(struct salvor_sftp_channel *channel, const char *name, size_t size,
                           bool *limits)
{
    struct salvor_sftp *sftp = channel->sftp;
    *limits |= is_text(name, size, "limits@openssh.com");
    /* Of the others the loop's thread knows from the first channel on. */
    if (channel != sftp->channels)
        return;
    sftp->extensions.posix_rename |= is_text(name, size, "posix-rename@openssh.com");
    sftp->extensions.fsync |= is_text(name, size, "fsync@openssh.com");
    sftp->extensions.statvfs |= is_text(name, size, "statvfs@openssh.com");
}

static void ask_limits(struct salvor_sftp_channel *channel)
{
    static const char name[] = "limits@openssh.com";
    char byte = (char)SALVOR_SFTP_EXTENDED;
    salvor_sftp_put_u32(&channel->out, 1 + 4 + 4 + sizeof(name) - 1);
    salvor_buffer_append(&channel->out, &byte, 1, NULL);
    salvor_sftp_put_u32(&channel->out, 0);
    salvor_sftp_put_string(&channel->out, name, sizeof(name) - 1);
}

static int take_version(struct salvor_sftp_channel *channel, struct salvor_sftp_reader *reader,
                        struct salvor_error *err)
{
    bool limits = false;
    if (salvor_sftp_read_u32(reader) < 3)
        return salvor_error_set(err, "Unsupported", "the server speaks an SFTP older than 3");
    while (reader->left && !reader->bad) {
        size_t size, value_size;
        const char *name = salvor_sftp_read_string(reader, &size);
        salvor_sftp_read_string(reader, &value_size);
        if (!reader->bad)
            note_extension(channel, name, size, &limits);
    }
    if (limits)
        ask_limits(channel);
    else
        channel->state = SALVOR_SFTP_READY;
    return 0;
}

static uint32_t good_size(uint64_t limit)
{
    return limit == 0 || limit > GOOD_SIZE ? GOOD_SIZE
           : limit < SAFE_SIZE             ? SAFE_SIZE
                                           : (uint32_t)limit;
}

/* Limits (PROTOCOL of OpenSSH, 4.8): of a packet, of reading, of writing, of handles. */
static void take_limits(struct salvor_sftp_channel *channel, enum salvor_sftp_type type,
                        struct salvor_sftp_reader *reader)
{
    channel->state = SALVOR_SFTP_READY;
    if (type != SALVOR_SFTP_EXTENDED_REPLY)
        return;
    salvor_sftp_read_u32(reader); /* the id */
    salvor_sftp_read_u64(reader);
    uint64_t reading = salvor_sftp_read_u64(reader);
    uint64_t writing = salvor_sftp_read_u64(reader);
    if (reader->bad)
        return;
    channel->sftp->read_size = good_size(reading);
    channel->sftp->write_size = good_size(writing);
}

static int take_greeting(struct salvor_sftp_channel *channel, enum salvor_sftp_type type,
                         struct salvor_sftp_reader *reader, struct salvor_error *err)
{
    if (type == SALVOR_SFTP_VERSION)
        return take_version(channel, reader, err);
    take_limits(channel, type, reader);
    return 0;
}

/* Bytes out */

bool salvor_sftp_channel_send(struct salvor_sftp_channel *channel)
{
    struct salvor_sftp *sftp = channel->sftp;
    bool any = false;
    while (channel->written < channel->out.size && salvor_ssh_can_send(&sftp->ssh)) {
        ssize_t written =
            libssh2_channel_write_ex(channel->channel, 0, channel->out.data + channel->written,
                                     channel->out.size - channel->written);
        if (written == LIBSSH2_ERROR_EAGAIN || written == 0)
            break;
        if (written < 0) {
            break_by(channel, (int)written, "cannot send");
            return true;
        }
        channel->written += (size_t)written;
        any = true;
    }
    if (channel->written == channel->out.size) {
        salvor_buffer_clear(&channel->out);
        channel->written = 0;
    }
    return any;
}

/* Bytes in */

static int take_packet(struct salvor_sftp_channel *channel, struct salvor_sftp_reader reader,
                       struct salvor_error *err)
{
    enum salvor_sftp_type type = reader.at[0];
    reader.at++;
    reader.left--;
    if (channel->state != SALVOR_SFTP_READY)
        return take_greeting(channel, type, &reader, err);
    return salvor_sftp_answer(channel, type, &reader, err);
}

static int take_packets(struct salvor_sftp_channel *channel, struct salvor_error *err)
{
    struct salvor_sftp_reader all = {.at = (unsigned char *)channel->in.data,
                                     .left = channel->in.size};
    size_t taken = 0;
    while (all.left >= LENGTH) {
        struct salvor_sftp_reader packet = all;
        size_t size = salvor_sftp_read_u32(&packet);
        if (size == 0 || size > PACKET_MAX)
            return salvor_error_set(err, "Corrupt", "%s sends a packet of impossible size",
                                    channel->sftp->ssh.peer);
        if (packet.left < size)
            break;
        packet.left = size;
        if (take_packet(channel, packet, err) < 0)
            return -1;
        taken += LENGTH + size;
        all.at += LENGTH + size;
        all.left -= LENGTH + size;
        if (channel->sftp->broken)
            return 0;
    }
    salvor_buffer_consume(&channel->in, taken);
    return 0;
}

bool salvor_sftp_channel_receive(struct salvor_sftp_channel *channel)
{
    struct salvor_error err = {0};
    struct salvor_buffer *in = &channel->in;
    if (salvor_buffer_reserve(in, AT_ONCE, &err) < 0) {
        salvor_sftp_break(channel->sftp, &err);
        return true;
    }
    ssize_t got =
        libssh2_channel_read_ex(channel->channel, 0, in->data + in->size, (size_t)AT_ONCE);
    if (got == LIBSSH2_ERROR_EAGAIN)
        return false;
    if (got <= 0) {
        break_by(channel, got < 0 ? (int)got : LIBSSH2_ERROR_SOCKET_DISCONNECT, "cannot receive");
        return true;
    }
    in->size += (size_t)got;
    if (take_packets(channel, &err) < 0)
        salvor_sftp_break(channel->sftp, &err);
    return true;
}
