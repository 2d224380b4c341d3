/* Secrets are named, never written: {file: PATH}, {env: NAME} or {credential: NAME}. They are read
 * once, at load, and no message shows one. */
#include "config_schema.h"

#include "config_value.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/sha.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SECRET_MAX = 64 << 10 };

static const char allowed_secret[] = "{file: PATH}, {env: NAME} or {credential: NAME}";

static bool read_all(int fd, char *text, size_t *size)
{
    ssize_t got;
    while ((got = read(fd, text + *size, SECRET_MAX + 1 - *size)) > 0)
        *size += (size_t)got;
    return got == 0;
}

/* NULL with errno when it cannot be read. Pipes and devices are not waited for. */
static char *secret_from_file(struct config_reader *reader, const char *path, size_t *ret_size)
{
    struct stat status;
    char *text = NULL;
    size_t size = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return NULL;
    if (fstat(fd, &status) != 0 || !S_ISREG(status.st_mode)) {
        errno = EINVAL;
    } else {
        text = config_arena_get(&reader->arena, SECRET_MAX + 2);
        errno = 0;
        if (!read_all(fd, text, &size) || size > SECRET_MAX) {
            errno = errno == 0 ? EFBIG : errno;
            text = NULL;
        }
    }
    int error = errno;
    close(fd);
    errno = error;
    if (text != NULL && size > 0 && text[size - 1] == '\n')
        text[--size] = '\0';
    if (text != NULL && size > 0 && text[size - 1] == '\r')
        text[--size] = '\0';
    *ret_size = size;
    return text;
}

static char *credential(struct config_reader *reader, const char *name, size_t *ret_size)
{
    char path[4096];
    const char *directory = getenv("CREDENTIALS_DIRECTORY");
    if (directory == NULL || strchr(name, '/') != NULL || name[0] == '.') {
        errno = directory == NULL ? ENOENT : EINVAL;
        return NULL;
    }
    snprintf(path, sizeof(path), "%s/%s", directory, name);
    return secret_from_file(reader, path, ret_size);
}

/* The secret that the node names; NULL, and says why, when it cannot be had. */
static const char *secret_read(struct config_reader *reader, const struct config_node *node,
                               size_t *ret_size)
{
    static const char *const words[] = {"file", "env", "credential"};
    const struct config_node *from = node->kind == CONFIG_MAP ? node->child : NULL;
    size_t word = from == NULL ? 3 : config_parse_word(from->key->text, words, 3);
    if (node->kind != CONFIG_MAP || node->count != 1 || word == 3) {
        /* A secret that was written out by mistake is not shown: neither its text nor its line. */
        config_problem_add(&reader->source, from != NULL ? from : node, true, allowed_secret,
                           from == NULL ? NULL : config_nearest(from->key->text, words, 3),
                           "found %s where a secret is named",
                           node->kind == CONFIG_MAP ? "another map" : "a value");
        return NULL;
    }
    const char *name = config_name_of(reader, from, 4000, word == 0 ? "a path" : "a name");
    if (name == NULL)
        return NULL;
    const char *text;
    errno = ENOENT;
    if (word == 1)
        *ret_size = (text = getenv(name)) == NULL ? 0 : strlen(text);
    else
        text = word == 0 ? secret_from_file(reader, name, ret_size)
                         : credential(reader, name, ret_size);
    if (text == NULL)
        config_problem_add(&reader->source, from, false, NULL, NULL, "%s: %s",
                           word == 0   ? "the secret's file cannot be read"
                           : word == 1 ? "the secret's environment variable is not set"
                                       : "the secret's credential cannot be read",
                           strerror(errno));
    else if (*ret_size == 0)
        config_problem_add(&reader->source, from, false, NULL, NULL, "the secret is empty");
    return text;
}

/* ---- kafka.security ---- */

static bool must_be_secret(const char *name)
{
    static const char *const names[] = {"sasl.password", "ssl.key.password", "ssl.key.pem",
                                        "sasl.oauthbearer.client.secret", "ssl.keystore.password"};
    return config_parse_word(name, names, sizeof(names) / sizeof(*names)) <
           sizeof(names) / sizeof(*names);
}

/* Set by ourselves: another value would break what Rollcall promises. */
static bool is_ours(const char *name)
{
    static const char *const names[] = {"bootstrap.servers",
                                        "metadata.broker.list",
                                        "group.id",
                                        "enable.auto.commit",
                                        "transactional.id",
                                        "enable.idempotence",
                                        "isolation.level",
                                        "auto.offset.reset",
                                        "enable.auto.offset.store",
                                        "enable.partition.eof",
                                        "partition.assignment.strategy",
                                        "plugin.library.paths"};
    return config_parse_word(name, names, sizeof(names) / sizeof(*names)) <
           sizeof(names) / sizeof(*names);
}

static bool property_name(const char *name, size_t size)
{
    return size > 0 && size <= 100 &&
           strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789._-") == size;
}

static int by_name(const void *left, const void *right)
{
    const struct rc_property *a = left, *b = right;
    return strcmp(a->name, b->name);
}

void config_read_security(struct config_reader *reader, const struct config_node *node,
                          const struct config_key *key, void *base)
{
    struct rc_kafka *kafka = &((struct rc_config *)base)->kafka;
    (void)key;
    if (!config_is_map(reader, node, "a map of librdkafka properties"))
        return;
    struct rc_property *property =
        config_arena_get(&reader->arena, (node->count + 1) * sizeof(*property));
    for (const struct config_node *one = node->child; one != NULL; one = one->next) {
        const char *name = one->key->text, *value;
        if (!property_name(name, one->key->size))
            config_problem_add(&reader->source, one, true, "as sasl.mechanism, ssl.ca.location",
                               NULL, "not the name of a librdkafka property");
        else if (is_ours(name))
            config_problem_add(&reader->source, one, true, "properties for security and tuning",
                               NULL, "this property is set by Rollcall itself");
        bool secret = one->kind == CONFIG_MAP || must_be_secret(name);
        size_t size = 0;
        value = secret ? secret_read(reader, one, &size)
                       : config_text_of(reader, one, "a single value, or a secret's place");
        if (secret && value != NULL && strlen(value) != size)
            config_problem_add(&reader->source, one, false, "a text", NULL,
                               "a null byte inside the secret");
        property[kafka->property_count++] = (struct rc_property){
            .name = name, .value = value == NULL ? "" : value, .secret = secret};
    }
    qsort(property, kafka->property_count, sizeof(*property), by_name);
    kafka->property = reader->properties = property;
}

/* ---- the key of the pseudonyms ---- */

void config_read_pseudonym_key(struct config_reader *reader, const struct config_node *node,
                               const struct config_key *key, void *base)
{
    struct rc_privacy *privacy = &((struct rc_config *)base)->privacy;
    (void)key;
    size_t size = 0;
    const char *text = secret_read(reader, node, &size);
    if (text == NULL)
        return;
    SHA256((const unsigned char *)text, size, privacy->key);
    privacy->has_key = true;
}
