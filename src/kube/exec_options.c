#include "kube/exec_options.h"

#include <string.h>

#include "kube/kubeconfig_entry.h"

static int copy_text(const char **out, const char *text, struct salvor_error *err)
{
    char *copy = NULL;
    int result = text ? salvor_kubeconfig_set(&copy, text, err) : 0;
    *out = copy;
    return result;
}

static int copy_tree(const json_t **out, const json_t *tree, struct salvor_error *err)
{
    *out = tree ? json_deep_copy(tree) : NULL;
    return tree && !*out ? salvor_error_memory(err) : 0;
}

int salvor_exec_options_copy(struct salvor_exec_options *out,
                             const struct salvor_exec_options *options, struct salvor_error *err)
{
    *out = (struct salvor_exec_options){.mode = options->mode};
    int result = copy_text(&out->user, options->user, err);
    result |= copy_text(&out->command, options->command, err);
    result |= copy_text(&out->api_version, options->api_version, err);
    result |= copy_text(&out->install_hint, options->install_hint, err);
    result |= copy_tree(&out->arguments, options->arguments, err);
    result |= copy_tree(&out->variables, options->variables, err);
    result |= copy_tree(&out->cluster, options->cluster, err);
    return result;
}

static void free_text(const char *text)
{
    char *own = (char *)text;
    salvor_kubeconfig_forget(&own);
}

static void free_tree(const json_t *tree)
{
    salvor_kubeconfig_wipe((json_t *)tree);
    json_decref((json_t *)tree);
}

void salvor_exec_options_release(struct salvor_exec_options *options)
{
    free_text(options->user);
    free_text(options->command);
    free_text(options->api_version);
    free_text(options->install_hint);
    free_tree(options->arguments);
    free_tree(options->variables);
    free_tree(options->cluster);
    memset(options, 0, sizeof(*options));
}

static bool same_text(const char *one, const char *other)
{
    return one && other ? !strcmp(one, other) : one == other;
}

static bool same_tree(const json_t *one, const json_t *other)
{
    return one && other ? json_equal(one, other) : one == other;
}

bool salvor_exec_options_equal(const struct salvor_exec_options *one,
                               const struct salvor_exec_options *other)
{
    return one->mode == other->mode && same_text(one->user, other->user) &&
           same_text(one->command, other->command) &&
           same_text(one->api_version, other->api_version) &&
           same_text(one->install_hint, other->install_hint) &&
           same_tree(one->arguments, other->arguments) &&
           same_tree(one->variables, other->variables) && same_tree(one->cluster, other->cluster);
}
