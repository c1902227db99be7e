#include "kube/exec_plugin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "data/text.h"
#include "kube/exec_command.h"
#include "kube/kubeconfig_entry.h"
#include "loop/child.h"

#define OUTPUT_LIMIT ((size_t)1 << 20)

struct salvor_exec_plugin {
    struct salvor_exec_options options; /* a copy */

    struct salvor_exec_credential credential;
    unsigned long number; /* of the credential; 0: there was none yet */
    bool is_there;

    struct salvor_loop *loop;
    struct salvor_child *child; /* the run under way */
    struct salvor_child *spent; /* the one before; it cannot be freed while it reports its end */
    bool interactive, given_up;
    struct termios terminal; /* as it was before an interactive run */
    struct salvor_exec_waiter *waiters;

    unsigned users; /* how many acquired it */
    struct salvor_exec_plugin *next;
};

/* All there are. One without users stays for what it printed. */
static struct salvor_exec_plugin *known;

static void unlink_plugin(struct salvor_exec_plugin *plugin)
{
    struct salvor_exec_plugin **link = &known;
    while (*link != plugin)
        link = &(*link)->next;
    *link = plugin->next;
}

static void free_plugin(struct salvor_exec_plugin *plugin)
{
    salvor_exec_credential_release(&plugin->credential);
    salvor_exec_options_release(&plugin->options);
    free(plugin);
}

int salvor_exec_plugin_acquire(struct salvor_exec_plugin **out,
                               const struct salvor_exec_options *options, struct salvor_error *err)
{
    struct salvor_exec_plugin *plugin = known;
    while (plugin && !salvor_exec_options_equal(&plugin->options, options))
        plugin = plugin->next;
    if (!plugin) {
        plugin = calloc(1, sizeof(*plugin));
        if (!plugin)
            return salvor_error_memory(err);
        if (salvor_exec_options_copy(&plugin->options, options, err) < 0) {
            free_plugin(plugin);
            return -1;
        }
        plugin->next = known;
        known = plugin;
    }
    plugin->users++;
    *out = plugin;
    return 0;
}

const char *salvor_exec_plugin_command(const struct salvor_exec_plugin *plugin)
{
    return plugin->options.command;
}

bool salvor_exec_plugin_is_interactive(const struct salvor_exec_plugin *plugin)
{
    return plugin->child && plugin->interactive;
}

/* The credential */

static double wall_clock(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

const struct salvor_exec_credential *
salvor_exec_plugin_credential(const struct salvor_exec_plugin *plugin, bool fresh,
                              unsigned long *number)
{
    double expires = plugin->credential.expires;
    *number = plugin->number;
    if (!plugin->is_there || (fresh && expires != 0 && wall_clock() > expires))
        return NULL;
    return &plugin->credential;
}

void salvor_exec_plugin_refuse(struct salvor_exec_plugin *plugin, unsigned long number)
{
    if (number == plugin->number)
        plugin->is_there = false;
}

/* Those who wait */

static void unlink_waiter(struct salvor_exec_waiter *waiter)
{
    *waiter->link = waiter->next;
    if (waiter->next)
        waiter->next->link = waiter->link;
}

static void end_unless_wanted(struct salvor_exec_plugin *plugin)
{
    if (plugin->waiters || !plugin->child)
        return;
    plugin->given_up = true;
    salvor_op_cancel(salvor_child_op(plugin->child));
}

static void give_up(struct salvor_op *op)
{
    struct salvor_exec_waiter *waiter = (struct salvor_exec_waiter *)op;
    struct salvor_exec_plugin *plugin = waiter->plugin;
    unlink_waiter(waiter);
    end_unless_wanted(plugin);
}

/*
 * Wakes those of `owner`, NULL: all. Each is taken out before it is woken, since it may be freed
 * then; nobody else is.
 */
static void wake(struct salvor_exec_plugin *plugin, const void *owner,
                 const struct salvor_error *failure)
{
    struct salvor_exec_waiter *waiter = plugin->waiters, *next;
    for (; waiter; waiter = next) {
        next = waiter->next;
        if (owner && waiter->owner != owner)
            continue;
        unlink_waiter(waiter);
        waiter->failure = failure;
        salvor_op_finish(&waiter->op);
    }
}

/* The run */

/* Says who it is about; the cause follows the plugin's name. */
static int failed(const struct salvor_exec_plugin *plugin, const char *code, const char *cause,
                  const char *hint, struct salvor_error *err)
{
    salvor_error_set(err, code, "no credentials for user \"%.100s\": the plugin %.300s %s",
                     plugin->options.user, plugin->options.command, cause);
    salvor_error_hint(err, "%s", hint);
    salvor_text_make_error_one_line(err);
    return -1;
}

static int check_exit(const struct salvor_exec_plugin *plugin,
                      const struct salvor_child_result *result, struct salvor_error *err)
{
    char cause[600];
    if (result->signal)
        snprintf(cause, sizeof(cause), "was ended by signal %d (%s)", result->signal,
                 strsignal(result->signal));
    else
        snprintf(cause, sizeof(cause), "failed: executable %.300s failed with exit code %d",
                 plugin->options.command, result->code);
    return result->code == 0 ? 0
                             : failed(plugin, "Unauthorized", cause,
                                      "see what it wrote to standard error, or run it by hand; a "
                                      "login may have expired",
                                      err);
}

/* Takes what the child printed; *out is the caller's to release in either case. */
static int take_output(struct salvor_exec_credential *out, const struct salvor_exec_plugin *plugin,
                       struct salvor_error *err)
{
    struct salvor_child_result result;
    struct salvor_error cause;
    if (salvor_child_result(plugin->child, &result, &cause) < 0) {
        bool is_flood = !strcmp(cause.code, "TooLarge");
        return failed(plugin, cause.code, is_flood ? "printed more than 1 MiB" : cause.message,
                      "run it by hand to see what it prints", err);
    }
    int answer = check_exit(plugin, &result, err);
    if (answer == 0 && salvor_exec_credential_read(out, result.output->data, result.output->size,
                                                   plugin->options.api_version, &cause) < 0)
        answer = failed(plugin, cause.code, cause.message,
                        "run it by hand to see what it prints, and check its version", err);
    if (result.output->capacity)
        explicit_bzero(result.output->data, result.output->size);
    return answer;
}

/* One that was ended while it asked for a password leaves the terminal without echo. */
static void restore_terminal(const struct salvor_exec_plugin *plugin)
{
    if (plugin->interactive && tcgetpgrp(STDIN_FILENO) == getpgrp())
        tcsetattr(STDIN_FILENO, TCSANOW, &plugin->terminal);
}

static int start_run(struct salvor_exec_plugin *plugin, struct salvor_error *err);

static void run_ended(struct salvor_op *op)
{
    struct salvor_exec_plugin *plugin = op->waiter;
    struct salvor_exec_credential found = {.token = NULL};
    struct salvor_error err;
    restore_terminal(plugin);
    int result = plugin->given_up ? 0 : take_output(&found, plugin, &err);
    salvor_child_free(plugin->spent);
    plugin->spent = plugin->child;
    plugin->child = NULL;
    if (plugin->given_up) {
        /* Some may have come since, for whom there is to be another run. */
        if (!plugin->waiters || start_run(plugin, &err) == 0)
            return;
        result = -1;
    }
    if (result == 0) {
        salvor_exec_credential_release(&plugin->credential);
        plugin->credential = found;
        plugin->number++;
        plugin->is_there = true;
    } else {
        salvor_exec_credential_release(&found);
    }
    wake(plugin, NULL, result < 0 ? &err : NULL);
}

bool salvor_exec_plugin_may_ask(const struct salvor_exec_plugin *plugin)
{
    return plugin->options.mode != SALVOR_EXEC_NEVER && isatty(STDIN_FILENO);
}

static int decide_interactive(struct salvor_exec_plugin *plugin, struct salvor_error *err)
{
    bool is_terminal = tcgetattr(STDIN_FILENO, &plugin->terminal) == 0;
    plugin->interactive = is_terminal && plugin->options.mode != SALVOR_EXEC_NEVER;
    if (is_terminal || plugin->options.mode != SALVOR_EXEC_ALWAYS)
        return 0;
    return failed(plugin, "Unauthorized",
                  "cannot ask anybody (interactiveMode: Always): standard input is not a terminal",
                  "run this from a terminal, or use a user with other credentials", err);
}

static int cannot_start(const struct salvor_exec_plugin *plugin, const struct salvor_error *cause,
                        struct salvor_error *err)
{
    char text[700];
    bool is_missing = !strcmp(cause->code, "NotFound");
    if (is_missing)
        snprintf(text, sizeof(text), "is not installed: executable %.300s not found",
                 plugin->options.command);
    else
        snprintf(text, sizeof(text), "cannot be started: %.600s", cause->message);
    const char *hint = is_missing && plugin->options.install_hint
                           ? plugin->options.install_hint
                           : "install it, or put its folder on PATH";
    failed(plugin, cause->code, text, hint, err);
    return -1;
}

static int start_run(struct salvor_exec_plugin *plugin, struct salvor_error *err)
{
    struct salvor_exec_command command = {.argv = NULL};
    struct salvor_error cause;
    if (decide_interactive(plugin, err) < 0)
        return -1;
    int result = salvor_exec_command_make(
        &command,
        &(struct salvor_exec_call){.program = plugin->options.command,
                                   .arguments = plugin->options.arguments,
                                   .variables = plugin->options.variables,
                                   .api_version = plugin->options.api_version,
                                   .cluster = plugin->options.cluster,
                                   .interactive = plugin->interactive},
        &cause);
    struct salvor_child_options options = {.argv = command.argv,
                                           .env = command.env,
                                           .interactive = plugin->interactive,
                                           .pass_errors = true,
                                           .output_limit = OUTPUT_LIMIT};
    plugin->given_up = false;
    if (result == 0)
        result = salvor_child_start(&plugin->child, plugin->loop, &options, &cause);
    salvor_exec_command_release(&command);
    if (result < 0)
        return cannot_start(plugin, &cause, err);
    salvor_child_op(plugin->child)->wake = run_ended;
    salvor_child_op(plugin->child)->waiter = plugin;
    return 0;
}

int salvor_exec_plugin_wait(struct salvor_exec_plugin *plugin, struct salvor_exec_waiter *waiter,
                            struct salvor_loop *loop, struct salvor_error *err)
{
    plugin->loop = loop;
    if (!plugin->child && start_run(plugin, err) < 0)
        return -1;
    waiter->op.done = false;
    waiter->op.abort = give_up;
    waiter->failure = NULL;
    waiter->plugin = plugin;
    waiter->next = plugin->waiters;
    waiter->link = &plugin->waiters;
    if (waiter->next)
        waiter->next->link = &waiter->next;
    plugin->waiters = waiter;
    return 0;
}

/* Ends the run here and now. */
static void end_run(struct salvor_exec_plugin *plugin)
{
    salvor_child_op(plugin->child)->wake = NULL;
    salvor_child_free(plugin->child);
    plugin->child = NULL;
    restore_terminal(plugin);
}

void salvor_exec_plugin_release(struct salvor_exec_plugin *plugin, const void *owner)
{
    if (!plugin)
        return;
    struct salvor_error closed;
    salvor_error_set(&closed, "Closed", "the client was closed while it waited for credentials");
    wake(plugin, owner, &closed);
    if (--plugin->users > 0) {
        end_unless_wanted(plugin);
        return;
    }
    if (plugin->child)
        end_run(plugin);
    salvor_child_free(plugin->spent);
    plugin->spent = NULL;
    if (!plugin->is_there) {
        unlink_plugin(plugin);
        free_plugin(plugin);
    }
}
