#include "config_help.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

static char directory[] = "/tmp/rollcall-secret-XXXXXX";

static void make(const char *name, const char *bytes, size_t size)
{
    char path[200];
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    FILE *file = fopen(path, "we");
    cr_assert_not_null(file);
    cr_assert_eq(fwrite(bytes, 1, size, file), size);
    fclose(file);
}

static void start(void)
{
    cr_assert_not_null(mkdtemp(directory));
    make("plain", "hunter2\n", 8);
    make("empty", "\n", 1);
    make("bytes", "a\0b", 3);
    setenv("CREDENTIALS_DIRECTORY", directory, 1);
    setenv("ROLLCALL_TEST_SECRET", "from-env", 1);
}

static void end(void)
{
    static const char *const names[] = {"plain", "empty", "bytes", "pipe"};
    char path[200];
    for (int i = 0; i < 4; i++) {
        snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
        (void)unlink(path);
    }
    (void)rmdir(directory);
}
TestSuite(config_secret, .init = start, .fini = end);

static void text_of(char *text, size_t size, const char *reference)
{
    snprintf(text, size, "kafka: {security: {sasl.username: me, sasl.password: %s}}\n", reference);
}

Test(config_secret, secrets_are_read_from_where_they_are_named)
{
    static const char *const expected[] = {"hunter2", "from-env", "hunter2"};
    char text[400], reference[3][200];
    snprintf(reference[0], 200, "{file: %s/plain}", directory);
    snprintf(reference[1], 200, "{env: ROLLCALL_TEST_SECRET}");
    snprintf(reference[2], 200, "{credential: plain}");
    for (int i = 0; i < 3; i++) {
        text_of(text, sizeof(text), reference[i]);
        struct config_loaded *loaded = config_taken(text);
        const struct rc_kafka *kafka = &loaded->config->kafka;
        cr_assert_eq(kafka->property_count, 2);
        cr_assert_str_eq(kafka->property[0].name, "sasl.password");
        cr_assert_str_eq(kafka->property[0].value, expected[i]);
        cr_assert(kafka->property[0].secret);
        cr_assert_str_eq(kafka->property[1].value, "me");
        cr_assert_not(kafka->property[1].secret);
        config_free(loaded);
    }
}

static void secret_refused(const char *reference, const char *expected)
{
    char text[400];
    text_of(text, sizeof(text), reference);
    config_refused(text, expected);
    char *said = config_refusal(text);
    cr_assert(strstr(said, "hunter2") == NULL, "%s", said);
    free(said);
}

Test(config_secret, what_cannot_be_read_is_said_and_never_shown)
{
    char pipe[200], reference[240];
    snprintf(pipe, sizeof(pipe), "%s/pipe", directory);
    cr_assert_eq(mkfifo(pipe, 0600), 0);
    secret_refused("hunter2", "t.yaml:1:39: kafka.security.\"sasl.password\": found a value");
    secret_refused("\"hunter2\"", "a secret is named");
    secret_refused("[hunter2]", "a secret is named");
    secret_refused("{files: /x}", "did you mean file?");
    secret_refused("{file: /x, env: y}", "a secret is named");
    secret_refused("{env: ROLLCALL_TEST_NONE}", "environment variable is not set");
    secret_refused("{file: /nonexistent/x}", "cannot be read: No such file");
    secret_refused("{credential: ../plain}", "credential cannot be read");
    secret_refused("{credential: empty}", "the secret is empty");
    secret_refused("{credential: bytes}", "a null byte");
    snprintf(reference, sizeof(reference), "{file: %s}", pipe);
    secret_refused(reference, "cannot be read: Invalid");
    snprintf(reference, sizeof(reference), "{file: %s}", directory);
    secret_refused(reference, "cannot be read");
}

Test(config_secret, what_rollcall_sets_itself_cannot_be_set)
{
    config_refused("kafka: {security: {group.id: x}}\n", "is set by Rollcall itself");
    config_refused("kafka: {security: {\"SASL X\": y}}\n", "not the name of a librdkafka");
}

Test(config_secret, the_pseudonyms_key_is_hashed_and_else_random)
{
    struct config_loaded *key = config_taken("privacy: {pseudonym_key: {credential: bytes}}\n");
    struct config_loaded *again = config_taken("privacy: {pseudonym_key: {credential: bytes}}\n");
    struct config_loaded *none = config_taken(""), *other = config_taken("");
    cr_assert(key->config->privacy.has_key);
    cr_assert_eq(memcmp(key->config->privacy.key, again->config->privacy.key, 32), 0);
    cr_assert_not(none->config->privacy.has_key);
    cr_assert_neq(memcmp(none->config->privacy.key, other->config->privacy.key, 32), 0);
    config_free(key);
    config_free(again);
    config_free(none);
    config_free(other);
}
