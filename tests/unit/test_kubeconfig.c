#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "kube/credentials.h"
#include "kube/kubeconfig.h"

#define PEM_TEXT "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"
#define PEM_DATA "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCkFBQUEKLS0tLS1FTkQgQ0VSVElGSUNBVEUtLS0tLQo="

static char folder[64];

static char *path_of(const char *name)
{
    static char path[8][128];
    static unsigned next;
    char *out = path[next++ % 8];
    snprintf(out, sizeof(path[0]), "%s/%s", folder, name);
    return out;
}

static char *put(const char *name, const char *text)
{
    char *path = path_of(name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(text, 1, strlen(text), file), strlen(text));
    assert_int_equal(fclose(file), 0);
    return path;
}

/* A configuration of one context, with more lines for its cluster and its user. */
static char *put_simple(const char *cluster, const char *user)
{
    char text[4096];
    snprintf(text, sizeof(text),
             "apiVersion: v1\nkind: Config\ncurrent-context: main\n"
             "contexts:\n- name: main\n  context: {cluster: c, user: u}\n"
             "clusters:\n- name: c\n  cluster:\n    server: https://one:6443/\n%s"
             "users:\n- name: u\n  user:\n    unused: \"\"\n%s",
             cluster, user);
    return put("simple", text);
}

static int set_up(void **state)
{
    (void)state;
    static const char *const names[] = {"KUBECONFIG", "KUBERNETES_SERVICE_HOST",
                                        "KUBERNETES_SERVICE_PORT", "POD_NAMESPACE"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        unsetenv(names[i]);
    strcpy(folder, "/tmp/salvor-kubeconfig-XXXXXX");
    assert_non_null(mkdtemp(folder));
    setenv("HOME", folder, 1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    static const char *const names[] = {"simple", "first",     "second", "ca.crt",
                                        "token",  "namespace", "empty",  ".kube/config"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        unlink(path_of(names[i]));
    rmdir(path_of(".kube"));
    return rmdir(folder);
}

static void assert_refused(const char *path, const char *code, const char *part)
{
    struct salvor_kubeconfig config;
    struct salvor_kubeconfig_options options = {.path = path};
    struct salvor_error err = {.code = ""};
    assert_int_equal(salvor_kubeconfig_load(&config, &options, &err), -1);
    assert_string_equal(err.code, code);
    if (!strstr(err.message, part))
        fail_msg("'%s' does not say '%s'", err.message, part);
    assert_null(strchr(err.message, '\n'));
    salvor_kubeconfig_release(&config);
}

static void load(struct salvor_kubeconfig *config, const struct salvor_kubeconfig_options *options)
{
    struct salvor_error err;
    if (salvor_kubeconfig_load(config, options, &err) < 0)
        fail_msg("%s", err.message);
}

static void reads_a_context(void **state)
{
    (void)state;
    struct salvor_kubeconfig config;
    struct salvor_kubeconfig_options options = {
        .path = put_simple("    certificate-authority-data: " PEM_DATA "\n"
                           "    tls-server-name: other\n",
                           "    token: secret\n")};
    load(&config, &options);
    assert_string_equal(config.server, "https://one:6443");
    assert_string_equal(config.context, "main");
    assert_string_equal(config.cluster, "c");
    assert_string_equal(config.user, "u");
    assert_string_equal(config.namespace, "default");
    assert_string_equal(config.ca, PEM_TEXT);
    assert_string_equal(config.server_name, "other");
    assert_string_equal(config.token, "secret");
    assert_string_equal(config.source, options.path);
    assert_false(config.insecure);
    salvor_kubeconfig_release(&config);
    assert_null(config.token);
}

static void options_go_before_the_file(void **state)
{
    (void)state;
    struct salvor_kubeconfig config;
    struct salvor_kubeconfig_options options = {.path = put_simple("", ""), .namespace = "mine"};
    load(&config, &options);
    assert_string_equal(config.namespace, "mine");
    salvor_kubeconfig_release(&config);
    options.context = "nope";
    struct salvor_error err;
    assert_int_equal(salvor_kubeconfig_load(&config, &options, &err), -1);
    assert_string_equal(err.code, "NotFound");
    assert_non_null(strstr(err.hint, "main"));
    salvor_kubeconfig_release(&config);
}

/* The first file that defines a name wins wholly; scalars come from the first that has them. */
static void merges_the_files_of_the_environment(void **state)
{
    (void)state;
    char list[512];
    char *first = put("first", "clusters:\n- name: c\n  cluster: {server: https://first}\n"
                               "users:\n- name: u\n  user: {token: one}\n");
    char *second =
        put("second", "current-context: main\n"
                      "contexts:\n- name: main\n  context: {cluster: c, user: u, namespace: ns}\n"
                      "clusters:\n- name: c\n"
                      "  cluster: {server: https://second, insecure-skip-tls-verify: true}\n"
                      "users:\n- name: u\n  user: {token: two}\n");
    snprintf(list, sizeof(list), ":/nonexistent/file:%s::%s:%s", first, second, first);
    setenv("KUBECONFIG", list, 1);
    struct salvor_kubeconfig config;
    struct salvor_kubeconfig_options options = {.path = NULL};
    load(&config, &options);
    assert_string_equal(config.server, "https://first");
    assert_false(config.insecure);
    assert_string_equal(config.token, "one");
    assert_string_equal(config.namespace, "ns");
    assert_string_equal(config.source, first);
    salvor_kubeconfig_release(&config);
}

static void falls_back_to_the_home_folder(void **state)
{
    (void)state;
    assert_int_equal(mkdir(path_of(".kube"), 0700), 0);
    put(".kube/config", "current-context: x\ncontexts:\n- name: x\n  context: {cluster: x}\n"
                        "clusters:\n- name: x\n  cluster: {server: https://home}\n");
    struct salvor_kubeconfig config;
    struct salvor_kubeconfig_options options = {.path = NULL};
    load(&config, &options);
    assert_string_equal(config.server, "https://home");
    assert_null(config.user);
    salvor_kubeconfig_release(&config);
}

static void relative_paths_belong_to_their_file(void **state)
{
    (void)state;
    put("ca.crt", PEM_TEXT);
    put("token", "from-file\n");
    struct salvor_kubeconfig config;
    struct salvor_kubeconfig_options options = {
        .path = put_simple("    certificate-authority: ca.crt\n",
                           "    tokenFile: token\n    token: inline\n")};
    load(&config, &options);
    assert_string_equal(config.ca, PEM_TEXT);
    struct salvor_buffer line = SALVOR_BUFFER_INIT(4096);
    assert_int_equal(salvor_kube_authorization(&line, &config, NULL), 0);
    assert_string_equal(line.data, "Authorization: Bearer from-file");
    salvor_buffer_release(&line);
    salvor_kubeconfig_release(&config);
}

static void a_password_becomes_basic_authentication(void **state)
{
    (void)state;
    struct salvor_kubeconfig config;
    struct salvor_kubeconfig_options options = {
        .path = put_simple("", "    username: Aladdin\n    password: open sesame\n")};
    load(&config, &options);
    struct salvor_buffer line = SALVOR_BUFFER_INIT(4096);
    assert_int_equal(salvor_kube_authorization(&line, &config, NULL), 0);
    assert_string_equal(line.data, "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
    salvor_buffer_release(&line);
    salvor_kubeconfig_release(&config);
}

static void a_token_is_one_word(void **state)
{
    (void)state;
    put("token", "one\r\nInjected: header");
    struct salvor_kubeconfig config;
    struct salvor_error err;
    struct salvor_kubeconfig_options options = {.path = put_simple("", "    tokenFile: token\n")};
    load(&config, &options);
    struct salvor_buffer line = SALVOR_BUFFER_INIT(4096);
    assert_int_equal(salvor_kube_authorization(&line, &config, &err), -1);
    assert_string_equal(err.code, "Invalid");
    assert_null(strstr(err.message, "one"));
    salvor_buffer_release(&line);
    salvor_kubeconfig_release(&config);
}

static void says_what_is_wrong_with_a_cluster(void **state)
{
    (void)state;
    assert_refused(put_simple("    certificate-authority-data: " PEM_DATA "\n"
                              "    certificate-authority: ca.crt\n",
                              ""),
                   "Invalid", "both certificate-authority and certificate-authority-data");
    assert_refused(put_simple("    certificate-authority-data: " PEM_DATA "\n"
                              "    insecure-skip-tls-verify: true\n",
                              ""),
                   "Invalid", "insecure-skip-tls-verify and a certificate authority");
    assert_refused(put_simple("    certificate-authority-data: '@@@'\n", ""), "Invalid",
                   "certificate-authority-data that cannot be used");
    assert_refused(put_simple("    certificate-authority: missing.crt\n", ""), "Invalid",
                   "missing.crt");
    assert_refused(put_simple("    proxy-url: http://proxy\n", ""), "Invalid", "proxy-url");
}

static void says_what_is_wrong_with_a_user(void **state)
{
    (void)state;
    assert_refused(put_simple("", "    client-certificate-data: " PEM_DATA "\n"), "Invalid",
                   "no client-key");
    assert_refused(put_simple("", "    client-key-data: " PEM_DATA "\n"), "Invalid",
                   "no client-certificate");
    assert_refused(put_simple("", "    token: a\n    username: b\n    password: c\n"), "Invalid",
                   "more than one authentication method");
    assert_refused(put_simple("", "    exec: {command: aws}\n"), "Invalid", "user \"u\"");
    assert_refused(put_simple("", "    auth-provider: {name: gcp}\n"), "Invalid", "auth-provider");
    assert_refused(put_simple("", "    exec: {command: x}\n    auth-provider: {name: gcp}\n"),
                   "Invalid", "both exec and auth-provider");
    assert_refused(put_simple("", "    token: a\n    act-as: admin\n"), "Invalid", "act-as");
    assert_refused(put_simple("", "    token: 12345\n"), "Invalid", "not a string");
}

static void a_token_goes_before_a_plugin(void **state)
{
    (void)state;
    struct salvor_kubeconfig config;
    struct salvor_kubeconfig_options options = {
        .path = put_simple("", "    token: a\n    exec: {command: x}\n")};
    load(&config, &options);
    assert_string_equal(config.token, "a");
    salvor_kubeconfig_release(&config);
}

static void says_what_is_missing(void **state)
{
    (void)state;
    assert_refused("/nonexistent/config", "NotFound", "/nonexistent/config");
    assert_refused(NULL, "NotFound", "there is no kubeconfig");
    assert_refused(put("first", "a: [\n"), "Invalid", "first");
    assert_refused(put("first", "- a\n"), "Invalid", "not a mapping");
    assert_refused(put("empty", ""), "NotFound", "there is no kubeconfig");
    assert_refused(put("first", "contexts:\n- name: a\n  context: {cluster: c}\n"), "NotFound",
                   "no context is chosen");
    assert_refused(put("first", "current-context: a\ncontexts:\n- name: a\n"
                                "  context: {cluster: gone}\n"),
                   "NotFound", "names the cluster \"gone\"");
    assert_refused(put("first", "current-context: a\ncontexts:\n- name: a\n"
                                "  context: {cluster: c, user: gone}\n"
                                "clusters:\n- name: c\n  cluster: {server: https://x}\n"),
                   "NotFound", "names the user \"gone\"");
    assert_refused(put("first", "current-context: a\ncontexts:\n- name: a\n"
                                "  context: {cluster: c}\n"
                                "clusters:\n- name: c\n  cluster: {server: 'x:6443'}\n"),
                   "Invalid", "https://");
}

static void uses_the_service_account_of_a_pod(void **state)
{
    (void)state;
    put("ca.crt", PEM_TEXT);
    put("token", "pod-token");
    put("namespace", "here\n");
    setenv("KUBERNETES_SERVICE_HOST", "fd00::1", 1);
    setenv("KUBERNETES_SERVICE_PORT", "443", 1);
    struct salvor_kubeconfig config;
    struct salvor_kubeconfig_options options = {.service_account_dir = folder};
    load(&config, &options);
    assert_string_equal(config.server, "https://[fd00::1]:443");
    assert_string_equal(config.namespace, "here");
    assert_int_equal(strncmp(config.ca, PEM_TEXT, strlen(PEM_TEXT) - 1), 0);
    assert_null(config.context);
    struct salvor_buffer line = SALVOR_BUFFER_INIT(4096);
    assert_int_equal(salvor_kube_authorization(&line, &config, NULL), 0);
    assert_string_equal(line.data, "Authorization: Bearer pod-token");
    salvor_buffer_release(&line);
    salvor_kubeconfig_release(&config);
    setenv("POD_NAMESPACE", "named", 1);
    load(&config, &options);
    assert_string_equal(config.namespace, "named");
    salvor_kubeconfig_release(&config);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(reads_a_context),
        TEST(options_go_before_the_file),
        TEST(merges_the_files_of_the_environment),
        TEST(falls_back_to_the_home_folder),
        TEST(relative_paths_belong_to_their_file),
        TEST(a_password_becomes_basic_authentication),
        TEST(a_token_is_one_word),
        TEST(says_what_is_wrong_with_a_cluster),
        TEST(says_what_is_wrong_with_a_user),
        TEST(a_token_goes_before_a_plugin),
        TEST(says_what_is_missing),
        TEST(uses_the_service_account_of_a_pod),
    };
    return cmocka_run_group_tests_name("kubeconfig", tests, NULL, NULL);
}
