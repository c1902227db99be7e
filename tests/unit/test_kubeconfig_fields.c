/*
 * Each field of a kubeconfig in turn gets a value of another type and a hostile one. What comes of
 * it is a configuration or an error that names the file, the entry and the field.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "kube/credentials.h"
#include "kube/kubeconfig.h"

#define CERTIFICATE "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"

static char path[] = "/tmp/salvor-fields-XXXXXX", certificate[] = "/tmp/salvor-fields-XXXXXX";
static char token[] = "/tmp/salvor-fields-XXXXXX";

/* Every field, with a value that is fine; the types are those of the values. */
static const char whole[] =
    "{'apiVersion': 'v1', 'kind': 'Config', 'current-context': 'main',"
    " 'contexts': [{'name': 'main', 'context': {'cluster': 'c', 'user': 'u', 'namespace': 'x'}}],"
    " 'clusters': [{'name': 'c', 'cluster': {'server': 'https://a:1', 'tls-server-name': 'b',"
    "   'insecure-skip-tls-verify': false, 'certificate-authority': '%1$s',"
    "   'proxy-url': 'http://p:1', 'disable-compression': true,"
    "   'extensions': [{'name': 'client.authentication.k8s.io/exec', 'extension': {}}]}}],"
    " 'users': [{'name': 'u', 'user': {'as': 'a', 'as-uid': 'b', 'as-groups': ['c'],"
    "   'as-user-extra': {'k': ['v']}, %2$s}}]}";

static const char *const users[] = {
    "'token': 't'",
    "'tokenFile': '%2$s'",
    "'username': 'n', 'password': 'p'",
    "'client-certificate': '%1$s', 'client-key': '%1$s'",
    "'exec': {'command': 'x', 'args': ['a'], 'env': [{'name': 'a', 'value': 'b'}],"
    " 'apiVersion': 'client.authentication.k8s.io/v1', 'interactiveMode': 'Never',"
    " 'provideClusterInfo': true, 'installHint': 'h'}",
};

static json_t *make_whole(size_t user)
{
    char fields[1024], text[4096];
    json_error_t problem;
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    snprintf(fields, sizeof(fields), users[user], certificate, token);
#pragma GCC diagnostic pop
    snprintf(text, sizeof(text), whole, certificate, fields);
    for (char *at = text; *at; at++)
        if (*at == '\'')
            *at = '"';
    json_t *root = json_loads(text, 0, &problem);
    if (!root)
        fail_msg("%s: %s", problem.text, text);
    return root;
}

static void write_file(const json_t *root)
{
    assert_int_equal(json_dump_file(root, path, 0), 0);
}

/* Loads it and asks for the credentials; *err has no code when it went well. */
static void load(struct salvor_error *err)
{
    struct salvor_kubeconfig config;
    struct salvor_kubeconfig_options options = {.path = path};
    *err = (struct salvor_error){.code = ""};
    if (salvor_kubeconfig_load(&config, &options, err) == 0) {
        struct salvor_buffer line = SALVOR_BUFFER_INIT(1 << 20);
        assert_non_null(config.server);
        salvor_kube_authorization(&line, &config, NULL, err);
        assert_null(strpbrk(line.data, "\r\n"));
        salvor_buffer_release(&line);
    }
    salvor_kubeconfig_release(&config);
}

static const char *const others[] = {"7",    "\"\"",  "[]",   "{}",          "null",
                                     "true", "[[1]]", "[{}]", "\"\\u0000\"", "{\"a\": 1}"};

static const char *const hostile[] = {
    "\"a\\r\\nAuthorization: b\"",
    "\"\\u0000\"",
    "\"\\u001b[2Jx\"",
    "\"../../../../etc/passwd\"",
    "\"%s%n%1$s\"",
    "\"https://user:secret@x/?a#b\"",
    "\"-----BEGIN \"",
    "\"=\"",
    "\" \"",
};

/* The name that stands in a message for the field. */
static void assert_named(const struct salvor_error *err, const char *kind, const char *entry,
                         const char *field, const char *value)
{
    char who[64];
    snprintf(who, sizeof(who), "%s \"%s\"", kind, entry);
    bool is_named =
        strstr(err->message, path) && strstr(err->message, who) && strstr(err->message, field);
    /* A context that names another cluster or user, and all that is told in other words. */
    bool is_missing = strstr(err->message, "does not exist") || strstr(err->message, "names no");
    bool is_token = strstr(err->message, "token of user") || !strcmp(field, "tokenFile");
    bool is_as = strstr(err->message, "acts as somebody else (as), but ");
    if (!is_named && !is_missing && !is_token && !is_as)
        fail_msg("%s of %s = %s: %s", field, who, value, err->message);
    assert_null(strpbrk(err->message, "\r\n\033"));
    /* Elsewhere it is the name of an entry or a file. */
    if (!strcmp(field, "server") || !strcmp(field, "proxy-url") || !strcmp(field, "token") ||
        !strcmp(field, "password") || strstr(field, "-data"))
        assert_null(strstr(err->message, "secret"));
}

static void try_values(json_t *root, json_t *object, const char *field, const char *kind,
                       const char *entry, const char *const *values, size_t count)
{
    json_t *before = json_incref(json_object_get(object, field));
    for (size_t i = 0; i < count; i++) {
        struct salvor_error err;
        json_t *value = json_loads(values[i], JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
        assert_non_null(value);
        json_object_set_new(object, field, value);
        write_file(root);
        load(&err);
        if (err.code[0])
            assert_named(&err, kind, entry, field, values[i]);
        else if (json_typeof(value) != json_typeof(before) && !json_is_null(value) &&
                 strcmp(field, "extension") != 0 && !json_is_boolean(value))
            fail_msg("%s of %s was taken as %s", field, entry, values[i]);
    }
    json_object_set_new(object, field, before);
}

static void try_fields(json_t *root, json_t *object, const char *kind, const char *entry)
{
    static const char *names[64];
    size_t count = 0;
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value) names[count++] = name;
    for (size_t i = 0; i < count; i++) {
        const char *field = names[i];
        try_values(root, object, field, kind, entry, others, sizeof(others) / sizeof(others[0]));
        try_values(root, object, field, kind, entry, hostile, sizeof(hostile) / sizeof(hostile[0]));
    }
}

static json_t *entry_of(json_t *root, const char *plural, const char *kind)
{
    return json_object_get(json_array_get(json_object_get(root, plural), 0), kind);
}

static void is_fine_as_it_is(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(users) / sizeof(users[0]); i++) {
        struct salvor_error err;
        json_t *root = make_whole(i);
        write_file(root);
        load(&err);
        assert_string_equal(err.message, "");
        json_decref(root);
    }
}

static void context_fields(void **state)
{
    (void)state;
    json_t *root = make_whole(0);
    try_fields(root, entry_of(root, "contexts", "context"), "context", "main");
    json_decref(root);
}

static void cluster_fields(void **state)
{
    (void)state;
    json_t *root = make_whole(0);
    try_fields(root, entry_of(root, "clusters", "cluster"), "cluster", "c");
    json_decref(root);
}

static void user_fields(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(users) / sizeof(users[0]); i++) {
        json_t *root = make_whole(i);
        try_fields(root, entry_of(root, "users", "user"), "user", "u");
        json_decref(root);
    }
}

static void plugin_fields(void **state)
{
    (void)state;
    json_t *root = make_whole(sizeof(users) / sizeof(users[0]) - 1);
    json_t *exec = json_object_get(entry_of(root, "users", "user"), "exec");
    try_fields(root, exec, "user", "u");
    try_fields(root, json_array_get(json_object_get(exec, "env"), 0), "user", "u");
    json_decref(root);
}

/* Of the file itself an error names the file. */
static void file_fields(void **state)
{
    (void)state;
    static const char *const names[] = {"apiVersion", "kind",     "current-context",
                                        "contexts",   "clusters", "users"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        for (size_t k = 0; k < sizeof(others) / sizeof(others[0]); k++) {
            struct salvor_error err;
            json_t *root = make_whole(0);
            json_object_set_new(root, names[i],
                                json_loads(others[k], JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL));
            write_file(root);
            load(&err);
            if (err.code[0] && !strstr(err.message, path))
                fail_msg("%s = %s: %s", names[i], others[k], err.message);
            json_decref(root);
        }
    }
}

static int set_up(void **state)
{
    (void)state;
    static const char *const names[] = {"KUBECONFIG", "KUBERNETES_SERVICE_HOST"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        unsetenv(names[i]);
    int config = mkstemp(path), pem = mkstemp(certificate), word = mkstemp(token);
    bool is_written = write(pem, CERTIFICATE, strlen(CERTIFICATE)) > 0 && write(word, "t", 1) == 1;
    return close(config) < 0 || close(pem) < 0 || close(word) < 0 || !is_written ? -1 : 0;
}

static int tear_down(void **state)
{
    (void)state;
    unlink(certificate);
    unlink(token);
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(is_fine_as_it_is), cmocka_unit_test(context_fields),
        cmocka_unit_test(cluster_fields),   cmocka_unit_test(user_fields),
        cmocka_unit_test(plugin_fields),    cmocka_unit_test(file_fields),
    };
    return cmocka_run_group_tests_name("kubeconfig_fields", tests, set_up, tear_down);
}
