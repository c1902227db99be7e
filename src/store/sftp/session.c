#include "store/sftp/session.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Exchanges and channels */

static bool any_is_opening(const struct salvor_sftp *sftp)
{
    for (size_t i = 0; i < SALVOR_SFTP_CHANNELS; i++) {
        enum salvor_sftp_channel_state state = sftp->channels[i].state;
        if (state != SALVOR_SFTP_CLOSED && state != SALVOR_SFTP_READY)
            return true;
    }
    return false;
}

static struct salvor_sftp_channel *least_busy(struct salvor_sftp *sftp)
{
    struct salvor_sftp_channel *best = NULL;
    for (size_t i = 0; i < SALVOR_SFTP_CHANNELS; i++) {
        struct salvor_sftp_channel *channel = &sftp->channels[i];
        if (channel->state == SALVOR_SFTP_READY &&
            (!best || channel->exchange_count < best->exchange_count))
            best = channel;
    }
    return best;
}

/* Another channel is opened when all have something to do; it serves those that come later. */
static void open_another(struct salvor_sftp *sftp)
{
    if (sftp->full || any_is_opening(sftp))
        return;
    for (size_t i = 0; i < SALVOR_SFTP_CHANNELS; i++)
        if (sftp->channels[i].state == SALVOR_SFTP_CLOSED) {
            sftp->owed = salvor_loop_now();
            salvor_sftp_channel_open(&sftp->channels[i]);
            return;
        }
}

static void assign(struct salvor_sftp *sftp, struct salvor_sftp_exchange *exchange)
{
    struct salvor_sftp_channel *channel = least_busy(sftp);
    bool is_busy = !channel || channel->exchange_count > 0;
    exchange->channel = channel;
    salvor_sftp_link(channel ? &channel->exchanges : &sftp->waiting, exchange);
    if (channel)
        channel->exchange_count++;
    /* This may find out that the connection is lost, which ends all exchanges. */
    if (is_busy)
        open_another(sftp);
}

void salvor_sftp_exchange(struct salvor_sftp *sftp, struct salvor_call *call,
                          const struct salvor_sftp_kind *kind)
{
    struct salvor_error err = {0};
    struct salvor_sftp_exchange *exchange = NULL;
    if (sftp->broken)
        err = sftp->failure;
    else if (!sftp->ssh.session)
        salvor_error_set(&err, "Closed", "the connection was not made");
    else if (!(exchange = calloc(1, sizeof(*exchange))))
        salvor_error_memory(&err);
    if (!exchange) {
        salvor_service_end(sftp->service, call, &err);
        return;
    }
    exchange->call = call;
    exchange->kind = kind;
    assign(sftp, exchange);
}

/* The thread */

static void end_unwanted(struct salvor_sftp *sftp, struct salvor_sftp_exchange *list)
{
    struct salvor_error err = {0};
    salvor_error_set(&err, "Cancelled", "given up");
    while (list) {
        struct salvor_sftp_exchange *next = list->next;
        if (!salvor_service_is_wanted(sftp->service, list->call))
            salvor_sftp_end(list, &err);
        list = next;
    }
}

static void end_all_unwanted(struct salvor_sftp *sftp)
{
    for (size_t i = 0; i < SALVOR_SFTP_CHANNELS; i++)
        end_unwanted(sftp, sftp->channels[i].exchanges);
    end_unwanted(sftp, sftp->waiting);
}

static void assign_waiting(struct salvor_sftp *sftp)
{
    while (sftp->waiting && least_busy(sftp)) {
        struct salvor_sftp_exchange *exchange = sftp->waiting;
        salvor_sftp_unlink(exchange);
        assign(sftp, exchange);
    }
}

/* An exchange may end in the midst of it. */
static void go(struct salvor_sftp_channel *channel)
{
    struct salvor_sftp_exchange *next;
    for (struct salvor_sftp_exchange *each = channel->exchanges; each; each = next) {
        next = each->next;
        if (!each->failed && !each->complete)
            each->kind->go(each);
        if (each->waiting == 0 && (each->failed || each->complete))
            salvor_sftp_end(each, each->failed ? &each->failure : NULL);
    }
}

static bool step_channel(struct salvor_sftp_channel *channel)
{
    if (channel->state == SALVOR_SFTP_CLOSED)
        return false;
    if (channel->state < SALVOR_SFTP_GREETING)
        return salvor_sftp_channel_open(channel);
    if (channel->state == SALVOR_SFTP_READY)
        go(channel);
    bool any = salvor_sftp_channel_send(channel);
    if (!channel->sftp->broken)
        any |= salvor_sftp_channel_receive(channel);
    return any;
}

/* Whether anything got done. */
static bool step(struct salvor_sftp *sftp)
{
    uint64_t before = sftp->ssh.received;
    bool any = false;
    assign_waiting(sftp);
    for (size_t i = 0; i < SALVOR_SFTP_CHANNELS && !sftp->broken; i++)
        any |= step_channel(&sftp->channels[i]);
    /* Receiving for one channel, libssh2 may have received what is for another. */
    return any || sftp->ssh.received != before;
}

static bool owes_answers(const struct salvor_sftp *sftp)
{
    for (size_t i = 0; i < SALVOR_SFTP_CHANNELS; i++)
        if (sftp->channels[i].under_way)
            return true;
    return any_is_opening(sftp);
}

static void set_deadline(struct salvor_sftp *sftp)
{
    sftp->ssh.deadline = HUGE_VAL;
    if (owes_answers(sftp))
        sftp->ssh.deadline = fmax(sftp->owed, sftp->ssh.heard) + sftp->timeout;
}

static void hang_up(struct salvor_sftp *sftp)
{
    for (size_t i = 0; i < SALVOR_SFTP_CHANNELS; i++)
        salvor_sftp_channel_release(&sftp->channels[i]);
    salvor_ssh_release(&sftp->ssh);
}

static void run(struct salvor_service *service, void *context)
{
    struct salvor_sftp *sftp = context;
    sftp->service = sftp->ssh.service = service;
    while (!salvor_service_is_left(service)) {
        struct salvor_error err = {0};
        if (salvor_service_run(service))
            end_all_unwanted(sftp);
        if (!sftp->broken && step(sftp))
            continue;
        if (sftp->broken && sftp->ssh.session)
            hang_up(sftp);
        set_deadline(sftp);
        sftp->ssh.deaf = sftp->channels[0].state == SALVOR_SFTP_CLOSED;
        if (salvor_ssh_wait(&sftp->ssh, &err) < 0)
            salvor_sftp_break(sftp, &err);
    }
    hang_up(sftp);
    salvor_ssh_leave_thread();
}

/* Both sides */

static void release(void *context)
{
    struct salvor_sftp *sftp = context;
    hang_up(sftp);
    salvor_buffer_release(&sftp->methods);
    free(sftp);
}

int salvor_sftp_new(struct salvor_sftp **out, struct salvor_loop *loop, struct salvor_error *err)
{
    struct salvor_service *service;
    struct salvor_sftp *sftp = calloc(1, sizeof(*sftp));
    if (!sftp)
        return salvor_error_memory(err);
    salvor_ssh_init(&sftp->ssh, NULL);
    salvor_buffer_init(&sftp->methods, 4096);
    sftp->read_size = sftp->write_size = 32 << 10;
    for (size_t i = 0; i < SALVOR_SFTP_CHANNELS; i++)
        salvor_sftp_channel_init(&sftp->channels[i], sftp);
    if (salvor_service_start(&service, loop, run, release, sftp, err) < 0) {
        release(sftp);
        return -1;
    }
    sftp->mailbox = service;
    *out = sftp;
    return 0;
}

void salvor_sftp_free(struct salvor_sftp *sftp)
{
    if (sftp)
        salvor_service_leave(sftp->mailbox);
}

bool salvor_sftp_is_broken(const struct salvor_sftp *sftp)
{
    return sftp->broken;
}

const char *salvor_sftp_host_key(const struct salvor_sftp *sftp, size_t *size)
{
    return salvor_ssh_host_key(&sftp->ssh, size);
}

const char *salvor_sftp_methods(const struct salvor_sftp *sftp)
{
    return sftp->methods.data;
}

struct salvor_sftp_extensions salvor_sftp_extensions(const struct salvor_sftp *sftp)
{
    return sftp->extensions;
}
