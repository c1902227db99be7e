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
#include "kube/exec_plugin.h"
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
    static const char *const names[] = {"simple", "first",        "second",
                                        "ca.crt", "token",        "namespace",
                                        "empty",  ".kube/config", ".kube/ca.crt"};
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

static void assert_paths(const char *path, const char *expected)
{
    json_t *paths;
    struct salvor_error err;
    char text[1024] = "";
    assert_int_equal(salvor_kubeconfig_paths(&paths, path, &err), 0);
    for (size_t i = 0; i < json_array_size(paths); i++) {
        strcat(text, json_string_value(json_array_get(paths, i)));
        strcat(text, ";");
    }
    json_decref(paths);
    assert_string_equal(text, expected);
}

static void names_the_files_that_are_looked_at(void **state)
{
    (void)state;
    char standard[128];
    snprintf(standard, sizeof(standard), "%s/.kube/config;", folder);
    assert_paths(NULL, standard);
    setenv("KUBECONFIG", ":/a::/b:/a:/a\xff:", 1);
    assert_paths(NULL, "/a;/b;/a\xff;");
    assert_paths("/one", "/one;");
    setenv("KUBECONFIG", "", 1);
    assert_paths(NULL, standard);
    unsetenv("HOME");
    assert_paths(NULL, "");
    setenv("HOME", folder, 1);
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
    assert_int_equal(salvor_kube_authorization(&line, &config, NULL, NULL), 0);
    assert_string_equal(line.data, "Authorization: Bearer from-file");
    salvor_buffer_release(&line);
    salvor_kubeconfig_release(&config);
}

/* Of the file that has the entry, not of the first one or of the one that names it. */
static void relative_paths_belong_to_the_file_of_their_entry(void **state)
{
    (void)state;
    char list[512];
    assert_int_equal(mkdir(path_of(".kube"), 0700), 0);
    put("ca.crt", "of another file");
    put(".kube/ca.crt", PEM_TEXT);
    char *first = put("first", "contexts:\n- {name: a, context: {cluster: c, user: u}}\n"
                               "- {name: b, context: {cluster: c, user: v}}\n");
    char *second =
        put(".kube/config", "clusters:\n- name: c\n"
                            "  cluster: {server: https://one, certificate-authority: ca.crt}\n"
                            "users:\n- name: u\n  user: {client-certificate: ca.crt,"
                            " client-key: ./ca.crt, tokenFile: ../.kube/token}\n"
                            "- name: v\n  user: {exec: {command: bin/x,"
                            " apiVersion: client.authentication.k8s.io/v1beta1}}\n");
    snprintf(list, sizeof(list), "%s:%s", first, second);
    setenv("KUBECONFIG", list, 1);
    struct salvor_kubeconfig config;
    struct salvor_kubeconfig_options options = {.context = "a"};
    load(&config, &options);
    assert_string_equal(config.ca, PEM_TEXT);
    assert_string_equal(config.certificate, PEM_TEXT);
    assert_string_equal(config.key, PEM_TEXT);
    assert_string_equal(config.token_file, path_of(".kube/../.kube/token"));
    salvor_kubeconfig_release(&config);
    options.context = "b";
    load(&config, &options);
    assert_string_equal(salvor_exec_plugin_command(config.plugin), path_of(".kube/bin/x"));
    salvor_kubeconfig_release(&config);
}

static void absolute_paths_stay_as_they_are(void **state)
{
    (void)state;
    char cluster[256], user[256];
    snprintf(cluster, sizeof(cluster), "    certificate-authority: %s\n", put("ca.crt", PEM_TEXT));
    snprintf(user, sizeof(user), "    tokenFile: %s\n", path_of("token"));
    struct salvor_kubeconfig config;
    struct salvor_kubeconfig_options options = {.path = put_simple(cluster, user)};
    load(&config, &options);
    assert_string_equal(config.ca, PEM_TEXT);
    assert_string_equal(config.token_file, path_of("token"));
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
    assert_int_equal(salvor_kube_authorization(&line, &config, NULL, NULL), 0);
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
    assert_int_equal(salvor_kube_authorization(&line, &config, NULL, &err), -1);
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
    assert_refused(put_simple("    proxy-url: ftp://proxy\n", ""), "Invalid", "proxy-url");
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
    assert_refused(put_simple("", "    auth-provider: {name: gcp}\n"), "Invalid", "auth-provider");
    assert_refused(put_simple("", "    exec: {command: x}\n    auth-provider: {name: gcp}\n"),
                   "Invalid", "both exec and auth-provider");
    assert_refused(put_simple("", "    token: a\n    as-groups: [b]\n"), "Invalid", "no user");
    assert_refused(put_simple("", "    token: 12345\n"), "Invalid", "not a string");
}

static void says_what_is_wrong_with_a_plugin(void **state)
{
    (void)state;
#define EXEC(fields) put_simple("", "    exec: {" fields "}\n")
#define V1           "apiVersion: client.authentication.k8s.io/v1"
    assert_refused(EXEC(V1 ", interactiveMode: Never"), "Invalid", "exec without command");
    assert_refused(EXEC("command: aws"), "Invalid", "exec without apiVersion");
    assert_refused(EXEC("command: aws, " V1), "Invalid", "exec without interactiveMode");
    assert_refused(EXEC("command: aws, interactiveMode: Sometimes, " V1), "Invalid",
                   "exec.interactiveMode that does not exist");
    assert_refused(
        EXEC("command: aws, " V1 "alpha1"), "Invalid",
        "exec plugin with an invalid apiVersion \"client.authentication.k8s.io/v1alpha1\"");
    assert_refused(EXEC("command: aws, interactiveMode: Never, env: [{value: a}], " V1), "Invalid",
                   "exec.env[0] without a name");
}

/* Only v1 has to say whether a person may be asked. */
static void a_plugin_of_v1beta1_needs_no_mode(void **state)
{
    (void)state;
    struct salvor_kubeconfig config;
    struct salvor_kubeconfig_options options = {.path = EXEC("command: aws, " V1 "beta1")};
    load(&config, &options);
    assert_string_equal(salvor_exec_plugin_command(config.plugin), "aws");
    salvor_kubeconfig_release(&config);
    assert_null(config.plugin);
}

/* One with a slash belongs to the kubeconfig's folder. */
static void a_plugin_may_lie_beside_the_file(void **state)
{
    (void)state;
    struct salvor_kubeconfig config;
    struct salvor_kubeconfig_options options = {.path = EXEC("command: bin/x, " V1 "beta1")};
    load(&config, &options);
    assert_string_equal(salvor_exec_plugin_command(config.plugin), path_of("bin/x"));
    salvor_kubeconfig_release(&config);
}

/* As by kubectl, which lists them too. */
static void says_all_that_is_wrong(void **state)
{
    (void)state;
    char *path = put_simple("    certificate-authority: missing.crt\n",
                            "    token: a\n    username: b\n    client-certificate: c\n");
    assert_refused(path, "Invalid", "missing.crt");
    assert_refused(path, "Invalid", "no client-key");
    assert_refused(path, "Invalid", "more than one authentication method");
    assert_refused(path, "Invalid", "cluster \"c\" has a certificate-authority");
    assert_refused(path, "Invalid", "user \"u\" has a client-certificate");
}

static void says_what_is_wrong_with_a_file(void **state)
{
    (void)state;
    assert_refused(put("first", "kind: Konfig\n"), "Invalid", "not a Config of apiVersion v1");
    assert_refused(put("first", "apiVersion: v2\n"), "Invalid", "not a Config of apiVersion v1");
    assert_refused(put("first", "clusters: 1\n"), "Invalid", "clusters is not a list");
    assert_refused(put("first", "users: [1]\n"), "Invalid", "entry 1 of users");
    assert_refused(put("first", "contexts: [{name: a}, {name: 1}]\n"), "Invalid",
                   "entry 2 of contexts");
    assert_refused(put("first", "users: [{name: a}, {name: b}, {name: a}]\n"), "Invalid",
                   "users has two entries named \"a\"");
    assert_refused(put("first", "current-context: 1\n"), "Invalid", "current-context");
}

static void assert_lines(const char *lines, const char *const *expected)
{
    for (; *expected; expected++) {
        assert_string_equal(lines, *expected);
        lines += strlen(lines) + 1;
    }
    assert_string_equal(lines, "");
}

static void acts_as_somebody_else(void **state)
{
    (void)state;
    struct salvor_kubeconfig config;
    struct salvor_kubeconfig_options options = {
        .path = put_simple("", "    as: jane doe\n    as-uid: '1'\n"
                               "    as-groups: [a, '']\n"
                               "    as-user-extra: {'acme.com/% x': [b, c]}\n")};
    load(&config, &options);
    assert_string_equal(config.act_as, "jane doe");
    static const char *const lines[] = {"Impersonate-User: jane doe",
                                        "Impersonate-Uid: 1",
                                        "Impersonate-Group: a",
                                        "Impersonate-Group;",
                                        "Impersonate-Extra-acme.com%2F%25%20x: b",
                                        "Impersonate-Extra-acme.com%2F%25%20x: c",
                                        NULL};
    assert_lines(config.impersonation, lines);
    salvor_kubeconfig_release(&config);
    options.impersonate = json_pack("{s:s}", "user", "root");
    load(&config, &options);
    static const char *const others[] = {"Impersonate-User: root", NULL};
    assert_string_equal(config.act_as, "root");
    assert_lines(config.impersonation, others);
    salvor_kubeconfig_release(&config);
    json_decref((json_t *)options.impersonate);
}

/* kubectl's source calls the fields so, and some who read it write them so. */
static void acts_as_somebody_else_under_another_name(void **state)
{
    (void)state;
    struct salvor_kubeconfig config;
    struct salvor_kubeconfig_options options = {
        .path = put_simple("", "    act-as: jane\n    act-as-uid: '1'\n    act-as-groups: [a]\n"
                               "    act-as-user-extra: {k: [v]}\n")};
    load(&config, &options);
    static const char *const lines[] = {"Impersonate-User: jane", "Impersonate-Uid: 1",
                                        "Impersonate-Group: a", "Impersonate-Extra-k: v", NULL};
    assert_lines(config.impersonation, lines);
    salvor_kubeconfig_release(&config);
    assert_refused(put_simple("", "    as: a\n    act-as: b\n"), "Invalid", "both as and act-as");
}

static void impersonation_stays_within_its_lines(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "as: \"a\\r\\nX: b\"",
        "as: a\n    as-uid: \"a\\nb\"",
        "as: a\n    as-groups: [\"a\\nb\"]",
        "as: a\n    as-user-extra: {a: [\"\\x7f\"]}",
        "as: ' a'",
        "as-uid: a",
    };
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        char user[256];
        snprintf(user, sizeof(user), "    %s\n", wrong[i]);
        assert_refused(put_simple("", user), "Invalid", "(as)");
    }
}

static void assert_context(const json_t *list, size_t index, const char *expected)
{
    char *text = json_dumps(json_array_get(list, index), JSON_SORT_KEYS | JSON_COMPACT);
    assert_string_equal(text, expected);
    free(text);
}

static void lists_contexts(void **state)
{
    (void)state;
    struct salvor_kubeconfig_options options = {
        .path = put("first", "current-context: b\n"
                             "contexts: [{name: b, context: {cluster: c, user: u, namespace: ns}}, "
                             "{name: a, context: {cluster: gone}}, {name: d, context: 1}]\n"
                             "clusters: [{name: c, cluster: {server: 'https://x:y@z'}}]\n")};
    json_t *list = NULL;
    assert_int_equal(salvor_kubeconfig_contexts(&list, &options, NULL), 0);
    assert_int_equal(json_array_size(list), 3);
    assert_context(list, 0, "{\"cluster\":\"gone\",\"current\":false,\"name\":\"a\"}");
    assert_context(list, 1,
                   "{\"cluster\":\"c\",\"current\":true,\"name\":\"b\",\"namespace\":\"ns\","
                   "\"server\":\"https://***@z\",\"user\":\"u\"}");
    assert_context(list, 2, "{\"current\":false,\"name\":\"d\"}");
    json_decref(list);
    options.path = NULL;
    assert_int_equal(salvor_kubeconfig_contexts(&list, &options, NULL), 0);
    assert_int_equal(json_array_size(list), 0);
    json_decref(list);
    options.path = "/nonexistent";
    assert_int_equal(salvor_kubeconfig_contexts(&list, &options, NULL), -1);
    json_decref(list);
}

static void knows_no_entry_without_a_name(void **state)
{
    (void)state;
    struct salvor_kubeconfig config;
    struct salvor_kubeconfig_options options = {
        .path = put("first", "clusters: [{cluster: {server: 'https://h'}}]\n"
                             "contexts: [{context: {cluster: ''}}, {name: a}]\n"),
        .context = ""};
    struct salvor_error err;
    json_t *list = NULL;
    assert_int_equal(salvor_kubeconfig_contexts(&list, &options, NULL), 0);
    assert_int_equal(json_array_size(list), 1);
    json_decref(list);
    assert_int_equal(salvor_kubeconfig_load(&config, &options, &err), -1);
    assert_string_equal(err.code, "NotFound");
    salvor_kubeconfig_release(&config);
}

static void lists_contexts_with_servers_of_any_length(void **state)
{
    (void)state;
    for (int length = 2030; length < 2050; length++) {
        char text[4096], server[2050];
        memset(server, 'x', sizeof(server));
        server[0] = '@';
        snprintf(text, sizeof(text),
                 "clusters: [{name: a, cluster: {server: 'https://%.*s\u00e9'}}]\n"
                 "contexts: [{name: a, context: {cluster: a}}]\n",
                 length - 10, server);
        struct salvor_kubeconfig_options options = {.path = put("first", text)};
        json_t *list = NULL;
        assert_int_equal(salvor_kubeconfig_contexts(&list, &options, NULL), 0);
        assert_int_equal(json_array_size(list), 1);
        json_decref(list);
    }
}

/* Were each looked for among all the others, it would take a quarter of a minute. */
static void finds_each_of_many(void **state)
{
    (void)state;
    enum { MANY = 20000 };
    char *text = malloc(MANY * 128), *at = text;
    assert_non_null(text);
    at += sprintf(at, "contexts:\n");
    for (int i = 0; i < MANY; i++)
        at += sprintf(at, "- {name: n%d, context: {cluster: n%d}}\n", i, i);
    at += sprintf(at, "clusters:\n");
    for (int i = 0; i < MANY; i++)
        at += sprintf(at, "- {name: n%d, cluster: {server: 'https://h%d'}}\n", i, i);
    struct salvor_kubeconfig_options options = {.path = put("first", text)};
    free(text);
    json_t *list = NULL;
    assert_int_equal(salvor_kubeconfig_contexts(&list, &options, NULL), 0);
    assert_int_equal(json_array_size(list), MANY);
    for (size_t i = 0; i < MANY; i++) {
        const json_t *context = json_array_get(list, i);
        assert_string_equal(json_string_value(json_object_get(context, "server")) + 9,
                            json_string_value(json_object_get(context, "name")) + 1);
    }
    json_decref(list);
}

static void a_token_goes_before_a_plugin(void **state)
{
    (void)state;
    struct salvor_kubeconfig config;
    struct salvor_kubeconfig_options options = {
        .path = put_simple("", "    token: a\n    exec: {command: x, " V1 "beta1}\n")};
    load(&config, &options);
    assert_string_equal(config.token, "a");
    assert_null(config.plugin);
    salvor_kubeconfig_release(&config);
}

static void says_what_is_missing(void **state)
{
    (void)state;
    assert_refused("/nonexistent/config", "NotFound", "/nonexistent/config");
    assert_refused(NULL, "NotFound", "there is no kubeconfig");
    assert_refused(put("first", "a: [\n"), "Invalid", "first");
    assert_refused(put("first", "- a\n"), "Invalid", "not a mapping");
    assert_refused(put("empty", ""), "NotFound", "empty has no contexts: it is empty or cut off");
    char list[200];
    snprintf(list, sizeof(list), "%s:%s", put("empty", ""), put("second", ""));
    setenv("KUBECONFIG", list, 1);
    assert_refused(NULL, "NotFound", list);
    unsetenv("KUBECONFIG");
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

#define SIXTY "abcdefghij0123456789abcdefghij0123456789abcdefghij0123456789"

static char *put_with_namespace(const char *name)
{
    char text[300];
    snprintf(text, sizeof(text),
             "current-context: a\ncontexts:\n- name: a\n  context: {cluster: c, namespace: %s}\n"
             "clusters:\n- name: c\n  cluster: {server: 'https://x'}\n",
             name);
    return put("first", text);
}

static void a_namespace_is_a_label(void **state)
{
    (void)state;
    static const char *const refused[] = {"..", "a.b", "Abc", "-a", "a-", "a/b", SIXTY "1234"};
    static const char *const taken[] = {"a", "7a", "a-b-2", SIXTY "123"};
    struct salvor_kubeconfig config;
    struct salvor_kubeconfig_options options = {0};
    char part[200];
    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        snprintf(part, sizeof(part), "namespace \"%s\", which cannot be one", refused[i]);
        assert_refused(put_with_namespace(refused[i]), "Invalid", part);
    }
    for (size_t i = 0; i < sizeof(taken) / sizeof(taken[0]); i++) {
        options.path = put_with_namespace(taken[i]);
        load(&config, &options);
        assert_string_equal(config.namespace, taken[i]);
        salvor_kubeconfig_release(&config);
    }
    options.path = put_with_namespace("..");
    options.namespace = "mine";
    load(&config, &options);
    assert_string_equal(config.namespace, "mine");
    salvor_kubeconfig_release(&config);
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
    assert_null(config.warning);
    /* Its token is exchanged every hour. */
    static const char *const expected[] = {"Authorization: Bearer pod-token",
                                           "Authorization: Bearer new-token"};
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        struct salvor_buffer line = SALVOR_BUFFER_INIT(4096);
        assert_int_equal(salvor_kube_authorization(&line, &config, NULL, NULL), 0);
        assert_string_equal(line.data, expected[i]);
        salvor_buffer_release(&line);
        put("token", "new-token");
        config.token_read -= 61;
    }
    salvor_kubeconfig_release(&config);
    setenv("POD_NAMESPACE", "named", 1);
    load(&config, &options);
    assert_string_equal(config.namespace, "named");
    salvor_kubeconfig_release(&config);
    /* A kubeconfig of which nothing is chosen counts as none; one that chooses goes first. */
    options.path = put("first", "users: [{name: a}]\ncontexts: [{name: a}]\n");
    load(&config, &options);
    assert_string_equal(config.source, "service account");
    salvor_kubeconfig_release(&config);
    options.path = put_simple("", "");
    load(&config, &options);
    assert_string_equal(config.context, "main");
    salvor_kubeconfig_release(&config);
}

/* Host, port and token: what has not all three is no pod, and a named context is no pod's. */
static void takes_nothing_else_for_a_pod(void **state)
{
    (void)state;
    put("ca.crt", PEM_TEXT);
    put("token", "pod-token");
    setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1", 1);
    setenv("KUBERNETES_SERVICE_PORT", "443", 1);
    struct salvor_kubeconfig config;
    struct salvor_error err;
    struct salvor_kubeconfig_options options = {.service_account_dir = folder};
    load(&config, &options);
    assert_string_equal(config.source, "service account");
    salvor_kubeconfig_release(&config);

    options.context = "other";
    assert_int_equal(salvor_kubeconfig_load(&config, &options, &err), -1);
    assert_string_equal(err.code, "NotFound");
    salvor_kubeconfig_release(&config);
    options.context = NULL;

    static const char *const names[] = {"KUBERNETES_SERVICE_HOST", "KUBERNETES_SERVICE_PORT"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        static const char *const wrong[] = {NULL, ""};
        for (size_t k = 0; k < sizeof(wrong) / sizeof(wrong[0]); k++) {
            assert_int_equal(wrong[k] ? setenv(names[i], wrong[k], 1) : unsetenv(names[i]), 0);
            assert_int_equal(salvor_kubeconfig_load(&config, &options, &err), -1);
            assert_non_null(strstr(err.message, "there is no kubeconfig"));
            salvor_kubeconfig_release(&config);
        }
        setenv(names[i], "1", 1);
    }
    unlink(path_of("token"));
    for (int is_folder = 0; is_folder <= 1; is_folder++) {
        assert_int_equal(is_folder ? mkdir(path_of("token"), 0700) : 0, 0);
        assert_int_equal(salvor_kubeconfig_load(&config, &options, &err), -1);
        assert_non_null(strstr(err.message, "there is no kubeconfig"));
        salvor_kubeconfig_release(&config);
    }
    assert_int_equal(rmdir(path_of("token")), 0);
}

/* What $KUBECONFIG names may be missing, but not all of it without a word. */
static void warns_when_all_files_are_missing(void **state)
{
    (void)state;
    char list[512];
    put("ca.crt", PEM_TEXT);
    put("token", "pod-token");
    setenv("KUBERNETES_SERVICE_HOST", "10.0.0.1", 1);
    setenv("KUBERNETES_SERVICE_PORT", "443", 1);
    setenv("KUBECONFIG", "/nonexistent/a:/nonexistent/b", 1);
    struct salvor_kubeconfig config;
    struct salvor_kubeconfig_options options = {.service_account_dir = folder};
    load(&config, &options);
    assert_non_null(strstr(config.warning, "/nonexistent/a:/nonexistent/b"));
    salvor_kubeconfig_release(&config);
    snprintf(list, sizeof(list), "/nonexistent/a:%s", put("empty", ""));
    setenv("KUBECONFIG", list, 1);
    load(&config, &options);
    assert_null(config.warning);
    salvor_kubeconfig_release(&config);
}

/* A token file is read again each minute, or when the server did not accept what it held. */
static void a_refused_token_is_read_again(void **state)
{
    (void)state;
    put("token", "old");
    struct salvor_kubeconfig config;
    struct salvor_kubeconfig_options options = {.path = put_simple("", "    tokenFile: token\n")};
    load(&config, &options);
    static const char *const expected[] = {"old", "old", "new", "new", "newer"};
    for (size_t i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
        struct salvor_buffer line = SALVOR_BUFFER_INIT(4096);
        assert_int_equal(salvor_kube_authorization(&line, &config, NULL, NULL), 0);
        assert_string_equal(line.data + strlen("Authorization: Bearer "), expected[i]);
        salvor_buffer_release(&line);
        if (i == 0) {
            put("token", "new");
        } else if (i == 1) {
            salvor_kube_refused(&config, 0);
        } else if (i == 2) {
            put("token", "newer");
        } else {
            config.token_read -= 61;
        }
    }
    /* One that is gone does not take away what was read. */
    unlink(path_of("token"));
    config.token_read = 0;
    struct salvor_buffer line = SALVOR_BUFFER_INIT(4096);
    assert_int_equal(salvor_kube_authorization(&line, &config, NULL, NULL), 0);
    assert_string_equal(line.data, "Authorization: Bearer newer");
    salvor_buffer_release(&line);
    salvor_kubeconfig_release(&config);
}

static void a_proxy_is_kept_as_libcurl_wants_it(void **state)
{
    (void)state;
    struct salvor_kubeconfig config;
    struct salvor_kubeconfig_options options = {
        .path = put_simple("    proxy-url: socks5://proxy\n    disable-compression: true\n", "")};
    load(&config, &options);
    assert_string_equal(config.proxy, "socks5h://proxy:1080");
    assert_true(config.uncompressed);
    salvor_kubeconfig_release(&config);
}

/* OpenSSL would ask the terminal for its password. */
static void an_encrypted_key_is_refused(void **state)
{
    (void)state;
    assert_refused(put_simple("", "    client-certificate-data: " PEM_DATA "\n    client-key-data: "
                                  "LS0tLS1CRUdJTiBFTkNSWVBURUQgUFJJVkFURSBLRVktLS0tLQo=\n"),
                   "Invalid", "the key is encrypted");
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(reads_a_context),
        TEST(options_go_before_the_file),
        TEST(merges_the_files_of_the_environment),
        TEST(names_the_files_that_are_looked_at),
        TEST(falls_back_to_the_home_folder),
        TEST(relative_paths_belong_to_their_file),
        TEST(relative_paths_belong_to_the_file_of_their_entry),
        TEST(absolute_paths_stay_as_they_are),
        TEST(a_password_becomes_basic_authentication),
        TEST(a_token_is_one_word),
        TEST(says_what_is_wrong_with_a_cluster),
        TEST(says_what_is_wrong_with_a_user),
        TEST(a_token_goes_before_a_plugin),
        TEST(says_what_is_missing),
        TEST(a_namespace_is_a_label),
        TEST(uses_the_service_account_of_a_pod),
        TEST(takes_nothing_else_for_a_pod),
        TEST(says_what_is_wrong_with_a_plugin),
        TEST(a_plugin_of_v1beta1_needs_no_mode),
        TEST(a_plugin_may_lie_beside_the_file),
        TEST(says_all_that_is_wrong),
        TEST(says_what_is_wrong_with_a_file),
        TEST(acts_as_somebody_else),
        TEST(acts_as_somebody_else_under_another_name),
        TEST(impersonation_stays_within_its_lines),
        TEST(lists_contexts),
        TEST(knows_no_entry_without_a_name),
        TEST(lists_contexts_with_servers_of_any_length),
        TEST(finds_each_of_many),
        TEST(warns_when_all_files_are_missing),
        TEST(a_refused_token_is_read_again),
        TEST(a_proxy_is_kept_as_libcurl_wants_it),
        TEST(an_encrypted_key_is_refused),
    };
    return cmocka_run_group_tests_name("kubeconfig", tests, NULL, NULL);
}
