#include "kube/exec_plugin.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "kube/exec_command.h"
#include "kube/kubeconfig_entry.h"
#include "loop/child.h"

#define OUTPUT_LIMIT ((size_t)1 << 20)

struct salvor_exec_plugin {
    char *user, *command, *api_version, *install_hint;
    json_t *arguments, *variables, *cluster;
    enum salvor_exec_mode mode;

    struct salvor_exec_credential credential;
    unsigned long number; /* of the credential; 0: there was none yet */
    bool is_there;

    struct salvor_loop *loop;
    struct salvor_child *child; /* the run under way */
    struct salvor_child *spent; /* the one before; it cannot be freed while it reports its end */
    bool interactive, given_up;
    struct termios terminal; /* as it was before an interactive run */
    struct salvor_exec_waiter *waiters;
};

static int copy_text(char **out, const char *text, struct salvor_error *err)
{
    return text ? salvor_kubeconfig_set(out, text, err) : 0;
}

static int copy_tree(json_t **out, const json_t *tree, struct salvor_error *err)
{
    *out = tree ? json_deep_copy(tree) : NULL;
    return tree && !*out ? salvor_error_memory(err) : 0;
}

int salvor_exec_plugin_new(struct salvor_exec_plugin **out,
                           const struct salvor_exec_options *options, struct salvor_error *err)
{
    struct salvor_exec_plugin *plugin = calloc(1, sizeof(*plugin));
    if (!plugin)
        return salvor_error_memory(err);
    plugin->mode = options->mode;
    if (copy_text(&plugin->user, options->user, err) < 0 ||
        copy_text(&plugin->command, options->command, err) < 0 ||
        copy_text(&plugin->api_version, options->api_version, err) < 0 ||
        copy_text(&plugin->install_hint, options->install_hint, err) < 0 ||
        copy_tree(&plugin->arguments, options->arguments, err) < 0 ||
        copy_tree(&plugin->variables, options->variables, err) < 0 ||
        copy_tree(&plugin->cluster, options->cluster, err) < 0) {
        salvor_exec_plugin_free(plugin);
        return -1;
    }
    *out = plugin;
    return 0;
}

const char *salvor_exec_plugin_command(const struct salvor_exec_plugin *plugin)
{
    return plugin->command;
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

static void give_up(struct salvor_op *op)
{
    struct salvor_exec_waiter *waiter = (struct salvor_exec_waiter *)op;
    struct salvor_exec_plugin *plugin = waiter->plugin;
    unlink_waiter(waiter);
    if (plugin->waiters || !plugin->child)
        return;
    plugin->given_up = true;
    salvor_op_cancel(salvor_child_op(plugin->child));
}

/* Each is taken out before it is woken, since its waiter may be freed then. */
static void wake_all(struct salvor_exec_plugin *plugin, const struct salvor_error *failure)
{
    while (plugin->waiters) {
        struct salvor_exec_waiter *waiter = plugin->waiters;
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
                     plugin->user, plugin->command, cause);
    salvor_error_hint(err, "%s", hint);
    if (err)
        salvor_kubeconfig_one_line(err);
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
                 plugin->command, result->code);
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
                                                   plugin->api_version, &cause) < 0)
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
    wake_all(plugin, result < 0 ? &err : NULL);
}

static int decide_interactive(struct salvor_exec_plugin *plugin, struct salvor_error *err)
{
    bool is_terminal = tcgetattr(STDIN_FILENO, &plugin->terminal) == 0;
    plugin->interactive = is_terminal && plugin->mode != SALVOR_EXEC_NEVER;
    if (is_terminal || plugin->mode != SALVOR_EXEC_ALWAYS)
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
                 plugin->command);
    else
        snprintf(text, sizeof(text), "cannot be started: %.600s", cause->message);
    const char *hint = is_missing && plugin->install_hint ? plugin->install_hint
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
    int result =
        salvor_exec_command_make(&command,
                                 &(struct salvor_exec_call){.program = plugin->command,
                                                            .arguments = plugin->arguments,
                                                            .variables = plugin->variables,
                                                            .api_version = plugin->api_version,
                                                            .cluster = plugin->cluster,
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

void salvor_exec_plugin_free(struct salvor_exec_plugin *plugin)
{
    if (!plugin)
        return;
    struct salvor_error closed;
    salvor_error_set(&closed, "Closed", "the client was closed while it waited for credentials");
    if (plugin->child) {
        salvor_child_op(plugin->child)->wake = NULL;
        salvor_child_free(plugin->child);
        restore_terminal(plugin);
        plugin->child = NULL;
    }
    wake_all(plugin, &closed);
    salvor_child_free(plugin->spent);
    salvor_exec_credential_release(&plugin->credential);
    json_t *trees[] = {plugin->arguments, plugin->variables, plugin->cluster};
    for (size_t i = 0; i < sizeof(trees) / sizeof(trees[0]); i++) {
        salvor_kubeconfig_wipe(trees[i]);
        json_decref(trees[i]);
    }
    free(plugin->user);
    free(plugin->command);
    free(plugin->api_version);
    free(plugin->install_hint);
    free(plugin);
}
